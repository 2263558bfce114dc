"""The ``fastconv`` command: exit codes, what it prints, the files it writes."""

import csv
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import types

import numpy as np
import pytest
from helpers.commands import without

import fastconv
from fastconv import cli

PEER_MODULES = ("torch", "onnxruntime", "openvino", "ncnn", "onnx", "cv2")
TINY = ["bench", "--quick", "--only", "lenet conv2 5x5 forward"]
# A shell may start its background jobs with SIGINT ignored.
INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from fastconv.cli import main
sys.exit(main({arguments!r}))
"""


def run(folder, *command, path=()):
    """Run Python in a folder that does not hold the source; modules in `path` come first."""
    folders = [*map(str, path), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, folders))}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        env=environment,
    )


@pytest.fixture
def _extras():
    for name in ("rich", "matplotlib", "skimage", "scipy"):
        pytest.importorskip(name)


def one_line(text):
    return text.endswith("\n") and text.count("\n") == 1


# ---- The command itself


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


# ---- bench


@pytest.mark.usefixtures("_extras")
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


@pytest.mark.usefixtures("_extras")
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


@pytest.mark.usefixtures("_extras")
def test_bench_without_a_matching_case(tmp_path, capsys):
    output = ["--output", str(tmp_path / "none")]
    assert cli.main(["bench", "--only", "no such layer", *output]) == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert "no such layer" in error
    assert "resnet50" in error
    assert not (tmp_path / "none").exists()


@pytest.mark.usefixtures("_extras")
@pytest.mark.parametrize("below", ["", "deeper"])
def test_bench_where_no_folder_can_be(below, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert cli.main([*TINY, "--output", str(tmp_path / "file" / below)]) == 2
    error = capsys.readouterr().err
    assert one_line(error)
    assert "cannot write" in error


@pytest.mark.usefixtures("_extras")
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


@pytest.mark.usefixtures("_extras")
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


@pytest.mark.usefixtures("_extras")
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


# ---- What bench accepts


def convolution(stride=1, padding=1, kernel=3):
    from fastconv.cli.problems import Conv

    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 4, 8, 8), dtype=np.float32)
    w = rng.standard_normal((6, 4, kernel, kernel), dtype=np.float32)
    size = (8 + 2 * padding - kernel) // stride + 1
    gy = rng.standard_normal((1, 6, size, size), dtype=np.float32)
    return Conv(x, w, gy, stride, padding)


class PlanStub:
    """A plan that runs one algorithm, of a problem that only `accepted` ones serve."""

    def __init__(self, algorithm, accepted):
        self.algorithm, self.accepted, self.problem = algorithm, accepted, self

    def accepts(self, index):
        served = fastconv._core.ALGORITHMS[index] in self.accepted
        return None if served else "not for this problem"


@pytest.mark.parametrize(("algorithm", "looser"), [("direct", False), ("winograd", True)])
def test_the_bound_of_a_convolution_follows_the_algorithm(algorithm, looser, monkeypatch):
    from fastconv.cli import problems

    monkeypatch.setattr(problems, "_plan", lambda *a, **k: PlanStub(algorithm, {algorithm}))
    bound = problems.conv_forward(convolution()).bound
    assert bound == (problems.WINOGRAD_BOUND if looser else problems.Bound((4 * 9 + 2) * 2**-24))


def test_the_bound_of_an_input_gradient_follows_the_turned_problem(monkeypatch):
    from fastconv.cli import problems

    asked = []

    def plan(*arguments):
        asked.append((arguments[0], arguments[1].shape, *arguments[2:]))
        return PlanStub("direct", {"direct", "winograd"})

    monkeypatch.setattr(problems, "_plan", plan)
    bound = problems.conv_input_gradient(convolution(padding=0)).bound
    assert bound == problems.WINOGRAD_BOUND
    assert asked == [((1, 6, 6, 6), (4, 6, 3, 3), 1, 2, 1)]
    assert problems.conv_input_gradient(convolution(stride=2)).bound.norm is None
    assert problems.conv_input_gradient(convolution(padding=3)).bound.norm is None
    assert problems.conv_weight_gradient(convolution()).bound.norm is None


def test_errors_are_relative():
    from fastconv.cli.runner import largest_error, norm_error

    expected, magnitude = np.array([3.0, 4.0]), np.array([6.0, 10.0])
    assert norm_error(np.array([3.0, 4.5]), expected) == pytest.approx(0.1)
    assert largest_error(np.array([3.0, 4.5]), expected, magnitude) == pytest.approx(0.05)
    assert norm_error(np.array([np.nan, 4.0]), expected) == np.inf
    assert norm_error(expected[:1], expected) == np.inf
    assert norm_error(np.zeros(2), np.zeros(2)) == 0


@pytest.mark.usefixtures("_extras")
def test_a_wrong_norm_is_shown(tmp_path, capsys, monkeypatch):
    from fastconv.cli import problems

    strict = problems.Bound(element=1e-3, norm=1e-12)
    monkeypatch.setattr(problems, "_sum_bound", lambda terms: strict)
    monkeypatch.setattr(problems, "WINOGRAD_BOUND", strict)
    assert cli.main([*TINY, "--output", str(tmp_path)]) == 1
    assert "norm is off by" in capsys.readouterr().out
    (row,) = json.loads((tmp_path / "bench.json").read_text())["rows"]
    assert row["allowed_norm_error"] == 1e-12 < row["norm_error"]


# ---- bench --selection


def choice(chosen, **times):
    """A row with times of (predicted, measured)."""
    from fastconv.cli.selection import Candidate, Choice, loss

    candidates = tuple(Candidate(name, *pair) for name, pair in times.items())
    measured = {name: pair[1] for name, pair in times.items()}
    return Choice("net", "layer", "NCHW", chosen, *loss(measured, chosen), candidates, {})


def test_the_loss_of_a_choice():
    from fastconv.cli.selection import loss

    assert loss({"direct": 3.0, "im2col": 2.0}, "direct") == ("im2col", pytest.approx(50))
    assert loss({"direct": 3.0, "im2col": 2.0}, "im2col") == ("im2col", 0)
    assert loss({"direct": 3.0}, "direct") == ("direct", 0)


def test_the_summary_of_a_selection():
    from fastconv.cli.selection import summary

    rows = [
        choice("direct", direct=(1.0, 3.0), im2col=(1.0, 2.0)),
        choice("direct", direct=(1.0, 12.0)),
    ]
    summed = summary(rows)
    assert (summed["rows"], summed["fastest_chosen"]) == (2, 1)
    assert summed["mean_loss_percent"] == pytest.approx(25)
    assert summed["worst_loss_percent"] == pytest.approx(50)
    assert summed["fit"]["direct"] == {
        "rows": 2,
        "measured_over_predicted": pytest.approx(6),
        "typical_factor": pytest.approx(2),
    }
    assert summed["fit"]["im2col"]["typical_factor"] == pytest.approx(1)
    assert summed["fit"]["all"]["rows"] == 3


def test_selection_writes_table_and_json(tmp_path):
    pytest.importorskip("rich")
    arguments = ["bench", "--selection", "--quick", "--only", "lenet conv2", "--output", "out"]
    missing = ["scipy", "skimage", "matplotlib"]
    done = run(tmp_path, "-c", without(missing, arguments))
    assert done.returncode == 0, done.stderr
    assert "mean loss" in done.stdout
    assert re.search(
        r"^all: [\d.]+ of the predicted time, give or take a factor", done.stdout, re.M
    )
    report = json.loads((tmp_path / "out" / "selection.json").read_text())
    assert report["threads"] == 1
    assert report["summary"]["rows"] == 2
    assert report["summary"]["aim_percent"] == 5
    assert [row["layout"] for row in report["rows"]] == ["NCHW", "NHWC"]
    for row in report["rows"]:
        times = {entry["algorithm"]: entry["measured"] for entry in row["candidates"]}
        assert {row["chosen"], row["fastest"]} <= set(times)
        assert row["loss_percent"] == pytest.approx(
            100 * (times[row["chosen"]] / min(times.values()) - 1)
        )
        assert all(entry["predicted"] > 0 for entry in row["candidates"])
        assert {"auto", "reference", *times, *row["refused"]} == set(fastconv._core.ALGORITHMS)
        assert all(row["refused"].values())


def test_selection_without_a_matching_layer(tmp_path, capsys):
    pytest.importorskip("rich")
    assert cli.main(["bench", "--selection", "--only", "pool", "--output", str(tmp_path)]) == 2
    assert one_line(capsys.readouterr().err)


# ---- bench --peers


ABSENT = "raise ModuleNotFoundError('hidden for a test')"
# OpenCV's filter as SciPy does it.
WORKING_CV2 = """
import numpy as np
from scipy import ndimage
__version__ = "4.5.6"
BORDER_CONSTANT = 0
def setNumThreads(threads):
    assert threads == 1
