"""Runs one case: times it with each library, and compares the results."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from time import perf_counter, sleep

import numpy as np

from fastconv import _core
from fastconv.cli.problems import Problem
from fastconv.cli.workloads import Case

Array = np.ndarray

ONCE_SECONDS = 0.5
FLOPS_SECONDS = 0.02  # before every case
BANDWIDTH_SECONDS = 0.1  # before every group
REST_SECONDS = 0.03  # OpenBLAS's idle threads spin for 2**26 ticks of the clock: about 20 ms


@dataclass
class Ceilings:
    """What this machine can do at most: the best of several measurements.

    They are spread over the run, as other programs can only lower them.

    Attributes
    ----------
    flops : float
        Multiply-adds in registers, counted twice, a second (float32).
    bandwidth : float
        Bytes read and written a second by a large copy.
    """

    flops: float = 0.0
    bandwidth: float = 0.0
    _group: str = ""

    def measure(self, group: str) -> None:
        """Measure the arithmetic, and the memory where another group of cases begins."""
        self.flops = max(self.flops, _core.measure_flops("bench", False, FLOPS_SECONDS))
        if group != self._group:
            self._group = group
            measured = _core.measure_bandwidth("bench", BANDWIDTH_SECONDS)
            self.bandwidth = max(self.bandwidth, measured)

    def record(self) -> dict[str, float]:
        """Give both for a report."""
        return {"flops_per_second": self.flops, "bytes_per_second": self.bandwidth}

    def seconds(self, operations: float, traffic: float) -> float:
        """Give the least time for so many operations and so many bytes."""
        return max(operations / self.flops, traffic / self.bandwidth)

    def limit(self, operations: float, traffic: float) -> str:
        """Say which of the two takes longer."""
        return "compute" if operations / self.flops >= traffic / self.bandwidth else "memory"


@dataclass(frozen=True)
class Row:
    """A case that was run. Times in seconds, the shortest of several calls.

    Attributes
    ----------
    group, case, operation : str
        Which case.
    seconds, numpy_seconds : float
        Of fastconv and of NumPy.
    scipy_seconds : float or None
        Of SciPy, measured on `scipy_share` of the result and scaled up; None where it has no such
        operator.
    scipy_share : float or None
        From 0 to 1.
    speedup_numpy : float
    speedup_scipy : float or None
    operations, traffic : float
        Of the direct sum, and the bytes of the arrays.
    gflops : float
        10**9 operations a second.
    largest_error, allowed_error : float
        Of an element of fastconv's result against float64, relative to the sum of its terms'
        magnitudes; and the bound that fastconv promises.
    norm_error : float
        The Euclidean norm of fastconv's error, relative to that of the result.
    allowed_norm_error : float or None
        The bound that fastconv promises of it where it runs Winograd's algorithm.
    agrees : bool
        Whether fastconv, NumPy and SciPy all are within their bounds.
    disagreement : str
        Who is not, and by how much.
    ceiling_percent : float
        The time that the machine's ceilings would allow, in percent of the time taken. Arrays that
        stay in the caches may pass 100, and so may Winograd's algorithm, which multiplies less.
    ceiling : {"compute", "memory"}
        Which ceiling that is.
    """

    group: str
    case: str
    operation: str
    seconds: float
    numpy_seconds: float
    scipy_seconds: float | None
    scipy_share: float | None
    speedup_numpy: float
    speedup_scipy: float | None
    operations: float
    traffic: float
    gflops: float
    largest_error: float
    allowed_error: float
    norm_error: float
    allowed_norm_error: float | None
    agrees: bool
    disagreement: str
    ceiling_percent: float = 0.0
    ceiling: str = ""


def compare_with_ceilings(row: Row, ceilings: Ceilings) -> Row:
    """Complete a row, when the ceilings are known."""
    least = ceilings.seconds(row.operations, row.traffic)
    limit = ceilings.limit(row.operations, row.traffic)
    return replace(row, ceiling_percent=100 * least / row.seconds, ceiling=limit)


def _time(function: Callable[[], Array], budget: float) -> tuple[float, Array]:
    """Give the shortest time of the calls that fit into the budget, and a result.

    A function that takes longer is called twice, or once where it takes very long. The threads of
    the library timed before, which go on for a while with nothing to do, have come to rest by then.
    """
    sleep(REST_SECONDS)
    times: list[float] = []
    end = perf_counter() + budget
    while True:
        start = perf_counter()
        result = function()
        now = perf_counter()
        times.append(now - start)
        if now >= end and (len(times) > 1 or now - start > ONCE_SECONDS):
            return min(times), result


def largest_error(result: Array, expected: Array, magnitude: Array) -> float:
    """Give the largest error relative to the magnitudes; infinite for NaN or another shape."""
    if result.shape != expected.shape:
        return float("inf")
    error = np.abs(result - expected)
    relative = np.divide(error, magnitude, out=np.zeros_like(error), where=error != 0)
    return float("inf") if np.isnan(error).any() else float(relative.max(initial=0.0))


def norm_error(result: Array, expected: Array) -> float:
    """Give the error's Euclidean norm relative to that of the result; infinite for NaN."""
    if result.shape != expected.shape:
        return float("inf")
    error, norm = float(np.linalg.norm(result - expected)), float(np.linalg.norm(expected))
    if not np.isfinite(error):
        return float("inf")
    return error / norm if norm else float("inf" if error else 0)


