"""Large windows of fastconv.ndimage by Fourier transforms: the results are those of the sums."""

import math

import numpy as np
import pytest

import fastconv as fc
from fastconv import _core, ndimage
from fastconv.ndimage import _blocks, _cells, _fourier
from fastconv.ndimage import _fourier_bounds as _bounds
from fastconv.ndimage import _fourier_choice as _choice

pytestmark = pytest.mark.filterwarnings("error")
MODES = ("reflect", "constant", "nearest", "mirror", "wrap")


@pytest.fixture(scope="module")
def scipy():
    """SciPy's module of the same name."""
    return pytest.importorskip("scipy.ndimage")


class Watch:
    """What was chosen: whether transforms served, how often, and what was added up beside them."""

    def __init__(self, patch):
        self.served, self.transforms, self.sums = [], 0, 0
        taps, transformed, direct = _fourier.taps, _bounds.transformed, _bounds.add

        def watched(*args):
            self.served.append(taps(*args))
            return self.served[-1]

        def transform(*args):
            self.transforms += 1
            return transformed(*args)

        def add(*args):
            self.sums += 1
            return direct(*args)

        patch.setattr(_fourier, "taps", watched)
        patch.setattr(_bounds, "transformed", transform)
        patch.setattr(_bounds, "add", add)


@pytest.fixture
def watch(monkeypatch):
    """Watch what is chosen."""
    return Watch(monkeypatch)


