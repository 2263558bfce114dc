"""fastconv.ndimage against scipy.ndimage: values, dtypes, shapes, errors and warnings."""

import doctest
import inspect
import re
import sys
import warnings

import numpy as np
import pytest
from helpers import children
from helpers.filters import INTEGERS, OPS, passes, values, window, windows
from helpers.ndimage import fourth_order, simple

import fastconv as fc
from fastconv import _core, ndimage
from fastconv.ndimage import _run, _slabs
from fastconv.testing.reference import filter_passes, filter_taps

MODES = (
    *("reflect", "constant", "nearest", "mirror", "wrap"),
    *("grid-mirror", "grid-constant", "grid-wrap"),
)
TYPES = "?" + INTEGERS + "fd"
SIZES = (1, 2, 3, 5, 8, 13, 40)
CASES = 60

# As the contract has them: SciPy 1.17's.
BEYOND = "mode='reflect', cval=0.0"
SIGNATURES = {
    "correlate": f"input, weights, output=None, {BEYOND}, origin=0, *, axes=None",
    "convolve": f"input, weights, output=None, {BEYOND}, origin=0, *, axes=None",
    "correlate1d": f"input, weights, axis=-1, output=None, {BEYOND}, origin=0",
    "convolve1d": f"input, weights, axis=-1, output=None, {BEYOND}, origin=0",
    "gaussian_filter": f"input, sigma, order=0, output=None, {BEYOND}, truncate=4.0, *, "
    "radius=None, axes=None",
    "gaussian_filter1d": f"input, sigma, axis=-1, order=0, output=None, {BEYOND}, truncate=4.0, "
    "*, radius=None",
    "gaussian_gradient_magnitude": f"input, sigma, output=None, {BEYOND}, *, axes=None, **kwargs",
    "gaussian_laplace": f"input, sigma, output=None, {BEYOND}, *, axes=None, **kwargs",
    "generic_gradient_magnitude": f"input, derivative, output=None, {BEYOND}, extra_arguments=(), "
    "extra_keywords=None, *, axes=None",
    "generic_laplace": f"input, derivative2, output=None, {BEYOND}, extra_arguments=(), "
    "extra_keywords=None, *, axes=None",
    "laplace": f"input, output=None, {BEYOND}, *, axes=None",
    "sobel": f"input, axis=-1, output=None, {BEYOND}",
    "prewitt": f"input, axis=-1, output=None, {BEYOND}",
    "uniform_filter": f"input, size=3, output=None, {BEYOND}, origin=0, *, axes=None",
    "uniform_filter1d": f"input, size, axis=-1, output=None, {BEYOND}, origin=0",
    "maximum_filter": f"input, size=None, footprint=None, output=None, {BEYOND}, origin=0, *, "
    "axes=None",
    "maximum_filter1d": f"input, size, axis=-1, output=None, {BEYOND}, origin=0",
    "minimum_filter": f"input, size=None, footprint=None, output=None, {BEYOND}, origin=0, *, "
    "axes=None",
    "minimum_filter1d": f"input, size, axis=-1, output=None, {BEYOND}, origin=0",
}
NAMES = sorted(SIGNATURES)
EVERY_FUNCTION = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def scipy():
    """SciPy's module of the same name."""
    return pytest.importorskip("scipy.ndimage")


# ---- Names and documentation ---------------------------------------------------------------------


def test_all_promised_functions_are_there():
    assert sorted(ndimage.__all__) == NAMES


@EVERY_FUNCTION
def test_signatures_are_those_of_scipy(name):
    signature = inspect.signature(getattr(ndimage, name))
    parameters = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    bare = signature.replace(parameters=parameters, return_annotation=signature.empty)
    assert str(bare) == f"({SIGNATURES[name]})"


@EVERY_FUNCTION
def test_docstrings_describe_every_parameter_and_their_examples_run(name):
    text = getattr(ndimage, name).__doc__
    assert re.match(r"[A-Z].*\.\n", text)
    assert f"scipy.ndimage.{name}`" in text
    assert "$" not in text
    section = text.split("Parameters\n----------")[1].split("\n\n")[0]
    described = set(re.findall(r"(?m)^\**(\w+)", section))
    assert described == set(inspect.signature(getattr(ndimage, name)).parameters)
    examples = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert len(examples.examples) > 2
    report = []
    assert not doctest.DocTestRunner().run(examples, out=report.append)[0], "".join(report)


