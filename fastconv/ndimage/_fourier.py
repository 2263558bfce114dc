"""Windows of many weights by Fourier transforms, where these are faster and show SciPy's results.

A transform errs by a part of the largest values around, not of those that a sum is made of. So it
is shown, cell by cell (`_cells`), that the products' magnitudes add up to so much that the error
is a small part of them: by bounds from the cells' sums, or by a second transform, of the
magnitudes. The other cells are added up directly, as are those whose windows hold NaN or Inf: these
stay where they are. Sums of whole numbers are exact: they are rounded.

How an array is cut and what is predicted follow from shapes and dtypes, what is chosen then from
the values: not from the number of threads, nor from the order of memory.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from fastconv import _core
from fastconv.ndimage import _args, _blocks, _cells, _layout
from fastconv.ndimage._args import Array, Ints
from fastconv.signal._args import part_of, reversed_
from fastconv.signal._choice import VECTORS
from fastconv.signal._transforms import transform, transform_seconds

# Fewer products are added up while anything else is still being decided.
FEW_TAPS, FEW = 100, 2**25

_MOST_ELEMENTS = {4: 2**22, 8: 2**21}  # of a block, by the bytes of its elements

# What a result may err by, as a part of its products' magnitudes (a direct sum of 10,000 doubles
# by 1e-12), and an exact sum of whole numbers.
_PART = {4: 1e-6, 8: 1e-12}
_ROUNDED = 0.25
_SAMPLE, _LIKELY = 36, 1e-9  # sums are looked at first: how near they are to whole numbers
_ROUNDING = 1.5 * 2.0**52  # added and taken away again, it leaves a whole number (and no -0.0)
# What a transform errs by: C takes less than that for zero (conv/fourier.c). It is 8 standard
# deviations for each doubling's square root.
_ERRORS = 8.0 * 2.0**-52
# Magnitudes that neither overflow nor are lost when squared or scaled.
_LEAST, _MOST = {4: 1e-25, 8: 1e-100}, 1e100
_SINGLE = 1e-20, 1e20  # weights that float32 may have

# Nanoseconds on one thread (AMD Zen 5, AVX-512, November 2026; other instruction sets by the length
# of their vectors). Of a product of the direct sum by the axes of the window (along one axis sums
# stay), of whole numbers in 8 and in 16 bits, in float32, and in float64 (of other integers, too),
# the least that were measured; where a window has gaps it takes GAPS times as long, but for small
# whole numbers in a plane. Of an element in what goes on beside one transform and beside two, and
# where axes change places for each. And microseconds of a call and of a box that is added up.
PRODUCT_NS = {
    2: {1: 0.0118, 2: 0.0148, 4: 0.0098, 8: 0.0165},
    3: {1: 0.02, 2: 0.02, 4: 0.0138, 8: 0.021},
}
GAPS = 2.0
ELEMENT_NS = {4: (2.0, 3.5), 8: (2.5, 5.5)}
MOVED_NS = 3.0
TRUNCATED = 2.0  # times as long as one transform, where it is looked for whole numbers, too
CALL_US, BOX_US = 150.0, 50.0
_BOX = 64  # elements along each axis, unless the window is larger
SURE = 1.25  # by how much transforms are to be faster, and boxes slower than the whole


class _Window(NamedTuple):
    """The terms of a window: others are 0, and lines without any at its sides are left out."""

    weights: Array
    offsets: Ints
    terms: int
    size: float  # the sum of the magnitudes
    whole: bool


class _Plan(NamedTuple):
    parts: Ints  # how the array is cut
    elements: int  # of a block, with what is around it
    direct: float  # seconds of a block by the direct sum, by one transform and by two
    once: float
    twice: float


def may_serve(elements: int, weights: int) -> bool:
    """Tell whether there are enough products for transforms to be considered."""
    return weights >= FEW_TAPS and elements * weights >= FEW


def taps(
    source: Array, weights: Array, target: Array, borders: Ints, cval: float, offsets: Ints
) -> bool:
    """Correlate with a window by transforms, if that is faster; tell whether it was done."""
    item = 4 if source.dtype.char == target.dtype.char == "f" else 8
    if _best(source.shape, weights.shape, int(np.count_nonzero(weights)), item, item) is None:
        return False
    window = _terms(weights, offsets)
    if window is None:
        return False
    exact = window.whole and _are_whole(source.dtype, borders, cval)
    truncates = target.dtype.kind != "f" and not exact
    if item == 4 and not _single_holds(window, borders, cval):
        item = 8
    shape = window.weights.shape
    product = source.itemsize if exact and source.itemsize <= 2 else item
    plan = _best(source.shape, shape, window.terms, item, product)
    if plan is None or (truncates and not _gains(plan)):
        return False
    bounds = None if exact else _Bounds(window, target.dtype, plan)
    needs_two = bounds is not None and bounds.are_wide and not truncates
    if needs_two and SURE * plan.twice > plan.direct:
        return False
    alone = math.prod(plan.parts) == 1
    if truncates and alone and not _gains(plan, source, window):
        return False
    if _is_product(source, target, window, borders, cval):
        return False
    if not alone and np.may_share_memory(source, target):
        source = source.copy()
    for box in _blocks.boxes(source.shape, plan.parts):
        block = _blocks.extended(
            source, box, shape, window.offsets, borders, cval, np.dtype(f"f{item}")
        )
        if bounds is None:
            found = _rounded(block, window)
        elif truncates:
            found = _truncated(block, bounds, target.dtype)
        else:
            found = _shown(block, bounds)
        if found is None and alone:
            return False
        if found is None:
            found = _core.new_result(tuple([s.stop - s.start for s in box]), target.dtype)
            _direct(block, window.weights, found)
        _layout.put(_converted(found, target.dtype), target[box])
    return True


def _terms(weights: Array, offsets: Ints) -> _Window | None:
    """Give what SciPy takes for a window's terms; None where a transform cannot serve."""
    magnitude = np.abs(weights)
    there = magnitude > 2.0**-52  # not where there is NaN
    size = float(magnitude.sum(where=there))
    if not 0.0 < size < _MOST:
        return None
    sides, moved = [], []
    for a in range(weights.ndim):
        at = np.flatnonzero(there.any(axis=tuple([b for b in range(weights.ndim) if b != a])))
        sides.append(slice(int(at[0]), int(at[-1]) + 1))
        moved.append(offsets[a] - int(at[0]))
    where = tuple(sides)
    counts = [side.stop - side.start for side in where]
    if not all(0 <= o < k for o, k in zip(moved, counts, strict=True)):  # all to one side
        return None
    kept = np.where(there, weights, 0.0)[where]
    return _Window(kept, tuple(moved), int(there.sum()), size, bool((kept == np.rint(kept)).all()))


