"""``fastconv bench --selection``: the chosen algorithm against every other."""

import json
import re

import pytest
from helpers.commands import one_line, run, without

import fastconv
from fastconv import cli


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
