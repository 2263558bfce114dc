"""A kernel's window sliding over a padded plane: the one loop under every operator."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ._args import Shape

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True)
class Windows:
    """Output position o and kernel tap t meet at plane position ``stride o + dilation t - before``.

    Positions outside of ``extent`` are padding. After the plane there is as much of it as the last
    window needs.
    """

    extent: Shape
    kernel: Shape
    stride: Shape
    dilation: Shape
    before: Shape
    output: Shape

    @property
    def buffer(self) -> Shape:
        """The plane's sizes with the padding."""
        return tuple(
            max(b + e, s * (o - 1) + d * (k - 1) + 1)
            for b, e, s, o, d, k in zip(
                self.before,
                self.extent,
                self.stride,
                self.output,
                self.dilation,
                self.kernel,
                strict=True,
            )
        )

    @property
    def pixels(self) -> int:
        """The number of output positions."""
        return prod(self.output)

    @property
    def _plane(self) -> tuple[Any, ...]:
        within = (slice(b, b + e) for b, e in zip(self.before, self.extent, strict=True))
        return (..., *within)

    def padded(self, planes: NDArray[T], value: float = 0) -> NDArray[T]:
        """Return the planes in a buffer filled with ``value``."""
        lead = planes.shape[: planes.ndim - len(self.extent)]
        result = np.full(lead + self.buffer, value, planes.dtype)
        result[self._plane] = planes
        return result

    def unpadded(self, buffer: NDArray[T]) -> NDArray[T]:
        """Return the planes in a buffer."""
        planes: NDArray[T] = buffer[self._plane].copy()
        return planes

    def taps(self) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Yield each tap, row-major: its index in a weight, and what it meets in the buffer."""
        for tap in np.ndindex(*self.kernel):
            met = (
                slice(d * t, d * t + s * (o - 1) + 1, s)
                for d, t, s, o in zip(self.dilation, tap, self.stride, self.output, strict=True)
            )
            yield (..., *tap), (..., *met)
