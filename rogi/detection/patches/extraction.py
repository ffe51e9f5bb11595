"""Training patches: imagery around units and around what is none, with labels, cut and divided.

Places of patches are multiples of half the stride, counted from the corner of the imagery, so that
neighbouring units share patches instead of nearly repeating them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi import __version__
from rogi.detection.imagery.channels import Imagery
from rogi.detection.imagery.pixel_statistics import PixelStatistics
from rogi.detection.imagery.values import training_notes
from rogi.detection.patches.choosing import decided, uncertain
from rogi.detection.patches.cutting import Cutter, PatchSettings, Tally, stored_type
from rogi.detection.patches.label_rasters import Outlines
from rogi.detection.patches.shards import (
    CARD,
    INDEX,
    INDEX_COLUMNS,
    THUMBNAILS,
    PatchCard,
    PatchSet,
    ShardWriter,
    write_card,
)
from rogi.detection.patches.split import (
    DROPPED,
    TRAIN,
    VALIDATION,
    Split,
    SplitMethod,
    blocked_split,
    random_split,
    shared_ground,
)
from rogi.detection.patches.thumbnails import write_sheet
from rogi.errors import InputError
from rogi.files import replacing_folder
from rogi.geometry import equal_area_crs, transform_coordinates
from rogi.ledger import file_sha256
from rogi.raster.grid import Grid
from rogi.raster.sources import refuse_other_order
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    from rogi.ledger import Ledger

Ints = NDArray[np.int64]
Progress = Callable[[str, int, int], None]

PARTS = {TRAIN: "train", VALIDATION: "validation"}
SQUARE_PIXEL = 0.1
"""Share by which each side of a pixel may differ on the ground from that of a square of its area: what
`rogi.detection.imagery.suitability` lets through when a model is used."""
SAME_PIXEL = 0.05
"""Share by which the pixel sizes of several images may differ."""

STATED = ("context_m", "border", "minimum_valid", "background", "hard")
"""Settings that the card lists apart."""

NAMED = 5
"""Units named in a message at most."""


@dataclass(frozen=True, eq=False)
class Places:
    """Where patches lie, before any is read.

    Attributes
    ----------
    source, row, column : ndarray of int64, shape (n,)
        Imagery, and first pixel there.
    owner : ndarray of int64, shape (n,)
        Number, from 1, of the outline it is there for; units come before what is none.
    """

    source: Ints
    row: Ints
    column: Ints
    owner: Ints

    def __len__(self) -> int:
        return len(self.row)

    def only(self, keep: NDArray[Any]) -> Places:
        """Some of them."""
        return Places(self.source[keep], self.row[keep], self.column[keep], self.owner[keep])


@dataclass(frozen=True)
class Made:
    """A folder of patches, and what was left out of it.

    Attributes
    ----------
    patches : PatchSet
    notes : tuple of str
    damaged : tuple of str
        Messages about files that could not be read; their patches are missing.
    """

    patches: PatchSet
    notes: tuple[str, ...]
    damaged: tuple[str, ...]


def make_patches(
    images: Sequence[Imagery],
    labels: Sequence[Outlines],
    folder: Path,
    *,
    negatives: Sequence[Outlines] = (),
    ignored: Sequence[Outlines] = (),
    ignore_where: str | None = None,
    area: Outlines | None = None,
    settings: PatchSettings | None = None,
    force: bool = False,
    ledger: Ledger | None = None,
    progress: Progress | None = None,
) -> Made:
    """Cut, label, divide and write patches.

    Parameters
    ----------
    images : sequence of Imagery
        Each a grid of its own, of the same channels, type and pixel size; they may show the same ground.
    labels : sequence of Outlines
        Units. Wherever there is none, the ground counts as background.
    folder : Path
        Made whole or not at all.
    negatives : sequence of Outlines
        What is no rock glacier though it looks like one; patches are cut around them too. Where they overlap
        units, the unit counts. Of candidates that mappers decided on, those that were removed; where they
        were unsure, the ground is ignored.
    ignored : sequence of Outlines
        Ground that counts neither in the loss nor in any score, whatever else lies there.
    ignore_where : str, optional
        Units that are ignored, by their attributes; see `rogi.detection.patches.choosing.uncertain`.
    area : Outlines, optional
        Pixels outside of it are not valid: ground that nobody searched for units.
    settings : PatchSettings, optional
    force : bool
        Replace a folder that is there.
    ledger : Ledger, optional
        Remembers checksums of files.
    progress : callable, optional
        Called with what is done, how many, and of how many.

    Returns
    -------
    Made

    Raises
    ------
    InputError
        Images that do not go together, labels that do not meet them or lie on void ground only, or too little
        ground for two parts.
    OutputError
        The folder is there, or cannot be written.
    """
    chosen = settings or PatchSettings()
    _check_images(images)
    report = progress or (lambda what, number, total: None)
    given, judged = (*labels, *negatives, *ignored), [decided(outlines) for outlines in negatives]
    negatives = [one.rejected for one in judged]
    unjudged = [*ignored, *(one.unsure for one in judged if len(one.unsure))]
    if ignore_where is not None:
        doubtful = [uncertain(outlines, ignore_where) for outlines in labels]
        unjudged += [
            outlines.only(rows) for outlines, rows in zip(labels, doubtful, strict=True) if rows.any()
        ]
        labels = [outlines.only(~rows) for outlines, rows in zip(labels, doubtful, strict=True)]
    cutters = [Cutter(image, labels, negatives, area, chosen, unjudged) for image in images]
    around = _all_places(cutters)
    places = _with_background(around, cutters)
    _check_overlap(cutters, images, labels)
    boxes, lonlat = _footprints(places, cutters)
    split = _divided(places, boxes, cutters, chosen)
    part = split.part.copy()
    notes = [note for image in images for note in image.notes] + list(training_notes(images))
    notes += [
        f"Features of {outlines.path} without a polygon, left out: {outlines.left_out}."
        for outlines in given
        if outlines.left_out
    ]
    notes += [note for outlines in given for note in outlines.notes]
    notes += [note for one in judged for note in one.notes]
    if chosen.background and len(places) - len(around) < _wanted(len(around), chosen.background):
        notes.append(
            f"Found {counted(len(places) - len(around), 'patch', 'patches')} of random ground without "
            f"outlines, fewer than --background {chosen.background:g} asks for."
        )
    with replacing_folder(folder, force, CARD) as work:
        writer = ShardWriter(work)
        statistics = PixelStatistics(len(images[0].names), np.dtype(stored_type(images[0])))
        rows: list[tuple[Any, ...]] = []
        tally = Tally(sum(len(outlines) for outlines in labels))
        order = _order(part, chosen.seed)
        for number, i in enumerate(order):
            report("patches", number, len(order))
            cutter = cutters[places.source[i]]
            patch = cutter.read(int(places.row[i]), int(places.column[i]), tally)
            if patch is None:
                part[i] = DROPPED
                continue
            name = PARTS[int(part[i])]
            if rows and rows[-1][1] != name:
                writer.next_shard()  # no shard holds both parts
            about = {
                "split": name, "kind": patch.kind, "source": images[places.source[i]].name,
                "row": int(places.row[i]), "col": int(places.column[i]),
                "unit": patch.unit or cutter.owner_name(int(places.owner[i])),
            }  # fmt: skip
            key = f"p{len(rows):07d}"
            shard, offset = writer.write(key, patch.image, patch.label, patch.valid, about)
            if part[i] == TRAIN:
                statistics.add(patch.image, patch.valid)
            rows.append((
                key, name, patch.kind, int(split.block[i]), int(places.source[i]), about["row"], about["col"],
                about["unit"], patch.units, patch.unit_pixels, patch.negative_pixels, patch.valid_pixels,
                patch.weight, round(float(lonlat[i, 0]), 6), round(float(lonlat[i, 1]), 6), shard, offset,
            ))  # fmt: skip
        _check_result(rows, tally, labels, len(places), chosen)
        _write_index(work / INDEX, rows)
        kinds = [(row[1], row[2]) for row in rows]
        counts = {
            name: {kind: kinds.count((name, kind)) for kind in ("positive", "negative", "background")}
            for name in PARTS.values()
        }
        counts["left_out"] = {
            "in the gap between blocks": int((split.part == DROPPED).sum()),
            "too few valid pixels": tally.void,
            "damaged tile": tally.broken,
        }
        card = PatchCard(
            channels=images[0].names,
            dtype=stored_type(images[0]),
            resolution_m=round(images[0].metres_per_pixel, 6),
            size=chosen.size,
            stride=chosen.stride,
            mean=statistics.mean,
            std=statistics.std,
            units=images[0].units,
            percentiles=statistics.percentiles,
            split={
                "method": chosen.split.value, "seed": chosen.seed, "train_share": chosen.train_share,
                "block_m": None if np.isnan(split.side) else round(split.side, 3),
                "shared_ground": round(split.shared, 6),
            },
            counts=counts,
            sources=tuple(image.describe(ledger) for image in images),
            labels=tuple(_described(outlines) for outlines in labels),
            negatives=tuple(_described(outlines) for outlines in negatives),
            shards=writer.close(),
            index_sha256=file_sha256(work / INDEX),
            settings={
                "rogi": __version__,
                **{k: v for k, v in asdict(chosen).items() if k in STATED},
                "ignored": [_described(outlines) for outlines in unjudged],
                "ignore_where": ignore_where,
                "area": _described(area) if area is not None else None,
            },
        )  # fmt: skip
        write_card(work, card)

        write_sheet(PatchSet.open(work), work / THUMBNAILS)
    unseen = int((~tally.seen).sum())
    if unseen:
        notes.append(
            f"{unseen} of {counted(len(tally.seen), 'unit')} {agreeing(unseen, 'lies', 'lie')} in no patch: "
            "outside the imagery, on void ground, or in the gap between the parts."
        )
    damaged = {str(e.path): str(e) for image in images for e in image.damaged} | tally.damaged
    return Made(PatchSet.open(folder), tuple(notes), tuple(damaged.values()))


def _all_places(cutters: Sequence[Cutter]) -> Places:
    """Places of all images, each once, in order of image, row and column."""
    parts = [cutter.places() for cutter in cutters]
    table = np.column_stack(
        [
            np.repeat(np.arange(len(parts)), [len(row) for row, _, _ in parts]),
            np.concatenate([row for row, _, _ in parts]),
            np.concatenate([column for _, column, _ in parts]),
            np.concatenate([owner for _, _, owner in parts]),
        ]
    ).astype(np.int64)
    table = table[np.lexsort(table.T[::-1])]
    new = np.ones(len(table), dtype=bool)
    new[1:] = (np.diff(table[:, :3], axis=0) != 0).any(axis=1)
    return Places(*table[new].T)


def _wanted(around: int, share: float) -> int:
    """Patches of random ground that make up a share."""
    return round(share / (1.0 - share) * around)


def _with_background(places: Places, cutters: Sequence[Cutter]) -> Places:
    """Places around outlines, and random ones: each its own owner, after all outlines."""
    settings, first = cutters[0].settings, len(cutters[0].polygons) + 1
    rng = np.random.default_rng([settings.seed, 2])
    area = np.array([np.prod(cutter.image.shape) for cutter in cutters], dtype=float)
    taken = [set(map(tuple, np.column_stack([places.row, places.column])[places.source == k].tolist()))
             for k in range(len(cutters))]  # fmt: skip
    found: list[tuple[int, int, int, int]] = []
    for _ in range(_wanted(len(places), settings.background)):
        source = int(rng.choice(len(cutters), p=area / area.sum()))
        place = cutters[source].free_place(rng, taken[source])
        if place is not None:
            taken[source].add(place)
            found.append((source, *place, first + len(found)))
    if not found:
        return places
    table = np.array(found, dtype=np.int64)
    columns = (places.source, places.row, places.column, places.owner)
    return Places(*(np.concatenate([old, new]) for old, new in zip(columns, table.T, strict=True)))


def _footprints(places: Places, cutters: Sequence[Cutter]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes around the patches on one equal-area plane, m, and longitude and latitude of their centres."""
    size = cutters[0].settings.size
    corners = np.zeros((len(places), 5, 2))
    for number, cutter in enumerate(cutters):
        own = np.flatnonzero(places.source == number)
        row, column = places.row[own].astype(np.float64), places.column[own].astype(np.float64)
        for k, (down, right) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1), (0.5, 0.5))):
            corners[own, k] = cutter.image.grid.lonlat(column + right * size, row + down * size)
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    plane = equal_area_crs((*low, *high))
    xy = transform_coordinates(corners[:, :4].reshape(-1, 2), 4326, plane).reshape(-1, 4, 2)
    return np.concatenate([xy.min(axis=1), xy.max(axis=1)], axis=1), corners[:, 4]


