"""Look into a network: feature maps, filters, what a decision depends on, what is mistaken.

Nothing here changes the network: modes, gradients, and what it remembers of its last forward pass
are as before.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastconv import _args
from fastconv._typing import FloatArray
from fastconv.nn.modes import no_grad
from fastconv.nn.module import Module

__all__ = ["confusion_matrix", "feature_maps", "filters", "occlusion", "saliency"]

BATCH = 256


@contextlib.contextmanager
def _looked_into(model: Module) -> Iterator[None]:
    """Eval mode, and no gradients of parameters; then all is as before."""
    modules = [(m, m.training, m.__dict__["_memory"]) for m in model.modules()]
    parameters = [(p, p.requires_grad, p.grad) for p in model.parameters()]
    model.eval()
    for parameter, _, _ in parameters:
        parameter.requires_grad, parameter.grad = False, None
    try:
        yield
    finally:
        for module, training, memory in modules:
            module.__dict__.update(training=training, _memory=memory)
        for parameter, requires_grad, grad in parameters:
            parameter.requires_grad, parameter.grad = requires_grad, grad


def _network(function: str, model: Any, argument: str = "model") -> Module:
    if not isinstance(model, Module):
        _args.wrong_type(function, argument, model, "a Module")
    return model


def _scores(model: Module, x: FloatArray, function: str) -> FloatArray:
    scores: FloatArray = model(x)
    if scores.ndim != 2 or len(scores) != len(x):
        raise ValueError(
            f"{function}: model: an output of shape {scores.shape} for {len(x)} images; "
            "(N, classes) is allowed"
        )
    return scores


def _targets(target: Any, scores: FloatArray, function: str) -> Any:
    """A class for each image: those given, or those with the highest scores."""
    count, classes = scores.shape
    if target is None:
        return scores.argmax(1)
    chosen = np.asarray(target)
    if chosen.dtype.kind not in "iu" or chosen.shape not in ((), (count,)):
        raise ValueError(
            f"{function}: target: {target!r}; a class or an array of {count} classes is allowed"
        )
    if chosen.size and not (chosen.min() >= 0 and chosen.max() < classes):
        raise ValueError(f"{function}: target: {target!r}; 0 to {classes - 1} are allowed")
    return np.broadcast_to(chosen, count)


def feature_maps(model: Module, x: FloatArray, name: str) -> Any:
    """The output of one layer within a network, in eval mode.

    Parameters
    ----------
    model : Module
        The network.
    x : ndarray
        Its input.
    name : str
        The layer, as `Module.named_modules` names it: ``"0"``, ``"features.3"``.

    Returns
    -------
    ndarray
        What the layer gave; (N, channels, height, width) for a convolution. The last output, where
        the layer is called several times.

    Raises
    ------
    ValueError
        If no layer has that name, or the network does not call it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2))
    >>> nn.inspect.feature_maps(model, np.zeros((1, 1, 8, 8), np.float32), "1").shape
    (1, 4, 6, 6)
    """
    layers = dict(_network("feature_maps", model).named_modules())
    if not isinstance(name, str):
        _args.wrong_type("feature_maps", "name", name, "the name of a layer")
    if name not in layers:
        listed = ", ".join(filter(None, layers))
        raise ValueError(f"feature_maps: name: {name!r}; {listed} are allowed")
    seen: list[Any] = []
    remove = layers[name].register_forward_hook(lambda layer, given, y: seen.append(y))
    try:
        with _looked_into(model), no_grad():
            model(x)
    finally:
        remove()
    if not seen:
        raise ValueError(f"feature_maps: name: {name!r}: the network does not call that layer")
    return seen[-1]


def filters(layer: Module) -> FloatArray:
    """The weights of a convolution: what each of its output channels looks for.

    Parameters
    ----------
    layer : Module
        A convolution; or a network, whose first one is taken.

    Returns
    -------
    ndarray, shape (out_channels, in_channels / groups, *kernel_size)
        A copy.

    Raises
    ------
    ValueError
        If there is no convolution.

    Examples
    --------
    >>> from fastconv import nn
    >>> model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    >>> nn.inspect.filters(model).shape
    (4, 1, 3, 3)
    """
    for module in _network("filters", layer, "layer").modules():
        weight = module.__dict__["_parameters"].get("weight")
        if weight is not None and weight.data.ndim > 2:
            copy: FloatArray = weight.data.copy()
            return copy
    raise ValueError(f"filters: layer: {type(layer).__name__} holds no convolution")


def saliency(model: Module, x: FloatArray, target: Any = None) -> FloatArray:
    """The gradient of a class's score with respect to the image, in eval mode.

    Where its absolute value is large, small changes of the image change the score most: Simonyan,
    Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2014.

    Parameters
    ----------
    model : Module
        Its output is (N, classes): the scores, before a softmax.
    x : ndarray, shape (N, ...)
        The images.
    target : int or array of int, shape (N,), optional
        The class, or one for each image; by default the one with the highest score.

    Returns
    -------
    ndarray
        Of the images' shape.

    Raises
    ------
    ValueError
        For another shape of the output, or a class that there is not.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> layer = nn.Linear(3, 2, dtype=np.float64)
    >>> gradient = nn.inspect.saliency(layer, np.ones((1, 3)), 1)
    >>> bool((gradient == layer.weight.data[1]).all())
    True
    """
    x = _args.as_array("saliency", "x", x)
    with _looked_into(_network("saliency", model)):
        scores = _scores(model, x, "saliency")
        chosen = _targets(target, scores, "saliency")
        one = np.zeros_like(scores)
        one[np.arange(len(x)), chosen] = 1
        gradient: FloatArray = model.backward(one)
    return gradient


def _windows(size: int, window: int, stride: int) -> Any:
    """The first and last places of a window along one axis; the last one ends at the edge."""
    starts = np.arange(0, size - window + stride, stride)
    return np.minimum(starts, size - window)


def _occlusion_arguments(x: FloatArray, window: int, stride: int) -> None:
    if x.ndim != 4:
        raise ValueError(f"occlusion: x: shape {x.shape}; (N, C, H, W) is allowed")
    for argument, value in (("window", window), ("stride", stride)):
        if not _args.is_integer(value):
            _args.wrong_type("occlusion", argument, value, "an int of at least 1")
    if not 1 <= window <= min(x.shape[2:]):
        raise ValueError(
            f"occlusion: window: {window}; 1 to {min(x.shape[2:])}, the images' size, is allowed"
        )
    if stride < 1:
        raise ValueError(f"occlusion: stride: {stride}; at least 1 is allowed")


def occlusion(
    model: Module,
    x: FloatArray,
    target: Any = None,
    window: int = 3,
    stride: int = 1,
    fill: float = 0.0,
) -> FloatArray:
    """A class's score with one part of the image hidden, for every place of the part.

    Where it is low, the network needs what was hidden: Zeiler and Fergus, "Visualizing and
    Understanding Convolutional Networks", 2014.

    Parameters
    ----------
    model : Module
        Its output is (N, classes). In eval mode.
    x : ndarray, shape (N, C, H, W)
        The images.
    target : int or array of int, shape (N,), optional
        The class, or one for each image; by default the one with the highest score for the whole
        image.
    window : int, default 3
        Height and width of what is hidden.
    stride : int, default 1
        From one place to the next. The last place is at the edge, whatever the stride.
    fill : float, default 0
        The value that hides.

    Returns
    -------
    ndarray, shape (N, rows, columns)
        With a row and a column for each place: ``ceil((size - window) / stride) + 1``.

    Raises
    ------
    ValueError
        For a window larger than the image, a stride below 1, another shape of the output, or a
        class that there is not.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    >>> nn.inspect.occlusion(model, np.ones((3, 1, 4, 4), np.float32), 0, window=2).shape
    (3, 3, 3)
    """
    _network("occlusion", model)
    x = _args.float_array("occlusion", "x", x)
    _occlusion_arguments(x, window, stride)
    height, width = x.shape[2:]
    tops, lefts = _windows(height, window, stride), _windows(width, window, stride)
    rows, columns = np.arange(height), np.arange(width)
    down = (rows >= tops[:, None]) & (rows < tops[:, None] + window)
    across = (columns >= lefts[:, None]) & (columns < lefts[:, None] + window)
    places = len(tops) * len(lefts)
    result = np.empty(len(x) * places, x.dtype)
    value = x.dtype.type(_args.number("occlusion", "fill", fill))
    with _looked_into(model), no_grad():
        chosen = _targets(target, _scores(model, x, "occlusion"), "occlusion")
        for start in range(0, len(result), BATCH):
            image, place = np.divmod(np.arange(start, min(start + BATCH, len(result))), places)
            row, column = np.divmod(place, len(lefts))
            hidden = down[row][:, None, :, None] & across[column][:, None, None, :]
            scores = model(np.where(hidden, value, x[image]))
            result[start : start + BATCH] = scores[np.arange(len(image)), chosen[image]]
    return result.reshape(len(x), len(tops), len(lefts))


def confusion_matrix(
    model: Module, images: FloatArray, labels: Any, classes: int | None = None
) -> Any:
    """How many images of each class are taken for which, in eval mode.

    Parameters
    ----------
    model : Module
        Its output is (N, classes).
    images : ndarray, shape (N, ...)
        The images.
    labels : ndarray of int, shape (N,)
        Their classes.
    classes : int, optional
        How many there are; by default as many as the network has outputs.

    Returns
    -------
    ndarray of int64, shape (classes, classes)
        A row for each true class, a column for each predicted one.

    Raises
    ------
    ValueError
        For numbers of images and labels that differ, or a label that is not below `classes`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> scores = np.array([[2.0, 1.0], [0.0, 1.0], [3.0, 1.0]])
    >>> nn.inspect.confusion_matrix(nn.Identity(), scores, np.array([0, 1, 1]))
    array([[1, 0],
           [1, 1]])
    """
    _network("confusion_matrix", model)
    true = np.asarray(labels)
    if true.shape != (len(images),) or true.dtype.kind not in "iu" or not true.size:
        raise ValueError(
            f"confusion_matrix: labels: shape {true.shape}, {true.dtype}; a whole number for each "
            f"of the {len(images)} images is allowed, of which there must be one"
        )
    predicted = np.empty(len(true), np.int64)
    width = 0
    with _looked_into(model), no_grad():
        for start in range(0, len(true), BATCH):
            scores = _scores(model, images[start : start + BATCH], "confusion_matrix")
            predicted[start : start + BATCH] = scores.argmax(1)
            width = scores.shape[1]
    size = width if classes is None else _args.integer("confusion_matrix", "classes", classes, 1)
    largest = max(int(true.max()), int(predicted.max()))
    if true.min() < 0 or largest >= size:
        raise ValueError(
            f"confusion_matrix: classes: {size}; labels and predictions are from "
            f"{true.min()} to {largest}"
        )
    # In int64: a product of small integers, such as labels of one byte, would wrap around.
    places = true.astype(np.int64) * size + predicted
    return np.bincount(places, minlength=size * size).reshape(size, size)
