"""Max pooling across channels."""

from __future__ import annotations

import math

import fastconv as fc
from fastconv import _args
from fastconv._typing import FloatArray
from fastconv.nn._arrays import floats, gradient
from fastconv.nn.module import Module

__all__ = ["Maxout"]


class Maxout(Module):
    """The maximum of every `pool_size` neighbouring channels (Goodfellow et al. 2013).

    ``y[:, c] = max(x[:, c * pool_size], ..., x[:, (c + 1) * pool_size - 1])``: behind a linear or
    convolution layer the maximum of linear functions, a convex activation that is learnt.

    Parameters
    ----------
    pool_size : int
        How many channels make one; it divides them.
    axis : int, default 1
        The axis of the channels: 1 with a batch in front.

    Raises
    ------
    ValueError, TypeError
        If `pool_size` is not positive or of another type; in `forward`, if it does not divide the
        channels.

    Notes
    -----
    Of equal channels the first gets the gradient. NaN wins over all.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.Maxout(2)
    >>> layer(np.array([[1.0, 2.0, 4.0, 3.0]]))
    array([[2., 4.]])
    >>> layer.backward(np.array([[5.0, 6.0]]))
    array([[0., 5., 6., 0.]])
    """

    def __init__(self, pool_size: int, axis: int = 1) -> None:
        super().__init__()
        self.pool_size = _args.integer("Maxout", "pool_size", pool_size, 1)
        self.axis = _args.integer("Maxout", "axis", axis, -_args.SIZE_LIMIT)

    def forward(self, x: FloatArray) -> FloatArray:
        x = floats("Maxout", x)
        shape, axis = x.shape, self.axis
        if not -x.ndim <= axis < x.ndim:
            _args.wrong_value("Maxout", "axis", axis, f"an axis of the input of shape {shape}")
        axis %= x.ndim
        if shape[axis] % self.pool_size:
            raise ValueError(
                f"Maxout: pool_size is {self.pool_size}; it must divide the {shape[axis]} channels"
            )
        # An image of the channels beside the elements behind them, pooled along the first.
        plane = (math.prod(shape[:axis]), 1, shape[axis], math.prod(shape[axis + 1 :]))
        y, indices = fc.max_pool2d(x.reshape(plane), (self.pool_size, 1), return_indices=True)
        y = y.reshape(*shape[:axis], shape[axis] // self.pool_size, *shape[axis + 1 :])
        self.remember(shape, plane, indices, y.shape, y.dtype)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        shape, plane, indices, outputs, dtype = self.remembered()
        gy = gradient("Maxout", gy, outputs, dtype)
        return fc.grad.max_pool2d(gy.reshape(indices.shape), indices, plane).reshape(shape)

    def extra_repr(self) -> str:
        return f"pool_size={self.pool_size}" + (f", axis={self.axis}" if self.axis != 1 else "")
