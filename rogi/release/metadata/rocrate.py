"""``ro-crate-metadata.json``: RO-Crate 1.3 (w3id.org/ro/crate/1.3), the package as linked data.

The commands that computed attributes are actions of a Process Run Crate 0.5 (w3id.org/ro/wfrun/process/0.5).
"""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rogi import __version__
from rogi.inventory.writing.metadata import Metadata
from rogi.release.contents import Contents, FileInfo
from rogi.release.description import Person, Release
from rogi.release.metadata.readme import about

CONTEXT: Final = "https://w3id.org/ro/crate/1.3/context"  # knows sha256, which 1.1 does not
PROFILE: Final = "https://w3id.org/ro/crate/1.3"
PROCESS: Final = "https://w3id.org/ro/wfrun/process/0.5"
HOME: Final = "https://pypi.org/project/rogi-toolkit/"
ZENODO: Final = "https://zenodo.org"
_MEDIA = {
    ".gpkg": "application/geopackage+sqlite3",
    ".parquet": "application/vnd.apache.parquet",
    ".shp": "application/vnd.shp",
    ".cff": "application/yaml",
    ".yaml": "application/yaml",
    ".sarif": "application/sarif+json",
    ".md": "text/markdown",
}


def crate(
    release: Release,
    contents: Contents,
    files: tuple[FileInfo, ...],
    provenance: Sequence[Metadata] = (),
) -> dict[str, Any]:
    """The graph: the package, its files, its people, its licence, and the runs that made it.

    Parameters
    ----------
    release, contents, files
        What is described.
    provenance
        Where the values of columns come from, as `rogi attributes` writes it into a GeoPackage.
    """
    people = [_person(p, k) for k, p in enumerate(release.creators)]
    places: dict[str, dict[str, Any]] = {}
    for person in release.creators:
        for a in person.affiliations:
            ident = f"https://ror.org/{a.ror}" if a.ror else f"#{_slug(a.name)}"
            places[ident] = {"@id": ident, "@type": "Organization", "name": a.name}
            if a.ror:
                places[ident]["url"] = ident
    package = f"{release.name}.gpkg"
    runs = _runs(provenance, package)
    build = {
        "@id": "#build",
        "@type": "CreateAction",
        "name": "rogi release build",
        "description": f"Built the package of {release.name} from {package}.",
        "endTime": f"{release.date.isoformat()}T00:00:00+00:00",
        "instrument": {"@id": f"{HOME}{__version__}/"},
        "object": {"@id": package},
        "result": {"@id": "./"},
    }
    actions = [entity["@id"] for entity in runs if entity["@type"] == "CreateAction"]
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "conformsTo": {"@id": PROCESS},
        "name": release.title,
        "description": release.description,
        "datePublished": release.date.isoformat(),
        "version": release.version,
        "license": {"@id": release.licence.url},
        "author": _one([{"@id": p["@id"]} for p in people]),
        "creator": _one([{"@id": p["@id"]} for p in people]),
        "publisher": {"@id": "#publisher"},
        "keywords": ", ".join(dict.fromkeys(release.keywords)),
        "inLanguage": release.language,
        "hasPart": [{"@id": file.path} for file in files],
        "mentions": _one([{"@id": name} for name in ("#build", *actions)]),
    }
    if release.doi:
        root |= {"identifier": {"@id": "#doi"}, "cite-as": f"https://doi.org/{release.doi}"}
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
        {
            "@id": "#publisher",
            "@type": "Organization",
            "name": release.publisher,
            **({"url": ZENODO} if release.publisher == "Zenodo" else {}),
        },
        {
            "@id": release.licence.url,
            "@type": "CreativeWork",
            "name": release.licence.title,
            "description": f"{release.licence.title} (SPDX: {release.licence.id})",
            "identifier": release.licence.id,
        },
        {"@id": PROCESS, "@type": ["CreativeWork", "Profile"], "name": "Process Run Crate", "version": "0.5"},
        build,
        *runs,
        *_programs({__version__, *_versions(provenance)}),
        *(
            {"@id": r.url, "@type": "CreativeWork", "name": r.citation or r.identifier}
            for r in release.related
        ),
        *(_file(file) for file in files),
    ]
    if release.doi:
        graph.append(
            {
                "@id": "#doi",
                "@type": "PropertyValue",
                "name": "DOI",
                "propertyID": "https://registry.identifiers.org/registry/doi",
                "value": f"doi:{release.doi}",
                "url": f"https://doi.org/{release.doi}",
            }
        )
    if release.related:
        root["citation"] = _one([{"@id": r.url} for r in release.related])
    if contents.bounds:
        west, south, east, north = contents.bounds
        root["spatialCoverage"] = {"@id": "#extent"}
        graph.append({"@id": "#extent", "@type": "Place", "name": "Extent", "geo": {"@id": "#box"}})
        corners = ((west, south), (east, south), (east, north), (west, north), (west, south))
        graph.append(
            {
                "@id": "#box",
                "@type": ["GeoShape", "Geometry"],
                "name": "Bounding box",
                "box": f"{south} {west} {north} {east}",
                "asWKT": f"POLYGON (({', '.join(f'{x} {y}' for x, y in corners)}))",
            }
        )
    return {"@context": CONTEXT, "@graph": graph}


