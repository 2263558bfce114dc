"""``fastconv train``: a network on images with labels, from one command to figures and weights."""

import argparse
import math
from pathlib import Path
from typing import Any

from fastconv.cli.errors import CommandError
from fastconv.cli.extras import require

SUMMARY = "train a network on digits, MNIST or CIFAR-10"
DESCRIPTION = """\
Train a network: by default LeNet-5 on scikit-learn's handwritten digits, which takes seconds.
Nothing is downloaded: MNIST's IDX files (.gz too) and CIFAR-10's binary files have to be there.

  fastconv train
  fastconv train --data mnist FOLDER --epochs 5
  fastconv train --data cifar10 FOLDER --net "(CBR)2P(CBR)2PDF"

A CODE has a letter a layer: C convolution 3x3, R ReLU, P max pooling 2x2, A average pooling,
G global average pooling, B batch normalisation, D dropout, F fully connected; a number repeats the
letter or the group before it.

Writes to the folder: weights.safetensors, training.json, curves.png, confusion.png, filters.png,
and after each epoch checkpoint.npz, from which --resume goes on; without it, those of another run
that are there are deleted. The same command gives the same weights, bit for bit, whatever the
number of threads, and also if it was killed and resumed.

Exit codes: 0 done, 2 an error, 130 interrupted."""
EXTRAS = ("matplotlib.figure", "safetensors")
MOST = 10**9


def _whole(least: int, text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else -1
    if not least <= number <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {MOST}")
    return number


def _positive(text: str) -> int:
    return _whole(1, text)


def _seed(text: str) -> int:
    return _whole(0, text)


def _rate(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "--data",
        nargs="+",
        default=["digits"],
        metavar=("digits|mnist PATH|cifar10 PATH", "PATH"),
        help="the images (default: digits)",
    )
    parser.add_argument(
        "--net", default="lenet5", metavar="lenet5|CODE", help="the network (default: %(default)s)"
    )
    parser.add_argument(
        "--epochs",
        type=_positive,
        default=60,
        metavar="N",
        help="how often to go over the images (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=_seed,
        default=0,
        metavar="N",
        help="of the initial weights, the order of the images and their changes (default: 0)",
    )
    parser.add_argument(
        "--batch-size",
        type=_positive,
        default=32,
        metavar="N",
        help="images a step (default: %(default)s)",
    )
    parser.add_argument(
        "--optimiser",
        choices=("adam", "adamw", "sgd"),
        default="adam",
        help="sgd has a momentum of 0.9 (default: %(default)s)",
    )
    parser.add_argument(
        "--lr",
        type=_rate,
        metavar="RATE",
        help="the learning rate at first; it falls to 0 along a cosine (default: 0.003, sgd 0.05)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("train-results"),
        metavar="DIR",
        help="folder for the files, created if missing (default: %(default)s)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from the folder's checkpoint, if it has one, with the same other arguments",
    )


def _train(task: Any, results: Any, resume: bool) -> Any:
    """Run the epochs; every error of the network's or the folder's becomes one line."""
    from fastconv import nn
    from fastconv.cli.train_progress import Reporter

    try:
        results.open(task.settings, resume)
        with Reporter(task.settings["epochs"]) as report:
            return nn.fit(
                task.model,
                nn.CrossEntropyLoss(),
                task.optimiser,
                task.data.train,
                task.data.test,
                epochs=task.settings["epochs"],
                batch_size=task.settings["batch_size"],
                seed=task.settings["seed"],
                schedule=task.schedule,
                augment=task.augment,
                checkpoint=results.checkpoint,
                resume=resume,
                progress=report,
            )
    except (ValueError, ArithmeticError) as error:
        raise CommandError(str(error).splitlines()[0]) from error


def run(arguments: argparse.Namespace) -> int:
    """Train, and write the files."""
    require(*EXTRAS, extra="nn")
    from fastconv.cli import train_report, train_task
    from fastconv.cli.train_folder import Folder

    task = train_task.prepare(arguments)
    results = Folder(arguments.out)
    try:
        with results:
            history = _train(task, results, arguments.resume)
            paths = train_report.finish(task, history, results)
    except BrokenPipeError:  # of standard output
        raise
    except OSError as error:
        reason = error.strerror or error
        raise CommandError(f"cannot write to {arguments.out}: {reason}") from error
    except KeyboardInterrupt:
        if results.checkpoint.exists():
            raise KeyboardInterrupt("epochs that are done are kept, --resume goes on") from None
        raise
    print("written:", ", ".join(str(path) for path in paths))
    return 0
