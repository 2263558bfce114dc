"""``fastconv filter``: OUT is written as a whole or not at all, and only in place of a file."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers.filter_files import RNG, one_line, run, write_wav

from fastconv import cli


def test_out_is_never_put_in_place_of_what_is_no_file(capsys, tmp_path):
    np.save("in.npy", np.zeros((20, 31)))
    os.mkfifo("pipe.npy")
    os.symlink("/dev/null", "null.npy")
    for name, says in {
        "pipe.npy": "it is not a plain file",
        "null.npy": "it is not a plain file",
        "x" * 300 + ".npy": "File name too long",
        "x" * 300 + "/a.npy": "cannot write ",
    }.items():
        assert says in one_line(capsys, "in.npy", name, "--kernel", "1")
    pytest.importorskip("matplotlib")
    os.symlink("/dev/null", "sheet.png")
    arguments = ["in.npy", "out.npy", "--kernel", "1", "--compare", "sheet.png"]
    assert "it is not a plain file" in one_line(capsys, *arguments)


def test_a_protected_file_is_not_replaced(capsys, monkeypatch):
    np.save("in.npy", np.zeros((20, 31)))
    np.save("out.npy", np.zeros(3))
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != "out.npy")  # root may all
    assert "it is write-protected" in one_line(capsys, "in.npy", "out.npy", "--kernel", "1")


def test_out_may_be_a_link_but_not_to_itself(tmp_path):
    np.save("in.npy", np.zeros((20, 31)))
    os.symlink("there.npy", "link.npy")
    run("in.npy", "link.npy", "--kernel", "1")
    assert os.path.islink("link.npy")
    assert np.load("there.npy").shape == (20, 31)
    os.symlink("loop.npy", "loop.npy")
    words = ["filter", "in.npy", "loop.npy", "--kernel", "1"]
    assert cli.main(words) in (0, 2)


FULL = """
import resource, sys
from fastconv import cli
arguments = [words.split() for words in sys.argv[1:]]
cli.main(["filter", *arguments[0], "--compare", "warm.png"])  # matplotlib's own files
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
sys.exit(sum(cli.main(["filter", *words]) != 2 for words in arguments[1:]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the size of files")
def test_a_full_disk_is_one_line_and_leaves_nothing(pillow, tifffile):
    pytest.importorskip("matplotlib")
    noise = RNG.integers(0, 256, (60, 60), np.uint8)
    np.save("in.npy", noise)
    np.save("tiny.npy", noise[:4, :4])
    pillow.fromarray(noise).save("in.png")
    tifffile.imwrite("deep.tif", noise.astype(np.uint16) * 257)
    write_wav("in.wav", noise.reshape(-1, 2), 2)
    there = sorted([*os.listdir(), "warm.npy", "warm.png"])
    pairs = ["in.npy out.npy", "in.npy out.tif", "in.wav out.csv", "in.wav out.wav"]
    pairs += ["in.png out.png", "in.png out.jpg", "in.png out.tif", "deep.tif out.png"]
    pairs += [
        "in.npy out.npy --tiles",
        "deep.tif out.tif --tiles",
        *(f"tiny.npy out.npy --compare sheet.{kind}" for kind in ("png", "jpg", "pdf", "svg")),
    ]
    commands = [f"{pair} --kernel 1" for pair in ("in.npy warm.npy", *pairs)]
    done = subprocess.run([sys.executable, "-c", FULL, *commands], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == len(pairs), done.stderr
    for pair, line in zip(pairs, lines, strict=True):
        target = pair.split()[1]
        assert line == f"fastconv filter: error: cannot write {target}: File too large"
    assert sorted(os.listdir()) == there


@pytest.mark.parametrize("closed", [[1], [2], [1, 2]])
@pytest.mark.parametrize("name", ["in.npy", "in.tif", "none.tif"])
def test_standard_output_and_error_may_be_closed(name, closed, tifffile):
    image = RNG.standard_normal((20, 31)).astype(np.float32)
    np.save("in.npy", image)
    tifffile.imwrite("in.tif", image)
    words = [sys.executable, "-m", "fastconv", "filter", name, "out.npy", "--kernel", "1"]
    closing = f"import os, sys; [os.close(n) for n in {closed}]; os.execv({words[0]!r}, {words!r})"
    done = subprocess.run([sys.executable, "-c", closing], capture_output=True, text=True)
    assert done.returncode == (2 if name == "none.tif" else 0)
    assert "Traceback" not in done.stdout + done.stderr
    if name != "none.tif":
        np.testing.assert_array_equal(np.load("out.npy"), image)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no full device")
def test_a_full_standard_output_is_one_line():
    np.save("in.npy", np.zeros((20, 31)))
    words = [sys.executable, "-m", "fastconv", "filter", "in.npy", "out.npy", "--kernel", "1"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "fastconv filter: error: No space left on device\n"


# A shell may start its background jobs with SIGINT ignored, and nohup with SIGHUP.
NOT_IGNORED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from fastconv.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGKILL", -9)]
)
@pytest.mark.parametrize("more", [[], ["--tiles"]])
def test_a_process_that_is_ended_leaves_the_old_file(name, code, more):
    """And no other, unless it was killed."""
    np.save("in.npy", RNG.standard_normal((2000, 2000)))
    np.save("kernel.npy", RNG.standard_normal((101, 101)))
    with open("out.npy", "w") as file:
        file.write("before")
    there = sorted(os.listdir())
    words = ["filter", "in.npy", "out.npy", "--kernel", "kernel.npy", *more]
    one_thread = {**os.environ, "FASTCONV_NUM_THREADS": "1"}  # on which it takes half a second
    process = subprocess.Popen(
        [sys.executable, "-c", NOT_IGNORED, *words],
        env=one_thread,
        stderr=subprocess.PIPE,
        text=True,
    )
    while len(os.listdir()) == len(there):
        time.sleep(0.01)
        assert process.poll() is None
    time.sleep(0.05)
    process.send_signal(getattr(signal, name))
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert said == ("fastconv filter: interrupted\n" if name == "SIGINT" else "")
    assert name == "SIGKILL" or sorted(os.listdir()) == there
    with open("out.npy") as file:
        assert file.read() == "before"


def test_nothing_is_left_of_an_interrupted_run(capsys, monkeypatch, tmp_path):
    from fastconv.cli.filtering import strips

    def interrupted(*arguments):
        raise KeyboardInterrupt

    np.save("in.npy", np.zeros((20, 31)))
    (tmp_path / "out.npy").write_text("before")
    monkeypatch.setattr(strips, "fill", interrupted)
    for more in ([], ["--tiles"]):
        assert cli.main(["filter", "in.npy", "out.npy", "--kernel", "box:3", *more]) == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.npy", "out.npy"]
    assert (tmp_path / "out.npy").read_text() == "before"
