"""U-Net (2015)."""

from __future__ import annotations

from fastconv.nn.activation import ReLU
from fastconv.nn.containers import Sequential
from fastconv.nn.conv import Conv2d
from fastconv.nn.conv_transpose import ConvTranspose2d
from fastconv.nn.models._initial import he_normal
from fastconv.nn.models.skip import CroppedConcat
from fastconv.nn.pool import MaxPool2d

__all__ = ["unet"]


def unet(
    in_channels: int = 1, classes: int = 2, width: int = 64, depth: int = 4, padding: int = 0
) -> Sequential:
    """U-Net: Ronneberger et al. 2015, "Convolutional networks for biomedical image segmentation".

    =====  =======================================================  ===========  =============
    level  going down                                               left half    right half
    =====  =======================================================  ===========  =============
    0      2 convolutions 3x3                                       64 x 568²    64 x 388²
    1      max pooling 2x2, 2 convolutions                          128 x 280²   128 x 196²
    2      max pooling 2x2, 2 convolutions                          256 x 136²   256 x 100²
    3      max pooling 2x2, 2 convolutions                          512 x 64²    512 x 52²
    4      max pooling 2x2, 2 convolutions                          1024 x 28²
    =====  =======================================================  ===========  =============

    Going up: a transposed convolution 2x2 of stride 2 that halves the channels, beside it the
    middle of the left half's map, and 2 convolutions 3x3; at last a convolution 1x1. 31,030,658
    parameters.

    Parameters
    ----------
    in_channels : int, default 1
        Channels of the 572x572 input.
    classes : int, default 2
        Of a pixel.
    width : int, default 64
        Channels of level 0, which those of the others go by.
    depth : int, default 4
        The number of the lowest level.
    padding : int, default 0
        Of the 3x3 convolutions. With 1 the output is as large as the input, where this is a
        multiple of 2**depth.

    Returns
    -------
    Sequential
        (N, in_channels, 572, 572) to (N, classes, 388, 388), scores of the pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.unet(3, 2, width=4, depth=2, padding=1)
    >>> net(np.zeros((1, 3, 32, 32), np.float32)).shape
    (1, 2, 32, 32)
    """

    def twice(inputs: int, outputs: int) -> Sequential:
        return Sequential(
            *(Conv2d(inputs, outputs, 3, padding=padding), ReLU()),
            *(Conv2d(outputs, outputs, 3, padding=padding), ReLU()),
        )

    channels = [in_channels, *(width * 2**level for level in range(depth + 1))]
    net = twice(channels[-2], channels[-1])
    for level in reversed(range(depth)):
        above, here, below = channels[level : level + 3]
        lower = Sequential(MaxPool2d(2), net, ConvTranspose2d(below, here, 2, stride=2))
        net = Sequential(twice(above, here), CroppedConcat(lower), twice(2 * here, here))
    return he_normal(Sequential(net, Conv2d(width, classes, 1)))
