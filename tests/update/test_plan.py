"""The plan as a whole: every unit and candidate once, the same bytes again, files of all kinds, bad input."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packages import CRS, Inputs, candidate_frame, make_case, make_inventory, octagon, write_inputs
from season import new_season

from rogi.errors import InputError, OptionError, OutputError
from rogi.inventory.write import write_inventory
from rogi.schema.model import Role
from rogi.synthetic.inventory import synthetic_inventory
from rogi.update.packages import second_look_kml
from rogi.update.planning.plan import Parameters, Plan, Request, make_plan
from rogi.update.planning.stored_plan import keys_digest, read_plan
from rogi.update.vocabulary import PLANNED, TaskClass
from rogi.update.work_folder import check_folder, write_plan

MAPPERS = ("anna", "ben")
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return write_inputs(tmp_path_factory.mktemp("inputs"))


def request_of(inputs: Inputs, **changes: object) -> Request:
    plain = Request((inputs.inventory,), str(inputs.candidates), mappers=MAPPERS)
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def plan(inputs: Inputs) -> Plan:
    return make_plan(request_of(inputs, glaciers=str(inputs.glaciers)))


@pytest.fixture(scope="module")
def work(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planned") / "work"
    write_plan(plan, folder)
    return folder


def layer(work: Path, name: str) -> gpd.GeoDataFrame:
    """A layer of all packages, with the package each row is from."""
    parts = [gpd.read_file(work / f"{m}.gpkg", layer=name).assign(package=m) for m in MAPPERS]
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True))


# ---- what is planned


def test_classes_with_ice(inputs: Inputs, plan: Plan) -> None:
    """Units and candidates get the classes of the case, the candidate on the glacier too."""
    case = inputs.case
    found = dict(zip(plan.tasks["task"], plan.tasks["class"], strict=True))
    expected = {f"U:{case.unit[name]}": kind.value for name, kind in case.unit_class.items()}
    expected |= {f"C:{name}": kind.value for name, kind in case.new_class.items()}
    assert found == expected


def test_every_unit_and_candidate_once(inputs: Inputs, work: Path) -> None:
    """Over all packages, in tasks as in the layers to look at; candidates of a task lie in its package."""
    tasks, current, found = (layer(work, n) for n in ("tasks", "current", "candidates"))
    assert sorted(tasks["unit"].dropna()) == sorted(current["unit"]) == sorted(inputs.case.unit.values())
    assert sorted(found["candidate"]) == sorted(inputs.case.candidate)
    named = (
        tasks.assign(candidate=tasks["candidate"].str.split()).explode("candidate").dropna(subset="candidate")
    )
    assert set(named["candidate"]) == set(inputs.case.candidate)
    home = dict(zip(found["candidate"], found["package"], strict=True))
    assert (named["candidate"].map(home) == named["package"]).all()
    assert tasks["task"].is_unique


def test_rows_of_a_package(inputs: Inputs, plan: Plan, work: Path) -> None:
    """Tasks start from the outline as it is in the files, in order of priority, with nothing decided."""
    case = inputs.case
    tasks = layer(work, "tasks").set_index("task")
    for name, outline in case.outline.items():
        assert tasks.loc[f"U:{case.unit[name]}", "geometry"].equals(shapely.MultiPolygon([outline]))
    merged = tasks.loc[f"U:{case.unit['r0c4']}"]
    assert merged["candidate"] == tasks.loc[f"U:{case.unit['r0c5']}", "candidate"] == "C-0-c4-0"
    assert tasks.loc[f"U:{case.unit['r0c3']}", "candidate"] == "C-0-c3-0 C-0-c3-1"
    assert tasks["decision"].isna().all() and tasks["mapper"].isna().all()
    for _, part in tasks.groupby("package"):
        assert part["priority"].tolist() == list(range(1, len(part) + 1))
        gain_of_clusters = part.groupby(part["candidate"].fillna(part["unit"]))["gain"].transform("max")
        assert (np.diff(gain_of_clusters) <= 0).all()
    assert plan.tasks["model"].dropna().unique().tolist() == ["trial@0123456789ab"]
    assert plan.tasks["image_date"].dropna().unique().tolist() == ["2026-08-01"]


def test_context_is_of_others(work: Path) -> None:
    """Neighbours of a package are in another package, and none within 300 m is missing."""
    context = layer(work, "context")
    outlines = pd.concat(
        [
            layer(work, "current").assign(id=lambda t: t["unit"]),
            layer(work, "candidates").assign(id=lambda t: t["candidate"]),
        ]
    )
    home = dict(zip(outlines["id"], outlines["package"], strict=True))
    ids = context["unit"].fillna(context["candidate"])
    assert (ids.map(home) == context["mapper"]).all()
    assert (context["mapper"] != context["package"]).all()
    plane = gpd.GeoDataFrame(outlines, geometry="geometry").to_crs("EPSG:32643")
    for mapper, own in plane.groupby("package"):
        others = plane[plane["package"] != mapper]
        near = others[others.distance(own.union_all()) < 300]
        assert set(near["id"]) <= set(ids[context["package"] == mapper])


def test_plan_file(inputs: Inputs, plan: Plan, work: Path) -> None:
    """plan.json, tasks.csv and the table in the package agree, and the reader of plans takes them."""
    content = json.loads((work / "plan.json").read_text())
    assert content == json.loads(json.dumps(plan.content))
    assert content["inventory"]["name"] == "v1.0.gpkg" and content["inventory"]["version"] == "v1.0"
    assert content["inventory"]["units"] == 30 and content["candidates"]["count"] == len(
        inputs.case.candidate
    )
    assert sum(content["counts"].values()) == content["tasks"] == 35
    read = read_plan(work)
    assert [p.name for p in read.packages] == list(MAPPERS)
    assert len(read.tasks) == 35
    for entry in content["packages"]:
        own = read.tasks[read.tasks["package"] == entry["name"]]
        assert entry["digest"] == keys_digest(own["task"])
        assert sum(a["tasks"] for a in entry["areas"]) == len(own) == sum(entry["counts"].values())
        with closing(sqlite3.connect(work / entry["file"])) as connection:
            said = dict(connection.execute("SELECT key, value FROM plan"))
        assert said["plan"] == content["digest"] and said["tasks"] == entry["digest"]
        assert (work / entry["project"]).is_file()


def test_same_files_same_bytes(inputs: Inputs, work: Path, tmp_path: Path) -> None:
    """A second plan differs in no byte of any file but the projects' own folder, which they do not name."""
    again = tmp_path / "work"
    write_plan(make_plan(request_of(inputs, glaciers=str(inputs.glaciers))), again)
    assert sorted(p.name for p in again.iterdir()) == sorted(p.name for p in work.iterdir())
    for path in again.iterdir():
        assert path.read_bytes() == (work / path.name).read_bytes(), path.name


