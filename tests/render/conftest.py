"""Reports made by hand: every status, every state, every kind of geometry, and text meant to break out."""

from __future__ import annotations

import datetime as dt
import hashlib

import numpy as np
import pandas as pd
import pytest
import shapely

from rogi.rules.rule import Severity
from rogi.schema.model import Evidence, Role
from rogi.validation.report import (
    COLUMNS,
    InventorySummary,
    LayerSummary,
    Outcome,
    Report,
    Status,
    WaiverUse,
)

NASTY = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(2)>",
    "\"'><svg/onload=alert(3)>",
    "a|b `code` [link](javascript:alert(4)) <b>&amp; @user #1",
    "line\nbreak\r\n::error::injected %0A",
    "\x1b[31mred\x1b[0m\x07\x00",
    "\u202eright to left\u2066",
    "not a character \ufffe",
    "中文 Chinese, ünïcode, 🏔",
)


def finding(code: str, severity: str = "warning", geometry: object = None, **values: object) -> dict:
    """One row of a findings table; bounds follow the geometry."""
    row = dict.fromkeys(COLUMNS, "") | {"row": 0, "other_row": 0, "state": "open", "layer": "outline"}
    row |= {"code": code, "severity": severity, "geometry": geometry, "message": "a message"} | values
    box = (np.nan,) * 4 if geometry is None else shapely.bounds(geometry)
    row |= dict(zip(("minx", "miny", "maxx", "maxy"), map(float, box), strict=True))
    key = repr(sorted((k, str(v)) for k, v in row.items()))
    row["fingerprint"] = hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:20]
    return row


def outcome(code: str, status: Status, severity: Severity = Severity.WARNING, **values: object) -> Outcome:
    """A line of the conformance statement."""
    given = {"name": f"rule-{code.lower()}", "title": f"Title of {code}"} | values
    return Outcome(code=code, severity=severity, evidence=Evidence.VERIFIED, status=status, **given)


def make_report(rows: list[dict], outcomes: list[Outcome], **values: object) -> Report:
    """A report of these findings; the inventory itself is not in it."""
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame = frame.astype({"row": "int64", "other_row": "int64"})
    frame = frame.astype(dict.fromkeys(("minx", "miny", "maxx", "maxy"), "float64"))
    layer = LayerSummary(
        role=Role.OUTLINE,
        name="GO <b>",
        features=12345,
        sources=("file & co.gpkg:GO (GPKG)",),
        crs="EPSG:4326",
        columns={"primary_id": "PrimaryID", "area": "<AREA>"},
        extra_columns=("</td>",),
        bounds=(-70.5, -33.4, 97.0, 30.0),
        notes=("encoding guessed",),
    )
    summary = InventorySummary(
        path="data/in ventory <x>.gpkg",
        schema="rgik/1.0",
        dialect="rgik-template",
        dialect_reason="columns",
        layers=(layer,),
        notes=(),
    )
    given = {
        "summary": summary,
        "settings": {"profile": "normal", "fail on": "error"},
        "version": "0.1.0",
        "date": dt.date(2026, 1, 31),
    } | values
    return Report(findings=frame, outcomes=tuple(outcomes), **given)


