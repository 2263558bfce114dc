"""Training by mini-batches: epochs, validation, checkpoints, early stopping."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastconv import _args
from fastconv.nn import data, random
from fastconv.nn.checkpoint import load_checkpoint, save_checkpoint
from fastconv.nn.evaluate import EVALUATED, Score, Tally, batches, evaluate, evaluation
from fastconv.nn.history import History
from fastconv.nn.module import Module
from fastconv.nn.nonfinite import ALL_FINITE, NonFiniteLossError, blame
from fastconv.nn.optim import Optimizer
from fastconv.nn.schedule import LinearScalingWarmup, Schedule

__all__ = ["Progress", "fit"]

Augment = Callable[[Any, np.random.Generator], Any]


@dataclass
class Progress:
    """Where a run of `fit` is, for its ``progress`` function.

    Attributes
    ----------
    epoch, epochs : int
        The epoch, from 1, of how many.
    batch, batches : int
        The batch just done, from 1, of how many.
    loss : float
        The mean over the epoch's batches so far.
    finished : dict or None
        The epoch's entry in the history, once it is over.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    finished: dict[str, Any] | None = None


def _bar(at: Progress) -> None:
    """A line on standard error: rewritten on a terminal, one an epoch elsewhere."""
    terminal = sys.stderr.isatty()
    if at.finished is None and not terminal:
        return
    done = round(20 * at.batch / at.batches)
    line = f"epoch {at.epoch}/{at.epochs} [{'#' * done}{'.' * (20 - done)}] loss {at.loss:.4f}"
    if at.finished is not None:
        for key in ("train_accuracy", "val_loss", "val_accuracy"):
            if at.finished.get(key) is not None:
                line += f"  {key.replace('_', ' ')} {at.finished[key]:.4f}"
    start = "\r" if terminal else ""
    end = "\n" if at.finished is not None else ""
    print(f"{start}{line}", end=end, file=sys.stderr, flush=True)


