"""Filling the attribute table: values, reasons, the ledger; the same bytes however the work is done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine

from rogi.areas import area_m2
from rogi.attributes.configuration import AttributeSettings, ClimateSource, read_settings, settings_toml
from rogi.attributes.derive import Runner, derive_attributes
from rogi.attributes.derived import Derived
from rogi.attributes.zonal.described_units import circles
from rogi.errors import InputError, OptionError
from rogi.geometry import metres_per_degree
from rogi.inventory.build import from_frames
from rogi.ledger import Ledger
from rogi.raster.climate.options import ClimateOptions
from rogi.schema.model import Role
from rogi.terrain import Grid, RadiationParameters, potential_incoming_solar_radiation

WriteRaster = Callable[..., Path]
ARC = 1 / 1200
WEST, NORTH = 90.0, 31.0
QUICK = RadiationParameters(search_radius=2000.0, n_sectors=8)


def transform(west: float = WEST, north: float = NORTH) -> Affine:
    return Affine(ARC, 0, west, 0, -ARC, north)


def plane(rows: int, columns: int, west: float = WEST, north: float = NORTH) -> np.ndarray:
    """Ground that falls to the east, with a ripple: a function of position."""
    lat = north - ARC * (np.arange(rows) + 0.5)
    lon = west + ARC * (np.arange(columns) + 0.5)
    return (5000 - 20_000 * (lon - WEST)[None, :] + 80 * np.sin(lat * 90)[:, None]).astype(np.float32)


def outlines(n: int = 12, seed: int = 0) -> gpd.GeoDataFrame:
    rng = np.random.default_rng(seed)
    x, y = WEST + rng.uniform(0.02, 0.18, n), NORTH - rng.uniform(0.02, 0.18, n)
    r = rng.uniform(0.0005, 0.004, n)
    shapes = [shapely.Point(a, b).buffer(c, 6) for a, b, c in zip(x, y, r, strict=True)]
    return gpd.GeoDataFrame({"ID": [None] * n, "MAPPER": "A"}, geometry=shapes, crs=4326)


@pytest.fixture
def tiles(write_raster: WriteRaster) -> Path:
    """Four tiles of 0.1 degree."""
    for row in range(2):
        for column in range(2):
            west, north = WEST + 0.1 * column, NORTH - 0.1 * row
            write_raster(f"tiles/r{row}c{column}.tif", plane(120, 120, west, north), transform(west, north),
                         "EPSG:4326", nodata=-32768, compress="deflate")  # fmt: skip
    return write_raster("tiles/far.tif", plane(12, 12), transform(95, 35), "EPSG:4326", nodata=-32768).parent


def settings(tiles: Path, **more: object) -> AttributeSettings:
    return AttributeSettings(dem=(str(tiles),), radiation=QUICK, **more)


def table(derived: Derived) -> pd.DataFrame:
    layer = derived.inventory.layer(Role.OUTLINE) or derived.inventory.layer(Role.MARKER)
    assert layer is not None
    return pd.DataFrame(layer.frame.drop(columns="geometry"))


def inventory(frame: gpd.GeoDataFrame, **more: gpd.GeoDataFrame) -> object:
    return from_frames({Role.OUTLINE: frame, **{Role(k): v for k, v in more.items()}}, "tprogi/1.0", "tprogi")


def test_plane_has_its_slope_and_aspect(tiles: Path) -> None:
    """Each unit has the gradient of the ground at its middle; slope bends by 0.2° across the largest."""
    frame = outlines()
    found = table(derive_attributes(inventory(frame), settings(tiles)))
    lon, lat = shapely.get_coordinates(shapely.centroid(frame.geometry.to_numpy())).T
    east, north = metres_per_degree(lat)
    rise_east, rise_north = -20_000 / east, 80 * 90 * np.cos(lat * 90) / north
    slope = np.degrees(np.arctan(np.hypot(rise_east, rise_north)))
    facing = np.degrees(np.arctan2(-rise_east, -rise_north)) % 360
    np.testing.assert_allclose(found["SLO_MEAN"], slope, atol=0.1)
    np.testing.assert_allclose(found["SLO_MEDIAN"], slope, atol=0.1)
    np.testing.assert_allclose(found["ASPECT"], facing, atol=1.0)
    assert np.ptp(facing) > 20
    height = 5000 - 20_000 * (lon - WEST) + 80 * np.sin(lat * 90)
    np.testing.assert_allclose(found["ELE_MEAN"], height, atol=2.0)
    half = 20_000 * (frame.bounds["maxx"] - frame.bounds["minx"]).to_numpy() / 2
    for column, end in (("ELE_MIN", height - half), ("ELE_MAX", height + half)):
        np.testing.assert_allclose(found[column], end, atol=20_000 * ARC)  # a pixel
    assert found[["ELE_MIN", "ELE_MEDIAN", "ELE_MAX"]].diff(axis=1).iloc[:, 1:].ge(0).all(axis=None)
    assert (found[["ELE_SHARE", "SLO_SHARE", "PISR_SHARE"]] == 1).all(axis=None)
    assert found["ATTR_NOTE"].isna().all()
    assert found["MAPPER"].eq("A").all()
    np.testing.assert_allclose(found["AREA"] * 1e6, area_m2(outlines().geometry, 4326), atol=0.51)
    assert found["ID"].str.fullmatch(r"RGU\d{6}N\d{7}E").all()


@pytest.mark.parametrize("facing", [20.0, 127.0, 233.0, 305.0])
def test_a_tilted_plane_by_closed_forms(write_raster: WriteRaster, facing: float) -> None:
    """A plane on the ground, in no direction of the grid: every value from its formula.

    Of a plane mean and median are that at the centroid. Radiation is that of one pixel: nothing shades it.
    """
    steep = np.tan(np.radians(18.0))
    lat = NORTH - ARC * (np.arange(240) + 0.5)
    lon = WEST + ARC * (np.arange(240) + 0.5)
    east, north = (float(v) for v in metres_per_degree(NORTH - 0.1))
    x, y = (lon - WEST - 0.1)[None, :] * east, (lat - NORTH + 0.1)[:, None] * north
    way = np.radians(facing)
    ground = 5000 - steep * (np.sin(way) * x + np.cos(way) * y)
    path = write_raster("plane.tif", ground, transform(), "EPSG:4326", nodata=-32768)
    places = np.array([(WEST + 0.1, NORTH - 0.1), (WEST + 0.11, NORTH - 0.103), (WEST + 0.093, NORTH - 0.11)])
    frame = gpd.GeoDataFrame(
        {"ID": [None] * 3}, geometry=shapely.buffer(shapely.points(places), 0.004), crs=4326
    )
    found = table(derive_attributes(inventory(frame), settings(path)))
    dx, dy = (places[:, 0] - WEST - 0.1) * east, (places[:, 1] - NORTH + 0.1) * north
    height = 5000 - steep * (np.sin(way) * dx + np.cos(way) * dy)
    np.testing.assert_allclose(found["ELE_MEAN"], height, atol=0.5)
    np.testing.assert_allclose(found["ELE_MEDIAN"], height, atol=4.0)  # pixels differ by up to 30 m
    np.testing.assert_allclose(found["SLO_MEAN"], 18.0, atol=0.01)
    np.testing.assert_allclose(found["SLO_MIN"], 18.0, atol=0.01)
    np.testing.assert_allclose(found["ASPECT"], facing, atol=0.02)
    window = Grid(tuple(transform())[:6], (240, 240), "EPSG:4326")
    mask = np.zeros((240, 240), bool)
    rows, columns = ((NORTH - places[:, 1]) / ARC).astype(int), ((places[:, 0] - WEST) / ARC).astype(int)
    mask[rows, columns] = True
    alone = potential_incoming_solar_radiation(ground, window, mask=mask, parameters=QUICK)
    np.testing.assert_allclose(found["PISR"], alone[rows, columns], rtol=2e-3)


def test_nothing_depends_on_how_the_work_is_done(tiles: Path, tmp_path: Path) -> None:
    """Blocks, order, other units, one file or tiles: the same to the last bit."""
    frame = outlines(20)
    whole = table(derive_attributes(inventory(frame), settings(tiles)))
    with Ledger() as ledger:
        small = table(derive_attributes(inventory(frame), settings(tiles), Runner(ledger, block_units=3)))
    pd.testing.assert_frame_equal(whole, small, check_exact=True)
    part = table(derive_attributes(inventory(frame.iloc[[11, 4, 7]]), settings(tiles)))
    pd.testing.assert_frame_equal(
        part.reset_index(drop=True), whole.iloc[[11, 4, 7]].reset_index(drop=True), check_exact=True
    )


def test_tiles_elsewhere_change_nothing(write_raster: WriteRaster) -> None:
    """Tiles beyond a unit's surroundings may come and go, so what the ledger holds of it stays right."""
    rough = np.random.default_rng(3).normal(0.0, 0.3, (240, 240))
    ground = (5000 + rough.cumsum(axis=0).cumsum(axis=1)).astype(np.float32)
    for name, rows, columns in (
        ("north", slice(0, 117), slice(0, 240)),
        ("west", slice(117, 240), slice(0, 101)),
        ("east", slice(117, 240), slice(101, 240)),
    ):
        corner = transform(WEST + columns.start * ARC, NORTH - rows.start * ARC)
        east = write_raster(f"dem/{name}.tif", ground[rows, columns], corner, "EPSG:4326", nodata=-32768)
    x, y = np.meshgrid(WEST + np.arange(140, 210, 20) * ARC, NORTH - np.arange(160, 210, 20) * ARC)
    shapes = shapely.buffer(shapely.points(x.ravel(), y.ravel()), 3 * ARC)
    units = inventory(gpd.GeoDataFrame({"ID": [None] * x.size}, geometry=shapes, crs=4326))
    near = derive_attributes(units, settings(east)).values
    far = derive_attributes(units, settings(east.parent)).values
    for name in ("radiation", "slope_mean", "aspect"):
        np.testing.assert_allclose(near[name], far[name], rtol=1e-9)


