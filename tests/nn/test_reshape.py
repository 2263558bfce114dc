"""nn.Flatten, ..."""

import numpy as np
import pytest
from helpers.layers_nn import assert_equals_torch, check_gradients

from fastconv import nn


@pytest.mark.parametrize("arguments", [(), (0,), (1, 2), (-2, -1), (2, 2), (0, -1)])
def test_flatten_equals_torch(arguments):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    assert_equals_torch(nn.Flatten(*arguments), torch.nn.Flatten(*arguments), x)


def test_flatten_keeps_an_empty_batch():
    assert nn.Flatten()(np.ones((0, 3, 4))).shape == (0, 12)


def test_flattens_gradient_passes_the_check():
    check_gradients(nn.Flatten(), np.random.default_rng(0).standard_normal((2, 3, 4)))


def test_flatten_refuses_axes_that_are_not_there():
    with pytest.raises(ValueError, match="Flatten: end_dim is 3; it must be from -3 to 2"):
        nn.Flatten(1, 3)(np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match="Flatten: start_dim 2 is behind end_dim 1"):
        nn.Flatten(2, 1)(np.ones((2, 3, 4)))
