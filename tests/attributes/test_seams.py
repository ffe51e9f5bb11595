"""Units across grids: what several grids give is what one grid gives, and no ground counts twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from rogi.areas import area_m2
from rogi.attributes.configuration import AttributeSettings
from rogi.attributes.derive import Runner, derive_attributes
from rogi.attributes.derived import Derived
from rogi.attributes.relief import ZonalOptions, relief_statistics
from rogi.attributes.zonal import groups, seams, zonal
from rogi.attributes.zonal.groups import Engine
from rogi.attributes.zonal.placement import cell_areas
from rogi.attributes.zonal.seams import grounds, home_grids, split, window_on
from rogi.attributes.zonal.zonal import zonal_statistics
from rogi.errors import OptionError
from rogi.geometry import transform_geometries
from rogi.inventory.build import from_frames
from rogi.ledger import Ledger
from rogi.raster.elevation.model import open_elevation_model
from rogi.raster.files import ArrayRaster, reading
from rogi.raster.grid import Window
from rogi.schema.model import Role
from rogi.terrain import RadiationParameters

WriteRaster = Callable[..., Path]
Field = Callable[[np.ndarray, np.ndarray], np.ndarray]
SECOND = 1 / 3600
QUICK = RadiationParameters(search_radius=600.0, n_sectors=8)
DEGREES, METRES = pyproj.CRS(4326), pyproj.CRS(32645)


def plane(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Elevations that rise to the north and east, by degrees around (88, 50)."""
    return 3000.0 + 20_000.0 * (x - 88.0) + 30_000.0 * (y - 50.0)


