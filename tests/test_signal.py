"""fastconv.signal against scipy.signal: every dtype, mode, shape and method; and bad arguments."""

import doctest
import inspect
import itertools
import pickle
import warnings
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest

import fastconv as fc
from fastconv import signal

scipy_signal = pytest.importorskip("scipy.signal")
scipy_fft = pytest.importorskip("scipy.fft")

MODES = ("full", "same", "valid")
REAL = "bBhHiIlLqQfdg"
TYPES = "?" + REAL + "eFDGO"
SHAPES = {
    1: [((9,), (4,)), ((4,), (9,)), ((7,), (7,)), ((1,), (5,)), ((300,), (41,)), ((1000,), (301,))],
    2: [
        ((6, 7), (3, 2)),
        ((3, 2), (6, 7)),
        ((4, 5), (1, 5)),
        ((5, 2), (2, 9)),
        ((40, 33), (9, 12)),
    ],
    3: [((4, 5, 6), (2, 3, 1)), ((2, 2, 2), (3, 3, 3))],
    4: [((3, 4, 2, 5), (2, 2, 2, 3))],
}
NAMES = ("convolve", "correlate", "fftconvolve", "oaconvolve", "convolve2d", "correlate2d")


def drawn(shape, char, seed):
    """Random values of a dtype: integers over its whole range."""
    rng, dtype = np.random.default_rng(seed), np.dtype(char)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    values = rng.standard_normal(shape)
    if dtype.kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    if dtype.kind == "b":
        return values > 0
    if dtype.kind == "O":
        return np.array([Decimal(float(v)) for v in values.ravel()], object).reshape(shape)
    return values.astype(dtype)


def outcome(module, name, *arrays, **options):
    """(result, kinds of its warnings), or the type of what was raised."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = getattr(module, name)(*arrays, **options)
        except Exception as error:
            return type(error)
    return result, {w.category for w in caught}


def same(name, *arrays, **options):
    """Check a call against SciPy's: dtype, shape, values, warnings, and what is raised."""
    what = (name, [(a.dtype.char, a.shape) for a in map(np.asarray, arrays)], options)
    theirs = outcome(scipy_signal, name, *arrays, **options)
    ours = outcome(signal, name, *arrays, **options)
    if isinstance(theirs, type) or isinstance(ours, type):
        assert ours == theirs, what
        return
    (y, warned), (expected, expected_warned) = ours, theirs
    assert y.dtype == expected.dtype, what
    assert y.shape == expected.shape, what
    if options.get("method") == "fft":
        assert warned == expected_warned, what
    if y.dtype.kind in "iub" or y.size == 0:
        assert np.array_equal(y, expected), what
    elif y.dtype.kind == "O":
        assert np.allclose(y.astype(float), expected.astype(float)), what
    else:
        exact = [np.abs(np.asarray(a).astype(complex)) for a in arrays[:2]]
        size = 1.0
        if exact[0].size and exact[1].size:
            size = float(np.max(scipy_signal.convolve(*exact, mode="full")))
        single = any(a.dtype.char in "efF" for a in map(np.asarray, arrays))
        eps = 1e-3 if y.dtype.char == "e" else 2e-5 if single else 1e-13
        assert np.allclose(y, expected, rtol=eps, atol=eps * size, equal_nan=True), what


def arrays_of(ndim, first, second, seed=0):
    for i, (shape1, shape2) in enumerate(SHAPES[ndim]):
        yield drawn(shape1, first, seed + i), drawn(shape2, second, seed + i + 100)


@pytest.mark.parametrize("ndim", SHAPES)
@pytest.mark.parametrize("char", TYPES)
def test_direct_sums_are_scipys(char, ndim):
    for (a, b), mode in itertools.product(arrays_of(ndim, char, char), MODES):
        for name in ("convolve", "correlate"):
            same(name, a, b, mode=mode, method="direct")


