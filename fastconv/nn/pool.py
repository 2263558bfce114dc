"""Pooling layers in 1, 2 and 3 dimensions: maximum, average, power average."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import fastconv as fc
from fastconv import _args, _pool_args
from fastconv._typing import FloatArray, Shape, Spatial
from fastconv._variants import docstring
from fastconv.nn._windowed import Averaging, Maximising, Windowed

__all__ = [
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
]


# ---- Maximum -------------------------------------------------------------------------------------

_MAX = """Max pooling in {n} dimension(s). Matches ``torch.nn.MaxPool{n}d``.

    In each spatial dimension the output's size is
    ``(input + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1``, rounded down, or up
    with `ceil_mode`; a last window that would start behind the input is then left out.

    Parameters
    ----------
    kernel_size : int or tuple of {n}
        The size of a window.
    stride : int or tuple of {n}, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of {n}, default 0
        On both sides; at most half of `kernel_size`. It is never a maximum.
    dilation : int or tuple of {n}, default 1
        Steps between the elements of one window.
    return_indices : bool, default False
        Whether `forward` gives the maxima's positions too, for ``MaxUnpool{n}d``.
    ceil_mode : bool, default False
        Whether the output's size is rounded up.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range or of another type.

    Notes
    -----
    Input (N, C, {axes}) or without N, output (N, C, *output) likewise. The gradient of a window
    goes to its maximum; of equal ones to the first in row-major order.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.MaxPool{n}d(2)
    >>> y = layer(np.ones((1, 3, {times[8]}), np.float32))
    >>> y.shape
    (1, 3, {times[4]})
    >>> layer.backward(y).shape
    (1, 3, {times[8]})
    """


class _MaxPool(Maximising):
    _pool: ClassVar[Callable[..., Any]]
    ceil_mode: bool

    def __init__(
        self,
        kernel_size: Spatial,
        stride: Spatial | None = None,
        padding: Spatial = 0,
        dilation: Spatial = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.read_windows(kernel_size, stride, padding, dilation)
        self.read_flag("return_indices", return_indices)
        self.read_flag("ceil_mode", ceil_mode)

    def maxima(self, x: FloatArray, indexed: bool) -> Any:
        return self._pool(
            x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, indexed
        )

    def extra_repr(self) -> str:
        return self.text("kernel_size", "stride", "padding", "dilation", "ceil_mode")


class MaxPool1d(_MaxPool):
    __doc__ = docstring(_MAX, 1)
    ndim = 1
    _pool = staticmethod(fc.max_pool1d)
    _gradient = staticmethod(fc.grad.max_pool1d)


class MaxPool2d(_MaxPool):
    __doc__ = docstring(_MAX, 2)
    ndim = 2
    _pool = staticmethod(fc.max_pool2d)
    _gradient = staticmethod(fc.grad.max_pool2d)


class MaxPool3d(_MaxPool):
    __doc__ = docstring(_MAX, 3)
    ndim = 3
    _pool = staticmethod(fc.max_pool3d)
    _gradient = staticmethod(fc.grad.max_pool3d)


# ---- Average -------------------------------------------------------------------------------------

_AVG = """Average pooling in {n} dimension(s). Matches ``torch.nn.AvgPool{n}d``.

    In each spatial dimension the output's size is
    ``(input + 2 * padding - kernel_size) / stride + 1``, rounded down, or up with `ceil_mode`; a
    last window that would start behind the input is then left out.

    Parameters
    ----------
    kernel_size : int or tuple of {n}
        The size of a window.
    stride : int or tuple of {n}, optional
        Steps between windows; `kernel_size` if not given.
    padding : int or tuple of {n}, default 0
        Zeros on both sides; at most half of `kernel_size`.
    ceil_mode : bool, default False
        Whether the output's size is rounded up.
    count_include_pad : bool, default True
        Whether the divisor counts the padding within a window.
    divisor_override : int, optional
        The divisor of every window, other than 0.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range or of another type.

    Notes
    -----
    Input (N, C, {axes}) or without N, output (N, C, *output) likewise.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.AvgPool{n}d(2)
    >>> y = layer(np.ones((1, 3, {times[8]}), np.float32))
    >>> y.shape
    (1, 3, {times[4]})
    >>> float(layer.backward(y).sum()) == float(y.sum())
    True
    """


class _AvgPool(Averaging):
    _pool: ClassVar[Callable[..., Any]]
    _gradient: ClassVar[Callable[..., Any]]
    ceil_mode: bool
    count_include_pad: bool

    def __init__(
        self,
        kernel_size: Spatial,
        stride: Spatial | None = None,
        padding: Spatial = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.read_windows(kernel_size, stride, padding, tuples=self.ndim == 1)
        self.read_flag("ceil_mode", ceil_mode)
        self.read_flag("count_include_pad", count_include_pad)
        if divisor_override is not None:
            _pool_args.divisor(type(self).__name__, divisor_override)
        self.divisor_override = divisor_override

    def average(self, x: FloatArray) -> FloatArray:
        return self._pool(  # type: ignore[no-any-return]
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def spread(self, gy: FloatArray, shape: Shape) -> FloatArray:
        return self._gradient(  # type: ignore[no-any-return]
            gy,
            shape,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self) -> str:
        return self.text("kernel_size", "stride", "padding")


class AvgPool1d(_AvgPool):
    __doc__ = docstring(_AVG, 1)
    ndim = 1
    _pool = staticmethod(fc.avg_pool1d)
    _gradient = staticmethod(fc.grad.avg_pool1d)


class AvgPool2d(_AvgPool):
    __doc__ = docstring(_AVG, 2)
    ndim = 2
    _pool = staticmethod(fc.avg_pool2d)
    _gradient = staticmethod(fc.grad.avg_pool2d)


class AvgPool3d(_AvgPool):
    __doc__ = docstring(_AVG, 3)
    ndim = 3
    _pool = staticmethod(fc.avg_pool3d)
    _gradient = staticmethod(fc.grad.avg_pool3d)


# ---- Power average -------------------------------------------------------------------------------

_LP = """Power-average pooling in {n} dimension(s). Matches ``torch.nn.LPPool{n}d``.

    With s the sum of ``x**norm_type`` over a window, the result is
    ``sign(s) * abs(s) ** (1 / norm_type)``, and 0 where that is negative. Output sizes are those
    of `AvgPool{n}d` without padding.

    Parameters
    ----------
    norm_type : int or float
        The exponent, finite and positive.
    kernel_size : int or tuple of {n}
        The size of a window.
    stride : int or tuple of {n}, optional
        Steps between windows; `kernel_size` if not given.
    ceil_mode : bool, default False
        Whether the output's size is rounded up.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range or of another type.

    Notes
    -----
    Input (N, C, {axes}) or without N, output (N, C, *output) likewise. Where the output is zero, so
    is the gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.LPPool{n}d(2, 2)
    >>> y = layer(np.ones((1, 3, {times[8]}), np.float64))
    >>> bool(np.allclose(y, 2 ** ({n} / 2)))
    True
    >>> layer.backward(y).shape
    (1, 3, {times[8]})
    """


class _LPPool(Windowed):
    _pool: ClassVar[Callable[..., Any]]
    _gradient: ClassVar[Callable[..., Any]]
    ceil_mode: bool

    def __init__(
        self,
        norm_type: float,
        kernel_size: Spatial,
        stride: Spatial | None = None,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        _args.norm(type(self).__name__, norm_type)
        self.norm_type = norm_type
        self.read_windows(kernel_size, stride)
        if stride is None:
            self.stride = None  # as torch's text shows it
        self.read_flag("ceil_mode", ceil_mode)

    def forward(self, x: FloatArray) -> FloatArray:
        y: FloatArray = self._pool(x, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)
        self.remember(x, y)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        x, y = self.remembered()
        return self._gradient(  # type: ignore[no-any-return]
            gy, x, y, self.norm_type, self.kernel_size, self.stride, self.ceil_mode
        )

    def extra_repr(self) -> str:
        return self.text("norm_type", "kernel_size", "stride", "ceil_mode")


class LPPool1d(_LPPool):
    __doc__ = docstring(_LP, 1)
    ndim = 1
    _pool = staticmethod(fc.lp_pool1d)
    _gradient = staticmethod(fc.grad.lp_pool1d)


class LPPool2d(_LPPool):
    __doc__ = docstring(_LP, 2)
    ndim = 2
    _pool = staticmethod(fc.lp_pool2d)
    _gradient = staticmethod(fc.grad.lp_pool2d)


class LPPool3d(_LPPool):
    __doc__ = docstring(_LP, 3)
    ndim = 3
    _pool = staticmethod(fc.lp_pool3d)
    _gradient = staticmethod(fc.grad.lp_pool3d)
