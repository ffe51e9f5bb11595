"""Rules on relations: how outlines find their markers, and what does not fit, on hand-made cases."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import shapely

from rogi.areas import area_m2
from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.examples import blob, geometry_of, with_column, with_geometry, with_rows, with_values
from rogi.rules.relations._links import match
from rogi.schema.model import Role

Run = Callable[..., pd.DataFrame]


def told(findings: pd.DataFrame) -> list[list[object]]:
    return [list(row) for row in findings[["code", "layer", "at"]].to_numpy().tolist()]


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:2056", "EPSG:3857"])
@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik])
def test_good_inventories_have_no_findings(run: Run, make: Callable[[int], Inventory], crs: str) -> None:
    """No false positives, whatever the CRS; layers may be in different ones."""
    inventory = examples.reprojected(make(20), crs)
    assert run(inventory, "REL")["message"].tolist() == []
    layer = make(20).layer(Role.MARKER)
    assert layer is not None
    mixed = examples._with_frame(inventory, Role.MARKER, layer.frame)
    assert run(mixed, "REL")["message"].tolist() == []


def test_match_takes_the_first_of_equals() -> None:
    """Positions of names; None is nobody's name."""
    names = np.array(["b", None, "x", "a"], dtype=object)
    known = np.array([None, "a", "b", "a"], dtype=object)
    assert match(names, known).tolist() == [2, -1, -1, 1]
    assert match(names, np.array([], dtype=object)).tolist() == [-1] * 4
    assert match(np.array([], dtype=object), known).tolist() == []


def test_ids_in_other_forms_still_link(run: Run) -> None:
    """The 17-character form of the markers is that of the 18-character outlines."""
    swiss = {0: "RGU469000N106000E", 1: " rgu469000n0106100e "}
    assert len(run(with_values(examples.rgik(), Role.MARKER, "PrimaryID", swiss), "REL001", "REL002")) == 0


def test_outlines_without_ids_as_in_the_swiss_inventory(run: Run) -> None:
    """Every outline says `unknown`: they belong to the markers within; one without a marker is found."""
    inventory = examples.rgik()
    nameless = with_values(inventory, Role.OUTLINE, "PrimaryID", dict.fromkeys(range(6), "unknown"))
    nameless = with_values(nameless, Role.OUTLINE, "WorkingID", dict.fromkeys(range(6)))
    assert len(run(nameless, "REL001", "REL002")) == 0
    elsewhere = with_geometry(nameless, Role.OUTLINE, {5: blob(10.62, 46.95)})
    assert told(run(elsewhere, "REL001", "REL002")) == [["REL001", "outline", 5]]


def test_working_ids_link_where_primary_ids_do_not(run: Run) -> None:
    """An outline whose ID no marker has belongs to the marker of its working ID."""
    inventory = with_values(examples.rgik(), Role.OUTLINE, "PrimaryID", {0: "RGU469001N0106000E"})
    assert len(run(inventory, "REL001")) == 0
    inventory = with_values(inventory, Role.OUTLINE, "WorkingID", {0: "elsewhere"})
    assert told(run(inventory, "REL001")) == [["REL001", "outline", 0]]


def test_marker_without_outline(run: Run) -> None:
    """An error where the schema has one outline each (TPRoGI), else information; systems need none."""
    assert run(with_rows(examples.tprogi(), Role.OUTLINE, [0, 2]), "REL002")["severity"].tolist() == ["error"]
    inventory = with_rows(examples.rgik(), Role.OUTLINE, [0, 3])
    assert run(inventory, "REL002")[["at", "severity"]].to_numpy().tolist() == [
        [1, "info"],
        [2, "info"],
    ]
    system = with_values(inventory, Role.MARKER, "PrimaryID", {1: "RGS469000N0106100E"})
    assert run(system, "REL002")["at"].tolist() == [2]


@pytest.mark.parametrize(("value", "found"), [(0, []), (2, []), (1, [1]), (None, [1]), ("Uncertain", [])])
def test_uncertain_landforms_need_no_outline(run: Run, value: object, found: list[int]) -> None:
    """Markers that say uncertain or no rock glacier, by code or by word."""
    inventory = with_rows(examples.rgik(), Role.OUTLINE, [0, 2])
    assert (
        run(with_column(inventory, Role.MARKER, "Landform", [1, value, 1]), "REL002")["at"].tolist() == found
    )


def test_marker_outside_by_metres(run: Run) -> None:
    """5 m outside is rounding, 30 m is not; the distance is that to the outline."""
    inventory = examples.tprogi()
    outline = geometry_of(inventory, Role.OUTLINE, 0)
    top = max(outline.exterior.coords, key=lambda place: place[1])
    for metres, found in ((5.0, []), (30.0, [0])):
        moved = shapely.Point(top[0], top[1] + metres / 110_870)
        findings = run(with_geometry(inventory, Role.MARKER, {0: moved}), "REL003")
        assert findings["at"].tolist() == found
        if found:
            assert float(findings["value"].iloc[0]) == pytest.approx(metres, rel=0.05)


