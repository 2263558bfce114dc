"""im2col and col2im."""

from math import prod

import numpy as np
from numpy.typing import ArrayLike

from ._args import Array, Ints, Padding, as_float64, channels_first, per_axis
from ._conv import slide


def unfold(
    input: ArrayLike,
    kernel_size: Ints,
    dilation: Ints = 1,
    padding: Padding = 0,
    stride: Ints = 1,
) -> Array:
    """Return every window of an image as a column (im2col); the twin of ``fastconv.unfold``.

    Parameters
    ----------
    input : array_like, shape (N, C, H, W) or (C, H, W)
    kernel_size, dilation, stride : int or tuple of 2
    padding : any form that a convolution takes

    Returns
    -------
    ndarray of float64, shape (N, C * prod(kernel), L) or (C * prod(kernel), L)
        L = prod(output), where
        ``output = (size + before + after - dilation (kernel - 1) - 1) // stride + 1``.

    Raises
    ------
    ValueError, TypeError
        For arguments out of range, and a kernel larger than the padded image.

    Examples
    --------
    >>> from fastconv.testing import reference
    >>> reference.unfold([[[1, 2, 3]]], (1, 2))
    array([[1., 2.],
           [2., 3.]])
    """
    values = as_float64("input", input)
    x, _ = channels_first("input", values, 2, None)
    kernel = per_axis("kernel_size", kernel_size, 2, 1)
    windows, _ = slide(x.shape[2:], kernel, stride, padding, dilation)
    padded = windows.padded(x)
    columns = np.stack([padded[met] for _, met in windows.taps()], axis=2)
    columns = columns.reshape(len(x), x.shape[1] * prod(kernel), windows.pixels)
    return columns if values.ndim == 4 else columns[0]


def fold(
    input: ArrayLike,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints = 1,
    padding: Padding = 0,
    stride: Ints = 1,
) -> Array:
    """Return the image in which every column was added to its window (col2im).

    The transpose of :func:`unfold` and the twin of ``fastconv.fold``.

    Parameters
    ----------
    input : array_like, shape (N, C * prod(kernel), L) or (C * prod(kernel), L)
    output_size : int or tuple of 2
        (H, W) of the image.
    kernel_size, dilation, stride : int or tuple of 2
    padding : any form that a convolution takes

    Returns
    -------
    ndarray of float64, shape (N, C, H, W) or (C, H, W)

    Raises
    ------
    ValueError, TypeError
        For arguments out of range, and an L that is not the number of windows of the image.

    Examples
    --------
    >>> from fastconv.testing import reference
    >>> reference.fold([[1, 2], [2, 3]], (1, 3), (1, 2))
    array([[[1., 4., 3.]]])
    """
    values = as_float64("input", input)
    if values.ndim not in (2, 3):
        raise ValueError(f"input has {values.ndim} dimensions: expected 2 or 3")
    columns = values if values.ndim == 3 else values[np.newaxis]
    kernel = per_axis("kernel_size", kernel_size, 2, 1)
    extent = per_axis("output_size", output_size, 2, 1)
    windows, _ = slide(extent, kernel, stride, padding, dilation)
    channels, rest = divmod(columns.shape[1], prod(kernel))
    if rest or not channels or columns.shape[2] != windows.pixels:
        raise ValueError(
            f"input has shape {values.shape}: expected channels * {prod(kernel)} rows "
            f"and {windows.pixels} columns"
        )
    rows = columns.reshape(len(columns), channels, prod(kernel), *windows.output)
    padded = np.zeros((len(columns), channels, *windows.buffer))
    for tap, (_, met) in enumerate(windows.taps()):
        padded[met] += rows[:, :, tap]
    image = windows.unpadded(padded)
    return image if values.ndim == 3 else image[0]
