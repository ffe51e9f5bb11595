"""CSV tables with coordinates or geometry; see :mod:`rogi.inventory.reading.geometry_cells`."""

from __future__ import annotations

import codecs
import csv
import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.inventory.reading.drivers import one_line
from rogi.inventory.reading.formats import check, utf16_without_mark
from rogi.inventory.reading.geometry_cells import (
    Places,
    coordinate_columns,
    find_places,
    geometries,
    numbers,
)

_SAMPLE = 65_536  # bytes by which encoding and separator are judged
_LONGEST = 2**28  # bytes of a row, and characters of a cell
_MOST_COLUMNS = 16_384  # as spreadsheets
_LONGEST_NAME = 10_000
_SEPARATORS = (",", ";", "\t", "|")
_FALLBACK_ENCODING = "cp1252"
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_MISSING = ("", "NA", "NaN", "nan")  # as R and pandas write it; other placeholders are for the rules to find
_EXCEL_HINT = re.compile(r"\"?sep=(.)\"?\s*", re.IGNORECASE)
_DIGITS = re.compile(r"\s*0\d+\s*")
_QUOTED = re.compile(r'"[^"]*"')
_COMMA, _POINT = re.compile(r"\s*[-+]?\d+,\d+\s*"), re.compile(r"\s*[-+]?\d*\.\d+\s*")
_THOUSANDS = re.compile(r"\s*[-+]?[1-9]\d{0,2},\d{3}\s*")


@dataclass(frozen=True, slots=True)
class Header:
    """What the first rows of a table tell.

    Attributes
    ----------
    columns
        Names, the column of geometry left out.
    places
        Where its features are.
    """

    columns: tuple[str, ...]
    places: Places


def describe(file: Path, shown: Path, encoding: str | None = None) -> Header:
    """Look at the first rows of a table.

    Raises
    ------
    InputError
        If it has no coordinates, or is no table in the encoding.
    """
    return _header(_layout(file, shown, encoding), shown)


def _header(layout: _Layout, shown: Path) -> Header:
    places = find_places(layout.cells())
    if places is None:
        raise InputError(
            f"{shown} has no coordinates: its columns are {_some(layout.names)}; name them lon and lat "
            "(degrees, WGS84), x and y (with --crs), or give WKT, WKB or GeoJSON in a column geometry."
        )
    return Header(tuple(name for name in layout.names if name != places.geometry), places)


def read_attributes(path: Path, encoding: str | None = None) -> tuple[pd.DataFrame, list[str]]:
    """A table that needs no coordinates, and notes.

    Raises
    ------
    InputError
        If it is no table.
    """
    layout, notes = _layout(path, path, encoding), list[str]()
    return _load(path, path, layout, notes), notes


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
    frame = _load(path, path, _layout(path, path, encoding), [])
    pair = coordinate_columns(list(frame.columns))
    if pair is None or not pair[2]:
        return frame, None, None
    return frame, numbers(frame[pair[0]], "EW"), numbers(frame[pair[1]], "NS")


