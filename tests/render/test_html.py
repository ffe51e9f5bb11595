"""The HTML report: one file, nothing from elsewhere, nothing that breaks out, all findings in it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rogi.report.format import Format
from rogi.report.html import (
    Column,
    Kind,
    MapLayer,
    Scheme,
    Section,
    Style,
    embed,
    encode_geometries,
    escape,
    map_view,
    page,
    table,
)
from rogi.report.html.maps import SIMPLIFICATION, STEP, with_points
from rogi.report.validation import as_text
from rogi.report.validation.page import fragment
from rogi.text import printable
from rogi.validation.report import Report

from .conftest import NASTY

ELEMENTS = (
    "html head meta title style body a header h1 h2 h3 p nav ul ol li main section div span b dl dt dd table "
    "caption thead tbody tr th td button details summary footer script noscript code pre strong em blockquote"
)
LONGITUDES = st.floats(-180, 180, allow_subnormal=False)
LATITUDES = st.floats(-85, 85, allow_subnormal=False)
VOID = {"meta", "input", "br", "img", "link", "hr"}


class Reader(HTMLParser):
    """Elements, attributes and texts of a document; fails if elements are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.styles: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append((dict(attrs), ""))
        if tag == "style":
            self.styles.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, (tag, self.open[-3:])
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            attributes, text = self.scripts[-1]
            self.scripts[-1] = attributes, text + data
        elif self.open and self.open[-1] == "style":
            self.styles[-1] += data
        else:
            self.text += data


def _data(reader: Reader) -> dict[str, Any]:
    packed = {
        "application/json": str,
        "application/gzip": lambda text: gzip.decompress(base64.b64decode(text)),
    }
    return {
        str(attributes["id"]): json.loads(packed[attributes["type"]](text))
        for attributes, text in reader.scripts
        if attributes.get("type") in packed
    }


def _values(column: dict[str, Any]) -> list[Any]:
    if "i" not in column:
        return list(column["d"])
    return [None if k < 0 else column["d"][k] for k in column["i"]]


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# ---- security