def _largest_fft_error(result: Array, expected: Array, magnitude: Array) -> float:
    """Give the error as `largest_error` does, but relative to the largest magnitude.

    SciPy takes a Fourier transform where that is faster: its error is bounded for all of the
    array together only.
    """
    return largest_error(result, expected, np.full_like(magnitude, magnitude.max(initial=0.0)))


def _run_scipy(problem: Problem, budget: float) -> tuple[float | None, Array | None]:
    """Give the time that the whole result would take, and the part that was computed."""
    if problem.scipy is None:
        return None, None
    seconds, result = _time(problem.scipy, budget)
    return seconds / problem.scipy_share, result


def run_case(case: Case, problem: Problem, budget: float) -> Row:
    """Run a case.

    Parameters
    ----------
    case : Case
        What to run.
    problem : Problem
        Its arrays, made.
    budget : float
        Seconds for each library.

    Returns
    -------
    Row
        Not yet compared with the ceilings.
    """
    seconds, ours = _time(problem.fastconv, budget)
    numpy_seconds, by_numpy = _time(problem.numpy, budget)
    scipy_seconds, by_scipy = _run_scipy(problem, budget)
    expected, magnitude = problem.expected()
    part = problem.scipy_part
    errors = {
        "fastconv": largest_error(ours, expected, magnitude),
        "NumPy": largest_error(by_numpy, expected, magnitude),
    }
    if by_scipy is not None:
        errors["SciPy"] = _largest_fft_error(by_scipy, expected[part], magnitude[part])
    bound = problem.bound
    wrong = [
        f"{name} is off by {error:.1e}"
        for name, error in errors.items()
        if not error <= bound.element
    ]
    norm = norm_error(ours, expected)
    if bound.norm is not None and not norm <= bound.norm:
        wrong.append(f"fastconv's norm is off by {norm:.1e} ({bound.norm:.1e} allowed)")
    return Row(
        group=case.group,
        case=case.name,
        operation=case.operation,
        seconds=seconds,
        numpy_seconds=numpy_seconds,
        scipy_seconds=scipy_seconds,
        scipy_share=None if scipy_seconds is None else problem.scipy_share,
        speedup_numpy=numpy_seconds / seconds,
        speedup_scipy=None if scipy_seconds is None else scipy_seconds / seconds,
        operations=problem.operations,
        traffic=problem.traffic,
        gflops=problem.operations / seconds / 1e9,
        largest_error=errors["fastconv"],
        allowed_error=bound.element,
        norm_error=norm,
        allowed_norm_error=bound.norm,
        agrees=not wrong,
        disagreement=", ".join(wrong),
    )
