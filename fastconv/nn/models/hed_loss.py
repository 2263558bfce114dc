"""The loss of HED, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv import _core
from fastconv._typing import FloatArray
from fastconv.nn.loss import Loss

__all__ = ["HEDLoss"]


class HEDLoss(Loss):
    """Class-balanced cross-entropy of every map of `HED` (Xie and Tu 2015, equations 2 to 4).

    Edges are few. So of each image, with β the share of its pixels that are no edge, every map
    (the sides' and the mixture's) counts::

        -β * sum over the edges of log(f) - (1 - β) * sum over the other pixels of log(1 - f)

    where f is the sigmoid of the map, and all maps have the same weight. As the paper's, these are
    sums over the pixels: learning rates are small (the paper's: 1e-6), or Adam's.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        The mean over the images, their sum, or a value of each.

    Raises
    ------
    ValueError
        If a shape is not that of below.

    Notes
    -----
    The output is of shape (N, maps, H, W), as from `hed`: scores. The target is of shape
    (N, 1, H, W): 1 where there is an edge, else 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> loss = nn.models.HEDLoss()
    >>> target = np.array([[[[1.0, 0.0, 0.0, 0.0]]]])
    >>> float(loss(np.zeros((1, 6, 1, 4)), target).round(4))  # 6 * (3/4 + 3 * 1/4) * log(2)
    6.2383
    >>> loss.backward()[0, 0]
    array([[-0.375,  0.125,  0.125,  0.125]])
    """

    def forward(self, output: FloatArray, target: FloatArray) -> Any:  # type: ignore[override]
        """The loss.

        Parameters
        ----------
        output, target : ndarray
            See above.

        Returns
        -------
        float32 or float64, or ndarray
            Of the output's dtype; for the reduction "none" of shape (N,).
        """
        if output.ndim != 4 or 0 in output.shape:
            raise ValueError(f"HEDLoss: output: shape {output.shape}; (N, maps, H, W) is allowed")
        wanted = (len(output), 1, *output.shape[2:])
        if target.shape != wanted:
            raise ValueError(f"HEDLoss: target: shape {target.shape}; {wanted} is allowed")
        edge = target.astype(output.dtype, copy=False)
        share = 1 - edge.mean((1, 2, 3), keepdims=True)  # β
        edges, others = share * edge, (1 - share) * (1 - edge)
        self.remember(output, edges, others)
        # -log(f) = max(-x, 0) + log(1 + exp(-|x|)): exact however large x is.
        log_f = np.log1p(np.exp(-np.abs(output))) + np.maximum(-output, 0)
        return self.reduce((edges * log_f + others * (log_f + output)).sum((1, 2, 3)))

    def backward(self, gy: Any = None) -> FloatArray:
        """The gradient with respect to the last output.

        Parameters
        ----------
        gy : float or ndarray, optional
            The gradient with respect to the loss: a number, 1 by default; for the reduction "none"
            one of each image.

        Returns
        -------
        ndarray
            Of the output's shape.
        """
        output, edges, others = self.remembered()
        n = len(output)
        factor = np.asarray(self.incoming(gy, (n,), output.dtype, n), output.dtype)
        gradient: FloatArray = (edges + others) * _core.sigmoid(output) - edges
        return gradient * factor.reshape(-1, 1, 1, 1)
