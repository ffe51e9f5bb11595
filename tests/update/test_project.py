"""QGIS projects of work packages: their XML, and where QGIS is installed what it makes of them."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from packages import CRS, HALF_WIDTH, SOUTH, WEST, Inputs, make_work, write_inputs
from rasterio.enums import ColorInterp
from rasterio.transform import from_bounds

from rogi.errors import InputError
from rogi.inventory.writing.geopackage import add_styles
from rogi.update.deciding.edits import read_edits
from rogi.update.packages.forms import DECISION_LABELS, USUAL_REASONS, FormSetting, string, task_fields
from rogi.update.packages.imagery_style import imagery_style
from rogi.update.packages.project import package_source, project_xml, write_project
from rogi.update.packages.project_layers import LAYERS, layer_id
from rogi.update.packages.symbols import BY_CLASS, BY_DECISION, CLASS_COLOURS, package_styles
from rogi.update.packages.triggers import DELETE_MESSAGE, LOCKED_MESSAGE, PLANNED_MESSAGE
from rogi.update.vocabulary import CONSTRAINTS, LOCKED, PLANNED, TASK_COLUMNS, Decision

Session = Callable[..., list[Any]]
BOUNDS = (73.97, 37.48, 74.12, 37.6)
MESSAGE = {c.name: c.message for c in CONSTRAINTS}
MAPPERS = ("anna", 'ben o\'Neil <x> & "co"')


def make_image(path: Path, dtype: str = "uint16", bands: int = 4) -> Path:
    """A smooth image over the case: red grows to the east, green to the north."""
    y, x = np.mgrid[0:120, 0:150] / 150
    with rasterio.open(
        path, "w", driver="GTiff", width=150, height=120, count=bands, dtype=dtype, crs=CRS,
        transform=from_bounds(*BOUNDS, 150, 120),
    ) as image:  # fmt: skip
        top = 255 if dtype == "uint8" else 3000
        for band, values in enumerate((x, 1 - y, x * 0 + 0.2, y)[:bands], start=1):
            image.write((values * top * 0.9).astype(dtype), band)
    return path


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Inputs, Path]:
    """A work folder with a project and styles for each mapper, images beside it."""
    folder = tmp_path_factory.mktemp("project")
    inputs, work = make_work(folder, MAPPERS)
    images = [make_image(folder / "false colour.tif"), make_image(folder / "grey.tif", bands=1)]
    for mapper in MAPPERS:
        write_project(
            work / f"{mapper}.qgs",
            package_source(f"{mapper}.gpkg"),
            crs=pyproj.CRS(CRS),
            bounds=BOUNDS,
            mapper=mapper,
            title=f"Update: {mapper}",
            imagery=images,
        )
        add_styles(work / f"{mapper}.gpkg", package_styles(mapper))
    return inputs, work


@pytest.fixture
def work(planned: tuple[Inputs, Path], tmp_path: Path) -> Path:
    """A copy of the folder to edit, with the images where they were."""
    folder = tmp_path / "moved"
    shutil.copytree(planned[1].parent, folder)
    return folder / "work"


def fid_of(work: Path, condition: str, mapper: str = MAPPERS[0]) -> int:
    with closing(sqlite3.connect(work / f"{mapper}.gpkg")) as connection:
        row = connection.execute(f"SELECT fid FROM tasks WHERE {condition} ORDER BY fid").fetchone()
        return int(row[0])


def xml(**changes: Any) -> str:
    given = {"crs": pyproj.CRS(CRS), "bounds": BOUNDS, "mapper": "anna", "title": "T"} | changes
    return project_xml(package_source("anna.gpkg"), **given)


# ---- XML


def test_paths_are_relative(planned: tuple[Inputs, Path]) -> None:
    """Nothing names the folder the project was made in, so that it can be moved."""
    _, work = planned
    text = (work / "anna.qgs").read_text()
    assert str(work.parent) not in text
    root = ET.fromstring(text)
    assert [e.text for e in root.findall("projectlayers/maplayer/datasource")] == [
        "../false colour.tif",
        "../grey.tif",
        *(f"./anna.gpkg|layername={layer}" for layer in reversed(LAYERS)),
    ]
    assert root.findtext("properties/Paths/Absolute") == "false"


def test_project_for_a_folder_elsewhere(tmp_path: Path) -> None:
    """Written beside the folder it will be moved to, a project is the one written there."""
    image = make_image(tmp_path / "i.tif")
    texts = []
    for made, folder in ((tmp_path / "work", None), (tmp_path / "x" / ".work.tmp", tmp_path / "work")):
        made.mkdir(parents=True)
        write_project(
            made / "a.qgs",
            package_source("a.gpkg"),
            crs=pyproj.CRS(CRS),
            bounds=BOUNDS,
            mapper="a",
            title="t",
            imagery=[image],
            folder=folder,
        )
        texts.append((made / "a.qgs").read_bytes())
    assert texts[0] == texts[1]


def test_layers_of_the_project() -> None:
    """All layers but the tasks are locked; ids are the same everywhere and as long as QGIS wants them."""
    root = ET.fromstring(xml())
    layers = {e.findtext("id"): e for e in root.findall("projectlayers/maplayer")}
    assert layers.keys() == {layer_id(layer) for layer in LAYERS}
    for layer in LAYERS:
        assert layers[layer_id(layer)].get("readOnly") == str(int(layer in LOCKED))
        assert len(layer_id(layer)) >= 38
    referred = {
        e.get("id") for path in ("layer-tree-layer", "layer", "layer-setting") for e in root.iter(path)
    }
    assert referred - {None} == set(layers)
    assert root.findtext("properties/Digitizing/AvoidIntersectionsList/value") == layer_id("tasks")
    assert root.findtext("properties/Digitizing/TopologicalEditing") == "1"
    assert xml() == xml()


def test_names_of_strangers_are_text() -> None:
    """Quotes, tags and control characters in names neither break the XML nor an expression."""
    name = 'o\'Neil \\ </title><evil/> "q" \x00\x0b\ufffe'
    root = ET.fromstring(xml(mapper=name, title=name))
    clean = 'o\'Neil \\ </title><evil/> "q" '
    assert root.findtext("title") == clean
    assert root.findtext("properties/Variables/variableValues/value") == clean
    assert root.find(".//evil") is None
    (default,) = {
        e.get("expression") for e in root.findall("projectlayers/maplayer/defaults/default[@field='mapper']")
    }
    assert default is not None
    assert string(clean) in default
    assert string(clean) == "'o''Neil \\\\ </title><evil/> \"q\" '"


def test_every_column_has_a_field() -> None:
    """The form has the columns of the model, with their titles; the plan's are not editable."""
    fields = task_fields(FormSetting("anna"))
    assert [f.name for f in fields] == ["fid", *(c.name for c in TASK_COLUMNS)]
    assert [f.alias for f in fields[1:]] == [c.title for c in TASK_COLUMNS]
    root = ET.fromstring(package_styles("anna")["tasks"])
    editable = {e.get("name"): e.get("editable") for e in root.findall("editable/field")}
    assert {name for name, value in editable.items() if value == "0"} == {"fid", *PLANNED}
    shown = [e.get("name") for e in root.iter("attributeEditorField")]
    assert sorted(filter(None, shown)) == sorted(c.name for c in TASK_COLUMNS)
    for policies, unset in (("splitPolicies", False), ("duplicatePolicies", True)):
        found = {e.get("field"): e.get("policy") for e in root.findall(f"{policies}/policy")}
        assert found["task"] == ("UnsetField" if unset else "Duplicate")
        assert found["mapper"] == "Duplicate"


