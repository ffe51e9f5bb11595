"""Binary geometries from strangers: nesting that would end the process is left out and counted."""

from __future__ import annotations

import doctest
import struct
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
import shapely

from rogi.inventory.reading import wkb

POINT = struct.pack("<BIdd", 1, 1, 1.0, 2.0)


def nested(levels: int, code: int = 7, order: str = "<", beside: bytes = b"", srid: bool = False) -> bytes:
    """Collections in collections, each with something beside the next."""
    flags = 0x2000_0000 if srid else 0
    head = struct.pack(f"{order}BI", order == "<", code | flags) + (
        struct.pack(f"{order}I", 4326) if srid else b""
    )
    count = struct.pack(f"{order}I", 1 + bool(beside))
    return (head + count + beside) * levels + POINT


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("code", [4, 5, 6, 7, 1007, 2007, 3006, 7 | 0x8000_0000, 7 | 0xC000_0000])
@pytest.mark.parametrize("srid", [False, True])
def test_deep_collections_are_not_given_to_geos(order: str, code: int, srid: bool) -> None:
    """Whatever the byte order, the kind of collection, Z, M and CRS."""
    notes: list[str] = []
    values = [POINT, nested(50_000, code, order, srid=srid), POINT]
    found = wkb.read([pa.array(values, pa.binary())], notes)
    assert [g is None for g in found] == [False, True, False]
    assert notes[0].startswith("1 geometries could not be built")


@pytest.mark.parametrize("shape", [
    shapely.LineString(np.random.default_rng(0).random((2000, 3))),
    shapely.Point(1, 2).buffer(3, 500),
    shapely.box(0, 0, 9, 9).difference(shapely.MultiPoint([(k % 9, k // 9) for k in range(60)]).buffer(0.1)),
    shapely.MultiPoint(np.random.default_rng(2).random((3000, 2))),
    shapely.GeometryCollection([shapely.box(k, 0, k + 1, 1) for k in range(2000)]),
    shapely.MultiPolygon([shapely.box(k, 0, k + 0.5, 1) for k in range(2000)]),
])  # fmt: skip
@pytest.mark.parametrize("write", [
    shapely.to_wkb,
    lambda g: shapely.to_wkb(g, byte_order=0),
    lambda g: shapely.to_wkb(shapely.set_srid(g, 4326), include_srid=True, flavor="extended"),
    lambda g: shapely.to_wkb(shapely.force_3d(g), flavor="iso"),
])  # fmt: skip
def test_large_sound_geometries_are_read(shape: shapely.Geometry, write: Callable[..., bytes]) -> None:
    """Many points, rings and parts are no depth."""
    data = write(shape)
    assert len(data) > 9000
    notes: list[str] = []
    (found,) = wkb.read([pa.array([data], pa.binary())], notes)
    assert found.equals(shape)
    assert notes == []
    assert not wkb.nested_too_deep(data.hex())


def test_things_beside_the_next_level_do_not_hide_it() -> None:
    """A point, a line and a polygon before each further collection."""
    line = struct.pack("<BII4d", 1, 2, 2, 0, 0, 1, 1)
    ring = struct.pack("<BIII8d", 1, 3, 1, 4, 0, 0, 1, 0, 1, 1, 0, 0)
    for beside in (POINT, line, ring):
        assert wkb._too_deep(nested(wkb.MOST_NESTED + 1, beside=beside))
        assert not wkb._too_deep(nested(wkb.MOST_NESTED - 1, beside=beside))


def test_damage_is_left_to_geos() -> None:
    """What ends too early, or counts more than there is, is not deep."""
    whole = nested(900, beside=POINT) + bytes(9000)
    for data in (
        whole[:9500],
        b"\x01\x07" + bytes(10_000),
        struct.pack("<BII", 1, 3, 1 << 31) + b"\xff" * 10_000,
    ):
        assert not wkb._too_deep(data)


def test_deep_text() -> None:
    """WKT, GeoJSON and hexadecimal; long texts of one geometry are none."""
    assert doctest.testmod(wkb).failed == 0
    for deep in (
        "GeometryCollection(POINT(1 1)," * 5000,
        "SRID=4326;geometrycollection z (" * 5000,
        ' {"type":"GeometryCollection","geometries":[' * 5000,
        nested(5000).hex(),
        nested(5000).hex().upper() + "\n",
    ):
        assert wkb.nested_too_deep(deep)
    for flat in ("MULTIPOLYGON((" * 5000, "x" * 90_000, '{"coordinates":' + "[" * 90_000, "0" * 89_999):
        assert not wkb.nested_too_deep(flat)
