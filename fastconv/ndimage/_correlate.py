"""Correlation and convolution with a window of any weights, in all axes or along one."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastconv._core import filter_taps
from fastconv.ndimage import _args, _fourier_choice, _run
from fastconv.ndimage._args import Array, Ints
from fastconv.ndimage._docs import filled


@filled
def correlate(
    input: ArrayLike,
    weights: ArrayLike,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Array:
    """Correlate an array with a window of weights, as `scipy.ndimage.correlate`.

    Each element of the result is the sum of the weights times the elements that they lie on when
    the window's centre is put there.

    Parameters
    ----------
    $input
    weights : array_like
        The window, with as many axes as are filtered.
    $output
    $mode
    $cval
    $origins
    $axes

    $returns

    $raises

    See Also
    --------
    convolve : With the window turned around.
    correlate1d : Along one axis.

    Notes
    -----
    Sums are float64 where SciPy's are, and truncated to an integer dtype as it does. They are
    float32 where input and output are; the error is below 1e-5 of the sum of absolute products.
    Large windows go by Fourier transforms where these are faster, and where that is as exact: an
    element of float64 is then within 1e-12 of its sum of absolute products. What is not, among much
    larger numbers or beside NaN, is added up. Sums of integers with whole weights are exact.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> image = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    >>> ndimage.correlate(image, [[0, 1, 0], [1, 0, -1], [0, -1, 0]])
    array([[-4, -5, -4],
           [-7, -8, -7],
           [-4, -5, -4]])
    """
    input, weights = np.asarray(input), np.asarray(weights)
    if input.dtype.kind == "c" or weights.dtype.kind == "c":
        output = _args.result(output, input, True)
        return _complex_window(input, _conjugate(weights), output, mode, cval, origin, axes, False)
    return _window(input, weights, output, mode, cval, origin, axes, False)


@filled
def convolve(
    input: ArrayLike,
    weights: ArrayLike,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Array:
    """Convolve an array with a window of weights, as `scipy.ndimage.convolve`.

    It is the correlation with the window turned around in every axis.

    Parameters
    ----------
    $input
    weights : array_like
        The window, with as many axes as are filtered.
    $output
    $mode
    $cval
    $origins
    $axes

    $returns

    $raises

    See Also
    --------
    correlate : With the window as it is.
    fastconv.signal.convolve : With the modes "full", "same" and "valid".

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> pulse = np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    >>> ndimage.convolve(pulse, [[1, 2, 3], [4, 5, 6], [7, 8, 9]], mode="constant")
    array([[1, 2, 3],
           [4, 5, 6],
           [7, 8, 9]])
    """
    input, weights = np.asarray(input), np.asarray(weights)
    if input.dtype.kind == "c" or weights.dtype.kind == "c":
        output = _args.result(output, input, True)
        return _complex_window(input, weights, output, mode, cval, origin, axes, True)
    return _window(input, weights, output, mode, cval, origin, axes, True)


def _window(
    input: Array,
    weights: Array,
    output: Any,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: Any,
    flipped: bool,
) -> Array:
    """Correlate real arrays, or with `flipped` convolve them."""
    if output is None and axes is None and type(origin) is int and origin == 0:
        made = _usual_window(input, weights, mode, cval, flipped)
        if made is not None:
            return made
    ndim = input.ndim
    axes = _args.axes(axes, ndim)
    origins = _args.origins(origin, axes, ndim)
    weights = _args.window(np.asarray(weights, np.float64), "weights", axes, ndim)
    if flipped:
        weights = weights[(slice(None, None, -1),) * ndim]
        origins = [_turned(o, size) for o, size in zip(origins, weights.shape, strict=True)]
    offsets = tuple([_args.offset(n, o) for n, o in zip(weights.shape, origins, strict=True)])
    output = _args.result(output, input)
    border = _args.one_border(mode)
    weights = np.ascontiguousarray(weights)
    return _run.taps(input, weights, output, (border,) * ndim, cval, offsets)


def _usual_window(
    input: Array, weights: Array, mode: Any, cval: Any, flipped: bool
) -> Array | None:
    """Correlate ordinary arrays with a small window in its place, if they are such."""
    ndim, shape = input.ndim, weights.shape
    if type(cval) is not float or type(mode) is not str or len(shape) != ndim or 0 in shape:
        return None
    if _fourier_choice.may_serve(input.size, weights.size):
        return None
    borders, offsets = _usual_places(shape, mode, flipped)
    if flipped:
        weights = weights[(slice(None, None, -1),) * ndim]
    weights = np.ascontiguousarray(weights, np.float64)
    return filter_taps(input, weights, None, borders, cval, offsets, _run.CORRELATE)


@functools.lru_cache(_run.KEPT)
def _usual_places(shape: Ints, mode: str, flipped: bool) -> tuple[Ints, Ints]:
    """Give the borders and the offsets of a window in its place."""
    back = 1 if flipped else 0
    return (_args.border(mode),) * len(shape), tuple([(n - back) // 2 for n in shape])


def _conjugate(weights: Array) -> Array:
    return weights.conj() if weights.dtype.kind == "c" else weights


def _turned(origin: Any, size: int) -> Any:
    """Give the origin that turning a window of so many elements around asks for."""
    return -origin if size % 2 else -origin - 1


def _complex_window(
    input: Array,
    weights: Array,
    output: Array,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: Any,
    flipped: bool,
) -> Array:
    def real(input: Array, weights: Array, output: Any, cval: Any) -> Array:
        return _window(input, weights, output, mode, cval, origin, axes, flipped)

    return _run.by_components(real, input, weights, output, cval)


@filled
def correlate1d(
    input: ArrayLike,
    weights: ArrayLike,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Array:
    """Correlate an array with weights along one axis, as `scipy.ndimage.correlate1d`.

    Parameters
    ----------
    $input
    weights : array_like
        The window, of one dimension.
    $axis
    $output
    $mode
    $cval
    $origin

    $returns

    $raises

    See Also
    --------
    convolve1d : With the weights turned around.
    correlate : With a window of more than one axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.correlate1d(np.array([1, 4, 2, 8, 5, 7]), [3, 1])
    array([ 4,  7, 14, 14, 29, 22])
    """
    input, weights = np.asarray(input), np.asarray(weights)
    if input.dtype.kind == "c" or weights.dtype.kind == "c":
        output = _args.result(output, input, True)
        return _complex_line(input, _conjugate(weights), axis, output, mode, cval, origin)
    return line(input, weights, axis, output, mode, cval, origin)


@filled
def convolve1d(
    input: ArrayLike,
    weights: ArrayLike,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Array:
    """Convolve an array with weights along one axis, as `scipy.ndimage.convolve1d`.

    It is the correlation with the weights turned around.

    Parameters
    ----------
    $input
    weights : array_like
        The window, of one dimension.
    $axis
    $output
    $mode
    $cval
    $origin

    $returns

    $raises

    See Also
    --------
    correlate1d : With the weights as they are.
    fastconv.signal.convolve : With the modes "full", "same" and "valid".

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.convolve1d(np.array([1, 4, 2, 8, 5, 7]), [3, 1])
    array([13, 10, 26, 23, 26, 28])
    """
    input, weights = np.asarray(input), np.asarray(weights)[::-1]
    origin = _turned(origin, len(weights))
    if input.dtype.kind == "c" or weights.dtype.kind == "c":
        output = _args.result(output, input, True)
        return _complex_line(input, weights, axis, output, mode, cval, origin)
    return line(input, weights, axis, output, mode, cval, origin)


def line(
    input: Array,
    weights: Array,
    axis: Any,
    output: Any,
    mode: Any,
    cval: Any,
    origin: Any,
) -> Array:
    """Correlate along an axis with real weights."""
    output = _args.result(output, input)
    weights = _args.line_weights(weights)
    axis = _args.axis(axis, input.ndim)
    offset = _args.offset(len(weights), origin)
    step = axis, _run.CORRELATE, _args.border(mode), offset, weights
    return _run.passes(input, output, (step,), cval)


def _complex_line(
    input: Array,
    weights: Array,
    axis: Any,
    output: Array,
    mode: Any,
    cval: Any,
    origin: Any,
) -> Array:
    def real(input: Array, weights: Array, output: Any, cval: Any) -> Array:
        return line(input, weights, axis, output, mode, cval, origin)

    return _run.by_components(real, input, weights, output, cval)
