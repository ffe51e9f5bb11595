"""The difference of two versions as text, Markdown, JSON, CSV, GeoPackage and HTML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pyogrio

from rogi.errors import OptionError
from rogi.files import replacing
from rogi.inventory.writing.geopackage import set_last_change
from rogi.release.differences.difference import Difference, Kind
from rogi.release.differences.lineage import crosswalk_text
from rogi.report.html import Column, MapLayer, Scheme, Section, Style, badge, escape, html_table
from rogi.report.html import map_view as draw
from rogi.report.html import page as shell
from rogi.report.html import table as data_table
from rogi.report.html.tables import Kind as Look
from rogi.report.output import by_ending, put
from rogi.text import as_json, printable
from rogi.text import markdown as _md

LISTED: Final = 20  # units named in the Markdown; the tables have all
FORMAT: Final = "rogi-difference"
FORMAT_VERSION: Final = 1
WORDS: Final = {
    Kind.ADDED: "added",
    Kind.REMOVED: "removed",
    Kind.SPLIT: "split",
    Kind.MERGED: "merged",
    Kind.REGROUPED: "redrawn as other units",
    Kind.RENAMED: "under another ID",
    Kind.REFINED: "with another outline",
    Kind.ATTRIBUTES: "with other values only",
    Kind.UNCHANGED: "unchanged",
}


class Format(StrEnum):
    """Formats of a difference."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    CSV = "csv"
    GPKG = "gpkg"
    HTML = "html"


SUFFIXES: Final = {
    ".txt": Format.TEXT,
    ".md": Format.MARKDOWN,
    ".json": Format.JSON,
    ".csv": Format.CSV,
    ".gpkg": Format.GPKG,
    ".html": Format.HTML,
    ".htm": Format.HTML,
}


def format_of(path: Path) -> Format:
    """The format a file's name stands for.

    Raises
    ------
    OptionError
        If its ending is not known.
    """
    return by_ending(path, SUFFIXES)


def write(found: Difference, path: Path) -> None:
    """Write a difference in the format of the file's name.

    Raises
    ------
    OptionError
        If the ending is not known.
    OutputError
        If the file cannot be written.
    """
    format = format_of(path)
    if format is not Format.GPKG:
        put(as_string(found, format), path)
        return

    with replacing(path) as temporary:
        for number, (name, frame) in enumerate(found.layers().items()):
            pyogrio.write_dataframe(
                frame, temporary, layer=name, driver="GPKG", append=number > 0, geometry_type="Unknown"
            )
        set_last_change(temporary)


def as_string(found: Difference, format: Format) -> str:
    """A difference in any format but GeoPackage; the same difference gives the same text."""
    match format:
        case Format.TEXT:
            return as_text(found)
        case Format.MARKDOWN:
            return changelog(found)
        case Format.JSON:
            return as_json(as_dict(found), 1)
        case Format.CSV:
            return crosswalk_text(found)
        case Format.HTML:
            return page(found)
    raise OptionError("A GeoPackage is a file: name one, for example `--output difference.gpkg`.")


def as_text(found: Difference) -> str:
    """For the terminal."""
    lines = [
        f"{printable(found.old)} -> {printable(found.new)}",
        *(f"  {line}" for line in _totals(found)),
        "",
    ]
    counts = found.counts
    lines += [f"  {counts[kind]:>8,} {WORDS[kind]}" for kind in Kind]
    if found.moved:
        lines.append(f"  {len(found.moved):>8,} IDs in another place: {_named(found.moved)}")
    lines += [f"  {line}" for line in _columns(found)]
    table = found.subregions()
    changed = table[(table["units_old"] != table["units_new"]) | (table[_KINDS].sum(axis=1) > 0)]
    if len(table) > 1 and len(changed):
        lines += ["", "  subregion: units, area (km²)"]
        lines += [
            f"    {printable(str(r.subregion))}: {r.units_old:,} -> {r.units_new:,}, "
            f"{r.area_old_km2:,.3f} -> {r.area_new_km2:,.3f}"
            for r in changed.itertuples()
        ]
    if said := _fields(found):
        lines += ["", "  fields", *(f"    {printable(line)}" for line in said)]
    lines += [f"note: {printable(note)}" for note in found.notes]
    return "\n".join(lines) + "\n"


_KINDS: Final = [k.value for k in Kind if k is not Kind.UNCHANGED]


