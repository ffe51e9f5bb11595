"""Rows of a layer changed, dropped and added; all others keep every value, bit by bit, and their types."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.geometry import Floats, Geometries, transform_geometries
from rogi.inventory.model import Layer
from rogi.inventory.values.area_unit import UNITS_PER_KM2, area_unit, decimals_of, guess_unit
from rogi.inventory.values.known import outline_kinds
from rogi.schema.model import Role
from rogi.text import agreeing, counted

Texts = NDArray[np.object_]
Ints = NDArray[np.intp]

CONFIRMED: Final = "Yes"
"""Decision of the review (vocabulary ``review_decision``): it is a rock glacier."""


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Units that are new or have another outline, and what their rows say.

    Attributes
    ----------
    ids
        (m,) primary IDs.
    new, moved
        (m,) whether the unit is new; whether its marker stands elsewhere than before.
    parent
        (m,) position of the unit that it is a part of, -1 for none.
    geometry, crs
        (m,) outlines.
    place
        (m, 2) longitude and latitude of the markers.
    area_km2
        (m,)
    mapper, reviewer, map_date, comment
        (m,) text or None.
    image_source
        What the outlines were drawn from.
    cleared, cleared_columns
        Concepts, and other columns, that are no longer true of another outline.
    """

    ids: Texts
    new: NDArray[np.bool_]
    moved: NDArray[np.bool_]
    parent: Ints
    geometry: Geometries
    crs: Any
    place: Floats
    area_km2: Floats
    mapper: Texts
    reviewer: Texts
    map_date: Texts
    comment: Texts
    image_source: str | None
    cleared: tuple[str, ...]
    cleared_columns: tuple[str, ...]

    def sorted(self) -> Change:
        """The same in order of IDs."""
        order = np.argsort(self.ids.astype(str), kind="stable")
        arrays = {
            name: getattr(self, name)[order]
            for name in (
                "ids", "new", "moved", "parent", "geometry", "place", "area_km2",
                "mapper", "reviewer", "map_date", "comment",
            )
        }  # fmt: skip
        return replace(self, **arrays)


def own_ids(layer: Layer) -> Texts:
    """(n,) primary IDs of a layer without outer blanks; None if missing."""
    if not layer.has("primary_id"):
        return np.full(len(layer), None, dtype=object)
    values = layer.values("primary_id")
    text = values.astype("str").str.strip()
    out: Texts = text.to_numpy(dtype=object, copy=True)
    out[(values.isna() | (text == "")).to_numpy(dtype=bool)] = None
    return out


def rows_of(layer: Layer, ids: Set[str]) -> Ints:
    """Positions of the rows with some IDs."""
    return np.flatnonzero(np.array([name in ids for name in own_ids(layer)], dtype=bool))


def changed_layer(
    layer: Layer, change: Change, gone: Set[str], positions: Ints | None, unit_ids: Texts, notes: list[str]
) -> Layer:
    """A layer of outlines or markers with its rows changed.

    Parameters
    ----------
    layer
        Not changed.
    change
        Units that are new or have another outline.
    gone
        IDs whose rows are dropped.
    positions
        Of a layer of outlines: the row of each unit; else None.
    unit_ids
        (n,) IDs of the units.
    notes
        Gets what cannot be done for the user.
    """
    ids = own_ids(layer)
    first = {name: row for row, name in reversed(list(enumerate(ids.tolist()))) if name is not None}
    if positions is not None:
        first |= dict(zip(unit_ids.tolist(), positions.tolist(), strict=True))
    change = change.sorted()
    geometry_name = layer.frame.geometry.name
    table = pd.DataFrame(layer.frame.drop(columns=geometry_name))
    shapes = layer.geometry.copy()
    kept = np.flatnonzero(~change.new & np.array([i in first for i in change.ids], dtype=bool))
    added = np.flatnonzero(change.new)
    at = np.array([first[change.ids[k]] for k in kept], dtype=np.intp)
    n = len(table)
    table, types = _room(table, len(added))
    rows = np.concatenate([at, np.arange(n, n + len(added))]).astype(np.intp)
    own = np.concatenate([kept, added]).astype(np.intp)
    _write_values(layer, table, rows, own, change)
    _inherit(layer, table, np.arange(n, n + len(added)), change.parent[added], first, unit_ids, positions)
    new_shapes = _shapes(layer, change)
    if layer.role is Role.OUTLINE:
        shapes[at] = new_shapes[kept]
        _note_restricted(layer, ids, change.ids[kept], at, notes)
    else:
        moved = change.moved[kept]
        shapes[at[moved]] = new_shapes[kept[moved]]
    shapes = np.concatenate([shapes, new_shapes[added]])
    stay = np.append(~np.array([i in gone for i in ids], dtype=bool), np.ones(len(added), bool))
    table = _retyped(table[stay].reset_index(drop=True), types)
    array = gpd.array.GeometryArray(shapes[stay], crs=layer.crs)
    frame = gpd.GeoDataFrame(table.assign(**{geometry_name: array}), geometry=geometry_name)
    frame = frame[list(layer.frame.columns)]
    frame.columns = layer.frame.columns
    count = len(frame)
    return replace(
        layer,
        frame=frame,
        rows=np.arange(1, count + 1, dtype=np.int64),
        fids=None,
        source_index=np.zeros(count, dtype=np.int64),
    )


