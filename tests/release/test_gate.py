"""The gate: each reason against a release, what lifts it, and that a sound release has none."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rogi.inventory.model import Inventory
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.release.build import build
from rogi.release.checking.check import check_package
from rogi.release.description import Release, Thresholds, Version, read_release
from rogi.release.differences.difference import Difference, difference
from rogi.release.differences.lineage import Retired
from rogi.release.gate.gate import GateError, refusals, uncommitted
from rogi.release.previous import read_previous
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.report import Report


@pytest.fixture(scope="module")
def report(releases) -> Report:  # type: ignore[no-untyped-def]
    return validate(releases.versions.second)


@pytest.fixture(scope="module")
def found(releases) -> Difference:  # type: ignore[no-untyped-def]
    return difference(releases.versions.first, releases.versions.second)


@pytest.fixture(scope="module")
def release(releases) -> Release:  # type: ignore[no-untyped-def]
    return read_release(releases.folders[1])


def codes(release: Release, report: Report, found: Difference, **more: object) -> list[str]:
    settings: dict[str, object] = {"found": found, "previous": Version(1, 0), "ids": found.ids_new, **more}
    return [refusal.code for refusal in refusals(release, report, **settings)]  # type: ignore[arg-type]


def test_a_sound_release_passes(release: Release, report: Report, found: Difference) -> None:
    """The edits of the fixture have their tombstones and fit a minor version."""
    assert codes(release, report, found) == []


def test_structural_changes_need_a_minor_version(release: Release, report: Report, found: Difference) -> None:
    """Units came and went: 1.0.1 does not fit, 1.1 and 2.0 do; a version not above the last never does."""
    assert codes(replace(release, version="1.0.1"), report, found) == ["version"]
    assert codes(replace(release, version="2.0"), report, found) == []
    assert codes(replace(release, version="1.0"), report, found) == ["version"]
    assert codes(release, report, found, known=[Version(1, 2)]) == ["version"]


def test_another_schema_needs_a_major_version(release: Release, report: Report, found: Difference) -> None:
    """A column gone, or of another type, or another schema, is another meaning."""
    from dataclasses import fields

    same = {f.name: getattr(found, f.name) for f in fields(found)}
    for change in (
        {"fields_removed": ("aspect",)},
        {"fields_retyped": ("area",)},
        {"schema_new": "tprogi/2.0"},
    ):
        changed = Difference(**{**same, **change})
        assert codes(release, report, changed) == ["version"]
        assert codes(replace(release, version="2.0"), report, changed) == []


def test_corrections_alone_fit_a_patch(releases, report: Report) -> None:  # type: ignore[no-untyped-def]
    """Only values changed: 1.0.1 is enough."""
    first = releases.versions.first
    layer = first.layer(Role.OUTLINE)
    frame = layer.frame.assign(REVIEWER="Reviewer K")
    second = replace(first, layers=tuple(replace(x, frame=frame) if x is layer else x for x in first.layers))
    release = replace(read_release(releases.folders[0]), version="1.0.1")
    assert codes(release, report, difference(first, second)) == []


def test_vanished_ids_need_tombstones(release: Release, report: Report, found: Difference) -> None:
    """Without the list every ID that is gone is named, with the way to draft one."""
    bare = replace(release, retired=())
    (refusal,) = refusals(bare, report, found=found, previous=Version(1, 0))
    assert refusal.code == "ids-vanished"
    assert "--tombstones" in refusal.remedy
    assert all(
        i in found.vanished for i in refusal.reason.split("(")[1].split(")")[0].split(" and ")[0].split(", ")
    )


def test_an_id_never_moves_to_another_unit(releases, release: Release, report: Report) -> None:  # type: ignore[no-untyped-def]
    """Two units exchange their IDs: both moved."""
    first = releases.versions.first
    layers = []
    for layer in first.layers:
        ids = layer.frame["ID"].to_numpy(dtype=object).copy()
        ids[[0, 1]] = ids[[1, 0]]
        layers.append(replace(layer, frame=layer.frame.assign(ID=ids)))
    swapped = difference(first, replace(first, layers=tuple(layers)))
    assert len(swapped.moved) == 2
    assert "ids-moved" in codes(release, report, swapped)


def test_a_retired_id_never_comes_back(release: Release, report: Report, found: Difference) -> None:
    """An ID that an earlier version retired, or this one does, is not in the data."""
    some = sorted(found.ids_new)[0]
    assert codes(release, report, found, retired=[Retired("0.9", some, "removed", (), "x")]) == ["ids-reused"]
    stone = replace(release.retired[0], id=some)
    assert "ids-retired" in codes(replace(release, retired=(*release.retired, stone)), report, found)


def test_large_changes_need_a_reason(release: Release, report: Report, found: Difference) -> None:
    """Beyond the thresholds the numbers are told; --accept lifts exactly that."""
    strict = replace(release, thresholds=Thresholds(count=0.0, area=0.001, subregion=10.0))
    assert codes(strict, report, found) == ["area"]
    assert codes(strict, report, found, accept={"area": "reviewed again"}) == []
    stricter = replace(strict, thresholds=Thresholds(count=0.0, area=0.001, subregion=0.0))
    several = codes(stricter, report, found)
    assert len(several) > 2 and len(set(several)) == len(several)
    assert codes(stricter, report, found, accept={several[1]: "x"}) == [several[0], *several[2:]]


def test_only_what_can_be_lifted_is_lifted(release: Release, report: Report, found: Difference) -> None:
    """A reason for a vanished ID, or for nothing that was refused, lifts nothing and is said itself."""
    bare = replace(release, retired=())
    assert codes(bare, report, found, accept={"ids-vanished": "x"}) == ["ids-vanished", "accept"]
    assert codes(release, report, found, accept={"count": "x"}) == ["accept"]


def test_errors_stop_a_release_and_waivers_lift_them(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """An ID that is none is an error (PID001); waived with a reason it passes and is reported."""
    from rogi.validation.waivers import Waiver

    def broken(inventory: Inventory) -> Inventory:
        layers = []
        for layer in inventory.layers:
            ids = layer.frame["ID"].to_numpy(dtype=object).copy()
            ids[0] = "unit one"
            layers.append(replace(layer, frame=layer.frame.assign(ID=ids)))
        return replace(inventory, layers=tuple(layers))

    release = read_release(releases.folders[0])
    inventory = broken(releases.versions.first)
    with pytest.raises(GateError, match="PID001") as caught:
        build(release, inventory, tmp_path)
    assert [refusal.code for refusal in caught.value.refusals] == ["findings"]
    assert list(tmp_path.iterdir()) == []
    found = {outcome.code for outcome in validate(inventory).outcomes if outcome.open}
    endless = tuple(Waiver("a trial", "Li", rule=code, id="unit one") for code in sorted(found))
    with pytest.raises(GateError, match="not expire"):
        build(release, inventory, tmp_path, waivers=endless)
    expired = tuple(replace(waiver, expires=release.date - dt.timedelta(days=1)) for waiver in endless)
    with pytest.raises(GateError, match="PID001") as caught:
        build(release, inventory, tmp_path, waivers=expired)
    assert [refusal.code for refusal in caught.value.refusals] == ["findings", "waivers"]
    assert f"feature unit one, since {expired[0].expires}" in str(caught.value)
    waivers = tuple(replace(waiver, expires=release.date) for waiver in endless)
    built = build(release, inventory, tmp_path, waivers=waivers)
    assert built.contents.conformance is not None and built.contents.conformance.waived >= 1
    readme = (built.folder / "README.md").read_text(encoding="utf-8")
    assert "| PID001 | feature unit one | 2 | a trial | Li | 2026-01-15 |" in readme
    assert check_package(built.folder).passed
    report = built.folder / "validation" / "report.json"
    text = report.read_text(encoding="utf-8")
    for change, said in (('"expires": "2026-01-15"', "no date of expiry"), ('"author": "Li"', "no author")):
        key = change.partition(":")[0]
        empty = "null" if "expires" in key else '""'
        report.write_text(text.replace(change, f"{key}: {empty}"), encoding="utf-8")
        (item,) = [i for i in check_package(built.folder).items if i.name == "validation"]
        assert item.passed is False and any(said in fault for fault in item.faults)


def test_stated_facts_must_hold(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """facts.yaml beside release.yaml: a wrong count stops the build, --accept goes into the package."""
    import shutil

    folder = tmp_path / "1.0"
    shutil.copytree(releases.folders[0], folder)
    (folder / "facts.yaml").write_text(
        "format: 1\ninventory: Synthetic\nversion: '1.0'\nsource: me\nfacts:\n"
        "  - {name: units, statistic: count, value: 44273, tolerance: 0}\n",
        encoding="utf-8",
    )
    release = read_release(folder)
    with pytest.raises(GateError, match="units is 40"):
        build(release, releases.versions.first, tmp_path / "out")
    built = build(release, releases.versions.first, tmp_path / "out", accept={"fact:units": "a trial only"})
    assert "a trial only" in (built.folder / "README.md").read_text(encoding="utf-8")
    assert read_release(built.folder).accepted == (("fact:units", "a trial only"),)


def test_an_unclean_tree_is_seen(tmp_path: Path) -> None:
    """Changed files anywhere in the tree, and new ones in the folder; nothing outside of git."""

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    assert uncommitted([tmp_path]) == ()
    git("init", "-q")
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "release.yaml").write_text("a")
    (tmp_path / "data.csv").write_text("a")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert uncommitted([tmp_path / "releases"]) == ()
    (tmp_path / "out.txt").write_text("untracked elsewhere")
    assert uncommitted([tmp_path / "releases"]) == ()
    (tmp_path / "data.csv").write_text("b")
    (tmp_path / "releases" / "new.yaml").write_text("c")
    assert uncommitted([tmp_path / "releases"]) == ("data.csv", "releases/new.yaml")


def test_what_is_being_written_does_not_make_a_tree_unclean(releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Inventory and output below one committed tree, twice; anything else that is new still refuses."""
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.org"]
    shutil.copytree(releases.folders[0], tmp_path / "releases" / "1.0")
    write_inventory(releases.versions.first, tmp_path / "work.gpkg")
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)
    release = read_release(tmp_path / "releases" / "1.0")
    inventory = read_inventory(tmp_path / "work.gpkg")
    for _ in range(2):
        build(release, inventory, tmp_path / "dist", force=True)
    (tmp_path / "dist" / "notes.txt").write_text("new")
    with pytest.raises(GateError, match=r"git: .*dist"):
        build(release, inventory, tmp_path / "dist", force=True)


