"""Rasters that are texts: VRTs of local files are read, whatever could reach further is refused unread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasterio.vrt import WarpedVRT
from rasters import picture, write, write_outlines
from shapely import box

from rogi.detection import virtual
from rogi.detection.header import read_header
from rogi.detection.imagery import Imagery
from rogi.detection.pixel_scores import pixel_scores
from rogi.detection.virtual import refuse_remote
from rogi.errors import InputError

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
        "&lt;GDAL_WMS/&gt;", "&#47;vsicurl/x", " /vsicurl/x",
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
        ("a.vrt", "<VRTDataset><a></VRTDataset>", "no VRT that can be read"),
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


def test_the_size_of_a_vrt_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = vrt(tmp_path / "a.vrt", BAND.format(SOURCE.format("a.tif") * 10))
    refuse_remote(path)
    monkeypatch.setattr(virtual, "MAX_BYTES", 500)
    with pytest.raises(InputError, match="a VRT has at most 500"):
        refuse_remote(path)


def test_vector_files_are_no_imagery(tmp_path: Path) -> None:
    path = write_outlines(tmp_path / "a.gpkg", [box(0, 0, 1, 1)])
    with pytest.raises(InputError, match="is a vector file, which has no pixels"):
        Imagery.open(path)