def test_order_of_rows_does_not_matter(inputs: Inputs, plan: Plan, tmp_path: Path) -> None:
    """Candidates in another order make the same tasks."""
    frame = candidate_frame(inputs.case)
    frame.iloc[np.random.default_rng(0).permutation(len(frame))].to_file(tmp_path / "c.gpkg", layer="c")
    made = make_plan(request_of(inputs, candidates=f"{tmp_path / 'c.gpkg'}:c", glaciers=str(inputs.glaciers)))
    pd.testing.assert_frame_equal(
        pd.DataFrame(made.tasks.drop(columns="geometry")), pd.DataFrame(plan.tasks.drop(columns="geometry"))
    )


def test_other_crs_and_formats(inputs: Inputs, plan: Plan, tmp_path: Path) -> None:
    """Candidates in a Shapefile in UTM give the same classes; their outlines come in the inventory's CRS."""
    path = tmp_path / "utm.shp"
    candidate_frame(inputs.case).to_crs("EPSG:32643").rename(columns={"candidate_id": "id"}).to_file(path)
    made = make_plan(request_of(inputs, candidates=str(path), glaciers=str(inputs.glaciers)))
    assert made.content["counts"] == plan.content["counts"]
    assert made.candidates.crs == plan.candidates.crs
    worst = shapely.hausdorff_distance(
        made.candidates.geometry.to_numpy(), plan.candidates.geometry.to_numpy()
    )
    assert worst.max() < 1e-7


@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_seasons(tmp_path_factory: pytest.TempPathFactory, seed: int, count: int) -> None:
    """Of any season: all once, classes as made, clusters whole, areas of one package only."""
    folder = tmp_path_factory.mktemp("season")
    season = new_season(60, seed)
    write_inventory(season.inventory, folder / "v.gpkg")
    season.candidates.to_file(folder / "c.gpkg", layer="candidates")
    names = tuple("abcde"[:count])
    made = make_plan(Request((folder / "v.gpkg",), str(folder / "c.gpkg"), mappers=names))
    outlines = season.inventory.layer(Role.OUTLINE)
    assert outlines is not None
    expected = dict(zip(outlines.raw("primary_id"), season.unit_class, strict=True))
    units = made.tasks[made.tasks["unit"].notna()]
    assert dict(zip(units["unit"], units["class"], strict=True)) == expected
    assert sorted(made.tasks.loc[made.tasks["unit"].isna(), "candidate"]) == sorted(season.new)
    assert set(made.tasks["package"]) == set(range(count))
    home = dict(zip(made.candidates["candidate"], made.candidates["package"], strict=True))
    for candidates, package in zip(made.tasks["candidate"].str.split(), made.tasks["package"], strict=True):
        assert all(home[c] == package for c in candidates) if isinstance(candidates, list) else True


