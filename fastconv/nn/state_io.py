"""Weights to and from files: NumPy's ``.npz``, and ``.safetensors``, which torch reads too.

A file is written beside its place and then moved into it, so that a reader finds the old file or
the new one, never a part of one. A file that is read may be hostile: nothing in it is executed, and
no memory is asked for beyond what the file says it holds.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from fastconv.nn.module import Module

__all__ = ["load", "save"]

DAMAGED = (
    *(ValueError, EOFError, KeyError, TypeError, OverflowError, OSError, RuntimeError),
    *(SyntaxError, tokenize.TokenError, struct.error, zipfile.BadZipFile, zlib.error),
)
"""What the readers of `zipfile` and NumPy raise for files that are not what they seem."""

PIECE = 1 << 20


def save(path: str | os.PathLike[str], state: Module | Mapping[str, Any]) -> None:
    """Write a network's weights.

    The same values give the same bytes. A file of that name is replaced at once and only when all
    is written.

    Parameters
    ----------
    path : path
        Ending in ``.npz`` or ``.safetensors`` (which needs the package of that name).
    state : Module or mapping of str to array
        A module stands for its `state_dict`.

    Raises
    ------
    ValueError
        For another ending, and an array that is not of numbers.
    ImportError
        Without the package safetensors, for its files.

    Examples
    --------
    >>> import tempfile
    >>> from fastconv import nn
    >>> net, other = nn.Linear(3, 2), nn.Linear(3, 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nn.save(folder + "/net.npz", net)
    ...     loaded = other.load_state_dict(nn.load(folder + "/net.npz"))
    >>> bool((net.weight.data == other.weight.data).all())
    True
    """
    write = _writer(path)
    values = state.state_dict() if isinstance(state, Module) else state
    arrays = {_checked_name(name): _checked(name, value) for name, value in values.items()}
    with replacing(path) as temporary:
        write(temporary, arrays)


def load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file of weights, for `Module.load_state_dict`.

    Parameters
    ----------
    path : path
        Ending in ``.npz`` or ``.safetensors``. From `save`, from torch
        (``safetensors.torch.save_file``) or ``np.savez``.

    Returns
    -------
    dict of str to ndarray
        New arrays, by name.

    Raises
    ------
    ValueError
        For another ending, and a file that is damaged or holds other things than arrays of
        numbers; it names the file.
    ImportError
        Without the package safetensors, for its files.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from fastconv import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(folder + "/w.npz", weight=np.ones((1, 3)), bias=np.zeros(1))
    ...     sorted(nn.load(folder + "/w.npz"))
    ['bias', 'weight']
    """
    read = read_npz if _suffix(path, "load") == ".npz" else _read_safetensors
    try:
        return read(os.fspath(path))
    except ValueError as error:
        raise ValueError(f"load: {os.fspath(path)}: not a file of weights: {error}") from error


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[str]:
    """The name of a temporary file that takes the place of `path` when all went well.

    Its content is on the disk before it does, so that not even a power cut leaves half a file.

    Parameters
    ----------
    path : path
        The place.

    Yields
    ------
    str
        The name to write to, in the same folder.
    """
    place = Path(os.fspath(path))
    # Through a link, not over it.
    place = place.resolve() if place.is_symlink() else place
    # Not by the module tempfile, whose files nobody else may read.
    temporary = str(place.with_name(f".{place.name[:200]}.{secrets.token_hex(8)}"))
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        yield temporary
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, place.stat().st_mode & 0o777)
        _sync(temporary)
        os.replace(temporary, place)
        _sync(place.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _sync(path: str | Path) -> None:
    """Have a file's content, or a folder's entries, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---- What may be in a file -----------------------------------------------------------------------


def _suffix(path: str | os.PathLike[str], function: str) -> str:
    suffix = Path(os.fspath(path)).suffix.lower()
    if suffix not in (".npz", ".safetensors"):
        raise ValueError(f"{function}: path: {str(path)!r}; .npz or .safetensors is allowed")
    return suffix


def _writer(path: str | os.PathLike[str]) -> Any:
    if _suffix(path, "save") == ".npz":
        return write_npz
    _safetensors()
    return _write_safetensors


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name or "\0" in name or len(name) > 1000:
        raise ValueError(f"save: state: the name {name!r}; up to 1000 characters are allowed")
    return name


def _is_of_numbers(dtype: np.dtype[Any]) -> bool:
    """As weights, counters and masks are."""
    return dtype.kind in "biuf" and dtype.itemsize <= 8


def _checked(name: str, value: Any) -> Any:
    """The array, C contiguous and in this machine's byte order."""
    array = np.asarray(value)
    if not _is_of_numbers(array.dtype):
        raise ValueError(f"save: state: {name}: dtype {array.dtype}; numbers are allowed")
    return np.require(array, array.dtype.newbyteorder("="), "C")


# ---- NumPy's files -------------------------------------------------------------------------------


def write_npz(path: str, arrays: Mapping[str, Any]) -> None:
    """As ``np.savez``, but with any name (it knows some of its own) and without the time of day.

    Parameters
    ----------
    path : str
        The file; see `replacing`.
    arrays : mapping of str to ndarray
        Of numbers.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.external_attr = 0o644 << 16
            with archive.open(entry, "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, array, allow_pickle=False)


def read_npz(path: str) -> dict[str, Any]:
    """The arrays of a file that may be hostile.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    dict of str to ndarray
        New arrays.

    Raises
    ------
    ValueError
        With the reason why it is no file of arrays of numbers.
    """
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                _check_entries(archive, os.fstat(file.fileno()).st_size)
                return {
                    entry.filename.removesuffix(".npy"): _read_entry(archive, entry)
                    for entry in archive.infolist()
                }
        except DAMAGED as error:
            raise _damaged(error) from error


def _check_entries(archive: zipfile.ZipFile, size: int) -> None:
    """That what is to come fits into the file: memory is asked for by these figures."""
    for entry in archive.infolist():
        name = entry.filename
        # Deflate's best is 1032 bytes in one.
        most = {zipfile.ZIP_STORED: 1, zipfile.ZIP_DEFLATED: 1032}.get(entry.compress_type, 0)
        if not name.endswith(".npy"):
            raise ValueError(f"{name} is not an array")
        if archive.NameToInfo[name] is not entry:
            raise ValueError(f"{name} is there twice")
        if entry.compress_size > size or entry.file_size > most * entry.compress_size:
            raise ValueError(f"{name} says it has {entry.file_size} bytes, which it cannot")


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Any:
    name = entry.filename
    with archive.open(entry) as stream:
        old = np.lib.format.read_magic(stream) == (1, 0)
        read = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
        if not _is_of_numbers(dtype):
            raise ValueError(f"{name} holds {dtype}; numbers are allowed")
        # Python's integers: they do not overflow.
        expected, rest = math.prod(shape) * dtype.itemsize, entry.file_size - stream.tell()
        if expected != rest or min(shape, default=0) < 0:
            raise ValueError(f"{name} holds {rest} bytes, and its header says {expected}")
        array = np.empty(shape, dtype, "F" if fortran else "C")
        _fill(array, stream)
    return np.require(array, dtype.newbyteorder("="), "C")


def _fill(array: Any, stream: IO[bytes]) -> None:
    """Read an array's bytes; the last of them have `zipfile` check all of them."""
    into = memoryview(array.reshape(-1, order="A").view(np.uint8))
    for start in range(0, len(into), PIECE):
        into[start : start + PIECE] = stream.read(min(PIECE, len(into) - start))
    if stream.read(1):
        raise ValueError("more bytes than its header says")


def _damaged(error: BaseException) -> ValueError:
    return ValueError(str(error) or type(error).__name__)


# ---- safetensors ---------------------------------------------------------------------------------


def _safetensors() -> Any:
    try:
        import safetensors.numpy as module
    except ImportError as error:
        raise ImportError(
            "files that end in .safetensors need the package safetensors: "
            "pip install 'fastconv[nn]'"
        ) from error
    return module


def _write_safetensors(path: str, arrays: Mapping[str, Any]) -> None:
    _safetensors().save_file(dict(arrays), path)


def _of_numbers(name: str, array: Any) -> Any:
    """Refuse other dtypes: bfloat16 is one where anything in the process imported ml_dtypes."""
    if not _is_of_numbers(array.dtype):
        raise ValueError(f"{name} holds {array.dtype}; numbers are allowed")
    return array


def _read_safetensors(path: str) -> dict[str, Any]:
    module = _safetensors()
    from safetensors import SafetensorError

    with open(path, "rb"):  # the plain errors of a file that is not there
        pass
    try:
        # Copies: what the package gives may be a view of the file, which may change.
        arrays = module.load_file(path).items()
        return {name: np.array(_of_numbers(name, array)) for name, array in arrays}
    except (*DAMAGED, SafetensorError) as error:
        raise _damaged(error) from error
