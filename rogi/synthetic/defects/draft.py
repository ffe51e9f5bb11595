"""A synthetic inventory while defects are planted: what was changed in it, and the key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

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
from rogi.inventory.model import Inventory, Layer
from rogi.inventory.values.columns import as_text
from rogi.schema.model import Role

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DECIMALS = 6  # of coordinates, as in the clean inventory
RESTRICTED, MOVING = 0.85, 0.6  # size of restricted outlines and moving areas beside the extended outline
SMALL_M2 = 20_000.0  # a unit of this size leaves room in its slot for another one or for a longer outline
WHOLE = -1  # position that stands for the layer

Change = Callable[["gpd.GeoDataFrame"], "gpd.GeoDataFrame"]


@dataclass(frozen=True, slots=True)
class Expected:
    """A finding that a planted defect brings about."""

    code: str
    role: Role
    position: int
    other_role: Role
    other: int | None
    planted_for: str
    what: str


class Draft:
    """An inventory to be changed unit by unit.

    A unit is a number from 0; its marker has that position, and so has its extended outline. Where there
    are restricted outlines, they follow in the same order.

    Attributes
    ----------
    count
        Number of units.
    longitude, latitude
        (n,) degrees, of the markers of the clean inventory.
    """

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        markers, outlines = inventory.layer(Role.MARKER), inventory.layer(Role.OUTLINE)
        if markers is None or outlines is None or not _is_synthetic(markers, outlines):
            raise OptionError(
                f"Defects are planted in a clean synthetic inventory; {inventory!r} is none. Make one with "
                "synthetic_inventory(count, seed, schema)."
            )
        self.count = len(markers)
        self.longitude: Floats = shapely.get_x(markers.geometry)
        self.latitude: Floats = shapely.get_y(markers.geometry)
        self.code = ""  # the rule that defects are being planted for
        self.expected: list[Expected] = []
        self._geometry = {layer.role: layer.geometry.copy() for layer in inventory.layers}
        self._cells: dict[tuple[Role, str], dict[int, Any]] = defaultdict(dict)
        self._gone: dict[Role, set[int]] = defaultdict(set)
        self._reshaped: set[int] = set()
        self._changes: list[tuple[Role, Change]] = []
        self._crs: dict[Role, str] = {}

    # ---- the unit's rows

    @cached_property
    def has_restricted(self) -> bool:
        """Whether units have a restricted outline."""
        return len(self.layer(Role.OUTLINE)) > self.count

    def restricted(self, unit: int) -> int:
        """Position of a unit's restricted outline."""
        return self.count + unit

    def outlines(self, unit: int) -> tuple[int, ...]:
        """Positions of a unit's outlines."""
        return (unit, self.restricted(unit)) if self.has_restricted else (unit,)

    def layer(self, role: Role) -> Layer:
        """The layer of the clean inventory."""
        layer = self.inventory.layer(role)
        assert layer is not None, role
        return layer

    def column(self, role: Role, concept: str) -> str:
        """Name of a column."""
        return self.layer(role).columns[concept]

    # ---- cells

    def get(self, role: Role, position: int, concept: str) -> Any:
        """A value as it is now."""
        changed = self._cells.get((role, concept), {})
        return changed[position] if position in changed else self._original(role, concept)[position]

    def number(self, role: Role, position: int, concept: str) -> float:
        """A value as a number."""
        return float(self.get(role, position, concept))

    def set(self, role: Role, position: int, **values: object) -> None:
        """Set values by concept. A text in a column of numbers makes it a column of text, as in a file."""
        for concept, value in values.items():
            self._cells[role, concept][position] = value

    def set_id(self, unit: int, text: str | None) -> None:
        """Give all features of a unit a primary ID."""
        self.set(Role.MARKER, unit, primary_id=text)
        for position in self.outlines(unit):
            self.set(Role.OUTLINE, position, primary_id=text)
        if self.has(Role.MOVING_AREA, "primary_id"):
            self.set(Role.MOVING_AREA, unit, primary_id=text)

    def id_of(self, unit: int) -> str:
        """The primary ID of a unit's marker."""
        return str(self.get(Role.MARKER, unit, "primary_id"))

    def has(self, role: Role, concept: str) -> bool:
        """Whether a layer has a column."""
        layer = self.inventory.layer(role)
        return layer is not None and concept in layer.columns

    def _original(self, role: Role, concept: str) -> Any:
        return self.layer(role).raw(concept).array

    # ---- geometry

    def shape(self, role: Role, position: int) -> Any:
        """A geometry as it is now."""
        return self._geometry[role][position]

    def reshape(self, role: Role, position: int, geometry: Any) -> None:
        """Replace a geometry; the area attribute of an outline will follow it."""
        self._geometry[role][position] = geometry
        if role is Role.OUTLINE:
            self._reshaped.add(position)

    def ring(self, unit: int) -> Floats:
        """(v, 2) vertices of a unit's clean extended outline, metres east and north of its marker.

        Not closed; the outline is star-shaped around the marker, starts at the front and runs
        counter-clockwise.
        """
        degrees = shapely.get_coordinates(self.layer(Role.OUTLINE).geometry[unit])[:-1]
        place = np.array([self.longitude[unit], self.latitude[unit]])
        metres: Floats = (degrees - place) * _metres(place[1])
        return metres

    def polygon(self, unit: int, ring: Floats) -> shapely.Polygon:
        """A polygon of vertices in metres from a unit's marker as it is now."""
        marker = self.shape(Role.MARKER, unit)
        return shapely.Polygon(np.round((marker.x, marker.y) + ring / self.metres(unit), DECIMALS))

    def beside(self, unit: int, east: float, north: float) -> tuple[float, float]:
        """Longitude and latitude of a place some metres from a unit's marker as it is now."""
        marker = self.shape(Role.MARKER, unit)
        lon, lat = (marker.x, marker.y) + np.array([east, north]) / self.metres(unit)
        return round(float(lon), DECIMALS), round(float(lat), DECIMALS)

    def metres(self, unit: int) -> Floats:
        """Metres of a degree east and north at a unit's marker as it is now."""
        return _metres(self.shape(Role.MARKER, unit).y)

    def move_marker(self, unit: int, lon: float, lat: float) -> None:
        """Move a unit's marker, and with it its primary ID and the position in its attributes."""
        self.reshape(Role.MARKER, unit, shapely.Point(lon, lat))
        self.set_id(unit, str(make(lon, lat)[0]))
        for role, position in ((Role.MARKER, unit), *((Role.OUTLINE, p) for p in self.outlines(unit))):
            if self.has(role, "latitude"):
                self.set(role, position, latitude=lat, longitude=lon)

    def place(
        self,
        unit: int,
        area: float,
        at: tuple[float, float] | None = None,
        centre: tuple[float, float] = (0.0, 0.0),
        like: int | None = None,
    ) -> Floats:
        """Give a unit another size and place, all its features and attributes agreeing.

        Parameters
        ----------
        unit
            Which.
        area
            m², of the extended outline.
        at
            Longitude and latitude of the marker; default where it is.
        centre
            m east and north of the marker, where the centre of the outlines goes.
        like
            The unit whose clean outline gives the shape; default its own.

        Returns
        -------
        (v, 2) vertices of the extended outline, metres from the marker.
        """
        if at is not None:
            self.move_marker(unit, *at)
        shape = scaled(self.ring(unit if like is None else like), area)
        self.reshape(Role.OUTLINE, unit, self.polygon(unit, shape + centre))
        if self.has_restricted:
            self.reshape(Role.OUTLINE, self.restricted(unit), self.polygon(unit, RESTRICTED * shape + centre))
        if self.inventory.layer(Role.MOVING_AREA) is not None:
            self.reshape(Role.MOVING_AREA, unit, self.polygon(unit, MOVING * shape + centre))
        return shape + centre

    # ---- rows and layers

    def drop(self, role: Role, position: int) -> None:
        """Leave a row out."""
        self._gone[role].add(position)

    def change(self, role: Role, change: Change) -> None:
        """Change the table of a layer once all cells are set."""
        self._changes.append((role, change))

    def claim_crs(self, role: Role, crs: str) -> None:
        """Let a layer state another CRS, coordinates unchanged."""
        self._crs[role] = crs

    # ---- the key

    def found(
        self,
        code: str,
        role: Role,
        *positions: int,
        what: str = "",
        other: int | None = None,
        other_role: Role | None = None,
    ) -> None:
        """Note findings to come; those of other rules than the one planted for need no words."""
        words = what or f"follows from the defect of {self.code}"
        for position in positions:
            self.expected.append(Expected(code, role, position, other_role or role, other, self.code, words))

    def finish(self) -> tuple[Inventory, pd.DataFrame]:
        """The inventory with its defects, and the key."""
        if self.has(Role.OUTLINE, "area"):
            self._renew_areas()
        frames = {layer.role: self._frame(layer) for layer in self.inventory.layers}
        ids = {role: _texts(frames[role], self._id_column(role)) for role in frames}
        for role, change in self._changes:
            frames[role] = change(frames[role])
        kept = {role: self._kept(role) for role in frames}
        frames = {role: frame[kept[role]].reset_index(drop=True) for role, frame in frames.items()}
        made = from_frames(
            frames,
            schema=self.inventory.schema.id,
            dialect=self.inventory.dialect.name,
            path=f"{self.inventory.path} with defects",
        )
        return made, self._key(ids, {role: np.cumsum(keep) for role, keep in kept.items()})

    def _renew_areas(self) -> None:
        at = np.array(
            sorted(self._reshaped - set(self._cells.get((Role.OUTLINE, "area"), {}))), dtype=np.int64
        )
        shapes = self._geometry[Role.OUTLINE][at]
        sound = shapely.is_valid(shapes) & ~shapely.is_empty(shapes)
        for position, area in zip(at[sound], area_m2(shapes[sound], "EPSG:4326"), strict=True):
            self.set(Role.OUTLINE, int(position), area=float(area) / 1e6)

    def _frame(self, layer: Layer) -> gpd.GeoDataFrame:
        frame = layer.frame.copy(deep=False)
        for (role, concept), cells in self._cells.items():
            if role is layer.role:
                name = layer.columns[concept]
                frame[name] = _filled(frame[name], cells)
        crs = self._crs.get(layer.role, frame.crs)
        return frame.set_geometry(gpd.array.GeometryArray(self._geometry[layer.role], crs=crs))

    def _id_column(self, role: Role) -> str | None:
        columns = self.layer(role).columns
        return next((columns[c] for c in ("primary_id", "name") if c in columns), None)

    def _kept(self, role: Role) -> NDArray[np.bool_]:
        keep = np.ones(len(self.layer(role)), dtype=bool)
        keep[list(self._gone[role])] = False
        return keep

    def _key(self, ids: Mapping[Role, list[str]], row: Mapping[Role, Ints]) -> pd.DataFrame:
        table = pd.DataFrame(
            {
                "code": [e.code for e in self.expected],
                "layer": [e.role.value for e in self.expected],
                "row": [0 if e.position == WHOLE else int(row[e.role][e.position]) for e in self.expected],
                "id": ["" if e.position == WHOLE else ids[e.role][e.position] for e in self.expected],
                "other_row": pd.array(
                    [None if e.other is None else int(row[e.other_role][e.other]) for e in self.expected],
                    dtype="Int64",
                ),
                "planted_for": [e.planted_for for e in self.expected],
                "what": [e.what for e in self.expected],
            }
        )
        return table.sort_values(["code", "layer", "row", "other_row"], kind="stable", ignore_index=True)


