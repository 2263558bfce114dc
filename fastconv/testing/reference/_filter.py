"""Filters of images and signals: windows of any weights, and passes along one axis.

The two functions stand in for the package's own door to its C filters: same arguments, and results
in `output`. What is computed, its order of additions and its conversions are SciPy's
(`scipy.ndimage`, as its C code behaves on x86-64), so that integers agree bit for bit.
"""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ._args import Array, Indices

NEAREST, WRAP, REFLECT, MIRROR, CONSTANT = range(5)
CORRELATE, MAXIMUM, MINIMUM, MEAN = range(4)

EPSILON = float(np.finfo(np.float64).eps)
DTYPES = "?bBhHiIlLqQfd"


def filter_taps(
    input: NDArray[Any],
    weights: NDArray[Any],
    output: NDArray[Any],
    borders: tuple[int, ...],
    cval: float,
    offsets: tuple[int, ...],
    op: int,
) -> None:
    """Slide a window over an array of any dimensions, and write to `output`.

    With op 0, element i of the output is the sum over j of ``weights[j] * x[i + j - offsets]``,
    where x is the input extended beyond its borders: 0 nearest, 1 wrap, 2 reflect, 3 mirror,
    4 constant (`cval`), one for each axis. Weights of at most 2.2e-16 are not terms. Where all
    three arrays have one integer dtype, its own arithmetic is used. With op 1 (2) it is the maximum
    (minimum) over the j at which `weights` is not 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing.reference import filter_taps
    >>> x, y = np.array([1, 2, 4, 8]), np.zeros(4)
    >>> filter_taps(x, np.array([1.0, 0.0, -1.0]), y, (0,), 0.0, (1,), 0)
    >>> y
    array([-1., -3., -6., -4.])
    """
    _check(input, output)
    if not (input.ndim == weights.ndim == output.ndim == len(borders) == len(offsets)):
        raise ValueError("input, weights, output, borders and offsets differ in dimensions")
    if op not in (CORRELATE, MAXIMUM, MINIMUM) or not weights.size:
        raise ValueError(f"op={op}, weights of shape {weights.shape}")
    places = [
        _places(np.arange(size) - offset, extent, border)
        for size, extent, border, offset in zip(
            _spans(output, weights), input.shape, borders, offsets, strict=True
        )
    ]
    own = weights.dtype == input.dtype == output.dtype and weights.dtype.kind in "iu"
    with np.errstate(all="ignore"):
        if op == CORRELATE and own:
            output[...] = _sum(_terms(input, weights, output.shape, places, cval, 0), output)
        elif op == CORRELATE:
            terms = _terms(input.astype(np.float64), weights, output.shape, places, cval, EPSILON)
            output[...] = _mirrored(_sum(terms, np.zeros(output.shape)), output.dtype)
        else:  # SciPy has `cval` converted to the input's dtype here, and nowhere else
            held = float(converted(np.array([cval], np.float64), input.dtype)[0])
            terms = _terms(input.astype(np.float64), weights, output.shape, places, held, 0)
            choose = np.maximum if op == MAXIMUM else np.minimum
            chosen = np.full(output.shape, -math.inf if op == MAXIMUM else math.inf)
            for _, values in terms:
                chosen = choose(chosen, values)
            output[...] = _mirrored(chosen, output.dtype)


def filter_passes(
    input: NDArray[Any],
    output: NDArray[Any],
    passes: Iterable[tuple[int, int, int, int, Any]],
    cval: float,
) -> None:
    """Run passes along single axes, one after the other, and write to `output`.

    A pass is a tuple (axis, op, border, offset, argument). Its window at element i of its axis is
    ``x[i - offset : i - offset + size]``, x being the line extended beyond its ends as in
    `filter_taps`; the argument is the weights (op 0, correlate) or the size (1 maximum, 2 minimum,
    3 mean). The first reads `input`; what lies between passes has `output`'s dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing.reference import filter_passes
    >>> x, y = np.arange(6).reshape(2, 3), np.zeros((2, 3), int)
    >>> filter_passes(x, y, ((0, 3, 2, 1, 3), (1, 0, 2, 1, np.array([-1.0, 0.0, 1.0]))), 0.0)
    >>> y
    array([[1, 2, 1],
           [1, 2, 1]])
    """
    _check(input, output)
    if input.shape != output.shape:
        raise ValueError(f"input has shape {input.shape}, output {output.shape}")
    source = np.array(input)
    with np.errstate(all="ignore"):
        for axis, op, border, offset, argument in passes:
            size = len(argument) if op == CORRELATE else argument
            lines = np.moveaxis(source, axis, -1).astype(np.float64)
            places = _places(
                np.arange(lines.shape[-1] + size - 1) - offset, lines.shape[-1], border
            )
            extended = np.where(places < 0, float(cval), np.take(lines, places, -1))
            filtered = _FILTERS[op](extended, size, argument)
            source = converted(np.moveaxis(filtered, -1, axis), output.dtype)
        output[...] = source


