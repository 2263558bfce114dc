"""The ``fastconv`` command itself: exit codes, help, one line an error."""

import subprocess
import sys

import pytest
from helpers.commands import one_line, run

import fastconv
from fastconv import cli


def test_version(tmp_path):
    done = run(tmp_path, "-m", "fastconv", "--version")
    assert (done.returncode, done.stdout) == (0, f"fastconv {fastconv.__version__}\n")


def test_help_names_every_command(tmp_path):
    done = run(tmp_path, "-m", "fastconv", "--help")
    assert done.returncode == 0
    assert all(
        command in done.stdout for command in ("bench", "filter", "gradcheck", "info", "train")
    )


@pytest.mark.parametrize("command", ["bench", "filter", "gradcheck", "info", "train"])
def test_help_of_a_command(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main([command, "--help"])
    assert exit_.value.code == 0
    assert f"fastconv {command}" in capsys.readouterr().out


def test_no_command_prints_the_help(capsys):
    assert cli.main([]) == 2
    assert "COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["--nonsense"],
        ["bench", "--nonsense"],
        ["bench", "--threads"],
        ["bench", "--threads", "0"],
        ["bench", "--threads", "-1"],
        ["bench", "--threads", "two"],
        ["bench", "--threads", "1.5"],
        ["bench", "--threads", "99999999999999999999"],
        ["bench", "--peers", "--selection"],
        ["gradcheck", "conv2d"],
        ["info", "more"],
    ],
)
def test_bad_arguments_are_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(arguments)
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert "error:" in error


def test_info_shows_the_configuration(tmp_path):
    done = run(tmp_path, "-m", "fastconv", "info")
    assert done.returncode == 0
    assert fastconv.__version__ in done.stdout
    assert fastconv.show_config(mode="dicts")["isa"] in done.stdout


def test_a_closed_pipe_is_no_traceback(tmp_path):
    command = [sys.executable, "-m", "fastconv", "info"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""


FULL = """
import resource
from matplotlib.figure import Figure
from fastconv.cli.writing import save_figure
figure = Figure()
figure.subplots().plot([1, 2])
figure.savefig("warm.png")  # matplotlib's own files
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
for kind in ("png", "svg"):
    try:
        save_figure(figure, "figure." + kind, kind, 100)
    except OSError as error:
        print(error.strerror)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the size of files")
def test_a_figure_that_a_full_disk_cuts_off_is_an_error(tmp_path):
    """Of bench, train and filter alike: Pillow says nothing of it."""
    pytest.importorskip("matplotlib")
    words = [sys.executable, "-c", FULL]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "File too large\n" * 2, done.stderr
