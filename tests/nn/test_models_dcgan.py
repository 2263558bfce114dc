"""DCGAN's two networks: equal to torch."""

import numpy as np
import pytest
from helpers.layers_nn import draw
from helpers.networks_nn import assert_network_equals, check_elements, parameter_count, randomise

from fastconv import nn

torch = pytest.importorskip("torch")
F = torch.nn.functional


def norm(p, name, x, training):
    if training:
        p[f"{name}.num_batches_tracked"] += 1
    mean, var = p[f"{name}.running_mean"], p[f"{name}.running_var"]
    return F.batch_norm(x, mean, var, p[f"{name}.weight"], p[f"{name}.bias"], training)


def torch_generator(training):
    def run(p, x):
        x = F.relu(norm(p, "1", F.conv_transpose2d(x, p["0.weight"]), training))
        for i in (3, 6, 9, 12):
            weight, bias = p[f"{i}.weight"], p.get(f"{i}.bias")
            x = F.conv_transpose2d(x, weight, bias, stride=2, padding=2, output_padding=1)
            x = torch.tanh(x) if i == 12 else F.relu(norm(p, str(i + 1), x, training))
        return x

    return run


def torch_discriminator(training):
    def run(p, x):
        x = F.leaky_relu(F.conv2d(x, p["0.weight"], p["0.bias"], stride=2, padding=2), 0.2)
        for i in (2, 5, 8):
            x = F.conv2d(x, p[f"{i}.weight"], stride=2, padding=2)
            x = F.leaky_relu(norm(p, str(i + 1), x, training), 0.2)
        return torch.sigmoid(F.conv2d(x, p["11.weight"], p["11.bias"])).flatten(1)

    return run


TOLERANCE = {"float64": 1e-8, "float32": 5e-3}


@pytest.mark.parametrize("training", [True, False])
def test_generator_equals_torch(training):
    net = randomise(nn.models.dcgan_generator(10, 3, width=3))
    x = draw((4, 10, 1, 1))
    assert_network_equals(net, torch_generator(training), x, training=training, tolerance=TOLERANCE)


@pytest.mark.parametrize("training", [True, False])
def test_discriminator_equals_torch(training):
    net = randomise(nn.models.dcgan_discriminator(3, width=3))
    x = draw((4, 3, 64, 64))
    assert_network_equals(
        net, torch_discriminator(training), x, training=training, tolerance=TOLERANCE
    )


def test_gradients_are_those_of_differences():
    check_elements(randomise(nn.models.dcgan_generator(3, 1, width=3), 4), draw((2, 3, 1, 1)))
    check_elements(randomise(nn.models.dcgan_discriminator(1, width=1)), draw((2, 1, 64, 64)))


def test_both_have_the_papers_sizes_and_initial_weights():
    nn.manual_seed(0)
    generator, discriminator = nn.models.dcgan_generator(), nn.models.dcgan_discriminator()
    weights = 100 * 1024 * 16 + 25 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    norms = 2 * (1024 + 512 + 256 + 128)
    assert parameter_count(generator) == weights + norms + 3
    weights = 25 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512) + 16 * 512
    assert parameter_count(discriminator) == weights + 64 + 2 * (128 + 256 + 512) + 1
    images = generator(draw((2, 100, 1, 1)))
    assert images.shape == (2, 3, 64, 64)
    assert discriminator(images).shape == (2, 1)
    for net in (generator, discriminator):
        assert abs(net[3 if net is generator else 2].weight.data.std() - 0.02) < 1e-3


def test_the_gradient_goes_from_the_discriminator_into_the_generator():
    generator, discriminator = (
        nn.models.dcgan_generator(width=2),
        nn.models.dcgan_discriminator(width=2),
    )
    probability = discriminator(generator(draw((2, 100, 1, 1))))
    gx = generator.backward(discriminator.backward(np.ones_like(probability)))
    assert gx.shape == (2, 100, 1, 1)
    assert gx.any()
