"""Attributes of other sources: distance to glaciers against geodesics, permafrost against worked cases."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from rasterio.transform import from_origin

import rogi
from rogi.attributes.configuration import AttributeSettings, read_settings, settings_toml
from rogi.attributes.nearest import distances
from rogi.attributes.recheck import with_recomputed
from rogi.attributes.registry import sources
from rogi.cli import app
from rogi.errors import InputError, OptionError
from rogi.rules.registry import rules
from rogi.schema.attributes import attributes
from rogi.validation.engine import validate
from rogi.validation.settings import Settings

GEOD = pyproj.Geod(ellps="WGS84")


def square(lon: float, lat: float, side: float = 0.01) -> shapely.Polygon:
    """A square of so many degrees whose lower left corner is given."""
    return shapely.box(lon, lat, lon + side, lat + side)


def table(*shapes: shapely.Geometry) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=list(shapes), crs=4326)


def write(path: Path, *shapes: shapely.Geometry, crs: int | None = 4326, to: int | None = None) -> Path:
    frame = gpd.GeoDataFrame(geometry=list(shapes), crs=crs)
    (frame if to is None else frame.to_crs(to)).to_file(path)
    return path


def raster(path: Path, values: np.ndarray, west: float = 90.0, north: float = 30.04, **more: object) -> Path:
    """Pixels of 0.01 degrees."""
    settings = {"nodata": None, "crs": "EPSG:4326", **more}
    rows, columns = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=1, dtype=values.dtype,
        transform=from_origin(west, north, 0.01, 0.01), **settings,
    ) as file:  # fmt: skip
        file.write(values, 1)
    return path


# ---- glaciers


@pytest.mark.parametrize("latitude", [-67.3, -0.02, 0.0, 30.0, 46.5, 78.9])
@pytest.mark.parametrize("gap", [0.02, 0.21, 0.43])
def test_distance_along_a_meridian(latitude: float, gap: float) -> None:
    """Edges that face each other north and south are a meridian's arc apart, known to a millimetre."""
    unit, ice = square(11.0, latitude), square(11.0, latitude + 0.01 + gap)
    found = distances(np.array([unit]), np.array([ice]), 60_000.0)
    expected = GEOD.inv(11.0, latitude + 0.01, 11.0, latitude + 0.01 + gap)[2]
    assert found[0] == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("latitude", [-55.0, 0.3, 37.2, 80.1])
def test_distance_between_vertices(latitude: float) -> None:
    """Small triangles whose nearest points are vertices: the geodesic between them, in any direction."""
    for bearing in range(0, 360, 45):
        for metres in (300.0, 9_000.0, 49_000.0):
            lon, lat, _ = GEOD.fwd(20.0, latitude, bearing, metres)
            unit, ice = shapely.Point(20.0, latitude).buffer(1e-6), shapely.Point(lon, lat).buffer(1e-6)
            found = distances(np.array([unit]), np.array([ice]), 60_000.0)[0]
            assert found == pytest.approx(metres, abs=0.001 * metres + 0.3)


def test_nearest_edge_counts_and_zero_where_they_touch() -> None:
    """Of several glaciers the nearest edge; 0 where they touch, overlap, or the unit lies on the glacier."""
    far, near = square(90.0, 30.2), square(90.03, 30.0)
    touching, around = square(90.51, 30.0), square(91.0, 30.0, 0.2)
    units = np.array([square(90.0, 30.0), square(90.5, 30.0), square(91.1, 30.1), shapely.Polygon()])
    found = distances(units, np.array([far, near, touching, around]), 50_000.0)
    assert found[0] == pytest.approx(GEOD.inv(90.01, 30.005, 90.03, 30.005)[2], rel=1e-3)
    assert found[1:3].tolist() == [0.0, 0.0]
    assert np.isnan(found[3])


def test_radius_limits_what_is_found() -> None:
    """A glacier just inside the radius counts, one just outside does not."""
    unit = square(90.0, 30.0)
    ice = square(90.0, 30.21)
    metres = GEOD.inv(90.0, 30.01, 90.0, 30.21)[2]
    assert distances(np.array([unit]), np.array([ice]), metres * 1.002)[0] == pytest.approx(metres, rel=1e-3)
    assert np.isnan(distances(np.array([unit]), np.array([ice]), metres * 0.998)[0])


