"""The networks of the papers, each a short function that reads like its table.

They compute on images (N, channels, height, width) of float32; ``.double()`` makes them float64.
Initial weights are those of the layers, or what the paper or torchvision says.
"""

from fastconv.nn.models.alexnet import alexnet
from fastconv.nn.models.dcgan import dcgan_discriminator, dcgan_generator
from fastconv.nn.models.fcn import fcn8s
from fastconv.nn.models.hed import HED, hed
from fastconv.nn.models.hed_loss import HEDLoss
from fastconv.nn.models.lenet import lenet1, lenet5, lenet5_1998
from fastconv.nn.models.lenet_layers import ScaledTanh, Subsampling, TableConv2d
from fastconv.nn.models.neocognitron import neocognitron
from fastconv.nn.models.resnet import BasicBlock, Bottleneck, resnet18, resnet50, resnet152
from fastconv.nn.models.skip import CroppedConcat, CroppedSum, CroppedToInput
from fastconv.nn.models.unet import unet
from fastconv.nn.models.vgg import vgg16
from fastconv.nn.models.yolo import tiny_yolo
from fastconv.nn.models.yolo_boxes import Detections, yolo_decode
from fastconv.nn.models.yolo_loss import YOLOLoss

__all__ = [
    "HED",
    "BasicBlock",
    "Bottleneck",
    "CroppedConcat",
    "CroppedSum",
    "CroppedToInput",
    "Detections",
    "HEDLoss",
    "ScaledTanh",
    "Subsampling",
    "TableConv2d",
    "YOLOLoss",
    "alexnet",
    "dcgan_discriminator",
    "dcgan_generator",
    "fcn8s",
    "hed",
    "lenet1",
    "lenet5",
    "lenet5_1998",
    "neocognitron",
    "resnet18",
    "resnet50",
    "resnet152",
    "tiny_yolo",
    "unet",
    "vgg16",
    "yolo_decode",
]
