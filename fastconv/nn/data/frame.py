"""Images of one size as images of another, as networks with a fixed size want them."""

from __future__ import annotations

import numpy as np

from fastconv import _args
from fastconv._typing import FloatArray
from fastconv.nn.data.dataset import pair

__all__ = ["framed"]


def framed(images: FloatArray, size: int | tuple[int, int]) -> FloatArray:
    """Enlarge images by a whole number, and pad or cut them to a size.

    Each pixel becomes a square of as many pixels as go into the size; what is missing then is zeros
    on all sides, what is too much is cut off on all sides (one more at the end, if odd). So the
    digits' 8 x 8 pixels become 24 x 24 within a margin of 2 for LeNet-5's 28 x 28.

    Parameters
    ----------
    images : ndarray, shape (N, C, H, W)
        They are not changed.
    size : int or pair of int
        Height and width of the result.

    Returns
    -------
    ndarray, shape (N, C, *size)
        A new array, or the images themselves where they have that size.

    Raises
    ------
    ValueError, TypeError
        For another shape, or a size that is no int of at least 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.data.framed(np.array([[[[1.0, 2.0]]]]), (2, 5))
    array([[[[1., 1., 2., 2., 0.],
             [1., 1., 2., 2., 0.]]]])
    >>> nn.data.framed(np.zeros((100, 1, 8, 8), np.float32), 28).shape
    (100, 1, 28, 28)
    """
    wanted = pair("framed", "size", size, 1)
    images = _args.as_array("framed", "images", images)
    if images.ndim != 4 or 0 in images.shape[2:]:
        raise ValueError(f"framed: images: shape {images.shape}; (N, C, H, W) is allowed")
    if images.shape[2:] == wanted:
        return images
    times = max(1, min(w // n for w, n in zip(wanted, images.shape[2:], strict=True)))
    result = np.zeros((*images.shape[:2], *wanted), images.dtype)
    large = images.repeat(times, 2).repeat(times, 3) if times > 1 else images
    rows, cut_rows = _overlap(large.shape[2], wanted[0])
    columns, cut_columns = _overlap(large.shape[3], wanted[1])
    result[:, :, rows, columns] = large[:, :, cut_rows, cut_columns]
    return result


def _overlap(size: int, wanted: int) -> tuple[slice, slice]:
    """Where an axis goes in the result, and which part of it."""
    common = min(size, wanted)
    to, cut = (wanted - common) // 2, (size - common) // 2
    return slice(to, to + common), slice(cut, cut + common)
