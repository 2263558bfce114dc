"""Convolution layers and transposed ones in 1, 2 and 3 dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import fastconv as fc
from fastconv import _args, _conv_args
from fastconv._core import Operator
from fastconv._typing import FloatArray, PaddingMode, Shape, Spatial
from fastconv._variants import docstring
from fastconv.nn import init
from fastconv.nn.module import Module
from fastconv.nn.padding import fold, pad
from fastconv.nn.parameter import Parameter

__all__ = [
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
]

Sizes = tuple[int, ...]


class _Weighted(Module):
    """What both kinds share: their arguments read, their parameters, their text."""

    ndim: ClassVar[int]
    weight: Parameter
    bias: Parameter | None

    def _read(
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

    def _draw(self, outer: int, inner: int, bias: bool, dtype: Any) -> None:
        """Draw the parameters; the weight's shape is (outer, inner / groups, *kernel)."""
        kind = init.check_dtype(type(self).__name__, dtype)
        shape = (outer, inner // self.groups, *self.kernel_size)
        weight, offset = init.weight_and_bias(
            shape, math.prod(shape[1:]), self.out_channels, bias, kind
        )
        self.weight = Parameter(weight)
        self.bias = None if offset is None else Parameter(offset)

    def _mask(self) -> tuple[bool, bool, bool]:
        """Which gradients are asked for: input, weight, bias."""
        bias = self.bias
        return True, self.weight.requires_grad, bias is not None and bias.requires_grad

    def _add(self, weight: FloatArray | None, bias: FloatArray | None) -> None:
        if weight is not None:
            self.weight.add_grad(weight)
        if bias is not None:
            self.bias.add_grad(bias)  # type: ignore[union-attr]

    def _text(self, padding: Any, output_padding: Sizes = ()) -> str:
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


# ---- Convolution ---------------------------------------------------------------------------------

_CONV = """Convolution over {n} spatial dimension(s). Matches ``torch.nn.Conv{n}d``.

    It is a cross-correlation, as everywhere in deep learning. In each spatial dimension the
    output's size is ``(input + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``.

    Parameters
    ----------
    in_channels, out_channels : int
        Of input and output.
    kernel_size : int or tuple of {n}
        The size of a window.
    stride : int or tuple of {n}, default 1
        Steps between windows.
    padding : int, tuple of {n}, "valid" or "same", default 0
        On both sides; "same" keeps the size, with the odd extra at the end, and needs stride 1.
    dilation : int or tuple of {n}, default 1
        Steps between the elements of one window.
    groups : int, default 1
        Input and output channels are divided into this many groups that do not see each other.
    bias : bool, default True
        Whether there is one.
    padding_mode : {{"zeros", "reflect", "replicate", "circular"}}, default "zeros"
        What the padding holds.
    dtype : dtype, optional
        Of the parameters: float32 by default, or float64.

    Attributes
    ----------
    weight : Parameter
        Of shape (out_channels, in_channels / groups, {times[kernel]}), drawn uniformly from
        [-b, b) with b = 1 / sqrt(in_channels / groups * prod(kernel_size)).
    bias : Parameter or None
        Of shape (out_channels,), drawn likewise.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range or of another type.

    Notes
    -----
    Input (N, in_channels, {axes}) or without N, output (N, out_channels, {axes}) likewise.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.Conv{n}d(3, 8, 3, padding=1)
    >>> y = layer(np.ones((2, 3, {times[5]}), np.float32))
    >>> y.shape
    (2, 8, {times[5]})
    >>> layer.backward(y).shape, layer.weight.grad.shape
    ((2, 3, {times[5]}), (8, 3, {times[3]}))
    """


class _Conv(_Weighted):
    _convolution: ClassVar[Callable[..., Any]]
    _gradients: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Spatial,
        stride: Spatial = 1,
        padding: Spatial | str = 0,
        dilation: Spatial = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        dtype: Any = None,
    ) -> None:
        super().__init__()
        op = self._read(
            (in_channels, out_channels), kernel_size, stride, dilation, groups, padding_mode
        )
        if isinstance(padding, str):
            _args.choice(op.name, "padding", padding, ("valid", "same"))
            self.padding: Sizes | str = padding
        else:
            self.padding = _args.spatial(op, "padding", padding, 0, _args.PADDING_LIMIT)
        self._around = _args.padding(op, self.padding, self.kernel_size, self.stride, self.dilation)
        self._draw(out_channels, in_channels, bias, dtype)

    def forward(self, x: FloatArray) -> FloatArray:
        return self._run(x, None)

    def forward_relu(self, x: FloatArray) -> FloatArray:
        """``relu(forward(x))``, with the ReLU applied as the result is stored.

        `backward` is that of the convolution alone: it takes the gradient with respect to what
        went into the ReLU.

        Parameters
        ----------
        x : ndarray
            The input.

        Returns
        -------
        ndarray
            The output.
        """
        return self._run(x, "relu")

    def _run(self, x: FloatArray, activation: str | None) -> FloatArray:
        bias = self.bias
        y: FloatArray = self._convolution(
            x,
            self.weight.data,
            None if bias is None else bias.data,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            padding_mode=self.padding_mode,
            activation=activation,
        )
        self.remember(x)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        x = self.remembered()
        padding: Sizes | str | int = self.padding
        padded = self.padding_mode != "zeros"
        if padded:
            x, padding = pad(x, *self._around, self.padding_mode), 0
        gx, weight, bias = self._gradients(
            gy,
            x,
            self.weight.data,
            self.stride,
            padding,
            self.dilation,
            self.groups,
            output_mask=self._mask(),
        )
        self._add(weight, bias)
        return fold(gx, *self._around, self.padding_mode) if padded else gx

    def extra_repr(self) -> str:
        return self._text(self.padding)