@pytest.mark.parametrize("shift", [0.0, -360.0])
def test_across_the_date_line(shift: float) -> None:
    """A glacier at 179.99° is near a unit at -179.99°, however longitudes are counted."""
    unit, ice = square(-179.995, 68.0), shapely.box(179.97, 68.0, 179.98, 68.01)
    ice = shapely.transform(ice, lambda xy: xy + np.array([shift, 0.0]))
    found = distances(np.array([unit]), np.array([ice]), 50_000.0)[0]
    assert found == pytest.approx(GEOD.inv(179.98, 68.01, 180.005, 68.01)[2], rel=1e-3)


def test_long_edges_are_where_the_file_draws_them() -> None:
    """An edge along a parallel is no geodesic: over 4° at 60° that lies 15 km north of it in the middle."""
    unit = square(20.0, 60.2)
    ice = shapely.box(18.0, 59.0, 22.0, 60.0)
    found = distances(np.array([unit]), np.array([ice]), 50_000.0)[0]
    assert found == pytest.approx(GEOD.inv(20.0, 60.0, 20.0, 60.2)[2], rel=1e-3)


def test_no_value_depends_on_other_units() -> None:
    """Alone or together, the same number."""
    units = np.array([square(90.0 + 0.13 * k, 30.0 + 0.07 * k) for k in range(12)])
    ice = np.array([square(90.05 + 0.11 * k, 30.31 - 0.02 * k) for k in range(9)])
    together = distances(units, ice, 80_000.0)
    alone = [distances(units[k : k + 1], ice, 80_000.0)[0] for k in range(12)]
    np.testing.assert_array_equal(together, alone)


def test_filled_with_reasons_and_provenance(tmp_path: Path) -> None:
    """The column in metres, why it is null, what was read and how."""
    path = write(tmp_path / "ice.gpkg", square(90.0, 30.05), square(90.0, 30.3), to=32646)
    units = table(square(90.0, 30.0), square(95.0, 30.0))
    filled = rogi.fill_attributes(units, glaciers=path, fields="glaciers")
    expected = GEOD.inv(90.0, 30.01, 90.0, 30.05)[2]
    out = filled.inventory.outlines
    assert filled.values["glacier_distance"][0] == pytest.approx(expected, rel=1e-3)
    assert out["GLAC_DIST"][0] == pytest.approx(round(expected, 1), abs=0.11)
    assert np.isnan(out["GLAC_DIST"][1])
    assert out["ATTR_NOTE"][1] == "GLACIER: no glacier within 50 km"
    (record,) = filled.provenance.to_dict("records")
    assert record["columns"] == ("GLAC_DIST",)
    assert record["inputs"][0]["name"] == "ice.gpkg" and record["inputs"][0]["crs"] == "EPSG:32646"
    assert record["parameters"]["radius_km"] == 50.0
    assert "1 of 2 units with no glacier within 50 km" in filled.warnings[0]


def test_choices_and_several_files(tmp_path: Path) -> None:
    """A radius in kilometres; glaciers of two files are one set; lines and empty outlines are left out."""
    first = write(tmp_path / "a.gpkg", square(90.0, 30.3))
    second = write(tmp_path / "b.gpkg", square(90.0, 30.05), shapely.Polygon())
    both = {"files": [first, second], "radius": 3}
    filled = rogi.fill_attributes(table(square(90.0, 30.0)), glaciers=both, fields="glacier_distance")
    assert np.isnan(filled.values["glacier_distance"][0])
    assert filled.inventory.outlines["ATTR_NOTE"][0] == "GLACIER: no glacier within 3 km"
    wide = rogi.fill_attributes(table(square(90.0, 30.0)), glaciers=[first, second], fields="GLAC_DIST")
    assert wide.values["glacier_distance"][0] == pytest.approx(GEOD.inv(90, 30.01, 90, 30.05)[2], rel=1e-3)


def test_glacier_that_crosses_itself_counts(tmp_path: Path) -> None:
    """Both lobes of a bow tie are glacier; the signed area of its ring is 0."""
    tie = shapely.Polygon([(90.0, 30.05), (90.02, 30.07), (90.02, 30.05), (90.0, 30.07)])
    path = write(tmp_path / "ice.gpkg", tie)
    filled = rogi.fill_attributes(table(square(90.0, 30.0)), glaciers=path, fields="glaciers")
    expected = GEOD.inv(90.0, 30.01, 90.0, 30.05)[2]
    assert filled.values["glacier_distance"][0] == pytest.approx(expected, rel=1e-3)


