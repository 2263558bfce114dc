"""The mean of a box around each element."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastconv.ndimage import _args, _run
from fastconv.ndimage._args import Array
from fastconv.ndimage._docs import filled


@filled
def uniform_filter1d(
    input: ArrayLike,
    size: int,
    axis: int = -1,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    origin: int = 0,
) -> Array:
    """Give the mean of a window along one axis, as `scipy.ndimage.uniform_filter1d`.

    Parameters
    ----------
    $input
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
    uniform_filter : Along several axes.
    fastconv.signal.moving_average : Of a signal, with the modes "full", "same" and "valid".

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.uniform_filter1d(np.array([1, 4, 2, 8, 5, 7]), 3)
    array([2, 2, 4, 5, 6, 6])
    """
    input = np.asarray(input)
    axis = _args.axis(axis, input.ndim)
    size = _args.size(size)
    output = _args.result(output, input, input.dtype.kind == "c")
    step = axis, _run.MEAN, _args.border(mode), _args.offset(size, origin), size
    return _run.passes(input, output, (step,), cval)


@filled
def uniform_filter(
    input: ArrayLike,
    size: Any = 3,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Array:
    """Give the mean of a box around each element, as `scipy.ndimage.uniform_filter`.

    Parameters
    ----------
    $input
    size : int or sequence of int, default 3
        The box's size, for every axis or for each. An axis with 1 is left as it is.
    $output
    $modes
    $cval
    $origins
    $axes

    $returns

    $raises

    See Also
    --------
    uniform_filter1d : Along one axis.

    Notes
    -----
    One axis is filtered after another, and what lies between has the result's dtype: integers are
    truncated after each.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.uniform_filter(np.arange(12.0).reshape(3, 4), 3, mode="nearest").round(2)
    array([[1.67, 2.33, 3.33, 4.  ],
           [4.33, 5.  , 6.  , 6.67],
           [7.  , 7.67, 8.67, 9.33]])
    """
    input = np.asarray(input)
    made = _run.usual_passes(
        input, output, cval, usual_windows, size, mode, origin, axes, _run.MEAN
    )
    if made is not None:
        return made
    output = _args.result(output, input, input.dtype.kind == "c")
    steps = windows(input.ndim, size, mode, origin, axes, _run.MEAN)
    if not steps:
        output[...] = input
        return output
    return _run.passes(input, output, steps, cval)


@functools.lru_cache(_run.KEPT, typed=True)
def usual_windows(ndim: int, char: str, *given: Any) -> tuple[_run.Pass, ...]:
    """Read the passes of such a filter of ordinary arrays."""
    return tuple(windows(ndim, *given))


def windows(ndim: int, size: Any, mode: Any, origin: Any, axes: Any, op: int) -> list[_run.Pass]:
    """Read the passes of a filter whose window is a box."""
    axes = _args.axes(axes, ndim)
    count = len(axes)
    given = zip(
        axes,
        _args.per_axis(size, count),
        _args.per_axis(origin, count),
        _args.per_axis(mode, count),
        strict=True,
    )
    return [
        (axis, op, _args.border(border), _args.offset(int(length), shift), int(length))
        for axis, length, shift, border in given
        if length > 1
    ]
