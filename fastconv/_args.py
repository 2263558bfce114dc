"""Arguments to problems, and bad arguments to errors: the one place for both.

Every message names the operator, the argument, the value given and what is allowed. Values may be of any size here
(Python's integers have no limit); what goes on to C fits 64 bits, and so do the sums that C makes of it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn, TypeGuard

import numpy as np
from numpy.typing import NDArray

from fastconv import _core
from fastconv._core import Operator

Sizes = tuple[int, ...]

LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}
PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
PADDING_NAMES = ("valid", "same", "full")
ACTIVATIONS = {"relu": (0.0, math.inf), "relu6": (0.0, 6.0)}

STEP_LIMIT = 2**31  # of strides and dilations
SIZE_LIMIT = 2**60  # of paddings, kernels and sizes
BYTES_LIMIT = 2**63


class Conv(NamedTuple):
    """A convolution's geometry, as `fc_conv` has it, without the dimensions that it lacks."""

    double: bool
    layout: int
    padding_mode: int
    batch: int
    in_channels: int
    out_channels: int
    groups: int
    input: Sizes
    kernel: Sizes
    stride: Sizes
    dilation: Sizes
    before: Sizes
    after: Sizes
    output: Sizes
    clamp: tuple[float, float] | None = None


class Pool(NamedTuple):
    """A pooling's geometry, as `fc_pool` has it, and what single functions take besides."""

    double: bool
    layout: int
    batch: int
    channels: int
    input: Sizes
    kernel: Sizes
    stride: Sizes
    dilation: Sizes
    pad: Sizes
    output: Sizes
    include_pad: bool = False
    divisor: int = 0
    norm: float = 0.0


class Planes(NamedTuple):
    """The shape of an array of (batch, channels, space), taken apart."""

    batched: bool
    layout: int
    batch: int
    channels: int
    space: Sizes

    def shape(self, channels: int, space: Sizes) -> Sizes:
        """The shape of an array of the same batch and layout."""
        inner = (*space, channels) if self.layout else (channels, *space)
        return (self.batch, *inner) if self.batched else inner


# ---- Arrays ----------------------------------------------------------------------------------------------------------


def as_array(operator: str, name: str, value: Any) -> NDArray[Any]:
    """Whatever exports an array, as a `numpy.ndarray` (of any dtype and strides), without a copy."""
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    allowed = "a NumPy array, or an object that exports one, is needed"
    if not isinstance(value, np.generic):
        try:
            if hasattr(value, "__array_interface__") or hasattr(value, "__array_struct__"):
                return np.asarray(value)
            if hasattr(value, "__dlpack__"):
                return np.from_dlpack(value)
            if hasattr(value, "__array__"):
                return np.asarray(value)
        except (TypeError, ValueError, RuntimeError, BufferError) as error:
            raise TypeError(
                f"{operator}: {name} ({type(value).__name__}) cannot be read as an array on the CPU ({error}); {allowed}"
            ) from error
    raise TypeError(f"{operator}: {name} is {_type(value)}; {allowed}")


def float_array(operator: str, name: str, value: Any) -> NDArray[Any]:
    """An array of float32 or float64, of any strides and byte order."""
    array = as_array(operator, name, value)
    if array.dtype.char not in "fd":
        raise TypeError(
            f"{operator}: {name} has dtype {array.dtype}; float32 or float64 is needed: "
            "convert with .astype(np.float32) or .astype(np.float64)"
        )
    return array


def integer_array(operator: str, name: str, value: Any) -> NDArray[Any]:
    """An array of int32 or int64, of any strides and byte order."""
    array = as_array(operator, name, value)
    if array.dtype.kind != "i" or array.dtype.itemsize not in (4, 8):
        raise TypeError(
            f"{operator}: {name} has dtype {array.dtype}; int64 or int32 is needed: convert with .astype(np.int64)"
        )
    return array


def refuse_mixed(
    operator: str, names: Sequence[str], arrays: Sequence[NDArray[Any] | None]
) -> NoReturn:
    """Say which arrays disagree on their float type."""
    given = [
        f"{name} is {array.dtype}"
        for name, array in zip(names, arrays, strict=False)
        if array is not None and array.dtype.kind == "f"
    ]
    raise TypeError(
        f"{operator}: {', '.join(given)}; all must have one float type: convert with .astype(np.float32) "
        "or .astype(np.float64)"
    )


def refuse_out(operator: str, out: Any, shape: Sizes, dtype: np.dtype[Any]) -> NoReturn:
    """Say what is wrong with `out`."""
    needed = f"a writeable NumPy array of shape {shape} and dtype {dtype} is needed"
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{operator}: out is {_type(out)}; {needed}")
    if out.dtype != dtype:
        raise TypeError(f"{operator}: out has dtype {out.dtype}; {needed}")
    if out.shape != shape:
        raise ValueError(f"{operator}: out has shape {out.shape}; {needed}")
    raise ValueError(f"{operator}: out is read-only; {needed}")


