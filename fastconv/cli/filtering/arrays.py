"""``.npy`` files: read and written through memory maps, so that any size will do."""

from pathlib import Path
from typing import Any

import numpy as np

from fastconv.cli.errors import CommandError, reason
from fastconv.cli.filtering.content import Content, of_array
from fastconv.cli.writing import reserve

Array = np.ndarray

MOST_CHANNELS = 4


def map_array(path: str | Path) -> Array:
    """Map a file's array, read-only: nothing that its header claims is asked of the memory."""
    try:
        mapped: Array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # NumPy's reader raises many kinds on damaged files
        raise CommandError(f"cannot read {path}: {reason(error)}") from error
    return mapped


def read(path: Path, axes: int | None) -> Content:
    """Read an array: a signal, an image, an image with up to four channels behind, or a volume.

    Parameters
    ----------
    path : Path
        The file.
    axes : int or None
        How many axes the kernel has, where that is known.
    """
    array = map_array(path)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise CommandError(
            f"cannot filter {path}: it holds {array.dtype}, not real numbers of up to 64 bits"
        )
    if array.ndim == 0 or array.size == 0:
        raise CommandError(f"cannot filter {path}: its shape is {array.shape}")
    if array.dtype.kind == "b":
        array = array.view(np.uint8)
    if array.ndim == 3 and axes != 3 and array.shape[2] <= MOST_CHANNELS:
        return of_array(array)
    return of_array(array[..., None], flat=True)


def write(path: str, array: Array) -> None:
    """Write an array as `numpy.save`, which says little where the disk is full."""
    array = np.ascontiguousarray(array)
    with open(path, "wb") as file:
        header = np.lib.format.header_data_from_array_1_0(array)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(array.data)


def create(path: str, shape: tuple[int, ...], dtype: Any) -> Array:
    """Make a file for an array of this shape, and map it."""
    mapped = np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)
    reserve(path)
    return mapped
