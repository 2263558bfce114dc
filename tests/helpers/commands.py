"""The ``fastconv`` command in a child process, and what its tests share."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

TINY = ["bench", "--quick", "--only", "lenet conv2 5x5 forward"]
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


def run(folder: Path, *command: str, path: Sequence[Path] = ()) -> subprocess.CompletedProcess[str]:
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


def one_line(text: str) -> bool:
    """Whether it is one line, with its end."""
    return text.endswith("\n") and text.count("\n") == 1


def convolution(stride: int = 1, padding: int = 1, kernel: int = 3) -> Any:
    """A small layer as `bench` times it."""
    from fastconv.cli.problems import Conv

    rng = np.random.default_rng(0)
    x = rng.standard_normal((1, 4, 8, 8), dtype=np.float32)
    w = rng.standard_normal((6, 4, kernel, kernel), dtype=np.float32)
    size = (8 + 2 * padding - kernel) // stride + 1
    gy = rng.standard_normal((1, 6, size, size), dtype=np.float32)
    return Conv(x, w, gy, stride, padding)