def _divided(
    places: Places, boxes: NDArray[np.float64], cutters: Sequence[Cutter], settings: PatchSettings
) -> Split:
    if settings.split is SplitMethod.RANDOM:
        # Random ground is drawn apart, so that units are in both parts however much of it there is.
        around = places.owner <= len(cutters[0].polygons)
        part = np.full(len(places), DROPPED, np.int8)
        for rows in (around, ~around):
            part[rows] = random_split(
                places.owner[rows], boxes[rows], settings.train_share, settings.seed
            ).part
        nowhere = np.full(len(places), -1, np.int64)
        return Split(part, nowhere, float("nan"), shared_ground(boxes, part))
    positive = places.owner <= cutters[0].units
    return blocked_split(boxes, positive, settings.train_share, settings.seed, settings.block_m)


def _order(part: NDArray[np.int8], seed: int) -> Ints:
    """Patches that are kept: those for training first, each part shuffled, so that a stream is mixed."""
    rng = np.random.default_rng([seed, 1])
    return np.concatenate([rng.permutation(np.flatnonzero(part == code)) for code in PARTS])


def _described(outlines: Outlines) -> Mapping[str, Any]:
    return {"name": outlines.path.name, "sha256": outlines.sha256, "polygons": len(outlines)}


def _check_images(images: Sequence[Imagery]) -> None:
    if not images:
        raise InputError("No imagery was given; name a file, a folder of tiles or a STAC item.")
    first = images[0]
    for image in images:
        along, down = image.grid.pixel_metres
        side = image.metres_per_pixel
        if max(abs(along / side - 1), abs(down / side - 1)) > SQUARE_PIXEL:
            raise InputError(
                f"{image.name} has pixels of {along:.4g} m by {down:.4g} m on the ground, so what it shows "
                f"is squeezed; make them square with --resolution {side:.3g}."
            )
    for other in images[1:]:
        for what, own, model in (
            ("the channels", ", ".join(other.names), ", ".join(first.names)),
            ("the type", other.dtype, first.dtype),
        ):
            if own != model:
                raise InputError(
                    f"{other.name} has {what} {own} but {first.name} has {model}; they must agree."
                )
        if abs(other.metres_per_pixel / first.metres_per_pixel - 1) > SAME_PIXEL:
            raise InputError(
                f"{other.name} has pixels of {other.metres_per_pixel:.3g} m but {first.name} of "
                f"{first.metres_per_pixel:.3g} m; bring them to one size with --resolution."
            )
    refuse_other_order([tile for image in images for tile in image.tiles], first.names)


