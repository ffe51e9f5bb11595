"""Attributes on elevation models with fill that is not declared, steps that cannot be, and other heights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine

from rogi.attributes.configuration import AttributeSettings
from rogi.attributes.derive import Runner, derive_attributes
from rogi.attributes.derived import Derived
from rogi.attributes.provenance import sidecar
from rogi.errors import InputError
from rogi.inventory.build import from_frames
from rogi.ledger import Ledger
from rogi.raster import heights, voids
from rogi.schema.model import Role
from rogi.terrain import RadiationParameters

WriteRaster = Callable[..., Path]
ARC = 1 / 1200
GRID = Affine(ARC, 0, 90, 0, -ARC, 31)
QUICK = RadiationParameters(search_radius=1000.0, n_sectors=8)
GROUND = 4000.0 + 8.0 * np.arange(60.0)[None, :] + 3.0 * np.arange(60.0)[:, None]

FILLS = [-32768, -32767, -9999, -99999, 0, 1e20, -3.4028234663852886e38, 9999, 32767, 65535, np.nan]
PLACES = {
    "at the edge": (slice(0, 60), slice(0, 4)),
    "inside a unit": (slice(13, 15), slice(12, 15)),
    "near, outside": (slice(18, 20), slice(10, 30)),
}


def box(column: float, row: float, width: float = 6, height: float = 6) -> shapely.Polygon:
    return shapely.box(
        90 + column * ARC, 31 - (row + height) * ARC, 90 + (column + width) * ARC, 31 - row * ARC
    )


UNITS = [box(2, 11), box(10.5, 11.25), box(40, 40)]


def derive(
    dem: Path, shapes: list[shapely.Polygon] = UNITS, runner: Runner | None = None, **more: object
) -> Derived:
    frame = gpd.GeoDataFrame({"MAPPER": ["A"] * len(shapes)}, geometry=shapes, crs=4326)
    inventory = from_frames({Role.OUTLINE: frame}, "tprogi/1.0", "tprogi")
    return derive_attributes(inventory, AttributeSettings(dem=(str(dem),), radiation=QUICK, **more), runner)


def table(derived: Derived) -> pd.DataFrame:
    layer = derived.inventory.layer(Role.OUTLINE)
    assert layer is not None
    return pd.DataFrame(layer.frame.drop(columns="geometry"))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fill", FILLS)
def test_undeclared_fill_counts_as_declared_fill_does(
    write_raster: WriteRaster, fill: float, place: str
) -> None:
    values = GROUND.copy()
    values[PLACES[place]] = fill
    float_type = np.float64 if fill in (-3.4028234663852886e38,) else np.float32
    path = write_raster("undeclared.tif", values.astype(float_type), GRID, "EPSG:4326")
    values[PLACES[place]] = -1
    declared = write_raster("declared.tif", values.astype(float_type), GRID, "EPSG:4326", nodata=-1)
    wanted = {"fields": ("ELE", "SLO", *(["PISR"] if fill in (0, -9999) else []))}
    found, expected = table(derive(path, **wanted)), table(derive(declared, **wanted))
    pd.testing.assert_frame_equal(found, expected)
    assert (found["ELE_MIN"].dropna() >= 4000).all()
    assert (found["ELE_MAX"].dropna() <= GROUND.max()).all()


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("dtype", "per_metre", "unit", "fill"),
    [
        ("float32", 1 / 0.3048, "ft", 32767),
        ("float32", 1 / 0.3048, "ft", 99999),
        ("float32", 1 / 0.3048, "ft", -9999),
        ("uint16", 1 / 0.3048, "ft", 65535),
        ("int16", 1 / 0.3048, "ft", 32767),
        ("uint16", 10, "dm", 65535),
        ("int16", 5, "0.2 m", 32767),
        ("int32", 100, "cm", 2147483647),
        ("int32", 100, "cm", -2147483648),
        ("int32", 100, "cm", -32768),
    ],
)
def test_fill_in_numbers_of_another_unit(
    write_raster: WriteRaster, dtype: str, per_metre: float, unit: str, fill: int, place: str
) -> None:
    """Stored fill such as 65535 may be a height in the unit, or no pixel of the unit's range."""
    stored = np.round(GROUND * per_metre)
    expected = table(derive(_with_unit(write_raster("plain.tif", stored.astype(dtype), GRID, "EPSG:4326",
                     nodata=1), PLACES[place], 1, unit), fields=("ELE", "SLO")))  # fmt: skip
    path = write_raster("fill.tif", stored.astype(dtype), GRID, "EPSG:4326")
    found = table(derive(_with_unit(path, PLACES[place], fill, unit), fields=("ELE", "SLO")))
    pd.testing.assert_frame_equal(found, expected)


