"""Convolution by C's Fourier transforms: any part of that of two arrays of one dtype."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastconv import _conv_args, _core
from fastconv.conv import conv1d, conv2d, conv3d
from fastconv.signal._args import Array, Part, reversed_, sizes_of
from fastconv.signal._sums import by_real_parts

_CONV = (None, conv1d, conv2d, conv3d)


def transform(x: Array, taps: Array, part: Part) -> Array:
    """Give what `convolve` does by C's transforms: of single and double, real and complex.

    They are in float64. What is not finite gives the direct sum.
    """
    if taps.size > x.size:
        x, taps = taps, x
    if x.dtype.kind == "c":
        return by_real_parts(x, taps, lambda a, b, _: _transform(a, b, part), part, 0)
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
    return result.reshape(sizes_of(part))


_PROBLEM = [
    _core.Operator("convolve", n, ("in1", "in2", "bias?"), _conv_args.conv, 0) for n in range(4)
]
_FFT = _core.ALGORITHMS.index("fft")


def transform_seconds(shape: Sequence[int], taps: Sequence[int], part: Part) -> float:
    """Predict the time that `transform` takes."""
    lead = max(len(shape) - 3, 0)
    images = math.prod(sizes_of(part)[:lead])
    channels = math.prod(taps[:lead])
    cut, pads = _reach(shape[lead:], taps[lead:], part[lead:])
    nothing = np.zeros((), np.float32)
    x = np.broadcast_to(nothing, (channels, *sizes_of(cut)))
    kernel = np.broadcast_to(nothing, (1, channels, *taps[lead:]))
    options = (1, pads, 1, 1, None, "zeros", None, "direct")
    problem = _PROBLEM[len(shape) - lead].prepare(x, kernel, None, options)[0]
    assert isinstance(problem, _core.ConvForward)
    return images * problem.cost(_FFT)
