"""The finished rows as a chart: speed-ups, and the distance to the machine's ceilings, twice."""

from pathlib import Path
from typing import Any

import numpy as np

from fastconv.cli import roofline
from fastconv.cli.extras import require
from fastconv.cli.outcome import Outcome
from fastconv.cli.writing import save_figure

COLOURS = {"forward": "#1f6fb4", "input gradient": "#e08214", "weight gradient": "#4d9221"}
LABEL = {"ha": "right", "va": "center", "fontsize": 7, "color": "dimgray"}
PANELS = (
    ("speedup_numpy", "times faster than NumPy"),
    ("speedup_scipy", "times faster than SciPy"),
    ("ceiling_percent", "percent of the measured ceiling"),
)
PEERS_PANEL = ("ratio", "times as fast as the best peer")
ROOFLINE_HEIGHT = 4.5
DOTS = 150  # an inch


def _values(rows: list[Any], group: str, operation: str, field: str) -> list[float]:
    chosen = [row for row in rows if row.group == group and row.operation == operation]
    values = [getattr(row, field) for row in chosen]
    return [value for value in values if value is not None]


def _draw_panel(axes: Any, rows: list[Any], groups: list[str], field: str) -> None:
    """Draw a bar for the geometric mean of each group and operation, and a dot for each case."""
    height, start = 0.8 / len(COLOURS), 0.0 if field == "ceiling_percent" else 1.0
    for place, group in enumerate(groups):
        for lane, (operation, colour) in enumerate(COLOURS.items()):
            values = _values(rows, group, operation, field)
            if not values:
                continue
            y = place - 0.4 + (lane + 0.5) * height
            mean = float(np.exp(np.mean(np.log(values))))
            axes.barh(y, mean - start, height * 0.9, left=start, color=colour, alpha=0.4)
            axes.plot(values, [y] * len(values), ".", color=colour, markersize=4)
            axes.text(
                0.99,
                y,
                f"{mean:.0f}" if mean >= 10 else f"{mean:.2g}",
                transform=axes.get_yaxis_transform(),
                **LABEL,
            )


def _draw_speedups(figure: Any, grid: Any, outcome: Outcome) -> None:
    """Draw the panels of bars, a line for each group."""
    groups = list(dict.fromkeys(row.group for row in outcome.rows))
    first: Any = None
    for column, (field, label) in enumerate(_panels(outcome)):
        axes = first = figure.add_subplot(grid[0, column], sharey=first)
        rows = outcome.comparisons if field == "ratio" else outcome.rows
        _draw_panel(axes, rows, groups, field)
        axes.set_xscale("linear" if field == "ceiling_percent" else "log")
        axes.set_xlabel(label)
        axes.grid(axis="x", alpha=0.3)
        axes.axvline(100 if field == "ceiling_percent" else 1, color="black", linewidth=0.8)
        axes.set_xmargin(0.12)
        axes.tick_params(labelleft=column == 0)
    first.set_yticks(range(len(groups)), groups)
    first.invert_yaxis()


def _panels(outcome: Outcome) -> tuple[tuple[str, str], ...]:
    return (*PANELS, PEERS_PANEL) if outcome.comparisons else PANELS


def draw(folder: Path, outcome: Outcome) -> list[Path]:
    """Write the chart as ``bench.png`` and ``bench.svg``.

    Parameters
    ----------
    folder : Path
        An existing folder.
    outcome : Outcome
        What to show.

    Returns
    -------
    list of Path
        The files written.
    """
    figure_module, patches, agg = require(
        "matplotlib.figure", "matplotlib.patches", "matplotlib.backends.backend_agg"
    )
    groups, panels = {row.group for row in outcome.rows}, _panels(outcome)
    height = 1.6 + 0.9 * len(groups)
    figure = figure_module.Figure(figsize=(13, height + ROOFLINE_HEIGHT), layout="constrained")
    agg.FigureCanvasAgg(figure)
    ratios = (height, ROOFLINE_HEIGHT)
    grid = figure.add_gridspec(2, len(panels), height_ratios=ratios)
    _draw_speedups(figure, grid, outcome)
    roofline.draw(figure.add_subplot(grid[1, :]), outcome, COLOURS)
    handles = [patches.Patch(color=colour, label=name) for name, colour in COLOURS.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
    caption = f"bar: geometric mean; dot: one case. {outcome.caption}"
    figure.supxlabel(caption, fontsize=8)
    paths = [folder / "bench.png", folder / "bench.svg"]
    for path in paths:
        save_figure(figure, path, path.suffix[1:], DOTS)
    return paths
