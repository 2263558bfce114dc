"""Packages that only some commands need: imported when asked for, named when missing."""

import importlib
from types import ModuleType

from fastconv.cli.errors import CommandError

PACKAGES = {"PIL": "Pillow"}  # where a package's name is not that of its module


def require(*names: str, extra: str = "bench") -> list[ModuleType]:
    """Import modules of one of the package's extras.

    Parameters
    ----------
    *names : str
        Dotted module names, for example ``"rich.table"``.
    extra : str, default "bench"
        The extra that installs them.

    Returns
    -------
    list of module
        The modules, in the order of the names.

    Raises
    ------
    CommandError
        If one of them is not installed.
    """
    modules, missing = [], []
    for name in names:
        try:
            modules.append(importlib.import_module(name))
        except ImportError:
            module = name.partition(".")[0]
            missing.append(PACKAGES.get(module, module))
    if missing:
        listed = ", ".join(dict.fromkeys(missing))
        raise CommandError(f'{listed} not installed: run pip install "fastconv[{extra}]"')
    return modules
