"""Which dialect an inventory is written in, and which layer plays which role.

Names of columns are compared without case and punctuation, names of layers and files without case.
A dialect is taken on evidence only: columns that identify it, or a layer name together with the column
of its primary ID. Two dialects that fit equally are no decision; the generic dialect is taken then.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from rogi.schema.attributes import added_columns
from rogi.schema.model import Dialect, DialectLayer, Role, normalise

GENERIC = "generic"

# Weights of the evidence for a dialect: its identifying columns, a layer name, and column names spelt
# exactly (which tells the RGIK template, with dots, from published files, without).
SIGNATURE_WEIGHT, NAME_WEIGHT, SPELLING_WEIGHT = 10.0, 5.0, 1.0
SIGNATURE_SHARE = 0.5  # of the identifying columns must be there, and of those no attribute is written to
SIGNATURE_COLUMNS = 2  # and at least so many: one column may be there by chance

# Words that name a role so clearly that a layer of another geometry type is a fault, not another role.
_CLEAR = ("outline", "footprint", "marker", "moving")


class Family(StrEnum):
    """What kind of geometry a layer holds, as far as it is known."""

    POINT = "point"
    LINE = "line"
    POLYGON = "polygon"
    UNKNOWN = "unknown"
    NONE = "none"

    @classmethod
    def of(cls, geometry_type: str | None) -> Family:
        """The family of a geometry type as drivers write it (``MultiPolygon Z``)."""
        if not geometry_type:
            return cls.NONE
        name = geometry_type.casefold()
        if "point" in name:
            return cls.POINT
        if "line" in name or (name.removeprefix("multi").split()[0] == "curve"):
            return cls.LINE
        return cls.POLYGON if ("polygon" in name or "surface" in name) else cls.UNKNOWN


FAMILY_OF_ROLE = {
    Role.MARKER: Family.POINT,
    Role.OUTLINE: Family.POLYGON,
    Role.MOVING_AREA: Family.POLYGON,
    Role.AREA_OF_INTEREST: Family.POLYGON,
}


@dataclass(frozen=True, slots=True)
class LayerHint:
    """What is known of a layer before it is read.

    Attributes
    ----------
    names
        Its name and that of its file (without suffix).
    columns
        Column names, geometry excluded.
    family
        Kind of geometry.
    role
        Where it is given.
    """

    names: tuple[str, ...]
    columns: tuple[str, ...]
    family: Family = Family.UNKNOWN
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Detection:
    """A dialect and why it was taken, in words."""

    dialect: Dialect
    reason: str


@dataclass(frozen=True, slots=True)
class _Fit:
    score: float
    signature: tuple[str, ...]
    name: str | None


def detect_dialect(hints: Sequence[LayerHint], dialects: Sequence[Dialect]) -> Detection:
    """The dialect that fits some layers best.

    Parameters
    ----------
    hints : sequence of LayerHint
        All layers of the input.
    dialects : sequence of Dialect
        What to choose from; one must be named ``generic``.

    Returns
    -------
    Detection
        The generic dialect where none fits or two fit equally.
    """
    generic = next(dialect for dialect in dialects if dialect.name == GENERIC)
    scored: list[tuple[float, int, Dialect, list[_Fit]]] = []
    for dialect in dialects:
        if dialect.name == GENERIC:
            continue
        fits = [fit for hint in hints if (fit := _best_fit(hint, dialect)) is not None]
        if fits:
            scored.append((round(sum(fit.score for fit in fits), 6), dialect.priority, dialect, fits))
    if not scored:
        return Detection(generic, "no known dialect's columns or layer names were found")
    scored.sort(key=lambda item: item[:2], reverse=True)
    best = scored[0]
    rivals = [item[2].name for item in scored[1:] if item[:2] == best[:2]]
    if rivals:
        names = " and ".join([best[2].name, *rivals])
        return Detection(generic, f"{names} fit equally well; choose one with --dialect")
    return Detection(best[2], _reason(best[3]))


def detect_role(hint: LayerHint, dialect: Dialect) -> Role | None:
    """The role of a layer by its name or its identifying columns; None where neither tells.

    A name that fits counts before columns, a longer pattern before a shorter one, and a role whose
    geometry the layer has before others.
    """
    if hint.role is not None:
        return hint.role
    if hint.family is Family.NONE:
        return None
    named = []
    for layer in dialect.layers:
        patterns = _matching_patterns(hint, layer)
        if patterns:
            fits = _compatible(hint.family, layer.role)
            clear = any(word in pattern for word in _CLEAR for pattern in patterns)
            if fits or clear or dialect.name != GENERIC:
                named.append((fits, _literal_length(patterns[0]), layer.role))
    if named:
        return max(named, key=lambda item: item[:2])[2]
    signed = [
        (len(found), layer.role)
        for layer in dialect.layers
        if _compatible(hint.family, layer.role) and (found := _signature(hint, layer))
    ]
    return max(signed, key=lambda item: item[0])[1] if signed else None


def names_a_role(names: Sequence[str]) -> bool:
    """Whether a layer's name says so clearly what it is that geometries of other types are faults."""
    return any(word in name.casefold() for name in names for word in _CLEAR)


