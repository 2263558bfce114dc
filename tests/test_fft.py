"""algorithm="fft": every problem of stride 1 and dilation 1, and what "auto" makes of it."""

import itertools

import numpy as np
import pytest

import fastconv as fc

CONV = (None, fc.conv1d, fc.conv2d, fc.conv3d)
PLAN = (None, fc.plan_conv1d, fc.plan_conv2d, fc.plan_conv3d)
LAYOUTS = (None, ("NCW", "NWC"), ("NCHW", "NHWC"), ("NCDHW", "NDHWC"))
LARGEST = (None, 500, 60, 16), (None, 300, 40, 9)  # of images and kernels, by dimensions
# Results are computed in float64: what is left in float32 is its rounding.
ERROR = {"float32": 2e-7, "float64": 1e-13}


def problem(seed):
    """Random arrays and options, of any number of dimensions."""
    rng = np.random.default_rng(seed)
    n, dtype = int(rng.integers(1, 4)), rng.choice(["float32", "float64"])
    groups, channels, outputs, batch = (int(i) for i in rng.integers(1, 4, 4))
    size = rng.integers(1, LARGEST[0][n], n)
    mode = str(rng.choice(["zeros", "replicate", "circular", "reflect"]))
    kernel = rng.integers(1, LARGEST[1][n], n)
    most = kernel if mode == "zeros" else size - 1
    pads = [tuple(int(i) for i in rng.integers(0, m + 1, 2)) for m in most]
    kernel = [int(min(k, s + sum(p))) for k, s, p in zip(kernel, size, pads, strict=True)]
    layout = LAYOUTS[n][int(rng.integers(2))]
    x = rng.standard_normal((batch, channels * groups, *size)).astype(dtype)
    if layout.endswith("C"):
        x = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    w = rng.standard_normal((outputs * groups, channels, *kernel)).astype(dtype)
    b = rng.standard_normal(outputs * groups).astype(dtype)
    options = {"padding": tuple(pads), "groups": groups, "layout": layout, "padding_mode": mode}
    if rng.random() < 0.3:
        options["activation"] = "relu"
    return n, (x, w, b), options


def exact(n, arrays, options):
    return CONV[n](*[a.astype(np.float64) for a in arrays], algorithm="direct", **options)


def near(y, expected, magnitude):
    return np.abs(y - expected).max() <= ERROR[y.dtype.name] * max(magnitude, 1)


@pytest.mark.parametrize("block", range(6))
def test_random_problems_agree_with_the_direct_sum(block):
    for seed in range(60 * block, 60 * block + 60):
        n, arrays, options = problem(seed)
        expected = exact(n, arrays, options)
        y = CONV[n](*arrays, algorithm="fft", **options)
        assert y.dtype == arrays[0].dtype
        assert near(y, expected, np.abs(expected).max()), (seed, options)


def test_plans_and_threads_and_batches_give_the_same():
    for seed in range(1000, 1040):
        n, arrays, options = problem(seed)
        y = CONV[n](*arrays, algorithm="fft", **options)
        for threads in (1, 3, 8):
            with fc.num_threads(threads):
                assert np.array_equal(CONV[n](*arrays, algorithm="fft", **options), y)
        alone = CONV[n](arrays[0][:1], *arrays[1:], algorithm="fft", **options)
        assert np.array_equal(alone, y[:1])
        if options.pop("padding_mode") == "zeros":
            expected = exact(n, arrays, options)
            plan = PLAN[n](arrays[0].shape, *arrays[1:], algorithm="fft", **options)
            assert plan.algorithm == "fft"
            assert near(plan(arrays[0]), expected, np.abs(expected).max())
            assert np.array_equal(plan(arrays[0][:]), plan(arrays[0]))