def refuse_planned(operator: str, x: NDArray[Any], shape: Sizes, dtype: np.dtype[Any]) -> NoReturn:
    """Say why a plan does not take `x`."""
    if x.dtype.char != dtype.char:
        raise TypeError(f"{operator}: x has dtype {x.dtype}; the plan was made for {dtype}")
    raise ValueError(f"{operator}: x has shape {x.shape}; the plan was made for {shape}")


# ---- Single values ---------------------------------------------------------------------------------------------------


def _type(value: Any) -> str:
    return "None" if value is None else f"of type {type(value).__name__}"


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def integer(operator: str, name: str, value: Any, minimum: int, limit: int = SIZE_LIMIT) -> int:
    """An integer in [minimum, limit)."""
    bounds = f"at least {minimum} and below 2**{limit.bit_length() - 1}"
    if not _is_integer(value):
        raise TypeError(
            f"{operator}: {name} is {value!r} ({_type(value)}); an int {bounds} is needed"
        )
    if not minimum <= value < limit:
        raise ValueError(f"{operator}: {name} is {value}; it must be {bounds}")
    return int(value)


def flag(operator: str, name: str, value: Any) -> bool:
    """A bool."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(
            f"{operator}: {name} is {value!r} ({_type(value)}); True or False is needed"
        )
    return bool(value)


def choice(operator: str, name: str, value: Any, allowed: Sequence[str]) -> int:
    """The position of a name among those allowed."""
    if not isinstance(value, str):
        raise TypeError(
            f"{operator}: {name} is {value!r} ({_type(value)}); one of {_names(allowed)} is needed"
        )
    if value not in allowed:
        raise ValueError(f"{operator}: {name} is {value!r}; it must be one of {_names(allowed)}")
    return list(allowed).index(value)


def _names(allowed: Sequence[str]) -> str:
    return ", ".join(map(repr, allowed))


def number(operator: str, name: str, value: Any) -> float:
    """A real number."""
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        raise TypeError(
            f"{operator}: {name} is {value!r} ({_type(value)}); a real number is needed"
        )
    try:
        return float(value)
    except OverflowError:
        raise ValueError(
            f"{operator}: {name} is {value}; it must be within the range of a float"
        ) from None


def norm(operator: str, value: Any) -> float:
    """The exponent of power-average pooling."""
    exponent = number(operator, "norm_type", value)
    if not 0 < exponent < math.inf:
        raise ValueError(f"{operator}: norm_type is {value}; it must be finite and positive")
    return exponent


def activation(operator: str, value: Any) -> tuple[float, float] | None:
    """The bounds of a result."""
    if value is None:
        return None
    if isinstance(value, str):
        choice(operator, "activation", value, tuple(ACTIVATIONS))
        return ACTIVATIONS[value]
    if not isinstance(value, (tuple, list)):
        raise TypeError(
            f"{operator}: activation is {value!r} ({_type(value)}); None, 'relu', 'relu6' or a pair (min, max) is needed"
        )
    if len(value) != 2:
        raise ValueError(f"{operator}: activation is {value!r}; a pair (min, max) has two numbers")
    low, high = (number(operator, "activation", bound) for bound in value)
    if not low <= high:
        raise ValueError(f"{operator}: activation is {value!r}; min <= max is needed, and no NaN")
    return low, high


# ---- Spatial values --------------------------------------------------------------------------------------------------


def spatial(op: Operator, name: str, value: Any, minimum: int, limit: int = SIZE_LIMIT) -> Sizes:
    """An int for every spatial dimension, or one for each."""
    if isinstance(value, (tuple, list)):
        if len(value) != op.n:
            raise ValueError(f"{op.name}: {name} is {value!r}; an int or {_count(op.n)} is needed")
        return tuple(integer(op.name, name, entry, minimum, limit) for entry in value)
    if not _is_integer(value):
        raise TypeError(
            f"{op.name}: {name} is {value!r} ({_type(value)}); an int or {_count(op.n)} is needed"
        )
    return (integer(op.name, name, value, minimum, limit),) * op.n


def _count(n: int) -> str:
    return "a tuple of 1 int" if n == 1 else f"a tuple of {n} ints"


def steps(op: Operator, stride: Any, dilation: Any) -> tuple[Sizes, Sizes]:
    """Stride and dilation."""
    return spatial(op, "stride", stride, 1, STEP_LIMIT), spatial(
        op, "dilation", dilation, 1, STEP_LIMIT
    )


def padding(
    op: Operator, value: Any, kernel: Sizes, stride: Sizes, dilation: Sizes
) -> tuple[Sizes, Sizes]:
    """The padding before and after each dimension, from any of the forms that a convolution takes."""
    if isinstance(value, str):
        choice(op.name, "padding", value, PADDING_NAMES)
        extent = tuple(d * (k - 1) for d, k in zip(dilation, kernel, strict=True))
        if value == "valid":
            return (0,) * op.n, (0,) * op.n
        if value == "full":
            if max(extent) >= SIZE_LIMIT:
                raise ValueError(
                    f"{op.name}: padding 'full' with dilation {dilation} is more than 2**60"
                )
            return extent, extent
        if max(stride) > 1:
            raise ValueError(
                f"{op.name}: padding is 'same', which needs stride 1, but stride is {stride}"
            )
        before = tuple(e // 2 for e in extent)
        return before, tuple(e - b for e, b in zip(extent, before, strict=True))
    if isinstance(value, (tuple, list)) and any(
        isinstance(entry, (tuple, list)) for entry in value
    ):
        if len(value) != op.n or any(
            isinstance(entry, (tuple, list)) and len(entry) != 2 for entry in value
        ):
            raise ValueError(
                f"{op.name}: padding is {value!r}; as pairs it must be {op.n} times (before, after)"
            )
        for entry in value:
            if not isinstance(entry, (tuple, list)):
                raise TypeError(
                    f"{op.name}: padding is {value!r}; all of its entries must be pairs, or all ints"
                )
        pairs = [tuple(integer(op.name, "padding", side, 0) for side in pair) for pair in value]
        return tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)
    if not _is_integer(value) and not isinstance(value, (tuple, list)):
        raise TypeError(
            f"{op.name}: padding is {value!r} ({_type(value)}); an int, {_count(op.n)}, {op.n} pairs (before, after) "
            f"or one of {_names(PADDING_NAMES)} is needed"
        )
    both = spatial(op, "padding", value, 0)
    return both, both


# ---- Shapes ----------------------------------------------------------------------------------------------------------


def shape(operator: str, name: str, value: Any, lengths: Sequence[int]) -> Sizes:
    """A shape given as an argument."""
    needed = f"a tuple of {' or '.join(map(str, lengths))} ints"
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{operator}: {name} is {value!r} ({_type(value)}); {needed} is needed")
    if len(value) not in lengths:
        raise ValueError(f"{operator}: {name} is {tuple(value)}; {needed} is needed")
    return tuple(integer(operator, name, size, 0) for size in value)


def planes(op: Operator, name: str, value: Sizes, layout: Any) -> Planes:
    """Take the shape of an input apart: batch (which may be missing), channels and space."""
    n = op.n
    last = 0 if layout is None else choice(op.name, "layout", layout, LAYOUTS[n])
    axes = LAYOUTS[n][last]
    if len(value) not in (n + 1, n + 2):
        raise ValueError(
            f"{op.name}: {name} has {len(value)} dimensions, shape {value}; ({', '.join(axes)}) is needed, "
            f"or ({', '.join(axes[1:])}) without the batch"
        )
    batched = len(value) == n + 2
    inner = value[1:] if batched else value
    if 0 in inner:
        raise ValueError(
            f"{op.name}: {name} has shape {value}; only the batch may be empty, every other size must be positive"
        )
    channels, space = (inner[-1], inner[:-1]) if last else (inner[0], inner[1:])
    return Planes(batched, last, value[0] if batched else 1, channels, space)


def filters(op: Operator, name: str, value: Sizes) -> Sizes:
    """Check the shape of a weight."""
    if len(value) != op.n + 2:
        raise ValueError(
            f"{op.name}: {name} has {len(value)} dimensions, shape {value}; {op.n + 2} are needed: "
            f"two of channels and {op.n} of the kernel"
        )
    if 0 in value:
        raise ValueError(f"{op.name}: {name} has shape {value}; every size must be positive")
    return value


def _match(op: Operator, name: str, given: Sizes, needed: Sizes) -> None:
    if given != needed:
        raise ValueError(f"{op.name}: {name} has shape {given}; this problem needs {needed}")


def result(op: Operator, value: Sizes, itemsize: int) -> Sizes:
    """A result's shape, where 64 bits can address it."""
    if math.prod(size or 1 for size in value) * itemsize >= BYTES_LIMIT:
        raise MemoryError(f"{op.name}: a result of shape {value} is beyond any memory")
    return value


