"""The dates of mapping of a layer, each distinct value read once."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from rogi.inventory.values.columns import Distinct, distinct, is_placeholder
from rogi.rules.attributes._dates import Period, read_date
from rogi.rules.context import Context
from rogi.schema.model import Role


@dataclass(frozen=True, slots=True, eq=False)
class Dates:
    """Distinct values of a column; of each the period it names (None: unreadable), and whether it is blank
    or a word for "no value"."""

    column: Distinct
    periods: tuple[Period | None, ...]
    placeholder: tuple[bool, ...]


def dates_of(context: Context, role: Role) -> Dates:
    """The dates of mapping of a layer that has the concept ``map_date``."""
    return context.once(("dates", role), lambda: _dates_of(context, role))


def _dates_of(context: Context, role: Role) -> Dates:
    column = distinct(context.values(role, "map_date"))
    none = context.placeholders()
    blank = tuple(not text.strip() or is_placeholder(text, none) for text in column.text)
    periods = tuple(_period(v, t) for v, t in zip(column.values, column.text, strict=True))
    return Dates(column, periods, blank)


def _period(value: object, text: str) -> Period | None:
    if isinstance(value, dt.datetime):
        return value.date(), value.date()
    if isinstance(value, dt.date):
        return value, value
    return read_date(text)
