"""Arrays as layers written in NumPy are given them: read, or refused, as the operators do it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastconv import _args
from fastconv._typing import FloatArray

__all__ = ["array", "floats", "gradient"]


def array(name: str, x: Any, argument: str = "x") -> NDArray[Any]:
    """Give an array of any dtype, in the machine's byte order."""
    if type(x) is np.ndarray and x.dtype.isnative:
        return x
    given = _args.as_array(name, argument, x)
    return given.astype(given.dtype.newbyteorder("="), copy=False)


def floats(name: str, x: Any, argument: str = "x") -> FloatArray:
    """Give an array of float32 or float64, in the machine's byte order."""
    given = array(name, x, argument)
    return given if given.dtype.char in "fd" else _args.float_array(name, argument, given)


def gradient(name: str, gy: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Give the argument of a layer's `backward`, of the output's shape and dtype.

    What would broadcast is refused too: it would be the gradient of another output.
    """
    if type(gy) is np.ndarray and gy.dtype == dtype and gy.shape == shape:
        return gy
    name, dtype = f"{name}.backward", dtype.newbyteorder("=")
    given = array(name, gy, "gy")
    if given.dtype != dtype:
        raise TypeError(
            f"{name}: gy has dtype {given.dtype}; it must have that of the output, {dtype}"
        )
    if given.shape != shape:
        raise ValueError(
            f"{name}: gy has shape {given.shape}; it must have that of the output, {shape}"
        )
    return given
