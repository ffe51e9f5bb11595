"""Slope and aspect: closed forms on planes and cones, on planar, projected and geographic grids."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rogi.errors import OptionError
from rogi.terrain.gradient import SlopeMethod, arctan, aspect, slope, slope_and_aspect
from rogi.terrain.grid import Grid

PLANAR = Grid((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), (9, 11))


def plane(grid: Grid, angle: float, facing: float) -> np.ndarray:
    """Plane on the ground, steps from the metric of the middle pixel."""
    rows, cols = np.indices(grid.shape)
    a, b, c, d = (grid._interpolated(k)[grid.shape[0] // 2, grid.shape[1] // 2, 0] for k in range(4))
    east, north = a * cols + b * rows, c * cols + d * rows
    t, f = np.tan(np.radians(angle)), np.radians(facing)
    return 4000.0 - t * (np.sin(f) * east + np.cos(f) * north)


@settings(deadline=None)
@given(st.floats(0, 1e9))
def test_arctan_is_that_of_the_library(x: float) -> None:
    """The arithmetic arc tangent is within 2 ulp of the library's."""
    assert arctan(x) == pytest.approx(np.arctan(x), rel=5e-16, abs=0)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.01, 85), st.floats(0, 359.99), st.sampled_from(list(SlopeMethod)))
def test_planes_are_exact(angle: float, facing: float, method: SlopeMethod) -> None:
    """Slope and aspect of a plane are its own, to float32 rounding."""
    z = plane(PLANAR, angle, facing)
    found = aspect(z, PLANAR, method=method)[1:-1, 1:-1]
    np.testing.assert_allclose(slope(z, PLANAR, method=method)[1:-1, 1:-1], angle, rtol=2e-7, atol=1e-9)
    assert np.all(np.abs((found - facing + 180) % 360 - 180) < 4e-5)
    assert np.all((found >= 0) & (found < 360))


@pytest.mark.parametrize(
    ("crs", "lon", "lat", "tolerance"),
    [("EPSG:32645", 89.4, 33.0, 1e-5), ("EPSG:32719", -70.5, -33.0, 1e-5), ("EPSG:3857", 90.0, 47.0, 1e-4)],
)
def test_projected_planes_are_those_of_the_ground(crs: str, lon: float, lat: float, tolerance: float) -> None:
    """Scale and convergence of the CRS enter neither slope nor aspect, in both hemispheres."""
    x, y = pyproj.Transformer.from_crs(4326, crs, always_xy=True).transform(lon, lat)
    grid = Grid((30.0, 0.0, x, 0.0, -30.0, y), (9, 9), crs)
    for facing in (0.0, 77.0, 180.0, 301.0):
        z = plane(grid, 31.0, facing)
        assert slope(z, grid)[4, 4] == pytest.approx(31.0, abs=tolerance)
        assert (aspect(z, grid)[4, 4] - facing + 180) % 360 - 180 == pytest.approx(0, abs=5 * tolerance)


def turned(angle: float, wide: float = 30.0, high: float = 20.0, shear: float = 0.0) -> tuple[float, ...]:
    """Pixels of 30 m by 20 m, the rows turned clockwise from east, the columns sheared besides."""
    r, c = np.radians(angle), np.radians(angle + shear)
    return (wide * np.cos(r), -high * np.sin(c), 0.0, -wide * np.sin(r), -high * np.cos(c), 0.0)


@pytest.mark.parametrize("method", list(SlopeMethod))
@pytest.mark.parametrize("shear", [0.0, 25.0, -10.0])
@pytest.mark.parametrize("angle", [0.0, 17.0, 90.0, 128.0, 245.0, 310.0])
def test_planes_on_turned_and_sheared_grids(angle: float, shear: float, method: SlopeMethod) -> None:
    """Closed form: the plane from the coordinates of the pixels, whatever way rows and columns run."""
    a, b, c, d, e, f = turned(angle, shear=shear)
    rows, columns = np.indices((7, 8)) + 0.5
    x, y = a * columns + b * rows + c, d * columns + e * rows + f
    grid = Grid((a, b, c, d, e, f), (7, 8))
    for facing in (10.0, 155.0, 233.0, 350.0):
        t, way = np.tan(np.radians(28.0)), np.radians(facing)
        z = 4000.0 - t * (np.sin(way) * x + np.cos(way) * y)
        np.testing.assert_allclose(slope(z, grid, method=method)[1:-1, 1:-1], 28.0, rtol=2e-6)
        np.testing.assert_allclose(aspect(z, grid, method=method)[1:-1, 1:-1], facing, atol=1e-4)


