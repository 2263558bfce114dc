"""Convolution by the Fourier transforms of the library that is there.

They are for longdouble, which C's do not have, and for what C's are slower at: arrays of about the
same size, and many short lines each with its own kernel.

SciPy's transforms where SciPy is installed (vectors over several lines, threads), else NumPy's.
Both are pocketfft. Nothing else of SciPy is used. SciPy's have as many threads as fastconv, or as
`scipy.fft.set_workers` says.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastconv import _core

Array = NDArray[Any]


@functools.cache
def _library() -> tuple[ModuleType, bool]:
    """Give the module with the transforms, and whether it takes `workers`."""
    try:
        return importlib.import_module("scipy.fft"), True
    except ImportError:
        return np.fft, False


def _workers(library: ModuleType) -> int:
    """Give the threads of a transform: of `scipy.fft.set_workers` where more than 1 are set there.

    1 is what SciPy has where nothing was set; ours are meant then.
    """
    workers: int = library.get_workers()
    return workers if workers > 1 else _core.get_num_threads()


def _transform(name: str, array: Array, sizes: Sequence[int], axes: Sequence[int]) -> Array:
    library, threaded = _library()
    options = {"workers": _workers(library)} if threaded else {}
    result: Array = getattr(library, name)(array, sizes, axes=axes, **options)
    return result


def as_transformed(array: Array) -> Array:
    """Convert to the type that a transform is computed in: what is no number of it to float64."""
    if array.dtype.kind == "f" and array.dtype.itemsize == 2:
        return array.astype(np.float32)
    return array if array.dtype.kind in "fc" else array.astype(np.float64)


# ---- Sizes ---------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def fast_size(size: int) -> int:
    """Give the least 2**a * 3**b * 5**c that is at least `size`: transforms of it are fast."""
    best = 1 << max(size - 1, 0).bit_length()
    five = 1
    while five < best:
        odd = five
        while odd < best:
            rest = -(-size // odd)
            best = min(best, odd << max(rest - 1, 0).bit_length())
            odd *= 3
        five *= 5
    return best


# A block of B costs about B * (log2(B) + WORK) of one and the same unit: what is done once for each
# element (moved, multiplied, added) takes as long as WORK steps of a transform, CALL such units go
# for each block, and a block that leaves the L2 cache is slower by MEMORY. AMD Zen 5, November
# 2026, by hand from 1-D blocks of 2**8 to 2**20.
WORK, CALL = 6.0, 500.0
CACHE_ELEMENTS, MEMORY = 1 << 16, 1.4


def _block_cost(size: int) -> float:
    slow = MEMORY if size > CACHE_ELEMENTS else 1.0
    return CALL + size * (math.log2(max(size, 2)) + WORK) * slow


@functools.lru_cache(maxsize=1024)
def block_size(long: int, short: int) -> int:
    """Give the transform's size for overlap-add of `long` by `short`; one block where that wins."""
    whole = fast_size(long + short - 1)
    best, least = whole, _block_cost(whole)
    size = fast_size(2 * short)
    while size < whole:
        cost = -(-long // (size - short + 1)) * _block_cost(size)
        if cost < least:
            best, least = size, cost
        size = fast_size(size + size // 4 + 1)
    return best


# Nanoseconds of an element in each doubling of one transform, on one thread (AMD Zen 5, November
# 2026, SciPy 1.17): of lines that are transformed four at a time, of a line alone, and by how much
# complex numbers, single precision and longdouble take longer, and what leaves the caches;
# microseconds of a call.
STEP_NS, LINE_NS = 0.22, 0.29
COMPLEX, SINGLE, LONG = 1.8, 0.6, 8.0
FAR, FAR_ELEMENTS = 1.6, 1 << 17
CALL_US = 25.0


def seconds(
    shape1: Sequence[int], shape2: Sequence[int], axes: Sequence[int], dtype: np.dtype[Any]
) -> float:
    """Predict the time that `convolve` takes on one thread."""
    first = second = both = line = 1.0
    for a, (n, m) in enumerate(zip(shape1, shape2, strict=True)):
        if a not in axes:
            first, second, both = first * n, second * m, both * max(n, m)
            continue
        long, short = max(n, m), min(n, m)
        size = block_size(long, short)
        blocks = -(-long // (size - short + 1)) if size < long + short - 1 else 1
        first *= size * (blocks if n >= m else 1)
        second *= size * (1 if n >= m else blocks)
        both, line = both * size * blocks, line * size
    step = LINE_NS if len(axes) == 1 and both == line else STEP_NS
    step *= FAR if line > FAR_ELEMENTS else 1.0
    step *= COMPLEX if dtype.kind == "c" else 1.0
    step *= SINGLE if dtype.char in "fF" else LONG if dtype.char in "gG" else 1.0
    return 1e-6 * CALL_US + 1e-9 * step * math.log2(max(line, 2)) * (first + second + both)


# ---- Convolution ---------------------------------------------------------------------------------


def convolve(in1: Array, in2: Array, axes: Sequence[int]) -> Array:
    """Give the full convolution over some axes; the others broadcast."""
    in1, in2 = as_transformed(in1), as_transformed(in2)
    wide = np.result_type(in1.real, in2.real)  # of each, and of complex where it is
    in1, in2 = (a.astype(np.result_type(a, wide), copy=False) for a in (in1, in2))
    blocks = [block_size(*sorted((in1.shape[a], in2.shape[a]), reverse=True)) for a in axes]
    full = [in1.shape[a] + in2.shape[a] - 1 for a in axes]
    if all(block >= size for block, size in zip(blocks, full, strict=True)):
        result = _product(in1, in2, blocks, axes)
        return result[_leading(result.ndim, axes, full)]
    return _overlap_add(in1, in2, axes, blocks, full)


def _product(in1: Array, in2: Array, sizes: Sequence[int], axes: Sequence[int]) -> Array:
    """Transform, multiply, transform back: circular in `sizes`."""
    is_complex = "c" in (in1.dtype.kind, in2.dtype.kind)
    forward, back = ("fftn", "ifftn") if is_complex else ("rfftn", "irfftn")
    spectrum = _transform(forward, in1, sizes, axes)
    other = _transform(forward, in2, sizes, axes)
    if spectrum.dtype == np.result_type(spectrum, other) and spectrum.ndim == other.ndim:
        shape = np.broadcast_shapes(spectrum.shape, other.shape)
        spectrum = np.multiply(spectrum, other, out=spectrum if shape == spectrum.shape else None)
    else:
        spectrum = spectrum * other
    return _transform(back, spectrum, sizes, axes)


def _leading(ndim: int, axes: Sequence[int], sizes: Sequence[int]) -> tuple[slice, ...]:
    index = [slice(None)] * ndim
    for axis, size in zip(axes, sizes, strict=True):
        index[axis] = slice(size)
    return tuple(index)


def _overlap_add(
    in1: Array, in2: Array, axes: Sequence[int], blocks: Sequence[int], full: Sequence[int]
) -> Array:
    """Cut the longer array of each axis into blocks, convolve each, and add where they overlap."""
    places: list[int] = []
    joints: list[tuple[int, int]] = []
    ordered = sorted(zip(axes, blocks, full, strict=True))
    for axis, block, size in ordered:
        place = axis + len(joints)  # one more axis for each that was cut
        n, m = in1.shape[place], in2.shape[place]
        if block < size:
            step = block - min(n, m) + 1
            in1 = _cut(in1, place, step if n >= m else n)
            in2 = _cut(in2, place, m if n >= m else step)
            joints.append((place, step))
            place += 1
        places.append(place)
    result = _product(in1, in2, [block for _, block, _ in ordered], places)
    for place, step in reversed(joints):
        result = _join(result, place, step)
    return result[_leading(result.ndim, axes, full)]


def _cut(array: Array, axis: int, step: int) -> Array:
    """Split an axis into (blocks, step), with zeros at the end."""
    size = array.shape[axis]
    count = -(-size // step)
    if count * step != size:
        widths = [(0, 0)] * array.ndim
        widths[axis] = (0, count * step - size)
        array = np.pad(array, widths)
    return array.reshape(*array.shape[:axis], count, step, *array.shape[axis + 1 :])


def _join(blocks: Array, axis: int, step: int) -> Array:
    """Add blocks (`axis`, `axis` + 1), each of which begins `step` after the one before it.

    They are at most twice as long as a step.
    """
    rows = np.moveaxis(blocks, (axis, axis + 1), (0, 1))
    count, size = rows.shape[:2]
    result = np.zeros((count + 1, step, *rows.shape[2:]), rows.dtype)
    result[:count] = rows[:, :step]
    result[1:, : size - step] += rows[:, step:]
    line = result.reshape(-1, *rows.shape[2:])
    return np.moveaxis(line, 0, axis)
