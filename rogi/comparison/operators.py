"""Agreement of several operators who mapped the same area: landforms, votes, consensus outlines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.comparison.agreement.areas import components, united
from rogi.comparison.agreement.rates import Alpha, krippendorff_alpha
from rogi.comparison.matching.graph import MatchGraph, connected, match_points, match_polygons
from rogi.comparison.matching.prepared_outlines import Outlines
from rogi.geometry import Floats, Geometries, Ints, transform_geometries

# Two outlines show the same landform if their IoU reaches this; half is the threshold above which a match is
# unique (Kirillov et al. 2019).
LANDFORM_IOU = 0.5


@dataclass(frozen=True)
class Landforms:
    """What several operators mapped, gathered into landforms.

    Attributes
    ----------
    of_object : tuple of ndarray of int, one per operator, shapes (n_i,)
        Landform of each object, from 0, in the order of the operators and their rows.
    mapped : ndarray of bool, shape (operators, landforms)
        Who mapped which landform.
    """

    of_object: tuple[Ints, ...]
    mapped: NDArray[np.bool_]

    @property
    def votes(self) -> Ints:
        """Number of operators who mapped each landform."""
        return np.asarray(self.mapped.sum(axis=0))


@dataclass(frozen=True)
class Votes:
    """The area covered by any operator, cut into faces on which the votes do not change.

    Attributes
    ----------
    faces : ndarray of object, shape (m,)
        Polygons on longitude and latitude.
    votes : ndarray of int, shape (m,)
        Number of operators whose outlines cover the face.
    area : ndarray of float64, shape (m,)
        m².
    group : ndarray of int, shape (m,)
        Faces of one group come from outlines that hang together.
    face, operator, landform : ndarray of int, shape (t,)
        Which operator covers which face with an outline of which landform, each combination once.
    """

    faces: Geometries
    votes: Ints
    area: Floats
    group: Ints
    face: Ints
    operator: Ints
    landform: Ints


@dataclass(frozen=True)
class LandformAgreement:
    """Agreement on each landform; all arrays have shape (landforms,).

    Attributes
    ----------
    votes : ndarray of int
        Operators who mapped it.
    union, common : ndarray of float64
        m² covered by any, and by all who mapped it.
    iou : ndarray of float64
        common / union; 1 where only one operator mapped it.
    spread : ndarray of float64
        Coefficient of variation of the areas of those who mapped it (sample standard deviation over mean);
        NaN where only one did.
    """

    votes: Ints
    union: Floats
    common: Floats
    iou: Floats
    spread: Floats


def match_all(sides: Sequence[Outlines]) -> dict[tuple[int, int], MatchGraph]:
    """Match graphs of all pairs of operators, keyed by their places (i < j)."""
    return {(i, j): match_polygons(sides[i], sides[j]) for i, j in combinations(range(len(sides)), 2)}


def iou_matrix(sides: Sequence[Outlines], graphs: dict[tuple[int, int], MatchGraph]) -> Floats:
    """Pairwise IoU of the areas covered by the operators, shape (k, k); NaN where both cover nothing."""
    out = np.full((len(sides), len(sides)), np.nan)
    for (i, j), graph in graphs.items():
        parts = components(sides[i], sides[j], graph)
        both = parts.both.sum()
        union = parts.union_a.sum() + parts.union_b.sum() - both
        out[i, j] = out[j, i] = both / union if union > 0 else np.nan
    covering = [i for i, side in enumerate(sides) if side.area.sum() > 0]
    out[covering, covering] = 1.0
    return out


def landforms(
    sizes: Sequence[int], graphs: dict[tuple[int, int], MatchGraph], min_iou: float = LANDFORM_IOU
) -> Landforms:
    """Objects of several operators gathered into landforms.

    Two objects of different operators belong to one landform if they are linked and, where they are polygons,
    their IoU reaches the threshold; so do all that are joined by a chain of such pairs.

    Parameters
    ----------
    sizes : sequence of int
        Number of objects of each operator.
    graphs : dict
        Match graphs of all pairs of operators (`match_all`, `match_all_points`).
    min_iou : float
        0 joins whatever is linked.
    """
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.intp)
    left, right = [np.zeros(0, np.intp)], [np.zeros(0, np.intp)]
    for (i, j), graph in graphs.items():
        same = graph.linked & ~(graph.iou < min_iou)
        left.append(graph.a[same] + start[i])
        right.append(graph.b[same] + start[j])
    label = connected(int(start[-1]), np.concatenate(left), np.concatenate(right))
    of_object = tuple(label[start[i] : start[i + 1]] for i in range(len(sizes)))
    mapped = np.zeros((len(sizes), int(label.max(initial=-1)) + 1), bool)
    for i, own in enumerate(of_object):
        mapped[i, own] = True
    return Landforms(of_object, mapped)


def match_all_points(sides: Sequence[Geometries], max_distance_m: float) -> dict[tuple[int, int], MatchGraph]:
    """Match graphs of all pairs of operators who set points (longitude and latitude)."""
    return {
        (i, j): match_points(sides[i], sides[j], max_distance_m=max_distance_m)
        for i, j in combinations(range(len(sides)), 2)
    }


def detection_alpha(found: Landforms, classes: Sequence[NDArray[np.intp]] | None = None) -> Alpha:
    """Krippendorff's alpha of who mapped which landform.

    The units are the landforms that at least one operator mapped, and the values "mapped" and "not mapped".
    Places that nobody mapped cannot be listed, so agreement on absence is not credited and alpha is low
    compared with one over a fixed set of places.

    Parameters
    ----------
    found : Landforms
    classes : sequence of ndarray of int, one per operator, shapes (n_i,), optional
        Class of each object from 0 (for example rock glacier, uncertain, none). Then the values are these
        classes and "not mapped"; of several objects of an operator in one landform the lowest class counts.
    """
    if classes is None:
        return krippendorff_alpha(found.mapped.astype(int))
    codes = np.full(found.mapped.shape, np.iinfo(np.intp).max, np.intp)
    for i, own in enumerate(found.of_object):
        np.minimum.at(codes[i], own, classes[i] + 1)
    codes[~found.mapped] = 0
    return krippendorff_alpha(codes)


def vote_faces(sides: Sequence[Outlines], found: Landforms) -> Votes:
    """Cut the outlines of all operators into faces and count the operators on each."""
    outlines = np.concatenate([side.geometries for side in sides])
    operator = np.repeat(np.arange(len(sides)), [len(side) for side in sides])
    landform = np.concatenate(found.of_object)
    polygonal = ~(shapely.is_missing(outlines) | shapely.is_empty(outlines))
    tree = shapely.STRtree(outlines)
    left, right = tree.query(outlines, predicate="intersects")
    group = connected(len(outlines), left, right)

    alone = np.bincount(group)[group] == 1 if len(group) else np.zeros(0, bool)
    together = np.flatnonzero(~alone & polygonal)
    numbers, place = np.unique(group[together], return_inverse=True)
    parts = outlines[alone & polygonal]
    owner = group[alone & polygonal]
    if len(together):
        lines = united(shapely.boundary(outlines[together]), place, len(numbers))
        faces, index = shapely.get_parts(shapely.polygonize(lines[:, None], axis=1), return_index=True)
        parts, owner = np.concatenate([parts, faces]), np.concatenate([owner, numbers[index]])
    inside = shapely.point_on_surface(parts)
    face, outline = tree.query(inside, predicate="intersects")
    triples = np.unique(np.column_stack([face, operator[outline], landform[outline]]), axis=0)
    pairs = np.unique(triples[:, :2], axis=0)
    votes = np.bincount(pairs[:, 0].astype(np.intp), minlength=len(parts))
    kept = votes > 0  # a hole between outlines is a face, too
    number = np.cumsum(kept) - 1
    plane_crs = sides[0].plane_crs
    area = shapely.area(transform_geometries(parts[kept], 4326, plane_crs))
    return Votes(
        parts[kept], votes[kept], area, owner[kept], number[triples[:, 0]], triples[:, 1], triples[:, 2]
    )


def consensus(votes: Votes, min_votes: int) -> tuple[Geometries, Floats]:
    """Polygons covered by at least so many operators, and the area of each, m².

    Neighbouring faces are united; polygons that do not touch are separate.
    """
    chosen = votes.votes >= min_votes
    if not chosen.any():
        return np.zeros(0, dtype=object), np.zeros(0)
    numbers, place = np.unique(votes.group[chosen], return_inverse=True)
    shapes = united(votes.faces[chosen], place, len(numbers))
    parts = shapely.get_parts(shapes)
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    inside = shapely.STRtree(parts).query(
        shapely.point_on_surface(votes.faces[chosen]), predicate="intersects"
    )
    area = np.bincount(inside[1], weights=votes.area[chosen][inside[0]], minlength=len(parts))
    return parts, area.astype(float)


def landform_consensus(votes: Votes, min_votes: int) -> tuple[Ints, Geometries, Floats]:
    """Consensus outline of each landform: what at least so many operators cover with their outline of it.

    Unlike `consensus`, landforms that touch stay apart, and outlines of another landform lend no votes.

    Returns
    -------
    landform : ndarray of int, shape (m,)
        Landforms that have a consensus.
    outlines : ndarray of object, shape (m,)
        Polygons or multipolygons on longitude and latitude.
    area : ndarray of float64, shape (m,)
        m².
    """
    pairs, times = np.unique(np.column_stack([votes.face, votes.landform]), axis=0, return_counts=True)
    pairs = pairs[times >= min_votes].astype(np.intp)
    if not len(pairs):
        return np.zeros(0, np.intp), np.zeros(0, dtype=object), np.zeros(0)
    landform, place = np.unique(pairs[:, 1], return_inverse=True)
    outlines = united(votes.faces[pairs[:, 0]], place, len(landform))
    area = np.bincount(place, weights=votes.area[pairs[:, 0]])
    return landform, outlines, area.astype(float)


def landform_agreement(sides: Sequence[Outlines], found: Landforms, votes: Votes) -> LandformAgreement:
    """Agreement of the operators on each landform."""
    count = found.mapped.shape[1]
    pairs, times = np.unique(np.column_stack([votes.face, votes.landform]), axis=0, return_counts=True)
    face, landform = pairs[:, 0].astype(np.intp), pairs[:, 1].astype(np.intp)
    union = np.bincount(landform, weights=votes.area[face], minlength=count)
    everyone = times == found.votes[landform]
    common = np.bincount(landform[everyone], weights=votes.area[face[everyone]], minlength=count)
    areas = np.zeros((len(sides), count))
    for i, (side, own) in enumerate(zip(sides, found.of_object, strict=True)):
        areas[i] = np.bincount(own, weights=side.area, minlength=count)
    n = found.votes
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = areas.sum(axis=0) / n
        squares = np.where(found.mapped, (areas - mean) ** 2, 0.0).sum(axis=0)
        spread = np.where(n > 1, np.sqrt(squares / (n - 1)) / mean, np.nan)
        iou = common / union
    return LandformAgreement(n, union.astype(float), common.astype(float), iou, spread)
