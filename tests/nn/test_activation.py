"""Activations and softmax: torch's values and gradients, and what they promise at the edges."""

import numpy as np
import pytest
from helpers.layers_nn import DTYPES, assert_equals_torch, check_gradients, draw

from fastconv import nn, num_threads

LAYERS = {
    "ReLU": (),
    "ReLU6": (),
    "LeakyReLU": (0.2,),
    "Tanh": (),
    "Sigmoid": (),
    "SiLU": (),
}
SHAPES = [(), (1,), (7,), (3, 40), (2, 3, 5, 7), (0, 4), (300, 401)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_elementwise_layers_equal_torch(name, dtype):
    torch = pytest.importorskip("torch")
    for i, shape in enumerate(SHAPES):
        x = np.asarray(4 * draw(shape, dtype, seed=i))
        ours, theirs = getattr(nn, name)(*LAYERS[name]), getattr(torch.nn, name)(*LAYERS[name])
        assert_equals_torch(ours, theirs, x)
        assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", LAYERS)
def test_elementwise_gradients_are_the_derivatives(name):
    x = 3 * draw((4, 33), "float64", seed=1)  # away from the kinks at 0 and 6, by this seed
    check_gradients(getattr(nn, name)(*LAYERS[name]), x)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", LAYERS)
def test_elementwise_layers_equal_torch_where_values_are_not_finite(name, dtype):
    torch = pytest.importorskip("torch")
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e30, 6, 100, -100] * 3, dtype)
    ours, theirs = getattr(nn, name)(*LAYERS[name]), getattr(torch.nn, name)(*LAYERS[name])
    given = torch.tensor(x, requires_grad=True)
    expected = theirs(given)
    expected.sum().backward()
    tiny = 1e-30  # torch's float32 sigmoid loses what is smaller
    np.testing.assert_allclose(ours(x), expected.detach().numpy(), rtol=1e-6, atol=tiny)
    gx, expected_gx = ours.backward(np.ones_like(x)), given.grad.numpy()
    if name == "ReLU6":  # torch's own gradient at NaN depends on where it stands in the array
        gx, expected_gx = gx[~np.isnan(x)], expected_gx[~np.isnan(x)]
    np.testing.assert_allclose(gx, expected_gx, rtol=1e-6, atol=tiny)


@pytest.mark.parametrize("name", ["Sigmoid", "Tanh", "SiLU"])
def test_small_results_keep_their_digits(name):
    x = np.linspace(-80, -20, 1000)
    exact = {"Sigmoid": np.exp(x) / (1 + np.exp(x)), "SiLU": x * np.exp(x) / (1 + np.exp(x))}
    if name == "Tanh":
        x = np.geomspace(1e-300, 1e-5, 1000)
        exact["Tanh"] = x - x**3 / 3
    np.testing.assert_allclose(getattr(nn, name)()(x), exact[name], rtol=1e-14)


@pytest.mark.parametrize("name", [*LAYERS, "Softmax", "LogSoftmax"])
def test_any_strides_and_byte_order_give_the_same_result(name):
    layer = getattr(nn, name)(*LAYERS.get(name, (1,)))
    x = draw((6, 8, 10), "float32")
    expected = layer(x)
    gx = layer.backward(x)
    for other in (np.asfortranarray(x), x.astype(">f4"), np.repeat(x, 2, axis=0)[::2]):
        np.testing.assert_array_equal(layer(other), expected)
        np.testing.assert_array_equal(layer.backward(other), gx)


@pytest.mark.parametrize("name", [*LAYERS, "Softmax", "LogSoftmax"])
def test_results_do_not_depend_on_the_threads(name):
    layer = getattr(nn, name)(*LAYERS.get(name, (1,)))
    for shape in ((500, 300), (3, 20, 70, 70)):
        x = draw(shape, "float32")
        results = []
        for threads in (1, 3):
            with num_threads(threads):
                results.append((layer(x), layer.backward(x[::-1])))
        np.testing.assert_array_equal(results[0][0], results[1][0])
        np.testing.assert_array_equal(results[0][1], results[1][1])


# ---- Softmax -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax_equals_torch_along_every_axis(name, dtype):
    torch = pytest.importorskip("torch")
    for shape in [(5,), (1, 1), (64, 10), (3, 1000), (4, 21, 9, 33), (2, 3, 4, 5, 6), (0, 3)]:
        for dim in range(-len(shape), len(shape)):
            x = 2 * draw(shape, dtype, seed=dim + 9)
            ours, theirs = getattr(nn, name)(dim), getattr(torch.nn, name)(dim)
            assert_equals_torch(ours, theirs, x, tolerance=1e-5 if dtype == "float32" else 1e-13)
            assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("shape", [(4, 7), (2, 5, 3, 2)])
