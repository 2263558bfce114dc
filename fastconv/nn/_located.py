"""Which layer of a model an error comes from: its path, in front of what the error says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastconv.nn.module import Module

__all__ = ["described", "locate"]


def described(path: str, kind: str) -> str:
    """A layer as messages name it: ``layer '0.conv1' (Conv2d)``; by its kind alone at the top."""
    return f"layer {path!r} ({kind})" if path else kind


def locate(error: Exception, module: Module) -> None:
    """Write into an error that passes through a module which layer below raised it.

    No layer knows its own path: each module that the error passes on its way up adds a step. What
    the error keeps for that are names and a number, so that it can still be pickled.

    Parameters
    ----------
    error : Exception
        It stays the same object. One that says more than a text is left as it is.
    module : Module
        The one whose call raised it.
    """
    says, path, kind, inner = error.__dict__.get("_fastconv_located", (None, "", "", 0))
    if inner == id(module):
        return
    if says is None:
        if len(error.args) != 1 or str(error) is not error.args[0]:
            return
        says = error.args[0]
    name = _name(module, inner)
    if name:
        path = f"{name}.{path}" if path else name
    else:  # the first that it passes, or the first above one that is nowhere registered
        path, kind = "", type(module).__name__
    error.__dict__["_fastconv_located"] = says, path, kind, id(module)
    error.args = (f"{described(path, kind)}: {says}" if path else says,)


def _name(module: Module, inner: int) -> str:
    """What a module calls one below it; all its names, where it has several."""
    names = [name for name, child in module._children.items() if id(child) == inner]
    if not names:
        names = [name for name, below in module.named_modules() if name and id(below) == inner]
    return " or ".join(names)
