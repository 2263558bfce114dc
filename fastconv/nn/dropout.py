"""Layers that drop at random while training: elements, channels, weights."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from fastconv import _args, _core
from fastconv._typing import FloatArray
from fastconv._variants import docstring
from fastconv.nn import random
from fastconv.nn._arrays import floats, gradient
from fastconv.nn._passes import go_back, passed
from fastconv.nn.module import Module
from fastconv.nn.parameter import Parameter

__all__ = ["DropConnect", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d"]


def _probability(name: str, p: Any) -> float:
    value = _args.number(name, "p", p)
    if not 0 <= value <= 1:
        _args.wrong_value(name, "p", p, "from 0 to 1")
    return value


def _mask(shape: tuple[int, ...], p: float, dtype: Any) -> FloatArray:
    """0 with probability p, else 1 / (1 - p), which keeps the mean."""
    kept = random.generator.random(shape, np.float32) >= np.float32(p)
    scale = 1 / (1 - p) if p < 1 else 0.0
    return np.multiply(kept, scale, dtype=dtype)  # type: ignore[no-any-return]


class Dropout(Module):
    """Zero each element with probability p while training. Matches ``torch.nn.Dropout``.

    ``y = x * mask / (1 - p)``, so that the mean stays; in eval mode ``y = x`` (Srivastava et al.
    2014). The mask is drawn from the generator of `manual_seed`.

    Parameters
    ----------
    p : float, default 0.5
        From 0 to 1.
    inplace : bool, default False
        Of torch's code: nothing here changes its input.

    Raises
    ------
    ValueError, TypeError
        If p is out of its range or no number.

    Notes
    -----
    Input of any shape.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.Dropout(0.5)
    >>> y = layer(np.ones(1000))
    >>> sorted(set(y.tolist()))
    [0.0, 2.0]
    >>> bool((layer.backward(np.ones(1000)) == y).all())
    True
    >>> layer.eval()(np.ones(2))
    array([1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p = _probability(type(self).__name__, p)
        self.inplace = _args.flag(type(self).__name__, "inplace", inplace)

    def forward(self, x: FloatArray) -> FloatArray:
        x = floats(type(self).__name__, x)
        shape = self._mask_shape(x)
        if not self.training or self.p == 0:
            self.remember(None, x.shape, x.dtype)
            return x
        mask = _mask(shape, self.p, x.dtype)
        self.remember(mask, x.shape, x.dtype)
        return self._masked(x, mask)

    def _mask_shape(self, x: FloatArray) -> tuple[int, ...]:
        return x.shape

    def _masked(self, x: FloatArray, mask: FloatArray) -> FloatArray:
        return x * mask

    def backward(self, gy: FloatArray) -> FloatArray:
        mask, shape, dtype = self.remembered()
        gy = gradient(type(self).__name__, gy, shape, dtype)
        return gy if mask is None else self._masked(gy, mask)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


_CHANNELS = """Zero whole channels with probability p while training: ``torch.nn.Dropout{n}d``.

    As `Dropout`, with one number drawn a channel: neighbouring elements of a feature map are alike,
    and to drop some of them hardly matters (Tompson et al. 2015).

    Parameters
    ----------
    p : float, default 0.5
        From 0 to 1.
    inplace : bool, default False
        Of torch's code: nothing here changes its input.

    Raises
    ------
    ValueError, TypeError
        If p is out of its range or no number; in `forward`, if the input has another number of
        dimensions.

    Notes
    -----
    Input (N, C, {axes}), {other}.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.Dropout{n}d(0.5)
    >>> y = layer(np.ones((4, 8, {times[3]})))
    >>> bool((y == y[:, :, :1]).all())
    True
    >>> bool((layer.backward(np.ones_like(y)) == y).all())
    True
    """


class _ChannelDropout(Dropout):
    ndim: ClassVar[int]

    def _mask_shape(self, x: FloatArray) -> tuple[int, ...]:
        n = self.ndim
        if x.ndim not in (n + 1, n + 2):
            raise ValueError(
                f"{type(self).__name__}: x has shape {x.shape}; it must have {n + 2} or {n + 1} "
                "dimensions"
            )
        # As torch: three dimensions are (N, C, W) in two dimensions' layer, too.
        return x.shape[: 2 if x.ndim == n + 2 or n == 2 else 1]

    def _masked(self, x: FloatArray, mask: FloatArray) -> FloatArray:
        """Multiply each channel: batch normalisation with mean 0 and variance 1 does it at once."""
        factors = mask.reshape(-1)
        zeros, ones = np.zeros_like(factors), np.ones_like(factors)
        planes = x.reshape(1, factors.size, -1) if x.size else x.reshape(1, factors.size, 0)
        name = type(self).__name__
        y, _ = _core.batch_norm(name, planes, factors, None, zeros, ones, False, 0.0, 0.0)
        return y.reshape(x.shape)


class Dropout1d(_ChannelDropout):
    __doc__ = docstring(_CHANNELS.replace("{other}", "or without N"), 1)
    ndim = 1


class Dropout2d(_ChannelDropout):
    __doc__ = docstring(_CHANNELS.replace("{other}", "or (N, C, W)"), 2)
    ndim = 2


class Dropout3d(_ChannelDropout):
    __doc__ = docstring(_CHANNELS.replace("{other}", "or without N"), 3)
    ndim = 3


class DropConnect(Module):
    """Zero each weight of a layer with probability p while training (Wan et al. 2013).

    In each forward pass the layer's weight is ``weight * mask / (1 - p)``, with one mask for the
    whole batch; its bias stays. In eval mode all weights are there: their mean, where the paper
    draws from a normal distribution.

    Parameters
    ----------
    layer : Module
        With a `Parameter` named `weight`: ``Linear``, ``Conv2d``, ...
    p : float, default 0.5
        From 0 to 1.

    Raises
    ------
    ValueError, TypeError
        If p is out of its range or no number, or the layer has no weight.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.DropConnect(nn.Linear(100, 100, bias=False), p=0.5)
    >>> y = layer(np.ones((1, 100), np.float32))
    >>> gx = layer.backward(np.ones((1, 100), np.float32))
    >>> bool(0.4 < (layer.layer.weight.grad == 0).mean() < 0.6)
    True
    """

    layer: Module

    def __init__(self, layer: Module, p: float = 0.5) -> None:
        super().__init__()
        weight = getattr(layer, "weight", None)
        if not isinstance(layer, Module) or not isinstance(weight, Parameter):
            given = type(layer).__name__
            raise TypeError(f"DropConnect: layer: {given}; a Module with a weight is allowed")
        self.layer = layer
        self.p = _probability("DropConnect", p)

    def forward(self, x: FloatArray) -> FloatArray:
        weight: Parameter = self.layer.weight  # type: ignore[attr-defined]
        self.__dict__["_memory"] = None
        mask, whole = None, weight.data
        if self.training and self.p:
            mask = _mask(weight.shape, self.p, weight.dtype)
            weight.data = whole * mask
        try:
            y: FloatArray = self.layer(x)
        finally:
            weight.data = whole
        self.remember(mask, passed(self.layer))
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        weight: Parameter = self.layer.weight  # type: ignore[attr-defined]
        mask, through = self.remembered()
        if mask is None:
            return go_back(through, gy)  # type: ignore[no-any-return]
        whole, before = weight.data, weight.grad
        weight.data = whole * mask
        weight.zero_grad()
        try:
            gx: FloatArray = go_back(through, gy)
        finally:
            masked, weight.data, weight.grad = weight.grad, whole, before
        if masked is not None:
            weight.add_grad(masked * mask)
        return gx

    def extra_repr(self) -> str:
        return f"p={self.p}"
