"""Pooling layers to a given size, and of the whole plane, in 1, 2 and 3 dimensions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import fastconv as fc
from fastconv import _args
from fastconv._typing import AdaptiveSize, FloatArray, Shape
from fastconv._variants import docstring
from fastconv.nn._windowed import Averaging, Maximising, Windowed, as_given

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "GlobalAvgPool1d",
    "GlobalAvgPool2d",
    "GlobalAvgPool3d",
]


class _Adaptive(Windowed):
    _pool: ClassVar[Callable[..., Any]]

    def read_size(self, output_size: AdaptiveSize) -> None:
        """Check and keep the argument; None in it keeps the input's size."""
        checked: Any = output_size
        if isinstance(output_size, (tuple, list)):
            checked = tuple([1 if entry is None else entry for entry in output_size])
        _args.spatial(self.operator(), "output_size", checked, 1)
        self.output_size = as_given(output_size)

    def extra_repr(self) -> str:
        return self.text("output_size")


# ---- Average -------------------------------------------------------------------------------------

_AVG = """Average pooling to a given size in {n} dimension(s): ``torch.nn.AdaptiveAvgPool{n}d``.

    In each spatial dimension window o is
    ``floor(o * input / output) <= i < ceil((o + 1) * input / output)``.

    Parameters
    ----------
    output_size : int or tuple of {n}
        The spatial size of the output; None in the tuple keeps that of the input.

    Raises
    ------
    ValueError, TypeError
        If a size is not positive or of another type.

    Notes
    -----
    Input (N, C, {axes}) or without N, output (N, C, *output_size) likewise.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.AdaptiveAvgPool{n}d(2)
    >>> y = layer(np.ones((1, 3, {times[7]}), np.float32))
    >>> y.shape
    (1, 3, {times[2]})
    >>> layer.backward(y).shape
    (1, 3, {times[7]})
    """


class _AdaptiveAvgPool(_Adaptive, Averaging):
    _gradient: ClassVar[Callable[..., Any]]

    def __init__(self, output_size: AdaptiveSize) -> None:
        super().__init__()
        self.read_size(output_size)

    def average(self, x: FloatArray) -> FloatArray:
        return self._pool(x, self.output_size)  # type: ignore[no-any-return]

    def spread(self, gy: FloatArray, shape: Shape) -> FloatArray:
        return self._gradient(gy, shape)  # type: ignore[no-any-return]


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    __doc__ = docstring(_AVG, 1)
    ndim = 1
    _pool = staticmethod(fc.adaptive_avg_pool1d)
    _gradient = staticmethod(fc.grad.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    __doc__ = docstring(_AVG, 2)
    ndim = 2
    _pool = staticmethod(fc.adaptive_avg_pool2d)
    _gradient = staticmethod(fc.grad.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    __doc__ = docstring(_AVG, 3)
    ndim = 3
    _pool = staticmethod(fc.adaptive_avg_pool3d)
    _gradient = staticmethod(fc.grad.adaptive_avg_pool3d)


_GLOBAL = """The average of each channel in {n} dimension(s): ``AdaptiveAvgPool{n}d(1)``.

    Matches ONNX's ``GlobalAveragePool`` (Lin, Chen and Yan 2014, "Network in network").

    Notes
    -----
    Input (N, C, {axes}) or without N, output (N, C, {times[1]}) likewise: `Flatten` makes it
    (N, C).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.GlobalAvgPool{n}d()(np.ones((1, 3, {times[7]}), np.float32)).shape
    (1, 3, {times[1]})
    """


class _Global(_AdaptiveAvgPool):
    def __init__(self) -> None:
        super().__init__(1)

    def extra_repr(self) -> str:
        return ""


class GlobalAvgPool1d(_Global, AdaptiveAvgPool1d):
    __doc__ = docstring(_GLOBAL, 1)


class GlobalAvgPool2d(_Global, AdaptiveAvgPool2d):
    __doc__ = docstring(_GLOBAL, 2)


class GlobalAvgPool3d(_Global, AdaptiveAvgPool3d):
    __doc__ = docstring(_GLOBAL, 3)


# ---- Maximum -------------------------------------------------------------------------------------

_MAX = """Max pooling to a given size in {n} dimension(s): ``torch.nn.AdaptiveMaxPool{n}d``.

    In each spatial dimension window o is
    ``floor(o * input / output) <= i < ceil((o + 1) * input / output)``.

    Parameters
    ----------
    output_size : int or tuple of {n}
        The spatial size of the output; None in the tuple keeps that of the input.
    return_indices : bool, default False
        Whether `forward` gives the maxima's positions too, as ``MaxPool{n}d`` does.

    Raises
    ------
    ValueError, TypeError
        If a size is not positive or of another type.

    Notes
    -----
    Input (N, C, {axes}) or without N, output (N, C, *output_size) likewise.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.AdaptiveMaxPool{n}d(2)
    >>> y = layer(np.ones((1, 3, {times[7]}), np.float32))
    >>> y.shape
    (1, 3, {times[2]})
    >>> layer.backward(y).shape
    (1, 3, {times[7]})
    """


class _AdaptiveMaxPool(_Adaptive, Maximising):
    def __init__(self, output_size: AdaptiveSize, return_indices: bool = False) -> None:
        super().__init__()
        self.read_size(output_size)
        self.read_flag("return_indices", return_indices)

    def maxima(self, x: FloatArray, indexed: bool) -> Any:
        return self._pool(x, self.output_size, indexed)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    __doc__ = docstring(_MAX, 1)
    ndim = 1
    _pool = staticmethod(fc.adaptive_max_pool1d)
    _gradient = staticmethod(fc.grad.max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    __doc__ = docstring(_MAX, 2)
    ndim = 2
    _pool = staticmethod(fc.adaptive_max_pool2d)
    _gradient = staticmethod(fc.grad.max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    __doc__ = docstring(_MAX, 3)
    ndim = 3
    _pool = staticmethod(fc.adaptive_max_pool3d)
    _gradient = staticmethod(fc.grad.max_pool3d)
