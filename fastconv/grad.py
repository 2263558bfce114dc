"""Gradients of convolutions and poolings, as `torch.nn.grad`.

`grad_output` is always the gradient with respect to the function's result; an unbatched one goes
with unbatched shapes. A gradient with respect to a weight has the weight's own axes, whatever the
layout. For a `padding_mode` other than zeros: pad first, and fold the gradient back.

Gradients with respect to an input are convolutions of `grad_output`: where Winograd's algorithm
would serve one faster it does, under the rule of "auto" and with the accuracy that `conv2d` gives.
"""

from fastconv import _args, _conv_args, _pool_args
from fastconv._core import Operator
from fastconv._variants import variants

_OPERANDS = ("grad_output", "input", "weight")


def _conv_input(n):
    arrays = ("grad_output", "", "weight")
    run = Operator(f"grad.conv{n}d_input", n, arrays, _conv_args.conv_grad, 0).run

    def conv_input(
        input_size,
        weight,
        grad_output,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        *,
        layout=None,
        out=None,
    ):
        """Gradient of `conv{n}d` with respect to its input, as `torch.nn.grad.conv{n}d_input`.

        Parameters
        ----------
        input_size : tuple of int
            The input's shape, in its own axis order: (N, C, {axes}) in the layout "{first}".
        weight : array
            Of shape (K, C / groups, *kernel); float32 or float64.
        grad_output : array
            Of exactly the shape that the convolution gives, and of the weight's dtype.
        stride, padding, dilation, groups, layout
            As in `conv{n}d`, every form of padding too.
        out : array, optional
            Where to put the result: its exact shape and dtype, any strides.

        Returns
        -------
        array
            `out`, or a new array of shape `input_size`.

        Raises
        ------
        ValueError, TypeError, MemoryError
            As `conv{n}d`, and if `grad_output` has another shape.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> w = np.ones((4, 2, {times[3]}), np.float32)
        >>> g = np.ones((1, 4, {times[5]}), np.float32)
        >>> fc.grad.conv{n}d_input((1, 2, {times[7]}), w, g).shape
        (1, 2, {times[7]})
        """
        options = ("input", stride, padding, dilation, groups, layout, input_size)
        return run(grad_output, None, weight, options, out)

    return conv_input


def _conv_weight(n):
    arrays = ("grad_output", "input")
    run = Operator(f"grad.conv{n}d_weight", n, arrays, _conv_args.conv_grad, 0).run

    def conv_weight(
        input,
        weight_size,
        grad_output,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        *,
        layout=None,
        out=None,
    ):
        """Gradient of `conv{n}d` with respect to its weight, as `torch.nn.grad.conv{n}d_weight`.

        Parameters
        ----------
        input : array
            Of shape (N, C, {axes}) in the layout "{first}", (N, {axes}, C) in "{last}"; float32 or
            float64. The batch may be missing; an empty one gives zeros.
        weight_size : tuple of int
            The weight's shape (K, C / groups, *kernel), whatever the layout.
        grad_output : array
            Of exactly the shape that the convolution gives, and of the input's dtype.
        stride, padding, dilation, groups, layout
            As in `conv{n}d`, every form of padding too.
        out : array, optional
            Where to put the result: its exact shape and dtype, any strides.

        Returns
        -------
        array
            `out`, or a new array of shape `weight_size`.

        Raises
        ------
        ValueError, TypeError, MemoryError
            As `conv{n}d`, and if `grad_output` has another shape.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> x = np.ones((1, 2, {times[7]}), np.float32)
        >>> g = np.ones((1, 4, {times[5]}), np.float32)
        >>> fc.grad.conv{n}d_weight(x, (4, 2, {times[3]}), g).shape
        (4, 2, {times[3]})
        """
        options = ("weight", stride, padding, dilation, groups, layout, weight_size)
        return run(grad_output, input, None, options, out)

    return conv_weight


def _conv_bias(n):
    run = Operator(f"grad.conv{n}d_bias", n, ("grad_output",), _conv_args.conv_bias_grad, 0).run

    def conv_bias(grad_output, *, layout=None):
        """Gradient of `conv{n}d` with respect to its bias: the sum over batch and space.

        Parameters
        ----------
        grad_output : array
            Of shape (N, K, {axes}) in the layout "{first}", (N, {axes}, K) in "{last}"; float32 or
            float64. The batch may be missing; an empty one gives zeros.
        layout : {{"{first}", "{last}"}}, optional
            The order of the axes; "{first}" if not given.

        Returns
        -------
        array
            Of shape (K,).

        Raises
        ------
        ValueError, TypeError
            If the array has a wrong shape or dtype.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> fc.grad.conv{n}d_bias(np.ones((1, 2, {times[5]}), np.float32)).shape
        (2,)
        """
        return run(grad_output, None, None, (layout,), None)

    return conv_bias


