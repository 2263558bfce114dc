"""Layers with explicit forward and backward, losses, optimisers and networks.

``y = layer(x)`` remembers what the gradient needs; ``gx = layer.backward(gy)`` returns the input's
gradient and adds to each ``Parameter.grad``. Names, arguments, defaults and ``state_dict`` keys are
torch's. No tape: containers call their layers in the opposite order.
"""

from fastconv.nn import data, inspect, models, plot
from fastconv.nn.activation import LeakyReLU, LogSoftmax, ReLU, ReLU6, Sigmoid, SiLU, Softmax, Tanh
from fastconv.nn.adaptive import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveAvgPool3d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    AdaptiveMaxPool3d,
    GlobalAvgPool1d,
    GlobalAvgPool2d,
    GlobalAvgPool3d,
)
from fastconv.nn.checkpoint import load_checkpoint, save_checkpoint
from fastconv.nn.code import from_code
from fastconv.nn.containers import Concat, Identity, Residual, Sequential
from fastconv.nn.conv import Conv1d, Conv2d, Conv3d
from fastconv.nn.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from fastconv.nn.cross_entropy import CrossEntropyLoss, NLLLoss
from fastconv.nn.dropout import DropConnect, Dropout, Dropout1d, Dropout2d, Dropout3d
from fastconv.nn.evaluate import Score, evaluate, predict
from fastconv.nn.fit import Progress, fit
from fastconv.nn.history import History
from fastconv.nn.linear import Linear
from fastconv.nn.loss import Loss
from fastconv.nn.loss_elementwise import BCELoss, BCEWithLogitsLoss, L1Loss, MSELoss
from fastconv.nn.lrn import LocalResponseNorm
from fastconv.nn.maxout import Maxout
from fastconv.nn.modes import is_grad_enabled, no_grad
from fastconv.nn.module import IncompatibleKeys, Module
from fastconv.nn.nonfinite import NonFiniteLossError
from fastconv.nn.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from fastconv.nn.optim import SGD, Adam, AdamW, Optimizer
from fastconv.nn.parameter import Parameter
from fastconv.nn.pool import (
    AvgPool1d,
    AvgPool2d,
    AvgPool3d,
    LPPool1d,
    LPPool2d,
    LPPool3d,
    MaxPool1d,
    MaxPool2d,
    MaxPool3d,
)
from fastconv.nn.random import get_rng_state, manual_seed, set_rng_state
from fastconv.nn.reshape import Flatten, Unflatten, ZeroPad1d, ZeroPad2d, ZeroPad3d
from fastconv.nn.schedule import CosineAnnealingLR, LinearScalingWarmup, Schedule, StepLR
from fastconv.nn.state_io import load, save
from fastconv.nn.summary import Summary, summarise
from fastconv.nn.unpool import MaxUnpool1d, MaxUnpool2d, MaxUnpool3d
from fastconv.nn.upsample import Upsample

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Concat",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "CosineAnnealingLR",
    "CrossEntropyLoss",
    "DropConnect",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Dropout3d",
    "Flatten",
    "GlobalAvgPool1d",
    "GlobalAvgPool2d",
    "GlobalAvgPool3d",
    "History",
    "Identity",
    "IncompatibleKeys",
    "L1Loss",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "LeakyReLU",
    "Linear",
    "LinearScalingWarmup",
    "LocalResponseNorm",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
    "Maxout",
    "Module",
    "NLLLoss",
    "NonFiniteLossError",
    "Optimizer",
    "Parameter",
    "Progress",
    "ReLU",
    "ReLU6",
    "Residual",
    "Schedule",
    "Score",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "StepLR",
    "Summary",
    "Tanh",
    "Unflatten",
    "Upsample",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
    "data",
    "evaluate",
    "fit",
    "from_code",
    "get_rng_state",
    "inspect",
    "is_grad_enabled",
    "load",
    "load_checkpoint",
    "manual_seed",
    "models",
    "no_grad",
    "plot",
    "predict",
    "save",
    "save_checkpoint",
    "set_rng_state",
    "summarise",
]