@pytest.fixture
def forced(monkeypatch):
    """Take transforms whatever they cost, in blocks of any size."""

    def force(most, box, once=0.1, twice=0.2):
        def plan(shape, window, *_):
            parts = _blocks.cut(shape, window, most)
            block = [n // p + k - 1 for n, p, k in zip(shape, parts, window, strict=True)]
            return _choice.Plan(parts, math.prod(block), 1.0, once, twice)

        monkeypatch.setattr(_choice, "plan_of", plan)
        monkeypatch.setattr(_choice, "may_serve", lambda elements, weights: True)
        monkeypatch.setattr(_choice, "is_product", lambda *problem: False)
        monkeypatch.setattr(_bounds, "_BOX", box)

    return force


def check(scipy, input, weights, got, options):
    """Compare a real result with SciPy's: by the magnitudes of what is added up at each place."""
    terms = np.where(np.abs(weights) > 2.0**-52, weights, 0.0)
    with np.errstate(all="ignore"):
        expected = scipy.correlate(input, weights, output=np.float64, **options)
        if got.dtype.kind != "f":
            np.testing.assert_array_equal(
                got, scipy.correlate(input, weights, got.dtype, **options)
            )
            return
        options = {**options, "cval": abs(options.get("cval", 0.0))}
        size = np.abs(input.astype(np.float64))
        size = scipy.correlate(size, np.abs(terms), output=np.float64, **options)
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(got[~finite], expected[~finite].astype(got.dtype))
        error = np.abs(got - expected)[finite]
    bound = 1e-5 if got.dtype == np.float32 else 1e-12 + weights.size * 2.0**-53
    assert np.all(error <= bound * size[finite])


def problem(rng):
    """A random problem: an array, a window and options."""
    ndim = int(rng.integers(1, 4))
    most = {1: (900, 90), 2: (80, 24), 3: (20, 8)}[ndim]
    shape = tuple(int(n) for n in rng.integers(1, most[0], ndim))
    window = tuple(int(k) for k in rng.integers(1, most[1], ndim))
    window = tuple(map(min, window, shape))  # SciPy's own results of larger ones vary
    weights = rng.standard_normal(window)
    if rng.integers(2):
        weights = np.rint(3 * weights)
    if rng.integers(5) == 0:
        weights[rng.random(window) < 0.4] = rng.choice([0.0, np.nan])
    char = str(rng.choice(list("fffdddBhIq")))
    input = (100 * rng.standard_normal(shape)).astype(char)
    if char in "fd":
        half = len(input) // 2
        scale = np.exp(rng.uniform(-35, 35, (len(input), *[1] * (ndim - 1)))).astype(char)
        kind = rng.integers(6)
        if kind == 0:
            input[:half] = 0
        elif kind == 1:
            input *= scale
        elif kind == 2:
            input.flat[rng.integers(0, input.size, 2)] = rng.choice([np.nan, np.inf, -np.inf], 2)
        elif kind == 3:
            input[:half] *= input.dtype.type(1e-30)
    options = {
        "mode": str(rng.choice(MODES)),
        "cval": float(rng.choice([0.0, 2.5, 0.3])),
        "origin": [int(rng.integers(-(k // 2), (k - 1) // 2 + 1)) for k in window],
    }
    return input, weights, options


@pytest.mark.parametrize("part", range(8))
def test_random_problems_agree_with_scipy(scipy, forced, watch, part):
    rng = np.random.default_rng(part)
    for _ in range(40):
        most = int(rng.choice([200, 2000, 10**6]))
        times = [(0.1, 0.2), (1e-9, 0.4), (0.3, 1e-9)][rng.integers(3)]
        forced(most, int(rng.choice([1, 4, 16])), *times)
        input, weights, options = problem(rng)
        char = input.dtype.char if rng.integers(3) else str(rng.choice(list("fdBiq")))
        got = ndimage.correlate(input, weights, np.dtype(char), **options)
        check(scipy, input, weights, got, options)
    assert sum(watch.served) > 10
    assert watch.transforms > 10
    assert watch.sums > 0


@pytest.mark.parametrize("name", [name for name, there in _core.isas() if there])
def test_instruction_sets_agree_with_scipy(scipy, forced, name):
    before = _core.isa()
    forced(3000, 4)
    try:
        _core.select_isa(name)
        for k in range(12):
            input, weights, options = problem(np.random.default_rng([k, 5]))
            check(scipy, input, weights, ndimage.correlate(input, weights, **options), options)
    finally:
        _core.select_isa(before)


# ---- What is chosen ------------------------------------------------------------------------------


@pytest.mark.parametrize("char", ["f", "d", "B"])
def test_transforms_serve_large_windows(scipy, watch, char):
    rng = np.random.default_rng(0)
    input = (100 * rng.random((200, 180))).astype(char)
    weights = np.rint(20 * rng.standard_normal((63, 61)))
    got = ndimage.correlate(input, weights, mode="mirror")
    check(scipy, input, weights, got, {"mode": "mirror"})
    assert watch.served == [True]
    assert watch.sums == 0


@pytest.mark.parametrize(
    ("shape", "window"),
    [((60, 60), (41, 41)), ((400, 400), (7, 7)), ((1000, 500), (301, 1)), ((500_000,), (900,))],
)
def test_small_windows_small_images_and_lines_stay_sums(watch, shape, window):
    rng = np.random.default_rng(0)
    ndimage.correlate(rng.random(shape), rng.random(window))
    assert not any(watch.served)


def test_products_of_lines_stay_passes(watch):
    line = np.hanning(65)[1:-1]
    ndimage.correlate(np.ones((300, 300)), line[:, None] * line)
    assert watch.served == [False]


@pytest.mark.parametrize("char", ["f", "d"])
def test_what_cannot_be_shown_is_the_direct_sum(watch, monkeypatch, char):
    """One element is so large that it hides all others."""
    rng = np.random.default_rng(0)
    input = rng.random((300, 300)).astype(char)
    weights = rng.standard_normal((45, 45))
    input[250, 250] = 1e30
    got = ndimage.correlate(input, weights)
    assert watch.served == [False]
    monkeypatch.setattr(_choice, "may_serve", lambda *sizes: False)
    assert ndimage.correlate(input, weights).tobytes() == got.tobytes()


# ---- Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("char", ["f", "d"])
def test_dark_and_black_parts_are_as_exact_as_bright_ones(scipy, watch, char):
    rng = np.random.default_rng(1)
    input = rng.random((300, 260)).astype(char)
    input[:100] = 0
    input[100:130, :100] *= 1e-30
    weights = rng.standard_normal((51, 47))
    got = ndimage.correlate(input, weights)
    assert watch.served == [True]
    check(scipy, input, weights, got, {})
    np.testing.assert_array_equal(got[:70], 0.0)
    assert not np.signbit(got[:70]).any()


@pytest.mark.parametrize("char", ["f", "d"])
def test_what_is_not_finite_stays_where_it_is(scipy, watch, char):
    rng = np.random.default_rng(2)
    input = rng.random((420, 400)).astype(char)
    for place, value in {(30, 40): np.nan, (44, 60): np.inf, (399, 3): -np.inf}.items():
        input[place] = value
    weights = rng.random((45, 43))
    got = ndimage.correlate(input, weights, mode="constant", cval=1.5)
    assert watch.served == [True]
    check(scipy, input, weights, got, {"mode": "constant", "cval": 1.5})


@pytest.mark.parametrize("char", "?bBhHiIqQ")
@pytest.mark.parametrize("out", "bBHiqQfd")
def test_sums_of_whole_numbers_are_exact_and_wrap_around(scipy, forced, watch, char, out):
    forced(10**6, 8)
    rng = np.random.default_rng(3)
    input = rng.integers(0, 2 if char == "?" else 120, (60, 50)).astype(char)
    weights = rng.integers(-90, 90, (25, 24)).astype(float)
    got = ndimage.correlate(input, weights, np.dtype(out))
    assert watch.transforms == 1
    np.testing.assert_array_equal(got, scipy.correlate(input, weights, np.dtype(out)))


@pytest.mark.parametrize("out", "BhId")
def test_means_of_bright_and_black_areas_are_truncated_as_in_scipy(scipy, watch, out):
    """There, sums are whole numbers but for roundings."""
    rng = np.random.default_rng(4)
    input = rng.integers(0, 256, (300, 280), np.uint8)
    input[:80], input[80:150, 200:] = 0, 255
    disc = np.hypot(*np.ogrid[-25:26, -25:26]) < 25.5
    got = ndimage.correlate(input, disc / disc.sum(), np.dtype(out))
    assert watch.served == [True]
    assert watch.sums > 0 or out == "d"
    check(scipy, input, disc / disc.sum(), got, {})


def test_a_sum_that_is_next_to_a_whole_number_everywhere_stays_a_sum(scipy, watch):
    white, weights = np.full((300, 300), 255, np.uint8), np.random.default_rng(5).random((45, 45))
    weights /= weights.sum()
    got = ndimage.correlate(white, weights)
    assert watch.transforms == 0
    np.testing.assert_array_equal(got, scipy.correlate(white, weights))


def test_windows_that_add_up_to_0_are_0_over_what_is_constant(scipy, watch):
    rng = np.random.default_rng(6)
    input = np.repeat(np.array([0, 40, 255], np.uint8), 150)[:, None] * np.ones((1, 260), np.uint8)
    weights = rng.random((47, 45))
    weights -= weights.mean()
    got = ndimage.correlate(input, weights, np.int16)
    assert watch.served == [True]
    np.testing.assert_array_equal(got, scipy.correlate(input, weights, np.int16))


def test_sums_of_integers_that_may_not_be_exact_stay_sums(forced, watch):
    forced(10**6, 8)
    large = np.full((40, 40), 2**50)
    ndimage.correlate(large, np.ones((5, 5)))
    ndimage.correlate(large, np.full((5, 5), 0.5))
    assert watch.transforms == 0


def test_complex_numbers_are_filtered_by_their_components(scipy, forced, watch):
    forced(10**6, 8)
    rng = np.random.default_rng(4)
    input = rng.standard_normal((60, 50)) + 1j * rng.standard_normal((60, 50))
    weights = rng.standard_normal((12, 13)) + 1j * rng.standard_normal((12, 13))
    got = ndimage.correlate(input, weights)
    assert watch.transforms >= 4
    np.testing.assert_allclose(got, scipy.correlate(input, weights), rtol=0, atol=1e-10)


# ---- Threads, memory -----------------------------------------------------------------------------


@pytest.mark.parametrize("char", ["f", "d", "B"])
def test_results_do_not_depend_on_threads_or_the_order_of_memory(watch, char):
    rng = np.random.default_rng(5)
    input = (100 * rng.random((400, 420))).astype(char)
    weights = np.rint(9 * rng.standard_normal((61, 45)))
    results = set()
    for n in (1, 2, 5):
        with fc.num_threads(n):
            results.add(ndimage.correlate(input, weights).tobytes())
    arrays = [np.asfortranarray(input), input.astype(input.dtype.newbyteorder(">"))]
    arrays.append(np.repeat(input, 2, 1)[:, ::2])
    results |= {ndimage.correlate(array, weights).tobytes() for array in arrays}
    assert len(results) == 1
    assert all(watch.served)


@pytest.mark.parametrize("mode", MODES)
def test_the_result_may_take_the_inputs_place_block_by_block(forced, watch, mode):
    forced(4000, 8)
    rng = np.random.default_rng(6)
    input, weights = rng.random((120, 130)), rng.random((9, 12))
    expected = ndimage.correlate(input, weights, mode=mode)
    assert watch.transforms > 3
    assert ndimage.correlate(input, weights, output=input, mode=mode) is input
    np.testing.assert_array_equal(input, expected)


@pytest.mark.parametrize("mode", MODES)
def test_windows_may_be_larger_than_the_array(forced, watch, mode):
    rng = np.random.default_rng(9)
    input, weights = rng.standard_normal((7, 2, 30)), rng.standard_normal((20, 13, 5))
    direct = ndimage.correlate(input, weights, mode=mode, cval=0.5, origin=(3, -4, 1))
    forced(10**6, 8)
    got = ndimage.correlate(input, weights, mode=mode, cval=0.5, origin=(3, -4, 1))
    assert watch.transforms > 0
    np.testing.assert_allclose(got, direct, rtol=0, atol=1e-11)


# ---- Cells ---------------------------------------------------------------------------------------


def test_boxes_cover_all_that_is_marked():
    rng = np.random.default_rng(7)
    for _ in range(200):
        shape = tuple(rng.integers(1, 30, int(rng.integers(1, 4))))
        marked = rng.random(shape) < rng.choice([0.0, 0.01, 0.1, 0.9])
        covered = np.zeros(shape, int)
        for box in _cells.cover(marked, (2,) * marked.ndim):
            covered[box] += 1
        assert np.all(covered[marked] == 1)
        assert covered.max(initial=0) <= 1


def patterns(shape):
    """Whole numbers up to 1000: all the same, alternating, waves, a point, an edge, random."""
    rng, (i, k) = np.random.default_rng(9), np.indices(shape)
    yield np.full(shape, 1000.0)
    yield np.where((i + k) % 2, 1000.0, -1000.0)
    yield np.rint(1000 * np.cos(2 * np.pi * (i * 3 / 64 + k * 5 / 128)))
    yield np.rint(1000 * np.cos(2 * np.pi * (0.3719 * i + 0.2213 * k)))
    yield np.where((i == shape[0] // 2) & (k == shape[1] // 3), 1000.0, 0.0)
    yield np.where(i < shape[0] // 2, 1000.0, 0.0)
    yield rng.integers(-1000, 1001, shape).astype(float)


def test_a_transform_errs_by_far_less_than_is_said():
    for block in patterns((230, 230)):
        for weights in patterns((31, 31)):
            exact = np.empty((200, 200))
            _bounds.add(block, weights, exact)
            error = np.abs(_bounds.transformed(block, weights) - exact).max()
            assert error < 0.3 * _bounds.error_of(block.size, np.abs(weights).sum()) * 1000


def test_bounds_hold_for_every_result_of_a_cell(scipy):
    rng = np.random.default_rng(8)
    for _ in range(50):
        window = tuple(int(k) for k in rng.integers(2, 30, 2))
        shape = tuple(int(n) for n in rng.integers(1, 40, 2))
        weights = rng.random(window) ** 4
        block = rng.random([n + k - 1 for n, k in zip(shape, window, strict=True)]) ** 4
        size = _cells.sizes(window, bool(rng.integers(2)))
        cells = tuple(-(-n // g) for n, g in zip(shape, size, strict=True))
        least = _cells.patches(weights, size).min(axis=(2, 3))
        bound = _cells.correlated(_cells.sums(block, size), least, cells)
        result = np.empty(shape)
        _bounds.add(block, weights, result)
        assert np.all(_cells.spread(bound, size, shape) <= result * (1 + 1e-12))