def filter2D(image, depth, kernel, borderType):
    assert image.shape == (512, 512, 3)
    return ndimage.correlate(image, kernel[:, :, None], mode="constant") {more}
"""
PEERS = ["bench", "--peers", "--quick", "--threads", "1", "--output", "out", "--only"]


def bench_with(folder, only, **modules):
    """Run bench --peers where the peers' modules are these sources, and give what it wrote."""
    for name in PEER_MODULES:
        (folder / f"{name}.py").write_text(modules.get(name, ABSENT))
    out = folder / "work"
    out.mkdir()
    done = run(out, "-m", "fastconv", *PEERS, only, path=[folder])
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout, json.loads((out / "out" / "bench.json").read_text())["peers"]


@pytest.mark.usefixtures("_extras")
def test_missing_peers_are_named(tmp_path):
    printed, peers = bench_with(tmp_path, "lenet conv2 5x5,lenet pool2")
    assert "not installed: torch (hidden for a test)" in printed
    assert "ncnn (hidden for a test)" in printed
    assert "no row has a peer" in printed
    assert peers["summary"] is None
    assert peers["engines"]["torch"] == {"title": "torch", "version": None}
    assert peers["engines"]["fastconv"]["version"] == fastconv.__version__
    forward, gradient, *_, pool, _ = peers["rows"]
    assert set(forward["seconds"]) == {"fastconv", "fastconv_plan", "fastconv_nhwc"}
    assert set(gradient["seconds"]) == set(pool["seconds"]) == {"fastconv", "fastconv_nhwc"}
    for row in peers["rows"]:
        assert row["best_own"] == min(row["seconds"], key=row["seconds"].get)
        assert row["best_peer"] is row["ratio"] is None


