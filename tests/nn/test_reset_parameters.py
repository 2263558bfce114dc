"""`reset_parameters`: each layer's parameters as when it was made, in the same arrays."""

import numpy as np
import pytest
from helpers.layers_nn import draw

from fastconv import nn

MAKERS = {
    "Linear": lambda: nn.Linear(3, 4),
    "Linear without bias": lambda: nn.Linear(3, 4, bias=False, dtype="float64"),
    "Conv1d": lambda: nn.Conv1d(4, 6, 3, groups=2),
    "Conv2d": lambda: nn.Conv2d(4, 6, (3, 5), bias=False),
    "Conv3d": lambda: nn.Conv3d(2, 3, 2, dtype="float64"),
    "ConvTranspose1d": lambda: nn.ConvTranspose1d(4, 6, 3, groups=2),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(4, 6, 3),
    "ConvTranspose3d": lambda: nn.ConvTranspose3d(4, 6, 3),
    "BatchNorm1d": lambda: nn.BatchNorm1d(4),
    "BatchNorm2d": lambda: nn.BatchNorm2d(4, affine=False),
    "BatchNorm3d": lambda: nn.BatchNorm3d(4, track_running_stats=False, bias=False),
    "Subsampling": lambda: nn.models.Subsampling(5),
    "TableConv2d": lambda: nn.models.TableConv2d(3, [[0, 1], [], [0, 1, 2]], 5),
}


def made(name, seed=7):
    nn.manual_seed(seed)
    return MAKERS[name]()


def values(layer):
    return {name: np.array(value) for name, value in layer.state_dict().items()}


@pytest.mark.parametrize("name", MAKERS)
def test_values_are_those_of_a_new_layer_in_the_arrays_of_the_old(name):
    layer, fresh = made(name), values(made(name, seed=8))
    arrays = layer.state_dict()
    for array in arrays.values():
        array[...] = 3
    nn.manual_seed(8)
    assert layer.reset_parameters() is None
    for key, array in layer.state_dict().items():
        assert array is arrays[key]
        np.testing.assert_array_equal(array, fresh[key], strict=True)


def test_an_array_that_is_not_contiguous_is_drawn_too():
    layer, fresh = made("Linear"), values(made("Linear", seed=8))
    layer.weight.data = np.asfortranarray(np.zeros((4, 3), np.float32))
    nn.manual_seed(8)
    layer.reset_parameters()
    np.testing.assert_array_equal(layer.weight.data, fresh["weight"])


def test_batch_normalisation_forgets_what_it_saw():
    layer = nn.BatchNorm1d(3)
    layer(draw((5, 3)))
    layer.reset_parameters()
    assert layer.num_batches_tracked == 0
    assert not layer.running_mean.any()


def test_the_layers_that_have_it_are_those_that_torch_s_users_look_for():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten())
    assert [hasattr(layer, "reset_parameters") for layer in net] == [True, True, False, False]


def test_a_subclass_s_own_is_called_when_the_layer_is_made():
    class Ones(nn.Conv2d):
        def reset_parameters(self):
            for parameter in self.parameters():
                parameter.data[...] = 1

    assert (Ones(2, 3, 3).weight.data == 1).all()