def test_refusals(tmp_path: Path) -> None:
    """What cannot be done says why and what to do."""
    units, ice = table(square(90.0, 30.0)), write(tmp_path / "ice.gpkg", square(90.0, 30.05))
    points = write(tmp_path / "points.gpkg", shapely.Point(90.0, 30.0))
    with pytest.raises(InputError, match="contain no polygons"):
        rogi.fill_attributes(units, glaciers=points)
    nowhere = write(tmp_path / "nowhere.gpkg", square(90.0, 30.05), crs=None)
    with pytest.raises(InputError, match="have no CRS"):
        rogi.fill_attributes(units, glaciers=nowhere)
    with pytest.raises(InputError, match="cannot be read"):
        rogi.fill_attributes(units, glaciers=tmp_path / "missing.gpkg")
    for radius in (0.0, -1.0, 200.1, float("nan")):
        with pytest.raises(OptionError, match="at most 200 km"):
            rogi.fill_attributes(units, glaciers={"files": ice, "radius": radius})
    with pytest.raises(OptionError, match=r"radius of (--)?glaciers is a number, found 'far'"):
        rogi.fill_attributes(units, glaciers={"files": ice, "radius": "far"})
    with pytest.raises(OptionError, match="no choice 'range'"):
        rogi.fill_attributes(units, glaciers={"files": ice, "range": 3.0})
    with pytest.raises(OptionError, match="did you mean glaciers"):
        rogi.fill_attributes(units, glacier=ice)
    with pytest.raises(OptionError, match=r"glacier_distance needs (--)?glaciers"):
        rogi.fill_attributes(units, fields="glacier_distance")


# ---- permafrost

INDEX = np.array([[0.0, 0.05, 0.1, 0.95], [0.2, 0.3, 0.6, 0.7], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]])


def pzi_of(path: Path, *shapes: shapely.Geometry, **choices: object) -> tuple[list[float], list[float]]:
    filled = rogi.fill_attributes(table(*shapes), pzi={"files": path, **choices}, fields="pzi")
    return filled.values["permafrost_index"].tolist(), filled.values["permafrost_share"].tolist()


@pytest.mark.parametrize(
    ("values", "choices"),
    [
        (INDEX, {}),
        (INDEX.astype("float32"), {}),
        ((INDEX * 1000).round().astype("uint16"), {}),
        ((INDEX * 1000).astype("float64"), {}),
        ((INDEX * 100).round().astype("uint8"), {"unit": "%"}),
        ((INDEX * 1000).round().astype("int16"), {"unit": "0.001"}),
    ],
)
def test_mean_and_share_above_the_threshold(
    tmp_path: Path, values: np.ndarray, choices: dict[str, object]
) -> None:
    """Two pixels of one row, a half each: by hand. A pixel at the threshold counts, in any unit and type."""
    path = raster(tmp_path / "pzi.tif", values)
    half = shapely.box(90.005, 30.03, 90.02, 30.04)  # half of 0.0 and all of 0.05
    edge = shapely.box(90.015, 30.03, 90.03, 30.04)  # half of 0.05 and all of 0.1
    means, shares = pzi_of(path, half, edge, **choices)
    assert means == pytest.approx([0.1 / 3, 0.25 / 3], abs=1e-6)
    assert shares == pytest.approx([0.0, 2 / 3], abs=1e-6)
    _, shares = pzi_of(path, shapely.box(90.0, 30.02, 90.04, 30.03), threshold=0.6, **choices)
    assert shares == pytest.approx([0.5], abs=1e-6)


