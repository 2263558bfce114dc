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


@pytest.mark.parametrize("dtype", DTYPES)
def test_backward_parameters_gives_the_gradients_of_backward(dtype):
    net, x = network(dtype), draw((2, 3, 20, 20), dtype)
    expected = step(net, x)[2:]
    net.zero_grad()
    assert net.backward_parameters(draw(net(x).shape, dtype, 1)) is None
    for parameter, gradient in zip(net.parameters(), expected, strict=True):
        np.testing.assert_array_equal(parameter.grad, gradient, strict=True)


def test_a_transposed_convolution_does_not_compute_what_nobody_asks_for(monkeypatch):
    asked, gradients = [], nn.ConvTranspose1d._gradients
    monkeypatch.setattr(
        nn.ConvTranspose1d,
        "_gradients",
        staticmethod(lambda *a, **k: (asked.append(k["output_mask"]), gradients(*a, **k))[1]),
    )
    net = nn.Sequential(nn.ConvTranspose1d(1, 2, 3), nn.ConvTranspose1d(2, 1, 3))
    net.backward_parameters(np.ones_like(net(draw((1, 1, 9), np.float32))))
    assert asked == [(True, True, True), (False, True, True)]


def test_backward_parameters_does_not_compute_what_nobody_asks_for(monkeypatch):
    asked, gradients = [], nn.Conv2d._gradients
    monkeypatch.setattr(
        nn.Conv2d,
        "_gradients",
        staticmethod(lambda *a, **k: (asked.append(k["output_mask"]), gradients(*a, **k))[1]),
    )
    net = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3), nn.Conv2d(2, 1, 3))
    net[1].weight.requires_grad = net[1].bias.requires_grad = False
    monkeypatch.setattr(nn.AvgPool2d, "backward", None)
    y = net(draw((1, 1, 20, 20), np.float32))
    net.backward_parameters(np.ones_like(y))
    assert asked == [(True, True, True), (False, True, True)]
    assert net[1].weight.grad is None
    for parameter in net.parameters():
        parameter.requires_grad = False
    net.backward_parameters(np.ones_like(y))
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(4, 2), (3, 4)),
        (nn.Conv1d(4, 2, 3, padding=1, padding_mode="reflect"), (2, 4, 9)),
        (nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect"), (2, 4, 9, 9)),
        (nn.ConvTranspose2d(4, 2, 3, stride=2), (2, 4, 9, 9)),
    ],
)
def test_backward_parameters_of_a_layer_alone(layer, shape):
    y = layer(draw(shape, np.float32))
    layer.backward(np.ones_like(y))
    expected = [parameter.grad for parameter in layer.parameters()]
    layer.zero_grad()
    assert layer.backward_parameters(np.ones_like(y)) is None
    for parameter, gradient in zip(layer.parameters(), expected, strict=True):
        np.testing.assert_array_equal(parameter.grad, gradient, strict=True)


@pytest.mark.parametrize("base", [nn.Linear, nn.Sequential])
def test_backward_parameters_calls_a_subclass_s_own_backward(base):
    class Own(base):
        calls = 0

        def backward(self, gy):
            self.calls += 1
            return super().backward(gy)

    net = Own(2, 2) if base is nn.Linear else Own(nn.Linear(2, 2))
    net.backward_parameters(net(np.ones((1, 2), np.float32)))
    assert net.calls == 1
