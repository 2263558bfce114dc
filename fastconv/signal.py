"""Convolution and correlation of signals and images, with SciPy's signatures and results.

Change ``from scipy import signal`` to ``from fastconv import signal``. Functions, arguments,
defaults, dtypes, empty arrays, errors and warnings are those of SciPy 1.17; SciPy itself need not
be installed. Sums are computed in C: directly where the shorter array is short, by Fourier
transforms where it is long.
"""

from __future__ import annotations

import timeit
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastconv import _fft, _signal
from fastconv._core import convolve_short
from fastconv._signal import part_of

__all__ = [
    "choose_conv_method",
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "fftconvolve",
    "moving_average",
    "oaconvolve",
]

Array = NDArray[Any]

_METHODS = ("auto", "direct", "fft")
_MODES = "Acceptable mode flags are 'valid', 'same', or 'full'"

# How convolve2d goes on beyond the edges: NumPy's names for it.
_BOUNDARIES = {
    "fill": "constant",
    "pad": "constant",
    "wrap": "wrap",
    "circular": "wrap",
    "symm": "symmetric",
    "symmetric": "symmetric",
}


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
        return np.asarray(x * taps)[()]
    if x.ndim != taps.ndim:
        raise ValueError(
            f"convolve: in1 has {x.ndim} dimensions, in2 has {taps.ndim}; both must have as many"
        )
    return _convolve(x, taps, mode, method)


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
        return np.asarray(x * _conjugate(taps))[()]
    if x.ndim != taps.ndim:
        raise ValueError(
            f"correlate: in1 has {x.ndim} dimensions, in2 has {taps.ndim}; both must have as many"
        )
    _check_mode(mode)
    return _convolve(x, _signal.reversed_(_conjugate(taps)), mode, method)


def _conjugate(array: Array) -> Array:
    return array.conj() if array.dtype.kind == "c" else array


def _check_mode(mode: Any) -> None:
    if mode not in _signal.MODES:
        raise ValueError(f"{_MODES}, not {mode!r}")


def _swap_needed(mode: str, shape1: Sequence[int], shape2: Sequence[int]) -> bool:
    """Tell whether in "valid" the second array is the larger one."""
    if mode != "valid":
        return False
    pairs = list(zip(shape1, shape2, strict=True))
    if all(n >= k for n, k in pairs):
        return False
    if all(k >= n for n, k in pairs):
        return True
    raise ValueError(
        "For 'valid' mode, one must be at least as large as the other in every dimension, and "
        f"the shapes are {tuple(shape1)} and {tuple(shape2)}"
    )


def _convolve(x: Array, taps: Array, mode: str, method: str) -> Array:
    if _swap_needed(mode, x.shape, taps.shape):
        x, taps = taps, x
    if method not in _METHODS:
        raise ValueError(f"Acceptable method flags are 'auto', 'direct', or 'fft', not {method!r}")
    if method == "direct":
        return _direct(x, taps, mode)
    if method == "fft":
        return _by_transforms(x, taps, mode)
    if _choose(x, taps, mode) == "fft":
        y = _part_by_transforms(x, taps, mode)
        if y is not None:
            return y
    return _direct(x, taps, mode)


# ---- Direct --------------------------------------------------------------------------------------


def _direct(x: Array, taps: Array, mode: str) -> Array:
    _check_mode(mode)
    dtype = np.result_type(x, taps)
    by_dot = x.ndim == 1 and (mode != "same" or x.size >= taps.size)
    if not by_dot and dtype.char in "?eO":
        raise ValueError(f"Unsupported type: {dtype} in {x.ndim} dimensions, mode {mode!r}")
    if x.size == 0 or taps.size == 0:
        if taps.size and mode == "same" and not by_dot:
            return np.zeros(x.shape, dtype)
        raise ValueError(
            f"Direct sums of empty arrays: the shapes are {x.shape} and {taps.shape}; no size may "
            "be 0"
        )
    if dtype.char in "?eO" or dtype.kind not in "biufc":
        return np.convolve(x, taps, mode)  # type: ignore[call-overload, no-any-return]
    part = part_of(mode, x.shape, taps.shape)
    return _signal.convolve(x.astype(dtype, copy=False), taps.astype(dtype, copy=False), part)


