"""Metadata of a GeoPackage: descriptions and domains of columns, QGIS styles, times of change.

Columns are described by the schema extension of GeoPackage (OGC 12-128r19, Annex F.9): a row in
``gpkg_data_columns`` per column, vocabularies and ranges in ``gpkg_data_column_constraints``. Both are
advice to applications, not enforced by the file. Styles are kept in ``layer_styles``, the table QGIS reads.

All functions change a file in place, in one transaction: call them on the temporary file of
:func:`rogi.files.replacing`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rogi.errors import InputError
from rogi.inventory.reading.sqlite_files import STYLE_DESCRIPTION
from rogi.schema.docs import describe
from rogi.schema.load import load_vocabulary
from rogi.schema.model import Concept, FieldType, LayerSchema, Role, Schema, normalise
from rogi.schema.qgis import layer_qml

EXTENSION_NAME: Final = "gpkg_schema"
EXTENSION_DEFINITION: Final = "http://www.geopackage.org/spec130/#extension_schema"
UNCHANGING_TIME: Final = "2000-01-01T00:00:00.000Z"  # where the time of writing must not make files differ
CHANGE_COUNTERS: Final = (24, 92)

_COLUMNS_TABLE: Final = """CREATE TABLE IF NOT EXISTS gpkg_data_columns (
  table_name TEXT NOT NULL,
  column_name TEXT NOT NULL,
  name TEXT,
  title TEXT,
  description TEXT,
  mime_type TEXT,
  constraint_name TEXT,
  CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name)
)"""
_CONSTRAINTS_TABLE: Final = """CREATE TABLE IF NOT EXISTS gpkg_data_column_constraints (
  constraint_name TEXT NOT NULL,
  constraint_type TEXT NOT NULL,
  value TEXT,
  min NUMERIC,
  min_is_inclusive BOOLEAN,
  max NUMERIC,
  max_is_inclusive BOOLEAN,
  description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value)
)"""
_STYLES_TABLE: Final = """CREATE TABLE IF NOT EXISTS layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
  f_table_catalog TEXT(256),
  f_table_schema TEXT(256),
  f_table_name TEXT(256),
  f_geometry_column TEXT(256),
  styleName TEXT(30),
  styleQML TEXT,
  styleSLD TEXT,
  useAsDefault BOOLEAN,
  description TEXT,
  owner TEXT(30),
  ui TEXT(30),
  update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now'))
)"""


@contextmanager
def _changing(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction on a GeoPackage."""
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'gpkg_contents'").fetchone():
            raise InputError(f"{path} is not a GeoPackage: it has no table gpkg_contents.")
        yield connection
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise InputError(f"{path} is not a sound GeoPackage: {error}.") from error
    finally:
        connection.close()


def add_field_domains(path: Path, schema: Schema, tables: Mapping[Role, str] | None = None) -> None:
    """Describe the columns of a GeoPackage by a schema: title, description, domain.

    Columns are found by their names (compared without case and punctuation); a table or column that is
    not there is left out. What was said of a table's columns before is replaced.

    Parameters
    ----------
    path
        The GeoPackage, changed in place.
    schema
        What its layers are.
    tables
        Table of each role; default the names of the schema's layers.

    Raises
    ------
    InputError
        If the file is no GeoPackage.
    """
    with _changing(path) as connection:
        connection.execute(_COLUMNS_TABLE)
        connection.execute(_CONSTRAINTS_TABLE)
        connection.executemany(
            "INSERT OR IGNORE INTO gpkg_extensions"
            " SELECT ?, NULL, ?, ?, 'read-write' WHERE NOT EXISTS"
            " (SELECT 1 FROM gpkg_extensions WHERE table_name = ? AND extension_name = ?)",
            [
                (table, EXTENSION_NAME, EXTENSION_DEFINITION, table, EXTENSION_NAME)
                for table in ("gpkg_data_columns", "gpkg_data_column_constraints")
            ],
        )
        for layer in schema.layers:
            table = layer.name if tables is None else tables.get(layer.role)
            if table is not None:
                _describe_columns(connection, table, layer)


def _describe_columns(connection: sqlite3.Connection, table: str, layer: LayerSchema) -> None:
    present = {normalise(name): name for name in _columns(connection, table)}
    connection.execute("DELETE FROM gpkg_data_columns WHERE table_name = ?", (table,))
    titles: set[str] = set()
    for field in layer.fields:
        column = present.get(field.alias)
        if column is None:
            continue
        concept = field.concept
        name = column if concept.title in titles else concept.title  # unique in a table; GDAL's alias
        titles.add(name)
        connection.execute(
            "INSERT INTO gpkg_data_columns VALUES (?, ?, ?, ?, ?, NULL, ?)",
            (table, column, name, concept.title, describe(concept), _add_domain(connection, concept)),
        )


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    rows = connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    return [name for (name,) in rows]


