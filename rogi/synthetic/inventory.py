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
from rogi.synthetic.regions import CELL, GLOBE, PLATEAU, Region
from rogi.synthetic.shapes import Forms, outlines, polygons

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
# Areas up to the limit (m²) share a cell with as many as (slots per side)² units of their class.
SLOTS = ((190_000.0, 4), (700_000.0, 2), (LARGEST_AREA_M2, 1))
UNITS_PER_CELL = 6.0  # about what a mixture of sizes fills, for regions of average size
JITTER = 0.1  # of a slot
SPARSE_JITTER = 0.02
AT_A_TIME = 4096  # units whose outlines are made together, which bounds the memory
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
    count: int,
    seed: int = 0,
    schema: str = "tprogi/1.0",
    region: str | None = None,
    *,
    worldwide: bool = False,
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
    worldwide
        Place the units on all continents instead of the Tibetan Plateau, in the shares of the 19 regions of
        the global inventory of Xu et al. (2026), across the antimeridian and near both poles.

    Returns
    -------
    Inventory
        EPSG:4326; sizes, elevation, slope and climate follow the published distributions of TPRoGI v1.0
        (Sun et al. 2024, §5.2), the places are boxes inside its 13 subregions. Worldwide, elevation and
        climate are only roughly those of a region.

    Raises
    ------
    OptionError
        If the count is below 1 or too large for the boxes, or the schema has no generator.

    Examples
    --------
    >>> synthetic_inventory(5, seed=1)
    <Inventory synthetic 5: marker 5, outline 5; tprogi/1.0, dialect tprogi>
    >>> world = synthetic_inventory(60, worldwide=True).outlines
    >>> world["SUBREGION"].nunique(), bool(world["LAT"].min() < -80)
    (19, True)
    """
    if count < 1:
        raise OptionError(f"A synthetic inventory has at least 1 unit, not {count}.")
    rng = np.random.default_rng(seed)
    units = Units(count, rng, region, GLOBE if worldwide else PLATEAU)
    if schema.partition("/")[0] == "tprogi":
        frames = _tprogi_frames(units, rng)
        return from_frames(frames, schema="tprogi/1.0", dialect="tprogi", path=f"synthetic {count}")
    if schema.partition("/")[0] == "rgik":
        frames = _rgik_frames(units, rng)
        return from_frames(frames, schema="rgik/1.0", dialect="rgik-template", path=f"synthetic {count}")
    raise OptionError(f"There is no synthetic inventory for {schema!r}; choose tprogi/1.0 or rgik/1.0.")


class Units:
    """Places, outlines and attributes of synthetic units, column by column."""

    def __init__(
        self, count: int, rng: np.random.Generator, only: str | None, boxes: tuple[Region, ...]
    ) -> None:
        self.boxes = boxes
        self.region: Ints = _regions(count, only, boxes)
        area = _areas(self._of_box("size"), rng)
        lon, lat = _places(boxes, self.region, area, rng)
        # Fronts look to the north more often than to the south.
        self.aspect: Floats = np.round((rng.vonmises(0.0, 0.45, count) * 180 / np.pi) % 360.0, 2) % 360.0
        self.vertices: Ints = rng.integers(*VERTICES, count)
        self.forms = Forms.drawn(count, rng)
        lon[lon >= 180.0] -= 360.0
        self.lon: Floats = np.round(lon, 6)
        self.lat: Floats = np.round(lat, 6)
        self.drawn_area = area
        self.length: Floats = np.empty(count)
        self.outline: Strings = self.scaled(1.0)[0]
        self.area: Floats = area_m2(self.outline, "EPSG:4326")
        self._attributes(rng)

    def __len__(self) -> int:
        return len(self.region)

    def scaled(self, *factors: float) -> list[Strings]:
        """Outlines scaled about the marker by each factor, coordinates to 1e-6 degrees."""
        out = [np.empty(len(self), dtype=object) for _ in factors]
        per_degree = np.column_stack(metres_per_degree(self.lat))
        centre = np.column_stack([self.lon, self.lat])
        for start in range(0, len(self), AT_A_TIME):
            own = slice(start, start + AT_A_TIME)
            xy, unit, self.length[own] = outlines(
                self.forms[own], self.drawn_area[own], self.aspect[own], self.vertices[own]
            )
            degrees = xy / per_degree[own][unit]
            for factor, shapes in zip(factors, out, strict=True):
                rings = np.round(centre[own][unit] + factor * degrees, 6)
                shapes[own] = polygons(rings, unit, len(shapes[own]))
        return out

    def _of_box(self, name: str) -> Floats:
        """(n,) a value of the box of each unit."""
        return np.array([getattr(box, name) for box in self.boxes], dtype=float)[self.region]

    def _attributes(self, rng: np.random.Generator) -> None:
        n = len(self)
        normal = rng.standard_normal((9, n))
        mean_elevation = self._of_box("elevation")
        self.slope_mean = np.clip(17.7 + 4.3 * normal[0], 6.0, 34.0)
        self.slope_median = self.slope_mean + np.clip(0.5 * normal[1], -1.5, 1.5)
        self.slope_min = np.clip(self.slope_mean - 4.0 - 2.0 * np.abs(normal[2]), 0.1, None)
        self.slope_max = np.clip(self.slope_mean + 14.0 + 5.0 * np.abs(normal[3]), None, 62.0)
        spread = np.minimum(230.0, mean_elevation / 3)
        self.elevation_min = np.clip(mean_elevation + spread * normal[4], mean_elevation / 4, 5839.0)
        relief = np.clip(self.length * np.tan(np.radians(self.slope_mean)), 15.0, 900.0)
        self.elevation_max = self.elevation_min + relief
        self.elevation_mean = self.elevation_min + relief * np.clip(0.48 + 0.04 * normal[5], 0.3, 0.7)
        self.elevation_median = self.elevation_min + relief * np.clip(0.47 + 0.05 * normal[6], 0.25, 0.75)
        steep = np.sin(np.radians(self.slope_mean)) * np.cos(np.radians(self.aspect - 180.0))
        self.radiation = np.clip(2930.0 + 420.0 * steep + 130.0 * normal[7], 1900.0, 3900.0)
        if self.boxes is PLATEAU:
            level: Floats | float = 4800.0
        else:  # the elevation at which it is as cold differs, and so does the sun
            level = mean_elevation + 70.0
            self.radiation *= _sunlight(self.lat) / _sunlight(32.0)
        lapse = -0.0055 * (self.elevation_mean - level)
        self.air_temperature = np.clip(-2.7 + 0.8 * lapse + 1.6 * normal[8], -14.0, 7.0)
        self.ground_temperature = np.clip(-1.6 + 0.7 * (self.air_temperature + 2.7), -12.0, 7.0)
        wet = self._of_box("precipitation")
        self.precipitation = np.clip(wet * np.exp(0.18 * rng.standard_normal(n)), 120.0, 1700.0)


def _sunlight(latitude: Floats | float) -> Floats | float:
    """Annual sunlight on level ground, relative to the mean of the globe (North 1975)."""
    return 1 - 0.241 * (3 * np.sin(np.radians(latitude)) ** 2 - 1)


def _regions(count: int, only: str | None, boxes: tuple[Region, ...]) -> Ints:
    """Box of each unit: by the shares as far as there is room, the rest where room is left.

    Each box of the globe gets at least one, so that its seams and poles are there in a small sample too.
    """
    share = np.array([box.share for box in boxes], dtype=float)
    room = np.array([b.columns * b.lines * (1.0 if b.sparse else UNITS_PER_CELL / b.size) for b in boxes])
    where = "globe" if boxes is GLOBE else "plateau"
    if only is not None:
        names = list(dict.fromkeys(box.name for box in boxes))
        meant = same_name(only, names)
        if meant is None:
            raise OptionError(f"There is no synthetic subregion {only!r}; there are {', '.join(names)}.")
        chosen = np.array([box.name == meant for box in boxes])
        share, room = share * chosen, room * chosen
    quota = np.minimum(share / share.sum() * count, room)
    left = room - quota
    if count > room.sum():
        raise OptionError(
            f"{count} units do not fit the boxes of the synthetic {where}; at most {int(room.sum())} do."
        )
    if quota.sum() < count:
        quota += left * ((count - quota.sum()) / left.sum())
    least = (share > 0).astype(float)
    if boxes is PLATEAU or count < least.sum():
        least[:] = 0
    while (quota < least).any():
        quota = np.maximum(quota, least)
        more = quota > least
        if not more.any():
            break
        quota[more] *= (count - least[~more].sum()) / quota[more].sum()
    each = np.diff(np.round(np.cumsum(quota - least)), prepend=0) + least
    return np.repeat(np.arange(len(boxes)), each.astype(np.int64))


def _areas(size: Floats, rng: np.random.Generator) -> Floats:
    area = MEDIAN_AREA_M2 * size * np.exp(AREA_SPREAD * rng.standard_normal(len(size)))
    # An inventory that leaves small units out has the tail of its distribution just above the limit.
    small = area < SMALLEST_AREA_M2
    area[small] = SMALLEST_AREA_M2 * (1 + rng.random(int(small.sum())))
    return np.minimum(area, LARGEST_AREA_M2 * (0.55 + 0.45 * rng.random(len(size))))


def _places(
    boxes: tuple[Region, ...], region: Ints, area: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Centres in degrees that keep units apart: each has a slot of a cell to itself."""
    lon = np.empty(len(region))
    lat = np.empty(len(region))
    limits = np.array([limit for limit, _ in SLOTS])
    size_class = np.minimum(np.searchsorted(limits, area), len(SLOTS) - 1)
    for number, box in enumerate(boxes):
        sides = [1 if box.sparse else side for _, side in SLOTS]
        classes = [np.flatnonzero((region == number) & (size_class == k)) for k in range(len(SLOTS))]
        needed = [-(-len(m) // side**2) for m, side in zip(classes, sides, strict=True)]
        cells = np.split(_occupied_cells(box, sum(needed), rng), np.cumsum(needed)[:-1])
        for members, own, side in zip(classes, cells, sides, strict=True):
            slot = rng.permuted(np.broadcast_to(np.arange(side**2), (len(own), side**2)), axis=1).ravel()
            cell = np.repeat(own, side**2)[: len(members)]
            across, along = np.divmod(slot[: len(members)], side)
            jitter = (SPARSE_JITTER if box.sparse else JITTER) * (rng.random((2, len(members))) - 0.5)
            line, column = np.divmod(cell, box.columns)
            lon[members] = box.west + box.cell_width * (column + (across + 0.5 + jitter[0]) / side)
            lat[members] = box.south + CELL * (line + (along + 0.5 + jitter[1]) / side)
    return lon, lat


def _occupied_cells(box: Region, needed: int, rng: np.random.Generator) -> Ints:
    """Cells of a box that hold units, in clusters as mountain ranges have them."""
    columns, lines = box.columns, box.lines
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
    names = np.array([box.name for box in units.boxes], dtype=object)
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
    restricted, moving_outline = units.scaled(0.85, 0.6)
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
        geometry=np.concatenate([units.outline, restricted]),
        crs="EPSG:4326",
    )
    moving = gpd.GeoDataFrame(
        {"PrimaryID": ids, "Vel.Class": velocity, "Comment": np.full(n, None, dtype=object)},
        geometry=moving_outline,
        crs="EPSG:4326",
    )
    used = np.unique(units.region)
    boxes = [units.boxes[i] for i in used]
    area = gpd.GeoDataFrame(
        pd.DataFrame({"Name": [box.name for box in boxes]}),
        geometry=[
            shapely.box(b.west - b.cell_width, b.south - CELL, b.east + b.cell_width, b.north + CELL)
            for b in boxes
        ],
        crs="EPSG:4326",
    )
    return {
        Role.MARKER: marker,
        Role.OUTLINE: outline,
        Role.MOVING_AREA: moving,
        Role.AREA_OF_INTEREST: area,
    }
