"""The way to the filters in C: dtypes that have none are refused, complex numbers taken apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastconv._core import filter_passes, filter_taps
from fastconv.ndimage import _args, _fourier, _fourier_choice, _layout, _slabs
from fastconv.ndimage._args import Array, Ints

CORRELATE, MAXIMUM, MINIMUM, MEAN = range(4)
Pass = tuple[int, int, int, int, Any]  # axis, one of the above, border, offset, weights or size
NATIVE = frozenset("bBhHiIlLqQfd")
PLAIN = frozenset((int, float, str, type(None)))  # arguments that a cache may be asked for
KEPT = 256  # passes that are read, for each kind of filter
_LARGE_ROW = 32 << 20  # bytes of the first axis' rows, from which C's own slabs are too large


def native(array: Array) -> Array:
    """Refuse dtypes that SciPy has no filters for; a bool is an integer of 8 bits, as for SciPy."""
    char = array.dtype.char
    if char in NATIVE:
        return array
    if char == "?":
        return array.view(np.uint8)
    raise RuntimeError(
        f"array type {array.dtype!r} not supported: bool, integers, float32 and float64 are, and "
        "by their components complex64 and complex128"
    )


def usual_passes(
    input: Array, output: Any, cval: Any, read: Callable[..., tuple[Pass, ...] | None], *given: Any
) -> Array | None:
    """Filter an ordinary array to a new one, by passes whose arguments were read once.

    `read` keeps what it gives for ``(input.ndim, input.dtype.char, *given)``: of 4 us that such a
    call takes beside the filter, 2 are left. None: something is unusual, and to be read with care.
    """
    if output is None and type(cval) is float and PLAIN.issuperset(map(type, given)):
        steps = read(input.ndim, input.dtype.char, *given)
        return filter_passes(input, None, steps, cval) if steps else None
    return None


def passes(input: Array, output: Array, steps: Sequence[Pass], cval: Any) -> Array:
    """Filter along one axis after another."""
    if input.dtype.kind == "c":
        input = _checked_complex(input, output)
        passes(input.real, output.real, steps, np.real(cval))
        passes(input.imag, output.imag, steps, np.imag(cval))
        return output
    source, target = native(input), native(output)
    if not output.size:
        return _empty(output, cval)
    steps, cval = tuple(steps), _args.number(cval)
    if _slabs.are_large(source, target) and _passes_in_slabs(source, target, steps, cval):
        return output
    place = _layout.room(target) if _layout.runs_across(target) else target
    filter_passes(_layout.dense(source), place, steps, cval)
    if place is not target:
        _layout.copy(place, target)
    return output


def _passes_in_slabs(source: Array, target: Array, steps: tuple[Pass, ...], cval: float) -> bool:
    """Filter large arrays slab by slab, where C would hold all of one beside them."""
    between = len(steps) > 1 and (
        any(step[0] == 0 for step in steps[1:]) or target.nbytes // len(target) >= _LARGE_ROW
    )
    if not (between or _is_copied(source, target)) or not _slabs.are_of_use(source, target):
        return False
    reaches: list[int | None] = [0] * source.ndim
    wraps = [False] * source.ndim
    for step in steps:
        axis, op, border, offset, argument = step
        size = len(argument) if op == CORRELATE else argument
        reaches[axis] = None if _runs(step, source, target) else _reach(offset, size)
        wraps[axis] = border == _args.WRAP

    def run(source: Array, target: Array) -> None:
        filter_passes(source, target, steps, cval)

    _in_slabs(run, source, target, reaches, wraps)
    return True


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
    if not output.size:
        return _empty(output, cval)
    source, target = native(input), native(output)
    cval = _args.number(cval)
    if not input.ndim:
        one, at = (1,), (0,)
        filter_taps(
            source.reshape(one), weights.reshape(one), target.reshape(one), at, cval, at, op
        )
        return output
    by_transforms = op == CORRELATE and _fourier_choice.may_serve(source.size, weights.size)
    if by_transforms and _fourier.taps(source, weights, target, borders, cval, offsets):
        return output
    large = _slabs.are_large(source, target)
    if large and _is_copied(source, target) and _slabs.are_of_use(source, target):
        _taps_in_slabs(source, weights, target, borders, cval, offsets, op)
        return output
    place = _layout.room(target) if _layout.runs_across(target) else target
    filter_taps(_layout.dense(source), weights, place, borders, cval, offsets, op)
    if place is not target:
        _layout.copy(place, target)
    return output


def _taps_in_slabs(
    source: Array,
    weights: Array,
    target: Array,
    borders: Ints,
    cval: float,
    offsets: Ints,
    op: int,
) -> None:
    def run(source: Array, target: Array) -> None:
        filter_taps(source, weights, target, borders, cval, offsets, op)

    reaches = [_reach(o, n) for o, n in zip(offsets, weights.shape, strict=True)]
    _in_slabs(run, source, target, reaches, [b == _args.WRAP for b in borders])


def _empty(output: Array, cval: Any) -> Array:
    """Give an array without elements; what is refused of one is what is of others."""
    _args.number(cval)
    if not output.flags.writeable:
        raise ValueError(f"output array is read-only: of shape {output.shape}, {output.dtype}")
    return output


Run = Callable[[Array, Array], None]


def _in_slabs(
    run: Run, source: Array, target: Array, reaches: Sequence[int | None], wraps: Sequence[bool]
) -> None:
    """Run a filter slab by slab."""

    def filtered(part: Array) -> Array:
        room = _layout.room(part, target.dtype)
        run(_layout.dense(part), room)
        return room

    for slab in _slabs.slabs(source, target, reaches):
        _layout.put(slab.filtered(source, wraps[slab.axis], filtered), slab.of(target))


def _is_copied(source: Array, target: Array) -> bool:
    """Tell whether C would copy one of the arrays."""
    return not (_is_plain(source) and _is_plain(target))


def _is_plain(array: Array) -> bool:
    """Tell whether C takes an array as it is."""
    flags = array.flags
    return flags.c_contiguous and flags.aligned and array.dtype.isnative


def _reach(offset: int, size: int) -> int:
    """Give how far a window reaches; what lies there is reflected at an element, too."""
    return max(offset, size - 1 - offset) + 1


def _runs(step: Pass, source: Array, target: Array) -> bool:
    """Tell whether a mean may be that of SciPy's running sum, which begins where a line does."""
    exact = all(a.dtype.kind in "iu" and a.itemsize < 8 for a in (source, target))
    _, op, border, _, _ = step
    return op == MEAN and target.dtype.kind != "f" and (not exact or border == _args.CONSTANT)


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
        raise RuntimeError(f"output must have complex dtype, not {output.dtype}")
    return input.copy() if np.may_share_memory(input, output) else input
