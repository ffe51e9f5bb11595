"""The difference of two versions as a document, and as a GeoPackage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyogrio
import shapely

from rogi.files import replacing
from rogi.inventory.writing.geopackage import set_last_change
from rogi.release.differences.difference import Difference, Kind
from rogi.release.differences.lineage import crosswalk_text
from rogi.report import writers
from rogi.report.document import Document, Page, Passage
from rogi.report.format import DOCUMENT, Format
from rogi.report.html import Column, MapLayer, Scheme, Section, Shape, Style
from rogi.report.html import map_view as draw
from rogi.report.html import table as data_table
from rogi.report.html.maps import drawable, map_bounds, scattered
from rogi.report.html.tables import Kind as Look
from rogi.report.html.tables import readable
from rogi.report.tables import ReportTable
from rogi.text import counted

LISTED: Final = 20  # units named in the Markdown; the tables have all
FORMAT: Final = "rogi-difference"
FORMAT_VERSION: Final = 1
FORMATS: Final = (*DOCUMENT, Format.CSV, Format.GPKG)
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
CHANGES: Final = tuple(k for k in Kind if k is not Kind.UNCHANGED)
COLOURS: Final = {
    Kind.ADDED: "good",
    Kind.REMOVED: "error",
    Kind.SPLIT: "c3",
    Kind.MERGED: "c5",
    Kind.REGROUPED: "c4",
    Kind.RENAMED: "c0",
    Kind.REFINED: "c1",
    Kind.ATTRIBUTES: "c2",
}
SHAPES: Final = {kind: list(Shape)[k % len(Shape)] for k, kind in enumerate(COLOURS)}
OUTLINED: Final = 3000
"""Unchanged units up to which the map has their outlines."""
LEGEND: Final = "<p>Dashed: before; filled: now. The filters of the table below apply here too.</p>"


def write(
    found: Difference, format: Format, target: Path | None = None, relief: Sequence[str | Path] = ()
) -> None:
    """Write a difference to a file, whole or not at all, or to stdout; with relief behind a page's map.

    Raises
    ------
    OptionError
        If a GeoPackage is to go to stdout.
    OutputError
        If the file cannot be written.
    """
    if format is not Format.GPKG or target is None:
        writers.write(document(found), format, target, relief)
        return
    with replacing(target) as temporary:
        for number, (name, frame) in enumerate(found.layers().items()):
            pyogrio.write_dataframe(
                frame, temporary, layer=name, driver="GPKG", append=number > 0, geometry_type="Unknown"
            )
        set_last_change(temporary)


def document(found: Difference) -> Document:
    """Totals, cases of each kind, units by name as far as there are few, fields, subregions."""
    return Document(
        title=f"Changes from {found.old} to {found.new}",
        headline=f"{found.old} → {found.new}: {_totals(found)[0]}",
        parts=list(_parts(found)),
        remarks=found.notes,
        data=lambda: _data(found),
        csv=lambda: crosswalk_text(found),
        page=lambda: _page(found),
    )


def _parts(found: Difference) -> Iterator[ReportTable | Passage]:
    counts = found.counts
    yield ReportTable("", "", ("cases", "units"), tuple((f"{counts[k]:,}", WORDS[k]) for k in Kind), (0,))
    said = [*_totals(found)[1:], *_columns(found)]
    if found.moved:
        said.append(f"{counted(len(found.moved), 'ID')} in another place: {_named(found.moved)}")
    if said:
        yield Passage("", tuple(said), listed=True)
    for kind in CHANGES:
        if counts[kind] and kind is not Kind.ATTRIBUTES:
            yield Passage(kind.value.capitalize(), tuple(_cases(found, kind)), listed=True, detail=True)
    if said := _fields(found):
        yield Passage("Fields", tuple(said), listed=True)
    table, kinds = found.subregions(), [k.value for k in CHANGES if counts[k]]
    if len(table) > 1:
        columns = ("subregion", "units before", "now", "area before (km²)", "now (km²)", *kinds)
        rows = tuple(
            (
                str(r["subregion"]),
                f"{r['units_old']:,}",
                f"{r['units_new']:,}",
                f"{r['area_old_km2']:,.3f}",
                f"{r['area_new_km2']:,.3f}",
                *(f"{r[kind]:,}" for kind in kinds),
            )
            for r in table.to_dict("records")
        )
        yield ReportTable("Subregions", "", columns, rows, tuple(range(1, 5 + len(kinds))))


def _data(found: Difference) -> dict[str, Any]:
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
        "fields": found.fields().to_dict("records"),
        "subregions": found.subregions().to_dict("records"),
        "changes": changed[columns].to_dict("records"),
        "values": found.values.to_dict("records"),
        "notes": list(found.notes),
    }


def _page(found: Difference) -> Page:
    """Map of old and new outlines, all units that changed, all values."""
    units = found.units[found.units["kind"] != Kind.UNCHANGED.value]
    rows = units.index.to_numpy()
    tones = {Kind.REMOVED.value: "error", Kind.ADDED.value: "good", Kind.ATTRIBUTES.value: "neutral"}
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
    layers = [_rest(found)]
    kinds = [k for k in CHANGES if found.counts[k]]
    for title, shapes, before in (("before", found.old_geometry, True), ("now", found.new_geometry, False)):
        styles = [Style(k.value, COLOURS[k], SHAPES[k], fill=not before, dash=before) for k in kinds]
        scheme = Scheme("kind", styles, column="kind", values=[k.value for k in kinds])
        label = [str(i) for i in units["id_old" if before else "id_new"]]
        layers.append(
            MapLayer(
                title=f"{title}, changed",
                geometries=shapes[rows],
                schemes=(scheme,),
                labels=[f"{title}: {i}" for i in label],
                rows=[[k] for k in range(len(rows))],
            )
        )
    title = "Units that changed, by kind of change, over the others in grey"
    drawn = draw("units-map", layers, title=title, table_name="units-table")
    pairs = [_readable(str(o), str(n)) for o, n in zip(found.values["old"], found.values["new"], strict=True)]
    values = data_table(
        "values-table",
        [
            Column("ID", found.values["id"].tolist(), Look.CODE),
            Column("what", found.values["field"].tolist(), filter=True),
            Column("before", [old for old, _ in pairs]),
            Column("now", [new for _, new in pairs]),
        ],
        noun="values",
    )
    return Page(
        bounds=map_bounds(found.new_geometry, found.old_geometry),
        sections=[
            Section("map", "Map", LEGEND + drawn),
            Section("units", "Units", listed),
            Section("values", "Values", values),
        ],
    )


def _readable(old: str, new: str) -> tuple[str, str]:
    """Two values as people read them, or as they are where they would then look the same."""
    shown = readable(old), readable(new)
    return (old, new) if shown[0] == shown[1] else shown


def _rest(found: Difference) -> MapLayer:
    """Units that are as they were, in grey: outlines where they are few, else dots."""
    rest = found.new_geometry[found.units["kind"].to_numpy() == Kind.UNCHANGED.value]
    rest = rest[drawable(rest)]
    resolution, count = 0.0, len(rest)
    if count > OUTLINED:
        rest, resolution = scattered(shapely.centroid(rest))
    grey = Scheme("", (Style("", "context", fill=False, width=1),))
    return MapLayer("unchanged", rest, (grey,), interactive=False, resolution=resolution, count=count)


def _signed(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 1000 else f"{value:+.3g}"


def _fields(found: Difference) -> list[str]:
    """Which fields changed, in how many units, and by how much."""
    lines = []
    for row in found.fields().to_dict("records"):
        parts = [f"{row['field']}: {counted(row['units'], 'unit')}"]
        parts += [f"{row[what]:,} {what}" for what in ("filled", "emptied") if row[what]]
        if math.isfinite(row["mean"]):
            mean, least, most = (_signed(row[name]) for name in ("mean", "least", "most"))
            parts.append(f"on average by {mean} ({least} to {most})")
        lines.append(", ".join(parts))
    return lines


def _totals(found: Difference) -> list[str]:
    more = found.count_new - found.count_old
    lines = [f"{counted(found.count_old, 'unit')} before, {found.count_new:,} now ({more:+,})"]
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
            lines.append(f"{old} → {new}")
    else:
        lines = [_case(row) for row in rows.to_dict("records")[: LISTED + 1]]
        lines += [""] * (len(rows) - len(lines))  # only counted
    total = len(lines)
    if total > LISTED:
        return [*lines[:LISTED], f"and {total - LISTED:,} more, see the crosswalk"]
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
