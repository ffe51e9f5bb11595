"""Makers of harmful files: bombs, nesting, paths that lead outside, texts with control characters."""

from __future__ import annotations

import json
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from rogi.rules import examples
from tests.fuzz.mutants import HOSTILE_TEXTS
from tests.fuzz.samples import (
    inventory,
    raster,
    write_workbook,
)

DEEP = 200_000


def text(name: str, content: str | bytes) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        (folder / name).write_bytes(data)
        return name

    return make


def beside(make: Callable[[Path], None], name: str, content: str) -> Callable[[Path], str]:
    """A document with an inventory beside it."""

    def both(folder: Path) -> str:
        make(folder)
        return text(name, content)(folder)

    return both


def zeros(name: str, size: int) -> Callable[[Path], str]:
    """A zip of zeros, honest about its size."""

    def make(folder: Path) -> str:
        with (
            zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open(zipfile.ZipInfo("i.kml" if name.endswith("kmz") else "i.geojson"), "w") as sink,
        ):
            for _ in range(size >> 24):
                sink.write(bytes(1 << 24))
        return name

    return make


def lying(name: str) -> Callable[[Path], str]:
    """A zip whose member says that it has 100 bytes and unpacks to 400 MB."""

    def make(folder: Path) -> str:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = b"".join(packer.compress(bytes(1 << 24)) for _ in range(24)) + packer.flush()
        member = b"i.geojson"
        fields = struct.pack("<HHHHIIIHH", 20, 0, 8, 0, 0, len(packed), 100, len(member), 0)
        local = b"PK\x03\x04" + fields + member + packed
        entry = struct.pack(
            "<HHHHHHIIIHHHHHII", 20, 20, 0, 8, 0, 0, 0, len(packed), 100, len(member), 0, 0, 0, 0, 0, 0
        )
        central = b"PK\x01\x02" + entry + member
        end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
        (folder / name).write_bytes(local + central + end)
        return name

    return make


def member(member: str, link: bool = False) -> Callable[[Path], str]:
    """A zip with a member of a harmful name, or a link."""

    def make(folder: Path) -> str:
        info = zipfile.ZipInfo(member)
        if link:
            info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        with zipfile.ZipFile(folder / "i.zip", "w") as archive:
            archive.writestr(info, "/etc/passwd" if link else outline({}))
            archive.writestr("sound.geojson", outline({"ID": "x"}))
        return "i.zip"

    return make


def many(name: str) -> Callable[[Path], str]:
    """A zip of many empty members."""

    def make(folder: Path) -> str:
        with zipfile.ZipFile(folder / name, "w") as archive:
            for number in range(20_000):
                archive.writestr(f"{number}.geojson", "")
        return name

    return make


def outline(properties: dict[str, object], count: int = 1) -> str:
    """GeoJSON of squares with the same properties."""
    ring = [[90.0, 30.0], [90.01, 30.0], [90.01, 30.01], [90.0, 30.01], [90.0, 30.0]]
    feature = {
        "type": "Feature",
        "properties": properties,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature] * count})


def laughs(kind: str) -> str:
    """Entities that unfold to gigabytes."""
    if kind == "external":
        entities = '<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y SYSTEM "http://127.0.0.1:9/">'
        used = "&x;&y;"
    elif kind == "quadratic":
        entities, used = f'<!ENTITY x "{"a" * 100_000}">', "&x;" * 100_000
    else:
        entities = '<!ENTITY x0 "lol">' + "".join(
            f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 13)
        )
        used = "&x12;"
    ring = "90,30 90.01,30 90.01,30.01 90,30"
    return (
        f'<?xml version="1.0"?><!DOCTYPE kml [{entities}]><kml xmlns="http://www.opengis.net/kml/2.2"><Document>'
        f"<Placemark><name>{used}</name><Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates>"
        "</LinearRing></outerBoundaryIs></Polygon></Placemark></Document></kml>"
    )


YAML_BOMB = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12)
)
YAML_OBJECT = "!!python/object/apply:os.system ['touch out/harm']\n"


def workbook(content: str) -> Callable[[Path], str]:
    """A workbook whose sheet is given XML."""

    def make(folder: Path) -> str:
        write_workbook(folder / "i.xlsx", content)
        return "i.xlsx"

    return make


def hostile_values(suffix: str, driver: str) -> Callable[[Path], str]:
    """An inventory with hostile texts in all text columns."""

    def make(folder: Path) -> str:
        frame = examples.tprogi(4).layers[1].frame
        texts = [text for text in HOSTILE_TEXTS if "\x00" not in text and "\ud800" not in text]
        if driver == "LIBKML":  # XML has no such characters at all
            texts = [text for text in texts if not any(ord(c) < 32 and c != "\n" for c in text)]
        frame = frame.iloc[[0] * len(texts)].reset_index(drop=True)
        for column in frame.columns:
            if frame[column].dtype == object or str(frame[column].dtype).startswith("str"):
                frame[column] = texts
        frame.to_file(folder / f"i.{suffix}", driver=driver)
        return f"i.{suffix}"

    return make


def hostile_names(folder: Path) -> str:
    """A GeoPackage with hostile names of its layer and columns."""
    frame = examples.tprogi(4).layers[1].frame
    texts = [t for t in HOSTILE_TEXTS if "\x00" not in t and "\ud800" not in t and 0 < len(t) < 100]
    texts = list({text.casefold().strip(): text for text in texts}.values())
    frame = frame.assign(**{f"{text} ": "x" for text in texts})
    frame.to_file(folder / "i.gpkg", driver="GPKG", layer="l\x1b[31m\n::error::a")
    return "i.gpkg"


def endless_view(folder: Path) -> str:
    """A GeoPackage whose layer is a view without end."""
    import sqlite3

    inventory("gpkg")(folder)
    with sqlite3.connect(folder / "i.gpkg") as base:
        name, column = base.execute("SELECT table_name, column_name FROM gpkg_geometry_columns").fetchone()
        triggers = base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (trigger,) in triggers:
            base.execute(f'DROP TRIGGER "{trigger}"')
        base.execute(f'ALTER TABLE "{name}" RENAME TO kept')
        base.execute(
            f'CREATE VIEW "{name}" AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) '
            f'SELECT n.i AS fid, kept."{column}" FROM n, kept'
        )
    return "i.gpkg"


def tiff(width: int, height: int, block: int) -> Callable[[Path], str]:
    """A GeoTIFF of a few hundred bytes that says it is huge."""

    def make(folder: Path) -> str:
        raster(folder)
        tags = [
            (256, 4, width),
            (257, 4, height),
            (258, 3, 32),
            (259, 3, 8),
            (262, 3, 1),
            (277, 3, 1),
            (278, 4, block),
            (273, 4, 300),
            (279, 4, 20),
            (339, 3, 3),
        ]
        tags.sort()
        data = b"II*\x00" + struct.pack("<IH", 8, len(tags))
        data += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags) + bytes(4)
        (folder / "h.tif").write_bytes(data.ljust(300, b"\x00") + zlib.compress(bytes(1000)))
        return "h.tif"

    return make


def vrt(source: str, more: str = "") -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        raster(folder)
        text = (
            (folder / "dem.vrt")
            .read_text()
            .replace('relativeToVRT="1">dem.tif', f'relativeToVRT="1">{source}')
        )
        (folder / "h.vrt").write_text(text.replace("</VRTDataset>", f"{more}</VRTDataset>"))
        return "h.vrt"

    return make


def csv(header: str, rows: str) -> Callable[[Path], str]:
    return text("i.csv", f"{header}\n{rows}\n")
