"""Activations: functions of each element, and softmax along an axis."""

from __future__ import annotations

import math
from typing import Any

from fastconv import _args, _core
from fastconv._typing import FloatArray
from fastconv.nn.module import Module

__all__ = ["LeakyReLU", "LogSoftmax", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Tanh"]


class ReLU(Module):
    """``max(x, 0)``, element by element. Matches ``torch.nn.ReLU``.

    torch's `inplace` is not taken: nothing here changes its input. NaN passes, both ways. The
    gradient at 0 is 0.

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


class ReLU6(Module):
    """``min(max(x, 0), 6)``, element by element. Matches ``torch.nn.ReLU6`` without `inplace`.

    NaN passes, both ways. The gradient at 0 and at 6 is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> relu6 = nn.ReLU6()
    >>> relu6(np.array([-1.0, 2.0, 8.0]))
    array([0., 2., 6.])
    >>> relu6.backward(np.ones(3))
    array([0., 1., 0.])
    """

    def forward(self, x: FloatArray) -> FloatArray:
        y = _core.relu6(x)
        self.remember(y)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        return _core.relu6_backward(gy, self.remembered())


class LeakyReLU(Module):
    """``x`` where it is positive, else ``negative_slope * x``. Matches ``torch.nn.LeakyReLU``.

    torch's `inplace` is not taken. Maas et al. 2013.

    Parameters
    ----------
    negative_slope : float, default 0.01
        Finite.

    Raises
    ------
    TypeError, ValueError
        If `negative_slope` is no finite number.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> leaky = nn.LeakyReLU(0.1)
    >>> leaky(np.array([-1.0, 0.0, 2.0]))
    array([-0.1,  0. ,  2. ])
    >>> leaky.backward(np.ones(3))
    array([0.1, 0.1, 1. ])
    """

    def __init__(self, negative_slope: float = 1e-2) -> None:
        super().__init__()
        self.negative_slope = finite("LeakyReLU", "negative_slope", negative_slope)

    def forward(self, x: FloatArray) -> FloatArray:
        y = _core.leaky_relu(x, self.negative_slope)
        self.remember(x)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        return _core.leaky_relu_backward(gy, self.remembered(), self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class Tanh(Module):
    """The hyperbolic tangent of each element. Matches ``torch.nn.Tanh``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> tanh = nn.Tanh()
    >>> tanh(np.array([-100.0, 0.0, 1.0])).round(4)
    array([-1.    ,  0.    ,  0.7616])
    >>> tanh.backward(np.ones(3)).round(4)
    array([0.  , 1.  , 0.42])
    """

    def forward(self, x: FloatArray) -> FloatArray:
        y = _core.tanh(x)
        self.remember(y)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        return _core.tanh_backward(gy, self.remembered())


class Sigmoid(Module):
    """``1 / (1 + exp(-x))``, element by element. Matches ``torch.nn.Sigmoid``.

    No exponential overflows: what is tiny keeps its digits.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> sigmoid = nn.Sigmoid()
    >>> sigmoid(np.array([-800.0, 0.0, 800.0]))
    array([0. , 0.5, 1. ])
    >>> sigmoid.backward(np.ones(3))
    array([0.  , 0.25, 0.  ])
    """

    def forward(self, x: FloatArray) -> FloatArray:
        y = _core.sigmoid(x)
        self.remember(y)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        return _core.sigmoid_backward(gy, self.remembered())


class SiLU(Module):
    """``x * sigmoid(x)``, element by element: Swish. Matches ``torch.nn.SiLU`` without `inplace`.

    Elfwing et al. 2018, "Sigmoid-weighted linear units"; Ramachandran et al. 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> silu = nn.SiLU()
    >>> silu(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-0.2689,  0.    ,  0.7311])
    >>> silu.backward(np.ones(3)).round(4)
    array([0.0723, 0.5   , 0.9277])
    """

    def forward(self, x: FloatArray) -> FloatArray:
        y = _core.silu(x)
        self.remember(x)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        return _core.silu_backward(gy, self.remembered())


class _OverAxis(Module):
    """Softmax or its logarithm."""

    _log: bool

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        name = type(self).__name__
        if dim is None:
            raise TypeError(
                f"{name}: dim: None; an int is allowed. Which axis has the classes is not guessed: "
                "1 for (N, C) and (N, C, H, W), -1 for the last one"
            )
        if not _args.is_integer(dim):
            raise TypeError(f"{name}: dim: {dim!r}; an int is allowed")
        self.dim = int(dim)
        self._name = name

    def forward(self, x: FloatArray) -> FloatArray:
        y = _core.softmax(self._name, x, self._axis(x), self._log)
        self.remember(y)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        y = self.remembered()
        return _core.softmax_backward(self._name, gy, y, self.dim % y.ndim, self._log)

    def _axis(self, x: Any) -> int:
        ndim = getattr(x, "ndim", 0)
        if not ndim:
            x = _args.float_array(self._name, "x", x)
            raise ValueError(
                f"{self._name}: x: shape {x.shape}; one with axis {self.dim} is allowed"
            )
        if not -ndim <= self.dim < ndim:
            raise ValueError(
                f"{self._name}: dim: {self.dim}; from {-ndim} to {ndim - 1} is allowed "
                f"for x of shape {tuple(x.shape)}"
            )
        return self.dim % ndim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_OverAxis):
    """``exp(x) / sum of exp(x)`` along an axis. Matches ``torch.nn.Softmax``.

    The maximum is taken away first: no exponential overflows. A NaN, or a maximum that is infinite,
    makes NaN of all that shares the sum.

    Parameters
    ----------
    dim : int
        The axis along which the result sums to 1; negative ones count from the end. torch guesses
        one where it is not given (and warns); here it must be.

    Raises
    ------
    TypeError
        If `dim` is no int.
    ValueError
        If the input has no such axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Softmax(dim=1)(np.log([[1.0, 2.0, 5.0]]))
    array([[0.125, 0.25 , 0.625]])
    """

    _log = False


class LogSoftmax(_OverAxis):
    """``x - log(sum of exp(x))`` along an axis. Matches ``torch.nn.LogSoftmax``.

    The logarithm of `Softmax`, without its rounding: probabilities too small for a number have a
    logarithm all the same.

    Parameters
    ----------
    dim : int
        The axis of the sum, as in `Softmax`.

    Raises
    ------
    TypeError
        If `dim` is no int.
    ValueError
        If the input has no such axis.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.LogSoftmax(dim=-1)(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """

    _log = True


def finite(name: str, argument: str, value: Any) -> float:
    """A finite number as a float; else a TypeError or ValueError."""
    number = _args.number(name, argument, value)
    if not math.isfinite(number):
        _args.wrong_value(name, argument, value, "finite")
    return number
