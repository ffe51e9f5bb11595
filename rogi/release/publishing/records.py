"""What an answer says of a record or draft."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, Final

from rogi.errors import OptionError

CLOCK_SKEW: Final = dt.timedelta(minutes=10)


def is_published(record: dict[str, Any]) -> bool:
    """Whether it is no draft any more."""
    return bool(record.get("is_published"))


def description_of(record: dict[str, Any]) -> str:
    """Its description, HTML."""
    return str(record.get("metadata", {}).get("description", ""))


def parent_of(record: dict[str, Any]) -> str:
    """Number of what all its versions belong to."""
    return str(record.get("parent", {}).get("id", ""))


def doi_of(record: dict[str, Any]) -> str:
    """Its DOI, empty where none is reserved."""
    return str(record.get("pids", {}).get("doi", {}).get("identifier", ""))


def made_after(record: dict[str, Any], since: str) -> bool:
    """Whether it was made after a moment (ISO 8601), as far as clocks agree."""
    try:
        made = dt.datetime.fromisoformat(str(record.get("created", "")))
    except ValueError:
        return False
    made = made if made.tzinfo is not None else made.replace(tzinfo=dt.UTC)
    return made >= dt.datetime.fromisoformat(since) - CLOCK_SKEW


def numbers_of(records: Iterable[dict[str, Any]]) -> str:
    """Their numbers, for a message."""
    return ", ".join(str(record["id"]) for record in records)


def record_number(text: str) -> str:
    """The number of a record, from itself, its DOI or its address.

    Raises
    ------
    OptionError
        If it is none of them.
    """
    plain = text.strip().removeprefix("https://doi.org/").rstrip("/")
    plain = plain.rpartition("zenodo.")[2] if plain.startswith("10.") else plain.rpartition("/")[2]
    if not plain or not plain.isascii() or not plain.replace("-", "").isalnum():
        raise OptionError(f"{text!r} is no record; give its number or DOI, such as 10.5281/zenodo.10732042.")
    return plain
