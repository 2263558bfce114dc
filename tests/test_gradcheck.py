"""The gradient check passes right gradients, refuses wrong ones, and says where and why."""

import doctest
import re

import numpy as np
import pytest

from fastconv.testing import gradcheck, reference
from fastconv.testing.gradcheck import GradcheckResult

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 4, 6, 5))
W = RNG.standard_normal((6, 2, 3, 2))
B = RNG.standard_normal(6)
OPTIONS = {"stride": (2, 1), "padding": 1, "groups": 2}


def conv(x, w, b):
    return reference.conv2d(x, w, b, **OPTIONS)


def conv_backward(gy, x, w, b):
    return reference.grad.conv2d(gy, x, w, **OPTIONS)


def report_of(forward, backward, inputs, **tolerances):
    with pytest.raises(AssertionError) as raised:
        gradcheck(forward, backward, inputs, **tolerances)
    return str(raised.value)


# Right gradients


def test_the_gradients_of_a_convolution_pass_with_small_errors():
    result = gradcheck(conv, conv_backward, (X, W, B))
    assert [row.shape for row in result.inputs] == [X.shape, W.shape, B.shape]
    assert all(row.elements == row.size for row in result.inputs)
    assert max(row.worst.absolute_error for row in result.inputs) < 1e-6


@pytest.mark.parametrize("layout", [None, "NHWC"])
def test_the_gradients_of_every_other_operator_pass(layout):
    gradient = reference.grad
    shape = (1, 2, 5, 5) if layout is None else (1, 5, 5, 2)
    x = RNG.permutation(50).reshape(shape) / 10 + 0.05
    w = RNG.standard_normal((2, 3, 2, 2))
    transposed = {"stride": 2, "padding": 1, "output_padding": 1, "layout": layout}
    gradcheck(
        lambda x, w: reference.conv_transpose2d(x, w, **transposed),
        lambda gy, x, w: gradient.conv_transpose2d(gy, x, w, **transposed)[:2],
        (x, w),
    )

    def max_backward(gy, x):
        where = reference.max_pool2d(x, 3, 2, 1, return_indices=True, layout=layout)[1]
        return gradient.max_pool2d(gy, where, x.shape, layout=layout)

    gradcheck(lambda x: reference.max_pool2d(x, 3, 2, 1, layout=layout), max_backward, x)

    def adaptive_max_backward(gy, x):
        where = reference.adaptive_max_pool2d(x, 3, return_indices=True, layout=layout)[1]
        return gradient.max_pool2d(gy, where, x.shape, layout=layout)

    gradcheck(
        lambda x: reference.adaptive_max_pool2d(x, 3, layout=layout), adaptive_max_backward, x
    )
    average = (3, 2, 1, True, False)
    gradcheck(
        lambda x: reference.avg_pool2d(x, *average, layout=layout),
        lambda gy, x: gradient.avg_pool2d(gy, x.shape, *average, layout=layout),
        x,
    )
    gradcheck(
        lambda x: reference.adaptive_avg_pool2d(x, (2, 3), layout=layout),
        lambda gy, x: gradient.adaptive_avg_pool2d(gy, x.shape, layout=layout),
        x,
    )
    power = (3, 2, 2, True)

    def lp_backward(gy, x):
        y = reference.lp_pool2d(x, *power, layout=layout)
        return gradient.lp_pool2d(gy, x, y, *power, layout=layout)

    gradcheck(lambda x: reference.lp_pool2d(x, *power, layout=layout), lp_backward, x)


def test_an_input_without_a_gradient_is_skipped():
    result = gradcheck(
        lambda x, k: x * k, lambda g, x, k: (g * k, None), (np.ones(3), np.arange(3))
    )
    assert [row.input for row in result.inputs] == [0]


def test_inputs_may_be_integers_a_bare_array_and_of_any_shape():
    for x in (np.arange(1, 5), np.array(2), np.ones((0, 3)), np.asfortranarray(np.eye(3))):
        result = gradcheck(lambda x: x**3, lambda g, x: 3 * g * x**2, x)
        assert result.inputs[0].shape == x.shape


def test_strong_curvature_is_not_taken_for_a_kink():
    scale = 1e5
    x = np.linspace(-1e-5, 1e-5, 5)
    result = gradcheck(lambda x: np.sin(scale * x), lambda g, x: g * scale * np.cos(scale * x), [x])
    assert result.inputs[0].worst.agrees
    gradcheck(lambda x: 1e6 * x**2, lambda g, x: 2e6 * g * x, [np.zeros(2)])


def test_a_kink_less_than_a_step_away_does_not_matter():
    x = np.array([3e-7, -3e-7, 1.0])
    gradcheck(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), [x])


