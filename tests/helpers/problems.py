"""What a problem of the tests is: its fields, and the shapes, arrays and arguments they stand for.

Arrays are made and kept channels first with a batch axis ("canonical"); `present` gives them the
case's own layout, `canonical` takes that back.
"""

import dataclasses
import math
from typing import Any

import numpy as np

LAYOUTS = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}

# Where "auto" may take Winograd's algorithm: channels of a group, in and out, and padding.
WINOGRAD_CHANNELS = 16
WINOGRAD_PADDING = 2
WINOGRAD_PIXELS = 256  # of the sums that are a weight gradient


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
