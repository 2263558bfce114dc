"""The layer that makes images larger (or smaller). `_resize` has the arithmetic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from fastconv import _args
from fastconv._typing import FloatArray
from fastconv.nn import _resize
from fastconv.nn._arrays import floats, gradient
from fastconv.nn.module import Module

__all__ = ["Upsample"]

MODES = {"nearest": 0, "linear": 1, "bilinear": 2, "trilinear": 3}  # with the spatial axes needed


class Upsample(Module):
    """Resize the spatial axes. Matches ``torch.nn.Upsample``.

    The coordinate in the input of output o is ``o * scale`` in mode "nearest", which takes the
    element there, rounded down. Otherwise it is ``max((o + 0.5) * scale - 0.5, 0)``, or with
    `align_corners` ``o * (input - 1) / (output - 1)``, and the output is interpolated linearly
    between the two elements around it. `scale` is 1 / `scale_factor`, or input / output.

    Parameters
    ----------
    size : int or tuple of int, optional
        The spatial size of the output.
    scale_factor : float or tuple of float, optional
        Instead of `size`: the output's is ``floor(input * scale_factor)``.
    mode : {"nearest", "linear", "bilinear", "trilinear"}, default "nearest"
        "nearest" takes 1, 2 or 3 spatial dimensions, the others 1, 2 and 3 in this order.
    align_corners : bool, optional
        Not with "nearest". True: the first and last elements of input and output coincide.
    recompute_scale_factor : bool, optional
        True: `scale` is input / output in any case.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range or of another type, or both or none of `size` and
        `scale_factor` are given; in `forward`, if they do not fit the input.

    Notes
    -----
    Input (N, C, W), (N, C, H, W) or (N, C, D, H, W), output with as many axes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> x = np.array([[[1.0, 2.0]]])
    >>> nn.Upsample(scale_factor=2)(x)
    array([[[1., 1., 2., 2.]]])
    >>> layer = nn.Upsample(scale_factor=2, mode="linear", align_corners=False)
    >>> layer(x)
    array([[[1.  , 1.25, 1.75, 2.  ]]])
    >>> layer.backward(np.ones((1, 1, 4)))
    array([[[2., 2.]]])
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        if (size is None) == (scale_factor is None):
            given = "neither is" if size is None else "both are"
            raise ValueError(
                f"Upsample: size and scale_factor: {given} given; exactly one is allowed"
            )
        _args.choice("Upsample", "mode", mode, tuple(MODES))
        if align_corners is not None:
            _args.flag("Upsample", "align_corners", align_corners)
            if mode == "nearest":
                _args.wrong_value(
                    "Upsample", "align_corners", align_corners, "None in mode 'nearest'"
                )
        if recompute_scale_factor is not None:
            _args.flag("Upsample", "recompute_scale_factor", recompute_scale_factor)
            if recompute_scale_factor and size is not None:
                raise ValueError("Upsample: recompute_scale_factor is True; with size it must not")
        self.size = None if size is None else _each(size, _size)
        self.scale_factor = None if scale_factor is None else _each(scale_factor, _factor)
        self.mode, self.align_corners = mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, x: FloatArray) -> FloatArray:
        x = floats("Upsample", x)
        axes = self._axes(x)
        self.remember(x.shape, axes, x.dtype)
        if not len(x):
            return x.reshape(0, x.shape[1], *[axis.output for axis in axes])
        if all(axis.factor for axis in axes):
            return _resize.enlarge(x, axes)
        return _resize.gather_all(x, [axis.forward for axis in axes])

    def backward(self, gy: FloatArray) -> FloatArray:
        shape, axes, dtype = self.remembered()
        gy = gradient("Upsample", gy, (*shape[:2], *[axis.output for axis in axes]), dtype)
        if not len(gy):
            return gy.reshape(shape)
        if all(axis.factor for axis in axes):
            return _resize.enlarge_backward(gy, axes)
        return _resize.gather_all(gy, [axis.backward for axis in axes])

    def _axes(self, x: FloatArray) -> list[_resize.Axis]:
        n = x.ndim - 2
        if n not in ((MODES[self.mode],) if self.mode != "nearest" else (1, 2, 3)):
            needed = MODES[self.mode] + 2 if self.mode != "nearest" else "3, 4 or 5"
            raise ValueError(
                f"Upsample: x has shape {x.shape}; mode {self.mode!r} needs {needed} dimensions"
            )
        space = x.shape[2:]
        scales: Sequence[float | None] = (None,) * n
        if self.size is not None:
            sizes = _for_each("size", self.size, n)
        else:
            factors = _for_each("scale_factor", self.scale_factor, n)
            sizes = tuple([math.floor(i * f) for i, f in zip(space, factors, strict=True)])
            if not self.recompute_scale_factor:
                scales = [1 / factor for factor in factors]
        if min(sizes) < 1 or min(space) < 1:
            raise ValueError(f"Upsample: from {space} to {sizes}; every size must be positive")
        linear, corners = self.mode != "nearest", bool(self.align_corners)
        return [
            _resize.axis(i, o, scale, linear, corners, x.dtype.char)
            for i, o, scale in zip(space, sizes, scales, strict=True)
        ]

    def extra_repr(self) -> str:
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"
        return f"size={self.size!r}, mode={self.mode!r}"


# ---- Arguments -----------------------------------------------------------------------------------


def _each(value: Any, read: Any) -> Any:
    return tuple(map(read, value)) if isinstance(value, (tuple, list)) else read(value)


def _size(value: Any) -> int:
    return _args.integer("Upsample", "size", value, 1)


def _factor(value: Any) -> float:
    factor = _args.number("Upsample", "scale_factor", value)
    if not 0 < factor < math.inf:
        _args.wrong_value("Upsample", "scale_factor", value, "finite and positive")
    return factor


def _for_each(name: str, value: Any, n: int) -> tuple[Any, ...]:
    if not isinstance(value, tuple):
        return (value,) * n
    if len(value) != n:
        _args.wrong_value("Upsample", name, value, f"one number, or {n} for this input")
    return value
