"""Arguments to problems: poolings, unpoolings and their gradients.

A function that `Operator` calls takes ``(op, double, shapes, options)``: the operator, whether the
arrays are float64, their shapes and the other arguments. It gives the problem, or raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from fastconv import _core
from fastconv._args import (
    SIZE_LIMIT,
    STEP_LIMIT,
    Options,
    Planes,
    Shapes,
    Sizes,
    flag,
    given_planes,
    integer,
    is_integer,
    match,
    norm,
    planes,
    result,
    shape,
    spatial,
    steps,
    wrong_value,
)
from fastconv._core import Operator


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


# ---- Windows -------------------------------------------------------------------------------------


def _pool(
    op: Operator,
    double: bool,
    x: Planes,
    windows: Sequence[Any],
    ceil_mode: Any,
) -> Pool:
    """Give the geometry of a pooling; windows are kernel_size, stride, padding and dilation."""
    kernel_size, stride, padding, dilation = windows
    kernel = spatial(op, "kernel_size", kernel_size, 1)
    stride, dilation = steps(op, kernel_size if stride is None else stride, dilation)
    pad = window_padding(op, padding, kernel)
    ceil = flag(op.name, "ceil_mode", ceil_mode)
    axes = zip(x.space, kernel, stride, dilation, pad, strict=True)
    output = tuple([_outputs(op, ceil, *axis) for axis in axes])
    sizes = (x.space, kernel, stride, dilation, pad, output)
    return Pool(double, x.layout, x.batch, x.channels, *sizes)


def _sizes(op: Operator, double: bool, x: Planes, output: Sizes) -> Pool:
    """Give the geometry of a pooling whose function reads no windows, only sizes."""
    one, zero = (1,) * op.n, (0,) * op.n
    sizes = (x.space, one, one, one, zero, output)
    return Pool(double, x.layout, x.batch, x.channels, *sizes)


def window_padding(op: Operator, value: Any, kernel: Sizes) -> Sizes:
    """Read the padding of a pooling: every window must reach the input."""
    pad = spatial(op, "padding", value, 0)
    for p, k in zip(pad, kernel, strict=True):
        if p > k // 2:
            wrong_value(op.name, "padding", p, f"at most half of kernel_size {k}")
    return pad


def _outputs(op: Operator, ceil: bool, size: int, k: int, s: int, d: int, p: int) -> int:
    """Give the number of windows along an axis; each holds an element."""
    count = (size + 2 * p - d * (k - 1) - 1 + (s - 1 if ceil else 0)) // s + 1
    if ceil and (count - 1) * s >= size + p:
        count -= 1  # the last window must start in the input, or in the padding before it
    if count < 1:
        raise ValueError(
            f"{op.name}: kernel_size {k} with dilation {d} spans {d * (k - 1) + 1}; it must fit "
            f"the padded input of size {size} + 2 * {p}"
        )
    if d > size and any((start - p) % d >= size for start in range(0, min(count * s, p), s)):
        raise ValueError(
            f"{op.name}: dilation {d} with padding {p} gives a window without any element of the "
            f"input of size {size}; every window must hold one"
        )
    return count


# ---- Max pooling ---------------------------------------------------------------------------------


def max_pool(op: Operator, double: bool, shapes: Shapes, options: Options) -> _core.MaxPool:
    """Input; kernel_size, stride, padding, dilation, layout, ceil_mode, return_indices."""
    *windows, layout, ceil_mode, indexed = options
    x = planes(op, "input", shapes[0], layout)
    geometry = _pool(op, double, x, windows, ceil_mode)
    out = result(op, x.shape(x.channels, geometry.output))
    return _core.MaxPool(geometry, out, flag(op.name, "return_indices", indexed))


def adaptive_max_pool(
    op: Operator, double: bool, shapes: Shapes, options: Options
) -> _core.AdaptiveMaxPool:
    """Input; output_size, layout, return_indices."""
    output_size, layout, indexed = options
    x = planes(op, "input", shapes[0], layout)
    geometry = _sizes(op, double, x, _adaptive_size(op, output_size, x.space))
    out = result(op, x.shape(x.channels, geometry.output))
    return _core.AdaptiveMaxPool(geometry, out, flag(op.name, "return_indices", indexed))


def max_pool_grad(
    op: Operator, double: bool, shapes: Shapes, options: Options
) -> _core.MaxPoolGrad:
    """Output's gradient and indices; input_size, layout."""
    size, geometry = _pooled(op, double, shapes[0], *options)
    match(op, "indices", shapes[1], shapes[0])
    return _core.MaxPoolGrad(geometry, result(op, size), False)


def max_unpool(op: Operator, double: bool, shapes: Shapes, options: Options) -> _core.MaxUnpool:
    """Input and indices; kernel_size, stride, padding, output_size, layout."""
    kernel_size, stride, padding, output_size, layout = options
    y = planes(op, "input", shapes[0], layout)
    match(op, "indices", shapes[1], shapes[0])
    kernel = spatial(op, "kernel_size", kernel_size, 1)
    step = spatial(op, "stride", kernel_size if stride is None else stride, 1, STEP_LIMIT)
    pad = window_padding(op, padding, kernel)
    axes = zip(y.space, step, pad, kernel, strict=True)
    space = tuple([(size - 1) * s - 2 * p + k for size, s, p, k in axes])
    if output_size is not None:
        space = _unpooled_size(op, y, space, step, output_size)
    if min(space) < 1:
        raise ValueError(f"{op.name}: the output's size would be {space}; it must be positive")
    geometry = _sizes(op, double, y._replace(space=space), y.space)
    return _core.MaxUnpool(geometry, result(op, y.shape(y.channels, space)), False)


