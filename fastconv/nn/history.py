"""What happened in training, and what it says in plain words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["History"]

LARGE_GAP = 0.05  # of accuracy, between training and validation
LARGE_RATIO = 1.25  # of losses, where there are no accuracies
GOOD_ACCURACY = 0.98


@dataclass
class History:
    """The epochs of a run of `fit`.

    Attributes
    ----------
    epochs : list of dict
        An epoch each: ``"epoch"`` (from 1), ``"train_loss"``, ``"lr"``, ``"seconds"`` and, where
        they could be had, ``"train_accuracy"``, ``"val_loss"``, ``"val_accuracy"``.
    best_epoch : int
        The epoch with the smallest validation loss (training loss without validation data); 0
        before the first.
    stopped_early : bool
        Whether `patience` ended the run.

    Examples
    --------
    >>> from fastconv import nn
    >>> history = nn.History()
    >>> best = history.append({"train_loss": 0.9, "val_loss": 1.0})
    >>> best = history.append({"train_loss": 0.1, "val_loss": 1.3})
    >>> history.best_epoch, history["train_loss"]
    (1, [0.9, 0.1])
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    stopped_early: bool = False

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, key: str) -> list[Any]:
        """A quantity of all epochs; None where an epoch lacks it."""
        return [epoch.get(key) for epoch in self.epochs]

    def append(self, epoch: dict[str, Any]) -> bool:
        """Add an epoch.

        Parameters
        ----------
        epoch : dict
            As in `epochs`; the number is added.

        Returns
        -------
        bool
            Whether it is the best so far.
        """
        self.epochs.append({"epoch": len(self.epochs) + 1, **epoch})
        best = self.best_epoch == 0 or self.score(len(self)) < self.score(self.best_epoch)
        if best:
            self.best_epoch = len(self)
        return best

    def score(self, epoch: int) -> float:
        """The validation loss of an epoch (the training loss where there is none)."""
        values = self.epochs[epoch - 1]
        return values["train_loss"] if values.get("val_loss") is None else values["val_loss"]

    def diagnosis(self, held_out: str = "validation") -> str:
        """The gap between training and validation, in plain words.

        Parameters
        ----------
        held_out : str, default "validation"
            What to call the data that was not trained on.

        Returns
        -------
        str
            What the last epochs show, and what to try.
        """
        if not self.epochs:
            return "No epoch has been trained."
        last = self.epochs[-1]
        if last.get("val_loss") is None:
            return f"There is no {held_out} data, so nothing can be said about new images."
        if last.get("val_accuracy") is not None and last.get("train_accuracy") is not None:
            train, new = last["train_accuracy"], last["val_accuracy"]
            measured = f"accuracy is {train:.1%} in training and {new:.1%} in {held_out}"
            large, good = train - new > LARGE_GAP, train >= GOOD_ACCURACY
        else:
            train, new = last["train_loss"], last["val_loss"]
            measured = f"the loss is {train:.4g} in training and {new:.4g} in {held_out}"
            large, good = new > LARGE_RATIO * train, False
        return f"The {measured}: {self._advice(large, good, held_out)}"

    def _advice(self, large: bool, good: bool, held_out: str) -> str:
        waited = len(self) - self.best_epoch
        if large:
            return (
                "a large gap: the network has learned its training images by heart. Regularise: "
                "dropout, weight decay, augmentation, more images, or a smaller network."
                + (f" The {held_out} loss was best in epoch {self.best_epoch}." if waited else "")
            )
        if good:
            return "hardly a gap, and little left to learn in training. Well fitted."
        if waited == 0:
            return f"hardly a gap, and the {held_out} loss still improves. Train for more epochs."
        return (
            "hardly a gap, and training is not fitted well: the network is too small or learns too "
            "slowly. Add capacity (more layers or channels), or try another learning rate."
        )
