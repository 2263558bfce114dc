"""Optimisers and schedules: torch's numbers, states that go on, clear errors."""

import numpy as np
import pytest

from fastconv import nn

SHAPES = [(3,), (7, 5), (4, 3, 5, 5), (1,), (130, 17)]

CHOICES = {
    "sgd": ("SGD", {"lr": 0.1}),
    "sgd momentum": ("SGD", {"lr": 0.1, "momentum": 0.9}),
    "sgd dampening": ("SGD", {"lr": 0.05, "momentum": 0.8, "dampening": 0.3, "weight_decay": 0.1}),
    "sgd nesterov": ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    "sgd up": ("SGD", {"lr": 0.1, "maximize": True, "weight_decay": 0.1}),
    "adam": ("Adam", {}),
    "adam decay": ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-6, "weight_decay": 0.1}),
    "adam amsgrad": ("Adam", {"lr": 0.01, "amsgrad": True, "maximize": True}),
    "adamw": ("AdamW", {"lr": 0.01}),
    "adamw amsgrad": ("AdamW", {"lr": 0.1, "weight_decay": 0.5, "amsgrad": True}),
}


def weights_and_gradients(dtype, steps=6):
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    return weights, [
        [rng.standard_normal(shape).astype(dtype) * 3 for shape in SHAPES] for _ in range(steps)
    ]


def run(optimiser, parameters, gradients):
    for step in gradients:
        optimiser.zero_grad()
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.add_grad(gradient.copy())
        optimiser.step()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("choice", CHOICES)
def test_steps_equal_torch(choice, dtype):
    torch = pytest.importorskip("torch")
    kind, options = CHOICES[choice]
    weights, gradients = weights_and_gradients(dtype)
    theirs = [torch.nn.Parameter(torch.tensor(w)) for w in weights]
    other = getattr(torch.optim, kind)(theirs, **options)
    for step in gradients:
        for parameter, gradient in zip(theirs, step, strict=True):
            parameter.grad = torch.tensor(gradient)
        other.step()
    ours = [nn.Parameter(w.copy()) for w in weights]
    run(getattr(nn, kind)(ours, **options), ours, gradients)
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    for parameter, reference in zip(ours, theirs, strict=True):
        expected = reference.detach().numpy()
        np.testing.assert_allclose(parameter.data, expected, tolerance, tolerance)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_state_goes_on_with_the_same_bytes(choice):
    kind, options = CHOICES[choice]
    weights, gradients = weights_and_gradients(np.float32)
    whole = [nn.Parameter(w.copy()) for w in weights]
    run(getattr(nn, kind)(whole, **options), whole, gradients)
    parts = [nn.Parameter(w.copy()) for w in weights]
    first = getattr(nn, kind)(parts, **options)
    run(first, parts, gradients[:3])
    state = first.state_dict()
    run(first, [nn.Parameter(w.copy()) for w in weights], [])
    second = getattr(nn, kind)(parts, lr=77.0)
    second.load_state_dict(state)
    run(second, parts, gradients[3:])
    for a, b in zip(whole, parts, strict=True):
        assert a.data.tobytes() == b.data.tobytes()


@pytest.mark.parametrize("choice", ["sgd nesterov", "adamw amsgrad"])
def test_large_arrays_give_the_same_bytes_whatever_the_number_of_threads(choice):
    import fastconv as fc

    kind, options = CHOICES[choice]
    rng = np.random.default_rng(0)
    start, gradient = rng.standard_normal((2, 300_001), dtype=np.float32)
    results = []
    for threads in (1, 2, 5):
        parameter = nn.Parameter(start.copy())
        with fc.num_threads(threads):
            run(getattr(nn, kind)([parameter], **options), [parameter], [[gradient]] * 3)
        results.append(parameter.data.tobytes())
    assert results[0] == results[1] == results[2]


def test_frozen_parameters_and_those_without_gradient_stay():
    frozen, unused, live = (nn.Parameter(np.ones(3)) for _ in range(3))
    frozen.requires_grad = False
    optimiser = nn.SGD([frozen, unused, live], lr=1.0)
    frozen.add_grad(np.ones(3))
    live.add_grad(np.ones(3))
    optimiser.step()
    assert frozen.data.tolist() == unused.data.tolist() == [1, 1, 1]
    assert live.data.tolist() == [0, 0, 0]


