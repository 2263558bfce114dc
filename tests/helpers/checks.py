"""One function per promise: run an operator on a case and raise AssertionError where it breaks it.

Outputs are filled with NaN before the call, so that an element which was not written shows.
"""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

import fastconv as fc

from .oracles import clamp, pad, pooling_sums, spread
from .problems import Case, Conv, Pool, Transpose

ALGORITHMS = ("auto", "direct", "im2col", "reference")  # they serve every problem
UNIT = {"float32": 2.0**-24, "float64": 2.0**-53}

# What Winograd's algorithm promises, in float32: of an element, by the sum of the terms'
# magnitudes, and of the whole result, in the L2 norm.
TRANSFORMED_ELEMENT = 1e-3
TRANSFORMED_NORM = 2e-5
# Where somebody asks for it though "auto" would not take it (few channels, wide padding), an
# element of hardly any magnitude may have the rounding of the elements beside it.
NEIGHBOURS = 128


def each(cases: Iterable[Case], check: Callable[..., None], *arguments: Any) -> None:
    """Check every case; a failure names the first that broke its promise, to be built again."""
    for case in cases:
        try:
            check(case, *arguments)
        except Exception as error:
            raise AssertionError(
                f"{check.__name__}: {type(error).__name__}: {error}\n  in {case!r}"
            ) from error


def within(
    actual: np.ndarray,
    expected: np.ndarray,
    magnitude: np.ndarray,
    products: int,
    what: str,
    exact: bool = False,
) -> None:
    """The promise of performance.md, elementwise: |error| <= (K + 2) u (sum |x| |w| + |b|)."""
    allowed = (products + 2) * UNIT[actual.dtype.name] * magnitude
    near(actual, expected, np.zeros_like(expected) if exact else allowed, what)


def within_transformed(
    actual: np.ndarray,
    expected: np.ndarray,
    magnitude: np.ndarray,
    products: int,
    what: str,
    asked_for: bool = False,
) -> None:
    """The promise of performance.md for Winograd's algorithm, of the elements and in the norm.

    `asked_for`: where "auto" would not take it.
    """
    units = UNIT[actual.dtype.name] / UNIT["float32"]
    allowed = TRANSFORMED_ELEMENT * units * magnitude
    if asked_for:
        allowed = allowed + NEIGHBOURS * UNIT[actual.dtype.name] * magnitude.max(initial=0)
    near(actual, expected, allowed, what)
    # All elements of a small result, or of one after an activation, may be small by chance.
    typical = 0.5 * np.linalg.norm(magnitude) / np.sqrt(products)
    norm = max(np.linalg.norm(expected), typical)
    error = np.linalg.norm(actual.astype(np.float64) - expected)
    assert error <= TRANSFORMED_NORM * units * norm, (
        f"{what}: relative L2 error {error / norm:.3g} > {TRANSFORMED_NORM * units:.3g}"
    )


def near(actual: np.ndarray, expected: np.ndarray, allowed: np.ndarray, what: str) -> None:
    """Every element's error is at most what is allowed it."""
    assert actual.shape == expected.shape, (
        f"{what}: shape {actual.shape}, expected {expected.shape}"
    )
    error = np.abs(actual.astype(np.float64) - expected)
    wrong = ~(error <= allowed)
    if wrong.any():
        with np.errstate(all="ignore"):
            worst = np.argmax(np.where(wrong, error / np.maximum(allowed, 1e-300), 0))
        worst = np.unravel_index(worst, wrong.shape)
        if not wrong[worst]:
            worst = tuple(axis[0] for axis in np.nonzero(wrong))
        raise AssertionError(
            f"{what}: {wrong.sum()} of {wrong.size} elements are off; at {tuple(map(int, worst))} "
            f"{actual[worst]!r} instead of {expected[worst]!r}, "
            f"error {error[worst]:.3g} > {allowed[worst]:.3g}"
        )


