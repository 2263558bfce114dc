"""Convolution and correlation of signals and images, with SciPy's signatures and results.

Change ``from scipy import signal`` to ``from fastconv import signal``. Functions, arguments,
defaults, dtypes, empty arrays, errors and warnings are those of SciPy 1.17; SciPy itself need not
be installed. Sums are computed in C: directly where the shorter array is short, by Fourier
transforms where it is long.

Examples
--------
>>> from fastconv import signal
>>> signal.convolve([1, 2, 3], [0, 1, 2])
array([0, 1, 4, 7, 6])
"""

from fastconv.signal._convolve import convolve, correlate
from fastconv.signal._frequency import fftconvolve, oaconvolve
from fastconv.signal._images import convolve2d, correlate2d
from fastconv.signal._means import moving_average
from fastconv.signal._method import choose_conv_method

__all__ = [
    "choose_conv_method",
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "fftconvolve",
    "moving_average",
    "oaconvolve",
]