def converted(values: Array, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert float64 as C compilers for x86-64 do: towards 0, integers out of range wrapping.

    What no int32 holds (no int64, for uint32 and wider integers) becomes the least one; uint64
    differs only from 2**63 on. A NaN converts as what is out of range.
    """
    if dtype.kind == "f":
        return values.astype(dtype)
    whole = np.trunc(values)
    if dtype.itemsize == 8 and dtype.kind == "u":
        high = whole >= 2.0**63
        low = np.where(high, whole - 2.0**63, whole)
        unsigned = _held(low, 63).astype(np.uint64)
        return np.where(high, unsigned ^ np.uint64(2**63), unsigned).astype(dtype)
    narrow = dtype.itemsize < 4 or (dtype.itemsize == 4 and dtype.kind == "i")
    bits = _held(whole, 31 if narrow else 63)
    if dtype.kind == "b":
        return bits.astype(np.uint8).view(dtype)
    return bits.astype(dtype)


def _mirrored(values: Array, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Convert as SciPy does with windows: to uint64, what is negative by way of its absolute."""
    if dtype.kind != "u" or dtype.itemsize < 8:
        return converted(values, dtype)
    negative = -converted(-values, dtype)
    return np.where(values > -1, converted(values, dtype), negative)


def _held(whole: Array, bits: int) -> Indices:
    fits = (whole >= -(2.0**bits)) & (whole < 2.0**bits)
    return np.where(fits, np.where(fits, whole, 0).astype(np.int64), -(2**bits))


def _check(input: NDArray[Any], output: NDArray[Any]) -> None:
    for array in (input, output):
        if array.dtype.char not in DTYPES:
            raise TypeError(f"an array has dtype {array.dtype}")
    if not output.flags.writeable:
        raise ValueError("output array is read-only.")


def _spans(output: NDArray[Any], weights: NDArray[Any]) -> list[int]:
    """The positions that windows cover on each axis."""
    return [o + w - 1 for o, w in zip(output.shape, weights.shape, strict=True)]


def _places(positions: Indices, size: int, border: int) -> Indices:
    """Where in a line of so many elements the extended line's positions lie; -1 is `cval`."""
    if size == 0:
        return np.zeros_like(positions)
    if border == NEAREST:
        return np.clip(positions, 0, size - 1)
    if border == WRAP:
        return positions % size
    if border == REFLECT:
        folded = positions % (2 * size)
        return np.minimum(folded, 2 * size - 1 - folded)
    if border == MIRROR:
        period = max(2 * size - 2, 1)
        folded = positions % period
        return np.minimum(folded, period - folded) if size > 1 else folded
    if border == CONSTANT:
        return np.where((positions >= 0) & (positions < size), positions, -1)
    raise ValueError(f"border {border}")


def _terms(
    input: NDArray[Any],
    weights: NDArray[Any],
    shape: tuple[int, ...],
    places: list[Indices],
    cval: float,
    least: float,
) -> Iterator[tuple[Any, NDArray[Any]]]:
    """Each weight that counts, row-major, with what it meets."""
    if not math.prod(shape):
        return
    fill = input.dtype.type(cval)
    for tap in np.ndindex(*weights.shape):
        weight = weights[tap]
        if not abs(float(weight)) > least:
            continue
        met = [p[t : t + size] for p, t, size in zip(places, tap, shape, strict=True)]
        values = input[np.ix_(*met)]
        for axis, at in enumerate(met):
            outside = (at < 0).reshape([-1 if a == axis else 1 for a in range(input.ndim)])
            values = np.where(outside, fill, values)
        yield weight, values


def _sum(terms: Iterator[tuple[Any, NDArray[Any]]], like: NDArray[Any]) -> NDArray[Any]:
    total = np.zeros(like.shape, like.dtype)
    for weight, values in terms:
        total += weight * values
    return total


def _correlate(extended: Array, size: int, weights: Array) -> Array:
    """The sum with the weights: (anti)symmetric ones add each pair first, as SciPy does."""
    at = sliding_window_view(extended, extended.shape[-1] - size + 1, -1)
    half = size // 2
    before, after = weights[:half], weights[::-1][:half]
    if size % 2 and np.all(abs(before - after) <= EPSILON):
        sign = 1.0
    elif size % 2 and np.all(abs(before + after) <= EPSILON):
        sign = -1.0
    else:
        total = at[..., size - 1, :] * weights[size - 1]
        for k in range(size - 1):
            total = total + at[..., k, :] * weights[k]
        return total
    total = at[..., half, :] * weights[half]
    for k in range(half):
        total = total + (at[..., k, :] + sign * at[..., size - 1 - k, :]) * weights[k]
    return total


def _mean(extended: Array, size: int, _: Any) -> Array:
    """The running sum, over the size."""
    first = np.zeros((*extended.shape[:-1], 1))
    for k in range(size):
        first = first + extended[..., k : k + 1]
    steps = extended[..., size:] - extended[..., :-size]
    return np.add.accumulate(np.concatenate([first, steps], -1), -1) / float(size)


def _maximum(extended: Array, size: int, _: Any) -> Array:
    return sliding_window_view(extended, size, -1).max(-1)


def _minimum(extended: Array, size: int, _: Any) -> Array:
    return sliding_window_view(extended, size, -1).min(-1)


_FILTERS = {CORRELATE: _correlate, MAXIMUM: _maximum, MINIMUM: _minimum, MEAN: _mean}
