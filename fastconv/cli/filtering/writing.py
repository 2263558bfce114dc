"""Writing so that a full disk is noticed."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO


@contextmanager
def at_once(path: str) -> Iterator[BinaryIO]:
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
