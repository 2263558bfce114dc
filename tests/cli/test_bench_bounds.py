"""``fastconv bench``: what it accepts as a right result."""

import json

import numpy as np
import pytest
from helpers.commands import TINY, convolution

import fastconv
from fastconv import cli


class PlanStub:
    """A plan that runs one algorithm, of a problem that only `accepted` ones serve."""

    def __init__(self, algorithm, accepted):
        self.algorithm, self.accepted, self.problem = algorithm, accepted, self

    def accepts(self, index):
        served = fastconv._core.ALGORITHMS[index] in self.accepted
        return None if served else "not for this problem"


@pytest.mark.parametrize(("algorithm", "looser"), [("direct", False), ("winograd", True)])
def test_the_bound_of_a_convolution_follows_the_algorithm(algorithm, looser, monkeypatch):
    from fastconv.cli import problems

    monkeypatch.setattr(problems, "_plan", lambda *a, **k: PlanStub(algorithm, {algorithm}))
    bound = problems.conv_forward(convolution()).bound
    assert bound == (problems.WINOGRAD_BOUND if looser else problems.Bound((4 * 9 + 2) * 2**-24))


def test_the_bound_of_an_input_gradient_follows_the_turned_problem(monkeypatch):
    from fastconv.cli import problems

    asked = []

    def plan(*arguments):
        asked.append((arguments[0], arguments[1].shape, *arguments[2:]))
        return PlanStub("direct", {"direct", "winograd"})

    monkeypatch.setattr(problems, "_plan", plan)
    bound = problems.conv_input_gradient(convolution(padding=0)).bound
    assert bound == problems.WINOGRAD_BOUND
    assert asked == [((1, 6, 6, 6), (4, 6, 3, 3), 1, 2, 1)]
    assert problems.conv_input_gradient(convolution(stride=2)).bound.norm is None
    assert problems.conv_input_gradient(convolution(padding=3)).bound.norm is None
    assert problems.conv_weight_gradient(convolution()).bound.norm is None


def test_errors_are_relative():
    from fastconv.cli.runner import largest_error, norm_error

    expected, magnitude = np.array([3.0, 4.0]), np.array([6.0, 10.0])
    assert norm_error(np.array([3.0, 4.5]), expected) == pytest.approx(0.1)
    assert largest_error(np.array([3.0, 4.5]), expected, magnitude) == pytest.approx(0.05)
    assert norm_error(np.array([np.nan, 4.0]), expected) == np.inf
    assert norm_error(expected[:1], expected) == np.inf
    assert norm_error(np.zeros(2), np.zeros(2)) == 0


@pytest.mark.usefixtures("extras")
def test_a_wrong_norm_is_shown(tmp_path, capsys, monkeypatch):
    from fastconv.cli import problems

    strict = problems.Bound(element=1e-3, norm=1e-12)
    monkeypatch.setattr(problems, "_sum_bound", lambda terms: strict)
    monkeypatch.setattr(problems, "WINOGRAD_BOUND", strict)
    assert cli.main([*TINY, "--output", str(tmp_path)]) == 1
    assert "norm is off by" in capsys.readouterr().out
    (row,) = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert row["allowed_norm_error"] == 1e-12 < row["norm_error"]
