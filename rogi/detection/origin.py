"""What probabilities were made from, as their raster says it, and whether candidates are theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from rogi.errors import InputError
from rogi.raster.header import read_tags

PREFIX: Final = "ROGI_"
"""Begins the names of the tags of a raster, such as ``ROGI_MODEL_SHA256``."""

IMAGE_NOTE: Final = "ROGI_IMAGE_NOTE"
"""Tag of a raster of which some ground has values that are not such as in training: what they seem to be."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a raster of probabilities, or candidates made from it, come from; empty where that is not stated.

    Attributes
    ----------
    model, model_sha256
        ``name@digest`` of the model, and the digest of its bundle.
    imagery, imagery_sha256
        Name and digest of the imagery.
    date
        Of the imagery, ISO 8601; ``first/last`` of images of several dates.
    threshold
        Least probability of a pixel of a candidate.
    """

    model: str = ""
    model_sha256: str = ""
    imagery: str = ""
    imagery_sha256: str = ""
    date: str = ""
    threshold: str = ""

    def tags(self) -> dict[str, str]:
        """Tags of a GeoTIFF.

        Examples
        --------
        >>> Origin(model="tp@0123456789ab", threshold="0.5").tags()
        {'ROGI_MODEL': 'tp@0123456789ab', 'ROGI_THRESHOLD': '0.5'}
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {f"{PREFIX}{name.upper()}": value for name, value in values.items() if value}


def origin_of_raster(path: Path) -> Origin:
    """What the tags of a raster state."""
    tags = read_tags(path)
    return Origin(**{field.name: tags.get(f"{PREFIX}{field.name.upper()}", "") for field in fields(Origin)})


def origin_of_parameters(parameters: Mapping[str, Any]) -> Origin:
    """What the file of candidates states, see `rogi.detection.candidates.files.read_parameters`."""

    def sha256(name: str) -> str:
        entry = parameters.get(name)
        return str(entry.get("sha256") or "") if isinstance(entry, Mapping) else ""

    threshold = parameters.get("threshold")
    return Origin(
        model=str(parameters.get("model") or ""),
        model_sha256=sha256("bundle"),
        imagery=str(parameters.get("imagery") or ""),
        imagery_sha256=sha256("images"),
        date=str(parameters.get("image_date") or ""),
        threshold=f"{threshold:g}" if isinstance(threshold, int | float) else "",
    )


def with_columns(
    stated: Origin, models: Iterable[object], imagery: Iterable[object], dates: Iterable[object]
) -> Origin:
    """The same, completed by the columns of candidates where all of them agree."""

    def only(values: Iterable[object]) -> str:
        found = {text for text in values if isinstance(text, str) and text}
        return found.pop() if len(found) == 1 else ""

    return replace(
        stated,
        model=stated.model or only(models),
        imagery=stated.imagery or only(imagery),
        date=stated.date or only(dates),
    )


def _within(date: str, span: str) -> bool:
    """Whether a date lies in ``first/last``: of candidates of several images all may be of one."""
    first, _, last = span.partition("/")
    return bool(last) and "/" not in date and first <= date <= last


def refuse_other_raster(raster: Path, candidates: str, own: Origin) -> tuple[str, ...]:
    """Refuse probabilities that are not those that candidates were made from.

    Parameters
    ----------
    raster
        Of probabilities.
    candidates
        Name of the candidates' file.
    own
        What the candidates state.

    Returns
    -------
    tuple of str
        What could not be checked, or differs without changing the probabilities.

    Raises
    ------
    InputError
        If model, imagery or its date are others.
    """
    found = origin_of_raster(raster)
    wrong, compared = [], 0
    for name, digest in (("model", "model_sha256"), ("imagery", "imagery_sha256"), ("date", "date")):
        keys = [key for key in (digest, name) if getattr(own, key) and getattr(found, key)]
        if not keys:
            continue
        compared += 1
        mine, theirs = getattr(own, keys[0]), getattr(found, keys[0])
        if name == "date" and _within(mine, theirs):
            continue
        if mine != theirs:
            shown = [getattr(o, name) or getattr(o, keys[0]) for o in (found, own)]
            if shown[0] == shown[1]:
                shown = [
                    f"{text} ({digest[:12]})" for text, digest in zip(shown, (theirs, mine), strict=True)
                ]
            wrong.append(f"{name} {shown[0]}, not {shown[1]}")
    if wrong:
        raise InputError(
            f"{raster} has other probabilities than those that {candidates} was made from: "
            f"{'; '.join(wrong)}. Give the raster that the same rogi detect predict wrote."
        )
    if not compared:
        silent = raster.name if found == Origin() else candidates
        return (
            f"{silent} does not say which model and imagery it is of, so it was not checked that "
            f"{raster.name} has the probabilities of {candidates}",
        )
    if own.threshold and found.threshold and own.threshold != found.threshold:
        return (
            f"{raster.name} was written with the threshold {found.threshold}, {candidates} with "
            f"{own.threshold}; the probabilities are the same",
        )
    return ()
