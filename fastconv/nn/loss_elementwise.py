"""Losses of each element by itself: squared and absolute differences, binary cross-entropy."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from fastconv import _args, _core
from fastconv._typing import FloatArray
from fastconv.nn.loss import Loss, of_dtype, reduction_of, same_shape, weights

__all__ = ["BCELoss", "BCEWithLogitsLoss", "L1Loss", "MSELoss"]


class _ElementLoss(Loss):
    """A loss that one pass over output and target gives, and its gradient another."""

    _kind: ClassVar[int]  # see `_core.element_loss`

    def _forward(
        self,
        x: FloatArray,
        y: FloatArray,
        positive: FloatArray | None = None,
        number: float = 1.0,
        weight: FloatArray | None = None,
    ) -> Any:
        each = weight is not None or self.reduction == "none"
        self.remember(x, y, positive, number, weight)
        total, losses = _core.element_loss(self._kind, x, y, positive, number, each)
        if losses is not None:
            return self.reduce(_weighted(losses, weight))
        return self.reduced(total, x.size, x.dtype)

    def backward(self, gy: Any = None) -> FloatArray:
        x, y, positive, number, weight = self.remembered()
        factor = self.incoming(gy, x.shape, x.dtype, x.size)
        each = weight is not None or self.reduction == "none"
        scale = 1.0 if each else factor
        gx = _core.element_loss_backward(self._kind, x, y, positive, number, scale)
        return np.asarray(_weighted(gx, weight) * factor) if each else gx


class _Difference(_ElementLoss):
    """A loss of the difference between output and target."""

    def __init__(
        self, size_average: Any = None, reduce: Any = None, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction_of(type(self).__name__, size_average, reduce, reduction))

    def forward(self, output: Any, target: Any) -> Any:  # type: ignore[override]
        return self._forward(*same_shape(type(self).__name__, output, target))


class MSELoss(_Difference):
    """``(output - target)^2``. Matches ``torch.nn.MSELoss``.

    The target has the output's shape and dtype: nothing is broadcast.

    Parameters
    ----------
    size_average, reduce : bool, optional
        torch's old arguments for `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"
        See `Loss`.

    Raises
    ------
    TypeError, ValueError
        In a call, if output and target differ in shape or dtype, or are not float32 or float64.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> loss = nn.MSELoss()
    >>> float(loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    2.0
    >>> loss.backward()
    array([ 0., -2.])
    """

    _kind = 0


class L1Loss(_Difference):
    """``|output - target|``. Matches ``torch.nn.L1Loss``.

    The target has the output's shape and dtype. Where they are equal the gradient is 0.

    Parameters
    ----------
    size_average, reduce : bool, optional
        torch's old arguments for `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"
        See `Loss`.

    Raises
    ------
    TypeError, ValueError
        In a call, if output and target differ in shape or dtype, or are not float32 or float64.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> loss = nn.L1Loss()
    >>> float(loss(np.array([1.0, 2.0]), np.array([1.0, 4.0])))
    1.0
    >>> loss.backward()
    array([ 0. , -0.5])
    """

    _kind = 1


class BCELoss(Loss):
    """Binary cross-entropy of probabilities. Matches ``torch.nn.BCELoss``.

    With f the output and y the target, the loss is ``-log(f)`` for y = 1 and ``-log(1 - f)`` for
    y = 0; between, ``-(y * log(f) + (1 - y) * log(1 - f))``. Logarithms are at least -100, and the
    gradient ``(f - y) / max(f * (1 - f), 1e-12)``, as in torch.

    Parameters
    ----------
    weight : array, optional
        Multiplies the losses; of the output's dtype, and a shape that broadcasts to its.
    size_average, reduce : bool, optional
        torch's old arguments for `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"
        See `Loss`.

    Raises
    ------
    TypeError, ValueError
        In a call, if output and target differ in shape or dtype, or are not float32 or float64, or
        an output lies outside of 0 to 1 (NaN passes).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> loss = nn.BCELoss(reduction="none")
    >>> loss(np.array([0.5, 0.25]), np.array([1.0, 0.0])).round(4)
    array([0.6931, 0.2877])
    >>> loss.backward(np.ones(2)).round(4)
    array([-2.    ,  1.3333])
    """

    weight: FloatArray | None

    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction_of("BCELoss", size_average, reduce, reduction))
        self.register_buffer("weight", weights("BCELoss", "weight", weight))

    def forward(self, output: Any, target: Any) -> Any:  # type: ignore[override]
        f, y = same_shape("BCELoss", output, target)
        outside = (f < 0) | (f > 1)
        if outside.any():
            raise ValueError(
                f"BCELoss: output is {f[outside][0]}; from 0 to 1 is allowed: put a Sigmoid before "
                "it, or take BCEWithLogitsLoss"
            )
        _check_weight("BCELoss", "weight", self.weight, f)
        with np.errstate(divide="ignore"):
            losses = (y - 1) * np.maximum(np.log1p(-f), -100) - y * np.maximum(np.log(f), -100)
        self.remember(f, y)
        return self.reduce(_weighted(losses, self.weight))

    def backward(self, gy: Any = None) -> FloatArray:
        f, y = self.remembered()
        gx = (f - y) / np.maximum(f * (1 - f), f.dtype.type(1e-12))
        gx = _weighted(gx, self.weight)
        return np.asarray(gx * self.incoming(gy, f.shape, f.dtype, f.size))


class BCEWithLogitsLoss(_ElementLoss):
    """Binary cross-entropy of ``sigmoid(output)``. Matches ``torch.nn.BCEWithLogitsLoss``.

    With x the output, f = sigmoid(x) and y the target, the loss is
    ``-(pos_weight * y * log(f) + (1 - y) * log(1 - f))``, from
    ``-log(f) = max(-x, 0) + log(1 + exp(-|x|))``: exact however large x is.

    Parameters
    ----------
    weight : array, optional
        Multiplies the losses; of the output's dtype, and a shape that broadcasts to its.
    size_average, reduce : bool, optional
        torch's old arguments for `reduction`.
    reduction : {"mean", "sum", "none"}, default "mean"
        See `Loss`.
    pos_weight : array, optional
        Of the positive part; of the output's dtype, and a shape that broadcasts to its.

    Raises
    ------
    TypeError, ValueError
        In a call, if output and target differ in shape or dtype, or are not float32 or float64, or
        a weight does not fit the output.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> loss = nn.BCEWithLogitsLoss()
    >>> float(loss(np.array([1000.0, -1000.0]), np.array([0.0, 0.0])))
    500.0
    >>> loss.backward()
    array([0.5, 0. ])
    """

    _kind = 2
    weight: FloatArray | None
    pos_weight: FloatArray | None

    def __init__(
        self,
        weight: Any = None,
        size_average: Any = None,
        reduce: Any = None,
        reduction: str = "mean",
        pos_weight: Any = None,
    ) -> None:
        name = "BCEWithLogitsLoss"
        super().__init__(reduction_of(name, size_average, reduce, reduction))
        self.register_buffer("weight", weights(name, "weight", weight))
        self.register_buffer("pos_weight", weights(name, "pos_weight", pos_weight))

    def forward(self, output: Any, target: Any) -> Any:  # type: ignore[override]
        name = "BCEWithLogitsLoss"
        x, y = same_shape(name, output, target)
        _check_weight(name, "weight", self.weight, x)
        _check_weight(name, "pos_weight", self.pos_weight, x)
        positive, number = self.pos_weight, 1.0
        if positive is not None and positive.size == 1:
            number, positive = float(positive.reshape(())), None
        elif positive is not None:
            positive = np.broadcast_to(positive, x.shape)
        return self._forward(x, y, positive, number, self.weight)


def _weighted(values: Any, weight: FloatArray | None) -> FloatArray:
    return np.asarray(values if weight is None else values * weight)


def _check_weight(name: str, argument: str, weight: FloatArray | None, x: FloatArray) -> None:
    """Refuse a weight of another dtype, or that makes the losses larger than the output."""
    if weight is None:
        return
    of_dtype(name, argument, weight, x)
    try:
        fits = np.broadcast_shapes(weight.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        _args.wrong_value(
            name, f"{argument}'s shape", weight.shape, f"one that broadcasts to {x.shape}"
        )
