"""Work shared out: nothing torn, nothing lost, even and compact; and how much polygons cover."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from rogi.comparison.matching.graph import match_polygons
from rogi.comparison.matching.prepared_outlines import Outlines, prepare, prepare_together
from rogi.errors import OptionError
from rogi.update.mapper_names import file_names
from rogi.update.planning.coverage import covered_share, subdivided
from rogi.update.planning.partition import divide, groups, quality
from rogi.update.planning.surroundings import neighbours

PLANE = "+proj=cea +lat_ts=35 +lon_0=80 +ellps=WGS84"


@st.composite
def shared(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Places, work, groups and a number of parts that there are groups for."""
    n = draw(st.integers(1, 40))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    group = np.unique(rng.integers(0, draw(st.integers(1, n)), n), return_inverse=True)[1]
    places = rng.integers(0, draw(st.integers(1, 50)), (n, 2)) * 1000.0
    work = rng.choice([0.0, 0.1, 1.0, 5.0], n)
    return places, work, group, draw(st.integers(1, int(group.max()) + 1))


@given(shared())
def test_every_group_in_one_part(case: tuple[np.ndarray, np.ndarray, np.ndarray, int]) -> None:
    """Each member has a part, no part is empty, no group is torn, and the same again gives the same."""
    places, work, group, parts = case
    part = divide(places, work, group, parts)
    assert np.unique(part).tolist() == list(range(parts))
    assert len({*zip(group.tolist(), part.tolist(), strict=True)}) == group.max() + 1
    assert (divide(places, work, group, parts) == part).all()


@given(shared())
def test_parts_are_even(case: tuple[np.ndarray, np.ndarray, np.ndarray, int]) -> None:
    """Two parts differ by no more than the heaviest group: the cut is next to the middle."""
    places, work, group, _ = case
    if group.max() < 1:
        return
    part = divide(places, work, group, 2)
    heaviest = np.bincount(group, weights=work).max()
    total = np.bincount(part, weights=work, minlength=2)
    assert abs(total[0] - total[1]) <= heaviest + 1e-6


def test_even_and_compact_on_a_square() -> None:
    """10,000 equal places on a square in seven parts: even to 1 %, none wider than two equal squares."""
    x, y = np.meshgrid(np.arange(100.0), np.arange(100.0))
    places = np.column_stack([x.ravel(), y.ravel()]) * 1000.0
    work = np.ones(len(places))
    part = divide(places, work, np.arange(len(places)), 7)
    found = quality(places, work, part, 7)
    assert [p.members for p in found] == np.bincount(part).tolist()
    assert all(abs(p.share - 1) < 0.01 for p in found)
    radius_of_square = 100 / np.sqrt(7) / np.sqrt(6)  # a side of a has a radius of a / √6
    assert max(p.radius_km for p in found) < 2 * radius_of_square


def test_too_many_parts() -> None:
    """Fewer groups than parts cannot be shared out."""
    with pytest.raises(OptionError, match="at most 2 mappers"):
        divide(np.zeros((3, 2)), np.ones(3), np.array([0, 0, 1]), 3)


def boxes(*corners: tuple[float, float, float, float]) -> np.ndarray:
    return np.array([shapely.box(*c) for c in corners], dtype=object).reshape(-1)


def grouped(units: np.ndarray, candidates: np.ndarray, parts: int = 1, **options: object) -> list[int]:
    a, b = prepare_together([(units, PLANE), (candidates, PLANE)])
    graph = match_polygons(a, b)
    work = np.ones(len(a) + len(b))
    lonlat = np.concatenate([a.geometries, b.geometries])
    return groups(lonlat, graph, work, parts, **options).tolist()  # type: ignore[arg-type]


def test_what_touches_or_lies_near_stays_together() -> None:
    """Touching boxes, and boxes 50 m apart, are one group; 150 m apart they are two."""
    units = boxes((0, 0, 100, 100), (100, 0, 200, 100), (250, 0, 350, 100), (500, 0, 600, 100))
    assert grouped(units, boxes(), largest=1.0) == [0, 0, 0, 1]
    # too heavy a group falls apart where its outlines do not touch, and one heavier than a part altogether
    assert grouped(units, boxes(), parts=2) == [0, 0, 1, 2]
    assert grouped(units, boxes(), parts=4) == [0, 1, 2, 3]


@pytest.mark.parametrize(("lon", "lat"), [(80.0, 0.0), (-68.0, -33.0), (179.999, 81.0), (-60.0, -85.0)])
@pytest.mark.parametrize("metres", [90.0, 110.0])
def test_near_in_metres_anywhere(lon: float, lat: float, metres: float) -> None:
    """100 m are 100 m to the north and to the east, at all latitudes and across the antimeridian."""
    geod = pyproj.Geod(ellps="WGS84")
    here = shapely.box(lon - 1e-3, lat - 1e-3, lon, lat)
    x, _, _ = geod.fwd(lon, lat - 5e-4, 90.0, metres)
    _, y, _ = geod.fwd(lon, lat, 0.0, metres)
    units = np.array(
        [here, shapely.box(x, lat - 1e-3, x + 1e-3, lat), shapely.box(lon - 1e-3, y, lon, y + 1e-3)]
    )
    a, b = prepare_together([(units, 4326), (boxes(), 4326)])
    found = groups(a.geometries, match_polygons(a, b), np.ones(3), 1, largest=1.0)
    assert found.tolist() == ([0, 0, 0] if metres < 100 else [0, 1, 2])


