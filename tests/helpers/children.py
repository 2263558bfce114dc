"""Checks in a process of their own: another instruction set, or a fault that must not end us."""

import os
import pathlib
import signal
import subprocess
import sys

import fastconv as fc

TESTS = pathlib.Path(__file__).resolve().parent.parent


def instruction_sets() -> list[str]:
    """Those that are built in and that this CPU has."""
    built = fc.show_config("dicts")["instruction sets"]
    return [name for name, available in built.items() if available]


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the tests' folder: in the repository's it would find the package's sources."""
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


def sweep(suite: str, count: int, **environment: str) -> None:
    """Run a suite of `helpers.sweep` in a child; its failure is this test's.

    The C library (glibc) fills what it allocates with a pattern, of blocks up to the threshold.
    """
    poison = {"MALLOC_PERTURB_": "128", "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}
    settings = {**poison, **environment}
    done = python("-X", "faulthandler", "-m", "helpers.sweep", suite, str(count), **settings)
    report = f"{suite} {count} with {settings}: {done.returncode}\n{done.stderr[-2500:]}"
    assert done.returncode == 0, report
    assert f"{suite} passed" in done.stdout, report


def fault(name: str) -> None:
    """`helpers.guards.<name>` ends its process by a memory fault."""
    done = python("-c", f"from helpers import guards; guards.{name}()")
    assert done.returncode in (-signal.SIGSEGV, -signal.SIGBUS), f"{name}: {done.returncode}"
