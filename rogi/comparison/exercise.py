"""More than two inventories of one area: the multi-operator exercise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.comparison.agreement.objects import object_agreement
from rogi.comparison.agreement.rates import Alpha
from rogi.comparison.compare import Parameters
from rogi.comparison.matching.graph import MatchGraph, assignment
from rogi.comparison.matching.prepared_outlines import Outlines, prepare_together
from rogi.comparison.matching.sides import Certainty, Extent, Side, align_extents
from rogi.comparison.operators import (
    LandformAgreement,
    Landforms,
    Votes,
    detection_alpha,
    iou_matrix,
    landform_agreement,
    landform_consensus,
    landforms,
    match_all,
    match_all_points,
    vote_faces,
)
from rogi.errors import InputError, OptionError
from rogi.geometry import Floats, Geometries, Ints


@dataclass(frozen=True)
class OperatorSection:
    """What the operators drew of one type, compared.

    Attributes
    ----------
    title
        "extended outlines", for example.
    rows
        For each operator, which objects of the side these are.
    counts
        Objects of each operator.
    iou
        (k, k) IoU of the areas covered; ``None`` for markers.
    f1
        (k, k) F1 by object: shared landforms of a pair of operators, at the IoU of the landforms or the
        distance of the markers.
    found
        The landforms, and who mapped which.
    alpha, alpha_classes
        Krippendorff's alpha of "mapped" and "not mapped"; and of "rock glacier", "uncertain" and "not
        mapped" where anybody was uncertain, else ``None``.
    votes, each
        Votes by area and agreement on each landform; ``None`` for markers.
    """

    title: str
    rows: tuple[Ints, ...]
    counts: tuple[int, ...]
    iou: Floats | None
    f1: Floats
    found: Landforms
    alpha: Alpha
    alpha_classes: Alpha | None
    votes: Votes | None
    each: LandformAgreement | None


@dataclass(frozen=True)
class OperatorComparison:
    """Several operators compared.

    Attributes
    ----------
    sides
        The operators, in the order given.
    sections
        By type of outline, the one with most objects first.
    min_votes
        Votes from which an area belongs to the consensus.
    """

    sides: tuple[Side, ...]
    sections: tuple[OperatorSection, ...]
    parameters: Parameters
    min_votes: int
    notes: tuple[str, ...] = ()


def compare_operators(
    sides: Sequence[Side],
    parameters: Parameters | None = None,
    *,
    min_votes: int | None = None,
    notes: Sequence[str] = (),
) -> OperatorComparison:
    """Compare several operators.

    Parameters
    ----------
    sides
        Three or more (two work as well), all with outlines or all with markers.
    parameters
    min_votes
        By default more than half of the operators.
    notes
        For the report.

    Raises
    ------
    InputError
        If some have outlines and others markers.
    OptionError
        If ``min_votes`` is not between 1 and the number of operators.
    """
    p = parameters or Parameters()
    k = len(sides)
    votes = k // 2 + 1 if min_votes is None else min_votes
    if not 1 <= votes <= k:
        raise OptionError(f"--min-votes is between 1 and {k}, the number of operators; found {votes}.")
    if len({s.outlines for s in sides}) > 1:
        outlines = ", ".join(s.name for s in sides if s.outlines)
        markers = ", ".join(s.name for s in sides if not s.outlines)
        raise InputError(
            f"Operators are compared by outlines or by markers: {outlines} came with outlines, {markers} "
            "with markers. Choose one for all with --role outline or --role marker."
        )
    aligned, note = align_extents(list(sides))
    said = [*notes, *([note] if note else [])]
    kinds = sorted((e for e in Extent if _size(aligned, e)), key=lambda e: -_size(aligned, e))
    sections = tuple(_section(aligned, kind, p) for kind in kinds)
    return OperatorComparison(tuple(aligned), sections, p, votes, tuple(said))


def consensus_layer(result: OperatorComparison) -> gpd.GeoDataFrame:
    """Consensus outlines (EPSG:4326) of the landforms, with the area, m²; see `landform_consensus`."""
    frames = []
    for section in result.sections:
        if section.votes is None:
            continue
        landform, shapes, area = landform_consensus(section.votes, result.min_votes)
        frames.append(
            gpd.GeoDataFrame(
                {
                    "class": section.title,
                    "landform": landform + 1,
                    "operators": section.found.votes[landform],
                    "min_votes": result.min_votes,
                    "area_m2": area,
                },
                geometry=shapes,
                crs=4326,
            )
        )
    if not frames:
        return gpd.GeoDataFrame({"class": []}, geometry=[], crs=4326)
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=4326)


def object_layer(result: OperatorComparison) -> gpd.GeoDataFrame:
    """What every operator mapped (EPSG:4326): id, row in the file, landform, and how many mapped that."""
    frames = []
    for section in result.sections:
        for number, (side, rows, own) in enumerate(
            zip(result.sides, section.rows, section.found.of_object, strict=True), start=1
        ):
            frames.append(
                gpd.GeoDataFrame(
                    {
                        "class": section.title,
                        "landform": own + 1,
                        "operators": section.found.votes[own],
                        "operator": number,
                        "id": side.ids[rows],
                        "row": side.layer.rows[side.positions[rows]],
                    },
                    geometry=side.geometries[rows],
                    crs=4326,
                )
            )
    if not frames:
        return gpd.GeoDataFrame({"class": []}, geometry=[], crs=4326)
    out = pd.concat([f for f in frames if len(f)], ignore_index=True)
    out = out.sort_values(["class", "landform", "operator"], kind="stable", ignore_index=True)
    return gpd.GeoDataFrame(out, crs=4326)


def vote_layer(result: OperatorComparison) -> gpd.GeoDataFrame:
    """Faces (EPSG:4326) with the number of operators who cover each."""
    frames = [
        gpd.GeoDataFrame(
            {"class": s.title, "votes": s.votes.votes, "area_m2": s.votes.area},
            geometry=s.votes.faces,
            crs=4326,
        )
        for s in result.sections
        if s.votes is not None
    ]
    if not frames:
        return gpd.GeoDataFrame({"class": []}, geometry=[], crs=4326)
    return gpd.GeoDataFrame(pd.concat(frames, ignore_index=True), crs=4326)


def _size(sides: Sequence[Side], extent: Extent) -> int:
    return sum(int((s.extent == extent).sum()) for s in sides)


def _section(sides: Sequence[Side], extent: Extent, p: Parameters) -> OperatorSection:
    rows = tuple(np.flatnonzero(s.extent == extent) for s in sides)
    counts = tuple(len(r) for r in rows)
    shapes: list[Geometries] = [s.geometries[r] for s, r in zip(sides, rows, strict=True)]
    if extent is Extent.MARKER:
        graphs = match_all_points(shapes, p.marker_distance_m)
        found = landforms(counts, graphs, 0.0)
        ready: list[Outlines] = []
    else:
        ready = prepare_together([(g, 4326) for g in shapes])
        graphs = match_all(ready)
        found = landforms(counts, graphs, p.panoptic_iou)
    votes = vote_faces(ready, found) if ready else None
    return OperatorSection(
        {Extent.MARKER: "markers", Extent.UNSTATED: "outlines"}.get(extent, f"{extent.value} outlines"),
        rows,
        counts,
        iou_matrix(ready, graphs) if ready else None,
        _pairwise_f1(counts, graphs, 0.0 if extent is Extent.MARKER else p.panoptic_iou),
        found,
        detection_alpha(found),
        _alpha_of_classes(sides, rows, found),
        votes,
        landform_agreement(ready, found, votes) if votes is not None else None,
    )


def _alpha_of_classes(sides: Sequence[Side], rows: tuple[Ints, ...], found: Landforms) -> Alpha | None:
    classes: list[NDArray[np.intp]] = [
        (s.certainty[r] == Certainty.UNCERTAIN).astype(np.intp) for s, r in zip(sides, rows, strict=True)
    ]
    return detection_alpha(found, classes) if any(c.any() for c in classes) else None


def _pairwise_f1(
    counts: tuple[int, ...], graphs: dict[tuple[int, int], MatchGraph], min_iou: float
) -> Floats:
    """F1 by object of every pair of operators; 1 on the diagonal, NaN where neither mapped anything."""
    out = np.full((len(counts), len(counts)), np.nan)
    for k, n in enumerate(counts):
        out[k, k] = 1.0 if n else np.nan
    for (i, j), graph in graphs.items():
        chosen = assignment(graph, min_iou=min_iou)
        if np.isnan(graph.overlap).all():
            total = counts[i] + counts[j]
            value = 2 * int(chosen.sum()) / total if total else np.nan
        else:
            value = object_agreement(graph, chosen, min_iou).f1.value
        out[i, j] = out[j, i] = value
    return out
