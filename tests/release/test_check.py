"""Checking a copy: a sound one passes every check, and each way of tampering fails the check it should."""

from __future__ import annotations

import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from rogi.errors import InputError
from rogi.inventory.write import write_inventory
from rogi.release.checking.check import Checks, check_copy, check_package
from rogi.release.checking.report import document
from rogi.release.description import find_release, read_release
from rogi.release.metadata import checksums
from rogi.release.previous import is_package, read_previous, stated_by
from rogi.report.writers import as_text


@pytest.fixture
def copy(releases, tmp_path: Path) -> Path:  # type: ignore[no-untyped-def]
    """A copy of the package of 1.1 that may be changed."""
    folder = tmp_path / releases.second.folder.name
    shutil.copytree(releases.second.folder, folder)
    return folder


def failed(checks: Checks) -> set[str]:
    return {item.name for item in checks.items if item.passed is False}


def resum(folder: Path) -> None:
    """New checksums, as somebody who tampers would write them."""
    (folder / "SHA256SUMS").write_text(checksums(folder), encoding="utf-8")


def test_a_sound_package_passes(releases) -> None:  # type: ignore[no-untyped-def]
    """Folder and zip of both versions."""
    for built in (releases.first, releases.second):
        for path in (built.folder, built.zip):
            checks = check_package(path)
            assert checks.passed, as_text(document(checks))
            assert document(checks).data()["passed"] is True


def test_a_changed_byte_is_seen(copy: Path) -> None:
    """One byte of the CSV: the file is named."""
    path = copy / "csv" / "Synthetic_Primary_Marker.csv"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(bytes(data))
    checks = check_package(copy)
    assert "checksums" in failed(checks)
    assert any("Synthetic_Primary_Marker.csv" in fault for fault in checks.items[0].faults)


def test_other_files_are_seen(copy: Path) -> None:
    """A file more, a file less, a link, a path that leads outside."""
    (copy / "extra.txt").write_text("x")
    (copy / "CHANGELOG.md").unlink()
    (copy / "link").symlink_to("/etc/passwd")
    sums = (copy / "SHA256SUMS").read_text(encoding="utf-8")
    (copy / "SHA256SUMS").write_text(sums + "0" * 64 + "  ../outside\n" + "nonsense\n", encoding="utf-8")
    faults = "\n".join(check_package(copy).items[0].faults)
    for words in (
        "extra.txt does not belong",
        "CHANGELOG.md is missing",
        "link is a link",
        "no checksum of a file",
    ):
        assert words in faults


def test_metadata_of_another_version_are_seen(copy: Path) -> None:
    """Checksums made anew do not hide metadata that say something else."""
    for name, change in (
        ("datacite.json", {"version": "9.9"}),
        ("datapackage.json", {"version": "9.9"}),
    ):
        path = copy / name
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    resum(copy)
    checks = check_package(copy)
    assert "metadata" in failed(checks) and "checksums" not in failed(checks)
    faults = "\n".join(next(i for i in checks.items if i.name == "metadata").faults)
    assert "datacite.json: the version is '9.9'" in faults and "datapackage.json" in faults


def test_data_that_differ_between_formats_are_seen(copy: Path) -> None:
    """A value changed in the GeoPackage alone."""
    with sqlite3.connect(copy / "Synthetic_v1.1.gpkg") as connection:
        for (trigger,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f'DROP TRIGGER "{trigger}"')
        connection.execute('UPDATE "Synthetic_Extended_Footprint" SET ELE_MIN = ELE_MIN - 100 WHERE fid = 1')
    resum(copy)
    assert {"formats", "facts", "metadata"} <= failed(check_package(copy))


def test_a_report_that_is_not_of_these_data_is_seen(copy: Path) -> None:
    """Findings taken out of the report."""
    path = copy / "validation" / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    for rule in report["conformance"]:
        rule["findings"] += 1
    path.write_text(json.dumps(report), encoding="utf-8")
    resum(copy)
    assert "validation" in failed(check_package(copy))


def test_a_lineage_with_holes_is_seen(copy: Path) -> None:
    """A retired ID taken out of the list, a unit out of the crosswalk."""
    for name in ("lineage", "crosswalk"):
        path = copy / "lineage" / f"{name}.csv"
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\n".join(lines[:-1]) + "\n", encoding="utf-8")
    resum(copy)
    faults = "\n".join(next(i for i in check_package(copy).items if i.name == "lineage").faults)
    assert "without a line in the lineage" in faults and "not in the crosswalk" in faults


@pytest.mark.parametrize(
    "name", ["release.yaml", "datacite.json", "Synthetic_v1.1.gpkg", "facts.yaml", "stac/item.json"]
)
def test_broken_files_fail_their_check(copy: Path, name: str) -> None:
    """Garbage in any file is a failed check, not a crash."""
    (copy / name).write_bytes(b"\x00{garbage")
    checks = check_package(copy)
    assert not checks.passed
    assert str(copy) not in as_text(document(Checks("x", "y", checks.items)))


