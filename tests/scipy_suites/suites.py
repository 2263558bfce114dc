"""Which of SciPy's tests are run, and which functions are ours in them."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any

SCIPY = (1, 17)  # whose tests these are: others promise other things


@dataclass(frozen=True)
class Suite:
    """A module of SciPy's tests, and the module of ours that stands in."""

    theirs: str
    ours: str
    tests: str
    least: int  # tests that run, of all functions of the module: fewer is a broken harness
    failures: dict[str, str] = field(default_factory=dict)  # expected: the test, and the reason

    def replace(self) -> list[str]:
        """Put our functions where SciPy's are: the names."""
        theirs, ours = importlib.import_module(self.theirs), importlib.import_module(self.ours)
        names = sorted(set(ours.__all__) & set(theirs.__all__))
        for name in names:
            _register(getattr(theirs, name), getattr(ours, name))
            setattr(theirs, name, getattr(ours, name))
        return names


def _register(their: Any, our: Any) -> None:
    """Let SciPy's decorators of tests know what kinds of arrays the function takes."""
    from scipy._lib._array_api import xp_capabilities_table

    if their in xp_capabilities_table:
        xp_capabilities_table[our] = xp_capabilities_table[their]


SUITES = {
    "ndimage": Suite("scipy.ndimage", "fastconv.ndimage", "scipy.ndimage.tests.test_filters", 2400),
    "signal": Suite("scipy.signal", "fastconv.signal", "scipy.signal.tests.test_signaltools", 1000),
}
