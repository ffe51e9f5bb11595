"""CSV tables with coordinates: longitude and latitude in two columns, or WKT in one."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.inventory.detect import Family
from rogi.inventory.drivers import one_line
from rogi.inventory.formats import check
from rogi.schema.model import Role, normalise

if TYPE_CHECKING:
    import pandas as pd

_SAMPLE = 65_536  # bytes by which encoding and separator are judged
_SEPARATORS = (",", ";", "\t", "|")
_FALLBACK_ENCODING = "cp1252"
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_MISSING = ("", "NA", "NaN", "nan")  # as R and pandas write it; other placeholders are for the rules to find
_WKT_NAMES = ("wkt", "geometry", "geom", "thegeom", "wktgeom", "wktgeometry", "shape")
_WKT = re.compile(r"\s*(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\b", re.IGNORECASE)
_EASTING = ("x", "easting", "east", "xcoord", "coordx", "e")
_NORTHING = ("y", "northing", "north", "ycoord", "coordy", "n")


@dataclass(frozen=True, slots=True)
class Header:
    """How a table is written and where its coordinates are.

    Attributes
    ----------
    columns
        Names, the WKT column left out.
    family
        Kind of geometry.
    encoding, separator
        How to read it.
    x, y
        Columns of coordinates, or None.
    wkt
        Column of WKT, or None.
    degrees
        Whether x and y are longitude and latitude by their names.
    guessed
        Whether the encoding is a guess.
    """

    columns: tuple[str, ...]
    family: Family
    encoding: str
    separator: str
    x: str | None
    y: str | None
    wkt: str | None
    degrees: bool
    guessed: bool


def describe(file: Path, shown: Path, encoding: str | None = None) -> Header:
    """Look at the first rows of a table.

    Raises
    ------
    InputError
        If it has no coordinates, or is no table in the encoding.
    """
    layout = _layout(file, shown, encoding)
    names = list(layout.names)
    by_alias = _by_alias(names)
    wkt = next((by_alias[n] for n in _WKT_NAMES if n in by_alias), None)
    cell = layout.first(wkt)
    looks = _WKT.match(cell)
    longitude, latitude = _coordinate_names()
    x, y, degrees = _first(by_alias, longitude), _first(by_alias, latitude), True
    if wkt is not None and not looks and (cell or (x is not None and y is not None)):
        wkt = None
    if wkt is None and (x is None or y is None):
        x, y, degrees = _first(by_alias, _EASTING), _first(by_alias, _NORTHING), False
        if x is None or y is None:
            raise InputError(
                f"{shown} has no coordinates: its columns are {_some(names)}; name them lon and lat "
                "(degrees, WGS84), x and y (with --crs), or give WKT in a column wkt."
            )
    if wkt is not None:
        x = y = None
    family = Family.POINT if wkt is None else Family.of(looks.group(3) if looks else "Unknown")
    columns = tuple(name for name in names if name != wkt)
    return Header(columns, family, layout.encoding, layout.separator, x, y, wkt, degrees, layout.guessed)


def read_plain(
    path: Path, encoding: str | None = None
) -> tuple[pd.DataFrame, NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """A table that needs no coordinates, and its longitudes and latitudes if it has them.

    Raises
    ------
    InputError
        If it is no table.
    """
    check(path)
    layout = _layout(path, path, encoding)
    frame = _load(path, path, layout.encoding, layout.separator)
    by_alias = _by_alias(list(frame.columns))
    x, y = (_first(by_alias, names) for names in _coordinate_names())
    if x is None or y is None:
        return frame, None, None
    return frame, _numbers(frame[x]), _numbers(frame[y])


def read(
    file: Path, shown: Path, crs: str | None, encoding: str | None = None
) -> tuple[pd.DataFrame, NDArray[np.object_], Any, list[str]]:
    """The table, its geometries, their CRS, and notes.

    Raises
    ------
    InputError
        If the rows do not fit the header, or x and y are given without a CRS.
    """
    import pyproj
    import shapely

    header = describe(file, shown, encoding)
    notes = []
    if header.guessed:
        notes.append(
            f"the text is not UTF-8 and was read as {header.encoding}; give --encoding to choose another"
        )
    frame = _load(file, shown, header.encoding, header.separator)
    system = None if crs is None else pyproj.CRS.from_user_input(crs)
    if header.wkt is not None:
        texts = frame.pop(header.wkt).astype(object).to_numpy()
        stated = next((int(m) for t in texts if isinstance(t, str) and (m := _srid(t))), None)
        plain = np.array([_plain(t) for t in texts], dtype=object)
        geometry = np.asarray(shapely.from_wkt(plain, on_invalid="ignore"), dtype=object)
        lost = np.flatnonzero((geometry == None) & (plain != None))  # noqa: E711
        if len(lost):
            rows = ", ".join(str(i + 1) for i in lost[:5])
            notes.append(f"{len(lost)} geometries are not valid WKT and were left out (rows {rows})")
        if system is None and stated is not None:
            system = pyproj.CRS.from_epsg(stated)
        return frame, geometry, system, notes
    if system is None and not header.degrees:
        raise InputError(
            f"{shown} has the columns {header.x} and {header.y} but does not say in which coordinate "
            "reference system; give it with --crs, for example --crs EPSG:2056."
        )
    if system is None:
        system = pyproj.CRS.from_epsg(4326)
        notes.append(f"{header.x} and {header.y} were taken as degrees on WGS84; give --crs if they are not")
    x, y = _numbers(frame[header.x]), _numbers(frame[header.y])
    there = ~(np.isnan(x) | np.isnan(y))
    if (~there).any():
        rows = ", ".join(str(i + 1) for i in np.flatnonzero(~there)[:5])
        notes.append(f"{(~there).sum()} rows have no coordinates that are numbers (rows {rows})")
    geometry = np.full(len(frame), None, dtype=object)
    geometry[there] = shapely.points(x[there], y[there])
    return frame, geometry, system, notes


@dataclass(frozen=True, slots=True)
class _Layout:
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # the first ones
    encoding: str
    separator: str
    guessed: bool

    def first(self, name: str | None) -> str:
        """The first cell of a column that is not empty."""
        if name is None:
            return ""
        at = self.names.index(name)
        return next((row[at] for row in self.rows if len(row) > at and row[at].strip()), "")


def _layout(file: Path, shown: Path, encoding: str | None) -> _Layout:
    with file.open("rb") as stream:
        sample = stream.read(_SAMPLE)
    guessed = False
    if encoding is None:
        encoding, guessed = _encoding(sample)
    try:
        text = codecs.getincrementaldecoder(encoding)("replace").decode(sample)
    except LookupError:
        raise InputError(f"There is no encoding {encoding!r}; try utf-8, cp1252 or gb18030.") from None
    head = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=head.count)
    whole = text if len(sample) < _SAMPLE else text[: text.rfind("\n") + 1]
    try:
        rows = [tuple(row) for row in csv.reader(io.StringIO(whole), delimiter=separator) if any(row)]
    except csv.Error as error:
        raise InputError(f"{shown} is no table of comma-separated values ({error}).") from None
    names = tuple(name.strip() for name in rows[0]) if rows else ()
    return _Layout(names, tuple(rows[1:]), encoding, separator, guessed)


def _load(file: Path, shown: Path, encoding: str, separator: str) -> pd.DataFrame:
    import pandas as pd

    try:
        frame: pd.DataFrame = pd.read_csv(
            file,
            sep=separator,
            encoding=encoding,
            encoding_errors="replace",
            keep_default_na=False,
            na_values=list(_MISSING),
            skipinitialspace=True,
            low_memory=False,
            index_col=False,
        )
    except (ValueError, OSError, csv.Error) as error:
        raise InputError(
            f"{shown} cannot be read as a table ({one_line(error)}); check that each row has as many cells "
            "as the header, and that cells with separators are quoted."
        ) from None
    frame.columns = pd.Index([str(name).strip() for name in frame.columns])
    return frame


def _by_alias(names: list[str]) -> dict[str, str]:
    """The first column of each normalised name."""
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(normalise(name), name)
    return found


def _encoding(sample: bytes) -> tuple[str, bool]:
    """The encoding of a text, and whether that is a guess."""
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if sample.startswith(mark):
            return name, False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # a character cut at the end is no fault
    except UnicodeDecodeError:
        return _FALLBACK_ENCODING, True
    return "utf-8", False


def _coordinate_names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of longitude and latitude that any dialect knows."""
    from rogi.schema.load import dialects

    names: dict[str, dict[str, None]] = {"longitude": {}, "latitude": {}}
    for dialect in dialects():
        layer = dialect.layer(Role.MARKER) or dialect.layer(Role.OUTLINE)
        for concept, known in names.items():
            for name in layer.columns.get(concept, ()) if layer is not None else ():
                known[normalise(name)] = None
    return tuple(names["longitude"]), tuple(names["latitude"])


def _first(by_alias: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((by_alias[name] for name in names if name in by_alias), None)


def _some(names: list[str]) -> str:
    return (
        ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"
    )


def _numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Numbers, decimal commas allowed; NaN for what is none."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.isna().any() and not pd.api.types.is_numeric_dtype(column.dtype):
        commas = pd.to_numeric(column.astype("str").str.replace(",", ".", regex=False), errors="coerce")
        numbers = numbers.fillna(commas)
    return numbers.to_numpy(dtype=np.float64, na_value=np.nan)


def _srid(text: str) -> str | None:
    match = re.match(r"\s*SRID=(\d{1,6});", text, re.IGNORECASE)
    return match.group(1) if match else None


def _plain(text: object) -> str | None:
    """WKT without its SRID; None for an empty cell."""
    if not isinstance(text, str) or not text.strip():
        return None
    return re.sub(r"^\s*SRID=\d+;", "", text, flags=re.IGNORECASE)
