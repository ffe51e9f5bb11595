"""Tables in memory become inventories: dialects by evidence, columns by normalised names."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import geopandas.testing
import numpy as np
import pytest
import shapely

from rogi.errors import InputError, OptionError
from rogi.inventory.build import Part, assemble, from_frames, map_columns
from rogi.inventory.reading.dialects import Family, LayerHint, detect_dialect, detect_role, role_of_family
from rogi.schema.load import dialects, load_dialect, load_schema
from rogi.schema.model import Role


def _markers(*columns: str, **values: list[object]) -> gpd.GeoDataFrame:
    table = {column: [None] for column in columns} | values
    return gpd.GeoDataFrame(table, geometry=[shapely.Point(90.0, 30.0)], crs="EPSG:4326")


def _outlines(*columns: str, **values: list[object]) -> gpd.GeoDataFrame:
    return _markers(*columns, **values).set_geometry([shapely.box(90, 30, 90.01, 30.01)], crs="EPSG:4326")


TPROGI = ("ID", "SUBREGION", "SOUR_DATA", "ADDI_INF", "ELE_MEAN", "SLO_MEAN", "PISR", "MAAT", "MAGT")
TEMPLATE = ("PrimaryID", "Morpho.", "Upsl.Con.", "Upsl.Cur.", "Complet.", "Acti.Cl.", "Destabili.")
PUBLISHED = ("PrimaryID", "ActiCl", "Country")
ESA = "ESACCI-PERMAFROST_ROGI_ALL-AREAS"
SWISS = ("pm_pid_jan25", "pm_working_id", "pm_type", "rgu_morphology", "rgu_upsl_con", "rgu_activity_class")
GLOBAL = [
    "area",
    "longitude",
    "latitude",
    "elevation",
    "slope",
    "aspect",
    "maat",
    "magt",
    "precipitation",
    "pzi",
]


@pytest.mark.parametrize(
    ("role", "columns", "dialect"),
    [
        (Role.OUTLINE, TPROGI, "tprogi"),
        (Role.MARKER, TPROGI, "tprogi"),
        (Role.MARKER, TEMPLATE, "rgik-template"),
        (Role.MARKER, [c.replace(".", "_")[:10] for c in TEMPLATE], "rgik-template"),  # as a Shapefile
        (Role.MARKER, PUBLISHED, "rgik-published"),
        (Role.OUTLINE, ("PolyUID", "PrimaryID", "OutType", "RelFr", "RelLeftLM"), "rgik-published"),
        (Role.MARKER, SWISS, "rogi-ch"),
        (Role.OUTLINE, GLOBAL, "global-2026"),
        (Role.MARKER, ("IPA_id", "Up_connect", "aspect_med_cardinal", "area_m2", "LOS_vel_mean"), "la-sal"),
        (Role.OUTLINE, ("Class",), "generic"),  # one common word betrays nothing
        (Role.OUTLINE, ("name", "kind"), "generic"),
        (Role.OUTLINE, (), "generic"),
    ],
)
def test_dialects_are_known_by_their_columns(role, columns, dialect) -> None:
    make = _markers if role is Role.MARKER else _outlines
    inventory = from_frames({role: make(*columns)})
    assert inventory.dialect.name == dialect
    if dialect != "generic":
        assert "recognised by the column" in inventory.dialect_reason


def _hint(name: str, *columns: str, family: Family = Family.POLYGON) -> LayerHint:
    return LayerHint((name,), columns, family)


def test_a_layer_name_counts_only_with_the_key() -> None:
    named = _hint("TPRoGI_Extended_Footprint", "ID")
    assert detect_dialect([named], dialects()).dialect.name == "tprogi"
    assert "TPRoGI_Extended_Footprint" in detect_dialect([named], dialects()).reason
    assert detect_dialect([_hint("outlines", "file", "label")], dialects()).dialect.name == "generic"


PAPER = ("NR", "RGU_ID", "Region", "Elev_min", "Slope", "Aspect", "Area_m2", "Rel_Index")
"""Columns of a paper, under common names and one of the RGIK template."""

FILLED = (
    "ELE_MEAN",
    "ELE_MAX",
    "SLO_MEDIAN",
    "ASPECT",
    "PISR",
    "MAAT",
    "MAGT",
    "AP",
    "AREA",
    "LAT",
    "LON",
    "PZI",
)
"""Columns that `rogi attributes` adds: those of TPRoGI, and half of the global inventory's."""


