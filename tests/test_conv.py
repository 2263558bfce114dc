"""Convolution: every shape, padding, layout, dtype and algorithm, against three oracles."""

import dataclasses
import itertools

import numpy as np
import pytest
from helpers import checks, children
from helpers.cases import draw_conv, one, seeded, strategy
from helpers.oracles import Reference, Torch
from helpers.problems import PLAIN
from hypothesis import given, settings

import fastconv as fc

BLOCKS = range(8)


def test_the_random_cases_reach_every_edge():
    cases = list(seeded(draw_conv, 0, 3000))
    assert {c.in_channels for c in cases} >= set(range(1, 41))
    assert {c.out_channels for c in cases} >= set(range(1, 41))
    assert {c.output[-1] for c in cases} >= set(range(1, 71))
    assert {c.kernel for c in cases if c.ndim == 1} >= {(k,) for k in range(1, 12)}
    assert {k for c in cases if c.ndim == 2 for k in c.kernel} >= set(range(1, 12))
    assert {c.ndim for c in cases} == {1, 2, 3}
    assert any(len(set(c.kernel)) > 1 for c in cases)
    assert any(set(c.output) == {1} for c in cases)
    assert any(max(c.tuples(c.stride)) > max(c.kernel) for c in cases)
    assert any(c.groups > 1 and c.in_channels > c.groups for c in cases)
    assert any(c.groups == c.in_channels > 1 and c.out_channels > c.groups for c in cases)
    assert {c.padding_mode for c in cases} == {"zeros", "reflect", "replicate", "circular"}
    assert {c.padding for c in cases if isinstance(c.padding, str)} == {"valid", "same", "full"}
    assert {c.batch for c in cases} == {None, 1, 2, 3}


@pytest.mark.parametrize("block", BLOCKS)
def test_random_problems_agree_with_the_reference(block):
    checks.each(seeded(draw_conv, 1000 * block, 75), checks.conv, Reference())


@pytest.mark.parametrize("block", BLOCKS)
def test_random_problems_agree_with_torch(block):
    pytest.importorskip("torch")
    checks.each(seeded(draw_conv, 20_000 + 1000 * block, 150), checks.conv, Torch())


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_integers_come_out_exact(ndim):
    cases = seeded(draw_conv, 40_000, 150, ndim=ndim, integers=True)
    checks.each(cases, checks.conv, Reference())


@settings(derandomize=True, max_examples=250, deadline=None)
@given(case=strategy(draw_conv))
def test_any_problem_agrees_with_the_reference(case):
    checks.conv(case, Reference())


@settings(derandomize=True, max_examples=150, deadline=None)
@given(case=strategy(draw_conv, integers=True))
def test_any_problem_in_integers_is_exact(case):
    checks.conv(case, Reference())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_number_of_channels_is_exact(layout, dtype):
    base = dataclasses.replace(PLAIN, layout=layout, dtype=dtype)
    counts = range(1, 41)
    cases = [dataclasses.replace(base, out_channels=n) for n in counts]
    cases += [dataclasses.replace(base, in_channels=n) for n in counts]
    cases += [dataclasses.replace(base, in_channels=n, out_channels=n, groups=n) for n in counts]
    cases += [
        dataclasses.replace(base, in_channels=n, out_channels=33, kernel=(1, 1), padding=0)
        for n in counts
    ]
    checks.each(cases, checks.conv, Reference())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_every_width_is_exact(layout, stride):
    base = dataclasses.replace(PLAIN, layout=layout, stride=stride, batch=None)
    widths = range(1, 71)
    cases = [dataclasses.replace(base, size=(3, n)) for n in widths]
    cases += [
        dataclasses.replace(base, size=(2, n), in_channels=2, out_channels=4, groups=2)
        for n in widths
    ]
    cases += [dataclasses.replace(base, size=(2, n), kernel=(1, 1), padding=0) for n in widths]
    cases += [
        dataclasses.replace(base, size=(4, n), in_channels=3, out_channels=3, groups=3)
        for n in widths
    ]
    checks.each(cases, checks.conv, Reference())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_every_kernel_is_exact(layout):
    base = dataclasses.replace(PLAIN, layout=layout, size=(13, 18), in_channels=2, batch=1)
    cases = []
    for kernel in itertools.product(range(1, 12), repeat=2):
        cases.append(dataclasses.replace(base, kernel=kernel, padding="same"))
        cases.append(dataclasses.replace(base, kernel=kernel, padding=0, stride=(2, 3)))
        cases.append(
            dataclasses.replace(base, kernel=kernel, in_channels=3, out_channels=3, groups=3)
        )
    checks.each(cases, checks.conv, Reference(), ("auto", "direct", "im2col"))


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_many_channels_within_the_bound(layout):
    """Sums and channels longer than the blocks that the caches get."""
    base = dataclasses.replace(PLAIN, layout=layout, integers=False, batch=1)
    cases = [
        dataclasses.replace(base, in_channels=700, out_channels=37, size=(5, 7)),
        dataclasses.replace(base, in_channels=300, out_channels=530, size=(3, 3)),
        dataclasses.replace(base, in_channels=1500, out_channels=70, kernel=(1, 1), padding=0),
        dataclasses.replace(base, in_channels=24, out_channels=40, size=(70, 130)),
        dataclasses.replace(base, in_channels=130, out_channels=9, size=(4, 40), dtype="float64"),
        dataclasses.replace(base, in_channels=90, out_channels=90, groups=90, size=(40, 41)),
        dataclasses.replace(base, in_channels=1, out_channels=1, size=(300, 421)),
        dataclasses.replace(base, in_channels=2, out_channels=3, size=(64, 66), kernel=(31, 33)),
    ]
    checks.each(cases, checks.conv, Reference())


