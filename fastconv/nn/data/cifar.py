"""CIFAR-10: the binary version's batches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from fastconv.nn.data.dataset import Dataset, Images
from fastconv.nn.data.files import Bytes

__all__ = ["CIFAR10_CLASSES", "cifar10"]

CIFAR10_CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = ("test_batch.bin",)
FOLDER = "cifar-10-batches-bin"


def _records(path: Path) -> Any:
    """One file's records: (N, 3073) bytes, each a label and the red, green and blue planes."""
    with Bytes(path, "cifar10") as file:
        size = path.stat().st_size
        if size == 0 or size % RECORD:
            raise file.error(
                f"{size} bytes, truncated or of another format; a multiple of {RECORD} is allowed"
            )
        data = file.read(size, "its records")
    records = np.frombuffer(data, np.uint8).reshape(-1, RECORD)
    largest = records[:, 0].max()
    if largest > 9:
        raise ValueError(f"cifar10: {path}: label {largest}; 0 to 9 are allowed")
    return records


def _images(folder: Path, names: tuple[str, ...]) -> Images:
    files = [_records(folder / name) for name in names]
    count = sum(map(len, files))
    images = np.empty((count, *SHAPE), np.float32)
    start = 0
    for records in files:
        part = images[start : start + len(records)].reshape(len(records), -1)
        np.divide(records[:, 1:], np.float32(255), out=part)
        start += len(records)
    labels = np.concatenate([records[:, 0] for records in files]).astype(np.int64)
    return Images(images, labels)


def cifar10(path: str | os.PathLike[str]) -> Dataset:
    """CIFAR-10's photographs of ten kinds of things, from files that are there.

    Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009; the binary version.

    Parameters
    ----------
    path : path
        The folder with ``data_batch_1.bin`` to ``data_batch_5.bin`` and ``test_batch.bin``, or the
        folder that holds it as ``cifar-10-batches-bin``.

    Returns
    -------
    Dataset
        Images of float32, shape (N, 3, 32, 32), values from 0 to 1; labels of int64.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        For a file that is not made of whole records, or a label above 9. (A file that is cut
        between two records cannot be told from a whole one.)

    Examples
    --------
    >>> from fastconv import nn
    >>> nn.data.cifar10("/nowhere")
    Traceback (most recent call last):
        ...
    FileNotFoundError: cifar10: /nowhere holds no data_batch_1.bin
    """
    folder = Path(path)
    if (folder / FOLDER).is_dir():
        folder = folder / FOLDER
    for name in (*TRAIN, *TEST):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"cifar10: {folder} holds no {name}")
    return Dataset(_images(folder, TRAIN), _images(folder, TEST), CIFAR10_CLASSES)
