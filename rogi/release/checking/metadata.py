"""Whether the metadata files of a package say the same as ``release.yaml`` and the data."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from rogi.errors import InputError
from rogi.inventory.model import Inventory
from rogi.release.checksums import MAX_METADATA_BYTES
from rogi.release.contents import files_of, sha256_of
from rogi.release.data import CSV, METADATA_URI
from rogi.release.description import FILE as RELEASE_FILE
from rogi.release.description import Release
from rogi.release.metadata import CITATION, COLLECTION, CRATE, DATACITE, DATAPACKAGE, INVENIO, ITEM, SUMS
from rogi.release.metadata.stac import SHA256_MULTIHASH
from rogi.schema.documents import read_yaml


def metadata_faults(
    folder: Path, release: Release, inventory: Inventory, sums: Mapping[str, str]
) -> list[str]:
    """What the metadata files state that release.yaml and the files do not.

    ``sums`` are those of :func:`~rogi.release.checksums.folder_sums`.
    """
    files = {file.path: file.sha256 for file in files_of(folder, without=(SUMS, CRATE), known=sums)}
    return [
        *_same("CITATION.cff", _citation(folder), _expected(release)),
        *_same(DATACITE, _datacite(folder), _expected(release)),
        *_same(INVENIO, _invenio(folder), _expected(release, doi=False)),
        *_packaged(folder, release, inventory, files),
        *_catalogued(folder, release, inventory, files),
        *_crated(folder, release, files),
        *_embedded(folder, release),
    ]


def _expected(release: Release, doi: bool = True) -> dict[str, object]:
    made: dict[str, object] = {
        "title": release.title,
        "version": release.version,
        "creators": [p.family_name for p in release.creators],
    }
    return made | ({"DOI": release.doi} if doi else {})


def _same(name: str, found: Mapping[str, object], expected: Mapping[str, object]) -> Iterator[str]:
    for key, value in expected.items():
        if found.get(key) != value:
            yield f"{name}: the {key} is {found.get(key)!r}, in {RELEASE_FILE} {value!r}"


def _citation(folder: Path) -> dict[str, object]:
    content = read_yaml(folder / CITATION)
    return {
        "title": content.get("title"),
        "version": content.get("version"),
        "DOI": content.get("doi"),
        "creators": [a.get("family-names") for a in content.get("authors", ())],
    }


def _datacite(folder: Path) -> dict[str, object]:
    content = json_of(folder / DATACITE)
    return {
        "title": content["titles"][0]["title"],
        "version": content.get("version"),
        "DOI": content.get("doi"),
        "creators": [c.get("familyName") for c in content["creators"]],
    }


def _invenio(folder: Path) -> dict[str, object]:
    content = json_of(folder / INVENIO)["metadata"]
    return {
        "title": content["title"],
        "version": content["version"],
        "creators": [c["person_or_org"]["family_name"] for c in content["creators"]],
    }


def _packaged(
    folder: Path, release: Release, inventory: Inventory, files: Mapping[str, str]
) -> Iterator[str]:
    content = json_of(folder / DATAPACKAGE)
    yield from _same(DATAPACKAGE, content, {"title": release.title, "version": release.version})
    columns = {
        f"{CSV}/{x.name}.csv": [c for c in x.frame.columns if c != x.frame.geometry.name]
        for x in inventory.layers
    }
    listed = {resource["path"] for resource in content["resources"]}
    for name in sorted(set(columns) - listed):
        yield f"{DATAPACKAGE}: {name} is not listed"
    for resource in content["resources"]:
        path = folder.joinpath(*PurePosixPath(resource["path"]).parts)
        if ".." in resource["path"] or not path.is_file():
            yield f"{DATAPACKAGE}: {resource['path']} is not in the package"
            continue
        size = path.stat().st_size
        digest = files.get(resource["path"]) or sha256_of(path)
        if resource.get("bytes", size) != size or resource["hash"] != f"sha256:{digest}":
            yield f"{DATAPACKAGE}: size or checksum of {resource['path']} is another"
        if resource["path"] in columns:
            names = [field["name"] for field in resource["schema"]["fields"]]
            if names != columns[resource["path"]]:
                yield f"{DATAPACKAGE}: the fields of {resource['path']} are not its columns"


def _catalogued(
    folder: Path, release: Release, inventory: Inventory, files: Mapping[str, str]
) -> Iterator[str]:
    collection, item = json_of(folder / COLLECTION), json_of(folder / ITEM)
    yield from _same(COLLECTION, collection, {"title": release.title, "version": release.version})
    rows = len(inventory.layers[0])
    if item["properties"]["version"] != release.version or item["properties"]["table:row_count"] != rows:
        yield f"{ITEM}: version or number of rows is another"
    top = folder.resolve()
    for asset in item["assets"].values():
        path = (folder / "stac" / asset["href"]).resolve()
        if not path.is_relative_to(top) or not path.is_file():
            yield f"{ITEM}: {asset['href']} is not in the package"
            continue
        digest = files.get(path.relative_to(top).as_posix()) or sha256_of(path)
        if asset["file:size"] != path.stat().st_size or asset["file:checksum"] != SHA256_MULTIHASH + digest:
            yield f"{ITEM}: size or checksum of {asset['href']} is another"


def _crated(folder: Path, release: Release, files: Mapping[str, str]) -> Iterator[str]:
    graph = {entity["@id"]: entity for entity in json_of(folder / CRATE)["@graph"]}
    yield from _same(CRATE, graph["./"], {"name": release.title, "version": release.version})
    listed = {part["@id"] for part in graph["./"]["hasPart"]}
    for name in sorted(listed ^ set(files)):
        yield f"{CRATE}: {name} is listed or there, but not both"
    for name in sorted(listed & set(files)):
        if graph[name]["sha256"] != files[name]:
            yield f"{CRATE}: the checksum of {name} is another"


def _embedded(folder: Path, release: Release) -> Iterator[str]:
    path = folder / f"{release.name}.gpkg"
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        row = connection.execute(
            "SELECT metadata FROM gpkg_metadata WHERE md_standard_uri = ?", (METADATA_URI,)
        ).fetchone()
    except (sqlite3.Error, UnicodeError) as error:
        yield f"{path.name}: its metadata cannot be read ({error})"
        return
    finally:
        connection.close()
    content = json.loads(row[0]) if row else {}
    yield from _same(f"the metadata in {path.name}", content, {"version": release.version})
    if content.get("doi") != release.doi:
        yield f"the metadata in {path.name}: another DOI ({content.get('doi')!r}) than in {RELEASE_FILE}"


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_METADATA_BYTES:
        raise InputError(f"{path.name} is larger than {MAX_METADATA_BYTES} bytes; no such file is.")
    return path.read_text(encoding="utf-8")


def json_of(path: Path) -> Any:
    """What a JSON file of a package holds; one that is far too large is refused."""
    return json.loads(_text(path))
