"""Arguments to problems: convolutions, transposed ones, their gradients, and columns.

A function that `Operator` calls takes ``(op, double, shapes, options)``: the operator, whether the
arrays are float64, their shapes and the other arguments. It gives the problem, or raises.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from fastconv import _core
from fastconv._args import (
    PADDING_LIMIT,
    Options,
    Planes,
    Shapes,
    Sizes,
    activation,
    choice,
    given_planes,
    integer,
    match,
    padding,
    planes,
    result,
    shape,
    spatial,
    steps,
)
from fastconv._core import Operator

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


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
    planned: bool = False


# ---- Forward -------------------------------------------------------------------------------------


def conv(op: Operator, double: bool, shapes: Shapes, options: Options) -> _core.ConvForward:
    """Input, weight and bias; stride, padding, dilation, groups, layout, padding_mode, ..."""
    *steps_and_groups, layout, mode, act, algorithm = options
    x = planes(op, "input", shapes[0], layout)
    geometry = _geometry(op, double, x, shapes[1], steps_and_groups)
    geometry = geometry._replace(padding_mode=_padding_mode(op, mode, geometry))
    return _forward(op, geometry, x, shapes[2], act, algorithm)


def planned_conv(op: Operator, double: bool, shapes: Shapes, options: Options) -> _core.ConvForward:
    """Weight and bias; input_shape, stride, padding, dilation, groups, layout, ..."""
    input_shape, *steps_and_groups, layout, act, algorithm = options
    _, x = given_planes(op, "input_shape", input_shape, layout)
    geometry = _geometry(op, double, x, shapes[0], steps_and_groups, "input_shape")
    geometry = geometry._replace(planned=True)
    return _forward(op, geometry, x, shapes[1], act, algorithm)


def conv_shape(
    op: Operator, input_shape: Any, weight_shape: Any, options: Options
) -> tuple[Conv, Sizes]:
    """Give the geometry and the result's shape of a convolution of arrays that need not exist."""
    *steps_and_groups, layout = options
    _, x = given_planes(op, "input_shape", input_shape, layout)
    weight = shape(op.name, "weight_shape", weight_shape, (op.n + 2,))
    names = ("input_shape", "weight_shape")
    geometry = _geometry(op, False, x, weight, steps_and_groups, *names)
    return geometry, x.shape(geometry.out_channels, geometry.output)


def _forward(
    op: Operator, geometry: Conv, x: Planes, bias: Sizes | None, act: Any, algorithm: Any
) -> _core.ConvForward:
    index = choice(op.name, "algorithm", algorithm, _core.ALGORITHMS)
    geometry = geometry._replace(clamp=activation(op.name, act))
    _check_bias(op, bias, geometry.out_channels)
    out = result(op, x.shape(geometry.out_channels, geometry.output))
    problem = _core.ConvForward(geometry, out, None, index)
    reason = problem.accepts(index)
    if reason is not None:
        raise ValueError(f"{op.name}: algorithm {algorithm!r} cannot serve this problem: {reason}")
    return problem