def _with_unit(path: Path, place: tuple[slice, slice], fill: float, unit: str) -> Path:
    """Write fill in a place, and the unit as GDAL has it: a scale if it is none that has a name."""
    with rasterio.open(path, "r+") as file:
        values = file.read(1)
        values[place] = fill
        file.write(values, 1)
        if unit == "0.2 m":
            file.scales = (0.2,)
        else:
            file.units = (unit,)
    return path


@pytest.mark.parametrize("level", [-430.0, -86.0, -7.0, 0.0, 1.0])
def test_low_ground_is_ground(write_raster: WriteRaster, level: float) -> None:
    """The Dead Sea, Death Valley, a polder, the sea and its shore."""
    low = np.where(np.arange(60)[None, :] < 30, level, level + 5.0 * (np.arange(60)[None, :] - 29.0))
    path = write_raster("low.tif", np.broadcast_to(low, (60, 60)).astype(np.float32), GRID, "EPSG:4326")
    found = table(derive(path, [box(10, 10), box(40, 40)], fields=("ELE",)))
    assert found["ELE_MIN"].tolist() == [level, level + 55.0]
    assert found["ELE_SHARE"].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("fields", [("ELE",), ("PISR",)])
def test_a_step_that_no_terrain_has_is_an_error_with_its_place(
    write_raster: WriteRaster, tmp_path: Path, fields: tuple[str, ...]
) -> None:
    """No known fill, but 1,200 m beside 4,100: the unit is refused, the others are done."""
    values = GROUND.copy()
    values[14, 13] = 1200
    derived = derive(write_raster("dem.tif", values.astype(np.float32), GRID, "EPSG:4326"), fields=fields)
    (failure,) = derived.failures
    assert "the elevation model falls from" in failure
    assert "to 1200 m within 93 m, as no terrain does" in failure
    assert failure.endswith("(1 unit)")
    assert str(tmp_path) not in str(table(derived)["ATTR_NOTE"][1])  # the same in another folder
    longitude, latitude = (float(v) for v in failure.split("At ")[1].split(" the ")[0].split(", "))
    column, row = ~GRID @ (longitude, latitude)
    assert np.hypot(column - 13.5, row - 14.5) < 1.1
    column_name = "ELE_MEAN" if fields == ("ELE",) else "PISR"
    assert table(derived)[column_name].isna().tolist() == [False, True, False]


def test_a_step_beside_a_unit_counts_and_one_pixel_further_does_not(write_raster: WriteRaster) -> None:
    for column, failures in ((17, 1), (18, 0)):
        values = GROUND.copy()
        values[14, column] = 1200
        path = write_raster(f"{column}.tif", values.astype(np.float32), GRID, "EPSG:4326")
        assert len(derive(path, [box(11, 11)], fields=("ELE",)).failures) == failures


@pytest.mark.parametrize("fill", [12000.0, 32768.0, 55537.0, 65534.0])
def test_high_numbers_beside_a_unit_make_no_slope(write_raster: WriteRaster, fill: float) -> None:
    """Fill that may be a height in another unit lies beside the unit, where only slope reads it."""
    values = GROUND.copy()
    values[17, 10:18] = fill
    path = write_raster("high.tif", values.astype(np.float32), GRID, "EPSG:4326")
    derived = derive(path, [box(11, 11), box(40, 40)], fields=("SLO",))
    (failure,) = derived.failures
    assert f"falls from {fill:.0f} to" in failure
    assert table(derived)["SLO_MAX"].isna().tolist() == [True, False]


def test_steps_of_one_model_are_told_once(write_raster: WriteRaster) -> None:
    values = GROUND.copy()
    values[14, 13] = values[43, 43] = 1200
    derived = derive(write_raster("dem.tif", values.astype(np.float32), GRID, "EPSG:4326"), fields=("ELE",))
    (failure,) = derived.failures
    assert failure.endswith("(2 units)")