@pytest.mark.parametrize("first", TYPES)
def test_direct_sums_of_two_dtypes_are_scipys(first):
    for second, ndim in itertools.product(TYPES, (1, 2)):
        a, b = drawn((7, 6)[:ndim], first, 0), drawn((3, 2)[:ndim], second, 1)
        for name in ("convolve", "correlate"):
            same(name, a, b, method="direct")
        if ndim == 2:
            same("convolve2d", a, b)


@pytest.mark.parametrize("ndim", SHAPES)
@pytest.mark.parametrize("char", "fdgFDG")
def test_transforms_are_scipys(char, ndim):
    for (a, b), mode in itertools.product(arrays_of(ndim, char, char), MODES):
        same("fftconvolve", a, b, mode)
        same("oaconvolve", a, b, mode)
        same("convolve", a, b, mode=mode, method="fft")
        same("correlate", a, b, mode=mode, method="fft")
        same("convolve", a, b, mode)


@pytest.mark.parametrize("char", "?bBhHiIlLqQe")
def test_transforms_of_other_dtypes_are_scipys(char):
    a = drawn((50,), char, 0) if char in "?e" else drawn((50,), char, 0) % 7
    b = drawn((9,), char, 1) if char in "?e" else drawn((9,), char, 1) % 5
    a, b = a.astype(char), b.astype(char)
    for mode in MODES:
        same("fftconvolve", a, b, mode)
        if char != "?":  # SciPy does not round those, and takes its errors for True
            same("convolve", a, b, mode=mode, method="fft")


@pytest.mark.parametrize(("first", "second"), ["dd", "ff", "DD", "dD", "FF", "fF", "gg"])
@pytest.mark.parametrize("name", ["fftconvolve", "oaconvolve"])
def test_axes_are_scipys(name, first, second):
    rng = np.random.default_rng(0)
    for seed in range(60):
        ndim = rng.integers(1, 4)
        shape1, shape2 = rng.integers(1, 40, (2, ndim))
        for axis in np.flatnonzero(rng.random(ndim) < 0.4):
            shape2[axis] = shape1[axis]
        for axis in np.flatnonzero(rng.random(ndim) < 0.2):
            (shape1 if rng.random() < 0.5 else shape2)[axis] = 1
        axes = rng.permutation(ndim)[: rng.integers(1, ndim + 1)] - ndim * rng.integers(0, 2)
        a, b = drawn(shape1, first, seed), drawn(shape2, second, seed + 100)
        for mode in MODES:
            same(name, a, b, mode, axes=[int(a) for a in axes])
            same(name, b, a, mode, axes=[int(a) for a in axes])


@pytest.mark.parametrize(("first", "second"), ["dd", "DD", "Dd"])
def test_many_lines_and_groups_of_them(first, second):
    shapes = [
        ((3, 40, 50), (1, 1, 9), (2,)),
        ((3, 40, 50), (3, 1, 9), (2,)),
        ((3, 40, 50), (3, 40, 9), (2,)),
        ((50, 3, 40), (9, 3, 1), (0,)),
        ((50, 3, 1), (9, 1, 40), (0,)),
        ((1, 60, 9), (12, 70, 5), (1, 2)),
        ((2, 9, 30, 8, 7), (2, 1, 5, 3, 4), (2, 3, 4)),
        ((4, 5, 6, 7, 8), (3, 4, 2, 1, 3), (0, 1, 2, 4)),
        ((4, 5, 6, 7, 2), (3, 4, 2, 3, 2), (0, 1, 2, 3)),
    ]
    for (shape1, shape2, axes), mode in itertools.product(shapes, MODES):
        a, b = drawn(shape1, first, 0), drawn(shape2, second, 1)
        same("fftconvolve", a, b, mode, axes)
        same("fftconvolve", b, a, mode, axes)


