"""Work packages as files: which files hold tasks, and the tables in them, whatever was done to the files.

Packages come back with layers renamed, columns added, or exported to another format. Layers are known by
their columns. Nothing is changed, and nothing is judged here: see :mod:`rogi.update.deciding.edits`.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyogrio.raw
import shapely

from rogi.errors import InputError
from rogi.inventory.reading.dialects import Family
from rogi.inventory.reading.formats import Format, format_of
from rogi.inventory.reading.listing import SourceLayer
from rogi.inventory.reading.sources import find_layers
from rogi.inventory.reading.tables import Table, read_table
from rogi.inventory.writing.geopackage import UNCHANGING_TIME
from rogi.schema.model import normalise
from rogi.update.drawn import read_binary
from rogi.update.packages.snapshot import lacks_log, snapshot
from rogi.update.planning.stored_plan import PLAN_FILE
from rogi.update.vocabulary import APPLICATION, CANDIDATES, CURRENT, LINEAGE_FILE, TASKS

if TYPE_CHECKING:
    import geopandas as gpd

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
_TIME: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*Z"


@dataclass(frozen=True, slots=True, eq=False)
class TaskTable:
    """The tasks in one file, or in a store, with what lies beside them.

    Attributes
    ----------
    frame
        Columns of :data:`~rogi.update.vocabulary.TASK_COLUMNS` of any type, maybe more or fewer, and geometry
        with a CRS.
    file
        Name of the file.
    rows
        (n,) feature ids.
    package
        Name of the package as the file states it, or empty.
    plan
        Digest of the plan that the file says it is part of, or empty.
    unreadable
        Position of a row -> why its geometry cannot be read.
    last_saved
        When a program last wrote to the layer, UTC, ISO 8601; empty where the file does not say.
    current, candidates
        Layers of those names: ``unit`` and geometry, ``candidate`` and more and geometry; None where the
        file has none.
    """

    frame: gpd.GeoDataFrame
    file: str
    rows: np.ndarray[Any, np.dtype[np.int64]]
    package: str = ""
    current: gpd.GeoDataFrame | None = None
    candidates: gpd.GeoDataFrame | None = None
    plan: str = ""
    unreadable: Mapping[int, str] = field(default_factory=dict)
    last_saved: str = ""


def sorted_out(paths: Sequence[Path]) -> tuple[list[Path], list[Path], list[str]]:
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


def shown_names(files: Sequence[Path]) -> list[str]:
    """What files are called: their names, with the folder where two have one name."""
    names = [file.name for file in files]
    for call in (lambda file: f"{file.parent.name}/{file.name}", str):
        often = Counter(names)
        names = [call(f.absolute()) if often[n] > 1 else n for f, n in zip(files, names, strict=True)]
    return names


def read_package(file: Path, scratch: Path, notes: list[str], with_current: bool = True) -> list[TaskTable]:
    """The tasks in a file: one table, or none; ``with_current`` whether its layer of that name is read."""
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
    current, candidates = (_layer_beside(layers, name, file.name, notes) for name in (CURRENT, CANDIDATES))
    stated = _stated_plan(opened) if kind is Format.GEOPACKAGE else {}
    return [
        TaskTable(
            _with_dates(table.frame, dates, rows),
            file.name,
            rows,
            stated.get("package", ""),
            read_table(current).frame if current is not None and with_current else None,
            read_table(candidates).frame if candidates is not None else None,
            stated.get("plan", ""),
            _unreadable(tasks[0], table),
            _last_saved(opened, str(tasks[0].layer)) if kind is Format.GEOPACKAGE else "",
        )
    ]


def _unreadable(layer: SourceLayer, table: Table) -> dict[int, str]:
    """Position and reason of each geometry that is there, but cannot be built."""
    shapes = np.asarray(table.frame.geometry.array, dtype=object)
    missing = np.flatnonzero(shapely.is_missing(shapes))
    if not len(missing):
        return {}
    try:
        _, ids, binary, _ = pyogrio.raw.read(str(layer.file), layer=layer.layer, columns=[], return_fids=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeError):
        return {}
    known = ids if table.fids is None else table.fids
    found = dict(zip(ids.tolist(), binary, strict=True))
    if len(known) != len(shapes):
        return {}
    _, why = read_binary([found.get(int(known[i])) for i in missing])
    return {int(missing[k]): text for k, text in why.items()}


def _last_saved(package: Path, layer: str) -> str:
    """What the contents of a GeoPackage say (OGC 12-128r19, 1.1.3); plans leave a time that never changes."""
    try:
        with closing(sqlite3.connect(package)) as connection:
            query = "SELECT CAST(last_change AS TEXT) FROM gpkg_contents WHERE table_name = ?"
            found = connection.execute(query, [layer]).fetchone()
    except (sqlite3.Error, UnicodeError):
        return ""
    text = str(found[0]) if found else ""
    return f"{text[:19]}Z" if re.fullmatch(_TIME, text) and text != UNCHANGING_TIME else ""


def _dates_as_written(package: Path, layer: SourceLayer) -> dict[int, str]:
    """Text of each date by row, which is then emptied: GDAL makes 1970-01-01 of what is no date, or breaks.

    ``package`` is a private copy, see :func:`rogi.update.packages.snapshot.snapshot`.
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
) -> SourceLayer | None:
    """The layer of a name, else the only one that has its key and not the keys of the others."""
    for layer in layers:
        if layer.layer == name:
            return layer
    like = [layer for layer in layers if _kind_beside(layer) == name]
    if len(like) != 1:
        return None
    notes.append(f"layer {like[0].layer} of {file} was taken for {name} by its columns")
    return like[0]


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