def changelog(found: Difference) -> str:
    """For a changelog: totals, kinds, subregions, and the units by name as far as there are few."""
    lines = [
        f"## Changes from {_md(found.old)} to {_md(found.new)}",
        "",
        *(f"* {line}" for line in _totals(found)),
    ]
    counts = found.counts
    lines += [f"* {counts[kind]:,} {WORDS[kind]}" for kind in Kind]
    lines += [f"* {_md(line)}" for line in _columns(found)]
    if found.moved:
        lines.append(f"* {len(found.moved):,} IDs in another place: {_md(_named(found.moved))}")
    for kind in (
        Kind.ADDED,
        Kind.REMOVED,
        Kind.SPLIT,
        Kind.MERGED,
        Kind.REGROUPED,
        Kind.RENAMED,
        Kind.REFINED,
    ):
        if counts[kind]:
            lines += ["", f"### {kind.value.capitalize()}", "", *_cases(found, kind)]
    if said := _fields(found):
        lines += ["", "### Fields", "", *(f"* {_md(line)}" for line in said)]
    table = found.subregions()
    if len(table) > 1:
        lines += [
            "",
            "### Subregions",
            "",
            "| subregion | units before | now | area before (km²) | now (km²) | added | removed | refined |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        ]
        lines += [
            f"| {_md(str(r.subregion))} | {r.units_old:,} | {r.units_new:,} | {r.area_old_km2:,.3f} | "
            f"{r.area_new_km2:,.3f} | {r.added} | {r.removed} | {r.refined} |"
            for r in table.itertuples()
        ]
    lines += ["", *(f"* {_md(note)}" for note in found.notes)] if found.notes else []
    return "\n".join(lines) + "\n"


def as_dict(found: Difference) -> dict[str, Any]:
    """Everything but geometries, for JSON."""
    columns = [c for c in found.units.columns if c not in ("row_old", "row_new")]
    changed = found.units[found.units["kind"] != Kind.UNCHANGED.value]
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "old": found.old,
        "new": found.new,
        "schema": {"old": found.schema_old, "new": found.schema_new},
        "units": {"old": found.count_old, "new": found.count_new},
        "area_km2": {"old": found.area_old_km2, "new": found.area_new_km2},
        "counts": {kind.value: n for kind, n in found.counts.items()},
        "moved": list(found.moved),
        "columns": {
            "added": list(found.fields_added),
            "removed": list(found.fields_removed),
            "retyped": list(found.fields_retyped),
        },
        "fields": [_plain(row) for row in found.fields().to_dict("records")],
        "subregions": [_plain(row) for row in found.subregions().to_dict("records")],
        "changes": [_plain(row) for row in changed[columns].to_dict("records")],
        "values": [_plain(row) for row in found.values.to_dict("records")],
        "notes": list(found.notes),
    }


def page(found: Difference) -> str:
    """A self-contained HTML page: totals, map of old and new outlines, units, values, subregions."""
    units = found.units[found.units["kind"] != Kind.UNCHANGED.value]
    rows = units.index.to_numpy()
    tones = {Kind.REMOVED.value: "error", Kind.ADDED.value: "good", Kind.ATTRIBUTES.value: "neutral"}
    counts = found.counts
    totals = "".join(f"<p>{escape(line)}</p>" for line in (*_totals(found), *_columns(found), *found.notes))
    kinds = html_table(
        ("what", "cases"), [(escape(WORDS[k]), f"{counts[k]:,}") for k in Kind], numbers=(1,), caption="Units"
    )
    listed = data_table(
        "units-table",
        [
            Column(
                "kind",
                units["kind"].tolist(),
                Look.BADGE,
                filter=True,
                tones=tones,
                order=[k.value for k in Kind],
            ),
            Column("old ID", units["id_old"].tolist(), Look.CODE),
            Column("new ID", units["id_new"].tolist(), Look.CODE),
            Column("subregion", units["subregion"].tolist(), filter=True),
            Column("area before (km²)", units["area_old_km2"].round(6).tolist(), Look.NUMBER),
            Column("area now (km²)", units["area_new_km2"].round(6).tolist(), Look.NUMBER),
            Column("IoU", units["iou"].round(4).tolist(), Look.NUMBER),
            Column("changed", units["fields"].tolist(), Look.WIDE),
        ],
        noun="units",
        label=("new ID", "old ID"),
        map_name="units-map",
    )
    layers = []
    for title, color, shapes in (
        ("before", "first", found.old_geometry),
        ("now", "second", found.new_geometry),
    ):
        layers.append(
            MapLayer(
                title=title,
                geometries=shapes[rows],
                schemes=(Scheme("version", (Style(title, color, fill=False),)),),
                rows=[[k] for k in range(len(rows))],
            )
        )
    title = "Outlines before and now of the units that changed"
    drawn = draw("units-map", layers, title=title, table_name="units-table")
    values = data_table(
        "values-table",
        [
            Column("ID", found.values["id"].tolist(), Look.CODE),
            Column("what", found.values["field"].tolist(), filter=True),
            Column("before", found.values["old"].tolist()),
            Column("now", found.values["new"].tolist()),
        ],
        noun="values",
    )
    changed_fields = "".join(f"<p>{escape(line)}</p>" for line in _fields(found))
    table = found.subregions()
    regions = html_table(
        ("subregion", "units before", "now", "area before (km²)", "now (km²)", *(k.value for k in Kind)),
        [
            (
                escape(str(r["subregion"])),
                f"{r['units_old']:,}",
                f"{r['units_new']:,}",
                f"{r['area_old_km2']:,.3f}",
                f"{r['area_new_km2']:,.3f}",
                *(f"{r[k.value]:,}" for k in Kind),
            )
            for r in table.to_dict("records")
        ],
        numbers=tuple(range(1, 5 + len(Kind))),
        sortable=True,
    )
    sections = [
        Section("summary", "Summary", totals + kinds),
        Section("map", "Map", drawn),
        Section("units", "Units", listed),
        Section("values", "Values", changed_fields + values),
        Section("subregions", "Subregions", regions),
    ]
    lead = f"<p>{badge('changed', 'warning') if found.changed else badge('no change', 'good')}</p>"
    return shell(f"{found.old} → {found.new}", sections, lead=lead)


