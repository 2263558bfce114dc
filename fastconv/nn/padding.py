"""Padding of arrays along their last axes, and its gradient folded back."""

from __future__ import annotations

import numpy as np

from fastconv._typing import FloatArray

__all__ = ["fold", "pad"]

Sizes = tuple[int, ...]

_NUMPY = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: FloatArray, before: Sizes, after: Sizes, mode: str) -> FloatArray:
    """Pad the last axes, in one of torch's modes other than "zeros"."""
    widths = [(0, 0)] * (x.ndim - len(before)) + list(zip(before, after, strict=True))
    return np.pad(x, widths, mode=_NUMPY[mode])  # type: ignore[call-overload, no-any-return]


def fold(grad: FloatArray, before: Sizes, after: Sizes, mode: str) -> FloatArray:
    """Turn the gradient of what `pad` gave into that of what it took.

    Each axis by itself: the gradients of the padding are added to
    those of the elements that it was copied from.
    """
    for axis in range(len(before)):
        place = grad.ndim - len(before) + axis
        if before[axis] or after[axis]:
            front = np.moveaxis(grad, place, 0)
            grad = np.moveaxis(_fold_first(front, before[axis], after[axis], mode), 0, place)
    return np.ascontiguousarray(grad)


def _fold_first(grad: FloatArray, before: int, after: int, mode: str) -> FloatArray:
    size = len(grad) - before - after
    inner = grad[before : before + size].copy()
    head, tail = grad[:before], grad[before + size :]
    if mode == "replicate":
        inner[0] += head.sum(0)
        inner[-1] += tail.sum(0)
    elif mode == "reflect":
        inner[1 : before + 1] += head[::-1]
        inner[size - 1 - after : size - 1] += tail[::-1]
    else:
        inner[size - before :] += head
        inner[:after] += tail
    return inner
