"""Docstrings that share parts with others, and are whole where they are read."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

__all__ = ["filler"]

F = TypeVar("F", bound=Callable[..., Any])


def filler(parts: Mapping[str, str]) -> Callable[[F], F]:
    """Make a decorator that puts in a docstring's parts, each where a line is ``$name``."""

    def filled(function: F) -> F:
        text = inspect.cleandoc(function.__doc__ or "")
        function.__doc__ = re.sub(r"(?m)^\$(\w+)", lambda part: parts[part[1]], text)
        return function

    return filled
