"""What the numbers of a field are over time: means or sums, and of what (CF `cell_methods`, GRIB, ECMWF)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rogi.errors import InputError
from rogi.raster.climate.options import Request
from rogi.raster.climate.units import Conversion, Per, Quantity

METHOD = re.compile(
    r"((?:\w+\s*:\s*)+)(\w+)((?:\s+(?:within|over)\s+\w+)?)[^(:]*?(\([^)]*\))?(?=\s+\w+\s*:|\s*$)"
)
TIME_NAMES = {"time", "t", "valid_time", "month", "year", "date", "xtime"}

SPANS = {"hour": Per.HOUR, "day": Per.DAY, "month": Per.MONTH, "year": Per.YEAR}

EXTREMES = {"maximum": "maxima", "minimum": "minima", "max": "maxima", "min": "minima"}
NAMED_EXTREMES = {
    "minima": re.compile(r"(?<![a-z])(?:tmin|tasmin|tmn|tmmn|mn2t|minimum)(?![a-z])", re.IGNORECASE),
    "maxima": re.compile(r"(?<![a-z])(?:tmax|tasmax|tmx|tmmx|mx2t|maximum)(?![a-z])", re.IGNORECASE),
}
"""What WorldClim, CHELSA, CMIP, CRU, TerraClimate and ECMWF call temperatures that are no means."""

ANOMALIES = re.compile(r"(?<![a-z])anom(?:al(?:y|ies))?(?![a-z])", re.IGNORECASE)

NO_MEANS = {"sum", "variance", "standard_deviation", "range", "std", "var"}


@dataclass(frozen=True)
class Method:
    """A statistic over time: `name` (mean, sum), within which span or over some, of values how far apart."""

    name: str
    within: Per | None = None
    over: bool = False
    interval: Per | None = None


def time_methods(text: str) -> tuple[Method, ...]:
    """The statistics over time in a `cell_methods` attribute, in the order in which they were taken.

    Examples
    --------
    >>> [m.name for m in time_methods("area: mean time: sum within days time: mean over days")]
    ['sum', 'mean']
    """
    found = []
    for names, method, span, comment in METHOD.findall(text):
        if not TIME_NAMES.isdisjoint(re.split(r"\s*:\s*", names.casefold())):
            words = span.split()
            distance = re.search(r"interval:\s*(?:1\s+)?([a-z]+)", comment or "")
            found.append(
                Method(
                    method.casefold(),
                    SPANS.get(words[1].rstrip("s")) if words[:1] == ["within"] else None,
                    words[:1] == ["over"],
                    SPANS.get(distance[1].rstrip("s")) if distance else None,
                )
            )
    return tuple(found)


def refuse_anomalies(named: str, where: str) -> None:
    """Refuse differences to a mean, which are small numbers in the same unit.

    Raises
    ------
    InputError
        The name says so.
    """
    if ANOMALIES.search(named):
        raise InputError(f"{where} contains anomalies by its name; give the values themselves.")


def temperature_notes(text: str, named: str, where: str) -> tuple[str, ...]:
    """What is worth telling about the means of a temperature, by its `cell_methods` and its name.

    Raises
    ------
    InputError
        They are none: sums, variances.
    """
    names = [method.name for method in time_methods(text)]
    if wrong := NO_MEANS.intersection(names):
        raise InputError(
            f"{where} contains no means, its cell_methods say {wrong.pop()!r}; give a mean temperature."
        )
    if extremes := [EXTREMES[name] for name in names if name in EXTREMES]:
        return (f"{where} contains {extremes[0]} by its cell_methods, not mean temperatures.",)
    found = [kind for kind, pattern in NAMED_EXTREMES.items() if pattern.search(named)]
    return (f"{where} contains {found[0]} by its name, not mean temperatures.",) if len(found) == 1 else ()


def amounts(
    conversion: Conversion,
    attributes: Mapping[Any, Any],
    of_dataset: Mapping[Any, Any],
    step: Per | None,
    where: str,
    request: Request,
) -> tuple[Conversion, tuple[str, ...]]:
    """What amounts of precipitation refer to, by all that a file says.

    The unit that was given counts first, then `cell_methods`, then GRIB's kind of step, then that ECMWF made
    the file, then the unit of the file alone.

    Parameters
    ----------
    conversion : Conversion
        By the unit alone.
    attributes, of_dataset : mapping
        Of the variable, and of the file.
    step : Per, optional
        Length of the steps of the data; `Per.STEP` where several years, None without a time axis.
    where : str
        Variable and file, for messages.
    request : Request

    Raises
    ------
    InputError
        It is not said.
    """
    text = str(attributes.get("cell_methods", ""))
    methods = time_methods(text) if request.options.unit is None else ()
    last = methods[-1] if methods else None
    metres = conversion.factor == 1000.0 and conversion.per is Per.STEP
    if conversion.per is not Per.STEP:
        if last is None or last.name != "sum" or last.within or conversion.per in (Per.MONTH, Per.YEAR):
            return conversion, ()
        if conversion.per is Per.SECOND:
            raise _unsaid(f"{where} contains sums of rates by its cell_methods {text!r}", request)
        note = f"{where} contains sums by its cell_methods {text!r}: read per step, not per {conversion.per}."
        return replace(conversion, per=Per.STEP), (note,)
    sums = [method for method in methods if method.name == "sum"]
    if last is not None and last.name == "sum":
        if step is Per.STEP or (last.over and methods[0].within is Per.YEAR):
            raise _unsaid(f"{where} contains sums over several years by its cell_methods {text!r}", request)
        return conversion, ()
    if sums:
        within = sums[-1].within or sums[-1].interval
        if within is Per.YEAR:  # of a month or a year, the mean of some years
            return conversion, ()
        if within is None:
            raise _unsaid(f"{where} contains means of sums by its cell_methods {text!r}", request)
        return replace(conversion, per=within), ()
    if last is not None and last.name == "mean" and last.interval is not None:
        return replace(conversion, per=last.interval), ()
    if request.options.unit is None and (by := _daily_means(attributes, of_dataset, metres)):
        if step is Per.MONTH:
            note = f"{where} is {by}, where monthly means are means of daily sums: read as amounts per day."
            return replace(conversion, per=Per.DAY), (note,)
        if step is not Per.DAY and (step is not Per.YEAR or last is None):
            raise _unsaid(f"{where} is {by} and an amount per hour, day or year", request)
    if last is not None and last.name == "mean":
        raise _unsaid(f"{where} contains means of amounts by its cell_methods {text!r}", request)
    if metres and step is Per.MONTH:
        raise _unsaid(f"{where} is in m", request)
    return conversion, ()


def _unsaid(found: str, request: Request) -> InputError:
    return InputError(
        f"{found}, without saying per day or per month; say so with {request.option('unit')}, for example "
        "m/day, mm/day, mm/month or mm/year."
    )


def _daily_means(attributes: Mapping[Any, Any], of_dataset: Mapping[Any, Any], metres: bool) -> str:
    """Why amounts are means of daily sums, if so."""
    step_type = str(attributes.get("GRIB_stepType", "")).casefold()
    if step_type.startswith("avg"):
        return f"of GRIB's step type {step_type}"
    if str(attributes.get("GRIB_dataType", of_dataset.get("stream", ""))).casefold() in ("moda", "mnth"):
        return "of ECMWF's monthly means"
    history = " ".join(str(v) for v in (*of_dataset.values(), *attributes)).casefold()
    return "in m and from ECMWF" if metres and ("ecmwf" in history or "grib" in history) else ""


def annual_rate(conversion: Conversion, request: Request, where: str) -> Conversion:
    """The conversion of data without a time axis.

    Raises
    ------
    InputError
        They are amounts of a month, and it is not known which.
    """
    if request.quantity is Quantity.PRECIPITATION and conversion.per is Per.MONTH:
        raise InputError(
            f"{where} is an amount per month without months; give a monthly series or its annual sum, or "
            f"name the unit with {request.option('unit')}, for example mm/year."
        )
    return conversion