@pytest.mark.usefixtures("_extras")
def test_a_peer_is_timed_and_compared(tmp_path):
    only = "filters sobel x 3x3 astronaut"
    printed, peers = bench_with(tmp_path, only, cv2=WORKING_CV2.format(more=""))
    assert peers["engines"]["opencv"]["version"] == "4.5.6"
    forward, gradient, _ = peers["rows"]
    assert forward["best_peer"] == "opencv"
    ours = min(time for name, time in forward["seconds"].items() if name != "opencv")
    assert forward["ratio"] == pytest.approx(forward["seconds"]["opencv"] / ours)
    assert "opencv" not in gradient["seconds"]
    assert peers["summary"]["rows"] == 1
    assert "OpenCV failed" not in printed
    with (tmp_path / "work" / "out" / "peers.csv").open(newline="") as file:
        records = list(csv.DictReader(file))
    assert float(records[0]["opencv"]) == forward["seconds"]["opencv"]
    assert records[1]["opencv"] == ""


def failed(peers, title):
    """The one footnote of an engine."""
    (note,) = (line for line in peers["notes"] if line.startswith(f"{title} failed: "))
    return note


@pytest.mark.usefixtures("_extras")
def test_failing_peers_are_named_and_the_others_go_on(tmp_path):
    sources = {
        "cv2": WORKING_CV2.format(more="+ 0.1"),
        "ncnn": "import os; os._exit(4)",
        "torch": "raise RuntimeError('broken installation')",
    }
    printed, peers = bench_with(tmp_path, "filters sobel x 3x3 astronaut", **sources)
    assert "off by" in failed(peers, "OpenCV")
    assert "import: its process ended with code 4" in failed(peers, "ncnn")
    assert "import: RuntimeError: broken installation" in failed(peers, "torch")
    assert all(note in printed for note in peers["notes"])
    assert "opencv" not in peers["rows"][0]["seconds"]
    assert [row["best_peer"] for row in peers["rows"]] == [None] * 3
    assert all(len(row["seconds"]) >= 2 for row in peers["rows"])


@pytest.mark.usefixtures("_extras")
def test_a_peer_may_crash(tmp_path):
    source = WORKING_CV2.format(more="+ __import__('os')._exit(3)")
    _, peers = bench_with(tmp_path, "filters sobel x 3x3 astronaut", cv2=source)
    assert "its process ended with code 3" in failed(peers, "OpenCV")
    assert all(len(row["seconds"]) >= 2 for row in peers["rows"])