def test_the_previous_package_tells_its_retired_ids(releases) -> None:  # type: ignore[no-untyped-def]
    """Lineage is handed from version to version."""
    previous = read_previous(releases.second.folder)
    assert {row.id for row in previous.retired} == {stone.id for stone in releases.versions.retired}
    assert all(row.version == "1.1" and row.reason for row in previous.retired)


def _stone(release: Release, number: int, **changes: object) -> Release:
    stones = list(release.retired)
    stones[number] = replace(stones[number], **changes)  # type: ignore[arg-type]
    return replace(release, retired=tuple(stones))


def test_each_successor_is_there(release: Release, report: Report, found: Difference) -> None:
    """Successors that are not in the version, or are another unit than the outlines tell, are named."""
    (number, stone) = next((k, s) for k, s in enumerate(release.retired) if s.replaced_by)
    absent = _stone(release, number, replaced_by=("RGU100000N0900000E",))
    (refusal,) = refusals(absent, report, found=found, previous=Version(1, 0), ids=found.ids_new)
    assert refusal.code == "lineage-absent" and f"RGU100000N0900000E for {stone.id}" in refusal.reason
    other = next(i for i in sorted(found.ids_new) if i not in stone.replaced_by)
    said = codes(_stone(release, number, replaced_by=(other,)), report, found)
    assert said[0] == "lineage-other" and set(said) <= {"lineage-other", "lineage-far"}


