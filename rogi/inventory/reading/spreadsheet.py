"""Spreadsheets (XLSX, ODS): tables with their header in one of the first rows.

GDAL reads them: it takes the values that formulas had when the file was saved, and refuses cells so far apart
that a small file would fill the memory. All cells come as text here, so that types are told apart once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray

from rogi.archives import check_archive
from rogi.errors import InputError
from rogi.inventory.reading.csv_tables import unique_names
from rogi.inventory.reading.drivers import driver_calls, gdal_options
from rogi.inventory.reading.geometry_cells import Places, find_places, sample, typed

_HEADER_WITHIN = 20  # rows: titles and remarks stand above the names of columns
_OPTIONS = {
    f"OGR_{d}_{o}": v for d in ("XLSX", "ODS") for o, v in (("HEADERS", "DISABLE"), ("FIELD_TYPES", "STRING"))
}
_SAMPLE = 50  # rows by which columns of coordinates and geometry are judged
_DATE = re.compile(r"(\d{4})/(\d{2})/(\d{2})( 00:00:00)?")  # as GDAL writes a cell that is a date
_ERRORS = ("#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!")


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A sheet with a header.

    Attributes
    ----------
    frame
        Its rows below the header, the empty ones left out; values are numbers where all of a column are.
    places
        Where its features are, or None.
    rows
        (n,) number of each row in the sheet, from 1.
    """

    name: str
    frame: pd.DataFrame
    places: Places | None
    rows: NDArray[np.int64]
    notes: tuple[str, ...]


def read(file: Path, shown: Path) -> list[Sheet]:
    """All sheets that have a header and rows below it.

    Raises
    ------
    InputError
        If the file is damaged, or would need more memory than a table of its size does.
    """
    check_archive(file)
    notes: list[str] = []
    with driver_calls(shown, notes), gdal_options(_OPTIONS):
        names = [str(name) for name, _ in pyogrio.list_layers(str(file.absolute()))]
        grids = [_grid(file, name) for name in names]
    sheets = [
        s for name, grid in zip(names, grids, strict=True) if (s := _sheet(name, grid, notes)) is not None
    ]
    if not sheets:
        raise InputError(f"{shown} has no sheet with names of columns and rows below them.")
    return sheets


def _grid(file: Path, name: str) -> list[list[str]]:
    """Rows of cells as text, empty ones included."""
    pyogrio.read_info(str(file.absolute()), layer=name)  # raises where reading would stop without a word
    _, _, _, columns = pyogrio.raw.read(str(file.absolute()), layer=name, read_geometry=False)
    texts = [["" if v is None else str(v).strip() for v in column] for column in columns]
    return [list(row) for row in zip(*texts, strict=True)]


def _sheet(name: str, grid: Sequence[list[str]], said: Sequence[str]) -> Sheet | None:
    found: tuple[int, list[str], Places | None] | None = None
    for at, header in _headers(grid):
        places = find_places(
            {n: sample([row[k] or None for row in grid[at + 1 : at + 51]]) for k, n in header}
        )
        if found is None or places is not None:
            found = at, [n for _, n in header], places
        if places is not None:
            break
    if found is None:
        return None
    at, names, places = found
    notes = list(said)
    rows = np.array([k for k in range(at + 1, len(grid)) if any(grid[k])], dtype=np.int64)
    columns = {}
    named = [k for k, name in enumerate(names) if name]
    for k, unique in zip(named, unique_names([names[k] for k in named], notes), strict=True):
        columns[unique] = typed([_value(grid[row][k]) for row in rows])
    errors = sum(cell in _ERRORS for row in rows for cell in grid[row])
    if errors:
        notes.append(f"{errors} cells contain an error of a formula, such as #N/A, and count as empty")
    return Sheet(name, pd.DataFrame(columns, index=pd.RangeIndex(len(rows))), places, rows + 1, tuple(notes))


def _headers(grid: Sequence[list[str]]) -> Iterator[tuple[int, list[tuple[int, str]]]]:
    """Rows that may be the names of columns; a name is above where cells of the header are merged."""
    for at, row in enumerate(grid[:_HEADER_WITHIN]):
        above = grid[at - 1] if at else [""] * len(row)
        names = [cell or over for cell, over in zip(row, above, strict=True)]
        given = [cell for cell in row if cell]
        if len(given) > 1 and not any(_is_number(cell) for cell in given):
            yield at, list(enumerate(names))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _value(cell: str) -> str | None:
    if not cell or cell in _ERRORS:
        return None
    match = _DATE.fullmatch(cell)
    return "-".join(match.groups()[:3]) if match else cell