def test_unseen_surroundings_are_said(tiles: Path) -> None:
    """Units nearer to the edge of the model than the search radius may be shaded by what it lacks."""
    x, y = np.array([WEST + 0.1, WEST + 0.01]), np.array([NORTH - 0.1, NORTH - 0.1])
    shapes = shapely.buffer(shapely.points(x, y), 0.002)
    units = inventory(gpd.GeoDataFrame({"ID": ["inner", "edge"]}, geometry=shapes, crs=4326))
    (said,) = derive_attributes(units, settings(tiles, fields=("PISR",))).warnings
    assert "ends within 2 km of 1 of 2 units (edge)" in said
    unshaded = AttributeSettings(
        dem=(str(tiles),), fields=("PISR",), radiation=RadiationParameters(shading=False)
    )
    assert not derive_attributes(units, unshaded).warnings


def test_only_what_changed_is_done_again(tiles: Path, tmp_path: Path) -> None:
    frame = outlines(20)
    with Ledger(tmp_path / "l") as ledger:
        runner = Runner(ledger)
        first = derive_attributes(inventory(frame), settings(tiles), runner)
        assert (first.units, first.reused) == (40, 0)
        again = derive_attributes(inventory(frame), settings(tiles), runner)
        assert again.reused == 40
        pd.testing.assert_frame_equal(table(first), table(again), check_exact=True)
        frame.loc[3, "geometry"] = frame.geometry[3].buffer(0.0005)
        assert derive_attributes(inventory(frame), settings(tiles), runner).reused == 38
        other = settings(tiles, slope_method="zevenbergen-thorne")
        other = AttributeSettings(
            dem=other.dem, radiation=RadiationParameters(search_radius=2000.0, n_sectors=9)
        )
        assert derive_attributes(inventory(frame), other, runner).reused == 20  # relief only
        # Another tile far away changes nothing; one under the units changes those units.
        (tiles / "far.tif").unlink()
        assert derive_attributes(inventory(frame), settings(tiles), runner).reused == 40
        import rasterio

        with rasterio.open(tiles / "r0c0.tif", "r+") as file:
            file.write(file.read(1) + 1, 1)
        east = (frame.bounds["minx"] > WEST + 0.125) & (frame.bounds["maxy"] < NORTH)
        south = frame.bounds["maxy"] < NORTH - 0.125
        kept = derive_attributes(inventory(frame), settings(tiles), runner).reused
        assert 2 * (east | south).sum() <= kept < 40


