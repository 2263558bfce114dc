"""Kernels by their names, as text: ``"gaussian:2.0"``."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fastconv import _args
from fastconv.filters._averages import box, moving_average
from fastconv.filters._edges import (
    horizontal_edges,
    prewitt,
    scharr,
    sobel,
    sobel_x,
    sobel_y,
    vertical_edges,
)
from fastconv.filters._effects import emboss, sharpen
from fastconv.filters._gabor import gabor
from fastconv.filters._gaussian import gaussian
from fastconv.filters._laplacian import laplacian, log
from fastconv.filters._weights import axis_count

__all__ = ["NAMES", "get"]

MOST_SHOWN = 80  # letters of a name, in a message

_FUNCTIONS: dict[str, Callable[..., NDArray[Any]]] = {
    function.__name__: function
    for function in (
        *(box, emboss, gabor, gaussian, horizontal_edges, laplacian, log, moving_average, prewitt),
        *(scharr, sharpen, sobel, sobel_x, sobel_y, vertical_edges),
    )
}
NAMES = tuple(_FUNCTIONS)
"""The names that `get` knows."""


def get(name: str, ndim: int = 2, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Give a kernel by its name, with its arguments behind a colon.

    Parameters
    ----------
    name : str
        A function of this package and its arguments, as ``"sobel_x"``, ``"gaussian:2.0"``,
        ``"laplacian:8"`` or ``"gabor:0.1,theta=0.8"``.
    ndim : int, default 2
        The number of axes, for the kernels that exist with any: box, gaussian and log.
    dtype : dtype, default float64
        Of the result.

    Returns
    -------
    array

    Raises
    ------
    ValueError, TypeError
        If there is no such kernel, or none of so many axes, or its arguments are wrong.

    Examples
    --------
    >>> from fastconv import filters
    >>> filters.get("laplacian:8")
    array([[ 1.,  1.,  1.],
           [ 1., -8.,  1.],
           [ 1.,  1.,  1.]])
    >>> filters.get("box:4", ndim=1)
    array([0.25, 0.25, 0.25, 0.25])
    """
    if not isinstance(name, str):
        _args.wrong_type("get", "name", name, "a str")
    axes = axis_count("get", ndim)
    word, colon, text = name.partition(":")
    word = word.strip()
    if word not in _FUNCTIONS:
        raise ValueError(_unknown(word))
    function = _FUNCTIONS[word]
    signature = inspect.signature(function)
    keywords: dict[str, Any] = {"dtype": dtype}
    if "ndim" in signature.parameters:
        keywords["ndim"] = axes
    elif axes != (1 if function is moving_average else 2):
        raise ValueError(f"get: {word} is not a kernel of {axes} {'axes' if axes > 1 else 'axis'}")
    free = [parameter for parameter in signature.parameters.values() if parameter.name in keywords]
    given = [p for p in signature.parameters.values() if p not in free]
    positional, named = _arguments(name, text) if colon else ([], {})
    try:
        bound = signature.replace(parameters=given).bind(*positional, **named)
    except TypeError as error:
        raise ValueError(f"get: {_shown(name)}: {error}; it is {_usage(word, given)}") from None
    return function(*bound.args, **bound.kwargs, **keywords)


def _unknown(word: str) -> str:
    """Say that there is no such name, and which are like it."""
    near = difflib.get_close_matches(word[:MOST_SHOWN].lower(), NAMES)
    hint = f"; perhaps {' or '.join(near)}" if near else ""
    return f"get: no filter is named {_shown(word)}; there are {', '.join(NAMES)}{hint}"


def _shown(text: str) -> str:
    """Quote what was given, not all of it where it is long."""
    return repr(text if len(text) <= MOST_SHOWN else text[: MOST_SHOWN - 3] + "...")


def _usage(word: str, parameters: list[inspect.Parameter]) -> str:
    """Write a name as `get` takes it."""
    words = [
        p.name if p.default is p.empty else f"{p.name}={p.default}"
        for p in parameters
        if p.default is not None
    ]
    return word + (":" + ",".join(words) if words else "")


def _arguments(name: str, text: str) -> tuple[list[Any], dict[str, Any]]:
    """Read numbers and named numbers, separated by commas."""
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for piece in text.split(","):
        key, equals, value = piece.rpartition("=")
        key = key.strip()
        if (equals and not key.isidentifier()) or key in named or (named and not equals):
            raise ValueError(f"get: {_shown(name)}: {_shown(piece.strip())} is out of place")
        if equals:
            named[key] = _number(name, value)
        else:
            positional.append(_number(name, value))
    return positional, named


def _number(name: str, text: str) -> int | float:
    """Read an int where it is written as one, else a float."""
    text = text.strip()
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise ValueError(f"get: {_shown(name)}: {_shown(text)} is not a number")
    return value
