"""A process for one engine: its threads, its memory and its crashes are its own."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

import fastconv
from fastconv.cli.peers.engines import ENGINES, Run
from fastconv.cli.timing import seconds_per_call

PATIENCE = 120.0  # seconds for an answer
QUIET_SECONDS = 0.02  # before a measurement: until the other engines' threads have gone to sleep
THREAD_VARIABLES = tuple(f"{name}_NUM_THREADS" for name in ("MKL", "OMP", "OPENBLAS"))
# What a process answers with.
READY, LACKS, MISSING, FAILED = "ready", "lacks", "missing", "failed"
Answer = tuple[str, Any]


# ---- In the process


class _Server:
    """Does what it is asked: "load", "make" a case, "time" it."""

    def __init__(self, name: str, threads: int) -> None:
        self._engine = ENGINES[name]
        self._threads = threads
        fastconv.set_num_threads(threads)
        self._run: Run | None = None

    def load(self) -> Answer:
        return READY, self._engine.load()

    def make(self, arrays: Any, operation: str) -> Answer:
        self._run = None  # frees what the last case held
        self._run = self._engine.make(arrays, operation, self._threads)
        if self._run is None:
            return LACKS, None
        return READY, self._run.view(self._run.call())

    def time(self, budget: float) -> Answer:
        assert self._run is not None
        time.sleep(QUIET_SECONDS)
        seconds_per_call(self._run.call, budget / 2)  # until its own threads are awake
        return READY, seconds_per_call(self._run.call, budget)

    def answer(self, task: str, arguments: tuple[Any, ...]) -> Answer:
        try:
            answer: Answer = getattr(self, task)(*arguments)
            return answer
        except ImportError as error:
            return MISSING, str(error)
        except Exception as error:
            return FAILED, f"{type(error).__name__}: {error}"


def _serve(connection: Connection, name: str, threads: int) -> None:
    silent = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # what failed is answered, not printed
        os.dup2(silent, stream)
    server = _Server(name, threads)
    with contextlib.suppress(EOFError):  # the other end is gone
        while True:
            task, *arguments = connection.recv()
            connection.send(server.answer(task, tuple(arguments)))


# ---- In the command


@contextlib.contextmanager
def _inherited(threads: int) -> Iterator[None]:
    """While a process is started: it takes the number of threads, and leaves Ctrl-C to us."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class Worker:
    """An engine's process.

    Parameters
    ----------
    name : str
        Of the engine.
    threads : int
        For its kernels.
    """

    def __init__(self, name: str, threads: int) -> None:
        context = get_context("spawn")
        self._connection, end = context.Pipe()
        arguments = (end, name, threads)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        with _inherited(threads):
            self._process.start()
        end.close()
        self.alive = True

    def ask(self, task: str, *arguments: Any) -> Answer:
        """Have something done; an answer of FAILED where the process died or took too long."""
        try:
            self._connection.send((task, *arguments))
            if self._connection.poll(PATIENCE):
                answer: Answer = self._connection.recv()
                return answer
            reason = f"no answer within {PATIENCE:.0f} seconds"
        except (EOFError, OSError):
            self._process.join(1)
            reason = f"its process ended with code {self._process.exitcode}"
        self.close()
        return FAILED, reason

    def close(self) -> None:
        """End the process."""
        self.alive = False
        self._connection.close()
        self._process.terminate()
        self._process.join(5)