@pytest.mark.usefixtures("_extras")
def test_a_peer_that_fails_in_a_later_round_has_no_time(monkeypatch):
    from fastconv.cli import workloads
    from fastconv.cli.peers import comparison
    from fastconv.cli.peers.engines import ENGINES

    class Instant:
        """An engine's process that only torch fails in, and not at once."""

        def __init__(self, name, threads):
            self.name, self.alive, self.rounds = name, True, 0

        def ask(self, task, *arguments):
            if task == "make":
                run = ENGINES["fastconv"].make(*arguments, 1)
                return "ready", run.view(run.call())
            self.rounds += task == "time"
            failed = self.name == "torch" and self.rounds == 3
            return ("failed", "too late") if failed else ("ready", 1.0)

        def close(self):
            self.alive = False

    monkeypatch.setattr(comparison, "Worker", Instant)
    (case,) = workloads.select(workloads.cases(quick=True), ["sobel x 3x3 astronaut forward"])
    with comparison.Engines(1) as engines:
        row = engines.compare(case, case.build(), budget=0.0, rounds=5)
    assert set(row.seconds) == set(ENGINES) - {"torch"}
    assert engines.failures == [("torch", case.title, "too late")]


@pytest.mark.usefixtures("_extras")
@pytest.mark.parametrize(
    ("engine", "needs"),
    [
        ("torch", "torch"),
        ("torch_nhwc", "torch"),
        ("onnxruntime", "onnxruntime"),
        ("openvino", "openvino"),
        ("ncnn", "ncnn"),
        ("opencv", "cv2"),
    ],
)
def test_every_installed_peer_agrees(engine, needs):
    pytest.importorskip(needs)
    if engine in ("onnxruntime", "openvino"):
        pytest.importorskip("onnx")
    from fastconv.cli import workloads
    from fastconv.cli.peers.comparison import allowed_error
    from fastconv.cli.peers.engines import ENGINES
    from fastconv.cli.runner import largest_error

    only = ["sobel x 3x3 astronaut", "lenet", "stem 3x3/2", "pool1 max", "depthwise 960"]
    done = set()
    for case in workloads.select(workloads.cases(quick=False), only):
        problem = case.build()
        run = ENGINES[engine].make(problem.arrays, case.operation, 1)
        if run is not None:
            error = largest_error(run.view(run.call()), *problem.expected())
            assert error <= allowed_error(problem), case.title
            done.add((type(problem.arrays).__name__, case.operation))
    expected = {("Conv", "forward")}
    if engine.startswith(("torch", "o")) and engine != "opencv":
        expected |= {("Pool", "forward")}
    if engine.startswith("torch"):
        gradients = ("Conv", "input gradient"), ("Conv", "weight gradient")
        expected |= {*gradients, ("Pool", "input gradient")}
    assert done == expected


@pytest.mark.usefixtures("_extras")
def test_filters_of_images_agree():
    from fastconv.cli import image_filters, workloads
    from fastconv.cli.peers.engines import ENGINES
    from fastconv.cli.runner import largest_error, run_case

    listed = workloads.select(workloads.cases(quick=True), ["ndimage"])
    assert len(listed) == len(image_filters.DEFINITIONS) == len(image_filters.CALLS)
    for case in listed:
        problem = case.build()
        row = run_case(case, problem, budget=0.0)
        assert row.agrees, row.disagreement
        for name, engine in ENGINES.items():
            if name == "opencv" and importlib.util.find_spec("cv2") is None:
                continue
            run = engine.make(problem.arrays, case.operation, 1)
            assert (run is not None) == (name in ("fastconv", "opencv")), name
            if run is not None:
                error = largest_error(run.view(run.call()), *problem.expected())
                assert error <= problem.bound.element, (case.title, name)


@pytest.mark.usefixtures("_extras")
def test_our_own_ways_agree():
    from fastconv.cli import workloads
    from fastconv.cli.peers.engines import OURS
    from fastconv.cli.runner import largest_error

    only = ["sobel x 3x3 astronaut", "lenet", "stem 3x3/2", "pool1 max"]
    for case in workloads.select(workloads.cases(quick=True), only):
        problem = case.build()
        for engine in OURS.values():
            run = engine.make(problem.arrays, case.operation, 1)
            if run is not None:
                error = largest_error(run.view(run.call()), *problem.expected())
                assert error <= problem.bound.element, case.title


def compared(name, **seconds):
    from fastconv.cli.peers.comparison import comparison
    from fastconv.cli.problems import conv_forward
    from fastconv.cli.workloads import Case

    case = Case("net", name, "forward", convolution)
    return comparison(case, conv_forward(convolution()), seconds)


