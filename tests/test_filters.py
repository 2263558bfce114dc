"""Kernels by name: their weights, their dtypes, and what `get` reads."""

import doctest
import inspect
import itertools
import re

import numpy as np
import pytest

from fastconv import filters

WHOLE = ["sobel_x", "sobel_y", "sobel", "scharr", "prewitt", "laplacian", "sharpen", "emboss"]
WHOLE += ["horizontal_edges", "vertical_edges"]
FRACTIONS = {"gaussian": "1.0", "box": "3", "moving_average": "3", "log": "1.0", "gabor": "0.2"}


@pytest.fixture(scope="module")
def ndimage():
    return pytest.importorskip("scipy.ndimage")


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).standard_normal((40, 37))


def test_every_filter_has_a_name():
    assert set(filters.NAMES) == {*WHOLE, *FRACTIONS}
    assert set(filters.__all__) == {*filters.NAMES, "NAMES", "get"}


@pytest.mark.parametrize("name", [*filters.NAMES, "get"])
def test_docstrings_describe_every_parameter_and_run(name):
    function = getattr(filters, name)
    text = inspect.getdoc(function)
    assert "Source: " in text or name == "get"
    assert re.match(r"[A-Z].*[.:]\n", text)
    section = text.split("Parameters\n----------")[1].split("\n\n")[0]
    described = set(re.findall(r"[a-z_]\w*", re.sub(r"(?m)^ .*$", "", section)))
    assert set(inspect.signature(function).parameters) <= described
    examples = doctest.DocTestParser().get_doctest(function.__doc__, {}, name, None, 0)
    assert examples.examples
    report = []
    failed, _ = doctest.DocTestRunner().run(examples, out=report.append)
    assert not failed, "".join(report)


def test_the_packages_own_example_runs():
    assert doctest.testmod(filters) == (0, 3)


# ---- The same as SciPy's and scikit-image's


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
@pytest.mark.parametrize("name", ["sobel", "prewitt"])
def test_derivatives_are_scipys(name, axis, image, ndimage):
    got = ndimage.correlate(image, getattr(filters, name)(axis))
    np.testing.assert_allclose(got, getattr(ndimage, name)(image, axis), atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("name", "divisor"), [("sobel", 8), ("prewitt", 6), ("scharr", 32)])
def test_derivatives_are_scikit_images(name, divisor, axis, image, ndimage):
    module = pytest.importorskip("skimage.filters")
    theirs = getattr(module, name)(image, axis=axis)  # of 2 pixels, and averaged
    got = ndimage.correlate(image, getattr(filters, name)(axis)) / divisor * 2
    np.testing.assert_allclose(got[1:-1, 1:-1], theirs[1:-1, 1:-1], atol=1e-12)


@pytest.mark.parametrize(("name", "divisor"), [("sobel", 8), ("prewitt", 6), ("scharr", 32)])
def test_a_derivative_of_a_slope_is_its_steepness(name, divisor, ndimage):
    y, x = np.mgrid[:9, :9].astype(float)
    for axis, steepness in ((0, 3), (1, -2)):
        slope = ndimage.correlate(3 * y - 2 * x, getattr(filters, name)(axis)) / divisor
        np.testing.assert_allclose(slope[2:-2, 2:-2], steepness)


def test_sobel_x_and_y_are_sobel():
    assert (filters.sobel_x() == filters.sobel(1)).all()
    assert (filters.sobel_y() == filters.sobel(0)).all()
    assert (filters.sobel() == filters.sobel_x()).all()


def test_the_laplacian_is_scipys(image, ndimage):
    got = ndimage.correlate(image, filters.laplacian())
    np.testing.assert_allclose(got, ndimage.laplace(image), atol=1e-12)


def test_the_laplacian_of_eight_neighbours_is_that_of_four_and_that_turned(image, ndimage):
    diagonal = filters.laplacian(8) - filters.laplacian(4)
    assert (diagonal == [[1, 0, 1], [0, -4, 0], [1, 0, 1]]).all()


@pytest.mark.parametrize("sigma", [0.4, 1, 2.5])
@pytest.mark.parametrize("truncate", [4.0, 2.5])
def test_gaussian_and_log_are_scipys(sigma, truncate, image, ndimage):
    got = ndimage.correlate(image, filters.gaussian(sigma, truncate))
    theirs = ndimage.gaussian_filter(image, sigma, truncate=truncate)
    np.testing.assert_allclose(got, theirs, atol=1e-12)
    got = ndimage.correlate(image, filters.log(sigma, truncate))
    theirs = ndimage.gaussian_laplace(image, sigma, truncate=truncate)
    np.testing.assert_allclose(got, theirs, atol=1e-12)


