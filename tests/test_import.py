"""`import fastconv` where only the source is: the error says what to do."""

import shutil
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from helpers.children import python

import fastconv


def test_without_its_compiled_core_the_error_names_the_folder_and_what_to_do(tmp_path):
    compiled = shutil.ignore_patterns(*(f"*{end}" for end in EXTENSION_SUFFIXES), "__pycache__")
    source = shutil.copytree(Path(fastconv.__file__).parent, tmp_path / "fastconv", ignore=compiled)
    done = python("-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import fastconv")
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"ImportError: {source} has no compiled core.")
    assert "pip install ." in said
