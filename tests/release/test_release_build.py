"""Building: the same bytes anywhere, and nothing half-done whatever goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from rogi.errors import InputError, OutputError
from rogi.inventory.model import Inventory
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.release import build as building
from rogi.release.build import build, set_doi
from rogi.release.description import read_release
from rogi.release.previous import is_package, read_previous

BUILD_AGAIN = """
import sys
from pathlib import Path
from rogi.inventory.read import read_inventory
from rogi.release.build import build
from rogi.release.description import read_release
release, inventory, target = map(Path, sys.argv[1:])
build(read_release(release), read_inventory(inventory), target)
"""


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def shuffled(inventory: Inventory) -> Inventory:
    layers = tuple(
        replace(x, frame=x.frame.sample(frac=1, random_state=1).reset_index(drop=True))
        for x in inventory.layers
    )
    return replace(inventory, layers=layers)


def test_two_builds_are_the_same_bytes(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Another process, folder, time zone, locale and order of rows; read from a file, not from memory."""
    source = tmp_path / "elsewhere" / "working copy.gpkg"
    source.parent.mkdir()
    write_inventory(shuffled(releases.versions.first), source)
    environment = {**os.environ, "TZ": "Asia/Shanghai", "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    environment.pop("SOURCE_DATE_EPOCH", None)
    target = tmp_path / "other place"
    command = [sys.executable, "-c", BUILD_AGAIN, str(releases.folders[0]), str(source), str(target)]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True)
    assert digests(target) == {
        name: digest
        for name, digest in digests(releases.first.folder.parent).items()
        if name.startswith(releases.first.folder.name)
    }


