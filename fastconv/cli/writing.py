"""Writing so that a full disk is noticed."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


@contextmanager
def at_once(path: str | Path) -> Iterator[BinaryIO]:
    """Give a file in memory, which is written when it is complete.

    Pillow, and NumPy in `tofile`, write to the disk themselves where they can, and do not look
    whether all of the last piece went there.
    """
    memory = io.BytesIO()
    yield memory
    with open(path, "wb") as file:
        file.write(memory.getbuffer())


def reserve(path: str) -> None:
    """Take the disk's space now: a map that outgrows it would end the process."""
    if hasattr(os, "posix_fallocate"):
        handle = os.open(path, os.O_RDWR)
        try:
            os.posix_fallocate(handle, 0, os.fstat(handle).st_size)
        finally:
            os.close(handle)


def save_figure(figure: Any, path: str | Path, kind: str, dots: int) -> None:
    """Write a figure of matplotlib's.

    Parameters
    ----------
    figure : Figure
        What to write.
    path : path
        Where to.
    kind : {"png", "jpg", "pdf", "svg"}
        As what.
    dots : int
        An inch.
    """
    with at_once(path) as file:
        figure.savefig(file, format=kind, dpi=dots)
