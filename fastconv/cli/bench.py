"""``fastconv bench``: photographs through filters and networks, against NumPy and SciPy."""

import argparse
import contextlib
import shlex
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import fastconv
from fastconv.cli.errors import CommandError
from fastconv.cli.extras import require
from fastconv.cli.machine import description

SUMMARY = "time and check filters and networks on photographs, against NumPy and SciPy"
DESCRIPTION = """\
Run the photographs that scikit-image ships through classic filters and through the layers of
LeNet, AlexNet, VGG-16, ResNet-50 and MobileNetV2, forward and backward; compare every result with
float64, and every time with NumPy (sliding windows and einsum), with SciPy and with this machine's
own ceilings. Writes bench.json, bench.csv and bench.png. Ctrl-C keeps what is done.

Exit codes: 0 all agree, 1 a result is wrong, 2 an error, 130 interrupted."""
EXIT_WRONG = 1
MOST_THREADS = 1024
EXIT_INTERRUPTED = 130
EXTRAS = ("rich", "matplotlib", "skimage", "scipy.ndimage", "scipy.signal")
CASE_SECONDS = {True: 0.03, False: 0.2}  # by --quick, for each library
FLOPS_SECONDS = 0.02  # before every case
BANDWIDTH_SECONDS = 0.1  # before every group


def _threads(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= number <= MOST_THREADS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST_THREADS}")
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--quick", action="store_true", help="fewer cases: under a minute")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TEXT",
        help="only cases with TEXT in their name, such as resnet50, 'input gradient' or "
        "sobel,laplacian; may be repeated",
    )
    parser.add_argument(
        "--threads",
        type=_threads,
        metavar="N",
        help="threads of fastconv, and of NumPy's BLAS if threadpoolctl is installed "
        "(default: all CPUs)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("bench-results"),
        metavar="DIR",
        help="folder for the files, created if missing (default: %(default)s)",
    )


def _selected(arguments: argparse.Namespace) -> list[Any]:
    from fastconv.cli import workloads

    texts = [part.strip() for text in arguments.only for part in text.split(",")]
    texts = [text for text in texts if text]
    listed = workloads.cases(arguments.quick)
    chosen = workloads.select(listed, texts)
    if not chosen:
        groups = ", ".join(dict.fromkeys(case.group for case in listed))
        raise CommandError(f"no case matches --only {','.join(texts)}; the groups are {groups}")
    return chosen


@contextlib.contextmanager
def _progress(total: int) -> Iterator[Any]:
    """Show a bar on a terminal, a line for each finished case elsewhere; gives the reporter."""
    console_module, progress_module = require("rich.console", "rich.progress")
    console = console_module.Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, title: print(f"[{done}/{total}] {title}", file=sys.stderr, flush=True)
        return
    columns = (
        progress_module.TextColumn("{task.completed}/{task.total}"),
        progress_module.BarColumn(),
        progress_module.TimeElapsedColumn(),
        progress_module.TextColumn("{task.description}"),
    )
    with progress_module.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, title: bar.update(task, completed=done, description=title)


def _blas_threads(threads: int | None) -> Any:
    """Limit the threads of NumPy's BLAS, where that can be done."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return contextlib.nullcontext()
    return threadpool_limits(threads, user_api="blas")


def _run_all(chosen: list[Any], quick: bool) -> tuple[list[Any], Any, bool]:
    """Run the cases until done or Ctrl-C; give the rows, the ceilings and whether it was Ctrl-C."""
    from fastconv.cli.runner import Ceilings, Row, compare_with_ceilings, run_case

    ceilings = Ceilings()
    rows: list[Row] = []
    interrupted = False
    try:
        with _progress(len(chosen)) as report:
            for case in chosen:
                if not rows or rows[-1].group != case.group:
                    ceilings.measure_bandwidth(BANDWIDTH_SECONDS)
                ceilings.measure_flops(FLOPS_SECONDS)
                rows.append(run_case(case, CASE_SECONDS[quick]))
                report(len(rows), case.title)
    except KeyboardInterrupt:
        interrupted = True
    return [compare_with_ceilings(row, ceilings) for row in rows], ceilings, interrupted


def _about(words: list[str], ceilings: Any, threads: int, interrupted: bool) -> dict[str, Any]:
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(["fastconv", *words]),
        "machine": description(),
        "threads": threads,
        "interrupted": interrupted,
        "ceilings": {
            "flops_per_second": ceilings.flops,
            "bytes_per_second": ceilings.bandwidth,
        },
        "config": fastconv.show_config(mode="dicts"),
    }


def _caption(ceilings: Any, threads: int) -> str:
    return (
        f"{threads} thread{'s' if threads > 1 else ''}, ceilings measured: "
        f"{ceilings.flops / 1e9:.0f} GFLOP/s, {ceilings.bandwidth / 1e9:.0f} GB/s"
    )


def _finish(folder: Path, rows: list[Any], caption: str, about: dict[str, Any]) -> None:
    from fastconv.cli import chart, report

    note = "~: SciPy timed on some of the channels, and scaled"
    report.print_table(rows, f"{caption}\n{note}")
    try:
        paths = report.write(folder, rows, about)
        paths.append(folder / "bench.png")
        chart.draw(paths[-1], rows, caption)
    except OSError as error:
        raise CommandError(f"cannot write to {folder}: {error.strerror}") from error
    print("written:", ", ".join(str(path) for path in paths))


def run(arguments: argparse.Namespace) -> int:
    """Run the benchmark."""
    from fastconv.cli import report

    require(*EXTRAS)  # all of them now: no import may fall into a measured time
    chosen = _selected(arguments)
    report.prepare(arguments.output)
    threads = arguments.threads or fastconv.get_num_threads()
    with fastconv.num_threads(threads), _blas_threads(arguments.threads):
        rows, ceilings, interrupted = _run_all(chosen, arguments.quick)
    if not rows:
        raise KeyboardInterrupt
    about = _about(arguments.words, ceilings, threads, interrupted)
    _finish(arguments.output, rows, _caption(ceilings, threads), about)
    if interrupted:
        print(f"interrupted: {len(rows)} of {len(chosen)} cases done", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0 if all(row.agrees for row in rows) else EXIT_WRONG
