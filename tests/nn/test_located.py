"""An error of a layer within a model says which layer it is, by its path in the model."""

import pickle

import numpy as np
import pytest
from helpers.layers_nn import draw

from fastconv import nn


def says(model, x):
    """What the model says of an input that it does not take."""
    with pytest.raises((ValueError, TypeError)) as caught:
        model(x)
    return str(caught.value)


def deep(layer):
    return nn.Sequential(nn.Identity(), nn.Residual(nn.Sequential(nn.ReLU(), layer)))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(3, 4, 3), (1, 2, 5, 5)),
        (nn.Conv1d(3, 4, 3), (1, 2, 5)),
        (nn.Linear(3, 4), (2, 5)),
        (nn.BatchNorm2d(3), (1, 2, 5, 5)),
        (nn.MaxPool2d(7), (1, 2, 5, 5)),
        (nn.ConvTranspose2d(3, 4, 3), (1, 2, 5, 5)),
    ],
)
def test_the_layer_s_path_and_kind_are_in_front_of_what_it_says_by_itself(layer, shape):
    kind, alone = type(layer).__name__, says(layer, draw(shape))
    assert not alone.startswith("layer ")
    assert says(nn.Sequential(nn.ReLU(), layer), draw(shape)) == f"layer '1' ({kind}): {alone}"
    assert says(deep(layer), draw(shape)) == f"layer '1.body.1' ({kind}): {alone}"
    assert says(nn.Concat(layer), draw(shape)) == f"layer '0' ({kind}): {alone}"


def test_a_convolution_that_applies_its_relu_is_named_too():
    layer, x = nn.Conv2d(3, 4, 3), draw((1, 2, 5, 5))
    net = nn.Sequential(nn.Sequential(layer, nn.ReLU()))
    assert says(net, x) == f"layer '0.0' (Conv2d): {says(layer, x)}"


def test_in_the_networks_of_the_package_and_in_one_s_own():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential(nn.Conv2d(3, 4, 3))
            self.loose = [nn.Conv2d(7, 4, 3)]

        def forward(self, x):
            return self.stem[0](x) if x.ndim == 4 else self.loose[0](x)

    found = says(nn.models.resnet18(), np.zeros((1, 4, 64, 64), np.float32))
    assert found.startswith("layer 'conv1' (Conv2d): conv2d: ")
    net = nn.Sequential(Own())
    assert says(net, draw((1, 2, 5, 5))).startswith("layer '0.stem.0' (Conv2d): conv2d: ")
    # What the module does not know of has no path: the last layer that has one is named.
    assert says(net, draw((2, 5, 5))).startswith("layer '0' (Own): conv2d: ")


def test_a_layer_in_several_places_has_all_its_names():
    shared = nn.Conv2d(3, 4, 1)
    net = nn.Sequential(nn.Identity(), shared, nn.Tanh(), shared)
    assert says(net, draw((1, 3, 5, 5))).startswith("layer '1 or 3' (Conv2d): conv2d: ")


def test_the_same_layer_may_fail_again_and_in_another_model():
    layer, x = nn.Linear(3, 4), draw((2, 5))
    for model, path in ((nn.Sequential(layer), "0"), (deep(layer), "1.body.1")):
        for _ in range(2):
            assert says(model, x).startswith(f"layer '{path}' (Linear): ")


def test_the_error_of_a_hook_names_the_layer_that_it_is_of():
    def refuse(module, x, y):
        raise ValueError("the hook's")

    net = nn.Sequential(nn.Sequential(nn.ReLU(), nn.Tanh()))
    net[0][1].register_forward_hook(refuse)
    assert says(net, draw((2, 3))) == "layer '0.1' (Tanh): the hook's"


class Raising(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def forward(self, x):
        raise self.error


def test_errors_stay_what_they_are():
    class Refused(ValueError):
        pass

    error = Refused("no")
    for _ in range(2):
        with pytest.raises(Refused, match=r"^layer '0' \(Raising\): no$") as caught:
            nn.Sequential(Raising(error))(0)
        assert caught.value is error
        # It can be sent to another process, and does not take the model along.
        assert len(pickle.dumps(ValueError(*error.args))) < 200
        assert len(pickle.dumps(error.__dict__)) < 200
    for other in (KeyError("a"), OSError(2, "gone"), ValueError(), ValueError(3), SystemExit("s")):
        text = str(other)
        with pytest.raises(type(other)) as caught:
            nn.Sequential(Raising(other))(0)
        assert caught.value is other
        assert str(other) == text


def test_a_loss_by_itself_says_what_it_said():
    with pytest.raises(ValueError, match=r"^MSELoss: "):
        nn.MSELoss()(np.zeros(3), np.zeros(4))