def _itemsize(double: bool) -> int:
    return 8 if double else 4


# ---- Convolutions ----------------------------------------------------------------------------------------------------


def _geometry(
    op: Operator,
    double: bool,
    x: Planes,
    names: tuple[str, str],
    weight: Sizes,
    options: tuple[Any, Any, Any, Any],
    mode: int = 0,
    clamp: tuple[float, float] | None = None,
) -> Conv:
    """The geometry of a forward convolution of `x` with a weight; `options` are stride, padding, dilation and groups."""
    weight = filters(op, names[1], weight)
    kernel = weight[2:]
    stride, dilation = steps(op, options[0], options[2])
    before, after = padding(op, options[1], kernel, stride, dilation)
    groups = integer(op.name, "groups", options[3], 1)
    if weight[0] % groups:
        raise ValueError(
            f"{op.name}: groups is {groups}; it must divide the {weight[0]} output channels"
        )
    if x.channels != weight[1] * groups:
        raise ValueError(
            f"{op.name}: {names[0]} has {x.channels} channels, but {names[1]} of shape {weight} with groups {groups} "
            f"needs {weight[1] * groups}"
        )
    for size, front, back in zip(x.space, before, after, strict=True):
        most = max(front, back)
        if PADDING_MODES[mode] == "reflect" and most >= size:
            raise ValueError(
                f"{op.name}: padding {most} in mode 'reflect' must be less than the input's size {size}"
            )
        if PADDING_MODES[mode] == "circular" and most > size:
            raise ValueError(
                f"{op.name}: padding {most} in mode 'circular' must be at most the input's size {size}"
            )
    output = []
    for size, k, s, d, front, back in zip(
        x.space, kernel, stride, dilation, before, after, strict=True
    ):
        span = size + front + back - d * (k - 1) - 1
        if span < 0:
            raise ValueError(
                f"{op.name}: kernel {k} with dilation {d} spans {d * (k - 1) + 1}, more than the padded input's "
                f"{size + front + back}; {names[1]} must have a kernel that fits {names[0]}"
            )
        output.append(span // s + 1)
    return Conv(
        double,
        x.layout,
        mode,
        x.batch,
        x.channels,
        weight[0],
        groups,
        x.space,
        kernel,
        stride,
        dilation,
        before,
        after,
        tuple(output),
        clamp,
    )


def _check_bias(op: Operator, given: Sizes | None, channels: int) -> None:
    if given is not None and given != (channels,):
        raise ValueError(
            f"{op.name}: bias has shape {given}; ({channels},) is needed, one for each output channel"
        )


def conv(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, Sizes, Sizes | None],
    stride: Any,
    pad: Any,
    dilation: Any,
    groups: Any,
    layout: Any,
    mode: Any,
    act: Any,
    algorithm: Any,
) -> _core.ConvForward:
    """A forward convolution: input, weight, bias."""
    x = planes(op, "input", shapes[0], layout)
    options = (stride, pad, dilation, groups)
    return _forward(op, double, x, ("input", "weight"), shapes[1:], options, mode, act, algorithm)


