"""Reports on a real outline: the self-intersection of Kaiserberg is told with its place in all formats."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pyogrio
import pytest
from lxml import etree

from rogi import Settings, read_inventory, validate
from rogi.report.format import Format
from rogi.report.validation import FORMATS, render
from rogi.validation.report import Report

pytestmark = pytest.mark.real

PLACE = (10.67459, 46.90998)


@pytest.fixture(scope="module")
def kaiserberg(real_data: Path) -> Report:
    path = real_data / "kaiserberg" / "Area_inside_rock_glacier.shp"
    return validate(read_inventory(path), Settings(today=dt.date(2026, 1, 31)))


def test_every_format(kaiserberg: Report, tmp_path: Path) -> None:
    for format in FORMATS:
        path = tmp_path / f"report.{format.value}"
        render(kaiserberg, format, path)
        if format is not Format.GPKG:
            assert "GEO003" in path.read_text(encoding="utf-8")
    found = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))["findings"]
    box = next(f["bbox"] for f in found if f["code"] == "GEO003")
    assert box[:2] == pytest.approx(PLACE, abs=1e-5)
    points = pyogrio.read_dataframe(tmp_path / "report.gpkg", layer="findings_point")
    place = points.loc[points["code"] == "GEO003"].geometry.iloc[0]
    assert (place.centroid.x, place.centroid.y) == pytest.approx(PLACE, abs=1e-5)
    etree.parse(tmp_path / "report.junit")
