"""Classes of units and candidates: worked cases, a slow oracle, ice, gain and doubt."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from packages import CRS, make_case, octagon
from season import new_season

from rogi.comparison.matching.graph import SLIVER_AREA_M2, SLIVER_FRACTION, MatchGraph, match_polygons
from rogi.comparison.matching.prepared_outlines import prepare_together
from rogi.update.planning import priority
from rogi.update.planning.classes import CLASSES, CODE, Clusters, classify, cluster_means, joined
from rogi.update.vocabulary import Decision, TaskClass


def matched(units: list[shapely.Geometry], candidates: list[shapely.Geometry]) -> MatchGraph:
    arrays = [np.array(side, dtype=object) for side in (units, candidates)]
    return match_polygons(*prepare_together([(side, CRS) for side in arrays]))


def names(codes: np.ndarray) -> list[TaskClass]:
    return [CLASSES[c] for c in codes]


def test_classes_of_the_case() -> None:
    """Every class of the hand-made case is found, and every new candidate is new."""
    case = make_case()
    graph = matched(list(case.outline.values()), list(case.candidate.values()))
    found = classify(graph)
    assert dict(zip(case.outline, names(found.code[found.of_unit]), strict=True)) == case.unit_class
    new = [list(case.candidate).index(name) for name in case.new_class]
    assert set(names(found.code[found.of_candidate[new]])) == {TaskClass.NEW}


def test_classes_of_a_season() -> None:
    """The classes of 2,000 synthetic units are those the candidates were made with."""
    season = new_season(2_000, seed=3)
    units = season.inventory.layers
    outlines = next(layer for layer in units if layer.role.value == "outline")
    graph = matched(list(outlines.geometry), list(season.candidates.geometry))
    found = classify(graph)
    assert [k.value for k in names(found.code[found.of_unit])] == season.unit_class.tolist()
    new = season.candidates["candidate_id"].isin(season.new).to_numpy()
    assert set(names(found.code[found.of_candidate[new]])) == {TaskClass.NEW}
    assert (found.code[found.of_candidate[~new]] != CODE[TaskClass.NEW]).all()


UNIT = octagon(74.0, 37.5)


@pytest.mark.parametrize(("limit", "kind"), [(0.64, TaskClass.UNCHANGED), (0.66, TaskClass.CHANGED)])
def test_iou_decides_between_unchanged_and_changed(limit: float, kind: TaskClass) -> None:
    """Scaled by sqrt(0.65) about a point inside, an outline has IoU 0.65 with what it was."""
    factor = np.sqrt(0.65)
    smaller = shapely.affinity.scale(UNIT, factor, factor)
    found = classify(matched([UNIT], [smaller]), unchanged_iou=limit)
    assert found.iou == pytest.approx([0.65], abs=1e-4)
    assert names(found.code) == [kind]


def test_slivers_link_nothing() -> None:
    """A contact of 0.5 % of the area makes no match: one unit is missed, one candidate is new."""
    west, _, east, _ = UNIT.bounds
    beside = shapely.affinity.translate(UNIT, 0.995 * (east - west), 0.0)
    found = classify(matched([UNIT], [beside]))
    assert names(found.code) == [TaskClass.NOT_DETECTED, TaskClass.NEW]


ICE = [
    # units, candidates, share of the unit, shares of the candidates, expected
    ([UNIT], [], 0.5, [], TaskClass.ON_GLACIER),
    ([UNIT], [], 0.49, [], TaskClass.NOT_DETECTED),
    ([UNIT], [UNIT], 0.9, [0.9], TaskClass.ON_GLACIER),
    ([UNIT], [UNIT], 0.1, [0.9], TaskClass.UNCHANGED),  # the unit decides where there is one
    ([], [UNIT], None, [0.5], TaskClass.ON_GLACIER),
    ([], [UNIT], None, [np.nan], TaskClass.NEW),
    ([UNIT], [octagon(73.998, 37.5, 0.0015), octagon(74.002, 37.5, 0.0015)], 0.9, [1, 1], TaskClass.SPLIT),
]


@pytest.mark.parametrize(("units", "candidates", "unit", "shares", "kind"), ICE)
def test_ice(units: list, candidates: list, unit: float | None, shares: list[float], kind: TaskClass) -> None:
    """Most of an outline on ice makes it one on a glacier, unless the number of units is the question."""
    found = classify(
        matched(units, candidates),
        unit_glacier_share=np.array([] if unit is None else [unit], float),
        candidate_glacier_share=np.array(shares, float),
    )
    assert names(found.code) == [kind]


def slow_classes(
    units: list[shapely.Geometry], candidates: list[shapely.Geometry], limit: float
) -> tuple[list[TaskClass], list[TaskClass]]:
    """Class of each unit and candidate by walking the links, with GEOS, in the plane."""
    links = {
        (i, j)
        for i, u in enumerate(units)
        for j, c in enumerate(candidates)
        if (both := u.intersection(c).area) >= max(SLIVER_FRACTION * min(u.area, c.area), SLIVER_AREA_M2)
        and both > 0
    }

    def cluster(start: tuple[str, int]) -> set[tuple[str, int]]:
        seen, todo = {start}, [start]
        while todo:
            side, k = todo.pop()
            for i, j in links:
                other = ("b", j) if (side, k) == ("a", i) else ("a", i) if (side, k) == ("b", j) else None
                if other is not None and other not in seen:
                    seen.add(other)
                    todo.append(other)
        return seen

    def kind(start: tuple[str, int]) -> TaskClass:
        members = cluster(start)
        a = [units[k] for side, k in members if side == "a"]
        b = [candidates[k] for side, k in members if side == "b"]
        if len(a) == 1 and len(b) == 1:
            iou = a[0].intersection(b[0]).area / a[0].union(b[0]).area
            return TaskClass.UNCHANGED if iou >= limit else TaskClass.CHANGED
        if not b:
            return TaskClass.NOT_DETECTED
        if not a:
            return TaskClass.NEW
        if len(a) == 1:
            return TaskClass.SPLIT
        return TaskClass.MERGED if len(b) == 1 else TaskClass.COMPLEX

    return [kind(("a", k)) for k in range(len(units))], [kind(("b", k)) for k in range(len(candidates))]


@st.composite
def boxes(draw: st.DrawFn) -> list[shapely.Geometry]:
    """Boxes on a coarse grid of metres, so that they meet in all ways; areas are exact in floats."""
    place, size = st.integers(0, 9), st.integers(1, 4)
    corners = draw(st.lists(st.tuples(place, place, size, size), max_size=7))
    return [shapely.box(100 * x, 100 * y, 100 * (x + w), 100 * (y + h)) for x, y, w, h in corners]


@given(boxes(), boxes())
def test_against_a_slow_oracle(units: list[shapely.Geometry], candidates: list[shapely.Geometry]) -> None:
    """Classes agree with a walk over the links of every pair; limit 0.83 is the IoU of no two such boxes."""
    plane = "+proj=cea +lat_ts=35 +lon_0=80 +ellps=WGS84"
    arrays = [np.array(side, dtype=object).reshape(-1) for side in (units, candidates)]
    graph = match_polygons(*prepare_together([(side, plane) for side in arrays]))
    found = classify(graph, unchanged_iou=0.83)
    expected = slow_classes(units, candidates, 0.83)
    assert (names(found.code[found.of_unit]), names(found.code[found.of_candidate])) == expected


def test_disagreement_is_the_symmetric_difference() -> None:
    """Areas of a cluster: half a unit left out, and a candidate without one."""
    west, south, east, north = UNIT.bounds
    half = UNIT.intersection(shapely.box(west, south, (west + east) / 2, north))
    found = classify(matched([UNIT], [half, octagon(75.0, 37.5)]))
    assert found.disagreement == pytest.approx([found.area_units[0] / 2, found.area_candidates[1]], rel=1e-3)
    assert found.iou[0] == pytest.approx(0.5, abs=1e-3)
    assert np.isnan(found.iou[1])


def test_cluster_means_and_joined() -> None:
    """Weighted means leave out what is not known; texts are listed once, in order."""
    of = np.array([0, 0, 1, 2, 2])
    values, weights = np.array([0.4, 1.0, np.nan, 0.5, np.nan]), np.array([1.0, 3.0, 1.0, 1.0, 5.0])
    np.testing.assert_allclose(cluster_means(of, values, weights, 4), [0.85, np.nan, 0.5, np.nan])
    texts = np.array(["b", "a", "c", "d", "d"], dtype=object)
    assert joined(of, texts, 4).tolist() == ["a b", "c", "d", None]


# ---- gain

SHARE = st.floats(0, 1)


@given(st.sampled_from(CLASSES), st.booleans(), SHARE, SHARE, SHARE, SHARE, SHARE)
def test_gain_grows_with_the_evidence(
    kind: TaskClass, unit: bool, low: float, more: float, probability: float, valid: float, ice: float
) -> None:
    """More confidence, more valid ground and less probability inside never make a task worth less."""
    high = low + (1 - low) * more
    code = np.array([CODE[kind]] * 2)
    has_unit = np.array([unit] * 2)
    area = priority.area_in_question(code, has_unit, np.full(2, 5e4), np.full(2, 2e5), np.full(2, ice))

    def gains(confidence: list[float], inside: list[float], seen: list[float]) -> np.ndarray:
        belief = priority.evidence(
            code, has_unit, np.array(confidence), np.array(inside), np.array(seen), np.full(2, ice)
        )
        assert ((belief >= 0) & (belief <= 1)).all()
        value = priority.expected_gain(belief, area)
        assert ((value >= 0) & (value < 1)).all()
        return value

    for first, second in (
        gains([low, high], [probability] * 2, [valid] * 2),
        gains([low] * 2, [high, low], [valid] * 2),
        gains([low] * 2, [probability] * 2, [low, high]),
    ):
        assert first <= second


@given(
    hnp.arrays(float, 2, elements=st.floats(0, 1e7)),
    hnp.arrays(float, 2, elements=st.floats(0, 1)),
)
def test_gain_grows_with_area_and_belief(area: np.ndarray, belief: np.ndarray) -> None:
    """In both, one at a time."""
    assert np.diff(priority.expected_gain(np.full(2, belief[0]), np.sort(area)))[0] >= 0
    assert np.diff(priority.expected_gain(np.sort(belief), np.full(2, area[0])))[0] >= 0


def test_gain_by_hand() -> None:
    """An average unit that is certainly wrong has 0.5; a split counts at least half of its area."""
    mean = priority.MEAN_AREA_M2
    assert priority.expected_gain(np.ones(1), np.array([mean])) == pytest.approx(0.5)
    code = np.array([CODE[TaskClass.SPLIT], CODE[TaskClass.CHANGED]])
    area = priority.area_in_question(
        code, np.ones(2, bool), np.full(2, 100.0), np.full(2, 1000.0), np.full(2, np.nan)
    )
    assert area.tolist() == [500.0, 100.0]


def test_belief_by_hand() -> None:
    """What is not known counts one half; unseen ground takes all belief in a unit's absence."""
    nan = np.nan
    code = np.array([CODE[k] for k in (TaskClass.NEW, TaskClass.NOT_DETECTED, TaskClass.NOT_DETECTED)])
    belief = priority.evidence(
        code,
        np.array([False, True, True]),
        np.array([nan, nan, nan]),
        np.array([nan, 0.2, 0.2]),
        np.array([nan, 0.0, 0.5]),
        np.array([nan, nan, nan]),
    )
    np.testing.assert_allclose(belief, [0.5, 0.0, 0.4])
    icy = np.full(2, CODE[TaskClass.ON_GLACIER])
    some = np.full(2, 0.8)
    belief = priority.evidence(icy, np.array([True, False]), some, some, some, np.array([0.75, 0.75]))
    np.testing.assert_allclose(belief, [0.75, 0.2])


