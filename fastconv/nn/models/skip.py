"""Skip connections between maps of different sizes: the larger is cropped to the smaller."""

from __future__ import annotations

import numpy as np

from fastconv._typing import FloatArray
from fastconv.nn.module import Module

__all__ = ["CroppedConcat", "CroppedSum", "CroppedToInput"]

Sizes = tuple[int, ...]


def crop(name: str, x: FloatArray, size: Sizes, at: Sizes) -> FloatArray:
    """The part of an image of that size that begins at row and column `at`."""
    (height, width), (top, left) = size, at
    if top < 0 or left < 0 or top + height > x.shape[-2] or left + width > x.shape[-1]:
        raise ValueError(
            f"{name}: an image of {x.shape[-2]}x{x.shape[-1]} has no part of {height}x{width} at "
            f"{top}, {left}; a larger input is needed"
        )
    return x[..., top : top + height, left : left + width]


def uncrop(gy: FloatArray, size: Sizes, at: Sizes) -> FloatArray:
    """The gradient of `crop`: zeros where nothing was taken from."""
    gx = np.zeros((*gy.shape[:-2], *size), gy.dtype)
    (top, left), (height, width) = at, gy.shape[-2:]
    gx[..., top : top + height, left : left + width] = gy
    return gx


class CroppedConcat(Module):
    """The middle of the input, and beside it along the channels ``body(x)``, which is smaller.

    The skip connection of U-Net (Ronneberger et al. 2015).

    Parameters
    ----------
    body : Module
        Its output's height and width are at most the input's.

    Notes
    -----
    Input (N, C, H, W); with the body's output (N, D, h, w), the output is (N, C + D, h, w).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> skip = nn.models.CroppedConcat(nn.Conv2d(2, 8, 5))
    >>> skip(np.ones((1, 2, 20, 20), np.float32)).shape
    (1, 10, 16, 16)
    """

    def __init__(self, body: Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: FloatArray) -> FloatArray:
        y = self.body(x)
        size, whole = y.shape[-2:], x.shape[-2:]
        at = ((whole[0] - size[0]) // 2, (whole[1] - size[1]) // 2)
        middle = crop("CroppedConcat", x, size, at)
        self.remember(whole, at, x.shape[-3])
        return np.concatenate([middle, y], -3)

    def backward(self, gy: FloatArray) -> FloatArray:
        size, at, channels = self.remembered()
        through = np.ascontiguousarray(gy[..., channels:, :, :])
        gx: FloatArray = self.body.backward(through)
        return gx + uncrop(gy[..., :channels, :, :], size, at)


class CroppedSum(Module):
    """``body(x)`` plus as large a part of ``shortcut(x)``.

    The skip connection of fully convolutional networks (Long et al. 2015).

    Parameters
    ----------
    body, shortcut : Module
        Of equal channels.
    offset : int
        The part's first row and column.

    Notes
    -----
    Input (N, C, H, W), output as of the body.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> skip = nn.models.CroppedSum(nn.Conv2d(2, 8, 5), nn.Conv2d(2, 8, 1), 2)
    >>> skip(np.ones((1, 2, 20, 20), np.float32)).shape
    (1, 8, 16, 16)
    """

    def __init__(self, body: Module, shortcut: Module, offset: int) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut
        self.offset = offset

    def forward(self, x: FloatArray) -> FloatArray:
        y, skipped = self.body(x), self.shortcut(x)
        self.remember(skipped.shape[-2:])
        at = (self.offset, self.offset)
        return y + crop("CroppedSum", skipped, y.shape[-2:], at)

    def backward(self, gy: FloatArray) -> FloatArray:
        whole = uncrop(gy, self.remembered(), (self.offset, self.offset))
        gx: FloatArray = self.body.backward(gy) + self.shortcut.backward(whole)
        return gx

    def extra_repr(self) -> str:
        return f"offset={self.offset}"


class CroppedToInput(Module):
    """A part of ``body(x)`` that is as high and as wide as the input.

    Parameters
    ----------
    body : Module
        Its output is larger than its input.
    offset : int, default 0
        The part's first row and column.

    Notes
    -----
    Input (N, C, H, W); with the body's output (N, D, h, w), the output is (N, D, H, W).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.models.CroppedToInput(nn.Conv2d(1, 1, 1, padding=3), 3)
    >>> layer(np.ones((1, 1, 5, 7), np.float32)).shape
    (1, 1, 5, 7)
    """

    def __init__(self, body: Module, offset: int = 0) -> None:
        super().__init__()
        self.body = body
        self.offset = offset

    def forward(self, x: FloatArray) -> FloatArray:
        y = self.body(x)
        self.remember(y.shape[-2:])
        at = (self.offset, self.offset)
        return np.ascontiguousarray(crop("CroppedToInput", y, x.shape[-2:], at))

    def backward(self, gy: FloatArray) -> FloatArray:
        whole = uncrop(gy, self.remembered(), (self.offset, self.offset))
        gx: FloatArray = self.body.backward(whole)
        return gx

    def extra_repr(self) -> str:
        return f"offset={self.offset}"
