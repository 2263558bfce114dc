"""The ``fastconv`` command as code for a child process."""

from collections.abc import Sequence

BLOCK = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
{before}
from fastconv.cli import main
sys.exit(main({arguments!r}))
"""


def without(missing: Sequence[str], arguments: Sequence[str], before: str = "") -> str:
    """Run the command where some packages are missing; `before` it, other code."""
    return BLOCK.format(missing=list(missing), arguments=list(arguments), before=before)
