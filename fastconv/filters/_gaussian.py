"""The Gaussian, and the lines that it is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastconv import _args
from fastconv.filters._docs import filled
from fastconv.filters._weights import AXES_LIMIT, axis_count, check_size, made, positive

__all__ = ["gaussian"]


@filled
def gaussian(
    sigma: float | tuple[float, ...],
    truncate: float = 4.0,
    ndim: int = 2,
    dtype: DTypeLike = np.float64,
) -> NDArray[Any]:
    """Give a Gaussian: an average whose weights fall off as the normal distribution does.

    The density at each pixel's centre, divided by the sum, so that the weights' sum is 1. It is
    what `ndimage.gaussian_filter` does.

    Source: C. F. Gauss, Theoria motus corporum coelestium, 1809, for the density; that the weights
    are its samples, normalised, is SciPy's choice.

    Parameters
    ----------
    sigma : float or tuple of float
        The standard deviation in pixels, of all axes or of each.
    $gaussian_parameters

    $gaussian_returns

    $gaussian_raises

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import filters
    >>> np.round(filters.gaussian(0.5), 3)[1:4, 1:4]
    array([[0.011, 0.084, 0.011],
           [0.084, 0.619, 0.084],
           [0.011, 0.084, 0.011]])
    >>> filters.gaussian((1.0, 3.0)).shape
    (9, 25)
    """
    smooth = [normal("gaussian", value, truncate) for value in sigmas("gaussian", sigma, ndim)]
    check_size("gaussian", [len(line) for line in smooth])
    return made("gaussian", outer(smooth), dtype)


def sigmas(name: str, sigma: Any, ndim: Any) -> list[float]:
    """Read a standard deviation for each axis."""
    if isinstance(sigma, (tuple, list)):
        if not 0 < len(sigma) < AXES_LIMIT:
            _args.wrong_value(name, "sigma", sigma, "a number, or one for each axis")
        return [positive(name, "sigma", value) for value in sigma]
    return [positive(name, "sigma", sigma)] * axis_count(name, ndim)


def normal(name: str, sigma: float, truncate: Any) -> NDArray[Any]:
    """Give the normal distribution's density at whole numbers, normalised."""
    reach = positive(name, "truncate", truncate) * sigma
    check_size(name, [2 * reach + 2])
    radius = int(reach + 0.5)
    x = np.arange(-radius, radius + 1)
    with np.errstate(over="ignore"):
        density: NDArray[Any] = np.exp(-0.5 * (x / sigma) ** 2)
    return density / density.sum()


def outer(lines: list[NDArray[Any]]) -> NDArray[Any]:
    """Multiply a line an axis with each other."""
    product = lines[0]
    for line in lines[1:]:
        product = np.multiply.outer(product, line)
    return product
