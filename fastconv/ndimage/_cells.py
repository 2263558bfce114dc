"""Bounds of what windows add up, from the sums of cells: cheap beside the filter itself.

An axis of cells has one for every `size` elements. The windows of a cell's results reach certain
cells of the input, each with some of the weights: the least of those times the cell's sum is what
the products there come to at least, whatever elements the cell has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastconv._core import filter_taps
from fastconv.ndimage import _args
from fastconv.ndimage._args import Array, Ints
from fastconv.pool import avg_pool1d, avg_pool2d, avg_pool3d, max_pool1d, max_pool2d, max_pool3d

_AVERAGE: tuple[Callable[..., Array], ...] = (avg_pool1d, avg_pool2d, avg_pool3d)
_MAXIMUM: tuple[Callable[..., Array], ...] = (max_pool1d, max_pool2d, max_pool3d)
_SUM, _MOST = 0, 1

# A cell is such a part of a window, up to so many elements: in float64, where bounds are to be
# closer, of up to such a part or so many elements, whichever is more.
_WINDOW_PART, _LARGEST = 6, 16
_CLOSE_PART, _CLOSE = 32, 4
_SPLIT = 5  # from which on windows have cells of two at least


def sizes(window: Ints, close: bool) -> tuple[int, ...]:
    """Choose the sizes of cells, for bounds that are to be close or may be wide."""
    return tuple([_size(k, max(k // _CLOSE_PART, _CLOSE) if close else _LARGEST) for k in window])


def _size(window: int, most: int) -> int:
    return min(max(window // _WINDOW_PART, 1 + (window >= _SPLIT)), most)


def _pooled(
    pools: Sequence[Callable[..., Array]], array: Array, size: Ints, **options: Any
) -> Array:
    """Pool the axes on which cells have more than one element."""
    space = [a for a, g in enumerate(size) if g > 1]
    if not space:
        return array
    others = [a for a, g in enumerate(size) if g == 1]
    order = others + space
    batch = array.transpose(order).reshape(-1, 1, *[array.shape[a] for a in space])
    each = tuple([size[a] for a in space])
    found = pools[len(space) - 1](batch, each, each, ceil_mode=True, **options)
    found = found.reshape([array.shape[a] for a in others] + list(found.shape[2:]))
    return found.transpose(np.argsort(order))


def sums(array: Array, size: Ints) -> Array:
    """Add up the elements of each cell, in float64."""
    return _pooled(_AVERAGE, array, size, divisor_override=1).astype(np.float64)


def least(array: Array, size: Ints) -> Array:
    """Give the least element of each cell."""
    return -_pooled(_MAXIMUM, -array, size)


def patches(weights: Array, size: Ints) -> Array:
    """Give all weights with which the windows of a cell meet each cell that they reach.

    The first axes are of the cells, the last ones of the weights.
    """
    sides = list(zip(weights.shape, size, strict=True))
    around = np.zeros([((k + g - 2) // g + 2) * g - 1 for k, g in sides])
    around[tuple([slice(g - 1, g - 1 + k) for k, g in sides])] = weights
    found = np.lib.stride_tricks.sliding_window_view(around, [2 * g - 1 for g in size])
    return found[tuple([slice(None, None, g) for g in size])]


def correlated(cells: Array, weights: Array, shape: Ints) -> Array:
    """Add up, for each cell of results, what weights make of the cells from it on."""
    return _filtered(cells, weights, shape, _SUM, np.float64)


def reached(cells: Array, window: Ints, shape: Ints) -> Array:
    """Tell, for each cell of results, whether one of those that its windows reach is set."""
    return _filtered(cells.astype(np.uint8), np.ones(window, np.uint8), shape, _MOST, np.uint8) > 0


def _filtered(cells: Array, weights: Array, shape: Ints, op: int, dtype: Any) -> Array:
    result = np.empty(shape, dtype)
    borders, start = (_args.CONSTANT,) * cells.ndim, (0,) * cells.ndim
    filter_taps(cells, np.ascontiguousarray(weights), result, borders, 0.0, start, op, op == _SUM)
    return result


_NODES = 128


def cover(marked: Array, at_least: Ints) -> list[tuple[slice, ...]]:
    """Cover the marked cells by a few boxes; parts up to `at_least` cells are not cut further."""
    found: list[tuple[slice, ...]] = []
    waiting = [tuple([slice(0, n) for n in marked.shape])]
    for _ in range(_NODES):
        if not waiting:
            return found
        box = _cropped(marked, waiting.pop())
        if box is None:
            continue
        part = marked[box]
        longest = max(range(part.ndim), key=lambda a: part.shape[a] / at_least[a])
        if part.shape[longest] <= at_least[longest] or 2 * np.count_nonzero(part) > part.size:
            found.append(box)
            continue
        start, stop = box[longest].start, box[longest].stop
        middle = (start + stop) // 2
        for half in (slice(start, middle), slice(middle, stop)):
            waiting.append((*box[:longest], half, *box[longest + 1 :]))
    return found + waiting


def _cropped(marked: Array, box: tuple[slice, ...]) -> tuple[slice, ...] | None:
    """Give the part of a box that marked cells extend over."""
    part, sides = marked[box], []
    for a, side in enumerate(box):
        there = np.flatnonzero(part.any(axis=tuple([b for b in range(part.ndim) if b != a])))
        if not len(there):
            return None
        sides.append(slice(side.start + int(there[0]), side.start + int(there[-1]) + 1))
    return tuple(sides)


def spread(cells: Array, size: Ints, shape: Ints) -> Array:
    """Give each element what its cell has."""
    for a, g in enumerate(size):
        cells = cells.repeat(g, a)
    return cells[tuple([slice(0, n) for n in shape])]
