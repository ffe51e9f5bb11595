"""Numbers of comparisons and reviews against closed forms, each written out here."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from rogi.comparison.agreement.objects import group_counts
from rogi.comparison.compare import Parameters
from rogi.comparison.inventories import compare_inventories
from rogi.comparison.matching.graph import assignment, match_points
from rogi.comparison.matching.sides import Side, side_of
from rogi.comparison.metrics import metrics
from rogi.inventory.build import from_frames
from rogi.review.estimators import stratified_ratio, stratified_share
from rogi.schema.model import Role
from rogi.statistics.summary import direction

QUICK = Parameters(replicates=20)


# ---- directions


@pytest.mark.parametrize("mean", [0.0, 45.0, 90.0, 135.0, 225.0, 270.0, 315.0])
def test_directions_about_a_mean_have_it(mean: float) -> None:
    """Three directions, two of them 30° to either side: the mean is the middle, R = (1 + 2 cos 30°) / 3."""
    found = direction((mean + np.array([-30.0, 0.0, 30.0])) % 360.0)
    assert (found.mean - mean + 180) % 360 - 180 == pytest.approx(0, abs=1e-9)
    assert found.resultant == pytest.approx((1 + 2 * math.cos(math.radians(30))) / 3)


def test_sectors_are_clockwise_from_north() -> None:
    found = direction(np.array([0.0, 22.4, 22.5, 90.0, 100.0, 180.0, 270.0, 337.5, 337.4]))
    assert found.sectors == {"N": 3, "NE": 1, "E": 2, "SE": 0, "S": 1, "SW": 0, "W": 1, "NW": 1}


# ---- estimates


def test_a_simple_sample_from_few_units() -> None:
    """3 of 10 units of 40: the variance is (1 - n/N) p (1 - p) / (n - 1)."""
    y = np.arange(10) < 3
    found = stratified_share(np.zeros(10, int), y, [40])
    assert found.value == pytest.approx(0.3)
    assert found.standard_error == pytest.approx(math.sqrt((1 - 10 / 40) * 0.3 * 0.7 / 9))
    without = stratified_share(np.zeros(10, int), y, [40], finite=False)
    assert without.standard_error == pytest.approx(math.sqrt(0.3 * 0.7 / 9))
    assert found.effective == pytest.approx(9 / 0.75)


def test_a_census_has_no_error() -> None:
    found = stratified_share(np.zeros(10, int), np.arange(10) < 3, [10])
    assert (found.value, found.standard_error) == (pytest.approx(0.3), 0.0)


def test_two_strata() -> None:
    """Weights 30/50 and 20/50, shares 1/4 and 2/5."""
    stratum, y = np.repeat([0, 1], [4, 5]), np.array([1, 0, 0, 0, 1, 1, 0, 0, 0])
    found = stratified_share(stratum, y, [30, 20])
    assert found.value == pytest.approx(0.6 * 0.25 + 0.4 * 0.4)
    variance = 0.6**2 * (1 - 4 / 30) * 0.25 * 0.75 / 3 + 0.4**2 * (1 - 5 / 20) * 0.4 * 0.6 / 4
    assert found.standard_error == pytest.approx(math.sqrt(variance))


def test_a_stratum_of_one_unit_is_known() -> None:
    """It was sampled as a whole and adds nothing to the variance; one of two units leaves it unknown."""
    stratum, y = np.array([0, 0, 0, 0, 1]), np.array([1, 0, 0, 0, 1])
    found = stratified_share(stratum, y, [9, 1])
    assert found.value == pytest.approx((9 * 0.25 + 1) / 10)
    assert found.standard_error == pytest.approx(0.9 * math.sqrt((1 - 4 / 9) * 0.25 * 0.75 / 3))
    for population, finite in (([9, 2], True), ([9, 1], False)):
        assert math.isnan(stratified_share(stratum, y, population, finite=finite).standard_error)


def test_a_ratio_from_few_units() -> None:
    """5 of 8 units count, 3 of them are right; residuals y - r x are 2/5, -3/5 and 0."""
    x, y = np.array([1, 1, 1, 1, 1, 0, 0, 0]), np.array([1, 1, 1, 0, 0, 0, 0, 0])
    found = stratified_ratio(np.zeros(8, int), y, x, [20])
    squares = 3 * 0.4**2 + 2 * 0.6**2
    assert found.value == pytest.approx(0.6)
    assert found.standard_error == pytest.approx(math.sqrt((1 - 8 / 20) * squares / 7 / 8) / (5 / 8))


# ---- matching of markers


def points(*metres: float) -> np.ndarray:
    """Points so many metres east of 97° E on the equator, where a degree is 111,319.49 m."""
    return shapely.points(97 + np.array(metres) / 111_319.4908, np.zeros(len(metres)))


def test_markers_match_up_to_fifty_metres() -> None:
    graph = match_points(points(0.0), points(49.9, -50.1, 120.0, 499.0))
    assert graph.b.tolist() == [0]
    assert graph.distance == pytest.approx([49.9], abs=1e-3)
    assert len(match_points(points(0.0), points(60.0), max_distance_m=61.0).a) == 1


def test_the_nearest_marker_is_taken() -> None:
    graph = match_points(points(0.0), points(40.0, -10.0, 25.0))
    assert graph.b[assignment(graph)].tolist() == [1]


def test_markers_are_assigned_so_that_the_distances_are_least() -> None:
    """0 and 30 m beside 20 and 45 m: 20 + 15 m; the other way round 45 + 10 m, though 10 m is the least."""
    graph = match_points(points(0.0, 30.0), points(20.0, 45.0))
    chosen = assignment(graph)
    assert list(zip(graph.a[chosen], graph.b[chosen], strict=True)) == [(0, 0), (1, 1)]


def test_groups_of_markers_are_counted_on_each_side() -> None:
    """North: 2 of 3 of A are found, and 2 of 2 of B; south: none of 1, none of 2; east: only in B."""
    a, b = points(0, 1000, 2000, 3000), points(10, 1010, 5000, 6000, 7000)
    groups = group_counts(
        match_points(a, b),
        ["north", "north", "north", "south"],
        ["north", "north", "south", "south", "east"],
    )
    assert [(g.name, g.count_a, g.count_b) for g in groups] == [
        ("east", 0, 1),
        ("north", 3, 2),
        ("south", 1, 2),
    ]
    assert [(g.found_a.count, g.found_a.total) for g in groups] == [(0, 0), (2, 3), (0, 1)]
    assert [(g.found_b.count, g.found_b.total) for g in groups] == [(0, 1), (2, 2), (0, 2)]


# ---- areas


def one_outline(west: float, east: float) -> Side:
    frame = gpd.GeoDataFrame(geometry=[shapely.box(west, 30.0, east, 30.01)], crs=4326)
    return side_of(from_frames({Role.OUTLINE: frame}))


def test_areas_are_square_kilometres_on_the_ellipsoid() -> None:
    """Boxes 0.03° wide that share 0.02°, beside areas by PROJ's geodesics along dense edges."""
    found = metrics(compare_inventories(one_outline(97.0, 97.03), one_outline(97.01, 97.04), QUICK))
    edge = np.linspace(0, 1, 2001)
    lon = np.concatenate([97 + 0.01 * edge, 97.01 - 0.01 * edge])
    lat = np.repeat([30.0, 30.01], len(edge))
    strip = abs(pyproj.Geod(ellps="WGS84").polygon_area_perimeter(lon, lat)[0]) / 1e6  # km² of 0.01°
    assert strip == pytest.approx(1.0695, abs=2e-4)
    for name, times in (("true_positive_km2", 2), ("false_positive_km2", 1), ("false_negative_km2", 1)):
        assert found[name] == pytest.approx(times * strip, rel=1e-5)
    assert found["precision"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["iou"] == pytest.approx(1 / 2, abs=1e-6)
    assert found["f1"] == pytest.approx(2 / 3, abs=1e-6)