@pytest.mark.parametrize("name", ["report", "empty_report"])
def test_nothing_from_elsewhere(name: str, request: pytest.FixtureRequest) -> None:
    """No element loads, links or submits; the policy allows our script and style by their digest only."""
    reader = Reader(as_text(request.getfixturevalue(name), Format.HTML))
    allowed = frozenset(ELEMENTS.split())
    for tag, attributes in reader.elements:
        assert tag in allowed, tag
        for key, value in attributes.items():
            assert key not in ("src", "style", "action", "srcdoc", "formaction", "data", "xlink:href")
            assert not key.startswith("on")
            if key == "href":
                # within the page, or a reference a rule's page gives: a link, nothing that is loaded
                assert tag == "a" and value is not None and value.startswith(("#", "https://"))
    run = [text for attributes, text in reader.scripts if "type" not in attributes]
    assert len(run) == 1 and len(reader.styles) == 1
    policy = next(
        a["content"] for t, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert (
        f"script-src '{_digest(run[0])}'" in policy and f"style-src '{_digest(reader.styles[0])}'" in policy
    )
    assert "unsafe" not in policy
    code, links = re.subn(r"`https://(www\.openstreetmap\.org|earth\.google|browser\.dataspace)", "`", run[0])
    assert links == 3  # followed when clicked, without saying where from
    assert 'rel: "noopener noreferrer"' in code
    code += reader.styles[0]
    assert not re.search(
        r"https?:|url\(|@import|innerHTML|outerHTML|insertAdjacentHTML|eval\(|Function\(", code
    )


def test_values_stay_text(report: Report) -> None:
    """What is meant to break out arrives as the text it is."""
    text = as_text(report, Format.HTML)
    reader = Reader(text)
    messages = next(_values(c) for c in _data(reader)["findings-table"]["columns"] if c["title"] == "Message")
    assert set(messages) >= {printable(t) for t in NASTY}
    assert "<script>alert" not in text and "<img" not in text and "<svg" not in text
    assert text.count("</script>") == len(reader.scripts)
    assert NASTY[0] in reader.text  # in the remark on the rule that broke down


@given(st.text())
def test_escape_and_embed(text: str) -> None:
    """Any text survives both ways into a page, shown or as data, and adds no element."""
    body = f"<p title='{escape(text)}'>{escape(text)}</p>"
    reader = Reader(body)
    assert [tag for tag, _ in reader.elements] == ["p"]
    assert reader.text == printable(text)
    block = embed("x", {"t": text})
    inner = block[block.index(">") + 1 : -len("</script>")]
    assert not set("<>&") & set(inner)
    assert json.loads(inner)["t"] == text


# ---- content


def test_every_finding_and_rule_is_there(report: Report) -> None:
    reader = Reader(as_text(report, Format.HTML))
    data = _data(reader)["findings-table"]
    assert data["n"] == len(report.findings)
    columns = {c["title"]: _values(c) for c in data["columns"]}
    assert columns["Rule"] == report.findings["code"].tolist()
    assert columns["Fingerprint"] == report.findings["fingerprint"].tolist()
    assert columns["State"] == report.findings["state"].tolist()
    for outcome in report.outcomes:
        assert outcome.code in reader.text and outcome.title in reader.text
        assert printable(outcome.reason) in reader.text
    assert "does not follow the rules: 3 errors." in reader.text
    assert "1 rule broke down (ATT007)" in reader.text


def test_a_rule_is_as_grave_as_its_worst_finding(report: Report) -> None:
    """Of GEO015, a warning, one finding is an error: all tables say so, as the text does."""
    rows = re.findall(
        r"<tr\b(?:(?!</tr>).)*?Title of GEO015(?:(?!</tr>).)*</tr>", as_text(report, Format.HTML), re.S
    )
    assert rows
    assert all(re.search(r">\s*error\s*<", row) for row in rows)


def test_map_has_every_place(report: Report) -> None:
    """Findings with a place on earth are on the map; the others are counted."""
    text = as_text(report, Format.HTML)
    layer = _data(Reader(text))["findings-map"]["layers"][-1]
    assert layer["title"] == "Findings"
    rows = sorted(layer["rows"]["index"])
    # the first is about a layer, the last lies at 500000 degrees
    assert rows == list(range(1, len(report.findings) - 1))
    assert "2 findings have no place on the map" in text


def test_large(large_report: Report) -> None:
    """A hundred thousand findings: all there, and less than 30 MB."""
    text = as_text(large_report, Format.HTML)
    assert len(text.encode()) < 30e6
    data = _data(Reader(text))
    assert data["findings-table"]["n"] == 100_000
    assert sum(data["findings-map"]["layers"][-1]["rows"]["counts"]) == 100_000


def test_empty_report_has_no_map(empty_report: Report) -> None:
    reader = Reader(as_text(empty_report, Format.HTML))
    assert _data(reader) == {}
    assert "No errors and no warnings." in reader.text


def test_accessible(report: Report) -> None:
    """Language, one main heading, labelled sections, headings of rows and columns, unique ids."""
    reader = Reader(as_text(report, Format.HTML))
    tags = [tag for tag, _ in reader.elements]
    assert dict(reader.elements)["html"]["lang"] == "en"
    assert tags.count("h1") == 1 and tags.count("main") == 1
    ids = [a["id"] for _, a in reader.elements if "id" in a]
    assert len(ids) == len(set(ids))
    for tag, attributes in reader.elements:
        if tag == "section":
            assert attributes["aria-labelledby"] in ids
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
        if tag == "a" and str(attributes["href"]).startswith("#"):
            assert str(attributes["href"])[1:] in ids


def _luminance(color: str) -> float:
    channels = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


@pytest.mark.parametrize("dark", [False, True])
def test_contrast(dark: bool, empty_report: Report) -> None:
    """Text stands out from its ground by 4.5 : 1 at least (WCAG 2.2, success criterion 1.4.3)."""
    style = Reader(as_text(empty_report, Format.HTML)).styles[0]
    blocks = re.findall(r":root \{(.*?)\}", style, re.S)
    colors = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[0]))
    if dark:
        colors |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[1]))
    pairs = [(text, ground) for text in ("fg", "muted", "accent") for ground in ("bg", "panel")]
    pairs += [(tone, f"{tone}-soft") for tone in ("error", "warning", "info", "good")]
    pairs += [("fg", "neutral-soft"), ("fg", "error-soft"), ("bg", "accent"), ("muted", "map")]
    for text, ground in pairs:
        light, low = sorted((_luminance(colors[text]), _luminance(colors[ground])), reverse=True)
        assert (light + 0.05) / (low + 0.05) >= 4.5, (text, ground)


