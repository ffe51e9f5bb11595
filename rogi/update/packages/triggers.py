"""The rules of a work package as SQLite keeps them itself: triggers that refuse what is not legal.

QGIS, ``ogr2ogr`` and the ``sqlite3`` shell all meet them. They use no function that SQLite lacks, so that
plain SQL works on the layer ``tasks``. Each event has one trigger, whose rules are looked at in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rogi.update.vocabulary import CONSTRAINTS, CURRENT, LOCKED, PLANNED, TASK_COLUMNS, TASKS

GEOMETRY: Final = "geom"
PLAN: Final = "plan"
"""Table of what the package is part of: key and value."""

PLANNED_MESSAGE: Final = "columns of the plan are not changed; write into decision, reason and the others"
DELETE_MESSAGE: Final = "a planned row is not deleted; decide remove instead"
TASK_MESSAGE: Final = "task is empty in a row drawn here, or copied with all of its planned columns"
UNIT_MESSAGE: Final = "unit is one of this package; leave it empty for a new rock glacier"
GEOMETRY_MESSAGE: Final = "a row needs an outline"
LOCKED_MESSAGE: Final = "the layer {} is there to look at; edit the layer tasks"

# The flags of a GeoPackage's geometry are its fourth byte; bit 4 marks an empty one (OGC 12-128r19, 2.1.3).
_NO_OUTLINE: Final = (
    f'NEW."{GEOMETRY}" IS NULL'
    f" OR typeof(NEW.\"{GEOMETRY}\") <> 'blob'"
    f" OR hex(substr(NEW.\"{GEOMETRY}\", 4, 1)) GLOB '[13579BDF]?'"
)
_PLANNED: Final = "COALESCE(OLD.\"task\", '') <> ''"
_CLAIMS_TASK: Final = "COALESCE(NEW.\"task\", '') <> ''"
_CLAIMS_UNIT: Final = "COALESCE(NEW.\"task\", '') = '' AND COALESCE(NEW.\"unit\", '') <> ''"

Broken = tuple[str, str]
"""A condition in SQL that is true where a rule is broken, and what to say then."""


def trigger_statements() -> Iterator[str]:
    """SQL that makes a package keep its rules, to be run once its rows are in."""
    for table, column in ((TASKS, "task"), (TASKS, "unit"), (CURRENT, "unit")):
        yield f'CREATE INDEX "{table}_{column}" ON "{table}" ("{column}")'
    own_unit = _exists('t."unit" = NEW."unit" AND t."task" <> \'\'')
    row = [
        *((f"NOT ({rule.holds.format(row='NEW.')})", rule.message) for rule in CONSTRAINTS),
        (_NO_OUTLINE, GEOMETRY_MESSAGE),
        (f"{_CLAIMS_UNIT} AND NOT {own_unit}", UNIT_MESSAGE),
    ]
    known = _exists(f't."task" = NEW."task" AND {_same_plan("t", "NEW")}')
    yield _trigger(TASKS, "INSERT", [(f"{_CLAIMS_TASK} AND NOT {known}", TASK_MESSAGE), *row])
    changed = f"{_PLANNED} AND NOT ({_same_plan('OLD', 'NEW')})"
    taken = f"NOT ({_PLANNED}) AND {_CLAIMS_TASK}"
    yield _trigger(TASKS, "UPDATE", [(changed, PLANNED_MESSAGE), (taken, TASK_MESSAGE), *row])
    other = _exists('t."task" = OLD."task" AND t.rowid <> OLD.rowid')
    yield _trigger(TASKS, "DELETE", [(f"{_PLANNED} AND NOT {other}", DELETE_MESSAGE)])
    for table in (*LOCKED, PLAN):
        for event in ("INSERT", "UPDATE", "DELETE"):
            yield _trigger(table, event, [("1", LOCKED_MESSAGE.format(table))])


def _exists(condition: str) -> str:
    return f'EXISTS (SELECT 1 FROM "{TASKS}" AS t WHERE {condition})'  # noqa: S608 - names of our own


def _same_plan(left: str, right: str) -> str:
    """Whether two rows agree in all columns of the plan; editors write empty text for null."""
    types = {c.name: c.type for c in TASK_COLUMNS}
    return " AND ".join(
        f"COALESCE({left}.\"{name}\", '') IS COALESCE({right}.\"{name}\", '')"
        if types[name] == "text"
        else f'{left}."{name}" IS {right}."{name}"'
        for name in PLANNED
    )


def _trigger(table: str, event: str, rules: Sequence[Broken]) -> str:
    checks = "; ".join(
        "SELECT RAISE(ABORT, '{}') WHERE {}".format(message.replace("'", "''"), broken)
        for broken, message in rules
    )
    return f'CREATE TRIGGER "{table}_{event.lower()}" BEFORE {event} ON "{table}" BEGIN {checks}; END'
