"""Zonal statistics: equal to exactextract's and rasterstats', whatever the windows; nothing from voids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterstats
import shapely
from affine import Affine
from exactextract import exact_extract

from rogi.areas import area_m2
from rogi.attributes.zonal import groups, seams, zonal
from rogi.attributes.zonal.groups import Engine
from rogi.attributes.zonal.placement import place_polygons, row_areas
from rogi.attributes.zonal.zonal import zonal_statistics
from rogi.errors import InputError, OptionError
from rogi.geometry import parse_crs
from rogi.raster.elevation.model import open_elevation_model
from rogi.raster.files import ArrayRaster, open_raster, reading
from rogi.raster.grid import Window

WriteRaster = Callable[..., Path]
UTM = Affine(30.0, 0.0, 500_000.0, 0.0, -30.0, 3_500_000.0)


def outlines(n: int, seed: int = 1, extent: float = 9000.0) -> gpd.GeoSeries:
    """Ragged outlines of 20 to 700 m over the test raster and its edges."""
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(n):
        angle = np.sort(rng.uniform(0, 2 * np.pi, 30))
        radius = rng.uniform(20, 700) * rng.uniform(0.5, 1, 30)
        x, y = 500_000 + rng.uniform(0, extent), 3_500_000 - rng.uniform(0, extent)
        out.append(shapely.Polygon(np.c_[x + radius * np.cos(angle), y + radius * np.sin(angle)]))
    return gpd.GeoSeries(out, crs=32645)


@pytest.fixture
def dem(write_raster: WriteRaster) -> Path:
    row, column = np.indices((300, 300))
    values = 4000 + 300 * np.sin(row / 17) + 200 * np.cos(column / 23) + column
    return write_raster("dem.tif", values.astype(np.float32), UTM, tiled=True, blockxsize=64, blockysize=64)


def test_equals_exactextract(dem: Path) -> None:
    units = outlines(120)
    units = units[shapely.is_valid(units.array)]
    names = ["mean", "min", "max", "stdev"]
    expected = exact_extract(str(dem), gpd.GeoDataFrame(geometry=units), names, output="pandas")
    found = zonal_statistics(
        units, {"z": dem}, ["mean", "min", "max", "std"], extreme_share=0, minimum_valid_share=0
    )
    np.testing.assert_allclose(found["z_mean"], expected["mean"], rtol=1e-6)
    np.testing.assert_allclose(found["z_std"], expected["stdev"], rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(found["z_min"], expected["min"])
    np.testing.assert_array_equal(found["z_max"], expected["max"])
    assert found.index.equals(units.index)


def test_equals_rasterstats(dem: Path) -> None:
    units = outlines(60)
    # Beyond the edge of a raster rasterstats counts its own fill as values.
    inside = shapely.box(500_000, 3_491_000, 509_000, 3_500_000)
    units = units[shapely.is_valid(units.array) & units.within(inside)]
    names = ["mean", "min", "max", "median"]
    found = zonal_statistics(units, {"z": dem}, names, engine="rasterstats")
    expected = rasterstats.zonal_stats(list(units), str(dem), stats=names, nodata=-1)
    for name in names:
        np.testing.assert_allclose(
            found[f"z_{name}"].to_numpy(), np.array([e[name] for e in expected], float), rtol=2e-6
        )


def test_equals_rasterstats_in_degrees(write_raster: WriteRaster) -> None:
    """There too every pixel counts the same: means to rounding, medians of odd and even counts exactly."""
    values = np.random.default_rng(4).normal(4000, 300, (300, 300)).astype(np.float32)
    path = write_raster("deg.tif", values, Affine(0.01, 0, 80, 0, -0.02, 70), "EPSG:4326")
    rng = np.random.default_rng(5)
    units = gpd.GeoSeries(
        [shapely.Point(x, y).buffer(r, 3) for x, y, r in zip(rng.uniform(80.5, 82.5, 40),
         rng.uniform(65, 69, 40), rng.uniform(0.02, 0.4, 40), strict=True)], crs=4326)  # fmt: skip
    names = ["mean", "median", "min", "max"]
    found = zonal_statistics(units, {"z": path}, names, engine="rasterstats")
    expected = rasterstats.zonal_stats(list(units), str(path), stats=[*names, "count"], nodata=-1)
    counts = np.array([e["count"] for e in expected])
    assert set(counts % 2) == {0, 1}
    for name in names:
        exact = np.array([e[name] for e in expected], float)
        np.testing.assert_allclose(found[f"z_{name}"], exact, rtol=2e-6 if name == "mean" else 1e-7)


def test_units_cut_by_the_edge_have_their_share_in_either_convention(dem: Path) -> None:
    """A unit of which a quarter lies on the raster: null below the least share, its value above."""
    quarter = gpd.GeoSeries([shapely.box(499_100, 3_499_700, 500_300, 3_500_000)], crs=32645)
    for engine in Engine:
        found = zonal_statistics(quarter, {"z": dem}, ["mean"], engine=engine)
        assert found["z_valid_share"][0] == pytest.approx(0.25)
        assert np.isnan(found["z_mean"][0])
        assert zonal_statistics(quarter, {"z": dem}, ["mean"], engine=engine, minimum_valid_share=0.2)[
            "z_mean"
        ].notna()[0]


def test_windows_and_streaming_change_nothing(dem: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit for windows; up to rounding where a unit is streamed."""
    units = outlines(40)
    names = ["mean", "median", "min", "max", "std", "q10", "circular_mean", "resultant_length"]
    whole = zonal_statistics(units, {"z": dem}, names)
    monkeypatch.setattr(groups, "WINDOW_CELLS", 1000)
    assert zonal_statistics(units, {"z": dem}, names).equals(whole)
    assert zonal_statistics(units[::-1], {"z": dem}, names)[::-1].equals(whole)
    assert zonal_statistics(units[7:9], {"z": dem}, names).equals(whole[7:9])
    for module in (groups, seams, zonal):
        monkeypatch.setattr(module, "LARGE_UNIT_CELLS", 300)
    streamed = zonal_statistics(units, {"z": dem}, names)
    big = units.area > 400 * 900
    assert big.any()
    np.testing.assert_allclose(streamed[big], whole[big], rtol=1e-9, atol=1e-6)
    with pytest.raises(OptionError, match="use the engine coverage"):
        zonal_statistics(units, {"z": dem}, names, engine=Engine.RASTERSTATS)


