"""What all kernels share: weights in a dtype that holds them, arguments that are numbers, sizes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from fastconv import _args

Array = NDArray[Any]

ELEMENTS_LIMIT = 2**26  # of a kernel: half a gigabyte of float64
AXES_LIMIT = 32


def as_dtype(name: str, dtype: DTypeLike) -> np.dtype[Any]:
    """Read a dtype."""
    try:
        return np.dtype(dtype)
    except (TypeError, ValueError, SyntaxError) as error:
        raise TypeError(f"{name}: dtype is {dtype!r}; it must be a dtype of NumPy") from error


def made(name: str, weights: ArrayLike, dtype: DTypeLike) -> Array:
    """Give the weights in a dtype that can hold them."""
    exact = np.asarray(weights)
    wanted = as_dtype(name, dtype)
    if not np.isfinite(exact).all():
        raise ValueError(f"{name}: these arguments give weights that are not finite")
    if wanted.kind in "fc":
        return _as_floats(name, exact, wanted)
    if exact.dtype.kind != "i":
        raise TypeError(
            f"{name}: dtype is {wanted}; the weights are fractions, "
            "so that it must be a float or complex type"
        )
    if wanted.kind != "i":
        raise TypeError(
            f"{name}: dtype is {wanted}; some weights are negative, "
            "so that it must be a float, complex or signed integer type"
        )
    return exact.astype(wanted, order="C")


def _as_floats(name: str, exact: Array, wanted: np.dtype[Any]) -> Array:
    with np.errstate(over="ignore"):
        result: Array = exact.astype(wanted, order="C")
    if not np.isfinite(result).all():
        raise ValueError(f"{name}: these arguments give weights that are too large for {wanted}")
    return result


def finite(name: str, argument: str, value: Any) -> float:
    """Read a finite number."""
    number = _args.number(name, argument, value)
    if not math.isfinite(number):
        _args.wrong_value(name, argument, value, "finite")
    return number


def positive(name: str, argument: str, value: Any) -> float:
    """Read a finite number above zero."""
    number = _args.number(name, argument, value)
    if not 0 < number < math.inf:
        _args.wrong_value(name, argument, value, "finite and positive")
    return number


def axis_count(name: str, ndim: Any) -> int:
    """Read a number of axes."""
    return _args.integer(name, "ndim", ndim, 1, AXES_LIMIT)


def check_size(name: str, sizes: list[Any]) -> None:
    """Refuse a kernel that no memory holds."""
    count = math.prod(map(float, sizes))  # at worst inf
    if not count <= ELEMENTS_LIMIT:  # not a NaN either
        raise ValueError(
            f"{name}: the kernel would have {count:.2g} weights; "
            f"at most {ELEMENTS_LIMIT:.2g} are allowed"
        )
