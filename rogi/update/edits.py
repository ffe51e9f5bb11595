"""What mappers handed back: the rows of all work packages as one table, whatever was done to the files.

Packages come back with layers renamed, columns added, empty text for null, other types of geometry, rows
copied or deleted, or exported to another format. Rows are known by the keys of their tasks, layers by their
columns. Nothing is repaired: what cannot be used is told.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from rogi.errors import InputError
from rogi.geometry import transform_geometries
from rogi.inventory.crs import label as crs_label
from rogi.inventory.detect import Family
from rogi.inventory.formats import Format, format_of
from rogi.inventory.listing import SourceLayer
from rogi.inventory.sources import find_layers
from rogi.inventory.tables import read_table
from rogi.schema.model import normalise
from rogi.update.columns import GEOMETRY, cut, objects, typed
from rogi.update.lineage import FILE as LINEAGE_FILE
from rogi.update.model import APPLICATION, CANDIDATES, CURRENT, TASK_COLUMNS, TASKS
from rogi.update.planned import IDENTITY, PLAN_FILE, Planned, read_plan
from rogi.update.problems import Problem, Rule
from rogi.update.snapshot import lacks_log, snapshot
from rogi.words import agreeing, counted

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd
    import pyproj

PACKAGE_SUFFIXES: Final = (".gpkg", ".geojson", ".fgb", ".shp", ".parquet", ".geoparquet", ".zip")
KNOWN_BESIDE: Final = (
    ".qgs", ".qgz", ".kml", ".kmz", ".html", ".md", ".csv", ".json", ".txt", ".qml", ".qmd", ".png", ".tif",
    ".shx", ".dbf", ".prj", ".cpg", ".qpj", ".qix", ".sbn", ".sbx", ".xml", ".gpkg-wal", ".gpkg-shm",
    ".gpkg-journal", ".qgs~", ".qgz~", ".bak",
)  # fmt: skip
"""Files that lie in work folders and hold no tasks; others are named in a note."""
UPDATE_SUFFIX: Final = ".update"
"""Of the folder that an apply writes beside a new version; neither of the two holds tasks."""
NEEDED: Final = ("task", "decision", "merge_into")
"""Columns without which a layer holds no tasks."""
CANDIDATE_ID: Final = ("candidate", "candidate_id")
SHAPEFILE_TEXT: Final = 254
HEAD_CHARACTERS: Final = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class TaskTable:
    """The tasks in one file, or in a store, with what lies beside them.

    Attributes
    ----------
    frame
        Columns of :data:`~rogi.update.model.TASK_COLUMNS` of any type, maybe more or fewer, and geometry
        with a CRS.
    file
        Name of the file.
    rows
        (n,) feature ids.
    package
        Name of the package as the file states it, or empty.
    plan
        Digest of the plan that the file says it is part of, or empty.
    current, candidates
        Layers of those names: ``unit`` and geometry, ``candidate`` and more and geometry; None where the
        file has none.
    text_limit
        Bytes to which the format cut texts, or 0.
    """

    frame: gpd.GeoDataFrame
    file: str
    rows: np.ndarray[Any, np.dtype[np.int64]]
    package: str = ""
    current: gpd.GeoDataFrame | None = None
    candidates: gpd.GeoDataFrame | None = None
    text_limit: int = 0
    plan: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Edits:
    """The rows of all packages.

    Attributes
    ----------
    planned
        What was planned.
    rows
        (n,) one row each: the columns of :data:`~rogi.update.model.TASK_COLUMNS` (text without outer blanks
        or None, booleans or None, numbers), ``package``, ``file``, ``row``, and the geometry ``geom``:
        polygons and multipolygons, None where there is none; sorted by package, file and row.
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
    """

    planned: Planned
    rows: gpd.GeoDataFrame
    current: gpd.GeoDataFrame
    candidates: gpd.GeoDataFrame
    missing: pd.DataFrame
    notes: tuple[str, ...] = ()
    crs_names: Mapping[str, str] = field(default_factory=dict)


def read_edits(
    paths: Sequence[Path],
    *,
    plan: Path | None = None,
    store: str | None = None,
    crs: pyproj.CRS | str | None = None,
) -> Edits:
    """Read what mappers decided.

    Parameters
    ----------
    paths
        Work folders, packages in any format, and whatever else lies beside them, in any order.
    plan
        ``plan.json`` or its folder; by default among ``paths``, or beside a package.
    store
        Address of a database that holds packages, ``postgresql://…``.
    crs
        CRS of the result; by default that of the first package.

    Raises
    ------
    InputError
        If there is no plan or no package, or a file is damaged, locked, or of another plan.

    Notes
    -----
    No file is changed, and none is made beside one.
    """
    files, plans, notes = _sorted_out(paths)
    tables: list[TaskTable] = []
    with tempfile.TemporaryDirectory(prefix="rogi-") as folder:
        for number, (file, shown) in enumerate(zip(files, _shown(files), strict=True)):
            scratch = Path(folder) / str(number)
            scratch.mkdir()
            tables += [replace(table, file=shown) for table in _tables_of(file, scratch, notes)]
    stored: Planned | None = None
    if store is not None:
        from rogi.update.store import read_store

        found = read_store(store)
        tables += found.tables
        stored = found.planned
    planned = stored if stored is not None and plan is None and not plans else None
    if planned is None:
        planned = read_plan(_plan_path(plan, plans, files))
    if not tables:
        shown = ", ".join(str(path) for path in paths) or "what was named"
        raise InputError(
            f"There is no work package in {shown}; name the work folder, or the GeoPackages with the layer "
            f"{TASKS}."
        )
    return collect(planned, tables, crs, notes)


def collect(
    planned: Planned,
    tables: Sequence[TaskTable],
    crs: pyproj.CRS | str | None = None,
    notes: Iterable[str] = (),
) -> Edits:
    """The rows of several tables as one, checked against the plan; see :func:`read_edits`."""
    import geopandas as gpd
    import pandas as pd

    ordered = sorted(tables, key=lambda t: (t.file, t.package, len(t.frame)))
    target = crs if crs is not None else ordered[0].frame.crs
    notes = list(notes)
    frames = [_cleaned(table, target, notes) for table in ordered]
    rows = pd.concat(frames, ignore_index=True)
    order = rows.sort_values(["package", "file", "row"], kind="stable").index
    rows = objects(rows.loc[order].reset_index(drop=True))
    _known_tasks(rows, planned, ordered)
    rows = gpd.GeoDataFrame(rows, geometry=GEOMETRY, crs=target)
    there = set(rows["task"].dropna())
    missing = planned.tasks[~planned.tasks["task"].isin(there)].reset_index(drop=True)
    missing = missing.assign(given=missing["package"].isin(set(rows["package"])))
    current = _beside([t.current for t in ordered], "unit", target)
    candidates = _beside([t.candidates for t in ordered], "candidate", target)
    stated = {table.file: crs_label(table.frame.crs) for table in ordered if table.frame.crs is not None}
    return Edits(planned, rows, current, candidates, missing, tuple(dict.fromkeys(notes)), stated)


# ---- files


def _sorted_out(paths: Sequence[Path]) -> tuple[list[Path], list[Path], list[str]]:
    """Files that may hold tasks, plans, and notes on others; each file once."""
    files: dict[Path, Path] = {}
    plans: dict[Path, Path] = {}
    notes: list[str] = []
    for path in paths:
        inside = path.is_dir()
        if inside and path.suffix == UPDATE_SUFFIX:
            continue  # what an earlier apply wrote
        try:
            members = sorted(path.iterdir()) if inside else [path]
        except OSError as error:
            raise InputError(f"{path} cannot be listed: {error.strerror}.") from None
        for file in members:
            name = file.name.casefold()
            if name.startswith(".") or (file.is_dir() and (inside or not file.exists())):
                continue
            if name == PLAN_FILE:
                plans[file.resolve()] = file
            elif inside and (file.with_suffix(UPDATE_SUFFIX) / LINEAGE_FILE).is_file():
                continue
            elif file.suffix.casefold() in PACKAGE_SUFFIXES:
                files[file.resolve()] = file
            elif not name.endswith(KNOWN_BESIDE) or not file.exists():
                if not file.exists():
                    raise InputError(f"{file} does not exist; check the spelling and the folder.")
                notes.append(f"{file.name} was passed over: no format of work packages")
            elif name.endswith(".csv") and _is_task_sheet(file):
                notes.append(
                    f"{file.name} was ignored: a CSV has no outlines, so its decisions are not applied; hand "
                    "back the GeoPackage"
                )
    return list(files.values()), list(plans.values()), notes


def _is_task_sheet(file: Path) -> bool:
    """Whether a CSV looks like tasks that a mapper handed back; the list of the plan has no decisions."""
    try:
        with file.open(encoding="utf-8-sig", errors="replace") as stream:
            head = stream.readline(HEAD_CHARACTERS)
    except OSError:
        return False
    names = {normalise(name.strip().strip('"')) for name in re.split("[,;\t]", head)}
    return {normalise(name) for name in NEEDED} <= names


def _shown(files: Sequence[Path]) -> list[str]:
    """What files are called: their names, with the folder where two have one name."""
    names = [file.name for file in files]
    for call in (lambda file: f"{file.parent.name}/{file.name}", str):
        often = Counter(names)
        names = [call(f.absolute()) if often[n] > 1 else n for f, n in zip(files, names, strict=True)]
    return names


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


def _tables_of(file: Path, scratch: Path, notes: list[str]) -> list[TaskTable]:
    """The tasks in a file: one table, or none."""
    kind = format_of(file)
    own = scratch / "copy"
    own.mkdir()
    opened = snapshot(file, own) if kind is Format.GEOPACKAGE else file
    more = scratch / "more"
    more.mkdir()
    try:
        found = [layer for layer in find_layers([opened], more).layers if layer.family is not Family.NONE]
    except InputError as error:
        raise InputError(str(error).replace(str(opened), str(file))) from None
    layers = [replace(layer, shown=file) for layer in found]
    tasks = [layer for layer in layers if _holds_tasks(layer)]
    if not tasks:
        notes.append(f"{file.name} was passed over: no layer has the columns {', '.join(NEEDED)}")
        return []
    if len(tasks) > 1:
        named = [layer for layer in tasks if layer.layer == TASKS]
        if len(named) != 1:
            listed = ", ".join(str(layer.layer) for layer in tasks)
            raise InputError(
                f"{file} has several layers of tasks ({listed}); delete or rename the copies, so that one is "
                f"called {TASKS}."
            )
        notes += [
            f"layer {layer.layer} of {file.name} was passed over for the layer {TASKS}"
            for layer in tasks
            if layer is not named[0]
        ]
        tasks = named
    if tasks[0].layer != TASKS and kind is Format.GEOPACKAGE:
        notes.append(f"layer {tasks[0].layer} of {file.name} was taken for {TASKS} by its columns")
    dates = _dates_as_written(opened, tasks[0]) if kind is Format.GEOPACKAGE else {}
    table = read_table(tasks[0])
    notes += [f"{file.name}: {note}" for note in table.notes]
    if kind is Format.GEOPACKAGE and lacks_log(file):
        notes.append(
            f"{file.name} was copied while a program had it open: it is in write-ahead mode, and its file "
            f"{file.name}-wal, with the edits saved last, is missing; if edits are missing, ask its mapper "
            "to close QGIS and send the file again"
        )
    if table.frame.crs is None:
        raise InputError(
            f"{file} states no coordinate reference system; export the layer {TASKS} again, with its CRS."
        )
    rows = table.fids if table.fids is not None else np.arange(1, len(table.frame) + 1, dtype=np.int64)
    beside = {name: _layer_beside(layers, name, file.name, notes) for name in (CURRENT, CANDIDATES)}
    stated = _stated_plan(opened) if kind is Format.GEOPACKAGE else {}
    return [
        TaskTable(
            _with_dates(table.frame, dates, rows),
            file.name,
            rows,
            stated.get("package", ""),
            beside[CURRENT],
            beside[CANDIDATES],
            SHAPEFILE_TEXT if tasks[0].format is Format.SHAPEFILE else 0,
            stated.get("plan", ""),
        )
    ]


def _dates_as_written(package: Path, layer: SourceLayer) -> dict[int, str]:
    """Text of each date by row, which is then emptied: GDAL makes 1970-01-01 of what is no date, or breaks.

    ``package`` is a private copy, see :func:`rogi.update.snapshot.snapshot`.
    """
    name = next((str(c) for c in layer.columns if normalise(str(c)) == "date"), None)
    if name is None:
        return {}
    table, column = (text.replace('"', '""') for text in (str(layer.layer), name))
    try:
        with closing(sqlite3.connect(package)) as connection, connection:
            found = connection.execute(
                f'SELECT rowid, CAST("{column}" AS TEXT) FROM "{table}" WHERE "{column}" IS NOT NULL'  # noqa: S608
            ).fetchall()
            triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
            for (trigger,) in triggers:
                connection.execute('DROP TRIGGER "{}"'.format(trigger.replace('"', '""')))
            connection.execute(f'UPDATE "{table}" SET "{column}" = NULL')  # noqa: S608 - quoted names
    except sqlite3.Error:  # a view, or text that is no UTF-8: as GDAL reads it
        return {}
    return {int(row): str(text) for row, text in found}


def _with_dates(
    frame: gpd.GeoDataFrame, dates: Mapping[int, str], rows: np.ndarray[Any, np.dtype[np.int64]]
) -> gpd.GeoDataFrame:
    name = next((str(c) for c in frame.columns if normalise(str(c)) == "date"), None)
    if name is None or not dates:
        return frame
    return frame.assign(**{name: np.array([dates.get(int(row)) for row in rows], dtype=object)})


def _holds_tasks(layer: SourceLayer) -> bool:
    names = {normalise(column) for column in layer.columns}
    return all(normalise(name) in names for name in NEEDED)


def _layer_beside(
    layers: Sequence[SourceLayer], name: str, file: str, notes: list[str]
) -> gpd.GeoDataFrame | None:
    """The layer of a name, else the only one that has its key and not the keys of the others."""
    for layer in layers:
        if layer.layer == name:
            return read_table(layer).frame
    like = [layer for layer in layers if _kind_beside(layer) == name]
    if len(like) != 1:
        return None
    notes.append(f"layer {like[0].layer} of {file} was taken for {name} by its columns")
    return read_table(like[0]).frame


def _kind_beside(layer: SourceLayer) -> str:
    """Which of the layers to look at this one is, by its columns; empty where they do not tell."""
    columns = {normalise(column) for column in layer.columns}
    if "task" in columns:
        return ""
    if columns & {normalise(name) for name in CANDIDATE_ID}:
        return "" if "kind" in columns else CANDIDATES  # neighbours are of two kinds
    return CURRENT if "unit" in columns else ""


def _stated_plan(package: Path) -> dict[str, str]:
    """Keys and values of the table ``plan``."""
    uri = f"{package.resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            rows = connection.execute("SELECT key, value FROM plan LIMIT 1000").fetchall()
    except (sqlite3.Error, UnicodeError):
        return {}
    stated = {str(key): str(value) for key, value in rows}
    return stated if stated.get("application", APPLICATION) == APPLICATION else {}


# ---- rows


def _cleaned(table: TaskTable, crs: Any, notes: list[str]) -> pd.DataFrame:
    """The rows of a file in the columns and types of the model, in one CRS."""
    import pandas as pd

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
    geometry, collections = _polygonal(np.asarray(source.geometry.array, dtype=object))
    if collections:
        were = agreeing(collections, "was read as its", "were read as their")
        notes.append(f"{counted(collections, 'geometry collection')} of {table.file} {were} polygons")
    frame = pd.DataFrame(columns)
    frame["package"] = table.package
    frame["file"] = table.file
    frame["row"] = table.rows
    frame[GEOMETRY] = transform_geometries(geometry, source.crs, crs)
    return frame


def _polygonal(geometry: Any) -> tuple[Any, int]:
    """Polygons and multipolygons in two dimensions, None for what has none; how many were collections."""
    out = np.array(shapely.force_2d(geometry), dtype=object)
    kind = shapely.get_type_id(out)
    mixed = np.flatnonzero(kind == shapely.GeometryType.GEOMETRYCOLLECTION)
    for row in mixed:
        parts = shapely.get_parts(out[row])
        parts = np.concatenate([shapely.get_parts(part) for part in parts]) if len(parts) else parts
        polygons = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
        out[row] = shapely.multipolygons(polygons) if len(polygons) else None
    kind = shapely.get_type_id(out)
    no_area = ~np.isin(kind, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    out[no_area | shapely.is_empty(out)] = None
    single = (kind == shapely.GeometryType.MULTIPOLYGON) & (shapely.get_num_geometries(out) == 1)
    out[single] = shapely.get_geometry(out[single], 0)
    return out, len(mixed)


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


def planned_columns_changed(rows: gpd.GeoDataFrame, planned: Planned, shapefiles: bool = True) -> Any:
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
    import geopandas as gpd
    import pandas as pd

    parts = []
    for frame in frames:
        if frame is None or frame.crs is None:
            continue
        names = {normalise(str(c)): str(c) for c in frame.columns}
        aliases = CANDIDATE_ID if key == "candidate" else (key,)
        column = next((names[normalise(a)] for a in aliases if normalise(a) in names), None)
        if column is None:
            continue
        geometry = transform_geometries(np.asarray(frame.geometry.array, dtype=object), frame.crs, crs)
        table = pd.DataFrame(frame.drop(columns=frame.geometry.name)).rename(columns={column: key})
        parts.append(table.assign(**{key: typed(table[key], "text"), GEOMETRY: geometry}))
    if not parts:
        return gpd.GeoDataFrame({key: [], GEOMETRY: []}, geometry=GEOMETRY, crs=crs)
    table = pd.concat(parts, ignore_index=True)
    table = table[table[key].notna()].drop_duplicates(key).sort_values(key, ignore_index=True)
    return gpd.GeoDataFrame(table, geometry=GEOMETRY, crs=crs)


def row_problems(edits: Edits) -> list[Problem]:
    """Rows that do not fit the plan: unknown tasks, changed columns of the plan."""
    rows, planned = edits.rows, edits.planned
    known = rows["task"].isin(planned.tasks["task"]).to_numpy(dtype=bool)
    unknown = rows["task"].notna().to_numpy(dtype=bool) & ~known
    found = [Problem.of(rows, int(i), Rule.UNKNOWN_TASK) for i in np.flatnonzero(unknown)]
    changed = planned_columns_changed(rows, planned)
    return found + [Problem.of(rows, int(i), Rule.PLAN_CHANGED) for i in np.flatnonzero(changed)]


def by_candidate(candidates: gpd.GeoDataFrame) -> Mapping[str, Any]:
    """Outline of each candidate."""
    return dict(zip(candidates["candidate"], candidates.geometry.array, strict=True))
