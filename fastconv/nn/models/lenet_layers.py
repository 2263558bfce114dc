"""What the LeNets of 1989 and 1998 have that later networks left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastconv import grad
from fastconv._typing import FloatArray
from fastconv.conv import conv2d
from fastconv.nn import init
from fastconv.nn.module import Module
from fastconv.nn.parameter import Parameter
from fastconv.nn.pool import AvgPool2d

__all__ = ["ScaledTanh", "Subsampling", "TableConv2d"]


class ScaledTanh(Module):
    """``1.7159 * tanh(2 / 3 * x)``: 1 at 1 and -1 at -1 (LeCun et al. 1998, appendix A).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.models.ScaledTanh()(np.array([-1.0, 0.0, 1.0])).round(4)
    array([-1.,  0.,  1.])
    """

    def forward(self, x: FloatArray) -> FloatArray:
        t = np.tanh(x * x.dtype.type(2 / 3))
        self.remember(t)
        return t * x.dtype.type(1.7159)

    def backward(self, gy: FloatArray) -> FloatArray:
        t = self.remembered()
        return gy * ((1 - t * t) * t.dtype.type(1.7159 * 2 / 3))


class Subsampling(Module):
    """Mean of each 2x2, times a trained coefficient of its channel, plus a trained bias.

    LeCun et al. 1998, "Gradient-based learning applied to document recognition", layers S2 and S4
    (which take the sum: a coefficient four times smaller).

    Parameters
    ----------
    channels : int
        Of input and output.

    Attributes
    ----------
    weight, bias : Parameter
        Of shape (channels,), at first 1 and 0.

    Notes
    -----
    Input (N, channels, H, W), output (N, channels, H // 2, W // 2).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.models.Subsampling(6)(np.ones((1, 6, 28, 28), np.float32)).shape
    (1, 6, 14, 14)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = AvgPool2d(2)
        self.weight = Parameter(np.ones(channels, np.float32))
        self.bias = Parameter(np.zeros(channels, np.float32))

    def reset_parameters(self) -> None:
        """Set `weight` to ones and `bias` to zeros."""
        self.weight.data[...] = 1
        self.bias.data[...] = 0

    def forward(self, x: FloatArray) -> FloatArray:
        mean = self.mean(x)
        self.remember(mean)
        return mean * self.weight.data[:, None, None] + self.bias.data[:, None, None]

    def backward(self, gy: FloatArray) -> FloatArray:
        axes = (0, 2, 3) if gy.ndim == 4 else (1, 2)
        if self.weight.requires_grad:
            self.weight.add_grad((gy * self.remembered()).sum(axes))
        if self.bias.requires_grad:
            self.bias.add_grad(gy.sum(axes))
        gx: FloatArray = self.mean.backward(gy * self.weight.data[:, None, None])
        return gx

    def extra_repr(self) -> str:
        return str(self.weight.size)


class TableConv2d(Module):
    """A convolution in which each output channel sees some of the input channels only.

    A table of connections breaks the symmetry between channels and saves arithmetic (LeCun et al.
    1998, layer C3).

    Parameters
    ----------
    in_channels : int
        Of the input.
    table : sequence of sequence of int
        For each output channel, the input channels that it sees.
    kernel_size : int
        Of a square window.

    Attributes
    ----------
    weight : Parameter
        Of shape (connections, kernel_size, kernel_size), in the table's order.
    bias : Parameter
        Of shape (len(table),).

    Notes
    -----
    Input (N, in_channels, H, W), output (N, len(table), H - kernel_size + 1, W - kernel_size + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.models.TableConv2d(3, [[0, 1], [1, 2], [0, 1, 2]], 5)
    >>> layer.weight.shape
    (7, 5, 5)
    >>> layer(np.ones((1, 3, 14, 14), np.float32)).shape
    (1, 3, 10, 10)
    """

    def __init__(self, in_channels: int, table: Sequence[Sequence[int]], kernel_size: int) -> None:
        super().__init__()
        seen = [channel for row in table for channel in row]
        if not seen or not all(0 <= channel < in_channels for channel in seen):
            raise ValueError(
                f"TableConv2d: table: {table!r}; channels from 0 to {in_channels - 1} are allowed"
            )
        self._to = np.repeat(np.arange(len(table)), [len(row) for row in table])
        self._from = np.array(seen)
        self._shape = (len(table), in_channels, kernel_size, kernel_size)
        area = kernel_size * kernel_size
        self._bounds = np.array([init.fan_in_bound(len(row) * area) for row in table], np.float32)
        self.weight = Parameter(np.empty((len(seen), kernel_size, kernel_size), np.float32))
        self.bias = Parameter(np.empty(len(table), np.float32))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, in place, as when the layer was made."""
        for parameter, bounds in (
            (self.weight, self._bounds[self._to, None, None]),
            (self.bias, self._bounds),
        ):
            drawn = init.uniform(parameter.shape, 1.0, np.float32)
            parameter.data[...] = drawn * bounds

    def _dense(self) -> FloatArray:
        """The weight of an ordinary convolution, 0 where there is no connection."""
        dense = np.zeros(self._shape, self.weight.dtype)
        dense[self._to, self._from] = self.weight.data
        return dense

    def forward(self, x: FloatArray) -> FloatArray:
        dense = self._dense()
        self.remember(x, dense)
        return conv2d(x, dense, self.bias.data)

    def backward(self, gy: FloatArray) -> FloatArray:
        x, dense = self.remembered()
        wanted = (True, self.weight.requires_grad, self.bias.requires_grad)
        gx, gw, gb = grad.conv2d(gy, x, dense, output_mask=wanted)
        if gw is not None:
            self.weight.add_grad(gw[self._to, self._from])
        if gb is not None:
            self.bias.add_grad(gb)
        assert gx is not None
        return gx

    def extra_repr(self) -> str:
        outputs, inputs, size, _ = self._shape
        return f"{inputs}, {outputs}, kernel_size={size}, connections={len(self._to)}"