# Terms that C adds up in float32 along all axes together, where it takes a window that is a
# product for passes (csrc/filter/taps_rank.c).
_PASS_TERMS = 150


def _is_product(source: Array, target: Array, window: _Window, borders: Ints, cval: float) -> bool:
    """Tell whether C filters axis by axis, as the window is a product of one for each."""
    weights, dtype = window.weights, source.dtype
    if dtype != target.dtype or window.terms < weights.size:
        return False
    if dtype.kind != "f" and (dtype.itemsize > 2 or not window.whole):
        return False
    if dtype.char == "f" and sum(k for k in weights.shape if k > 1) > _PASS_TERMS:
        return False
    if cval != 0.0 and _args.CONSTANT in borders:
        return False
    pivot = np.unravel_index(np.argmax(np.abs(weights)), weights.shape)
    product: Any = weights[pivot]
    for a in range(weights.ndim):
        at: tuple[Any, ...] = (*pivot[:a], slice(None), *pivot[a + 1 :])
        shape = [1] * weights.ndim
        shape[a] = -1
        product = product * (weights[at] / weights[pivot]).reshape(shape)
    return bool((np.abs(product - weights) <= 1e-6 * np.abs(weights)).all())


def _are_whole(source: np.dtype[Any], borders: Ints, cval: float) -> bool:
    """Tell whether all that windows reach are whole numbers."""
    return source.kind != "f" and (_args.CONSTANT not in borders or cval == np.rint(cval))


def _single_holds(window: _Window, borders: Ints, cval: float) -> bool:
    """Tell whether float32 has the weights, and what lies beyond the borders."""
    magnitude = np.abs(window.weights)
    least, most = _SINGLE
    if magnitude.max() > most or magnitude.min(where=magnitude > 0.0, initial=most) < least:
        return False
    with np.errstate(all="ignore"):
        return _args.CONSTANT not in borders or float(np.float32(cval)) == cval or cval != cval


