"""What several functions read alike: modes, shapes, and which part of a convolution they ask for.

The full convolution of x (n elements) and taps (k) has n + k - 1 elements; element o is the sum
over j of taps[j] * x[o - j]. A part of it is a tuple of slices with a start and a stop.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
Part = tuple[slice, ...]

MODES = ("valid", "same", "full")


def check_mode(mode: Any) -> None:
    """Refuse what is no mode."""
    if mode not in MODES:
        raise ValueError(f"Acceptable mode flags are 'valid', 'same', or 'full', not {mode!r}")


def swap_needed(mode: str, shape1: Sequence[int], shape2: Sequence[int]) -> bool:
    """Tell whether in "valid" the second array is the larger one."""
    if mode != "valid":
        return False
    pairs = list(zip(shape1, shape2, strict=True))
    if all(n >= k for n, k in pairs):
        return False
    if all(k >= n for n, k in pairs):
        return True
    raise ValueError(
        "For 'valid' mode, one must be at least as large as the other in every dimension, and "
        f"the shapes are {tuple(shape1)} and {tuple(shape2)}"
    )


def part_of(mode: str, shape1: Sequence[int], shape2: Sequence[int]) -> Part:
    """Give the part of the full convolution that a mode asks for; in "valid", shape1 >= shape2."""
    sizes = zip(shape1, shape2, strict=True)
    if mode == "full":
        return tuple([slice(0, n + k - 1) for n, k in sizes])
    if mode == "same":
        return tuple([slice((k - 1) // 2, (k - 1) // 2 + n) for n, k in sizes])
    return tuple([slice(k - 1, n) for n, k in sizes])


def part_over(
    axes: Collection[int], mode: str, shape1: Sequence[int], shape2: Sequence[int]
) -> Part:
    """Give the part of a convolution over some axes: of the others, all."""
    part = list(part_of(mode, shape1, shape2))
    for a, (n, k) in enumerate(zip(shape1, shape2, strict=True)):
        if a not in axes:
            part[a] = slice(0, max(n, k))
    return tuple(part)


def convolved_axes(shape1: Sequence[int], shape2: Sequence[int]) -> tuple[int, ...]:
    """Give the axes of which neither array has one element only."""
    pairs = enumerate(zip(shape1, shape2, strict=True))
    return tuple([a for a, pair in pairs if 1 not in pair])


def paired_axes(
    axes: Collection[int], shape1: Sequence[int], shape2: Sequence[int]
) -> tuple[int, ...]:
    """Give those others of which both arrays have more than one element, as many."""
    return tuple([a for a in convolved_axes(shape1, shape2) if a not in axes])


def is_numpys(mode: str, shape1: Sequence[int], shape2: Sequence[int]) -> bool:
    """Tell whether `numpy.convolve` does the same, and so its dtypes have a direct sum."""
    return len(shape1) == 1 and (mode != "same" or shape1[0] >= shape2[0])


def reversed_(array: Array) -> Array:
    """Give a view, back to front in every dimension."""
    return array[(slice(None, None, -1),) * array.ndim]


def sizes_of(part: Part) -> tuple[int, ...]:
    """Give the shape of a part."""
    return tuple([wanted.stop - wanted.start for wanted in part])


def conjugate(array: Array) -> Array:
    """Conjugate complex numbers; all else is its own conjugate."""
    return array.conj() if array.dtype.kind == "c" else array