def test_a_hole_is_found_whatever_is_read_first(
    write_raster: WriteRaster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In blocks of one unit or all, by one worker or two, with a ledger or without: the same table."""
    monkeypatch.setattr(voids, "BLOCK", 16)
    values = GROUND.copy()
    values[12:50, 13] = 0
    values[30, 13:45] = 0
    path = write_raster("dem.tif", values.astype(np.int16), GRID, "EPSG:4326")
    shapes = [box(11, 20), box(40, 28), box(11, 40), box(25, 25, 20, 10)]
    whole = table(derive(path, shapes))
    for workers, units in ((1, 1), (2, 2)):
        with Ledger(tmp_path / f"{workers}.ledger") as ledger:
            runner = Runner(ledger, workers=workers, block_units=units)
            pd.testing.assert_frame_equal(table(derive(path, shapes, runner)), whole)
            again = derive(path, shapes, runner)
            assert again.reused == again.units
            pd.testing.assert_frame_equal(table(again), whole)
    backwards = table(derive(path, shapes[::-1]))
    pd.testing.assert_frame_equal(backwards[::-1].reset_index(drop=True), whole)


def test_heights_above_the_ellipsoid_are_noted_for_each_unit(write_raster: WriteRaster) -> None:
    path = write_raster("e.tif", GROUND.astype(np.float32), GRID, "EPSG:4979")
    derived = derive(path, [*UNITS[1:], box(90, 90)], fields=("ELE", "SLO"))
    found = table(derived)
    note = "ELE: metres above the WGS 84 ellipsoid, not above sea level"
    assert found["ATTR_NOTE"].tolist()[:2] == [note, note]
    assert "ellipsoid" not in found["ATTR_NOTE"][2]
    relief = next(record for record in derived.provenance if record.group == "relief")
    assert relief.parameters["vertical_reference"] == ["WGS 84 ellipsoid"]
    assert any("not metres above sea level" in note for note in relief.parameters["elevation_notes"])
    assert "WGS 84 ellipsoid" in sidecar(derived.provenance, (), "", ())
    assert derived.lacking == 1  # a note on a value that is there is no null value


def test_heights_are_converted_where_there_is_a_geoid(
    write_raster: WriteRaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """N = 2 degrees of latitude - 95, here -33 to -33.1 m; void stays void, and old results do not count."""
    path = write_raster("e.tif", GROUND.astype(np.float32), GRID, "EPSG:4979")
    plain = write_raster("m.tif", GROUND.astype(np.float32), GRID, "EPSG:4326")
    with Ledger() as ledger:
        unconverted = table(derive(path, UNITS, Runner(ledger), fields=("ELE",)))
        monkeypatch.setattr(heights, "_transformer", lambda geoid: geoid == "EGM2008" or None)
        monkeypatch.setattr(heights, "_geoid_heights", lambda geoid, lonlat: 2 * lonlat[:, 1] - 95.0)
        derived = derive(path, UNITS, Runner(ledger), fields=("ELE",))
    found, above_sea = table(derived), table(derive(plain, fields=("ELE",)))
    np.testing.assert_allclose(unconverted["ELE_MEAN"], above_sea["ELE_MEAN"])
    latitudes = [shapely.centroid(unit).y for unit in UNITS]
    np.testing.assert_allclose(
        found["ELE_MEAN"], above_sea["ELE_MEAN"] - (2 * np.array(latitudes) - 95), atol=0.02
    )
    assert found["ATTR_NOTE"].isna().all()
    relief = derived.provenance[-1].parameters
    assert relief["geoid"] == "EGM2008"
    assert any("converted to heights above the geoid EGM2008" in note for note in relief["elevation_notes"])


def test_what_was_left_out_is_in_the_provenance(write_raster: WriteRaster) -> None:
    folder = write_raster("dem/ASTGTMV003_N30E090_dem.tif", GROUND.astype(np.int16), GRID, "EPSG:4326").parent
    write_raster("dem/ASTGTMV003_N30E090_num.tif", np.full((60, 60), 9, np.uint8), GRID, "EPSG:4326")
    derived = derive(folder, fields=("ELE",))
    parameters = json.loads(sidecar(derived.provenance, (), "", ()))["fields"][-1]["parameters"]
    assert parameters["elevation_products"] == ["ASTER GDEM"]
    assert parameters["vertical_reference"] == ["EGM96 (known of the product)"]
    assert "ASTGTMV003_N30E090_num.tif" in parameters["elevation_notes"][0]
    assert any("ASTGTMV003_N30E090_num.tif" in warning for warning in derived.warnings)


def test_a_mask_as_elevation_model_is_refused(write_raster: WriteRaster) -> None:
    path = write_raster("a.tif", np.ones((60, 60), np.uint8), GRID, "EPSG:4326")
    with pytest.raises(InputError, match="is no elevation model"):
        derive(path)
