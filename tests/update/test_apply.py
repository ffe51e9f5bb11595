"""A new version from decisions: what changes and what does not, IDs, attributes, files, and bytes."""

from __future__ import annotations

import csv
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from mapping import applied, decide, digests, draw, frame_of, ids_of, looked_at, split
from packages import CRS, Case, Inputs, make_case, make_inventory, make_work, octagon
from shapely.affinity import scale, translate
from typer.testing import CliRunner

from rogi.areas import area_m2
from rogi.attributes.configuration import AttributeSettings
from rogi.cli.update import app
from rogi.errors import InputError, OptionError, OutputError
from rogi.inventory.build import from_frames
from rogi.inventory.ids.primary_id import make
from rogi.inventory.model import Inventory
from rogi.inventory.read import read_inventory
from rogi.release.description import read_release
from rogi.release.differences.difference import difference
from rogi.schema.model import Role
from rogi.update.applying.lineage import replay
from rogi.update.applying.new_version import Applied, apply, missing_attributes, with_attributes
from rogi.update.applying.results import check_output, folder_of, write_update
from rogi.update.applying.summary import area_balance, expected_difference
from rogi.update.deciding.edits import read_edits
from rogi.update.deciding.examination import examine
from rogi.update.identity import new_ids
from rogi.update.new_version import version_of

CASE = make_case()


def decided_work(folder: Path) -> tuple[Inputs, Path]:
    """Both mappers decided on every kind of task; some are left open, two contradict each other."""
    inputs, work = make_work(folder)
    anna, ben = work / "anna.gpkg", work / "ben.gpkg"

    def task(name: str) -> str:
        return f"U:{CASE.unit[name]}"

    decide(anna, task("r0c1"), "refine", use_candidate=1, reviewer="rita", comment="new front")
    decide(anna, task("r1c1"), "refine", translate(CASE.outline["r1c1"], 0.003, 0.0))
    decide(anna, task("r0c2"), "remove", reason="scree")
    decide(anna, task("r1c2"), "remain")
    split(anna, task("r0c3"), [octagon(74.058, 37.5, 0.0018), octagon(74.062, 37.5, 0.0018)])
    decide(anna, task("r1c3"), "split", use_candidate=1, reason="two fronts")
    decide(anna, task("r0c5"), "merge", merge_into=CASE.unit["r0c4"], reason="one tongue")
    decide(anna, task("r0c4"), "remain")
    decide(anna, task("r1c4"), "refine", use_candidate=1)
    decide(anna, task("r1c5"), "merge", merge_into=CASE.unit["r1c4"], reason="one tongue")
    decide(anna, "C:C-0-new", "retrieve", reason="front seen")
    decide(anna, "C:C-1-new", "remove", reason="moraine")
    draw(ben, "retrieve", octagon(74.0, 37.46, 0.004), reason="missed", mapper="ben")
    decide(ben, "C:C-3-new", "unsure", mapper="ben", comment="=1+1")
    decide(ben, task("r3c1"), "remove", reason="landslide", mapper="ben")
    draw(ben, "retrieve", octagon(73.9, 37.46, 0.004), reason="seen", mapper="ben")
    draw(anna, "retrieve", octagon(73.902, 37.46, 0.004), reason="seen")
    return inputs, work


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Inputs, Path]:
    return decided_work(tmp_path_factory.mktemp("decided"))


@pytest.fixture(scope="module")
def result(planned: tuple[Inputs, Path]) -> Applied:
    return applied(*planned)