# ---- evidence


def test_coverage_layer(inputs: Inputs, tmp_path: Path) -> None:
    """A coverage of the lower half of a unit: valid share one half there, none elsewhere."""
    path = tmp_path / "candidates.gpkg"
    shutil.copyfile(inputs.candidates, path)
    missed = inputs.case.outline["r1c2"]
    west, south, east, north = missed.bounds
    ground = shapely.box(west, south, east, (south + north) / 2)
    gpd.GeoDataFrame(geometry=[ground], crs=CRS).to_file(path, layer="coverage", mode="a")
    tasks = make_plan(request_of(inputs, candidates=str(path))).tasks.set_index("unit")
    assert tasks.loc[inputs.case.unit["r1c2"], "valid_share"] == pytest.approx(0.5, abs=1e-3)
    assert tasks.loc[inputs.case.unit["r2c2"], "valid_share"] == 0
    assert tasks.loc[inputs.case.unit["r2c2"], "gain"] == 0
    assert tasks.loc[inputs.case.unit["r2c2"], "proposal"] == "remain"


def probability_raster(path: Path, values: np.ndarray, west: float, north: float, pixel: float) -> Path:
    from rasterio.transform import from_origin

    profile = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": values.dtype,
        "crs": CRS,
        "transform": from_origin(west, north, pixel, pixel),
        "nodata": 255,
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(values, 1)
    return path


def test_probability_raster(inputs: Inputs, tmp_path: Path) -> None:
    """Bytes 0-254 are probabilities, 255 is no data: mean and valid share inside a unit, by hand."""
    values = np.full((1000, 1200), 255, np.uint8)  # 1e-4 degrees from 73.96, 37.59
    values[:, :800] = 127  # valid west of 74.04, the middle of the units in column 2
    path = probability_raster(tmp_path / "p.tif", values, 73.96, 37.59, 1e-4)
    tasks = make_plan(request_of(inputs, probability=path)).tasks.set_index("unit")
    missed = tasks.loc[inputs.case.unit["r0c2"]]
    assert missed["probability"] == pytest.approx(127 / 254)
    assert missed["valid_share"] == pytest.approx(0.5, abs=1e-3)
    beyond = tasks.loc[inputs.case.unit["r0c5"]]
    assert np.isnan(beyond["probability"]) and beyond["valid_share"] == 0
    # With the scale in the file, as `rogi detect predict` writes it.
    with rasterio.open(path, "r+") as target:
        target.scales = (1 / 254,)
    again = make_plan(request_of(inputs, probability=path)).tasks.set_index("unit")
    assert again.loc[inputs.case.unit["r0c2"], "probability"] == pytest.approx(127 / 254)
    assert list(again["valid_share"].dropna()) == list(tasks["valid_share"].dropna())


@pytest.mark.parametrize("kept", ["coverage", "candidates"])
def test_nothing_is_proposed_for_removal_on_doubtful_ground(
    inputs: Inputs, tmp_path: Path, kept: str
) -> None:
    """The same candidates and a probability of 0 for all units, first on sound ground, then on doubtful one.

    The note is that of the layer coverage, or that of a candidate in a file without coverage.
    """
    case = inputs.case
    frame = candidate_frame(case)
    everywhere = shapely.box(*gpd.GeoSeries(list(case.outline.values())).total_bounds).buffer(0.05)
    west, south, east, north = everywhere.bounds
    shape = int((north - south) / 1e-3), int((east - west) / 1e-3)
    silence = probability_raster(tmp_path / "p.tif", np.zeros(shape, np.uint8), west, north, 1e-3)
    proposed = []
    for note in (None, "another scale"):
        path = tmp_path / f"{note}.gpkg"
        own = frame.assign(image_note=note if kept == "candidates" else None)
        own.to_file(path, layer="candidates")
        if kept == "coverage":
            ground = gpd.GeoDataFrame({"image_note": [note]}, geometry=[everywhere], crs=CRS)
            ground.to_file(path, layer="coverage", mode="a")
        made = make_plan(request_of(inputs, candidates=str(path), probability=silence))
        proposed.append(made.tasks.set_index("task")["proposal"])
        assert any("image_note" in text for text in made.notes) == (note is not None)
    sound, doubtful = proposed
    assert (sound == "remove").any() and not (doubtful == "remove").any()
    assert set(doubtful[sound == "remove"]) <= {"remain", "unsure"}


