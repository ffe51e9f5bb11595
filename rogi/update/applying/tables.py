"""The tables beside a new version: what was rejected, what contradicts each other, what is left."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import shapely

from rogi.comparison.matching.graph import connected
from rogi.inventory.writing.geopackage import set_last_change
from rogi.release.description import Tombstone
from rogi.text import sheet_text
from rogi.update.columns import GEOMETRY, objects
from rogi.update.deciding.decisions import Status
from rogi.update.deciding.edits import by_candidate
from rogi.update.multipolygons import write_multipolygons
from rogi.update.vocabulary import Decision

if TYPE_CHECKING:
    from rogi.update.deciding.examination import Examination

PROBLEM_COLUMNS: Final = (
    "rule", "conflict", "task", "unit", "other", "package", "file", "row", "decision", "mapper", "message",
)  # fmt: skip
OPEN_COLUMNS: Final = (
    "state", "task", "unit", "candidate", "class", "package", "area_name", "mapper", "reason", "comment",
)  # fmt: skip
CONFLICT_COLUMNS: Final = (
    "conflict", "rule", "task", "unit", "package", "file", "row", "decision", "mapper", "date", "reason",
    "message",
)  # fmt: skip
REJECTED_COLUMNS: Final = (
    "candidate_id", "unit", "source", "reason", "model", "mapper", "reviewer", "date", "image_date",
    "comment",
)  # fmt: skip
RETIRED_COLUMNS: Final = ("id", "reason", "replaced_by")


def retired_text(stones: Iterable[Tombstone]) -> str:
    """IDs that are gone, as ``retired_file`` of a ``release.yaml`` takes them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(RETIRED_COLUMNS)
    writer.writerows([(s.id, s.reason, " ".join(s.replaced_by)) for s in stones])
    return out.getvalue()


def problems_table(looked: Examination) -> list[tuple[Any, ...]]:
    """Rows for :data:`PROBLEM_COLUMNS`."""
    decision, mapper = looked.found.text("decision"), looked.found.text("mapper")
    return [
        (p.rule, "yes" if p.conflict else "no", p.task, p.unit, p.other, p.package, p.file, p.row,
         decision[p.index], mapper[p.index], p.message)
        for p in looked.problems
    ]  # fmt: skip


def open_table(looked: Examination) -> list[tuple[Any, ...]]:
    """Rows for :data:`OPEN_COLUMNS`: tasks that are not decided, and those that are not there."""
    found = looked.found
    names = OPEN_COLUMNS[1:]
    columns = [found.text(name) for name in names]
    out = []
    for i in np.flatnonzero((found.status == Status.OPEN) | (found.status == Status.UNSURE)).tolist():
        state = "unsure" if found.status[i] == Status.UNSURE else "undecided"
        if state == "undecided" and found.changed[i] and found.text("task")[i] is not None:
            state = "outline changed, undecided"
        out.append((state, *(column[i] for column in columns)))
    missing = looked.edits.missing
    for i in range(len(missing)):
        state = "deleted" if missing["given"].iat[i] else "package missing"
        out.append((state, *(missing[n].iat[i] if n in missing and n != "mapper" else None for n in names)))
    return sorted(out, key=lambda row: tuple(str(v or "") for v in row))


