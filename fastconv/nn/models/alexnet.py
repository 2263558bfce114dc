"""AlexNet (2012)."""

from __future__ import annotations

from fastconv.nn.activation import ReLU
from fastconv.nn.containers import Sequential
from fastconv.nn.conv import Conv2d
from fastconv.nn.dropout import Dropout
from fastconv.nn.linear import Linear
from fastconv.nn.lrn import LocalResponseNorm
from fastconv.nn.pool import MaxPool2d
from fastconv.nn.reshape import Flatten

__all__ = ["alexnet"]


def alexnet(
    in_channels: int = 3, classes: int = 1000, width: int = 96, hidden: int = 4096
) -> Sequential:
    """AlexNet: Krizhevsky et al. 2012, "ImageNet classification with deep convolutional networks".

    =====  ========================================  ==========  ==========
    layer                                            output      parameters
    =====  ========================================  ==========  ==========
    conv1  11x11, stride 4, padding 2                96 x 55x55      34,944
           normalised, max pooling 3x3, stride 2     96 x 27x27
    conv2  5x5, padding 2, 2 groups                  256 x 27x27    307,456
           normalised, max pooling 3x3, stride 2     256 x 13x13
    conv3  3x3, padding 1                            384 x 13x13    885,120
    conv4  3x3, padding 1, 2 groups                  384 x 13x13    663,936
    conv5  3x3, padding 1, 2 groups                  256 x 13x13    442,624
           max pooling 3x3, stride 2                 256 x 6x6
    fc6    dropout, fully connected                  4096        37,752,832
    fc7    dropout, fully connected                  4096        16,781,312
    fc8    fully connected                           1000         4,097,000
    =====  ========================================  ==========  ==========

    60,965,224 parameters: the paper's 60 million. The 2 groups are its two GPUs. (torchvision's
    has one group, other widths and no normalisation.)

    Parameters
    ----------
    in_channels : int, default 3
        Channels of the 224x224 input.
    classes : int, default 1000
        Outputs.
    width : int, default 96
        Channels of conv1, which those of the others go by: a multiple of 12.
    hidden : int, default 4096
        Values of fc6 and fc7.

    Returns
    -------
    Sequential
        (N, in_channels, 224, 224) to (N, classes): scores for `CrossEntropyLoss`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.alexnet(classes=10, width=12, hidden=64)
    >>> net(np.zeros((1, 3, 224, 224), np.float32)).shape
    (1, 10)
    """
    if width % 12 or width < 1:
        raise ValueError(f"alexnet: width: {width}; a positive multiple of 12 is allowed")
    c1, c2, c3 = width, width * 8 // 3, width * 4
    features = Sequential(
        *(Conv2d(in_channels, c1, 11, stride=4, padding=2), ReLU()),
        *(_normalised(), MaxPool2d(3, stride=2)),
        *(Conv2d(c1, c2, 5, padding=2, groups=2), ReLU()),
        *(_normalised(), MaxPool2d(3, stride=2)),
        *(Conv2d(c2, c3, 3, padding=1), ReLU()),
        *(Conv2d(c3, c3, 3, padding=1, groups=2), ReLU()),
        *(Conv2d(c3, c2, 3, padding=1, groups=2), ReLU()),
        MaxPool2d(3, stride=2),
    )
    classifier = Sequential(
        *(Dropout(0.5), Linear(c2 * 6 * 6, hidden), ReLU()),
        *(Dropout(0.5), Linear(hidden, hidden), ReLU()),
        Linear(hidden, classes),
    )
    return Sequential({"features": features, "flatten": Flatten(), "classifier": classifier})


def _normalised() -> LocalResponseNorm:
    """The paper's constants; its alpha is for the sum over the 5 channels, torch's for the mean."""
    return LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
