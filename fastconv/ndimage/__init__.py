"""Filters of images and volumes: SciPy's functions of the same names, at the memory's speed.

``from fastconv import ndimage`` stands in for ``from scipy import ndimage``: signatures, dtypes,
results, errors and warnings are those of SciPy 1.17, which is not needed. Integers agree bit for
bit. float32 filtered to float32 agrees within 1e-5, other floats within 1e-12 of the sum of the
weights' and elements' absolute products.

Examples
--------
>>> import numpy as np
>>> from fastconv import ndimage
>>> image = np.zeros((5, 5))
>>> image[2, 2] = 1
>>> ndimage.gaussian_filter(image, sigma=1)[2].round(3)
array([0.023, 0.097, 0.159, 0.097, 0.023])
"""

from fastconv.ndimage._boxes import uniform_filter, uniform_filter1d
from fastconv.ndimage._correlate import convolve, convolve1d, correlate, correlate1d
from fastconv.ndimage._derivatives import (
    gaussian_gradient_magnitude,
    gaussian_laplace,
    generic_gradient_magnitude,
    generic_laplace,
    laplace,
    prewitt,
    sobel,
)
from fastconv.ndimage._extremes import (
    maximum_filter,
    maximum_filter1d,
    minimum_filter,
    minimum_filter1d,
)
from fastconv.ndimage._gaussian import gaussian_filter, gaussian_filter1d

__all__ = [
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "gaussian_filter",
    "gaussian_filter1d",
    "gaussian_gradient_magnitude",
    "gaussian_laplace",
    "generic_gradient_magnitude",
    "generic_laplace",
    "laplace",
    "maximum_filter",
    "maximum_filter1d",
    "minimum_filter",
    "minimum_filter1d",
    "prewitt",
    "sobel",
    "uniform_filter",
    "uniform_filter1d",
]
