"""The reference operators against torch, SciPy and sums written out by hand."""

import ast
import doctest
import inspect
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from fastconv.testing import reference
from fastconv.testing.reference import grad

DIMENSIONS = pytest.mark.parametrize("n", [1, 2, 3])
CASES = 40


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield torch
    torch.set_num_threads(threads)


def tensor(torch, array, requires_grad=False):
    return torch.tensor(np.asarray(array, np.float64), requires_grad=requires_grad)


def agree(got, expected, case):
    expected = expected.detach().numpy() if hasattr(expected, "detach") else np.asarray(expected)
    assert got.dtype == expected.dtype, case
    assert got.shape == expected.shape, case
    np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-11, err_msg=str(case))


def ints(rng, n, low, high):
    return tuple(int(v) for v in rng.integers(low, high + 1, n))


def last(array):
    """Channels last, of an array with channels second."""
    return np.moveaxis(array, 1, -1)


def layout_last(n):
    return {1: "NWC", 2: "NHWC", 3: "NDHWC"}[n]


def conv_case(rng, n):
    """Arrays and options of a random convolution that is not empty."""
    groups, kernel = int(rng.integers(1, 4)), ints(rng, n, 1, 3)
    stride, dilation = ints(rng, n, 1, 3), ints(rng, n, 1, 2)
    spans = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    spatial = tuple(span + int(rng.integers(1, 5)) for span in spans)
    inputs, outputs = (int(v) for v in rng.integers(1, 4, 2))
    x = rng.standard_normal((int(rng.integers(1, 3)), groups * inputs, *spatial))
    w = rng.standard_normal((groups * outputs, inputs, *kernel))
    b = rng.standard_normal(groups * outputs) if rng.integers(2) else None
    return x, w, b, {"stride": stride, "dilation": dilation, "groups": groups}


def pairs_of(padding, kernel, stride, dilation):
    """The padding spelt out, for torch's pad function."""
    span = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    if padding == "full":
        return [(s, s) for s in span]
    if padding == "valid":
        return [(0, 0) for _ in span]
    if isinstance(padding, int):
        return [(padding, padding) for _ in span]
    return [p if isinstance(p, tuple) else (p, p) for p in padding]


def random_padding(rng, n, stride):
    forms = [
        int(rng.integers(0, 3)),
        ints(rng, n, 0, 2),
        tuple(ints(rng, 2, 0, 2) for _ in range(n)),
        "valid",
        "full",
        *(["same"] if max(stride) == 1 else []),
    ]
    return forms[rng.integers(len(forms))]


def torch_conv(torch, n, x, w, b, padding, mode, options):
    """Torch's convolution; its own "same", and for all other forms its own pad function."""
    conv = getattr(torch.nn.functional, f"conv{n}d")
    if padding == "same" and mode == "zeros":
        return conv(x, w, b, padding="same", **options)
    pairs = pairs_of(padding, w.shape[2:], options["stride"], options["dilation"])
    flat = [p for pair in reversed(pairs) for p in pair]
    x = torch.nn.functional.pad(x, flat, mode="constant" if mode == "zeros" else mode)
    return conv(x, w, b, **options)


# Convolution


@DIMENSIONS
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
def test_conv_agrees_with_torch_for_every_form_of_padding(torch, n):
    rng = np.random.default_rng(n)
    for _ in range(2 * CASES):
        x, w, b, options = conv_case(rng, n)
        if rng.integers(3) == 0:
            options["stride"] = (1,) * n
        padding = random_padding(rng, n, options["stride"])
        case = (x.shape, w.shape, padding, options)
        tensors = [None if a is None else tensor(torch, a) for a in (x, w, b)]
        expected = torch_conv(torch, n, *tensors, padding, "zeros", options)
        conv = getattr(reference, f"conv{n}d")
        agree(conv(x, w, b, padding=padding, **options), expected, case)
        got = conv(last(x), w, b, padding=padding, layout=layout_last(n), **options)
        agree(got, last(expected.numpy()), case)
        agree(conv(x[0], w, b, padding=padding, **options), expected[0], case)
        shape = reference.conv_output_shape(x.shape, w.shape, padding=padding, **options)
        assert shape == expected.shape, case


