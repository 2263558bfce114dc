"""The folder that `fastconv train` writes to: whole files, or none."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from fastconv.cli.errors import CommandError
from fastconv.nn.state_io import replacing

RECORD = "training.json"
CHECKPOINT = "checkpoint.npz"


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
        self._made_folder = self._made_record = False

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
            if self._made_record:
                (self.path / RECORD).unlink()
            if self._made_folder:
                self.path.rmdir()

    def open(self, settings: dict[str, Any], resume: bool) -> None:
        """Make the folder, and note there what is being trained.

        Parameters
        ----------
        settings : dict
            What the weights depend on.
        resume : bool
            Whether to go on from a checkpoint, which must be of the same settings. Otherwise one
            that is there is deleted.
        """
        if resume and self.checkpoint.exists():
            self._compare(settings)
            return
        self._made_folder = not self.path.exists()
        self.path.mkdir(parents=True, exist_ok=True)
        # Settings and checkpoint belong together: never new ones beside an old checkpoint.
        self.checkpoint.unlink(missing_ok=True)
        for left in self.path.glob(f".{CHECKPOINT}.*"):  # by a run that was killed while writing
            left.unlink()
        self._made_record = not (self.path / RECORD).exists()
        self.write_json({"settings": settings})

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
