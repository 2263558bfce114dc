"""Means of neighbouring samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fastconv.signal._args import Array, check_mode, part_of
from fastconv.signal._convolve import convolve


def moving_average(x: ArrayLike, window: int, mode: str = "same") -> Array:
    """Average each `window` neighbours of a signal, zeros being outside of it.

    Equal to ``np.convolve(x, np.ones(window) / window, mode)``.

    Parameters
    ----------
    x : array_like
        Of one dimension.
    window : int
        How many samples each mean is of; at least 1.
    mode : {"same", "valid", "full"}, default "same"
        "same" is as long as the longer of signal and window, "valid" leaves out the means that
        reach beyond the ends, "full" is all that meet the signal.

    Returns
    -------
    array
        Of float64, unless `x` is of a larger or complex type.

    Raises
    ------
    ValueError
        If the signal is empty or has another number of dimensions, the window is below 1, or the
        mode is unknown.
    TypeError
        If the window is no integer.

    See Also
    --------
    convolve : Any other weights.

    Examples
    --------
    >>> from fastconv import signal
    >>> signal.moving_average([3, 6, 9, 6, 3], 3)
    array([3., 6., 7., 6., 3.])
    >>> signal.moving_average([3, 6, 9, 6, 3], 3, mode="valid")
    array([6., 7., 6.])
    """
    if isinstance(window, bool) or not isinstance(window, (int, np.integer)):
        raise TypeError(f"moving_average: window is {window!r}; it must be an int, at least 1")
    if window < 1:
        raise ValueError(f"moving_average: window is {window}; it must be at least 1")
    check_mode(mode)
    signal = np.asarray(x)
    if signal.ndim == 0:
        signal = signal.reshape(1)
    if signal.ndim != 1 or signal.size == 0:
        raise ValueError(
            f"moving_average: x has shape {signal.shape}; it must have one dimension and not be "
            "empty"
        )
    size, dtype = int(window), np.result_type(signal, np.float64)
    if size < _LEAST or dtype.kind not in "fc":
        weights = np.full(size, 1.0 / size)
        swap = size > signal.size
        first, second = (weights, signal) if swap else (signal, weights)
        return convolve(first, second, mode, "direct")
    lengths = (max(size, signal.size),), (min(size, signal.size),)
    return _means(signal.astype(dtype, copy=False), size, part_of(mode, *lengths)[0])


# Samples from which on a mean is made of two sums, which then is faster than to add them all up: of
# 10,000 samples from 200 on, of 2**20 from 330 (float64, AMD Zen 5, November 2026).
_LEAST = 256


def _means(x: Array, window: int, part: slice) -> Array:
    """Give a part of the means, each from the sums of what it shares with two blocks.

    A line of blocks as long as the window begins where the first mean does. Nothing that a mean is
    not of has a share in it, not even in its rounding.
    """
    first, count = part.start - (window - 1), part.stop - part.start
    begin, end = max(first, 0), min(part.stop, x.size)
    blocks = np.zeros((-(-(count + window - 1) // window), window), x.dtype)
    line, ends = blocks.reshape(-1), np.empty_like(blocks)
    line[begin - first : end - first] = x[begin:end]
    with np.errstate(over="ignore", invalid="ignore"):
        line *= 1.0 / window
        np.cumsum(blocks[:, ::-1], axis=1, out=ends[:, ::-1])
        np.cumsum(blocks, axis=1, out=blocks)
        blocks[:, -1] = 0  # a whole block is in the sum of its end
        return ends.reshape(-1)[:count] + line[window - 1 : window - 1 + count]
