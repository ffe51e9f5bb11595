"""What keeps a decision from being applied: rules with their texts, and findings that name the rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import geopandas as gpd


class Rule(StrEnum):
    """Why a decision is not applied. Those of `vocabulary.CONSTRAINTS` keep their own names."""

    UNREADABLE = "outline-unreadable"
    UNKNOWN_TASK = "unknown-task"
    PLAN_CHANGED = "plan-changed"
    UNKNOWN_UNIT = "unknown-unit"
    NOT_HELD = "outline-not-held"
    NO_OUTLINE = "no-outline"
    NOT_VALID = "outline-not-valid"
    SEVERAL_PARTS = "outline-in-parts"
    TOO_SMALL = "below-minimum-area"
    TOO_LARGE = "outline-too-large"
    NO_PLACE = "outline-out-of-range"
    FAR_FROM_OLD = "refined-elsewhere"
    NOT_CHANGED = "outline-not-changed"
    CHANGED_ANYWAY = "outline-changed-without-refine"
    CANDIDATE_MISSING = "candidate-missing"
    DRAWN_TOO = "drawn-and-candidate"
    NOT_TAKEN = "candidate-not-taken"
    ONE_PART = "split-in-one-part"
    PART_OUTSIDE = "part-outside-old-outline"
    PARTS_OVERLAP = "parts-overlap"
    MERGE_TARGET = "merge-target-unknown"
    MERGE_ITSELF = "merge-into-itself"
    MERGE_CHAIN = "merge-target-gone"
    MERGE_OPEN = "merge-target-open"
    MERGE_FAR = "merge-too-far"
    MERGE_APART = "merge-does-not-touch"
    MERGE_UNCOVERED = "merge-not-covered"
    CASE_HELD = "held-with-others"
    FRONT = "front-rule-not-acknowledged"
    OVERLAP = "overlap"
    DUPLICATE = "new-near-unit"
    TAKES_PLACE = "takes-place-of-unit"
    TWICE = "edited-twice"
    ROWS_DISAGREE = "rows-disagree"
    OTHER_HAND = "decided-by-another"
    IMPOSSIBLE_DAY = "date-impossible"

    @property
    def message(self) -> str:
        """What is wrong and what to do."""
        return _MESSAGES[self]


_MESSAGES = {
    Rule.UNREADABLE: "the outline cannot be used: {detail}; draw it again, or restore the one before",
    Rule.UNKNOWN_TASK: "the plan has no such task; leave task empty in rows drawn by hand",
    Rule.PLAN_CHANGED: "unit, candidates or class are not those of the task in the plan; set them back",
    Rule.NOT_HELD: "the current outline of this unit is in no package, as an export leaves out the layer "
    "current; name the inventory that was planned from with --inventory",
    Rule.UNKNOWN_UNIT: "the inventory has no such unit; leave unit empty for a new rock glacier",
    Rule.NO_OUTLINE: "there is no outline; draw it",
    Rule.NOT_VALID: "the outline is not valid: {detail}; mend it in QGIS (Check validity, Fix geometries)",
    Rule.SEVERAL_PARTS: "the outline has {detail} parts; a unit has one, so split it or join the parts",
    Rule.TOO_SMALL: "the outline has {detail}, less than the minimum of a unit",
    Rule.TOO_LARGE: "the outline {detail}; no rock glacier is that large, so draw it again",
    Rule.NO_PLACE: "the outline has coordinates that no unit has: {detail} (SCH006)",
    Rule.FAR_FROM_OLD: "only {detail} of the smaller outline is common to the old and the new one; decide "
    "remove and draw a new unit, or draw nearer to the old outline",
    Rule.NOT_CHANGED: "the outline is the old one; draw the new one, take the candidate's, or decide remain",
    Rule.CHANGED_ANYWAY: "the outline was changed but the decision is {detail}; decide refine, or undo the "
    "change",
    Rule.CANDIDATE_MISSING: "use_candidate needs {detail}; draw the outline instead",
    Rule.DRAWN_TOO: "use_candidate is ticked but an outline was drawn as well; undo one of the two",
    Rule.NOT_TAKEN: "use_candidate is ticked but the decision is {detail}, which takes no outline; untick "
    "it, or decide otherwise",
    Rule.ONE_PART: "there is one part; split the outline in two, or take the outlines of two candidates",
    Rule.PART_OUTSIDE: "only {detail} of a part lies in the old outline; parts lie in it for the most part",
    Rule.PARTS_OVERLAP: "parts overlap by {detail}; parts touch at most",
    Rule.MERGE_TARGET: "merge_into names {detail}, which is no unit of the inventory",
    Rule.MERGE_ITSELF: "merge_into names the unit itself",
    Rule.MERGE_CHAIN: "merge_into names {detail}, which goes itself; name the unit that stays",
    Rule.MERGE_OPEN: "merge_into names {detail}, which is not decided; decide remain or refine there",
    Rule.MERGE_FAR: "the unit lies {detail} from those it is merged with; merged units are neighbours",
    Rule.MERGE_APART: "the merged outlines do not touch; draw the outline of the whole in {detail} and "
    "decide refine there",
    Rule.MERGE_UNCOVERED: "only {detail} of the unit lies in the outline of the unit that takes it in; draw "
    "that one over it",
    Rule.CASE_HELD: "it goes with rows that have a problem: of the same merge, split or candidate",
    Rule.FRONT: "the 50 m front rule was not looked at; tick front_50m when it was",
    Rule.OVERLAP: "the outline overlaps that of {detail}",
    Rule.DUPLICATE: "a new unit {detail}; one of the two is too many",
    Rule.TAKES_PLACE: "the outline takes the place of {detail}; decide refine, split or merge there, so that "
    "the units can be followed",
    Rule.TWICE: "{detail} decide differently; one must be withdrawn",
    Rule.ROWS_DISAGREE: "rows of one task decide differently ({detail}); keep one, or decide split for all",
    Rule.IMPOSSIBLE_DAY: "the date is {detail}; write the day of the decision",
    Rule.OTHER_HAND: "the row names {detail}; who decided saves the row, or is named in it",
}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A row that is not applied, and why.

    Attributes
    ----------
    rule
        A :class:`Rule`, or the name of a constraint.
    task, unit, package, file, row
        The row; ``row`` is its feature id.
    message
        What is wrong and what to do.
    other
        The unit or task on the other side, or empty.
    conflict
        Whether two decisions contradict each other, so that somebody has to choose.
    mapper
        Who the row says decided, or empty.
    index
        Position of the row in :attr:`rogi.update.deciding.edits.Edits.rows`.
    peers
        Positions of the rows it contradicts.
    """

    rule: str
    task: str
    unit: str
    package: str
    file: str
    row: int
    message: str
    other: str = ""
    conflict: bool = False
    mapper: str = ""
    index: int = -1
    peers: tuple[int, ...] = ()

    @property
    def where(self) -> str:
        """The row, for people: package, task or unit, row of the layer tasks, file and mapper."""
        file = f" of {self.file}" if Path(self.file).stem != self.package else ""
        by = f" by {self.mapper}" if self.mapper not in ("", self.package) else ""
        return ", ".join(filter(None, (self.package, self.task or self.unit, f"row {self.row}{file}{by}")))

    @classmethod
    def of(
        cls,
        rows: gpd.GeoDataFrame,
        index: int,
        rule: Rule | str,
        detail: str = "",
        *,
        message: str = "",
        other: str = "",
        conflict: bool = False,
        peers: Iterable[int] = (),
    ) -> Problem:
        """A problem of a row of the edits."""
        at = {name: rows[name].iat[index] for name in ("task", "unit", "package", "file", "row", "mapper")}
        text = message or (Rule(rule).message.format(detail=detail))
        return cls(
            str(rule),
            _text(at["task"]),
            _text(at["unit"]),
            _text(at["package"]),
            _text(at["file"]),
            int(at["row"]),
            text,
            other,
            conflict,
            _text(at["mapper"]),
            index,
            tuple(sorted(int(i) for i in peers)),
        )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