def test_exchanged_ids(run: Run) -> None:
    """Two neighbours with each other's ID: both markers lie outside what they name."""
    inventory = examples.tprogi()
    ids = [str(v) for v in inventory.layers[0].frame["ID"]]
    swapped = with_values(inventory, Role.OUTLINE, "ID", {0: ids[1], 1: ids[0]})
    assert run(swapped, "REL003")["at"].tolist() == [0, 1]


def test_one_of_several_outlines_is_enough(run: Run) -> None:
    """A marker on the front, in the extended but not in the restricted outline."""
    inventory = examples.rgik()
    small = with_geometry(inventory, Role.OUTLINE, {3: blob(10.6 + 0.0006, 46.9, 20.0)})
    assert len(run(small, "REL003")) == 0


def test_across_the_antimeridian(run: Run) -> None:
    """A marker at -179.999 beside an outline at 179.99 is 50 m away, not once round the Earth."""
    inventory = examples.tprogi(1, origin=(179.99, 66.0))
    east = geometry_of(inventory, Role.OUTLINE, 0).bounds[2]
    beyond = shapely.Point(-360 + east + 0.0011, 66.0)
    findings = run(with_geometry(inventory, Role.MARKER, {0: beyond}), "REL003")
    assert float(findings["value"].iloc[0]) == pytest.approx(
        0.0011 * 111_320 * np.cos(np.radians(66)), rel=0.2
    )


def test_outlines_of_one_type(run: Run) -> None:
    """Three extended ones of a unit: two findings; types and IDs that are not known are not compared."""
    inventory = with_rows(examples.rgik(), Role.OUTLINE, [0, 0, 0, 3, 1, 4, 2, 5])
    findings = run(inventory, "REL004")
    assert findings[["at", "other_row"]].to_numpy().tolist() == [[1, 1], [2, 1]]
    unknown = with_values(inventory, Role.OUTLINE, "PrimaryID", {1: None, 2: "unknown"})
    assert len(run(unknown, "REL004")) == 0
    odd = with_values(inventory, Role.OUTLINE, "Out.Type", {1: None, 2: "drawn twice"})
    assert len(run(odd, "REL004")) == 0
    spaced = with_values(inventory, Role.OUTLINE, "Out.Type", {1: "EXTENDED ", 2: " extended"})
    assert run(spaced, "REL004")["at"].tolist() == [1, 2]


def test_part_outside_the_extended_outline(run: Run) -> None:
    """A square of 100 units, 4 of them outside: 4 %; borders in common and a hundredth are fine."""

    def pair(width: float) -> Inventory:
        x, y = 10.6, 46.9
        extended = shapely.box(x, y, x + 0.002, y + 0.002)
        restricted = shapely.box(x + width, y, x + width + 0.001, y + 0.001)
        return with_geometry(examples.rgik(1), Role.OUTLINE, {0: extended, 1: restricted})

    for width, found in ((0.001, []), (0.001005, []), (0.00104, [1])):
        findings = run(pair(width), "REL005")
        assert findings["at"].tolist() == found
    assert float(findings["value"].iloc[0]) == pytest.approx(0.04, rel=0.01)
    assert findings["geometry"].iloc[0].area == pytest.approx(0.00004 * 0.001, rel=0.01)
    assert len(run(pair(0.00104), "REL005", share=0.05)) == 0


def test_each_restricted_outline_is_held_against_its_own_extended_one(run: Run) -> None:
    """Units of other sizes, whose rows lie in another order on each side."""
    x, y, side = 10.6, 46.9, 0.001

    def box(unit: int, left: float, right: float) -> shapely.Polygon:
        west = x + 0.01 * unit
        return shapely.box(west + left * side, y, west + right * side, y + side)

    # rows 0 to 3 are extended outlines of units 0 to 3, 4 to 7 restricted ones; then they are shuffled
    shapes = [box(0, 0, 10), box(1, 0, 5), box(2, 0, 20), box(3, 0, 8)]
    shapes += [box(0, 8, 12), box(1, 1, 4), box(2, 19, 20.1), box(3, 9, 10)]
    inventory = with_geometry(examples.rgik(4), Role.OUTLINE, dict(enumerate(shapes)))
    order = [6, 3, 4, 1, 7, 0, 5, 2]
    findings = run(with_rows(inventory, Role.OUTLINE, order), "REL005")
    # of 4 wide 2 outside; of 1.1 wide 0.1; all of the last. Units 0, 2 and 3.
    expected = [[0, 2, 0.1 / 1.1], [2, 0, 0.5], [4, 3, 1.0]]
    place = {unit: order.index(unit) + 1 for unit in range(4)}
    assert findings["at"].tolist() == [at for at, _, _ in expected]
    assert findings["other_row"].tolist() == [place[unit] for _, unit, _ in expected]
    assert findings["value"].astype(float).tolist() == pytest.approx([v for _, _, v in expected], abs=1e-4)
    outside = [box(2, 20, 20.1), box(0, 10, 12), box(3, 9, 10)]
    for found, shape in zip(findings["geometry"], outside, strict=True):
        assert found.symmetric_difference(shape).area == pytest.approx(0.0, abs=1e-12)
    metres = area_m2([outside[1]], 4326)[0]
    assert findings["message"].iloc[1].startswith(f"50.0% of the restricted outline ({metres:.0f} m²)")
    lacking = with_rows(inventory, Role.OUTLINE, [6, 3, 4, 1, 7, 0, 5])
    assert run(lacking, "REL005")["other_row"].tolist() == [6, 2], "a unit without extended outline: none"


