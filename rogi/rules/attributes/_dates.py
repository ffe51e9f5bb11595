"""Reading dates of mapping: days, months, quarters, years, ranges and lists of them."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from functools import lru_cache

Period = tuple[dt.date, dt.date]

MAXIMUM_CHARACTERS = 64  # nothing longer is a date

_MONTH_NAMES = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTHS = {name: i for i, name in enumerate(_MONTH_NAMES, start=1)}
_MONTHS |= {name[:3]: i for name, i in _MONTHS.items()} | {"sept": 9}
_MONTH = r"(?P<month>[a-z]{3,9})\.?"
_TIME = r"(?:[t ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?: ?(?:z|utc|[+-]\d{2}:?\d{2}))?)?"

_YEAR_FIRST = tuple(
    re.compile(form)
    for form in (
        rf"(?P<y>\d{{4}})(?P<sep>[-/.])(?P<m>\d{{1,2}})(?P=sep)(?P<d>\d{{1,2}}){_TIME}",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})",
        r"(?P<y>\d{4})(?P<m>\d{2})",
        r"(?P<y>\d{4})(?:\.0)?",
        r"(?P<y>\d{4})[ _/-]*q ?(?P<q>[1-4])",
        r"q ?(?P<q>[1-4])[ _/-]*(?P<y>\d{4})",
        r"(?P<q>[1-4])q[ _/-]*(?P<y>\d{4})",
        rf"(?P<d>\d{{1,2}})(?:st|nd|rd|th)?[ .-]*{_MONTH}[ ,.-]*(?P<y>\d{{4}})",
        rf"{_MONTH}[ .]*(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? +(?P<y>\d{{4}})",
        rf"{_MONTH}[ ,.-]*(?P<y>\d{{4}})",
        rf"(?P<y>\d{{4}})[ -]{_MONTH}",
    )
)
# 04/05/2021 is the fourth of May or the fifth of April
_DAY_OR_MONTH_FIRST = re.compile(
    rf"(?P<d>\d{{1,2}})(?P<sep>[-/.])(?P<m>\d{{1,2}})(?P=sep)(?P<y>\d{{4}}){_TIME}"
)
_YEARS = re.compile(r"(\d{4})\s*-\s*(\d{4})")
_QUARTERS = re.compile(r"(\d{4})[ _/-]*(q ?[1-4](?:[ ,;/&+_-]*q ?[1-4])+)")
_SEPARATOR = re.compile(r"\s*(?:/|,|;|&|\+|\bto\b|\band\b|\buntil\b| - )\s*")
_DASHES = re.compile(r"[\u2010-\u2015\u2212]")


@lru_cache(maxsize=4096)
def read_date(text: str) -> Period | None:
    """First and last day of what a text names; None if it is not read as a date.

    Examples
    --------
    >>> read_date("2021 Q3")
    (datetime.date(2021, 7, 1), datetime.date(2021, 9, 30))
    """
    text = " ".join(_DASHES.sub("-", text).split()).casefold()
    if not text or len(text) > MAXIMUM_CHARACTERS:
        return None
    one = _read_one(text)
    if one is not None:
        return one
    if years := _YEARS.fullmatch(text):
        return _joined([_read_one(year) for year in years.groups()])
    if quarters := _QUARTERS.fullmatch(text):
        numbers = re.findall(r"[1-4]", quarters[2])
        return _joined([_read_one(f"{quarters[1]} q{number}") for number in numbers])
    parts = _SEPARATOR.split(text)
    return _joined([_read_one(part) for part in parts]) if len(parts) > 1 else None


def _read_one(text: str) -> Period | None:
    for form in _YEAR_FIRST:
        match = form.fullmatch(text)
        if match and (period := _period(match.groupdict())):
            return period
    match = _DAY_OR_MONTH_FIRST.fullmatch(text)
    if match is None:
        return None
    year, month, day = int(match["y"]), int(match["m"]), int(match["d"])
    return _joined([p for p in (_day(year, month, day), _day(year, day, month)) if p])


def _period(found: dict[str, str | None]) -> Period | None:
    year = int(found["y"] or 0)
    if quarter := found.get("q"):
        return _months(year, 3 * int(quarter) - 2, 3 * int(quarter))
    name = found.get("month")
    month = _MONTHS.get(name, 0) if name else int(found.get("m") or -1)
    if month < 0:
        return _months(year, 1, 12)
    day = found.get("d")
    return _day(year, month, int(day)) if day else _months(year, month, month)


def _months(year: int, first: int, last: int) -> Period | None:
    if not (year >= 1 and 1 <= first <= last <= 12):
        return None
    return dt.date(year, first, 1), dt.date(year, last, calendar.monthrange(year, last)[1])


def _day(year: int, month: int, day: int) -> Period | None:
    try:
        date = dt.date(year, month, day)
    except ValueError:
        return None
    return date, date


def _joined(periods: list[Period | None]) -> Period | None:
    known = [period for period in periods if period is not None]
    if not known or len(known) < len(periods):
        return None
    return min(start for start, _ in known), max(end for _, end in known)
