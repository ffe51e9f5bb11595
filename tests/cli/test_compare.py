"""`rogi compare` as a command: outputs, exit codes, messages; and on real glacier and rock glacier data."""

from __future__ import annotations

import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely


@pytest.fixture
def rogi(monkeypatch, capsys):
    """Run the command in this process."""

    def run(*arguments, **environment):
        from rogi.cli import main

        monkeypatch.setattr(sys, "argv", ["rogi", *map(str, arguments)])
        monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, str(value))
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, ended.value.code, streams.out, streams.err)

    return run


def box(x: float, width: float = 4.0, y: float = 0.0) -> shapely.Polygon:
    step = 0.001
    return shapely.box(97 + x * step, 30 + y * step, 97 + (x + width) * step, 30 + (y + 4) * step)


def write(path: Path, shapes: list, **columns: list) -> Path:
    gpd.GeoDataFrame(columns, geometry=shapes, crs=4326).to_file(path, layer="outlines")
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Two inventories, and a third operator; ids hold markup that no report may take as such."""
    folder = tmp_path_factory.mktemp("compare")
    names = ["<script>alert(1)</script>", "a|b", "c"]
    regions = ["Nyainqêntanglha", "Nyainqêntanglha", "Qilian Shan"]
    write(folder / "a.gpkg", [box(0), box(10), box(20)], rg_id=names, subregion=regions)
    write(
        folder / "b.gpkg",
        [box(1), box(10, 2.4), box(12.4, 1.6)],
        rg_id=["x", "y", "z"],
        subregion=["Qilian Shan"] * 3,
    )
    write(folder / "c.gpkg", [box(0, 3), box(30)], rg_id=["p", "q"])
    gpd.GeoDataFrame({"name": ["West", "East"]}, geometry=[box(-1, 9, -1), box(9, 20, -1)], crs=4326).to_file(
        folder / "regions.gpkg"
    )
    return folder


class Tags(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)


def test_all_outputs(rogi, files, tmp_path):
    out = [tmp_path / f"r.{s}" for s in ("html", "json", "md", "txt")]
    links, changed = tmp_path / "links.parquet", tmp_path / "changes.gpkg"
    options = [x for path in out for x in ("-o", path)]
    summary = tmp_path / "summary.md"
    done = rogi(
        "compare", files / "a.gpkg", files / "b.gpkg", *options, "--by", "subregion", "--crosswalk", links,
        "--changes", changed, GITHUB_STEP_SUMMARY=summary,
    )  # fmt: skip
    assert done.returncode == 0 and done.stderr == ""
    assert "3 outlines in A, 3 outlines in B" in done.stdout or "3 outlines in A, 3 in B" in done.stdout
    data = json.loads(out[1].read_text())
    assert data["metrics"]["recall"] == pytest.approx(28 / 48, rel=1e-5)
    assert data["comparison"]["classes"][0]["clusters"]["1:n"] == 1
    assert {g["name"] for g in data["comparison"]["classes"][0]["groups"]} == {
        "Nyainqêntanglha",
        "Qilian Shan",
    }
    assert summary.read_text() == out[2].read_text()
    assert "a\\|b" not in out[2].read_text() or "<script>" not in out[2].read_text()
    page = out[0].read_text()
    tags = Tags()
    tags.feed(page)
    assert "alert(1)" in page and "<script>alert" not in page
    assert tags.tags.count("svg") >= 5 and "http://" not in page.replace("http://www.w3.org", "")
    assert len(pd.read_parquet(links)) == 4
    assert set(gpd.list_layers(changed)["name"]) == {"a", "b", "gains", "losses", "crosswalk"}
    first = [p.read_bytes() for p in (*out, links, changed)]
    rogi("compare", files / "a.gpkg", files / "b.gpkg", *options, "--by", "subregion", "--crosswalk", links,
         "--changes", changed)  # fmt: skip
    assert [p.read_bytes() for p in (*out, links, changed)] == first


def test_equal_outlines_are_no_worst_cases(rogi, files, tmp_path):
    """Pictures show what differs: none of an inventory compared with itself, some of two that differ."""
    for other, some in (("a.gpkg", False), ("b.gpkg", True)):
        page = tmp_path / "r.html"
        assert rogi("compare", files / "a.gpkg", files / other, "-o", page).returncode == 0
        assert ('<div class="pictures">' in page.read_text()) is some


def test_exit_codes(rogi, files, tmp_path):
    pair = ("compare", files / "a.gpkg", files / "b.gpkg")
    assert rogi(*pair, "--fail-under", "recall=0.5").returncode == 0
    done = rogi(*pair, "--fail-under", "f1=0.99")
    assert done.returncode == 1 and "f1 is 0." in done.stderr and "FAILED" in done.stdout
    assert rogi(*pair, "--fail-over", "boundary_mean_m=5000").returncode == 0
    done = rogi(*pair, "--fail-over", "boundary_mean_m=0.5", "--format", "json")
    assert done.returncode == 1 and "wanted at most 0.5" in done.stderr
    assert json.loads(done.stdout)["checks"][0]["wanted"] == "at most 0.5"
    stored = tmp_path / "expect.yaml"
    stored.write_text("format: 1\nexpect: {count_a: 3, only_a: 1, recall: {value: 0.58, tolerance: 0.01}}\n")
    assert rogi(*pair, "--expect", stored).returncode == 0
    stored.write_text("format: 1\nexpect: {count_a: 4}\n")
    assert rogi(*pair, "--expect", stored).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.gpkg"], "nothing to be compared with"),
        (["a.gpkg", "missing.gpkg"], "missing.gpkg"),
        (["a.gpkg", "b.gpkg", "--fail-under", "f2=0.5"], "no number 'f2'"),
        (["a.gpkg", "b.gpkg", "--fail-under", "boundary_mean_m=10"], "use --fail-over boundary_mean_m=10"),
        (["a.gpkg", "b.gpkg", "--fail-over", "f1=0.5"], "use --fail-under f1=0.5"),
        (["a.gpkg", "b.gpkg", "--format", "pdf"], "text, markdown, json, html"),
        (["a.gpkg", "b.gpkg", "-o", "report.pdf"], "unknown file extension"),
        (["a.gpkg", "b.gpkg", "-o", "a.gpkg", "--format", "json"], "inputs are never changed"),
        (["a.gpkg", "b.gpkg", "--region", "regions.gpkg", "--changes", "regions.gpkg"], "never changed"),
        (["a.gpkg", "b.gpkg", "--by", "regions.gpkg:West", "--crosswalk", "regions.gpkg"], "never changed"),
        (["a.gpkg", "b.gpkg", "--crosswalk", "x.gpkg", "--changes", "x.gpkg"], "for two outputs"),
        (["a.gpkg", "b.gpkg", "--crosswalk", "links.xlsx"], ".parquet, .csv or .gpkg"),
        (["a.gpkg", "b.gpkg", "--region", "Nowhere"], "contains no unit of either inventory"),
        (["a.gpkg", "b.gpkg", "--region", "regions.gpkg:North"], "no region 'North'"),
        (["a.gpkg", "b.gpkg", "--by", "colour"], "no column 'colour'"),
        (["a.gpkg", "b.gpkg", "--role", "marker"], "has no primary markers"),
        (["a.gpkg", "b.gpkg", "--role", "points"], "outline or marker"),
        (["a.gpkg", "b.gpkg", "--id", "key"], "no column 'key'"),
        (["a.gpkg", "b.gpkg", "--iou", "1.5"], "at most 1"),
        (["a.gpkg", "b.gpkg", "--sliver", "2"], "from 0 to below 1"),
        (["a.gpkg", "b.gpkg", "--reference", "all"], "takes one inventory"),
        (["a.gpkg", "--reference", "nobody-1900"], "no reference 'nobody-1900'"),
        (["a.gpkg", "--reference", "all", "--reference-file", "b.gpkg"], "the file of one reference"),
        (["a.gpkg", "b.gpkg", "--consensus", "c2.gpkg"], "three or more"),
        (["a.gpkg", "b.gpkg", "c.gpkg", "--min-votes", "4"], "between 1 and 3"),
        (["a.gpkg", "b.gpkg", "c.gpkg", "--fail-under", "f1=0.5"], "two inventories"),
        (["a.gpkg", "b.gpkg", "c.gpkg", "--by", "subregion"], "--by is for two inventories"),
        (["a.gpkg", "b.gpkg", "c.gpkg", "--crosswalk", "l.csv"], "--crosswalk is for two inventories"),
        (["a.gpkg", "--reference", "all", "--changes", "l.gpkg"], "--changes is for two inventories"),
        (["a.gpkg", "b.gpkg", "--region", "gone.gpkg:North"], "there is no file gone.gpkg"),
    ],
)
def test_what_cannot_be_done_is_one_message(rogi, files, monkeypatch, arguments, said):
    monkeypatch.chdir(files)
    before = sorted(p.name for p in files.iterdir())
    done = rogi("compare", *arguments)
    assert done.returncode == 2 and said in done.stderr
    assert (
        done.stderr.startswith("error: ")
        and "Traceback" not in done.stderr
        and "broke down" not in done.stderr
    )
    assert sorted(p.name for p in files.iterdir()) == before


def test_regions_of_a_file(rogi, files):
    pair = ("compare", files / "a.gpkg", files / "b.gpkg", "--format", "json")
    west = json.loads(rogi(*pair, "--region", f"{files / 'regions.gpkg'}:west").stdout)
    assert (west["comparison"]["a"]["compared"], west["comparison"]["a"]["outside_region"]) == (1, 2)
    assert west["comparison"]["region"] == "West"
    both = json.loads(rogi(*pair, "--region", files / "regions.gpkg", "--by", files / "regions.gpkg").stdout)
    assert both["metrics"]["count_a"] == 3
    assert {g["name"]: g["count_b"] for g in both["comparison"]["classes"][0]["groups"]} == {
        "East": 2,
        "West": 1,
    }


def test_no_overlap_is_said(rogi, files, tmp_path):
    far = write(tmp_path / "far.gpkg", [box(500)], rg_id=["far"])
    done = rogi("compare", files / "a.gpkg", far)
    assert done.returncode == 0 and "no object of A meets one of B" in done.stdout


def test_references(rogi, files, tmp_path):
    page, data = tmp_path / "r.html", tmp_path / "r.json"
    assert rogi("compare", files / "a.gpkg", "--reference", "all", "-o", page, "-o", data).returncode == 0
    assert "16,222" in page.read_text()
    done = json.loads(data.read_text())
    rows = {r["name"]: r for r in done["references"]}
    assert len(rows) == 9
    assert rows["zhang-2023"]["count"] == 2 and rows["zhang-2023"]["published_compared"] == 16222
    assert rows["hassan-2021"]["count"] is None and "no polygon" in rows["hassan-2021"]["how"]
    full = json.loads(
        rogi(
            "compare", files / "a.gpkg", "--reference", "zhang-2023", "--reference-file", files / "b.gpkg",
            "--format", "json",
        ).stdout
    )  # fmt: skip
    assert full["references"][0]["count_in_file"] == 3
    assert (
        full["comparison"]["a"]["name"].endswith("b.gpkg")
        and full["comparison"]["region"] == "Nyainqêntanglha"
    )
    assert "inside the region of the reference" in full["notes"][0]


def test_operators(rogi, files, tmp_path):
    """Landforms: the first box by all, the second by A and more than half of it by B, three by one."""
    agreed, page = tmp_path / "consensus.gpkg", tmp_path / "r.html"
    inputs = [files / f"{n}.gpkg" for n in "abc"]
    done = rogi("compare", *inputs, "--consensus", agreed, "--format", "json")
    data = json.loads(done.stdout)["operators"]
    assert done.returncode == 0 and data["min_votes"] == 2
    section = data["classes"][0]
    assert section["counts"] == [3, 3, 2] and section["votes"] == [3, 1, 1]
    assert section["iou"][0][1] == pytest.approx(28 / (48 + 32 - 28), rel=1e-5)
    layer = gpd.read_file(agreed, layer="consensus")
    assert layer["operators"].tolist() == [3, 2]
    assert len(gpd.read_file(agreed, layer="objects")) == sum(section["counts"])
    votes = gpd.read_file(agreed, layer="votes")
    assert votes["area_m2"].sum() == pytest.approx(sum(section["area_by_votes_m2"]))
    assert rogi("compare", *inputs, "-o", page).returncode == 0 and "Krippendorff" in page.read_text()
    none = rogi("compare", *inputs[:2], files / "c.gpkg", "--min-votes", "3", "--consensus", agreed)
    assert none.returncode == 0


@pytest.mark.real
def test_glacier_inventories_rgi6_and_rgi7(rogi, real_data, tmp_path):
    """Ötztal: ten glaciers are the same in both, two parts of one were merged; areas against an overlay."""
    folder = real_data / "oetztal"
    pair = (folder / "rgi_oetztal.shp", folder / "rgi7g_hef_complex.shp")
    links = tmp_path / "links.csv"
    data = json.loads(rogi("compare", *pair, "--format", "json", "--crosswalk", links).stdout)
    got = data["metrics"]
    assert (got["count_a"], got["count_b"]) == (20, 23)
    assert (got["clusters_1_1"], got["clusters_n_1"], got["only_a"], got["only_b"]) == (10, 1, 8, 12)
    assert data["comparison"]["a"]["repaired"] == ["RGI50-11.00648", "RGI50-11.00887", "RGI50-11.00958"]
    table = pd.read_csv(links)
    merged = table[(table["type"] == "n:1") & table["linked"]]
    assert sorted(merged["id_a"]) == ["RGI50-11.00719_d01", "RGI50-11.00719_d02"]
    assert set(merged["id_b"]) == {"RGI2000-v7.0-G-11-03124"}
    a, b = (gpd.read_file(p).to_crs(6933) for p in pair)
    dissolved = [shapely.union_all(shapely.force_2d(side.make_valid())) for side in (a, b)]
    both = shapely.intersection(*dissolved)
    assert got["true_positive_km2"] == pytest.approx(both.area / 1e6, rel=1e-6)


@pytest.mark.real
def test_outlines_against_their_markers(rogi, real_data):
    """The five outlines of the south-eastern plateau hold one marker each of 49,178."""
    folder = real_data / "setp"
    done = rogi("compare", folder / "outlines_5.gpkg", folder / "markers_49178.gpkg", "--format", "json")
    got = json.loads(done.stdout)["metrics"]
    assert (got["count_a"], got["count_b"], got["clusters_1_1"]) == (5, 49178, 5)
    assert (got["found_a"], got["only_b"]) == (1.0, 49173)


@pytest.mark.real
def test_regions_with_and_without_diacritics(rogi, real_data):
    """29,919 markers in the Hengduan Shan, 19,200 in the Nyainqêntanglha, whatever the spelling."""
    regions = real_data / "hma_regions" / "himap_22_regions.gpkg"
    markers = real_data / "setp" / "markers_49178.gpkg"
    done = json.loads(rogi("compare", markers, markers, "--by", regions, "--format", "json").stdout)
    counts = {g["name"]: g["count_a"] for g in done["comparison"]["classes"][0]["groups"]}
    assert counts["Hengduan Shan"] == 29919 and np.isclose(counts["Nyainqentanglha"], 19200)
    rows = json.loads(
        rogi("compare", markers, "--reference", "zhang-2023", "--region", regions, "--format", "json").stdout
    )["references"]
    assert rows[0]["count"] == 19200


def test_markers_have_precision_recall_and_f1_to_fail_under(rogi, tmp_path):
    """Three of A and two of B, of which two lie within 50 m: P = 1, R = 2/3, F1 = 4/5."""
    places = [shapely.Point(97 + 0.01 * k, 30) for k in range(3)]
    a, b = tmp_path / "a.gpkg", tmp_path / "b.gpkg"
    for path, names in ((a, ["x", "y", "z"]), (b, ["x", "y"])):
        frame = gpd.GeoDataFrame({"PrimaryID": names}, geometry=places[: len(names)], crs=4326)
        frame.to_file(path, layer="markers")
    done = rogi("compare", a, b, "--fail-under", "f1=0.79", "--format", "json")
    found = json.loads(done.stdout)
    assert done.returncode == 0
    expected = {"precision": 1.0, "recall": 2 / 3, "f1": 0.8, "object_f1": 0.8, "found_a": 2 / 3}
    assert {name: found["metrics"][name] for name in expected} == pytest.approx(expected)
    assert found["comparison"]["classes"][0]["points"]["missed"] == 1
    done = rogi("compare", a, b, "--fail-under", "f1=0.81")
    assert done.returncode == 1 and "Agreement by object" in done.stdout and "0.800" in done.stdout
    outlines = write(tmp_path / "o.gpkg", [p.buffer(0.001) for p in places], PrimaryID=["x", "y", "z"])
    assert rogi("compare", outlines, b, "--fail-under", "recall=0.7").returncode == 1
    assert rogi("compare", outlines, b, "--fail-under", "precision=1").returncode == 0


def test_a_layer_of_polygons_can_be_called_outlines(rogi, tmp_path):
    """Two layers of polygons whose names say nothing: one option chooses for both files, or for one."""
    for name in ("a.gpkg", "b.gpkg"):
        for layer, x in (("first", 0), ("second", 10)):
            frame = gpd.GeoDataFrame({layer: [1]}, geometry=[box(x)], crs=4326)
            frame.to_file(tmp_path / name, layer=layer)
    a, b = tmp_path / "a.gpkg", tmp_path / "b.gpkg"
    done = rogi("compare", a, b)
    assert done.returncode == 2 and "--layer" in done.stderr
    assert rogi("compare", a, b, "--layer", "outline=second", "--fail-under", "f1=1").returncode == 0
    both = ("--layer", f"outline={a}:first", "--layer", f"outline={b}:second")
    assert rogi("compare", a, b, *both, "--fail-under", "f1=0.01").returncode == 1
    stranger = write(tmp_path / "c.gpkg", [box(0)], PrimaryID=["x"])
    done = rogi("compare", a, b, "--layer", f"outline={stranger}")
    assert done.returncode == 2 and "none of" in done.stderr


def test_a_layer_that_one_of_the_files_has(rogi, tmp_path: Path) -> None:
    """A layer is looked for in all files; a role that does not fit the geometry is refused."""
    one, two = write(tmp_path / "one.gpkg", [box(0), box(10)]), tmp_path / "two.gpkg"
    frame = gpd.GeoDataFrame({"n": [1, 2]}, geometry=[box(0), box(10)], crs=4326)
    frame.to_file(two, layer="polys")
    frame.iloc[:1].assign(other=1).to_file(two, layer="rest")
    whole = rogi("compare", one, two, "--layer", "outline=polys", "--fail-under", "f1=0.99")
    assert whole.returncode == 0, whole.stderr
    nowhere = rogi("compare", one, two, "--layer", "outline=pols")
    assert nowhere.returncode == 2
    assert f"'pols' is neither a file nor a layer of {one}, which has outlines" in nowhere.stderr
    for spec in (f"marker={two}:polys", "marker=polys"):
        called = rogi("compare", one, two, "--layer", spec)
        assert called.returncode == 2
        assert "has polygons, so it has no primary markers; name another layer, or call it outline" in (
            called.stderr
        )
