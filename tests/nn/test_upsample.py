"""nn.Upsample."""

import numpy as np
import pytest
from helpers.layers_nn import DTYPES, assert_equals_torch, check_gradients, draw

import fastconv as fc
from fastconv import nn

LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


def drawn(rng, n, mode):
    """Keyword arguments: a size, or a scale factor, up or down."""
    options = {"mode": mode}
    if mode != "nearest":
        options["align_corners"] = (None, False, True)[rng.integers(3)]
    if rng.integers(2):
        size = tuple(int(s) for s in rng.integers(1, 14, n))
        options["size"] = size if rng.integers(2) else size[0]
        return options
    factors = tuple(float(f) for f in rng.choice([0.5, 0.7, 1, 1.3, 2, 2.5, 3, 4, 7], n))
    options["scale_factor"] = factors if rng.integers(2) else factors[0]
    options["recompute_scale_factor"] = (None, True)[rng.integers(2)]
    return options


def torchs_gradient_is_of_another_function(layer, space):
    """Of an output that a factor such as 1.3 leaves at the same size, or 2.3 at twice the size.

    torch's nearest forward pass then goes by the factor, its backward pass by the sizes.
    """
    if layer.scale_factor is None or layer.recompute_scale_factor:
        return False
    factors = np.broadcast_to(layer.scale_factor, len(space))
    return any(
        f not in (1, 2) and int(size * f) in (size, 2 * size)
        for f, size in zip(factors, space, strict=True)
    )


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_equals_torch_for_random_arguments(n, linear, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(n)
    for _ in range(60):
        options = drawn(rng, n, LINEAR[n] if linear else "nearest")
        ours, theirs = nn.Upsample(**options), torch.nn.Upsample(**options)
        assert repr(ours) == repr(theirs)
        x = draw((2, 3, *rng.integers(2, 9, n)), dtype)
        if linear or not torchs_gradient_is_of_another_function(ours, x.shape[2:]):
            assert_equals_torch(ours, theirs, x, modes=(True,))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_nearest_element_is_torchs_for_every_pair_of_sizes(dtype):
    torch = pytest.importorskip("torch")
    x = np.arange(70, dtype=dtype).reshape(1, 1, 70)
    for size in range(1, 70, 3):
        for output in range(1, 200, 7):
            theirs = torch.nn.Upsample(output)(torch.from_numpy(x[:, :, :size].copy()))
            np.testing.assert_array_equal(nn.Upsample(output)(x[:, :, :size]), theirs.numpy())


@pytest.mark.parametrize("factors", [(1, 1), (2, 2), (1, 3), (5, 2), (4, 1), (8, 7)])
@pytest.mark.parametrize("size", [(1, 1), (1, 4), (6, 5)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_whole_factors_equal_torch(factors, size, dtype):
    torch = pytest.importorskip("torch")
    x = draw((2, 5, *size), dtype)
    for mode in ("nearest", "bilinear"):
        options = {"scale_factor": tuple(map(float, factors)), "mode": mode}
        assert_equals_torch(nn.Upsample(**options), torch.nn.Upsample(**options), x, modes=(True,))
        options = {"size": tuple(s * f for s, f in zip(size, factors, strict=True)), "mode": mode}
        assert_equals_torch(nn.Upsample(**options), torch.nn.Upsample(**options), x, modes=(True,))


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_of_many_vectors_equal_torch(corners, dtype):
    torch = pytest.importorskip("torch")
    for size, output in [(1, 67), (67, 1), (2, 95), (31, 33), (33, 31), (40, 129), (250, 41)]:
        options = {"size": (3, output), "mode": "bilinear", "align_corners": corners}
        x = draw((2, 3, 5, size), dtype)
        assert_equals_torch(nn.Upsample(**options), torch.nn.Upsample(**options), x, modes=(True,))


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_not_finite_shows_where_torch_shows_it(corners, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for size, output in [(20, 45), (45, 20), (70, 33), (37, 101)]:
        options = {"size": output, "mode": "linear", "align_corners": corners}
        ours, theirs = nn.Upsample(**options), torch.nn.Upsample(**options)
        x, gy = draw((3, 4, size), dtype), draw((3, 4, output), dtype)
        for values in (x, gy):
            for value in (np.nan, np.inf, -np.inf):
                values[rng.integers(3), rng.integers(4), rng.integers(values.shape[2])] = value
        given = torch.from_numpy(x).requires_grad_()
        expected = theirs(given)
        expected.backward(torch.from_numpy(gy))
        for result, want in [
            (ours(x), expected.detach().numpy()),
            (ours.backward(gy), given.grad.numpy()),
        ]:
            np.testing.assert_array_equal(np.isnan(result), np.isnan(want))
            np.testing.assert_allclose(result, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_gradients_pass_the_check(n, mode):
    mode = mode if mode == "nearest" else LINEAR[n]
    x = draw((2, 2, *(3, 4, 3)[:n]))
    check_gradients(nn.Upsample(scale_factor=2, mode=mode), x)
    check_gradients(nn.Upsample(5, mode=mode), x)
    check_gradients(nn.Upsample(2, mode=mode), x)
    if mode != "nearest":
        check_gradients(nn.Upsample(scale_factor=1.5, mode=mode, align_corners=True), x)


def test_an_empty_batch_is_resized():
    for mode in ("nearest", "bilinear"):
        layer = nn.Upsample(scale_factor=2, mode=mode)
        y = layer(draw((0, 3, 4, 4)))
        assert y.shape == (0, 3, 8, 8)
        assert layer.backward(y).shape == (0, 3, 4, 4)


def test_nan_stays_where_it_is():
    x = np.zeros((1, 1, 4))
    x[0, 0, 0] = np.nan
    y = nn.Upsample(scale_factor=2, mode="linear")(x)
    assert np.isnan(y[0, 0]).tolist() == [True, True, True] + [False] * 5


def test_the_same_bytes_whatever_the_number_of_threads():
    x = draw((4, 8, 30, 31))
    for layer in (nn.Upsample(scale_factor=2), nn.Upsample(scale_factor=2, mode="bilinear")):
        results = []
        for threads in (1, 2, 5):
            with fc.num_threads(threads):
                y = layer(x)
                results.append((y.tobytes(), layer.backward(y * y).tobytes()))
        assert results[0] == results[1] == results[2]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "Upsample: size and scale_factor: neither is given; exactly one"),
        ({"size": 2, "scale_factor": 2}, ValueError, "both are given"),
        ({"size": 0}, ValueError, "Upsample: size is 0"),
        ({"size": 2.5}, TypeError, "Upsample: size is 2.5"),
        ({"scale_factor": -1}, ValueError, "Upsample: scale_factor is -1; it must be finite"),
        ({"size": 2, "mode": "cubic"}, ValueError, "Upsample: mode is 'cubic'; it must be one of"),
        ({"size": 2, "align_corners": True}, ValueError, "Upsample: align_corners is True; it mus"),
        (
            {"scale_factor": 2, "recompute_scale_factor": 1},
            TypeError,
            "recompute_scale_factor is 1",
        ),
        ({"size": (2, 2, 2)}, ValueError, r"Upsample: size is \(2, 2, 2\); .* 2 for this input"),
        ({"size": 2, "mode": "linear"}, ValueError, "mode 'linear' needs 3 dimensions"),
        ({"scale_factor": 0.1}, ValueError, r"Upsample: from \(4, 4\) to \(0, 0\)"),
        (
            {"size": 3, "recompute_scale_factor": True},
            ValueError,
            "Upsample: recompute_scale_factor is True; with size it must not",
        ),
    ],
)
def test_bad_arguments_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        nn.Upsample(**options)(draw((1, 1, 4, 4)))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_resizing_does_not_depend_on_threads_or_strides(mode):
    x = np.random.default_rng(0).standard_normal((4, 30, 33, 41)).astype(np.float32)
    apart = np.swapaxes(np.swapaxes(x, 1, 3).copy(), 1, 3)
    results = []
    for threads in (1, 3):
        with fc.num_threads(threads):
            for given in (x, apart):
                layer = nn.Upsample((50, 27), mode=mode)
                y = layer(given)
                results.append((y.tobytes(), layer.backward(y).tobytes()))
    assert len(set(results)) == 1
