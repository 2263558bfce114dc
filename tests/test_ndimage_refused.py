"""What fastconv.ndimage refuses: with SciPy's exceptions, and messages that help."""

import inspect
import warnings

import numpy as np
import pytest
from helpers.ndimage import NAMES, simple

from fastconv import ndimage


@pytest.fixture(scope="module")
def scipy():
    """SciPy's module of the same name."""
    return pytest.importorskip("scipy.ndimage")


A = np.arange(6.0).reshape(2, 3)
HALF, LONG, OBJECT = (np.zeros((2, 3), t) for t in ("e", "g", object))
READ_ONLY = np.zeros((2, 3))
READ_ONLY.flags.writeable = False
REFUSED = [
    *(("correlate1d", (A, [1.0, 1.0]), {"cval": c}) for c in ("1", None, 1j, [1.0])),
    *(("correlate1d", (A, [1.0, 1.0]), {"axis": a}) for a in (0.0, 0.5, 2, -3, None, "0")),
    *(("correlate1d", (A, [1.0] * 3), {"origin": o}) for o in (0.0, 2, -2, None, "0", 2**70)),
    *(("correlate1d", (A, w), {}) for w in ([], [[1.0]], 1.0, ["a"])),
    *(("correlate1d", (A, [1.0]), {"mode": m}) for m in ("x", None, ["reflect"], 0, b"wrap")),
    ("convolve1d", (A, 1.0), {}),
    *(("correlate", (A, [[1.0] * 3] * 3), {"origin": o}) for o in (0.5, (0, 2), (0,), (0, 0.5))),
    *(("correlate", (A, w), {}) for w in ([], [1.0], np.ones((0, 2)), 1.0, [[[1.0]]])),
    *(("correlate", (A, [[1.0]]), {"mode": m}) for m in ("x", ["reflect", "wrap"], None)),
    ("correlate", (A, [[1j]]), {"cval": 1j}),
    ("correlate", (A + 1j, [[1.0]]), {"output": "f8"}),
    ("correlate", (A + 1j, [[1.0]]), {"output": np.zeros((2, 3))}),
    *(("uniform_filter1d", (A, s), {}) for s in (0, -1, 3.0, None, "3")),
    *(("uniform_filter", (A, s), {}) for s in ("3", None, (3,), (3, 3, 3))),
    ("uniform_filter", (A, 3), {"origin": 2}),
    *(("maximum_filter1d", (A, s), {}) for s in (0, 3.0, None)),
    ("maximum_filter", (A,), {}),
    ("maximum_filter", (A, 3), {"origin": -2}),
    ("maximum_filter", (A + 1j, 3), {}),
    ("minimum_filter1d", (A + 1j, 3), {}),
    *(("maximum_filter", (A,), {"footprint": f}) for f in ([[0, 0]], np.ones((0, 2)), [1, 0])),
    ("minimum_filter", (A,), {"footprint": [[1, 0]], "mode": ["reflect", "wrap"]}),
    ("minimum_filter", (A,), {"footprint": [[1, 0]], "origin": 3}),
    *(("gaussian_filter1d", (A, s), {}) for s in ("1", 0, -1, np.nan, np.inf, None)),
    *(("gaussian_filter1d", (A, 1), {"radius": r}) for r in (1.0, -1, "1")),
    *(("gaussian_filter1d", (A, 1), {"order": o}) for o in (-1, 1.5, None)),
    ("gaussian_filter1d", (A, 1), {"truncate": -4}),
    ("gaussian_filter", (A, 1), {"order": -1}),
    ("gaussian_filter", (A, (1, 2, 3)), {}),
    *(
        ("gaussian_filter", (A, 1), {"axes": a})
        for a in ("0", object(), 1.5, (0, 0), (0, -2), (2,))
    ),
    ("gaussian_filter", (A + 1j, 1), {"output": float}),
    ("gaussian_laplace", (A, 1), {"foo": 3}),
    ("gaussian_gradient_magnitude", (A[None], [1, 2]), {"axes": (1, 2)}),
    *(("laplace", (A,), {"mode": m}) for m in ("x", ["wrap"], 3)),
    *(("sobel", (A,), {"axis": a}) for a in (2, 0.5, np.nan)),
    *(("gaussian_filter", (A, 1), {"axes": a}) for a in (2, -3)),
    *(("correlate1d", (A, [1.0] * 3), {"origin": o}) for o in (2.5, -np.inf)),
    *(("gaussian_filter1d", (A, s), {"radius": 2}) for s in (np.nan, np.inf, "1", 1j)),
    ("maximum_filter", (A,), {"footprint": [[1, 0]], "mode": "constant", "cval": "1"}),
    ("sobel", (A + 1j,), {"output": float}),
    *(
        (name, (A, *simple(name)), {"output": o})
        for name in ("correlate", "gaussian_filter", "uniform_filter", "maximum_filter", "laplace")
        for o in ("x", "?", "bool", np.zeros((3, 2)), 3.0, HALF, OBJECT, complex, READ_ONLY)
    ),
    *(
        (name, (array, *simple(name)), {})
        for name in NAMES
        for array in (HALF, LONG, OBJECT, np.full((2, 3), "a"))
        if not name.startswith("generic")
    ),
]


