"""Prediction of imagery of any size: blocks of windows, kept in a ledger by what they were made from."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rogi.detection.model.backends import usable_cores
from rogi.detection.model.engines import Plan
from rogi.detection.prediction.block_prediction import (
    BlockDone,
    BlockJob,
    Task,
    engine_of,
    group_for_worker,
)
from rogi.detection.prediction.block_store import BlockStore, is_whole
from rogi.detection.prediction.block_stream import READERS, run_group, stream_blocks
from rogi.detection.prediction.plan_choice import worker_count
from rogi.detection.windows import Lattice
from rogi.errors import InputError, is_interrupt
from rogi.files import make_folder
from rogi.jobs import run_jobs
from rogi.ledger import Ledger, digest
from rogi.raster.resampling import NODES

if TYPE_CHECKING:
    from rogi.detection.imagery.channels import Imagery
    from rogi.detection.imagery.suitability import Intake
    from rogi.detection.model.ensemble import Models
    from rogi.detection.prediction.predicted_area import Ground
    from rogi.detection.windows import Blend

METHOD_VERSION = 1
"""Part of every key: raised when a change of the code changes results, lest old ones be taken for new."""

GROUP = 8
"""Blocks that a worker with a GPU is handed at a time."""

LEDGER, BLOCKS = "ledger", "blocks"
"""In the folder of a prediction; a part of it has a ledger of its own, ``ledger-3-of-8``."""

ORIGIN_DIGITS = 3
"""Decimals of a pixel to which the origin of a grid counts."""

REACH_DIGITS = 6
"""Decimals of a pixel to which the reach of resampling counts: no brightness shows the next."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What was predicted.

    Attributes
    ----------
    plan : Plan
        What computed it.
    store : BlockStore
        The probability raster.
    blocks, reused : int
        Blocks in all, and those that were there already.
    windows : int
        Windows predicted now.
    network_seconds, seconds : float
        Of these, added over workers: with the network running, and in all.
    damage : tuple of str
        Files that could not be read, and workers that died; the ground they leave out has no data.
    notes : tuple of str
    """

    plan: Plan
    store: BlockStore
    blocks: int
    reused: int
    windows: int
    network_seconds: float
    seconds: float
    damage: tuple[str, ...]
    notes: tuple[str, ...]


def predict(
    imagery: Imagery,
    intake: Intake,
    models: Models,
    plan: Plan,
    blend: Blend,
    ground: Ground,
    folder: Path,
    ledger: Ledger,
    *,
    spread: bool = False,
    threshold: float | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    part: tuple[int, int] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    test: Callable[[], Plan] | None = None,
) -> Prediction:
    """Predict imagery block by block; what is finished already is not done again.

    Parameters
    ----------
    imagery, intake
        See `rogi.detection.imagery.suitability.intake`.
    models : Models
    plan : Plan
    blend : Blend
    ground : Ground
    folder : Path
        Where finished blocks are kept; workers must see it under this path.
    ledger : Ledger
    spread : bool
        Whether the spread among windows is wanted.
    threshold : float, optional
        At which the self-test of a cluster's workers compares labels; by default the model's own.
    workers : int, optional
        See `worker_count`.
    cluster : str, optional
        See `rogi.jobs.run_jobs`.
    part : tuple of int, optional
        Number and count: only this share of the blocks, one after the other on the lattice.
    progress : callable, optional
        Called with what is done, the number of blocks done and of all.
    test : callable, optional
        Gives the plan that runs here, in place of one that is only remembered; called where any block is to
        be predicted.

    Raises
    ------
    InputError
        None of the imagery is on the ground.
    """
    make_folder(folder / BLOCKS)
    lattice = Lattice.over(imagery.transform, imagery.shape, blend)
    level = models.card.threshold if threshold is None else threshold
    first, *others = ((bundle.path.resolve(), bundle.digest) for bundle in models.bundles)
    task = Task(
        imagery, intake, *first, plan, blend, spread, None if cluster is None else level,
        tuple(others), models.turns,
    )  # fmt: skip
    jobs, done = _blocks(task, lattice, ground, folder, ledger, part)
    if test is not None and len(done) < len(jobs) and (tested := test()) != plan:
        plan, task = tested, replace(task, plan=tested)
        jobs, done = _blocks(task, lattice, ground, folder, ledger, part)
    keys = {block: job.path.stem for block, job in jobs.items()}
    reused = len(done)
    open_blocks = [block for block in keys if block not in done]
    damage = {str(error.path): str(error) for error in imagery.damaged}
    notes: dict[str, None] = {}
    network = seconds = 0.0
    windows = 0

    def finished(number: int, result: BlockDone) -> None:
        nonlocal network, seconds, windows
        block = open_blocks[number]
        done[block] = result.windows
        network, seconds = network + result.network_seconds, seconds + result.seconds
        windows += result.windows
        for path, message in result.damage.items():
            damage.setdefault(path, message)
        notes.update(dict.fromkeys(result.notes))
        if not result.damage:
            # A file that cannot be read may only be away for a while: such a block is done again.
            ledger.record({keys[block]: {"windows": result.windows}})
        if progress is not None:
            progress("predicting", len(done), len(keys))

    for block in open_blocks:  # of a file that could not be read
        jobs[block].path.unlink(missing_ok=True)
    if progress is not None:
        progress("predicting", reused, len(keys))
    if open_blocks:
        processes = worker_count(plan, workers, cluster)
        for message in _run([jobs[block] for block in open_blocks], plan, finished, processes, cluster):
            damage.setdefault(message, message)
        engine_of.cache_clear()
    there = {block: jobs[block].path for block, count in done.items() if count}
    if not there and not damage and part is None:
        where = f"The imagery {imagery.name} has no pixel with data on the ground to predict"
        if not keys:
            raise InputError(f"{where}; check the area and what is excluded.")
        notes[f"{where}, so nothing was predicted; check its nodata value and masks."] = None
    return Prediction(
        plan,
        BlockStore(lattice, len(models.card.outputs), there),
        len(keys),
        reused,
        windows,
        network,
        seconds,
        tuple(damage.values()),
        tuple(notes),
    )


def _blocks(
    task: Task, lattice: Lattice, ground: Ground, folder: Path, ledger: Ledger, part: tuple[int, int] | None
) -> tuple[dict[tuple[int, int], BlockJob], dict[tuple[int, int], int]]:
    """The blocks of a task, or a part of them, and the numbers of windows of those that are finished."""
    imagery, blocks = task.imagery, (folder / BLOCKS).resolve()
    common = digest(_identity(task, imagery, lattice))
    wanted = []
    for block in lattice.blocks():
        footprint = lattice.footprint(block)
        here = ground.within(footprint)
        if here is not None and imagery.files_in(footprint.row0, footprint.column0, *footprint.shape):
            wanted.append((block, footprint, here))
    number, parts = part or (1, 1)
    jobs = {}
    for block, footprint, here in wanted[(number - 1) * len(wanted) // parts : number * len(wanted) // parts]:
        place = footprint.row0, footprint.column0, *footprint.shape
        files, intakes = imagery.keys(*place, ledger), imagery.intakes_in(*place)
        clipped = [list(here.excluded), None if here.area is None else list(here.area)]
        key = digest(common, list(block), list(files), list(intakes), [_hex(shapes) for shapes in clipped])
        jobs[block] = BlockJob(task, footprint, here, blocks / f"{key}.zip")
    held = ledger.known(job.path.stem for job in jobs.values())
    done = {}
    for block, job in jobs.items():
        known = held.get(job.path.stem)
        if known is not None and (not known["windows"] or is_whole(job.path)):
            done[block] = int(known["windows"])
    return jobs, done


def _run(
    jobs: Sequence[BlockJob],
    plan: Plan,
    finished: Callable[[int, BlockDone], None],
    workers: int,
    cluster: str | None,
) -> list[str]:
    """Predict blocks where and as the plan says; gives why some could not be."""
    messages: list[str] = []

    def settled(number: int, result: BlockDone | str) -> None:
        if isinstance(result, str):
            messages.append(result)
        else:
            finished(number, result)

    if workers == 1 and cluster is None:
        stream_blocks(jobs, settled)
        return messages
    # Within a group reading and writing go on beside the device.
    size = 1 if plan.device == "cpu" else GROUP
    groups = [range(first, min(first + size, len(jobs))) for first in range(0, len(jobs), size)]

    def group_done(number: int, results: list[BlockDone | str]) -> None:
        for place, result in zip(groups[number], results, strict=True):
            settled(place, result)

    run = partial(run_group, readers=max(1, min(READERS, usable_cores() // workers)))
    if plan.backend == "torch":
        import_module("rogi.detection.model.torch_engine").release_gpu()  # for one of the workers
    parts = [group_for_worker([jobs[place] for place in group]) for group in groups]
    failures = run_jobs(run, parts, group_done, workers=workers, cluster=cluster)
    return messages + [failure.message for failure in failures]


@contextmanager
def work_folder(folder: Path) -> Iterator[None]:
    """Make the folder of a prediction; on an error, where it was not there and no block is finished, it goes.

    Interrupted, it stays: the digests of imagery in its ledger may have taken long.

    Raises
    ------
    OutputError
        It cannot be made.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    make_folder(folder)
    try:
        yield
    except Exception as error:
        if new and not blocks_held(folder) and not is_interrupt(error):
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):  # somebody has put something there
                for path in new[1:]:
                    path.rmdir()
        raise


