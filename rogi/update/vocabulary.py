"""What an update is made of: the classes of tasks, the decisions, the columns of a work package, the plan.

A task is a row of the layer ``tasks``. It stands for one unit of the current inventory, with the candidates
that were matched with it, or for one candidate without a unit. A mapper decides on every task; what is
legal is said once, in :data:`CONSTRAINTS`, as SQL that SQLite and PostgreSQL both understand, and is enforced
by triggers in the package and checked again when decisions are applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

FORMAT: Final = 1
"""Version of work packages and of the plan; others are refused."""

APPLICATION: Final = "rogi update"


class TaskClass(StrEnum):
    """What the match of the inventory with the candidates says of a task."""

    UNCHANGED = "unchanged"  # one unit, one candidate, nearly the same outline
    CHANGED = "changed"  # one unit, one candidate, another outline
    NOT_DETECTED = "not detected"  # a unit without a candidate
    NEW = "new"  # a candidate without a unit
    SPLIT = "split"  # one unit, several candidates
    MERGED = "merged"  # several units, one candidate
    COMPLEX = "complex"  # several units, several candidates
    ON_GLACIER = "on glacier"  # a candidate without a unit, or a unit, mostly on glacier ice


class Decision(StrEnum):
    """What a mapper decides: the four r operations of Sun et al. (2024), and what they leave open."""

    REMAIN = "remain"  # the unit stays as it is
    REMOVE = "remove"  # the unit, or the candidate, is no rock glacier
    REFINE = "refine"  # the unit gets the outline drawn here
    RETRIEVE = "retrieve"  # a new unit with the outline drawn here
    SPLIT = "split"  # the rows with this unit are its parts, each a new unit
    MERGE = "merge"  # the unit goes into the one named in merge_into
    UNSURE = "unsure"  # to be looked at by somebody else; nothing is applied


FOR_UNITS: Final = (
    Decision.REMAIN,
    Decision.REMOVE,
    Decision.REFINE,
    Decision.SPLIT,
    Decision.MERGE,
    Decision.UNSURE,
)
FOR_CANDIDATES: Final = (Decision.RETRIEVE, Decision.REMOVE, Decision.UNSURE)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the layer ``tasks``.

    ``type`` is one of text, integer, real, boolean, date; ``editable`` columns belong to the mapper, the
    others to the plan.
    """

    name: str
    type: str
    title: str
    description: str
    editable: bool = False


TASK_COLUMNS: Final = (
    Column("task", "text", "Task", "Key of the task; empty in rows drawn by the mapper"),
    Column("unit", "text", "Unit", "Primary ID in the current inventory; empty for a candidate without unit"),
    Column("candidate", "text", "Candidates", "Ids of the candidates matched with it, blanks between"),
    Column("class", "text", "Class", "What the match says"),
    Column("area_name", "text", "Area", "Compact area of the work package"),
    Column("priority", "integer", "Priority", "1 is looked at first"),
    Column("gain", "real", "Expected gain", "0-1, by which the priority is made"),
    Column("iou", "real", "IoU", "Intersection over union of unit and candidates"),
    Column("confidence", "real", "Confidence", "Mean probability of the candidates, 0-1"),
    Column(
        "model_spread",
        "real",
        "Model spread",
        "How far several models and turns differ in them, 0-1; or empty",
    ),
    Column("probability", "real", "Probability", "Mean probability inside the unit's outline, 0-1"),
    Column(
        "valid_share", "real", "Valid share", "Share of the outline where the imagery could be judged, 0-1"
    ),
    Column("glacier_share", "real", "Glacier share", "Share of the outline on glacier ice, 0-1"),
    Column("model", "text", "Model", "Model that made the candidates"),
    Column("image_date", "text", "Image date", "Date of the new imagery, ISO 8601"),
    Column("proposal", "text", "Proposal", "Decision that the match suggests"),
    Column("decision", "text", "Decision", "What the mapper decides", True),
    Column("use_candidate", "boolean", "Take candidate", "Take the candidate's outline as it is", True),
    Column("merge_into", "text", "Merge into", "Primary ID of the unit that takes this one in", True),
    Column("reason", "text", "Reason", "Why; needed to remove, retrieve, split and merge", True),
    Column("front_50m", "boolean", "Front within 50 m", "The 50 m front rule was looked at", True),
    Column("mapper", "text", "Mapper", "Who decided", True),
    Column("reviewer", "text", "Reviewer", "Who looked at the decision again", True),
    Column("date", "date", "Date", "Day of the decision, ISO 8601", True),
    Column("comment", "text", "Comment", "Anything else", True),
)
"""In the order of the file; the geometry column is ``geom``: MultiPolygon, CRS of the outlines."""

PLANNED: Final = tuple(c.name for c in TASK_COLUMNS if not c.editable)
"""Columns of the plan, which a mapper cannot change in a row that has a task."""

