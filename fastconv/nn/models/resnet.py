"""ResNet-18, ResNet-50 and ResNet-152 (2015)."""

from __future__ import annotations

from fastconv._docs import filler
from fastconv._typing import FloatArray
from fastconv.nn.activation import ReLU
from fastconv.nn.adaptive import AdaptiveAvgPool2d
from fastconv.nn.containers import Identity, Sequential
from fastconv.nn.conv import Conv2d
from fastconv.nn.linear import Linear
from fastconv.nn.models._initial import he_normal
from fastconv.nn.module import Module
from fastconv.nn.norm import BatchNorm2d
from fastconv.nn.pool import MaxPool2d
from fastconv.nn.reshape import Flatten

__all__ = ["BasicBlock", "Bottleneck", "resnet18", "resnet50", "resnet152"]

filled = filler(
    {
        "arguments": """\
Parameters
----------
in_channels : int, default 3
    Channels of the input.
classes : int, default 1000
    Outputs.
width : int, default 64
    Channels of conv1, which those of the others go by.

Returns
-------
Sequential
    (N, in_channels, H, W) to (N, classes): scores for `CrossEntropyLoss`.""",
    }
)


def _shortcut(in_channels: int, out_channels: int, stride: int) -> Module:
    """The input itself, or brought to the shape of the block's output."""
    if stride == 1 and in_channels == out_channels:
        return Identity()
    return Sequential(
        Conv2d(in_channels, out_channels, 1, stride, bias=False), BatchNorm2d(out_channels)
    )


class _Block(Module):
    """``relu(body(x) + downsample(x))``, with torchvision's names for the layers."""

    expansion: int
    way: tuple[str, ...]  # the names of the body's layers, in order
    downsample: Module
    relu: Module

    def body(self) -> list[Module]:
        """The layers of the longer way, in order."""
        return [self._children[name] for name in self.way]

    def forward(self, x: FloatArray) -> FloatArray:
        y = x
        for layer in self.body():
            y = layer(y)
        out: FloatArray = self.relu(y + self.downsample(x))
        return out

    def backward(self, gy: FloatArray) -> FloatArray:
        gy = gx = self.relu.backward(gy)
        for layer in reversed(self.body()):
            gx = layer.backward(gx)
        skipped: FloatArray = self.downsample.backward(gy)
        return gx + skipped


