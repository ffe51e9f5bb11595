"""Where grids meet each sees the other's ground without a step: planes stay planes to rounding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyproj
import pytest
from affine import Affine

from rogi.raster.elevation.model import Surface, open_elevation_model
from rogi.raster.files import reading
from rogi.raster.grid import Grid, Window, extent_on, fineness

WriteRaster = Callable[..., Path]
SECOND = 1 / 3600


def plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Elevations by degrees around (88, 50)."""
    return 3000.0 + 20_000.0 * (x % 360.0 - 88.0) + 30_000.0 * (y - 50.0)


def centres(transform: Affine, window: Window) -> tuple[np.ndarray, np.ndarray]:
    column, row = np.meshgrid(np.arange(window.column0, window.column1) + 0.5,
                              np.arange(window.row0, window.row1) + 0.5)  # fmt: skip
    return transform @ (column, row)


def tile(
    write_raster: WriteRaster,
    name: str,
    west: float,
    north: float,
    dx: float,
    dy: float,
    shape: tuple[int, int],
) -> Path:
    """A file of the plane; sizes of pixels in seconds."""
    dx, dy = dx * SECOND, dy * SECOND
    transform = Affine(dx, 0, west, 0, -dy, north)
    values = plane(*centres(transform, Window(0, shape[0], 0, shape[1])))
    return write_raster(name, values, transform, "EPSG:4326", nodata=-32768)


def off_the_plane(surface: Surface, window: Window) -> float:
    with reading():
        read = surface.read(window)
    return float(np.abs(read - plane(*centres(surface.transform, window))).max())


@pytest.mark.parametrize(
    ("dx", "dy"), [(1.5, 1), (2, 2), (3, 3), (1.5, 2.5), (10, 10), (0.7, 0.7), (2.2, 1.0)]
)
def test_a_plane_goes_on_across_the_seam(write_raster: WriteRaster, dx: float, dy: float) -> None:
    """The pixels that slope needs, from wider, narrower and shifted pixels, on either side."""
    tile(write_raster, "dem/s.tif", 88 - 90 * SECOND, 50.0, 1, 1, (90, 180))
    shape = int(90 / dy), int(180 / dx)
    top = 50 + shape[0] * dy * SECOND
    north = tile(write_raster, "dem/n.tif", 88 - 90 * SECOND, top, dx, dy, shape)
    surfaces = {s.transform.f > 50 + SECOND: s for s in open_elevation_model(north.parent).surfaces}
    assert off_the_plane(surfaces[False], Window(-1, 3, 1, 170)) < 1e-5
    assert off_the_plane(surfaces[True], Window(shape[0] - 3, shape[0] + 1, 1, shape[1] - 2)) < 1e-5


def test_corners_of_three_grids(write_raster: WriteRaster) -> None:
    tile(write_raster, "dem/sw.tif", 88 - 60 * SECOND, 50.0, 1, 1, (60, 60))
    tile(write_raster, "dem/se.tif", 88.0, 50.0, 2, 2, (30, 30))
    north = tile(write_raster, "dem/n.tif", 88 - 60 * SECOND, 50 + 60 * SECOND, 1.5, 1, (60, 80))
    for surface in open_elevation_model(north.parent).surfaces:
        column, row = (round(v) for v in ~surface.transform @ (88.0, 50.0))
        assert off_the_plane(surface, Window(row - 1, row + 1, column - 1, column + 1)) < 1e-5


def test_across_the_antimeridian(write_raster: WriteRaster) -> None:
    tile(write_raster, "dem/w.tif", 180 - 60 * SECOND, 50.0, 1, 1, (60, 60))
    east = tile(write_raster, "dem/e.tif", -180.0, 50.0, 2, 1, (60, 30))
    west, other = open_elevation_model(east.parent).surfaces
    assert off_the_plane(west, Window(2, 58, 58, 61)) < 1e-5
    assert off_the_plane(other, Window(2, 58, -1, 2)) < 1e-5
    assert [t.files[0].name for t in west.tiles_in(Window(2, 58, 58, 61))] == ["w.tif", "e.tif"]


def test_across_two_zones(write_raster: WriteRaster) -> None:
    """A cut along a meridian: pixels of one zone end in steps, those of the other lie askew."""
    paths = []
    for zone, sign in ((32644, -1), (32645, 1)):
        to = pyproj.Transformer.from_crs(4326, zone, always_xy=True)
        x0, y0 = (np.floor(v / 30) * 30 for v in to.transform(84, 50))
        transform = Affine(30, 0, x0 - 1500, 0, -30, y0 + 1500)
        lon, lat = to.transform(*centres(transform, Window(0, 100, 0, 100)), direction="INVERSE")
        values = np.where(sign * (lon - 84) >= 0, plane(lon + 4, lat), -32768.0)
        paths.append(write_raster(f"dem/{zone}.tif", values, transform, f"EPSG:{zone}", nodata=-32768))
    for surface in open_elevation_model(paths[0].parent).surfaces:
        with reading():
            read = surface.read(Window(20, 80, 20, 80))
        to = pyproj.Transformer.from_crs(surface.crs, 4326, always_xy=True)
        lon, lat = to.transform(*centres(surface.transform, Window(20, 80, 20, 80)))
        inner = np.abs(lon - 84) < 0.004  # what slope needs, and some of what else is resampled
        off = np.abs(read - plane(lon + 4, lat))[inner]
        assert np.isfinite(off).all()
        assert np.quantile(off, 0.98) < 0.05
        assert off.max() < 6.0  # half a pixel


