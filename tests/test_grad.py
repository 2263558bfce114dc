"""Every gradient: the reference, torch's autograd, adjoint identities and finite differences."""

import dataclasses

import numpy as np
import pytest
from helpers import checks, children
from helpers.cases import draw_conv, draw_pool, seeded, strategy
from helpers.oracles import Reference, Torch
from helpers.problems import PLAIN
from hypothesis import given, settings

import fastconv as fc
from fastconv.testing import gradcheck

BLOCKS = range(5)
ZEROS = {"padding_mode": "zeros"}


@pytest.mark.parametrize("block", BLOCKS)
def test_convolution_agrees_with_the_reference(block):
    checks.each(seeded(draw_conv, 1000 * block, 80, **ZEROS), checks.conv_grads, Reference())


@pytest.mark.parametrize("block", BLOCKS)
def test_convolution_agrees_with_torchs_autograd(block):
    pytest.importorskip("torch")
    cases = seeded(draw_conv, 10_000 + 1000 * block, 120, **ZEROS)
    checks.each(cases, checks.conv_grads, Torch())


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_convolution_in_integers_is_exact(ndim):
    cases = seeded(draw_conv, 20_000, 120, ndim=ndim, integers=True, **ZEROS)
    checks.each(cases, checks.conv_grads, Reference())


@settings(derandomize=True, max_examples=200, deadline=None)
@given(case=strategy(draw_conv, **ZEROS))
def test_any_convolution_agrees_with_the_reference(case):
    checks.conv_grads(case, Reference())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_every_width_is_exact(layout, stride):
    base = dataclasses.replace(PLAIN, layout=layout, stride=stride, batch=None)
    cases = [dataclasses.replace(base, size=(3, n)) for n in range(1, 71)]
    cases += [
        dataclasses.replace(base, size=(4, n), in_channels=3, out_channels=3, groups=3)
        for n in range(1, 71)
    ]
    checks.each(cases, checks.conv_grads, Reference())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_every_number_of_channels_is_exact(layout):
    base = dataclasses.replace(PLAIN, layout=layout)
    counts = range(1, 41)
    cases = [dataclasses.replace(base, out_channels=n) for n in counts]
    cases += [dataclasses.replace(base, in_channels=n) for n in counts]
    cases += [dataclasses.replace(base, in_channels=n, out_channels=n, groups=n) for n in counts]
    cases += [dataclasses.replace(base, out_channels=n, kernel=(1, 1), padding=0) for n in counts]
    checks.each(cases, checks.conv_grads, Reference())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_every_kernel_is_exact(layout):
    base = dataclasses.replace(PLAIN, layout=layout, size=(13, 18), in_channels=2, batch=1)
    cases = [
        dataclasses.replace(base, kernel=(height, width), padding=padding, stride=stride)
        for height in range(1, 12)
        for width in range(1, 12)
        for padding, stride in (("same", 1), (0, (2, 3)))
    ]
    checks.each(cases, checks.conv_grads, Reference())


def test_depthwise_volumes_of_a_single_slice_take_the_middle_tap():
    base = dataclasses.replace(PLAIN, ndim=3, in_channels=20, out_channels=20, groups=20)
    cases = [
        dataclasses.replace(base, size=(1, 12, 9), kernel=(3, width, width), stride=stride)
        for width in (3, 5)
        for stride in (1, 2)
    ]
    checks.each(cases, checks.conv_grads, Reference())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_large_problems_are_within_the_bound(layout):
    """Reductions longer than the blocks that the caches get."""
    base = dataclasses.replace(PLAIN, layout=layout, integers=False)
    cases = [
        dataclasses.replace(base, in_channels=300, out_channels=37, size=(5, 7)),
        dataclasses.replace(base, in_channels=33, out_channels=530, size=(3, 3)),
        dataclasses.replace(base, in_channels=6, out_channels=20, size=(70, 130)),
        dataclasses.replace(base, in_channels=90, out_channels=90, groups=90, size=(40, 41)),
        dataclasses.replace(base, in_channels=1, out_channels=1, size=(200, 421), stride=2),
        dataclasses.replace(base, in_channels=3, out_channels=40, size=(61, 61), kernel=(7, 7)),
        dataclasses.replace(base, batch=64, in_channels=5, out_channels=6, size=(4, 4)),
    ]
    checks.each(cases, checks.conv_grads, Reference())


