"""How good candidates are: against true outlines, on the ground that was predicted.

Matching, areas, boundaries and intervals are those of `rogi compare` (A is the truth, B the candidates). What
is added: the ground that counts, curves over the confidence of candidates and over the probability of pixels,
calibration, the choice of a threshold, and the rates published for TPRoGI.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import shapely

from rogi.areas import area_m2
from rogi.comparison.agreement.objects import AreaAgreement
from rogi.comparison.compare import Comparison, Parameters, compare_polygons
from rogi.comparison.inventories import InventoryComparison, Section, compare_inventories
from rogi.comparison.matching.graph import assignment
from rogi.comparison.matching.prepared_outlines import Outlines, prepare_together
from rogi.comparison.matching.sides import Side
from rogi.comparison.metrics import metrics
from rogi.detection.evaluation.boundary_iou import BAND_M, boundary_iou
from rogi.detection.evaluation.curves import (
    Calibration,
    Curve,
    ThresholdChoice,
    calibration,
    choose_threshold,
    curve,
    scored,
)
from rogi.detection.evaluation.evaluated_area import Clipped, clip
from rogi.detection.evaluation.pixel_scores import pixel_scores
from rogi.detection.evaluation.published import PublishedEvaluation, PublishedRates
from rogi.errors import InputError, OptionError
from rogi.geometry import Floats, Geometries, Ints

if TYPE_CHECKING:
    from rogi.inventory.regions import Regions

COCO_IOU = tuple(np.round(np.arange(0.5, 0.96, 0.05), 2).tolist())
"""IoU thresholds over which average precision is averaged (Lin et al. 2014)."""
BLOCK_SIDES = (2.0, 1.0, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01)
"""Degrees: sides of the blocks that are drawn in the bootstrap, the first that gives enough of them."""
BLOCKS = 30
CONFIDENCE_COLUMN = "confidence"
PIXEL_METRICS = (
    "pixel_f1",
    "pixel_iou",
    "pixel_average_precision",
    "pixel_calibration_error",
    "best_pixel_threshold",
    "best_pixel_f1",
)
"""Numbers there are with a raster of probabilities only."""


@dataclass(frozen=True)
class AreaRow:
    """A row of Table 3: agreement by area of a subregion, or of the whole, and what was published."""

    name: str
    candidates: int
    truth: int
    area: AreaAgreement
    published: PublishedRates | None


@dataclass(frozen=True)
class ConfidenceScores:
    """What the confidence of candidates says.

    Attributes
    ----------
    objects : mapping of float to Curve
        By IoU threshold: a candidate is right if it is matched one to one.
    mean_average_precision : float
        Average precision by object, averaged over `COCO_IOU`.
    area : Curve
        By area: what truth covers of a candidate is right.
    calibration : Calibration
        Confidence beside the share of the candidates' area that truth covers.
    choice_objects, choice_area : ThresholdChoice
        By F1 of objects at ``iou``, and by F1 of areas.
    iou : float
    without : int
        Candidates without a confidence, taken as 0.
    """

    objects: Mapping[float, Curve]
    mean_average_precision: float
    area: Curve
    calibration: Calibration
    choice_objects: ThresholdChoice
    choice_area: ThresholdChoice
    iou: float
    without: int


@dataclass(frozen=True)
class PixelEvaluation:
    """What the probabilities of pixels say; areas in m². `damaged` says which files could not be read."""

    curve: Curve
    calibration: Calibration
    choice: ThresholdChoice
    area: float
    missed: float
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All that one run of `rogi detect evaluate` found.

    Attributes
    ----------
    comparison : InventoryComparison
        The truth (A) with the candidates (B), on the ground that counts.
    section : Section
        Of the candidates.
    truth, candidates : Clipped
        What of both lies on the ground.
    ground_m2 : float
        Its area; NaN where everything counts.
    table : tuple of AreaRow
        Table 3, the whole last.
    boundary_iou : ndarray of float64, shape (m,)
        Of the pairs matched one to one.
    confidence : ConfidenceScores or None
    pixels : PixelEvaluation or None
    published : PublishedEvaluation or None
    band_m : float
        Of the boundary IoU.
    notes : tuple of str
    everywhere : bool
        All ground counts because that was asked for, not because nothing says what was predicted.
    """

    comparison: InventoryComparison
    section: Section
    truth: Clipped
    candidates: Clipped
    ground_m2: float
    table: tuple[AreaRow, ...]
    boundary_iou: Floats
    confidence: ConfidenceScores | None
    pixels: PixelEvaluation | None
    published: PublishedEvaluation | None
    band_m: float = BAND_M
    notes: tuple[str, ...] = ()
    everywhere: bool = False

    @property
    def outcome(self) -> Comparison:
        """The comparison of the candidates' class."""
        return self.section.comparison

    def metrics(self) -> dict[str, float]:
        """All numbers by name; those of `rogi compare`, and its own."""
        out = metrics(self.comparison)
        out["truth_outside_km2"] = self.truth.area_outside / 1e6
        out["boundary_iou"] = float(self.boundary_iou.mean()) if len(self.boundary_iou) else math.nan
        if self.confidence is not None:
            c = self.confidence
            for iou, found in c.objects.items():
                out[f"average_precision_{round(100 * iou)}"] = found.average_precision.value
            out |= {
                "mean_average_precision": c.mean_average_precision,
                "area_average_precision": c.area.average_precision.value,
                "calibration_error": c.calibration.error.value,
                "best_confidence": c.choice_objects.best,
                "best_confidence_f1": c.choice_objects.f1_best,
            }
        if self.pixels is not None:
            p = self.pixels
            values = (
                p.choice.f1_current,
                p.choice.f1_current / (2 - p.choice.f1_current),
                p.curve.average_precision.value,
                p.calibration.error.value,
                p.choice.best,
                p.choice.f1_best,
            )
            out |= dict(zip(PIXEL_METRICS, values, strict=True))
        return out


