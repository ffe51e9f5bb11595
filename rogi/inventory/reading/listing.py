"""The layers of one file, described but not yet read, unless describing them takes reading them."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyogrio
from numpy.typing import NDArray

from rogi import targets
from rogi.archives import unpack
from rogi.errors import InputError
from rogi.inventory.loss import UNKNOWN_ROWS
from rogi.inventory.model import Source
from rogi.inventory.reading import csv_tables, geoparquet, kml, shapefile, spreadsheet, sqlite_files
from rogi.inventory.reading.dialects import Family, LayerHint
from rogi.inventory.reading.drivers import driver_calls
from rogi.inventory.reading.formats import Checked, Format, check, write_ahead
from rogi.inventory.reading.geometry_cells import Places, find_places, sample
from rogi.paths import is_plain, link_into
from rogi.schema.model import Role, normalise

if TYPE_CHECKING:
    import pandas as pd

_DRIVERS = {
    "GPKG": Format.GEOPACKAGE,
    "SQLite": Format.SQLITE,
    "ESRI Shapefile": Format.SHAPEFILE,
    "OpenFileGDB": Format.GEODATABASE,
    "GeoJSON": Format.GEOJSON,
    "ESRIJSON": Format.GEOJSON,
    "TopoJSON": Format.GEOJSON,
    "GeoJSONSeq": Format.GEOJSON_LINES,
    "FlatGeobuf": Format.FLATGEOBUF,
}
# Tables a GeoPackage may hold beside its features; they are not worth a note.
_SYSTEM_TABLES = ("layer_styles", "qgis_projects", "data_licenses")
_ROWS_LOOKED_AT = 50  # of a table without geometry, for coordinates in its columns
# Of a GeoJSON file, to tell properties from ids of features.
_FEATURES_LOOKED_AT, _CHARACTERS_LOOKED_AT = 20, 2**25
_FEATURES = re.compile(r'"features"\s*:\s*\[')
_BETWEEN_FEATURES = re.compile(r"[\s,\x1e]*")


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A table in memory.

    Attributes
    ----------
    frame, geometry
        (n,) attributes and shapely geometries; None where they are in cells of the table.
    crs
        What the file states: anything pyproj takes, or None.
    rows, fids
        (n,) number of each feature in its source, from 1, and its id; None where they are in order, or none.
    """

    frame: pd.DataFrame
    geometry: NDArray[np.object_] | None
    crs: Any
    rows: NDArray[np.int64] | None = None
    fids: NDArray[np.int64] | None = None


@dataclass(frozen=True, slots=True)
class SourceLayer:
    """A layer that can be read.

    Attributes
    ----------
    file
        What to open: the user's file, or a private copy of it.
    shown
        The file as the user knows it; of a member of an archive, the archive's path and the member's.
    format, layer
        Its format, and its name within the file where the format has layers.
    columns, family
        Column names and the kind of geometry, for recognising it.
    features
        How many the file says it holds, None where only reading tells.
    role
        Where the user named it.
    notes
        What was said on opening it.
    places
        Of a table without geometry of its own: its columns of geometry or coordinates.
    feature_ids
        Whether its first column, ``id``, holds the ids of GeoJSON features, which are no property.
    loaded
        What was read of it, where describing it took reading it.
    """

    file: Path
    shown: Path
    format: Format
    layer: str | None
    columns: tuple[str, ...]
    family: Family
    features: int | None = None
    role: Role | None = None
    notes: tuple[str, ...] = ()
    places: Places | None = None
    feature_ids: bool = False
    loaded: Loaded | None = field(default=None, compare=False, repr=False)

    @property
    def title(self) -> str:
        """Path and layer, for messages."""
        return f"{self.shown}{self._suffix}"

    @property
    def name(self) -> str:
        """File name and layer, for lists."""
        return f"{self.shown.name}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return f" (layer {self.layer})" if self.layer not in (None, self.shown.stem) else ""

    @property
    def hint(self) -> LayerHint:
        """What the dialect is recognised by."""
        names = dict.fromkeys(name for name in (self.layer, self.shown.stem) if name)
        return LayerHint(tuple(names), self.columns, self.family, self.role)


@dataclass(frozen=True, slots=True)
class Found:
    """Layers, what was passed over and why, and layers that were not looked into at all."""

    layers: tuple[SourceLayer, ...]
    notes: tuple[str, ...] = ()
    unread: tuple[Source, ...] = ()


