"""The examples of README.md give what they say."""

import doctest
from pathlib import Path


def test_examples():
    readme = Path(__file__).resolve().parent.parent / "README.md"
    failed, attempted = doctest.testfile(str(readme), module_relative=False)
    assert attempted > 10
    assert failed == 0
