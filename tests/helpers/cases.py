"""Random problems, each small, which together reach every edge of every tile.

A problem is drawn through `pick(low, high) -> int`, so that the same code serves the seeded
generator (`seeded`) and hypothesis (`strategy`).
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .problems import (
    LAYOUTS,
    WINOGRAD_PADDING,
    Case,
    Conv,
    Pool,
    Transpose,
    extents,
    pooled,
)

Pick = Callable[[int, int], int]

WORK = 1 << 16  # multiply-adds in one case, about
WINOGRAD_WORK = 1 << 21  # in one of those for Winograd's algorithm

# Widest kernels and sizes by the number of dimensions: each case stays within WORK anyway.
KERNELS = {1: 11, 2: 11, 3: 5}
SIZES = {1: 70, 2: 70, 3: 40}


def draw_conv(pick: Pick, seed: int = 0, **fixed: Any) -> Conv:
    """A convolution. `fixed` sets fields: ndim, dtype, integers, padding_mode, layout, ...

    `times` allows that many times the channels and sizes, for what is longer than a cache's block.
    """
    choose = chooser(pick)
    ndim = fixed.pop("ndim", None) or choose((2, 2, 2, 1, 3))
    times = fixed.pop("times", 1)
    dims = draw_dims(pick, times)
    strides, dilations, pads, sizes = [], [], [], []
    form = choose(("int", "tuple", "pairs", "valid", "same", "full"))
    unit_stride = form == "same" or choose((True, False))
    for axis in range(ndim):
        dims[f"kernel{axis}"] = draw_kernel(pick, KERNELS[ndim])
        dims[f"output{axis}"] = pick(1, SIZES[ndim] * times)
        strides.append(1 if unit_stride else pick(1, 5))
        dilations.append(choose((1, 1, 1, 2, 3)))
        sizes.append(pick(0, 4))
        pads.append((pick(0, 6), pick(0, 6)))
    if choose((True, False)):
        strides, dilations = [strides[0]] * ndim, [dilations[0]] * ndim
    if choose((True, False)):
        for axis in range(1, ndim):
            dims[f"kernel{axis}"] = dims["kernel0"]
    reduce_work(pick, dims, WORK * times**2)

    kernel = tuple(dims[f"kernel{axis}"] for axis in range(ndim))
    extent = extents(kernel, tuple(dilations))
    padding, pads = padding_of(form, pads, extent)

    def input_size() -> tuple[int, ...]:
        """The smallest input of the drawn output, and some more that no window reaches."""
        axes = (
            (dims[f"output{axis}"] - 1) * strides[axis]
            + extent[axis]
            + sizes[axis] % strides[axis]
            - sum(pads[axis])
            for axis in range(ndim)
        )
        return tuple(max(size, 1) for size in axes)

    size = input_size()
    if math.prod(size) * dims["groups"] * dims["in"] * max(dims["batch"], 1) > 2 * WORK * times**2:
        strides = [1] * ndim
        size = input_size()

    mode = fixed.pop("padding_mode", None)
    if mode is None:
        mode = choose(("zeros", "zeros", "zeros", "reflect", "replicate", "circular"))
        if not mode_serves(mode, pads, size):
            mode = "zeros"
    fields = {
        "seed": seed,
        "ndim": ndim,
        "batch": dims["batch"] or None,
        "size": size,
        "kernel": kernel,
        "stride": brief(strides, choose),
        "padding": padding,
        "dilation": brief(dilations, choose),
        **draw_presentation(choose, ndim),
        "integers": False,
        **channels(dims["in"], dims["out"], dims["groups"]),
        "padding_mode": mode,
        **draw_epilogue(choose),
    }
    return Conv(**{**fields, **fixed})


def padding_of(
    form: str, pads: list[tuple[int, int]], extent: tuple[int, ...]
) -> tuple[Any, list[tuple[int, int]]]:
    """The argument of that form, from the pairs drawn; and the pairs that it stands for."""
    if form == "int":
        both = pads[0][0]
        return both, [(both, both)] * len(pads)
    if form == "tuple":
        befores = tuple(before for before, _ in pads)
        return befores, [(before, before) for before in befores]
    if form == "pairs":
        return tuple(pads), pads
    if form == "valid":
        return form, [(0, 0)] * len(pads)
    if form == "same":
        return form, [((e - 1) // 2, e - 1 - (e - 1) // 2) for e in extent]
    return form, [(e - 1, e - 1) for e in extent]


def mode_serves(mode: str, pads: Iterable[tuple[int, int]], size: tuple[int, ...]) -> bool:
    """Whether the input is large enough for what the padding mode repeats of it."""
    slack = {"reflect": 1, "circular": 0}.get(mode)
    return slack is None or all(max(p) <= s - slack for p, s in zip(pads, size, strict=True))


def draw_transpose(pick: Pick, seed: int = 0, **fixed: Any) -> Transpose:
    """A transposed convolution."""
    choose = chooser(pick)
    ndim = fixed.pop("ndim", None) or choose((2, 2, 2, 1, 3))
    dims = draw_dims(pick)
    for axis in range(ndim):
        dims[f"kernel{axis}"] = draw_kernel(pick, KERNELS[ndim])
        dims[f"output{axis}"] = pick(1, SIZES[ndim])  # the transposed convolution's input
    reduce_work(pick, dims)
    kernel = tuple(dims[f"kernel{axis}"] for axis in range(ndim))
    size = tuple(dims[f"output{axis}"] for axis in range(ndim))
    strides = [choose((1, 2, 1, 3, 4, 5)) for _ in range(ndim)]
    dilations = [choose((1, 1, 1, 2, 3)) for _ in range(ndim)]
    extra = [
        pick(0, max(stride, dilation) - 1)
        for stride, dilation in zip(strides, dilations, strict=True)
    ]
    extent = extents(kernel, tuple(dilations))
    pads = []
    for axis in range(ndim):
        full = (size[axis] - 1) * strides[axis] + extent[axis] + extra[axis]
        pads.append(pick(0, min((full - 1) // 2, extent[axis] + 1)))
    fields = {
        "seed": seed,
        "ndim": ndim,
        "batch": dims["batch"] or None,
        "size": size,
        "kernel": kernel,
        "stride": brief(strides, choose),
        "padding": brief(pads, choose),
        "dilation": brief(dilations, choose),
        **draw_presentation(choose, ndim),
        "integers": False,
        **channels(dims["in"], dims["out"], dims["groups"]),
        "output_padding": brief(extra, choose),
        **draw_epilogue(choose),
    }
    return Transpose(**{**fields, **fixed})


def draw_winograd(pick: Pick, seed: int = 0, **fixed: Any) -> Conv:
    """A convolution that Winograd's algorithm serves, with `least` channels a group at least."""
    choose = chooser(pick)
    least = fixed.pop("least", 1)
    widest_pad = fixed.pop("widest_pad", WINOGRAD_PADDING)
    of_group, size, groups = draw_winograd_sizes(pick, least)
    form = choose(("int", "int", "tuple", "pairs", "valid", "same", "full"))
    pads = [(pick(0, widest_pad), pick(0, widest_pad)) for _ in range(2)]
    padding = {"int": pads[0][0], "tuple": (pads[0][0], pads[1][0]), "pairs": tuple(pads)}.get(
        form, form
    )
    fields = {
        "seed": seed,
        "ndim": 2,
        "batch": choose((None, 1, 2, 5)),
        "size": size,
        "kernel": (3, 3),
        "stride": choose((1, (1, 1))),
        "padding": padding,
        "dilation": 1,
        **draw_presentation(choose, 2),
        "integers": choose((False, False, False, True)),
        **channels(*of_group, groups),
        "padding_mode": "zeros",
        **draw_epilogue(choose),
    }
    case = Conv(**{**fields, **fixed})
    short = [max(1, 3 - before - after) for before, after in case.pads]
    case = dataclasses.replace(case, size=tuple(map(max, size, short)))
    mode = choose(("zeros", "zeros", "reflect", "replicate", "circular"))
    if "padding_mode" in fixed or not mode_serves(mode, case.pads, case.size):
        return case
    return dataclasses.replace(case, padding_mode=mode)


