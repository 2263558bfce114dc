"""What every public layer and loss promises: gradients that are derivatives, in training and in
evaluation, with respect to the input and every parameter; any strides and byte order; and errors
that say what was wrong, before anything has changed."""

import inspect

import numpy as np
import pytest
from helpers.layers_nn import Seeded, check_gradients, draw

import fastconv as fc
from fastconv import nn
from fastconv.testing import gradcheck

SPACE = {1: (7,), 2: (5, 6), 3: (4, 5, 4)}
NAMES = [
    name
    for name in nn.__all__
    if inspect.isclass(getattr(nn, name)) and issubclass(getattr(nn, name), nn.Module)
]
BASES = {"Loss", "Module"}


class Unpool(nn.Module):
    """A `MaxUnpool` with the positions of a pooling."""

    def __init__(self, n):
        super().__init__()
        pool = getattr(fc, f"max_pool{n}d")
        self.layer = getattr(nn, f"MaxUnpool{n}d")(2)
        self.indices = pool(draw((2, 2, *(4,) * n)), 2, return_indices=True)[1]

    def forward(self, x):
        return self.layer(x, self.indices)

    def backward(self, gy):
        return self.layer.backward(gy)


def table():
    """Layers with the shapes of their inputs, by name."""
    flat, deep = (3, 4), (2, 4, 5, 6)
    cases = {
        "Concat": [(nn.Concat(nn.Tanh(), nn.Conv2d(4, 2, 1)), deep)],
        "DropConnect": [(Seeded(nn.DropConnect(nn.Linear(4, 3), 0.4)), flat)],
        "Dropout": [(Seeded(nn.Dropout(0.4)), flat)],
        "Flatten": [(nn.Flatten(), deep), (nn.Flatten(-2, -1), deep)],
        "Identity": [(nn.Identity(), flat)],
        "LeakyReLU": [(nn.LeakyReLU(0.3), flat)],
        "Linear": [(nn.Linear(4, 3), flat), (nn.Linear(6, 2, bias=False), deep)],
        "LocalResponseNorm": [(nn.LocalResponseNorm(3, 0.5), deep)],
        "LogSoftmax": [(nn.LogSoftmax(1), deep)],
        "Maxout": [(nn.Maxout(2), deep)],
        "ReLU": [(nn.ReLU(), flat)],
        "ReLU6": [(nn.ReLU6(), flat)],
        "Residual": [(nn.Residual(nn.Conv2d(4, 4, 3, padding=1)), deep)],
        "Sequential": [(nn.Sequential(nn.Conv2d(4, 2, 3), nn.ReLU(), nn.Flatten()), deep)],
        "SiLU": [(nn.SiLU(), flat)],
        "Sigmoid": [(nn.Sigmoid(), flat)],
        "Softmax": [(nn.Softmax(-1), flat)],
        "Tanh": [(nn.Tanh(), flat)],
        "Unflatten": [(nn.Unflatten(1, (2, 2)), deep)],
        "Upsample": [
            (nn.Upsample(scale_factor=2), deep),
            (nn.Upsample(9), deep),
            (nn.Upsample(scale_factor=2, mode="bilinear"), deep),
            (nn.Upsample((7, 9), mode="bilinear", align_corners=True), deep),
        ],
    }
    for n, space in SPACE.items():
        for name, case in windowed(n, (2, 4, *space), (4, *space)).items():
            cases[f"{name}{n}d"] = case
    return cases


def windowed(n, batch, single):
    """Those of n dimensions."""

    def layer(name, *arguments, **options):
        return getattr(nn, f"{name}{n}d")(*arguments, **options)

    return {
        "AdaptiveAvgPool": [(layer("AdaptiveAvgPool", 3), batch)],
        "AdaptiveMaxPool": [(layer("AdaptiveMaxPool", 3), batch)],
        "AvgPool": [(layer("AvgPool", 3, 2, 1), batch), (layer("AvgPool", 2), single)],
        "BatchNorm": [(layer("BatchNorm", 4), batch), (layer("BatchNorm", 4, affine=False), batch)],
        "Conv": [
            (layer("Conv", 4, 2, 3, padding=1, groups=2), batch),
            (layer("Conv", 4, 2, 3, padding=1, padding_mode="reflect", bias=False), single),
        ],
        "ConvTranspose": [(layer("ConvTranspose", 4, 2, 3, 2, 1, 1), batch)],
        "Dropout": [(Seeded(layer("Dropout", 0.4)), batch)],
        "GlobalAvgPool": [(layer("GlobalAvgPool"), batch)],
        "LPPool": [(layer("LPPool", 2, 2), batch)],
        "MaxPool": [(layer("MaxPool", 3, 2, 1), batch), (layer("MaxPool", 2), single)],
        "MaxUnpool": [(Unpool(n), (2, 2, *(2,) * n))],
        "ZeroPad": [(layer("ZeroPad", 1), batch), (layer("ZeroPad", (2, -1) * n), single)],
    }


