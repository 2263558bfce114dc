"""Plans: what the function computes, with the choice made and the weights packed beforehand."""

import concurrent.futures
import copy
import pickle

import numpy as np
import pytest
from helpers import checks
from helpers.cases import draw_conv, seeded, strategy
from helpers.oracles import Reference, clamp
from hypothesis import given, settings

import fastconv as fc


def planned(case):
    """Every algorithm's plan gives the sums within the bound, twice the same bytes."""
    oracle = Reference()
    x, w, b = case.arrays()
    expected = clamp(oracle.conv(case, x, w, b), case.activation)
    magnitude = oracle.conv(case, np.abs(x), np.abs(w), checks.absolute(b))
    given, shape = case.present(x), case.shape(case.output_shape)
    for algorithm in checks.algorithms_of(case):
        plan = checks.call(
            "plan_conv{n}d",
            case,
            given.shape,
            w,
            b,
            **case.arguments(),
            activation=case.activation,
            algorithm=algorithm,
        )
        assert plan.output_shape == shape
        out = checks.nans(shape, case.dtype)
        y = plan(given, out=out)
        assert y is out, "out= is returned"
        within = (expected, magnitude, algorithm, case.integers)
        checks.promised(case, algorithm, case.canonical(y), *within)
        checks.same_bytes(plan(given), y, "the second call")
        assert plan.algorithm == algorithm or algorithm == "auto"
        allowed = ("direct", "im2col", "reference", "winograd")
        assert (
            plan.algorithm in allowed[: 4 if algorithm == "winograd" or case.may_transform else 3]
        )
        flops = 2 * case.products * np.prod(case.output_shape)
        assert plan.flops == flops, f"flops {plan.flops}, not {flops}"


def test_plans_agree_with_the_reference():
    checks.each(seeded(draw_conv, 0, 400, padding_mode="zeros"), planned)


def test_plans_in_integers_are_exact():
    checks.each(seeded(draw_conv, 5000, 200, padding_mode="zeros", integers=True), planned)


@settings(derandomize=True, max_examples=100, deadline=None)
@given(case=strategy(draw_conv, padding_mode="zeros"))
def test_any_plan_agrees_with_the_reference(case):
    planned(case)


