"""Windows that are a product of one line of weights for each axis: as many passes do their work."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.ndimage import _args, _run
from fastconv.ndimage._args import Array, Ints

# One pass over all is faster for fewer taps, or for fewer for each of the lines' (AMD Zen 5,
# November 2026).
_LEAST_TAPS = 49
_LEAST_SAVED = 3
_LEAST_WORK = 1 << 18  # products: for fewer, looking for lines takes longer
_SLACK = {"f": 1e-6, "d": 1e-14}  # of each weight: well within what is promised of the sum
_NO_TERM = float(np.finfo(np.float64).eps)  # SciPy leaves out weights up to this


def passes(
    input: Array, weights: Array, output: Array, border: int, cval: Any, offsets: Ints
) -> list[_run.Pass] | None:
    """Give passes with the window's result up to rounding, or None if there are none, or slower.

    Beyond a constant border, the second pass would have to know the first one's sum.
    """
    slack = _SLACK.get(output.dtype.char)
    taps = weights.size
    if slack is None or taps < _LEAST_TAPS or taps * output.size < _LEAST_WORK:
        return None
    if taps < _LEAST_SAVED * sum(weights.shape):
        return None
    if border == _args.CONSTANT and cval != 0:
        return None
    found = lines(weights, slack)
    if found is None:
        return None
    return [
        (axis, _run.CORRELATE, border, offset, line)
        for axis, (offset, line) in enumerate(zip(offsets, found, strict=True))
        if len(line) > 1 or line[0] != 1
    ]


def lines(weights: Array, slack: float) -> list[Array] | None:
    """Give a line of weights for each axis, whose outer product the window is, or None.

    Each weight may be off by `slack` of itself. None of them is 0: SciPy has no such term, where a
    product with a NaN or an infinity would be one.
    """
    if not np.abs(weights).min() > _NO_TERM:
        return None
    peak = np.unravel_index(np.abs(weights).argmax(), weights.shape)
    found = []
    for axis in range(weights.ndim):
        at: list[Any] = list(peak)
        at[axis] = slice(None)
        found.append(weights[tuple(at)])
    found[:-1] = [line / weights[peak] for line in found[:-1]]
    product = found[0]
    for line in found[1:]:
        product = np.multiply.outer(product, line)
    if not (np.abs(product - weights) <= slack * np.abs(weights)).all():
        return None
    return [np.ascontiguousarray(line) for line in found]