# ---- Fourier transforms --------------------------------------------------------------------------


def _by_transforms(x: Array, taps: Array, mode: str) -> Array:
    """Of what was asked for by name: in SciPy's way of rounding, and with its warning."""
    y = fftconvolve(x, taps, mode)
    dtype = np.result_type(x, taps)
    if dtype.kind in "iub":
        y = np.round(y)
    y.reshape(-1)[0]  # an IndexError where there is none, as in SciPy
    if not _is_finite(y):
        warnings.warn(
            "Use of fft convolution on input with NAN or inf results in NAN or inf output. Consider"
            " using method='direct' instead.",
            category=RuntimeWarning,
            stacklevel=4,
        )
    return y.astype(dtype, copy=False)


def _is_finite(y: Array) -> bool:
    return bool(np.isfinite(np.sum(y)) or np.isfinite(y).all())


def _part_by_transforms(x: Array, taps: Array, mode: str) -> Array | None:
    """Give what the direct sum would; None where that cannot be had by transforms."""
    dtype = np.result_type(x, taps)
    if dtype.char not in "geG":
        work = np.dtype(np.float64) if dtype.kind in "iub" else dtype
        part = part_of(mode, x.shape, taps.shape)
        y = _signal.transform(x.astype(work, copy=False), taps.astype(work, copy=False), part)
        if work is dtype:
            return y
        # float64 has these sums exactly; they wrap around.
        return np.rint(y).astype(np.int64).astype(dtype, copy=False)
    if dtype.char not in "gG":  # float32's errors are not relative to what little is in a place
        x = x.astype(np.result_type(x, np.float64), copy=False)
    axes = [a for a in range(x.ndim) if x.shape[a] != 1 and taps.shape[a] != 1]
    with np.errstate(all="ignore"):
        y = _in_frequency(x, taps, mode, axes)
    return y.astype(dtype, copy=False) if _is_finite(y) else None


def fftconvolve(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", axes: int | Iterable[int] | None = None
) -> Array:
    """Convolve two arrays by Fourier transforms, as `scipy.signal.fftconvolve`.

    Parameters
    ----------
    in1, in2 : array_like
        Of the same number of dimensions.
    mode : {"full", "valid", "same"}, default "full"
        Which part of the result, as in `convolve`.
    axes : int or iterable of int, optional
        The axes to convolve over; all if not given. Over the others the arrays broadcast.

    Returns
    -------
    array
        Of float32, float64 or longdouble, or complex of these; integers become float64.

    Raises
    ------
    ValueError
        If shapes, mode or axes do not fit.

    See Also
    --------
    convolve : Direct where that is faster, and in the arrays' own dtype.
    oaconvolve : The same function here: blocks are used where they are faster.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import signal
    >>> x = np.ones((2, 1000))
    >>> signal.fftconvolve(x, np.ones((1, 100)) / 100, mode="same", axes=1).shape
    (2, 1000)
    """
    return _by_axes("fftconvolve", in1, in2, mode, axes)


def oaconvolve(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", axes: int | Iterable[int] | None = None
) -> Array:
    """Convolve two arrays by Fourier transforms of blocks, as `scipy.signal.oaconvolve`.

    The longer array of each axis is cut into blocks where that is faster than one transform
    (overlap-add).

    Parameters
    ----------
    in1, in2 : array_like
        Of the same number of dimensions.
    mode : {"full", "valid", "same"}, default "full"
        Which part of the result, as in `convolve`.
    axes : int or iterable of int, optional
        The axes to convolve over; all if not given. Over the others the arrays broadcast.

    Returns
    -------
    array
        Of float32, float64 or longdouble, or complex of these; integers become float64.

    Raises
    ------
    ValueError
        If shapes, mode or axes do not fit.

    See Also
    --------
    fftconvolve : The same function here.
    convolve : Direct where that is faster, and in the arrays' own dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import signal
    >>> signal.oaconvolve(np.ones(100_000), np.ones(100), mode="valid").shape
    (99901,)
    """
    return _by_axes("oaconvolve", in1, in2, mode, axes)


