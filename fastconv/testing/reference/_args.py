"""Arguments read: dtypes, axis orders, spatial tuples, the forms of padding, activations."""

import functools
import inspect
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.int64]
Shape: TypeAlias = tuple[int, ...]
Ints: TypeAlias = int | Sequence[int]
Pairs: TypeAlias = tuple[tuple[int, int], ...]
Padding: TypeAlias = int | str | Sequence[int] | Sequence[Sequence[int]]
Activation: TypeAlias = str | tuple[float, float] | None

LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T", np.float64, np.int64)


def one_per_dimension(
    function: Callable[Concatenate[int, P], R],
) -> tuple[Callable[P, R], Callable[P, R], Callable[P, R]]:
    """Make ``conv1d, conv2d, conv3d`` of ``conv_nd(n, ...)``.

    ``{n}`` in the docstring becomes the number of dimensions. Floating-point warnings are off
    within: ``NaN`` and ``Inf`` are values here like any other.
    """

    def bind(n: int) -> Callable[P, R]:
        @functools.wraps(function)
        def bound(*args: P.args, **kwargs: P.kwargs) -> R:
            with np.errstate(all="ignore"):
                return function(n, *args, **kwargs)

        signature = inspect.signature(function)
        described: Any = bound
        described.__signature__ = signature.replace(
            parameters=list(signature.parameters.values())[1:]
        )
        described.__annotations__ = {k: v for k, v in function.__annotations__.items() if k != "n"}
        described.__doc__ = (function.__doc__ or "").replace("{n}", str(n))
        described.__name__ = function.__name__.replace("_nd", f"{n}d")
        described.__qualname__ = described.__name__
        del described.__wrapped__
        return bound

    return bind(1), bind(2), bind(3)


def as_float64(name: str, array: ArrayLike) -> Array:
    """Return a float64 copy of a real array."""
    values = np.asarray(array)
    if values.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {values.dtype}: expected real numbers")
    return values.astype(np.float64)


def as_indices(name: str, array: ArrayLike, plane: int) -> Indices:
    """Return an int64 copy of flat positions in a plane of so many elements."""
    values = np.asarray(array)
    if values.dtype.kind not in "iu":
        raise TypeError(f"{name} has dtype {values.dtype}: expected int32 or int64")
    if values.size and (values.min() < 0 or values.max() >= plane):
        raise ValueError(
            f"{name} range from {values.min()} to {values.max()}: expected 0 to {plane - 1}"
        )
    return values.astype(np.int64)


def per_axis(name: str, value: Ints, n: int, least: int) -> Shape:
    """Return n ints, of an int or of a tuple or list of n."""
    given: Any = value if isinstance(value, tuple | list) else (value,) * n
    try:
        values = tuple(operator.index(v) for v in given)
    except TypeError:
        raise TypeError(f"{name}={value!r}: expected an int or a tuple of {n}") from None
    if len(values) != n or min(values) < least:
        raise ValueError(f"{name}={value!r}: expected an int or {n}, each at least {least}")
    return values


def padding_pairs(padding: Padding, kernel: Shape, stride: Shape, dilation: Shape) -> Pairs:
    """Return (before, after) for every axis, of any form of padding."""
    n = len(kernel)
    span = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * n
        if padding == "full":
            return tuple((s, s) for s in span)
        if padding == "same" and max(stride) == 1:
            return tuple((s // 2, s - s // 2) for s in span)
        raise ValueError(
            f"padding={padding!r} with stride={stride}: expected 'valid', 'full', "
            "or 'same' with stride 1"
        )
    if isinstance(padding, tuple | list) and any(isinstance(p, tuple | list) for p in padding):
        if len(padding) != n or not all(isinstance(p, tuple | list) for p in padding):
            raise ValueError(f"padding={padding!r}: expected {n} pairs (before, after)")
        pairs = [per_axis("padding", p, 2, 0) for p in padding if not isinstance(p, int)]
        return tuple((before, after) for before, after in pairs)
    return tuple((p, p) for p in per_axis("padding", padding, n, 0))  # type: ignore[arg-type]


def is_channels_last(layout: str | None, n: int) -> bool:
    """Tell the two axis orders apart."""
    first, last = LAYOUTS[n]
    if layout not in (None, first, last):
        raise ValueError(f"layout={layout!r}: expected {first!r} or {last!r}")
    return layout == last


def channels_first(
    name: str, array: NDArray[T], n: int, layout: str | None
) -> tuple[NDArray[T], Callable[[NDArray[Any]], NDArray[Any]]]:
    """Return the array as (batch, channels, *spatial), and the way back for a result."""
    last, batched = is_channels_last(layout, n), array.ndim == n + 2
    if array.ndim not in (n + 1, n + 2):
        raise ValueError(f"{name} has {array.ndim} dimensions: expected {n + 1} or {n + 2}")
    if 0 in (array.shape[1:] if batched else array.shape):
        raise ValueError(f"{name} has shape {array.shape}: only the batch may be empty")

    def back(result: NDArray[Any]) -> NDArray[Any]:
        result = result if batched else result[0]
        return np.ascontiguousarray(np.moveaxis(result, -n - 1, -1)) if last else result

    array = array if batched else array[np.newaxis]
    return (np.moveaxis(array, -1, 1) if last else array), back


def channels_first_shape(
    name: str, shape: Sequence[int], n: int, layout: str | None
) -> tuple[Shape, Callable[[Shape], Shape]]:
    """Return a shape as (batch, channels, *spatial), and the way back for another."""
    last, batched = is_channels_last(layout, n), len(shape) == n + 2
    sizes = per_axis(name, shape, len(shape), 0)
    if len(shape) not in (n + 1, n + 2):
        raise ValueError(f"{name}={shape!r}: expected {n + 1} or {n + 2} sizes")
    if 0 in (sizes[1:] if batched else sizes):
        raise ValueError(f"{name}={shape!r}: only the batch may be empty")

    def back(result: Shape) -> Shape:
        result = (result[0], *result[2:], result[1]) if last else result
        return result if batched else result[1:]

    sizes = sizes if batched else (1, *sizes)
    return ((sizes[0], sizes[-1], *sizes[1:-1]) if last else sizes), back


def expect_shape(name: str, array: NDArray[Any], shape: Shape) -> None:
    """Refuse an array of another shape."""
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape} (channels first): expected {shape}")


def expect_same_axes(name: str, array: NDArray[Any], other: Sequence[int]) -> None:
    """Refuse an array with a batch axis beside a shape without one, and the reverse."""
    if array.ndim != len(other):
        raise ValueError(f"{name} has shape {array.shape} beside {tuple(other)}: batch or no batch")


def activate(y: Array, activation: Activation) -> Array:
    """Return min(max(y, low), high); ``NaN`` stays."""
    if activation is None:
        return y
    named = {"relu": (0.0, math.inf), "relu6": (0.0, 6.0)}
    bounds = named.get(activation) if isinstance(activation, str) else tuple(activation)
    if bounds is None or len(bounds) != 2 or not bounds[0] <= bounds[1]:
        raise ValueError(f"activation={activation!r}: expected None, 'relu', 'relu6', (min, max)")
    return np.clip(y, *bounds)
