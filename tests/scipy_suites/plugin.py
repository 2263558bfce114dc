"""A plugin of pytest that replaces functions before any test is imported, and counts outcomes.

The environment says which suite (SCIPY_SUITE) and where to write the counts (SCIPY_OUTCOMES).
"""

import json
import os
from pathlib import Path

import pytest

from scipy_suites.suites import SUITES

OUTCOMES = {"replaced": SUITES[os.environ["SCIPY_SUITE"]].replace(), "passed": 0}
FAILED: dict[str, str] = {}
SKIPPED: dict[str, str] = {}


@pytest.hookimpl
def pytest_runtest_logreport(report):
    name = report.nodeid.partition("::")[2]
    if report.failed:
        FAILED[name] = str(report.longrepr)[-1500:]
    elif report.skipped:  # an expected failure of SciPy's own too
        SKIPPED[name] = str(getattr(report, "wasxfail", "") or report.longrepr[-1])
    elif report.when == "call":
        OUTCOMES["passed"] += 1


@pytest.hookimpl
def pytest_sessionfinish():
    outcomes = {**OUTCOMES, "failed": FAILED, "skipped": SKIPPED}
    Path(os.environ["SCIPY_OUTCOMES"]).write_text(json.dumps(outcomes), encoding="utf-8")