@pytest.mark.parametrize("dtype", ERROR)
@pytest.mark.parametrize("shape", [(1, 1, 70_000), (1, 1, 1, 70_000), (1, 1, 300, 200)])
def test_kernels_as_large_as_the_image(dtype, shape):
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    n = len(shape) - 2
    y = CONV[n](x, w, padding="full", algorithm="fft")
    middle = tuple(size - 1 for size in shape[2:])  # of which all terms are known
    expected = np.vdot(x.astype(float), w.astype(float))
    assert abs(y[(0, 0, *middle)] - expected) <= 1e-6 * np.linalg.norm(x) * np.linalg.norm(w)
    first = float(x.ravel()[0]) * float(w.ravel()[-1])
    assert abs(y.ravel()[0] - first) <= 1e-6 * np.linalg.norm(x)


@pytest.mark.parametrize(
    "size", [1, 2, 7, 8, 9, 15, 16, 17, 23, 31, 33, 47, 49, 63, 64, 65, 96, 97]
)
def test_every_size_of_a_transform(size):
    rng = np.random.default_rng(size)
    for kernel in sorted({1, min(2, size), size // 2 + 1, size}):
        x, w = rng.standard_normal((2, 2, size)), rng.standard_normal((3, 2, kernel))
        y = fc.conv1d(x, w, algorithm="fft")
        assert np.allclose(y, fc.conv1d(x, w, algorithm="direct"), rtol=1e-12, atol=1e-12)
        x, w = rng.standard_normal((1, 1, size, 5)), rng.standard_normal((1, 1, kernel, 3))
        y = fc.conv2d(x, w, algorithm="fft")
        assert np.allclose(y, fc.conv2d(x, w, algorithm="direct"), rtol=1e-12, atol=1e-12)


def test_many_channels_whose_weights_do_not_fit_at_once():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 90, 100, 90), dtype=np.float32)
    w = rng.standard_normal((70, 90, 20, 20), dtype=np.float32)
    y = fc.conv2d(x, w, algorithm="fft")
    for k in (0, 33, 69):
        expected = fc.conv2d(x.astype(float), w[k : k + 1].astype(float), algorithm="direct")[:, 0]
        assert near(y[:, k], expected, np.abs(expected).max())


@pytest.mark.parametrize(
    ("options", "reason"), [({"stride": 2}, "stride"), ({"dilation": 2}, "dilation")]
)
def test_other_problems_are_refused_with_the_reason(options, reason):
    x, w = np.ones((1, 1, 20, 20)), np.ones((1, 1, 3, 3))
    for call in (fc.conv2d, lambda x, *a, **k: fc.plan_conv2d(x.shape, *a, **k)):
        with pytest.raises(ValueError, match=f"'fft' cannot serve.*{reason}"):
            call(x, w, algorithm="fft", **options)
    plan = fc.plan_conv2d(x.shape, w, **options)
    assert f"not fft: its {reason}" in plan.explain()


def test_auto_takes_it_for_large_kernels_and_plans_say_so():
    w = np.ones((2, 1, 31, 31), np.float32)
    plan = fc.plan_conv2d((1, 2, 512, 512), w, groups=2, padding=15)
    assert plan.algorithm == "fft"
    assert "algorithm fft" in plan.explain()
    assert "not direct" in plan.explain()
    assert plan.workspace_bytes > 0
    small = fc.plan_conv2d((1, 64, 56, 56), np.ones((64, 64, 3, 3), np.float32), padding=1)
    assert small.algorithm != "fft"
    assert "not fft" in small.explain()
    # In float64 the transforms' error is not the direct sum's: there it has to be asked for.
    real = fc.plan_conv2d((1, 2, 512, 512), w.astype(float), groups=2, padding=15)
    assert real.algorithm == "direct"


