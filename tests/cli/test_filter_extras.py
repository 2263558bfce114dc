"""``fastconv filter``: what needs which extra, and says so where it is missing."""

import subprocess
import sys

import numpy as np
import pytest
from helpers.commands import without
from helpers.filter_files import write_wav


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["in.png", "out.npy", "--kernel", "box:3"], "PIL"),
        (["in.npy", "out.png", "--kernel", "box:3"], "PIL"),
        (["in.tif", "out.npy", "--kernel", "box:3"], "tifffile"),
        (["in.npy", "out.npy", "--kernel", "box:3", "--compare", "a.png"], "matplotlib"),
    ],
)
def test_a_missing_extra_is_named(arguments, missing, tmp_path):
    for name in ("in.png", "in.tif"):
        (tmp_path / name).write_bytes(b"anything")
    np.save("in.npy", np.zeros((20, 31), np.uint8))
    code = without([missing], ["filter", *arguments])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    name = {"PIL": "Pillow"}.get(missing, missing)
    text = f'fastconv filter: error: {name} not installed: run pip install "fastconv[filter]"\n'
    assert done.stderr == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npy", "in.png", "in.tif"]


def test_arrays_and_signals_need_no_extras(tmp_path):
    np.save("in.npy", np.zeros((20, 31)))
    write_wav("in.wav", np.zeros((50, 1), np.int64), 2)
    extras = ["PIL", "tifffile", "matplotlib", "scipy", "imageio", "skimage", "rich"]
    for name in ("in.npy", "in.wav"):
        arguments = ["filter", name, f"out{name[2:]}", "--kernel", "gaussian:2"]
        code = without(extras, arguments)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
