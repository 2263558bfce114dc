"""``fastconv bench``: its table and files, what is wrong, Ctrl-C."""

import csv
import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from helpers.commands import TINY, one_line, run, without

import fastconv
from fastconv import cli

# A shell may start its background jobs with SIGINT ignored.
INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from fastconv.cli import main
sys.exit(main({arguments!r}))
"""


@pytest.mark.usefixtures("extras")
def test_bench_writes_table_and_files(tmp_path):
    done = run(tmp_path, "-m", "fastconv", *TINY, "--threads", "1")
    assert done.returncode == 0, done.stderr
    assert "conv2 5x5" in done.stdout
    folder = tmp_path / "bench-results"
    assert (folder / "bench.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    assert "<svg" in (folder / "bench.svg").read_text()
    report = json.loads((folder / "bench.json").read_text())
    assert report["command"].startswith("fastconv bench --quick --only")
    assert report["threads"] == 1
    assert not report["interrupted"]
    assert report["ceilings"]["flops_per_second"] > 0
    (row,) = report["rows"]
    assert (row["group"], row["case"], row["operation"]) == ("lenet", "conv2 5x5", "forward")
    assert row["agrees"]
    assert 0 <= row["largest_error"] <= row["allowed_error"]
    assert min(row["seconds"], row["numpy_seconds"], row["scipy_seconds"]) > 0
    with (folder / "bench.csv").open(newline="") as file:
        (record,) = csv.DictReader(file)
    assert list(record) == list(row)
    assert float(record["seconds"]) == row["seconds"]


@pytest.mark.usefixtures("extras")
def test_only_may_be_repeated_and_split(tmp_path, capsys):
    only = ["--only", "lenet pool1,lenet pool2", "--only", "LeNet conv1 5x5 weight"]
    assert cli.main(["bench", "--quick", *only, "--output", str(tmp_path / "a" / "b")]) == 0
    report = json.loads((tmp_path / "a" / "b" / "bench.json").read_text())
    found = {(row["case"], row["operation"]) for row in report["rows"]}
    assert found == {
        ("pool1 avg 2x2/2", "forward"),
        ("pool1 avg 2x2/2", "input gradient"),
        ("pool2 avg 2x2/2", "forward"),
        ("pool2 avg 2x2/2", "input gradient"),
        ("conv1 5x5", "weight gradient"),
    }


@pytest.mark.usefixtures("extras")
def test_bench_without_a_matching_case(tmp_path, capsys):
    output = ["--output", str(tmp_path / "none")]
    assert cli.main(["bench", "--only", "no such layer", *output]) == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert "no such layer" in error
    assert "resnet50" in error
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("extras")
@pytest.mark.parametrize("below", ["", "deeper"])
def test_bench_where_no_folder_can_be(below, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert cli.main([*TINY, "--output", str(tmp_path / "file" / below)]) == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert "cannot write" in error


@pytest.mark.usefixtures("extras")
@pytest.mark.parametrize("wrong", [1e-3, np.nan])
def test_a_wrong_result_is_shown(wrong, tmp_path, capsys, monkeypatch):
    right = fastconv.conv2d

    def conv2d(*arguments, **keywords):
        y = right(*arguments, **keywords)
        y[..., -1] += np.float32(wrong)
        return y

    monkeypatch.setattr(fastconv, "conv2d", conv2d)
    assert cli.main([*TINY, "--output", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert "WRONG" in printed
    assert "fastconv is off by" in printed
    (row,) = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert not row["agrees"]


@pytest.mark.parametrize("missing", ["rich", "matplotlib", "skimage", "scipy"])
def test_bench_names_missing_packages(missing, tmp_path):
    done = run(tmp_path, "-c", without([missing], TINY))
    assert done.returncode == 2
    assert one_line(done.stderr)
    assert missing in done.stderr
    assert 'pip install "fastconv[bench]"' in done.stderr


@pytest.mark.usefixtures("extras")
def test_ctrl_c_keeps_what_is_done(tmp_path):
    code = INTERRUPTIBLE.format(arguments=["bench", "--quick", "--output", "out"])
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stderr:
            if line.startswith("[2/"):
                process.send_signal(signal.SIGINT)
                break
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "interrupted" in errors
    report = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert report["interrupted"]
    assert 2 <= len(report["rows"]) < 20
    assert report["rows"][0]["case"] in printed
    assert (tmp_path / "out" / "bench.csv").is_file()
    assert (tmp_path / "out" / "bench.png").is_file()


@pytest.mark.usefixtures("extras")
def test_ctrl_c_before_the_first_case(tmp_path, capsys, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastconv.cli.runner.run_case", interrupt)
    assert cli.main([*TINY, "--output", str(tmp_path)]) == 130
    assert "interrupted" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("network", ["lenet", "alexnet", "vgg16", "resnet50", "mobilenetv2"])
def test_the_layers_of_a_network_fit_together(network):
    from fastconv.cli import networks

    layers = networks.NETWORKS[network]
    assert len({layer.name for layer in layers}) == len(layers)
    made = {(layer.out_channels, layer.out_size) for layer in layers}
    for layer in layers[1:]:
        assert (layer.channels, layer.size) in made
    assert networks.QUICK[network] <= {layer.name for layer in layers}
