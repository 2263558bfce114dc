"""``fastconv gradcheck``: every gradient against central differences."""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

SUMMARY = "check every gradient numerically"
DESCRIPTION = """\
Check every function of fastconv.grad against central differences in float64: one, two and three
dimensions, both layouts, strides, dilations, groups and paddings. Prints a table.

Exit codes: 0 all agree, 1 a gradient is wrong."""
HEADINGS = ("gradient of", "fastconv.grad", "layout", "cases", "largest error", "result")
EXIT_WRONG = 1


@dataclass(frozen=True)
class Line:
    """A line of the table: some functions in one layout, over all cases of arguments."""

    operator: str
    gradients: str
    layout: str
    cases: int
    largest_error: float
    failures: tuple[str, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as texts."""
        result = f"{len(self.failures)} WRONG" if self.failures else "ok"
        error = f"{self.largest_error:.1e}"
        return self.operator, self.gradients, self.layout, str(self.cases), error, result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments: it has none."""


def _check(cases: Iterable[Any]) -> Line:
    """Check the cases of one line."""
    error, failures, count = 0.0, [], 0
    for case in cases:
        count += 1
        try:
            result = case.check()
        except AssertionError as report:
            shown = ", ".join(f"{name}={value!r}" for name, value in case.arguments.items())
            failures.append(f"{case.operator} {case.layout} ({shown}): {report}")
            continue
        worst = (entry.worst for entry in result.inputs)
        error = max([error, *(comparison.absolute_error for comparison in worst if comparison)])
    return Line(case.operator, case.gradients, case.layout, count, error, tuple(failures))


def _lines(cases: Iterable[Any]) -> Iterator[Line]:
    def key(case: Any) -> tuple[str, str, str]:
        return case.operator, case.gradients, case.layout

    for _, group in groupby(sorted(cases, key=key), key):
        yield _check(group)


def _print_plain(lines: list[Line]) -> None:
    rows = [HEADINGS, *(line.cells for line in lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _print(lines: list[Line]) -> None:
    """Print the table, with rich if it is installed."""
    try:
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        _print_plain(lines)
        return
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, 100)
    table = Table(*HEADINGS)
    for line in lines:
        table.add_row(*line.cells, style="red" if line.failures else None)
    console.print(table)


def run(arguments: argparse.Namespace) -> int:
    """Check, and print the table and what failed."""
    from fastconv.cli.gradients import gradient_cases

    lines = list(_lines(gradient_cases()))
    _print(lines)
    failures = [failure for line in lines for failure in line.failures]
    for failure in failures:
        print(f"\nWRONG: {failure}")
    total = sum(line.cases for line in lines)
    print(f"{total - len(failures)} of {total} cases agree with central differences")
    return EXIT_WRONG if failures else 0
