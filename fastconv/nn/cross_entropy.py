"""The losses of classification: cross-entropy, and the negative log-likelihood."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastconv import _args, _core
from fastconv._typing import FloatArray
from fastconv.nn.loss import Loss, of_dtype, reduction_of, weights
from fastconv.nn.modes import modes

__all__ = ["CrossEntropyLoss", "NLLLoss"]


class _ClassLoss(Loss):
    """A loss over classes, which are axis 1 of the output, or the only one of a vector."""

    weight: FloatArray | None
    label_smoothing = 0.0
    _else = ""  # what else a target may be

    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        ignore_index: int = -100,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        name = type(self).__name__
        super().__init__(reduction_of(name, size_average, reduce, reduction))
        self._name = name
        weight = weights(name, "weight", weight)
        if weight is not None and weight.ndim != 1:
            _args.wrong_value(name, "weight's shape", weight.shape, "(C,)")
        self.register_buffer("weight", weight)
        self.ignore_index = _args.integer(name, "ignore_index", ignore_index, -(2**63), 2**63)

    def _classes(self, output: Any) -> tuple[FloatArray, int]:
        """The output as an array, and the axis of its classes."""
        x = _args.float_array(self._name, "output", output)
        if not x.ndim:
            raise ValueError(f"{self._name}: output has shape (); (C,), (N, C) or more is allowed")
        axis = 1 if x.ndim > 1 else 0
        weight = self.weight
        of_dtype(self._name, "weight", weight, x)
        if not x.shape[axis]:
            raise ValueError(f"{self._name}: output has shape {x.shape}, without a class")
        if weight is not None and weight.size != x.shape[axis]:
            _args.wrong_value(self._name, "weight's shape", weight.shape, f"({x.shape[axis]},)")
        return x, axis

    def _indices(self, x: FloatArray, axis: int, target: Any) -> NDArray[np.int64]:
        """The target as class indices, each a class or `ignore_index`."""
        name, shape = self._name, x.shape[:axis] + x.shape[axis + 1 :]
        t = np.asarray(target) if isinstance(target, np.integer) else target
        t = _args.as_array(name, "target", t)
        if t.dtype.kind not in "iu":
            raise TypeError(
                f"{name}: target has dtype {t.dtype}; class indices must be integers: "
                f"convert with .astype(np.int64){self._else}"
            )
        if t.shape != shape:
            raise ValueError(
                f"{name}: target has shape {t.shape}; for output of shape {x.shape} it must be "
                f"{shape}"
            )
        wrong = ((t < 0) | (t >= x.shape[axis])) & (t != self.ignore_index)
        if wrong.any():
            where = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(
                f"{name}: target is {t[where]} at {where}; classes 0 to {x.shape[axis] - 1} and "
                f"ignore_index ({self.ignore_index}) are allowed"
            )
        return np.ascontiguousarray(t, np.int64).reshape(shape)

    def _finish(self, done: tuple[Any, ...]) -> Any:
        """Remember what came from one pass over class indices, and give the loss."""
        t, p, losses, total, divisor, single = done
        self.remember(p, t, divisor)
        if losses is not None:
            return losses[()]
        if self.reduction == "mean":
            total = total / divisor if divisor else math.nan
        return np.float32(total) if single else np.float64(total)

    def _gradient(
        self, p: FloatArray, t: NDArray[np.int64], divisor: float, gy: Any, given: bool
    ) -> FloatArray:
        """From the softmax p, or log-probabilities that were given."""
        factor = self.incoming(gy, t.shape, p.dtype, divisor)
        if self.reduction == "none":
            factor, gy = 1.0, np.ascontiguousarray(factor).reshape(t.shape)
        else:
            gy = None
        return _core.cross_entropy_backward(
            self._name,
            p,
            t,
            self.weight,
            self.ignore_index,
            self.label_smoothing,
            factor,
            gy,
            given,
        )


class CrossEntropyLoss(_ClassLoss):
    """``-log softmax`` at the target. Matches ``torch.nn.CrossEntropyLoss``.

    For class indices t the loss of a position is
    ``weight[t] * (log(sum over c of exp(x[c])) - x[t])``, 0 where t is `ignore_index`; the mean is
    over the weights of the targets that are not. For probabilities p it is the sum over c of
    ``weight[c] * p[c] * (log(sum of exp(x)) - x[c])``, and the mean is over positions. Smoothing
    replaces the target's probabilities p (1 at t) by
    ``(1 - label_smoothing) * p + label_smoothing / C`` (Szegedy et al. 2016).

    The value and the softmax that its gradient needs come from one pass; all exponentials are of
    differences to the maximum.

    Parameters
    ----------
    weight : array of shape (C,), optional
        Of the classes, of the output's dtype.
    size_average : bool, optional
        With `reduce`, torch's old arguments for `reduction`.
    ignore_index : int, default -100
        Targets of this value have loss 0 and gradient 0.
    reduce : bool, optional
        See `size_average`.
    reduction : {"mean", "sum", "none"}, default "mean"
        See `Loss`.
    label_smoothing : float, default 0.0
        From 0 to 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; in a call, if the output is not of shape (N, C, ...) or (C,)
        and of float32 or float64, or the target neither integers of shape (N, ...), each a class,
        nor floats of the output's shape and dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> loss = nn.CrossEntropyLoss()
    >>> output = np.log(np.array([[1.0, 2.0, 5.0], [2.0, 1.0, 1.0]]))
    >>> round(float(loss(output, np.array([2, 0]))), 4)  # the mean of -log(0.625) and -log(0.5)
    0.5816
    >>> loss.backward()
    array([[ 0.0625,  0.125 , -0.1875],
           [-0.25  ,  0.125 ,  0.125 ]])
    """

    _else = "; probabilities must have the output's shape and dtype"

    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        ignore_index: int = -100,
        reduce: Any = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, ignore_index, reduce, reduction)
        smoothing = _args.number(self._name, "label_smoothing", label_smoothing)
        if not 0 <= smoothing <= 1:
            _args.wrong_value(self._name, "label_smoothing", label_smoothing, "from 0 to 1")
        self.label_smoothing = smoothing

    def forward(self, output: Any, target: Any) -> Any:  # type: ignore[override]
        done = self._pass(output, target)
        if done is not None:
            return self._finish(done)
        x, axis = self._classes(output)
        if _are_probabilities(target, x):
            return self._forward_dense(x, axis, target)
        # Indices of another kind, which may do, or wrong ones.
        return self._finish(self._pass(x, self._indices(x, axis, target)))  # type: ignore[arg-type]

    def _pass(self, output: Any, target: Any) -> tuple[Any, ...] | None:
        return _core.cross_entropy(
            self._name,
            output,
            target,
            self.weight,
            self.ignore_index,
            self.label_smoothing,
            self.reduction == "none",
            modes.remember,
            False,
        )

    def backward(self, gy: Any = None) -> FloatArray:
        p, t, divisor = self.remembered()
        if isinstance(p, tuple):
            return self._backward_dense(p, divisor, gy)
        return self._gradient(p, t, divisor, gy, False)

    # ---- Probabilities ---------------------------------------------------------------------------

    def _forward_dense(self, x: FloatArray, axis: int, target: Any) -> Any:
        a = self._coefficients(x, axis, target)
        logs = _core.softmax(self._name, x, axis, True)
        losses = -np.add.reduce(a * logs, axis=axis)
        divisor = x.size // x.shape[axis]
        self.remember((a, logs, axis), None, divisor)
        return self.reduce(np.asarray(losses), divisor)

    def _backward_dense(self, kept: tuple[Any, ...], divisor: float, gy: Any) -> FloatArray:
        a, logs, axis = kept
        shape = a.shape[:axis] + a.shape[axis + 1 :]
        factor = self.incoming(gy, shape, a.dtype, divisor)
        if self.reduction == "none":
            factor = np.expand_dims(factor, axis)
        return _core.softmax_backward(self._name, a * -factor, logs, axis, True)

    def _coefficients(self, x: FloatArray, axis: int, target: Any) -> FloatArray:
        """What multiplies -log softmax."""
        p = _args.float_array(self._name, "target", target)
        if p.dtype.char != x.dtype.char:
            _args.refuse_mixed(self._name, ("output", "target"), (x, p))
        eps, classes, weight = self.label_smoothing, x.shape[axis], self.weight
        a = p * x.dtype.type(1 - eps) + x.dtype.type(eps / classes) if eps else p
        if weight is None:
            return a
        return a * weight.reshape((classes,) + (1,) * (x.ndim - axis - 1))


def _are_probabilities(target: Any, x: FloatArray) -> bool:
    """Whether it has the output's shape, and is not of integers."""
    dtypes = (np.float32, np.float64)
    return getattr(target, "shape", None) == x.shape and getattr(target, "dtype", x.dtype) in dtypes