class BasicBlock(_Block):
    """Two convolutions 3x3 beside a shortcut (He et al. 2016, figure 5 left).

    Parameters
    ----------
    in_channels : int
        Of the input.
    channels : int
        Of the output.
    stride : int, default 1
        Of the first convolution.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.models.BasicBlock(4, 8, 2)(np.ones((1, 4, 8, 8), np.float32)).shape
    (1, 8, 4, 4)
    """

    expansion = 1
    way = ("conv1", "bn1", "relu1", "conv2", "bn2")

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = Conv2d(in_channels, channels, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm2d(channels)
        self.relu1 = ReLU()
        self.conv2 = Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = BatchNorm2d(channels)
        self.downsample = _shortcut(in_channels, channels, stride)
        self.relu = ReLU()


class Bottleneck(_Block):
    """Convolutions 1x1, 3x3 and 1x1 beside a shortcut (He et al. 2016, figure 5 right).

    The stride is that of the 3x3 one, as in torchvision (the paper: of the first).

    Parameters
    ----------
    in_channels : int
        Of the input.
    channels : int
        Of the 3x3 convolution; the output has four times as many.
    stride : int, default 1
        Of the 3x3 convolution.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.models.Bottleneck(4, 8, 2)(np.ones((1, 4, 8, 8), np.float32)).shape
    (1, 32, 4, 4)
    """

    expansion = 4
    way = ("conv1", "bn1", "relu1", "conv2", "bn2", "relu2", "conv3", "bn3")

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = BatchNorm2d(channels)
        self.relu1 = ReLU()
        self.conv2 = Conv2d(channels, channels, 3, stride, padding=1, bias=False)
        self.bn2 = BatchNorm2d(channels)
        self.relu2 = ReLU()
        self.conv3 = Conv2d(channels, 4 * channels, 1, bias=False)
        self.bn3 = BatchNorm2d(4 * channels)
        self.downsample = _shortcut(in_channels, 4 * channels, stride)
        self.relu = ReLU()


def _resnet(
    block: type[BasicBlock] | type[Bottleneck],
    depths: tuple[int, int, int, int],
    in_channels: int,
    classes: int,
    width: int,
) -> Sequential:
    layers: dict[str, Module] = {
        "conv1": Conv2d(in_channels, width, 7, stride=2, padding=3, bias=False),
        "bn1": BatchNorm2d(width),
        "relu": ReLU(),
        "maxpool": MaxPool2d(3, stride=2, padding=1),
    }
    inputs = width
    for number, depth in enumerate(depths):
        channels = width * 2**number
        blocks = []
        for i in range(depth):
            blocks.append(block(inputs, channels, stride=2 if number and not i else 1))
            inputs = channels * block.expansion
        layers[f"layer{number + 1}"] = Sequential(*blocks)
    layers |= {
        "avgpool": AdaptiveAvgPool2d(1),
        "flatten": Flatten(),
        "fc": Linear(inputs, classes),
    }
    return he_normal(Sequential(layers), linear=None)


@filled
def resnet18(in_channels: int = 3, classes: int = 1000, width: int = 64) -> Sequential:
    """ResNet-18: He et al. 2016, "Deep residual learning for image recognition".

    =======  ==================================  ==========
    layer                                        output
    =======  ==================================  ==========
    conv1    7x7, stride 2                       64 x 112²
             max pooling 3x3, stride 2           64 x 56²
    layer1   2 blocks of 3x3, 3x3                64 x 56²
    layer2   2 blocks, the first of stride 2     128 x 28²
    layer3   2 blocks, the first of stride 2     256 x 14²
    layer4   2 blocks, the first of stride 2     512 x 7²
    fc       global mean, fully connected        1000
    =======  ==================================  ==========

    11,689,512 parameters. The names in `state_dict` are torchvision's: its weights can be loaded.

    $arguments

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.resnet18(classes=10, width=8)
    >>> net(np.zeros((2, 3, 64, 64), np.float32)).shape
    (2, 10)
    """
    return _resnet(BasicBlock, (2, 2, 2, 2), in_channels, classes, width)


@filled
def resnet50(in_channels: int = 3, classes: int = 1000, width: int = 64) -> Sequential:
    """ResNet-50: He et al. 2016, "Deep residual learning for image recognition".

    =======  =================================  ==========
    layer                                       output
    =======  =================================  ==========
    conv1    7x7, stride 2                      64 x 112²
             max pooling 3x3, stride 2          64 x 56²
    layer1   3 blocks of 1x1, 3x3, 1x1          256 x 56²
    layer2   4 blocks, the first of stride 2    512 x 28²
    layer3   6 blocks, the first of stride 2    1024 x 14²
    layer4   3 blocks, the first of stride 2    2048 x 7²
    fc       global mean, fully connected       1000
    =======  =================================  ==========

    25,557,032 parameters. The names in `state_dict` are torchvision's: its weights can be loaded.

    $arguments

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.resnet50(classes=10, width=4)
    >>> net(np.zeros((2, 3, 64, 64), np.float32)).shape
    (2, 10)
    """
    return _resnet(Bottleneck, (3, 4, 6, 3), in_channels, classes, width)


@filled
def resnet152(in_channels: int = 3, classes: int = 1000, width: int = 64) -> Sequential:
    """ResNet-152: `resnet50` with 3, 8, 36 and 3 blocks.

    60,192,808 parameters. The names in `state_dict` are torchvision's: its weights can be loaded.

    $arguments

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.resnet152(classes=10, width=4)
    >>> net(np.zeros((2, 3, 64, 64), np.float32)).shape
    (2, 10)
    """
    return _resnet(Bottleneck, (3, 8, 36, 3), in_channels, classes, width)
