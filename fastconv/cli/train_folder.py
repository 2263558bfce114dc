"""The folder that `fastconv train` writes to: whole files, or none."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from fastconv.cli.errors import CommandError
from fastconv.nn.state_io import replacing

CHECKPOINT = "checkpoint.npz"
RECORD = "training.json"
WEIGHTS = "weights.safetensors"
FIGURES = ("curves.png", "confusion.png", "filters.png")


class Folder:
    """The results of one run.

    As a context manager: what a run that failed before its first checkpoint has made is taken away.

    Attributes
    ----------
    path : Path
        The folder.
    checkpoint : Path
        The file that `fit` writes after each epoch.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.checkpoint = path, path / CHECKPOINT
        self._undo: list[Callable[[], None]] = []

    def __enter__(self) -> "Folder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None or self.checkpoint.exists():
            return
        with contextlib.suppress(OSError):
            for undo in reversed(self._undo):
                undo()

    def open(self, settings: dict[str, Any], resume: bool) -> None:
        """Make the folder, and note there what is being trained.

        Parameters
        ----------
        settings : dict
            What the weights depend on.
        resume : bool
            Whether to go on from a checkpoint, which must be of the same settings. Otherwise what
            is there of another run is deleted.
        """
        if resume and self.checkpoint.exists():
            self._compare(settings)
            self._clean()
            return
        self._make()
        self._clean()
        # All files of a folder are of one run. Without its checkpoint none can be gone on with.
        for name in (CHECKPOINT, WEIGHTS, *FIGURES):
            (self.path / name).unlink(missing_ok=True)
        self._undo.append(self.write_json({"settings": settings}).unlink)

    def _make(self) -> None:
        for path in (*reversed(self.path.parents), self.path):
            if not path.exists():
                path.mkdir()
                self._undo.append(path.rmdir)
        self.path.mkdir(exist_ok=True)  # for the error, should it be a file

    def _clean(self) -> None:
        """Delete what a run left that was killed while it wrote."""
        for name in (CHECKPOINT, RECORD, WEIGHTS, *FIGURES):
            for left in self.path.glob(f".{name}.*"):
                left.unlink()

    def _compare(self, settings: dict[str, Any]) -> None:
        try:
            before = json.loads((self.path / RECORD).read_text(encoding="utf-8"))["settings"]
            different = [name for name in settings if before[name] != settings[name]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CommandError(f"--resume: {self.path / RECORD} cannot be read") from error
        if different:
            listed = ", ".join(f"{n} was {before[n]}, not {settings[n]}" for n in different)
            raise CommandError(f"--resume: the run in {self.path} is another one: {listed}")

    def write(self, name: str, write: Callable[[str], object]) -> Path:
        """Write a file as a whole.

        Parameters
        ----------
        name : str
            Its name.
        write : callable
            Called with the name of a temporary file to write to.

        Returns
        -------
        Path
            The file.
        """
        with replacing(self.path / name) as temporary:
            write(temporary)
        return self.path / name

    def write_json(self, record: dict[str, Any]) -> Path:
        """Write training.json."""
        text = json.dumps(record, indent=1, allow_nan=False) + "\n"
        return self.write(RECORD, lambda name: Path(name).write_text(text, encoding="utf-8"))
