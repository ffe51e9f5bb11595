"""Content of a release beside the version before: units, emptied columns, shifts, findings, duplicates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.comparison.matching.graph import self_overlaps
from rogi.comparison.matching.prepared_outlines import prepare
from rogi.comparison.matching.sides import side_of
from rogi.inventory.model import Inventory, Layer
from rogi.inventory.values.columns import as_numbers, texts
from rogi.inventory.values.known import Quantity, concept_of, known_texts, quantity
from rogi.inventory.values.units import AreaKind
from rogi.longitudes import short_way
from rogi.release.description import Thresholds
from rogi.release.gate.layers import FEWEST, SWAPPED, lost_layers, swapped, words
from rogi.release.gate.refusal import Refusal, liftable, some
from rogi.rules.rule import Severity
from rogi.schema.attributes import is_circular
from rogi.schema.model import FieldType, Role
from rogi.text import clause, counted
from rogi.validation.report import Report, State

Floats = NDArray[np.float64]

# Two outlines of different IDs that share this much of their union are one outline mapped, or pasted, twice.
DUPLICATE_IOU: Final = 0.9
# New units whose median is so many standard deviations off were derived in another way.
FOREIGN_SPREADS: Final = 3.0
UNIT_RULES: Final = ("ATT006", "ATT014")  # coding of aspects, unit of areas
NUMBER_TOLERANCE: Final = 1e-7  # relative; as in the difference of two versions
_NUMERIC: Final = (FieldType.NUMBER, FieldType.INTEGER)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a field of numbers adds up to; NaN where it has no values.

    Attributes
    ----------
    count, nulls
        Rows with and without a value.
    mean, median, spread
        In ``unit``; the spread is the standard deviation.
    unit
        Unit of the values; None where they have none.
    """

    count: int
    nulls: int
    mean: float
    median: float
    spread: float
    unit: str | None

    @classmethod
    def of(cls, values: Floats, unit: str | None) -> Summary:
        """The summary of some values, NaN if missing.

        Examples
        --------
        >>> Summary.of(np.array([1.0, 3.0, np.nan]), "m")
        Summary(count=2, nulls=1, mean=2.0, median=2.0, spread=1.0, unit='m')
        """
        there = values[np.isfinite(values)]
        if not len(there):
            return cls(0, len(values), np.nan, np.nan, np.nan, unit)
        return cls(
            len(there),
            len(values) - len(there),
            float(there.mean()),
            float(np.median(there)),
            float(there.std()),
            unit,
        )


def content_refusals(
    report: Report,
    packed: Inventory,
    limits: Thresholds,
    *,
    foreign: tuple[Refusal, ...] = (),
    previous: Inventory | None = None,
    before: Callable[[tuple[str, ...]], Report] | None = None,
    explained: frozenset[str] = frozenset(),
) -> list[Refusal]:
    """What speaks against the content of a release; each reason can be lifted by itself.

    Parameters
    ----------
    report, packed
        The data as they go into the package, and their validation.
    limits
        Of lost values and shifts.
    foreign
        Columns in other units (:func:`foreign_units`) of what was given: the package has the schema's units.
    previous, before
        The version before, and what validates it by rules of the codes given.
    explained
        IDs of units that were split, merged, redrawn or renamed: their findings are new because the units
        are, and their tombstones say why.
    """
    out = [*foreign, *_unit_findings(report, {refusal.code for refusal in foreign}), *_duplicates(packed)]
    if previous is not None:
        out += lost_layers(previous, packed, limits)
        for layer in packed.layers:
            old = previous.layer(layer.role)
            if old is not None:
                out += _fields(old, layer, limits)
    if before is not None:
        out += _new_findings(report, before, {refusal.code for refusal in out}, explained)
    return out


# ---- units


def foreign_units(source: Inventory) -> Iterator[Refusal]:
    """Columns whose values are in another unit than dialect, name or schema say."""
    for layer in source.layers:
        for name, column in layer.columns.items():
            concept = concept_of(layer, name)
            if concept.type not in _NUMERIC:
                continue
            known = _known(source, layer, name)
            if not known.recognised and known.area_kind is AreaKind.ELLIPSOID:
                continue
            code = "ATT014" if name == "area" else f"unit:{column}"
            unit = known.unit if known.area_kind is AreaKind.ELLIPSOID else known.area_kind.value
            expected = known.declared or concept.unit
            yield liftable(
                code,
                f"The values of {column} of the {layer.role.title} are in {unit}, {expected} is expected.",
                f"Convert the column to {expected}, or name a dialect that declares its unit.",
            )


def _unit_findings(report: Report, told: set[str]) -> Iterator[Refusal]:
    """What the rules find of units, if it is not told already."""
    found = report.findings
    for code in UNIT_RULES:
        rows = found[(found["code"] == code) & (found["state"] == State.OPEN.value)]
        if len(rows) and code not in told:
            said = "; ".join(f"{f}: {m}" for f, m in zip(rows["field"], rows["message"], strict=True))
            yield liftable(code, f"{said}.", "Convert the column to the unit of the schema.")


