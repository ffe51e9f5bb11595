"""Units that touch are separated, single ones stay whole, and no pixel is lost."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import rasterio.features
import shapely
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from rogi.comparison.agreement.objects import object_agreement
from rogi.comparison.matching.graph import assignment, match_polygons
from rogi.comparison.matching.prepared_outlines import prepare_together
from rogi.detection.candidates.polygons import join, polygonise, polygonise_labels
from rogi.detection.candidates.separation import (
    Separate,
    separate_at_boundaries,
    separate_lobes,
    separate_units,
)


def reader(raster):
    return lambda row, col, height, width: raster[..., row : row + height, col : col + width]


def discs(shape, *circles):
    """1 inside any of the circles (row, column, radius)."""
    row, col = np.indices(shape)
    return np.any([(row - r) ** 2 + (col - c) ** 2 <= q * q for r, c, q in circles], axis=0).astype(np.uint8)


def tongues(seed, rows=6, cols=6, cell=120):
    """Groups of one to three tongues side by side: true labels, and the probability a model might give."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((rows * cell, cols * cell), np.int32)
    row, col = np.indices(truth.shape)
    for middle_row in range(cell // 2, rows * cell, cell):
        for middle_col in range(cell // 2, cols * cell, cell):
            angle, width = rng.uniform(0, np.pi), rng.uniform(11, 16)
            count = rng.integers(1, 4)
            for k in range(count):
                along, across = rng.uniform(-0.3, 0.3) * width, (k - (count - 1) / 2) * 1.9 * width
                r = middle_row + across * np.cos(angle) + along * np.sin(angle)
                c = middle_col - across * np.sin(angle) + along * np.cos(angle)
                u = (col - c) * np.cos(angle) + (row - r) * np.sin(angle)
                v = -(col - c) * np.sin(angle) + (row - r) * np.cos(angle)
                inside = (u / (width * rng.uniform(1.3, 1.8))) ** 2 + (v / width) ** 2 <= 1
                truth[inside & (truth == 0)] = truth.max() + 1
    noise = ndimage.gaussian_filter(rng.standard_normal(truth.shape), 2) * 0.4
    probability = ndimage.gaussian_filter((truth > 0).astype(float), 1.5) + noise
    return truth, np.clip(probability * 254, 0, 254).astype(np.uint8)


def true_units(truth):
    """Polygons of labels, the largest part of each."""
    largest = np.zeros_like(truth)
    for label in range(1, truth.max() + 1):
        parts, count = ndimage.label(truth == label)
        if count:
            largest[parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])] = label
    return polygonise_labels(largest)


def object_f1(units, truth):
    """F1 of objects at IoU 0.5."""
    shapes = [
        shapely.transform(p.geometries(), lambda xy: xy * 1e-4 + [90, 30]) for p in (true_units(truth), units)
    ]
    a, b = prepare_together([(s, 4326) for s in shapes])
    graph = match_polygons(a, b)
    return object_agreement(graph, assignment(graph, min_iou=0.5), 0.5).f1.value


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gain_where_units_touch(seed):
    """On groups of tongues F1 of objects rises by at least 0.15, by shape alone."""
    truth, raster = tongues(seed)
    whole = polygonise(reader(raster), raster.shape, level=127, minimum_pixels=60)
    cut = separate_units(
        reader(raster), whole, Separate.WATERSHED, minimum_pixels=np.full(len(whole), 60)
    ).polygons
    before, after = object_f1(whole, truth), object_f1(cut, truth)
    assert after >= before + 0.15


def test_gain_by_the_boundary_class():
    """With the boundaries the model saw, F1 of objects is nearly 1."""
    truth, raster = tongues(3)
    spread = ndimage.maximum_filter(truth, 3)
    low = np.where(truth > 0, truth, truth.max() + 1)
    between = (truth > 0) & (spread != ndimage.minimum_filter(low, 3))
    stack = np.stack([raster, np.where(between, 254, 0).astype(np.uint8)])
    whole = polygonise(reader(stack), raster.shape, level=127, minimum_pixels=60)
    cut = separate_units(reader(stack), whole, Separate.BOUNDARY, minimum_pixels=np.full(len(whole), 60))
    assert object_f1(whole, truth) < 0.7
    assert object_f1(cut.polygons, truth) > 0.95


def test_two_discs_and_their_neck():
    """Two discs are two units if the neck between them is narrow, one if it is wide."""
    narrow = discs((60, 110), (30, 30, 20), (30, 66, 20))
    wide = discs((60, 110), (30, 30, 20), (30, 48, 20))
    assert separate_lobes(narrow, 50).max() == 2
    assert separate_lobes(wide, 50).max() == 1
    assert (separate_lobes(narrow, 50)[:, 48:49].ravel()[25:35] > 0).all()


def test_neck_is_relative():
    """Half the neck over the radius of the smaller disc decides: 0.6 is cut at 0.7, not at 0.5."""
    radius, distance = 50, 80  # the discs meet at half-width √(50² - 40²) = 30 = 0.6 · 50
    both = discs((120, 220), (60, 60, radius), (60, 60 + distance, radius))
    assert separate_lobes(both, 50, neck=0.7).max() == 2
    assert separate_lobes(both, 50, neck=0.5).max() == 1


def test_small_lobes_join_their_neighbour():
    """A lobe smaller than the minimum is not cut off."""
    both = discs((60, 110), (30, 30, 20), (30, 57, 9))
    assert separate_lobes(both, 50).max() == 2
    assert separate_lobes(both, 400).max() == 1


