"""Several operators from inventories: uncertainty as a value of the alpha, markers, types kept apart."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely

from rogi.comparison.exercise import compare_operators, consensus_layer, object_layer, vote_layer
from rogi.comparison.matching.sides import Side, side_of
from rogi.errors import InputError, OptionError
from rogi.inventory.build import from_frames
from rogi.schema.model import Role


def box(x: float, width: float = 4.0) -> shapely.Polygon:
    return shapely.box(97 + x / 1000, 30, 97 + (x + width) / 1000, 30.004)


def side(shapes: list, role: Role = Role.OUTLINE, **columns: list) -> Side:
    return side_of(from_frames({role: gpd.GeoDataFrame(columns, geometry=shapes, crs=4326)}))


def test_uncertain_is_a_value_of_its_own() -> None:
    """Two landforms; the second operator is uncertain about the first. Values: r u r, r r r."""
    first = side([box(0), box(10)], Landform=[1, 1])
    second = side([box(0), box(10)], Landform=[0, 1])
    third = side([box(0), box(10)], Landform=[1, 1])
    section = compare_operators([first, second, third]).sections[0]
    assert np.isnan(section.alpha.value)  # all mapped both
    assert section.alpha_classes is not None
    # observed: 4 of 6 ordered pairs of the first landform differ, 2/6 agree: D_o = (4/6 · 3) / 6; D_e = 10/30
    assert section.alpha_classes.value == pytest.approx(1 - (2 / 6) / (10 / 30))


def test_markers_of_operators() -> None:
    points = [shapely.Point(97, 30), shapely.Point(97.01, 30)]
    sides = [side(points, Role.MARKER), side(points[:1], Role.MARKER), side(points[1:], Role.MARKER)]
    result = compare_operators(sides)
    section = result.sections[0]
    assert section.title == "markers" and section.iou is None
    assert section.found.votes.tolist() == [2, 2]
    np.testing.assert_allclose(section.f1, [[1, 2 / 3, 2 / 3], [2 / 3, 1, 0], [2 / 3, 0, 1]])
    assert consensus_layer(result).empty and vote_layer(result).empty


def test_each_object_says_its_landform() -> None:
    """Both operators mapped the box at 0; the first alone that at 10, the second alone that at 20."""
    first = side([box(10), box(0)], rg_id=["b", "a"])
    second = side([box(20), box(0.2)], rg_id=["z", "y"])
    layer = object_layer(compare_operators([first, second]))
    got = {(r.operator, r.id): (r.landform, r.operators, r.row) for r in layer.itertuples()}
    assert got == {(1, "a"): (1, 2, 2), (2, "y"): (1, 2, 2), (1, "b"): (2, 1, 1), (2, "z"): (3, 1, 1)}
    assert object_layer(compare_operators([side([], PrimaryID=[])] * 2)).empty


def test_types_are_kept_apart() -> None:
    """Each operator's restricted outlines meet only restricted ones."""
    kinds = {"Out.Type": ["Extended", "Restricted"]}
    sides = [side([box(0), box(0.5, 3)], **kinds) for _ in range(3)]
    result = compare_operators(sides, min_votes=3)
    assert [s.title for s in result.sections] == ["extended outlines", "restricted outlines"]
    layer = consensus_layer(result)
    assert layer["class"].tolist() == ["extended outlines", "restricted outlines"]
    assert layer["area_m2"].tolist() == pytest.approx([s.votes.area.sum() for s in result.sections])


def test_what_cannot_be_compared() -> None:
    outlines, markers = side([box(0)]), side([shapely.Point(97, 30)], Role.MARKER)
    with pytest.raises(InputError, match="--role outline or --role marker"):
        compare_operators([outlines, outlines, markers])
    with pytest.raises(OptionError, match="between 1 and 3"):
        compare_operators([outlines] * 3, min_votes=0)


def test_nothing_at_all() -> None:
    empty = side([], Role.OUTLINE, PrimaryID=[])
    assert compare_operators([empty] * 3).sections == ()