def _read(name: str, *columns: str):
    hint = _hint(name, *columns)
    detection = detect_dialect([hint], dialects())
    role = detect_role(hint, detection.dialect) or Role.OUTLINE
    frame = _outlines(*columns)
    return detection.dialect, assemble([Part(role, frame, name)], detection).layers[0]


@pytest.mark.parametrize(
    "name", ["x", "GO", "rg_outlines", "TPRoGI_Extended_Footprint", "global_rgs", "rogi_ch_ous"]
)
def test_a_column_more_never_ends_the_reading_of_another(name) -> None:
    before = _read(name, *PAPER)[1].columns
    assert {"primary_id", "subregion", "elevation_minimum", "slope_mean", "aspect", "area"} <= set(before)
    for added in (("PrimaryID",), ("ID",), ("pm_pid",), FILLED, ("Out.Type", "RelFr", "RelLeftLM")):
        dialect, layer = _read(name, *PAPER, *added)
        stays = set(before) - set(dialect.layer(Role.OUTLINE).units)
        assert stays <= set(layer.columns), (added, dialect.name)


def test_columns_that_rogi_adds_identify_no_dialect() -> None:
    assert _read("x", *PAPER, *FILLED)[0].name == "generic"
    assert _read("x", *FILLED)[0].name == "generic"
    assert _read("x", "SOUR_DATA", *FILLED)[0].name == "tprogi"


def test_common_names_are_for_what_a_dialect_leaves_open() -> None:
    dialect = load_dialect("la-sal")  # states the unit of areas, and ignores columns
    layer = replace(dialect.layers[0], ignored=("Notes",))
    common = load_dialect("generic").layer(Role.MARKER)
    frame = _markers("Notes", "remarks", "area_km2", "Mapper", "slope")
    assert map_columns(frame, None, layer, common) == {
        "comment": "remarks",
        "mapper": "Mapper",
        "slope_mean": "slope",
    }
    assert map_columns(_markers("slope", "mean_slope_deg"), None, layer, common) == {
        "slope_mean": "mean_slope_deg"
    }


def test_equal_fits_are_no_decision() -> None:
    twin = load_dialect("tprogi")
    twins = (twin, replace(twin, name="twin"), load_dialect("generic"))
    found = detect_dialect([_hint("x", *TPROGI)], twins)
    assert found.dialect.name == "generic"
    assert "fit equally well; choose one with --dialect" in found.reason
    higher = (twin, replace(twin, name="twin", priority=99), load_dialect("generic"))
    assert detect_dialect([_hint("x", *TPROGI)], higher).dialect.name == "twin"


def test_a_schema_and_a_dialect_can_be_chosen() -> None:
    inventory = from_frames({"outline": _outlines("ID")}, schema="tprogi/1.0")
    assert inventory.schema.id == "tprogi/1.0"
    assert inventory.layers[0].columns == {"primary_id": "ID"}
    inventory = from_frames({"outline": _outlines("ID")}, dialect="tprogi")
    assert (inventory.dialect.name, inventory.dialect_reason) == ("tprogi", "chosen by the user")
    with pytest.raises(OptionError):
        from_frames({"outline": _outlines("ID")}, dialect="nonsense")
    with pytest.raises(OptionError, match="no layer role 'outlines'; the roles are marker"):
        from_frames({"outlines": _outlines("ID")})


@pytest.mark.parametrize(
    ("name", "columns", "family", "dialect", "role"),
    [
        ("TPRoGI_Extended_Footprint", (), Family.POLYGON, "tprogi", Role.OUTLINE),
        ("TPRoGI_Primary_Marker", (), Family.POINT, "tprogi", Role.MARKER),
        ("tprogi_primary_marker", (), Family.POLYGON, "tprogi", Role.MARKER),  # the wrong type is a finding
        ("PM", (), Family.POINT, "rgik-template", Role.MARKER),
        (
            f"{ESA}_MA_2025-fv02.0",
            (),
            Family.POLYGON,
            "rgik-published",
            Role.MOVING_AREA,
        ),
        (
            f"{ESA}_AOI_2025-fv02.0",
            (),
            Family.POLYGON,
            "rgik-published",
            Role.AREA_OF_INTEREST,
        ),
        ("layer 1", ("Vel.Class",), Family.POLYGON, "rgik-template", Role.MOVING_AREA),
        ("layer 1", ("OutType", "PolyUID"), Family.POLYGON, "rgik-published", Role.OUTLINE),
        ("layer 1", ("x",), Family.POLYGON, "rgik-published", None),
        ("rock_glaciers", (), Family.POINT, "generic", None),  # left to the geometry
        ("rock_glaciers", (), Family.POLYGON, "generic", Role.OUTLINE),
        ("rock_glacier_outlines", (), Family.LINE, "generic", Role.OUTLINE),  # the type is found wrong
        ("study_area_north", (), Family.POLYGON, "generic", Role.AREA_OF_INTEREST),
        ("rivers", (), Family.LINE, "generic", None),
        ("outline_styles", (), Family.NONE, "generic", None),
    ],
)
def test_roles(name, columns, family, dialect, role) -> None:
    assert detect_role(LayerHint((name,), columns, family), load_dialect(dialect)) is role


