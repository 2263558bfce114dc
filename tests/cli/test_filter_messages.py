"""``fastconv filter``: what is wrong is one line, and what was clipped a note."""

import os
import re
import struct
import subprocess
import sys

import numpy as np
import pytest
from helpers.filter_files import RNG, bytes_image, one_line, run, write_deep_png, write_wav

from fastconv import cli


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["in.npy", "out.npy"], "the following arguments are required: --kernel"),
        (["in.npy", "--kernel", "box:3"], "the following arguments are required: OUT"),
        (["in.npy", "out.npy", "--kernel", "box:3", "--stride", "0"], "'0' is not a whole number"),
        (["in.npy", "out.npy", "--kernel", "box:3", "--stride", "1.5"], "not a whole number"),
        (["in.npy", "out.npy", "--kernel", "box:3", "--mode", "zeros"], "invalid choice: 'zeros'"),
        (["in.npy", "out.npy", "--kernel", "box:3", "--nonsense"], "unrecognized arguments"),
        (["none.npy", "out.npy", "--kernel", "box:3"], "cannot read none.npy: No such file"),
        (["none.png", "out.npy", "--kernel", "box:3"], "cannot read none.png: No such file"),
        (["none.tif", "out.npy", "--kernel", "box:3"], "cannot read none.tif: No such file"),
        (["none.wav", "out.npy", "--kernel", "box:3"], "cannot read none.wav: No such file"),
        (["none.csv", "out.npy", "--kernel", "box:3"], "cannot read none.csv: No such file"),
        (["folder.npy", "out.npy", "--kernel", "box:3"], "cannot read folder.npy: Is a directory"),
        (["folder.png", "out.npy", "--kernel", "box:3"], "cannot read folder.png: Is a directory"),
        (["in.npy", "folder.npy", "--kernel", "box:3"], "cannot write folder.npy: it is a folder"),
        (["in.npy", "no/out.npy", "--kernel", "box:3"], "there is no folder no"),
        (["in.npy", "in.npy/out.npy", "--kernel", "box:3"], "there is no folder in.npy"),
        (["in.npy", "out.gif", "--kernel", "box:3"], "OUT out.gif: its ending says no kind"),
        (["in.npy", "out", "--kernel", "box:3"], "OUT out: its ending says no kind of file"),
        (["in.xyz", "out.npy", "--kernel", "box:3"], "IN in.xyz: its ending says no kind"),
        (["in.npy", "out.png", "--kernel", "box:3"], "a PNG file cannot hold float64"),
        (["in.npy", "out.wav", "--kernel", "box:3"], "a WAV file cannot hold a result of 2 axes"),
        (["line.npy", "out.wav", "--kernel", "box:3"], "needs a sampling rate"),
        (["line.npy", "out.png", "--kernel", "box:3"], "cannot hold a result of 1 axes"),
        (["line.npy", "out.npy", "--kernel", "sobel_x"], "sobel_x is not a kernel of 1 axis"),
        (["line.npy", "out.npy", "--kernel", "1 2; 3 4"], "what is filtered needs one row"),
        (["text.npy", "out.npy", "--kernel", "box:3"], "cannot read text.npy: "),
        (["text.wav", "out.npy", "--kernel", "box:3"], "cannot read text.wav: "),
        (["text.csv", "out.npy", "--kernel", "box:3"], "text.csv: line 3: 'x' is not a number"),
        (["ragged.csv", "out.npy", "--kernel", "box:3"], "line 2 has 1 cells, not 2"),
        (["bytes.csv", "out.npy", "--kernel", "box:3"], "it is not text in UTF-8"),
        (["void.csv", "out.npy", "--kernel", "box:3"], "it holds no numbers"),
        (["void.npy", "out.npy", "--kernel", "box:3"], "cannot read void.npy: "),
        (["void.wav", "out.npy", "--kernel", "box:3"], "cannot read void.wav: it ends too early"),
        (["none.npy", "out.npy", "--kernel", "k.npy"], "cannot read none.npy"),
        (["complex.npy", "out.npy", "--kernel", "box:3"], "it holds complex128"),
        (["empty.npy", "out.npy", "--kernel", "box:3"], "its shape is (0, 5)"),
        (["huge.npy", "out.npy", "--kernel", "box:3"], "cannot read huge.npy: "),
        (["volume.npy", "o.npy", "--kernel", "1 2 1", "--magnitude"], "needs 3 axes"),
        (["volume.npy", "o.npy", "--kernel", "box:3", "--magnitude"], "of images and signals"),
        (["in.wav", "out.npy", "--kernel", "box:3", "--tiles"], "--tiles reads .npy and"),
        (["in.npy", "out.csv", "--kernel", "box:3"], "cannot hold a result of 2 axes"),
        (["line.npy", "out.csv", "--kernel", "box:3", "--tiles"], "--tiles writes .npy and .tif"),
    ],
)
def test_errors_are_one_line(arguments, says, capsys, tmp_path):
    np.save("in.npy", np.zeros((20, 31)))
    np.save("line.npy", np.zeros(20))
    np.save("complex.npy", np.zeros((3, 3), complex))
    np.save("empty.npy", np.zeros((0, 5)))
    np.save("volume.npy", np.zeros((7, 8, 9)))
    np.save("k.npy", np.ones((3, 3)))
    for name in ("folder.npy", "folder.png"):
        (tmp_path / name).mkdir()
    for name in ("text.npy", "text.wav", "text.csv", "in.wav"):
        (tmp_path / name).write_text("1\n2\nx\n")
    for name in ("void.npy", "void.wav", "void.csv"):
        (tmp_path / name).touch()
    (tmp_path / "ragged.csv").write_text("1,2\n3\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe1\n")
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000, 1000), }"
    header = header.ljust(117) + "\n"
    magic = b"\x93NUMPY\x01\0" + struct.pack("<H", len(header))
    (tmp_path / "huge.npy").write_bytes(magic + header.encode() + bytes(100))
    assert says in one_line(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["text.png", "out.png", "--kernel", "box:3"], "cannot read text.png: cannot identify"),
        (["text.jpg", "out.png", "--kernel", "box:3"], "cannot read text.jpg: cannot identify"),
        (["text.tif", "out.png", "--kernel", "box:3"], "cannot read text.tif: "),
        (["half.png", "out.png", "--kernel", "box:3"], "cannot read half.png: "),
        (["half.jpg", "out.png", "--kernel", "box:3"], "cannot read half.jpg: "),
        (["half.tif", "out.png", "--kernel", "box:3"], "cannot read half.tif: "),
        (["half16.png", "out.png", "--kernel", "box:3"], "cannot read half16.png: "),
        (["moving.png", "out.png", "--kernel", "box:3"], "it holds 2 pictures, not one"),
        (["alpha.png", "out.jpg", "--kernel", "box:3"], "a JPEG file cannot hold transparency"),
        (["deep.png", "out.jpg", "--kernel", "box:3"], "a JPEG file cannot hold uint16"),
        (["wide.png", "out.jpg", "--kernel", "box:3"], "cannot hold 2 x 65501 pixels: 65500 a"),
        (["good.png", "out.wav", "--kernel", "box:3"], "cannot hold a result of 2 axes"),
        (["good.png", "o.png", "--kernel", "box:3", "--tiles"], "is decoded as a whole"),
        (["good.tif", "o.png", "--kernel", "box:3", "--tiles"], "is encoded as a whole"),
        (["packed.tif", "o.tif", "--kernel", "box:3", "--tiles"], "are compressed, or not stored"),
        (["good.png", "o.png", "--kernel", "box:3", "--compare", "a.gif"], "its ending must be"),
        (["good.png", "o.png", "--kernel", "box:3", "--compare", "o.png"], "file of its own"),
        (["good.png", "o.png", "--kernel", "box:3", "--compare", "good.png"], "file of its own"),
        (["good.png", "o.png", "--kernel", "box:3", "--compare", "n/a.png"], "no folder n"),
        (["volume.npy", "o.npy", "--kernel", "box:3", "--compare", "a.png"], "images and signals"),
    ],
)
def test_errors_of_images_are_one_line(arguments, says, capsys, tmp_path, pillow, tifffile):
    pytest.importorskip("matplotlib")
    noise = RNG.integers(0, 256, (60, 60, 3), np.uint8)
    for name in ("good.png", "good.jpg"):
        pillow.fromarray(noise).save(name)
    tifffile.imwrite("good.tif", noise, photometric="rgb")
    tifffile.imwrite("packed.tif", noise, photometric="rgb", compression="zlib")
    write_deep_png("deep16.png", bytes_image(60, 60, 3, dtype=np.uint16))
    for kind in ("png", "jpg", "tif"):
        data = (tmp_path / f"good.{kind}").read_bytes()
        (tmp_path / f"half.{kind}").write_bytes(data[: len(data) // 2])
        (tmp_path / f"text.{kind}").write_text("not an image")
    deep = (tmp_path / "deep16.png").read_bytes()
    (tmp_path / "half16.png").write_bytes(deep[: len(deep) // 2])
    frames = [pillow.fromarray(noise), pillow.fromarray(255 - noise)]
    frames[0].save("moving.png", save_all=True, append_images=frames[1:])
    pillow.fromarray(bytes_image(9, 9, 4)).save("alpha.png")
    pillow.fromarray(bytes_image(9, 9, dtype=np.uint16)).save("deep.png")
    pillow.new("L", (65501, 2)).save("wide.png")
    np.save("volume.npy", np.zeros((7, 8, 9)))
    assert says in one_line(capsys, *arguments)


def test_a_damaged_image_never_ends_in_a_traceback(capsys, pillow, tifffile, tmp_path):
    """Bytes changed here and there: a result or one line, never anything else."""
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (30, 30, 3), np.uint8)
    pillow.fromarray(noise).save("a.png")
    pillow.fromarray(noise).save("a.jpg")
    tifffile.imwrite("a.tif", noise, photometric="rgb")
    write_wav("a.wav", noise.reshape(-1, 2).astype(np.int64), 2)
    np.save("a.npy", noise)
    for kind in ("png", "jpg", "tif", "wav", "npy"):
        data = np.frombuffer((tmp_path / f"a.{kind}").read_bytes(), np.uint8)
        for _ in range(60):
            broken = data.copy()
            places = rng.integers(0, min(len(data), 400), rng.integers(1, 6))
            broken[places] = rng.integers(0, 256, len(places))
            (tmp_path / f"b.{kind}").write_bytes(broken.tobytes())
            code = cli.main(["filter", f"b.{kind}", "out.npy", "--kernel", "box:3"])
            printed = capsys.readouterr()
            assert code in (0, 2)
            assert "Traceback" not in printed.err
            if code:
                assert printed.err.count("\n") == 1, printed.err


def test_names_of_any_letters(capsys):
    """One line even where a name has two; and letters that the terminal has none of."""
    assert r"cannot read a\nb.npy: No such file" in one_line(
        capsys, "a\nb.npy", "b.npy", "--kernel", "1"
    )
    assert r"unrecognized arguments: c\nd" in one_line(capsys, "a", "b", "c\nd", "--kernel", "1")
    np.save("in.npy", np.zeros((20, 31)))
    arguments = ["filter", "in.npy", b"\xff\xe9.npy", "--kernel", "1"]
    done = subprocess.run([sys.executable, "-m", "fastconv", *arguments], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert os.path.exists(b"\xff\xe9.npy")


def test_overflows_say_nothing_of_themselves(capsys, pillow):
    image = bytes_image(20, 31)
    pillow.fromarray(image).save("in.png")
    for kernel in ("3e38 -3e38 3e38", "1e308 -1e308 1e308"):
        run("in.png", "out.png", "--kernel", kernel, "--magnitude")
        assert re.fullmatch(r"note: .* did not fit and were clipped.*\n", capsys.readouterr().err)
    np.save("in.npy", np.full((20, 31), 3e38, np.float32))
    run("in.npy", "out.npy", "--kernel", "5 1", "--magnitude")
    assert np.isinf(np.load("out.npy")).all()
    assert capsys.readouterr().err == ""


def test_clipping_is_said(capsys):
    write_wav("in.wav", RNG.integers(-32768, 32767, (500, 1)), 2)
    run("in.wav", "out.wav", "--kernel", "3")
    printed = capsys.readouterr()
    assert re.fullmatch(r"note: \d+% of the values did not fit.*\n", printed.err)
    assert printed.out == "written: out.wav\n"
    run("in.wav", "out.wav", "--kernel", "1")
    assert capsys.readouterr().err == ""