@pytest.mark.parametrize("by", ["C", "SciPy", "NumPy"])
@pytest.mark.parametrize(("first", "second"), ["dd", "FF", "dD", "Dd"])
def test_all_transforms_give_the_same(monkeypatch, by, first, second):
    """C's and those of either library, whichever would be chosen."""
    from fastconv.signal import _convolve, _frequency, _library

    for module in (_convolve, _frequency):
        monkeypatch.setattr(module, "prefers_library", lambda *_: by != "C")
    library = {"C": None, "SciPy": (scipy_fft, True), "NumPy": (np.fft, False)}[by]
    monkeypatch.setattr(_library, "_library", lambda: library)
    shapes = [
        ((3000,), (200,), (0,)),
        ((40, 50), (40, 50), (0, 1)),
        ((9, 40, 50), (9, 1, 7), (2,)),
        ((9, 40, 50), (1, 5, 50), (1,)),
        ((5, 6, 7, 8), (2, 3, 4, 5), (0, 1, 2, 3)),
        ((2, 5, 6, 7, 8), (2, 2, 3, 1, 5), (1, 2, 3, 4)),
    ]
    for (shape1, shape2, axes), mode in itertools.product(shapes, MODES):
        a, b = drawn(shape1, first, 0), drawn(shape2, second, 1)
        same("fftconvolve", a, b, mode, axes)
        if len(axes) == len(shape1):
            same("convolve", a, b, mode)


def test_scipys_transforms_have_the_threads_that_are_set(monkeypatch):
    """By `scipy.fft.set_workers`, else by fastconv."""
    from fastconv.signal import _library

    asked = []

    def transform(name):
        def run(*args, workers, **options):
            asked.append(workers)
            return getattr(scipy_fft, name)(*args, workers=workers, **options)

        return run

    library = SimpleNamespace(get_workers=scipy_fft.get_workers)
    for name in ("rfftn", "irfftn"):
        setattr(library, name, transform(name))
    monkeypatch.setattr(_library, "_library", lambda: (library, True))
    x = drawn((200,), "g", 0)  # of which C has no transforms
    expected = signal.fftconvolve(x, x)
    for ours, theirs, wanted in ((3, None, 3), (1, None, 1), (3, 2, 2), (1, 4, 4), (5, 1, 5)):
        asked.clear()
        with fc.num_threads(ours), scipy_fft.set_workers(theirs or 1):
            np.testing.assert_array_equal(signal.fftconvolve(x, x), expected)
        assert asked == [wanted] * 3


@pytest.mark.parametrize("axes", [0, -1, np.int64(0), True, np.array([0, 1]), [np.array(1)], None])
def test_axes_may_be_given_in_many_ways(axes):
    a, b = drawn((8, 9), "d", 0), drawn((8, 9), "d", 1)
    same("fftconvolve", a, b, axes=axes)


@pytest.mark.parametrize("sizes", [(10_000, 100), (100, 10_000), (100_000, 2000), (5000, 4000)])
@pytest.mark.parametrize("char", "fdgFD")
def test_long_signals_in_blocks(char, sizes):
    a, b = drawn((sizes[0],), char, 0), drawn((sizes[1],), char, 1)
    for mode in MODES:
        same("oaconvolve", a, b, mode)
        same("convolve", a, b, mode)


@pytest.mark.parametrize("char", "fd")
def test_large_kernels_on_images(char):
    for shape1, shape2 in [((200, 300), (31, 31)), ((257, 129), (64, 5)), ((70, 500), (65, 77))]:
        a, b = drawn(shape1, char, 0), drawn(shape2, char, 1)
        for mode in ("full", "same"):
            same("convolve", a, b, mode)
            same("correlate", a, b, mode)


