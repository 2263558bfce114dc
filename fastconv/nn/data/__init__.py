"""Images with labels: data sets, batches, augmentation."""

from fastconv.nn.data.augment import Compose, RandomCrop, RandomFlip, RandomShift
from fastconv.nn.data.cifar import CIFAR10_CLASSES, cifar10
from fastconv.nn.data.dataset import Dataset, Images, batches
from fastconv.nn.data.frame import framed
from fastconv.nn.data.handwriting import digits
from fastconv.nn.data.idx import mnist, read_idx

__all__ = [
    "CIFAR10_CLASSES",
    "Compose",
    "Dataset",
    "Images",
    "RandomCrop",
    "RandomFlip",
    "RandomShift",
    "batches",
    "cifar10",
    "digits",
    "framed",
    "mnist",
    "read_idx",
]
