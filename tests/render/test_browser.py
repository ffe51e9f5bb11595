"""The report in a real browser: the script runs under the page's own policy and draws what it should."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shapely

from rogi.report.format import Format
from rogi.report.html import Column, Cut, Kind, MapLayer, Scheme, Section, Style, map_view, page, shell, table
from rogi.report.validation import render
from rogi.validation.report import Report, Status

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=8000",
    "--enable-logging=stderr",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine"),
]


def _open(report: Report | str, folder: Path) -> tuple[str, list[str]]:
    """The page, or that of a report, after its script has run, and what the console said."""
    path = folder / "report.html"
    if isinstance(report, str):
        path.write_text(report, encoding="utf-8")
    else:
        render(report, Format.HTML, path)
    assert BROWSER is not None
    result = subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    return result.stdout, re.findall(r"CONSOLE.*", result.stderr)


def test_report(report: Report, tmp_path: Path) -> None:
    shown, console = _open(report, tmp_path)
    assert console == []  # no error, and nothing refused by the policy
    body = shown.partition("</header>")[2]
    assert "<canvas" in body and "Colour by" in body
    assert f"{len(report.findings)} findings" in body
    assert body.count('<tr role="row"') >= len(report.findings)
    assert "<img" not in body and "<svg" not in body
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in body


def test_large_report(large_report: Report, tmp_path: Path) -> None:
    shown, console = _open(large_report, tmp_path)
    assert console == []
    assert "100,000 findings, showing 1 to 50" in shown


DRIVER = """
window.addEventListener("load", async () => {
  const pause = () => new Promise((done) => setTimeout(done, 400));
  const out = {};
  const table = rogi.tables["findings-table"];
  const map = rogi.maps["findings-map"];
  const places = () => map.layers[map.layers.length - 1].keep.reduce((sum, k) => sum + k, 0);
  const counted = () => table.caption.textContent;
  out.places = places();
  table.search.value = "KNOWN notes";
  table.search.dispatchEvent(new Event("input"));
  await pause();
  out.searched = [counted(), places()];
  table.reset();
  table.choose("Rule", "GEO015");
  out.chosen = [counted(), places(), table.selects.get(0).value];
  table.reset();
  table.order(4); out.up = table.rows.slice(0, 3);
  table.order(4); out.down = table.rows.slice(0, 3);
  table.order(4); out.back = table.rows.slice(0, 3);
  map.show(3);
  const [w, h] = map.size();
  const hits = map.pick(w / 2, h / 2);
  map.tell(hits, w / 2, h / 2);
  out.popup = map.popup.textContent;
  map.popup.querySelector("li button").click();
  out.selected = table.body.querySelectorAll("tr.selected").length;
  const before = map.view.k;
  map.canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "+" }));
  out.zoomed = map.view.k / before;
  map.canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "0" }));
  out.reset = map.view.k < before;
  document.querySelector("[data-show] button[value=not_run]").click();
  out.rules = document.querySelectorAll("#rules-table tbody tr:not(.hidden)").length;
  const result = document.createElement("pre");
  result.id = "result";
  result.textContent = JSON.stringify(out);
  document.body.append(result);
});
"""


def test_search_filter_sort_and_map(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The controls do what they say, and table and map follow each other."""
    script = shell._script()
    monkeypatch.setattr(shell, "_script", lambda: script + DRIVER)
    shown, console = _open(report, tmp_path)
    assert console == []
    found = json.loads(html.unescape(shown.partition('<pre id="result">')[2].partition("</pre>")[0]))
    rows = report.findings["row"].tolist()
    n = len(rows)
    assert found["places"] == n - 2
    assert found["searched"] == [f"1 of {n} findings", 1]
    assert found["chosen"] == [f"3 of {n} findings", 3, ""]
    known = [i for i, row in enumerate(rows) if row]
    assert found["up"] == sorted(known, key=lambda i: rows[i])[:3]
    assert found["down"] == sorted(known, key=lambda i: -rows[i])[:3]
    assert found["back"] == [0, 1, 2]
    assert "outline 3 A" in found["popup"]
    assert "GEO015 · warning · A · a message · outline 4" in found["popup"]  # with its partner
    assert "Look at it in OpenStreetMap Google Earth Copernicus Browser" in found["popup"]
    assert found["selected"] == 1
    assert found["zoomed"] == pytest.approx(2) and found["reset"]
    assert found["rules"] == sum(o.status is Status.NOT_RUN for o in report.outcomes)


SHARED = """
window.addEventListener("load", async () => {
  while (!rogi.tables.t) await new Promise((done) => setTimeout(done, 50));
  const [one, two] = [rogi.maps.m.layers[0], rogi.maps.n.layers[0]];
  const result = document.createElement("pre");
  result.id = "result";
  result.textContent = JSON.stringify({
    shared: one.box === two.box && two.n === 2,
    labels: [0, 1].map((f) => rogi.maps.m.label(one, f, rogi.tables.t)),
    ids: [0, 1, 2].map((row) => rogi.tables.t.columns[1].text(row)),
  });
  document.body.append(result);
});
"""


