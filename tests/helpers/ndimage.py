"""Calls of fastconv.ndimage's functions."""

import numpy as np

from fastconv import ndimage

NAMES = sorted(ndimage.__all__)


def fourth_order(input, axis, output, mode, cval, scale=1.0, *, module):
    weights = scale * np.array([-1, 16, -30, 16, -1]) / 12
    return module.correlate1d(input, weights, axis, output, mode, cval)


def simple(name):
    """Arguments for an array of 2 axes."""
    rng = np.random.default_rng(5)
    given = {
        "correlate": (rng.standard_normal((3, 5)),),
        "convolve": (rng.standard_normal((3, 5)),),
        "correlate1d": (rng.standard_normal(4),),
        "convolve1d": (rng.standard_normal(4),),
        "generic_laplace": (fourth_order,),
        "generic_gradient_magnitude": (fourth_order,),
        "laplace": (),
        "sobel": (),
        "prewitt": (),
    }
    return given.get(name, (1,) if name.startswith("gaussian") else (5,))
