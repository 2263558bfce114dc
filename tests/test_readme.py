"""The examples of README.md give what they say, and its figures are put there by a script."""

import doctest
import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_examples():
    failed, attempted = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert attempted > 10
    assert failed == 0


# ---- benchmarks/figures.py


@pytest.fixture
def script(tmp_path, monkeypatch):
    """The script, with a copy of the README to write to."""
    where = ROOT / "benchmarks" / "figures.py"
    specification = importlib.util.spec_from_file_location("figures", where)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "README", tmp_path / "README.md")
    module.README.write_text(README, encoding="utf-8")
    (tmp_path / "benchmarks").mkdir()
    return module


def row(case, best_peer=None, ratio=None, **seconds):
    key = {"group": "net", "case": case, "operation": "forward"}
    return key | {"seconds": seconds, "best_peer": best_peer, "ratio": ratio}


def report(threads, peers):
    """What `fastconv bench` writes, as far as the script reads it."""
    timed = {"group": "net", "case": "a", "operation": "forward", "agrees": True}
    timed |= {"speedup_numpy": 12.0, "speedup_scipy": None, "ceiling_percent": 50.0}
    written = {
        "command": "fastconv bench --peers --output 'a folder'",
        "date": "2026-11-30T12:00:00+00:00",
        "machine": {"cpu": "a CPU"},
        "config": {"isa": "avx2"},
        "threads": threads,
        "ceilings": {"flops_per_second": 2e11, "bytes_per_second": 3e10},
        "rows": [timed],
    }
    engines = {
        "fastconv": {"title": "NCHW", "version": "1"},
        "fastconv_plan": {"title": "NCHW plan", "version": "1"},
        "torch": {"title": "torch", "version": "2.0"},
        "torch_nhwc": {"title": "torch NHWC", "version": "2.0"},
        "ncnn": {"title": "ncnn", "version": None},
    }
    return written | (
        {"peers": {"engines": engines, "notes": ["a note"], **peers}} if peers else {}
    )


def run(script, monkeypatch, tmp_path, *reports):
    """Run the script on reports, and give the README that it wrote."""
    paths = []
    for number, content in enumerate(reports):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "bench.json").write_text(json.dumps(content), encoding="utf-8")
        (folder / "bench.png").write_bytes(b"chart %d" % number)
        paths.append(str(folder / "bench.json"))
    monkeypatch.setattr("sys.argv", ["figures.py", *paths])
    script.main()
    return script.README.read_text(encoding="utf-8")


def test_figures_of_runs_with_peers(script, monkeypatch, tmp_path):
    rows = [
        row("a", "torch", 2.0, fastconv=2.0, fastconv_plan=1.0, torch=2.0),
        row("b", "torch", 0.5, fastconv=2.0, torch=1.0),
        row("c", fastconv=1.0),
    ]
    reports = report(2, {"rows": rows}), report(1, {"rows": rows[2:]})
    text = run(script, monkeypatch, tmp_path, *reports)
    assert "| its ceilings | 200 GFLOP/s (float32), 30 GB/s |" in text
    assert "| net | forward | 12 | - | 50% |" in text
    assert "| net | forward | 1.00 | 0.71 | 2.00 | 1 of 2 | 0.50 (b: torch) |" in text
    assert "| **all** |  | 1.00 | 0.71 | 2.00 | 1 of 2 | 0.50 (b: torch) |" in text
    assert "**2 threads** (a CPU, avx2, 2026-11-30, `fastconv bench --peers`)" in text
    assert "beside torch 2.0:" in text
    assert "**1 thread**" in text
    assert text.count("- a note") == 2
    assert "(benchmarks/chart.png)" in text
    assert (tmp_path / "benchmarks" / "chart.png").read_bytes() == b"chart 0"
    assert "No run is recorded" not in text
    assert run_again_is_the_same(script, text)


def run_again_is_the_same(script, text):
    script.main()
    return script.README.read_text(encoding="utf-8") == text


def test_figures_of_a_run_without_peers_leave_the_peers_alone(script, monkeypatch, tmp_path):
    def section(text):
        return text.split("<!-- peers: begin -->")[1].split("<!-- peers: end -->")[0]

    text = run(script, monkeypatch, tmp_path, report(2, None))
    assert "| net | forward | 12 | - | 50% |" in text
    assert section(text) == section(README)


def test_the_chart_that_the_readme_shows_is_there():
    if "](benchmarks/chart.png)" in README:
        assert (ROOT / "benchmarks" / "chart.png").is_file()
