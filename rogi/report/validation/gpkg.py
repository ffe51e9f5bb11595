"""The findings as a GeoPackage for QGIS: one layer per kind of geometry, styled by severity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray

from rogi.files import replacing
from rogi.report.validation.records import BOX
from rogi.rules.rule import Severity
from rogi.text import printable
from rogi.validation.report import COLUMNS, Report, totals

FIELDS = ("code", "name", *(c for c in COLUMNS[1:] if c not in (*BOX, "geometry")))
COLORS = {Severity.ERROR: "179,38,30", Severity.WARNING: "217,133,0", Severity.INFO: "47,95,143"}


@dataclass(frozen=True, slots=True)
class _Kind:
    """Findings of one dimension: their layer, its geometry type and its QGIS symbol."""

    layer: str
    dimension: int
    geometry_type: str
    symbol: str
    symbol_layer: str


KINDS = (
    _Kind("findings_polygon", 2, "MultiPolygon", "fill", "SimpleFill"),
    _Kind("findings_line", 1, "MultiLineString", "line", "SimpleLine"),
    _Kind("findings_point", 0, "MultiPoint", "marker", "SimpleMarker"),
)
WITHOUT_PLACE = "findings_without_place"
CONFORMANCE = "conformance"
SUMMARY = "summary"
STYLES = "layer_styles"


def write_gpkg(report: Report, path: Path) -> None:
    """Write the findings as layers of a GeoPackage, EPSG:4326, whole or not at all.

    ``findings_polygon``, ``findings_line`` and ``findings_point`` hold offending features and places
    (overlaps, self-intersections), ``findings_without_place`` the rest; ``conformance`` and ``summary`` are
    tables; ``layer_styles`` is what QGIS takes styles from. Layers without findings are left out.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with replacing(path) as temporary, _date_of_file(report.date.isoformat()):
        _write_layers(report, temporary)


def _write_layers(report: Report, path: Path) -> None:
    names = {o.code: o.name for o in report.outcomes}
    table = report.findings.assign(name=report.findings["code"].map(names))
    text = [f for f in FIELDS if f not in ("row", "other_row")]
    table[text] = table[text].map(_clean)
    geometry = np.empty(len(table), dtype=object)
    geometry[:] = table["geometry"].to_list()
    dimension = np.where(
        np.isfinite(shapely.bounds(geometry)).all(axis=1), shapely.get_dimensions(geometry), -1
    )
    table = table[list(FIELDS)]
    styles = []
    for kind in KINDS:
        chosen = dimension == kind.dimension
        if chosen.any():
            _write_features(table[chosen], _multi(geometry[chosen], kind.dimension), kind, path)
            styles.append(_style(kind, report))
    _write_table(table[dimension < 0], WITHOUT_PLACE, path)
    outcomes = [
        {
            "code": o.code,
            "name": o.name,
            "title": o.title,
            "severity": o.severity.value,
            "outcome": o.status.value,
            "findings": o.findings,
            "waived": o.waived,
            "baseline": o.known,
            "reason": _clean(o.reason),
        }
        for o in report.outcomes
    ]
    _write_table(pd.DataFrame(outcomes), CONFORMANCE, path)
    _write_table(_summary(report), SUMMARY, path)
    if styles:
        _write_table(pd.DataFrame(styles), STYLES, path)


def _write_features(table: pd.DataFrame, geometry: NDArray[np.object_], kind: _Kind, path: Path) -> None:
    frame = gpd.GeoDataFrame(table, geometry=geometry, crs="EPSG:4326")
    pyogrio.write_dataframe(
        frame, path, layer=kind.layer, driver="GPKG", geometry_type=kind.geometry_type, promote_to_multi=True
    )


def _write_table(frame: pd.DataFrame, layer: str, path: Path) -> None:
    if len(frame):
        pyogrio.write_dataframe(frame, path, layer=layer, driver="GPKG")


