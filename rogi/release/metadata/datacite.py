"""``datacite.json``: DataCite Metadata Schema 4.6 as JSON, in the form in which DOIs are registered."""

from __future__ import annotations

from typing import Any

from rogi.release.contents import Contents
from rogi.release.description import Award, Person, Related, Release

KERNEL = "http://datacite.org/schema/kernel-4"
_LANGUAGES = {
    "eng": "en",
    "deu": "de",
    "fra": "fr",
    "ita": "it",
    "spa": "es",
    "zho": "zh",
    "rus": "ru",
    "nor": "no",
}


def record(release: Release, contents: Contents) -> dict[str, Any]:
    """The record; ``doi`` is left out until there is one."""
    made: dict[str, Any] = {
        "schemaVersion": KERNEL,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Rock glacier inventory"},
        "titles": [{"title": release.title, "lang": _LANGUAGES.get(release.language, "en")}],
        "creators": [_person(p) for p in release.creators],
        "publisher": {"name": release.publisher},
        "publicationYear": str(release.date.year),
        "version": release.version,
        "language": _LANGUAGES.get(release.language, release.language),
        "dates": [{"date": release.date.isoformat(), "dateType": "Issued"}],
        "rightsList": [
            {
                "rights": release.licence.title,
                "rightsUri": release.licence.url,
                "rightsIdentifier": release.licence.id,
                "rightsIdentifierScheme": "SPDX",
                "schemeUri": "https://spdx.org/licenses/",
            }
        ],
        "descriptions": [{"description": release.description, "descriptionType": "Abstract"}],
        "sizes": [f"{contents.units} rock glacier units"],
        "formats": [
            "application/geopackage+sqlite3",
            "application/vnd.apache.parquet",
            "application/vnd.shp",
            "text/csv",
        ],
    }
    if release.doi:
        made["doi"] = release.doi
    if release.period:
        start, end = (day.isoformat() for day in release.period)
        made["dates"].append({"date": f"{start}/{end}", "dateType": "Collected"})
    if release.keywords:
        made["subjects"] = [{"subject": word} for word in dict.fromkeys(release.keywords)]
    if release.contributors:
        made["contributors"] = [{**_person(p), "contributorType": p.role} for p in release.contributors]
    if contents.bounds:
        west, south, east, north = contents.bounds
        made["geoLocations"] = [
            {
                "geoLocationBox": {
                    "westBoundLongitude": west,
                    "eastBoundLongitude": east,
                    "southBoundLatitude": south,
                    "northBoundLatitude": north,
                }
            }
        ]
    related = [_related(r) for r in release.related]
    if release.concept_doi:
        related.append(
            {
                "relatedIdentifier": release.concept_doi,
                "relatedIdentifierType": "DOI",
                "relationType": "IsVersionOf",
            }
        )
    if related:
        made["relatedIdentifiers"] = related
    if release.funding:
        made["fundingReferences"] = [_award(f) for f in release.funding]
    return made


def _person(person: Person) -> dict[str, Any]:
    made: dict[str, Any] = {"name": person.name, "nameType": "Personal", "familyName": person.family_name}
    if person.given_name:
        made["givenName"] = person.given_name
    if person.orcid:
        made["nameIdentifiers"] = [
            {
                "nameIdentifier": f"https://orcid.org/{person.orcid}",
                "nameIdentifierScheme": "ORCID",
                "schemeUri": "https://orcid.org",
            }
        ]
    if person.affiliations:
        made["affiliation"] = [
            {
                "name": a.name,
                **(
                    {
                        "affiliationIdentifier": f"https://ror.org/{a.ror}",
                        "affiliationIdentifierScheme": "ROR",
                        "schemeUri": "https://ror.org",
                    }
                    if a.ror
                    else {}
                ),
            }
            for a in person.affiliations
        ]
    return made


def _related(related: Related) -> dict[str, str]:
    made = {
        "relatedIdentifier": related.identifier,
        "relatedIdentifierType": "DOI" if related.scheme == "doi" else "URL",
        "relationType": related.relation,
    }
    if related.type:
        made["resourceTypeGeneral"] = related.type
    return made


def _award(award: Award) -> dict[str, str]:
    made = {"funderName": award.funder}
    if award.ror:
        made |= {"funderIdentifier": f"https://ror.org/{award.ror}", "funderIdentifierType": "ROR"}
    optional = {"awardNumber": award.award, "awardTitle": award.title, "awardUri": award.url}
    return made | {key: value for key, value in optional.items() if value}
