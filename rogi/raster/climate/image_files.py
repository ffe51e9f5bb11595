"""Which files and bands make one climate field, and of which months and years they are: by their names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rogi.errors import InputError, OptionError
from rogi.raster.climate.options import Request
from rogi.raster.climate.stamps import Stamps, date_of
from rogi.raster.climate.steps import MONTH_DAYS, Kind, Step, Timeline, timeline
from rogi.raster.composed import sources_of
from rogi.raster.files import RasterFile, open_raster
from rogi.raster.header import Header

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = re.compile(rf"(?<![a-z])({'|'.join(MONTHS)})[a-z]*(?![a-z])", re.IGNORECASE)

BIOCLIMATIC = re.compile(r"(?<![a-z])bio_?(\d{1,2})(?!\d)", re.IGNORECASE)
"""Variables of WorldClim and CHELSA that are numbered as months are."""

ONE_MONTH = re.compile(
    r"wc2\.\d_.*_(?:tavg|tmin|tmax|prec)_(0[1-9]|1[0-2])(?!\d)"
    r"|chelsa_(?:.*_)?(?:tas|tasmin|tasmax|pr|prec|temp10|tmean10)_(0[1-9]|1[0-2])(?!\d)"
    r"|3b-mo.*\.\d{4}(0[1-9]|1[0-2])\d\d-",
    re.IGNORECASE,
)
"""Names of files of WorldClim, CHELSA and IMERG that have a file for each month."""

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
    """Bands of one file: the one that was named, the only one, twelve months, or those of a series."""
    raster = open_raster(path, crs=request.options.crs)
    count, wanted = _bands_of(raster.header), None if named else request.options.variable
    texts = _texts(raster.header, count)
    if wanted is None and count > 1:
        line = _line_of_bands(path, texts, request)
        if line is not None:
            rasters = [open_raster(path, band=band, crs=request.options.crs) for band in range(1, count + 1)]
            return rasters, line, f"bands 1-{count}", line.notes
    listed = f" ({', '.join(text for text in texts if text)})" if any(texts) else ""
    request.undated(str(path))
    if count == 1 and (match := ONE_MONTH.match(path.name)):
        raise InputError(
            f"{path} is of month {match[match.lastindex or 0]} alone by its name; give the folder of all "
            "twelve months, or an annual value."
        )
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


def _texts(header: Header, count: int) -> tuple[str, ...]:
    """Descriptions of bands; of a VRT without any (`gdalbuildvrt -separate`) the names of their files."""
    if any(header.names) or not header.composed:
        return header.names[:count]
    files = [{source.path.stem for source in sources_of(header.path, (band + 1,))} for band in range(count)]
    return tuple(stems.pop().casefold() if len(stems) == 1 else "" for stems in files)


def _line_of_bands(path: Path, texts: Sequence[str], request: Request) -> Timeline | None:
    """When bands are from by their descriptions; twelve that do not say so are the months of a mean year."""
    when = _when(texts, f"The {len(texts)} bands of {path}", request)
    if when.dates:
        return _line([path] * len(texts), when.dates, request)
    if len(texts) != 12:
        return None
    request.undated(str(path))
    named = [MONTHS.index(match[1].casefold()) + 1 for text in texts if (match := MONTH.search(text))]
    every = list(range(1, 13))
    order = next((months for months in (named, when.months) if sorted(months) == every), every)
    note = f"The twelve bands of {path} are taken for the months of a mean year."
    return replace(_mean_year(order, None), notes=(note,))


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
        kinds.setdefault(re.sub(r"\d+", "#", _numbered(path.stem)), path)
    if len(kinds) > 1:
        some = ", ".join(path.name for path in list(kinds.values())[:4])
        raise OptionError(
            f"The {len(files)} files are of {len(kinds)} kinds ({some}); choose one by a part of its name "
            f"with {request.option('variable')}, for example tavg or prec."
        )
    return files, ()


def _numbered(name: str) -> str:
    """A name with names of months as numbers."""
    return MONTH.sub(lambda match: f"{MONTHS.index(match[1].casefold()) + 1:02d}", name)


def _dated(files: Sequence[Path], request: Request) -> Timeline:
    """When files are from, by the numbers that differ in their names."""
    where = f"The {len(files)} files ({files[0].name} ...)"
    when = _when([path.stem for path in files], where, request)
    if when.months:
        return _climatology(files, when, request)
    if when.dates:
        return _line(files, when.dates, request)
    raise InputError(
        f"The {len(files)} files ({files[0].name}, {files[1].name} ...) do not say by the numbers in their "
        "names which month (01 to 12) or year they are of; give one file, or name them so."
    )


@dataclass(frozen=True)
class _When:
    """What names say: months of a mean year (and numbers that are years), or dates, or nothing."""

    months: Sequence[int] = ()
    years: Sequence[int] = ()
    dates: Sequence[Any] = ()


def _when(names: Sequence[str], where: str, request: Request) -> _When:
    """What names of files or bands say by the numbers that differ."""
    numbers = [BIOCLIMATIC.search(name) for name in names]
    if all(numbers) and len({match[1] for match in numbers if match}) > 1:
        first = "bio_12, annual precipitation" if request.name == "ap" else "bio_1, annual mean temperature"
        raise OptionError(
            f"{where} are bioclimatic variables by their names, not months; choose one with "
            f"{request.option('variable')} as it is named, for example {first}."
        )
    texts = [re.findall(r"\d+", _numbered(name)) for name in names]
    if len({len(row) for row in texts}) > 1:
        return _When()
    columns = [[row[k] for row in texts] for k in range(len(texts[0]))]
    varying = [k for k, column in enumerate(columns) if len(set(column)) > 1]
    years = [int(column[0]) for column in columns if len(set(column)) == 1 and _are_years(column[:1])]
    if len(varying) == 1 and all(1 <= int(text) <= 12 for text in columns[varying[0]]):
        months = [int(text) for text in columns[varying[0]]]
        if len(years) != 1:
            return _When(months=months, years=years)
        return _When(dates=[date_of(years[0], month, 15) for month in months])
    return _When(dates=_dates(columns, varying, where))


def _are_years(texts: Sequence[str]) -> bool:
    return all(len(text) == 4 and int(text) in YEARS for text in texts)


def _dates(columns: Sequence[Sequence[str]], varying: Sequence[int], where: str) -> list[Any]:
    """Dates of names that differ in year, year and month, or both in one number; none of others."""
    years = [k for k in varying if _are_years(columns[k])]
    months = [k for k in varying if all(len(text) <= 2 and 1 <= int(text) <= 12 for text in columns[k])]
    if len(varying) == 2 and len(years) == len(months) == 1:
        return [
            date_of(int(y), int(m), 15) for y, m in zip(columns[years[0]], columns[months[0]], strict=True)
        ]
    whole = {k: dates for k in varying if (dates := _written(columns[k]))}
    if whole:  # besides it, IMERG states the month, others the last day
        first, *others = whole.values()
        own = [(date.year, date.month) for date in first]
        same = all([(date.year, date.month) for date in dates] == own for dates in others)
        rest = (columns[k] for k in varying if k not in whole)
        same &= all([int(text) for text in column] == [month for _, month in own] for column in rest)
        return first if same else []
    if len(varying) != 1 or not years:
        return []
    place = varying[0]
    beside = [k for k in (place - 1, place + 1) if 0 <= k < len(columns)]
    month = next((columns[k][0] for k in beside if re.fullmatch(r"0[1-9]|1[0-2]", columns[k][0])), None)
    if month is not None:
        raise InputError(
            f"{where} are all of month {month} by their names; give all twelve months, or annual values."
        )
    return [date_of(int(text), 7, 1) for text in columns[place]]


def _written(texts: Sequence[str]) -> list[Any]:
    """Dates of year, month and maybe day in one number; none if one is not such."""
    for pattern in (r"(\d{4})(\d\d)(\d\d)", r"(\d{4})(\d\d)()"):
        found = [re.fullmatch(pattern, text) for text in texts]
        if all(m and int(m[1]) in YEARS and 1 <= int(m[2]) <= 12 and int(m[3] or 1) <= 31 for m in found):
            return [date_of(int(m[1]), int(m[2]), int(m[3] or 15)) for m in found if m]
    return []


def _line(files: Sequence[Path], dates: Sequence[Any], request: Request) -> Timeline:
    return timeline([Stamps(path, (date,)) for path, date in zip(files, dates, strict=True)], request)


def _climatology(files: Sequence[Path], when: _When, request: Request) -> Timeline:
    """Twelve files for the months of a mean year; names such as 1981-2010 say of which years."""
    years, months = when.years, when.months
    of = (years[0], years[1]) if len(years) == 2 and years[0] < years[1] else None
    request.undated(f"{files[0].parent}", of)
    lack = sorted(set(range(1, 13)) - set(months))
    if lack or len(months) != 12:
        what = f"month {lack[0]:02d} is missing" if lack else "give each month once"
        raise InputError(
            f"{files[0].parent} has {len(months)} files such as {files[0].name} for the 12 months of a mean "
            f"year; {what}."
        )
    note = f"{files[0].name} and 11 more files are taken for the months of a mean year, by their names."
    return replace(_mean_year(months, of), notes=(note,))
