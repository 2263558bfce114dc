"""Winograd's algorithm: as near as promised, in every tile, and nothing of its own showing."""

import concurrent.futures
import dataclasses
import time

import numpy as np
import pytest
from helpers import checks, children, layers
from helpers.cases import draw_winograd, draw_winograd_transpose, seeded, strategy
from helpers.oracles import Reference, Torch, clamp
from helpers.problems import WINOGRAD_CHANNELS
from hypothesis import given, settings

import fastconv as fc

BLOCKS = range(3)
ZEROS = {"padding_mode": "zeros"}
MANY = {"least": WINOGRAD_CHANNELS}
LARGEST = float(np.finfo(np.float32).max)


def planned(case, oracle):
    """A plan keeps the promise of the algorithm that it names."""
    x, w, b = case.arrays()
    expected = clamp(oracle.conv(case, x, w, b), case.activation)
    magnitude = oracle.conv(case, np.abs(x), np.abs(w), checks.absolute(b))
    given = case.present(x)
    options = {**case.arguments(), "activation": case.activation}
    for algorithm in ("winograd", "auto"):
        plan = fc.plan_conv2d(given.shape, w, b, **options, algorithm=algorithm)
        if algorithm == "winograd" or not case.may_transform:
            assert (plan.algorithm == "winograd") == (algorithm == "winograd")
        out = checks.nans(case.shape(case.output_shape), case.dtype)
        assert plan(given, out=out) is out
        got = case.canonical(out)
        checks.promised(case, plan.algorithm, got, expected, magnitude, "plan", case.integers)
        checks.same_bytes(plan(given), out, "the second call")


# ---- As near as promised -------------------------------------------------------------------------


@pytest.mark.parametrize("block", BLOCKS)
def test_any_channels_and_padding_agree_with_the_reference(block):
    cases = seeded(draw_winograd, 1000 * block, 50, widest_pad=6)
    checks.each(cases, checks.conv, Reference(), ("winograd",))


@pytest.mark.parametrize("block", BLOCKS)
def test_many_channels_agree_with_torch(block):
    pytest.importorskip("torch")
    cases = seeded(draw_winograd, 10_000 + 1000 * block, 100, **MANY)
    checks.each(cases, checks.conv, Torch(), ("winograd", "auto"))


def test_a_plan_of_more_weights_than_it_keeps_transformed_is_as_near_as_promised():
    """Their U would take 19 MB; what is packed are the taps, each part asked for ahead."""
    rng = np.random.default_rng(3)
    x = rng.standard_normal((2, 370, 9, 10), dtype=np.float32)
    w = rng.standard_normal((360, 370, 3, 3), dtype=np.float32)
    expected = fc.conv2d(x.astype(float), w.astype(float), padding=1, algorithm="direct")
    plan = fc.plan_conv2d(x.shape, w, padding=1, algorithm="winograd")
    for got in (plan(x), fc.conv2d(x, w, padding=1, algorithm="winograd")):
        assert np.linalg.norm(got - expected) < 2e-5 * np.linalg.norm(expected)


def test_plans_agree_with_the_reference():
    checks.each(seeded(draw_winograd, 20_000, 50, widest_pad=6, **ZEROS), planned, Reference())
    checks.each(seeded(draw_winograd, 21_000, 80, **MANY, **ZEROS), planned, Reference())


@settings(derandomize=True, max_examples=50, deadline=None)
@given(case=strategy(draw_winograd, **MANY))
def test_any_problem_agrees_with_the_reference(case):
    checks.conv(case, Reference(), ("winograd", "auto"))


def test_gradients_agree_with_the_reference():
    checks.each(seeded(draw_winograd, 30_000, 80, **MANY, **ZEROS), checks.conv_grads, Reference())
    wide = seeded(draw_winograd, 31_000, 30, **MANY, **ZEROS, widest_pad=6)
    checks.each(wide, checks.conv_grads, Reference())
    checks.each(seeded(draw_winograd, 32_000, 40, **MANY, **ZEROS), checks.conv_adjoint)


def test_transposed_convolutions_agree_with_the_reference():
    cases = list(seeded(draw_winograd_transpose, 40_000, 80, **MANY))
    checks.each(cases, checks.transpose, Reference())
    checks.each(cases[::2], checks.transpose_grads, Reference())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_every_width_height_and_number_of_channels(layout):
    """A tile cut at every place, a vector of channels filled to every lane."""
    base = next(seeded(draw_winograd, 0, 1, **MANY))
    base = dataclasses.replace(
        base,
        layout=layout,
        dtype="float32",
        integers=False,
        batch=2,
        groups=1,
        padding=1,
        padding_mode="zeros",
        in_channels=16,
        out_channels=17,
    )
    cases = [dataclasses.replace(base, size=(3, n)) for n in range(1, 30)]
    cases += [dataclasses.replace(base, size=(n, 14)) for n in range(1, 20)]
    cases += [dataclasses.replace(base, size=(7, 7), in_channels=n) for n in range(16, 51)]
    cases += [dataclasses.replace(base, size=(7, 7), out_channels=n) for n in range(16, 51)]
    checks.each(cases, checks.conv, Reference(), ("winograd", "auto"))