@pytest.mark.parametrize("angle", [0.0, 33.0, 200.0])
@pytest.mark.parametrize(
    ("crs", "lon", "lat"),
    [
        ("EPSG:32645", 89.4, 33.0),
        ("EPSG:3035", -8.0, 38.0),  # equal-area, far from its centre: pixels are sheared
        ("+proj=sinu +lon_0=10", 40.0, 45.0),
        ("+proj=sinu +lon_0=10", -30.0, -45.0),
        ("+proj=eqc +lat_ts=0", 80.0, 47.0),
        ("EPSG:2263", -74.4, 41.0),  # in feet
    ],
)
def test_planes_on_ground_that_is_no_square(crs: str, lon: float, lat: float, angle: float) -> None:
    """On grids that are not conformal, or turned: the plane by geodesics from its middle."""
    system = pyproj.CRS(crs)
    forward = pyproj.Transformer.from_crs(system.geodetic_crs, system, always_xy=True)
    x, y = forward.transform(lon, lat)
    unit = system.axis_info[0].unit_conversion_factor
    a, b, _, d, e, _ = (v / unit for v in turned(angle, shear=12.0))
    c, f = x - 4.5 * (a + b), y - 4.5 * (d + e)
    rows, columns = np.indices((9, 9)) + 0.5
    there = forward.transform(a * columns + b * rows + c, d * columns + e * rows + f, direction="INVERSE")
    middle = np.full((2, 9, 9), np.array(there)[:, 4:5, 4:5])
    azimuth, _, distance = system.get_geod().inv(*middle, *there)
    east, north = distance * np.sin(np.radians(azimuth)), distance * np.cos(np.radians(azimuth))
    grid = Grid((a, b, c, d, e, f), (9, 9), crs)
    for facing in (20.0, 130.0, 265.0):
        t, way = np.tan(np.radians(31.0)), np.radians(facing)
        z = 4000.0 - t * (np.sin(way) * east + np.cos(way) * north)
        assert slope(z, grid)[4, 4] == pytest.approx(31.0, abs=2e-4)
        assert aspect(z, grid)[4, 4] == pytest.approx(facing, abs=5e-4)


@pytest.mark.parametrize("top", [70.0, 31.0, 0.0005, -33.0])
def test_geographic_planes_are_those_of_the_ground(top: float) -> None:
    """On a geographic grid the metres of the row count: a plane keeps its slope and aspect."""
    grid = Grid((1 / 3600, 0.0, -70.0, 0.0, -1 / 3600, top), (9, 9), "EPSG:4326")
    for facing in (0.0, 77.0, 180.0, 301.0):
        z = plane(grid, 31.0, facing)
        assert slope(z, grid)[4, 4] == pytest.approx(31.0, abs=1e-5)
        assert (aspect(z, grid)[4, 4] - facing + 180) % 360 - 180 == pytest.approx(0, abs=5e-5)


