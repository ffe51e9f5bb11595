"""Rasters at addresses: nothing is asked for unless allowed; then a server of ranges gives the values."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from rasters import grid, picture, write

from rogi.detection.imagery.channels import Imagery
from rogi.errors import InputError
from rogi.raster.elevation.model import open_elevation_model
from rogi.raster.files import Window, close_files, open_raster, reading
from rogi.raster.guard import address, network, refuse_remote
from rogi.raster.header import CorruptTile

pytestmark = pytest.mark.usefixtures("no_proxy")


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a machine whose programs ask a proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")


class Server:
    """Files of a folder over HTTP with ranges, on loopback; counts what is asked for."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[str] = []
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self) -> None:
                self.do_GET(body=False)

            def do_GET(self, body: bool = True) -> None:
                requests.append(self.path)
                path = folder / self.path.split("?")[0].lstrip("/")
                if not path.is_file():
                    self.send_response(404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                data, status, span = path.read_bytes(), 200, self.headers.get("Range", "")
                size = len(data)
                if span:
                    first, _, last = span.removeprefix("bytes=").partition("-")
                    start, stop = int(first), min(int(last) if last else size - 1, size - 1)
                    data, status = data[start : stop + 1], 206
                self.send_response(status)
                if span:
                    self.send_header("Content-Range", f"bytes {start}-{stop}/{size}")
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if body:
                    self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "www").mkdir()
    found = Server(tmp_path / "www")
    yield found
    close_files()
    found.close()


def elevations(folder: Path, name: str = "dem.tif") -> np.ndarray:
    values = np.random.default_rng(3).uniform(3000, 5000, (1, 300, 400)).astype(np.float32)
    write(folder / "plain.tif", values, grid(), nodata=-9999)
    rasterio.shutil.copy(folder / "plain.tif", folder / name, driver="COG", blocksize=128)
    (folder / "plain.tif").unlink()
    return values[0]


