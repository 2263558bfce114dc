"""Gradients of convolutions: the transposes of the one bilinear sum."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ._args import (
    Array,
    Ints,
    Padding,
    as_float64,
    channels_first,
    channels_first_shape,
    expect_same_axes,
    expect_shape,
    one_per_dimension,
    per_axis,
)
from ._conv import conv_windows, transposed_windows
from ._sums import correlate, correlate_input, correlate_weight

Gradients = tuple[Array | None, Array | None, Array | None]


def conv_nd_input(
    n: int,
    input_size: Sequence[int],
    weight: ArrayLike,
    grad_output: ArrayLike,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
    *,
    layout: str | None = None,
) -> Array:
    """The twin of ``fastconv.grad.conv{n}d_input``: the gradient with respect to the input.

    ``gx[b, c, i] = sum of gy[b, k, o] w[k, c, t]`` over k and all o, t that met at i.

    Parameters
    ----------
    input_size : tuple of int, (N, C, *spatial) or (C, *spatial), or channels last
    weight : array_like, shape (K, C / groups, *kernel)
    grad_output : array_like, of the convolution's output shape
    stride, padding, dilation, groups, layout
        As given to the convolution.

    Returns
    -------
    ndarray of float64, shape ``input_size``

    Raises
    ------
    ValueError, TypeError
        For shapes that do not agree, and arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> gy, w = np.ones((1, 2) + (3,) * {n}), np.ones((2, 1) + (3,) * {n})
    >>> gx = reference.grad.conv{n}d_input((1, 1) + (5,) * {n}, w, gy)
    >>> bool(gx.min() == 2 and gx.max() == 2 * 3**{n})
    True
    """
    gy, back = channels_first("grad_output", as_float64("grad_output", grad_output), n, layout)
    w = as_float64("weight", weight)
    shape, _ = channels_first_shape("input_size", input_size, n, layout)
    expect_same_axes("grad_output", np.asarray(grad_output), input_size)
    windows, _ = conv_windows(shape, w.shape, stride, padding, dilation, groups)
    expect_shape("grad_output", gy, (shape[0], w.shape[0], *windows.output))
    return back(correlate_input(gy, w, windows, groups))


def conv_nd_weight(
    n: int,
    input: ArrayLike,
    weight_size: Sequence[int],
    grad_output: ArrayLike,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
    *,
    layout: str | None = None,
) -> Array:
    """The twin of ``fastconv.grad.conv{n}d_weight``: the gradient with respect to the weight.

    ``gw[k, c, t] = sum over b, o of gy[b, k, o] x[b, c, stride o + dilation t - before]``

    Parameters
    ----------
    input : array_like, shape (N, C, *spatial) or (C, *spatial), or channels last
    weight_size : tuple of int, (K, C / groups, *kernel)
    grad_output : array_like, of the convolution's output shape
    stride, padding, dilation, groups, layout
        As given to the convolution.

    Returns
    -------
    ndarray of float64, shape ``weight_size`` whatever the layout

    Raises
    ------
    ValueError, TypeError
        For shapes that do not agree, and arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> x, gy = np.ones((4, 1) + (5,) * {n}), np.ones((4, 2) + (3,) * {n})
    >>> gw = reference.grad.conv{n}d_weight(x, (2, 1) + (3,) * {n}, gy)
    >>> bool((gw == 4 * 3**{n}).all())
    True
    """
    x, _ = channels_first("input", as_float64("input", input), n, layout)
    gy, _ = channels_first("grad_output", as_float64("grad_output", grad_output), n, layout)
    shape = per_axis("weight_size", weight_size, n + 2, 1)
    expect_same_axes("grad_output", np.asarray(grad_output), np.shape(input))
    windows, _ = conv_windows(x.shape, shape, stride, padding, dilation, groups)
    expect_shape("grad_output", gy, (len(x), shape[0], *windows.output))
    return correlate_weight(x, gy, windows, groups)


def conv_nd_bias(n: int, grad_output: ArrayLike, *, layout: str | None = None) -> Array:
    """The twin of ``fastconv.grad.conv{n}d_bias``: the sum over all but the channels.

    Parameters
    ----------
    grad_output : array_like, shape (N, K, *output) or (K, *output), or channels last
    layout : str

    Returns
    -------
    ndarray of float64, shape (K,)

    Raises
    ------
    ValueError, TypeError
        For a wrong number of dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> bool((reference.grad.conv{n}d_bias(np.ones((2, 3) + (4,) * {n})) == 2 * 4**{n}).all())
    True
    """
    gy, _ = channels_first("grad_output", as_float64("grad_output", grad_output), n, layout)
    return np.asarray(gy.sum(axis=(0, *range(2, n + 2))))


def conv_nd(
    n: int,
    grad_output: ArrayLike,
    input: ArrayLike,
    weight: ArrayLike,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
    *,
    layout: str | None = None,
    output_mask: Sequence[bool] = (True, True, True),
) -> Gradients:
    """The twin of ``fastconv.grad.conv{n}d``: all gradients of a convolution.

    Parameters
    ----------
    grad_output : array_like, of the convolution's output shape
    input : array_like, shape (N, C, *spatial) or (C, *spatial), or channels last
    weight : array_like, shape (K, C / groups, *kernel)
    stride, padding, dilation, groups, layout
        As given to the convolution.
    output_mask : three bools
        Which of the three are wanted.

    Returns
    -------
    grad_input, grad_weight, grad_bias : ndarray of float64, or None where masked

    Raises
    ------
    ValueError, TypeError
        For shapes that do not agree, and arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> gy, x, w = (np.ones((1, 1) + (size,) * {n}) for size in (3, 5, 3))
    >>> gx, gw, gb = reference.grad.conv{n}d(gy, x, w, output_mask=(True, True, False))
    >>> gx.shape == x.shape, gw.shape == w.shape, gb
    (True, True, None)
    """
    x, back = channels_first("input", as_float64("input", input), n, layout)
    gy, _ = channels_first("grad_output", as_float64("grad_output", grad_output), n, layout)
    w = as_float64("weight", weight)
    expect_same_axes("grad_output", np.asarray(grad_output), np.shape(input))
    windows, _ = conv_windows(x.shape, w.shape, stride, padding, dilation, groups)
    expect_shape("grad_output", gy, (len(x), w.shape[0], *windows.output))
    wants_input, wants_weight, wants_bias = output_mask
    return (
        back(correlate_input(gy, w, windows, groups)) if wants_input else None,
        correlate_weight(x, gy, windows, groups) if wants_weight else None,
        np.asarray(gy.sum(axis=(0, *range(2, n + 2)))) if wants_bias else None,
    )


def conv_transpose_nd(
    n: int,
    grad_output: ArrayLike,
    input: ArrayLike,
    weight: ArrayLike,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
    *,
    layout: str | None = None,
    output_mask: Sequence[bool] = (True, True, True),
) -> Gradients:
    """The twin of ``fastconv.grad.conv_transpose{n}d``: all gradients of a transposed convolution.

    The input's is a convolution of ``grad_output``; the weight's is one's with the two exchanged.

    Parameters
    ----------
    grad_output : array_like, of the transposed convolution's output shape
    input : array_like, shape (N, C, *spatial) or (C, *spatial), or channels last
    weight : array_like, shape (C, K / groups, *kernel)
    stride, padding, output_padding, groups, dilation, layout
        As given to the transposed convolution.
    output_mask : three bools
        Which of the three are wanted.

    Returns
    -------
    grad_input, grad_weight, grad_bias : ndarray of float64, or None where masked

    Raises
    ------
    ValueError, TypeError
        For shapes that do not agree, and arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> gy, x, w = (np.ones((1, 1) + (size,) * {n}) for size in (6, 3, 2))
    >>> gx, gw, gb = reference.grad.conv_transpose{n}d(gy, x, w, stride=2)
    >>> bool((gx == 2**{n}).all() and (gw == 3**{n}).all() and gb == 6**{n})
    True
    """
    x, back = channels_first("input", as_float64("input", input), n, layout)
    gy, _ = channels_first("grad_output", as_float64("grad_output", grad_output), n, layout)
    w = as_float64("weight", weight)
    expect_same_axes("grad_output", np.asarray(grad_output), np.shape(input))
    windows = transposed_windows(
        x.shape, w.shape, stride, padding, output_padding, groups, dilation
    )
    expect_shape("grad_output", gy, (len(x), w.shape[1] * groups, *windows.extent))
    wants_input, wants_weight, wants_bias = output_mask
    return (
        back(correlate(gy, w, windows, groups)) if wants_input else None,
        correlate_weight(gy, x, windows, groups) if wants_weight else None,
        np.asarray(gy.sum(axis=(0, *range(2, n + 2)))) if wants_bias else None,
    )


conv1d_input, conv2d_input, conv3d_input = one_per_dimension(conv_nd_input)
conv1d_weight, conv2d_weight, conv3d_weight = one_per_dimension(conv_nd_weight)
conv1d_bias, conv2d_bias, conv3d_bias = one_per_dimension(conv_nd_bias)
conv1d, conv2d, conv3d = one_per_dimension(conv_nd)
conv_transpose1d, conv_transpose2d, conv_transpose3d = one_per_dimension(conv_transpose_nd)
