"""Blocks one after another through a device that is never kept waiting.

Threads read the next block while the device computes one and others write the one before, so at most
`IN_FLIGHT` blocks are held besides the one that is read.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from math import gcd
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rogi.detection.model.backends import usable_cores
from rogi.detection.prediction.block_prediction import (
    BlockDone,
    BlockJob,
    Task,
    read_piece,
    windows_to_run,
)
from rogi.detection.prediction.block_store import finished_block, write_block
from rogi.detection.prediction.host_blend import HostBlend
from rogi.errors import RogiError
from rogi.raster.files import reading

if TYPE_CHECKING:
    from rogi.detection.windows import Mask

READERS = 8
"""Threads that read at most, and no more than half of the cores."""

IN_FLIGHT = 2
"""Blocks handed to the device and not written yet."""


class Handed(Protocol):
    """A block that a device is computing."""

    @property
    def seconds(self) -> float:
        """Time that the device took."""

    def parts(self) -> dict[str, NDArray[Any]]:
        """Arrays of the block's file; waits for the device."""


class Device(Protocol):
    """What computes blocks: `rogi.detection.prediction.host_blend.HostBlend`, or `DeviceBlend` on a GPU."""

    def start(self, values: NDArray[Any], valid: Mask, wanted: Mask, ran: Mask) -> Handed:
        """Hand over a block; returns before it is done."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """Pixels of a block's footprint.

    Attributes
    ----------
    values : ndarray, shape (c, h, w)
        Stored numbers, 0 where not valid.
    valid, wanted, lost : ndarray of bool, shape (h, w)
        Pixels with data, those of them on the ground that is predicted, and those on files that cannot be
        read.
    damage : dict of str to str
        What is wrong with those files, by their paths.
    """

    values: NDArray[Any]
    valid: Mask
    wanted: Mask
    lost: Mask
    damage: dict[str, str]


def run_group(jobs: tuple[BlockJob, ...], readers: int = READERS) -> list[BlockDone | str]:
    """Predict blocks on the device of this process; a job of `rogi.jobs.run_jobs`.

    Of a group that is begun again, since its worker died, what that has finished is not computed again.

    Returns
    -------
    list of BlockDone or str
        For each block what was done, or why it could not be.
    """
    found: dict[int, BlockDone | str] = {}
    for number, job in enumerate(jobs):
        if (held := finished_block(job.path)) is not None:
            found[number] = BlockDone(held[0], 0.0, 0.0, held[1])
    rest = [number for number in range(len(jobs)) if number not in found]

    def done(place: int, result: BlockDone | str) -> None:
        found[rest[place]] = result

    stream_blocks([jobs[number] for number in rest], done, readers=readers)
    return [found[number] for number in range(len(jobs))]


def stream_blocks(
    jobs: Sequence[BlockJob],
    done: Callable[[int, BlockDone | str], None],
    *,
    device: Device | None = None,
    readers: int = READERS,
) -> None:
    """Predict blocks in order and write their files.

    Parameters
    ----------
    jobs : sequence of BlockJob
        Of one task.
    done : callable
        Called with the number of a block and what was done, or the sentence that says why it could not be.
    device : Device, optional
        By default that of the plan.
    readers : int
        Threads that read.

    Raises
    ------
    RogiError
        The bundle is another by now, or fails its self-test on this machine.
    """
    if not jobs:
        return
    task = jobs[0].task
    last = time.perf_counter()
    writing: deque[tuple[int, Loaded, int, Future[float]]] = deque()

    def settle() -> None:
        nonlocal last
        number, loaded, count, future = writing.popleft()
        try:
            network = future.result()
        except RogiError as error:
            done(number, str(error))
        else:
            now = time.perf_counter()
            seconds, last = now - last, now
            pool.free.append(loaded)
            notes = tuple(note for engine in engines for note in getattr(engine, "notes", ()))
            done(number, BlockDone(count, network, seconds, loaded.damage, notes))

    with ExitStack() as stack:
        writers = stack.enter_context(ThreadPoolExecutor(IN_FLIGHT))
        pool = stack.enter_context(_Readers(readers, task))
        engines: Sequence[Any] = ()
        if device is None:
            device, engines = _device(task, stack)
        coming = deque([pool.load(jobs[0])])
        for number, job in enumerate(jobs):
            if number + 1 < len(jobs):
                coming.append(pool.load(jobs[number + 1]))
            loaded = coming.popleft()()
            ran = windows_to_run(loaded.valid, loaded.wanted, loaded.lost, task.blend)
            if not ran.any():
                while writing:
                    settle()
                done(number, BlockDone(0, 0.0, 0.0, loaded.damage))
                continue
            while len(writing) >= IN_FLIGHT:
                settle()
            try:
                handed = device.start(loaded.values, loaded.valid, loaded.wanted, ran)
            except RogiError as error:
                done(number, str(error))
                continue
            writing.append(
                (number, loaded, int(ran.sum()), writers.submit(_write, job, ran, handed, loaded.damage))
            )
        while writing:
            settle()


def _device(task: Task, stack: ExitStack) -> tuple[Device, Sequence[Any]]:
    """What the plan of a task computes with, and its engines, whose notes grow."""
    networks = task.networks()
    settings = task.intake, task.blend, task.spread, task.turns
    engines = [engine for engine, _ in networks]
    if task.plan.backend != "torch":
        return stack.enter_context(HostBlend(networks, *settings)), engines
    module = import_module("rogi.detection.prediction.device_blend")
    return module.DeviceBlend(networks, *settings), engines


def _write(job: BlockJob, ran: Mask, handed: Handed, damage: Mapping[str, str]) -> float:
    write_block(job.path, ran, handed.parts(), damage)
    return handed.seconds


class _Readers:
    """Threads that read strips of blocks, each with files of its own that stay open.

    A thread reads the same rows of every block, one strip after the other: what GDAL has decoded of a file
    for one strip or block serves the next.
    """

    def __init__(self, count: int, task: Task) -> None:
        self._imagery, self._blend = task.imagery.exact(), task.blend
        threads = max(1, min(count, usable_cores() // 2, task.blend.side))
        self._threads = [ThreadPoolExecutor(1) for _ in range(threads)]
        self.free: list[Loaded] = []
        """Blocks that are done: their memory serves the next."""

    def __enter__(self) -> _Readers:
        self._stack = ExitStack()
        for thread in self._threads:
            self._stack.enter_context(thread)
            self._stack.enter_context(_in_thread(thread))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def load(self, job: BlockJob) -> Callable[[], Loaded]:
        """Begin to read a block; what is returned waits for it."""
        imagery, blend, footprint = self._imagery, self._blend, job.footprint
        cell, shape = gcd(blend.stride, blend.patch), footprint.shape
        if self.free:
            old = self.free.pop()
            values, valid, lost = old.values, old.valid, old.lost
            lost[...] = False
        else:
            values = np.empty((len(imagery.names), *shape), imagery.pixel_type)
            valid, lost = np.empty(shape, bool), np.zeros(shape, bool)

        def strip(first: int, stop: int) -> dict[str, str]:
            damage: dict[str, str] = {}
            rows, place = slice(first, stop), (footprint.row0 + first, footprint.column0)
            read_piece(imagery, cell, place, values[:, rows], valid[rows], lost[rows], damage)
            return damage

        edges = [0, *range(blend.patch, shape[0] + 1, blend.stride)]
        strips = [
            self._threads[number * len(self._threads) // blend.side].submit(strip, first, stop)
            for number, (first, stop) in enumerate(pairwise(edges))
        ]
        mask = self._threads[-1].submit(job.ground.mask, footprint)

        def loaded() -> Loaded:
            damage: dict[str, str] = {}
            for future in strips:
                for path, message in future.result().items():
                    damage.setdefault(path, message)
            ground = mask.result()
            return Loaded(values, valid, valid if ground is None else valid & ground, lost, damage)

        return loaded


@contextmanager
def _in_thread(thread: ThreadPoolExecutor) -> Iterator[None]:
    """`rogi.raster.files.reading` for the one thread of an executor."""
    stack = ExitStack()
    thread.submit(stack.enter_context, reading()).result()
    try:
        yield
    finally:
        thread.submit(stack.close).result()
