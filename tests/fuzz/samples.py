"""Small sound files of every kind rogi reads, each written into a folder by a function."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.schema.model import Role

#: Where the units of `examples.rgik` lie, degrees.
PLACE = (10.6, 46.9)


def rogi(*arguments: object) -> None:
    """Run a command in this process, to make a sample."""
    from rogi import cli

    old = sys.argv
    sys.argv = ["rogi", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
            cli.main()
    except SystemExit as end:
        if end.code not in (0, 1):
            raise RuntimeError(f"rogi {' '.join(map(str, arguments))}: {said.getvalue()}") from None
    finally:
        sys.argv = old


def inventory(suffix: str) -> Callable[[Path], None]:
    """An inventory of four layers, or of two files."""

    def make(folder: Path) -> None:
        from rogi.inventory.write import write_inventory

        if suffix == "shp":
            write_inventory(examples.tprogi(4), folder, format="shapefile")
            for path in folder.iterdir():
                path.rename(folder / f"{'mp'['marker' not in path.stem.casefold()]}{path.suffix}")
        elif suffix == "gpkg":
            write_inventory(examples.rgik(4), folder / "i.gpkg")
        else:
            write_inventory(outlines(), folder / f"i.{suffix}")

    return make


def outlines(whole: Inventory | None = None) -> Inventory:
    """The outlines of an inventory, by default of one like TPRoGI, as an inventory of one layer."""
    whole = whole or examples.tprogi(4)
    return replace(whole, layers=tuple(layer for layer in whole.layers if layer.role is Role.OUTLINE))


def driver(name: str, suffix: str) -> Callable[[Path], None]:
    """Outlines written by a driver of GDAL."""

    def make(folder: Path) -> None:
        frame = outlines().layers[0].frame
        frame.to_file(folder / f"i.{suffix}", driver=name, layer=None if suffix == "geojson" else "outlines")

    return make


def zipped(inner: Callable[[Path], None], name: str) -> Callable[[Path], None]:
    """What another sample is, in a zip."""

    def make(folder: Path) -> None:
        within = folder / "within"
        within.mkdir()
        inner(within)
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(p for p in within.rglob("*") if p.is_file()):
                archive.write(path, "doc.kml" if path.suffix == ".kml" else str(path.relative_to(within)))
        shutil.rmtree(within)

    return make


def sheet(rows: list[list[object]]) -> str:
    """A sheet of texts, as a workbook has it."""
    lines = [
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{escape(str(v))}</t></is></c>' for v in row) + "</row>"
        for row in rows
    ]
    return (
        '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{''.join(lines)}</sheetData></worksheet>"
    )


def write_workbook(path: Path, content: str) -> None:
    """A workbook of one sheet."""
    office = "http://schemas.openxmlformats.org"
    kinds = f"{office}/officeDocument/2006/relationships"
    vendor = "application/vnd.openxmlformats"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{office}/package/2006/content-types">'
        f'<Default Extension="rels" ContentType="{vendor}-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Override PartName="/xl/workbook.xml" '
        f'ContentType="{vendor}-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" '
        f'ContentType="{vendor}-officedocument.spreadsheetml.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{office}/package/2006/relationships"><Relationship Id="r1" '
        f'Type="{kinds}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{office}/spreadsheetml/2006/main" xmlns:r="{kinds}"><sheets>'
        '<sheet name="units" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{office}/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{kinds}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": content,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def workbook(folder: Path) -> None:
    frame = outlines().layers[0].frame
    points = frame.geometry.representative_point()
    table = frame.drop(columns=frame.geometry.name).assign(LON=points.x, LAT=points.y)
    write_workbook(folder / "i.xlsx", sheet([list(table.columns), *table.to_numpy().tolist()]))


def settings(folder: Path) -> None:
    inventory("gpkg")(folder)
    (folder / "rogi.toml").write_text(
        'profile = "strict"\nselect = ["GEO", "ATT001"]\nignore = ["GEO002"]\nfail_on = "error"\n'
        '[severity]\nGEO001 = "warning"\n[parameters]\n"GEO014.minimum_area" = 0.02\n'
        '[[waivers]]\nrule = "GEO001"\nid = "RGU1"\nreason = "known"\nauthor = "Anna"\nexpires = 2030-01-01\n'
    )


def waivers(folder: Path) -> None:
    inventory("gpkg")(folder)
    (folder / "w.toml").write_text(
        '[[waivers]]\nrule = "GEO001"\nid = "RGU1"\nreason = "known"\nauthor = "Anna"\nexpires = 2030-01-01\n'
        f'[[waivers]]\nfingerprint = "{"ab" * 16}"\nreason = "known"\nauthor = "Ben"\n'
    )


def baseline(folder: Path) -> None:
    inventory("gpkg")(folder)
    rogi("validate", folder / "i.gpkg", "--no-config", "--write-baseline", folder / "b.json", "-q")


def packaged(part: str, name: str) -> Callable[[Path], None]:
    """A file of the packaged schemas, with an inventory beside it."""

    def make(folder: Path) -> None:
        inventory("gpkg")(folder)
        shutil.copy(Path(__file__).parents[2] / "schemas" / part, folder / name)

    return make


def facts(folder: Path) -> None:
    inventory("gpkg")(folder)
    rogi("stats", folder / "i.gpkg", "--format", "json", "--output", folder / "stats.json")
    shutil.copy(Path(__file__).parents[2] / "releases" / "1.0" / "facts.yaml", folder / "facts.yaml")


def raster(folder: Path) -> None:
    """A DEM, a VRT over it, and two units."""
    import rasterio
    from affine import Affine

    from rogi.inventory.write import write_inventory

    west, north = PLACE[0] - 0.01, PLACE[1] + 0.01
    z = 5000 + 100 * np.random.default_rng(0).random((40, 60))
    with rasterio.open(
        folder / "dem.tif",
        "w",
        driver="GTiff",
        dtype="float32",
        count=1,
        height=40,
        width=60,
        crs="EPSG:4326",
        transform=Affine(1 / 1200, 0, west, 0, -1 / 1200, north),
        tiled=True,
        blockxsize=16,
        blockysize=16,
        compress="deflate",
        nodata=-9999,
    ) as sink:
        sink.write(z.astype(np.float32), 1)
        sink.update_tags(UNITS="m")
    (folder / "dem.vrt").write_text(
        '<VRTDataset rasterXSize="60" rasterYSize="40"><SRS>EPSG:4326</SRS>'
        f"<GeoTransform>{west}, {1 / 1200}, 0, {north}, 0, {-1 / 1200}</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"><NoDataValue>-9999</NoDataValue><ComplexSource>'
        '<SourceFilename relativeToVRT="1">dem.tif</SourceFilename><SourceBand>1</SourceBand>'
        '<SrcRect xOff="0" yOff="0" xSize="60" ySize="40"/><DstRect xOff="0" yOff="0" xSize="60" ySize="40"/>'
        "<ScaleRatio>1</ScaleRatio><NODATA>-9999</NODATA></ComplexSource></VRTRasterBand></VRTDataset>\n"
    )
    write_inventory(outlines(examples.rgik(2)), folder / "u.gpkg")


def climate(suffix: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        import pandas as pd
        import xarray as xr

        raster(folder)
        months = pd.date_range("2001-01-01", periods=12, freq="MS")
        lat, lon = PLACE[1] + np.array([0.2, 0.0, -0.2]), PLACE[0] + np.array([-0.2, 0.0, 0.2])
        values = np.full((12, 3, 3), 268.0, np.float32)
        series = xr.Dataset(
            {"t2m": (("time", "lat", "lon"), values, {"units": "K", "standard_name": "air_temperature"})},
            {
                "time": months,
                "lat": ("lat", lat, {"units": "degrees_north"}),
                "lon": ("lon", lon, {"units": "degrees_east"}),
            },
        )
        if suffix == "zarr":
            series.to_zarr(folder / "t.zarr", consolidated=True, zarr_format=2)
        else:
            series.to_netcdf(folder / "t.nc")

    return make


def run_settings(folder: Path) -> None:
    raster(folder)
    rogi(
        "attributes",
        folder / "u.gpkg",
        "--dem",
        folder / "dem.tif",
        "--fields",
        "ELE",
        "-o",
        folder / "o.gpkg",
    )
    text = (folder / "o.gpkg.attributes.toml").read_text()
    for path in folder.glob("o.gpkg*"):
        path.unlink()
    (folder / "a.toml").write_text(text.replace(str(folder.resolve()) + os.sep, ""))


def ledger(folder: Path) -> None:
    raster(folder)
    rogi(
        "attributes",
        folder / "u.gpkg",
        "--dem",
        folder / "dem.tif",
        "--fields",
        "ELE",
        "-o",
        folder / "o.gpkg",
    )
    (folder / "o.gpkg.ledger").rename(folder / "l.ledger")
    for path in folder.glob("o.gpkg*"):
        path.unlink()


def bundle(folder: Path) -> None:
    from tests.detection.bundles import tiny_bundle

    raster(folder)
    _picture(folder / "p.tif")
    tiny_bundle(folder / "model", patch=64, stride=32)
    tiny_bundle(folder / "model.zip", patch=64, stride=32)


def _picture(path: Path) -> None:
    import rasterio
    from affine import Affine

    bands = np.random.default_rng(1).integers(1, 256, (3, 96, 96)).astype(np.uint8)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype="uint8",
        count=3,
        height=96,
        width=96,
        crs="EPSG:32645",
        transform=Affine(5.0, 0, 500_000.0, 0, -5.0, 3_400_000.0),
    ) as sink:
        sink.write(bands)
        for number, name in enumerate(("red", "green", "blue"), 1):
            sink.set_band_description(number, name)


def stac(folder: Path) -> None:
    bundle(folder)
    (folder / "item.json").write_text(
        json.dumps(
            {
                "type": "Feature",
                "stac_version": "1.0.0",
                "id": "scene",
                "geometry": None,
                "properties": {"datetime": "2021-08-15T05:00:00Z", "proj:epsg": 32645},
                "assets": {
                    "visual": {
                        "href": "p.tif",
                        "type": "image/tiff; application=geotiff",
                        "roles": ["data"],
                        "eo:bands": [
                            {"name": "red", "common_name": "red"},
                            {"name": "green"},
                            {"name": "blue"},
                        ],
                    }
                },
                "links": [],
            },
            indent=1,
        )
    )


def release(folder: Path) -> None:
    """A trial release with its metadata, and the package built of it."""
    rogi("synthetic", "versions", "--count", 24, "-o", folder / "trial")
    trial = folder / "trial"
    rogi(
        "release",
        "build",
        "1.0",
        "-i",
        trial / "1.0.gpkg",
        "-o",
        folder / "dist",
        "--releases",
        trial / "releases",
        "--no-config",
    )


def work(folder: Path) -> None:
    from rogi.inventory.write import write_inventory

    write_inventory(outlines(), folder / "v.gpkg")
    frame = outlines().layers[0].frame
    frame[[frame.geometry.name]].translate(0.0004, 0.0).to_file(folder / "c.gpkg")
    rogi(
        "update",
        "plan",
        "--inventory",
        folder / "v.gpkg",
        "--candidates",
        folder / "c.gpkg",
        "--mappers",
        "anna,ben",
        "-o",
        folder / "work",
        "-q",
    )


def review(folder: Path) -> None:
    inventory("gpkg")(folder)
    rogi(
        "review",
        "sample",
        folder / "i.gpkg",
        "--n",
        2,
        "--reviewers",
        "li,rossi",
        "-o",
        folder / "review",
    )


def places(folder: Path) -> None:
    (folder / "p.csv").write_text(
        "name,longitude,latitude\na,90.6,30.4\nb,-109.2526,38.4455\nc,97.24263,28.15273\n"
    )