def test_fragment_for_notebooks(report: Report, large_report: Report) -> None:
    """Totals, rules and the first findings, without script."""
    text = fragment(report)
    reader = Reader(text)
    assert {tag for tag, _ in reader.elements} == {
        "div",
        "p",
        "b",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
    assert report._repr_html_() == text
    assert "… and 99,980 more findings" in fragment(large_report)


# ---- pieces


def test_table_keeps_values() -> None:
    """Few distinct values are stored once; missing ones are empty; numbers stay numbers."""
    text = table(
        "t",
        [
            Column("A", ["x", "y", "x", None, ""], filter=True),
            Column("B", np.array([1.5, np.nan, np.inf, 2.0, 3.0]), Kind.NUMBER),
            Column("C", np.arange(5), Kind.NUMBER),
        ],
        label=("C",),
    )
    data = _data(Reader(text))["t"]
    a, b, c = data["columns"]
    assert a["d"] == ["x", "y"] and _values(a) == ["x", "y", "x", None, None]
    assert _values(b) == [1.5, None, None, 2.0, 3.0]
    assert _values(c) == [0, 1, 2, 3, 4] and data["label"] == [2]


def test_ids_of_an_earlier_column_are_not_repeated() -> None:
    """0 where the row has the ID of the first column of IDs; numbers as IDs are left alone."""
    ids = ["a", "b", None, "d"]
    columns = [Column("A", ids, Kind.CODE), Column("B", ["a", "x", "c", None], Kind.CODE)]
    data = _data(Reader(table("t", [*columns, Column("C", [1, 2, 0, 4], Kind.CODE)])))["t"]
    assert data["columns"][1]["d"] == [0, "x", "c", None] and data["columns"][1]["like"] == 0
    assert data["columns"][2]["d"] == [1, 2, 0, 4] and "like" not in data["columns"][2]


def test_large_data_are_packed() -> None:
    """The same values, whatever the size; the same bytes each time."""
    for values in ([0] * 10, list(range(100_000))):
        text = embed("x", values)
        assert ("application/gzip" in text) == (len(values) > 10)
        assert _data(Reader(text))["x"] == values
        assert embed("x", values) == text


def test_the_least_important_become_points() -> None:
    """As far as the budget demands, at six vertices each; the most important keep their outline."""
    shapes = np.array([shapely.Point(k, 0).buffer(0.1) for k in range(4)], dtype=object)
    assert with_points(shapes, [0, 0, 0, 0], 24) is shapes
    found = with_points(shapes, [2, 0, 3, 1], 12)
    assert [g.geom_type for g in found] == ["Point", "Polygon", "Point", "Polygon"]
    assert (found[0].x, found[0].y) == pytest.approx((0, 0))


def _decode(data: dict[str, Any]) -> list[list[np.ndarray]]:
    """Chains of each geometry in degrees, rings closed: what the page's script does."""
    grid = np.cumsum(np.array(data["deltas"]).reshape(-1, 2), axis=0)
    places = grid * data["step"] + (data["west"], data["south"])
    chains, at = [], 0
    for length in data["lengths"]:
        chain = places[at : at + abs(length)]
        chains.append(np.vstack([chain, chain[:1]]) if length < 0 else chain)
        at += abs(length)
    assert at == len(places)
    out, at = [], 0
    for parts in data["parts"]:
        out.append(chains[at : at + parts])
        at += parts
    return out


def test_geometries_survive_encoding() -> None:
    """Points, lines, holes, several parts and collections, to half a step of the grid."""
    holed = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (1, 2), (2, 2), (2, 1)]])
    given = np.array(
        [
            shapely.Point(-70.1234567, -33.7654321),
            shapely.LineString([(1, 1), (2, 3), (3, 1)]),
            holed,
            shapely.MultiPolygon([shapely.box(5, 5, 6, 6), shapely.box(7, 7, 8, 8)]),
            shapely.MultiPoint([(1, 2), (3, 4)]),
            shapely.GeometryCollection([holed, shapely.GeometryCollection([shapely.Point(9, 9)])]),
            shapely.Point(1, 2, 3),
        ],
        dtype=object,
    )
    found = _decode(encode_geometries(given))
    assert [len(parts) for parts in found] == [1, 1, 2, 2, 2, 3, 1]
    expected = [
        [given[0].coords],
        [given[1].coords],
        [holed.exterior.coords, holed.interiors[0].coords],
        [p.exterior.coords for p in given[3].geoms],
        [p.coords for p in given[4].geoms],
        [holed.exterior.coords, holed.interiors[0].coords, [(9, 9)]],
        [[(1, 2)]],
    ]
    for chains, wanted in zip(found, expected, strict=True):
        for chain, coords in zip(chains, wanted, strict=True):
            np.testing.assert_allclose(chain, np.asarray(coords), atol=STEP / 2 * 1.001)