def vrt(path: Path, source: str, shape: tuple[int, int] = (300, 400), properties: bool = False) -> Path:
    """A VRT of one remote file on the grid of the tests, EPSG:32645."""
    known = f'<SourceProperties RasterXSize="{shape[1]}" RasterYSize="{shape[0]}" DataType="Float32"/>'
    size = f'xOff="0" yOff="0" xSize="{shape[1]}" ySize="{shape[0]}"'
    order = ", ".join(str(v) for v in grid().to_gdal())
    path.write_text(
        f'<VRTDataset rasterXSize="{shape[1]}" rasterYSize="{shape[0]}"><SRS>EPSG:32645</SRS>'
        f'<GeoTransform>{order}</GeoTransform><VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        f"<SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand>{known * properties}"
        f"<SrcRect {size}/><DstRect {size}/></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    return path


def test_addresses_are_refused_and_nothing_is_asked(server: Server, tmp_path: Path) -> None:
    elevations(tmp_path / "www")
    url = f"http://{server.host}/dem.tif"
    for name in (url, f"/vsicurl/{url}"):
        for path in (name, vrt(tmp_path / "a.vrt", name), vrt(tmp_path / "b.vrt", str(tmp_path / "a.vrt"))):
            with pytest.raises(InputError, match="--remote"):
                open_raster(path)
            with pytest.raises(InputError, match="--remote"):
                open_elevation_model(path)
            with pytest.raises(InputError, match=r"--remote|no plain file"):
                Imagery.open(path)
    assert server.requests == []


def test_addresses_are_read_where_that_is_allowed(server: Server, tmp_path: Path) -> None:
    """Directly, as a path that has lost a slash, through VRTs; in parts, not as a whole."""
    values = elevations(tmp_path / "www")
    url = f"http://{server.host}/dem.tif"
    window = Window(100, 140, 200, 260)
    for name in (url, Path(url), f"/vsicurl/{url}", vrt(tmp_path / "a.vrt", f"/vsicurl/{url}")):
        with network():
            raster = open_raster(name)
        with reading():  # as a worker does, to which nothing but the raster is sent
            np.testing.assert_array_equal(raster.read(window), values[100:140, 200:260])
    assert server.requests
    with network():
        (surface,) = open_elevation_model(url).surfaces
        images = Imagery.open(url)
    with reading():
        np.testing.assert_array_equal(surface.read(window), values[100:140, 200:260])
    np.testing.assert_array_equal(images.read(100, 200, 40, 60)[0][0], values[100:140, 200:260])
    assert len(images.keys(0, 0, 10, 10)[0]) == 64


def test_nothing_beside_an_address_is_asked_for(server: Server, tmp_path: Path) -> None:
    elevations(tmp_path / "www")
    with network():
        open_raster(f"http://{server.host}/dem.tif")
    assert {path.split("?")[0] for path in server.requests} == {"/dem.tif"}


def test_a_text_at_an_address_is_not_followed(server: Server, tmp_path: Path) -> None:
    """A VRT elsewhere may name anything; only images are taken from addresses."""
    elevations(tmp_path / "www")
    vrt(tmp_path / "www" / "a.tif", f"/vsicurl/http://{server.host}/dem.tif")
    with network():
        with pytest.raises(CorruptTile):
            open_raster(f"http://{server.host}/a.tif")
        for properties in (True, False):  # with them GDAL opens a source only when it is read
            with pytest.raises(InputError, match=r"a\.tif"):
                path = vrt(tmp_path / "b.vrt", f"http://{server.host}/a.tif", properties=properties)
                open_raster(path).read(Window(0, 9, 0, 9))
    assert not any("dem" in path for path in server.requests)


def test_a_missing_file_at_an_address_is_named(server: Server, tmp_path: Path) -> None:
    with network():
        with pytest.raises(CorruptTile, match=r"nothing\.tif"):
            open_raster(f"http://{server.host}/nothing.tif")
        raster = open_raster(vrt(tmp_path / "a.vrt", f"http://{server.host}/nothing.tif"))
        with pytest.raises(CorruptTile, match=r"nothing\.tif"):
            raster.read(Window(0, 9, 0, 9))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://a.org/b/c.tif", "/vsicurl/https://a.org/b/c.tif"),
        ("https:/a.org/b/c.tif", "/vsicurl/https://a.org/b/c.tif"),
        ("/vsicurl/https:/a.org/c.tif", "/vsicurl/https://a.org/c.tif"),
        ("s3://bucket/key.tif", "/vsis3/bucket/key.tif"),
        ("/vsis3/bucket/key.tif", "/vsis3/bucket/key.tif"),
        ("http://127.0.0.1:80/a.tif", "/vsicurl/http://127.0.0.1:80/a.tif"),
        ("http://localhost/a.tif", "/vsicurl/http://localhost/a.tif"),
        ("http://a.org/b.tif", None),
        ("http://127.0.0.1.a.org/b.tif", None),
        ("ftp://a.org/b.tif", None),
        ("/vsizip//vsicurl/https://a.org/b.zip/c.tif", None),
        ("WMS:https://a.org", None),
        ("dem.tif", None),
    ],
)
def test_which_names_are_addresses(text: str, name: str | None) -> None:
    assert address(text) == name


def test_a_file_with_the_name_of_an_address_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s3:/bucket").mkdir(parents=True)
    write(Path("s3:/bucket/a.tif").absolute(), picture(bands=1))
    assert address("s3://bucket/a.tif") is None
    assert open_raster("s3://bucket/a.tif").shape == (60, 80)


@pytest.mark.parametrize(
    "name", ["WMS:https://a.org", "/vsizip//vsicurl/https://a.org/b.zip/c.tif", "ftp://a"]
)
def test_other_names_are_refused_also_where_addresses_are_allowed(tmp_path: Path, name: str) -> None:
    with network(), pytest.raises(InputError, match="no plain file"):
        refuse_remote(vrt(tmp_path / "a.vrt", name))


def test_bucket_of_s3(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_S3_ENDPOINT", server.host), ("AWS_HTTPS", "NO"), ("AWS_VIRTUAL_HOSTING", "FALSE"),
        ("AWS_NO_SIGN_REQUEST", "YES"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    (tmp_path / "www" / "bucket").mkdir()
    values = elevations(tmp_path / "www" / "bucket")
    with pytest.raises(InputError, match="--remote"):
        open_raster("s3://bucket/dem.tif")
    assert not server.requests
    with network():
        raster = open_raster("s3://bucket/dem.tif")
    np.testing.assert_array_equal(raster.read(Window(0, 20, 0, 20)), values[:20, :20])
