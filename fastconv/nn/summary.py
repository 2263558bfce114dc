"""What a network computes, layer by layer: shapes, parameters, operations and memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastconv import _args
from fastconv.nn.evaluate import evaluation
from fastconv.nn.module import Module
from fastconv.nn.parameter import Parameter

__all__ = ["Row", "Summary", "summarise"]


@dataclass(frozen=True)
class Row:
    """One call of a layer.

    Attributes
    ----------
    name : str
        As in `Module.named_modules`.
    layer : str
        Its class.
    output_shape : tuple of int
        Of the output; of the first one, where there are several.
    parameters : int
        How many numbers the layer itself holds as parameters; 0 in its second call.
    frozen : int
        How many of them are frozen.
    flops : int
        Of a forward pass: 2 for each multiply-add of the direct sums of convolutions and linear
        layers; 0 for all others.
    activation_bytes : int
        Of the output; 0 where it is in the input's memory.
    parameter_bytes : int
        Of the parameters.
    """

    name: str
    layer: str
    output_shape: tuple[int, ...]
    parameters: int
    frozen: int
    flops: int
    activation_bytes: int
    parameter_bytes: int


@dataclass(frozen=True)
class Summary:
    """A network's layers in the order of their calls; ``str`` of it is a table.

    Attributes
    ----------
    input_shape : tuple of int
        Of the network's input.
    rows : tuple of Row
        Every layer that has no others below it, and of the others those that compute something
        themselves (`Residual` adds) or hold parameters.
    parameters, frozen, parameter_bytes : int
        Of the whole network, each parameter once, those too that no call showed.

    Examples
    --------
    >>> from fastconv import nn
    >>> net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(3456, 10))
    >>> summary = net.summary((1, 1, 28, 28))
    >>> summary.parameters, summary.rows[0].output_shape
    (34726, (1, 6, 24, 24))
    >>> print(summary)
    Name   Layer    Output shape    Parameters    FLOPs  Activations
    -----  -------  --------------  ----------  -------  -----------
    input           (1, 1, 28, 28)
    0      Conv2d   (1, 6, 24, 24)         156  172,800     13.5 KiB
    1      ReLU     (1, 6, 24, 24)           0        0     13.5 KiB
    2      Flatten  (1, 3456)                0        0          0 B
    3      Linear   (1, 10)             34,570   69,120         40 B
    <BLANKLINE>
    Parameters: 34,726 (34,726 trainable, 0 frozen), 135.6 KiB
    Forward: 241,920 FLOPs, activations of 27.0 KiB
    """

    input_shape: tuple[int, ...]
    rows: tuple[Row, ...]
    parameters: int
    frozen: int
    parameter_bytes: int

    @property
    def trainable(self) -> int:
        """The number of parameters that are not frozen."""
        return self.parameters - self.frozen

    @property
    def flops(self) -> int:
        """Of one forward pass."""
        return sum(row.flops for row in self.rows)

    @property
    def activation_bytes(self) -> int:
        """Of all outputs: about what training holds on to between forward and backward."""
        return sum(row.activation_bytes for row in self.rows)

    def __str__(self) -> str:
        return "\n".join(_table(self))


def summarise(module: Module, input_shape: tuple[int, ...]) -> Summary:
    """Run zeros through a network in eval mode, and note what each layer gives.

    Nothing of the network is changed, but that its layers forget their last forward pass.

    Parameters
    ----------
    module : Module
        Any layer or network.
    input_shape : tuple of int
        Of its input, with the batch axis. The input is of the parameters' dtype.

    Returns
    -------
    Summary
        Layer by layer and in total.

    Raises
    ------
    ValueError, TypeError
        If `input_shape` is none, or the network does not take it.

    Examples
    --------
    >>> from fastconv import nn
    >>> summary = nn.summarise(nn.Conv2d(3, 8, 3), (1, 3, 10, 10))
    >>> summary.flops == 2 * 3 * 3 * 3 * 8 * 8 * 8
    True
    """
    if not isinstance(module, Module):
        _args.wrong_type("summary", "module", module, "a Module")
    if not isinstance(input_shape, (tuple, list)):
        _args.wrong_type("summary", "input_shape", input_shape, "a tuple of ints")
    shape = tuple([_args.integer("summary", "input_shape", size, 0) for size in input_shape])
    parameters = module.parameters()
    x = np.zeros(shape, parameters[0].dtype if parameters else np.float32)
    recorder = _Recorder()
    with evaluation(module), _hooked(module, recorder):
        module(x)
    return Summary(
        shape,
        tuple(recorder.rows),
        sum(p.size for p in parameters),
        sum(p.size for p in parameters if not p.requires_grad),
        sum(p.data.nbytes for p in parameters),
    )


# ---- The pass ------------------------------------------------------------------------------------


class _Recorder:
    """A hook of all modules, which writes the rows."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.names: dict[int, str] = {}
        self.counted: set[int] = set()
        self.last: Any = None  # the output of the module called last

    def __call__(self, module: Module, x: Any, y: Any) -> None:
        passed_on = y is self.last
        self.last = y
        own = [p for p in module._parameters.values() if id(p) not in self.counted]
        if passed_on and not own and next(module.children(), None) is not None:
            return
        self.counted.update(map(id, own))
        self.rows.append(self._row(module, own, x, y))

    def _row(self, module: Module, own: list[Parameter], x: Any, y: Any) -> Row:
        inputs, outputs = _arrays(x), _arrays(y)
        new = [a for a in outputs if not any(np.may_share_memory(a, b) for b in inputs)]
        return Row(
            self.names[id(module)],
            type(module).__name__,
            outputs[0].shape,
            sum(p.size for p in own),
            sum(p.size for p in own if not p.requires_grad),
            module.flops(x, y),
            sum(array.nbytes for array in new),
            sum(p.data.nbytes for p in own),
        )


def _arrays(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


@contextmanager
def _hooked(module: Module, recorder: _Recorder) -> Iterator[None]:
    removals = []
    for name, below in module.named_modules():
        recorder.names[id(below)] = name
        removals.append(below.register_forward_hook(recorder))
    try:
        yield
    finally:
        for remove in removals:
            remove()


# ---- The table -----------------------------------------------------------------------------------

_HEAD = ("Name", "Layer", "Output shape", "Parameters", "FLOPs", "Activations")
_LEFT = 3  # so many columns are aligned on the left


def _table(summary: Summary) -> Iterator[str]:
    lines: list[tuple[str, ...]] = [_HEAD, ("input", "", str(summary.input_shape), "", "", "")]
    for row in summary.rows:
        counts = (f"{row.parameters:,}", f"{row.flops:,}", _size(row.activation_bytes))
        lines.append((row.name, row.layer, str(row.output_shape), *counts))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple(["-" * width for width in widths]))
    for line in lines:
        cells = [
            cell.ljust(width) if i < _LEFT else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
    yield ""
    yield (
        f"Parameters: {summary.parameters:,} ({summary.trainable:,} trainable, "
        f"{summary.frozen:,} frozen), {_size(summary.parameter_bytes)}"
    )
    yield f"Forward: {summary.flops:,} FLOPs, activations of {_size(summary.activation_bytes)}"


def _size(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