def role_of_family(family: Family) -> Role | None:
    """The role of a layer of which only the geometry is known."""
    return {Family.POINT: Role.MARKER, Family.POLYGON: Role.OUTLINE}.get(family)


def _best_fit(hint: LayerHint, dialect: Dialect) -> _Fit | None:
    fits = [
        fit
        for layer in dialect.layers
        if hint.role in (None, layer.role) and (fit := _fit(hint, layer)) is not None
    ]
    return max(fits, key=lambda fit: fit.score, default=None)


def _fit(hint: LayerHint, layer: DialectLayer) -> _Fit | None:
    """Evidence that a layer is this layer of the dialect; None where it is too little."""
    signature = _signature(hint, layer)
    name = _matching_name(hint, layer)
    identified = len(signature) >= max(SIGNATURE_COLUMNS, SIGNATURE_SHARE * len(layer.signature))
    telling = {normalise(column) for column in layer.signature} - added_columns()
    identified &= len(telling & set(map(normalise, signature))) >= SIGNATURE_SHARE * len(telling)
    if identified and hint.role is None and name is None and not _compatible(hint.family, layer.role):
        return None
    has = {normalise(column) for column in hint.columns}
    keyed = any(normalise(column) in has for column in layer.columns.get("primary_id", ()))
    if not identified and not (name is not None and (signature or keyed)):
        return None
    score = SIGNATURE_WEIGHT * len(signature) / max(1, len(layer.signature)) if identified else 0.0
    score += NAME_WEIGHT if name is not None else 0.0
    if signature:
        spelt = sum(column in layer.signature for column in signature)
        score += SPELLING_WEIGHT * spelt / len(signature)
    return _Fit(score, signature, name)


def _signature(hint: LayerHint, layer: DialectLayer) -> tuple[str, ...]:
    """The layer's columns (as it spells them) that betray the dialect."""
    wanted = {normalise(column) for column in layer.signature}
    return tuple(column for column in hint.columns if normalise(column) in wanted)


def _matching_patterns(hint: LayerHint, layer: DialectLayer) -> list[str]:
    """Patterns that one of the names fits, in lower case, the longest first."""
    hits = [
        pattern.casefold()
        for pattern in layer.names
        if any(fnmatchcase(name.casefold(), pattern.casefold()) for name in hint.names)
    ]
    return sorted(hits, key=_literal_length, reverse=True)


def _matching_name(hint: LayerHint, layer: DialectLayer) -> str | None:
    patterns = _matching_patterns(hint, layer)
    if not patterns:
        return None
    return next(name for name in hint.names if fnmatchcase(name.casefold(), patterns[0]))


def _literal_length(pattern: str) -> int:
    return len(re.sub(r"[*?\[\]]", "", pattern))


def _compatible(family: Family, role: Role) -> bool:
    return family in (Family.UNKNOWN, FAMILY_OF_ROLE[role])


def _reason(fits: Sequence[_Fit]) -> str:
    columns = list(dict.fromkeys(column for fit in fits for column in fit.signature))
    names = list(dict.fromkeys(fit.name for fit in fits if fit.name is not None))
    parts = []
    if columns:
        more = f" and {len(columns) - 6} more" if len(columns) > 6 else ""
        parts.append(f"the column{'s' * (len(columns) > 1)} {', '.join(columns[:6])}{more}")
    if names:
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        parts.append(f"the layer name{'s' * (len(names) > 1)} {', '.join(names[:4])}{more}")
    return "recognised by " + " and ".join(parts) if parts else "recognised by its layer names"
