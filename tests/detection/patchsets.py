"""Small sets of patches for tests: bright squares on dark noise, which a network learns in a few steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from rogi.detection.patches.shards import INDEX, INDEX_COLUMNS, PatchCard, PatchSet, ShardWriter, write_card
from rogi.ledger import file_sha256


def tiny_patches(
    folder: Path,
    train: int = 6,
    validation: int = 4,
    *,
    size: int = 64,
    channels: tuple[str, ...] = ("red", "green", "blue"),
    dtype: str = "uint8",
    seed: int = 0,
) -> PatchSet:
    """Write and open patches; two of three hold a unit, whose right border touches another (label 2)."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    writer, rows, total = ShardWriter(folder), [], []
    for number in range(train + validation):
        split = "train" if number < train else "validation"
        image = rng.normal(90, 15, (len(channels), size, size))
        label = np.zeros((size, size), np.uint8)
        if number % 3:
            side = size // 2
            row, column = rng.integers(0, size - side, 2)
            label[row : row + side, column : column + side] = 1
            label[row : row + side, column + side - 2 : column + side] = 2
            image[:, label > 0] += 60
        valid = np.ones((size, size), bool)
        valid[: size // 8] = number % 2 == 0
        image = np.clip(image, 1, 255).astype(dtype)
        image[:, ~valid] = 0
        key = f"p{number:07d}"
        shard, offset = writer.write(key, image, label, valid, {"split": split})
        pixels = int((valid & (label > 0)).sum())
        kind = "positive" if pixels else "background"
        unit = ("u", 1) if pixels else ("", 0)
        rows.append((key, split, kind, number // 2, 0, 0, number * size, *unit, pixels, 0, int(valid.sum()),
                     1.0, 0.0, 0.0, shard, offset))  # fmt: skip
        if split == "train":
            total.append(image[:, valid].astype(float))
    pixels_of = np.concatenate(total, axis=1)
    pd.DataFrame(rows, columns=list(INDEX_COLUMNS)).to_csv(folder / INDEX, index=False, lineterminator="\n")
    write_card(
        folder,
        PatchCard(
            channels=channels,
            dtype=dtype,
            resolution_m=5.0,
            size=size,
            stride=size * 2 // 3,
            mean=tuple(map(float, pixels_of.mean(axis=1))),
            std=tuple(map(float, pixels_of.std(axis=1))),
            split={"method": "blocked", "seed": seed},
            counts={},
            sources=({"name": "scene.tif", "sha256": "0" * 64},),
            labels=({"name": "units.gpkg", "sha256": "1" * 64},),
            negatives=(),
            shards=writer.close(),
            index_sha256=file_sha256(folder / INDEX),
        ),
    )
    return PatchSet.open(folder)
