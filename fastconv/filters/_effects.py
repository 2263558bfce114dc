"""Effects: sharper edges, and a relief."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastconv.filters._docs import filled
from fastconv.filters._weights import made

__all__ = ["emboss", "sharpen"]


@filled
def sharpen(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the image with its Laplacian taken away: edges are steeper, flat areas stay.

    Source: R. Gonzalez and R. Woods, Digital Image Processing, "Sharpening spatial filters". The
    weights' sum is 1.

    Parameters
    ----------
    $dtype

    $returns_3x3

    $raises

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.sharpen()
    array([[ 0., -1.,  0.],
           [-1.,  5., -1.],
           [ 0., -1.,  0.]])
    """
    return made("sharpen", [[0, -1, 0], [-1, 5, -1], [0, -1, 0]], dtype)


@filled
def emboss(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give a relief: the image plus its slope along the diagonal, from top left to bottom right.

    Source: the example "emboss" of GIMP's filter "Convolution matrix". The weights' sum is 1.

    Parameters
    ----------
    $dtype

    $returns_3x3

    $raises

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.emboss()
    array([[-2., -1.,  0.],
           [-1.,  1.,  1.],
           [ 0.,  1.,  2.]])
    """
    return made("emboss", [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]], dtype)
