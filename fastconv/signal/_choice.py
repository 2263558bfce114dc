"""Which is faster, the direct sum or Fourier transforms: predictions for one thread."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from fastconv import _core
from fastconv.signal import _library
from fastconv.signal._args import (
    Array,
    check_mode,
    convolved_axes,
    is_numpys,
    paired_axes,
    part_of,
    part_over,
    sizes_of,
)
from fastconv.signal._transforms import transform_seconds

# Nanoseconds of a product on one thread, by the dimensions and the bytes of a float or of an
# integer in its type's own arithmetic: of up to 2**20 elements with AVX-512 (AMD Zen 5, November
# 2026; others by the length of their vectors), and of what NumPy adds up tap by tap. Integers'
# transforms take longer by INTEGER_MOVES: they are converted and rounded.
FLOAT_NS = {
    1: {4: 0.0175, 8: 0.035},
    2: {4: 0.0105, 8: 0.022},
    3: {4: 0.022, 8: 0.04},
    4: {4: 0.06, 8: 0.08},
}
INTEGER_NS = {
    1: {1: 0.012, 2: 0.014, 4: 0.0225, 8: 0.045},
    2: {1: 0.022, 2: 0.025, 4: 0.037, 8: 0.06},
    3: {1: 0.11, 2: 0.11, 4: 0.11, 8: 0.12},
    4: {1: 0.45, 2: 0.45, 4: 0.45, 8: 0.75},
}
VECTORS = {"avx512": 1, "avx2": 2, "neon": 4, "scalar": 4}
INTEGER_MOVES = 1.2
SLOW_NS = 1.0

# Fewer products than these are added up while anything else is still being decided, and so few taps
# are always faster than a transform there and back.
FEW = 20_000
FEW_TAPS = 24


def prefers_transforms(x: Array, taps: Array, mode: str) -> bool:
    """Predict whether Fourier transforms are faster than the direct sum, on one thread."""
    if min(x.size, taps.size) <= FEW_TAPS:
        return False
    are_complex = x.dtype.kind == "c", taps.dtype.kind == "c"
    return _prefers(x.shape, taps.shape, mode, np.result_type(x, taps), are_complex)


@functools.lru_cache(maxsize=1024)
def _prefers(
    shape1: tuple[int, ...],
    shape2: tuple[int, ...],
    mode: str,
    dtype: np.dtype[Any],
    are_complex: tuple[bool, bool],
) -> bool:
    if mode == "valid":  # convolve takes the longer one for the first
        pairs = list(zip(shape1, shape2, strict=True))
        shape1, shape2 = tuple(map(max, pairs)), tuple(map(min, pairs))
    part = part_of(mode, shape1, shape2)
    products = float(min(math.prod(shape1), math.prod(shape2))) * math.prod(sizes_of(part))
    if products < FEW:
        return False
    axes = convolved_axes(shape1, shape2)
    work = np.result_type(dtype, np.float64)
    fft = min(_seconds(shape1, shape2, mode, axes, work, are_complex))
    if dtype.kind in "iub":
        product, fft = INTEGER_NS[min(len(shape1), 4)][dtype.itemsize], fft * INTEGER_MOVES
    elif dtype.char in "egG":
        product = SLOW_NS
    else:
        product = FLOAT_NS[min(len(shape1), 4)][4 if dtype.char in "fF" else 8]
    if any(are_complex) and dtype.char != "G":  # four real sums
        product *= 4
    return fft < 1e-9 * product * VECTORS[_core.isa()] * products


def prefers_library(
    x: Array, taps: Array, mode: str, axes: tuple[int, ...], dtype: np.dtype[Any]
) -> bool:
    """Predict whether the library's transforms over some axes, in `dtype`, are faster than C's."""
    are_complex = x.dtype.kind == "c", taps.dtype.kind == "c"
    ours, theirs = _seconds(x.shape, taps.shape, mode, axes, dtype, are_complex)
    return theirs < ours


@functools.lru_cache(maxsize=1024)
def _seconds(
    shape1: tuple[int, ...],
    shape2: tuple[int, ...],
    mode: str,
    axes: tuple[int, ...],
    dtype: np.dtype[Any],
    are_complex: tuple[bool, bool],
) -> tuple[float, float]:
    """Predict the times of C's transforms and of the library's."""
    library = _library.seconds(shape1, shape2, axes, dtype)
    if dtype.char in "gG":
        return math.inf, library
    part, paired = part_over(axes, mode, shape1, shape2), paired_axes(axes, shape1, shape2)
    return transform_seconds(shape1, shape2, part, are_complex, paired), library


# A transform of float64 errs by some 1e-15 of such a sum of the largest values (8 standard
# deviations are 1.1e-14 with 2**20 elements): up to this, by less than what rounding mends.
_EXACT = 2**45


def choose(x: Array, taps: Array, mode: str) -> str:
    """Give the method predicted to be faster, of those that give the direct sum's result."""
    kinds = x.dtype.kind + taps.dtype.kind
    if any(kind in "iu" for kind in kinds) and not _sums_are_exact(x, taps):
        return "direct"
    if kinds == "bb" or any(kind not in "biufc" for kind in kinds):
        return "direct"
    check_mode(mode)
    if x.ndim != taps.ndim:  # SciPy gives an answer, though nothing can be convolved
        return "direct"
    if np.result_type(x, taps).char == "e" and not is_numpys(mode, x.shape, taps.shape):
        return "fft"  # the only one there is
    return "fft" if prefers_transforms(x, taps, mode) else "direct"


def _sums_are_exact(x: Array, taps: Array) -> bool:
    """Tell whether transforms, rounded, give the sums of the arrays' integers."""
    largest = float(min(x.size, taps.size))
    for array in (x, taps):
        if array.dtype.kind == "c":
            largest *= float(np.abs(array).max())
        else:
            largest *= max(abs(float(array.max())), abs(float(array.min())))
    return largest < _EXACT
