"""Initial weights of deep networks, which those of the layers would be too small for."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from fastconv.nn import init
from fastconv.nn.conv import Conv2d
from fastconv.nn.linear import Linear
from fastconv.nn.module import Module

__all__ = ["bilinear", "he_normal"]

M = TypeVar("M", bound=Module)


def he_normal(net: M, linear: float | None = 0.01) -> M:
    """Draw anew: what ReLUs pass on keeps its size through any number of convolutions.

    He et al. 2015, "Delving deep into rectifiers": a variance of 2 / (out_channels * window).

    Parameters
    ----------
    net : Module
        The network.
    linear : float, optional
        The standard deviation of fully connected layers; None leaves them as they are.

    Returns
    -------
    Module
        The network. All biases that were drawn are 0.
    """
    for layer in net.modules():
        if isinstance(layer, Conv2d):
            outputs, _, *window = layer.weight.shape
            fan_out = outputs * math.prod(window) // layer.groups
            init.fill_normal(layer.weight.data, math.sqrt(2 / fan_out))
        elif isinstance(layer, Linear) and linear is not None:
            init.fill_normal(layer.weight.data, linear)
        else:
            continue
        if layer.bias is not None:
            layer.bias.data[...] = 0
    return net


def bilinear(channels: int, size: int) -> Any:
    """The weight of a transposed convolution that interpolates each channel by itself.

    Parameters
    ----------
    channels : int
        Of input and output.
    size : int
        The window's, twice the stride.

    Returns
    -------
    ndarray
        Of shape (channels, channels, size, size).
    """
    weight = np.zeros((channels, channels, size, size), np.float32)
    factor = (size + 1) // 2
    centre = factor - 1 if size % 2 else factor - 0.5
    line = 1 - np.abs(np.arange(size) - centre) / factor
    weight[np.arange(channels), np.arange(channels)] = line[:, None] * line
    return weight
