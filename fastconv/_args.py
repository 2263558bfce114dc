"""Arguments read, and bad ones turned into errors: arrays, values, spatial values, shapes.

Every message names the operator, the argument, the value given and what is allowed. Values may be
of any size here, as Python's integers have no limit; what goes on to C fits 64 bits, and so do the
sums that C makes of it. `_conv_args` and `_pool_args` make problems of what is read here.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, NoReturn, TypeGuard

import numpy as np
from numpy.typing import NDArray

from fastconv import _core
from fastconv._core import Operator

Sizes = tuple[int, ...]
Shapes = tuple[Any, Any, Any]  # of an operator's arrays; None where there is none
Options = tuple[Any, ...]

LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}
ACTIVATIONS = {"relu": (0.0, math.inf), "relu6": (0.0, 6.0)}

STEP_LIMIT = 2**31  # of strides and dilations
PADDING_LIMIT = 2**40
SIZE_LIMIT = 2**60
BYTES_LIMIT = 2**62
MESSAGE_LIMIT = 400  # characters of a value in a message


def wrong_type(operator: str, name: str, value: Any, needed: str) -> NoReturn:
    """Refuse a value for its type."""
    raise TypeError(f"{operator}: {name} is {_described(value)}; it must be {needed}")


def wrong_value(operator: str, name: str, value: Any, needed: str) -> NoReturn:
    """Refuse a value of the right type."""
    raise ValueError(f"{operator}: {name} is {written(value)}; it must be {needed}")


def _described(value: Any) -> str:
    if value is None:
        return "None"
    if isinstance(value, (bool, int, float, complex, str, tuple, list, np.generic)):
        return f"{written(value)} (of type {type(value).__name__})"
    return f"of type {type(value).__name__}"


def written(value: Any) -> str:
    """Give the value as Python writes it, the beginning where that is long."""
    try:
        text = repr(value)
    except Exception:  # Python writes no integers of thousands of digits; and a repr may raise
        return f"a value of type {type(value).__name__} that cannot be written"
    return text if len(text) <= MESSAGE_LIMIT else f"{text[:MESSAGE_LIMIT]}..."


# ---- Arrays --------------------------------------------------------------------------------------


def as_array(operator: str, name: str, value: Any) -> NDArray[Any]:
    """Give what exports an array as a `numpy.ndarray`, of any dtype and strides."""
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    try:
        if isinstance(value, np.generic):
            pass
        elif hasattr(value, "__array_interface__") or hasattr(value, "__array_struct__"):
            return np.asarray(value)
        elif hasattr(value, "__dlpack__"):
            return np.from_dlpack(value)
        elif hasattr(value, "__array__"):
            return np.asarray(value)
        elif _exports_buffer(value):
            return np.asarray(memoryview(value))
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        given = type(value).__name__
        raise TypeError(
            f"{operator}: {name} (of type {given}) cannot be read as an array on the CPU: {error}"
        ) from error
    wrong_type(operator, name, value, "a NumPy array, or an object that exports one")


def _exports_buffer(value: Any) -> bool:
    try:
        memoryview(value)
    except TypeError:
        return False
    return True


def float_array(operator: str, name: str, value: Any) -> NDArray[Any]:
    """Give an array of float32 or float64, of any strides and byte order."""
    array = as_array(operator, name, value)
    if array.dtype.char not in "fd":
        raise TypeError(
            f"{operator}: {name} has dtype {array.dtype}; it must be float32 or float64: "
            "convert with .astype(np.float32) or .astype(np.float64)"
        )
    return array


def integer_array(operator: str, name: str, value: Any) -> NDArray[Any]:
    """Give an array of int32 or int64, of any strides and byte order."""
    array = as_array(operator, name, value)
    if array.dtype.kind != "i" or array.dtype.itemsize not in (4, 8):
        raise TypeError(
            f"{operator}: {name} has dtype {array.dtype}; it must be int64 or int32: "
            "convert with .astype(np.int64)"
        )
    return array


def refuse_mixed(operator: str, names: Iterable[str], arrays: Iterable[Any]) -> NoReturn:
    """Say which arrays disagree on their float type."""
    pairs = zip(names, arrays, strict=False)
    given = [f"{name} is {a.dtype}" for name, a in pairs if a is not None and a.dtype.kind == "f"]
    raise TypeError(
        f"{operator}: {', '.join(given)}; all must have one float type: "
        "convert with .astype(np.float32) or .astype(np.float64)"
    )


def refuse_out(operator: str, out: Any, shape: Sizes, dtype: np.dtype[Any]) -> NoReturn:
    """Say what is wrong with `out`."""
    needed = f"a writeable NumPy array of shape {shape} and dtype {dtype}"
    if not isinstance(out, np.ndarray):
        wrong_type(operator, "out", out, needed)
    if out.dtype != dtype:
        raise TypeError(f"{operator}: out has dtype {out.dtype}; it must be {needed}")
    if out.shape != shape:
        raise ValueError(f"{operator}: out has shape {out.shape}; it must be {needed}")
    raise ValueError(f"{operator}: out is read-only; it must be {needed}")


def refuse_planned(operator: str, x: NDArray[Any], shape: Sizes, dtype: np.dtype[Any]) -> NoReturn:
    """Say why a plan does not take `x`."""
    if x.dtype.char != dtype.char:
        raise TypeError(f"{operator}: x has dtype {x.dtype}; the plan was made for {dtype}")
    raise ValueError(f"{operator}: x has shape {x.shape}; the plan was made for {shape}")


# ---- Single values -------------------------------------------------------------------------------


def is_integer(value: Any) -> TypeGuard[int]:
    """Tell Python's and NumPy's integers, which bools are not."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def integer(operator: str, name: str, value: Any, minimum: int, limit: int = SIZE_LIMIT) -> int:
    """Read an integer in [minimum, limit)."""
    least = minimum if minimum > -limit else f"-2**{limit.bit_length() - 1}"
    needed = f"an int, at least {least} and below 2**{limit.bit_length() - 1}"
    if not is_integer(value):
        wrong_type(operator, name, value, needed)
    number = int(value)  # first: a subclass may compare as it likes
    if not minimum <= number < limit:
        wrong_value(operator, name, value, needed)
    return number


