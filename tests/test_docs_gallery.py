"""The gallery runs, prints what it says, makes the figures it shows, and leaves no filter out."""

import re
import shlex

import numpy as np
import pytest
from helpers import pages

from fastconv import cli, filters

TEXT = pages.read("gallery.md")
FIGURES = pages.figures(TEXT)
COMMANDS = re.findall(r"^fastconv (filter .*)$", TEXT, re.M)


def pixels(path):
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), np.float64)


def test_the_gallery_runs_and_its_figures_are_up_to_date(tmp_path, monkeypatch):
    for name in ("PIL.Image", "skimage.data", "matplotlib"):
        pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    pages.run("gallery.md", TEXT)
    made = sorted(path.name for path in (tmp_path / "figures" / "gallery").iterdir())
    assert made == sorted(figure.rpartition("/")[2] for figure in FIGURES)
    for figure in FIGURES:
        now, shown = pixels(tmp_path / figure), pixels(pages.DOCS / figure)
        assert now.shape == shown.shape, figure
        # Decoders of JPEG differ a little.
        assert np.abs(now - shown).mean() < 1, f"{figure} is not what the page makes"
    assert len(COMMANDS) > 2
    for command in COMMANDS:
        assert cli.main(shlex.split(command)) == 0
        assert (tmp_path / shlex.split(command)[2]).stat().st_size


def test_every_filter_is_shown():
    for name in filters.NAMES:
        assert f"filters.{name}(" in TEXT, name
        assert f"`{name}" in TEXT, name
        assert any(figure.rpartition("/")[2].startswith(name) for figure in FIGURES), name


def test_no_figure_is_left_over():
    folder = pages.DOCS / "figures" / "gallery"
    assert {f"figures/gallery/{path.name}" for path in folder.iterdir()} == set(FIGURES)
    assert len(FIGURES) == len(set(FIGURES))


def test_the_blocks_are_found():
    assert pages.every_block_is_found(TEXT)
