"""A training step of every network gives the same bytes on any number of threads."""

import hashlib

import numpy as np
import pytest
from helpers.layers_nn import draw

import fastconv as fc
from fastconv import nn

M = nn.models
NETWORKS = {
    "lenet1": (M.lenet1, (64, 1, 28, 28)),
    "lenet5": (M.lenet5, (64, 1, 28, 28)),
    "lenet5_1998": (M.lenet5_1998, (64, 1, 32, 32)),
    "neocognitron": (M.neocognitron, (64, 1, 16, 16)),
    "alexnet": (lambda: M.alexnet(classes=10, width=24, hidden=64), (4, 3, 224, 224)),
    "vgg16": (lambda: M.vgg16(width=8, hidden=64), (4, 3, 64, 64)),
    "resnet18": (lambda: M.resnet18(classes=10, width=16), (4, 3, 96, 96)),
    "resnet50": (lambda: M.resnet50(classes=10, width=8), (4, 3, 96, 96)),
    "unet": (lambda: M.unet(1, 2, 8, 3, 1), (2, 1, 96, 96)),
    "fcn8s": (lambda: M.fcn8s(width=4, hidden=32), (1, 3, 64, 64)),
    "hed": (lambda: M.hed(width=8), (2, 3, 64, 80)),
    "tiny_yolo": (lambda: M.tiny_yolo(width=8), (2, 3, 192, 192)),
    "dcgan_generator": (lambda: M.dcgan_generator(width=16), (8, 100, 1, 1)),
    "dcgan_discriminator": (lambda: M.dcgan_discriminator(width=16), (8, 3, 64, 64)),
}


def digest(name, threads):
    """Of output, input gradient, parameter gradients and running statistics."""
    build, shape = NETWORKS[name]
    nn.manual_seed(0)
    net, x = build(), draw(shape)
    with fc.num_threads(threads):
        y = net(x)
        gx = net.backward(draw(y.shape, seed=1))
    arrays = [y, gx, *(p.grad for p in net.parameters()), *dict(net.named_buffers()).values()]
    result = hashlib.sha256()
    for array in arrays:
        result.update(np.asarray(array).tobytes())
    return result.hexdigest()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_gives_the_same_bytes_on_any_number_of_threads(name):
    assert len({digest(name, threads) for threads in (1, 2, 3, 7)}) == 1
