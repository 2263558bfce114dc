"""Convolution by Fourier transforms over some axes: SciPy's fftconvolve and oaconvolve."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from numbers import Number
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastconv.signal import _library, _transforms
from fastconv.signal._args import MODES, Array, convolved_axes, paired_axes, part_over, swap_needed
from fastconv.signal._choice import prefers_library
from fastconv.signal._docs import filled


@filled
def fftconvolve(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", axes: int | Iterable[int] | None = None
) -> Array:
    """Convolve two arrays by Fourier transforms, as `scipy.signal.fftconvolve`.

    Parameters
    ----------
    $arrays
    $mode
    $axes

    $returns_transformed

    $raises_transformed

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


@filled
def oaconvolve(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", axes: int | Iterable[int] | None = None
) -> Array:
    """Convolve two arrays by Fourier transforms of blocks, as `scipy.signal.oaconvolve`.

    The longer array of each axis is cut into blocks where that is faster than one transform
    (overlap-add).

    Parameters
    ----------
    $arrays
    $mode
    $axes

    $returns_transformed

    $raises_transformed

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
        return x * taps  # type: ignore[no-any-return]
    if x.ndim != taps.ndim:
        raise ValueError(
            f"{name}: in1 and in2 should have the same dimensionality, and have {x.ndim} and "
            f"{taps.ndim} dimensions"
        )
    if x.size == 0 or taps.size == 0:
        return np.asarray([])
    chosen = _read_axes(name, x.ndim, axes)
    chosen = [a for a in chosen if a in convolved_axes(x.shape, taps.shape)]
    for a in range(x.ndim):
        if a not in chosen and x.shape[a] != taps.shape[a] and 1 not in (x.shape[a], taps.shape[a]):
            raise ValueError(
                f"{name}: incompatible shapes for in1 and in2: {x.shape} and {taps.shape}, which "
                f"differ on axis {a}"
            )
    sizes = [tuple([shape[a] for a in chosen]) for shape in (x.shape, taps.shape)]
    if swap_needed(mode, *sizes):
        x, taps = taps, x
    if mode not in MODES:
        raise ValueError(
            f"{name}: acceptable mode flags are 'valid', 'same', or 'full', not {mode!r}"
        )
    return in_frequency(x, taps, mode, chosen)


def _read_axes(name: str, ndim: int, axes: Any) -> list[int]:
    if axes is None:
        return list(range(ndim))
    try:
        each: Any = (axes,) if isinstance(axes, Number) else axes
        values = [operator.index(a) for a in each]
    except TypeError:
        raise ValueError(
            f"{name}: axes must be a scalar or iterable of integers, not {axes!r}"
        ) from None
    if not values:
        raise ValueError(f"{name}: when provided, axes cannot be empty")
    if any(not -ndim <= a < ndim for a in values):
        raise ValueError(
            f"{name}: axes exceeds dimensionality of input: {axes!r} of {ndim} dimensions"
        )
    values = [a % ndim for a in values]
    if len(set(values)) != len(values):
        raise ValueError(f"{name}: all axes must be unique, and are {axes!r}")
    return values


def in_frequency(
    x: Array, taps: Array, mode: str, axes: Sequence[int], by_library: bool | None = None
) -> Array:
    """Convolve over some axes, of which neither array has one element only.

    The others broadcast; of them, too, "same" takes the middle. By the library's transforms or by
    C's; if not said, by those that are predicted to be faster, or by C's where the library's
    results are not finite: C's are then the direct sum.
    """
    if mode == "same":
        taps = taps[_middle(x.shape, taps.shape, axes)]
    if not axes:
        return np.asarray(x * taps)
    x, taps = _library.as_transformed(x), _library.as_transformed(taps)
    part = part_over(axes, mode, x.shape, taps.shape)
    dtype = np.result_type(x, taps)
    is_final = by_library is not None or dtype.char in "gG"  # which C has no transforms of
    if by_library is None:
        by_library = prefers_library(x, taps, mode, tuple(axes), dtype)
    if by_library:
        y = np.ascontiguousarray(_library.convolve(x, taps, axes)[part])
        if is_final or np.isfinite(y).all():
            return y
    paired = paired_axes(axes, x.shape, taps.shape)
    return _transforms.transform(*in_precision(x, taps, dtype), part, paired)


def in_precision(x: Array, taps: Array, dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """Convert two arrays to a float or complex dtype; what is real to its real counterpart."""
    real = np.dtype(dtype.char.lower())
    kinds = [dtype if array.dtype.kind == "c" else real for array in (x, taps)]
    return x.astype(kinds[0], copy=False), taps.astype(kinds[1], copy=False)


def _middle(shape: Sequence[int], taps: Sequence[int], axes: Sequence[int]) -> tuple[slice, ...]:
    """Give the taps that are left where there is one element, and so in "same" one result."""
    every = slice(None)
    return tuple(
        [
            slice((k - 1) // 2, (k - 1) // 2 + 1) if n == 1 and a not in axes else every
            for a, (n, k) in enumerate(zip(shape, taps, strict=True))
        ]
    )