class NLLLoss(_ClassLoss):
    """``-weight[t] * x[t]`` of log-probabilities x. Matches ``torch.nn.NLLLoss``.

    Behind `LogSoftmax` it is `CrossEntropyLoss`.

    Parameters
    ----------
    weight : array of shape (C,), optional
        Of the classes, of the output's dtype.
    size_average : bool, optional
        With `reduce`, torch's old arguments for `reduction`.
    ignore_index : int, default -100
        Targets of this value have loss 0 and gradient 0.
    reduce : bool, optional
        See `size_average`.
    reduction : {"mean", "sum", "none"}, default "mean"
        The mean is over the weights of the targets that are not ignored. See `Loss`.

    Raises
    ------
    TypeError, ValueError
        As `CrossEntropyLoss` for class indices.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> loss = nn.NLLLoss()
    >>> float(loss(np.array([[-1.0, -2.0], [-3.0, -4.0]]), np.array([0, 1])))
    2.5
    >>> loss.backward()
    array([[-0.5,  0. ],
           [ 0. , -0.5]])
    """

    def forward(self, output: Any, target: Any) -> Any:  # type: ignore[override]
        done = self._pass(output, target)
        if done is None:
            # Of another kind, which may do, or wrong.
            x, axis = self._classes(output)
            done = self._pass(x, self._indices(x, axis, target))
        return self._finish(done)  # type: ignore[arg-type]

    def _pass(self, output: Any, target: Any) -> tuple[Any, ...] | None:
        each = self.reduction == "none"
        return _core.cross_entropy(
            self._name, output, target, self.weight, self.ignore_index, 0.0, each, False, True
        )

    def backward(self, gy: Any = None) -> FloatArray:
        x, t, divisor = self.remembered()
        return self._gradient(x, t, divisor, gy, True)
