"""Rasters that are texts: VRTs of local files are read, whatever could reach further is refused unread."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.vrt import WarpedVRT
from rasters import picture, write, write_outlines
from shapely import box

from rogi.detection.evaluation.pixel_scores import pixel_scores
from rogi.detection.imagery.channels import Imagery
from rogi.errors import InputError
from rogi.raster import guard
from rogi.raster.files import close_files
from rogi.raster.guard import refuse_remote
from rogi.raster.header import read_header

BAND = '<VRTRasterBand dataType="Byte" band="1">{}</VRTRasterBand>'
SOURCE = '<SimpleSource><SourceFilename relativeToVRT="1">{}</SourceFilename></SimpleSource>'


def vrt(path: Path, inside: str) -> Path:
    path.write_text(f'<VRTDataset rasterXSize="9" rasterYSize="9">{inside}</VRTDataset>', encoding="utf-8")
    return path


def test_vrts_that_gdal_writes_are_read(tmp_path: Path) -> None:
    """Plain, warped, and of one another; metadata and descriptions may say what they like."""
    image = write(tmp_path / "a.tif", picture(), names=("B4: red", "http://example.org", "/vsicurl/"))
    with rasterio.open(image, "r+") as file:
        file.update_tags(ORIGIN="https://example.org/a.tif", ns="xml:XMP")
        file.update_tags(NOTE="/vsis3/bucket/key")
    rasterio.shutil.copy(image, tmp_path / "b.vrt", driver="VRT")
    rasterio.shutil.copy(tmp_path / "b.vrt", tmp_path / "c.vrt", driver="VRT")
    with rasterio.open(image) as file, WarpedVRT(file, crs="EPSG:4326") as warped:
        rasterio.shutil.copy(warped, tmp_path / "d.vrt", driver="VRT")
    for name in ("b", "c", "d"):
        refuse_remote(tmp_path / f"{name}.vrt")
    values, _ = Imagery.open(tmp_path / "c.vrt", bands=[1]).read(0, 0, 60, 80)
    np.testing.assert_array_equal(values[0], picture()[0])


@pytest.mark.parametrize(
    "name",
    [
        "/vsicurl/http://example.org/a.tif", "/vsis3/bucket/a.tif", "/vsizip/a.zip/a.tif",
        "/vsizip//vsicurl/http://example.org/a.zip", "http://example.org/a.tif", "ftp://example.org/a.tif",
        "vrt://a.tif?bands=1", "WMS:http://example.org", "WMTS:a.xml", "STACIT:a.json", "NETCDF:a.nc:red",
        "&lt;GDAL_WMS/&gt;", "&#47;vsicurl/x", " /vsicurl/x", "{&quot;type&quot;: 1}",
    ],
)  # fmt: skip
def test_names_of_no_local_file_are_refused(tmp_path: Path, name: str) -> None:
    """Wherever GDAL takes names from: sources, as attributes too, warped ones, options, geolocation."""
    for number, inside in enumerate((
        BAND.format(SOURCE.format(name)),
        BAND.format(f'<SimpleSource SourceFilename="{name}"/>'),
        BAND.format(f"<Overview><SourceFilename>{name}</SourceFilename></Overview>"),
        f"<GDALWarpOptions><SourceDataset>{name}</SourceDataset></GDALWarpOptions>",
        f'<GDALWarpOptions><Option name="RPC_DEM">{name}</Option></GDALWarpOptions>',
        f'<Metadata domain="GEOLOCATION"><MDI key="x_dataset">{name}</MDI></Metadata>',
        f'<Metadata domain="GEOLOCATION"><MDI name="X_DATASET">{name}</MDI></Metadata>',
        BAND.format(SOURCE.format(f"<!-- x -->{name}")),
    )):  # fmt: skip
        path = vrt(tmp_path / f"{number}.tif", inside)  # GDAL goes by what is in a file, not by its name
        with pytest.raises(InputError, match="is no plain file of this machine"):
            read_header(path)


def test_a_vrt_behind_a_vrt_is_looked_at(tmp_path: Path) -> None:
    """By way of a relative path and another name; the one that was given is named too."""
    (tmp_path / "sub").mkdir()
    vrt(tmp_path / "sub" / "inner.tif", BAND.format(SOURCE.format("/vsicurl/http://example.org/a.tif")))
    vrt(tmp_path / "middle.vrt", BAND.format(SOURCE.format("sub/inner.tif")))
    outer = vrt(tmp_path / "outer.vrt", BAND.format(SOURCE.format("middle.vrt") + SOURCE.format("outer.vrt")))
    with pytest.raises(InputError, match=r"inner\.tif, which .*outer\.vrt is made of, names '/vsicurl/"):
        read_header(outer)
    image = write(tmp_path / "a.tif", picture())
    for channel, path in (("x", outer), ("elevation", outer), ("slope", tmp_path)):
        with pytest.raises(InputError, match="which is no plain file"):
            Imagery.open(image, channels={channel: path})
    with pytest.raises(InputError, match="which is no plain file"):
        pixel_scores(outer, np.array([box(0, 0, 1, 1)], dtype=object))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.tif", "\ufeff \n<GDAL_WMS><Service/></GDAL_WMS>", r"is a text \(GDAL_WMS\), not an image"),
        ("a.tif", '{"stac_version": "1.0.0"}', "text or table that may name some"),
        ("a.gti.gpkg", "SQLite format 3", "text or table that may name some"),
        ("a.tif", '/* */ {"stac_version": "1.0.0"}', "text or table that may name some"),
        ("a.map", "OziExplorer Map Data File Version 2.2\na\n/vsicurl/x", "text or table that may name some"),
        ("a.vrt", "<VRTDataset><a></VRTDataset>", "no VRT that can be read"),
        ("a.vrt", '<?xml version="1.0" encoding="UDF-8"?><VRTDataset/>', "no VRT that can be read"),
        ("a.tif", "x\x01 <VRTDataset></VRTDataset>", "no VRT that can be read"),
        (
            "a.vrt", '<!DOCTYPE a [<!ENTITY b "/vsicurl/x">]><VRTDataset><c>&b;</c></VRTDataset>',
            "declares a document type",
        ),
    ],
)  # fmt: skip
def test_other_texts_are_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    """GDAL would take them for services, catalogues and tables of images."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_header(tmp_path / name)


