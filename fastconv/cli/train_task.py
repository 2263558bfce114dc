"""What `fastconv train` trains: its arguments as data, network and optimiser."""

import argparse
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastconv import nn
from fastconv.cli.errors import CommandError
from fastconv.cli.extras import require
from fastconv.nn.data import Dataset, Images

LENET_SIZE = 28
SHIFT = 9  # images are moved by up to this part of their size
RATES = {"adam": 0.002, "adamw": 0.002, "sgd": 0.05}
MOMENTUM = 0.9


@dataclass
class Task:
    """Everything that `fit` needs, and what it was made from.

    Attributes
    ----------
    settings : dict
        What the weights depend on; stands in training.json and is compared by ``--resume``.
    data : Dataset
        The images as the network takes them.
    """

    settings: dict[str, Any]
    data: Dataset
    model: Any
    optimiser: Any
    schedule: Any
    augment: Any


def _read(words: list[str]) -> Dataset:
    name, *paths = words
    if (name, len(paths)) not in (("digits", 0), ("mnist", 1), ("cifar10", 1)):
        given = " ".join(words)
        raise CommandError(f"--data {given}: digits, mnist PATH or cifar10 PATH is allowed")
    try:
        if name == "digits":
            require("sklearn.datasets", extra="nn")
            return nn.data.digits()
        return nn.data.mnist(paths[0]) if name == "mnist" else nn.data.cifar10(paths[0])
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.strerror else str(error)
        raise CommandError(f"--data {name}: {reason}") from error
    except ValueError as error:
        raise CommandError(f"--data {name}: {error}") from error


def _framed(data: Dataset, size: int) -> Dataset:
    train, test = (
        Images(nn.data.framed(part.images, size), part.labels) for part in (data.train, data.test)
    )
    return Dataset(train, test, data.classes)


def _network(net: str, data: Dataset) -> Any:
    channels, *size = data.train.images.shape[1:]
    classes = len(data.classes)
    if net == "lenet5":
        return nn.models.lenet5(channels, classes)
    try:
        return nn.from_code(net, in_channels=channels, input_shape=size, classes=classes)
    except ValueError as error:
        first = str(error).splitlines()[0].removeprefix("from_code: code: ")
        raise CommandError(f"--net {net}: lenet5, or a code: {first}") from error


def _optimiser(name: str, model: Any, rate: float) -> Any:
    if name == "sgd":
        return nn.SGD(model.parameters(), rate, momentum=MOMENTUM)
    return (nn.Adam if name == "adam" else nn.AdamW)(model.parameters(), rate)


def _augmentation(name: str, size: int) -> Any:
    """What leaves labels true: digits and clothes may be moved, photographs mirrored, too."""
    shift = nn.data.RandomShift(size // SHIFT)
    return nn.data.Compose(shift, nn.data.RandomFlip()) if name == "cifar10" else shift


def fingerprint(data: Dataset) -> str:
    """A number that other images or labels hardly share."""
    value = 0
    for array in (*data.train, *data.test):
        value = zlib.crc32(np.ascontiguousarray(array).data, value)
    return f"{value:08x}"


def prepare(arguments: argparse.Namespace) -> Task:
    """Read the data and build the network.

    Parameters
    ----------
    arguments : Namespace
        Of `fastconv.cli.train`.

    Returns
    -------
    Task
        Ready for `fit`.

    Raises
    ------
    CommandError
        For data that cannot be read, or a network that cannot be built for it.
    """
    data = _read(arguments.data)
    name = arguments.data[0]
    if arguments.net == "lenet5":
        data = _framed(data, LENET_SIZE)
    rate = RATES[arguments.optimiser] if arguments.lr is None else arguments.lr
    nn.manual_seed(arguments.seed)
    model = _network(arguments.net, data)
    optimiser = _optimiser(arguments.optimiser, model, rate)
    settings = {
        "data": name,
        "images": fingerprint(data),
        "net": arguments.net,
        "epochs": arguments.epochs,
        "seed": arguments.seed,
        "batch_size": arguments.batch_size,
        "optimiser": arguments.optimiser,
        "lr": rate,
    }
    return Task(
        settings=settings,
        data=data,
        model=model,
        optimiser=optimiser,
        schedule=nn.CosineAnnealingLR(optimiser, arguments.epochs),
        augment=_augmentation(name, data.train.images.shape[-1]),
    )