def test_every_class_and_decision_has_a_symbol() -> None:
    """Each value of the model is a category of one of the styles, and of the drop-down."""
    root = ET.fromstring(xml())
    (tasks,) = [e for e in root.iter("maplayer") if e.findtext("id") == layer_id("tasks")]
    names = [e.get("name") for e in tasks.findall("map-layer-style-manager/map-layer-style")]
    assert names == [BY_CLASS, BY_DECISION]
    by_class = {e.get("value") for e in tasks.findall("renderer-v2/categories/category")}
    by_decision = {e.get("value") for e in tasks.findall(".//qgis/renderer-v2/categories/category")}
    assert by_class == {*CLASS_COLOURS, ""}
    assert by_decision >= set(Decision)
    assert DECISION_LABELS.keys() == set(Decision)


def test_bands_of_an_image(tmp_path: Path) -> None:
    """Bands named by colour are shown as such, bytes as they are, other values stretched to percentiles."""
    path = make_image(tmp_path / "plain.tif")
    style = imagery_style(path, tmp_path)
    assert (style.bands, style.location) == ((1, 2, 3), "./plain.tif")
    values = np.linspace(0, 0.9 * 3000 * 149 / 150, 150).astype("uint16")
    np.testing.assert_allclose(style.stretch[0], np.percentile(values, [2, 98]), rtol=0.02)
    assert style.bounds == pytest.approx(BOUNDS)
    assert imagery_style(make_image(tmp_path / "bytes.tif", "uint8", 3), tmp_path).stretch == ()
    assert imagery_style(make_image(tmp_path / "one.tif", bands=2), tmp_path).bands == (1,)
    with rasterio.open(path, "r+") as image:
        image.colorinterp = [ColorInterp.blue, ColorInterp.green, ColorInterp.red, ColorInterp.undefined]
    assert imagery_style(path, tmp_path / "deep" / "er").bands == (3, 2, 1)
    assert imagery_style(path, tmp_path / "deep" / "er").location == "../../plain.tif"


