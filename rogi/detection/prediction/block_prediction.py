"""Predicting one block of windows: reading, running and adding up side by side."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from math import gcd
from pathlib import Path
from platform import node
from typing import TYPE_CHECKING

import numpy as np

from rogi.detection.imagery.channels import CorruptTile, Imagery
from rogi.detection.model.backends import SelfTest
from rogi.detection.model.bundle import Bundle
from rogi.detection.model.engines import Backend, Floats, Plan, build_backend
from rogi.detection.prediction.block_store import BlockSums, finished_parts, write_block
from rogi.detection.windows import Blend, Mask, add_window, own_ground
from rogi.errors import InputError, RogiError
from rogi.raster.files import reading
from rogi.raster.grid import Window

if TYPE_CHECKING:
    from rogi.detection.imagery.suitability import Intake
    from rogi.detection.model.card import ModelCard
    from rogi.detection.prediction.predicted_area import BlockGround


@dataclass(frozen=True, eq=False)
class Task:
    """What all blocks of a prediction have in common.

    Attributes
    ----------
    imagery : Imagery
    intake : Intake
    bundle : Path
    digest : str
        Of the bundle; another one under this path is refused.
    plan : Plan
    blend : Blend
    spread : bool
        Whether the spread among windows is wanted.
    test_at : float, optional
        Threshold at which workers test the plan on their machine; None where it was tested on this one.
    """

    imagery: Imagery
    intake: Intake
    bundle: Path
    digest: str
    plan: Plan
    blend: Blend
    spread: bool = False
    test_at: float | None = None


@dataclass(frozen=True, eq=False)
class BlockJob:
    """A block to predict.

    Attributes
    ----------
    task : Task
    footprint : Window
        Pixels of the imagery that its windows cover.
    ground : BlockGround
    path : Path
        File to write.
    """

    task: Task
    footprint: Window
    ground: BlockGround
    path: Path


@dataclass(frozen=True)
class BlockDone:
    """A block that was predicted.

    Attributes
    ----------
    windows : int
        That were predicted; with none there is no file.
    network_seconds, seconds : float
        Time that the network ran, shared among its threads, and time in all.
    damage : mapping of str to str
        What is wrong with files that could not be read, by their paths; what lies on them is without data.
    notes : tuple of str
        What is worth telling, such as smaller batches.
    """

    windows: int
    network_seconds: float
    seconds: float
    damage: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Strip:
    """Pixels of a row of windows.

    Attributes
    ----------
    values : ndarray of float32, shape (c, patch, w)
        Normalised; 0 where not valid.
    valid : ndarray of bool, shape (patch, w)
        Pixels with data.
    wanted : ndarray of bool, shape (patch, w)
        Those of them on the ground that is predicted.
    lost : ndarray of bool, shape (patch, w)
        Pixels on files that cannot be read.
    """

    values: Floats
    valid: Mask
    wanted: Mask
    lost: Mask


def run_block(job: BlockJob) -> BlockDone:
    """Predict a block and write its file; the job of `rogi.jobs.run_jobs`.

    Raises
    ------
    RogiError
        The bundle is another by now, or fails its self-test on this machine, or the file cannot be written.
    """
    start = time.perf_counter()
    task = job.task
    engine, bundle = engine_of(task.bundle, task.digest, task.plan, task.test_at)
    damage: dict[str, str] = {}
    strips = read_strips(job, bundle.card, damage)
    block, network = predict_windows(strips, engine, task.blend, len(bundle.card.outputs), task.spread)
    count = int(block.ran.sum())
    if count:
        write_block(job.path, block.ran, finished_parts(block, task.blend))
    notes = tuple(getattr(engine, "notes", ()))
    return BlockDone(count, network, time.perf_counter() - start, damage, notes)


def predict_windows(
    strips: Generator[Strip, None, None], engine: Backend, blend: Blend, outputs: int, spread: bool = False
) -> tuple[BlockSums, float]:
    """Run the windows of a block and add them up.

    While the network runs, the next strip is read and windows that are finished are added up.

    Parameters
    ----------
    strips : generator of Strip
        One for each row of windows of the block, from the top.
    engine : Backend
    blend : Blend
    outputs : int
        Channels of the network's answer.
    spread : bool
        Whether to add up squares too.

    Returns
    -------
    block : BlockSums
    network_seconds : float

    Raises
    ------
    RogiError
        The network gives what is no number.
    """
    length = blend.side * blend.stride + blend.overlap
    sums = np.zeros((outputs, length, length), np.int64)
    squares = np.zeros_like(sums) if spread else None
    valid = np.zeros((length, length), bool)
    ran = np.zeros((blend.side, blend.side), bool)
    sides = engine.plan.threads if engine.plan.device == "cpu" else 1
    spent = 0.0
    pending: deque[tuple[Future[tuple[Floats, float]], list[tuple[int, int]]]] = deque()

    def settle() -> None:
        nonlocal spent
        future, places = pending.popleft()
        found, seconds = future.result()
        spent += seconds / sides
        for probability, (row, column) in zip(found, places, strict=True):
            if not add_window(sums, squares, probability, row, column, blend):
                raise RogiError(
                    "The model gives probabilities that are no numbers; try --precision fp32, or another "
                    "model."
                )

    # Files belong to the thread that opened them.
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(sides) as runner, _closing(reader, strips):
        coming = reader.submit(next, strips)
        for row in range(blend.side):
            strip = coming.result()
            if row + 1 < blend.side:
                coming = reader.submit(next, strips)
            top = row * blend.stride
            valid[top : top + blend.patch] = strip.wanted
            chosen = np.flatnonzero(windows_to_run(strip.valid, strip.wanted, strip.lost, blend)[0])
            ran[row, chosen] = True
            for start in range(0, len(chosen), engine.batch):
                part = chosen[start : start + engine.batch] * blend.stride
                images = np.stack([strip.values[:, :, at : at + blend.patch] for at in part])
                while len(pending) >= 2 * sides:
                    settle()
                places = [(top, int(at)) for at in part]
                pending.append((runner.submit(_timed, engine, images), places))
            while pending and pending[0][0].done():
                settle()
        while pending:
            settle()
    return BlockSums(sums, squares, valid, ran), spent


def windows_to_run(valid: Mask, wanted: Mask, lost: Mask, blend: Blend) -> Mask:
    """Windows that are to be predicted, shape (rows of windows, side).

    Those with data on their own ground, wherever that lies, so that an area has the result of the whole; that
    reach ground that is wanted; and of which everything can be read.

    Parameters
    ----------
    valid, wanted, lost : ndarray of bool, shape (h, w)
        See `Strip`; of a block's footprint, or of some of its first rows.
    blend : Blend
    """
    own = own_ground(valid, blend)

    def within(mask: Mask) -> Mask:
        if not mask.any():
            return np.zeros_like(own)
        if mask.all():
            return np.ones_like(own)
        starts = range(0, len(own) * blend.stride, blend.stride)
        rows = [np.logical_or.reduce(mask[at : at + blend.patch], axis=0) for at in starts]
        places = range(0, blend.side * blend.stride, blend.stride)
        return np.array([[row[at : at + blend.patch].any() for at in places] for row in rows])

    return own & within(wanted) & ~within(lost)


@contextmanager
def _closing(reader: ThreadPoolExecutor, strips: Generator[Strip, None, None]) -> Iterator[None]:
    try:
        yield
    finally:
        reader.submit(strips.close).result()


def _timed(engine: Backend, images: Floats) -> tuple[Floats, float]:
    start = time.perf_counter()
    return engine.run(images), time.perf_counter() - start


def read_strips(job: BlockJob, card: ModelCard, damage: dict[str, str]) -> Generator[Strip, None, None]:
    """The rows of windows of a block, from the top; each row of pixels is read once.

    Parameters
    ----------
    job : BlockJob
    card : ModelCard
        For its normalisation.
    damage : dict
        Filled with what is wrong with files that cannot be read, by their paths.
    """
    blend, footprint = job.task.blend, job.footprint
    stride, overlap, width = blend.stride, blend.overlap, footprint.shape[1]
    mask = job.ground.mask(footprint)
    strip: Strip | None = None
    with reading():
        for row in range(blend.side):
            first, height = (row * stride + overlap, stride) if row else (0, blend.patch)
            read, known, gone = read_piece(
                job.task, footprint.row0 + first, footprint.column0, height, width, damage
            )
            read = card.normalise(job.task.intake(read), known)
            wanted = known if mask is None else known & mask[first : first + height]
            if strip is not None:
                read = np.concatenate([strip.values[:, stride:], read], axis=1)
                known = np.concatenate([strip.valid[stride:], known])
                wanted = np.concatenate([strip.wanted[stride:], wanted])
                gone = np.concatenate([strip.lost[stride:], gone])
            strip = Strip(read, known, wanted, gone)
            yield strip


def read_piece(
    task: Task, row: int, column: int, height: int, width: int, damage: dict[str, str]
) -> tuple[Floats, Mask, Mask]:
    """Stored values, valid and lost pixels of a window; around damage in cells, the same in every block."""
    try:
        values, valid = task.imagery.read(row, column, height, width)
    except CorruptTile as error:
        damage.setdefault(str(error.path), str(error))
    else:
        return values, valid, np.zeros_like(valid)
    cell = gcd(task.blend.stride, task.blend.patch)
    if height > cell:
        parts = [read_piece(task, at, column, cell, width, damage) for at in range(row, row + height, cell)]
        axis = -2
    elif width > cell:
        parts = [
            read_piece(task, row, at, height, cell, damage) for at in range(column, column + width, cell)
        ]
        axis = -1
    else:
        shape = height, width
        return (
            np.zeros((len(task.imagery.names), *shape), np.float32),
            np.zeros(shape, bool),
            np.ones(shape, bool),
        )
    values, valid, lost = (np.concatenate(arrays, axis=axis) for arrays in zip(*parts, strict=True))
    return values, valid, lost


@lru_cache(maxsize=1)
def engine_of(path: Path, digest: str, plan: Plan, threshold: float | None) -> tuple[Backend, Bundle]:
    """The backend of a process, built once; tested at a threshold unless that was done on this machine.

    Raises
    ------
    InputError
        The bundle is another by now.
    RogiError
        The self-test fails.
    """
    bundle = Bundle.load(path)
    if bundle.digest != digest:
        raise InputError(f"{path} was replaced while it was needed; start again.")
    if threshold is not None:
        trial = SelfTest(bundle, threshold)(plan)
        if trial.reason:
            raise RogiError(
                f"{plan.backend} {plan.precision} does not work on {node()}: {trial.reason}; choose a "
                "--backend and --precision that all workers have."
            )
    return build_backend(plan, bundle), bundle
