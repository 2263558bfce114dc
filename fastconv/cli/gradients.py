"""Cases for checking every function of `fastconv.grad`: operators, layouts and arguments."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import fastconv as fc
from fastconv.testing import gradcheck

Array = np.ndarray
Arguments = dict[str, Any]

LENGTHS = {1: (9,), 2: (6, 7), 3: (4, 3, 4)}
CHANNELS = 4


@dataclass(frozen=True)
class GradientCase:
    """One gradient to check.

    Attributes
    ----------
    operator : str
        As in "conv2d".
    gradients : str
        The functions of `fastconv.grad` that are checked.
    layout : str
        As in "NHWC".
    arguments : dict
        The operator's arguments, to be shown.
    check : callable
        Does it: returns what `fastconv.testing.gradcheck` does, or raises AssertionError.
    """

    operator: str
    gradients: str
    layout: str
    arguments: Arguments
    check: Callable[[], Any]


def _layouts(n: int) -> tuple[str, str]:
    spatial = "DHW"[3 - n :]
    return f"NC{spatial}", f"N{spatial}C"


def _function(module: Any, name: str, layout: str, arguments: Arguments) -> Callable[..., Any]:
    return partial(getattr(module, name), layout=layout, **arguments)


def _image(n: int, layout: str) -> Array:
    """Make an image without two equal elements, and all of them at least 0.5: no kinks, no ties."""
    shape = (2, CHANNELS, *LENGTHS[n]) if layout.startswith("NC") else (2, *LENGTHS[n], CHANNELS)
    size = int(np.prod(shape))
    return 0.5 + np.random.default_rng(0).permutation(size).reshape(shape) / size


def _weights(*shape: int) -> Array:
    return np.random.default_rng(1).standard_normal(shape)


def _conv_arguments(n: int) -> list[Arguments]:
    return [
        {},
        {"stride": 2, "padding": 1},
        {"padding": ((1, 2),) * n, "stride": 3},
        {"dilation": 2, "padding": 2},
        {"padding": "same"},
        {"padding": "full", "stride": 2},
        {"groups": 2, "padding": 1},
        {"groups": CHANNELS, "stride": 2, "padding": 1},
    ]


def _conv_cases(n: int, layout: str) -> Iterator[GradientCase]:
    """Check the three gradients together, and then each by its own function."""
    name = f"conv{n}d"
    x, bias = _image(n, layout), _weights(2 * CHANNELS)
    for arguments in _conv_arguments(n):
        w = _weights(2 * CHANNELS, CHANNELS // arguments.get("groups", 1), *(3, 2, 3)[:n])
        forward = _function(fc, name, layout, arguments)
        together = _function(fc.grad, name, layout, arguments)
        to_input = _function(fc.grad, f"{name}_input", layout, arguments)
        to_weight = _function(fc.grad, f"{name}_weight", layout, arguments)
        to_bias = _function(fc.grad, f"{name}_bias", layout, {})

        def all_at_once(gy: Array, x: Array, w: Array, b: Array, together: Any = together) -> Any:
            return together(gy, x, w)

        def one_by_one(
            gy: Array,
            x: Array,
            w: Array,
            b: Array,
            functions: Any = (to_input, to_weight, to_bias),
        ) -> Any:
            gx, gw, gb = functions
            return gx(x.shape, w, gy), gw(x, w.shape, gy), gb(gy)

        singles = f"{name}_input, _weight, _bias"
        for gradients, backward in ((name, all_at_once), (singles, one_by_one)):
            check = partial(gradcheck, forward, backward, [x, w, bias])
            yield GradientCase(name, gradients, layout, arguments, check)


def _transposed_cases(n: int, layout: str) -> Iterator[GradientCase]:
    name = f"conv_transpose{n}d"
    for arguments in (
        {},
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"dilation": 2},
        {"groups": 2, "stride": 3},
    ):
        w = _weights(CHANNELS, 4 // arguments.get("groups", 1), *(3, 2, 3)[:n])
        forward = _function(fc, name, layout, arguments)
        backward = _function(fc.grad, name, layout, arguments)
        check = partial(
            gradcheck,
            forward,
            lambda gy, x, w, b, backward=backward: backward(gy, x, w),
            [_image(n, layout), w, _weights(4)],
        )
        yield GradientCase(name, name, layout, arguments, check)


def _max_pool_cases(n: int, layout: str) -> Iterator[GradientCase]:
    shrunk = tuple(length // 2 for length in LENGTHS[n])
    grad = _function(fc.grad, f"max_pool{n}d", layout, {})
    for operator, arguments in (
        (f"max_pool{n}d", {"kernel_size": 2}),
        (f"max_pool{n}d", {"kernel_size": 3, "stride": 2, "padding": 1}),
        (f"max_pool{n}d", {"kernel_size": 2, "stride": 1, "dilation": 2}),
        (f"max_pool{n}d", {"kernel_size": 2, "ceil_mode": True}),
        (f"adaptive_max_pool{n}d", {"output_size": shrunk}),
    ):
        forward = _function(fc, operator, layout, arguments)

        def backward(gy: Array, x: Array, forward: Any = forward) -> Any:
            return grad(gy, forward(x, return_indices=True)[1], x.shape)

        check = partial(gradcheck, forward, backward, [_image(n, layout)])
        yield GradientCase(operator, f"max_pool{n}d", layout, arguments, check)


def _avg_pool_cases(n: int, layout: str) -> Iterator[GradientCase]:
    shrunk = tuple(length // 2 for length in LENGTHS[n])
    for operator, arguments in (
        (f"avg_pool{n}d", {"kernel_size": 2}),
        (f"avg_pool{n}d", {"kernel_size": 3, "stride": 2, "padding": 1}),
        (f"avg_pool{n}d", {"kernel_size": 3, "padding": 1, "count_include_pad": False}),
        (f"avg_pool{n}d", {"kernel_size": 2, "ceil_mode": True, "divisor_override": 3}),
        (f"adaptive_avg_pool{n}d", {"output_size": shrunk}),
    ):
        forward = _function(fc, operator, layout, arguments)
        kept = {k: v for k, v in arguments.items() if k != "output_size"}
        grad = _function(fc.grad, operator, layout, kept)
        check = partial(
            gradcheck, forward, lambda gy, x, grad=grad: grad(gy, x.shape), [_image(n, layout)]
        )
        yield GradientCase(operator, operator, layout, arguments, check)


def _lp_pool_cases(n: int, layout: str) -> Iterator[GradientCase]:
    name = f"lp_pool{n}d"
    for arguments in (
        {"norm_type": 2, "kernel_size": 2},
        {"norm_type": 1.5, "kernel_size": 3, "stride": 1},
        {"norm_type": 3, "kernel_size": 2, "ceil_mode": True},
    ):
        forward = _function(fc, name, layout, arguments)
        grad = _function(fc.grad, name, layout, arguments)

        def backward(gy: Array, x: Array, forward: Any = forward, grad: Any = grad) -> Any:
            return grad(gy, x, forward(x))

        check = partial(gradcheck, forward, backward, [_image(n, layout)])
        yield GradientCase(name, name, layout, arguments, check)


MAKERS = (_conv_cases, _transposed_cases, _max_pool_cases, _avg_pool_cases, _lp_pool_cases)


def gradient_cases() -> Iterator[GradientCase]:
    """Yield the cases in one, two and three dimensions, in both layouts."""
    for make in MAKERS:
        for n in LENGTHS:
            for layout in _layouts(n):
                yield from make(n, layout)
