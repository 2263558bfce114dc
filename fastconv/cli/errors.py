"""The error that a command reports in one line."""


class CommandError(Exception):
    """The user can put this right: shown as one line, without a traceback, with exit code 2."""


def reason(error: BaseException) -> str:
    """Give what an error says in one line: the system's words where there are some."""
    said = getattr(error, "strerror", None) or error
    lines = str(said).strip().splitlines()
    return lines[0] if lines else type(error).__name__