def flag(operator: str, name: str, value: Any) -> bool:
    """Read a bool."""
    if not isinstance(value, (bool, np.bool_)):
        wrong_type(operator, name, value, "True or False")
    return bool(value)


def choice(operator: str, name: str, value: Any, allowed: Sequence[str]) -> int:
    """Read a name: its position among those allowed."""
    needed = f"one of {', '.join(map(repr, allowed))}"
    if not isinstance(value, str):
        wrong_type(operator, name, value, needed)
    if value not in allowed:
        wrong_value(operator, name, value, needed)
    return list(allowed).index(value)


def number(operator: str, name: str, value: Any) -> float:
    """Read a real number."""
    if not isinstance(value, (float, np.floating)) and not is_integer(value):
        wrong_type(operator, name, value, "a real number")
    try:
        return float(value)
    except OverflowError:
        wrong_value(operator, name, value, "within the range of a float")


def norm(operator: str, value: Any) -> float:
    """Read the exponent of power-average pooling."""
    exponent = number(operator, "norm_type", value)
    if not 0 < exponent < math.inf:
        wrong_value(operator, "norm_type", value, "finite and positive")
    return exponent


def activation(operator: str, value: Any) -> tuple[float, float] | None:
    """Read the bounds of a result."""
    if value is None:
        return None
    if isinstance(value, str):
        choice(operator, "activation", value, tuple(ACTIVATIONS))
        return ACTIVATIONS[value]
    needed = "None, 'relu', 'relu6' or a pair (min, max) with min <= max and no NaN"
    if not isinstance(value, (tuple, list)):
        wrong_type(operator, "activation", value, needed)
    bounds = tuple(value)
    if len(bounds) != 2:
        wrong_value(operator, "activation", value, needed)
    low, high = (number(operator, "activation", bound) for bound in bounds)
    if not low <= high:
        wrong_value(operator, "activation", value, needed)
    return low, high


def output_mask(op: Operator, value: Any) -> tuple[bool, ...]:
    """Read which of three gradients are asked for."""
    if not isinstance(value, (tuple, list)):
        wrong_type(op.name, "output_mask", value, "a tuple of 3 bools")
    entries = tuple(value)
    if len(entries) != 3:
        wrong_value(op.name, "output_mask", value, "a tuple of 3 bools")
    return tuple([flag(op.name, "output_mask", entry) for entry in entries])


# ---- Spatial values ------------------------------------------------------------------------------


def spatial(op: Operator, name: str, value: Any, minimum: int, limit: int = SIZE_LIMIT) -> Sizes:
    """Read an int for every spatial dimension, or one for each."""
    if isinstance(value, (tuple, list)):
        entries = tuple(value)
        if len(entries) != op.n:
            wrong_value(op.name, name, value, f"an int or {_ints(op.n)}")
        return tuple([integer(op.name, name, entry, minimum, limit) for entry in entries])
    if not is_integer(value):
        wrong_type(op.name, name, value, f"an int or {_ints(op.n)}")
    return (integer(op.name, name, value, minimum, limit),) * op.n


def _ints(n: int) -> str:
    return f"a tuple of {n} int{'s' if n > 1 else ''}"


def steps(op: Operator, stride: Any, dilation: Any) -> tuple[Sizes, Sizes]:
    """Read stride and dilation."""
    return (
        spatial(op, "stride", stride, 1, STEP_LIMIT),
        spatial(op, "dilation", dilation, 1, STEP_LIMIT),
    )


