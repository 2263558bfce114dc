"""The finished rows as a table on the terminal, as JSON and as CSV."""

import csv
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from fastconv.cli.errors import CommandError
from fastconv.cli.extras import require
from fastconv.cli.runner import Row

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))
NARROWEST = 120
HEADINGS = ("time", "vs NumPy", "vs SciPy", "GFLOP/s", "of ceiling", "error")


def _duration(seconds: float) -> str:
    size, unit = next((pair for pair in UNITS if seconds >= pair[0]), UNITS[-1])
    return f"{seconds / size:.3g} {unit}"


def _ratio(ratio: float | None, scaled: bool = False) -> str:
    if ratio is None:
        return "-"
    return ("~" if scaled else "") + (f"{ratio:.2g}x" if ratio < 10 else f"{ratio:.0f}x")


def _cells(row: Row) -> list[str]:
    error = f"{row.largest_error:.1e}" if row.largest_error else "0"
    return [
        row.case,
        row.operation,
        _duration(row.seconds),
        _ratio(row.speedup_numpy),
        _ratio(row.speedup_scipy, scaled=row.scipy_share != 1.0),
        f"{row.gflops:.3g}",
        f"{row.ceiling_percent:.0f}% {row.ceiling}",
        error if row.agrees else f"[red]{error} WRONG[/red]",
    ]


def print_table(rows: list[Row], caption: str) -> None:
    """Print the rows, a section for each group, and below it what disagreed."""
    console_module, table_module, box = require("rich.console", "rich.table", "rich.box")
    console = console_module.Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    table = table_module.Table(
        box=box.SIMPLE_HEAD,
        caption=caption,
        caption_justify="left",
        collapse_padding=True,
        pad_edge=False,
    )
    table.add_column("case")
    table.add_column("operation")
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for group in dict.fromkeys(row.group for row in rows):
        table.add_section()
        table.add_row(f"[bold]{group}[/bold]")
        for row in rows:
            if row.group == group:
                table.add_row(*_cells(row))
    console.print(table)
    for row in rows:
        if not row.agrees:
            where = f"{row.group} {row.case}, {row.operation}"
            allowed = f"{row.allowed_error:.1e} allowed"
            console.print(f"[red]wrong[/red]: {where}: {row.disagreement} ({allowed})")


def prepare(folder: Path) -> None:
    """Create the output folder and make sure that files can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".fastconv-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CommandError(f"cannot write to {folder}: {error.strerror}") from error


def _record(row: Row) -> dict[str, Any]:
    """Give a row as a dictionary, None where a number is not finite: JSON has no infinity."""
    record = dataclasses.asdict(row)
    for name, value in record.items():
        if isinstance(value, float) and not math.isfinite(value):
            record[name] = None
    return record


def write(folder: Path, rows: list[Row], about: dict[str, Any]) -> list[Path]:
    """Write ``bench.json`` and ``bench.csv``.

    Parameters
    ----------
    folder : Path
        An existing folder.
    rows : list of Row
        At least one.
    about : dict
        What the run was: stands beside the rows in the JSON file.

    Returns
    -------
    list of Path
        The files written.
    """
    records = [_record(row) for row in rows]
    paths = [folder / "bench.json", folder / "bench.csv"]
    text = json.dumps({**about, "rows": records}, indent=1, allow_nan=False)
    paths[0].write_text(text + "\n", encoding="utf-8")
    with paths[1].open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]))
        writer.writeheader()
        writer.writerows(records)
    return paths