def planned_conv(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, Sizes | None, None],
    input_shape: Any,
    stride: Any,
    pad: Any,
    dilation: Any,
    groups: Any,
    layout: Any,
    act: Any,
    algorithm: Any,
) -> _core.ConvForward:
    """A forward convolution of an input that is to come: weight, bias."""
    given = shape(op.name, "input_shape", input_shape, (op.n + 1, op.n + 2))
    x = planes(op, "input_shape", given, layout)
    options = (stride, pad, dilation, groups)
    return _forward(
        op, double, x, ("input_shape", "weight"), shapes[:2], options, "zeros", act, algorithm
    )


def _forward(
    op: Operator,
    double: bool,
    x: Planes,
    names: tuple[str, str],
    shapes: tuple[Sizes, Sizes | None],
    options: tuple[Any, Any, Any, Any],
    mode: Any,
    act: Any,
    algorithm: Any,
) -> _core.ConvForward:
    index = choice(op.name, "algorithm", algorithm, _core.ALGORITHMS)
    padding_mode = choice(op.name, "padding_mode", mode, PADDING_MODES)
    geometry = _geometry(
        op, double, x, names, shapes[0], options, padding_mode, activation(op.name, act)
    )
    _check_bias(op, shapes[1], geometry.out_channels)
    out = result(op, x.shape(geometry.out_channels, geometry.output), _itemsize(double))
    problem = _core.ConvForward(geometry, out, None, index)
    reason = problem.accepts(index)
    if reason is not None:
        raise ValueError(f"{op.name}: algorithm {algorithm!r} cannot serve this problem: {reason}")
    return problem


def _transposed_geometry(
    op: Operator,
    double: bool,
    x: Planes,
    weight: Sizes,
    options: tuple[Any, Any, Any, Any, Any],
    clamp: tuple[float, float] | None = None,
) -> Conv:
    """The forward convolution of which a transposed convolution of `x` is the input gradient; `options` are stride,
    padding, output_padding, groups and dilation."""
    weight = filters(op, "weight", weight)
    kernel = weight[2:]
    stride, dilation = steps(op, options[0], options[4])
    pad = spatial(op, "padding", options[1], 0)
    extra = spatial(op, "output_padding", options[2], 0)
    for e, s, d in zip(extra, stride, dilation, strict=True):
        if e >= max(s, d):
            raise ValueError(
                f"{op.name}: output_padding is {e}; it must be below max(stride, dilation), {max(s, d)}"
            )
    groups = integer(op.name, "groups", options[3], 1)
    if weight[0] % groups:
        raise ValueError(
            f"{op.name}: groups is {groups}; it must divide the {weight[0]} input channels"
        )
    if x.channels != weight[0]:
        raise ValueError(
            f"{op.name}: input has {x.channels} channels, but weight of shape {weight} needs {weight[0]}"
        )
    space = tuple(
        (size - 1) * s - 2 * p + d * (k - 1) + e + 1
        for size, k, s, p, d, e in zip(x.space, kernel, stride, pad, dilation, extra, strict=True)
    )
    if min(space) < 1:
        raise ValueError(
            f"{op.name}: padding {pad} leaves an output of size {space}; every size must be positive"
        )
    return Conv(
        double,
        x.layout,
        0,
        x.batch,
        weight[1] * groups,
        weight[0],
        groups,
        space,
        kernel,
        stride,
        dilation,
        pad,
        pad,
        x.space,
        clamp,
    )