class Conv1d(_Conv):
    __doc__ = docstring(_CONV, 1)
    ndim = 1
    _convolution = staticmethod(fc.conv1d)
    _gradients = staticmethod(fc.grad.conv1d)


class Conv2d(_Conv):
    __doc__ = docstring(_CONV, 2)
    ndim = 2
    _convolution = staticmethod(fc.conv2d)
    _gradients = staticmethod(fc.grad.conv2d)


class Conv3d(_Conv):
    __doc__ = docstring(_CONV, 3)
    ndim = 3
    _convolution = staticmethod(fc.conv3d)
    _gradients = staticmethod(fc.grad.conv3d)


# ---- Transposed convolution ----------------------------------------------------------------------

_TRANSPOSED = """Transposed convolution in {n} dimension(s): ``torch.nn.ConvTranspose{n}d``.

    It is the input gradient of a convolution with the same weight. In each spatial dimension the
    output's size is ``(input - 1) * stride - 2 * padding + dilation * (kernel_size - 1) +
    output_padding + 1``.

    Parameters
    ----------
    in_channels, out_channels : int
        Of input and output.
    kernel_size : int or tuple of {n}
        The size of a window.
    stride, dilation : int or tuple of {n}, default 1
        Those of the convolution whose gradient this is.
    padding : int or tuple of {n}, default 0
        Taken off the output at both ends.
    output_padding : int or tuple of {n}, default 0
        Added to the output at the end; less than the larger of stride and dilation.
    groups : int, default 1
        Input and output channels are divided into this many groups that do not see each other.
    bias : bool, default True
        Whether there is one.
    padding_mode : {{"zeros"}}
        There is no other.
    dtype : dtype, optional
        Of the parameters: float32 by default, or float64.

    Attributes
    ----------
    weight : Parameter
        Of shape (in_channels, out_channels / groups, {times[kernel]}), drawn uniformly from
        [-b, b) with b = 1 / sqrt(out_channels / groups * prod(kernel_size)).
    bias : Parameter or None
        Of shape (out_channels,), drawn likewise.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range or of another type.

    Notes
    -----
    Input (N, in_channels, {axes}) or without N, output (N, out_channels, {axes}) likewise.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.ConvTranspose{n}d(3, 8, 2, stride=2)
    >>> y = layer(np.ones((2, 3, {times[5]}), np.float32))
    >>> y.shape
    (2, 8, {times[10]})
    >>> layer.backward(y).shape, layer.weight.grad.shape
    ((2, 3, {times[5]}), (3, 8, {times[2]}))
    """