@pytest.mark.parametrize("content", [None, b"no image"])
def test_images_that_are_none(tmp_path: Path, content: bytes | None) -> None:
    """A missing or broken image is named, and no project is written."""
    path = tmp_path / "image.tif"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"image\.tif"):
        write_project(
            tmp_path / "a.qgs",
            package_source("a.gpkg"),
            crs=pyproj.CRS(CRS),
            bounds=BOUNDS,
            mapper="a",
            title="t",
            imagery=[path],
        )
    assert not (tmp_path / "a.qgs").exists()


# ---- in QGIS


def test_qgis_opens_the_project(work: Path, qgis: Session) -> None:
    """All layers are valid, the form has the drop-down, defaults and tabs, the planned fields are locked."""
    read, seen, _ = qgis(work / "anna.qgs", ["describe"], ["rows"])
    assert (read, seen["error"], seen["title"], seen["crs"]) == (True, "", "Update: anna", CRS)
    layers = seen["layers"]
    assert layers.keys() == {*LAYERS, "imagery_0", "imagery_1"}
    assert all(layer["valid"] and layer["crs"] == CRS for layer in layers.values())
    assert {name: layers[name]["read_only"] for name in LAYERS} == {n: n in LOCKED for n in LAYERS}
    assert layers["tasks"]["features"] == 21
    assert layers["tasks"]["labels"]
    assert layers["tasks"]["styles"] == [BY_CLASS, BY_DECISION]
    kinds = {name: layer["renderer"] for name, layer in layers.items()}
    assert kinds == {
        "tasks": "categorizedSymbol",
        "current": "singleSymbol",
        "candidates": "RuleRenderer",
        "context": "singleSymbol",
        "imagery_0": "multibandcolor",
        "imagery_1": "singlebandgray",
    }
    assert seen["order"] == [*LAYERS, "imagery_0", "imagery_1"]
    assert (seen["topological"], seen["avoid"], seen["snapping"]) == (True, ["Tasks"], True)
    assert seen["variables"] == {"rogi_mapper": "anna"}
    fields = seen["form"]["fields"]
    assert list(fields) == ["fid", *(c.name for c in TASK_COLUMNS)]
    assert fields["decision"]["widget"] == "ValueMap"
    entries = {k: v for entry in fields["decision"]["config"]["map"] for k, v in entry.items()}
    assert set(entries.values()) >= set(Decision)
    widgets = {name: field["widget"] for name, field in fields.items()}
    assert widgets["reason"] == "ValueMap"
    reasons = {k: v for entry in fields["reason"]["config"]["map"] for k, v in entry.items()}
    assert [v for k, v in reasons.items() if k == v] == list(USUAL_REASONS)
    assert (widgets["merge_into"], widgets["use_candidate"], widgets["date"]) == (
        "ValueRelation",
        "CheckBox",
        "DateTime",
    )
    assert fields["merge_into"]["config"]["Layer"] == layer_id("current")
    assert {name for name, f in fields.items() if f["read_only"]} == {"fid", *PLANNED}
    assert {name for name, f in fields.items() if f["on_update"]} == {"mapper", "date"}
    assert not any(f["default_error"] for f in fields.values())
    assert seen["form"]["tabs"] == ["Decision", "Who and when", "Plan"]


def test_qgis_opens_a_package_alone(work: Path, qgis: Session) -> None:
    """Without the project, the style in the file gives the drop-down."""
    _, widgets = qgis(None, ["styled", f"{work / 'anna.gpkg'}|layername=tasks"])
    assert (widgets["decision"], widgets["merge_into"]) == ("ValueMap", "TextEdit")