def conv_transpose(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, Sizes, Sizes | None],
    stride: Any,
    pad: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
    layout: Any,
    act: Any,
) -> _core.ConvTransposed:
    """A transposed convolution: input, weight, bias."""
    x = planes(op, "input", shapes[0], layout)
    options = (stride, pad, output_padding, groups, dilation)
    geometry = _transposed_geometry(op, double, x, shapes[1], options, activation(op.name, act))
    _check_bias(op, shapes[2], geometry.in_channels)
    out = result(op, x.shape(geometry.in_channels, geometry.input), _itemsize(double))
    return _core.ConvTransposed(geometry, out, None, 0)


def by_ndim(operators: Sequence[Operator], operator: str, name: str, value: Any) -> Operator:
    """The operator for a weight of this shape: it has two dimensions besides the spatial ones."""
    return operators[len(shape(operator, name, value, (3, 4, 5))) - 3]


def conv_shape(
    op: Operator,
    input_shape: Any,
    weight_shape: Any,
    options: tuple[Any, Any, Any, Any],
    layout: Any,
) -> tuple[Conv, Sizes]:
    """The geometry and the result's shape of a convolution of arrays that need not exist."""
    given = shape(op.name, "input_shape", input_shape, (op.n + 1, op.n + 2))
    x = planes(op, "input_shape", given, layout)
    weight = shape(op.name, "weight_shape", weight_shape, (op.n + 2,))
    geometry = _geometry(op, False, x, ("input_shape", "weight_shape"), weight, options)
    return geometry, x.shape(geometry.out_channels, geometry.output)


# ---- Gradients of convolutions ---------------------------------------------------------------------------------------

GradOperands = tuple[Sizes, Sizes | None, Sizes | None]


def conv_grad(
    op: Operator,
    double: bool,
    shapes: GradOperands,
    which: str,
    stride: Any,
    pad: Any,
    dilation: Any,
    groups: Any,
    layout: Any,
    size: Any,
) -> _core.Problem:
    """A gradient of a convolution: grad_output, input, weight. `size` is the shape of what `which` names, where its
    array is not there."""
    grad_output, given, weight = shapes
    if given is None:
        given = shape(op.name, "input_size", size, (op.n + 1, op.n + 2))
    if weight is None:
        weight = shape(op.name, "weight_size", size, (op.n + 2,))
    names = (
        "input" if shapes[1] is not None else "input_size",
        "weight" if shapes[2] is not None else "weight_size",
    )
    x = planes(op, names[0], given, layout)
    geometry = _geometry(op, double, x, names, weight, (stride, pad, dilation, groups))
    _match(op, "grad_output", grad_output, x.shape(geometry.out_channels, geometry.output))
    if which == "input":
        return _core.ConvGradInput(geometry, result(op, given, _itemsize(double)), None, 0)
    if which == "weight":
        return _core.ConvGradWeight(geometry, result(op, weight, _itemsize(double)), None, 0)
    return _bias_gradient(double, x, geometry.out_channels, geometry.output)


def conv_transpose_grad(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, Sizes, Sizes],
    which: str,
    stride: Any,
    pad: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
    layout: Any,
) -> _core.Problem:
    """A gradient of a transposed convolution: grad_output, input, weight."""
    grad_output, given, weight = shapes
    x = planes(op, "input", given, layout)
    options = (stride, pad, output_padding, groups, dilation)
    geometry = _transposed_geometry(op, double, x, weight, options)
    _match(op, "grad_output", grad_output, x.shape(geometry.in_channels, geometry.input))
    if which == "bias":
        return _bias_gradient(double, x, geometry.in_channels, geometry.input)
    geometry, crop = _without_unread(geometry, x)
    if which == "input":
        return _core.TransposedGradInput(geometry, given, crop, 0)
    return _core.TransposedGradWeight(geometry, weight, crop, 0)


def _without_unread(geometry: Conv, x: Planes) -> tuple[Conv, tuple[slice, ...] | None]:
    """A transposed convolution with output_padding >= stride has rows at its end that no window reaches. Leave out
    padding, and then rows (the slices), until the forward convolution gives the input's size."""
    space, after = [], []
    for size, k, s, d, front, back, out in zip(
        geometry.input,
        geometry.kernel,
        geometry.stride,
        geometry.dilation,
        geometry.before,
        geometry.after,
        geometry.output,
        strict=True,
    ):
        most = (out - 1) * s + d * (k - 1) + 1 + (s - 1)  # of the padded input
        excess = max(size + front + back - most, 0)
        after.append(back - min(excess, back))
        space.append(size - (excess - min(excess, back)))
    crop = None
    if tuple(space) != geometry.input:
        crop = tuple(slice(size) for size in x.shape(geometry.in_channels, tuple(space)))
    return geometry._replace(input=tuple(space), after=tuple(after)), crop


