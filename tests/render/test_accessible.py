"""What an accessibility checker looks for and can be told from the text: contrast, headings, tables, maps."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.transform import from_bounds

from rogi.inventory.read import read_inventory
from rogi.release.differences.difference import difference
from rogi.release.differences.report import document as changes
from rogi.report.format import Format
from rogi.report.html import Column, MapLayer, Scheme, Section, Style, html_table, map_view, page
from rogi.report.html.backdrop import LARGEST, backdrop
from rogi.report.html.maps import CONTEXT_CELLS, map_bounds, scattered
from rogi.report.html.tables import Kind, readable, table
from rogi.report.validation import as_text
from rogi.report.writers import as_html
from rogi.rules import examples
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.report import Report

CSS = (files("rogi.report.html") / "assets" / "page.css").read_text(encoding="utf-8")


def themes() -> dict[str, dict[str, str]]:
    """Colours of the light and of the dark page."""
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in CSS.split("@media")[:2])
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_symbols_stand_out(theme: str) -> None:
    colours = themes()[theme]
    for text in ("fg", "muted", "accent"):
        for ground in ("bg", "panel"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for tone in ("error", "warning", "info", "good"):
        assert contrast(colours[tone], colours[f"{tone}-soft"]) >= 4.5, tone
    drawn = [f"c{k}" for k in range(9)] + ["first", "second", "error", "warning", "info", "good"]
    for tone in drawn:  # graphical objects, WCAG 1.4.11
        assert contrast(colours[tone], colours["map"]) >= 3.0, tone


def levels(text: str) -> list[int]:
    return [int(level) for level in re.findall(r"<h([1-6])[ >]", text)]


@pytest.mark.parametrize("name", ["report", "empty_report"])
def test_headings_tables_and_controls_have_names(name: str, request: pytest.FixtureRequest) -> None:
    text = as_text(request.getfixturevalue(name), Format.HTML)
    found = levels(text)
    assert found[0] == 1
    assert found.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(found))
    assert '<th scope="col"></th>' not in text
    assert all(
        "tabindex" in box and "aria-label" in box for box in re.findall(r'<div class="scroll[^>]*>', text)
    )
    assert '<html lang="en">' in text
    assert all('tabindex="0"' in block for block in re.findall(r"<pre[^>]*>", text))


def test_an_empty_corner_of_a_table_is_no_heading() -> None:
    text = html_table(("", "Yes"), [["No", "3"]], numbers=(1,), caption="Verdicts")
    assert "<thead><tr><td></td><th" in text
    assert 'role="group" aria-label="Verdicts"' in text


def test_live_messages_are_outside_of_tables() -> None:
    script = (files("rogi.report.html") / "assets" / "table.js").read_text(encoding="utf-8")
    assert "aria-live" not in script
    assert 'role: "status"' in script
    assert re.search(r'role: "search", "aria-label"', script)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("0.02270979015738751", "0.02271"),
        ("35.852127", "35.852127"),
        ("28140.0", "28,140"),
        ("-2.5e-09", "-2.5e-09"),
        ("0.0", "0"),
        ("1.5e+300", "1.5e+300"),
        ("-9999.0", "-9,999"),
        ("RGU1.5", "RGU1.5"),
        ("20211332", "20211332"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("1.10", "1.10"),
        ("007.5", "007.5"),
    ],
)
def test_numbers_are_readable(text: str, shown: str) -> None:
    assert readable(text) == shown


@pytest.fixture(scope="module")
def dem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dem") / "dem.tif"
    rows, columns = np.mgrid[0:300, 0:300]
    heights = (3000 + 400 * np.sin(rows / 9) * np.cos(columns / 11)).astype("float32")
    look = {
        "driver": "GTiff",
        "width": 300,
        "height": 300,
        "count": 1,
        "dtype": "float32",
        "crs": "EPSG:4326",
    }
    with rasterio.open(path, "w", transform=from_bounds(70, 30, 100, 45, 300, 300), **look) as target:
        target.write(heights, 1)
    return path


def test_a_hillshade_is_small_and_lies_where_it_belongs(dem: Path) -> None:
    made = backdrop([dem], (80.0, 33.0, 90.0, 40.0))
    block = json.loads(re.search(r">(\{.*\})</script>", made)[1])  # type: ignore[index]
    assert block["image"].startswith("data:image/jpeg;base64,")
    assert 10_000 < len(block["image"]) <= LARGEST + 30
    west, south, east, north = block["box"]
    assert west < 80 < 90 < east
    assert south < 33 < 40 < north
    assert made == backdrop([dem], (80.0, 33.0, 90.0, 40.0))
    for elsewhere in ((-10.0, 0.0, -5.0, 3.0), (170.0, -86.0, 175.0, -85.0), (0.0, 85.0, 9.0, 89.9)):
        assert backdrop([dem], elsewhere).startswith('<p class="muted">No hillshade')
    assert backdrop([], (80.0, 33.0, 90.0, 40.0)) == backdrop([dem], None) == ""


def test_a_page_has_the_hillshade_it_is_given(dem: Path) -> None:
    base = examples.tprogi(6)
    found = difference(base, base, names=("1.0", "1.1"))
    assert 'id="backdrop"' in as_html(changes(found), [dem])
    assert 'id="backdrop"' not in as_html(changes(found))


def test_changes_are_coloured_and_the_rest_is_grey() -> None:
    base = examples.tprogi(6)
    moved = examples.with_column(base, Role.OUTLINE, "ELE_MIN", [4000.0, *[4500.0] * 5])
    text = as_html(changes(difference(base, moved, names=("1.0", "1.1"))))
    layers = json.loads(re.search(r'id="units-map">(.*?)</script>', text)[1])["layers"]  # type: ignore[index]
    assert [layer["title"] for layer in layers] == ["unchanged", "before, changed", "now, changed"]
    assert [s["color"] for s in layers[0]["schemes"][0]["styles"]] == ["context"]
    assert not layers[0]["interactive"]
    assert all(layer["schemes"][0]["column"] == "kind" for layer in layers[1:])
    assert layers[0]["n"] + layers[2]["n"] == 6


def test_what_lies_around_is_thinned() -> None:
    points = shapely.points(np.random.default_rng(0).uniform(0, 1, (20_000, 2)))
    found, step = scattered(points)
    assert step == pytest.approx(1 / CONTEXT_CELLS, rel=0.01)
    assert len(found) < len(points)
    assert scattered(points[:0])[1] == 0.0
    assert map_bounds(points[:0]) is None
    assert map_bounds(np.array([shapely.Point(1, 2), None], dtype=object)) == (1, 2, 1, 2)


def test_the_partner_of_an_overlap_is_told_and_drawn(tmp_path: Path) -> None:
    inventory = examples.tprogi(3)
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    frame = layer.frame.copy()
    frame.loc[frame.index[1], frame.geometry.name] = shapely.affinity.translate(
        frame.geometry.iloc[0], 0.0003
    )
    frame.to_file(tmp_path / "pair.gpkg")
    report: Report = validate(read_inventory([tmp_path / "pair.gpkg"]))
    text = as_text(report, Format.HTML)
    data = json.loads(re.search(r'id="findings-table">(.*?)</script>', text)[1])  # type: ignore[index]
    other = next(c for c in data["columns"] if c["title"] == "Other feature")
    assert not other.get("detail")
    assert "Other feature" in [data["columns"][k]["title"] for k in data["label"]]
    layers = json.loads(re.search(r'id="findings-map">(.*?)</script>', text)[1])["layers"]  # type: ignore[index]
    units = next(x for x in layers if x["title"] == "Outlines of the units concerned")
    overlap = report.findings.reset_index(drop=True).query("code == 'GEO015'").index[0]
    assert units["rows"]["index"].count(overlap) == 2  # both outlines


def test_places_have_links() -> None:
    text = table("t", [Column("Place", ["46.80000, 10.50000"], Kind.PLACE, detail=True)])
    assert '"kind":"place"' in text
    view = map_view(
        "m", [MapLayer("a", [shapely.Point(0, 0)], [Scheme("", [Style("a", "info")])])], title="t"
    )
    made = page("t", [Section("m", "M", view)])
    assert "browser.dataspace.copernicus.eu" in made
