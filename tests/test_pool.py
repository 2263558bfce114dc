"""Pooling: maxima and their places exactly, averages and norms within their bounds."""

import dataclasses

import numpy as np
import pytest
from helpers import checks, children
from helpers.cases import draw_pool, seeded, strategy, usual_pools
from helpers.oracles import Reference, Torch, pooling_sums
from helpers.problems import Pool
from hypothesis import given, settings

import fastconv as fc

PLAIN = Pool(
    seed=1,
    ndim=2,
    batch=2,
    size=(5, 9),
    kernel=(3, 3),
    stride=2,
    padding=1,
    dilation=1,
    layout=None,
    dtype="float32",
    integers=True,
    channels=3,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
)


def test_the_random_cases_reach_every_edge():
    cases = list(seeded(draw_pool, 0, 2000))
    assert {c.channels for c in cases} >= set(range(1, 41))
    assert {c.size[-1] for c in cases} >= set(range(1, 71))
    assert {c.ndim for c in cases} == {1, 2, 3}
    assert any(set(c.output) == {1} for c in cases)
    assert any(max(c.strides) > max(c.kernel) for c in cases)
    partial = [c for c in cases if c.ceil_mode]
    assert any(c.output != dataclasses.replace(c, ceil_mode=False).output for c in partial)


@pytest.mark.parametrize("block", range(3))
def test_maxima_agree_with_the_reference(block):
    cases = seeded(draw_pool, 1000 * block, 100, dilated=True)
    checks.each(cases, checks.max_pool, Reference())


@pytest.mark.parametrize("block", range(3))
def test_maxima_agree_with_torch(block):
    pytest.importorskip("torch")
    cases = seeded(draw_pool, 10_000 + 1000 * block, 150, dilated=True)
    checks.each(cases, checks.max_pool, Torch())


def test_of_equal_maxima_the_first_is_named():
    """Small integers: most windows have several maxima."""
    cases = seeded(draw_pool, 15_000, 300, dilated=True, integers=True)
    checks.each(cases, checks.max_pool, Reference())


@pytest.mark.parametrize("block", range(3))
def test_averages_agree_with_the_reference(block):
    checks.each(seeded(draw_pool, 20_000 + 1000 * block, 100), checks.avg_pool, Reference())


@pytest.mark.parametrize("block", range(3))
def test_averages_agree_with_torch(block):
    pytest.importorskip("torch")
    cases = seeded(draw_pool, 30_000 + 1000 * block, 150)
    checks.each((c for c in cases if c.fits or c.ndim < 3), checks.avg_pool, Torch())


def test_sums_of_integers_are_exact():
    cases = seeded(draw_pool, 35_000, 150, integers=True, divisor_override=1)
    checks.each(cases, checks.avg_pool, Reference())


@settings(derandomize=True, max_examples=150, deadline=None)
@given(case=strategy(draw_pool, dilated=True))
def test_any_maximum_agrees_with_the_reference(case):
    checks.max_pool(case, Reference())


@settings(derandomize=True, max_examples=150, deadline=None)
@given(case=strategy(draw_pool))
def test_any_average_agrees_with_the_reference(case):
    checks.avg_pool(case, Reference())


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_every_width_and_number_of_channels(layout, stride):
    base = dataclasses.replace(PLAIN, layout=layout, stride=stride)
    cases = [dataclasses.replace(base, size=(3, n)) for n in range(1, 71)]
    cases += [dataclasses.replace(base, channels=n) for n in range(1, 71)]
    cases = [case for case in cases if min(case.output) > 0]
    assert len(cases) > 135
    for check in (checks.max_pool, checks.avg_pool):
        checks.each(cases, check, Reference())


def test_the_usual_windows_at_every_width():
    cases = list(usual_pools(range(1, 71)))
    assert len(cases) > 900
    for check in (checks.max_pool, checks.avg_pool, checks.avg_pool_grad):
        checks.each(cases, check, Reference())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [(2, 2, 0), (2, 2, 1), (3, 2, 1), (3, 3, 0), (4, 4, 0), (5, 3, 2), (5, 2, 0), (2, 3, 0)],
)
@pytest.mark.parametrize("width", [9, 31, 70])
def test_gradients_of_many_planes_are_those_of_each(kernel, stride, padding, width, dtype):
    """Work is cut anywhere between rows: nothing is written beyond a piece of it."""
    shape = (5, 7, 41, width)
    gy_shape = fc.avg_pool2d(np.zeros(shape, dtype), kernel, stride, padding).shape
    gy = np.random.default_rng(width).standard_normal(gy_shape).astype(dtype)
    gx = fc.grad.avg_pool2d(gy, shape, kernel, stride, padding)
    for n in range(shape[0]):
        for c in range(shape[1]):
            plane = gy[n : n + 1, c : c + 1]
            alone = fc.grad.avg_pool2d(plane, (1, 1, *shape[2:]), kernel, stride, padding)
            np.testing.assert_array_equal(gx[n, c], alone[0, 0])


