"""HED, holistically-nested edge detection (2015)."""

from __future__ import annotations

import numpy as np

from fastconv._typing import FloatArray
from fastconv.nn.containers import Identity, Sequential
from fastconv.nn.conv import Conv2d
from fastconv.nn.models._initial import he_normal
from fastconv.nn.models.skip import crop, uncrop
from fastconv.nn.models.vgg import stage
from fastconv.nn.module import Module
from fastconv.nn.pool import MaxPool2d
from fastconv.nn.upsample import Upsample

__all__ = ["HED", "hed"]


class HED(Module):
    """A chain of stages, a map from each of them, and a mixture of these maps.

    Parameters
    ----------
    stages : Sequential
        Each takes the output of the one before.
    sides : Sequential
        As many: from a stage's output to a map of one channel that is as large as the network's
        input, or larger.
    fuse : Module
        From all the maps, side by side, to one.

    Notes
    -----
    Input (N, C, H, W), output (N, sides + 1, H, W): the map of each side, at last the mixture.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.models.HED(
    ...     nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)),
    ...     nn.Sequential(nn.Conv2d(8, 1, 1), nn.Conv2d(8, 1, 1)),
    ...     nn.Conv2d(2, 1, 1),
    ... )
    >>> net(np.zeros((1, 3, 10, 12), np.float32)).shape
    (1, 3, 10, 12)
    """

    def __init__(self, stages: Sequential, sides: Sequential, fuse: Module) -> None:
        super().__init__()
        if len(stages) != len(sides):
            raise ValueError(
                f"HED: sides: {len(sides)}; one of each of the {len(stages)} stages is allowed"
            )
        self.stages = stages
        self.sides = sides
        self.fuse = fuse

    def forward(self, x: FloatArray) -> FloatArray:
        size = x.shape[-2:]
        maps, whole = [], []
        for stage_, side in zip(self.stages, self.sides, strict=True):
            x = stage_(x)
            y = side(x)
            whole.append(y.shape[-2:])
            maps.append(crop("HED", y, size, (0, 0)))
        self.remember(whole)
        joined = np.concatenate(maps, -3)
        return np.concatenate([joined, self.fuse(joined)], -3)

    def backward(self, gy: FloatArray) -> FloatArray:
        whole = self.remembered()
        n = len(whole)
        fused = np.ascontiguousarray(gy[..., n:, :, :])
        maps = gy[..., :n, :, :] + self.fuse.backward(fused)
        gx: FloatArray | None = None
        for i in reversed(range(n)):
            own = uncrop(maps[..., i : i + 1, :, :], whole[i], (0, 0))
            from_side = self.sides[i].backward(own)
            gx = self.stages[i].backward(from_side if gx is None else from_side + gx)
        assert gx is not None
        return gx


def hed(in_channels: int = 3, width: int = 64) -> HED:
    """HED: Xie and Tu 2015, "Holistically-nested edge detection".

    ======  =======================================  ==========  ===========
    stage                                            output      parameters
    ======  =======================================  ==========  ===========
    1       2 convolutions 3x3                       64, 1/1          38,720
    2       max pooling, 2 convolutions              128, 1/2        221,440
    3       max pooling, 3 convolutions              256, 1/4      1,475,328
    4       max pooling, 3 convolutions              512, 1/8      5,899,776
    5       max pooling, 3 convolutions              512, 1/16     7,079,424
    sides   from each a convolution 1x1, enlarged    5, 1/1            1,477
    fuse    convolution 1x1 of the five              1, 1/1                6
    ======  =======================================  ==========  ===========

    14,716,171 parameters: VGG-16 without its last pooling and what follows. The enlarging is
    bilinear interpolation, as in the paper, with corners as of ``torch.nn.Upsample``.

    Parameters
    ----------
    in_channels : int, default 3
        Channels of the input.
    width : int, default 64
        Channels of the first convolutions.

    Returns
    -------
    HED
        (N, in_channels, H, W) to (N, 6, H, W): whether each pixel is an edge, by the five sides
        and by all together, as scores for `HEDLoss`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.models.hed(width=2)(np.zeros((1, 3, 20, 30), np.float32)).shape
    (1, 6, 20, 30)
    """
    stages, sides = [], []
    for number in range(5):
        pool = [MaxPool2d(2, ceil_mode=True)] if number else []
        stages.append(Sequential(*pool, *stage(number, in_channels, width)))
        score = Conv2d(width * (1, 2, 4, 8, 8)[number], 1, 1)
        enlarge = Upsample(scale_factor=2**number, mode="bilinear") if number else Identity()
        sides.append(Sequential(score, enlarge))
    fuse = Conv2d(5, 1, 1)
    net = he_normal(HED(Sequential(*stages), Sequential(*sides), fuse))
    for side in sides:
        side[0].weight.data[...] = 0
    fuse.weight.data[...] = 1 / 5
    return net
