"""Every engine on one case, in turn; who is fastest, and by how much."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastconv.cli.peers.engines import ENGINES, OURS, PEERS
from fastconv.cli.peers.worker import LACKS, MISSING, READY, Worker
from fastconv.cli.problems import WINOGRAD_BOUND, Conv, Problem
from fastconv.cli.runner import largest_error
from fastconv.cli.timing import geometric_mean, medians
from fastconv.cli.workloads import Case


@dataclass(frozen=True)
class Comparison:
    """A case with the times of all engines that have the operation and agree.

    Attributes
    ----------
    group, case, operation : str
        Which case.
    operations, traffic : float
        As in `Row`.
    seconds : dict
        Of a call, for each engine: the median over the rounds.
    best_own, best_peer : str or None
        The fastest of fastconv's ways, and of the peers; None where there is none.
    ratio : float or None
        The best peer's time over our best: above 1 where fastconv is faster.
    """

    group: str
    case: str
    operation: str
    operations: float
    traffic: float
    seconds: dict[str, float]
    best_own: str | None
    best_peer: str | None
    ratio: float | None


def _fastest(seconds: dict[str, float], names: Iterable[str]) -> str | None:
    there = [name for name in names if name in seconds]
    return min(there, key=seconds.__getitem__) if there else None


def comparison(case: Case, problem: Problem, seconds: dict[str, float]) -> Comparison:
    """Find the best of both sides."""
    own, peer = _fastest(seconds, OURS), _fastest(seconds, PEERS)
    ratio = None if own is None or peer is None else seconds[peer] / seconds[own]
    title = (case.group, case.name, case.operation)
    return Comparison(*title, problem.operations, problem.traffic, seconds, own, peer, ratio)


def allowed_error(problem: Problem) -> float:
    """Give the largest error of an element: any engine may convolve with Winograd's algorithm."""
    bound = problem.bound.element
    return max(bound, WINOGRAD_BOUND.element) if isinstance(problem.arrays, Conv) else bound


class Engines:
    """The processes of all engines, and what went wrong in them. A context.

    Parameters
    ----------
    threads : int
        For each of them.

    Attributes
    ----------
    versions : dict
        Of those that are installed.
    missing : dict
        Why others are not.
    failures : list of tuple
        (engine, title of the case, what happened).
    """

    def __init__(self, threads: int) -> None:
        self.versions: dict[str, str] = {}
        self.missing: dict[str, str] = {}
        self.failures: list[tuple[str, str, str]] = []
        self._workers: dict[str, Worker] = {}
        try:
            for name in ENGINES:  # all at once: each needs a second
                self._workers[name] = Worker(name, threads)
            for name in ENGINES:
                self._load(name)
        except BaseException:
            self.close()
            raise

    def _load(self, name: str) -> None:
        worker = self._workers[name]
        kind, answer = worker.ask("load")
        if kind == READY:
            self.versions[name] = answer
            return
        worker.close()
        if kind == MISSING:
            self.missing[name] = answer
        else:
            self.failures.append((name, "import", answer))

    def __enter__(self) -> "Engines":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes."""
        for worker in self._workers.values():
            worker.close()

    def _ready(self, name: str, case: Case, problem: Problem) -> bool:
        """Set a case up and check its result; tell whether it can be timed."""
        worker = self._workers[name]
        if not worker.alive:
            return False
        kind, answer = worker.ask("make", problem.arrays, case.operation)
        if kind == READY:
            error = largest_error(answer, *problem.expected())
            if error <= allowed_error(problem):
                return True
            answer = f"off by {error:.1e}, {allowed_error(problem):.1e} allowed"
        if kind != LACKS:
            self.failures.append((name, case.title, answer))
        return False

    def _time(self, name: str, case: Case, budget: float) -> float:
        """Time a case once; infinite where that fails, or has failed in an earlier round."""
        if self._has_failed(name, case):
            return math.inf
        kind, answer = self._workers[name].ask("time", budget)
        if kind == READY:
            return float(answer)
        self.failures.append((name, case.title, answer))
        return math.inf

    def _has_failed(self, name: str, case: Case) -> bool:
        return (name, case.title) in ((which, title) for which, title, _ in self.failures)

    def compare(self, case: Case, problem: Problem, budget: float, rounds: int) -> Comparison:
        """Run a case on all engines, in turn.

        Parameters
        ----------
        case : Case
            Which one.
        problem : Problem
            Its arrays, and what must come out.
        budget : float
            Seconds for an engine in a round.
        rounds : int
            The time is the median over so many of them.

        Returns
        -------
        Comparison
            Without the engines that lack the operation, disagree or fail.
        """
        timers: dict[str, Callable[[], float]] = {
            name: partial(self._time, name, case, budget)
            for name in ENGINES
            if self._ready(name, case, problem)
        }
        times = medians(timers, rounds)
        kept = {name: time for name, time in times.items() if not self._has_failed(name, case)}
        return comparison(case, problem, kept)


def _standing(ratios: list[float]) -> dict[str, Any]:
    return {
        "rows": len(ratios),
        "ratio": geometric_mean(ratios),
        "ahead": sum(ratio >= 1 for ratio in ratios),
    }


def _each(comparisons: list[Comparison], names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Compare engines one by one with each row's best peer."""
    standings = {}
    for name in names:
        ratios = [
            row.seconds[row.best_peer] / row.seconds[name]
            for row in comparisons
            if row.best_peer is not None and name in row.seconds
        ]
        if ratios:
            standings[name] = _standing(ratios)
    return standings


def summary(comparisons: list[Comparison]) -> dict[str, Any] | None:
    """Sum up the rows that have a peer; None where there is none.

    Returns
    -------
    dict or None
        "ratio": how many times as fast as each row's best peer (geometric mean); "worst_ratio" and
        "worst": the row where that is least; "ahead" of "rows"; the same for each operation and,
        with each row's best peer, for each of fastconv's ways and each peer by itself.
    """
    rows = [(row, row.ratio) for row in comparisons if row.ratio is not None]
    if not rows:
        return None
    worst, worst_ratio = min(rows, key=lambda pair: pair[1])
    operations = dict.fromkeys(row.operation for row, _ in rows)
    return _standing([ratio for _, ratio in rows]) | {
        "worst_ratio": worst_ratio,
        "worst": f"{worst.group} {worst.case}, {worst.operation}",
        "operations": {
            name: _standing([ratio for row, ratio in rows if row.operation == name])
            for name in operations
        },
        "ours": _each(comparisons, OURS),
        "peers": _each(comparisons, PEERS),
    }
