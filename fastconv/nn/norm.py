"""Batch normalisation in 1, 2 and 3 dimensions."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from fastconv import _args, _core
from fastconv._typing import FloatArray
from fastconv.nn import init
from fastconv.nn._arrays import floats
from fastconv.nn.module import Module
from fastconv.nn.parameter import Parameter

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d"]


class _BatchNorm(Module):
    """What the three have in common: all but the input's number of axes."""

    weight: Parameter | None
    bias: Parameter | None
    running_mean: FloatArray | None
    running_var: FloatArray | None
    num_batches_tracked: Any
    _shapes: ClassVar[dict[int, str]]  # of the input, by its number of axes

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        kind = init.check_dtype(name, dtype)
        self.num_features = _args.integer(name, "num_features", num_features, 1)
        self.eps = _args.number(name, "eps", eps)
        if not 0 <= self.eps < math.inf:
            _args.wrong_value(name, "eps", eps, "finite and not negative")
        self.momentum = None if momentum is None else _args.number(name, "momentum", momentum)
        if self.momentum is not None and not 0 <= self.momentum <= 1:
            _args.wrong_value(name, "momentum", momentum, "from 0 to 1, or None")
        self.affine = _args.flag(name, "affine", affine)
        self.track_running_stats = _args.flag(name, "track_running_stats", track_running_stats)
        _args.addressable(name, "a weight", (self.num_features,))
        self.weight = Parameter(np.ones(self.num_features, kind)) if affine else None
        shifted = _args.flag(name, "bias", bias) and self.affine
        self.bias = Parameter(np.zeros(self.num_features, kind)) if shifted else None
        tracked = self.track_running_stats
        self.register_buffer("running_mean", np.zeros(self.num_features, kind) if tracked else None)
        self.register_buffer("running_var", np.ones(self.num_features, kind) if tracked else None)
        self.register_buffer("num_batches_tracked", np.array(0, np.int64) if tracked else None)

    def reset_parameters(self) -> None:
        """Set `weight` to ones, `bias` to zeros, and forget what was seen."""
        self.reset_running_stats()
        if self.weight is not None:
            self.weight.data[...] = 1
        if self.bias is not None:
            self.bias.data[...] = 0

    def reset_running_stats(self) -> None:
        """Forget what was seen: mean 0, variance 1, no batches."""
        if self.running_mean is not None and self.running_var is not None:
            self.running_mean[...] = 0
            self.running_var[...] = 1
            self.num_batches_tracked[...] = 0

    def forward(self, x: FloatArray) -> FloatArray:
        name = type(self).__name__
        x = floats(name, x)
        if x.ndim not in self._shapes:
            allowed = " or ".join(self._shapes.values())
            raise ValueError(f"{name}: x has shape {x.shape}; {allowed} is allowed")
        if x.shape[1] != self.num_features:
            raise ValueError(
                f"{name}: x has shape {x.shape}; num_features = {self.num_features} channels "
                "are allowed"
            )
        mean, variance, batches = self.running_mean, self.running_var, self.num_batches_tracked
        of_batch = self.training or mean is None
        momentum = self.momentum
        if momentum is None:
            momentum = 0.0 if batches is None else 1 / (int(batches) + 1)
        weight, bias = self.weight, self.bias
        y, saved = _core.batch_norm(
            name,
            x,
            None if weight is None else weight.data,
            None if bias is None else bias.data,
            mean,
            variance,
            of_batch,
            momentum,
            self.eps,
        )
        if of_batch and batches is not None:
            batches += 1  # in place
        self.remember(x, saved, of_batch)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        x, saved, of_batch = self.remembered()
        weight, bias = self.weight, self.bias
        gx, gw, gb = _core.batch_norm_backward(
            type(self).__name__ + ".backward",
            gy,
            x,
            None if weight is None else weight.data,
            saved,
            of_batch,
            weight is not None and weight.requires_grad,
            bias is not None and bias.requires_grad,
        )
        if weight is not None and gw is not None:
            weight.add_grad(gw)
        if bias is not None and gb is not None:
            bias.add_grad(gb)
        return gx

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={self.bias is not None}, "
            f"track_running_stats={self.track_running_stats}"
        )


_DOC = """Give every channel mean 0 and variance 1, then scale and shift it.

    ``y = (x - mean) / sqrt(variance + eps) * weight + bias``, channel by channel. In training, mean
    and variance are those of the batch (over its images and their {places}), and the running values
    move towards them; in evaluation the running values take their place. Matches
    ``torch.nn.BatchNorm{n}d``.

    Parameters
    ----------
    num_features : int
        The number of channels C.
    eps : float, default 1e-5
        Added to the variance.
    momentum : float or None, default 0.1
        How far the running values move: ``running += momentum * (new - running)``. None: they are
        the averages over all batches.
    affine : bool, default True
        Whether there are `weight` and `bias`.
    track_running_stats : bool, default True
        Whether there are running values. Without them a batch's own serve in evaluation too.
    dtype : dtype, optional
        Of the parameters and running values: float32, the default, or float64.
    bias : bool, default True
        Whether there is `bias` where there is `weight`.

    Attributes
    ----------
    weight, bias : Parameter or None
        Of shape (C,), at first ones and zeros.
    running_mean, running_var : ndarray or None
        Of shape (C,), at first zeros and ones. The variance is the unbiased one.
    num_batches_tracked : ndarray of int64 or None
        A single number.

    Raises
    ------
    ValueError
        If an argument is out of its range, an input is not of {shapes} with `num_features`
        channels, or has one value per channel in training, which has no variance.
    TypeError
        If the input has another dtype than the parameters.

    Notes
    -----
    The mean and variance are summed in an order that depends on the shape alone, in two passes:
    a mean that is large beside the deviation costs no precision.

    References
    ----------
    .. [1] S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by
       reducing internal covariate shift", ICML 2015.
    .. [2] T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm
       for computing sample variances", 1979.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.BatchNorm{n}d(3)
    >>> x = np.random.default_rng(0).normal(5, 2, ({example})).astype(np.float32)
    >>> y = layer(x)
    >>> abs(float(y.mean())) < 1e-5, abs(float(y.std()) - 1) < 1e-3
    (True, True)
    >>> layer.running_mean.round(1)
    array([0.5, 0.5, 0.5], dtype=float32)
    """


class BatchNorm1d(_BatchNorm):
    __doc__ = _DOC.format(
        n=1, places="positions", shapes="shape (N, C) or (N, C, L)", example="64, 3, 50"
    )
    _shapes: ClassVar[dict[int, str]] = {2: "(N, C)", 3: "(N, C, L)"}


class BatchNorm2d(_BatchNorm):
    __doc__ = _DOC.format(n=2, places="pixels", shapes="shape (N, C, H, W)", example="32, 3, 8, 8")
    _shapes: ClassVar[dict[int, str]] = {4: "(N, C, H, W)"}


class BatchNorm3d(_BatchNorm):
    __doc__ = _DOC.format(
        n=3, places="voxels", shapes="shape (N, C, D, H, W)", example="16, 3, 4, 6, 6"
    )
    _shapes: ClassVar[dict[int, str]] = {5: "(N, C, D, H, W)"}
