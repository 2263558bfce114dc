"""``fastconv bench --peers``: other engines, each in a process of its own."""

import csv
import importlib.util
import json
import types

import pytest
from helpers.commands import convolution, run

import fastconv

PEER_MODULES = ("torch", "onnxruntime", "openvino", "ncnn", "onnx", "cv2")
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


@pytest.mark.usefixtures("extras")
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


@pytest.mark.usefixtures("extras")
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


@pytest.mark.usefixtures("extras")
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


@pytest.mark.usefixtures("extras")
def test_a_peer_may_crash(tmp_path):
    source = WORKING_CV2.format(more="+ __import__('os')._exit(3)")
    _, peers = bench_with(tmp_path, "filters sobel x 3x3 astronaut", cv2=source)
    assert "its process ended with code 3" in failed(peers, "OpenCV")
    assert all(len(row["seconds"]) >= 2 for row in peers["rows"])


@pytest.mark.usefixtures("extras")
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


@pytest.mark.usefixtures("extras")
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


@pytest.mark.usefixtures("extras")
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


@pytest.mark.usefixtures("extras")
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
