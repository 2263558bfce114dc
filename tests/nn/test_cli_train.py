"""``fastconv train``: what it reaches, that it repeats itself, and what it says of errors."""

import gzip
import itertools
import json
import os
import pty
import resource
import signal
import struct
import subprocess
import sys

import numpy as np
import pytest
from helpers.commands import without

from fastconv import cli, nn

for name in ("matplotlib", "safetensors", "sklearn"):
    pytest.importorskip(name)

FILES = {"weights.safetensors", "training.json", "curves.png", "confusion.png", "filters.png"}
FILES |= {"checkpoint.npz"}
SHORT = ["train", "--net", "CRPF", "--epochs", "3"]
rng = np.random.default_rng(0)


def command(*arguments):
    return [sys.executable, "-m", "fastconv", *map(str, arguments)]


def run(*arguments, **environment):
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=600,
        env={**os.environ, **environment},
    )


def weights(folder):
    return (folder / "weights.safetensors").read_bytes()


def interrupt(*arguments):
    raise KeyboardInterrupt


def one_line(text):
    return text.endswith("\n") and text.count("\n") == 1


# ---- What it reaches


def test_the_default_run_reaches_98_percent_in_under_a_minute(tmp_path):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run("train", "--out", tmp_path / "out")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # The processor's time, which is above the clock's unless others have the machine.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 60
    assert (done.returncode, done.stderr) == (0, "")
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert record["test_accuracy"] > 0.98
    assert f"test accuracy {record['test_accuracy']:.2%}" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES
    for name in ("curves", "confusion", "filters"):
        assert (tmp_path / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    model = nn.models.lenet5()
    model.load_state_dict(nn.load(tmp_path / "out" / "weights.safetensors"))
    test = nn.data.digits().test
    counts = nn.inspect.confusion_matrix(model, nn.data.framed(test.images, 28), test.labels)
    assert counts.tolist() == record["confusion"]
    assert counts.trace() / counts.sum() == record["test_accuracy"]


def test_a_line_of_the_table_for_each_epoch(tmp_path, capsys):
    assert cli.main([*SHORT, "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[0].split()[:3] == ["epoch", "training", "loss"]
    assert [line.split()[0] for line in lines[1:4]] == ["1", "2", "3"]
    assert all(line.count("%") == 2 for line in lines[1:4])
    assert printed.err == ""
    record = json.loads((tmp_path / "training.json").read_text())
    assert [epoch["epoch"] for epoch in record["epochs"]] == [1, 2, 3]
    assert record["settings"]["net"] == "CRPF"
    assert record["input_shape"] == [1, 8, 8]


@pytest.mark.parametrize("optimiser", ["sgd", "adam", "adamw"])
def test_every_optimiser_learns(optimiser, tmp_path):
    arguments = ["train", "--net", "CRPF", "--epochs", "10", "--optimiser", optimiser]
    assert cli.main([*arguments, "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "training.json").read_text())["test_accuracy"] > 0.9


def test_a_network_without_convolution_has_no_filters(tmp_path):
    assert cli.main(["train", "--net", "F", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"filters.png"}


# ---- Other data


def write_mnist(folder):
    for split, count in (("train", 60), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = rng.integers(0, 10, count, dtype=np.uint8)
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            content = gzip.compress(header + array.tobytes())
            (folder / f"{split}-{name}-ubyte.gz").write_bytes(content)


def write_cifar10(folder):
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        records = rng.integers(0, 256, (12, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        (folder / f"{name}.bin").write_bytes(records.tobytes())


@pytest.mark.parametrize("net", ["lenet5", "(CBR)2PDF"])
@pytest.mark.parametrize(("name", "write"), [("mnist", write_mnist), ("cifar10", write_cifar10)])
def test_files_given_by_path(name, write, net, tmp_path):
    (tmp_path / "data").mkdir()
    write(tmp_path / "data")
    data = ["--data", name, str(tmp_path / "data")]
    out = tmp_path / "out"
    assert cli.main(["train", *data, "--net", net, "--epochs", "1", "--out", str(out)]) == 0
    record = json.loads((out / "training.json").read_text())
    size = {"lenet5": 28}.get(net, {"mnist": 28, "cifar10": 32}[name])
    assert record["input_shape"] == [1 if name == "mnist" else 3, size, size]
    assert record["classes"][0] == ("0" if name == "mnist" else "airplane")
    assert np.sum(record["confusion"]) == (20 if name == "mnist" else 12)


# ---- The same bytes


def test_one_seed_gives_the_same_weights_whatever_the_number_of_threads(tmp_path):
    made = {}
    for number, threads in enumerate(("1", "2", "5")):
        out = tmp_path / str(number)
        arguments = ["train", "--epochs", "3", "--seed", "7", "--out", out]
        done = run(*arguments, FASTCONV_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
        assert done.returncode == 0, done.stderr
        made[number] = weights(out)
    assert len(set(made.values())) == 1
    assert cli.main(["train", "--epochs", "3", "--seed", "8", "--out", str(tmp_path / "x")]) == 0
    assert weights(tmp_path / "x") != made[0]


@pytest.mark.parametrize("net", ["lenet5", "(CBR)2PDF"])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on_to_the_weights_of_an_uninterrupted_one(net, how, tmp_path):
    arguments = ["train", "--net", net, "--epochs", "5", "--out"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert run(*arguments, whole).returncode == 0
    with subprocess.Popen(
        [
            sys.executable,
            "-c",
            # A shell may start its background jobs with SIGINT ignored.
            "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "from fastconv.cli import main; sys.exit(main(sys.argv[1:]))",
            *arguments,
            str(killed),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if line.split()[0] == "2":
                process.send_signal(how)
                break
        _, errors = process.communicate(timeout=600)
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL), errors
    if how == signal.SIGINT:
        assert errors == (
            "fastconv train: interrupted: epochs that are done are kept, --resume goes on\n"
        )
    assert "Traceback" not in errors
    assert not (killed / "weights.safetensors").exists()
    again = run(*arguments, killed, "--resume")
    assert again.returncode == 0, again.stderr
    assert "\n       1  " not in again.stdout  # those epochs are not done again
    assert weights(killed) == weights(whole)
    records = [json.loads((folder / "training.json").read_text()) for folder in (whole, killed)]
    for record in records:
        for epoch in record["epochs"]:
            del epoch["seconds"]
    assert records[0] == records[1]
    # And a finished run has nothing more to do.
    assert run(*arguments, killed, "--resume").returncode == 0
    assert weights(killed) == weights(whole)


DEADLY = """
import os, signal, sys
from fastconv import nn
from fastconv.cli import main
owner, name, when = {{"os": os, "nn": nn, "Adam": nn.Adam}}[{owner!r}], {name!r}, {when}
original, calls = getattr(owner, name), []
def call(*arguments, **named):
    calls.append(name)
    if len(calls) == when:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments, **named)
setattr(owner, name, call)
main({arguments!r})
"""


@pytest.mark.parametrize(
    ("owner", "name", "when"),
    [
        ("os", "replace", 1),  # the settings are written, but not in their place
        ("Adam", "step", 20),  # in the first epoch
        ("os", "replace", 2),  # the first checkpoint
        ("Adam", "step", 100),  # in the third epoch
        ("os", "replace", 4),  # the last checkpoint
        ("os", "replace", 6),  # among the figures
        ("nn", "save", 1),  # before the weights
    ],
)
def test_a_kill_at_any_moment_leaves_whole_files_from_which_a_run_goes_on(
    owner, name, when, tmp_path
):
    killed = tmp_path / "killed"
    arguments = [*SHORT, "--out", str(killed)]
    code = DEADLY.format(owner=owner, name=name, when=when, arguments=arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=600)
    assert done.returncode == -signal.SIGKILL, done.stderr
    for path in killed.glob("[!.]*"):
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".npz":
            nn.load_checkpoint(path)
        else:
            assert path.suffix == ".png"
    assert cli.main([*arguments, "--resume"]) == 0
    assert cli.main([*SHORT, "--out", str(tmp_path / "whole")]) == 0
    assert weights(killed) == weights(tmp_path / "whole")
    assert {path.name for path in killed.iterdir()} == FILES


def test_resume_without_a_checkpoint_begins(tmp_path):
    assert cli.main([*SHORT, "--out", str(tmp_path / "a")]) == 0
    assert cli.main([*SHORT, "--out", str(tmp_path / "b"), "--resume"]) == 0
    assert weights(tmp_path / "a") == weights(tmp_path / "b")


def test_without_resume_a_run_begins_again(tmp_path):
    assert cli.main([*SHORT, "--out", str(tmp_path)]) == 0
    before = weights(tmp_path)
    (tmp_path / ".checkpoint.npz.123").touch()  # what a kill while writing leaves
    assert cli.main([*SHORT, "--seed", "1", "--out", str(tmp_path)]) == 0
    assert weights(tmp_path) != before
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_all_files_of_a_folder_are_of_one_run(tmp_path, monkeypatch):
    assert cli.main([*SHORT, "--out", str(tmp_path)]) == 0
    assert cli.main(["train", "--net", "F", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == FILES - {"filters.png"}
    monkeypatch.setattr(nn.Linear, "backward", interrupt)
    assert cli.main([*SHORT, "--out", str(tmp_path)]) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (["--seed", "1"], "seed was 0, not 1"),
        (["--epochs", "4"], "epochs was 3, not 4"),
        (["--net", "CRF"], "net was CRPF, not CRF"),
        (["--lr", "0.1", "--batch-size", "7"], "batch_size was 32, not 7, lr was 0.003, not 0.1"),
    ],
)
def test_resume_refuses_another_run(other, message, tmp_path, capsys):
    assert cli.main([*SHORT, "--out", str(tmp_path)]) == 0
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    capsys.readouterr()
    assert cli.main([*SHORT, "--out", str(tmp_path), "--resume", *other]) == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert message in error
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("damaged", ["checkpoint.npz", "training.json"])
def test_resume_names_a_damaged_file(damaged, tmp_path, capsys):
    assert cli.main([*SHORT, "--out", str(tmp_path)]) == 0
    (tmp_path / damaged).write_bytes((tmp_path / damaged).read_bytes()[:100])
    capsys.readouterr()
    assert cli.main([*SHORT, "--out", str(tmp_path), "--resume"]) == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert damaged in error


# ---- Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "imagenet"], "--data imagenet: digits, mnist PATH or cifar10 PATH"),
        (["--data", "mnist"], "--data mnist: digits, mnist PATH or"),
        (["--data", "digits", "x"], "--data digits x: digits, mnist PATH or"),
        (["--data", "mnist", "/nowhere"], "/nowhere holds no train-images-idx3-ubyte"),
        (["--data", "cifar10", "/nowhere"], "/nowhere holds no data_batch_1.bin"),
        (["--net", "(CX)2F"], "'X' at position 2"),
        (["--net", "PPPPF"], "at position 3: the image is 1x1 there"),
        (["--net", "CR"], "at least one F is needed"),
        (["--lr", "1e38", "--optimiser", "sgd"], "the loss is"),
    ],
)
def test_an_error_is_one_line_and_leaves_nothing(arguments, message, tmp_path):
    done = run("train", "--epochs", "2", *arguments, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert one_line(done.stderr), done.stderr
    assert "fastconv train: error:" in done.stderr
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--epochs", "0"],
        ["--epochs", "1.5"],
        ["--seed", "-1"],
        ["--batch-size", "0"],
        ["--lr", "0"],
        ["--lr", "nan"],
        ["--lr", "fast"],
        ["--optimiser", "newton"],
        ["--data"],
        ["more"],
    ],
)
def test_bad_arguments_are_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["train", *arguments])
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert "error:" in error


def test_truncated_data_is_one_line_and_leaves_nothing(tmp_path, capsys):
    (tmp_path / "data").mkdir()
    write_mnist(tmp_path / "data")
    file = tmp_path / "data" / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-100])
    arguments = ["train", "--data", "mnist", str(tmp_path / "data"), "--out"]
    assert cli.main([*arguments, str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert f"{file}: a damaged or truncated gzip file" in error
    assert not (tmp_path / "out").exists()


HUGE = bytes([0, 0, 8, 3]) + b"\xff" * 12
HOSTILE = {
    "empty": (b"", "truncated: 0 of the 4 bytes of the magic number"),
    "another format": (b"\x89PNG\r\n\x1a\n" + bytes(100), "magic number 89504e47; 00000803"),
    "labels": (bytes([0, 0, 8, 1, 0, 0, 0, 1, 7]), "magic number 00000801; 00000803"),
    "floats": (bytes([0, 0, 13, 3]) + bytes(12), "magic number 00000d03; 00000803"),
    "cut in its sizes": (bytes([0, 0, 8, 3, 0]), "truncated: 1 of the 12 bytes of the sizes"),
    "no images": (bytes([0, 0, 8, 3]) + bytes(12), "sizes (0, 0, 0); positive ones are allowed"),
    "terabytes": (HUGE + bytes(100), "truncated: 100 of the 79228162458924105385300197375 bytes"),
    "terabytes, compressed": (gzip.compress(HUGE + bytes(100)), "truncated: 100 of the 792281624"),
    "more than it says": (
        bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5, 6]),
        "longer than an array of sizes (1, 1, 1)",
    ),
    "other numbers": (
        bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 5]),
        "holds 1 images, ",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_data_is_one_line_and_leaves_nothing(what, tmp_path, capsys):
    content, message = HOSTILE[what]
    (tmp_path / "data").mkdir()
    write_mnist(tmp_path / "data")
    (tmp_path / "data" / "train-images-idx3-ubyte").write_bytes(content)  # it goes before .gz
    arguments = ["train", "--data", "mnist", str(tmp_path / "data"), "--out"]
    assert cli.main([*arguments, str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert f"{tmp_path / 'data' / 'train-images-idx3-ubyte'}" in error
    assert message in error
    assert not (tmp_path / "out").exists()


def test_a_path_of_another_kind_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder" / "data_batch_1.bin").mkdir(parents=True)
    (tmp_path / "folder" / "train-images-idx3-ubyte").mkdir()
    for name, path in itertools.product(("mnist", "cifar10"), ("file", "folder", "x" * 300)):
        arguments = ["train", "--data", name, str(tmp_path / path), "--out", str(tmp_path / "out")]
        assert cli.main(arguments) == 2
        error = capsys.readouterr().err
        assert one_line(error)
        assert str(tmp_path / path) in error
    assert not (tmp_path / "out").exists()


def test_a_damaged_cifar10_is_one_line(tmp_path, capsys):
    write_cifar10(tmp_path)
    for content, message in (
        (b"", "0 bytes"),
        (bytes(3072), "3072 bytes, truncated or of another format; a multiple of 3073"),
        (bytes([10]) + bytes(3072), "label 10; 0 to 9 are allowed"),
    ):
        (tmp_path / "data_batch_3.bin").write_bytes(content)
        arguments = ["train", "--data", "cifar10", str(tmp_path), "--out", str(tmp_path / "out")]
        assert cli.main(arguments) == 2
        error = capsys.readouterr().err
        assert one_line(error)
        assert message in error
    assert not (tmp_path / "out").exists()


def test_a_folder_that_takes_no_files_is_one_line(capsys):
    """Not even for root: /proc."""
    if not os.path.isdir("/proc/self"):
        pytest.skip("needs /proc")
    assert cli.main([*SHORT, "--out", "/proc/self/results"]) == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert "cannot write to /proc/self/results" in error


@pytest.mark.parametrize("below", ["", "deeper"])
def test_where_no_folder_can_be(below, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert cli.main([*SHORT, "--out", str(tmp_path / "file" / below)]) == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert "cannot write to" in error
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("missing", ["matplotlib", "safetensors", "sklearn"])
def test_missing_packages_are_named(missing, tmp_path):
    code = without([missing], [*SHORT, "--out", "out"])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 2
    assert one_line(done.stderr)
    assert missing in done.stderr
    assert 'pip install "fastconv[nn]"' in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (KeyboardInterrupt, 130, "fastconv train: interrupted\n"),
        (MemoryError, 2, "fastconv train: error: not enough memory\n"),
    ],
)
def test_nothing_is_left_of_a_run_that_ends_in_its_first_epoch(
    raised, code, message, tmp_path, monkeypatch, capsys
):
    def fail(*arguments):
        raise raised

    monkeypatch.setattr(nn.Linear, "backward", fail)
    assert cli.main([*SHORT, "--out", str(tmp_path / "made" / "out")]) == code
    assert capsys.readouterr().err == message
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_leaves_is_no_error_of_the_folder(tmp_path):
    arguments = command(*SHORT, "--epochs", "40", "--out", tmp_path / "out")
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(timeout=600) == 1
    assert errors == ""


# ---- The bar


@pytest.mark.parametrize("rich", [True, False])
def test_a_terminal_has_a_bar_and_a_file_the_table(rich, tmp_path):
    if rich:
        pytest.importorskip("rich")
    code = without([] if rich else ["rich"], [*SHORT, "--out", "out"])
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(theirs)
        table = process.stdout.read().decode()
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0, shown
    assert [line.split()[0] for line in table.splitlines()[:4]] == ["epoch", "1", "2", "3"]
    assert b"epoch 3/3" in shown
    assert b"test accuracy" not in shown
    assert (b"#" in shown) != rich