@pytest.mark.parametrize("method", list(SlopeMethod))
def test_a_cone_faces_outward_with_its_slope(method: SlopeMethod) -> None:
    """Away from the tip a cone has one slope and faces away from the axis, to second order in the pixel."""
    n = 201
    y, x = np.mgrid[n // 2 : -n // 2 : -1, -(n // 2) : n // 2 + 1] * 10.0
    distance = np.hypot(x, y)
    z = 3000.0 - np.tan(np.radians(25.0)) * distance
    grid = Grid((10.0, 0.0, 0.0, 0.0, -10.0, 0.0), (n, n))
    far = distance > 700
    far[[0, -1]] = far[:, [0, -1]] = False
    outward = np.degrees(np.arctan2(x, y))
    # Central differences of a cone err by (pixel / distance)² / 6 and less (Horn) at most.
    assert np.abs(slope(z, grid, method=method) - 25.0)[far].max() < 0.005
    assert np.abs((aspect(z, grid, method=method) - outward + 180) % 360 - 180)[far].max() < 0.005
    diagonal = far & (np.abs(x) == np.abs(y))
    assert np.abs((aspect(z, grid, method=method) - outward + 180) % 360 - 180)[diagonal].max() < 3e-5


def test_flat_ground_has_no_aspect() -> None:
    """Level ground: slope 0, aspect null, on any grid."""
    for grid in (PLANAR, Grid((1 / 3600, 0.0, 7.0, 0.0, -1 / 3600, 47.0), (9, 11), "EPSG:4326")):
        z = np.full(grid.shape, 4321.7)
        assert np.all(slope(z, grid)[1:-1, 1:-1] == 0.0)
        assert np.all(np.isnan(aspect(z, grid)))


def test_voids_and_edges_are_null() -> None:
    """A void makes itself and its eight neighbours null; the outermost ring needs a halo."""
    z = plane(PLANAR, 20.0, 45.0)
    z[4, 5] = np.nan
    expected = np.zeros(z.shape, dtype=bool)
    expected[[0, -1]] = expected[:, [0, -1]] = True
    expected[3:6, 4:7] = True
    np.testing.assert_array_equal(np.isnan(slope(z, PLANAR)), expected)
    np.testing.assert_array_equal(np.isnan(aspect(z, PLANAR)), expected)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:32645", None])
def test_windows_equal_the_whole_to_the_bit(crs: str | None) -> None:
    """A window with one pixel of halo gives the bytes of the whole raster."""
    transform = (1 / 3600, 0.0, 90.0, 0.0, -1 / 3600, 31.0)
    if crs != "EPSG:4326":
        transform = (30.0, 0.0, 4e5, 0.0, -30.0, 3.4e6)
    z = np.random.default_rng(1).normal(4000, 30, (150, 220)).astype(np.float32)
    grid = Grid(transform, z.shape, crs)
    for function in (slope, aspect):
        whole = function(z, grid)
        for r, c, h, w in ((0, 0, 40, 40), (13, 57, 70, 101), (90, 129, 60, 91)):
            part = function(z[r : r + h, c : c + w], grid.window(r, c, (h, w)))
            np.testing.assert_array_equal(part[1:-1, 1:-1], whole[r + 1 : r + h - 1, c + 1 : c + w - 1])


def test_integers_and_wrong_shapes() -> None:
    """Integer elevation is taken as metres; a grid of another window is an error."""
    z = np.round(plane(PLANAR, 45.0, 90.0)).astype(np.int16)
    np.testing.assert_array_equal(slope(z, PLANAR), slope(z.astype(np.float64), PLANAR))
    with pytest.raises(OptionError, match="shape"):
        slope(z[:5], PLANAR)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", list(SlopeMethod))
def test_some_pixels_have_the_values_of_the_whole(method: SlopeMethod, dtype: type) -> None:
    """To the last bit; also on the edge, beside voids, in runs and singly."""
    rng = np.random.default_rng(8)
    z = rng.normal(4000, 30, (40, 150)).astype(dtype)
    z[10:13, 60:70] = np.nan
    z[20:30, 80:100] = 4000.0
    grid = Grid((1 / 1200, 0, 90, 0, -1 / 1200, 31), z.shape, "EPSG:4326")
    rows, columns = np.nonzero(rng.random(z.shape) < 0.7)
    found = slope_and_aspect(z, grid, rows.astype(np.int32), columns.astype(np.int32), method=method)
    for values, whole in zip(
        found, (slope(z, grid, method=method), aspect(z, grid, method=method)), strict=True
    ):
        np.testing.assert_array_equal(values, whole[rows, columns])
