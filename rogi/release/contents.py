"""What the data of a release hold: layers, columns, counts and extents, as its metadata tell them."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely

from rogi.inventory.model import Inventory, Layer
from rogi.schema.model import Field, LayerSchema, Role, Schema
from rogi.validation.report import WaiverUse, totals

if TYPE_CHECKING:
    from rogi.statistics.unit_table import UnitTable
    from rogi.validation.report import Report

Bounds = tuple[float, float, float, float]
BOX_PARTS: Final = 10**6  # of a degree, in bounding boxes
_BLOCK: Final = 2**20


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is in the files; ``field`` is None where the schema has none for it."""

    name: str
    type: str  # of Table Schema
    field: Field | None


@dataclass(frozen=True, slots=True)
class LayerContents:
    """One layer; ``bounds`` are west, south, east, north in degrees, None where nothing has a place."""

    role: Role
    name: str
    title: str
    description: str
    features: int
    geometry_types: tuple[str, ...]
    bounds: Bounds | None
    columns: tuple[Column, ...]
    schema: LayerSchema | None


@dataclass(frozen=True, slots=True)
class Conformance:
    """How a validation came out: open findings by severity, waived ones, rules by status, and waivers."""

    open: Mapping[str, int]
    waived: int
    rules: Mapping[str, int]
    version: str
    waivers: tuple[WaiverUse, ...] = ()

    @property
    def sentence(self) -> str:
        """In words."""
        rules = ", ".join(f"{n} {status}" for status, n in self.rules.items())
        noun = {"error": "errors", "warning": "warnings", "info": "notes"}
        found = ", ".join(f"{n:,} {noun.get(severity, severity)}" for severity, n in self.open.items())
        waived = f" and {self.waived:,} waived" if self.waived else ""
        return f"Rules of rogi {self.version}: {rules}. Open findings: {found}{waived}."


@dataclass(frozen=True, slots=True)
class Contents:
    """The data of a release."""

    schema: Schema
    layers: tuple[LayerContents, ...]
    units: int
    area_km2: float | None
    bounds: Bounds | None
    conformance: Conformance | None

    def layer(self, role: Role) -> LayerContents | None:
        """The layer of a role, or None."""
        return next((layer for layer in self.layers if layer.role is role), None)


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A file of a package; ``path`` is relative, with slashes."""

    path: str
    size: int
    sha256: str


def describe(inventory: Inventory, table: UnitTable, conformance: Conformance | None = None) -> Contents:
    """What an inventory in the files of a release holds; coordinates are longitude and latitude."""
    layers = tuple(_layer(layer) for role in inventory.roles if (layer := inventory.layer(role)) is not None)
    boxes = [layer.bounds for layer in layers if layer.bounds is not None]
    bounds = None
    if boxes:
        west, south, east, north = zip(*boxes, strict=True)
        bounds = (min(west), min(south), max(east), max(north))
    area = table.numbers("area")
    total = None if area is None else float(math.fsum(a for a in area.tolist() if math.isfinite(a)))
    return Contents(inventory.schema, layers, len(table), total, bounds, conformance)


def _layer(layer: Layer) -> LayerContents:
    geometry = layer.geometry
    box = shapely.total_bounds(geometry) if len(geometry) else np.full(4, np.nan)
    bounds = outward(*box.tolist()) if np.isfinite(box).all() else None
    known = (
        {layer.columns[f.concept.name]: f for f in layer.schema.fields if f.concept.name in layer.columns}
        if layer.schema
        else {}
    )
    names = [str(c) for c in layer.frame.columns if c != layer.frame.geometry.name]
    types = sorted({str(t) for t in layer.frame.geometry.geom_type.dropna().unique()})
    return LayerContents(
        role=layer.role,
        name=layer.name,
        title=layer.schema.title if layer.schema else layer.role.title,
        description=layer.schema.description if layer.schema else "",
        features=len(layer),
        geometry_types=tuple(types),
        bounds=bounds,
        columns=tuple(
            Column(
                name,
                known[name].concept.type.value if name in known else _type(layer.frame[name]),
                known.get(name),
            )
            for name in names
        ),
        schema=layer.schema,
    )


def outward(west: float, south: float, east: float, north: float) -> Bounds:
    """A box in degrees with six decimals (0.1 m), in which all of it lies.

    Examples
    --------
    >>> outward(88.12345678, 30.000000001, 88.5, 31.2345671)
    (88.123456, 30.0, 88.5, 31.234568)
    """
    # The product is rounded first: 88.5 times a million is not whole in binary.
    low = [math.floor(round(v * BOX_PARTS, 3)) / BOX_PARTS for v in (west, south)]
    high = [math.ceil(round(v * BOX_PARTS, 3)) / BOX_PARTS for v in (east, north)]
    return (low[0], low[1], high[0], high[1])


def _type(values: pd.Series[Any]) -> str:
    dtype = values.dtype
    if pd.api.types.is_bool_dtype(dtype):
        return "boolean"
    if pd.api.types.is_integer_dtype(dtype):
        return "integer"
    if pd.api.types.is_float_dtype(dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "datetime"
    return "string"


def conformance_of(report: Report) -> Conformance:
    """The totals of a report."""
    sums = totals(report)
    return Conformance(
        {severity.value: n for severity, n in sums.open.items()},
        sums.waived,
        {status.value: n for status, n in sums.rules.items()},
        report.version,
        report.waivers,
    )


def conformance_from_json(content: Mapping[str, Any]) -> Conformance:
    """The totals of a report written as JSON."""
    sums = content["totals"]
    return Conformance(
        sums["open"], sums["waived"], sums["rules"], content["version"], waivers_from_json(content)
    )


def waivers_from_json(content: Mapping[str, Any]) -> tuple[WaiverUse, ...]:
    """The waivers of a report written as JSON."""
    made = []
    for entry in content["waivers"]:
        expires = entry["expires"]
        made.append(WaiverUse(**{**entry, "expires": dt.date.fromisoformat(expires) if expires else None}))
    return tuple(made)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return _digest(path, "sha256")


def md5_of(path: Path) -> str:
    """MD5 of a file, in hexadecimal; repositories state it, it proves no origin."""
    return _digest(path, "md5")


def _digest(path: Path, name: str) -> str:
    digest = hashlib.new(name, usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def files_of(
    folder: Path, *, without: tuple[str, ...] = (), known: Mapping[str, str] = MappingProxyType({})
) -> tuple[FileInfo, ...]:
    """The files below a folder, sorted by path; ``known`` has checksums that are known already."""
    paths = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return tuple(
        FileInfo(path, (folder / path).stat().st_size, known.get(path) or sha256_of(folder / path))
        for path in paths
        if path not in without
    )
