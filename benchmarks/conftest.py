"""Benchmarks of fastconv beside NumPy and SciPy.

``pytest benchmarks`` times everything, a group a shape; ``pytest benchmarks --benchmark-disable``
runs everything once and only compares the results. See ``README.md`` in this folder.
"""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for shapes.py


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let a benchmark take half a second where it has no limit of its own."""
    for item in items:
        item.add_marker(pytest.mark.benchmark(max_time=0.5, min_rounds=3))
