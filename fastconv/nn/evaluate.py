"""A network on data it does not learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastconv import _args
from fastconv.nn.modes import no_grad
from fastconv.nn.module import Module

__all__ = ["Score", "evaluate", "predict"]

EVALUATED = 256
"""Samples at a time, where nothing else is said."""


@dataclass
class Score:
    """How well a network does.

    Attributes
    ----------
    loss : float
        The mean over all samples.
    accuracy : float or None
        The share of samples whose greatest output is that of their class; None where the targets
        are no classes.
    """

    loss: float
    accuracy: float | None


class Tally:
    """Sums over batches, in Python floats: the order is that of the batches."""

    def __init__(self) -> None:
        self.samples = 0
        self.loss = 0.0
        self.hits: int | None = 0

    def add(self, loss: float, output: Any, target: Any) -> None:
        count = len(target)
        self.samples += count
        self.loss += float(loss) * count
        classes = target.ndim == 1 and output.ndim == 2 and target.dtype.kind in "iu"
        if classes and self.hits is not None:
            self.hits += int((output.argmax(1) == target).sum())
        else:
            self.hits = None

    def score(self) -> Score:
        samples = max(self.samples, 1)
        return Score(self.loss / samples, None if self.hits is None else self.hits / samples)


def batches(count: int, size: int) -> list[slice]:
    """The slices of `count` samples, `size` at a time; one that is empty where there are none."""
    return [slice(start, min(start + size, count)) for start in range(0, max(count, 1), size)]


@contextmanager
def evaluation(model: Module) -> Iterator[None]:
    """Within it a network is in eval mode and remembers nothing; then its modes are as before."""
    before = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with no_grad():
            yield
    finally:
        for module, training in before:
            module.__dict__["training"] = training


def predict(model: Module, x: Any, batch_size: int = EVALUATED) -> Any:
    """The network's outputs in eval mode, a batch at a time.

    Parameters
    ----------
    model : Module
        Its mode is restored afterwards.
    x : ndarray
        The inputs, along the first axis.
    batch_size : int, default 256
        How many at a time.

    Returns
    -------
    ndarray
        The outputs, along the first axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.predict(nn.ReLU(), np.array([[-1.0], [2.0]]))
    array([[0.],
           [2.]])
    """
    batch_size = _args.integer("predict", "batch_size", batch_size, 1)
    with evaluation(model):
        return np.concatenate([model(x[part]) for part in batches(len(x), batch_size)])


def evaluate(
    model: Module, loss: Callable[..., Any], x: Any, y: Any, batch_size: int = EVALUATED
) -> Score:
    """Mean loss and accuracy in eval mode.

    Parameters
    ----------
    model : Module
        Its mode is restored afterwards.
    loss : callable
        ``loss(output, target)`` gives the mean over a batch.
    x, y : ndarray
        Inputs and targets, along the first axis.
    batch_size : int, default 256
        How many at a time.

    Returns
    -------
    Score
        See there.

    Raises
    ------
    ValueError
        Without inputs, or with another number of targets.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> x, y = np.eye(2), np.array([0, 0])
    >>> nn.evaluate(nn.Identity(), nn.CrossEntropyLoss(), x, y).accuracy
    0.5
    """
    batch_size = _args.integer("evaluate", "batch_size", batch_size, 1)
    if len(x) != len(y) or not len(x):
        raise ValueError(
            f"evaluate: {len(x)} inputs and {len(y)} targets; equal numbers, not 0, are allowed"
        )
    tally = Tally()
    with evaluation(model):
        for part in batches(len(x), batch_size):
            output = model(x[part])
            tally.add(loss(output, y[part]), output, y[part])
    return tally.score()
