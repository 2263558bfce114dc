"""nn.Sequential, nn.Residual, nn.Concat and nn.Identity."""

import weakref

import numpy as np
import pytest
from helpers.layers_nn import assert_equals_torch, check_gradients, draw

from fastconv import nn


def test_gradients_pass_the_check():
    body = nn.Sequential(nn.Conv2d(2, 2, 3, padding=1), nn.Tanh())
    x = draw((2, 2, 4, 3))
    check_gradients(nn.Identity(), x)
    check_gradients(nn.Residual(body), x)
    check_gradients(nn.Residual(body, nn.Conv2d(2, 2, 1)), x)
    check_gradients(nn.Concat(nn.Identity(), body, nn.Conv2d(2, 3, 1)), x)
    check_gradients(nn.Concat(nn.Tanh(), nn.Sigmoid(), axis=-1), x)
    check_gradients(nn.Sequential(), x)


def test_a_layer_in_several_places_goes_back_through_each_of_its_passes():
    conv, tanh, norm = nn.Conv2d(2, 2, 3, padding=1), nn.Tanh(), nn.BatchNorm2d(2)
    inner = nn.Sequential(conv, tanh, norm)
    x = draw((2, 2, 4, 3))
    check_gradients(nn.Sequential(conv, tanh, conv, tanh), x)
    check_gradients(nn.Sequential(inner, nn.Sequential(tanh, inner)), x)
    check_gradients(nn.Residual(inner, inner), x)
    check_gradients(nn.Concat(inner, tanh, nn.Residual(inner)), x)


def test_a_shared_layer_equals_torchs():
    torch = pytest.importorskip("torch")
    conv, relu = nn.Conv2d(2, 2, 3, padding=1, dtype="float64"), nn.ReLU()
    theirs, other = torch.nn.Conv2d(2, 2, 3, padding=1), torch.nn.ReLU()
    ours = nn.Sequential(conv, relu, nn.Sequential(conv, relu), conv)
    expected = torch.nn.Sequential(theirs, other, torch.nn.Sequential(theirs, other), theirs)
    assert_equals_torch(ours, expected, draw((2, 2, 5, 5), "float64"))


def test_a_tied_parameter_gets_the_gradients_of_both_layers():
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    net = nn.Sequential(first, nn.Tanh(), second)
    assert len(net.parameters()) == 3
    check_gradients(net, draw((4, 3)))


def test_the_same_pass_may_be_gone_back_through_again():
    tanh = nn.Tanh()
    net = nn.Sequential(tanh, tanh)
    y = net(draw((3, 2)))
    np.testing.assert_array_equal(net.backward(y), net.backward(y))
    net.forget()
    with pytest.raises(RuntimeError, match="Sequential: backward: there is no forward pass"):
        net.backward(y)


def test_arrays_of_the_last_pass_do_not_outlive_the_layers_next_one():
    class Watched(nn.Identity):
        last = staticmethod(lambda: None)

        def forward(self, x):
            self.forget()
            assert self.last() is None
            y = x + 1
            self.remember(y)
            self.last = weakref.ref(y)
            return y

    def watched():
        return nn.Sequential(Watched(), nn.ReLU())

    net = nn.Sequential(nn.Residual(watched()), nn.Concat(watched()), watched())
    for _ in range(3):
        net(draw((3, 2)))


def test_slices_keep_their_names_and_append_finds_a_free_one():
    net = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())[1:]
    net.append(nn.SiLU())
    assert [type(layer).__name__ for layer in net] == ["Tanh", "Sigmoid", "SiLU"]
    with pytest.raises(IndexError, match="Sequential: index: 3; it has 3 layers"):
        net[3]
    with pytest.raises(TypeError, match="Sequential: index is '1'"):
        net["1"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Sequential(nn.ReLU(), 3), "Sequential: layers: int; a Module"),
        (lambda: nn.Sequential().append(None), "Sequential: layer: NoneType; a Module"),
        (lambda: nn.Residual("body"), "Residual: body: str; a Module is allowed"),
        (lambda: nn.Residual(nn.ReLU(), 2), "Residual: shortcut: int; a Module is allowed"),
        (lambda: nn.Concat(nn.ReLU(), nn.ReLU), "Concat: branches: type; a Module is allowed"),
        (lambda: nn.Concat(nn.ReLU(), axis="1"), "Concat: axis is '1'"),
    ],
)
def test_what_is_no_module_is_refused(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_shapes_that_do_not_fit_are_named():
    x = draw((2, 4))
    with pytest.raises(ValueError, match=r"Residual: the body gives shape \(2, 3\), the shortcut"):
        nn.Residual(nn.Linear(4, 3))(x)
    with pytest.raises(
        ValueError, match=r"Concat: the branches give shapes \(2, 4\), \(2, 3\); .*0"
    ):
        nn.Concat(nn.ReLU(), nn.Linear(4, 3), axis=0)(x)
    with pytest.raises(ValueError, match=r"Concat: the branches give shapes \(2, 4\), \(2, 2, 2\)"):
        nn.Concat(nn.ReLU(), nn.Unflatten(1, (2, 2)))(x)
    with pytest.raises(ValueError, match="Concat: axis is 2; it must be one of an output of shape"):
        nn.Concat(nn.ReLU(), axis=2)(x)
    for layer in (nn.Residual(nn.ReLU()), nn.Concat(nn.ReLU())):
        name = type(layer).__name__
        layer(x)
        with pytest.raises(
            ValueError, match=rf"{name}.backward: gy has shape \(1, 4\); .*\(2, 4\)"
        ):
            layer.backward(x[:1])
        with pytest.raises(TypeError, match=rf"{name}.backward: gy has dtype float64; .*float32"):
            layer.backward(x.astype(float))
