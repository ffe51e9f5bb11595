"""The history of a team's store as text and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rogi.text import printable

if TYPE_CHECKING:
    from rogi.update.store.history import Change


def history_text(changes: Sequence[Change]) -> str:
    """A line for each change and, below it, one for each value that changed."""
    if not changes:
        return "No changes.\n"
    return "\n".join(line for change in changes for line in _lines(change)) + "\n"


def history_json(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """What ``--format json`` prints: times as ISO 8601, UTC."""
    return [asdict(change) | {"at": f"{change.at:%Y-%m-%dT%H:%M:%SZ}"} for change in changes]


def _lines(change: Change) -> Iterator[str]:
    number = "-" if change.id is None else str(change.id)
    row = f"{change.task} (row {change.fid})" if change.task else f"row {change.fid}"
    who = f"{change.by} as {change.role}" if change.role else change.by
    undone = f", undoes {change.undoes}" if change.undoes is not None else ""
    what = f"{change.operation} {row} of {change.package}{undone}"
    yield printable(f"{number:>6}  {change.at:%Y-%m-%d %H:%M:%S} UTC  {who}: {what}")
    if change.text:
        yield printable(f"        {change.text}")
    if change.operation == "delete":
        return
    for name, (before, after) in change.changed.items():
        yield printable(f"        {name}: {before or '-'} → {after or '-'}")
    if change.redrawn:
        yield "        outline redrawn"
