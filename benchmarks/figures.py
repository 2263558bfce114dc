"""Puts the figures of a ``fastconv bench`` run into README.md, between its two markers.

python benchmarks/figures.py bench-results/bench.json
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
Row = dict[str, Any]


def mean(rows: list[Row], field: str) -> float | None:
    """Give the geometric mean of a field over the rows that have it."""
    values = [row[field] for row in rows if row[field] is not None]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def number(value: float | None, unit: str = "") -> str:
    """Write two digits at least."""
    if value is None:
        return "-"
    return (f"{value:.0f}" if value >= 10 else f"{value:.1f}") + unit


def figures(report: dict[str, Any]) -> str:
    """Write the section: how it was measured, then a line for each network and operation."""
    ceilings = report["ceilings"]
    flops, bandwidth = ceilings["flops_per_second"] / 1e9, ceilings["bytes_per_second"] / 1e9
    machine, threads = report["machine"], report["threads"]
    lines = [
        "| | |",
        "|---|---|",
        f"| command | `{report['command']}` |",
        f"| machine | {machine['cpu']}, {threads} threads ({report['config']['isa']}) |",
        f"| its ceilings | {flops:.0f} GFLOP/s (float32), {bandwidth:.0f} GB/s |",
        f"| date | {report['date'][:10]} |",
        "",
        "| network | operation | times faster than NumPy | than SciPy | of the ceiling |",
        "|---|---|---|---|---|",
    ]
    keys = dict.fromkeys((row["group"], row["operation"]) for row in report["rows"])
    for group, operation in keys:
        rows = [
            row for row in report["rows"] if (row["group"], row["operation"]) == (group, operation)
        ]
        numpy, scipy = mean(rows, "speedup_numpy"), mean(rows, "speedup_scipy")
        ceiling = number(mean(rows, "ceiling_percent"), "%")
        lines.append(f"| {group} | {operation} | {number(numpy)} | {number(scipy)} | {ceiling} |")
    agreeing = sum(row["agrees"] for row in report["rows"])
    lines += [
        "",
        f"Geometric means; {agreeing} of {len(report['rows'])} results within their bounds.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Rewrite the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path, help="bench.json")
    report = json.loads(parser.parse_args().report.read_text(encoding="utf-8"))
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{figures(report)}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
