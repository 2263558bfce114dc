"""SciPy's rules for the arguments of image filters, and its errors.

Each function reads one argument. What SciPy refuses is refused, with its type of exception.
"""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.exceptions import AxisError
from numpy.typing import NDArray

from fastconv._core import new_result

Array = NDArray[Any]
Ints = tuple[int, ...]

# A filter sees no difference between a mode and its "grid-" namesake.
BORDERS = {
    "nearest": 0,
    "wrap": 1,
    "grid-wrap": 1,
    "reflect": 2,
    "grid-mirror": 2,
    "mirror": 3,
    "constant": 4,
    "grid-constant": 4,
}
CONSTANT = BORDERS["constant"]
WRAP = BORDERS["wrap"]


def refuse_complex(input: Array) -> None:
    """Refuse complex numbers where order matters."""
    if input.dtype.kind == "c":
        raise TypeError(f"Complex type not supported: input has dtype {input.dtype}")


def result(output: Any, input: Array, complex_result: bool = False, stacklevel: int = 3) -> Array:
    """Give the array to write to: a new one, of a dtype that is asked for, or the one given."""
    shape = input.shape
    if output is None:
        dtype = input.dtype
        if complex_result:
            dtype = np.promote_types(dtype, np.complex64)
        return _new(
            shape, np.dtype(dtype.name) if not dtype.isnative or dtype.kind in "SUV" else dtype
        )
    if isinstance(output, (type, np.dtype)):
        dtype = np.dtype(output)
        if complex_result and dtype.kind != "c":
            warnings.warn("promoting specified output dtype to complex", stacklevel=stacklevel)
            dtype = np.promote_types(dtype, np.complex64)
        return _new(shape, dtype)
    if isinstance(output, str):
        dtype = np.dtype(output)
        if complex_result and dtype.kind != "c":
            raise RuntimeError(f"output must have complex dtype, not {output!r}")
        if not issubclass(dtype.type, np.number):
            raise RuntimeError(f"output must have numeric dtype, not {output!r}")
        return _new(shape, dtype)
    given = np.asarray(output)
    if given.shape != shape:
        raise RuntimeError(f"output shape not correct: {given.shape}, and the input's is {shape}")
    if complex_result and given.dtype.kind != "c":
        raise RuntimeError(f"output must have complex dtype, not {given.dtype}")
    return given


def _new(shape: Ints, dtype: np.dtype[Any]) -> Array:
    """Give an array that is not filled; large ones in memory that is used again."""
    if dtype.kind in "fuib" and dtype.isnative:
        return new_result(shape, dtype)
    return np.zeros(shape, dtype)


def border(mode: Any) -> int:
    """Read how an array goes on beyond its borders."""
    try:
        return BORDERS[mode]
    except (KeyError, TypeError):
        names = ", ".join(map(repr, BORDERS))
        raise RuntimeError(f"boundary mode not supported: {mode!r}; it is one of {names}") from None


def one_border(mode: Any, where: str = "") -> int:
    """Read the mode of all axes at once."""
    if not isinstance(mode, str) and isinstance(mode, Iterable):
        raise RuntimeError(f"A sequence of modes is not supported{where}: {mode!r}")
    return border(mode)


def axis(value: Any, ndim: int) -> int:
    """Read an axis, which may count from the end."""
    if value < -ndim or value >= ndim:
        raise AxisError(f"axis {value} is out of bounds for array of dimension {ndim}")
    return operator.index(value) % ndim


def axes(value: Any, ndim: int) -> Ints:
    """Read an axis, several, or None, which means all."""
    if value is None:
        return tuple(range(ndim))
    if np.isscalar(value):
        value = (value,)
    elif not isinstance(value, Iterable):
        raise ValueError(f"axes must be an integer, iterable of integers, or None, not {value!r}")
    found = tuple([operator.index(entry) for entry in value])
    for entry in found:
        if not -ndim <= entry < ndim:
            raise AxisError(
                f"specified axis: {entry} is out of range for an array of {ndim} dimensions"
            )
    found = tuple([entry % ndim for entry in found])
    if len(set(found)) != len(found):
        raise ValueError(f"axes must be unique, and of {ndim} dimensions are {found}")
    return found


def per_axis(value: Any, count: int) -> list[Any]:
    """Read a value for every axis, or one for each."""
    if isinstance(value, (str, int, float)) or not np.iterable(value):
        return [value] * count
    given = list(value)
    if len(given) != count:
        raise RuntimeError(
            "sequence argument must have length equal to input rank, or to that of axes: "
            f"{count}, and is {value!r}"
        )
    return given


def offset(size: int, origin: Any) -> int:
    """Turn SciPy's origin, from a window's centre, into a position in the window."""
    least, most = -(size // 2), (size - 1) // 2
    if origin < least or origin > most:
        raise ValueError(
            f"Invalid origin; origin must satisfy -(size // 2) <= origin <= (size - 1) // 2: from "
            f"{least} to {most} for a window of size {size}, and is {origin!r}"
        )
    return size // 2 + operator.index(origin)


def size(value: Any) -> int:
    """Read the size of a window along one axis."""
    if value < 1:
        raise RuntimeError(f"incorrect filter size: {value!r}; it is at least 1")
    return operator.index(value)


def number(value: Any) -> float:
    """Read the value beyond the borders, as C reads a double."""
    if type(value) is float:
        return value
    try:
        return math.copysign(value, value)
    except TypeError:
        raise TypeError(f"cval must be a real number, not {value!r}") from None


def held(cval: float, dtype: np.dtype[Any]) -> float:
    """Convert the value beyond the borders to the input's dtype, as C does on x86-64."""
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return float(np.float64(cval).astype(dtype))
    bits = 8 * dtype.itemsize
    word = 32 if bits < 32 or (bits == 32 and dtype.kind == "i") else 64
    least, above = -(2 ** (word - 1)), 2 ** (word - (bits < 64 or dtype.kind == "i"))
    whole = int(cval) if least <= cval < above else least
    if dtype.kind == "u" and bits == 64 and cval >= above:
        whole = 0
    return float(np.array(whole % 2**bits, np.uint64).astype(dtype))


def line_weights(value: Any) -> Array:
    """Read the weights of a window along one axis."""
    weights = np.ascontiguousarray(value, np.float64)
    if np.ndim(value) != 1 or not len(weights):
        raise RuntimeError(
            "no filter weights given: weights must be a line of one at least, and have shape "
            f"{np.shape(value)}"
        )
    return weights


def window(value: Array, name: str, axes: Ints, ndim: int) -> Array:
    """Give a window as many axes as the input has."""
    if value.ndim != len(axes) or 0 in value.shape:
        counted = value.ndim - value.shape.count(0)
        raise RuntimeError(
            f"{name}.ndim ({counted}) must match len(axes) ({len(axes)}); {name} has shape "
            f"{value.shape}"
        )
    if value.ndim < ndim:
        return np.expand_dims(value, tuple([a for a in range(ndim) if a not in axes]))
    return value


def origins(value: Any, axes: Ints, ndim: int) -> list[Any]:
    """Read the origins of a window with as many axes as the input has."""
    given = per_axis(value, len(axes))
    if len(axes) == ndim:
        return given
    spread = [0] * ndim
    for a, origin in zip(axes, given, strict=True):
        spread[a] = origin
    return spread
