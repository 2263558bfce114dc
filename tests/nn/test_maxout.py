"""nn.Maxout."""

import numpy as np
import pytest
from helpers.layers_nn import DTYPES, check_gradients, draw

from fastconv import nn


@pytest.mark.parametrize("shape", [(3, 6), (2, 6, 5), (2, 6, 3, 4), (1, 6, 2, 3, 2), (0, 6, 4)])
@pytest.mark.parametrize("pool_size", [1, 2, 3, 6])
@pytest.mark.parametrize("dtype", DTYPES)
def test_is_the_maximum_of_neighbouring_channels(shape, pool_size, dtype):
    x = draw(shape, dtype)
    layer = nn.Maxout(pool_size)
    groups = x.reshape(shape[0], shape[1] // pool_size, pool_size, *shape[2:])
    y = layer(x)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y, groups.max(2))
    gy = draw(y.shape, dtype, 1)
    expected = np.where(groups == y[:, :, None], gy[:, :, None], 0).reshape(shape)
    np.testing.assert_array_equal(layer.backward(gy), expected)


@pytest.mark.parametrize("axis", [-3, 0, 1])
def test_gradients_pass_the_check_along_any_axis(axis):
    check_gradients(nn.Maxout(2, axis), draw((4, 6, 3)))


def test_an_axis_from_the_end_serves_inputs_without_a_batch():
    x = draw((2, 6, 4, 5))
    layer = nn.Maxout(3, axis=-3)
    np.testing.assert_array_equal(layer(x)[1], layer(x[1]))


def test_nan_wins():
    x = np.array([[1.0, np.nan, 2.0, 3.0]])
    np.testing.assert_array_equal(nn.Maxout(2)(x), [[np.nan, 3.0]])


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="Maxout: pool_size is 0"):
        nn.Maxout(0)
    with pytest.raises(ValueError, match="Maxout: pool_size is 4; it must divide the 6 channels"):
        nn.Maxout(4)(draw((2, 6)))
    with pytest.raises(ValueError, match="Maxout: axis is 2; it must be an axis of the input"):
        nn.Maxout(2, 2)(draw((2, 6)))
