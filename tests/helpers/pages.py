"""Pages of docs/ that are run: pieces of Python, each with what it prints below it."""

import contextlib
import io
import re
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.M | re.S)


def read(name):
    """The text of a page."""
    return (DOCS / name).read_text(encoding="utf-8")


def figures(text):
    """The figures that a page shows."""
    return re.findall(r"!\[.*?\]\((.*?)\)", text)


def run(name, text):
    """Run the blocks one after another; each prints what stands below it."""
    names = {"__name__": name}
    for match in BLOCK.finditer(text):
        code, expected = match.groups()
        line = text.count("\n", 0, match.start()) + 1
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            # Empty lines first, so that a traceback names the line of the page.
            exec(compile("\n" * line + code, str(DOCS / name), "exec"), names)
        got = printed.getvalue()
        assert got == (expected or ""), f"{name}, line {line}, prints:\n{got}"


def every_block_is_found(text):
    """Tell that none is written so that `run` leaves it out."""
    blocks = BLOCK.findall(text)
    printed = sum(bool(below) for _, below in blocks)
    return len(blocks) == text.count("```python") and printed == text.count("```text")
