"""Blocks one after another through a device that is never kept waiting.

Threads read the next block while the device computes one and others write the one before, so at most
`IN_FLIGHT` blocks are held besides the one that is read.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rogi.detection.model.backends import usable_cores
from rogi.detection.prediction.block_prediction import (
    BlockDone,
    BlockJob,
    engine_of,
    read_piece,
    windows_to_run,
)
from rogi.detection.prediction.block_store import write_block
from rogi.errors import RogiError
from rogi.raster.files import reading

if TYPE_CHECKING:
    from rogi.detection.windows import Mask

READERS = 8
"""Threads that read at most; fewer where there are fewer cores."""

IN_FLIGHT = 2
"""Blocks handed to the device and not written yet."""

EXACT = {"uint8": np.uint8, "int16": np.int16, "uint16": np.int32}
"""Types in which stored numbers go to the device as they are: a quarter of the bytes of float32."""


class Handed(Protocol):
    """A block that a device is computing."""

    @property
    def seconds(self) -> float:
        """Time that the device took."""

    def parts(self) -> dict[str, NDArray[Any]]:
        """Arrays of the block's file; waits for the device."""


class Device(Protocol):
    """What computes blocks; see `rogi.detection.prediction.device_blend.DeviceBlend`."""

    def start(self, values: NDArray[Any], valid: Mask, wanted: Mask, ran: Mask) -> Handed:
        """Hand over a block; returns before it is done."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """Pixels of a block's footprint; see `rogi.detection.prediction.block_prediction.Strip`."""

    values: NDArray[Any]
    valid: Mask
    wanted: Mask
    lost: Mask
    damage: dict[str, str]


def run_group(jobs: tuple[BlockJob, ...], readers: int = READERS) -> list[BlockDone | str]:
    """Predict blocks on the device of this process; a job of `rogi.jobs.run_jobs`.

    Returns
    -------
    list of BlockDone or str
        For each block what was done, or why it could not be.
    """
    found: dict[int, BlockDone | str] = {}
    stream_blocks(jobs, found.__setitem__, readers=readers)
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
    notes: list[str] = []
    if device is None:
        from rogi.detection.prediction.device_blend import DeviceBlend

        engine, bundle = engine_of(task.bundle, task.digest, task.plan, task.test_at)
        network: Any = engine  # of the class Torch, by the plan
        device = DeviceBlend(network, bundle.card, task.intake, task.blend, task.spread)
        notes = network.notes
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
            done(number, BlockDone(count, network, seconds, loaded.damage, tuple(notes)))

    with _Readers(readers) as pool, ThreadPoolExecutor(IN_FLIGHT) as writers:
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
            writing.append((number, loaded, int(ran.sum()), writers.submit(_write, job, ran, handed)))
        while writing:
            settle()


def _write(job: BlockJob, ran: Mask, handed: Handed) -> float:
    write_block(job.path, ran, handed.parts())
    return handed.seconds


class _Readers:
    """Threads that read strips of blocks, each with files of its own that stay open."""

    def __init__(self, count: int) -> None:
        self._threads = [ThreadPoolExecutor(1) for _ in range(min(count, usable_cores()))]
        self._next = 0

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
        task, blend = job.task, job.task.blend
        shape = job.footprint.shape
        dtype = EXACT.get(task.imagery.dtype) if task.imagery.stored else None
        values = np.empty((len(task.imagery.names), *shape), dtype or np.float32)
        valid, lost = np.empty(shape, bool), np.empty(shape, bool)

        def strip(first: int, height: int) -> dict[str, str]:
            damage: dict[str, str] = {}
            rows = slice(first, first + height)
            values[:, rows], valid[rows], lost[rows] = read_piece(
                task, job.footprint.row0 + first, job.footprint.column0, height, shape[1], damage
            )
            return damage

        mask = self._submit(job.ground.mask, job.footprint)
        strips = [self._submit(strip, 0, blend.patch)] + [
            self._submit(strip, row * blend.stride + blend.overlap, blend.stride)
            for row in range(1, blend.side)
        ]

        def loaded() -> Loaded:
            damage: dict[str, str] = {}
            for future in strips:
                for path, message in future.result().items():
                    damage.setdefault(path, message)
            ground = mask.result()
            return Loaded(values, valid, valid if ground is None else valid & ground, lost, damage)

        return loaded

    def _submit(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        self._next = (self._next + 1) % len(self._threads)
        return self._threads[self._next].submit(function, *arguments)


@contextmanager
def _in_thread(thread: ThreadPoolExecutor) -> Iterator[None]:
    """`rogi.raster.files.reading` for the one thread of an executor."""
    stack = ExitStack()
    thread.submit(stack.enter_context, reading()).result()
    try:
        yield
    finally:
        thread.submit(stack.close).result()
