"""Metadata inside a GeoPackage: texts about the file, a table or its columns (OGC 12-128r19, Annex F.8)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rogi.errors import OutputError
from rogi.inventory.writing.geopackage import UNCHANGING_TIME

_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS gpkg_metadata (
  id INTEGER CONSTRAINT m_pk PRIMARY KEY ASC NOT NULL,
  md_scope TEXT NOT NULL DEFAULT 'dataset',
  md_standard_uri TEXT NOT NULL,
  mime_type TEXT NOT NULL DEFAULT 'text/xml',
  metadata TEXT NOT NULL DEFAULT ''
)""",
    """CREATE TABLE IF NOT EXISTS gpkg_metadata_reference (
  reference_scope TEXT NOT NULL,
  table_name TEXT,
  column_name TEXT,
  row_id_value INTEGER,
  timestamp DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  md_file_id INTEGER NOT NULL,
  md_parent_id INTEGER,
  CONSTRAINT crmr_mfi_fk FOREIGN KEY (md_file_id) REFERENCES gpkg_metadata(id),
  CONSTRAINT crmr_mpi_fk FOREIGN KEY (md_parent_id) REFERENCES gpkg_metadata(id)
)""",
)

JSON_URI: Final = "https://json.org/"
"""Standard that `gpkg_metadata` names for JSON of no other, such as the provenance of columns."""
_MIME: Final = "application/json"
_MAX_TEXTS: Final = 10_000  # more than any file of ours can hold; a stranger's file may hold anything


@dataclass(frozen=True)
class Metadata:
    """A text in JSON about a GeoPackage, or about columns of one of its tables.

    Attributes
    ----------
    text : str
    standard : str
        URI of what defines the text.
    table : str, optional
        None for the whole file.
    columns : tuple of str
    """

    text: str
    standard: str
    table: str | None = None
    columns: tuple[str, ...] = ()


def write_metadata(path: Path, entries: Sequence[Metadata], time: str = UNCHANGING_TIME) -> None:
    """Put metadata into a GeoPackage, in place of what it held.

    Parameters
    ----------
    path
        The GeoPackage, changed in place; call it on the temporary file of `rogi.files.replacing`.
    entries
        In the order in which they are numbered.
    time
        ISO 8601, for the references.

    Raises
    ------
    OutputError
        If the file cannot be changed.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            connection.execute(statement)
        for name in ("gpkg_metadata", "gpkg_metadata_reference"):
            connection.execute(
                "INSERT INTO gpkg_extensions SELECT ?, NULL, 'gpkg_metadata',"
                " 'http://www.geopackage.org/spec140/#extension_metadata', 'read-write' WHERE NOT EXISTS"
                " (SELECT 1 FROM gpkg_extensions WHERE table_name = ? AND extension_name = 'gpkg_metadata')",
                (name, name),
            )
        connection.execute("DELETE FROM gpkg_metadata_reference")
        connection.execute("DELETE FROM gpkg_metadata")
        for number, entry in enumerate(entries, 1):
            scope = "dataset" if entry.table is None else "attribute"
            connection.execute(
                "INSERT INTO gpkg_metadata VALUES (?, ?, ?, ?, ?)",
                (number, scope, entry.standard, _MIME, entry.text),
            )
            connection.executemany(
                "INSERT INTO gpkg_metadata_reference VALUES (?, ?, ?, NULL, ?, ?, NULL)",
                [
                    ("geopackage" if entry.table is None else "column", entry.table, column, time, number)
                    for column in (entry.columns if entry.table is not None else (None,))
                ],
            )
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise OutputError(f"{path} could not be changed: {error}.") from error
    finally:
        connection.close()


def read_column_metadata(path: Path, standard: str) -> tuple[Metadata, ...]:
    """What a GeoPackage says of columns under a standard; nothing where it is none or has no metadata."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(
                "SELECT m.id, m.metadata, r.table_name, r.column_name FROM gpkg_metadata m"
                " JOIN gpkg_metadata_reference r ON r.md_file_id = m.id"
                " WHERE r.reference_scope = 'column' AND m.md_standard_uri = ? AND m.mime_type = ?"
                " ORDER BY m.id, r.rowid LIMIT ?",
                (standard, _MIME, _MAX_TEXTS),
            ).fetchall()
    except (sqlite3.Error, UnicodeError):
        return ()
    found: dict[tuple[int, str], Metadata] = {}
    for number, text, table, column in rows:
        known = found.get((number, table))
        columns = (*known.columns, column) if known is not None else (column,)
        found[number, table] = Metadata(str(text), standard, table, columns)
    return tuple(found.values())
