"""What losses share: a value of an output and a target, and the gradient of the output."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from fastconv import _args
from fastconv._typing import FloatArray
from fastconv.nn._arrays import gradient
from fastconv.nn.module import Module

__all__ = ["Loss"]

REDUCTIONS = ("none", "mean", "sum")


class Loss(Module):
    """The base of all losses.

    ``value = loss(output, target)`` and then ``grad_output = loss.backward()``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        What becomes of the losses of the elements: their mean or sum, as a NumPy scalar of the
        output's dtype, or an array of all of them.

    Raises
    ------
    ValueError
        If `reduction` is another one.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> class Huber(nn.Loss):
    ...     def forward(self, output, target):
    ...         d = output - target
    ...         self.remember(d, d.shape)
    ...         return self.reduce(np.where(abs(d) < 1, d * d / 2, abs(d) - 0.5))
    ...
    ...     def backward(self, gy=None):
    ...         d, shape = self.remembered()
    ...         return np.clip(d, -1, 1) * self.incoming(gy, shape, d.dtype, d.size)
    >>> loss = Huber()
    >>> float(loss(np.array([1.0, 5.0]), np.array([0.5, 1.0])))
    1.8125
    >>> loss.backward()
    array([0.25, 0.5 ])
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        if not isinstance(reduction, str) or reduction not in REDUCTIONS:
            name, shown = type(self).__name__, _args.written(reduction)
            raise ValueError(f"{name}: reduction: {shown}; one of {REDUCTIONS} is allowed")
        self.reduction = reduction

    def forward(self, output: Any, target: Any) -> Any:  # type: ignore[override]
        """The loss.

        Parameters
        ----------
        output : ndarray
            What the network gave. It is not changed, and must not be before `backward`.
        target : ndarray
            What it should have given. It must not be changed before `backward` either.

        Returns
        -------
        float32 or float64, or ndarray
            Of the output's dtype; an array only for the reduction "none".
        """
        raise TypeError(f"{type(self).__name__}: forward: the class defines none")

    def backward(self, gy: Any = None) -> FloatArray:
        """The gradient with respect to the last output.

        Parameters
        ----------
        gy : float or ndarray, optional
            The gradient with respect to the loss: a number, 1 by default; for the reduction "none"
            an array of the loss's shape and dtype.

        Returns
        -------
        ndarray
            A new array of the output's shape and dtype.
        """
        raise TypeError(f"{type(self).__name__}: backward: the class defines none")

    def reduce(self, losses: FloatArray, divisor: float | None = None) -> Any:
        """The losses reduced, added up in float64.

        Parameters
        ----------
        losses : ndarray
            Of all elements.
        divisor : float, optional
            Of the mean; by default their number.

        Returns
        -------
        float32 or float64, or ndarray
            As `reduction` says. The mean of nothing is NaN.
        """
        if self.reduction == "none":
            return losses[()]
        total = float(np.add.reduce(losses, axis=None, dtype=np.float64))
        return self.reduced(total, losses.size if divisor is None else divisor, losses.dtype)

    def reduced(self, total: float, divisor: float, dtype: Any) -> Any:
        """Their sum, or mean, in the output's dtype.

        Parameters
        ----------
        total : float
            The sum of the losses.
        divisor : float
            Of the mean.
        dtype : dtype
            Of the output.

        Returns
        -------
        float32 or float64
            As `reduction` says, which is "mean" or "sum". The mean of nothing is NaN.
        """
        if self.reduction == "mean":
            total = total / divisor if divisor else np.nan
        return dtype.type(total)

    def incoming(self, gy: Any, shape: tuple[int, ...], dtype: Any, divisor: float) -> Any:
        """What multiplies the gradient of each loss.

        Parameters
        ----------
        gy : float or ndarray, optional
            As `backward` was given it.
        shape, dtype
            Of the losses.
        divisor : float
            Of the mean.

        Returns
        -------
        float, or ndarray
            A number, or for the reduction "none" an array.
        """
        if gy is None and self.reduction == "sum":
            return 1.0
        if gy is None and self.reduction == "mean":
            return 1 / divisor if divisor else np.nan
        name = f"{type(self).__name__}.backward"
        if self.reduction == "none":
            if gy is None:
                raise TypeError(f"{name}: gy is None; without a reduction it must be an array")
            if isinstance(gy, np.generic):  # as the loss of a single output is one
                gy = np.asarray(gy)
            return gradient(type(self).__name__, gy, shape, dtype)
        factor = _args.number(name, "gy", _scalar(gy))
        if self.reduction == "mean":
            return factor / divisor if divisor else np.nan
        return factor

    def extra_repr(self) -> str:
        return ""


def reduction_of(name: str, size_average: Any, reduce: Any, reduction: Any) -> Any:
    """The reduction that torch's old arguments mean, where they are given."""
    if size_average is None and reduce is None:
        return reduction
    for argument, value in (("size_average", size_average), ("reduce", reduce)):
        if value is not None and not isinstance(value, (bool, np.bool_)):
            _args.wrong_type(name, argument, value, "True, False or None; see `reduction`")
    if reduce is not None and not reduce:
        meant = "none"
    else:
        meant = "mean" if size_average is None or size_average else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction={meant!r} instead.",
        stacklevel=4,
    )
    return meant


def _scalar(value: Any) -> Any:
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def same_shape(name: str, output: Any, target: Any) -> tuple[FloatArray, FloatArray]:
    """Both as arrays of one float type and one shape."""
    output = _args.float_array(name, "output", output)
    target = _args.float_array(name, "target", target)
    if output.dtype.char != target.dtype.char:
        _args.refuse_mixed(name, ("output", "target"), (output, target))
    if output.shape != target.shape:
        raise ValueError(
            f"{name}: target has shape {target.shape}; it must have that of output, {output.shape}"
        )
    return output, target


def weights(name: str, argument: str, value: Any) -> FloatArray | None:
    """A contiguous copy of a weight; None where it is None."""
    if value is None:
        return None
    array = _args.float_array(name, argument, value)
    return np.array(array, dtype=array.dtype.newbyteorder("="), order="C")


def of_dtype(name: str, argument: str, weight: FloatArray | None, output: FloatArray) -> None:
    """Refuse a weight of another dtype than the output's."""
    if weight is not None and weight.dtype.char != output.dtype.char:
        _args.refuse_mixed(name, ("output", argument), (output, weight))
