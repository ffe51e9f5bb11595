"""Scripted mappers: decisions in the work packages of an update, made by plain SQL, from a known truth.

They decide as careful people would who see the ground: what is gone is removed, what has changed is refined,
what was found is retrieved, and what is no rock glacier is rejected. What they did is counted, so that the
new version can be compared with it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyogrio
import shapely
from shapely.ops import split

from rogi.errors import InputError
from rogi.geometry import transform_geometries
from rogi.schema.model import Role
from rogi.update.planning.stored_plan import read_plan
from rogi.update.vocabulary import TASK_COLUMNS, TASKS, Decision, TaskClass

if TYPE_CHECKING:
    import geopandas as gpd

    from rogi.inventory.model import Inventory

SAME_OUTLINE: Final = 0.98
"""IoU from which a mapper leaves an outline as it is."""
SAME_PLACE: Final = 0.5
"""Share of the smaller outline in the other from which a candidate shows a true unit."""
SPLIT_AREA: Final = 4.0
"""Units that are split are so many times larger than the smallest outline of the inventory, at least."""
TOUCHING: Final = 1e-9
"""Distance of outlines that are merged, in the unit of their coordinates."""
CRACK_M: Final = 0.02
"""Half of the widest crack that is closed between outlines that are merged, m."""
M_PER_DEGREE: Final = 111_320.0
DATE: Final = "2026-08-15"


@dataclass(slots=True)
class Scripted:
    """What the mappers did.

    Attributes
    ----------
    decided
        Cases by decision, as they can be applied: what is in conflict is not counted. A split, and a merge,
        is one case. Rejected candidates count as ``reject``.
    conflicts
        Cases with two decisions, which nobody can apply.
    unsure
        Tasks left to somebody else.
    """

    decided: Counter[str] = field(default_factory=Counter)
    conflicts: int = 0
    unsure: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "decided": {name: count for name, count in sorted(self.decided.items()) if count},
            "conflicts": self.conflicts,
            "unsure": self.unsure,
        }


def decide_all(
    work: Path,
    truth: Inventory,
    *,
    splits: int = 1,
    merges: int = 1,
    unsure: int = 0,
    conflicts: int = 0,
    date: str = DATE,
) -> Scripted:
    """Decide on every task in the packages of a work folder, in place.

    Parameters
    ----------
    work
        Folder of ``rogi update plan``; its packages are changed as a mapper changes them.
    truth
        The inventory as it should become; units that stay have the same IDs.
    splits, merges
        Units cut in two, and pairs of touching units that become one, beyond the truth: fewer where there
        are no units for it.
    unsure
        Changed units left undecided as ``unsure``.
    conflicts
        Units decided in two ways: a copy of a row says the opposite of it.
    date
        Day of all decisions, ISO 8601.

    Raises
    ------
    InputError
        If the folder holds no plan, or the truth no outlines.
    """
    planned = read_plan(work)
    outlines = truth.layer(Role.OUTLINE)
    if outlines is None or not outlines.has("primary_id") or outlines.crs is None:
        raise InputError(f"{truth.path} has no outlines with primary IDs and a CRS, so it is no truth.")
    mappers = {package.name: package.mapper for package in planned.packages}
    files = {package.name: work / package.file for package in planned.packages}
    tasks = _tasks(files)
    ids = outlines.values("primary_id").to_numpy(dtype=object)
    shapes = transform_geometries(outlines.geometry, outlines.crs, tasks.crs)
    known = dict(zip(ids.tolist(), shapes.tolist(), strict=True))
    pens = {name: _Pen(path, mappers[name], date) for name, path in files.items()}
    done = Scripted()
    untouched = _units(tasks, known, pens, done, unsure)
    retrieved = _candidates(tasks, known, pens, done)
    _missed(tasks, known, retrieved, pens, done)
    _plant(tasks, untouched, pens, done, splits, merges, conflicts)
    for pen in pens.values():
        pen.save()
    return done


class _Pen:
    """The SQL of one mapper in one package, run in one transaction."""

    def __init__(self, path: Path, mapper: str, date: str) -> None:
        self.path, self.mapper, self.date = path, mapper, date
        self.statements: list[tuple[str, list[Any]]] = []

    def decide(self, fid: int, decision: Decision, shape: Any = None, **values: Any) -> None:
        """Decide on a row; `shape` is its new outline."""
        given = {"decision": decision.value, "mapper": self.mapper, "date": self.date, **values}
        if shape is not None:
            given["geom"] = shape
        sets = ", ".join(f'"{name}" = ?' for name in given)
        self.statements.append((f'UPDATE "{TASKS}" SET {sets} WHERE fid = ?', [*given.values(), fid]))  # noqa: S608

    def draw(self, decision: Decision, shape: Any, **values: Any) -> None:
        """A row drawn by hand."""
        given = {"decision": decision.value, "mapper": self.mapper, "date": self.date, **values}
        self._insert({**given, "geom": shape})

    def copy(self, row: Mapping[str, Any], decision: Decision, shape: Any, **values: Any) -> None:
        """Copy and paste of a row, with another decision."""
        copied = {c.name: row[c.name] for c in TASK_COLUMNS if not c.editable}
        self.draw(decision, shape, **{**copied, **values})

    def _insert(self, given: Mapping[str, Any]) -> None:
        names = ", ".join(f'"{name}"' for name in given)
        marks = ", ".join("?" * len(given))
        self.statements.append((f'INSERT INTO "{TASKS}" ({names}) VALUES ({marks})', [*given.values()]))  # noqa: S608

    def save(self) -> None:
        """Write what was decided."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            query = "SELECT srs_id FROM gpkg_geometry_columns WHERE table_name = ?"
            srs = int(connection.execute(query, [TASKS]).fetchone()[0])
            for sql, values in self.statements:
                connection.execute(sql, [_plain(value, srs) for value in values])