@DIMENSIONS
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_modes_agree_with_torch(torch, n, mode):
    rng = np.random.default_rng(10 * n)
    for _ in range(CASES // 2):
        x, w, b, options = conv_case(rng, n)
        size = min(x.shape[2:])
        padding = tuple(ints(rng, 2, 0, max(size - 1, 0)) for _ in range(n))
        tensors = [None if a is None else tensor(torch, a) for a in (x, w, b)]
        expected = torch_conv(torch, n, *tensors, padding, mode, options)
        conv = getattr(reference, f"conv{n}d")
        got = conv(x, w, b, padding=padding, padding_mode=mode, **options)
        agree(got, expected, (x.shape, w.shape, padding, options))


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
def test_same_padding_agrees_with_torchs_layer_in_every_mode(torch, mode):
    x = np.random.default_rng(0).standard_normal((2, 3, 9, 8))
    layer = torch.nn.Conv2d(3, 4, (4, 3), padding="same", dilation=(1, 2), padding_mode=mode)
    layer = layer.double()
    w, b = (p.detach().numpy() for p in (layer.weight, layer.bias))
    got = reference.conv2d(x, w, b, padding="same", dilation=(1, 2), padding_mode=mode)
    agree(got, layer(tensor(torch, x)), mode)


@pytest.mark.parametrize(
    ("mode", "pad"), [("reflect", (4, 0)), ("circular", (0, 5)), ("mirror", (1, 1))]
)
def test_padding_that_a_mode_cannot_make_is_refused(mode, pad):
    with pytest.raises(ValueError, match="padding"):
        reference.conv1d(np.ones((1, 4)), np.ones((1, 1, 2)), padding=(pad,), padding_mode=mode)


@DIMENSIONS
def test_conv_agrees_with_scipy_correlate(n):
    signal = pytest.importorskip("scipy.signal")
    rng = np.random.default_rng(n)
    x, w = rng.standard_normal((7,) * n), rng.standard_normal((4,) * n)
    conv = getattr(reference, f"conv{n}d")
    for padding in ("valid", "full"):
        expected = signal.correlate(x, w, padding, method="direct")
        agree(conv(x[None], w[None, None], padding=padding)[0], expected, padding)


def test_conv_gives_the_course_examples():
    x, w = [[1, 2, -5, 4, 2, -1]], [[[-1, 2, -1]]]
    expected = {
        "valid": [8, -16, 11, 1],
        "same": [0, 8, -16, 11, 1, -4],
        "full": [-1, 0, 8, -16, 11, 1, -4, 1],
    }
    for padding, values in expected.items():
        np.testing.assert_array_equal(reference.conv1d(x, w, padding=padding)[0], values)
    assert reference.conv2d(np.ones((1, 4, 4)), np.ones((1, 1, 3, 3)), padding=1).shape == (1, 4, 4)


def test_conv_is_the_sum_over_taps_written_out():
    rng = np.random.default_rng(5)
    x, w = rng.standard_normal((2, 4, 6, 5)), rng.standard_normal((6, 2, 3, 2))
    got = reference.conv2d(x, w, stride=(2, 1), padding=((1, 0), (0, 2)), dilation=(1, 2), groups=2)
    for b, k, i, j in np.ndindex(got.shape):
        total = 0.0
        for c, p, q in np.ndindex(2, 3, 2):
            row, column = 2 * i + p - 1, j + 2 * q
            if 0 <= row < 6 and 0 <= column < 5:
                total += x[b, k // 3 * 2 + c, row, column] * w[k, c, p, q]
        assert got[b, k, i, j] == pytest.approx(total, abs=1e-12)


def test_activations_clip_and_pass_nan_on():
    x = np.array([[-3.0, -1.0, 0.5, 9.0, np.nan]])
    w = np.ones((1, 1, 1))
    expected = {"relu": [0, 0, 0.5, 9, np.nan], "relu6": [0, 0, 0.5, 6, np.nan]}
    for name, values in expected.items():
        np.testing.assert_array_equal(reference.conv1d(x, w, activation=name)[0], values)
        got = reference.conv_transpose1d(x, w, activation=name)[0]
        np.testing.assert_array_equal(got, values)
    got = reference.conv1d(x, w, [1], activation=(-1, 2))[0]
    np.testing.assert_array_equal(got, [-1, 0, 1.5, 2, np.nan])
    for wrong in ["tanh", (2, 1), (1, 2, 3)]:
        with pytest.raises(ValueError, match="activation"):
            reference.conv1d(x, w, activation=wrong)


@DIMENSIONS
def test_conv_transpose_and_its_gradients_agree_with_torch(torch, n):
    rng = np.random.default_rng(20 + n)
    forward = getattr(torch.nn.functional, f"conv_transpose{n}d")
    for _ in range(CASES):
        _, w, _, options = conv_case(rng, n)
        outputs = w.shape[1] * options["groups"]
        x = rng.standard_normal((2, w.shape[0], *ints(rng, n, 1, 4)))
        b = rng.standard_normal(outputs)
        extra = [max(s, d) for s, d in zip(options["stride"], options["dilation"], strict=True)]
        options["output_padding"] = tuple(int(rng.integers(0, e)) for e in extra)
        options["padding"] = ints(rng, n, 0, 1)
        tensors = [tensor(torch, a, requires_grad=True) for a in (x, w, b)]
        case = (x.shape, w.shape, options)
        try:
            expected = forward(*tensors, **options)
        except RuntimeError:
            with pytest.raises(ValueError, match="leaves an output"):
                getattr(reference, f"conv_transpose{n}d")(x, w, b, **options)
            continue
        got = getattr(reference, f"conv_transpose{n}d")(x, w, b, **options)
        agree(got, expected, case)
        gy = rng.standard_normal(got.shape)
        expected.backward(tensor(torch, gy))
        backward = getattr(grad, f"conv_transpose{n}d")
        for mine, theirs in zip(backward(gy, x, w, **options), tensors, strict=True):
            agree(mine, theirs.grad, case)
        layout = layout_last(n)
        got = getattr(reference, f"conv_transpose{n}d")(last(x), w, b, layout=layout, **options)
        agree(got, last(expected.detach().numpy()), case)
        gx, gw, gb = backward(last(gy), last(x), w, layout=layout, **options)
        agree(gx, last(tensors[0].grad.numpy()), case)
        agree(gw, tensors[1].grad, case)
        agree(gb, tensors[2].grad, case)


@DIMENSIONS
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
def test_conv_gradients_agree_with_torch_for_every_form_of_padding(torch, n):
    rng = np.random.default_rng(30 + n)
    for _ in range(CASES):
        x, w, _, options = conv_case(rng, n)
        b = rng.standard_normal(len(w))
        if rng.integers(3) == 0:
            options["stride"] = (1,) * n
        padding = random_padding(rng, n, options["stride"])
        case = (x.shape, w.shape, padding, options)
        tensors = [tensor(torch, a, requires_grad=True) for a in (x, w, b)]
        y = torch_conv(torch, n, *tensors, padding, "zeros", options)
        gy = rng.standard_normal(tuple(y.shape))
        y.backward(tensor(torch, gy))
        gx, gw, gb = (t.grad.numpy() for t in tensors)
        options = {"padding": padding, **options}

        def gradient(what, n=n):
            return getattr(grad, f"conv{n}d{what}")

        agree(gradient("_input")(x.shape, w, gy, **options), gx, case)
        agree(gradient("_weight")(x, w.shape, gy, **options), gw, case)
        agree(gradient("_bias")(gy), gb, case)
        for mine, theirs in zip(gradient("")(gy, x, w, **options), (gx, gw, gb), strict=True):
            agree(mine, theirs, case)
        options["layout"] = layout_last(n)
        shape = last(x).shape
        agree(gradient("_input")(shape, w, last(gy), **options), last(gx), case)
        agree(gradient("_weight")(last(x), w.shape, last(gy), **options), gw, case)
        agree(gradient("_bias")(last(gy), layout=layout_last(n)), gb, case)
        mine = gradient("")(last(gy), last(x), w, **options)
        for one, theirs in zip(mine, (last(gx), gw, gb), strict=True):
            agree(one, theirs, case)


@DIMENSIONS
def test_gradients_without_a_batch_axis_have_none(n):
    rng = np.random.default_rng(n)
    x, w = rng.standard_normal((2, *[5] * n)), rng.standard_normal((3, 2, *[3] * n))
    gy = rng.standard_normal((3, *[3] * n))
    whole = getattr(grad, f"conv{n}d")(gy[None], x[None], w)
    alone = getattr(grad, f"conv{n}d")(gy, x, w)
    np.testing.assert_array_equal(alone[0], whole[0][0])
    np.testing.assert_array_equal(alone[1], whole[1])
    np.testing.assert_array_equal(alone[2], whole[2])
    np.testing.assert_array_equal(getattr(grad, f"conv{n}d_input")(x.shape, w, gy), whole[0][0])
    np.testing.assert_array_equal(getattr(grad, f"conv{n}d_bias")(gy), whole[2])


def test_masked_gradients_are_none():
    x, w, gy = np.ones((1, 1, 5)), np.ones((1, 1, 3)), np.ones((1, 1, 3))
    for mask in itertools.product([False, True], repeat=3):
        got = grad.conv1d(gy, x, w, output_mask=mask)
        assert tuple(g is not None for g in got) == mask
        got = grad.conv_transpose1d(np.ones((1, 1, 7)), x, w, output_mask=mask)
        assert tuple(g is not None for g in got) == mask


def test_conv_abs_bounds_what_can_go_wrong():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 2, 8, 8)), rng.standard_normal((4, 1, 3, 3))
    b = rng.standard_normal(4)
    options = {"stride": 2, "padding": "full", "groups": 2}
    bound = reference.conv_abs(x, w, b, **options)
    expected = reference.conv2d(np.abs(x), np.abs(w), np.abs(b), **options)
    np.testing.assert_array_equal(bound, expected)
    exact = reference.conv2d(x, w, b, **options)
    assert (np.abs(exact) <= bound).all()
    rounded = reference.conv2d(*(a.astype(np.float32) for a in (x, w, b)), **options)
    assert (np.abs(rounded - exact) <= 3 * 2.0**-24 * bound).all()


