"""Modules made of modules: one after another, beside a shortcut, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np

from fastconv import _args
from fastconv._typing import FloatArray
from fastconv.nn._arrays import gradient
from fastconv.nn._located import locate
from fastconv.nn._passes import Pass, go_back, go_back_last, is_trained, passed
from fastconv.nn.activation import ReLU
from fastconv.nn.conv import Conv1d, Conv2d, Conv3d
from fastconv.nn.module import Module

__all__ = ["Concat", "Identity", "Residual", "Sequential"]

_CONVOLUTIONS = (Conv1d, Conv2d, Conv3d)


class Identity(Module):
    """The input itself, both ways. Matches ``torch.nn.Identity``.

    Parameters
    ----------
    *args, **kwargs
        Unread: those of the layer that it takes the place of.

    Examples
    --------
    >>> from fastconv import nn
    >>> nn.Identity()("anything")
    'anything'
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return x

    def backward(self, gy: Any) -> Any:
        return gy


class Container(Module):
    """The base of those that call their children, and keep what each remembers of each call."""

    def start(self) -> None:
        """Let go of the last passes: their arrays would stay for all of the next one."""
        self.__dict__["_memory"] = None

    def check_layer(self, argument: str, layer: Any) -> None:
        """Refuse what is no module."""
        if not isinstance(layer, Module):
            name = type(self).__name__
            raise TypeError(f"{name}: {argument}: {type(layer).__name__}; a Module is allowed")


def _is_convolution_with_relu(layer: Any, behind: Any) -> bool:
    """Of exactly these classes, and nobody looks at what is between them."""
    return (
        type(behind) is ReLU
        and type(layer) in _CONVOLUTIONS
        and not (layer._hooks or behind._hooks)
    )


class Sequential(Container):
    """Layers one after another. Matches ``torch.nn.Sequential``.

    A `ReLU` right behind a convolution is applied as the convolution stores its result, unless one
    of the two has a hook; the results are the same, bit for bit. A layer may stand in several
    places, and shares its parameters among them.

    Parameters
    ----------
    *layers : Module, or one mapping of str to Module
        In order; named "0", "1", ..., or by the mapping.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2))
    >>> net(np.zeros((1, 1, 28, 28), np.float32)).shape
    (1, 6, 12, 12)
    >>> net[0].weight.shape
    (6, 1, 5, 5)
    """

    def __init__(self, *layers: Module | Mapping[str, Module]) -> None:
        super().__init__()
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named = dict(layers[0])
        else:
            named = {str(i): layer for i, layer in enumerate(layers)}  # type: ignore[misc]
        for name, layer in named.items():
            self.check_layer("layers", layer)
            self.add_module(name, layer)

    def forward(self, x: Any) -> Any:
        layers: list[Any] = list(self._children.values())
        passes: list[Pass] = []
        self.start()
        relu_done = False
        try:
            for layer, behind in zip_longest(layers, layers[1:]):
                if relu_done:  # as the convolution in front of it stored x
                    layer.remember(x)
                    relu_done = False
                else:
                    relu_done = _is_convolution_with_relu(layer, behind)
                    x = layer.forward_relu(x) if relu_done else layer(x)
                passes.append(passed(layer))
        except Exception as error:  # of `forward_relu`: calls do so themselves
            locate(error, layer)
            raise
        self.remember(passes)
        return x

    def backward(self, gy: Any) -> Any:
        for through in reversed(self.remembered()):
            gy = go_back(through, gy)
        return gy

    def backward_parameters(self, gy: Any) -> None:
        if not self._goes_back_as(Sequential):
            self.backward(gy)
            return
        passes = self.remembered()
        first = next((i for i, through in enumerate(passes) if is_trained(through)), len(passes))
        for through in reversed(passes[first + 1 :]):
            gy = go_back(through, gy)
        for through in passes[first : first + 1]:
            go_back_last(through, gy)

    def append(self, layer: Module) -> Sequential:
        """Add a layer at the end, named by its number.

        Parameters
        ----------
        layer : Module
            The layer.

        Returns
        -------
        Sequential
            This container.
        """
        self.check_layer("layer", layer)
        number = len(self)
        while str(number) in self._children:  # those of a slice keep their names
            number += 1
        self.add_module(str(number), layer)
        return self

    def _name(self, index: int) -> str:
        names = list(self._children)
        if not _args.is_integer(index):
            _args.wrong_type(type(self).__name__, "index", index, "an int")
        try:
            return names[index]
        except IndexError:
            raise IndexError(
                f"{type(self).__name__}: index: {index}; it has {len(names)} layers"
            ) from None

    def __len__(self) -> int:
        return len(self._children)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._children.values())

    def __getitem__(self, index: Any) -> Any:
        """A layer, or a `Sequential` of a slice's layers (the same objects)."""
        if isinstance(index, slice):
            return Sequential(dict(list(self._children.items())[index]))
        return self._children[self._name(index)]

    def __setitem__(self, index: int, layer: Module) -> None:
        self.check_layer("layer", layer)
        setattr(self, self._name(index), layer)