def test_probability_of_other_ground_and_pictures(inputs: Inputs, tmp_path: Path) -> None:
    """A raster without data in any outline tells nothing; three bands of bytes are a picture."""
    elsewhere = probability_raster(tmp_path / "p.tif", np.full((100, 100), 127, np.uint8), 80.0, 30.0, 1e-4)
    with pytest.raises(InputError, match="this ground"):
        make_plan(request_of(inputs, probability=elsewhere))
    with rasterio.open(elsewhere) as source:
        profile = source.profile | {"count": 3}
    with rasterio.open(tmp_path / "rgb.tif", "w", **profile) as target:
        target.write(np.full((3, 100, 100), 127, np.uint8))
    with pytest.raises(InputError, match="3 bands, so it is a picture"):
        make_plan(request_of(inputs, probability=tmp_path / "rgb.tif"))


def test_raster_that_is_no_probability(inputs: Inputs, tmp_path: Path) -> None:
    """Elevations are refused."""
    path = probability_raster(tmp_path / "dem.tif", np.full((1000, 1200), 4000, np.int16), 73.96, 37.59, 1e-4)
    with pytest.raises(InputError, match="type int16"):
        make_plan(request_of(inputs, probability=path))


def test_invalid_outlines_are_mended_and_said(inputs: Inputs, tmp_path: Path) -> None:
    """Candidates and glaciers that cross themselves are taken as their mended shapes, never a crash."""
    frame = candidate_frame(inputs.case)
    x, y = 73.9, 37.5
    bow = shapely.Polygon([(x, y), (x + 0.01, y + 0.01), (x + 0.01, y), (x, y + 0.01)])
    odd = gpd.GeoDataFrame(
        {"candidate_id": ["bow", "flat", "none"]},
        geometry=[bow, shapely.Polygon([(x, y), (x, y), (x, y), (x, y)]), None],
        crs=CRS,
    )
    gpd.GeoDataFrame(pd.concat([frame, odd], ignore_index=True)).to_file(tmp_path / "c.gpkg", layer="c")
    gpd.GeoDataFrame(geometry=[bow], crs=CRS).to_file(tmp_path / "g.gpkg", layer="g")
    made = make_plan(
        request_of(inputs, candidates=str(tmp_path / "c.gpkg"), glaciers=str(tmp_path / "g.gpkg"))
    )
    bows = made.tasks.set_index("task").loc["C:bow"]
    assert bows["class"] == TaskClass.ON_GLACIER and bows["geometry"].is_valid
    assert "C:flat" not in set(made.tasks["task"])
    said = " ".join(made.notes)
    assert "1 candidate crossed itself and was mended" in said
    assert "2 candidates without a polygon" in said


# ---- candidates of any file


def test_ids_of_candidates(inputs: Inputs, tmp_path: Path) -> None:
    """Missing ids are numbered, repeated ones told apart, blanks replaced; and what was done is said."""
    shapes = [octagon(74.5 + 0.02 * k, 37.5) for k in range(5)]
    frame = gpd.GeoDataFrame({"ID": ["x", "x", None, "a b", "x-2"]}, geometry=shapes, crs=CRS)
    near = gpd.GeoDataFrame({"ID": ["near"]}, geometry=[octagon(74.0, 37.5)], crs=CRS)
    gpd.GeoDataFrame(pd.concat([frame, near])).to_file(tmp_path / "c.gpkg", layer="c")
    made = make_plan(request_of(inputs, candidates=str(tmp_path / "c.gpkg")))
    assert sorted(made.candidates["candidate"]) == ["C-00001", "a_b", "near", "x", "x-2", "x-3"]
    assert "without an id numbered" in " ".join(made.notes)


def test_shares_outside_their_range(inputs: Inputs, tmp_path: Path) -> None:
    """A confidence in per cent is ignored, and said."""
    frame = candidate_frame(inputs.case)
    frame.assign(confidence=frame["confidence"] * 100).to_file(tmp_path / "c.gpkg", layer="c")
    made = make_plan(request_of(inputs, candidates=str(tmp_path / "c.gpkg")))
    assert made.tasks["confidence"].isna().all()
    assert "of confidence outside 0-1 ignored" in " ".join(made.notes)


def test_rgik_outlines(tmp_path: Path) -> None:
    """Of a unit with an extended and a restricted outline the extended one is planned, each unit once."""
    inventory = synthetic_inventory(20, seed=1, schema="rgik/1.0")
    write_inventory(inventory, tmp_path / "v.gpkg")
    outlines = inventory.layer(Role.OUTLINE)
    assert outlines is not None
    extended = outlines.frame[outlines.frame["Out.Type"] == "Extended"]
    extended[["geometry"]].to_file(tmp_path / "c.gpkg", layer="c")
    made = make_plan(Request((tmp_path / "v.gpkg",), str(tmp_path / "c.gpkg")))
    assert made.content["counts"]["unchanged"] == 20 == made.content["tasks"]
    assert (made.tasks["iou"] == 1).all()
    assert "restricted outline" in " ".join(made.notes)


