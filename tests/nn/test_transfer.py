"""Loading into other networks, freezing, replacing heads: what docs/transfer.md says."""

import doctest
from pathlib import Path

import numpy as np
import pytest
from helpers.layers_nn import draw

from fastconv import nn

PAGE = Path(__file__).resolve().parents[2] / "docs" / "transfer.md"


def network():
    nn.manual_seed(0)
    return nn.from_code("CRPCRPFRF", in_channels=1, input_shape=(8, 8), classes=4, width=4)


def test_the_pages_examples_give_what_they_say():
    pytest.importorskip("sklearn")
    failed, attempted = doctest.testfile(str(PAGE), module_relative=False)
    assert attempted > 30
    assert failed == 0


def test_what_fits_is_loaded_and_the_rest_is_named():
    source, net = network(), network()
    for parameter in source.parameters():
        parameter.data += 1
    before = {name: array.copy() for name, array in net.state_dict().items()}
    state = {name: a for name, a in source.state_dict().items() if name != "0.bias"}
    result = net.load_state_dict({**state, "extra": np.zeros(1)}, strict=False)
    assert result == (["0.bias"], ["extra"])
    for name, array in net.state_dict().items():
        expected = before[name] + (name != "0.bias")
        np.testing.assert_array_equal(array, expected)


def test_a_wrong_shape_is_an_error_even_when_not_strict_and_changes_nothing():
    net = network()
    before = {name: array.copy() for name, array in net.state_dict().items()}
    state = {"0.bias": np.ones(4), "9.weight": np.zeros((5, 128))}
    with pytest.raises(ValueError, match=r"9\.weight"):
        net.load_state_dict(state, strict=False)
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_frozen_layer_stays_and_passes_the_gradient_on():
    net, free = network(), network()
    net.requires_grad_(False)[-1].requires_grad_(True)
    optimiser = nn.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    before = {name: array.copy() for name, array in net.state_dict().items()}
    x = draw((3, 1, 8, 8))
    y = net(x)
    free(x)
    gx = net.backward(np.ones_like(y))
    np.testing.assert_array_equal(gx, free.backward(np.ones_like(y)))
    optimiser.step()
    for name, parameter in net.named_parameters():
        is_head = name.startswith("9.")
        assert (parameter.grad is not None) == is_head, name
        assert np.array_equal(parameter.data, before[name]) != is_head, name


def test_a_replaced_head_has_the_old_ones_name_and_is_trained():
    net = network()
    names = list(net.state_dict())
    net[-1] = nn.Linear(128, 7)
    assert list(net.state_dict()) == names
    y = net(draw((2, 1, 8, 8)))
    assert y.shape == (2, 7)
    net.backward(np.ones_like(y))
    assert net[-1].weight.grad is not None


def test_a_resnets_head_is_replaced_by_its_name():
    net = nn.models.resnet18(width=2)
    names = list(net.state_dict())
    net.fc = nn.Linear(16, 3)
    assert list(net.state_dict()) == names
    assert net(draw((2, 3, 32, 32))).shape == (2, 3)
