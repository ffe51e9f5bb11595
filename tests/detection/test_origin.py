"""Probabilities and candidates: those of another model, imagery or day are not taken for one another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin

from rogi.detection.origin import (
    Origin,
    origin_of_parameters,
    origin_of_raster,
    refuse_other_raster,
    with_columns,
)
from rogi.errors import InputError

OWN = Origin("tp@0123456789ab", "a" * 64, "s2.tif", "b" * 64, "2026-08-01", "0.5")


def raster(path: Path, origin: Origin) -> Path:
    with rasterio.open(
        path, "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8", crs="EPSG:4326",
        transform=from_origin(74, 38, 0.001, 0.001), nodata=255,
    ) as dataset:  # fmt: skip
        dataset.write(np.zeros((1, 4, 4), np.uint8))
        dataset.update_tags(**origin.tags())
    return path


def test_tags_are_read_back(tmp_path: Path) -> None:
    """What is written is what is read; a raster without tags says nothing."""
    assert origin_of_raster(raster(tmp_path / "p.tif", OWN)) == OWN
    assert origin_of_raster(raster(tmp_path / "q.tif", Origin())) == Origin()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            replace(OWN, model="tp@ffffffffffff", model_sha256="f" * 64),
            "model tp@ffffffffffff, not tp@0123456789ab",
        ),
        (replace(OWN, model_sha256="f" * 64), r"model tp@0123456789ab \(ffffffffffff\), not tp@0123456789ab"),
        (replace(OWN, model="x@1", model_sha256=""), "model x@1, not tp@0123456789ab"),
        (
            replace(OWN, imagery_sha256="f" * 64),
            r"imagery s2.tif \(ffffffffffff\), not s2.tif \(bbbbbbbbbbbb\)",
        ),
        (replace(OWN, imagery="s1.tif", imagery_sha256=""), "imagery s1.tif, not s2.tif"),
        (replace(OWN, date="2020-08-01"), "date 2020-08-01, not 2026-08-01"),
        (replace(OWN, date="2020-08-01", imagery_sha256="f" * 64), "imagery .*; date "),
    ],
)
def test_another_origin_is_refused(tmp_path: Path, other: Origin, message: str) -> None:
    """The message says what differs, digests where the names are the same."""
    path = raster(tmp_path / "p.tif", other)
    with pytest.raises(InputError, match=f"made from: {message}") as caught:
        refuse_other_raster(path, "candidates.gpkg", OWN)
    assert "Give the raster that the same rogi detect predict wrote" in str(caught.value)


@pytest.mark.parametrize(
    ("own", "found", "note"),
    [
        (OWN, OWN, ""),
        (replace(OWN, date=""), OWN, ""),
        (Origin(model=OWN.model), OWN, ""),
        (
            OWN,
            replace(OWN, threshold="0.6"),
            "the threshold 0.6, c.gpkg with 0.5; the probabilities are the same",
        ),
        (OWN, Origin(), "p.tif does not say which model and imagery it is of, so it was not checked"),
        (Origin(), OWN, "c.gpkg does not say which model"),
    ],
)
def test_what_cannot_be_told_apart_is_said(tmp_path: Path, own: Origin, found: Origin, note: str) -> None:
    """Files of earlier versions and other programs are taken, with a note."""
    told = refuse_other_raster(raster(tmp_path / "p.tif", found), "c.gpkg", own)
    assert [note in text for text in told] == ([True] if note else [])


def test_columns_complete_what_a_file_states() -> None:
    """Formats without metadata have the columns; several models are no one's."""
    assert with_columns(Origin(), ["m", "m", None], ["i"], [float("nan")]) == Origin(model="m", imagery="i")
    assert with_columns(Origin(), ["m", "n"], (), ()) == Origin()
    assert with_columns(OWN, ["m"], ["i"], ["d"]) == OWN


def test_parameters_of_candidates() -> None:
    stated = {
        "model": OWN.model,
        "bundle": {"sha256": OWN.model_sha256},
        "imagery": OWN.imagery,
        "images": {"sha256": OWN.imagery_sha256},
        "image_date": OWN.date,
        "threshold": 0.5,
    }
    assert origin_of_parameters(stated) == OWN
    assert origin_of_parameters({"bundle": "x", "threshold": "y"}) == Origin()
