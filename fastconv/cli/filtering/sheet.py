"""The sheet of ``--compare``: before, the kernel, and after."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from fastconv.cli.errors import CommandError
from fastconv.cli.extras import require
from fastconv.cli.filtering.content import Content
from fastconv.cli.writing import save_figure

Array = np.ndarray

ENDINGS = (".png", ".jpg", ".jpeg", ".pdf", ".svg")
MOST_PIXELS = 1200  # along an axis: a sheet needs no more
MOST_POINTS = 4000
MOST_WRITTEN = 7  # weights along an axis that are written as numbers
GREY = "#777777"
DOTS = 120  # an inch


def check(path: Path) -> None:
    """Say if no sheet can be written with this ending."""
    require("matplotlib.figure", extra="filter")
    if path.suffix.lower() not in ENDINGS:
        raise CommandError(f"--compare {path}: its ending must be one of {', '.join(ENDINGS)}")


def write(
    temporary: str, path: Path, before: Content, after: Array, kernel: Array, titles: list[str]
) -> None:
    """Draw the sheet.

    Parameters
    ----------
    temporary : str
        Where to write it.
    path : Path
        What it will be named, whose ending says what it is.
    before : Content
        What was filtered.
    after : array
        The result's samples.
    kernel : array
        The kernel.
    titles : list of str
        Of the three parts.
    """
    (figures,) = require("matplotlib.figure", extra="filter")
    draw = _signals if len(before.space) == 1 else _images
    file_format = path.suffix.lower().removeprefix(".")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # letters of file names that the font lacks
        figure = draw(figures, before, after, kernel, titles)
        save_figure(figure, temporary, file_format, DOTS)


def _images(figures: Any, before: Content, after: Array, kernel: Array, titles: list[str]) -> Any:
    figure = figures.Figure(figsize=(12, 5), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=[4, 1.6, 4])
    _show(left, before.samples, before.limits)
    _show_kernel(middle, kernel)
    _show(right, after, before.limits if after.dtype.kind in "iu" else None)
    for place, title in zip((left, middle, right), titles, strict=True):
        place.set_title(title, fontsize=10, parse_math=False)
    return figure


def _show(place: Any, samples: Array, limits: tuple[int, int] | None) -> None:
    """Show an image of one to four channels: integers by their range, floats by what occurs."""
    step = -(-max(samples.shape[:2]) // MOST_PIXELS)
    pixels = np.asarray(samples[::step, ::step], np.float64)
    if limits is None:
        finite = pixels[np.isfinite(pixels)]
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    else:
        low, high = limits
    pixels = np.clip((pixels - low) / ((high - low) or 1), 0, 1)
    place.axis("off")
    if pixels.shape[2] in (1, 2):
        place.imshow(pixels[..., 0], cmap="gray", vmin=0, vmax=1)
    else:
        place.imshow(pixels)


def _show_kernel(place: Any, kernel: Array) -> None:
    """Show weights from blue over white to red; few of them as numbers too."""
    most = float(np.abs(kernel).max()) or 1.0
    place.imshow(kernel, cmap="RdBu_r", vmin=-most, vmax=most)
    place.set_xticks([])
    place.set_yticks([])
    if max(kernel.shape) > MOST_WRITTEN:
        return
    for (row, column), weight in np.ndenumerate(kernel):
        dark = abs(weight) > 0.6 * most
        colour = "white" if dark else "black"
        text = {"ha": "center", "va": "center", "fontsize": 7, "color": colour}
        place.text(column, row, f"{weight:.3g}", **text)


def _signals(figures: Any, before: Content, after: Array, kernel: Array, titles: list[str]) -> Any:
    figure = figures.Figure(figsize=(12, 7), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, height_ratios=[3, 1, 3])
    length = len(before.samples)
    _plot(top, before.samples, length)
    middle.stem(kernel, linefmt=GREY, markerfmt=".", basefmt=" ")
    _plot(bottom, after, length)
    for place, title in zip((top, middle, bottom), titles, strict=True):
        place.set_title(title, fontsize=10, parse_math=False)
    return figure


def _plot(place: Any, samples: Array, length: int) -> None:
    """Plot every channel; of a long signal the highest and lowest of each piece."""
    count = len(samples)
    step = max(1, count // MOST_POINTS)
    cut = count // step * step
    pieces = np.asarray(samples[:cut], np.float64).reshape(-1, step, samples.shape[1])
    times = np.arange(len(pieces)) * (length * step / count)
    for channel in range(samples.shape[1]):
        if step == 1:
            place.plot(times, pieces[:, 0, channel], linewidth=0.8)
        else:
            low, high = pieces[..., channel].min(axis=1), pieces[..., channel].max(axis=1)
            place.fill_between(times, low, high, linewidth=0.3)
    place.margins(x=0)
