"""Second derivatives: the Laplace operator, and that of a Gaussian."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastconv import _args
from fastconv.filters._docs import filled
from fastconv.filters._gaussian import normal, outer, sigmas
from fastconv.filters._weights import check_size, made

__all__ = ["laplacian", "log"]


@filled
def laplacian(neighbours: int = 4, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the Laplace operator: what a pixel's neighbours have more than it has itself.

    Source: the five-point difference (M. Abramowitz and I. Stegun, Handbook of Mathematical
    Functions, 1964, 25.3.30), which is what `ndimage.laplace` does in two dimensions; and that
    with the diagonals (R. Gonzalez and R. Woods, Digital Image Processing, "Sharpening spatial
    filters"). The signs are those of the second derivative: negative in the middle.

    Parameters
    ----------
    neighbours : {4, 8}, default 4
        Left, right, above and below, or the diagonal ones too.
    $dtype

    $returns_3x3

    Raises
    ------
    ValueError, TypeError
        If there are other neighbours, or the dtype cannot hold the weights.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.laplacian()
    array([[ 0.,  1.,  0.],
           [ 1., -4.,  1.],
           [ 0.,  1.,  0.]])
    >>> filters.laplacian(8)
    array([[ 1.,  1.,  1.],
           [ 1., -8.,  1.],
           [ 1.,  1.,  1.]])
    """
    count = _args.integer("laplacian", "neighbours", neighbours, 1)
    if count not in (4, 8):
        _args.wrong_value("laplacian", "neighbours", neighbours, "4 or 8")
    diagonal = int(count == 8)
    line = [diagonal, 1, diagonal]
    return made("laplacian", [line, [1, -count, 1], line], dtype)


@filled
def log(
    sigma: float | tuple[float, ...],
    truncate: float = 4.0,
    ndim: int = 2,
    dtype: DTypeLike = np.float64,
) -> NDArray[Any]:
    """Give the Laplacian of a Gaussian: blobs and edges of one size.

    Negative in the middle of the kernel: a bright blob of radius ``sqrt(2) * sigma`` gives the most
    negative value at its centre; edges are where the sign changes. It is what
    `ndimage.gaussian_laplace` does, the tails cut off in the same place: the weights' sum is small,
    not zero.

    Source: D. Marr and E. Hildreth, "Theory of edge detection", Proceedings of the Royal Society of
    London B 207, 1980.

    Parameters
    ----------
    sigma : float or tuple of float
        The Gaussian's standard deviation in pixels, of all axes or of each.
    $gaussian_parameters

    $gaussian_returns

    $gaussian_raises

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import filters
    >>> np.round(filters.log(0.5), 3)[1:4, 1:4]
    array([[ 0.272,  0.67 ,  0.272],
           [ 0.67 , -4.95 ,  0.67 ],
           [ 0.272,  0.67 ,  0.272]])
    """
    deviations = sigmas("log", sigma, ndim)
    smooth = [normal("log", value, truncate) for value in deviations]
    check_size("log", [len(line) for line in smooth])
    total = np.zeros([len(line) for line in smooth])
    for axis, (line, value) in enumerate(zip(smooth, deviations, strict=True)):
        x = (np.arange(len(line)) - len(line) // 2) / value
        with np.errstate(all="ignore"):  # made refuses what is not finite
            second = line * (x**2 - 1) / value / value
        total += outer([*smooth[:axis], second, *smooth[axis + 1 :]])
    return made("log", total, dtype)
