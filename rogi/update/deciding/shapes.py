"""Whether the outlines that decisions lead to can be those of units, each by itself and within its case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.comparison.matching.graph import SLIVER_AREA_M2, SLIVER_FRACTION
from rogi.geometry import Geometries
from rogi.inventory.coordinates import coordinates
from rogi.release.differences.difference import M2_PER_KM2, PART_SHARE
from rogi.update.deciding.decisions import Decided, groups, shared_area
from rogi.update.problems import Problem, Rule
from rogi.update.vocabulary import Decision

SAME_PLACE_SHARE: Final = PART_SHARE
"""Least part of the smaller of two outlines that is common to both where one is a version, or a part, of the
other: what `rogi release diff` takes for the same unit, so that it follows every unit as the lineage does."""
AREA_TOLERANCE: Final = 0.01
"""Part of the minimum by which an area may fall short, as in rule GEO014."""
LARGEST_KM2: Final = 100.0
LONGEST_KM: Final = 100.0
"""Beyond any rock glacier: the largest of the Tibetan Plateau has 4.6 km² (TPRoGI v1.0)."""


@dataclass(frozen=True, slots=True, eq=False)
class Products:
    """The outlines that decisions lead to, and the units they come from.

    Attributes
    ----------
    case
        (m,) key of the case: what is applied or not as a whole.
    row
        (m,) position of the row that decides it.
    operation
        (m,) values of :class:`~rogi.update.vocabulary.Decision`: refine, retrieve, split or merge.
    unit
        (m,) ID that is kept, None where there will be a new one.
    sources
        (m,) positions in the units, as tuples: those it takes the place of.
    geometry, plane
        (m,) outlines in the CRS of the inventory, and in the equal-area plane.
    """

    case: NDArray[np.object_]
    row: NDArray[np.intp]
    operation: NDArray[np.object_]
    unit: NDArray[np.object_]
    sources: NDArray[np.object_]
    geometry: Geometries
    plane: Geometries

    def __len__(self) -> int:
        return len(self.case)


def check_shapes(found: Decided, made: Products, minimum_area_km2: float) -> Iterator[Problem]:
    """Outlines that are there, valid, in one part (or as many as before), of size and place of units."""
    count = shapely.get_num_geometries(made.geometry)
    parts = shapely.get_num_geometries(found.units.geometry)
    before = np.array([max((parts[s] for s in own), default=1) for own in made.sources], dtype=np.intp)
    area = area_m2(made.geometry, found.units.layer.crs) / M2_PER_KM2
    least = minimum_area_km2 * (1.0 - AREA_TOLERANCE)
    missing, broken = shapely.is_missing(made.geometry), ~shapely.is_valid(made.geometry)
    for k in np.flatnonzero(missing).tolist():
        yield from of_product(found, made, k, Rule.NO_OUTLINE)
    for k in np.flatnonzero(broken & ~missing).tolist():
        yield from of_product(found, made, k, Rule.NOT_VALID, shapely.is_valid_reason(made.geometry[k]))
    sound = ~missing & ~broken
    for k in np.flatnonzero(sound & (count > before)).tolist():
        yield from of_product(found, made, k, Rule.SEVERAL_PARTS, str(count[k]))
    for k in np.flatnonzero(sound & (area < least)).tolist():
        yield from of_product(found, made, k, Rule.TOO_SMALL, f"{area[k]:.4f} km²")
    bounds = shapely.bounds(made.plane).reshape(-1, 4)
    length = np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) / 1000.0
    # A unit that was larger before is as the inventory has it.
    old = area_m2(found.units.lonlat, 4326) / M2_PER_KM2
    most = np.array([max(LARGEST_KM2, sum(old[s] for s in own)) for own in made.sources])
    for k in np.flatnonzero(sound & ((area > most) | (length > LONGEST_KM))).tolist():
        large = f"has {area[k]:,.0f} km²" if area[k] > most[k] else f"is {length[k]:,.0f} km long"
        yield from of_product(found, made, k, Rule.TOO_LARGE, large)
    yield from _check_places(found, made, sound)


def _check_places(found: Decided, made: Products, sound: NDArray[np.bool_]) -> Iterator[Problem]:
    """Coordinates that `rogi validate` reports, such as a longitude of 434, in an inventory without such."""
    layer = found.units.layer
    frame = gpd.GeoDataFrame(geometry=made.geometry, crs=layer.crs)
    bare = replace(layer, frame=frame, columns={}, rows=np.arange(1, len(frame) + 1, dtype=np.int64))
    state = coordinates(bare, witnesses=())
    beyond = np.flatnonzero(sound & state.out_of_range)
    if len(beyond) and not coordinates(layer).out_of_range.any():
        for k in beyond.tolist():
            yield from of_product(found, made, k, Rule.NO_PLACE, str(state.out_of_range_words[k]))


def check_against_old(found: Decided, made: Products, old: Geometries) -> Iterator[Problem]:
    """A refined outline overlaps its old one; parts and merged units lie in the outline that was, or is."""
    usable = ~shapely.is_missing(made.plane)
    product = np.repeat(np.arange(len(made)), [len(own) for own in made.sources])
    source = np.array([s for own in made.sources for s in own], dtype=np.intp)
    first = np.append(True, product[1:] != product[:-1])[: len(product)]
    keep = usable[product]
    product, source, first = product[keep], source[keep], first[keep]
    new, before = made.plane[product], old[source]
    shared, area_new, area_old = shared_area(new, before), shapely.area(new), shapely.area(before)
    split = made.operation[product] == Decision.SPLIT
    whole = np.where(split, area_new, np.minimum(area_new, area_old))
    share = np.divide(shared, whole, out=np.zeros(len(whole)), where=whole > 0)
    row_of = {int(found.at[i]): int(i) for i in np.flatnonzero(found.text("decision") == Decision.MERGE)}
    for m in np.flatnonzero(share < SAME_PLACE_SHARE).tolist():
        k, detail = int(product[m]), f"{share[m]:.0%}"
        if split[m]:
            yield from of_product(found, made, k, Rule.PART_OUTSIDE, detail)
        elif first[m]:
            yield from of_product(found, made, k, Rule.FAR_FROM_OLD, detail)
        else:
            row = row_of[int(source[m])]
            yield found.problem(row, Rule.MERGE_UNCOVERED, detail, other=str(made.unit[k]))


def check_parts(found: Decided, made: Products) -> Iterator[Problem]:
    """Parts of one unit, or of one candidate, do not overlap each other."""
    usable = np.flatnonzero(~shapely.is_missing(made.plane))
    pairs = [
        usable[members[np.column_stack(np.triu_indices(len(members), 1))]]
        for members in groups(made.case[usable])
        if len(members) > 1
    ]
    if not pairs:
        return
    left, right = np.concatenate(pairs).T
    area = shapely.area(made.plane)
    shared = shared_area(made.plane[left], made.plane[right])
    limit = np.maximum(SLIVER_AREA_M2, SLIVER_FRACTION * np.minimum(area[left], area[right]))
    for m in np.flatnonzero(shared >= limit).tolist():
        yield from of_product(found, made, int(left[m]), Rule.PARTS_OVERLAP, f"{shared[m]:,.0f} m²")


def of_product(
    found: Decided, made: Products, k: int, rule: Rule, detail: str = "", **more: Any
) -> Iterator[Problem]:
    """The problem of a product, of its row; of a union that nobody drew, of the rows that go into it."""
    row, decision = int(made.row[k]), found.text("decision")
    indices = [row]
    if made.operation[k] == Decision.MERGE and decision[row] != Decision.REFINE:
        into = found.text("merge_into")
        indices = np.flatnonzero((into == made.unit[k]) & (decision == Decision.MERGE)).tolist()
    for i in indices:
        yield found.problem(i, rule, detail, **more)