def layer(dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((2, 16, 20, 21)).astype(dtype)
    w = rng.standard_normal((24, 16, 3, 3)).astype(dtype)
    return x, w, rng.standard_normal(24).astype(dtype)


@pytest.mark.parametrize("algorithm", [*checks.ALGORITHMS, "winograd"])
def test_later_changes_of_the_weight_and_bias_are_not_seen(algorithm):
    x, w, b = layer()
    plan = fc.plan_conv2d(x.shape, w, b, padding=1, algorithm=algorithm)
    before = plan(x)
    w[...] = np.nan
    b[...] = np.nan
    checks.same_bytes(plan(x), before, "after the weight changed")
    del w, b
    checks.same_bytes(plan(x), before, "after the weight is gone")


def test_a_plan_serves_several_threads_at_once():
    x, w, b = layer()
    plan = fc.plan_conv2d(x.shape, w, b, padding=1, activation="relu")
    inputs = [np.roll(x, k, axis=3) for k in range(8)]
    expected = [plan(one).tobytes() for one in inputs]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        results = list(pool.map(plan, inputs * 12))
    assert [y.tobytes() for y in results] == expected * 12


def test_a_plan_takes_any_strides_and_any_out():
    x, w, b = layer()
    plan = fc.plan_conv2d(x.shape, w, b, padding=1)
    expected = plan(x)
    wide = np.zeros((2, 16, 40, 42), np.float32)
    wide[:, :, ::2, ::-2] = x
    checks.same_bytes(plan(wide[:, :, ::2, ::-2]), expected, "strided input")
    checks.same_bytes(plan(x.astype(">f4")), expected, "byte-swapped input")
    holder = np.full((2, 24, 20, 42), 7, np.float32)
    out = holder[..., ::2]
    assert plan(x, out=out) is out
    checks.same(np.ascontiguousarray(out), expected, "strided out")
    assert (holder[..., 1::2] == 7).all()


def test_out_may_overlap_the_input():
    rng = np.random.default_rng(1)
    w = rng.standard_normal((6, 6, 3, 3)).astype(np.float32)
    x = rng.standard_normal((2, 6, 9, 9)).astype(np.float32)
    plan = fc.plan_conv2d(x.shape, w, padding=1)
    expected = plan(x)
    assert plan(x, out=x) is x
    checks.same_bytes(x, expected, "out is the input")


def test_results_do_not_depend_on_the_threads():
    x, w, b = layer()
    plan = fc.plan_conv2d(x.shape, w, b, padding=1)
    results = []
    for count in (1, 2, 3, 8):
        with fc.num_threads(count):
            results.append(plan(x).tobytes())
    assert len(set(results)) == 1


def test_a_plan_takes_inputs_without_the_batch():
    x, w, b = layer()
    plan = fc.plan_conv2d(x.shape[1:], w, b, padding=1)
    assert plan.output_shape == (24, 20, 21)
    y = plan(x[0])
    assert y.shape == plan.output_shape
    checks.same_bytes(y, fc.plan_conv2d(x.shape, w, b, padding=1)(x)[0], "without the batch")


def test_a_plan_of_an_empty_batch_gives_an_empty_result():
    _, w, b = layer()
    plan = fc.plan_conv2d((0, 16, 20, 21), w, b)
    assert plan.output_shape == (0, 24, 18, 19)
    assert plan(np.ones((0, 16, 20, 21), np.float32)).shape == plan.output_shape


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_plan_that_cannot_be_copied_says_so(copied):
    plan = fc.plan_conv1d((1, 2, 5), np.ones((4, 2, 3)))
    with pytest.raises(TypeError, match="plan_conv1d: a plan cannot be pickled or copied"):
        copied(plan)


def test_a_plan_is_always_the_same():
    x, w, b = layer()
    plans = [fc.plan_conv2d(x.shape, w, b, padding=1) for _ in range(3)]
    assert len({plan.algorithm for plan in plans}) == 1
    assert len({plan(x).tobytes() for plan in plans}) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_another_shape_or_dtype_is_refused(dtype):
    x, w, b = layer(dtype)
    plan = fc.plan_conv2d(x.shape, w, b)
    for wrong in (x[:1], x[:, :, 1:], x[0], x[:, ::2]):
        with pytest.raises(ValueError, match="shape"):
            plan(wrong)
    with pytest.raises(TypeError, match="float"):
        plan(x.astype(np.float64 if dtype == np.float32 else np.float32))
    with pytest.raises(ValueError, match="out"):
        plan(x, out=np.empty((1, 24, 18, 19), dtype))


def test_the_explanation_names_the_choice_and_every_other_algorithm():
    x, w, b = layer()
    plan = fc.plan_conv2d(x.shape, w, b, padding=1)
    text = plan.explain()
    assert isinstance(text, str)
    for name in (plan.algorithm, "direct", "im2col", "reference", "winograd", "fft"):
        assert name in text, f"{name} is not in:\n{text}"


def test_the_workspace_is_bounded():
    """A few MB a thread, whatever the size of the image: never the whole im2col matrix."""
    w = np.ones((64, 64, 3, 3), np.float32)
    with fc.num_threads(1):
        small = fc.plan_conv2d((1, 64, 56, 56), w, padding=1, algorithm="im2col")
        large = fc.plan_conv2d((16, 64, 448, 448), w, padding=1, algorithm="im2col")
    columns = 16 * 64 * 9 * 448 * 448 * 4
    assert small.workspace_bytes >= 0
    assert large.workspace_bytes < columns / 100
