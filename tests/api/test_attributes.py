"""Attributes from Python: known terrain gives known numbers, on the index of the table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from rasterio.transform import from_origin

import rogi
from rogi.errors import InputError, OptionError

WEST, NORTH, SIZE, CELLS = 500_000.0, 3_400_000.0, 30.0, 80
EAST_SLOPE, NORTH_SLOPE = -0.3, 0.4  # rises to the north, falls to the east: 26.565 degrees
Raster = Callable[..., Path]


def height(x: np.ndarray | float, y: np.ndarray | float) -> np.ndarray | float:
    return 5000.0 + EAST_SLOPE * (x - WEST) + NORTH_SLOPE * (y - NORTH)


@pytest.fixture
def dem(write_raster: Raster) -> Path:
    """A plane; its value at the centre of a pixel is that of the plane."""
    axis = (np.arange(CELLS) + 0.5) * SIZE
    plane = height(WEST + axis[None, :], NORTH - axis[:, None])
    return write_raster("dem.tif", plane.astype(np.float64), from_origin(WEST, NORTH, SIZE, SIZE))


@pytest.fixture
def units() -> gpd.GeoDataFrame:
    shapes = [
        shapely.box(WEST + x, NORTH - y - 300, WEST + x + 300, NORTH - y)
        for x, y in ((300, 300), (1500, 900))
    ]
    table = gpd.GeoDataFrame({"mine": [1, 2]}, geometry=shapes, crs="EPSG:32645", index=["low", "high"])
    return pd.concat(
        [table, gpd.GeoDataFrame({"mine": [3]}, geometry=[None], crs="EPSG:32645", index=["none"])]
    )


def test_a_plane_gives_its_own_numbers(dem: Path, units: gpd.GeoDataFrame) -> None:
    heights = rogi.elevation(units, dem)
    assert heights.index.tolist() == ["low", "high", "none"]
    middles = units.geometry[:2].centroid
    expected = [height(point.x, point.y) for point in middles]
    np.testing.assert_allclose(heights["elevation_mean"][:2], expected, atol=1e-6)
    # ten pixels by ten: the corner pixels are 9/2 pixels from the middle in both directions
    reach = 4.5 * SIZE * (abs(EAST_SLOPE) + abs(NORTH_SLOPE))
    np.testing.assert_allclose(heights["elevation_maximum"][:2] - expected, reach, atol=1e-6)
    np.testing.assert_allclose(heights["elevation_minimum"][:2] - expected, -reach, atol=1e-6)
    assert heights.loc["none"].isna().all()
    slopes = rogi.slope_of(units.to_crs(4326), dem)
    # a metre of the grid is 1 / 0.9996 m of ground at the meridian
    np.testing.assert_allclose(slopes.iloc[:2], np.degrees(np.arctan(0.5 * 0.9996)), atol=1e-4)
    aspects = rogi.aspect_of(units, dem)
    # downhill is east 0.3, south 0.4; at the meridian of UTM 45 the grid is turned by less than 0.01 degree
    downhill = np.degrees(np.arctan2(-EAST_SLOPE, -NORTH_SLOPE)) % 360
    np.testing.assert_allclose(aspects["aspect"][:2], downhill, atol=0.05)
    np.testing.assert_allclose(aspects["aspect_length"][:2], 1, atol=1e-4)
    np.testing.assert_allclose(aspects["flat_share"][:2], 0, atol=1e-4)
    zonal = rogi.zonal_statistics(units, dem, ["mean", "min"])
    np.testing.assert_allclose(zonal["dem_mean"][:2], expected, atol=1e-6)
    assert zonal.index.equals(units.index)
    named = rogi.zonal_statistics(units, {"z": dem}, {"z": ["max"]})
    np.testing.assert_allclose(named["z_max"], heights["elevation_maximum"], atol=1e-6)


def test_areas(units: gpd.GeoDataFrame) -> None:
    # 0.09 km² on a grid whose scale is 0.9996 at the meridian
    np.testing.assert_allclose(rogi.area(units)[:2], 0.09 / 0.9996**2, rtol=1e-5)
    assert np.isnan(rogi.area(units)["none"])
    pd.testing.assert_series_equal(rogi.area(units), rogi.area(units.geometry))
    with pytest.raises(InputError, match="no outlines"):
        rogi.area(units.set_geometry(units.centroid))


def test_the_table_is_filled_as_by_the_command(
    dem: Path, units: gpd.GeoDataFrame, tmp_path: Path, run_cli: Callable[..., str]
) -> None:
    source = tmp_path / "units.gpkg"
    units.iloc[:2].reset_index(drop=True).to_file(source)
    run_cli(
        "attributes",
        source,
        "--dem",
        dem,
        "--radiation",
        "shading=false",
        "-o",
        tmp_path / "a.gpkg",
        "--quiet",
    )
    settings = tmp_path / "a.gpkg.attributes.toml"
    filled = rogi.fill_attributes(source, settings)
    filled.write(tmp_path / "b.gpkg")
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()
    names = [f"{n}.gpkg.provenance.json" for n in "ab"]
    assert len({(tmp_path / name).read_bytes() for name in names}) == 1
    table = filled.inventory.outlines
    assert table is not None
    relief = pd.concat([rogi.elevation(source, dem), rogi.slope_of(source, dem)], axis=1)
    pd.testing.assert_frame_equal(filled.values[relief.columns], relief)
    np.testing.assert_allclose(table["ELE_MEAN"], relief["elevation_mean"], atol=0.005)
    one = rogi.solar_radiation(source, dem, shading=False)
    pd.testing.assert_series_equal(filled.values["radiation"], one)
    assert filled.provenance["group"].tolist() == ["geometry", "relief", "radiation"]
    assert "2 units" in repr(filled)
    assert "provenance" in filled._repr_html_()


def test_tables_in_memory_keep_their_index_and_columns(dem: Path, units: gpd.GeoDataFrame) -> None:
    before = units.copy()
    filled = rogi.fill_attributes(units, dem=dem, fields=["ELE", "AREA"])
    pd.testing.assert_frame_equal(units, before)
    table = filled.inventory.outlines
    assert table is not None
    assert table.index.equals(units.index)
    assert table["mine"].tolist() == [1, 2, 3]
    assert table.loc["none", "ELE_MEAN"] is None or np.isnan(table.loc["none", "ELE_MEAN"])
    kept = rogi.fill_attributes(
        table.assign(ELE_MEAN=[1.0, np.nan, np.nan]), dem=dem, fields="ELE_MEAN", only_missing=True
    )
    again = kept.inventory.outlines
    assert again is not None
    assert again["ELE_MEAN"].tolist()[:2] == [1.0, pytest.approx(table["ELE_MEAN"].iloc[1])]


def test_climate_fields(write_raster: Raster, units: gpd.GeoDataFrame) -> None:
    place = from_origin(WEST - 4000, NORTH + 4000, 1000, 1000)
    maat = write_raster("maat.tif", np.full((8, 8), 268.15, np.float32), place, units="K")
    found = rogi.climate(units, maat=maat)
    assert found.columns.tolist() == ["air_temperature"]
    np.testing.assert_allclose(found["air_temperature"][:2], -5.0, atol=1e-4)
    pd.testing.assert_frame_equal(rogi.climate(units, maat={"files": maat, "unit": "K"}), found)
    with pytest.raises(OptionError, match="give maat="):
        rogi.climate(units)
    with pytest.raises(OptionError, match="no choice 'years'"):
        rogi.climate(units, maat={"files": maat, "years": 3})


def test_refusals(dem: Path, units: gpd.GeoDataFrame) -> None:
    with pytest.raises(InputError, match="set_crs"):
        rogi.elevation(units.set_crs(None, allow_override=True), dem)
    points = units.iloc[:2].set_geometry(units.iloc[:2].centroid)
    with pytest.raises(InputError, match="buffer="):
        rogi.elevation(points, dem)
    heights = rogi.elevation(points, dem, buffer=60)
    np.testing.assert_allclose(
        heights["elevation_mean"], [height(p.x, p.y) for p in points.geometry], atol=0.5
    )
    with pytest.raises(InputError, match="found int"):
        rogi.elevation(units, 5)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="coverage or rasterstats"):
        rogi.zonal_statistics(units, dem, engine="gdal")
    with pytest.raises(OptionError, match="no statistic 'mode'"):
        rogi.zonal_statistics(units, dem, ["mode"])
    with pytest.raises(OptionError, match="albedoo"):
        rogi.solar_radiation(units, dem, albedoo=0.2)
    assert len(rogi.elevation(units.iloc[:0], dem)) == 0
    with pytest.warns(UserWarning, match="shades nothing"):
        rogi.solar_radiation(units.iloc[:1], dem)


def test_regions_may_be_a_table(tmp_path: Path) -> None:
    outlines = rogi.synthetic_inventory(12, seed=3).outlines
    middle = outlines.total_bounds[[0, 2]].mean()
    boxes = [shapely.box(-180, -90, middle, 90), shapely.box(middle, -90, 180, 90)]
    regions = gpd.GeoDataFrame({"name": ["West", "East"]}, geometry=boxes, crs=4326)
    regions.to_file(tmp_path / "regions.gpkg")
    by_table = rogi.fill_attributes(outlines, regions=regions, fields="subregion")
    by_file = rogi.fill_attributes(outlines, regions=tmp_path / "regions.gpkg", fields="subregion")
    expected = np.where(outlines.representative_point().x < middle, "West", "East")
    assert by_table.values["subregion"].tolist() == by_file.values["subregion"].tolist() == expected.tolist()
    (source,) = by_table.provenance["inputs"].iloc[0]
    assert source["name"] == "table in memory" and len(source["sha256"]) == 64
    by_table.write(tmp_path / "filled.gpkg")
    other = rogi.fill_attributes(outlines, regions=regions.iloc[::-1], fields="subregion")
    assert other.provenance["inputs"].iloc[0] == (source,)  # the order of rows does not matter
    with pytest.raises(InputError, match="Polygons are a path, a GeoDataFrame or an Inventory, found list"):
        rogi.fill_attributes(outlines, regions=[1])