@pytest.mark.parametrize("char", "fd")
@pytest.mark.parametrize("shapes", [((3000,), (500,)), ((2000,), (20,)), ((90, 80), (25, 31))])
def test_single_precision_is_within_the_promised_error(char, shapes):
    """1e-5 of the sum of the magnitudes of the products, element by element."""
    for values in (lambda a: a, np.abs, lambda a: np.full_like(a, 0.1)):
        a, b = (values(drawn(shape, char, i)) for i, shape in enumerate(shapes))
        long = [array.astype(np.longdouble) for array in (a, b)]
        for mode, method in itertools.product(MODES, ("auto", "direct")):
            y = signal.convolve(a, b, mode, method)
            exact = scipy_signal.convolve(*long, mode, "direct")
            bound = scipy_signal.convolve(*map(abs, long), mode, "direct")
            if method == "auto" and char == "d":
                bound = bound.max()
            assert (abs(y - exact) <= (1e-5 if char == "f" else 1e-12) * bound).all()


@pytest.mark.parametrize("char", REAL.replace("g", "") + "FDgG")
@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
def test_boundaries_are_scipys(name, char):
    shapes = [
        ((5, 6), (3, 3)),
        ((5, 6), (2, 4)),
        ((3, 2), (6, 7)),
        ((1, 4), (1, 21)),
        ((4, 5), (4, 5)),
    ]
    for (shape1, shape2), mode in itertools.product(shapes, MODES):
        a, b = drawn(shape1, char, 0), drawn(shape2, char, 1)
        for boundary in ("fill", "pad", "wrap", "circular", "symm", "symmetric"):
            same(name, a, b, mode, boundary)
        same(name, a, b, mode, "fill", 3)


@pytest.mark.parametrize("char", "iBfdD")
def test_fill_values_are_scipys(char):
    a, b = drawn((4, 5), char, 0), drawn((2, 3), char, 1)
    values = [None, "3", "x", [1], [[2]], [1, 2], [], np.array([3.5]), np.array(2), 1j, 2.7]
    values += [np.nan, 300, -1, 10**30, np.float32(1.5), True, object()]
    for value in values:
        what = (char, value)
        theirs = outcome(scipy_signal, "convolve2d", a, b, fillvalue=value)
        ours = outcome(signal, "convolve2d", a, b, fillvalue=value)
        if isinstance(theirs, type):
            assert ours is theirs, what
        else:
            assert np.allclose(ours[0], theirs[0], rtol=1e-5, equal_nan=True), what


EMPTY = {
    1: [(0,), (1,), (3,)],
    2: [(0, 3), (3, 0), (0, 0), (2, 2), (1, 4), (3, 1)],
    3: [(1, 4, 3), (0, 3, 3), (2, 0, 1), (1, 1, 1)],
}


@pytest.mark.parametrize("name", ["convolve", "correlate", "fftconvolve", "oaconvolve"])
@pytest.mark.parametrize("mode", MODES)
def test_empty_arrays_are_scipys(name, mode):
    for ndim, char in itertools.product(EMPTY, "dl?D"):
        for shape1, shape2 in itertools.product(EMPTY[ndim], repeat=2):
            if 0 not in (*shape1, *shape2):
                continue
            a, b = np.zeros(shape1, char), np.ones(shape2, char)
            for method in ("auto", "direct", "fft") if name in ("convolve", "correlate") else ("",):
                same(name, a, b, **{"mode": mode, **({"method": method} if method else {})})


@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
@pytest.mark.parametrize("mode", MODES)
def test_empty_images_are_scipys(name, mode):
    for shape1, shape2 in itertools.product(EMPTY[2], repeat=2):
        if 0 not in (*shape1, *shape2):
            continue
        a, b = np.zeros(shape1), drawn(shape2, "d", 0)
        same(name, a, b, mode, fillvalue=3)
        crashes = mode == "full" and 0 in shape1
        if not crashes:
            same(name, a, b, mode, "wrap")


