"""Random problems, each small, which together reach every edge of every tile.

A problem is drawn through `pick(low, high) -> int`, so that the same code serves the seeded
generator (`seeded`) and hypothesis (`strategy`). Arrays are made and kept channels first with a
batch axis ("canonical"); `present` gives them the case's own layout, `canonical` takes that back.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

Pick = Callable[[int, int], int]

LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}
WORK = 1 << 16  # multiply-adds in one case, about

# Widest kernels and sizes by the number of dimensions: each case stays within WORK anyway.
KERNELS = {1: 11, 2: 11, 3: 5}
SIZES = {1: 70, 2: 70, 3: 40}

# Where "auto" may take Winograd's algorithm: channels of a group, in and out, and padding.
WINOGRAD_CHANNELS = 16
WINOGRAD_PADDING = 2
WINOGRAD_PIXELS = 256  # of the sums that are a weight gradient
WINOGRAD_WORK = 1 << 21


@dataclasses.dataclass(frozen=True)
class Case:
    """What every problem has."""

    seed: int
    ndim: int
    batch: int | None  # None: an input without the batch axis
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: Any
    padding: Any
    dilation: Any
    layout: str | None
    dtype: str
    integers: bool

    @property
    def channels_last(self) -> bool:
        return self.layout == LAYOUTS[self.ndim][1]

    @property
    def images(self) -> int:
        return 1 if self.batch is None else self.batch

    def present(self, array: np.ndarray) -> np.ndarray:
        """The canonical array in the case's layout, contiguous, in the case's dtype."""
        if self.channels_last:
            array = np.moveaxis(array, 1, -1)
        if self.batch is None:
            array = array[0]
        return np.ascontiguousarray(array, dtype=self.dtype)

    def canonical(self, array: np.ndarray) -> np.ndarray:
        if self.batch is None:
            array = array[None]
        return np.moveaxis(array, -1, 1) if self.channels_last else array

    def shape(self, canonical_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape in the case's layout of a canonical shape."""
        batch, channels, *space = canonical_shape
        shape = (*space, channels) if self.channels_last else (channels, *space)
        return shape if self.batch is None else (batch, *shape)

    def values(self, shape: tuple[int, ...], stream: int) -> np.ndarray:
        """Random values of the case's dtype, the same for the same case, shape and stream."""
        rng = np.random.default_rng([self.seed, stream])
        if self.integers:
            return rng.integers(-4, 5, shape).astype(self.dtype)
        return rng.standard_normal(shape).astype(self.dtype)

    def tuples(self, value: Any) -> tuple[int, ...]:
        return (value,) * self.ndim if isinstance(value, int) else tuple(value)


@dataclasses.dataclass(frozen=True)
class Weighted(Case):
    """A problem with weights; `size` is its input's."""

    in_channels: int
    out_channels: int
    groups: int
    bias: bool
    activation: Any

    @property
    def fits_winograd(self) -> bool:
        """Whether Winograd's algorithm can serve."""
        steps = (*self.tuples(self.stride), *self.tuples(self.dilation))
        return self.kernel == (3, 3) and set(steps) == {1}

    @property
    def has_channels_for_winograd(self) -> bool:
        return min(self.in_channels, self.out_channels) // self.groups >= WINOGRAD_CHANNELS

    @property
    def weight_gradient_may_transform(self) -> bool:
        """Whether the weight gradient may be Winograd's: a sum that is long enough for its bound.

        Integers then need not come out exact.
        """
        return self.may_transform and self.weight_products >= WINOGRAD_PIXELS

    @property
    def gradient_may_transform(self) -> bool:
        """Whether the input gradient, or a transposed convolution, may be Winograd's."""
        suits = self.fits_winograd and self.has_channels_for_winograd
        return suits and self.dtype == "float32"

    @property
    def products(self) -> int:
        """How many products one output element sums."""
        return self.in_channels // self.groups * math.prod(self.kernel)

    @property
    def input_products(self) -> int:
        """How many products one element of the input's gradient sums, at most."""
        return self.out_channels // self.groups * math.prod(self.kernel)

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.images, self.in_channels, *self.size)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (self.images, self.out_channels, *self.output)

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Input (canonical), weight and bias."""
        x = self.values(self.input_shape, 0)
        w = self.values(self.weight_shape, 1)
        return x, w, self.values((self.out_channels,), 2) if self.bias else None

    def grad_output(self) -> np.ndarray:
        return self.values(self.output_shape, 3)

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments that the function and its gradients share."""
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
            "layout": self.layout,
        }