def test_rasters_of_one_grid_and_of_another(dem: Path, write_raster: WriteRaster) -> None:
    coarse = write_raster(
        "coarse.tif", np.array([[1.0, 2.0], [3.0, 4.0]], np.float32), UTM @ Affine.scale(150, 150)
    )
    units = gpd.GeoSeries([shapely.box(500_010, 3_499_000, 500_040, 3_499_020)], index=["a"], crs=32645)
    found = zonal_statistics(
        units, {"z": dem, "again": dem, "c": coarse}, {"z": ["mean"], "again": ["mean"], "c": ["max"]}
    )
    assert found.loc["a", "z_mean"] == found.loc["a", "again_mean"]
    assert found.loc["a", "c_max"] == 1.0  # far smaller than a pixel, and has its value
    assert list(found) == [
        "z_mean",
        "z_valid_share",
        "again_mean",
        "again_valid_share",
        "c_max",
        "c_valid_share",
    ]


def test_voids_give_null_below_the_threshold(write_raster: WriteRaster) -> None:
    values = np.full((10, 10), 100, np.int16)
    values[:, 5:] = -32767
    path = write_raster("v.tif", values, Affine(1, 0, 0, 0, -1, 10), nodata=-32767)
    units = [
        shapely.box(3, 2, 6, 4),
        shapely.box(4.5, 2, 6, 4),
        shapely.box(7, 2, 9, 4),
        shapely.box(-5, 0, 1, 2),
    ]
    found = zonal_statistics(units, {"z": path}, ["mean", "min"], crs=32645)
    np.testing.assert_allclose(found["z_valid_share"], [2 / 3, 1 / 3, 0, 1 / 6])
    np.testing.assert_array_equal(found["z_mean"], [100, np.nan, np.nan, np.nan])
    assert (
        zonal_statistics(units, {"z": path}, ["mean"], crs=32645, minimum_valid_share=0.1)["z_mean"][3] == 100
    )


def test_geographic_rows_count_by_their_area() -> None:
    """On a coarse grid each row weighs as much as the ellipsoid between its parallels."""
    transform = Affine(1.0, 0.0, 0.0, 0.0, -1.0, 80.0)
    raster = ArrayRaster(np.repeat(np.arange(20.0)[:, None], 3, axis=1), transform, parse_crs(4326))
    cells = [shapely.box(0, 79 - k, 1, 80 - k) for k in range(20)]
    areas = area_m2(shapely.segmentize(cells, 0.01), 4326)
    found = zonal_statistics([shapely.box(0, 60, 1, 80)], {"v": raster}, ["mean"], crs=4326)
    assert found["v_mean"][0] == pytest.approx(np.average(np.arange(20.0), weights=areas), rel=1e-6)
    weights = row_areas(transform, 20, parse_crs(4326))
    assert weights is not None
    np.testing.assert_allclose(weights / weights[0], areas / areas[0], rtol=1e-6)
    assert row_areas(UTM, 10, parse_crs(32645)) is None


