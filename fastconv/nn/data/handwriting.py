"""The handwritten digits that ship with scikit-learn: real data without a download."""

from __future__ import annotations

import numpy as np

from fastconv.nn.data.dataset import DIGITS, Dataset, Images

__all__ = ["digits"]

TRAIN = 1437  # four in five; the others are for the test
SEED = 1998


def digits() -> Dataset:
    """1797 handwritten digits of 8 x 8 pixels, from 43 people.

    Of Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits" (UCI, 1998), as
    ``sklearn.datasets.load_digits`` ships them. The split is always the same one: 1437 images to
    train on, 360 to test with.

    Returns
    -------
    Dataset
        Images of float32, shape (N, 1, 8, 8), values from 0 to 1; labels of int64.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Examples
    --------
    >>> from fastconv import nn
    >>> train, test, classes = nn.data.digits()
    >>> train.images.shape, test.images.shape
    ((1437, 1, 8, 8), (360, 1, 8, 8))
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            'digits: scikit-learn is not installed: run pip install "fastconv[nn]"'
        ) from error
    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = labels.astype(np.int64)
    # NumPy promises that the raw numbers of a bit generator stay; not so a Generator's shuffles.
    order = np.argsort(np.random.PCG64(SEED).random_raw(len(images)), kind="stable")
    train, test = order[:TRAIN], order[TRAIN:]
    return Dataset(Images(images[train], labels[train]), Images(images[test], labels[test]), DIGITS)
