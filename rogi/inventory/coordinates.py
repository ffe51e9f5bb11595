"""The state of a layer's coordinates: sound, infinite, off the Earth, swapped, or not those of their CRS.

Rules SCH006, SCH007 and GEO019 report what is found here; all other commands leave such features out, and
fixes stand back from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.geometry import places_on_earth
from rogi.inventory.crs import (
    axis_unit,
    degrees_per_unit,
    from_degrees,
    horizontal,
    is_transverse_mercator,
    label,
    outside_area_of_use,
    to_degrees,
)
from rogi.inventory.ids.primary_id import parse
from rogi.inventory.ids.unit_positions import Place, finite_coordinates, positions, resolved
from rogi.inventory.model import Layer
from rogi.inventory.values.columns import column_values, numbers, texts
from rogi.longitudes import short_way
from rogi.text import counted

if TYPE_CHECKING:
    import pyproj

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Objects = NDArray[np.object_]
# What else is said of the place of features: a name, longitude and latitude in degrees.
Witness = tuple[str, Floats, Floats]

EPSILON = 1e-9  # degrees beyond a limit that are rounding: 0.1 mm
# Degrees; longitudes may go on across the antimeridian, and rounding may pass a pole.
MAXIMUM_LONGITUDE, MAXIMUM_LATITUDE = 540.0, 90.0 + EPSILON
# Metres by which coordinates may miss themselves after a way to longitude and latitude and back.
ROUND_TRIP = 1.0
# Degrees of arc from its area up to which a transverse Mercator grid is believed without a witness: whole
# mountain ranges are mapped in one UTM zone, and the projection is exact to millimetres there.
WIDE_MARGIN = 40.0
LABELS_SHOWN = 5
# Metres: no unit is that long, and the corners of a smaller box are no farther off than its middle.
_LONG = 200_000.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Parameters of SCH006 and SCH007, degrees; see ``schemas/rules.yaml``."""

    margin: float = 10.0
    tolerance: float = 0.1
    away: float = 2.0
    near: float = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """What is known of the coordinates of n features.

    Attributes
    ----------
    usable
        (n,) there is a geometry, it is not empty, and all coordinates are finite.
    infinite
        (n,) a coordinate is infinite or not a number.
    out_of_range
        (n,) the CRS cannot have such coordinates (SCH006).
    off_earth
        (n,) there is no place on the Earth for them: ``out_of_range``, but for longitudes beyond 180 degrees
        that only need to be wrapped.
    swapped
        (n,) they make sense only when exchanged (SCH007).
    out_of_range_words, swapped_words
        (n,) what is wrong, for people; blank where nothing is.
    crs
        The CRS; None if missing.
    placed
        Whether the CRS has longitude and latitude.
    """

    usable: Mask
    infinite: Mask
    out_of_range: Mask
    off_earth: Mask
    swapped: Mask
    crs: pyproj.CRS | None = None
    placed: bool = False
    out_of_range_words: Objects = field(default_factory=lambda: np.zeros(0, object))
    swapped_words: Objects = field(default_factory=lambda: np.zeros(0, object))

    @property
    def sound(self) -> Mask:
        """(n,) features whose place, area and length mean something."""
        return self.usable & ~self.off_earth & ~self.swapped & self.placed

    @property
    def faulty(self) -> Mask:
        """(n,) features of which SCH006, SCH007 or GEO019 report the coordinates."""
        return self.infinite | self.out_of_range | self.swapped

    def notes(
        self,
        labels: Callable[[], Objects],
        noun: str,
        fate: str = "not used",
        rows: NDArray[np.int64] | slice = slice(None),
    ) -> list[str]:
        """What is not sound, counted and named, one note for each reason.

        Parameters
        ----------
        labels
            Gives (n,) names of the features; called where some are to be named.
        noun
            What a feature is called.
        fate
            What becomes of it.
        rows
            Features that are spoken of; by default all.
        """
        if not self.placed and self.crs is not None and self.usable[rows].any():
            return [f"the CRS {label(self.crs)} has no longitude and latitude (SCH021): all features {fate}"]
        out = []
        for mask, why in (
            (self.infinite, "coordinates that are not finite (GEO019)"),
            (self.usable & self.off_earth & ~self.swapped, "impossible coordinates (SCH006)"),
            (self.usable & self.swapped, "swapped coordinates (SCH007)"),
        ):
            count = int(mask[rows].sum())
            if count:
                shown = ", ".join(str(name) for name in labels()[rows][mask[rows]][:LABELS_SHOWN])
                more = ", …" if count > LABELS_SHOWN else ""
                out.append(f"{counted(count, noun)} with {why} {fate}: {shown}{more}")
        return out


