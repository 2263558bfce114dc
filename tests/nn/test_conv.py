"""nn.Conv1d..3d and nn.ConvTranspose1d..3d."""

import numpy as np
import pytest
from helpers.layers_nn import assert_equals_torch, check_gradients

import fastconv as fc
from fastconv import nn

MODES = ("zeros", "reflect", "replicate", "circular")


def drawn(rng, n, transposed):
    """Arguments of a layer, and an input that fits it."""
    groups = int(rng.integers(1, 4))
    into, out = groups * int(rng.integers(1, 4)), groups * int(rng.integers(1, 4))
    kernel = tuple(int(k) for k in rng.integers(1, 5, n))
    stride = tuple(int(s) for s in rng.integers(1, 4, n))
    dilation = tuple(int(d) for d in rng.integers(1, 3, n))
    options = {"stride": stride, "dilation": dilation, "groups": groups}
    options["bias"] = bool(rng.integers(2))
    if transposed:
        options["padding"] = tuple(int(rng.integers(k)) for k in kernel)
        pairs = zip(stride, dilation, strict=True)
        options["output_padding"] = tuple(int(rng.integers(max(p))) for p in pairs)
    else:
        options["padding_mode"] = MODES[rng.integers(4)]
        options["padding"] = tuple(int(p) for p in rng.integers(0, 4, n))
        if max(stride) == 1:
            options["padding"] = ("same", "valid")[rng.integers(2)]
    space = rng.integers(7, 10, n)
    x = rng.standard_normal((int(rng.integers(1, 3)), into, *space))
    return (into, out, kernel), options, x[0] if rng.integers(2) else x


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equals_torch_for_random_arguments(n, transposed, dtype):
    torch = pytest.importorskip("torch")
    name = f"ConvTranspose{n}d" if transposed else f"Conv{n}d"
    rng = np.random.default_rng(n)
    for _ in range(25):
        sizes, options, x = drawn(rng, n, transposed)
        ours = getattr(nn, name)(*sizes, **options, dtype=dtype)
        theirs = getattr(torch.nn, name)(*sizes, **options)
        assert repr(ours) == repr(theirs)
        assert_equals_torch(ours, theirs, x.astype(dtype), modes=(True,))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding", ["same", "valid", 2])
def test_padding_by_name_equals_torch(padding, mode):
    torch = pytest.importorskip("torch")
    arguments = (3, 5, (3, 4), 1, padding, (2, 1), 1, True, mode)
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 10))
    ours = nn.Conv2d(*arguments, dtype=np.float64)
    assert_equals_torch(ours, torch.nn.Conv2d(*arguments), x)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_pass_the_check(n, transposed):
    name = f"ConvTranspose{n}d" if transposed else f"Conv{n}d"
    rng = np.random.default_rng(10 + n)
    for _ in range(4 - n):
        sizes, options, x = drawn(rng, n, transposed)
        check_gradients(getattr(nn, name)(*sizes, **options), x)


@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_every_padding_mode_pass_the_check(mode):
    layer = nn.Conv2d(2, 3, 3, padding=(2, 1), padding_mode=mode)
    check_gradients(layer, np.random.default_rng(0).standard_normal((2, 2, 4, 3)))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_initial_weights_fill_torchs_bounds(n):
    torch = pytest.importorskip("torch")
    for name, sizes in ((f"Conv{n}d", (8, 64, 3)), (f"ConvTranspose{n}d", (64, 8, 3))):
        ours = getattr(nn, name)(*sizes, groups=2)
        theirs = getattr(torch.nn, name)(*sizes, groups=2)
        assert ours.weight.shape == tuple(theirs.weight.shape)
        bound = float(theirs.weight.detach().abs().max())
        assert np.abs(ours.weight.data).max() == pytest.approx(bound, rel=0.05)
        bound = 1 / np.sqrt(np.prod(theirs.weight.shape[1:]))
        assert np.abs(ours.bias.data).max() <= bound
        assert ours.weight.data.std() == pytest.approx(bound / np.sqrt(3), rel=0.1)


