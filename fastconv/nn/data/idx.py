"""MNIST: images and labels in IDX files."""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path
from typing import Any, overload

import numpy as np

from fastconv.nn.data.dataset import DIGITS, Dataset, Images
from fastconv.nn.data.files import Bytes

__all__ = ["mnist", "read_idx"]

PathLike = str | os.PathLike[str]
UNSIGNED_BYTE = 0x08
TRAIN = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def read_idx(path: PathLike, dimensions: int) -> Any:
    """Read an array of bytes from an IDX file, plain or gzip.

    The file begins with two zero bytes, the code 0x08 of unsigned bytes, the number of dimensions,
    and their sizes as big-endian integers of 32 bits. See LeCun, Cortes and Burges, "The MNIST
    database of handwritten digits".

    Parameters
    ----------
    path : path
        The file.
    dimensions : int
        How many dimensions it must have: 3 for images, 1 for labels.

    Returns
    -------
    ndarray of uint8
        Read-only.

    Raises
    ------
    ValueError
        If the file does not begin as it must, a size is 0, or it is shorter or longer than its
        sizes say. Not more than those bytes are read, and memory is asked for as they arrive.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from fastconv import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "labels")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    ...     nn.data.read_idx(path, 1)
    array([7, 2, 1], dtype=uint8)
    """
    with Bytes(Path(path), "read_idx") as file:
        magic = file.read(4, "the magic number")
        wanted = bytes([0, 0, UNSIGNED_BYTE, dimensions])
        if magic != wanted:
            raise file.error(f"magic number {magic.hex()}; {wanted.hex()} is allowed")
        shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions, "the sizes"))
        if 0 in shape:
            raise file.error(f"sizes {shape}; positive ones are allowed")
        declared = f"an array of sizes {shape}"
        data = file.read(math.prod(shape), declared)
        file.end(declared)
    return np.frombuffer(data, np.uint8).reshape(shape)


def _find(folder: Path, name: str) -> Path:
    """The file, as it is named on MNIST's page or with a dot as some copies are; or gzip."""
    names = (name, name.replace("-idx", ".idx"))
    for candidate in [name + end for name in names for end in ("", ".gz")]:
        if (folder / candidate).is_file():
            return folder / candidate
    raise FileNotFoundError(f"mnist: {folder} holds no {name}, nor {name}.gz")


def _pair(images: Path, labels: Path) -> Images:
    pixels, classes = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(classes):
        raise ValueError(
            f"mnist: {images} holds {len(pixels)} images, {labels} {len(classes)} labels; "
            "equal numbers are allowed"
        )
    if classes.max() > 9:
        raise ValueError(f"mnist: {labels}: label {classes.max()}; 0 to 9 are allowed")
    scaled = pixels[:, None] / np.float32(255)
    return Images(scaled, classes.astype(np.int64))


@overload
def mnist(path: PathLike, labels: None = None) -> Dataset: ...
@overload
def mnist(path: PathLike, labels: PathLike) -> Images: ...


def mnist(path: PathLike, labels: PathLike | None = None) -> Dataset | Images:
    """MNIST's handwritten digits, from files that are there; also Fashion-MNIST, KMNIST.

    Parameters
    ----------
    path : path
        The folder with ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
        ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, plain or ``.gz``. Or one file of
        images, together with `labels`.
    labels : path, optional
        The file of labels that goes with the file of images.

    Returns
    -------
    Dataset, or Images where `labels` is given
        Images of float32, shape (N, 1, 28, 28), values from 0 to 1; labels of int64.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        For a file that `read_idx` refuses, different numbers of images and labels, images of
        different sizes to train and to test with, or a label above 9.

    Examples
    --------
    >>> from fastconv import nn
    >>> nn.data.mnist("/nowhere")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    FileNotFoundError: mnist: /nowhere holds no train-images-idx3-ubyte, nor ...
    """
    if labels is not None:
        return _pair(Path(path), Path(labels))
    folder = Path(path)
    files = [_find(folder, name) for name in (*TRAIN, *TEST)]
    train, test = _pair(files[0], files[1]), _pair(files[2], files[3])
    if train.images.shape[1:] != test.images.shape[1:]:
        raise ValueError(
            f"mnist: {folder}: images of shape {train.images.shape[1:]} to train on, "
            f"{test.images.shape[1:]} to test with; equal shapes are allowed"
        )
    return Dataset(train, test, DIGITS)
