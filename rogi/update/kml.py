"""Tasks that need a second look, for Google Earth: outlines with what is known of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely

from rogi.geometry import Geometries, to_lonlat
from rogi.update.gain import DOUBTFUL

if TYPE_CHECKING:
    import geopandas as gpd

    from rogi.update.plan import Plan

MOST: Final = 2000
"""Tasks shown; Google Earth becomes slow with more."""

TOLERANCE: Final = 2e-5
"""Degrees, about 2 m, by which outlines are simplified for the file only."""

SHOWN: Final = {
    "class": "Class",
    "proposal": "Proposal",
    "unit": "Unit",
    "candidate": "Candidates",
    "confidence": "Confidence",
    "iou": "IoU",
    "probability": "Probability inside",
    "valid_share": "Valid share",
    "glacier_share": "Glacier share",
    "gain": "Expected gain",
    "image_date": "Image date",
    "model": "Model",
}
"""Columns of the balloon and their titles."""

# aabbggrr: the unit in white, candidates in orange
_STYLES: Final = (("unit", "ffffffff", "20ffffff"), ("candidate", "ff0090ff", "300090ff"))
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def uncertain(plan: Plan, most: int = MOST) -> tuple[gpd.GeoDataFrame, int]:
    """The tasks whose evidence is balanced, by expected gain, and how many there are in all."""
    open_tasks = plan.tasks[plan.tasks["doubt"] >= DOUBTFUL]
    order = np.lexsort([open_tasks["task"].astype(str), -open_tasks["gain"].to_numpy()])
    return open_tasks.iloc[order[:most]], len(open_tasks)


def uncertain_kml(plan: Plan) -> str:
    """The uncertain tasks of a plan as KML, a folder per package.

    Outlines of a unit and of its candidates are one placemark each side; text of the files is escaped.
    Where there are more than :data:`MOST`, those with the largest expected gain are shown, and the document
    says so.
    """
    shown, total = uncertain(plan)
    title = f"Uncertain tasks of the update of {plan.content['inventory']['name']}"
    said = (
        f"{total:,} tasks"
        if total == len(shown)
        else (f"the {len(shown):,} of {total:,} tasks with the largest expected gain; tasks.csv has all")
    )
    styles = "".join(
        f'<Style id="{name}"><LineStyle><color>{line}</color><width>2</width></LineStyle>'
        f"<PolyStyle><color>{fill}</color></PolyStyle></Style>\n"
        for name, line, fill in _STYLES
    )
    folders = "".join(
        f"<Folder><name>{_xml(package.name)}</name>\n"
        + "".join(_placemarks(plan, shown[shown["package"] == package.number]))
        + "</Folder>\n"
        for package in plan.packages
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">\n<Document>\n'
        f"<name>{_xml(title)}</name>\n<description>{_xml(said)}</description>\n{styles}{folders}"
        "</Document>\n</kml>\n"
    )


def _placemarks(plan: Plan, tasks: gpd.GeoDataFrame) -> Iterator[str]:
    crs = plan.tasks.crs
    outlines = _shapes(np.asarray(tasks.geometry.array, dtype=object), crs)
    found = dict(zip(plan.candidates["candidate"], plan.candidates.geometry, strict=True))
    rows: list[dict[str, Any]] = tasks.drop(columns=tasks.geometry.name).to_dict("records")
    for row, outline in zip(rows, outlines, strict=True):
        name = str(row["task"])
        text = _balloon(row, plan.packages[row["package"]].mapper)
        if not isinstance(row["unit"], str):
            yield _placemark(name, "candidate", text, outline)
            continue
        yield _placemark(name, "unit", text, outline)
        ids = row["candidate"].split() if isinstance(row["candidate"], str) else []
        shapes = _shapes(np.array([found[i] for i in ids], dtype=object), crs)
        for i, shape in zip(ids, shapes, strict=True):
            yield _placemark(f"{name} {i}", "candidate", text, shape)


def _shapes(geometries: Geometries, crs: Any) -> Geometries:
    lonlat = shapely.force_2d(to_lonlat(geometries, crs))
    simple = shapely.simplify(lonlat, TOLERANCE)
    return np.asarray(np.where(shapely.is_empty(simple), lonlat, simple))


def _placemark(name: str, style: str, text: str, shape: Any) -> str:
    polygons = "".join(
        "<Polygon>"
        + f"<outerBoundaryIs>{_ring(part.exterior)}</outerBoundaryIs>"
        + "".join(f"<innerBoundaryIs>{_ring(hole)}</innerBoundaryIs>" for hole in part.interiors)
        + "</Polygon>"
        for part in shapely.get_parts(shape)
    )
    return (
        f"<Placemark><name>{_xml(name)}</name><styleUrl>#{style}</styleUrl>"
        f"<description>{_xml(text)}</description><MultiGeometry>{polygons}</MultiGeometry></Placemark>\n"
    )


def _ring(ring: Any) -> str:
    coordinates = " ".join(f"{x:.6f},{y:.6f}" for x, y in shapely.get_coordinates(ring))
    return f"<LinearRing><coordinates>{coordinates}</coordinates></LinearRing>"


def _balloon(row: dict[str, Any], mapper: str) -> str:
    """HTML of a balloon: what the files say is escaped as HTML here, and as XML where it is put."""
    values = {SHOWN[k]: row[k] for k in SHOWN} | {"Mapper": mapper, "Area": row["area_name"]}
    cells = "".join(
        f"<tr><td>{escape(title)}</td><td>{escape(str(value))}</td></tr>"
        for title, value in values.items()
        if value is not None and value == value
    )
    return f"<table>{cells}</table>"


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text), quote=False)