def raised(module, name, args, options):
    """What a call raises."""
    try:
        getattr(module, name)(*args, **options)
    except Exception as error:
        return error
    return None


@pytest.mark.parametrize(
    ("name", "args", "options"), REFUSED, ids=[f"{k}-{r[0]}" for k, r in enumerate(REFUSED)]
)
def test_what_scipy_refuses_is_refused_with_its_exception(scipy, name, args, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, ours = raised(scipy, name, args, options), raised(ndimage, name, args, options)
    assert theirs is not None
    assert isinstance(ours, type(theirs)), (ours, theirs)


MESSAGES = [
    (("correlate1d", (A, [1.0]), {"mode": "x"}), ("mode", "'x'", "'reflect'", "'grid-wrap'")),
    (("correlate1d", (A, [1.0] * 3), {"origin": 2}), ("origin", "is 2", "from -1 to 1", "size 3")),
    (("correlate1d", (A, [1.0]), {"axis": 2}), ("axis 2", "dimension 2")),
    (("correlate1d", (A, [1.0]), {"cval": "1"}), ("cval", "real number", "'1'")),
    (("correlate1d", (A, [[1.0]]), {}), ("weights", "(1, 1)")),
    (("correlate", (A, [1.0]), {}), ("weights", "(1,)", "(2)")),
    (("uniform_filter1d", (A, 0), {}), ("size", "0", "at least 1")),
    (("uniform_filter", (A, (3,)), {}), ("length", "2", "(3,)")),
    (("uniform_filter", (A, 3), {"axes": (2,)}), ("axis", "2", "2 dimensions")),
    (("uniform_filter", (A, 3), {"axes": (0, -2)}), ("axes", "unique", "(0, 0)")),
    (("gaussian_filter1d", (A, 1), {"radius": -1}), ("radius=-1", "nonnegative")),
    (("gaussian_filter1d", (A, 1), {"order": -1}), ("order", "-1", "non-negative")),
    (("laplace", (A,), {"output": np.zeros((3, 2))}), ("output", "(3, 2)", "(2, 3)")),
    (("laplace", (A,), {"output": READ_ONLY}), ("output", "read-only")),
    (("laplace", (HALF,), {}), ("float16", "float32", "complex64")),
    (("maximum_filter", (A + 1j, 3), {}), ("input", "complex128")),
]


@pytest.mark.parametrize(("problem", "parts"), MESSAGES, ids=range(len(MESSAGES)))
def test_errors_name_the_argument_the_value_and_what_is_allowed(problem, parts):
    message = str(raised(ndimage, *problem))
    for part in parts:
        assert part in message


def test_warnings_are_scipys_and_point_to_the_caller(scipy):
    with pytest.warns(UserWarning, match="ignoring size because footprint is set") as caught:
        ndimage.maximum_filter(A, 3, footprint=[[1, 1]])
    assert caught[0].filename == __file__
    for call in (
        lambda: ndimage.correlate(A + 1j, [[1]], output=float),
        lambda: ndimage.convolve1d(A, [1j], output=np.float32),
        lambda: ndimage.uniform_filter(A + 1j, 3, output=int),
    ):
        with pytest.warns(UserWarning, match="promoting specified output dtype to co") as caught:
            assert call().dtype.kind == "c"
        assert caught[0].filename == __file__


HOSTILE = [
    *(None, True, -1, 0, 1, 2**63, 2**70, -(2**70), 1.5, np.nan, np.inf, 1j, "a", "", b"x"),
    *((), (0,), (1, 2), [[]], {}, object(), np.zeros(0), np.zeros((0, 3)), np.ones((1,) * 8)),
    *(np.ones((2, 3), "e"), np.array("x"), np.array(None), np.float64, "f4", "c8", np.ones(3) * 1j),
    *(np.array([2**63, 3]), [1, [2]], slice(None), np.ma.masked, np.datetime64("now"), range(3)),
]


@pytest.mark.parametrize("name", NAMES)
def test_hostile_arguments_end_in_a_result_or_an_exception(name):
    parameters = [
        p
        for p in inspect.signature(getattr(ndimage, name)).parameters
        if p not in ("kwargs", "radius", "truncate", "sigma")  # asking for much memory is no attack
    ]
    for parameter in parameters:
        for hostile in HOSTILE:
            given = dict(zip(parameters, (A, *simple(name)), strict=False))
            given[parameter] = hostile
            if name.startswith("gaussian"):
                given["sigma"] = 1.0
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                error = raised(ndimage, name, (), given)
            assert not isinstance(error, SystemError), (name, parameter, hostile)
