"""Is the algorithm that "auto" chooses the fastest? Its predictions against measured times."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import fastconv as fc
from fastconv import _core
from fastconv.cli import networks
from fastconv.cli.networks import Layer
from fastconv.cli.timing import geometric_mean, medians, seconds_per_call

Array = np.ndarray

AIM_PERCENT = 5.0  # the mean loss that the cost model is to stay below
LAYOUTS = ("NCHW", "NHWC")
NOT_CHOSEN = ("auto", "reference")  # "reference" is there to be asked for


@dataclass(frozen=True)
class Task:
    """A layer in a layout."""

    group: str
    layer: Layer
    layout: str

    @property
    def title(self) -> str:
        """The whole name, which ``--only`` searches."""
        return f"{self.group} {self.layer.name} {self.layout}"


@dataclass(frozen=True)
class Candidate:
    """An algorithm that serves the layer: seconds of one image, predicted and measured."""

    algorithm: str
    predicted: float
    measured: float


@dataclass(frozen=True)
class Choice:
    """A layer in a layout, what "auto" chose and what it could have chosen.

    Attributes
    ----------
    group, layer, layout : str
        Which layer.
    chosen, fastest : str
        The algorithm that "auto" takes, and the one with the shortest time.
    loss_percent : float
        How much longer the chosen one takes than the fastest.
    candidates : tuple of Candidate
        Every algorithm that serves the layer, "reference" excepted.
    refused : dict
        Why each other algorithm does not.
    """

    group: str
    layer: str
    layout: str
    chosen: str
    fastest: str
    loss_percent: float
    candidates: tuple[Candidate, ...]
    refused: dict[str, str]


def tasks(quick: bool) -> Iterator[Task]:
    """List the convolutions of the networks, in both layouts."""
    for group, layers in networks.CONVOLUTIONS.items():
        for layer in layers:
            if quick and layer.name not in networks.QUICK.get(group, ()):
                continue
            for layout in LAYOUTS:
                yield Task(group, layer, layout)


def _arrays(task: Task) -> tuple[Array, Array]:
    """Make an image in the layout, and weights."""
    layer, rng = task.layer, np.random.default_rng(0)
    x = rng.standard_normal((1, layer.channels, layer.size, layer.size), dtype=np.float32)
    shape = (layer.out_channels, layer.channels // layer.groups, layer.kernel, layer.kernel)
    w = rng.standard_normal(shape, dtype=np.float32)
    return (x if task.layout == "NCHW" else np.ascontiguousarray(np.moveaxis(x, 1, -1))), w


def loss(times: Mapping[str, float], chosen: str) -> tuple[str, float]:
    """Give the fastest, and by how many percent the chosen one takes longer."""
    fastest = min(times, key=times.__getitem__)
    return fastest, 100 * (times[chosen] / times[fastest] - 1)


def choose(task: Task, budget: float, rounds: int) -> Choice:
    """Measure every algorithm that serves the layer.

    Parameters
    ----------
    task : Task
        The layer.
    budget : float
        Seconds for an algorithm in a round.
    rounds : int
        The time is the median over so many of them.

    Returns
    -------
    Choice
        What was predicted, measured and chosen.
    """
    x, w = _arrays(task)
    layer = task.layer

    def plan(algorithm: str) -> fc.Plan:
        steps = {"stride": layer.stride, "padding": layer.padding, "groups": layer.groups}
        made: Callable[..., fc.Plan] = fc.plan_conv2d
        return made(x.shape, w, **steps, layout=task.layout, algorithm=algorithm)

    auto = plan("auto")
    predicted, refused = {}, {}
    timers: dict[str, Callable[[], float]] = {}
    for index, name in enumerate(_core.ALGORITHMS):
        if name in NOT_CHOSEN:
            continue
        reason = auto.problem.accepts(index)
        if reason is not None:
            refused[name] = reason
            continue
        predicted[name] = auto.problem.cost(index)
        timers[name] = partial(seconds_per_call, partial(plan(name), x), budget)
    times = medians(timers, rounds)
    fastest, percent = loss(times, auto.algorithm)
    candidates = tuple(Candidate(name, predicted[name], times[name]) for name in times)
    where = (task.group, layer.name, task.layout)
    return Choice(*where, auto.algorithm, fastest, percent, candidates, refused)


def fit(candidates: list[Candidate]) -> dict[str, float]:
    """Say how well predictions fit.

    Parameters
    ----------
    candidates : list of Candidate
        At least one.

    Returns
    -------
    dict
        "measured_over_predicted": the geometric mean, 1 where the scale is right;
        "typical_factor": by what factor times differ from predictions after that mean (root mean
        square of the logarithms), 1 where all fit.
    """
    ratios = [candidate.measured / candidate.predicted for candidate in candidates]
    mean = geometric_mean(ratios)
    square = sum(math.log(ratio / mean) ** 2 for ratio in ratios) / len(ratios)
    return {
        "rows": len(ratios),
        "measured_over_predicted": mean,
        "typical_factor": math.exp(math.sqrt(square)),
    }


def summary(choices: list[Choice]) -> dict[str, Any]:
    """Sum up: the loss over all rows, and the fit for each algorithm and for all of them."""
    losses = [choice.loss_percent for choice in choices]
    worst = max(choices, key=lambda choice: choice.loss_percent)
    every = [candidate for choice in choices for candidate in choice.candidates]
    names = dict.fromkeys(candidate.algorithm for candidate in every)
    return {
        "rows": len(choices),
        "fastest_chosen": sum(choice.chosen == choice.fastest for choice in choices),
        "mean_loss_percent": sum(losses) / len(losses),
        "aim_percent": AIM_PERCENT,
        "worst_loss_percent": worst.loss_percent,
        "worst": f"{worst.group} {worst.layer} {worst.layout}",
        "fit": {
            name: fit([candidate for candidate in every if candidate.algorithm == name])
            for name in names
        }
        | {"all": fit(every)},
    }
