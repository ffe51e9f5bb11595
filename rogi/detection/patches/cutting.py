"""Cutting patches from one image: where they lie, their pixels, their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.detection.imagery.channels import CorruptTile, Imagery
from rogi.detection.patches.choosing import hardness
from rogi.detection.patches.label_rasters import Objects, Outlines, burn, joined, touching_borders
from rogi.detection.patches.shards import IGNORED
from rogi.detection.patches.split import SplitMethod
from rogi.errors import OptionError

Ints = NDArray[np.int64]

MOST_BACKGROUND = 0.9
MOST_HARD = 100.0

TRIALS = 200
"""Places that are tried for a patch of random ground."""

BACKGROUND, ROCK_GLACIER, BORDER = 0, 1, 2


def usual_stride(size: int) -> int:
    """Pixels between neighbouring patches of a side, unless another is chosen: two thirds of it, even."""
    return 2 * max(1, round(size / 3))


@dataclass(frozen=True)
class PatchSettings:
    """How patches are cut and divided; the first four as in Sun et al. (2024, Sect. 3.1).

    Attributes
    ----------
    context_m : float
        Around a unit, m.
    size, stride : int
        Side of a patch and distance of neighbours, pixels: 480 with 160 overlap.
    train_share : float
        Of the patches.
    split : SplitMethod
    block_m : float or None
        Side of the blocks, m; None to choose.
    seed : int
    border : int
        Pixels on each side of a border between touching units that get the label 2; 0 for none.
    minimum_valid : float
        Least share of valid pixels of a patch.
    background : float
        Share of patches of random ground without outlines, among those around outlines and them.
    hard : float
        How often a patch with a negative is taken in an epoch of training: so often where the candidate that
        was rejected had a confidence of 1, once where it had 0.
    """

    context_m: float = 1500.0
    size: int = 480
    stride: int = 320
    train_share: float = 0.7
    split: SplitMethod = SplitMethod.BLOCKED
    block_m: float | None = None
    seed: int = 0
    border: int = 2
    minimum_valid: float = 0.05
    background: float = 0.0
    hard: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.stride <= self.size:
            raise OptionError(
                f"The stride is from 1 to the size of a patch ({self.size}), found {self.stride}; a "
                "larger one would leave gaps."
            )
        if not 0 <= self.context_m < np.inf:
            raise OptionError(f"--context is a length in metres, found {self.context_m:g}.")
        if not 0.0 <= self.minimum_valid <= 1.0:
            raise OptionError(f"--minimum-valid is a share from 0 to 1, found {self.minimum_valid:g}.")
        if not 0.0 <= self.background <= MOST_BACKGROUND:
            raise OptionError(
                f"--background is a share from 0 to {MOST_BACKGROUND}, found {self.background:g}."
            )
        if not 1.0 <= self.hard <= MOST_HARD:
            raise OptionError(f"--hard is from 1 to {MOST_HARD:g}, found {self.hard:g}.")


@dataclass(frozen=True, eq=False)
class Patch:
    """One patch, read."""

    image: NDArray[Any]
    label: NDArray[np.uint8]
    valid: NDArray[np.bool_]
    kind: str
    unit: str
    units: int
    unit_pixels: int
    negative_pixels: int
    valid_pixels: int
    weight: float


class Tally:
    """What reading found."""

    def __init__(self, units: int) -> None:
        self.seen = np.zeros(units, dtype=bool)
        self.void = 0
        self.broken = 0
        self.damaged: dict[str, str] = {}


class Cutter:
    """Cuts and labels patches of one image."""

    def __init__(
        self,
        image: Imagery,
        labels: Sequence[Outlines],
        negatives: Sequence[Outlines],
        area: Outlines | None,
        settings: PatchSettings,
        ignored: Sequence[Outlines] = (),
    ) -> None:
        self.image, self.settings = image, settings
        self.hardness = np.concatenate([np.zeros(0), *map(hardness, negatives)])
        self.ignored, _ = joined(ignored, image.grid)
        self.ignored_tree = shapely.STRtree(self.ignored)
        units, unit_ids = joined(labels, image.grid)
        others, other_ids = joined(negatives, image.grid)
        self.units = len(units)
        self.polygons: Objects = np.concatenate([units, others])
        self.ids: Objects = np.concatenate([unit_ids, other_ids])
        self.tree = shapely.STRtree(self.polygons)
        self.area = None if area is None else area.on(image.grid)
        self.area_tree = shapely.STRtree(self.area if self.area is not None else [])
        self.dtype = np.dtype(stored_type(image))
        self.bounds = shapely.bounds(self.polygons)
        height, width = image.shape
        inside = (self.bounds[:, 0] < width) & (self.bounds[:, 2] > 0)
        self.inside = inside & (self.bounds[:, 1] < height) & (self.bounds[:, 3] > 0)

    def places(self) -> tuple[Ints, Ints, Ints]:
        """Rows, columns and owners of the patches around all outlines."""
        number = np.flatnonzero(self.inside)
        if not len(number):
            nothing = np.zeros(0, dtype=np.int64)
            return nothing, nothing, nothing
        west, north, east, south = self.bounds[number].T
        along, down = self.image.grid.pixel_metres_at((north + south) / 2, (west + east) / 2)
        context = self.settings.context_m
        rows, row_of = self._axis(north - context / down, south + context / down)
        columns, column_of = self._axis(west - context / along, east + context / along)
        row_count, column_count = np.bincount(row_of), np.bincount(column_of)
        # Every row of an outline with every column of it.
        outline = np.repeat(np.arange(len(number)), row_count * column_count)
        first = np.concatenate([[0], np.cumsum(row_count * column_count)])[:-1]
        step = np.arange(len(outline)) - first[outline]
        row_start = np.concatenate([[0], np.cumsum(row_count)])[:-1]
        column_start = np.concatenate([[0], np.cumsum(column_count)])[:-1]
        row = rows[row_start[outline] + step // column_count[outline]]
        column = columns[column_start[outline] + step % column_count[outline]]
        size = self.settings.size
        height, width = self.image.shape
        # Moved inside where the imagery is large enough: what lies outside teaches nothing.
        row = np.clip(row, min(0, height - size), max(0, height - size))
        column = np.clip(column, min(0, width - size), max(0, width - size))
        # Corners of the context of a large or crooked unit may be far from it.
        box = shapely.box(column, row, column + size, row + size)
        reach = context / np.minimum(along, down)
        keep = shapely.dwithin(box, self.polygons[number[outline]], reach[outline])
        return row[keep], column[keep], number[outline[keep]] + 1

    def owner_name(self, number: int) -> str:
        """Name of the outline that a patch is there for; nothing for random ground."""
        return str(self.ids[number - 1]) if number <= len(self.ids) else ""

    def free_place(self, rng: np.random.Generator, taken: set[tuple[int, int]]) -> tuple[int, int] | None:
        """Row and column of a patch of random ground without outlines; None after too many trials."""
        size, lattice = self.settings.size, max(1, self.settings.stride // 2)
        room = [max(0, side - size) // lattice + 1 for side in self.image.shape]
        for _ in range(TRIALS):
            row, column = (int(rng.integers(0, side)) * lattice for side in room)
            box = shapely.box(column, row, column + size, row + size)
            if (row, column) in taken or len(self.tree.query(box, "intersects")):
                continue
            if self.area is not None and not len(self.area_tree.query(box, "intersects")):
                continue
            try:
                valid = self.image.read(row, column, size, size)[1]
            except CorruptTile:
                continue
            if valid.mean() >= max(self.settings.minimum_valid, 0.5 / valid.size):
                return row, column
        return None

    def _axis(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> tuple[Ints, Ints]:
        """First pixels, in order of the outlines, of patches that cover from `low` to `high`."""
        size, stride = self.settings.size, self.settings.stride
        lattice = max(1, stride // 2)
        count = 1 + np.ceil(np.maximum(high - low - size, 0.0) / stride).astype(np.int64)
        start = (low + high - (size + (count - 1) * stride)) / 2
        start = (np.round(start / lattice) * lattice).astype(np.int64)
        owner = np.repeat(np.arange(len(count)), count)
        step = np.arange(len(owner)) - np.concatenate([[0], np.cumsum(count)])[:-1][owner]
        return start[owner] + step * stride, owner

    def read(self, row: int, column: int, tally: Tally) -> Patch | None:
        """A patch, or None if there is too little of it or a tile is damaged."""
        size = self.settings.size
        try:
            values, valid = self.image.read(row, column, size, size)
        except CorruptTile as error:
            tally.broken += 1
            tally.damaged.setdefault(str(error.path), str(error))
            return None
        window = (row, column, size, size)
        box = shapely.box(column, row, column + size, row + size)
        if self.area is not None:
            here = self.area[self.area_tree.query(box)]
            valid &= burn(here, np.ones(len(here), np.int32), window) > 0
            values[:, ~valid] = 0.0
        if valid.mean() < max(self.settings.minimum_valid, 0.5 / valid.size):
            tally.void += 1
            return None
        near = np.sort(self.tree.query(box))
        units, others = near[near < self.units], near[near >= self.units]
        numbers = burn(self.polygons[units], units + 1, window)
        rejected = burn(self.polygons[others], others + 1, window)
        label = np.where(numbers > 0, ROCK_GLACIER, BACKGROUND).astype(np.uint8)
        label[touching_borders(numbers, self.settings.border)] = BORDER
        unsure = self.ignored[self.ignored_tree.query(box)]
        label[burn(unsure, np.ones(len(unsure), np.int32), window) > 0] = IGNORED
        counts = valid & (label != IGNORED)
        shown, pixels = np.unique(numbers[(numbers > 0) & counts], return_counts=True)
        tally.seen[shown - 1] = True
        negative = rejected[counts & (numbers == 0) & (rejected > 0)]
        hardest = self.hardness[np.unique(negative) - 1 - self.units].max(initial=0.0)
        if self.dtype.kind != "f":
            np.rint(values, out=values)  # resampled values lie between whole numbers
        return Patch(
            image=values.astype(self.dtype),
            label=label,
            valid=valid,
            kind="positive" if len(shown) else "negative" if len(negative) else "background",
            unit=str(self.ids[shown[pixels.argmax()] - 1]) if len(shown) else "",
            units=len(shown),
            unit_pixels=int(pixels.sum()),
            negative_pixels=len(negative),
            valid_pixels=int(counts.sum()),
            weight=round(1.0 + (self.settings.hard - 1.0) * float(hardest), 4),
        )


def stored_type(image: Imagery) -> str:
    """Type of the stored pixels: that of the bands if small integers are all there is, else float32."""
    own = np.dtype(image.dtype)
    return own.name if not image.added and own.name in ("uint8", "int8", "uint16", "int16") else "float32"