def _by_axes(name: str, in1: ArrayLike, in2: ArrayLike, mode: str, axes: Any) -> Array:
    x, taps = np.asarray(in1), np.asarray(in2)
    if x.ndim == taps.ndim == 0:
        return np.asarray(x * taps)[()]
    if x.ndim != taps.ndim:
        raise ValueError(
            "in1 and in2 should have the same dimensionality, and have "
            f"{x.ndim} and {taps.ndim} dimensions"
        )
    if x.size == 0 or taps.size == 0:
        return np.asarray([])
    chosen = _read_axes(x.ndim, axes)
    chosen = [a for a in chosen if x.shape[a] != 1 and taps.shape[a] != 1]
    for a in range(x.ndim):
        if a not in chosen and x.shape[a] != taps.shape[a] and 1 not in (x.shape[a], taps.shape[a]):
            raise ValueError(
                f"incompatible shapes for in1 and in2: {x.shape} and {taps.shape}, which differ "
                f"on axis {a}"
            )
    sizes = [tuple([shape[a] for a in chosen]) for shape in (x.shape, taps.shape)]
    if _swap_needed(mode, *sizes):
        x, taps = taps, x
    if mode not in _signal.MODES:
        raise ValueError(f"acceptable mode flags are 'valid', 'same', or 'full', not {mode!r}")
    return _in_frequency(x, taps, mode, chosen)


def _read_axes(ndim: int, axes: Any) -> list[int]:
    if axes is None:
        return list(range(ndim))
    values = list(axes) if isinstance(axes, Iterable) else [axes]
    if not all(isinstance(a, (int, np.integer)) for a in values):
        raise ValueError(f"axes must be a scalar or iterable of integers, not {axes!r}")
    if not values:
        raise ValueError("when provided, axes cannot be empty")
    if any(not -ndim <= a < ndim for a in values):
        raise ValueError(f"axes exceeds dimensionality of input: {axes!r} of {ndim} dimensions")
    values = [int(a) % ndim for a in values]
    if len(set(values)) != len(values):
        raise ValueError(f"all axes must be unique, and are {axes!r}")
    return values


def _in_frequency(x: Array, taps: Array, mode: str, axes: Sequence[int]) -> Array:
    """Convolve over some axes; of the others, too, the mode takes the middle."""
    if not axes:
        y = np.asarray(x * taps)
        return np.ascontiguousarray(y[_middle(mode, x.shape, taps.shape, y.shape, axes)])
    shape = list(np.broadcast_shapes(_without(x.shape, axes), _without(taps.shape, axes)))
    for a in axes:
        shape[a] = x.shape[a] + taps.shape[a] - 1
    part = _middle(mode, x.shape, taps.shape, shape, axes)
    beside = [a for a in range(x.ndim) if a not in axes]
    if all(1 in (x.shape[a], taps.shape[a]) for a in beside):
        x, taps = _fft.as_transformed(x), _fft.as_transformed(taps)
        dtype = np.result_type(x, taps)
        if dtype.char in "fdFD":
            return _signal.transform(
                x.astype(dtype, copy=False), taps.astype(dtype, copy=False), part
            )
    return np.ascontiguousarray(_fft.convolve(x, taps, axes)[part])


