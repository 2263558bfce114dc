"""Transposed convolution layers in 1, 2 and 3 dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import fastconv as fc
from fastconv import _args
from fastconv._typing import FloatArray, Shape, Spatial
from fastconv._variants import docstring
from fastconv.nn._arrays import floats
from fastconv.nn._weighted import Weighted

__all__ = ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

Sizes = tuple[int, ...]

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


class _ConvTranspose(Weighted):
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
        op = self.read_arguments(
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
        self.make_parameters(in_channels, out_channels, bias, dtype)

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
            x = floats(type(self).__name__, x)
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

    def _go_back(self, gy: FloatArray, with_input: bool) -> Any:
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
            output_mask=self.output_mask(with_input),
        )
        self.add_gradients(weight, bias)
        return gx

    def flops(self, x: FloatArray, y: FloatArray) -> int:
        return 2 * x.size * (self.weight.size // self.in_channels)

    def extra_repr(self) -> str:
        return self.text(self.padding, self.output_padding)


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
