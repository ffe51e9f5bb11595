"""A new version of an inventory from decisions: only the rows of units that changed are other ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.attributes.fields import QUALITY
from rogi.geometry import Floats, Geometries, to_lonlat
from rogi.inventory.ids.primary_id import parse
from rogi.inventory.model import Inventory, Layer
from rogi.inventory.values.columns import blank
from rogi.release.description import Tombstone
from rogi.release.differences.difference import M2_PER_KM2
from rogi.schema.attributes import from_rasters
from rogi.schema.model import Role
from rogi.text import agreeing, counted
from rogi.update.applying.rows import Change, changed_layer, own_ids, put_back, rows_of
from rogi.update.deciding.decisions import Status
from rogi.update.deciding.examination import Examination
from rogi.update.identity import marker_positions, new_ids
from rogi.update.vocabulary import Decision, Operation

if TYPE_CHECKING:
    from rogi.attributes.configuration import AttributeSettings


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """A new version and how it came about.

    Attributes
    ----------
    examination
        What was decided.
    version
        Name of the new version.
    inventory
        The new version: layers and columns of the old one.
    operations
        What became of each unit that was decided on, in order of units.
    retired
        IDs that are gone.
    unit
        (m,) ID of each product that is applied; None for the others.
    changed
        IDs of the units that are new or have another outline.
    notes
        What else is to be told.
    """

    examination: Examination
    version: str
    inventory: Inventory
    operations: tuple[Operation, ...]
    retired: tuple[Tombstone, ...]
    unit: NDArray[np.object_]
    changed: frozenset[str]
    notes: tuple[str, ...]


def apply(
    examination: Examination,
    version: str,
    *,
    taken: Set[str] = frozenset(),
    image_source: str | None = None,
) -> Applied:
    """Apply what can be applied.

    Parameters
    ----------
    examination
        The decisions.
    version
        Name of the new version.
    taken
        IDs of units of earlier versions that are gone: no new unit gets one of them.
    image_source
        What new outlines were drawn from; by default the imagery that the plan names.

    Returns
    -------
    Applied
        The inventory is a new one; that of the examination is not changed.
    """
    base, made = examination.inventory, examination.made
    applied = np.flatnonzero(examination.settled.applied)
    lonlat = to_lonlat(made.geometry[applied], examination.units.layer.crs)
    names = made.unit.copy()
    names[~examination.settled.applied] = None
    fresh = applied[made.unit[applied] == None]  # noqa: E711 - element by element
    known = set(taken)
    for layer in base.layers:
        known |= {i for i in own_ids(layer).tolist() if i}
    ids, position = new_ids(lonlat[np.isin(applied, fresh)], known)
    names[fresh] = ids
    places, moved = _places(examination, applied, lonlat)
    places[np.isin(applied, fresh)] = position
    change = _change(examination, applied, names, places, moved, image_source)
    gone = _gone(examination)
    layers = []
    notes: list[str] = []
    for layer in base.layers:
        if layer.role in (Role.OUTLINE, Role.MARKER):
            positions = examination.units.positions if layer.role is Role.OUTLINE else None
            layers.append(changed_layer(layer, change, gone, positions, examination.units.ids, notes))
        else:
            layers.append(layer)
            _note_dangling(layer, gone, notes)
    operations = _operations(examination, version, names)
    return Applied(
        examination,
        version,
        replace(base, layers=tuple(layers), path=version, notes=()),
        operations,
        _tombstones(examination, operations),
        names,
        frozenset(str(n) for n in names[applied]),
        tuple(notes),
    )


def _places(
    examination: Examination, applied: NDArray[np.intp], lonlat: Geometries
) -> tuple[Floats, NDArray[np.bool_]]:
    """Marker of each product, and whether it moved: it stays where it was if that lies in the outline."""
    made = examination.made
    out = marker_positions(lonlat)
    before = markers_of_units(examination)
    kept = np.array([made.unit[k] is not None for k in applied], dtype=bool)
    own = np.array([made.sources[k][0] if kept[j] else -1 for j, k in enumerate(applied)], dtype=np.intp)
    old = before[own[kept]] if kept.any() else np.zeros((0, 2))
    inside = np.zeros(len(applied), dtype=bool)
    inside[kept] = shapely.intersects_xy(lonlat[kept], old[:, 0], old[:, 1])
    out[inside] = before[own[inside]]
    return out, ~inside


def markers_of_units(examination: Examination) -> Floats:
    """(n, 2) where each unit's marker stands: its point, else LON and LAT, else its ID; NaN if nowhere."""
    units = examination.units
    parsed = parse(units.ids)
    out = np.column_stack([parsed.longitude, parsed.latitude])
    layer = units.layer
    if layer.has("longitude") and layer.has("latitude"):
        stated = np.column_stack(
            [
                pd.to_numeric(layer.raw(c), errors="coerce").to_numpy(np.float64, na_value=np.nan)
                for c in ("longitude", "latitude")
            ]
        )[units.positions]
        known = np.isfinite(stated).all(axis=1)
        out[known] = stated[known]
    markers = examination.inventory.layer(Role.MARKER)
    if markers is not None and markers.crs is not None and markers.has("primary_id"):
        points = to_lonlat(shapely.centroid(markers.geometry), markers.crs)
        usable = ~(shapely.is_missing(points) | shapely.is_empty(points))
        at = {name: row for row, name in reversed(list(enumerate(own_ids(markers).tolist()))) if usable[row]}
        rows = np.array([at.get(name, -1) for name in units.ids], dtype=np.intp)
        out[rows >= 0] = shapely.get_coordinates(points[rows[rows >= 0]])
    return out