def test_units_beyond_the_model_and_in_voids(write_raster: WriteRaster) -> None:
    values = plane(240, 240)
    values[:, 60:120] = -32768
    path = write_raster("dem.tif", values, transform(), "EPSG:4326", nodata=-32768)
    boxes = [
        (90.01, 30.9, 90.02, 30.91),
        (90.045, 30.9, 90.06, 30.91),
        (90.06, 30.9, 90.07, 30.91),
        (91, 30, 91.01, 30.01),
    ]
    frame = gpd.GeoDataFrame(
        {"ID": ["a", "b", "c", "d"]}, geometry=[shapely.box(*b) for b in boxes], crs=4326
    )
    derived = derive_attributes(inventory(frame), settings(path))
    found = table(derived)
    assert found["ELE_MEAN"].notna().tolist() == [True, False, False, False]
    np.testing.assert_allclose(found["ELE_SHARE"], [1, 1 / 3, 0, 0], atol=1e-3)
    assert found["ATTR_NOTE"][1].startswith("ELE: only 33.3% of it has values; SLO, ASPECT, PISR: only")
    assert found["ATTR_NOTE"][2] == "ELE, SLO, ASPECT, PISR: in a void of the raster"
    assert found["ATTR_NOTE"][3] == "ELE, SLO, ASPECT, PISR: outside the raster"
    assert pd.isna(found["ATTR_NOTE"][0])
    assert (
        "ELE, SLO, ASPECT: 3 of 4 units have null values (1 with too few values, 1 in a void, "
        "1 outside the raster): b, c, d; see ATTR_NOTE." in derived.warnings
    )
    with pytest.raises(InputError, match="no value for any of the 1 unit"):
        derive_attributes(inventory(frame.iloc[3:]), settings(path))


def test_tile_without_any_value(tiles: Path, write_raster: WriteRaster) -> None:
    """A tile of nothing but voids is like no tile: its units are null, others have what is left."""
    empty = np.full((120, 120), -32768, np.float32)
    write_raster("tiles/r0c1.tif", empty, transform(WEST + 0.1), "EPSG:4326", nodata=-32768)
    frame = outlines(20)
    found = table(derive_attributes(inventory(frame), settings(tiles, fields=("ELE",))))
    inside = frame.within(shapely.box(WEST + 0.1, NORTH - 0.1, WEST + 0.2, NORTH))
    clear = ~frame.intersects(shapely.box(WEST + 0.1, NORTH - 0.1, WEST + 0.2, NORTH))
    assert inside.any() and clear.any()
    assert found["ELE_MEAN"][inside].isna().all()
    assert found["ELE_SHARE"][inside].eq(0).all()
    assert found["ELE_MEAN"][clear].notna().all()
    assert found["ELE_MIN"].dropna().gt(0).all()


def test_model_in_another_system(tiles: Path, write_raster: WriteRaster) -> None:
    """A model in metres gives what the same ground in degrees gives, to a pixel's worth of resampling."""
    import rasterio
    from rasterio.warp import Resampling, calculate_default_transform, reproject

    source = write_raster("deg.tif", plane(240, 240), transform(), "EPSG:4326", nodata=-32768)
    with rasterio.open(source) as file:
        grid, width, height = calculate_default_transform(file.crs, "EPSG:32646", 240, 240, *file.bounds)
        moved = np.full((height, width), -32768, np.float32)
        options = {"src_nodata": -32768, "dst_nodata": -32768, "resampling": Resampling.bilinear}
        source_grid = {"src_transform": file.transform, "src_crs": file.crs}
        reproject(file.read(1), moved, dst_transform=grid, dst_crs="EPSG:32646", **source_grid, **options)
    projected = write_raster("utm.tif", moved, grid, "EPSG:32646", nodata=-32768)
    a = table(derive_attributes(inventory(outlines()), settings(source)))
    b = table(derive_attributes(inventory(outlines()), settings(projected)))
    assert (a["ELE_MEAN"] - b["ELE_MEAN"]).abs().max() < 3
    assert (a["SLO_MEAN"] - b["SLO_MEAN"]).abs().max() < 0.5
    assert (a["ASPECT"] - b["ASPECT"]).abs().max() < 1.5  # both from true north
    assert (a["PISR"] / b["PISR"] - 1).abs().max() < 0.02


def test_steep_ground_is_suspected(write_raster: WriteRaster) -> None:
    steep = write_raster("steep.tif", plane(240, 240) * 5 - 11000, transform(), "EPSG:4326", nodata=-32768)
    assert any(
        "steeper than" in w for w in derive_attributes(inventory(outlines()), settings(steep)).warnings
    )


def test_missing_values_only(tiles: Path) -> None:
    frame = outlines(4).assign(
        ELE_MEAN=[1.0, np.nan, 3.0, np.nan], ID=["RGU310000N0901000E", None, " ", None]
    )
    derived = derive_attributes(
        inventory(frame), settings(tiles, only_missing=True, fields=("ELE_MEAN", "ID"))
    )
    found = table(derived)
    assert found["ELE_MEAN"][[0, 2]].tolist() == [1, 3]
    assert found["ELE_MEAN"][1] > 1000
    assert found["ID"][0] == "RGU310000N0901000E"
    assert found["ID"].str.len().eq(18).all()
    assert derived.units == 2
    assert "SLO_MEAN" not in found
    kept = frame.assign(ELE_SHARE=0.25, ATTR_NOTE="old")
    again = table(
        derive_attributes(inventory(kept), settings(tiles, only_missing=True, fields=("ELE_MEAN", "ID")))
    )
    assert again["ELE_SHARE"].tolist() == [0.25, 1.0, 0.25, 1.0]
    assert again["ATTR_NOTE"].isna().tolist() == [False, True, False, True]


RELIEF = ("MIN", "MEDIAN", "MEAN", "MAX")


