"""Padding of arrays along their last axes, and its gradient folded back."""

from __future__ import annotations

from typing import Any

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
    """Turn the gradient of what `pad` gave into that of what it took, and change it meanwhile.

    Each axis by itself: the gradients of the padding are added to those of the elements that it was
    copied from.
    """
    kept: list[Any] = [...]
    for i, (front, back) in enumerate(zip(before, after, strict=True)):
        axis = grad.ndim - len(before) + i
        end = grad.shape[axis] - back
        kept.append(slice(front, end))
        if front or back:
            _fold_axis(grad, axis, front, end, mode)
    return np.ascontiguousarray(grad[tuple(kept)])


def _fold_axis(grad: FloatArray, axis: int, front: int, end: int, mode: str) -> None:
    """Add what lies before `front` and from `end` on to what is between."""

    def part(first: int, last: int | None) -> FloatArray:
        where: Any = (*(slice(None),) * axis, slice(first, last))
        return grad[where]  # type: ignore[no-any-return]

    back = grad.shape[axis] - end
    if mode == "replicate":
        part(front, front + 1)[...] += part(0, front).sum(axis, keepdims=True)
        part(end - 1, end)[...] += part(end, None).sum(axis, keepdims=True)
    elif mode == "reflect":
        part(front + 1, 2 * front + 1)[...] += np.flip(part(0, front), axis)
        part(end - 1 - back, end - 1)[...] += np.flip(part(end, None), axis)
    else:
        part(end - front, end)[...] += part(0, front)
        part(front, front + back)[...] += part(end, None)
