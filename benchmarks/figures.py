"""Puts the figures of ``fastconv bench`` runs into README.md, between its markers.

python benchmarks/figures.py bench-results/bench.json [another/bench.json ...]

The first report gives the figures beside NumPy and SciPy, and the chart in its folder. Every report
of a run with --peers gives a table of the peers; without one that section stays as it is.
"""

import argparse
import json
import math
import shlex
import shutil
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parent.parent / "README.md"
CHART = Path("benchmarks", "chart.png")  # from the README's folder
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


def command(report: dict[str, Any]) -> str:
    """Give the command without the folder of its results: that says nothing to a reader."""
    words = shlex.split(report["command"])
    if "--output" in words:
        place = words.index("--output")
        del words[place : place + 2]
    return shlex.join(words)


def figures(report: dict[str, Any]) -> str:
    """Write the section: how it was measured, then a line for each network and operation."""
    ceilings = report["ceilings"]
    flops, bandwidth = ceilings["flops_per_second"] / 1e9, ceilings["bytes_per_second"] / 1e9
    machine, threads = report["machine"], report["threads"]
    lines = [
        "| | |",
        "|---|---|",
        f"| command | `{command(report)}` |",
        f"| machine | {machine['cpu']}, {threads} threads ({report['config']['isa']}) |",
        f"| its ceilings | {flops:.0f} GFLOP/s (float32), {bandwidth:.0f} GB/s |",
        f"| date | {report['date'][:10]} |",
        "",
        "| network | operation | times faster than NumPy | than SciPy | of the ceiling |",
        "|---|---|---|---|---|",
    ]
    for (group, operation), rows in groups(report["rows"]).items():
        numpy, scipy = mean(rows, "speedup_numpy"), mean(rows, "speedup_scipy")
        ceiling = number(mean(rows, "ceiling_percent"), "%")
        lines.append(f"| {group} | {operation} | {number(numpy)} | {number(scipy)} | {ceiling} |")
    agreeing = sum(row["agrees"] for row in report["rows"])
    lines += [
        "",
        f"Geometric means; {agreeing} of {len(report['rows'])} results within their bounds.",
    ]
    return "\n".join(lines)


def groups(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    """Sort rows by network and operation."""
    sorted_rows: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        sorted_rows.setdefault((row["group"], row["operation"]), []).append(row)
    return sorted_rows


def own_mean(rows: list[Row], engine: str) -> str:
    """Compare one of our ways with each row's best peer."""
    timed = [row for row in rows if engine in row["seconds"]]
    ratios = [{"ratio": row["seconds"][row["best_peer"]] / row["seconds"][engine]} for row in timed]
    return ratio(mean(ratios, "ratio"))


def ratio(value: float | None) -> str:
    """Write two decimals: the difference to 1 counts."""
    return "-" if value is None else f"{value:.2f}"


def peers_line(name: str, operation: str, rows: list[Row], ours: list[str]) -> str:
    """Write a line of the table."""
    ratios = [row["ratio"] for row in rows]
    worst = min(rows, key=lambda row: row["ratio"])
    ahead = f"{sum(value >= 1 for value in ratios)} of {len(ratios)}"
    cells = [
        name,
        operation,
        ratio(mean(rows, "ratio")),
        *(own_mean(rows, engine) for engine in ours),
        ahead,
        f"{worst['ratio']:.2f} ({worst['case']}: {worst['best_peer_title']})",
    ]
    return f"| {' | '.join(cells)} |"


def peers(report: dict[str, Any]) -> str:
    """Write the section of a run with peers: who they were, and a line a network and operation."""
    found, engines = report["peers"], report["peers"]["engines"]
    ours = [name for name in engines if name.startswith("fastconv")]
    present = [engine for name, engine in engines.items() if name not in ours and engine["version"]]
    versions = dict.fromkeys(
        f"{engine['title'].removesuffix(' NHWC')} {engine['version'].partition('-')[0]}"
        for engine in present
    )
    threads = report["threads"]
    lines = [
        f"**{threads} thread{'s' if threads > 1 else ''}** ({report['machine']['cpu']}, "
        f"{report['config']['isa']}, {report['date'][:10]}, `{command(report)}`), beside "
        f"{', '.join(versions) if versions else 'no peer'}:",
        "",
    ]
    rows = [
        row | {"best_peer_title": engines[row["best_peer"]]["title"]}
        for row in found["rows"]
        if row["ratio"] is not None
    ]
    if rows:
        titles = " | ".join(engines[name]["title"] for name in ours)
        lines += [
            f"| network | operation | ours, the best | {titles} | rows ahead | worst row |",
            "|---" * (5 + len(ours)) + "|",
            *(peers_line(*key, chosen, ours) for key, chosen in groups(rows).items()),
            peers_line("**all**", "", rows, ours),
            "",
        ]
    return "\n".join([*lines, *(f"- {note}" for note in found["notes"])]).rstrip()


def replaced(text: str, name: str, section: str) -> str:
    """Put a section between its markers."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n{section}\n{end}{after}"


def main() -> None:
    """Rewrite the sections."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", type=Path, nargs="+", metavar="bench.json")
    paths = parser.parse_args().reports
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    chart = f"![speed-ups and roofline, case by case]({CHART.as_posix()})"
    shutil.copyfile(paths[0].with_name("bench.png"), README.parent / CHART)
    text = README.read_text(encoding="utf-8")
    text = replaced(text, "figures", f"{figures(reports[0])}\n\n{chart}")
    compared = [peers(report) for report in reports if "peers" in report]
    if compared:
        text = replaced(text, "peers", "\n\n".join(compared))
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
