"""Planters of structure: columns and their values, coordinate systems, geometry types."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.schema.model import Role
from rogi.synthetic.defects.draft import WHOLE, Draft
from rogi.synthetic.defects.planter import Planter

if TYPE_CHECKING:
    import geopandas as gpd

Units = tuple[int, ...]

SPHERE_M = 6_378_137.0  # radius of Web Mercator
OTHER_CRS = "EPSG:4490"  # CGCS2000: the same coordinates as WGS84 to some decimetres, another name
LONG_NOTE = 300  # characters; fields take 254
EAST = 91.0  # degrees; beyond it longitude and latitude cannot be taken for each other


def east(draft: Draft) -> NDArray[np.bool_]:
    """(n,) units whose longitude is no latitude, and has two digits of degrees."""
    return (draft.longitude > EAST) & (draft.longitude < 99.9)


def _wrong_type(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    if draft.has_restricted:
        ring = draft.shape(Role.MOVING_AREA, unit).exterior
        draft.reshape(Role.MOVING_AREA, unit, shapely.LineString(ring.coords[:-1]))
        draft.found("SCH003", Role.MOVING_AREA, unit, what="the moving area is a line that was never closed")
        return
    lon, lat = draft.beside(unit, 20.0, 20.0)
    marker = draft.shape(Role.MARKER, unit)
    square = shapely.box(2 * marker.x - lon, 2 * marker.y - lat, lon, lat)
    draft.reshape(Role.MARKER, unit, square)
    draft.found("SCH003", Role.MARKER, unit, what="the marker was drawn as a square of 40 m")


def _other_crs(draft: Draft, units: Units, number: int) -> None:
    draft.claim_crs(Role.MARKER, OTHER_CRS)
    draft.found("SCH005", Role.MARKER, WHOLE, what=f"the markers state {OTHER_CRS} (CGCS2000)")


def _metres_for_degrees(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    lon, lat = np.radians([draft.longitude[unit], draft.latitude[unit]])
    x, y = SPHERE_M * lon, SPHERE_M * np.log(np.tan(np.pi / 4 + lat / 2))
    draft.reshape(Role.MARKER, unit, shapely.Point(round(float(x), 2), round(float(y), 2)))
    draft.found("SCH006", Role.MARKER, unit, what="the marker has metres of Web Mercator for degrees")


def _swapped(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    marker = draft.shape(Role.MARKER, unit)
    draft.reshape(Role.MARKER, unit, shapely.Point(marker.y, marker.x))
    draft.found("SCH007", Role.MARKER, unit, what="latitude and longitude of the marker are exchanged")
    draft.found("SCH006", Role.MARKER, unit)


def _missing_column(draft: Draft, units: Units, number: int) -> None:
    role, concept = (Role.MARKER, "completeness") if draft.has_restricted else (Role.OUTLINE, "image_source")
    name = draft.column(role, concept)
    draft.change(role, lambda frame: frame.drop(columns=name))
    draft.found("SCH008", role, WHOLE, what=f"the column {name} was left out")


def _half_a_class(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.set(Role.OUTLINE, unit, reliability_front=1.5, reliability_index=None)
    name = draft.column(Role.OUTLINE, "reliability_front")
    draft.found("SCH009", Role.OUTLINE, unit, what=f"{name} is 1.5, no whole number")


def _words_for_numbers(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    about = f"about {draft.number(Role.OUTLINE, unit, 'precipitation'):.0f}"
    draft.set(Role.OUTLINE, unit, precipitation=about)
    name = draft.column(Role.OUTLINE, "precipitation")
    draft.found("SCH009", Role.OUTLINE, unit, what=f"{name} is {about!r}")
    if number == 0:
        draft.found("SCH009", Role.OUTLINE, WHOLE, what=f"{name} became a column of text by it")


def _long_text(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    note = "Yes: the front lies in the shadow of a ridge. "
    draft.set(Role.OUTLINE, unit, additional_information=(note * LONG_NOTE)[:LONG_NOTE])
    name = draft.column(Role.OUTLINE, "additional_information")
    draft.found("SCH010", Role.OUTLINE, unit, what=f"{name} has {LONG_NOTE} characters")


def _null_id(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    role = Role.MARKER if draft.has_restricted else Role.OUTLINE
    draft.set(role, unit, primary_id=None)
    draft.found("SCH011", role, unit, what="the primary ID is null")


def _placeholder(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    word = ("unknown", "n/a", "  ")[number % 3]
    role, concept = (Role.MARKER, "working_id") if draft.has_restricted else (Role.OUTLINE, "mapper")
    draft.set(role, unit, **{concept: word})
    draft.found("SCH012", role, unit, what=f"{draft.column(role, concept)} is {word!r}")


def _unknown_term(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    role, concept, term = (
        (Role.MARKER, "activity", "Transitional uncertain")
        if draft.has_restricted
        else (Role.OUTLINE, "subregion", "Kunlun")
    )
    draft.set(role, unit, **{concept: term})
    draft.found("SCH013", role, unit, what=f"{draft.column(role, concept)} is {term!r}")


def _spelling(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    role = Role.OUTLINE
    if draft.has_restricted:
        position, concept, term = draft.restricted(unit), "outline_type", "Restricted "
    else:
        position, concept = unit, "subregion"
        term = str(draft.get(role, unit, concept)).lower()
    draft.set(role, position, **{concept: term})
    draft.found("SCH014", role, position, what=f"{draft.column(role, concept)} is {term!r}")


def _mojibake(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    role, concept = (Role.MARKER, "working_id") if draft.has_restricted else (Role.OUTLINE, "mapper")
    text = f"Müller {number + 1}".encode().decode("latin-1")
    draft.set(role, unit, **{concept: text})
    draft.found(
        "SCH015", role, unit, what=f"{draft.column(role, concept)} is UTF-8 read as Latin-1: {text!r}"
    )


def _repeated_column(draft: Draft, units: Units, number: int) -> None:
    concept = "activity" if draft.has_restricted else "subregion"
    name = draft.column(Role.MARKER, concept)
    again = f"{name.capitalize().replace('.', '')}_"

    def change(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        frame[again] = frame[name]
        return frame

    draft.change(Role.MARKER, change)
    draft.found("SCH016", Role.MARKER, WHOLE, what=f"the column {again} repeats {name}")
    draft.found("SCH017", Role.MARKER, WHOLE)


def _extra_column(draft: Draft, units: Units, number: int) -> None:
    def change(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
        frame["SNOW"] = "no"
        return frame

    draft.change(Role.OUTLINE, change)
    draft.found("SCH017", Role.OUTLINE, WHOLE, what="the column SNOW was added")


def _out_of_range(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    role = Role.OUTLINE
    if draft.has_restricted:
        draft.set(role, unit, reliability_index=9, reliability_front=None)
        draft.found(
            "SCH018", role, unit, what=f"{draft.column(role, 'reliability_index')} is 9; 8 is the most"
        )
        return
    latitude = draft.number(role, unit, "latitude") + 100.0
    draft.set(role, unit, latitude=latitude)
    draft.found("SCH018", role, unit, what=f"{draft.column(role, 'latitude')} is {latitude:.4f}")


PLANTERS = (
    Planter("SCH003", _wrong_type),
    Planter("SCH005", _other_crs, units=0),
    Planter("SCH006", _metres_for_degrees),
    Planter("SCH007", _swapped, where=east, place=f"between {EAST:g}° and 99.9° E"),
    Planter("SCH008", _missing_column, units=0),
    Planter("SCH009", _half_a_class, schemas=("rgik",)),
    Planter("SCH009", _words_for_numbers, schemas=("tprogi",)),
    Planter("SCH010", _long_text, schemas=("tprogi",)),
    Planter("SCH011", _null_id),
    Planter("SCH012", _placeholder),
    Planter("SCH013", _unknown_term),
    Planter("SCH014", _spelling),
    Planter("SCH015", _mojibake),
    Planter("SCH016", _repeated_column, units=0),
    Planter("SCH017", _extra_column, units=0),
    Planter("SCH018", _out_of_range),
)
