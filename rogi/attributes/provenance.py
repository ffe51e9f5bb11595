"""Where derived values come from: a sidecar in JSON, and the metadata tables of a GeoPackage."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rogi import __version__
from rogi.errors import OutputError

if TYPE_CHECKING:
    from rogi.attributes.elevation_model import Mosaic
    from rogi.ledger import Ledger

STANDARD_URI = "https://json.org/"
"""What `gpkg_metadata` says of JSON."""

_TABLES = (
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
"""OGC 12-128r19, Annex F.8, tables 15 and 16."""


@dataclass(frozen=True)
class Input:
    """A file that values were derived from.

    Attributes
    ----------
    name : str
        File name, without its folder.
    size : int
        Bytes.
    sha256 : str
    crs, resolution : str
        Of the raster; empty where they do not apply.
    """

    name: str
    size: int
    sha256: str
    crs: str
    resolution: str


@dataclass(frozen=True)
class Provenance:
    """How the fields of a group were derived.

    Attributes
    ----------
    group : str
    columns : tuple of str
    layer : str
    inputs : tuple of Input
    parameters : mapping
        All choices, as plain values.
    """

    group: str
    columns: tuple[str, ...]
    layer: str
    inputs: tuple[Input, ...]
    parameters: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {**asdict(self), "parameters": dict(self.parameters), "rogi": __version__}


def file_input(path: Path, ledger: Ledger, crs: str, resolution: str) -> Input:
    """A file, or folder, as an input."""
    size = (
        sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
        if path.is_dir()
        else path.stat().st_size
    )
    return Input(path.name, size, ledger.file_digest(path), crs, resolution)


def raster_input(path: Path, mosaic: Mosaic, ledger: Ledger) -> Input:
    """A file of an elevation model as an input."""
    for raster in (*(tile.raster for tile in mosaic.tiles), *mosaic.others):
        if path in raster.files:
            a, e = abs(raster.transform.a), abs(raster.transform.e)
            return file_input(path, ledger, raster.crs.to_string(), f"{a:.10g} x {e:.10g}")
    return file_input(path, ledger, "", "")


def sidecar(records: Sequence[Provenance], settings: str, inventory: Sequence[Input]) -> str:
    """Provenance as JSON: the inventory, how each group of fields was derived, the settings as TOML."""
    content = {
        "rogi": __version__,
        "inventory": [asdict(source) for source in inventory],
        "fields": [record.to_dict() for record in records],
        "settings": settings,
    }
    return json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def add_metadata(path: Path, records: Sequence[Provenance], table: str, time: str) -> None:
    """Write provenance into the metadata tables of a GeoPackage, in place.

    Parameters
    ----------
    path : Path
        Call it on the temporary file of `rogi.files.replacing`.
    records : sequence of Provenance
    table : str
        The layer's table.
    time : str
        ISO 8601, for the references.

    Notes
    -----
    One row of ``gpkg_metadata`` per group, in JSON, with the scope ``attribute`` and one reference per
    column. What earlier runs said of a column is replaced.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _TABLES:
            connection.execute(statement)
        connection.executemany(
            "INSERT OR IGNORE INTO gpkg_extensions VALUES (?, NULL, 'gpkg_metadata', ?, 'read-write')",
            [
                (name, "http://www.geopackage.org/spec/#extension_metadata")
                for name in ("gpkg_metadata", "gpkg_metadata_reference")
            ],
        )
        for record in records:
            text = json.dumps(record.to_dict(), ensure_ascii=False, sort_keys=True)
            identifier = connection.execute(
                "INSERT INTO gpkg_metadata (md_scope, md_standard_uri, mime_type, metadata) "
                "VALUES (?, ?, ?, ?)",
                ("attribute", STANDARD_URI, "application/json", text),
            ).lastrowid
            connection.executemany(
                "INSERT INTO gpkg_metadata_reference VALUES ('column', ?, ?, NULL, ?, ?, NULL)",
                [(table, column, time, identifier) for column in record.columns],
            )
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise OutputError(f"{path} could not be written: {error}.") from error
    finally:
        connection.close()
