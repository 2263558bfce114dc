"""What pooling layers share: arguments that describe windows, and what backward needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from fastconv import _args, _pool_args
from fastconv._core import Operator
from fastconv._typing import FloatArray, Shape, Spatial
from fastconv.nn._arrays import gradient
from fastconv.nn.modes import modes
from fastconv.nn.module import Module

__all__ = ["Averaging", "Maximising", "Windowed", "as_given"]


def as_given(value: Any) -> Any:
    """Keep an int an int, as torch does, and make a tuple of any sequence."""
    if isinstance(value, (tuple, list)):
        return tuple([as_given(entry) for entry in value])
    return int(value) if _args.is_integer(value) else value


class Windowed(Module):
    """The base of layers with windows."""

    ndim: ClassVar[int]

    def read_windows(
        self,
        kernel_size: Spatial,
        stride: Spatial | None = None,
        padding: Spatial = 0,
        dilation: Spatial = 1,
        *,
        tuples: bool = False,
    ) -> None:
        """Check and keep the arguments, as tuples where torch does."""
        op = self.operator()
        kernel = _args.spatial(op, "kernel_size", kernel_size, 1)
        _args.steps(op, kernel_size if stride is None else stride, dilation)
        _pool_args.window_padding(op, padding, kernel)
        keep = (lambda value: _args.spatial(op, "", value, 0)) if tuples else as_given
        self.kernel_size = keep(kernel_size)
        self.stride = self.kernel_size if stride is None else keep(stride)
        self.padding = keep(padding)
        self.dilation = keep(dilation)

    def operator(self) -> Operator:
        """What errors name."""
        return Operator(type(self).__name__, self.ndim, (), None, 0)

    def read_flag(self, name: str, value: bool) -> None:
        """Check and keep a bool."""
        setattr(self, name, _args.flag(type(self).__name__, name, value))

    def text(self, *names: str) -> str:
        """Name the attributes with their values."""
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class Maximising(Windowed, ABC):
    """The base of layers that give maxima, and their positions too where they are asked for."""

    return_indices: bool
    _gradient: ClassVar[Callable[..., Any]]

    @abstractmethod
    def maxima(self, x: FloatArray, indexed: bool) -> Any:
        """Give the maxima, as a pair with their positions where `indexed`."""

    def forward(self, x: FloatArray) -> Any:
        """Give the maxima; with `return_indices` a pair: the maxima and their positions."""
        indexed = self.return_indices or modes.remember
        y = self.maxima(x, indexed)
        if not indexed:
            self.remember()
            return y
        values, indices = y
        self.remember(x.shape, indices, values.dtype)
        return y if self.return_indices else values

    def backward(self, gy: FloatArray) -> FloatArray:
        shape, indices, dtype = self.remembered()
        gy = gradient(type(self).__name__, gy, indices.shape, dtype)
        return self._gradient(gy, indices, shape)  # type: ignore[no-any-return]


class Averaging(Windowed, ABC):
    """The base of layers whose gradient needs no values, but the input's shape."""

    @abstractmethod
    def average(self, x: FloatArray) -> FloatArray:
        """Give the output."""

    @abstractmethod
    def spread(self, gy: FloatArray, shape: Shape) -> FloatArray:
        """Give the gradient of an input of that shape."""

    def forward(self, x: FloatArray) -> FloatArray:
        y = self.average(x)
        self.remember(x.shape, y.shape, y.dtype)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        shape, outputs, dtype = self.remembered()
        return self.spread(gradient(type(self).__name__, gy, outputs, dtype), shape)
