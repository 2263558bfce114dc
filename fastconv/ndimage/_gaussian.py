"""Gaussian filters and the derivatives of Gaussians, one axis after another."""

from __future__ import annotations

import functools
import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastconv.ndimage import _args, _run
from fastconv.ndimage._args import Array
from fastconv.ndimage._docs import filled

_KEPT_RADIUS = 1024  # of weights worth keeping: 16 KB each
_NO_FILTER = 1e-15  # a standard deviation up to this leaves an axis as it is


@filled
def gaussian_filter1d(
    input: ArrayLike,
    sigma: Any,
    axis: int = -1,
    order: int = 0,
    output: Any = None,
    mode: str = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | None = None,
) -> Array:
    """Filter along one axis with a Gaussian, as `scipy.ndimage.gaussian_filter1d`.

    Parameters
    ----------
    $input
    sigma : scalar
        The Gaussian's standard deviation, in elements.
    $axis
    order : int, default 0
        0 filters with the Gaussian itself, a positive order with its derivative of that order.
    $output
    $mode
    $cval
    truncate : float, default 4.0
        How many standard deviations the window reaches to each side.
    radius : int, optional
        How many elements it reaches to each side; then `truncate` has no effect.

    $returns

    $raises

    See Also
    --------
    gaussian_filter : Along several axes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> ndimage.gaussian_filter1d(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), 1).round(4)
    array([1.427 , 2.0678, 3.    , 3.9322, 4.573 ])
    """
    input = np.asarray(input)
    output = _args.result(output, input, input.dtype.kind == "c")
    weights = kernel(sigma, order, _radius(sigma, truncate, radius))
    step = _args.axis(axis, input.ndim), _run.CORRELATE, _args.border(mode), len(weights) // 2
    return _run.passes(input, output, ((*step, weights),), cval)


@filled
def gaussian_filter(
    input: ArrayLike,
    sigma: Any,
    order: Any = 0,
    output: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
    axes: Any = None,
) -> Array:
    """Filter with a Gaussian, as `scipy.ndimage.gaussian_filter`.

    Parameters
    ----------
    $input
    sigma : scalar or sequence of scalars
        The Gaussian's standard deviation in elements, for every axis or for each. An axis with 0
        is left as it is.
    order : int or sequence of int, default 0
        0 filters with the Gaussian itself, a positive order with its derivative of that order;
        for every axis or for each.
    $output
    $modes
    $cval
    truncate : float, default 4.0
        How many standard deviations the window reaches to each side.
    radius : int or sequence of int, optional
        How many elements it reaches to each side, for every axis or for each; then `truncate` has
        no effect.
    $axes

    $returns

    $raises

    See Also
    --------
    gaussian_filter1d : Along one axis.

    Notes
    -----
    One axis is filtered after another, and what lies between has the result's dtype: with an
    integer dtype, and with several derivatives, precision is lost. Ask for a float `output` then.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import ndimage
    >>> image = np.outer([1, 5, 9, 5], [10, 0, 10, 20])
    >>> ndimage.gaussian_filter(image, sigma=1)
    array([[ 18,  17,  27,  41],
           [ 33,  30,  49,  75],
           [ 44,  41,  66, 100],
           [ 43,  40,  64,  97]])
    """
    input = np.asarray(input)
    given = sigma, order, mode, truncate, radius, axes
    made = _run.usual_passes(input, output, cval, _usual_steps, *given)
    if made is not None:
        return made
    output = _args.result(output, input)
    steps = _steps(input.ndim, *given)
    if not steps:
        output[...] = input
        return output
    return _run.passes(input, output, steps, cval)


@functools.lru_cache(_run.KEPT, typed=True)
def _usual_steps(ndim: int, char: str, *given: Any) -> tuple[_run.Pass, ...] | None:
    """Read the passes of a Gaussian filter of ordinary arrays, if its weights are worth keeping."""
    sigma, _, _, truncate, radius, _ = given
    try:
        kept = _radius(sigma, truncate, radius) <= _KEPT_RADIUS
    except (TypeError, ValueError, OverflowError):
        return None  # it is left to be refused, or not
    return tuple(_steps(ndim, *given)) if kept else None


def _steps(
    ndim: int, sigma: Any, order: Any, mode: Any, truncate: Any, radius: Any, axes: Any
) -> list[_run.Pass]:
    """Read the passes of a Gaussian filter."""
    axes = _args.axes(axes, ndim)
    count = len(axes)
    given = zip(
        axes,
        _args.per_axis(sigma, count),
        _args.per_axis(order, count),
        _args.per_axis(mode, count),
        _args.per_axis(radius, count),
        strict=True,
    )
    steps = []
    for axis, deviation, degree, border, reach in given:
        if deviation > _NO_FILTER:
            weights = kernel(deviation, degree, _radius(deviation, truncate, reach))
            step = axis, _run.CORRELATE, _args.border(border), len(weights) // 2, weights
            steps.append(step)
    return steps


def _radius(sigma: Any, truncate: Any, radius: Any) -> int:
    """Read how far a Gaussian's window reaches."""
    found: Any = int(truncate * float(sigma) + 0.5)
    if radius is not None:
        found = radius
    if not isinstance(found, numbers.Integral) or found < 0:
        raise ValueError(
            f"Radius must be a nonnegative integer. It is {found!r}: radius={radius!r}, "
            f"truncate={truncate!r}, sigma={sigma!r}"
        )
    return int(found)


def gaussian_reach(
    sigma: Any, ndim: int, axis: int, truncate: Any = 4.0, radius: Any = None
) -> int:
    """Tell how far the windows of `gaussian_filter` reach along one of all axes."""
    deviation = _args.per_axis(sigma, ndim)[axis]
    if deviation > _NO_FILTER:
        return _radius(deviation, truncate, _args.per_axis(radius, ndim)[axis])
    return 0


def kernel(sigma: Any, order: Any, radius: int) -> Array:
    """Give a Gaussian's weights, or those of its derivative, for a correlation."""
    if radius <= _KEPT_RADIUS and sigma.__hash__ and order.__hash__:
        return _kept_kernel(sigma, order, radius)
    return _kernel(sigma, order, radius)


def _kernel(sigma: Any, order: Any, radius: int) -> Array:
    """Compute the weights from the definition, with SciPy's roundings.

    The derivative of order n of g(x) = exp(-x**2 / (2 sigma**2)) is g(x) times a polynomial, whose
    coefficients follow from (p g)' = (p' - x p / sigma**2) g.
    """
    if order < 0:
        raise ValueError(f"order must be non-negative, not {order!r}")
    variance = sigma * sigma
    x = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 / variance * x**2)
    weights = weights / weights.sum()
    if order > 0:
        powers = np.arange(order + 1)
        derive = np.diag(powers[1:], 1) + np.diag(np.ones(order) / -variance, -1)
        coefficients = (powers == 0).astype(np.float64)
        for _ in range(order):
            coefficients = derive.dot(coefficients)
        weights = (x[:, np.newaxis] ** powers).dot(coefficients) * weights
    weights = np.ascontiguousarray(weights[::-1])
    weights.flags.writeable = False
    return weights


_kept_kernel = functools.lru_cache(maxsize=256, typed=True)(_kernel)
