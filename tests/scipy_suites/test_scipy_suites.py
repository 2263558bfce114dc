"""SciPy's own tests pass with our functions in the place of its own."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scipy_suites.suites import SCIPY, SUITES

TESTS = Path(__file__).resolve().parent.parent
SECONDS = 900
# As SciPy runs them: a warning that a test does not ask for is an error.
SETTINGS = "[pytest]\nfilterwarnings =\n    error\n    ignore::pytest.PytestWarning\n"


def require(suite):
    """Skip where SciPy's tests cannot run."""
    scipy = pytest.importorskip("scipy")
    pytest.importorskip("hypothesis")
    if tuple(map(int, scipy.__version__.split(".")[:2])) != SCIPY:
        pytest.skip(f"the tests of SciPy {SCIPY[0]}.{SCIPY[1]} are meant, not {scipy.__version__}")
    try:
        found = importlib.util.find_spec(suite.tests)
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"this SciPy comes without {suite.tests}")


def run(name, folder):
    """Run a suite in a process of its own, where SciPy's functions are replaced: the outcomes."""
    outcomes, settings = folder / "outcomes.json", folder / "pytest.ini"
    settings.write_text(SETTINGS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p"]
    command += ["scipy_suites.plugin", "-c", str(settings), "--pyargs", SUITES[name].tests]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, sys.path)]),
        "SCIPY_SUITE": name,
        "SCIPY_OUTCOMES": str(outcomes),
    }
    environment.pop("PYTEST_ADDOPTS", None)
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    assert outcomes.exists(), f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return json.loads(outcomes.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", SUITES)
def test_scipys_own_tests_pass_with_our_functions(name, tmp_path, record_property, capsys):
    suite = SUITES[name]
    require(suite)
    outcomes = run(name, tmp_path)
    counts = {kind: len(outcomes[kind]) for kind in ("failed", "skipped", "replaced")}
    record_property("passed", outcomes["passed"])
    with capsys.disabled():
        print(f"\n{suite.tests}: {outcomes['passed']} passed, {counts}")
    unexpected = set(outcomes["failed"]) - set(suite.failures)
    assert not unexpected, "\n".join(f"{t}\n{outcomes['failed'][t]}" for t in sorted(unexpected))
    mended = set(suite.failures) - set(outcomes["failed"])
    assert not mended, f"expected to fail, and do not: {sorted(mended)}"
    assert outcomes["passed"] >= suite.least


@pytest.mark.parametrize("name", SUITES)
def test_every_function_of_ours_replaces_one_of_scipys(name):
    suite = SUITES[name]
    require(suite)
    ours, theirs = importlib.import_module(suite.ours), importlib.import_module(suite.theirs)
    added = {"signal": {"moving_average"}}.get(name, set())
    assert set(ours.__all__) - set(theirs.__all__) == added
