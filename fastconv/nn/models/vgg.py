"""VGG-16 (2014), and its stages, which FCN and HED stand on."""

from __future__ import annotations

from fastconv.nn.activation import ReLU
from fastconv.nn.adaptive import AdaptiveAvgPool2d
from fastconv.nn.containers import Sequential
from fastconv.nn.conv import Conv2d
from fastconv.nn.dropout import Dropout
from fastconv.nn.linear import Linear
from fastconv.nn.models._initial import he_normal
from fastconv.nn.module import Module
from fastconv.nn.pool import MaxPool2d
from fastconv.nn.reshape import Flatten

__all__ = ["vgg16"]

DEPTHS = (2, 2, 3, 3, 3)
"""Convolutions of each stage; its channels are the width times 1, 2, 4, 8 and 8."""


def stage(number: int, in_channels: int, width: int, padding: int = 1) -> list[Module]:
    """The convolutions 3x3 of one of the five stages, without its pooling.

    `padding` is that of the first.
    """
    outputs = width * (1, 2, 4, 8, 8)[number]
    layers: list[Module] = []
    for i in range(DEPTHS[number]):
        inputs = outputs if i else (width * (0, 1, 2, 4, 8)[number] or in_channels)
        layers += [Conv2d(inputs, outputs, 3, padding=1 if i else padding), ReLU()]
    return layers


def vgg16(
    in_channels: int = 3, classes: int = 1000, width: int = 64, hidden: int = 4096
) -> Sequential:
    """VGG-16: Simonyan and Zisserman 2014, "Very deep convolutional networks", configuration D.

    ======================  ===========  ===========
    layers                  output       parameters
    ======================  ===========  ===========
    2 convolutions 3x3      64 x 224²         38,720
    pooling, 2 more         128 x 112²       221,440
    pooling, 3 more         256 x 56²      1,475,328
    pooling, 3 more         512 x 28²      5,899,776
    pooling, 3 more         512 x 14²      7,079,424
    pooling                 512 x 7²
    fully connected         4096         102,764,544
    fully connected         4096          16,781,312
    fully connected         1000           4,097,000
    ======================  ===========  ===========

    138,357,544 parameters. All poolings are max 2x2; the names in `state_dict` are torchvision's.

    Parameters
    ----------
    in_channels : int, default 3
        Channels of the input.
    classes : int, default 1000
        Outputs.
    width : int, default 64
        Channels of the first convolutions.
    hidden : int, default 4096
        Values of the first two fully connected layers.

    Returns
    -------
    Sequential
        (N, in_channels, 224, 224) to (N, classes): scores for `CrossEntropyLoss`. Another size is
        brought to 7x7 before the fully connected layers by adaptive mean pooling.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.vgg16(classes=10, width=4, hidden=32)
    >>> net(np.zeros((1, 3, 64, 64), np.float32)).shape
    (1, 10)
    """
    features = [
        layer for number in range(5) for layer in (*stage(number, in_channels, width), MaxPool2d(2))
    ]
    classifier = Sequential(
        *(Linear(width * 8 * 7 * 7, hidden), ReLU(), Dropout(0.5)),
        *(Linear(hidden, hidden), ReLU(), Dropout(0.5)),
        Linear(hidden, classes),
    )
    return he_normal(
        Sequential(
            {
                "features": Sequential(*features),
                "avgpool": AdaptiveAvgPool2d(7),
                "flatten": Flatten(),
                "classifier": classifier,
            }
        )
    )
