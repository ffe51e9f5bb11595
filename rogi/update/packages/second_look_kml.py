"""Tasks that need a second look, for Google Earth: outlines with what is known of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import shapely

from rogi.areas import rings_of
from rogi.geometry import Geometries, to_lonlat
from rogi.text import counted
from rogi.update.planning.priority import DOUBTFUL

if TYPE_CHECKING:
    import geopandas as gpd

    from rogi.update.planning.plan import Plan

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
    "model_spread": "Model spread",
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
        counted(total, "task")
        if total == len(shown)
        else (f"the {len(shown):,} of {total:,} tasks with the largest expected gain; tasks.csv has all")
    )
    styles = "".join(
        f'<Style id="{name}"><LineStyle><color>{line}</color><width>2</width></LineStyle>'
        f"<PolyStyle><color>{fill}</color></PolyStyle></Style>\n"
        for name, line, fill in _STYLES
    )
    marks: dict[int, list[str]] = {package.number: [] for package in plan.packages}
    for number, text in _placemarks(plan, shown):
        marks[number].append(text)
    folders = "".join(
        f"<Folder><name>{_xml(package.name)}</name>\n{''.join(marks[package.number])}</Folder>\n"
        for package in plan.packages
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<kml xmlns="http://www.opengis.net/kml/2.2">\n<Document>\n'
        f"<name>{_xml(title)}</name>\n<description>{_xml(said)}</description>\n{styles}{folders}"
        "</Document>\n</kml>\n"
    )


def _placemarks(plan: Plan, shown: gpd.GeoDataFrame) -> Iterator[tuple[int, str]]:
    """Package and placemark of each outline: those of a unit and of its candidates, or of a candidate."""
    table = shown.drop(columns=shown.geometry.name)
    has_unit = table["unit"].notna().to_numpy()
    listed = table["candidate"].where(has_unit).str.split()
    matched = listed.explode().dropna()
    found = pd.Series(plan.candidates.geometry.to_numpy(), index=plan.candidates["candidate"])
    row = np.append(np.arange(len(table)), table.index.get_indexer(matched.index))
    style = np.append(np.where(has_unit, "unit", "candidate"), np.full(len(matched), "candidate"))
    shapes = np.append(shown.geometry.to_numpy(), found.reindex(matched).to_numpy())
    order = np.argsort(row, kind="stable")
    texts = _polygons(_simplified(shapes[order], plan.tasks.crs))
    balloons = [
        _balloon(values, plan.packages[values["package"]].mapper) for values in table.to_dict("records")
    ]
    names, packages = table["task"].tolist(), table["package"].tolist()
    for k, kind, polygons in zip(row[order].tolist(), style[order].tolist(), texts, strict=True):
        yield (
            packages[k],
            f"<Placemark><name>{_xml(names[k])}</name><styleUrl>#{kind}</styleUrl>"
            f"<description>{_xml(balloons[k])}</description>"
            f"<MultiGeometry>{polygons}</MultiGeometry></Placemark>\n",
        )


def _simplified(geometries: Geometries, crs: Any) -> Geometries:
    lonlat = to_lonlat(geometries, crs)
    simple = shapely.simplify(lonlat, TOLERANCE)
    return np.asarray(np.where(shapely.is_empty(simple), lonlat, simple))


def _polygons(lonlat: Geometries) -> list[str]:
    """KML of the polygons of each geometry: rings one after the other, a hole after the ring it lies in."""
    rings = rings_of(lonlat)
    points = [f"{x:.6f},{y:.6f}" for x, y in rings.coords.tolist()]
    ends = rings.ring_offsets.tolist()
    holes = rings.is_hole.tolist()
    written = []
    for k, hole in enumerate(holes):
        side = "inner" if hole else "outer"
        coordinates = " ".join(points[ends[k] : ends[k + 1]])
        start = "" if hole else "<Polygon>"
        last = k + 1 == len(holes) or not holes[k + 1]
        written.append(
            f"{start}<{side}BoundaryIs><LinearRing><coordinates>{coordinates}</coordinates></LinearRing>"
            f"</{side}BoundaryIs>{'</Polygon>' if last else ''}"
        )
    objects = rings.object_offsets.tolist()
    return ["".join(written[start:stop]) for start, stop in pairwise(objects)]


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