def _without(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    return tuple([1 if a in axes else size for a, size in enumerate(shape)])


def _middle(
    mode: str,
    shape1: Sequence[int],
    shape2: Sequence[int],
    full: Sequence[int],
    axes: Sequence[int],
) -> tuple[slice, ...]:
    part = []
    for a, size in enumerate(full):
        wanted = size
        if mode == "same":
            wanted = shape1[a]
        elif mode == "valid" and a in axes:
            wanted = shape1[a] - shape2[a] + 1
        first = (size - wanted) // 2
        part.append(slice(first, first + wanted))
    return tuple(part)


# ---- The choice ----------------------------------------------------------------------------------


def choose_conv_method(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", measure: bool = False
) -> str | tuple[str, dict[str, float]]:
    """Find the faster method of `convolve`, as `scipy.signal.choose_conv_method`.

    Parameters
    ----------
    in1, in2 : array_like
        What is to be convolved.
    mode : {"full", "valid", "same"}, default "full"
        As in `convolve`.
    measure : bool, default False
        Whether to run both methods and time them, rather than to predict.

    Returns
    -------
    method : {"direct", "fft"}
        Predicted for one thread, so that it does not depend on the number of threads; "direct"
        where the sums are of integers too large to be exact in float64.
    times : dict
        Where `measure` is set, the seconds that "direct" and "fft" took.

    Raises
    ------
    ValueError
        If the mode is unknown or does not fit the shapes.

    See Also
    --------
    convolve : Takes this method by default.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import signal
    >>> signal.choose_conv_method(np.ones(1000), np.ones(10))
    'direct'
    >>> signal.choose_conv_method(np.ones(100_000), np.ones(50_000))
    'fft'
    """
    x, taps = np.asarray(in1), np.asarray(in2)
    if not measure:
        return _choose(x, taps, mode)
    times = {
        method: _timed(lambda method=method: convolve(x, taps, mode, method))  # type: ignore[misc]
        for method in ("fft", "direct")
    }
    return ("fft" if times["fft"] < times["direct"] else "direct"), times


_MEASURED_SECONDS = 0.005
_REPEATS = 3


def _timed(call: Callable[[], Array]) -> float:
    """Give the best of some rounds of at least 5 ms each; of one, where that takes a second."""
    timer, number = timeit.Timer(call), 1
    taken = timer.timeit(number)
    while taken < _MEASURED_SECONDS:
        number *= 10
        taken = timer.timeit(number)
    if taken < 1:
        taken = min(taken, *timer.repeat(_REPEATS, number))
    return taken / number


# float64 has all integers up to this.
_EXACT = 2**52


def _choose(x: Array, taps: Array, mode: str) -> str:
    kinds = x.dtype.kind + taps.dtype.kind
    if any(kind in "iu" for kind in kinds) and not _sums_are_exact(x, taps):
        return "direct"
    if kinds == "bb" or any(kind not in "biufc" for kind in kinds):
        return "direct"
    _check_mode(mode)
    return "fft" if _signal.prefers_transforms(x, taps, mode) else "direct"


def _sums_are_exact(x: Array, taps: Array) -> bool:
    """Tell whether sums of the arrays' integers are exact in float64."""
    largest = float(min(x.size, taps.size))
    for array in (x, taps):
        if array.dtype.kind == "c":
            largest *= float(np.abs(array).max())
        else:
            largest *= max(abs(float(array.max())), abs(float(array.min())))
    return largest < _EXACT


# ---- Images --------------------------------------------------------------------------------------


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
    in1, in2 : array_like
        Of two dimensions.
    mode : {"full", "valid", "same"}, default "full"
        Which part of the result, as in `convolve`.
    boundary : {"fill", "wrap", "symm"}, default "fill"
        What lies outside of `in1`: `fillvalue`, the array again ("circular" is the same), or its
        mirror image, the edge being twice there ("symmetric" is the same).
    fillvalue : scalar, default 0
        A value that the result's dtype can hold.

    Returns
    -------
    array
        Of the arrays' common dtype. Integers wrap around.

    Raises
    ------
    ValueError
        If a shape, name, value or dtype does not fit; bool, float16 and object do not.

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
    if _swap_needed(mode, x.shape, taps.shape):
        x, taps = taps, x
    return _convolve2d("convolve2d", x, taps, mode, boundary, fillvalue, False)


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
    in1, in2 : array_like
        Of two dimensions.
    mode : {"full", "valid", "same"}, default "full"
        Which part of the result, as in `convolve`.
    boundary : {"fill", "wrap", "symm"}, default "fill"
        What lies outside of `in1`, as in `convolve2d`.
    fillvalue : scalar, default 0
        A value that the result's dtype can hold.

    Returns
    -------
    array
        Of the arrays' common dtype. Integers wrap around.

    Raises
    ------
    ValueError
        If a shape, name, value or dtype does not fit; bool, float16 and object do not.

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
    swapped = _swap_needed(mode, x.shape, taps.shape)
    if swapped:
        x, taps = taps, x
    taps = _signal.reversed_(_conjugate(taps))
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
    _check_mode(mode)
    if boundary not in _BOUNDARIES:
        raise ValueError(
            "Acceptable boundary flags are 'fill', 'circular' (or 'wrap'), and 'symmetric' (or "
            f"'symm'), not {boundary!r}"
        )
    dtype = np.result_type(x, taps)
    if dtype.char in "?eO" or dtype.kind not in "iufc":
        raise ValueError(f"{name} not available for this type: {dtype}")
    value = _fill(fillvalue, dtype)
    if x.size == 0 or taps.size == 0:
        raise ValueError(f"{name}: the shapes are {x.shape} and {taps.shape}; no size may be 0")
    x, taps = x.astype(dtype, copy=False), taps.astype(dtype, copy=False)
    how = _BOUNDARIES[boundary]
    part = part_of(mode, x.shape, taps.shape)
    if mode == "same" and late:
        part = tuple([slice(k // 2, k // 2 + n) for n, k in zip(x.shape, taps.shape, strict=True)])
    inside = mode == "valid" or (how == "constant" and value == 0)
    if dtype.char in "fdFD" and _signal.prefers_transforms(x, taps, mode):
        if inside:
            return _signal.transform(x, taps, part)
        x = _signal.extended(x, taps, part, how, value)
        return _signal.transform(x, taps, part_of("valid", x.shape, taps.shape))
    if inside:
        return _signal.convolve(x, taps, part)
    return _signal.convolve(x, taps, part, how, value)


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


# ---- Means ---------------------------------------------------------------------------------------


def moving_average(x: ArrayLike, window: int, mode: str = "same") -> Array:
    """Average each `window` neighbours of a signal, zeros being outside of it.

    Equal to ``np.convolve(x, np.ones(window) / window, mode)``.

    Parameters
    ----------
    x : array_like
        Of one dimension.
    window : int
        How many samples each mean is of; at least 1.
    mode : {"same", "valid", "full"}, default "same"
        "same" is as long as the longer of signal and window, "valid" leaves out the means that
        reach beyond the ends, "full" is all that meet the signal.

    Returns
    -------
    array
        Of float64, unless `x` is of a larger or complex type.

    Raises
    ------
    ValueError
        If the signal is empty or has another number of dimensions, the window is below 1, or the
        mode is unknown.
    TypeError
        If the window is no integer.

    See Also
    --------
    convolve : Any other weights.

    Examples
    --------
    >>> from fastconv import signal
    >>> signal.moving_average([3, 6, 9, 6, 3], 3)
    array([3., 6., 7., 6., 3.])
    >>> signal.moving_average([3, 6, 9, 6, 3], 3, mode="valid")
    array([6., 7., 6.])
    """
    if isinstance(window, bool) or not isinstance(window, (int, np.integer)):
        raise TypeError(f"moving_average: window is {window!r}; it must be an int, at least 1")
    if window < 1:
        raise ValueError(f"moving_average: window is {window}; it must be at least 1")
    _check_mode(mode)
    signal = np.asarray(x)
    if signal.ndim == 0:
        signal = signal.reshape(1)
    if signal.ndim != 1 or signal.size == 0:
        raise ValueError(
            f"moving_average: x has shape {signal.shape}; it must have one dimension and not be "
            "empty"
        )
    weights = np.full(int(window), 1.0) / window
    if weights.size > signal.size:
        return _convolve(weights, signal, mode, "auto")
    return _convolve(signal, weights, mode, "auto")
