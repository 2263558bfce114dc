"""Times to be compared with each other: taken in turn, so that what slows one slows all."""

import math
import statistics
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter

MOST_CALLS = 100_000


def seconds_per_call(function: Callable[[], object], budget: float) -> float:
    """Give the mean time of as many calls as fit into the budget, at least one.

    One call more comes first: it finds the caches as the other libraries left them.
    """
    function()
    start = perf_counter()
    function()
    once = perf_counter() - start
    calls = int(min(MOST_CALLS, budget / max(once, 1e-9)))
    if calls < 2:
        return once
    start = perf_counter()
    for _ in range(calls):
        function()
    return (perf_counter() - start) / calls


def medians(timers: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Time everything once a round; give for each the median of the rounds."""
    times: dict[str, list[float]] = {name: [] for name in timers}
    for _ in range(rounds):
        for name, timer in timers.items():
            times[name].append(timer())
    return {name: statistics.median(values) for name, values in times.items()}


def geometric_mean(values: Iterable[float]) -> float:
    """Give the mean that ratios have; at least one value, all of them positive."""
    listed = list(values)
    return math.exp(sum(map(math.log, listed)) / len(listed))
