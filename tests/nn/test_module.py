"""nn.Module, nn.Parameter, nn.no_grad and the generator: what all layers stand on."""

import copy
import pickle

import numpy as np
import pytest
from helpers.layers_nn import draw, give_state

from fastconv import nn


def test_a_name_of_the_state_takes_only_its_own_kind():
    layer = nn.BatchNorm1d(3)
    with pytest.raises(
        TypeError, match=r"BatchNorm1d: weight: ndarray; a Parameter or None .*\.data"
    ):
        layer.weight = np.ones(3, np.float32)
    with pytest.raises(TypeError, match="BatchNorm1d: running_mean: float; a ndarray or None"):
        layer.running_mean = 0.5
    net = nn.Sequential(layer)
    with pytest.raises(TypeError, match="Sequential: 0: int; a Module or None is allowed"):
        setattr(net, "0", 3)
    assert list(net.state_dict()) == [f"0.{name}" for name in layer.state_dict()]
    layer.bias = None
    layer.weight = nn.Parameter(np.zeros(3, np.float32))
    assert "bias" not in layer.state_dict()
    assert not layer.eval()(draw((2, 3))).any()


def test_names_with_dots_and_other_kinds_are_refused():
    module = nn.Module()
    for add in (module.register_buffer, module.add_module):
        for name in ("", "a.b", 3):
            with pytest.raises(ValueError, match=r"Module: name: .*; a name without a dot"):
                add(name, None)
    with pytest.raises(TypeError, match="Module: mask: list; an ndarray or None is allowed"):
        module.register_buffer("mask", [1.0])
    with pytest.raises(TypeError, match="Module: body: int; a Module or None is allowed"):
        module.add_module("body", 3)
    assert not module.state_dict()


def test_a_layer_in_two_places_has_both_names_in_the_state_as_in_torch():
    torch = pytest.importorskip("torch")
    shared, theirs = nn.Linear(3, 3), torch.nn.Linear(3, 3)
    net = nn.Sequential(shared, nn.ReLU(), nn.Sequential(shared))
    other = torch.nn.Sequential(theirs, torch.nn.ReLU(), torch.nn.Sequential(theirs))
    assert list(net.state_dict()) == list(other.state_dict())
    give_state(other, net)
    state = {name: value.numpy() for name, value in other.state_dict().items()}
    net.load_state_dict(state)
    assert len(net.parameters()) == 2


def test_training_mode_is_a_bool():
    layer = nn.Dropout()
    with pytest.raises(TypeError, match=r"Dropout.train: mode is 'eval'"):
        layer.train("eval")
    assert layer.training
    assert not layer.train(np.bool_(False)).training


def test_a_state_that_is_no_mapping_is_refused():
    with pytest.raises(TypeError, match=r"Linear.load_state_dict: state is 3"):
        nn.Linear(1, 1).load_state_dict(3)


def test_a_refused_state_changes_nothing():
    layer = nn.Linear(2, 2)
    before = {name: value.copy() for name, value in layer.state_dict().items()}
    with pytest.raises(ValueError, match=r"bias: float64 of shape \(3,\); float32 of shape \(2,\)"):
        layer.load_state_dict({"weight": np.zeros((2, 2)), "bias": np.zeros(3)})
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_parameters_own_what_they_cannot_write_to():
    frozen = np.arange(3.0)
    frozen.flags.writeable = False
    swapped = np.arange(3.0).astype(">f8")
    apart = np.arange(6.0)[::2]
    for data in (frozen, swapped, apart):
        parameter = nn.Parameter(data)
        assert parameter.data.flags.carray
        assert parameter.data.dtype == np.float64
        np.testing.assert_array_equal(parameter.data, data)
        parameter.data += 1
        assert data[0] == 0
    mine = np.zeros((), np.float32)
    assert np.shares_memory(nn.Parameter(mine).data, mine)


def test_copies_and_pickles_are_layers_of_their_own():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU())
    x = draw((2, 1, 5, 5))
    y = net(x)
    gx = net.backward(y)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert repr(twin) == repr(net)
        np.testing.assert_array_equal(twin.backward(y), gx)
        for mine, other in zip(net.parameters(), twin.parameters(), strict=True):
            np.testing.assert_array_equal(other.grad, 2 * mine.grad)
        twin[0].weight.data[...] = 0
        twin(x)
        assert twin[1].num_batches_tracked == 2
        np.testing.assert_array_equal(twin.state_dict()["0.weight"], 0)
    assert net[1].num_batches_tracked == 1
    assert net[0].weight.data.any()


