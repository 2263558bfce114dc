"""``fastconv filter``: ``--compare``: a sheet of before and after."""

import numpy as np
import pytest
from helpers.filter_files import RNG, bytes_image, one_line, run, write_wav


@pytest.mark.parametrize("name", ["sheet.png", "sheet.JPG", "sheet.svg", "sheet.pdf"])
@pytest.mark.parametrize("kind", ["grey", "colours", "floats", "sound"])
def test_compare(name, kind, pillow):
    pytest.importorskip("matplotlib")
    source = "in $x$ 雪.npy" if kind == "floats" else "in.png"
    if kind == "sound":
        source = "in.wav"
        write_wav(source, RNG.integers(-99, 99, (20_000, 2)), 2)
    elif kind == "floats":
        np.save(source, RNG.standard_normal((3000, 40)))
    else:
        pillow.fromarray(bytes_image(20, 31, *([3] if kind == "colours" else []))).save(source)
    run(source, "out.npy", "--kernel", "gaussian:1", "--compare", name)
    starts = {"png": b"\x89PNG", "jpg": b"\xff\xd8", "svg": b"<?xml", "pdf": b"%PDF"}
    with open(name, "rb") as file:
        assert file.read(5).startswith(starts[name[-3:].lower()])


def test_compare_shows_before_and_after(pillow):
    pytest.importorskip("matplotlib")
    image = np.zeros((50, 50), np.uint8)
    image[:, 25:] = 255
    pillow.fromarray(image).save("in.png")
    run("in.png", "out.png", "--kernel", "0", "--compare", "sheet.png")
    sheet = np.asarray(pillow.open("sheet.png").convert("L"))
    height, width = sheet.shape
    half = sheet[height // 2]
    assert half[: width // 3].min() == 0
    assert half[: width // 3].max() == 255
    assert (half[-width // 4 : -20] == 0).all()


def test_a_sheet_that_fails_leaves_no_result(capsys, monkeypatch, tmp_path):
    pytest.importorskip("matplotlib")
    from fastconv.cli.filtering import sheet

    def full(*arguments):
        raise OSError(28, "No space left on device")

    np.save("in.npy", np.zeros((20, 31)))
    monkeypatch.setattr(sheet, "write", full)
    arguments = ["in.npy", "out.npy", "--kernel", "box:3", "--compare", "sheet.png"]
    assert "No space left on device" in one_line(capsys, *arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npy"]
