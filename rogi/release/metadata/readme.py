"""``README.md``: what the package is, what each field means, where values come from, and what was checked."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from rogi import __version__
from rogi.extensions import active
from rogi.release.contents import Contents, FileInfo, LayerContents
from rogi.release.description import Related, Release
from rogi.schema.docs import fields_table, table
from rogi.schema.model import Field, LayerSchema
from rogi.text import counted, markdown

KINDS: Final = {
    ".gpkg": "GeoPackage with all layers, field domains and metadata",
    ".parquet": "GeoParquet 1.1, in spatial order",
    ".shp": "Shapefile (with .shx, .dbf, .prj, .cpg; UTF-8)",
    ".csv": "attributes as CSV (UTF-8)",
}
PARTS: Final = {
    "release.yaml": "what this release is, for machines and people",
    "CHANGELOG.md": "what changed",
    "validation/": "report of the validation: HTML, JSON, SARIF",
    "lineage/": "units of this version and the last, and IDs that are gone",
    "facts.yaml": "counts, sums and ranges a copy can be checked against",
    "datapackage.json": "Data Package 2",
    "CITATION.cff": "Citation File Format 1.2",
    "datacite.json": "DataCite 4.6",
    "invenio.json": "record of the repository (InvenioRDM)",
    "stac/": "STAC 1.1 Collection and Item",
    "ro-crate-metadata.json": "RO-Crate 1.3",
    "SHA256SUMS": "checksums of all files",
}


def about(path: str) -> str:
    """What a file of a package is, in a line.

    Examples
    --------
    >>> about("csv/Outlines.csv"), about("stac/item.json"), about("shapefile/Outlines.shx")
    ('attributes as CSV (UTF-8)', 'STAC 1.1 Collection and Item', 'part of a Shapefile')
    """
    for part, what in PARTS.items():
        if path == part or (part.endswith("/") and path.startswith(part)):
            return what
    suffix = path[path.rfind(".") :]
    return "this text for people" if path == "README.md" else KINDS.get(suffix, "part of a Shapefile")


def text(release: Release, contents: Contents, files: tuple[FileInfo, ...]) -> str:
    """The README in Markdown."""
    identity = [f"Version {release.version}, {release.date.isoformat()}."]
    identity.append(f"Licence: [{release.licence.title}]({release.licence.url}) ({release.licence.id}).")
    parts = [
        f"# {release.title}",
        " ".join(identity),
        release.description,
        _numbers(contents),
        "## How to cite",
        release.citation,
        "## Files",
        _files(files),
        *(part for layer in contents.layers for part in _layer(layer)),
        _evidence(),
    ]
    if release.provenance:
        parts += [
            "## Where attributes come from",
            table(("Attributes", "Source"), [(f"`{a}`", s) for a, s in release.provenance]),
        ]
    if release.related:
        parts += [
            "## Related works",
            "\n".join(f"* {r.relation}: {work(r)}" for r in release.related),
        ]
    parts += ["## Known limits", "\n".join(f"* {line}" for line in release.limits) or "None are stated."]
    parts += ["## Conformance", _conformance(contents)]
    if release.accepted:
        parts += [
            "Accepted, though the gate asked for a reason:",
            table(("Code", "Reason"), [(f"`{c}`", markdown(r)) for c, r in release.accepted]),
        ]
    if release.previous:
        parts += [
            "## Changes",
            f"From version {release.previous}: see `CHANGELOG.md`, `lineage/crosswalk.csv` (units of both "
            "versions) and `lineage/lineage.csv` (what became of IDs that are gone, over all versions).",
        ]
    parts += [
        "## Check this copy",
        f"```console\n$ sha256sum -c SHA256SUMS\n$ rogi release check {release.name}.zip\n```",
        f"Made with rogi {__version__} from schema {contents.schema.id}"
        + "".join(f", {extension}" for extension in active())
        + ". The same data give the same bytes.",
    ]
    return "\n\n".join(parts) + "\n"


def work(related: Related) -> str:
    """Another work and its address, once."""
    if not related.citation:
        return related.url
    # with or without its resolver, in any case: a DOI is the same
    named = re.search(rf"{re.escape(related.identifier)}(?!\w)", related.citation, re.IGNORECASE)
    return related.citation if named else f"{related.citation}, {related.url}"


def _numbers(contents: Contents) -> str:
    words = counted(contents.units, "unit")
    if contents.area_km2:
        words += f", total area {contents.area_km2:,.3f} km²"
    if contents.bounds:
        west, south, east, north = contents.bounds
        words += f", longitude {west:.3f}° to {east:.3f}°, latitude {south:.3f}° to {north:.3f}°"
    return f"{words}. Coordinates: {contents.schema.crs}."


def _files(files: tuple[FileInfo, ...]) -> str:
    data = [f.path for f in files if f.path.endswith(tuple(KINDS)) and not f.path.startswith("lineage/")]
    rows = [(f"`{path}`", about(path)) for path in data]
    rows += [(f"`{name}`", what) for name, what in PARTS.items() if name != "CHANGELOG.md"]
    return table(("File", "What"), rows)


def _layer(layer: LayerContents) -> list[str]:
    parts = [
        f"## {layer.name}",
        f"{layer.title}, {layer.features:,} features ({', '.join(layer.geometry_types) or 'none'}). "
        f"{layer.description}",
    ]
    if layer.schema is not None:
        present = {column.field.name for column in layer.columns if column.field is not None}
        fields = tuple(f for f in layer.schema.fields if f.name in present)
        parts.append(fields_table(_with(layer.schema, fields)))
    extra = [column for column in layer.columns if column.field is None]
    if extra:
        parts.append(
            "Columns the schema does not describe: "
            + ", ".join(f"`{c.name}` ({c.type})" for c in extra)
            + "."
        )
    return parts


def _evidence() -> str:
    return (
        "Evidence says how the meaning of a field is known: `V` read in a primary source, `V2` read in code "
        "or notes of somebody who read the real file, `D` follows from such facts; `M-hi`, `M-med` and "
        "`M-lo` are from memory: most likely, likely, a guess."
    )


def _with(layer: LayerSchema, fields: tuple[Field, ...]) -> LayerSchema:
    return replace(layer, fields=fields)


def _conformance(contents: Contents) -> str:
    if contents.conformance is None:
        return "The inventory was not validated."
    said = f"{contents.conformance.sentence} Every rule and finding is in `validation/report.html`."
    waivers = [w for w in contents.conformance.waivers if w.status == "used"]
    if not waivers:
        return said
    rows = [
        [markdown(str(cell)) for cell in (w.rule, w.target, w.findings, w.reason, w.author, w.expires)]
        for w in waivers
    ]
    head = ("Rule", "Waived for", "Findings", "Reason", "Author", "Expires")
    return f"{said}\n\n{table(head, rows)}"
