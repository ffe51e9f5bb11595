"""One inventory against another: everything `rogi compare` reports about two sets of like objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rogi.comparison.agreement.areas import Components, components
from rogi.comparison.agreement.boundaries import BOUNDARY_STEP_M, BoundaryDistances, boundary_distances
from rogi.comparison.agreement.objects import (
    IOU_THRESHOLDS,
    PANOPTIC_IOU,
    SIZE_CLASSES_KM2,
    AreaAgreement,
    GroupAgreement,
    ObjectAgreement,
    SizeClass,
    area_agreement,
    found,
    group_agreement,
    group_counts,
    object_agreement,
    point_agreement,
    size_agreement,
)
from rogi.comparison.agreement.rates import CONFIDENCE, REPLICATES, Rate, rate
from rogi.comparison.matching.graph import (
    MARKER_DISTANCE_M,
    SLIVER_AREA_M2,
    SLIVER_FRACTION,
    MatchGraph,
    Ties,
    assignment,
    match_markers,
    match_points,
    match_polygons,
    swap,
    ties,
)
from rogi.comparison.matching.prepared_outlines import Outlines
from rogi.geometry import Floats, Geometries


@dataclass(frozen=True)
class Parameters:
    """What can be chosen about a comparison; each with its unit in the name.

    See `docs/methods/agreement.md` for the meaning and the source of the defaults.
    """

    sliver_area_m2: float = SLIVER_AREA_M2
    sliver_fraction: float = SLIVER_FRACTION
    marker_distance_m: float = MARKER_DISTANCE_M
    boundary_step_m: float = BOUNDARY_STEP_M
    iou_thresholds: tuple[float, ...] = IOU_THRESHOLDS
    panoptic_iou: float = PANOPTIC_IOU
    size_classes_km2: tuple[float, ...] = SIZE_CLASSES_KM2
    replicates: int = REPLICATES
    seed: int = 0
    confidence: float = CONFIDENCE


@dataclass(frozen=True)
class Comparison:
    """Objects of A against objects of B of the same kind and class.

    Attributes
    ----------
    a, b : Outlines or ndarray of points, longitude and latitude
    method : str
        How pairs were found, in words.
    graph : MatchGraph
    assigned : ndarray of bool, shape (m,)
        Pairs of the one-to-one assignment.
    boundaries : BoundaryDistances or None
        Of all pairs; NaN for slivers. ``None`` where a side has points.
    found_a, found_b : Rate
        Objects with a link to the other side.
    points : ObjectAgreement or None
        Where a side has points: the pairs of the assignment against all objects; there is no IoU.
    parts, area, objects, panoptic, sizes, groups
        Agreement by area, by object at the IoU thresholds and at that of the panoptic quality, by size
        class and by group; ``None`` or empty where a side has points.
    """

    a: Outlines | Geometries
    b: Outlines | Geometries
    method: str
    graph: MatchGraph
    assigned: NDArray[np.bool_]
    found_a: Rate
    found_b: Rate
    boundaries: BoundaryDistances | None = None
    parts: Components | None = None
    area: AreaAgreement | None = None
    objects: Sequence[ObjectAgreement] = ()
    panoptic: ObjectAgreement | None = None
    sizes: Sequence[SizeClass] = ()
    groups: Sequence[GroupAgreement] = ()
    points: ObjectAgreement | None = None
    parameters: Parameters = field(default_factory=Parameters)


def compare_polygons(
    a: Outlines,
    b: Outlines,
    parameters: Parameters | None = None,
    *,
    group_a: ArrayLike | None = None,
    group_b: ArrayLike | None = None,
    id_a: ArrayLike | None = None,
    id_b: ArrayLike | None = None,
) -> Comparison:
    """Outlines against outlines.

    Parameters
    ----------
    a, b : Outlines
        In canonical order and one plane (`rogi.comparison.matching.prepared_outlines`).
    parameters : Parameters, optional
    group_a, group_b : array_like of str, shapes (n_a,), (n_b,), optional
        Group of each object, to have the agreement per group too.
    id_a, id_b : array_like of str or None, shapes (n_a,), (n_b,), optional
        IDs, which decide between pairs that are equally good.
    """
    p = parameters or Parameters()
    graph = match_polygons(a, b, sliver_area_m2=p.sliver_area_m2, sliver_fraction=p.sliver_fraction)
    even = _ties(graph, a.geometries, b.geometries, id_a, id_b)
    assigned = assignment(graph, ties=even)
    panoptic = assignment(graph, min_iou=p.panoptic_iou, ties=even)
    linked = graph.linked
    distances = boundary_distances(a, b, graph.a[linked], graph.b[linked], step_m=p.boundary_step_m)
    parts = components(a, b, graph)
    groups: Sequence[GroupAgreement] = ()
    if group_a is not None and group_b is not None:
        groups = group_agreement(
            graph,
            panoptic,
            parts,
            group_a,
            group_b,
            threshold=p.panoptic_iou,
            replicates=p.replicates,
            seed=p.seed,
            confidence=p.confidence,
        )
    in_a, in_b = found(graph)
    return Comparison(
        a,
        b,
        f"overlap from {p.sliver_area_m2:g} m² and {100 * p.sliver_fraction:g} % of the smaller outline",
        graph,
        assigned,
        rate(int(in_a.sum()), len(in_a), p.confidence),
        rate(int(in_b.sum()), len(in_b), p.confidence),
        boundaries=_spread(distances, linked),
        parts=parts,
        area=area_agreement(parts, replicates=p.replicates, seed=p.seed, confidence=p.confidence),
        objects=[
            object_agreement(graph, assignment(graph, min_iou=t, ties=even), t, confidence=p.confidence)
            for t in p.iou_thresholds
        ],
        panoptic=object_agreement(graph, panoptic, p.panoptic_iou, confidence=p.confidence),
        sizes=size_agreement(graph, parts, p.size_classes_km2, confidence=p.confidence),
        groups=groups,
        parameters=p,
    )


def compare_points(
    a: Outlines | Geometries,
    b: Outlines | Geometries,
    parameters: Parameters | None = None,
    *,
    group_a: ArrayLike | None = None,
    group_b: ArrayLike | None = None,
    id_a: ArrayLike | None = None,
    id_b: ArrayLike | None = None,
) -> Comparison:
    """Points against outlines (either way round) or against points: what can be said without areas.

    Parameters
    ----------
    a, b : Outlines, or ndarray of points on longitude and latitude
        At least one side has points.
    parameters : Parameters, optional
    group_a, group_b : array_like of str, optional
        Group of each object, to have the counts per group too.
    id_a, id_b : array_like of str or None, optional
        IDs, which decide between pairs that are equally good.
    """
    p = parameters or Parameters()
    if isinstance(b, Outlines) and not isinstance(a, Outlines):
        graph, method = match_markers(a, b), "marker in outline"
    elif isinstance(a, Outlines) and not isinstance(b, Outlines):
        graph, method = swap(match_markers(b, a)), "marker in outline"
    elif not isinstance(a, Outlines) and not isinstance(b, Outlines):
        graph = match_points(a, b, max_distance_m=p.marker_distance_m)
        method = f"markers at most {p.marker_distance_m:g} m apart"
    else:
        raise ValueError("two sides with outlines are compared by compare_polygons")
    shapes = [side.geometries if isinstance(side, Outlines) else side for side in (a, b)]
    in_a, in_b = found(graph)
    assigned = assignment(graph, ties=_ties(graph, shapes[0], shapes[1], id_a, id_b))
    return Comparison(
        a,
        b,
        method,
        graph,
        assigned,
        rate(int(in_a.sum()), len(in_a), p.confidence),
        rate(int(in_b.sum()), len(in_b), p.confidence),
        groups=[]
        if group_a is None or group_b is None
        else group_counts(graph, group_a, group_b, confidence=p.confidence),
        points=point_agreement(graph, assigned, confidence=p.confidence),
        parameters=p,
    )


def _ties(
    graph: MatchGraph, a: Geometries, b: Geometries, id_a: ArrayLike | None, id_b: ArrayLike | None
) -> Ties:
    nothing = [np.full(len(shapes), None, dtype=object) for shapes in (a, b)]
    return ties(graph, a, b, nothing[0] if id_a is None else id_a, nothing[1] if id_b is None else id_b)


def _spread(distances: BoundaryDistances, linked: NDArray[np.bool_]) -> BoundaryDistances:
    """Distances of the linked pairs in an array of all pairs."""

    def of_all(values: Floats) -> Floats:
        out = np.full(len(linked), np.nan)
        out[linked] = values
        return out

    return BoundaryDistances(of_all(distances.mean), of_all(distances.p95), of_all(distances.hausdorff))
