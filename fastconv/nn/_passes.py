"""What a layer remembers of one of its calls, kept by the module that called it.

A layer remembers its last pass only. A module that calls its children keeps what each of them
remembered of each call: so a child that stands in several places goes back through all of them.
"""

from __future__ import annotations

from typing import Any

from fastconv.nn.module import Module

__all__ = ["Pass", "go_back", "go_back_last", "is_trained", "passed"]

Pass = tuple[Module, Any]  # a layer, and its memory


def passed(layer: Module) -> Pass:
    """Keep the layer's last pass."""
    return layer, layer.__dict__["_memory"]


def go_back(through: Pass, gy: Any) -> Any:
    """Go back through a pass that was kept."""
    layer, memory = through
    layer.__dict__["_memory"] = memory
    return layer.backward(gy)


def go_back_last(through: Pass, gy: Any) -> None:
    """Go back through a pass that was kept, for the parameters' gradients alone."""
    layer, memory = through
    layer.__dict__["_memory"] = memory
    layer.backward_parameters(gy)


def is_trained(through: Pass) -> bool:
    """Whether the layer has a parameter that asks for its gradient."""
    return any(parameter.requires_grad for parameter in through[0].parameters())
