"""Running independent jobs: here, on processes of this machine, or on a Dask cluster."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, TypeVar

from rogi.distribution import missing
from rogi.errors import InputError, OptionError, RogiError, is_interrupt

Job = TypeVar("Job")
Result = TypeVar("Result")

ATTEMPTS = 3
"""Times a job is begun before the death of its worker counts as its failure."""

QUEUE = 4
"""Jobs handed out per worker: enough to keep it busy, few enough to bound what is held."""


@dataclass(frozen=True)
class Failure:
    """A job that could not be done, and the sentence that says why."""

    job: int
    message: str


@dataclass
class _Kept:
    """Pools by their number of workers, and what ends them."""

    stack: ExitStack
    pools: dict[int, Executor] = field(default_factory=dict)


_kept: ContextVar[_Kept | None] = ContextVar("kept workers", default=None)


@contextmanager
def kept_workers() -> Iterator[None]:
    """Within it, the processes of one call of `run_jobs` serve the next: they take seconds to begin."""
    with ExitStack() as stack:
        token = _kept.set(_Kept(stack))
        try:
            yield
        finally:
            _kept.reset(token)


def run_jobs(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    done: Callable[[int, Result], None],
    *,
    workers: int = 1,
    cluster: str | None = None,
) -> list[Failure]:
    """Run a function on every job; the failure of one does not stop the others.

    Parameters
    ----------
    function : callable
        At the top of a module, with arguments and results that can be pickled.
    jobs : sequence
    done : callable
        Called here with the number of a job and its result, as they come: in any order.
    workers : int
        Processes of this machine; with 1 all is done in this one.
    cluster : str, optional
        Address of a Dask scheduler (``tcp://host:8786``), in place of `workers`. Its workers must see the
        same files.

    Returns
    -------
    list of Failure
        In the order of the jobs. Only errors a user can cause (`RogiError`) and the death of workers are
        failures; others are raised.

    Raises
    ------
    OptionError
        Fewer workers than one, or an address without a scheduler.
    MissingExtra
        Dask is not installed.
    """
    if workers < 1:
        raise OptionError(f"--workers is at least 1, found {workers}.")
    failures: list[Failure] = []
    if cluster is None and (workers == 1 or len(jobs) < 2):
        for number, job in enumerate(jobs):
            try:
                result = function(job)
            except RogiError as error:
                failures.append(Failure(number, str(error)))
            else:
                done(number, result)
        return failures
    waiting = list(range(len(jobs)))[::-1]
    attempts = [0] * len(jobs)
    while waiting:
        # The death of a process breaks the whole pool: what it had in hand is begun again in another.
        with _executor(workers, cluster) as (executor, slots):
            lost = _run(executor, slots, function, jobs, waiting, attempts, done, failures)
        if lost and (kept := _kept.get()) is not None:
            kept.pools.pop(workers, None)
        for number in lost:
            if attempts[number] < ATTEMPTS:
                waiting.append(number)
            else:
                failures.append(Failure(number, "A worker died on it repeatedly, maybe for want of memory."))
    return sorted(failures, key=lambda failure: failure.job)


def _run(
    executor: Executor,
    slots: int,
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    waiting: list[int],
    attempts: list[int],
    done: Callable[[int, Result], None],
    failures: list[Failure],
) -> list[int]:
    """Run waiting jobs until none is left or the pool breaks; return those that were lost with it."""
    running: dict[Future[Result], int] = {}
    lost: list[int] = []
    try:
        while waiting or running:
            while waiting and len(running) < slots and not lost:
                number = waiting.pop()
                attempts[number] += 1
                try:
                    with _undisturbed():
                        running[executor.submit(function, jobs[number])] = number
                except BrokenProcessPool:
                    lost.append(number)
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(future)
                try:
                    result = future.result()
                except RogiError as error:
                    failures.append(Failure(number, str(error)))
                except BrokenProcessPool:
                    lost.append(number)
                except Exception as error:
                    if type(error).__name__ != "KilledWorker":
                        raise
                    failures.append(Failure(number, "Workers of the cluster died on it repeatedly."))
                else:
                    done(number, result)
    except BaseException:
        for future in running:
            future.cancel()
        raise
    return lost


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Processes begun here never hear of Ctrl-C, which a terminal sends to all; this one does, later."""
    if not hasattr(signal, "pthread_sigmask"):  # not on every system
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _executor(workers: int, cluster: str | None) -> Iterator[tuple[Executor, int]]:
    """An executor and how many jobs to hand to it at a time."""
    if cluster is None:
        kept = _kept.get()
        if kept is None:
            with _pool(workers) as pool:
                yield pool, workers * QUEUE
            return
        if workers not in kept.pools:
            kept.pools[workers] = kept.stack.enter_context(_pool(workers))
        yield kept.pools[workers], workers * QUEUE
        return
    try:
        distributed: Any = import_module("distributed")
    except ImportError:
        raise missing("--cluster needs Dask", "cluster") from None
    try:
        client = distributed.Client(cluster, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(f"There is no Dask scheduler at {cluster}: {error}.") from error
    try:
        threads = sum(client.nthreads().values()) or 1
        yield client.get_executor(pure=False), threads * QUEUE
    finally:
        client.close()


@contextmanager
def _pool(workers: int) -> Iterator[Executor]:
    # A forked process would share GDAL's and numba's state with this one.
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
    others = set(multiprocessing.active_children())
    try:
        yield pool
    except BaseException as error:
        if is_interrupt(error):
            for process in set(multiprocessing.active_children()) - others:
                process.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