def test_groups_have_their_own_options():
    slow, fast = nn.Parameter(np.ones(1)), nn.Parameter(np.ones(1))
    optimiser = nn.SGD([{"params": [slow], "lr": 0.25}, {"params": [fast]}], lr=1.0)
    slow.add_grad(np.ones(1))
    fast.add_grad(np.ones(1))
    optimiser.step()
    assert (slow.data[0], fast.data[0]) == (0.75, 0.0)


def test_weights_that_are_not_contiguous_are_refused():
    parameter = nn.Parameter(np.ones((4, 4)))
    parameter.data = np.ones((8, 4))[::2]
    parameter.add_grad(np.ones((4, 4)))
    with pytest.raises(ValueError, match="SGD: data is no writeable contiguous array"):
        nn.SGD([parameter]).step()


def test_gradients_of_another_shape_or_dtype_are_refused():
    parameter = nn.Parameter(np.ones((2, 3)))
    optimiser = nn.Adam([parameter])
    parameter.grad = np.ones((3, 2))
    with pytest.raises(ValueError, match=r"Adam: grad .*shape"):
        optimiser.step()
    parameter.grad = np.ones((2, 3), np.float32)
    with pytest.raises(TypeError, match="grad"):
        optimiser.step()


def one():
    return [nn.Parameter(np.ones(2))]


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: nn.SGD([]), ValueError, "params: empty"),
        (lambda: nn.SGD([np.ones(2)]), TypeError, "params: ndarray"),
        (lambda: nn.SGD(one() * 2), ValueError, "twice"),
        (lambda: nn.SGD(one(), lr=-1), ValueError, "lr: -1"),
        (lambda: nn.SGD(one(), lr=float("nan")), ValueError, "lr: nan"),
        (lambda: nn.SGD(one(), momentum="0.9"), TypeError, "SGD: momentum is '0.9'"),
        (lambda: nn.SGD(one(), lr=None), TypeError, "SGD: lr is None"),
        (lambda: nn.SGD(one(), lr=10**400), ValueError, "SGD: lr is 1000"),
        (lambda: nn.SGD(one(), dampening=float("inf")), ValueError, "dampening: inf"),
        (lambda: nn.SGD(one(), momentum=0.9, nesterov="no"), TypeError, "SGD: nesterov is 'no'"),
        (lambda: nn.Adam(one(), amsgrad=1), TypeError, "Adam: amsgrad is 1"),
        (lambda: nn.AdamW(one(), betas=0.9), TypeError, "AdamW: betas is 0.9"),
        (lambda: nn.Adam(one(), betas=(0.9, "1")), TypeError, "Adam: betas is '1'"),
        (lambda: nn.SGD(one(), nesterov=True), ValueError, "nesterov"),
        (lambda: nn.Adam(one(), betas=(0.9, 1.0)), ValueError, "betas"),
        (lambda: nn.Adam(one(), eps=-1e-8), ValueError, "eps"),
        (lambda: nn.SGD([{"params": one(), "rate": 1}]), ValueError, "'rate'"),
        (lambda: nn.SGD([{"lr": 1}]), TypeError, "'params'"),
        (lambda: nn.StepLR(nn.SGD(one()), 0), ValueError, "step_size: 0"),
        (lambda: nn.StepLR(one(), 1), TypeError, "optimizer: list"),
        (lambda: nn.StepLR(nn.SGD(one()), 1, "1"), TypeError, "StepLR: gamma is '1'"),
        (lambda: nn.StepLR(nn.SGD(one()), 1, float("nan")), ValueError, "StepLR: gamma: nan"),
        (lambda: nn.CosineAnnealingLR(nn.SGD(one()), 1.5), TypeError, "T_max is 1.5"),
        (lambda: nn.CosineAnnealingLR(nn.SGD(one()), 2, None), TypeError, "eta_min is None"),
        (lambda: nn.LinearScalingWarmup(nn.SGD(one()), 1, 1, -1), ValueError, "warmup_steps is -1"),
        (lambda: nn.LinearScalingWarmup(nn.SGD(one()), 1, 1, 1, 1), TypeError, "after is 1"),
        (lambda: nn.LinearScalingWarmup(nn.SGD(one()), 0), ValueError, "batch_size: 0"),
    ],
)
def test_bad_arguments_are_named(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_what_is_no_state_is_refused_and_changes_nothing():
    mine = nn.SGD(one(), lr=0.5, momentum=0.5)
    state = mine.state_dict()
    groups, values = state["param_groups"], {"momentum_buffer": np.ones(2)}
    for wrong, words in (
        (None, "state_dict is None"),
        ({}, "state_dict is of type dict"),
        ({**state, "state": [values]}, "'state'"),
        ({**state, "state": {0: 1}}, "parameter 0"),
        ({**state, "param_groups": groups[0]}, "'param_groups'"),
        ({**state, "param_groups": [{"lr": 1}]}, "'params'"),
    ):
        with pytest.raises(TypeError, match=f"SGD: .*{words}"):
            mine.load_state_dict(wrong)
    for number in (-1, "first", None, 0.5):
        with pytest.raises(ValueError, match=f"SGD: state_dict: parameter {number}; those below 1"):
            mine.load_state_dict({**state, "state": {number: values}})
    assert str(mine.state_dict()) == str(state)


def test_numbers_of_numpy_are_numbers():
    optimiser = nn.SGD(one(), np.float32(0.5), np.float64(0.5), nesterov=np.True_)
    nn.StepLR(optimiser, np.int64(1), np.float32(0.5)).step()
    assert optimiser.param_groups[0]["lr"] == 0.25


def test_a_state_of_other_shapes_is_refused_and_changes_nothing():
    parameter = nn.Parameter(np.ones(2))
    other = nn.SGD([parameter], momentum=0.9)
    parameter.add_grad(np.ones(2))
    other.step()
    mine = nn.SGD([nn.Parameter(np.ones(3))], lr=0.5)
    with pytest.raises(ValueError, match="momentum_buffer of parameter 0"):
        mine.load_state_dict(other.state_dict())
    assert mine.param_groups[0]["lr"] == 0.5
    with pytest.raises(ValueError, match="groups"):
        mine.load_state_dict(nn.SGD([{"params": one()}, {"params": one()}]).state_dict())


def test_a_state_of_another_optimiser_is_refused_and_changes_nothing():
    mine = nn.Adam([nn.Parameter(np.ones(2))], lr=0.5)
    with pytest.raises(ValueError, match=r"Adam: state_dict: a group with dampening, .*amsgrad"):
        mine.load_state_dict(nn.SGD([nn.Parameter(np.ones(2))], momentum=0.9).state_dict())
    state = mine.state_dict()
    with pytest.raises(ValueError, match="Adam: state_dict: parameter 1; those below 1"):
        mine.load_state_dict({**state, "state": {1: {"step": 1}}})
    state["param_groups"][0]["lr"] = -1
    with pytest.raises(ValueError, match="Adam: lr: -1"):
        mine.load_state_dict(state)
    assert mine.param_groups[0]["lr"] == 0.5
    assert mine.state_dict()["state"] == {}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("StepLR", (3, 0.5)), ("CosineAnnealingLR", (7, 0.01)), ("CosineAnnealingLR", (4,))],
)
def test_schedules_equal_torch(name, arguments):
    torch = pytest.importorskip("torch")
    theirs = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.3)
    schedule = getattr(torch.optim.lr_scheduler, name)(theirs, *arguments)
    mine = nn.SGD(one(), lr=0.3)
    ours = getattr(nn, name)(mine, *arguments)
    for _ in range(7):
        theirs.step()
        schedule.step()
        ours.step()
        assert ours.get_last_lr()[0] == pytest.approx(schedule.get_last_lr()[0], abs=1e-12)


def test_warm_up_leads_to_a_rate_in_proportion_to_the_batch():
    optimiser = nn.SGD(one(), lr=0.1)
    after = nn.StepLR(optimiser, 1, 0.5)
    schedule = nn.LinearScalingWarmup(optimiser, 512, 256, warmup_steps=4, after=after)
    rates = schedule.get_last_lr()
    for _ in range(5):
        schedule.step()
        rates += schedule.get_last_lr()
    assert rates == pytest.approx([0.1, 0.125, 0.15, 0.175, 0.2, 0.2])
    schedule.step_epoch()
    assert schedule.get_last_lr() == pytest.approx([0.1])
    state = schedule.state_dict()
    other = nn.SGD(one(), lr=0.1)
    copy = nn.LinearScalingWarmup(other, 512, 256, 4, nn.StepLR(other, 1, 0.5))
    copy.load_state_dict(state)
    assert copy.get_last_lr() == schedule.get_last_lr()
