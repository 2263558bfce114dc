"""Sums of signals in C: any part of the full convolution of two arrays of one dtype.

The full convolution of x (n elements) and taps (k) has n + k - 1 elements; element o is the sum
over j of taps[j] * x[o - j]. A part of it is a tuple of slices with a start and a stop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastconv import _conv_args, _core, _fft
from fastconv._typing import Algorithm
from fastconv.conv import conv1d, conv2d, conv3d

Array = NDArray[Any]
Part = tuple[slice, ...]

MODES = ("valid", "same", "full")

# float32 sums of so many terms are within 1e-5 of the sum of their magnitudes, whatever they hold.
SINGLE_TERMS = 165

_CONV = (None, conv1d, conv2d, conv3d)
_PROBLEM = [
    _core.Operator("convolve", n, ("in1", "in2", "bias?"), _conv_args.conv, 0) for n in range(4)
]
_CONSTANT = 4  # a border of filter_taps
_SUM = 0
_LEAST = 2.0**-52  # filter_taps passes over weights that are not larger


def part_of(mode: str, shape1: Sequence[int], shape2: Sequence[int]) -> Part:
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


def _sizes(part: Part) -> tuple[int, ...]:
    return tuple([wanted.stop - wanted.start for wanted in part])


# ---- Direct sums ---------------------------------------------------------------------------------


def convolve(x: Array, taps: Array, part: Part) -> Array:
    """Add up products of two arrays of one dtype, in its own arithmetic."""
    if taps.size > x.size:
        x, taps = taps, x
    kind = x.dtype.kind
    if kind in "iu":
        return _windows(x, taps, part)
    if x.dtype.char in "fd":
        return _float(x, taps, part)
    if x.dtype.char in "FD":
        return _complex(x, taps, part)
    return _shift_and_add(x, taps, part)


def _windows(x: Array, taps: Array, part: Part) -> Array:
    """Of integers, which wrap around, or of float32 or float64, whose taps are in float64."""
    result = _core.new_result(_sizes(part), x.dtype.newbyteorder("="))
    offsets = [k - 1 - wanted.start for k, wanted in zip(taps.shape, part, strict=True)]
    _core.filter_taps(x, reversed_(taps), result, [_CONSTANT] * x.ndim, 0.0, offsets, _SUM)
    return result


def _float(x: Array, taps: Array, part: Part, algorithm: Algorithm = "direct") -> Array:
    """Of float32 or float64; sums of many float32 terms are float64's."""
    if algorithm == "direct" and np.abs(taps).min() > _LEAST:
        return _windows(x, taps.astype(np.float64, copy=False), part)
    if x.dtype.char == "f" and taps.size > SINGLE_TERMS and algorithm == "direct":
        return _float(x.astype(np.float64), taps.astype(np.float64), part).astype(np.float32)
    if x.ndim > 3:
        return _beyond_space(x, taps, part, algorithm)
    run = _CONV[x.ndim]
    assert run is not None
    cut, pads = _reach(x.shape, taps.shape, part)
    result: Array = run(x[cut][None], _kernel(taps), padding=pads, algorithm=algorithm)
    return result[0]


def _kernel(taps: Array) -> Array:
    return reversed_(taps)[None, None]


def _reach(
    shape: Sequence[int], taps: Sequence[int], part: Part
) -> tuple[Part, tuple[tuple[int, int], ...]]:
    """Give what a part is made of, and the zeros on either side of that."""
    cut, pads = [], []
    for n, k, wanted in zip(shape, taps, part, strict=True):
        cut.append(slice(max(wanted.start - (k - 1), 0), min(wanted.stop, n)))
        pads.append((max(k - 1 - wanted.start, 0), max(wanted.stop - n, 0)))
    return tuple(cut), tuple(pads)


def _beyond_space(x: Array, taps: Array, part: Part, algorithm: Algorithm) -> Array:
    """In more dimensions than C has: the windows of the first ones are images and channels."""
    lead = x.ndim - 3
    cut, pads = _reach(x.shape[:lead], taps.shape[:lead], part[:lead])
    padded = np.pad(x[cut], (*pads, *((0, 0),) * 3))
    axes = tuple(range(lead))
    windows = np.lib.stride_tricks.sliding_window_view(padded, taps.shape[:lead], axes)
    windows = np.moveaxis(windows, range(-lead, 0), range(lead, 2 * lead))
    images = windows.reshape(
        math.prod(windows.shape[:lead]), math.prod(taps.shape[:lead]), *x.shape[lead:]
    )
    cut, pads = _reach(x.shape[lead:], taps.shape[lead:], part[lead:])
    every = (slice(None), slice(None))
    kernel = reversed_(taps).reshape(1, images.shape[1], *taps.shape[lead:])
    result: Array = conv3d(images[every + cut], kernel, padding=pads, algorithm=algorithm)
    return result.reshape(_sizes(part))