def _fields(found: Difference) -> list[str]:
    """Which fields changed, in how many units, and by how much."""
    lines = []
    for row in found.fields().to_dict("records"):
        parts = [f"{row['field']}: {row['units']:,} units"]
        parts += [f"{row[what]:,} {what}" for what in ("filled", "emptied") if row[what]]
        if math.isfinite(row["mean"]):
            parts.append(f"on average by {row['mean']:+.6g} ({row['least']:+.6g} to {row['most']:+.6g})")
        lines.append(", ".join(parts))
    return lines


def _totals(found: Difference) -> list[str]:
    lines = [
        f"{found.count_old:,} units before, {found.count_new:,} now ({found.count_new - found.count_old:+,})"
    ]
    if found.area_old_km2 or found.area_new_km2:
        change = round(found.area_new_km2 - found.area_old_km2, 3) + 0.0  # never -0.000
        lines.append(
            f"{found.area_old_km2:,.3f} km² before, {found.area_new_km2:,.3f} km² now ({change:+,.3f} km²)"
        )
    if found.schema_old != found.schema_new:
        lines.append(f"schema {found.schema_old} before, {found.schema_new} now")
    return lines


def _columns(found: Difference) -> list[str]:
    parts = (
        ("new columns", found.fields_added),
        ("columns that are gone", found.fields_removed),
        ("columns of another type", found.fields_retyped),
    )
    return [f"{what}: {', '.join(names)}" for what, names in parts if names]


def _cases(found: Difference, kind: Kind) -> list[str]:
    rows = found.units[found.units["kind"] == kind.value]
    if kind in (Kind.SPLIT, Kind.MERGED, Kind.REGROUPED):
        lines = []
        for _, part in rows.groupby("group", sort=True):
            old = ", ".join(sorted({str(i) for i in part["id_old"]}))
            new = ", ".join(sorted({str(i) for i in part["id_new"]}))
            lines.append(f"* {_md(old)} → {_md(new)}")
    else:
        lines = [f"* {_md(_case(row))}" for row in rows.to_dict("records")[: LISTED + 1]]
        lines += [""] * (len(rows) - len(lines))  # only counted
    total = len(lines)
    if total > LISTED:
        return [*lines[:LISTED], f"* and {total - LISTED:,} more, see the crosswalk"]
    return lines


def _case(row: dict[Any, Any]) -> str:
    if row["kind"] == Kind.RENAMED.value:
        return f"{row['id_old']} → {row['id_new']}"
    if row["kind"] == Kind.REFINED.value:
        if math.isfinite(row["iou"]):
            return f"{row['id_new']}: IoU {row['iou']:.3f}, area {row['area_change_km2']:+.4f} km²"
        return f"{row['id_new']}: marker moved by {row['distance_m']:.1f} m"
    return str(row["id_new"] if row["id_new"] is not None else row["id_old"])


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - LISTED} more" if len(ids) > LISTED else ""
    return ", ".join(ids[:LISTED]) + more


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {
        str(k): (None if v is None or (isinstance(v, float) and not math.isfinite(v)) else v)
        for k, v in row.items()
    }
