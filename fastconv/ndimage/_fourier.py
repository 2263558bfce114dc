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

import math
from typing import Any

import numpy as np

from fastconv import _core
from fastconv.ndimage import _blocks, _cells, _layout
from fastconv.ndimage import _fourier_bounds as _bounds
from fastconv.ndimage import _fourier_choice as _choice
from fastconv.ndimage._args import Array, Ints
from fastconv.ndimage._fourier_bounds import Bounds, Reach
from fastconv.ndimage._fourier_choice import SURE, TRUNCATED, Choice, Plan, Window

_ROUNDED = 0.25  # what an exact sum of whole numbers may err by
_ROUNDING = 1.5 * 2.0**52  # added and taken away again, it leaves a whole number (and no -0.0)
# So many sums are looked at first, of so many products: whether they are next to whole numbers.
_SAMPLE, _PRODUCTS, _LIKELY = 36, 2**20, 1e-9


def taps(
    source: Array, weights: Array, target: Array, borders: Ints, cval: float, offsets: Ints
) -> bool:
    """Correlate with a window by transforms, if that is faster; tell whether it was done."""
    choice = _choice.choose(source, weights, target, borders, cval, offsets)
    if choice is None or (choice.truncates and not _gains(choice.plan)):
        return False
    window, plan = choice.window, choice.plan
    bounds = None if choice.exact else Bounds(window, target.dtype, plan)
    needs_two = bounds is not None and bounds.are_wide and not choice.truncates
    if needs_two and SURE * plan.twice > plan.direct:
        return False
    alone = math.prod(plan.parts) == 1
    if choice.truncates and alone and not _gains(plan, source, window):
        return False
    if _choice.is_product(source, target, window, borders, cval):
        return False
    if not alone and np.may_share_memory(source, target):
        source = source.copy()
    dtype, sides = np.dtype(f"f{choice.item}"), window.weights.shape
    for box in _blocks.boxes(source.shape, plan.parts):
        block = _blocks.extended(source, box, sides, window.offsets, borders, cval, dtype)
        found = _filtered(block, choice, bounds, target.dtype)
        if found is None and alone:
            return False
        if found is None:
            found = _core.new_result(tuple([s.stop - s.start for s in box]), target.dtype)
            _bounds.add(block, window.weights, found)
        _layout.put(_converted(found, target.dtype), target[box])
    return True


def _filtered(
    block: Array, choice: Choice, bounds: Bounds | None, dtype: np.dtype[Any]
) -> Array | None:
    """Give the results of a block; None where they are better added up directly."""
    if bounds is None:
        return _rounded(block, choice.window)
    return _truncated(block, bounds, dtype) if choice.truncates else _shown(block, bounds)


def _rounded(block: Array, window: Window) -> Array | None:
    """Give exact sums of whole numbers; None where they may not be exact."""
    largest = max(float(block.max()), -float(block.min()))
    if not _bounds.error_of(block.size, window.size) * largest < _ROUNDED:
        return None
    result = _bounds.transformed(block, window.weights)
    result += _ROUNDING
    result -= _ROUNDING
    return result


def _shown(block: Array, bounds: Bounds) -> Array | None:
    """Give the sums of a block; None where they are better added up directly."""
    reach, plan, weights = _reached(block, bounds), bounds.plan, bounds.window.weights
    if reach is None:
        return None
    if reach.largest == 0.0 and not reach.near.any():
        return np.zeros(reach.shape, block.dtype)
    boxes = reach.boxes(reach.certain())
    direct = _bounds.seconds(boxes, reach, plan)
    if direct > plan.once / 2:  # it may be worth while to know more
        likely = _bounds.seconds(reach.boxes(reach.likely()), reach, plan)
        if plan.twice + likely < min(plan.once + direct, plan.direct / SURE):
            boxes = reach.boxes(reach.exact())
            direct = _bounds.seconds(boxes, reach, plan)
    if SURE * plan.once + direct > plan.direct:
        return None
    reach.magnitude = block  # it takes memory
    result = _bounds.transformed(reach.block, weights)
    reach.clear(result)
    _put_sums(boxes, block, weights, result)
    return result


def _truncated(block: Array, bounds: Bounds, dtype: np.dtype[Any]) -> Array | None:
    """Give truncated sums of a block; None where they are better added up directly.

    They are in doubt where SciPy's sum, which is rounded too, may be on the other side of a whole
    number. (On either side of 0, they are 0.)
    """
    reach, plan, window = _reached(block, bounds), bounds.plan, bounds.window
    if reach is None:
        return None
    doubt = reach.error + (window.terms + 2) * 2.0**-53 * window.size * reach.largest
    if not doubt < _ROUNDED:
        return None
    if math.prod(plan.parts) > 1 and not _gains(plan, reach.block, window):
        return None
    result = _bounds.transformed(reach.block, window.weights)
    reach.clear(result)
    boxes = reach.boxes(_cells.least(_distance(result), bounds.cell) > doubt)
    if _bounds.seconds(boxes, reach, plan) > plan.direct:
        return None
    result = _converted(result, dtype)
    _put_sums(boxes, block, window.weights, result)
    return result


def _gains(plan: Plan, array: Array | None = None, window: Window | None = None) -> bool:
    """Tell whether transforms and truncation gain, also if as much is in doubt as in a sample."""
    part = 0.0
    if array is not None and window is not None:
        sums = _sample(array, window.weights)
        part = float(np.mean(_distance(sums) <= _LIKELY)) if sums.size else 0.0
    return TRUNCATED * plan.once + SURE * part * plan.direct < plan.direct


def _sample(array: Array, weights: Array) -> Array:
    """Add up some of the sums."""
    shape = [max(n - k + 1, 0) for n, k in zip(array.shape, weights.shape, strict=True)]
    most = min(_SAMPLE, max(_PRODUCTS // weights.size, 1))
    count = int(most ** (1.0 / max(sum(n > 1 for n in shape), 1)))
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


def _reached(block: Array, bounds: Bounds) -> Reach | None:
    """Give what windows reach; None where too little of it is finite, or ordinary numbers."""
    reach, plan = Reach(block, bounds), bounds.plan
    if reach.near.any():
        known = _bounds.seconds(reach.boxes(~reach.near), reach, plan)
        if SURE * plan.once + known > plan.direct:
            return None
        reach.leave_out_infinite()
    reach.set_error()
    return reach if reach.is_clear else None


def _put_sums(boxes: list[_blocks.Box], block: Array, weights: Array, result: Array) -> None:
    """Put direct sums in some boxes."""
    for box in boxes:
        sides = zip(box, weights.shape, strict=True)
        reached = tuple([slice(s.start, s.stop + k - 1) for s, k in sides])
        _bounds.add(block[reached], weights, result[box])


def _converted(array: Array, dtype: np.dtype[Any]) -> Array:
    if array.dtype == dtype:
        return array
    result = _core.new_result(array.shape, dtype)
    _core.filter_passes(array, result, (), 0.0)
    return result
