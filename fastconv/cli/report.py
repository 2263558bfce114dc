"""The finished rows as a table on the terminal, as JSON and as CSV."""

import csv
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from fastconv.cli import tables
from fastconv.cli.errors import CommandError
from fastconv.cli.runner import Row

HEADINGS = ("time", "vs NumPy", "vs SciPy", "GFLOP/s", "of ceiling", "error")


def _ratio(ratio: float | None, scaled: bool = False) -> str:
    if ratio is None:
        return "-"
    return ("~" if scaled else "") + tables.ratio(ratio)


def _cells(row: Row) -> list[str]:
    error = f"{row.largest_error:.1e}" if row.largest_error else "0"
    return [
        row.case,
        row.operation,
        tables.duration(row.seconds),
        _ratio(row.speedup_numpy),
        _ratio(row.speedup_scipy, scaled=row.scipy_share != 1.0),
        f"{row.gflops:.3g}",
        f"{row.ceiling_percent:.0f}% {row.ceiling}",
        error if row.agrees else f"[red]{error} WRONG[/red]",
    ]


def print_table(rows: list[Row], caption: str) -> None:
    """Print the rows, a section for each group, and below it what disagreed."""
    table = tables.Table(("case", "operation"), HEADINGS, caption)
    for row in rows:
        table.add(row.group, *_cells(row))
    table.show(*(_wrong(row) for row in rows if not row.agrees))


def _wrong(row: Row) -> str:
    where = f"{row.group} {row.case}, {row.operation}"
    return f"[red]wrong[/red]: {where}: {row.disagreement} ({row.allowed_error:.1e} allowed)"


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
