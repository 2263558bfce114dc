"""Convolution and correlation of any number of dimensions: SciPy's convolve and correlate."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike

from fastconv._core import convolve_short
from fastconv.signal import _sums
from fastconv.signal._args import (
    Array,
    check_mode,
    conjugate,
    convolved_axes,
    is_numpys,
    part_of,
    reversed_,
    sizes_of,
    swap_needed,
)
from fastconv.signal._choice import choose, prefers_library
from fastconv.signal._frequency import fftconvolve, in_frequency, in_precision

_METHODS = ("auto", "direct", "fft")


def convolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto") -> Array:
    """Convolve two N-dimensional arrays, as `scipy.signal.convolve`.

    Outside of the arrays there are zeros.

    Parameters
    ----------
    in1, in2 : array_like
        Of the same number of dimensions.
    mode : {"full", "valid", "same"}, default "full"
        "full" is every element that the arrays have a share in. "valid" is those that need no
        zeros from outside; one array must be at least as large as the other in every dimension.
        "same" is the middle of "full", of the size of `in1`.
    method : {"auto", "direct", "fft"}, default "auto"
        "direct" adds up products in the arrays' common dtype: integers wrap around. "fft" works
        by Fourier transforms in floating point, and rounds where the result is of integers.
        "auto" takes what `choose_conv_method` predicts to be faster, and the direct sum where a
        value is NaN or infinite.

    Returns
    -------
    array
        Of the arrays' common dtype (`numpy.result_type`).

    Raises
    ------
    ValueError
        If the numbers of dimensions differ, a size does not fit the mode, a name is unknown, or
        the dtype is one that the direct sum does not have: in several dimensions bool, float16
        and object.

    Warns
    -----
    RuntimeWarning
        If "fft" was asked for, and gives NaN or infinity as the input has some.

    See Also
    --------
    fftconvolve, oaconvolve : Fourier transforms over some of the axes.
    choose_conv_method : What "auto" takes.
    fastconv.conv2d : Channels, batches, strides.

    Notes
    -----
    A float32 result of a direct sum is within 1e-5 of the sum of |x| |w|. Transforms are computed
    in float64: an element then errs by some 1e-15 of the largest sums nearby.

    Examples
    --------
    >>> from fastconv import signal
    >>> signal.convolve([1, 2, 3], [0, 1, 2])
    array([0, 1, 4, 7, 6])
    >>> signal.convolve([1, 2, 3], [0, 1, 2], mode="same")
    array([1, 4, 7])
    >>> signal.convolve([1, 2, 3], [0, 1, 2], mode="valid")
    array([4])
    """
    y = convolve_short(in1, in2, mode, method, False)
    if y is not None:
        return y
    x, taps = np.asarray(in1), np.asarray(in2)
    if x.ndim == taps.ndim == 0:
        return x * taps  # type: ignore[no-any-return]
    if x.ndim != taps.ndim:
        raise ValueError(
            f"convolve: in1 has {x.ndim} dimensions, in2 has {taps.ndim}; both must have as many"
        )
    return convolve_arrays(x, taps, mode, method)


def correlate(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto") -> Array:
    """Correlate two N-dimensional arrays, as `scipy.signal.correlate`.

    Element k of the full result is the sum over l of ``in1[l] * conj(in2[l - k + n2 - 1])``, n2
    being the size of `in2`, in every dimension.

    Parameters
    ----------
    in1, in2 : array_like
        Of the same number of dimensions.
    mode : {"full", "valid", "same"}, default "full"
        Which part of the result, as in `convolve`.
    method : {"auto", "direct", "fft"}, default "auto"
        How to compute it, as in `convolve`.

    Returns
    -------
    array
        Of the arrays' common dtype (`numpy.result_type`).

    Raises
    ------
    ValueError
        Where `convolve` does.

    Warns
    -----
    RuntimeWarning
        Where `convolve` does.

    See Also
    --------
    convolve : The same with the second array reversed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import signal
    >>> signal.correlate([1, 2, 3], [0, 1, 2])
    array([2, 5, 8, 3, 0])
    >>> signal.correlate([1j, 2], [1j]).tolist()
    [(1+0j), -2j]
    """
    y = convolve_short(in1, in2, mode, method, True)
    if y is not None:
        return y
    x, taps = np.asarray(in1), np.asarray(in2)
    if x.ndim == taps.ndim == 0:
        return x * conjugate(taps)  # type: ignore[no-any-return]
    if x.ndim != taps.ndim:
        raise ValueError(
            f"correlate: in1 has {x.ndim} dimensions, in2 has {taps.ndim}; both must have as many"
        )
    check_mode(mode)
    return convolve_arrays(x, reversed_(conjugate(taps)), mode, method)


def convolve_arrays(x: Array, taps: Array, mode: str, method: str) -> Array:
    """Convolve arrays of the same number of dimensions, at least one."""
    if swap_needed(mode, x.shape, taps.shape):
        x, taps = taps, x
    if method not in _METHODS:
        raise ValueError(f"Acceptable method flags are 'auto', 'direct', or 'fft', not {method!r}")
    if method == "direct":
        return _direct(x, taps, mode)
    if method == "fft":
        return _by_transforms(x, taps, mode)
    if choose(x, taps, mode) == "fft":
        y = _part_by_transforms(x, taps, mode)
        if y is not None:
            return y
    return _direct(x, taps, mode)


# ---- Direct --------------------------------------------------------------------------------------


def _direct(x: Array, taps: Array, mode: str) -> Array:
    check_mode(mode)
    dtype = np.result_type(x, taps)
    by_dot = is_numpys(mode, x.shape, taps.shape)
    if not by_dot and dtype.char in "?eO":
        raise ValueError(f"Unsupported type: {dtype} in {x.ndim} dimensions, mode {mode!r}")
    if x.size == 0 or taps.size == 0:
        return np.zeros(_shape_of_nothing(x, taps, mode, by_dot), dtype)
    if dtype.char in "?eO" or dtype.kind not in "biufc" or (by_dot and not _finite_taps(x, taps)):
        return np.convolve(x, taps, mode)  # type: ignore[call-overload, no-any-return]
    part = part_of(mode, x.shape, taps.shape)
    return _sums.convolve(x.astype(dtype, copy=False), taps.astype(dtype, copy=False), part)


def _shape_of_nothing(x: Array, taps: Array, mode: str, by_dot: bool) -> tuple[int, ...]:
    """Give the shape of what has no terms, where SciPy takes it for zeros."""
    if mode == "full" and taps.size > x.size:
        x, taps = taps, x
    pairs = list(zip(x.shape, taps.shape, strict=True))
    fits = mode == "valid" or all(n + k > 0 and (k > 0 or n == 1) for n, k in pairs)
    if by_dot or not fits:
        raise ValueError(
            f"Direct sums of empty arrays: the shapes are {x.shape} and {taps.shape}; no size may "
            "be 0"
        )
    return sizes_of(part_of(mode, x.shape, taps.shape))


def _finite_taps(x: Array, taps: Array) -> bool:
    """Tell whether the shorter array is finite: zeros outside of the longer one are no terms."""
    return bool(np.isfinite(taps if taps.size <= x.size else x).all())


# ---- Fourier transforms --------------------------------------------------------------------------


def _by_transforms(x: Array, taps: Array, mode: str) -> Array:
    """Of what was asked for by name: in SciPy's way of rounding, and with its warning."""
    y = fftconvolve(x, taps, mode)
    dtype = np.result_type(x, taps)
    if dtype.kind in "iub":
        y = np.round(y)
    if y.size == 0:
        raise IndexError(
            f"Fourier transforms of empty arrays: the shapes are {x.shape} and {taps.shape}; no "
            "size may be 0"
        )
    if y.dtype.kind in "fc" and not np.isfinite(y).all():
        warnings.warn(
            "Use of fft convolution on input with NAN or inf results in NAN or inf output. Consider"
            " using method='direct' instead.",
            category=RuntimeWarning,
            stacklevel=4,
        )
    return y.astype(dtype, copy=False)


def _part_by_transforms(x: Array, taps: Array, mode: str) -> Array | None:
    """Give what the direct sum would; None where that cannot be had by transforms."""
    dtype = np.result_type(x, taps)
    if not _finite_taps(x, taps):
        return None
    # In float64 as C's transforms: single precision's errors would be those of the largest values.
    work = np.result_type(dtype, np.float64)
    axes = convolved_axes(x.shape, taps.shape)
    by_library = prefers_library(x, taps, mode, axes, work)
    if not by_library and dtype.char in "fF":
        work = dtype
    with np.errstate(all="ignore"):
        y = in_frequency(*in_precision(x, taps, work), mode, axes, by_library)
    if by_library and not np.isfinite(y).all():
        return None
    if dtype.kind in "iub":  # within 0.5 of the sums, which wrap around
        y = np.rint(y, out=y).astype(np.int64)
    return y.astype(dtype, copy=False)
