"""Random changes of images that leave their labels true."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from fastconv import _args
from fastconv._typing import FloatArray
from fastconv.nn.data.dataset import Augmentation, pair

__all__ = ["Compose", "RandomCrop", "RandomFlip", "RandomShift"]


def _windows(
    images: FloatArray, size: tuple[int, int], padding: tuple[int, int], fill: float,
    generator: np.random.Generator,
) -> FloatArray:  # fmt: skip
    """Pad, and cut a window of that size out of each image, anywhere: all images in one gather."""
    edges = ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2)
    padded = np.pad(images, edges, constant_values=fill)
    windows = sliding_window_view(padded, size, (2, 3))
    count, _, rows, columns = windows.shape[:4]
    tops = generator.integers(0, rows, count)
    lefts = generator.integers(0, columns, count)
    cut: FloatArray = windows[np.arange(count), :, tops, lefts]
    return cut


class _Change:
    """What all changes share: a call on images, and a `repr` of the arguments."""

    def __call__(self, images: FloatArray, generator: np.random.Generator) -> FloatArray:
        """The changed images: a new array of four dimensions.

        Parameters
        ----------
        images : ndarray, shape (N, C, H, W)
            They are not changed.
        generator : numpy.random.Generator
            What to draw from.

        Raises
        ------
        ValueError
            If the images are of another shape, or smaller than what is cut out of them.
        """
        if images.ndim != 4:
            name = type(self).__name__
            raise ValueError(f"{name}: images: shape {images.shape}; (N, C, H, W) is allowed")
        return self._changed(images, generator)

    def _changed(self, images: FloatArray, generator: np.random.Generator) -> FloatArray:
        raise TypeError(f"{type(self).__name__}: the class defines no change")

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({arguments})"


class RandomFlip(_Change):
    """Mirror each image, or not. Matches ``torchvision.transforms.RandomHorizontalFlip``.

    Parameters
    ----------
    p : float, default 0.5
        How probable it is, from 0 to 1.
    vertical : bool, default False
        Upside down, instead of left and right exchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> flip = nn.data.RandomFlip(p=1)
    >>> flip(np.arange(3.0).reshape(1, 1, 1, 3), np.random.default_rng(0))
    array([[[[2., 1., 0.]]]])
    """

    def __init__(self, p: float = 0.5, *, vertical: bool = False) -> None:
        if not 0 <= _args.number("RandomFlip", "p", p) <= 1:
            raise ValueError(f"RandomFlip: p: {p}; 0 to 1 is allowed")
        self.p, self.vertical = p, _args.flag("RandomFlip", "vertical", vertical)

    def _changed(self, images: FloatArray, generator: np.random.Generator) -> FloatArray:
        chosen = generator.random(len(images)) < self.p
        mirrored = images[:, :, ::-1] if self.vertical else images[..., ::-1]
        return np.where(chosen[:, None, None, None], mirrored, images)


class RandomCrop(_Change):
    """Cut a window out of each image, anywhere. Matches ``torchvision.transforms.RandomCrop``.

    Parameters
    ----------
    size : int or pair of int
        Height and width of the result.
    padding : int or pair of int, default 0
        Rows and columns added on each side first: 4 is usual for CIFAR-10 (He et al. 2016).
    fill : float, default 0
        Their value.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> crop = nn.data.RandomCrop(32, padding=4)
    >>> crop(np.zeros((2, 3, 32, 32), np.float32), np.random.default_rng(0)).shape
    (2, 3, 32, 32)
    """

    def __init__(
        self,
        size: int | tuple[int, int],
        padding: int | tuple[int, int] = 0,
        fill: float = 0.0,
    ) -> None:
        self.size = pair("RandomCrop", "size", size, 1)
        self.padding = pair("RandomCrop", "padding", padding, 0)
        _args.number("RandomCrop", "fill", fill)
        self.fill = fill

    def _changed(self, images: FloatArray, generator: np.random.Generator) -> FloatArray:
        height, width = (n + 2 * p for n, p in zip(images.shape[2:], self.padding, strict=True))
        if self.size[0] > height or self.size[1] > width:
            raise ValueError(
                f"RandomCrop: size: {self.size}; at most {(height, width)}, "
                "which is that of the padded images"
            )
        return _windows(images, self.size, self.padding, self.fill, generator)


class RandomShift(_Change):
    """Move each image by some pixels, up or down, left or right.

    Parameters
    ----------
    most : int or pair of int
        The largest number of rows and columns to move by; every number up to it is as probable.
    fill : float, default 0
        The value of what comes in at the edges.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> shift = nn.data.RandomShift((0, 1))
    >>> images = np.arange(1.0, 4.0).reshape(1, 1, 1, 3).repeat(100, 0)
    >>> np.unique(shift(images, np.random.default_rng(0)), axis=0).reshape(3, 3)
    array([[0., 1., 2.],
           [1., 2., 3.],
           [2., 3., 0.]])
    """

    def __init__(self, most: int | tuple[int, int], fill: float = 0.0) -> None:
        self.most = pair("RandomShift", "most", most, 0)
        _args.number("RandomShift", "fill", fill)
        self.fill = fill

    def _changed(self, images: FloatArray, generator: np.random.Generator) -> FloatArray:
        height, width = images.shape[2:]
        return _windows(images, (height, width), self.most, self.fill, generator)


class Compose:
    """Several changes, one after another.

    Parameters
    ----------
    *steps : callable
        Each is called with images and a generator.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> augment = nn.data.Compose(nn.data.RandomCrop(32, padding=4), nn.data.RandomFlip())
    >>> augment(np.zeros((2, 3, 32, 32), np.float32), np.random.default_rng(0)).shape
    (2, 3, 32, 32)
    """

    def __init__(self, *steps: Augmentation) -> None:
        self.steps = steps

    def __call__(self, images: FloatArray, generator: np.random.Generator) -> FloatArray:
        """What the last step gives.

        Parameters
        ----------
        images : ndarray, shape (N, C, H, W)
            They are not changed.
        generator : numpy.random.Generator
            What to draw from.
        """
        for step in self.steps:
            images = step(images, generator)
        return images

    def __repr__(self) -> str:
        return f"Compose({', '.join(map(repr, self.steps))})"