def test_every_operation(planned: tuple[Inputs, Path], result: Applied) -> None:
    """Worked by hand: which units there are, what each operation did, what is left."""
    unit = CASE.unit
    done = {(o.unit, o.operation) for o in result.operations}
    assert done == {
        (unit["r0c1"], "refine"),
        (unit["r1c1"], "refine"),
        (unit["r0c2"], "remove"),
        (unit["r3c1"], "remove"),
        (unit["r1c2"], "remain"),
        (unit["r0c3"], "split"),
        (unit["r1c3"], "split"),
        (unit["r0c4"], "merge"),
        (unit["r0c5"], "merge"),
        (unit["r1c4"], "merge"),
        (unit["r1c5"], "merge"),
        ("RGU375000N0739800E", "retrieve"),
        ("RGU374600N0740000E", "retrieve"),
    }
    after = set(ids_of(result.inventory))
    before = set(unit.values())
    gone = {unit[n] for n in ("r0c2", "r3c1", "r0c3", "r1c3", "r0c5", "r1c5")}
    assert before - after == gone == {s.id for s in result.retired}
    assert after - before == {
        "RGU375000N0739800E",
        "RGU374600N0740000E",
        "RGU375000N0740580E",
        "RGU375000N0740620E",
        "RGU375200N0740580E",
        "RGU375200N0740620E",
    }
    assert replay(before, result.operations) == after
    conflicts = [p for p in result.examination.problems if p.conflict]
    assert {p.package for p in conflicts} == {"anna", "ben"} and len(conflicts) == 2


def test_unchanged_rows_keep_every_value(planned: tuple[Inputs, Path], result: Applied) -> None:
    """Rows of units that did not change are equal bit by bit, in both layers, in their order and types."""
    base = read_inventory(planned[0].inventory)
    for role in (Role.OUTLINE, Role.MARKER):
        old, new = frame_of(base, role), frame_of(result.inventory, role)
        assert list(old.columns) == list(new.columns) and (old.dtypes == new.dtypes).all()
        same = [i for i in old.index if i in new.index and i not in result.changed]
        assert len(same) == 20
        pd.testing.assert_frame_equal(
            pd.DataFrame(old.loc[same].drop(columns="geometry")),
            pd.DataFrame(new.loc[same].drop(columns="geometry")),
            check_exact=True,
        )
        wkb = [shapely.to_wkb(np.asarray(f.loc[same].geometry.array)) for f in (old, new)]
        assert (wkb[0] == wkb[1]).all()
        assert [i for i in new.index if i in set(same)] == same


def test_rows_that_change(planned: tuple[Inputs, Path], result: Applied) -> None:
    """Names, date, remark, area and marker come from the decision; what came from rasters is cleared."""
    base = read_inventory(planned[0].inventory)
    old, new = frame_of(base), frame_of(result.inventory)
    refined = CASE.unit["r0c1"]
    row = new.loc[refined]
    assert (row["MAPPER"], row["REVIEWER"], row["MAP_DATE"], row["ADDI_INF"]) == (
        "anna",
        "rita",
        "2026-08-15",
        "Yes: new front",
    )
    assert row["SUBREGION"] == old.loc[refined, "SUBREGION"]
    assert row["AREA"] == pytest.approx(area_m2([row["geometry"]], CRS)[0] / 1e6, rel=1e-12)
    rasters = [c for c in new.columns if c.startswith(("ELE_", "SLO_"))] + ["ASPECT", "PISR", "MAAT", "MAGT"]
    assert new.loc[sorted(result.changed), rasters].isna().all().all()
    assert new.loc[CASE.unit["r1c2"], rasters].notna().all()
    part = new.loc["RGU375000N0740580E"]
    assert part["SUBREGION"] == old.loc[CASE.unit["r0c3"], "SUBREGION"] and pd.isna(part["REVIEWER"])
    assert pd.isna(new.loc["RGU375000N0739800E", "SUBREGION"])
    assert set(missing_attributes(result)) >= {"SUBREGION", "ELE_MEAN", "PISR", "AP"}


def test_markers_move_only_out_of_the_way(planned: tuple[Inputs, Path], result: Applied) -> None:
    """The ID stays when the outline moves; the marker stays while it lies in the outline."""
    base = read_inventory(planned[0].inventory)
    old, new = frame_of(base, Role.MARKER), frame_of(result.inventory, Role.MARKER)
    outline = frame_of(result.inventory)
    assert new.loc[CASE.unit["r0c1"], "geometry"].equals(old.loc[CASE.unit["r0c1"], "geometry"])
    assert (new["LON"] == new.geometry.x).all() and (new["LAT"] == new.geometry.y).all()
    assert (outline["LON"] == new["LON"].reindex(outline.index)).all()
    assert outline.geometry.intersects(gpd.GeoSeries(new.geometry.reindex(outline.index), crs=CRS)).all()
    assert set(new.index) == set(outline.index)


