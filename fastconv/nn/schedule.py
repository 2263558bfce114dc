"""Learning rates over time: each schedule sets `lr` of an optimiser's groups."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from fastconv import _args
from fastconv.nn.optim import Optimizer

__all__ = ["CosineAnnealingLR", "LinearScalingWarmup", "Schedule", "StepLR"]


class Schedule:
    """What all schedules share: the learning rates they began with, and a count of steps.

    Parameters
    ----------
    optimizer : Optimizer
        Whose groups' ``"lr"`` it sets, at once and at each `step`.

    Attributes
    ----------
    base_lrs : list of float
        The groups' learning rates when the schedule was made.
    last_epoch : int
        How often `step` was called.
    """

    def __init__(self, optimizer: Any) -> None:
        if not isinstance(optimizer, Optimizer):
            name, kind = type(self).__name__, type(optimizer).__name__
            raise TypeError(f"{name}: optimizer: {kind}; an Optimizer is allowed")
        self.optimizer: Optimizer = optimizer
        self.base_lrs = [group["lr"] for group in optimizer.param_groups]
        self.last_epoch = 0
        self._apply()

    def factor(self, base: float, step: int) -> float:
        """The learning rate after `step` steps, of a group that began with `base`."""
        return base

    def _apply(self) -> None:
        for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True):
            group["lr"] = self.factor(base, self.last_epoch)

    def step(self) -> None:
        """Go one step on, which is an epoch: `fit` does so after each."""
        self.last_epoch += 1
        self._apply()

    def get_last_lr(self) -> list[float]:
        """The groups' learning rates now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """What a later run needs to go on from here."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state, and set the learning rates.

        Parameters
        ----------
        state_dict : mapping
            From `state_dict`.
        """
        self.last_epoch = int(state_dict["last_epoch"])
        self.base_lrs = list(state_dict["base_lrs"])
        self._apply()


def _positive(name: str, argument: str, value: Any) -> int:
    if not _args.is_integer(value):
        _args.wrong_type(name, argument, value, "an int of at least 1")
    number = int(value)
    if number < 1:
        shown = _args.written(value)
        raise ValueError(f"{name}: {argument}: {shown}; an int of at least 1 is allowed")
    return number


def _finite(name: str, argument: str, value: Any) -> float:
    number = _args.number(name, argument, value)
    if not math.isfinite(number):
        raise ValueError(f"{name}: {argument}: {value!r}; a finite number is allowed")
    return number


class StepLR(Schedule):
    """``lr = base * gamma ** (step // step_size)``. Matches ``torch.optim.lr_scheduler.StepLR``.

    Parameters
    ----------
    optimizer : Optimizer
        See `Schedule`.
    step_size : int
        Steps between two changes.
    gamma : float, default 0.1
        The factor of each.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> optimiser = nn.SGD([nn.Parameter(np.ones(1))], lr=1.0)
    >>> schedule = nn.StepLR(optimiser, 2, 0.5)
    >>> for _ in range(4):
    ...     schedule.step()
    >>> optimiser.param_groups[0]["lr"]
    0.25
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size = _positive("StepLR", "step_size", step_size)
        self.gamma = _finite("StepLR", "gamma", gamma)
        super().__init__(optimizer)

    def factor(self, base: float, step: int) -> float:
        return base * self.gamma ** (step // self.step_size)


class CosineAnnealingLR(Schedule):
    """Half a cosine wave, from the base to ``eta_min`` in ``T_max`` steps (and up again after).

    ``lr = eta_min + (base - eta_min) * (1 + cos(pi * step / T_max)) / 2``. Matches
    ``torch.optim.lr_scheduler.CosineAnnealingLR`` (Loshchilov and Hutter 2017, without restarts).

    Parameters
    ----------
    optimizer : Optimizer
        See `Schedule`.
    T_max : int
        Steps to the minimum.
    eta_min : float, default 0
        The minimum.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> optimiser = nn.SGD([nn.Parameter(np.ones(1))], lr=1.0)
    >>> schedule = nn.CosineAnnealingLR(optimiser, 4)
    >>> schedule.step(), schedule.step()
    (None, None)
    >>> optimiser.param_groups[0]["lr"]
    0.5
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0) -> None:
        self.T_max = _positive("CosineAnnealingLR", "T_max", T_max)
        self.eta_min = _finite("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer)

    def factor(self, base: float, step: int) -> float:
        wave = (1 + math.cos(math.pi * step / self.T_max)) / 2
        return self.eta_min + (base - self.eta_min) * wave


class LinearScalingWarmup(Schedule):
    """A learning rate in proportion to the batch size, reached gradually.

    The target is ``base * batch_size / base_batch_size``; ``warmup_steps`` steps lead from the base
    to it in equal parts. A step is a batch here, and `fit` calls `step` after each. Source: Goyal
    et al. 2017, "Accurate, large minibatch SGD", sections 2.1 and 2.2.

    Parameters
    ----------
    optimizer : Optimizer
        See `Schedule`; its learning rate is that for ``base_batch_size``.
    batch_size : int
        The batches' size.
    base_batch_size : int, default 256
        The size that the learning rate was found for.
    warmup_steps : int, default 0
        Batches, such as those of 5 epochs.
    after : Schedule, optional
        Of the same optimiser, stepped once an epoch (`step_epoch`): the base follows it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> optimiser = nn.SGD([nn.Parameter(np.ones(1))], lr=0.1)
    >>> schedule = nn.LinearScalingWarmup(optimiser, 1024, warmup_steps=2)
    >>> rates = [schedule.get_last_lr()[0]]
    >>> for _ in range(3):
    ...     schedule.step()
    ...     rates.append(schedule.get_last_lr()[0])
    >>> rates
    [0.1, 0.25, 0.4, 0.4]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        batch_size: int,
        base_batch_size: int = 256,
        warmup_steps: int = 0,
        after: Schedule | None = None,
    ) -> None:
        name = "LinearScalingWarmup"
        batch_size = _positive(name, "batch_size", batch_size)
        base_batch_size = _positive(name, "base_batch_size", base_batch_size)
        self.warmup_steps = _args.integer(name, "warmup_steps", warmup_steps, 0)
        if not isinstance(after, (Schedule, type(None))):
            _args.wrong_type(name, "after", after, "a Schedule or None")
        if after is not None and after.optimizer is not optimizer:
            raise ValueError(f"{name}: after: it has another optimizer")
        self.scale = batch_size / base_batch_size
        self.after = after
        super().__init__(optimizer)
        if after is not None:
            self.base_lrs = list(after.base_lrs)
            self._apply()

    def factor(self, base: float, step: int) -> float:
        done = min(1.0, step / self.warmup_steps) if self.warmup_steps else 1.0
        if self.after is not None:
            base = self.after.factor(base, self.after.last_epoch)
        return base * (1 + (self.scale - 1) * done)

    def step_epoch(self) -> None:
        """Step the schedule that the base follows, if there is one."""
        if self.after is not None:
            self.after.last_epoch += 1
            self._apply()

    def state_dict(self) -> dict[str, Any]:
        after = None if self.after is None else self.after.state_dict()
        return {**super().state_dict(), "after": after}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        if self.after is not None:
            self.after.load_state_dict(state_dict["after"])
        super().load_state_dict(state_dict)