def test_the_modules_own_example_runs():
    assert doctest.testmod(ndimage).failed == 0


# ---- Random problems -----------------------------------------------------------------------------


def image(rng, chars=TYPES):
    """A random array: 1 to 4 axes, any strides and byte order."""
    ndim = int(rng.choice([1, 2, 2, 2, 3, 4]))
    shape = [int(n) for n in rng.choice(SIZES[: 7 if ndim < 3 else 5], ndim)]
    char = str(rng.choice(list(chars)))
    layout = rng.integers(6)
    if layout == 0:
        return values(rng, [2 * n for n in shape], char)[(slice(None, None, 2),) * ndim]
    if layout == 1:
        return values(rng, shape[::-1], char).T
    if layout == 2:
        return values(rng, shape, char)[::-1]
    array = values(rng, shape, char)
    return array.astype(array.dtype.newbyteorder()) if layout == 3 else array


def origin_of(rng, size):
    return int(rng.integers(-(size // 2), (size - 1) // 2 + 1))


def turned(origin, size):
    """The origin of a convolution's window that is in its range."""
    return -origin if size % 2 else -origin - 1


def arguments(rng, name, ndim):
    """Random arguments of a function: a function that makes them for a module, and keywords."""
    axis = int(rng.integers(-ndim, ndim))
    axes = None
    if rng.integers(3) == 0:
        axes = tuple(int(a) for a in rng.permutation(ndim)[: rng.integers(1, ndim + 1)])
    count = ndim if axes is None else len(axes)
    sizes = [int(n) for n in rng.integers(1, 7 if count < 4 else 4, count)]
    origins = [origin_of(rng, n) for n in sizes]
    deviations = [float(s) for s in rng.choice([0.5, 1, 1.7, 4], count)]
    if name in ("correlate", "convolve"):
        if name == "convolve":
            origins = [turned(o, n) for o, n in zip(origins, sizes, strict=True)]
        return (window(rng, sizes),), {"origin": origins, "axes": axes}
    if name in ("correlate1d", "convolve1d"):
        size = int(rng.integers(1, 12))
        origin = origin_of(rng, size)
        origin = turned(origin, size) if name == "convolve1d" else origin
        return (window(rng, (size,)), axis), {"origin": origin}
    if name == "gaussian_filter1d":
        return (deviations[0], axis, int(rng.integers(4))), {}
    if name == "gaussian_filter":
        deviations[0] *= rng.integers(2)
        return (deviations, int(rng.integers(3))), {"axes": axes, "truncate": 3.0}
    if name == "gaussian_gradient_magnitude":
        return (0.8,), {"axes": axes}
    if name == "gaussian_laplace":
        return (deviations,), {"axes": axes, "truncate": 2.5}
    if name == "generic_laplace":
        return (fourth_order,), {"axes": axes, "extra_arguments": (2.0,), "extra_keywords": {}}
    if name == "generic_gradient_magnitude":
        return (fourth_order,), {"axes": axes}
    if name == "laplace":
        return (), {"axes": axes}
    if name in ("sobel", "prewitt"):
        return (axis,), {}
    if name.endswith("1d"):
        size = int(rng.integers(1, 30))
        return (size, axis), {"origin": origin_of(rng, size)}
    options = {"axes": axes, "origin": origins}
    if name != "uniform_filter" and rng.integers(2):
        return (), {**options, "footprint": rng.random(sizes) < 0.6}
    return (sizes,), options


def bound_to(module, name, args, options):
    """The arguments with functions that filter by the module itself."""
    if name.startswith("generic"):
        keywords = {**options.pop("extra_keywords", {}), "module": module}
        return args, {**options, "extra_keywords": keywords}
    return args, options


def call(module, name, input, args, options):
    args, options = bound_to(module, name, args, dict(options))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(module, name)(input, *args, **options)


def magnitude(name, args, input):
    """A bound of the sum of |x| |w|, roughly."""
    largest = float(
        np.max(np.abs(input.astype("D" if input.dtype.kind == "c" else "d")), initial=1)
    )
    weights = next((a for a in args if isinstance(a, np.ndarray)), np.ones(1))
    return max(largest, 300.0) * max(float(np.abs(weights).sum()), 10.0)


def agree(got, expected, case, scale, exact=True):
    """Integers bit for bit; floats within the promised part of the sum of magnitudes."""
    assert got.dtype == expected.dtype, case
    assert got.shape == expected.shape, case
    if got.dtype.kind in "biu":
        assert got.tobytes() == expected.tobytes(), case
    else:
        bound = 1e-12 if exact and got.dtype.char not in "fF" else 1e-5
        np.testing.assert_allclose(got, expected, rtol=bound, atol=bound * scale, err_msg=str(case))


def outcome(*problem):
    """The result, or what was raised."""
    try:
        return call(*problem)
    except Exception as error:
        return error


def compare(scipy, rng, name, input, args, options):
    case = (name, input.dtype, input.shape, input.strides, args, options)
    expected = outcome(scipy, name, input, args, options)
    got = outcome(ndimage, name, input, args, options)
    if isinstance(expected, Exception):
        assert isinstance(got, type(expected)), (case, got, expected)
        return
    assert not isinstance(got, Exception), (case, got)
    # A part of the sum for complex64 is complex64, and a root makes much of what should be 0.
    exact = input.dtype.char != "F" and "magnitude" not in name
    agree(got, expected, case, magnitude(name, args, input), exact)


@EVERY_FUNCTION
@pytest.mark.parametrize("part", range(4))
def test_random_problems_agree_with_scipy(scipy, name, part):
    for k in range(CASES):
        rng = np.random.default_rng([part, k, NAMES.index(name)])
        input = image(rng)
        args, options = arguments(rng, name, input.ndim)
        options["mode"] = str(rng.choice(MODES))
        options["cval"] = float(rng.choice([0.0, 3.0, -2.0, 1.5, 300.0]))
        if rng.integers(2):
            options["output"] = np.dtype(str(rng.choice(list(TYPES))))
        compare(scipy, rng, name, input, args, options)


@EVERY_FUNCTION
def test_complex_arrays_agree_with_scipy(scipy, name):
    for k in range(CASES):
        rng = np.random.default_rng([k, NAMES.index(name)])
        input = image(rng, "FD" if k % 4 else "hfd")
        args, options = arguments(rng, name, input.ndim)
        if name.startswith(("correlate", "convolve")) and rng.integers(2):
            args = (args[0] + 1j * window(rng, args[0].shape), *args[1:])
        options["mode"] = str(rng.choice(MODES))
        options["cval"] = [0.0, 2.5, 1 + 2j][rng.integers(3 if input.dtype.kind == "c" else 2)]
        if rng.integers(2):
            options["output"] = np.dtype(str(rng.choice(list("fdFD"))))
        compare(scipy, rng, name, input, args, options)


SEVERAL_MODES = (
    *("gaussian_filter", "gaussian_laplace", "gaussian_gradient_magnitude", "laplace", "sobel"),
    *("prewitt", "uniform_filter", "maximum_filter", "minimum_filter", "generic_laplace"),
)


@pytest.mark.parametrize("name", SEVERAL_MODES)
def test_a_mode_for_each_axis_agrees_with_scipy(scipy, name):
    for k in range(CASES):
        rng = np.random.default_rng([k, NAMES.index(name)])
        input = image(rng)
        args, options = arguments(rng, name, input.ndim)
        axes = options.get("axes")
        count = input.ndim if axes is None else len(axes)
        options["mode"] = [str(m) for m in rng.choice(MODES, count)]
        options["cval"] = float(rng.choice([0.0, 7.0]))
        compare(scipy, rng, name, input, args, options)


@EVERY_FUNCTION
def test_short_lines_as_of_colours_agree_with_scipy(scipy, name):
    for k in range(12):
        rng = np.random.default_rng([k, NAMES.index(name)])
        input = values(rng, [(700, 3), (50, 60, 3), (30, 20, 3, 4)][k % 3], "BhlfdQ"[k % 6])
        args, options = arguments(rng, name, input.ndim)
        options["mode"] = str(rng.choice(MODES))
        options["cval"] = 3.0
        if rng.integers(3) == 0:
            options["output"] = np.dtype(str(rng.choice(list(TYPES))))
        compare(scipy, rng, name, input, args, options)


BOXES = ("maximum_filter", "minimum_filter", "uniform_filter")


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("mode", MODES[:5])
@pytest.mark.parametrize("char", ["B", "i", "f"])
def test_windows_far_longer_than_lines_agree_with_scipy(scipy, name, mode, char):
    shapes = [(1,), (2,), (37,), (3, 70), (70, 2), (6, 3, 90), (5, 70, 3)]
    for k, shape in enumerate(shapes):
        rng = np.random.default_rng(k)
        input = values(rng, shape, char)
        for size in (9, 97, 1501):
            low, high = -(size // 2), (size - 1) // 2
            origin = [int(rng.choice([0, low, high, rng.integers(low, high)])) for _ in shape]
            options = {"mode": mode, "cval": 3.0, "origin": origin}
            compare(scipy, rng, name, input, (size,), options)


HUGE = """
import resource
import numpy as np
from fastconv import ndimage

def check(got, low, high):
    assert got.min() >= low and got.max() <= high, (got, low, high)

grid = np.arange(10000).reshape(100, 100)
for x in (grid.astype(np.float32), grid.astype(np.float64), grid.astype(np.int16)):
    ndimage.maximum_filter(x, 5)
    with open("/proc/self/status") as file:
        data = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (data + 2**26, -1))
    for mode in ("reflect", "constant", "nearest", "mirror", "wrap"):
        for size in (10**5, 10**10):
            check(ndimage.maximum_filter(x, size, mode=mode), 9999, 9999)
            check(ndimage.minimum_filter(x, size, mode=mode), 0, 0)
            if mode in ("reflect", "wrap"):
                check(ndimage.uniform_filter(x, size, mode=mode), 4940, 5000)
    weights = np.full(200001, 0.00001)
    check(ndimage.correlate1d(x, weights, 0, mode="wrap"), 9898, 9999 * 2)
    long = np.tile(x.reshape(-1), 20)
    for size in (10**4, 180001):
        check(ndimage.maximum_filter1d(long, size, mode="wrap"), 9999, 9999)
        check(ndimage.uniform_filter1d(long, size, mode="wrap"), 4950, 5050)
    tall = np.repeat(x.reshape(-1), 100).reshape(10000, 100)
    check(ndimage.maximum_filter1d(tall, 9001, 0), 4500, 9999)
    check(ndimage.uniform_filter1d(tall, 10000, 0, mode="wrap"), 4998, 5000)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux's /proc and limits")
def test_memory_is_that_of_the_array_however_large_the_window():
    done = children.python("-c", HUGE, FASTCONV_NUM_THREADS="2")
    assert done.returncode == 0, done.stderr


def product_window(rng, shape, whole=False):
    """A window that is the product of a line for each axis, and of none is 0."""
    if whole:
        return np.outer(*[rng.integers(1, 4, n) * rng.choice([-1, 2], n) for n in shape])
    lines = [rng.standard_normal(n) + rng.choice([-2, 2], n) for n in shape]
    return np.outer(*lines)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("char", "fdhBHb")
def test_windows_that_are_products_of_lines_agree_with_scipy(scipy, mode, char):
    rng = np.random.default_rng(11)
    input = values(rng, (150, 170), char)
    for shape in ((7, 9), (11, 5), (8, 8), (1, 60)):
        weights = product_window(rng, shape)
        whole = product_window(rng, shape, True)
        for kind in (weights, weights.astype(np.float32), whole, np.ones(shape)):
            for cval in (0.0, 2.5):
                options = {"mode": mode, "cval": cval, "origin": (0, 1)}
                compare(scipy, rng, "correlate", input, (kind,), options)


@pytest.mark.parametrize("char", ["f", "d"])
def test_sums_of_whole_numbers_are_exact_whatever_the_window(char):
    rng = np.random.default_rng(14)
    image = rng.integers(-100, 100, (150, 170))
    for weights in (
        product_window(rng, (9, 9), True),
        rng.integers(-5, 6, (7, 7)),
        np.ones((9, 9)),
    ):
        expected = ndimage.correlate(image, weights)
        np.testing.assert_array_equal(ndimage.correlate(image.astype(char), weights), expected)


def test_what_is_not_finite_spreads_as_in_scipy_whatever_the_window(scipy):
    rng = np.random.default_rng(12)
    input = values(rng, (150, 170), "f")
    input[20, 30], input[100, 100], input[101, 120] = np.nan, np.inf, -np.inf
    with_a_hole = product_window(rng, (9, 9))
    with_a_hole[3] = 0
    for weights in (product_window(rng, (9, 9)), with_a_hole, rng.standard_normal((9, 9))):
        got, expected = ndimage.correlate(input, weights), scipy.correlate(input, weights)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
        np.testing.assert_array_equal(np.isinf(got), np.isinf(expected))


def test_weights_that_are_no_terms_are_none_whatever_the_window(scipy):
    rng = np.random.default_rng(13)
    input = values(rng, (150, 170), "d")
    tiny = 1e-17 * np.ones((9, 9))
    assert not ndimage.correlate(input, tiny).any()
    edge = np.outer(*[np.geomspace(1e-12, 1, 9)] * 2)
    compare(scipy, rng, "correlate", input, (edge,), {})


@pytest.mark.parametrize("char", ["f", "d"])
@pytest.mark.parametrize("shape", [(128, 60), (47, 133), (201, 150), (3, 64, 40)])
def test_windows_much_larger_than_the_array_agree_with_scipy(scipy, shape, char):
    rng = np.random.default_rng(15)
    input = values(rng, [9, 12, 20][-len(shape) :], char)
    compare(scipy, rng, "correlate", input, (rng.standard_normal(shape),), {"mode": "wrap"})


def test_weights_that_float32_does_not_hold_are_not_lost(scipy):
    for value, weight in ((1e30, 1e-46), (1e-10, 1e39), (1e25, 1e-40)):
        input = np.full((3, 40), value, np.float32)
        for name, weights in (("correlate1d", [weight, 0]), ("correlate", [[weight] * 170])):
            got, expected = (getattr(m, name)(input, weights) for m in (ndimage, scipy))
            np.testing.assert_allclose(got, expected, rtol=1e-5)
    beyond = {"mode": "constant", "cval": 1e300}
    got, expected = (m.correlate1d(input, [0, 0, 1.0, 0], **beyond) for m in (ndimage, scipy))
    np.testing.assert_array_equal(got, expected)


def test_weights_that_are_nan_are_no_terms_of_windows_and_are_of_lines(scipy):
    rng = np.random.default_rng(16)
    weights = np.array([[1.0, np.nan, -2.0]])
    for char in "Bfd":
        input = values(rng, (5, 9), char)
        for name, given in (("correlate", weights), ("correlate1d", weights[0])):
            got, expected = (getattr(m, name)(input, given) for m in (ndimage, scipy))
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-4)


# ---- Arrays of all kinds -------------------------------------------------------------------------


@EVERY_FUNCTION
@pytest.mark.parametrize("char", ["B", "h", "f", "d"])
def test_the_result_may_take_the_inputs_place(name, char):
    rng = np.random.default_rng(3)
    base = values(rng, (23, 31), char)
    expected = call(ndimage, name, base.copy(), simple(name), {})
    for place in range(3):
        memory = np.zeros((24, 33), char)
        input = memory[:23, :31]
        input[...] = base
        output = [input, memory[1:, 1:32], memory[:23, 2:]][place]
        got = call(ndimage, name, input, simple(name), {"output": output})
        assert got is output
        np.testing.assert_array_equal(got, expected, err_msg=f"{name} {char} {place}")


@EVERY_FUNCTION
def test_the_input_is_left_alone_and_may_be_read_only(name):
    rng = np.random.default_rng(3)
    input = values(rng, (9, 11), "f")
    before = input.copy()
    input.flags.writeable = False
    call(ndimage, name, input, simple(name), {})
    np.testing.assert_array_equal(input, before)


@EVERY_FUNCTION
def test_files_mapped_to_memory_are_filtered_into_files(name, tmp_path):
    rng = np.random.default_rng(3)
    base = values(rng, (40, 50), "H")
    input = np.memmap(tmp_path / "in", "u2", "w+", shape=base.shape)
    input[...] = base
    output = np.memmap(tmp_path / "out", "f4", "w+", shape=base.shape)
    call(ndimage, name, input, simple(name), {"output": output})
    expected = call(ndimage, name, base, simple(name), {"output": np.float32})
    np.testing.assert_array_equal(np.fromfile(tmp_path / "out", "f4").reshape(40, 50), expected)


@EVERY_FUNCTION
@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0), (2, 0, 3)])
def test_empty_arrays_agree_with_scipy(scipy, name, shape):
    input = np.zeros(shape, np.float32)
    args = simple(name)
    if name in ("correlate", "convolve"):
        args = (np.ones((2,) * len(shape)),)
    expected = call(scipy, name, input, args, {})
    got = call(ndimage, name, input, args, {})
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype) == (shape, np.float32)
    read_only = np.zeros(shape)
    read_only.flags.writeable = False
    compare(scipy, None, name, input, args, {"output": read_only})
    both = [outcome(m, name, input.astype(object), args, {}) for m in (scipy, ndimage)]
    assert isinstance(both[1], type(both[0]))


@EVERY_FUNCTION
def test_arrays_of_no_dimension_agree_with_scipy(scipy, name):
    args = (np.array(2.5),) if name in ("correlate", "convolve") else simple(name)
    for input in (np.array(5), np.array(5.0), np.float32(5), 5j):
        compare(scipy, None, name, np.asarray(input), args, {})


def test_without_axes_an_array_is_copied_as_in_scipy(scipy):
    for name in ("uniform_filter", "maximum_filter", "gaussian_filter", "laplace"):
        args = simple(name) if name != "maximum_filter" else (5,)
        compare(scipy, None, name, np.eye(3), args, {"axes": (), "mode": "x"})


@EVERY_FUNCTION
def test_lists_and_subclasses_become_arrays(scipy, name):
    for input in ([[1, 2, 3], [4, 5, 7]], np.ma.masked_less([[1.0, 2.0], [4.0, 0.5]], 1)):
        got = call(ndimage, name, input, simple(name), {})
        assert type(got) is np.ndarray
        agree(got, call(scipy, name, input, simple(name), {}), name, 100.0)


@EVERY_FUNCTION
@pytest.mark.parametrize("shape", [(300, 310), (30, 60, 61), (40000, 3), (3, 40000)])
def test_results_do_not_depend_on_the_order_of_memory(name, shape):
    rng = np.random.default_rng(8)
    base = values(rng, shape, "d")
    args = (np.ones((3,) * len(shape)),) if name in ("correlate", "convolve") else simple(name)
    expected = call(ndimage, name, base, args, {})
    for order in range(len(shape)):
        axes = np.roll(np.arange(len(shape))[::-1], order)
        back = np.argsort(axes)
        input = base.transpose(axes).copy().transpose(back)
        output = np.zeros(np.take(shape, axes)).transpose(back)
        assert call(ndimage, name, input, args, {"output": output}) is output
        assert output.tobytes() == expected.tobytes()
        assert call(ndimage, name, input, args, {}).tobytes() == expected.tobytes()


def bytes_of(outcome):
    """What is compared of a result; of what was raised, its type."""
    return type(outcome) if isinstance(outcome, Exception) else outcome.tobytes()


@EVERY_FUNCTION
def test_large_arrays_slab_by_slab_give_the_bytes_of_the_whole(name, monkeypatch):
    for k in range(2 * CASES):
        rng = np.random.default_rng([k, NAMES.index(name)])
        input = image(rng, TYPES + "FD" * (k % 4 == 0))
        args, options = arguments(rng, name, input.ndim)
        options["mode"] = str(rng.choice(MODES))
        if rng.integers(2) and "footprint" not in options and name in SEVERAL_MODES:
            count = input.ndim if options.get("axes") is None else len(options["axes"])
            options["mode"] = [str(m) for m in rng.choice(MODES, count)]
        options["cval"] = float(rng.choice([0.0, 3.0, 0.3]))
        if rng.integers(2):
            char = str(rng.choice(list("FD" if input.dtype.kind == "c" else TYPES)))
            options["output"] = np.dtype(char).newbyteorder(str(rng.choice(["<", ">"])))
        expected = outcome(ndimage, name, input, args, options)
        with monkeypatch.context() as patch:
            patch.setattr(_slabs, "_LARGE_BYTES", 0)
            patch.setattr(_slabs, "_SLAB_BYTES", int(rng.choice([1, 64, 1000])))
            patch.setattr(_slabs, "are_mapped", lambda *arrays: True)
            patch.setattr(_run, "_is_copied", lambda source, target: True)
            got = outcome(ndimage, name, input, args, options)
        case = (k, input.dtype, input.shape, args, options)
        assert bytes_of(got) == bytes_of(expected), case


KEPT_OPTIONS = [
    {},
    {"mode": "wrap"},
    {"mode": "constant", "cval": -0.0},
    {"mode": "constant", "cval": 2.5},
    {"mode": "constant", "cval": 2},
]


@pytest.mark.parametrize("shape", [(9, 8), (3, 70, 90), (5,), (40, 3), ()])
@EVERY_FUNCTION
def test_arguments_that_are_kept_give_the_bytes_of_those_that_are_read(name, shape):
    rng = np.random.default_rng(9)
    args = simple(name)
    for char in "bHifd":
        input = values(rng, shape, char)
        for options in KEPT_OPTIONS:
            outputs = {"output": np.zeros(shape, char)}
            expected = outcome(ndimage, name, input, args, options | outputs)
            for again in range(2):
                got = outcome(ndimage, name, input, args, options)
                assert bytes_of(got) == bytes_of(expected), (char, options, again)
            swapped = input.astype(input.dtype.newbyteorder())
            got = outcome(ndimage, name, swapped, args, options)
            assert bytes_of(got) == bytes_of(expected), (char, options, "swapped")


def test_what_is_kept_of_a_size_is_not_for_its_namesakes():
    x = np.arange(24.0).reshape(4, 6)
    whole = ndimage.uniform_filter(x, 3)
    assert (ndimage.uniform_filter(x, np.int64(3)) == whole).all()
    assert (ndimage.uniform_filter(x, 3.0) == whole).all()
    assert (ndimage.uniform_filter(x, True) == x).all()
    assert (ndimage.maximum_filter(x, 3) == ndimage.maximum_filter(x, (3, 3))).all()
    assert (ndimage.minimum_filter(x, 3) <= ndimage.maximum_filter(x, 3)).all()
    assert (ndimage.sobel(x, 0) == ndimage.sobel(x, -2)).all()
    assert (ndimage.sobel(x, 0) != ndimage.prewitt(x, 0)).any()
    assert (ndimage.gaussian_filter(x, -1) == x).all(), "no positive deviation: no filter"
    assert (ndimage.gaussian_filter(x, 1) == ndimage.gaussian_filter(x, 1.0)).all()
    for n in (2, 3):
        window = np.arange(1.0, n * 5 + 1).reshape(n, 5)
        for mode in ("mirror", "wrap"):
            for function in (ndimage.correlate, ndimage.convolve):
                kept, read = function(x, window, mode=mode), function(x, window, None, mode, 0)
                assert (kept == read).all()
                assert (kept != function(x, window + 1, mode=mode)).any()


@EVERY_FUNCTION
@pytest.mark.parametrize("char", ["B", "f", "d"])
def test_results_do_not_depend_on_the_number_of_threads(name, char):
    rng = np.random.default_rng(7)
    input = values(rng, (301, 257), char)
    results = []
    for n in (1, 2, 5):
        with fc.num_threads(n):
            results.append(call(ndimage, name, input, simple(name), {}).tobytes())
    assert len(set(results)) == 1


@pytest.mark.parametrize("char", ["f", "d"])
@pytest.mark.parametrize("window", [{"size": 5}, {"size": 21}, {"footprint": np.eye(5)}])
def test_a_nan_is_the_extreme_of_its_windows_and_of_no_others(char, window):
    image = np.random.default_rng(1).random((50, 60)).astype(char)
    image[24, 30] = np.nan
    count = np.count_nonzero(window.get("footprint", np.ones((window.get("size", 1),) * 2)))
    for name in ("maximum_filter", "minimum_filter"):
        got = getattr(ndimage, name)(image, **window)
        assert np.isnan(got).sum() == count
        assert np.isnan(got[24, 30])


# ---- Conversions ---------------------------------------------------------------------------------

EDGES = np.array(
    [3e9, -3e9, 1e20, -1.5, -300.7, -1e10, 1e19, -1e19, 1.5e19, -0.5, 256.0, 2.0**31, 65535.9]
)


@pytest.mark.parametrize("char", TYPES)
@pytest.mark.parametrize("extra", [[], [np.nan, np.inf, -np.inf]], ids=["finite", "others"])
def test_numbers_out_of_range_convert_as_in_scipy(scipy, char, extra):
    numbers = np.concatenate([EDGES, extra])
    for name, args in {
        "correlate": ([1.0],),
        "correlate1d": ([1.0],),
        "laplace": (),
        "maximum_filter": (None, [1, 0, 0]),
        "maximum_filter1d": (1,),
        "uniform_filter1d": (3,),
    }.items():
        if name == "maximum_filter1d" and extra:
            continue
        if name == "uniform_filter1d" and char in "fd":  # ours is not off by what went by
            continue
        for dtype in (np.float64, np.float32):
            input = numbers.astype(dtype)
            expected = call(scipy, name, input, args, {"output": np.dtype(char)})
            got = call(ndimage, name, input, args, {"output": np.dtype(char)})
            if char in "fd":
                np.testing.assert_allclose(got, expected, rtol=1e-5)
            else:
                assert got.tobytes() == expected.tobytes(), (name, dtype, got, expected)


@pytest.mark.parametrize("sigma", [0.3, 1, 2.0, np.float32(1.7), np.int8(3), 12.5])
@pytest.mark.parametrize("order", range(5))
def test_a_gaussians_weights_are_scipys_to_the_last_bit(scipy, sigma, order):
    pulse = np.zeros(301)
    pulse[150] = 1
    got = ndimage.gaussian_filter1d(pulse, sigma, order=order)
    np.testing.assert_array_equal(got, scipy.gaussian_filter1d(pulse, sigma, order=order))


@pytest.mark.parametrize("cval", [1e30, 2.0**64, 2.0**63, -1e30, np.inf, -np.inf, np.nan, 1e300])
@pytest.mark.parametrize("char", TYPES)
def test_a_footprints_border_converts_to_the_inputs_dtype_as_in_scipy(scipy, char, cval):
    input = np.ones((3, 4), char)
    options = {"footprint": [[1, 0, 1]], "mode": "constant", "cval": cval}
    for name in ("maximum_filter", "minimum_filter"):
        if not (char in "fd" and np.isnan(cval)):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                got = getattr(ndimage, name)(input, **options)
            assert got.tobytes() == getattr(scipy, name)(input, **options).tobytes()


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("char", INTEGERS)
def test_integers_are_truncated_as_in_scipy_whatever_the_weight_in_the_middle(scipy, char, sign):
    for k in range(20):
        rng = np.random.default_rng(k)
        half = rng.standard_normal(int(rng.integers(1, 5))).round(1)
        weights = np.array([*half, round(rng.standard_normal(), 1), *(sign * half[::-1])])
        compare(scipy, rng, "correlate1d", values(rng, (3, 200), char), (weights,), {})


@pytest.mark.parametrize("char", "bBhH")
def test_means_of_small_integers_are_truncated_as_in_scipy_whatever_the_size(scipy, char):
    limits = np.iinfo(char)
    rng = np.random.default_rng(11)
    x = rng.integers(limits.min, limits.max, (90, 331), endpoint=True, dtype=char)
    x[20:40] = limits.max - rng.integers(0, 2, (20, 331), dtype=char)
    x[40:60] = limits.min
    for size in (2, 3, 5, 7, 9, 12, 13, 31, 100, 255, 256, 257, 300, 40_000):
        for axis in (0, 1):
            for options in ({}, {"mode": "constant", "cval": 5.0}, {"mode": "wrap"}):
                got = ndimage.uniform_filter1d(x, size, axis, **options)
                expected = scipy.uniform_filter1d(x, size, axis, **options)
                assert (got == expected).all(), (size, axis, options)


def test_a_constant_image_of_integers_stays_what_it_is_in_scipy(scipy):
    for value in (1, 7, 100, 255):
        image = np.full((30, 41), value, np.uint8)
        for sigma in (0.5, 1, 2, 3.3):
            expected = scipy.gaussian_filter(image, sigma)
            np.testing.assert_array_equal(ndimage.gaussian_filter(image, sigma), expected)


# ---- The oracle ----------------------------------------------------------------------------------


@pytest.mark.parametrize("op", OPS)
def test_the_door_agrees_with_the_oracle_on_windows(op):
    for k in range(200):
        problem = windows(np.random.default_rng([k, op]), op, SIZES)
        expected = problem.output.copy()
        filter_taps(problem.input, problem.weights, expected, *problem.rest)
        _core.filter_taps(problem.input, problem.weights, problem.output, *problem.rest)
        scale = magnitude("", (problem.weights,), problem.input)
        agree(problem.output, expected, (k, problem), scale)


@pytest.mark.parametrize("several", [False, True])
def test_the_door_agrees_with_the_oracle_on_passes(several):
    for k in range(400):
        problem = passes(np.random.default_rng([k, several]), several, SIZES)
        expected = problem.output.copy()
        filter_passes(problem.input, expected, *problem.rest)
        _core.filter_passes(problem.input, problem.output, *problem.rest)
        sums = [np.abs(p[4]).sum() if p[1] == 0 else 1 for p in problem.rest[0]]
        scale = magnitude("", (), problem.input) * float(np.prod(sums))
        agree(problem.output, expected, (k, problem), scale)


@pytest.mark.parametrize("isa", children.instruction_sets())
def test_nothing_outside_of_an_array_is_read_or_written(isa):
    """Arrays flush against pages that may not be touched; scratch that holds no numbers."""
    done = children.python("-X", "faulthandler", "-m", "helpers.filters", "150", FASTCONV_ISA=isa)
    assert done.returncode == 0, done.stderr[-2500:]
    assert "filters passed" in done.stdout
