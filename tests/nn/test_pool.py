"""Pooling layers with windows, and unpooling."""

import numpy as np
import pytest
from helpers.layers_nn import DTYPES, assert_equals_torch, check_gradients, draw

import fastconv as fc
from fastconv import nn

NAMES = ("MaxPool", "AvgPool", "LPPool")


def drawn(rng, name, n):
    """Arguments of a layer, and an input that fits it, all of its elements different."""
    kernel = tuple(int(k) for k in rng.integers(1, 4, n))
    options = {"kernel_size": kernel, "ceil_mode": bool(rng.integers(2))}
    if rng.integers(3):
        options["stride"] = tuple(int(s) for s in rng.integers(1, 4, n))
    if name == "MaxPool":
        options["dilation"] = tuple(int(d) for d in rng.integers(1, 3, n))
    if name == "LPPool":
        options["norm_type"] = (1, 2, 3, 2.5)[rng.integers(4)]
        if n == 1:
            options["kernel_size"] = kernel[0]  # torch refuses a tuple
    else:
        options["padding"] = tuple(int(rng.integers(k // 2 + 1)) for k in kernel)
    if name == "AvgPool":
        options["count_include_pad"] = bool(rng.integers(2))
        if n > 1 and rng.integers(2):
            options["divisor_override"] = int(rng.integers(1, 5))
    shape = (int(rng.integers(1, 3)), int(rng.integers(1, 4)), *rng.integers(6, 9, n))
    x = rng.permutation(np.prod(shape)).reshape(shape) / np.prod(shape) - 0.49
    if name == "LPPool":
        x = np.abs(x)  # torch gives NaN for roots of negative numbers
    return options, x


def both(name, n, options):
    """Our layer and torch's."""
    torch = pytest.importorskip("torch")
    if name == "LPPool" and n == 3 and not hasattr(torch.nn, "LPPool3d"):
        pytest.skip("this torch has no LPPool3d")
    return getattr(nn, f"{name}{n}d")(**options), getattr(torch.nn, f"{name}{n}d")(**options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_torch_for_random_arguments(name, n, dtype):
    rng = np.random.default_rng(n)
    for i in range(25):
        options, x = drawn(rng, name, n)
        ours, theirs = both(name, n, options)
        assert repr(ours) == repr(theirs)
        if i % 2:
            x = x[0]
        assert_equals_torch(ours, theirs, x.astype(dtype), modes=(True,))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_pass_the_check(name, n):
    rng = np.random.default_rng(10 + n)
    for _ in range(4 - n):
        options, x = drawn(rng, name, n)
        check_gradients(getattr(nn, f"{name}{n}d")(**options), x + 0.01)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_ints_stay_ints_in_the_text_as_torchs(n):
    torch = pytest.importorskip("torch")
    for name in ("MaxPool", "AvgPool", "MaxUnpool"):
        ours, theirs = getattr(nn, f"{name}{n}d"), getattr(torch.nn, f"{name}{n}d")
        assert repr(ours(2)) == repr(theirs(2))
        assert repr(ours([3] * n, 2, 1)) == repr(theirs((3,) * n, 2, 1))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_max_pooling_with_indices_and_unpooling_equal_torch(n):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(n)
    for kernel, stride, padding, size in ((2, None, 0, None), (3, 2, 1, 8), (2, 3, 0, 9)):
        x = rng.standard_normal((2, 3, *(8,) * n))
        tx = torch.from_numpy(x.copy()).requires_grad_()
        pool = getattr(torch.nn, f"MaxPool{n}d")(kernel, stride, padding, return_indices=True)
        unpool = getattr(torch.nn, f"MaxUnpool{n}d")(kernel, stride, padding)
        size = None if size is None else (size,) * n
        ty, places = pool(tx)
        tz = unpool(ty, places, size)
        gz = rng.standard_normal(tuple(tz.shape))
        tz.backward(torch.from_numpy(gz))

        ours = getattr(nn, f"MaxPool{n}d")(kernel, stride, padding, return_indices=True)
        back = getattr(nn, f"MaxUnpool{n}d")(kernel, stride, padding)
        y, indices = ours(x)
        z = back(y, indices, size)
        np.testing.assert_array_equal(indices, places.numpy())
        np.testing.assert_array_equal(z, tz.detach().numpy())
        np.testing.assert_allclose(ours.backward(back.backward(gz)), tx.grad.numpy(), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_unpoolings_gradients_pass_the_check(n):
    x = np.random.default_rng(0).standard_normal((2, 2, *(4,) * n))
    y, indices = getattr(fc, f"max_pool{n}d")(x, 2, return_indices=True)

    class Fixed(type(getattr(nn, f"MaxUnpool{n}d")(2))):
        def forward(self, x):
            return super().forward(x, indices)

    check_gradients(Fixed(2), y)
    unbatched = getattr(nn, f"MaxUnpool{n}d")(2)
    z = unbatched(y[0], indices[0])
    assert z.shape == x.shape[1:]
    np.testing.assert_array_equal(unbatched.backward(z), y[0])


def test_max_pooling_remembers_nothing_within_no_grad():
    layer = nn.MaxPool2d(2)
    x = draw((1, 1, 4, 4))
    y = layer(x)
    with nn.no_grad():
        np.testing.assert_array_equal(layer(x), y)
    with pytest.raises(RuntimeError, match="MaxPool2d: backward: there is no forward pass"):
        layer.backward(y)
    layer = nn.MaxPool2d(2, return_indices=True)
    with nn.no_grad():
        assert len(layer(x)) == 2


@pytest.mark.parametrize("name", ["MaxPool2d", "AvgPool2d"])
def test_an_empty_batch_is_pooled(name):
    layer = getattr(nn, name)(2)
    y = layer(np.ones((0, 3, 4, 4), np.float32))
    assert y.shape == (0, 3, 2, 2)
    assert layer.backward(y).shape == (0, 3, 4, 4)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.MaxPool2d(0), ValueError, "MaxPool2d: kernel_size is 0; it must be an int, at"),
        (lambda: nn.MaxPool2d((2,)), ValueError, r"MaxPool2d: kernel_size is \(2,\)"),
        (lambda: nn.MaxPool1d(3, 0), ValueError, "MaxPool1d: stride is 0"),
        (lambda: nn.MaxPool3d(3, 1, 2), ValueError, "MaxPool3d: padding is 2; it must be at most"),
        (lambda: nn.MaxPool2d(3, ceil_mode=1), TypeError, r"MaxPool2d: ceil_mode is 1 .*True or F"),
        (lambda: nn.AvgPool2d(2, divisor_override=0), ValueError, "AvgPool2d: divisor_override is"),
        (lambda: nn.LPPool2d(0, 2), ValueError, "LPPool2d: norm_type is 0; it must be finite and"),
        (lambda: nn.MaxUnpool2d("2"), TypeError, "MaxUnpool2d: kernel_size is '2'"),
    ],
)
def test_bad_arguments_are_refused_at_construction(make, error, message):
    with pytest.raises(error, match=message):
        make()
