"""nn.LocalResponseNorm."""

import numpy as np
import pytest
from helpers.layers_nn import DTYPES, assert_equals_torch, check_gradients, draw

from fastconv import nn


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 9])
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_torch(size, dtype):
    torch = pytest.importorskip("torch")
    for shape in ((2, 6, 5), (2, 7, 4, 5), (1, 6, 3, 4, 2)):
        for arguments in ((size,), (size, 0.5, 0.6, 2.0)):
            ours = nn.LocalResponseNorm(*arguments)
            theirs = torch.nn.LocalResponseNorm(*arguments)
            assert repr(ours) == repr(theirs)
            assert_equals_torch(ours, theirs, draw(shape, dtype), modes=(True,))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_gradients_pass_the_check(size):
    check_gradients(nn.LocalResponseNorm(size, 0.7, 0.75, 1.5), draw((2, 5, 3, 2)))


def test_an_empty_batch_stays_empty():
    layer = nn.LocalResponseNorm(3)
    y = layer(draw((0, 4, 3, 3)))
    assert y.shape == (0, 4, 3, 3)
    assert layer.backward(y).shape == y.shape


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="LocalResponseNorm: size is 0"):
        nn.LocalResponseNorm(0)
    with pytest.raises(TypeError, match="LocalResponseNorm: alpha is None"):
        nn.LocalResponseNorm(3, alpha=None)
    with pytest.raises(ValueError, match=r"LocalResponseNorm: x has shape \(2, 3\)"):
        nn.LocalResponseNorm(3)(np.ones((2, 3)))
