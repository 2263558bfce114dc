"""Gradients of convolutions with respect to the input and to the weights."""

from functools import cache, partial

import pytest
from shapes import (
    Convolution,
    assert_close,
    channels_first,
    channels_last,
    double,
    gradients,
    with_libraries,
)

import fastconv as fc
from fastconv.cli import references

LIBRARIES = ("fastconv", "fastconv-nhwc", "numpy", "scipy")


@cache
def expected_input(shape: Convolution):
    """Compute the gradient with respect to the input in float64."""
    x, w, gy = shape.arrays
    return references.numpy_conv_input(x.shape, *double(w, gy), **shape.arguments)


@cache
def expected_weight(shape: Convolution):
    """Compute the gradient with respect to the weights in float64."""
    x, w, gy = shape.arrays
    exact_x, exact_gy = double(x, gy)
    return references.numpy_conv_weight(exact_x, w.shape, exact_gy, **shape.arguments)


def input_function(shape: Convolution, library: str):
    """Give the function to time, for the gradient with respect to the input."""
    x, w, gy = shape.arrays
    arguments = shape.arguments
    if library == "fastconv":
        return partial(fc.grad.conv2d_input, x.shape, w, gy, **arguments)
    if library == "fastconv-nhwc":
        size = channels_last(x).shape
        return partial(fc.grad.conv2d_input, size, w, channels_last(gy), layout="NHWC", **arguments)
    if library == "numpy":
        return partial(references.numpy_conv_input, x.shape, w, gy, **arguments)
    return partial(references.scipy_conv_input, x.shape, w, gy, **arguments, count=shape.channels)


def weight_function(shape: Convolution, library: str):
    """Give the function to time, for the gradient with respect to the weights."""
    x, w, gy = shape.arrays
    arguments = shape.arguments
    if library == "fastconv":
        return partial(fc.grad.conv2d_weight, x, w.shape, gy, **arguments)
    if library == "fastconv-nhwc":
        last = channels_last(x), w.shape, channels_last(gy)
        return partial(fc.grad.conv2d_weight, *last, layout="NHWC", **arguments)
    if library == "numpy":
        return partial(references.numpy_conv_weight, x, w.shape, gy, **arguments)
    return partial(
        references.scipy_conv_weight, x, w.shape, gy, **arguments, count=shape.out_channels
    )


@pytest.mark.parametrize(("shape", "library"), with_libraries(gradients(), LIBRARIES))
def test_input_gradient(benchmark, shape, library):
    benchmark.group = f"input gradient {shape.name}"
    result = benchmark(input_function(shape, library))
    assert_close(channels_first(result) if "nhwc" in library else result, expected_input(shape))


@pytest.mark.parametrize(("shape", "library"), with_libraries(gradients(), LIBRARIES))
def test_weight_gradient(benchmark, shape, library):
    benchmark.group = f"weight gradient {shape.name}"
    assert_close(benchmark(weight_function(shape, library)), expected_weight(shape))
