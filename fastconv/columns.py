"""Convolution as a matrix: im2col, col2im, and the sparse matrix itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from fastconv import _args, _conv_args
from fastconv._core import Operator
from fastconv._typing import Array, FloatArray, Padding, Shape, Spatial

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_UNFOLD = Operator("unfold", 2, ("input",), _conv_args.unfold, 0)
_FOLD = Operator("fold", 2, ("input",), _conv_args.fold, 0)
_MATRICES = [Operator("conv_matrix", n, (), None, 0) for n in (1, 2, 3)]


def unfold(
    input: Array,
    kernel_size: Spatial,
    dilation: Spatial = 1,
    padding: Padding = 0,
    stride: Spatial = 1,
) -> FloatArray:
    """Lay out the windows of a 2-D input as columns (im2col), as `torch.nn.functional.unfold`.

    In each spatial dimension there are
    ``(input + before + after - dilation * (kernel - 1) - 1) // stride + 1`` windows; L is their
    number.

    Parameters
    ----------
    input : array
        Of shape (N, C, H, W), or without N; float32 or float64.
    kernel_size : int or tuple of 2
        The size of a window.
    dilation : int or tuple of 2, default 1
        Steps between the elements of one window.
    padding : int, tuple of 2, 2 pairs (before, after), "valid", "same" or "full", default 0
        Zeros around the input.
    stride : int or tuple of 2, default 1
        Steps between windows.

    Returns
    -------
    array
        Of shape (N, C * prod(kernel_size), L): a column for each window.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastconv as fc
    >>> x = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    >>> fc.unfold(x, 2)[0].T
    array([[0., 1., 3., 4.],
           [1., 2., 4., 5.],
           [3., 4., 6., 7.],
           [4., 5., 7., 8.]], dtype=float32)
    """
    return cast(
        FloatArray, _UNFOLD.run(input, None, None, (kernel_size, dilation, padding, stride), None)
    )


def fold(
    input: Array,
    output_size: Spatial,
    kernel_size: Spatial,
    dilation: Spatial = 1,
    padding: Padding = 0,
    stride: Spatial = 1,
) -> FloatArray:
    """Add columns back to where `unfold` took them (col2im), as `torch.nn.functional.fold`.

    Parameters
    ----------
    input : array
        Of shape (N, C * prod(kernel_size), L), or without N, with L the number of windows in
        an array of `output_size`; float32 or float64.
    output_size : int or tuple of 2
        The spatial size (H, W) of the result.
    kernel_size, dilation, padding, stride
        As in `unfold`.

    Returns
    -------
    array
        Of shape (N, C, H, W). Values that overlap are added.

    Raises
    ------
    ValueError, TypeError, MemoryError
        As `unfold`, and if the columns have another shape.

    Examples
    --------
    >>> import numpy as np
    >>> import fastconv as fc
    >>> fc.fold(np.ones((1, 4, 4), np.float32), 3, 2)[0, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]], dtype=float32)
    """
    options = (output_size, kernel_size, dilation, padding, stride)
    return cast(FloatArray, _FOLD.run(input, None, None, options, None))


def conv_matrix(
    weight: Array,
    input_shape: Shape,
    stride: Spatial = 1,
    padding: Padding = 0,
    dilation: Spatial = 1,
    groups: int = 1,
) -> csr_array:
    """Build the sparse matrix W of a convolution: ``W @ x.ravel()`` convolves x.

    Its transpose is the input gradient. It needs SciPy.

    Parameters
    ----------
    weight : array
        Of shape (K, C / groups, *kernel), with 1, 2 or 3 kernel dimensions; float32 or float64.
    input_shape : tuple of int
        The input's shape (C, *spatial); a batch before it is not part of the matrix.
    stride, padding, dilation, groups
        As in `conv1d`, `conv2d` and `conv3d`.

    Returns
    -------
    scipy.sparse.csr_array
        Of shape (K * prod(output), C * prod(spatial)) and the weight's dtype. It stores an entry
        for each product of the direct sum, zeros in the weight too; padding has none.

    Raises
    ------
    ImportError
        If SciPy cannot be imported.
    ValueError, TypeError, MemoryError
        As `conv2d`.

    Examples
    --------
    >>> import numpy as np
    >>> import fastconv as fc
    >>> fc.conv_matrix(np.array([[[1.0, 2.0]]]), (1, 4)).toarray()
    array([[1., 2., 0., 0.],
           [0., 1., 2., 0.],
           [0., 0., 1., 2.]])
    """
    try:
        from scipy.sparse import csr_array
    except ImportError as error:
        raise ImportError("conv_matrix needs SciPy: install scipy") from error
    weight = _args.float_array("conv_matrix", "weight", weight)
    operator = _args.by_ndim(_MATRICES, "weight", weight.shape)
    options = (stride, padding, dilation, groups, None)
    conv, _ = _conv_args.conv_shape(operator, input_shape, weight.shape, options)
    plane = math.prod(conv.input)
    # Before NumPy counts: the columns, and the entries without padding.
    _args.result(operator, (conv.in_channels * plane,))
    _args.result(operator, (*weight.shape, *conv.output))

    positions, inside = _positions(conv)  # (output position, tap)
    channels, taps = weight.shape[1], positions.shape[1]
    # A row of the first group: its entries run over the channels, and over the taps inside.
    entries = np.broadcast_to(inside[:, None, :], (len(inside), channels, taps))
    columns = (np.arange(channels)[:, None] * plane + positions[:, None, :])[entries]
    values = np.broadcast_to(np.arange(channels * taps).reshape(channels, taps), entries.shape)
    data = weight.reshape(conv.out_channels, -1)[:, values[entries]]
    # The rows of the other groups hold the same, further right.
    group = np.arange(conv.out_channels) // (conv.out_channels // conv.groups)
    indices = columns + (group * (channels * plane))[:, None]
    lengths = np.tile(channels * inside.sum(axis=1), conv.out_channels)
    pointers = np.concatenate([[0], np.cumsum(lengths)])
    shape = (conv.out_channels * len(inside), conv.in_channels * plane)
    native = data.astype(weight.dtype.newbyteorder("="), copy=False)
    return csr_array((native.ravel(), indices.ravel(), pointers), shape=shape)


def _positions(conv: _conv_args.Conv) -> tuple[NDArray[Any], NDArray[Any]]:
    """For each output position and tap: the flat input position, and whether it is inside."""
    flat, inside = np.zeros((1, 1), np.int64), np.ones((1, 1), bool)
    axes = zip(
        conv.input, conv.output, conv.kernel, conv.stride, conv.dilation, conv.before, strict=True
    )
    for size, output, kernel, stride, dilation, before in axes:
        at = np.arange(output)[:, None] * stride + np.arange(kernel) * dilation - before
        flat = _outer(flat * size, at, np.add)
        inside = _outer(inside, (at >= 0) & (at < size), np.logical_and)
    return flat, inside


def _outer(a: NDArray[Any], b: NDArray[Any], function: Callable[..., Any]) -> NDArray[Any]:
    """Combine each row of `a` with each of `b`, and each column with each."""
    both = function(a[:, None, :, None], b[None, :, None, :])
    return both.reshape(a.shape[0] * b.shape[0], a.shape[1] * b.shape[1])
