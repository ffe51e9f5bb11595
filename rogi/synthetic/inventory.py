"""Synthetic inventories: seeded, realistic in number, size, shape and attributes, and free of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.errors import OptionError
from rogi.geometry import metres_per_degree
from rogi.inventory.build import from_frames
from rogi.inventory.ids.primary_id import make
from rogi.inventory.regions import same_name
from rogi.schema.model import Role
from rogi.synthetic.regions import REGIONS, Region
from rogi.synthetic.shapes import outlines, polygons

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Strings = NDArray[np.object_]

# Sizes: log-normal so that the mean is near 0.14 km² and 90.6 % lie below 0.3 km² (TPRoGI v1.0).
MEDIAN_AREA_M2 = 88_000.0
AREA_SPREAD = 0.92
SMALLEST_AREA_M2 = 11_000.0
LARGEST_AREA_M2 = 4_600_000.0
# A cell (degrees) is divided into slots, one unit each, so that units keep clear of their neighbours:
# areas up to the limit (m²) share a cell with as many as (slots per side)² units of their class.
CELL = 0.06
SLOTS = ((190_000.0, 4), (700_000.0, 2), (LARGEST_AREA_M2, 1))
UNITS_PER_CELL = 6.0  # about what a mixture of sizes fills, for regions of average size
VERTICES = (60, 101)
MAPPERS = tuple(f"Mapper {letter}" for letter in "ABCDEFG")
REVIEWERS = ("Reviewer H", "Reviewer I")
VELOCITY_TO_KINEMATICS = {
    "1": "< cm/yr",
    "2": "cm/yr",
    "3": "cm/yr to dm/yr",
    "4": "dm/yr",
    "5": "dm/yr to m/yr",
}


def synthetic_inventory(
    count: int, seed: int = 0, schema: str = "tprogi/1.0", region: str | None = None
) -> Inventory:
    """An inventory of ``count`` units that follows every rule.

    Parameters
    ----------
    count
        Number of rock glacier units, at least 1.
    seed
        Same seed, count and schema: the same inventory on any machine.
    schema
        ``tprogi/1.0`` (extended footprints and primary markers with all attributes) or ``rgik/1.0``
        (markers, extended and restricted outlines, moving areas, area of interest).
    region
        Place all units in this subregion (``Eastern Pamir``; accents and case do not matter).

    Returns
    -------
    Inventory
        EPSG:4326; sizes, elevation, slope and climate follow the published distributions of TPRoGI v1.0
        (Sun et al. 2024, §5.2), the places are boxes inside its 13 subregions.

    Raises
    ------
    OptionError
        If the count is below 1 or too large for the boxes, or the schema has no generator.

    Examples
    --------
    >>> synthetic_inventory(5, seed=1)
    <Inventory synthetic 5: marker 5, outline 5; tprogi/1.0, dialect tprogi>
    """
    if count < 1:
        raise OptionError(f"A synthetic inventory has at least 1 unit, not {count}.")
    rng = np.random.default_rng(seed)
    units = Units(count, rng, region)
    if schema.partition("/")[0] == "tprogi":
        frames = _tprogi_frames(units, rng)
        return from_frames(frames, schema="tprogi/1.0", dialect="tprogi", path=f"synthetic {count}")
    if schema.partition("/")[0] == "rgik":
        frames = _rgik_frames(units, rng)
        return from_frames(frames, schema="rgik/1.0", dialect="rgik-template", path=f"synthetic {count}")
    raise OptionError(f"There is no synthetic inventory for {schema!r}; choose tprogi/1.0 or rgik/1.0.")


class Units:
    """Places, outlines and attributes of synthetic units, column by column."""

    def __init__(self, count: int, rng: np.random.Generator, only: str | None = None) -> None:
        region = _regions(count, only)
        self.region: Ints = region
        area = _areas(np.array([r.size for r in REGIONS])[region], rng)
        lon, lat = _places(region, area, rng)
        # Fronts look to the north more often than to the south.
        self.aspect: Floats = np.round((rng.vonmises(0.0, 0.45, count) * 180 / np.pi) % 360.0, 2) % 360.0
        vertices = rng.integers(*VERTICES, count)
        xy, unit, length = outlines(area, self.aspect, vertices, rng)
        self.lon: Floats = np.round(lon, 6)
        self.lat: Floats = np.round(lat, 6)
        per_lon, per_lat = metres_per_degree(self.lat)
        degrees = xy / np.column_stack([per_lon, per_lat])[unit]
        self.xy_degrees = degrees
        self.vertex_unit = unit
        self.outline: Strings = self.scaled(1.0)
        self.area: Floats = area_m2(self.outline, "EPSG:4326")
        self._attributes(length, rng)

    def __len__(self) -> int:
        return len(self.region)

    def scaled(self, factor: float) -> Strings:
        """Outlines scaled about the marker, coordinates to 1e-6 degrees."""
        centre = np.column_stack([self.lon, self.lat])[self.vertex_unit]
        return polygons(np.round(centre + factor * self.xy_degrees, 6), self.vertex_unit, len(self))

    def _attributes(self, length: Floats, rng: np.random.Generator) -> None:
        n = len(self)
        normal = rng.standard_normal((9, n))
        mean_elevation = np.array([r.elevation for r in REGIONS])[self.region]
        self.slope_mean = np.clip(17.7 + 4.3 * normal[0], 6.0, 34.0)
        self.slope_median = self.slope_mean + np.clip(0.5 * normal[1], -1.5, 1.5)
        self.slope_min = np.clip(self.slope_mean - 4.0 - 2.0 * np.abs(normal[2]), 0.1, None)
        self.slope_max = np.clip(self.slope_mean + 14.0 + 5.0 * np.abs(normal[3]), None, 62.0)
        self.elevation_min = np.clip(mean_elevation + 230.0 * normal[4], 2717.0, 5839.0)
        relief = np.clip(length * np.tan(np.radians(self.slope_mean)), 15.0, 900.0)
        self.elevation_max = self.elevation_min + relief
        self.elevation_mean = self.elevation_min + relief * np.clip(0.48 + 0.04 * normal[5], 0.3, 0.7)
        self.elevation_median = self.elevation_min + relief * np.clip(0.47 + 0.05 * normal[6], 0.25, 0.75)
        steep = np.sin(np.radians(self.slope_mean)) * np.cos(np.radians(self.aspect - 180.0))
        self.radiation = np.clip(2930.0 + 420.0 * steep + 130.0 * normal[7], 1900.0, 3900.0)
        lapse = -0.0055 * (self.elevation_mean - 4800.0)
        self.air_temperature = np.clip(-2.7 + 0.8 * lapse + 1.6 * normal[8], -14.0, 7.0)
        self.ground_temperature = np.clip(-1.6 + 0.7 * (self.air_temperature + 2.7), -12.0, 7.0)
        wet = np.array([r.precipitation for r in REGIONS])[self.region]
        self.precipitation = np.clip(wet * np.exp(0.18 * rng.standard_normal(n)), 120.0, 1700.0)


def _regions(count: int, only: str | None) -> Ints:
    """Region of each unit: by the shares as far as there is room, the rest where room is left."""
    share = np.array([region.share for region in REGIONS])
    room = np.array([_columns(b) * _lines(b) * UNITS_PER_CELL / b.size for b in REGIONS])
    if only is not None:
        names = [region.name for region in REGIONS]
        meant = same_name(only, names)
        if meant is None:
            raise OptionError(f"There is no synthetic subregion {only!r}; there are {', '.join(names)}.")
        chosen = np.array([name == meant for name in names])
        share, room = share * chosen, room * chosen
    quota = np.minimum(share / share.sum() * count, room)
    left = room - quota
    if count > room.sum():
        raise OptionError(
            f"{count} units do not fit the boxes of the synthetic plateau; at most {int(room.sum())} do."
        )
    if quota.sum() < count:
        quota += left * ((count - quota.sum()) / left.sum())
    bounds = np.round(np.cumsum(quota)).astype(np.int64)
    return np.repeat(np.arange(len(REGIONS)), np.diff(bounds, prepend=0))


def _areas(size: Floats, rng: np.random.Generator) -> Floats:
    area = MEDIAN_AREA_M2 * size * np.exp(AREA_SPREAD * rng.standard_normal(len(size)))
    # An inventory that leaves small units out has the tail of its distribution just above the limit.
    small = area < SMALLEST_AREA_M2
    area[small] = SMALLEST_AREA_M2 * (1 + rng.random(int(small.sum())))
    return np.minimum(area, LARGEST_AREA_M2 * (0.55 + 0.45 * rng.random(len(size))))


def _places(region: Ints, area: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Centres in degrees that keep units apart: each has a slot of a cell to itself."""
    lon = np.empty(len(region))
    lat = np.empty(len(region))
    limits = np.array([limit for limit, _ in SLOTS])
    size_class = np.minimum(np.searchsorted(limits, area), len(SLOTS) - 1)
    for number, box in enumerate(REGIONS):
        classes = [np.flatnonzero((region == number) & (size_class == k)) for k in range(len(SLOTS))]
        needed = [-(-len(m) // side**2) for m, (_, side) in zip(classes, SLOTS, strict=True)]
        cells = np.split(_occupied_cells(box, sum(needed), rng), np.cumsum(needed)[:-1])
        for members, own, (_, side) in zip(classes, cells, SLOTS, strict=True):
            slot = rng.permuted(np.broadcast_to(np.arange(side**2), (len(own), side**2)), axis=1).ravel()
            cell = np.repeat(own, side**2)[: len(members)]
            across, along = np.divmod(slot[: len(members)], side)
            jitter = 0.1 * (rng.random((2, len(members))) - 0.5)
            line, column = np.divmod(cell, _columns(box))
            lon[members] = box.west + CELL * (column + (across + 0.5 + jitter[0]) / side)
            lat[members] = box.south + CELL * (line + (along + 0.5 + jitter[1]) / side)
    return lon, lat


def _columns(box: Region) -> int:
    return int((box.east - box.west) / CELL + 1e-9)


def _lines(box: Region) -> int:
    return int((box.north - box.south) / CELL + 1e-9)


def _occupied_cells(box: Region, needed: int, rng: np.random.Generator) -> Ints:
    """Cells of a box that hold units, in clusters as mountain ranges have them."""
    columns, lines = _columns(box), _lines(box)
    if needed > columns * lines:
        raise OptionError(
            f"{box.name} would need {needed} cells and has {columns * lines}; make a synthetic inventory "
            "with fewer units."
        )
    y, x = np.divmod(np.arange(columns * lines), columns)
    wave = np.zeros(columns * lines)
    for frequency in (0.11, 0.23, 0.41):
        a, b, c = rng.random(3)
        wave += np.cos(2 * np.pi * (frequency * (x * np.cos(a * np.pi) + y * np.sin(a * np.pi)) + b + c))
    score = wave + 0.8 * rng.standard_normal(columns * lines)
    chosen = np.argsort(-score, kind="stable")[:needed]
    return rng.permutation(chosen)


def _tprogi_frames(units: Units, rng: np.random.Generator) -> dict[Role, gpd.GeoDataFrame]:
    n = len(units)
    names = np.array([region.name for region in REGIONS], dtype=object)
    quarter = np.where(rng.random(n) < 0.93, "Q3", "Q4").astype(object)
    identity: dict[str, Any] = {
        "ID": make(units.lon, units.lat),
        "SUBREGION": names[units.region],
        "LAT": units.lat,
        "LON": units.lon,
    }
    attributes: dict[str, Any] = {
        "AREA": units.area / 1e6,
        "SOUR_DATA": "Planet Basemaps 2021 " + quarter,
        "MAP_DATE": "2021 " + quarter,
        "MAPPER": np.array(MAPPERS, dtype=object)[rng.integers(0, len(MAPPERS), n)],
        "REVIEWER": np.array(REVIEWERS, dtype=object)[rng.integers(0, len(REVIEWERS), n)],
        "ADDI_INF": np.full(n, None, dtype=object),
        "ELE_MEAN": units.elevation_mean.round(2),
        "ELE_MEDIAN": units.elevation_median.round(2),
        "ELE_MIN": units.elevation_min.round(2),
        "ELE_MAX": units.elevation_max.round(2),
        "SLO_MEAN": units.slope_mean.round(2),
        "SLO_MEDIAN": units.slope_median.round(2),
        "SLO_MIN": units.slope_min.round(2),
        "SLO_MAX": units.slope_max.round(2),
        "ASPECT": units.aspect,
        "PISR": units.radiation.round(2),
        "MAAT": units.air_temperature.round(3),
        "MAGT": units.ground_temperature.round(3),
        "AP": units.precipitation.round(1),
    }
    outline = gpd.GeoDataFrame(identity | attributes, geometry=units.outline, crs="EPSG:4326")
    marker = gpd.GeoDataFrame(identity, geometry=shapely.points(units.lon, units.lat), crs="EPSG:4326")
    return {Role.OUTLINE: outline, Role.MARKER: marker}


def _rgik_frames(units: Units, rng: np.random.Generator) -> dict[Role, gpd.GeoDataFrame]:
    n = len(units)
    ids = make(units.lon, units.lat)
    working = np.array([f"unit-{i + 1}" for i in range(n)], dtype=object)
    velocity = rng.integers(1, 6, n).astype(str).astype(object)
    activity = {"1": "Relict", "2": "Transitional", "3": "Transitional", "4": "Active", "5": "Active"}
    marker = gpd.GeoDataFrame(
        {
            "PrimaryID": ids,
            "WorkingID": working,
            "Assoc.RGS": make(units.lon, units.lat, prefix="RGS"),
            "Morpho.": np.where(rng.random(n) < 0.8, "Simple", "Complex").astype(object),
            "Complet.": np.full(n, "Complete", dtype=object),
            "Upsl.Con.": np.where(rng.random(n) < 0.7, "Talus-connected", "Glacier-connected").astype(object),
            "Upsl.Cur.": np.full(n, "Yes", dtype=object),
            "Acti.Cl.": np.array([activity[v] for v in velocity], dtype=object),
            "Acti.Ass.": np.full(n, "Kinematic", dtype=object),
            "Destabili.": np.full(n, "No", dtype=object),
            "Kin.Att.": np.array([VELOCITY_TO_KINEMATICS[v] for v in velocity], dtype=object),
            "Rel.Kin.": np.full(n, "Medium", dtype=object),
            "Kin.Period": np.full(n, "2018-2021", dtype=object),
            "Comment": np.full(n, None, dtype=object),
        },
        geometry=shapely.points(units.lon, units.lat),
        crs="EPSG:4326",
    )
    parts = rng.integers(0, 3, (2 * n, 4))
    outline = gpd.GeoDataFrame(
        {
            "PrimaryID": np.concatenate([ids, ids]),
            "WorkingID": np.concatenate([working, working]),
            "Out.Type": np.repeat(np.array(["Extended", "Restricted"], dtype=object), n),
            "RelFr": parts[:, 0],
            "RelLeftLM": parts[:, 1],
            "RelRightLM": parts[:, 2],
            "RelUpsCon": parts[:, 3],
            "RelIndex": parts.sum(axis=1),
            "Comment": np.full(2 * n, None, dtype=object),
        },
        geometry=np.concatenate([units.outline, units.scaled(0.85)]),
        crs="EPSG:4326",
    )
    moving = gpd.GeoDataFrame(
        {"PrimaryID": ids, "Vel.Class": velocity, "Comment": np.full(n, None, dtype=object)},
        geometry=units.scaled(0.6),
        crs="EPSG:4326",
    )
    used = np.unique(units.region)
    boxes = [REGIONS[i] for i in used]
    area = gpd.GeoDataFrame(
        pd.DataFrame({"Name": [box.name for box in boxes]}),
        geometry=[shapely.box(b.west - CELL, b.south - CELL, b.east + CELL, b.north + CELL) for b in boxes],
        crs="EPSG:4326",
    )
    return {
        Role.MARKER: marker,
        Role.OUTLINE: outline,
        Role.MOVING_AREA: moving,
        Role.AREA_OF_INTEREST: area,
    }