def _best(shape: Ints, window: Ints, terms: int, item: int, product: int) -> _Plan | None:
    """Give a plan if transforms are predicted to be faster; `product`: bytes of direct sums'."""
    plan = _plan(shape, window, terms, item, product, _core.isa())
    return plan if plan is not None and SURE * plan.once < plan.direct else None


@functools.lru_cache(maxsize=256)
def _plan(shape: Ints, window: Ints, terms: int, item: int, product: int, isa: str) -> _Plan | None:
    """Cut an array, and predict what a block takes on one thread."""
    parts = _blocks.cut(shape, window, _MOST_ELEMENTS[item])
    block = tuple([n // p + k - 1 for n, p, k in zip(shape, parts, window, strict=True)])
    results = math.prod([n // p for n, p in zip(shape, parts, strict=True)])
    axes = sum(k > 1 for k in window)
    if axes not in PRODUCT_NS or terms < FEW_TAPS:
        return None
    product_ns = PRODUCT_NS[axes][product] * VECTORS[isa]
    if terms < math.prod(window) and (product > 2 or axes > 2):
        product_ns *= GAPS
    direct = 1e-9 * product_ns * terms * results
    elements = 1e-9 * math.prod(block)
    if direct < elements * ELEMENT_NS[item][0]:
        return None
    one = transform_seconds(block, window, part_of("valid", block, window), (False, False))
    if sorted(window, key=lambda k: k > 1) != list(window):
        one += elements * MOVED_NS
    beside = [1e-6 * CALL_US + elements * ns for ns in ELEMENT_NS[item]]
    return _Plan(parts, math.prod(block), direct, one + beside[0], 2 * one + beside[1])


# ---- A block -------------------------------------------------------------------------------------


def _rounded(block: Array, window: _Window) -> Array | None:
    """Give exact sums of whole numbers; None where they may not be exact."""
    largest = max(float(block.max()), -float(block.min()))
    if not _error(block.size, window.size) * largest < _ROUNDED:
        return None
    result = _transformed(block, window.weights)
    result += _ROUNDING
    result -= _ROUNDING
    return result


def _shown(block: Array, bounds: _Bounds) -> Array | None:
    """Give the sums of a block; None where they are better added up directly."""
    reach, plan, weights = _reach(block, bounds), bounds.plan, bounds.window.weights
    if reach is None:
        return None
    if reach.largest == 0.0 and not reach.near.any():
        return np.zeros(reach.shape, block.dtype)
    boxes = reach.boxes(reach.certain())
    direct = _seconds(boxes, reach, plan)
    if direct > plan.once / 2:  # it may be worth while to know more
        likely = _seconds(reach.boxes(reach.likely()), reach, plan)
        if plan.twice + likely < min(plan.once + direct, plan.direct / SURE):
            boxes = reach.boxes(reach.exact())
            direct = _seconds(boxes, reach, plan)
    if SURE * plan.once + direct > plan.direct:
        return None
    reach.magnitude = block  # it takes memory
    result = _transformed(reach.block, weights)
    reach.clear(result)
    _add(boxes, block, weights, result)
    return result


def _truncated(block: Array, bounds: _Bounds, dtype: np.dtype[Any]) -> Array | None:
    """Give truncated sums of a block; None where they are better added up directly.

    They are in doubt where SciPy's sum, which is rounded too, may be on the other side of a whole
    number. (On either side of 0, they are 0.)
    """
    reach, plan, window = _reach(block, bounds), bounds.plan, bounds.window
    if reach is None:
        return None
    doubt = reach.error + (window.terms + 2) * 2.0**-53 * window.size * reach.largest
    if not doubt < _ROUNDED:
        return None
    if math.prod(plan.parts) > 1 and not _gains(plan, reach.block, window):
        return None
    result = _transformed(reach.block, window.weights)
    reach.clear(result)
    boxes = reach.boxes(_cells.least(_distance(result), bounds.cell) > doubt)
    if _seconds(boxes, reach, plan) > plan.direct:
        return None
    result = _converted(result, dtype)
    _add(boxes, block, window.weights, result)
    return result


def _gains(plan: _Plan, array: Array | None = None, window: _Window | None = None) -> bool:
    """Tell whether transforms and truncation gain, also if as much is in doubt as in a sample."""
    part = 0.0
    if array is not None and window is not None:
        sums = _sample(array, window.weights)
        part = float(np.mean(_distance(sums) <= _LIKELY)) if sums.size else 0.0
    return TRUNCATED * plan.once + SURE * part * plan.direct < plan.direct


def _sample(array: Array, weights: Array) -> Array:
    """Add up some of the sums."""
    shape = [max(n - k + 1, 0) for n, k in zip(array.shape, weights.shape, strict=True)]
    count = int(_SAMPLE ** (1.0 / max(sum(n > 1 for n in shape), 1)))
    if not all(shape):
        return np.zeros(0)
    windows = np.lib.stride_tricks.sliding_window_view(array, weights.shape)
    places = [np.linspace(0, n - 1, min(n, count)).astype(np.intp) for n in shape]
    found = windows[np.ix_(*places)].astype(np.float64)
    with np.errstate(all="ignore"):
        return np.tensordot(found, weights, weights.ndim)  # type: ignore[no-any-return]


def _distance(sums: Array) -> Array:
    """Give how far sums are from a whole number other than 0."""
    whole = np.rint(sums, out=_core.new_result(sums.shape, sums.dtype))
    around_0 = whole == 0.0
    with np.errstate(invalid="ignore"):
        np.abs(np.subtract(sums, whole, out=whole), out=whole)
    np.copyto(whole, 1.0, where=around_0)
    return whole


def _reach(block: Array, bounds: _Bounds) -> _Reach | None:
    """Give what windows reach; None where too little of it is finite, or ordinary numbers."""
    reach, plan = _Reach(block, bounds), bounds.plan
    if reach.near.any():
        known = _seconds(reach.boxes(~reach.near), reach, plan)
        if SURE * plan.once + known > plan.direct:
            return None
        reach.leave_out_infinite()
    reach.set_error()
    return reach if reach.is_clear else None


def _add(boxes: list[_blocks.Box], block: Array, weights: Array, result: Array) -> None:
    """Put direct sums in some boxes."""
    for box in boxes:
        sides = zip(box, weights.shape, strict=True)
        reached = tuple([slice(s.start, s.stop + k - 1) for s, k in sides])
        _direct(block[reached], weights, result[box])


def _converted(array: Array, dtype: np.dtype[Any]) -> Array:
    if array.dtype == dtype:
        return array
    result = _core.new_result(array.shape, dtype)
    _core.filter_passes(array, result, (), 0.0)
    return result


def _transformed(block: Array, weights: Array) -> Array:
    turned = reversed_(weights.astype(block.dtype))
    return transform(block, turned, part_of("valid", block.shape, weights.shape))


def _direct(block: Array, weights: Array, result: Array) -> None:
    borders, start = (_args.CONSTANT,) * block.ndim, (0,) * block.ndim
    _core.filter_taps(block, weights, result, borders, 0.0, start, 0)


def _error(elements: int, size: float) -> float:
    """Give what a transform errs by, as a part of the largest element.

    A tile may have four times as many elements as the block has.
    """
    return _ERRORS * math.sqrt(math.log2(4.0 * elements)) * size


class _Bounds:
    """What a window shows of its sums, from the sums of cells."""

    def __init__(self, window: _Window, dtype: np.dtype[Any], plan: _Plan) -> None:
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
        self.are_wide = shown * self.part < _error(plan.elements, window.size)

    def likely(self) -> Array:
        """Give what cells probably are multiplied by, at least."""
        found: Array = self.patches.mean(axis=self.inner) / 2.0
        return found


class _Reach:
    """What the windows of a block's results reach, by cells."""

    def __init__(self, block: Array, bounds: _Bounds) -> None:
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
        self.error = _error(self.block.size, self.bounds.window.size) * self.largest
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
        sums = _transformed(self.magnitude, self.bounds.magnitude)
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


def _seconds(boxes: list[_blocks.Box], reach: _Reach, plan: _Plan) -> float:
    """Predict what direct sums take beside the transforms."""
    elements = sum(math.prod([side.stop - side.start for side in box]) for box in boxes)
    part = SURE * elements / math.prod(reach.shape)
    return 1e-6 * BOX_US * len(boxes) + part * plan.direct
