"""Activations: functions of each element, and softmax."""

from __future__ import annotations

from fastconv import _core
from fastconv._typing import FloatArray
from fastconv.nn.module import Module

__all__ = ["ReLU"]


class ReLU(Module):
    """``max(x, 0)``, element by element. Matches ``torch.nn.ReLU`` without its `inplace`.

    A new array is always returned: nothing here changes its input. NaN passes, both ways.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> relu = nn.ReLU()
    >>> relu(np.array([-1.0, 0.0, 2.0]))
    array([0., 0., 2.])
    >>> relu.backward(np.ones(3))
    array([0., 0., 1.])
    """

    def forward(self, x: FloatArray) -> FloatArray:
        y = _core.relu(x)
        self.remember(y)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        return _core.relu_backward(gy, self.remembered())