def test_qgis_marks_what_is_not_legal(work: Path, qgis: Session) -> None:
    """The form tells by the same rules as the file, in the same words."""
    unit, new = fid_of(work, "unit IS NOT NULL"), fid_of(work, "unit IS NULL")
    cases: list[tuple[int, dict[str, Any], set[str]]] = [
        (unit, {}, set()),
        (unit, {"decision": "refine", "mapper": "anna"}, set()),
        (unit, {"decision": "retrieve", "mapper": "anna", "reason": "x"}, {"decision"}),
        (new, {"decision": "remain", "mapper": "anna"}, {"decision"}),
        (new, {"decision": "retrieve", "mapper": "anna", "reason": " "}, {"reason"}),
        (new, {"decision": "retrieve", "mapper": "anna", "reason": "missed"}, set()),
        (unit, {"decision": "remain"}, set()),  # the mapper comes by itself
        (unit, {"decision": "merge", "mapper": "anna", "reason": "x"}, {"merge_into"}),
        (unit, {"decision": "merge", "mapper": "anna", "reason": "x", "merge_into": "RGU1"}, set()),
        (unit, {"decision": "remain", "mapper": "anna", "merge_into": "RGU1"}, {"merge_into"}),
        (unit, {"decision": "perhaps", "mapper": "anna"}, {"decision"}),
    ]
    answers = qgis(work / "anna.qgs", *(["constraints", fid, values] for fid, values, _ in cases))[1:]
    for (_, values, expected), marked in zip(cases, answers, strict=True):
        assert set(marked) == expected, values
    assert MESSAGE["reason-given"] in answers[4]["reason"]


def test_qgis_saves_decisions(work: Path, qgis: Session) -> None:
    """Mapper and date come by themselves; the rows are read as they were saved, also while QGIS is open."""
    unit = fid_of(work, "unit IS NOT NULL")
    copied = work.parent / "copied"
    _, moved, saved, drawn, held, rows = qgis(
        work / "anna.qgs",
        ["reshape", unit, HALF_WIDTH / 4],
        ["change", unit, {"decision": "refine", "comment": "Čerský – 山"}],
        ["draw", [[74.1, 37.5], [74.105, 37.5], [74.105, 37.505], [74.1, 37.505], [74.1, 37.5]],
         {"decision": "retrieve", "reason": "missed before"}],
        ["hold", str(work), str(copied)],
        ["rows"],
    )  # fmt: skip
    assert (moved["saved"], saved["saved"], drawn["saved"]) == (True, True, True)
    assert "anna.gpkg-wal" in held  # QGIS leaves the file in this mode while it is open
    row = next(r for r in rows if r["fid"] == unit)
    assert (row["decision"], row["mapper"]) == ("refine", "anna")
    assert len(row["date"]) == 10
    for folder in (copied, work):
        edits = read_edits([folder])
        mine = edits.rows[edits.rows["decision"].notna()].set_index("decision")
        assert mine.loc["refine", "comment"] == "Čerský – 山"
        assert mine.loc["refine", "date"] == row["date"]
        assert mine.loc["retrieve", "task"] is None
        assert mine.loc["retrieve", "mapper"] == "anna"
        assert mine.loc["retrieve", "geom"].area == pytest.approx(0.005**2)
        assert set(mine["package"]) == {"anna"}
        assert len(edits.rows[edits.rows["task"].isna()]) == 1
    assert not list(work.glob("*-wal"))


def test_qgis_split_and_paste(work: Path, qgis: Session) -> None:
    """Parts of a split row have its task and decision; together they are what the row was."""
    fid = fid_of(work, "class = 'split'")
    unit = fid_of(work, "class = 'changed'")
    before = {r["fid"]: r for r in qgis(work / "anna.qgs", ["rows"])[1]}
    _, cut, pasted, again, rows = qgis(
        work / "anna.qgs",
        ["split", fid, {"decision": "split", "reason": "two fronts"}],
        ["paste", unit, {}],
        ["paste", unit, {"task": None, "unit": None}],
        ["rows"],
    )
    assert (cut["saved"], pasted["saved"], again["saved"]) == (True, True, True)
    parts = [r for r in rows if r["task"] == before[fid]["task"]]
    assert [r["decision"] for r in parts] == ["split", "split"]
    assert {r["mapper"] for r in parts} == {"anna"}
    edits = read_edits([work])
    read = edits.rows[edits.rows["task"] == before[fid]["task"]]
    whole = edits.current.set_index("unit")["geom"][before[fid]["unit"]]
    assert shapely.area(read.geometry.array).sum() == pytest.approx(whole.area)
    assert (edits.rows["task"] == before[unit]["task"]).sum() == 2


