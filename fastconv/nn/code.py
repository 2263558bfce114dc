"""Networks written as a line of letters: ``(CR)2P(CR)2PF``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from fastconv.nn.activation import ReLU
from fastconv.nn.adaptive import AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d
from fastconv.nn.containers import Sequential
from fastconv.nn.conv import Conv1d, Conv2d, Conv3d
from fastconv.nn.dropout import Dropout
from fastconv.nn.linear import Linear
from fastconv.nn.module import Module
from fastconv.nn.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from fastconv.nn.pool import AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d
from fastconv.nn.reshape import Flatten

__all__ = ["from_code"]

MOST = 1000
"""Layers in a network: what is more was hardly meant."""

LETTERS = "CRPABDGF"

CONV: Any = (Conv1d, Conv2d, Conv3d)
NORM: Any = (BatchNorm1d, BatchNorm2d, BatchNorm3d)
POOL: dict[str, Any] = {
    "P": (MaxPool1d, MaxPool2d, MaxPool3d),
    "A": (AvgPool1d, AvgPool2d, AvgPool3d),
    "G": (AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d),
}


def from_code(
    code: str,
    *,
    in_channels: int,
    input_shape: int | Sequence[int],
    classes: int,
    width: int = 32,
    kernel_size: int | Sequence[int] = 3,
    hidden: int = 128,
    dropout: float = 0.5,
    dtype: Any = None,
) -> Sequential:
    """A network from a line of letters.

    =======  =======================================================================================
    letter   layer
    =======  =======================================================================================
    ``C``    convolution that keeps the size; `width` channels, twice as many after each pooling
    ``R``    ReLU
    ``P``    max pooling 2x2, stride 2
    ``A``    average pooling 2x2, stride 2
    ``G``    global average pooling: one value a channel
    ``B``    batch normalisation
    ``D``    dropout
    ``F``    fully connected; the last one gives `classes` values, those before it `hidden`
    =======  =======================================================================================

    A number repeats the letter or the group in parentheses before it, and groups may hold groups:
    ``((CBR)2P)3GF``. Before the first ``F`` the image is flattened. Spaces are passed over.

    Parameters
    ----------
    code : str
        The letters; up to 1000 layers.
    in_channels : int
        Channels of the input.
    input_shape : int or sequence of int
        The input's spatial shape: 1, 2 or 3 sizes.
    classes : int
        The number of values that the last ``F`` gives.
    width : int, default 32
        Channels of the first convolutions.
    kernel_size : int or sequence of int, default 3
        Of all convolutions.
    hidden : int, default 128
        Values that each ``F`` but the last gives.
    dropout : float, default 0.5
        The probability of ``D``.
    dtype : dtype, optional
        Of the parameters: float32, the default, or float64.

    Returns
    -------
    Sequential
        The layers, for an input of shape (N, in_channels, *input_shape).

    Raises
    ------
    ValueError
        With the place of what cannot be read, of a pooling of an image that is too small, and of
        an image's layer after an ``F``; for a code without ``F``.

    Examples
    --------
    >>> from fastconv import nn
    >>> net = nn.from_code("(CR)2P(CR)2PF", in_channels=3, input_shape=(32, 32), classes=10)
    >>> [type(layer).__name__ for layer in net[5:]]
    ['Conv2d', 'ReLU', 'Conv2d', 'ReLU', 'MaxPool2d', 'Flatten', 'Linear']
    >>> net[-1].weight.shape
    (10, 4096)
    >>> nn.from_code("(CR)2P(CX)2PF", in_channels=3, input_shape=(32, 32), classes=10)
    Traceback (most recent call last):
        ...
    ValueError: from_code: code: 'X' at position 8: C, R, P, A, B, D, G, F, ( or ) is allowed
        (CR)2P(CX)2PF
                ^
    """
    if not isinstance(code, str):
        raise TypeError(f"from_code: code: {type(code).__name__}; a str is allowed")
    if len(code) > 4 * MOST:
        raise ValueError(f"from_code: code: {len(code)} characters; up to {4 * MOST} are allowed")
    letters = _parse(code)
    last = max((i for i, (letter, _) in enumerate(letters) if letter == "F"), default=None)
    if last is None:
        raise ValueError(f"from_code: code: {_short(code)!r}: at least one F is needed")
    builder = _Builder(code, in_channels, input_shape, width, kernel_size, dropout, dtype)
    for i, (letter, position) in enumerate(letters):
        if letter == "F":
            builder.connect(classes if i == last else hidden, "classes" if i == last else "hidden")
        else:
            builder.add(letter, position)
    return Sequential(*builder.layers)


# ---- Reading -------------------------------------------------------------------------------------

Letters = list[tuple[str, int]]


def _parse(code: str) -> Letters:
    """The letters with their positions, repetitions written out: never more than are allowed."""
    groups: list[Letters] = [[]]
    opened: list[int] = []  # where each group that is not closed yet began
    last: Letters = []  # what a number would repeat
    position = 0
    while position < len(code):
        char = code[position]
        if char in LETTERS:
            last = [(char, position)]
            groups[-1] += last
        elif char == "(":
            groups.append([])
            opened.append(position)
            last = []
        elif char == ")":
            if not opened:
                _fail(code, position, "there is no ( before it")
            last = groups.pop()
            if not last:
                _fail(code, opened[-1], "the group is empty")
            opened.pop()
            groups[-1] += last
        elif char in "0123456789":
            end = position + 1
            while end < len(code) and code[end] in "0123456789":
                end += 1
            groups[-1] += last * (_times(code, position, end, last) - 1)
            last, position = [], end - 1
        elif char != " ":
            _fail(code, position, f"{', '.join(LETTERS)}, ( or ) is allowed")
        if len(groups[-1]) > MOST:
            _fail(code, position, f"more than {MOST} layers; up to {MOST} are allowed")
        position += 1
    if opened:
        _fail(code, opened[-1], "there is no ) after it")
    return groups[0]


def _times(code: str, position: int, end: int, last: Letters) -> int:
    """The number there, when it may stand there."""
    if not last:
        _fail(code, position, "a number is allowed after a letter or a ) only")
    # The length first: Python takes its time over a number of a million digits.
    times = MOST + 1 if len(code[position:end].lstrip("0")) > 4 else int(code[position:end])
    if not times:
        _fail(code, position, "a repetition of 1 or more is allowed")
    if times * len(last) > MOST:
        _fail(code, position, f"more than {MOST} layers; up to {MOST} are allowed")
    return times


def _short(code: str) -> str:
    return code if len(code) <= 60 else code[:57] + "..."


def _fail(code: str, position: int, reason: str) -> NoReturn:
    """A ValueError that shows the place."""
    start = max(0, position - 40)
    shown = "".join(c if c.isprintable() else "?" for c in code[start : start + 70])
    raise ValueError(
        f"from_code: code: {code[position]!r} at position {position}: {reason}\n"
        f"    {shown}\n    {' ' * (position - start)}^"
    )


# ---- Building ------------------------------------------------------------------------------------


class _Builder:
    """The layers so far, and the shape of what they give."""

    def __init__(
        self,
        code: str,
        in_channels: int,
        input_shape: int | Sequence[int],
        width: int,
        kernel_size: int | Sequence[int],
        dropout: float,
        dtype: Any,
    ) -> None:
        self.code = code
        self.channels = _positive("in_channels", in_channels)
        given = _several(input_shape, 1)
        self.shape = [_positive("input_shape", size) for size in given]
        if not 1 <= len(self.shape) <= 3:
            raise ValueError(f"from_code: input_shape: {input_shape!r}; 1 to 3 sizes are allowed")
        self.width = _positive("width", width)
        self.dropout = dropout
        self.dtype = dtype
        n = len(self.shape)
        sizes = _several(kernel_size, n)
        self.kernel = tuple(_positive("kernel_size", size) for size in sizes)
        if len(self.kernel) != n:
            raise ValueError(
                f"from_code: kernel_size: {kernel_size!r}; an int or {n} of them are allowed"
            )
        self.layers: list[Module] = []
        self.flat = 0  # the number of values once there is no image any more

    def add(self, letter: str, position: int) -> None:
        """Any layer but a fully connected one."""
        n = len(self.shape) - 1
        if letter == "R":
            self.layers.append(ReLU())
        elif letter == "D":
            self.layers.append(Dropout(self.dropout))
        elif letter == "B":
            norm = NORM[0](self.flat, dtype=self.dtype) if self.flat else None
            self.layers.append(norm or NORM[n](self.channels, dtype=self.dtype))
        elif self.flat:
            _fail(self.code, position, "after an F there is no image; F, R, B or D is allowed")
        elif letter == "C":
            self._convolve(n)
        else:
            self._pool(letter, n, position)

    def _convolve(self, n: int) -> None:
        odd = all(size % 2 for size in self.kernel)
        padding: Any = tuple(size // 2 for size in self.kernel) if odd else "same"
        self.layers.append(
            CONV[n](self.channels, self.width, self.kernel, padding=padding, dtype=self.dtype)
        )
        self.channels = self.width

    def _pool(self, letter: str, n: int, position: int) -> None:
        if letter == "G":
            self.layers.append(POOL[letter][n](1))
            self.shape = [1] * (n + 1)
            return
        if min(self.shape) < 2:
            now = "x".join(map(str, self.shape))
            _fail(self.code, position, f"the image is {now} there; each size must be 2 or more")
        self.layers.append(POOL[letter][n](2))
        self.shape = [size // 2 for size in self.shape]
        self.width *= 2

    def connect(self, outputs: int, name: str) -> None:
        """A fully connected layer."""
        outputs = _positive(name, outputs)
        if not self.flat:
            self.layers.append(Flatten())
            self.flat = self.channels
            for size in self.shape:
                self.flat *= size
        self.layers.append(Linear(self.flat, outputs, dtype=self.dtype))
        self.flat = outputs


def _several(value: Any, count: int) -> list[Any]:
    """A sequence's items, or a number so many times."""
    return list(value) if hasattr(value, "__len__") else [value] * count


def _positive(name: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"from_code: {name}: {value!r}; a positive int is allowed")
    if value < 1:
        raise ValueError(f"from_code: {name}: {value}; a positive int is allowed")
    return int(value)