def read(
    file: Path, shown: Path, crs: str | None, encoding: str | None = None
) -> tuple[pd.DataFrame, NDArray[np.object_], Any, list[str]]:
    """The table, its geometries, their CRS, and notes.

    Raises
    ------
    InputError
        If a row has more cells than the header, or coordinates are given without a CRS.
    """
    layout = _layout(file, shown, encoding)
    places = _header(layout, shown).places
    notes: list[str] = []
    if layout.guessed:
        notes.append(
            f"the text is not UTF-8 and was read as {layout.encoding}; give --encoding to choose another"
        )
    frame = _load(file, shown, layout, notes)
    geometry, system = geometries(frame, places, crs, shown, notes)
    return frame, geometry, system, notes


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a table is written; ``rows`` are its first ones, ``skipped`` the lines before its header."""

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    encoding: str
    separator: str
    guessed: bool
    skipped: int

    def cells(self) -> dict[str, list[str]]:
        """Name -> its first cells that are not empty; of names that occur twice the first column."""
        out: dict[str, list[str]] = {}
        for at, name in enumerate(self.names):
            if name not in out:
                out[name] = [row[at] for row in self.rows if len(row) > at and row[at].strip()]
        return out

    @property
    def decimal(self) -> str:
        """The decimal sign: a comma where no number has a point, and not all may be thousands (1,234)."""
        if self.separator == ",":
            return "."
        cells = [cell for row in self.rows for cell in row]
        commas = [cell for cell in cells if _COMMA.fullmatch(cell)]
        alone = not all(map(_THOUSANDS.fullmatch, commas)) and not any(map(_POINT.fullmatch, cells))
        return "," if alone else "."

    def texts(self) -> list[str]:
        """Columns whose digits are no numbers: geometry in hexadecimal, IDs with leading zeros."""
        return [name for name, cells in self.cells().items() if any(map(_DIGITS.fullmatch, cells))]


def _layout(file: Path, shown: Path, encoding: str | None) -> _Layout:
    with file.open("rb") as stream:
        sample = stream.read(_SAMPLE)
    guessed = False
    if encoding is None:
        encoding, guessed = _encoding(sample)
    text = _head_lines(file, encoding)
    hint = _EXCEL_HINT.fullmatch(text.partition("\n")[0])
    if hint:
        text = text.partition("\n")[2]
    head = next((line for line in text.splitlines() if line.strip()), "")
    bare = _QUOTED.sub("", head)
    separator = hint[1] if hint else max(_SEPARATORS, key=bare.count)
    try:
        csv.field_size_limit(_LONGEST)  # an outline of many vertices is longer than Python's 128 KiB
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        rows = [tuple(row) for row in reader if any(row)]
    except csv.Error as error:
        raise InputError(f"{shown} is no table of comma-separated values ({error}).") from None
    names = tuple(name.strip() for name in rows[0]) if rows else ()
    if len(names) > _MOST_COLUMNS or any(len(name) > _LONGEST_NAME for name in names):
        longest = max(map(len, names))
        raise InputError(
            f"{shown} has {len(names):,} columns, the longest name with {longest:,} characters; at most "
            f"{_MOST_COLUMNS:,} with {_LONGEST_NAME:,} are read. Check the separator and the header."
        )
    return _Layout(names, tuple(rows[1:]), encoding, separator, guessed, 1 if hint else 0)


def _head_lines(file: Path, encoding: str) -> str:
    """Whole lines from the beginning: of a sample, or more where the first rows are longer than it."""
    size = _SAMPLE
    try:
        decoder = codecs.getincrementaldecoder(encoding)
    except LookupError:
        raise InputError(f"There is no encoding {encoding!r}; try utf-8, cp1252 or gb18030.") from None
    while True:
        with file.open("rb") as stream:
            sample = stream.read(size)
        text = decoder("replace").decode(sample)
        if len(sample) < size:
            return text
        if text.count("\n") > 2 or size > _LONGEST:
            return text[: text.rfind("\n") + 1]
        size *= 4


def _load(file: Path, shown: Path, layout: _Layout, notes: list[str]) -> pd.DataFrame:
    if layout.decimal == ",":
        notes.append("numbers were read with a decimal comma")
    try:
        frame = _parsed(file, layout, "error")
    except (ValueError, OSError, csv.Error, pd.errors.ParserWarning) as error:
        _refuse_long_rows(file, shown, layout)
        if not isinstance(error, pd.errors.ParserWarning):
            raise InputError(
                f"{shown} cannot be read as a table ({one_line(error)}); check that cells with separators or "
                "line breaks are quoted, and that each quote is closed."
            ) from None
        frame = _parsed(file, layout, "ignore")  # the cells beyond the header are empty
    names = [str(name).strip() for name in frame.columns]
    if len(set(layout.names)) < len(layout.names) == len(names):
        names = unique_names(list(layout.names), notes)
    frame.columns = pd.Index(names)
    return _without_counts(frame, layout)


def _parsed(file: Path, layout: _Layout, dropped: Literal["error", "ignore"]) -> pd.DataFrame:
    """The table by pandas, which warns and drops cells where the first row is longer than the header."""
    with warnings.catch_warnings():
        warnings.simplefilter(dropped, pd.errors.ParserWarning)
        frame: pd.DataFrame = pd.read_csv(
            file,
            sep=layout.separator,
            encoding=layout.encoding,
            encoding_errors="replace",
            keep_default_na=False,
            na_values=list(_MISSING),
            skipinitialspace=True,
            skiprows=layout.skipped,
            low_memory=False,
            index_col=False,
            decimal=layout.decimal,
            dtype=dict.fromkeys(layout.texts(), "str"),
        )
    return frame


def _refuse_long_rows(file: Path, shown: Path, layout: _Layout) -> None:
    """Refuse a table with a row of more cells than the header; empty ones at its end do not count."""
    width = len(layout.names)
    with file.open(encoding=layout.encoding, errors="replace", newline="") as stream:
        csv.field_size_limit(_LONGEST)
        reader = csv.reader(stream, delimiter=layout.separator)
        row = -layout.skipped
        try:
            for cells in reader:
                if not cells:
                    continue
                if row > 0 and any(cell.strip() for cell in cells[width:]):
                    raise InputError(
                        f"{shown} has {len(cells)} cells in row {row} (line {reader.line_num}), but {width} "
                        "in its header; each row needs as many cells as the header, and a cell with a "
                        f"{layout.separator!r} in it needs quotes."
                    )
                row += 1
        except csv.Error:
            return  # said by the caller


def _without_counts(frame: pd.DataFrame, layout: _Layout) -> pd.DataFrame:
    """The table without columns that have no name and nothing but a count of rows, or nothing at all."""
    for column, name in zip(list(frame.columns), layout.names, strict=False):
        if not name:
            values = frame[column]
            first = values.iloc[0] if len(values) else None
            counted = first in (0, 1) and bool((values == first + np.arange(len(values))).all())
            if counted or values.isna().all():
                frame = frame.drop(columns=column)
    return frame


def unique_names(names: list[str], notes: list[str]) -> list[str]:
    """Column names, dots added to repeated ones: they compare equal, as punctuation does not count."""
    seen: set[str] = set()
    out = []
    for name in names:
        unique = name
        while unique in seen:
            unique += "."
        if unique != name:
            notes.append(f"there are several columns {name!r}; the later one is shown as {unique!r}")
        seen.add(unique)
        out.append(unique)
    return out


def _encoding(sample: bytes) -> tuple[str, bool]:
    """The encoding of a text, and whether that is a guess."""
    for mark, name in _MARKS.items():
        if sample.startswith(mark):
            return name, False
    if (wide := utf16_without_mark(sample)) is not None:
        return wide, False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # a character cut at the end is no fault
    except UnicodeDecodeError:
        return _FALLBACK_ENCODING, True
    return "utf-8", False


def _some(names: Sequence[str]) -> str:
    return (
        ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") if names else "none"
    )