@pytest.mark.parametrize("kind", ["random", "positive", "black", "dots", "constant", "edge"])
def test_auto_is_within_the_promised_error(kind):
    """That of the direct sum, element by element: (terms + 2) u of the magnitudes."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 1, 300, 310), dtype=np.float32)
    w = rng.standard_normal((1, 1, 25, 31), dtype=np.float32)
    if kind == "positive":
        x, w = np.abs(x), np.abs(w)
    elif kind == "black":
        x[..., 100:] = 0
        x[..., :20] = 0
    elif kind == "dots":
        x[...] = 0
        x[0, 0, ::90, ::80] = 1e4
        x[0, 0, 45::90, 40::80] = 1
    elif kind == "constant":
        x[...], w[...] = 0.1, 0.3
    elif kind == "edge":
        x[..., 150:] = 1e4
    plan = fc.plan_conv2d(x.shape, w, padding="full")
    assert plan.algorithm == "fft"
    expected = exact(2, (x, w), {"padding": "full"})
    magnitude = exact(2, (np.abs(x), np.abs(w)), {"padding": "full"})
    allowed = (w.size + 2) * 2.0**-24 * magnitude
    for y in (plan(x), fc.conv2d(x, w, padding="full")):
        assert (np.abs(y - expected) <= allowed).all()


@pytest.mark.parametrize("dtype", ERROR)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, "largest"])
def test_what_is_not_finite_comes_out_as_in_the_direct_sum(value, dtype):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((3, 2, 90, 80)).astype(dtype)
    w = rng.standard_normal((2, 1, 25, 27)).astype(dtype)
    clean = fc.conv2d(x, w, groups=2, algorithm="fft")
    x[1, 0, 40, 33] = np.finfo(dtype).max if value == "largest" else value
    plan = fc.plan_conv2d(x.shape, w, groups=2, algorithm="fft")
    expected = fc.conv2d(x, w, groups=2, algorithm="direct")
    for y in (fc.conv2d(x, w, groups=2, algorithm="fft"), plan(x)):
        assert np.array_equal(np.isnan(y), np.isnan(expected))
        assert np.array_equal(np.isinf(y), np.isinf(expected))
    y = fc.conv2d(x, w, groups=2, algorithm="fft")
    assert np.array_equal(y[[0, 2]], clean[[0, 2]])  # the other images of the batch


@pytest.mark.parametrize("scale", [1e155, 1e200, 1e-155, 1e-200])
def test_values_whose_squares_no_float_holds(scale):
    rng = np.random.default_rng(2)
    x, w = scale * rng.standard_normal((2, 1, 40, 50)), rng.standard_normal((3, 1, 9, 12))
    expected = fc.conv2d(x, w, algorithm="direct")
    plan = fc.plan_conv2d(x.shape, w, algorithm="fft")
    for y in (fc.conv2d(x, w, algorithm="fft"), plan(x)):
        assert np.allclose(y / scale, expected / scale, rtol=1e-12, atol=1e-12)


def test_scratch_is_read_only_where_it_was_written():
    from fastconv import _core

    _core.poison_scratch(True)
    try:
        for seed in range(2000, 2030):
            n, arrays, options = problem(seed)
            y = CONV[n](*arrays, algorithm="fft", **options)
            expected = exact(n, arrays, options)
            assert near(y, expected, np.abs(expected).max())
    finally:
        _core.poison_scratch(False)


def test_out_may_overlap_and_batches_may_be_empty():
    x = np.random.default_rng(0).standard_normal((2, 1, 50, 50))
    w = np.ones((1, 1, 11, 11))
    expected = fc.conv2d(x, w, padding="same", algorithm="fft")
    assert fc.conv2d(x, w, padding="same", algorithm="fft", out=x) is x
    assert np.array_equal(x, expected)
    assert fc.conv2d(x[:0], w, padding="same", algorithm="fft").shape == (0, 1, 50, 50)


def test_every_combination_of_thin_shapes():
    rng = np.random.default_rng(0)
    for h, w, kh, kw in itertools.product((1, 2, 9), (1, 3, 70), (1, 2), (1, 3)):
        x, k = rng.standard_normal((1, 1, h, w)), rng.standard_normal((1, 1, kh, kw))
        for padding in ("same", "full"):
            y = fc.conv2d(x, k, padding=padding, algorithm="fft")
            expected = fc.conv2d(x, k, padding=padding, algorithm="direct")
            assert np.allclose(y, expected, rtol=1e-13, atol=1e-13)
