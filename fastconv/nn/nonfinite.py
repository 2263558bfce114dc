"""Which layer a NaN comes from."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.nn._located import described
from fastconv.nn.modes import no_grad
from fastconv.nn.module import Module

__all__ = ["NonFiniteLossError"]

ALL_FINITE = "all outputs are finite"


class NonFiniteLossError(ArithmeticError):
    """The loss of a batch is NaN or infinite; the message names the layer it comes from.

    The weights are those before the batch. Of a validation loss: those after the epoch.
    """


def _finite(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(_finite(v) for v in value)
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        return True
    return bool(np.isfinite(value).all())


def blame(model: Module, x: Any) -> str:
    """The first layer whose output is not finite for an input, in words."""
    if not _finite(x):
        return "the input is not finite"
    first: list[str] = []
    removers = []

    def watch(name: str) -> Any:
        def hook(module: Module, given: Any, output: Any) -> None:
            if not first and _finite(given) and not _finite(output):
                bad = [n for n, p in module._parameters.items() if not _finite(p.data)]
                why = f", whose {bad[0]} is not finite" if bad else ""
                first.append(f"the first output that is not finite is of {name}{why}")

        return hook

    for path, module in model.named_modules():
        if not module._children:
            name = described(path, type(module).__name__)
            removers.append(module.register_forward_hook(watch(name)))
    try:
        with no_grad():
            output = model(x)
    finally:
        for remove in removers:
            remove()
    if first:
        return first[0]
    return ALL_FINITE if _finite(output) else "the output is not finite"
