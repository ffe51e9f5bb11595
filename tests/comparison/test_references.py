"""References of Table 5, expected numbers and limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from rogi.comparison.metrics import (
    Limits,
    check_expectations,
    read_expectations,
)
from rogi.comparison.references import count_units, load_references
from rogi.errors import InputError, OptionError
from rogi.inventory.build import from_frames
from rogi.inventory.regions import Regions
from rogi.schema.load import data_root, read_yaml
from rogi.schema.model import Role

# Sun et al. (2024), Table 5: units in the reference, units in TPRoGI v1.0
TABLE_5 = {
    "ran-2018": (295, 256),
    "cai-2021": (344, 256),
    "reinosch-2021": (1433, 798),
    "hassan-2021": (616, 647),
    "zhang-2022": (132, 816),
    "hu-2023": (413, 2145),
    "zhang-2023": (20531, 16222),
    "li-2024": (5057, 4000),
    "hu-2024": (1530, 1047),
}

MINE = """
name: mine
title: Mine (2026)
location: A valley
citation: Mine (2026)
region: {description: a box, file: valley.geojson}
published: {reference: 7, source: a report}
"""


def _side(points: list[tuple[float, float]], subregions: list[str] | None = None):  # type: ignore[no-untyped-def]
    import geopandas as gpd

    from rogi.comparison.matching.sides import side_of

    columns = {} if subregions is None else {"SUBREGION": subregions}
    frame = gpd.GeoDataFrame(columns, geometry=[shapely.Point(p) for p in points], crs=4326)
    return side_of(from_frames({Role.MARKER: frame}))


def test_the_published_table() -> None:
    got = {r.name: (r.published, r.compared) for r in load_references(["all"])}
    assert got == TABLE_5
    for path in (data_root() / "schemas" / "references").glob("*.yaml"):
        assert read_yaml(path, kind="reference")["name"] == path.stem


def test_counting_says_how_and_what_was_not_available() -> None:
    side = _side([(97, 30), (98, 30), (99, 30)], ["Nyainqentanglha", "Qilian Shan", "Nyainqentanglha"])
    by_name = {r.name: count_units(side, r) for r in load_references(["all"])}
    assert by_name["zhang-2023"].count == 2 and by_name["zhang-2023"].how == "subregion Nyainqêntanglha"
    assert by_name["ran-2018"].count is None and "no polygon" in by_name["ran-2018"].how
    regions = Regions(
        ("Daxue Shan", "Else"), np.array([shapely.box(96, 29, 98.5, 31), shapely.box(0, 0, 1, 1)])
    )
    assert count_units(side, load_references(["ran-2018"])[0], regions).count == 2
    no_column = count_units(_side([(97, 30)]), load_references(["hu-2024"])[0])
    assert no_column.count is None and "no subregions" in no_column.how
    own = _side([(97.9, 29.9), (98.1, 29.9), (98, 30.1)])
    inside = count_units(side, load_references(["li-2024"])[0], own=own)
    assert (inside.count, inside.own_count) == (1, 3) and "convex hull" in inside.how


def test_a_reference_of_ones_own(tmp_path: Path) -> None:
    import geopandas as gpd

    (tmp_path / "mine.yaml").write_text(MINE)
    gpd.GeoDataFrame({"name": ["v"]}, geometry=[shapely.box(96, 29, 97.5, 31)], crs=4326).to_file(
        tmp_path / "valley.geojson"
    )
    mine = load_references([str(tmp_path / "mine.yaml")])[0]
    assert count_units(_side([(97, 30), (98, 30)]), mine).count == 1
    (tmp_path / "bad.yaml").write_text(MINE.replace("reference: 7", "reference: -7"))
    with pytest.raises(InputError, match=r"bad\.yaml is not a valid reference file"):
        load_references([str(tmp_path / "bad.yaml")])
    with pytest.raises(OptionError, match="no reference 'hu-1999'; there are ran-2018"):
        load_references(["hu-1999"])


def test_limits() -> None:
    found = {"f1": 0.59, "recall": 0.8, "precision": float("nan"), "boundary_mean_m": 40.0, "only_a": 5.0}
    limits = Limits.parse(["f1=0.6", "recall = 0.8", "precision=0"], ["boundary_mean_m=10", "only_a=5"])
    got = limits.check(found)
    assert [c.holds for c in got] == [False, True, False, False, True]
    assert [c.wanted for c in got[2:4]] == ["at least 0", "at most 10"]
    for bad in ("f1", "f1=", "=0.3", "f1=much", ""):
        with pytest.raises(OptionError, match="--fail-under takes NAME=NUMBER"):
            Limits.parse([bad], [])
    for bad in ("only_a=nan", "only_a=inf"):
        with pytest.raises(OptionError, match="--fail-over takes a finite number"):
            Limits.parse([], [bad])
    with pytest.raises(OptionError, match="names f1 twice"):
        Limits.parse(["f1=0.9", "f1 = 0.1"], [])
    with pytest.raises(OptionError, match="Did you mean 'recall'"):
        Limits({"recal": 0.5}).check(found)


@pytest.mark.parametrize(
    ("name", "other"),
    [("boundary_mean_m", "over"), ("restricted outlines.only_b", "over"), ("pixel_calibration_error", "over"),
     ("f1", "under"), ("restricted outlines.f1", "under"), ("average_precision_50", "under")],
)  # fmt: skip
def test_limits_in_the_wrong_direction_are_refused(name: str, other: str) -> None:
    """A lower limit of a distance passes however large it is: a wrong verdict."""
    wrong = {"over": "under", "under": "over"}[other]
    assert Limits(**{other: {name: 10}})
    with pytest.raises(OptionError, match=f"use --fail-{other} {name}=10, not --fail-{wrong}"):
        Limits(**{wrong: {name: 10}})
    both = Limits({"count_b": 3}, {"count_b": 5, f"{name}.count_a": 1})
    assert [c.holds for c in both.check({"count_b": 4, f"{name}.count_a": 2})] == [True, True, False]


def test_expectations(tmp_path: Path) -> None:
    path = tmp_path / "expect.yaml"
    path.write_text("format: 1\nexpect:\n  f1: {value: 0.6, tolerance: 0.01}\n  count_a: 5\n")
    stored = read_expectations(path)
    assert [c.holds for c in check_expectations({"f1": 0.609, "count_a": 5}, stored)] == [True, True]
    assert [c.holds for c in check_expectations({"f1": 0.611, "count_a": 6}, stored)] == [False, False]
    assert check_expectations({"f1": float("nan"), "count_a": 5}, stored)[0].holds is False
    for text, said in (
        ("expect: {f1: 1}", "format: 1"),
        ("format: 1", "expects nothing"),
        ("format: 1\nexpect: {f1: {tolerance: 1}}", "needs a number"),
        ("format: 1\nexpect: {f1: {value: 1, tolerances: 1}}", "unknown key 'tolerances'"),
        ("format: 1\nexpect: {f1: {value: 1, tolerance: -1}}", "tolerance of 0 or more"),
        ("format: 1\nexpect: {f1: often}", "needs a number"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=said):
            read_expectations(path)