def test_a_zip_from_a_stranger_is_opened_with_care(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A path that leads outside is refused before anything is unpacked; other content is no package."""
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("../evil.txt", "x")
    with pytest.raises(InputError, match="outside"):
        check_package(bad)
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("hello.txt", "x")
    with pytest.raises(InputError, match="no package"):
        check_package(bad)
    with pytest.raises(InputError, match="There is no package"):
        check_package(tmp_path / "none.zip")
    torn = tmp_path / "torn.zip"
    torn.write_bytes(releases.first.zip.read_bytes()[:-5000])
    with pytest.raises(InputError, match="damaged"):
        check_package(torn)


def test_two_shapefiles_are_checked_against_a_release(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Shapefiles named as TPRoGI v1.0: facts of their own hold, another count is told."""
    copy = tmp_path / "download"
    write_inventory(releases.versions.first, copy, format="shapefile")
    folder = tmp_path / "1.0"
    shutil.copytree(releases.folders[0], folder)
    shutil.copy(releases.first.folder / "facts.yaml", folder)
    checks = check_copy(copy, read_release(folder))
    assert checks.passed, as_text(document(checks))
    text = (folder / "facts.yaml").read_text(encoding="utf-8")
    (folder / "facts.yaml").write_text(text.replace("value: 40\n", "value: 44273\n", 1), encoding="utf-8")
    checks = check_copy(copy, read_release(folder))
    assert failed(checks) == {"facts"}
    assert "units: 40, stated 44273" in as_text(document(checks))


def test_another_inventory_is_no_copy_of_tprogi(releases) -> None:  # type: ignore[no-untyped-def]
    """40 synthetic units against releases/1.0 of rogi: schema and rules pass, the published facts do not."""
    copy = releases.first.folder / "shapefile"
    checks = check_copy(copy, read_release(find_release("1.0")))
    assert failed(checks) == {"facts"}
    assert "units: 40, stated 44273" in as_text(document(checks))


def test_known_checksums_of_published_files_are_checked(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Where release.yaml states sha256 of the files, a copy is compared with them."""
    from dataclasses import replace

    from rogi.release.contents import sha256_of
    from rogi.release.description import File

    copy = tmp_path / "download"
    write_inventory(releases.versions.first, copy, format="shapefile")
    name = "TPRoGI_Primary_Marker.dbf"
    release = read_release(releases.folders[0])
    good = replace(release, files=(File(name, sha256_of(copy / name)),))
    assert check_copy(copy, good).items[0].passed is True
    bad = replace(release, files=(File(name, "0" * 64), File("none.shp", "0" * 64)))
    assert len(check_copy(copy, bad).items[0].faults) == 2


def test_a_long_list_of_faults_is_cut_in_the_text_only(copy: Path) -> None:
    """The text shows ten of each check and says how many there are; JSON has all."""
    for number in range(15):
        (copy / f"extra{number:02}.txt").write_text("x")
    checks = check_package(copy)
    assert "and 5 more" in as_text(document(checks))
    assert len(document(checks).data()["checks"][0]["faults"]) == 15


def _lineage(copy: Path, change: Callable[[list[str]], list[str]]) -> str:
    """Faults of the lineage after its rows were changed."""
    path = copy / "lineage" / "lineage.csv"
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([head, *change(rows)]) + "\n", encoding="utf-8")
    resum(copy)
    return "\n".join(next(i for i in check_package(copy).items if i.name == "lineage").faults)


def test_successors_that_are_not_there_are_seen(copy: Path) -> None:
    """A successor that no version has, and one that the crosswalk contradicts."""
    made = copy / "release.yaml"
    release = yaml.safe_load(made.read_text(encoding="utf-8"))
    stone = next(s for s in release["retired"] if "replaced_by" in s)
    (name,) = stone["replaced_by"]
    wrong = "RGU100000N0900000E"
    said = _lineage(copy, lambda rows: [row.replace(f",{name},", f",{wrong},") for row in rows])
    assert f"{stone['id']} is replaced by {wrong}, which is not there" in said
    assert f"{stone['id']} has another replaced_by in release.yaml" in said


def test_a_predecessor_that_never_was_is_seen(copy: Path) -> None:
    """A retired ID that the version before did not have, and one of a version to come."""
    never = "RGU100000N0900000E"
    rows = [f"1.1,{never},removed,,mistake", f"1.2,{never[:-1]}W,removed,,mistake"]
    said = _lineage(copy, lambda old: [*old, *rows])
    assert f"{never} is retired by 1.1 but was not in the version before" in said
    assert f"{never[:-1]}W is retired by 1.2, which is after this version" in said


def test_a_successor_of_an_earlier_version_may_be_gone_since(copy: Path) -> None:
    """A unit replaced in 0.9 by one that 1.1 retired: the chain is whole."""
    gone = yaml.safe_load((copy / "release.yaml").read_text(encoding="utf-8"))["retired"][0]["id"]
    assert _lineage(copy, lambda rows: [f"0.9,RGU100000N0900000E,renamed,{gone},x", *rows]) == ""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ignore", "GEO003"),
        ("select", "SCH"),
        ("severity GEO003", "info"),
        ("parameter GEO014.minimum_area", "0"),
    ],
)
def test_a_report_with_settings_of_its_own_is_seen(copy: Path, key: str, value: str) -> None:
    """A release is checked by all rules as they are."""
    path = copy / "validation" / "report.json"
    report = json.loads(path.read_text(encoding="utf-8"))
    report["settings"][key] = value
    path.write_text(json.dumps(report), encoding="utf-8")
    resum(copy)
    (item,) = [i for i in check_package(copy).items if i.name == "validation"]
    assert item.passed is False and item.faults[0].startswith(f"the report was made with {key} = {value}")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_truncated_zip_is_damaged(releases, tmp_path: Path, share: float) -> None:  # type: ignore[no-untyped-def]
    """A download that broke off, at any place: one sentence, whoever reads it."""
    content = releases.first.zip.read_bytes()
    path = tmp_path / releases.first.zip.name
    path.write_bytes(content[: int(share * len(content))])
    for read in (is_package, read_previous, stated_by_path):
        with pytest.raises(
            InputError, match=r"Synthetic_v1\.0\.zip is damaged: the end of the zip is missing"
        ):
            read(path)


def stated_by_path(path: Path) -> object:
    return stated_by(str(path))
