"""Gradients against central differences."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

DIRECTIONS = 4  # random directions per input, each with a random output gradient of its own
ELEMENTS = 1000  # at most so many elements per input one by one ...
WORK = 20_000_000  # ... and fewer, down to 64, where elements times array sizes would pass this
REFINEMENT = 32.0  # how much smaller the second step is that tells a kink from curvature
ULP = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Comparison:
    """One derivative, as ``backward`` gave it and as central differences did.

    Attributes
    ----------
    input : int
        Which input.
    index : tuple of int or None
        Which element of it; None is a random direction, all elements at once.
    analytic, numeric : float
    tolerance : float
        ``atol + rtol * |numeric|``.
    left, right : float
        One-sided derivatives.
    noise : float
        What rounding alone may have put into ``numeric``.
    kink : bool
        The one-sided derivatives differ, and stay so with a smaller step.
    """

    input: int
    index: tuple[int, ...] | None
    analytic: float
    numeric: float
    tolerance: float
    left: float
    right: float
    noise: float
    kink: bool = False

    @property
    def absolute_error(self) -> float:
        """``|analytic - numeric|``; infinite where one is not finite."""
        error = abs(self.analytic - self.numeric)
        return error if math.isfinite(error) else math.inf

    @property
    def relative_error(self) -> float:
        """The absolute error over the larger of the two magnitudes."""
        size = max(abs(self.analytic), abs(self.numeric))
        return self.absolute_error / size if size else self.absolute_error

    @property
    def agrees(self) -> bool:
        """Whether the two are within the tolerance, at a point that has a derivative."""
        finite = math.isfinite(self.absolute_error)
        return finite and self.absolute_error <= self.tolerance and not self.kink

    @property
    def place(self) -> str:
        """Where, in words."""
        if self.index is None:
            return f"input {self.input} along a random direction"
        return f"input {self.input} at {self.index}"


@dataclass(frozen=True)
class InputResult:
    """What was compared of one input.

    Attributes
    ----------
    input : int
    shape : tuple of int
    elements, size : int
        How many elements were checked one by one, and how many there are.
    worst : Comparison or None
        The largest error for its tolerance; None if the input is empty.
    """

    input: int
    shape: tuple[int, ...]
    elements: int
    size: int
    worst: Comparison | None

    @property
    def coverage(self) -> str:
        """How much was checked, in words."""
        some = "all" if self.elements == self.size else f"{self.elements} of"
        return f"{some} {self.size} elements, {DIRECTIONS if self.size else 0} directions"


@dataclass(frozen=True)
class GradcheckResult:
    """A gradient check that passed; ``str`` of it is a table.

    Attributes
    ----------
    inputs : tuple of InputResult
        Those that were differentiated.
    """

    inputs: tuple[InputResult, ...]

    def __str__(self) -> str:
        """Return one line for every input."""
        lines = [f"{'input':<6}{'shape':<20}{'abs error':>10}{'rel error':>11}  checked"]
        for row in self.inputs:
            absolute = row.worst.absolute_error if row.worst else 0.0
            relative = row.worst.relative_error if row.worst else 0.0
            shape = str(row.shape)
            lines.append(
                f"{row.input:<6}{shape:<20}{absolute:>10.1e}{relative:>11.1e}  {row.coverage}"
            )
        return "\n".join(lines)


def gradcheck(
    forward: Callable[..., ArrayLike],
    backward: Callable[..., Any],
    inputs: Sequence[ArrayLike] | NDArray[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
) -> GradcheckResult:
    """Check gradients against central differences in float64.

    With an output gradient g of random signs and sizes, ``backward(g, *inputs)`` is compared with

        (sum of g * forward(x + eps d) - sum of g * forward(x - eps d)) / (2 eps)

    for every element of every input (d is 1 there, 0 elsewhere) and for random directions (d is 1
    or -1 everywhere), each direction with a g of its own. All that is random is seeded: the same
    call checks the same numbers. Of a very large input a seeded choice of elements is checked one
    by one; the directions still move all of it, and the report says how many were chosen.

    Parameters
    ----------
    forward : callable
        ``forward(*inputs)`` returns an array of float64, of any shape. It is called right before
        each ``backward`` with the same inputs, so that a layer may remember.
    backward : callable
        ``backward(grad_output, *inputs)`` returns a gradient for each input, in a tuple or list;
        one input's may be a bare array. None says that an input is not differentiated:
        it is skipped.
    inputs : sequence of array_like
        Converted to float64. One array counts as one input.
    eps : float
        The step.
    atol, rtol : float
        Two derivatives agree if ``|analytic - numeric| <= atol + rtol * |numeric|``.

    Returns
    -------
    GradcheckResult
        The worst error of each input; print it for a table.

    Raises
    ------
    AssertionError
        With a report, if a derivative disagrees; if the function has no derivative there (a tie of
        a maximum, the corner of a ReLU: the derivatives from the left and from the right differ,
        and still do with a smaller step); if ``backward`` returns another number of gradients,
        another shape or dtype, or values that are not finite; if a function changes its arguments;
        if there is nothing to check.
    ValueError
        If ``inputs`` is empty or ``eps``, ``atol`` or ``rtol`` is out of range.

    Notes
    -----
    Rounding leaves an error of about ``2**-52 * sum |g * output| / eps`` in a difference. The
    report says so where that is more than the tolerance.

    References
    ----------
    .. [1] Chainer, ``chainer/gradient_check.py``: random directions in float64.
    .. [2] PyTorch, ``torch.autograd.gradcheck``: the tolerance.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.testing import gradcheck
    >>> x = np.array([[1.0, -2.0, 3.0]])
    >>> result = gradcheck(np.sin, lambda grad, x: grad * np.cos(x), [x])
    >>> result.inputs[0].coverage
    'all 3 elements, 4 directions'
    >>> gradcheck(np.sin, lambda grad, x: grad * np.sin(x), [x])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    AssertionError: gradcheck: 3 of 3 elements and 4 of 4 directions of input 0 disagree...
    """
    if not (eps > 0 and atol >= 0 and rtol >= 0 and max(eps, atol, rtol) < math.inf):
        raise ValueError(
            f"gradcheck: eps={eps}, atol={atol}, rtol={rtol}: expected eps > 0, the others >= 0"
        )
    given = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
    if not given:
        raise ValueError("gradcheck: inputs is empty: expected at least one array")
    check = _Check(forward, backward, [_float64(x) for x in given], eps, atol, rtol)
    return check.run()


def _float64(array: ArrayLike) -> Array:
    return np.array(array, dtype=np.float64, order="C")


class _Check:
    """One run: the functions, the point, and its tolerances."""

    def __init__(
        self,
        forward: Callable[..., ArrayLike],
        backward: Callable[..., Any],
        inputs: list[Array],
        eps: float,
        atol: float,
        rtol: float,
    ) -> None:
        self.forward, self.backward, self.inputs = forward, backward, inputs
        self.eps, self.atol, self.rtol = eps, atol, rtol
        self.rng = np.random.default_rng(0)
        self.output = self.value()
        _expect_finite("forward's output", self.output)

    def run(self) -> GradcheckResult:
        """Compare all, and raise or return the result."""
        weighed = [self.random_gradient() for _ in range(DIRECTIONS)]
        gradients = [self.gradients(g) for g in weighed]
        rows, failed = [], []
        for i, x in enumerate(self.inputs):
            pairs = [(g, all_of[i]) for g, all_of in zip(weighed, gradients, strict=True)]
            along = [(g, gradient) for g, gradient in pairs if gradient is not None]
            if len(along) < len(pairs):
                continue
            elements = self.chosen(x.size)
            compared = list(self.compare(i, elements, along))
            bad = [c for c in compared if not c.agrees]
            worst = max(compared, key=_excess, default=None)
            rows.append(InputResult(i, x.shape, len(elements), x.size, worst))
            failed.append(bad)
        if not rows:
            raise AssertionError("gradcheck: backward returned None for every input")
        if any(failed):
            raise AssertionError(self.report(rows, failed))
        return GradcheckResult(tuple(rows))

    def value(self) -> Array:
        """Call forward at the inputs as they stand, and return a copy of what it returned."""
        kept = [x.copy() for x in self.inputs]
        returned = self.forward(*self.inputs)
        if isinstance(returned, tuple | list):
            raise AssertionError("gradcheck: forward returned a sequence: expected one array")
        output = np.asarray(returned)
        if output.dtype != np.float64:
            raise AssertionError(
                f"gradcheck: forward returned {output.dtype} for float64 inputs: expected float64"
            )
        self.expect_unchanged("forward", kept)
        return output.copy()

    def expect_unchanged(self, name: str, kept: list[Array]) -> None:
        """Refuse a function that wrote into its arguments."""
        for i, (x, before) in enumerate(zip(self.inputs, kept, strict=True)):
            if not np.array_equal(x, before, equal_nan=True):
                raise AssertionError(f"gradcheck: {name} changed input {i}: inputs are read only")

    def random_gradient(self) -> Array:
        """Return an output gradient: sizes from 0.5 to 1.5, either sign."""
        sizes = self.rng.uniform(0.5, 1.5, self.output.shape)
        return np.asarray(sizes * self.rng.choice([-1.0, 1.0], self.output.shape))

    def gradients(self, grad_output: Array) -> list[Array | None]:
        """Call backward, and check the form of what it returned."""
        self.value()  # a layer's backward belongs to its latest forward
        kept, given = [x.copy() for x in self.inputs], grad_output.copy()
        returned = self.backward(given, *self.inputs)
        self.expect_unchanged("backward", kept)
        if not np.array_equal(given, grad_output):
            raise AssertionError("gradcheck: backward changed grad_output: inputs are read only")
        found = list(returned) if isinstance(returned, tuple | list) else [returned]
        if len(found) != len(self.inputs):
            raise AssertionError(
                f"gradcheck: backward returned {len(found)} gradients for {len(self.inputs)} inputs"
            )
        return [self.accepted(i, gradient) for i, gradient in enumerate(found)]

    def accepted(self, i: int, returned: Any) -> Array | None:
        """Return a gradient of the right shape and dtype, and finite; or None."""
        if returned is None:
            return None
        gradient, x = np.asarray(returned), self.inputs[i]
        if gradient.shape != x.shape:
            raise AssertionError(
                f"gradcheck: the gradient of input {i} has shape {gradient.shape}: "
                f"expected {x.shape}"
            )
        if gradient.dtype != np.float64:
            raise AssertionError(
                f"gradcheck: the gradient of input {i} has dtype {gradient.dtype}: expected float64"
            )
        _expect_finite(f"the gradient of input {i}", gradient)
        return gradient.copy()

    def chosen(self, size: int) -> list[int]:
        """Return the elements to check one by one: all, or a seeded choice with both ends."""
        work = max(1, self.output.size, *(x.size for x in self.inputs))
        most = min(ELEMENTS, max(64, WORK // work))
        if size <= most:
            return list(range(size))
        inner = np.random.default_rng(size).choice(size - 2, most - 2, replace=False) + 1
        return [0, *sorted(inner.tolist()), size - 1]

    def compare(
        self, i: int, elements: list[int], along: list[tuple[Array, Array]]
    ) -> Iterator[Comparison]:
        """Compare every chosen element of an input, then every direction."""
        x = self.inputs[i]
        if not x.size:
            return
        grad_output, gradient = along[0]
        for element in elements:
            direction = np.zeros(x.shape)
            direction.flat[element] = 1.0
            index = tuple(int(k) for k in np.unravel_index(element, x.shape))
            analytic = float(gradient.flat[element])
            yield self.derivative(i, index, direction, grad_output, analytic)
        for grad_output, gradient in along:
            direction = self.rng.choice([-1.0, 1.0], x.shape)
            analytic = float(np.sum(gradient * direction))
            yield self.derivative(i, None, direction, grad_output, analytic)

    def derivative(
        self,
        i: int,
        index: tuple[int, ...] | None,
        direction: Array,
        grad_output: Array,
        analytic: float,
    ) -> Comparison:
        """Compare one derivative; a second, smaller step decides where the first one does not."""

        def compared(step: float) -> Comparison:
            left, right, numeric = self.differences(i, direction, grad_output, step)
            tolerance = self.atol + self.rtol * abs(numeric)
            noise = 4 * ULP * float(np.sum(np.abs(grad_output * self.output))) / step
            return Comparison(i, index, analytic, numeric, tolerance, left, right, noise)

        first = compared(self.eps)
        gap = abs(first.right - first.left)
        if first.agrees and gap <= first.tolerance + first.noise:
            return first
        # A kink's gap stays. Curvature's, and that of a kink a part of a step away, shrinks.
        second = compared(self.eps / REFINEMENT)
        finer_gap = abs(second.right - second.left)
        if finer_gap > max(gap / 2, second.tolerance + second.noise):
            return replace(first, kink=True)
        return second if second.agrees and not first.agrees else first

    def differences(
        self, i: int, direction: Array, grad_output: Array, step: float
    ) -> tuple[float, float, float]:
        """Return the derivative from the left, from the right and the central one."""
        x = self.inputs[i]
        moved = []
        for signed in (-step, step):
            self.inputs[i] = x + signed * direction
            # The step that was really taken, after rounding.
            taken = float(np.sum((self.inputs[i] - x) * direction) / np.sum(direction * direction))
            try:
                moved.append((taken, self.value()))
            finally:
                self.inputs[i] = x
        (back, below), (ahead, above) = moved
        with np.errstate(all="ignore"):
            left = np.sum(grad_output * (self.output - below)) / -back
            right = np.sum(grad_output * (above - self.output)) / ahead
            central = np.sum(grad_output * (above - below)) / (ahead - back)
        return float(left), float(right), float(central)

    def report(self, rows: list[InputResult], failed: list[list[Comparison]]) -> str:
        """Return the report of a check that failed."""
        lines = []
        for row, bad in zip(rows, failed, strict=True):
            if bad:
                directions = sum(c.index is None for c in bad)
                lines.append(
                    f"{len(bad) - directions} of {row.elements} elements and "
                    f"{directions} of {DIRECTIONS} directions of input {row.input} disagree "
                    f"(shape {row.shape}, {row.coverage})"
                )
        every = [c for bad in failed for c in bad]
        smooth = [c for c in every if not c.kink]
        # Name an element rather than a direction, and a wrong value rather than a kink.
        for choice in (
            [c for c in smooth if c.index is not None],
            [c for c in every if c.index is not None],
            smooth,
            every,
        ):
            if choice:
                worst = max(choice, key=_excess)
                break
        lines += _describe(worst, self.eps)
        kinks = [c for c in every if c.kink and c is not worst]
        if kinks and not worst.kink:
            lines.append(f"not differentiable here either: {_one_sided(kinks[0])}")
        return "gradcheck: " + "\n  ".join(lines)


def _excess(c: Comparison) -> float:
    """Return the error in tolerances; a kink counts the difference of its sides."""
    error = max(c.absolute_error, abs(c.right - c.left)) if c.kink else c.absolute_error
    if not math.isfinite(error):
        return math.inf
    return error / c.tolerance if c.tolerance else math.inf if error else 0.0


def _one_sided(c: Comparison) -> str:
    return f"{c.place}: {c.left:.9g} from the left, {c.right:.9g} from the right"


def _describe(c: Comparison, eps: float) -> list[str]:
    lines = [
        f"worst: {c.place}",
        f"analytic {c.analytic:.9g}, numeric {c.numeric:.9g}",
        f"absolute error {c.absolute_error:.3g}, relative error {c.relative_error:.3g}, "
        f"tolerance {c.tolerance:.3g}",
    ]
    if c.kink:
        lines.append(
            f"not differentiable here: {_one_sided(c)}, and so it stays with a smaller step "
            "(a tie of a maximum, or a corner); choose another point"
        )
    elif not math.isfinite(c.numeric):
        lines.append(f"not finite: forward's output a step of {eps:g} away is not")
    elif c.noise > c.tolerance:
        lines.append(f"the numeric value may be off by {c.noise:.3g} from rounding: enlarge eps")
    return lines


def _expect_finite(name: str, values: Array) -> None:
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        first = tuple(int(k) for k in wrong[0])
        raise AssertionError(
            f"gradcheck: {name} is not finite: {len(wrong)} of {values.size} values, "
            f"the first at {first}: {values[first]}"
        )
