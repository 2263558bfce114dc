"""Convolution and transposed convolution."""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from ._args import (
    Activation,
    Array,
    Ints,
    Padding,
    Pairs,
    Shape,
    activate,
    as_float64,
    channels_first,
    channels_first_shape,
    one_per_dimension,
    padding_pairs,
    per_axis,
)
from ._sums import correlate, correlate_input
from ._windows import Windows

PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def slide(
    extent: Shape, kernel: Shape, stride: Ints, padding: Padding, dilation: Ints
) -> tuple[Windows, Pairs]:
    """Return the windows of a kernel over a plane, and the padding as pairs."""
    n = len(kernel)
    strides = per_axis("stride", stride, n, 1)
    dilations = per_axis("dilation", dilation, n, 1)
    pairs = padding_pairs(padding, kernel, strides, dilations)
    output = tuple(
        (e + before + after - d * (k - 1) - 1) // s + 1
        for e, (before, after), d, k, s in zip(
            extent, pairs, dilations, kernel, strides, strict=True
        )
    )
    if min(output) < 1:
        raise ValueError(f"a kernel {kernel} (dilation {dilations}) exceeds {extent} with {pairs}")
    before = tuple(pair[0] for pair in pairs)
    return Windows(extent, kernel, strides, dilations, before, output), pairs


def conv_windows(
    shape: Shape,
    weight_shape: Shape,
    stride: Ints,
    padding: Padding,
    dilation: Ints,
    groups: int,
) -> tuple[Windows, Pairs]:
    """Check a convolution's channels and return its windows; ``shape`` is channels first."""
    if len(weight_shape) != len(shape) or 0 in weight_shape:
        raise ValueError(f"weight has shape {weight_shape}: expected {len(shape)} sizes, none 0")
    if groups < 1 or weight_shape[0] % groups or shape[1] != weight_shape[1] * groups:
        raise ValueError(
            f"groups={groups}: {shape[1]} input channels and a weight {weight_shape} do not agree"
        )
    return slide(shape[2:], weight_shape[2:], stride, padding, dilation)


def transposed_windows(
    shape: Shape,
    weight_shape: Shape,
    stride: Ints,
    padding: Ints,
    output_padding: Ints,
    groups: int,
    dilation: Ints,
) -> Windows:
    """Check a transposed convolution and return its windows: they slide over the *output*."""
    n = len(shape) - 2
    if len(weight_shape) != n + 2 or 0 in weight_shape:
        raise ValueError(f"weight has shape {weight_shape}: expected {n + 2} sizes, none 0")
    if groups < 1 or weight_shape[0] % groups or shape[1] != weight_shape[0]:
        raise ValueError(
            f"groups={groups}: {shape[1]} input channels and a weight {weight_shape} do not agree"
        )
    kernel, strides = weight_shape[2:], per_axis("stride", stride, n, 1)
    dilations, before = per_axis("dilation", dilation, n, 1), per_axis("padding", padding, n, 0)
    extra = per_axis("output_padding", output_padding, n, 0)
    if any(x >= max(s, d) for x, s, d in zip(extra, strides, dilations, strict=True)):
        raise ValueError(
            f"output_padding={output_padding!r}: expected less than stride or dilation"
        )
    extent = tuple(
        (i - 1) * s - 2 * p + d * (k - 1) + x + 1
        for i, s, p, d, k, x in zip(
            shape[2:], strides, before, dilations, kernel, extra, strict=True
        )
    )
    if min(extent) < 1:
        raise ValueError(f"padding={padding!r} leaves an output of size {extent}")
    return Windows(extent, kernel, strides, dilations, before, shape[2:])


def pad(x: Array, pairs: Pairs, mode: str) -> Array:
    """Return the planes with reflect, replicate or circular padding."""
    if mode not in PAD_MODES:
        raise ValueError(f"padding_mode={mode!r}: expected 'zeros' or one of {list(PAD_MODES)}")
    for size, pair in zip(x.shape[2:], pairs, strict=True):
        if (mode == "reflect" and max(pair) >= size) or (mode == "circular" and max(pair) > size):
            raise ValueError(f"padding {pair} is too large for {mode!r} and a size of {size}")
    widths = ((0, 0), (0, 0), *pairs)
    return np.pad(x, widths, PAD_MODES[mode])  # type: ignore[call-overload,no-any-return]


