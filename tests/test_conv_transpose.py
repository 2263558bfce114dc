"""Transposed convolution and its gradients, against the reference, torch and its definition."""

import dataclasses

import numpy as np
import pytest
from helpers import checks, children
from helpers.cases import draw_transpose, seeded, strategy
from helpers.oracles import Reference, Torch
from helpers.problems import Transpose
from hypothesis import given, settings

import fastconv as fc

PLAIN = Transpose(
    seed=1,
    ndim=2,
    batch=2,
    size=(4, 7),
    kernel=(3, 3),
    stride=2,
    padding=1,
    dilation=1,
    layout=None,
    dtype="float32",
    integers=True,
    in_channels=3,
    out_channels=5,
    groups=1,
    output_padding=1,
    bias=True,
    activation=None,
)


@pytest.mark.parametrize("block", range(4))
def test_random_problems_agree_with_the_reference(block):
    checks.each(seeded(draw_transpose, 1000 * block, 75), checks.transpose, Reference())


@pytest.mark.parametrize("block", range(4))
def test_random_problems_agree_with_torch(block):
    pytest.importorskip("torch")
    checks.each(seeded(draw_transpose, 20_000 + 1000 * block, 150), checks.transpose, Torch())


@pytest.mark.parametrize("block", range(3))
def test_gradients_agree_with_the_reference(block):
    checks.each(
        seeded(draw_transpose, 30_000 + 1000 * block, 75), checks.transpose_grads, Reference()
    )


@pytest.mark.parametrize("block", range(3))
def test_gradients_agree_with_torch(block):
    pytest.importorskip("torch")
    checks.each(seeded(draw_transpose, 40_000 + 1000 * block, 100), checks.transpose_grads, Torch())


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_integers_come_out_exact(ndim):
    for check in (checks.transpose, checks.transpose_grads):
        cases = seeded(draw_transpose, 50_000, 100, ndim=ndim, integers=True)
        checks.each(cases, check, Reference())


@settings(derandomize=True, max_examples=150, deadline=None)
@given(case=strategy(draw_transpose))
def test_any_problem_agrees_with_the_reference(case):
    checks.transpose(case, Reference())
    checks.transpose_grads(case, Reference())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_every_number_of_channels_and_every_width_is_exact(layout, stride):
    base = dataclasses.replace(PLAIN, layout=layout, stride=stride, output_padding=stride - 1)
    cases = [dataclasses.replace(base, out_channels=n) for n in range(1, 41)]
    cases += [dataclasses.replace(base, in_channels=n) for n in range(1, 41)]
    cases += [dataclasses.replace(base, size=(2, n)) for n in range(1, 71)]
    checks.each(cases, checks.transpose, Reference())


