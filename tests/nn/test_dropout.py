"""nn.Dropout, nn.Dropout1d..3d, nn.DropConnect."""

import numpy as np
import pytest
from helpers.layers_nn import DTYPES, Seeded, check_gradients, draw

from fastconv import nn


@pytest.mark.parametrize("p", [0, 0.2, 0.5, 0.9, 1])
@pytest.mark.parametrize("dtype", DTYPES)
def test_each_element_is_zeroed_with_probability_p_and_the_mean_stays(p, dtype):
    nn.manual_seed(0)
    layer = nn.Dropout(p)
    x = np.full((1000, 100), 3.0, dtype)
    y = layer(x)
    assert y.dtype == x.dtype
    kept = y != 0
    assert kept.mean() == pytest.approx(1 - p, abs=0.01)
    if p < 1:
        np.testing.assert_allclose(y[kept], 3 / (1 - p), rtol=1e-6)
        assert y.mean() == pytest.approx(3, rel=0.02)
    gy = draw(x.shape, dtype)
    np.testing.assert_allclose(layer.backward(gy), np.where(kept, gy * y / 3, 0), rtol=1e-6)


def test_eval_mode_gives_the_input_itself_as_torch_does():
    for layer in (nn.Dropout(), nn.Dropout2d()):
        x = draw((2, 3, 4, 4))
        assert layer.eval()(x) is x
        assert layer.backward(x) is x


def test_the_seed_gives_the_mask():
    layer, x = nn.Dropout(0.3), draw((50, 50))
    nn.manual_seed(3)
    first, second = layer(x), layer(x)
    nn.manual_seed(3)
    np.testing.assert_array_equal(layer(x), first)
    assert (first != second).any()


@pytest.mark.parametrize(
    ("n", "shape", "axes"),
    [
        (1, (40, 50, 6), (2,)),
        (1, (200, 6), (1,)),
        (2, (40, 50, 3, 4), (2, 3)),
        (2, (40, 50, 6), (2,)),
        (3, (40, 50, 2, 3, 2), (2, 3, 4)),
        (3, (200, 2, 3, 2), (1, 2, 3)),
    ],
)
def test_whole_channels_are_zeroed(n, shape, axes):
    nn.manual_seed(0)
    layer = getattr(nn, f"Dropout{n}d")(0.4)
    x = np.ones(shape, np.float32)
    y = layer(x)
    assert (y.min(axes) == y.max(axes)).all()
    assert (y == 0).mean() == pytest.approx(0.4, abs=0.1)
    np.testing.assert_array_equal(layer.backward(x), y)
    assert (layer.eval()(x) == 1).all()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Dropout(0.4), (4, 5)),
        (nn.Dropout1d(0.4), (4, 5, 3)),
        (nn.Dropout2d(0.4), (4, 5, 3, 2)),
        (nn.Dropout3d(0.4), (4, 5, 3, 2, 2)),
        (nn.DropConnect(nn.Linear(5, 4), 0.4), (3, 5)),
        (nn.DropConnect(nn.Conv2d(2, 3, 3, padding=1), 0.4), (2, 2, 4, 5)),
        (nn.DropConnect(nn.ConvTranspose1d(2, 3, 3, bias=False), 0.4), (2, 2, 5)),
    ],
    ids=repr,
)
def test_gradients_pass_the_check(layer, shape):
    check_gradients(Seeded(layer), draw(shape))


def test_dropped_weights_are_as_zeroed_ones():
    nn.manual_seed(0)
    inner = nn.Linear(30, 20)
    weight = inner.weight.data.copy()
    layer = nn.DropConnect(inner, 0.25)
    x, gy = draw((4, 30)), draw((4, 20))
    y, gx = layer(x), None
    gx = layer.backward(gy)
    np.testing.assert_array_equal(inner.weight.data, weight)
    grad = inner.weight.grad
    mask = np.where(grad == 0, 0, np.float32(1 / 0.75))
    assert (mask == 0).mean() == pytest.approx(0.25, abs=0.05)
    plain = nn.Linear(30, 20)
    plain.load_state_dict({"weight": weight * mask, "bias": inner.bias.data})
    np.testing.assert_array_equal(plain(x), y)
    np.testing.assert_array_equal(plain.backward(gy), gx)
    np.testing.assert_allclose(plain.weight.grad * mask, grad, rtol=1e-6)
    np.testing.assert_array_equal(plain.bias.grad, inner.bias.grad)
    layer.backward(gy)
    np.testing.assert_allclose(inner.weight.grad, 2 * (plain.weight.grad * mask), rtol=1e-6)
    inner.weight.requires_grad = False
    layer.zero_grad()
    layer.backward(gy)
    assert inner.weight.grad is None


def test_eval_mode_keeps_all_weights():
    inner = nn.Linear(5, 4)
    layer, x = nn.DropConnect(inner, 0.9).eval(), draw((3, 5))
    np.testing.assert_array_equal(layer(x), inner(x))
    assert list(layer.state_dict()) == ["layer.weight", "layer.bias"]


def test_an_error_in_the_layer_leaves_its_weights():
    inner = nn.Linear(5, 4)
    layer, weight = nn.DropConnect(inner), inner.weight.data
    with pytest.raises(ValueError, match="Linear"):
        layer(draw((3, 6)))
    assert inner.weight.data is weight


def test_bad_arguments_are_refused():
    for make in (nn.Dropout, nn.Dropout2d, lambda p: nn.DropConnect(nn.Linear(1, 1), p)):
        with pytest.raises(ValueError, match=r"Drop\w+: p is 1.5; it must be from 0 to 1"):
            make(1.5)
        with pytest.raises(TypeError, match=r"Drop\w+: p is 'a'"):
            make("a")
    with pytest.raises(TypeError, match="DropConnect: layer: Flatten; a Module with a weight"):
        nn.DropConnect(nn.Flatten())
    with pytest.raises(ValueError, match=r"Dropout1d: x has shape \(3,\)"):
        nn.Dropout1d()(draw((3,)))


def test_a_layer_with_dropped_weights_may_stand_in_two_places():
    shared = nn.DropConnect(nn.Linear(4, 4), 0.4)
    check_gradients(Seeded(nn.Sequential(shared, nn.Tanh(), shared)), draw((3, 4)))


def test_inplace_is_taken_and_changes_no_input():
    x = draw((3, 4))
    kept = x.copy()
    nn.Dropout(0.5, inplace=True)(x)
    np.testing.assert_array_equal(x, kept)
    assert repr(nn.Dropout2d(0.5, True)) == "Dropout2d(p=0.5, inplace=True)"