@pytest.mark.parametrize("boundary", ["wrap", "symm"])
def test_nothing_has_nothing_beyond_its_edges(boundary):
    """SciPy crashes."""
    for shape1, shape2 in [((0, 3), (2, 2)), ((3, 0), (1, 4))]:
        with pytest.raises(ValueError, match="nothing"):
            signal.convolve2d(np.zeros(shape1), np.zeros(shape2), boundary=boundary)


BAD = [
    ("convolve", ([1, 2], [3]), {"mode": "spam"}),
    ("convolve", ([1, 2], [3]), {"mode": 1}),
    ("convolve", ([1, 2], [3]), {"method": "spam"}),
    ("convolve", ([1, 2], 3), {}),
    ("convolve", ([1, 2], [[3]]), {}),
    ("convolve", (np.ones((2, 3)), np.ones((3, 2))), {"mode": "valid"}),
    ("correlate", ([1, 2], [3]), {"mode": "spam"}),
    ("correlate", ([1, 2], [3]), {"mode": None}),
    ("correlate", ([1, 2], [3]), {"method": None}),
    ("correlate", (["a"], ["b"]), {}),
    ("convolve", (["a"], ["b"]), {"method": "direct"}),
    ("fftconvolve", ([1, 2], [3]), {"mode": "spam"}),
    ("fftconvolve", ([1, 2], [3]), {"axes": []}),
    ("fftconvolve", ([1, 2], [3]), {"axes": 1}),
    ("fftconvolve", ([1, 2], [3]), {"axes": [0, 0]}),
    ("fftconvolve", ([1, 2], [3]), {"axes": [0.0]}),
    ("fftconvolve", ([1, 2], [3]), {"axes": [[0]]}),
    ("fftconvolve", ([1, 2], [3, 4]), {"axes": np.array(0)}),
    ("fftconvolve", ([1, 2], [3, 4]), {"axes": "0"}),
    ("fftconvolve", ([1, 2], [3, 4]), {"axes": -2}),
    ("oaconvolve", (np.ones((2, 3)), np.ones((3, 2))), {"axes": 0}),
    ("oaconvolve", (np.ones((2, 3)), np.ones((3, 2))), {"mode": "valid"}),
    ("convolve2d", ([1, 2], [3]), {}),
    ("convolve2d", ([[1, 2]], [[3]]), {"mode": "spam"}),
    ("convolve2d", ([[1, 2]], [[3]]), {"mode": 1}),
    ("convolve2d", ([[1, 2]], [[3]]), {"boundary": "reflect"}),
    ("convolve2d", ([[1, 2]], [[3]]), {"boundary": 0}),
    ("correlate2d", (np.ones((2, 3)), np.ones((3, 2))), {"mode": "valid"}),
    ("choose_conv_method", ([1.0, 2], [3.0]), {"mode": "spam"}),
    ("choose_conv_method", (np.zeros(0, int), [3]), {}),
]


@pytest.mark.parametrize(("name", "arrays", "options"), BAD)
def test_bad_arguments_raise_what_scipy_raises(name, arrays, options):
    theirs = outcome(scipy_signal, name, *arrays, **options)
    assert isinstance(theirs, type)
    assert outcome(signal, name, *arrays, **options) == theirs


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_taken_as_they_come_and_not_changed(name):
    rng = np.random.default_rng(0)
    whole = rng.standard_normal((40, 60))
    variants = [
        (whole[::2, ::-3], whole[5::-1, :7]),
        (whole[::2, ::-3].astype(">f8"), whole[5::-1, :7].astype(">f8")),
        (np.asfortranarray(whole[::2, ::-3]), np.asfortranarray(whole[5::-1, :7])),
    ]
    expected = getattr(signal, name)(*[np.ascontiguousarray(v) for v in variants[0]])
    for a, b in variants:
        before = a.copy(), b.copy()
        a.flags.writeable = b.flags.writeable = False
        y = getattr(signal, name)(a, b)
        assert y.flags.writeable
        assert np.array_equal(y, expected)
        assert np.array_equal(a, before[0])
        assert np.array_equal(b, before[1])


