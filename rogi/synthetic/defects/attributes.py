"""Planters of attributes: areas, statistics, ranges, dates, positions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import shapely

from rogi.schema.model import Role
from rogi.synthetic.defects.draft import WHOLE, Draft
from rogi.synthetic.defects.planter import Planter

if TYPE_CHECKING:
    import geopandas as gpd

Units = tuple[int, ...]

FOOT_M = 0.3048
ZERO_CELSIUS_K = 273.15
MEGAJOULES_PER_KWH = 3.6
HECTARES_PER_KM2 = 100.0
BESIDE = 0.0009  # degrees beyond the bounds: farther than 100 m from the outline, nearer than the ID allows

OUTLINE = Role.OUTLINE
TPROGI = ("tprogi",)


def _area(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.set(OUTLINE, unit, area=1.5 * draft.number(OUTLINE, unit, "area"))
    draft.found(
        "ATT001", OUTLINE, unit, what=f"{draft.column(OUTLINE, 'area')} is half as large again as the outline"
    )


def _order(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    quantity = ("elevation", "slope")[number % 2]
    low, middle = f"{quantity}_minimum", f"{quantity}_median"
    draft.set(
        OUTLINE,
        unit,
        **{low: draft.number(OUTLINE, unit, middle), middle: draft.number(OUTLINE, unit, low)},
    )
    what = f"{draft.column(OUTLINE, low)} and {draft.column(OUTLINE, middle)} are exchanged"
    draft.found("ATT002", OUTLINE, unit, what=what)


def _elevation(draft: Draft, units: Units, number: int) -> None:
    _value(draft, "ATT003", units, "elevation_maximum", lambda metres: metres / FOOT_M, "in feet")


def _slope(draft: Draft, units: Units, number: int) -> None:
    _value(draft, "ATT004", units, "slope_maximum", lambda slope: 90.0 + slope, "in percent")


def _aspect(draft: Draft, units: Units, number: int) -> None:
    _value(draft, "ATT005", units, "aspect", lambda aspect: -1.0 - aspect / 2.0, "counted from -180 to 180")


def _climate(draft: Draft, units: Units, number: int) -> None:
    name = ("air_temperature", "ground_temperature")[number % 2]
    _value(draft, "ATT007", units, name, lambda celsius: celsius + ZERO_CELSIUS_K, "in kelvin")


def _radiation(draft: Draft, units: Units, number: int) -> None:
    _value(draft, "ATT008", units, "radiation", lambda kwh: kwh * MEGAJOULES_PER_KWH, "in MJ m⁻²")


def _sentinel(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    if draft.has_restricted:
        draft.set(OUTLINE, unit, reliability_left=-9999, reliability_index=None)
        name = draft.column(OUTLINE, "reliability_left")
        draft.found("ATT009", OUTLINE, unit, what=f"{name} is -9999")
        draft.found("KIN002", OUTLINE, unit)
        return
    _value(draft, "ATT009", units, "elevation_minimum", lambda metres: -32768.0, "the no-data value of SRTM")


def _classes(draft: Draft, units: Units, number: int) -> None:
    aspect = np.asarray(draft.layer(OUTLINE).raw("aspect"), dtype=np.float64)
    classes = ((aspect + 22.5) % 360.0 // 45.0).astype(np.int64) + 1

    def change(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        frame["ASPECT"] = classes
        return frame

    draft.change(Role.MARKER, change)
    draft.found("ATT006", Role.MARKER, WHOLE, what="the markers have a column ASPECT of classes 1 to 8")


def _date(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    text = ("2021-13-05", "summer 2021", "21/9")[number % 3]
    draft.set(OUTLINE, unit, map_date=text)
    draft.found("ATT010", OUTLINE, unit, what=f"{draft.column(OUTLINE, 'map_date')} is {text!r}")


def _future(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.set(OUTLINE, unit, map_date="2201 Q3")
    draft.found("ATT011", OUTLINE, unit, what=f"{draft.column(OUTLINE, 'map_date')} is '2201 Q3'")


def _outlier(draft: Draft, units: Units, number: int) -> None:
    _value(draft, "ATT012", units, "precipitation", lambda value: 9000.0, "far above all others")


def _position(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    east, north = shapely.bounds(draft.shape(OUTLINE, unit))[2:] + BESIDE
    draft.set(OUTLINE, unit, longitude=round(float(east), 6), latitude=round(float(north), 6))
    names = f"{draft.column(OUTLINE, 'latitude')} and {draft.column(OUTLINE, 'longitude')}"
    draft.found("ATT013", OUTLINE, unit, what=f"{names} are those of a place north-east of the outline")


def _hectares(draft: Draft, units: Units, number: int) -> None:
    name = draft.column(OUTLINE, "area")

    def change(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        frame[name] = frame[name] * HECTARES_PER_KM2
        return frame

    draft.change(OUTLINE, change)
    draft.found("ATT014", OUTLINE, WHOLE, what=f"{name} is in hectares")


def _value(
    draft: Draft, code: str, units: Units, concept: str, spoil: Callable[[float], float], words: str
) -> None:
    (unit,) = units
    value = round(spoil(draft.number(OUTLINE, unit, concept)), 2)
    draft.set(OUTLINE, unit, **{concept: value})
    draft.found(code, OUTLINE, unit, what=f"{draft.column(OUTLINE, concept)} is {value:g}, {words}")


PLANTERS = (
    Planter("ATT001", _area, schemas=TPROGI),
    Planter("ATT002", _order, schemas=TPROGI),
    Planter("ATT003", _elevation, schemas=TPROGI),
    Planter("ATT004", _slope, schemas=TPROGI),
    Planter("ATT005", _aspect, schemas=TPROGI),
    Planter("ATT006", _classes, units=0, schemas=TPROGI, least=5),
    Planter("ATT007", _climate, schemas=TPROGI),
    Planter("ATT008", _radiation, schemas=TPROGI),
    Planter("ATT009", _sentinel),
    Planter("ATT010", _date, schemas=TPROGI),
    Planter("ATT011", _future, schemas=TPROGI),
    Planter("ATT012", _outlier, schemas=TPROGI, least=30),
    Planter("ATT013", _position, schemas=TPROGI),
    Planter("ATT014", _hectares, units=0, schemas=TPROGI),
)