def ordered(found: pd.DataFrame, what: str) -> pd.Series:
    low, median, mean, high = (found[f"{what}_{name}"] for name in RELIEF)
    return (low <= median) & (median <= high) & (low <= mean) & (mean <= high)


def test_order_of_rows_changes_no_value(tiles: Path) -> None:
    frame = outlines(9)
    order = np.random.default_rng(1).permutation(9)
    plain = table(derive_attributes(inventory(frame), settings(tiles)))
    mixed = table(derive_attributes(inventory(frame.iloc[order].reset_index(drop=True)), settings(tiles)))
    pd.testing.assert_frame_equal(
        pd.DataFrame(plain).iloc[order].reset_index(drop=True),
        pd.DataFrame(mixed),
    )


def test_missing_values_never_contradict_those_that_are_there(tiles: Path) -> None:
    """Of unit 0 the mean is of other ground, of unit 1 of the same; unit 2 has a code for no value."""
    plain = table(derive_attributes(inventory(outlines(4)), settings(tiles, fields=("ELE", "SLO"))))
    frame = outlines(4).assign(ELE_MEAN=[1000.0, plain["ELE_MEAN"][1] + 0.5, -9999.0, np.nan])
    derived = derive_attributes(inventory(frame), settings(tiles, only_missing=True, fields=("ELE", "SLO")))
    found = table(derived)
    assert ordered(found, "ELE").all()
    assert ordered(found, "SLO").all()
    assert found["ELE_MEAN"].tolist() == [
        plain["ELE_MEAN"][0], plain["ELE_MEAN"][1] + 0.5, *plain["ELE_MEAN"][2:]
    ]  # fmt: skip
    assert any("ELE: in 1 unit values that were there contradict those derived (row 1)" in w
               for w in derived.warnings)  # fmt: skip
    assert found["ATTR_NOTE"].isna().tolist() == [False, True, True, True]
    assert derived.lacking == 0
    (record,) = derived.provenance
    assert record.units == {
        "ELE_MEAN": 3, "ELE_MEDIAN": 4, "ELE_MIN": 4, "ELE_MAX": 4,
        "SLO_MEAN": 4, "SLO_MEDIAN": 4, "SLO_MIN": 4, "SLO_MAX": 4,
    }  # fmt: skip
    assert record.to_dict()["units"] == record.units


def test_what_was_not_asked_for_is_not_replaced(tiles: Path) -> None:
    """A minimum above a mean that is there stays null, with the reason."""
    frame = outlines(2).assign(ELE_MEAN=[1000.0, np.nan])
    derived = derive_attributes(inventory(frame), settings(tiles, only_missing=True, fields=("ELE_MIN",)))
    found = table(derived)
    assert found["ELE_MEAN"].isna().tolist() == [False, True]
    assert found["ELE_MIN"].isna().tolist() == [True, False]
    assert found["ATTR_NOTE"].tolist()[0] == "ELE: would contradict values that are there"
    assert [dict(p.units) for p in derived.provenance] == [{"ELE_MIN": 1}]


def test_latitude_and_longitude_are_of_one_point(tiles: Path) -> None:
    frame = outlines(3)
    inside = table(derive_attributes(inventory(frame), settings(tiles, fields=("LAT", "LON"))))
    frame = frame.assign(LAT=[inside["LAT"][0] + 0.01, inside["LAT"][1] + 1e-5, np.nan])
    found = table(
        derive_attributes(inventory(frame), settings(tiles, only_missing=True, fields=("LAT", "LON")))
    )
    np.testing.assert_allclose(found["LAT"], inside["LAT"] + [0, 1e-5, 0], atol=1e-9)
    np.testing.assert_array_equal(found["LON"], inside["LON"])


def test_only_what_was_asked_for_is_written_and_recorded(tiles: Path) -> None:
    """Shares are those of the fields asked for; of units with all values nothing is derived or recorded."""
    derived = derive_attributes(inventory(outlines(3)), settings(tiles, fields=("ELE",)))
    found = table(derived)
    new = set(found) - set(outlines(3))
    assert new == {f"ELE_{name}" for name in (*RELIEF, "SHARE")} | {"ATTR_NOTE"}
    assert [set(p.units) for p in derived.provenance] == [{f"ELE_{name}" for name in RELIEF}]
    again = derive_attributes(derived.inventory, settings(tiles, only_missing=True, fields=("ELE", "ASPECT")))
    assert [dict(p.units) for p in again.provenance] == [{"ASPECT": 3}]
    assert set(table(again)) - set(found) == {"ASPECT", "ASP_LENGTH", "FLAT_SHARE"}
    pd.testing.assert_frame_equal(pd.DataFrame(table(again)[[*found]]), pd.DataFrame(found))
    done = derive_attributes(again.inventory, settings(tiles, only_missing=True, fields=("ELE", "ASPECT")))
    assert done.provenance == ()
    assert done.units == 0


def test_quality_and_notes_of_values_that_stay_are_kept(tiles: Path) -> None:
    """An aspect that is there is not described by the length of one that was not taken."""
    frame = outlines(2).assign(ASPECT=[200.0, np.nan], ASP_LENGTH=[0.5, np.nan],
                               ATTR_NOTE=["PISR: outside the raster", None])  # fmt: skip
    found = table(
        derive_attributes(inventory(frame), settings(tiles, only_missing=True, fields=("ELE", "ASPECT")))
    )
    assert found["ASPECT"][0] == 200.0
    assert found["ASP_LENGTH"][0] == 0.5
    assert found["ASP_LENGTH"][1] > 0.9
    assert found["ATTR_NOTE"][0] == "PISR: outside the raster"
    assert pd.isna(found["ATTR_NOTE"][1])


def test_markers_do_not_mix_values(tiles: Path) -> None:
    """What markers lack comes from their outline, with all of its family where it would contradict."""
    frame = outlines(2).assign(ID=["RGU309000N0901000E", "RGU309100N0901000E"])
    markers = gpd.GeoDataFrame(
        {"ID": frame["ID"], "ELE_MEAN": [1000.0, np.nan], "ELE_MIN": [np.nan, np.nan]},
        geometry=frame.geometry.representative_point(), crs=4326,
    )  # fmt: skip
    derived = derive_attributes(
        inventory(frame, marker=markers), settings(tiles, only_missing=True, fields=("ELE",))
    )
    layer = derived.inventory.layer(Role.MARKER)
    assert layer is not None
    found = table(derived)
    for name in ("ELE_MEAN", "ELE_MIN"):
        np.testing.assert_array_equal(layer.frame[name], found[name])