def layers_of(file: Path, shown: Path, scratch: Path, encoding: str | None) -> Found:
    """Describe the layers of a file.

    Parameters
    ----------
    file, shown : Path
        The file, and what to call it in messages.
    scratch : Path
        A folder for unpacked members and private copies.
    encoding : str, optional
        Of the text of Shapefiles and CSV files.

    Raises
    ------
    InputError
        If it is damaged, of another kind than its name says, or has no layer.
    """
    try:
        checked = check(file)
    except InputError as error:
        raise InputError(str(error).replace(str(file.parent), str(shown.parent))) from None
    targets.note_read(file)
    checked = _plainly_named(_private_database(checked, scratch), scratch)
    file = checked.path
    match checked.format:
        case Format.CSV:
            header = csv_tables.describe(file, shown, encoding)
            return Found((SourceLayer(file, shown, Format.CSV, None, header.columns, header.places.family),))
        case Format.GEOPARQUET:
            about = geoparquet.describe(file, shown)
            layer = SourceLayer(
                file,
                shown,
                Format.GEOPARQUET,
                None,
                about.columns,
                about.family,
                about.rows,
                places=about.places,
            )
            return Found((layer,))
        case Format.SPREADSHEET:
            return _of_spreadsheet(file, shown)
        case Format.KML:
            return _of_kml(file, shown, Format.KML)
        case Format.KMZ:
            return _of_kml(_unpacked_kml(file, shown, scratch), shown, Format.KMZ)
        case _:
            return _of_driver(checked, shown, scratch)


def _of_spreadsheet(file: Path, shown: Path) -> Found:
    sheets = spreadsheet.read(file, shown)
    layers = []
    for sheet in sheets:
        columns = tuple(str(c) for c in sheet.frame.columns)
        if sheet.places is not None:
            kept = tuple(column for column in columns if column != sheet.places.geometry)
            layers.append(
                SourceLayer(
                    file,
                    shown,
                    Format.SPREADSHEET,
                    sheet.name,
                    kept,
                    sheet.places.family,
                    len(sheet.frame),
                    notes=sheet.notes,
                    places=sheet.places,
                    loaded=Loaded(sheet.frame, None, None, sheet.rows),
                )
            )
    if not layers:
        names = ", ".join(str(column) for column in list(sheets[0].frame.columns)[:8])
        raise InputError(
            f"{shown} has no coordinates: its columns are {names}; name them lon and lat (degrees), or "
            "x and y (with --crs), or join the table to outlines with --table."
        )
    return Found(tuple(layers))


def _of_kml(file: Path, shown: Path, format: Format) -> Found:
    contents = kml.read(file, shown)
    layers = []
    for folder in contents.folders:
        frame, geometry = kml.table(folder, contents.schemas)
        layers.append(
            SourceLayer(
                file,
                shown,
                format,
                folder.path or shown.stem,
                tuple(str(column) for column in frame.columns),
                Family.UNKNOWN,
                len(frame),
                loaded=Loaded(frame, geometry, "EPSG:4326"),
            )
        )
    if not layers:
        raise InputError(f"{shown} contains no placemark; it may be a blank or damaged file.")
    return Found(tuple(layers), tuple(f"{shown.name}: {note}" for note in contents.notes))


def _of_driver(checked: Checked, shown: Path, scratch: Path) -> Found:
    checked, unsafe = _safe(checked, shown, scratch)
    passed = [f"{shown.name} (layer {name}) was not read: it {reason}" for name, reason in unsafe.items()]
    file = str(checked.path.absolute())
    layers: list[SourceLayer] = []
    opening: list[str] = []
    listed: list[tuple[str, str | None]] = []
    try:
        with driver_calls(shown, opening):
            listed = [(str(name), kind) for name, kind in pyogrio.list_layers(file)]
    except InputError:
        if not passed:
            raise
    for name, geometry_type in listed:
        if name in _SYSTEM_TABLES:
            continue
        notes = list(opening)
        with driver_calls(shown, notes):
            info = pyogrio.read_info(file, layer=name)
        if _DRIVERS.get(info["driver"]) is not checked.format:
            raise InputError(f"{shown} is {info['driver']}, not {checked.format.value}; convert it first.")
        features = int(info["features"])
        if checked.format is Format.SHAPEFILE and len(gone := shapefile.deleted_rows(checked.path)):
            features -= len(gone)
            rows = ", ".join(str(row + 1) for row in gone[:5]) + " …" * (len(gone) > 5)
            notes.append(f"{len(gone)} rows are marked as deleted and were not read (rows {rows})")
        columns = tuple(str(column) for column in info["fields"])
        feature_ids = columns[:1] == ("id",) and _has_feature_ids(checked)
        if feature_ids and any(normalise(column) == "id" for column in columns[1:]):
            columns = columns[1:]
        layers.append(
            SourceLayer(
                checked.path,
                shown,
                checked.format,
                name,
                columns,
                Family.of(geometry_type),
                features if features >= 0 else None,
                notes=tuple(notes),
                feature_ids=feature_ids,
            )
        )
    if all(layer.family is Family.NONE for layer in layers):
        layers = [_placed(layer) for layer in layers]
    if not layers:
        reasons = f" ({'; '.join(passed)})" if passed else ""
        raise InputError(
            f"{shown} contains no layer that can be read{reasons}; it may be a blank or damaged file."
        )
    left = dict.fromkeys(unsafe, UNKNOWN_ROWS)
    if checked.format in (Format.GEOPACKAGE, Format.SQLITE):
        left |= sqlite_files.kept_beside(checked.path)
    unread = tuple(Source(shown, name, checked.format.value, number) for name, number in left.items())
    return Found(tuple(layers), tuple(passed), unread)


