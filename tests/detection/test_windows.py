"""Windows: a lattice that stays where it is, sums that no order and no division into blocks changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from rogi.detection.blending import add_window, probability_levels, spread_levels, weight_sums
from rogi.detection.prediction.block_store import BlockStore, BlockSums, finished_parts, write_block
from rogi.detection.windows import NO_DATA, STEPS, Blend, Lattice, Merge, own_ground
from rogi.errors import OptionError
from rogi.raster.grid import Window

COSINE = Blend(Merge.COSINE, 320, 480)


def test_weights_are_the_ramp_of_the_docstring() -> None:
    weights = Blend(Merge.COSINE, 6, 8).weights
    # sin²(π/8) = 0.146 and sin²(3π/8) = 0.854 of 127
    assert weights.tolist() == [19, 108, 127, 127, 127, 127, 108, 19]
    assert Blend(Merge.COSINE, 8, 8).weights.tolist() == [127] * 8
    assert Blend(Merge.OR, 160, 480).weights.tolist() == [1] * 480


@pytest.mark.parametrize("stride", [480, 400, 320, 240])
def test_windows_weigh_the_same_everywhere(stride: int) -> None:
    """At strides of half a window or more the weights over a pixel add up to one number, but for rounding."""
    weights = Blend(Merge.COSINE, stride, 480).weights
    total = np.zeros(stride, np.int64)
    np.add.at(total, np.arange(480) % stride, weights)
    assert total.min() >= 126
    assert total.max() <= 129


@given(
    stride=st.integers(2, 8),
    row=st.integers(-100, 100),
    column=st.integers(-100, 100),
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    seed=st.integers(0, 9),
)
def test_every_valid_pixel_is_on_the_own_ground_of_one_window(
    stride: int, row: int, column: int, shape: tuple[int, int], seed: int
) -> None:
    """Own grounds tile the plane: those of all blocks hold each valid pixel once, and no block is missing."""
    blend = Blend(Merge.COSINE, stride, 8, block=12)
    lattice = Lattice(blend, row, column, shape)
    rng = np.random.default_rng(seed)
    valid = rng.random(shape) < 0.1
    valid[rng.integers(shape[0]), rng.integers(shape[1])] = True
    covered = np.zeros(shape, int)
    half = blend.overlap // 2
    for block in lattice.blocks():
        corner = lattice.footprint(block)
        inside = np.zeros(corner.shape, bool)
        rows, columns = np.nonzero(valid)
        there = (rows >= corner.row0) & (rows < corner.row1)
        there &= (columns >= corner.column0) & (columns < corner.column1)
        inside[rows[there] - corner.row0, columns[there] - corner.column0] = True
        for a, b in np.argwhere(own_ground(inside, blend)):
            top, left = corner.row0 + a * stride + half, corner.column0 + b * stride + half
            covered[max(top, 0) : max(top + stride, 0), max(left, 0) : max(left + stride, 0)] += 1
    assert (covered <= 1).all()
    assert covered[valid].all()


def test_windows_with_a_valid_pixel_on_their_own_ground_by_hand() -> None:
    """Windows of 8 at a stride of 4: own grounds are squares of 4, two pixels inside the block's corner."""
    blend = Blend(Merge.COSINE, 4, 8, block=12)
    assert (blend.side, blend.overlap) == (3, 4)
    for row, column, expected in (
        (2, 2, (0, 0)),
        (5, 5, (0, 0)),
        (6, 5, (1, 0)),
        (5, 6, (0, 1)),
        (13, 13, (2, 2)),
        (9, 12, (1, 2)),
        (1, 7, None),  # on the margin of windows only: the own ground of one in the block above
        (7, 1, None),
        (14, 7, None),
        (7, 14, None),
    ):
        valid = np.zeros((16, 16), bool)
        valid[row, column] = True
        ran = own_ground(valid, blend)
        assert ran.shape == (3, 3)
        assert [tuple(place) for place in np.argwhere(ran)] == ([] if expected is None else [expected])
    valid = np.zeros((16, 16), bool)
    assert not own_ground(valid, blend).any()
    valid[2:14, 2:14] = True
    assert own_ground(valid, blend).all()
    assert own_ground(valid[:11], blend).tolist() == [[True] * 3] * 2  # whole squares of the first rows


@pytest.mark.parametrize(
    ("row", "column", "shape", "expected"),
    [
        # blocks of 3 windows of 8 at a stride of 4: own grounds from pixel 2 of the lattice, 12 to a block
        (0, 0, (2, 2), [(-1, -1)]),
        (2, 2, (12, 12), [(0, 0)]),
        (2, 14, (12, 13), [(0, 1), (0, 2)]),
        (1, 2, (2, 1), [(-1, 0), (0, 0)]),
        (-10, -23, (1, 14), [(-1, -3), (-1, -2), (-1, -1)]),
    ],
)
def test_blocks_by_hand(
    row: int, column: int, shape: tuple[int, int], expected: list[tuple[int, int]]
) -> None:
    lattice = Lattice(Blend(Merge.COSINE, 4, 8, block=12), row, column, shape)
    assert lattice.blocks() == expected
    corner = lattice.footprint((1, -2))
    assert (corner.row0, corner.row1) == (12 - row, 12 - row + 16)
    assert (corner.column0, corner.column1) == (-24 - column, -24 - column + 16)