def test_qgis_shows_what_the_file_refuses(work: Path, qgis: Session) -> None:
    """The error of a refused save has the words of the rule; nothing is saved of it."""
    unit, new = fid_of(work, "unit IS NOT NULL"), fid_of(work, "unit IS NULL")
    _, *answers, rows = qgis(
        work / "anna.qgs",
        ["change", new, {"decision": "remain"}],
        ["change", unit, {"decision": "remove"}],
        ["change", unit, {"class": "new"}],
        ["change", unit, {"decision": "merge", "reason": "x"}],
        ["delete", unit],
        ["unlock", "current"],
        ["unlock", "context"],
        ["rows"],
    )
    messages = [
        MESSAGE["decision-for-candidate"],
        MESSAGE["reason-given"],
        PLANNED_MESSAGE,
        MESSAGE["merge-target"],
        DELETE_MESSAGE,
        LOCKED_MESSAGE.format("current"),
        LOCKED_MESSAGE.format("context"),
    ]
    for answer, message in zip(answers, messages, strict=True):
        assert not answer["saved"]
        assert message in answer["errors"]
    assert answers[-1]["refused"]
    assert not any(r["decision"] for r in rows)
    assert len(rows) == 21


def test_qgis_with_a_name_of_quotes(work: Path, qgis: Session) -> None:
    """A mapper's name with quotes and tags is written as it is."""
    name = MAPPERS[1]
    fid = fid_of(work, "unit IS NOT NULL", name)
    _, saved, rows = qgis(work / f"{name}.qgs", ["change", fid, {"decision": "remain"}], ["rows"])
    assert saved["saved"]
    assert next(r["mapper"] for r in rows if r["fid"] == fid) == name


def test_qgis_draws_imagery_below_outlines(work: Path, qgis: Session, tmp_path: Path) -> None:
    """The map has the image's colours where there is no outline, and the class's colour on one."""
    path = tmp_path / "map.png"
    _, errors = qgis(work / "anna.qgs", ["render", str(path), 600, 480])
    assert errors == []
    with rasterio.open(path) as image:
        red, green, blue = image.read([1, 2, 3]).astype(int)
    assert red.shape == (480, 600)
    west, south, east, north = (
        BOUNDS[0] - 0.05 * 0.15, BOUNDS[1] - 0.05 * 0.12, BOUNDS[2] + 0.05 * 0.15, BOUNDS[3] + 0.05 * 0.12,
    )  # fmt: skip

    def pixel(lon: float, lat: float) -> tuple[int, int]:
        return round((north - lat) / (north - south) * 480), round((lon - west) / (east - west) * 600)

    assert (red[0, 0], green[0, 0], blue[0, 0]) == (255, 255, 255)  # outside the image
    left, right = pixel(73.985, 37.49), pixel(74.11, 37.49)
    assert red[left] < red[right] - 100  # red grows to the east
    low, high = pixel(74.045, 37.485), pixel(74.045, 37.595)
    assert green[low] < green[high] - 100  # green to the north
    row, column = pixel(WEST + 0.02 + HALF_WIDTH, SOUTH)  # eastern edge of a changed outline: orange
    near = np.s_[row - 2 : row + 3, column - 4 : column + 5]
    orange = np.abs(red[near] - 230) + np.abs(green[near] - 159) + np.abs(blue[near])
    assert orange.min() < 90


def test_qgis_opens_what_the_command_plans(
    tmp_path: Path, run: Callable[..., tuple[int, str]], qgis: Session
) -> None:
    """The folder of ``rogi update plan`` opens with its imagery and all rows, moved elsewhere."""
    inputs = write_inputs(tmp_path)
    image = make_image(tmp_path / "s2.tif")
    code, told = run(
        "plan", "--inventory", inputs.inventory, "--candidates", inputs.candidates, "--mappers", "anna,ben",
        "--imagery", image, "-o", tmp_path / "work",
    )  # fmt: skip
    assert code == 0, told
    shutil.copytree(tmp_path, tmp_path / "else" / "where", ignore=shutil.ignore_patterns("else"))
    work = tmp_path / "else" / "where" / "work"
    shutil.rmtree(tmp_path / "work")
    image.unlink()
    tasks = 0
    for mapper in ("anna", "ben"):
        read, seen = qgis(work / f"{mapper}.qgs", ["describe"])
        assert read
        assert all(layer["valid"] for layer in seen["layers"].values())
        assert seen["layers"].keys() == {*LAYERS, "imagery_0"}
        assert seen["form"]["fields"]["decision"]["widget"] == "ValueMap"
        tasks += seen["layers"]["tasks"]["features"]
    assert tasks == 35
