"""What mappers handed back: the rows of all work packages as one table, whatever was done to the files.

Packages come back with layers renamed, columns added, empty text for null, other types of geometry, rows
copied or deleted, or exported to another format. Rows are known by the keys of their tasks, layers by their
columns. Nothing is repaired; what cannot be used is reported.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from rogi.errors import InputError, OptionError
from rogi.inventory.crs import label as crs_label
from rogi.memory import give_back_memory
from rogi.schema.model import normalise
from rogi.text import agreeing, counted
from rogi.update.columns import GEOMETRY, cut, objects, typed
from rogi.update.drawn import polygonal, sound_outlines
from rogi.update.hands import Saved, other_hands, people_notes, with_saved
from rogi.update.packages.files import (
    CANDIDATE_ID,
    SHAPEFILE_TEXT,
    TaskTable,
    read_package,
    shown_names,
    sorted_out,
)
from rogi.update.planning.stored_plan import (
    IDENTITY,
    PLAN_FILE,
    Planned,
    read_plan,
    refuse_store_folder,
)
from rogi.update.problems import Problem, Rule
from rogi.update.store.store import read_store
from rogi.update.vocabulary import TASK_COLUMNS, TASKS

if TYPE_CHECKING:
    import pyproj

    from rogi.update.planning.units import Units
    from rogi.update.store.store import StoredPlan

FAULT: Final = "fault"
"""Column of :attr:`Edits.rows`."""


@dataclass(frozen=True, slots=True, eq=False)
class Edits:
    """The rows of all packages.

    Attributes
    ----------
    planned
        What was planned.
    rows
        (n,) one row each: the columns of `rogi.update.vocabulary.TASK_COLUMNS` (text without outer blanks
        or None, booleans or None, numbers), ``package``, ``file``, ``row``, and the geometry ``geom``:
        polygons and multipolygons, None if missing; sorted by package, file and row. ``fault`` says
        what is wrong with an outline that cannot be reckoned with, and was set aside; None where nothing is.
        Columns of :data:`~rogi.update.hands.SAVED` say who saved a row of a team's store.
    current
        Outlines of the units in the packages: ``unit`` and geometry, each once.
    candidates
        Outlines of the candidates: ``candidate``, other columns, and geometry, each once.
    missing
        Tasks of the plan that are in no file: columns of the plan's tasks, and ``given`` (bool): whether the
        file of their package was there, so that the row was deleted.
    notes
        What was passed over.
    crs_names
        File -> the coordinate reference system that it states.
    saved
        What a team's store says of its rows; empty for packages.
    last_saved
        File -> when a program last wrote to it, where it says so.
    """

    planned: Planned
    rows: gpd.GeoDataFrame
    current: gpd.GeoDataFrame
    candidates: gpd.GeoDataFrame
    missing: pd.DataFrame
    notes: tuple[str, ...] = ()
    crs_names: Mapping[str, str] = field(default_factory=dict)
    saved: Saved = field(default_factory=Saved)
    last_saved: Mapping[str, str] = field(default_factory=dict)


def read_edits(
    paths: Sequence[Path],
    *,
    plan: Path | None = None,
    store: str | None = None,
    crs: pyproj.CRS | str | None = None,
    units: Units | None = None,
) -> Edits:
    """Read what mappers decided.

    Parameters
    ----------
    paths
        Work folders, packages in any format, and whatever else lies beside them, in any order.
    plan
        ``plan.json`` or its folder; by default among ``paths``, or beside a package. With a store, which has
        its plan, the two are compared.
    store
        Address of a database that holds packages, ``postgresql://…``.
    crs
        CRS of the result; by default that of the first package.
    units
        Those that were planned from, where they are known: their outlines are not read from the packages, and
        what nobody changed is not in memory twice.

    Raises
    ------
    InputError
        If there is no plan or no package, or a file is damaged, locked, or of another plan.
    OptionError
        If both packages and a store are named, or packages whose mappers work in a store.

    Notes
    -----
    No file is changed, and none is made beside one.
    """
    if store is not None and paths:
        raise OptionError(
            "Decisions are read from packages or from a store, not from both: the packages beside a store "
            "are the plan as it was made. Name the work folder, or --store."
        )
    if store is None:
        named = [*paths, *([plan] if plan is not None else [])]
        for place in dict.fromkeys(path if path.is_dir() else path.parent for path in named):
            refuse_store_folder(place)
    files, plans, notes = sorted_out(paths)
    tables: list[TaskTable] = []
    with tempfile.TemporaryDirectory(prefix="rogi-") as folder:
        for number, (file, shown) in enumerate(zip(files, shown_names(files), strict=True)):
            scratch = Path(folder) / str(number)
            scratch.mkdir()
            found = read_package(file, scratch, notes, with_current=units is None)
            tables += [replace(table, file=shown) for table in found]
    planned: Planned | None = None
    written, saved = None, Saved()
    if store is not None:
        stored = read_store(store)
        tables += stored.tables
        planned, written, saved = stored.planned, stored.written, _saved(stored)
        if plan is not None:
            _refuse_other_plan(planned, read_plan(plan), saved.store)
    if planned is None:
        planned = read_plan(_plan_path(plan, plans, files))
    if not tables:
        shown = ", ".join(str(path) for path in paths) or "what was named"
        raise InputError(
            f"There is no work package in {shown}; name the work folder, or the GeoPackages with the layer "
            f"{TASKS}."
        )
    return collect(planned, tables, crs, notes, written, saved, units)


def _refuse_other_plan(stored: Planned, folder: Planned, store: str) -> None:
    """A folder, and its projects, whose store was planned anew from elsewhere."""
    if stored.digest != folder.digest:
        mappers = ", ".join(package.mapper for package in stored.packages)
        raise InputError(
            f"{folder.path} is not the plan in the store {store}, which holds another one, of "
            f"{stored.inventory or 'an inventory'} for {mappers}: it was planned again from another folder. "
            "Name the folder of that plan, or leave out --plan."
        )


def _saved(stored: StoredPlan) -> Saved:
    mapper = {package.name: package.mapper for package in stored.planned.packages}
    names = {
        user: frozenset(mapper[p] for p in packages if p in mapper)
        for user, packages in stored.packages_of.items()
    }
    number, moment = stored.last or ("", None)
    when = f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment is not None else ""
    return Saved(str(stored.address), when, str(number), names)


def collect(
    planned: Planned,
    tables: list[TaskTable],
    crs: pyproj.CRS | str | None = None,
    notes: Iterable[str] = (),
    written: pd.DataFrame | None = None,
    saved: Saved | None = None,
    units: Units | None = None,
) -> Edits:
    """The rows of several tables as one, checked against the plan; see :func:`read_edits`.

    ``written`` and ``saved`` are what a store knows beside them, see :mod:`rogi.update.hands`. The tables are
    put in order and lose their rows, which would be in memory twice.
    """
    tables.sort(key=lambda t: (t.file, t.package, len(t.frame)))
    target = crs if crs is not None else tables[0].frame.crs
    notes = list(notes)
    frames = []
    current = _beside([t.current for t in tables], "unit", target)
    candidates = _beside([t.candidates for t in tables], "candidate", target)
    for k, table in enumerate(tables):
        frames.append(_cleaned(table, target, notes))
        if units is not None:
            _share_outlines(frames[-1], units)
        tables[k] = replace(table, frame=table.frame.iloc[:0], current=None, candidates=None)
    del table
    give_back_memory()
    rows = pd.concat(frames, ignore_index=True)
    order = rows.sort_values(["package", "file", "row"], kind="stable").index
    rows = objects(rows.loc[order].reset_index(drop=True))
    _known_tasks(rows, planned, tables)
    rows = with_saved(gpd.GeoDataFrame(rows, geometry=GEOMETRY, crs=target), written)
    there = set(rows["task"].dropna())
    missing = planned.tasks[~planned.tasks["task"].isin(there)].reset_index(drop=True)
    missing = missing.assign(given=missing["package"].isin(set(rows["package"])))
    stated = {table.file: crs_label(table.frame.crs) for table in tables if table.frame.crs is not None}
    known = saved or Saved()
    told = tuple(dict.fromkeys([*notes, *people_notes(rows, planned, known)]))
    last = {table.file: table.last_saved for table in tables if table.last_saved}
    return Edits(planned, rows, current, candidates, missing, told, stated, known, last)


def _plan_path(plan: Path | None, plans: Sequence[Path], files: Sequence[Path]) -> Path:
    if plan is not None:
        return plan
    if len(plans) > 1:
        listed = " and ".join(str(p) for p in plans)
        raise InputError(f"There are several plans, {listed}; apply them one by one.")
    if plans:
        return plans[0]
    for file in files:
        if (beside := file.with_name(PLAN_FILE)).is_file():
            return beside
    where = files[0].parent if files else Path()
    raise InputError(
        f"There is no {PLAN_FILE} in {where}; name the work folder that rogi update plan made with --plan."
    )


# ---- rows


def _cleaned(table: TaskTable, crs: Any, notes: list[str]) -> pd.DataFrame:
    """The rows of a file in the columns and types of the model, in one CRS."""
    source = table.frame
    by_name: dict[str, str] = {}
    for column in source.columns:
        if column != source.geometry.name:
            by_name.setdefault(normalise(str(column)), str(column))
    columns: dict[str, Any] = {}
    used = set()
    for column in TASK_COLUMNS:
        name = by_name.get(normalise(column.name)) or by_name.get(normalise(cut(column.name)))
        if name is None:
            columns[column.name] = np.full(len(source), None, dtype=object)
            continue
        used.add(name)
        columns[column.name] = typed(source[name], column.type)
    absent = [
        c.name
        for c in TASK_COLUMNS
        if c.editable and not {normalise(c.name), normalise(cut(c.name))} & by_name.keys()
    ]
    if absent:
        notes.append(f"{table.file} lacks the columns {', '.join(absent)}, which count as empty")
    extra = [name for name in by_name.values() if name not in used]
    if extra:
        notes.append(f"the columns {', '.join(sorted(extra))} of {table.file} were passed over")
    geometry, collections = polygonal(np.asarray(source.geometry.array, dtype=object))
    if collections:
        were = agreeing(collections, "was read as its", "were read as their")
        notes.append(f"{counted(collections, 'geometry collection')} of {table.file} {were} polygons")
    frame = pd.DataFrame(columns)
    frame["package"] = table.package
    frame["file"] = table.file
    frame["row"] = table.rows
    frame[GEOMETRY], frame[FAULT] = sound_outlines(geometry, source.crs, crs, table.unreadable)
    return frame


def _share_outlines(frame: pd.DataFrame, units: Units) -> None:
    """Let outlines that are those of the inventory be the same objects."""
    at = units.positions_of(frame["unit"])
    there = np.flatnonzero(at >= 0)
    own, drawn = units.geometry[at[there]], frame[GEOMETRY].to_numpy(dtype=object, copy=True)
    same = shapely.equals_identical(drawn[there], own)
    drawn[there[same]] = own[same]
    frame[GEOMETRY] = drawn


def _known_tasks(rows: pd.DataFrame, planned: Planned, tables: Sequence[TaskTable]) -> None:
    """Give each row the package of its task, and refuse files that belong to another plan."""
    package = dict(zip(planned.tasks["task"], planned.tasks["package"], strict=True))
    own = rows["task"].map(package)
    known = own.notna().to_numpy(dtype=bool)
    has_task = rows["task"].notna().to_numpy(dtype=bool)
    names = {p.name for p in planned.packages}
    for table in tables:
        here = (rows["file"] == table.file).to_numpy(dtype=bool)
        strangers = here & has_task & ~known
        if table.plan and planned.digest and table.plan != planned.digest:
            raise InputError(
                f"{table.file} is a package of another plan than {planned.path}; name the plan it was made "
                "with, with --plan."
            )
        if strangers.any() and not (here & known).any():
            raise InputError(
                f"{table.file} is a package of another plan: {planned.path} has none of its tasks, such as "
                f"{rows['task'][strangers].iloc[0]}; name the plan it was made with, with --plan."
            )
        if (here & known).any():
            likely = own[here & known].mode().iloc[0]
        elif table.package in names:
            likely = table.package
        else:
            likely = table.package or Path(table.file).stem
        rows.loc[here & ~known, "package"] = likely
    rows.loc[known, "package"] = own[known]


def planned_columns_changed(rows: gpd.GeoDataFrame, planned: Planned) -> Any:
    """(n,) bool: rows whose key, unit, candidates or class are not those of their task in the plan.

    A text that a Shapefile cut at 254 bytes counts as the one it was cut from.
    """
    at = planned.tasks.set_index("task")
    has = rows["task"].isin(at.index).to_numpy(dtype=bool)
    changed = np.zeros(len(rows), dtype=bool)
    expected = at.reindex(rows["task"][has])
    for name in IDENTITY[1:]:
        mine = rows[name][has].fillna("").astype(str).to_numpy(dtype=object)
        theirs = expected[name].fillna("").astype(str).to_numpy(dtype=object)
        differs = mine != theirs
        for i in np.flatnonzero(differs):
            limit = len(mine[i].encode())
            if limit >= SHAPEFILE_TEXT - 3 and theirs[i].startswith(mine[i]):
                differs[i] = False
        changed[np.flatnonzero(has)[differs]] = True
    return changed


def _beside(frames: Sequence[gpd.GeoDataFrame | None], key: str, crs: Any) -> gpd.GeoDataFrame:
    """Layers of several packages as one, each object once, in order of its key."""
    parts = []
    for frame in frames:
        if frame is None or frame.crs is None:
            continue
        names = {normalise(str(c)): str(c) for c in frame.columns}
        aliases = CANDIDATE_ID if key == "candidate" else (key,)
        column = next((names[normalise(a)] for a in aliases if normalise(a) in names), None)
        if column is None:
            continue
        geometry, _ = sound_outlines(np.asarray(frame.geometry.array, dtype=object), frame.crs, crs)
        table = pd.DataFrame(frame.drop(columns=frame.geometry.name)).rename(columns={column: key})
        parts.append(table.assign(**{key: typed(table[key], "text"), GEOMETRY: geometry}))
    if not parts:
        return gpd.GeoDataFrame({key: [], GEOMETRY: []}, geometry=GEOMETRY, crs=crs)
    table = pd.concat(parts, ignore_index=True)
    table = table[table[key].notna()].drop_duplicates(key).sort_values(key, ignore_index=True)
    return gpd.GeoDataFrame(table, geometry=GEOMETRY, crs=crs)


def row_problems(edits: Edits) -> list[Problem]:
    """Rows whose outline was set aside, that somebody else decided, or that do not fit the plan."""
    rows, planned = edits.rows, edits.planned
    known = rows["task"].isin(planned.tasks["task"]).to_numpy(dtype=bool)
    unknown = rows["task"].notna().to_numpy(dtype=bool) & ~known
    faults = rows[FAULT].to_numpy(dtype=object)
    bad = [i for i, fault in enumerate(faults) if fault is not None]
    found = [Problem.of(rows, i, Rule.UNREADABLE, faults[i]) for i in bad]
    found += [Problem.of(rows, int(i), Rule.UNKNOWN_TASK) for i in np.flatnonzero(unknown)]
    found += [Problem.of(rows, i, rule, detail) for i, rule, detail in other_hands(rows, edits.saved)]
    changed = planned_columns_changed(rows, planned)
    return found + [Problem.of(rows, int(i), Rule.PLAN_CHANGED) for i in np.flatnonzero(changed)]


def by_candidate(candidates: gpd.GeoDataFrame) -> Mapping[str, Any]:
    """Outline of each candidate."""
    return dict(zip(candidates["candidate"], candidates.geometry.array, strict=True))