class _Run:
    """A run's objects, and the state that a checkpoint has of them."""

    def __init__(
        self,
        model: Module,
        loss: Callable[..., Any],
        optimiser: Optimizer,
        schedule: Schedule | None,
        augment: Augment | None,
        seed: int,
        progress: Callable[[Progress], object] | None,
    ) -> None:
        self.model, self.loss, self.optimiser = model, loss, optimiser
        self.schedule, self.augment, self.seed, self.report = schedule, augment, seed, progress
        self.history = History()
        self.best = self.weights()

    def weights(self) -> dict[str, Any]:
        return {name: value.copy() for name, value in self.model.state_dict().items()}

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "best": self.best,
            "kinds": [_kind(self.optimiser), _kind(self.schedule)],
            "optimiser": self.optimiser.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "random": random.get_rng_state(),
            "seed": self.seed,
            "epochs": self.history.epochs,
            "best_epoch": self.history.best_epoch,
        }

    def go_back_to(self, state: dict[str, Any]) -> None:
        self._check_kind(state)
        before = self.optimiser.state_dict()
        self.optimiser.load_state_dict(state["optimiser"])
        try:
            self.model.load_state_dict(state["model"])
        except ValueError:
            self.optimiser.load_state_dict(before)
            raise
        self.best = state["best"]
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])
        random.set_rng_state(state["random"])
        self.history.epochs = state["epochs"]
        self.history.best_epoch = state["best_epoch"]

    def _check_kind(self, state: dict[str, Any]) -> None:
        own = self.state()
        missing = [name for name in own if name not in state]
        if missing:
            raise ValueError(f"fit: checkpoint: it is of no run of fit: it has no {missing[0]!r}")
        if state["seed"] != self.seed:
            raise ValueError(
                f"fit: seed: {self.seed}; the seed of the checkpoint is {state['seed']}"
            )
        for argument, is_, was in zip(
            ("optimiser", "schedule"), own["kinds"], state["kinds"], strict=True
        ):
            if is_ != was:
                raise ValueError(f"fit: {argument}: {is_}; that of the checkpoint is {was}")

    def train_epoch(self, x: Any, y: Any, batch_size: int, epochs: int) -> Score:
        """One pass over the data, in an order that the seed and the epoch's number fix."""
        epoch, count = len(self.history) + 1, len(batches(len(x), batch_size))
        generator = np.random.default_rng([self.seed, epoch])
        shuffled = data.batches(x, y, batch_size, generator, augment=self.augment)
        tally = Tally()
        self.model.train()
        for number, (inputs, targets) in enumerate(shuffled, 1):
            self._step(inputs, targets, tally, f"epoch {epoch}, batch {number}")
            if self.report is not None:
                loss = tally.loss / tally.samples
                self.report(Progress(epoch, epochs, number, count, loss))
        return tally.score()

    def _step(self, x: Any, y: Any, tally: Tally, where: str) -> None:
        self.optimiser.zero_grad()
        output = self.model(x)
        loss = float(self.loss(output, y))
        if not math.isfinite(loss):
            raise NonFiniteLossError(f"fit: the loss is {loss} in {where}: {blame(self.model, x)}")
        self.model.backward_parameters(self.loss.backward())  # type: ignore[attr-defined]
        self.optimiser.step()
        tally.add(loss, output, y)
        if isinstance(self.schedule, LinearScalingWarmup):
            self.schedule.step()

    def validate(self, x: Any, y: Any) -> Score:
        score = evaluate(self.model, self.loss, x, y)
        if not math.isfinite(score.loss):
            with evaluation(self.model):
                reasons = (blame(self.model, x[part]) for part in batches(len(x), EVALUATED))
                why = next((r for r in reasons if r != ALL_FINITE), ALL_FINITE)
            where = f"epoch {len(self.history) + 1}"
            raise NonFiniteLossError(f"fit: the validation loss is {score.loss} in {where}: {why}")
        return score

    def end_epoch(self, values: dict[str, Any]) -> None:
        if self.history.append(values):
            self.best = self.weights()
        if isinstance(self.schedule, LinearScalingWarmup):
            self.schedule.step_epoch()
        elif self.schedule is not None:
            self.schedule.step()


