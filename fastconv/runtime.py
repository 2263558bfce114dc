"""Threads, the instruction set, and what was built."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from fastconv import _args, _core

_THREADS_LIMIT = 2**31


def _select_isa() -> None:
    """Use the instruction set that FASTCONV_ISA names."""
    name = os.environ.get("FASTCONV_ISA", "")
    if not _core.select_isa(name or None):
        available = ", ".join(name for name, has in _core.isas() if has)
        raise ImportError(
            f"FASTCONV_ISA is {name!r}, an instruction set that is unknown, not built in, or that "
            f"this CPU lacks; available: {available}"
        )


_select_isa()


def set_num_threads(n: int) -> None:
    """Set the number of threads of every call in this process, where a thread has not set its own.

    Results do not depend on it, not by a bit.

    Parameters
    ----------
    n : int
        At least 1; more than the CPUs is allowed.

    Raises
    ------
    ValueError, TypeError
        If `n` is not an int of at least 1.

    See Also
    --------
    num_threads : For the calling thread, for a while.

    Examples
    --------
    >>> import fastconv as fc
    >>> before = fc.get_num_threads()
    >>> fc.set_num_threads(2)
    >>> fc.get_num_threads()
    2
    >>> fc.set_num_threads(before)
    """
    _core.set_num_threads(_args.integer("set_num_threads", "n", n, 1, _THREADS_LIMIT))


def get_num_threads() -> int:
    """Give the number of threads that a call from the calling thread would use, at most.

    It is the thread's own (see `num_threads`), else the process's (see `set_num_threads`), else
    that of the environment variable FASTCONV_NUM_THREADS, else OMP_NUM_THREADS, else the number
    of CPUs that this process may use.

    Returns
    -------
    int

    Examples
    --------
    >>> import fastconv as fc
    >>> fc.get_num_threads() >= 1
    True
    """
    return _core.get_num_threads()


class num_threads:
    """Set the number of threads of the calling thread's calls, within a ``with`` statement.

    Statements nest; each restores what it found, after an exception too.

    Parameters
    ----------
    n : int
        At least 1; more than the CPUs is allowed.

    Raises
    ------
    ValueError, TypeError
        If `n` is not an int of at least 1.

    Examples
    --------
    >>> import fastconv as fc
    >>> with fc.num_threads(3):
    ...     fc.get_num_threads()
    3
    """

    def __init__(self, n: int) -> None:
        self._n = _args.integer("num_threads", "n", n, 1, _THREADS_LIMIT)
        self._of_thread = threading.local()

    def __enter__(self) -> num_threads:
        before = self._of_thread.__dict__.setdefault("before", [])
        before.append(_core.get_local_num_threads())
        _core.set_local_num_threads(self._n)
        return self

    def __exit__(self, *exception: object) -> None:
        _core.set_local_num_threads(self._of_thread.before.pop())


def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Show how fastconv was built and what it uses here, as `numpy.show_config`.

    Parameters
    ----------
    mode : {"stdout", "dicts"}, default "stdout"
        Print it, or return it.

    Returns
    -------
    dict or None
        With ``mode="dicts"``: "version", "compiler", "instruction sets" (those built, with
        whether this CPU has them), the "isa" in use, "threads" and "cpus".

    Raises
    ------
    ValueError, TypeError
        If the mode is another.

    Examples
    --------
    >>> import fastconv as fc
    >>> config = fc.show_config(mode="dicts")
    >>> config["isa"] in config["instruction sets"]
    True
    """
    _args.choice("show_config", "mode", mode, ("stdout", "dicts"))
    config: dict[str, Any] = {
        "version": _core.VERSION,
        "compiler": _core.COMPILER,
        "instruction sets": dict(_core.isas()),
        "isa": _core.isa(),
        "threads": _core.get_num_threads(),
        "cpus": _core.cpu_count(),
    }
    if mode == "dicts":
        return config
    for name, value in config.items():
        if isinstance(value, dict):
            value = ", ".join(
                key if has else f"{key} (not on this CPU)" for key, has in value.items()
            )
        print(f"{name}: {value}")
    return None


def get_include() -> str:
    """Give the directory of ``fastconv.h``, the C API.

    Returns
    -------
    str

    Examples
    --------
    >>> import os
    >>> import fastconv as fc
    >>> os.path.basename(fc.get_include()) in ("include", "csrc")
    True
    """
    package = Path(__file__).resolve().parent
    include = package / "include"
    return str(include if include.is_dir() else package.parent / "csrc")
