"""Adaptive pooling: as many windows as asked for, of sizes that differ by at most one."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ._args import (
    Array,
    Indices,
    Shape,
    as_float64,
    channels_first,
    one_per_dimension,
    per_axis,
)

OutputSize: TypeAlias = int | Sequence[int | None]


def adaptive_output(output_size: OutputSize, extent: Shape) -> Shape:
    """Return the output's sizes; ``None`` keeps the input's."""
    n = len(extent)
    if isinstance(output_size, tuple | list) and len(output_size) == n:
        kept = (e if o is None else o for o, e in zip(output_size, extent, strict=True))
        return per_axis("output_size", tuple(kept), n, 1)
    return per_axis("output_size", output_size, n, 1)  # type: ignore[arg-type]


def adaptive_windows(
    extent: Shape, output: Shape
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Yield each output's index and its window's: floor(o e / n) up to ceil((o + 1) e / n)."""
    for position in np.ndindex(*output):
        window = (
            slice(o * e // n, -((o + 1) * e // -n))
            for o, e, n in zip(position, extent, output, strict=True)
        )
        yield (..., *position), (..., *window)


def adaptive_avg_pool_nd(
    n: int, input: ArrayLike, output_size: OutputSize, *, layout: str | None = None
) -> Array:
    """The twin of ``fastconv.adaptive_avg_pool{n}d``: the mean of each window.

    Window o of n along an axis of e elements is ``[floor(o e / n), ceil((o + 1) e / n))``.

    Parameters
    ----------
    input : array_like, shape (N, C, *spatial) or (C, *spatial), or channels last
    output_size : int or tuple of {n}
        ``None`` within the tuple keeps that size.
    layout : str

    Returns
    -------
    ndarray of float64, shape (N, C, *output_size) in the input's layout

    Raises
    ------
    ValueError, TypeError
        For sizes below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> x = np.arange(5.0**{n}).reshape((1, 1) + (5,) * {n})
    >>> bool(np.isclose(reference.adaptive_avg_pool{n}d(x, 1).item(), x.mean()))
    True
    """
    x, back = channels_first("input", as_float64("input", input), n, layout)
    output = adaptive_output(output_size, x.shape[2:])
    y = np.zeros((*x.shape[:2], *output))
    spatial = tuple(range(2, n + 2))
    for position, window in adaptive_windows(x.shape[2:], output):
        y[position] = x[window].mean(axis=spatial)
    return back(y)


def adaptive_max_pool_nd(
    n: int,
    input: ArrayLike,
    output_size: OutputSize,
    return_indices: bool = False,
    *,
    layout: str | None = None,
) -> Array | tuple[Array, Indices]:
    """The twin of ``fastconv.adaptive_max_pool{n}d``: the first largest element of each window.

    Windows are those of :func:`adaptive_avg_pool{n}d`; ``NaN`` is larger than any number.

    Parameters
    ----------
    input : array_like, shape (N, C, *spatial) or (C, *spatial), or channels last
    output_size : int or tuple of {n}
        ``None`` within the tuple keeps that size.
    return_indices : bool
    layout : str

    Returns
    -------
    ndarray of float64, shape (N, C, *output_size) in the input's layout
    ndarray of int64, the same shape, with ``return_indices``
        Flat positions in the spatial plane.

    Raises
    ------
    ValueError, TypeError
        For sizes below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> x = np.arange(5.0**{n}).reshape((1, 1) + (5,) * {n})
    >>> y, where = reference.adaptive_max_pool{n}d(x, 2, return_indices=True)
    >>> bool((x.ravel()[where] == y).all())
    True
    """
    x, back = channels_first("input", as_float64("input", input), n, layout)
    output = adaptive_output(output_size, x.shape[2:])
    y = np.zeros((*x.shape[:2], *output))
    where = np.zeros(y.shape, np.int64)
    plane = np.arange(np.prod(x.shape[2:])).reshape(x.shape[2:])
    for position, window in adaptive_windows(x.shape[2:], output):
        seen = x[window].reshape(*x.shape[:2], plane[window].size)
        first = seen.argmax(axis=2)  # NumPy's rule too: the first NaN, else the first maximum
        y[position] = np.take_along_axis(seen, first[:, :, np.newaxis], axis=2)[:, :, 0]
        where[position] = plane[window].ravel()[first]
    return (back(y), back(where)) if return_indices else back(y)


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = one_per_dimension(
    adaptive_avg_pool_nd
)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = one_per_dimension(
    adaptive_max_pool_nd
)
