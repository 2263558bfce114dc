"""One case of the benchmark with its arrays made: what to run, and what it must give."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

import fastconv as fc
from fastconv import _core
from fastconv.cli import references
from fastconv.cli.image_filters import Filtering

Array = np.ndarray

FLOAT32_ROUNDING = 2.0**-24
WINOGRAD = "winograd"
SCIPY_OPERATIONS = 3e7  # so many of them take SciPy about a quarter of a second


@dataclass(frozen=True)
class Bound:
    """What is promised of a result.

    Attributes
    ----------
    element : float
        The largest error of an element, relative to the sum of its terms' magnitudes.
    norm : float or None
        The error's Euclidean norm, relative to that of the result; None where each element's
        bound is all there is.
    """

    element: float
    norm: float | None = None


WINOGRAD_BOUND = Bound(element=1e-3, norm=2e-5)
FILTER_BOUND = Bound(element=1e-5)


@dataclass(frozen=True)
class Problem:
    """What a case runs, and the result that it must give.

    Attributes
    ----------
    arrays : Conv, Pool or Filtering
        What it was made of.
    fastconv, numpy : callable
        Give the result in float32.
    scipy : callable or None
        Gives the first channels of it, or None where SciPy has no such operator.
    scipy_part : tuple of slice
        Selects those channels from the whole result.
    scipy_share : float
        How much of the whole result they are, from 0 to 1.
    expected : callable
        Gives the result in float64 and, element by element, the sum of its terms' magnitudes;
        computed once.
    bound : Bound
        What fastconv promises of its error.
    operations : float
        Additions, multiplications and comparisons of the direct sum.
    traffic : float
        Bytes of the arrays read and written, each counted once.
    """

    arrays: "Conv | Pool | Filtering"
    fastconv: Callable[[], Array]
    numpy: Callable[[], Array]
    scipy: Callable[[], Array] | None
    scipy_part: tuple[slice, ...]
    scipy_share: float
    expected: Callable[[], tuple[Array, Array]]
    bound: Bound
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


def _sum_bound(terms: int) -> Bound:
    """Bound the error of a float32 sum of that many products, taken one by one."""
    return Bound((terms + 2) * FLOAT32_ROUNDING)


def _plan(shape: tuple[int, ...], w: Array, stride: int, padding: int, groups: int) -> fc.Plan:
    return fc.plan_conv2d(shape, w, None, stride, padding, groups=groups)


def _runs_winograd(conv: Conv) -> bool:
    """Tell whether "auto" takes Winograd's algorithm for the convolution."""
    return _plan(conv.x.shape, conv.w, **conv.arguments).algorithm == WINOGRAD


def _may_turn_to_winograd(conv: Conv) -> bool:
    """Tell whether the input gradient, as the convolution that it is, could take Winograd's."""
    padding = conv.w.shape[2] - 1 - conv.padding
    if conv.stride != 1 or padding < 0:
        return False
    turned = np.zeros((conv.x.shape[1], conv.gy.shape[1] // conv.groups, *conv.w.shape[2:]), "f4")
    plan = _plan(conv.gy.shape, turned, 1, padding, conv.groups)
    return plan.problem.accepts(_core.ALGORITHMS.index(WINOGRAD)) is None


def _expected(function: Callable[..., Array], *arrays: Array) -> tuple[Array, Array]:
    """Run in float64, and once more on the magnitudes."""
    exact = [array.astype(np.float64) for array in arrays]
    return function(*exact), function(*map(np.abs, exact))


def _conv_problem(
    conv: Conv,
    ours: Callable[[], Array],
    numpy: Callable[[Array, Array, Array], Array],
    scipy: Callable[[int], Array],
    bound: Bound,
    channels: tuple[int, int],
) -> Problem:
    """Complete a problem; `channels` are the result's channels and the axis where they stand."""
    number, axis = channels
    count = int(np.clip(SCIPY_OPERATIONS * number // conv.operations, 1, number))
    arrays = (conv.x, conv.w, conv.gy)
    return Problem(
        arrays=conv,
        fastconv=ours,
        numpy=partial(numpy, *arrays),
        scipy=partial(scipy, count),
        scipy_part=(slice(None),) * axis + (slice(count),),
        scipy_share=count / number,
        expected=cache(partial(_expected, numpy, *arrays)),
        bound=bound,
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
        bound=WINOGRAD_BOUND if _runs_winograd(conv) else _sum_bound(w[0].size),
        channels=(len(w), 1),
    )


def conv_input_gradient(conv: Conv) -> Problem:
    """Make the problem of a convolution's gradient with respect to its input."""
    shape, w, gy, rest = conv.x.shape, conv.w, conv.gy, conv.arguments
    stride, padding, groups = conv.stride, conv.padding, conv.groups
    terms = w[:, 0].size // groups
    return _conv_problem(
        conv,
        ours=lambda: fc.grad.conv2d_input(shape, w, gy, stride, padding, groups=groups),
        numpy=lambda x, w, gy: references.numpy_conv_input(shape, w, gy, **rest),
        scipy=lambda count: references.scipy_conv_input(shape, w, gy, **rest, count=count),
        bound=WINOGRAD_BOUND if _may_turn_to_winograd(conv) else _sum_bound(terms),
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
        bound=_sum_bound(gy[:, 0].size),
        channels=(shape[0], 0),
    )


def pool_forward(pool: Pool) -> Problem:
    """Make the problem of a pooling; the maximum must come out exactly."""
    x, rest, is_max = pool.x, pool.arguments, pool.kind == "max"
    ours = fc.max_pool2d if is_max else fc.avg_pool2d
    numpy = references.numpy_max_pool if is_max else references.numpy_avg_pool
    return Problem(
        arrays=pool,
        fastconv=lambda: ours(x, *rest),
        numpy=lambda: numpy(x, *rest),
        scipy=lambda: references.scipy_pool(x, *rest, kind=pool.kind),
        scipy_part=(),
        scipy_share=1.0,
        expected=cache(lambda: _expected(lambda x: numpy(x, *rest), x)),
        bound=Bound(0.0) if is_max else _sum_bound(pool.kernel**2),
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
        arrays=pool,
        fastconv=ours,
        numpy=lambda: numpy(gy),
        scipy=None,
        scipy_part=(),
        scipy_share=1.0,
        expected=cache(lambda: _expected(numpy, gy)),
        bound=_sum_bound(pool.kernel**2),
        operations=float(gy.size * (1 if is_max else pool.kernel**2)),
        traffic=traffic,
    )


def filtering(case: Filtering) -> Problem:
    """Make the problem of a filter; a maximum must come out exactly."""
    return Problem(
        arrays=case,
        fastconv=case.fastconv,
        numpy=case.numpy,
        scipy=case.scipy,
        scipy_part=(),
        scipy_share=1.0,
        expected=cache(case.expected),
        bound=Bound(0.0) if case.name.startswith("maximum") else FILTER_BOUND,
        operations=case.operations,
        traffic=2.0 * case.x.nbytes,
    )
