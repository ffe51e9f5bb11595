"""Which patches train and which validate: by blocks of ground, or at random."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.errors import OptionError

Boxes = NDArray[np.float64]
Codes = NDArray[np.int8]

TRAIN, VALIDATION, DROPPED = 0, 1, -1

BLOCK_SIDES = (3.0, 4.0, 6.0, 8.0, 12.0)
"""Sides of blocks that are tried, in patches."""

DRAWINGS = 64
"""Seeded drawings of blocks that are compared."""

ENOUGH_BLOCKS = 6
"""Blocks with units below which the next smaller side of blocks is taken, if that has more of them."""


class SplitMethod(StrEnum):
    """How patches are divided."""

    #: By blocks of ground, a patch apart: no ground is in both parts.
    BLOCKED = "blocked"
    #: By units at random, as in Sun et al. (2024): neighbours share ground, so validation is too good.
    RANDOM = "random"


@dataclass(frozen=True)
class Split:
    """The part each patch is in.

    Attributes
    ----------
    part : ndarray of int8, shape (n,)
        `TRAIN`, `VALIDATION`, or `DROPPED`: in the gap between blocks.
    block : ndarray of int64, shape (n,)
        Number of the block of the patch's centre; -1 where there are no blocks.
    side : float
        Of the blocks, m; NaN where there are none.
    shared : float
        Share of the ground of the validation patches that lies in training patches too.
    """

    part: Codes
    block: NDArray[np.int64]
    side: float
    shared: float


def random_split(unit: NDArray[np.int64], boxes: Boxes, share: float, seed: int) -> Split:
    """Units drawn at random; the patches of a unit stay together.

    Parameters
    ----------
    unit : ndarray of int64, shape (n,)
        Number of the unit of each patch.
    boxes : ndarray of float64, shape (n, 4)
        Footprints: least x, least y, greatest x, greatest y, m.
    share : float
        Of the patches, for training.
    seed : int
    """
    _check(share)
    units, member = np.unique(unit, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(units))
    patches = np.bincount(member)[order]
    training = np.zeros(len(units), dtype=bool)
    training[order[np.cumsum(patches) - patches / 2 <= share * len(unit)]] = True
    part = np.where(training[member], TRAIN, VALIDATION).astype(np.int8)
    return Split(part, np.full(len(unit), -1, np.int64), float("nan"), shared_ground(boxes, part))


def blocked_split(
    boxes: Boxes, positive: NDArray[np.bool_], share: float, seed: int, side: float | None = None
) -> Split:
    """Square blocks of ground drawn for training or validation, and what lies between them dropped.

    A patch counts only if its footprint, grown on each side by half its width, lies in blocks of one part: so
    patches of different parts are at least a patch apart. Of `DRAWINGS` seeded drawings, and of some sizes
    of block unless one is given, the one is taken that leaves most patches with units at the share asked for.
    A patch between blocks is kept all the same where it is a patch apart from all patches of the other part.

    Parameters
    ----------
    boxes : ndarray of float64, shape (n, 4)
        Footprints in an equal-area or other plane in metres: least x, least y, greatest x, greatest y.
    positive : ndarray of bool, shape (n,)
        Patches meant for units.
    share : float
        For training.
    seed : int
    side : float, optional
        Of a block, m.

    Raises
    ------
    OptionError
        A share beyond 0 to 1, or blocks smaller than two patches.
    """
    _check(share)
    width = float(np.median(boxes[:, 2] - boxes[:, 0])) if len(boxes) else 1.0
    if side is not None and side < 2 * width:
        raise OptionError(
            f"--block {side:g} m is less than two patches ({2 * width:.0f} m), so none would fit; give more."
        )
    weight = positive.astype(np.float64) if positive.any() else np.ones(len(boxes))
    best: tuple[tuple[bool, float], Split] | None = None
    for length in (side,) if side is not None else tuple(width * k for k in BLOCK_SIDES):
        part, block, _ = _draw(boxes, weight, share, seed, length)
        part = _filled(boxes, part, weight, share)
        score = _kept(part, weight, share)
        enough = len(np.unique(block[weight > 0])) >= ENOUGH_BLOCKS
        if best is None or (enough, score) > best[0]:
            best = (enough, score), Split(part, block, length, 0.0)
    assert best is not None
    return best[1]


def shared_ground(boxes: Boxes, part: Codes) -> float:
    """Share of the ground of the validation patches that lies in training patches too."""
    training, validation = (shapely.box(*boxes[part == code].T) for code in (TRAIN, VALIDATION))
    if not len(training) or not len(validation):
        return 0.0
    one, other = shapely.union_all(training), shapely.union_all(validation)
    return float(shapely.area(shapely.intersection(one, other)) / shapely.area(other))


def _draw(
    boxes: Boxes, weight: NDArray[np.float64], share: float, seed: int, side: float
) -> tuple[Codes, NDArray[np.int64], float]:
    """The best of the drawings for one size of block: parts, blocks, and what it keeps."""
    half = np.column_stack([boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]]) / 2
    low = np.floor((boxes[:, :2] - half) / side).astype(np.int64)
    high = np.floor((boxes[:, 2:] + half) / side).astype(np.int64)
    centre = np.floor((boxes[:, :2] + boxes[:, 2:]) / 2 / side).astype(np.int64)
    reach = int((high - low).max()) + 1 if len(boxes) else 1
    steps = np.stack(np.meshgrid(np.arange(reach), np.arange(reach)), axis=-1).reshape(-1, 2)
    # All blocks a patch reaches, the last ones repeated where it reaches fewer.
    reached = np.minimum(low[:, None, :] + steps, high[:, None, :])
    places, numbers = np.unique(np.concatenate([centre, reached.reshape(-1, 2)]), axis=0, return_inverse=True)
    numbers = numbers.ravel()
    block, touched = numbers[: len(boxes)], numbers[len(boxes) :].reshape(len(boxes), -1)
    loads = np.bincount(block, weights=weight, minlength=len(places))
    rng = np.random.default_rng(seed)
    best: tuple[float, Codes] = (-1.0, np.full(len(boxes), DROPPED, np.int8))
    for _ in range(DRAWINGS):
        order = rng.permutation(len(places))
        load = loads[order]
        validating = np.zeros(len(places), dtype=bool)
        validating[order] = np.cumsum(load) - load / 2 > share * load.sum()
        sides = validating[touched]
        part = np.where(sides.all(axis=1), VALIDATION, np.where(sides.any(axis=1), DROPPED, TRAIN))
        score = _kept(part, weight, share)
        if score > best[0]:
            best = score, part.astype(np.int8)
    return best[1], block, best[0]


def _kept(part: Codes, weight: NDArray[np.float64], share: float) -> float:
    """What a division keeps, as the whole that it would be the asked-for share of."""
    kept = np.array([weight[part == code].sum() for code in (TRAIN, VALIDATION)])
    return float(np.min(kept / np.array([share, 1.0 - share])))


def _filled(boxes: Boxes, part: Codes, weight: NDArray[np.float64], share: float) -> Codes:
    """A division with the patches between blocks that can be in a part, which lacks most first."""
    half = np.column_stack([boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]]) / 2
    grown = shapely.box(*np.concatenate([boxes[:, :2] - half, boxes[:, 2:] + half], axis=1).T)
    open_ = np.flatnonzero(part == DROPPED)
    open_ = open_[np.argsort(-weight[open_], kind="stable")]
    rank, near = shapely.STRtree(grown).query(grown[open_], "intersects")
    apart = shapely.touches(grown[open_[rank]], grown[near])
    rank, near = rank[~apart], near[~apart]
    order = np.argsort(rank, kind="stable")
    ends = np.searchsorted(rank[order], np.arange(len(open_) + 1))
    near = near[order]
    filled = part.copy()
    kept = {code: float(weight[part == code].sum()) for code in (TRAIN, VALIDATION)}
    goal = {TRAIN: share, VALIDATION: 1.0 - share}
    for number, patch in enumerate(open_):
        around = filled[near[ends[number] : ends[number + 1]]]
        for code, other in sorted(
            ((TRAIN, VALIDATION), (VALIDATION, TRAIN)), key=lambda c: kept[c[0]] / goal[c[0]]
        ):
            if not (around == other).any():
                filled[patch] = code
                kept[code] += float(weight[patch])
                break
    return filled


def _check(share: float) -> None:
    if not 0.0 < share < 1.0:
        raise OptionError(f"--train-share is a share between 0 and 1, found {share:g}.")
