"""Arrays flush against pages that may not be touched, and inputs that may not be written.

A read or a write one element outside of an array ends the process, so `run` belongs in a child
process (see `children`). Where an array lies flush against one guard page, the rest of its own page
holds a pattern which must still be there afterwards.
"""

import ctypes
import mmap
from collections.abc import Callable
from typing import Any

import numpy as np

import fastconv as fc

from . import checks
from .problems import Conv, Pool, Transpose

NONE, READ, READ_WRITE = 0, 1, 3  # PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE
PATTERN = 0xFF  # NaN in either type, -1 as an index

libc = ctypes.CDLL(None, use_errno=True)
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def protect(address: int, length: int, protection: int) -> None:
    if libc.mprotect(address, length, protection) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")


class Buffer:
    """Memory between two guard pages, for one array at a time."""

    def __init__(self, capacity: int = 1 << 20) -> None:
        self.reserve(capacity)

    def reserve(self, capacity: int) -> None:
        self.capacity = -(-capacity // mmap.PAGESIZE) * mmap.PAGESIZE
        self.map = mmap.mmap(-1, self.capacity + 2 * mmap.PAGESIZE)
        self.start = ctypes.addressof(ctypes.c_char.from_buffer(self.map)) + mmap.PAGESIZE
        protect(self.start - mmap.PAGESIZE, mmap.PAGESIZE, NONE)
        protect(self.start + self.capacity, mmap.PAGESIZE, NONE)
        inner = np.frombuffer(self.map, np.uint8)
        self.bytes = inner[mmap.PAGESIZE : mmap.PAGESIZE + self.capacity]

    def place(self, array: np.ndarray, at_end: bool, writable: bool) -> np.ndarray:
        """A copy of the array flush against the end guard, or else the start guard."""
        if array.nbytes > self.capacity:
            self.reserve(2 * array.nbytes)
        protect(self.start, self.capacity, READ_WRITE)
        self.offset = self.capacity - array.nbytes if at_end else 0
        self.length = array.nbytes
        for slack in self.slack():
            slack[:] = PATTERN
        placed = self.bytes[self.offset : self.offset + self.length]
        placed = placed.view(array.dtype).reshape(array.shape)
        placed[...] = array
        if not writable:
            protect(self.start, self.capacity, READ)
        return placed

    def slack(self) -> list[np.ndarray]:
        """A page of what lies beside the array, before and after."""
        before, after = self.offset, self.offset + self.length
        return [
            self.bytes[max(before - mmap.PAGESIZE, 0) : before],
            self.bytes[after : after + mmap.PAGESIZE],
        ]

    def check(self) -> None:
        for slack in self.slack():
            assert (slack == PATTERN).all(), "wrote outside of the output array"


class Guards:
    """One buffer an argument."""

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []

    def run(self, function: Callable[..., Any], inputs: list[Any], out: Any = None) -> None:
        """Call with every array between guards, at the end and at the start; compare the bytes."""
        while len(self.buffers) <= len(inputs):
            self.buffers.append(Buffer())
        options = {} if out is None else {"out": np.empty(*out)}
        expected = results(function(*inputs, **options))
        for at_end in (True, False):
            placed = [
                buffer.place(value, at_end, writable=False)
                if isinstance(value, np.ndarray)
                else value
                for buffer, value in zip(self.buffers, inputs, strict=False)
            ]
            options = {}
            if out is not None:
                nans = checks.nans(*out)
                options["out"] = self.buffers[-1].place(nans, at_end, writable=True)
            got = results(function(*placed, **options))
            if out is not None:
                self.buffers[-1].check()
            for one, other in zip(got, expected, strict=True):
                checks.same_bytes(np.array(one), other, "between guard pages")


def results(value: Any) -> list[np.ndarray]:
    return list(value) if isinstance(value, tuple) else [value]


GUARDS = Guards()


def conv(case: Conv) -> None:
    """Forward by every algorithm, by a plan, and all gradients."""
    x, w, b = case.arrays()
    gy = case.present(case.grad_output())
    x, options = case.present(x), case.arguments()
    out = (case.shape(case.output_shape), case.dtype)
    for algorithm in checks.algorithms_of(case):

        def forward(x: Any, w: Any, b: Any, out: Any, algorithm: str = algorithm) -> Any:
            return checks.call(
                "conv{n}d",
                case,
                x,
                w,
                b,
                **options,
                padding_mode=case.padding_mode,
                activation=case.activation,
                algorithm=algorithm,
                out=out,
            )

        GUARDS.run(forward, [x, w, b], out)

    for algorithm in checks.algorithms_of(case)[:: len(checks.ALGORITHMS)]:
        plan = checks.call(
            "plan_conv{n}d",
            case,
            x.shape,
            w,
            b,
            **options,
            activation=case.activation,
            algorithm=algorithm,
        )
        GUARDS.run(lambda x, out, plan=plan: plan(x, out=out), [x], out)
    GUARDS.run(
        lambda w, gy, out: checks.call(
            "grad.conv{n}d_input", case, x.shape, w, gy, **options, out=out
        ),
        [w, gy],
        (x.shape, case.dtype),
    )
    GUARDS.run(
        lambda x, gy, out: checks.call(
            "grad.conv{n}d_weight", case, x, w.shape, gy, **options, out=out
        ),
        [x, gy],
        (w.shape, case.dtype),
    )
    GUARDS.run(lambda gy: checks.call("grad.conv{n}d_bias", case, gy, layout=case.layout), [gy])


def transpose(case: Transpose) -> None:
    x, w, b = case.arrays()
    gy = case.present(case.grad_output())
    x, options = case.present(x), case.arguments()
    GUARDS.run(
        lambda x, w, b, out: checks.call(
            "conv_transpose{n}d", case, x, w, b, **options, activation=case.activation, out=out
        ),
        [x, w, b],
        (case.shape(case.output_shape), case.dtype),
    )
    GUARDS.run(
        lambda gy, x, w: checks.call("grad.conv_transpose{n}d", case, gy, x, w, **options),
        [gy, x, w],
    )


def pool(case: Pool) -> None:
    x, gy = case.present(case.array()), case.present(case.grad_output())
    out = (case.shape(case.output_shape), case.dtype)
    kernel, layout = case.kernel, case.layout
    maximum, average = case.max_arguments(), case.avg_arguments()
    GUARDS.run(
        lambda x, out: checks.call("max_pool{n}d", case, x, kernel, **maximum, out=out), [x], out
    )
    GUARDS.run(
        lambda x, out: checks.call(
            "max_pool{n}d", case, x, kernel, **maximum, return_indices=True, out=out
        ),
        [x],
        out,
    )
    _, indices = checks.call("max_pool{n}d", case, x, kernel, **maximum, return_indices=True)
    GUARDS.run(
        lambda gy, indices: checks.call(
            "grad.max_pool{n}d", case, gy, indices, x.shape, layout=layout
        ),
        [gy, indices],
    )
    GUARDS.run(
        lambda x, out: checks.call("avg_pool{n}d", case, x, kernel, **average, out=out), [x], out
    )
    GUARDS.run(
        lambda gy: checks.call("grad.avg_pool{n}d", case, gy, x.shape, kernel, **average), [gy]
    )
    whole = tuple(max(s // 2, 1) for s in case.size)
    for name in ("adaptive_avg_pool{n}d", "adaptive_max_pool{n}d"):
        GUARDS.run(
            lambda x, name=name: checks.call(name, case, x, whole, layout=layout),
            [x],
        )
    small = np.ascontiguousarray(
        checks.call("adaptive_avg_pool{n}d", case, x, whole, layout=layout)
    )
    GUARDS.run(
        lambda gy: checks.call("grad.adaptive_avg_pool{n}d", case, gy, x.shape, layout=layout),
        [small],
    )
    if case.padding == 0:
        lp = case.lp_arguments()
        GUARDS.run(
            lambda x, out: checks.call("lp_pool{n}d", case, x, 2, kernel, **lp, out=out), [x], out
        )
        powers = checks.call("lp_pool{n}d", case, x, 2, kernel, **lp)
        GUARDS.run(
            lambda gy, x, y: checks.call("grad.lp_pool{n}d", case, gy, x, y, 2, kernel, **lp),
            [gy, x, powers],
        )


def columns(case: Conv) -> None:
    """unfold and fold of a 2-D case."""
    x = np.ascontiguousarray(case.arrays()[0])
    options = {
        "dilation": case.dilation,
        "padding": case.padding,
        "stride": case.stride,
    }
    GUARDS.run(lambda x: fc.unfold(x, case.kernel, **options), [x])
    unfolded = fc.unfold(x, case.kernel, **options)
    GUARDS.run(lambda y: fc.fold(y, case.size, case.kernel, **options), [unfolded])


def read_before() -> None:
    """Touch the guard before an array."""
    placed = Buffer().place(np.ones(4, np.float32), at_end=False, writable=False)
    ctypes.string_at(placed.ctypes.data - 1, 1)


def read_after() -> None:
    """Touch the guard after an array."""
    placed = Buffer().place(np.ones(4, np.float32), at_end=True, writable=False)
    ctypes.string_at(placed.ctypes.data + placed.nbytes, 1)


def write_input() -> None:
    """Write an input."""
    placed = Buffer().place(np.ones(4, np.float32), at_end=True, writable=False)
    ctypes.memset(placed.ctypes.data, 0, 1)
