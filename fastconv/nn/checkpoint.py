"""A training run in one file, from which `fit` goes on after a kill.

A NumPy archive: the arrays of the network, of its best epoch and of the optimiser, and everything
else as one JSON text, in an array of its bytes. A kill at any moment leaves the checkpoint of an
epoch before, and a file that is read may be hostile, both as for weights (`state_io`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from fastconv.nn.state_io import read_npz, replacing, write_npz

__all__ = ["load_checkpoint", "save_checkpoint"]

FORMAT = "fastconv.nn checkpoint 1"
TEXT = "json"


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


def save_checkpoint(path: str | os.PathLike[str], state: Mapping[str, Any]) -> None:
    """Write a state.

    Parameters
    ----------
    path : path
        The file; replaced as a whole.
    state : mapping of str
        Of arrays of numbers, numbers, strings, None, and lists and mappings of these.

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
    arrays[TEXT] = np.frombuffer(text.encode(), np.uint8)
    with replacing(path) as temporary:
        write_npz(temporary, arrays)


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
        arrays = read_npz(os.fspath(path))
        content = json.loads(arrays.pop(TEXT).tobytes())
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}")
        state: dict[str, Any] = _restore(content["state"], arrays)
        return state
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ValueError(
            f"load_checkpoint: path: {os.fspath(path)!r} is no checkpoint: {reason}"
        ) from error
