"""How far a run is, on standard error."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from fastconv.cli.extras import require


class Titled(Protocol):
    """Something to run."""

    @property
    def title(self) -> str:
        """Its name, to be shown."""


Item = TypeVar("Item", bound=Titled)
Result = TypeVar("Result")


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[int, str], object]]:
    """Show a bar on a terminal, a line for each finished case elsewhere; gives the reporter."""
    console_module, progress_module = require("rich.console", "rich.progress")
    console = console_module.Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, title: print(f"[{done}/{total}] {title}", file=sys.stderr, flush=True)
        return
    columns = (
        progress_module.TextColumn("{task.completed}/{task.total}"),
        progress_module.BarColumn(),
        progress_module.TimeElapsedColumn(),
        progress_module.TextColumn("{task.description}"),
    )
    with progress_module.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, title: bar.update(task, completed=done, description=title)


def run_each(items: Sequence[Item], run: Callable[[Item], Result]) -> tuple[list[Result], bool]:
    """Run every item until done or Ctrl-C; give the results and whether it was Ctrl-C.

    Raises
    ------
    KeyboardInterrupt
        If nothing was done before it.
    """
    results: list[Result] = []
    try:
        with progress(len(items)) as report:
            for item in items:
                results.append(run(item))
                report(len(results), item.title)
    except KeyboardInterrupt:
        if not results:
            raise
        print(f"interrupted: {len(results)} of {len(items)} cases done", file=sys.stderr)
        return results, True
    return results, False