def _one(items: list[dict[str, Any]]) -> Any:
    """A single value for itself, as compact JSON-LD has it."""
    return items[0] if len(items) == 1 else items


def _programs(versions: set[str]) -> list[dict[str, Any]]:
    return [
        {
            "@id": f"{HOME}{version}/",
            "@type": "SoftwareApplication",
            "name": "rogi",
            "url": HOME,
            "version": version,
        }
        for version in sorted(versions)
    ]


def _versions(provenance: Sequence[Metadata]) -> set[str]:
    return {str(record["rogi"]) for record, _ in _records(provenance) if "rogi" in record}


def _records(provenance: Sequence[Metadata]) -> Iterator[tuple[dict[str, Any], Metadata]]:
    """What is JSON of `rogi attributes`; a stranger's file may hold anything."""
    for entry in provenance:
        try:
            record = json.loads(entry.text)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and isinstance(record.get("inputs"), list):
            yield record, entry


def _runs(provenance: Sequence[Metadata], package: str) -> list[dict[str, Any]]:
    """The runs of `rogi attributes`, and the files they read, which are not in the package."""
    actions, inputs = [], {}
    for number, (record, entry) in enumerate(_records(provenance), start=1):
        read = []
        for file in record["inputs"]:
            ident = f"#input-{str(file.get('sha256', ''))[:16]}"
            inputs[ident] = {
                "@id": ident,
                "@type": "CreativeWork",
                "name": str(file.get("name", "")),
                "description": f"Input of rogi attributes, {file.get('crs') or 'without CRS'}",
                "contentSize": str(file.get("size", "")),
                "sha256": str(file.get("sha256", "")),
            }
            read.append({"@id": ident})
        parameters = json.dumps(record.get("parameters", {}), ensure_ascii=False, sort_keys=True)
        actions.append(
            {
                "@id": f"#attributes-{number}",
                "@type": "CreateAction",
                "name": f"rogi attributes: {record.get('group', 'values')}",
                "description": f"{', '.join(entry.columns)} of {entry.table}. Parameters: {parameters}",
                "instrument": {"@id": f"{HOME}{record.get('rogi', __version__)}/"},
                **({"object": _one(read)} if read else {}),
                "result": {"@id": package},
            }
        )
    return [*actions, *inputs.values()]


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
        made["affiliation"] = _one(
            [
                {"@id": f"https://ror.org/{a.ror}" if a.ror else f"#{_slug(a.name)}"}
                for a in person.affiliations
            ]
        )
    return made


def _file(file: FileInfo) -> dict[str, Any]:
    suffix = file.path[file.path.rfind(".") :] if "." in file.path else ""
    return {
        "@id": file.path,
        "@type": "File",
        "name": file.path.rpartition("/")[2],
        "description": about(file.path),
        "contentSize": str(file.size),
        "encodingFormat": _MEDIA.get(suffix)
        or mimetypes.guess_type(file.path)[0]
        or "application/octet-stream",
        "sha256": file.sha256,
    }


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-") or "organization"
