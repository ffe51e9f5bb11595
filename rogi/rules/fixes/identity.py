"""Primary IDs: their canonical form, and IDs made from positions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.inventory.ids.keys import raw_ids
from rogi.inventory.ids.primary_id import deviation, make
from rogi.inventory.ids.readings import IdForm
from rogi.inventory.ids.unit_positions import positions as outline_positions
from rogi.inventory.values.columns import folded
from rogi.rules.context import Context
from rogi.rules.fixes.edits import CellEdit
from rogi.rules.primary_ids._places import positions
from rogi.rules.vertices import only
from rogi.schema.model import Role

Objects = NDArray[np.object_]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

FOLLOWERS = (Role.OUTLINE, Role.MOVING_AREA)  # layers that take the IDs of markers


def canonical_ids(context: Context) -> Iterator[CellEdit]:
    """IDs that can be read in one way only, in the 18-character form.

    Where digits were lost the position of the marker decides, if it agrees with a reading of them.
    Outlines and moving areas follow the marker whose ID was written in the same way.
    """
    renamed: dict[str, str] = {}
    for role in (Role.MARKER, *FOLLOWERS):
        if not _has_ids(context, role):
            continue
        ids = context.primary_ids(role)
        after = ids.canonical.copy()
        unsure = np.flatnonzero(ids.parsed & ~ids.exact)
        if role is Role.MARKER:
            after[unsure] = _by_place(context, unsure)
        else:
            after[unsure] = [renamed.get(str(ids.text[i]).strip()) for i in unsure]
        # blanks around an ID are not in its form, but in the file
        given = raw_ids(context.values(role, "primary_id").tolist())
        differs = (ids.form != IdForm.CANONICAL) | (_present(given) & (given != after))
        rows = np.flatnonzero(ids.parsed & ids.in_range & differs & _present(after))
        if len(rows):
            if role is Role.MARKER:
                renamed = {str(ids.text[i]).strip(): str(after[i]) for i in rows}
            yield _edit("canonical ID", "PID002", context, role, rows, after[rows])


def _by_place(context: Context, rows: Ints) -> Objects:
    """IDs of markers whose texts lost digits, made from a position that agrees with what is left of them."""
    ids = context.primary_ids(Role.MARKER)
    lon, lat = _sound_positions(context, Role.MARKER)
    made = make(lon[rows], lat[rows], np.where(ids.prefix[rows] == "RGS", "RGS", "RGU"))
    with np.errstate(invalid="ignore"):
        agrees = (deviation(ids, lon, lat) <= context.number("PID006.tolerance")) & ~ids.ambiguous
    return only(made, agrees[rows])


def ids_by_position(context: Context) -> Iterator[CellEdit]:
    """IDs of markers that are missing, unreadable, out of range or far from the marker, made anew.

    Not where the new ID is already that of another marker. Outlines and moving areas with the old ID follow,
    if only one marker had it. In inventories without markers the IDs of extended outlines that cannot be
    used are made from their positions (`rogi.inventory.ids.unit_positions.positions`).
    """
    if context.has(Role.MARKER):
        if _has_ids(context, Role.MARKER):
            yield from _markers_by_position(context)
    elif _has_ids(context, Role.OUTLINE):
        role = Role.OUTLINE
        ids = context.primary_ids(role)
        wrong = ~(ids.parsed & ids.in_range) & (context.outline_kind() != "restricted")
        rows = np.flatnonzero(wrong & context.state(role).sound & context.valid(role))
        made = make(*(values[rows] for values in outline_positions(context.layer(role))))
        free = _free(made, ids.canonical)
        if free.any():
            yield _edit("ID from position", "PID001", context, role, rows[free], made[free])


def _markers_by_position(context: Context) -> Iterator[CellEdit]:
    role = Role.MARKER
    ids = context.primary_ids(role)
    lon, lat = _sound_positions(context, role)
    with np.errstate(invalid="ignore"):
        far = (deviation(ids, lon, lat) > context.number("PID006.tolerance")) | ids.ambiguous
    rows = np.flatnonzero((~(ids.parsed & ids.in_range) | far) & np.isfinite(lon) & np.isfinite(lat))
    made = make(lon[rows], lat[rows], np.where(ids.prefix[rows] == "RGS", "RGS", "RGU"))
    sound = ids.canonical.copy()
    sound[rows] = None
    free = _free(made, sound)
    rows, made = rows[free], made[free]
    if not len(rows):
        return
    yield _edit("ID from position", "PID006", context, role, rows, made)
    old = [None if t is None else folded(str(t)) for t in ids.text]
    count: dict[str | None, int] = {}
    for text in old:
        count[text] = count.get(text, 0) + 1
    table = {
        key: str(new)
        for i, new in zip(rows, made, strict=True)
        if (key := old[i]) is not None and count[key] == 1
    }
    yield from _follow(context, table)


def _follow(context: Context, table: Mapping[str, str]) -> Iterator[CellEdit]:
    """IDs of outlines and moving areas changed as those of their markers."""
    for role in FOLLOWERS:
        if not _has_ids(context, role):
            continue
        text = context.primary_ids(role).text
        after = np.array([None if t is None else table.get(folded(str(t))) for t in text], dtype=object)
        rows = np.flatnonzero(_present(after) & (after != text))
        if len(rows):
            yield _edit("ID of the marker", "PID006", context, role, rows, after[rows])


def ids_of_outlines(context: Context) -> Iterator[CellEdit]:
    """Outlines whose ID is missing or unreadable get that of the only marker that lies in them."""
    role = Role.OUTLINE
    if not (_has_ids(context, role) and _has_ids(context, Role.MARKER)):
        return
    ids, known = context.primary_ids(role), context.primary_ids(Role.MARKER)
    texts = {folded(str(t)) for t in known.text if t is not None}
    linked = np.array([t is not None and folded(str(t)) in texts for t in ids.text], dtype=bool)
    rows = np.flatnonzero(~ids.parsed & ~linked & context.state(role).sound & context.valid(role))
    if not len(rows):
        return
    points = only(context.lonlat(Role.MARKER), context.state(Role.MARKER).sound)
    outline, marker = shapely.STRtree(points).query(context.lonlat(role)[rows], predicate="intersects")
    alone = np.bincount(outline, minlength=len(rows))[outline] == 1
    outline, marker = outline[alone], marker[alone]
    usable = known.parsed[marker] & known.in_range[marker]
    outline, marker = outline[usable], marker[usable]
    order = np.argsort(outline)
    if len(order):
        at, new = rows[outline[order]], known.canonical[marker[order]]
        yield _edit("ID of the marker inside", "REL001", context, role, at, new)


def _sound_positions(context: Context, role: Role) -> tuple[Floats, Floats]:
    """(n,) longitude and latitude; NaN where a rule reports the coordinates."""
    lon, lat = positions(context, role)
    sound = context.state(role).sound & ~context.state(role).faulty
    return np.where(sound, lon, np.nan), np.where(sound, lat, np.nan)


def _free(made: Objects, taken: Objects) -> Mask:
    """(n,) new IDs that no other feature has or gets."""
    series = pd.Series(made, dtype=object)
    others = set(taken[_present(taken)])
    used = np.array([name in others for name in made], dtype=bool)
    single: Mask = (series.notna() & ~series.duplicated(keep=False)).to_numpy(dtype=bool)
    free: Mask = single & ~used
    return free


def _edit(fix: str, rule: str, context: Context, role: Role, rows: Ints, after: Objects) -> CellEdit:
    column = context.layer(role).columns["primary_id"]
    return CellEdit(fix, rule, role, rows, column, np.asarray(after, dtype=object))


def _has_ids(context: Context, role: Role) -> bool:
    layer = context.inventory.layer(role)
    if layer is None or "primary_id" not in layer.columns:
        return False
    return list(layer.frame.columns).count(layer.columns["primary_id"]) == 1


def _present(values: Objects) -> Mask:
    return ~np.asarray(pd.isna(values), dtype=bool)
