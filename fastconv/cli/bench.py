"""``fastconv bench``: photographs through filters and networks, against NumPy and SciPy."""

import argparse
import contextlib
from pathlib import Path
from typing import Any

import fastconv
from fastconv.cli import machine
from fastconv.cli.errors import CommandError
from fastconv.cli.extras import require
from fastconv.cli.progress import run_each

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
SELECTION_SECONDS = {True: 0.01, False: 0.03}  # for each algorithm, in each round
SELECTION_ROUNDS = {True: 3, False: 7}


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
        "--selection",
        action="store_true",
        help="instead: is the algorithm that is chosen the fastest? Every one that serves a layer, "
        "predicted and measured; writes selection.json",
    )
    parser.add_argument(
        "--threads",
        type=_threads,
        metavar="N",
        help="threads of fastconv, and of NumPy's BLAS if threadpoolctl is installed "
        "(default: all CPUs; 1 for --selection)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("bench-results"),
        metavar="DIR",
        help="folder for the files, created if missing (default: %(default)s)",
    )


def _selected(arguments: argparse.Namespace, listed: list[Any]) -> list[Any]:
    """Keep the cases that ``--only`` names."""
    from fastconv.cli.workloads import select

    texts = [part.strip() for text in arguments.only for part in text.split(",")]
    texts = [text for text in texts if text]
    chosen = select(listed, texts)
    if not chosen:
        groups = ", ".join(dict.fromkeys(case.group for case in listed))
        raise CommandError(f"no case matches --only {','.join(texts)}; the groups are {groups}")
    return chosen


def _blas_threads(threads: int | None) -> Any:
    """Limit the threads of NumPy's BLAS, where that can be done."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return contextlib.nullcontext()
    return threadpool_limits(threads, user_api="blas")


def _threads_text(threads: int) -> str:
    return f"{threads} thread{'s' if threads > 1 else ''}"


def _caption(ceilings: Any, threads: int) -> str:
    return (
        f"{_threads_text(threads)}, ceilings measured: "
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


def _run_cases(arguments: argparse.Namespace) -> int:
    """Time and check every case."""
    require(*EXTRAS)  # all of them now: no import may fall into a measured time
    from fastconv.cli import report, workloads
    from fastconv.cli.runner import Ceilings, compare_with_ceilings, run_case

    chosen = _selected(arguments, workloads.cases(arguments.quick))
    report.prepare(arguments.output)
    threads = arguments.threads or fastconv.get_num_threads()
    ceilings = Ceilings()

    def run_one(case: Any) -> Any:
        ceilings.measure(case.group)
        return run_case(case, CASE_SECONDS[arguments.quick])

    with fastconv.num_threads(threads), _blas_threads(arguments.threads):
        rows, interrupted = run_each(chosen, run_one)
    rows = [compare_with_ceilings(row, ceilings) for row in rows]
    about = machine.about(arguments.words, threads, interrupted) | {"ceilings": ceilings.record()}
    _finish(arguments.output, rows, _caption(ceilings, threads), about)
    if interrupted:
        return EXIT_INTERRUPTED
    return 0 if all(row.agrees for row in rows) else EXIT_WRONG


def _run_selection(arguments: argparse.Namespace) -> int:
    """Time every algorithm that serves a layer."""
    require("rich")
    from fastconv.cli import report, selection, selection_report

    chosen = _selected(arguments, list(selection.tasks(arguments.quick)))
    report.prepare(arguments.output)
    threads = arguments.threads or 1  # as the predictions are for one
    budget, rounds = SELECTION_SECONDS[arguments.quick], SELECTION_ROUNDS[arguments.quick]
    with fastconv.num_threads(threads):
        choices, interrupted = run_each(chosen, lambda task: selection.choose(task, budget, rounds))
    summed = selection.summary(choices)
    caption = f"an image: measured on {_threads_text(threads)} (predicted for one)"
    selection_report.print_table(choices, summed, caption)
    about = machine.about(arguments.words, threads, interrupted)
    print("written:", selection_report.write(arguments.output, choices, summed, about))
    return EXIT_INTERRUPTED if interrupted else 0


def run(arguments: argparse.Namespace) -> int:
    """Run the benchmark."""
    return _run_selection(arguments) if arguments.selection else _run_cases(arguments)