def _gone(examination: Examination) -> frozenset[str]:
    """IDs that are removed, merged or split."""
    found = examination.found
    out: set[str] = set()
    for decision in (Decision.REMOVE, Decision.MERGE, Decision.SPLIT):
        at = found.at[examination.applied_rows(decision)]
        out |= set(examination.units.ids[at[at >= 0]].tolist())
    return frozenset(out)


def _change(
    examination: Examination,
    applied: NDArray[np.intp],
    names: NDArray[np.object_],
    places: Floats,
    moved: NDArray[np.bool_],
    image_source: str | None,
) -> Change:
    """What the rows of changed and new units say."""
    made, found = examination.made, examination.found
    deciding = _deciding_rows(examination, applied)
    text = {name: found.text(name)[deciding] for name in ("mapper", "reviewer", "date", "comment")}
    planned = found.edits.planned
    source = image_source or ", ".join(planned.imagery) or None
    area = area_m2(made.geometry[applied], examination.units.layer.crs) / M2_PER_KM2
    kept = np.array([made.unit[k] is not None for k in applied], dtype=bool)
    parent = [made.sources[k][0] if made.operation[k] == Decision.SPLIT else -1 for k in applied]
    return Change(
        ids=names[applied],
        new=~kept,
        moved=moved,
        parent=np.array(parent, dtype=np.intp),
        geometry=made.geometry[applied],
        crs=examination.units.layer.crs,
        place=places,
        area_km2=area,
        mapper=text["mapper"],
        reviewer=text["reviewer"],
        map_date=text["date"],
        comment=text["comment"],
        image_source=source,
        cleared=from_rasters(),
        cleared_columns=tuple(QUALITY.values()),
    )


def _deciding_rows(examination: Examination, applied: NDArray[np.intp]) -> NDArray[np.intp]:
    """The row that says who decided on each product: of a union that nobody drew, the first that goes in."""
    made, found = examination.made, examination.found
    decision, into = found.text("decision"), found.text("merge_into")
    out = made.row[applied].copy()
    for j, k in enumerate(applied):
        if made.operation[k] == Decision.MERGE and decision[out[j]] not in (Decision.REFINE, Decision.MERGE):
            going = np.flatnonzero((into == made.unit[k]) & (found.status == Status.DECIDED))
            out[j] = min(going, key=lambda i: (str(found.text("unit")[i]), i))
    return out


def _note_dangling(layer: Layer, gone: frozenset[str], notes: list[str]) -> None:
    count = int(np.isin(own_ids(layer).astype(str), sorted(gone)).sum()) if layer.has("primary_id") else 0
    if count:
        what = agreeing(count, "names a unit that is gone; it was", "name units that are gone; they were")
        left = agreeing(count, "it is", "they are")
        notes.append(f"{counted(count, 'row')} of {layer.name} {what} left as {left}")


# ---- lineage


