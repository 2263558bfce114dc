"""Edges, gradients and the Laplace operator."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastconv._core import filter_taps
from fastconv.ndimage import _args, _layout, _run, _slabs
from fastconv.ndimage._args import Array, Ints
from fastconv.ndimage._docs import filled
from fastconv.ndimage._gaussian import gaussian_filter, gaussian_reach

_DIFFERENCE = np.array([-1.0, 0.0, 1.0])
_SMOOTHING = {"sobel": np.array([1.0, 2.0, 1.0]), "prewitt": np.array([1.0, 1.0, 1.0])}
_CURVATURE = np.array([1.0, -2.0, 1.0])

_BYTE_ROOTS = np.sqrt(np.arange(256)).astype(np.uint8)

_CROSS_AXES = 5  # a window for more has too many zeros
_NARROW = 8  # elements of the last axis, as colours, along which windows are slow
_BLOCK = 65536  # elements of two arrays, and what becomes of them, stay in a core's cache


@filled
def sobel(
    input: ArrayLike,
    axis: int = -1,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
) -> Array:
    """Give the differences along one axis, smoothed along the others, as `scipy.ndimage.sobel`.

    Along `axis` the weights are -1, 0, 1; along each other one 1, 2, 1.

    Parameters
    ----------
    $input
    $axis
    $output
    $modes
    $cval

    $returns

    $raises

    See Also
    --------
    prewitt : With equal weights along the other axes.
    fastconv.filters : Such windows by name.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> image = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]])
    >>> ndimage.sobel(image)
    array([[0, 4, 4, 0],
           [0, 3, 3, 0],
           [0, 1, 1, 0]])
    """
    return _edges(input, axis, output, mode, cval, "sobel")


@filled
def prewitt(
    input: ArrayLike,
    axis: int = -1,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
) -> Array:
    """Give the differences along one axis, summed along the others, as `scipy.ndimage.prewitt`.

    Along `axis` the weights are -1, 0, 1; along each other one 1, 1, 1.

    Parameters
    ----------
    $input
    $axis
    $output
    $modes
    $cval

    $returns

    $raises

    See Also
    --------
    sobel : With more weight in the middle along the other axes.
    fastconv.filters : Such windows by name.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> image = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0]])
    >>> ndimage.prewitt(image)
    array([[0, 3, 3, 0],
           [0, 2, 2, 0],
           [0, 1, 1, 0]])
    """
    return _edges(input, axis, output, mode, cval, "prewitt")


def _edges(input: Any, axis: Any, output: Any, mode: Any, cval: Any, kind: str) -> Array:
    input = np.asarray(input)
    made = _run.usual_passes(input, output, cval, _usual_edge_steps, axis, mode, cval, kind)
    if made is not None:
        return made
    axis = _args.axis(axis, input.ndim)
    output = _args.result(output, input)
    dtypes = input.dtype, output.dtype
    return _run.passes(input, output, _edge_steps(input.ndim, dtypes, axis, mode, cval, kind), cval)


@functools.lru_cache(_run.KEPT, typed=True)
def _usual_edge_steps(
    ndim: int, char: str, axis: int, mode: Any, cval: float, kind: str
) -> tuple[_run.Pass, ...]:
    """Read the passes for ordinary arrays."""
    dtypes = np.dtype(char), np.dtype(char)
    return tuple(_edge_steps(ndim, dtypes, _args.axis(axis, ndim), mode, cval, kind))


Dtypes = tuple[np.dtype[Any], np.dtype[Any]]  # the input's and the output's


def _edge_steps(
    ndim: int, dtypes: Dtypes, axis: int, mode: Any, cval: Any, kind: str
) -> list[_run.Pass]:
    borders = [_args.border(entry) for entry in _args.per_axis(mode, ndim)]
    smoothing = _SMOOTHING[kind]
    steps: list[_run.Pass] = [(axis, _run.CORRELATE, borders[axis], 1, _DIFFERENCE)]
    steps += [(a, _run.CORRELATE, borders[a], 1, smoothing) for a in range(ndim) if a != axis]
    if _in_any_order(dtypes, borders, cval):
        steps.sort(key=lambda step: step[0])
    return steps


def _in_any_order(dtypes: Dtypes, borders: list[int], cval: Any) -> bool:
    """Tell whether whole weights may go along the axes in any order; rows by columns is faster.

    Of floats the last bits depend on it. Integers are truncated and wrapped around after each
    pass, which is the same in any order where C converts them from sums that an int holds. What
    lies beyond the borders has to be the same after each pass.
    """
    floats = all(dtype.kind in "fc" for dtype in dtypes)
    small = all(dtype.kind in "iu" and dtype.itemsize <= 2 for dtype in dtypes)
    zeros = bool(np.isscalar(cval) and cval == 0)
    return (floats or small) and (_args.CONSTANT not in borders or zeros)


@filled
def laplace(
    input: ArrayLike,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    *,
    axes: Any = None,
) -> Array:
    """Give the sum of second differences, as `scipy.ndimage.laplace`.

    Along each axis the weights are 1, -2, 1.

    Parameters
    ----------
    $input
    $output
    $modes
    $cval
    $axes

    $returns

    $raises

    See Also
    --------
    gaussian_laplace : Of a smoothed array.
    generic_laplace : With second differences of one's own.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.laplace(np.array([[0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]))
    array([[ 0,  0,  1,  0],
           [ 0,  1, -4,  1],
           [ 0,  0,  1,  0]])
    """
    input = np.asarray(input)
    if output is None and type(cval) is float and _run.PLAIN.issuperset((type(mode), type(axes))):
        cross = _usual_cross(input.ndim, input.dtype.char, mode, cval, axes)
        if cross and input.shape[-1] >= _NARROW:
            window, borders, offsets = cross
            made = filter_taps(input, window, None, borders, cval, offsets, _run.CORRELATE)
            if made is not None:
                return made
    output = _args.result(output, input)
    axes = _args.axes(axes, input.ndim)
    if not axes:
        output[...] = input
        return output
    narrow = input.size > 4096 and input.ndim - 1 in axes and input.shape[-1] < _NARROW
    if input.size > 0 and not narrow:
        cross = _cross(input.ndim, (input.dtype, output.dtype), mode, cval, axes)
        if cross:
            window, borders, offsets = cross
            return _run.taps(input, window, output, borders, cval, offsets)
    return generic_laplace(input, _second_difference, output, mode, cval, axes=axes)


def _second_difference(input: Array, axis: int, output: Any, mode: Any, cval: Any) -> Array:
    output = _args.result(output, input, input.dtype.kind == "c")
    step = axis, _run.CORRELATE, _args.border(mode), 1, _CURVATURE
    return _run.passes(input, output, (step,), cval)


Cross = tuple[Array, Ints, Ints]  # a window of second differences, borders, and offsets


@functools.lru_cache(_run.KEPT, typed=True)
def _usual_cross(ndim: int, char: str, mode: Any, cval: float, axes: Any) -> Cross | None:
    """Read the arguments of the Laplace operator of ordinary arrays."""
    axes = _args.axes(axes, ndim)
    return _cross(ndim, (np.dtype(char), np.dtype(char)), mode, cval, axes) if axes else None


def _cross(ndim: int, dtypes: Dtypes, mode: Any, cval: Any, axes: Ints) -> Cross | None:
    """Give the window that is one sum over all axes, where that is the operator and fast."""
    borders = [_args.border(entry) for entry in _args.per_axis(mode, len(axes))]
    if len(axes) > _CROSS_AXES or not _is_one_sum(dtypes, cval, borders):
        return None
    window = _cross_window(ndim, axes)
    spread = [0] * ndim
    for a, entry in zip(axes, borders, strict=True):
        spread[a] = entry
    return window, tuple(spread), tuple([n // 2 for n in window.shape])


def _is_one_sum(dtypes: Dtypes, cval: Any, borders: list[int]) -> bool:
    """Tell whether one sum over all axes gives what adding up each axis' own does.

    It does for float results, up to rounding. For integers, which wrap around at every addition,
    the sum of one axis must convert as integers do, and not exceed 32 bits.
    """
    kinds = dtypes[0].kind + dtypes[1].kind
    if kinds in ("ff", "cc"):
        return True
    if kinds[0] not in "biu" or dtypes[0].itemsize > 2:
        return False
    if kinds[1] == "f":
        return True
    if kinds[1] not in "iu":
        return False
    return _args.CONSTANT not in borders or (abs(cval) < 2**16 and cval == int(cval))


@functools.lru_cache(maxsize=64)
def _cross_window(ndim: int, axes: Ints) -> Array:
    """Give the window of second differences along several axes."""
    window = np.zeros([3 if a in axes else 1 for a in range(ndim)])
    centre = [n // 2 for n in window.shape]
    for a in axes:
        for step, weight in zip((-1, 0, 1), _CURVATURE, strict=True):
            place = list(centre)
            place[a] += step
            window[tuple(place)] += weight
    window.flags.writeable = False
    return window


@filled
def gaussian_laplace(
    input: ArrayLike,
    sigma: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    *,
    axes: Any = None,
    **kwargs: Any,
) -> Array:
    """Give the sum of Gaussian second derivatives, as `scipy.ndimage.gaussian_laplace`.

    Parameters
    ----------
    $input
    sigma : scalar or sequence of scalars
        The Gaussian's standard deviation in elements, for every axis or for each.
    $output
    $modes
    $cval
    $axes
    **kwargs
        More arguments of `gaussian_filter`, as `truncate`.

    $returns

    $raises

    See Also
    --------
    gaussian_gradient_magnitude : The length of the gradient.
    laplace : Without smoothing.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> pulse = np.zeros((5, 5))
    >>> pulse[2, 2] = 1
    >>> ndimage.gaussian_laplace(pulse, 1)[2].round(3)
    array([ 0.055, -0.096, -0.318, -0.096,  0.055])
    """
    input = np.asarray(input)
    axes = _args.axes(axes, input.ndim)
    deviations = _args.per_axis(sigma, len(axes))
    if len(axes) < input.ndim:
        spread = [0] * input.ndim
        for a, deviation in zip(axes, deviations, strict=True):
            spread[a] = deviation
        deviations = spread
    derive = _gaussian_derivative(2, deviations, cval, kwargs)
    reach = _gaussian_reach(deviations, kwargs)
    return _joined(derive, input, output, mode, axes, _add, reach)


@filled
def gaussian_gradient_magnitude(
    input: ArrayLike,
    sigma: Any,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    *,
    axes: Any = None,
    **kwargs: Any,
) -> Array:
    """Give the length of the gradient, as `scipy.ndimage.gaussian_gradient_magnitude`.

    The gradient is that of the array filtered with a Gaussian.

    Parameters
    ----------
    $input
    sigma : scalar or sequence of scalars
        The Gaussian's standard deviation in elements, for every axis of the input or for each,
        whatever `axes` are.
    $output
    $modes
    $cval
    axes : int, tuple of int or None, default None
        The axes of the gradient, all if None; `mode` has one entry for each, if it is a sequence.
    **kwargs
        More arguments of `gaussian_filter`, as `truncate`.

    $returns

    $raises

    See Also
    --------
    gaussian_laplace : The sum of the second derivatives.
    generic_gradient_magnitude : With derivatives of one's own.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> step = np.repeat([[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]], 3, axis=0)
    >>> ndimage.gaussian_gradient_magnitude(step, 1)[0].round(3)
    array([0.013, 0.122, 0.364, 0.364, 0.122, 0.013])
    """
    derive = _gaussian_derivative(1, sigma, cval, kwargs)
    reach = _gaussian_reach(sigma, kwargs)
    return _joined(derive, input, output, mode, axes, _add_square, reach)


def _gaussian_derivative(degree: int, sigma: Any, cval: Any, keywords: dict[str, Any]) -> Derive:
    def derive(input: Array, axis: int, output: Any, mode: Any) -> Array:
        order = [degree if a == axis else 0 for a in range(input.ndim)]
        return gaussian_filter(input, sigma, order, output, mode, cval, **keywords)

    return derive


def _gaussian_reach(sigma: Any, keywords: dict[str, Any]) -> Reach:
    return lambda ndim, axis: gaussian_reach(sigma, ndim, axis, **keywords)


@filled
def generic_laplace(
    input: ArrayLike,
    derivative2: Callable[..., Array],
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    extra_arguments: Any = (),
    extra_keywords: Any = None,
    *,
    axes: Any = None,
) -> Array:
    """Give the sum of a function's second derivatives, as `scipy.ndimage.generic_laplace`.

    Parameters
    ----------
    $input
    derivative2 : callable
        Called as ``derivative2(input, axis, output, mode, cval, *extra_arguments,
        **extra_keywords)`` for each axis; `output` is an array to write to or a dtype, and the
        second derivative is returned.
    $output
    $modes
    $cval
    extra_arguments : sequence, default ()
        More arguments of `derivative2`.
    extra_keywords : dict, optional
        More keyword arguments of `derivative2`.
    $axes

    $returns

    $raises

    See Also
    --------
    laplace : With the weights 1, -2, 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> def fourth_order(input, axis, output, mode, cval):
    ...     weights = np.array([-1, 16, -30, 16, -1]) / 12
    ...     return ndimage.correlate1d(input, weights, axis, output, mode, cval)
    >>> x = np.arange(7.0)
    >>> ndimage.generic_laplace(x**2, fourth_order)[2:-2].round(6)
    array([2., 2., 2.])
    """
    derive = _bound(derivative2, cval, extra_arguments, extra_keywords)
    reach = _local_reach(derivative2, extra_arguments, extra_keywords)
    return _joined(derive, input, output, mode, axes, _add, reach)


@filled
def generic_gradient_magnitude(
    input: ArrayLike,
    derivative: Callable[..., Array],
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    extra_arguments: Any = (),
    extra_keywords: Any = None,
    *,
    axes: Any = None,
) -> Array:
    """Give the length of a gradient, as `scipy.ndimage.generic_gradient_magnitude`.

    Its components are what a function computes.

    Parameters
    ----------
    $input
    derivative : callable
        Called as ``derivative(input, axis, output, mode, cval, *extra_arguments,
        **extra_keywords)`` for each axis; `output` is an array to write to or a dtype, and the
        derivative is returned. `sobel` and `prewitt` are such functions.
    $output
    $modes
    $cval
    extra_arguments : sequence, default ()
        More arguments of `derivative`.
    extra_keywords : dict, optional
        More keyword arguments of `derivative`.
    $axes

    $returns

    $raises

    See Also
    --------
    gaussian_gradient_magnitude : With Gaussian derivatives.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> corner = np.array([[0.0, 0.0, 0.0], [0.0, 3.0, 3.0], [0.0, 3.0, 3.0]])
    >>> ndimage.generic_gradient_magnitude(corner, ndimage.sobel).round(2)
    array([[ 4.24,  9.49, 12.  ],
           [ 9.49, 12.73, 12.  ],
           [12.  , 12.  ,  0.  ]])
    """
    derive = _bound(derivative, cval, extra_arguments, extra_keywords)
    reach = _local_reach(derivative, extra_arguments, extra_keywords)
    return _joined(derive, input, output, mode, axes, _add_square, reach)


# ---- Derivatives along several axes, and what becomes of them ------------------------------------

Derive = Callable[[Array, int, Any, Any], Array]  # input, axis, output, mode
Reach = Callable[[int, int], int]  # the array's dimensions, and an axis of it


def _bound(function: Callable[..., Array], cval: Any, arguments: Any, keywords: Any) -> Derive:
    """Give a user's function its last arguments."""
    keywords = {} if keywords is None else keywords

    def derive(input: Array, axis: int, output: Any, mode: Any) -> Array:
        return function(input, axis, output, mode, cval, *arguments, **keywords)

    return derive


