"""A work package: a GeoPackage for a mapper, with the tasks to decide on and what to look at beside them."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import geopandas as gpd
import pandas as pd
import pyarrow as pa

from rogi.errors import OutputError
from rogi.files import replacing
from rogi.inventory.writing.geopackage import UNCHANGING_TIME, add_styles, set_last_change
from rogi.update.multipolygons import write_multipolygons
from rogi.update.packages.triggers import PLAN, trigger_statements
from rogi.update.planning.plan import Package, Plan
from rogi.update.vocabulary import CANDIDATES, CONTEXT, CURRENT, PLANNED, TASK_COLUMNS, TASKS

if TYPE_CHECKING:
    import geopandas as gpd

STYLE: Final = "rogi update"
"""Name of the styles in the package."""

DESCRIPTIONS: Final = {
    TASKS: "What is to be decided: one row per unit, and per candidate without a unit",
    CURRENT: "Outlines of the units as they are in the inventory",
    CANDIDATES: "Outlines found in the new imagery",
    CONTEXT: "Units and candidates of other packages nearby",
}


def write_package(
    path: Path,
    tasks: gpd.GeoDataFrame,
    current: gpd.GeoDataFrame,
    candidates: gpd.GeoDataFrame,
    context: gpd.GeoDataFrame,
    *,
    plan: Mapping[str, str],
    styles: Mapping[str, str] | None = None,
) -> None:
    """Write a work package: four layers, the table ``plan``, and triggers that keep the rules.

    The layer ``tasks`` has no spatial index, whose triggers need functions that plain SQLite lacks.

    Parameters
    ----------
    path
        The file to write; what is there is replaced.
    tasks
        The columns of :data:`rogi.update.vocabulary.TASK_COLUMNS`, of which those that are missing are null.
    current, candidates, context
        Layers to look at, with any columns. All four are polygonal and of one CRS.
    plan
        What the package is part of, kept as a table of keys and values.
    styles
        Layer -> QML document, each the default style of its layer.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    layers = {
        TASKS: (_task_table(tasks), tasks),
        CURRENT: (_table(current), current),
        CANDIDATES: (_table(candidates), candidates),
        CONTEXT: (_table(context), context),
    }
    with replacing(path) as temporary:
        for number, (name, (table, frame)) in enumerate(layers.items()):
            options = {
                "SPATIAL_INDEX": "NO" if name == TASKS else "YES",
                "IDENTIFIER": name,
                "DESCRIPTION": DESCRIPTIONS[name],
            }
            write_multipolygons(temporary, name, table, frame.geometry, options, append=number > 0)
        try:
            with closing(sqlite3.connect(temporary)) as connection, connection:
                connection.execute("PRAGMA synchronous = OFF")  # what counts is synced when it is moved in
                _write_plan(connection, plan)
                for statement in trigger_statements():
                    connection.execute(statement)
        except sqlite3.Error as error:
            raise OutputError(f"{path} could not be written: {error}.") from error
        if styles:
            add_styles(temporary, styles, name=STYLE)
        set_last_change(temporary)


def _task_table(tasks: gpd.GeoDataFrame) -> pa.Table:
    """The columns of a task in the order and types of the model."""
    types = {
        "text": pa.string(),
        "integer": pa.int32(),
        "real": pa.float64(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
    }
    columns: dict[str, pa.Array] = {}
    for column in TASK_COLUMNS:
        kind = types[column.type]
        if column.name in tasks:
            values: Any = tasks[column.name]
            if column.type == "date":
                values = pd.to_datetime(values).dt.date
            columns[column.name] = pa.Array.from_pandas(values, type=kind)
        else:
            columns[column.name] = pa.nulls(len(tasks), kind)
    return pa.table(columns)


def _table(frame: gpd.GeoDataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame.drop(columns=frame.geometry.name), preserve_index=False)
    for i, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(i, pa.field(field.name, pa.string()), table.column(i).cast(pa.string()))
    return table


def _write_plan(connection: sqlite3.Connection, plan: Mapping[str, str]) -> None:
    connection.execute(
        f'CREATE TABLE "{PLAN}" (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,'
        " key TEXT NOT NULL UNIQUE, value TEXT NOT NULL)"
    )
    connection.executemany("INSERT INTO plan (key, value) VALUES (?, ?)", sorted(plan.items()))
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change)"
        " VALUES (?, 'attributes', ?, 'What this package is part of', ?)",
        (PLAN, PLAN, UNCHANGING_TIME),
    )


def layers_of(
    plan: Plan, package: Package
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """The layers ``tasks``, ``current``, ``candidates`` and ``context`` of a package."""

    def own(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        return frame[frame["package"] == package.number].drop(columns="package").reset_index(drop=True)

    tasks = own(plan.tasks)
    return tasks[[*PLANNED, tasks.geometry.name]], own(plan.current), own(plan.candidates), own(plan.context)