def coordinates(
    layer: Layer,
    *,
    witnesses: Iterable[Witness] | None = None,
    limits: Limits | None = None,
    finite: Mask | None = None,
    bounds: Floats | None = None,
) -> Coordinates:
    """The state of a layer's coordinates.

    Parameters
    ----------
    layer
        Geometries are looked at in its own CRS.
    witnesses
        Positions by ID and columns, where they are known already; by default those of `witnesses_of`.
    limits
        By default those of the packaged rules.
    finite, bounds
        (n,) `finite_coordinates` and (n, 4) bounds in the layer's CRS, where they are known already.

    Returns
    -------
    Coordinates
    """
    geometry = layer.geometry
    there = ~(shapely.is_missing(geometry) | shapely.is_empty(geometry))
    # bounds skip what is not a number
    finite = finite_coordinates(geometry) if finite is None else finite
    usable = there & finite
    none = np.zeros(len(geometry), dtype=bool)
    crs = layer.crs
    words, more_words = (np.full(len(geometry), "", dtype=object) for _ in range(2))
    if crs is None or not places_on_earth(crs) or not usable.any():
        placed = crs is not None and places_on_earth(crs)
        return Coordinates(usable, there & ~finite, none, none, none, crs, placed, words, words)
    flat, limits = horizontal(crs), limits or Limits()
    at = np.flatnonzero(usable)
    bounds = (shapely.bounds(geometry) if bounds is None else bounds)[at]
    said = list(witnesses_of(layer) if witnesses is None else witnesses)
    said = [(name, lon[at], lat[at]) for name, lon, lat in said]
    out, off, swapped = none.copy(), none.copy(), none.copy()
    if flat.is_geographic:
        wrong, no_place, messages = _geographic(flat, bounds)
    else:
        wrong, no_place, messages = _projected(flat, bounds, said, limits)
    out[at[wrong]] = True
    off[at[no_place]] = True
    words[at[wrong]] = messages
    rows, messages = _swapped(flat, bounds, said, limits)
    swapped[at[rows]] = True
    more_words[at[rows]] = messages
    return Coordinates(usable, there & ~finite, out, off, swapped, crs, True, words, more_words)


def labels_of(layer: Layer) -> Objects:
    """(n,) the primary ID of each feature, else another identifier, else its row."""
    out = np.array([f"row {row}" for row in layer.rows], dtype=object)
    for concept in ("working_id", "primary_id"):
        if concept in layer.columns:
            found = texts(column_values(layer, concept))
            named = np.array([text is not None for text in found], dtype=bool)
            if concept == "working_id" and len(set(found[named])) == 1 < named.sum():
                continue  # a column Id of zeros, as ArcGIS adds it, names nothing
            out[named] = found[named]
    return out


def sound_positions(layer: Layer, place: Place = Place.AUTO) -> tuple[Floats, Floats]:
    """Longitude and latitude of features, NaN where rules report their coordinates.

    Raises
    ------
    InputError
        If the layer has no CRS, or one without longitude and latitude.

    See Also
    --------
    rogi.inventory.ids.unit_positions.positions : the same of all features.
    """
    if not places_on_earth(layer.known_crs):
        raise InputError(
            f"The {layer.title} are in {label(layer.known_crs)}, which has no longitude and latitude; "
            "bring them into a geographic or projected coordinate reference system first."
        )
    lon, lat = positions(layer, place)
    state = coordinates(layer)
    sound = state.sound & ~state.faulty
    return np.where(sound, lon, np.nan), np.where(sound, lat, np.nan)


def on_earth(lonlat: Objects) -> Mask:
    """(n,) whether geometries of longitude and latitude have coordinates, all finite and on the Earth.

    For files that are no inventory, such as glaciers and candidates; `coordinates` knows more.
    """
    west, south, east, north = shapely.bounds(lonlat).reshape(-1, 4).T
    with np.errstate(invalid="ignore"):
        inside = (west >= -MAXIMUM_LONGITUDE) & (east <= MAXIMUM_LONGITUDE)
        inside &= (south >= -MAXIMUM_LATITUDE) & (north <= MAXIMUM_LATITUDE)
    return np.asarray(inside & finite_coordinates(lonlat))