def _local_reach(function: Callable[..., Array], arguments: Any, keywords: Any) -> Reach | None:
    """Give how far a function's windows reach, if that is known."""
    known = any(function is own for own in (sobel, prewitt, _second_difference))
    return (lambda ndim, axis: 1) if known and arguments == () and not keywords else None


def _joined(
    derive: Derive,
    input: Any,
    output: Any,
    mode: Any,
    axes: Any,
    join: Callable[[Array, Array, int, int], None],
    reach: Reach | None,
) -> Array:
    """Give what `join` makes of the derivatives along some axes.

    It is called with the result as it is so far and with each derivative, its number and the last
    one's; the result begins as the first derivative. With `reach`, large arrays in files are taken
    slab by slab, so that no more than slabs lie in memory; whole ones are a quarter faster.
    """
    input = np.asarray(input)
    output = _args.result(output, input)
    axes = _args.axes(axes, input.ndim)
    if not axes:
        output[...] = input
        return output
    last = len(axes) - 1
    each = list(enumerate(zip(axes, _args.per_axis(mode, len(axes)), strict=True)))
    if reach is not None and _slabs.are_of_use(input, output) and _slabs.are_mapped(input, output):
        # What lies at a window's end may be reflected at an element.
        reaches = [reach(input.ndim, axis) + 1 for axis in range(input.ndim)]
        for slab in _slabs.slabs(input, output, reaches):
            total = slab.of(output)
            for number, (axis, border) in each:
                part = None  # there is no more than one at a time
                wraps = _args.border(border) == _args.WRAP
                part = slab.filtered(input, wraps, _along(derive, axis, output.dtype, border))
                if number == 0:
                    _layout.put(part, total)
                join(total, part, number, last)
        return output
    if last and np.may_share_memory(input, output):
        input = input.copy()
    for number, (axis, border) in each:
        part = derive(input, axis, output.dtype if number else output, border)
        join(output, part, number, last)
    return output