def test_fill_values_count_only_where_there_is_a_fill():
    for boundary in ("wrap", "symm"):
        for value in (np.nan, "x", [1, 2]):
            same("convolve2d", [[1, 2], [3, 4]], [[1, 2]], boundary=boundary, fillvalue=value)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("char", "fdgFDG")
def test_direct_sums_of_what_is_not_finite_are_no_warning(char):
    a, b = drawn((9, 9), char, 0), drawn((3, 3), char, 1)
    a[2, 2:4] = np.inf, -np.inf
    for name in ("convolve", "correlate", "convolve2d", "correlate2d"):
        assert np.isnan(getattr(signal, name)(a, b)).any()


def test_transforms_of_single_objects():
    for a in ([[2]], [[2.5]]):
        same("convolve", np.array(a, object), np.array([[3]], object), method="fft")
        same("fftconvolve", np.array(a, object), np.array([[3]], object))


def test_scalars_are_multiplied():
    for name in ("convolve", "correlate", "fftconvolve", "oaconvolve"):
        assert getattr(signal, name)(3, 4) == 12
        product = getattr(signal, name)(np.array(Decimal(3)), Decimal(2))
        assert isinstance(product, Decimal)
        assert getattr(signal, name)(2j, 3j) == getattr(scipy_signal, name)(2j, 3j)


