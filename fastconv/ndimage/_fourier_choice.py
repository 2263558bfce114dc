"""Whether a large window goes by Fourier transforms: what it has, and what either way takes."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from fastconv import _core
from fastconv.ndimage import _args, _blocks
from fastconv.ndimage._args import Array, Ints
from fastconv.signal._args import part_of
from fastconv.signal._choice import VECTORS
from fastconv.signal._transforms import transform_seconds

# Fewer products are added up while anything else is still being decided.
FEW_TAPS, FEW = 100, 2**25

_MOST_ELEMENTS = {4: 2**22, 8: 2**21}  # of a block, by the bytes of its elements
_MOST = 1e100  # weights' sum
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
SURE = 1.25  # by how much transforms are to be faster, and boxes slower than the whole


class Window(NamedTuple):
    """The terms of a window: others are 0, and lines without any at its sides are left out."""

    weights: Array
    offsets: Ints
    terms: int
    size: float  # the sum of the magnitudes
    whole: bool


class Plan(NamedTuple):
    parts: Ints  # how the array is cut
    elements: int  # of a block, with what is around it
    direct: float  # seconds of a block by the direct sum, by one transform and by two
    once: float
    twice: float


class Choice(NamedTuple):
    """Transforms are predicted to be faster."""

    window: Window
    plan: Plan
    item: int  # bytes of a float to work in
    exact: bool  # all sums are of whole numbers
    truncates: bool  # sums that are not become integers


def may_serve(elements: int, weights: int) -> bool:
    """Tell whether there are enough products for transforms to be considered."""
    return weights >= FEW_TAPS and elements * weights >= FEW


def choose(
    source: Array, weights: Array, target: Array, borders: Ints, cval: float, offsets: Ints
) -> Choice | None:
    """Choose transforms, if they are predicted to be faster; the values may show otherwise."""
    item = 4 if source.dtype.char == target.dtype.char == "f" else 8
    if _best(source.shape, weights.shape, int(np.count_nonzero(weights)), item, item) is None:
        return None
    window = _terms(weights, offsets)
    if window is None:
        return None
    exact = window.whole and _are_whole(source.dtype, borders, cval)
    if item == 4 and not _single_holds(window, borders, cval):
        item = 8
    product = source.itemsize if exact and source.itemsize <= 2 else item
    plan = _best(source.shape, window.weights.shape, window.terms, item, product)
    if plan is None:
        return None
    return Choice(window, plan, item, exact, target.dtype.kind != "f" and not exact)


def _terms(weights: Array, offsets: Ints) -> Window | None:
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
    return Window(kept, tuple(moved), int(there.sum()), size, bool((kept == np.rint(kept)).all()))


def _are_whole(source: np.dtype[Any], borders: Ints, cval: float) -> bool:
    """Tell whether all that windows reach are whole numbers."""
    return source.kind != "f" and (_args.CONSTANT not in borders or cval == np.rint(cval))


def _single_holds(window: Window, borders: Ints, cval: float) -> bool:
    """Tell whether float32 has the weights, and what lies beyond the borders."""
    magnitude = np.abs(window.weights)
    least, most = _SINGLE
    if magnitude.max() > most or magnitude.min(where=magnitude > 0.0, initial=most) < least:
        return False
    with np.errstate(all="ignore"):
        return _args.CONSTANT not in borders or float(np.float32(cval)) == cval or cval != cval


def _best(shape: Ints, window: Ints, terms: int, item: int, product: int) -> Plan | None:
    """Give a plan if transforms are predicted to be faster; `product`: bytes of direct sums'."""
    plan = plan_of(shape, window, terms, item, product, _core.isa())
    return plan if plan is not None and SURE * plan.once < plan.direct else None


@functools.lru_cache(maxsize=256)
def plan_of(
    shape: Ints, window: Ints, terms: int, item: int, product: int, isa: str
) -> Plan | None:
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
    return Plan(parts, math.prod(block), direct, one + beside[0], 2 * one + beside[1])


# Terms that C adds up in float32 along all axes together, where it takes a window that is a
# product for passes (csrc/filter/taps_rank.c).
_PASS_TERMS = 150


def is_product(source: Array, target: Array, window: Window, borders: Ints, cval: float) -> bool:
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