def add_bias(y: Array, bias: ArrayLike | None) -> Array:
    """Return y with a number added to each channel."""
    if bias is None:
        return y
    values = as_float64("bias", bias)
    if values.shape != y.shape[1:2]:
        raise ValueError(f"bias has shape {values.shape}: expected {y.shape[1:2]}")
    return y + values.reshape(-1, *[1] * (y.ndim - 2))


def conv_nd(
    n: int,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
    *,
    layout: str | None = None,
    padding_mode: str = "zeros",
    activation: Activation = None,
) -> Array:
    """The twin of ``fastconv.conv{n}d``: the sum of every tap times what it meets, in float64.

    Parameters are those of ``fastconv.conv{n}d``, without ``algorithm`` and ``out``.

    Parameters
    ----------
    input : array_like, shape (N, C, *spatial) or (C, *spatial)
        With a channels-last ``layout``: (N, *spatial, C) or (*spatial, C).
    weight : array_like, shape (K, C / groups, *kernel)
    bias : array_like, shape (K,), optional
    stride, dilation : int or tuple of {n}
    padding : int, tuple of {n}, {n} pairs (before, after), "valid", "same" or "full"
    groups : int
    layout, padding_mode : str
    activation : None, "relu", "relu6" or (min, max)

    Returns
    -------
    ndarray of float64, shape (N, K, *output) in the input's layout
        ``output = (size + before + after - dilation (kernel - 1) - 1) // stride + 1`` [1]_.

    Raises
    ------
    ValueError, TypeError
        For shapes that do not agree, and arguments out of range.

    References
    ----------
    .. [1] V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning",
       arXiv:1603.07285.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> x, w = np.ones((1, 2) + (5,) * {n}), np.ones((3, 2) + (3,) * {n})
    >>> y = reference.conv{n}d(x, w, padding=1)
    >>> y.shape[:3], bool(y.max() == 2 * 3**{n})
    ((1, 3, 5), True)
    """
    x, back = channels_first("input", as_float64("input", input), n, layout)
    w = as_float64("weight", weight)
    windows, pairs = conv_windows(x.shape, w.shape, stride, padding, dilation, groups)
    if padding_mode != "zeros":
        x = pad(x, pairs, padding_mode)
        windows, _ = conv_windows(x.shape, w.shape, stride, 0, dilation, groups)
    return back(activate(add_bias(correlate(x, w, windows, groups), bias), activation))


def conv_transpose_nd(
    n: int,
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Ints = 0,
    output_padding: Ints = 0,
    groups: int = 1,
    dilation: Ints = 1,
    *,
    layout: str | None = None,
    activation: Activation = None,
) -> Array:
    """The twin of ``fastconv.conv_transpose{n}d``: each input spreads the kernel over the output.

    Parameters
    ----------
    input : array_like, shape (N, C, *spatial) or (C, *spatial), or channels last
    weight : array_like, shape (C, K / groups, *kernel)
    bias : array_like, shape (K,), optional
    stride, padding, output_padding, dilation : int or tuple of {n}
        ``output_padding`` is less than the stride or the dilation.
    groups : int
    layout : str
    activation : None, "relu", "relu6" or (min, max)

    Returns
    -------
    ndarray of float64, shape (N, K, *output) in the input's layout
        ``output = (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1``
        (Dumoulin and Visin, arXiv:1603.07285).

    Raises
    ------
    ValueError, TypeError
        For shapes that do not agree, and arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> x, w = np.ones((1, 2) + (5,) * {n}), np.ones((2, 3) + (2,) * {n})
    >>> reference.conv_transpose{n}d(x, w, stride=2).shape[:3]
    (1, 3, 10)
    """
    x, back = channels_first("input", as_float64("input", input), n, layout)
    w = as_float64("weight", weight)
    windows = transposed_windows(
        x.shape, w.shape, stride, padding, output_padding, groups, dilation
    )
    return back(activate(add_bias(correlate_input(x, w, windows, groups), bias), activation))


conv1d, conv2d, conv3d = one_per_dimension(conv_nd)
conv_transpose1d, conv_transpose2d, conv_transpose3d = one_per_dimension(conv_transpose_nd)


