"""Invalid polygons made valid: no more is taken away than the defect, and it is listed."""

import numpy as np
import pytest
import shapely

from rogi.rules import examples
from rogi.rules.fixes import FixLevel, fix
from rogi.rules.fixes.geometry import repaired
from rogi.schema.model import Role

SQUARE = [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]


def polygon(
    *holes: list[tuple[float, float]], shell: list[tuple[float, float]] | None = None
) -> shapely.Polygon:
    return shapely.Polygon(shell or SQUARE, holes)


def touching(x: float = 0.0) -> shapely.Polygon:
    """A square whose shell runs into itself at a notch of 0.01 x 0.01: invalid, but hardly changed."""
    notch = [(5, 10), (5.01, 9.99), (4.99, 9.99), (5, 10)]
    ring = [(0, 0), (10, 0), (10, 10), *notch, (0, 10), (0, 0)]
    return shapely.Polygon([(a + x, b) for a, b in ring])


def test_the_valid_part_stays_however_small() -> None:
    """A part of a ten-thousandth of the area beside an invalid one is not a crumb of its repair."""
    small = shapely.box(20, 0, 20.1, 0.1)
    found = repaired(shapely.MultiPolygon([touching(), small]))
    assert found.good
    assert found.geometry.is_valid
    assert found.geometry.area == pytest.approx(100 - 0.0001 + 0.01)
    assert shapely.contains_properly(shapely.buffer(found.geometry, 1e-9), small)
    assert (found.removed, found.collapsed) == ([], [])


def test_a_part_without_area_goes_and_is_listed() -> None:
    line = shapely.Polygon([(20, 0), (21, 0), (22, 0), (20, 0)])
    found = repaired(shapely.MultiPolygon([polygon(), line]))
    assert found.good
    assert found.geometry.equals_exact(polygon(), 0) or found.geometry.equals(polygon())
    assert found.collapsed == ["a part without area"]


def test_a_hole_without_area_goes_and_is_listed() -> None:
    found = repaired(polygon([(1, 1), (2, 2), (3, 3), (1, 1)]))
    assert found.good
    assert found.geometry.area == 100
    assert found.collapsed == ["1 hole without area"]


def test_a_hole_outside_goes_and_the_one_inside_stays() -> None:
    inside = [(1, 1), (1, 2), (2, 2), (2, 1), (1, 1)]
    outside = [(20, 20), (20, 21), (21, 21), (21, 20), (20, 20)]
    found = repaired(polygon(inside, outside))
    assert found.good
    assert found.geometry.area == 99
    assert found.collapsed == ["1 hole outside the outline"]


def test_crumbs_of_a_crossing_are_listed() -> None:
    """A shell that crosses itself near a corner leaves a triangle of 0.00005, which is dropped."""
    ring = [
        (0, 0),
        (10, 0),
        (10, 10),
        (0.01, 10),
        (0.0, 10.01),
        (-0.005, 10.01),
        (0, 10),
        (0.005, 10.005),
        (0, 0),
    ]
    shape = shapely.Polygon(ring)
    assert not shape.is_valid
    found = repaired(shape)
    assert found.geometry.is_valid
    assert abs(found.geometry.area + sum(g.area for g in found.removed) - 100) < 0.1


@pytest.mark.parametrize(
    "shape",
    [
        shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10), (0, 0)]),  # two equal lobes
        shapely.Polygon([(0, 0), (10, 10), (10, 4), (0, 10), (0, 0)]),
        shapely.MultiPolygon([polygon(), shapely.box(2, 2, 6, 6)]),  # a hole, or a part drawn twice
        shapely.MultiPolygon([polygon(), shapely.box(8, 0, 18, 10)]),  # parts that overlap
    ],
)
def test_what_has_several_meanings_is_left_alone(shape: shapely.Geometry) -> None:
    assert not repaired(shape).good


def test_the_log_says_what_a_repair_did() -> None:
    inventory = examples.tprogi(4)
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    x, y = shapely.get_coordinates(shapely.centroid(layer.geometry[0]))[0]
    shape = shapely.affinity.translate(shapely.affinity.scale(touching(), 1e-4, 1e-4, origin=(0, 0)), x, y)
    line = shapely.Polygon([(x, y - 0.01), (x + 0.001, y - 0.01), (x + 0.002, y - 0.01), (x, y - 0.01)])
    broken = examples.with_geometry(inventory, Role.OUTLINE, {0: shapely.MultiPolygon([shape, line])})
    mended, report = fix(broken, FixLevel.UNSAFE)
    change = next(c for c in report.changes if c.fix == "made valid")
    assert change.after is not None
    assert change.after.endswith("m², a part without area removed")
    result = mended.layer(Role.OUTLINE)
    assert result is not None
    assert shapely.is_valid(result.geometry).all()


def swapped(n: int, rows: int) -> examples.Inventory:  # type: ignore[name-defined]
    inventory = examples.tprogi(n)
    layer = inventory.layer(Role.OUTLINE)
    assert layer is not None
    shapes = {k: shapely.transform(layer.geometry[k], lambda xy: xy[:, ::-1]) for k in range(rows)}
    return examples.with_geometry(inventory, Role.OUTLINE, shapes)


def test_fixes_stand_back_from_swapped_coordinates() -> None:
    """Areas are those of another place: the file's stay, the missing one stays missing, and it is said."""
    broken = examples.with_values(swapped(6, 2), Role.OUTLINE, "AREA", {0: None, 3: 99.0})
    before = broken.layer(Role.OUTLINE)
    mended, report = fix(broken, FixLevel.UNSAFE)
    after = mended.layer(Role.OUTLINE)
    assert before is not None
    assert after is not None
    areas = after.frame["AREA"].to_numpy()
    assert np.isnan(areas[0])
    assert areas[1] == before.frame["AREA"].iloc[1]
    assert areas[3] < 1  # its coordinates are sound: computed anew
    assert any("2 outlines" in line and "SCH007" in line for line in report.stood_back)
    assert "SCH007" in report.summary()


def test_fixes_stand_back_from_coordinates_off_the_earth() -> None:
    shapes = {1: shapely.box(90, 3830, 91, 3831)}
    broken = examples.with_geometry(examples.tprogi(4), Role.OUTLINE, shapes)
    _, report = fix(broken, FixLevel.UNSAFE)
    assert not any(change.row == 2 and change.field in ("AREA", "geometry") for change in report.changes)
    assert any("1 outline left" in line and "SCH006" in line for line in report.stood_back)
