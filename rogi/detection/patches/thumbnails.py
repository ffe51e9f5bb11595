"""A sheet of small pictures of patches with their labels, to be looked at before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rogi.detection.patches.shards import IGNORED

if TYPE_CHECKING:
    from rogi.detection.patches.shards import PatchSet

    Picture = NDArray[np.uint8]

SIDE = 200
"""Pixels of a picture."""

COLUMNS, ROWS = 8, 6
FRAME, GAP = 4, 6
STRETCH = (1.0, 99.0)
"""Percentiles of the valid pixels of the sheet that become black and white."""

MIDDLE = 0.42
"""Brightness that the median gets, so that snow does not make all else black."""

# Okabe & Ito (2008), which people with colour-blindness can tell apart.
TRAIN, VALIDATION = (0, 114, 178), (213, 94, 0)
OUTLINE, BORDER, VOID = (240, 228, 66), (204, 121, 167), (120, 120, 120)


def write_sheet(patches: PatchSet, path: Path) -> None:
    """Write the sheet as PNG: of each kind of each part the first patches, framed by part.

    Blue frames are training patches, orange ones validation; yellow lines are outlines of units, pink pixels
    borders between units that touch, grey ones not valid, dark ones ignored. The first rows hold patches
    with units, then come those of what is none, and background.
    """
    chosen = _chosen(patches)
    read = [patches.read(int(i)) for i in chosen]
    images = [
        _three(image)[:, _spread(image.shape[1])][:, :, _spread(image.shape[2])] for image, _, _ in read
    ]
    labels = [label[_spread(label.shape[0])][:, _spread(label.shape[1])] for _, label, _ in read]
    valids = [valid[_spread(valid.shape[0])][:, _spread(valid.shape[1])] for _, _, valid in read]
    known = np.concatenate([image[:, valid] for image, valid in zip(images, valids, strict=True)], axis=1)
    low, middle, high = np.percentile(known, (STRETCH[0], 50.0, STRETCH[1]), axis=1)
    share = np.clip((middle - low) / np.maximum(high - low, 1e-9), 0.01, 0.99).mean()
    gamma = float(np.clip(np.log(MIDDLE) / np.log(share), 0.4, 1.5))
    parts = patches.index["split"].to_numpy()[chosen]
    step = SIDE + 2 * FRAME + GAP
    lines = -(-len(chosen) // COLUMNS)
    sheet = np.full((lines * step + GAP, COLUMNS * step + GAP, 3), 255, dtype=np.uint8)
    for number, (image, label, valid) in enumerate(zip(images, labels, valids, strict=True)):
        top, left = GAP + number // COLUMNS * step, GAP + number % COLUMNS * step
        framed = np.full((SIDE + 2 * FRAME, SIDE + 2 * FRAME, 3), 0, dtype=np.uint8)
        framed[:] = TRAIN if parts[number] == "train" else VALIDATION
        framed[FRAME:-FRAME, FRAME:-FRAME] = _picture(image, label, valid, (low, high, gamma))
        sheet[top : top + framed.shape[0], left : left + framed.shape[1]] = framed
    write_png(sheet, path)


def write_png(picture: Picture, path: Path) -> None:
    """Write an RGB picture, shape (rows, columns, 3)."""
    Image.fromarray(picture).save(path, format="PNG")


def _chosen(patches: PatchSet) -> NDArray[np.int64]:
    """Patches of all parts and kinds, most of them with units."""
    index = patches.index
    order: list[int] = []
    for kind, share in (("positive", 0.6), ("negative", 0.25), ("background", 0.15)):
        for part, portion in (("train", 0.6), ("validation", 0.4)):
            found = np.flatnonzero((index["kind"] == kind).to_numpy() & (index["split"] == part).to_numpy())
            order += found[: max(1, round(COLUMNS * ROWS * share * portion))].tolist()
    order += sorted(set(range(len(index))) - set(order))
    return np.array(order[: COLUMNS * ROWS], dtype=np.int64)


def _picture(
    image: NDArray[np.float64],
    label: NDArray[np.uint8],
    valid: NDArray[np.bool_],
    stretch: tuple[NDArray[np.float64], NDArray[np.float64], float],
) -> Picture:
    low, high, gamma = stretch
    scaled = (image - low[:, None, None]) / np.maximum(high - low, 1e-9)[:, None, None]
    picture = (np.clip(scaled, 0.0, 1.0) ** gamma * 255).round().astype(np.uint8).transpose(1, 2, 0).copy()
    picture[~valid] = VOID
    picture[label == IGNORED] //= 2
    inside = (label > 0) & (label != IGNORED)
    edge = np.zeros_like(inside)
    edge[1:] |= inside[1:] != inside[:-1]
    edge[:, 1:] |= inside[:, 1:] != inside[:, :-1]
    picture[edge] = OUTLINE
    picture[label == 2] = BORDER
    return picture


def _three(image: NDArray[Any]) -> NDArray[np.float64]:
    """Three channels to show: the first three, or the first as grey."""
    bands = image[:3] if image.shape[0] >= 3 else np.repeat(image[:1], 3, axis=0)
    return bands.astype(np.float64)


def _spread(length: int) -> NDArray[np.int64]:
    """Pixels that are shown of a side."""
    return (np.arange(SIDE) * length // SIDE).astype(np.int64)
