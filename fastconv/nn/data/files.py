"""Bytes of a file, plain or gzip: so many, and not one more."""

from __future__ import annotations

import gzip
import os
import zlib
from pathlib import Path
from types import TracebackType
from typing import IO, Any

GZIP = b"\x1f\x8b"
CHUNK = 1 << 20


class Bytes:
    """A file, read from the front; what it claims to hold is not believed before it is there.

    Parameters
    ----------
    path : Path
        The file. It is gzip where its first two bytes say so, whatever its name.
    reader : str
        The function to name in errors.
    """

    def __init__(self, path: Path, reader: str) -> None:
        self._path, self._reader = path, reader
        self._file: IO[bytes] = path.open("rb")
        self._size: int | None = os.fstat(self._file.fileno()).st_size
        zipped = self._file.read(2) == GZIP
        self._file.seek(0)
        self._stream: Any = gzip.GzipFile(fileobj=self._file) if zipped else self._file
        if zipped:
            self._size = None  # what a gzip file says of its size need not be true

    def __enter__(self) -> Bytes:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def error(self, problem: str) -> ValueError:
        """An error that names function and file."""
        return ValueError(f"{self._reader}: {self._path}: {problem}")

    def _read(self, count: int) -> bytes:
        try:
            data: bytes = self._stream.read(count)
        except (OSError, EOFError, zlib.error) as error:
            if self._stream is self._file:
                raise
            raise self.error(f"a damaged or truncated gzip file ({error})") from error
        return data

    def read(self, count: int, what: str) -> bytes:
        """The next `count` bytes.

        Memory is asked for as bytes arrive, never for a size that a header only claims.
        """
        position = self._file.tell()
        if self._size is not None and count > self._size - position:
            raise self._truncated(self._size - position, count, what)
        parts, missing = [], count
        while missing:
            part = self._read(min(missing, CHUNK))
            if not part:
                raise self._truncated(count - missing, count, what)
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _truncated(self, found: int, wanted: int, what: str) -> ValueError:
        return self.error(f"truncated: {found} of the {wanted} bytes of {what}")

    def end(self, what: str) -> None:
        """An error unless nothing follows; a gzip file's checksum is looked at, too."""
        if self._read(1):
            raise self.error(f"longer than {what}")