def test_a_layer_that_remembers_its_last_input_passes():
    class Square:
        def __call__(self, x):
            self.x = x
            return x * x

        def backward(self, g):
            x, self.x = self.x, None
            return 2 * g * x

    layer = Square()
    gradcheck(layer, lambda g, x: layer.backward(g), [np.arange(3.0)])


def test_the_same_call_checks_the_same_numbers():
    assert gradcheck(conv, conv_backward, (X, W, B)) == gradcheck(conv, conv_backward, (X, W, B))


def test_a_large_input_is_sampled_and_the_result_says_so():
    x = np.linspace(0.5, 1, 300_000)
    result = gradcheck(np.sqrt, lambda g, x: g / (2 * np.sqrt(x)), [x])
    row = result.inputs[0]
    assert row.elements == 66
    assert row.coverage == "66 of 300000 elements, 4 directions"
    assert row.coverage in str(result)


def test_the_result_prints_as_a_table_of_all_inputs():
    result = gradcheck(conv, conv_backward, (X, W, B))
    assert isinstance(result, GradcheckResult)
    lines = str(result).splitlines()
    assert lines[0].split() == ["input", "shape", "abs", "error", "rel", "error", "checked"]
    assert [line.split()[0] for line in lines[1:]] == ["0", "1", "2"]
    assert all("all" in line for line in lines[1:])


# Wrong gradients


def test_a_wrong_scale_is_refused():
    def backward(gy, x, w, b):
        gx, gw, gb = conv_backward(gy, x, w, b)
        return gx, gw * 1.01, gb

    report = report_of(conv, backward, (X, W, B))
    assert re.search("7[0-2] of 72 elements and 4 of 4 directions of input 1 disagree", report)
    assert "input 0" not in report
    assert "input 2" not in report


def test_one_wrong_element_is_named_with_its_values():
    wrong = (1, 3, 2, 4)

    def backward(gy, x, w, b):
        gx, gw, gb = conv_backward(gy, x, w, b)
        gx[wrong] += 0.25
        return gx, gw, gb

    report = report_of(conv, backward, (X, W, B))
    assert "1 of 240 elements" in report
    assert f"worst: input 0 at {wrong}" in report
    analytic, numeric = map(float, re.search(r"analytic (\S+), numeric (\S+)", report).groups())
    assert analytic - numeric == pytest.approx(0.25, abs=1e-6)
    assert "absolute error 0.25" in report
    assert "tolerance" in report
    assert "differentiable" not in report


def test_the_worst_of_several_wrong_elements_is_named():
    errors = np.array([0.1, 0.0, -3.0, 1.0])
    report = report_of(lambda x: 2 * x, lambda g, x: 2 * g + errors, [np.ones(4)])
    assert "3 of 4 elements" in report
    assert "worst: input 0 at (2,)" in report
    assert "absolute error 3," in report


def test_a_transposed_kernel_is_refused():
    w = RNG.standard_normal((2, 2, 3, 3))
    x = RNG.standard_normal((1, 2, 5, 5))
    for wrong in (w.swapaxes(2, 3), w.swapaxes(0, 1), w[:, :, ::-1, ::-1]):
        report = report_of(
            reference.conv2d,
            lambda gy, x, w, wrong=wrong: (reference.grad.conv2d_input(x.shape, wrong, gy), None),
            (x, w),
        )
        assert "input 0" in report


def test_a_backward_that_ignores_its_output_gradient_is_refused():
    weight = []

    def backward(g, x):
        weight.append(g)
        return weight[0] * 2  # right for the first output gradient only

    report = report_of(lambda x: 2 * x, backward, [np.ones(5)])
    assert "0 of 5 elements and 3 of 4 directions" in report
    assert "along a random direction" in report


def test_one_wrong_element_among_very_many_is_refused_by_the_directions():
    x = np.ones(100_000)

    def backward(g, x):
        gx = 1e-4 * g
        gx[54_321] += 1.0
        return gx

    report = report_of(lambda x: 1e-4 * x, backward, [x])
    assert "200 of 100000 elements" in report
    assert "4 of 4 directions" in report


def test_tolerances_are_those_given():
    def backward(g, x):
        return g * 1.01

    gradcheck(lambda x: x * 1.0, backward, [np.ones(3)], rtol=0.02)
    gradcheck(lambda x: x * 1.0, backward, [np.ones(3)], atol=0.2)
    assert "disagree" in report_of(lambda x: x * 1.0, backward, [np.ones(3)], atol=1e-4)


# Points without a derivative


def test_a_tie_of_max_pooling_is_recognised():
    x = np.array([[3.0, 3.0, 1.0, 7.0]])

    def backward(g, x):
        where = reference.max_pool1d(x, 2, return_indices=True)[1]
        return reference.grad.max_pool1d(g, where, x.shape)

    report = report_of(lambda x: reference.max_pool1d(x, 2), backward, [x])
    assert "2 of 4 elements" in report
    assert re.search(r"not differentiable here: input 0 at \(0, [01]\): ", report)
    gradcheck(lambda x: reference.max_pool1d(x, 2), backward, [x + [[0, 1e-3, 0, 0]]])


