"""The greatest and the least element around each element."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastconv.ndimage import _args, _run
from fastconv.ndimage._args import Array
from fastconv.ndimage._boxes import usual_windows, windows
from fastconv.ndimage._docs import filled


@filled
def maximum_filter1d(
    input: ArrayLike,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Array:
    """Give the maximum of a window along one axis, as `scipy.ndimage.maximum_filter1d`.

    Parameters
    ----------
    $real_input
    size : int
        How many elements the window has.
    $axis
    $output
    $mode
    $cval
    $origin

    $returns

    $raises

    See Also
    --------
    maximum_filter : Along several axes, or of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.maximum_filter1d(np.array([1, 4, 2, 8, 5, 7]), 3)
    array([4, 4, 8, 8, 8, 7])
    """
    return _line(input, size, axis, output, mode, cval, origin, _run.MAXIMUM)


@filled
def minimum_filter1d(
    input: ArrayLike,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Array:
    """Give the minimum of a window along one axis, as `scipy.ndimage.minimum_filter1d`.

    Parameters
    ----------
    $real_input
    size : int
        How many elements the window has.
    $axis
    $output
    $mode
    $cval
    $origin

    $returns

    $raises

    See Also
    --------
    minimum_filter : Along several axes, or of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.minimum_filter1d(np.array([1, 4, 2, 8, 5, 7]), 3)
    array([1, 1, 2, 2, 5, 5])
    """
    return _line(input, size, axis, output, mode, cval, origin, _run.MINIMUM)


def _line(
    input: Any, size: Any, axis: Any, output: Any, mode: Any, cval: Any, origin: Any, op: int
) -> Array:
    input = np.asarray(input)
    _args.refuse_complex(input)
    axis = _args.axis(axis, input.ndim)
    size = _args.size(size)
    output = _args.result(output, input)
    step = axis, op, _args.border(mode), _args.offset(size, origin), size
    return _run.passes(input, output, (step,), cval)


@filled
def maximum_filter(
    input: ArrayLike,
    size: Any = None,
    footprint: ArrayLike | None = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Array:
    """Give the maximum around each element, as `scipy.ndimage.maximum_filter`.

    Parameters
    ----------
    $real_input
    size : int or sequence of int, optional
        The size of a box, for every axis or for each; it or `footprint` is needed.
    footprint : array_like of bool, optional
        A window of another shape, with as many axes as are filtered: the maximum is that of the
        elements under its true ones. With it, `size` has no effect.
    $output
    $modes
        A footprint with gaps takes one mode for all.
    $cval
    $origins
    $axes

    $returns

    $raises

    See Also
    --------
    minimum_filter : The minimum.

    Notes
    -----
    NaN is the maximum where there is one. SciPy promises nothing of it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> image = np.array([[0, 0, 0, 0], [0, 0, 5, 0], [0, 0, 0, 0]])
    >>> ndimage.maximum_filter(image, footprint=[[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    array([[0, 0, 5, 0],
           [0, 5, 5, 5],
           [0, 0, 5, 0]])
    """
    return _window(input, size, footprint, output, mode, cval, origin, axes, _run.MAXIMUM)


@filled
def minimum_filter(
    input: ArrayLike,
    size: Any = None,
    footprint: ArrayLike | None = None,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Array:
    """Give the minimum around each element, as `scipy.ndimage.minimum_filter`.

    Parameters
    ----------
    $real_input
    size : int or sequence of int, optional
        The size of a box, for every axis or for each; it or `footprint` is needed.
    footprint : array_like of bool, optional
        A window of another shape, with as many axes as are filtered: the minimum is that of the
        elements under its true ones. With it, `size` has no effect.
    $output
    $modes
        A footprint with gaps takes one mode for all.
    $cval
    $origins
    $axes

    $returns

    $raises

    See Also
    --------
    maximum_filter : The maximum.

    Notes
    -----
    NaN is the minimum where there is one. SciPy promises nothing of it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.minimum_filter(np.arange(12).reshape(3, 4), size=(1, 3), mode="constant")
    array([[0, 0, 1, 0],
           [0, 4, 5, 0],
           [0, 8, 9, 0]])
    """
    return _window(input, size, footprint, output, mode, cval, origin, axes, _run.MINIMUM)


def _window(
    input: Any,
    size: Any,
    footprint: Any,
    output: Any,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: Any,
    op: int,
) -> Array:
    if footprint is not None:
        if size is not None:
            warnings.warn("ignoring size because footprint is set", UserWarning, stacklevel=3)
        footprint = np.asarray(footprint, bool)
        if not footprint.any():
            raise ValueError(f"All-zero footprint is not supported. It has shape {footprint.shape}")
        size = footprint.shape if footprint.all() else None
    elif size is None:
        raise RuntimeError("no footprint provided: size or footprint is needed")
    input = np.asarray(input)
    if footprint is None:
        made = _run.usual_passes(input, output, cval, usual_windows, size, mode, origin, axes, op)
        if made is not None:
            return made
    _args.refuse_complex(input)
    output = _args.result(output, input)
    if size is None:
        return _footprint(input, footprint, output, mode, cval, origin, axes, op)
    steps = windows(input.ndim, size, mode, origin, axes, op)
    if not steps:
        output[...] = input
        return output
    return _run.passes(input, output, steps, cval)


def _footprint(
    input: Array,
    footprint: Array,
    output: Array,
    mode: Any,
    cval: Any,
    origin: Any,
    axes: Any,
    op: int,
) -> Array:
    """Filter with a window that has gaps."""
    axes = _args.axes(axes, input.ndim)
    footprint = _args.window(footprint, "footprint", axes, input.ndim)
    origins = _args.origins(origin, axes, input.ndim)
    offsets = tuple([_args.offset(n, o) for n, o in zip(footprint.shape, origins, strict=True)])
    border = _args.one_border(mode, " for non-separable footprints")
    if border == _args.CONSTANT and input.size:
        cval = _args.held(_args.number(cval), _run.native(input).dtype)
    taken = np.ascontiguousarray(footprint).view(np.uint8)
    return _run.taps(input, taken, output, (border,) * input.ndim, cval, offsets, op)
