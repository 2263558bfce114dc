"""The comparison with the peers: a table, its footnotes, and records for the files."""

import csv
import dataclasses
from pathlib import Path
from typing import Any

from fastconv.cli import tables
from fastconv.cli.peers.comparison import Comparison, Engines, summary
from fastconv.cli.peers.engines import ENGINES, OURS

FILE = "peers.csv"
WIDTH = 170


def _every_time(row: Comparison) -> list[str]:
    """Write the time of each engine, the best of both sides in bold."""
    cells = []
    for name in ENGINES:
        text = tables.duration(row.seconds[name]) if name in row.seconds else "-"
        cells.append(f"[bold]{text}[/bold]" if name in (row.best_own, row.best_peer) else text)
    return cells


def _time(row: Comparison, engine: str | None) -> list[str]:
    """Write an engine's name and time."""
    if engine is None:
        return ["-", "-"]
    return [ENGINES[engine].title, tables.duration(row.seconds[engine])]


def footnotes(engines: Engines) -> list[str]:
    """Name the engines that are not installed, and those that failed, with the first failure."""
    notes = []
    if engines.missing:
        absent = [f"{ENGINES[name].title} ({why})" for name, why in engines.missing.items()]
        notes.append(f"not installed: {', '.join(absent)}")
    for name, engine in ENGINES.items():
        failures = [(case, what) for which, case, what in engines.failures if which == name]
        if failures:
            case, what = failures[0]
            more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
            notes.append(f"{engine.title} failed: {case}: {what}{more}")
    return notes


def summary_line(summed: dict[str, Any] | None) -> str:
    """Write what it all comes to."""
    if summed is None:
        return "no row has a peer"
    each = [
        f"{OURS[name].title} {standing['ratio']:.2f} ({standing['ahead']} of {standing['rows']})"
        for name, standing in summed["ours"].items()
    ]
    return (
        f"fastconv: {summed['ratio']:.2f} times as fast as each row's best peer (geometric mean); "
        f"worst row {summed['worst_ratio']:.2f}: {summed['worst']}; ahead in {summed['ahead']} of "
        f"{summed['rows']} rows\neach way by itself: {', '.join(each)}"
    )


def print_table(rows: list[Comparison], engines: Engines, caption: str) -> None:
    """Print a row a case, then the footnotes and the summary.

    A terminal that is too narrow for all engines shows the best of both sides.
    """
    narrow = tables.console(WIDTH).width < WIDTH
    left = ("best of ours", "time") if narrow else [engine.title for engine in ENGINES.values()]
    headings = (*left, "best peer", "its time", "ratio")
    table = tables.Table(("case", "operation"), headings, caption, WIDTH)
    for row in rows:
        times = _time(row, row.best_own) if narrow else _every_time(row)
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        cells = (*times, *_time(row, row.best_peer), ratio)
        table.add(row.group, row.case, row.operation, *cells)
    table.show()
    print("\n".join([*footnotes(engines), summary_line(summary(rows))]))


def record(rows: list[Comparison], engines: Engines) -> dict[str, Any]:
    """Give what ``bench.json`` holds of it."""
    return {
        "engines": {
            name: {"title": engine.title, "version": engines.versions.get(name)}
            for name, engine in ENGINES.items()
        },
        "notes": footnotes(engines),
        "summary": summary(rows),
        "rows": [dataclasses.asdict(row) for row in rows],
    }


def write_csv(folder: Path, rows: list[Comparison]) -> Path:
    """Write ``peers.csv``: a column of seconds for each engine."""
    path = folder / FILE
    names = ["group", "case", "operation", *ENGINES, "best_own", "best_peer", "ratio"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(dataclasses.asdict(row) | row.seconds for row in rows)
    return path
