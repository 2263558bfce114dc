"""Plain averages: the mean of a square, and of a piece of a signal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastconv import _args
from fastconv.filters._weights import axis_count, check_size, made

__all__ = ["box", "moving_average"]


def box(n: int, ndim: int = 2, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the plain average over a square of n by n.

    It is what `ndimage.uniform_filter` does.

    Source: the mean; as an image filter M. J. McDonnell, "Box-filtering techniques", Computer
    Graphics and Image Processing 17, 1981.

    Parameters
    ----------
    n : int
        The square's side.
    ndim : int, default 2
        The number of axes.
    dtype : dtype, default float64
        Of the result: a float or complex type.

    Returns
    -------
    array
        Of `ndim` axes of `n`.

    Raises
    ------
    ValueError, TypeError
        If an argument is not an int of at least 1, the kernel would be too large, or the dtype
        cannot hold fractions.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.box(2)
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    sizes = [_args.integer("box", "n", n, 1)] * axis_count("box", ndim)
    check_size("box", sizes)
    return made("box", np.full(sizes, 1 / math.prod(sizes)), dtype)


def moving_average(n: int, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the plain average over n samples of a signal: `box` of one axis.

    Source: the running mean of every statistics course. `fastconv.signal.moving_average` is the
    average itself.

    Parameters
    ----------
    n : int
        The number of samples.
    dtype : dtype, default float64
        Of the result: a float or complex type.

    Returns
    -------
    array of shape (n,)

    Raises
    ------
    ValueError, TypeError
        If `n` is not an int of at least 1, the kernel would be too large, or the dtype cannot hold
        fractions.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.moving_average(4)
    array([0.25, 0.25, 0.25, 0.25])
    """
    size = _args.integer("moving_average", "n", n, 1)
    check_size("moving_average", [size])
    return made("moving_average", np.full(size, 1 / size), dtype)
