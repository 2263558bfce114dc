"""Arrays in blocks, each with what lies around it, also beyond the borders."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from fastconv._core import filter_taps, new_result
from fastconv.ndimage import _args, _layout
from fastconv.ndimage._args import Array, Ints

_SUM = 0
_LEAST_WINDOWS = 4  # a block is at least so many windows long: what lies around it is read again

Box = tuple[slice, ...]


def cut(shape: Ints, window: Ints, most: int) -> tuple[int, ...]:
    """Choose into how many parts to cut each axis: a block has at most so many elements, or so."""
    parts = [1] * len(shape)

    def length(a: int) -> int:
        return shape[a] // parts[a]

    def elements() -> int:
        return int(np.prod([length(a) + k - 1 for a, k in enumerate(window)], dtype=np.float64))

    while elements() > most:
        free = [
            a for a, k in enumerate(window) if length(a) >= 2 * (_LEAST_WINDOWS * k if k > 1 else 1)
        ]
        if not free:
            break
        alone = [a for a in free if window[a] == 1]
        parts[alone[0] if alone else max(free, key=lambda a: length(a) / window[a])] *= 2
    return tuple(parts)


def boxes(shape: Ints, parts: Ints) -> Iterator[Box]:
    """Give the blocks of a cut, in which those of an axis differ by one at most."""
    ends = [[n * i // p for i in range(p + 1)] for n, p in zip(shape, parts, strict=True)]
    return itertools.product(*[list(map(slice, e[:-1], e[1:])) for e in ends])


def extended(
    source: Array,
    box: Box,
    window: Ints,
    offsets: Ints,
    borders: Ints,
    cval: float,
    dtype: np.dtype[np.floating],
) -> Array:
    """Copy what the windows of a box's elements reach; an offset is one of its window's."""
    part, before = source, []
    for a, (wanted, n) in enumerate(zip(box, source.shape, strict=True)):
        first, last = wanted.start - offsets[a], wanted.stop - offsets[a] + window[a] - 1
        here = (slice(None),) * a
        if borders[a] == _args.WRAP and (first < 0 or last > n) and wanted != slice(0, n):
            part = np.take(part, np.arange(first, last) % n, a)
            before.append(0)
        else:
            part = part[here + (slice(max(first, 0), min(last, n)),)]
            before.append(max(-first, 0))
    sides = [side.stop - side.start + k - 1 for side, k in zip(box, window, strict=True)]
    block = new_result(tuple(sides), np.dtype(dtype))
    one = np.ones((1,) * source.ndim)
    filter_taps(_layout.dense(part), one, block, borders, cval, before, _SUM)
    return block
