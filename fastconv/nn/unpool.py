"""Layers that undo max pooling, in 1, 2 and 3 dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

import fastconv as fc
from fastconv._typing import FloatArray, IndexArray, Shape, Spatial
from fastconv._variants import docstring
from fastconv.nn._arrays import gradient
from fastconv.nn._windowed import Windowed

__all__ = ["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"]

_UNPOOL = """Put maxima back where they were, zeros elsewhere. Matches ``torch.nn.MaxUnpool{n}d``.

    In each spatial dimension the output's size is
    ``(input - 1) * stride - 2 * padding + kernel_size``, unless `forward` is told another one.

    Parameters
    ----------
    kernel_size, stride, padding
        Those of the ``MaxPool{n}d``.

    Raises
    ------
    ValueError, TypeError
        If an argument is out of its range or of another type.

    Notes
    -----
    Called with the maxima and their positions, both (N, C, {axes}) or without N. The last of equal
    positions wins.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> x = np.arange(1, 1 + 4**{n}, dtype=np.float32).reshape((1, 1, {times[4]}))
    >>> y, indices = nn.MaxPool{n}d(2, return_indices=True)(x)
    >>> layer = nn.MaxUnpool{n}d(2)
    >>> z = layer(y, indices)
    >>> z.shape, int((z != 0).sum()) == 2**{n}
    ((1, 1, {times[4]}), True)
    >>> bool((layer.backward(z) == y).all())
    True
    """


class _MaxUnpool(Windowed):
    _unpool: ClassVar[Callable[..., Any]]

    def __init__(
        self, kernel_size: Spatial, stride: Spatial | None = None, padding: Spatial = 0
    ) -> None:
        super().__init__()
        self.read_windows(kernel_size, stride, padding, tuples=True)

    def forward(  # type: ignore[override]
        self, x: FloatArray, indices: IndexArray, output_size: Shape | None = None
    ) -> FloatArray:
        """Give zeros but for the maxima.

        Parameters
        ----------
        x, indices : ndarray
            What ``MaxPool(..., return_indices=True)`` gave.
        output_size : tuple of int, optional
            The spatial size of the output, less than a stride from the default; channels, or batch
            and channels, may stand with it.

        Returns
        -------
        ndarray
            The output.
        """
        y: FloatArray = self._unpool(
            x, indices, self.kernel_size, self.stride, self.padding, output_size
        )
        self.remember(np.asarray(indices), y.shape, y.dtype)
        return y

    def backward(self, gy: FloatArray) -> FloatArray:
        indices, shape, dtype = self.remembered()
        gy = gradient(type(self).__name__, gy, shape, dtype)
        planes = indices.shape[: -self.ndim]
        taken = np.take_along_axis(
            gy.reshape(*planes, math.prod(gy.shape[-self.ndim :])),
            indices.reshape(*planes, math.prod(indices.shape[-self.ndim :])),
            -1,
        )
        return taken.reshape(indices.shape)

    def extra_repr(self) -> str:
        return self.text("kernel_size", "stride", "padding")


class MaxUnpool1d(_MaxUnpool):
    __doc__ = docstring(_UNPOOL, 1)
    ndim = 1
    _unpool = staticmethod(fc.max_unpool1d)


class MaxUnpool2d(_MaxUnpool):
    __doc__ = docstring(_UNPOOL, 2)
    ndim = 2
    _unpool = staticmethod(fc.max_unpool2d)


class MaxUnpool3d(_MaxUnpool):
    __doc__ = docstring(_UNPOOL, 3)
    ndim = 3
    _unpool = staticmethod(fc.max_unpool3d)