@pytest.mark.parametrize("draw", ["normal", "positive", "smooth"])
@pytest.mark.parametrize(("channels", "size"), [(256, 26), (512, 14), (2048, 14), (4096, 7)])
def test_the_error_is_bounded_where_the_most_channels_are_added(channels, size, draw):
    """Larger tiles are less exact: they are for fewer channels."""
    rng = np.random.default_rng(channels)
    x = rng.standard_normal((1, channels, size, size), dtype=np.float32)
    w = rng.standard_normal((16, channels, 3, 3), dtype=np.float32)
    if draw == "positive":
        x, w = np.abs(x), np.abs(w)
    if draw == "smooth":  # an image: neighbours are nearly equal
        x = 0.01 * x + rng.standard_normal((1, channels, 1, 1), dtype=np.float32)
    exact = fc.conv2d(x.astype(np.float64), w.astype(np.float64), padding=1, algorithm="direct")
    magnitude = fc.conv2d(np.abs(x), np.abs(w), padding=1, algorithm="direct")
    plan = fc.plan_conv2d(x.shape, w, padding=1, algorithm="winograd")
    for y in (fc.conv2d(x, w, padding=1, algorithm="winograd"), plan(x)):
        checks.within_transformed(y, exact, magnitude, 9 * channels, draw)


@pytest.mark.parametrize("kind", ["black stripe", "bright pixel", "one pixel"])
def test_an_element_among_larger_ones_has_their_rounding_and_no_more(kind):
    """Tiles mix pixels: what is far smaller than its neighbours cannot be as exact as alone."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((1, 32, 40, 40), dtype=np.float32)
    w = rng.standard_normal((32, 32, 3, 3), dtype=np.float32)
    if kind == "black stripe":
        x[..., 10:30] = 0
    elif kind == "bright pixel":
        x[..., 20, 21] *= 1e6
    else:
        x[...] = 0
        x[..., 20, 21] = 1
    exact = fc.conv2d(x.astype(np.float64), w.astype(np.float64), padding=1, algorithm="direct")
    magnitude = fc.conv2d(np.abs(x), np.abs(w), padding=1, algorithm="direct")
    reach = 7  # a tile of 6 outputs and its taps
    around = fc.max_pool2d(magnitude, 2 * reach + 1, 1, reach)
    allowed = 1e-3 * magnitude + checks.NEIGHBOURS * checks.UNIT["float32"] * around
    y = fc.conv2d(x, w, padding=1, algorithm="winograd")
    checks.near(y, exact, allowed.astype(np.float64), kind)
    error = np.linalg.norm(y - exact) / np.linalg.norm(exact)
    assert error <= checks.TRANSFORMED_NORM


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_size_of_tiles_is_reached(dtype):
    """By what a plan packs, in place of nine taps: 16, 36 or 64 points."""
    points = set()
    for channels, size in [(2100, 2), *((32, n) for n in range(2, 40))]:
        w = np.ones((64, channels, 3, 3), dtype)
        plan = fc.plan_conv2d((1, channels, size, size), w, padding=1, algorithm="winograd")
        points.add(int(plan.packed_bytes / w[:, :, 0, 0].nbytes))
    assert points >= {16, 36, 64}


@pytest.mark.parametrize("isa", children.instruction_sets())
@pytest.mark.parametrize(
    ("suite", "count"),
    [("winograd", 25), ("winograd_guard_pages", 20), ("winograd_same_bytes", 19)],
)
def test_every_instruction_set_keeps_the_promises(isa, suite, count):
    children.sweep(suite, count, FASTCONV_ISA=isa)


# ---- The same bytes ------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", layers.layers(layers.WINOGRAD), ids=str)
def test_bytes_depend_on_neither_threads_nor_batch(layer):
    layers.same_for_any_threads(layer, (2, 5))
    layers.same_in_any_batch(layer)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_bad_image_does_not_show_in_the_others(layout):
    """Though their tiles lie in one box, and it has to be computed again."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((6, 32, 8, 9), dtype=np.float32)
    w = rng.standard_normal((48, 32, 3, 3), dtype=np.float32)
    for bad in (np.nan, np.inf, -np.inf, 3e38):
        spoilt = x.copy()
        spoilt[2, 5, 3, 4] = bad
        spoilt[4] = bad
        axes = (0, 1, 2, 3) if layout == "NCHW" else (0, 2, 3, 1)
        expected, got = (
            fc.conv2d(
                np.ascontiguousarray(a.transpose(axes)),
                w,
                padding=1,
                layout=layout,
                algorithm="winograd",
            )
            for a in (x, spoilt)
        )
        for image in (0, 1, 3, 5):
            checks.same_bytes(got[image], expected[image], f"image {image} beside {bad}")