def test_shared_geometries_names_and_packed_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A map takes the geometries of another, labels come from the table, and packed data are unpacked."""
    script = shell._script()
    monkeypatch.setattr(shell, "_script", lambda: script + SHARED)
    monkeypatch.setattr(shell, "PACKED_FROM", 0)
    layer = MapLayer(
        "A",
        [shapely.box(0, 0, 1, 1), shapely.box(2, 0, 3, 1)],
        [Scheme("", [Style("", "first")])],
        labels=[None, "own"],
        rows=[[0], [2]],
        named=("A: ", "ID"),
    )
    columns = [Column("ID", ["i1", "i2", "i3"], Kind.CODE), Column("B", ["i1", "x", None], Kind.CODE)]
    content = (
        map_view("m", [layer], title="m", table_name="t")
        + map_view("n", [replace(layer, shared=("m", 0))], title="n", table_name="t")
        + table("t", columns, label=["ID"], map_name="m")
    )
    shown, console = _open(page("t", [Section("s", "S", content)]), tmp_path)
    assert console == []
    found = json.loads(html.unescape(shown.partition('<pre id="result">')[2].partition("</pre>")[0]))
    assert found == {"shared": True, "labels": ["A: i1", "A: own"], "ids": ["i1", "x", ""]}


CUT = """
window.addEventListener("load", async () => {
  while (!rogi.tables.t) await new Promise((done) => setTimeout(done, 50));
  const map = rogi.maps.m;
  const [w, h] = map.size();
  const { x, y, k } = map.view;
  const at = (lon, lat) => [(lon / 360 + 0.5 - x) * k + w / 2, (0.5 - lat / 360 - y) * k + h / 2];
  map.layers[1].visible = map.layers[2].visible = false;
  map.paint();
  const { width, height } = map.canvas;
  const picture = map.canvas.getContext("2d").getImageData(0, 0, width, height).data;
  const pixel = (lon, lat) => {
    const [column, row] = at(lon, lat).map((v) => Math.round(v * width / w));
    return picture.slice(4 * (row * width + column), 4 * (row * width + column) + 3).join();
  };
  const nothing = pixel(9.35, 0.65);
  const places = [[0.5, 0.35], [1.5, 0.35], [2.5, 0.35], [4.5, 0.35], [6.5, 0.35], [8.5, 0.35]];
  const result = document.createElement("pre");
  result.id = "result";
  result.textContent = JSON.stringify({
    drawn: places.map((place) => pixel(...place) !== nothing),
    picked: places.map((place) => map.pick(...at(...place)).length),
    legend: map.legend.textContent,
    label: map.label(map.layers[0], 0, rogi.tables.t),
    keep: [...map.layers[0].keep],
  });
  document.body.append(result);
});
"""


def test_a_layer_is_drawn_where_another_does_not_cover_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what is left of the first is drawn and answers; another class cuts nothing, nor a point."""
    script = shell._script()
    monkeypatch.setattr(shell, "_script", lambda: script + CUT)
    b = [shapely.box(x, 0.2, x + w, 0.5) for x, w in ((1, 2), (4, 1), (6, 1), (8, 1))]
    a = [shapely.box(0, 0.2, 2, 0.5), shapely.box(4, 0.2, 5, 0.5), shapely.Point(6.5, 0.35)]
    plain = [Scheme("", [Style("", "second")])]
    layers = [
        MapLayer(
            "Gains",
            b,
            plain,
            named=("Gains, ", "ID"),
            shared=("m", 2),
            cut=Cut(1, np.array([1, 2, 1, 0]), "Class"),
        ),
        MapLayer("A", a, plain, rows=np.array([0, 2, 0])),
        MapLayer("B", b, plain, rows=np.array([0, 1, 0, 0])),
    ]
    columns = [Column("ID", ["u", "v", "w"], Kind.CODE), Column("Class", ["x", "y", "z"], filter=True)]
    content = map_view("m", layers, title="m", table_name="t") + table(
        "t", columns, label=["ID"], map_name="m"
    )
    shown, console = _open(page("t", [Section("s", "S", content)]), tmp_path)
    assert console == []
    found = json.loads(html.unescape(shown.partition('<pre id="result">')[2].partition("</pre>")[0]))
    left = [False, False, True, True, True, False]
    assert found["drawn"] == left and found["picked"] == [int(here) for here in left]
    assert found["keep"] == [1, 1, 1, 0] and found["label"] == "Gains, u"
    assert "outside" not in found["legend"]  # exact to less than a metre
