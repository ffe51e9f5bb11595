"""Why a derived value is null: impossible, outside the raster, in a void, without neighbours, flat, ..."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from rogi.attributes.fields import FAMILIES, GROUPS, LABELS, QUALITY, Group
from rogi.attributes.plausible import explanation, impossible, plausible_range
from rogi.attributes.zonal.groups import Engine
from rogi.errors import InputError
from rogi.schema.load import concepts
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

REMEDIES: Mapping[str, str] = {
    Group.RELIEF: "Convert the elevation model to metres above sea level, or name its fill with --nodata.",
    Group.RADIATION: "Check the elevation model.",
    Group.MAAT: "Name the unit with --maat-unit, or declare the fill value in the file.",
    Group.MAGT: "Name the unit with --magt-unit, or declare the fill value in the file.",
    Group.AP: "Name the unit with --ap-unit, or declare the fill value in the file.",
}
"""What helps where values cannot be."""

LABELS_LAST = ("AREA", "LAT, LON", "ID", "SUBREGION")
"""Labels that come last in a note: of what the geometry gives."""

NEIGHBOURS = ("slope", "aspect", "radiation")
"""Families that need the pixels around a pixel."""

OUTSIDE, VOID = "outside the raster", "in a void of the raster"
NO_CENTRE = "no centre of a pixel with a value is inside"
WITHOUT_AREA, NO_POSITION = "the unit has no area", "the unit has no area and no primary marker"
REFUSED = "would contradict values that are there"
NO_VALUE = frozenset({OUTSIDE, VOID, NO_CENTRE})

SUSPICIOUS_KM = 9.0
"""Metres: where no unit is higher, the elevation model is likely in kilometres."""

STEEP = 40.0
"""Degrees: half of all units steeper than this on average is rock face, not rock glacier (of TPRoGI about 90
% lie between 10 and 25 degrees; feet taken for metres make 41 of 15). Sun et al. 2024."""


@dataclass
class Nulls:
    """Why units have null values; filled group by group.

    Attributes
    ----------
    named : callable
        Units, as positions, to text for messages.
    empty : ndarray of bool, shape (n,)
        Units without area.
    placeless : ndarray of str, shape (n,)
        Why the coordinates of a unit are no place; blank where they are one.
    notes : list of dict of str to list of str
        Per unit, the reason and the labels it is given for.
    kinds : dict of str to set of int
        Units by kind of reason.
    """

    named: Callable[[NDArray[np.int64]], str]
    empty: NDArray[np.bool_]
    placeless: NDArray[np.object_]
    notes: list[dict[str, list[str]]] = field(init=False)
    kinds: dict[str, set[int]] = field(default_factory=dict)
    _remarks: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.notes = [{} for _ in self.empty]

    def texts(self, earlier: Sequence[Any], derived: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.object_]:
        """The notes as text, None for units without.

        Parameters
        ----------
        earlier : sequence of str or null, shape (n,)
            What an earlier run noted; kept of families that this one does not derive, and whole of units of
            which it derives nothing.
        derived : dict of str to ndarray of bool, shape (n,)
            By concept, the units that this run derives it for.
        """
        here: dict[str, NDArray[np.bool_]] = {}
        for name, units in derived.items():
            here[_label(name)] = here.get(_label(name), False) | units
        lines = []
        for unit, (note, old) in enumerate(zip(self.notes, earlier, strict=True)):
            labels = {label for label, units in here.items() if units[unit]}
            kept = [old] if isinstance(old, str) else []
            if kept and labels - {LABELS["primary_id"]}:
                kept = _other_notes(old, labels)
            own = {why: [label for label in who if label in labels] for why, who in note.items()}
            lines.append("; ".join([*kept, *(f"{', '.join(who)}: {why}" for why, who in own.items() if who)]))
        return np.array([line or None for line in lines], dtype=object)

    def explain(
        self,
        names: Sequence[str],
        values: Columns,
        quality: Columns,
        asked: Callable[[Sequence[str]], NDArray[np.bool_]],
        *,
        outside: Callable[[NDArray[np.int64]], NDArray[np.bool_]],
        engine: Engine = Engine.COVERAGE,
    ) -> list[str]:
        """Note for each null value of concepts from a raster why it is null.

        Parameters
        ----------
        names : sequence of str
            Concepts that were asked for.
        values, quality : dict of str to ndarray, shape (n,)
        asked : callable
            Of some concepts, the units whose values were asked for: bool, shape (n,).
        outside : callable
            Which of some units the raster does not reach.
        engine : Engine

        Returns
        -------
        list of str
            Warnings.
        """
        kinds: dict[str, list[int]] = {}
        labels: dict[str, None] = {}
        for name in families(names):
            family = FAMILIES.get(name, name)
            lacking = np.flatnonzero(asked(members(name, names)) & is_null(values[name]))
            beyond = dict(zip(lacking.tolist(), outside(lacking).tolist(), strict=True))
            for unit in lacking.tolist():
                if self._has(unit, LABELS[family]):
                    continue
                kind, why = self._reason(unit, family, values, quality, beyond[unit], engine)
                self.add(unit, LABELS[family], why)
                if not self.empty[unit]:
                    kinds.setdefault(kind, []).append(unit)
                    labels[LABELS[family]] = None
        for kind, units in kinds.items():
            self.count(kind, units)
        if not kinds:
            return []
        every = np.unique(np.concatenate([np.array(units) for units in kinds.values()]))
        parts = ", ".join(f"{len(set(units))} {kind}" for kind, units in kinds.items())
        of = counted(int((asked(names) & ~self.empty).sum()), "unit")
        have = agreeing(len(every), "has", "have")
        return [
            f"{', '.join(labels)}: {len(every)} of {of} {have} null values ({parts}): {self.named(every)}; "
            f"see {QUALITY['note']}."
        ]

    def refuse_impossible(
        self, group: str, names: Sequence[str], values: Columns, remedy: str = ""
    ) -> tuple[list[str], NDArray[np.int64]]:
        """Set to null what cannot be, and note it; of elevation and relief all, as they share the ground.

        Parameters
        ----------
        group : str
            All of its concepts are looked at.
        names : sequence of str
            Those that were asked for.
        values : dict of str to ndarray, shape (n,)
        remedy : str
            What helps; by default that of `REMEDIES`.

        Returns
        -------
        warnings : list of str
        units : ndarray of int64
            Those with impossible values.

        Raises
        ------
        InputError
            Half of the units or more are impossible.
        """
        option = remedy or REMEDIES.get(group, "")
        found: dict[int, tuple[str, float]] = {}
        whole = [name for name in GROUPS[group] if name in values and values[name].dtype.kind == "f"]
        for name in whole:
            known = values[name][np.isfinite(values[name])]
            middle = float(np.median(known)) if len(known) else np.nan
            if impossible(name, np.array([middle]))[0]:
                raise InputError(
                    f"{_label(name)}: {limits(name, middle)} (median of {counted(len(known), 'unit')}). "
                    f"{_guess(name, middle)}{option}"
                )
            for unit in np.flatnonzero(impossible(name, values[name])).tolist():
                found.setdefault(unit, (name, float(values[name][unit])))
        units = np.array(sorted(found), dtype=np.int64)
        if not found:
            return [], units
        for name in whole:
            values[name][units] = np.nan
        for unit, (name, value) in found.items():
            guess = explanation(name, value)
            why = f"impossible value {limits(name, value)}" + (f"; perhaps {guess}" if guess else "")
            for other in families(names):
                self.add(unit, _label(other), why)
        self.count("impossible", units.tolist())
        name, value = found[int(units[0])]
        label = ", ".join(_label(other) for other in families(names))
        have = agreeing(len(units), "has", "have")
        return [
            f"{label}: {counted(len(units), 'unit')} {have} impossible values ({self.named(units)}; the "
            f"first {limits(name, value)}); they are null. {_guess(name, value)}{option}"
        ], units

    def note_all(self, name: str, units: NDArray[np.int64], why: str) -> None:
        """Note one reason for a concept's family of some units."""
        for unit in units.tolist():
            self.add(unit, _label(name), why)

    def note_reasons(self, name: str, units: NDArray[np.int64], reasons: NDArray[np.object_]) -> None:
        """Note for a concept's family of some units the reason of each, or that it has no area."""
        self.note_without_area(name, units[self.empty[units]])
        rest = units[~self.empty[units]]
        for why in dict.fromkeys(reasons[rest].tolist()):
            mine = rest[reasons[rest] == why]
            self.note_all(name, mine, why)
            self.count(why, mine.tolist())

    def note_without_area(self, name: str, units: NDArray[np.int64], why: str = WITHOUT_AREA) -> None:
        """Note for a concept's family of units without area why they have none."""
        for unit in units.tolist():
            self.add(unit, _label(name), self.placeless[unit] or why)

    def remark(self, name: str, units: NDArray[np.int64], why: str) -> None:
        """Note on a concept's family of some units, whose values are there."""
        self._remarks.add(why)
        self.note_all(name, units, why)

    def contradictions(
        self, anew: Mapping[str, NDArray[np.int64]], refused: Mapping[str, NDArray[np.int64]]
    ) -> list[str]:
        """Note, and warn of, values that were there and contradict those derived (see `table.Merged`)."""
        warnings = []
        for family, units in (*anew.items(), *refused.items()):
            whole = units is anew.get(family)
            end = (
                "all of them are derived anew"
                if whole
                else "what was missing stays null, as not all of them were asked for or could be derived"
            )
            warnings.append(
                f"{LABELS[family]}: in {counted(len(units), 'unit')} values that were there contradict those "
                f"derived ({self.named(units)}); {end}."
            )
            why = "values that were there contradicted those derived" if whole else REFUSED
            if whole:
                self._remarks.add(why)
            for unit in units.tolist():
                self.add(unit, LABELS[family], why)
        return warnings

    def all_outside(self, names: Sequence[str], asked: Callable[[Sequence[str]], NDArray[np.bool_]]) -> bool:
        """Whether a raster has no value for any of the units asked for."""
        whys = (
            next((why for why, who in self.notes[unit].items() if _label(name) in who), "")
            for name in families(names)
            for unit in np.flatnonzero(asked(members(name, names)) & ~self.empty).tolist()
        )
        first = next(whys, "")
        return first in NO_VALUE and all(why in NO_VALUE for why in whys)

    def count(self, kind: str, units: Iterable[int]) -> None:
        """Count units by kind of reason, each once."""
        self.kinds.setdefault(kind, set()).update(units)

    def add(self, unit: int, label: str, why: str) -> None:
        """Note a reason for a family of a unit."""
        labels = self.notes[unit].setdefault(why, [])
        if label not in labels:
            labels.append(label)

    def _has(self, unit: int, label: str) -> bool:
        return any(label in labels for labels in self.notes[unit].values())

    def _reason(
        self, unit: int, family: str, values: Columns, quality: Columns, outside: bool, engine: Engine
    ) -> tuple[str, str]:
        """Kind of reason, and the reason in words."""
        if self.empty[unit]:
            return "without area", self.placeless[unit] or WITHOUT_AREA
        if family == "aspect" and quality["flat_share"][unit] >= 1.0:
            return "flat", "the ground is flat"
        if family == "aspect" and np.isfinite(quality["aspect_length"][unit]) and _known(values, unit):
            return "without direction", "directions cancel out"
        share = quality[f"{'slope' if family == 'aspect' else family}_share"][unit]
        elevation = values.get("elevation_mean")
        if family in NEIGHBOURS and elevation is not None and np.isfinite(elevation[unit]):
            part = f"only {share:.1%} of it has" if share > 0 else "none of it has"
            return (
                "without neighbours",
                f"{part} the eight neighbours that slope needs (edge of the raster or voids)",
            )
        if share > 0:
            return "with too few values", f"only {share:.1%} of it has values"
        if outside:
            return "outside the raster", OUTSIDE
        if engine is Engine.RASTERSTATS:
            return "without pixel centre", NO_CENTRE
        return "in a void", VOID