def test_small_holes_do_not_cut():
    """A hole of a few pixels in the middle of a disc leaves it one unit; a large one is respected."""
    disc = discs((60, 60), (30, 30, 25))
    disc[28:32, 28:32] = 0
    assert separate_lobes(disc, 100).max() == 1


def test_pixels_that_are_not_square():
    """Distances are those on the ground: discs squeezed to ellipses in the raster are still cut in two."""
    squeezed = discs((60, 110), (30, 30, 20), (30, 66, 20))[:, ::3]
    assert separate_lobes(np.ascontiguousarray(squeezed), 15, pixel_size=(1.0, 3.0)).max() == 2


def test_boundaries_grow_back():
    """A seam through a square gives two units that meet in its middle, a gap aside; half a seam gives one."""
    square = np.ones((21, 21), np.uint8)
    seam = np.zeros((21, 21), bool)
    seam[:, 9:12] = True
    labels = separate_at_boundaries(square, seam, 20)
    assert np.bincount(labels.ravel()).tolist() == [0, 231, 210]  # the middle goes to the first
    seam[0] = False
    assert separate_at_boundaries(square, seam, 20).max() == 2
    seam[:11] = False
    assert separate_at_boundaries(square, seam, 20).max() == 1


def test_boundary_slivers_are_no_units():
    """Groups too small to be units join what is beside them."""
    square = np.ones((20, 30), np.uint8)
    seam = np.zeros((20, 30), bool)
    seam[:, 3], seam[:, 15] = True, True
    assert separate_at_boundaries(square, seam, 100).max() == 2
    assert separate_at_boundaries(square, seam, 20).max() == 3


@given(
    hnp.arrays(np.uint8, (30, 30), elements=st.sampled_from([0, 254]), fill=st.just(np.uint8(254))),
    st.integers(1, 60),
)
@settings(max_examples=30)
def test_units_cover_their_parents(raster, minimum):
    """Parts are valid, have the minimum size, do not overlap, and make up the parent exactly."""
    raster = ndimage.grey_opening(raster, 3)
    whole = polygonise(reader(raster), raster.shape, level=127)
    found = separate_units(
        reader(raster), whole, Separate.WATERSHED, minimum_pixels=np.full(len(whole), minimum)
    )
    shapes = found.polygons.geometries()
    assert shapely.is_valid(shapes).all()
    assert found.polygons.pixels.sum() == whole.pixels.sum()
    assert shapely.area(shapely.union_all(shapes)) == whole.pixels.sum() if len(shapes) else True
    for parent in np.unique(found.parent[found.parent >= 0]):
        parts = found.parent == parent
        assert parts.sum() > 1
        assert (found.polygons.pixels[parts] >= minimum).all()
        assert shapely.union_all(shapes[parts]).equals(whole.geometries()[parent])


@given(hnp.arrays(np.int32, (12, 14), elements=st.integers(0, 3), fill=st.nothing()))
@settings(max_examples=40)
def test_polygons_of_regions(labels):
    """Regions that share borders are polygonised like each of them alone."""
    connected = np.zeros_like(labels)
    for label in (1, 2, 3):
        parts, count = ndimage.label(labels == label)
        connected[parts > 0] = parts[parts > 0] + connected.max()
        assert count == 0 or connected.max() > 0
    together = polygonise_labels(connected)
    alone = join(
        [
            polygonise(reader(((connected == n) * 9).astype(np.uint8)), labels.shape, level=1)
            for n in range(1, connected.max() + 1)
        ]
    )
    assert shapely.is_valid(together.geometries()).all()
    for name in ("coords", "ring_offsets", "polygon_offsets", "pixels"):
        mine = together.take(together.raster_order())
        assert np.array_equal(getattr(mine, name), getattr(alone, name))


def test_gain_on_synthetic_mountains():
    """On scenes of rock glaciers, a third of them in contact, the boundary class raises F1 of objects."""
    from rogi.synthetic.imagery import Scene, SceneSettings
    from rogi.synthetic.landforms import Kind

    gains = []
    for seed in (0, 2, 4):
        scene = Scene(SceneSettings(500, 500, 10.0, seed, units=14, negatives=0))
        units = [x.polygon for x in scene.landforms(1) if x.kind is Kind.ROCK_GLACIER]
        numbered = [(polygon, n) for n, polygon in enumerate(units, start=1)]
        truth = rasterio.features.rasterize(numbered, (500, 500), transform=scene.transform).astype(np.int32)
        noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(truth.shape), 2)
        probability = ndimage.gaussian_filter((truth > 0).astype(float), 1.5) + 0.12 * noise / noise.std()
        low = np.where(truth > 0, truth, truth.max() + 1)
        between = (truth > 0) & (ndimage.maximum_filter(truth, 3) != ndimage.minimum_filter(low, 3))
        boundary = 1.6 * ndimage.gaussian_filter(between.astype(float), 0.7)
        stack = np.clip(254 * np.stack([probability, boundary]), 0, 254).astype(np.uint8)
        whole = polygonise(reader(stack), truth.shape, level=127, minimum_pixels=100)
        least = np.full(len(whole), 100)
        cut = separate_units(reader(stack), whole, Separate.BOUNDARY, minimum_pixels=least).polygons
        gains.append(object_f1(cut, truth) - object_f1(whole, truth))
    assert min(gains) >= 0
    assert np.mean(gains) > 0.05
