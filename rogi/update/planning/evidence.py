"""What beside the match is known of units and candidates: ice, imaged ground, probability."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rogi.attributes.zonal.zonal import zonal_statistics
from rogi.comparison.matching.prepared_outlines import Outlines
from rogi.detection.candidates.files import read_parameters
from rogi.detection.evaluation.pixel_scores import probability_raster
from rogi.detection.origin import IMAGE_NOTE, origin_of_parameters, refuse_other_raster, with_columns
from rogi.errors import InputError
from rogi.geometry import Floats, Geometries
from rogi.raster.header import CorruptTile, read_tags
from rogi.text import counted
from rogi.update.planning.candidate_files import Candidates, read_polygons
from rogi.update.planning.coverage import covered_share
from rogi.update.planning.units import Units


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of units and candidates, 0-1, NaN where nothing is.

    Attributes
    ----------
    unit_ice, candidate_ice
        (n,), (m,) share of each outline on glacier ice.
    valid_share
        (n,) share of each unit's outline that could be judged.
    probability
        (n,) mean probability inside each unit's outline.
    confidence
        (m,) mean probability of each candidate.
    doubtful
        (n + m,) whether an outline lies on imagery whose values were not such as in training, so that nothing
        there is proposed for removal.
    glacier_file
        Where the ice is from.
    notes
        What to bear in mind.
    damaged
        Files of the raster of probability that cannot be read; what lies on them could not be judged.
    """

    unit_ice: Floats
    candidate_ice: Floats
    valid_share: Floats
    probability: Floats
    confidence: Floats
    doubtful: NDArray[np.bool_]
    glacier_file: Path | None
    notes: tuple[str, ...]
    damaged: tuple[CorruptTile, ...] = ()


def gather_evidence(
    units: Units,
    found: Candidates,
    sides: tuple[Outlines, Outlines],
    *,
    glaciers: str | None = None,
    probability: Path | None = None,
    crs: str | None = None,
) -> Evidence:
    """Shares on ice and on valid ground, and probabilities, of all outlines.

    Parameters
    ----------
    units, found
        Units and candidates.
    sides
        The same, ready for matching.
    glaciers
        ``FILE`` or ``FILE:LAYER``; without it the candidates' own shares are taken.
    probability
        Raster: floats 0-1, or bytes 0-254 with 255 for no data, as `rogi detect predict` writes them. Its
        means stand in for confidences that the candidates lack, and where it has no data nothing could be
        judged, unless the candidates say where.
    crs
        Of files that state none.

    Raises
    ------
    InputError
        If a file cannot be used.
    """
    a, b = sides
    notes: list[str] = []
    unit_ice, candidate_ice = np.full(len(units), np.nan), found.glacier_share
    glacier_file = None
    if glaciers is not None:
        glacier_file, ice = read_polygons(glaciers, crs=crs)
        unit_ice, candidate_ice = covered_share(a, ice), covered_share(b, ice)
        if not (unit_ice > 0).any() and not (candidate_ice > 0).any():
            notes.append(f"no unit or candidate lies on a glacier of {glacier_file}")
    confidence = found.confidence
    valid_share, inside = np.full(len(units), np.nan), np.full(len(units), np.nan)
    damaged: tuple[CorruptTile, ...] = ()
    if probability is not None:
        texts = (found.texts[name] for name in ("model", "imagery", "image_date"))
        own = with_columns(origin_of_parameters(read_parameters(found.path)), *texts)
        notes += refuse_other_raster(probability, found.path.name, own)
        means, shares, damaged = _zonal(probability, np.concatenate([units.lonlat, found.lonlat]))
        n = len(units)
        inside, valid_share = means[:n], shares[:n]
        confidence = np.where(np.isnan(confidence), means[n:], confidence)
    if found.coverage is not None:
        valid_share = covered_share(a, found.coverage)
    doubted = found.texts["image_note"] != None  # noqa: E711 - elementwise
    if found.coverage is not None:
        unsure = covered_share(a, found.doubtful) > 0
    else:  # which part of the ground it is, is not known
        noted = probability is not None and IMAGE_NOTE in read_tags(probability)
        unsure = np.full(len(units), bool(doubted.any()) or noted)
    if doubted.any() or unsure.any():
        notes.append(
            f"values of the imagery under {counted(int(unsure.sum()), 'unit')} and "
            f"{counted(int(doubted.sum()), 'candidate')} are not such as the model was trained on "
            "(image_note), so "
            "nothing is proposed for removal there"
        )
    if probability is None and found.coverage is None:
        notes.append(
            "no layer 'coverage' and no --probability: units without a candidate count as seen, also outside "
            "the predicted area"
        )
    notes += [f"{error.note}: what lies on it could not be judged" for error in damaged]
    return Evidence(
        unit_ice, candidate_ice, valid_share, inside, confidence, np.append(unsure, doubted), glacier_file,
        tuple(notes), damaged,
    )  # fmt: skip


def _zonal(path: Path, lonlat: Geometries) -> tuple[Floats, Floats, tuple[CorruptTile, ...]]:
    """Mean probability inside outlines, the share of them on valid pixels, and files at fault."""
    damaged: dict[Path, CorruptTile] = {}
    raster = replace(probability_raster(path), damaged=damaged)
    coded = raster.dtype == "uint8"  # 0..254 stand for 0..1, 255 for no data
    table = zonal_statistics(lonlat, {"p": raster}, ("mean",), crs=4326, minimum_valid_share=1e-9)
    mean = table["p_mean"].to_numpy(dtype=float) / (254.0 if coded else 1.0)
    if len(mean) and np.isnan(mean).all() and not damaged:
        raise InputError(
            f"{path} has no data in any outline of inventory or candidates; give the raster of this ground."
        )
    with np.errstate(invalid="ignore"):
        if ((mean < -1e-6) | (mean > 1 + 1e-6)).any():
            raise InputError(
                f"{path} holds values outside 0-1, so it is no raster of probability; give one of "
                "`rogi detect predict`, or one of floats from 0 to 1."
            )
    share = table["p_valid_share"].to_numpy(dtype=float)
    return np.clip(mean, 0.0, 1.0), np.where(np.isnan(share), 0.0, share), tuple(damaged.values())