LAYERS = {f"{name}-{i}": case for name, cases in table().items() for i, case in enumerate(cases)}
OUTPUT = np.random.default_rng(0).uniform(0.1, 0.9, (4, 3))
WEIGHT = np.array([0.5, 2.0, 1.5])
LOSSES = {
    "BCELoss": ({"weight": WEIGHT}, np.eye(4, 3)),
    "BCEWithLogitsLoss": ({"weight": WEIGHT, "pos_weight": WEIGHT}, np.eye(4, 3)),
    "CrossEntropyLoss": ({"weight": WEIGHT, "label_smoothing": 0.1}, np.array([0, 2, -100, 1])),
    "L1Loss": ({}, OUTPUT[::-1].copy()),
    "MSELoss": ({}, OUTPUT[::-1].copy()),
    "NLLLoss": ({"weight": WEIGHT}, np.array([0, 2, -100, 1])),
}


def test_no_public_layer_or_loss_is_left_out():
    assert {name.rpartition("-")[0] for name in LAYERS} | set(LOSSES) | BASES == set(NAMES)
    for name in LOSSES:
        assert issubclass(getattr(nn, name), nn.Loss)


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_the_input_and_all_parameters_are_the_derivatives(name):
    layer, shape = LAYERS[name]
    check_gradients(layer, draw(shape, "float64"))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_of_losses_are_the_derivatives(name, reduction):
    options, target = LOSSES[name]
    loss = getattr(nn, name)(**options, reduction=reduction)
    for training in (True, False):
        loss.train(training)
        gradcheck(
            lambda x: np.asarray(loss(x, target)), lambda gy, x: [loss.backward(gy)], [OUTPUT]
        )


def everything(layer, x, gy):
    """The bytes of all that two passes back give."""
    layer.zero_grad()
    y = np.asarray(layer(x))
    gx = layer.backward(gy)
    layer.backward(gy)
    return [np.array(a, "f4").tobytes() for a in (y, gx, *(p.grad for p in layer.parameters()))]


@pytest.mark.parametrize("name", LAYERS)
def test_strides_byte_order_and_read_only_arrays_make_no_difference(name):
    layer, shape = LAYERS[name]
    layer.float().eval()
    x = draw(shape)
    gy = draw(layer(x).shape, seed=1)
    expected = everything(layer, x, gy)
    for change in (np.asfortranarray, apart, lambda a: a.astype(">f4"), frozen):
        assert everything(layer, change(x), change(gy)) == expected


def apart(a):
    return np.stack([a, a], -1)[..., 1]


def frozen(a):
    a = a.copy()
    a.flags.writeable = False
    return a


@pytest.mark.parametrize("name", [name for name in LAYERS if not name.startswith("Identity")])
def test_what_is_no_gradient_of_the_output_is_refused_and_changes_nothing(name):
    layer, shape = LAYERS[name]
    layer.float().train()
    layer.zero_grad()
    y = layer(draw(shape))
    for gy in (y[:1], np.concatenate([y, y], -1), y[None], y[..., :-1], y.ravel()[:1]):
        with pytest.raises(ValueError, match=r"(shape|dimensions)"):
            layer.backward(gy)
    for gy in (y.astype("f8"), y.astype("i4"), y.astype(object), y.tolist(), None, "gy"):
        with pytest.raises(TypeError):
            layer.backward(gy)
    assert all(parameter.grad is None for parameter in layer.parameters())
    layer.backward(y)


@pytest.mark.parametrize("name", [name for name in LAYERS if not name.startswith("Identity")])
def test_what_is_no_array_is_refused(name):
    layer, shape = LAYERS[name]
    for x in (None, "x", draw(shape).tolist(), 3):
        with pytest.raises(TypeError, match=r"\w: \w+ is (None|'x'|\[|3)"):
            layer(x)
