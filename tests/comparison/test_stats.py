"""Summary numbers, facts and figures: hand-worked numbers, circular means, and the published facts of 1.0."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import shapely

from rogi.errors import InputError
from rogi.inventory.read import read_inventory
from rogi.report.format import Format
from rogi.report.tables import km2
from rogi.report.writers import as_string
from rogi.rules import examples
from rogi.schema.model import Role
from rogi.statistics import figures
from rogi.statistics.facts import Facts, check, read_facts
from rogi.statistics.grids import equal_area_grid, gridded
from rogi.statistics.report import document
from rogi.statistics.summary import aspects, direction, statistics
from rogi.statistics.unit_table import unit_table
from rogi.synthetic.inventory import synthetic_inventory


def test_numbers_worked_by_hand():
    inventory = examples.with_column(
        examples.tprogi(4), Role.OUTLINE, "ELE_MIN", [4000.0, 4500.0, 5500.0, 6000.0]
    )
    numbers = statistics(unit_table(inventory))
    found = next(q for q in numbers.whole.quantities if q.concept == "elevation_minimum")
    assert (found.mean, found.median, found.minimum, found.maximum) == (5000.0, 5000.0, 4000.0, 6000.0)
    assert found.share == 0.5  # 4000 <= value < 5500
    assert found.standard_deviation == pytest.approx(np.std([4000, 4500, 5500, 6000], ddof=1))


@pytest.mark.parametrize("factor", [1.0, 1e6, 100.0])
def test_areas_are_km2_whatever_the_column_is_in(factor):
    base = examples.tprogi(5)
    area = base.layer(Role.OUTLINE).frame["AREA"] * factor
    numbers = statistics(unit_table(examples.with_column(base, Role.OUTLINE, "AREA", area)))
    assert numbers.whole.total_area == pytest.approx(base.layer(Role.OUTLINE).frame["AREA"].sum())


def test_areas_come_from_the_outlines_where_there_is_no_column():
    base = examples.tprogi(5)
    table = unit_table(examples.without_column(base, Role.OUTLINE, "AREA"))
    assert table.numbers("area") == pytest.approx(base.layer(Role.OUTLINE).frame["AREA"].to_numpy())


def test_invalid_outlines_are_measured_as_repaired():
    """A bow tie of two equal triangles, and two parts that overlap by half, on about 1.07 km² each."""
    base = examples.without_column(examples.tprogi(3), Role.OUTLINE, "AREA")
    bow = shapely.Polygon([(90, 30), (90.01, 30.01), (90.01, 30), (90, 30.01)])
    twice = shapely.MultiPolygon([shapely.box(91, 30, 91.01, 30.01), shapely.box(91.005, 30, 91.015, 30.01)])
    shapes = {0: bow, 1: twice, 2: shapely.box(92, 30, 92.01, 30.01)}
    made = examples.with_geometry(base, Role.OUTLINE, shapes)
    table = unit_table(made)
    square = table.geometric_area[2]
    assert table.geometric_area == pytest.approx([square / 2, 1.5 * square, square], rel=1e-5)
    assert "2 invalid outlines (GEO003) measured as repaired" in table.notes


def test_the_total_area_says_of_how_many_units_it_is():
    base = examples.tprogi(4)
    area = base.layer(Role.OUTLINE).frame["AREA"].to_numpy().copy()
    area[0] = -9999
    numbers = statistics(unit_table(examples.with_column(base, Role.OUTLINE, "AREA", area)))
    headline = document(numbers, "x").headline
    assert headline == f"x: 4 units, total area {km2(1e6 * area[1:].sum())} km² (3 units)"


def test_what_was_noted_on_reading_is_said(tmp_path):
    (tmp_path / "a.csv").write_text("id;lon;lat;AREA\na;9;3;0,5\nb;9;4;1,5\nTotal;;;2,0\n")
    found = statistics(unit_table(read_inventory(tmp_path / "a.csv")))
    assert found.whole.total_area == 2.0
    assert "numbers were read with a decimal comma" in found.notes
    assert "1 row below the features, from row 3 ('Total'), not read" in found.notes


def test_restricted_outlines_are_not_counted_twice():
    table = unit_table(examples.rgik(3))
    assert len(table) == 3
    assert "3 restricted outlines left out" in table.notes
    short = examples.with_column(examples.rgik(3), Role.OUTLINE, "Out.Type", ["E", "R"] * 3)
    assert len(unit_table(short)) == 3


def test_outlines_that_are_no_rock_glaciers_are_noted():
    """0.05 degrees square at 30° N: 27 km²."""
    large = examples.with_geometry(examples.tprogi(3), Role.OUTLINE, {1: shapely.box(90, 30, 90.05, 30.05)})
    name = large.layer(Role.OUTLINE).frame["ID"].iloc[1]
    note = f"1 unit of more than 20 km², larger than rock glaciers are: {name}"
    assert note in unit_table(large).notes


def test_ids_of_several_rows_are_noted():
    table = unit_table(examples.with_column(examples.tprogi(3), Role.OUTLINE, "ID", ["a", "b", "a"]))
    assert table.notes == ("1 row with the ID of another row (PID004), each counted as a unit: a",)


@pytest.mark.parametrize(
    ("degrees", "mean", "resultant"),
    [([350, 10], 0, np.cos(np.radians(10))), ([90, 90], 90, 1), ([0, 180], None, 0), ([315, 45, 0], 0, None)],
)
def test_circular_mean_around_north(degrees, mean, resultant):
    found = direction(np.array(degrees, dtype=float))
    if mean is not None:
        assert min(found.mean, 360 - found.mean) == pytest.approx(
            mean, abs=1e-9
        ) or found.mean == pytest.approx(mean)
    if resultant is not None:
        assert found.resultant == pytest.approx(resultant, abs=1e-12)


def test_sectors_are_centred_on_the_points_of_the_compass():
    found = direction(np.array([337.6, 22.4, 22.6, 180.0, np.nan]))
    assert found.sectors["N"] == 2
    assert found.sectors["NE"] == 1
    assert found.sectors["S"] == 1
    assert found.count == 4


def test_aspect_classes_are_not_taken_for_degrees():
    inventory = examples.with_column(examples.tprogi(4), Role.OUTLINE, "ASPECT", [1, 8, 3, 4])
    assert aspects(unit_table(inventory)) is None


def test_published_facts_of_release_1_0_are_read_and_compared():
    facts = read_facts(Path("1.0"))
    assert facts.version == "1.0"
    checked = {c.fact.name: c for c in check(facts, unit_table(synthetic_inventory(2000, 3)))}
    assert checked["units"].found == 2000
    assert checked["units"].holds is False
    assert checked["units below 0.01 km²"].holds is True
    assert checked["subregions"].holds is True
    assert checked["mean slope"].found == pytest.approx(17.7, abs=0.3)


def test_a_fact_that_cannot_be_checked_says_why():
    inventory = examples.without_column(examples.tprogi(3), Role.OUTLINE, "MAAT")
    checked = {c.fact.name: c for c in check(read_facts(Path("1.0")), unit_table(inventory))}
    assert checked["mean MAAT"].holds is None
    assert checked["mean MAAT"].reason == "no column for air temperature"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("format: 9\n", "format 1"),
        ("format: 1\nfacts: []\n", "states no facts"),
        ("format: 1\nfacts:\n - {statistic: count, value: 1}\n", "with a name"),
        (
            "format: 1\nfacts:\n - {name: a, statistic: shar, value: 1}\n",
            r"fact 'a' has the statistic 'shar'; statistics are count, .*, distinct; did you mean share\?$",
        ),
        (
            "format: 1\nfacts:\n - {name: a, statistic: [1], value: 1}\n",
            r"the statistic \[1\]; statistics are",
        ),
        ("format: 1\nfacts:\n - {name: a}\n", "fact 'a' has no statistic and no value"),
        ("format: 1\nfacts:\n - {name: a, statistic: count, value: x}\n", "value is a number, found 'x'"),
        ("format: 1\nfacts:\n - {name: a, statistic: count, value: yes}\n", "value is a number, found"),
        ("format: 1\nfacts:\n - {name: a, statistic: count, value: .inf}\n", "value is a number, found inf"),
        (
            "format: 1\nfacts:\n - {name: a, statistic: count, value: 1, tolerance: -2}\n",
            "0 or more, found -2",
        ),
        ("format: 1\nfacts:\n - {name: a, statistic: mean, value: 1}\n", "needs a concept"),
        ("format: 1\nfacts:\n - {name: a, statistic: count, value: 1, tol: 2}\n", "unknown key 'tol'"),
    ],
)
def test_files_that_state_no_facts(tmp_path, text, message):
    path = tmp_path / "facts.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_facts(path)


def test_text_and_json_say_the_same():
    numbers = statistics(unit_table(synthetic_inventory(50, 1)))
    made = document(numbers, "x")
    assert json.loads(as_string(made, Format.JSON))["whole"]["units"] == 50
    for format in (Format.TEXT, Format.MARKDOWN, Format.HTML):
        assert "x: 50 units, total area" in as_string(made, format)


def drawings():
    table = unit_table(synthetic_inventory(200, 1))
    values = {"area": table.numbers("area"), "slope_mean": table.numbers("slope_mean")}
    cells = gridded(table.lonlat, equal_area_grid(table.lonlat), values)
    return {
        "map": figures.map_figure(table),
        "histograms": figures.histogram_figure(table),
        "grid": figures.grid_figure(cells),
        "aspects": figures.rose_figure(table),
    }


@pytest.mark.slow
def test_figures_are_drawn_and_the_same_bytes_again(tmp_path):
    first, second = drawings(), drawings()
    for name, suffix in (("map", "png"), ("histograms", "svg"), ("grid", "pdf"), ("aspects", "png")):
        for turn, figure in (("a", first[name]), ("b", second[name])):
            figures.save(figure, tmp_path / f"{turn}.{suffix}", figures.Style(dpi=50))
        drawn = (tmp_path / f"a.{suffix}").read_bytes()
        assert len(drawn) > 3000
        assert drawn == (tmp_path / f"b.{suffix}").read_bytes(), name


def test_figures_without_attributes_are_left_out():
    inventory = examples.without_layer(examples.tprogi(3), Role.OUTLINE)
    table = unit_table(inventory)
    assert figures.histogram_figure(table) is None
    assert figures.rose_figure(table) is None


def stated(folder: Path, *facts: str) -> Facts:
    path = folder / "facts.yaml"
    listed = "\n".join(f"  - {{name: f{k}, {text}}}" for k, text in enumerate(facts))
    path.write_text(f"format: 1\nfacts:\n{listed}\n", encoding="utf-8")
    return read_facts(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("statistic: sum, concept: area, unit: km², value: 0", 10.0),
        ("statistic: sum, concept: area, unit: ha, value: 0", 1000.0),
        ("statistic: mean, concept: area, unit: m2, value: 0", 2.5e6),
        ("statistic: maximum, concept: area, unit: sq km, value: 0", 4.0),
        ("statistic: share, concept: area, unit: ha, below: 250, value: 0", 0.5),
        ("statistic: share, concept: area, unit: ha, above: 100, below: 300, value: 0", 0.5),
        ("statistic: mean, concept: air_temperature, unit: K, value: 0", 271.65),
        ("statistic: minimum, concept: air_temperature, unit: degC, value: 0", -4.0),
        ("statistic: maximum, concept: elevation_minimum, unit: km, value: 0", 5.0),
        ("statistic: mean, concept: aspect, value: 0", 0.0),
    ],
)
def test_facts_are_in_their_unit(tmp_path, text, expected):
    """Areas 1 to 4 km², temperatures -4 to 1 °C, fronts at 4700 to 5000 m, aspects about north."""
    inventory = examples.tprogi(4)
    for column, values in (
        ("AREA", [1.0, 2.0, 3.0, 4.0]),
        ("MAAT", [-4.0, -3.0, 0.0, 1.0]),
        ("ELE_MIN", [4700.0, 4800.0, 4900.0, 5000.0]),
        ("ASPECT", [350.0, 10.0, 340.0, 20.0]),
    ):
        inventory = examples.with_column(inventory, Role.OUTLINE, column, values)
    table = unit_table(inventory)
    table.geometric_area[:] = np.nan  # the outlines are smaller than the areas stated
    (checked,) = check(stated(tmp_path, text), table)
    assert checked.found == pytest.approx(expected, abs=1e-9)


def test_a_mean_direction_is_held_the_short_way_round(tmp_path):
    inventory = examples.with_column(examples.tprogi(2), Role.OUTLINE, "ASPECT", [358.0, 1.0])
    found = check(
        stated(
            tmp_path,
            "statistic: mean, concept: aspect, value: 0.5, tolerance: 1",
            "statistic: mean, concept: aspect, value: 0.5, tolerance: 0.9",
        ),
        unit_table(inventory),
    )
    assert [c.found for c in found] == pytest.approx([359.5, 359.5])
    assert [c.holds for c in found] == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "statistic: mean, concept: area, unit: m, value: 1",
            "which area cannot be converted to; use km²",
        ),
        ("statistic: mean, concept: area, unit: furlong, value: 1", "unit 'furlong'"),
        ("statistic: share, concept: area, unit: '%', value: 1", "a share is a fraction"),
        ("statistic: count, unit: km², value: 1", "is a count and has no unit"),
        ("statistic: mean, concept: aera, value: 1", "unknown concept 'aera'; did you mean area"),
        ("statistic: median, concept: aspect, value: 1", "directions have no median"),
        ("statistic: mean, concept: area, value: .nan", "value is a number, found nan"),
        ("statistic: mean, concept: area, value: 1, tolerance: -1", "a tolerance is 0 or more"),
    ],
)
def test_facts_that_mean_nothing_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        stated(tmp_path, text)
