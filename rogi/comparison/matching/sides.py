"""One side of a comparison, taken from an inventory: its objects, their ids, classes and places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.comparison.matching.prepared_outlines import canonical_order, repair
from rogi.errors import InputError, OptionError
from rogi.geometry import Geometries, Ints, to_lonlat
from rogi.inventory.coordinates import coordinates
from rogi.inventory.model import Inventory, Layer
from rogi.inventory.regions import fold
from rogi.inventory.values.known import Quantity, outline_kinds, quantity
from rogi.longitudes import in_one_map
from rogi.schema.load import load_vocabulary
from rogi.schema.model import Role
from rogi.suggestions import did_you_mean

Texts = NDArray[np.object_]
OUTLINES_FOR_UNIT = 1_000  # whose areas tell the unit of the column
ID_CONCEPTS = ("primary_id", "working_id", "polygon_uid")


class Certainty(StrEnum):
    """Decision of the first phase: uncertain landforms are compared among themselves."""

    ROCK_GLACIER = "rock glacier"
    UNCERTAIN = "uncertain"
    NONE = "not a rock glacier"


class Extent(StrEnum):
    """What an outline includes: like is compared with like."""

    EXTENDED = "extended"
    RESTRICTED = "restricted"
    UNSTATED = "unstated"
    MARKER = "marker"


@dataclass(frozen=True, eq=False)
class Side:
    """The objects of one inventory that take part in a comparison, in canonical order.

    Attributes
    ----------
    name
        What the user called it.
    role
        Outlines or markers.
    geometries
        (n,) WGS84 longitude and latitude; invalid outlines are repaired here, and only here.
    ids
        (n,) text.
    id_column
        Column the ids come from; empty if they are row numbers.
    positions
        (n,) positions in ``layer``.
    extent, certainty
        (n,) values of `Extent` and `Certainty`.
    region
        (n,) name of the region of each object, or None; of the inventory's own column.
    read
        Features in the layer.
    without_geometry, not_rock_glaciers, outside
        Features left out: no usable geometry; decided not to be rock glaciers; outside the region asked for.
    repaired, repeated
        Ids of objects with an invalid outline, and ids that several objects share.
    without_area, without_id
        Ids of outlines that enclose nothing, and of objects named after their rows although there is a column
        of ids.
    reprojected
        Name of the CRS, where it was not longitude and latitude on WGS84.
    impossible
        Ids of objects left out because of their coordinates: infinite, off the Earth, or swapped.
    notes
        What is to be said of them.
    """

    name: str
    role: Role
    layer: Layer
    geometries: Geometries
    ids: Texts
    id_column: str
    positions: Ints
    extent: Texts
    certainty: Texts
    region: Texts
    read: int
    without_geometry: int = 0
    not_rock_glaciers: int = 0
    outside: int = 0
    repaired: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    without_area: tuple[str, ...] = ()
    without_id: tuple[str, ...] = ()
    reprojected: str = ""
    impossible: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def outlines(self) -> bool:
        """Whether the objects are outlines, not markers."""
        return self.role is Role.OUTLINE

    def stated_ids(self) -> Texts:
        """(n,) ids, None where the file states none: a row number says nothing of another file."""
        nameless = frozenset(self.without_id)
        out = self.ids.copy()
        out[[not self.id_column or name in nameless for name in out.tolist()]] = None
        return out

    def places(self) -> Geometries:
        """(n,) a point in each object: the marker, or a point on the surface of the outline."""
        return np.asarray(shapely.point_on_surface(self.geometries)) if self.outlines else self.geometries

    def values(self, concept: str) -> pd.Series:
        """(n,) values of a concept, the dialect's mapping applied."""
        return self.layer.values(concept).iloc[self.positions].reset_index(drop=True)

    def quantity(self, concept: str) -> Quantity:
        """The concept's numbers of the whole layer with what is known of them."""
        km2 = None
        if concept == "area" and self.outlines:
            # the unit is told from a median: some outlines are enough
            some = slice(None, None, max(1, len(self) // OUTLINES_FOR_UNIT))
            km2 = np.full(len(self.layer), np.nan)
            km2[self.positions[some]] = area_m2(self.geometries[some], 4326) / 1e6
        return quantity(self.layer, concept, km2=km2)

    def keep(self, rows: NDArray[np.bool_]) -> Side:
        """The side with some of its objects."""
        return replace(
            self,
            geometries=self.geometries[rows],
            ids=self.ids[rows],
            positions=self.positions[rows],
            extent=self.extent[rows],
            certainty=self.certainty[rows],
            region=self.region[rows],
        )

    def within(self, rows: NDArray[np.bool_]) -> Side:
        """The side with the objects in a region, the others counted as outside."""
        return replace(self.keep(rows), outside=self.outside + int((~rows).sum()))


def side_of(inventory: Inventory, role: Role | None = None, id_field: str | None = None) -> Side:
    """The objects of an inventory that take part in a comparison.

    Parameters
    ----------
    inventory
    role
        Outlines or markers; by default outlines, or markers where there are no outlines.
    id_field
        Column of the ids; by default that of the primary ID, else of another identifier, else the row number.

    Raises
    ------
    InputError
        If the layer is missing or has no CRS.
    OptionError
        If there is no column ``id_field``.
    """
    layer = _layer(inventory, role)
    crs = layer.known_crs
    wanted = (
        (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
        if layer.role is Role.OUTLINE
        else (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT)
    )
    geometries = layer.geometry
    usable = np.isin(shapely.get_type_id(geometries), wanted) & ~shapely.is_empty(geometries)
    state = coordinates(layer)
    usable &= ~state.infinite
    certainty = _certainty(inventory, layer)
    absent = certainty == Certainty.NONE
    sound = state.sound | ~state.usable
    positions = np.flatnonzero(usable & ~absent & sound)
    lonlat = to_lonlat(geometries[positions], crs)
    broken = flat = np.zeros(len(positions), bool)
    if layer.role is Role.OUTLINE:
        lonlat, broken = repair(lonlat)
        flat = shapely.area(lonlat) == 0
    else:
        lonlat = _single_points(lonlat)
    ids, stated, column = _ids(layer, id_field)
    ids_all, ids = ids, ids[positions]
    stable = ids.copy()
    stable[~stated[positions]] = None  # a row number depends on the file
    values = layer.frame.drop(columns=layer.frame.geometry.name).iloc[positions]
    order = canonical_order(stable, lonlat, values)
    counts = Counter(ids.tolist())
    return Side(
        name=inventory.path,
        role=layer.role,
        layer=layer,
        geometries=lonlat[order],
        ids=ids[order],
        id_column=column,
        positions=positions[order],
        extent=_extent(layer)[positions][order],
        certainty=certainty[positions][order],
        region=_texts(layer, "subregion")[positions][order],
        read=len(layer),
        without_geometry=int((~usable & ~state.infinite).sum()),
        not_rock_glaciers=int((absent & usable & sound).sum()),
        impossible=tuple(ids_all[~sound | state.infinite].tolist()),
        notes=tuple(state.notes(lambda: ids_all, layer.role.title.removesuffix("s"), "left out")),
        repaired=tuple(ids[order][broken[order]].tolist()),
        repeated=tuple(sorted(i for i, n in counts.items() if n > 1)),
        without_area=tuple(ids[order][flat[order]].tolist()),
        without_id=tuple(ids[~stated[positions]].tolist()) if column else (),
        reprojected="" if crs.equals("EPSG:4326", ignore_axis_order=True) else crs.name,
    )


def align_extents(sides: list[Side]) -> tuple[list[Side], str]:
    """Take outlines that do not say what they include for what the other sides have, and say so.

    If any side states extended outlines the unstated ones are taken as extended, else as restricted; if no
    side states anything, they stay unstated.
    """
    outlines = [s for s in sides if s.outlines]
    stated = {e for s in outlines for e in s.extent.tolist()} - {Extent.UNSTATED}
    unstated = [s for s in outlines if (s.extent == Extent.UNSTATED).any()]
    if not stated or not unstated:
        return sides, ""
    taken = Extent.EXTENDED if Extent.EXTENDED in stated else Extent.RESTRICTED
    aligned = [
        replace(s, extent=np.where(s.extent == Extent.UNSTATED, taken, s.extent)) if s.outlines else s
        for s in sides
    ]
    names = " and ".join(s.name for s in unstated)
    return aligned, f"outlines of {names} that do not state their type were taken as {taken} outlines"


def on_one_map(sides: list[Side]) -> list[Side]:
    """The sides with longitudes that meet across the antimeridian, see `rogi.longitudes.in_one_map`."""
    shapes = in_one_map(*(side.geometries for side in sides))
    return [replace(side, geometries=moved) for side, moved in zip(sides, shapes, strict=True)]


def _layer(inventory: Inventory, role: Role | None) -> Layer:
    if role is not None:
        layer = inventory.layer(role)
        if layer is None:
            present = ", ".join(r.title for r in inventory.roles) or "nothing"
            raise InputError(f"{inventory.path} has no {role.title}; it has {present}.")
        return layer
    found = [x for r in (Role.OUTLINE, Role.MARKER) if (x := inventory.layer(r)) is not None]
    if not found:
        raise InputError(
            f"{inventory.path} has neither outlines nor markers, so there is nothing to compare."
        )
    return next((x for x in found if len(x)), found[0])


def _ids(layer: Layer, field: str | None) -> tuple[Texts, NDArray[np.bool_], str]:
    """Id of each feature, whether the file states it (else it is the row number), and the column."""
    if field is not None:
        if field not in layer.frame.columns:
            columns = [str(c) for c in layer.frame.columns if c != layer.frame.geometry.name]
            raise OptionError(
                f"{layer.name} has no column {field!r} for --id; it has {', '.join(columns) or 'none'}"
                f"{did_you_mean(field, columns) or '.'}"
            )
        ids, column = _plain(layer.frame[field]), field
    else:
        ids, column = np.full(len(layer), None, dtype=object), ""
        for concept in ID_CONCEPTS:
            found = _texts(layer, concept)
            if any(i is not None for i in found):
                ids, column = found, layer.columns.get(concept, "")
                break
    blank = np.array([i is None for i in ids], bool)
    ids[blank] = [f"row {n}" for n in layer.rows[blank]]
    return ids, ~blank, column


def _certainty(inventory: Inventory, layer: Layer) -> Texts:
    """Decision on each object; of an outline without one, the decision on its marker."""
    out = np.full(len(layer), Certainty.ROCK_GLACIER, dtype=object)
    source, keys = layer, None
    if not layer.has("landform"):
        markers = inventory.layer(Role.MARKER)
        if markers is None or markers is layer or not markers.has("landform"):
            return out
        if not (markers.has("primary_id") and layer.has("primary_id")):
            return out
        source = markers
        keys = dict(zip(_texts(markers, "primary_id").tolist(), range(len(markers)), strict=True))
    decisions = _decisions(_texts(source, "landform"))
    if keys is None:
        return decisions
    rows = np.array([keys.get(i, -1) if i else -1 for i in _texts(layer, "primary_id").tolist()], np.intp)
    known = rows >= 0
    out[known] = decisions[rows[known]]
    return out


def _decisions(texts: Texts) -> Texts:
    """Decisions from the words or codes of the vocabulary ``landform``; others count as rock glaciers."""
    meaning = {}
    for term in load_vocabulary("landform").terms:
        decision = {
            "uncertain": Certainty.UNCERTAIN,
            "notarockglacier": Certainty.NONE,
        }.get(fold(term.value), Certainty.ROCK_GLACIER)
        meaning[fold(term.value)] = decision
        if term.code is not None:
            meaning[str(term.code)] = decision
            meaning[f"{term.code}0"] = decision  # 0.0, folded: a column with gaps is read as floats
    meaning |= {"un": Certainty.UNCERTAIN, "no": Certainty.NONE, "rg": Certainty.ROCK_GLACIER}
    return _each(texts, lambda text: meaning.get(fold(text or ""), Certainty.ROCK_GLACIER))


def _extent(layer: Layer) -> Texts:
    if layer.role is Role.MARKER:
        return np.full(len(layer), Extent.MARKER, dtype=object)
    if not layer.has("outline_type"):
        return np.full(len(layer), Extent.UNSTATED, dtype=object)
    return _each(outline_kinds(layer), lambda kind: Extent(kind or Extent.UNSTATED))


def _each(texts: Texts, meaning: Callable[[str | None], Any]) -> Texts:
    """(n,) what each text means, asked once for each distinct one."""
    known = {text: meaning(text) for text in set(texts.tolist())}
    out = np.empty(len(texts), dtype=object)
    out[:] = [known[text] for text in texts.tolist()]
    return out


def _texts(layer: Layer, concept: str) -> Texts:
    """(n,) text without outer blanks, or None."""
    if not layer.has(concept):
        return np.full(len(layer), None, dtype=object)
    return _plain(layer.values(concept))


def _plain(values: pd.Series) -> Texts:
    if pd.api.types.is_float_dtype(values.dtype) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    text = values.astype("str").str.strip()
    out = text.to_numpy(dtype=object, copy=True)
    out[(values.isna() | (text == "")).to_numpy(dtype=bool)] = None
    return out


def _single_points(geometries: Geometries) -> Geometries:
    several = shapely.get_type_id(geometries) == shapely.GeometryType.MULTIPOINT
    return np.where(several, shapely.centroid(geometries), geometries)