@given(
    down=st.integers(-500, 500),
    across=st.integers(-500, 500),
    origin=st.sampled_from([0.0, 0.5, 0.25, 1 / 3]),
    size=st.sampled_from([5.0, 30.0, 1 / 3600, 4.777314267823516]),
)
def test_another_extent_moves_no_window(down: int, across: int, origin: float, size: float) -> None:
    """The same pixel has the same place in its window, whatever raster it is in."""
    first = Affine(size, 0, (70_000 + origin) * size, 0, -size, (90_000 + origin) * size)
    other = first @ Affine.translation(across, down)
    a, b = (Lattice.over(transform, (10, 10), COSINE) for transform in (first, other))
    assert (b.row - a.row, b.column - a.column) == (down, across)


def test_a_stride_without_sense_is_refused() -> None:
    for stride in (0, 59, 481):
        with pytest.raises(OptionError, match="from 60 to 480"):
            Blend(Merge.COSINE, stride, 480)
    with pytest.raises(OptionError, match="--block"):
        Blend(Merge.COSINE, 320, 480, block=0)


# ---- what windows add up to


def plane(blend: Blend, windows: int, outputs: int, seed: int) -> dict[tuple[int, int], np.ndarray]:
    """Random probabilities of windows on the lattice."""
    rng = np.random.default_rng(seed)
    shape = (outputs, blend.patch, blend.patch)
    return {(i, j): rng.random(shape).astype(np.float32) for i in range(windows) for j in range(windows)}


