"""DCGAN's generator and discriminator (2016)."""

from __future__ import annotations

from typing import TypeVar

from fastconv.nn import init
from fastconv.nn.activation import LeakyReLU, ReLU, Sigmoid, Tanh
from fastconv.nn.containers import Sequential
from fastconv.nn.conv import Conv2d
from fastconv.nn.conv_transpose import ConvTranspose2d
from fastconv.nn.module import Module
from fastconv.nn.norm import BatchNorm2d
from fastconv.nn.reshape import Flatten

__all__ = ["dcgan_discriminator", "dcgan_generator"]

M = TypeVar("M", bound=Module)


def _initial(net: M) -> M:
    """The paper's section 4: normal, of deviation 0.02."""
    for layer in net.modules():
        if isinstance(layer, (Conv2d, ConvTranspose2d)):
            init.fill_normal(layer.weight.data, 0.02)
        elif isinstance(layer, BatchNorm2d) and layer.weight is not None:
            init.fill_normal(layer.weight.data, 0.02, mean=1.0)
    return net


def dcgan_generator(noise: int = 100, channels: int = 3, width: int = 128) -> Sequential:
    """DCGAN's generator: from noise to an image.

    Radford et al. 2016, "Unsupervised representation learning with deep convolutional generative
    adversarial networks".

    ==================================================  ===========
    layer                                               output
    ==================================================  ===========
    transposed convolution 4x4 (the projection)         1024 x 4²
    transposed convolution 5x5, stride 2                512 x 8²
    transposed convolution 5x5, stride 2                256 x 16²
    transposed convolution 5x5, stride 2                128 x 32²
    transposed convolution 5x5, stride 2                3 x 64²
    ==================================================  ===========

    All but the last are followed by batch normalisation, which stands for their bias, and a ReLU,
    the last by tanh.

    Parameters
    ----------
    noise : int, default 100
        Values that an image is made of.
    channels : int, default 3
        Of the image.
    width : int, default 128
        Channels of the layer before the image.

    Returns
    -------
    Sequential
        (N, noise, 1, 1) to (N, channels, 64, 64), from -1 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.dcgan_generator(width=4)
    >>> net(np.zeros((2, 100, 1, 1), np.float32)).shape
    (2, 3, 64, 64)
    """

    def twice(inputs: int, outputs: int, bias: bool = False) -> ConvTranspose2d:
        return ConvTranspose2d(inputs, outputs, 5, 2, padding=2, output_padding=1, bias=bias)

    w = width
    return _initial(
        Sequential(
            *(ConvTranspose2d(noise, 8 * w, 4, bias=False), BatchNorm2d(8 * w), ReLU()),
            *(twice(8 * w, 4 * w), BatchNorm2d(4 * w), ReLU()),
            *(twice(4 * w, 2 * w), BatchNorm2d(2 * w), ReLU()),
            *(twice(2 * w, w), BatchNorm2d(w), ReLU()),
            *(twice(w, channels, bias=True), Tanh()),
        )
    )


def dcgan_discriminator(channels: int = 3, width: int = 64) -> Sequential:
    """DCGAN's discriminator: from an image to whether it is real.

    Radford et al. 2016, "Unsupervised representation learning with deep convolutional generative
    adversarial networks".

    ============================  ===========
    layer                         output
    ============================  ===========
    convolution 5x5, stride 2     64 x 32²
    convolution 5x5, stride 2     128 x 16²
    convolution 5x5, stride 2     256 x 8²
    convolution 5x5, stride 2     512 x 4²
    convolution 4x4, sigmoid      1
    ============================  ===========

    The first four are followed by a leaky ReLU of slope 0.2, the second to fourth before it by
    batch normalisation, which stands for their bias.

    Parameters
    ----------
    channels : int, default 3
        Of the 64x64 image.
    width : int, default 64
        Channels of the first convolution.

    Returns
    -------
    Sequential
        (N, channels, 64, 64) to (N, 1), the probability that an image is real, for `BCELoss`.
        Without its last layer, ``net[:-1]``, it gives the score for `BCEWithLogitsLoss`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.dcgan_discriminator(width=4)
    >>> net(np.zeros((2, 3, 64, 64), np.float32)).shape
    (2, 1)
    """

    def half(inputs: int, outputs: int, bias: bool = False) -> Conv2d:
        return Conv2d(inputs, outputs, 5, 2, padding=2, bias=bias)

    w = width
    return _initial(
        Sequential(
            *(half(channels, w, bias=True), LeakyReLU(0.2)),
            *(half(w, 2 * w), BatchNorm2d(2 * w), LeakyReLU(0.2)),
            *(half(2 * w, 4 * w), BatchNorm2d(4 * w), LeakyReLU(0.2)),
            *(half(4 * w, 8 * w), BatchNorm2d(8 * w), LeakyReLU(0.2)),
            *(Conv2d(8 * w, 1, 4), Flatten(), Sigmoid()),
        )
    )
