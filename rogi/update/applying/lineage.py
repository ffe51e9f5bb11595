"""What became of every unit in a version: written, read back, and replayed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from rogi import targets
from rogi.errors import InputError
from rogi.text import cell
from rogi.update.vocabulary import LINEAGE_FILE, Decision, Operation

FILE: Final = LINEAGE_FILE
COLUMNS: Final = tuple(field.name for field in fields(Operation))
AREAS: Final = ("area_old_km2", "area_new_km2")
MAX_BYTES: Final = 256 * 2**20
DIGITS: Final = 10
"""Significant digits of areas, as in the crosswalk of a release."""


def lineage_text(operations: Iterable[Operation]) -> str:
    """Operations as CSV, in the order of :class:`~rogi.update.vocabulary.Operation`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for operation in operations:
        values = [getattr(operation, name) for name in COLUMNS]
        writer.writerow(f"{v:.{DIGITS}g}" if isinstance(v, float) else _safe(v) for v in values)
    return out.getvalue()


def _safe(value: str | None) -> Any:
    """A text as it is safe in a spreadsheet, :func:`rogi.text.cell`; one apostrophe is taken off again."""
    return f"'{value}" if value and value.startswith("'") else cell(value)


def _as_said(text: str) -> str:
    return text.removeprefix("'")


def read_operations(path: Path) -> tuple[Operation, ...]:
    """Operations of a file.

    Raises
    ------
    InputError
        If it is not a list of operations.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES} bytes, more than any lineage.")
        targets.note_read(path)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from None
    rows = csv.DictReader(io.StringIO(text, newline=""))
    if tuple(rows.fieldnames or ()) != COLUMNS:
        raise InputError(f"{path} has not the columns {', '.join(COLUMNS)} of a lineage; name another file.")
    out = []
    for number, row in enumerate(rows, start=2):
        if row.get("operation") not in set(Decision) or None in row.values() or None in row:
            raise InputError(
                f"{path}, line {number}: {row.get('operation')!r} is no operation; copy it again."
            )
        try:
            areas = {name: float(row[name]) if row[name] else None for name in AREAS}
        except ValueError:
            raise InputError(f"{path}, line {number}: areas are numbers; copy it again.") from None
        values: dict[str, Any] = {name: _as_said(row[name]) for name in COLUMNS} | areas
        out.append(Operation(**values))
    return tuple(out)


def replay(ids: Iterable[str], operations: Sequence[Operation]) -> frozenset[str]:
    """The IDs of a version, from those of the one before and what became of them.

    Parameters
    ----------
    ids
        IDs of the version before.
    operations
        Of one version; units without one remain.

    Raises
    ------
    InputError
        If an operation is on an ID that is not there, or makes one that is there already.
    """
    before = frozenset(ids)
    gone: set[str] = set()
    made: set[str] = set()
    for operation in operations:
        lost, came = set(operation.predecessor.split()), set(operation.successor.split())
        unknown = lost - before
        if unknown:
            raise InputError(f"The lineage of {operation.unit} follows {min(unknown)}, which was not there.")
        again = (came - lost) & (before | made)
        # A unit that others go into is named by each of them.
        if again and operation.operation != Decision.MERGE:
            raise InputError(f"The lineage of {operation.unit} makes {min(again)}, which was there already.")
        gone |= lost
        made |= came
    return (before - gone) | made
