"""LeNet-1 (1989) and LeNet-5 (1998)."""

from __future__ import annotations

from fastconv.nn.activation import ReLU
from fastconv.nn.containers import Sequential
from fastconv.nn.conv import Conv2d
from fastconv.nn.linear import Linear
from fastconv.nn.models.lenet_layers import ScaledTanh, Subsampling, TableConv2d
from fastconv.nn.pool import MaxPool2d
from fastconv.nn.reshape import Flatten

__all__ = ["lenet1", "lenet5", "lenet5_1998"]

# Which channels of H2 each channel of H3 sees: table 1 of the paper of 1989, transposed.
_H3 = [[0], [0, 1], [0, 1], [1], [0, 1], [0, 1], [2], [2, 3], [2, 3], [3], [2, 3], [2, 3]]

# Which channels of S2 each channel of C3 sees: table I of the paper of 1998, transposed.
_C3 = [
    *([0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [0, 4, 5], [0, 1, 5]),
    *([0, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [0, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 5]),
    *([0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]),
]


def lenet1(in_channels: int = 1, classes: int = 10) -> Sequential:
    """LeNet-1: LeCun et al. 1989, "Handwritten digit recognition with a back-propagation network".

    ======  ==========================================  ==========  ==========
    layer                                               output      parameters
    ======  ==========================================  ==========  ==========
    H1      convolution 5x5                             4 x 24x24          104
    H2      mean of 2x2, coefficient and bias           4 x 12x12            8
    H3      convolution 5x5, 20 of the 48 connections   12 x 8x8           512
    H4      mean of 2x2, coefficient and bias           12 x 4x4            24
    output  fully connected                             10               1,930
    ======  ==========================================  ==========  ==========

    2,578 parameters, as published. All but the output are squashed by a scaled tanh; the output is
    left to the loss.

    Parameters
    ----------
    in_channels : int, default 1
        Channels of the 28x28 input.
    classes : int, default 10
        Outputs.

    Returns
    -------
    Sequential
        (N, in_channels, 28, 28) to (N, classes).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.lenet1()
    >>> net(np.zeros((1, 1, 28, 28), np.float32)).shape
    (1, 10)
    >>> sum(p.size for p in net.parameters())
    2578
    """
    return Sequential(
        *(Conv2d(in_channels, 4, 5), ScaledTanh()),
        *(Subsampling(4), ScaledTanh()),
        *(TableConv2d(4, _H3, 5), ScaledTanh()),
        *(Subsampling(12), ScaledTanh()),
        *(Flatten(), Linear(12 * 4 * 4, classes)),
    )


def lenet5(in_channels: int = 1, classes: int = 10) -> Sequential:
    """LeNet-5 as it is built today: ReLU, max pooling, all channels connected.

    =====  ===========================  ==========  ==========
    layer                               output      parameters
    =====  ===========================  ==========  ==========
    C1     convolution 5x5, padding 2   6 x 28x28          156
    S2     max pooling 2x2              6 x 14x14
    C3     convolution 5x5              16 x 10x10       2,416
    S4     max pooling 2x2              16 x 5x5
    C5     fully connected              120             48,120
    F6     fully connected              84              10,164
           fully connected              10                 850
    =====  ===========================  ==========  ==========

    The sizes are those of LeCun et al. 1998, "Gradient-based learning applied to document
    recognition"; `lenet5_1998` has the other layers of the paper too.

    Parameters
    ----------
    in_channels : int, default 1
        Channels of the 28x28 input.
    classes : int, default 10
        Outputs.

    Returns
    -------
    Sequential
        (N, in_channels, 28, 28) to (N, classes): scores for `CrossEntropyLoss`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.lenet5()
    >>> net(np.zeros((1, 1, 28, 28), np.float32)).shape
    (1, 10)
    >>> sum(p.size for p in net.parameters())
    61706
    """
    return Sequential(
        *(Conv2d(in_channels, 6, 5, padding=2), ReLU(), MaxPool2d(2)),
        *(Conv2d(6, 16, 5), ReLU(), MaxPool2d(2)),
        *(Flatten(), Linear(16 * 5 * 5, 120), ReLU()),
        *(Linear(120, 84), ReLU(), Linear(84, classes)),
    )


def lenet5_1998(in_channels: int = 1, classes: int = 10) -> Sequential:
    """LeNet-5: LeCun et al. 1998, "Gradient-based learning applied to document recognition".

    =====  ==========================================  ==========  ==========
    layer                                              output      parameters
    =====  ==========================================  ==========  ==========
    C1     convolution 5x5                             6 x 28x28          156
    S2     mean of 2x2, coefficient and bias           6 x 14x14           12
    C3     convolution 5x5, 60 of the 96 connections   16 x 10x10       1,516
    S4     mean of 2x2, coefficient and bias           16 x 5x5            32
    C5     convolution 5x5                             120 x 1x1       48,120
    F6     fully connected                             84              10,164
           fully connected                             10                 850
    =====  ==========================================  ==========  ==========

    60,000 trained parameters up to F6, as published. The paper's output compares F6 with fixed
    drawings of the digits; here it is a fully connected layer, for `CrossEntropyLoss`.

    Parameters
    ----------
    in_channels : int, default 1
        Channels of the 32x32 input.
    classes : int, default 10
        Outputs.

    Returns
    -------
    Sequential
        (N, in_channels, 32, 32) to (N, classes).

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.lenet5_1998()
    >>> net(np.zeros((1, 1, 32, 32), np.float32)).shape
    (1, 10)
    >>> sum(p.size for p in net[:-1].parameters())
    60000
    """
    return Sequential(
        *(Conv2d(in_channels, 6, 5), ScaledTanh()),
        *(Subsampling(6), ScaledTanh()),
        *(TableConv2d(6, _C3, 5), ScaledTanh()),
        *(Subsampling(16), ScaledTanh()),
        *(Conv2d(16, 120, 5), ScaledTanh(), Flatten()),
        *(Linear(120, 84), ScaledTanh()),
        Linear(84, classes),
    )
