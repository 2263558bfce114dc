"""``fastconv bench``: photographs through filters and networks, against NumPy and SciPy."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastconv
from fastconv.cli import machine
from fastconv.cli.errors import CommandError
from fastconv.cli.extras import require
from fastconv.cli.progress import run_each

SUMMARY = "time and check filters and networks on photographs, against NumPy and SciPy"
DESCRIPTION = """\
Run the photographs that scikit-image ships through classic filters, as layers and as functions of
fastconv.ndimage, and through the layers of LeNet, AlexNet, VGG-16, ResNet-50 and MobileNetV2,
forward and backward; compare every result with float64, and every time with NumPy (sliding windows
and einsum), with SciPy and with this machine's own ceilings. Writes bench.json, bench.csv,
bench.png and bench.svg, with --peers peers.csv too. Ctrl-C keeps what is done.

Exit codes: 0 all agree, 1 a result is wrong, 2 an error, 130 interrupted."""
EXIT_WRONG = 1
MOST_THREADS = 1024
EXIT_INTERRUPTED = 130
EXTRAS = ("rich", "matplotlib", "skimage", "scipy.ndimage", "scipy.signal")
CASE_SECONDS = {True: 0.02, False: 0.2}  # by --quick, for each library
PEER_SECONDS = {True: 0.015, False: 0.04}  # for each engine, in each round
PEER_ROUNDS = {True: 3, False: 5}
SELECTION_SECONDS = {True: 0.01, False: 0.03}  # for each algorithm, in each round
SELECTION_ROUNDS = {True: 3, False: 7}


def _threads(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= number <= MOST_THREADS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {MOST_THREADS}")
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--quick", action="store_true", help="fewer cases: some 20 seconds")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TEXT",
        help="only cases with TEXT in their name, such as resnet50, 'input gradient' or "
        "sobel,laplacian; may be repeated",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--peers",
        action="store_true",
        help="also time whatever is installed of torch, ONNX Runtime, OpenVINO, ncnn and OpenCV, "
        "each in a process of its own, and check its results; some minutes more",
    )
    instead.add_argument(
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


@contextlib.contextmanager
def _peers(wanted: bool, threads: int) -> Iterator[Any]:
    """Start the processes of all engines, where they are wanted; else give None."""
    if not wanted:
        yield None
        return
    from fastconv.cli.peers.comparison import Engines

    with Engines(threads) as engines:
        yield engines


def _finish(folder: Path, outcome: Any, about: dict[str, Any]) -> None:
    """Print the tables and write the files."""
    from fastconv.cli import chart, report
    from fastconv.cli.peers import report as peers_report

    note = "~: SciPy timed on some of the channels, and scaled"
    report.print_table(outcome.rows, f"{outcome.caption}\n{note}")
    if outcome.engines is not None:
        peers_report.print_table(outcome.comparisons, outcome.engines, outcome.caption)
        about["peers"] = peers_report.record(outcome.comparisons, outcome.engines)
    try:
        paths = report.write(folder, outcome.rows, about)
        if outcome.engines is not None:
            paths.append(peers_report.write_csv(folder, outcome.comparisons))
        paths += chart.draw(folder, outcome)
    except OSError as error:
        raise CommandError(f"cannot write to {folder}: {error.strerror}") from error
    print("written:", ", ".join(str(path) for path in paths))


def _run_cases(arguments: argparse.Namespace) -> int:
    """Time and check every case."""
    require(*EXTRAS)  # all of them now: no import may fall into a measured time
    from fastconv.cli import report, workloads
    from fastconv.cli.outcome import Outcome
    from fastconv.cli.runner import Ceilings, compare_with_ceilings, run_case

    chosen = _selected(arguments, workloads.cases(arguments.quick))
    report.prepare(arguments.output)
    threads, quick = arguments.threads or fastconv.get_num_threads(), arguments.quick
    ceilings = Ceilings()

    def run_one(case: Any) -> tuple[Any, Any]:
        ceilings.measure(case.group)
        problem = case.build()
        row = run_case(case, problem, CASE_SECONDS[quick])
        if engines is None:
            return row, None
        return row, engines.compare(case, problem, PEER_SECONDS[quick], PEER_ROUNDS[quick])

    limits = fastconv.num_threads(threads), _blas_threads(arguments.threads)
    with limits[0], limits[1], _peers(arguments.peers, threads) as engines:
        done, interrupted = run_each(chosen, run_one)
    outcome = Outcome(
        rows=[compare_with_ceilings(row, ceilings) for row, _ in done],
        comparisons=[comparison for _, comparison in done if comparison is not None],
        engines=engines,
        ceilings=ceilings,
        caption=_caption(ceilings, threads),
    )
    about = machine.about(arguments.words, threads, interrupted) | {"ceilings": ceilings.record()}
    _finish(arguments.output, outcome, about)
    if interrupted:
        return EXIT_INTERRUPTED
    return 0 if all(row.agrees for row in outcome.rows) else EXIT_WRONG


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
