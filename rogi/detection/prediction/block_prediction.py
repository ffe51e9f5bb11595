"""Blocks of windows: what they have in common, which of their pixels are read, which windows are run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from platform import node
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rogi.detection.imagery.channels import CorruptTile, Imagery
from rogi.detection.model.backends import SelfTest
from rogi.detection.model.bundle import Bundle
from rogi.detection.model.engines import Backend, Plan, build_backend
from rogi.detection.model.ensemble import MOST_MODELS
from rogi.detection.windows import Blend, Mask, own_ground
from rogi.errors import InputError, RogiError
from rogi.raster.grid import Window
from rogi.raster.resampling import NODES, Fitted

if TYPE_CHECKING:
    from rogi.detection.imagery.suitability import Intake
    from rogi.detection.model.card import ModelCard
    from rogi.detection.prediction.predicted_area import BlockGround
    from rogi.raster.mosaic import Mosaic


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
    others : tuple of (Path, str)
        Further bundles that answer, and their digests.
    turns : int
        See `rogi.detection.model.ensemble.Models`.
    """

    imagery: Imagery
    intake: Intake
    bundle: Path
    digest: str
    plan: Plan
    blend: Blend
    spread: bool = False
    test_at: float | None = None
    others: tuple[tuple[Path, str], ...] = ()
    turns: int = 1

    def networks(self) -> list[tuple[Backend, ModelCard]]:
        """The networks of a process and their cards; see `engine_of`."""
        bundles = ((self.bundle, self.digest), *self.others)
        found = [engine_of(path, digest, self.plan, self.test_at) for path, digest in bundles]
        return [(engine, bundle.card) for engine, bundle in found]


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
        Time that the network ran, shared among its threads, and time since the block before was done.
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


def group_for_worker(jobs: Sequence[BlockJob]) -> tuple[BlockJob, ...]:
    """Blocks of one task as they are sent to another process: only with the tiles that they lie on.

    A mosaic of thousands of tiles would take longer to send, for each group of blocks, than a GPU computes.
    """
    task = jobs[0].task
    windows = [job.footprint.grown(NODES) for job in jobs]  # resampling looks a little around

    def fewer(image: Fitted[Mosaic]) -> Fitted[Mosaic]:
        touched = {id(tile) for window in windows for tile in image.tiles_in(window)}
        tiles = tuple(tile for tile in image.layer.tiles if id(tile) in touched)
        return replace(image, layer=replace(image.layer, tiles=tiles or image.layer.tiles[-1:]))

    box = Window(
        min(window.row0 for window in windows),
        max(window.row1 for window in windows),
        min(window.column0 for window in windows),
        max(window.column1 for window in windows),
    )
    imagery = replace(
        task.imagery,
        images=tuple(fewer(image) for image in task.imagery.images),
        added=tuple(
            replace(channel, layer=channel.layer.restricted(channel.source_window(box)))
            for channel in task.imagery.added
        ),
        paths=(),
        _digests={},
    )
    sent = replace(task, imagery=imagery)
    return tuple(replace(job, task=sent) for job in jobs)


def windows_to_run(valid: Mask, wanted: Mask, lost: Mask, blend: Blend) -> Mask:
    """Windows that are to be predicted, shape (rows of windows, side).

    Those with data on their own ground, wherever that lies, so that an area has the result of the whole; that
    reach ground that is wanted; and of which everything can be read.

    Parameters
    ----------
    valid, wanted, lost : ndarray of bool, shape (h, w)
        Pixels with data, those of them on the ground that is predicted, and those on files that cannot be
        read; of a block's footprint, or of some of its first rows.
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


def read_piece(
    imagery: Imagery,
    cell: int,
    place: tuple[int, int],
    values: NDArray[Any],
    valid: Mask,
    lost: Mask,
    damage: dict[str, str],
) -> None:
    """Read a window of imagery; around damage in cells, so that the same is lost in every block.

    Parameters
    ----------
    imagery : Imagery
    cell : int
        Side of a cell, pixels.
    place : tuple of int
        Row and column of the first pixel.
    values, valid, lost : arrays, shape (c, h, w) and (h, w)
        Filled with numbers (0 where there are none), pixels with data, and pixels on files that cannot be
        read; `lost` is False before.
    damage : dict
        Filled with what is wrong with files, by their paths.
    """
    height, width = valid.shape
    try:
        imagery.read(*place, height, width, (values, valid))
        return
    except CorruptTile as error:
        damage.setdefault(str(error.path), str(error))
    if height <= cell and width <= cell:
        values[...], valid[...], lost[...] = 0, False, True
        return
    row, column = place
    for at in range(0, height if height > cell else width, cell):
        part = slice(at, at + cell)
        here = (part, slice(None)) if height > cell else (slice(None), part)
        corner = (row + at, column) if height > cell else (row, column + at)
        read_piece(imagery, cell, corner, values[:, *here], valid[here], lost[here], damage)


@lru_cache(maxsize=MOST_MODELS)
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
