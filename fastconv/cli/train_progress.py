"""A training run as it goes: a bar on standard error, a line of the table for each epoch."""

import sys
from types import TracebackType
from typing import Any

from fastconv.nn.fit import Progress

COLUMNS = (
    ("epoch", "epoch", "{:d}"),
    ("training loss", "train_loss", "{:.4f}"),
    ("accuracy", "train_accuracy", "{:.2%}"),
    ("test loss", "val_loss", "{:.4f}"),
    ("accuracy", "val_accuracy", "{:.2%}"),
    ("learning rate", "lr", "{:.2e}"),
    ("seconds", "seconds", "{:.2f}"),
)
BAR = 24


def heading() -> str:
    """The table's first line."""
    return "  ".join(title.rjust(8) for title, _, _ in COLUMNS)


def line(epoch: dict[str, Any]) -> str:
    """An epoch's line of the table."""
    return "  ".join(
        shown.format(epoch[key]).rjust(max(8, len(title))) for title, key, shown in COLUMNS
    )


class Reporter:
    """The ``progress`` function of `fit`; a context manager.

    With rich, a bar that the table's lines pass by; without, a line that is written over. Where
    standard error is no terminal, the table alone.

    Parameters
    ----------
    epochs : int
        How many there are.
    """

    def __init__(self, epochs: int) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._plain = False
        if sys.stderr.isatty():
            try:
                self._bar = self._rich_bar()
                self._task = self._bar.add_task("", total=None)
            except ImportError:
                self._plain = True
        self._headed = False

    def _rich_bar(self) -> Any:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        return Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            # Else a table that goes to a file would end up on the terminal.
            redirect_stdout=sys.stdout.isatty(),
        )

    def __enter__(self) -> "Reporter":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._wipe()

    def _wipe(self) -> None:
        if self._plain:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def __call__(self, at: Progress) -> None:
        """Show where the run is.

        Parameters
        ----------
        at : Progress
            From `fit`.
        """
        if at.finished is not None:
            self._wipe()
            if not self._headed:
                print(heading())
                self._headed = True
            print(line(at.finished), flush=True)
            return
        done, total = (at.epoch - 1) * at.batches + at.batch, at.epochs * at.batches
        text = f"epoch {at.epoch}/{at.epochs}  loss {at.loss:.4f}"
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, description=text)
        elif self._plain:
            filled = "#" * (BAR * done // total)
            print(f"\r[{filled:.<{BAR}}] {text}", end="", file=sys.stderr, flush=True)
