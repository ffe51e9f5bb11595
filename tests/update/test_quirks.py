"""Odd files and half decisions: copies, outlines that cross themselves, IDs of earlier updates."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from mapping import applied, copy_row, decide, digests, looked_at, split
from packages import Inputs, make_work, octagon

from rogi.errors import OutputError
from rogi.update.applying.log import earlier_updates, retired_ids
from rogi.update.applying.results import check_output, folder_of, write_update
from rogi.update.applying.summary import area_balance
from rogi.update.deciding.edits import read_edits
from rogi.update.problems import Rule

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def team(tmp_path: Path) -> tuple[Inputs, Path]:
    return make_work(tmp_path)


def crossed(inputs: Inputs, name: str, shape: shapely.Polygon) -> None:
    """Give a unit of the inventory, and of the packages' origin, an outline that crosses itself."""
    names = ("TPRoGI_Primary_Marker", "TPRoGI_Extended_Footprint")
    layers = {name: gpd.read_file(inputs.inventory, layer=name) for name in names}
    outlines = layers["TPRoGI_Extended_Footprint"]
    row = outlines.index[outlines["ID"] == inputs.case.unit[name]][0]
    outlines.loc[row, "geometry"] = shapely.MultiPolygon([shape])
    inputs.inventory.unlink()
    for layer, frame in layers.items():
        frame.to_file(inputs.inventory, layer=layer)


def twisted(name: str, inputs: Inputs) -> shapely.Polygon:
    """The outline of a unit with a loop of about 10 m at one corner, turned the other way."""
    ring = shapely.get_coordinates(inputs.case.outline[name])[:-1].tolist()
    x, y = ring[0]
    loop = [(x + 1e-4, y - 1e-4), (x, y - 1e-4), (x + 1e-4, y)]
    return shapely.Polygon([*loop, *ring])


def test_copies_of_one_package_in_two_folders(team: tuple[Inputs, Path], tmp_path: Path) -> None:
    """They contradict each other as packages do, parts of one are none of the other, and order is nothing."""
    inputs, work = team
    unit = inputs.case.unit
    copies = [tmp_path / name / "anna.gpkg" for name in ("first", "second")]
    for copy, lat in zip(copies, (37.5, 37.4995), strict=True):
        copy.parent.mkdir()
        shutil.copy(work / "anna.gpkg", copy)
        split(copy, f"U:{unit['r0c0']}", [octagon(lon, lat, 0.0018) for lon in (73.998, 74.002)])
    decide(copies[0], f"U:{unit['r0c2']}", "remove", reason="scree")
    decide(copies[1], f"U:{unit['r0c2']}", "remain")
    (work / "anna.gpkg").unlink()
    one, other = (read_edits([work, *order]) for order in (copies, copies[::-1]))
    assert one.rows.equals(other.rows)
    assert {"first/anna.gpkg", "second/anna.gpkg"} <= set(one.rows["file"])
    for copy in copies:
        shutil.copy(copy, work / f"{copy.parent.name}.gpkg")
    found = looked_at(inputs, work).problems
    assert {(p.rule, p.unit, p.conflict) for p in found} == {
        (Rule.TWICE, unit["r0c0"], True),
        (Rule.TWICE, unit["r0c2"], True),
    }


def test_same_bytes_where_the_output_lies_in_the_work_folder(team: tuple[Inputs, Path], run: Command) -> None:
    """What an apply wrote there is none of the next one's business."""
    inputs, work = team
    arguments = ("apply", work, "--inventory", inputs.inventory, "-o", work / "v1.1.gpkg")
    run(*arguments)
    before = digests(work)
    assert "(as it was)" in run(*arguments)[1]
    assert digests(work) == before


def test_half_a_decision_is_asked_for(team: tuple[Inputs, Path]) -> None:
    """A tick or a target without a decision is no silence of a probably unchanged unit."""
    inputs, work = team
    unit = inputs.case.unit
    kept = len([s for s in looked_at(inputs, work).found.status if s == "kept"])
    decide(work / "anna.gpkg", f"U:{unit['r0c0']}", None, use_candidate=1)
    decide(work / "anna.gpkg", f"U:{unit['r1c0']}", None, merge_into=unit["r0c4"])
    decide(work / "ben.gpkg", f"U:{unit['r3c0']}", None, comment="seen")
    found = looked_at(inputs, work).found
    states = dict(zip(found.text("unit"), found.status, strict=True))
    assert states[unit["r0c0"]] == states[unit["r1c0"]] == "open"
    assert states[unit["r3c0"]] == "kept"
    assert sum(s == "kept" for s in found.status) == kept - 2