def test_the_ratio_is_that_of_the_best_of_both_sides():
    row = compared("a", fastconv=4.0, fastconv_plan=2.0, torch=9.0, torch_nhwc=3.0, ncnn=5.0)
    assert (row.best_own, row.best_peer, row.ratio) == ("fastconv_plan", "torch_nhwc", 1.5)
    assert compared("b", fastconv=4.0).ratio is None
    assert compared("c", torch=4.0).ratio is None


@pytest.mark.parametrize("width", [100, 200])
def test_a_narrow_terminal_shows_the_best_of_both_sides(width, capsys, monkeypatch):
    rich_console = pytest.importorskip("rich.console")
    from fastconv.cli import tables
    from fastconv.cli.peers import report

    console = rich_console.Console(width=width, color_system=None)
    monkeypatch.setattr(tables, "console", lambda narrowest: console)
    engines = types.SimpleNamespace(missing={}, failures=[])
    report.print_table([compared("a", fastconv_plan=4.0, torch=6.0)], engines, "caption")
    printed = capsys.readouterr().out
    assert ("best of ours" in printed, "OpenVINO" in printed) == (width == 100, width == 200)
    assert all(text in printed for text in ("NCHW plan", "4 s", "torch", "6 s", "1.50"))


def test_the_summary_of_a_comparison():
    from fastconv.cli.peers.comparison import summary

    rows = [
        compared("a", fastconv=1.0, fastconv_nhwc=2.0, torch=4.0, ncnn=8.0),
        compared("b", fastconv=4.0, torch=1.0),
        compared("c", fastconv=1.0),
    ]
    summed = summary(rows)
    assert summed["rows"] == 2
    assert summed["ratio"] == pytest.approx(1)
    assert (summed["worst"], summed["worst_ratio"]) == ("net b, forward", 0.25)
    assert summed["ahead"] == 1
    assert summed["operations"] == {"forward": {"rows": 2, "ratio": pytest.approx(1), "ahead": 1}}
    assert summed["ours"]["fastconv_nhwc"] == {"rows": 1, "ratio": 2.0, "ahead": 1}
    assert summed["peers"]["torch"] == {"rows": 2, "ratio": 1.0, "ahead": 2}
    assert summed["peers"]["ncnn"] == {"rows": 1, "ratio": 0.5, "ahead": 0}
    assert summary(rows[2:]) is None


# ---- gradcheck


def test_gradcheck_passes(capsys):
    assert cli.main(["gradcheck"]) == 0
    printed = capsys.readouterr().out
    assert "conv_transpose3d" in printed
    assert "NDHWC" in printed
    assert "WRONG" not in printed


def test_gradcheck_reaches_every_gradient(monkeypatch):
    from fastconv.cli import gradients

    called = set()

    def spy(name, right):
        def called_and_counted(*arguments, **keywords):
            called.add(name)
            return right(*arguments, **keywords)

        monkeypatch.setattr(fastconv.grad, name, called_and_counted)

    public = {name for name in dir(fastconv.grad) if re.fullmatch(r"[a-z_]+[123]d(_[a-z]+)?", name)}
    for name in public:
        spy(name, getattr(fastconv.grad, name))
    cases = {case.gradients: case for case in gradients.gradient_cases()}
    for case in cases.values():
        case.check()
    assert called == public
    assert len(public) == 27


def test_gradcheck_shows_a_wrong_gradient(capsys, monkeypatch):
    from fastconv.cli import gradients

    right = fastconv.grad.avg_pool1d
    monkeypatch.setattr(fastconv.grad, "avg_pool1d", lambda *a, **k: 1.5 * right(*a, **k))
    monkeypatch.setattr(gradients, "MAKERS", (gradients._avg_pool_cases,))
    assert cli.main(["gradcheck"]) == 1
    printed = capsys.readouterr().out
    assert "WRONG: avg_pool1d NCW (kernel_size=2)" in printed


def test_gradcheck_needs_no_extras(tmp_path):
    code = "from fastconv.cli import gradients; gradients.MAKERS = (gradients._lp_pool_cases,)"
    blocked = without(["rich", "scipy", "skimage"], ["gradcheck"], before=code)
    done = run(tmp_path, "-c", blocked)
    assert done.returncode == 0, done.stderr
    assert "lp_pool2d" in done.stdout


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
