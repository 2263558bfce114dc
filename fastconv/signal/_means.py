"""Means of neighbouring samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fastconv.signal._args import Array, check_mode
from fastconv.signal._convolve import convolve_arrays


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
    weights = np.full(int(window), 1.0) / window
    if weights.size > signal.size:
        return convolve_arrays(weights, signal, mode, "auto")
    return convolve_arrays(signal, weights, mode, "auto")