@dataclasses.dataclass(frozen=True)
class Conv(Weighted):
    """A convolution."""

    padding_mode: str

    @property
    def extents(self) -> tuple[int, ...]:
        """How far the kernel reaches, along each axis."""
        return extents(self.kernel, self.tuples(self.dilation))

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        """The pairs (before, after) that `padding` stands for."""
        if self.padding == "valid":
            return ((0, 0),) * self.ndim
        if self.padding == "same":
            return tuple(((e - 1) // 2, e - 1 - (e - 1) // 2) for e in self.extents)
        if self.padding == "full":
            return tuple((e - 1, e - 1) for e in self.extents)
        if isinstance(self.padding, int):
            return ((self.padding, self.padding),) * self.ndim
        return tuple(p if isinstance(p, tuple) else (p, p) for p in self.padding)

    @property
    def output(self) -> tuple[int, ...]:
        return tuple(
            (size + before + after - extent) // stride + 1
            for size, (before, after), extent, stride in zip(
                self.size, self.pads, self.extents, self.tuples(self.stride), strict=True
            )
        )

    @property
    def weight_products(self) -> int:
        return self.images * math.prod(self.output)

    @property
    def suits_winograd(self) -> bool:
        """Whether each element is as near as is promised of Winograd's algorithm.

        An output that sees nothing but padding is exactly zero: not after a transform.
        """
        near = max(map(max, self.pads)) <= WINOGRAD_PADDING
        return self.fits_winograd and self.has_channels_for_winograd and near

    @property
    def may_transform(self) -> bool:
        """Whether "auto" may take Winograd's algorithm."""
        return self.suits_winograd and self.dtype == "float32"

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.out_channels, self.in_channels // self.groups, *self.kernel)


# A small one with a bit of everything; tests replace what they are about.
PLAIN = Conv(
    seed=1,
    ndim=2,
    batch=2,
    size=(6, 9),
    kernel=(3, 3),
    stride=1,
    padding=1,
    dilation=1,
    layout=None,
    dtype="float32",
    integers=True,
    in_channels=3,
    out_channels=5,
    groups=1,
    padding_mode="zeros",
    bias=True,
    activation=None,
)


@dataclasses.dataclass(frozen=True)
class Transpose(Weighted):
    """A transposed convolution."""

    output_padding: Any

    @property
    def output(self) -> tuple[int, ...]:
        per_axis = zip(
            self.size,
            self.tuples(self.stride),
            self.tuples(self.padding),
            extents(self.kernel, self.tuples(self.dilation)),
            self.tuples(self.output_padding),
            strict=True,
        )
        return tuple((i - 1) * s - 2 * p + e + extra for i, s, p, e, extra in per_axis)

    @property
    def weight_products(self) -> int:
        return self.images * math.prod(self.size)

    @property
    def may_transform(self) -> bool:
        """Whether the input gradient's forward convolution may be Winograd's."""
        return self.gradient_may_transform and max(self.tuples(self.padding)) <= WINOGRAD_PADDING

    @property
    def weight_shape(self) -> tuple[int, ...]:
        return (self.in_channels, self.out_channels // self.groups, *self.kernel)

    def arguments(self) -> dict[str, Any]:
        return super().arguments() | {"output_padding": self.output_padding}


@dataclasses.dataclass(frozen=True)
class Pool(Case):
    """A pooling problem; `stride` may be None."""

    channels: int
    ceil_mode: bool
    count_include_pad: bool
    divisor_override: int | None

    @property
    def strides(self) -> tuple[int, ...]:
        return self.kernel if self.stride is None else self.tuples(self.stride)

    @property
    def output(self) -> tuple[int, ...]:
        per_axis = zip(
            self.size,
            self.strides,
            self.tuples(self.padding),
            extents(self.kernel, self.tuples(self.dilation)),
            strict=True,
        )
        return tuple(pooled(i, s, p, e, self.ceil_mode) for i, s, p, e in per_axis)

    @property
    def elements(self) -> int:
        return math.prod(self.kernel)

    @property
    def fits(self) -> bool:
        """Whether the kernel fits into the unpadded input, as torch's avg_pool3d asks."""
        return all(size >= k for size, k in zip(self.size, self.kernel, strict=True))

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.images, self.channels, *self.size)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (self.images, self.channels, *self.output)

    def array(self) -> np.ndarray:
        return self.values(self.input_shape, 0)

    def grad_output(self) -> np.ndarray:
        return self.values(self.output_shape, 3)

    def max_arguments(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "ceil_mode": self.ceil_mode,
            "layout": self.layout,
        }

    def avg_arguments(self) -> dict[str, Any]:
        return {
            "stride": self.stride,
            "padding": self.padding,
            "ceil_mode": self.ceil_mode,
            "count_include_pad": self.count_include_pad,
            "divisor_override": self.divisor_override,
            "layout": self.layout,
        }

    def lp_arguments(self) -> dict[str, Any]:
        return {"stride": self.stride, "ceil_mode": self.ceil_mode, "layout": self.layout}


def extents(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))


def pooled(size: int, stride: int, padding: int, extent: int, ceil_mode: bool) -> int:
    """The output size of pooling along one axis, as torch has it."""
    room = size + 2 * padding - extent
    count = (room + (stride - 1 if ceil_mode else 0)) // stride + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1  # the last window would start in the padding at the end
    return count


# ---- Drawing -------------------------------------------------------------------------------------


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
    padding: Any = form
    if form == "int":
        padding = pads[0][0]
        pads = [(padding, padding)] * ndim
    elif form == "tuple":
        padding = tuple(before for before, _ in pads)
        pads = [(before, before) for before in padding]
    elif form == "pairs":
        padding = tuple(pads)
    elif form == "valid":
        pads = [(0, 0)] * ndim
    elif form == "same":
        pads = [((e - 1) // 2, e - 1 - (e - 1) // 2) for e in extent]
    elif form == "full":
        pads = [(e - 1, e - 1) for e in extent]

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
        slack = {"reflect": 1, "circular": 0}.get(mode)
        if slack is not None and any(max(p) > s - slack for p, s in zip(pads, size, strict=True)):
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
    slack = {"reflect": 1, "circular": 0}.get(mode, -math.inf)
    fitting = all(max(p) <= s - slack for p, s in zip(case.pads, case.size, strict=True))
    if "padding_mode" in fixed or not fitting:
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
