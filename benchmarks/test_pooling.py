"""Maximum and average pooling, forward and backward."""

from functools import cache, partial

import pytest
from shapes import (
    Pooling,
    assert_close,
    channels_first,
    channels_last,
    double,
    poolings,
    with_libraries,
)

import fastconv as fc
from fastconv.cli import references

FORWARD = ("fastconv", "fastconv-nhwc", "numpy", "scipy")
BACKWARD = ("fastconv", "fastconv-nhwc", "numpy")


@cache
def expected(shape: Pooling, kind: str):
    """Compute the result in float64."""
    pool = references.numpy_max_pool if kind == "max" else references.numpy_avg_pool
    return pool(*double(shape.arrays[0]), *shape.arguments)


@cache
def expected_gradient(shape: Pooling, kind: str):
    """Compute the gradient in float64."""
    return numpy_gradient(kind, *double(*shape.arrays), shape.arguments)()


def function(shape: Pooling, library: str, kind: str):
    """Give the function to time."""
    x, _ = shape.arrays
    ours = fc.max_pool2d if kind == "max" else fc.avg_pool2d
    if library == "fastconv":
        return partial(ours, x, *shape.arguments)
    if library == "fastconv-nhwc":
        return partial(ours, channels_last(x), *shape.arguments, layout="NHWC")
    if library == "numpy":
        numpy = references.numpy_max_pool if kind == "max" else references.numpy_avg_pool
        return partial(numpy, x, *shape.arguments)
    return partial(references.scipy_pool, x, *shape.arguments, kind)


def numpy_gradient(kind: str, x, gy, arguments):
    """Give NumPy's function for the gradient."""
    if kind == "max":
        return partial(references.numpy_max_pool_grad, x, gy, *arguments)
    return partial(references.numpy_avg_pool_grad, x.shape, gy, *arguments)


def gradient_function(shape: Pooling, library: str, kind: str):
    """Give the function to time, for the gradient; the maxima's indices are known."""
    x, gy = shape.arrays
    if library == "numpy":
        return numpy_gradient(kind, x, gy, shape.arguments)
    layout = "NHWC" if library == "fastconv-nhwc" else "NCHW"
    if layout == "NHWC":
        x, gy = channels_last(x), channels_last(gy)
    if kind == "max":
        _, indices = fc.max_pool2d(x, *shape.arguments, return_indices=True, layout=layout)
        return partial(fc.grad.max_pool2d, gy, indices, x.shape, layout=layout)
    return partial(fc.grad.avg_pool2d, gy, x.shape, *shape.arguments, layout=layout)


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize(("shape", "library"), with_libraries(poolings(), FORWARD))
def test_pooling(benchmark, shape, library, kind):
    benchmark.group = f"{kind} pooling {shape.name}"
    result = benchmark(function(shape, library, kind))
    assert_close(channels_first(result) if "nhwc" in library else result, expected(shape, kind))


@pytest.mark.parametrize("kind", ["max", "avg"])
@pytest.mark.parametrize(("shape", "library"), with_libraries(poolings(), BACKWARD))
def test_gradient(benchmark, shape, library, kind):
    benchmark.group = f"{kind} pooling gradient {shape.name}"
    result = benchmark(gradient_function(shape, library, kind))
    result = channels_first(result) if "nhwc" in library else result
    assert_close(result, expected_gradient(shape, kind))