def test_no_grad_may_be_entered_again_and_decorates():
    once = nn.no_grad()
    with once:
        with once:
            assert not nn.is_grad_enabled()
        assert not nn.is_grad_enabled()
    assert nn.is_grad_enabled()

    @nn.no_grad()
    def enabled(depth):
        return enabled(depth - 1) if depth else nn.is_grad_enabled()

    assert not enabled(2)
    assert nn.is_grad_enabled()


def test_hooks_see_losses_and_arguments_by_name():
    seen = []
    loss = nn.MSELoss()
    remove = loss.register_forward_hook(lambda module, x, y: seen.append(y))
    value = loss(np.ones(2), np.zeros(2))
    assert seen == [value]
    remove()
    loss(np.ones(2), np.zeros(2))
    assert len(seen) == 1
    x = draw((1, 2, 7, 7))
    y, indices = nn.MaxPool2d(2, return_indices=True)(x)
    assert nn.MaxUnpool2d(2)(y, indices, output_size=(7, 7)).shape == x.shape
    assert nn.ConvTranspose2d(2, 1, 2, 2)(y, output_size=(7, 7)).shape == (1, 1, 7, 7)


@pytest.mark.parametrize("seed", ["1", 1.0, None, True])
def test_seeds_are_ints(seed):
    with pytest.raises(TypeError, match=r"manual_seed: seed is .*; it must be an int"):
        nn.manual_seed(seed)


def test_a_negative_seed_changes_nothing():
    state = nn.get_rng_state()
    with pytest.raises(
        ValueError, match="manual_seed: seed is -1; it must be an int, not negative"
    ):
        nn.manual_seed(-1)
    assert nn.get_rng_state() == state


@pytest.mark.parametrize("dtype", ["abc", 3, "int8", "float16", ">f4", {}])
def test_what_is_no_dtype_is_refused(dtype):
    for make, sizes in (
        (nn.Linear, (1, 1)),
        (nn.ConvTranspose2d, (1, 1, 1)),
        (nn.BatchNorm1d, (1,)),
    ):
        message = f"{make.__name__}: dtype: .*; float32 or float64 is allowed"
        with pytest.raises(TypeError, match=message):
            make(*sizes, dtype=dtype)
    layer = nn.Linear(1, 1)
    with pytest.raises(TypeError, match=r"Linear.to: dtype: .*; float32 or float64 is allowed"):
        layer.to(dtype)
    assert layer.weight.dtype == np.float32


def test_a_state_that_cannot_be_read_is_named():
    state = {"weight": [[1.0], [2.0, 3.0]], "bias": np.zeros(2)}
    with pytest.raises(ValueError, match=r"Linear.load_state_dict: state: weight cannot be read"):
        nn.Linear(2, 2).load_state_dict(state)


def test_the_first_input_may_be_named_as_in_torch_or_as_forward_does():
    class Own(nn.Module):
        def forward(self, image, input=0):
            return image - input

    x, target = draw((2, 3)), np.zeros((2, 3), np.float32)
    for layer in (nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(3, 4))):
        for named in ({"input": x}, {"x": x}):
            np.testing.assert_array_equal(layer(**named), layer(x))
    for named in ({"input": x, "target": target}, {"output": x, "target": target}):
        assert nn.MSELoss()(**named) == nn.MSELoss()(x, target)
    assert Own()(image=3, input=2) == Own()(3, input=2) == 1
    seen = []
    layer.register_forward_hook(lambda module, given, y: seen.append(given))
    layer(input=x)
    assert seen[0] is x


def test_inputs_that_are_missing_or_given_twice_are_refused():
    layer, x = nn.Linear(3, 4), draw((2, 3))
    for call in (
        lambda: layer(),
        lambda: layer(x, input=x),
        lambda: layer(x=x, input=x),
        lambda: layer(inputs=x),
        lambda: nn.MSELoss()(target=x),
    ):
        with pytest.raises(TypeError, match="forward"):
            call()


def test_apply_and_the_children_are_torch_s():
    torch = pytest.importorskip("torch")

    def names(of):
        shared = of.ReLU()
        inner = of.Sequential(of.Linear(3, 3), shared)
        net = of.Sequential(inner, shared, of.Tanh(), shared)
        visited = []
        assert net.apply(lambda module: visited.append(type(module).__name__)) is net
        return (
            visited,
            [name for name, _ in net.named_children()],
            [type(child).__name__ for child in net.children()],
        )

    assert names(nn) == names(torch.nn)


def test_apply_refuses_what_cannot_be_called():
    with pytest.raises(TypeError, match=r"ReLU.apply: function is 3 .*; it must be a callable"):
        nn.ReLU().apply(3)
