"""Batch normalisation: torch's, finite differences, precision, running values, errors."""

import numpy as np
import pytest
from helpers.layers_nn import DTYPES, assert_close, assert_equals_torch, check_gradients, draw

import fastconv as fc
from fastconv import nn

SHAPES = [
    (5, 1),
    (7, 5),
    (64, 100),
    (3, 33),
    (5000, 3),
    (5, 3, 1),
    (1, 3, 6),
    (4, 6, 17),
    (2, 3, 9001),
    (3, 5, 1, 1),
    (2, 4, 3, 5),
    (4, 8, 7, 7),
    (40, 3, 4, 4),
    (17, 6, 16, 16),
    (2, 2, 65, 80),
    (1, 3, 2, 2, 2),
    (2, 3, 3, 4, 5),
]


def classes(library, shape):
    return getattr(library, f"BatchNorm{max(1, len(shape) - 2)}d")


def drawn(shape, dtype, **arguments):
    """A layer whose values are not the initial ones."""
    layer = classes(nn, shape)(shape[1], dtype=dtype, **arguments)
    for seed, (name, value) in enumerate(layer.state_dict().items()):
        if value.dtype.kind == "f":
            value[...] = draw(value.shape, dtype, seed)
            if name == "running_var":
                np.abs(value, out=value)
    return layer


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equals_torchs(shape, dtype):
    torch = pytest.importorskip("torch")
    theirs = classes(torch.nn, shape)(shape[1])
    x = (3 * draw(shape, dtype) + 1).astype(dtype)
    assert_equals_torch(
        drawn(shape, dtype), theirs, x, tolerance=2e-5 if dtype == "float32" else 1e-11
    )


