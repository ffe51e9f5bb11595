"""Where derived values come from: a sidecar in JSON, and the metadata tables of a GeoPackage."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rogi import __version__
from rogi.attributes.fields import column_name
from rogi.inventory.writing.metadata import JSON_URI, Metadata, read_column_metadata
from rogi.text import json_escaped

if TYPE_CHECKING:
    from rogi.inventory.model import Inventory, Layer
    from rogi.ledger import Ledger
    from rogi.raster.elevation.model import Surface


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
    units : dict of str to int
        By column, how many units have a value of this run.
    layer : str
    inputs : tuple of Input
    parameters : mapping
        All choices, as plain values.
    """

    group: str
    units: Mapping[str, int]
    layer: str
    inputs: tuple[Input, ...]
    parameters: Mapping[str, Any]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns with a value of this run."""
        return tuple(self.units)

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        own = {"units": dict(self.units), "columns": self.columns, "parameters": dict(self.parameters)}
        return {**asdict(self), **own, "rogi": __version__}


def of_columns(record: Provenance, counts: Mapping[str, int], layer: Layer) -> Provenance | None:
    """A record of concepts as one of columns, with the units that have a value; None if none has."""
    units = {column_name(name, layer): counts[name] for name in record.units if counts.get(name)}
    return replace(record, units=units) if units else None


def file_input(path: Path, ledger: Ledger, crs: str, resolution: str) -> Input:
    """A file, or folder, as an input; of one that a VRT names and that is missing, so."""
    parts = path.rglob("*") if path.is_dir() else [path]
    size = sum(part.stat().st_size for part in parts if part.is_file())
    from rogi.raster.content import content_digest  # rasterio: what a release keeps needs none

    return Input(path.name, size, content_digest(path, ledger), crs, resolution)


def raster_inputs(paths: Iterable[Path], surface: Surface, ledger: Ledger) -> dict[Path, Input]:
    """Files of an elevation model as inputs."""
    tiles = {path: tile for tile in reversed(surface.tiles) for path in tile.files}
    found = {}
    for path in paths:
        crs = size = ""
        if path in tiles:
            grid = tiles[path].grid
            crs, size = grid.crs.to_string(), f"{abs(grid.transform.a):.10g} x {abs(grid.transform.e):.10g}"
        found[path] = file_input(path, ledger, crs, size)
    return found


def sidecar(
    records: Sequence[Provenance], earlier: Sequence[Metadata], settings: str, inventory: Sequence[Input]
) -> str:
    """Provenance as JSON: the inventory, how each group of fields was derived in this run and, of columns
    that it left as they were, in earlier ones, the settings as TOML."""
    content = {
        "rogi": __version__,
        "inventory": [asdict(source) for source in inventory],
        "fields": [record.to_dict() for record in records],
        "earlier": [{"layer": e.table, "columns": e.columns, "provenance": e.text} for e in earlier],
        "settings": settings,
    }
    return json_escaped(json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True)) + "\n"


def column_metadata(records: Sequence[Provenance], earlier: Sequence[Metadata]) -> tuple[Metadata, ...]:
    """Provenance for the metadata tables of a GeoPackage, column by column.

    Parameters
    ----------
    records : sequence of Provenance
        Of this run.
    earlier : sequence of Metadata
        Of earlier runs (see `kept_provenance`).
    """
    return *earlier, *(
        Metadata(json.dumps(r.to_dict(), ensure_ascii=False, sort_keys=True), JSON_URI, r.layer, r.columns)
        for r in records
    )


def kept_provenance(
    inventory: Inventory, records: Sequence[Provenance], only_missing: bool
) -> tuple[Metadata, ...]:
    """What the inventory's files say of columns whose values, or some of them, are left as they are."""
    replaced = {(record.layer, column) for record in records for column in record.columns}
    kept = []
    for path in sorted({s.path for layer in inventory.layers for s in layer.sources if s.path.is_file()}):
        for entry in read_column_metadata(path, JSON_URI):
            layer = next((layer for layer in inventory.layers if layer.name == entry.table), None)
            columns = tuple(
                column
                for column in entry.columns
                if layer is not None
                and column in layer.frame
                and layer.frame[column].notna().any()
                and (only_missing or (entry.table, column) not in replaced)
            )
            if columns:
                kept.append(replace(entry, columns=columns))
    return tuple(kept)