@pytest.mark.parametrize("shapes", [((5000,), (900,)), ((150, 140), (51, 43))])
@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.filterwarnings("error")
def test_auto_passes_what_is_not_finite_on_as_the_direct_sum(shapes, value):
    a, b = drawn(shapes[0], "d", 0), drawn(shapes[1], "d", 1)
    assert signal.choose_conv_method(a, b) == "fft"
    a[tuple(n // 2 for n in a.shape)] = value
    y = signal.convolve(a, b, "same")
    expected = signal.convolve(a, b, "same", "direct")
    assert np.isfinite(y).any()
    assert not np.isfinite(y).all()
    assert np.array_equal(y, expected, equal_nan=True)


@pytest.mark.parametrize("method", ["auto", "direct"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_meets_no_zeros_from_outside(value, method):
    shapes = [((40,), (7,)), ((7,), (40,)), ((9000,), (600,)), ((1, 7, 1), (3, 3, 3)), ((6,), (6,))]
    for (shape1, shape2), char, mode in itertools.product(shapes, "fdD", MODES):
        for i in range(2):
            pair = [drawn(shape1, char, 0), drawn(shape2, char, 1)]
            if i == 1 and (len(shape1) == 3 or (mode == "same" and shape1 < shape2)):
                continue  # SciPy multiplies zeros by the taps there
            if mode == "valid" and len(shape1) == 3:
                continue
            pair[i].reshape(-1)[3] = value
            y = signal.convolve(*pair, mode, method)
            expected = scipy_signal.convolve(*pair, mode, "direct")
            assert np.array_equal(np.isfinite(y), np.isfinite(expected)), (shape1, char, mode, i)


def test_transforms_that_were_asked_for_warn_of_what_is_not_finite():
    a, b = drawn((500,), "d", 0), drawn((30,), "d", 1)
    a[7] = np.nan
    for name in ("convolve", "correlate"):
        with pytest.warns(RuntimeWarning, match="Use of fft convolution") as caught:
            getattr(signal, name)(a, b, method="fft")
        assert caught[0].filename == __file__


@pytest.mark.parametrize("char", "bBhHiIlL")
def test_auto_is_exact_in_integers(char):
    a, b = drawn((5000,), char, 0), drawn((2000,), char, 1)
    small = (a % 3).astype(char), (b % 3).astype(char)
    for pair in ((a, b), small):
        y = signal.convolve(*pair)
        assert y.dtype == np.dtype(char)
        assert np.array_equal(y, np.convolve(*pair))


def test_auto_takes_transforms_where_there_is_no_direct_sum():
    """Of float16 in several dimensions; SciPy does so only where it takes them for faster."""
    a, b = drawn((64, 64), "e", 0), drawn((4, 4), "e", 1)
    for mode in MODES:
        same("convolve", a, b, mode)
        assert signal.convolve(a[:8, :8], b, mode).dtype == np.float16
    a[3, 3] = np.nan
    assert np.isnan(signal.convolve(a, b)).sum() == b.size
    with pytest.raises(ValueError, match="float16"):
        signal.convolve(a, b, method="direct")


def test_auto_is_exact_where_sums_are_nearly_too_large_for_float64():
    rng = np.random.default_rng(0)
    for bits in (15, 18, 20):
        for shapes in [((5000,), (2000,)), ((300, 200), (40, 50))]:
            a, b = (rng.integers(-(2**bits), 2**bits, shape) for shape in shapes)
            y = signal.convolve(a, b, "same")
            assert np.array_equal(y, signal.convolve(a, b, "same", "direct"))


@pytest.mark.filterwarnings("error")
def test_sums_that_only_all_results_together_overflow_are_no_warning():
    a = np.full(300, 1e304)
    assert np.isfinite(signal.convolve(a, np.ones(50), "same", "fft")).all()
    assert np.isfinite(signal.convolve(a, np.ones(50), "same")).all()


@pytest.mark.parametrize(("first", "second"), ["dD", "Dd", "fF"])
def test_auto_takes_a_real_array_for_one_of_complex_numbers(first, second):
    a, b = drawn((5000,), first, 0), drawn((900,), second, 1)
    assert signal.choose_conv_method(a, b) == "fft"
    same("convolve", a, b, "same")
    a[700] = np.inf
    y, expected = (signal.convolve(a, b, "same", method) for method in ("auto", "direct"))
    assert np.allclose(y, expected, rtol=1e-4, equal_nan=True)


def test_images_of_float64_are_added_up():
    """SciPy's convolve2d has no transforms: what is bright spoils no other results."""
    a, b = drawn((300, 300), "d", 0), drawn((31, 31), "d", 1)
    dark = signal.convolve2d(a, b, "same")
    a[0, 0] = 1e15
    for y in (signal.convolve2d(a, b, "same"), signal.correlate2d(a, b[::-1, ::-1], "same")):
        assert np.array_equal(y[40:, 40:], dark[40:, 40:])


def test_results_do_not_depend_on_the_number_of_threads():
    cases = [(drawn((100_000,), "d", 0), drawn((999,), "d", 1))]
    cases += [(drawn((300, 301), "f", 0), drawn((61, 60), "f", 1))]
    cases += [(drawn((3000,), "f", 0), drawn((10,), "f", 1))]
    cases += [(drawn((250, 260), "D", 0), drawn((240, 250), "d", 1))]
    for a, b in cases:
        results = []
        for n in (1, 2, 5):
            with fc.num_threads(n):
                results.append(signal.convolve(a, b, "same"))
        assert all(np.array_equal(results[0], y) for y in results)


def test_the_choice_is_measured_where_that_is_asked_for():
    a, b = np.ones(200), np.ones(10)
    method, times = signal.choose_conv_method(a, b, measure=True)
    assert set(times) == {"direct", "fft"}
    assert all(seconds > 0 for seconds in times.values())
    assert method == min(times, key=times.get)


def test_the_choice_does_not_depend_on_the_order():
    a, b = np.ones(1000), np.ones(100_000)
    for mode in ("full", "valid"):
        assert signal.choose_conv_method(a, b, mode) == "fft"
        assert signal.choose_conv_method(b, a, mode) == "fft"


def test_the_choice_takes_any_shapes():
    for shapes in [((3,), (3, 3)), ((), ()), ((5, 2), (2, 5))]:
        a, b = (np.ones(shape) for shape in shapes)
        for mode in MODES:
            same_choice = [m.choose_conv_method(a, b, mode) for m in (signal, scipy_signal)]
            assert same_choice == ["direct", "direct"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("window", [1, 2, 3, 10, 11, 40, 255, 256, 1000, 2999, 3000, 3001, 5000])
def test_moving_averages_are_numpys(window, mode):
    for char in "dfiB?DgeF":
        x = drawn((3000,), char, 0)
        y = signal.moving_average(x, window, mode)
        expected = np.convolve(x, np.ones(window) / window, mode)
        assert y.dtype == expected.dtype
        assert y.shape == expected.shape
        assert np.allclose(y, expected, rtol=1e-12, atol=1e-12 * np.abs(x.astype(complex)).max())


def test_a_moving_average_is_of_its_window_alone():
    """What is large and outside of it is not even in its rounding."""
    x = drawn((20_000,), "d", 0)
    calm = signal.moving_average(x, 2001)
    x[[3000, 9000]] = 1e20, np.inf
    y = signal.moving_average(x, 2001)
    for outside in (slice(0, 1990), slice(4010, 7990), slice(10_010, None)):
        assert np.allclose(y[outside], calm[outside], rtol=0, atol=1e-14)
    assert np.isposinf(y[8000:10_001]).all()


def test_a_moving_average_of_nan_is_nan_in_its_windows_alone():
    x = np.ones(20_000)
    x[10_000] = np.nan
    y = signal.moving_average(x, 2001)
    assert np.isnan(y).sum() == 2001
    assert np.isfinite(y[:8999]).all()


@pytest.mark.parametrize("window", [0, -1, 2.0, "3", None, True, (3,)])
def test_bad_windows_are_refused(window):
    with pytest.raises((ValueError, TypeError), match="window"):
        signal.moving_average([1.0, 2.0], window)


@pytest.mark.parametrize("x", [np.zeros((2, 2)), []])
def test_averages_are_of_signals(x):
    with pytest.raises(ValueError, match="shape"):
        signal.moving_average(x, 2)


def test_averages_have_three_modes():
    with pytest.raises(ValueError, match="mode"):
        signal.moving_average([1.0, 2.0], 2, "spam")


def test_the_examples_run():
    assert doctest.testmod(signal).failed == 0
    for name in signal.__all__:
        examples = doctest.DocTestParser().get_doctest(
            getattr(signal, name).__doc__, {}, name, None, 0
        )
        assert len(examples.examples) >= 2, name
        report = []
        assert not doctest.DocTestRunner().run(examples, out=report.append)[0], "".join(report)


@pytest.mark.parametrize("name", [n for n in signal.__all__ if n != "moving_average"])
def test_signatures_are_scipys(name):
    ours, theirs = (inspect.signature(getattr(m, name)) for m in (signal, scipy_signal))
    assert [(p.name, p.default) for p in ours.parameters.values()] == [
        (p.name, p.default) for p in theirs.parameters.values()
    ]


@pytest.mark.parametrize("name", signal.__all__)
def test_functions_can_be_pickled(name):
    function = getattr(signal, name)
    assert pickle.loads(pickle.dumps(function)) is function


def test_short_signals_are_numpys():
    """Those that go to C at once: every length of signal and taps, and every mode."""
    for n, k in itertools.product((1, 2, 7, 16, 33, 100), (1, 2, 3, 10, 31, 64, 65)):
        for char, mode in itertools.product("fd", MODES):
            a, b = drawn((n,), char, n), drawn((k,), char, k)
            same("convolve", a, b, mode)
            same("correlate", a, b, mode)


def test_results_own_their_memory_and_lines_may_be_views():
    x = np.arange(100.0)
    for line in (x[::2], x[::-1], x.astype(">f8")):
        assert np.array_equal(signal.convolve(line, x[:3]), np.convolve(line, x[:3]))
    assert signal.convolve(x, x[:3]).base is None
