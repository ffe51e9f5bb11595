"""Which files and bands make one climate field, and of which months and years they are: by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rogi.errors import InputError, OptionError
from rogi.raster.climate.options import Request
from rogi.raster.climate.stamps import Stamps, date_of
from rogi.raster.climate.steps import MONTH_DAYS, Kind, Step, Timeline, timeline
from rogi.raster.files import RasterFile, open_raster
from rogi.raster.header import Header

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = re.compile(rf"(?<![a-z])({'|'.join(MONTHS)})[a-z]*(?![a-z])", re.IGNORECASE)

YEARS = range(1600, 2301)
"""Numbers of four digits in a name that are years."""

Choice = tuple[list[RasterFile], Timeline | None, str, tuple[str, ...]]
"""Bands, when they are from (None for an annual value), what they are called, notes."""


def choose_images(files: tuple[Path, ...], request: Request) -> Choice:
    """The bands of one climate field.

    Raises
    ------
    InputError
        Months are missing, or names do not say which is which.
    OptionError
        Several bands, or files of several kinds, and none chosen.
    """
    if len(files) == 1:
        return _bands(files[0], request)
    chosen, notes = _one_kind(files, request)
    if len(chosen) == 1:
        return _bands(chosen[0], request, named=True)
    band = int(request.options.variable or 1) if (request.options.variable or "1").isdigit() else 1
    rasters = [open_raster(path, band=band, crs=request.options.crs) for path in chosen]
    several = next((raster.header for raster in rasters if _bands_of(raster.header) > 1), None)
    if several is not None and not (request.options.variable or "").isdigit():
        raise OptionError(
            f"{several.path} has {_bands_of(several)} bands; give it alone, or choose a band of all "
            f"files by its number with {request.option('variable')}."
        )
    line = _dated(chosen, request)
    return rasters, line, re.sub(r"\d+", "#", chosen[0].stem), notes + line.notes


def _bands_of(header: Header) -> int:
    """Number of bands that are no mask."""
    return sum(colour != "alpha" for colour in header.colours)


def _bands(path: Path, request: Request, named: bool = False) -> Choice:
    """Bands of one file: the one that was named, the only one, or twelve months."""
    raster = open_raster(path, crs=request.options.crs)
    count, wanted = _bands_of(raster.header), None if named else request.options.variable
    texts = raster.header.names
    listed = f" ({', '.join(text for text in texts if text)})" if any(texts) else ""
    if wanted is None and count == 12:
        return _twelve(path, texts, request)
    request.undated(str(path))
    if wanted is None:
        if count == 1:
            return [raster], None, "band 1", ()
        raise OptionError(
            f"{path} has {count} bands{listed}; choose one by its number, from 1, or its description with "
            f"{request.option('variable')}."
        )
    if not wanted.isdigit():
        same = [k for k, text in enumerate(texts, start=1) if text == wanted.casefold()]
        if len(same) != 1:
            raise OptionError(
                f"{path} has no band described as {wanted!r}, but {count} bands{listed}; choose one by its "
                f"number, from 1, or its description with {request.option('variable')}."
            )
        wanted = str(same[0])
    return [open_raster(path, band=int(wanted), crs=request.options.crs)], None, f"band {wanted}", ()


def _twelve(path: Path, texts: Sequence[str], request: Request) -> Choice:
    """Twelve bands, the months of a mean year in the order of their descriptions."""
    request.undated(str(path))
    found = [MONTH.search(text) for text in texts]
    order = [MONTHS.index(match[1].casefold()) + 1 if match else 0 for match in found]
    if sorted(order) != list(range(1, 13)):
        order = list(range(1, 13))
    rasters = [open_raster(path, band=band, crs=request.options.crs) for band in range(1, 13)]
    note = f"The twelve bands of {path} are taken for the months of a mean year."
    return rasters, _mean_year(order, None), "bands 1-12", (note,)


def _mean_year(months: Sequence[int], years: tuple[int, int] | None) -> Timeline:
    steps = (Step(number, 0, 0, month, MONTH_DAYS[month - 1]) for number, month in enumerate(months))
    return Timeline(Kind.CLIMATOLOGY, tuple(sorted(steps, key=lambda step: step.month)), years)


def _one_kind(files: tuple[Path, ...], request: Request) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """The files whose names contain the variable, or that differ in numbers alone."""
    wanted = request.options.variable
    if wanted is not None and not wanted.isdigit():
        word = re.compile(rf"(?<![A-Za-z\d]){re.escape(wanted)}(?![A-Za-z\d])", re.IGNORECASE)
        named = tuple(path for path in files if word.search(path.name))
        if not named:
            raise OptionError(
                f"None of the {len(files)} files, such as {files[0].name}, has {wanted!r} in its name; "
                f"choose others with {request.option('variable')}."
            )
        left = len(files) - len(named)
        return named, (f"{left} files without {wanted} in their names are left out.",) if left else ()
    kinds: dict[str, Path] = {}
    for path in files:
        kinds.setdefault(re.sub(r"\d+", "#", _numbered(path)), path)
    if len(kinds) > 1:
        some = ", ".join(path.name for path in list(kinds.values())[:4])
        raise OptionError(
            f"The {len(files)} files are of {len(kinds)} kinds ({some}); choose one by a part of its name "
            f"with {request.option('variable')}, for example tavg or prec."
        )
    return files, ()


def _numbered(path: Path) -> str:
    """The name of a file with names of months as numbers."""
    return MONTH.sub(lambda match: f"{MONTHS.index(match[1].casefold()) + 1:02d}", path.stem)


def _dated(files: Sequence[Path], request: Request) -> Timeline:
    """When files are from, by the numbers that differ in their names."""
    texts = [re.findall(r"\d+", _numbered(path)) for path in files]
    if len({len(row) for row in texts}) == 1:
        columns = [[row[k] for row in texts] for k in range(len(texts[0]))]
        varying = [k for k, column in enumerate(columns) if len(set(column)) > 1]
        fixed = [k for k in range(len(columns)) if k not in varying]
        years = [k for k in fixed if _are_years(columns[k][:1])]
        if len(varying) == 1 and all(1 <= int(text) <= 12 for text in columns[varying[0]]):
            months = [int(text) for text in columns[varying[0]]]
            if len(years) != 1:
                return _climatology(files, months, [int(columns[k][0]) for k in years], request)
            return _line(files, [date_of(int(columns[years[0]][0]), month, 15) for month in months], request)
        dates = _dates(columns, varying, files)
        if dates is not None:
            return _line(files, dates, request)
    raise InputError(
        f"The {len(files)} files ({files[0].name}, {files[1].name} ...) do not say by the numbers in their "
        "names which month (01 to 12) or year they are of; give one file, or name them so."
    )


def _are_years(texts: Sequence[str]) -> bool:
    return all(len(text) == 4 and int(text) in YEARS for text in texts)


def _dates(
    columns: Sequence[Sequence[str]], varying: Sequence[int], files: Sequence[Path]
) -> list[Any] | None:
    """Dates of files that differ in year, year and month, or both in one number."""
    years = [k for k in varying if _are_years(columns[k])]
    months = [k for k in varying if all(len(text) <= 2 and 1 <= int(text) <= 12 for text in columns[k])]
    if len(varying) == 2 and len(years) == len(months) == 1:
        return [
            date_of(int(y), int(m), 15) for y, m in zip(columns[years[0]], columns[months[0]], strict=True)
        ]
    if len(varying) != 1:
        return None
    place = varying[0]
    if years:
        beside = [k for k in (place - 1, place + 1) if 0 <= k < len(columns)]
        month = next((columns[k][0] for k in beside if re.fullmatch(r"0[1-9]|1[0-2]", columns[k][0])), None)
        if month is not None:
            raise InputError(
                f"The {len(files)} files ({files[0].name} ...) are all of month {month} by their names; give "
                "all twelve months, or annual values."
            )
        return [date_of(int(text), 7, 1) for text in columns[place]]
    for pattern in (r"(\d{4})(\d\d)(\d\d)", r"(\d{4})(\d\d)()"):
        found = [re.fullmatch(pattern, text) for text in columns[place]]
        if all(m and int(m[1]) in YEARS and 1 <= int(m[2]) <= 12 and int(m[3] or 1) <= 31 for m in found):
            return [date_of(int(m[1]), int(m[2]), int(m[3] or 15)) for m in found if m]
    return None


def _line(files: Sequence[Path], dates: Sequence[Any], request: Request) -> Timeline:
    return timeline([Stamps(path, (date,)) for path, date in zip(files, dates, strict=True)], request)


def _climatology(
    files: Sequence[Path], months: Sequence[int], years: Sequence[int], request: Request
) -> Timeline:
    """Twelve files for the months of a mean year; names such as 1981-2010 say of which years."""
    of = (years[0], years[1]) if len(years) == 2 and years[0] < years[1] else None
    request.undated(f"{files[0].parent}", of)
    lack = sorted(set(range(1, 13)) - set(months))
    if lack or len(months) != 12:
        what = f"month {lack[0]:02d} is missing" if lack else "give each month once"
        raise InputError(
            f"{files[0].parent} has {len(months)} files such as {files[0].name} for the 12 months of a mean "
            f"year; {what}."
        )
    line = _mean_year(months, of)
    note = f"{files[0].name} and 11 more files are taken for the months of a mean year, by their names."
    return Timeline(line.kind, line.steps, line.period, (note,))
