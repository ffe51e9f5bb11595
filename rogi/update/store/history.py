"""The history of a team's store: who changed which row how, what was said on it, and putting a row back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rogi.update.store.address import StoreAddress, connected, is_there, parse_address
from rogi.update.vocabulary import TASK_COLUMNS

if TYPE_CHECKING:
    import psycopg

COMMENT: Final = "comment"
_COMPARED: Final = tuple(c.name for c in TASK_COLUMNS)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a row of ``tasks``, or a comment on it.

    Attributes
    ----------
    id
        Number in the history; None for a comment.
    at, by, role
        When (UTC), the user who logged in, and the role taken on, if any.
    operation
        ``insert``, ``update``, ``delete`` or ``comment``.
    fid, task, package
        The row; the task is empty for one that was drawn.
    changed
        Column -> value before and after, as text; None is no value. A new row has its filled columns, a
        deleted one too.
    redrawn
        Whether the outline changed.
    undoes
        Number of the change that was undone by this one.
    text
        Of a comment.
    """

    id: int | None
    at: dt.datetime
    by: str
    role: str | None
    operation: str
    fid: int
    task: str
    package: str
    changed: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)
    redrawn: bool = False
    undoes: int | None = None
    text: str = ""


def read_history(
    url: str,
    *,
    task: str | None = None,
    package: str | None = None,
    by: str | None = None,
    limit: int | None = None,
) -> list[Change]:
    """Changes and comments, the last one last.

    Parameters
    ----------
    url
        See :func:`rogi.update.store.address.parse_address`.
    task
        Only of this task, unit or candidate, or of the row with this number.
    package
        Only of this package.
    by
        Only those of this user.
    limit
        Only the last ones; by default all.

    Raises
    ------
    InputError
        If there is no store, or the database cannot be reached or refuses.
    """
    address = parse_address(url)
    with connected(address, "read", one_moment=True) as connection:
        is_there(connection, address)
        rows = _rows(connection, address, task, package, by, limit)
    return [_change(*row) for row in rows]


def undo(url: str, number: int, *, with_later: bool = False) -> Change:
    """Put a row back to what it was before a change; the owner of a store can.

    A deleted row comes back under its number, a drawn one is deleted. Who had decided the row as it is now
    again is kept; the history says who undid. The change that this makes can be undone too.

    Parameters
    ----------
    url
        See :func:`rogi.update.store.address.parse_address`.
    number
        Of the change in the history.
    with_later
        Also undo what was changed in the row since; otherwise that is refused.

    Returns
    -------
    Change
        The one that was made.

    Raises
    ------
    InputError
        If there is no such change or store, the row was changed since, or the database refuses.
    """
    from psycopg import sql

    address = parse_address(url)
    with connected(address, "undo a change of") as connection:
        is_there(connection, address)
        call = sql.SQL("SELECT {}(%s, %s)").format(sql.Identifier(address.schema, "undo"))
        (fid,) = connection.execute(call, (number, with_later)).fetchone() or (None,)
        (made,) = _rows(connection, address, str(fid), None, None, 1, comments=False)
    return _change(*made)


def _rows(
    connection: psycopg.Connection[Any],
    address: StoreAddress,
    task: str | None,
    package: str | None,
    by: str | None,
    limit: int | None,
    *,
    comments: bool = True,
) -> list[Any]:
    from psycopg import sql

    given = {"task": task, "package": package, "by": by, "limit": limit, "comments": comments}
    query = sql.SQL(_QUERY).format(schema=sql.Identifier(address.schema), comment=sql.Literal(COMMENT))
    return connection.execute(query, given).fetchall()[::-1]


_QUERY: Final = """SELECT * FROM (
  SELECT id, "at", "by", "role", operation, fid, task, package, old, new, undoes, NULL AS text
  FROM {schema}.history
  UNION ALL
  SELECT NULL, "at", "by", NULL, {comment}, fid, task, package, NULL, NULL, NULL, text
  FROM {schema}.comments WHERE %(comments)s
) AS h
WHERE (%(package)s::text IS NULL OR package = %(package)s)
AND (%(by)s::text IS NULL OR "by" = %(by)s)
AND (%(task)s::text IS NULL OR %(task)s IN (task, fid::text, COALESCE(new, old) ->> 'unit')
  OR %(task)s = ANY(string_to_array(COALESCE(new, old) ->> 'candidate', ' '))
  OR fid IN (SELECT t.fid FROM {schema}.tasks AS t WHERE t.unit = %(task)s))
ORDER BY "at" DESC, id DESC NULLS LAST LIMIT %(limit)s"""


def _change(
    id: int | None,
    at: dt.datetime,
    by: str,
    role: str | None,
    operation: str,
    fid: int,
    task: str | None,
    package: str | None,
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
    undoes: int | None,
    text: str | None,
) -> Change:
    before, after = old or {}, new or {}
    changed = {
        name: (_text(before.get(name)), _text(after.get(name)))
        for name in _COMPARED
        if _text(before.get(name)) != _text(after.get(name))
    }
    redrawn = operation == "update" and before.get("geom") != after.get("geom")
    return Change(
        id, at, by, role, operation, fid, task or "", package or "", changed, redrawn, undoes, text or ""
    )


def _text(value: Any) -> str | None:
    """A value as the history has it; empty text is none."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)
