"""What callers give, as the functions behind take it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rogi.api.inventories import path_or_table
from rogi.detection.imagery.channels import Imagery
from rogi.errors import OptionError
from rogi.raster.bands import parse_choice
from rogi.suggestions import did_you_mean

if TYPE_CHECKING:
    from typing import TypeAlias

    import geopandas as gpd

    from rogi.api.inventories import Polygons

    Texts: TypeAlias = str | PathLike[str] | Sequence[str | PathLike[str]]


def open_imagery(
    source: Any,
    bands: str | Sequence[int | str] | None,
    channels: Mapping[str, str | PathLike[str]] | None,
    nodata: float | Sequence[float],
    mask: Texts,
    **more: Any,
) -> Imagery:
    """Imagery by the arguments of :func:`rogi.predict` and :func:`rogi.cut_patches`; see `Imagery.open`."""
    return Imagery.open(
        source,
        bands=parse_choice(bands) if bands is None or isinstance(bands, str) else tuple(bands),
        channels={name: Path(path) for name, path in (channels or {}).items()},
        nodata=_numbers(nodata),
        masks=as_texts(mask),
        **more,
    )


def _numbers(nodata: Any) -> tuple[float, ...]:
    """Numbers that are void: one, several, or None for none."""
    given = (nodata,) if isinstance(nodata, str) or not isinstance(nodata, Iterable) else nodata
    try:
        return tuple(float(number) for number in given if number is not None)
    except (TypeError, ValueError):
        raise OptionError(
            f"nodata is a number such as 0, or several such as [0, 255], found {nodata!r}."
        ) from None


def as_settings(kind: Any, given: Mapping[str, Any]) -> Any:
    """A record of settings; unknown names are refused with what there is.

    Raises
    ------
    OptionError
        An unknown name, or a value that is not allowed.
    """
    known = [one.name for one in fields(kind)]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise OptionError(
            f"There is no setting {unknown[0]!r}; there are {', '.join(known)}"
            f"{did_you_mean(unknown[0], known) or '.'}"
        )
    chosen = dict(given)
    for one in fields(kind):
        if isinstance(one.default, StrEnum) and one.name in given:
            choices = type(one.default)
            if given[one.name] not in list(choices):
                shown = " or ".join(choices)
                raise OptionError(f"The {one.name} is {shown}, found {given[one.name]!r}.")
            chosen[one.name] = choices(given[one.name])
        elif isinstance(one.default, float) and type(given.get(one.name)) is int:
            chosen[one.name] = float(given[one.name])  # 3 and 3.0 are written alike
    return kind(**chosen)


def as_path(given: str | PathLike[str] | None) -> Path | None:
    """A path, where one is given."""
    return None if given is None else Path(given)


def as_texts(given: str | PathLike[str] | Sequence[str | PathLike[str]]) -> tuple[str, ...]:
    """One or several paths or texts, as texts."""
    return (str(given),) if isinstance(given, str | PathLike) else tuple(map(str, given))


def as_table(given: Polygons | None) -> str | gpd.GeoDataFrame | None:
    """Polygons as a path in text, or as the table that they are."""
    return None if given is None else path_or_table(given)


def as_polygons(given: Polygons | None) -> Path | gpd.GeoDataFrame | None:
    """As `as_table`, with a path as a path."""
    found = as_table(given)
    return Path(found) if isinstance(found, str) else found


def as_date(text: str | None) -> str | None:
    """A day in ISO 8601.

    Raises
    ------
    OptionError
        Not a date.
    """
    if text is not None:
        try:
            dt.date.fromisoformat(text)
        except ValueError:
            raise OptionError(f"The date is one such as 2026-01-31, found {text!r}.") from None
    return text