def draw_winograd_transpose(pick: Pick, seed: int = 0, **fixed: Any) -> Transpose:
    """A transposed convolution that Winograd's algorithm may serve."""
    choose = chooser(pick)
    of_group, size, groups = draw_winograd_sizes(pick, fixed.pop("least", 1))
    pads = tuple(pick(0, min((n + 1) // 2, WINOGRAD_PADDING)) for n in size)
    fields = {
        "seed": seed,
        "ndim": 2,
        "batch": choose((None, 1, 2, 5)),
        "size": size,
        "kernel": (3, 3),
        "stride": 1,
        "padding": choose((min(pads), pads)),
        "dilation": 1,
        **draw_presentation(choose, 2),
        "integers": choose((False, False, False, True)),
        **channels(*of_group, groups),
        "output_padding": 0,
        **draw_epilogue(choose),
    }
    return Transpose(**{**fields, **fixed})


def draw_winograd_sizes(pick: Pick, least: int) -> tuple[tuple[int, int], tuple[int, int], int]:
    """Channels of a group (in, out), an image's size and the number of groups."""
    most = (pick(least, 48), pick(least, 200))[pick(0, 1)]  # few channels allow large images
    floor = {"in": least, "out": least, "height": 1, "width": 1, "groups": 1}
    dims = {
        "in": pick(least, most),
        "out": pick(least, most),
        "height": pick(1, 70),
        "width": pick(1, 70),
        "groups": (1, 1, 1, 2, 3, 4)[pick(0, 5)],
    }
    while math.prod(dims.values()) > WINOGRAD_WORK // 9:
        large = [name for name, value in dims.items() if value > floor[name]]
        name = large[pick(0, len(large) - 1)]
        dims[name] = max((dims[name] * 2 + 2) // 3, floor[name])
        if dims[name] == 2:
            dims[name] = floor[name]
    return (dims["in"], dims["out"]), (dims["height"], dims["width"]), dims["groups"]


def draw_pool(pick: Pick, seed: int = 0, **fixed: Any) -> Pool:
    """A pooling problem in which every window holds an element. Dilation is 1 unless `dilated`."""
    choose = chooser(pick)
    ndim = fixed.pop("ndim", None) or choose((2, 2, 2, 1, 3))
    dilated = fixed.pop("dilated", False)
    padded = fixed.pop("padded", True)
    ceil_mode = fixed.pop("ceil_mode", None)
    if ceil_mode is None:
        ceil_mode = choose((False, True))
    dims = {"groups": pick(1, 40), "in": 1, "out": 1, "batch": pick(0, 3)}
    for axis in range(ndim):
        dims[f"kernel{axis}"] = draw_kernel(pick, 9 if ndim < 3 else 5)
        dims[f"output{axis}"] = pick(1, SIZES[ndim])  # the input's size
    if choose((True, False)):
        for axis in range(1, ndim):
            dims[f"kernel{axis}"] = dims["kernel0"]
    reduce_work(pick, dims)
    kernel = tuple(dims[f"kernel{axis}"] for axis in range(ndim))
    strides: list[int] | None = [choose((1, 2, 3, 4, 5)) for _ in range(ndim)]
    if choose((False, True)):
        strides = None
    pads, dilations, size = [], [], []
    for axis in range(ndim):
        pad = pick(0, kernel[axis] // 2) if padded else 0
        dilation = choose((1, 1, 2, 3)) if dilated else 1
        stride = kernel[axis] if strides is None else strides[axis]
        length = dims[f"output{axis}"]
        while not serves(length, kernel[axis], stride, pad, dilation, ceil_mode):
            length += 1
        size.append(length)
        pads.append(pad)
        dilations.append(dilation)
    fields = {
        "seed": seed,
        "ndim": ndim,
        "batch": dims["batch"] or None,
        "size": tuple(size),
        "kernel": kernel,
        "stride": None if strides is None else brief(strides, choose),
        "padding": brief(pads, choose),
        "dilation": brief(dilations, choose),
        **draw_presentation(choose, ndim),
        "integers": False,
        "channels": dims["groups"],
        "ceil_mode": ceil_mode,
        "count_include_pad": choose((True, False)),
        "divisor_override": choose((None, None, 1, 7)),
    }
    return Pool(**{**fields, **fixed})


def serves(size: int, kernel: int, stride: int, pad: int, dilation: int, ceil_mode: bool) -> bool:
    """Whether pooling gives an output along this axis and each of its windows holds an element."""
    extent = dilation * (kernel - 1) + 1
    if size + 2 * pad < extent and not ceil_mode:
        return False
    count = pooled(size, stride, pad, extent, ceil_mode)
    return count >= 1 and all(
        any(0 <= o * stride - pad + t * dilation < size for t in range(kernel))
        for o in range(count)
    )


def draw_dims(pick: Pick, times: int = 1) -> dict[str, int]:
    """Groups, the channels of one, and the batch (0: no batch axis)."""
    style = chooser(pick)(("dense", "dense", "grouped", "depthwise"))
    groups = {"dense": (1, 1), "grouped": (2, 8), "depthwise": (1, 40)}[style]
    most_in, most_out = {"dense": (40, 40), "grouped": (8, 10), "depthwise": (1, 3)}[style]
    return {
        "groups": pick(*groups),
        "in": pick(1, most_in * times),
        "out": pick(1, most_out * times),
        "batch": pick(0, 3),
    }


def channels(of_input: int, of_output: int, groups: int) -> dict[str, int]:
    """The fields that hold the channels, from those of a group."""
    return {
        "in_channels": groups * of_input,
        "out_channels": groups * of_output,
        "groups": groups,
    }


def draw_presentation(choose: Callable[[Any], Any], ndim: int) -> dict[str, Any]:
    """How the arrays are given."""
    return {
        "layout": choose((None, *LAYOUTS[ndim], LAYOUTS[ndim][1])),
        "dtype": choose(("float32", "float32", "float64")),
    }


def draw_epilogue(choose: Callable[[Any], Any]) -> dict[str, Any]:
    """What is done with a sum."""
    return {
        "bias": choose((True, False)),
        "activation": choose((None, None, "relu", "relu6", (-1.0, 2.0))),
    }


def draw_kernel(pick: Pick, widest: int) -> int:
    """Small kernels more often than wide ones."""
    return pick(1, 3) if pick(0, 2) else pick(1, widest)


def reduce_work(pick: Pick, dims: dict[str, int], most: int = WORK) -> None:
    """Halve dimensions, in a random order, until the case costs no more than `most`."""
    while True:
        work = math.prod(max(value, 1) for value in dims.values())
        if work <= most:
            return
        large = [name for name, value in dims.items() if value > 1]
        name = large[pick(0, len(large) - 1)]
        dims[name] = (dims[name] + 1) // 2


def brief(values: list[int], choose: Callable[[Any], Any]) -> Any:
    """An int where all values are equal (or sometimes a tuple all the same)."""
    if len(set(values)) == 1 and choose((True, False)):
        return values[0]
    return tuple(values)


def chooser(pick: Pick) -> Callable[[Any], Any]:
    return lambda options: options[pick(0, len(options) - 1)]


def usual_pools(widths: Iterable[int], **fixed: Any) -> Iterator[Pool]:
    """The windows that have kernels of their own, channels first, over every width given."""
    windows = [(k, s, p) for k in (2, 3, 5) for s in (1, 2) for p in range(k // 2 + 1)]
    windows += [(2, 3, 0), (3, 3, 0), (3, 3, 1), (4, 4, 0), (5, 3, 2), (4, 2, 1), (7, 5, 3)]
    for width in widths:
        for index, (kernel, stride, padding) in enumerate(windows):
            case = Pool(
                seed=1000 * width + index,
                ndim=2,
                batch=2,
                size=(4 + (width + index) % 3, width),
                kernel=(kernel, kernel),
                stride=stride,
                padding=padding,
                dilation=1,
                layout=None,
                dtype=("float32", "float64")[(width + index) % 2],
                integers=False,
                channels=3,
                ceil_mode=(width + index) % 5 == 0,
                count_include_pad=(width + index) % 3 != 0,
                divisor_override=None,
            )
            case = dataclasses.replace(case, **fixed)
            if min(case.output) > 0:
                yield case


def seeded(draw: Callable[..., Case], seed: int, count: int, **fixed: Any) -> Iterator[Any]:
    """`count` cases; the i-th is the same whatever count is, and its data follow from its seed."""
    for index in range(count):
        yield one(draw, seed + index, **fixed)


def one(draw: Callable[..., Case], seed: int, **fixed: Any) -> Any:
    """The case of a seed, as a failure's message names it."""
    rng = np.random.default_rng(seed)
    return draw(lambda low, high: int(rng.integers(low, high + 1)), seed=seed, **fixed)


def strategy(draw: Callable[..., Case], **fixed: Any) -> Any:
    """The same cases, drawn and shrunk by hypothesis."""
    from hypothesis import strategies as st

    @st.composite
    def build(from_hypothesis: Any) -> Case:
        def pick(low: int, high: int) -> int:
            return from_hypothesis(st.integers(low, high))

        return draw(pick, seed=from_hypothesis(st.integers(0, 1 << 16)), **fixed)

    return build()