@pytest.mark.parametrize("ending", ["msk", "ovr", "msk.ovr"])
def test_masks_and_overviews_are_looked_at(tmp_path: Path, ending: str) -> None:
    """GDAL opens them by content with the image they lie beside, also where a VRT names it."""
    image = write(tmp_path / "a.tif", picture())
    if ending == "msk.ovr":
        write(tmp_path / "a.tif.msk", picture(bands=1))
    refuse_remote(vrt(tmp_path / "a.vrt", BAND.format(SOURCE.format("a.tif"))))
    vrt(tmp_path / f"a.tif.{ending}", BAND.format(SOURCE.format("/vsicurl/http://example.org/a.tif")))
    for path in (image, tmp_path / "a.vrt"):
        with pytest.raises(InputError, match=rf"a\.tif\.{ending}, which .* names '/vsicurl/"):
            refuse_remote(path)


@pytest.mark.parametrize(
    "start",
    [
        b"\r<\r<\r\x08",
        b"\r\n<\r=\r>",
        b"<\x0d<\x0d",
        b"{\x0b{\x0b",
        b"<<;:<=",
        b"{{zz{|",
        b"<A\x01",
        b"\x0c{\x0c|\x00",
    ],
)
def test_pixels_that_begin_like_a_text(tmp_path: Path, start: bytes) -> None:
    """Raw rasters (HGT, BIL, ENVI) have no header: 3388 m is a line's end and ``<``."""
    path = tmp_path / "N30E090.hgt"
    path.write_bytes(start + b"=" * 2000)
    refuse_remote(path)


def test_names_with_a_time_are_files(tmp_path: Path) -> None:
    """A colon alone makes no driver; classes of attribute tables are texts."""
    image = write(tmp_path / "scene-2021-08-15T10:30:00.tif", picture())
    table = "<GDALRasterAttributeTable><Row><F>Class:ice</F></Row></GDALRasterAttributeTable>"
    refuse_remote(vrt(tmp_path / "a.vrt", BAND.format(SOURCE.format(image.name) + table)))


def test_a_vrt_that_names_itself_in_many_ways(tmp_path: Path) -> None:
    """Each way is longer than the one before; the file is read once."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    names = ("a/../x.vrt", "b/../x.vrt")
    refuse_remote(vrt(tmp_path / "x.vrt", BAND.format("".join(map(SOURCE.format, names)))))


def test_a_linked_vrt_is_relative_to_where_the_link_leads(tmp_path: Path) -> None:
    """As to GDAL."""
    (tmp_path / "sub").mkdir()
    vrt(tmp_path / "sub" / "inner.tif", BAND.format(SOURCE.format("/vsicurl/http://example.org/a.tif")))
    vrt(tmp_path / "sub" / "outer.vrt", BAND.format(SOURCE.format("inner.tif")))
    (tmp_path / "link.vrt").symlink_to(tmp_path / "sub" / "outer.vrt")
    with pytest.raises(InputError, match=r"inner\.tif, which .*link\.vrt is made of, names"):
        refuse_remote(tmp_path / "link.vrt")


def test_the_size_of_a_vrt_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = vrt(tmp_path / "a.vrt", BAND.format(SOURCE.format("a.tif") * 10))
    refuse_remote(path)
    monkeypatch.setattr(guard, "MAX_BYTES", 500)
    with pytest.raises(InputError, match="a VRT has at most 500"):
        refuse_remote(path)


def test_overviews_that_an_image_names_are_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A GeoTIFF's own metadata may name a file of overviews; whoever listens there hears nothing."""
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "1")  # nobody answers
    files = [write(tmp_path / name, picture()) for name in ("a.tif", "b.tif")]
    files.append(write(tmp_path / "dem.tif", picture(bands=1).astype(np.float32) + 4000))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        for path in files:
            overviews = f"/vsicurl/http://127.0.0.1:{server.getsockname()[1]}/{path.name}.ovr"
            with rasterio.open(path, "r+") as file:
                file.update_tags(ns="OVERVIEWS", OVERVIEW_FILE=overviews)
        image, other, dem = files
        channels = {"elevation": dem, "slope": dem, "x": image}
        values, _ = Imagery.open(image, channels=channels).read(0, 0, 60, 80)
        with pytest.raises(InputError):
            pixel_scores(image, np.array([box(0, 0, 1, 1)], dtype=object))
        close_files()
        with pytest.raises(BlockingIOError):
            server.accept()
        with rasterio.open(other) as file:
            file.overviews(1)
        server.accept()[0].close()  # so it could have been
    inside = (slice(3), slice(1, -1), slice(1, -1))  # at the edge there is no slope
    np.testing.assert_array_equal(values[inside], picture()[inside])


