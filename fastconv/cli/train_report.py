"""What `fastconv train` says and writes at the end."""

from functools import partial
from pathlib import Path
from typing import Any

from fastconv import nn
from fastconv.cli.train_folder import FIGURES, WEIGHTS, Folder
from fastconv.cli.train_task import Task
from fastconv.cli.writing import save_figure

DOTS = 120  # an inch
HELD_OUT = "test"


def _figures(task: Task, history: Any, counts: Any) -> dict[str, Any]:
    title = f"{task.settings['net']} on {task.settings['data']}"
    curves, confusion, filters = FIGURES
    figures = {
        curves: nn.plot.curves(history, title=title, held_out=HELD_OUT),
        confusion: nn.plot.confusion_matrix(counts, task.data.classes, title=title),
    }
    try:
        weights = nn.inspect.filters(task.model)
    except ValueError:  # a network without a convolution
        return figures
    figures[filters] = nn.plot.filters(weights, title="first convolution")
    return figures


def _save(figure: Any, path: str) -> None:
    save_figure(figure, path, "png", DOTS)


def finish(task: Task, history: Any, folder: Folder) -> list[Path]:
    """Test the network, say how it does, and write the files.

    Parameters
    ----------
    task : Task
        What was trained.
    history : History
        From `fit`.
    folder : Folder
        Where to.

    Returns
    -------
    list of Path
        The files written.
    """
    images, labels = task.data.test
    counts = nn.inspect.confusion_matrix(task.model, images, labels, len(task.data.classes))
    right, total = int(counts.trace()), int(counts.sum())
    print(f"\ntest accuracy {right / total:.2%} ({right} of {total} images)")
    diagnosis = history.diagnosis(HELD_OUT)
    print(diagnosis)
    record = {
        "settings": task.settings,
        "network": repr(task.model),
        "input_shape": list(images.shape[1:]),
        "classes": list(task.data.classes),
        "parameters": sum(p.size for p in task.model.parameters()),
        "test_accuracy": right / total,
        "confusion": counts.tolist(),
        "diagnosis": diagnosis,
        "epochs": history.epochs,
    }
    paths = [
        folder.write(name, partial(_save, figure))
        for name, figure in _figures(task, history, counts).items()
    ]
    weights = folder.path / WEIGHTS
    nn.save(weights, task.model)
    return [weights, folder.write_json(record), *paths]
