"""How near the machine's ceilings each case comes: GFLOP/s over operations a byte."""

from typing import Any

import numpy as np

from fastconv.cli.outcome import Outcome

# marker, filled, what it is
OWN, PEER = ("o", True, "fastconv"), ("^", False, "its best peer")
Point = tuple[float, float, str, tuple[str, bool, str]]


def points(outcome: Outcome) -> list[Point]:
    """Give (operations a byte, GFLOP/s, operation, kind) of every case, ours and the best peer's.

    Where there are peers both sides are those of the comparison, measured alike.
    """
    listed: list[Point] = []
    if not outcome.comparisons:
        for row in outcome.rows:
            listed.append((row.operations / row.traffic, row.gflops, row.operation, OWN))
    for pair in outcome.comparisons:
        for name, kind in ((pair.best_own, OWN), (pair.best_peer, PEER)):
            if name is not None:
                rate = pair.operations / pair.seconds[name] / 1e9
                listed.append((pair.operations / pair.traffic, rate, pair.operation, kind))
    return listed


def draw(axes: Any, outcome: Outcome, colours: dict[str, str]) -> None:
    """Draw the points, and the roof: what arithmetic and memory allow."""
    listed, ceilings = points(outcome), outcome.ceilings
    for intensity, rate, operation, (marker, filled, _) in listed:
        colour = colours[operation]
        face = colour if filled else "none"
        axes.plot(
            intensity, rate, marker, color=colour, markerfacecolor=face, markersize=4, alpha=0.7
        )
    for marker, filled, label in dict.fromkeys(point[3] for point in listed):
        face = "dimgray" if filled else "none"
        axes.plot([], [], marker, color="dimgray", markerfacecolor=face, label=label)
    widths = [point[0] for point in listed]
    x = np.geomspace(min(widths) / 2, max(widths) * 2, 200)
    roof = np.minimum(ceilings.flops, ceilings.bandwidth * x) / 1e9
    axes.plot(x, roof, color="black", linewidth=0.8, label="measured ceilings")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(
        "operations for each byte of the arrays "
        "(those in the caches may pass the roof, and so may Winograd's algorithm)"
    )
    axes.set_ylabel("GFLOP/s of the direct sum")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize=8, frameon=False)