@pytest.mark.parametrize(
    "arguments",
    [
        {"momentum": None},
        {"momentum": 0.5, "eps": 0.1},
        {"affine": False},
        {"track_running_stats": False},
        {"affine": False, "track_running_stats": False, "momentum": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", [(6, 5), (4, 3, 20), (4, 3, 5, 6), (2, 3, 3, 4, 5)], ids=str)
def test_takes_torchs_arguments(shape, arguments):
    torch = pytest.importorskip("torch")
    theirs = classes(torch.nn, shape)(shape[1], **arguments)
    # Several batches, so that averages over them show.
    modes = (True, True, False, True)
    x = draw(shape, "float64")
    ours = drawn(shape, "float64", **arguments)
    assert_equals_torch(ours, theirs, x, modes=modes, tolerance=1e-11)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(
    "shape", [(3, 2), (5, 4), (1, 2, 3), (2, 3, 20), (3, 2, 4, 5), (2, 2, 2, 3, 2)], ids=str
)
def test_gradients_are_those_of_finite_differences(shape, affine):
    check_gradients(drawn(shape, "float64", affine=affine), draw(shape, "float64"))


def test_without_running_values_gradients_are_the_batchs_in_evaluation_too():
    shape = (3, 2, 4)
    layer = drawn(shape, "float64", track_running_stats=False)
    check_gradients(layer, draw(shape, "float64"), modes=(False,))


@pytest.mark.parametrize("shape", [(3000, 4), (16, 4, 9, 9), (2, 4, 100, 100)], ids=str)
@pytest.mark.parametrize("mean", [1e3, -3e5])
def test_a_mean_that_is_large_beside_the_deviation_costs_no_precision(shape, mean):
    layer = classes(nn, shape)(shape[1], eps=0)
    x = draw(shape) + np.float32(mean)
    gy = draw(shape, seed=1)
    exact = classes(nn, shape)(shape[1], eps=0, dtype=np.float64)
    expected = exact(x.astype(np.float64))
    axes = (0, *range(2, len(shape)))
    deviation = x.astype(np.float64) - x.mean(axis=axes, keepdims=True, dtype=np.float64)
    by_definition = deviation / np.sqrt((deviation**2).mean(axis=axes, keepdims=True))
    assert_close(expected, by_definition, "float64", 1e-9)
    assert_close(layer(x), expected.astype(np.float32), "output", 2e-6)
    gx = exact.backward(gy.astype(np.float64))
    assert_close(layer.backward(gy), gx.astype(np.float32), "input gradient", 2e-6)
    grads = exact.weight.grad.astype(np.float32)
    assert_close(layer.weight.grad, grads, "weight gradient", 1e-5)


def test_values_that_overflow_in_between_are_exact():
    layer = nn.BatchNorm1d(2)
    x = draw((40, 2, 30)) * np.float32(1e30)
    exact = nn.BatchNorm1d(2, dtype=np.float64)
    assert_close(layer(x), exact(x.astype(np.float64)).astype(np.float32), "output")


def test_what_is_not_finite_stays_in_its_channel():
    x = draw((4, 3, 8))
    clean = nn.BatchNorm1d(3)(x)
    for value in (np.nan, np.inf):
        x[1, 1, 2] = value
        layer = nn.BatchNorm1d(3)
        y = layer(x)
        assert np.isnan(y[:, 1]).all()
        np.testing.assert_array_equal(y[:, ::2], clean[:, ::2])
        np.testing.assert_array_equal(layer.running_mean[1], np.float32(value))
        assert np.isnan(layer.running_var[1])


@pytest.mark.parametrize("shape", [(300, 70), (16, 40, 12, 12), (1, 5, 200, 300)], ids=str)
def test_the_bytes_do_not_depend_on_the_number_of_threads(shape):
    x, gy = draw(shape), draw(shape, seed=1)
    before = fc.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5):
            fc.set_num_threads(threads)
            layer = drawn(shape, "float32")
            y = layer(x)
            gx = layer.backward(gy)
            arrays = [y, gx, layer.weight.grad, layer.bias.grad, *layer.state_dict().values()]
            results.append([array.tobytes() for array in arrays])
    finally:
        fc.set_num_threads(before)
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("shape", [(9, 6), (4, 6, 5, 7)], ids=str)
def test_takes_any_strides(shape):
    wide = (*shape[:-1], 2 * shape[-1])
    x = draw(wide)[..., ::2].astype(np.float32)
    strided = draw(wide)[..., ::2]
    gy = np.asfortranarray(draw(shape, seed=1))
    one, other = drawn(shape, "float32"), drawn(shape, "float32")
    np.testing.assert_array_equal(one(strided), other(np.ascontiguousarray(x)))
    np.testing.assert_array_equal(one.backward(gy), other.backward(np.ascontiguousarray(gy)))


def test_frozen_parameters_get_no_gradient():
    x = draw((4, 3, 5))
    layer, other = drawn(x.shape, "float32"), drawn(x.shape, "float32")
    layer.requires_grad_(False)
    np.testing.assert_array_equal(layer.backward(layer(x)), other.backward(other(x)))
    assert layer.weight.grad is None
    assert layer.bias.grad is None
    layer.eval()
    layer.backward(layer(x))
    assert layer.weight.grad is None


def test_an_input_that_has_other_channels_by_now_is_refused():
    layer, x = nn.BatchNorm2d(3, affine=False), draw((4, 3, 50, 50))
    layer(x)
    x.resize(3, 10000, 1, 1, refcheck=False)
    with pytest.raises(ValueError, match=r"BatchNorm2d.backward: x has shape \(3, 10000, 1, 1\)"):
        layer.backward(np.ones(x.shape, x.dtype))


def test_evaluation_leaves_the_running_values():
    layer = drawn((4, 3, 5), "float32")
    before = {name: value.copy() for name, value in layer.state_dict().items()}
    layer.eval()
    layer(draw((4, 3, 5)))
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_running_values_can_be_reset():
    layer = nn.BatchNorm1d(3)
    fresh = {name: value.copy() for name, value in layer.state_dict().items()}
    layer(draw((4, 3)))
    assert layer.num_batches_tracked == 1
    layer.reset_running_stats()
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, fresh[name])


def test_state_goes_over_under_torchs_names_and_converts():
    torch = pytest.importorskip("torch")
    ours, theirs = nn.BatchNorm2d(3), torch.nn.BatchNorm2d(3)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.num_batches_tracked.dtype == np.int64
    theirs(torch.randn(2, 3, 4, 4))
    ours.load_state_dict(theirs.state_dict())
    np.testing.assert_array_equal(ours.running_mean, theirs.running_mean.numpy())
    assert ours.num_batches_tracked == 1
    ours.double()
    assert ours.running_var.dtype == np.float64
    assert ours.num_batches_tracked.dtype == np.int64
    assert ours(draw((2, 3, 4, 4), "float64")).dtype == np.float64


def test_an_empty_batch_gives_an_empty_result():
    layer = nn.BatchNorm2d(3)
    y = layer(np.empty((0, 3, 4, 4), np.float32))
    assert y.shape == (0, 3, 4, 4)
    assert layer.backward(y).shape == y.shape
    np.testing.assert_array_equal(layer.weight.grad, np.zeros(3))
    np.testing.assert_array_equal(layer.running_var, np.ones(3))


def test_prints_as_torchs():
    expected = (
        "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)"
    )
    assert repr(nn.BatchNorm2d(3)) == expected


def test_weights_without_a_bias_equal_torchs():
    torch = pytest.importorskip("torch")
    arguments = torch.nn.BatchNorm2d.__init__.__annotations__
    if "bias" not in arguments:
        pytest.skip("this torch has no such argument")
    ours, theirs = nn.BatchNorm2d(3, bias=False), torch.nn.BatchNorm2d(3, bias=False)
    assert repr(ours) == repr(theirs)
    assert_equals_torch(ours, theirs, draw((2, 3, 4, 5)))


def test_remembers_nothing_without_gradients():
    layer = nn.BatchNorm1d(3)
    with nn.no_grad():
        y = layer(draw((4, 3)))
    with pytest.raises(RuntimeError, match="BatchNorm1d: backward: there is no forward pass"):
        layer.backward(y)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0,), ValueError, "BatchNorm2d: num_features is 0; it must be an int, at least 1"),
        ((2.5,), TypeError, r"BatchNorm2d: num_features is 2\.5 .*; it must be an int"),
        ((3, -1.0), ValueError, "BatchNorm2d: eps is -1.0; it must be finite and not negative"),
        (
            (3, 1e-5, 1.5),
            ValueError,
            "BatchNorm2d: momentum is 1.5; it must be from 0 to 1, or None",
        ),
        ((3, 1e-5, 0.1, True, True, "int8"), TypeError, "BatchNorm2d: dtype: 'int8'; float32"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        nn.BatchNorm2d(*arguments)


def test_bad_inputs_are_named():
    layer = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match=r"BatchNorm1d: x has shape \(2, 3, 4, 4\); \(N, C\) or"):
        layer(draw((2, 3, 4, 4)))
    with pytest.raises(ValueError, match=r"x has shape \(2, 4\); num_features = 3 channels"):
        layer(draw((2, 4)))
    with pytest.raises(TypeError, match=r"BatchNorm1d: .*float64"):
        layer(draw((2, 3), "float64"))
    with pytest.raises(TypeError, match=r"BatchNorm1d: .*int64"):
        layer(np.ones((2, 3), np.int64))
    with pytest.raises(ValueError, match=r"x has shape \(1, 3\): one value per channel"):
        layer(draw((1, 3)))
    assert layer.num_batches_tracked == 0
    np.testing.assert_array_equal(layer.running_var, np.ones(3))
    assert layer.eval()(draw((1, 3))).shape == (1, 3)
    y = layer.train()(draw((2, 3)))
    with pytest.raises(ValueError, match=r"BatchNorm1d.backward: gy has shape \(2, 2\)"):
        layer.backward(y[:, :2])