def padding(
    op: Operator, value: Any, kernel: Sizes, stride: Sizes, dilation: Sizes
) -> tuple[Sizes, Sizes]:
    """Read the padding before and after each dimension, in any form a convolution takes."""
    needed = (
        f"an int, {_ints(op.n)}, a tuple of {op.n} pairs (before, after), 'valid', 'same' or 'full'"
    )
    if isinstance(value, str):
        return _named_padding(op, value, kernel, stride, dilation)
    if is_integer(value):
        both = spatial(op, "padding", value, 0, PADDING_LIMIT)
        return both, both
    if not isinstance(value, (tuple, list)):
        wrong_type(op.name, "padding", value, needed)
    entries = tuple(value)
    if len(entries) != op.n:
        wrong_value(op.name, "padding", value, needed)
    paired = [isinstance(entry, (tuple, list)) for entry in entries]
    if not any(paired):
        both = spatial(op, "padding", entries, 0, PADDING_LIMIT)
        return both, both
    if not all(paired):
        wrong_type(op.name, "padding", value, needed)
    pairs = [tuple(pair) for pair in entries]
    if any(len(pair) != 2 for pair in pairs):
        wrong_value(op.name, "padding", value, needed)
    before, after = zip(*pairs, strict=True)
    return (
        spatial(op, "padding", before, 0, PADDING_LIMIT),
        spatial(op, "padding", after, 0, PADDING_LIMIT),
    )


def _named_padding(
    op: Operator, value: str, kernel: Sizes, stride: Sizes, dilation: Sizes
) -> tuple[Sizes, Sizes]:
    choice(op.name, "padding", value, ("valid", "same", "full"))
    if value == "valid":
        return (0,) * op.n, (0,) * op.n
    extent = tuple([d * (k - 1) for d, k in zip(dilation, kernel, strict=True)])
    if max(extent) >= PADDING_LIMIT:
        wrong_value(op.name, "padding", value, f"below 2**40, and here that is {extent}")
    if value == "full":
        return extent, extent
    if max(stride) > 1:
        wrong_value(
            op.name, "padding", value, f"another one, as 'same' needs stride 1, not {stride}"
        )
    before = tuple([e // 2 for e in extent])
    return before, tuple([e - b for e, b in zip(extent, before, strict=True)])


# ---- Shapes --------------------------------------------------------------------------------------


class Planes(NamedTuple):
    """The shape of an array of (batch, channels, space), taken apart."""

    batched: bool
    layout: int
    batch: int
    channels: int
    space: Sizes

    def shape(self, channels: int, space: Sizes) -> Sizes:
        """Give the shape of an array of the same batch and layout."""
        inner = (*space, channels) if self.layout else (channels, *space)
        return (self.batch, *inner) if self.batched else inner


def shape(operator: str, name: str, value: Any, lengths: Sequence[int]) -> Sizes:
    """Read a shape given as an argument."""
    needed = f"a tuple of {' or '.join(map(str, lengths))} ints"
    if not isinstance(value, (tuple, list)):
        wrong_type(operator, name, value, needed)
    sizes = tuple(value)
    if len(sizes) not in lengths:
        wrong_value(operator, name, sizes, needed)
    return tuple([integer(operator, name, size, 0) for size in sizes])


def given_planes(op: Operator, name: str, value: Any, layout: Any) -> tuple[Sizes, Planes]:
    """Read the shape of an input given as an argument, and take it apart."""
    given = shape(op.name, name, value, (op.n + 1, op.n + 2))
    return given, planes(op, name, given, layout)


def planes(op: Operator, name: str, value: Sizes, layout: Any) -> Planes:
    """Take the shape of an input apart: batch (which may be missing), channels and space."""
    last = 0 if layout is None else choice(op.name, "layout", layout, LAYOUTS[op.n])
    axes = LAYOUTS[op.n][last]
    batched = len(value) == op.n + 2
    if not batched and len(value) != op.n + 1:
        raise ValueError(
            f"{op.name}: {name} has {len(value)} dimensions, its shape is {value}; it must have "
            f"{op.n + 2}, ({', '.join(axes)}), or {op.n + 1}, without the batch"
        )
    inner = value[1:] if batched else value
    if 0 in inner:
        raise ValueError(
            f"{op.name}: {name} has shape {value}; only the batch may be empty, every other size "
            "must be positive"
        )
    channels, space = (inner[-1], inner[:-1]) if last else (inner[0], inner[1:])
    return Planes(batched, last, value[0] if batched else 1, channels, space)


def match(op: Operator, name: str, given: Sizes, needed: Sizes) -> None:
    """Check a shape against the one that the problem asks for."""
    if given != needed:
        raise ValueError(f"{op.name}: {name} has shape {given}; this problem needs {needed}")


def result(op: Operator, value: Sizes) -> Sizes:
    """Check that 64 bits can address a result of this shape."""
    return addressable(op.name, "a result", value)


def addressable(operator: str, what: str, value: Sizes) -> Sizes:
    """Check that 64 bits can address an array of this shape."""
    if math.prod([size or 1 for size in value]) * 8 >= BYTES_LIMIT:
        raise MemoryError(f"{operator}: {what} of shape {value} is beyond any memory")
    return value


def by_ndim(operators: Sequence[Operator], name: str, value: Any) -> Operator:
    """Choose the operator for a weight of this shape: two dimensions are not spatial."""
    return operators[len(shape(operators[0].name, name, value, (3, 4, 5))) - 3]


_core.consult(sys.modules[__name__])