def witnesses_of(layer: Layer) -> list[Witness]:
    """What a layer says of the places of its features beside their geometry: IDs, columns of positions."""
    out: list[Witness] = []
    if "primary_id" in layer.columns:
        ids = parse(texts(layer.raw("primary_id"))) if layer.raw("primary_id").ndim == 1 else None
        if ids is not None:
            ids = resolved(ids, layer)
            sure = ids.parsed & ~ids.ambiguous
            lon, lat = np.where(sure, ids.longitude, np.nan), np.where(sure, ids.latitude, np.nan)
            out.append(("its primary ID", lon, lat))
    if layer.has("latitude") and layer.has("longitude"):
        out.append(
            ("its latitude and longitude columns", numbers(layer, "longitude"), numbers(layer, "latitude"))
        )
    return out


def _geographic(crs: pyproj.CRS, bounds: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], list[str]]:
    """Rows out of range, rows off the Earth, and words for the former."""
    west, south, east, north = (bounds * degrees_per_unit(crs)).T
    across = (west < 180) & (east > 180) & (east - west < 180)
    across |= (west < -180) & (east > -180) & (east - west < 180)
    bad_lat = (south < -90 - EPSILON) | (north > 90 + EPSILON)
    bad_lon = ((west < -180 - EPSILON) | (east > 180 + EPSILON)) & ~across
    off = bad_lat | (west < -MAXIMUM_LONGITUDE) | (east > MAXIMUM_LONGITUDE)
    wrong = np.flatnonzero(bad_lat | bad_lon)
    # the corner that is out
    x = np.where(np.abs(east) >= np.abs(west), east, west)[wrong]
    y = np.where(np.abs(north) >= np.abs(south), north, south)[wrong]
    messages = []
    name = label(crs)
    for lon, lat in zip(x, y, strict=True):
        if abs(lat) > 360 or abs(lon) > 360:
            messages.append(
                f"coordinates ({lon:.0f}, {lat:.0f}) are no degrees, though the CRS is {name}; "
                "x must be within ±180 and y within ±90"
            )
        elif abs(lat) <= 90:
            messages.append(f"longitude {lon:.6g} is beyond ±180; {short_way(lon):.6g} is meant?")
        else:
            swap = "; latitude and longitude are swapped?" if abs(lat) <= 180 and abs(lon) <= 90 else ""
            messages.append(f"latitude {lat:.6g} is beyond ±90{swap}")
    return wrong, np.flatnonzero(off), messages


def _projected(
    crs: pyproj.CRS, bounds: Floats, witnesses: list[Witness], limits: Limits
) -> tuple[NDArray[np.intp], NDArray[np.intp], list[str]]:
    x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
    unit, name = axis_unit(crs), label(crs)
    if (np.abs(bounds[:, [0, 2]]) <= 360).all() and (np.abs(bounds[:, [1, 3]]) <= 90).all():
        message = f"coordinates ({x[0]:.6g}, {y[0]:.6g}) look like degrees, though {name} is in {unit}s"
        rows = np.arange(len(x))
        return rows, rows, [message] * len(x)
    lon, lat = to_degrees(crs, x, y)
    away = outside_area_of_use(crs, lon, lat)
    # a single vertex far off may leave the middle where the CRS is made for
    per_metre = float(horizontal(crs).axis_info[0].unit_conversion_factor)
    long = np.flatnonzero(
        np.hypot(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1]) * per_metre > _LONG
    )
    for i, j in ((0, 1), (2, 3)):
        corner = outside_area_of_use(crs, *to_degrees(crs, bounds[long, i], bounds[long, j]))
        away[long] = np.where(np.isnan(corner), np.nan, np.maximum(away[long], corner))
    far = ~(away <= limits.margin)
    if far.any():
        far &= ~_survives(crs, bounds, far, lon, lat, away, witnesses, limits)
    wrong = np.flatnonzero(far)
    messages = [
        f"coordinates ({x[i]:.0f}, {y[i]:.0f}) are no place on Earth in {name}"
        if np.isnan(away[i])
        else f"coordinates ({x[i]:.0f}, {y[i]:.0f}) are {away[i]:.0f}° away from the area of {name}; "
        f"{limits.margin:g}° are allowed"
        for i in wrong
    ]
    return wrong, wrong, messages