def test_no_buffer_beside_outlines(tiles: Path) -> None:
    points = gpd.GeoDataFrame(geometry=[shapely.Point(90.1, 30.9)], crs=4326)
    with pytest.raises(OptionError, match=r"A buffer describes circles .* has 2 outlines.* --layer marker="):
        derive_attributes(inventory(outlines(2), marker=points), settings(tiles, buffer=100.0))
    empty = inventory(outlines(2).iloc[:0], marker=points)
    found = derive_attributes(empty, settings(tiles, buffer=100.0, fields=("ELE",)))
    assert found.role is Role.MARKER


def test_markers_get_the_values_of_their_outline(tiles: Path) -> None:
    frame = outlines(3)
    points = frame.geometry.centroid
    ids = ["RGU309000N0901000E", "RGU309100N0901000E", "RGU309200N0901000E"]
    frame["ID"] = ids
    markers = gpd.GeoDataFrame({"ID": [*ids[::-1], "RGU000000N0000000E"], "ELE_MEAN": 0.0, "LAT": 0.0},
                               geometry=[*points[::-1], shapely.Point(0, 0)], crs=4326)  # fmt: skip
    derived = derive_attributes(inventory(frame, marker=markers), settings(tiles))
    layer = derived.inventory.layer(Role.MARKER)
    assert layer is not None
    found = table(derived)
    np.testing.assert_array_equal(layer.frame["ELE_MEAN"], [*found["ELE_MEAN"][::-1], 0.0])
    np.testing.assert_allclose(found["LAT"], points.y, atol=1e-6)  # of the marker, not of the ID
    assert "SLO_MEAN" not in layer.frame


def test_circles_around_markers(tiles: Path) -> None:
    markers = gpd.GeoDataFrame({"ID": ["RGU309000N0901000E"]}, geometry=[shapely.Point(90.1, 30.9)], crs=4326)
    alone = from_frames({Role.MARKER: markers}, "tprogi/1.0", "tprogi")
    with pytest.raises(InputError, match="--buffer METRES"):
        derive_attributes(alone, settings(tiles))
    found = table(derive_attributes(alone, settings(tiles, buffer=200.0)))
    assert found["ELE_MEAN"][0] == pytest.approx(3000, abs=90)
    assert "AREA" not in found
    for crs in (4326, 32646, 3857):
        points = markers.to_crs(crs).geometry.to_numpy()
        area = area_m2(circles(points, crs, 200.0), crs)[0]
        assert area == pytest.approx(32 * np.sin(np.pi / 32) * 200**2, rel=1e-4)


def test_fields_are_chosen_by_any_name(tiles: Path) -> None:
    base = AttributeSettings(dem=(str(tiles),), radiation=QUICK)
    for names, expected in (
        (("SLO",), 4),
        (("relief",), 9),
        (("elevation_mean", "Ele_Max"), 2),
        (("PISR",), 1),
    ):
        derived = derive_attributes(
            inventory(outlines(2)), AttributeSettings(**{**base.__dict__, "fields": names})
        )
        assert sum(len(p.columns) for p in derived.provenance) == expected
    with pytest.raises(OptionError, match="did you mean ELE_MEAN"):
        derive_attributes(inventory(outlines(2)), settings(tiles, fields=("ELE_MAEN",)))
    with pytest.raises(OptionError, match="needs --maat"):
        derive_attributes(inventory(outlines(2)), settings(tiles, fields=("MAAT",)))


def test_damaged_tile_leaves_the_others(tiles: Path, tmp_path: Path) -> None:
    import rasterio.shutil

    bad = tiles / "r1c1.tif"
    rasterio.shutil.copy(bad, tmp_path / "cog.tif", driver="COG")
    whole = bad.read_bytes()
    bad.write_bytes((tmp_path / "cog.tif").read_bytes()[:-3000])
    frame = outlines(30)
    with Ledger(tmp_path / "l") as ledger:
        derived = derive_attributes(inventory(frame), settings(tiles, fields=("relief",)), Runner(ledger))
        assert "r1c1.tif cannot be read" in derived.failures[0]
        touched = frame.intersects(shapely.box(WEST + 0.1, NORTH - 0.2, WEST + 0.2, NORTH - 0.1)).sum()
        assert f"({touched} units)" in derived.failures[0]
        bad.write_bytes(whole)
        mended = derive_attributes(inventory(frame), settings(tiles, fields=("relief",)), Runner(ledger))
        assert not mended.failures
        assert mended.reused == 30 - touched


def test_null_empty_and_invalid_outlines(tiles: Path) -> None:
    bow = shapely.Polygon([(90.05, 30.95), (90.06, 30.96), (90.06, 30.95), (90.05, 30.96)])
    frame = gpd.GeoDataFrame({"ID": ["a", "b", "c"]}, geometry=[None, shapely.Polygon(), bow], crs=4326)
    found = table(derive_attributes(inventory(frame), settings(tiles)))
    assert found["ELE_MEAN"].notna().tolist() == [False, False, True]
    assert found["AREA"][2] == pytest.approx(0.53, abs=0.01)  # both lobes count


