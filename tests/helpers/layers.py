"""Layers large enough that several threads share them, and what can be computed on each.

Every computation is a function of a batch: its result is image by image (`per_image`) or a sum over
the batch (`over_batch`).
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import fastconv as fc


@dataclasses.dataclass(frozen=True)
class Layer:
    name: str
    x: tuple[int, ...]  # (batch, channels, *spatial)
    w: tuple[int, ...]
    stride: int = 1
    padding: Any = 0
    dilation: int = 1
    groups: int = 1
    last: bool = False
    dtype: str = "float32"

    def __str__(self) -> str:
        """A test's id."""
        return f"{self.name}, channels {'last' if self.last else 'first'}, {self.dtype}"

    @property
    def ndim(self) -> int:
        return len(self.w) - 2

    @property
    def algorithms(self) -> tuple[str, ...]:
        fits = self.w[2:] == (3, 3) and self.stride == self.dilation == 1
        return ("auto", "direct", "im2col", "winograd")[: 4 if fits else 3]

    @property
    def options(self) -> dict[str, Any]:
        layout = {1: "NWC", 2: "NHWC", 3: "NDHWC"}[self.ndim] if self.last else None
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "layout": layout,
        }

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(7)
        x = rng.standard_normal(self.x).astype(self.dtype)
        w = rng.standard_normal(self.w).astype(self.dtype)
        b = rng.standard_normal(self.w[0]).astype(self.dtype)
        return np.ascontiguousarray(np.moveaxis(x, 1, -1)) if self.last else x, w, b


SHAPES = (
    Layer("3x3", (3, 32, 28, 28), (48, 32, 3, 3), padding=1),
    Layer("1x1", (3, 96, 14, 14), (80, 96, 1, 1)),
    Layer("1x1 of one pixel", (5, 256, 1, 1), (300, 256, 1, 1)),
    Layer("first layer", (2, 3, 61, 63), (33, 3, 7, 7), stride=2, padding=3),
    Layer("depthwise", (3, 40, 35, 33), (40, 1, 3, 3), padding=1, groups=40),
    Layer("depthwise, multiplier", (3, 20, 31, 31), (60, 1, 5, 5), stride=2, groups=20),
    Layer("depthwise, few channels", (2, 5, 61, 63), (5, 1, 3, 3), stride=2, padding=1, groups=5),
    Layer("depthwise, dilated", (3, 24, 29, 31), (24, 1, 5, 5), padding=4, dilation=2, groups=24),
    Layer("depthwise, small images", (5, 90, 7, 7), (90, 1, 7, 7), padding=3, groups=90),
    Layer("depthwise, large kernel", (3, 35, 15, 17), (35, 1, 11, 9), padding="same", groups=35),
    Layer("depthwise, signal", (3, 33, 3000), (33, 1, 15), padding=7, groups=33),
    Layer("depthwise, volume", (2, 20, 7, 9, 8), (40, 1, 3, 3, 3), padding=1, groups=20),
    Layer("grouped, dilated", (2, 32, 19, 23), (48, 8, 3, 3), dilation=2, groups=4),
    Layer("strided", (2, 24, 40, 40), (40, 24, 3, 3), stride=3),
    Layer("small images", (5, 64, 7, 7), (64, 64, 3, 3), padding=1),
    Layer("signal", (4, 24, 999), (32, 24, 9), padding="same"),
    Layer("long signal", (2, 1, 40000), (1, 1, 31)),
    Layer("volume", (2, 8, 12, 14, 16), (16, 8, 3, 3, 3), padding="full"),
)
# For Winograd's algorithm: tiles of every size, images several to a box and boxes several to an
# image, weights that are transformed once and for every box.
WINOGRAD = (
    Layer("tiles of 2", (5, 48, 2, 2), (33, 48, 3, 3), padding=1),
    Layer("tiles of 2, deep", (3, 2100, 5, 4), (24, 2100, 3, 3), padding=1),
    Layer("tiles of 4", (7, 64, 4, 7), (48, 64, 3, 3), padding=1),
    Layer("tiles of 4, many weights", (4, 300, 7, 9), (150, 300, 3, 3), padding="full"),
    Layer("tiles of 6", (3, 24, 50, 55), (40, 24, 3, 3), padding=1),
    Layer("tiles of 6, many weights", (3, 150, 13, 12), (160, 150, 3, 3)),
    Layer("in groups", (3, 60, 17, 18), (100, 15, 3, 3), padding=2, groups=4),
)


def layers(shapes: tuple[Layer, ...] = SHAPES) -> list[Layer]:
    """Each shape in both layouts, and some of them in float64."""
    both = [dataclasses.replace(s, last=last) for s in shapes for last in (False, True)]
    doubles = [dataclasses.replace(layer, dtype="float64") for layer in both[::3]]
    return both + doubles