def _bias_gradient(double: bool, x: Planes, channels: int, space: Sizes) -> _core.GradBias:
    return _core.GradBias(double, x.layout, x.batch, channels, math.prod(space))


def conv_bias_grad(
    op: Operator, double: bool, shapes: tuple[Sizes, None, None], layout: Any
) -> _core.GradBias:
    """The gradient of a convolution's bias: grad_output."""
    g = planes(op, "grad_output", shapes[0], layout)
    return _bias_gradient(double, g, g.channels, g.space)


def output_mask(op: Operator, value: Any) -> tuple[bool, ...]:
    """Which of the three gradients are asked for."""
    if not isinstance(value, (tuple, list)):
        raise TypeError(
            f"{op.name}: output_mask is {value!r} ({_type(value)}); a tuple of 3 bools is needed"
        )
    if len(value) != 3:
        raise ValueError(f"{op.name}: output_mask is {value!r}; a tuple of 3 bools is needed")
    return tuple(flag(op.name, "output_mask", entry) for entry in value)


# ---- Columns ---------------------------------------------------------------------------------------------------------


def _columns(
    op: Operator, double: bool, x: Planes, kernel_size: Any, dilation: Any, pad: Any, stride: Any
) -> Conv:
    kernel = spatial(op, "kernel_size", kernel_size, 1)
    weight = (1, x.channels, *kernel)
    return _geometry(
        op, double, x, (op.arrays[0], "kernel_size"), weight, (stride, pad, dilation, 1)
    )


def unfold(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, None, None],
    kernel_size: Any,
    dilation: Any,
    pad: Any,
    stride: Any,
) -> _core.Unfold:
    """im2col: input."""
    x = planes(op, "input", shapes[0], None)
    geometry = _columns(op, double, x, kernel_size, dilation, pad, stride)
    out = x.shape(x.channels * math.prod(geometry.kernel), (math.prod(geometry.output),))
    return _core.Unfold(geometry, result(op, out, _itemsize(double)), None, 0)


def fold(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, None, None],
    output_size: Any,
    kernel_size: Any,
    dilation: Any,
    pad: Any,
    stride: Any,
) -> _core.Fold:
    """col2im: columns."""
    columns = shapes[0]
    space = spatial(op, "output_size", output_size, 1)
    kernel = spatial(op, "kernel_size", kernel_size, 1)
    if len(columns) not in (2, 3) or 0 in columns[-2:]:
        raise ValueError(
            f"{op.name}: input has shape {columns}; (N, C * prod(kernel_size), L) is needed, or without the batch, "
            "and only the batch may be empty"
        )
    taps = math.prod(kernel)
    if columns[-2] % taps:
        raise ValueError(
            f"{op.name}: input has shape {columns}; its {columns[-2]} rows must be a multiple of the {taps} taps of "
            f"kernel_size {kernel}"
        )
    batched = len(columns) == 3
    x = Planes(batched, 0, columns[0] if batched else 1, columns[-2] // taps, space)
    geometry = _columns(op, double, x, kernel, dilation, pad, stride)
    _match(op, "input", columns, x.shape(columns[-2], (math.prod(geometry.output),)))
    return _core.Fold(geometry, result(op, x.shape(x.channels, space), _itemsize(double)), None, 0)


# ---- Pooling ---------------------------------------------------------------------------------------------------------


def _windows(
    op: Operator,
    space: Sizes,
    kernel_size: Any,
    stride: Any,
    pad: Any,
    dilation: Any,
    ceil: Any,
) -> tuple[Sizes, Sizes, Sizes, Sizes, Sizes]:
    """Kernel, stride, dilation, padding and output of a pooling."""
    kernel = spatial(op, "kernel_size", kernel_size, 1)
    stride, dilation = steps(op, kernel if stride is None else stride, dilation)
    pad = spatial(op, "padding", pad, 0)
    up = flag(op.name, "ceil_mode", ceil)
    output = []
    for size, k, s, d, p in zip(space, kernel, stride, dilation, pad, strict=True):
        if p > k // 2:
            raise ValueError(
                f"{op.name}: padding is {p}; it must be at most half of kernel_size {k}"
            )
        span = size + 2 * p - d * (k - 1) - 1
        count = (span + (s - 1 if up else 0)) // s + 1
        if (
            up and (count - 1) * s >= size + p
        ):  # the last window must start in the input or the padding before it
            count -= 1
        if count < 1:
            raise ValueError(
                f"{op.name}: kernel_size {k} with dilation {d} spans {d * (k - 1) + 1}, more than the padded input's "
                f"{size + 2 * p}: the output would be empty"
            )
        starts = (
            range(0, min(count * s, p), s) if size < d else ()
        )  # of windows that start in the padding
        if any((start - p) % d >= size for start in starts):
            raise ValueError(
                f"{op.name}: dilation {d} with padding {p} gives a window that holds no element of the input's {size}"
            )
        output.append(count)
    return kernel, stride, dilation, pad, tuple(output)


def _pool(
    double: bool, x: Planes, windows: tuple[Sizes, Sizes, Sizes, Sizes, Sizes], **more: Any
) -> Pool:
    kernel, stride, dilation, pad, output = windows
    return Pool(
        double,
        x.layout,
        x.batch,
        x.channels,
        x.space,
        kernel,
        stride,
        dilation,
        pad,
        output,
        **more,
    )


def _whole(op: Operator, double: bool, x: Planes, output: Sizes) -> Pool:
    """A pooling whose function reads no windows, only sizes."""
    one, zero = (1,) * op.n, (0,) * op.n
    return _pool(double, x, (one, one, one, zero, output))


def _divisor(op: Operator, value: Any) -> int:
    if value is None:
        return 0
    if value == 0 and _is_integer(value):
        raise ValueError(
            f"{op.name}: divisor_override is 0; it must be None or an int other than 0"
        )
    return integer(op.name, "divisor_override", value, -(2**60))


def max_pool(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, None, None],
    kernel_size: Any,
    stride: Any,
    pad: Any,
    dilation: Any,
    layout: Any,
    ceil: Any,
    indexed: Any,
) -> _core.MaxPool:
    """Max pooling: input."""
    x = planes(op, "input", shapes[0], layout)
    geometry = _pool(double, x, _windows(op, x.space, kernel_size, stride, pad, dilation, ceil))
    out = result(op, x.shape(x.channels, geometry.output), 8)
    return _core.MaxPool(geometry, out, flag(op.name, "return_indices", indexed))


