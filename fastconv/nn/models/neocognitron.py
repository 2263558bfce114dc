"""The neocognitron's stack of S-layers and C-layers."""

from __future__ import annotations

from fastconv.nn.activation import ReLU
from fastconv.nn.containers import Sequential
from fastconv.nn.conv import Conv2d
from fastconv.nn.pool import AvgPool2d
from fastconv.nn.reshape import Flatten

__all__ = ["neocognitron"]


def neocognitron(in_channels: int = 1, classes: int = 10, planes: int = 24) -> Sequential:
    """A stack like Fukushima's of 1980, "Neocognitron", trained by gradients.

    S-cells look for a feature: a convolution and a ReLU. C-cells allow for a shift of it: a mean
    over a window. The sizes of the layers are the paper's; the windows are those that lead from
    each size to the next. (The paper's cells learn without a teacher, are inhibited by the mean
    of what they see, and number 24 in the last layer.)

    =====  ========================  ==========
    layer                            output
    =====  ========================  ==========
    US1    S-cells 5x5, padding 2    24 x 16x16
    UC1    C-cells 7x7               24 x 10x10
    US2    S-cells 5x5, padding 1    24 x 8x8
    UC2    C-cells 5x5, padding 1    24 x 6x6
    US3    S-cells 5x5               10 x 2x2
    UC3    C-cells 2x2               10 x 1x1
    =====  ========================  ==========

    Parameters
    ----------
    in_channels : int, default 1
        Channels of the 16x16 input.
    classes : int, default 10
        Cells of the last layer.
    planes : int, default 24
        Features of the others.

    Returns
    -------
    Sequential
        (N, in_channels, 16, 16) to (N, classes): no value is negative.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.neocognitron()
    >>> net(np.zeros((1, 1, 16, 16), np.float32)).shape
    (1, 10)
    """
    return Sequential(
        *(Conv2d(in_channels, planes, 5, padding=2), ReLU()),
        AvgPool2d(7, stride=1),
        *(Conv2d(planes, planes, 5, padding=1), ReLU()),
        AvgPool2d(5, stride=1, padding=1),
        *(Conv2d(planes, classes, 5), ReLU()),
        AvgPool2d(2),
        Flatten(),
    )
