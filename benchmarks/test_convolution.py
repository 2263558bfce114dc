"""Forward convolutions: the function, a plan, channels last; NumPy and SciPy beside them."""

from functools import cache, partial

import pytest
from shapes import (
    Convolution,
    assert_close,
    channels_first,
    channels_last,
    convolutions,
    double,
    with_libraries,
)

import fastconv as fc
from fastconv.cli import references

LIBRARIES = ("fastconv", "fastconv-plan", "fastconv-nhwc", "fastconv-nhwc-plan", "numpy", "scipy")


@cache
def expected(shape: Convolution):
    """Compute the result in float64."""
    x, w, _ = shape.arrays
    return references.numpy_conv(*double(x, w), **shape.arguments)


def function(shape: Convolution, library: str):
    """Give the function to time."""
    x, w, _ = shape.arrays
    last = channels_last(x)
    arguments = shape.arguments
    if library == "fastconv":
        return partial(fc.conv2d, x, w, **arguments)
    if library == "fastconv-plan":
        return partial(fc.plan_conv2d(x.shape, w, **arguments), x)
    if library == "fastconv-nhwc":
        return partial(fc.conv2d, last, w, layout="NHWC", **arguments)
    if library == "fastconv-nhwc-plan":
        return partial(fc.plan_conv2d(last.shape, w, layout="NHWC", **arguments), last)
    if library == "numpy":
        return partial(references.numpy_conv, x, w, **arguments)
    return partial(references.scipy_conv, x, w, **arguments, count=shape.out_channels)


@pytest.mark.parametrize(("shape", "library"), with_libraries(convolutions(), LIBRARIES))
def test_forward(benchmark, shape, library):
    benchmark.group = f"convolution {shape.name}"
    result = benchmark(function(shape, library))
    assert_close(channels_first(result) if "nhwc" in library else result, expected(shape))