class Residual(Container):
    """``body(x) + shortcut(x)``: a skip connection (He et al. 2016).

    Parameters
    ----------
    body : Module
        Its output has the shape of the shortcut's.
    shortcut : Module, optional
        By default the input itself.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Residual(nn.ReLU())(np.array([-1.0, 2.0]))
    array([-1.,  4.])
    """

    def __init__(self, body: Module, shortcut: Module | None = None) -> None:
        super().__init__()
        shortcut = Identity() if shortcut is None else shortcut
        self.check_layer("body", body)
        self.check_layer("shortcut", shortcut)
        self.body, self.shortcut = body, shortcut

    def forward(self, x: FloatArray) -> FloatArray:
        self.start()
        y, body = self.body(x), passed(self.body)
        skipped, shortcut = self.shortcut(x), passed(self.shortcut)
        if y.shape != skipped.shape:
            raise ValueError(
                f"Residual: the body gives shape {y.shape}, the shortcut {skipped.shape}; "
                "they must be equal"
            )
        out: FloatArray = y + skipped
        self.remember(body, shortcut, out.shape, out.dtype)
        return out

    def backward(self, gy: FloatArray) -> FloatArray:
        body, shortcut, shape, dtype = self.remembered()
        gy = gradient("Residual", gy, shape, dtype)
        return go_back(body, gy) + go_back(shortcut, gy)  # type: ignore[no-any-return]


class Concat(Container):
    """Branches of one input, their outputs side by side along the channels.

    The skip connection of U-Net and DenseNet: ``Concat(Identity(), body)``.

    Parameters
    ----------
    *branches : Module
        At least one. Their outputs differ in the size of `axis` only.
    axis : int, default 1
        The axis to join: the channels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import nn
    >>> nn.Concat(nn.Identity(), nn.ReLU())(np.array([[-1.0, 2.0]]))
    array([[-1.,  2.,  0.,  2.]])
    """

    def __init__(self, *branches: Module, axis: int = 1) -> None:
        super().__init__()
        if not branches:
            raise ValueError("Concat: branches: none; at least one is allowed")
        self.axis = _args.integer("Concat", "axis", axis, -_args.SIZE_LIMIT)
        for i, branch in enumerate(branches):
            self.check_layer("branches", branch)
            self.add_module(str(i), branch)

    def forward(self, x: FloatArray) -> FloatArray:
        self.start()
        outputs: list[FloatArray] = []
        passes: list[Pass] = []
        for branch in self._children.values():
            outputs.append(branch(x))
            passes.append(passed(branch))
        self._check_outputs([y.shape for y in outputs])
        joined: FloatArray = np.concatenate(outputs, self.axis)
        sizes = [y.shape[self.axis] for y in outputs]
        self.remember(passes, sizes, joined.shape, joined.dtype)
        return joined

    def _check_outputs(self, shapes: list[tuple[int, ...]]) -> None:
        axis, ndim = self.axis, len(shapes[0])
        if not -ndim <= axis < ndim:
            _args.wrong_value("Concat", "axis", axis, f"one of an output of shape {shapes[0]}")
        others = {(*shape[: axis % ndim], *shape[axis % ndim + 1 :]) for shape in shapes}
        if len(others) > 1 or any(len(shape) != ndim for shape in shapes):
            given = ", ".join(map(str, shapes))
            raise ValueError(
                f"Concat: the branches give shapes {given}; they may differ in axis {axis} only"
            )

    def backward(self, gy: FloatArray) -> FloatArray:
        passes, sizes, shape, dtype = self.remembered()
        gy = gradient("Concat", gy, shape, dtype)
        parts = np.split(gy, np.cumsum(sizes)[:-1], self.axis)
        grads = [
            go_back(through, np.ascontiguousarray(part))
            for through, part in zip(passes, parts, strict=True)
        ]
        return sum(grads[1:], grads[0])  # type: ignore[no-any-return]
