"""What convolution layers and transposed ones share: arguments read, parameters, their text."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from fastconv import _args, _conv_args
from fastconv._core import Operator
from fastconv._typing import FloatArray, PaddingMode, Spatial
from fastconv.nn import init
from fastconv.nn._going_back import GoingBack
from fastconv.nn.parameter import Parameter

__all__ = ["Weighted"]

Sizes = tuple[int, ...]


class Weighted(GoingBack):
    """The base of both kinds."""

    ndim: ClassVar[int]
    weight: Parameter
    bias: Parameter | None

    def read_arguments(
        self,
        channels: tuple[int, int],
        kernel_size: Spatial,
        stride: Spatial,
        dilation: Spatial,
        groups: int,
        padding_mode: str,
    ) -> Operator:
        """Check and keep the arguments; give the operator that errors name."""
        op = Operator(type(self).__name__, self.ndim, (), None, 0)
        self.in_channels = _args.integer(op.name, "in_channels", channels[0], 1)
        self.out_channels = _args.integer(op.name, "out_channels", channels[1], 1)
        self.kernel_size = _args.spatial(op, "kernel_size", kernel_size, 1)
        self.stride, self.dilation = _args.steps(op, stride, dilation)
        self.groups = _args.integer(op.name, "groups", groups, 1)
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise ValueError(
                    f"{op.name}: groups is {groups}; it must divide the {getattr(self, name)} "
                    f"{name}"
                )
        _args.choice(op.name, "padding_mode", padding_mode, _conv_args.PADDING_MODES)
        self.padding_mode: PaddingMode = padding_mode  # type: ignore[assignment]
        return op

    def make_parameters(self, outer: int, inner: int, bias: bool, dtype: Any) -> None:
        """Make and draw the parameters; the weight's shape is (outer, inner / groups, *kernel)."""
        name = type(self).__name__
        kind = init.check_dtype(name, dtype)
        bias = _args.flag(name, "bias", bias)
        shape = (outer, inner // self.groups, *self.kernel_size)
        _args.addressable(name, "a weight", shape)
        self.weight = Parameter(np.empty(shape, kind))
        self.bias = Parameter(np.empty(self.out_channels, kind)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, in place, as when the layer was made."""
        init.draw(self.weight, self.bias)

    def output_mask(self, with_input: bool) -> tuple[bool, bool, bool]:
        """Which gradients are asked for: input, weight, bias."""
        bias = self.bias
        return with_input, self.weight.requires_grad, bias is not None and bias.requires_grad

    def add_gradients(self, weight: FloatArray | None, bias: FloatArray | None) -> None:
        if weight is not None:
            self.weight.add_grad(weight)
        if bias is not None:
            self.bias.add_grad(bias)  # type: ignore[union-attr]

    def text(self, padding: Any, output_padding: Sizes = ()) -> str:
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}",
            f"stride={self.stride}",
        ]
        if isinstance(padding, str) or any(padding):
            parts.append(f"padding={padding}")
        if max(self.dilation) > 1:
            parts.append(f"dilation={self.dilation}")
        if any(output_padding):
            parts.append(f"output_padding={output_padding}")
        if self.groups > 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)