def _kind(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def _pair(name: str, given: Any) -> tuple[Any, Any]:
    if not isinstance(given, (tuple, list)) or len(given) != 2:
        raise TypeError(f"fit: {name}: {type(given).__name__}; a pair (inputs, targets) is allowed")
    x, y = np.asarray(given[0]), np.asarray(given[1])
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or len(x) == 0:
        raise ValueError(
            f"fit: {name}: inputs of shape {x.shape}, targets of shape {y.shape}; as many inputs "
            "as targets, and at least one, are allowed"
        )
    return x, y


def _at_least(argument: str, value: Any, least: int) -> None:
    if not _args.is_integer(value):
        _args.wrong_type("fit", argument, value, f"an int of at least {least}")
    if int(value) < least:
        shown = _args.written(value)
        raise ValueError(f"fit: {argument}: {shown}; an int of at least {least} is allowed")


def _values(score: Score, validation: Score | None, lr: float, seconds: float) -> dict[str, Any]:
    values = {"train_loss": score.loss, "train_accuracy": score.accuracy, "lr": lr}
    if validation is not None:
        values |= {"val_loss": validation.loss, "val_accuracy": validation.accuracy}
    return values | {"seconds": seconds}


def fit(
    model: Module,
    loss: Callable[..., Any],
    optimiser: Optimizer,
    train: tuple[Any, Any],
    validation: tuple[Any, Any] | None = None,
    *,
    epochs: int = 10,
    batch_size: int = 32,
    seed: int = 0,
    schedule: Schedule | None = None,
    augment: Augment | None = None,
    patience: int | None = None,
    restore_best: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = True,
    progress: bool | Callable[[Progress], object] = True,
) -> History:
    """Train a network.

    Each epoch shuffles the data by the seed and the epoch's number, goes over it in mini-batches
    (the last may be smaller), and then evaluates on the validation data. Equal seeds, data, initial
    weights and state of `manual_seed` give equal weights, bit for bit, whatever the number of
    threads, and whether or not the run was interrupted between.

    Parameters
    ----------
    model : Module
        The network; in train mode afterwards.
    loss : callable
        ``loss(output, target)`` is the mean over a batch, ``loss.backward()`` its gradient.
    optimiser : Optimizer
        Over the network's parameters.
    train : (ndarray, ndarray)
        Inputs and targets, along the first axis.
    validation : (ndarray, ndarray), optional
        Likewise.
    epochs : int, default 10
        The number of the last epoch: a run that goes on from a checkpoint has fewer to do.
    batch_size : int, default 32
        Samples a step.
    seed : int, default 0
        For the order of the samples and for `augment`.
    schedule : Schedule, optional
        Stepped after each epoch; a `LinearScalingWarmup` after each batch.
    augment : callable, optional
        ``augment(inputs, generator)`` gives a batch's changed inputs.
    patience : int, optional
        Stop early after so many epochs without a better validation loss.
    restore_best : bool, default False
        End with the weights of the best epoch, not of the last.
    checkpoint : path, optional
        A file to write after each epoch: the last weights and the best ones, and all that is needed
        to go on.
    resume : bool, default True
        Go on from the checkpoint where it exists. Otherwise it is replaced.
    progress : bool or callable, default True
        True: a bar on standard error. A function is called with a `Progress` after each batch and
        each epoch.

    Returns
    -------
    History
        The epochs, the best one, and a `History.diagnosis`.

    Raises
    ------
    NonFiniteLossError
        If a loss is NaN or infinite: the message names the epoch, the batch and the layer.
    ValueError, TypeError
        For bad arguments, or a checkpoint of another network, optimiser, schedule or seed: then
        network and optimiser are as they were.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.manual_seed(0)
    >>> x = np.random.default_rng(0).standard_normal((64, 2))
    >>> y = (x[:, 0] > 0).astype(np.int64)
    >>> model = nn.Sequential(nn.Linear(2, 2, dtype=np.float64))
    >>> optimiser = nn.SGD(model.parameters(), lr=1.0)
    >>> history = nn.fit(model, nn.CrossEntropyLoss(), optimiser, (x, y), progress=False)
    >>> len(history), history["train_accuracy"][-1] > 0.9
    (10, True)
    """
    x, y = _pair("train", train)
    held_out = None if validation is None else _pair("validation", validation)
    for argument, value, least in (("epochs", epochs, 0), ("batch_size", batch_size, 1)):
        _at_least(argument, value, least)
    _at_least("seed", seed, 0)
    if patience is not None:
        _at_least("patience", patience, 1)
    report = (_bar if progress is True else progress) or None
    run = _Run(model, loss, optimiser, schedule, augment, int(seed), report)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and resume and path.exists():
        run.go_back_to(load_checkpoint(path))
    while len(run.history) < epochs and not _is_over(run.history, patience):
        start, lr = time.perf_counter(), optimiser.param_groups[0]["lr"]
        score = run.train_epoch(x, y, batch_size, epochs)
        seen = None if held_out is None else run.validate(*held_out)
        run.end_epoch(_values(score, seen, lr, time.perf_counter() - start))
        if path is not None:
            save_checkpoint(path, run.state())
        if report is not None:
            done, count = len(run.history), len(batches(len(x), batch_size))
            report(Progress(done, epochs, count, count, score.loss, run.history.epochs[-1]))
    run.history.stopped_early = _is_over(run.history, patience)
    if restore_best and run.history.best_epoch:
        model.load_state_dict(run.best)
    return run.history


def _is_over(history: History, patience: int | None) -> bool:
    return patience is not None and len(history) - history.best_epoch >= patience > 0
