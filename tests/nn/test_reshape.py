"""nn.Flatten, nn.Unflatten, nn.ZeroPad1d..3d."""

import numpy as np
import pytest
from helpers.layers_nn import DTYPES, assert_equals_torch, check_gradients, draw

from fastconv import nn


@pytest.mark.parametrize("arguments", [(), (0,), (1, 2), (-2, -1), (2, 2), (0, -1)])
def test_flatten_equals_torch(arguments):
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    assert_equals_torch(nn.Flatten(*arguments), torch.nn.Flatten(*arguments), x)


def test_flatten_keeps_an_empty_batch():
    assert nn.Flatten()(np.ones((0, 3, 4))).shape == (0, 12)


def test_flattens_gradient_passes_the_check():
    check_gradients(nn.Flatten(), np.random.default_rng(0).standard_normal((2, 3, 4)))


def test_flatten_refuses_axes_that_are_not_there():
    with pytest.raises(ValueError, match="Flatten: end_dim is 3; it must be from -3 to 2"):
        nn.Flatten(1, 3)(np.ones((2, 3, 4)))
    with pytest.raises(ValueError, match="Flatten: start_dim 2 is behind end_dim 1"):
        nn.Flatten(2, 1)(np.ones((2, 3, 4)))


# ---- Unflatten -----------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(1, (3, 4)), (1, (2, -1, 3)), (-2, (12,)), (2, (1, 5))])
def test_unflatten_equals_torch(arguments):
    torch = pytest.importorskip("torch")
    ours, theirs = nn.Unflatten(*arguments), torch.nn.Unflatten(*arguments)
    assert repr(ours) == repr(theirs)
    assert_equals_torch(ours, theirs, draw((2, 12, 5)))


def test_unflatten_undoes_flatten():
    x = draw((2, 3, 4, 5))
    there, back = nn.Flatten(), nn.Unflatten(1, (3, 4, 5))
    np.testing.assert_array_equal(back(there(x)), x)
    check_gradients(back, draw((2, 60)))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1, (5, 3)), ValueError, r"Unflatten: unflattened_size is \(5, 3\); .* the axis' 12"),
        ((1, (5, -1)), ValueError, r"Unflatten: unflattened_size is \(5, -1\)"),
        ((1, (-1, -1)), ValueError, r"Unflatten: unflattened_size is \(-1, -1\)"),
        ((3, (12,)), ValueError, "Unflatten: dim is 3; it must be an axis of the input's shape"),
        ((1, 12), TypeError, "Unflatten: unflattened_size is 12 "),
    ],
)
def test_unflatten_refuses_sizes_that_do_not_fit(arguments, error, message):
    with pytest.raises(error, match=message):
        nn.Unflatten(*arguments)(draw((2, 12)))


# ---- Zero padding --------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_zero_padding_equals_torch(n, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(n)
    paddings = [0, 2, -1, *(tuple(map(int, rng.integers(-2, 4, 2 * n))) for _ in range(20))]
    for padding in paddings:
        ours, theirs = (getattr(m, f"ZeroPad{n}d")(padding) for m in (nn, torch.nn))
        assert repr(ours) == repr(theirs)
        x = draw((2, 3, *(5, 6, 7)[:n]), dtype)
        assert_equals_torch(ours, theirs, x, modes=(True,))
        assert_equals_torch(ours, theirs, x[0], modes=(True,))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_zero_paddings_gradient_passes_the_check(n):
    check_gradients(getattr(nn, f"ZeroPad{n}d")((1, -1) * n), draw((2, 2, *(3, 4, 3)[:n])))


def test_zero_padding_takes_arrays_as_they_lie_and_none_at_all():
    x = draw((40, 30, 20, 5))
    layer = nn.ZeroPad2d((1, 2, 3, 0))
    expected = np.pad(x.T, ((0, 0), (0, 0), (3, 0), (1, 2)))
    np.testing.assert_array_equal(layer(x.T), expected)
    np.testing.assert_array_equal(layer.backward(expected[::-1])[::-1], x.T)
    assert layer(x[:0]).shape == (0, 30, 23, 8)
    assert layer.backward(np.ones((0, 30, 23, 8), np.float32)).shape == (0, 30, 20, 5)
    np.testing.assert_array_equal(nn.ZeroPad1d(1)(np.ones((2, 3, 0))), np.zeros((2, 3, 2)))


def test_zero_padding_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"ZeroPad2d: padding is \(1, 2\); it must be an int or a"):
        nn.ZeroPad2d((1, 2))
    with pytest.raises(TypeError, match=r"ZeroPad1d: padding is 1.5"):
        nn.ZeroPad1d(1.5)
    with pytest.raises(ValueError, match=r"ZeroPad1d: padding is \(-2, -1\); it must leave some"):
        nn.ZeroPad1d((-2, -1))(draw((1, 1, 3)))
    with pytest.raises(ValueError, match=r"ZeroPad1d: padding is \(-4, 8\); it must leave some"):
        nn.ZeroPad1d((-4, 8))(draw((1, 1, 3)))
    with pytest.raises(ValueError, match="ZeroPad1d: x has shape"):
        nn.ZeroPad1d(1)(draw((1, 1, 3, 3)))
