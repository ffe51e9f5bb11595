"""When an image was taken: from its catalogue, its tags or its name."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rogi.raster.header import Header

_DAY = r"(?P<year>(?:19|20)\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>0[1-9]|[12]\d|3[01])"
NAMES: Final = (
    re.compile(rf"(?:^|_){_DAY}T\d{{6}}(?:_|$)"),  # Sentinel-2: T45RVM_20210815T045701_TCI_10m
    re.compile(rf"^{_DAY}_\d{{6}}_"),  # PlanetScope: 20210815_043012_15_2416_3B_AnalyticMS
    re.compile(rf"^S2[ABC]_[0-9A-Z]+_{_DAY}_"),  # Sentinel-2 of Earth Search: S2A_45RVM_20210815_0_L2A
    re.compile(rf"^L[COTEM]0\d_\w{{4}}_\d{{6}}_{_DAY}_"),  # Landsat: LC08_L2SP_140041_20210815_20210826_02_T1
    re.compile(
        r"(?:^|_)(?P<year>20\d\d)[_-](?P<month>0[1-9]|1[0-2])_mosaic"
    ),  # Planet: global_monthly_2021_08_mosaic
    re.compile(
        r"^HLS\.[LS]30\.T\w{5}\.(?P<year>20\d\d)(?P<of_year>\d{3})T"
    ),  # HLS: HLS.S30.T45RVM.2021227T045701
)
"""How products write the time of acquisition into names of files."""


def iso_date(text: str) -> str:
    """The day of a time as of STAC or TIFF, ISO 8601; in UTC where it has an offset; nothing without a day.

    Examples
    --------
    >>> iso_date("2021-08-15T04:57:01.024Z"), iso_date("2021:08:15 04:57:01"), iso_date("0000:00:00")
    ('2021-08-15', '2021-08-15', '')
    >>> iso_date("2021-08-15T23:30:00-05:00"), iso_date("2021-08-15T02:00:00+08:00")
    ('2021-08-16', '2021-08-14')
    """
    with contextlib.suppress(ValueError, OverflowError):
        moment = dt.datetime.fromisoformat(text.strip())
        if moment.tzinfo is not None:
            return moment.astimezone(dt.UTC).date().isoformat()
    match = re.match(r"(\d{4})[-:/](\d\d)[-:/](\d\d)(?!\d)", text.strip())
    return "" if match is None else _checked(*map(int, match.groups()))


def named_date(stem: str) -> str:
    """The day, or month, of acquisition that the name of a product states; nothing where there is none.

    Examples
    --------
    >>> named_date("T45RVM_20210815T045701_TCI_10m"), named_date("20210815_043012_15_2416_3B_AnalyticMS_SR")
    ('2021-08-15', '2021-08-15')
    >>> named_date("global_monthly_2021_08_mosaic_L15"), named_date("mosaic_20211332")
    ('2021-08', '')
    >>> named_date("HLS.S30.T45RVM.2021227T045701.v2.0.B04")
    '2021-08-15'
    """
    for pattern in NAMES:
        match = pattern.search(stem)
        if match is not None:
            parts = match.groupdict()
            if "of_year" in parts:
                return (
                    dt.date(int(parts["year"]), 1, 1) + dt.timedelta(int(parts["of_year"]) - 1)
                ).isoformat()
            if "day" not in parts:
                return f"{parts['year']}-{parts['month']}"
            return _checked(int(parts["year"]), int(parts["month"]), int(parts["day"]))
    return ""


def image_date(header: Header) -> tuple[str, str]:
    """The date of an image by its tag TIFFTAG_DATETIME, else by its name; and a note where the two differ."""
    tagged, named = iso_date(header.made), named_date(header.path.stem)
    if tagged and named and not tagged.startswith(named):
        where = f"{tagged} in TIFFTAG_DATETIME and {named} in its name"
        return tagged, f"{header.path} has the date {where}; {tagged} is taken."
    return tagged or named, ""


def _checked(year: int, month: int, day: int) -> str:
    try:
        return dt.date(year, month, day).isoformat()
    except ValueError:
        return ""
