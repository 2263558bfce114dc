"""What `fastconv.nn.inspect` finds, and how training went, as matplotlib figures.

Each function returns a ``matplotlib.figure.Figure``, which ``figure.savefig("name.png")`` writes
and a notebook shows. pyplot is not involved, so no window opens. matplotlib is imported here, and
only when something is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastconv._typing import FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["confusion_matrix", "curves", "feature_maps", "filters", "occlusion", "saliency"]

INCH = 1.1  # width and height of a small picture
MOST_NUMBERS = 30  # classes of a confusion matrix whose numbers can be read
CURVES = (("loss", ("train_loss", "val_loss")), ("accuracy", ("train_accuracy", "val_accuracy")))


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            'plot: matplotlib is not installed: run pip install "fastconv[nn]"'
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def _grid(rows: int, columns: int, title: str | None, most: float = 12.0) -> tuple[Figure, Any]:
    """A figure of small pictures without axes: at least a few inches wide, so that titles fit."""
    width = min(max(columns * INCH, 3.0), most)
    height = rows * width / columns + (0.4 if title else 0)
    figure = _figure(width, min(max(height, 1.2), 40.0))
    axes = figure.subplots(rows, columns, squeeze=False)
    for one in axes.flat:
        one.set_axis_off()
    if title:
        figure.suptitle(title, fontsize=10)
    return figure, axes


def _picture(image: FloatArray) -> FloatArray:
    """(C, H, W) as matplotlib takes it: coloured for three channels, else their mean; 0 to 1."""
    plane = np.moveaxis(image, 0, -1) if len(image) == 3 else image.mean(0)
    low, high = float(plane.min()), float(plane.max())
    scaled: FloatArray = (plane - low) / (high - low) if high > low else np.zeros_like(plane)
    return scaled


def _images(name: str, value: Any) -> FloatArray:
    array = np.asarray(value)
    if array.ndim == 3:
        array = array[None]
    if array.ndim != 4 or 0 in array.shape:
        raise ValueError(f"plot: {name}: shape {array.shape}; (N, C, H, W) or (C, H, W) is allowed")
    return array


def feature_maps(maps: Any, *, title: str | None = None, columns: int = 8) -> Figure:
    """Draw the output of a layer: a picture for each channel.

    Parameters
    ----------
    maps : ndarray, shape (C, H, W) or (N, C, H, W)
        From `inspect.feature_maps`. Of one image, the channels fill lines; of several, each image
        has a line.
    title : str, optional
        Stands above.
    columns : int, default 8
        Pictures in a line, for one image.

    Returns
    -------
    matplotlib.figure.Figure
        Each picture is scaled by itself.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> figure = nn.plot.feature_maps(np.random.default_rng(0).random((6, 12, 12)))
    >>> len(figure.axes)
    6
    """
    stack = _images("maps", maps)
    count, channels = stack.shape[:2]
    across = min(columns, channels) if count == 1 else channels
    pictures = stack.reshape(count * channels, *stack.shape[2:])
    figure, axes = _grid(math.ceil(len(pictures) / across), across, title)
    for one, picture in zip(axes.flat, pictures, strict=False):
        one.imshow(picture, cmap="gray")
    for one in axes.flat[len(pictures) :]:
        one.remove()
    return figure


def filters(weights: Any, *, title: str | None = None, columns: int = 8) -> Figure:
    """Draw the weights of a two-dimensional convolution.

    Parameters
    ----------
    weights : ndarray, shape (K, C, H, W)
        From `inspect.filters`. Filters of three channels are shown in colour, those of one channel
        from blue (negative) to red (positive); of other numbers, a line for each filter, a picture
        for each of its channels.
    title : str, optional
        Stands above.
    columns : int, default 8
        Pictures in a line.

    Returns
    -------
    matplotlib.figure.Figure
        One scale for all pictures.

    Examples
    --------
    >>> from fastconv import nn
    >>> figure = nn.plot.filters(nn.inspect.filters(nn.Conv2d(1, 6, 5)))
    >>> len(figure.axes)
    6
    """
    array = _images("weights", weights)
    count, channels = array.shape[:2]
    largest = float(np.abs(array).max()) or 1.0
    if channels == 3:
        pictures = np.moveaxis(array, 1, -1) / (2 * largest) + 0.5
        shown: dict[str, Any] = {}
        across = min(columns, count)
    else:
        pictures = array.reshape(count * channels, *array.shape[2:])
        shown = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}
        across = min(columns, count) if channels == 1 else channels
    figure, axes = _grid(math.ceil(len(pictures) / across), across, title)
    for one, picture in zip(axes.flat, pictures, strict=False):
        one.imshow(picture, **shown)
    for one in axes.flat[len(pictures) :]:
        one.remove()
    return figure


def _pairs(
    images: Any, below: FloatArray, title: str | None, titles: Sequence[str] | None, **shown: Any
) -> Figure:
    """Images in a line, and a map of each below it."""
    above = _images("images", images)
    if len(above) != len(below):
        raise ValueError(f"plot: {len(above)} images and {len(below)} maps; equal numbers")
    if titles is not None and len(titles) != len(above):
        raise ValueError(f"plot: {len(above)} images and {len(titles)} titles; equal numbers")
    figure, axes = _grid(2, len(above), title)
    for column, (image, plane) in enumerate(zip(above, below, strict=True)):
        axes[0, column].imshow(_picture(image), cmap="gray")
        axes[1, column].imshow(plane, **shown)
        if titles is not None:
            axes[0, column].set_title(titles[column], fontsize=8)
    return figure


def saliency(
    images: Any, gradients: Any, *, title: str | None = None, titles: Sequence[str] | None = None
) -> Figure:
    """Draw images, and below each how much its pixels matter.

    Parameters
    ----------
    images : ndarray, shape (N, C, H, W) or (C, H, W)
        The images.
    gradients : ndarray
        From `inspect.saliency`, of the images' shape. The largest absolute value over the channels
        is shown, as in Simonyan et al. 2014.
    title : str, optional
        Stands above.
    titles : sequence of str, optional
        One for each image.

    Returns
    -------
    matplotlib.figure.Figure
        Each map is scaled by itself.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> images = np.random.default_rng(0).random((2, 3, 8, 8))
    >>> len(nn.plot.saliency(images, images).axes)
    4
    """
    maps = np.abs(_images("gradients", gradients)).max(1)
    return _pairs(images, maps, title, titles, cmap="inferno", vmin=0)


def occlusion(
    images: Any, scores: Any, *, title: str | None = None, titles: Sequence[str] | None = None
) -> Figure:
    """Draw images, and below each the score of its class with every part of it hidden.

    Parameters
    ----------
    images : ndarray, shape (N, C, H, W) or (C, H, W)
        The images.
    scores : ndarray, shape (N, rows, columns) or (rows, columns)
        From `inspect.occlusion`.
    title : str, optional
        Stands above.
    titles : sequence of str, optional
        One for each image.

    Returns
    -------
    matplotlib.figure.Figure
        Dark where the network needs what was hidden; each map is scaled by itself.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> rng = np.random.default_rng(0)
    >>> len(nn.plot.occlusion(rng.random((2, 1, 8, 8)), rng.random((2, 6, 6))).axes)
    4
    """
    maps = np.asarray(scores)
    maps = maps[None] if maps.ndim == 2 else maps
    if maps.ndim != 3:
        raise ValueError(f"plot: scores: shape {maps.shape}; (N, rows, columns) is allowed")
    return _pairs(images, maps, title, titles, cmap="viridis")


def _curve(history: Any, key: str) -> list[Any]:
    """One quantity of all epochs; none where it was not measured."""
    try:
        values = list(history[key])
    except KeyError:
        return []
    return [] if all(value is None for value in values) else values


def curves(history: Any, *, title: str | None = None, held_out: str = "validation") -> Figure:
    """Draw loss and accuracy over the epochs.

    Parameters
    ----------
    history : History, or mapping of str to sequence of float
        With ``"train_loss"`` and, where there are such, ``"val_loss"``, ``"train_accuracy"`` and
        ``"val_accuracy"``.
    title : str, optional
        Stands above.
    held_out : str, default "validation"
        What to call the data that ``"val_loss"`` is of.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for losses, one for accuracies if there are any.

    Examples
    --------
    >>> from fastconv import nn
    >>> figure = nn.plot.curves({"train_loss": [1.0, 0.5], "val_loss": [1.1, 0.7]})
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['training', 'validation']
    """
    found = {key: _curve(history, key) for _, keys in CURVES for key in keys}
    panels = [(name, keys) for name, keys in CURVES if any(found[key] for key in keys)]
    if not panels:
        raise ValueError("plot: history: it holds neither losses nor accuracies")
    figure = _figure(5.0 * len(panels), 3.6)
    for axes, (name, keys) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        for key in keys:
            values = [math.nan if value is None else value for value in found[key]]
            if values:
                epochs = range(1, len(values) + 1)
                label = held_out if key.startswith("val_") else "training"
                axes.plot(epochs, values, marker=".", label=label)
        axes.set_xlabel("epoch")
        axes.set_ylabel(name)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def confusion_matrix(
    counts: Any, classes: Sequence[str] | None = None, *, title: str | None = None
) -> Figure:
    """Draw what is taken for what.

    Parameters
    ----------
    counts : ndarray of int, shape (classes, classes)
        From `inspect.confusion_matrix`: a row for each true class.
    classes : sequence of str, optional
        Their names; by default their numbers.
    title : str, optional
        Stands above.

    Returns
    -------
    matplotlib.figure.Figure
        Shaded by the share of the true class; with the numbers, unless there are too many.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> figure = nn.plot.confusion_matrix(np.array([[5, 1], [0, 4]]), ("cat", "dog"))
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['5', '1', '', '4']
    """
    table = np.asarray(counts)
    size = len(table)
    if table.ndim != 2 or table.shape != (size, size) or not size:
        raise ValueError(f"plot: counts: shape {table.shape}; a square is allowed")
    names = [str(i) for i in range(size)] if classes is None else list(classes)
    if len(names) != size:
        raise ValueError(f"plot: classes: {len(names)} names; {size} are allowed")
    share = table / np.maximum(table.sum(1, keepdims=True), 1)
    side = min(max(0.45 * size + 1.5, 3.0), 14.0)
    figure = _figure(side, side)
    axes = figure.add_subplot()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(size), names, rotation=90 if max(map(len, names)) > 2 else 0)
    axes.set_yticks(range(size), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if size <= MOST_NUMBERS:
        for (row, column), count in np.ndenumerate(table):
            colour = "white" if share[row, column] > 0.5 else "black"
            text = str(count) if count else ""
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
    if title:
        axes.set_title(title, fontsize=10)
    return figure
