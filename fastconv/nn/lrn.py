"""Normalisation by the neighbouring channels."""

from __future__ import annotations

import math

import numpy as np

import fastconv as fc
from fastconv import _args
from fastconv._typing import FloatArray
from fastconv.nn._arrays import floats, gradient
from fastconv.nn.module import Module

__all__ = ["LocalResponseNorm"]


class LocalResponseNorm(Module):
    """Divide by a power of the neighbouring channels' mean square: ``torch.nn.LocalResponseNorm``.

    ``y[c] = x[c] * (k + alpha / size * sum(x[i]**2)) ** -beta`` over the channels
    ``c - size // 2 <= i < c - size // 2 + size`` that there are (Krizhevsky et al. 2012, whose
    alpha is not divided by the size).

    Parameters
    ----------
    size : int
        How many channels.
    alpha : float, default 1e-4
        The factor of the mean square.
    beta : float, default 0.75
        The exponent.
    k : float, default 1.0
        What is added.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range or of another type; in `forward`, if the input has less
        than three dimensions.

    Notes
    -----
    Input (N, C, ...), of at least three dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.LocalResponseNorm(2, alpha=2.0, beta=1.0)
    >>> x = np.array([[[1.0], [2.0]]])
    >>> y = layer(x)
    >>> bool(np.allclose(y[0, :, 0], [1 / (1 + 1), 2 / (1 + 1 + 4)]))
    True
    >>> layer.backward(y).shape
    (1, 2, 1)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        name = "LocalResponseNorm"
        self.size = _args.integer(name, "size", size, 1)
        self.alpha = _args.number(name, "alpha", alpha)
        self.beta = _args.number(name, "beta", beta)
        self.k = _args.number(name, "k", k)
        # The channels lie along the rows of an image, pooled by columns. An even size has one
        # row of padding more before the channels than behind: the last mean is left out.
        self._windows = ((size, 1), 1, (size // 2, 0))

    def forward(self, x: FloatArray) -> FloatArray:
        x = floats("LocalResponseNorm", x)
        shape = x.shape
        if x.ndim < 3:
            raise ValueError(
                f"LocalResponseNorm: x has shape {shape}; it must have at least 3 dimensions"
            )
        if not x.size:
            self.remember(x, x, x)
            return x
        squares = np.square(x).reshape(shape[0], 1, shape[1], math.prod(shape[2:]))
        means = fc.avg_pool2d(squares, *self._windows)[:, :, : shape[1]]
        base = (means * self.alpha).reshape(shape)
        base += self.k
        scale = np.power(base, -self.beta)
        self.remember(x, base, scale)
        return x * scale

    def backward(self, gy: FloatArray) -> FloatArray:
        x, base, scale = self.remembered()
        gy = gradient("LocalResponseNorm", gy, x.shape, x.dtype)
        gx: FloatArray = gy * scale
        if not x.size:
            return gx
        n, c = x.shape[:2]
        space = math.prod(x.shape[2:])
        # The gradient of the means, with that of the one left out: zero.
        even = self.size % 2 == 0
        means = np.zeros((n, 1, c + even, space), x.dtype)
        means[:, 0, :c] = (gx * x / base).reshape(n, c, space)
        squares = fc.grad.avg_pool2d(means, (n, 1, c, space), *self._windows)
        through = squares.reshape(x.shape) * x
        through *= 2 * self.alpha * self.beta
        gx -= through
        return gx

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