def conflicts_frame(looked: Examination) -> gpd.GeoDataFrame:
    """All versions of what contradicts each other, numbered by conflict, with the outlines meant."""
    found, rows = looked.found, looked.edits.rows
    rules: dict[int, list[str]] = {}
    messages: dict[int, list[str]] = {}
    links: list[tuple[int, int]] = []
    for problem in (p for p in looked.problems if p.conflict):
        rules.setdefault(problem.index, []).append(problem.rule)
        messages.setdefault(problem.index, []).append(problem.message)
        links += [(problem.index, peer) for peer in problem.peers]
    every = sorted({*rules, *(peer for _, peer in links)})
    place = {row: k for k, row in enumerate(every)}
    ends = np.array([[place[a], place[b]] for a, b in links], dtype=np.intp).reshape(-1, 2)
    case = connected(len(every), ends[:, 0], ends[:, 1])
    stated = rows.iloc[every].reset_index(drop=True)
    table = objects(pd.DataFrame(stated.drop(columns=GEOMETRY)))[list(CONFLICT_COLUMNS[2:-1])]
    table.insert(0, "rule", [" ".join(dict.fromkeys(rules.get(i, ()))) for i in every])
    table.insert(0, "conflict", np.asarray(case, dtype=np.int64) + 1)
    table["message"] = ["; ".join(dict.fromkeys(messages.get(i, ()))) for i in every]
    own = found.outline[every]
    shapes = np.where(shapely.is_missing(own), np.asarray(stated.geometry.array, dtype=object), own)
    order = table.sort_values(["conflict", "package", "file", "row"], kind="stable").index.to_numpy()
    table = table.iloc[order].reset_index(drop=True)
    return gpd.GeoDataFrame(table, geometry=shapes[order], crs=rows.crs)


def rejected_frame(looked: Examination) -> gpd.GeoDataFrame:
    """What was decided to be no rock glacier: outlines that training takes as negatives.

    Candidates and drawn outlines that were removed; units that were removed, and the candidates matched with
    them, if all units they were matched with were removed.
    """
    found, rows = looked.found, looked.edits.rows
    removed = looked.applied_rows(Decision.REMOVE)
    drawn = np.asarray(rows.geometry.array, dtype=object)
    outlines = by_candidate(looked.edits.candidates)
    tasks = looked.edits.planned.tasks
    users: dict[str, set[str]] = {}
    for unit, text in zip(tasks["unit"], tasks["candidate"], strict=True):
        for name in (text or "").split():
            users.setdefault(name, set()).add(unit or "")
    gone = {str(found.text("unit")[i]) for i in removed if found.at[i] >= 0}
    out: list[tuple[Any, ...]] = []
    shapes: list[Any] = []
    named: set[str] = set()

    def add(i: int, candidate: str | None, unit: str | None, source: str, shape: Any) -> None:
        if shape is None:
            return
        stated = (found.text(c)[i] for c in REJECTED_COLUMNS[3:])
        out.append((candidate, unit, source, *stated))
        shapes.append(shape)

    for i in removed:
        unit, text = found.text("unit")[i], found.text("candidate")[i] or ""
        if found.at[i] < 0:
            add(i, text or None, None, "candidate" if text else "drawn", drawn[i])
            continue
        add(i, None, unit, "unit", looked.units.geometry[found.at[i]])
        for name in text.split():
            if name not in named and users.get(name, set()) <= gone:
                named.add(name)
                add(i, name, unit, "candidate", outlines.get(name))
    table = objects(pd.DataFrame(out, columns=list(REJECTED_COLUMNS)))
    keys = [tuple(str(v or "") for v in row) for row in table.itertuples(index=False)]
    wkb = shapely.to_wkb(np.array(shapes, dtype=object)) if shapes else []
    order = np.array(sorted(range(len(keys)), key=lambda k: (keys[k], wkb[k])), dtype=np.intp)
    geometry = np.array(shapes, dtype=object)[order] if shapes else np.empty(0, dtype=object)
    return gpd.GeoDataFrame(table.iloc[order].reset_index(drop=True), geometry=geometry, crs=rows.crs)


def write_layer(path: Path, name: str, frame: gpd.GeoDataFrame, description: str) -> None:
    """A GeoPackage with one layer of multipolygons; the same content gives the same bytes.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    columns = {}
    for column in frame.columns:
        if column == frame.geometry.name:
            continue
        values = frame[column]
        whole = column in ("conflict", "row")
        columns[column] = pa.array(values, type=pa.int64() if whole else pa.string(), from_pandas=True)
    write_multipolygons(path, name, pa.table(columns), frame.geometry, {"DESCRIPTION": description})
    set_last_change(path)


def conflicts_text(frame: gpd.GeoDataFrame) -> str:
    """The conflicts as CSV, without outlines."""
    table: pd.DataFrame = frame[list(CONFLICT_COLUMNS)]
    return sheet_text(CONFLICT_COLUMNS, table.itertuples(index=False, name=None))
