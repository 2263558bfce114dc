"""Slopes and edges: differences between neighbours, smoothed across."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastconv import _args
from fastconv.filters._docs import filled
from fastconv.filters._weights import made

__all__ = [
    "horizontal_edges",
    "prewitt",
    "scharr",
    "sobel",
    "sobel_x",
    "sobel_y",
    "vertical_edges",
]


@filled
def sobel_x(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give Sobel's kernel along x: large where the image grows brighter to the right.

    A central difference along x, smoothed by 1, 2, 1 along y. It is what `ndimage.sobel` does along
    the last axis. Divided by 8 it is the derivative by the pixel.

    Source: I. Sobel and G. Feldman, "A 3x3 isotropic gradient operator for image processing", talk
    at the Stanford Artificial Intelligence Project, 1968.

    Parameters
    ----------
    $dtype

    $returns_3x3

    $raises

    See Also
    --------
    sobel_y, scharr, prewitt

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.sobel_x("int16")
    array([[-1,  0,  1],
           [-2,  0,  2],
           [-1,  0,  1]], dtype=int16)
    """
    return _derivative("sobel_x", (1, 2, 1), 1, dtype)


@filled
def sobel_y(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give Sobel's kernel along y: large where the image grows brighter downwards.

    Source: as for `sobel_x`, of which it is the transpose.

    Parameters
    ----------
    $dtype

    $returns_3x3

    $raises

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.sobel_y()
    array([[-1., -2., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  2.,  1.]])
    """
    return _derivative("sobel_y", (1, 2, 1), 0, dtype)


@filled
def sobel(axis: int = -1, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give Sobel's kernel along an axis: `sobel_x` or `sobel_y`.

    Source: as for `sobel_x`.

    Parameters
    ----------
    axis : int, default -1
        1 or -1: along x. 0 or -2: along y.
    $dtype

    $returns_3x3

    $raises_axis

    Examples
    --------
    >>> from fastconv import filters
    >>> bool((filters.sobel(0) == filters.sobel_y()).all())
    True
    """
    return _derivative("sobel", (1, 2, 1), axis, dtype)


@filled
def scharr(axis: int = -1, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give Scharr's kernel along an axis: as Sobel's, its direction more exact.

    A central difference, smoothed by 3, 10, 3 along the other axis. Divided by 32 it is the
    derivative by the pixel.

    Source: H. Scharr, "Optimale Operatoren in der digitalen Bildverarbeitung", dissertation,
    Heidelberg, 2000: his weights for 3x3, in whole numbers.

    Parameters
    ----------
    $axis
    $dtype

    $returns_3x3

    $raises_axis

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.scharr()
    array([[ -3.,   0.,   3.],
           [-10.,   0.,  10.],
           [ -3.,   0.,   3.]])
    """
    return _derivative("scharr", (3, 10, 3), axis, dtype)


@filled
def prewitt(axis: int = -1, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give Prewitt's kernel along an axis: a central difference, averaged over three lines.

    It is what `ndimage.prewitt` does. Divided by 6 it is the derivative by the pixel.

    Source: J. M. S. Prewitt, "Object enhancement and extraction", in B. S. Lipkin and A. Rosenfeld
    (editors), Picture Processing and Psychopictorics, Academic Press, 1970.

    Parameters
    ----------
    $axis
    $dtype

    $returns_3x3

    $raises_axis

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.prewitt(axis=0)
    array([[-1., -1., -1.],
           [ 0.,  0.,  0.],
           [ 1.,  1.,  1.]])
    """
    return _derivative("prewitt", (1, 1, 1), axis, dtype)


@filled
def horizontal_edges(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the courses' detector of horizontal edges: positive where bright lies above dark.

    Source: the introductions to convolutional networks, which show it with a half white, half dark
    picture, such as A. Ng, "Convolutional Neural Networks", deeplearning.ai, 2017, the first week.
    The weights are Prewitt's along y, the sign changed.

    Parameters
    ----------
    $dtype

    $returns_3x3

    $raises

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.horizontal_edges()
    array([[ 1.,  1.,  1.],
           [ 0.,  0.,  0.],
           [-1., -1., -1.]])
    """
    return made("horizontal_edges", [[1, 1, 1], [0, 0, 0], [-1, -1, -1]], dtype)


@filled
def vertical_edges(dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give the courses' detector of vertical edges: positive where bright lies left of dark.

    Source: as for `horizontal_edges`, of which it is the transpose.

    Parameters
    ----------
    $dtype

    $returns_3x3

    $raises

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.vertical_edges()
    array([[ 1.,  0., -1.],
           [ 1.,  0., -1.],
           [ 1.,  0., -1.]])
    """
    return made("vertical_edges", [[1, 0, -1]] * 3, dtype)


def _derivative(name: str, smooth: tuple[int, ...], axis: int, dtype: DTypeLike) -> NDArray[Any]:
    """Give a central difference along an axis, smoothed along the other."""
    if not _args.is_integer(axis):
        _args.wrong_type(name, "axis", axis, "an int")
    if axis not in (-2, -1, 0, 1):
        _args.wrong_value(name, "axis", axis, "1 or -1 for x, 0 or -2 for y")
    along_x = np.outer(smooth, (-1, 0, 1))
    return made(name, along_x if axis in (1, -1) else along_x.T, dtype)
