"""Small inventories on disk, and a check that reading leaves a folder as it was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from rogi.inventory.write import write_inventory
from rogi.rules import examples

Listing = dict[str, tuple[int, int, bytes]]


def listing(folder: Path) -> Listing:
    """Everything below a folder: size, time and content."""
    return {
        str(p.relative_to(folder)): (
            p.stat().st_size,
            p.stat().st_mtime_ns,
            p.read_bytes() if p.is_file() else b"",
        )
        for p in [folder, *sorted(folder.rglob("*"))]
        if not p.is_symlink() or p.exists()
    }


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Call it when the inputs are made; at the end of the test they must be as they were then."""
    before: list[Listing] = []
    yield lambda: before.append(listing(tmp_path))
    assert before, "the test never said that its inputs are made"
    assert listing(tmp_path) == before[0]


@pytest.fixture
def shapefiles(tmp_path: Path) -> Path:
    """A folder with the two Shapefiles of a TPRoGI-like inventory."""
    folder = tmp_path / "TPRoGI"
    write_inventory(examples.tprogi(4), folder, format="shapefile")
    return folder


@pytest.fixture
def geopackage(tmp_path: Path) -> Path:
    """A GeoPackage with the four layers of an RGIK-like inventory."""
    path = tmp_path / "rgik.gpkg"
    write_inventory(examples.rgik(4), path)
    return path


def without_triggers(path: Path) -> None:
    """Remove the triggers of a GeoPackage, which call functions that SQLite alone has not."""
    connection = sqlite3.connect(path)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f'DROP TRIGGER "{name}"')
    connection.commit()
    connection.close()


def outlines(count: int = 2, crs: str | None = "EPSG:4326", **columns: object) -> gpd.GeoDataFrame:
    """Squares of 0.01 degrees side by side."""
    return gpd.GeoDataFrame(
        columns,
        geometry=[shapely.box(90 + 0.1 * k, 30, 90.01 + 0.1 * k, 30.01) for k in range(count)],
        crs=crs,
    )
