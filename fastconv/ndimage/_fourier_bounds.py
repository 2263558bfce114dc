"""What a transform of a block errs by, and where its sums are large enough for that.

A result is shown to be exact if the magnitudes of its products add up to so much that the error is
a small part of them. Bounds of these sums are of cells (`_cells`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastconv import _core
from fastconv.ndimage import _args, _blocks, _cells
from fastconv.ndimage._args import Array
from fastconv.ndimage._fourier_choice import BOX_US, SURE, Plan, Window
from fastconv.signal._args import part_of, reversed_
from fastconv.signal._transforms import transform

# What a result may err by, as a part of its products' magnitudes (a direct sum of 10,000 doubles
# by 1e-12).
_PART = {4: 1e-6, 8: 1e-12}
# What a transform errs by: C takes less than that for zero (conv/fourier.c). It is 8 standard
# deviations for each doubling's square root.
_ERRORS = 8.0 * 2.0**-52
# Magnitudes that neither overflow nor are lost when squared or scaled.
_LEAST, _MOST = {4: 1e-25, 8: 1e-100}, 1e100
_BOX = 64  # elements along each axis, unless the window is larger


def transformed(block: Array, weights: Array) -> Array:
    """Correlate a block by transforms: all that windows within it come to."""
    turned = reversed_(weights.astype(block.dtype))
    return transform(block, turned, part_of("valid", block.shape, weights.shape))


def add(block: Array, weights: Array, result: Array) -> None:
    """Correlate a block directly."""
    borders, start = (_args.CONSTANT,) * block.ndim, (0,) * block.ndim
    _core.filter_taps(block, weights, result, borders, 0.0, start, 0)


def error_of(elements: int, size: float) -> float:
    """Give what a transform errs by, as a part of the largest element.

    A tile may have four times as many elements as the block has.
    """
    return _ERRORS * math.sqrt(math.log2(4.0 * elements)) * size


class Bounds:
    """What a window shows of its sums, from the sums of cells."""

    def __init__(self, window: Window, dtype: np.dtype[Any], plan: Plan) -> None:
        self.window, self.plan = window, plan
        self.part = _PART[4 if dtype.char == "f" else 8]
        self.magnitude = np.abs(window.weights)
        self.cell = _cells.sizes(self.magnitude.shape, dtype.char == "d")
        self.patches = _cells.patches(self.magnitude, self.cell)
        self.inner = tuple(range(self.magnitude.ndim, self.patches.ndim))
        self.least = self.patches.min(axis=self.inner)
        self.reached = self.least.shape
        # They may serve, even if elements are a quarter of the largest.
        shown = float(self.least.sum()) * math.prod(self.cell) / 4.0
        self.are_wide = shown * self.part < error_of(plan.elements, window.size)

    def likely(self) -> Array:
        """Give what cells probably are multiplied by, at least."""
        found: Array = self.patches.mean(axis=self.inner) / 2.0
        return found


class Reach:
    """What the windows of a block's results reach, by cells."""

    def __init__(self, block: Array, bounds: Bounds) -> None:
        self.bounds = bounds
        sides = bounds.magnitude.shape
        self.shape = tuple([n - k + 1 for n, k in zip(block.shape, sides, strict=True)])
        self.cells = tuple([-(-n // g) for n, g in zip(self.shape, bounds.cell, strict=True)])
        self.block, self.magnitude = block, _core.new_result(block.shape, block.dtype)
        np.abs(block, out=self.magnitude)
        self.sums = _cells.sums(self.magnitude, bounds.cell)
        self.infinite = ~np.isfinite(self.sums)  # cells with what is not, or beyond float32
        self.near = self.nothing = np.zeros(self.cells, bool)
        if self.infinite.any():
            self.near = _cells.reached(self.infinite, bounds.reached, self.cells)

    def leave_out_infinite(self) -> None:
        """Go on with 0 for what is not finite."""
        others = ~np.isfinite(self.block)
        clean = _core.new_result(self.block.shape, self.block.dtype)
        np.copyto(clean, self.block)
        for array in (clean, self.magnitude):
            np.copyto(array, 0.0, where=others)
        self.block, self.sums = clean, _cells.sums(self.magnitude, self.bounds.cell)
        self.sums[self.infinite] = 0.0

    def set_error(self) -> None:
        """Find what a transform errs by, and where there is nothing."""
        if not self.sums.all():
            there = (self.sums > 0.0) | self.infinite
            self.nothing = ~_cells.reached(there, self.bounds.reached, self.cells)
        self.largest = float(self.magnitude.max())
        self.error = error_of(self.block.size, self.bounds.window.size) * self.largest
        self.is_clear = self.largest == 0.0 or _LEAST[self.block.itemsize] < self.largest < _MOST

    def clear(self, result: Array) -> None:
        """Put 0 where there is nothing."""
        if self.nothing.any():
            result[_cells.spread(self.nothing, self.bounds.cell, self.shape)] = 0.0

    def certain(self) -> Array:
        """Tell for which cells of results the error is small for certain."""
        return self._is_small(self.bounds.least)

    def likely(self) -> Array:
        """Tell for which it probably is."""
        return self._is_small(self.bounds.likely())

    def exact(self) -> Array:
        """Tell for which it is, by the transform of the magnitudes."""
        sums = transformed(self.magnitude, self.bounds.magnitude)
        least = _cells.least(sums, self.bounds.cell).astype(np.float64)
        return least * self.bounds.part >= self.error * (1.0 + self.bounds.part)

    def _is_small(self, weights: Array) -> Array:
        sums = _cells.correlated(self.sums, weights, self.cells)
        return sums * self.bounds.part >= self.error

    def boxes(self, shown: Array) -> list[_blocks.Box]:
        """Give boxes of all results that are to be added up directly."""
        marked = (~shown & ~self.nothing) | self.near
        cell = self.bounds.cell
        sides = zip(self.bounds.magnitude.shape, cell, strict=True)
        at_least = tuple([-(-max(k, _BOX) // g) if k > 1 else 1 for k, g in sides])
        found = []
        for box in _cells.cover(marked, at_least):
            places = zip(box, cell, self.shape, strict=True)
            found.append(tuple([slice(s.start * g, min(s.stop * g, n)) for s, g, n in places]))
        return found


def seconds(boxes: list[_blocks.Box], reach: Reach, plan: Plan) -> float:
    """Predict what direct sums take beside the transforms."""
    elements = sum(math.prod([side.stop - side.start for side in box]) for box in boxes)
    part = SURE * elements / math.prod(reach.shape)
    return 1e-6 * BOX_US * len(boxes) + part * plan.direct
