"""Backgrounds of maps: values at their places in any CRS, and light from the north-west."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import rasterio
from rasterio.transform import from_bounds

from rogi.raster.elevation.shading import Surface, hillshade, sampled
from rogi.raster.files import open_raster


def coordinate_raster(path, axis, bounds, shape, **profile):
    """A raster whose values are the longitude (axis 0) or latitude (1) of its pixels."""
    transform = from_bounds(*bounds, *shape[::-1])
    x, y = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    values = (bounds[0] + x * transform.a, bounds[3] + y * transform.e)[axis]
    look = {"driver": "GTiff", "width": shape[1], "height": shape[0], "count": 1, "dtype": "float64"}
    with rasterio.open(path, "w", crs="EPSG:4326", transform=transform, **(look | profile)) as target:
        target.write(values, 1)
    return open_raster(path)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("side", [40, 400])
def test_values_lie_where_they_belong(tmp_path, side, axis):
    raster = coordinate_raster(tmp_path / "a.tif", axis, (9, 45, 12, 48), (side, side))
    crs = pyproj.CRS("+proj=laea +lat_0=46.5 +lon_0=10.5 +datum=WGS84")
    found = sampled([raster], crs, (-200e3, -60e3, 60e3, 60e3), (30, 60))
    x = (np.arange(60) + 0.5) / 60 * 260e3 - 200e3
    y = 60e3 - (np.arange(30) + 0.5) / 30 * 120e3
    place = np.stack(pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(*np.meshgrid(x, y)))
    inside = place[0] >= 9
    assert np.isnan(found[~inside]).all()
    assert (~inside).any()
    assert np.abs(found[inside] - place[axis][inside]).max() < max(3 / side, 0.06)


@pytest.mark.parametrize("shape", [(4, 3), (700, 600)])
def test_an_overview_is_of_the_whole_raster(tmp_path, shape):
    raster = coordinate_raster(tmp_path / "a.tif", 0, (9, 45, 12, 48), shape)
    found = Surface("a.tif", (raster,)).overview()
    assert found.shape == (min(shape[0], 512), min(shape[1], 512))
    expected = 9 + (np.arange(found.shape[1]) + 0.5) / found.shape[1] * 3
    assert np.abs(found - expected).max() <= 3 / shape[1]


def test_the_antimeridian_is_no_edge(tmp_path):
    west = coordinate_raster(tmp_path / "w.tif", 0, (175, 60, 180, 65), (50, 50))
    east = coordinate_raster(tmp_path / "e.tif", 0, (-180, 60, -175, 65), (50, 50))
    crs = pyproj.CRS("+proj=laea +lat_0=62.5 +lon_0=180 +datum=WGS84")
    found = sampled([west, east], crs, (-100e3, -100e3, 100e3, 100e3), (20, 20))
    assert (found[:, :10] > 175).all()
    assert (found[:, 10:] < -175).all()


def test_voids_stay_voids_and_the_first_counts(tmp_path):
    one = coordinate_raster(tmp_path / "1.tif", 0, (10, 45, 11, 46), (20, 20))
    void = coordinate_raster(tmp_path / "2.tif", 0, (10, 45, 11, 46), (20, 20), nodata=-1.0)
    with rasterio.open(tmp_path / "2.tif", "r+") as new:
        new.write(np.full((20, 20), -1.0), 1)
    bounds, crs = (10, 45, 11, 46), pyproj.CRS(4326)
    assert np.isnan(sampled([void], crs, bounds, (20, 20))).all()
    assert np.array_equal(sampled([void, one], crs, bounds, (20, 20)), sampled([one], crs, bounds, (20, 20)))


def test_slopes_to_the_north_west_are_bright():
    rows, columns = np.mgrid[0:20, 0:20].astype(float)
    level = np.sin(np.pi / 4)
    towards = hillshade(rows * 10 + columns * 10, 30, 30)  # rises to the south-east: faces north-west
    away = hillshade(-rows * 10 - columns * 10, 30, 30)
    assert (towards > level).all()
    assert (away < level).all()
    assert towards + away == pytest.approx(2 * level / np.sqrt(1 + 0.6**2))
    assert np.isnan(hillshade(np.full((1, 5), 1.0), 30, 30)).all()
