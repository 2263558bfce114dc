"""Networks against the same network written with torch's functions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fastconv import nn
from helpers.layers_nn import assert_close, check_gradients, draw


def assert_network_equals(
    net: Any,
    function: Callable[[dict[str, Any], Any], Any],
    x: np.ndarray,
    *,
    training: bool = True,
    tolerance: dict[str, float] | None = None,
) -> None:
    """Output, input gradient, parameter gradients and buffers, in both dtypes.

    Parameters
    ----------
    net : Module
        Ours.
    function : callable
        ``function(state, x)`` gives torch's output from the tensors of our `state_dict` and an
        input. Batch normalisation changes the running statistics in `state`, and `dropout` finds
        the mask there that our layer has drawn.
    x : ndarray
        The input.
    training : bool
        The mode of `net`; `function` must do likewise.
    tolerance : dict
        For each dtype, of the largest value of an array.
    """
    torch = pytest.importorskip("torch")
    net.train(training)
    for dtype in ("float64", "float32"):
        net.to(dtype)
        trained = dict(net.named_parameters())
        state = {
            name: torch.tensor(np.array(value), requires_grad=name in trained)
            for name, value in net.state_dict().items()
        }
        given = torch.tensor(x.astype(dtype), requires_grad=True)
        allowed = {"float64": 1e-9, "float32": 2e-4, **(tolerance or {})}[dtype]
        y, masks = run_with_masks(net, x.astype(dtype))
        state |= {name: torch.tensor(mask) for name, mask in masks.items()}
        expected = function(state, given)
        assert_close(y, expected.detach().numpy(), f"{dtype} output", allowed)
        gy = draw(y.shape, dtype, 3)
        net.zero_grad()
        gx = net.backward(gy)
        expect_alive(net, gx)
        expected.backward(torch.tensor(gy))
        assert_close(gx, given.grad.numpy(), f"{dtype} input gradient", allowed)
        for name, parameter in trained.items():
            assert state[name].grad is not None, f"{name} is not used"
            expected_grad = state[name].grad.numpy()
            assert_close(parameter.grad, expected_grad, f"{dtype} gradient of {name}", allowed)
        for name, value in net.named_buffers():
            assert_close(np.asarray(value), state[name].numpy(), f"{dtype} {name}", allowed)


def run_with_masks(net: Any, x: np.ndarray) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The output, and in train mode the mask that each Dropout has drawn: what ones become."""
    layers = {n: m for n, m in net.named_modules() if isinstance(m, nn.Dropout) and m.training}
    outputs: dict[str, np.ndarray] = {}
    removers = [
        layer.register_forward_hook(lambda _, x, y, name=name: outputs.update({name: y}))
        for name, layer in layers.items()
    ]
    nn.manual_seed(0)
    y = net(x)
    for remove in removers:
        remove()
    assert outputs.keys() == layers.keys()
    return y, {f"{n}.mask": layers[n].backward(np.ones_like(o)) for n, o in outputs.items()}


def dropout(state: dict[str, Any], name: str, x: Any) -> Any:
    """Torch's dropout with our mask; nothing in eval mode."""
    return x * state[f"{name}.mask"] if f"{name}.mask" in state else x


def expect_alive(net: Any, gx: np.ndarray) -> None:
    """That no gradient vanishes, as behind dead ReLUs: a check of zeros would check nothing."""
    gradients = {name: p.grad for name, p in net.named_parameters()}
    dead = [name for name, grad in {"input": gx, **gradients}.items() if not np.any(grad)]
    assert not dead, f"of no influence, training: {net.training}: {dead}"


def check_elements(net: Any, x: np.ndarray) -> None:
    """`check_gradients` of a network none of whose gradients vanishes, in both modes."""
    for training in (True, False):
        nn.manual_seed(0)
        net.double().train(training)
        expect_alive(net, net.backward(np.ones_like(net(x.astype(np.float64)))))
    check_gradients(net, x)


def check_directions(
    net: Any, x: np.ndarray, modes: tuple[bool, ...] = (True, False), directions: int = 3
) -> None:
    """Differences in float64, along random directions of the input and of each parameter.

    For networks that take too long for `check_gradients`, which goes element by element.

    Parameters
    ----------
    net : Module
        It is converted.
    x : ndarray
        The input.
    modes : tuple of bool
        What `train` is called with. Dropout draws the same masks every time.
    directions : int
        Of each array, each of all its elements.
    """
    net.double()
    x = x.astype(np.float64)
    rng = np.random.default_rng(11)

    def run() -> np.ndarray:
        nn.manual_seed(0)
        return net(x)

    for training in modes:
        net.train(training)
        net.zero_grad()
        gy = rng.standard_normal(run().shape)
        gx = net.backward(gy)
        expect_alive(net, gx)
        tensors = {name: (p.data, p.grad) for name, p in net.named_parameters()}
        for name, (values, gradient) in [("input", (x, gx)), *tensors.items()] * directions:
            direction = rng.standard_normal(values.shape)
            analytic = np.sum(gradient * direction)
            # Smaller and smaller: of the many kinks some lie within the first step.
            seen = []
            for step in (1e-6, 1e-7, 1e-8):
                seen.append(_derivative(run, gy, values, direction, step))
                if abs(seen[-1] - analytic) <= 1e-4 * max(np.linalg.norm(gradient), 1e-3):
                    break
            else:
                raise AssertionError(f"{name}, training: {training}: {analytic}, not {seen}")


def _derivative(
    function: Callable[[], np.ndarray],
    gy: np.ndarray,
    values: np.ndarray,
    direction: np.ndarray,
    step: float,
) -> float:
    """Of ``sum(gy * function())`` by `values`, which are changed and put back."""
    kept, sums = values.copy(), []
    for sign in (1, -1):
        values[...] = kept + sign * step * direction
        sums.append(np.sum(gy * function()))
    values[...] = kept
    return (sums[0] - sums[1]) / (2 * step)


def randomise(net: Any, scale: float = 1.0, seed: int = 5) -> Any:
    """Every parameter drawn anew, so that none is at a special value such as 0 or 1."""
    rng = np.random.default_rng(seed)
    for parameter in net.parameters():
        fan = max(1, parameter.size // parameter.shape[0]) if len(parameter.shape) > 1 else 25
        drawn = rng.standard_normal(parameter.shape) * scale / np.sqrt(fan)
        parameter.data[...] = drawn + (1 if parameter.data.flat[0] == 1 else 0)
    return net


def parameter_count(net: Any) -> int:
    """How many values are trained."""
    return sum(parameter.size for parameter in net.parameters())
