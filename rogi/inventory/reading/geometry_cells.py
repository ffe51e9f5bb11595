"""Geometry in the cells of a plain table: coordinates in two columns, or WKT, WKB or GeoJSON in one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.inventory.reading.dialects import Family
from rogi.inventory.reading.wkb import nested_too_deep
from rogi.schema.model import normalise
from rogi.text import counted

# Usual names of a column of geometry, as `normalise` writes them; others are known by what they contain.
_USUAL = re.compile(
    r"(the|st|ogc|esri)?(geom|geometry|geometria|geometrie|shape|geo|wkt|wkb|ewkt|ewkb|geojson|polygon)"
    r"(wkt|wkb|text|hex|json|4326)?"
)
_SHAPES = "POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION"
_SRID = re.compile(r"\s*(?:SRID\s*=\s*(\d{1,6})\s*;|<[^<>]*/(\w+)>)\s*", re.IGNORECASE)
_WKT = re.compile(rf"(?:MULTI)?({_SHAPES})\s*(?:Z|M|ZM)?\s*(?:\(|EMPTY)", re.IGNORECASE)
_WKB = re.compile(r"\s*(?:\\x|0x)?(0[01](?:[0-9a-f]{2}){8,})\s*", re.IGNORECASE)
_GEOJSON = re.compile(rf'"type"\s*:\s*"(?:Multi)?({_SHAPES})"', re.IGNORECASE)
_CODES = {
    1: "Point",
    2: "LineString",
    3: "Polygon",
    4: "Point",
    5: "LineString",
    6: "Polygon",
    7: "Collection",
}

# Names of coordinate columns, as `normalise` writes them: what may stand before and after the word itself.
_BEFORE = (
    r"(?P<before>|dec|decimal|dd|cen|cent|centroid|center|centre|centroide|mid|geo|gps|wgs|wgs84|coord|coords|coor"
    r"|coordinate|coordenada|coordenadas|point|pt|pm|utm|map|proj|label|orig|start)"
)
_AFTER = (
    r"(?P<after>|dd|dec|decimal|deg|degree|degrees|decimaldegrees|grad|wgs|wgs84|gps|4326|epsg4326|coord|coords|coor"
    r"|coordinate|coordenada|utm|m|meter|metre|meters|metres|centroid|cent|cen|dms|proj|map)"
)
_DEGREES = (
    re.compile(
        rf"{_BEFORE}(lon|long|lng|longitude|longitud|longitudine|laenge|länge|längengrad)[ewx]?{_AFTER}"
    ),
    re.compile(rf"{_BEFORE}(lat|latitude|latitud|latitudine|breite|breitengrad)[nsy]?{_AFTER}"),
)
_PLANE = (
    re.compile(rf"{_BEFORE}(x|e|east|easting|este|est|ost|rechtswert){_AFTER}"),
    re.compile(rf"{_BEFORE}(y|n|north|northing|norte|nord|hochwert){_AFTER}"),
)
_ON_WGS84 = re.compile(r"wgs|wgs84|gps|4326|epsg4326|dd|dec|decimal|deg|degree|degrees|decimaldegrees")

_NUMBER = r"\d+(?:[.,]\d+)?"
_ANGLE = re.compile(
    rf"(?P<first>[NSEW])?\s*(?P<sign>[+-])?\s*(?P<d>{_NUMBER})\s*"
    rf"(?:(?:[°º˚d:\s]|deg)\s*(?:(?P<m>{_NUMBER})\s*"
    rf"(?:['′’´`m:\s]\s*(?:(?P<s>{_NUMBER})\s*(?:\"|″|”|''|′′|’’|s)?)?)?)?)?\s*(?P<last>[NSEW])?",
    re.IGNORECASE,
)
_INTEGERS = ("int", "uint", "short", "ushort")
_PLAIN_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d{0,14}|(?:0|[1-9]\d*)?\.\d+)(?:e[+-]?\d{1,3})?", re.IGNORECASE)
_BETWEEN_DIGITS = re.compile(r"(?<=\d)['’\u2009\u202f\u00a0 ](?=\d{3}\b)")  # 2'600'000


class Notation(StrEnum):
    """How a cell writes a geometry."""

    WKT = "WKT"
    WKB = "WKB"
    GEOJSON = "GeoJSON"


@dataclass(frozen=True, slots=True)
class Places:
    """Which columns of a table say where its features are.

    Attributes
    ----------
    family
        Kind of geometry, as far as the first rows tell.
    geometry, notation
        Column of geometry and how it is written, or None.
    x, y
        Columns of coordinates, or None where there is a column of geometry.
    degrees
        Whether x and y are longitude and latitude by their names.
    """

    family: Family
    geometry: str | None = None
    notation: Notation = Notation.WKT
    x: str | None = None
    y: str | None = None
    degrees: bool = False


def find_places(cells: Mapping[str, Sequence[str]]) -> Places | None:
    """Where a table has its geometry; None where it has none.

    A column of geometry counts before columns of coordinates, one with a usual name before another, and
    polygons before points.

    Parameters
    ----------
    cells : mapping of str to sequence of str
        Name of each column -> its first cells that are not empty.
    """
    best: tuple[tuple[bool, bool], Places] | None = None
    for name, texts in cells.items():
        kinds = [kind for text in texts if (kind := _kind(text)) is not None]
        if 2 * len(kinds) <= len(texts):
            continue
        families = {family for _, family in kinds}
        family = families.pop() if len(families) == 1 else Family.UNKNOWN
        rank = (_USUAL.fullmatch(normalise(name)) is not None, family is not Family.POINT)
        if best is None or rank > best[0]:
            best = rank, Places(family, name, kinds[0][0])
    if best is not None:
        return best[1]
    pair = coordinate_columns(list(cells))
    if pair is not None:
        return Places(Family.POINT, x=pair[0], y=pair[1], degrees=pair[2])
    empty = next((n for n, texts in cells.items() if not texts and _USUAL.fullmatch(normalise(n))), None)
    return None if empty is None else Places(Family.UNKNOWN, empty)


def sample(values: Sequence[object]) -> list[str]:
    """Cells that are not empty, as text; bytes in hexadecimal, as WKB is written in text."""
    texts = [_text(value) for value in values]
    return [text for text in texts if text is not None and text.strip()]


def _text(value: object) -> str | None:
    if value is None or value != value:
        return None
    return value.hex() if isinstance(value, bytes) else str(value)


def coordinate_columns(names: Sequence[str]) -> tuple[str, str, bool] | None:
    """Columns of x and y, and whether they are longitude and latitude; None where there are none.

    Both are written alike (``POINT_X`` and ``POINT_Y``), and degrees count before metres.

    Examples
    --------
    >>> coordinate_columns(["id", "POINT_X", "POINT_Y", "LONGITUD", "LATITUD"])
    ('LONGITUD', 'LATITUD', True)
    >>> coordinate_columns(["id", "Este", "Norte"])
    ('Este', 'Norte', False)
    """
    for patterns, degrees in ((_DEGREES, True), (_PLANE, False)):
        x, y = (_by_frame(names, pattern) for pattern in patterns)
        frame = next((frame for frame in x if frame in y), None)
        if frame is not None:
            return x[frame], y[frame], degrees or any(_ON_WGS84.fullmatch(part) for part in frame)
        if len(x) == len(y) == 1:
            return next(iter(x.values())), next(iter(y.values())), degrees
    return None


def _by_frame(names: Sequence[str], pattern: re.Pattern[str]) -> dict[tuple[str, str], str]:
    """What stands before and after the word in a name -> the first such name."""
    found: dict[tuple[str, str], str] = {}
    for name in names:
        if match := pattern.fullmatch(normalise(name)):
            found.setdefault((match["before"], match["after"]), name)
    return found


def _kind(text: str) -> tuple[Notation, Family] | None:
    """How a cell writes a geometry, and of which kind it is; None where it writes none."""
    prefix = _SRID.match(text)
    if match := _WKT.match(text[prefix.end() :] if prefix else text.lstrip()):
        return Notation.WKT, Family.of(match[1])
    if match := _WKB.fullmatch(text):
        head = bytes.fromhex(match[1][:10])
        code = int.from_bytes(head[1:5], "little" if head[0] else "big") & 0x0FFF_FFFF
        if code % 1000 in _CODES and code < 4000:
            return Notation.WKB, Family.of(_CODES[code % 1000])
    if text.lstrip().startswith("{") and (match := _GEOJSON.search(text)):
        return Notation.GEOJSON, Family.of(match[1])
    return None


def geometries(
    frame: pd.DataFrame, places: Places, crs: str | None, shown: Path, notes: list[str]
) -> tuple[NDArray[np.object_], Any]:
    """The geometry of each row, None if missing, and the CRS.

    Parameters
    ----------
    frame : DataFrame
        A column of geometry is taken out of it; columns of coordinates stay.
    places : Places
    crs : str, optional
        CRS of the coordinates; what a cell says itself counts where it is not given.
    shown : Path
        The file as the user knows it, for messages.
    notes : list of str
        What is to be said is appended.

    Raises
    ------
    InputError
        If the CRS is not known, or not one for all rows.
    """
    system = None if crs is None else pyproj.CRS.from_user_input(crs)
    if places.geometry is not None:
        cells = frame.pop(places.geometry).astype(object).to_numpy()
        geometry, stated = _decoded(cells, places, shown, notes)
        if system is None and places.notation is Notation.GEOJSON:
            stated = 4326
        if system is None and stated is not None:
            system = _epsg(stated, notes)
        return geometry, system
    return _points(frame, places, system, shown, notes)


def _decoded(
    cells: NDArray[np.object_], places: Places, shown: Path, notes: list[str]
) -> tuple[NDArray[np.object_], int | None]:
    """Geometries of cells and the EPSG code they state."""
    texts = [None if not text or text.isspace() else text for text in map(_text, cells)]
    texts = ["" if text and nested_too_deep(text) else text for text in texts]
    codes: set[int] = set()
    if places.notation is Notation.WKT:
        prefixes = [None if t is None else _SRID.match(t) for t in texts]
        codes = {int(code) for m in prefixes if m and (code := m[1] or m[2]).isdigit()}
        plain = _array(t[m.end() :] if t and m else t for t, m in zip(texts, prefixes, strict=True))
        geometry = shapely.from_wkt(plain, on_invalid="ignore")
    elif places.notation is Notation.WKB:
        plain = _array(None if t is None else (m[1] if (m := _WKB.fullmatch(t)) else "") for t in texts)
        with np.errstate(invalid="ignore"):
            geometry = shapely.from_wkb(plain, on_invalid="ignore")
        codes = set(np.unique(shapely.get_srid(geometry)).tolist()) - {-1}
    else:
        plain = _array(texts)
        geometry = shapely.from_geojson(plain, on_invalid="ignore")
    geometry = shapely.set_srid(np.asarray(geometry, dtype=object), 0)
    lost = np.flatnonzero((geometry == None) & (plain != None))  # noqa: E711
    if places.notation is Notation.GEOJSON:
        # Earth Engine writes an empty MultiPoint where a feature has no geometry.
        geometry[shapely.is_empty(geometry) & (shapely.get_type_id(geometry) == 4)] = None
    if len(lost):
        what = f"{len(lost)} geometries are not valid {places.notation.value}"
        notes.append(f"{what} and were left out (rows {_rows(lost)})")
    codes -= {0}
    if len(codes) > 1:
        listed = ", ".join(f"EPSG:{code}" for code in sorted(codes)[:5])
        raise InputError(
            f"{shown} has rows in several coordinate reference systems ({listed}); write one file for each, "
            "or bring them into one."
        )
    return geometry, next(iter(codes), None)


def _epsg(code: int, notes: list[str]) -> Any:
    try:
        return pyproj.CRS.from_epsg(code)
    except pyproj.exceptions.CRSError:
        notes.append(f"the file says SRID {code}, which is no EPSG code; give --crs")
        return None


def _points(
    frame: pd.DataFrame, places: Places, system: Any, shown: Path, notes: list[str]
) -> tuple[NDArray[np.object_], Any]:
    degrees = places.degrees and (system is None or system.is_geographic)
    x, y = (
        numbers(frame[places.x], "EW" if degrees else ""),
        numbers(frame[places.y], "NS" if degrees else ""),
    )
    there = ~(np.isnan(x) | np.isnan(y))
    if system is None:
        small = bool(there.any()) and bool((np.abs(x[there]) <= 180).all() and (np.abs(y[there]) <= 90).all())
        if not (places.degrees or small):
            raise InputError(
                f"{shown} has the columns {places.x} and {places.y} but does not say in which coordinate "
                "reference system; give it with --crs, for example --crs EPSG:2056."
            )
        system = pyproj.CRS.from_epsg(4326)
        why = "" if places.degrees else ", as all are within 180 and 90"
        notes.append(
            f"{places.x} and {places.y} were taken as degrees on WGS84{why}; give --crs if they are not"
        )
    if (~there).any():
        rows = np.flatnonzero(~there)
        notes.append(f"{counted(len(rows), 'row')} without coordinates that are numbers: {_rows(rows)}")
    geometry = np.full(len(frame), None, dtype=object)
    geometry[there] = shapely.points(x[there], y[there])
    return geometry, system


def numbers(column: pd.Series[Any], directions: str = "") -> NDArray[np.float64]:
    """Numbers of a column; NaN where a text is no number.

    Decimal commas and marks between thousands are read. With directions (``EW`` or ``NS``) so are angles in
    degrees, minutes and seconds, and letters of the sky before or after them.

    Examples
    --------
    >>> import pandas as pd
    >>> numbers(pd.Series(["12,5", "12°30'W", "12 30 36 E", "12 N"]), "EW").tolist()
    [12.5, -12.5, 12.51, nan]
    """
    found = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan).copy()
    if pd.api.types.is_numeric_dtype(column.dtype):
        return found
    for i in np.flatnonzero(np.isnan(found) & column.notna().to_numpy()):
        text = str(column.iloc[i]).strip().replace("\u2212", "-")
        found[i] = _angle(text, directions) if directions else _plane(text)
    return found


def typed(values: Sequence[str | None], kind: str = "") -> pd.Series[Any]:
    """A column of texts: numbers where all are numbers, else as it is; empty texts are null.

    Parameters
    ----------
    values : sequence of str or None
    kind : str
        Type that a schema states (``string``, ``int``, ``double``); by default what the values look like.

    Examples
    --------
    >>> typed(["1", "2", None]).dtype.name, typed(["0.5", "2"]).tolist(), typed(["007", "8"]).tolist()
    ('Int64', [0.5, 2.0], ['007', '8'])
    """
    texts = pd.Series([value if value else None for value in values], dtype="str")
    present = texts.dropna()
    if kind == "string" or not len(present) or not all(map(_PLAIN_NUMBER.fullmatch, present)):
        return texts
    numbers = pd.to_numeric(texts, errors="coerce")
    whole = bool((numbers.dropna() % 1 == 0).all())
    if whole and (kind in _INTEGERS or (not kind and not present.str.contains(r"[.eE]").any())):
        return numbers.astype("Int64")
    return numbers.astype("float64")


def _plane(text: str) -> float:
    try:
        return float(_BETWEEN_DIGITS.sub("", text).replace(",", "."))
    except ValueError:
        return np.nan


def _angle(text: str, directions: str) -> float:
    """Degrees of an angle; NaN where it is none, or its letter is of the other axis or beside a sign."""
    match = _ANGLE.fullmatch(text)
    if match is None:
        return np.nan
    letters = {letter.upper() for letter in (match["first"], match["last"]) if letter}
    if len(letters) > 1 or not letters <= set(directions) or (letters and match["sign"]):
        return np.nan
    parts = [float((match[name] or "0").replace(",", ".")) for name in "dms"]
    whole = all(part.is_integer() for part, finer in zip(parts, "ms", strict=False) if match[finer])
    if max(parts[1:]) >= 60 or not whole:
        return np.nan
    size = parts[0] + parts[1] / 60 + parts[2] / 3600
    return -size if match["sign"] == "-" or letters & {"W", "S"} else size


def _array(values: Iterable[object]) -> NDArray[np.object_]:
    listed = list(values)
    out = np.empty(len(listed), dtype=object)
    out[:] = listed
    return out


def _rows(at: NDArray[np.int64]) -> str:
    return ", ".join(str(i + 1) for i in at[:5]) + (" …" if len(at) > 5 else "")