def test_settings_round_trip(tmp_path: Path) -> None:
    full = AttributeSettings(
        dem=(str(tmp_path / "d.tif"),),
        maat=ClimateSource((str(tmp_path / "t.nc"),), ClimateOptions("t2m", "K", (1991, 2020))),
        regions=str(tmp_path / "r.gpkg"), fields=("ELE",), only_missing=True, buffer=150.0, radiation=QUICK,
    )  # fmt: skip
    path = tmp_path / "run.toml"
    path.write_text(settings_toml(full, path.parent))
    assert read_settings(path) == full
    path.write_text('[attributes]\ndem = "tiles"\nap = "p.nc"\n')
    assert read_settings(path).dem == (str(tmp_path / "tiles"),)
    path.write_text('[attributes]\nfields = "ELE"\n')
    assert read_settings(path).fields == ("ELE",)
    for text, message in (
        ("[attributes]\ndme = 1", "did you mean dem"),
        ("[attributes.maat]\nfile = 'a'", r"\[attributes.maat\].*no setting 'file'"),
        ("[attributes]\nengine = 'fast'", "engine|fast"),
        ("[attributes]\nminimum_valid_share = 5", "share from 0 to 1"),
        ("[attributes]\nonly_missing = 'yes'", "true or false"),
        ("[attributes]\nbuffer = true", "number of metres"),
        ("[attributes.ap]\nfiles = 'a'\nperiod = [2000, 1990]", "ends before it begins"),
        ("[attributes.radiation]\nalbedo = 2.0", "albedo"),
        ("[attributes.radiation]\nshading = 1", "shading.*true or false"),
        ("[attributes.radiation]\nn_sectors = 8.5", "whole number"),
        ("[other]", "no table"),
        ("[attributes", "not valid TOML"),
    ):
        path.write_text(text)
        with pytest.raises((OptionError, InputError), match=message):
            read_settings(path)


def test_progress_counts_up(tiles: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    with Ledger() as ledger:
        derive_attributes(
            inventory(outlines(9)),
            settings(tiles),
            Runner(ledger, block_units=4, progress=lambda *a: seen.append(a)),
        )
    relief = [n for what, n, _ in seen if what.startswith("ELE")]
    assert relief[0] == 0
    assert relief[-1] == 9
    assert relief == sorted(relief)


# ---- the command


def command(*arguments: object, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from rogi.cli import main; main()", *map(str, arguments)],
        capture_output=True, text=True, **more,
    )  # fmt: skip


@pytest.fixture
def files(tiles: Path, tmp_path: Path) -> tuple[Path, Path]:
    outlines(12).to_file(tmp_path / "in.gpkg", layer="TPRoGI_Extended_Footprint")
    return tmp_path / "in.gpkg", tiles


Main = Callable[..., tuple[int, str, str]]


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Main:
    """Run the command line in this process: exit code, stdout and stderr."""
    from rogi import cli

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, errors = capsys.readouterr()
        return int(end.value.code or 0), out, errors

    return run


QUICKLY = ("--radiation", "search_radius=2000", "--radiation", "n_sectors=8")


def test_command_writes_provenance_and_settings(files: tuple[Path, Path], tmp_path: Path, main: Main) -> None:
    source, tiles = files
    out = tmp_path / "out.gpkg"
    done = command("attributes", source, "--dem", tiles, "-o", out, *QUICKLY)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(out), f"{out}.provenance.json", f"{out}.attributes.toml"]
    record = json.loads(Path(f"{out}.provenance.json").read_text())
    relief = next(f for f in record["fields"] if f["group"] == "relief")
    assert [i["name"] for i in relief["inputs"]] == ["r0c0.tif", "r0c1.tif", "r1c0.tif", "r1c1.tif"]
    assert len(relief["inputs"][0]["sha256"]) == 64
    assert relief["parameters"]["method"] == "horn"
    with sqlite3.connect(out) as base:
        rows = base.execute(
            "SELECT column_name, metadata FROM gpkg_metadata m "
            "JOIN gpkg_metadata_reference r ON r.md_file_id = m.id"
        ).fetchall()
        assert base.execute(
            "SELECT count(*) FROM gpkg_extensions WHERE extension_name = 'gpkg_metadata'"
        ).fetchone() == (2,)
    found = dict(rows)
    assert json.loads(found["SLO_MEAN"])["inputs"] == relief["inputs"]
    radiation = json.loads(found["PISR"])["parameters"]["parameters"]
    assert {name: radiation[name] for name in ("n_sectors", "declination", "atmosphere")} == {
        "n_sectors": 8, "declination": "spencer", "atmosphere": "kumar"
    }  # fmt: skip
    # The stored settings do the same again, and the ledger has it all.
    code, _, errors = main("attributes", source, "--config", f"{out}.attributes.toml", "-o", out)
    assert code == 0, errors
    assert "24 of 24 values of units taken from the ledger" in errors


