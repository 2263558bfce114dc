"""A compact selection of all checks, for a child process: `python -m helpers.sweep SUITE COUNT`.

The instruction set is chosen when fastconv is imported: every other one needs a process of its own.
Scratch is full of NaN before each use, so that nothing can rely on what it held.
A crash leaves the case that caused it in the child's output: see `announce`.
"""

import sys
from collections.abc import Callable, Iterable, Iterator

import fastconv._core

from . import checks, guards, layers
from .cases import (
    draw_conv,
    draw_pool,
    draw_transpose,
    draw_winograd,
    draw_winograd_transpose,
    seeded,
    usual_pools,
)
from .oracles import Reference
from .problems import Case

SEED = 900_000_000


def announce(cases: Iterable[Case]) -> Iterator[Case]:
    """Say on stderr which case runs: after a crash it stands there last."""
    for case in cases:
        sys.stderr.write(f"\n{case!r}")
        sys.stderr.flush()
        yield case


def conv(count: int) -> None:
    oracle = Reference()
    checks.each(seeded(draw_conv, SEED, count), checks.conv, oracle)
    checks.each(seeded(draw_conv, SEED + count, count, integers=True), checks.conv, oracle)


def grads(count: int) -> None:
    oracle = Reference()
    zeros = {"padding_mode": "zeros"}
    checks.each(seeded(draw_conv, SEED, count, **zeros), checks.conv_grads, oracle)
    integers = seeded(draw_conv, SEED + count, count, integers=True, **zeros)
    checks.each(integers, checks.conv_grads, oracle)


def transpose(count: int) -> None:
    oracle = Reference()
    checks.each(seeded(draw_transpose, SEED, count), checks.transpose, oracle)
    integers = seeded(draw_transpose, SEED + count, count, integers=True)
    checks.each(integers, checks.transpose, oracle)
    checks.each(seeded(draw_transpose, SEED, count), checks.transpose_grads, oracle)


def pool(count: int) -> None:
    oracle = Reference()
    checks.each(seeded(draw_pool, SEED, count, dilated=True), checks.max_pool, oracle)
    checks.each(seeded(draw_pool, SEED, count, dilated=True), checks.max_pool_grad, oracle)
    checks.each(seeded(draw_pool, SEED, count, integers=True), checks.max_pool, oracle)
    checks.each(seeded(draw_pool, SEED, count), checks.avg_pool, oracle)
    checks.each(seeded(draw_pool, SEED, count), checks.avg_pool_grad, oracle)
    checks.each(seeded(draw_pool, SEED, count, padded=False), checks.lp_pool, oracle, 2)
    checks.each(seeded(draw_pool, SEED, count), checks.adaptive_pools, oracle)
    for check in (checks.max_pool, checks.avg_pool, checks.avg_pool_grad):
        checks.each(usual_pools(range(1, 41)), check, oracle)


def not_finite(count: int) -> None:
    oracle = Reference()
    checks.each(seeded(draw_conv, SEED, count), checks.conv_not_finite, oracle)
    valid = {"padding": 0, "padding_mode": "zeros"}
    cases = (c for c in seeded(draw_conv, SEED, count, **valid) if min(c.output) > 0)
    checks.each(cases, checks.weight_not_finite, oracle)
    zeros = seeded(draw_conv, SEED, count, padding_mode="zeros")
    checks.each(zeros, checks.grads_not_finite, oracle)


def guard_pages(count: int) -> None:
    zeros = {"padding_mode": "zeros"}
    checks.each(announce(seeded(draw_conv, SEED, count, **zeros)), guards.conv)
    checks.each(announce(seeded(draw_transpose, SEED, count)), guards.transpose)
    checks.each(announce(seeded(draw_pool, SEED, count, padded=False)), guards.pool)
    checks.each(announce(seeded(draw_pool, SEED + count, count)), guards.pool)
    columns = seeded(draw_conv, SEED, count // 3, ndim=2, batch=2, layout=None, **zeros)
    checks.each(announce(columns), guards.columns)


def same_bytes(count: int) -> None:
    for layer in layers.layers()[:count]:
        layers.same_for_any_threads(layer, (2, 3))
        layers.same_in_any_batch(layer)


def winograd(count: int) -> None:
    oracle = Reference()
    wide = seeded(draw_winograd, SEED, count, widest_pad=6)
    checks.each(announce(wide), checks.conv, oracle, ("winograd",))
    many = list(seeded(draw_winograd, SEED + count, count, least=16))
    checks.each(announce(many), checks.conv, oracle, ("winograd", "auto"))
    checks.each(announce(many[: count // 2]), checks.conv_not_finite, oracle)
    zeros = seeded(draw_winograd, SEED, count, least=16, padding_mode="zeros")
    checks.each(announce(zeros), checks.conv_grads, oracle)
    transposed = seeded(draw_winograd_transpose, SEED, count, least=16)
    checks.each(announce(transposed), checks.transpose, oracle)


def winograd_guard_pages(count: int) -> None:
    zeros = {"padding_mode": "zeros"}
    any_number = seeded(draw_winograd, SEED, count, widest_pad=6, **zeros)
    checks.each(announce(any_number), guards.conv)
    checks.each(announce(seeded(draw_winograd, SEED, count, least=16, **zeros)), guards.conv)
    transposed = seeded(draw_winograd_transpose, SEED, count, least=16)
    checks.each(announce(transposed), guards.transpose)


def winograd_same_bytes(count: int) -> None:
    for layer in layers.layers(layers.WINOGRAD)[:count]:
        layers.same_for_any_threads(layer, (2, 3))
        layers.same_in_any_batch(layer)


SUITES: dict[str, Callable[[int], None]] = {
    "conv": conv,
    "grads": grads,
    "transpose": transpose,
    "pool": pool,
    "not_finite": not_finite,
    "guard_pages": guard_pages,
    "same_bytes": same_bytes,
    "winograd": winograd,
    "winograd_guard_pages": winograd_guard_pages,
    "winograd_same_bytes": winograd_same_bytes,
}

if __name__ == "__main__":
    fastconv._core.poison_scratch(True)
    SUITES[sys.argv[1]](int(sys.argv[2]))
    print(f"{sys.argv[1]} passed")