def test_random_large_problems_agree_with_the_reference():
    cases = seeded(draw_conv, 60_000, 50, times=4, **ZEROS)
    checks.each(cases, checks.conv_grads, Reference())
    cases = seeded(draw_conv, 61_000, 40, times=4, integers=True, **ZEROS)
    checks.each(cases, checks.conv_grads, Reference())


def test_padding_may_be_many_times_the_image():
    base = dataclasses.replace(PLAIN, size=(2, 3), batch=1)
    cases = [
        dataclasses.replace(base, padding=padding, stride=stride, layout=layout)
        for padding in (17, ((0, 60), (50, 1)), ((33, 0), (0, 0)))
        for stride in (1, 7)
        for layout in ("NCHW", "NHWC")
    ]
    checks.each(cases, checks.conv_grads, Reference())


def test_a_dilation_beyond_the_image_leaves_one_tap():
    rng = np.random.default_rng(1)
    x = rng.integers(-4, 5, (2, 3, 5, 6)).astype(np.float32)
    w = rng.integers(-4, 5, (4, 3, 3, 3)).astype(np.float32)
    gy = rng.integers(-4, 5, (2, 4, 5, 6)).astype(np.float32)
    far = 2**20
    gx, gw, _ = fc.grad.conv2d(gy, x, w, padding=far, dilation=far)
    middle = w[:, :, 1:2, 1:2]
    checks.same(gx, fc.grad.conv2d_input(x.shape, middle, gy), "input gradient")
    expected = np.zeros_like(w)
    expected[:, :, 1:2, 1:2] = fc.grad.conv2d_weight(x, middle.shape, gy)
    checks.same(gw, expected, "weight gradient")


def test_convolution_and_its_gradients_are_adjoint():
    for integers in (False, True):
        cases = seeded(draw_conv, 30_000, 250, integers=integers, **ZEROS)
        checks.each(cases, checks.conv_adjoint)


def test_pooling_and_its_gradients_are_adjoint():
    checks.each(seeded(draw_pool, 31_000, 250), checks.pool_adjoint)


