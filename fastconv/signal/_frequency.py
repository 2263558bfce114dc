"""Convolution by Fourier transforms over some axes: SciPy's fftconvolve and oaconvolve."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastconv.signal import _library, _transforms
from fastconv.signal._args import MODES, Array, swap_needed


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
    if swap_needed(mode, *sizes):
        x, taps = taps, x
    if mode not in MODES:
        raise ValueError(f"acceptable mode flags are 'valid', 'same', or 'full', not {mode!r}")
    return in_frequency(x, taps, mode, chosen)


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


def in_frequency(x: Array, taps: Array, mode: str, axes: Sequence[int]) -> Array:
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
        x, taps = _library.as_transformed(x), _library.as_transformed(taps)
        dtype = np.result_type(x, taps)
        if dtype.char in "fdFD":
            return _transforms.transform(
                x.astype(dtype, copy=False), taps.astype(dtype, copy=False), part
            )
    return np.ascontiguousarray(_library.convolve(x, taps, axes)[part])


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
