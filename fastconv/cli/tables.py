"""Tables on the terminal: a section a group, text on the left, numbers on the right."""

from typing import Any

from fastconv.cli.extras import require

UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))
NARROWEST = 120


def duration(seconds: float) -> str:
    """Write a time with its unit."""
    size, unit = next((pair for pair in UNITS if seconds >= 0.9995 * pair[0]), UNITS[-1])
    return f"{seconds / size:.3g} {unit}"


def ratio(value: float) -> str:
    """Write how many times as fast: ``2.1x``, ``34x``."""
    return f"{value:.2g}x" if value < 10 else f"{value:.0f}x"


def console(narrowest: int) -> Any:
    """Make the console for the standard output, at least so wide where it is no terminal."""
    (module,) = require("rich.console")
    made = module.Console(highlight=False)
    if not made.is_terminal:
        made.width = max(made.width, narrowest)
    return made


class Table:
    """Rows in groups, printed when all are there.

    Parameters
    ----------
    texts, numbers : tuple of str
        The headings of the columns that are aligned on the left, and on the right.
    caption : str
        Stands below.
    narrowest : int
        The width where the output is no terminal.
    """

    def __init__(
        self,
        texts: tuple[str, ...],
        numbers: tuple[str, ...],
        caption: str,
        narrowest: int = NARROWEST,
    ) -> None:
        table_module, box = require("rich.table", "rich.box")
        self._console = console(narrowest)
        self._table: Any = table_module.Table(
            box=box.SIMPLE_HEAD,
            caption=caption,
            caption_justify="left",
            collapse_padding=True,
            pad_edge=False,
        )
        for heading in texts:
            self._table.add_column(heading)
        for heading in numbers:
            self._table.add_column(heading, justify="right", no_wrap=True)
        self._group = ""

    def add(self, group: str, *cells: str) -> None:
        """Add a row; a group that differs from the last one's opens a section."""
        if group != self._group:
            self._table.add_section()
            self._table.add_row(f"[bold]{group}[/bold]")
            self._group = group
        self._table.add_row(*cells)

    def show(self, *notes: str) -> None:
        """Print the table, and lines below it."""
        self._console.print(self._table)
        for note in notes:
            self._console.print(note)