# ---- bad input


def candidates_file(path: Path, shapes: list, crs: str | None = CRS) -> str:
    gpd.GeoDataFrame({"id": range(len(shapes))}, geometry=shapes, crs=crs).to_file(path)
    return str(path)


BAD: dict[str, tuple[Callable[[Path], str], str]] = {
    "elsewhere": (lambda p: candidates_file(p / "c.gpkg", [octagon(10.0, 45.0)]), "lies elsewhere"),
    "no CRS": (lambda p: candidates_file(p / "c.shp", [octagon(74.0, 37.5)], None), "--crs"),
    "points": (lambda p: candidates_file(p / "c.gpkg", [shapely.Point(74.0, 37.5)]), "no layer of polygons"),
    "empty": (lambda p: candidates_file(p / "c.gpkg", []), "polygons"),
    "missing": (lambda p: str(p / "none.gpkg"), "none.gpkg"),
    "flat": (
        lambda p: candidates_file(p / "c.gpkg", [shapely.Polygon([(74, 37), (75, 37), (74, 37)])]),
        "encloses ground",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_candidates(inputs: Inputs, tmp_path: Path, name: str) -> None:
    """Each is refused with a sentence that says what is wrong."""
    write, message = BAD[name]
    with pytest.raises(InputError, match=message):
        make_plan(request_of(inputs, candidates=write(tmp_path)))


def test_several_layers(inputs: Inputs, tmp_path: Path) -> None:
    """Of several layers of polygons one must be named; one that is not there is refused."""
    path = tmp_path / "c.gpkg"
    for name in ("one", "two"):
        candidate_frame(inputs.case).to_file(path, layer=name, mode="a" if path.exists() else "w")
    with pytest.raises(InputError, match=r"several layers of polygons \(one, two\)"):
        make_plan(request_of(inputs, candidates=str(path)))
    with pytest.raises(OptionError, match="no layer 'three'"):
        make_plan(request_of(inputs, candidates=f"{path}:three"))
    assert make_plan(request_of(inputs, candidates=f"{path}:two")).content["candidates"]["layer"] == "two"


def predicted_frame(inputs: Inputs) -> gpd.GeoDataFrame:
    """The candidates with the columns that `rogi detect predict` gives them."""
    frame = candidate_frame(inputs.case)
    return frame.assign(
        ID=[f"RGU{k:06d}N0000000E" for k in range(len(frame))],
        AREA=0.5,
        prob_p10=0.5,
        prob_spread=0.1,
        invalid_halo=0.0,
        glacier_share=0.25,
        model_spread=0.125,
    )


CUT = pytest.mark.filterwarnings("ignore:Normalized:RuntimeWarning", "ignore:Column names longer:UserWarning")


@CUT
@pytest.mark.parametrize("name", ["p.gpkg", "p.parquet", "p.fgb", "p.shp"])
def test_raw_candidates_are_no_inventory(inputs: Inputs, tmp_path: Path, name: str) -> None:
    """Refused in any format, also where a Shapefile cut the columns; a dialect says they were reviewed."""
    frame, path = predicted_frame(inputs), tmp_path / name
    if name.endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_file(path)
    with pytest.raises(InputError, match=r"holds candidates as a model found them .* --candidates"):
        make_plan(request_of(inputs, inventory=(path,)))
    made = make_plan(request_of(inputs, inventory=(path,), dialect="generic"))
    assert made.content["inventory"]["units"] == len(frame)


def test_one_file_for_both(inputs: Inputs, tmp_path: Path) -> None:
    """The layer of the units is refused as candidates; another layer of the same file is taken."""
    with pytest.raises(InputError, match="for the inventory and for the candidates"):
        make_plan(request_of(inputs, candidates=str(inputs.inventory)))
    path = tmp_path / "all.gpkg"
    shutil.copyfile(inputs.inventory, path)
    candidate_frame(inputs.case).to_file(path, layer="season", mode="a")
    made = make_plan(request_of(inputs, inventory=(path,), candidates=str(path)))
    assert made.content["candidates"]["layer"] == "season"


@CUT
def test_candidates_are_known_by_their_columns(inputs: Inputs, plan: Plan, tmp_path: Path) -> None:
    """Beside a coverage, a layer of any name with candidate_id; a Shapefile keeps what its columns say."""
    path = tmp_path / "c.gpkg"
    frame = predicted_frame(inputs)
    frame.to_file(path, layer="summer 2026")
    ground = gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.box(73.9, 37.4, 74.3, 37.8)], crs=CRS)
    ground.to_file(path, layer="coverage", mode="a")
    made = make_plan(request_of(inputs, candidates=str(path)))
    assert made.content["candidates"]["layer"] == "summer 2026"
    assert sorted(made.candidates["candidate"]) == sorted(inputs.case.candidate)
    frame.to_file(tmp_path / "c.shp")
    cut = make_plan(request_of(inputs, candidates=str(tmp_path / "c.shp")))
    assert sorted(cut.candidates["candidate"]) == sorted(inputs.case.candidate)
    assert (cut.candidates["glacier_share"] == 0.25).all()
    for one in (made, cut):
        assert (one.candidates["model_spread"] == 0.125).all()
        matched = one.tasks["candidate"].fillna("") != ""
        assert matched.any() and (one.tasks["model_spread"][matched] == 0.125).all()
        assert one.tasks["model_spread"][~matched].isna().all()
    assert plan.candidates["model_spread"].isna().all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({3: None}, r"1 outline of .* has no primary ID \(row 4\)"),
        ({3: ""}, "no primary ID"),
        ({3: "RGU375000N0740000E"}, r"RGU375000N0740000E in rows 1, 4"),
        ({3: "RG 12"}, r"1 primary ID of .* has a blank within, such as 'RG 12' in row 4"),
    ],
)
def test_ids_of_the_inventory(inputs: Inputs, tmp_path: Path, values: dict, message: str) -> None:
    """Missing and repeated IDs, and those with blanks, name their rows and the commands that help."""
    inventory = make_inventory(make_case())
    outlines = inventory.layer(Role.OUTLINE)
    assert outlines is not None
    ids = outlines.frame["ID"].astype(object)
    for row, value in values.items():
        ids.iloc[row] = value
    outlines.frame["ID"] = ids
    write_inventory(inventory, tmp_path / "v.gpkg")
    with pytest.raises(InputError, match=message) as refused:
        make_plan(request_of(inputs, inventory=(tmp_path / "v.gpkg",)))
    assert "rogi validate" in str(refused.value)


