"""The boxes that a YOLO's output stands for."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastconv._typing import FloatArray

__all__ = ["Detections", "yolo_decode"]


class Detections(NamedTuple):
    """The objects found in an image, the surest first.

    Attributes
    ----------
    boxes : ndarray, shape (K, 4)
        Left, top, right and bottom edge, in units of the image: from 0 to 1 within it. A box may
        reach beyond.
    scores : ndarray, shape (K,)
        The confidence times the score of the class.
    classes : ndarray of int64, shape (K,)
        What they are.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> boxes, scores, classes = nn.models.yolo_decode(np.zeros((1, 30, 7, 7), np.float32))[0]
    >>> boxes.shape, scores.shape, classes.shape
    ((0, 4), (0,), (0,))
    """

    boxes: FloatArray
    scores: FloatArray
    classes: Any


def yolo_decode(
    prediction: FloatArray,
    classes: int = 20,
    boxes: int = 2,
    *,
    threshold: float = 0.2,
    overlap: float = 0.5,
) -> list[Detections]:
    """Find the objects in a YOLO's output: Redmon et al. 2016, section 2.

    The score of a box for a class is its confidence times the cell's score of the class (equation
    1), where what is negative counts as 0. Of the boxes for one class that overlap, only the one
    with the highest score stays (non-maximum suppression).

    Parameters
    ----------
    prediction : ndarray, shape (N, 5 * boxes + classes, S, T)
        As from `tiny_yolo`: for each box x, y, √w, √h and confidence, then the classes.
    classes : int, default 20
        Kinds of objects.
    boxes : int, default 2
        Boxes of each cell.
    threshold : float, default 0.2
        Only scores above it count.
    overlap : float, default 0.5
        Two boxes of one class with more in common (intersection over union) are one object.

    Returns
    -------
    list of Detections
        One of each image.

    Raises
    ------
    ValueError
        If the prediction has another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> prediction = np.zeros((1, 13, 7, 7))
    >>> prediction[0, :5, 3, 2] = [0.5, 0.5, 0.2**0.5, 0.4**0.5, 0.9]  # a box in a cell's middle
    >>> prediction[0, 11, 3, 2] = 1  # of class 1
    >>> found = nn.models.yolo_decode(prediction, classes=3)[0]
    >>> found.boxes.round(3)
    array([[0.257, 0.3  , 0.457, 0.7  ]])
    >>> found.scores, found.classes
    (array([0.9]), array([1]))
    """
    channels = 5 * boxes + classes
    if classes < 1 or boxes < 1 or prediction.ndim != 4 or prediction.shape[1] != channels:
        raise ValueError(
            f"yolo_decode: prediction: shape {prediction.shape} for {classes} classes and {boxes} "
            f"boxes; (N, {channels}, S, T) is allowed"
        )
    n, _, rows, columns = prediction.shape
    each = prediction[:, : 5 * boxes].reshape(n, boxes, 5, rows, columns)
    cell = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)))  # x and y of each
    grid = np.array([columns, rows], prediction.dtype)[:, None, None]
    middle = (each[:, :, :2] + cell.astype(prediction.dtype)) / grid
    size = each[:, :, 2:4] ** 2
    # Nothing keeps them from being negative, and two such would make a good score.
    confidence, of_class = (np.maximum(v, 0) for v in (each[:, :, 4], prediction[:, 5 * boxes :]))
    scores = confidence[:, :, None] * of_class[:, None]  # (N, boxes, classes, S, T)
    return [_surest(*parts, threshold, overlap) for parts in zip(middle, size, scores, strict=True)]


def _surest(
    middle: FloatArray, size: FloatArray, scores: FloatArray, threshold: float, overlap: float
) -> Detections:
    """Of one image: (boxes, 2, S, T) twice, and (boxes, classes, S, T)."""
    box, kind, row, column = np.nonzero(scores > threshold)
    found = scores[box, kind, row, column]
    order = np.argsort(-found, kind="stable")
    box, kind, row, column = (index[order] for index in (box, kind, row, column))
    middle, size = middle[box, :, row, column], size[box, :, row, column]
    left, kept = np.arange(len(order)), []
    while left.size:
        best, left = left[0], left[1:]
        kept.append(best)
        common = intersection_over_union(middle[best], size[best], middle[left], size[left])
        left = left[(common <= overlap) | (kind[left] != kind[best])]
    corners = np.concatenate([middle - size / 2, middle + size / 2], 1)
    return Detections(corners[kept], found[order][kept], kind[kept])


def intersection_over_union(
    middle: FloatArray, size: FloatArray, other: FloatArray, other_size: FloatArray, axis: int = -1
) -> FloatArray:
    """What two boxes have in common, as a part of what they cover together.

    Parameters
    ----------
    middle, size, other, other_size : ndarray
        Of shapes that broadcast: x and y of the middles, width and height of the sizes.
    axis : int, default -1
        Along which x and y, width and height stand.

    Returns
    -------
    ndarray
        Without that axis; 0 for boxes without a size.
    """
    high = np.minimum(middle + size / 2, other + other_size / 2)
    low = np.maximum(middle - size / 2, other - other_size / 2)
    common = np.maximum(high - low, 0).prod(axis)
    union = size.prod(axis) + other_size.prod(axis) - common
    result: FloatArray = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    return result
