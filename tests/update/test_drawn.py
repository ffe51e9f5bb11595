"""Outlines that cannot be: from packages and a store the row is named and set aside, the rest goes on."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from mapping import blob, units_of, without_triggers
from packages import SOUTH, STEP, WEST, Inputs, make_work, octagon

from rogi.update.applying.new_version import Applied, apply
from rogi.update.deciding.edits import read_edits
from rogi.update.deciding.examination import Examination, examine
from rogi.update.drawn import read_binary, sound_outlines
from rogi.update.problems import Rule

NAN, INF = float("nan"), float("inf")
PLACE = (WEST + 0.5 * STEP, SOUTH + 0.5 * STEP)


def ring(*points: tuple[float, float]) -> bytes:
    """A multipolygon of one ring as well-known binary, whatever its points."""
    polygon = struct.pack("<BIII", 1, 3, 1, len(points))
    return struct.pack("<BII", 1, 6, 1) + polygon + b"".join(struct.pack("<dd", *p) for p in points)


def box(west: float, south: float, east: float, north: float) -> bytes:
    return ring((west, south), (east, south), (east, north), (west, north), (west, south))


X, Y = PLACE
BAD: dict[str, tuple[bytes, Rule, str]] = {
    "longitude 700": (box(700, Y, 700.006, Y + 0.006), Rule.UNREADABLE, "no place on Earth"),
    "longitude -800": (box(-800, Y, -799.99, Y + 0.006), Rule.UNREADABLE, "no place on Earth"),
    "another turn": (box(X + 360, Y, X + 360.006, Y + 0.006), Rule.NO_PLACE, "434"),
    "numbers of 1e300": (box(1e300, Y, 1.1e300, Y + 1), Rule.UNREADABLE, "no place on Earth"),
    "one vertex of 1e300": (ring((X, Y), (1e300, Y), (X, Y + 0.006), (X, Y)), Rule.UNREADABLE, "no place"),
    "beyond the pole": (box(X, 89.0, X + 0.006, 95.0), Rule.UNREADABLE, "no place on Earth"),
    "around the world": (box(-180, -90, 180, 90), Rule.TOO_LARGE, "km²"),
    "around the pole": (box(-170, 88, 170, 89), Rule.TOO_LARGE, "km"),
    "a degree wide": (box(60, 30, 61, 31), Rule.TOO_LARGE, "km²"),
    "long and thin": (box(60, 20, 60.0001, 22), Rule.TOO_LARGE, "km long"),
    "NaN": (ring((X, Y), (NAN, Y), (X, Y + 0.006), (X, Y)), Rule.UNREADABLE, "not finite"),
    "all NaN": (ring((NAN, NAN), (NAN, NAN), (NAN, NAN), (NAN, NAN)), Rule.UNREADABLE, "cannot be read"),
    "Inf": (ring((X, Y), (INF, Y), (X, Y + 0.006), (X, Y)), Rule.UNREADABLE, "not finite"),
    "minus Inf": (ring((X, Y), (X, -INF), (X + 0.006, Y), (X, Y)), Rule.UNREADABLE, "not finite"),
    "not closed": (ring((X, Y), (X + 0.006, Y), (X, Y + 0.006), (X, Y + 1e-9)), Rule.UNREADABLE, "closed"),
    "two points": (ring((X, Y), (X + 0.006, Y)), Rule.UNREADABLE, "cannot be read"),
}  # fmt: skip
SOUND = shapely.to_wkb(shapely.MultiPolygon([octagon(X, Y, 0.002, 0.002)]), byte_order=1)
VALUES = {"decision": "retrieve", "mapper": "anna", "reason": "missed", "date": "2026-08-15"}
EDITED = "r0c1"


@dataclass(frozen=True)
class Looked:
    """What was read from packages or a store in which every bad outline was drawn, and one sound one."""

    looked: Examination
    applied: Applied
    rows: dict[str, int]  # name of a case -> feature id


def header(wkb: bytes) -> bytes:
    return blob(shapely.box(0, 0, 1, 1))[:8] + wkb


def in_package(work: Path, unit: str) -> dict[str, int]:
    """Draw all, as after an export, and break the outline of a planned row."""
    without_triggers(work / "anna.gpkg")
    rows = {}
    with closing(sqlite3.connect(work / "anna.gpkg")) as connection, connection:
        for name, wkb in [*((k, v[0]) for k, v in BAD.items()), ("sound", SOUND)]:
            names = ", ".join(VALUES)
            made = connection.execute(
                f"INSERT INTO tasks ({names}, geom) VALUES (?, ?, ?, ?, ?)", [*VALUES.values(), header(wkb)]
            )
            rows[name] = int(made.lastrowid or 0)
        made = connection.execute("SELECT fid FROM tasks WHERE unit = ?", [unit])
        rows["planned"] = int(made.fetchone()[0])
        broken = header(BAD["NaN"][0])
        connection.execute("UPDATE tasks SET geom = ? WHERE unit = ?", [broken, unit])
    return rows


def in_store(database: Any, work: Path, unit: str) -> dict[str, int]:
    """The same by SQL, by the owner without the rules, as after a restore."""
    from stores import fill

    fill(database.url(), work)
    rows = {}
    with database.connect() as connection:
        connection.execute("SET search_path TO rogi_update, public")
        connection.execute("ALTER TABLE tasks DISABLE TRIGGER tasks_row")
        srid = connection.execute("SELECT ST_SRID(geom) FROM tasks LIMIT 1").fetchone()[0]

        def geometry(wkb: bytes) -> str:
            """Extended well-known binary, hexadecimal."""
            (kind,) = struct.unpack("<I", wkb[1:5])
            return (wkb[:1] + struct.pack("<II", kind | 0x2000_0000, srid) + wkb[5:]).hex()

        for name, wkb in [*((k, v[0]) for k, v in BAD.items()), ("sound", SOUND)]:
            names, marks = ", ".join(VALUES), ", ".join(["%s"] * len(VALUES))
            rows[name] = connection.execute(
                f"INSERT INTO tasks ({names}, package, geom) VALUES ({marks}, 'anna', %s::geometry)"
                " RETURNING fid",
                [*VALUES.values(), geometry(wkb)],
            ).fetchone()[0]
        rows["planned"] = connection.execute(
            "UPDATE tasks SET geom = %s::geometry WHERE unit = %s RETURNING fid",
            [geometry(BAD["NaN"][0]), unit],
        ).fetchone()[0]
    return rows


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Inputs, Path]:
    return make_work(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(
    scope="module", params=["package", pytest.param("store", marks=pytest.mark.xdist_group("postgres"))]
)
def read(request: pytest.FixtureRequest, planned: tuple[Inputs, Path]) -> Looked:
    """Everything drawn, read, examined and applied."""
    inputs, work = planned
    unit = inputs.case.unit[EDITED]
    if request.param == "store":
        server = request.getfixturevalue("server")
        for name in ("anna", "ben"):
            server.role(name)
        database = server.database()
        request.addfinalizer(lambda: server.drop(database))
        rows = in_store(database, work, unit)
        edits = read_edits([], store=database.url(), crs="EPSG:4326")
    else:
        rows = in_package(work, unit)
        edits = read_edits([work], crs="EPSG:4326")
    units = units_of(inputs.inventory)
    looked = examine(edits, units.inventory, units=units)
    return Looked(looked, apply(looked, "1.1"), rows)


@pytest.mark.parametrize("name", BAD)
def test_the_row_is_named_and_set_aside(read: Looked, name: str) -> None:
    """Its problem says which row of which package it is, whose, and what is wrong."""
    _, rule, words = BAD[name]
    found = [p for p in read.looked.problems if p.row == read.rows[name] and p.package == "anna"]
    assert [p.rule for p in found] == [rule]
    assert words in found[0].message and found[0].mapper == "anna" and "anna" in found[0].file
    assert f"row {read.rows[name]}" in found[0].where


def test_a_planned_row_is_set_aside_too(read: Looked) -> None:
    found = [p for p in read.looked.problems if p.row == read.rows["planned"]]
    assert Rule.UNREADABLE in {p.rule for p in found}


def test_the_rest_goes_on(read: Looked) -> None:
    """The one sound outline is a new unit with an ID; nothing else is new, and no unit is without an ID."""
    new = [o for o in read.applied.operations if o.operation == "retrieve"]
    assert len(new) == 1 and new[0].unit.startswith("RGU") and 0.1 < (new[0].area_new_km2 or 0) < 0.2
    assert len(read.applied.changed) == 1 and "None" not in read.applied.changed


def test_status_and_apply_end_with_findings(
    planned: tuple[Inputs, Path], run: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """Neither command breaks down; both name the rows."""
    inputs, folder = planned
    work = tmp_path / "work"
    work.mkdir()
    for file in folder.iterdir():
        (work / file.name).write_bytes(file.read_bytes())
    with closing(sqlite3.connect(work / "anna.gpkg")) as connection:
        drawn = connection.execute("SELECT count(*) FROM tasks WHERE decision = 'retrieve'").fetchone()[0]
    if not drawn:
        in_package(work, inputs.case.unit[EDITED])
    code, text = run("status", work, "--limit", "-1")
    assert code == 1 and text.count("[outline-unreadable]") == 12, text
    output = tmp_path / "v1.1.gpkg"
    code, text = run("apply", work, "--inventory", inputs.inventory, "-o", output)
    assert code == 1 and "[outline-unreadable]" in text and output.is_file(), text


def test_projected_outlines() -> None:
    """In a UTM zone too: what survives no way to longitude and latitude is no place."""
    shapes = [shapely.box(500_000, 4e6, 500_500, 4.0005e6), shapely.box(1e9, 4e6, 1.0001e9, 4.1e6)]
    sound, fault = sound_outlines(np.array(shapes, dtype=object), pyproj.CRS(32643), 4326)
    assert [s is None for s in sound] == [False, True]
    assert (fault[0] is None and "WGS 84 / UTM zone 43N" in fault[1]) or "EPSG:32643" in fault[1]


def test_binary_that_is_none() -> None:
    """Null stays null without a reason; a ring that is not closed has GEOS' words."""
    shapes, why = read_binary([None, BAD["not closed"][0], SOUND])
    assert [s is None for s in shapes] == [True, True, False]
    assert list(why) == [1] and "closed" in why[1]
