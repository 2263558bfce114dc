"""The photographs that scikit-image ships in its wheel, as arrays. Nothing is downloaded."""

from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from fastconv.cli.errors import CommandError
from fastconv.cli.extras import require

Array = np.ndarray

PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "camera": "camera.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "hubble": "hubble_deep_field.jpg",
    "motorcycle": "motorcycle_left.png",
    "retina": "retina.jpg",
    "rocket": "rocket.jpg",
}


def _path(name: str) -> Path:
    (data,) = require("skimage.data")
    return Path(str(data.__file__)).parent / PHOTOGRAPHS[name]


def available() -> list[str]:
    """Name the photographs that the installed scikit-image holds."""
    names = [name for name in PHOTOGRAPHS if _path(name).is_file()]
    if not names:
        raise CommandError("the installed scikit-image holds none of its photographs")
    return names


@cache
def photograph(name: str) -> Array:
    """Read a photograph.

    Parameters
    ----------
    name : str
        A key of `PHOTOGRAPHS`.

    Returns
    -------
    array of float32, shape (channels, height, width)
        Values from 0 to 1; 1 channel for a grey photograph, 3 for a coloured one.
    """
    (io,) = require("skimage.io")
    try:
        pixels = np.asarray(io.imread(_path(name)), np.float32) / 255
    except OSError as error:
        raise CommandError(f"cannot read the photograph {name!r}: {error}") from error
    planes = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels[..., :3], -1, 0)
    return np.ascontiguousarray(planes)


@lru_cache(maxsize=64)
def resized(name: str, channels: int, size: int) -> Array:
    """Cut the middle square out of a photograph and resize it.

    Parameters
    ----------
    name : str
        A key of `PHOTOGRAPHS`.
    channels : {1, 3}
        Grey or coloured.
    size : int
        Height and width of the result.

    Returns
    -------
    array of float32, shape (channels, size, size)
        Of mean 0 and standard deviation 1, as networks take it.
    """
    (transform,) = require("skimage.transform")
    planes = photograph(name)
    height, width = planes.shape[1:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = planes[:, top : top + side, left : left + side]
    if channels == 1:
        square = square.mean(axis=0, keepdims=True)
    square = np.broadcast_to(square, (channels, side, side))
    blur = side / size / 4
    small = transform.resize(square, (channels, size, size), anti_aliasing_sigma=(0, blur, blur))
    return ((small - small.mean()) / small.std()).astype(np.float32)


def feature_map(name: str, channels: int, size: int, seed: int) -> Array:
    """Make an array of many channels out of a photograph: random mixtures of its colours.

    Parameters
    ----------
    name : str
        A key of `PHOTOGRAPHS`.
    channels, size : int
        Channels, and height and width.
    seed : int
        Of the mixtures' coefficients.

    Returns
    -------
    array of float32, shape (channels, size, size)
        Of mean about 0 and standard deviation about 1.
    """
    colours = resized(name, 3, size)
    mixtures = np.random.default_rng(seed).standard_normal((channels, 3))
    return np.einsum("kc,cyx->kyx", mixtures, colours).astype(np.float32) / np.float32(np.sqrt(3))
