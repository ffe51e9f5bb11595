"""``datapackage.json``: Data Package 2 (datapackage.org), with a Table Schema for each table."""

from __future__ import annotations

from typing import Any

from rogi.release.contents import Contents, FileInfo, LayerContents
from rogi.release.data import CSV, PARQUET, SHAPEFILE
from rogi.release.description import Release
from rogi.schema.export import DATA_PACKAGE, DATA_RESOURCE, TABLE_DIALECT, TABLE_SCHEMA, to_tableschema


def descriptor(release: Release, contents: Contents, files: tuple[FileInfo, ...]) -> dict[str, Any]:
    """The descriptor: tables of attributes with their fields, and the files that hold the geometries."""
    by_path = {file.path: file for file in files}
    resources: list[dict[str, Any]] = []
    for layer in contents.layers:
        name = layer.name.lower()
        resources.append(
            {
                "$schema": DATA_RESOURCE,
                "name": name,
                "type": "table",
                "title": f"{layer.title}: attributes",
                **_file(by_path[f"{CSV}/{layer.name}.csv"], "csv", "text/csv"),
                "encoding": "utf-8",
                "dialect": {"$schema": TABLE_DIALECT, "delimiter": ",", "header": True},
                "schema": table_schema(contents, layer),
            }
        )
        geometry = "".join(layer.geometry_types) and f" ({', '.join(layer.geometry_types)})"
        resources += [
            {
                "$schema": DATA_RESOURCE,
                "name": f"{name}-{ending}",
                "title": f"{layer.title}{geometry}",
                **_file(by_path[path], ending, media),
            }
            for ending, path, media in (
                ("parquet", f"{PARQUET}/{layer.name}.parquet", "application/vnd.apache.parquet"),
                ("shp", f"{SHAPEFILE}/{layer.name}.shp", "application/vnd.shp"),
            )
        ]
    gpkg = by_path[f"{release.name}.gpkg"]
    resources.append(
        {
            "$schema": DATA_RESOURCE,
            "name": "geopackage",
            "title": "All layers",
            **_file(gpkg, "gpkg", "application/geopackage+sqlite3"),
        }
    )
    made: dict[str, Any] = {
        "$schema": DATA_PACKAGE,
        "name": release.inventory.lower(),
        "title": release.title,
        "description": release.description,
        "version": release.version,
        "created": f"{release.date.isoformat()}T00:00:00Z",
        "licenses": [
            {"name": release.licence.id, "title": release.licence.title, "path": release.licence.url}
        ],
        "contributors": [
            {
                "title": f"{p.given_name} {p.family_name}".strip(),
                "familyName": p.family_name,
                **({"givenName": p.given_name} if p.given_name else {}),
                **({"path": f"https://orcid.org/{p.orcid}"} if p.orcid else {}),
                **({"organization": p.affiliations[0].name} if p.affiliations else {}),
                "roles": ["creator"] if not p.role else [p.role],
            }
            for p in (*release.creators, *release.contributors)
        ],
        "resources": resources,
    }
    if release.doi:
        made["id"] = f"https://doi.org/{release.doi}"
    if release.keywords:
        made["keywords"] = list(dict.fromkeys(release.keywords))
    sources = [{"title": f"{attributes}: {source}"} for attributes, source in release.provenance]
    if sources:
        made["sources"] = sources
    return made


def table_schema(contents: Contents, layer: LayerContents) -> dict[str, Any]:
    """The fields of a table in the order of its columns; those the schema does not know have a type only."""
    known: dict[str, Any] = {}
    made: dict[str, Any] = {"$schema": TABLE_SCHEMA}
    if layer.schema is not None:
        full = to_tableschema(contents.schema, layer.schema)
        known = {field["name"]: field for field in full["fields"]}
        names = {column.name for column in layer.columns}
        roles = {other.name.lower() for other in contents.layers}
        if set(full.get("primaryKey", ())) <= names and "primaryKey" in full:
            made["primaryKey"] = full["primaryKey"]
        keys = [
            k
            for k in full.get("foreignKeys", ())
            if k["reference"]["resource"] in roles and set(k["fields"]) <= names
        ]
        if keys:
            made["foreignKeys"] = keys
    made["fields"] = [known.get(c.name, {"name": c.name, "type": c.type}) for c in layer.columns]
    made["missingValues"] = [""]
    return made


def _file(file: FileInfo, format: str, media: str) -> dict[str, Any]:
    made = {"path": file.path, "format": format, "mediatype": media, "hash": f"sha256:{file.sha256}"}
    # frictionless reads Parquet without counting its bytes, and takes any number stated for a fault
    return made if format == "parquet" else made | {"bytes": file.size}
