"""Filters of ``fastconv.ndimage`` as cases of the benchmark: a grey photograph in float32."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from fastconv import filters, ndimage

Array = np.ndarray

GABOR = filters.gabor(0.25, theta=0.8, n_stds=2)
DIFFERENCE, SMOOTH, CURVATURE = (
    np.array([-1.0, 0, 1]),
    np.array([1.0, 2, 1]),
    np.array([1.0, -2, 1]),
)
ALONE = np.ones(1)
Line = list[Array]  # weights along each axis

# Of each a sum of separable filters, a kernel, or the size of a window whose maximum is taken.
DEFINITIONS: dict[str, list[Line] | Array | int] = {
    "gaussian_filter 2": [[filters.gaussian(2.0, ndim=1)] * 2],
    "uniform_filter 9": [[filters.moving_average(9)] * 2],
    "sobel": [[DIFFERENCE, SMOOTH]],
    "laplace": [[CURVATURE, ALONE], [ALONE, CURVATURE]],
    "maximum_filter 5": 5,
    "correlate gabor": GABOR,
}
# By SciPy's names, for fastconv's module and for SciPy's.
CALLS: dict[str, Callable[[Any, Array], Array]] = {
    "gaussian_filter 2": lambda module, x: module.gaussian_filter(x, 2.0),
    "uniform_filter 9": lambda module, x: module.uniform_filter(x, 9),
    "sobel": lambda module, x: module.sobel(x, 0),
    "laplace": lambda module, x: module.laplace(x),
    "maximum_filter 5": lambda module, x: module.maximum_filter(x, 5),
    "correlate gabor": lambda module, x: module.correlate(x, GABOR),
}


@dataclass(frozen=True)
class Filtering:
    """An image of float32, and a key of `DEFINITIONS`."""

    x: Array
    name: str

    @property
    def operations(self) -> float:
        """Two for each multiply-add of the passes; one for each element that is compared."""
        definition = DEFINITIONS[self.name]
        if isinstance(definition, int):
            return 2.0 * definition * self.x.size
        if isinstance(definition, np.ndarray):
            return 2.0 * definition.size * self.x.size
        taps = sum(line.size for lines in definition for line in lines if line.size > 1)
        return 2.0 * taps * self.x.size

    def fastconv(self) -> Array:
        """Filter with fastconv."""
        return CALLS[self.name](ndimage, self.x)

    def scipy(self) -> Array:
        """Filter with SciPy."""
        from scipy import ndimage as module

        return CALLS[self.name](module, self.x)

    def numpy(self) -> Array:
        """Filter with NumPy."""
        return _numpy(self.x, DEFINITIONS[self.name])

    def expected(self) -> tuple[Array, Array]:
        """Give the result in float64, and the sums of the terms' magnitudes."""
        x, definition = self.x.astype(np.float64), DEFINITIONS[self.name]
        exact = _numpy(x, definition)
        if isinstance(definition, int):
            return exact, np.abs(exact)
        if isinstance(definition, np.ndarray):
            return exact, _numpy(np.abs(x), np.abs(definition))
        return exact, _numpy(np.abs(x), [[np.abs(line) for line in lines] for lines in definition])


def _windows(x: Array, shape: tuple[int, ...]) -> Array:
    """Give the window around each element, the image reflected at its edges."""
    margins = [(size // 2, size - 1 - size // 2) for size in shape]
    return np.lib.stride_tricks.sliding_window_view(np.pad(x, margins, "symmetric"), shape)


def _numpy(x: Array, definition: list[Line] | Array | int) -> Array:
    if isinstance(definition, int):
        rows = _windows(x, (definition, 1)).max(axis=(2, 3))
        most: Array = _windows(rows, (1, definition)).max(axis=(2, 3))
        return most
    if isinstance(definition, np.ndarray):
        kernel = definition.astype(x.dtype)
        return np.einsum("yxab,ab->yx", _windows(x, kernel.shape), kernel)
    total: Array = np.zeros_like(x)
    for down, along in definition:
        rows = _windows(x, (down.size, 1))[..., 0] @ down.astype(x.dtype)
        total += _windows(rows, (1, along.size))[:, :, 0] @ along.astype(x.dtype)
    return total


@cache
def _opencv_calls() -> dict[str, Callable[[Array], Array]]:
    import cv2

    edge: Any = {"borderType": cv2.BORDER_REFLECT}
    ones = np.ones((5, 5), np.uint8)
    return {
        "gaussian_filter 2": lambda x: cv2.GaussianBlur(x, (17, 17), 2.0, **edge),
        "uniform_filter 9": lambda x: cv2.blur(x, (9, 9), **edge),
        "sobel": lambda x: cv2.sepFilter2D(x, -1, SMOOTH, DIFFERENCE, **edge),
        "laplace": lambda x: cv2.Laplacian(x, -1, **edge),
        "maximum_filter 5": lambda x: cv2.dilate(x, ones),
        "correlate gabor": lambda x: cv2.filter2D(x, -1, GABOR, **edge),
    }


def opencv(filtering: Filtering) -> Callable[[], Array]:
    """Give OpenCV's function for the same."""
    function = _opencv_calls()[filtering.name]
    return lambda: function(filtering.x)