def test_random_large_problems_agree_with_the_reference():
    checks.each(seeded(draw_conv, 60_000, 50, times=4), checks.conv, Reference())
    cases = seeded(draw_conv, 61_000, 50, times=4, integers=True)
    checks.each(cases, checks.conv, Reference())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("channels", "outputs", "groups", "size", "layout"),
    [
        (672, 28, 1, 1, "NCHW"),
        (28, 672, 1, 1, "NHWC"),
        (300, 70, 1, 1, "NHWC"),
        (16, 120, 1, 5, "NCHW"),
        (24, 40, 4, 3, "NCHW"),
        (60, 30, 10, 1, "NHWC"),
        (3, 1, 1, 7, "NCHW"),
    ],
)
def test_a_kernel_as_large_as_the_input_is_a_fully_connected_layer(
    channels, outputs, groups, size, layout, dtype
):
    rng = np.random.default_rng(8)
    x = rng.standard_normal((70, channels, size, size)).astype(dtype)
    w = rng.standard_normal((outputs, channels // groups, size, size)).astype(dtype)
    b = rng.standard_normal(outputs).astype(dtype)
    parts = zip(np.split(x, groups, 1), np.split(w, groups), strict=True)
    flat = [a.reshape(70, -1).astype(float) @ k.reshape(len(k), -1).T for a, k in parts]
    expected = np.maximum(np.concatenate(flat, 1) + b, 0)
    ordered = x if layout == "NCHW" else np.ascontiguousarray(np.moveaxis(x, 1, -1))
    options = {"groups": groups, "layout": layout, "activation": "relu"}
    result = fc.conv2d(ordered, w, b, **options)
    np.testing.assert_allclose(
        result.reshape(70, -1), expected, atol=1e-4 if dtype is np.float32 else 1e-12
    )
    for images in (1, 3, 40):
        some = ordered[:images]
        assert fc.conv2d(some, w, b, **options).tobytes() == result[:images].tobytes()
        plan = fc.plan_conv2d(some.shape, w, b, **options)
        np.testing.assert_allclose(plan(some), result[:images], atol=1e-4)


def test_padding_may_be_many_times_the_image():
    base = dataclasses.replace(PLAIN, size=(2, 3), batch=1)
    cases = [
        dataclasses.replace(base, padding=padding, stride=stride, layout=layout)
        for padding in (17, 40, ((0, 60), (50, 1)), ((33, 0), (0, 0)))
        for stride in (1, 7)
        for layout in ("NCHW", "NHWC")
    ]
    checks.each(cases, checks.conv, Reference())


@pytest.mark.parametrize("algorithm", checks.ALGORITHMS)
def test_a_dilation_beyond_the_image_leaves_one_tap(algorithm):
    rng = np.random.default_rng(1)
    x = rng.integers(-4, 5, (2, 3, 5, 6)).astype(np.float32)
    w = rng.integers(-4, 5, (4, 3, 3, 3)).astype(np.float32)
    far = 2**20
    y = fc.conv2d(x, w, padding=far, dilation=far, algorithm=algorithm)
    checks.same(y, fc.conv2d(x, w[:, :, 1:2, 1:2]), "the middle tap")


@pytest.mark.parametrize("suite", ["conv", "not_finite"])
@pytest.mark.parametrize("isa", children.instruction_sets())
def test_every_instruction_set_keeps_the_promises(isa, suite):
    children.sweep(suite, 150, FASTCONV_ISA=isa)


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("mode", ["valid", "same", "full"])
def test_one_channel_is_scipys_correlation(ndim, mode):
    signal = pytest.importorskip("scipy.signal")
    rng = np.random.default_rng(5)
    for _ in range(40):
        kernel = tuple(int(k) for k in rng.integers(1, 6, ndim))
        size = tuple(int(rng.integers(k, 16)) for k in kernel)
        x = rng.integers(-9, 10, size).astype(np.float64)
        w = rng.integers(-9, 10, kernel).astype(np.float64)
        y = getattr(fc, f"conv{ndim}d")(x[None, None], w[None, None], padding=mode)[0, 0]
        if mode == "same":
            # SciPy centres an even kernel the other way round: the odd extra is ours at the end.
            padded = np.pad(x, [((k - 1) // 2, k // 2) for k in kernel])
            expected = signal.correlate(padded, w, "valid", method="direct")
        else:
            expected = signal.correlate(x, w, mode, method="direct")
        np.testing.assert_array_equal(y, expected, err_msg=f"{size} {kernel}")


def test_float64_keeps_its_bound_against_extended_precision():
    """The float64 oracles round too; long double does not, to speak of."""
    if np.finfo(np.longdouble).nmant <= 52:
        return  # the platform has nothing more precise
    rng = np.random.default_rng(3)
    for _ in range(60):
        channels, filters = (int(n) for n in rng.integers(1, 20, 2))
        kernel = tuple(int(k) for k in rng.integers(1, 6, 2))
        size = tuple(int(rng.integers(k, k + 12)) for k in kernel)
        x = rng.standard_normal((1, channels, *size))
        w = rng.standard_normal((filters, channels, *kernel))
        windows = np.lib.stride_tricks.sliding_window_view(x[0], kernel, axis=(1, 2))
        windows, taps = windows.astype(np.longdouble), w.astype(np.longdouble)
        exact = np.einsum("chwij,kcij->khw", windows, taps)
        magnitude = np.einsum("chwij,kcij->khw", abs(windows), abs(taps))
        for algorithm in checks.ALGORITHMS:
            y = fc.conv2d(x, w, algorithm=algorithm)[0]
            limit = (w[0].size + 2) * 2.0**-53 * magnitude
            assert (abs(y - exact) <= limit).all(), f"{algorithm}: {x.shape} {w.shape}"


def test_nan_and_inf_come_out_where_the_direct_sum_has_them():
    checks.each(seeded(draw_conv, 50_000, 300), checks.conv_not_finite, Reference())


def test_zero_weights_do_not_hide_nan_and_inf():
    """0 * NaN and 0 * Inf are NaN: no kernel may skip a weight of zero."""
    cases = seeded(draw_conv, 51_000, 150, integers=True)
    checks.each(cases, checks.conv_not_finite, Reference())


def test_weights_that_are_not_finite_reach_all_that_they_multiply():
    cases = seeded(draw_conv, 52_000, 200, padding=0, padding_mode="zeros")
    fitting = (case for case in cases if min(case.output) > 0)
    checks.each(fitting, checks.weight_not_finite, Reference())


def test_activations_pass_nan_on():
    x = np.array([[[np.nan, -np.inf, np.inf, -3, 3, 9]]], np.float32)
    w = np.ones((1, 1, 1), np.float32)
    for activation, expected in (
        ("relu", [np.nan, 0, np.inf, 0, 3, 9]),
        ("relu6", [np.nan, 0, 6, 0, 3, 6]),
        ((-1, 2.5), [np.nan, -1, 2.5, -1, 2.5, 2.5]),
        ((-np.inf, 0), [np.nan, -np.inf, 0, -3, 0, 0]),
    ):
        y = fc.conv1d(x, w, activation=activation)
        np.testing.assert_array_equal(y[0, 0], np.float32(expected), err_msg=str(activation))


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_an_empty_batch_gives_an_empty_result(ndim):
    w = np.ones((4, 3, *(2,) * ndim), np.float32)
    y = getattr(fc, f"conv{ndim}d")(np.ones((0, 3, *(5,) * ndim), np.float32), w)
    assert y.shape == (0, 4, *(4,) * ndim)
    assert y.dtype == np.float32


def test_layouts_are_the_same_problem():
    checks.each(
        (
            dataclasses.replace(case, layout=layout)
            for case in seeded(draw_conv, 53_000, 60, ndim=2, integers=True)
            for layout in ("NCHW", "NHWC")
        ),
        checks.conv,
        Reference(),
    )


def test_values_that_almost_overflow_do_not():
    """Partial sums in another order must not overflow where each element is far below the limit."""
    x = np.full((1, 2, 9, 9), 1e18, np.float32)
    w = np.full((3, 2, 3, 3), 1e18, np.float32)
    y = fc.conv2d(x, w, padding=1)
    assert np.isfinite(y).all()
    np.testing.assert_allclose(y[:, :, 4, 4], 18e36, rtol=2e-6)


def test_denormals_are_kept():
    x = np.full((1, 1, 40), 1e-40, np.float32)
    y = fc.conv1d(x, np.ones((1, 1, 1), np.float32))
    np.testing.assert_array_equal(y, x)


def test_a_failure_names_a_case_that_can_be_built_again():
    case = one(draw_conv, 123)
    assert case == next(seeded(draw_conv, 123, 1))

    def refuse(case):
        raise ValueError("no")

    with pytest.raises(AssertionError, match=r"refuse: ValueError: no\n  in Conv\(seed=123"):
        checks.each([case], refuse)