@DIMENSIONS
def test_conv_matrix_multiplies_as_the_convolution_and_its_transpose_as_the_gradient(n):
    rng = np.random.default_rng(n)
    for _ in range(CASES // 2):
        x, w, _, options = conv_case(rng, n)
        options["padding"] = random_padding(rng, n, options["stride"])
        matrix = reference.conv_matrix(w, x.shape[1:], **options)
        y = getattr(reference, f"conv{n}d")(x[0], w, **options)
        assert matrix.shape == (y.size, x[0].size)
        np.testing.assert_allclose(matrix @ x[0].ravel(), y.ravel(), rtol=0, atol=1e-12)
        gx = getattr(grad, f"conv{n}d_input")(x.shape[1:], w, y, **options)
        np.testing.assert_allclose(matrix.T @ y.ravel(), gx.ravel(), rtol=0, atol=1e-11)
        batch = reference.conv_matrix(w, x.shape, **options)
        y = getattr(reference, f"conv{n}d")(x, w, **options)
        np.testing.assert_allclose(batch @ x.ravel(), y.ravel(), rtol=0, atol=1e-12)


def test_fold_and_unfold_agree_with_torch(torch):
    rng = np.random.default_rng(0)
    for _ in range(CASES):
        x, w, _, options = conv_case(rng, 2)
        options = {"stride": options["stride"], "dilation": options["dilation"]}
        options["padding"] = ints(rng, 2, 0, 2)
        kernel = w.shape[2:]
        columns = reference.unfold(x, kernel, **options)
        agree(columns, torch.nn.functional.unfold(tensor(torch, x), kernel, **options), options)
        agree(reference.unfold(x[0], kernel, **options), columns[0], options)
        columns = rng.standard_normal(columns.shape)
        expected = torch.nn.functional.fold(tensor(torch, columns), x.shape[2:], kernel, **options)
        agree(reference.fold(columns, x.shape[2:], kernel, **options), expected, options)
        agree(reference.fold(columns[0], x.shape[2:], kernel, **options), expected[0], options)


@pytest.mark.parametrize("padding", ["valid", "same", "full", ((1, 2), (0, 1))])
def test_unfold_takes_every_form_of_padding(padding):
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal((2, 3, 6, 5)), rng.standard_normal((4, 3, 3, 2))
    columns = reference.unfold(x, (3, 2), padding=padding)
    y = reference.conv2d(x, w, padding=padding)
    np.testing.assert_allclose((w.reshape(4, -1) @ columns).reshape(y.shape), y, atol=1e-12)
    back = reference.fold(columns, (6, 5), (3, 2), padding=padding)
    count = reference.fold(np.ones_like(columns), (6, 5), (3, 2), padding=padding)
    np.testing.assert_allclose(back, x * count, atol=1e-12)


# Pooling


def pool_case(rng, n, dilated):
    kernel = ints(rng, n, 1, 4)
    options = {
        "stride": None if rng.integers(4) == 0 else ints(rng, n, 1, 4),
        "padding": tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel),
        "ceil_mode": bool(rng.integers(2)),
    }
    if dilated:
        options["dilation"] = ints(rng, n, 1, 2)
    dilation = options.get("dilation", (1,) * n)
    spans = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    spatial = tuple(span + int(rng.integers(1, 6)) for span in spans)
    return rng.integers(-4, 5, (2, 3, *spatial)).astype(float), kernel, options