def test_the_same_bytes_in_any_folder(files: tuple[Path, Path], tmp_path: Path, main: Main) -> None:
    """Provenance and settings name files from where they are themselves: no name of a user gets into them."""
    source, tiles = files
    made: list[dict[str, bytes]] = []
    for name in ("anna", "deep/er/ben"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        shutil.copy(source, folder / "in.gpkg")
        shutil.copytree(tiles, folder / "tiles")
        asked = ("--dem", folder / "tiles", "--fields", "ELE", "-o", folder / "out.gpkg")
        code, _, errors = main("attributes", folder / "in.gpkg", *asked)
        assert code == 0, errors
        made.append({p.name: p.read_bytes() for p in folder.glob("out.gpkg*") if p.suffix != ".ledger"})
    assert made[0] == made[1]
    assert len(made[0]) == 3
    assert not any(str(tmp_path).encode() in data for data in made[0].values())
    stored = read_settings(tmp_path / "anna" / "out.gpkg.attributes.toml")
    assert stored.dem == (str(tmp_path / "anna" / "tiles"),)


def test_the_sky_is_chosen_on_the_command_line(files: tuple[Path, Path], tmp_path: Path, main: Main) -> None:
    """--atmosphere and --linke give what the functions give, are stored, and come back from the settings."""
    from rogi.inventory.read import read_inventory

    source, tiles = files
    sky = RadiationParameters(search_radius=2000.0, n_sectors=8, atmosphere="ineichen", linke_turbidity=3.5)
    out = tmp_path / "out.gpkg"
    asked = ("--dem", tiles, "--fields", "PISR", *QUICKLY, "-o", out)
    code, _, errors = main("attributes", source, *asked, "--atmosphere", "ineichen", "--linke", "3.5")
    assert code == 0, errors
    expected = derive_attributes(
        read_inventory([source]),
        AttributeSettings(dem=(str(tiles),), fields=("PISR",), radiation=sky),
        Runner(Ledger(tmp_path / "other.ledger")),
    )
    found = gpd.read_file(out)["PISR"].to_numpy()
    np.testing.assert_array_equal(found, table(expected)["PISR"].to_numpy(dtype=float))
    (record,) = json.loads(Path(f"{out}.provenance.json").read_text())["fields"]
    assert record["parameters"]["parameters"]["atmosphere"] == "ineichen"
    assert record["parameters"]["parameters"]["linke_turbidity"] == [3.5]
    assert record["parameters"]["pvlib"]
    assert read_settings(Path(f"{out}.attributes.toml")).radiation == sky


@pytest.mark.slow
def test_provenance_of_earlier_runs_is_kept(files: tuple[Path, Path], tmp_path: Path, main: Main) -> None:
    """A second run that derives other columns leaves what is known of those of the first."""
    source, tiles = files
    first, second = tmp_path / "first.gpkg", tmp_path / "second.gpkg"
    assert main("attributes", source, "--dem", tiles, "--fields", "ELE,AREA", "-o", first)[0] == 0
    assert main("attributes", first, "--dem", tiles, "--fields", "SLO,AREA", "-o", second)[0] == 0
    with sqlite3.connect(second) as base:
        rows = base.execute(
            "SELECT column_name, metadata FROM gpkg_metadata m "
            "JOIN gpkg_metadata_reference r ON r.md_file_id = m.id"
        ).fetchall()
    said = sorted(column for column, _ in rows)
    statistics = ("MEAN", "MEDIAN", "MIN", "MAX")
    assert said == sorted(["AREA", *(f"{q}_{s}" for q in ("ELE", "SLO") for s in statistics)])
    assert json.loads(dict(rows)["ELE_MIN"])["inputs"][0]["name"] == "r0c0.tif"
    (earlier,) = json.loads(Path(f"{second}.provenance.json").read_text())["earlier"]
    assert earlier["columns"] == ["ELE_MEAN", "ELE_MEDIAN", "ELE_MIN", "ELE_MAX"]


def test_workers_and_interruptions_leave_the_same_bytes(files: tuple[Path, Path], tmp_path: Path) -> None:
    """One process, two, and a run killed as soon as its ledger holds something, then begun again."""
    source, tiles = files
    outlines(400, 3).to_file(source, layer="TPRoGI_Extended_Footprint")
    made = []
    for name, more in (("one", ()), ("two", ("--workers", "2"))):
        (tmp_path / name).mkdir()
        out = tmp_path / name / "out.gpkg"
        done = command("attributes", source, "--dem", tiles, "-o", out, *QUICKLY, *more)
        assert done.returncode == 0, done.stderr
        made.append(out)
    (tmp_path / "killed").mkdir()
    out = tmp_path / "killed" / "out.gpkg"
    arguments = ["attributes", source, "--dem", tiles, "-o", out, *QUICKLY]
    process = subprocess.Popen(
        [sys.executable, "-c", "from rogi.cli import main; main()", *map(str, arguments)],
        stderr=subprocess.DEVNULL,
    )
    ledger = Path(f"{out}.ledger")
    while process.poll() is None and not _held(ledger):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    held = _held(ledger)
    assert 0 < held < 800
    done = command(*arguments)
    assert done.returncode == 0, done.stderr
    assert f"{held} of 800" in done.stderr
    made.append(out)
    for suffix in ("", ".provenance.json"):
        assert len({Path(f"{path}{suffix}").read_bytes() for path in made}) == 1


def _held(ledger: Path) -> int:
    if not ledger.exists():
        return 0
    base = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
    try:
        return int(base.execute("SELECT count(*) FROM results").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        base.close()


@pytest.mark.slow
def test_cluster_that_loses_a_worker(tiles: Path) -> None:
    """Two workers of a real cluster, one killed in the middle: the same values as without it."""
    distributed = pytest.importorskip("distributed")
    frame = outlines(120, 4)
    alone = table(derive_attributes(inventory(frame), settings(tiles, fields=("relief", "PISR"))))
    killed: list[int] = []
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        worker_dashboard_address=None,
    ) as cluster:
        workers = [worker.pid for worker in cluster.workers.values()]

        def kill_one(what: str, number: int, total: int) -> None:
            if number and not killed:
                killed.append(workers[0])
                os.kill(workers[0], signal.SIGKILL)

        with Ledger() as ledger:
            derived = derive_attributes(
                inventory(frame),
                settings(tiles, fields=("relief", "PISR")),
                Runner(ledger, cluster=cluster.scheduler_address, block_units=10, progress=kill_one),
            )
    assert killed
    assert not derived.failures
    pd.testing.assert_frame_equal(table(derived), alone, check_exact=True)


def test_command_errors(files: tuple[Path, Path], tmp_path: Path, main: Main) -> None:
    source, tiles = files
    out, regions = tmp_path / "o.gpkg", tmp_path / "regions.gpkg"
    gpd.GeoDataFrame({"name": ["x"]}, geometry=[shapely.box(90, 30, 91, 31)], crs=4326).to_file(regions)
    for arguments, message in (
        (("--dem", tmp_path / "none.tif", "-o", out), "There is no elevation model"),
        (("--dem", tiles, "-o", source), "is an input"),
        (("--regions", regions, "-o", regions), "is an input"),
        (("--dem", tiles, "-o", out, "--minimum-valid-share", "5"), "share from 0 to 1"),
        (("--dem", tiles, "-o", out, "--radiation", "albedo=bright"), "allowed is a number"),
        (("--dem", tiles, "-o", out, "--atmosphere", "blue"), "kumar, ineichen, simplified-solis"),
        (("--dem", tiles, "-o", out, "--linke", "3"), "atmosphere is 'kumar', which has none"),
        (("--dem", tiles, "-o", out, "--atmosphere", "ineichen", "--linke", "2,3"), "one value or twelve"),
        (("--dem", tiles, "-o", out, "--engine", "quick"), "--engine is coverage or rasterstats"),
        (("--dem", tiles, "-o", out, "--fields", "ELE_MAEN"), "no derived field"),
        (("--maat-unit", "K", "-o", out), "without --maat"),
        (("--maat", tiles, "--maat-period", "2020-", "-o", out), "1991-2020"),
        (("--dem", tiles, "-o", tmp_path / "no" / "o.gpkg"), "does not exist"),
        (("--dem", tiles, "-o", out, "--radiation", "albdo=1"), "albdo"),
    ):
        code, _, errors = main("attributes", source, *arguments)
        assert code == 2, errors
        assert message in errors
        assert not out.exists()


def test_unprojected_model_is_refused(
    files: tuple[Path, Path], write_raster: WriteRaster, tmp_path: Path, main: Main
) -> None:
    bare = write_raster("bare.tif", plane(240, 240), transform(), None)
    out = tmp_path / "o.gpkg"
    code, _, errors = main("attributes", files[0], "--dem", bare, "-o", out)
    assert (code, "no coordinate reference system" in errors) == (2, True)
    code, _, errors = main(
        "attributes", files[0], "--dem", bare, "--dem-crs", "EPSG:4326", "-o", out, *QUICKLY
    )
    assert code == 0, errors


def test_full_disk_leaves_nothing_half_written(
    tiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the system while the output is synced: the old file stays, no other is left."""
    from rogi.attributes.output import write_derived
    from rogi.errors import OutputError

    derived = derive_attributes(inventory(outlines(3)), settings(tiles, fields=("ELE",)))
    out = tmp_path / "folder" / "out.gpkg"
    out.parent.mkdir()
    out.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with Ledger() as ledger, pytest.raises(OutputError, match="No space left"):
        write_derived(derived, out, settings(tiles), ledger)
    assert [p.name for p in out.parent.iterdir()] == ["out.gpkg"]
    assert out.read_text() == "old"


@pytest.mark.real
@pytest.mark.slow
def test_real_markers_of_zhadang(real_data: Path, tmp_path: Path) -> None:
    """552 markers of south-eastern Tibet inside one SRTM tile, 200 m around each."""
    markers = gpd.read_file(real_data / "setp" / "markers_49178.gpkg", bbox=(90, 30, 91, 31))
    assert len(markers) == 552
    derived = derive_attributes(
        from_frames({Role.MARKER: markers}),
        AttributeSettings(
            dem=(str(real_data / "zhadang" / "srtm3_n30_e090.tif"),),
            regions=str(real_data / "hma_regions" / "himap_22_regions.gpkg"),
            buffer=200.0,
        ),
    )
    found = table(derived)
    assert (found["SUBREGION"] == "Nyainqêntanglha").all()
    assert found["ELE_MEAN"].between(4500, 6000).all()
    assert found["SLO_MEAN"].mean() == pytest.approx(17.7, abs=4)
    assert found["PISR"].mean() == pytest.approx(2500, abs=300)


@pytest.mark.parametrize(
    ("shape", "why"),
    [
        (
            shapely.Polygon([(90.05, 30.95), (90.06, 30.95), (90.06, 3095.0)]),
            "impossible coordinates (SCH006)",
        ),
        (
            shapely.Polygon([(90.05, 30.95), (90.06, 30.95), (np.inf, 30.96)]),
            "coordinates that are not finite (GEO019)",
        ),
        (shapely.Polygon([(30.95, 90.05), (30.95, 90.06), (30.96, 90.06)]), "swapped coordinates (SCH007)"),
    ],
)
def test_outlines_without_a_place_have_no_values(tiles: Path, shape: shapely.Polygon, why: str) -> None:
    """No area of a mistyped vertex, and no other value of it; the position is that of the ID."""
    frame = gpd.GeoDataFrame(
        {"ID": ["RGU309550N0900550E", "RGU309500N0900500E"], "AREA": [0.4, 0.5]},
        geometry=[shape, shapely.box(90.045, 30.945, 90.055, 30.955)],
        crs=4326,
    )
    derived = derive_attributes(inventory(frame), settings(tiles))
    found = table(derived)
    numbers = ["AREA", "ELE_MEAN", "SLO_MEAN", "ASPECT", "PISR"]
    assert found.loc[0, numbers].isna().all() and found.loc[1, numbers].notna().all()
    assert found["ATTR_NOTE"][0] == f"AREA, ELE, SLO, ASPECT, PISR: {why}" and pd.isna(found["ATTR_NOTE"][1])
    assert (found.loc[0, "LAT"], found.loc[0, "LON"]) == (30.955, 90.055)
    assert derived.warnings[0] == f"1 outline with {why} not measured: RGU309550N0900550E"


def test_markers_without_a_place_give_no_position() -> None:
    ids = ["RGU309500N0900500E", "RGU309600N0900600E"]
    boxes = [shapely.box(90.045, 30.945, 90.055, 30.955), shapely.box(90.055, 30.955, 90.065, 30.965)]
    points = [shapely.Point(90.0501, 30.9501), shapely.Point(90.06, 3096.0)]
    found = table(
        derive_attributes(
            inventory(
                gpd.GeoDataFrame({"ID": ids}, geometry=boxes, crs=4326),
                marker=gpd.GeoDataFrame({"ID": ids}, geometry=points, crs=4326),
            ),
            AttributeSettings(),
        )
    )
    assert found["LAT"].tolist() == [30.9501, 30.96] and found["LON"].tolist() == [90.0501, 90.06]


def test_system_without_longitude_and_latitude_is_refused(tiles: Path) -> None:
    frame = gpd.GeoDataFrame({"ID": [None]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4978)
    with pytest.raises(InputError, match=r"EPSG:4978.*no longitude and latitude"):
        derive_attributes(inventory(frame), settings(tiles))


def test_position_of_a_unit_with_the_id_of_another_is_inside() -> None:
    """Exchanged IDs do not exchange positions."""
    boxes = [shapely.box(90.045, 30.945, 90.055, 30.955), shapely.box(90.145, 30.945, 90.155, 30.955)]
    ids = ["RGU309500N0901500E", "RGU309500N0900500E"]
    derived = derive_attributes(
        inventory(gpd.GeoDataFrame({"ID": ids}, geometry=boxes, crs=4326)), AttributeSettings()
    )
    assert table(derived)["LON"].tolist() == pytest.approx([90.05, 90.15], abs=1e-6)
    assert derived.warnings[0].startswith("LAT, LON: 2 units lie elsewhere than their ID or marker (RGU")
