"""The error that a command reports in one line."""


class CommandError(Exception):
    """The user can put this right: shown as one line, without a traceback, with exit code 2."""