def _complex(x: Array, taps: Array, part: Part, algorithm: Algorithm = "direct") -> Array:
    """By real parts."""
    result = np.empty(_sizes(part), x.dtype.newbyteorder("="))
    real, imag = ((a.real, a.imag) for a in (x, taps))
    np.subtract(
        _float(real[0], imag[0], part, algorithm),
        _float(real[1], imag[1], part, algorithm),
        out=result.real,
    )
    np.add(
        _float(real[0], imag[1], part, algorithm),
        _float(real[1], imag[0], part, algorithm),
        out=result.imag,
    )
    return result


def _shift_and_add(x: Array, taps: Array, part: Part) -> Array:
    """One tap after the other: for longdouble, which C's kernels do not have."""
    result = np.zeros(_sizes(part), x.dtype)
    for place in np.ndindex(taps.shape):
        to, of = [], []
        for n, j, wanted in zip(x.shape, place, part, strict=True):
            first, last = max(wanted.start, j), min(wanted.stop, n + j)
            to.append(slice(first - wanted.start, max(last, first) - wanted.start))
            of.append(slice(first - j, max(last, first) - j))
        result[tuple(to)] += taps[place] * x[tuple(of)]
    return result


# ---- Fourier transforms --------------------------------------------------------------------------


def transform(x: Array, taps: Array, part: Part) -> Array:
    """Give what `convolve` does by C's transforms: of single and double, real and complex.

    They are in float64. What is not finite gives the direct sum.
    """
    if taps.size > x.size:
        x, taps = taps, x
    if x.dtype.kind == "c":
        return _complex(x, taps, part, "fft")
    return _float(x, taps, part, "fft")


# ---- Times ---------------------------------------------------------------------------------------

# Nanoseconds of a product on one thread, by the bytes of a float, or of an integer in its type's
# own arithmetic: in images and lines of 2**20 elements with AVX-512 (AMD Zen 5, November 2026;
# others by the length of their vectors), and of what NumPy adds up tap by tap. Integers'
# transforms take longer by INTEGER_MOVES: they are converted and rounded.
FLOAT_NS = {4: 0.025, 8: 0.05}
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
    dtype = np.result_type(x, taps)
    part = part_of(mode, x.shape, taps.shape)
    products = float(min(x.size, taps.size)) * math.prod(_sizes(part))
    if products < FEW or min(x.size, taps.size) <= FEW_TAPS:
        return False
    if dtype.char in "gGe" or x.ndim > 3:
        seconds = _fft.seconds(x.shape, taps.shape, dtype.kind == "c")
        return 1e-9 * SLOW_NS * products > seconds
    if taps.size > x.size:
        x, taps = taps, x
    single = dtype.char in "fF" and taps.size <= SINGLE_TERMS
    problem = _problem(x.shape, taps.shape, part, np.float32 if single else np.float64)
    fft = problem.cost(_core.ALGORITHMS.index("fft"))
    product = FLOAT_NS[4 if single else 8]
    if dtype.kind in "iub":
        product, fft = INTEGER_NS[dtype.itemsize], fft * INTEGER_MOVES
    return fft < 1e-9 * product * VECTORS[_core.isa()] * products


def _problem(
    shape: Sequence[int], taps: Sequence[int], part: Part, dtype: type[Any]
) -> _core.ConvForward:
    """Give the problem that `_float` has to solve."""
    cut, pads = _reach(shape, taps, part)
    nothing = np.zeros((), dtype)
    x = np.broadcast_to(nothing, (1, *_sizes(cut)))
    kernel = np.broadcast_to(nothing, (1, 1, *taps))
    options = (1, pads, 1, 1, None, "zeros", None, "direct")
    problem: _core.ConvForward = _PROBLEM[len(taps)].prepare(x, kernel, None, options)[0]  # type: ignore[assignment]
    return problem
