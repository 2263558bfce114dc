"""Max, average and power-average pooling, and the inverse of max pooling."""

import math
import operator
from math import prod

import numpy as np
from numpy.typing import ArrayLike

from ._args import (
    Array,
    Indices,
    Ints,
    Shape,
    as_float64,
    as_indices,
    channels_first,
    channels_first_shape,
    expect_shape,
    one_per_dimension,
    per_axis,
)
from ._windows import Windows


def pool_windows(
    extent: Shape,
    kernel_size: Ints,
    stride: Ints | None,
    padding: Ints,
    dilation: Ints,
    ceil_mode: bool,
) -> Windows:
    """Check a pooling and return its windows.

    In ceil mode a last, partial window counts if it starts inside the plane or its left padding.
    """
    n = len(extent)
    kernel = per_axis("kernel_size", kernel_size, n, 1)
    strides = kernel if stride is None else per_axis("stride", stride, n, 1)
    before, dilations = per_axis("padding", padding, n, 0), per_axis("dilation", dilation, n, 1)
    if any(p > k // 2 for p, k in zip(before, kernel, strict=True)):
        raise ValueError(f"padding={padding!r}: expected at most half of the kernel {kernel}")
    output = []
    for e, k, s, p, d in zip(extent, kernel, strides, before, dilations, strict=True):
        room = e + 2 * p - d * (k - 1) - 1
        size = (-(-room // s) if ceil_mode else room // s) + 1
        if ceil_mode and (size - 1) * s >= e + p:
            size -= 1
        if any(not any(0 <= o * s - p + t * d < e for t in range(k)) for o in range(size)):
            raise ValueError(f"a window of kernel {kernel}, dilation {dilations} holds no element")
        output.append(size)
    if min(output) < 1:
        raise ValueError(f"a kernel {kernel} (dilation {dilations}) exceeds {extent} with {before}")
    return Windows(extent, kernel, strides, dilations, before, tuple(output))


def divisors(windows: Windows, count_include_pad: bool, divisor_override: int | None) -> Array:
    """Return what each window's sum is divided by, shape ``windows.output``."""
    if divisor_override is not None:
        if operator.index(divisor_override) == 0:
            raise ValueError("divisor_override=0: expected another int, or None")
        return np.full(windows.output, float(divisor_override))
    counted = windows.padded(np.ones(windows.extent))
    if count_include_pad:  # the padding asked for, not what ceil mode adds after it
        ends = [e + 2 * p for e, p in zip(windows.extent, windows.before, strict=True)]
        counted[tuple(slice(0, end) for end in ends)] = 1
    return sum_windows(counted, windows)


def sum_windows(padded: Array, windows: Windows) -> Array:
    """Return the sum over each window of a buffer."""
    total = np.zeros(padded.shape[: padded.ndim - len(windows.extent)] + windows.output)
    for _, met in windows.taps():
        total += padded[met]
    return total


def max_pool_nd(
    n: int,
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    dilation: Ints = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
    *,
    layout: str | None = None,
) -> Array | tuple[Array, Indices]:
    """The twin of ``fastconv.max_pool{n}d``: the first largest element of each window.

    ``NaN`` is larger than any number, and the first of several counts.

    Parameters
    ----------
    input : array_like, shape (N, C, *spatial) or (C, *spatial), or channels last
    kernel_size, stride, padding, dilation : int or tuple of {n}
        ``stride=None`` is the kernel's size; padding is at most half of the kernel.
    ceil_mode, return_indices : bool
    layout : str

    Returns
    -------
    ndarray of float64, shape (N, C, *output) in the input's layout
        ``output = (size + 2 padding - dilation (kernel - 1) - 1) // stride + 1``, or rounded up in
        ceil mode, where the last window must start inside the input or the padding before it.
    ndarray of int64, the same shape, with ``return_indices``
        Flat positions in the unpadded spatial plane.

    Raises
    ------
    ValueError, TypeError
        For arguments out of range, and a window that holds no element.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> x = np.arange(4.0**{n}).reshape((1, 1) + (4,) * {n})
    >>> y, where = reference.max_pool{n}d(x, 2, return_indices=True)
    >>> bool(y.max() == where.max() == 4**{n} - 1)
    True
    """
    x, back = channels_first("input", as_float64("input", input), n, layout)
    windows = pool_windows(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    positions = windows.padded(np.arange(prod(windows.extent)).reshape(windows.extent), -1)
    padded = windows.padded(x)
    best = np.zeros(x.shape[:2] + windows.output)
    where = np.full(best.shape, -1)
    for _, met in windows.taps():
        value, position = padded[met], positions[met]
        larger = (value > best) | (np.isnan(value) & ~np.isnan(best))
        better = (position >= 0) & ((where < 0) | larger)
        best, where = np.where(better, value, best), np.where(better, position, where)
    return (back(best), back(where)) if return_indices else back(best)


def avg_pool_nd(
    n: int,
    input: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    *,
    layout: str | None = None,
) -> Array:
    """The twin of ``fastconv.avg_pool{n}d``: the sum of each window over the number counted.

    Parameters
    ----------
    input : array_like, shape (N, C, *spatial) or (C, *spatial), or channels last
    kernel_size, stride, padding : int or tuple of {n}
        ``stride=None`` is the kernel's size; padding is at most half of the kernel.
    ceil_mode, count_include_pad : bool
        What ceil mode adds after the padding is never counted.
    divisor_override : int, optional
        Divide by this instead.
    layout : str

    Returns
    -------
    ndarray of float64, shape (N, C, *output) in the input's layout
        ``output`` as for :func:`max_pool{n}d`.

    Raises
    ------
    ValueError, TypeError
        For arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> x = np.ones((1, 1) + (4,) * {n})
    >>> bool((reference.avg_pool{n}d(x, 2) == 1).all())
    True
    """
    x, back = channels_first("input", as_float64("input", input), n, layout)
    windows = pool_windows(x.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    divisor = divisors(windows, count_include_pad, divisor_override)
    return back(sum_windows(windows.padded(x), windows) / divisor)


def check_norm(norm_type: float) -> float:
    """Return the norm, refused unless finite and positive."""
    if not (math.isfinite(norm_type) and norm_type > 0):
        raise ValueError(f"norm_type={norm_type!r}: expected a finite number over 0")
    return float(norm_type)


def lp_scale(windows: Windows) -> Array:
    """Return what torch multiplies each sum by: 1, or more for a partial window in ceil mode."""
    return prod(windows.kernel) / sum_windows(windows.padded(np.ones(windows.extent)), windows)


def lp_pool_nd(
    n: int,
    input: ArrayLike,
    norm_type: float,
    kernel_size: Ints,
    stride: Ints | None = None,
    ceil_mode: bool = False,
    *,
    layout: str | None = None,
) -> Array:
    """The twin of ``fastconv.lp_pool{n}d``: ``(sum of x**p over each window)**(1 / p)``.

    Signs are torch's, which takes no absolute value: an odd p lets negative elements subtract, and
    a root of a negative number is ``NaN``. Torch computes average times kernel size, so that the
    sum of a partial window (ceil mode) is scaled by the elements that it lacks.

    Parameters
    ----------
    input : array_like, shape (N, C, *spatial) or (C, *spatial), or channels last
    norm_type : float
        p, finite and positive.
    kernel_size, stride : int or tuple of {n}
    ceil_mode : bool
    layout : str

    Returns
    -------
    ndarray of float64, shape (N, C, *output) in the input's layout
        ``output`` as for :func:`max_pool{n}d`, without padding.

    Raises
    ------
    ValueError, TypeError
        For arguments out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> x = np.full((1, 1) + (4,) * {n}, 3.0)
    >>> bool(np.allclose(reference.lp_pool{n}d(x, 2, 2), 3 * 2 ** ({n} / 2)))
    True
    """
    x, back = channels_first("input", as_float64("input", input), n, layout)
    windows = pool_windows(x.shape[2:], kernel_size, stride, 0, 1, ceil_mode)
    p = check_norm(norm_type)
    total = sum_windows(windows.padded(x**p), windows)
    return back((total * lp_scale(windows)) ** (1 / p))


def spatial_part(output_size: Ints, n: int, layout: str | None) -> Shape:
    """Return the spatial sizes of an ``output_size``, which may be a whole shape as in torch."""
    if isinstance(output_size, tuple | list) and len(output_size) in (n + 1, n + 2):
        return channels_first_shape("output_size", output_size, n, layout)[0][2:]
    return per_axis("output_size", output_size, n, 1)


def max_unpool_nd(
    n: int,
    input: ArrayLike,
    indices: ArrayLike,
    kernel_size: Ints,
    stride: Ints | None = None,
    padding: Ints = 0,
    output_size: Ints | None = None,
    *,
    layout: str | None = None,
) -> Array:
    """The twin of ``fastconv.max_unpool{n}d``: every element back where max pooling found it.

    Of several elements for one place the last in row-major order stays.

    Parameters
    ----------
    input, indices : array_like, shape (N, C, *spatial) or (C, *spatial), or channels last
    kernel_size, stride, padding : int or tuple of {n}
    output_size : tuple of int, optional
        {n} sizes, or a whole shape of n + 2 or n + 1 in the array's own axis order; less than one
        stride away from the default.
    layout : str

    Returns
    -------
    ndarray of float64, shape (N, C, *output) in the input's layout
        ``output = (size - 1) stride - 2 padding + kernel`` unless ``output_size`` is given.

    Raises
    ------
    ValueError, TypeError
        For arguments out of range, and indices outside of the output.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import reference
    >>> x = np.arange(4.0**{n}).reshape((1, 1) + (4,) * {n})
    >>> y, where = reference.max_pool{n}d(x, 2, return_indices=True)
    >>> bool(reference.max_unpool{n}d(y, where, 2).sum() == y.sum())
    True
    """
    x, back = channels_first("input", as_float64("input", input), n, layout)
    kernel = per_axis("kernel_size", kernel_size, n, 1)
    strides = kernel if stride is None else per_axis("stride", stride, n, 1)
    pads = per_axis("padding", padding, n, 0)
    default = tuple(
        (i - 1) * s - 2 * p + k
        for i, s, p, k in zip(x.shape[2:], strides, pads, kernel, strict=True)
    )
    output = default
    if output_size is not None:
        output = spatial_part(output_size, n, layout)
        if any(abs(o - e) >= s for o, e, s in zip(output, default, strides, strict=True)):
            raise ValueError(
                f"output_size={output_size!r}: expected less than a stride off {default}"
            )
    if min(output) < 1:
        raise ValueError(f"padding={padding!r} leaves an output of size {output}")
    given = as_indices("indices", indices, prod(output))
    where, _ = channels_first("indices", given, n, layout)
    expect_shape("indices", where, x.shape)
    flat = np.zeros((*x.shape[:2], prod(output)))
    places = where.reshape(*x.shape[:2], prod(x.shape[2:]))
    np.put_along_axis(flat, places, x.reshape(places.shape), axis=2)
    return back(flat.reshape(*x.shape[:2], *output))


max_pool1d, max_pool2d, max_pool3d = one_per_dimension(max_pool_nd)
avg_pool1d, avg_pool2d, avg_pool3d = one_per_dimension(avg_pool_nd)
lp_pool1d, lp_pool2d, lp_pool3d = one_per_dimension(lp_pool_nd)
max_unpool1d, max_unpool2d, max_unpool3d = one_per_dimension(max_unpool_nd)