def test_area_counts_and_voids_do_not(tmp_path: Path) -> None:
    """Pixels at higher latitudes are smaller; a void counts for neither, and too many make null."""
    column = np.array([[1.0], [0.0]])
    path = raster(tmp_path / "pzi.tif", column, north=60.0)
    means, _ = pzi_of(path, shapely.box(90.0, 59.98, 90.01, 60.0))
    upper, lower = np.sin(np.radians([60.0, 59.99, 59.98]))[:2] - np.sin(np.radians([60.0, 59.99, 59.98]))[1:]
    assert means[0] == pytest.approx(upper / (upper + lower), abs=1e-5)
    holes = INDEX.copy()
    holes[0, 1:] = -9.0
    path = raster(tmp_path / "holes.tif", holes, nodata=-9.0)
    whole, most = shapely.box(90.0, 30.02, 90.04, 30.04), shapely.box(90.0, 30.03, 90.04, 30.04)
    filled = rogi.fill_attributes(table(whole, most), pzi=path, fields="pzi")
    assert filled.values["permafrost_index"][0] == pytest.approx(1.8 / 5, abs=1e-4)
    assert filled.inventory.outlines["PZI_SHARE"].tolist() == pytest.approx([0.625, 0.25], abs=1e-3)
    assert filled.inventory.outlines["ATTR_NOTE"][1] == "PZI: only 25.0% of it has values"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([[0, 1], [1, 0]], dtype="uint8"), "may be a share, per cent or thousandths"),
        (np.array([[7, 55], [99, 0]], dtype="uint8"), "may be a share, per cent or thousandths"),
        (np.array([[40, 255], [90, 0]], dtype="uint8"), "may be a share, per cent or thousandths"),
        (np.array([[0.5, 250.5]]), "may be a share, per cent or thousandths"),
        (np.array([[0, 65535]], dtype="uint16"), "65535, which is no permafrost index"),
        (np.array([[0.3, -9999.0]]), "-9999, which is no permafrost index"),
    ],
)
def test_numbers_that_may_be_anything_are_refused(tmp_path: Path, values: np.ndarray, message: str) -> None:
    """A unit is never guessed between two that are possible."""
    path = raster(tmp_path / "pzi.tif", values)
    with pytest.raises(InputError, match=message):
        pzi_of(path, square(90.0, 30.03))


def test_wrong_unit_named_is_impossible(tmp_path: Path) -> None:
    """Thousandths taken for shares are no index; wrong choices are refused."""
    path = raster(tmp_path / "pzi.tif", (INDEX * 1000).astype("uint16"))
    with pytest.raises(InputError, match=r"possible are 0 to 1.*pzi.unit"):
        pzi_of(path, square(90.03, 30.03), unit="1")
    with pytest.raises(OptionError, match=r"pzi.unit is 1, %, 0\.001, found 'permille'"):
        pzi_of(path, square(90.03, 30.03), unit="permille")
    with pytest.raises(OptionError, match=r"pzi.threshold is more than 0"):
        pzi_of(path, square(90.03, 30.03), threshold=0)


def test_numbers_beyond_1_are_fill(tmp_path: Path) -> None:
    """Bytes of per cent with 255 where there is no index: void, also in a part of a unit."""
    values = (INDEX * 100).round().astype("uint8")
    values[0, 3] = 255
    path = raster(tmp_path / "pzi.tif", values)
    whole, corner = shapely.box(90.0, 30.03, 90.04, 30.04), square(90.03, 30.03)
    filled = rogi.fill_attributes(table(whole, corner), pzi={"files": path, "unit": "%"}, fields="pzi")
    found = filled.values["permafrost_index"]
    assert found[0] == pytest.approx(INDEX[0, :3].mean(), abs=1e-5) and np.isnan(found[1])
    assert filled.inventory.outlines["PZI_SHARE"].tolist() == pytest.approx([0.75, 0.0], abs=1e-3)
    assert "PZI: pzi.tif contains 255, which is no index; taken as void." in filled.warnings


def test_several_bands_are_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "two.tif"
    place = from_origin(90, 31, 0.01, 0.01)
    profile = {
        "width": 9,
        "height": 9,
        "count": 2,
        "dtype": "float32",
        "crs": "EPSG:4326",
        "transform": place,
    }
    with rasterio.open(path, "w", driver="GTiff", **profile) as file:
        file.write(np.stack([np.full((9, 9), value, np.float32) for value in (0.4, 0.7)]))
    with pytest.raises(InputError, match=r"two.tif has several bands; name one after a colon, .*two.tif:1"):
        pzi_of(path, square(90.0, 30.95))
    assert pzi_of(Path(f"{path}:2"), square(90.0, 30.95))[0] == pytest.approx([0.7])
    with pytest.raises(InputError, match=r"two.tif has several bands; name one after a colon"):
        rogi.zonal_statistics(table(square(90.0, 30.95)), path)
    found = rogi.zonal_statistics(table(square(90.0, 30.95)), f"{path}:2")
    assert found["two_mean"].tolist() == pytest.approx([0.7])


# ---- the registry


def test_sources_and_concepts_agree() -> None:
    """Every source has concepts, every other group one of the inputs with options of their own."""
    own = {"geometry", "region", "relief", "radiation", "maat", "magt", "ap"}
    assert {a.group for a in attributes().values()} == own | set(sources())


