"""Synthetic terrain: closed forms by differences, tiles that fit to the bit, files as users have them."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio

from rogi.errors import OptionError
from rogi.synthetic.terrain import Box, Relief, climate, cone, fractal, plane, wall, write_tiles


def test_a_plane_falls_towards_its_aspect():
    for aspect, (row, column) in {0: (-1, 0), 90: (0, 1), 180: (1, 0), 270: (0, -1)}.items():
        z = plane((5, 5), 10.0, 30.0, aspect)
        assert z[2, 2] - z[2 + row, 2 + column] == pytest.approx(10 * np.tan(np.radians(30)))


def test_a_cone_has_one_slope():
    z = cone((41, 41), 10.0, 20.0)
    assert z[20, 20] - z[20, 30] == pytest.approx(100 * np.tan(np.radians(20)))
    assert z[20, 20] - z[24, 23] == pytest.approx(50 * np.tan(np.radians(20)))


def test_a_wall():
    z = wall((3, 21), 10.0, 50.0, 80.0)
    assert (z[:, :18] == 4000).all()
    assert (z[:, 18:] == 4050).all()


def test_terrain_is_the_same_in_any_tile_and_differs_by_seed():
    lon, lat = 90 + np.arange(200) / 400, 30 + np.arange(100) / 400
    whole = fractal(lon, lat, 3)
    assert (fractal(lon[50:120], lat[20:60], 3) == whole[20:60, 50:120]).all()
    assert (fractal(lon, lat, 4) != whole).mean() > 0.99


@pytest.mark.parametrize("place", [(90.0, 30.0), (-70.0, -33.0), (179.5, 60.0)])
def test_terrain_looks_like_mountains_in_every_quadrant(place):
    lon, lat = place[0] + np.arange(400) / 1200, place[1] + np.arange(400) / 1200
    z = fractal(lon, lat, 1, Relief())
    assert 2150 <= z.min() < z.max() <= 6650
    south, east = np.gradient(z, 92.7, 92.7 * np.cos(np.radians(place[1])))
    slope = np.degrees(np.arctan(np.hypot(south, east)))
    assert 12 < slope.mean() < 25


def test_tiles_are_named_and_stored_as_nasadem_has_them(tmp_path):
    paths = write_tiles(tmp_path, Box(-70.5, -33.2, -69.5, -32.8), seed=2, arc_seconds=36)
    assert sorted(p.name for p in paths) == ["s33w070.tif", "s33w071.tif", "s34w070.tif", "s34w071.tif"]
    with rasterio.open(tmp_path / "s33w071.tif") as west, rasterio.open(tmp_path / "s33w070.tif") as east:
        assert (west.dtypes[0], west.nodata, west.crs.to_epsg()) == ("int16", -32768, 4326)
        assert west.bounds.right == east.bounds.left == -70.0
        gap = np.abs(west.read(1)[:, -1].astype(int) - east.read(1)[:, 0]).max()
        within = np.abs(np.diff(west.read(1).astype(int), axis=1)).max()
        assert gap <= 1.5 * within  # no seam: neighbours across the border are as near as within a tile


def test_climate_is_complete_and_plausible():
    fields = climate(Box(90.0, 30.0, 90.5, 30.4), years=(2001, 2002))
    assert dict(fields.sizes) == {"time": 24, "latitude": 4, "longitude": 5}
    assert float(fields["latitude"][0]) > float(fields["latitude"][-1])
    assert -15 < float(fields["t2m"].mean()) - 273.15 < 8
    assert 400 < float(fields["tp"].sum("time").mean()) / 2 < 800
    assert int(np.argmax(fields["tp"].mean(("latitude", "longitude")).to_numpy()[:12])) == 6


@pytest.mark.parametrize("box", [(91, 30, 90, 31), (90, 31, 91, 30), (-181, 0, 1, 1)])
def test_boxes_that_are_none(box):
    with pytest.raises(OptionError, match="west < east"):
        Box(*box)


def test_pixels_that_do_not_fit_a_degree(tmp_path):
    with pytest.raises(OptionError, match="no multiple"):
        write_tiles(tmp_path, Box(0, 0, 1, 1), arc_seconds=7)
