"""What ``bench --selection`` found, as a table and as JSON."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from fastconv.cli import tables
from fastconv.cli.errors import CommandError
from fastconv.cli.selection import Choice

FILE = "selection.json"


def _cell(choice: Choice, algorithm: str) -> str:
    """Write measured and predicted time, the chosen one in bold, "-" where it does not serve."""
    for candidate in choice.candidates:
        if candidate.algorithm == algorithm:
            measured = tables.duration(candidate.measured)
            text = f"{measured} ({tables.duration(candidate.predicted)})"
            return f"[bold]{text}[/bold]" if algorithm == choice.chosen else text
    return "-"


def print_table(choices: list[Choice], summed: dict[str, Any], caption: str) -> None:
    """Print a row a layer and layout, a section a network, and what they sum up to."""
    algorithms = list(
        dict.fromkeys(candidate.algorithm for choice in choices for candidate in choice.candidates)
    )
    table = tables.Table(("layer", "layout"), (*algorithms, "chosen", "fastest", "loss"), caption)
    for choice in choices:
        cells = [_cell(choice, algorithm) for algorithm in algorithms]
        verdict = (choice.chosen, choice.fastest, f"{choice.loss_percent:.0f}%")
        table.add(choice.group, choice.layer, choice.layout, *cells, *verdict)
    table.show()
    for name, fit in summed["fit"].items():
        scale, factor = fit["measured_over_predicted"], fit["typical_factor"]
        print(f"{name}: {scale:.2f} of the predicted time, give or take a factor {factor:.2f}")
    print(
        f"the fastest is chosen in {summed['fastest_chosen']} of {summed['rows']} rows; mean loss "
        f"{summed['mean_loss_percent']:.1f}% (aim: under {summed['aim_percent']:.0f}%), "
        f"worst {summed['worst_loss_percent']:.0f}%: {summed['worst']}"
    )


def write(
    folder: Path, choices: list[Choice], summed: dict[str, Any], about: dict[str, Any]
) -> Path:
    """Write ``selection.json``."""
    path = folder / FILE
    rows = [dataclasses.asdict(choice) for choice in choices]
    text = json.dumps({**about, "summary": summed, "rows": rows}, indent=1, allow_nan=False)
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot write to {folder}: {error.strerror}") from error
    return path