def geometry_blob(shape: Any, srs: int) -> bytes:
    """A polygon as a GeoPackage stores it, as multipolygon and without envelope (OGC 12-128r19, 2.1.3)."""
    whole = shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])
    little_endian = bytes([1])
    header = b"GP\x00" + little_endian + srs.to_bytes(4, "little", signed=True)
    return header + bytes(shapely.to_wkb(whole, byte_order=1, flavor="iso"))


def _plain(value: Any, srs: int) -> Any:
    """A value as SQLite takes it."""
    if isinstance(value, shapely.Geometry):
        return geometry_blob(value, srs)
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value


def _tasks(files: Mapping[str, Path]) -> gpd.GeoDataFrame:
    """All rows of all packages: ``fid`` and ``package`` besides the columns of tasks."""
    frames = [
        pyogrio.read_dataframe(path, layer=TASKS, fid_as_index=True).reset_index().assign(package=name)
        for name, path in sorted(files.items())
    ]
    whole: gpd.GeoDataFrame = pd.concat(frames, ignore_index=True)
    text = [c.name for c in TASK_COLUMNS if c.type == "text"]
    whole[text] = whole[text].astype(object).where(whole[text].notna(), None)
    return whole


def _iou(one: Any, other: Any) -> float:
    total = shapely.area(shapely.union(one, other))
    return float(shapely.area(shapely.intersection(one, other)) / total) if total else 0.0


def _units(
    tasks: gpd.GeoDataFrame, known: Mapping[str, Any], pens: Mapping[str, _Pen], done: Scripted, unsure: int
) -> list[int]:
    """Decide on the rows of units; the positions of those that stay as they are."""
    stay = []
    for i in np.flatnonzero(tasks["unit"].notna()):
        row = tasks.iloc[i]
        pen, true = pens[row["package"]], known.get(row["unit"])
        if true is None:
            pen.decide(row["fid"], Decision.REMOVE, reason="no longer seen in the new imagery")
            done.decided[Decision.REMOVE.value] += 1
        elif _iou(row.geometry, true) >= SAME_OUTLINE:
            stay.append(int(i))
            if row["class"] != TaskClass.UNCHANGED:
                pen.decide(row["fid"], Decision.REMAIN)
                done.decided[Decision.REMAIN.value] += 1
        elif done.unsure < unsure:
            pen.decide(row["fid"], Decision.UNSURE, comment="front in shadow")
            done.unsure += 1
        else:
            pen.decide(row["fid"], Decision.REFINE, true, front_50m=True, reason="the front has advanced")
            done.decided[Decision.REFINE.value] += 1
    return stay


def _candidates(
    tasks: gpd.GeoDataFrame, known: Mapping[str, Any], pens: Mapping[str, _Pen], done: Scripted
) -> set[str]:
    """Decide on the rows of candidates without a unit; the IDs of the truth that were retrieved."""
    units = set(tasks["unit"].dropna())
    missing = sorted(set(known) - units)
    shapes = np.array([known[id_] for id_ in missing], dtype=object)
    tree = shapely.STRtree(shapes)
    retrieved: set[str] = set()
    for i in np.flatnonzero(tasks["unit"].isna()):
        row = tasks.iloc[i]
        near = tree.query(row.geometry, predicate="intersects")
        share = shapely.area(shapely.intersection(shapes[near], row.geometry)) / np.minimum(
            shapely.area(shapes[near]), shapely.area(row.geometry)
        )
        best = missing[near[np.argmax(share)]] if len(near) and share.max() >= SAME_PLACE else None
        pen = pens[row["package"]]
        if best is None or best in retrieved:
            pen.decide(row["fid"], Decision.REMOVE, reason="no ridges and furrows: a look-alike")
            done.decided["reject"] += 1
        else:
            retrieved.add(best)
            pen.decide(
                row["fid"], Decision.RETRIEVE, known[best], front_50m=True, reason="new in the imagery"
            )
            done.decided[Decision.RETRIEVE.value] += 1
    return retrieved