def _unpooled_size(
    op: Operator, y: Planes, default: Sizes, stride: Sizes, output_size: Any
) -> Sizes:
    """Read the size asked of unpooling; channels, or batch and channels, may stand with it."""
    if is_integer(output_size):
        output_size = (output_size,) * op.n
    size = shape(op.name, "output_size", output_size, (op.n, op.n + 1, op.n + 2))
    space = size
    if len(size) > op.n:
        inner = size[-op.n - 1 :]
        space = inner[:-1] if y.layout else inner[1:]
        needed = y._replace(batched=len(size) == op.n + 2).shape(y.channels, space)
        match(op, "output_size", size, needed)
    for given, middle, s in zip(space, default, stride, strict=True):
        if not middle - s < given < middle + s:
            wrong_value(
                op.name, "output_size", size, f"above {middle - s} and below {middle + s} there"
            )
    return space


# ---- Average and power-average pooling -----------------------------------------------------------


def avg_pool(op: Operator, double: bool, shapes: Shapes, options: Options) -> _core.AvgPool:
    """Input; kernel_size, stride, padding, divisor, layout, ceil_mode, count_include_pad."""
    x = planes(op, "input", shapes[0], options[4])
    geometry = _avg_pool(op, double, x, options)
    return _core.AvgPool(geometry, result(op, x.shape(x.channels, geometry.output)), False)


def avg_pool_grad(
    op: Operator, double: bool, shapes: Shapes, options: Options
) -> _core.AvgPoolGrad:
    """Output's gradient; input_size, and the options of `avg_pool`."""
    size, x = given_planes(op, "input_size", options[0], options[5])
    geometry = _avg_pool(op, double, x, options[1:])
    match(op, "grad_output", shapes[0], x.shape(x.channels, geometry.output))
    return _core.AvgPoolGrad(geometry, result(op, size), False)


def _avg_pool(op: Operator, double: bool, x: Planes, options: Options) -> Pool:
    kernel_size, stride, padding, given, _, ceil_mode, include_pad = options
    return _pool(op, double, x, (kernel_size, stride, padding, 1), ceil_mode)._replace(
        include_pad=flag(op.name, "count_include_pad", include_pad),
        divisor=0 if given is None else divisor(op.name, given),
    )


def divisor(operator: str, value: Any) -> int:
    """Read `divisor_override`, where it is given."""
    number = integer(operator, "divisor_override", value, -SIZE_LIMIT)
    if number == 0:
        wrong_value(operator, "divisor_override", value, "None or an int other than 0")
    return number


def lp_pool(op: Operator, double: bool, shapes: Shapes, options: Options) -> _core.LpPool:
    """Input; norm_type, kernel_size, stride, layout, ceil_mode."""
    x = planes(op, "input", shapes[0], options[3])
    geometry = _lp_pool(op, double, x, options)
    return _core.LpPool(geometry, result(op, x.shape(x.channels, geometry.output)), False)


def lp_pool_grad(op: Operator, double: bool, shapes: Shapes, options: Options) -> _core.LpPoolGrad:
    """Output's gradient, input and output; the options of `lp_pool`."""
    grad_output, input, output = shapes
    x = planes(op, "input", input, options[3])
    geometry = _lp_pool(op, double, x, options)
    pooled = x.shape(x.channels, geometry.output)
    match(op, "grad_output", grad_output, pooled)
    match(op, "output", output, pooled)
    return _core.LpPoolGrad(geometry, input, False)


def _lp_pool(op: Operator, double: bool, x: Planes, options: Options) -> Pool:
    norm_type, kernel_size, stride, _, ceil_mode = options
    exponent = norm(op.name, norm_type)
    return _pool(op, double, x, (kernel_size, stride, 0, 1), ceil_mode)._replace(norm=exponent)


# ---- Adaptive average pooling --------------------------------------------------------------------


def adaptive_avg_pool(
    op: Operator, double: bool, shapes: Shapes, options: Options
) -> _core.AdaptiveAvgPool:
    """Input; output_size, layout."""
    output_size, layout = options
    x = planes(op, "input", shapes[0], layout)
    geometry = _sizes(op, double, x, _adaptive_size(op, output_size, x.space))
    return _core.AdaptiveAvgPool(geometry, result(op, x.shape(x.channels, geometry.output)), False)


def adaptive_avg_pool_grad(
    op: Operator, double: bool, shapes: Shapes, options: Options
) -> _core.AdaptiveAvgPoolGrad:
    """Output's gradient; input_size, layout."""
    size, geometry = _pooled(op, double, shapes[0], *options)
    return _core.AdaptiveAvgPoolGrad(geometry, result(op, size), False)


def _adaptive_size(op: Operator, value: Any, space: Sizes) -> Sizes:
    """Read the output size of an adaptive pooling; None within it keeps the input's."""
    if isinstance(value, (tuple, list)):
        value = tuple(value)
        if len(value) == op.n:
            kept = zip(value, space, strict=True)
            value = tuple([size if entry is None else entry for entry, size in kept])
    return spatial(op, "output_size", value, 1)


def _pooled(
    op: Operator, double: bool, given: Sizes, input_size: Any, layout: Any
) -> tuple[Sizes, Pool]:
    """Give the input's shape and the geometry, from that and the shape of the output's gradient."""
    size, x = given_planes(op, "input_size", input_size, layout)
    y = planes(op, "grad_output", given, layout)
    match(op, "grad_output", given, x.shape(x.channels, y.space))
    return size, _sizes(op, double, x, y.space)
