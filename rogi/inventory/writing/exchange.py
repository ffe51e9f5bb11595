"""Files for other programs: GeoJSON for the web, KML for globes, XLSX for spreadsheets.

GeoJSON and KML know one reference system, WGS84; a spreadsheet knows none and holds short texts only. What
they cannot hold is counted.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray

from rogi.geometry import transform_geometries
from rogi.inventory.coordinates import on_earth
from rogi.inventory.loss import Loss, LossKind
from rogi.text import xml

DECIMALS: Final = 9  # of degrees: 0.1 mm
SMALLEST: Final = 1e-11  # degrees: 1 µm; what rounding changes by less is noise of computing
CELL_LENGTH: Final = 32_767  # characters of a cell of XLSX
ZIP_TIME: Final = (1980, 1, 1, 0, 0, 0)
_KML_TYPES = {"i": "int", "u": "int", "f": "double", "b": "bool"}


def on_wgs84(frame: gpd.GeoDataFrame, name: str, losses: list[Loss]) -> gpd.GeoDataFrame:
    """A table as RFC 7946 asks: degrees on WGS84, exterior rings counterclockwise, cut at the antimeridian.

    Parameters
    ----------
    frame : GeoDataFrame
        With a CRS.
    name
        Of its layer.
    losses : list of Loss
        Geometries that are moved, cut or rounded are counted there.
    """
    geometry = np.asarray(frame.geometry.array, dtype=object)
    count = int((~shapely.is_missing(geometry)).sum())
    heights = shapely.has_z(geometry)
    if frame.crs.to_epsg() != 4326 or frame.crs.is_compound:
        moved = transform_geometries(geometry, frame.crs, 4326)
        detail = f"from {frame.crs.name} to WGS84" + (", heights left out" if heights.any() else "")
        losses.append(Loss(name, LossKind.GEOMETRY_CHANGED, "", count, detail))
        geometry = moved
    away = ~on_earth(geometry) & ~shapely.is_missing(geometry) & ~shapely.is_empty(geometry)
    if away.any():
        rows = ", ".join(f"row {row + 1}" for row in np.flatnonzero(away)[:5]) + ", …" * int(away.sum() > 5)
        detail = f"coordinates have no place on the Earth: {rows}"
        losses.append(Loss(name, LossKind.GEOMETRY_LEFT_OUT, "", int(away.sum()), detail))
        geometry = geometry.copy()
        geometry[away] = None
    bounds = shapely.bounds(geometry)
    with np.errstate(invalid="ignore"):
        crossing = np.flatnonzero(
            (bounds[:, 0] < -180) | (bounds[:, 2] > 180) | (bounds[:, 2] - bounds[:, 0] > 180)
        )
    if len(crossing):
        geometry = geometry.copy()
        geometry[crossing] = [_cut(shape) for shape in geometry[crossing]]
        losses.append(Loss(name, LossKind.GEOMETRY_CHANGED, "", len(crossing), "cut at the antimeridian"))
    geometry = np.asarray(shapely.orient_polygons(geometry, exterior_cw=False), dtype=object)
    heights = shapely.has_z(geometry)
    rounded = geometry.copy()
    for mask, z in ((heights, True), (~heights, False)):
        rounded[mask] = shapely.transform(geometry[mask], lambda xy: np.round(xy, DECIMALS), include_z=z)
    changed = int((~shapely.equals_exact(geometry, rounded, SMALLEST) & ~shapely.is_missing(geometry)).sum())
    if changed:
        detail = f"coordinates rounded to {DECIMALS} decimals (0.1 mm)"
        losses.append(Loss(name, LossKind.GEOMETRY_CHANGED, "", changed, detail))
    array = gpd.array.GeometryArray(rounded, crs=4326)
    return frame.drop(columns=frame.geometry.name).assign(geometry=array).set_geometry("geometry")


def _cut(shape: Any) -> Any:
    """A geometry in parts on either side of the antimeridian (RFC 7946, section 3.1.9)."""
    west, _, east, _ = shapely.bounds(shape)
    if west >= -180 and east <= 180:  # written from -179.9 to 179.9
        shape = shapely.transform(
            shape, lambda xy: np.c_[np.where(xy[:, 0] < 0, xy[:, 0] + 360, xy[:, 0]), xy[:, 1]]
        )
    parts: list[Any] = []
    for turn in (-360.0, 0.0, 360.0):
        try:
            part = shapely.intersection(shape, shapely.box(turn - 180, -90, turn + 180, 90))
        except shapely.errors.GEOSException:  # an invalid ring, which stays as it is
            return shape
        moved = shapely.transform(part, lambda xy, turn=turn: xy - [turn, 0.0])
        parts += [
            one
            for one in shapely.get_parts(moved)
            if not one.is_empty and shapely.get_dimensions(one) == shapely.get_dimensions(shape)
        ]
    if len(parts) < 2:
        return parts[0] if parts else shape
    multi = {0: shapely.MultiPoint, 1: shapely.MultiLineString, 2: shapely.MultiPolygon}
    return multi[int(shapely.get_dimensions(shape))](parts)


def kml_text(frames: Mapping[str, gpd.GeoDataFrame], labels: Mapping[str, str | None]) -> str:
    """A KML document: a folder for each layer, columns with their types as extended data.

    Parameters
    ----------
    frames : mapping of str to GeoDataFrame
        Name of each layer -> its table on WGS84; see :func:`on_wgs84`.
    labels : mapping of str to str or None
        Name of each layer -> the column shown as the name of its placemarks.
    """
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<kml xmlns="http://www.opengis.net/kml/2.2">',
        "<Document>",
    ]
    for number, (layer, frame) in enumerate(frames.items()):
        columns = [c for c in frame.columns if c != frame.geometry.name]
        lines.append(f'<Schema name={_attribute(layer)} id="s{number}">')
        for column in columns:
            kind = _KML_TYPES.get(getattr(frame[column].dtype, "kind", ""), "string")
            lines.append(f'<SimpleField type="{kind}" name={_attribute(column)}/>')
        lines.append("</Schema>")
    for number, (layer, frame) in enumerate(frames.items()):
        lines += ["<Folder>", f"<name>{_escaped(layer)}</name>"]
        columns = [c for c in frame.columns if c != frame.geometry.name]
        values = [_texts(frame[column]) for column in columns]
        label = labels.get(layer)
        names = values[columns.index(label)] if label in columns else [None] * len(frame)
        for row, (name, shape) in enumerate(zip(names, frame.geometry.array, strict=True)):
            lines.append("<Placemark>")
            if name is not None:
                lines.append(f"<name>{_escaped(name)}</name>")
            lines.append(f'<ExtendedData><SchemaData schemaUrl="#s{number}">')
            for column, texts in zip(columns, values, strict=True):
                if (text := texts[row]) is not None:
                    lines.append(f"<SimpleData name={_attribute(column)}>{_escaped(text)}</SimpleData>")
            lines += ["</SchemaData></ExtendedData>", _kml_shape(shape), "</Placemark>"]
        lines.append("</Folder>")
    return "\n".join([*(line for line in lines if line), "</Document>", "</kml>", ""])


def _texts(column: pd.Series[Any]) -> list[str | None]:
    return [None if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]


def _attribute(text: object) -> str:
    return f'"{_escaped(str(text))}"'


def _escaped(text: str) -> str:
    return escape(xml(text), {'"': "&quot;"})


def _kml_shape(shape: Any) -> str:
    if shape is None or shape.is_empty:
        return ""
    if shape.geom_type.startswith("Multi") or shape.geom_type == "GeometryCollection":
        return f"<MultiGeometry>{''.join(map(_kml_shape, shape.geoms))}</MultiGeometry>"
    if shape.geom_type != "Polygon":
        return f"<{shape.geom_type}>{_coordinates(shape)}</{shape.geom_type}>"
    inner = "".join(f"<innerBoundaryIs>{_ring(ring)}</innerBoundaryIs>" for ring in shape.interiors)
    return f"<Polygon><outerBoundaryIs>{_ring(shape.exterior)}</outerBoundaryIs>{inner}</Polygon>"


def _ring(ring: Any) -> str:
    return f"<LinearRing>{_coordinates(ring)}</LinearRing>"


def _coordinates(line: Any) -> str:
    tuples = (",".join(f"{value:.{DECIMALS}f}".rstrip("0").rstrip(".") for value in xy) for xy in line.coords)
    return f"<coordinates>{' '.join(tuples)}</coordinates>"


def sheet_frame(frame: gpd.GeoDataFrame, name: str, losses: list[Loss]) -> pd.DataFrame:
    """A table for a spreadsheet: geometry as WKT with its EPSG code, left out where a cell cannot hold it."""
    geometry = np.asarray(frame.geometry.array, dtype=object)
    epsg = None if frame.crs is None else frame.crs.to_epsg()
    srid = "" if epsg is None else f"SRID={epsg};"
    texts = [None if t is None else f"{srid}{t}" for t in shapely.to_wkt(geometry, rounding_precision=-1)]
    long = [k for k, text in enumerate(texts) if text is not None and len(text) > CELL_LENGTH]
    for k in long:
        texts[k] = None
    if long:
        detail = f"their WKT has more than {CELL_LENGTH:,} characters"
        losses.append(Loss(name, LossKind.GEOMETRY_LEFT_OUT, "", len(long), detail))
    column = "wkt"
    while column in frame.columns:
        column = f"_{column}"
    return pd.DataFrame(frame.drop(columns=frame.geometry.name)).assign(
        **{column: np.array(texts, dtype=object)}
    )


def write_xlsx(frames: Iterable[tuple[str, pd.DataFrame]], path: Path) -> None:
    """Write a sheet for each table; texts stay texts, so that none is taken for a formula.

    Tables are let go one by one: GDAL keeps all sheets in memory, which the text of outlines makes large.
    """
    file = path.with_suffix(".xlsx")  # the driver insists
    for number, (name, frame) in enumerate(frames):
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        del frame
        for k, field in enumerate(table.schema):
            if pa.types.is_null(field.type):
                table = table.set_column(
                    k, pa.field(field.name, pa.string()), table.column(k).cast(pa.string())
                )
        pyogrio.write_arrow(table, file, driver="XLSX", layer=name[:31], append=number > 0)
    _same_times(file)
    file.replace(path)


def _same_times(path: Path) -> None:
    """Write an archive again with one time for all its members, so that the same content is the same file."""
    again = path.with_suffix(".again")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(again, "w") as copy:
        for member in archive.infolist():
            info = zipfile.ZipInfo(member.filename, ZIP_TIME)
            info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, member.file_size
            with archive.open(member) as source, copy.open(info, "w") as target:
                shutil.copyfileobj(source, target)
    again.replace(path)


def unfit_for_shapefile(geometry: NDArray[np.object_]) -> str | None:
    """Why a Shapefile, which is of points, lines or polygons, cannot hold some geometries; else None."""
    present = ~shapely.is_missing(geometry) & ~shapely.is_empty(geometry)
    kinds = np.array([_KINDS.get(int(k), "collection") for k in shapely.get_type_id(geometry)], dtype=object)
    kinds[~present] = ""
    found = [kind for kind in ("polygon", "point", "line", "multipoint") if (kinds == kind).any()]
    usual = max(found, key=lambda kind: int((kinds == kind).sum()), default="polygon")
    odd = np.flatnonzero(present & (kinds != usual))
    if not len(odd):
        return None
    return f"row {odd[0] + 1} is a {geometry[odd[0]].geom_type} ({len(odd)} rows are no {usual}s)"


_KINDS = {0: "point", 1: "line", 3: "polygon", 4: "multipoint", 5: "line", 6: "polygon"}