def families(names: Sequence[str]) -> list[str]:
    """The first concept of each family."""
    first: dict[str, str] = {}
    for name in names:
        first.setdefault(FAMILIES.get(name, name), name)
    return list(first.values())


def members(name: str, names: Sequence[str]) -> list[str]:
    """Those of some concepts that are of the family of one."""
    return [other for other in names if FAMILIES.get(other, other) == FAMILIES.get(name, name)]


def suspicions(values: Columns) -> list[str]:
    """Warnings of values of which each is possible, but not all of them."""
    found = []
    elevation, slope = (
        values[name][np.isfinite(values[name])] if name in values else np.zeros(0)
        for name in ("elevation_maximum", "slope_mean")
    )
    if len(elevation) and 0 < elevation.max() < SUSPICIOUS_KM:
        found.append(
            f"ELE: no unit is higher than {elevation.max():.3g} m: is the elevation model in kilometres?"
        )
    if len(slope) and np.median(slope) > STEEP:
        found.append(
            f"SLO: half of the units are steeper than {np.median(slope):.0f} degrees, which is implausible: "
            "is the elevation model in feet, or its horizontal unit another?"
        )
    return found


def limits(concept: str, value: float) -> str:
    """A value of a concept and what is possible, for messages."""
    low, high = plausible_range(concept)
    unit = concepts()[concept].unit or ""
    bounds = f"{low:g} to {high:g}" if np.isfinite(high) else f"{low:g} or more"
    return f"{value:.6g} {unit}, possible are {bounds}"


def _other_notes(text: str, derived: set[str]) -> list[str]:
    """Parts of a note on families that are not among some labels."""
    kept = []
    for part in text.split("; "):
        labels, colon, why = part.partition(": ")
        known = set(LABELS.values()) - derived
        others = [label for label in _ORDER if label in known and label in labels]
        if colon and others:
            kept.append(f"{', '.join(others)}: {why}")
    return kept


_ORDER = sorted(LABELS.values(), key=lambda label: LABELS_LAST.index(label) if label in LABELS_LAST else -1)
"""Labels in the order of notes: what comes from rasters first."""


def _guess(name: str, value: float) -> str:
    guess = explanation(name, value)
    return f"It looks like {guess}. " if guess else ""


def _label(name: str) -> str:
    """What notes call a concept's family."""
    return LABELS[FAMILIES.get(name, name)]


def _known(values: Columns, unit: int) -> bool:
    return bool(np.isfinite(values["slope_mean"][unit]))


def is_null(values: NDArray[Any]) -> NDArray[np.bool_]:
    """NaN or None."""
    found: NDArray[np.bool_] = values != values if values.dtype.kind == "f" else values == None  # noqa: E711
    return np.asarray(found, dtype=bool)