def per_image(layer: Layer) -> Iterator[tuple[str, Callable[..., Any], tuple[np.ndarray, ...]]]:
    """(name, function, its batched arguments): each image's result depends on that image alone."""
    n, options = layer.ndim, layer.options
    x, w, b = layer.arrays()
    forward = getattr(fc, f"conv{n}d")
    rng = np.random.default_rng(8)
    plan = getattr(fc, f"plan_conv{n}d")
    for algorithm in layer.algorithms:
        chosen = {**options, "activation": "relu", "algorithm": algorithm}
        yield algorithm, lambda x, chosen=chosen: forward(x, w, b, **chosen), (x,)
        yield (
            f"planned {algorithm}",
            lambda x, chosen=chosen: plan(x.shape, w, b, **chosen)(x),
            (x,),
        )
    gy = rng.standard_normal(forward(x, w, **options).shape).astype(layer.dtype)
    grad_input = getattr(fc.grad, f"conv{n}d_input")
    yield (
        "input gradient",
        lambda gy: grad_input((len(gy), *x.shape[1:]), w, gy, **options),
        (gy,),
    )
    if isinstance(layer.padding, int):
        transposed = getattr(fc, f"conv_transpose{n}d")
        yield "transposed", lambda gy: transposed(gy, w, **options), (gy,)
    layout = options["layout"]
    window = (3,) * n if min(layer.x[2:]) >= 3 else 1
    for name in ("max", "avg"):
        pool = getattr(fc, f"{name}_pool{n}d")
        yield f"{name} pool", lambda x, pool=pool: pool(x, window, 2, layout=layout), (x,)
    pooled, places = getattr(fc, f"max_pool{n}d")(x, window, 2, return_indices=True, layout=layout)
    unpool = getattr(fc.grad, f"max_pool{n}d")
    yield (
        "max pool gradient",
        lambda g, i: unpool(g, i, (len(g), *x.shape[1:]), layout=layout),
        (pooled, places),
    )
    shared = getattr(fc.grad, f"avg_pool{n}d")
    yield (
        "avg pool gradient",
        lambda g: shared(g, (len(g), *x.shape[1:]), window, 2, layout=layout),
        (pooled,),
    )


def over_batch(layer: Layer) -> Iterator[tuple[str, Callable[..., Any], tuple[np.ndarray, ...]]]:
    """Sums over the batch."""
    n, options = layer.ndim, layer.options
    x, w, _ = layer.arrays()
    shape = getattr(fc, f"conv{n}d")(x, w, **options).shape
    gy = np.random.default_rng(9).standard_normal(shape).astype(layer.dtype)
    weight = getattr(fc.grad, f"conv{n}d_weight")
    yield "weight gradient", lambda x, gy: weight(x, w.shape, gy, **options), (x, gy)
    bias = getattr(fc.grad, f"conv{n}d_bias")
    yield "bias gradient", lambda gy: bias(gy, layout=options["layout"]), (gy,)


def computations(layer: Layer) -> Iterator[tuple[str, Callable[[], Any]]]:
    """All of them, closed over their arguments."""
    for source in (per_image, over_batch):
        for name, function, arguments in source(layer):
            yield name, lambda f=function, a=arguments: f(*a)


def same_for_any_threads(layer: Layer, counts: tuple[int, ...] = (2, 3, 8)) -> None:
    """The bytes are those of one thread."""
    for name, compute in computations(layer):
        with fc.num_threads(1):
            expected = compute().tobytes()
        for count in counts:
            with fc.num_threads(count):
                for _ in range(2):
                    assert compute().tobytes() == expected, f"{name} on {count} threads: {layer}"


def same_in_any_batch(layer: Layer) -> None:
    """An image's bytes do not depend on the others of its batch, nor on there being a batch."""
    for name, function, arguments in per_image(layer):
        whole = function(*arguments)
        for image in range(len(whole)):
            alone = function(*(a[image : image + 1] for a in arguments))
            assert alone.tobytes() == whole[image].tobytes(), f"{name}, image {image}: {layer}"
        last_two = function(*(a[-2:] for a in arguments))
        assert last_two.tobytes() == whole[-2:].tobytes(), f"{name}, a batch of two: {layer}"
        spoilt = arguments[0].copy()
        spoilt[0].flat[:: spoilt[0].size // 3 + 1] = np.nan
        others = function(spoilt, *arguments[1:])[1:]
        assert others.tobytes() == whole[1:].tobytes(), f"{name}, beside NaN: {layer}"
