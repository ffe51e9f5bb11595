"""Files made to harm, what reads them, and whether they must be refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.fuzz import bombs
from tests.fuzz.bombs import DEEP, YAML_BOMB, YAML_OBJECT
from tests.fuzz.samples import inventory, packaged, settings
from tests.fuzz.targets import CONVERT, STATS, VALIDATE, Command, relief


class Hostile(NamedTuple):
    """A hostile input.

    Attributes
    ----------
    name : str
    make : function
        Writes it into a folder; gives the name of the file.
    commands : tuple
        What reads it, ``{}`` being the file.
    refused : bool
        Whether it must be refused (exit code 2), rather than only do no harm.
    """

    name: str
    make: Callable[[Path], str]
    commands: tuple[Command, ...]
    refused: bool = False


READ = (VALIDATE, CONVERT)


def _yaml(name: str, content: str, *command: str) -> Hostile:
    make = bombs.beside(inventory("gpkg"), "h.yaml", content)
    return Hostile(name, make, (command,), True)


def _named(name: str) -> Hostile:
    """A sound file of a hostile name."""
    return Hostile(f"a file called {name!r}", bombs.text(name, bombs.outline({"ID": "x"})), (*READ, STATS))


SQUARE = "POLYGON((90 30,90.01 30,90.01 30.01,90 30))"

HOSTILE: tuple[Hostile, ...] = (
    Hostile("zip bomb", bombs.zeros("i.zip", 1 << 28), READ, True),
    Hostile("kmz bomb", bombs.zeros("i.kmz", 1 << 28), READ, True),
    Hostile("xlsx bomb", bombs.zeros("i.xlsx", 1 << 28), READ, True),
    Hostile("lying zip", bombs.lying("i.zip"), READ, True),
    Hostile("zip of 20,000 files", bombs.many("i.zip"), READ, True),
    *(
        Hostile(f"zip member {member!r}", bombs.member(member), READ, True)
        for member in (
            "../harm.geojson",
            "/tmp/harm.geojson",
            "a/../../harm.geojson",
            "C:\\harm.geojson",
            "..\\harm.geojson",
        )
    ),
    Hostile("zip member with control characters", bombs.member("h\x1b[31m\n::error::.geojson"), READ),
    Hostile("zip with a link", bombs.member("link.geojson", link=True), READ, True),
    *(
        Hostile(f"XML entities, {kind}", bombs.text("i.kml", bombs.laughs(kind)), READ, True)
        for kind in ("laughs", "quadratic", "external")
    ),
    Hostile("deep KML", bombs.text("i.kml", "<kml><Document>" + "<Folder>" * DEEP), READ, True),
    Hostile(
        "deep GeoJSON",
        bombs.text("i.geojson", '{"type":"FeatureCollection","features":' + "[" * DEEP),
        READ,
        True,
    ),
    Hostile(
        "deep GeoJSON, closed",
        bombs.text("i.geojson", '{"type":"FeatureCollection","features":' + "[" * DEEP + "]" * DEEP + "}"),
        READ,
        True,
    ),
    Hostile(
        "GeoJSON with long numbers",
        bombs.text("i.geojson", bombs.outline({"AREA": 0}).replace("90.01", "9" * 200_000)),
        READ,
    ),
    Hostile(
        "GeoJSON with a half surrogate",
        bombs.text("i.geojson", bombs.outline({"ID": "\ud800", "MAPPER": "\x00\x1b[2J"})),
        READ,
    ),
    Hostile("workbook with entities", bombs.workbook(bombs.laughs("laughs")), READ, True),
    Hostile(
        "workbook with a far cell",
        bombs.workbook(
            '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
            '<sheetData><row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row>'
            "</sheetData></worksheet>"
        ),
        READ,
    ),
    Hostile("GeoPackage with an endless view", bombs.endless_view, (VALIDATE, CONVERT, STATS)),
    Hostile("CSV of one line of 50 MB", bombs.text("i.csv", "a" * 50_000_000), READ),
    Hostile(
        "CSV of 100,000 columns",
        bombs.csv("WKT," + ",".join(f"c{n}" for n in range(100_000)), f'"{SQUARE}"'),
        READ,
    ),
    Hostile("CSV with deep WKT", bombs.csv("ID,WKT", 'a,"' + "GEOMETRYCOLLECTION(" * 50_000 + '"'), READ),
    Hostile(
        "CSV with infinite coordinates",
        bombs.csv("ID,WKT", 'a,"POLYGON((1e999 30,90 nan,90 31,1e999 30))"'),
        READ,
    ),
    Hostile("hostile values, GeoPackage", bombs.hostile_values("gpkg", "GPKG"), (*READ, STATS)),
    Hostile("hostile values, GeoJSON", bombs.hostile_values("geojson", "GeoJSON"), (*READ, STATS)),
    Hostile("hostile values, KML", bombs.hostile_values("kml", "LIBKML"), READ),
    Hostile("hostile names", bombs.hostile_names, (*READ, STATS)),
    *(
        _named(name)
        for name in (
            "a\x1b[31m.geojson",
            "a\n::error::b.geojson",
            "-rf.geojson",
            "a!b.geojson",
            "a;b|c?d#e%f.geojson",
            "a\u202eb.geojson",
            "'\"`$(x).geojson",
            " .geojson",
        )
    ),
    _yaml("YAML bomb as schema", YAML_BOMB, "schema", "export", "{}", "--to", "markdown"),
    _yaml("YAML bomb as dialect", YAML_BOMB, "validate", "in/i.gpkg", "--no-config", "--dialect", "{}"),
    _yaml("YAML bomb as facts", YAML_BOMB, "stats", "in/i.gpkg", "--expect", "{}"),
    _yaml("YAML bomb as reference", YAML_BOMB, "compare", "in/i.gpkg", "--reference", "{}"),
    Hostile(
        "YAML bomb as card",
        bombs.beside(inventory("gpkg"), "h.yaml", YAML_BOMB),
        (("detect", "models", "{}"),),
    ),
    *(
        _yaml(f"YAML, {what}", content, "schema", "export", "{}", "--to", "markdown")
        for what, content in (
            ("an object", YAML_OBJECT),
            ("deep", "[" * DEEP),
            ("deep, closed", "[" * DEEP + "]" * DEEP),
            ("a long number", "id: " + "9" * 500_000),
            ("itself", "a: &a\n  b: *a\n"),
            ("a NUL", "id: a\x00b"),
        )
    ),
    Hostile(
        "deep TOML",
        bombs.beside(settings, "h.toml", "a = " + "[" * DEEP),
        (("validate", "in/i.gpkg", "--config", "{}"),),
        True,
    ),
    Hostile(
        "TOML with long keys",
        bombs.beside(settings, "h.toml", ".".join("a" * 50_000) + " = 1"),
        (("validate", "in/i.gpkg", "--config", "{}"),),
        True,
    ),
    Hostile(
        "TOML with a long number",
        bombs.beside(settings, "h.toml", "a = " + "9" * 500_000),
        (("validate", "in/i.gpkg", "--config", "{}"),),
        True,
    ),
    Hostile(
        "deep baseline",
        bombs.beside(inventory("gpkg"), "h.json", "[" * DEEP),
        (("validate", "in/i.gpkg", "--no-config", "--baseline", "{}"),),
        True,
    ),
    Hostile(
        "dialect with a catastrophic pattern",
        bombs.beside(
            packaged("dialects/rgik-template.yaml", "d.yaml"),
            "h.yaml",
            "name: x\ntitle: x\nschema: rgik/1.0\nsource: x\nevidence: V\nlayers:\n  - role: outline\n"
            '    names: ["' + "*a" * 40 + '"]\n',
        ),
        (("validate", "in/i.gpkg", "--no-config", "--dialect", "{}"),),
    ),
    Hostile(
        "GeoTIFF of 2,000,000,000 x 2,000,000,000 pixels",
        bombs.tiff(2_000_000_000, 2_000_000_000, 2_000_000_000),
        relief("{}"),
        True,
    ),
    Hostile(
        "GeoTIFF of one block of 60,000 x 60,000 pixels",
        bombs.tiff(60_000, 60_000, 60_000),
        relief("{}"),
        True,
    ),
    Hostile("VRT of itself", bombs.vrt("h.vrt"), relief("{}"), True),
    Hostile("VRT of the network", bombs.vrt("/vsicurl/http://127.0.0.1:9/x.tif"), relief("{}"), True),
    Hostile("VRT of a password file", bombs.vrt("/etc/passwd"), relief("{}"), True),
    Hostile(
        "VRT with entities",
        bombs.text("h.vrt", bombs.laughs("laughs").replace("kml", "VRTDataset")),
        (("attributes", "{}", "--dem", "{}", "-o", "out/o.gpkg"),),
        True,
    ),
)