def test_inventory_without_outlines(inputs: Inputs, tmp_path: Path) -> None:
    """Markers alone cannot be matched."""
    inventory = make_inventory(make_case())
    markers = replace(inventory, layers=tuple(x for x in inventory.layers if x.role is Role.MARKER))
    write_inventory(markers, tmp_path / "v.gpkg")
    with pytest.raises(InputError, match="no outlines"):
        make_plan(request_of(inputs, inventory=(tmp_path / "v.gpkg",)))


def test_units_without_outline(inputs: Inputs, tmp_path: Path) -> None:
    """They have no task, and the plan says so."""
    inventory = make_inventory(make_case())
    outlines = inventory.layer(Role.OUTLINE)
    assert outlines is not None
    outlines.frame.loc[0, "geometry"] = None
    write_inventory(inventory, tmp_path / "v.gpkg")
    made = make_plan(request_of(inputs, inventory=(tmp_path / "v.gpkg",)))
    assert made.tasks["unit"].notna().sum() == 29
    assert "1 row of TPRoGI_Extended_Footprint without an outline" in made.notes[0]


def test_mappers(inputs: Inputs) -> None:
    """More mappers than groups, and names that are no files; without names there is one package."""
    with pytest.raises(OptionError, match="can share them"):
        make_plan(request_of(inputs, mappers=tuple(f"m{k}" for k in range(40))))
    with pytest.raises(OptionError, match="no good file name"):
        make_plan(request_of(inputs, mappers=("..",)))
    assert [p.name for p in make_plan(request_of(inputs, mappers=())).packages] == ["review"]


def test_areas(inputs: Inputs) -> None:
    """As many areas as asked for, named within the package, each with tasks."""
    made = make_plan(request_of(inputs, parameters=Parameters(areas_per_mapper=3)))
    for package in made.packages:
        own = made.tasks[made.tasks["package"] == package.number]
        assert sorted(own["area_name"].unique()) == list(package.areas) == ["1", "2", "3"]


# ---- the folder