def test_any_window_reads_the_same(write_raster: WriteRaster) -> None:
    tile(write_raster, "dem/s.tif", 88 - 60 * SECOND, 50.0, 1, 1, (60, 120))
    north = tile(write_raster, "dem/n.tif", 88 - 60 * SECOND, 50 + 60 * SECOND, 1.5, 1, (60, 80))
    for surface in open_elevation_model(north.parent).surfaces:
        row = round((~surface.transform @ (88.0, 50.0))[1])
        with reading():
            whole = surface.read(Window(row - 12, row + 12, 0, 60))
            for window in (
                Window(row - 1, row, 5, 6),
                Window(row, row + 1, 5, 6),
                Window(row - 5, row + 3, 7, 31),
            ):
                part = whole[window.row0 - row + 12 : window.row1 - row + 12, window.column0 : window.column1]
                np.testing.assert_array_equal(surface.read(window), part)
                np.testing.assert_array_equal(surface.restricted(window).read(window), part)


def test_nothing_is_made_up_beyond_all_grids(write_raster: WriteRaster) -> None:
    tile(write_raster, "dem/s.tif", 88 - 60 * SECOND, 50.0, 1, 1, (60, 120))
    far = tile(write_raster, "dem/far.tif", 89, 51, 2, 1, (60, 60))
    surface = open_elevation_model(far.parent).surfaces[0]
    with reading():
        read = surface.read(Window(-2, 62, -2, 122))
    assert np.isnan(read[[0, 1, -2, -1]]).all()
    assert np.isnan(read[:, [0, 1, -2, -1]]).all()
    assert np.isfinite(read[2:-2, 2:-2]).all()


def test_grids_are_sorted_by_their_own_qualities() -> None:
    def grid(size: float, crs: int, west: float = 0.0, rows: int = 10) -> Grid:
        return Grid(pyproj.CRS(crs), Affine(size, 0, west, 0, -size, 50.0), (rows, 10))

    order = [grid(8, 32645), grid(SECOND, 4326), grid(3 * SECOND, 4326), grid(0.01, 4326)]
    assert sorted(order[2:] + order[:2], key=fineness) == order
    assert fineness(grid(30, 32645)) == fineness(grid(30, 32645, 3000.0, 99))
    assert fineness(grid(30, 32645)) != fineness(grid(30, 32645, 7.0))
    assert fineness(grid(30, 32644)) < fineness(grid(30, 32645))
    feet = Grid(pyproj.CRS(2263), Affine(30, 0, 0, 0, -30, 0), (10, 10))
    assert fineness(feet)[0] == pytest.approx((30 * 0.3048006) ** 2, rel=1e-5)


def test_extents_across_the_antimeridian() -> None:
    near = Grid(pyproj.CRS(4326), Affine(0.01, 0, 179.5, 0, -0.01, 66), (100, 50))
    far = Grid(pyproj.CRS(4326), Affine(0.02, 0, -180, 0, -0.01, 66), (100, 50))
    assert extent_on(far, near) == pytest.approx((-1, 101, 49, 151))
    assert extent_on(near, far) == pytest.approx((-1, 101, -26, 1))


def test_where_the_other_grid_is_on_both_sides_it_is_bilinear(write_raster: WriteRaster) -> None:
    """On a curved surface, with pixels of another size and phase under all of the grid."""

    def bowl(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 3000.0 + 5e6 * ((x - 88.001) ** 2 + 0.5 * (x - 88.001) * (y - 50.001) + 2 * (y - 50.001) ** 2)

    own = Affine(SECOND, 0, 88.0, 0, -SECOND, 50.004)
    wide = Affine(1.3 * SECOND, 0, 87.99, 0, -1.7 * SECOND, 50.014)
    write_raster("dem/own.tif", bowl(*centres(own, Window(0, 9, 0, 9))), own, "EPSG:4326")
    path = write_raster("dem/wide.tif", bowl(*centres(wide, Window(0, 50, 0, 70))), wide, "EPSG:4326")
    surface = open_elevation_model(path.parent).surfaces[0]
    assert surface.transform == own
    window = Window(-1, 10, -1, 10)
    with reading():
        read = surface.read(window)
        (plain,), _ = surface.others[0].read(window)
    ring = np.ones((11, 11), dtype=bool)
    ring[1:-1, 1:-1] = False
    np.testing.assert_allclose(read[ring], plain[ring], rtol=1e-8)  # places are rounded to 1e-6 pixels
    assert np.abs(read[ring] - bowl(*centres(own, window))[ring]).max() < 2.0
