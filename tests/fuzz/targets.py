"""What is fuzzed: kinds of files, and the commands that read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz import samples
from tests.fuzz.samples import driver, inventory, packaged, zipped

Command = tuple[str, ...]

VALIDATE: Command = ("validate", "{}", "--no-config", "--limit", "1")
CONVERT: Command = ("convert", "{}", "out/o.gpkg")
STATS: Command = ("stats", "{}")
INVENTORY = (VALIDATE, CONVERT, STATS)


def relief(path: str) -> tuple[Command, ...]:
    return (("attributes", "in/u.gpkg", "--dem", path, "--fields", "ELE,SLO", "-o", "out/o.csv"),)


def weather(path: str) -> tuple[Command, ...]:
    return (("attributes", "in/u.gpkg", "--maat", path, "--fields", "MAAT", "-o", "out/o.csv"),)


def predict(path: str, model: str = "in/model.zip") -> tuple[Command, ...]:
    more = ("--backend", "onnxruntime", "--threads", "1", "-q", "-o", "out/c.csv")
    return (("detect", "predict", path, "--model", model, *more),)


RELEASE: tuple[Command, ...] = (
    (
        "release",
        "build",
        "1.0",
        "-i",
        "in/trial/1.0.gpkg",
        "-o",
        "out/dist",
        "--releases",
        "in/trial/releases",
        "--no-config",
    ),
)


UPDATE: tuple[Command, ...] = (
    ("update", "status", "in/work"),
    ("update", "apply", "in/work", "--inventory", "in/v.gpkg", "-o", "out/v1.1.gpkg", "-q"),
)


@dataclass(frozen=True)
class Target:
    """A kind of file.

    Attributes
    ----------
    name : str
    kind : str
        Kind of the mutants (`tests.fuzz.mutants`).
    make : function
        Writes the sample into a folder.
    files : tuple of str
        Those that are changed, one at a time; a pattern stands for all it matches.
    commands : tuple
        What reads it, in turn; ``{}`` is the first file.
    cut : tuple of str
        Commands of `commands` (by their first word) that must notice missing bytes: refuse, tell, or give
        the same result.
    quick : bool
        Whether it is in the part that runs with the tests.
    """

    name: str
    kind: str
    make: Callable[[Path], None]
    files: tuple[str, ...]
    commands: tuple[Command, ...] = INVENTORY
    cut: tuple[str, ...] = ()
    quick: bool = False


TARGETS: tuple[Target, ...] = (
    Target("GeoPackage", "sqlite", inventory("gpkg"), ("i.gpkg",), cut=("convert",), quick=True),
    Target(
        "Shapefile",
        "shapefile",
        inventory("shp"),
        ("*.shp", "*.shx", "*.dbf", "*.prj", "*.cpg"),
        tuple(tuple("in" if word == "{}" else word for word in command) for command in INVENTORY),
        cut=("convert",),
        quick=True,
    ),
    Target("GeoJSON", "text", driver("GeoJSON", "geojson"), ("i.geojson",), cut=("convert",), quick=True),
    Target("GeoParquet", "parquet", inventory("parquet"), ("i.parquet",), cut=("convert",), quick=True),
    Target("FlatGeobuf", "fgb", inventory("fgb"), ("i.fgb",), cut=("convert",)),
    Target("KML", "text", driver("LIBKML", "kml"), ("i.kml",), cut=("convert",), quick=True),
    Target("KMZ", "zip", zipped(driver("LIBKML", "kml"), "i.kmz"), ("i.kmz",), cut=("convert",)),
    Target("CSV", "text", inventory("csv"), ("i.csv",), quick=True),
    Target(
        "zip of Shapefiles",
        "zip",
        zipped(inventory("shp"), "i.zip"),
        ("i.zip",),
        cut=("convert",),
        quick=True,
    ),
    Target("zip of a GeoPackage", "zip", zipped(inventory("gpkg"), "i.zip"), ("i.zip",), cut=("convert",)),
    Target(
        "File Geodatabase",
        "binary",
        driver("OpenFileGDB", "gdb"),
        ("i.gdb/*",),
        tuple(tuple("in/i.gdb" if word == "{}" else word for word in command) for command in INVENTORY),
    ),
    Target("XLSX", "zip", samples.workbook, ("i.xlsx",)),
    Target(
        "rogi.toml",
        "text",
        samples.settings,
        ("rogi.toml",),
        (("validate", "in/i.gpkg", "--config", "{}"),),
        quick=True,
    ),
    Target(
        "waivers",
        "text",
        samples.waivers,
        ("w.toml",),
        (("validate", "in/i.gpkg", "--no-config", "--waivers", "{}"),),
    ),
    Target(
        "baseline",
        "text",
        samples.baseline,
        ("b.json",),
        (("validate", "in/i.gpkg", "--no-config", "--baseline", "{}"),),
    ),
    Target(
        "schema",
        "text",
        packaged("review/1.0.yaml", "s.yaml"),
        ("s.yaml",),
        (
            ("schema", "export", "{}", "--to", "datapackage"),
            ("validate", "in/i.gpkg", "--no-config", "--schema", "{}"),
        ),
        quick=True,
    ),
    Target(
        "dialect",
        "text",
        packaged("dialects/rgik-template.yaml", "d.yaml"),
        ("d.yaml",),
        (("validate", "in/i.gpkg", "--no-config", "--dialect", "{}"),),
    ),
    Target("facts", "text", samples.facts, ("facts.yaml",), (("stats", "in/i.gpkg", "--expect", "{}"),)),
    Target(
        "reference",
        "text",
        packaged("references/hu-2024.yaml", "r.yaml"),
        ("r.yaml",),
        (("compare", "in/i.gpkg", "--reference", "{}", "-q"),),
    ),
    Target("GeoTIFF", "tiff", samples.raster, ("dem.tif",), relief("{}"), cut=("attributes",), quick=True),
    Target("VRT", "text", samples.raster, ("dem.vrt",), relief("{}")),
    Target("NetCDF", "hdf5", samples.climate("nc"), ("t.nc",), weather("{}"), cut=("attributes",)),
    Target(
        "Zarr",
        "text",
        samples.climate("zarr"),
        ("t.zarr/.zmetadata", "t.zarr/t2m/.z*", "t.zarr/t2m/0.0.0", "t.zarr/time/.z*"),
        weather("in/t.zarr"),
    ),
    Target(
        "attribute settings",
        "text",
        samples.run_settings,
        ("a.toml",),
        (("attributes", "in/u.gpkg", "--config", "{}", "-o", "out/o.gpkg"),),
    ),
    Target("places", "text", samples.places, ("p.csv",), (("id", "make", "{}"),)),
    Target(
        "bundle card",
        "text",
        samples.bundle,
        ("model/card.yaml", "model/SHA256SUMS", "model/*.json"),
        (("detect", "models", "in/model"),),
    ),
    Target("bundle", "zip", samples.bundle, ("model.zip",), predict("in/p.tif"), cut=("detect",)),
    Target("imagery", "tiff", samples.bundle, ("p.tif",), predict("{}")),
    Target("STAC item", "text", samples.stac, ("item.json",), predict("{}")),
    Target(
        "release.yaml",
        "text",
        samples.release,
        ("trial/releases/1.0/*.yaml", "trial/releases/1.0/*.csv"),
        RELEASE,
    ),
    Target(
        "release package",
        "zip",
        samples.release,
        ("dist/*.zip",),
        (("release", "check", "{}", "-q"),),
        cut=("release",),
    ),
    Target("plan", "text", samples.work, ("work/plan.json",), UPDATE),
    Target("tasks", "text", samples.work, ("work/tasks.csv",), UPDATE),
    Target("work package", "sqlite", samples.work, ("work/*.gpkg",), UPDATE),
    Target("review", "sqlite", samples.review, ("review/*.gpkg",), (("review", "score", "{}"),)),
)
