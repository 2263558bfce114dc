"""What a call costs where there is next to nothing to compute: one 8 x 8 image, a short signal."""

from functools import partial

import numpy as np
import pytest
from scipy import ndimage, signal
from shapes import assert_close

import fastconv as fc
from fastconv.cli import references

RNG = np.random.default_rng(0)
IMAGE = RNG.standard_normal((1, 1, 8, 8), dtype=np.float32)
KERNEL = RNG.standard_normal((1, 1, 3, 3), dtype=np.float32)
GRADIENT = RNG.standard_normal((1, 1, 6, 6), dtype=np.float32)
SIGNAL = RNG.standard_normal((1, 1, 64), dtype=np.float32)
TAPS = RNG.standard_normal((1, 1, 5), dtype=np.float32)
PLAIN = {"stride": 1, "padding": 0, "groups": 1}

IMAGE_PLAN = fc.plan_conv2d(IMAGE.shape, KERNEL)
CONV2D = {
    "fastconv": partial(fc.conv2d, IMAGE, KERNEL),
    "fastconv-out": partial(fc.conv2d, IMAGE, KERNEL, out=np.empty_like(GRADIENT)),
    "fastconv-plan": partial(IMAGE_PLAN, IMAGE),
    "fastconv-plan-out": partial(IMAGE_PLAN, IMAGE, out=np.empty_like(GRADIENT)),
    "numpy": partial(references.numpy_conv, IMAGE, KERNEL, **PLAIN),
    "scipy": lambda: signal.correlate2d(IMAGE[0, 0], KERNEL[0, 0], "valid")[None, None],
}
CONV1D = {
    "fastconv": partial(fc.conv1d, SIGNAL, TAPS),
    "fastconv-plan": partial(fc.plan_conv1d(SIGNAL.shape, TAPS), SIGNAL),
    "numpy": lambda: np.correlate(SIGNAL[0, 0], TAPS[0, 0], "valid")[None, None],
    "scipy": lambda: signal.correlate(SIGNAL[0, 0], TAPS[0, 0], "valid")[None, None],
}
INPUT_GRADIENT = {
    "fastconv": partial(fc.grad.conv2d_input, IMAGE.shape, KERNEL, GRADIENT),
    "numpy": partial(references.numpy_conv_input, IMAGE.shape, KERNEL, GRADIENT, **PLAIN),
    "scipy": lambda: signal.convolve2d(GRADIENT[0, 0], KERNEL[0, 0], "full")[None, None],
}
WEIGHT_GRADIENT = {
    "fastconv": partial(fc.grad.conv2d_weight, IMAGE, KERNEL.shape, GRADIENT),
    "numpy": partial(references.numpy_conv_weight, IMAGE, KERNEL.shape, GRADIENT, **PLAIN),
    "scipy": lambda: signal.correlate2d(IMAGE[0, 0], GRADIENT[0, 0], "valid")[None, None],
}
MAX_POOL = {
    "fastconv": partial(fc.max_pool2d, IMAGE, 2),
    "numpy": partial(references.numpy_max_pool, IMAGE, 2, 2, 0),
    "scipy": lambda: ndimage.maximum_filter(IMAGE, (1, 1, 2, 2))[:, :, 1::2, 1::2],
}
OPERATORS = {
    "conv2d 8x8": CONV2D,
    "conv1d 64": CONV1D,
    "input gradient 8x8": INPUT_GRADIENT,
    "weight gradient 8x8": WEIGHT_GRADIENT,
    "max_pool2d 8x8": MAX_POOL,
}


@pytest.mark.parametrize(
    ("operator", "library"),
    [(operator, library) for operator, functions in OPERATORS.items() for library in functions],
)
def test_call(benchmark, operator, library):
    benchmark.group = f"overhead {operator}"
    functions = OPERATORS[operator]
    assert_close(benchmark(functions[library]), functions["numpy"]().astype(np.float64))