@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_the_corner_of_a_relu_is_recognised_whatever_the_gradient_there(at_zero):
    x = np.array([-1.0, 0.0, 1.0])
    report = report_of(
        lambda x: np.maximum(x, 0), lambda g, x: g * np.where(x == 0, at_zero, x > 0), [x]
    )
    assert "1 of 3 elements" in report
    assert "not differentiable here: input 0 at (1,)" in report


def test_a_wrong_element_comes_before_a_kink_and_both_are_reported():
    x = np.array([-1.0, 0.0, 1.0])
    report = report_of(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0) + [0.1, 0, 0], [x])
    assert "worst: input 0 at (0,)" in report
    assert "not differentiable here either: input 0 at (1,)" in report


# What cannot be compared


@pytest.mark.parametrize(
    ("backward", "match"),
    [
        (lambda g, x, y: (g * y, (g * x)[:2]), r"gradient of input 1 has shape \(2,\).*\(3,\)"),
        (lambda g, x, y: (g * y, np.float32(g * x)), "gradient of input 1 has dtype float32"),
        (lambda g, x, y: (g * y,), "1 gradients for 2 inputs"),
        (lambda g, x, y: g * y, "1 gradients for 2 inputs"),
        (lambda g, x, y: (None, None), "None for every input"),
        (lambda g, x, y: (g * y, g * [1, np.nan, 1]), r"input 1 is not finite: 1 of 3.*\(1,\)"),
        (lambda g, x, y: (g * y, np.multiply(g, x, out=g)), "changed grad_output"),
        (lambda g, x, y: (g * y, np.multiply(g, x, out=x)), "backward changed input 0"),
    ],
)
def test_gradients_of_the_wrong_form_are_reported_plainly(backward, match):
    with pytest.raises(AssertionError, match=match):
        gradcheck(lambda x, y: x * y, backward, (np.full(3, 2.0), np.full(3, 4.0)))


@pytest.mark.parametrize(
    ("forward", "match"),
    [
        (lambda x: x.astype(np.float32), "forward returned float32"),
        (lambda x: (x, x), "expected one array"),
        (lambda x: x * np.inf, r"output is not finite: 3 of 3.*\(0,\): inf"),
        (lambda x: np.add(x, 1, out=x), "forward changed input 0"),
    ],
)
def test_outputs_of_the_wrong_form_are_reported_plainly(forward, match):
    with pytest.raises(AssertionError, match=match):
        gradcheck(forward, lambda g, x: g, [np.ones(3)])


def test_an_output_that_is_not_finite_a_step_away_is_reported():
    def root(x):
        with np.errstate(invalid="ignore"):
            return np.sqrt(x)

    report = report_of(root, lambda g, x: g * [0.5, 0.0], [np.array([1.0, 0.0])])
    assert "worst: input 0 at (1,)" in report
    assert "not finite" in report


def test_rounding_larger_than_the_tolerance_is_reported():
    report = report_of(
        lambda x: 1e12 + np.sin(x), lambda g, x: g * np.cos(x), [np.array([0.3, 0.7])]
    )
    assert "rounding" in report
    gradcheck(lambda x: 1e6 + np.sin(x), lambda g, x: g * np.cos(x), [np.array([0.3])], eps=1e-4)


@pytest.mark.parametrize("wrong", [{"eps": 0}, {"eps": -1}, {"atol": -1}, {"rtol": np.nan}])
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="eps"):
        gradcheck(np.sin, np.cos, [np.ones(1)], **wrong)


def test_no_inputs_at_all_are_refused():
    with pytest.raises(ValueError, match="inputs"):
        gradcheck(np.sin, np.cos, [])


def test_the_inputs_themselves_are_never_changed():
    x = np.arange(4.0)
    x.flags.writeable = False
    gradcheck(np.sin, lambda g, x: g * np.cos(x), [x])
    np.testing.assert_array_equal(x, np.arange(4.0))


def test_the_example_in_the_docstring_runs():
    tests = doctest.DocTestFinder(recurse=False).find(gradcheck, globs={})
    assert sum(len(test.examples) for test in tests) > 0
    for test in tests:
        assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_an_infinite_derivative_does_not_agree_with_anything():
    with np.errstate(all="ignore"):
        report = report_of(lambda x: np.where(x > 0, np.inf, x), lambda g, x: g, [np.zeros(1)])
    assert "not finite" in report


def test_an_error_is_worse_the_more_tolerances_it_is():
    scale = np.array([1e4, 1e-2])
    wrong = scale + [100, 10]
    report = report_of(lambda x: scale * x, lambda g, x: wrong * g, [np.ones(2)])
    assert "2 of 2 elements" in report
    assert "worst: input 0 at (1,)" in report