def cone(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A peak of 4,000 m at (88, 50.0004)."""
    return 4000.0 - 25_000.0 * np.hypot(0.64 * (x - 88.0), y - 50.0004)


def grid_of(
    field: Field, west: float, north: float, dx: float, dy: float, shape: tuple[int, int]
) -> ArrayRaster:
    """A raster of a field at the centres of its pixels."""
    x = west + dx * (np.arange(shape[1]) + 0.5)
    y = north - dy * (np.arange(shape[0]) + 0.5)
    return ArrayRaster(field(x[None, :], y[:, None]), Affine(dx, 0, west, 0, -dy, north), DEGREES)


def elevations(
    polygons: list[shapely.Geometry], grids: list[ArrayRaster], **options: object
) -> dict[str, np.ndarray]:
    found = relief_statistics(
        np.array(polygons, dtype=object), grids[0], others=grids[1:], options=ZonalOptions(**options)
    )
    return {name: values for name, values in found.items() if name.startswith("elevation")}


def outlines(west: float = 88.0, north: float = 50.0) -> list[shapely.Geometry]:
    """Boxes of whole pixels of 1 and 2 seconds, and a ring, all across the corner (88, 50)."""
    boxes = [(-12, -10, 18, 14), (-6, -20, 2, 20), (-20, -2, 24, 8), (-4, -4, 4, 4)]
    shapes = [shapely.box(*(np.array(b) * SECOND + [west, north, west, north])) for b in boxes]
    return [*shapes[:3], shapes[0].difference(shapes[3])]


# ---- the statistics


@pytest.mark.parametrize("field", [plane, cone])
def test_a_grid_cut_in_two_is_the_grid(field: Field) -> None:
    """The halves of one grid, one of them moved by a whole turn so that it counts as another grid."""
    whole = grid_of(field, 88 - 60 * SECOND, 50 + 60 * SECOND, SECOND, SECOND, (120, 120))
    north = ArrayRaster(whole.values[:60], whole.transform, DEGREES)
    south = grid_of(field, 88 - 60 * SECOND, 50.0, SECOND, SECOND, (60, 120))
    one, two = elevations(outlines(), [whole]), elevations(outlines(), [north, south])
    for name, values in one.items():
        exact = name.endswith(("minimum", "maximum", "median"))
        np.testing.assert_allclose(two[name], values, rtol=1e-12 if exact else 1e-9, err_msg=name)


@pytest.mark.parametrize("field", [plane, cone])
@pytest.mark.parametrize("wide", [1.5, 2.0, 3.0])
def test_wider_pixels_in_the_north(field: Field, wide: float) -> None:
    """As of Copernicus at 50 degrees: means of all pixels by their area, worked out pixel by pixel."""
    south = grid_of(field, 88 - 60 * SECOND, 50.0, SECOND, SECOND, (60, 120))
    north = grid_of(field, 88 - 60 * SECOND, 50 + 60 * SECOND, wide * SECOND, SECOND, (60, 80))
    shapes = outlines()
    found = elevations(shapes, [south, north], extreme_share=0.0)
    for unit, shape in enumerate(shapes):
        values, areas = [], []
        for grid in (south, north):
            for row, column in np.ndindex(*grid.shape):
                corner = grid.transform @ (column, row), grid.transform @ (column + 1, row + 1)
                cell = shapely.box(corner[0][0], corner[1][1], corner[1][0], corner[0][1])
                if cell.intersects(shape) and (inside := cell.intersection(shape)).area > 1e-15:
                    values.append(grid.values[row, column])
                    areas.append(area_m2([inside], DEGREES)[0])
        expected = np.average(values, weights=areas)
        assert found["elevation_mean"][unit] == pytest.approx(expected, rel=1e-7)
        assert found["elevation_minimum"][unit] == min(values)
        assert found["elevation_maximum"][unit] == max(values)
        assert found["elevation_share"][unit] == 1.0
        order = np.argsort(values)
        half = np.cumsum(np.array(areas)[order]) / np.sum(areas)
        at = np.searchsorted(half, 0.5)
        below, above = np.array(values)[order][[max(at - 1, 0), min(at + 1, len(order) - 1)]]
        assert below <= found["elevation_median"][unit] <= above


def test_two_zones_are_one_ground() -> None:
    """UTM zones 44 and 45 meet at 84 degrees: means of a plane by true areas, as on one fine grid."""
    shapes = [shapely.box(83.995, 30.0, 84.005, 30.006), shapely.Point(84.0004, 30.003).buffer(0.003)]

    def zone(epsg: int, west: float, east: float) -> ArrayRaster:
        to = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
        x, y = to.transform([west, east, west, east], [29.98, 29.98, 30.03, 30.03])
        x0, y1 = np.floor(min(x) / 10) * 10, np.ceil(max(y) / 10) * 10
        shape = int((y1 - min(y)) / 10), int((max(x) - x0) / 10)
        px, py = np.meshgrid(x0 + 10 * (np.arange(shape[1]) + 0.5), y1 - 10 * (np.arange(shape[0]) + 0.5))
        lon, lat = to.transform(px, py, direction="INVERSE")
        values = 4000 + 20_000 * (lon - 84) + 15_000 * (lat - 30)
        return ArrayRaster(values, Affine(10, 0, x0, 0, -10, y1), pyproj.CRS(epsg))

    first, second = zone(32644, 83.98, 84.0), zone(32645, 83.999, 84.02)
    units = transform_geometries(np.array(shapes, dtype=object), 4326, 32644)
    found = elevations(list(units), [first, second])
    np.testing.assert_allclose(found["elevation_share"], 1.0)
    for unit, shape in enumerate(shapes):
        centre = shape.centroid  # a plane's mean is its value there
        assert found["elevation_mean"][unit] == pytest.approx(
            4000 + 20_000 * (centre.x - 84) + 15_000 * (centre.y - 30), abs=0.05
        )


@given(
    cut=st.floats(-9.7, 9.7), wide=st.sampled_from([0.5, 1.5, 2.0, 7.3]), radius=st.floats(3.0, 12.0),
    overlap=st.floats(0.0, 6.0),
)  # fmt: skip
def test_no_ground_is_counted_twice(cut: float, wide: float, radius: float, overlap: float) -> None:
    """Two grids side by side, with and without overlap: the areas add up to that of the unit."""
    first = ArrayRaster(np.zeros((40, 40)), Affine(1, 0, 5e5 + cut - 40, 0, -1, 4e6 + 20), METRES)
    edge = 5e5 + cut - overlap
    second = ArrayRaster(np.zeros((200, 200)), Affine(wide, 0, edge, 0, -wide, 4e6 + 100 * wide), METRES)
    unit = shapely.Point(5e5, 4e6).buffer(radius)
    parts, rest = split(unit, [first, second])
    areas = [part.polygon.area for part in parts]
    assert sum(areas) == pytest.approx(unit.area, rel=1e-9)
    assert rest == 0
    (ground,) = grounds(np.array([unit], dtype=object), [first, second])
    if len(ground.pieces) > 1:
        assert ground.areas.sizes[0] == pytest.approx(area_m2([unit], METRES)[0], rel=1e-5)
    shares = [piece.coverage.shares.sum() for piece in ground.pieces]
    expected = [unit.intersection(shapely.box(0, 0, 5e5 + cut, 5e6)).area, 0]
    expected[1] = unit.area - expected[0]
    found = np.zeros(2)
    for piece, share in zip(ground.pieces, shares, strict=True):
        found[0 if piece.grid is first else 1] = share * abs(piece.grid.transform.determinant)
    np.testing.assert_allclose(found, expected, atol=1e-6 * unit.area)


def test_ground_that_no_grid_has_counts_as_missing() -> None:
    """A gap of a tenth of the unit between two grids."""
    west = ArrayRaster(np.full((10, 10), 100.0), Affine(10, 0, 5e5, 0, -10, 4e6), METRES)
    east = ArrayRaster(np.full((5, 5), 200.0), Affine(20, 0, 5e5 + 120, 0, -20, 4e6), METRES)
    unit = shapely.box(5e5, 4e6 - 50, 5e5 + 200, 4e6)
    found = elevations([unit], [west, east])
    assert found["elevation_share"][0] == pytest.approx(0.9, rel=1e-5)
    assert found["elevation_mean"][0] == pytest.approx((100 * 100 + 200 * 80) / 180, rel=1e-6)
    assert np.isnan(elevations([unit], [west, east], minimum_valid_share=0.95)["elevation_mean"][0])


def test_pixel_centres_across_a_seam() -> None:
    """The engine rasterstats counts on each side the centres of that side."""
    west = ArrayRaster(np.full((10, 10), 100.0), Affine(10, 0, 5e5, 0, -10, 4e6), METRES)
    east = ArrayRaster(np.full((5, 5), 200.0), Affine(20, 0, 5e5 + 100, 0, -20, 4e6), METRES)
    unit = shapely.box(5e5 + 42, 4e6 - 60, 5e5 + 155, 4e6)
    found = elevations([unit], [west, east], engine=Engine.RASTERSTATS)
    # six columns of six centres of 100 m2, three columns of three of 400 m2
    assert found["elevation_mean"][0] == pytest.approx(
        (100 * 36 * 100 + 200 * 9 * 400) / (3600 + 3600), rel=1e-6
    )


def test_units_of_one_grid_are_as_without_the_others() -> None:
    first = grid_of(cone, 88 - 60 * SECOND, 50 + 60 * SECOND, SECOND, SECOND, (120, 120))
    second = grid_of(cone, 88 + 60 * SECOND, 50 + 60 * SECOND, 1.5 * SECOND, SECOND, (120, 120))
    alone, both = elevations(outlines(), [first]), elevations(outlines(), [first, second])
    for name, values in alone.items():
        np.testing.assert_array_equal(both[name], values)


def test_a_unit_of_the_second_grid_alone() -> None:
    first = grid_of(plane, 80.0, 50.0, SECOND, SECOND, (30, 30))
    second = grid_of(plane, 88 - 60 * SECOND, 50 + 60 * SECOND, 2 * SECOND, SECOND, (120, 60))
    alone, both = elevations(outlines(), [second]), elevations(outlines(), [first, second])
    for name, values in alone.items():
        np.testing.assert_allclose(both[name], values, rtol=1e-9)


# ---- places


@pytest.mark.parametrize(
    ("crs", "transform", "at", "rtol"),
    [
        (4326, Affine(SECOND, 0, 90, 0, -SECOND, 51), (90.01, 50.99), 1e-9),
        (32645, Affine(30, 0, 7e5, 0, -30, 4e6), (7.1e5, 3.99e6), 1e-6),
        (6933, Affine(100, 0, 7e6, 0, -100, 4e6), (7.1e6, 3.99e6), 1e-9),
        (4326, Affine(0.7 * SECOND, 0.5 * SECOND, 90, 0.5 * SECOND, -0.7 * SECOND, 51), (90.01, 50.99), 1e-5),
    ],
)  # fmt: skip
def test_cell_areas(crs: int, transform: Affine, at: tuple[float, float], rtol: float) -> None:
    """Beside the ellipsoidal area of a cell as a polygon."""
    column, row = (int(v) for v in ~transform @ at)
    cell = shapely.Polygon([transform @ (column + x, row + y) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))])
    found = cell_areas(transform, pyproj.CRS(crs), np.array([row]), shapely.Point(at))
    assert found[0] == pytest.approx(area_m2([cell], crs)[0], rel=max(rtol, 1e-7))


def test_windows_on_other_grids_hold_the_ground() -> None:
    near = ArrayRaster(np.zeros((100, 100)), Affine(0.01, 0, 179.5, 0, -0.01, 66), DEGREES)
    far = ArrayRaster(np.zeros((100, 100)), Affine(0.02, 0, -180, 0, -0.01, 66), DEGREES)
    found = window_on(Window(10, 20, 45, 60), near, far)
    assert (found.row0, found.row1) in ((8, 21), (9, 21), (8, 22), (9, 22))
    assert (found.column0, found.column1) == (-4, 6)
    assert window_on(Window(10, 20, -5, 5), far, near).column0 <= 40


def test_the_first_grid_with_a_file_is_home() -> None:
    fine = ArrayRaster(np.zeros((100, 100)), Affine(0.01, 0, 10, 0, -0.01, 50), DEGREES)
    coarse = ArrayRaster(np.zeros((10, 10)), Affine(0.1, 0, 10.9, 0, -0.1, 50), DEGREES)
    shapes = [shapely.box(10.1, 49.5, 10.2, 49.6), shapely.box(10.95, 49.5, 11.05, 49.6),
              shapely.box(11.02, 49.5, 11.5, 49.6), shapely.box(30, 30, 31, 31),
              shapely.Polygon()]  # fmt: skip
    bounds = shapely.bounds(np.array(shapes, dtype=object))
    placed = np.array(shapes, dtype=object)
    assert home_grids(bounds, [fine, coarse], lambda grid, units: placed[units]).tolist() == [0, 0, 1, 0, 0]
    assert home_grids(bounds, [coarse, fine], lambda grid, units: placed[units]).tolist() == [1, 0, 0, 0, 0]


# ---- the whole way, from files


def write(write_raster: WriteRaster, name: str, grid: ArrayRaster, **profile: object) -> Path:
    return write_raster(name, grid.values.astype(np.float32), grid.transform, grid.crs.to_string(), **profile)


def derive(
    shapes: list[shapely.Geometry], dem: Path, runner: Runner | None = None, **more: object
) -> Derived:
    frame = gpd.GeoDataFrame({"MAPPER": ["A"] * len(shapes)}, geometry=shapes, crs=4326)
    inventory = from_frames({Role.OUTLINE: frame}, "tprogi/1.0", "tprogi")
    return derive_attributes(inventory, AttributeSettings(dem=(str(dem),), radiation=QUICK, **more), runner)


def table(derived: Derived) -> pd.DataFrame:
    layer = derived.inventory.layer(Role.OUTLINE)
    assert layer is not None
    return pd.DataFrame(layer.frame.drop(columns="geometry"))


@pytest.fixture
def seam(write_raster: WriteRaster) -> Path:
    """Tiles on both sides of 50 degrees, two in the south."""
    write(write_raster, "dem/s1.tif", grid_of(plane, 88 - 90 * SECOND, 50.0, SECOND, SECOND, (90, 90)))
    write(write_raster, "dem/s2.tif", grid_of(plane, 88.0, 50.0, SECOND, SECOND, (90, 90)))
    north = grid_of(plane, 88 - 90 * SECOND, 50 + 90 * SECOND, 1.5 * SECOND, SECOND, (90, 120))
    return write(write_raster, "dem/n.tif", north).parent


def test_slope_and_aspect_at_the_seam_are_those_of_the_plane(seam: Path, write_raster: WriteRaster) -> None:
    """Every pixel at the seam sees its true neighbours on the other grid."""
    one = grid_of(plane, 88 - 90 * SECOND, 50 + 90 * SECOND, SECOND, SECOND, (180, 180))
    single = write(write_raster, "one.tif", one)
    found, expected = table(derive(outlines(), seam)), table(derive(outlines(), single))
    for column in ("SLO_MEAN", "SLO_MEDIAN", "SLO_MIN", "SLO_MAX", "ASPECT"):
        np.testing.assert_allclose(found[column], expected[column], atol=0.03, err_msg=column)
    np.testing.assert_allclose(found["PISR"], expected["PISR"], rtol=2e-3)
    np.testing.assert_allclose(found["ELE_MEAN"], expected["ELE_MEAN"], atol=0.1)  # an edge cuts pixels
    assert found[["ELE_SHARE", "SLO_SHARE", "PISR_SHARE"]].eq(1).all(axis=None)
    assert found["ATTR_NOTE"].isna().all()


def test_nothing_depends_on_how_the_work_is_done(seam: Path, tmp_path: Path) -> None:
    """Blocks, workers, other units, and a ledger that has half of the units: the same to the last bit."""
    x, y = np.meshgrid(np.arange(-60, 61, 24) * SECOND + 88, np.arange(-48, 49, 8) * SECOND + 50)
    shapes = list(shapely.buffer(shapely.points(x.ravel(), y.ravel()), 5 * SECOND))
    whole = table(derive(shapes, seam))
    with Ledger() as ledger:
        small = table(derive(shapes, seam, Runner(ledger, block_units=3)))
    pd.testing.assert_frame_equal(whole, small, check_exact=True)
    with Ledger(tmp_path / "ledger") as ledger:
        half = table(derive(shapes[::2], seam, Runner(ledger)))
        pd.testing.assert_frame_equal(half, whole.iloc[::2].reset_index(drop=True), check_exact=True)
        derived = derive(shapes, seam, Runner(ledger, workers=2))
    assert derived.reused == 2 * len(shapes[::2])
    pd.testing.assert_frame_equal(whole, table(derived), check_exact=True)


def test_a_changed_tile_of_the_other_grid_is_noticed(seam: Path, tmp_path: Path) -> None:
    import rasterio

    with Ledger(tmp_path / "ledger") as ledger:
        before = table(derive(outlines(), seam, Runner(ledger)))
        with rasterio.open(seam / "n.tif", "r+") as file:
            file.write(file.read(1) + 10, 1)
        os.utime(seam / "n.tif", ns=(1, 1))
        after = derive(outlines(), seam, Runner(ledger))
    assert after.reused == 0
    assert (table(after)["ELE_MEAN"] > before["ELE_MEAN"] + 1).all()


@pytest.mark.parametrize("moved", [0.0, 360.0])
def test_antimeridian(write_raster: WriteRaster, moved: float) -> None:
    """Tiles of different width on both sides of 180 degrees, the unit on either side."""

    def field(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 1000.0 + 20_000.0 * ((x % 360.0) - 180.0) + 0.0 * y

    write(write_raster, "dem/w.tif", grid_of(field, 180 - 60 * SECOND, 66.0, SECOND, SECOND, (60, 60)))
    east = write(write_raster, "dem/e.tif", grid_of(field, -180.0, 66.0, 2 * SECOND, SECOND, (60, 30)))
    west = 180 - moved
    unit = shapely.box(west - 20 * SECOND, 66 - 40 * SECOND, west + 10 * SECOND, 66 - 10 * SECOND)
    found = table(derive([unit], east.parent, fields=("ELE", "SLO")))
    assert found["ELE_SHARE"][0] == 1.0
    assert found["ELE_MEAN"][0] == pytest.approx(1000 - 20_000 * 5 * SECOND, abs=0.01)
    assert found["SLO_MAX"][0] - found["SLO_MIN"][0] < 0.05


def test_zonal_statistics_of_a_model(seam: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same as by the attributes, also where units are streamed in bands of rows."""
    model = open_elevation_model(seam)
    names = ["mean", "min", "max", "median", "circular_mean"]
    found = zonal_statistics(gpd.GeoSeries(outlines(), crs=4326), {"z": model}, names)
    expected = table(derive(outlines(), seam, fields=("ELE",)))
    for name, column in (("mean", "MEAN"), ("min", "MIN"), ("max", "MAX"), ("median", "MEDIAN")):
        np.testing.assert_allclose(found[f"z_{name}"], expected[f"ELE_{column}"], atol=0.006)
    assert (found["z_valid_share"] == 1).all()
    for module in (groups, seams, zonal):
        monkeypatch.setattr(module, "LARGE_UNIT_CELLS", 50)
    monkeypatch.setattr(zonal, "BAND_CELLS", 100)
    streamed = zonal_statistics(gpd.GeoSeries(outlines(), crs=4326), {"z": model}, names)
    pd.testing.assert_frame_equal(streamed, found, rtol=1e-9)
    with pytest.raises(OptionError, match=r"Polygon 0 spans .* use the engine coverage"):
        zonal_statistics(gpd.GeoSeries(outlines(), crs=4326), {"z": model}, engine="rasterstats")


def test_the_finer_grid_counts_where_both_are(write_raster: WriteRaster) -> None:
    """Of one product, whatever their names and however many tiles each has."""
    low = grid_of(lambda x, y: 0 * x + 0 * y + 1000, 87.9, 50.1, 10 * SECOND, 10 * SECOND, (72, 72))
    high = grid_of(lambda x, y: 0 * x + 0 * y + 2000, 88.0, 50.02, SECOND, SECOND, (144, 72))
    write(write_raster, "dem/Copernicus_DSM_COG_30_N50_00_E087_00_DEM.tif", low)
    for n in range(3):
        more = grid_of(lambda x, y: 0 * x + 0 * y + 1000, 70.0 + n, 50.1, 10 * SECOND, 10 * SECOND, (9, 9))
        write(write_raster, f"dem/Copernicus_DSM_COG_30_N50_00_E07{n}_00_DEM.tif", more)
    fine = "copernicus_dsm_cog_10_n49_00_e088_00_dem.tif"  # sorts last
    folder = write(write_raster, f"dem/{fine}", high).parent
    surfaces = open_elevation_model(folder).surfaces
    assert [len(surface.mosaic.tiles) for surface in surfaces] == [1, 4]
    inside = shapely.box(88.004, 50.0, 88.008, 50.005)
    across = shapely.box(88 - 36 * SECOND, 50.0, 88 + 36 * SECOND, 50.005)
    found = table(derive([inside, across], folder, fields=("ELE",)))
    assert found["ELE_MEAN"].tolist() == [2000.0, 1500.0]


def test_reading_is_closed_under_reading(seam: Path) -> None:
    """A surface reads the same ground whether its other grids are restricted or not."""
    first = open_elevation_model(seam).surfaces[0]
    window = Window(-5, 10, 60, 120)
    with reading():
        np.testing.assert_array_equal(first.restricted(window).read(window), first.read(window))


@pytest.mark.parametrize("way", ["overlap", "collar", "degrees beside metres"])
def test_zones_from_files(write_raster: WriteRaster, way: str) -> None:
    """Zones that overlap, or end at 84 degrees with voids beyond, and degrees beside metres."""

    def field(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        return 4000 + 20_000 * (lon - 84) + 15_000 * (lat - 30)

    second = (4326, 83.99, 84.02, SECOND) if way.startswith("degrees") else (32645, 83.99, 84.02, 30)
    for epsg, west, east, size in ((32644, 83.98, 84.01 if way == "overlap" else 84.001, 30), second):
        to = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
        xs, ys = to.transform([west, east, west, east], [29.99, 29.99, 30.02, 30.02])
        x0, y1 = np.floor(min(xs) / size) * size, np.ceil(max(ys) / size) * size
        columns, rows = int((max(xs) - x0) / size), int((y1 - min(ys)) / size)
        px, py = np.meshgrid(x0 + size * (np.arange(columns) + 0.5), y1 - size * (np.arange(rows) + 0.5))
        lon, lat = to.transform(px, py, direction="INVERSE")
        values = field(lon, lat)
        if way == "collar":
            values[lon > 84 if epsg == 32644 else lon < 84] = -32768
        transform = Affine(size, 0, x0, 0, -size, y1)
        name, crs = f"dem/{epsg}.tif", f"EPSG:{epsg}"
        path = write_raster(name, values.astype(np.float32), transform, crs, nodata=-32768)
    shapes = [shapely.box(83.996, 30.0, 84.004, 30.006), shapely.Point(84.0004, 30.003).buffer(0.003),
              shapely.box(84.006, 30.0, 84.012, 30.006)]  # fmt: skip
    found = table(derive(shapes, path.parent))
    expected = [field(shape.centroid.x, shape.centroid.y) for shape in shapes]  # a plane's mean is there
    np.testing.assert_allclose(found["ELE_MEAN"], expected, atol=0.05)
    assert (found["SLO_MAX"] - found["SLO_MIN"] < 0.05).all()
    assert found["SLO_MEAN"].max() - found["SLO_MEAN"].min() < 0.02
    assert np.ptp(found["ASPECT"]) < 0.05
    assert found[["ELE_SHARE", "SLO_SHARE", "PISR_SHARE"]].eq(1).all(axis=None)
    assert found["ATTR_NOTE"].isna().all()