def test_the_reserved_doi_goes_everywhere(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Every file that has a DOI gets it, the data stay, and a second time nothing changes."""
    import shutil

    folder = tmp_path / releases.first.folder.name
    shutil.copytree(releases.first.folder, folder)
    before = digests(folder)
    doi = "10.5072/zenodo.4711"
    set_doi(folder, doi)
    after = digests(folder)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {
        "CITATION.cff",
        "README.md",
        "SHA256SUMS",
        "Synthetic_v1.0.gpkg",
        "datacite.json",
        "datapackage.json",
        "release.yaml",
        "ro-crate-metadata.json",
        "stac/collection.json",
        "stac/item.json",
    }
    for name in ("CITATION.cff", "README.md", "datacite.json", "release.yaml", "ro-crate-metadata.json"):
        assert doi in (folder / name).read_text(encoding="utf-8"), name
    assert is_package(tmp_path / "Synthetic_v1.0.zip")
    assert (folder / "README.md").read_text(encoding="utf-8").count(doi) == 1
    set_doi(folder, doi)
    assert digests(folder) == after
    with pytest.raises(InputError, match="has the DOI"):
        set_doi(folder, "10.5072/zenodo.1")


@pytest.mark.parametrize("move", [1, 2])
def test_a_package_is_never_lost(  # type: ignore[no-untyped-def]
    releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, move: int
) -> None:
    """Interrupted while the new folder takes the place of the old one: the old one is there."""
    import shutil

    folder = tmp_path / releases.first.folder.name
    shutil.copytree(releases.first.folder, folder)
    before = digests(folder)
    replace_path = Path.replace
    moves = []

    def interrupted(self: Path, target: Path) -> Path:
        if self.is_dir():
            moves.append(self)
            if len(moves) == move:
                raise KeyboardInterrupt
        return replace_path(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        set_doi(folder, "10.5072/zenodo.4711")
    assert digests(folder) == before
    set_doi(folder, "10.5072/zenodo.4711")
    assert read_release(folder).doi == "10.5072/zenodo.4711"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["Synthetic_v1.0", "Synthetic_v1.0.zip"]


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_a_package_is_read_as_one_inventory(releases, kind: str) -> None:  # type: ignore[no-untyped-def]
    """It holds the data in four formats; the GeoPackage is read, each unit once, and the report says so."""
    package = getattr(releases.first, kind)
    read = read_inventory(package)
    assert [len(layer) for layer in read.layers] == [len(x) for x in releases.versions.first.layers]
    assert {source.path.suffix for layer in read.layers for source in layer.sources} == {".gpkg"}
    assert [note for note in read.notes if "no other format" in note] == list(read.notes)


KILLED = """
import os, sys
from pathlib import Path
from rogi.release.build import set_doi

replace_path, moves = Path.replace, []

def killed(self, target):
    if self.is_dir():
        moves.append(self)
        if len(moves) == 2:
            os._exit(9)
    return replace_path(self, target)

Path.replace = killed
set_doi(Path(sys.argv[1]), "10.5072/zenodo.4711")
"""


def test_a_move_that_was_killed_is_finished(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Killed between the two moves no package is in its place: the next call puts the new one there."""
    name = releases.first.folder.name
    folder, whole = tmp_path / name, tmp_path / "whole" / name
    for copy in (folder, whole):
        shutil.copytree(releases.first.folder, copy)
    assert subprocess.run([sys.executable, "-c", KILLED, str(folder)], check=False).returncode == 9
    assert not folder.exists() and len([p for p in tmp_path.iterdir() if p.name.startswith(".")]) == 1
    set_doi(folder, "10.5072/zenodo.4711")
    set_doi(whole, "10.5072/zenodo.4711")
    assert digests(folder) == digests(whole)
    assert sorted(p.name for p in tmp_path.iterdir()) == [name, f"{name}.zip", "whole"]


def test_a_missing_previous_version_is_said(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A release made from another one needs it; a path that is not there says how to get it."""
    with pytest.raises(InputError, match="--previous"):
        build(read_release(releases.folders[1]), releases.versions.second, tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_previous(tmp_path / "none.zip")
    assert list(tmp_path.iterdir()) == []


def test_the_wrong_previous_version_is_refused(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """1.1 names 1.0 as the version before; a package of 1.1 or of another inventory is neither."""
    release = read_release(releases.folders[1])
    with pytest.raises(InputError, match=r"not from Synthetic_v1\.1"):
        build(release, releases.versions.second, tmp_path, previous=read_previous(releases.second.zip))
    with pytest.raises(InputError, match="a version of Synthetic"):
        build(
            replace(release, inventory="Other"),
            releases.versions.second,
            tmp_path,
            previous=read_previous(releases.first.zip),
        )
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_replaced_only_if_asked(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """An existing package stays, unless --force is given."""
    release = read_release(releases.folders[0])
    (tmp_path / release.name).mkdir()
    (tmp_path / release.name / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="--force"):
        build(release, releases.versions.first, tmp_path)
    assert (tmp_path / release.name / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("step", ["write_geopackage", "write_other_formats", "_finish", "write_zip"])
def test_a_full_disk_leaves_nothing(  # type: ignore[no-untyped-def]
    releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whichever step finds the disk full, the message is one sentence and the target is as it was."""
    (tmp_path / "mine.txt").write_text("mine")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building, step, full)
    with pytest.raises(OutputError, match="No space left"):
        build(read_release(releases.folders[0]), releases.versions.first, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_an_unwritable_target_is_said(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A file where the folder should be."""
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="out"):
        build(read_release(releases.folders[0]), releases.versions.first, tmp_path / "out")


def test_an_inventory_without_crs_is_refused(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Coordinates without a reference system cannot be released."""
    inventory = releases.versions.first
    layers = tuple(replace(x, frame=x.frame.set_crs(None, allow_override=True)) for x in inventory.layers)
    with pytest.raises(InputError, match="have no coordinate reference system"):
        build(read_release(releases.folders[0]), replace(inventory, layers=layers), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_date_of_the_release_is_today_for_the_rules(releases) -> None:  # type: ignore[no-untyped-def]
    """The report is dated by the release, so that a build next year gives the same."""
    report = json.loads((releases.first.folder / "validation" / "report.json").read_text(encoding="utf-8"))
    assert report["date"] == "2026-01-15"
    assert report["inventory"]["path"] == "Synthetic_v1.0.gpkg"


def test_source_date_epoch_is_taken(  # type: ignore[no-untyped-def]
    releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable of reproducible builds sets the times; nonsense in it is refused."""
    import zipfile

    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    built = build(read_release(releases.folders[0]), releases.versions.first, tmp_path)
    with zipfile.ZipFile(built.zip) as archive:
        assert {member.date_time for member in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "tomorrow")
    with pytest.raises(Exception, match="SOURCE_DATE_EPOCH"):
        build(read_release(releases.folders[0]), releases.versions.first, tmp_path / "b")


def test_the_doi_of_the_version_before_is_in_the_metadata(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """DataCite, STAC and the package's own release.yaml name it."""
    doi = "10.5072/zenodo.17"
    folder = tmp_path / "first" / releases.first.folder.name
    shutil.copytree(releases.first.folder, folder)
    set_doi(folder, doi)
    made = build(
        read_release(releases.folders[1]),
        releases.versions.second,
        tmp_path / "second",
        previous=read_previous(folder),
    )
    datacite = json.loads((made.folder / "datacite.json").read_text(encoding="utf-8"))
    links = [r for r in datacite["relatedIdentifiers"] if r["relationType"] == "IsNewVersionOf"]
    assert [r["relatedIdentifier"] for r in links] == [doi]
    collection = json.loads((made.folder / "stac" / "collection.json").read_text(encoding="utf-8"))
    assert {"rel": "predecessor-version", "href": f"https://doi.org/{doi}"} in collection["links"]
    assert [r.identifier for r in read_release(made.folder).related].count(doi) == 1


def test_a_zip_with_a_damaged_directory_is_a_message(tmp_path: Path) -> None:
    """It ends like a zip, so it is taken for one, but lists no files."""
    path = tmp_path / "v.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("v/release.yaml", "version: '1.0'")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"PK\x01\x02", bytes(4)))
    with pytest.raises(InputError, match=r"v\.zip is damaged"):
        is_package(path)


def test_outer_rings_run_counterclockwise(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Whichever way the input has them: GeoPackage and GeoParquet counterclockwise, Shapefiles clockwise."""
    import geopandas as gpd
    import shapely

    inventory = releases.versions.first
    layers = tuple(
        replace(x, frame=x.frame.set_geometry(shapely.orient_polygons(x.geometry, exterior_cw=True)))
        for x in inventory.layers
    )
    release = read_release(releases.folders[0])
    built = build(release, replace(inventory, layers=layers), tmp_path)
    name = "Synthetic_Extended_Footprint"
    for path, layer, ccw in (
        (built.folder / "Synthetic_v1.0.gpkg", name, True),
        (built.folder / "shapefile" / f"{name}.shp", None, False),
    ):
        parts = gpd.read_file(path, layer=layer).geometry.explode().exterior
        assert [shapely.is_ccw(ring) for ring in parts] == [ccw] * len(parts)
    assert digests(built.folder) == digests(releases.first.folder)


def test_boxes_contain_all_and_have_six_decimals(releases) -> None:  # type: ignore[no-untyped-def]
    """Rounded outward, each side by less than a millionth of a degree; whole numbers stay."""
    from rogi.release.contents import outward

    assert outward(-180.0, -90.0, 180.0, 90.0) == (-180.0, -90.0, 180.0, 90.0)
    assert outward(0.1, 0.2, 0.3, 88.5) == (0.1, 0.2, 0.3, 88.5)
    assert outward(-0.12345678, 1e-9, 0.12345612, 0.0000001) == (-0.123457, 0.0, 0.123457, 1e-06)
    for layer in releases.first.contents.layers:
        data = releases.versions.first.layer(layer.role)
        exact = data.frame.total_bounds
        box = layer.bounds
        assert box[0] <= exact[0] < box[0] + 1e-6 and box[3] - 1e-6 < exact[3] <= box[3]
