"""What the readers give, and the mini-batches made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from fastconv import _args
from fastconv._typing import FloatArray

__all__ = ["Dataset", "Images", "batches"]

Augmentation = Callable[[FloatArray, np.random.Generator], FloatArray]
DIGITS = tuple("0123456789")


class Images(NamedTuple):
    """Images and their labels: a pair, as `fastconv.nn.fit` takes it.

    Attributes
    ----------
    images : ndarray of float32, shape (N, C, H, W)
        Values from 0 to 1.
    labels : ndarray of int64, shape (N,)
        The class of each image, from 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> pair = nn.data.Images(np.zeros((5, 1, 8, 8), np.float32), np.arange(5))
    >>> x, y = pair
    >>> x.shape, y.shape
    ((5, 1, 8, 8), (5,))
    """

    images: FloatArray
    labels: Any


class Dataset(NamedTuple):
    """What to train on and what to test with.

    Attributes
    ----------
    train, test : Images
        Each a pair of images and labels.
    classes : tuple of str
        The classes' names.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> pair = nn.data.Images(np.zeros((5, 1, 8, 8), np.float32), np.arange(5))
    >>> train, test, classes = nn.data.Dataset(pair, pair, tuple("01234"))
    >>> train.images.shape, classes[3]
    ((5, 1, 8, 8), '3')
    """

    train: Images
    test: Images
    classes: tuple[str, ...]


def pair(name: str, argument: str, value: Any, least: int) -> tuple[int, int]:
    """A height and a width, of one int or two."""
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2:
        _args.wrong_value(name, argument, value, "an int or a pair of ints")
    height, width = (_args.integer(name, argument, size, least) for size in both)
    return height, width


def batches(
    images: FloatArray,
    labels: Any,
    batch_size: int,
    generator: np.random.Generator | None = None,
    *,
    augment: Augmentation | None = None,
    drop_last: bool = False,
) -> Iterator[tuple[FloatArray, Any]]:
    """Mini-batches of one epoch.

    Parameters
    ----------
    images : ndarray, shape (N, ...)
        The images. They are not changed.
    labels : ndarray, shape (N, ...)
        Their labels.
    batch_size : int
        At least 1. The last batch may be smaller.
    generator : numpy.random.Generator, optional
        Shuffles the images; by default they keep their order.
    augment : callable, optional
        Called with a batch and the generator: see `RandomFlip`, `RandomCrop`, `RandomShift`. It
        needs a generator.
    drop_last : bool, default False
        Whether a last batch that is smaller is left out.

    Yields
    ------
    tuple of ndarray
        Images and labels: views where nothing is shuffled, else copies.

    Raises
    ------
    ValueError, TypeError
        For a batch size that is no int of at least 1, lengths that differ, or an augmentation
        without a generator.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> images, labels = np.zeros((5, 1, 8, 8), np.float32), np.arange(5)
    >>> [list(map(int, y)) for x, y in nn.data.batches(images, labels, 2)]
    [[0, 1], [2, 3], [4]]
    >>> generator = np.random.default_rng(0)
    >>> sorted(int(i) for x, y in nn.data.batches(images, labels, 2, generator) for i in y)
    [0, 1, 2, 3, 4]
    """
    batch_size = _args.integer("batches", "batch_size", batch_size, 1)
    if len(images) != len(labels):
        raise ValueError(f"batches: {len(images)} images and {len(labels)} labels; equal numbers")
    if augment is not None and generator is None:
        raise ValueError("batches: augment: it needs a generator")
    return _batches(images, labels, batch_size, generator, augment, drop_last)


def _batches(
    images: FloatArray,
    labels: Any,
    batch_size: int,
    generator: np.random.Generator | None,
    augment: Augmentation | None,
    drop_last: bool,
) -> Iterator[tuple[FloatArray, Any]]:
    count = len(images)
    order = None if generator is None else generator.permutation(count)
    end = count - count % batch_size if drop_last else count
    for start in range(0, end, batch_size):
        stop = min(start + batch_size, end)
        chosen: Any = slice(start, stop) if order is None else order[start:stop]
        x, y = images[chosen], labels[chosen]
        if augment is not None and generator is not None:
            x = augment(x, generator)
        yield x, y