def test_folder_with_decisions_is_kept(plan: Plan, work: Path, tmp_path: Path) -> None:
    """A plan without decisions is replaced, and what it leaves over removed; one decision keeps it."""
    folder = tmp_path / "work"
    shutil.copytree(work, folder)
    fewer = make_plan(replace(plan.request, mappers=("carla",)))
    write_plan(fewer, folder)
    assert {p.name for p in folder.glob("*.gpkg")} == {"carla.gpkg"}
    assert {p.name for p in folder.glob("*.qgs")} == {"carla.qgs"}
    for statement in (
        "UPDATE tasks SET comment = 'seen' WHERE fid = 2",
        "UPDATE tasks SET use_candidate = 1 WHERE fid = 2",
        "INSERT INTO tasks (geom) SELECT geom FROM tasks WHERE fid = 1",
        "UPDATE tasks SET geom = (SELECT geom FROM tasks WHERE fid = 1) WHERE fid = 2",
    ):
        again = tmp_path / "again"
        shutil.copytree(folder, again)
        with closing(sqlite3.connect(again / "carla.gpkg")) as connection, connection:
            connection.execute(statement)
        before = {p.name: p.read_bytes() for p in again.iterdir()}
        with pytest.raises(OutputError, match=r"carla.gpkg contains work of a mapper in 1 row"):
            write_plan(fewer, again)
        assert {p.name: p.read_bytes() for p in again.iterdir()} == before
        shutil.rmtree(again)


