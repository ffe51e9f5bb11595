"""What an answer says of a record or draft."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Any, Final

from rogi.errors import InputError, OptionError
from rogi.release.metadata.invenio import marked_name
from rogi.release.publishing.repository import SANDBOX, ZENODO

CLOCK_SKEW: Final = dt.timedelta(minutes=10)
_DOI: Final = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?(10\.\d{4,9}/\S+)", re.IGNORECASE)
PREFIXES: Final = {ZENODO: "10.5281", SANDBOX: "10.5072"}
"""What the DOIs of a repository begin with."""


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


def doi_in(text: str) -> str | None:
    """The DOI that a text is, in lower case; None where it is a number or an address.

    Examples
    --------
    >>> doi_in("https://doi.org/10.5281/Zenodo.7"), doi_in("7"), doi_in("https://zenodo.org/records/7")
    ('10.5281/zenodo.7', None, None)
    """
    found = _DOI.fullmatch(text.strip().rstrip("/"))
    return found[1].lower() if found else None


def refuse_foreign(text: str, address: str, record: dict[str, Any] | None = None) -> None:
    """Refuse a DOI of another repository: its number may be that of any record here.

    Parameters
    ----------
    text
        What was asked for.
    address
        Where.
    record
        What was found there; before it is asked, only Zenodo and its sandbox are told apart.

    Raises
    ------
    OptionError
        If the DOI is not of this repository, or of another record.
    """
    asked = doi_in(text)
    if asked is None:
        return
    prefix = asked.partition("/")[0]
    here = PREFIXES.get(address)
    way = {PREFIXES[ZENODO]: f"that of {ZENODO}", PREFIXES[SANDBOX]: "that of the sandbox or a test server"}
    if here is not None and prefix != here and prefix in way:
        ask = (
            "leave out --sandbox and --server, or add --production to publish"
            if prefix == PREFIXES[ZENODO]
            else "add --sandbox, or --server ADDRESS"
        )
        raise OptionError(f"The DOI {asked} is {way[prefix]}, not of {address}; {ask}.")
    if record is not None and (found := doi_of(record) or str(record.get("doi") or "")).lower() != asked:
        raise OptionError(
            f"Record {record['id']} at {address} has the DOI {found or 'none'}, not {asked}: it is another "
            "record of the same number. Check the DOI, or name its repository with --sandbox or --server."
        )


def refuse_other_inventory(record: dict[str, Any], name: str, inventory: str) -> None:
    """Refuse a record that rogi made of another inventory.

    Parameters
    ----------
    record
        A published record.
    name, inventory
        Of the package, and of what it is a version.

    Raises
    ------
    InputError
        If its description names another inventory; one that rogi did not make names none.
    """
    theirs = marked_name(description_of(record))
    if theirs is not None and theirs.rpartition("_v")[0] != inventory:
        raise InputError(
            f"Record {record['id']} is {theirs}, a version of another inventory than {name}. Name the record "
            f"of {inventory} with --new-version-of."
        )


def record_number(text: str) -> str:
    """The number of a record, from itself, its DOI or its address.

    Raises
    ------
    OptionError
        If it is none of them.
    """
    plain = doi_in(text) or text.strip().rstrip("/")
    plain = plain.rpartition("zenodo.")[2] if plain.startswith("10.") else plain.rpartition("/")[2]
    if not plain or not plain.isascii() or not plain.replace("-", "").isalnum():
        raise OptionError(f"{text!r} is no record; give its number or DOI, such as 10.5281/zenodo.10732042.")
    return plain
