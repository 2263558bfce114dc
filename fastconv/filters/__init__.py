"""Kernels by name: the classic filters of images and signals, as arrays.

Each function gives a new array of weights, to be laid over an image as they are printed: for
`fastconv.ndimage.correlate`, `fastconv.signal.correlate` and `fastconv.conv2d`, which all are
cross-correlations. (`convolve` turns them by 180 degrees: what is symmetric stays as it is, a
derivative changes its sign.) An image's axis 0 goes down, its axis 1 to the right.

Examples
--------
>>> from fastconv import filters
>>> filters.sobel_x()
array([[-1.,  0.,  1.],
       [-2.,  0.,  2.],
       [-1.,  0.,  1.]])
>>> filters.get("gaussian:2.0").shape
(17, 17)
"""

from __future__ import annotations

from fastconv.filters._averages import box, moving_average
from fastconv.filters._edges import (
    horizontal_edges,
    prewitt,
    scharr,
    sobel,
    sobel_x,
    sobel_y,
    vertical_edges,
)
from fastconv.filters._effects import emboss, sharpen
from fastconv.filters._gabor import gabor
from fastconv.filters._gaussian import gaussian
from fastconv.filters._laplacian import laplacian, log
from fastconv.filters._names import NAMES, get

__all__ = [
    "NAMES",
    "box",
    "emboss",
    "gabor",
    "gaussian",
    "get",
    "horizontal_edges",
    "laplacian",
    "log",
    "moving_average",
    "prewitt",
    "scharr",
    "sharpen",
    "sobel",
    "sobel_x",
    "sobel_y",
    "vertical_edges",
]