def test_outlines_that_cross_themselves(tmp_path: Path) -> None:
    """They are merged and measured as they were planned: mended, so that areas add up."""
    inputs, work = make_work(tmp_path)
    unit = inputs.case.unit
    x, y = 74.088, 37.52
    bow = [(x - 0.004, y - 0.003), (x + 0.004, y + 0.003), (x + 0.004, y - 0.003), (x - 0.004, y + 0.003)]
    crossed(inputs, "r1c5", shapely.Polygon(bow))
    crossed(inputs, "r0c5", twisted("r0c5", inputs))
    anna = work / "anna.gpkg"
    for row in (0, 1):
        decide(anna, f"U:{unit[f'r{row}c5']}", "merge", merge_into=unit[f"r{row}c4"], reason="one tongue")
        decide(anna, f"U:{unit[f'r{row}c4']}", "remain")
    made = applied(inputs, work)
    # Of the one that is a bow tie, only a half touches its neighbour.
    assert {(p.rule, p.unit) for p in made.examination.problems} == {(Rule.MERGE_APART, unit["r1c5"])}
    assert {o.unit for o in made.operations} >= {unit["r0c4"], unit["r0c5"]}
    areas = area_balance(made)
    assert areas["old"] + areas["merged"] == pytest.approx(areas["new"], rel=1e-9)
    assert areas["merged"] == pytest.approx(0.0, abs=1e-4)


def test_retired_ids_are_found_beside_the_inventory(
    team: tuple[Inputs, Path], tmp_path: Path, run: Command
) -> None:
    """An update that led to the inventory counts unasked, and the one before it; later ones do not."""
    inputs, work = team
    unit = inputs.case.unit
    decide(work / "anna.gpkg", f"U:{unit['r0c2']}", "remove", reason="scree")
    output = tmp_path / "v1.1.gpkg"
    run("apply", work, "--inventory", inputs.inventory, "-o", output)
    assert earlier_updates([output]) == [tmp_path / "v1.1.update"]
    assert earlier_updates([inputs.inventory]) == []
    later = tmp_path / "v1.2.update"
    shutil.copytree(tmp_path / "v1.1.update", later)
    summary = json.loads((later / "summary.json").read_text()) | {"inventory": {"name": "../x/v1.1.gpkg"}}
    (later / "summary.json").write_text(json.dumps(summary))
    assert earlier_updates([tmp_path / "v1.2.gpkg"]) == [later, tmp_path / "v1.1.update"]
    assert unit["r0c2"] in retired_ids(earlier_updates([output]))
    found = gpd.GeoDataFrame({"candidate_id": ["n"]}, geometry=[inputs.case.outline["r0c2"]], crs=4326)
    found.to_file(tmp_path / "found.gpkg")
    again = tmp_path / "again"
    run(
        "plan",
        "--inventory",
        output,
        "--candidates",
        tmp_path / "found.gpkg",
        "--mappers",
        "zoe",
        "-o",
        again,
    )
    decide(again / "zoe.gpkg", "C:n", "retrieve", reason="seen again")
    run("apply", again, "--inventory", output, "-o", tmp_path / "v1.3.gpkg")
    text = (tmp_path / "v1.3.update" / "lineage.csv").read_text()
    assert ",retrieve,,RGU" in text and unit["r0c2"] not in text


def test_output_that_is_open(team: tuple[Inputs, Path], tmp_path: Path) -> None:
    """A new version that somebody has open is not replaced, not even by force; its log is theirs."""
    inputs, work = team
    output = tmp_path / "v1.1.gpkg"
    write_update(applied(inputs, work), output)
    code = (
        "import os, sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('PRAGMA journal_mode = WAL')\nc.execute('CREATE TABLE mine (x)')\nos._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(output)], check=True)
    before = digests(tmp_path)
    with pytest.raises(OutputError, match="is open in another program"):
        check_output(output, force=True)
    copy_row(work / "anna.gpkg", f"U:{inputs.case.unit['r0c0']}")
    with pytest.raises(OutputError, match="is open in another program"):
        write_update(applied(inputs, work, "1.2"), output)
    after = digests(tmp_path)
    assert {k: v for k, v in after.items() if "work" not in k} == {
        k: v for k, v in before.items() if "work" not in k
    }
    assert folder_of(output).is_dir()