@pytest.mark.parametrize("isa", children.instruction_sets())
def test_every_instruction_set_keeps_the_promises(isa):
    children.sweep("transpose", 120, FASTCONV_ISA=isa)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("size", "kernel", "channels", "groups"),
    [
        ((14, 14), (2, 2), (150, 70), 1),
        ((2, 3), (2, 2), (9, 40), 1),
        ((5, 33), (3, 5), (16, 12), 2),
        ((4, 6), (2, 2), (12, 210), 3),
        ((7, 7), (16, 16), (20, 3), 1),
        ((9, 4), (1, 3), (8, 30), 1),
        ((6, 5), (4, 1), (8, 9), 1),
    ],
)
def test_windows_side_by_side_are_each_the_kernel_times_its_pixel(
    size, kernel, channels, groups, dtype
):
    rng = np.random.default_rng(6)
    taken, given = channels
    x = rng.integers(-4, 5, (19, taken, *size)).astype(dtype)
    w = rng.integers(-4, 5, (taken, given // groups, *kernel)).astype(dtype)
    b = rng.integers(-4, 5, given).astype(dtype)
    parts = zip(np.split(x, groups, 1), np.split(w, groups), strict=True)
    windows = [np.einsum("nkhw,kcij->nchiwj", *part, optimize=True) for part in parts]
    shape = (19, given, size[0] * kernel[0], size[1] * kernel[1])
    plain = np.concatenate(windows, 1).reshape(shape)
    options = {"stride": kernel, "groups": groups}
    checks.same(fc.conv_transpose2d(x, w, **options), plain, "plain")
    y = fc.conv_transpose2d(x, w, b, activation=(-20, 9), **options)
    checks.same(y, np.clip(plain + b[:, None, None], -20, 9), "bias and activation")
    for n in (1, 3):
        some = fc.conv_transpose2d(x[:n], w, b, activation=(-20, 9), **options)
        checks.same(some, y[:n], f"{n} images")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "channels", "groups"),
    [
        ((4, 4), 4, 2, 1, (40, 9), 1),
        ((5, 7), 3, 2, 1, (140, 20), 2),
        ((40, 30), 5, 3, 2, (9, 1), 1),
        ((9, 8), 3, (2, 4), 0, (16, 6), 1),
        ((32,), 16, 8, 4, (33, 10), 1),
        ((30000,), 9, 4, 2, (8, 1), 1),
        ((3, 2, 4), 4, 2, 1, (50, 9), 1),
        ((12, 15, 16), 3, 2, 1, (8, 1), 1),
    ],
)
def test_windows_that_overlap_add_up(size, kernel, stride, padding, channels, groups, dtype):
    rng = np.random.default_rng(7)
    taken, given = channels
    w = rng.integers(-4, 5, (taken, given // groups, *[kernel] * len(size))).astype(dtype)
    b = rng.integers(-4, 5, given).astype(dtype)
    x = rng.integers(-4, 5, (3, taken, *size)).astype(dtype)
    name = f"conv_transpose{len(size)}d"
    transposed, reference = getattr(fc, name), getattr(fc.testing.reference, name)
    options = {"stride": stride, "padding": padding, "groups": groups}
    checks.same(transposed(x, w, **options), reference(x, w, **options).astype(dtype), "plain")
    options["activation"] = (-20, 9)
    y = transposed(x, w, b, **options)
    expected = reference(x, w, b, **options).astype(dtype)
    checks.same(y, expected, "bias and activation")
    x = rng.standard_normal(x.shape).astype(dtype)
    y = transposed(x, w, b, **options)
    for threads in (1, 3):
        with fc.num_threads(threads):
            for n in (1, 2):
                checks.same_bytes(transposed(x[:n], w, b, **options), y[:n], f"{n} images")


def test_it_is_the_input_gradient_of_the_convolution():
    """With the same weight: what gave (in) channels takes them."""
    rng = np.random.default_rng(2)
    for stride in (1, 2, 3):
        w = rng.integers(-4, 5, (6, 4, 3, 2)).astype(np.float32)
        gy = rng.integers(-4, 5, (2, 6, 5, 7)).astype(np.float32)
        y = fc.conv_transpose2d(gy, w, stride=stride, padding=1)
        gx = fc.grad.conv2d_input(y.shape, w, gy, stride=stride, padding=1)
        np.testing.assert_array_equal(y, gx)


def test_output_padding_adds_rows_at_the_end_only():
    rng = np.random.default_rng(4)
    x = rng.integers(-4, 5, (1, 3, 4, 5)).astype(np.float32)
    w = rng.integers(-4, 5, (3, 2, 3, 3)).astype(np.float32)
    for stride, dilation, extra in ((2, 1, 1), (3, 1, 2), (1, 3, 2), (2, 3, 2)):
        plain = fc.conv_transpose2d(x, w, stride=stride, dilation=dilation)
        more = fc.conv_transpose2d(x, w, stride=stride, dilation=dilation, output_padding=extra)
        assert more.shape == (1, 2, plain.shape[2] + extra, plain.shape[3] + extra)
        np.testing.assert_array_equal(more[:, :, : plain.shape[2], : plain.shape[3]], plain)
        assert not more[:, :, plain.shape[2] :].any()
        assert not more[:, :, :, plain.shape[3] :].any()


def test_output_padding_rows_hold_the_bias():
    x, w = np.ones((1, 1, 2), np.float32), np.ones((1, 2, 1), np.float32)
    y = fc.conv_transpose1d(x, w, np.float32([5, -7]), stride=4, output_padding=3)
    np.testing.assert_array_equal(
        y[0], [[6, 5, 5, 5, 6, 5, 5, 5], [-6, -7, -7, -7, -6, -7, -7, -7]]
    )


def test_masked_gradients_are_none():
    x, w = np.ones((1, 2, 3), np.float32), np.ones((2, 4, 2), np.float32)
    gy = np.ones((1, 4, 4), np.float32)
    full = fc.grad.conv_transpose1d(gy, x, w)
    for mask in ((True, False, False), (False, True, False), (False, False, True), (False,) * 3):
        got = fc.grad.conv_transpose1d(gy, x, w, output_mask=mask)
        for one, whole, wanted in zip(got, full, mask, strict=True):
            assert (one is not None) == wanted
            if wanted:
                checks.same_bytes(one, whole, f"mask {mask}")


def test_nan_reaches_only_what_its_kernel_covers():
    x = np.ones((1, 1, 6, 6), np.float32)
    x[0, 0, 2, 3] = np.nan
    w = np.ones((1, 2, 3, 3), np.float32)
    for stride in (1, 2):
        y = fc.conv_transpose2d(x, w, stride=stride)
        expected = np.zeros(y.shape, bool)
        expected[:, :, 2 * stride : 2 * stride + 3, 3 * stride : 3 * stride + 3] = True
        np.testing.assert_array_equal(np.isnan(y), expected)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_an_empty_batch_gives_an_empty_result_and_zero_weight_gradients(ndim):
    x = np.ones((0, 3, *(5,) * ndim), np.float32)
    w = np.ones((3, 4, *(2,) * ndim), np.float32)
    y = getattr(fc, f"conv_transpose{ndim}d")(x, w)
    assert y.shape == (0, 4, *(6,) * ndim)
    gx, gw, gb = getattr(fc.grad, f"conv_transpose{ndim}d")(y, x, w)
    assert gx.shape == x.shape
    checks.same(gw, np.zeros_like(w), "weight gradient")
    checks.same(gb, np.zeros(4, np.float32), "bias gradient")
