"""The tutorial runs from top to bottom, prints what it says, and makes the figures it shows."""

import sys

import pytest
from helpers import pages

TEXT = pages.read("tutorial.md")
FIGURES = pages.figures(TEXT)

for name in ("matplotlib", "sklearn", "safetensors"):
    pytest.importorskip(name)


@pytest.mark.parametrize("photograph", [True, False])
def test_the_tutorial_runs_and_prints_what_it_says(photograph, tmp_path, monkeypatch):
    if photograph:
        pytest.importorskip("skimage.data")
    else:
        monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.chdir(tmp_path)
    pages.run("tutorial.md", TEXT if photograph else TEXT.partition("## LeNet-5")[0])
    for figure in FIGURES if photograph else FIGURES[:2]:
        assert (tmp_path / figure).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_figures_that_the_tutorial_shows_are_there():
    assert len(FIGURES) == 9
    for figure in FIGURES:
        assert (pages.DOCS / figure).is_file(), figure


def test_the_blocks_are_found():
    assert pages.every_block_is_found(TEXT)
    assert TEXT.count("```python") > 15