@pytest.mark.parametrize("isa", children.instruction_sets())
def test_every_instruction_set_keeps_the_promises(isa):
    children.sweep("grads", 120, FASTCONV_ISA=isa)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("channels", "outputs", "groups", "size", "layout"),
    [
        (28, 1024, 1, 1, "NHWC"),
        (3, 70, 1, 1, "NCHW"),
        (16, 120, 1, 5, "NCHW"),
        (24, 40, 4, 3, "NCHW"),
        (60, 30, 3, 1, "NHWC"),
        (20, 1, 1, 7, "NCHW"),
    ],
)
def test_of_a_kernel_as_large_as_the_input_they_are_those_of_a_fully_connected_layer(
    channels, outputs, groups, size, layout, dtype
):
    rng = np.random.default_rng(9)
    x = rng.standard_normal((130, channels, size, size)).astype(dtype)
    w = rng.standard_normal((outputs, channels // groups, size, size)).astype(dtype)
    g = rng.standard_normal((130, outputs, 1, 1)).astype(dtype)
    b = rng.standard_normal(channels).astype(dtype)
    parts = [np.split(a, groups, 1) for a in (g, x)]
    flat = [[p.reshape(130, -1).astype(float) for p in part] for part in parts]
    weights = [k.reshape(len(k), -1).astype(float) for k in np.split(w, groups)]
    to_input = np.concatenate([a @ k for a, k in zip(flat[0], weights, strict=True)], 1)
    to_weight = np.concatenate([a.T @ i for a, i in zip(*flat, strict=True)])
    bound = {"rtol": 0, "atol": 2e-4 if dtype is np.float32 else 1e-12}

    def ordered(a):
        return a if layout == "NCHW" else np.ascontiguousarray(np.moveaxis(a, 1, -1))

    options = {"groups": groups, "layout": layout}
    images, grads = ordered(x), ordered(g)
    gx = fc.grad.conv2d_input(images.shape, w, grads, **options)
    np.testing.assert_allclose(gx, ordered(to_input.reshape(x.shape)), **bound)
    gw = fc.grad.conv2d_weight(images, w.shape, grads, **options)
    np.testing.assert_allclose(gw, to_weight.reshape(w.shape), **bound)
    for n in (1, 9, 40):
        some = fc.grad.conv2d_input(images[:n].shape, w, grads[:n], **options)
        assert some.tobytes() == gx[:n].tobytes()

    y = fc.conv_transpose2d(grads, w, b, stride=size, activation="relu", **options)
    expected = np.maximum(to_input.reshape(x.shape) + b[:, None, None], 0)
    np.testing.assert_allclose(y, ordered(expected), **bound)


def test_what_is_not_finite_reaches_only_what_it_belongs_to():
    checks.each(seeded(draw_conv, 40_000, 250, **ZEROS), checks.grads_not_finite, Reference())
    large = seeded(draw_conv, 41_000, 25, times=4, **ZEROS)
    checks.each(large, checks.grads_not_finite, Reference())


def test_a_nan_in_grad_output_stays_in_its_channels_weights():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 4, 9, 9)).astype(np.float32)
    gy = rng.standard_normal((2, 6, 7, 7)).astype(np.float32)
    gy[1, 4, 3, 3] = np.nan
    for groups in (1, 2):
        gw = fc.grad.conv2d_weight(x, (6, 4 // groups, 3, 3), gy, groups=groups)
        expected = np.zeros(gw.shape, bool)
        expected[4] = True
        np.testing.assert_array_equal(np.isnan(gw), expected)


def test_a_nan_in_a_corner_of_the_input_stays_in_the_weights_that_see_it():
    x = np.ones((1, 2, 8, 8), np.float32)
    x[0, 1, 0, 0] = np.nan
    gy = np.ones((1, 3, 6, 6), np.float32)
    gw = fc.grad.conv2d_weight(x, (3, 2, 3, 3), gy)
    expected = np.zeros(gw.shape, bool)
    expected[:, 1, 0, 0] = True
    np.testing.assert_array_equal(np.isnan(gw), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kernel", [3, 4, 5, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_infinite_gradients_beside_the_padding_do_not_meet_it(kernel, stride, dtype):
    """Inf times the zeros of the padding would be NaN: the direct sum has no such product."""
    rng = np.random.default_rng(4)
    for size in (7, 20, 37):
        x = (1 + rng.random((2, 3, size, size))).astype(dtype)
        out = (size - 1) // stride + 1 if kernel % 2 else (size - 2) // stride + 1
        gy = rng.standard_normal((2, 6, out, out)).astype(dtype)
        gy[0, 1, 0, 0] = gy[1, 2, -1, -1] = gy[1, 4, 0, -1] = np.inf
        options = {"padding": (kernel - 1) // 2, "stride": stride, "groups": 3}
        shape = 6, 1, kernel, kernel
        for layout in ("NCHW", "NHWC"):
            a, b = (x, gy) if layout == "NCHW" else (np.moveaxis(v, 1, -1).copy() for v in (x, gy))
            gw = fc.grad.conv2d_weight(a, shape, b, **options, layout=layout)
            assert not np.isnan(gw).any()
            assert np.isinf(gw[[1, 2, 4]]).any(axis=(1, 2, 3)).all()
            assert np.isfinite(gw[[0, 3, 5]]).all()


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_modes_fold_back_to_torchs_gradient(mode):
    """The recipe of the contract: pad first, and fold the gradient back."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(9)
    x, w = rng.standard_normal((2, 3, 6, 7)), rng.standard_normal((4, 3, 3, 3))
    tensor = torch.from_numpy(x).requires_grad_(True)
    padded = torch.nn.functional.pad(tensor, (2, 1, 1, 2), mode=mode)
    y = torch.nn.functional.conv2d(padded, torch.from_numpy(w))
    gy = rng.standard_normal(tuple(y.shape))
    y.backward(torch.from_numpy(gy))
    places = np.pad(
        np.arange(42).reshape(6, 7),
        ((1, 2), (2, 1)),
        mode={"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode],
    )
    spread = fc.grad.conv2d_input(tuple(padded.shape), w, gy)
    folded = np.zeros((2, 3, 42))
    np.add.at(folded, (slice(None), slice(None), places.ravel()), spread.reshape(2, 3, -1))
    np.testing.assert_allclose(folded.reshape(x.shape), tensor.grad.numpy(), rtol=1e-12, atol=1e-12)


# ---- Masks, empty batches ------------------------------------------------------------------------


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_masked_gradients_are_none(ndim):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 3, *(6,) * ndim)).astype(np.float32)
    w = rng.standard_normal((4, 3, *(3,) * ndim)).astype(np.float32)
    gy = rng.standard_normal((2, 4, *(4,) * ndim)).astype(np.float32)
    gradients = getattr(fc.grad, f"conv{ndim}d")
    full = gradients(gy, x, w)
    for mask in ((True, False, False), (False, True, False), (False, False, True), (False,) * 3):
        got = gradients(gy, x, w, output_mask=mask)
        for one, whole, wanted in zip(got, full, mask, strict=True):
            assert (one is not None) == wanted
            if wanted:
                checks.same_bytes(one, whole, f"mask {mask}")


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_an_empty_batch_has_zero_weight_gradients(ndim):
    x = np.ones((0, 3, *(6,) * ndim), np.float32)
    gy = np.ones((0, 4, *(4,) * ndim), np.float32)
    w = np.ones((4, 3, *(3,) * ndim), np.float32)
    gx, gw, gb = getattr(fc.grad, f"conv{ndim}d")(gy, x, w)
    assert gx.shape == x.shape
    checks.same(gw, np.zeros_like(w), "weight gradient")
    checks.same(gb, np.zeros(4, np.float32), "bias gradient")
    out = checks.nans(w.shape, "float32")
    getattr(fc.grad, f"conv{ndim}d_weight")(x, w.shape, gy, out=out)
    checks.same(out, np.zeros_like(w), "weight gradient in out")
    pooled = np.ones((0, 3, *(3,) * ndim), np.float32)
    assert getattr(fc.grad, f"avg_pool{ndim}d")(pooled, x.shape, 2).shape == x.shape
    indices = np.ones(pooled.shape, np.int64)
    assert getattr(fc.grad, f"max_pool{ndim}d")(pooled, indices, x.shape).shape == x.shape
    assert getattr(fc.grad, f"adaptive_avg_pool{ndim}d")(pooled, x.shape).shape == x.shape
    lp_pool = getattr(fc.grad, f"lp_pool{ndim}d")
    assert lp_pool(pooled, x, pooled, 2, 2).shape == x.shape


def test_input_rows_that_no_window_reaches_have_no_gradient():
    """(8 - 3) is not a multiple of 2: the last row and column are read by nothing."""
    rng = np.random.default_rng(2)
    w, gy = rng.standard_normal((4, 3, 3, 3)), rng.standard_normal((2, 4, 3, 3))
    gx = fc.grad.conv2d_input((2, 3, 8, 8), w, gy, stride=2)
    assert not gx[:, :, 7].any()
    assert not gx[:, :, :, 7].any()
    assert gx[:, :, :7, :7].all()


# ---- Pooling -------------------------------------------------------------------------------------


def test_max_pooling_adds_each_gradient_where_its_maximum_stood():
    for integers in (False, True):  # integers: ties too
        cases = seeded(draw_pool, 50_000, 200, dilated=True, integers=integers)
        checks.each(cases, checks.max_pool_grad, Reference())


def test_average_pooling_agrees_with_the_reference():
    checks.each(seeded(draw_pool, 51_000, 300), checks.avg_pool_grad, Reference())


def test_average_pooling_agrees_with_torchs_autograd():
    pytest.importorskip("torch")
    cases = (c for c in seeded(draw_pool, 52_000, 300) if c.fits or c.ndim < 3)
    checks.each(cases, checks.avg_pool_grad, Torch())


def test_max_pooling_agrees_with_torchs_autograd():
    torch = pytest.importorskip("torch")
    oracle = Torch()
    for case in seeded(draw_pool, 53_000, 150, dilated=True):
        x, gy = case.array(), case.grad_output()
        tensor = oracle.tensor(x, grad=True)
        y = getattr(torch.nn.functional, f"max_pool{case.ndim}d")(
            tensor, case.kernel, case.stride, case.padding, case.dilation, case.ceil_mode
        )
        y.backward(oracle.tensor(gy))
        indices = checks.call(
            "max_pool{n}d",
            case,
            case.present(x),
            case.kernel,
            **case.max_arguments(),
            return_indices=True,
        )[1]
        got = checks.call(
            "grad.max_pool{n}d",
            case,
            case.present(gy),
            indices,
            case.shape(x.shape),
            layout=case.layout,
        )
        magnitude = checks.scatter(case, case.canonical(indices), np.abs(gy))
        got, expected = case.canonical(got), tensor.grad.numpy()
        checks.within(got, expected, magnitude, case.elements, f"{case}")


@pytest.mark.parametrize("norm", [1, 2, 3, 1.5])
@pytest.mark.parametrize("oracle", [Reference, Torch])
def test_norm_pooling_agrees(norm, oracle):
    if oracle is Torch:
        pytest.importorskip("torch")
    agreed = oracle()
    for case in seeded(draw_pool, 54_000, 60, padded=False):
        x, gy = np.abs(case.array()), case.grad_output()
        given, lp = case.present(x), case.lp_arguments()
        y = checks.call("lp_pool{n}d", case, given, norm, case.kernel, **lp)
        got = checks.call(
            "grad.lp_pool{n}d", case, case.present(gy), given, y, norm, case.kernel, **lp
        )

        # The roundings of the sum, the powers, and the output that it is given.
        roundings = 3 * case.elements + 40
        expected, magnitude = (agreed.lp_pool_grad(case, x, norm, g) for g in (gy, np.abs(gy)))
        checks.within(case.canonical(got), expected, magnitude, roundings, f"{norm}: {case}")


def test_norm_pooling_of_signed_values_has_torchs_signs():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(4)
    x = rng.standard_normal((2, 3, 8, 8))
    tensor = torch.from_numpy(x).requires_grad_(True)
    y = torch.nn.functional.lp_pool2d(tensor, 2, 2)
    gy = rng.standard_normal(tuple(y.shape))
    y.backward(torch.from_numpy(gy))
    got = fc.grad.lp_pool2d(gy, x, y.detach().numpy(), 2, 2)
    np.testing.assert_allclose(got, tensor.grad.numpy(), rtol=1e-12)


def test_adaptive_average_agrees_with_torchs_autograd():
    pytest.importorskip("torch")
    rng = np.random.default_rng(6)
    for case in seeded(draw_pool, 55_000, 200):
        x = case.array()
        size = tuple(int(rng.integers(1, n + 3)) for n in case.size)
        gy = case.values((*x.shape[:2], *size), 3)
        got = checks.call(
            "grad.adaptive_avg_pool{n}d",
            case,
            case.present(gy),
            case.shape(x.shape),
            layout=case.layout,
        )
        expected = Torch().adaptive_avg_pool_grad(x, size, gy)
        magnitude = Torch().adaptive_avg_pool_grad(x, size, np.abs(gy))
        windows = int(np.prod([o // n + 2 for o, n in zip(size, case.size, strict=True)]))
        checks.within(case.canonical(got), expected, magnitude, 2 * windows + 2, f"{size}: {case}")


def test_adaptive_maximum_has_the_gradient_of_its_indices():
    x = np.random.default_rng(8).standard_normal((2, 3, 7, 10)).astype(np.float32)
    y, indices = fc.adaptive_max_pool2d(x, (3, 4), return_indices=True)
    gx = fc.grad.max_pool2d(y, indices, x.shape)
    expected = np.zeros((6, 70), np.float32)
    np.add.at(expected, (np.arange(6)[:, None], indices.reshape(6, -1)), y.reshape(6, -1))
    np.testing.assert_allclose(gx.reshape(6, 70), expected, rtol=1e-6)


def test_pooling_gradients_keep_nan_to_its_window():
    gy = np.ones((1, 1, 4, 4), np.float32)
    gy[0, 0, 1, 2] = np.nan
    gx = fc.grad.avg_pool2d(gy, (1, 1, 9, 9), 3, 2)
    expected = np.zeros((9, 9), bool)
    expected[2:5, 4:7] = True
    np.testing.assert_array_equal(np.isnan(gx[0, 0]), expected)
    indices = np.arange(16).reshape(1, 1, 4, 4) * 5
    gx = fc.grad.max_pool2d(gy, indices, (1, 1, 9, 9))
    assert np.flatnonzero(np.isnan(gx)).tolist() == [30]


# ---- Finite differences --------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "padding": ((1, 0), (2, 1))},
        {"dilation": 2, "padding": "full"},
        {"groups": 2, "padding": "same"},
    ],
    ids=str,
)
def test_convolution_passes_gradcheck(layout, options):
    rng = np.random.default_rng(1)
    shape = (2, 4, 5, 6) if layout == "NCHW" else (2, 5, 6, 4)
    x = rng.standard_normal(shape)
    w = rng.standard_normal((6, 4 // options.get("groups", 1), 2, 2))
    b = rng.standard_normal(6)
    gradcheck(
        lambda x, w, b: fc.conv2d(x, w, b, **options, layout=layout),
        lambda gy, x, w, b: fc.grad.conv2d(gy, x, w, **options, layout=layout),
        (x, w, b),
    )


def test_transposed_convolution_passes_gradcheck():
    rng = np.random.default_rng(2)
    options = {"stride": (2, 3), "padding": 1, "output_padding": 1, "groups": 2}
    gradcheck(
        lambda x, w, b: fc.conv_transpose2d(x, w, b, **options),
        lambda gy, x, w, b: fc.grad.conv_transpose2d(gy, x, w, **options),
        (
            rng.standard_normal((2, 4, 3, 4)),
            rng.standard_normal((4, 3, 3, 3)),
            rng.standard_normal(6),
        ),
    )


def test_pooling_passes_gradcheck():
    # A permutation: no ties, and no two values close enough for a difference to exchange them.
    x = np.random.default_rng(3).permutation(2 * 3 * 7 * 6).reshape(2, 3, 7, 6) / 25.0 + 0.1

    def max_backward(gy, x):
        indices = fc.max_pool2d(x, 3, 2, 1, return_indices=True)[1]
        return (fc.grad.max_pool2d(gy, indices, x.shape),)

    gradcheck(lambda x: fc.max_pool2d(x, 3, 2, 1), max_backward, (x,))
    gradcheck(
        lambda x: fc.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        lambda gy, x: (fc.grad.avg_pool2d(gy, x.shape, 3, 2, 1, count_include_pad=False),),
        (x,),
    )
    gradcheck(
        lambda x: fc.lp_pool2d(x, 3, 2),
        lambda gy, x: (fc.grad.lp_pool2d(gy, x, fc.lp_pool2d(x, 3, 2), 3, 2),),
        (x,),
    )
    gradcheck(
        lambda x: fc.adaptive_avg_pool2d(x, (3, 4)),
        lambda gy, x: (fc.grad.adaptive_avg_pool2d(gy, x.shape),),
        (x,),
    )
