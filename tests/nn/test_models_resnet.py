"""The ResNets: equal to torch, named as torchvision's, as large as published."""

import pytest
from helpers.layers_nn import check_gradients, draw
from helpers.networks_nn import assert_network_equals, check_directions, parameter_count, randomise

from fastconv import nn

torch = pytest.importorskip("torch")
F = torch.nn.functional


def conv(p, name, x, **arguments):
    return F.conv2d(x, p[f"{name}.weight"], p.get(f"{name}.bias"), **arguments)


def linear(p, name, x):
    return F.linear(x, p[f"{name}.weight"], p[f"{name}.bias"])


def torch_resnet(depths, bottleneck, training):
    def norm(p, name, x):
        if training:
            p[f"{name}.num_batches_tracked"] += 1
        mean, var = p[f"{name}.running_mean"], p[f"{name}.running_var"]
        weight, bias = p[f"{name}.weight"], p[f"{name}.bias"]
        return F.batch_norm(x, mean, var, weight, bias, training)

    def block(p, name, x, stride):
        def step(i, y, **arguments):
            return norm(p, f"{name}.bn{i}", conv(p, f"{name}.conv{i}", y, **arguments))

        if bottleneck:
            y = F.relu(step(1, x))
            y = F.relu(step(2, y, stride=stride, padding=1))
            y = step(3, y)
        else:
            y = F.relu(step(1, x, stride=stride, padding=1))
            y = step(2, y, padding=1)
        if f"{name}.downsample.0.weight" in p:
            x = conv(p, f"{name}.downsample.0", x, stride=stride)
            x = norm(p, f"{name}.downsample.1", x)
        return F.relu(x + y)

    def run(p, x):
        x = F.relu(norm(p, "bn1", conv(p, "conv1", x, stride=2, padding=3)))
        x = F.max_pool2d(x, 3, 2, 1)
        for number, depth in enumerate(depths):
            for i in range(depth):
                x = block(p, f"layer{number + 1}.{i}", x, 2 if number and not i else 1)
        return linear(p, "fc", x.mean((2, 3)))

    return run


def tamed(net):
    """Blocks that change their input a little, as trained ones do.

    Otherwise 152 layers of random weights amplify rounding without bounds.
    """
    for module in net.modules():
        if isinstance(module, (nn.models.BasicBlock, nn.models.Bottleneck)):
            module.body()[-1].weight.data *= 0.1
    return net


RESNETS = {
    "resnet18": (nn.models.resnet18, (2, 2, 2, 2), False),
    "resnet50": (nn.models.resnet50, (3, 4, 6, 3), True),
    "resnet152": (nn.models.resnet152, (3, 8, 36, 3), True),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", RESNETS)
def test_resnet_equals_torch(name, training):
    build, depths, bottleneck = RESNETS[name]
    net = tamed(randomise(build(3, 5, width=4), 1.4))
    assert_network_equals(
        net,
        torch_resnet(depths, bottleneck, training),
        draw((4, 3, 64, 48)),
        training=training,
        tolerance={"float32": 2e-3},
    )


@pytest.mark.parametrize("block", [nn.models.BasicBlock, nn.models.Bottleneck])
@pytest.mark.parametrize("stride", [1, 2])
def test_block_gradients_are_those_of_differences(block, stride):
    check_gradients(block(4, 3, stride), draw((2, 4, 6, 6)))
    check_gradients(block(3 * block.expansion, 3), draw((2, 3 * block.expansion, 5, 5)))


@pytest.mark.parametrize(
    ("build", "directions"),
    [(nn.models.resnet18, 3), (nn.models.resnet50, 3), (nn.models.resnet152, 1)],
)
@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_those_of_differences(build, directions, training):
    net = tamed(randomise(build(1, 3, width=2)))
    check_directions(net, draw((2, 1, 33, 33)), (training,), directions)


@pytest.mark.parametrize(
    ("name", "count"),
    [("resnet18", 11_689_512), ("resnet50", 25_557_032), ("resnet152", 60_192_808)],
)
def test_parameters_are_as_many_as_published(name, count):
    assert parameter_count(getattr(nn.models, name)()) == count


def test_names_are_torchvisions():
    def norm(name):
        ends = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        return [f"{name}.{end}" for end in ends]

    def resnet(depths, convolutions, first):
        names = ["conv1.weight", *norm("bn1")]
        for number, depth in enumerate(depths):
            for i in range(depth):
                block = f"layer{number + 1}.{i}"
                for k in range(1, convolutions + 1):
                    names += [f"{block}.conv{k}.weight", *norm(f"{block}.bn{k}")]
                if not i and (number or first):
                    names += [f"{block}.downsample.0.weight", *norm(f"{block}.downsample.1")]
        return [*names, "fc.weight", "fc.bias"]

    assert list(nn.models.resnet18(width=2).state_dict()) == resnet((2, 2, 2, 2), 2, False)
    assert list(nn.models.resnet50(width=2).state_dict()) == resnet((3, 4, 6, 3), 3, True)


def test_initial_weights_keep_the_size_of_what_passes():
    nn.manual_seed(0)
    y = nn.models.resnet18(width=16).eval()[:-3](draw((1, 3, 96, 96)))
    assert 0.01 < y.std() < 100
