"""One case of the benchmark with its arrays made: what to run, and what it must give."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

import fastconv as fc
from fastconv.cli import references

Array = np.ndarray

FLOAT32_ROUNDING = 2.0**-24
SCIPY_OPERATIONS = 3e7  # so many of them take SciPy about a quarter of a second


@dataclass(frozen=True)
class Problem:
    """What a case runs, and the result that it must give.

    Attributes
    ----------
    fastconv, numpy : callable
        Give the result in float32.
    scipy : callable or None
        Gives the first channels of it, or None where SciPy has no such operator.
    scipy_part : tuple of slice
        Selects those channels from the whole result.
    scipy_share : float
        How much of the whole result they are, from 0 to 1.
    expected : callable
        Gives the result in float64 and, element by element, the sum of its terms' magnitudes.
    allowed : float
        Largest error, relative to those sums.
    operations : float
        Additions, multiplications and comparisons of the direct sum.
    traffic : float
        Bytes of the arrays read and written, each counted once.
    """

    fastconv: Callable[[], Array]
    numpy: Callable[[], Array]
    scipy: Callable[[], Array] | None
    scipy_part: tuple[slice, ...]
    scipy_share: float
    expected: Callable[[], tuple[Array, Array]]
    allowed: float
    operations: float
    traffic: float


@dataclass(frozen=True)
class Conv:
    """A convolution of float32: image, weights, the gradient of its result, and its arguments."""

    x: Array
    w: Array
    gy: Array
    stride: int = 1
    padding: int = 0
    groups: int = 1

    @property
    def arguments(self) -> dict[str, int]:
        """The arguments by their names."""
        return {"stride": self.stride, "padding": self.padding, "groups": self.groups}

    @property
    def operations(self) -> float:
        """Two for each multiply-add."""
        return 2.0 * self.gy.size * self.w[0].size


@dataclass(frozen=True)
class Pool:
    """A pooling of float32: image, the gradient of its result, its kind and its arguments."""

    x: Array
    gy: Array
    kind: str
    kernel: int
    stride: int
    padding: int

    @property
    def arguments(self) -> tuple[int, int, int]:
        """The kernel's size, the stride and the padding."""
        return self.kernel, self.stride, self.padding


def _allowed(terms: int) -> float:
    """Bound the relative error of a float32 sum of that many products, as fastconv promises it."""
    return (terms + 2) * FLOAT32_ROUNDING


def _expected(function: Callable[..., Array], *arrays: Array) -> tuple[Array, Array]:
    """Run in float64, and once more on the magnitudes."""
    exact = [array.astype(np.float64) for array in arrays]
    return function(*exact), function(*map(np.abs, exact))


def _conv_problem(
    conv: Conv,
    ours: Callable[[], Array],
    numpy: Callable[[Array, Array, Array], Array],
    scipy: Callable[[int], Array],
    terms: int,
    channels: tuple[int, int],
) -> Problem:
    """Complete a problem; `channels` are the result's channels and the axis where they stand."""
    number, axis = channels
    count = int(np.clip(SCIPY_OPERATIONS * number // conv.operations, 1, number))
    arrays = (conv.x, conv.w, conv.gy)
    return Problem(
        fastconv=ours,
        numpy=partial(numpy, *arrays),
        scipy=partial(scipy, count),
        scipy_part=(slice(None),) * axis + (slice(count),),
        scipy_share=count / number,
        expected=partial(_expected, numpy, *arrays),
        allowed=_allowed(terms),
        operations=conv.operations,
        traffic=float(sum(array.nbytes for array in arrays)),
    )


def conv_forward(conv: Conv) -> Problem:
    """Make the problem of a convolution."""
    x, w, rest = conv.x, conv.w, conv.arguments
    stride, padding, groups = conv.stride, conv.padding, conv.groups
    return _conv_problem(
        conv,
        ours=lambda: fc.conv2d(x, w, None, stride, padding, groups=groups),
        numpy=lambda x, w, gy: references.numpy_conv(x, w, **rest),
        scipy=lambda count: references.scipy_conv(x, w, **rest, count=count),
        terms=w[0].size,
        channels=(len(w), 1),
    )


def conv_input_gradient(conv: Conv) -> Problem:
    """Make the problem of a convolution's gradient with respect to its input."""
    shape, w, gy, rest = conv.x.shape, conv.w, conv.gy, conv.arguments
    stride, padding, groups = conv.stride, conv.padding, conv.groups
    return _conv_problem(
        conv,
        ours=lambda: fc.grad.conv2d_input(shape, w, gy, stride, padding, groups=groups),
        numpy=lambda x, w, gy: references.numpy_conv_input(shape, w, gy, **rest),
        scipy=lambda count: references.scipy_conv_input(shape, w, gy, **rest, count=count),
        terms=w[:, 0].size // conv.groups,
        channels=(shape[1], 1),
    )


def conv_weight_gradient(conv: Conv) -> Problem:
    """Make the problem of a convolution's gradient with respect to its weights."""
    x, shape, gy, rest = conv.x, conv.w.shape, conv.gy, conv.arguments
    stride, padding, groups = conv.stride, conv.padding, conv.groups
    return _conv_problem(
        conv,
        ours=lambda: fc.grad.conv2d_weight(x, shape, gy, stride, padding, groups=groups),
        numpy=lambda x, w, gy: references.numpy_conv_weight(x, shape, gy, **rest),
        scipy=lambda count: references.scipy_conv_weight(x, shape, gy, **rest, count=count),
        terms=gy[:, 0].size,
        channels=(shape[0], 0),
    )


def pool_forward(pool: Pool) -> Problem:
    """Make the problem of a pooling; the maximum must come out exactly."""
    x, rest, is_max = pool.x, pool.arguments, pool.kind == "max"
    ours = fc.max_pool2d if is_max else fc.avg_pool2d
    numpy = references.numpy_max_pool if is_max else references.numpy_avg_pool
    return Problem(
        fastconv=lambda: ours(x, *rest),
        numpy=lambda: numpy(x, *rest),
        scipy=lambda: references.scipy_pool(x, *rest, kind=pool.kind),
        scipy_part=(),
        scipy_share=1.0,
        expected=lambda: _expected(lambda x: numpy(x, *rest), x),
        allowed=0.0 if is_max else _allowed(pool.kernel**2),
        operations=float(pool.gy.size * pool.kernel**2),
        traffic=float(x.nbytes + pool.gy.nbytes),
    )


def pool_input_gradient(pool: Pool) -> Problem:
    """Make the problem of a pooling's gradient, with the indices of the maxima given."""
    x, gy, rest, is_max = pool.x, pool.gy, pool.arguments, pool.kind == "max"
    traffic = float(x.nbytes + gy.nbytes)
    if is_max:
        indices = fc.max_pool2d(x, *rest, return_indices=True)[1]
        traffic += indices.nbytes

    def ours() -> Array:
        if is_max:
            return fc.grad.max_pool2d(gy, indices, x.shape)
        return fc.grad.avg_pool2d(gy, x.shape, *rest)

    def numpy(gy: Array) -> Array:
        if is_max:
            return references.numpy_max_pool_grad(x, gy, *rest)
        return references.numpy_avg_pool_grad(x.shape, gy, *rest)

    return Problem(
        fastconv=ours,
        numpy=lambda: numpy(gy),
        scipy=None,
        scipy_part=(),
        scipy_share=1.0,
        expected=lambda: _expected(numpy, gy),
        allowed=_allowed(pool.kernel**2),
        operations=float(gy.size * (1 if is_max else pool.kernel**2)),
        traffic=traffic,
    )
