"""The ``fastconv`` command: one file a subcommand."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import fastconv
from fastconv.cli import bench, filter, gradcheck, info, train
from fastconv.cli.errors import CommandError, reason

__all__ = ["main"]

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130
ESCAPED = {code: repr(chr(code))[1:-1] for code in (*range(32), 127)}
"""Letters that would break a line, as names of files may have them."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_ERROR, f"{self.prog}: error: {message.translate(ESCAPED)}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fastconv",
        description="Convolution and pooling on a CPU, with every gradient.",
        epilog="'fastconv COMMAND --help' explains a command.",
    )
    version = f"fastconv {fastconv.__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    for command in (bench, filter, gradcheck, info, train):
        name = command.__name__.rpartition(".")[2]
        subparser = commands.add_parser(
            name,
            help=command.SUMMARY,
            description=command.DESCRIPTION,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def _close_stdout() -> None:
    """Let the interpreter's last flush go nowhere: the reader of the pipe has left."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the ``fastconv`` command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments after the program's name; by default those of the process.

    Returns
    -------
    int
        The exit code: 0 for success, 1 where a check failed, 2 for an error of the user's, 130
        after Ctrl-C. Arguments that cannot be read raise ``SystemExit(2)``.
    """
    parser = _parser()
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = parser.parse_args(words)
    arguments.words = words
    if arguments.command is None:
        parser.print_help(sys.stderr)
        return EXIT_ERROR
    try:
        code: int = arguments.run(arguments)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except CommandError as error:
        said = str(error).translate(ESCAPED)
        print(f"fastconv {arguments.command}: error: {said}", file=sys.stderr)
        return EXIT_ERROR
    except MemoryError:
        print(f"fastconv {arguments.command}: error: not enough memory", file=sys.stderr)
        return EXIT_ERROR
    except KeyboardInterrupt as interrupt:
        what = f": {interrupt}" if interrupt.args else ""
        print(f"fastconv {arguments.command}: interrupted{what}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _close_stdout()
        return 1
    except OSError as error:  # commands see to their files' errors: this is standard output's
        _close_stdout()
        print(f"fastconv {arguments.command}: error: {reason(error)}", file=sys.stderr)
        return EXIT_ERROR
