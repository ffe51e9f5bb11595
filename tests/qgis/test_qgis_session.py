"""The plugin in Debian's QGIS: what each algorithm gives is what the command gives; the panel; refusals."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from plugin_files import run_rogi

from rogi.validation.settings import load_settings

pytestmark = pytest.mark.xdist_group("qgis")  # one session for all
Answers = dict[str, Any]


def of(answers: Answers, step: str) -> Any:
    """What a step found; its error fails the test."""
    answer = answers[step]
    assert not (isinstance(answer, dict) and {"traceback", "error"} & set(answer)), answer
    return answer


def rows(path: Path | str, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.execute(f'SELECT {columns} FROM "{table}"'))


def fingerprints(path: Path | str) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        names = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    layers = [n for n in names if n.startswith("findings_")]
    return {f for layer in layers for (f,) in rows(path, layer, "fingerprint")}


def test_the_provider_has_the_algorithms(answers):
    provider = of(answers, "provider")
    names = ["apply", "attributes", "compare", "fix", "plan", "sample", "statistics", "validate"]
    assert sorted(provider["algorithms"]) == names
    assert all(provider["helps"]) and provider["actions"] == ["Rock glacier findings"] * 2
    assert all({"EXTRA", "LOAD"} <= set(parameters) for parameters in provider["algorithms"].values())


def test_validate_finds_what_the_command_finds(answers, files, tmp_path):
    answer = of(answers, "validated")
    assert run_rogi("validate", files / "inventory.gpkg", "-o", tmp_path / "f.gpkg", "--no-config") == 1
    results = answer["results"]
    assert fingerprints(answers["out"] / "first.gpkg") == fingerprints(tmp_path / "f.gpkg")
    count = dict(rows(tmp_path / "f.gpkg", "summary", "key, value"))
    assert [str(results[k]) for k in ("ERRORS", "WARNINGS")] == [
        count["findings, error"], count["findings, warning"]
    ]  # fmt: skip
    assert Path(results["REPORT"]).read_text(encoding="utf-8").startswith("<!")
    polygons = len(rows(tmp_path / "f.gpkg", "findings_polygon"))
    assert answer["loaded"]["Findings: polygons"] == [polygons, "categorizedSymbol"]
    assert answer["progress"][0] == "reading" and answer["visible"]
    assert answer["dock"].startswith(f"findings.gpkg: {len(fingerprints(tmp_path / 'f.gpkg'))} findings")


def test_the_panel_lists_zooms_opens_and_marks(answers):
    panel = of(answers, "panel")
    total = panel["rows"]
    assert total == len(panel["codes"]) > 2 and panel["ATT001"] == 1 and panel["ATT001 errors"] == 0
    assert panel["zoomed"] == [True, True, True] and panel["near"]
    assert panel["forms"] == [["Outlines of Åsa", panel["unit"]]] and panel["selected"] == [panel["unit"]]
    assert panel["by fid"][0] == 7 != panel["by fid"][1] and panel["by row"] == panel["unit"]
    assert panel["after fixed"] == [f"findings.gpkg: {total} findings, {total - 1} open", 0]
    assert panel["on map"][0] == 1 < panel["on map again"][0]
    names = {"FINDINGS": "findings.gpkg", "WAIVERS": "waivers.toml"}
    named = {key: str(answers["out"] / name) for key, name in names.items()}
    assert panel["again"] == {"OUTLINES": panel["ids"], **named}
    assert panel["next session"] == f"findings.gpkg: {total} findings, {total - 2} open"
    assert panel["reopened"] == f"findings.gpkg: {total} findings, {total - 1} open"
    assert [f for f, state in panel["states"].items() if state != "open"] == [panel["waived"]]
    assert "inventory.gpkg has no findings of `rogi validate`" in panel["warning"]
    assert panel["still"] == panel["reopened"]


def test_waivers_of_the_panel_count_in_the_next_run(answers):
    waiver = load_settings(answers["out"] / "waivers.toml").waivers[0]
    assert (waiver.rule, waiver.fingerprint) == ("GEO015", of(answers, "panel")["waived"])
    assert (waiver.reason, waiver.author) == ('the "same" landform', "Åsa")
    answer = of(answers, "waivers_count")
    assert answer["results"]["WARNINGS"] == 0 and answer["dock"] == "findings.gpkg: 1 findings, 0 open"
    assert any("is removed: its file is written anew" in text for text in answer["said"])


def test_text_of_a_file_is_no_html(answers):
    tip, warning, plain = answers["hostile"]
    assert "<img" not in tip and "&lt;img src=&#x27;/etc/x&#x27;&gt;" in tip and plain
    assert warning.startswith("&lt;b&gt;no&lt;/b&gt; is in no layer of this project")


def test_the_panel_and_the_dialog_can_be_drawn(answers):
    assert all(colours > 20 for colours in of(answers, "pictures"))


def test_the_dialog_wants_a_reason(answers):
    before, after, reason, author, expires, title = answers["dialog"]
    assert (before, after, reason, expires, title) == (False, True, "why", "", "Waive 2 findings") and author


FIDS = list(range(1, 13))
CHANGED = {
    "filter": (FIDS[3:], [], None),
    "selection": ([2, 5], [], None),
    "virtual field": (FIDS, ["virtual"], None),
    "join": (FIDS, ["m_LAT"], None),
    "other crs": (FIDS, [], "EPSG:32645"),
    "memory": (FIDS, [], None),
    "edits": ([*FIDS[1:], 13], [], None),
}


@pytest.mark.parametrize("name", ["file", "its id", "a path", "geojson", "no selection", *CHANGED])
def test_a_layer_is_read_as_qgis_shows_it(answers, name):
    inputs = of(answers, "inputs")
    own, count, fields, crs, numbers, layer = inputs[name]
    assert own == (name not in CHANGED) and count == len(numbers)
    if name == "geojson":
        return
    expected, more, other = CHANGED.get(name, (FIDS, [], None))
    assert numbers == expected
    assert fields == sorted([*inputs["file"][2], *more])
    assert crs == (other or inputs["file"][3])
    assert layer == ("in memory" if name == "memory" else "TPRoGI_Extended_Footprint")


def test_unsaved_edits_are_checked_and_stay_unsaved(answers):
    answer = of(answers, "edited_validated")
    assert answer["unit"] in answer["units"] and answer["same"] and answer["loaded"] == {}


def table(path: Path | str, layer: str = "TPRoGI_Extended_Footprint") -> list[tuple[Any, ...]]:
    return rows(path, layer)


def test_fix_writes_what_the_command_writes(answers, files, tmp_path):
    answer = of(answers, "fixed")
    target = tmp_path / "fixed.gpkg"
    run_rogi("validate", files / "inventory.gpkg", "--fix", "safe", "--fixed", target, "--no-config")
    assert table(answer["results"]["FIXED"]) == table(target)
    changes = Path(answer["results"]["CHANGES"])
    assert changes.read_text() == Path(f"{target}.changes.csv").read_text()
    kinds = {name: style for name, (_, style) in answer["loaded"].items()}
    assert kinds == {
        "Outlines of Åsa (fixed)": "singleSymbol",
        "markers (fixed)": "singleSymbol",
        "Changes": "",
    }


def test_attributes_fills_what_the_command_fills(answers, files, tmp_path):
    pytest.importorskip("rasterio")
    answer = of(answers, "attributes")
    ground = files / "ground"
    run_rogi("attributes", ground / "truth1.gpkg", "--dem", ground / "dem.tif", "--fields", "AREA,ELE_MEAN",
             "-o", tmp_path / "filled.gpkg", "--no-config")  # fmt: skip
    columns = "ID, AREA, ELE_MEAN"
    made = rows(answer["results"]["OUTPUT"], "TPRoGI_Extended_Footprint", columns)
    assert made == rows(tmp_path / "filled.gpkg", "TPRoGI_Extended_Footprint", columns)
    assert all(row[2] is not None for row in made)
    assert list(answer["loaded"]) == ["truth (attributes)"]


def test_compare_reports_what_the_command_reports(answers, files, tmp_path):
    answer = of(answers, "compared")
    run_rogi("compare", files / "old.geojson", files / "new.geojson", "-o", tmp_path / "c.html", "--changes",
             tmp_path / "changes.gpkg")  # fmt: skip
    assert Path(answer["results"]["REPORT"]).read_bytes() == (tmp_path / "c.html").read_bytes()
    titles = {"Inventory A": "a", "Inventory B": "b", "Only in A": "losses", "Only in B": "gains"}
    for title, (count, style) in answer["loaded"].items():
        assert (count, style) == (len(rows(tmp_path / "changes.gpkg", titles[title])), "singleSymbol")
    assert {"Inventory A", "Inventory B"} <= set(answer["loaded"])


def test_statistics_reports_what_the_command_reports(answers, files, tmp_path):
    answer = of(answers, "statistics")
    run_rogi("stats", files / "inventory.gpkg", "-o", tmp_path / "s.html", "--grid", tmp_path / "g.gpkg")
    assert Path(answer["results"]["REPORT"]).read_bytes() == (tmp_path / "s.html").read_bytes()
    assert answer["loaded"] == {
        "Grid of rock glaciers": [len(rows(tmp_path / "g.gpkg", "grid")), "graduatedSymbol"]
    }


def test_two_layers_of_one_name_are_two(answers):
    said = of(answers, "one_name")["said"]
    assert any(
        re.search(r"outline=\S+gpkg:rogi'? --layer '?marker=\S+gpkg:rogi_'? ", text) for text in said
    ), said


def test_sample_draws_what_the_command_draws(answers, files, tmp_path):
    answer = of(answers, "sampled")
    made = Path(answer["results"]["OUTPUT"])
    run_rogi("review", "sample", files / "inventory.gpkg", "--n", 3, "--reviewers", "Åsa,Ben", "-o",
             tmp_path / "r")  # fmt: skip
    assert (made / "sample.csv").read_bytes() == (tmp_path / "r" / "sample.csv").read_bytes()
    assert len([title for title in answer["loaded"] if title.endswith(": review")]) == 2


def test_plan_writes_what_the_command_writes(answers, files):
    made = Path(of(answers, "planned")["results"]["OUTPUT"])
    assert (made / "tasks.csv").read_bytes() == (files / "work" / "tasks.csv").read_bytes()
    assert Path(answers["planned"]["results"]["REPORT"]).is_file()
    assert any(text == f"Project for anna: {made / 'anna.qgs'}" for text in answers["planned"]["said"])


def test_apply_writes_what_the_command_writes(answers, files, tmp_path):
    answer = of(answers, "applied")
    run_rogi("update", "apply", files / "work", "--inventory", files / "ground" / "truth1.gpkg", "--version",
             "1.1", "-o", tmp_path / "v1.1.gpkg")  # fmt: skip
    assert table(answer["results"]["OUTPUT"]) == table(tmp_path / "v1.1.gpkg")
    assert (
        Path(answer["results"]["FOLDER"], "lineage.csv").read_bytes()
        == (tmp_path / "v1.1.update" / "lineage.csv").read_bytes()
    )
    assert "<html" in Path(answer["results"]["REPORT"]).read_text(encoding="utf-8")
    assert len(answer["loaded"]) == 2


def test_a_cancelled_run_leaves_nothing(answers):
    answer = of(answers, "cancelled")
    assert (answer["results"], answer["loaded"], answer["left"]) == ({}, {}, [])
    assert "Cancelled; nothing was written." in answer["said"]


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("nothing", "Choose the layer of outlines"),
        ("both", "either layers or a file with the whole inventory, not both"),
        ("input", "inventory.gpkg is an input; inputs are never changed, name another file."),
        ("damaged", "text.gpkg"),
        ("gone", "/nowhere/a.gpkg does not exist."),
        ("tiles", "Layer tiles is no file but wms; save it as GeoTIFF first."),
        ("option", "has no option --selct"),
        ("same", "one of them, for inventory B."),
    ],
)
def test_refusals_are_sentences(answers, case, sentence):
    answer = answers["refused"][case]
    said = " ".join([answer["error"], *answer["said"]])
    assert sentence in said and "Traceback" not in said, answer


def test_without_rogi_the_message_says_how_to_install_it(answers):
    missing = of(answers, "missing")
    none = " ".join(missing["none"]["said"])
    assert (
        "The command rogi was not found. Install it with `uv tool install 'rogi-toolkit[attributes]'`" in none
    )
    assert missing["named"]["results"]["ERRORS"] == 0
    assert "that is set, " in " ".join(missing["wrong"]["said"])


def test_the_dialog_proposes_layers(answers):
    proposed = of(answers, "proposed")
    assert proposed["by name"][1:] == ["markers", None] and proposed["by name"][0] is not None
    assert proposed["active"]


def test_everything_is_taken_away(answers):
    assert answers["unloaded"] == [True, [], [], None]


def test_no_input_was_changed(answers, files):
    """All of the above read these files."""
    assert answers["changed"] == []
    assert not list(files.glob("*.marks.json")) and not list(files.glob(".rogi-*"))