def evaluate(
    candidates: Side,
    truth: Side,
    *,
    ground: Geometries | None = None,
    subregions: Regions | str | None = None,
    confidence: str | None = None,
    probability: str | Path | None = None,
    pixel_threshold: float = 0.5,
    published: PublishedEvaluation | None = None,
    parameters: Parameters | None = None,
    band_m: float = BAND_M,
    region: str = "",
    notes: Sequence[str] = (),
    everywhere: bool = False,
) -> Evaluation:
    """Judge candidates by true outlines.

    Parameters
    ----------
    candidates, truth : Side
        Both outlines.
    ground : ndarray of object, shape (g,), optional
        Polygons on longitude and latitude where candidates could have been found; both sides are cut to it.
        None counts everything.
    subregions : Regions or str, optional
        Table 3 by these polygons, or by a column that both sides have.
    confidence : str, optional
        Column of the candidates with a score from 0 to 1; by default ``confidence`` where there is one.
    probability : path, optional
        Raster the candidates were made from; see `rogi.detection.evaluation.pixel_scores.pixel_scores`.
    pixel_threshold : float
        The threshold of pixels in use.
    published : PublishedEvaluation, optional
        Rates to set beside the subregions of the same names.
    parameters : Parameters, optional
    band_m : float
        Band of the boundary IoU, m.
    region, notes, everywhere
        For the report.

    Raises
    ------
    InputError
        If a side is none of outlines, or there are candidates and neither side has any on the ground.
    OptionError
        If a column is missing.
    """
    p = parameters or Parameters()
    for side, what in ((candidates, "candidates"), (truth, "truth")):
        if not side.outlines:
            raise InputError(f"The {what} {side.name} are no outlines; areas can only be judged by polygons.")
    scores, without = _confidence(candidates, confidence)
    found, true = clip(candidates, ground), clip(truth, ground)
    if len(candidates) and not len(true.side) and not len(found.side):
        raise InputError(
            f"Neither {truth.name} nor {candidates.name} has an outline on the ground that counts; do both "
            "cover the same area?"
        )
    said = list(notes)
    if not len(true.side) and not len(found.side):
        said.append(
            "no true outline lies on the ground that counts and there is no candidate: there was nothing to "
            "find and nothing was found, so no rate is defined; do both files cover the same area?"
        )
    elif len(true.side) == 0:
        said.append("no true outline lies on the ground that counts: every candidate is false")
    comparison = compare_inventories(true.side, found.side, p, by=subregions, region=region, notes=said)
    if not comparison.sections:
        comparison = replace(comparison, sections=(_nothing(p),))
    section = next((s for s in comparison.sections if len(s.rows_b)), comparison.sections[0])
    c = section.comparison
    assert c.area is not None
    matched = c.assigned & (c.graph.iou >= p.panoptic_iou)
    rows = [
        AreaRow(
            g.name or "(none)",
            g.count_b,
            g.count_a,
            g.area,
            published.of(g.name) if published is not None else None,
        )
        for g in c.groups
        if g.area is not None
    ]
    known = published is not None and any(r.published is not None for r in rows)
    whole = published.whole if published is not None and known else None
    rows.append(AreaRow("all", len(section.rows_b), len(section.rows_a), c.area, whole))
    ranked = None
    if scores is not None:
        ranked = _ranked(c, section, found.side, scores[found.side.positions], p, without)
    pixels = None
    if probability is not None:
        pixels = _pixels(probability, true.side.geometries[section.rows_a], ground, pixel_threshold, p)
    return Evaluation(
        comparison,
        section,
        true,
        found,
        math.nan if ground is None else float(area_m2([shapely.union_all(ground)], 4326)[0]),
        tuple(rows),
        boundary_iou(
            true.side.geometries[section.rows_a[c.graph.a[matched]]],
            found.side.geometries[section.rows_b[c.graph.b[matched]]],
            band_m,
        ),
        ranked,
        pixels,
        published if known else None,
        band_m,
        comparison.notes,
        everywhere,
    )