@DIMENSIONS
def test_max_pool_and_its_gradient_agree_with_torch(torch, n):
    rng = np.random.default_rng(40 + n)
    for _ in range(CASES):
        x, kernel, options = pool_case(rng, n, dilated=True)
        t = tensor(torch, x, requires_grad=True)
        forward = getattr(torch.nn.functional, f"max_pool{n}d")
        expected, where = forward(t, kernel, return_indices=True, **options)
        case = (x.shape, kernel, options)
        pool = getattr(reference, f"max_pool{n}d")
        got, indices = pool(x, kernel, return_indices=True, **options)
        agree(got, expected, case)
        agree(indices, where, case)
        agree(pool(x[0], kernel, **options), expected[0], case)
        gy = rng.standard_normal(got.shape)
        expected.backward(tensor(torch, gy))
        backward = getattr(grad, f"max_pool{n}d")
        agree(backward(gy, indices.astype(np.int32), x.shape), t.grad, case)
        layout = layout_last(n)
        got, indices = pool(last(x), kernel, return_indices=True, layout=layout, **options)
        agree(got, last(expected.detach().numpy()), case)
        agree(indices, last(where.numpy()), case)
        gx = backward(last(gy), indices, last(x).shape, layout=layout)
        agree(gx, last(t.grad.numpy()), case)


