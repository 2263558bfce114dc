"""What pooling layers share: the arguments that describe windows, read."""

from __future__ import annotations

from typing import Any, ClassVar

from fastconv import _args, _pool_args
from fastconv._core import Operator
from fastconv._typing import Spatial
from fastconv.nn.module import Module

__all__ = ["Windowed", "as_given"]


def as_given(value: Any) -> Any:
    """Keep an int an int, as torch does, and make a tuple of any sequence."""
    return tuple(value) if isinstance(value, (tuple, list)) else value


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
