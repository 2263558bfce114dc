"""The compiled core is there, or the error says what to do: imported before all that needs it."""

import os

try:
    import fastconv._core as _core  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "fastconv._core":
        raise
    raise ImportError(
        f"{os.path.dirname(__file__)} has no compiled core. If it is the source folder, which "
        "Python finds first where it is in the current one: install (`python -m pip install .`), "
        "and run Python in another folder."
    ) from None