def _geometry(
    op: Operator,
    double: bool,
    x: Planes,
    weight: Sizes,
    options: Any,
    input_name: str = "input",
    weight_name: str = "weight",
) -> Conv:
    """Give the geometry of a convolution; options are stride, padding, dilation and groups."""
    kernel = _kernel(op, weight_name, weight)
    stride, dilation = steps(op, options[0], options[2])
    before, after = padding(op, options[1], kernel, stride, dilation)
    groups = _groups(op, options[3], weight[0], "output")
    if x.channels != weight[1] * groups:
        raise ValueError(
            f"{op.name}: {input_name} has {x.channels} channels; {weight_name} of shape {weight} "
            f"with groups {groups} needs {weight[1] * groups}"
        )
    output = []
    axes = zip(x.space, kernel, stride, dilation, before, after, strict=True)
    for size, k, s, d, front, back in axes:
        span = size + front + back - d * (k - 1) - 1
        if span < 0:
            raise ValueError(
                f"{op.name}: kernel {k} with dilation {d} spans {d * (k - 1) + 1}; it must fit "
                f"the padded {input_name} of size {size} + {front} + {back}"
            )
        output.append(span // s + 1)
    space = (x.space, kernel, stride, dilation, before, after, tuple(output))
    return Conv(double, x.layout, 0, x.batch, x.channels, weight[0], groups, *space)


def _kernel(op: Operator, name: str, weight: Sizes) -> Sizes:
    """Check the shape of a weight, and give its kernel."""
    if len(weight) != op.n + 2:
        raise ValueError(
            f"{op.name}: {name} has {len(weight)} dimensions, its shape is {weight}; it must have "
            f"{op.n + 2}, two of channels and {op.n} of the kernel"
        )
    if 0 in weight:
        raise ValueError(f"{op.name}: {name} has shape {weight}; every size must be positive")
    return weight[2:]


def _groups(op: Operator, value: Any, channels: int, which: str) -> int:
    groups = integer(op.name, "groups", value, 1)
    if channels % groups:
        raise ValueError(
            f"{op.name}: groups is {groups}; it must divide the {channels} {which} channels"
        )
    return groups


def _padding_mode(op: Operator, value: Any, geometry: Conv) -> int:
    """Read the padding mode, and check that it can take the padding from the input."""
    mode = choice(op.name, "padding_mode", value, PADDING_MODES)
    sizes = zip(geometry.input, geometry.before, geometry.after, strict=True)
    for size, front, back in sizes:
        most = max(front, back)
        if (value == "reflect" and most >= size) or (value == "circular" and most > size):
            raise ValueError(
                f"{op.name}: padding is {most} in padding_mode {value!r}; it must be "
                f"{'less than' if value == 'reflect' else 'at most'} the input's size {size}"
            )
    return mode


def _check_bias(op: Operator, given: Sizes | None, channels: int) -> None:
    if given is not None and given != (channels,):
        raise ValueError(
            f"{op.name}: bias has shape {given}; it must be ({channels},), one for each output "
            "channel"
        )


# ---- Transposed ----------------------------------------------------------------------------------


def conv_transpose(
    op: Operator, double: bool, shapes: Shapes, options: Options
) -> _core.ConvTransposed:
    """Input, weight and bias; stride, padding, output_padding, groups, dilation, layout, ..."""
    *steps_and_groups, layout, act = options
    x = planes(op, "input", shapes[0], layout)
    geometry = _transposed(op, double, x, shapes[1], steps_and_groups)
    geometry = geometry._replace(clamp=activation(op.name, act))
    _check_bias(op, shapes[2], geometry.in_channels)
    out = result(op, x.shape(geometry.in_channels, geometry.input))
    return _core.ConvTransposed(geometry, out, None, 0)


def _transposed(op: Operator, double: bool, x: Planes, weight: Sizes, options: Any) -> Conv:
    """Give the convolution of which a transposed one of `x` is the input gradient.

    Options are stride, padding, output_padding, groups and dilation.
    """
    kernel = _kernel(op, "weight", weight)
    stride, dilation = steps(op, options[0], options[4])
    pad = spatial(op, "padding", options[1], 0, PADDING_LIMIT)
    extra = spatial(op, "output_padding", options[2], 0)
    for e, s, d in zip(extra, stride, dilation, strict=True):
        if e >= max(s, d):
            raise ValueError(
                f"{op.name}: output_padding is {e}; it must be less than the larger of stride {s} "
                f"and dilation {d}"
            )
    groups = _groups(op, options[3], weight[0], "input")
    if x.channels != weight[0]:
        raise ValueError(
            f"{op.name}: input has {x.channels} channels; weight of shape {weight} needs "
            f"{weight[0]}"
        )
    axes = zip(x.space, kernel, stride, dilation, pad, extra, strict=True)
    space = tuple([(i - 1) * s - 2 * p + d * (k - 1) + e + 1 for i, k, s, d, p, e in axes])
    if min(space) < 1:
        raise ValueError(
            f"{op.name}: padding is {pad}; it must leave an output of positive size, not {space}"
        )
    shape = (space, kernel, stride, dilation, pad, pad, x.space)
    return Conv(double, x.layout, 0, x.batch, weight[1] * groups, weight[0], groups, *shape)


# ---- Gradients -----------------------------------------------------------------------------------


def conv_grad(op: Operator, double: bool, shapes: Shapes, options: Options) -> _core.Problem:
    """Output's gradient, input and weight; which gradient (or "all"), stride, ..., layout, size.

    `size` is the shape of what `which` names, where its array is not there.
    """
    which, *steps_and_groups, layout, size = options
    grad_output, input, weight = shapes
    if input is None:
        names = ("input_size", "weight")
        input, x = given_planes(op, "input_size", size, layout)
    else:
        names = ("input", "weight" if weight is not None else "weight_size")
        x = planes(op, "input", input, layout)
    if weight is None:
        weight = shape(op.name, "weight_size", size, (op.n + 2,))
    geometry = _geometry(op, double, x, weight, steps_and_groups, *names)
    match(op, "grad_output", grad_output, x.shape(geometry.out_channels, geometry.output))
    if which == "input":
        return _core.ConvGradInput(geometry, result(op, input), None, 0)
    if which == "weight":
        return _core.ConvGradWeight(geometry, result(op, weight), None, 0)
    return _core.ConvGrads(geometry, result(op, input), None, 0)


def conv_transpose_grad(
    op: Operator, double: bool, shapes: Shapes, options: Options
) -> _core.Problem:
    """Output's gradient, input and weight; which gradient, stride, padding, ..., layout."""
    which, *steps_and_groups, layout = options
    grad_output, input, weight = shapes
    x = planes(op, "input", input, layout)
    geometry = _transposed(op, double, x, weight, steps_and_groups)
    match(op, "grad_output", grad_output, x.shape(geometry.in_channels, geometry.input))
    if which == "bias":
        return _grad_bias(double, x._replace(channels=geometry.in_channels, space=geometry.input))
    geometry, crop = _without_unread(geometry, x)
    if which == "input":
        return _core.TransposedGradInput(geometry, input, crop, 0)
    return _core.TransposedGradWeight(geometry, weight, crop, 0)


def _without_unread(geometry: Conv, x: Planes) -> tuple[Conv, tuple[slice, ...] | None]:
    """Leave out what no window reaches: with output_padding >= stride, rows at the end.

    First as padding, then as rows (the slices), until the convolution gives the right size.
    Where no row is left, all windows lie in the padding before the first: as with an empty batch,
    every gradient is zero.
    """
    space, after = [], []
    for i, k, s, d, front, back, o in zip(*geometry[7:14], strict=True):
        reach = (o - 1) * s + d * (k - 1) + 1
        unread = max(i + front + back - (reach + s - 1), 0)
        after.append(back - min(unread, back))
        space.append(i - (unread - min(unread, back)))
    if min(space) < 1:
        return geometry._replace(batch=0), None
    crop = None
    if tuple(space) != geometry.input:
        crop = tuple([slice(size) for size in x.shape(geometry.in_channels, tuple(space))])
    return geometry._replace(input=tuple(space), after=tuple(after)), crop


def conv_bias_grad(op: Operator, double: bool, shapes: Shapes, options: Options) -> _core.GradBias:
    """Output's gradient; layout."""
    return _grad_bias(double, planes(op, "grad_output", shapes[0], options[0]))


def _grad_bias(double: bool, g: Planes) -> _core.GradBias:
    return _core.GradBias(double, g.layout, g.batch, g.channels, math.prod(g.space))


# ---- Columns -------------------------------------------------------------------------------------


def unfold(op: Operator, double: bool, shapes: Shapes, options: Options) -> _core.Unfold:
    """Input; kernel_size, dilation, padding, stride."""
    x = planes(op, "input", shapes[0], None)
    geometry = _columns(op, double, x, options)
    rows = x.channels * math.prod(geometry.kernel)
    out = result(op, x.shape(rows, (math.prod(geometry.output),)))
    return _core.Unfold(geometry, out, None, 0)


def fold(op: Operator, double: bool, shapes: Shapes, options: Options) -> _core.Fold:
    """Columns; output_size, kernel_size, dilation, padding, stride."""
    columns = shapes[0]
    space = spatial(op, "output_size", options[0], 1)
    kernel = spatial(op, "kernel_size", options[1], 1)
    if len(columns) not in (2, 3) or 0 in columns[-2:]:
        raise ValueError(
            f"{op.name}: input has shape {columns}; it must be (N, C * prod(kernel_size), L), or "
            "that without the batch, and only the batch may be empty"
        )
    channels, rest = divmod(columns[-2], math.prod(kernel))
    if rest:
        raise ValueError(
            f"{op.name}: input has shape {columns}; its {columns[-2]} rows must be a multiple of "
            f"the {math.prod(kernel)} taps of kernel_size {kernel}"
        )
    batched = len(columns) == 3
    x = Planes(batched, 0, columns[0] if batched else 1, channels, space)
    geometry = _columns(op, double, x, options[1:])
    match(op, "input", columns, x.shape(columns[-2], (math.prod(geometry.output),)))
    return _core.Fold(geometry, result(op, x.shape(channels, space)), None, 0)


def _columns(op: Operator, double: bool, x: Planes, options: Options) -> Conv:
    kernel_size, dilation, pad, stride = options
    weight = (1, x.channels, *spatial(op, "kernel_size", kernel_size, 1))
    return _geometry(op, double, x, weight, (stride, pad, dilation, 1))
