"""The kernels of ``--kernel``: a name, a file, or the weights themselves."""

import os
import re

import numpy as np

from fastconv import filters
from fastconv.cli.errors import CommandError, reason
from fastconv.cli.filtering.arrays import map_array

Array = np.ndarray

WEIGHTS = re.compile(r"\s*[-+.\d]|.*[;\s]")  # no name begins so, or holds one of these
MOST = 2**26
MOST_SHOWN = 40  # letters of what was given, in messages and titles


def shown(text: str) -> str:
    """Give what was given, not all of it where it is long."""
    return text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "..."


def known_axes(text: str) -> int | None:
    """Give the number of a kernel's axes, where it does not follow from what is filtered."""
    return map_array(text).ndim if text.lower().endswith(".npy") else None


def read_kernel(text: str, axes: int) -> Array:
    """Read a kernel for so many axes.

    Parameters
    ----------
    text : str
        A name, as `fastconv.filters.get` takes it; a file that ends in ``.npy``; or weights, rows
        separated by semicolons or ends of lines.
    axes : int
        How many axes are filtered.

    Returns
    -------
    array of float64
        Of so many axes.
    """
    if text.lower().endswith(".npy"):
        weights = map_array(text)
        if weights.dtype.kind not in "biuf":
            raise CommandError(f"--kernel {text}: it holds {weights.dtype}, not real numbers")
    elif not text.partition(":")[0].strip().isidentifier() and WEIGHTS.match(text):
        weights = _written(text)
    else:
        return _named(text, axes)
    return _fitting(text, weights, axes)


def _named(text: str, axes: int) -> Array:
    try:
        return filters.get(text, axes)
    except (ValueError, TypeError) as error:
        if os.path.isfile(text):
            said = f"--kernel {text}: a file of weights must be of NumPy's, and end in .npy"
            raise CommandError(said) from error
        raise CommandError(f"--kernel: {reason(error).removeprefix('get: ')}") from error


def _written(text: str) -> Array:
    lines = [line.strip().rstrip("; \t") for line in text.splitlines()]
    rows = [
        [_weight(text, word) for word in row.replace(",", " ").split()]
        for line in filter(None, lines)
        for row in line.split(";")
    ]
    if not rows or not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        lengths = shown(", ".join(str(len(row)) for row in rows)) or "0"
        raise CommandError(
            f"--kernel {shown(text)!r}: its rows have {lengths} weights, not equally many"
        )
    return np.array(rows)


def _weight(text: str, word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise CommandError(f"--kernel {shown(text)!r}: {shown(word)!r} is not a number") from None


def _fitting(text: str, weights: Array, axes: int) -> Array:
    """Give the kernel the axes that are filtered, or say why it cannot have them."""
    if not 0 < weights.size <= MOST:
        raise CommandError(f"--kernel {shown(text)}: it has {weights.size} weights")
    with np.errstate(over="ignore"):  # of a type with a wider range, which is refused
        weights = np.array(weights, np.float64)
    if not np.isfinite(weights).all():
        raise CommandError(f"--kernel {shown(text)}: every weight must be finite")
    if axes == 1 and weights.ndim == 2 and 1 in weights.shape:
        return weights.ravel()
    if weights.ndim != axes:
        shape = " x ".join(map(str, weights.shape)) or "a single number"
        needed = "one row" if axes == 1 else f"{axes} axes"
        raise CommandError(
            f"--kernel {shown(text)}: it is {shape}; what is filtered needs {needed}"
        )
    return weights