def _check_overlap(cutters: Sequence[Cutter], images: Sequence[Imagery], labels: Sequence[Outlines]) -> None:
    if not any(cutter.inside[: cutter.units].any() for cutter in cutters):
        names = ", ".join(str(outlines.path) for outlines in labels)
        where = ", ".join(f"{v:.4f}" for v in _lonlat_bounds(images[0].grid))
        raise InputError(
            f"None of the outlines of {names} lies on the imagery, which covers {where} (degrees west, "
            "south, east, north); check that they are of the same place and that both state the right CRS."
        )


def _lonlat_bounds(grid: Grid) -> tuple[float, float, float, float]:
    rows, columns = grid.shape
    corners = grid.lonlat(np.array([0.0, columns, 0, columns]), np.array([0.0, 0, rows, rows]))
    west, south = corners.min(axis=0)
    east, north = corners.max(axis=0)
    return float(west), float(south), float(east), float(north)


def _check_result(
    rows: Sequence[tuple[Any, ...]],
    tally: Tally,
    labels: Sequence[Outlines],
    places: int,
    settings: PatchSettings,
) -> None:
    if not tally.seen.any() and (tally.void or tally.broken):
        why = f" {next(iter(tally.damaged.values()))}" if tally.damaged else ""
        names = np.concatenate([outlines.ids for outlines in labels])[:NAMED]
        raise InputError(
            f"No pixel of any unit ({', '.join(map(str, names))} ...) is valid in a patch: they lie on void "
            f"parts of the imagery, or all their patches were left out.{why}"
        )
    for name in PARTS.values():
        if not any(row[1] == name and row[2] == "positive" for row in rows):
            why = "there are too few units to be divided; give more."
            if settings.split is SplitMethod.BLOCKED:
                why = (
                    f"the ground is too small for parts that are a patch ({settings.size} pixels) apart; "
                    "give imagery of more ground, a smaller --block, --split random, or cut smaller patches."
                )
            raise InputError(
                f"Of {counted(places, 'patch', 'patches')} none with a unit is left for {name}: {why}"
            )


def _write_index(path: Path, rows: Sequence[tuple[Any, ...]]) -> None:
    pd.DataFrame(rows, columns=list(INDEX_COLUMNS)).to_csv(path, index=False, lineterminator="\n")
