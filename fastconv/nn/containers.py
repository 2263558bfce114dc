"""Modules made of modules: one after another, beside a shortcut, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np

from fastconv._typing import FloatArray
from fastconv.nn.activation import ReLU
from fastconv.nn.conv import Conv1d, Conv2d, Conv3d
from fastconv.nn.module import Module

__all__ = ["Concat", "Identity", "Residual", "Sequential"]

_CONVOLUTIONS = (Conv1d, Conv2d, Conv3d)


class Identity(Module):
    """The input itself, both ways. Matches ``torch.nn.Identity``.

    Examples
    --------
    >>> from fastconv import nn
    >>> nn.Identity()("anything")
    'anything'
    """

    def forward(self, x: Any) -> Any:
        return x

    def backward(self, gy: Any) -> Any:
        return gy


def _is_convolution_with_relu(layer: Any, behind: Any) -> bool:
    """Of exactly these classes, and nobody looks at what is between them."""
    return (
        type(behind) is ReLU
        and type(layer) in _CONVOLUTIONS
        and not (layer._hooks or behind._hooks)
    )


class Sequential(Module):
    """Layers one after another. Matches ``torch.nn.Sequential``.

    A `ReLU` right behind a convolution is applied as the convolution stores its result, unless one
    of the two has a hook; the results are the same, bit for bit.

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
            self._check(layer)
            self.add_module(name, layer)

    def _check(self, layer: Any) -> None:
        if not isinstance(layer, Module):
            name = type(self).__name__
            raise TypeError(f"{name}: layers: {type(layer).__name__}; a Module is allowed")

    def forward(self, x: Any) -> Any:
        layers: list[Any] = list(self._children.values())
        relu_done = False
        for layer, behind in zip_longest(layers, layers[1:]):
            if relu_done:  # as the convolution in front of it stored x
                layer.remember(x)
                relu_done = False
                continue
            relu_done = _is_convolution_with_relu(layer, behind)
            x = layer.forward_relu(x) if relu_done else layer(x)
        return x

    def backward(self, gy: Any) -> Any:
        for layer in reversed(self._children.values()):
            gy = layer.backward(gy)
        return gy

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
        self._check(layer)
        self.add_module(str(len(self)), layer)
        return self

    def _name(self, index: int) -> str:
        names = list(self._children)
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
        self._check(layer)
        setattr(self, self._name(index), layer)


class Residual(Module):
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
        self.body = body
        self.shortcut = Identity() if shortcut is None else shortcut

    def forward(self, x: FloatArray) -> FloatArray:
        y, skipped = self.body(x), self.shortcut(x)
        if y.shape != skipped.shape:
            raise ValueError(
                f"Residual: the body gives shape {y.shape}, the shortcut {skipped.shape}; "
                "they must be equal"
            )
        return y + skipped

    def backward(self, gy: FloatArray) -> FloatArray:
        return self.body.backward(gy) + self.shortcut.backward(gy)


class Concat(Module):
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
        self.axis = axis
        for i, branch in enumerate(branches):
            self.add_module(str(i), branch)

    def forward(self, x: FloatArray) -> FloatArray:
        outputs = [branch(x) for branch in self._children.values()]
        self.remember([y.shape[self.axis] for y in outputs])
        return np.concatenate(outputs, self.axis)

    def backward(self, gy: FloatArray) -> FloatArray:
        ends = np.cumsum(self.remembered())
        parts = np.split(gy, ends[:-1], self.axis)
        grads = [
            branch.backward(np.ascontiguousarray(part))
            for branch, part in zip(self._children.values(), parts, strict=True)
        ]
        return sum(grads[1:], grads[0])
