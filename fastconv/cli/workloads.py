"""The cases of the benchmark: photographs through filters and through networks."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from fastconv import filters
from fastconv.cli import image_filters, networks, photographs, problems
from fastconv.cli.image_filters import Filtering
from fastconv.cli.networks import Layer
from fastconv.cli.problems import Conv, Pool, Problem

Array = np.ndarray

_BINOMIAL = np.array([1.0, 4.0, 6.0, 4.0, 1.0])
FILTERS = {
    "sobel x 3x3": filters.sobel_x(),
    "sobel y 3x3": filters.sobel_y(),
    "laplacian 3x3": filters.laplacian(),
    "gaussian 5x5": np.outer(_BINOMIAL, _BINOMIAL) / 256,
    "box 7x7": filters.box(7),
    "sharpen 3x3": filters.sharpen(),
    "emboss 3x3": filters.emboss(),
}
QUICK_PHOTOGRAPHS = ("astronaut", "camera")
NDIMAGE_PHOTOGRAPHS = ("camera", "retina")
BACKWARD_PHOTOGRAPH = "astronaut"
BACKWARD_FILTERS_QUICK = ("sobel x 3x3", "gaussian 5x5")
NETWORK_PHOTOGRAPHS = {
    "lenet": "camera",
    "alexnet": "astronaut",
    "vgg16": "chelsea",
    "resnet50": "coffee",
    "mobilenetv2": "rocket",
}
CONV_OPERATIONS: dict[str, Callable[[Conv], Problem]] = {
    "forward": problems.conv_forward,
    "input gradient": problems.conv_input_gradient,
    "weight gradient": problems.conv_weight_gradient,
}
POOL_OPERATIONS: dict[str, Callable[[Pool], Problem]] = {
    "forward": problems.pool_forward,
    "input gradient": problems.pool_input_gradient,
}


@dataclass(frozen=True)
class Case:
    """A row of the benchmark.

    Attributes
    ----------
    group : str
        "filters", "ndimage" or a network.
    name : str
        The filter and the photograph, or the layer.
    operation : str
        "forward", "input gradient" or "weight gradient".
    arrays : callable
        Makes the arrays.
    """

    group: str
    name: str
    operation: str
    arrays: Callable[[], Conv | Pool | Filtering]

    @property
    def title(self) -> str:
        """The whole name, which ``--only`` searches."""
        return f"{self.group} {self.name} {self.operation}"

    def build(self) -> Problem:
        """Make the arrays, and the functions to run on them."""
        arrays = self.arrays()
        if isinstance(arrays, Filtering):
            return problems.filtering(arrays)
        if isinstance(arrays, Pool):
            return POOL_OPERATIONS[self.operation](arrays)
        return CONV_OPERATIONS[self.operation](arrays)


def _gradient(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)


def _filter(photograph: str, kernel: Array) -> Conv:
    """Filter each colour by itself; the size stays, zeros beyond the edge."""
    x = photographs.photograph(photograph)[None]
    channels = x.shape[1]
    w = np.broadcast_to(kernel.astype(np.float32), (channels, 1, *kernel.shape)).copy()
    return Conv(x, w, _gradient(x.shape, 1), padding=len(kernel) // 2, groups=channels)


def _input(layer: Layer, photograph: str) -> Array:
    """Take the photograph itself for a first layer, random mixtures of its colours for another."""
    if layer.channels in (1, 3):
        return photographs.resized(photograph, layer.channels, layer.size)[None]
    return photographs.feature_map(photograph, layer.channels, layer.size, seed=2)[None]


def _conv(layer: Layer, photograph: str) -> Conv:
    shape = (layer.out_channels, layer.channels // layer.groups, layer.kernel, layer.kernel)
    terms = np.float32(shape[1] * layer.kernel**2)
    w = np.random.default_rng(3).standard_normal(shape, dtype=np.float32) * np.sqrt(2 / terms)
    gy = _gradient((1, layer.out_channels, layer.out_size, layer.out_size), 4)
    return Conv(_input(layer, photograph), w, gy, layer.stride, layer.padding, layer.groups)


def _pool(layer: Layer, photograph: str) -> Pool:
    gy = _gradient((1, layer.channels, layer.out_size, layer.out_size), 5)
    x = _input(layer, photograph)
    return Pool(x, gy, layer.pool, layer.kernel, layer.stride, layer.padding)


def _filter_cases(available: list[str], quick: bool) -> Iterator[Case]:
    for photograph in available:
        for name, kernel in FILTERS.items():
            for operation in CONV_OPERATIONS:
                backward = operation != "forward"
                if backward and photograph != BACKWARD_PHOTOGRAPH:
                    continue
                if quick and photograph not in QUICK_PHOTOGRAPHS:
                    continue
                if quick and backward and name not in BACKWARD_FILTERS_QUICK:
                    continue
                arrays = partial(_filter, photograph, kernel)
                yield Case("filters", f"{name} {photograph}", operation, arrays)


def _ndimage_cases(available: list[str], quick: bool) -> Iterator[Case]:
    for photograph in available:
        if photograph != QUICK_PHOTOGRAPHS[1] and (quick or photograph not in NDIMAGE_PHOTOGRAPHS):
            continue
        for name in image_filters.DEFINITIONS:
            arrays = partial(_grey, photograph, name)
            yield Case("ndimage", f"{name} {photograph}", "forward", arrays)


def _grey(photograph: str, name: str) -> Filtering:
    return Filtering(photographs.photograph(photograph).mean(axis=0), name)


def _layer_cases(network: str, photograph: str, quick: bool) -> Iterator[Case]:
    for layer in networks.NETWORKS[network]:
        if quick and layer.name not in networks.QUICK[network]:
            continue
        operations = POOL_OPERATIONS if layer.pool else CONV_OPERATIONS
        arrays = partial(_pool if layer.pool else _conv, layer, photograph)
        for operation in operations:
            yield Case(network, layer.name, operation, arrays)


def cases(quick: bool) -> list[Case]:
    """List the cases of the whole benchmark, or of its quick part."""
    available = photographs.available()
    listed = [*_filter_cases(available, quick), *_ndimage_cases(available, quick)]
    for network, photograph in NETWORK_PHOTOGRAPHS.items():
        shown = photograph if photograph in available else available[0]
        listed.extend(_layer_cases(network, shown, quick))
    return listed


def select(listed: list[Any], texts: list[str]) -> list[Any]:
    """Keep the cases whose title has a word, or words, that begin with one of the texts."""
    if not texts:
        return listed
    pattern = re.compile("|".join(rf"(?<![a-z]){re.escape(text)}" for text in texts), re.IGNORECASE)
    return [case for case in listed if pattern.search(case.title)]