def conv_abs(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
    *,
    layout: str | None = None,
    padding_mode: str = "zeros",
) -> Array:
    """Return ``sum |x| |w| + |b|`` for every output of a convolution: what bounds its error.

    A direct sum of K products is promised within ``(K + 2) u`` times this, where u is 2**-24 in
    float32 and 2**-53 in float64. Arguments are those of :func:`conv1d`, :func:`conv2d` and
    :func:`conv3d`; which one is read from the weight's dimensions. For the bound of a gradient,
    give the gradient's function the absolute values.

    Returns
    -------
    ndarray of float64
        The shape of the convolution's result.

    Raises
    ------
    ValueError, TypeError
        As the convolution itself.

    Examples
    --------
    >>> from fastconv.testing import reference
    >>> reference.conv_abs([[1, -2, 3]], [[[-1, 2]]], bias=[-10])
    array([[15., 18.]])
    """
    conv = {3: conv1d, 4: conv2d, 5: conv3d}.get(np.ndim(weight))
    if conv is None:
        raise ValueError(f"weight has {np.ndim(weight)} dimensions: expected 3, 4 or 5")
    x, w = np.abs(as_float64("input", input)), np.abs(as_float64("weight", weight))
    b = None if bias is None else np.abs(as_float64("bias", bias))
    options = (stride, padding, dilation, groups)
    return conv(x, w, b, *options, layout=layout, padding_mode=padding_mode)


def conv_output_shape(
    input_shape: Sequence[int],
    weight_shape: Sequence[int],
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
    *,
    layout: str | None = None,
) -> Shape:
    """Return the shape of a convolution's result, in the axis order of ``input_shape``.

    ``output = (size + before + after - dilation (kernel - 1) - 1) // stride + 1`` on each spatial
    axis. The twin of ``fastconv.conv_output_shape``.

    Raises
    ------
    ValueError, TypeError
        As the convolution itself.

    Examples
    --------
    >>> from fastconv.testing import reference
    >>> reference.conv_output_shape((1, 3, 224, 224), (64, 3, 7, 7), stride=2, padding=3)
    (1, 64, 112, 112)
    """
    n = len(weight_shape) - 2
    if n not in (1, 2, 3):
        raise ValueError(f"weight_shape={weight_shape!r}: expected 3, 4 or 5 sizes")
    shape, back = channels_first_shape("input_shape", input_shape, n, layout)
    kernel = per_axis("weight_shape", weight_shape, n + 2, 1)
    windows, _ = conv_windows(shape, kernel, stride, padding, dilation, groups)
    return back((shape[0], kernel[0], *windows.output))


def conv_matrix(
    weight: ArrayLike,
    input_shape: Sequence[int],
    stride: Ints = 1,
    padding: Padding = 0,
    dilation: Ints = 1,
    groups: int = 1,
) -> Array:
    """Return the convolution as a dense matrix: column j is what it makes of unit vector j.

    The twin of ``fastconv.conv_matrix``, which is sparse.

    Parameters
    ----------
    weight : array_like, shape (K, C / groups, *kernel)
    input_shape : tuple of int, (C, *spatial) or (N, C, *spatial)
        With a batch the matrix is block-diagonal, one block an image.

    Returns
    -------
    ndarray of float64, shape (K * prod(output), C * prod(spatial))
        ``(matrix @ x.ravel()).reshape(output_shape)`` is the convolution of x.

    Raises
    ------
    ValueError, TypeError
        As the convolution itself.

    Examples
    --------
    >>> from fastconv.testing import reference
    >>> reference.conv_matrix([[[1, 2]]], (1, 3))
    array([[1., 2., 0.],
           [0., 1., 2.]])
    """
    w = as_float64("weight", weight)
    n = w.ndim - 2
    if n not in (1, 2, 3):
        raise ValueError(f"weight has {w.ndim} dimensions: expected 3, 4 or 5")
    (batch, *plane), _ = channels_first_shape("input_shape", input_shape, n, None)
    size = prod(plane)
    units = np.eye(size).reshape(size, *plane)
    windows, _ = conv_windows(units.shape, w.shape, stride, padding, dilation, groups)
    columns = correlate(units, w, windows, groups).reshape(size, -1)
    return np.kron(np.eye(batch), columns.T).astype(np.float64)