TASKS: Final = "tasks"
CURRENT: Final = "current"
CANDIDATES: Final = "candidates"
CONTEXT: Final = "context"
LOCKED: Final = (CURRENT, CANDIDATES, CONTEXT)
"""Layers to look at: outlines of this package's units and candidates, and the neighbours in others."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A rule that every row of ``tasks`` keeps.

    ``holds`` is SQL over the columns of the row, with ``{row}`` for what stands before a column's name
    (``NEW.`` in a trigger, nothing in a query). It is true, or null, where the rule is kept. It uses only
    what SQLite and PostgreSQL have in common; empty text counts as null.
    """

    name: str
    holds: str
    message: str


def _text(column: str) -> str:
    return f"NULLIF(TRIM({{row}}\"{column}\"), '')"


def _listed(values: tuple[Decision, ...]) -> str:
    return ", ".join(f"'{value.value}'" for value in values)


def _part(start: int, length: int) -> str:
    return f'SUBSTR(CAST({{row}}"date" AS TEXT), {start}, {length})'


_YEAR, _MONTH, _DAY_OF_MONTH = _part(1, 4), _part(6, 2), _part(9, 2)
_LONG_MONTHS: Final = "'01', '03', '05', '07', '08', '10', '12'"
_LEAP: Final = (
    f"(CAST({_YEAR} AS INTEGER) % 4 = 0 AND CAST({_YEAR} AS INTEGER) % 100 <> 0"
    f" OR CAST({_YEAR} AS INTEGER) % 400 = 0)"
)
# SQLite has no type of dates, so a day is checked by its digits: what is read as a date must be one.
_DAY: Final = (
    '{row}"date" IS NULL OR CAST({row}"date" AS TEXT) LIKE \'____-__-__\''
    f" AND LTRIM({_YEAR}, '0123456789') = '' AND {_YEAR} > '0000'"
    f" AND LTRIM({_DAY_OF_MONTH}, '0123456789') = '' AND {_DAY_OF_MONTH} > '00'"
    f" AND ({_MONTH} IN ({_LONG_MONTHS}) AND {_DAY_OF_MONTH} <= '31'"
    f" OR {_MONTH} IN ('04', '06', '09', '11') AND {_DAY_OF_MONTH} <= '30'"
    f" OR {_MONTH} = '02' AND ({_DAY_OF_MONTH} <= '28' OR {_DAY_OF_MONTH} = '29' AND {_LEAP}))"
)


CONSTRAINTS: Final = (
    Constraint(
        "decision-known",
        f"{_text('decision')} IS NULL OR {_text('decision')} IN ({_listed(tuple(Decision))})",
        "decision is one of " + ", ".join(Decision),
    ),
    Constraint(
        "decision-for-unit",
        f"{_text('unit')} IS NULL OR {_text('decision')} IS NULL"
        f" OR {_text('decision')} IN ({_listed(FOR_UNITS)})",
        "a unit of the inventory is not retrieved: remain, remove, refine, split, merge or unsure",
    ),
    Constraint(
        "decision-for-candidate",
        f"{_text('unit')} IS NOT NULL OR {_text('decision')} IS NULL"
        f" OR {_text('decision')} IN ({_listed(FOR_CANDIDATES)})",
        "a candidate without a unit is retrieved or removed, or unsure",
    ),
    Constraint(
        "reason-given",
        f"{_text('decision')} IS NULL OR {_text('decision')} NOT IN ('remove', 'retrieve', 'split', 'merge')"
        f" OR {_text('reason')} IS NOT NULL",
        "remove, retrieve, split and merge need a reason",
    ),
    Constraint(
        "mapper-given",
        f"{_text('decision')} IS NULL OR {_text('mapper')} IS NOT NULL",
        "a decision needs the name of its mapper",
    ),
    Constraint(
        "merge-target",
        f"{_text('decision')} IS NULL"
        f" OR ({_text('decision')} = 'merge') = ({_text('merge_into')} IS NOT NULL)",
        "merge_into names the unit that takes this one in, with the decision merge and only with it",
    ),
    Constraint(
        "date-written",
        _DAY,
        "the date is a day of the calendar, written as 2026-07-31",
    ),
)


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the lineage: what became of a unit in one version, and who said so.

    ``operation`` is a :class:`Decision`. ``unit`` is the ID the decision was made on (the new one for
    retrieve), ``predecessor`` and ``successor`` the IDs before and after (blanks between several; empty
    where there is none). Areas in km². The last four say who saved the row in a team's store, when (UTC), who
    signed it as reviewer, and the number of the last change in the store's history; empty for packages.
    """

    version: str
    unit: str
    operation: str
    predecessor: str
    successor: str
    reason: str
    mapper: str
    reviewer: str
    date: str
    candidate: str
    model: str
    area_old_km2: float | None
    area_new_km2: float | None
    comment: str
    edited_by: str = ""
    edited_at: str = ""
    reviewed_by: str = ""
    history: str = ""


LINEAGE_FILE: Final = "lineage.csv"
"""What became of every unit, beside a new version."""
