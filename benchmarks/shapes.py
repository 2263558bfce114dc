"""The shapes of ``shapes.json`` with their arrays, for all suites."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Array = np.ndarray

SLOW = 5e7  # operations: with more of them SciPy takes a second or longer, and is left out


@dataclass(frozen=True)
class Convolution:
    """A convolution of square arrays."""

    name: str
    batch: int
    channels: int
    size: int
    out_channels: int
    kernel: int
    stride: int
    padding: int
    groups: int

    @property
    def arguments(self) -> dict[str, int]:
        """The operator's arguments."""
        return {"stride": self.stride, "padding": self.padding, "groups": self.groups}

    @property
    def out_size(self) -> int:
        """Height and width of the result."""
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def operations(self) -> int:
        """Two for each multiply-add."""
        per_pixel = 2 * self.channels // self.groups * self.kernel**2 * self.out_channels
        return self.batch * per_pixel * self.out_size**2

    @cached_property
    def arrays(self) -> tuple[Array, Array, Array]:
        """Image, weights and gradient of the result, of float32 and NCHW."""
        rng = np.random.default_rng(0)
        x = (self.batch, self.channels, self.size, self.size)
        w = (self.out_channels, self.channels // self.groups, self.kernel, self.kernel)
        y = (self.batch, self.out_channels, self.out_size, self.out_size)
        return tuple(rng.standard_normal(shape, dtype=np.float32) for shape in (x, w, y))


@dataclass(frozen=True)
class Pooling:
    """A pooling of square arrays."""

    name: str
    batch: int
    channels: int
    size: int
    kernel: int
    stride: int
    padding: int

    @property
    def arguments(self) -> tuple[int, int, int]:
        """The operator's arguments, in its order."""
        return self.kernel, self.stride, self.padding

    @property
    def operations(self) -> int:
        """One for each element of a window."""
        out = (self.size + 2 * self.padding - self.kernel) // self.stride + 1
        return self.batch * self.channels * (out * self.kernel) ** 2

    @cached_property
    def arrays(self) -> tuple[Array, Array]:
        """Image and gradient of the result, of float32 and NCHW."""
        rng = np.random.default_rng(0)
        out = (self.size + 2 * self.padding - self.kernel) // self.stride + 1
        shapes = ((self.batch, self.channels, size, size) for size in (self.size, out))
        return tuple(rng.standard_normal(shape, dtype=np.float32) for shape in shapes)


@cache
def _file() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "shapes.json").read_text(encoding="utf-8"))


def convolutions() -> list[Convolution]:
    """List the convolutions."""
    return [Convolution(name, **sizes) for name, sizes in _file()["convolution"].items()]


def gradients() -> list[Convolution]:
    """List the convolutions, and more for their gradients: few pixels, several images."""
    more = [Convolution(name, **sizes) for name, sizes in _file()["gradient"].items()]
    return convolutions() + more


def poolings() -> list[Pooling]:
    """List the poolings."""
    return [Pooling(name, **sizes) for name, sizes in _file()["pooling"].items()]


def with_libraries(shapes: Iterable[Any], libraries: Iterable[str]) -> list[Any]:
    """List the parameters (shape, library), without SciPy where it would take seconds."""
    return [
        pytest.param(shape, library, id=f"{shape.name}-{library}")
        for shape in shapes
        for library in libraries
        if library != "scipy" or shape.operations <= SLOW
    ]


def channels_last(array: Array) -> Array:
    """Copy NCHW to NHWC."""
    return np.ascontiguousarray(np.moveaxis(array, 1, -1))


def channels_first(array: Array) -> Array:
    """View NHWC as NCHW."""
    return np.moveaxis(array, -1, 1)


def double(*arrays: Array) -> list[Array]:
    """Copy to float64."""
    return [array.astype(np.float64) for array in arrays]


def assert_close(result: Array, expected: Array) -> None:
    """Compare float32 with float64: each element within 1e-4 of the largest magnitude."""
    assert result.shape == expected.shape
    assert np.abs(result - expected).max() <= 1e-4 * np.abs(expected).max()
