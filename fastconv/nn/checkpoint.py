"""A training run in one file, from which `fit` goes on after a kill.

A NumPy archive: the arrays of the network, of its best epoch and of the optimiser, and one JSON
text with everything else. It is written beside its place and then moved there, so that a kill at
any moment leaves the checkpoint of an epoch before.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["load_checkpoint", "save_checkpoint"]

FORMAT = "fastconv.nn checkpoint 1"


def _flatten(value: Any, name: str, arrays: dict[str, Any]) -> Any:
    """`value` with its arrays taken out, into `arrays`, and their names in their place."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"__array__": name}
    if isinstance(value, Mapping):
        return {
            "__dict__": [
                [key, _flatten(v, f"{name}/{i}", arrays)]
                for i, (key, v) in enumerate(value.items())
            ]
        }
    if isinstance(value, (list, tuple)):
        return [_flatten(v, f"{name}/{i}", arrays) for i, v in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    return value


def _restore(value: Any, arrays: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        if "__array__" in value:
            return arrays[value["__array__"]]
        return {key: _restore(v, arrays) for key, v in value["__dict__"]}
    if isinstance(value, list):
        return [_restore(v, arrays) for v in value]
    return value


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file as a whole: it is the old or the new one at any moment."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(beside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def save_checkpoint(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Write a state.

    Parameters
    ----------
    path : path
        The file; replaced as a whole.
    state : mapping of str
        Of arrays, numbers, strings, None, and lists and mappings of these.

    Examples
    --------
    >>> import numpy as np, tempfile, os
    >>> from fastconv import nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     nn.save_checkpoint(os.path.join(folder, "run"), {"w": np.ones(2), "epoch": 3})
    ...     nn.load_checkpoint(os.path.join(folder, "run"))
    {'w': array([1., 1.]), 'epoch': 3}
    """
    arrays: dict[str, Any] = {}
    rest = _flatten(dict(state), "a", arrays)
    text = json.dumps({"format": FORMAT, "state": rest})
    buffer = io.BytesIO()
    np.savez(buffer, __json__=np.array(text), **arrays)
    write_atomically(Path(path), buffer.getvalue())


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a state.

    Parameters
    ----------
    path : path
        From `save_checkpoint`.

    Returns
    -------
    dict
        What was saved; tuples come back as lists.

    Raises
    ------
    ValueError
        If it is no such file, or damaged.

    Examples
    --------
    See `save_checkpoint`.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        content = json.loads(str(arrays.pop("__json__")))
        if content["format"] != FORMAT:
            raise ValueError(content["format"])
        return _restore(content["state"], arrays)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"load_checkpoint: path: {os.fspath(path)!r} is no checkpoint") from error