def test_longitudes_of_0_to_360_and_across_the_antimeridian() -> None:
    grid = ArrayRaster(np.tile(np.arange(360.0), (180, 1)), Affine(1, 0, 0, 0, -1, 90), parse_crs(4326))
    units = [
        shapely.box(-90.8, 10.2, -90.2, 10.8),
        shapely.box(179.5, 1, 180.5, 2),
        shapely.box(-0.5, 1, 0.5, 2),
    ]
    found = zonal_statistics(units, {"v": grid}, ["mean", "min", "max"], crs=4326)
    np.testing.assert_allclose(found["v_mean"], [269.0, 179.5, 179.5])
    np.testing.assert_allclose(found[["v_min", "v_max"]].to_numpy()[1:], [[179, 180], [0, 359]])
    np.testing.assert_allclose(found["v_valid_share"], 1.0)
    halves = shapely.MultiPolygon([shapely.box(179.5, 1, 180, 2), shapely.box(-180, 1, -179.5, 2)])
    east = ArrayRaster(np.tile(np.arange(4.0), (5, 1)), Affine(1, 0, 178, 0, -1, 4), parse_crs(4326))
    assert zonal_statistics([halves], {"v": east}, ["mean"], crs=4326)["v_mean"][0] == pytest.approx(1.5)


def test_placement_moves_between_systems() -> None:
    lonlat = shapely.box(87.01, 31.01, 87.02, 31.02)
    placed = place_polygons([lonlat, None], 4326, parse_crs(32645), UTM, (300, 300))
    assert placed[1].is_empty
    back = gpd.GeoSeries([lonlat], crs=4326).to_crs(32645)[0]
    assert placed[0].equals_exact(back, 1e-6)


def test_windows_reach_outside(dem: Path) -> None:
    with reading():
        raster = open_raster(dem)
        part = raster.read(Window(-2, 3, 298, 303))
        assert np.isnan(part[:2]).all()
        assert np.isnan(part[:, 2:]).all()
        np.testing.assert_array_equal(part[2:, :2], raster.read(Window(0, 3, 298, 300)))
        assert np.isnan(raster.read(Window(-9, -2, 0, 3))).all()


def test_scale_offset_and_mask(write_raster: WriteRaster) -> None:
    import rasterio

    path = write_raster("s.tif", np.arange(4, dtype=np.uint8).reshape(2, 2), UTM)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = (0.5,), (-10.0,)
        file.write_mask(np.array([[True, True], [False, True]]))
    with reading():
        np.testing.assert_array_equal(
            open_raster(path).read(Window(0, 2, 0, 2)), [[-10, -9.5], [np.nan, -8.5]]
        )


def test_what_cannot_be_read(tmp_path: Path, write_raster: WriteRaster) -> None:
    with pytest.raises(InputError, match="There is no raster"):
        open_raster(tmp_path / "none.tif")
    (tmp_path / "text.tif").write_text("no raster")
    with pytest.raises(InputError, match="cannot be read as a raster"):
        open_raster(tmp_path / "text.tif")
    bare = write_raster("bare.tif", np.ones((2, 2), np.float32), UTM, crs=None)
    with pytest.raises(InputError, match="no coordinate reference system"):
        open_raster(bare)
    assert open_raster(bare, crs=32645).crs.to_epsg() == 32645
    with pytest.raises(InputError, match="no band 2"):
        open_raster(bare, band=2, crs=32645)
    with pytest.raises(InputError, match="no coordinate reference system"):
        zonal_statistics(
            [shapely.box(0, 0, 1, 1)], {"z": ArrayRaster(np.ones((2, 2)), UTM, parse_crs(32645))}
        )


@pytest.mark.real
def test_kaiserberg_elevation(real_data: Path) -> None:
    """The rock glacier spans 2610 to 2685 m on SRTM, by either convention of pixels."""
    units = gpd.read_file(real_data / "kaiserberg" / "Area_inside_rock_glacier.shp")
    mosaic = open_elevation_model(real_data / "oetztal" / "srtm_oetztal.tif").surfaces[0]
    for engine in Engine:
        found = zonal_statistics(units, {"z": mosaic}, ["min", "mean", "median", "max"], engine=engine)
        assert (found["z_min"][0], found["z_max"][0]) == (2610, 2685)
        assert 2640 < found["z_mean"][0] < 2660
        assert 2640 < found["z_median"][0] < 2660
