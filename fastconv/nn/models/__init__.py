"""The networks of the papers, each a short function that reads like its table.

They compute on images (N, channels, height, width) of float32; ``.double()`` makes them float64.
Initial weights are those of the layers, or what the paper or torchvision says.
"""

from fastconv.nn.models.lenet import lenet1, lenet5, lenet5_1998
from fastconv.nn.models.lenet_layers import ScaledTanh, Subsampling, TableConv2d
from fastconv.nn.models.neocognitron import neocognitron
from fastconv.nn.models.skip import CroppedConcat, CroppedSum, CroppedToInput
from fastconv.nn.models.unet import unet

__all__ = [
    "CroppedConcat",
    "CroppedSum",
    "CroppedToInput",
    "ScaledTanh",
    "Subsampling",
    "TableConv2d",
    "lenet1",
    "lenet5",
    "lenet5_1998",
    "neocognitron",
    "unet",
]
