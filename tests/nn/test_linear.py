"""The fully connected layer: torch's, finite differences, errors."""

import numpy as np
import pytest
from helpers.layers_nn import DTYPES, assert_equals_torch, check_gradients, draw

import fastconv as fc
from fastconv import nn

SHAPES = [
    # (leading axes, in, out)
    ((), 5, 3),
    ((1,), 400, 120),
    ((1,), 84, 10),
    ((2,), 7, 1),
    ((3,), 1, 9),
    ((8,), 33, 65),
    ((0,), 4, 3),
    ((14,), 50, 40),
    ((15,), 50, 40),
    ((24,), 50, 40),
    ((25,), 50, 40),
    ((64,), 400, 120),
    ((2, 3), 16, 17),
    ((4, 1, 5), 31, 8),
    ((2, 0, 5), 31, 8),
]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("lead", "features", "outputs"), SHAPES)
def test_equals_torchs(lead, features, outputs, dtype, bias):
    torch = pytest.importorskip("torch")
    ours = nn.Linear(features, outputs, bias, dtype)
    x = draw((*lead, features), dtype)
    assert_equals_torch(ours, torch.nn.Linear(features, outputs, bias), x)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("lead", "features", "outputs"), [((), 5, 3), ((1,), 6, 4), ((5,), 9, 2), ((2, 3), 3, 7)]
)
def test_gradients_are_those_of_finite_differences(lead, features, outputs, bias):
    check_gradients(nn.Linear(features, outputs, bias), draw((*lead, features)))


def test_takes_any_strides():
    layer = nn.Linear(6, 5)
    x, gy = draw((12, 8)), draw((8, 10))
    expected = layer(x.T[:, ::2].copy())
    gx = layer.backward(gy[:, ::2].copy())
    gw = layer.weight.grad
    layer.zero_grad()
    np.testing.assert_array_equal(layer(x.T[:, ::2]), expected)
    np.testing.assert_array_equal(layer.backward(gy[:, ::2]), gx)
    np.testing.assert_array_equal(layer.weight.grad, gw)


def test_gradients_add_up_over_calls_of_backward():
    layer = nn.Linear(6, 5)
    y = layer(draw((3, 6)))
    layer.backward(y)
    once = layer.weight.grad.copy(), layer.bias.grad.copy()
    layer.backward(y)
    np.testing.assert_array_equal(layer.weight.grad, 2 * once[0])
    np.testing.assert_array_equal(layer.bias.grad, 2 * once[1])


@pytest.mark.parametrize("rows", [1, 5, 64])
def test_frozen_parameters_get_no_gradient(rows):
    layer = nn.Linear(6, 5)
    layer.weight.requires_grad = False
    y = layer(draw((rows, 6)))
    gx = layer.backward(y)
    assert layer.weight.grad is None
    assert layer.bias.grad is not None
    layer.bias.requires_grad, layer.bias.grad = False, None
    np.testing.assert_array_equal(layer.backward(y), gx)
    assert layer.bias.grad is None


@pytest.mark.parametrize("shape", [(1, 4096, 10), (1, 1000, 999), (64, 400, 120), (5, 700, 700)])
def test_the_bytes_do_not_depend_on_the_number_of_threads(shape):
    rows, features, outputs = shape
    layer = nn.Linear(features, outputs)
    x = draw((rows, features))
    before = fc.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5):
            fc.set_num_threads(threads)
            layer.zero_grad()
            y = layer(x)
            gx = layer.backward(y)
            results.append([a.tobytes() for a in (y, gx, layer.weight.grad, layer.bias.grad)])
    finally:
        fc.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_weights_start_within_torchs_bounds():
    nn.manual_seed(0)
    layer = nn.Linear(400, 120)
    for values in (layer.weight.data, layer.bias.data):
        assert values.dtype == np.float32
        assert 0.9 / 20 < np.abs(values).max() <= 1 / 20
    assert nn.Linear(3, 4, dtype=np.float64).bias.dtype == np.float64


def test_prints_as_torchs():
    assert repr(nn.Linear(3, 4)) == "Linear(in_features=3, out_features=4, bias=True)"


def test_remembers_nothing_without_gradients():
    layer = nn.Linear(3, 4)
    with nn.no_grad():
        y = layer(draw((2, 3)))
    with pytest.raises(RuntimeError, match="Linear: backward: there is no forward pass"):
        layer.backward(y)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 3), ValueError, "Linear: in_features is 0; it must be an int, at least 1"),
        ((3, -1), ValueError, "Linear: out_features is -1; it must be an int, at"),
        ((3, 2.0), TypeError, r"Linear: out_features is 2\.0 .*; it must be an int"),
        ((3, 2, True, np.int32), TypeError, "Linear: dtype: .*int32.*; float32 or float64"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        nn.Linear(*arguments)


@pytest.mark.parametrize("rows", [1, 64])
def test_bad_inputs_are_named(rows):
    layer = nn.Linear(3, 4)
    with pytest.raises(
        ValueError, match=r"x has shape .*, which does not fit weight of shape \(4, 3\)"
    ):
        layer(draw((rows, 4)))
    with pytest.raises(ValueError, match=r"Linear: x has shape \(\), which does not fit"):
        layer(np.array(1, np.float32))
    with pytest.raises(TypeError, match=r"float32.*float64|float64.*float32"):
        layer(draw((rows, 3), "float64"))
    with pytest.raises(TypeError, match="int64"):
        layer(np.ones((rows, 3), np.int64))
    y = layer(draw((rows, 3)))
    with pytest.raises(ValueError, match=r"Linear.*gy has shape .*, which does not fit"):
        layer.backward(y[:, :3])
    with pytest.raises(TypeError, match=r"float32.*float64|float64.*float32"):
        layer.backward(y.astype(np.float64))