def test_softmax_gradients_are_the_derivatives(name, shape):
    check_gradients(getattr(nn, name)(1), draw(shape, "float64"))


def test_softmax_of_large_values_does_not_overflow():
    x = np.array([[1e4, 0.0, -1e4], [3e38, 3e38, 3e38]], np.float32)
    third = np.float32(1) / np.float32(3)
    np.testing.assert_allclose(nn.Softmax(1)(x), [[1, 0, 0], [third] * 3], rtol=1e-6)
    assert nn.LogSoftmax(1)(x[:1]).tolist() == [[0, -1e4, -2e4]]


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax_spreads_nan_over_one_sum_only(name):
    torch = pytest.importorskip("torch")
    x = draw((4, 5, 3), "float32")
    x[0, 1, 1], x[1, 2, 2], x[2, :, 0], x[3, 1, 0] = np.nan, np.inf, -np.inf, -np.inf
    for array, dim in ((x, 1), (np.ascontiguousarray(x.transpose(0, 2, 1)), 2)):
        expected = getattr(torch.nn, name)(dim)(torch.tensor(array)).numpy()
        np.testing.assert_allclose(getattr(nn, name)(dim)(array), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_an_output_that_has_lost_the_axis_since_is_refused(name):
    layer = getattr(nn, name)(dim=1)
    y = layer(np.ones((300, 5)))
    y.resize(1500, refcheck=False)
    with pytest.raises(ValueError, match=rf"{name}: .*shape \(1500,\) has no axis 1"):
        layer.backward(np.ones(1500))


def test_softmax_says_which_axis_is_wrong():
    for make in (nn.Softmax, nn.LogSoftmax):
        with pytest.raises(TypeError, match=r"Softmax: dim: 1\.5"):
            make(1.5)
        with pytest.raises(ValueError, match=r"dim: 2; from -2 to 1 is allowed .*\(3, 4\)"):
            make(2)(np.ones((3, 4)))
        with pytest.raises(ValueError, match=r"dim: 1; from -1 to 0 is allowed .*\(\)"):
            make(1)(np.array(1.0))
        with pytest.raises(TypeError, match=r"Softmax: x is 3"):
            make(0)(3)
        with pytest.raises(ValueError, match=r"Softmax: dim: a value of type int .*from -2 to 1"):
            make(10**5000)(np.ones((3, 4)))


@pytest.mark.parametrize("name", [*LAYERS, "Softmax", "LogSoftmax"])
def test_wrong_arrays_are_refused_by_name(name):
    layer = getattr(nn, name)(*LAYERS.get(name, (1,)))
    with pytest.raises(TypeError, match=rf"{name}: x has dtype int64; it must be float32 or"):
        layer(np.ones((2, 3), np.int64))
    layer(np.ones((2, 3)))
    with pytest.raises(TypeError, match=rf"{name}.*gy is float32"):
        layer.backward(np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match=rf"{name}.*gy has shape \(2, 2\)"):
        layer.backward(np.ones((2, 2)))


def test_leaky_relu_wants_a_finite_slope():
    assert nn.LeakyReLU().negative_slope == 0.01
    with pytest.raises(ValueError, match=r"LeakyReLU: negative_slope is nan"):
        nn.LeakyReLU(float("nan"))
    with pytest.raises(TypeError, match=r"LeakyReLU: negative_slope is 'a'"):
        nn.LeakyReLU("a")
    nn.LeakyReLU(np.float32(0.5))


def test_within_no_grad_nothing_is_remembered():
    for layer in (nn.ReLU(), nn.Softmax(0)):
        with nn.no_grad():
            layer(np.ones(3))
        with pytest.raises(RuntimeError, match="no forward pass"):
            layer.backward(np.ones(3))


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_without_an_axis_softmax_takes_torchs_and_warns(name):
    torch = pytest.importorskip("torch")
    for shape in ((), (4,), (2, 3), (2, 3, 4), (2, 3, 4, 5)):
        x = np.asarray(draw(shape, "float64"))
        ours, theirs = getattr(nn, name)(), getattr(torch.nn, name)()
        assert repr(ours) == repr(theirs)
        with pytest.warns(UserWarning, match=f"Implicit dimension choice for {ours._function} has"):
            assert_equals_torch(ours, theirs, x)


@pytest.mark.parametrize("name", ["ReLU", "ReLU6", "LeakyReLU", "SiLU"])
def test_inplace_is_taken_and_changes_no_input(name):
    x = draw((3, 4))
    kept = x.copy()
    layer = getattr(nn, name)(inplace=True)
    np.testing.assert_array_equal(layer(x), getattr(nn, name)()(x))
    np.testing.assert_array_equal(x, kept)
    assert "inplace=True" in repr(layer)
    with pytest.raises(TypeError, match=rf"{name}: inplace is 1 .*; it must be True or False"):
        getattr(nn, name)(inplace=1)