def _along(derive: Derive, axis: int, output: Any, mode: Any) -> Callable[[Array], Array]:
    """Give the function that derives an array along one axis."""
    return lambda input: derive(input, axis, output, mode)


def _add(total: Array, other: Array, number: int, last: int) -> None:
    """Add all to the first one."""
    if number:
        total += other


def _add_square(total: Array, other: Array, number: int, last: int) -> None:
    """Add up squares, and take the root of their sum.

    The dtype's own arithmetic is NumPy's; what `other` holds is lost.
    """
    if number == 0 < last:
        return
    for sums, values in _blocks(total, other):
        if number < 2:
            np.multiply(sums, sums, sums)
        if number:
            np.multiply(values, values, values)
            sums += values
        if number == last:
            _take_roots(sums)


def _take_roots(squares: Array) -> None:
    """Replace squares by their roots, truncated to integers; of bytes NumPy's are slow."""
    if squares.dtype == np.uint8:
        np.take(_BYTE_ROOTS, squares, out=squares)
    else:
        np.sqrt(squares, squares, casting="unsafe")


def _blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Walk through arrays in parts that a cache holds, if they are of one shape."""
    alike = all(getattr(array, "shape", None) == arrays[0].shape for array in arrays)
    if alike and all(array.flags.c_contiguous for array in arrays):
        lines = [array.reshape(-1) for array in arrays]
        for start in range(0, len(lines[0]), _BLOCK):
            yield tuple([line[start : start + _BLOCK] for line in lines])
    else:
        yield arrays