@given(
    st.lists(st.tuples(LONGITUDES, LATITUDES), min_size=1, max_size=30),
)
def test_lines_survive_encoding(coords: list[tuple[float, float]]) -> None:
    """Any chain of places is kept to half a step, but for vertices repeated on the grid."""
    geometry = shapely.LineString(coords) if len(coords) > 1 else shapely.Point(coords[0])
    chain = _decode(encode_geometries(np.array([geometry], dtype=object)))[0][0]
    line = shapely.LineString(chain) if len(chain) > 1 else shapely.Point(chain[0])
    assert shapely.hausdorff_distance(geometry, line) <= STEP


def test_simplification_stays_within_its_tolerance() -> None:
    """Over budget, outlines lose vertices but move by no more than the largest tolerance; none is lost."""
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    shapes = shapely.polygons([ring * r + (k, 0) for k, r in enumerate((0.01, 0.002, 1e-5, 1e-7))])
    data = encode_geometries(shapes, budget=100)
    assert sum(map(abs, data["lengths"])) <= 100
    for shape, chains in zip(shapes, _decode(data), strict=True):
        assert len(chains) == 1
        found = shapely.LineString(chains[0]) if len(chains[0]) > 1 else shapely.Point(chains[0])
        assert shapely.hausdorff_distance(shape.exterior, found) <= max(SIMPLIFICATION) * 1.01
    full = encode_geometries(shapes[:2], budget=10_000)
    assert sum(map(abs, full["lengths"])) == 800


def test_map_leaves_out_what_has_no_place() -> None:
    """Null, empty, infinite and impossible places are dropped together with their labels and rows."""
    shapes = np.array(
        [None, shapely.Point(), shapely.Point(np.inf, 0), shapely.Point(1, 2), shapely.Point(5e5, 5e6)],
        dtype=object,
    )
    layer = MapLayer(
        "x",
        shapes,
        [Scheme("", [Style("a", "first"), Style("b", "second")], [0, 0, 0, 1, 0])],
        labels=list("abcde"),
        rows=[[0], [1], [2], [3, 4], [5]],
    )
    data = _data(Reader(map_view("m", [layer], title="t")))["m"]["layers"][0]
    assert data["n"] == 1 and data["labels"] == ["d"]
    assert data["rows"] == {"counts": [2], "index": [3, 4]}
    assert data["schemes"][0]["classes"] == [1]


def test_pages_of_other_reports() -> None:
    """Two inventories side by side: maps of one group, tables of their own, one script."""
    old = MapLayer("1.0", [shapely.box(0, 0, 1, 1)], [Scheme("", [Style("1.0", "first")])], labels=["RGU1"])
    new = MapLayer("1.1", [shapely.box(0, 0, 1, 2)], [Scheme("", [Style("1.1", "second")])], labels=["RGU1"])
    maps = "".join(map_view(n, [layer], title=n, group="g") for n, layer in (("a", old), ("b", new)))
    text = page("Comparison", [Section("maps", "Maps", f'<div class="maps">{maps}</div>')])
    data = _data(Reader(text))
    assert [d["group"] for d in data.values()] == ["g", "g"]
