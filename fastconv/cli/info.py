"""``fastconv info``: what this build holds and what it uses on this machine."""

import argparse

import fastconv

SUMMARY = "show the version, the compiler, the instruction sets and the threads"
DESCRIPTION = """\
Show the version, the compiler, the instruction sets that are built in, the one in use and the
number of threads: the output of fastconv.show_config()."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments: it has none."""


def run(arguments: argparse.Namespace) -> int:
    """Print the configuration."""
    fastconv.show_config()
    return 0
