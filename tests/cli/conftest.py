"""Each test of a command runs in a folder of its own; libraries that it may need."""

import pytest


@pytest.fixture
def pillow():
    return pytest.importorskip("PIL.Image")


@pytest.fixture
def tifffile():
    return pytest.importorskip("tifffile")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def extras():
    for name in ("rich", "matplotlib", "skimage", "scipy"):
        pytest.importorskip(name)
