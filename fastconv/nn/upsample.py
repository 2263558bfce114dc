"""Images made larger (or smaller): by the nearest element, or by linear interpolation.

Each axis by itself: every output is a source element, or a weighted sum of two neighbouring ones.
Backwards the outputs of one source are a run, as sources go up with the outputs: runs are added in
a fixed order.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import fastconv as fc
from fastconv import _args
from fastconv._typing import FloatArray
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
        self.size = None if size is None else _each(size, _size)
        self.scale_factor = None if scale_factor is None else _each(scale_factor, _factor)
        self.mode, self.align_corners = mode, align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, x: FloatArray) -> FloatArray:
        axes = self._axes(x)
        self.remember(x.shape, axes)
        factors = _whole_factors(axes)
        if factors is not None and len(x):
            return _repeat(x, factors)
        for axis in reversed(range(len(axes))):
            x = axes[axis].forward(x, axis + 2)
        return x

    def backward(self, gy: FloatArray) -> FloatArray:
        shape, axes = self.remembered()
        factors = _whole_factors(axes)
        if factors is not None and len(gy):
            return _add_up(gy, factors)
        for axis in range(len(axes)):
            gy = axes[axis].backward(gy, axis + 2, shape[axis + 2])
        return gy

    def _axes(self, x: FloatArray) -> list[_Axis]:
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
            _axis(i, o, scale, linear, corners, x.dtype.char)
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


# ---- One axis ------------------------------------------------------------------------------------


class _Tap(NamedTuple):
    """One source of every output, and backwards the runs of outputs of one source."""

    sources: NDArray[np.intp]
    weights: FloatArray | None  # None: all are 1
    starts: NDArray[np.intp]  # of the runs
    targets: NDArray[np.intp]  # the source of each run

    def weigh(self, values: FloatArray, axis: int) -> FloatArray:
        if self.weights is None:
            return values
        return values * self.weights.reshape(-1, *(1,) * (values.ndim - axis - 1))


class _Axis(NamedTuple):
    """How an axis is resized: the taps, and the factor if it repeats every element."""

    taps: tuple[_Tap, ...]
    factor: int | None

    def forward(self, x: FloatArray, axis: int) -> FloatArray:
        y, *others = [tap.weigh(x.take(tap.sources, axis), axis) for tap in self.taps]
        for other in others:
            y += other
        return y

    def backward(self, gy: FloatArray, axis: int, size: int) -> FloatArray:
        gx = np.zeros((*gy.shape[:axis], size, *gy.shape[axis + 1 :]), gy.dtype)
        for tap in self.taps:
            where: Any = (*(slice(None),) * axis, tap.targets)
            gx[where] += np.add.reduceat(tap.weigh(gy, axis), tap.starts, axis)
        return gx


@functools.lru_cache(1000)
def _axis(
    size: int, output: int, scale: float | None, linear: bool, corners: bool, kind: str
) -> _Axis:
    """Compute indices and weights in the input's dtype, as torch does, whose rounding shows."""
    real = np.dtype(kind).type
    places = np.arange(output).astype(kind)
    if not linear:
        step = real(scale) if scale is not None else real(size) / real(output)
        # torch rounds down in float32 whatever the dtype.
        sources = np.floor((places * step).astype(np.float32)).astype(np.intp)
        np.minimum(sources, size - 1, out=sources)
        factor = output // size
        whole = output == size * factor and bool((sources == np.arange(output) // factor).all())
        return _Axis((_tap(sources, None),), factor if whole else None)
    if size == output:
        return _Axis((_tap(np.arange(size), None),), None)
    if corners:
        step = real(size - 1) / real(output - 1) if output > 1 else real(0)
        where = places * step
    else:
        step = real(scale) if scale is not None else real(size) / real(output)
        where = np.maximum(step * (places + real(0.5)) - real(0.5), real(0))
    left = np.minimum(np.floor(where).astype(np.intp), size - 1)
    weight = np.clip(where - left.astype(kind), real(0), real(1))
    right = np.minimum(left + 1, size - 1)
    return _Axis((_tap(left, real(1) - weight), _tap(right, weight)), None)


def _tap(sources: NDArray[np.intp], weights: FloatArray | None) -> _Tap:
    starts = np.flatnonzero(np.diff(sources, prepend=-1))
    return _Tap(sources, weights, starts, sources[starts])


# ---- Whole factors, through the engine -----------------------------------------------------------


def _whole_factors(axes: Sequence[_Axis]) -> tuple[int, ...] | None:
    factors = tuple([axis.factor for axis in axes])
    return None if None in factors else factors  # type: ignore[return-value]


_ADD = (fc.avg_pool1d, fc.avg_pool2d, fc.avg_pool3d)
_REPEAT = (fc.grad.avg_pool1d, fc.grad.avg_pool2d, fc.grad.avg_pool3d)


def _repeat(x: FloatArray, factors: tuple[int, ...]) -> FloatArray:
    """Repeat elements: the gradient of a sum over windows."""
    space = [size * f for size, f in zip(x.shape[2:], factors, strict=True)]
    repeat = _REPEAT[len(factors) - 1]
    return repeat(x, (*x.shape[:2], *space), factors, divisor_override=1)


def _add_up(gy: FloatArray, factors: tuple[int, ...]) -> FloatArray:
    return _ADD[len(factors) - 1](gy, factors, divisor_override=1)
