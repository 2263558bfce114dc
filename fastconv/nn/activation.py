"""Activations: functions of each element, and softmax along an axis."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from fastconv import _args, _core
from fastconv._typing import FloatArray
from fastconv.nn._arrays import gradient
from fastconv.nn.module import Module

__all__ = ["LeakyReLU", "LogSoftmax", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softmax", "Tanh"]


class _Elementwise(Module):
    """A function of each element, whose gradient is one of the output or of the input."""

    _function: ClassVar[Callable[..., FloatArray]]
    _gradient: ClassVar[Callable[..., FloatArray]]
    _keeps: ClassVar[str] = "output"  # or "input": what the gradient is made of

    def forward(self, x: FloatArray) -> FloatArray:
        y = self._function(x)
        self.remember(y if self._keeps == "output" else x)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        return self._gradient(gy, self.remembered())


class _WithInplace(_Elementwise):
    """One that torch can also apply to the array itself."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = _args.flag(type(self).__name__, "inplace", inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class ReLU(_WithInplace):
    """``max(x, 0)``, element by element. Matches ``torch.nn.ReLU``.

    NaN passes, both ways. The gradient at 0 is 0.

    Parameters
    ----------
    inplace : bool, default False
        Of torch's code: nothing here changes its input.

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

    _function = staticmethod(_core.relu)
    _gradient = staticmethod(_core.relu_backward)


class ReLU6(_WithInplace):
    """``min(max(x, 0), 6)``, element by element. Matches ``torch.nn.ReLU6``.

    NaN passes, both ways. The gradient at 0 and at 6 is 0.

    Parameters
    ----------
    inplace : bool, default False
        Of torch's code: nothing here changes its input.

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

    _function = staticmethod(_core.relu6)
    _gradient = staticmethod(_core.relu6_backward)


class LeakyReLU(_WithInplace):
    """``x`` where it is positive, else ``negative_slope * x``. Matches ``torch.nn.LeakyReLU``.

    Maas et al. 2013, "Rectifier nonlinearities improve neural network acoustic models".

    Parameters
    ----------
    negative_slope : float, default 0.01
        Finite.
    inplace : bool, default False
        Of torch's code: nothing here changes its input.

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

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = finite("LeakyReLU", "negative_slope", negative_slope)

    def forward(self, x: FloatArray) -> FloatArray:
        y = _core.leaky_relu(x, self.negative_slope)
        self.remember(x)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        return _core.leaky_relu_backward(gy, self.remembered(), self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class Tanh(_Elementwise):
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

    _function = staticmethod(_core.tanh)
    _gradient = staticmethod(_core.tanh_backward)


class Sigmoid(_Elementwise):
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

    _function = staticmethod(_core.sigmoid)
    _gradient = staticmethod(_core.sigmoid_backward)


class SiLU(_WithInplace):
    """``x * sigmoid(x)``, element by element: Swish. Matches ``torch.nn.SiLU``.

    Elfwing et al. 2018, "Sigmoid-weighted linear units"; Ramachandran et al. 2017.

    Parameters
    ----------
    inplace : bool, default False
        Of torch's code: nothing here changes its input.

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

    _function = staticmethod(_core.silu)
    _gradient = staticmethod(_core.silu_backward)
    _keeps = "input"


class _OverAxis(Module):
    """Softmax or its logarithm."""

    _log: ClassVar[bool]
    _function: ClassVar[str]  # torch's, in its warning

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        name = self._name = type(self).__name__
        if dim is not None and not _args.is_integer(dim):
            raise TypeError(f"{name}: dim: {dim!r}; an int or None is allowed")
        self.dim = None if dim is None else int(dim)

    def forward(self, x: FloatArray) -> FloatArray:
        if not getattr(x, "ndim", 0):
            x = _args.float_array(self._name, "x", x)
        axis = self._axis(x.shape)
        if not x.ndim:  # the only one of its sum
            y = _core.softmax(self._name, x.reshape(1), 0, self._log).reshape(())
        else:
            y = _core.softmax(self._name, x, axis, self._log)
        self.remember(y, axis)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        y, axis = self.remembered()
        if not y.ndim:
            gy = gradient(self._name, gy, y.shape, y.dtype)
            return np.zeros_like(gy)
        return _core.softmax_backward(self._name, gy, y, axis, self._log)

    def _axis(self, shape: tuple[int, ...]) -> int:
        dim, ndim = self.dim, max(len(shape), 1)
        if dim is None:
            warnings.warn(
                f"Implicit dimension choice for {self._function} has been deprecated. "
                "Change the call to include dim=X as an argument.",
                stacklevel=4,
            )
            return 0 if ndim in (1, 3) else 1
        if not -ndim <= dim < ndim:
            raise ValueError(
                f"{self._name}: dim: {_args.written(dim)}; from {-ndim} to {ndim - 1} is allowed "
                f"for x of shape {shape}"
            )
        return dim % ndim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_OverAxis):
    """``exp(x) / sum of exp(x)`` along an axis. Matches ``torch.nn.Softmax``.

    The maximum is taken away first: no exponential overflows. A NaN, or a maximum that is infinite,
    makes NaN of all that shares the sum.

    Parameters
    ----------
    dim : int, optional
        The axis along which the result sums to 1; negative ones count from the end. Where it is not
        given it is, with a warning, what torch guesses: 0 for one or three dimensions, else 1.

    Raises
    ------
    TypeError
        If `dim` is neither an int nor None.
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
    _function = "softmax"


class LogSoftmax(_OverAxis):
    """``x - log(sum of exp(x))`` along an axis. Matches ``torch.nn.LogSoftmax``.

    The logarithm of `Softmax`, without its rounding: probabilities too small for a number have a
    logarithm all the same.

    Parameters
    ----------
    dim : int, optional
        The axis of the sum, as in `Softmax`.

    Raises
    ------
    TypeError
        If `dim` is neither an int nor None.
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
    _function = "log_softmax"


def finite(name: str, argument: str, value: Any) -> float:
    """A finite number as a float; else a TypeError or ValueError."""
    number = _args.number(name, argument, value)
    if not math.isfinite(number):
        _args.wrong_value(name, argument, value, "finite")
    return number
