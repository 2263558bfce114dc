"""A tiny YOLO (2016)."""

from __future__ import annotations

import itertools

from fastconv.nn.activation import LeakyReLU
from fastconv.nn.containers import Sequential
from fastconv.nn.conv import Conv2d
from fastconv.nn.models._initial import he_normal
from fastconv.nn.module import Module
from fastconv.nn.norm import BatchNorm2d
from fastconv.nn.pool import MaxPool2d

__all__ = ["tiny_yolo"]


def tiny_yolo(
    in_channels: int = 3, classes: int = 20, boxes: int = 2, width: int = 16
) -> Sequential:
    """A YOLO of nine convolutions, as the fast one of Redmon et al. 2016, "You only look once".

    ======================================  ===========
    layer                                   output
    ======================================  ===========
    convolution 3x3, max pooling            16 x 224²
    convolution 3x3, max pooling            32 x 112²
    convolution 3x3, max pooling            64 x 56²
    convolution 3x3, max pooling            128 x 28²
    convolution 3x3, max pooling            256 x 14²
    convolution 3x3, max pooling            512 x 7²
    convolution 3x3                         1024 x 7²
    convolution 3x3                         256 x 7²
    convolution 1x1                         30 x 7²
    ======================================  ===========

    All but the last are followed by batch normalisation and a leaky ReLU of slope 0.1. The last
    one stands for the paper's fully connected layer, so that an input of any multiple of 64 has
    its grid.

    Parameters
    ----------
    in_channels : int, default 3
        Channels of the 448x448 input.
    classes : int, default 20
        Kinds of objects.
    boxes : int, default 2
        Boxes of each cell of the grid.
    width : int, default 16
        Channels of the first convolution.

    Returns
    -------
    Sequential
        (N, in_channels, 448, 448) to (N, 5 * boxes + classes, 7, 7). The channels are, for each
        box, x and y of its middle in the cell, the square roots of its width and height in the
        image, and the confidence that it holds an object; then the classes. `YOLOLoss` compares
        them with a target, `yolo_decode` makes boxes of them.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.tiny_yolo(classes=3, width=2)
    >>> net(np.zeros((1, 3, 128, 192), np.float32)).shape
    (1, 13, 2, 3)
    """

    def block(inputs: int, outputs: int) -> list[Module]:
        convolution = Conv2d(inputs, outputs, 3, padding=1, bias=False)
        return [convolution, BatchNorm2d(outputs), LeakyReLU(0.1)]

    channels = [in_channels, *(width * 2**i for i in range(6))]
    layers: list[Module] = []
    for inputs, outputs in itertools.pairwise(channels):
        layers += [*block(inputs, outputs), MaxPool2d(2)]
    layers += [*block(width * 32, width * 64), *block(width * 64, width * 16)]
    layers += [Conv2d(width * 16, 5 * boxes + classes, 1)]
    return he_normal(Sequential(*layers))