@pytest.mark.parametrize(
    ("text", "family", "role"),
    [
        ("Point", Family.POINT, Role.MARKER),
        ("MultiPoint Z", Family.POINT, Role.MARKER),
        ("LineString M", Family.LINE, None),
        ("MultiCurve", Family.LINE, None),
        ("CurvePolygon", Family.POLYGON, Role.OUTLINE),
        ("MultiSurface", Family.POLYGON, Role.OUTLINE),
        ("2.5D MultiPolygon", Family.POLYGON, Role.OUTLINE),
        ("Unknown", Family.UNKNOWN, None),
        ("GeometryCollection", Family.UNKNOWN, None),
        (None, Family.NONE, None),
    ],
)
def test_families(text, family, role) -> None:
    assert Family.of(text) is family
    assert role_of_family(family) is role


def test_columns_are_compared_without_case_and_punctuation() -> None:
    schema, dialect = load_schema("rgik/1.0"), load_dialect("rgik-template")
    frame = _markers("primary_id", "ACTI_CL_", "Kin Period", "extra")
    columns = map_columns(frame, schema.layer(Role.MARKER), dialect.layer(Role.MARKER))
    assert columns == {"primary_id": "primary_id", "activity": "ACTI_CL_", "kinematic_period": "Kin Period"}


def test_of_columns_with_one_name_the_first_is_taken() -> None:
    frame = _markers("primaryid", "PrimaryID")
    layer = from_frames({Role.MARKER: frame}, dialect="rgik-template").layers[0]
    assert layer.columns["primary_id"] == "primaryid"
    assert layer.extra_columns == ("PrimaryID",)


def test_names_cut_by_a_shapefile_are_known() -> None:
    layer = from_frames({Role.OUTLINE: _outlines("subregion", "additional")}, dialect="generic").layers[0]
    assert layer.columns["additional_information"] == "additional"
    layer = from_frames({Role.OUTLINE: _outlines("add")}, dialect="generic").layers[0]
    assert "additional_information" not in layer.columns


def test_a_column_of_many_meanings_is_taken_by_its_values() -> None:
    layer = from_frames({Role.MARKER: _markers(id=["RGU384455N1092526W"])}, dialect="generic").layers[0]
    assert layer.columns["primary_id"] == "id"
    for values in (["17"], [17], [None]):
        layer = from_frames({Role.MARKER: _markers(id=values)}, dialect="generic").layers[0]
        assert "primary_id" not in layer.columns


def test_tables_are_not_changed_and_rows_are_counted() -> None:
    frame = _markers("PrimaryID").loc[[0, 0]]
    before = frame.copy()
    layer = from_frames({Role.MARKER: frame}).layers[0]
    assert list(layer.frame.index) == [0, 1]
    assert np.array_equal(layer.rows, [1, 2])
    assert np.array_equal(layer.source_index, [0, 0])
    geopandas.testing.assert_geodataframe_equal(frame, before)


def test_layers_come_in_the_order_of_the_roles() -> None:
    inventory = from_frames({Role.OUTLINE: _outlines(), Role.MARKER: _markers()})
    assert inventory.roles == (Role.MARKER, Role.OUTLINE)
    assert "marker 1, outline 1" in repr(inventory)


def test_a_table_without_geometry_is_refused() -> None:
    with pytest.raises(InputError, match="primary markers has no geometry column"):
        from_frames({Role.MARKER: gpd.GeoDataFrame({"a": [1]})})