def test_invalid_outlines_are_not_compared(run: Run) -> None:
    """They are errors of their own; nothing breaks."""
    bow_tie = shapely.Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])
    inventory = with_geometry(examples.rgik(), Role.OUTLINE, {0: bow_tie, 4: None})
    assert len(run(inventory, "REL005")) == 0


def test_membership_in_systems_of_the_layer(run: Run) -> None:
    """Where systems have markers, units belong to one of them; nulls and placeholders say nothing."""
    inventory = with_values(examples.rgik(4), Role.MARKER, "PrimaryID", {3: "RGS469000N0106300E"})
    systems = {0: "RGS469000N0106300E", 1: "RGS469000N106300E", 2: "RGS469000N0106400E", 3: None}
    inventory = with_values(inventory, Role.MARKER, "Assoc.RGS", systems)
    findings = run(inventory, "REL006")
    assert findings["at"].tolist() == [2]
    odd = with_values(inventory, Role.MARKER, "Assoc.RGS", {0: "unknown", 1: "valley", 2: "", 3: None})
    assert run(odd, "REL006")["at"].tolist() == [1]


def test_area_of_interest(run: Run) -> None:
    """Several areas count together; across the border is inside, beyond is outside; no area, no finding."""
    inventory = examples.rgik()
    west, south, east, north = geometry_of(inventory, Role.AREA_OF_INTEREST, 0).bounds

    def within(*areas: object) -> Inventory:
        rows = with_rows(inventory, Role.AREA_OF_INTEREST, [0] * len(areas))
        return with_geometry(rows, Role.AREA_OF_INTEREST, dict(enumerate(areas)))

    middle = 10.61
    halves = shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)
    assert len(run(within(*halves), "REL007")) == 0
    cut = shapely.box(west, south, 10.6 + 0.0005, north)
    assert told(run(within(cut), "REL007")) == [
        ["REL007", "marker", 1],
        ["REL007", "marker", 2],
        ["REL007", "outline", 1],
        ["REL007", "outline", 2],
        ["REL007", "outline", 4],
        ["REL007", "outline", 5],
    ]
    assert len(run(within(cut, None), "REL007")) == 0, "with an area unknown nothing is outside"
    assert len(run(examples.tprogi(), "REL007")) == 0


@pytest.mark.parametrize(("west", "east"), [(179.0, 181.0), (-181.0, -179.0), (-180.0, 180.0)])
def test_areas_of_interest_over_the_antimeridian(run: Run, west: float, east: float) -> None:
    """Units on either side, and one across it, lie within, on whichever side the area is written."""
    inventory = examples.rgik(origin=(179.9795, -44.0))  # the third unit lies across
    area = shapely.box(west, -45.0, east, -43.0)
    assert len(run(with_geometry(inventory, Role.AREA_OF_INTEREST, {0: area}), "REL007")) == 0
    elsewhere = shapely.box(west, -43.0, east, -42.0)
    assert len(run(with_geometry(inventory, Role.AREA_OF_INTEREST, {0: elsewhere}), "REL007")) == 9


def test_one_type_for_all_is_one_finding(run: Run) -> None:
    """No restricted outline at all: the layer; one unit without: that unit, of either type."""
    inventory = examples.rgik()
    assert run(with_rows(inventory, Role.OUTLINE, [0, 1, 2]), "REL008")["row"].tolist() == [0]
    assert run(with_rows(inventory, Role.OUTLINE, [3]), "REL008")["row"].tolist() == [0]
    assert run(with_rows(inventory, Role.OUTLINE, [0, 1, 4, 5]), "REL008")["at"].tolist() == [0, 3]


def test_moving_areas(run: Run) -> None:
    """Same class: overlap and nesting are found, slivers are not; other class, period or no class: never;
    outside of outlines they may be."""
    inventory = examples.rgik()
    x, y = geometry_of(inventory, Role.MOVING_AREA, 0).centroid.coords[0]
    inside = with_geometry(inventory, Role.MOVING_AREA, {1: blob(x, y, 15.0), 2: blob(11.5, 47.2, 50.0)})
    findings = run(inside, "REL009", "REL003", "REL001")
    assert told(findings) == [["REL009", "moving_area", 0]]
    for classes in ({1: "5"}, {0: None, 1: None}):
        assert len(run(with_values(inside, Role.MOVING_AREA, "Vel.Class", classes), "REL009")) == 0
    for window, found in (("2020", 0), ("2018", 1)):
        seen = with_column(inside, Role.MOVING_AREA, "Obs.Window", ["2018", window, "2018"])
        assert len(run(seen, "REL009")) == found
