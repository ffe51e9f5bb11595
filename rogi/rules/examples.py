"""Small inventories that follow every rule, and ways to break them: material for good and bad examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rogi.areas import area_m2
from rogi.inventory.build import from_frames
from rogi.inventory.ids.primary_id import make
from rogi.inventory.model import Inventory, Layer
from rogi.schema.model import Role

# A place in the Nyainqêntanglha; units lie 0.01 degrees apart, far more than their size.
ORIGIN = (90.6, 30.4)
SPACING = 0.01
RADIUS_M = 90.0


def blob(lon: float, lat: float, radius: float = RADIUS_M, vertices: int = 64) -> shapely.Polygon:
    """A smooth counter-clockwise outline of about the given radius in metres, coordinates in degrees."""
    angle = np.arange(vertices) * (2 * np.pi / vertices)
    r = radius * (1 + 0.15 * np.cos(2 * angle) + 0.05 * np.sin(3 * angle))
    dx = r * np.cos(angle) / (111_320.0 * np.cos(np.radians(lat)))
    dy = r * np.sin(angle) / 110_950.0
    return shapely.Polygon(np.round(np.column_stack([lon + dx, lat + dy]), 7))


def _centres(n: int, origin: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    i = np.arange(n)
    return origin[0] + SPACING * (i % 50), origin[1] + SPACING * (i // 50)


def tprogi(n: int = 3, origin: tuple[float, float] = ORIGIN) -> Inventory:
    """``n`` units as in TPRoGI v1.0: extended footprints and primary markers with all attributes."""
    lon, lat = _centres(n, origin)
    polygons = np.array(
        [blob(x, y, RADIUS_M + 10 * (k % 20)) for k, (x, y) in enumerate(zip(lon, lat, strict=True))]
    )
    low = 4600.0 + 13 * np.arange(n)
    slope = 12.0 + 0.1 * np.arange(n)
    table: dict[str, Any] = {
        "ID": make(lon, lat),
        "SUBREGION": ["Nyainqêntanglha"] * n,
        "LAT": lat.round(6),
        "LON": lon.round(6),
        "AREA": area_m2(polygons, "EPSG:4326") / 1e6,
        "SOUR_DATA": ["Planet Basemaps 2021 Q3"] * n,
        "MAP_DATE": ["2021 Q3"] * n,
        "MAPPER": ["A. Mapper"] * n,
        "REVIEWER": ["B. Reviewer"] * n,
        "ADDI_INF": [None] * n,
        "ELE_MEAN": low + 60,
        "ELE_MEDIAN": low + 58,
        "ELE_MIN": low,
        "ELE_MAX": low + 130,
        "SLO_MEAN": slope + 5,
        "SLO_MEDIAN": slope + 4.5,
        "SLO_MIN": slope - 8,
        "SLO_MAX": slope + 20,
        "ASPECT": 20.0 + 7 * (np.arange(n) % 40),
        "PISR": 2900.0 + np.arange(n) % 100,
        "MAAT": -2.5 - 0.01 * (np.arange(n) % 100),
        "MAGT": -1.5 - 0.01 * (np.arange(n) % 100),
        "AP": 590.0 + np.arange(n) % 100,
    }
    crs = "EPSG:4326"
    outlines = gpd.GeoDataFrame(table, geometry=polygons, crs=crs)
    markers = gpd.GeoDataFrame(
        {k: table[k] for k in ("ID", "SUBREGION", "LAT", "LON")}, geometry=shapely.points(lon, lat), crs=crs
    )
    return from_frames({Role.OUTLINE: outlines, Role.MARKER: markers}, schema="tprogi/1.0", dialect="tprogi")


def rgik(n: int = 3, origin: tuple[float, float] = (10.6, 46.9)) -> Inventory:
    """``n`` units as in the RGIK template, with all four layers and both types of outline."""
    lon, lat = _centres(n, origin)
    ids = make(lon, lat)
    extended = [blob(x, y, RADIUS_M + 10 * (k % 20)) for k, (x, y) in enumerate(zip(lon, lat, strict=True))]
    restricted = [
        blob(x, y, RADIUS_M + 10 * (k % 20) - 20) for k, (x, y) in enumerate(zip(lon, lat, strict=True))
    ]
    moving = [blob(x, y, 40.0) for x, y in zip(lon, lat, strict=True)]
    crs = "EPSG:4326"
    markers = gpd.GeoDataFrame(
        {
            "PrimaryID": ids,
            "WorkingID": [f"valley-{k + 1}" for k in range(n)],
            "Assoc.RGS": [str(i).replace("RGU", "RGS") for i in ids],
            "Morpho.": ["Simple"] * n,
            "Complet.": ["Complete"] * n,
            "Upsl.Con.": ["Talus-connected"] * n,
            "Upsl.Cur.": ["Yes"] * n,
            "Acti.Cl.": ["Active"] * n,
            "Acti.Ass.": ["Kinematic"] * n,
            "Destabili.": ["No"] * n,
            "Kin.Att.": ["dm/yr"] * n,
            "Rel.Kin.": ["High"] * n,
            "Kin.Period": ["2018-2020"] * n,
            "Comment": [None] * n,
        },
        geometry=shapely.points(lon, lat),
        crs=crs,
    )
    outlines = gpd.GeoDataFrame(
        {
            "PrimaryID": [*ids, *ids],
            "WorkingID": [f"valley-{k + 1}" for k in range(n)] * 2,
            "Out.Type": ["Extended"] * n + ["Restricted"] * n,
            "RelFr": [2] * (2 * n),
            "RelLeftLM": [2] * (2 * n),
            "RelRightLM": [1] * (2 * n),
            "RelUpsCon": [1] * (2 * n),
            "RelIndex": [6] * (2 * n),
            "Comment": [None] * (2 * n),
        },
        geometry=[*extended, *restricted],
        crs=crs,
    )
    moving_areas = gpd.GeoDataFrame(
        {"PrimaryID": ids, "Vel.Class": ["4"] * n, "Comment": [None] * n}, geometry=moving, crs=crs
    )
    west, south, east, north = (
        lon.min() - SPACING,
        lat.min() - SPACING,
        lon.max() + SPACING,
        lat.max() + SPACING,
    )
    area = gpd.GeoDataFrame({"Name": ["valley"]}, geometry=[shapely.box(west, south, east, north)], crs=crs)
    return from_frames(
        {
            Role.MARKER: markers,
            Role.OUTLINE: outlines,
            Role.MOVING_AREA: moving_areas,
            Role.AREA_OF_INTEREST: area,
        },
        schema="rgik/1.0",
        dialect="rgik-template",
    )


def with_values(inventory: Inventory, role: Role, column: str, values: Mapping[int, object]) -> Inventory:
    """A copy with cells of one column (file name) replaced; the column may change type."""
    frame = _frame(inventory, role).copy()
    cells = frame[column].astype(object).to_numpy(copy=True)
    for position, value in values.items():
        cells[position] = value
    frame[column] = pd.Series(list(cells), index=frame.index, dtype=object).infer_objects()
    return _with_frame(inventory, role, frame)


def with_geometry(inventory: Inventory, role: Role, geometries: Mapping[int, Any]) -> Inventory:
    """A copy with some geometries replaced."""
    frame = _frame(inventory, role).copy()
    cells = np.asarray(frame.geometry.array, dtype=object).copy()
    for position, geometry in geometries.items():
        cells[position] = geometry
    frame = frame.set_geometry(gpd.array.GeometryArray(cells, crs=frame.crs))
    return _with_frame(inventory, role, frame)


def with_column(inventory: Inventory, role: Role, column: str, values: object) -> Inventory:
    """A copy with a column added or replaced; columns are mapped anew."""
    frame = _frame(inventory, role).copy()
    frame[column] = values
    return _rebuild(inventory, role, frame)


def without_column(inventory: Inventory, role: Role, column: str) -> Inventory:
    """A copy without a column; columns are mapped anew."""
    return _rebuild(inventory, role, _frame(inventory, role).drop(columns=column))


def with_rows(inventory: Inventory, role: Role, positions: list[int]) -> Inventory:
    """A copy with the given rows (repeats allowed) in the given order."""
    frame = _frame(inventory, role).iloc[positions].reset_index(drop=True)
    return _rebuild(inventory, role, frame)


def without_layer(inventory: Inventory, role: Role) -> Inventory:
    """A copy without a layer."""
    return replace(inventory, layers=tuple(layer for layer in inventory.layers if layer.role is not role))


def with_crs(inventory: Inventory, role: Role, crs: str | None) -> Inventory:
    """A copy that claims another CRS (coordinates unchanged), or none."""
    frame = _frame(inventory, role).set_crs(None, allow_override=True)
    return _with_frame(inventory, role, frame if crs is None else frame.set_crs(crs))


def geometry_of(inventory: Inventory, role: Role, position: int) -> Any:
    """One geometry of a layer."""
    return _layer(inventory, role).geometry[position]


def reprojected(inventory: Inventory, crs: str) -> Inventory:
    """A copy with all layers in another CRS."""
    for role in inventory.roles:
        inventory = _with_frame(inventory, role, _frame(inventory, role).to_crs(crs))
    return inventory


def _layer(inventory: Inventory, role: Role) -> Layer:
    layer = inventory.layer(role)
    if layer is None:
        raise KeyError(role)
    return layer


def _frame(inventory: Inventory, role: Role) -> gpd.GeoDataFrame:
    return _layer(inventory, role).frame


def _with_frame(inventory: Inventory, role: Role, frame: gpd.GeoDataFrame) -> Inventory:
    layers = tuple(replace(layer, frame=frame) if layer.role is role else layer for layer in inventory.layers)
    return replace(inventory, layers=layers)


def _rebuild(inventory: Inventory, role: Role, frame: gpd.GeoDataFrame) -> Inventory:
    frames = {layer.role: layer.frame for layer in inventory.layers} | {role: frame}
    return from_frames(frames, schema=inventory.schema.id, dialect=inventory.dialect.name)
