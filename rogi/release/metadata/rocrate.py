"""``ro-crate-metadata.json``: RO-Crate 1.1 (w3id.org/ro/crate/1.1), the package as linked data."""

from __future__ import annotations

import mimetypes
from typing import Any, Final

from rogi import __version__
from rogi.release.contents import Contents, FileInfo
from rogi.release.model import Person, Release

CONTEXT: Final = "https://w3id.org/ro/crate/1.1/context"
PROFILE: Final = "https://w3id.org/ro/crate/1.1"
_MEDIA = {
    ".gpkg": "application/geopackage+sqlite3",
    ".parquet": "application/vnd.apache.parquet",
    ".shp": "application/vnd.shp",
    ".cff": "application/yaml",
    ".yaml": "application/yaml",
    ".sarif": "application/sarif+json",
    ".md": "text/markdown",
}


def crate(release: Release, contents: Contents, files: tuple[FileInfo, ...]) -> dict[str, Any]:
    """The graph: the package, its files, its people, its licence and the program that made it."""
    people = [_person(p, k) for k, p in enumerate(release.creators)]
    places: dict[str, dict[str, Any]] = {}
    for person in release.creators:
        for a in person.affiliations:
            ident = f"https://ror.org/{a.ror}" if a.ror else f"#{_slug(a.name)}"
            places[ident] = {"@id": ident, "@type": "Organization", "name": a.name}
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": release.title,
        "description": release.description,
        "datePublished": release.date.isoformat(),
        "version": release.version,
        "license": {"@id": release.licence.url},
        "creator": [{"@id": p["@id"]} for p in people],
        "publisher": {"@id": "#publisher"},
        "keywords": list(dict.fromkeys(release.keywords)),
        "inLanguage": release.language,
        "hasPart": [{"@id": file.path} for file in files],
        "mentions": {"@id": "#build"},
    }
    if release.doi:
        root |= {"identifier": f"https://doi.org/{release.doi}", "cite-as": f"https://doi.org/{release.doi}"}
    graph: list[dict[str, Any]] = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "conformsTo": {"@id": PROFILE},
            "about": {"@id": "./"},
        },
        root,
        *people,
        *places.values(),
        {"@id": "#publisher", "@type": "Organization", "name": release.publisher},
        {
            "@id": release.licence.url,
            "@type": "CreativeWork",
            "name": release.licence.title,
            "identifier": release.licence.id,
        },
        {"@id": "#rogi", "@type": "SoftwareApplication", "name": "rogi", "version": __version__},
        {
            "@id": "#build",
            "@type": "CreateAction",
            "name": "rogi release build",
            "instrument": {"@id": "#rogi"},
            "result": {"@id": "./"},
        },
        *(
            {"@id": r.url, "@type": "CreativeWork", "name": r.citation or r.identifier}
            for r in release.related
        ),
        *(_file(file) for file in files),
    ]
    if release.related:
        root["citation"] = [{"@id": r.url} for r in release.related]
    if contents.bounds:
        west, south, east, north = contents.bounds
        root["spatialCoverage"] = {"@id": "#extent"}
        graph.append({"@id": "#extent", "@type": "Place", "name": "Extent", "geo": {"@id": "#box"}})
        graph.append({"@id": "#box", "@type": "GeoShape", "box": f"{south} {west} {north} {east}"})
    return {"@context": CONTEXT, "@graph": graph}


def _person(person: Person, number: int) -> dict[str, Any]:
    made: dict[str, Any] = {
        "@id": f"https://orcid.org/{person.orcid}" if person.orcid else f"#person-{number + 1}",
        "@type": "Person",
        "name": f"{person.given_name} {person.family_name}".strip(),
        "familyName": person.family_name,
    }
    if person.given_name:
        made["givenName"] = person.given_name
    if person.affiliations:
        made["affiliation"] = [
            {"@id": f"https://ror.org/{a.ror}" if a.ror else f"#{_slug(a.name)}"} for a in person.affiliations
        ]
    return made


def _file(file: FileInfo) -> dict[str, Any]:
    suffix = file.path[file.path.rfind(".") :] if "." in file.path else ""
    return {
        "@id": file.path,
        "@type": "File",
        "name": file.path.rpartition("/")[2],
        "contentSize": str(file.size),
        "encodingFormat": _MEDIA.get(suffix)
        or mimetypes.guess_type(file.path)[0]
        or "application/octet-stream",
        "sha256": file.sha256,
    }


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-") or "organization"