def test_vector_files_are_no_imagery(tmp_path: Path) -> None:
    path = write_outlines(tmp_path / "a.gpkg", [box(0, 0, 1, 1)])
    with pytest.raises(InputError, match="is a vector file, which has no pixels"):
        Imagery.open(path)


RAW = (
    '<VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">'
    '<SourceFilename relativeToVRT="1">{}</SourceFilename><ImageOffset>0</ImageOffset></VRTRasterBand>'
)


@pytest.mark.parametrize("name", ["secret.txt", "inventory.gpkg", "bytes"])
def test_bytes_of_files_that_are_no_rasters_are_not_pixels(tmp_path: Path, name: str) -> None:
    """Of any file a raw band makes pixels; also behind another VRT, and by an absolute path."""
    path = tmp_path / name
    write_outlines(path, [box(0, 0, 1, 1)]) if name.endswith("gpkg") else path.write_bytes(b"password" * 20)
    raw = vrt(tmp_path / "raw.vrt", RAW.format(name))
    outer = vrt(tmp_path / "outer.vrt", BAND.format(SOURCE.format("raw.vrt")))
    absolute = vrt(tmp_path / "b.vrt", RAW.format(path))
    for file in (raw, outer, absolute):
        with pytest.raises(InputError, match=r"takes the bytes of .*, which is no raster"):
            refuse_remote(file)


def test_bytes_of_a_raster_may_be_pixels(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", picture())
    refuse_remote(vrt(tmp_path / "raw.vrt", RAW.format("a.tif")))


def test_code_in_a_vrt_is_refused(tmp_path: Path) -> None:
    """GDAL runs functions in Python where its settings say so."""
    write(tmp_path / "a.tif", picture())
    band = (
        '<VRTRasterBand dataType="Byte" band="1" subClass="VRTDerivedRasterBand"><PixelFunctionType>f'
        "</PixelFunctionType><PixelFunctionLanguage>Python</PixelFunctionLanguage><PixelFunctionCode>"
        f"<![CDATA[import os]]></PixelFunctionCode>{SOURCE.format('a.tif')}</VRTRasterBand>"
    )
    with pytest.raises(InputError, match="has code for its pixels"):
        refuse_remote(vrt(tmp_path / "a.vrt", band))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">/vsicurl/http://a.org/x</MDI>'
         "</Metadata></PAMDataset>", "names '/vsicurl/"),
        ('<PAMDataset><Metadata domain="GEOLOCATION"><MDI key="X_DATASET">WMS:http://a.org</MDI></Metadata>'
         "</PAMDataset>", "names 'WMS:"),
        ("<GDAL_WMS></GDAL_WMS>", "is a text"),
        ("<PAMDataset>", "no VRT that can be read"),
    ],
)  # fmt: skip
def test_metadata_beside_an_image_is_looked_at(tmp_path: Path, content: str, message: str) -> None:
    image = write(tmp_path / "a.tif", picture())
    image.with_name("a.tif.aux.xml").write_text(content)
    with pytest.raises(InputError, match=message):
        read_header(image)


def test_metadata_that_programs_write_is_read(tmp_path: Path) -> None:
    """Statistics of QGIS and GDAL, and what ArcGIS writes, with namespaces that look like addresses."""
    image = write(tmp_path / "a.tif", picture())
    image.with_name("a.tif.aux.xml").write_text(
        '<PAMDataset><GeodataXform xsi:type="typens:IdentityXform" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xmlns:typens="http://www.esri.com/schemas/ArcGIS/10.8"><SpatialReference '
        'xsi:type="typens:ProjectedCoordinateSystem"><WKT>PROJCS["a"]</WKT></SpatialReference></GeodataXform>'
        '<PAMRasterBand band="1"><Description>https://a.org</Description><Metadata>'
        '<MDI key="STATISTICS_MAXIMUM">255</MDI></Metadata></PAMRasterBand></PAMDataset>'
    )
    assert read_header(image).shape == (60, 80)