def _operations(examination: Examination, version: str, names: NDArray[np.object_]) -> tuple[Operation, ...]:
    found, made, units = examination.found, examination.made, examination.units
    applied = np.flatnonzero(examination.settled.applied)
    old = area_m2(units.lonlat, 4326) / M2_PER_KM2
    new = np.full(len(made), np.nan)
    new[applied] = area_m2(made.geometry[applied], units.layer.crs) / M2_PER_KM2
    out: list[Operation] = []

    def add(row: int, unit: str, what: str, before: Sequence[str], after: Sequence[str],
            area_old: float | None, area_new: float | None) -> None:  # fmt: skip
        at = {name: found.text(name)[row] or "" for name in _STATED}
        out.append(
            Operation(
                version, unit, what, " ".join(before), " ".join(after), **at, area_old_km2=area_old,
                area_new_km2=area_new,
            )
        )  # fmt: skip

    survivors = {str(made.unit[k]) for k in applied if made.operation[k] == Decision.MERGE}
    for i in examination.applied_rows(Decision.REMAIN):
        unit = str(found.text("unit")[i])
        if unit not in survivors:
            area = float(old[found.at[i]])
            add(i, unit, Decision.REMAIN.value, [unit], [unit], area, area)
    for i in examination.applied_rows(Decision.REMOVE):
        if found.at[i] >= 0:
            unit = str(found.text("unit")[i])
            add(i, unit, Decision.REMOVE.value, [unit], [], float(old[found.at[i]]), None)
    for i in examination.applied_rows(Decision.MERGE):
        unit, into = str(found.text("unit")[i]), str(found.text("merge_into")[i])
        add(i, unit, Decision.MERGE.value, [unit], [into], float(old[found.at[i]]), None)
    deciding = _deciding_rows(examination, applied)
    parts: dict[int, list[int]] = {}
    for row, k in zip(deciding.tolist(), applied.tolist(), strict=True):
        sources, area = made.sources[k], float(new[k])
        name = str(names[k])
        if made.operation[k] == Decision.RETRIEVE:
            add(row, name, Decision.RETRIEVE.value, [], [name], None, area)
        elif made.operation[k] == Decision.SPLIT:
            parts.setdefault(sources[0], []).append(k)
        else:
            before = [str(units.ids[s]) for s in sources]
            add(row, name, str(made.operation[k]), before, [name], float(old[sources[0]]), area)
    for source, own in parts.items():
        after = sorted(str(names[k]) for k in own)
        row = int(made.row[own[0]])
        unit = str(units.ids[source])
        add(row, unit, Decision.SPLIT.value, [unit], after, float(old[source]), float(new[own].sum()))
    return tuple(sorted(out, key=lambda o: (o.unit, o.operation, o.successor)))


_STATED: Final = (
    "reason", "mapper", "reviewer", "date", "candidate", "model", "comment", "edited_by", "edited_at",
    "reviewed_by", "history",
)  # fmt: skip
"""Columns of a row that its operation has too."""


def _tombstones(examination: Examination, operations: Sequence[Operation]) -> tuple[Tombstone, ...]:
    """An entry for each ID that is gone."""
    stones = []
    for operation in operations:
        after = tuple(operation.successor.split())
        if operation.unit in operation.predecessor.split() and operation.unit not in after:
            word = {Decision.MERGE.value: "merged", Decision.SPLIT.value: "split"}.get(operation.operation)
            reason = " ".join(operation.reason.split())
            stones.append(Tombstone(operation.unit, f"{word}: {reason}" if word else reason, after))
    return tuple(sorted(stones, key=lambda s: s.id))


# ---- attributes


def with_attributes(applied: Applied, settings: AttributeSettings) -> tuple[Applied, Any]:
    """The attributes of the changed units, derived from rasters; those of all others stay.

    Parameters
    ----------
    applied
        A new version.
    settings
        The rasters.

    Returns
    -------
    applied : Applied
    derived : rogi.attributes.derived.Derived or None
        What is to be told about them; None where no unit changed.

    Raises
    ------
    InputError, OptionError
        As :func:`rogi.attributes.derive.derive_attributes`.
    """
    from rogi.attributes.derive import derive_attributes

    if not applied.changed:
        return applied, None
    inventory = applied.inventory
    chosen = {layer.role: rows_of(layer, applied.changed) for layer in inventory.layers}
    part = tuple(
        _rows(layer, chosen[layer.role]) for layer in inventory.layers if layer.role in _WITH_ATTRIBUTES
    )
    derived = derive_attributes(replace(inventory, layers=part), replace(settings, only_missing=True))
    filled: Mapping[Role, Layer] = {layer.role: layer for layer in derived.inventory.layers}
    layers = tuple(
        put_back(layer, filled[layer.role], chosen[layer.role]) if layer.role in filled else layer
        for layer in inventory.layers
    )
    return replace(applied, inventory=replace(inventory, layers=layers)), derived


_WITH_ATTRIBUTES: Final = (Role.OUTLINE, Role.MARKER)


def _rows(layer: Layer, rows: NDArray[np.intp]) -> Layer:
    return replace(
        layer,
        frame=layer.frame.iloc[rows].reset_index(drop=True),
        rows=layer.rows[rows],
        fids=None,
        source_index=None,
    )


def missing_attributes(applied: Applied) -> tuple[str, ...]:
    """Columns of values from rasters, or regions, that a unit with a new outline lacks."""
    layer = applied.inventory.layer(Role.OUTLINE)
    assert layer is not None  # an update has outlines
    rows = rows_of(layer, applied.changed)
    return tuple(
        layer.columns[concept]
        for concept in ("subregion", *from_rasters())
        if concept in layer.columns and blank(layer.raw(concept).iloc[rows].to_numpy(dtype=object)).any()
    )