def merged(
    blend: Blend, found: dict[tuple[int, int], np.ndarray], length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of windows, or their largest value, by floating point and by pixel."""
    outputs = next(iter(found.values())).shape[0]
    layers, weights = [], []
    outer = np.outer(blend.weights, blend.weights)
    for (i, j), probability in found.items():
        layer, weight = np.zeros((outputs, length, length)), np.zeros((length, length))
        where = (
            np.s_[i * blend.stride : i * blend.stride + blend.patch],
            np.s_[j * blend.stride : j * blend.stride + blend.patch],
        )
        layer[:, *where], weight[where] = probability, outer
        layers.append(layer)
        weights.append(weight)
    stacked, weighing = np.array(layers), np.array(weights)[:, None]
    if blend.merge is Merge.OR:
        return stacked.max(axis=0), np.zeros_like(layers[0])
    mean = (stacked * weighing).sum(axis=0) / weighing.sum(axis=0)
    variance = ((stacked - mean) ** 2 * weighing).sum(axis=0) / weighing.sum(axis=0)
    return mean, np.sqrt(variance)


@pytest.mark.parametrize(
    ("merge", "stride"), [(Merge.COSINE, 8), (Merge.COSINE, 4), (Merge.COSINE, 12), (Merge.OR, 4)]
)
def test_blend_is_the_weighted_mean(merge: Merge, stride: int) -> None:
    """Against floating point: within half a level and what rounding each window once adds."""
    blend = Blend(merge, stride, 12, block=3 * stride)
    found = plane(blend, blend.side, 2, 1)
    length = blend.side * stride + blend.overlap
    sums, squares = np.zeros((2, length, length), np.int64), np.zeros((2, length, length), np.int64)
    for (i, j), probability in found.items():
        assert add_window(sums, squares, probability, i * stride, j * stride, blend)
    weights, count = weight_sums(np.ones((blend.side, blend.side), bool), blend)
    mean, deviation = merged(blend, found, length)
    levels = probability_levels(sums, weights, blend)
    assert np.abs(levels - 254 * mean).max() <= 0.5 + 254 / STEPS
    if merge is Merge.COSINE:
        spread = spread_levels(sums, squares, weights, count)
        several = np.broadcast_to(count > 1, spread.shape)
        assert several.any() == (stride < blend.patch)
        assert (spread[~several] == NO_DATA).all()
        assert np.abs(spread[several] - 254 * deviation[several]).max(initial=0) <= 0.5 + 2 * 254 / STEPS


@pytest.mark.parametrize("merge", list(Merge))
def test_order_of_windows_changes_no_byte(merge: Merge) -> None:
    blend = Blend(merge, 4, 12, block=16)
    found = plane(blend, blend.side, 1, 2)
    length = blend.side * 4 + blend.overlap
    results = []
    for seed in range(4):
        sums = np.zeros((1, length, length), np.int64)
        squares = np.zeros_like(sums)
        for place in np.random.default_rng(seed).permutation(len(found)):
            (i, j), probability = list(found.items())[place]
            add_window(sums, squares, probability, 4 * i, 4 * j, blend)
        results.append((sums.tobytes(), squares.tobytes()))
    assert len(set(results)) == 1


@given(level=st.integers(1, 254), seed=st.integers(0, 5))
def test_or_is_the_or_of_hard_labels_at_any_threshold(level: int, seed: int) -> None:
    """The largest value reaches a level exactly where the label of any window does (Sun et al. 2024)."""
    blend = Blend(Merge.OR, 4, 12, block=8)
    found = plane(blend, blend.side, 1, seed)
    length = blend.side * 4 + blend.overlap
    sums = np.zeros((1, length, length), np.int64)
    labels = np.zeros((length, length), bool)
    for (i, j), probability in found.items():
        add_window(sums, None, probability, 4 * i, 4 * j, blend)
        alone = np.zeros((1, 12, 12), np.int64)
        add_window(alone, None, probability, 0, 0, blend)
        hard = probability_levels(alone, np.ones((12, 12), np.int64), blend)[0] >= level
        labels[4 * i : 4 * i + 12, 4 * j : 4 * j + 12] |= hard
    weights, _ = weight_sums(np.ones((blend.side, blend.side), bool), blend)
    np.testing.assert_array_equal(probability_levels(sums, weights, blend)[0] >= level, labels)


def test_what_is_no_number_is_noticed() -> None:
    blend = Blend(Merge.COSINE, 8, 8)
    sums = np.zeros((1, 8, 8), np.int64)
    probability = np.full((1, 8, 8), 0.5, np.float32)
    assert add_window(sums, None, probability, 0, 0, blend)
    probability[0, 3, 3] = np.nan
    assert not add_window(sums, None, probability, 0, 0, blend)
    beyond = np.zeros((1, 8, 8), np.int64)
    assert add_window(beyond, None, np.array([[[-0.1, 1.1] * 4] * 8], np.float32), 0, 0, blend)
    assert beyond.min() == 0
    assert beyond.max() == 127 * 127 * STEPS


# ---- blocks


@pytest.mark.parametrize(
    ("merge", "stride", "block"),
    [
        (Merge.COSINE, 8, 16),
        (Merge.COSINE, 8, 32),
        (Merge.COSINE, 4, 8),
        (Merge.OR, 4, 8),
        (Merge.COSINE, 12, 24),
    ],
)
def test_division_into_blocks_changes_no_byte(tmp_path: Path, merge: Merge, stride: int, block: int) -> None:
    """A raster read from blocks of any size is that of one block over everything, voids and all."""
    shape = (41, 53)
    rng = np.random.default_rng(3)
    valid = rng.random(shape) < 0.9
    valid[10:30, 20:50] = False
    valid[22, 33] = True  # a lonely pixel, on the own ground of one window
    whole = raster(tmp_path / "whole", shape, valid, Blend(merge, stride, 12, block=200))
    parts = raster(tmp_path / "parts", shape, valid, Blend(merge, stride, 12, block=block))
    assert len(parts.paths) > len(whole.paths)
    everything = Window(0, shape[0], 0, shape[1])
    np.testing.assert_array_equal(parts.read(everything), whole.read(everything))
    assert ((whole.read(everything)[0] != NO_DATA) == valid).all()
    for row, column in ((0, 0), (7, 9), (19, 31), (36, 50)):
        window = Window(row, row + 5, column, column + 3)
        np.testing.assert_array_equal(
            parts.read(window), whole.read(everything)[:, row : row + 5, column : column + 3]
        )
    if merge is Merge.COSINE:
        np.testing.assert_array_equal(parts.read_spread(everything), whole.read_spread(everything))


def raster(folder: Path, shape: tuple[int, int], valid: np.ndarray, blend: Blend) -> BlockStore:
    """Blocks of windows whose probabilities depend on their place on the lattice alone."""
    folder.mkdir()
    lattice = Lattice(blend, 5, -3, shape)
    paths = {}
    for block in lattice.blocks():
        corner = lattice.footprint(block)
        inside = np.zeros(corner.shape, bool)
        rows = slice(max(corner.row0, 0), min(corner.row1, shape[0]))
        columns = slice(max(corner.column0, 0), min(corner.column1, shape[1]))
        inside[
            rows.start - corner.row0 : rows.stop - corner.row0,
            columns.start - corner.column0 : columns.stop - corner.column0,
        ] = valid[rows, columns]
        ran = own_ground(inside, blend)
        sums = np.zeros((2, *corner.shape), np.int64)
        squares = np.zeros_like(sums)
        for a, b in np.argwhere(ran):
            place = (block[0] * blend.side + a, block[1] * blend.side + b)
            rng = np.random.default_rng([place[0] + 1000, place[1] + 1000])
            probability = rng.random((2, blend.patch, blend.patch)).astype(np.float32)
            add_window(sums, squares, probability, a * blend.stride, b * blend.stride, blend)
        if ran.any():
            second = squares if blend.merge is Merge.COSINE else None
            paths[block] = folder / f"{block[0]}.{block[1]}.zip"
            sums_of = BlockSums(sums, second, inside, ran)
            write_block(paths[block], ran, finished_parts(sums_of, blend))
    return BlockStore(lattice, 2, paths)
