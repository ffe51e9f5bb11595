"""A mapper who works on packages by plain SQL, as scripts and QGIS do."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely
from packages import Inputs
from shapely.geometry.base import BaseGeometry

from rogi.inventory.model import Inventory
from rogi.inventory.read import read_inventory
from rogi.schema.model import Role
from rogi.update.applying.new_version import Applied, apply
from rogi.update.deciding.edits import read_edits
from rogi.update.deciding.examination import Examination, examine
from rogi.update.planning.units import Units, read_units
from rogi.update.vocabulary import TASK_COLUMNS


def blob(shape: BaseGeometry, srs: int = 4326) -> bytes:
    """A geometry as a GeoPackage stores it, without envelope (OGC 12-128r19, 2.1.3)."""
    whole = shape if shape.geom_type == "MultiPolygon" else shapely.MultiPolygon([shape])
    header = b"GP\x00" + bytes([1]) + srs.to_bytes(4, "little", signed=True)
    return header + shapely.to_wkb(whole, byte_order=1, flavor="iso")


def decide(package: Path, task: str, decision: str | None, shape: Any = None, **values: Any) -> None:
    """Decide on the rows of a task; `shape` is the new outline."""
    given = {"decision": decision, "mapper": "anna", "date": "2026-08-15", **values}
    if shape is not None:
        given["geom"] = blob(shape)
    sets = ", ".join(f'"{name}" = ?' for name in given)
    with closing(sqlite3.connect(package)) as connection, connection:
        changed = connection.execute(
            f"UPDATE tasks SET {sets} WHERE task = ?",
            [*given.values(), task],
        )
        assert changed.rowcount >= 1, task


def draw(package: Path, decision: str | None, shape: Any, **values: Any) -> None:
    """A row drawn by hand, without a task."""
    given = {"decision": decision, "mapper": "anna", "date": "2026-08-15", **values, "geom": blob(shape)}
    names = ", ".join(f'"{name}"' for name in given)
    marks = ", ".join("?" * len(given))
    with closing(sqlite3.connect(package)) as connection, connection:
        connection.execute(f"INSERT INTO tasks ({names}) VALUES ({marks})", [*given.values()])


def copy_row(package: Path, task: str, shape: Any = None, **values: Any) -> None:
    """Copy and paste of a task's first row, with other values."""
    columns = [c.name for c in TASK_COLUMNS] + ["geom"]
    names = ", ".join(f'"{name}"' for name in columns)
    with closing(sqlite3.connect(package)) as connection, connection:
        row = connection.execute(
            f"SELECT {names} FROM tasks WHERE task = ? ORDER BY fid LIMIT 1",
            [task],
        ).fetchone()
        given = dict(zip(columns, row, strict=True)) | values
        if shape is not None:
            given["geom"] = blob(shape)
        marks = ", ".join("?" * len(columns))
        connection.execute(f"INSERT INTO tasks ({names}) VALUES ({marks})", [*given.values()])


def split(package: Path, task: str, parts: list[Any], **values: Any) -> None:
    """QGIS' split tool: the row gets the first part, copies of it the others; all are decided."""
    decide(package, task, "split", parts[0], **{"reason": "two lobes", **values})
    for part in parts[1:]:
        copy_row(package, task, part)


def without_triggers(package: Path, *statements: str) -> None:
    """Run SQL on a package whose triggers are gone, as after an export."""
    with closing(sqlite3.connect(package)) as connection, connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in names:
            connection.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            connection.execute(statement)


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@cache
def units_of(inventory: Path) -> Units:
    """The units of an inventory that no test changes."""
    return read_units(read_inventory(inventory))


def looked_at(inputs: Inputs, work: Path, **options: Any) -> Examination:
    """The decisions in a work folder, examined."""
    units = units_of(inputs.inventory)
    return examine(read_edits([work], crs=units.layer.crs), units.inventory, units=units, **options)


def applied(inputs: Inputs, work: Path, version: str = "1.1", **options: Any) -> Applied:
    """The decisions in a work folder, applied."""
    return apply(looked_at(inputs, work), version, **options)


def ids_of(inventory: Inventory) -> list[str]:
    """IDs of the outlines in order of the file."""
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    return list(layer.frame["ID"])


def frame_of(inventory: Inventory, role: Role = Role.OUTLINE) -> gpd.GeoDataFrame:
    """Rows of a layer by ID."""
    layer = inventory.layer(role)
    assert layer is not None
    return layer.frame.set_index("ID")