def _three(operator, operands, options, output_mask):
    """The gradients that the mask asks for. All is checked, whatever it is."""
    mask = _args.output_mask(operator, output_mask)
    if not any(mask):
        operator.prepare(*operands, ("bias", *options))
    return tuple(
        operator.run(*operands, (which, *options), None) if asked else None
        for which, asked in zip(("input", "weight", "bias"), mask, strict=True)
    )


def _conv(n):
    operator = Operator(f"grad.conv{n}d", n, _OPERANDS, _conv_args.conv_grad, 0)

    def conv(
        grad_output,
        input,
        weight,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        *,
        layout=None,
        output_mask=(True, True, True),
    ):
        """Gradients of `conv{n}d` with respect to input, weight and bias.

        Parameters
        ----------
        grad_output : array
            Of exactly the shape that ``conv{n}d(input, weight, ...)`` gives.
        input, weight, stride, padding, dilation, groups, layout
            As in `conv{n}d`, every form of padding too.
        output_mask : tuple of 3 bools, default (True, True, True)
            Which gradients to compute.

        Returns
        -------
        grad_input, grad_weight, grad_bias : array or None
            None where `output_mask` is False.

        Raises
        ------
        ValueError, TypeError, MemoryError
            As `conv{n}d`, and if `grad_output` has another shape.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> x = np.ones((1, 2, {times[7]}), np.float32)
        >>> w = np.ones((4, 2, {times[3]}), np.float32)
        >>> g = np.ones((1, 4, {times[5]}), np.float32)
        >>> gx, gw, gb = fc.grad.conv{n}d(g, x, w)
        >>> gx.shape == x.shape, gw.shape == w.shape, gb.shape
        (True, True, (4,))
        """
        options = ("all", stride, padding, dilation, groups, layout, None)
        mask = _args.output_mask(operator, output_mask)
        return operator.run_all(grad_output, input, weight, options, mask)

    return conv


def _conv_transpose(n):
    operator = Operator(f"grad.conv_transpose{n}d", n, _OPERANDS, _conv_args.conv_transpose_grad, 0)

    def conv_transpose(
        grad_output,
        input,
        weight,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        dilation=1,
        *,
        layout=None,
        output_mask=(True, True, True),
    ):
        """Gradients of `conv_transpose{n}d` with respect to input, weight and bias.

        Parameters
        ----------
        grad_output : array
            Of exactly the shape that ``conv_transpose{n}d(input, weight, ...)`` gives.
        input, weight, stride, padding, output_padding, groups, dilation, layout
            As in `conv_transpose{n}d`.
        output_mask : tuple of 3 bools, default (True, True, True)
            Which gradients to compute.

        Returns
        -------
        grad_input, grad_weight, grad_bias : array or None
            None where `output_mask` is False.

        Raises
        ------
        ValueError, TypeError, MemoryError
            As `conv_transpose{n}d`, and if `grad_output` has another shape.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> x = np.ones((1, 4, {times[5]}), np.float32)
        >>> w = np.ones((4, 2, {times[2]}), np.float32)
        >>> g = np.ones((1, 2, {times[10]}), np.float32)
        >>> gx, gw, gb = fc.grad.conv_transpose{n}d(g, x, w, stride=2)
        >>> gx.shape == x.shape, gw.shape == w.shape, gb.shape
        (True, True, (2,))
        """
        options = (stride, padding, output_padding, groups, dilation, layout)
        return _three(operator, (grad_output, input, weight), options, output_mask)

    return conv_transpose


def _max_pool(n):
    arrays = ("grad_output", "indices")
    run = Operator(f"grad.max_pool{n}d", n, arrays, _pool_args.max_pool_grad, 0).run

    def max_pool(grad_output, indices, input_size, *, layout=None):
        """Gradient of `max_pool{n}d`, and of `adaptive_max_pool{n}d`, with respect to its input.

        Parameters
        ----------
        grad_output : array
            Of the pooled shape (N, C, {axes}) in the layout "{first}", (N, {axes}, C) in "{last}";
            float32 or float64. The batch may be missing.
        indices : array
            The maxima's positions as the pooling gave them, int64 or int32.
        input_size : tuple of int
            The input's shape, in its own axis order.
        layout : {{"{first}", "{last}"}}, optional
            The order of the axes; "{first}" if not given.

        Returns
        -------
        array
            Of shape `input_size`.

        Raises
        ------
        ValueError
            If an index is outside the input, or shapes do not fit each other.
        TypeError
            If an argument has the wrong type, or an array another dtype.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> x = np.arange(4**{n}, dtype=np.float32).reshape((1, 1, {times[4]}))
        >>> y, indices = fc.max_pool{n}d(x, 2, return_indices=True)
        >>> gx = fc.grad.max_pool{n}d(np.ones_like(y), indices, x.shape)
        >>> float(gx.sum()) == 2**{n}
        True
        """
        return run(grad_output, indices, None, (input_size, layout), None)

    return max_pool


