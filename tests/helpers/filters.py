"""Random problems for the door to filters; as a program, solved between guard pages."""

import sys
from typing import Any, NamedTuple

import numpy as np

from fastconv import _core

INTEGERS = "bBhHiIlLqQ"
CHARS = INTEGERS + "fd"
OPS = (0, 1, 2)  # sum, maximum, minimum
WRAPPING = 6  # one in so many sums is in an integer type's own arithmetic


class Problem(NamedTuple):
    """Arguments of `filter_taps`, or without weights of `filter_passes`."""

    input: np.ndarray
    weights: Any
    output: np.ndarray
    rest: tuple[Any, ...]


def values(rng, shape, char):
    """Random elements; integers now and then over their whole range."""
    if char in "fd":
        return (10 * rng.standard_normal(shape)).astype(char)
    if char in "FD":
        return (values(rng, shape, "d") + 1j * values(rng, shape, "d")).astype(char)
    if char == "?":
        return rng.integers(0, 2, shape).astype(bool)
    info = np.iinfo(char)
    if rng.integers(6) == 0:  # but of 64 bits: sums beyond them are another test's
        low, high = max(info.min, -(2**58)), min(info.max, 2**58)
        return rng.integers(low, high, shape, char, endpoint=True)
    return rng.integers(max(info.min, -100), min(info.max, 200), shape).astype(char)


def window(rng, shape):
    """Random weights: any, whole, with gaps, all equal, or symmetric."""
    weights = [
        rng.standard_normal(shape),
        rng.integers(-3, 4, shape).astype(float),
        rng.integers(0, 2, shape) / 4,
        np.ones(shape),
    ][rng.integers(4)]
    turned = weights[(slice(None, None, -1),) * len(shape)]
    return weights + [0, 1, -1][rng.integers(3)] * turned


def windows(rng, op, sizes):
    """A problem of `filter_taps`: results from those of whole windows to all that touch."""
    ndim = int(rng.integers(1, 4))
    shape = [int(n) for n in rng.choice(sizes[: 7 if ndim < 3 else 5], ndim)]
    window_shape = [int(n) for n in rng.integers(1, 6, ndim)]
    char, out = (str(c) for c in rng.choice(list(CHARS), 2))
    if rng.integers(2):
        out = char
    weights = window(rng, window_shape)
    if op:
        weights = (rng.random(window_shape) < 0.6).astype(np.uint8)
        weights.flat[rng.integers(weights.size)] = 1
    elif char not in "fd" and rng.integers(WRAPPING) == 0:
        weights, out = values(rng, window_shape, char), char
    result = [int(rng.integers(1, n + w)) for n, w in zip(shape, window_shape, strict=True)]
    borders = tuple(int(b) for b in rng.integers(0, 5, ndim))
    offsets = tuple(int(rng.integers(0, n)) for n in window_shape)
    rest = borders, float(rng.integers(9)), offsets, op
    return Problem(values(rng, shape, char), weights, np.zeros(result, out), rest)


def passes(rng, several, sizes):
    """A problem of `filter_passes`, with one pass or one for each of several axes."""
    ndim = int(rng.integers(1, 4))
    shape = [int(n) for n in rng.choice(sizes[: 7 if ndim < 3 else 5], ndim)]
    char, out = (str(c) for c in rng.choice(list(CHARS), 2))
    if rng.integers(2):
        out = char
    steps = []
    axes = rng.permutation(ndim) if rng.integers(2) else np.arange(ndim)
    for axis in axes[: rng.integers(1, ndim + 1) if several else 1]:
        op, size = int(rng.integers(4)), int(rng.choice([1, 2, 3, 5, 9, 14, 31]))
        argument = size if op else window(rng, (size,))
        steps.append((int(axis), op, int(rng.integers(5)), int(rng.integers(size)), argument))
    rest = tuple(steps), float(rng.choice([0.0, 3.0, 0.4]))
    return Problem(values(rng, shape, char), None, np.zeros(shape, out), rest)


def run(problem, guards):
    """Solve a problem with its arrays between guard pages."""
    given = problem.output

    def solve(input, weights, out):
        arguments = [input, out] if weights is None else [input, weights, out]
        door = _core.filter_passes if weights is None else _core.filter_taps
        door(*arguments, *problem.rest)
        return out

    guards.run(solve, [problem.input, problem.weights], (given.shape, given.dtype))


def main(count):
    from helpers.guards import Guards

    _core.poison_scratch(True)
    guards, sizes = Guards(), (1, 2, 3, 5, 8, 70, 600)
    for k in range(count):
        rng = np.random.default_rng(k)
        for problem in (windows(rng, k % 3, sizes), passes(rng, k % 2, sizes)):
            sys.stderr.write(f"\n{k} {problem.input.dtype} {problem.input.shape} {problem.rest}")
            sys.stderr.flush()
            run(problem, guards)
    print("filters passed")


if __name__ == "__main__":
    main(int(sys.argv[1]))