def test_clusters_and_pairs_stay_together() -> None:
    """A candidate holds its units together, and so does a pair that is said to belong together."""
    units = boxes((0, 0, 100, 100), (300, 0, 400, 100))
    candidates = boxes((0, 0, 400, 50), (2000, 0, 2100, 100))
    assert grouped(units, candidates, parts=4) == [0, 0, 0, 1]
    tied = (np.array([0]), np.array([3]))
    assert grouped(units, candidates, parts=4, tied=tied) == [0, 0, 0, 0]


def test_far_parts_of_one_outline() -> None:
    """What lies between two parts of an outline does not belong to it."""
    pair = shapely.union(shapely.box(0, 0, 100, 100), shapely.box(5000, 0, 5100, 100))
    units = np.array([pair, shapely.box(2000, 0, 2100, 100), shapely.box(5050, 50, 5200, 200)], dtype=object)
    assert grouped(units, boxes()) == [0, 1, 0]


def test_neighbours() -> None:
    """Outlines of other packages within the distance, not those of the own one nor those further away."""
    step = 0.001  # about 91 m at 35°
    shapes = np.array([shapely.box(80 + k * 5 * step, 35, 80 + (k * 5 + 1) * step, 35.001) for k in range(4)])
    package, row = neighbours(shapes, np.array([0, 0, 1, 1]), 500.0)
    assert list(zip(package.tolist(), row.tolist(), strict=True)) == [(0, 2), (1, 1)]
    assert [len(found) for found in neighbours(shapes[:0], np.zeros(0, np.intp))] == [0, 0]


# ---- cover


def sides(shapes: np.ndarray) -> tuple[Outlines, np.ndarray]:
    outlines = prepare(shapes, PLANE)
    return outlines, outlines.geometries


def test_covered_share_by_hand() -> None:
    """Half of a box, all of it by two that overlap, none of it."""
    outlines, lonlat = sides(boxes((0, 0, 100, 100), (1000, 0, 1100, 100), (2000, 0, 2100, 100)))
    cover = sides(boxes((50, 0, 500, 100), (900, -50, 1080, 150), (1020, -50, 1200, 150)))[1]
    np.testing.assert_allclose(covered_share(outlines, cover), [0.5, 1.0, 0.0], atol=1e-9)
    assert len(lonlat) == 3


def test_cover_across_the_antimeridian() -> None:
    """Ground that is written on the other side of 180° than outlines counts, and only once."""
    outlines = prepare([shapely.box(x, 66, x + 0.1, 66.1) for x in (179.8, -179.9, -170.5)], 4326)
    cover = np.array([shapely.box(179, 65, 180, 67), shapely.box(-180, 65, -179.85, 67)])
    np.testing.assert_allclose(covered_share(outlines, cover), [1.0, 0.5, 0.0], atol=1e-9)
    turned = np.array([shapely.box(179, 65, 180.15, 67), shapely.box(539, 65, 540.15, 67)])
    np.testing.assert_allclose(covered_share(outlines, turned), [1.0, 0.5, 0.0], atol=1e-9)


def test_ground_counts_once() -> None:
    """Two covers that share a strip of 20 m cover 80 m of 100, not 100."""
    outlines, _ = sides(boxes((0, 0, 100, 100)))
    cover = sides(boxes((0, 0, 50, 100), (30, 0, 80, 100)))[1]
    np.testing.assert_allclose(covered_share(outlines, cover), [0.8], atol=1e-9)


def test_subdivided_covers_the_same() -> None:
    """A ring of 20,000 vertices with a hole, cut up: small pieces of the same area, and the same shares."""
    ring = shapely.Point(0, 0).buffer(5000, 5000).difference(shapely.Point(500, 300).buffer(2000, 2000))
    whole = np.array([ring], dtype=object)
    pieces = subdivided(whole)
    assert shapely.get_num_coordinates(pieces).max() <= 512
    assert shapely.area(pieces).sum() == pytest.approx(ring.area, rel=1e-12)
    outlines, _ = sides(boxes((1500, 0, 3500, 1000), (-200, -200, 200, 200), (4000, 4000, 6000, 6000)))
    cover = sides(whole)[1]
    expected = [shapely.intersection(ring, b).area / b.area for b in boxes((1500, 0, 3500, 1000))]
    np.testing.assert_allclose(covered_share(outlines, cover), [*expected, 0.0, 0.0], atol=1e-9)


# ---- names


def test_file_names() -> None:
    """Letters of any script stay; all that systems dislike becomes an underscore."""
    assert file_names(["anna", "Jörg Müller", "李雷", "../ben"]) == ("anna", "Jörg_Müller", "李雷", "ben")


@pytest.mark.parametrize(
    "names", [["..."], ["CON"], ["lpt1"], ["-rf"], ["x" * 61], ["Anna", "anna"], ["a b", "a_b"], ["ﬁ", "fi"]]
)
def test_bad_file_names(names: list[str]) -> None:
    """Names that leave nothing, are kept by a system, or would be one file."""
    with pytest.raises(OptionError):
        file_names(names)
