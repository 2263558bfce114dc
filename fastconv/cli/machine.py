"""What a report says about the machine that it was made on."""

import platform
import shlex
from datetime import datetime
from pathlib import Path
from typing import Any

import fastconv


def cpu_name() -> str:
    """Name the CPU as the system does, or at least its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def description() -> dict[str, str]:
    """Describe CPU, system and Python."""
    return {
        "cpu": cpu_name(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def about(words: list[str], threads: int, interrupted: bool) -> dict[str, Any]:
    """Say what a run was: when, with which command, where and with which build."""
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(["fastconv", *words]),
        "machine": description(),
        "threads": threads,
        "interrupted": interrupted,
        "config": fastconv.show_config(mode="dicts"),
    }
