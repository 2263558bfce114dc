"""The tutorial runs from top to bottom, prints what it says, and makes the figures it shows."""

import contextlib
import io
import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
TEXT = (DOCS / "tutorial.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)
FIGURES = re.findall(r"!\[.*?\]\((.*?)\)", TEXT)

for name in ("matplotlib", "sklearn", "safetensors"):
    pytest.importorskip(name)


def run(text):
    """Run the blocks one after another; each prints what stands below it."""
    names = {"__name__": "tutorial"}
    for match in BLOCK.finditer(text):
        code, expected = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            # Empty lines first, so that a traceback names the line of the page.
            exec(compile("\n" * line + code, str(DOCS / "tutorial.md"), "exec"), names)
        assert printed.getvalue() == (expected or ""), f"line {line}"


@pytest.mark.parametrize("photograph", [True, False])
def test_the_tutorial_runs_and_prints_what_it_says(photograph, tmp_path, monkeypatch):
    if photograph:
        pytest.importorskip("skimage.data")
    else:
        monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.chdir(tmp_path)
    run(TEXT if photograph else TEXT.partition("## LeNet-5")[0])
    for figure in FIGURES if photograph else FIGURES[:1]:
        assert (tmp_path / figure).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_the_figures_that_the_tutorial_shows_are_there():
    assert len(FIGURES) == 8
    for figure in FIGURES:
        assert (DOCS / figure).is_file(), figure


def test_the_blocks_are_found():
    assert len(BLOCK.findall(TEXT)) == TEXT.count("```python") > 15
    assert sum(bool(printed) for _, printed in BLOCK.findall(TEXT)) == TEXT.count("```text")
