"""`rogi doctor`: what is installed and works, what is missing, what is broken."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from importlib.metadata import requires

import pyproj
import pytest
from packaging.requirements import Requirement

import rogi_toolkit
from rogi.cli import environment
from rogi.distribution import DISTRIBUTION, EXTRAS, install
from rogi.report.format import Format
from rogi.report.writers import as_string


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch, tmp_path):
    """No settings file here or above, no network, and only quick libraries for inference."""

    def refuse(*_):
        raise AssertionError("a network was asked")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(environment, "_gpu", lambda: iter(["PyTorch: not installed"]))


def checks(found):
    return {check.name: check for check in found.checks}


def test_all_that_is_needed_works():
    found = environment.document()
    assert [c.name for c in found.checks if not c.holds] == []
    assert found.headline.startswith("rogi 0.") and " works; " in found.headline
    data = json.loads(as_string(found, Format.JSON))
    assert data["works"] is True
    versions = {row["name"]: row["version"] for row in data["versions"]}
    needed = {Requirement(r).name for r in requires(DISTRIBUTION) if "extra ==" not in r}
    assert needed | {"Python", "GDAL of pyogrio", "PROJ", "GEOS"} <= set(versions)
    assert all(versions.values())
    assert [e["name"] for e in data["extras"]] == list(EXTRAS)
    for format in (Format.TEXT, Format.MARKDOWN, Format.HTML):
        assert "PROJ database" in as_string(found, format)


def test_an_extra_that_is_missing_says_how_to_get_it(monkeypatch):
    find = environment.importlib.util.find_spec
    monkeypatch.setattr(
        environment.importlib.util, "find_spec", lambda name: None if name == "folium" else find(name)
    )
    found = environment.document()
    assert "optional parts not installed: maps" in found.headline
    assert all(c.holds for c in found.checks)  # nothing needed is broken
    assert f"missing: folium  {install('maps')}" in as_string(found, Format.TEXT)


@pytest.mark.parametrize("module", ["pandas", "pyproj", "pyogrio", "yaml"])
def test_a_library_that_cannot_be_imported_is_found(module, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    found = environment.document()
    assert " is broken: libraries" in found.headline
    assert any("cannot be imported" in fault for fault in checks(found)["libraries"].faults)


def test_what_reports_are_written_with_is_broken():
    """The command itself needs few of the libraries that it looks at."""
    code = (
        "import sys; sys.modules['shapely'] = None\n"
        "from rogi.cli import environment, main\n"
        "environment._gpu = lambda: iter(())\n"
        "environment.requires = lambda _: ['shapely']\n"
        "sys.argv = ['rogi', 'doctor']\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, "shapely cannot be imported" in done.stdout) == (1, True), done.stderr


def test_an_old_or_absent_library_is_found(monkeypatch):
    version = environment._version
    monkeypatch.setattr(environment, "_version", lambda n: {"pandas": "1.5.3", "rich": ""}.get(n, version(n)))
    check = checks(environment.document())["libraries"]
    assert check.holds is False and install() in check.said
    assert [f.split()[0] for f in check.faults] == ["pandas", "rich"]
    assert "1.5.3 is not >=" in check.faults[0] and "is not installed" in check.faults[1]


def test_the_name_taken_by_another_distribution(monkeypatch):
    monkeypatch.setattr(rogi_toolkit, "mixed", lambda: "the package `rogi-1.0` is not this toolkit")
    check = checks(environment.document())["name of the package"]
    assert (check.holds, "is not this toolkit" in check.said) == (False, True)


def test_a_driver_that_is_missing(monkeypatch):
    import pyogrio

    drivers = {k: v for k, v in pyogrio.list_drivers().items() if k not in ("GPKG", "XLSX")}
    monkeypatch.setattr(pyogrio, "list_drivers", lambda: drivers)
    check = checks(environment.document())["file formats"]
    assert check.holds is False and check.faults == ("GDAL of pyogrio has no driver GPKG",)
    assert "not read: XLSX" in check.said


def test_a_database_of_projections_that_is_not_found(monkeypatch):
    def refuse(*_, **__):
        raise pyproj.exceptions.CRSError("no database context specified")

    monkeypatch.setattr(pyproj.Transformer, "from_crs", refuse)
    monkeypatch.setenv("PROJ_LIB", "/opt/other/share/proj")
    check = environment._projections()
    assert check.holds is False
    assert check.said == "no database context specified; unset PROJ_LIB=/opt/other/share/proj"


def test_folders_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("ROGI_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(environment.tempfile, "gettempdir", lambda: str(tmp_path / "file"))
    found = checks(environment.document())
    assert found["cache folder"].holds is False and "set ROGI_CACHE" in found["cache folder"].said
    assert found["temporary folder"].holds is False and "set TMPDIR" in found["temporary folder"].said


def test_settings_that_cannot_be_read(tmp_path):
    (tmp_path / "rogi.toml").write_text('profil = "strict"')
    check = checks(environment.document())["settings"]
    assert (check.holds, "did you mean profile" in check.said) == (False, True)


def test_sizes(tmp_path):
    assert [environment._size(n) for n in (0, 999, 1500, 2_500_000, 3e9, 4e13)] == [
        "0 B", "999 B", "2 kB", "2.5 MB", "3.0 GB", "40,000.0 GB",
    ]  # fmt: skip
    (tmp_path / "a.nbi").write_bytes(b"x" * 400)
    (tmp_path / "b.txt").write_bytes(b"x" * 100)
    assert environment._used(tmp_path) == "500 B"
    assert environment._used(tmp_path, (".nbi",)) == "400 B"
    assert environment._used(tmp_path / "none") == "0 B"