def test_a_plan_serves_several_threads_at_once_and_bad_images_too():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((2, 32, 20, 21), dtype=np.float32)
    w = rng.standard_normal((48, 32, 3, 3), dtype=np.float32)
    plan = fc.plan_conv2d(x.shape, w, padding=1, activation="relu", algorithm="winograd")
    inputs = [np.roll(x, k, axis=3) for k in range(8)]
    inputs[3][0, 7, 5, 5] = np.nan
    inputs[6][1] = np.inf
    expected = [plan(one).tobytes() for one in inputs]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        results = list(pool.map(plan, inputs * 10))
    assert [y.tobytes() for y in results] == expected * 10


# ---- Not finite, and nearly so -------------------------------------------------------------------


def test_nan_and_inf_come_out_where_the_direct_sum_has_them():
    checks.each(seeded(draw_winograd, 50_000, 60, **MANY), checks.conv_not_finite, Reference())
    checks.each(seeded(draw_winograd, 51_000, 40), checks.conv_not_finite, Reference())
    valid = seeded(draw_winograd, 52_000, 40, **MANY, padding=0, **ZEROS)
    checks.each(valid, checks.weight_not_finite, Reference())
    checks.each(
        seeded(draw_winograd, 53_000, 40, **MANY, **ZEROS), checks.grads_not_finite, Reference()
    )


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("scale", [1e30, 1e36, 1e37, 1e38, LARGEST])
def test_sums_are_finite_where_only_intermediate_values_overflow(scale, layout):
    """Plan and function, and the gradient: what the direct sum gives, within its rounding."""
    rng = np.random.default_rng(2)
    shape = (2, 17, 14, 15) if layout == "NCHW" else (2, 14, 15, 17)
    x = (rng.uniform(-1, 1, shape) * scale).astype(np.float32)
    w = rng.uniform(-1, 1, (18, 17, 3, 3)).astype(np.float32) / (9 * 17)
    for x_scale, w_scale in ((1, 1), (1 / scale, scale)):
        # Of the weights' rows, whose transforms may overflow, too.
        xs, ws = (x * np.float32(x_scale)), (w * np.float32(w_scale))
        options = {"padding": 1, "layout": layout}
        expected = fc.conv2d(xs, ws, **options, algorithm="direct")
        assert np.isfinite(expected).all()
        magnitude = np.float64(fc.conv2d(np.abs(xs), np.abs(ws), **options, algorithm="direct"))
        plan = fc.plan_conv2d(xs.shape, ws, **options, algorithm="winograd")
        got = {
            "function": fc.conv2d(xs, ws, **options, algorithm="winograd"),
            "plan": plan(xs),
            "auto": fc.conv2d(xs, ws, **options),
        }
        turned = np.ascontiguousarray(ws.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1])
        got["input gradient"] = fc.grad.conv2d_input(expected.shape, turned, xs, **options)
        for name, y in got.items():
            assert np.isfinite(y).all(), f"{name}, {x_scale}"
            error = np.abs(np.float64(y) - expected)
            assert (error <= 1e-3 * magnitude).all(), f"{name}, {x_scale}"


def test_one_element_near_the_limit_gives_the_direct_sum():
    x = np.zeros((1, 16, 30, 31), np.float32)
    x[0, 3, 12, 13] = LARGEST
    w = np.full((16, 16, 3, 3), 0.9, np.float32)
    direct = fc.conv2d(x, w, padding=1, algorithm="direct")
    assert np.isfinite(direct).all()
    for y in (
        fc.conv2d(x, w, padding=1, algorithm="winograd"),
        fc.plan_conv2d(x.shape, w, padding=1, algorithm="winograd")(x),
        fc.conv2d(x, w, padding=1),
    ):
        checks.same(y, direct, "computed again")


def test_a_bias_and_an_activation_do_not_hide_what_overflows():
    """Whether an image has to be computed again is seen before both."""
    x = np.zeros((1, 16, 30, 31), np.float32)
    x[0, 3, 12, 13] = LARGEST
    w = np.full((16, 16, 3, 3), 0.9, np.float32)
    options = {"padding": 1, "activation": (-1.0, 1.0)}
    b = np.full(16, 0.25, np.float32)
    direct = fc.conv2d(x, w, b, **options, algorithm="direct")
    checks.same(fc.conv2d(x, w, b, **options, algorithm="winograd"), direct, "clamped")
    b[::2] = np.inf
    direct = fc.conv2d(x, w, b, **options, algorithm="direct")
    checks.same(fc.conv2d(x, w, b, **options, algorithm="winograd"), direct, "infinite bias")


