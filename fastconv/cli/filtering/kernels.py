"""The kernels of ``--kernel``: a name, a file, or the weights themselves."""

import re

import numpy as np

from fastconv import filters
from fastconv.cli.errors import CommandError
from fastconv.cli.filtering.arrays import map_array

Array = np.ndarray

WEIGHTS = re.compile(r"\s*[-+.\d]|.*[;\s]")  # no name begins so, or holds one of these
MOST = 2**26


def known_axes(text: str) -> int | None:
    """Give the number of a kernel's axes, where it does not follow from what is filtered."""
    return map_array(text).ndim if text.lower().endswith(".npy") else None


def read_kernel(text: str, axes: int) -> Array:
    """Read a kernel for so many axes.

    Parameters
    ----------
    text : str
        A name, as `fastconv.filters.get` takes it; a file that ends in ``.npy``; or weights, rows
        separated by semicolons.
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
        reason = str(error).removeprefix("get: ")
        raise CommandError(f"--kernel: {reason}") from error


def _written(text: str) -> Array:
    rows = []
    for row in text.strip().rstrip(";").split(";"):
        words = row.replace(",", " ").split()
        try:
            rows.append([float(word) for word in words])
        except ValueError as error:
            raise CommandError(f"--kernel {text!r}: {error}") from None
    if not rows[0] or any(len(row) != len(rows[0]) for row in rows):
        lengths = ", ".join(str(len(row)) for row in rows)
        raise CommandError(f"--kernel {text!r}: its rows have {lengths} weights, not equally many")
    return np.array(rows)


def _fitting(text: str, weights: Array, axes: int) -> Array:
    """Give the kernel the axes that are filtered, or say why it cannot have them."""
    if not 0 < weights.size <= MOST:
        raise CommandError(f"--kernel {text}: it has {weights.size} weights")
    weights = np.array(weights, np.float64)
    if not np.isfinite(weights).all():
        raise CommandError(f"--kernel {text}: every weight must be finite")
    if axes == 1 and weights.ndim == 2 and 1 in weights.shape:
        return weights.ravel()
    if weights.ndim != axes:
        shape = " x ".join(map(str, weights.shape)) or "a single number"
        needed = "one row" if axes == 1 else f"{axes} axes"
        raise CommandError(f"--kernel {text}: it is {shape}; what is filtered needs {needed}")
    return weights
