"""Gabor's wave under a Gaussian."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastconv.filters._weights import as_dtype, check_size, finite, made, positive

__all__ = ["gabor"]


def gabor(
    frequency: float,
    theta: float = 0.0,
    bandwidth: float = 1.0,
    sigma_x: float | None = None,
    sigma_y: float | None = None,
    n_stds: float = 3.0,
    offset: float = 0.0,
    dtype: DTypeLike = np.float64,
) -> NDArray[Any]:
    """Give a wave under a Gaussian: stripes of one width and one direction.

    The arguments and the values are those of scikit-image's `gabor_kernel`; a real dtype takes the
    real part (a cosine), a complex one both.

    Source: D. Gabor, "Theory of communication", Journal of the IEE 93, 1946; in two dimensions
    J. G. Daugman, "Uncertainty relation for resolution in space, spatial frequency, and
    orientation", Journal of the Optical Society of America A 2, 1985.

    Parameters
    ----------
    frequency : float
        Waves a pixel.
    theta : float, default 0.0
        The direction in which the wave runs, in radians from x (0, which answers to vertical
        stripes) to y, which goes down.
    bandwidth : float, default 1.0
        In octaves: the smaller, the more waves are under the Gaussian. Not used where both standard
        deviations are given.
    sigma_x, sigma_y : float, optional
        The Gaussian's standard deviations along the wave and across it; by default those that
        `bandwidth` and `frequency` ask for.
    n_stds : float, default 3.0
        The radius in standard deviations.
    offset : float, default 0.0
        The wave's phase in radians.
    dtype : dtype, default float64
        Of the result: a float or complex type.

    Returns
    -------
    array of two axes

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range, the kernel would be too large, or the dtype cannot hold
        fractions.

    Notes
    -----
    For a place that is u to the right of the middle and v below it, with
    ``a, b = u * cos(theta) + v * sin(theta), v * cos(theta) - u * sin(theta)``, the weight is
    ``exp(-(a**2 / sigma_x**2 + b**2 / sigma_y**2) / 2) / (2 * pi * sigma_x * sigma_y)`` times
    ``cos(2 * pi * frequency * a + offset)``, in a complex dtype ``exp(1j * (...))`` of the same.

    OpenCV's `getGaborKernel` has the wave's length, ``lambd = 1 / frequency``, and
    ``gamma = sigma_x / sigma_y``, does not divide by ``2 * pi * sigma_x * sigma_y``, and turns the
    kernel by 180 degrees.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import filters
    >>> kernel = filters.gabor(0.25)
    >>> kernel.shape
    (15, 15)
    >>> np.round(1000 * kernel[7, 3:12:2])
    array([  6., -21.,  31., -21.,   6.])
    """
    frequency = positive("gabor", "frequency", frequency)
    octaves = positive("gabor", "bandwidth", bandwidth) * math.log(2)
    # The hyperbolic tangent is (2**b - 1) / (2**b + 1) for a bandwidth of b.
    narrow = math.tanh(octaves / 2) * frequency
    width = math.sqrt(math.log(2) / 2) / math.pi / narrow if narrow else math.inf
    along = width if sigma_x is None else positive("gabor", "sigma_x", sigma_x)
    across = width if sigma_y is None else positive("gabor", "sigma_y", sigma_y)
    reach = positive("gabor", "n_stds", n_stds)
    theta, offset = (finite("gabor", *given) for given in (("theta", theta), ("offset", offset)))
    cosine, sine = math.cos(theta), math.sin(theta)
    half = [
        max(1.0, abs(reach * across * cosine), abs(reach * along * sine)),
        max(1.0, abs(reach * along * cosine), abs(reach * across * sine)),
    ]
    check_size("gabor", [2 * size + 3 for size in half])
    rows, columns = (math.ceil(size) for size in half)
    y, x = np.mgrid[-rows : rows + 1, -columns : columns + 1]
    u, v = x * cosine + y * sine, y * cosine - x * sine
    with np.errstate(all="ignore"):  # made refuses what is not finite
        bell = np.exp(-((u / along) ** 2 + (v / across) ** 2) / 2) / (2 * math.pi) / along / across
    phase = 2 * math.pi * frequency * u + offset
    if as_dtype("gabor", dtype).kind == "c":
        return made("gabor", bell * np.exp(1j * phase), dtype)
    return made("gabor", bell * np.cos(phase), dtype)
