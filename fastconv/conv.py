"""Convolution and transposed convolution in 1, 2 and 3 dimensions."""

from fastconv import _args, _conv_args
from fastconv._core import Operator
from fastconv._variants import variants


def _conv(n):
    run = Operator(f"conv{n}d", n, ("input", "weight", "bias?"), _conv_args.conv, 0).run

    def conv(
        input,
        weight,
        bias=None,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        *,
        layout=None,
        padding_mode="zeros",
        activation=None,
        algorithm="auto",
        out=None,
    ):
        """Convolve an input with a weight, as `torch.nn.functional.conv{n}d`.

        It is a cross-correlation, as everywhere in deep learning. In each spatial dimension the
        output's size is
        ``(input + before + after - dilation * (kernel - 1) - 1) // stride + 1``.

        Parameters
        ----------
        input : array
            Of shape (N, C, {axes}) in the layout "{first}", (N, {axes}, C) in "{last}"; float32
            or float64. Without the batch N the result has none either.
        weight : array
            Of shape (K, C / groups, *kernel), whatever the layout, and of the input's dtype.
        bias : array, optional
            Of shape (K,).
        stride, dilation : int or tuple of {n}, default 1
            Steps between windows, and between the elements of one window.
        padding : int, tuple of {n}, {n} pairs (before, after), "valid", "same" or "full", default 0
            "same" keeps the size, with the odd extra at the end, and needs stride 1; "full" is
            every window that touches the input.
        groups : int, default 1
            Input and output channels are divided into this many groups that do not see each other.
        layout : {{"{first}", "{last}"}}, optional
            The order of the axes of input and output; "{first}" if not given.
        padding_mode : {{"zeros", "reflect", "replicate", "circular"}}, default "zeros"
            What the padding holds. Reflected padding is less than the input's size, circular at
            most that.
        activation : {{"relu", "relu6"}} or pair (min, max), optional
            Applied to the result as it is stored; NaN passes.
        algorithm : {{"auto", "direct", "im2col", "winograd", "fft", "reference"}}, default "auto"
            How to compute it. "direct", "im2col" and "reference" take everything, "winograd" 2-D
            3x3 kernels of stride 1 and dilation 1, "fft" all of stride 1 and dilation 1. "auto"
            takes the one that is predicted to be fastest, "winograd" only in float32 with 16
            channels or more in and out of a group, "fft" only in float32, for large kernels.
        out : array, optional
            Where to put the result: its exact shape and dtype, any strides. It may overlap the
            input.

        Returns
        -------
        array
            `out`, or a new contiguous array of shape (N, K, *output), in the input's layout.

        Raises
        ------
        ValueError
            If sizes, channels or groups do not fit each other, a value is out of its range, or
            the algorithm cannot serve the problem.
        TypeError
            If an argument has the wrong type, an array a dtype other than float32 and float64,
            or two arrays different ones.
        MemoryError
            If there is not enough memory.

        See Also
        --------
        plan_conv{n}d : The work that can be done once, done once.
        fastconv.grad.conv{n}d : Its gradients.

        Notes
        -----
        With K products in a sum and u half the dtype's epsilon, every element is within
        (K + 2) * u * (sum of |x| |w| + |bias|) of the exact result. After "winograd" the
        relative error (L2) of a float32 result is below 2e-5; every element is within 1e-3 of the
        sum of its |x| |w|, or within some roundings of those a few pixels away, where these
        are thousands of times larger. "fft" computes in float64: an element is as exact as
        float64's roundings of the largest sums some kernel sizes away let it be, which in float32
        is the bound above unless those are hundreds of millions of times larger.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> x = np.ones((1, 2, {times[5]}), np.float32)
        >>> w = np.ones((4, 2, {times[3]}), np.float32)
        >>> y = fc.conv{n}d(x, w, padding=1, activation="relu")
        >>> y.shape
        (1, 4, {times[5]})
        >>> float(y.max()) == 2 * 3**{n}
        True
        """
        return run(
            input,
            weight,
            bias,
            (stride, padding, dilation, groups, layout, padding_mode, activation, algorithm),
            out,
        )

    return conv


