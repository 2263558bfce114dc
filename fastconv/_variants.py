"""One function for 1, 2 and 3 spatial dimensions, made from one source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastconv._args import LAYOUTS


class _Times:
    """In a docstring, ``{times[3]}`` is "3, 3" where n is 2."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __getitem__(self, entry: Any) -> str:
        return ", ".join([str(entry)] * self.n)


def variants(name: str, make: Callable[[int], Any]) -> tuple[Any, Any, Any]:
    """``make(1)``, ``make(2)`` and ``make(3)``, named after `name`, which holds ``{n}``.

    A docstring is a template: ``{n}``, the layouts' names ``{first}`` and ``{last}``, the spatial
    axes ``{axes}``, and ``{times[x]}``, which repeats x for every spatial dimension.
    """
    return _variant(name, make, 1), _variant(name, make, 2), _variant(name, make, 3)


def _variant(name: str, make: Callable[[int], Any], n: int) -> Any:
    function = make(n)
    function.__name__ = function.__qualname__ = name.format(n=n)
    function.__doc__ = docstring(function.__doc__, n)
    return function


def docstring(template: str, n: int) -> str:
    """Fill in what `variants` describes."""
    first, last = LAYOUTS[n]
    axes = ", ".join(first[2:])
    return template.format(n=n, first=first, last=last, axes=axes, times=_Times(n))
