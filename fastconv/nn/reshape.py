"""Layers that only rearrange."""

from __future__ import annotations

import math

from fastconv import _args
from fastconv._typing import FloatArray
from fastconv.nn.module import Module

__all__ = ["Flatten"]


class Flatten(Module):
    """Join neighbouring axes into one. Matches ``torch.nn.Flatten``.

    Parameters
    ----------
    start_dim : int, default 1
        The first axis to join; negative ones count from the end.
    end_dim : int, default -1
        The last one.

    Raises
    ------
    ValueError
        In `forward`, if the input has no such axes, or the last is before the first.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Flatten()(np.zeros((2, 3, 4, 5))).shape
    (2, 60)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        least = -_args.SIZE_LIMIT
        self.start_dim = _args.integer("Flatten", "start_dim", start_dim, least)
        self.end_dim = _args.integer("Flatten", "end_dim", end_dim, least)

    def forward(self, x: FloatArray) -> FloatArray:
        shape = x.shape
        self.remember(shape)
        first, last = self._axis("start_dim", x.ndim), self._axis("end_dim", x.ndim)
        if first > last:
            raise ValueError(
                f"Flatten: start_dim {self.start_dim} is behind end_dim {self.end_dim} of an "
                f"input of shape {shape}; it must be before or the same"
            )
        return x.reshape(*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])

    def _axis(self, name: str, ndim: int) -> int:
        axis: int = getattr(self, name)
        most = max(ndim, 1)
        if not -most <= axis < most:
            _args.wrong_value("Flatten", name, axis, f"from {-most} to {most - 1} for this input")
        return axis % most

    def backward(self, gy: FloatArray) -> FloatArray:
        return gy.reshape(self.remembered())

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