def test_settings_are_read_as_they_are_written(tmp_path: Path) -> None:
    """Files and choices of sources survive the file beside the output."""
    settings = AttributeSettings().with_input("glaciers", (str(tmp_path / "ice.gpkg"),), {"radius": 12.5})
    settings = settings.with_input("pzi", (str(tmp_path / "pzi.tif"),), {"unit": "%"})
    (tmp_path / "a.toml").write_text(settings_toml(settings, tmp_path), encoding="utf-8")
    again = read_settings(tmp_path / "a.toml")
    assert [
        (g.name, g.files, g.choice("radius" if g.name == "glaciers" else "unit")) for g in again.inputs
    ] == [
        ("glaciers", (str(tmp_path / "ice.gpkg"),), 12.5),
        ("pzi", (str(tmp_path / "pzi.tif"),), "%"),
    ]
    (tmp_path / "b.toml").write_text('[attributes]\nglaziers = "x.gpkg"\n', encoding="utf-8")
    with pytest.raises(OptionError, match="did you mean glaciers"):
        read_settings(tmp_path / "b.toml")


def test_command_writes_what_the_function_gives(tmp_path: Path) -> None:
    """`rogi attributes --glaciers --pzi`, and again from its settings: the same bytes."""
    ice = write(tmp_path / "ice.gpkg", square(90.0, 30.05))
    zones = raster(tmp_path / "pzi.tif", INDEX)
    units = tmp_path / "units.gpkg"
    table(square(90.0, 30.03), square(90.03, 30.0)).to_file(units)
    arguments = [
        "attributes",
        str(units),
        "--glaciers",
        str(ice),
        "--glaciers-radius",
        "20",
        "--pzi",
        str(zones),
    ]
    app([*arguments, "-q", "-o", str(tmp_path / "a.gpkg")], standalone_mode=False)
    found = gpd.read_file(tmp_path / "a.gpkg")
    expected = rogi.fill_attributes(
        units, glaciers={"files": ice, "radius": 20}, pzi=zones
    ).inventory.outlines
    for column in ("GLAC_DIST", "PZI", "PF_SHARE", "PZI_SHARE"):
        assert found[column].tolist() == expected[column].tolist()
    config = tmp_path / "a.gpkg.attributes.toml"
    again = ["attributes", str(units), "--config", str(config), "-q", "-o", str(tmp_path / "b.gpkg")]
    app(again, standalone_mode=False)
    assert (tmp_path / "a.gpkg").read_bytes() == (tmp_path / "b.gpkg").read_bytes()


def test_rules_read_the_record() -> None:
    """Ranges, sentinels, outliers and the comparison with the data know a new attribute by its record."""
    for code in ("ATT009", "ATT012", "ATT020"):
        needed = {c for need in rules()[code].info.needs for c in need.any_of}
        assert {"glacier_distance", "permafrost_share"} <= needed


def test_written_columns_are_checked(tmp_path: Path) -> None:
    """Columns that were made are known when the file is read: range, fill values, and the data again."""
    ice = write(tmp_path / "ice.gpkg", square(90.0, 30.05))
    zones = raster(tmp_path / "pzi.tif", INDEX)
    units = table(square(90.0, 30.03), square(90.03, 30.0), square(90.01, 30.01))
    rogi.fill_attributes(units, glaciers=ice, pzi=zones).write(tmp_path / "a.gpkg")
    made = gpd.read_file(tmp_path / "a.gpkg")
    made.loc[0, "GLAC_DIST"] += 31.0  # ATT020 allows 30 m
    made.loc[1, "GLAC_DIST"] += 29.0
    made.loc[1, "PF_SHARE"] = 1.5
    made.loc[2, "GLAC_DIST"] = -9999.0
    made.to_file(tmp_path / "b.gpkg")
    settings = AttributeSettings().with_input("glaciers", (str(ice),), {})
    inventory, _, _ = with_recomputed(rogi.read_inventory(tmp_path / "b.gpkg"), settings)
    findings = validate(inventory, Settings(select=("SCH018", "ATT009", "ATT020"))).findings
    found = set(zip(findings["code"], findings["row"], findings["field"], strict=True))
    assert found == {
        ("SCH018", 2, "PF_SHARE"),
        ("SCH018", 3, "GLAC_DIST"),
        ("ATT009", 3, "GLAC_DIST"),
        ("ATT020", 1, "GLAC_DIST"),
    }