@pytest.mark.parametrize("kernel", [2, 3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_nothing_outside_a_window_shows_in_it(kernel, stride):
    """One NaN and one Inf a plane: the windows that hold them, and no others, are not finite."""
    for width in range(kernel, 45):
        x = np.zeros((2, 3, 9, width), np.float32)
        x[..., 4, width // 2] = np.nan
        x[..., 8, width - 1] = np.inf
        y = fc.avg_pool2d(x, kernel, stride, kernel // 2)
        held = fc.max_pool2d((x != 0).astype(np.float32), kernel, stride, kernel // 2)
        np.testing.assert_array_equal(np.isfinite(y), held == 0, f"width {width}")


@pytest.mark.parametrize("kernel", [2, 3, 5, 7, 11])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_average_of_equal_numbers_is_that_number(kernel, stride):
    for value in (1.0, 3.0, -7.0):
        x = np.full((1, 2, 23, 41), value, np.float32)
        assert (fc.avg_pool2d(x, kernel, stride) == value).all()


@pytest.mark.parametrize("norm", [1, 2, 3, 0.5, 1.5, 4])
def test_norms_agree_with_the_reference(norm):
    cases = seeded(draw_pool, 40_000, 60, padded=False)
    checks.each(cases, checks.lp_pool, Reference(), norm)


@pytest.mark.parametrize("norm", [1, 2, 3, 1.5])
def test_norms_agree_with_torch(norm):
    pytest.importorskip("torch")
    cases = seeded(draw_pool, 41_000, 60, padded=False)
    checks.each(cases, checks.lp_pool, Torch(), norm)


def test_adaptive_pooling_agrees_with_the_reference():
    checks.each(seeded(draw_pool, 50_000, 250), checks.adaptive_pools, Reference())


def test_adaptive_pooling_agrees_with_torch():
    pytest.importorskip("torch")
    checks.each(seeded(draw_pool, 51_000, 250), checks.adaptive_pools, Torch())


@pytest.mark.parametrize("isa", children.instruction_sets())
def test_every_instruction_set_keeps_the_promises(isa):
    children.sweep("pool", 120, FASTCONV_ISA=isa)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_global_average_is_the_mean(layout, dtype):
    rng = np.random.default_rng(2)
    x = rng.integers(-8, 9, (2, 8, 8, 5)).astype(dtype)  # 64 elements: the mean is exact
    x = x if layout == "NHWC" else np.ascontiguousarray(np.moveaxis(x, -1, 1))
    axes = (1, 2) if layout == "NHWC" else (2, 3)
    y = fc.adaptive_avg_pool2d(x, 1, layout=layout)
    checks.same(y, x.mean(axis=axes, keepdims=True), "global average")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("width", "channels"), [(1700, 5), (90, 100), (41, 1000), (3, 9000)])
def test_long_rows_are_the_same_in_either_layout(width, channels, dtype):
    """More elements than a line holds, so that tiles cut the rows; sums of integers are exact."""
    rng = np.random.default_rng(3)
    x = rng.integers(-8, 9, (1, 5, width, channels)).astype(dtype)
    first = np.ascontiguousarray(np.moveaxis(x, -1, 1))
    for window in ((3, 1, 1), (2, 2, 0), (3, 2, 1), (2, 3, 0)):
        for pool in (fc.max_pool2d, fc.avg_pool2d):
            own = {"divisor_override": 1} if pool is fc.avg_pool2d else {}
            y = pool(x, *window, layout="NHWC", **own)
            checks.same(np.moveaxis(y, -1, 1), pool(first, *window, **own), f"pool {window}")
        gx = fc.grad.avg_pool2d(y, x.shape, *window, divisor_override=1, layout="NHWC")
        gy = np.ascontiguousarray(np.moveaxis(y, -1, 1))
        expected = fc.grad.avg_pool2d(gy, first.shape, *window, divisor_override=1)
        checks.same(np.moveaxis(gx, -1, 1), expected, f"gradient {window}")


# ---- NaN and Inf ---------------------------------------------------------------------------------


def brute_maximum(case, x):
    """The rule of the contract, one window at a time: the first NaN, else the first maximum."""
    y = np.empty(case.output_shape, x.dtype)
    places = np.empty(case.output_shape, np.int64)
    pads, dilations = case.tuples(case.padding), case.tuples(case.dilation)
    for lead in np.ndindex(*case.input_shape[:2]):
        for o in np.ndindex(*case.output):
            best = None
            for t in np.ndindex(*case.kernel):
                at = tuple(
                    i * s - p + k * d
                    for i, s, p, k, d in zip(o, case.strides, pads, t, dilations, strict=True)
                )
                if any(not 0 <= i < n for i, n in zip(at, case.size, strict=True)):
                    continue
                value = x[(*lead, *at)]
                if best is None or (np.isnan(value) and not np.isnan(best)) or value > best:
                    best, place = value, np.ravel_multi_index(at, case.size)
            y[(*lead, *o)], places[(*lead, *o)] = best, place
    return y, places


def test_maxima_propagate_the_first_nan_and_infinities():
    rng = np.random.default_rng(6)
    checked = 0
    for case in seeded(draw_pool, 60_000, 120, dilated=True):
        if np.prod(case.output_shape) * case.elements > 20_000:
            continue
        checked += 1
        x = case.array()
        special = rng.random(x.shape)
        x[special < 0.08] = np.nan
        x[(special > 0.08) & (special < 0.16)] = np.inf
        x[special > 0.75] = -np.inf
        expected, places = brute_maximum(case, x)
        given, options = case.present(x), case.max_arguments()
        y, indices = checks.call(
            "max_pool{n}d", case, given, case.kernel, **options, return_indices=True
        )
        checks.same(case.canonical(y), expected, f"maxima: {case}")
        checks.same(case.canonical(indices), places, f"indices: {case}")
        alone = checks.call("max_pool{n}d", case, given, case.kernel, **options)
        checks.same(case.canonical(alone), expected, f"maxima alone: {case}")
    assert checked > 60


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_two_by_two_elements_the_first_greatest_is_named_at_every_width(dtype):
    rng = np.random.default_rng(7)
    for width in range(2, 72):
        values = np.array([np.nan, np.inf, -np.inf, -np.inf, 0, 1, 1], dtype)
        x = rng.choice(values, (2, 3, 7, width))
        y, indices = fc.max_pool2d(x, 2, return_indices=True)
        windows = x[..., :6, : width // 2 * 2].reshape(2, 3, 3, 2, -1, 2).swapaxes(3, 4)
        windows = windows.reshape(2, 3, 3, -1, 4)
        which = windows.argmax(-1)  # NumPy's takes the first, and NaN before all
        np.testing.assert_array_equal(y, np.take_along_axis(windows, which[..., None], -1)[..., 0])
        corner = 2 * width * np.arange(3)[:, None] + 2 * np.arange(width // 2)
        np.testing.assert_array_equal(indices, corner + which // 2 * width + which % 2)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_windows_all_of_minus_infinity_have_the_first_place(layout):
    x = np.full((1, 6, 7, 3), -np.inf, np.float32)
    x = x if layout == "NHWC" else np.ascontiguousarray(np.moveaxis(x, -1, 1))
    y, indices = fc.max_pool2d(x, 3, 2, 1, return_indices=True, layout=layout)
    assert (y == -np.inf).all()
    first = [[0, 1, 3, 5], [7, 8, 10, 12], [21, 22, 24, 26]]
    indices = indices[0, ..., 0] if layout == "NHWC" else indices[0, 0]
    np.testing.assert_array_equal(indices, first)


def test_of_several_nan_the_first_is_named():
    x = np.float32([[[1, np.nan, 5, np.nan, 2, np.nan]]])
    y, indices = fc.max_pool1d(x, 5, 1, return_indices=True)
    assert np.isnan(y).all()
    np.testing.assert_array_equal(indices, [[[1, 1]]])
    y, indices = fc.adaptive_max_pool1d(x, 2, return_indices=True)
    np.testing.assert_array_equal(indices, [[[1, 3]]])


def test_averages_show_nothing_from_outside_their_window():
    """Neither NaN, nor Inf, nor in its rounding a huge value: no running sums."""
    rng = np.random.default_rng(7)
    for case in seeded(draw_pool, 61_000, 250):
        x = case.array()
        plain = checks.call(
            "avg_pool{n}d", case, case.present(x), case.kernel, **case.avg_arguments()
        )
        for value in (np.nan, np.inf, -np.inf, 1e30):
            spoilt, mark = x.copy(), np.zeros(x.shape)
            place = int(rng.integers(x.size))
            spoilt.flat[place], mark.flat[place] = value, 1
            touched = case.present(pooling_sums(case, mark)) > 0
            y = checks.call(
                "avg_pool{n}d", case, case.present(spoilt), case.kernel, **case.avg_arguments()
            )
            same = y == plain
            assert same[~touched].all(), f"{value} leaks: {case}"
            assert not same[touched].any(), f"{value} is lost: {case}"


def test_adaptive_averages_show_nothing_from_outside_their_window():
    x = np.random.default_rng(8).standard_normal((1, 3, 11, 13)).astype(np.float32)
    plain = fc.adaptive_avg_pool2d(x, (4, 5))
    for value in (np.nan, np.inf, 1e30):
        spoilt = x.copy()
        spoilt[0, 1, 5, 6] = value
        same = fc.adaptive_avg_pool2d(spoilt, (4, 5)) == plain
        expected = np.ones(same.shape, bool)
        # Rows: [0, 3), [2, 6), [5, 9), [8, 11); columns: [0, 3), [2, 6), [5, 8), [7, 11), [10, 13).
        expected[0, 1, 1:3, 2] = False
        np.testing.assert_array_equal(same, expected)


# ---- Unpooling -----------------------------------------------------------------------------------


def test_unpooling_puts_every_maximum_back():
    for case in seeded(draw_pool, 70_000, 200, dilation=1, ceil_mode=False):
        x = case.array()
        y, indices = checks.call(
            "max_pool{n}d",
            case,
            case.present(x),
            case.kernel,
            **case.max_arguments(),
            return_indices=True,
        )
        largest = tuple(
            (o - 1) * s - 2 * p + k
            for o, s, p, k in zip(
                case.output, case.strides, case.tuples(case.padding), case.kernel, strict=True
            )
        )
        if any(abs(n - d) >= s for n, d, s in zip(case.size, largest, case.strides, strict=True)):
            continue
        back = checks.call(
            "max_unpool{n}d",
            case,
            y,
            indices,
            case.kernel,
            case.stride,
            case.padding,
            case.size,
            layout=case.layout,
        )
        expected = np.zeros((int(np.prod(case.input_shape[:2])), int(np.prod(case.size))))
        flat = case.canonical(indices).reshape(len(expected), -1)
        np.put_along_axis(expected, flat, case.canonical(y).reshape(len(expected), -1), 1)
        expected = expected.reshape(case.input_shape).astype(case.dtype)
        checks.same(case.canonical(back), expected, f"{case}")


def test_unpooling_takes_int32_indices():
    x = np.random.default_rng(1).standard_normal((2, 3, 8, 6)).astype(np.float32)
    y, indices = fc.max_pool2d(x, 2, return_indices=True)
    wide = fc.max_unpool2d(y, indices, 2)
    checks.same_bytes(fc.max_unpool2d(y, indices.astype(np.int32), 2), wide, "int32 indices")
    np.testing.assert_array_equal(np.sort(wide[wide != 0]), np.sort(y.ravel()))


def test_of_equal_indices_the_last_value_stays():
    x = np.float32([[[1, 2, 3]]])
    y = fc.max_unpool1d(x, np.int64([[[1, 1, 0]]]), 2, output_size=(6,))
    np.testing.assert_array_equal(y, [[[3, 2, 0, 0, 0, 0]]])


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_an_empty_batch_gives_an_empty_result(ndim):
    x = np.ones((0, 3, *(6,) * ndim), np.float32)
    assert getattr(fc, f"max_pool{ndim}d")(x, 2).shape == (0, 3, *(3,) * ndim)
    y, indices = getattr(fc, f"max_pool{ndim}d")(x, 2, return_indices=True)
    assert y.shape == indices.shape == (0, 3, *(3,) * ndim)
    assert indices.dtype == np.int64
    assert getattr(fc, f"avg_pool{ndim}d")(x, 2).shape == (0, 3, *(3,) * ndim)
    assert getattr(fc, f"lp_pool{ndim}d")(x, 2, 2).shape == (0, 3, *(3,) * ndim)
    assert getattr(fc, f"adaptive_avg_pool{ndim}d")(x, 4).shape == (0, 3, *(4,) * ndim)
    assert getattr(fc, f"max_unpool{ndim}d")(y, indices, 2).shape == x.shape


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("planes", [1, 3, 17])
def test_global_pooling_of_few_large_planes(planes, dtype):
    x = np.random.default_rng(planes).integers(-9, 9, (1, planes, 41, 43)).astype(dtype)
    x[0, :, 30, 20] = 10
    y, indices = fc.max_pool2d(x, (41, 43), return_indices=True)
    assert (y == 10).all()
    assert (indices == 30 * 43 + 20).all()
    np.testing.assert_array_equal(fc.adaptive_max_pool2d(x, 1), y)
    mean = x.sum((2, 3), keepdims=True) / dtype_of(dtype)(41 * 43)
    np.testing.assert_allclose(fc.adaptive_avg_pool2d(x, 1), mean, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [50, 20003])
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("stride", [3, 4])
def test_strides_of_three_and_four_over_short_and_long_rows(stride, kernel, width, dtype):
    x = np.random.default_rng(width).integers(-9, 9, (2, 3, width)).astype(dtype)
    for pad in {0, kernel // 2}:
        padded = np.pad(x, ((0, 0), (0, 0), (pad, pad)), constant_values=-99)
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, 2)[:, :, ::stride]
        np.testing.assert_array_equal(fc.max_pool1d(x, kernel, stride, pad), windows.max(-1))
        y, indices = fc.max_pool1d(x, kernel, stride, pad, return_indices=True)
        np.testing.assert_array_equal(y, windows.max(-1))
        np.testing.assert_array_equal(np.take_along_axis(x, indices, 2), y)
        total = np.where(windows == -99, 0, windows).sum(-1)
        expected = total / dtype_of(dtype)(kernel)
        np.testing.assert_allclose(fc.avg_pool1d(x, kernel, stride, pad), expected, rtol=1e-6)


def dtype_of(name):
    return np.dtype(name).type


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"),
    [
        ((14, 13), 5, 5, 2),
        ((17, 30), (9, 2), (4, 3), (4, 1)),
        ((28, 28), 4, 2, 1),
        ((700, 11), (3, 4), (2, 4), 0),
        ((600, 9), (1, 4), (1, 4), (0, 2)),
    ],
)
def test_many_planes_of_short_rows_are_the_same_as_pixels(size, kernel, stride, padding, dtype):
    rng = np.random.default_rng(0)
    x = rng.integers(-9, 10, (3, 21, *size)).astype(dtype)
    pixels = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    window = (kernel, stride, padding)
    y, where = fc.max_pool2d(x, *window, return_indices=True)
    z, places = fc.max_pool2d(pixels, *window, return_indices=True, layout="NHWC")
    np.testing.assert_array_equal(y, np.moveaxis(z, -1, 1))
    np.testing.assert_array_equal(where, np.moveaxis(places, -1, 1))
    np.testing.assert_array_equal(fc.max_pool2d(x, *window), y)
    y = fc.avg_pool2d(x, *window)
    z = fc.avg_pool2d(pixels, *window, layout="NHWC")
    np.testing.assert_allclose(y, np.moveaxis(z, -1, 1), rtol=1e-6)
    gx = fc.grad.avg_pool2d(y, x.shape, *window)
    gz = fc.grad.avg_pool2d(z, pixels.shape, *window, layout="NHWC")
    np.testing.assert_allclose(gx, np.moveaxis(gz, -1, 1), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(13, 13), (8, 9), (300, 31)])
def test_short_rows_have_the_same_bytes_on_any_threads_and_in_any_batch(size):
    x = np.random.default_rng(0).standard_normal((3, 21, *size)).astype("float32")
    window = (5, 3, 2)

    def results(x):
        y, where = fc.max_pool2d(x, *window, return_indices=True)
        mean, adaptive = fc.avg_pool2d(x, *window), fc.adaptive_avg_pool2d(x, (6, 5))
        greatest, at = fc.adaptive_max_pool2d(x, (6, 5), return_indices=True)
        gx = fc.grad.adaptive_avg_pool2d(adaptive, x.shape)
        return [y, where, mean, adaptive, greatest, at, gx, fc.grad.avg_pool2d(y, x.shape, *window)]

    together = results(x)
    for threads in (1, 3):
        with fc.num_threads(threads):
            for image in range(3):
                for alone, all_of_them in zip(results(x[image : image + 1]), together, strict=True):
                    assert alone.tobytes() == all_of_them[image].tobytes()
