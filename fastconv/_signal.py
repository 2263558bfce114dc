"""Sums of signals in C: any part of the full convolution of two arrays of one dtype.

The full convolution of x (n elements) and taps (k) has n + k - 1 elements; element o is the sum
over j of taps[j] * x[o - j]. A part of it is a tuple of slices with a start and a stop.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastconv import _conv_args, _core, _fft
from fastconv.conv import conv1d, conv2d, conv3d

Array = NDArray[Any]
Part = tuple[slice, ...]

MODES = ("valid", "same", "full")


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

# What lies beyond the ends, as filter_taps calls it.
BORDERS = {"wrap": 1, "symmetric": 2, "constant": 4}
_SUM = 0


def convolve(x: Array, taps: Array, part: Part, border: str = "constant", value: Any = 0) -> Array:
    """Add up products of two arrays of one dtype, in its own arithmetic."""
    if taps.size > x.size and border == "constant" and value == 0:
        x, taps = taps, x
    if x.dtype.kind in "iu" or x.dtype.char in "fd":
        return _windows(x, taps, part, border, value)
    if x.dtype.char in "FD":
        return _complex(x, taps, lambda a, b, c: _windows(a, b, part, border, c), part, value)
    if border == "constant" and value == 0:
        return _shift_and_add(x, taps, part)
    padded = extended(x, taps, part, border, value)
    return _shift_and_add(padded, taps, part_of("valid", padded.shape, taps.shape))


def extended(x: Array, taps: Array, part: Part, border: str, value: Any) -> Array:
    """Copy x with all that a part is made of around it: the part is then the "valid" one."""
    sizes = zip(x.shape, taps.shape, part, strict=True)
    widths = [(k - 1 - wanted.start, wanted.stop - n) for n, k, wanted in sizes]
    options: dict[str, Any] = {"constant_values": value} if border == "constant" else {}
    return np.pad(x, widths, mode=border, **options)  # type: ignore[call-overload, no-any-return]


def _windows(x: Array, taps: Array, part: Part, border: str, value: Any) -> Array:
    """Of integers, which wrap around, or of float32 or float64."""
    if x.dtype.kind == "f":
        taps = taps.astype(np.float64, copy=False)
    elif abs(int(value)) > 2**53:  # which filter_taps takes in float64
        x = extended(x, taps, part, border, value)
        part = part_of("valid", x.shape, taps.shape)
    result = _core.new_result(_sizes(part), x.dtype.newbyteorder("="))
    offsets = [k - 1 - wanted.start for k, wanted in zip(taps.shape, part, strict=True)]
    borders = [BORDERS[border]] * x.ndim
    _core.filter_taps(x, reversed_(taps), result, borders, float(value), offsets, _SUM, True)
    return result


def _complex(
    x: Array, taps: Array, run: Callable[[Array, Array, Any], Array], part: Part, value: Any
) -> Array:
    """By real parts, each with its part of the value beyond the ends."""
    result = np.empty(_sizes(part), x.dtype.newbyteorder("="))
    real, imag = np.real(value), np.imag(value)
    np.subtract(run(x.real, taps.real, real), run(x.imag, taps.imag, imag), out=result.real)
    np.add(run(x.real, taps.imag, real), run(x.imag, taps.real, imag), out=result.imag)
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

_CONV = (None, conv1d, conv2d, conv3d)


def transform(x: Array, taps: Array, part: Part) -> Array:
    """Give what `convolve` does by C's transforms: of single and double, real and complex.

    They are in float64. What is not finite gives the direct sum.
    """
    if taps.size > x.size:
        x, taps = taps, x
    if x.dtype.kind == "c":
        return _complex(x, taps, lambda a, b, _: _transform(a, b, part), part, 0)
    return _transform(x, taps, part)


def _transform(x: Array, taps: Array, part: Part) -> Array:
    if x.ndim > 3:
        return _beyond_space(x, taps, part)
    run = _CONV[x.ndim]
    assert run is not None
    cut, pads = _reach(x.shape, taps.shape, part)
    kernel = reversed_(taps)[None, None]
    result: Array = run(x[cut][None], kernel, padding=pads, algorithm="fft")
    return result[0]


def _reach(
    shape: Sequence[int], taps: Sequence[int], part: Part
) -> tuple[Part, tuple[tuple[int, int], ...]]:
    """Give what a part is made of, and the zeros on either side of that."""
    cut, pads = [], []
    for n, k, wanted in zip(shape, taps, part, strict=True):
        cut.append(slice(max(wanted.start - (k - 1), 0), min(wanted.stop, n)))
        pads.append((max(k - 1 - wanted.start, 0), max(wanted.stop - n, 0)))
    return tuple(cut), tuple(pads)


def _beyond_space(x: Array, taps: Array, part: Part) -> Array:
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
    result: Array = conv3d(images[every + cut], kernel, padding=pads, algorithm="fft")
    return result.reshape(_sizes(part))


# ---- Times ---------------------------------------------------------------------------------------

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
    products = float(min(x.size, taps.size)) * math.prod(_sizes(part))
    if products < FEW or min(x.size, taps.size) <= FEW_TAPS:
        return False
    dtype = np.result_type(x, taps)
    if dtype.char in "gGe":
        seconds = _fft.seconds(x.shape, taps.shape, dtype.kind == "c")
        return 1e-9 * SLOW_NS * products > seconds
    if taps.size > x.size:
        x, taps = taps, x
    fft = _transform_seconds(x.shape, taps.shape, part)
    if dtype.kind in "iub":
        product, fft = INTEGER_NS[dtype.itemsize], fft * INTEGER_MOVES
    else:
        product = FLOAT_NS[min(x.ndim, 4)][4 if dtype.char in "fF" else 8]
    return fft < 1e-9 * product * VECTORS[_core.isa()] * products


_PROBLEM = [
    _core.Operator("convolve", n, ("in1", "in2", "bias?"), _conv_args.conv, 0) for n in range(4)
]
_FFT = _core.ALGORITHMS.index("fft")


def _transform_seconds(shape: Sequence[int], taps: Sequence[int], part: Part) -> float:
    """Predict the time that `_transform` takes."""
    lead = max(len(shape) - 3, 0)
    images = math.prod(_sizes(part)[:lead])
    channels = math.prod(taps[:lead])
    cut, pads = _reach(shape[lead:], taps[lead:], part[lead:])
    nothing = np.zeros((), np.float32)
    x = np.broadcast_to(nothing, (channels, *_sizes(cut)))
    kernel = np.broadcast_to(nothing, (1, channels, *taps[lead:]))
    options = (1, pads, 1, 1, None, "zeros", None, "direct")
    problem = _PROBLEM[len(shape) - lead].prepare(x, kernel, None, options)[0]
    assert isinstance(problem, _core.ConvForward)
    return images * problem.cost(_FFT)