def test_output_size_chooses_the_output_padding():
    torch = pytest.importorskip("torch")
    ours = nn.ConvTranspose2d(2, 3, 3, stride=3, dtype=np.float64)
    theirs = torch.nn.ConvTranspose2d(2, 3, 3, stride=3).double()
    theirs.load_state_dict({k: torch.from_numpy(v) for k, v in ours.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((1, 2, 4, 5))
    for size in ((12, 16), (14, 15)):
        y = ours(x, size)
        wanted = theirs(torch.from_numpy(x), size).detach().numpy()
        np.testing.assert_allclose(y, wanted, rtol=1e-12, atol=1e-12)
        assert ours.backward(y).shape == x.shape
    with pytest.raises(ValueError, match=r"ConvTranspose2d: output_size is \(15, 15\); .* 12 to 1"):
        ours(x, (15, 15))
    with pytest.raises(TypeError, match=r"ConvTranspose2d: x is \[\[\["):
        ours(x.tolist(), output_size=(12, 16))


def test_frozen_parameters_get_no_gradient():
    layer = nn.Conv2d(2, 3, 3)
    layer.weight.requires_grad = False
    y = layer(np.ones((1, 2, 5, 5), np.float32))
    layer.backward(y)
    assert layer.weight.grad is None
    assert layer.bias.grad.shape == (3,)
    layer.zero_grad()
    layer.requires_grad_(False)
    assert layer.backward(y).shape == (1, 2, 5, 5)
    assert layer.bias.grad is None


def test_gradients_add_up():
    layer = nn.Conv1d(2, 3, 3, padding=1)
    x = np.random.default_rng(0).standard_normal((2, 2, 6)).astype(np.float32)
    y = layer(x)
    layer.backward(y)
    once = layer.weight.grad.copy()
    layer.backward(y)
    np.testing.assert_array_equal(layer.weight.grad, 2 * once)


@pytest.mark.parametrize("mode", MODES)
def test_forward_relu_is_relu_of_forward(mode):
    layer = nn.Conv2d(3, 4, 3, padding=1, padding_mode=mode)
    x = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32)
    plain, gradient = layer(x), layer.backward(np.ones((2, 4, 8, 8), np.float32))
    np.testing.assert_array_equal(layer.forward_relu(x), np.maximum(plain, 0))
    np.testing.assert_array_equal(layer.backward(np.ones_like(plain)), gradient)


def test_an_empty_batch_gives_zero_gradients():
    layer = nn.Conv2d(2, 3, 3)
    y = layer(np.ones((0, 2, 5, 5), np.float32))
    assert y.shape == (0, 3, 3, 3)
    assert layer.backward(y).shape == (0, 2, 5, 5)
    assert not layer.weight.grad.any()


def test_the_same_bytes_whatever_the_number_of_threads():
    x = np.random.default_rng(0).standard_normal((8, 16, 20, 20)).astype(np.float32)
    layer = nn.Conv2d(16, 32, 3, padding=1, padding_mode="reflect")
    results = []
    for threads in (1, 2, 5):
        with fc.num_threads(threads):
            layer.zero_grad()
            y = layer(x)
            gx = layer.backward(y)
            results.append([a.tobytes() for a in (y, gx, layer.weight.grad, layer.bias.grad)])
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0, 1, 3), {}, ValueError, "Conv2d: in_channels is 0; it must be an int, at least 1"),
        ((2, 1.5, 3), {}, TypeError, "Conv2d: out_channels is 1.5"),
        ((2, 3, (3,)), {}, ValueError, "Conv2d: kernel_size is .3,.; it must be an int or a tuple"),
        ((2, 3, 3, 0), {}, ValueError, "Conv2d: stride is 0"),
        ((2, 3, 3), {"padding": "full"}, ValueError, "Conv2d: padding is 'full'; .*'same'"),
        ((2, 3, 3, 2, "same"), {}, ValueError, "Conv2d: padding is 'same'; .*stride 1"),
        ((2, 3, 3), {"groups": 2}, ValueError, "Conv2d: groups is 2; it must divide the 3 out_"),
        ((2, 3, 3), {"padding_mode": "wrap"}, ValueError, "Conv2d: padding_mode is 'wrap'"),
        ((2, 3, 3), {"dtype": "int8"}, TypeError, "Conv2d: dtype: 'int8'"),
    ],
)
def test_bad_arguments_are_refused_at_construction(arguments, options, error, message):
    with pytest.raises(error, match=message):
        nn.Conv2d(*arguments, **options)


def test_a_transposed_layer_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="ConvTranspose1d: output_padding is 2; it must be below"):
        nn.ConvTranspose1d(1, 1, 3, stride=2, output_padding=2)
    with pytest.raises(ValueError, match=r"ConvTranspose1d: padding_mode is 'reflect'; .*'zeros'"):
        nn.ConvTranspose1d(1, 1, 3, padding_mode="reflect")


def test_two_float_types_are_refused():
    with pytest.raises(TypeError, match="float64"):
        nn.Conv2d(2, 3, 3)(np.ones((1, 2, 5, 5)))