def _known(inventory: Inventory, layer: Layer, name: str) -> Quantity:
    """A column with what is known of it; the unit of areas is told from the outlines."""
    if name == "area" and layer.role is Role.OUTLINE:
        return side_of(inventory, Role.OUTLINE).quantity(name)
    return quantity(layer, name)


# ---- fields


def _fields(old: Layer, new: Layer, limits: Thresholds) -> Iterator[Refusal]:
    rows = _pairs(old, new)
    for name in (*new.columns, *new.extra_columns):
        if name == "primary_id" or not (old.has(name) or name in old.extra_columns):
            continue
        column = new.columns.get(name, name)
        x, unit_old, full_old = _values(old, name, shipped=False)
        y, unit_new, full_new = _values(new, name, shipped=True)
        had, has = float(full_old.mean()), float(full_new.mean())
        lost = had - has
        # of the units in both, so that new units without values do not hide among those that have them
        if len(rows[0]):
            kept = full_old[rows[0]]
            lost = max(lost, float((kept & ~full_new[rows[1]]).sum()) / max(1, int(kept.sum())))
        if full_old.any() and (not full_new.any() or lost > limits.values):
            what = "is empty" if not full_new.any() else f"has lost {100 * lost:.1f} % of its values"
            yield liftable(
                f"emptied:{column}",
                f"{column} of the {new.role.title} {what}: {int(full_old.sum()):,} of {len(full_old):,} "
                f"units had a value, {int(full_new.sum()):,} of {len(full_new):,} have one "
                f"(limit {100 * limits.values:g} %).",
                "Fill the column again.",
            )
            continue
        if x is None and y is None:
            said = swapped(words(old, name)[rows[0]], words(new, name)[rows[1]], limits)
        elif x is None or y is None or not (np.isfinite(x).any() and np.isfinite(y).any()):
            continue
        else:
            said = _shift(x, y, rows, unit_old, unit_new, limits, circular=is_circular(name))
        if said:
            yield liftable(
                f"shift:{column}",
                f"{column} of the {new.role.title} {said}.",
                "Look at `rogi release diff`, and correct the column.",
            )


def _values(layer: Layer, name: str, *, shipped: bool) -> tuple[Floats | None, str | None, NDArray[np.bool_]]:
    """Numbers of a field, or None for texts; their unit; and which rows have a value.

    Numbers that are ``shipped`` are taken as they are: a reader takes them for values in the schema's unit.
    """
    if not layer.has(name):
        series = layer.frame[name]
        numbers = as_numbers(series)
        full = np.array([text is not None for text in texts(series)], dtype=bool)
        return (numbers if np.isfinite(numbers).sum() == full.sum() else None), None, full
    concept = concept_of(layer, name)
    if concept.type not in _NUMERIC:
        return None, None, np.array([text is not None for text in known_texts(layer, name)], dtype=bool)
    known = quantity(layer, name)
    numbers = known.values
    if shipped:
        numbers = np.where(np.isnan(known.numbers) | known.missing, numbers, known.numbers)
    return numbers, concept.unit, np.isfinite(numbers)


def _shift(
    x: Floats,
    y: Floats,
    rows: tuple[NDArray[np.intp], NDArray[np.intp]],
    unit_old: str | None,
    unit_new: str | None,
    limits: Thresholds,
    *,
    circular: bool,
) -> str:
    """How a field moved beyond the limits, in words; empty where it did not."""
    old, new = Summary.of(x, unit_old), Summary.of(y, unit_new)
    scale = old.spread if old.spread > NUMBER_TOLERANCE * abs(old.mean) else max(abs(old.mean), 1e-12)
    unit = f" {new.unit}" if new.unit else ""
    whole = (
        f"mean {old.mean:.6g} to {new.mean:.6g}{unit}, median {old.median:.6g} to {new.median:.6g}, "
        f"spread {old.spread:.6g} to {new.spread:.6g}"
    )
    p, q = x[rows[0]], y[rows[1]]
    apart = q - p
    if circular:
        apart = short_way(apart)
    apart = apart[np.isfinite(apart)]
    if len(apart):
        noise = NUMBER_TOLERANCE * max(abs(old.mean), scale)
        typical = float(np.median(np.abs(apart)))
        mean, median = (0.0 if abs(v) <= noise else v for v in (float(apart.mean()), float(np.median(apart))))
        changed = int((np.abs(apart) > noise).sum())
        said = f"changed in {changed:,} of {counted(len(apart), 'unit')}"
        swapped = ""
        varied = float(np.abs(apart).std()) > SWAPPED * typical  # aspects turned by 180° all change alike
        if typical > limits.layer * scale and abs(mean) <= SWAPPED * typical and varied:
            swapped = ", as if values went to other units"
        name, moved = ("median", median) if abs(median) > abs(mean) else ("mean", mean)
        if abs(moved) > limits.shift * scale:
            return (
                f"{said}, by {moved:+.6g}{unit} in the {name}, {abs(moved) / scale:.2g} of the "
                f"spread before (limit {limits.shift:g} for units in both versions){swapped}: {whole}"
            )
        if typical > limits.layer * scale:
            return (
                f"{said}, by {typical:.6g}{unit} in the median, {typical / scale:.2g} of the spread before "
                f"(limit {limits.layer:g}){swapped}: {whole}"
            )
    if circular:
        return ""
    if len(apart) * 2 >= min(old.count, new.count):
        return _foreign(np.delete(y, rows[1]), old, scale, unit)
    # Few units have their ID still, or none has one: the field as a whole is all there is to compare.
    moved = max(abs(new.mean - old.mean), abs(new.median - old.median), abs(new.spread - old.spread))
    if moved <= limits.layer * scale:
        return ""
    return f"moved as a whole by {moved / scale:.2g} of the spread before (limit {limits.layer:g}): {whole}"