@pytest.fixture(scope="session")
def report() -> Report:
    """All there is in one report."""
    square = shapely.box(97.0, 30.0, 97.01, 30.01)
    bowtie = shapely.from_wkt("POLYGON ((0 0, 1 1, 1 0, 0 1, 0 0))")
    holed = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (1, 2), (2, 2), (2, 1)]])
    mixed = shapely.GeometryCollection([shapely.Point(-70, -33), square])
    line = shapely.LineString([(-70, -33, 0), (-69, -32, 5)])
    rows = [
        finding("SCH001", "error", layer="", message="the layer of primary markers is missing"),
        finding("GEO003", "error", bowtie, row=1, feature_id="RGU1", message="Self-intersection"),
        finding("GEO003", "error", shapely.Point(0.5, 0.5), row=2, state="waived", reason="known, see notes"),
        finding("GEO015", "warning", square, row=3, feature_id="A", other_layer="outline", other_row=4),
        finding("GEO015", "error", holed, row=3, feature_id="A", other_layer="outline", other_row=9),
        finding("GEO015", "warning", mixed, row=5, feature_id="row 5", state="baseline"),
        finding("GEO010", "warning", line, row=6, field="AREA", value="0.1"),
        *(
            finding(
                "ATT001",
                "info",
                shapely.Point(-70 - k / 10, -33),
                row=7 + k,
                feature_id=text,
                field=text,
                value=text,
                message=text,
            )
            for k, text in enumerate(NASTY)
        ),
        finding("ATT001", "info", shapely.Point(500000, 5e6), row=99, message="degrees that are metres"),
    ]
    outcomes = [
        outcome("SCH001", Status.FAILED, Severity.ERROR, findings=1),
        outcome("SCH002", Status.PASSED, Severity.ERROR),
        outcome("GEO003", Status.FAILED, Severity.ERROR, findings=2, waived=1),
        outcome("GEO010", Status.FAILED, findings=1, reason="no CRS of the markers"),
        outcome("GEO015", Status.FAILED, findings=3, known=1),
        outcome("ATT001", Status.FAILED, Severity.INFO, findings=len(NASTY) + 1),
        outcome("ATT007", Status.NOT_RUN, reason=f"the rule broke down: KeyError: {NASTY[0]}", crashed=True),
        outcome("KIN001", Status.NOT_RUN, reason="outlines have no column for reliability index"),
        outcome("REV001", Status.NOT_APPLICABLE, reason="no primary markers"),
    ]
    waivers = (
        WaiverUse("GEO003", "feature RGU1", "known, see notes", "A <b>", dt.date(2027, 1, 1), "used", 1),
        WaiverUse(None, "fingerprint 00ff", "mended", "B", None, "unused", 0),
    )
    return make_report(rows, outcomes, waivers=waivers)


@pytest.fixture(scope="session")
def empty_report() -> Report:
    """Nothing found, nothing left out."""
    return make_report([], [outcome("SCH001", Status.PASSED, Severity.ERROR)])


@pytest.fixture(scope="session")
def large_report() -> Report:
    """100,000 findings, each at an outline of its own."""
    n = 100_000
    rng = np.random.default_rng(7)
    centre = np.column_stack([rng.uniform(70, 105, n), rng.uniform(27, 45, n)])
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 0.002
    geometry = shapely.polygons(centre[:, None, :] + ring)
    bounds = shapely.bounds(geometry)
    frame = pd.DataFrame(
        {
            "code": "GEO014",
            "severity": "warning",
            "layer": "outline",
            "file": "",
            "row": np.arange(1, n + 1),
            "feature_id": [f"RGU{k:06d}" for k in range(n)],
            "field": "",
            "value": [f"{k / 1e7:.7f}" for k in range(n)],
            "message": [f"area {k / 1e7:.7f} km² is below 0.01 km²" for k in range(n)],
            "other_layer": "",
            "other_file": "",
            "other_row": 0,
            "other_id": "",
            "minx": bounds[:, 0],
            "miny": bounds[:, 1],
            "maxx": bounds[:, 2],
            "maxy": bounds[:, 3],
            "state": "open",
            "reason": "",
            "fingerprint": [f"{k:020x}" for k in range(n)],
            "geometry": pd.Series(list(geometry), dtype=object),
        }
    )[list(COLUMNS)]
    empty = make_report([], [outcome("GEO014", Status.FAILED, findings=n)])
    return Report(
        findings=frame,
        outcomes=empty.outcomes,
        summary=empty.summary,
        settings=empty.settings,
        version=empty.version,
        date=empty.date,
    )
