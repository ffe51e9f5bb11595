"""No rule on geometry, attributes or relations breaks down, whatever the inventory holds; none is silent
about what it cannot check."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from rogi.inventory.build import from_frames
from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.report import Status
from rogi.validation.settings import Settings

FAMILIES = ("GEO", "ATT", "REL")
SETTINGS = Settings(select=FAMILIES, today=dt.date(2026, 1, 1))

SQUARE = shapely.box(90.6, 30.4, 90.602, 30.402)
BOW_TIE = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
NAN_RING = shapely.Polygon([(0, 0), (1, 0), (np.nan, np.nan), (0, 1)])
NESTED = shapely.GeometryCollection([shapely.GeometryCollection([SQUARE]), shapely.Point(1, 2)])
ODD_GEOMETRIES = [
    None,
    shapely.Polygon(),
    shapely.Point(),
    shapely.Point(1, 2),
    shapely.MultiPoint([(1, 2), (3, 4)]),
    shapely.LineString([(0, 0), (0, 0)]),
    shapely.LineString([(0, 0), (1, 1)]),
    shapely.Polygon([(0, 0), (0, 0), (0, 0), (0, 0)]),
    shapely.Polygon([(0, 0), (1, 1), (2, 2), (0, 0)]),
    BOW_TIE,
    NAN_RING,
    shapely.Polygon([(0, 0), (np.inf, 0), (1, 1)]),
    shapely.Polygon([(0, 0), (1e300, 0), (1e300, 1e300)]),
    shapely.GeometryCollection(),
    shapely.GeometryCollection([SQUARE, shapely.Point(1, 2)]),
    NESTED,
    shapely.MultiPolygon([shapely.Polygon(), SQUARE]),
    shapely.MultiPolygon([SQUARE, SQUARE]),
    shapely.force_3d(SQUARE, 4000.0),
    shapely.box(-180, -90, 180, 90),
    shapely.box(179.99, 60, -179.99, 60.01),
    SQUARE,
    SQUARE,
]
ODD_VALUES = [
    None,
    np.nan,
    np.inf,
    "",
    "  ",
    "unknown",
    "-9999",
    1e308,
    True,
    pd.NaT,
    pd.Timestamp("2021-07-01"),
    dt.date(2021, 7, 1),
    [1, 2],
    {"a": 1},
    b"bytes",
    "\ud800",
    "x" * 5000,
    3 + 4j,
    10**400,
    -0.0,
    "1e5",
    "NE",
    "RGU304000N0906000E",
]


def all_checked(inventory: Inventory) -> None:
    """Every rule ran or says why not."""
    report = validate(inventory, SETTINGS)
    assert [o.reason for o in report.outcomes if o.crashed] == []
    for outcome in report.outcomes:
        if outcome.code.startswith(FAMILIES) and outcome.status not in (Status.PASSED, Status.FAILED):
            assert outcome.reason


@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik], ids=["tprogi", "rgik"])
@pytest.mark.parametrize(
    "crs", ["EPSG:4326", "EPSG:32646", "EPSG:3857", "EPSG:4978", 'LOCAL_CS["x",UNIT["m",1]]', None]
)
def test_odd_geometries_break_no_rule(make: Callable[[int], Inventory], crs: str | None) -> None:
    """All kinds of geometry in every layer, under every kind of CRS, truthful or not."""
    n = len(ODD_GEOMETRIES)
    inventory = make(n)
    for role in inventory.roles:
        layer = inventory.layer(role)
        assert layer is not None
        inventory = examples.with_geometry(inventory, role, dict(enumerate(ODD_GEOMETRIES[: len(layer)])))
        inventory = examples.with_crs(inventory, role, crs)
    all_checked(inventory)


@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik], ids=["tprogi", "rgik"])
def test_odd_values_break_no_rule(make: Callable[[int], Inventory]) -> None:
    """All kinds of values in every column of every layer."""
    inventory = make(len(ODD_VALUES))
    for role in inventory.roles:
        layer = inventory.layer(role)
        assert layer is not None
        for column in layer.columns.values():
            values = dict(enumerate(ODD_VALUES[: len(layer)]))
            inventory = examples.with_values(inventory, role, column, values)
    all_checked(inventory)


@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik], ids=["tprogi", "rgik"])
def test_no_rows(make: Callable[[int], Inventory]) -> None:
    """Layers without rows, and a layer of nulls only."""
    inventory = make(2)
    for role in inventory.roles:
        empty = examples.with_rows(inventory, role, [])
        all_checked(empty)
        nulls = examples.with_geometry(inventory, role, dict.fromkeys(range(len(empty.layers) and 1)))
        all_checked(nulls)
    for role in inventory.roles:
        inventory = examples.with_rows(inventory, role, [])
    all_checked(inventory)


def test_single_layers_and_swapped_roles() -> None:
    """Points where polygons belong, polygons where points belong, one layer alone."""
    good = examples.tprogi(4)
    outlines, markers = (good.layer(role) for role in (Role.OUTLINE, Role.MARKER))
    assert outlines is not None
    assert markers is not None
    all_checked(from_frames({Role.OUTLINE: markers.frame, Role.MARKER: outlines.frame}))
    all_checked(from_frames({Role.MARKER: markers.frame}))
    all_checked(from_frames({Role.OUTLINE: outlines.frame[["geometry"]]}))
    all_checked(from_frames({role: gpd.GeoDataFrame(geometry=[]) for role in Role}))


def test_two_columns_of_one_name() -> None:
    """Column names need not be unique."""
    inventory = examples.tprogi(4)
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    frame = gpd.GeoDataFrame(
        pd.concat([layer.frame, layer.frame[["AREA", "ELE_MIN", "MAP_DATE"]]], axis=1), crs=layer.crs
    )
    all_checked(examples._with_frame(inventory, Role.OUTLINE, frame))
