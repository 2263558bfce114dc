"""Layers that only rearrange: axes joined and parted, zeros put around."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NoReturn

from fastconv import _args, _core
from fastconv._typing import FloatArray, Shape, Spatial
from fastconv._variants import docstring
from fastconv.nn._arrays import array, gradient
from fastconv.nn.module import Module

__all__ = ["Flatten", "Unflatten", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d"]


class _Reshape(Module):
    """The base of those whose output has the input's elements in their order."""

    def reshape(self, x: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Give x that shape, and remember its own."""
        self.remember(x.shape, shape, x.dtype)
        return x.reshape(shape)

    def backward(self, gy: FloatArray) -> FloatArray:
        inputs, outputs, dtype = self.remembered()
        return gradient(type(self).__name__, gy, outputs, dtype).reshape(inputs)


class Flatten(_Reshape):
    """Join neighbouring axes into one. Matches ``torch.nn.Flatten``.

    Parameters
    ----------
    start_dim : int, default 1
        The first axis to join; negative ones count from the end.
    end_dim : int, default -1
        The last one.

    Raises
    ------
    ValueError
        In `forward`, if the input has no such axes, or the last is before the first.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Flatten()(np.zeros((2, 3, 4, 5))).shape
    (2, 60)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        least = -_args.SIZE_LIMIT
        self.start_dim = _args.integer("Flatten", "start_dim", start_dim, least)
        self.end_dim = _args.integer("Flatten", "end_dim", end_dim, least)

    def forward(self, x: FloatArray) -> FloatArray:
        x = array("Flatten", x)
        shape, ndim = x.shape, max(x.ndim, 1)
        first, last = self.start_dim, self.end_dim
        if not (-ndim <= first < ndim and -ndim <= last < ndim and first % ndim <= last % ndim):
            self._refuse(shape, ndim)
        first, last = first % ndim, last % ndim
        joined = math.prod(shape[first : last + 1])
        return self.reshape(x, (*shape[:first], joined, *shape[last + 1 :]))

    def _refuse(self, shape: tuple[int, ...], ndim: int) -> NoReturn:
        for name in ("start_dim", "end_dim"):
            if not -ndim <= getattr(self, name) < ndim:
                needed = f"from {-ndim} to {ndim - 1} for this input"
                _args.wrong_value("Flatten", name, getattr(self, name), needed)
        raise ValueError(
            f"Flatten: start_dim {self.start_dim} is behind end_dim {self.end_dim} of an input of "
            f"shape {shape}; it must be before or the same"
        )

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(_Reshape):
    """Part one axis into several. Matches ``torch.nn.Unflatten``.

    Parameters
    ----------
    dim : int
        The axis; negative ones count from the end.
    unflattened_size : tuple of int
        The sizes that it is parted into; one may be -1, which means what is left.

    Raises
    ------
    ValueError, TypeError
        If a size is out of its range or of another type; in `forward`, if the axis is not there or
        the sizes do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Unflatten(1, (3, -1, 5))(np.zeros((2, 60))).shape
    (2, 3, 4, 5)
    """

    def __init__(self, dim: int, unflattened_size: Shape) -> None:
        super().__init__()
        self.dim = _args.integer("Unflatten", "dim", dim, -_args.SIZE_LIMIT)
        needed = "a tuple of ints, not negative but for one -1"
        if not isinstance(unflattened_size, (tuple, list)):
            _args.wrong_type("Unflatten", "unflattened_size", unflattened_size, needed)
        sizes = [_args.integer("Unflatten", "unflattened_size", v, -1) for v in unflattened_size]
        if not sizes or sizes.count(-1) > 1:
            _args.wrong_value("Unflatten", "unflattened_size", tuple(unflattened_size), needed)
        self.unflattened_size = tuple(sizes)

    def forward(self, x: FloatArray) -> FloatArray:
        x = array("Unflatten", x)
        shape = x.shape
        if not -x.ndim <= self.dim < x.ndim:
            _args.wrong_value("Unflatten", "dim", self.dim, f"an axis of the input's shape {shape}")
        axis = self.dim % x.ndim
        return self.reshape(x, (*shape[:axis], *self._sizes(shape[axis]), *shape[axis + 1 :]))

    def _sizes(self, size: int) -> tuple[int, ...]:
        sizes = self.unflattened_size
        given = math.prod([s for s in sizes if s != -1])
        if -1 in sizes and given and size % given == 0:
            return tuple([size // given if s == -1 else s for s in sizes])
        if -1 in sizes or given != size:
            raise ValueError(
                f"Unflatten: unflattened_size is {sizes}; its product must be the axis' {size}"
            )
        return sizes

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


# ---- Padding -------------------------------------------------------------------------------------

_ZERO_PAD = """Zeros around the last {n} axes. Matches ``torch.nn.ZeroPad{n}d``.

    Parameters
    ----------
    padding : int or tuple of 2 * {n}
        How many on each side: before and after the last axis, then the one before it, and so on. A
        negative number takes so many off.

    Raises
    ------
    ValueError, TypeError
        If it has another form; in `forward`, if nothing would be left.

    Notes
    -----
    Input (N, C, {axes}) or without N, output of as many axes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.ZeroPad{n}d(1)
    >>> y = layer(np.ones((2, 3, {times[4]})))
    >>> y.shape
    (2, 3, {times[6]})
    >>> bool((layer.backward(y) == 1).all())
    True
    """


class _ZeroPad(Module):
    ndim: ClassVar[int]

    def __init__(self, padding: Spatial) -> None:
        super().__init__()
        name, count = type(self).__name__, 2 * self.ndim
        values = (padding,) * count if _args.is_integer(padding) else padding
        needed = f"an int or a tuple of {count} ints"
        if not isinstance(values, (tuple, list)):
            _args.wrong_type(name, "padding", padding, needed)
        values = tuple(values)
        if len(values) != count:
            _args.wrong_value(name, "padding", values, needed)
        least = -_args.SIZE_LIMIT
        self.padding = tuple([_args.integer(name, "padding", v, least) for v in values])
        # (before, after) in the order of the axes.
        self._sides = list(zip(self.padding[::2], self.padding[1::2], strict=True))[::-1]
        self._before = tuple([before for before, _ in self._sides])
        self._after = tuple([-before for before in self._before])
        self._last: tuple[Any, tuple[int, ...]] = None, ()  # a shape, and the space it gets

    def forward(self, x: FloatArray) -> FloatArray:
        x = array(type(self).__name__, x)
        shape, space = self._last
        if x.shape != shape:
            space = self._space(x)
            self._last = x.shape, space
        y = _core.pad_zeros(type(self).__name__, x, space, self._before)
        self.remember(x.shape, y.shape, y.dtype)
        return y

    def _space(self, x: FloatArray) -> tuple[int, ...]:
        name = type(self).__name__
        if x.ndim not in (self.ndim + 1, self.ndim + 2):
            raise ValueError(
                f"{name}: x has shape {x.shape}; it must have {self.ndim + 2} dimensions, or "
                f"{self.ndim + 1} without the batch"
            )
        sides = list(zip(x.shape[-self.ndim :], self._sides, strict=True))
        space = tuple([size + before + after for size, (before, after) in sides])
        left = [size + min(before, 0) + min(after, 0) for size, (before, after) in sides]
        if min(space) < 1 or min(left) < 0:
            raise ValueError(
                f"{name}: padding is {self.padding}; it must leave something of "
                f"the input of shape {x.shape}"
            )
        _args.addressable(name, "a result", (*x.shape[: -self.ndim], *space))
        return space

    def backward(self, gy: FloatArray) -> FloatArray:
        name = type(self).__name__
        shape, outputs, dtype = self.remembered()
        gy = gradient(name, gy, outputs, dtype)
        return _core.pad_zeros(name, gy, shape[-self.ndim :], self._after)

    def extra_repr(self) -> str:
        return str(self.padding)


class ZeroPad1d(_ZeroPad):
    __doc__ = docstring(_ZERO_PAD, 1)
    ndim = 1


class ZeroPad2d(_ZeroPad):
    __doc__ = docstring(_ZERO_PAD, 2)
    ndim = 2


class ZeroPad3d(_ZeroPad):
    __doc__ = docstring(_ZERO_PAD, 3)
    ndim = 3