def scaled(ring: Floats, area: float) -> Floats:
    """A ring (not closed) about the origin with another area, in the square of its unit."""
    x, y = ring.T
    own = 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
    out: Floats = ring * np.sqrt(area / own)
    return out


def _metres(latitude: float) -> Floats:
    """Metres of a degree east and north."""
    return np.array([float(m) for m in metres_per_degree(latitude)])


def _is_synthetic(markers: Layer, outlines: Layer) -> bool:
    if not (markers.has("primary_id") and outlines.has("primary_id") and len(markers)):
        return False
    ids, repeats = markers.raw("primary_id").to_numpy(), len(outlines) / len(markers)
    return repeats in (1, 2) and bool(
        (np.tile(ids, int(repeats)) == outlines.raw("primary_id").to_numpy()).all()
    )


def _filled(column: pd.Series, cells: Mapping[int, Any]) -> pd.Series:
    """The column with some cells replaced, of a type that files have too."""
    at, values = np.fromiter(cells, dtype=np.int64, count=len(cells)), list(cells.values())
    if pd.api.types.is_numeric_dtype(column.dtype) and not any(isinstance(v, str) for v in values):
        numbers = column.to_numpy(dtype=np.float64, copy=True)
        numbers[at] = [np.nan if v is None else v for v in values]
        whole = pd.api.types.is_integer_dtype(column.dtype) and bool(
            (np.floor(numbers) == numbers)[~np.isnan(numbers)].all()
        )
        made = pd.Series(numbers, index=column.index)
        return made.astype("Int64") if whole else made
    objects = column.astype(object).to_numpy(copy=True)
    if pd.api.types.is_numeric_dtype(column.dtype):
        objects[:] = [None if v != v else as_text(v) for v in objects]
    objects[at] = [v if v is None else as_text(v) for v in values]
    return pd.Series(pd.array(objects, dtype="str"), index=column.index)


def _texts(frame: pd.DataFrame, column: str | None) -> list[str]:
    if column is None:
        return [""] * len(frame)
    return ["" if v is None or v != v else str(v) for v in frame[column].astype(object)]
