"""Inventories behind addresses: downloaded once, and never in part."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rogi.cli import main
from rogi.errors import InputError, RogiError
from rogi.inventory.reading import addresses
from rogi.inventory.reading.addresses import downloaded
from rogi.inventory.write import write_inventory
from rogi.schema.model import Role
from rogi.synthetic.inventory import synthetic_inventory

CONTENT = b"0123456789" * 1000


class Server:
    """Answers by path: status, headers, body; keeps how many bytes of bodies were asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        answers, asked = self.answers, self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                status, headers, body = answers[self.path]
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def put(self, path: str, body: bytes = CONTENT, status: int = 200, **headers: str) -> str:
        self.answers[path] = status, {k.replace("_", "-"): v for k, v in headers.items()}, body
        return self.address + path


@pytest.fixture(scope="module")
def server():
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ROGI_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def get(address: str) -> Path:
    return downloaded(address, lambda *_: None)


def kept(cache: Path) -> list[str]:
    return sorted(p.name for p in cache.rglob("*") if p.is_file())


def test_what_is_there_is_not_written_again(server, cache):
    address = server.put("/a/inventory.gpkg", ETag='"1"')
    first = get(address)
    assert first.read_bytes() == CONTENT
    first.write_bytes(CONTENT[::-1])  # the same size: what is kept is taken
    assert get(address) == first
    assert first.read_bytes() == CONTENT[::-1]
    changed = get(server.put("/a/inventory.gpkg", CONTENT[5:], ETag='"2"'))
    assert (changed.read_bytes(), changed != first) == (CONTENT[5:], True)
    assert kept(cache) == ["inventory.gpkg"] * 2


def test_a_file_that_was_cut_is_written_again(server):
    address = server.put("/cut.gpkg", Last_Modified="Sat, 28 Nov 2026 00:00:00 GMT")
    get(address).write_bytes(b"0")
    assert get(address).read_bytes() == CONTENT


def test_without_a_mark_of_the_version_it_is_always_written_again(server):
    address = server.put("/b.gpkg")
    get(address).write_bytes(CONTENT[::-1])
    assert get(address).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "header", "name"),
    [
        ("/x/TPRoGI%20v1.zip?download=1", "", "TPRoGI v1.zip"),
        ("/api/files/content", 'attachment; filename="units.gpkg"', "units.gpkg"),
        ("/api/1", "attachment; filename*=UTF-8''Gletscher%C3%BCbersicht.gpkg", "Gletscherübersicht.gpkg"),
        ("/api/2", 'attachment; filename="../../.ssh/config"', "config"),
        ("/api/3", 'attachment; filename="..\\\\..\\\\evil.gpkg"', "evil.gpkg"),
        ("/", "", "inventory"),
    ],
)
def test_its_name_is_the_servers_or_that_of_the_address(server, cache, path, header, name):
    answer = {"Content_Disposition": header} if header else {}
    found = get(server.put(path, **answer))
    assert (found.name, found.is_relative_to(cache)) == (name, True)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": 404}, "answered 404 Not Found; check the address"),
        ({"status": 503}, "answered 503"),
        ({"Content_Type": "text/html; charset=utf-8"}, "is a web page"),
        ({"Content_Length": "20000"}, "could not be read"),
        ({"Content_Length": str(10**18)}, "has room for"),
    ],
)
def test_nothing_is_kept_of_what_is_no_whole_file(server, cache, answer, said):
    address = server.put("/broken.gpkg", **answer)
    with pytest.raises(RogiError, match=said):
        get(address)
    assert kept(cache) == []


@pytest.mark.parametrize(
    "headers",
    [{"Content_Length": "10000, 10000"}, {"Content_Encoding": "gzip"}, {"Content_Type": "TEXT/HTML"}],
)
def test_odd_headers(server, headers):
    """A length that is no number, a packed answer that is unpacked once, and the kind in capitals."""
    body = gzip.compress(CONTENT, mtime=0) if "Content_Encoding" in headers else CONTENT
    address = server.put("/odd.gpkg", body, ETag='"1"', **headers)
    if "Content_Type" in headers:
        with pytest.raises(InputError, match="is a web page"):
            get(address)
        return
    first = get(address)
    assert first.read_bytes() == CONTENT
    first.write_bytes(CONTENT[::-1])
    assert get(address).read_bytes() == CONTENT[::-1]


def test_one_file_of_a_shapefile_is_refused(server):
    with pytest.raises(InputError, match="zip archive of all of them"):
        get(server.put("/units.SHP"))


@pytest.mark.parametrize(
    "address", ["ftp://example.org/a.gpkg", "http://example.org/a.gpkg", "gs://b/a.gpkg"]
)
def test_only_encrypted_addresses_are_asked(address):
    with pytest.raises(InputError, match=r"addresses are https:// or s3://"):
        get(address)


