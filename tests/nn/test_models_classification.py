"""AlexNet and VGG-16: equal to torch, and as large as published."""

import numpy as np
import pytest
from helpers.layers_nn import draw
from helpers.networks_nn import (
    assert_network_equals,
    check_directions,
    check_elements,
    dropout,
    parameter_count,
    randomise,
)

from fastconv import nn

torch = pytest.importorskip("torch")
F = torch.nn.functional


def conv(p, name, x, **arguments):
    return F.conv2d(x, p[f"{name}.weight"], p.get(f"{name}.bias"), **arguments)


def linear(p, name, x):
    return F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])


def torch_alexnet(p, x):
    def normalised(x):
        """The paper's formula, from its sum over neighbouring channels."""
        squares = torch.stack(
            [F.pad(x * x, (0, 0, 0, 0, 2, 2))[:, i : i + x.shape[1]] for i in range(5)]
        ).sum(0)
        return x / (2 + 1e-4 * squares) ** 0.75

    x = normalised(F.relu(conv(p, "features.0", x, stride=4, padding=2)))
    x = F.max_pool2d(x, 3, 2)
    x = normalised(F.relu(conv(p, "features.4", x, padding=2, groups=2)))
    x = F.max_pool2d(x, 3, 2)
    x = F.relu(conv(p, "features.8", x, padding=1))
    x = F.relu(conv(p, "features.10", x, padding=1, groups=2))
    x = F.relu(conv(p, "features.12", x, padding=1, groups=2))
    x = F.max_pool2d(x, 3, 2).flatten(1)
    x = F.relu(linear(p, "classifier.1", dropout(p, "classifier.0", x)))
    x = F.relu(linear(p, "classifier.4", dropout(p, "classifier.3", x)))
    return linear(p, "classifier.6", x)


def torch_vgg16(p, x):
    for number in (0, 2, "M", 5, 7, "M", 10, 12, 14, "M", 17, 19, 21, "M", 24, 26, 28, "M"):
        if number == "M":
            x = F.max_pool2d(x, 2)
        else:
            x = F.relu(conv(p, f"features.{number}", x, padding=1))
    x = F.adaptive_avg_pool2d(x, 7).flatten(1)
    x = dropout(p, "classifier.2", F.relu(linear(p, "classifier.0", x)))
    x = dropout(p, "classifier.5", F.relu(linear(p, "classifier.3", x)))
    return linear(p, "classifier.6", x)


@pytest.mark.parametrize("training", [True, False])
def test_alexnet_equals_torch(training):
    net = randomise(nn.models.alexnet(2, 5, width=12, hidden=16), 1.4)
    assert_network_equals(net, torch_alexnet, draw((2, 2, 224, 224)), training=training)


@pytest.mark.parametrize("training", [True, False])
def test_vgg16_equals_torch(training):
    net = randomise(nn.models.vgg16(3, 5, width=4, hidden=32), 1.4)
    assert_network_equals(net, torch_vgg16, draw((2, 3, 64, 64)), training=training)
    assert_network_equals(net, torch_vgg16, draw((1, 3, 224, 224)), training=training)


def test_vgg16_gradients_are_those_of_differences():
    check_elements(randomise(nn.models.vgg16(1, 3, width=1, hidden=8), 1.4), draw((1, 1, 32, 32)))


def test_alexnet_gradients_are_those_of_differences():
    net = randomise(nn.models.alexnet(1, 3, width=12, hidden=8), 1.4)
    check_directions(net, draw((1, 1, 224, 224)))


PUBLISHED = {
    "alexnet": 60_965_224,
    "vgg16": 138_357_544,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_many_as_published(name):
    assert parameter_count(getattr(nn.models, name)()) == PUBLISHED[name]


def test_names_are_torchvisions():
    vgg = [f"features.{i}" for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)]
    vgg += [f"classifier.{i}" for i in (0, 3, 6)]
    assert list(nn.models.vgg16(width=2, hidden=4).state_dict()) == [
        f"{name}.{kind}" for name in vgg for kind in ("weight", "bias")
    ]


def test_initial_weights_keep_the_size_of_what_passes():
    """He's rule: a deep network neither silences nor amplifies its input."""
    nn.manual_seed(0)
    y = nn.models.vgg16(width=16, hidden=64)[0](draw((1, 3, 96, 96)))
    assert 0.01 < y.std() < 100


def test_one_seed_gives_one_network():
    def weights():
        nn.manual_seed(3)
        return nn.models.vgg16(width=4, hidden=8).state_dict()

    first, second = weights(), weights()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_width_that_cannot_be_divided_is_refused():
    with pytest.raises(ValueError, match="alexnet: width: 10; a positive multiple of 12"):
        nn.models.alexnet(width=10)