def _multi(geometry: NDArray[np.object_], dimension: int) -> NDArray[np.object_]:
    """Geometries of one dimension, without Z; of collections the parts of that dimension."""
    flat = shapely.force_2d(geometry)
    mixed = np.flatnonzero(shapely.get_type_id(flat) == shapely.GeometryType.GEOMETRYCOLLECTION)
    make = (shapely.multipoints, shapely.multilinestrings, shapely.multipolygons)[dimension]
    for index in mixed.tolist():
        parts = shapely.get_parts(flat[index])
        while (shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
            parts = shapely.get_parts(parts)
        flat[index] = make(parts[shapely.get_dimensions(parts) == dimension])
    ring = shapely.get_type_id(flat) == shapely.GeometryType.LINEARRING
    flat[ring] = shapely.linestrings([shapely.get_coordinates(g) for g in flat[ring]]) if ring.any() else None
    return np.asarray(flat)


def _summary(report: Report) -> pd.DataFrame:
    summary = report.summary
    sums = totals(report)
    rows = [
        ("inventory", summary.path),
        ("schema", summary.schema),
        ("dialect", summary.dialect),
        ("rogi", report.version),
        *report.settings.items(),
        *((f"findings, {severity.value}", str(n)) for severity, n in sums.open.items()),
        ("findings, waived", str(sums.waived)),
        ("findings, baseline", str(sums.known)),
        *((f"rules, {status.value}", str(n)) for status, n in sums.rules.items()),
    ]
    return pd.DataFrame([(k, _clean(v)) for k, v in rows], columns=["key", "value"])


def _clean(value: Any) -> Any:
    return printable(value) if isinstance(value, str) else value


def _style(kind: _Kind, report: Report) -> dict[str, object]:
    """A row of ``layer_styles`` as QGIS writes it."""
    return {
        "f_table_catalog": "",
        "f_table_schema": "",
        "f_table_name": kind.layer,
        "f_geometry_column": "geom",
        "styleName": "severity",
        "styleQML": _qml(kind),
        "styleSLD": "",
        "useAsDefault": True,
        "description": "Findings by severity",
        "owner": "rogi",
        "ui": "",
        "update_time": f"{report.date.isoformat()}T00:00:00.000Z",
    }


def _qml(kind: _Kind) -> str:
    """QGIS style: one symbol for each severity, and the code and message as the feature's name."""
    categories, symbols = "", ""
    for number, (severity, color) in enumerate(COLORS.items()):
        categories += (
            f'<category value="{severity.value}" symbol="{number}" label="{severity.value}" type="string" '
            'render="true"/>'
        )
        options = {
            "SimpleFill": {
                "color": f"{color},60",
                "outline_color": f"{color},255",
                "outline_style": "solid",
                "outline_width": "0.5",
                "outline_width_unit": "MM",
                "style": "solid",
            },
            "SimpleLine": {"line_color": f"{color},255", "line_width": "0.7", "line_width_unit": "MM"},
            "SimpleMarker": {
                "name": ("square", "triangle", "circle")[number],
                "color": f"{color},200",
                "outline_color": "255,255,255,255",
                "size": "2.6",
                "size_unit": "MM",
            },
        }[kind.symbol_layer]
        rows = "".join(f'<Option name="{k}" value="{v}" type="QString"/>' for k, v in options.items())
        symbols += (
            f'<symbol name="{number}" type="{kind.symbol}" alpha="1" clip_to_extent="1" force_rhr="0">'
            f'<layer class="{kind.symbol_layer}" enabled="1" locked="0" pass="0">'
            f'<Option type="Map">{rows}</Option></layer></symbol>'
        )
    name = quoteattr('"code" || \' \' || "message"')
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
        '<qgis version="3.28.0" styleCategories="Symbology|Fields">'
        '<renderer-v2 type="categorizedSymbol" attr="severity" symbollevels="0" enableorderby="0" '
        f'forceraster="0"><categories>{categories}</categories><symbols>{symbols}</symbols></renderer-v2>'
        f"<previewExpression>{name[1:-1]}</previewExpression></qgis>\n"
    )


@contextmanager
def _date_of_file(date: str) -> Iterator[None]:
    """Let GDAL stamp the file with the report's date, so that the same report gives the same bytes."""
    option = "OGR_CURRENT_DATE"
    before = pyogrio.get_gdal_config_option(option)
    pyogrio.set_gdal_config_options({option: f"{date}T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({option: before})