def _missed(
    tasks: gpd.GeoDataFrame,
    known: Mapping[str, Any],
    retrieved: set[str],
    pens: Mapping[str, _Pen],
    done: Scripted,
) -> None:
    """Draw what neither inventory nor candidates have, in the package of the nearest task."""
    places = shapely.STRtree(tasks.geometry.to_numpy())
    for id_ in sorted(set(known) - set(tasks["unit"].dropna()) - retrieved):
        package = tasks["package"].iloc[int(places.nearest(known[id_]))]
        pens[package].draw(Decision.RETRIEVE, known[id_], front_50m=True, reason="seen, but not detected")
        done.decided[Decision.RETRIEVE.value] += 1


def _plant(
    tasks: gpd.GeoDataFrame,
    stay: list[int],
    pens: Mapping[str, _Pen],
    done: Scripted,
    splits: int,
    merges: int,
    conflicts: int,
) -> None:
    """Splits, merges and conflicts among units that would stay as they are."""
    shapes = tasks.geometry.to_numpy()
    area = shapely.area(shapes)
    pairs = _touching(tasks, stay)[:merges]
    for one, other in pairs:
        keep, go = sorted((one, other), key=lambda i: (-area[i], i))
        first, second = tasks.iloc[keep], tasks.iloc[go]
        pen = pens[first["package"]]
        union = _joined(
            shapes[keep], shapes[go], CRACK_M / (M_PER_DEGREE if tasks.crs.is_geographic else 1.0)
        )
        pen.decide(first["fid"], Decision.REFINE, union, front_50m=True, reason="one tongue")
        reason = "no boundary is seen between them"
        pen.decide(second["fid"], Decision.MERGE, merge_into=first["unit"], reason=reason)
        done.decided[Decision.MERGE.value] += 1
    taken = {i for pair in pairs for i in pair}
    once = _once(tasks)
    free = sorted((i for i in stay if i not in taken and once[i]), key=lambda i: (-area[i], i))
    cut = [i for i in free[:splits] if area[i] >= SPLIT_AREA * area.min() and len(_halves(shapes[i])) == 2]
    contradicted = [i for i in free if i not in cut][:conflicts]
    # What is planted here takes the place of the decision to remain, where there was one.
    said = tasks["class"].to_numpy(dtype=object) != TaskClass.UNCHANGED.value
    changed = [*taken, *cut, *contradicted]
    done.decided[Decision.REMAIN.value] -= int(said[np.array(changed, dtype=np.int64)].sum())
    for i in cut:
        parts = _halves(shapes[i])
        row = tasks.iloc[i]
        pen = pens[row["package"]]
        reason = "two lobes"
        pen.decide(row["fid"], Decision.SPLIT, parts[0], front_50m=True, reason=reason)
        pen.copy(row, Decision.SPLIT, parts[1], front_50m=True, reason=reason)
        done.decided[Decision.SPLIT.value] += 1
    for i in contradicted:
        row = tasks.iloc[i]
        pen = pens[row["package"]]
        pen.decide(row["fid"], Decision.REMOVE, reason="not seen")
        pen.copy(row, Decision.REMAIN, shapes[i])
        done.conflicts += 1


def _joined(one: Any, other: Any, crack: float) -> Any:
    """Two outlines as one, without the cracks of no width that rounding leaves along their common edge."""
    wider = shapely.buffer(shapely.union(one, other), crack, join_style="mitre")
    return shapely.buffer(wider, -crack, join_style="mitre")


def _touching(tasks: gpd.GeoDataFrame, positions: list[int]) -> list[tuple[int, int]]:
    """Disjoint pairs of units of one package whose outlines touch, in order of position."""
    chosen = np.array(positions, dtype=np.int64)
    shapes = tasks.geometry.to_numpy()[chosen]
    left, right = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=TOUCHING)
    packages, once = tasks["package"].to_numpy(dtype=object), _once(tasks)
    pairs: list[tuple[int, int]] = []
    used: set[int] = set()
    for a, b in sorted(zip(chosen[left].tolist(), chosen[right].tolist(), strict=True)):
        if a < b and packages[a] == packages[b] and once[a] and once[b] and not {a, b} & used:
            used |= {a, b}
            pairs.append((a, b))
    return pairs


def _once(tasks: gpd.GeoDataFrame) -> Any:
    """(n,) bool, units with one row."""
    return tasks["unit"].map(tasks["unit"].value_counts()).to_numpy() == 1


def _halves(shape: Any) -> list[Any]:
    """A polygon cut across the middle of its longer side."""
    corners = np.asarray(shape.minimum_rotated_rectangle.exterior.coords)[:4]
    sides = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    first = int(np.argmax(sides))
    middle = [(corners[first] + corners[(first + 1) % 4]) / 2, (corners[first - 1] + corners[first - 2]) / 2]
    away = 0.1 * (middle[1] - middle[0])
    pieces = split(
        shape.geoms[0] if shape.geom_type == "MultiPolygon" else shape,
        shapely.LineString([middle[0] - away, middle[1] + away]),
    )
    return list(pieces.geoms)