def test_gaussian_takes_a_sigma_for_each_axis(image, ndimage):
    kernel = filters.gaussian((0.7, 2.0))
    got = ndimage.correlate(image, kernel)
    np.testing.assert_allclose(got, ndimage.gaussian_filter(image, (0.7, 2.0)), atol=1e-12)
    assert filters.gaussian((0.5, 0.5, 1.0)).shape == (5, 5, 9)
    kernel = filters.log((0.7, 2.0))
    got = ndimage.correlate(image, kernel)
    np.testing.assert_allclose(got, ndimage.gaussian_laplace(image, (0.7, 2.0)), atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_box_is_scipys(n, image, ndimage):
    got = ndimage.correlate(image, filters.box(n))
    np.testing.assert_allclose(got, ndimage.uniform_filter(image, n), atol=1e-12)


@pytest.mark.parametrize("ndim", [1, 3])
def test_averages_have_any_number_of_axes(ndim, ndimage):
    image = np.random.default_rng(1).standard_normal((13, 12, 11)[:ndim])
    pairs = {
        "gaussian": ndimage.gaussian_filter(image, 0.8),
        "log": ndimage.gaussian_laplace(image, 0.8),
        "box": ndimage.uniform_filter(image, 3),
    }
    for name, theirs in pairs.items():
        kernel = getattr(filters, name)(3 if name == "box" else 0.8, ndim=ndim)
        np.testing.assert_allclose(ndimage.correlate(image, kernel), theirs, atol=1e-12)


def test_moving_average_is_the_mean():
    signal = np.random.default_rng(2).standard_normal(50)
    means = [signal[i : i + 7].mean() for i in range(44)]
    np.testing.assert_allclose(np.convolve(signal, filters.moving_average(7), "valid"), means)


@pytest.mark.parametrize(
    "arguments",
    [
        {"frequency": 0.2},
        {"frequency": 0.1, "theta": 0.7, "bandwidth": 2.0},
        {"frequency": 0.3, "theta": -2.0, "sigma_x": 2.0, "sigma_y": 5.0, "offset": 1.0},
        {"frequency": 0.25, "n_stds": 2, "sigma_y": 3, "theta": np.pi / 2},
        {"frequency": 0.9, "sigma_x": 0.1, "sigma_y": 0.1},
    ],
)
def test_gabor_is_scikit_images(arguments):
    theirs = pytest.importorskip("skimage.filters").gabor_kernel(**arguments)
    np.testing.assert_allclose(filters.gabor(**arguments, dtype=complex), theirs, atol=1e-15)
    np.testing.assert_allclose(filters.gabor(**arguments), theirs.real, atol=1e-15)


@pytest.mark.parametrize("theta", [0, 0.7, -2.0])
def test_gabor_is_opencvs_turned_and_divided(theta):
    cv2 = pytest.importorskip("cv2")
    sigma, wave, gamma, phase = 2.0, 6.0, 0.5, 0.4
    theirs = cv2.getGaborKernel((15, 15), sigma, theta, wave, gamma, phase)
    ours = filters.gabor(
        1 / wave, theta, sigma_x=sigma, sigma_y=sigma / gamma, offset=phase, n_stds=20
    )
    rows, columns = (size // 2 for size in ours.shape)
    middle = ours[rows - 7 : rows + 8, columns - 7 : columns + 8]
    scale = 2 * np.pi * sigma * sigma / gamma
    np.testing.assert_allclose(middle[::-1, ::-1] * scale, theirs, atol=1e-12)


# ---- What the weights are


@pytest.mark.parametrize(
    ("name", "total"),
    [("gaussian:1.3", 1), ("box:5", 1), ("moving_average:6", 1), ("sharpen", 1), ("emboss", 1)]
    + [(name, 0) for name in WHOLE if name not in ("sharpen", "emboss")],
)
def test_averages_keep_the_brightness_and_derivatives_remove_it(name, total):
    kernel = filters.get(name, ndim=1 if name.startswith("moving") else 2)
    assert kernel.sum() == pytest.approx(total, abs=1e-12)


def test_the_courses_edges():
    """A picture that is bright on its left half: 30 at the edge, 0 beside it."""
    picture = np.repeat([[10.0] * 3 + [0.0] * 3], 6, axis=0)
    windows = np.lib.stride_tricks.sliding_window_view(picture, (3, 3))
    across = (windows * filters.vertical_edges()).sum(axis=(2, 3))
    assert (across == [[0, 30, 30, 0]] * 4).all()
    assert (filters.horizontal_edges() == filters.vertical_edges().T).all()
    assert (filters.vertical_edges() == -filters.prewitt(1)).all()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
@pytest.mark.parametrize("name", filters.NAMES)
def test_any_float_type(name, dtype):
    text = f"{name}:{FRACTIONS[name]}" if name in FRACTIONS else name
    kernel = filters.get(text, 1 if name == "moving_average" else 2, dtype)
    assert kernel.dtype == dtype
    assert kernel.flags.writeable
    assert kernel.flags.c_contiguous


@pytest.mark.parametrize("name", WHOLE)
def test_whole_weights_in_integers(name):
    kernel = getattr(filters, name)(dtype=np.int8)
    assert kernel.dtype == np.int8
    assert (kernel == getattr(filters, name)()).all()
    for dtype in (np.uint8, bool, object, "U3"):
        with pytest.raises(TypeError, match=rf"{name}: dtype is .*negative"):
            getattr(filters, name)(dtype=dtype)


@pytest.mark.parametrize("name", FRACTIONS)
def test_fractions_do_not_become_integers(name):
    axes = 1 if name == "moving_average" else 2
    for dtype in (np.int64, np.uint8):
        with pytest.raises(TypeError, match=rf"{name}: dtype is .*fractions"):
            filters.get(f"{name}:{FRACTIONS[name]}", axes, dtype)


def test_whole_weights_whatever_integer_says_which():
    for integer in (np.uint8, np.int8, np.uint64):
        np.testing.assert_array_equal(filters.laplacian(integer(8)), filters.laplacian(8))
        np.testing.assert_array_equal(filters.laplacian(integer(4), "int16"), filters.laplacian())


def test_weights_that_a_narrow_type_cannot_hold_are_refused():
    assert filters.log(1e-3, dtype="float32").item() == -2e6
    with pytest.raises(ValueError, match=r"log: .* too large for float16"):
        filters.log(1e-3, dtype="float16")
    with pytest.raises(ValueError, match=r"gabor: .* too large for complex64"):
        filters.gabor(0.1, sigma_x=1e-30, sigma_y=1e-30, dtype="complex64")


@pytest.mark.parametrize("dtype", ["nonsense", "(", 5, {"a": 1}])
@pytest.mark.parametrize("name", ["sobel_x", "gabor:0.1", "box:3"])
def test_a_dtype_that_is_none_is_named(name, dtype):
    with pytest.raises(TypeError, match=rf"^{name.partition(':')[0]}: dtype is .*a dtype of NumPy"):
        filters.get(name, dtype=dtype)


def test_each_call_gives_a_new_array():
    filters.sobel_x()[...] = 0
    assert filters.sobel_x().any()
    filters.sobel_y()[...] = 0
    assert filters.sobel_y().any()


@pytest.mark.parametrize(
    "call",
    [
        lambda: filters.sobel(2),
        lambda: filters.sobel(0.0),
        lambda: filters.scharr(-3),
        lambda: filters.prewitt(True),
        lambda: filters.laplacian(6),
        lambda: filters.laplacian(4.0),
        lambda: filters.box(0),
        lambda: filters.box(2.5),
        lambda: filters.box(10**5),
        lambda: filters.box(2, ndim=0),
        lambda: filters.box(2, ndim=31),
        lambda: filters.box(2**59, ndim=31),
        lambda: filters.moving_average(-1),
        lambda: filters.moving_average(10**12),
        *(
            lambda f=f, sigma=sigma: f(sigma)
            for f in (filters.gaussian, filters.log, filters.gabor)
            for sigma in (0, -1.0, float("nan"), float("inf"), "1", None, 1j, True)
        ),
        lambda: filters.gaussian(1e9),
        lambda: filters.gaussian(1e308, 1e308),
        lambda: filters.gaussian(1.0, truncate=0),
        lambda: filters.gaussian(()),
        lambda: filters.gaussian((1.0, 0.0)),
        lambda: filters.gaussian(2.0, ndim=12),
        lambda: filters.log(1e-200),
        lambda: filters.gabor(1e-9),
        lambda: filters.gabor(5e-324),
        lambda: filters.gabor(0.1, bandwidth=0),
        lambda: filters.gabor(0.1, bandwidth=1e-300),
        lambda: filters.gabor(0.1, bandwidth=5e-324),
        lambda: filters.gabor(0.1, sigma_x=1e-200, sigma_y=1e-200),
        lambda: filters.gabor(0.1, sigma_x=0),
        lambda: filters.gabor(0.1, theta=float("inf")),
        lambda: filters.gabor(0.1, offset="0"),
        lambda: filters.gabor(0.1, n_stds=-1),
        lambda: filters.sobel_x(dtype="nonsense"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_bad_arguments(call):
    with pytest.raises((ValueError, TypeError)):
        call()


@pytest.mark.filterwarnings("error")
def test_tiny_and_large_deviations_have_finite_weights():
    assert filters.gaussian(1e-300).tolist() == [[1.0]]
    assert filters.gaussian(1e-200, 2e200, ndim=1).tolist() == [0.0, 0.0, 1.0, 0.0, 0.0]
    assert filters.gaussian(100.0).shape == (801, 801)
    assert np.isfinite(filters.log(0.05)).all()
    assert np.isfinite(filters.gabor(0.1, bandwidth=1e6)).all()


# ---- By name


def test_names_with_arguments():
    cases = {
        "sobel_x": filters.sobel_x(),
        " sobel_x ": filters.sobel_x(),
        "scharr:0": filters.scharr(0),
        "scharr:axis=0": filters.scharr(0),
        "laplacian:8": filters.laplacian(8),
        "gaussian:2": filters.gaussian(2),
        "gaussian:1e-1": filters.gaussian(0.1),
        "gaussian: 2.0 , 3": filters.gaussian(2.0, 3),
        "gaussian:2.0,truncate=3": filters.gaussian(2.0, 3),
        "gabor:0.1,theta=-0.8": filters.gabor(0.1, -0.8),
        "box:7": filters.box(7),
    }
    for name, kernel in cases.items():
        np.testing.assert_array_equal(filters.get(name), kernel, err_msg=name)


def test_names_for_other_numbers_of_axes():
    assert filters.get("gaussian:1.0", ndim=1).shape == (9,)
    assert filters.get("box:3", ndim=3).shape == (3, 3, 3)
    assert filters.get("moving_average:5", ndim=1).shape == (5,)
    for name, ndim in itertools.product(WHOLE, (1, 3)):
        with pytest.raises(ValueError, match=f"{name} is not a kernel of {ndim} ax"):
            filters.get(name, ndim)
    with pytest.raises(ValueError, match="moving_average is not a kernel of 2 axes"):
        filters.get("moving_average:5")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("sobel", None),
        ("", "no filter is named ''; there are box, emboss"),
        ("sobel_z", "no filter is named 'sobel_z'"),
        ("Sobel_x", "no filter is named 'Sobel_x'; there are .*; perhaps sobel_x or sobel"),
        ("guassian:2", "no filter is named 'guassian'; there are .*; perhaps gaussian$"),
        ("x" * 10_000, r"no filter is named 'x{77}\.\.\.'; there are .*, vertical_edges$"),
        ("get", "no filter is named 'get'"),
        ("gaussian", r"missing a required argument: 'sigma'; it is gaussian:sigma,truncate=4\.0"),
        ("gaussian:", "'' is not a number"),
        ("gaussian:two", "'two' is not a number"),
        ("gaussian:2,", "'' is not a number"),
        ("gaussian:2,3,4", "too many positional arguments"),
        ("gaussian:sigma", "'sigma' is not a number"),
        ("gaussian:size=3", "got an unexpected keyword argument 'size'|missing a required"),
        ("gaussian:2,dtype=3", "unexpected keyword argument 'dtype'"),
        ("gaussian:2,ndim=3", "unexpected keyword argument 'ndim'"),
        ("gaussian:2,sigma=3", "multiple values for argument 'sigma'"),
        ("gaussian:truncate=3,2", "'2' is out of place"),
        ("gaussian:sigma=2,sigma=2", "'sigma=2' is out of place"),
        ("gaussian:=2", "'=2' is out of place"),
        ("gaussian:[1]", r"'\[1\]' is not a number"),
        ("gaussian:True", "'True' is not a number"),
        ("gaussian:" + "(" * 10_000, r"^get: 'gaussian:\(+\.\.\.': '\(+\.\.\.' is not a number$"),
        ("gaussian:-1", "sigma is -1; it must be finite and positive"),
        ("gaussian:nan", "'nan' is not a number"),
        ("sobel_x:1", "too many positional arguments; it is sobel_x"),
        ("laplacian:5", "neighbours is 5; it must be 4 or 8"),
        ("gabor:", "'' is not a number"),
        ("gabor", r"it is gabor:frequency,theta=0\.0,bandwidth=1\.0,n_stds=3\.0,offset=0\.0"),
    ],
)
def test_errors_name_what_is_wrong(name, says):
    if says is None:
        assert filters.get(name).shape == (3, 3)
        return
    with pytest.raises(ValueError, match=says) as error:
        filters.get(name)
    assert "\n" not in str(error.value)


def test_arguments_of_the_wrong_type():
    for call in (lambda: filters.get(3), lambda: filters.get("box:2.5")):
        with pytest.raises(TypeError):
            call()
    with pytest.raises(TypeError, match="ndim"):
        filters.get("box:3", ndim=2.0)
