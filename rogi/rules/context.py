"""What rules look at: an inventory with the quantities several rules share, computed once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.blocks import run_blocks
from rogi.geometry import places_on_earth, to_lonlat
from rogi.inventory.coordinates import Coordinates, Limits, Witness, coordinates
from rogi.inventory.ids.primary_id import parse
from rogi.inventory.ids.readings import IdForm
from rogi.inventory.ids.unit_positions import finite_coordinates, resolved
from rogi.inventory.model import Inventory, Layer
from rogi.inventory.values.columns import (
    as_numbers,
    column_of,
    column_values,
    distinct,
    folded,
    is_placeholder,
    texts,
)
from rogi.inventory.values.known import Quantity, outline_kinds, quantity
from rogi.rules.overlaps import Overlaps, find_overlaps
from rogi.rules.rule import RuleInfo
from rogi.rules.vertices import Vertices, measure, only
from rogi.schema.compile import column_failures
from rogi.schema.load import concepts
from rogi.schema.model import FieldType, Parameter, Role

if TYPE_CHECKING:
    import pyproj

    from rogi.inventory.ids.primary_id import ParsedIds
    from rogi.inventory.values.columns import Distinct
    from rogi.schema.compile import ColumnFailures

T = TypeVar("T")
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Geometries = NDArray[np.object_]


@dataclass(slots=True, eq=False)
class Context:
    """The inventory under check, the parameters, and shared derived quantities.

    Rules ask here for anything costly; each is computed at most once, also by rules in several threads.

    Attributes
    ----------
    inventory
        What is checked.
    parameters
        ``"GEO014.minimum_area"`` -> parameter, user overrides applied.
    today
        The date on which "in the future" begins.
    info
        The rule that looks.
    targets
        Roles on which the rule's needs are met.
    """

    inventory: Inventory
    parameters: Mapping[str, Parameter]
    today: dt.date
    info: RuleInfo | None = None
    targets: tuple[Role, ...] = ()
    _cache: dict[tuple[object, ...], object] = field(default_factory=dict)
    _locks: dict[tuple[object, ...], Lock] = field(default_factory=dict)

    def of_rule(self, info: RuleInfo, targets: tuple[Role, ...]) -> Context:
        """The same for one rule, with the same shared quantities."""
        return replace(self, info=info, targets=targets)

    def once(self, key: tuple[object, ...], compute: Callable[[], T]) -> T:
        """What a quantity is: computed by the first thread that asks, the others wait for it."""
        if key not in self._cache:
            with self._locks.setdefault(key, Lock()):
                if key not in self._cache:
                    self._cache[key] = compute()
        return self._cache[key]  # type: ignore[return-value]

    # ---- layers and columns

    def layer(self, role: Role) -> Layer:
        """The layer of a role; raises KeyError if the inventory has none."""
        layer = self.inventory.layer(role)
        if layer is None:
            raise KeyError(role)
        return layer

    def has(self, role: Role, concept: str | None = None) -> bool:
        """Whether the layer (and its concept) is there."""
        layer = self.inventory.layer(role)
        return layer is not None and (concept is None or layer.has(concept))

    def column_name(self, role: Role, concept: str) -> str:
        """The file's column name of a concept, else the schema's, else the concept's own."""
        layer = self.inventory.layer(role)
        if layer is not None and concept in layer.columns:
            return layer.columns[concept]
        schema_layer = self.inventory.schema.layer(role)
        schema_field = schema_layer.field(concept) if schema_layer else None
        return schema_field.name if schema_field else concept

    def values(self, role: Role, concept: str) -> pd.Series:
        """Values of a concept with the dialect's value mapping applied (where values can be looked up)."""

        return self.once(("values", role, concept), lambda: column_values(self.layer(role), concept))

    def distinct(self, role: Role, column: str) -> Distinct:
        """Distinct values of a column of the file, exactly as they are there."""
        return self.once(("distinct", role, column), lambda: distinct(column_of(self.layer(role), column)))

    def failures(self, role: Role) -> ColumnFailures:
        """Rows that break the constraints of the layer's columns."""
        return self.once(("column failures", role), lambda: column_failures(self.layer(role)))

    def text(self, role: Role, concept: str) -> NDArray[np.object_]:
        """(n,) str or None, outer blanks removed; blank text is None."""

        def compute() -> NDArray[np.object_]:
            return texts(self.values(role, concept))

        return self.once(("text", role, concept), compute)

    def numbers(self, role: Role, concept: str) -> Floats:
        """(n,) float64, NaN where null or not a number (text holding a number counts)."""

        return self.once(("numbers", role, concept), lambda: as_numbers(self.values(role, concept)))

    def quantity(self, role: Role, concept: str) -> Quantity:
        """What is known of a column of numbers: its unit, missing and impossible values."""

        def compute() -> Quantity:
            codes = self.parameter("ATT009.values").value
            assert isinstance(codes, tuple)
            km2 = None
            if concept == "area" and role in (Role.OUTLINE, Role.MOVING_AREA) and self.crs(role) is not None:
                sound = self.valid(role) & (self.vertices(role).parts > 0)
                km2 = np.where(sound, self.area(role) / 1e6, np.nan)
            return quantity(
                self.layer(role),
                concept,
                series=self.values(role, concept),
                km2=km2,
                codes=[float(code) for code in codes],
                enough=int(self.number("ATT006.minimum_values")),
            )

        return self.once(("quantity", role, concept), compute)

    def filled(self, role: Role, concept: str, readable: bool = False) -> Mask:
        """(n,) whether there is a value: a finite number, text that is not blank, an ID.

        ``readable``: only primary IDs that can be read as positions count.
        """

        def compute() -> Mask:
            layer = self.layer(role)
            if concept not in layer.columns:  # a constant of the dialect
                return np.full(len(layer), layer.has(concept))
            if concept == "primary_id":
                return self._named(role, readable)
            if self._numeric(layer, concept) or pd.api.types.is_numeric_dtype(
                self.values(role, concept).dtype
            ):
                return np.isfinite(self.numbers(role, concept))
            found = self.distinct(role, layer.columns[concept])
            blank = np.array([not text.strip() for text in found.text] + [True])
            return np.asarray(~blank[found.codes])  # code -1 is null and picks the last

        return self.once(("filled", role, concept, readable), compute)

    @staticmethod
    def _numeric(layer: Layer, concept: str) -> bool:
        """Whether only numbers say something: not where codes have words, or directions are N, NE, ..."""
        found = concepts().get(concept)
        if found is None or found.vocabulary is not None:
            return False
        words = layer.dialect is not None and layer.dialect.units.get(concept) == "cardinal"
        return found.type in (FieldType.NUMBER, FieldType.INTEGER) and not words

    def _named(self, role: Role, readable: bool) -> Mask:
        """(n,) whether the feature has a primary ID: one that can be read, or any that is no placeholder."""
        ids = self.primary_ids(role)
        named: Mask = ids.parsed.copy()
        if not readable:
            none = self.placeholders()
            odd = np.flatnonzero(ids.form == IdForm.UNPARSABLE)
            named[odd] = [not is_placeholder(text, none) for text in ids.text[odd]]
        return named

    def placeholders(self) -> frozenset[str]:
        """Texts that stand where a value is missing (SCH012), in the form they are compared in."""
        value = self.parameter("SCH012.placeholders").value
        return frozenset(folded(str(v)) for v in (value if isinstance(value, tuple) else (value,)))

    def parameter(self, name: str) -> Parameter:
        """A parameter of the running rule (``"minimum_area"``) or of any (``"GEO014.minimum_area"``)."""
        if "." not in name and self.info is not None:
            name = f"{self.info.code}.{name}"
        return self.parameters[name]

    def number(self, name: str) -> float:
        """A parameter as a number."""
        value = self.parameter(name).value
        if not isinstance(value, (int, float)):
            raise TypeError(f"parameter {name} is not a number: {value!r}")
        return float(value)

    # ---- geometry

    def geometry(self, role: Role) -> Geometries:
        """(n,) geometries in the file's CRS, None where null."""
        return self.once(("geometry", role), lambda: self.layer(role).geometry)

    def usable(self, role: Role) -> Mask:
        """(n,) geometry is there, not empty, and has finite coordinates."""

        def compute() -> Mask:
            geometry = self.geometry(role)
            ok: Mask = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
            return ok & self.finite(role)

        return self.once(("usable", role), compute)

    def finite(self, role: Role) -> Mask:
        """(n,) no x or y is infinite or not a number."""
        return self.once(("finite", role), lambda: finite_coordinates(self.geometry(role)))

    def valid(self, role: Role) -> Mask:
        """(n,) usable and valid in the OGC sense."""

        def compute() -> Mask:
            geometry, out = self.geometry(role), self.usable(role).copy()

            def check_block(start: int, stop: int) -> None:
                out[start:stop] &= shapely.is_valid(geometry[start:stop])

            run_blocks(check_block, len(geometry))
            return out

        return self.once(("valid", role), compute)

    def coordinates(self, role: Role) -> tuple[Floats, Ints]:
        """(m, 2) coordinates of all vertices in file order and (m,) the feature's position."""

        def compute() -> tuple[Floats, Ints]:
            coords, index = shapely.get_coordinates(self.geometry(role), return_index=True)
            return coords, index

        return self.once(("coordinates", role), compute)

    def crs(self, role: Role) -> pyproj.CRS | None:
        """The layer's CRS if it places coordinates on the Earth, else None (none, a local one)."""

        def compute() -> pyproj.CRS | None:
            crs = self.layer(role).crs
            return crs if crs is not None and places_on_earth(crs) else None

        return self.once(("crs", role), compute)

    def is_lonlat(self, role: Role) -> bool:
        """Whether the file's coordinates are degrees."""
        crs = self.crs(role)
        return crs is not None and bool(crs.is_geographic)

    def state(self, role: Role) -> Coordinates:
        """What is known of the coordinates: infinite, off the Earth, swapped."""

        def compute() -> Coordinates:
            limits = Limits(
                self.number("SCH006.margin"),
                self.number("SCH007.tolerance"),
                self.number("SCH007.away"),
                self.number("SCH007.near"),
            )
            return coordinates(
                self.layer(role),
                witnesses=self._witnesses(role),
                limits=limits,
                finite=self.finite(role),
                bounds=self.bounds(role),
            )

        return self.once(("state", role), compute)

    def _witnesses(self, role: Role) -> list[Witness]:
        layer, out = self.layer(role), []
        if layer.has("primary_id"):
            ids = self.primary_ids(role)
            lon, lat = (np.where(ids.ambiguous, np.nan, v) for v in (ids.longitude, ids.latitude))
            out.append(("its primary ID", lon, lat))
        if layer.has("latitude") and layer.has("longitude"):
            lon, lat = self.numbers(role, "longitude"), self.numbers(role, "latitude")
            out.append(("its latitude and longitude columns", lon, lat))
        return out

    def placed(self, role: Role) -> Mask:
        """(n,) usable, with a CRS that has longitude and latitude, and coordinates it can have."""

        def compute() -> Mask:
            state = self.state(role)
            if self.crs(role) is None:
                return np.zeros(len(self.layer(role)), dtype=bool)
            return state.usable & ~state.off_earth

        return self.once(("placed", role), compute)

    def lonlat(self, role: Role) -> Geometries:
        """(n,) geometries in WGS84 longitude, latitude (degrees); None where they cannot be placed."""

        def compute() -> Geometries:
            crs, placed = self.crs(role), self.placed(role)
            out = only(self.geometry(role), placed)
            if crs is None or crs.to_epsg() == 4326:
                return out
            out = out.copy()
            out[placed] = to_lonlat(out[placed], crs)
            out = only(out, finite_coordinates(out))
            shapely.bounds(out)  # which GEOS keeps in collections, not safely by two threads at a time
            return out

        return self.once(("lonlat", role), compute)

    def lonlat_bounds(self, role: Role) -> Floats:
        """(n, 4) bounds of `lonlat` in degrees; NaN for features without a place."""

        def compute() -> Floats:
            lonlat = self.lonlat(role)
            return self.bounds(role) if lonlat is self.geometry(role) else shapely.bounds(lonlat)

        return self.once(("lonlat bounds", role), compute)

    def area(self, role: Role) -> Floats:
        """(n,) m² on the ellipsoid; NaN where a geometry cannot be placed."""

        def compute() -> Floats:
            crs, placed = self.crs(role), self.placed(role)
            if crs is None:
                return np.full(len(placed), np.nan)
            return np.where(placed, area_m2(only(self.geometry(role), placed), crs), np.nan)

        return self.once(("area", role), compute)

    def bounds(self, role: Role) -> Floats:
        """(n, 4) bounds in the file's CRS; NaN where there is no geometry."""
        return self.once(("bounds", role), lambda: shapely.bounds(self.geometry(role)))

    def vertices(self, role: Role) -> Vertices:
        """Spacing, spikes, repeats and orientation of the rings of all usable polygons."""

        def compute() -> Vertices:
            degrees = self.is_lonlat(role)
            return measure(
                self.geometry(role),
                self.usable(role),
                self.crs(role),
                spike_angle=self.number("GEO010.maximum_angle"),
                spike_length=self.number("GEO010.minimum_length"),
                repeat_distance=self.number("GEO011.distance"),
                grid=self.number("GEO017.grid_degrees" if degrees else "GEO017.grid_metres"),
            )

        return self.once(("vertices", role), compute)

    def overlaps(self, role: Role) -> Overlaps:
        """Pairs of valid polygons whose interiors meet."""

        def compute() -> Overlaps:
            return find_overlaps(self.geometry(role), self.valid(role), self.crs(role))

        return self.once(("overlaps", role), compute)

    # ---- identity

    def primary_ids(self, role: Role) -> ParsedIds:
        """The layer's primary IDs, those with several readings as their positions say.

        Requires the concept ``primary_id``.
        """

        def compute() -> ParsedIds:
            return resolved(parse(self.text(role, "primary_id")), self.layer(role))

        return self.once(("primary_ids", role), compute)

    def outline_kind(self) -> NDArray[np.object_]:
        """(n,) ``"extended"``, ``"restricted"`` or None for each outline.

        Where the layer has no outline type every outline counts as extended.
        """

        def compute() -> NDArray[np.object_]:
            layer = self.layer(Role.OUTLINE)
            if not layer.has("outline_type"):
                return np.full(len(layer), "extended", dtype=object)
            return outline_kinds(layer)

        return self.once(("outline_kind",), compute)
