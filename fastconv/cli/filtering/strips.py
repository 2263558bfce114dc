"""The arithmetic: a kernel over every channel, the image at once or strip by strip."""

from collections.abc import Iterator

import numpy as np

from fastconv import ndimage
from fastconv.cli.filtering.content import Content

Array = np.ndarray

STRIP_BYTES = 2**25  # of one channel in floats; a strip takes a few times as much


def partners(kernel: Array, magnitude: bool) -> list[Array]:
    """Give the kernels of a result: the magnitude is of a kernel and of its transpose."""
    return [kernel, kernel.T] if magnitude and kernel.ndim > 1 else [kernel]


def result_shape(content: Content, stride: int) -> tuple[int, ...]:
    """Give the shape of the samples where every `stride`-th is kept."""
    return (*(-(-size // stride) for size in content.space), content.channels)


def fill(
    into: Array,
    content: Content,
    kernels: list[Array],
    mode: str,
    stride: int,
    magnitude: bool,
    in_strips: bool,
) -> float:
    """Filter every channel.

    Parameters
    ----------
    into : array of shape `result_shape`
        Filled with the result: integers are rounded, and clipped to the content's limits.
    content : Content
        What is filtered.
    kernels : list of array
        One, or the two of a magnitude.
    mode : str
        What is beyond the edge, as `fastconv.ndimage.correlate` has it.
    stride : int
        Only every so many-th element along each axis is kept.
    magnitude : bool
        The root of the sum of the squares instead of the sums themselves.
    in_strips : bool
        A few rows at a time rather than all at once.

    Returns
    -------
    float
        Which share of the values, from 0 to 1, was clipped.
    """
    clipped = counted = 0
    filtered = content.channels - content.alpha
    if content.alpha:
        every = (slice(None, None, stride),) * len(content.space)
        into[..., -1] = content.samples[..., -1][every]
    with np.errstate(all="ignore"):  # overflows are inf, as in the sums themselves
        for first, last in _strips(into.shape, content, kernels, stride, in_strips):
            for channel in range(filtered):
                samples = content.samples[..., channel]
                sums = [
                    _rows(samples, kernel, mode, stride, first, last, content.working)
                    for kernel in kernels
                ]
                values = _magnitude(sums) if magnitude else sums[0]
                clipped += _store(values, into[first:last, ..., channel], content.limits)
                counted += values.size
    return clipped / counted


def _strips(
    shape: tuple[int, ...], content: Content, kernels: list[Array], stride: int, in_strips: bool
) -> Iterator[tuple[int, int]]:
    """Cut the result's rows into pieces."""
    rows, step = shape[0], shape[0]
    if in_strips:
        row_bytes = content.working.itemsize * int(np.prod(content.space[1:], dtype=np.int64))
        halo = max(kernel.shape[0] for kernel in kernels)
        step = max(1, max(STRIP_BYTES // row_bytes, halo) // stride)
    for first in range(0, rows, step):
        yield first, min(first + step, rows)


def _rows(
    samples: Array, kernel: Array, mode: str, stride: int, first: int, last: int, dtype: np.dtype
) -> Array:
    """Give rows `first` to `last` of a channel's result.

    With a stride too all sums are made and most are dropped: passes over the whole are faster than
    windows at the places that are kept, and reading and writing the file takes longer than either.
    """
    height, size = len(samples), len(kernel)
    before, after = size // 2, size - 1 - size // 2
    top, bottom = first * stride, (last - 1) * stride + 1
    if first == 0 and bottom > height - stride:
        block = ndimage.correlate(samples.astype(dtype, copy=False), kernel, mode=mode)
    else:
        block = _with_neighbours(samples, top - before, bottom + after, mode, dtype)
        block = ndimage.correlate(block, kernel, mode=mode)[before : len(block) - after]
    every = (slice(None, None, stride),) * samples.ndim
    kept: Array = block[every]
    return kept


def _with_neighbours(samples: Array, top: int, bottom: int, mode: str, dtype: np.dtype) -> Array:
    """Give rows `top` to `bottom`, those beyond the edge as the mode has them."""
    height = len(samples)
    if top >= 0 and bottom <= height:
        return samples[top:bottom].astype(dtype)
    places = _beyond(np.arange(top, bottom), height, mode)
    block: Array = np.zeros((bottom - top, *samples.shape[1:]), dtype)
    inside = places >= 0
    block[inside] = samples[places[inside]]
    return block


def _beyond(places: Array, size: int, mode: str) -> Array:
    """Map places beyond the edge to those that stand there; -1 for zeros."""
    if mode in ("wrap", "grid-wrap"):
        return places % size
    if mode in ("reflect", "grid-mirror"):
        turned = places % (2 * size)
        return np.minimum(turned, 2 * size - 1 - turned)
    if mode == "mirror":
        turned = places % max(2 * size - 2, 1)
        return np.minimum(turned, 2 * size - 2 - turned)
    if mode == "nearest":
        return np.clip(places, 0, size - 1)
    return np.where((places >= 0) & (places < size), places, -1)


def _magnitude(sums: list[Array]) -> Array:
    result: Array = np.hypot(*sums) if len(sums) == 2 else np.abs(sums[0])
    return result


def _store(values: Array, into: Array, limits: tuple[int, int] | None) -> int:
    """Put floats into their place; give how many were clipped."""
    if into.dtype.kind == "f" or limits is None:
        into[...] = values
        return 0
    rounded = np.rint(values)
    kept = np.clip(rounded, *limits)
    count = int(np.count_nonzero(kept != rounded))
    if count:
        np.nan_to_num(kept, copy=False)  # the difference of two overflows
    into[...] = kept
    return count
