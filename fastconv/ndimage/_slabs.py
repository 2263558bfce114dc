"""Large arrays, slab by slab: what is copied then, or lies between two passes, stays small.

C copies what it cannot read or write as it is: other byte orders, arrays that are not contiguous.
Of a file that is mapped to memory that would be all of it at once. A slab is some rows of one axis;
it is filtered together with the rows beside it that windows reach, and those are left out again.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastconv.ndimage._args import Array

_LARGE_BYTES = 32 << 20  # less is copied as a whole
_SLAB_BYTES = 8 << 20
_MOST_READ_AGAIN = 4  # one part in so many, where that leaves a slab small


class Slab(NamedTuple):
    """The rows first <= i < last of an axis; windows reach so many others to either side."""

    axis: int
    first: int
    last: int
    reach: int

    def of(self, array: Array) -> Array:
        """Give these rows of an array."""
        return _rows(array, self.axis, self.first, self.last)

    def filtered(self, input: Array, wraps: bool, run: Callable[[Array], Array]) -> Array:
        """Give these rows of a filtered array; `wraps` tells that it goes on with its other end."""
        length = input.shape[self.axis]
        first, last = self.first - self.reach, self.last + self.reach
        if wraps and (first < 0 or last > length):
            source = np.take(input, np.arange(first, last) % length, self.axis)
        else:  # as many rows for the first slab as for others: memory of that size is at hand
            rows = last - first
            first = max(min(first, length - rows), 0)
            source = _rows(input, self.axis, first, first + rows)
        return _rows(run(source), self.axis, self.first - first, self.last - first)


def _rows(array: Array, axis: int, first: int, last: int) -> Array:
    return array[(slice(None),) * axis + (slice(first, last),)]


def are_of_use(input: Array, output: Array) -> bool:
    """Tell whether arrays are large, and apart: what a slab's windows reach is still the input."""
    return are_large(input, output) and not np.may_share_memory(input, output)


def are_large(input: Array, output: Array) -> bool:
    """Tell whether an array is large."""
    return max(input.nbytes, output.nbytes) >= _LARGE_BYTES


def are_mapped(*arrays: Array) -> bool:
    """Tell whether one of the arrays is in a file that is mapped to memory."""
    found: list[Any] = list(arrays)
    for owner in found:
        if isinstance(owner, mmap.mmap):
            return True
        if getattr(owner, "base", None) is not None:
            found.append(owner.base)
    return False


def slabs(input: Array, output: Array, reaches: Sequence[int | None]) -> Iterator[Slab]:
    """Cut arrays of one shape into slabs, given how far windows reach along each axis.

    An axis with None is not to be cut. Of the others it is one whose rows are far apart in memory.
    """
    found = _axis(input, output, reaches)
    if found is None:
        yield Slab(0, 0, input.shape[0], 0)
        return
    axis, rows, reach = found
    length = input.shape[axis]
    rows = max(rows, 2 * reach + 1)
    for first in range(0, length, rows):
        yield Slab(axis, first, min(first + rows, length), reach)


def _axis(
    input: Array, output: Array, reaches: Sequence[int | None]
) -> tuple[int, int, int] | None:
    """Choose the axis to cut: it, the rows of a slab, and the reach."""
    item = max(input.itemsize, output.itemsize)
    best = None
    for axis in np.argsort([-abs(stride) for stride in input.strides], kind="stable").tolist():
        reach, length = reaches[axis], input.shape[axis]
        if reach is None or length == 1:
            continue
        rows = _SLAB_BYTES * length // (input.size * item)
        if rows >= max(2 * _MOST_READ_AGAIN * reach, 1):
            return axis, rows, reach
        if best is None or rows * best[2] > best[1] * reach:
            best = axis, rows, reach
    return best
