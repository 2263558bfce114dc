"""Convolution layers in 1, 2 and 3 dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import fastconv as fc
from fastconv import _args
from fastconv._typing import FloatArray, Spatial
from fastconv._variants import docstring
from fastconv.nn._weighted import Weighted
from fastconv.nn.padding import fold, pad

__all__ = ["Conv1d", "Conv2d", "Conv3d"]

Sizes = tuple[int, ...]

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


class _Conv(Weighted):
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
        op = self.read_arguments(
            (in_channels, out_channels), kernel_size, stride, dilation, groups, padding_mode
        )
        if isinstance(padding, str):
            _args.choice(op.name, "padding", padding, ("valid", "same"))
            self.padding: Sizes | str = padding
        else:
            self.padding = _args.spatial(op, "padding", padding, 0, _args.PADDING_LIMIT)
        self._around = _args.padding(op, self.padding, self.kernel_size, self.stride, self.dilation)
        self.make_parameters(out_channels, in_channels, bias, dtype)

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

    def _go_back(self, gy: FloatArray, with_input: bool) -> Any:
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
            output_mask=self.output_mask(with_input),
        )
        self.add_gradients(weight, bias)
        return fold(gx, *self._around, self.padding_mode) if padded and with_input else gx

    def flops(self, x: FloatArray, y: FloatArray) -> int:
        return 2 * y.size * (self.weight.size // self.out_channels)

    def extra_repr(self) -> str:
        return self.text(self.padding)


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
