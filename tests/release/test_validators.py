"""Validators of the field on a package: no error, no warning, or a stated reason (`make validators`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from rogi.attributes.provenance import Input, Provenance, column_metadata
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.inventory.writing.metadata import write_metadata
from rogi.release.build import build, set_doi
from rogi.release.checking.check import check_package
from rogi.release.description import read_release

VALIDATORS = os.environ.get("ROGI_VALIDATORS", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not VALIDATORS, reason="needs ROGI_VALIDATORS: use `make validators`"),
]
# What the validators recommend and a package does not have, and why.
NOT_STATED = {
    "An Organization entity SHOULD have a ROR identifier": "release.yaml names the publisher, not its ROR",
    "contactPoint": "release.yaml has no addresses of people",
    "The Action SHOULD have an agent": "who ran a command is not recorded",
    "The Action SHOULD have an endTime": "not recorded for attributes, so that bytes are the same",
    "SHOULD resolve": "needs a network",
    "a `conformsTo` property with the RO-Crate specification version": "1.1, which this validator takes for "
    "the base of Process Run Crate 0.5; the package is of 1.3",
}


def run(program: str, *arguments: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [str(Path(VALIDATORS) / "bin" / program), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(releases, tmp_path_factory: pytest.TempPathFactory) -> Path:  # type: ignore[no-untyped-def]
    """A package with a DOI, a community and the provenance of computed attributes."""
    place = tmp_path_factory.mktemp("validated")
    source = place / "work.gpkg"
    write_inventory(releases.versions.first, source)
    record = Provenance(
        group="elevation",
        units={"ELE_MEAN": 40, "ELE_MIN": 40},
        layer="TPRoGI_Extended_Footprint",
        inputs=(Input("dem.tif", 4711, "ab" * 32, "EPSG:4326", "0.000277 x 0.000277"),),
        parameters={"method": "coverage-weighted"},
    )
    write_metadata(source, column_metadata((record,), ()))
    release = replace(read_release(releases.folders[0]), communities=("permafrost",))
    built = build(release, read_inventory(source), place / "dist")
    set_doi(built.folder, "10.5072/zenodo.4711")
    assert check_package(built.folder).passed
    return built.folder


@pytest.mark.parametrize(
    ("profile", "severity"), [("ro-crate-1.3", "RECOMMENDED"), ("process-run-crate-0.5", "RECOMMENDED")]
)
def test_rocrate_validator(folder: Path, profile: str, severity: str) -> None:
    """Everything required, and what is recommended as far as it is known; contexts are those of rocrate."""
    context = str(files("rocrate") / "data" / "ro-crate.jsonld")
    script = str(Path(__file__).with_name("validate_crate.py"))
    code, said = run("python", script, str(folder), context, profile, severity)
    assert code == 0, said
    issues = [line for line in said.splitlines() if line.startswith(("REQUIRED", "RECOMMENDED", "OPTIONAL"))]
    assert "\n".join(line for line in issues if not any(reason in line for reason in NOT_STATED)) == ""
    graph = {
        e["@id"]: e for e in json.loads((folder / "ro-crate-metadata.json").read_text("utf-8"))["@graph"]
    }
    assert graph["#attributes-1"]["result"] == {"@id": f"{folder.name}.gpkg"}
    assert graph[graph["#attributes-1"]["object"]["@id"]]["sha256"] == "ab" * 32


def test_frictionless(folder: Path) -> None:
    """The Data Package: all tables by their schemas, all sizes and checksums."""
    code, said = run("frictionless", "validate", "--json", str(folder / "datapackage.json"))
    report = json.loads(said)
    assert code == 0 and report["valid"], said
    assert report["stats"] | {"seconds": 0} == {"tasks": 7, "errors": 0, "warnings": 0, "seconds": 0}


def test_cffconvert(folder: Path) -> None:
    """CITATION.cff."""
    code, said = run("cffconvert", "--validate", "-i", str(folder / "CITATION.cff"))
    assert code == 0 and "valid according to schema version 1.2.0" in said


def test_geoparquet_validator(folder: Path) -> None:
    """The community rules of GeoParquet 1.1: core, covering and distribution."""
    code, said = run("geoparquet-validator", "check", "--json", str(folder / "geoparquet"))
    assert code == 0, said
    assert '"status": "fail"' not in said.lower() and '"status":"fail"' not in said.lower()


def test_gpio(folder: Path, tmp_path: Path) -> None:
    """gpio: row groups, boxes, compression, spatial order and specification; without a network."""
    extension = next(Path(VALIDATORS).rglob("spatial.duckdb_extension"))
    _, version = run("python", "-c", "import duckdb; print(duckdb.__version__)")
    home = tmp_path / ".duckdb" / "extensions" / f"v{version.strip()}" / "linux_amd64"
    home.mkdir(parents=True)
    shutil.copy(extension, home)
    for path in sorted((folder / "geoparquet").iterdir()):
        code, said = run("gpio", "check", "all", str(path), HOME=str(tmp_path))
        assert code == 0, said
        assert "✗" not in said and "⚠" not in said, said


def test_the_geopackage_check_of_gdal(folder: Path) -> None:
    """validate_gpkg of GDAL, warnings as errors."""
    program = (
        "import sys; from osgeo_utils.samples import validate_gpkg as v; "
        "print(v.check(sys.argv[1], abort_at_first_error=False, warning_as_error=True))"
    )
    code, said = run("python", "-c", program, str(folder / f"{folder.name}.gpkg"))
    assert code == 0 and said.strip().endswith("[]"), said