def avg_pool(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, None, None],
    kernel_size: Any,
    stride: Any,
    pad: Any,
    divisor: Any,
    layout: Any,
    ceil: Any,
    include: Any,
) -> _core.AvgPool:
    """Average pooling: input."""
    x = planes(op, "input", shapes[0], layout)
    windows = _windows(op, x.space, kernel_size, stride, pad, 1, ceil)
    include = flag(op.name, "count_include_pad", include)
    geometry = _pool(double, x, windows, include_pad=include, divisor=_divisor(op, divisor))
    return _core.AvgPool(
        geometry, result(op, x.shape(x.channels, geometry.output), _itemsize(double)), False
    )


def avg_pool_grad(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, None, None],
    input_size: Any,
    kernel_size: Any,
    stride: Any,
    pad: Any,
    divisor: Any,
    layout: Any,
    ceil: Any,
    include: Any,
) -> _core.AvgPoolGrad:
    """The gradient of average pooling: grad_output."""
    given = shape(op.name, "input_size", input_size, (op.n + 1, op.n + 2))
    x = planes(op, "input_size", given, layout)
    windows = _windows(op, x.space, kernel_size, stride, pad, 1, ceil)
    include = flag(op.name, "count_include_pad", include)
    geometry = _pool(double, x, windows, include_pad=include, divisor=_divisor(op, divisor))
    _match(op, "grad_output", shapes[0], x.shape(x.channels, geometry.output))
    return _core.AvgPoolGrad(geometry, result(op, given, _itemsize(double)), False)


def lp_pool(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, None, None],
    norm_type: Any,
    kernel_size: Any,
    stride: Any,
    layout: Any,
    ceil: Any,
) -> _core.LpPool:
    """Power-average pooling: input."""
    x = planes(op, "input", shapes[0], layout)
    windows = _windows(op, x.space, kernel_size, stride, 0, 1, ceil)
    geometry = _pool(double, x, windows, norm=norm(op.name, norm_type))
    return _core.LpPool(
        geometry, result(op, x.shape(x.channels, geometry.output), _itemsize(double)), False
    )


def lp_pool_grad(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, Sizes, Sizes],
    norm_type: Any,
    kernel_size: Any,
    stride: Any,
    layout: Any,
    ceil: Any,
) -> _core.LpPoolGrad:
    """The gradient of power-average pooling: grad_output, input, output."""
    grad_output, given, output = shapes
    x = planes(op, "input", given, layout)
    windows = _windows(op, x.space, kernel_size, stride, 0, 1, ceil)
    geometry = _pool(double, x, windows, norm=norm(op.name, norm_type))
    pooled = x.shape(x.channels, geometry.output)
    _match(op, "grad_output", grad_output, pooled)
    _match(op, "output", output, pooled)
    return _core.LpPoolGrad(geometry, given, False)


def _adaptive_size(op: Operator, value: Any, space: Sizes) -> Sizes:
    """The output size of an adaptive pooling; None keeps the input's."""
    if isinstance(value, (tuple, list)) and len(value) == op.n:
        value = tuple(
            size if entry is None else entry for entry, size in zip(value, space, strict=True)
        )
    return spatial(op, "output_size", value, 1)