def _placed(layer: SourceLayer) -> SourceLayer:
    """A table without geometry with its columns of coordinates or geometry, if it has them."""
    with driver_calls(layer.shown, []):
        _, _, _, columns = pyogrio.raw.read(
            str(layer.file.absolute()), layer=layer.layer, max_features=_ROWS_LOOKED_AT, read_geometry=False
        )
    cells = {name: sample(column.tolist()) for name, column in zip(layer.columns, columns, strict=True)}
    places = find_places(cells)
    if places is None:
        return layer
    kept = tuple(column for column in layer.columns if column != places.geometry)
    return replace(layer, columns=kept, family=places.family, places=places)


def _has_feature_ids(checked: Checked) -> bool:
    """Whether the features of a GeoJSON file have ids, and no property of the first ones is called ``id``.

    The driver gives both as the column ``id``.
    """
    if checked.format not in (Format.GEOJSON, Format.GEOJSON_LINES):
        return False
    with checked.path.open(encoding="utf-8-sig", errors="replace") as stream:
        text = stream.read(_CHARACTERS_LOOKED_AT)
    start = _FEATURES.search(text) if checked.format is Format.GEOJSON else None
    at, decoder, seen = start.end() if start else 0, json.JSONDecoder(), 0
    while seen < _FEATURES_LOOKED_AT:
        at = _BETWEEN_FEATURES.match(text, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        try:
            feature, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        if not isinstance(feature, dict) or "id" in (feature.get("properties") or {}):
            return False
        seen += 1
    return seen > 0


def _safe(checked: Checked, shown: Path, scratch: Path) -> tuple[Checked, dict[str, str]]:
    """A database without the layers that must not be given to the driver, and what is wrong with each."""
    if checked.format not in (Format.GEOPACKAGE, Format.SQLITE):
        return checked, {}
    unsafe = sqlite_files.unsafe_layers(checked.path)
    for name, reason in unsafe.items():
        if sqlite_files.is_catalogue(name):
            raise InputError(f"{shown} is refused: its table {name}, which lists what it holds, {reason}.")
    if not unsafe:
        return checked, {}
    copy = private_folder(scratch) / checked.path.name
    shutil.copyfile(checked.path, copy)
    sqlite_files.remove_layers(copy, unsafe)
    return replace(checked, path=copy), unsafe


def private_folder(scratch: Path) -> Path:
    folder = scratch / str(sum(1 for _ in scratch.iterdir()))
    folder.mkdir()
    return folder


def _private_database(checked: Checked, scratch: Path) -> Checked:
    """A copy, where opening the file itself would write beside it."""
    database = checked.format in (Format.GEOPACKAGE, Format.SQLITE)
    if not database or not (checked.journal or write_ahead(checked.path)):
        return checked
    folder = private_folder(scratch)
    for part in (checked.path, *checked.journal):
        shutil.copyfile(part, folder / part.name)
    return replace(checked, path=folder / checked.path.name)


def _plainly_named(checked: Checked, scratch: Path) -> Checked:
    """A link by a plain path, where drivers take characters of its own for syntax."""
    path = checked.path.absolute()
    if checked.format is Format.GEODATABASE and path.suffix.casefold() != ".gdb":
        link = private_folder(scratch) / "unnamed.gdb"  # the driver goes by the ending
        link.symlink_to(path)
        return replace(checked, path=link)
    if is_plain(path):
        return checked
    return replace(checked, path=link_into(private_folder(scratch), checked.path))


def _unpacked_kml(file: Path, shown: Path, scratch: Path) -> Path:
    """The main document of a KMZ file: doc.kml, or its first KML file."""
    folder = private_folder(scratch)
    members = unpack(file, folder, lambda member: member.suffix.casefold() == ".kml")
    if not members:
        raise InputError(f"{shown} contains no KML document; save it from its program again.")
    members.sort(key=lambda member: (len(member.parts), member.name.casefold() != "doc.kml", member.name))
    try:
        check(members[0])
    except InputError as error:
        raise InputError(str(error).replace(str(members[0]), str(shown))) from None
    return members[0]
