"""Pooling to a given size, and of the whole plane."""

import numpy as np
import pytest
from helpers.layers_nn import DTYPES, assert_equals_torch, check_gradients, draw

from fastconv import nn


@pytest.mark.parametrize("name", ["AdaptiveAvgPool", "AdaptiveMaxPool"])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_torch(name, n, dtype):
    torch = pytest.importorskip("torch")
    for size in (1, 3, 7, (5, 4, 2)[:n], (3, None, 4)[:n]):
        ours, theirs = (getattr(m, f"{name}{n}d")(size) for m in (nn, torch.nn))
        x = draw((2, 3, *(5, 7, 6)[:n]), dtype)
        assert_equals_torch(ours, theirs, x, modes=(True,))
        assert_equals_torch(ours, theirs, x[0], modes=(True,))
        assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", ["AdaptiveAvgPool", "AdaptiveMaxPool"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_pass_the_check(name, n):
    check_gradients(getattr(nn, f"{name}{n}d")(3), draw((2, 2, *(5, 4, 5)[:n])))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_global_average_is_the_mean_of_a_channel(n):
    x = draw((2, 3, *(5, 4, 6)[:n]), "float64")
    layer = getattr(nn, f"GlobalAvgPool{n}d")()
    axes = tuple(range(2, 2 + n))
    np.testing.assert_allclose(layer(x), x.mean(axes, keepdims=True), rtol=1e-12, atol=1e-14)
    check_gradients(layer, x)
    assert repr(layer) == f"GlobalAvgPool{n}d()"


@pytest.mark.parametrize("n", [1, 2, 3])
def test_maximum_gives_indices_as_torch(n):
    torch = pytest.importorskip("torch")
    x = draw((2, 3, *(5, 7, 6)[:n]))
    y, indices = getattr(nn, f"AdaptiveMaxPool{n}d")(3, return_indices=True)(x)
    theirs = getattr(torch.nn, f"AdaptiveMaxPool{n}d")(3, True)(torch.from_numpy(x))
    np.testing.assert_array_equal(y, theirs[0].numpy())
    np.testing.assert_array_equal(indices, theirs[1].numpy())


def test_within_no_grad_the_maximum_is_the_same():
    layer, x = nn.AdaptiveMaxPool2d(2), draw((1, 2, 5, 5))
    y = layer(x)
    with nn.no_grad():
        np.testing.assert_array_equal(layer(x), y)
    with pytest.raises(RuntimeError, match="AdaptiveMaxPool2d: backward: there is no forward"):
        layer.backward(y)


def test_bad_sizes_are_refused_at_construction():
    with pytest.raises(ValueError, match="AdaptiveAvgPool2d: output_size is 0; it must be an int"):
        nn.AdaptiveAvgPool2d(0)
    with pytest.raises(ValueError, match=r"AdaptiveMaxPool3d: output_size is \(2, 2\); it must be"):
        nn.AdaptiveMaxPool3d((2, 2))
    with pytest.raises(TypeError, match="AdaptiveAvgPool1d: output_size is None"):
        nn.AdaptiveAvgPool1d(None)