def blocks_held(folder: Path) -> int:
    """Finished blocks in the folder of a prediction."""
    return sum(1 for _ in (folder / BLOCKS).glob("*.zip"))


def prune(folder: Path, prediction: Prediction) -> None:
    """Remove blocks that a prediction does not need, of older imagery or half-written, and parts' ledgers."""
    for path in folder.glob(f"{LEDGER}-*"):
        path.unlink(missing_ok=True)
    needed = {path.name for path in prediction.store.paths.values()}
    for path in (folder / BLOCKS).iterdir():
        if path.name not in needed:
            with contextlib.suppress(OSError):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _identity(task: Task, imagery: Imagery, lattice: Lattice) -> Mapping[str, Any]:
    """What all blocks depend on besides the pixels under them."""
    transform = imagery.transform
    column, row = ~transform @ (0.0, 0.0)
    return {
        "version": METHOD_VERSION,
        "model": [task.digest, *(digest for _, digest in task.others)],
        "turns": task.turns,
        "plan": list(task.plan.identity),
        "merge": [task.blend.merge.value, task.blend.stride, task.blend.patch, task.blend.side],
        "spread": task.spread,
        "crs": imagery.crs.to_wkt(),
        "pixel": [transform.a, transform.b, transform.d, transform.e],
        "origin": [
            round(-row - lattice.row, ORIGIN_DIGITS) + 0.0,
            round(-column - lattice.column, ORIGIN_DIGITS) + 0.0,
        ],
        "resampled": _resampled(imagery, lattice),
        "channels": list(imagery.names),
        "order": list(task.intake.order),
        "stretch": None if task.intake.stretch is None else [list(ends) for ends in task.intake.stretch],
    }


def _resampled(imagery: Imagery, lattice: Lattice) -> list[list[float]]:
    """What resampling depends on besides pixels: it is set by the extent of all imagery, if only just."""
    nodes = [float(lattice.row % NODES), float(lattice.column % NODES)]
    return [
        [round(reach, REACH_DIGITS) for reach in layer.resampling.reach] + nodes
        for layer in imagery.layers
        if layer.resampling is not None
    ]


def _hex(parts: list[bytes] | None) -> list[str] | None:
    return None if parts is None else [part.hex() for part in parts]
