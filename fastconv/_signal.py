"""Direct sums of signals: any dtype, any range of the full convolution.

The full convolution of x (n elements) and taps (k) has n + k - 1 elements; element o is the sum
over j of taps[j] * x[o - j]. A range of it is a tuple of slices with a start and a stop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastconv import _core, _fft
from fastconv.conv import conv1d, conv2d, conv3d

Array = NDArray[Any]
Range = tuple[slice, ...]

MODES = ("valid", "same", "full")
_CONV = (None, conv1d, conv2d, conv3d)

# float32 sums of so many terms are within 1e-5 of the sum of their magnitudes, whatever they hold.
SINGLE_TERMS = 165


def full_shape(shape1: Sequence[int], shape2: Sequence[int]) -> tuple[int, ...]:
    """Give the shape of the full convolution."""
    return tuple([n + k - 1 for n, k in zip(shape1, shape2, strict=True)])


def full_range(mode: str, shape1: Sequence[int], shape2: Sequence[int]) -> Range:
    """Give the part of the full convolution that a mode asks for; in "valid", shape1 >= shape2."""
    sizes = zip(shape1, shape2, strict=True)
    if mode == "full":
        return tuple([slice(0, n + k - 1) for n, k in sizes])
    if mode == "same":
        return tuple([slice((k - 1) // 2, (k - 1) // 2 + n) for n, k in sizes])
    return tuple([slice(k - 1, n) for n, k in sizes])


def reversed_(array: Array) -> Array:
    """Give a view, back to front in every dimension."""
    return array[(slice(None, None, -1),) * array.ndim]


def convolve(x: Array, taps: Array, part: Range) -> Array:
    """Give a part of the full convolution of two arrays of one dtype, in its own arithmetic."""
    kind = x.dtype.kind
    if taps.size > x.size:
        x, taps = taps, x
    if kind == "c" and x.dtype.itemsize <= 16:
        return _complex(x, taps, part)
    if kind == "f" and x.dtype.char in "fd" and x.ndim <= 3:
        return _float(x, taps, part)
    return _shift_and_add(x, taps, part)


def _float(x: Array, taps: Array, part: Range) -> Array:
    """Of float32 or float64; sums of many float32 terms are float64's."""
    if x.dtype.char == "f" and taps.size > SINGLE_TERMS:
        return _float(x.astype(np.float64), taps.astype(np.float64), part).astype(np.float32)
    pads, cut = [], []
    for n, k, wanted in zip(x.shape, taps.shape, part, strict=True):
        first, last = max(wanted.start - (k - 1), 0), min(wanted.stop, n)
        cut.append(slice(first, last))
        pads.append((max(k - 1 - wanted.start, 0), max(wanted.stop - n, 0)))
    run = _CONV[x.ndim]
    assert run is not None
    y: Array = run(x[tuple(cut)][None], reversed_(taps)[None, None], padding=tuple(pads))
    return y[0]


def _complex(x: Array, taps: Array, part: Range) -> Array:
    """By real parts."""
    parts = {}
    for i, a in enumerate((x.real, x.imag)):
        for j, b in enumerate((taps.real, taps.imag)):
            parts[i, j] = _float(a, b, part) if a.ndim <= 3 else _shift_and_add(a, b, part)
    result = np.empty(parts[0, 0].shape, x.dtype)
    np.subtract(parts[0, 0], parts[1, 1], out=result.real)
    np.add(parts[0, 1], parts[1, 0], out=result.imag)
    return result


def _shift_and_add(x: Array, taps: Array, part: Range) -> Array:
    """One tap after the other: for the dtypes that C has no arithmetic for."""
    result = np.zeros([wanted.stop - wanted.start for wanted in part], x.dtype)
    for place in np.ndindex(taps.shape):
        to, of = [], []
        for n, j, wanted in zip(x.shape, place, part, strict=True):
            first, last = max(wanted.start, j), min(wanted.stop, n + j)
            to.append(slice(first - wanted.start, max(last, first) - wanted.start))
            of.append(slice(first - j, max(last, first) - j))
        result[tuple(to)] += taps[place] * x[tuple(of)]
    return result


# ---- Times ---------------------------------------------------------------------------------------

# Nanoseconds of a product on one thread (AMD Zen 5, November 2026), by lanes of float64: AVX-512 is
# measured, in images and lines of 2**20 elements. What NumPy adds up tap by tap takes SLOW.
PRODUCT = {"avx512": 0.05, "avx2": 0.1, "neon": 0.2, "scalar": 0.5}
SLOW = 1.0


def prefers_transforms(x: Array, taps: Array, mode: str) -> bool:
    """Predict whether Fourier transforms are faster than the direct sum."""
    dtype = np.result_type(x, taps)
    part = full_range(mode, x.shape, taps.shape)
    products = float(min(x.size, taps.size))
    products *= math.prod([wanted.stop - wanted.start for wanted in part])
    if dtype.char in "fdFD" and x.ndim <= 3:
        each = PRODUCT[_core.isa()]
        if dtype.char in "fF" and taps.size <= SINGLE_TERMS:
            each /= 2
        if dtype.kind == "c":
            each *= 4
    else:
        each = SLOW
    return 1e-9 * each * products > _fft.seconds(x.shape, taps.shape, dtype.kind == "c")
