"""The faster method of a convolution: SciPy's choose_conv_method."""

from __future__ import annotations

import timeit
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from fastconv.signal._args import Array
from fastconv.signal._choice import choose
from fastconv.signal._convolve import convolve


def choose_conv_method(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", measure: bool = False
) -> str | tuple[str, dict[str, float]]:
    """Find the faster method of `convolve`, as `scipy.signal.choose_conv_method`.

    Parameters
    ----------
    in1, in2 : array_like
        What is to be convolved.
    mode : {"full", "valid", "same"}, default "full"
        As in `convolve`.
    measure : bool, default False
        Whether to run both methods and time them, rather than to predict.

    Returns
    -------
    method : {"direct", "fft"}
        Predicted for one thread, so that it does not depend on the number of threads; "direct"
        where the sums are of integers too large to be exact in float64.
    times : dict
        Where `measure` is set, the seconds that "direct" and "fft" took.

    Raises
    ------
    ValueError
        If the mode is unknown or does not fit the shapes.

    See Also
    --------
    convolve : Takes this method by default.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import signal
    >>> signal.choose_conv_method(np.ones(1000), np.ones(10))
    'direct'
    >>> signal.choose_conv_method(np.ones(100_000), np.ones(50_000))
    'fft'
    """
    x, taps = np.asarray(in1), np.asarray(in2)
    if not measure:
        return choose(x, taps, mode)
    times = {
        method: _timed(lambda method=method: convolve(x, taps, mode, method))  # type: ignore[misc]
        for method in ("fft", "direct")
    }
    return ("fft" if times["fft"] < times["direct"] else "direct"), times


_MEASURED_SECONDS = 0.005
_REPEATS = 3


def _timed(call: Callable[[], Array]) -> float:
    """Give the best of some rounds of at least 5 ms each; of one, where that takes a second."""
    timer, number = timeit.Timer(call), 1
    taken = timer.timeit(number)
    while taken < _MEASURED_SECONDS:
        number *= 10
        taken = timer.timeit(number)
    if taken < 1:
        taken = min(taken, *timer.repeat(_REPEATS, number))
    return taken / number
