"""The finished rows as a chart: speed-ups, and the distance to the machine's ceilings."""

from pathlib import Path
from typing import Any

import numpy as np

from fastconv.cli.extras import require
from fastconv.cli.runner import Row

COLOURS = {"forward": "#1f6fb4", "input gradient": "#e08214", "weight gradient": "#4d9221"}
LABEL = {"ha": "right", "va": "center", "fontsize": 7, "color": "dimgray"}
PANELS = (
    ("speedup_numpy", "times faster than NumPy"),
    ("speedup_scipy", "times faster than SciPy"),
    ("ceiling_percent", "percent of the measured ceiling"),
)


def _values(rows: list[Row], group: str, operation: str, field: str) -> list[float]:
    chosen = [row for row in rows if row.group == group and row.operation == operation]
    values = [getattr(row, field) for row in chosen]
    return [value for value in values if value is not None]


def _draw_panel(axes: Any, rows: list[Row], groups: list[str], field: str) -> None:
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


def draw(path: Path, rows: list[Row], caption: str) -> None:
    """Write the chart as PNG.

    Parameters
    ----------
    path : Path
        The file.
    rows : list of Row
        At least one.
    caption : str
        Stands below the chart.
    """
    figure_module, patches, agg = require(
        "matplotlib.figure", "matplotlib.patches", "matplotlib.backends.backend_agg"
    )
    groups = list(dict.fromkeys(row.group for row in rows))
    figure = figure_module.Figure(figsize=(13, 1.6 + 0.9 * len(groups)), layout="constrained")
    agg.FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(PANELS), sharey=True)
    for axes, (field, label) in zip(panels, PANELS, strict=True):
        _draw_panel(axes, rows, groups, field)
        axes.set_xscale("linear" if field == "ceiling_percent" else "log")
        axes.set_xlabel(label)
        axes.grid(axis="x", alpha=0.3)
        axes.axvline(100 if field == "ceiling_percent" else 1, color="black", linewidth=0.8)
        axes.set_xmargin(0.12)
    panels[0].set_yticks(range(len(groups)), groups)
    panels[0].invert_yaxis()
    handles = [patches.Patch(color=colour, label=name) for name, colour in COLOURS.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), frameon=False)
    figure.supxlabel(f"bar: geometric mean; dot: one case. {caption}", fontsize=8)
    figure.savefig(path, dpi=150)
