"""KML: the placemarks of each folder, at any depth, with their own columns and no others.

GDAL's drivers make one layer of each folder by opening the file once more, leave some nested folders empty,
and add a dozen columns that are not in the file. So rogi reads KML itself, with Python's expat: in one pass,
without expanding entities or following links.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.inventory.reading.geometry_cells import typed

MAX_DEPTH = 500  # elements in elements; a place in folders of folders has some twenty
_BLOCK = 1 << 20
_CONTAINERS = ("kml", "Document", "Folder")
_SHAPES = ("Point", "LineString", "LinearRing", "Polygon")
_GEOMETRIES = (*_SHAPES, "MultiGeometry", "Model", "Track", "MultiTrack")
# What a placemark says of how it is drawn, not of what it shows, and its geometry.
_NO_COLUMNS = {
    "styleUrl",
    "visibility",
    "open",
    "balloonVisibility",
    "drawOrder",
    "altitudeMode",
    *_GEOMETRIES,
}
_LEFT_OUT = {"NetworkLink": "network links", "GroundOverlay": "ground overlays", "PhotoOverlay": "photos"}
_COMMA = re.compile(r"\s*,\s*")
_ID = re.compile(r"\s*RG[US]\s*\d", re.IGNORECASE)


@dataclass(slots=True)
class Folder:
    """A folder or document and its own placemarks.

    Attributes
    ----------
    path
        Names of the folders that lead to it, from the outermost, its own the last.
    schemas
        Ids of the schemas of its placemarks.
    rows, geometry
        Of each placemark its values by column, and its geometry (None where it has none that can be built).
    """

    above: Folder | None
    container: str
    name: str = ""
    schemas: set[str] = field(default_factory=set)
    rows: list[dict[str, str]] = field(default_factory=list)
    geometry: list[Any] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Names of the folders that lead to it, below the document."""
        names = [self.name.strip()]
        if self.above is not None and self.above.container == self.container == "Folder":
            names.insert(0, self.above.path)
        return "/".join(filter(None, names))


@dataclass(frozen=True, slots=True)
class Contents:
    """Folders with placemarks, schemas (id -> column -> type), and what was left out."""

    folders: tuple[Folder, ...]
    schemas: dict[str, dict[str, str]]
    notes: tuple[str, ...]


def read(file: Path, shown: Path) -> Contents:
    """Read a KML file.

    Parameters
    ----------
    file, shown : Path
        The file, and what to call it in messages.

    Raises
    ------
    InputError
        If it is damaged, declares entities, or is nested too deeply.
    """
    reader = _Reader(shown)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse_entities
    try:
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                parser.Parse(block, False)
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise InputError(
            f"{shown} is damaged: {expat.errors.messages[error.code]} in line {error.lineno}; save it from "
            "its program again, or download it again."
        ) from None
    except (LookupError, ValueError) as error:  # of the encoding that it names
        raise InputError(f"{shown} cannot be read as XML ({error}); save it in UTF-8.") from None
    return reader.contents()


def table(folder: Folder, schemas: dict[str, dict[str, str]]) -> tuple[pd.DataFrame, NDArray[np.object_]]:
    """Columns and geometries of a folder; values are numbers where the schema, or all of them, say so.

    A name of a placemark that only repeats one of its values is a label and no column.
    """
    types = {name: kind for id in sorted(folder.schemas) for name, kind in schemas.get(id, {}).items()}
    names = dict.fromkeys(name for row in folder.rows for name in row) | dict.fromkeys(types)
    label, others = "Name", [name for name in names if name != "Name"]
    if label in names and any(all(row.get(label) == row.get(name) for row in folder.rows) for name in others):
        del names[label]
    anywhere = {name: kind for schema in schemas.values() for name, kind in schema.items()} | types
    columns = {name: typed([row.get(name) for row in folder.rows], anywhere.get(name, "")) for name in names}
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(folder.rows)))
    geometry = np.empty(len(folder.geometry), dtype=object)
    geometry[:] = folder.geometry
    return frame, geometry