def adaptive_avg_pool(
    op: Operator, double: bool, shapes: tuple[Sizes, None, None], output_size: Any, layout: Any
) -> _core.AdaptiveAvgPool:
    """Adaptive average pooling: input."""
    x = planes(op, "input", shapes[0], layout)
    geometry = _whole(op, double, x, _adaptive_size(op, output_size, x.space))
    out = result(op, x.shape(x.channels, geometry.output), _itemsize(double))
    return _core.AdaptiveAvgPool(geometry, out, False)


def adaptive_max_pool(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, None, None],
    output_size: Any,
    layout: Any,
    indexed: Any,
) -> _core.AdaptiveMaxPool:
    """Adaptive max pooling: input."""
    x = planes(op, "input", shapes[0], layout)
    geometry = _whole(op, double, x, _adaptive_size(op, output_size, x.space))
    out = result(op, x.shape(x.channels, geometry.output), 8)
    return _core.AdaptiveMaxPool(geometry, out, flag(op.name, "return_indices", indexed))


def _pooled(
    op: Operator, name: str, given: Sizes, input_size: Any, layout: Any
) -> tuple[Sizes, Planes, Planes]:
    """The input and the output of a pooling, from the input's size and the shape of an array like the output."""
    size = shape(op.name, "input_size", input_size, (op.n + 1, op.n + 2))
    x, y = planes(op, "input_size", size, layout), planes(op, name, given, layout)
    _match(op, name, given, x.shape(x.channels, y.space))
    return size, x, y


def adaptive_avg_pool_grad(
    op: Operator, double: bool, shapes: tuple[Sizes, None, None], input_size: Any, layout: Any
) -> _core.AdaptiveAvgPoolGrad:
    """The gradient of adaptive average pooling: grad_output."""
    size, x, y = _pooled(op, "grad_output", shapes[0], input_size, layout)
    return _core.AdaptiveAvgPoolGrad(
        _whole(op, double, x, y.space), result(op, size, _itemsize(double)), False
    )


def max_pool_grad(
    op: Operator, double: bool, shapes: tuple[Sizes, Sizes, None], input_size: Any, layout: Any
) -> _core.MaxPoolGrad:
    """The gradient of max pooling: grad_output, indices."""
    size, x, y = _pooled(op, "grad_output", shapes[0], input_size, layout)
    _match(op, "indices", shapes[1], shapes[0])
    return _core.MaxPoolGrad(
        _whole(op, double, x, y.space), result(op, size, _itemsize(double)), False
    )


def max_unpool(
    op: Operator,
    double: bool,
    shapes: tuple[Sizes, Sizes, None],
    kernel_size: Any,
    stride: Any,
    pad: Any,
    output_size: Any,
    layout: Any,
) -> _core.MaxUnpool:
    """Max unpooling: input, indices."""
    y = planes(op, "input", shapes[0], layout)
    _match(op, "indices", shapes[1], shapes[0])
    kernel = spatial(op, "kernel_size", kernel_size, 1)
    stride = kernel if stride is None else spatial(op, "stride", stride, 1, STEP_LIMIT)
    pad = spatial(op, "padding", pad, 0)
    for k, p in zip(kernel, pad, strict=True):
        if p > k // 2:
            raise ValueError(
                f"{op.name}: padding is {p}; it must be at most half of kernel_size {k}"
            )
    space = tuple(
        (size - 1) * s - 2 * p + k
        for size, s, p, k in zip(y.space, stride, pad, kernel, strict=True)
    )
    if output_size is not None:
        space = _unpooled_size(op, y, space, stride, output_size)
    if min(space) < 1:
        raise ValueError(
            f"{op.name}: the output would have size {space}; every size must be positive"
        )
    x = y._replace(space=space)
    out = result(op, x.shape(x.channels, space), _itemsize(double))
    return _core.MaxUnpool(_whole(op, double, x, y.space), out, False)


def _unpooled_size(
    op: Operator, y: Planes, default: Sizes, stride: Sizes, output_size: Any
) -> Sizes:
    """The spatial size asked of max unpooling, within a stride of what it would be; batch and channels may be given."""
    size = shape(op.name, "output_size", output_size, (op.n, op.n + 1, op.n + 2))
    space = size
    if len(size) > op.n:
        inner = size[-(op.n + 1) :]
        space = inner[:-1] if y.layout else inner[1:]
        needed = y._replace(batched=len(size) == op.n + 2).shape(y.channels, space)
        if size != needed or (len(size) == op.n + 2) and not y.batched:
            raise ValueError(
                f"{op.name}: output_size is {size}; batch and channels must be the input's, {needed}"
            )
    for given, middle, s in zip(space, default, stride, strict=True):
        if not middle - s < given < middle + s:
            raise ValueError(
                f"{op.name}: output_size is {size}; its entry {given} must be above {middle - s} and below {middle + s}"
            )
    return space


_core.consult(sys.modules[__name__])
