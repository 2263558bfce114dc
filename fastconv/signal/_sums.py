"""Direct sums in C: any part of the full convolution of two arrays of one dtype."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastconv import _core
from fastconv.signal._args import Array, Part, part_of, reversed_, sizes_of

# What lies beyond the ends, as filter_taps calls it.
BORDERS = {"wrap": 1, "symmetric": 2, "constant": 4}
_SUM = 0


def convolve(x: Array, taps: Array, part: Part, border: str = "constant", value: Any = 0) -> Array:
    """Add up products of two arrays of one dtype, in its own arithmetic.

    The border is multiplied by taps, too: where those are not finite, 0 gives NaN.
    """
    if border == "constant" and value == 0:
        taps, part = _terms(x.shape, taps, part)
        if taps.size > x.size and _may_swap(x.shape, taps.shape, part):
            x, taps = taps, x
    if x.dtype.kind in "iu" or x.dtype.char in "fd":
        return _windows(x, taps, part, border, value)
    if x.dtype.char in "FD":
        return _by_real_parts(x, taps, lambda a, b, c: _windows(a, b, part, border, c), part, value)
    if border == "constant" and value == 0:
        return _shift_and_add(x, taps, part)
    padded = extended(x, taps, part, border, value)
    return _shift_and_add(padded, taps, part_of("valid", padded.shape, taps.shape))


def _terms(shape: tuple[int, ...], taps: Array, part: Part) -> tuple[Array, Part]:
    """Leave out taps that in this part meet zeros only: all others of much that is "same"."""
    used, moved = [], []
    for n, k, wanted in zip(shape, taps.shape, part, strict=True):
        first = max(wanted.start - (n - 1), 0)
        used.append(slice(first, min(wanted.stop, k)))
        moved.append(slice(wanted.start - first, wanted.stop - first))
    return taps[tuple(used)], tuple(moved)


def _may_swap(shape: tuple[int, ...], taps: tuple[int, ...], part: Part) -> bool:
    """Tell whether x may be the taps: not if other results than its own would be NaN by it."""
    sizes = list(zip(shape, taps, part, strict=True))
    is_full = all((p.start, p.stop) == (0, n + k - 1) for n, k, p in sizes)
    return is_full or all(p.start >= n - 1 and p.stop <= k for n, k, p in sizes)


def extended(x: Array, taps: Array, part: Part, border: str, value: Any) -> Array:
    """Copy x with all that a part is made of around it: the part is then the "valid" one."""
    sizes = zip(x.shape, taps.shape, part, strict=True)
    widths = [(k - 1 - wanted.start, wanted.stop - n) for n, k, wanted in sizes]
    options: dict[str, Any] = {"constant_values": value} if border == "constant" else {}
    return np.pad(x, widths, mode=border, **options)  # type: ignore[call-overload, no-any-return]


def _windows(x: Array, taps: Array, part: Part, border: str, value: Any) -> Array:
    """Of integers, which wrap around, or of float32 or float64."""
    if x.dtype.kind == "f":
        taps = taps.astype(np.float64, copy=False)
    elif abs(int(value)) > 2**53:  # which filter_taps takes in float64
        x = extended(x, taps, part, border, value)
        part = part_of("valid", x.shape, taps.shape)
    result = _core.new_result(sizes_of(part), x.dtype.newbyteorder("="))
    offsets = [k - 1 - wanted.start for k, wanted in zip(taps.shape, part, strict=True)]
    borders = [BORDERS[border]] * x.ndim
    _core.filter_taps(x, reversed_(taps), result, borders, float(value), offsets, _SUM, True)
    return result


def _by_real_parts(
    x: Array, taps: Array, run: Callable[[Array, Array, Any], Array], part: Part, value: Any
) -> Array:
    """By real parts, each with its part of the value beyond the ends."""
    result = np.empty(sizes_of(part), x.dtype.newbyteorder("="))
    real, imag = np.real(value), np.imag(value)
    with np.errstate(all="ignore"):
        np.subtract(run(x.real, taps.real, real), run(x.imag, taps.imag, imag), out=result.real)
        np.add(run(x.real, taps.imag, real), run(x.imag, taps.real, imag), out=result.imag)
    return result


def _shift_and_add(x: Array, taps: Array, part: Part) -> Array:
    """One tap after the other: for longdouble, which C's kernels do not have."""
    result = np.zeros(sizes_of(part), x.dtype)
    for place in np.ndindex(taps.shape):
        to, of = [], []
        for n, j, wanted in zip(x.shape, place, part, strict=True):
            first, last = max(wanted.start, j), min(wanted.stop, n + j)
            to.append(slice(first - wanted.start, max(last, first) - wanted.start))
            of.append(slice(first - j, max(last, first) - j))
        with np.errstate(all="ignore"):
            result[tuple(to)] += taps[place] * x[tuple(of)]
    return result