def _add_domain(connection: sqlite3.Connection, concept: Concept) -> str | None:
    """Name of the constraint of a concept, written if need be; None where it has none.

    The extension's ranges have both ends, so a range with one end is left to the description.
    """
    rows: list[tuple[object, ...]]
    if concept.vocabulary is not None:
        coded = concept.type is FieldType.INTEGER
        name = f"{concept.vocabulary}_code" if coded else concept.vocabulary
        rows = [
            (name, "enum", str(term.code) if coded else term.value, None, None, None, None, term.value)
            for term in load_vocabulary(concept.vocabulary).terms
            if not coded or term.code is not None
        ]
    elif concept.minimum is not None and concept.maximum is not None:
        low, high = concept.minimum, concept.maximum
        name = re.sub(r"[^a-z0-9]+", "_", f"{concept.name}_range_{low:g}_{high:g}".replace("-", "minus_"))
        rows = [(name, "range", None, low, 1, high, 1, f"{concept.title}, {low:g} to {high:g}")]
    else:
        return None
    connection.execute("DELETE FROM gpkg_data_column_constraints WHERE constraint_name = ?", (name,))
    connection.executemany("INSERT INTO gpkg_data_column_constraints VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
    return name


def add_styles(
    path: Path, qml: Mapping[str, str], *, name: str = "rogi", time: str = UNCHANGING_TIME
) -> None:
    """Store QGIS styles in a GeoPackage, each the default of its table.

    Parameters
    ----------
    path
        The GeoPackage, changed in place.
    qml
        Table -> QML document; tables that are not there are left out.
    name
        Name of the styles; one of that name is replaced.
    time
        Time of change to record.

    Raises
    ------
    InputError
        If the file is no GeoPackage.
    """
    with _changing(path) as connection:
        connection.execute(_STYLES_TABLE)
        connection.execute(
            "INSERT OR IGNORE INTO gpkg_contents"
            " (table_name, data_type, identifier, description, last_change)"
            " VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?)",
            (time,),
        )
        geometry = dict(connection.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
        for table, document in qml.items():
            if table not in geometry:
                continue
            connection.execute(
                "DELETE FROM layer_styles WHERE f_table_name = ? AND styleName = ?", (table, name)
            )
            connection.execute("UPDATE layer_styles SET useAsDefault = 0 WHERE f_table_name = ?", (table,))
            connection.execute(
                "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column,"
                " styleName, styleQML, styleSLD, useAsDefault, description, owner, ui, update_time)"
                " VALUES ('', '', ?, ?, ?, ?, '', 1, ?, '', NULL, ?)",
                (table, geometry[table], name, document, f"{STYLE_DESCRIPTION}{table}", time),
            )


def add_schema_styles(
    path: Path, schema: Schema, tables: Mapping[Role, str] | None = None, *, time: str = UNCHANGING_TIME
) -> None:
    """Store the styles and edit forms of a schema (see :func:`rogi.schema.qgis.layer_qml`).

    Parameters
    ----------
    path
        The GeoPackage, changed in place.
    schema
        What its layers are.
    tables
        Table of each role; default the names of the schema's layers.
    time
        Time of change to record.
    """
    documents: dict[str, str] = {}
    with _changing(path) as connection:
        for layer in schema.layers:
            table = layer.name if tables is None else tables.get(layer.role)
            if table is not None and (columns := _columns(connection, table)):
                documents[table] = layer_qml(layer, schema.crs, columns)
    add_styles(path, documents, time=time)


def set_last_change(path: Path, time: str = UNCHANGING_TIME) -> None:
    """Set the time of change of all contents, so that the same contents give the same file.

    Parameters
    ----------
    path
        The GeoPackage, changed in place.
    time
        UTC, as ``2000-01-01T00:00:00.000Z``.
    """
    with _changing(path) as connection:
        connection.execute("UPDATE gpkg_contents SET last_change = ?", (time,))
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("VACUUM")  # drops pages whose content depends on how the file came about
    finally:
        connection.close()
    # How often the file was changed on the way depends on the clock. The counter and the number it was valid
    # for stand at bytes 24 and 92 (SQLite file format, 1.3.5 and 1.3.16); equal, they are a sound header.
    with path.open("rb+") as stream:
        for offset in CHANGE_COUNTERS:
            stream.seek(offset)
            stream.write((1).to_bytes(4, "big"))
