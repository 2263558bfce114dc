"""Convolution of images, and what lies beyond their edges: SciPy's convolve2d and correlate2d."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastconv.signal import _sums, _transforms
from fastconv.signal._args import (
    Array,
    Part,
    check_mode,
    conjugate,
    part_of,
    reversed_,
    sizes_of,
    swap_needed,
)
from fastconv.signal._choice import prefers_transforms
from fastconv.signal._docs import filled

# How convolve2d goes on beyond the edges: NumPy's names for it.
_BOUNDARIES = {
    "fill": "constant",
    "pad": "constant",
    "wrap": "wrap",
    "circular": "wrap",
    "symm": "symmetric",
    "symmetric": "symmetric",
}


@filled
def convolve2d(
    in1: ArrayLike,
    in2: ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: Any = 0,
) -> Array:
    """Convolve two 2-D arrays, as `scipy.signal.convolve2d`.

    Parameters
    ----------
    $images
    $mode
    boundary : {"fill", "wrap", "symm"}, default "fill"
        What lies outside of `in1`: `fillvalue`, the array again ("circular" is the same), or its
        mirror image, the edge being twice there ("symmetric" is the same).
    $fillvalue

    $returns_image

    $raises_image

    See Also
    --------
    convolve : Any number of dimensions, zeros outside, Fourier transforms for large arrays.
    fastconv.conv2d : Channels, batches, strides.

    Examples
    --------
    >>> from fastconv import signal
    >>> signal.convolve2d([[1, 2], [3, 4]], [[1, 1]], mode="same", boundary="symm")
    array([[2, 3],
           [6, 7]])
    """
    x, taps = _two_images("convolve2d", in1, in2)
    if swap_needed(mode, x.shape, taps.shape):
        x, taps = taps, x
    return _convolve2d("convolve2d", x, taps, mode, boundary, fillvalue, False)


@filled
def correlate2d(
    in1: ArrayLike,
    in2: ArrayLike,
    mode: str = "full",
    boundary: str = "fill",
    fillvalue: Any = 0,
) -> Array:
    """Correlate two 2-D arrays, as `scipy.signal.correlate2d`.

    In "same", the middle of an `in2` of even size is the element before the half; for `correlate`
    it is the one after.

    Parameters
    ----------
    $images
    $mode
    boundary : {"fill", "wrap", "symm"}, default "fill"
        What lies outside of `in1`, as in `convolve2d`.
    $fillvalue

    $returns_image

    $raises_image

    See Also
    --------
    correlate : Any number of dimensions, zeros outside, Fourier transforms for large arrays.

    Examples
    --------
    >>> from fastconv import signal
    >>> signal.correlate2d([[1, 2, 3], [4, 5, 6]], [[-1, 1]], mode="valid")
    array([[1, 1],
           [1, 1]])
    """
    x, taps = _two_images("correlate2d", in1, in2)
    swapped = swap_needed(mode, x.shape, taps.shape)
    if swapped:
        x, taps = taps, x
    taps = reversed_(conjugate(taps))
    y = _convolve2d("correlate2d", x, taps, mode, boundary, fillvalue, True)
    return y[::-1, ::-1] if swapped else y


def _two_images(name: str, in1: ArrayLike, in2: ArrayLike) -> tuple[Array, Array]:
    x, taps = np.asarray(in1), np.asarray(in2)
    if x.ndim != 2 or taps.ndim != 2:
        raise ValueError(
            f"{name} inputs must both be 2-D arrays, and have {x.ndim} and {taps.ndim} dimensions"
        )
    return x, taps


def _convolve2d(
    name: str, x: Array, taps: Array, mode: str, boundary: Any, fillvalue: Any, late: bool
) -> Array:
    """Convolve; in "same", `late` is how correlations place an array of even size."""
    check_mode(mode)
    if boundary not in _BOUNDARIES:
        raise ValueError(
            "Acceptable boundary flags are 'fill', 'circular' (or 'wrap'), and 'symmetric' (or "
            f"'symm'), not {boundary!r}"
        )
    dtype = np.result_type(x, taps)
    if dtype.char in "?eO" or dtype.kind not in "iufc":
        raise ValueError(f"{name} not available for this type: {dtype}")
    how = _BOUNDARIES[boundary]
    value = _fill(fillvalue, dtype) if how == "constant" else 0
    if x.size == 0 or taps.size == 0:
        return _of_nothing(name, x, taps, part_of(mode, x.shape, taps.shape), how, value)
    x, taps = x.astype(dtype, copy=False), taps.astype(dtype, copy=False)
    part = part_of(mode, x.shape, taps.shape)
    if mode == "same" and late:
        part = tuple([slice(k // 2, k // 2 + n) for n, k in zip(x.shape, taps.shape, strict=True)])
    inside = mode == "valid" or (how == "constant" and value == 0)
    # In float64 a transform's error, relative to the largest values around, would show.
    if dtype.char in "fF" and prefers_transforms(x, taps, mode):
        if inside:
            return _transforms.transform(x, taps, part)
        x = _sums.extended(x, taps, part, how, value)
        return _transforms.transform(x, taps, part_of("valid", x.shape, taps.shape))
    if inside:
        return _sums.convolve(x, taps, part)
    return _sums.convolve(x, taps, part, how, value)


def _of_nothing(name: str, x: Array, taps: Array, part: Part, how: str, value: Any) -> Array:
    """Give sums of what lies beyond the edges alone: of the value, or of nothing."""
    shape, dtype = sizes_of(part), np.result_type(x, taps)
    if min(shape) < 0 or (how != "constant" and x.size == 0 < taps.size and 0 not in shape):
        raise ValueError(
            f"{name}: the shapes are {x.shape} and {taps.shape}: nothing lies beyond the edges of "
            "nothing"
        )
    with np.errstate(all="ignore"):
        sums = np.array(value, dtype) * taps.sum(dtype=dtype) if x.size == 0 else 0
    return np.full(shape, sums, dtype)


def _fill(fillvalue: Any, dtype: np.dtype[Any]) -> Any:
    """Give the value as one of the dtype, where it can be had without a forced cast."""
    if np.size(fillvalue) != 1:
        raise ValueError(
            f"`fillvalue` must be scalar or an array with one element, and has {np.size(fillvalue)}"
        )
    try:
        if isinstance(fillvalue, np.ndarray) and not np.can_cast(fillvalue.dtype, dtype, "safe"):
            raise TypeError
        return np.array(fillvalue, dtype).reshape(())[()]
    except (TypeError, ValueError, OverflowError):
        np.array(fillvalue, np.complex128)  # what is no number at all says so itself
        raise ValueError(
            f"could not cast `fillvalue` directly to the output type: {fillvalue!r} is no {dtype}"
        ) from None
