"""Gradients of pooling."""

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from ._adaptive import adaptive_windows
from ._args import (
    Array,
    Ints,
    as_float64,
    as_indices,
    channels_first,
    channels_first_shape,
    expect_same_axes,
    expect_shape,
    one_per_dimension,
)
from ._pool import check_norm, divisors, lp_scale, pool_windows
from ._windows import Windows


def spread(share: Array, windows: Windows) -> Array:
    """Return the planes in which each window's share was added to its elements."""
    padded = np.zeros(share.shape[:2] + windows.buffer)
    for _, met in windows.taps():
        padded[met] += share
    return windows.unpadded(padded)


def max_pool_nd(
    n: int,
    grad_output: ArrayLike,
    indices: ArrayLike,
    input_size: Sequence[int],
    *,
    layout: str | None = None,
) -> Array:
    """The twin of ``fastconv.grad.max_pool{n}d``: each gradient added to where its maximum stood.

    Parameters
    ----------
    grad_output : array_like, of the pooling's output shape
    indices : array_like of int, the same shape
        As :func:`reference.max_pool{n}d` or :func:`reference.adaptive_max_pool{n}d` returned them.
    input_size : tuple of int, (N, C, *spatial) or (C, *spatial), or channels last
    layout : str

    Returns
    -------
    ndarray of float64, shape ``input_size``

    Raises
    ------
    ValueError, TypeError
        For shapes that do not agree, and indices outside of the plane.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> x = np.arange(4.0**{n}).reshape((1, 1) + (4,) * {n})
    >>> y, where = reference.max_pool{n}d(x, 2, return_indices=True)
    >>> gx = reference.grad.max_pool{n}d(np.ones_like(y), where, x.shape)
    >>> bool((gx.ravel()[where] == 1).all() and gx.sum() == y.size)
    True
    """
    gy, back = channels_first("grad_output", as_float64("grad_output", grad_output), n, layout)
    shape, _ = channels_first_shape("input_size", input_size, n, layout)
    expect_same_axes("grad_output", np.asarray(grad_output), input_size)
    given = as_indices("indices", indices, prod(shape[2:]))
    where, _ = channels_first("indices", given, n, layout)
    expect_shape("grad_output", gy, (*shape[:2], *gy.shape[2:]))
    expect_shape("indices", where, gy.shape)
    gx = np.zeros((shape[0] * shape[1], prod(shape[2:])))
    planes = np.arange(len(gx))[:, np.newaxis]
    pixels = prod(gy.shape[2:])
    np.add.at(gx, (planes, where.reshape(len(gx), pixels)), gy.reshape(len(gx), pixels))
    return back(gx.reshape(shape))


def avg_pool_nd(
    n: int,
    grad_output: ArrayLike,
    input_size: Sequence[int],
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    layout: str | None = None,
) -> Array:
    """The twin of ``fastconv.grad.avg_pool{n}d``: each gradient shared out over its window.

    Parameters
    ----------
    grad_output : array_like, of the pooling's output shape
    input_size : tuple of int, (N, C, *spatial) or (C, *spatial), or channels last
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, layout
        As given to the pooling.

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
    >>> gx = reference.grad.avg_pool{n}d(np.ones((1, 1) + (2,) * {n}), (1, 1) + (4,) * {n}, 2)
    >>> bool((gx == 1 / 2**{n}).all())
    True
    """
    gy, back = channels_first("grad_output", as_float64("grad_output", grad_output), n, layout)
    shape, _ = channels_first_shape("input_size", input_size, n, layout)
    expect_same_axes("grad_output", np.asarray(grad_output), input_size)
    windows = pool_windows(shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    expect_shape("grad_output", gy, (*shape[:2], *windows.output))
    return back(spread(gy / divisors(windows, count_include_pad, divisor_override), windows))


def lp_pool_nd(
    n: int,
    grad_output: ArrayLike,
    input: ArrayLike,
    output: ArrayLike,
    norm_type: float,
    kernel_size: Ints,
    stride: Ints | None = None,
    ceil_mode: bool = False,
    *,
    layout: str | None = None,
) -> Array:
    """The twin of ``fastconv.grad.lp_pool{n}d``: ``gx = sum of gy y**(1 - p) x**(p - 1)``.

    Times the scale of a partial window (ceil mode). Where the output is 0 the gradient is 0, as in
    torch.

    Parameters
    ----------
    grad_output, output : array_like, of the pooling's output shape
    input : array_like, shape (N, C, *spatial) or (C, *spatial), or channels last
    norm_type, kernel_size, stride, ceil_mode, layout
        As given to the pooling.

    Returns
    -------
    ndarray of float64, the input's shape

    Raises
    ------
    ValueError, TypeError
        For shapes that do not agree, and arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> x = np.ones((1, 1) + (4,) * {n})
    >>> y = reference.lp_pool{n}d(x, 1, 2)
    >>> bool((reference.grad.lp_pool{n}d(y, x, y, 1, 2) == 2**{n}).all())
    True
    """
    gy, _ = channels_first("grad_output", as_float64("grad_output", grad_output), n, layout)
    x, back = channels_first("input", as_float64("input", input), n, layout)
    y, _ = channels_first("output", as_float64("output", output), n, layout)
    expect_same_axes("grad_output", np.asarray(grad_output), np.shape(input))
    windows = pool_windows(x.shape[2:], kernel_size, stride, 0, 1, ceil_mode)
    expect_shape("grad_output", gy, (*x.shape[:2], *windows.output))
    expect_shape("output", y, gy.shape)
    p = check_norm(norm_type)
    share = np.where(y == 0, 0, gy * y ** (1 - p)) * lp_scale(windows)
    return back(spread(share, windows) * x ** (p - 1))


def adaptive_avg_pool_nd(
    n: int, grad_output: ArrayLike, input_size: Sequence[int], *, layout: str | None = None
) -> Array:
    """The twin of ``fastconv.grad.adaptive_avg_pool{n}d``: each gradient shared over its window.

    Parameters
    ----------
    grad_output : array_like, of the pooling's output shape
    input_size : tuple of int, (N, C, *spatial) or (C, *spatial), or channels last
    layout : str

    Returns
    -------
    ndarray of float64, shape ``input_size``

    Raises
    ------
    ValueError, TypeError
        For shapes that do not agree.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> gy = np.ones((1, 1) + (2,) * {n})
    >>> gx = reference.grad.adaptive_avg_pool{n}d(gy, (1, 1) + (5,) * {n})
    >>> bool(np.isclose(gx.sum(), 2**{n}))
    True
    """
    gy, back = channels_first("grad_output", as_float64("grad_output", grad_output), n, layout)
    shape, _ = channels_first_shape("input_size", input_size, n, layout)
    expect_same_axes("grad_output", np.asarray(grad_output), input_size)
    expect_shape("grad_output", gy, (*shape[:2], *gy.shape[2:]))
    gx = np.zeros(shape)
    for position, window in adaptive_windows(shape[2:], gy.shape[2:]):
        share = gy[position] / prod(gx[window].shape[2:])
        gx[window] += share.reshape(*share.shape, *[1] * n)
    return back(gx)


max_pool1d, max_pool2d, max_pool3d = one_per_dimension(max_pool_nd)
avg_pool1d, avg_pool2d, avg_pool3d = one_per_dimension(avg_pool_nd)
lp_pool1d, lp_pool2d, lp_pool3d = one_per_dimension(lp_pool_nd)
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = one_per_dimension(
    adaptive_avg_pool_nd
)
