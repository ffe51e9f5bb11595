"""``stac/``: a SpatioTemporal Asset Catalog 1.1.0: one Collection, one Item, with the table extension."""

from __future__ import annotations

import mimetypes
from typing import Any, Final

from rogi.release.contents import Bounds, Contents, FileInfo, LayerContents
from rogi.release.description import PREDECESSOR, Release

VERSION: Final = "1.1.0"
TABLE: Final = "https://stac-extensions.github.io/table/v1.2.0/schema.json"
FILE: Final = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
SCIENTIFIC: Final = "https://stac-extensions.github.io/scientific/v1.0.0/schema.json"
VERSIONED: Final = "https://stac-extensions.github.io/version/v1.2.0/schema.json"
WORLD: Final[Bounds] = (-180.0, -90.0, 180.0, 90.0)
SHA256_MULTIHASH: Final = "1220"  # multiformats: function 0x12 (sha2-256), 0x20 bytes
_MEDIA = {
    ".gpkg": "application/geopackage+sqlite3",
    ".parquet": "application/vnd.apache.parquet",
    ".shp": "application/vnd.shp",
    ".csv": "text/csv",
}


def collection(release: Release, contents: Contents) -> dict[str, Any]:
    """The inventory as a Collection."""
    start, end = _interval(release)
    people = [
        {"name": f"{p.given_name} {p.family_name}".strip(), "roles": ["producer"]} for p in release.creators
    ]
    made: dict[str, Any] = {
        "type": "Collection",
        "stac_version": VERSION,
        "stac_extensions": [TABLE, VERSIONED, *([SCIENTIFIC] if release.doi else [])],
        "id": release.inventory.lower(),
        "title": release.title,
        "description": release.description,
        "license": release.licence.id,
        "version": release.version,
        "providers": [*people, {"name": release.publisher, "roles": ["host"]}],
        "extent": {
            "spatial": {"bbox": [list(contents.bounds or WORLD)]},
            "temporal": {"interval": [[start, end]]},
        },
        "table:columns": _columns(contents.layers[0]),
        "summaries": {},
        "links": [
            {"rel": "root", "href": "./collection.json", "type": "application/json"},
            {"rel": "item", "href": "./item.json", "type": "application/geo+json"},
            {"rel": "license", "href": release.licence.url, "title": release.licence.title},
        ],
    }
    made["links"] += [
        {"rel": "predecessor-version", "href": r.url} for r in release.related if r.relation == PREDECESSOR
    ]
    if release.keywords:
        made["keywords"] = list(dict.fromkeys(release.keywords))
    if release.doi:
        made |= {"sci:doi": release.doi, "sci:citation": release.citation}
        made["links"].append({"rel": "cite-as", "href": f"https://doi.org/{release.doi}"})
    return made


def item(release: Release, contents: Contents, files: tuple[FileInfo, ...]) -> dict[str, Any]:
    """The data of the version as an Item; every data file is an asset."""
    west, south, east, north = contents.bounds or WORLD
    start, end = _interval(release)
    first = contents.layers[0]
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [TABLE, FILE, VERSIONED],
        "id": release.name.lower(),
        "collection": release.inventory.lower(),
        "bbox": [west, south, east, north],
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
        },
        "properties": {
            "title": f"{release.title}, version {release.version}",
            **(
                {"datetime": None, "start_datetime": start, "end_datetime": end}
                if release.period
                else {"datetime": f"{release.date.isoformat()}T00:00:00Z"}
            ),
            "version": release.version,
            "license": release.licence.id,
            "table:columns": _columns(first),
            "table:row_count": first.features,
            "table:primary_geometry": "geometry",
        },
        "links": [
            {"rel": "root", "href": "./collection.json", "type": "application/json"},
            {"rel": "parent", "href": "./collection.json", "type": "application/json"},
            {"rel": "collection", "href": "./collection.json", "type": "application/json"},
        ],
        "assets": {_key(file.path): _asset(file, contents) for file in files if _is_data(file.path)},
    }


def _interval(release: Release) -> tuple[str | None, str | None]:
    """When the data were collected; open on both sides where the release does not say."""
    if release.period is None:
        return None, None
    start, end = release.period
    return f"{start.isoformat()}T00:00:00Z", f"{end.isoformat()}T23:59:59Z"


def _columns(layer: LayerContents, *, geometry: bool = True) -> list[dict[str, str]]:
    made = []
    for column in layer.columns:
        entry = {"name": column.name, "type": column.type}
        if column.field is not None:
            unit = f" [{column.field.concept.unit}]" if column.field.concept.unit else ""
            entry["description"] = f"{column.field.concept.title}{unit}. {column.field.concept.description}"
        made.append(entry)
    if geometry:
        made.append({"name": "geometry", "type": "geometry", "description": "Outline or marker, WKB"})
    return made


def _is_data(path: str) -> bool:
    return path.endswith(
        (".gpkg", ".parquet", ".shp", ".shx", ".dbf", ".prj", ".cpg", ".csv")
    ) and not path.startswith("lineage/")


def _key(path: str) -> str:
    return path.replace("/", "-").replace(".", "-").lower()


def _asset(file: FileInfo, contents: Contents) -> dict[str, Any]:
    suffix = file.path[file.path.rfind(".") :]
    made: dict[str, Any] = {
        "href": f"../{file.path}",
        "title": file.path,
        "type": _MEDIA.get(suffix) or mimetypes.guess_type(file.path)[0] or "application/octet-stream",
        "roles": ["data"],
        "file:size": file.size,
        "file:checksum": SHA256_MULTIHASH + file.sha256,
    }
    layer = next(
        (x for x in contents.layers if file.path.endswith((f"/{x.name}.parquet", f"/{x.name}.csv"))), None
    )
    if layer is not None:
        columns = _columns(layer, geometry=suffix != ".csv")
        made |= {"table:columns": columns, "table:row_count": layer.features}
    return made
