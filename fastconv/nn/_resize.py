"""Resizing along the spatial axes: by the nearest element, or by linear interpolation.

Each axis by itself: every output is the sum of one or two weighted sources, and backwards every
source that of the outputs it went into, as many as the most that any of them has. Where the nearest
elements are all repeated as often, pooling's gradient does all axes at once, and pooling that back.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import fastconv as fc
from fastconv import _core
from fastconv._typing import FloatArray

Indices = NDArray[np.intp]


class Table(NamedTuple):
    """Element i of the result is the sum of weights[k, i] * x[sources[k, i]] over k.

    Sources of -1 count nothing.
    """

    sources: Indices
    weights: FloatArray | None  # None: all are 1


class Axis(NamedTuple):
    """How an axis is resized, and backwards."""

    output: int
    factor: int | None  # where the engine can do it: every source makes so many outputs
    forward: Table
    backward: Table


def gather_all(x: FloatArray, tables: Sequence[Table]) -> FloatArray:
    """Apply a table along each of the last axes."""
    first = x.ndim - len(tables)
    growth = [t.sources.shape[1] / x.shape[first + i] for i, t in enumerate(tables)]
    growth[-1] = 1  # costs most an element: behind those that shrink, before those that grow
    for i in sorted(range(len(tables)), key=growth.__getitem__):
        x = _core.resize_axis(x, first + i, tables[i].sources, tables[i].weights)
    return x


# ---- Tables --------------------------------------------------------------------------------------


@functools.lru_cache(1000)
def axis(
    size: int, output: int, scale: float | None, linear: bool, corners: bool, kind: str
) -> Axis:
    """Compute an axis in the input's dtype, as torch does, whose rounding shows in the places.

    `scale` is the step between outputs, in sources; None for size / output.
    """
    real = np.dtype(kind).type
    step = real(scale) if scale is not None else real(size) / real(output)
    if not linear:
        # torch rounds down in float32 whatever the dtype.
        places = np.floor((np.arange(output).astype(kind) * step).astype(np.float32))
        table = Table(np.minimum(places.astype(np.intp), size - 1)[None], None)
    else:
        table = _linear(size, output, step, corners, real)
    factor = None
    if not linear and output % size == 0:
        factor = output // size
        if (table.sources[0] != np.arange(output) // factor).any():
            factor = None
    return Axis(output, factor, table, _transposed(table, size, kind))


def _linear(size: int, output: int, step: Any, corners: bool, real: Any) -> Table:
    places = np.arange(output).astype(real)
    if size == output:
        return Table(np.arange(size)[None], None)
    if corners:
        where = places * (real(size - 1) / real(output - 1) if output > 1 else real(0))
    else:
        where = np.maximum(step * (places + real(0.5)) - real(0.5), real(0))
    left = np.minimum(np.floor(where).astype(np.intp), size - 1)
    right = np.minimum(left + 1, size - 1)
    weight = np.clip(where - left.astype(real), real(0), real(1))
    return Table(np.stack([left, right]), np.stack([real(1) - weight, weight]))


def _transposed(table: Table, size: int, kind: str) -> Table:
    """Turn the table round: for each source the outputs it went into, in order."""
    taps, outputs = table.sources.shape
    source, output = table.sources.ravel(), np.tile(np.arange(outputs), taps)
    weight = np.ones(source.size, kind) if table.weights is None else table.weights.ravel()
    order = np.lexsort((output, source))
    source, output, weight = source[order], output[order], weight[order]
    counts = np.bincount(source, minlength=size)
    rank = np.arange(source.size) - (np.cumsum(counts) - counts)[source]
    sources = np.full((counts.max(), size), -1, np.intp)
    weights = np.zeros(sources.shape, kind)
    sources[rank, source], weights[rank, source] = output, weight
    return Table(sources, weights)


# ---- Whole factors -------------------------------------------------------------------------------

_SUM = (fc.avg_pool1d, fc.avg_pool2d, fc.avg_pool3d)
_REPEAT = (fc.grad.avg_pool1d, fc.grad.avg_pool2d, fc.grad.avg_pool3d)


def enlarge(x: FloatArray, axes: Sequence[Axis]) -> FloatArray:
    """Repeat the elements of all axes, each of which has a factor."""
    factors = tuple([axis.factor or 1 for axis in axes])
    shape = (*x.shape[:2], *[axis.output for axis in axes])
    repeat = _REPEAT[len(axes) - 1]
    return repeat(x, shape, factors, divisor_override=1)  # type: ignore[no-any-return]


def enlarge_backward(gy: FloatArray, axes: Sequence[Axis]) -> FloatArray:
    """Compute the gradient of `enlarge`."""
    factors = tuple([axis.factor or 1 for axis in axes])
    return _SUM[len(axes) - 1](gy, factors, divisor_override=1)  # type: ignore[no-any-return]