def test_marker_that_has_to_move(tmp_path: Path) -> None:
    """An outline drawn beside its marker takes the marker along, under the same ID."""
    inputs, work = make_work(tmp_path)
    west = shapely.box(74.0161, 37.497, 74.0192, 37.503)
    decide(work / "anna.gpkg", f"U:{CASE.unit['r0c1']}", "refine", west)
    inventory = applied(inputs, work).inventory
    point = frame_of(inventory, Role.MARKER).loc[CASE.unit["r0c1"]]
    assert west.contains(point["geometry"]) and point["LON"] == point["geometry"].x
    assert frame_of(inventory).loc[CASE.unit["r0c1"], "LON"] == point["LON"]


def test_markers_that_exist_keep_their_rows_and_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Markers in another order than outlines, one off the middle, one without outline whose ID is wanted."""
    aside, wanted = shapely.Point(74.0228, 37.4986), "RGU375000N0739800E"
    lonely = shapely.Point(73.98, 37.5)

    def rearranged(case: Case) -> Inventory:
        inventory = make_inventory(case)
        frames = {layer.role: layer.frame for layer in inventory.layers}
        markers = frames[Role.MARKER].iloc[::-1].reset_index(drop=True)
        at = markers.index[markers["ID"] == case.unit["r0c1"]][0]
        markers.loc[at, "geometry"] = aside
        extra = (
            markers.iloc[[0]].assign(ID=wanted, LON=lonely.x, LAT=lonely.y).set_geometry([lonely], crs=CRS)
        )
        frames[Role.MARKER] = pd.concat([markers.iloc[:7], extra, markers.iloc[7:]], ignore_index=True)
        return from_frames(frames, schema="tprogi/1.0", dialect="tprogi", path="v1.0")

    monkeypatch.setattr("packages.make_inventory", rearranged)
    inputs, work = make_work(tmp_path)
    away = shapely.box(74.0161, 37.517, 74.0192, 37.523)  # beside its marker
    decide(work / "anna.gpkg", f"U:{CASE.unit['r0c1']}", "refine", use_candidate=1)
    decide(work / "anna.gpkg", f"U:{CASE.unit['r1c1']}", "refine", away)
    decide(work / "anna.gpkg", f"U:{CASE.unit['r0c2']}", "remove", reason="scree")
    decide(work / "anna.gpkg", "C:C-0-new", "retrieve", reason="front seen")
    found = applied(inputs, work)
    layer = read_inventory(inputs.inventory).layer(Role.MARKER)
    assert layer is not None
    old, new = layer.frame.set_index("ID"), frame_of(found.inventory, Role.MARKER)
    fresh = set(new.index) - set(old.index)
    assert len(fresh) == 1 and wanted not in fresh
    stay = [name for name in old.index if name != CASE.unit["r0c2"]]
    assert list(new.index) == [*stay, *fresh]
    moved = [name for name in stay if not new.geometry[name].equals(old.geometry[name])]
    assert moved == [CASE.unit["r1c1"]]
    assert away.contains(new.geometry[moved[0]])
    assert new.geometry[CASE.unit["r0c1"]].equals(aside) and new.geometry[wanted].equals(lonely)
    outlines = frame_of(found.inventory)
    assert outlines.index.is_unique and fresh < set(outlines.index) and wanted not in outlines.index
    marker = new.geometry[fresh.pop()]
    assert CASE.candidate["C-0-new"].contains(marker)
    assert marker.distance(lonely) == pytest.approx(1e-4, abs=1e-7)  # the next place of the ID


def test_agrees_with_release_diff(planned: tuple[Inputs, Path], result: Applied) -> None:
    """What `rogi release diff` finds between the versions is what the summary says, and the areas add up."""
    found = difference(read_inventory(planned[0].inventory), result.inventory)
    counts = {kind.value: number for kind, number in found.counts.items() if number}
    assert counts == {k: v for k, v in expected_difference(result).items() if v}
    assert not found.moved
    areas = area_balance(result)
    total = areas["old"] + areas["retrieved"] - areas["removed"]
    total += areas["refined"] + areas["split"] + areas["merged"]
    assert total == pytest.approx(areas["new"], rel=1e-12)
    assert areas["old"] == pytest.approx(found.area_old_km2, rel=1e-9)
    assert areas["new"] == pytest.approx(found.area_new_km2, rel=1e-9)


def test_written_files(planned: tuple[Inputs, Path], result: Applied, tmp_path: Path) -> None:
    """The folder's tables say what was done and what is left; a release takes its tombstones."""
    output = tmp_path / "v1.1.gpkg"
    written = write_update(result, output)
    folder = folder_of(output)
    assert written.changed and folder.name == "v1.1.update"
    assert sorted(p.name for p in folder.iterdir()) == [
        "conflicts.csv",
        "conflicts.gpkg",
        "lineage.csv",
        "open.csv",
        "problems.csv",
        "rejected.gpkg",
        "retired.csv",
        "summary.json",
        "summary.md",
    ]
    rejected = gpd.read_file(folder / "rejected.gpkg")
    # two removed units and the candidate of one of them, which no other unit needs; one candidate
    assert sorted(rejected["source"]) == ["candidate", "candidate", "unit", "unit"]
    assert set(rejected["candidate_id"].dropna()) == {"C-1-new", "C-3-c1-0"}
    assert set(rejected["reason"]) == {"scree", "moraine", "landslide"}
    conflicts = gpd.read_file(folder / "conflicts.gpkg")
    assert set(conflicts["conflict"]) == {1} and len(conflicts) == 2
    assert set(conflicts["package"]) == {"anna", "ben"}
    assert conflicts.geometry.iloc[0].intersects(conflicts.geometry.iloc[1])
    left = list(csv.DictReader((folder / "open.csv").open(encoding="utf-8")))
    assert {r["task"] for r in left if r["state"] == "unsure"} == {"C:C-3-new"}
    assert {r["comment"] for r in left if r["state"] == "unsure"} == {"'=1+1"}  # no formula in a spreadsheet
    assert len(left) == result.examination.open_tasks
    content = json.loads((folder / "summary.json").read_text())
    assert content["candidates"] == {
        "candidates": 32,
        "matched with units": 27,
        "without a unit": 5,
        "retrieved": 1,
        "removed": 1,
        "held": 0,
        "open": 3,
        "drawn by mappers": 1,
    }
    assert content["units"]["before"] == 30 and content["units"]["after"] == 30
    assert content["version"] == "1.1" and not content["complete"]
    back = read_inventory(output)
    assert ids_of(back) == ids_of(result.inventory)
    with closing(sqlite3.connect(output)) as connection:
        assert connection.execute("SELECT count(*) FROM layer_styles").fetchone()[0] == 2
    release = tmp_path / "release.yaml"
    shutil.copyfile(folder / "retired.csv", tmp_path / "retired.csv")
    release.write_text(
        "format: 1\ninventory: X\nversion: '1.1'\ndate: '2026-09-01'\ntitle: X\ndescription: X\n"
        "schema: tprogi/1.0\nprevious: '1.0'\nlicence: {id: CC-BY-4.0, title: CC, url: 'https://x.org'}\n"
        "creators: [{family_name: X}]\nretired_file: retired.csv\n"
    )
    stones = read_release(release).retired
    assert stones == result.retired
    assert {s.id: s.replaced_by for s in stones}[CASE.unit["r0c5"]] == (CASE.unit["r0c4"],)