def _survives(
    crs: pyproj.CRS,
    bounds: Floats,
    far: Mask,
    lon: Floats,
    lat: Floats,
    away: Floats,
    witnesses: list[Witness],
    limits: Limits,
) -> Mask:
    """(n,) features far from the area of the CRS that are where they say.

    Their coordinates survive the way to longitude and latitude and back, and a witness agrees, or, where
    there is none, the projection is one that is used that far out.
    """
    rows = np.flatnonzero(far & np.isfinite(away))
    same = np.zeros(len(far), dtype=bool)
    same[rows] = True
    per_metre = float(horizontal(crs).axis_info[0].unit_conversion_factor)
    for i, j in ((0, 1), (2, 3)):
        px, py = bounds[rows, i], bounds[rows, j]
        back_x, back_y = from_degrees(crs, *to_degrees(crs, px, py))
        with np.errstate(invalid="ignore"):
            same[rows] &= np.hypot(back_x - px, back_y - py) * per_metre <= ROUND_TRIP
    agree, known = np.zeros(len(far), dtype=bool), np.zeros(len(far), dtype=bool)
    for _, w_lon, w_lat in witnesses:
        known |= np.isfinite(w_lon) & np.isfinite(w_lat)
        agree |= _apart(lon, lat, w_lon, w_lat) <= limits.tolerance
    with np.errstate(invalid="ignore"):
        used = is_transverse_mercator(crs) & (away <= WIDE_MARGIN)
    return np.asarray(same & (agree | (~known & used)))


def _swapped(
    crs: pyproj.CRS, bounds: Floats, witnesses: list[Witness], limits: Limits
) -> tuple[NDArray[np.intp], list[str]]:
    """Rows whose coordinates make sense only when exchanged, and words."""
    x, y = (bounds[:, 0] + bounds[:, 2]) / 2, (bounds[:, 1] + bounds[:, 3]) / 2
    lon, lat = to_degrees(crs, x, y)
    reasons = np.full(len(x), "", dtype=object)
    if crs.is_geographic:
        with np.errstate(invalid="ignore"):
            out = (np.abs(lat) > 90) & (np.abs(lat) <= 180) & (np.abs(lon) <= 90)
        reasons[out] = [f"latitude {v:.6g} is beyond ±90" for v in lat[out]]
        swapped_lon, swapped_lat = lat, lon
    else:
        away = outside_area_of_use(crs, lon, lat)
        far = ~(away <= limits.away)
        if not far.any() and not witnesses:
            return np.zeros(0, np.intp), []
        swapped_lon, swapped_lat = to_degrees(crs, y, x)
        inside = outside_area_of_use(crs, swapped_lon, swapped_lat) <= limits.near
        reasons[far & inside] = "only swapped coordinates lie where the CRS is made for"
    acquitted = np.zeros(len(x), dtype=bool)
    with np.errstate(invalid="ignore"):
        possible = (np.abs(swapped_lat) <= 90) & (np.abs(swapped_lon) <= 180)
    for name, w_lon, w_lat in witnesses:
        as_is = _apart(lon, lat, w_lon, w_lat) <= limits.tolerance
        swapped = _apart(swapped_lon, swapped_lat, w_lon, w_lat) <= limits.tolerance
        acquitted |= as_is
        reasons[swapped & ~as_is & possible & (reasons == "")] = f"it agrees with {name} only when swapped"
    rows = np.flatnonzero((reasons != "") & ~acquitted)
    return rows, [
        f"latitude and longitude are swapped: the geometry lies at {_place(lon[i], lat[i])}, {reasons[i]}"
        for i in rows
    ]


def _apart(lon: Floats, lat: Floats, other_lon: Floats, other_lat: Floats) -> Floats:
    """Larger difference in degrees; infinite where unknown."""
    with np.errstate(invalid="ignore"):
        dlon = np.abs(short_way(lon - other_lon))
        apart = np.maximum(dlon, np.abs(lat - other_lat))
    return np.where(np.isnan(apart), np.inf, apart)


def _place(lon: float, lat: float) -> str:
    if np.isnan(lon) or np.isnan(lat):
        return "no place on Earth"
    return f"{abs(lat):.4f}° {'S' if lat < 0 else 'N'} {abs(lon):.4f}° {'W' if lon < 0 else 'E'}"