def _avg_pool(n):
    run = Operator(f"grad.avg_pool{n}d", n, ("grad_output",), _pool_args.avg_pool_grad, 2).run

    def avg_pool(
        grad_output,
        input_size,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
        *,
        layout=None,
    ):
        """Gradient of `avg_pool{n}d` with respect to its input.

        Parameters
        ----------
        grad_output : array
            Of exactly the pooled shape; float32 or float64.
        input_size : tuple of int
            The input's shape, in its own axis order.
        kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, layout
            As in `avg_pool{n}d`.

        Returns
        -------
        array
            Of shape `input_size`.

        Raises
        ------
        ValueError, TypeError
            As `avg_pool{n}d`, and if `grad_output` has another shape.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> g = np.ones((1, 3, {times[2]}), np.float32)
        >>> fc.grad.avg_pool{n}d(g, (1, 3, {times[6]}), 3).shape
        (1, 3, {times[6]})
        """
        options = (
            input_size,
            kernel_size,
            stride,
            padding,
            divisor_override,
            layout,
            ceil_mode,
            count_include_pad,
        )
        return run(grad_output, None, None, options, None)

    return avg_pool


def _lp_pool(n):
    arrays = ("grad_output", "input", "output")
    run = Operator(f"grad.lp_pool{n}d", n, arrays, _pool_args.lp_pool_grad, 1).run

    def lp_pool(
        grad_output,
        input,
        output,
        norm_type,
        kernel_size,
        stride=None,
        ceil_mode=False,
        *,
        layout=None,
    ):
        """Gradient of `lp_pool{n}d` with respect to its input.

        Parameters
        ----------
        grad_output : array
            Of exactly the pooled shape; float32 or float64.
        input, output : array
            What the pooling took and gave.
        norm_type, kernel_size, stride, ceil_mode, layout
            As in `lp_pool{n}d`.

        Returns
        -------
        array
            Of the input's shape; zero where the output is zero.

        Raises
        ------
        ValueError, TypeError
            As `lp_pool{n}d`, and if `grad_output` or `output` has another shape.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> x = np.ones((1, 3, {times[4]}), np.float32)
        >>> y = fc.lp_pool{n}d(x, 2, 2)
        >>> fc.grad.lp_pool{n}d(np.ones_like(y), x, y, 2, 2).shape == x.shape
        True
        """
        options = (norm_type, kernel_size, stride, layout, ceil_mode)
        return run(grad_output, input, output, options, None)

    return lp_pool


def _adaptive_avg_pool(n):
    parse = _pool_args.adaptive_avg_pool_grad
    run = Operator(f"grad.adaptive_avg_pool{n}d", n, ("grad_output",), parse, 0).run

    def adaptive_avg_pool(grad_output, input_size, *, layout=None):
        """Gradient of `adaptive_avg_pool{n}d` with respect to its input.

        Parameters
        ----------
        grad_output : array
            Of the pooled shape (N, C, {axes}) in the layout "{first}", (N, {axes}, C) in "{last}";
            float32 or float64. The batch may be missing.
        input_size : tuple of int
            The input's shape, in its own axis order.
        layout : {{"{first}", "{last}"}}, optional
            The order of the axes; "{first}" if not given.

        Returns
        -------
        array
            Of shape `input_size`.

        Raises
        ------
        ValueError, TypeError
            If shapes do not fit each other, or an argument has the wrong type.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> g = np.ones((1, 3, {times[2]}), np.float32)
        >>> fc.grad.adaptive_avg_pool{n}d(g, (1, 3, {times[7]})).shape
        (1, 3, {times[7]})
        """
        return run(grad_output, None, None, (input_size, layout), None)

    return adaptive_avg_pool


conv1d_input, conv2d_input, conv3d_input = variants("conv{n}d_input", _conv_input)
conv1d_weight, conv2d_weight, conv3d_weight = variants("conv{n}d_weight", _conv_weight)
conv1d_bias, conv2d_bias, conv3d_bias = variants("conv{n}d_bias", _conv_bias)
conv1d, conv2d, conv3d = variants("conv{n}d", _conv)
conv_transpose1d, conv_transpose2d, conv_transpose3d = variants(
    "conv_transpose{n}d", _conv_transpose
)
max_pool1d, max_pool2d, max_pool3d = variants("max_pool{n}d", _max_pool)
avg_pool1d, avg_pool2d, avg_pool3d = variants("avg_pool{n}d", _avg_pool)
lp_pool1d, lp_pool2d, lp_pool3d = variants("lp_pool{n}d", _lp_pool)
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = variants(
    "adaptive_avg_pool{n}d", _adaptive_avg_pool
)