def test_other_folders_are_kept(plan: Plan, tmp_path: Path) -> None:
    """Folders with other files, a file, a folder without parent, and what is no plan of ours."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for folder, message in (
        (other, "holds other files"),
        (tmp_path / "file", "is a file"),
        (tmp_path / "none" / "work", "does not exist"),
    ):
        with pytest.raises(OutputError, match=message):
            write_plan(plan, folder)
    (other / "plan.json").write_text('{"application": "another"}')
    with pytest.raises(OutputError, match="no plan of"):
        check_folder(other)
    assert (other / "notes.txt").read_text() == "mine"


def test_nothing_is_left_half_written(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing breaks off there is no folder, nor anything beside it."""
    import rogi.update.work_folder as module

    def broken(*arguments: object, **named: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr(module, "uncertain_kml", broken)
    with pytest.raises(OutputError, match="disk is full"):
        write_plan(plan, tmp_path / "work")
    assert list(tmp_path.iterdir()) == []


# ---- KML


KML = "{http://www.opengis.net/kml/2.2}"


def test_kml(inputs: Inputs, plan: Plan) -> None:
    """The uncertain tasks, a folder per package, with the outlines of units and of their candidates."""
    shown, total = second_look_kml.uncertain(plan)
    root = ET.fromstring(second_look_kml.uncertain_kml(plan))
    names = [f.findtext(f"{KML}name") for f in root.iter(f"{KML}Folder")]
    assert names == list(MAPPERS)
    marks = [(m.findtext(f"{KML}name"), m.findtext(f"{KML}styleUrl")) for m in root.iter(f"{KML}Placemark")]
    assert {name for name, _ in marks} == set(shown["task"]) and len(shown) == total
    split = f"U:{inputs.case.unit['r0c3']}"
    assert [style for name, style in marks if name == split] == ["#unit", "#candidate", "#candidate"]
    ring = root.find(f".//{KML}outerBoundaryIs/{KML}LinearRing/{KML}coordinates")
    assert ring is not None and ring.text is not None
    points = [tuple(map(float, p.split(","))) for p in ring.text.split()]
    assert points[0] == points[-1] and all(73 < x < 75 and 37 < y < 38 for x, y in points)


def test_kml_with_holes_and_markup(inputs: Inputs, tmp_path: Path) -> None:
    """Text of files never becomes markup, holes are inner boundaries, and no more than the limit is shown."""
    holed = octagon(73.95, 37.5).difference(octagon(73.95, 37.5, 0.001, 0.001))
    frame = candidate_frame(inputs.case).iloc[:1]
    nasty = gpd.GeoDataFrame(
        {"candidate_id": ["<b>&\"'\x01"], "model": ["<script>alert(1)</script>"], "confidence": [0.5]},
        geometry=[shapely.MultiPolygon([holed, octagon(73.93, 37.5)])],
        crs=CRS,
    )
    gpd.GeoDataFrame(pd.concat([frame, nasty])).to_file(tmp_path / "c.gpkg", layer="c")
    made = make_plan(request_of(inputs, candidates=str(tmp_path / "c.gpkg"), mappers=("<anna>",)))
    text = second_look_kml.uncertain_kml(made)
    assert "<script>" not in text and "\x01" not in text
    root = ET.fromstring(text)
    mark = next(m for m in root.iter(f"{KML}Placemark") if "<b>" in (m.findtext(f"{KML}name") or ""))
    assert len(mark.findall(f".//{KML}Polygon")) == 2
    assert len(mark.findall(f".//{KML}innerBoundaryIs")) == 1
    balloon = mark.findtext(f"{KML}description") or ""
    assert "&lt;script&gt;" in balloon and "<script>" not in balloon
    few, total = second_look_kml.uncertain(made, most=1)
    assert len(few) == 1 < total


# ---- the command


@pytest.fixture
def rogi(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process."""

    def run(*arguments: object) -> tuple[int, str, str]:
        from rogi.cli import main

        monkeypatch.setattr(sys, "argv", ["rogi", "update", "plan", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        return int(ended.value.code or 0), streams.out, streams.err

    return run


def test_command(inputs: Inputs, tmp_path: Path, rogi: Run) -> None:
    """All files are there, stdout is the summary, and the page and Markdown tell the counts."""
    work = tmp_path / "work"
    given = ("--inventory", inputs.inventory, "--candidates", inputs.candidates, "-o", work)
    code, out, err = rogi(*given, "--glaciers", inputs.glaciers, "--mappers", "anna,ben", "--ask-front-rule")
    assert code == 0 and "35 tasks in 2 packages" in out
    files = {"anna.gpkg", "anna.qgs", "ben.gpkg", "ben.qgs", "plan.html", "plan.json", "plan.md", "tasks.csv"}
    assert {p.name for p in work.iterdir()} == {*files, "uncertain.kml"}
    assert all(f"{work / name}\n" in err for name in files)
    assert read_plan(work).front_rule
    page = (work / "plan.html").read_text()
    assert "Content-Security-Policy" in page and "<script src" not in page
    assert "| merged | 6 |" in (work / "plan.md").read_text()
    header = (work / "tasks.csv").read_text().splitlines()[0].split(",")
    assert header == ["package", "mapper", *PLANNED, "doubt"]
    code, out, _ = rogi(*given, "--format", "json", "-q")
    assert code == 0 and json.loads(out)["tasks"] == 35


def test_command_refuses(inputs: Inputs, tmp_path: Path, rogi: Run) -> None:
    """One message, exit code 2, and no folder."""
    given = ("--inventory", inputs.inventory, "--candidates", inputs.candidates, "-o", tmp_path / "work")
    for extra, message in (
        (("--unchanged-iou", "1.5"), "--unchanged-iou is above 0"),
        (("--sliver", "1"), "--sliver is from 0"),
        (("--mappers", "anna,Anna"), "would be one file"),
        (("--imagery", tmp_path / "none.tif"), "no image"),
        (("--glaciers", tmp_path / "none.gpkg"), "none.gpkg"),
        (("--probability", tmp_path / "none.tif"), "no raster"),
    ):
        code, out, err = rogi(*given, *extra)
        assert (code, out) == (2, "") and message in err and err.count("\n") == 1
        assert not (tmp_path / "work").exists()


@pytest.mark.real
def test_glaciers_of_two_inventories(real_data: Path, tmp_path: Path) -> None:
    """RGI 6 outlines as units, RGI 7 as candidates: Hintereisferner and its neighbours are found again."""
    from rogi.inventory.ids.primary_id import make

    units = gpd.read_file(real_data / "oetztal" / "rgi_oetztal.shp")
    units["ID"] = make(units["CenLon"], units["CenLat"])
    units[["ID", "geometry"]].to_file(tmp_path / "v.gpkg", layer="TPRoGI_Extended_Footprint")
    made = make_plan(
        Request((tmp_path / "v.gpkg",), str(real_data / "oetztal" / "rgi7g_hef_complex.shp"), mappers=("a",))
    )
    assert made.tasks["unit"].notna().sum() == len(units) == 20
    assert "cross themselves" in " ".join(made.notes)
    assert made.content["counts"]["not detected"] < 20


def test_installed_command(inputs: Inputs, tmp_path: Path) -> None:
    """The command itself, in a process of its own."""
    command = [
        str(Path(sys.executable).with_name("rogi")),
        "update",
        "plan",
        "--inventory",
        str(inputs.inventory),
    ]
    command += ["--candidates", str(inputs.candidates), "-o", str(tmp_path / "work"), "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stderr == ""
    assert "35 tasks in 1 package" in done.stdout


def test_every_layer_of_every_package_has_a_style(inputs: Inputs, tmp_path: Path) -> None:
    """Also layers without rows, such as the neighbours of one mapper alone."""
    write_plan(make_plan(request_of(inputs, mappers=("anna", "ben", "carla", "dora"))), tmp_path / "many")
    write_plan(make_plan(request_of(inputs, mappers=("anna",))), tmp_path / "one")
    packages = sorted(tmp_path.rglob("*.gpkg"))
    assert len(packages) == 5
    for package in packages:
        with closing(sqlite3.connect(package)) as connection:
            layers = connection.execute(
                "SELECT table_name, column_name FROM gpkg_geometry_columns ORDER BY 1"
            )
            styles = connection.execute(
                "SELECT f_table_name, f_geometry_column FROM layer_styles WHERE useAsDefault AND"
                " styleQML LIKE '%<renderer-v2%' ORDER BY 1"
            )
            assert layers.fetchall() == styles.fetchall()