def _conv_transpose(n):
    run = Operator(
        f"conv_transpose{n}d", n, ("input", "weight", "bias?"), _conv_args.conv_transpose, 0
    ).run

    def conv_transpose(
        input,
        weight,
        bias=None,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        dilation=1,
        *,
        layout=None,
        activation=None,
        out=None,
    ):
        """Transposed convolution, as `torch.nn.functional.conv_transpose{n}d`.

        It is the input gradient of a convolution with the same weight, and as exact as that
        convolution, which may be Winograd's. In each spatial dimension the output's size is
        ``(input - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1``.

        Parameters
        ----------
        input : array
            Of shape (N, C, {axes}) in the layout "{first}", (N, {axes}, C) in "{last}"; float32
            or float64. Without the batch N the result has none either.
        weight : array
            Of shape (C, K / groups, *kernel), whatever the layout, and of the input's dtype.
        bias : array, optional
            Of shape (K,).
        stride, dilation : int or tuple of {n}, default 1
            Those of the convolution whose gradient this is.
        padding : int or tuple of {n}, default 0
            Taken off the output at both ends.
        output_padding : int or tuple of {n}, default 0
            Added to the output at the end; less than the larger of stride and dilation.
        groups : int, default 1
            Input and output channels are divided into this many groups that do not see each other.
        layout : {{"{first}", "{last}"}}, optional
            The order of the axes of input and output; "{first}" if not given.
        activation : {{"relu", "relu6"}} or pair (min, max), optional
            Applied to the result as it is stored; NaN passes.
        out : array, optional
            Where to put the result: its exact shape and dtype, any strides. It may overlap the
            input.

        Returns
        -------
        array
            `out`, or a new contiguous array of shape (N, K, *output), in the input's layout.

        Raises
        ------
        ValueError
            If sizes, channels or groups do not fit each other, or a value is out of its range.
        TypeError
            If an argument has the wrong type, an array a dtype other than float32 and float64,
            or two arrays different ones.
        MemoryError
            If there is not enough memory.

        Examples
        --------
        >>> import numpy as np
        >>> import fastconv as fc
        >>> x = np.ones((1, 4, {times[5]}), np.float32)
        >>> w = np.ones((4, 2, {times[2]}), np.float32)
        >>> fc.conv_transpose{n}d(x, w, stride=2).shape
        (1, 2, {times[10]})
        """
        return run(
            input,
            weight,
            bias,
            (stride, padding, output_padding, groups, dilation, layout, activation),
            out,
        )

    return conv_transpose


conv1d, conv2d, conv3d = variants("conv{n}d", _conv)
conv_transpose1d, conv_transpose2d, conv_transpose3d = variants(
    "conv_transpose{n}d", _conv_transpose
)


def conv_output_shape(
    input_shape, weight_shape, stride=1, padding=0, dilation=1, groups=1, *, layout=None
):
    """Give the shape of a convolution's result, without any array.

    The number of spatial dimensions is that of the weight: ``len(weight_shape) - 2``. In each
    of them the size is
    ``(input + before + after - dilation * (kernel - 1) - 1) // stride + 1``.

    Parameters
    ----------
    input_shape : tuple of int
        In the array's own axis order; the batch may be left out.
    weight_shape : tuple of int
        (K, C / groups, *kernel).
    stride, padding, dilation, groups, layout
        As in `conv1d`, `conv2d` and `conv3d`.

    Returns
    -------
    tuple of int
        The shape that `conv1d`, `conv2d` or `conv3d` would return.

    Raises
    ------
    ValueError, TypeError
        Where the convolution would.

    Examples
    --------
    >>> import fastconv as fc
    >>> fc.conv_output_shape((1, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3)
    (1, 64, 112, 112)
    >>> fc.conv_output_shape((224, 224, 3), (64, 3, 7, 7), padding="same", layout="NHWC")
    (224, 224, 64)
    """
    operator = _args.by_ndim(_SHAPES, "weight_shape", weight_shape)
    options = (stride, padding, dilation, groups, layout)
    return _conv_args.conv_shape(operator, input_shape, weight_shape, options)[1]


_SHAPES = [Operator("conv_output_shape", n, (), None, 0) for n in (1, 2, 3)]