def test_a_successor_is_near(release: Release, report: Report, found: Difference) -> None:
    """A removed unit may be replaced by one nearby, not by one hundreds of kilometres away."""
    (number, stone) = next((k, s) for k, s in enumerate(release.retired) if not s.replaced_by)
    table = found.units
    at = table.loc[table["id_old"] == stone.id, ["longitude", "latitude"]].to_numpy()[0]
    there = table[table["id_new"].notna()]
    distance = abs(there["longitude"] - at[0]) + abs(there["latitude"] - at[1])
    far, near = there["id_new"].iloc[distance.argmax()], there["id_new"].iloc[distance.argmin()]
    assert codes(_stone(release, number, replaced_by=(far,)), report, found) == ["lineage-far"]
    wide = replace(release, thresholds=replace(release.thresholds, distance=1e9))
    assert codes(_stone(wide, number, replaced_by=(far, near)), report, found) == []


def test_an_id_that_never_was_is_not_retired(release: Release, report: Report, found: Difference) -> None:
    """Its tombstone is a mistake; one of an ID that an earlier version retired is not."""
    stone = replace(release.retired[0], id="RGU100000N0900000E", replaced_by=())
    more = replace(release, retired=(*release.retired, stone))
    assert codes(more, report, found) == ["lineage-unknown"]
    assert codes(more, report, found, retired=[Retired("0.9", stone.id, "removed", (), "x")]) == []


def test_settings_do_not_decide_what_a_release_contains(releases, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """A self-intersecting outline is refused whatever rogi.toml leaves out or calls information."""
    import shapely
    from typer.testing import CliRunner

    from rogi.cli.release import app

    layers = []
    for layer in releases.versions.first.layers:
        if layer.role is Role.OUTLINE:
            shapes = layer.frame.geometry.to_numpy(copy=True)
            west, south, east, north = shapes[0].bounds
            shapes[0] = shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])
            layer = replace(layer, frame=layer.frame.set_geometry(shapes, crs=layer.frame.crs))
        layers.append(layer)
    write_inventory(replace(releases.versions.first, layers=tuple(layers)), tmp_path / "work.gpkg")
    monkeypatch.chdir(tmp_path)
    for text, named in (
        ('ignore = ["GEO003"]', "ignore"),
        ('select = ["SCH"]', "select"),
        ('[severity]\nGEO003 = "info"', "severity"),
        ('profile = "lenient"', "profile"),
    ):
        (tmp_path / "rogi.toml").write_text(text, encoding="utf-8")
        arguments = ["build", str(releases.folders[0]), "-i", "work.gpkg", "-o", "dist", "-q"]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 1 and "GEO003 (1)" in result.stderr, result.output
        assert f"not used of the settings: {named}" in result.stderr
    assert not list((tmp_path / "dist").iterdir())