def same(actual: np.ndarray, expected: np.ndarray, what: str) -> None:
    """The same values bit for bit (NaN equal to NaN, both zeros equal), dtype and shape."""
    assert actual.dtype == expected.dtype, f"{what}: {actual.dtype}, expected {expected.dtype}"
    assert actual.shape == expected.shape, (
        f"{what}: shape {actual.shape}, expected {expected.shape}"
    )
    wrong = ~((actual == expected) | ((actual != actual) & (expected != expected)))
    if wrong.any():
        at = tuple(int(axis[0]) for axis in np.nonzero(wrong))
        raise AssertionError(
            f"{what}: {wrong.sum()} of {wrong.size} elements differ, first at {at}: "
            f"{actual[at]!r} instead of {expected[at]!r}"
        )


def same_bytes(actual: np.ndarray, expected: np.ndarray, what: str) -> None:
    """The very same bytes: signs of zeros and payloads of NaN too."""
    same(actual, expected, what)
    assert actual.tobytes() == expected.tobytes(), f"{what}: equal values but other bytes"


def nans(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """An array to write into which shows every element that was not written."""
    return np.full(shape, np.nan, dtype)


def call(operator: str, case: Case, *arguments: Any, **options: Any) -> Any:
    """`fc.<operator>{n}d`, or of `fc.grad` for an operator named "grad...": "{n}" is replaced."""
    owner: Any = fc
    name = operator.replace("{n}", str(case.ndim))
    for part in name.split("."):
        owner = getattr(owner, part)
    return owner(*arguments, **options)


# ---- Convolution ---------------------------------------------------------------------------------


def algorithms_of(case: Case) -> tuple[str, ...]:
    """Those that serve the case."""
    return (*ALGORITHMS, "winograd") if case.fits_winograd else ALGORITHMS


def promised(
    case: Conv,
    algorithm: str,
    actual: np.ndarray,
    expected: np.ndarray,
    magnitude: np.ndarray,
    what: str,
    exact: bool = False,
) -> None:
    """A forward result is as near as its algorithm promises; exactly so, but after a transform."""
    given = actual, expected, magnitude, case.products, what
    if algorithm == "winograd" or (algorithm == "auto" and case.may_transform):
        within_transformed(*given, asked_for=not case.suits_winograd)
    else:
        within(*given, exact)


def gradient_promised(
    case: Conv | Transpose,
    may_transform: bool,
    actual: np.ndarray,
    expected: np.ndarray,
    magnitude: np.ndarray,
    products: int,
    what: str,
) -> None:
    """An input gradient or a transposed convolution, which may be Winograd's."""
    if may_transform:
        within_transformed(actual, expected, magnitude, products, what)
    else:
        within(actual, expected, magnitude, products, what, case.integers)


def conv(case: Conv, oracle: Any, algorithms: Iterable[str] | None = None) -> None:
    """Every algorithm gives the sums within the bound; exactly so for integers."""
    algorithms = algorithms_of(case) if algorithms is None else algorithms
    x, w, b = case.arrays()
    expected = clamp(oracle.conv(case, x, w, b), case.activation)
    magnitude = oracle.conv(case, np.abs(x), np.abs(w), absolute(b))
    shape = case.shape(case.output_shape)
    given = case.present(x)
    for algorithm in algorithms:
        out = nans(shape, case.dtype)
        y = call(
            "conv{n}d",
            case,
            given,
            w,
            b,
            **case.arguments(),
            padding_mode=case.padding_mode,
            activation=case.activation,
            algorithm=algorithm,
            out=out,
        )
        assert y is out, "out= is returned"
        what = f"{algorithm} against {oracle.name}"
        promised(case, algorithm, case.canonical(y), expected, magnitude, what, case.integers)
    fresh = call(
        "conv{n}d",
        case,
        given,
        w,
        bias=b,
        **case.arguments(),
        padding_mode=case.padding_mode,
        activation=case.activation,
        algorithm=algorithm,
    )
    same_bytes(fresh, y, "without out=")


def absolute(array: np.ndarray | None) -> np.ndarray | None:
    return None if array is None else np.abs(finite(array))


def conv_grads(case: Conv, oracle: Any) -> None:
    """Both gradients and the bias's, one by one and all together, within their bounds."""
    x, w, _ = case.arrays()
    gy = case.grad_output()
    gx, gw = oracle.conv_grads(case, x, w, gy)
    limit_x, limit_w = oracle.conv_grads(case, np.abs(x), np.abs(w), np.abs(gy))
    given, given_gy, options = case.present(x), case.present(gy), case.arguments()

    out = nans(given.shape, case.dtype)
    got = call("grad.conv{n}d_input", case, given.shape, w, given_gy, **options, out=out)
    assert got is out, "out= is returned"
    canonical = case.canonical(got)
    transformed = case.gradient_may_transform
    gradient_promised(
        case, transformed, canonical, gx, limit_x, case.input_products, "input gradient"
    )

    out = nans(w.shape, case.dtype)
    got_w = call("grad.conv{n}d_weight", case, given, w.shape, given_gy, **options, out=out)
    assert got_w is out, "out= is returned"
    exact = case.integers and not case.weight_gradient_may_transform
    within(got_w, gw, limit_w, case.weight_products, "weight gradient", exact)

    got_b = call("grad.conv{n}d_bias", case, given_gy, layout=case.layout)
    axes = (0, *range(2, gy.ndim))
    gb = gy.astype(np.float64).sum(axis=axes)
    limit_b = np.abs(gy).astype(np.float64).sum(axis=axes)
    assert got_b.dtype == gy.dtype
    within(got_b, gb, limit_b, case.weight_products, "bias gradient", case.integers)

    together = call("grad.conv{n}d", case, given_gy, given, w, **options)
    same_bytes(together[0], got, "input gradient of grad.conv")
    same_bytes(together[1], got_w, "weight gradient of grad.conv")
    same_bytes(together[2], got_b, "bias gradient of grad.conv")


def conv_adjoint(case: Conv) -> None:
    """<conv(x), gy> = <x, conv_input(gy)> = <w, conv_weight(x, gy)>, each side its own sums."""
    x, w, _ = case.arrays()
    gy = case.grad_output()
    given, given_gy, options = case.present(x), case.present(gy), case.arguments()
    y = call("conv{n}d", case, given, w, **options)
    gx = call("grad.conv{n}d_input", case, given.shape, w, given_gy, **options)
    gw = call("grad.conv{n}d_weight", case, given, w.shape, given_gy, **options)
    scale = inner(
        call("conv{n}d", case, np.abs(given), np.abs(w), **options), np.abs(given_gy)
    )  # sum of |x| |w| |gy|: the same three ways
    most = max(case.products, case.input_products, case.weight_products)
    allowed = 2 * (most + 3) * UNIT[case.dtype] * scale
    if case.gradient_may_transform:
        allowed += 2 * TRANSFORMED_ELEMENT * scale
    elif case.integers:
        allowed = 0
    sides = inner(y, given_gy), inner(given, gx), inner(w, gw)
    assert abs(sides[0] - sides[1]) <= allowed, f"<y, gy>, <x, gx>, <w, gw> = {sides}"
    assert abs(sides[0] - sides[2]) <= allowed, f"<y, gy>, <x, gx>, <w, gw> = {sides}"


def inner(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.vdot(a.astype(np.float64), b.astype(np.float64)))


def transpose(case: Transpose, oracle: Any) -> None:
    x, w, b = case.arrays()
    expected = clamp(oracle.transpose(case, x, w, b), case.activation)
    magnitude = oracle.transpose(case, np.abs(x), np.abs(w), absolute(b))
    out = nans(case.shape(case.output_shape), case.dtype)
    given = case.present(x)
    options = {**case.arguments(), "activation": case.activation}
    y = call("conv_transpose{n}d", case, given, w, b, **options, out=out)
    assert y is out, "out= is returned"
    transformed = case.gradient_may_transform
    canonical = case.canonical(y)
    gradient_promised(case, transformed, canonical, expected, magnitude, case.products, "forward")
    same_bytes(call("conv_transpose{n}d", case, given, w, b, **options), y, "without out=")


def transpose_grads(case: Transpose, oracle: Any) -> None:
    x, w, _ = case.arrays()
    gy = case.grad_output()
    gx, gw = oracle.transpose_grads(case, x, w, gy)
    limit_x, limit_w = oracle.transpose_grads(case, np.abs(x), np.abs(w), np.abs(gy))
    given = case.present(x)
    got = call("grad.conv_transpose{n}d", case, case.present(gy), given, w, **case.arguments())
    assert [g.dtype.name for g in got] == [case.dtype] * 3
    axes = (0, *range(2, gy.ndim))
    gb = gy.astype(np.float64).sum(axis=axes)
    limit_b = np.abs(gy).astype(np.float64).sum(axis=axes)
    count = gy.size // gy.shape[1]
    canonical = case.canonical(got[0])
    gradient_promised(
        case, case.may_transform, canonical, gx, limit_x, case.input_products, "input gradient"
    )
    exact = case.integers and not case.weight_gradient_may_transform
    within(got[1], gw, limit_w, case.weight_products, "weight gradient", exact)
    within(got[2], gb, limit_b, count, "bias gradient", case.integers)


# ---- Not finite ----------------------------------------------------------------------------------


def strewn(array: np.ndarray, seed: int, few: int = 3) -> np.ndarray:
    """The array with a few elements NaN, Inf or -Inf."""
    rng = np.random.default_rng([seed, 17])
    array = array.copy()
    places = rng.integers(0, array.size, int(rng.integers(1, few + 1)))
    array.flat[places] = rng.choice([np.nan, np.inf, -np.inf], len(places))
    return array


def finite(array: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(array), array, 0).astype(array.dtype)


def same_kind(
    actual: np.ndarray,
    expected: np.ndarray,
    magnitude: np.ndarray,
    products: int,
    what: str,
    free: np.ndarray | None = None,
    bound: Callable[..., None] = within,
) -> None:
    """NaN where NaN is expected, Inf where Inf, and elsewhere within the bound.

    Nothing is asked where `free` is true. `bound` takes what `within` takes.
    """
    free = np.zeros(expected.shape, bool) if free is None else free
    for name, kind in (("NaN", np.isnan), ("Inf", np.isposinf), ("-Inf", np.isneginf)):
        wrong = (kind(actual) != kind(expected)) & ~free
        if wrong.any():
            at = tuple(int(axis[0]) for axis in np.nonzero(wrong))
            raise AssertionError(
                f"{what}: {name} not in the places of the direct sum ({wrong.sum()} of "
                f"{wrong.size}), first at {at}: {actual[at]!r} instead of {expected[at]!r}"
            )
    settled = np.isfinite(expected) & ~free
    bound(
        np.where(settled, actual, 0).astype(actual.dtype),
        np.where(settled, expected, 0),
        magnitude,
        products,
        what,
    )


def kind_promised(
    case: Conv, algorithm: str, actual: np.ndarray, expected: np.ndarray, magnitude: np.ndarray
) -> None:
    """The kinds of the direct sum, and what is finite as near as its algorithm promises."""

    def bound(
        actual: np.ndarray, expected: np.ndarray, magnitude: np.ndarray, products: int, what: str
    ) -> None:
        promised(case, algorithm, actual, expected, magnitude, what)

    same_kind(actual, expected, magnitude, case.products, algorithm, bound=bound)


def conv_not_finite(case: Conv, oracle: Any) -> None:
    """NaN and Inf in the input and the bias come out where the direct sum has them."""
    x, w, b = case.arrays()
    x = strewn(x, case.seed)
    if b is not None and case.seed % 4 == 0:
        b = strewn(b, case.seed, few=1)
    every_algorithm(case, oracle, x, w, b, padding_mode=case.padding_mode)


def weight_not_finite(case: Conv, oracle: Any) -> None:
    """A weight that is not finite, without padding."""
    x, w, b = case.arrays()
    every_algorithm(case, oracle, x, strewn(w, case.seed), b)


def every_algorithm(case: Conv, oracle: Any, x: Any, w: Any, b: Any, **more: Any) -> None:
    """What is not finite comes out of each algorithm that serves the problem."""
    expected = clamp(oracle.conv(case, x, w, b), case.activation)
    magnitude = oracle.conv(case, absolute(x), absolute(w), absolute(b))
    arguments = {**case.arguments(), "activation": case.activation, **more}
    for algorithm in algorithms_of(case):
        y = call("conv{n}d", case, case.present(x), w, b, **arguments, algorithm=algorithm)
        kind_promised(case, algorithm, case.canonical(y), expected, magnitude)


def grads_not_finite(case: Conv, oracle: Any) -> None:
    """In the gradients, what is not finite reaches the elements that it belongs to, and no other.

    Left free: the weights that a `grad_output` which is not finite meets on zero padding.
    """
    x, w, _ = case.arrays()
    gy = case.grad_output()
    options = case.arguments()
    bad_x, bad_gy = strewn(x, case.seed), strewn(gy, case.seed + 1)
    limit_x, limit_w = oracle.conv_grads(case, np.abs(x), np.abs(w), absolute(bad_gy))

    expected, _ = oracle.conv_grads(case, x, w, bad_gy)
    got = call("grad.conv{n}d_input", case, case.shape(x.shape), w, case.present(bad_gy), **options)
    bound = within_transformed if case.gradient_may_transform else within
    same_kind(
        case.canonical(got),
        expected,
        limit_x,
        case.input_products,
        "input gradient",
        bound=bound,
    )

    _, limit = oracle.conv_grads(case, absolute(bad_x), np.abs(w), np.abs(gy))
    _, expected = oracle.conv_grads(case, bad_x, w, gy)
    got = call(
        "grad.conv{n}d_weight", case, case.present(bad_x), w.shape, case.present(gy), **options
    )
    same_kind(got, expected, limit, case.weight_products, "weight gradient, x not finite")

    _, expected = oracle.conv_grads(case, x, w, bad_gy)
    got = call(
        "grad.conv{n}d_weight", case, case.present(x), w.shape, case.present(bad_gy), **options
    )
    on_image = oracle.conv_grads(case, np.ones_like(x), w, ~np.isfinite(bad_gy))[1] > 0
    free = on_padding(case, bad_gy, oracle)
    assert not np.isfinite(got[on_image & free]).any(), "weight gradient: a NaN was lost"
    same_kind(got, expected, limit_w, case.weight_products, "weight gradient, gy not finite", free)

    got = call("grad.conv{n}d_bias", case, case.present(bad_gy), layout=case.layout)
    axes = (0, *range(2, gy.ndim))
    with np.errstate(invalid="ignore"):
        expected = bad_gy.astype(np.float64).sum(axis=axes)
    magnitude = np.abs(finite(bad_gy)).astype(np.float64).sum(axis=axes)
    same_kind(got, expected, magnitude, case.weight_products, "bias gradient")


def on_padding(case: Conv, gy: np.ndarray, oracle: Any) -> np.ndarray:
    """The weights which an element of gy that is not finite meets on padding."""
    padded = 1 - pad(np.ones(case.input_shape), case.pads)
    unpadded = dataclasses.replace(case, size=padded.shape[2:], padding=0)
    weights = np.ones(case.weight_shape)
    return oracle.conv_grads(unpadded, padded, weights, ~np.isfinite(gy))[1] > 0


# ---- Pooling -------------------------------------------------------------------------------------


def max_pool(case: Pool, oracle: Any) -> None:
    """The maxima and their places exactly, with and without the indices."""
    x = case.array()
    expected, places = oracle.max_pool(case, x)
    given, options = case.present(x), case.max_arguments()
    out = nans(case.shape(case.output_shape), case.dtype)
    y = call("max_pool{n}d", case, given, case.kernel, **options, out=out)
    assert y is out, "out= is returned"
    same(case.canonical(y), expected.astype(case.dtype), "maxima")
    y, indices = call("max_pool{n}d", case, given, case.kernel, **options, return_indices=True)
    same(case.canonical(y), expected.astype(case.dtype), "maxima beside indices")
    same(case.canonical(indices), places, "indices")


def max_pool_grad(case: Pool, oracle: Any) -> None:
    """Each gradient is added where its maximum stood."""
    x, gy = case.array(), case.grad_output()
    _, places = oracle.max_pool(case, x)
    got = call(
        "grad.max_pool{n}d",
        case,
        case.present(gy),
        present_indices(case, places),
        case.shape(x.shape),
        layout=case.layout,
    )
    assert got.dtype == case.dtype
    expected, magnitude = scatter(case, places, gy), scatter(case, places, np.abs(gy))
    got = case.canonical(got)
    within(got, expected, magnitude, case.elements, "gradient", case.integers)


def present_indices(case: Case, indices: np.ndarray) -> np.ndarray:
    return dataclasses.replace(case, dtype="int64").present(indices)


def scatter(case: Pool, places: np.ndarray, gy: np.ndarray) -> np.ndarray:
    planes = int(np.prod(gy.shape[:2]))
    gx = np.zeros((planes, int(np.prod(case.size))))
    rows = np.arange(planes)[:, None]
    np.add.at(gx, (rows, places.reshape(planes, -1)), gy.reshape(planes, -1).astype(np.float64))
    return gx.reshape(case.input_shape)


def avg_pool(case: Pool, oracle: Any) -> None:
    """The average within the bound of its sum."""
    x = case.array()
    expected = oracle.avg_pool(case, x)
    magnitude = oracle.avg_pool(case, np.abs(x))
    given, options = case.present(x), case.avg_arguments()
    out = nans(case.shape(case.output_shape), case.dtype)
    y = call("avg_pool{n}d", case, given, case.kernel, **options, out=out)
    assert y is out, "out= is returned"
    within(case.canonical(y), expected, magnitude, case.elements, "averages")
    same_bytes(call("avg_pool{n}d", case, given, case.kernel, **options), y, "without out=")
    if case.integers and case.divisor_override == 1:
        same(case.canonical(y), pooling_sums(case, x).astype(case.dtype), "exact sums")


def avg_pool_grad(case: Pool, oracle: Any) -> None:
    x, gy = case.array(), case.grad_output()
    expected = oracle.avg_pool_grad(case, x, gy)
    magnitude = oracle.avg_pool_grad(case, x, np.abs(gy))
    got = call(
        "grad.avg_pool{n}d",
        case,
        case.present(gy),
        case.shape(x.shape),
        case.kernel,
        **case.avg_arguments(),
    )
    assert got.dtype == case.dtype
    within(case.canonical(got), expected, magnitude, case.elements, "gradient")
    if case.divisor_override == 1:
        within(case.canonical(got), spread(case, gy), magnitude, case.elements, "shares")


def pool_adjoint(case: Pool) -> None:
    """<pool(x), gy> = <x, grad(gy)>, average and (at its own indices) maximum."""
    x, gy = case.present(case.array()), case.present(case.grad_output())
    average = call("avg_pool{n}d", case, x, case.kernel, **case.avg_arguments())
    gx = call("grad.avg_pool{n}d", case, gy, x.shape, case.kernel, **case.avg_arguments())
    scale = inner(
        call("avg_pool{n}d", case, np.abs(x), case.kernel, **case.avg_arguments()), np.abs(gy)
    )
    unit = UNIT[case.dtype]
    off = abs(inner(average, gy) - inner(x, gx))
    assert off <= 2 * (case.elements + 3) * unit * scale, f"average: off by {off}"
    y, indices = call(
        "max_pool{n}d", case, x, case.kernel, **case.max_arguments(), return_indices=True
    )
    gx = call("grad.max_pool{n}d", case, gy, indices, x.shape, layout=case.layout)
    off = abs(inner(y, gy) - inner(x, gx))
    scale = inner(np.abs(y), np.abs(gy))
    assert off <= 2 * (case.elements + 3) * unit * scale, f"maximum: off by {off}"


def lp_pool(case: Pool, oracle: Any, norm: float) -> None:
    """y ** p is the sum of x ** p within its bound, and as many roundings as the powers take."""
    x = case.array()
    if norm != int(norm):
        x = np.abs(x)
    expected = oracle.lp_pool(case, x, norm)
    magnitude = oracle.lp_pool(case, np.abs(x), norm)
    y = call("lp_pool{n}d", case, case.present(x), norm, case.kernel, **case.lp_arguments())
    assert y.dtype == case.dtype
    roots(case.canonical(y), expected, magnitude, norm, case.elements)
    out = nans(y.shape, case.dtype)
    again = call(
        "lp_pool{n}d", case, case.present(x), norm, case.kernel, **case.lp_arguments(), out=out
    )
    assert again is out, "out= is returned"
    same_bytes(out, y, "with out=")


def roots(
    y: np.ndarray, expected: np.ndarray, magnitude: np.ndarray, norm: float, elements: int
) -> None:
    """Compare p-th roots of sums by the sums, whose error is bounded."""
    sums, limit = expected**norm, magnitude**norm
    rounding = UNIT[y.dtype.name]
    near = np.abs(sums) <= (elements + 2 + 8 * norm) * rounding * limit
    wrong = (np.isnan(y) != np.isnan(expected)) & ~near  # the root of a negative sum
    assert not wrong.any(), f"NaN in other places: {np.argwhere(wrong)[:4].tolist()}"
    both = ~np.isnan(y) & ~np.isnan(expected)
    got = np.where(both, y, 0).astype(np.float64) ** norm
    within(got.astype(y.dtype), np.where(both, sums, 0), limit, elements + int(8 * norm), "sums")


def adaptive_pools(case: Pool, oracle: Any) -> None:
    """Adaptive average and maximum to a drawn output size, and the average's gradient."""
    x = case.array()
    rng = np.random.default_rng([case.seed, 5])
    size = tuple(int(rng.integers(1, s + 3)) for s in case.size)
    size = tuple(None if rng.random() < 0.15 else s for s in size)
    whole = tuple(i if s is None else s for s, i in zip(size, case.size, strict=True))
    asked: Any = size
    if len(set(whole)) == 1 and None not in size:
        asked = size[0]
    most = int(np.prod([-(-i // s) + 1 for i, s in zip(case.size, whole, strict=True)]))
    given = case.present(x)

    y = call("adaptive_avg_pool{n}d", case, given, asked, layout=case.layout)
    magnitude = oracle.adaptive_avg_pool(np.abs(x), whole)
    expected = oracle.adaptive_avg_pool(x, whole)
    assert y.dtype == case.dtype
    within(case.canonical(y), expected, magnitude, most, "adaptive average")

    y, indices = call(
        "adaptive_max_pool{n}d", case, given, asked, return_indices=True, layout=case.layout
    )
    expected, places = oracle.adaptive_max_pool(x, whole)
    same(case.canonical(y), expected.astype(case.dtype), "adaptive maximum")
    same(case.canonical(indices), places, "adaptive indices")
    alone = call("adaptive_max_pool{n}d", case, given, asked, layout=case.layout)
    same_bytes(alone, y, "adaptive maximum without indices")

    gy = case.values(case.input_shape[:2] + whole, 3)
    got = call(
        "grad.adaptive_avg_pool{n}d", case, case.present(gy), given.shape, layout=case.layout
    )
    scale = inner(
        call("adaptive_avg_pool{n}d", case, np.abs(given), asked, layout=case.layout),
        np.abs(case.present(gy)),
    )
    forward = call("adaptive_avg_pool{n}d", case, given, asked, layout=case.layout)
    off = abs(inner(forward, case.present(gy)) - inner(given, got))
    assert off <= 2 * (most + x.size + 4) * UNIT[case.dtype] * scale, f"adjoint off by {off}"
