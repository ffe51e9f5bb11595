"""Polygons made block by block are those of the whole raster, to the last vertex."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import rasterio.features
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from rogi.detection.candidates.polygons import level_of, polygonise


def reader(raster):
    return lambda row, col, height, width: raster[..., row : row + height, col : col + width]


def oracle(mask, transform=None):
    """Polygons of the whole raster by GDAL, in a canonical form and order."""
    found = rasterio.features.shapes(
        mask.astype(np.uint8), mask=mask, connectivity=4, transform=transform or Affine.identity()
    )
    return canonical([shapely.geometry.shape(geometry) for geometry, _ in found])


def canonical(polygons):
    return sorted(shapely.to_wkt(shapely.normalize(np.asarray(polygons, object)), rounding_precision=-1))


rasters = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 24), st.integers(1, 24)),
    elements=st.sampled_from([0, 200, 200, 255]),
    fill=st.nothing(),
)


@given(rasters, st.integers(1, 30))
@settings(max_examples=200)
def test_equal_to_gdal_on_the_whole_raster(raster, block):
    """Same vertices, exteriors and holes for every size of blocks; valid; areas are pixels."""
    found = polygonise(reader(raster), raster.shape, level=100, block=block)
    shapes = found.geometries()
    assert canonical(shapes) == oracle((raster >= 100) & (raster != 255))
    assert shapely.is_valid(shapes).all()
    assert np.array_equal(shapely.area(shapes), found.pixels)
    assert np.array_equal(shapely.get_num_interior_rings(shapes), found.holes)


@given(rasters, st.integers(1, 30), st.integers(1, 30), st.integers(1, 12))
@settings(max_examples=200)
def test_no_array_depends_on_the_blocks(raster, one, other, minimum):
    """All arrays are the same for two sizes of blocks, small groups left out or not."""
    a, b = (
        polygonise(reader(raster), raster.shape, level=100, minimum_pixels=minimum, block=size)
        for size in (one, other)
    )
    for name in ("coords", "ring_offsets", "polygon_offsets", "pixels"):
        assert np.array_equal(getattr(a, name), getattr(b, name))
    assert (a.pixels >= minimum).all()
    whole = polygonise(reader(raster), raster.shape, level=100, block=64)
    assert canonical(a.geometries()) == canonical(whole.geometries()[whole.pixels >= minimum])


@pytest.mark.parametrize("block", [37, 64, 300])
def test_smooth_field(block):
    """Large groups with holes over many blocks, and a transform, against GDAL."""
    rng = np.random.default_rng(5)
    field = ndimage.gaussian_filter(rng.standard_normal((300, 260)), 3)
    raster = np.where(field > 0, 254, 0).astype(np.uint8)
    transform = Affine(30.0, 0.0, 400_000.0, 0.0, -30.0, 3_100_000.0)
    found = polygonise(reader(raster), raster.shape, level=1, block=block)
    shapes = found.geometries(transform)
    assert canonical(shapes) == oracle(raster > 0, transform)
    assert shapely.is_ccw(shapely.get_exterior_ring(shapes)).all()
    assert not shapely.is_ccw(shapely.get_interior_ring(shapes[found.holes > 0], 0)).any()


def test_diagonal_contacts():
    """By hand: a loop closed over a corner has a hole that touches its exterior; two groups stay two."""
    loop = np.array([[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 0, 1]], np.uint8)
    for block in (1, 2, 3, 4):
        found = polygonise(reader(loop), loop.shape, level=1, block=block)
        assert found.pixels.tolist() == [7, 1]
        assert found.holes.tolist() == [1, 0]
        first, second = found.geometries()
        assert first.interiors[0].equals(shapely.LinearRing([(1, 1), (2, 1), (2, 2), (1, 2)]))
        assert shapely.touches(first, second)
        assert shapely.is_valid([first, second]).all()


def test_bounds_and_take():
    """Bounds in rows and columns, and a choice in another order."""
    raster = np.zeros((6, 8), np.uint8)
    raster[1:3, 2:7], raster[4:, 0] = 9, 9
    found = polygonise(reader(raster), raster.shape, level=1, block=4)
    assert found.bounds().tolist() == [[1, 2, 3, 7], [4, 0, 6, 1]]
    turned = found.take(np.array([1, 0]))
    assert turned.bounds().tolist() == [[4, 0, 6, 1], [1, 2, 3, 7]]
    assert turned.geometries()[1].equals_exact(found.geometries()[0])


def test_nothing_found():
    """A raster without foreground gives no polygons."""
    found = polygonise(reader(np.full((5, 5), 255, np.uint8)), (5, 5), level=0, block=2)
    assert len(found) == 0
    assert len(found.geometries()) == 0
    assert found.bounds().shape == (0, 4)


def test_channels():
    """One channel of several; a reader that answers with another shape is an error of the program."""
    raster = np.zeros((2, 3, 3), np.uint8)
    raster[1, 1, 1] = 254
    assert len(polygonise(reader(raster), (3, 3), level=1, channel=1)) == 1
    assert len(polygonise(reader(raster), (3, 3), level=1, channel=0)) == 0
    with pytest.raises(ValueError, match="was asked for"):
        polygonise(reader(raster[:, :2]), (3, 3), level=1)


@pytest.mark.parametrize(("threshold", "level"), [(0.5, 127), (1.0, 254), (100 / 254, 100), (0.3, 77)])
def test_level_of_a_threshold(threshold, level):
    """The least integer whose probability reaches the threshold."""
    assert level_of(threshold) == level
    assert level / 254 >= threshold - 1e-9 > (level - 1) / 254
