"""FCN-8s (2015)."""

from __future__ import annotations

from fastconv.nn.activation import ReLU
from fastconv.nn.containers import Sequential
from fastconv.nn.conv import Conv2d
from fastconv.nn.conv_transpose import ConvTranspose2d
from fastconv.nn.dropout import Dropout
from fastconv.nn.models._initial import bilinear, he_normal
from fastconv.nn.models.skip import CroppedSum, CroppedToInput
from fastconv.nn.models.vgg import stage
from fastconv.nn.pool import MaxPool2d

__all__ = ["fcn8s"]


def fcn8s(
    in_channels: int = 3, classes: int = 21, width: int = 64, hidden: int = 4096
) -> CroppedToInput:
    """FCN-8s: Long et al. 2015, "Fully convolutional networks for semantic segmentation".

    =======  ===========================================================  =====================
    step                                                                  channels, of the size
    =======  ===========================================================  =====================
    pool3    stages 1 to 3 of VGG-16, the first of padding 100            256, 1/8
    pool4    stage 4                                                      512, 1/16
    pool5    stage 5                                                      512, 1/32
    fc7      convolutions 7x7 and 1x1, each with ReLU and dropout         4096, 1/32
    score    convolution 1x1                                              21, 1/32
    up       transposed 4x4, stride 2; plus a convolution 1x1 of pool4    21, 1/16
    up       transposed 4x4, stride 2; plus a convolution 1x1 of pool3    21, 1/8
    up       transposed 16x16, stride 8                                   21, 1
    =======  ===========================================================  =====================

    134,489,759 parameters. The transposed convolutions begin as bilinear interpolation and the
    scores as 0.

    Parameters
    ----------
    in_channels : int, default 3
        Channels of the input.
    classes : int, default 21
        Of a pixel.
    width : int, default 64
        Channels of the first convolutions.
    hidden : int, default 4096
        Channels of fc7.

    Returns
    -------
    CroppedToInput
        (N, in_channels, H, W) to (N, classes, H, W): scores of the pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.fcn8s(classes=5, width=2, hidden=8)
    >>> net(np.zeros((1, 3, 20, 30), np.float32)).shape
    (1, 5, 20, 30)
    """

    scores = [Conv2d(channels, classes, 1) for channels in (4 * width, 8 * width, hidden)]

    def up(stride: int) -> ConvTranspose2d:
        layer = ConvTranspose2d(classes, classes, 2 * stride, stride, bias=False)
        layer.weight.data[...] = bilinear(classes, 2 * stride)
        return layer

    def pool() -> MaxPool2d:
        return MaxPool2d(2, ceil_mode=True)

    deepest = Sequential(
        *(*stage(4, in_channels, width), pool()),
        *(Conv2d(8 * width, hidden, 7), ReLU(), Dropout(0.5)),
        *(Conv2d(hidden, hidden, 1), ReLU(), Dropout(0.5)),
        *(scores[2], up(2)),
    )
    pool4 = CroppedSum(deepest, scores[1], offset=5)
    middle = Sequential(*stage(3, in_channels, width), pool(), pool4, up(2))
    pool3 = CroppedSum(middle, scores[0], offset=9)
    whole = Sequential(
        *(*stage(0, in_channels, width, padding=100), pool()),
        *(*stage(1, in_channels, width), pool()),
        *(*stage(2, in_channels, width), pool()),
        *(pool3, up(8)),
    )
    he_normal(whole)
    for layer in scores:
        layer.weight.data[...] = 0
    return CroppedToInput(whole, offset=31)
