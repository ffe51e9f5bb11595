"""``invenio.json``: the record in an InvenioRDM repository such as Zenodo."""

from __future__ import annotations

import html
import re
from typing import Any

from rogi.release.contents import Contents
from rogi.release.description import Award, Person, Related, Release
from rogi.text import counted

_TYPES = {
    "JournalArticle": "publication-article",
    "Dataset": "dataset",
    "Software": "software",
    "Report": "publication-report",
    "Text": "publication",
}


def marker(release: Release) -> str:
    """What tells the draft of this release from every other: the last words of its description."""
    return f"Package {release.name}, made with rogi."


def marked_name(description: str) -> str | None:
    """Name of the package that a description marks, such as ``TPRoGI_v1.0``; None where there is no mark.

    Examples
    --------
    >>> marked_name("<p>Package DryAndes_v1.0, made with rogi.</p>"), marked_name("<p>Fish</p>")
    ('DryAndes_v1.0', None)
    """
    found = re.findall(r"Package (\S+_v[0-9.]+), made with rogi\.", description)
    return found[-1] if found else None


def record(release: Release, contents: Contents) -> dict[str, Any]:
    """What a draft is created and updated with."""
    metadata: dict[str, Any] = {
        "resource_type": {"id": "dataset"},
        "title": release.title,
        "publication_date": release.date.isoformat(),
        "version": release.version,
        "publisher": release.publisher,
        "creators": [_person(p, "researcher") for p in release.creators],
        "description": _description(release, contents),
        "rights": [{"id": release.licence.id.lower()}],
        "languages": [{"id": release.language}],
    }
    if release.keywords:
        metadata["subjects"] = [{"subject": word} for word in dict.fromkeys(release.keywords)]
    if release.contributors:
        metadata["contributors"] = [_person(p, p.role.lower()) for p in release.contributors]
    if release.period:
        start, end = (day.isoformat() for day in release.period)
        metadata["dates"] = [{"date": f"{start}/{end}", "type": {"id": "collected"}}]
    if release.related:
        metadata["related_identifiers"] = [_related(r) for r in release.related]
    if release.funding:
        metadata["funding"] = [_award(f) for f in release.funding]
    return {
        "access": {"record": "public", "files": "public"},
        "files": {"enabled": True},
        "metadata": metadata,
    }


def _description(release: Release, contents: Contents) -> str:
    paragraphs = [release.description, f"{counted(contents.units, 'unit')}, schema {contents.schema.id}."]
    if contents.conformance:
        paragraphs.append(contents.conformance.sentence)
    paragraphs.append(marker(release))
    return "".join(f"<p>{html.escape(p, quote=False)}</p>" for p in paragraphs)


def _person(person: Person, role: str) -> dict[str, Any]:
    who: dict[str, Any] = {"type": "personal", "family_name": person.family_name}
    if person.given_name:
        who["given_name"] = person.given_name
    if person.orcid:
        who["identifiers"] = [{"scheme": "orcid", "identifier": person.orcid}]
    made: dict[str, Any] = {"person_or_org": who, "role": {"id": role}}
    if person.affiliations:
        made["affiliations"] = [
            {"name": a.name, **({"id": a.ror} if a.ror else {})} for a in person.affiliations
        ]
    return made


def _related(related: Related) -> dict[str, Any]:
    made: dict[str, Any] = {
        "identifier": related.identifier,
        "scheme": related.scheme,
        "relation_type": {"id": related.relation.lower()},
    }
    if related.type:
        made["resource_type"] = {"id": _TYPES[related.type]}
    return made


def _award(award: Award) -> dict[str, Any]:
    made: dict[str, Any] = {"funder": {"id": award.ror} if award.ror else {"name": award.funder}}
    if award.award or award.title:
        grant: dict[str, Any] = {"title": {"en": award.title or award.award}}
        if award.award:
            grant["number"] = award.award
        if award.url:
            grant["identifiers"] = [{"scheme": "url", "identifier": award.url}]
        made["award"] = grant
    return made