class _ConvTranspose(_Weighted):
    _convolution: ClassVar[Callable[..., Any]]
    _gradients: ClassVar[Callable[..., Any]]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Spatial,
        stride: Spatial = 1,
        padding: Spatial = 0,
        output_padding: Spatial = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Spatial = 1,
        padding_mode: str = "zeros",
        dtype: Any = None,
    ) -> None:
        super().__init__()
        op = self._read(
            (in_channels, out_channels), kernel_size, stride, dilation, groups, padding_mode
        )
        if padding_mode != "zeros":
            _args.wrong_value(op.name, "padding_mode", padding_mode, "'zeros'")
        self.padding = _args.spatial(op, "padding", padding, 0, _args.PADDING_LIMIT)
        self.output_padding = _args.spatial(op, "output_padding", output_padding, 0)
        limits = [max(pair) for pair in zip(self.stride, self.dilation, strict=True)]
        for extra, limit in zip(self.output_padding, limits, strict=True):
            if extra >= limit:
                _args.wrong_value(
                    op.name,
                    "output_padding",
                    output_padding,
                    f"below {limit}, the larger of stride and dilation",
                )
        self._draw(in_channels, out_channels, bias, dtype)

    def forward(self, x: FloatArray, output_size: Shape | None = None) -> FloatArray:  # type: ignore[override]
        """Compute the output, where `output_size` is given with that spatial size.

        Parameters
        ----------
        x : ndarray
            The input.
        output_size : tuple of int, optional
            Takes the place of `output_padding`; batch and channels may stand in it, unread.

        Returns
        -------
        ndarray
            The output.
        """
        extra = self.output_padding
        if output_size is not None:
            extra = self._padding_for(x.shape[-self.ndim :], output_size)
        bias = self.bias
        y: FloatArray = self._convolution(
            x,
            self.weight.data,
            None if bias is None else bias.data,
            self.stride,
            self.padding,
            extra,
            self.groups,
            self.dilation,
        )
        self.remember(x, extra)
        return y

    def _padding_for(self, space: Sizes, output_size: Shape) -> Sizes:
        """Find the output padding that gives an output of that size."""
        name = type(self).__name__
        lengths = (self.ndim, self.ndim + 1, self.ndim + 2)
        asked = _args.shape(name, "output_size", output_size, lengths)[-self.ndim :]
        axes = zip(space, self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        least = [(i - 1) * s - 2 * p + d * (k - 1) + 1 for i, k, s, p, d in axes]
        for size, low, s, d in zip(asked, least, self.stride, self.dilation, strict=True):
            if not low <= size < low + max(s, d):
                needed = f"from {low} to {low + max(s, d) - 1} there"
                _args.wrong_value(name, "output_size", tuple(output_size), needed)
        return tuple([size - low for size, low in zip(asked, least, strict=True)])

    def backward(self, gy: FloatArray) -> FloatArray:
        x, extra = self.remembered()
        gx, weight, bias = self._gradients(
            gy,
            x,
            self.weight.data,
            self.stride,
            self.padding,
            extra,
            self.groups,
            self.dilation,
            output_mask=self._mask(),
        )
        self._add(weight, bias)
        return gx  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        return self._text(self.padding, self.output_padding)


class ConvTranspose1d(_ConvTranspose):
    __doc__ = docstring(_TRANSPOSED, 1)
    ndim = 1
    _convolution = staticmethod(fc.conv_transpose1d)
    _gradients = staticmethod(fc.grad.conv_transpose1d)


class ConvTranspose2d(_ConvTranspose):
    __doc__ = docstring(_TRANSPOSED, 2)
    ndim = 2
    _convolution = staticmethod(fc.conv_transpose2d)
    _gradients = staticmethod(fc.grad.conv_transpose2d)


class ConvTranspose3d(_ConvTranspose):
    __doc__ = docstring(_TRANSPOSED, 3)
    ndim = 3
    _convolution = staticmethod(fc.conv_transpose3d)
    _gradients = staticmethod(fc.grad.conv_transpose3d)