def put_back(layer: Layer, filled: Layer, rows: Ints) -> Layer:
    """A layer with values of some of its rows, in the columns that it has, from a layer of those rows."""
    frame = layer.frame.copy()
    for name in frame.columns:
        if name == frame.geometry.name or name not in filled.frame:
            continue
        values = filled.frame[name].to_numpy(dtype=object)
        old = frame[name].iloc[rows].to_numpy(dtype=object)
        if not _same(old, values):
            frame[name] = _assigned(frame[name], rows, values)
    return replace(layer, frame=frame)


# ---- values


def _write_values(layer: Layer, table: pd.DataFrame, rows: Ints, own: Ints, change: Change) -> None:
    """Identity, decision, area and place of changed rows; what came from rasters is cleared."""
    new, moved = change.new[own], change.moved[own]
    values: dict[str, tuple[Any, NDArray[np.bool_]]] = {}
    every = np.ones(len(own), dtype=bool)
    values["primary_id"] = change.ids[own], new
    values["mapper"] = change.mapper[own], every
    values["reviewer"] = change.reviewer[own], every
    values["map_date"] = change.map_date[own], every
    values["image_source"] = np.full(len(own), change.image_source, dtype=object), every
    verdict = _verdicts(change)[own]
    values["additional_information"] = verdict, new | (verdict != None)  # noqa: E711 - element by element
    values["longitude"] = change.place[own, 0].astype(object), moved
    values["latitude"] = change.place[own, 1].astype(object), moved
    values["area"] = _areas(layer, change)[own].astype(object), every
    nothing = np.full(len(own), None, dtype=object)
    values |= dict.fromkeys(change.cleared, (nothing, every))
    kind = _common_type(layer)
    if kind is not None:
        values["outline_type"] = np.full(len(own), kind, dtype=object), new
    columns = {layer.columns[c]: v for c, v in values.items() if c in layer.columns}
    columns |= {name: (nothing, every) for name in change.cleared_columns if name in table.columns}
    for name, (what, where) in columns.items():
        if where.any():
            table[name] = _assigned(table[name], rows[where], what[where])


def _verdicts(change: Change) -> Texts:
    """(m,) what the review says, as rule REV001 wants it: of a unit that was looked at again, yes and the
    comment; None of one that was not."""
    out = np.full(len(change.ids), None, dtype=object)
    for k, (reviewer, comment) in enumerate(zip(change.reviewer, change.comment, strict=True)):
        if reviewer is not None:
            out[k] = CONFIRMED if comment is None else f"{CONFIRMED}: {comment}"
    return out


def _areas(layer: Layer, change: Change) -> Floats:
    """Areas in the unit, and to the decimals, of the layer's column."""
    if "area" not in layer.columns:
        return change.area_km2
    values = pd.to_numeric(layer.raw("area"), errors="coerce").to_numpy(np.float64, na_value=np.nan)
    unit = None
    if layer.role is Role.OUTLINE and layer.crs is not None:
        unit = guess_unit(values, area_m2(layer.geometry, layer.crs) / 1e6)
    elif len(values):  # markers: as they are stated, by size: a unit has less than 10 km² and more than 0.001
        unit = "m²" if np.nanmedian(values) > 100 else None
    if unit is None:
        declared = layer.dialect.units.get("area") if layer.dialect is not None else None
        unit = area_unit(declared)
    out = change.area_km2 * UNITS_PER_KM2[unit]
    decimals = decimals_of(values)
    return out if decimals is None else np.asarray(np.round(out, decimals))


