"""Which is faster, the direct sum or Fourier transforms: predictions for one thread."""

from __future__ import annotations

import math

import numpy as np

from fastconv import _core
from fastconv.signal import _library
from fastconv.signal._args import Array, check_mode, part_of, sizes_of
from fastconv.signal._transforms import transform_seconds

# Nanoseconds of a product on one thread, by the dimensions and the bytes of a float, or by the
# bytes of an integer in its type's own arithmetic: of 2**20 elements with AVX-512 (AMD Zen 5,
# November 2026; others by the length of their vectors), and of what NumPy adds up tap by tap.
# Integers' transforms take longer by INTEGER_MOVES: they are converted and rounded.
FLOAT_NS = {
    1: {4: 0.0175, 8: 0.035},
    2: {4: 0.0105, 8: 0.022},
    3: {4: 0.022, 8: 0.04},
    4: {4: 0.06, 8: 0.08},
}
INTEGER_NS = {1: 0.014, 2: 0.014, 4: 0.03, 8: 0.055}
VECTORS = {"avx512": 1, "avx2": 2, "neon": 4, "scalar": 4}
INTEGER_MOVES = 1.5
SLOW_NS = 1.0

# Fewer products than these are added up while anything else is still being decided, and so few taps
# are always faster than a transform there and back.
FEW = 20_000
FEW_TAPS = 24


def prefers_transforms(x: Array, taps: Array, mode: str) -> bool:
    """Predict whether Fourier transforms are faster than the direct sum, on one thread."""
    part = part_of(mode, x.shape, taps.shape)
    products = float(min(x.size, taps.size)) * math.prod(sizes_of(part))
    if products < FEW or min(x.size, taps.size) <= FEW_TAPS:
        return False
    dtype = np.result_type(x, taps)
    if dtype.char in "gGe":
        seconds = _library.seconds(x.shape, taps.shape, dtype.kind == "c")
        return 1e-9 * SLOW_NS * products > seconds
    if taps.size > x.size:
        x, taps = taps, x
    fft = transform_seconds(x.shape, taps.shape, part)
    if dtype.kind in "iub":
        product, fft = INTEGER_NS[dtype.itemsize], fft * INTEGER_MOVES
    else:
        product = FLOAT_NS[min(x.ndim, 4)][4 if dtype.char in "fF" else 8]
    return fft < 1e-9 * product * VECTORS[_core.isa()] * products


# float64 has all integers up to this.
_EXACT = 2**52


def choose(x: Array, taps: Array, mode: str) -> str:
    """Give the method that is predicted to be faster, of those that give the direct sum's result."""
    kinds = x.dtype.kind + taps.dtype.kind
    if any(kind in "iu" for kind in kinds) and not _sums_are_exact(x, taps):
        return "direct"
    if kinds == "bb" or any(kind not in "biufc" for kind in kinds):
        return "direct"
    check_mode(mode)
    return "fft" if prefers_transforms(x, taps, mode) else "direct"


def _sums_are_exact(x: Array, taps: Array) -> bool:
    """Tell whether sums of the arrays' integers are exact in float64."""
    largest = float(min(x.size, taps.size))
    for array in (x, taps):
        if array.dtype.kind == "c":
            largest *= float(np.abs(array).max())
        else:
            largest *= max(abs(float(array.max())), abs(float(array.min())))
    return largest < _EXACT