def test_where_it_leads_must_be_encrypted(server, monkeypatch):
    import requests

    answer = requests.Response()
    answer.url, answer.status_code, answer.raw = "http://elsewhere.example/a.gpkg", 200, io.BytesIO()
    monkeypatch.setattr(requests, "get", lambda *_, **__: answer)
    with pytest.raises(
        InputError, match=r"leads to http://elsewhere\.example/a\.gpkg, which is not encrypted"
    ):
        get("https://example.org/a.gpkg")


def test_a_bucket_is_asked_by_its_https_address(monkeypatch):
    import requests

    asked = []

    def refuse(url: str, **_: object) -> None:
        asked.append(url)
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "get", refuse)
    with pytest.raises(InputError, match=r"s3://maps/glaciers/a\.gpkg could not be read \(ConnectionError\)"):
        get("s3://maps/glaciers/a.gpkg")
    with pytest.raises(InputError, match="ConnectionError"):
        get("s3://maps/rock glaciers/50%25 + #1?.gpkg")
    assert asked == [
        "https://maps.s3.amazonaws.com/glaciers/a.gpkg",
        "https://maps.s3.amazonaws.com/rock%20glaciers/50%2525%20%2B%20%231%3F.gpkg",
    ]


def test_a_command_reads_it(server, tmp_path, capsys, monkeypatch):
    def run(*words: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["rogi", "validate", *map(str, words), "--no-config"])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    made = tmp_path / "made.gpkg"
    write_inventory(synthetic_inventory(20, seed=1), made)
    address = server.put("/made.gpkg", made.read_bytes(), ETag='"a"')
    server.asked.clear()
    assert run(address) == (
        2, "", f"error: {address} is an address; add --remote to read it, or download the file.\n"
    )  # fmt: skip
    assert server.asked == []
    code, far, _ = run(address, "--remote")
    assert (code, far.replace(address, str(made))) == run(made)[:2]
    assert server.asked == ["/made.gpkg"]


@pytest.mark.parametrize(
    "words",
    [
        ["validate", "A", "-o", "r.html", "-o", "r.json", "-o", "r.sarif", "-o", "r.gpkg", "-o", "r.md"],
        ["validate", "A", "--layer", "outline=nothing"],
        ["compare", "A", "A", "-o", "c.html", "-o", "c.json"],
        ["stats", "A"],
        ["validate", "B"],
    ],
)
def test_it_is_called_by_its_address(server, tmp_path, capsys, monkeypatch, words):
    """In every output; secrets of the address are left out."""
    made = synthetic_inventory(5, seed=1)
    made.layer(Role.OUTLINE).frame["AREA"] = 7.0  # a finding in each kind of report
    write_inventory(made, tmp_path / "made.gpkg")
    body = (tmp_path / "made.gpkg").read_bytes()
    places = {
        "A": server.put("/made.gpkg?token=hush", body),
        "B": server.put("/broken.gpkg?token=hush", body[:50_000]),
    }
    monkeypatch.chdir(tmp_path)
    words = [places.get(word, word) for word in words]
    monkeypatch.setattr(sys, "argv", ["rogi", *words, "--remote"])
    with pytest.raises(SystemExit):
        main()
    said = capsys.readouterr()
    outputs = [
        said.out + said.err,
        *(p.read_bytes().decode(errors="ignore") for p in tmp_path.glob("[rc].*")),
    ]
    called = words[1].replace("hush", "***")
    for text in outputs:
        assert str(tmp_path / "cache") not in text
        assert called in text.replace("&#47;", "/").replace(r"\*", "*")
        assert "hush" not in text


def test_the_cache_is_bounded(server, cache, monkeypatch):
    """By age and by size, the longest unused first; what a process uses stays."""
    files = [get(server.put(f"/{k}.gpkg", ETag='"1"')) for k in range(4)]
    long_ago = time.time() - 86_400 * (addresses.KEPT_DAYS + 1)
    for k, file in enumerate(files):
        os.utime(file.parent, (long_ago + k, long_ago + k))
    get(server.put("/0.gpkg", ETag='"1"'))
    assert len(kept(cache)) == 4  # of age, but in use by this process
    release(files[1], files[2], files[3])
    os.utime(files[2].parent)
    get(server.put("/0.gpkg", ETag='"1"'))
    assert kept(cache) == ["0.gpkg", "2.gpkg"]
    monkeypatch.setattr(addresses, "KEPT_BYTES", 25_000)
    for k in (2, 3):
        os.utime(get(server.put(f"/{k}.gpkg", ETag='"1"')).parent, (time.time() - 100 + k,) * 2)
    release(files[0], files[2], files[3])
    get(server.put("/4.gpkg", ETag='"1"'))
    assert kept(cache) == ["0.gpkg", "4.gpkg"]


def release(*files: Path) -> None:
    """As at the end of the processes that use them."""
    for file in files:
        os.close(addresses._in_use.pop(file.parent))