def test_images_of_nothing_but_nan_take_no_time():
    """They are computed directly once more, not tile by tile."""
    rng = np.random.default_rng(3)
    w = rng.standard_normal((64, 64, 3, 3), dtype=np.float32)
    x = np.full((3, 64, 56, 56), np.nan, np.float32)

    def seconds(x):
        before = time.perf_counter()
        y = fc.conv2d(x, w, padding=1, algorithm="winograd")
        return time.perf_counter() - before, y

    took, y = seconds(x)
    assert np.isnan(y).all()
    usual = min(seconds(np.ones_like(x))[0] for _ in range(3))
    assert took < 2 + 20 * usual


# ---- What it serves ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "kernel", "options", "reason"),
    [
        (2, (5, 5), {}, "3 x 3 kernel"),
        (2, (3, 1), {}, "3 x 3 kernel"),
        (2, (1, 3), {}, "3 x 3 kernel"),
        (2, (3, 3), {"stride": 2}, "stride 1"),
        (2, (3, 3), {"stride": (1, 2)}, "stride 1"),
        (2, (3, 3), {"dilation": 2}, "dilation 1"),
        (2, (3, 3), {"dilation": (2, 1)}, "dilation 1"),
        (1, (3,), {}, "3 x 3 kernel"),
        (3, (3, 3, 3), {}, "2-D"),
        (3, (1, 3, 3), {}, "2-D"),
    ],
)
def test_a_refusal_says_why(n, kernel, options, reason):
    x, w = np.ones((1, 16, *(9,) * n), np.float32), np.ones((16, 16, *kernel), np.float32)
    for name, first in ((f"conv{n}d", x), (f"plan_conv{n}d", x.shape)):
        message = f"{name}: algorithm 'winograd' cannot serve this problem: .*{reason}"
        with pytest.raises(ValueError, match=message):
            getattr(fc, name)(first, w, **options, algorithm="winograd")
    explained = getattr(fc, f"plan_conv{n}d")(x.shape, w, **options).explain()
    assert any("not winograd" in line and reason in line for line in explained.splitlines())


def test_a_plan_names_its_choice():
    w = np.ones((64, 64, 3, 3), np.float32)
    for algorithm in ("winograd", "auto"):
        plan = fc.plan_conv2d((1, 64, 56, 56), w, padding=1, algorithm=algorithm)
        assert plan.algorithm == "winograd"
        assert "algorithm winograd: " in plan.explain()
        assert "not direct: " in plan.explain()
        assert "winograd" in repr(plan)
        assert plan.flops == 2 * 9 * 64 * 64 * 56 * 56, "flops are those of the direct sum"


def test_auto_takes_it_only_where_it_is_promised():
    """Neither in float64 nor with few channels, nor where an output sees nothing but padding."""

    def chosen(channels=32, filters=32, padding=1, dtype=np.float32, groups=1):
        w = np.ones((filters, channels // groups, 3, 3), dtype)
        shape = (1, channels, 56, 56)
        return fc.plan_conv2d(shape, w, padding=padding, groups=groups).algorithm

    assert chosen() == "winograd"
    for others in (
        {"channels": 15},
        {"filters": 15},
        {"groups": 4},
        {"padding": 3},
        {"padding": ((0, 3), (0, 0))},
        {"dtype": np.float64},
    ):
        assert chosen(**others) != "winograd", others


# (channels, filters, size) of the 3x3 layers of stride 1 in ResNet-50 and VGG-16.
NETWORKS = [
    (64, 64, 56),
    (128, 128, 28),
    (256, 256, 14),
    (512, 512, 7),
    (3, 64, 224),
    (64, 64, 224),
    (64, 128, 112),
    (128, 128, 112),
    (128, 256, 56),
    (256, 256, 56),
    (256, 512, 28),
    (512, 512, 28),
    (512, 512, 14),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [1, 16])
@pytest.mark.parametrize(("channels", "filters", "size"), NETWORKS)
def test_scratch_memory_is_bounded(channels, filters, size, batch, dtype):
    """4 MB and 2 MB a thread, in float32, whatever the image and the batch."""
    w = np.ones((filters, channels, 3, 3), dtype)
    shape = (batch, channels, size, size)
    plan = fc.plan_conv2d(shape, w, padding=1, algorithm="winograd")
    megabyte = 1 << 20
    for threads in (1, 2, 16):
        with fc.num_threads(threads):
            used = plan.workspace_bytes
        assert 0 < used <= w.itemsize // 4 * (4 + 2 * threads) * megabyte, (
            f"{used / megabyte:.2f} MB on {threads} threads"
        )
