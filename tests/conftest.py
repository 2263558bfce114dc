"""Guards the whole run: the tests are of the installed package, not of the folder they lie in."""

import importlib.util
import os
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "fastconv"


def pytest_configure(config):
    """Refuse to start without a compiled core: every test would fail with the same import error."""
    spec = importlib.util.find_spec("fastconv")
    if spec is None or spec.origin is None:
        raise pytest.UsageError("fastconv is not installed: run `pip install .` first")
    package = Path(spec.origin).resolve().parent
    # An editable install has its compiled core in the source folder.
    if package == SOURCE and not any(
        (SOURCE / f"_core{end}").exists() for end in EXTENSION_SUFFIXES
    ):
        raise pytest.UsageError(
            f"`import fastconv` finds the source folder {SOURCE}, which has no compiled core. "
            "Run `pip install .` and plain `pytest` (`python -m pytest` puts the current folder "
            "first in sys.path), or `pip install -e .`"
        )


@pytest.fixture(scope="session", autouse=True)
def _elsewhere(tmp_path_factory):
    """Run the tests in an empty folder: `python -c` imports from the current one first."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    yield
    os.chdir(before)
