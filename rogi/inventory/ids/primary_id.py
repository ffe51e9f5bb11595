"""Primary IDs of the RGIK: made from positions, parsed, checked and repaired, for arrays of any length.

An ID is a prefix and a position on WGS84, ``RGU384455N1092526W``: ``RGU`` (unit) or ``RGS`` (system),
six digits of latitude and its hemisphere, seven digits of longitude and its hemisphere, both in units
of 1e-4 degree (about 11 m in latitude), without sign, point or blank: 18 characters.

The position is that of the primary marker, *rounded* to 1e-4 degree, ties away from zero. (Of ten
markers of the Swiss inventory all equal the rounded, three the truncated position.)

Other forms met in inventories
------------------------------
* ``RGU465071N084471E``: six digits of longitude, 17 characters; the form of the whole Swiss inventory.
  Read as degrees with two digits.
* ``RGU76723E46181N``: longitude first. The hemisphere letters say which number is which.
* ``RGU38129N072149E``: three decimals (or two, five, six), both numbers with as many. Read so where the
  position agrees, or where several IDs are written like this and none in another way.
* ``46181N``: zeros lost, because the digits were made from a number. What was lost can be zeros in front
  (4.6181), at the end (46.1810), or both, so **the text alone is ambiguous**. Without a position the
  reading is: longitude has lost zeros in front only (``76723E`` is 7.6723); latitude likewise only when
  it starts with a zero or any other reading is out of range, else it has two digits of degrees
  (``46181N`` is 46.1810, ``4618N`` 46.1800), because hardly any rock glacier lies within 10 degrees of
  the equator. :func:`repair` lets a known position decide instead.
* lower case, blanks and separators, a decimal point, zeros too many: read without loss.

Sources: the data description of the La Sal inventory (format and example) and the primary markers of the
Swiss inventory, their IDs before and after repair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from rogi.errors import OptionError
from rogi.inventory.ids.readings import LATITUDE_DIGITS, LONGITUDE_DIGITS, IdForm, Reading, read_loosely
from rogi.longitudes import short_way

Floats = NDArray[np.float64]
Objects = NDArray[np.object_]

UNITS_PER_DEGREE = 10_000  # four decimals
LENGTH = 18
PREFIXES = ("RGU", "RGS")
PATTERN = r"^(RGU|RGS)(\d{6})([NS])(\d{7})([EW])$"

# 0.1 degree: readings of the same digits lie farther apart, and no unit is that large.
SAME_PLACE = 1_000
# IDs all written with as many decimals were not cut at random.
_SAME_WAY = 5


@dataclass(frozen=True, slots=True, eq=False)
class ParsedIds:
    """What (n,) texts say.

    Attributes
    ----------
    text
        The texts as given; None where missing or blank.
    form
        :class:`IdForm` of each.
    prefix
        ``"RGU"``, ``"RGS"`` or None.
    latitude, longitude
        Degrees, north and east positive; NaN where unparsable. May be out of range
        (``RGU995000N…`` is 99.5).
    canonical
        The 18-character form of what was read, None where unparsable.
    ambiguous
        Whether digits were lost so that the text has another reading within range, and no position decides
        (see `resolve`): then the numbers are a guess.
    precision
        Units of 1e-4 degree in the last digit given: 1, or 10 where there are three decimals.
    readings
        Row -> all readings, of texts that have several.
    """

    text: Objects
    form: Objects
    prefix: Objects
    latitude: Floats
    longitude: Floats
    canonical: Objects
    ambiguous: NDArray[np.bool_]
    precision: Floats
    readings: Mapping[int, tuple[Reading, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.text)

    @property
    def exact(self) -> NDArray[np.bool_]:
        """(n,) whether the text gives four decimals of both numbers and has one reading only."""
        out = self.parsed & (self.precision <= 1)
        out[list(self.readings)] = False
        return out

    @property
    def parsed(self) -> NDArray[np.bool_]:
        """(n,) whether a position could be read."""
        return ~np.isnan(self.latitude)

    @property
    def in_range(self) -> NDArray[np.bool_]:
        """(n,) whether latitude is within 90 and longitude within 180 degrees."""
        return (np.abs(self.latitude) <= 90.0) & (np.abs(self.longitude) <= 180.0)


def make(longitude: ArrayLike, latitude: ArrayLike, prefix: str | ArrayLike = "RGU") -> Objects:
    """Primary IDs of positions.

    Parameters
    ----------
    longitude, latitude : array_like, shape (n,)
        WGS84 degrees, east and north positive.
    prefix : str or array_like of str, shape (n,)
        ``"RGU"`` or ``"RGS"``.

    Returns
    -------
    ndarray of object, shape (n,)
        18-character IDs; None where a coordinate is not finite or out of range. What rounds to zero
        is written ``N`` and ``E``.

    Raises
    ------
    OptionError
        If a prefix is not one of the two.

    Examples
    --------
    >>> make([-109.2526, 97.2426], [38.4455, 28.15273])
    array(['RGU384455N1092526W', 'RGU281527N0972426E'], dtype=object)
    """
    lon, lat = np.broadcast_arrays(np.atleast_1d(_floats(longitude)), np.atleast_1d(_floats(latitude)))
    prefixes = _prefixes(prefix, len(lon))
    ok = (np.abs(lat) <= 90.0) & (np.abs(lon) <= 180.0)  # False for NaN
    out = filled(len(lon), None)
    out[ok] = _format(prefixes[ok], units(lat[ok]), units(lon[ok]))
    return out


def parse(text: ArrayLike) -> ParsedIds:
    """Read primary IDs in any of the forms the module describes.

    Parameters
    ----------
    text : array_like of str, shape (n,)
        None, NaN and blank text count as missing; numbers are read as their text.

    Returns
    -------
    ParsedIds

    Examples
    --------
    >>> ids = parse(["RGU384455N1092526W", "rgu384455n1092526w", "RGU76723E46181N", "unknown"])
    >>> [str(form) for form in ids.form]
    ['canonical', 'lower_case', 'swapped', 'unparsable']
    >>> ids.longitude
    array([-109.2526, -109.2526,    7.6723,       nan])
    """
    given, arrow, missing = _texts(text)
    n = len(given)
    form, prefix, canonical = filled(n, IdForm.UNPARSABLE), filled(n, None), filled(n, None)
    lat, lon = np.full(n, np.nan), np.full(n, np.nan)
    ambiguous, precision = np.zeros(n, dtype=bool), np.ones(n)
    readings: dict[int, tuple[Reading, ...]] = {}
    form[missing] = IdForm.MISSING
    rest = ~missing

    for kind, longitude_digits in (
        (IdForm.CANONICAL, LONGITUDE_DIGITS),
        (IdForm.SWISS17, LONGITUDE_DIGITS - 1),
    ):
        at, system, lat_units, lon_units = _read_fixed(arrow, longitude_digits)
        form[at] = kind
        prefix[at] = np.where(system, "RGS", "RGU").astype(object)
        lat[at], lon[at] = lat_units / UNITS_PER_DEGREE, lon_units / UNITS_PER_DEGREE
        canonical[at] = given[at] if kind is IdForm.CANONICAL else _format(prefix[at], lat_units, lon_units)
        rest[at] = False

    for i in np.flatnonzero(rest):  # the odd ones only
        found = read_loosely(given[i])
        if not found:
            continue
        best = found[0]
        form[i], prefix[i], canonical[i] = best.form, best.prefix, best.canonical
        lat[i], lon[i], precision[i] = best.latitude, best.longitude, best.precision
        ambiguous[i] = len(found) > 1
        if len(found) > 1:
            readings[int(i)] = found
    decimals = (form == IdForm.DECIMALS) & ambiguous
    if int(decimals.sum()) >= _SAME_WAY and not np.isin(form, [IdForm.LOST_ZEROS, IdForm.SWISS17]).any():
        ambiguous[decimals] = False
    return ParsedIds(given, form, prefix, lat + 0.0, lon + 0.0, canonical, ambiguous, precision, readings)


def resolve(ids: ParsedIds, longitude: ArrayLike, latitude: ArrayLike) -> ParsedIds:
    """IDs of which the text has several readings, read as the position says.

    Parameters
    ----------
    ids : ParsedIds
    longitude, latitude : array_like, shape (n,)
        WGS84 degrees of the units (markers, or points in outlines); NaN where unknown.

    Returns
    -------
    ParsedIds
        The nearest reading is taken where it lies within :data:`SAME_PLACE` of the position; such IDs are no
        longer ambiguous. All others are as before.

    Examples
    --------
    >>> ids = parse(["RGU38129N072149E"])
    >>> print(resolve(ids, [72.1488], [38.1291]).canonical[0])
    RGU381290N0721490E
    """
    if not ids.readings:
        return ids
    lon, lat = _floats(longitude), _floats(latitude)
    out = replace(
        ids,
        form=ids.form.copy(),
        latitude=ids.latitude.copy(),
        longitude=ids.longitude.copy(),
        canonical=ids.canonical.copy(),
        ambiguous=ids.ambiguous.copy(),
        precision=ids.precision.copy(),
    )
    for i, readings in ids.readings.items():
        away = [max(abs(r.latitude - lat[i]), abs(short_way(r.longitude - lon[i]))) for r in readings]
        k = int(np.argmin(away)) if np.isfinite(away).all() else -1
        if k < 0 or away[k] * UNITS_PER_DEGREE > SAME_PLACE:
            continue
        best = readings[k]
        out.form[i], out.canonical[i], out.precision[i] = best.form, best.canonical, best.precision
        out.latitude[i], out.longitude[i], out.ambiguous[i] = best.latitude, best.longitude, False
    return out


def units(degrees: ArrayLike) -> NDArray[np.int64]:
    """Degrees in the ID's own unit of 1e-4 degree, signed and rounded as IDs are.

    Parameters
    ----------
    degrees : array_like of float, finite

    Returns
    -------
    ndarray of int64
        Ties go away from zero; a tie is what is one in decimal digits.

    Examples
    --------
    >>> units([38.44555, -109.25255, 28.15273])
    array([  384456, -1092526,   281527])
    """
    given = _floats(degrees)
    magnitude = np.floor(np.round(np.abs(given) * UNITS_PER_DEGREE, 6) + 0.5)
    return np.copysign(magnitude, given).astype(np.int64)


def deviation(ids: ParsedIds, longitude: ArrayLike, latitude: ArrayLike) -> Floats:
    """Distance of IDs from positions in the ID's own unit of 1e-4 degree.

    Parameters
    ----------
    ids : ParsedIds
        n IDs.
    longitude, latitude : array_like, shape (n,)
        WGS84 degrees.

    Returns
    -------
    ndarray of float64, shape (n,)
        The larger of the differences in latitude and in longitude (the short way round), in units of
        1e-4 degree, less what fewer decimals explain: up to 0.5 where the ID is that of the position, NaN
        where either is unknown.
    """
    dlat = np.abs(ids.latitude - _floats(latitude))
    dlon = np.abs(short_way(ids.longitude - _floats(longitude)))
    explained = np.maximum(ids.precision - 1.0, 0.0) / 2.0
    return np.asarray(np.round(np.maximum(np.maximum(dlat, dlon) * UNITS_PER_DEGREE - explained, 0.0), 6))


# ---- arrays


def _texts(text: ArrayLike) -> tuple[Objects, Any, NDArray[np.bool_]]:
    """(n,) str or None, the same for arrow, and where there is none; what is not text becomes it."""
    import pandas as pd

    given = np.array(text, dtype=object, ndmin=1)
    missing = np.asarray(pd.isna(given), dtype=bool)
    given[missing] = None
    try:
        arrow = pa.array(given, type=pa.large_string())
    except (pa.ArrowException, UnicodeEncodeError, TypeError):
        for i in np.flatnonzero(~missing):
            # lone surrogates stand for bytes that could not be decoded; they cannot be passed on
            given[i] = str(given[i]).encode("utf-8", "replace").decode("utf-8")
        arrow = pa.array(given, type=pa.large_string())
    blank = pc.equal(pc.binary_length(pc.utf8_trim_whitespace(arrow)), 0)
    missing |= pc.fill_null(blank, False).to_numpy(zero_copy_only=False)
    given[missing] = None
    return given, arrow, missing


def _read_fixed(
    arrow: Any, longitude_digits: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]:
    """Rows that have exactly the canonical pattern with so many digits; system?; signed units of both."""
    last = 10 + longitude_digits
    length = last + 1
    at = np.flatnonzero(pc.fill_null(pc.binary_length(arrow), 0).to_numpy() == length)
    _, offsets, data = arrow.take(at).buffers()
    first = np.frombuffer(offsets, dtype=np.int64)[0] if len(at) else 0
    raw = np.frombuffer(data or b"", dtype=np.uint8)[first : first + length * len(at)].reshape(-1, length)
    digits = raw - np.uint8(ord("0"))  # 8 bits: what is below "0" wraps round to a large number
    latitude, longitude = digits[:, 3:9], digits[:, 10:last]
    good = (
        (raw[:, 0] == ord("R"))
        & (raw[:, 1] == ord("G"))
        & np.isin(raw[:, 2], [ord("U"), ord("S")])
        & (latitude <= 9).all(axis=1)
        & np.isin(raw[:, 9], [ord("N"), ord("S")])
        & (longitude <= 9).all(axis=1)
        & np.isin(raw[:, last], [ord("E"), ord("W")])
    )
    raw, latitude, longitude = raw[good], latitude[good], longitude[good]
    lat_units = latitude @ 10 ** np.arange(LATITUDE_DIGITS - 1, -1, -1)
    lon_units = longitude @ 10 ** np.arange(longitude_digits - 1, -1, -1)
    return (
        at[good],
        raw[:, 2] == ord("S"),
        np.where(raw[:, 9] == ord("S"), -lat_units, lat_units),
        np.where(raw[:, last] == ord("W"), -lon_units, lon_units),
    )


def _missing(values: Objects) -> NDArray[np.bool_]:
    import pandas as pd

    return np.asarray(pd.isna(values), dtype=bool)


def filled(n: int, value: object) -> Objects:
    """np.full would turn a member of a string enum into its text."""
    out = np.empty(n, dtype=object)
    out.fill(value)
    return out


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _prefixes(prefix: str | ArrayLike, n: int) -> Objects:
    out = np.empty(n, dtype=object)
    out[:] = np.asarray(prefix, dtype=object)
    bad = sorted({str(p) for p in out if p not in PREFIXES})
    if bad:
        raise OptionError(
            f"{bad[0]!r} is not a prefix of a primary ID; use RGU for a unit or RGS for a system."
        )
    return out


def _format(prefix: Objects, lat_units: NDArray[np.int64], lon_units: NDArray[np.int64]) -> Objects:
    """Canonical texts; units signed."""
    raw = np.empty((len(prefix), LENGTH), dtype=np.uint8)
    raw[:, 0], raw[:, 1] = ord("R"), ord("G")
    raw[:, 2] = np.where(prefix == "RGU", ord("U"), ord("S"))
    raw[:, 9] = np.where(lat_units < 0, ord("S"), ord("N"))
    raw[:, 17] = np.where(lon_units < 0, ord("W"), ord("E"))
    for units, first, digits in ((lat_units, 3, LATITUDE_DIGITS), (lon_units, 10, LONGITUDE_DIGITS)):
        rest = np.abs(units)
        for column in range(first + digits - 1, first - 1, -1):
            rest, digit = np.divmod(rest, 10)
            raw[:, column] = digit + ord("0")
    return raw.view(f"S{LENGTH}").ravel().astype(f"U{LENGTH}").astype(object)
