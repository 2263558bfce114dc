"""Layers against torch's, and against finite differences."""

from typing import Any

import numpy as np
import pytest

from fastconv import nn
from fastconv.testing import gradcheck

DTYPES = ("float32", "float64")
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}  # of the largest value of an array


class Seeded(nn.Module):
    """A layer that draws the same in every forward pass."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        nn.manual_seed(0)
        return self.layer(x)

    def backward(self, gy):
        return self.layer.backward(gy)


def draw(shape: tuple[int, ...], dtype: Any = "float32", seed: int = 0) -> np.ndarray:
    """Normal values."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def assert_close(actual: Any, expected: Any, what: str, tolerance: float | None = None) -> None:
    """Shape, dtype and values; these within a relative part of the largest expected one."""
    expected = np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: {actual.shape}, expected {expected.shape}"
    assert actual.dtype == expected.dtype, f"{what}: {actual.dtype}, expected {expected.dtype}"
    rtol = TOLERANCE.get(expected.dtype.name, 0) if tolerance is None else tolerance
    finite = np.abs(expected[np.isfinite(expected)], dtype=np.float64)
    scale = max(1e-3, float(finite.max())) if finite.size else 1.0
    np.testing.assert_allclose(actual, expected, rtol=rtol, atol=rtol * scale, err_msg=what)


def give_state(theirs: Any, ours: Any) -> None:
    """Copy our values into torch's layer; the names must be the same."""
    torch = pytest.importorskip("torch")
    state = {name: torch.tensor(np.array(value)) for name, value in ours.state_dict().items()}
    theirs.load_state_dict(state)


def assert_equals_torch(
    ours: Any,
    theirs: Any,
    x: np.ndarray,
    *,
    copy: bool = True,
    modes: tuple[bool, ...] = (True, False),
    tolerance: float | None = None,
    seed: int = 7,
) -> None:
    """Output, gradients and buffers are torch's, in training and in evaluation.

    Parameters
    ----------
    ours, theirs : modules
        Of the same arguments. Torch's takes over our state (unless not `copy`) and dtype.
    x : ndarray
        The input.
    modes : tuple of bool
        What `train` is called with, one pass each. Buffers are compared after each.
    tolerance : float
        Relative to the largest value of each array.
    """
    torch = pytest.importorskip("torch")
    theirs = theirs.to(getattr(torch, x.dtype.name))
    if copy:
        give_state(theirs, ours)
    for training in modes:
        ours.train(training)
        theirs.train(training)
        ours.zero_grad()
        theirs.zero_grad()
        given = torch.tensor(x, requires_grad=True)
        kept = x.copy()
        y, expected = ours(x), theirs(given)
        what = f"{type(ours).__name__}, {'training' if training else 'evaluation'}, "
        assert_close(y, expected.detach().numpy(), what + "output", tolerance)
        gy = draw(y.shape, x.dtype, seed)
        expected.backward(torch.tensor(gy))
        kept_gy = gy.copy()
        gx = ours.backward(gy)
        assert_close(gx, given.grad.numpy(), what + "input gradient", tolerance)
        np.testing.assert_array_equal(x, kept, what + "the input was changed")
        np.testing.assert_array_equal(gy, kept_gy, what + "the output gradient was changed")
        expected_grads = {name: p.grad for name, p in theirs.named_parameters()}
        for name, parameter in ours.named_parameters():
            grad = expected_grads.pop(name)
            if grad is None:
                assert parameter.grad is None, what + f"{name} has a gradient"
            else:
                assert parameter.grad is not None, what + f"{name} has no gradient"
                assert_close(parameter.grad, grad.numpy(), what + f"gradient of {name}", tolerance)
        assert not expected_grads, what + f"missing: {sorted(expected_grads)}"
        buffers = dict(ours.named_buffers())
        for name, buffer in theirs.named_buffers():
            assert_close(buffers.pop(name), buffer.numpy(), what + name, tolerance)
        assert not buffers, what + f"torch has no {sorted(buffers)}"


def check_gradients(
    layer: Any, x: np.ndarray, *, modes: tuple[bool, ...] = (True, False), **tolerances: float
) -> None:
    """Finite differences of the input and of every parameter, in float64.

    Element by element (a seeded thousand of them, where an array has more) and along directions.
    The layer is converted; its values are those it had, its buffers what the passes make of them.
    Dropout draws the same masks every time.
    """
    layer.double()
    parameters = layer.parameters()

    def forward(given: np.ndarray, *values: np.ndarray) -> np.ndarray:
        for parameter, value in zip(parameters, values, strict=True):
            parameter.data = value
        nn.manual_seed(0)
        return layer(given)

    def backward(gy: np.ndarray, given: np.ndarray, *values: np.ndarray) -> list[Any]:
        layer.zero_grad()
        gx = layer.backward(gy)
        return [gx, *(parameter.grad for parameter in parameters)]

    for training in modes:
        layer.train(training)
        values = [parameter.data.copy() for parameter in parameters]
        gradcheck(forward, backward, [x.astype(np.float64), *values], **tolerances)
        for parameter, value in zip(parameters, values, strict=True):
            parameter.data = value
