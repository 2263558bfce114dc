"""nn.Sequential: a ReLU behind a convolution is applied as the convolution stores its result."""

import numpy as np
import pytest
from helpers.layers_nn import DTYPES, check_gradients, draw

import fastconv as fc
from fastconv import nn


def network(dtype):
    nn.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, dtype=dtype),
        nn.ReLU(),
        nn.Conv2d(16, 17, 3, padding=1, padding_mode="reflect", dtype=dtype),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(17, 8, 5, stride=2, groups=1, bias=False, dtype=dtype),
        nn.ReLU(),
        nn.ReLU(),
        nn.Conv2d(8, 4, 1, dtype=dtype),
    )


def step(net, x):
    """Everything that a training step computes."""
    net.zero_grad()
    y = net(x)
    gx = net.backward(draw(y.shape, x.dtype, 1))
    return [y, gx, *(p.grad for p in net.parameters())]


def watch(net):
    for module in net:
        module.register_forward_hook(lambda module, x, y: None)
    return net


@pytest.fixture
def fused(monkeypatch):
    """The convolutions that applied a ReLU."""
    called = []
    plain = nn.Conv2d.forward_relu

    def forward_relu(self, x):
        called.append(self)
        return plain(self, x)

    monkeypatch.setattr(nn.Conv2d, "forward_relu", forward_relu)
    return called


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch", [1, 5])
def test_a_training_step_is_the_same_bit_for_bit(dtype, batch, fused):
    x = draw((batch, 3, 19, 23), dtype)
    x[:, :, 3] = 0
    for threads in (1, 3):
        with fc.num_threads(threads):
            ours, separate = step(network(dtype), x), step(watch(network(dtype)), x)
        for a, b in zip(ours, separate, strict=True):
            assert a.tobytes() == b.tobytes()
    assert len(fused) == 6


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_passes_as_through_separate_layers(value, fused):
    x = draw((1, 3, 19, 23))
    x[0, 1, 4, 5] = value
    for a, b in zip(step(network(None), x), step(watch(network(None)), x), strict=True):
        np.testing.assert_array_equal(a, b)
    assert len(fused) == 3


def test_gradients_pass_the_check(fused):
    nn.manual_seed(1)
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 2))
    check_gradients(net, draw((2, 2, 5, 5)))
    assert fused


def test_hooks_and_subclasses_see_each_layer(fused):
    class Doubled(nn.ReLU):
        def forward(self, x):
            return 2 * super().forward(x)

        def backward(self, gy):
            return 2 * super().backward(gy)

    convolution, x = nn.Conv2d(3, 4, 3), draw((1, 3, 5, 5))
    expected = np.maximum(convolution(x), 0)
    np.testing.assert_array_equal(nn.Sequential(convolution, Doubled())(x), 2 * expected)
    net, seen = nn.Sequential(convolution, nn.ReLU()), []
    remove = net[0].register_forward_hook(lambda module, x, y: seen.append(y))
    net(x)
    assert seen[0].min() < 0
    assert not fused
    remove()
    np.testing.assert_array_equal(net(x), expected)
    assert fused == [convolution]


def test_nothing_is_remembered_within_no_grad(fused):
    net, x = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), draw((1, 3, 5, 5))
    y = net(x)
    with nn.no_grad():
        np.testing.assert_array_equal(net(x), y)
    assert len(fused) == 2
    for layer in net:
        with pytest.raises(RuntimeError, match="no forward pass"):
            layer.backward(y)


def test_layers_may_be_exchanged_and_used_twice():
    relu = nn.ReLU()
    net = nn.Sequential(nn.Conv2d(3, 3, 1), relu, relu, nn.Conv2d(3, 3, 1), relu)
    x = draw((1, 3, 4, 4))
    expected = np.maximum(net[3](np.maximum(net[0](x), 0)), 0)
    np.testing.assert_array_equal(net(x), expected)
    net[1] = nn.Identity()
    net[2] = nn.Identity()
    np.testing.assert_array_equal(net(x), np.maximum(net[3](net[0](x)), 0))