def _inherit(
    layer: Layer,
    table: pd.DataFrame,
    rows: Ints,
    parent: Ints,
    first: dict[Any, int],
    unit_ids: Texts,
    positions: Ints | None,
) -> None:
    """Parts lie where the whole did: they take its subregion."""
    name = layer.columns.get("subregion")
    has = np.flatnonzero(parent >= 0)
    if name is None or not len(has):
        return
    source = [positions[p] if positions is not None else first.get(unit_ids[p], -1) for p in parent[has]]
    known = np.array([s >= 0 for s in source], dtype=bool)
    values = table[name].iloc[[s for s in source if s >= 0]].to_numpy(dtype=object)
    table[name] = _assigned(table[name], rows[has[known]], values)


def _common_type(layer: Layer) -> Any:
    """How the layer writes that an outline is an extended one; None where it has no such column."""
    if "outline_type" not in layer.columns:
        return None
    raw = layer.raw("outline_type")[outline_kinds(layer) == "extended"]
    return raw.mode().iloc[0] if len(raw) else None


def _shapes(layer: Layer, change: Change) -> Geometries:
    if layer.role is Role.OUTLINE:
        return change.geometry
    points = shapely.points(change.place)
    return transform_geometries(points, 4326, layer.crs)


def _note_restricted(layer: Layer, ids: Texts, changed: Texts, at: Ints, notes: list[str]) -> None:
    others = np.isin(ids.astype(str), changed.astype(str))
    others[at] = False
    if others.any():
        number = int(others.sum())
        belong = agreeing(number, "belongs to a unit", "belong to units")
        lie = agreeing(number, "it still lies", "they still lie")
        notes.append(
            f"{counted(number, 'further outline')} of {layer.name} {belong} whose outline changed; look "
            f"whether {lie} within it"
        )


# ---- types


def _room(table: pd.DataFrame, count: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table with empty rows at its end and columns that take null, and the types they had."""
    types = {}
    columns = {}
    for name in table.columns:
        column = table[name]
        kind = column.dtype
        if isinstance(kind, np.dtype) and kind.kind in "iub":
            types[name] = kind
            column = column.astype(_nullable(kind))
        columns[name] = column.reindex(range(len(table) + count)) if count else column
    return pd.DataFrame(columns, index=range(len(table) + count)), types


def _nullable(kind: np.dtype[Any]) -> Any:
    """The type of pandas that takes null beside numbers of a type, or booleans."""
    return "boolean" if kind.kind == "b" else f"{'U' if kind.kind == 'u' else ''}Int{8 * kind.itemsize}"


def _retyped(table: pd.DataFrame, types: dict[str, Any]) -> pd.DataFrame:
    """Columns in the types they had, where nothing in them is null."""
    for name, kind in types.items():
        if not table[name].isna().any():
            table[name] = table[name].astype(kind)
    return table


def _assigned(column: pd.Series[Any], rows: Ints, values: Any) -> pd.Series[Any]:
    """A column with other values in some rows, of its own type as far as they fit it."""
    out = column.copy()
    given = pd.Series(np.asarray(values, dtype=object), dtype=object)
    kind: Any = out.dtype
    if pd.api.types.is_datetime64_any_dtype(kind):
        out.iloc[rows] = pd.to_datetime(given, errors="coerce").astype(kind).array
    elif pd.api.types.is_bool_dtype(kind) or pd.api.types.is_numeric_dtype(kind):
        numbers = pd.to_numeric(given, errors="coerce")
        if pd.api.types.is_integer_dtype(kind):
            if isinstance(kind, np.dtype):
                out = out.astype(_nullable(kind))
                kind = out.dtype
            numbers = numbers.round()
        out.iloc[rows] = pd.array(numbers, dtype=kind)
    elif pd.api.types.is_object_dtype(kind):
        plain = out.to_numpy(dtype=object, copy=True)
        plain[rows] = given.where(given.notna(), None).to_numpy(dtype=object)
        out = pd.Series(plain, index=out.index, name=out.name, dtype=object)
    else:
        text: Any = [None if pd.isna(v) else str(v) for v in given]
        out.iloc[rows] = pd.array(text, dtype=kind)
    return out


def _same(a: NDArray[np.object_], b: NDArray[np.object_]) -> bool:
    null_a, null_b = np.asarray(pd.isna(a), bool), np.asarray(pd.isna(b), bool)
    return bool(np.array_equal(null_a, null_b) and np.array_equal(a[~null_a], b[~null_b]))