def test_max_pool_gives_the_course_example():
    x = [[[29, 15, 28, 184], [0, 100, 70, 38], [12, 12, 7, 2], [12, 12, 45, 6]]]
    y, where = reference.max_pool2d(x, 2, return_indices=True)
    assert y.tolist() == [[[100, 184], [12, 45]]]
    assert where.tolist() == [[[5, 3], [8, 14]]]


def test_max_pool_takes_the_first_nan_and_the_first_maximum():
    nan, inf = np.nan, np.inf
    x = [[1, nan, 7, nan, 5, 5, 2, 1, -inf, -inf, -inf, -inf]]
    y, where = reference.max_pool1d(x, 4, return_indices=True)
    np.testing.assert_array_equal(y, [[nan, 5, -inf]])
    assert where.tolist() == [[1, 4, 8]]
    y, where = reference.adaptive_max_pool1d(x, 3, return_indices=True)
    np.testing.assert_array_equal(y, [[nan, 5, -inf]])
    assert where.tolist() == [[1, 4, 8]]
    _, where = reference.max_pool1d([[-inf, -inf]], 3, 1, 1, return_indices=True)
    assert where.tolist() == [[0, 0]]


@DIMENSIONS
def test_avg_pool_and_its_gradient_agree_with_torch(torch, n):
    rng = np.random.default_rng(50 + n)
    for _ in range(CASES):
        x, kernel, options = pool_case(rng, n, dilated=False)
        options["count_include_pad"] = bool(rng.integers(2))
        if n > 1 and rng.integers(2):
            options["divisor_override"] = int(rng.integers(1, 9))
        t = tensor(torch, x, requires_grad=True)
        expected = getattr(torch.nn.functional, f"avg_pool{n}d")(t, kernel, **options)
        case = (x.shape, kernel, options)
        pool, backward = getattr(reference, f"avg_pool{n}d"), getattr(grad, f"avg_pool{n}d")
        agree(pool(x, kernel, **options), expected, case)
        gy = rng.standard_normal(tuple(expected.shape))
        expected.backward(tensor(torch, gy))
        agree(backward(gy, x.shape, kernel, **options), t.grad, case)
        agree(backward(gy[0], x.shape[1:], kernel, **options), t.grad[0], case)
        options["layout"] = layout_last(n)
        agree(pool(last(x), kernel, **options), last(expected.detach().numpy()), case)
        gx = backward(last(gy), last(x).shape, kernel, **options)
        agree(gx, last(t.grad.numpy()), case)


def test_avg_pool1d_divides_by_the_override():
    x = [[1, 2, 3, 4]]
    assert reference.avg_pool1d(x, 2, divisor_override=4).tolist() == [[0.75, 1.75]]
    assert grad.avg_pool1d([[4, 8]], (1, 4), 2, divisor_override=4).tolist() == [[1, 1, 2, 2]]
    with pytest.raises(ValueError, match="divisor_override"):
        reference.avg_pool1d(x, 2, divisor_override=0)


