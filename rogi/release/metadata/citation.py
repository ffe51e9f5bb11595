"""``CITATION.cff``: the Citation File Format 1.2.0 (citation-file-format.github.io)."""

from __future__ import annotations

from typing import Any

import yaml

from rogi.release.description import Person, Release


def text(release: Release) -> str:
    """The file, as YAML."""
    content: dict[str, Any] = {
        "cff-version": "1.2.0",
        "message": "If you use this inventory, please cite it as below.",
        "type": "dataset",
        "title": release.title,
        "version": release.version,
        "date-released": release.date.isoformat(),
        "abstract": release.description,
        "license": release.licence.id,
        "authors": [_person(p) for p in release.creators],
    }
    if release.doi:
        content["doi"] = release.doi
    if release.concept_doi:
        content["identifiers"] = [
            {"type": "doi", "value": release.concept_doi, "description": "all versions"}
        ]
    if release.keywords:
        content["keywords"] = list(dict.fromkeys(release.keywords))
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)


def _person(person: Person) -> dict[str, str]:
    made = {"family-names": person.family_name}
    if person.given_name:
        made["given-names"] = person.given_name
    if person.orcid:
        made["orcid"] = f"https://orcid.org/{person.orcid}"
    if person.affiliations:
        made["affiliation"] = "; ".join(a.name for a in person.affiliations)
    return made
