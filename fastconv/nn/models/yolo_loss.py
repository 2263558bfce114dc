"""The loss of YOLO, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv._typing import FloatArray
from fastconv.nn.loss import Loss
from fastconv.nn.models.yolo_boxes import intersection_over_union

__all__ = ["YOLOLoss"]


class YOLOLoss(Loss):
    """The sum of squares of Redmon et al. 2016, equation 3.

    In each cell with an object, the box that overlaps it most answers for it::

        coord * sum over those boxes of (x - x')² + (y - y')² + (√w - √w')² + (√h - √h')²
        + sum over those boxes of (confidence - IoU)²
        + no_object * sum over all other boxes of confidence²
        + sum over the cells with an object of (class scores - class)²

    Parameters
    ----------
    classes : int, default 20
        Kinds of objects.
    boxes : int, default 2
        Boxes of each cell.
    coord : float, default 5.0
        Weight of places and sizes.
    no_object : float, default 0.5
        Weight of the confidences where there is no object.
    overlap : bool, default True
        Whether a confidence is compared with the overlap (intersection over union, IoU) of box
        and object, as in the paper; else with 1.
    reduction : {"mean", "sum", "none"}, default "mean"
        The mean over the images, their sum, or a value of each.

    Raises
    ------
    ValueError
        If a number is not positive, or a shape is not that of below.

    Notes
    -----
    The prediction is of shape (N, 5 * boxes + classes, S, T), as from `tiny_yolo`: for each box
    x, y, √w, √h and confidence, then the classes. The target is of shape (N, 5 + classes, S, T):
    1 where the middle of an object is in the cell, else 0; then its x and y in the cell (0 to 1),
    w and h in the image (0 to 1), and 1 for its class, 0 for the others.

    The overlap is a target, not a function of the prediction: there is no gradient through it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> target = np.zeros((1, 8, 7, 7), np.float32)
    >>> target[0, :, 3, 2] = [1, 0.5, 0.5, 0.2, 0.4, 0, 1, 0]  # in the middle of the cell
    >>> loss = nn.models.YOLOLoss(classes=3)
    >>> perfect = np.zeros((1, 13, 7, 7), np.float32)
    >>> perfect[0, :5, 3, 2] = [0.5, 0.5, 0.2**0.5, 0.4**0.5, 1]
    >>> perfect[0, 10:, 3, 2] = [0, 1, 0]
    >>> bool(loss(perfect, target) < 1e-6), bool(loss(perfect * 0, target) > 1)
    (True, True)
    >>> loss.backward().shape
    (1, 13, 7, 7)
    """

    def __init__(
        self,
        classes: int = 20,
        boxes: int = 2,
        coord: float = 5.0,
        no_object: float = 0.5,
        overlap: bool = True,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction)
        if classes < 1 or boxes < 1:
            raise ValueError(
                f"YOLOLoss: classes, boxes: {classes}, {boxes}; positive ints are allowed"
            )
        self.classes = classes
        self.boxes = boxes
        self.coord = coord
        self.no_object = no_object
        self.overlap = overlap

    def forward(self, prediction: FloatArray, target: FloatArray) -> Any:  # type: ignore[override]
        """The loss.

        Parameters
        ----------
        prediction, target : ndarray
            See above.

        Returns
        -------
        float32 or float64, or ndarray
            Of the prediction's dtype; for the reduction "none" of shape (N,).
        """
        self._check(prediction, target)
        n, _, *grid = prediction.shape
        boxes = prediction[:, : 5 * self.boxes].reshape(n, self.boxes, 5, *grid)
        target = target.astype(prediction.dtype, copy=False)
        there = target[:, None, None, 0]  # (N, 1, 1, S, T)
        iou = overlaps(boxes[:, :, :4], target[:, None, 1:5], grid)
        answers = np.arange(self.boxes)[None, :, None, None] == iou.argmax(1)[:, None]
        answers = answers * target[:, None, 0]  # (N, boxes, S, T)

        # What each value should be, and what it counts.
        wanted = np.zeros_like(boxes)
        wanted[:, :, :2] = target[:, None, 1:3]
        wanted[:, :, 2:4] = np.sqrt(target[:, None, 3:5])
        wanted[:, :, 4] = answers * (iou if self.overlap else 1)
        counts = np.empty_like(boxes)
        counts[:, :, :4] = self.coord * answers[:, :, None]
        counts[:, :, 4] = answers + self.no_object * (1 - answers)

        differences = boxes - wanted
        weighted = (counts * differences).reshape(n, -1, *grid)
        scores = prediction[:, 5 * self.boxes :] - target[:, 5:]
        kept = scores * there[:, 0]
        self.remember(np.concatenate([weighted, kept], 1))
        squares = counts * differences * differences
        return self.reduce(squares.sum((1, 2, 3, 4)) + (kept * scores).sum((1, 2, 3)))

    def backward(self, gy: Any = None) -> FloatArray:
        """The gradient with respect to the last prediction.

        Parameters
        ----------
        gy : float or ndarray, optional
            The gradient with respect to the loss: a number, 1 by default; for the reduction "none"
            one of each image.

        Returns
        -------
        ndarray
            Of the prediction's shape.
        """
        half = self.remembered()
        n = len(half)
        factor = np.asarray(self.incoming(gy, (n,), half.dtype, n))
        gradient: FloatArray = half * (2 * factor.reshape(-1, 1, 1, 1)).astype(half.dtype)
        return gradient

    def _check(self, prediction: Any, target: Any) -> None:
        channels = (5 * self.boxes + self.classes, 5 + self.classes)
        for name, array, size in zip(
            ("prediction", "target"), (prediction, target), channels, strict=True
        ):
            if array.ndim != 4 or array.shape[1] != size or not len(array):
                raise ValueError(
                    f"YOLOLoss: {name}: shape {array.shape}; (N, {size}, S, T) is allowed"
                )
        if (len(prediction), *prediction.shape[2:]) != (len(target), *target.shape[2:]):
            raise ValueError(
                f"YOLOLoss: target: shape {target.shape}; the batch and grid of the prediction, "
                f"{prediction.shape}, are allowed"
            )


def overlaps(boxes: FloatArray, target: FloatArray, grid: list[int]) -> FloatArray:
    """Intersection over union.

    Parameters
    ----------
    boxes : ndarray
        Of shape (N, boxes, 4, S, T): x, y, √w, √h.
    target : ndarray
        Of shape (N, 1, 4, S, T): x, y, w, h.
    grid : list of int
        S and T, the sizes of the grid.

    Returns
    -------
    ndarray
        Of shape (N, boxes, S, T).
    """
    # Middles in units of the image; both are in the same cell.
    cell = np.array(grid[::-1], boxes.dtype)[:, None, None]
    middle, size = boxes[:, :, :2] / cell, boxes[:, :, 2:] ** 2
    return intersection_over_union(middle, size, target[:, :, :2] / cell, target[:, :, 2:], 2)