def test_doubt_and_proposals() -> None:
    """Balanced evidence is doubtful, clear evidence is not; proposals follow the class and the evidence."""
    code = np.array([CODE[k] for k in CLASSES])
    belief = np.full(len(code), 0.95)
    iou = np.full(len(code), 0.9)
    found = dict(zip(CLASSES, priority.doubt(code, belief, iou, np.full(len(code), np.nan)), strict=True))
    assert found[TaskClass.NEW] == pytest.approx(0.1) and found[TaskClass.CHANGED] == pytest.approx(0.2)
    assert found[TaskClass.COMPLEX] == found[TaskClass.ON_GLACIER] == 1
    differ = dict(zip(CLASSES, priority.doubt(code, belief, iou, np.full(len(code), 0.2)), strict=True))
    assert differ[TaskClass.NEW] == pytest.approx(0.5) and differ[TaskClass.COMPLEX] == 1
    spread = np.array([np.nan, 0.0, 0.2, 0.5])
    np.testing.assert_allclose(priority.reviewed(np.full(4, 0.6), spread), [0.6, 0.6, 0.8, 1.0])
    has_unit = np.array([k not in (TaskClass.NEW,) for k in CLASSES])
    said = dict(zip(CLASSES, priority.proposals(code, belief, has_unit), strict=True))
    assert said[TaskClass.NOT_DETECTED] == Decision.REMOVE
    low = dict(zip(CLASSES, priority.proposals(code, 1 - belief, has_unit), strict=True))
    assert (low[TaskClass.NOT_DETECTED], low[TaskClass.NEW]) == (Decision.REMAIN, Decision.REMOVE)
    nowhere = priority.proposals(code, belief, has_unit, np.ones(len(code), bool))
    assert nowhere[list(CLASSES).index(TaskClass.NOT_DETECTED)] == Decision.REMAIN
    nothing = priority.proposals(code, 1 - belief, has_unit, np.ones(len(code), bool))
    assert nothing[list(CLASSES).index(TaskClass.NEW)] == Decision.UNSURE
    assert Decision.REMOVE not in (*nowhere, *nothing)
    none = Clusters(*(np.zeros(0, int),) * 3, *(np.zeros(0),) * 3)
    assert len(none) == 0 and none.iou.size == 0