class _Reader:
    """Collects placemarks while expat goes through the file."""

    def __init__(self, shown: Path) -> None:
        self.shown = shown
        self.open: list[str] = []
        self.folders: list[Folder] = []
        self.within: list[Folder] = []
        self.placemark: TreeBuilder | None = None
        self.schemas: dict[str, dict[str, str]] = {}
        self.schema: dict[str, str] = {}
        self.left_out: dict[str, int] = {}
        self.heights = False
        self.unbuilt = 0

    def refuse_entities(self, *_: object) -> NoReturn:
        raise InputError(
            f"{self.shown} declares XML entities, which rogi does not expand; save it as plain KML."
        )

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]  # prefixes are often not declared
        self.open.append(tag)
        if len(self.open) > MAX_DEPTH:
            raise InputError(f"{self.shown} is nested more than {MAX_DEPTH} elements deep; it is refused.")
        if self.placemark is not None:
            self.placemark.start(tag, attributes)
        elif tag == "Placemark":
            self.placemark = TreeBuilder()
            self.placemark.start(tag, attributes)
            if not self.within:
                self._enter("kml")
        elif tag in _CONTAINERS:
            self._enter(tag)
        elif tag == "Schema":
            self.schema = self.schemas.setdefault(attributes.get("id", ""), {})
        elif tag == "SimpleField" and "name" in attributes:
            self.schema[attributes["name"]] = attributes.get("type", "string").rpartition(":")[2].lower()
        elif tag in _LEFT_OUT:
            self.left_out[tag] = self.left_out.get(tag, 0) + 1

    def _enter(self, tag: str) -> None:
        self.within.append(Folder(self.within[-1] if self.within else None, tag))
        self.folders.append(self.within[-1])

    def text(self, text: str) -> None:
        if self.placemark is not None:
            self.placemark.data(text)
        elif self.within and self.open[-1] == "name" and self.open[-2] in _CONTAINERS:
            self.within[-1].name += text

    def end(self, _: str) -> None:
        tag = self.open.pop()
        if self.placemark is not None:
            self.placemark.end(tag)
            if tag == "Placemark":
                element, self.placemark = self.placemark.close(), None
                self.within[-1].rows.append(_attributes(element))
                urls = (data.get("schemaUrl") or "" for data in element.iter("SchemaData"))
                self.within[-1].schemas.update(url.rpartition("#")[2] for url in urls)
                self.within[-1].geometry.append(self._geometry(element))
        elif tag in _CONTAINERS:
            self.within.pop()

    def _geometry(self, placemark: Element) -> Any:
        top = next((child for child in placemark if child.tag in _GEOMETRIES), None)
        if top is None:
            return None
        shapes: list[Any] = []
        inner: set[Element] = set()
        for element in top.iter():
            if element in inner:
                continue
            if element.tag == "Polygon":
                inner.update(element.iter("LinearRing"))
            if element.tag in _SHAPES:
                shapes.append(self._shape(element))
        if not shapes or any(shape is None for shape in shapes):
            self.unbuilt += 1
            return None
        return shapes[0] if len(shapes) == 1 else _gathered(shapes)

    def _shape(self, element: Element) -> Any:
        try:
            if element.tag == "Polygon":
                rings = {
                    side: [
                        self._coordinates(ring) for b in element.iter(side) for ring in b.iter("LinearRing")
                    ]
                    for side in ("outerBoundaryIs", "innerBoundaryIs")
                }
                (outer,) = rings["outerBoundaryIs"]
                return shapely.Polygon(outer, rings["innerBoundaryIs"])
            coordinates = self._coordinates(element)
            return (
                shapely.Point(coordinates[0]) if element.tag == "Point" else shapely.LineString(coordinates)
            )
        except (ValueError, IndexError, shapely.errors.GEOSException):
            return None

    def _coordinates(self, element: Element) -> NDArray[np.float64]:
        """(n, 2 or 3) longitude, latitude and height."""
        text = element.findtext("coordinates") or ""
        if ", " in text or " ," in text:
            text = _COMMA.sub(",", text)
        tuples = text.split()
        size = tuples[0].count(",") + 1 if tuples else 0
        values = list(map(float, text.replace(",", " ").split()))
        coordinates = np.array(values, dtype=np.float64).reshape(len(tuples), size)[:, :3]
        self.heights = self.heights or bool(coordinates[:, 2:].any())
        return coordinates

    def contents(self) -> Contents:
        """What was found; heights are left out where all are zero, which KML writes where there are none."""
        folders = tuple(folder for folder in self.folders if folder.rows)
        if not self.heights:
            for folder in folders:
                folder.geometry = [None if g is None else shapely.force_2d(g) for g in folder.geometry]
        notes = [
            f"{count} {_LEFT_OUT[tag]} were not followed or read" for tag, count in self.left_out.items()
        ]
        if self.unbuilt:
            what = "geometries could not be built (rings not closed or too short) and count as null"
            notes.append(f"{self.unbuilt} {what}")
        return Contents(folders, self.schemas, tuple(notes))


def _gathered(shapes: list[Any]) -> Any:
    multi = {
        "Point": shapely.MultiPoint,
        "Polygon": shapely.MultiPolygon,
        "LineString": shapely.MultiLineString,
    }
    kinds = {shape.geom_type for shape in shapes}
    return multi[kinds.pop()](shapes) if len(kinds) == 1 else shapely.GeometryCollection(shapes)


def _attributes(placemark: Element) -> dict[str, str]:
    """Column -> value: what a placemark says of itself, and its extended data."""
    found: dict[str, str] = {}

    def add(name: str, value: str | None) -> None:
        while name in found:  # extended data may be named as an element is
            name = f"{name}."
        found[name] = (value or "").strip()

    if _ID.match(placemark.get("id") or ""):
        add("id", placemark.get("id"))
    for child in placemark:
        if child.tag == "ExtendedData":
            for data in child.iter():
                if data.tag in ("Data", "SimpleData") and (name := data.get("name")):
                    add(name, data.findtext("value") if data.tag == "Data" else data.text)
        elif child.tag in ("TimeSpan", "TimeStamp"):
            for time in child:
                add(str(time.tag), time.text)
        elif not len(child) and (child.text or "").strip() and child.tag not in _NO_COLUMNS:
            add("Name" if child.tag == "name" else str(child.tag), child.text)
    return found
