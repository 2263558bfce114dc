"""LeNet-1, LeNet-5 and the neocognitron's stack: equal to torch, and as large as published."""

import numpy as np
import pytest
from helpers.layers_nn import draw
from helpers.networks_nn import assert_network_equals, check_elements, parameter_count, randomise

from fastconv import nn

torch = pytest.importorskip("torch")
F = torch.nn.functional

# The tables as the papers print them: a row for each input channel, a column for each output.
H3 = """X X X . X X . . . . . .
        . X X X X X . . . . . .
        . . . . . . X X X . X X
        . . . . . . . X X X X X"""
C3 = """X . . . X X X . . X X X X . X X
        X X . . . X X X . . X X X X . X
        X X X . . . X X X . . X . X X X
        . X X X . . X X X X . . X . X X
        . . X X X . . X X X X . X X . X
        . . . X X X . . X X X X . X X X"""


def squash(x):
    return 1.7159 * torch.tanh(x * 2 / 3)


def subsample(p, name, x):
    mean = F.avg_pool2d(x, 2)
    return mean * p[f"{name}.weight"][:, None, None] + p[f"{name}.bias"][:, None, None]


def table_conv(p, name, x, table):
    """Output channel by output channel, over the inputs that the paper's table marks."""
    rows = [line.split() for line in table.splitlines()]
    weight, bias = p[f"{name}.weight"], p[f"{name}.bias"]
    outputs, connection = [], 0
    for column in range(len(rows[0])):
        y = bias[column]
        for row in range(len(rows)):
            if rows[row][column] == "X":
                kernel = weight[connection][None, None]
                y = y + F.conv2d(x[:, row : row + 1], kernel)
                connection += 1
        outputs.append(y)
    assert connection == len(weight)
    return torch.cat(outputs, 1)


def conv(p, name, x, **arguments):
    return F.conv2d(x, p[f"{name}.weight"], p[f"{name}.bias"], **arguments)


def linear(p, name, x):
    return F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])


def torch_lenet1(p, x):
    x = squash(conv(p, "0", x))
    x = squash(subsample(p, "2", x))
    x = squash(table_conv(p, "4", x, H3))
    x = squash(subsample(p, "6", x))
    return linear(p, "9", x.flatten(1))


def torch_lenet5(p, x):
    x = F.max_pool2d(F.relu(conv(p, "0", x, padding=2)), 2)
    x = F.max_pool2d(F.relu(conv(p, "3", x)), 2)
    x = F.relu(linear(p, "7", x.flatten(1)))
    return linear(p, "11", F.relu(linear(p, "9", x)))


def torch_lenet5_1998(p, x):
    x = squash(conv(p, "0", x))
    x = squash(subsample(p, "2", x))
    x = squash(table_conv(p, "4", x, C3))
    x = squash(subsample(p, "6", x))
    x = squash(conv(p, "8", x)).flatten(1)
    return linear(p, "13", squash(linear(p, "11", x)))


def torch_neocognitron(p, x):
    x = F.avg_pool2d(F.relu(conv(p, "0", x, padding=2)), 7, 1)
    x = F.avg_pool2d(F.relu(conv(p, "3", x, padding=1)), 5, 1, 1)
    return F.avg_pool2d(F.relu(conv(p, "6", x)), 2).flatten(1)


NETWORKS = {
    "lenet1": (nn.models.lenet1, torch_lenet1, 28),
    "lenet5": (nn.models.lenet5, torch_lenet5, 28),
    "lenet5_1998": (nn.models.lenet5_1998, torch_lenet5_1998, 32),
    "neocognitron": (nn.models.neocognitron, torch_neocognitron, 16),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("channels", [1, 3])
def test_equals_torch(name, channels):
    build, function, size = NETWORKS[name]
    net = randomise(build(channels, 7))
    assert_network_equals(net, function, draw((3, channels, size, size)))


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_differences(name):
    build, _, size = NETWORKS[name]
    nn.manual_seed(0)
    check_elements(build(), draw((2, 1, size, size)))


def test_parameters_are_as_many_as_published():
    assert parameter_count(nn.models.lenet1()) == 2578
    assert parameter_count(nn.models.lenet5_1998()[:-1]) == 60_000
    assert parameter_count(nn.models.lenet5()) == 61_706


def test_layers_have_the_sizes_of_the_papers():
    def sizes(net, size):
        shapes = []
        x = np.zeros((1, 1, size, size), np.float32)
        for layer in net:
            x = layer(x)
            if x.ndim == 4 and (not shapes or x.shape[1:] != shapes[-1]):
                shapes.append(x.shape[1:])
        return shapes

    assert sizes(nn.models.lenet1(), 28) == [(4, 24, 24), (4, 12, 12), (12, 8, 8), (12, 4, 4)]
    assert sizes(nn.models.lenet5_1998(), 32) == [
        *((6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1))
    ]
    assert sizes(nn.models.neocognitron(classes=24), 16) == [
        *((24, 16, 16), (24, 10, 10), (24, 8, 8), (24, 6, 6), (24, 2, 2), (24, 1, 1))
    ]


def test_the_lenets_learn():
    """A few steps on a few images bring the loss down."""
    rng = np.random.default_rng(0)
    labels = np.arange(10)
    for build, size in (
        (nn.models.lenet1, 28),
        (nn.models.lenet5, 28),
        (nn.models.lenet5_1998, 32),
    ):
        nn.manual_seed(0)
        net, x = build(), rng.standard_normal((10, 1, size, size)).astype(np.float32)
        optimiser = nn.SGD(net.parameters(), lr=0.05, momentum=0.9)
        losses = []
        for _ in range(40):
            y = net(x)
            p = np.exp(y - y.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            losses.append(-np.log(p[labels, labels]).mean())
            p[labels, labels] -= 1
            optimiser.zero_grad()
            net.backward(p / 10)
            optimiser.step()
        assert losses[-1] < 0.2 * losses[0], build.__name__


def test_a_table_of_channels_that_are_not_there_is_refused():
    for table in ([[0, 3]], [[-1]], []):
        with pytest.raises(ValueError, match="TableConv2d: table"):
            nn.models.TableConv2d(3, table, 5)


def test_frozen_parameters_get_no_gradient():
    net = nn.models.lenet1().requires_grad_(False)
    net[0].weight.requires_grad = True
    net.backward(np.ones_like(net(draw((2, 1, 28, 28)))))
    assert [p.grad is not None for p in net.parameters()] == [True] + [False] * 9


def test_one_image_without_the_batch_axis_is_taken_by_the_old_layers():
    for layer in (nn.models.Subsampling(3), nn.models.TableConv2d(3, [[0], [1, 2]], 3)):
        x = draw((3, 8, 8))
        y = layer(x)
        np.testing.assert_array_equal(y, layer(x[None])[0])
        layer(x)
        assert layer.backward(y).shape == x.shape
