"""Module.summary and nn.summarise."""

import numpy as np
import pytest
from helpers.layers_nn import draw

import fastconv as fc
from fastconv import nn


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Sequential(nn.Linear(400, 120), nn.Dropout(0.5), nn.Linear(120, 10)),
    )


def test_rows_are_the_layers_in_the_order_of_their_calls():
    summary = lenet().summary((2, 1, 28, 28))
    assert [row.name for row in summary.rows] == [*"0123456", "7.0", "7.1", "7.2"]
    assert [row.layer for row in summary.rows][-4:] == ["Flatten", "Linear", "Dropout", "Linear"]
    assert summary.rows[3].output_shape == (2, 16, 10, 10)
    assert summary.rows[-1].output_shape == (2, 10)
    assert summary.input_shape == (2, 1, 28, 28)


def test_parameters_operations_and_memory_are_counted():
    summary = lenet().summary((2, 1, 28, 28))
    counts = [156, 0, 0, 2416, 0, 0, 0, 48120, 0, 1210]
    assert [row.parameters for row in summary.rows] == counts
    assert summary.parameters == summary.trainable == sum(counts)
    assert summary.parameter_bytes == 4 * sum(counts)
    multiply_adds = [6 * 28 * 28 * 25, 16 * 100 * 150, 400 * 120, 1200]
    assert [row.flops for row in summary.rows if row.flops] == [4 * m for m in multiply_adds]
    assert summary.flops == 4 * sum(multiply_adds)
    elements = [4704, 4704, 1176, 1600, 1600, 400, 0, 120, 0, 10]  # views take no memory
    assert [row.activation_bytes for row in summary.rows] == [8 * e for e in elements]
    assert summary.activation_bytes == 8 * sum(elements)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv2d(4, 6, 3, padding=1, stride=2, groups=2), (2, 4, 9, 8)),
        (nn.Conv1d(3, 5, 4, dilation=2, bias=False), (1, 3, 20)),
        (nn.Conv3d(2, 3, (1, 2, 3)), (1, 2, 4, 4, 4)),
    ],
    ids=repr,
)
def test_a_convolutions_operations_are_those_of_its_plan(layer, shape):
    plan = getattr(fc, f"plan_conv{layer.ndim}d")(
        shape,
        layer.weight.data,
        stride=layer.stride,
        padding=layer.padding,
        dilation=layer.dilation,
        groups=layer.groups,
    )
    assert layer.summary(shape).flops == plan.flops


def test_a_transposed_convolution_computes_as_much_as_the_convolution_it_is_the_gradient_of():
    transposed = nn.ConvTranspose2d(4, 6, 2, stride=2, groups=2)
    convolution = nn.Conv2d(6, 4, 2, stride=2, groups=2)
    assert transposed.summary((1, 4, 5, 5)).flops == convolution.summary((1, 6, 10, 10)).flops


def test_frozen_parameters_are_counted_apart():
    net = lenet()
    net[0].requires_grad_(False)
    summary = net.summary((1, 1, 28, 28))
    assert (summary.frozen, summary.trainable) == (156, summary.parameters - 156)
    assert summary.rows[0].frozen == 156
    assert "51,902 (51,746 trainable, 156 frozen)" in str(summary)


def test_a_layer_called_twice_has_its_parameters_once():
    layer = nn.Linear(4, 4)
    summary = nn.Sequential(layer, nn.ReLU(), layer).summary((1, 4))
    assert [row.parameters for row in summary.rows] == [20, 0, 0]
    assert [row.flops for row in summary.rows] == [32, 0, 32]
    assert summary.parameters == 20


def test_containers_show_where_they_compute_something():
    net = nn.Residual(nn.Concat(nn.Conv1d(4, 2, 1), nn.Conv1d(4, 2, 1)))
    rows = net.summary((1, 4, 5)).rows
    assert [row.layer for row in rows] == ["Conv1d", "Conv1d", "Concat", "Identity", "Residual"]
    assert [row.activation_bytes for row in rows] == [40, 40, 80, 0, 80]


def test_nothing_of_the_network_changes():
    net = lenet()
    net[2].eval()
    before = {name: value.copy() for name, value in net.state_dict().items()}
    modes = [module.training for module in net.modules()]
    state = nn.get_rng_state()
    net.summary((1, 1, 28, 28))
    assert [module.training for module in net.modules()] == modes
    assert not any(module._hooks for module in net.modules())
    assert nn.get_rng_state() == state
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    with pytest.raises(RuntimeError, match="no forward pass to go back through"):
        net.backward(draw((1, 10)))


def test_the_network_is_as_before_after_an_error_too():
    net = lenet()
    with pytest.raises(ValueError, match=r"Conv2d|conv2d"):
        net.summary((1, 3, 28, 28))
    assert all(module.training and not module._hooks for module in net.modules())
    assert nn.is_grad_enabled()


def test_the_input_is_of_the_parameters_dtype():
    summary = nn.Conv1d(1, 2, 3).double().summary((1, 1, 10))
    assert summary.activation_bytes == 2 * 8 * 8


def test_several_outputs_are_counted_together():
    (row,) = nn.MaxPool2d(2, return_indices=True).summary((1, 1, 4, 4)).rows
    assert (row.output_shape, row.activation_bytes) == ((1, 1, 2, 2), 4 * 4 + 4 * 8)


def test_large_numbers_have_units():
    text = str(nn.Linear(2000, 1000).summary((1000, 2000)))
    assert "3.8 MiB" in text
    assert "4,000,000,000 FLOPs" in text


def test_a_bad_shape_is_refused():
    with pytest.raises(TypeError, match=r"summary: input_shape is 3 .*tuple of ints"):
        nn.Linear(3, 2).summary(3)
    with pytest.raises(TypeError, match=r"summary: input_shape is 1.5"):
        nn.Linear(3, 2).summary((1.5, 3))
