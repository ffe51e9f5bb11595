"""All formats: the same bytes each time, whole or not at all, no totals lost, no text that breaks out."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import geopandas as gpd
import jsonschema
import numpy as np
import pytest
import shapely

import rogi.report
from rogi.errors import OptionError, OutputError
from rogi.report.format import Format, format_of
from rogi.report.validation import FORMATS, as_text, render
from rogi.report.validation.github import SUMMARY_BYTES, write_step_summary
from rogi.report.validation.records import Failure, failures, records, source_uri
from rogi.rules.rule import Severity
from rogi.text import printable
from rogi.validation.report import Report, Status, totals

from .conftest import NASTY, finding, make_report, outcome

TEXTS = [f for f in FORMATS if f is not Format.GPKG]
SCHEMA = json.loads(Path(rogi.report.__file__).with_name("report.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("format", FORMATS)
def test_same_report_same_bytes(format: Format, report: Report, tmp_path: Path) -> None:
    """Every format is deterministic, and a file holds what a stream gets."""
    for name in ("one", "two"):
        render(report, format, tmp_path / f"{name}.gpkg")
    one, two = sorted(tmp_path.iterdir())  # and no temporary file is left
    assert one.read_bytes() == two.read_bytes()
    if format is not Format.GPKG:
        assert one.read_text(encoding="utf-8") == as_text(report, format)


@pytest.mark.parametrize("format", FORMATS)
def test_empty_report(format: Format, empty_report: Report, tmp_path: Path) -> None:
    """A report without findings is written too."""
    render(empty_report, format, tmp_path / "out.gpkg")
    assert (tmp_path / "out.gpkg").stat().st_size > (0 if format is Format.GITHUB else 50)


@pytest.mark.parametrize("format", TEXTS)
def test_text_is_utf8(format: Format, report: Report) -> None:
    """Whatever the values hold, a report can be written."""
    as_text(report, format).encode("utf-8")


@pytest.mark.parametrize("format", [Format.TEXT, Format.MARKDOWN, Format.GITHUB, Format.JUNIT, Format.HTML])
def test_no_control_characters(format: Format, report: Report) -> None:
    """What people read has no character that steers a terminal or reorders the line."""
    text = as_text(report, format)
    if format is Format.HTML:  # the script's own text aside
        text = text.partition("</head>")[2]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_failing_write_leaves_the_old_file(report: Report, tmp_path: Path) -> None:
    """A report that cannot be made does not replace one that is there."""
    path = tmp_path / "report.json"
    path.write_text("before")
    broken = make_report([finding("XXX000", severity="no such severity")], list(report.outcomes))
    with pytest.raises(Exception):  # noqa: B017
        render(broken, Format.SARIF, path)
    assert path.read_text() == "before"
    with pytest.raises(OutputError, match="does not exist"):
        render(report, Format.JSON, tmp_path / "no" / "report.json")


def test_gpkg_needs_a_file(report: Report) -> None:
    with pytest.raises(OptionError, match="name one"):
        render(report, Format.GPKG, io.StringIO())


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("a.html", Format.HTML),
        ("a.JSON", Format.JSON),
        ("a.jsonl", Format.JSONL),
        ("a.sarif.json", Format.SARIF),
        ("a.sarif", Format.SARIF),
        ("TEST-a.junit.xml", Format.JUNIT),
        ("a.xml", Format.JUNIT),
        ("a.md", Format.MARKDOWN),
        ("a.gpkg", Format.GPKG),
        ("a.txt", Format.TEXT),
    ],
)
def test_format_of_a_name(name: str, format: Format) -> None:
    assert format_of(Path(name), FORMATS) is format


def test_format_of_an_unknown_name() -> None:
    with pytest.raises(OptionError, match=r"\.html"):
        format_of(Path("report.pdf"), FORMATS)


# ---- text


def test_text_totals_are_exact_whatever_is_shown(large_report: Report) -> None:
    """Five rows are shown, a hundred thousand are counted."""
    text = as_text(large_report)
    assert text.count("below 0.01 km²") == 5
    assert "100,000 findings" in text
    assert "… and 99,995 more" in text
    assert "Findings: 0 errors, 100,000 warnings, 0 notes" in text
    assert as_text(large_report, limit=0).count("below 0.01 km²") == 0
    assert as_text(large_report, limit=-1).count("below 0.01 km²") == 100_000


def test_text_says_what_was_not_run(report: Report) -> None:
    text = as_text(report)
    assert "Not run\n" in text and "Not applicable\n" in text
    assert "outlines have no column for reliability index: KIN001 rule-kin001" in text
    assert "no primary markers: REV001" in text
    assert "INCOMPLETE: 1 rule broke down: ATT007" in text
    assert "in part: no CRS of the markers" in text
    assert "fingerprint 00ff: unused (B: mended)" in text
    assert "1 waived, 1 in the baseline" in text


def test_text_lines_are_not_broken_by_values(report: Report) -> None:
    """A value with a line end stays on its line: one line for each finding."""
    lines = as_text(report, limit=-1).splitlines()
    assert sum(line.startswith("        outline ") for line in lines) == len(report.findings) - 1


def test_text_has_colour_on_a_terminal_only(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    stream = Terminal()
    render(report, Format.TEXT, stream)
    assert "\x1b[" in stream.getvalue()
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" not in as_text(report)


def test_worst_first(report: Report) -> None:
    """A rule stands with its worst finding; what counts comes before what does not."""
    found = failures(report)
    assert [f.outcome.code for f in found[:3]] == ["SCH001", "GEO003", "GEO015"]
    overlap = next(f for f in found if f.outcome.code == "GEO015")
    assert overlap.severity is Severity.ERROR
    shown = list(overlap.records(report))
    assert [(r.severity, r.state) for r in shown] == [
        ("error", "open"),
        ("warning", "open"),
        ("warning", "baseline"),
    ]


def test_totals(report: Report) -> None:
    sums = totals(report)
    assert sums.open == {Severity.ERROR: 3, Severity.WARNING: 2, Severity.INFO: len(NASTY) + 1}
    assert (sums.waived, sums.known) == (1, 1)
    assert sum(sums.rules.values()) == len(report.outcomes)
    assert sums.findings + sums.waived + sums.known == len(report.findings)


def test_printable() -> None:
    assert printable("a\x1b[0m\n\u202e\ud800é") == "a\\x1b[0m \\u202e\ufffdé"
    assert printable("Größe 中文 🏔") == "Größe 中文 🏔"


# ---- JSON


def test_json_is_valid_against_its_schema(report: Report, empty_report: Report) -> None:
    validator = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for one in (report, empty_report):
        validator.validate(json.loads(as_text(one, Format.JSON)))


def test_json_holds_every_finding(report: Report) -> None:
    """Values survive as they were."""
    data = json.loads(as_text(report, Format.JSON))
    assert len(data["findings"]) == len(report.findings)
    texts = [f["message"] for f in data["findings"] if f["code"] == "ATT001"]
    assert texts[: len(NASTY)] == list(NASTY)
    assert data["complete"] is False
    assert data["totals"]["open"] == {"error": 3, "warning": 2, "info": len(NASTY) + 1}
    first = data["findings"][1]
    assert first["bbox"] == [0, 0, 1, 1] and first["row"] == 1
    assert "row" not in data["findings"][0] and "layer" not in data["findings"][0]


def test_jsonl_has_one_record_a_line(report: Report) -> None:
    entries = [json.loads(line) for line in as_text(report, Format.JSONL).split("\n")[:-1]]
    kinds = [e["type"] for e in entries]
    assert kinds == (
        ["report"]
        + ["rule"] * len(report.outcomes)
        + ["waiver"] * len(report.waivers)
        + ["finding"] * len(report.findings)
    )


# ---- Markdown


def test_markdown_tables_keep_their_columns(report: Report) -> None:
    """No value adds a cell, a line, markup, a mention or a link."""
    from markdown_it import MarkdownIt

    text = as_text(report, Format.MARKDOWN, limit=-1)
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    rows: list[int] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append(0)
        if token.type in ("td_open", "th_open"):
            rows[-1] += 1
        assert token.type not in ("html_block", "fence", "code_block")
        for child in token.children or ():
            assert child.type in ("text", "softbreak", "strong_open", "strong_close", "text_special"), child
    assert set(rows) == {4, 5}
    assert "@user" not in text
    shown = "".join(c.content for t in tokens for c in t.children or ())
    assert printable(NASTY[1]) in shown


# ---- GitHub


def test_github_annotations_are_totals(report: Report) -> None:
    """One command a rule, worst first; nothing in a value can start another."""
    lines = as_text(report, Format.GITHUB).splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert len(commands) == 6  # five rules with open findings, one that broke down
    assert commands[1].startswith(
        "::error file=data/in ventory <x>.gpkg,title=GEO003 rule-geo003%3A 1 finding::Title of GEO003."
    )
    assert sum(line.startswith("::error ") for line in commands) == 4
    assert "::error::injected" not in {line[:17] for line in lines}
    assert lines[-1].startswith("Findings: 3 errors, 2 warnings")


def test_github_sums_up_what_would_be_dropped() -> None:
    """Of 25 rules GitHub would show 10 annotations: the tenth has the totals of the other 16."""
    codes = [f"GEO{k:03d}" for k in range(25)]
    many = make_report(
        [finding(code) for code in codes], [outcome(c, Status.FAILED, findings=1) for c in codes]
    )
    commands = [x for x in as_text(many, Format.GITHUB).splitlines() if x.startswith("::warning ")]
    assert len(commands) == 10
    assert commands[-1].startswith(
        "::warning title=16 findings of 16 more rules::GEO009 rule-geo009%3A 1".replace("%3A", ":")
    )


def test_step_summary_is_appended_and_cut(report: Report, large_report: Report, tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n", encoding="utf-8")
    write_step_summary(report, path)
    assert path.read_text(encoding="utf-8") == "before\n" + as_text(report, Format.MARKDOWN)
    rows = [finding(f"GEO{k:03d}", message="x" * 20_000) for k in range(100)]
    huge = make_report(rows, [outcome(r["code"], Status.FAILED, findings=1) for r in rows])
    path.unlink()
    write_step_summary(huge, path)
    assert path.stat().st_size <= SUMMARY_BYTES
    assert "cut here" in path.read_text(encoding="utf-8")
    with pytest.raises(OutputError, match="GITHUB_STEP_SUMMARY"):
        write_step_summary(report, tmp_path)


def test_source_uri_is_a_reference(report: Report) -> None:
    assert source_uri(report, "outline") == "data/in%20ventory%20%3Cx%3E.gpkg"


def test_records_follow_the_table(report: Report) -> None:
    found = list(records(report.findings))
    assert [r.code for r in found] == report.findings["code"].tolist()
    assert found[0].box is None and found[0].subject == "inventory"
    assert found[3].subject == "outline 3 A" and found[3].other_subject == "outline 4 "[:-1]
    assert found[5].subject == "outline 5"


def test_failure_positions_cover_all(report: Report) -> None:
    found = failures(report)
    assert all(isinstance(f, Failure) for f in found)
    assert sorted(np.concatenate([f.positions for f in found])) == list(range(len(report.findings)))


def test_findings_of_several_files_of_one_role_name_the_file(tmp_path: Path) -> None:
    """Row 1 of two files of outlines: every format says of which file, and the overlap of both names both."""
    files = [tmp_path / "east.geojson", tmp_path / "west.geojson"]
    for path, west in zip(files, (90.0, 90.001), strict=True):
        square = shapely.box(west, 30.0, west + 0.004, 30.004)
        gpd.GeoDataFrame({"AREA": [99.0]}, geometry=[square], crs=4326).to_file(path)
    found = rogi.validate(files, profile="strict", select=["ATT001", "GEO015"])
    told = json.loads(as_text(found, Format.JSON))
    jsonschema.validate(told, SCHEMA)
    by_code = {(r["code"], r["file"], r["row"], r.get("other", {}).get("file")) for r in told["findings"]}
    assert {("ATT001", "east.geojson", 1, None), ("ATT001", "west.geojson", 1, None)} <= by_code
    assert ("GEO015", "east.geojson", 1, "west.geojson") in by_code
    text = as_text(found, Format.TEXT)
    assert "outline 1 of east.geojson AREA:" in text
    assert "with outline 1 of west.geojson" in text
    sarif = json.loads(as_text(found, Format.SARIF))
    places = {
        (r["ruleId"], Path(r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]).name)
        for r in sarif["runs"][0]["results"]
    }
    assert {("ATT001", "east.geojson"), ("ATT001", "west.geojson")} <= places
    assert '"File"' in as_text(found, Format.HTML)
    render(found, Format.GPKG, tmp_path / "findings.gpkg")
    layer = gpd.read_file(tmp_path / "findings.gpkg", layer="findings_polygon")
    assert set(layer["file"]) == {"east.geojson", "west.geojson"}
    single = rogi.validate(files[0], select=["ATT001"])
    assert "file" not in json.loads(as_text(single, Format.JSON))["findings"][0]