@DIMENSIONS
@pytest.mark.parametrize("norm", [1, 2, 3, 0.5, 1.5])
def test_lp_pool_and_its_gradient_agree_with_torch(torch, n, norm):
    rng = np.random.default_rng(60 + n)
    for _ in range(CASES // 4):
        x, kernel, options = pool_case(rng, n, dilated=False)
        del options["padding"]
        if norm < 1:
            x += 0.5  # below 1 the gradient at 0 is infinite
        t = tensor(torch, x, requires_grad=True)
        forward = getattr(torch.nn.functional, f"lp_pool{n}d")
        if n == 1:  # torch takes no tuples here
            one = {**options, "stride": options["stride"] and options["stride"][0]}
            expected = forward(t, float(norm), kernel[0], **one)
        else:
            expected = forward(t, float(norm), kernel, **options)
        case = (x.shape, kernel, options)
        pool, backward = getattr(reference, f"lp_pool{n}d"), getattr(grad, f"lp_pool{n}d")
        y = pool(x, norm, kernel, **options)
        agree(y, expected, case)
        gy = rng.standard_normal(y.shape)
        expected.backward(tensor(torch, gy))
        agree(backward(gy, x, y, norm, kernel, **options), t.grad, case)
        options["layout"] = layout_last(n)
        agree(pool(last(x), norm, kernel, **options), last(y), case)
        gx = backward(last(gy), last(x), last(y), norm, kernel, **options)
        agree(gx, last(t.grad.numpy()), case)


@DIMENSIONS
def test_adaptive_pools_and_their_gradients_agree_with_torch(torch, n):
    rng = np.random.default_rng(70 + n)
    layout = layout_last(n)
    for _ in range(CASES // 2):
        x = rng.standard_normal((2, 3, *ints(rng, n, 1, 7)))
        size = tuple(None if rng.integers(5) == 0 else v for v in ints(rng, n, 1, 8))
        case = (x.shape, size)
        t = tensor(torch, x, requires_grad=True)
        explicit = [e if s is None else s for s, e in zip(size, x.shape[2:], strict=True)]
        expected = getattr(torch.nn.functional, f"adaptive_avg_pool{n}d")(t, explicit)
        pool = getattr(reference, f"adaptive_avg_pool{n}d")
        agree(pool(x, size), expected, case)
        agree(pool(last(x), size, layout=layout), last(expected.detach().numpy()), case)
        gy = rng.standard_normal(tuple(expected.shape))
        expected.backward(tensor(torch, gy))
        backward = getattr(grad, f"adaptive_avg_pool{n}d")
        agree(backward(gy, x.shape), t.grad, case)
        gx = backward(last(gy), last(x).shape, layout=layout)
        agree(gx, last(t.grad.numpy()), case)

        t = tensor(torch, x, requires_grad=True)
        forward = getattr(torch.nn.functional, f"adaptive_max_pool{n}d")
        expected, where = forward(t, explicit, return_indices=True)
        pool = getattr(reference, f"adaptive_max_pool{n}d")
        got, indices = pool(x, size, return_indices=True)
        agree(got, expected, case)
        agree(indices, where, case)
        expected.backward(tensor(torch, gy))
        agree(getattr(grad, f"max_pool{n}d")(gy, indices, x.shape), t.grad, case)
        agree(pool(last(x), size, layout=layout), last(got), case)


@DIMENSIONS
def test_max_unpool_agrees_with_torch(torch, n):
    rng = np.random.default_rng(80 + n)
    for _ in range(CASES):
        kernel = ints(rng, n, 1, 3)
        spatial = tuple(k + int(rng.integers(0, 5)) for k in kernel)
        x = rng.permutation(2 * 3 * int(np.prod(spatial))).reshape(2, 3, *spatial).astype(float)
        pool = getattr(reference, f"max_pool{n}d")
        y, where = pool(x, kernel, return_indices=True)
        forward = getattr(torch.nn.functional, f"max_unpool{n}d")
        t = torch.tensor(where)
        expected = forward(tensor(torch, y), t, kernel, output_size=list(spatial))
        case = (x.shape, kernel)
        unpool = getattr(reference, f"max_unpool{n}d")
        agree(unpool(y, where, kernel, output_size=spatial), expected, case)
        agree(unpool(y, where, kernel, output_size=x.shape), expected, case)
        agree(unpool(y[0], where[0], kernel, output_size=spatial), expected[0], case)
        layout = layout_last(n)
        shape = last(x).shape
        got = unpool(last(y), last(where), kernel, output_size=shape, layout=layout)
        agree(got, last(expected.numpy()), case)


def test_max_unpool_has_torchs_default_size():
    y, where = np.ones((1, 1, 3)), np.array([[[0, 2, 4]]])
    assert reference.max_unpool1d(y, where, 3, 2, 1).shape == (1, 1, 5)
    assert reference.max_unpool1d(y, where, 2).tolist() == [[[1, 0, 1, 0, 1, 0]]]
    with pytest.raises(ValueError, match="indices"):
        reference.max_unpool1d(y, where + 2, 2)
    with pytest.raises(ValueError, match="output_size"):
        reference.max_unpool1d(y, where, 2, output_size=(8,))


# Rules for every function


def test_an_empty_batch_gives_empty_results_and_zero_weight_gradients():
    x, w = np.zeros((0, 2, 5, 5)), np.ones((3, 2, 3, 3))
    assert reference.conv2d(x, w, padding=1).shape == (0, 3, 5, 5)
    assert reference.conv_transpose2d(x, np.ones((2, 3, 3, 3))).shape == (0, 3, 7, 7)
    gx, gw, gb = grad.conv2d(np.zeros((0, 3, 3, 3)), x, w)
    assert gx.shape == x.shape
    np.testing.assert_array_equal(gw, np.zeros(w.shape))
    np.testing.assert_array_equal(gb, np.zeros(3))
    y, where = reference.max_pool2d(x, 2, return_indices=True)
    assert y.shape == where.shape == (0, 2, 2, 2)
    assert grad.max_pool2d(y, where, x.shape).shape == x.shape
    assert reference.adaptive_max_pool2d(x, 2).shape == (0, 2, 2, 2)
    assert reference.adaptive_avg_pool2d(x, 2).shape == (0, 2, 2, 2)
    assert grad.adaptive_avg_pool2d(y, x.shape).shape == x.shape
    assert reference.avg_pool2d(x, 2).shape == (0, 2, 2, 2)
    assert reference.max_unpool2d(y, where, 2).shape == (0, 2, 4, 4)
    assert reference.unfold(x, 3).shape == (0, 18, 9)
    assert reference.fold(np.zeros((0, 18, 9)), 5, 3).shape == x.shape


def test_nan_and_inf_reach_only_the_outputs_that_see_them():
    x = np.zeros((1, 1, 9))
    x[..., 4] = np.nan
    x[..., 0] = np.inf
    y = reference.conv1d(x, np.ones((1, 1, 3)), padding=1)[0, 0]
    np.testing.assert_array_equal(np.isnan(y), [0, 0, 0, 1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(np.isinf(y), [1, 1, 0, 0, 0, 0, 0, 0, 0])
    y = reference.avg_pool1d(x, 3)[0, 0]
    np.testing.assert_array_equal(y, [np.inf, np.nan, 0])


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda r: r.conv1d(np.ones((1, 0, 5)), np.ones((1, 1, 3))), ValueError, "shape"),
        (lambda r: r.conv1d(np.ones((1, 2)), np.ones((1, 1, 3))), ValueError, "exceeds"),
        (lambda r: r.conv1d(np.ones((1, 5)), np.ones((1, 2, 3))), ValueError, "groups"),
        (lambda r: r.conv1d(np.ones((1, 5)), np.ones((1, 1, 3)), stride=0), ValueError, "stride"),
        (lambda r: r.conv1d(np.ones((1, 5)), np.ones((1, 1, 3)), stride=1.0), TypeError, "stride"),
        (lambda r: r.conv1d(np.ones((1, 5)), np.ones((1, 1, 3)), bias=[1, 2]), ValueError, "bias"),
        (
            lambda r: r.conv1d(np.ones((1, 5)), np.ones((1, 1, 3)), stride=2, padding="same"),
            ValueError,
            "same",
        ),
        (
            lambda r: r.conv1d(np.ones((1, 5)), np.ones((1, 1, 3)), padding=(1, 1)),
            ValueError,
            "padding",
        ),
        (
            lambda r: r.conv2d(np.ones((1, 5, 5)), np.ones((1, 1, 3, 3)), padding=(1, (1, 1))),
            ValueError,
            "pairs",
        ),
        (
            lambda r: r.conv1d(np.ones((1, 5)), np.ones((1, 1, 3)), layout="NHWC"),
            ValueError,
            "layout",
        ),
        (lambda r: r.conv1d(np.ones((1, 5)) * 1j, np.ones((1, 1, 3))), TypeError, "complex"),
        (
            lambda r: r.conv_transpose1d(np.ones((1, 5)), np.ones((1, 1, 3)), output_padding=1),
            ValueError,
            "output_padding",
        ),
        (lambda r: r.max_pool1d(np.ones((1, 5)), 3, padding=2), ValueError, "padding"),
        (lambda r: r.max_pool1d(np.ones((1, 1)), 2, 1, 1, 2), ValueError, "no element"),
        (lambda r: r.max_pool1d(np.ones((1, 5)), 6), ValueError, "exceeds"),
        (lambda r: r.adaptive_avg_pool1d(np.ones((1, 5)), 0), ValueError, "output_size"),
        (lambda r: r.lp_pool1d(np.ones((1, 5)), np.inf, 2), ValueError, "norm_type"),
        (lambda r: r.lp_pool1d(np.ones((1, 5)), 0, 2), ValueError, "norm_type"),
        (lambda r: r.grad.max_pool1d([[1.0]], [[5]], (1, 5)), ValueError, "indices"),
        (lambda r: r.grad.max_pool1d([[1.0]], [[0.0]], (1, 5)), TypeError, "indices"),
        (
            lambda r: r.grad.conv1d_input((1, 1, 5), np.ones((1, 1, 3)), np.ones((1, 3))),
            ValueError,
            "batch",
        ),
        (
            lambda r: r.grad.conv1d_weight(np.ones((1, 5)), (1, 1, 3), np.ones((1, 4))),
            ValueError,
            "grad_output",
        ),
    ],
)
def test_arguments_that_cannot_be_are_refused(call, error, match):
    with pytest.raises(error, match=match):
        call(reference)


def test_inputs_are_never_changed_and_may_be_of_any_real_dtype():
    x = np.arange(12, dtype=np.int8).reshape(1, 12)
    kept = x.copy()
    w = np.ones((1, 1, 3), ">f4")
    y = reference.conv1d(x, w, activation="relu")
    assert y.dtype == np.float64
    np.testing.assert_array_equal(x, kept)
    np.testing.assert_array_equal(y[0], 3 * np.arange(1, 11))


def test_the_reference_imports_nothing_but_numpy_and_itself():
    allowed = sys.stdlib_module_names | {"numpy"}
    files = sorted(Path(reference.__file__).parent.glob("*.py"))
    assert len(files) > 1
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, file.name
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module.split(".")[0] in allowed, file.name
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 1, file.name


def public_functions():
    for module in (reference, grad):
        for name in module.__all__:
            if callable(getattr(module, name)):
                yield pytest.param(getattr(module, name), id=f"{module.__name__}.{name}")


@pytest.mark.parametrize("function", list(public_functions()))
def test_every_public_function_has_an_example_that_runs(function):
    tests = doctest.DocTestFinder(recurse=False).find(function, globs={})
    assert sum(len(test.examples) for test in tests) > 0
    for test in tests:
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0
    assert "{n}" not in function.__doc__


def test_signatures_are_those_of_the_contract():
    expected = {
        reference.conv2d: "input weight bias=None stride=1 padding=0 dilation=1 groups=1 * "
        "layout=None padding_mode='zeros' activation=None",
        reference.conv_transpose2d: "input weight bias=None stride=1 padding=0 output_padding=0 "
        "groups=1 dilation=1 * layout=None activation=None",
        reference.max_pool2d: "input kernel_size stride=None padding=0 dilation=1 ceil_mode=False "
        "return_indices=False * layout=None",
        reference.lp_pool2d: "input norm_type kernel_size stride=None ceil_mode=False "
        "* layout=None",
        reference.unfold: "input kernel_size dilation=1 padding=0 stride=1",
        reference.fold: "input output_size kernel_size dilation=1 padding=0 stride=1",
        grad.conv2d: "grad_output input weight stride=1 padding=0 dilation=1 groups=1 * "
        "layout=None output_mask=(True, True, True)",
        grad.lp_pool2d: "grad_output input output norm_type kernel_size stride=None "
        "ceil_mode=False * layout=None",
    }
    for function, text in expected.items():
        words, starred = [], False
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.KEYWORD_ONLY and not starred:
                words.append("*")
                starred = True
            default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
            words.append(parameter.name + default)
        assert " ".join(words) == text
