"""The way to the filters in C: dtypes that have none are refused, complex numbers taken apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastconv._core import filter_passes, filter_taps
from fastconv.ndimage import _layout
from fastconv.ndimage._args import Array, Ints

CORRELATE, MAXIMUM, MINIMUM, MEAN = range(4)
Pass = tuple[int, int, int, int, Any]  # axis, one of the above, border, offset, weights or size
NATIVE = frozenset("bBhHiIlLqQfd")


def native(array: Array) -> Array:
    """Refuse dtypes that SciPy has no filters for; a bool is an integer of 8 bits, as for SciPy."""
    char = array.dtype.char
    if char in NATIVE:
        return array
    if char == "?":
        return array.view(np.uint8)
    raise RuntimeError(f"array type {array.dtype!r} not supported")


def passes(input: Array, output: Array, steps: Sequence[Pass], cval: Any) -> Array:
    """Filter along one axis after another."""
    if input.dtype.kind == "c":
        input = _checked_complex(input, output)
        passes(input.real, output.real, steps, np.real(cval))
        passes(input.imag, output.imag, steps, np.imag(cval))
        return output
    source, target = native(input), native(output)
    if output.size:
        place = _layout.room(target) if _layout.runs_across(target) else target
        filter_passes(_layout.dense(source), place, tuple(steps), cval)
        if place is not target:
            _layout.copy(place, target)
    return output


def taps(
    input: Array,
    weights: Array,
    output: Array,
    borders: Ints,
    cval: Any,
    offsets: Ints,
    op: int = CORRELATE,
) -> Array:
    """Filter with a window of as many axes as the input."""
    if input.dtype.kind == "c":
        input = _checked_complex(input, output)
        taps(input.real, weights, output.real, borders, np.real(cval), offsets, op)
        taps(input.imag, weights, output.imag, borders, np.imag(cval), offsets, op)
        return output
    source, target = native(input), native(output)
    if not input.ndim:
        one, at = (1,), (0,)
        source, weights, target = source.reshape(one), weights.reshape(one), target.reshape(one)
        filter_taps(source, weights, target, at, cval, at, op)
    elif output.size:
        place = _layout.room(target) if _layout.runs_across(target) else target
        filter_taps(_layout.dense(source), weights, place, borders, cval, offsets, op)
        if place is not target:
            _layout.copy(place, target)
    return output


def by_components(
    correlate: Callable[[Array, Array, Any, Any], Array],
    input: Array,
    weights: Array,
    output: Array,
    cval: Any,
) -> Array:
    """Correlate where input or weights are complex, by what correlates real arrays."""
    input = _checked_complex(input, output)
    if weights.dtype.kind != "c":
        correlate(input.real, weights, output.real, np.real(cval))
        correlate(input.imag, weights, output.imag, np.imag(cval))
    elif input.dtype.kind != "c":
        if np.iscomplexobj(cval):
            raise ValueError("Cannot provide a complex-valued cval when the input is real.")
        correlate(input, weights.real, output.real, cval)
        correlate(input, weights.imag, output.imag, cval)
    else:
        correlate(input.real, weights.real, output.real, np.real(cval))
        output.real -= correlate(input.imag, weights.imag, None, np.imag(cval))
        correlate(input.real, weights.imag, output.imag, np.real(cval))
        output.imag += correlate(input.imag, weights.real, None, np.imag(cval))
    return output


def _checked_complex(input: Array, output: Array) -> Array:
    """Check that the result is complex, and give an input that it does not overwrite."""
    if output.dtype.kind != "c":
        raise RuntimeError("output must have complex dtype")
    return input.copy() if np.may_share_memory(input, output) else input
