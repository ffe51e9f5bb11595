"""Grid: ground metres per pixel, latitude and north, against pyproj's geodesics."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from rogi.errors import OptionError
from rogi.terrain.grid import Grid, metres_per_degree

WGS84 = pyproj.Geod(ellps="WGS84")
ARC_SECOND = 1 / 3600


def geographic(top: float = 31.0, shape: tuple[int, int] = (40, 30), crs: str = "EPSG:4326") -> Grid:
    return Grid((ARC_SECOND, 0.0, 90.0, 0.0, -ARC_SECOND, top), shape, crs)


@pytest.mark.parametrize("latitude", [-78.0, -33.3, 0.0, 12.0, 46.9, 70.0])
def test_metres_per_degree_equal_the_geodesic(latitude: float) -> None:
    """Short geodesics along the parallel and the meridian have the lengths of the closed form."""
    east, north = metres_per_degree(latitude)
    step = 1e-3
    assert WGS84.inv(0, latitude, step, latitude)[2] == pytest.approx(float(east) * step, rel=1e-8)
    assert WGS84.inv(0, latitude - step / 2, 0, latitude + step / 2)[2] == pytest.approx(
        float(north) * step, rel=1e-8
    )


def test_cell_size_varies_by_row() -> None:
    """Columns shrink toward the pole, row by row."""
    east, _ = geographic(shape=(3600, 5)).cell_size()
    assert np.all(np.diff(east) > 0)
    assert east[-1] / east[0] == pytest.approx(np.cos(np.radians(30)) / np.cos(np.radians(31)), rel=1e-4)


@pytest.mark.parametrize("crs", ["EPSG:32645", "EPSG:3857", "EPSG:2163", "EPSG:3413", "EPSG:2263"])
def test_projected_metric_is_that_of_the_ground(crs: str) -> None:
    """Steps of the metric lead where geodesics of their length and azimuth lead, whatever scale and unit."""
    centre = {"EPSG:2163": (-112.0, 40.0), "EPSG:3413": (-30.0, 75.0), "EPSG:2263": (-74.0, 40.7)}
    lon, lat = centre.get(crs, (90.5, 33.0))
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)
    grid = Grid((30.0, 0.0, x, 0.0, -30.0, y), (100, 130), crs)
    back = pyproj.Transformer.from_crs(crs, pyproj.CRS(crs).geodetic_crs, always_xy=True)
    geod = pyproj.CRS(crs).get_geod()
    lon0, lat0 = back.transform(x + 70.5 * 30, y - 40.5 * 30)
    lon1, lat1 = back.transform(x + 71.5 * 30, y - 40.5 * 30)
    lon2, lat2 = back.transform(x + 70.5 * 30, y - 39.5 * 30)
    azimuth, _, length = geod.inv(lon0, lat0, lon1, lat1)
    up, _, _ = geod.inv(lon0, lat0, lon2, lat2)
    a, _, c, _, latitude = (grid._interpolated(k)[40, 70, 0] for k in range(5))
    assert np.hypot(a, c) == pytest.approx(length, rel=2e-6)
    assert (np.degrees(np.arctan2(a, c)) - azimuth + 180) % 360 - 180 == pytest.approx(0, abs=1e-3)
    assert latitude == pytest.approx(lat0, abs=1e-6)
    assert (grid.convergence()[40, 70] - up + 180) % 360 - 180 == pytest.approx(0, abs=1e-3)


def test_convergence_is_that_of_proj() -> None:
    """East of a UTM zone's centre, grid north lies clockwise of true north in the northern hemisphere."""
    lon, lat = 89.5, 45.0
    x, y = pyproj.Transformer.from_crs(4326, 32645, always_xy=True).transform(lon, lat)
    found = Grid((1.0, 0.0, x - 0.5, 0.0, -1.0, y + 0.5), (1, 1), "EPSG:32645").convergence()[0, 0]
    assert abs(found) == pytest.approx(2.5 * np.sin(np.radians(45)), rel=2e-3)
    assert found == pytest.approx(
        pyproj.Proj("EPSG:32645").get_factors(lon, lat).meridian_convergence, abs=1e-5
    )


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32645", None])
def test_a_window_has_the_metric_of_the_whole(crs: str | None) -> None:
    """Values of a window equal those of the whole raster to the last bit."""
    transform = (ARC_SECOND, 0.0, 90.0, 0.0, -ARC_SECOND, 31.0)
    if crs != "EPSG:4326":
        transform = (30.0, 0.0, 4e5, 0.0, -30.0, 3.4e6)
    whole = Grid(transform, (300, 400), crs, latitude=31.0)
    window = whole.window(57, 131, (90, 77)).window(3, 2, (50, 60))
    for field in range(5):
        expected = whole._interpolated(field)[60:110, 133:193]
        np.testing.assert_array_equal(window._interpolated(field), expected)


def test_the_antimeridian_does_not_matter() -> None:
    """A projected grid that straddles 180 degrees has a smooth metric."""
    x, y = pyproj.Transformer.from_crs(4326, 3832, always_xy=True).transform(180.0, -17.0)
    grid = Grid((30.0, 0.0, x - 1500, 0.0, -30.0, y), (10, 100), "EPSG:3832")
    east, _ = grid.cell_size()
    assert np.all(np.abs(east - 30 * np.cos(np.radians(17))) < 0.2)


def test_bad_grids_are_refused() -> None:
    """Singular and rotated transforms, latitudes beyond the pole and unknown CRS say what is wrong."""
    with pytest.raises(OptionError, match="not invertible"):
        Grid((1.0, 0.0, 0.0, 0.0, 0.0, 0.0), (3, 3))
    with pytest.raises(OptionError, match="rotated"):
        Grid((1.0, 0.1, 0.0, 0.0, -1.0, 0.0), (3, 3), "EPSG:4326")
    with pytest.raises(OptionError, match="latitude"):
        Grid((30.0, 0.0, 4e5, 0.0, -30.0, 3.4e6), (3, 3), "EPSG:4326").metric()
    local = 'LOCAL_CS["here",UNIT["metre",1]]'
    with pytest.raises(OptionError, match="not tied to the Earth"):
        Grid((1.0, 0.0, 0.0, 0.0, -1.0, 0.0), (3, 3), local).metric()
    with pytest.raises(OptionError, match="not understood"):
        Grid((1.0, 0.0, 0.0, 0.0, -1.0, 0.0), (3, 3), "EPSG:nonsense").metric()