def _foreign(values: Floats, old: Summary, scale: float, unit: str) -> str:
    """Whether the units that came have values of another kind, in words; empty where they have not."""
    added = Summary.of(values, old.unit)
    apart = abs(added.median - old.median)
    if added.count < FEWEST or apart <= FOREIGN_SPREADS * scale:
        return ""
    return (
        f"of {added.count:,} new units has a median of {added.median:.6g}{unit}, {apart / scale:.2g} times "
        f"the spread before from the median before, {old.median:.6g} (limit {FOREIGN_SPREADS:g})"
    )


def _pairs(old: Layer, new: Layer) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of the units that both versions have under one ID."""
    nothing = np.zeros(0, np.intp)
    if not (old.has("primary_id") and new.has("primary_id")):
        return nothing, nothing
    keys = []
    for layer in (old, new):
        frame = pd.DataFrame({"id": texts(layer.values("primary_id"))})
        if layer.has("outline_type"):
            frame["type"] = texts(layer.values("outline_type"))
        frame = frame[frame["id"].notna() & ~frame.duplicated(keep=False)]
        keys.append(frame.assign(row=frame.index))
    on = [c for c in ("id", "type") if all(c in k for k in keys)]
    if any(k.duplicated(on).any() for k in keys):
        return nothing, nothing
    both = keys[0].merge(keys[1], on=on, suffixes=("_old", "_new"))
    return both["row_old"].to_numpy(np.intp), both["row_new"].to_numpy(np.intp)


# ---- findings and duplicates


def _new_findings(
    report: Report,
    before: Callable[[tuple[str, ...]], Report],
    told: set[str],
    explained: frozenset[str],
) -> Iterator[Refusal]:
    """Warnings that the version before did not have, rule by rule; errors are refused anyway."""
    found = report.findings
    rows = found[
        (found["state"] == State.OPEN.value)
        & (found["severity"] == Severity.WARNING.value)
        & ~found["code"].isin(told)
        & ~found["feature_id"].isin(explained)
    ]
    if rows.empty:
        return
    old = before(tuple(sorted(set(rows["code"])))).findings
    rows = rows[~rows["fingerprint"].isin(set(old["fingerprint"]))]
    titles = {outcome.code: outcome.title for outcome in report.outcomes}
    for code, part in rows.groupby("code", sort=True):
        earlier = int((old["code"] == code).sum())
        units = sorted({str(i) for i in part["feature_id"] if i}) or [str(part["message"].iloc[0])]
        yield liftable(
            str(code),
            f"{counted(len(part), 'finding')} that the version before does not have (it has {earlier:,} of "
            f"this rule): {titles[str(code)].rstrip('.')} ({some(units)}).",
            "Mend them (`rogi validate` shows them), or waive each with a reason in rogi.toml.",
        )


def _duplicates(packed: Inventory) -> Iterator[Refusal]:
    """Outlines that repeat another one under a second ID."""
    layer = packed.layer(Role.OUTLINE)
    if layer is None or layer.crs is None or not len(layer):
        return
    side = side_of(packed, Role.OUTLINE)
    outlines = prepare(side.geometries, 4326)
    a, b, overlap = self_overlaps(outlines)
    union = outlines.area[a] + outlines.area[b] - overlap
    twice = (overlap / union >= DUPLICATE_IOU) & (side.ids[a] != side.ids[b])
    names = [f"{side.ids[i]} = {side.ids[j]}" for i, j in zip(a[twice], b[twice], strict=True)]
    if names:
        yield liftable(
            "duplicates",
            f"{clause(len(names), 'outline', 'is that', 'are those')} of another unit, "
            f"under a second ID ({some(names)}): they share 90 % of their area or more.",
            "Take one of each two out.",
        )