def spatial_blocks(places: Geometries, minimum: int = BLOCKS) -> Ints:
    """Number of the block each point lies in, from 0, west to east and south to north; shape (n,).

    Blocks are squares in degrees, of the largest side in `BLOCK_SIDES` that gives ``minimum`` blocks with
    points, or the smallest side.
    """
    lonlat = shapely.get_coordinates(places)
    number: Ints = np.zeros(len(lonlat), np.intp)
    for side in BLOCK_SIDES:
        cells = np.floor(lonlat / side).astype(np.int64)
        found, number = np.unique(cells, axis=0, return_inverse=True)
        if len(found) >= minimum:
            break
    return np.asarray(number.reshape(-1), np.intp)


def _nothing(p: Parameters) -> Section:
    """No outlines, compared with none."""
    none = np.zeros(0, np.intp)
    a, b = prepare_together([(np.zeros(0, object), 4326), (np.zeros(0, object), 4326)])
    return Section("outlines", none, none, compare_polygons(a, b, p))


def _confidence(side: Side, column: str | None) -> tuple[Floats | None, int]:
    """Score of every feature in the candidates' layer; those without one, set to 0."""
    frame = side.layer.frame
    if column is None:
        if CONFIDENCE_COLUMN not in frame.columns:
            return None, 0
        column = CONFIDENCE_COLUMN
    if column not in frame.columns:
        columns = ", ".join(str(c) for c in frame.columns if c != frame.geometry.name)
        raise OptionError(
            f"{side.name} has no column {column!r} for --confidence; it has {columns or 'none'}."
        )
    values = pd.to_numeric(frame[column], errors="coerce").to_numpy(float, na_value=np.nan)
    known = np.isfinite(values)
    if ((values[known] < 0) | (values[known] > 1)).any():
        raise OptionError(f"The column {column!r} of {side.name} is no confidence: it leaves 0 to 1.")
    return np.where(known, values, 0.0), int((~known[side.positions]).sum())


def _ranked(
    c: Comparison, section: Section, found: Side, scores: Floats, p: Parameters, without: int
) -> ConfidenceScores | None:
    """Curves over the confidence, groups being blocks of ground."""
    assert c.parts is not None
    graph, parts = c.graph, c.parts
    score = scores[section.rows_b]
    if len(score) == 0:
        return None
    block_a, block_b, count = _blocks(c)
    truth = np.bincount(block_a, minlength=count).astype(float)
    ones = np.ones(len(score))

    def hits(iou: float) -> Floats:
        chosen = assignment(graph, min_iou=iou) & (graph.iou >= iou)
        right = np.zeros(len(score))
        right[graph.b[chosen]] = 1.0
        return right

    objects = {
        iou: scored(score, ones, hits(iou), block_b, truth)
        for iou in sorted({*p.iou_thresholds, p.panoptic_iou})
    }
    coco = [
        curve(scored(score, ones, hits(iou), block_b, truth), replicates=0).average_precision.value
        for iou in COCO_IOU
    ]
    # every component lies in one block, so that areas add up
    block_of_part = np.zeros(len(parts), np.intp)
    block_of_part[parts.of_b], block_of_part[parts.of_a] = block_b, block_a
    covered = np.bincount(block_of_part, weights=parts.union_a, minlength=count).astype(float)
    areas = scored(score, graph.area_b, parts.covered_b, block_b, covered)
    options: dict[str, int] = {"replicates": p.replicates, "seed": p.seed}
    return ConfidenceScores(
        {iou: curve(things, **options) for iou, things in objects.items()},
        float(np.mean(coco)),
        curve(areas, **options),
        calibration(areas, **options),
        choose_threshold(objects[p.panoptic_iou], 0.0),
        choose_threshold(areas, 0.0),
        p.panoptic_iou,
        without,
    )


def _blocks(c: Comparison) -> tuple[Ints, Ints, int]:
    """Block of each true outline and each candidate, linked ones in one block, and how many blocks."""
    assert c.parts is not None and isinstance(c.a, Outlines) and isinstance(c.b, Outlines)
    places = np.full(len(c.parts), None, dtype=object)
    for owner, side, area in (
        (c.parts.of_b, c.b, c.graph.area_b),
        (c.parts.of_a, c.a, c.graph.area_a),
    ):
        ascending = np.lexsort([-np.arange(len(area)), area])
        places[owner[ascending]] = shapely.point_on_surface(side.geometries)[ascending]
    block = spatial_blocks(places)
    return block[c.parts.of_a], block[c.parts.of_b], int(block.max(initial=-1)) + 1


def _pixels(
    path: str | Path, truth: Geometries, ground: Geometries | None, threshold: float, p: Parameters
) -> PixelEvaluation:
    found = pixel_scores(path, truth, ground)
    things = found.scored()
    options: dict[str, int] = {"replicates": p.replicates, "seed": p.seed}
    return PixelEvaluation(
        curve(things, **options),
        calibration(things, **options),
        choose_threshold(things, threshold),
        float(things.size.sum()),
        found.missed,
        found.damaged,
    )