def test_same_bytes_from_any_order(planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    """Files in another order or place, and applied twice, give the same bytes; inputs stay as they are."""
    inputs, work = planned
    before = digests(work.parent)
    base = read_inventory(inputs.inventory)
    crs = base.layer(Role.OUTLINE).crs  # type: ignore[union-attr]
    moved = tmp_path / "elsewhere"
    shutil.copytree(work, moved)
    outputs = []
    orders = ([work], sorted(work.iterdir())[::-1], [moved / "ben.gpkg", moved / "anna.gpkg"])
    for number, paths in enumerate(orders):
        folder = tmp_path / str(number)
        folder.mkdir()
        done = apply(examine(read_edits(list(paths), crs=crs), base), "1.1")
        assert write_update(done, folder / "v1.1.gpkg").changed
        assert not write_update(done, folder / "v1.1.gpkg").changed
        outputs.append(digests(folder))
    assert outputs[0] == outputs[1] == outputs[2]
    assert digests(work.parent) == before


def test_output_that_is_not_ours(result: Applied, tmp_path: Path) -> None:
    """What somebody changed, or another folder, is not replaced; an untouched result is."""
    output = tmp_path / "v1.1.gpkg"
    write_update(result, output)
    check_output(output)
    with closing(sqlite3.connect(output)) as connection, connection:
        connection.execute("CREATE TABLE note (text TEXT)")
    with pytest.raises(OutputError, match="is not as an update left it"):
        check_output(output)
    check_output(output, force=True)
    assert write_update(result, output).changed
    check_output(output)
    other = tmp_path / "v2.update"
    other.mkdir()
    (other / "notes.txt").write_text("x")
    with pytest.raises(OutputError, match="holds something else"):
        check_output(tmp_path / "v2.gpkg", force=True)


@pytest.mark.slow
def test_killed_at_any_point(planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    """After SIGKILL there is the whole result or no GeoPackage; the next run completes it."""
    inputs, work = planned
    script = tmp_path / "run.py"
    script.write_text(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "count, stop = 0, int(sys.argv[1])\n"
        "def spy(name):\n"
        "    real = getattr(os, name)\n"
        "    def call(*args, **more):\n"
        "        global count\n"
        "        count += 1\n"
        "        if count == stop: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return real(*args, **more)\n"
        "    setattr(os, name, call)\n"
        "from mapping import applied\n"
        "from packages import Inputs, make_case\n"
        "from rogi.update.applying.results import write_update\n"
        "from rogi.inventory.read import read_inventory\n"
        f"inputs = Inputs(make_case(), Path({str(inputs.inventory)!r}), Path(), Path())\n"
        f"done = applied(inputs, Path({str(work)!r}))\n"
        "for name in ('open', 'rename', 'replace', 'unlink', 'fsync', 'mkdir', 'rmdir'): spy(name)\n"
        "out = Path(sys.argv[2])\n"
        "try: write_update(done, out)\n"
        "finally: print(count, flush=True)\n"
    )
    whole = tmp_path / "whole"
    whole.mkdir()
    ran = subprocess.run(
        [sys.executable, str(script), "0", str(whole / "v1.1.gpkg")], capture_output=True, check=True
    )
    calls = int(ran.stdout.split()[-1])
    expected = digests(whole)
    folder = tmp_path / "killed"
    folder.mkdir()
    output = folder / "v1.1.gpkg"
    seen = set()
    for stop in (calls // 3, calls - 12, calls - 6, calls - 3):
        killed = subprocess.run([sys.executable, str(script), str(stop), str(output)], capture_output=True)
        assert killed.returncode == -signal.SIGKILL
        there = {k: v for k, v in digests(folder).items() if not k.startswith(".")}
        seen.add(output.exists())
        if output.exists():
            assert there == expected
        shutil.rmtree(folder)
        folder.mkdir()
    assert False in seen
    subprocess.run([sys.executable, str(script), str(calls // 2), str(output)], capture_output=True)
    subprocess.run([sys.executable, str(script), "0", str(output)], capture_output=True, check=True)
    assert {k: v for k, v in digests(folder).items() if not k.startswith(".")} == expected


# ---- identity


def test_ids_are_never_used_again(planned: tuple[Inputs, Path]) -> None:
    """A marker whose ID stood for another unit moves inside the outline to the nearest free one."""
    first = applied(*planned)
    assert "RGU375000N0739800E" in first.changed
    taken = frozenset({"RGU375000N0739800E", "RGU375000N0739801E"})
    second = applied(*planned, taken=taken)
    new = set(second.changed - first.changed)
    assert len(new) == 1 and not new & taken
    row = frame_of(second.inventory, Role.MARKER).loc[new.pop()]
    outline = CASE.candidate["C-0-new"]
    assert outline.contains(row["geometry"]) and outline.centroid.distance(row["geometry"]) < 1.5e-4


def test_ids_do_not_depend_on_the_order_of_outlines() -> None:
    """Outlines with one first choice get distinct IDs, the same in any order."""
    shapes = np.array([octagon(74.0, 37.5, w) for w in (0.001, 0.002, 0.003)], dtype=object)
    ids, position = new_ids(shapes, set())
    again, _ = new_ids(shapes[::-1], set())
    assert len(set(ids)) == 3 and list(ids) == list(again[::-1])
    assert shapely.contains_xy(shapes, position[:, 0], position[:, 1]).all()


def test_a_marker_among_others_goes_to_the_nearest_free_place() -> None:
    """By hand, in steps of the ID: the sides before the corners, and of these south, west, east, north."""
    box = shapely.box(73.999, 37.499, 74.001, 37.501)
    place = {
        (i, j): str(make(74.0 + i * 1e-4, 37.5 + j * 1e-4)[0]) for i in range(-2, 3) for j in range(-2, 3)
    }
    near = [(0, 0), (0, -1), (-1, 0), (1, 0), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1), (0, -2)]
    taken: set[str] = set()
    for step in near:
        ids, position = new_ids(np.array([box], dtype=object), taken)
        assert ids.tolist() == [place[step]]
        np.testing.assert_allclose(position[0], [74.0 + step[0] * 1e-4, 37.5 + step[1] * 1e-4], atol=1e-9)
        taken.add(place[step])
    east = shapely.box(73.99999, 37.4999, 74.0003, 37.5001)  # nothing of it lies west of the first place
    ids, position = new_ids(np.array([east], dtype=object), {str(make(*shapely.centroid(east).coords[0])[0])})
    assert shapely.contains_xy(east, *position[0])
    small = shapely.box(73.99999, 37.49999, 74.00001, 37.50001)
    with pytest.raises(InputError, match=r"37\.5000°N 74\.0000°E has no room for a free primary ID"):
        new_ids(np.array([small], dtype=object), {place[0, 0]})


# ---- other inventories


def test_outlines_only_with_whole_numbers(planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    """An inventory without markers, in metres, with an integer column: types and units stay."""
    base = read_inventory(planned[0].inventory)
    frame = base.layer(Role.OUTLINE).frame.copy()  # type: ignore[union-attr]
    frame["ASPECT"] = np.arange(len(frame), dtype=np.int64)
    frame["RANK"] = np.arange(len(frame), dtype=np.int64)
    frame["AREA"] = np.round(area_m2(np.asarray(frame.geometry.array), CRS))
    plain = from_frames({Role.OUTLINE: frame.to_crs("EPSG:32643")}, schema="tprogi/1.0", dialect="tprogi")
    edits = read_edits([planned[1]], crs="EPSG:32643")
    done = apply(examine(edits, plain), "1.1")
    new = frame_of(done.inventory)
    assert str(new["ASPECT"].dtype) == "Int64" and str(new["RANK"].dtype) == "Int64"
    assert new["RANK"].isna().sum() == 6  # the new ones
    assert new.loc[CASE.unit["r0c0"], "RANK"] == 0
    refined = new.loc[CASE.unit["r0c1"]]
    assert refined["AREA"] == pytest.approx(refined["geometry"].area, rel=2e-3) and refined["AREA"] % 1 == 0
    assert new.crs.to_epsg() == 32643 and len(done.operations) == 13


def test_restricted_outlines_and_moving_areas(tmp_path: Path) -> None:
    """Units with two outlines: the extended one is edited, both go with their unit; the rest is told."""
    inputs, work = decided_work(tmp_path)
    base = read_inventory(inputs.inventory)
    outline = base.layer(Role.OUTLINE).frame  # type: ignore[union-attr]
    shapes = np.asarray(outline.geometry.array)
    frame = gpd.GeoDataFrame(
        {
            "PrimaryID": list(outline["ID"]) * 2,
            "Out.Type": ["Extended"] * 30 + ["Restricted"] * 30,
            "Comment": None,
        },
        geometry=[*shapes, *(scale(s, 0.8, 0.8) for s in shapes)],
        crs=CRS,
    )
    marker = gpd.GeoDataFrame(
        {"PrimaryID": outline["ID"], "Morpho.": "Simple", "Acti.Cl.": "Active"},
        geometry=shapely.centroid(shapes),
        crs=CRS,
    )
    moving = gpd.GeoDataFrame(
        {"PrimaryID": outline["ID"], "Vel.Class": "1"}, geometry=[scale(s, 0.5, 0.5) for s in shapes], crs=CRS
    )
    rgik = from_frames(
        {Role.OUTLINE: frame, Role.MARKER: marker, Role.MOVING_AREA: moving},
        schema="rgik/1.0",
        dialect="rgik-template",
    )
    done = apply(examine(read_edits([work], crs=CRS), rgik), "1.1")
    layers = {layer.role: layer.frame for layer in done.inventory.layers}
    assert len(layers[Role.MARKER]) == 30 and len(layers[Role.MOVING_AREA]) == 30
    kinds = layers[Role.OUTLINE]["Out.Type"].value_counts()
    assert kinds.to_dict() == {"Extended": 30, "Restricted": 24}
    gone = {s.id for s in done.retired}
    assert not set(layers[Role.OUTLINE]["PrimaryID"]) & gone
    assert any("6 rows" in note for note in done.notes) and any("4 further outlines" in n for n in done.notes)
    assert sum(area_balance(done)[k] for k in ("old",)) == pytest.approx(13.489, abs=1e-3)


# ---- attributes


def write_dem(path: Path) -> None:
    """A plane that rises to the north by 0.2 m per metre, elevation 4000 m at 37.4 degrees."""
    height, width, pixel = 400, 700, 0.0005
    rows = 37.62 - (np.arange(height) + 0.5) * pixel
    values = np.repeat((4000 + (rows - 37.4) * 111_000 * 0.2)[:, None], width, axis=1)
    profile = {
        "driver": "GTiff",
        "height": height,
        "width": width,
        "count": 1,
        "dtype": "float32",
        "crs": CRS,
        "transform": rasterio.transform.from_origin(73.85, 37.62, pixel, pixel),
    }
    with rasterio.open(path, "w", **profile) as raster:
        raster.write(values.astype("float32"), 1)


def test_attributes_of_changed_units_only(planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    """An elevation model fills the changed units; the made-up values of all others stay as they are."""
    dem = tmp_path / "dem.tif"
    write_dem(dem)
    done = applied(*planned)
    filled, derived = with_attributes(done, AttributeSettings(dem=(str(dem),)))
    assert derived is not None and not derived.failures
    old, new = frame_of(done.inventory), frame_of(filled.inventory)
    assert list(old.columns) == list(new.columns) and (old.dtypes == new.dtypes).all()
    changed = sorted(done.changed)
    rest = [i for i in old.index if i not in done.changed]
    assert (old.loc[rest, "ELE_MEAN"] == new.loc[rest, "ELE_MEAN"]).all()
    latitude = shapely.get_y(shapely.centroid(np.asarray(new.loc[changed].geometry.array)))
    expected = 4000 + (latitude - 37.4) * 111_000 * 0.2
    assert np.allclose(new.loc[changed, "ELE_MEAN"], expected, atol=1.0)
    assert new.loc[changed, "MAAT"].isna().all() and new.loc[changed, "PISR"].notna().all()
    output = tmp_path / "v1.1.gpkg"
    write_update(filled, output, derived=derived)
    with closing(sqlite3.connect(output)) as connection:
        assert connection.execute("SELECT count(*) FROM gpkg_metadata").fetchone()[0] >= 2


# ---- the command


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def test_command(planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    """`rogi update apply`: exit 1 while something is left, nothing with --strict, the name of the version."""
    inputs, work = planned
    output = tmp_path / "v1.1.gpkg"
    base = ["apply", work, "--inventory", inputs.inventory, "-o", output]
    code, _, said = run(*base, "--strict")
    assert code == 1 and "nothing was written" in said and not list(tmp_path.iterdir())
    code, shown, said = run(*base, "--format", "json")
    assert code == 1 and json.loads(shown)["version"] == "1.1"
    assert "conflict: anna" in said and "--only-missing" in said
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v1.1.gpkg", "v1.1.update"]
    code, shown, said = run(*base)
    assert "(as it was)" in said and "32 candidates were compared with 30 units" in shown
    assert run("status", work)[0] == 1
    code, shown, _ = run("log", CASE.unit["r0c3"], tmp_path)
    assert code == 0 and "split" in shown and "RGU375000N0740580E" in shown


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("v1.1.gpkg", "1.1"),
        ("v 1.1.gpkg", "1.1"),
        ("TPRoGI_v1.1.gpkg", "1.1"),
        ("TPRoGI V1.1 (2).gpkg", "1.1"),
        ("new-1.1.2.gpkg", "1.1.2"),
        ("1.0 to 1.1.gpkg", "1.1"),
        ("1.0 and 1.1 joined.gpkg", "1.0 and 1.1 joined"),
        ("season 3.gpkg", "season 3"),
    ],
)
def test_version_of_a_file_name(name: str, version: str) -> None:
    """The last word, or the only one, that is a version; else the whole name."""
    assert version_of(Path("v9.9") / name) == version


def test_command_refuses_another_inventory(planned: tuple[Inputs, Path], tmp_path: Path) -> None:
    """An inventory that was changed since the plan is not the one the decisions are about."""
    inputs, work = planned
    other = tmp_path / "v1.0.gpkg"
    shutil.copyfile(inputs.inventory, other)
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE note (text TEXT)")
    with pytest.raises(InputError, match="is not the inventory that"):
        run("apply", work, "--inventory", other, "-o", tmp_path / "x.gpkg")
    with pytest.raises(OptionError, match="is an input"):
        run("apply", work, "--inventory", inputs.inventory, "-o", work / "anna.gpkg", "--force")


def test_examined_units_are_looked_up_once(planned: tuple[Inputs, Path]) -> None:
    """An examination does not change what it looked at."""
    looked = looked_at(*planned)
    frame = looked.inventory.layer(Role.OUTLINE).frame.copy()  # type: ignore[union-attr]
    apply(looked, "1.1")
    pd.testing.assert_frame_equal(frame, looked.inventory.layer(Role.OUTLINE).frame)  # type: ignore[union-attr]


def test_results_beside_the_packages(planned: tuple[Inputs, Path], result: Applied, tmp_path: Path) -> None:
    """What apply wrote may lie in the work folder: it is no work of a mapper."""
    work = Path(shutil.copytree(planned[1], tmp_path / "work"))
    write_update(result, work / "v1.1.gpkg")
    shutil.copyfile(work / "v1.1.update" / "conflicts.gpkg", work / "conflicts.gpkg")
    edits = read_edits([work, *sorted(work.iterdir())])
    assert len(edits.rows) == len(result.examination.edits.rows)
    assert {n.split()[0] for n in edits.notes} == {"v1.1.gpkg", "conflicts.gpkg"}
