"""Convolution by C's Fourier transforms, as convolutions of images with channels.

What an axis is follows from its sizes. Both arrays have some elements of an axis of space. Where
only the first has, they are a batch; where only the second has, output channels. Two elements meet
on a paired axis if their index is the same: those are groups. Complex numbers have one more axis,
of components; a product of two adds some up, and those are input channels.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from fastconv import _conv_args, _core
from fastconv.conv import conv1d, conv2d, conv3d
from fastconv.signal._args import Array, Part, sizes_of

BATCH, GROUPS, CHANNELS, OUTPUTS, SPACE = "bgcos"

_CONV: tuple[Any, ...] = (None, (conv1d, "NWC"), (conv2d, "NHWC"), (conv3d, "NDHWC"))
_SPACE = 3  # axes that C has


def transform(x: Array, taps: Array, part: Part, paired: Collection[int] = ()) -> Array:
    """Give a part of the full convolution of two arrays of one precision, single or double.

    Transforms are in float64. What is not finite gives the direct sum. Along the `paired` axes,
    which are equally long, there is no sum; the part is all of them.
    """
    kinds = _kinds(x.shape, taps.shape, paired)
    if _count(taps, kinds, SPACE) > _count(x, kinds, SPACE):
        x, taps = taps, x
        kinds = _kinds(x.shape, taps.shape, paired)
    if SPACE not in kinds:
        return np.ascontiguousarray((x * taps)[part])
    components = _component_kinds(x.dtype.kind == "c", taps.dtype.kind == "c")
    if not components:
        return np.ascontiguousarray(_convolve(x, taps, part, kinds))
    x, taps = _with_components(x, taps)
    part = (*part, *[slice(0, 1 if kind == CHANNELS else 2) for kind in components])
    y = np.ascontiguousarray(_convolve(x, taps, part, kinds + components))
    whole = np.result_type(y, np.complex64)
    return y.view(whole).reshape(y.shape[: len(kinds)])


def _kinds(shape: Sequence[int], taps: Sequence[int], paired: Collection[int]) -> str:
    kinds = ""
    for a, (n, k) in enumerate(zip(shape, taps, strict=True)):
        kinds += GROUPS if a in paired else BATCH if k == 1 else OUTPUTS if n == 1 else SPACE
    return kinds


# ---- Complex numbers -----------------------------------------------------------------------------


def _component_kinds(first: bool, second: bool) -> str:
    """Give the kinds of the axes of components, from which arrays are complex."""
    return CHANNELS + OUTPUTS if first else OUTPUTS if second else ""


def _with_components(x: Array, taps: Array) -> tuple[Array, Array]:
    """Give real arrays with the axes of components, at the end."""
    if x.dtype.kind != "c":
        return x[..., None], _components(taps)
    matrix = np.empty((*taps.shape, 2, 2), taps.real.dtype)
    matrix[..., 0, 0] = matrix[..., 1, 1] = taps.real
    matrix[..., 0, 1] = taps.imag
    matrix[..., 1, 0] = -taps.imag
    return _components(x)[..., None], matrix


def _components(array: Array) -> Array:
    return np.ascontiguousarray(array).view(array.real.dtype).reshape(*array.shape, 2)


# ---- Axes ----------------------------------------------------------------------------------------


def _convolve(x: Array, taps: Array, part: Part, kinds: str) -> Array:
    """Convolve real arrays with axes of these kinds; what is added up leaves an axis of one."""
    ndim = x.ndim
    while kinds.count(SPACE) > _SPACE:
        x, taps = _windows(x, taps, part, kinds.index(SPACE))
        part, kinds = _without_first(part, kinds)
    x, taps = x[_where(BATCH, kinds, part)], taps[_where(OUTPUTS, kinds, part)]
    images, kernels, pads, groups = _planes(x, taps, part, kinds)
    run, layout = _CONV[images.ndim - 2]
    is_last = _is_last(taps, kinds)
    if not is_last:
        layout = None
    y = run(images, kernels, padding=pads, groups=groups, layout=layout, algorithm="fft")
    if is_last:
        planes = BATCH + SPACE + OUTPUTS
    elif _in_space(x, kinds):
        planes = GROUPS + OUTPUTS + BATCH + SPACE
    else:
        planes = BATCH + GROUPS + OUTPUTS + SPACE
    order = _axes(kinds, *planes, CHANNELS)
    sizes = sizes_of(part)
    y = y.reshape([1 if kinds[a] == CHANNELS else sizes[a] for a in order])
    return y.transpose(np.argsort(order)).reshape(sizes[:ndim])


def _axes(kinds: str, *order: str) -> list[int]:
    return [a for kind in order for a in range(len(kinds)) if kinds[a] == kind]


def _planes(
    x: Array, taps: Array, part: Part, kinds: str
) -> tuple[Array, Array, tuple[tuple[int, int], ...], int]:
    """Give images, kernels, padding and groups of the same convolution."""
    space = _axes(kinds, SPACE)
    lines, windows = [x.shape[a] for a in space], [taps.shape[a] for a in space]
    cut, pads = _reach(lines, windows, [part[a] for a in space])
    batch, groups = _count(x, kinds, BATCH), _count(x, kinds, GROUPS)
    channels, outputs = _count(x, kinds, CHANNELS), _count(taps, kinds, OUTPUTS)
    kernels = taps.transpose(_axes(kinds, GROUPS, OUTPUTS, CHANNELS, BATCH, SPACE))
    first: tuple[str, ...] = (BATCH, GROUPS, CHANNELS)
    if _in_space(x, kinds):
        first = GROUPS, CHANNELS, BATCH
        lines, windows = [batch, *lines], [1, *windows]
        cut, pads, batch = (slice(None), *cut), ((0, 0), *pads), 1
    every, back = slice(None), (slice(None, None, -1),) * len(windows)
    kernels = kernels.reshape(groups * outputs, channels, *windows)[(every, every) + back]
    if _is_last(taps, kinds):
        images = x.transpose(_axes(kinds, BATCH, SPACE, CHANNELS, OUTPUTS))
        return images.reshape(batch, *lines, channels)[(every,) + cut], kernels, pads, groups
    images = x.transpose(_axes(kinds, *first, OUTPUTS, SPACE))
    images = images.reshape(batch, groups * channels, *lines)
    return images[(every, every) + cut], kernels, pads, groups


def _is_last(taps: Array, kinds: str) -> bool:
    """Tell whether channels are the last axis: those that are components lie so."""
    return _count(taps, kinds, OUTPUTS) == 2 and GROUPS not in kinds


def _where(kind: str, kinds: str, part: Part) -> Part:
    """Give the part on axes of one kind."""
    return tuple([p if k == kind else slice(None) for p, k in zip(part, kinds, strict=True)])


def _count(array: Array, kinds: str, kind: str) -> int:
    return math.prod([n for n, k in zip(array.shape, kinds, strict=True) if k == kind])


# A tile of C's transforms has at least so many lines, and two tiles are transformed together, of
# one image: the lines of a batch are best an image.
_LINES = 8


def _in_space(x: Array, kinds: str) -> bool:
    """Tell whether a batch is one more axis of space."""
    return kinds.count(SPACE) < _SPACE and _count(x, kinds, BATCH) >= _LINES


def _reach(
    shape: Sequence[int], taps: Sequence[int], part: Sequence[slice]
) -> tuple[Part, tuple[tuple[int, int], ...]]:
    """Give what a part is made of, and the zeros on either side of that."""
    cut, pads = [], []
    for n, k, wanted in zip(shape, taps, part, strict=True):
        cut.append(slice(max(wanted.start - (k - 1), 0), min(wanted.stop, n)))
        pads.append((max(k - 1 - wanted.start, 0), max(wanted.stop - n, 0)))
    return tuple(cut), tuple(pads)


# More axes of space than C has: the windows of the first one are a batch of channels.


def _windows(x: Array, taps: Array, part: Part, axis: int) -> tuple[Array, Array]:
    size = taps.shape[axis]
    (cut,), (pads,) = _reach([x.shape[axis]], [size], [part[axis]])
    around, inside = [(0, 0)] * x.ndim, [slice(None)] * x.ndim
    around[axis], inside[axis] = pads, cut
    padded = np.pad(x[tuple(inside)], around)
    windows = np.lib.stride_tricks.sliding_window_view(padded, size, axis)
    return windows, np.expand_dims(np.moveaxis(taps, axis, -1)[..., ::-1], axis)


def _without_first(part: Part, kinds: str) -> tuple[Part, str]:
    a = kinds.index(SPACE)
    here = slice(0, part[a].stop - part[a].start)
    part = (*part[:a], here, *part[a + 1 :], slice(0, 1))
    return part, kinds[:a] + BATCH + kinds[a + 1 :] + CHANNELS


# ---- Times ---------------------------------------------------------------------------------------

_PROBLEM = [
    _core.Operator("convolve", n, ("in1", "in2", "bias?"), _conv_args.conv, 0) for n in range(4)
]
_FFT = _core.ALGORITHMS.index("fft")

# What a call takes beside what C predicts, and by how much the rest is longer: memory that is new,
# components that do not lie side by side (AMD Zen 5, November 2026).
CALL_US = 3.0
REAL, COMPLEX = 1.15, 1.4


def transform_seconds(
    shape1: Sequence[int],
    shape2: Sequence[int],
    part: Part,
    are_complex: tuple[bool, bool],
    paired: Collection[int] = (),
) -> float:
    """Predict the time that `transform` takes on one thread, of two shapes."""
    shape, taps = tuple(shape1), tuple(shape2)
    kinds = _kinds(shape, taps, paired)
    space = _axes(kinds, SPACE)
    if math.prod([taps[a] for a in space]) > math.prod([shape[a] for a in space]):
        shape, taps, are_complex = taps, shape, are_complex[::-1]
        kinds = _kinds(shape, taps, paired)
    for kind in _component_kinds(*are_complex):
        kinds += kind
        shape += (1 if kind == OUTPUTS else 2,)
        taps += (2,)
        part = (*part, slice(0, 1 if kind == CHANNELS else 2))
    while kinds.count(SPACE) > _SPACE:
        a = kinds.index(SPACE)
        size = taps[a]
        shape = (*shape[:a], part[a].stop - part[a].start, *shape[a + 1 :], size)
        taps = (*taps[:a], 1, *taps[a + 1 :], size)
        part, kinds = _without_first(part, kinds)
    if SPACE not in kinds:
        return 0.0
    nothing = np.zeros((), np.float32)
    x = np.broadcast_to(nothing, shape)[_where(BATCH, kinds, part)]
    w = np.broadcast_to(nothing, taps)[_where(OUTPUTS, kinds, part)]
    images, kernels, pads, groups = _planes(x, w, part, kinds)
    layout = _CONV[images.ndim - 2][1] if _is_last(w, kinds) else None
    options: tuple[Any, ...] = (1, pads, 1, groups, layout, "zeros", None, "direct")
    problem = _PROBLEM[images.ndim - 2].prepare(images[0], kernels, None, options)[0]
    assert isinstance(problem, _core.ConvForward)
    seconds = len(images) * problem.cost(_FFT) * (COMPLEX if any(are_complex) else REAL)
    return 1e-6 * CALL_US + seconds
