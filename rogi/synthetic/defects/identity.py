"""Planters of primary IDs: their form, uniqueness and agreement with places."""

from __future__ import annotations

import numpy as np
import shapely

from rogi.inventory.ids.primary_id import make
from rogi.schema.model import Role
from rogi.synthetic.defects.draft import SMALL_M2, Draft
from rogi.synthetic.defects.planter import Planter
from rogi.synthetic.defects.structure import EAST, east

Units = tuple[int, ...]

MOVED_M = 45.0  # of a marker: more than 2 units of the ID in any direction, within any outline
FAR = 0.02  # degrees
UNIT = 1e-4  # degrees; the last decimal of an ID


def _malformed(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    if draft.has_restricted:
        role, text = Role.MARKER, draft.id_of(unit).replace("RGU", "RG")
    else:
        role, text = Role.OUTLINE, "unknown"
    draft.set(role, unit, primary_id=text)
    draft.found("PID001", role, unit, what=f"the primary ID is {text!r}")


def _not_canonical(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    text = draft.id_of(unit)
    latitude, longitude = text[3:10], text[10:]
    forms = (
        ("in lower case", text.lower()),
        ("with the longitude first", f"RGU{longitude}{latitude}"),
        ("with six digits of longitude", f"RGU{latitude}{longitude[1:]}"),
    )
    usable = forms if longitude.startswith("0") else forms[:2]
    words, written = usable[number % len(usable)]
    draft.set(Role.OUTLINE, unit, primary_id=written)
    draft.found("PID002", Role.OUTLINE, unit, what=f"the primary ID is written {words}: {written}")


def _out_of_range(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    lon, lat = round(float(draft.longitude[unit]) / UNIT), round(float(draft.latitude[unit]) / UNIT)
    text = f"RGU{lon:06d}N{lat:07d}E"
    what = f"latitude and longitude are exchanged in the primary ID {text}"
    if draft.has_restricted:
        draft.set(Role.MOVING_AREA, unit, primary_id=text)
        draft.found("PID003", Role.MOVING_AREA, unit, what=what)
        return
    draft.set(Role.OUTLINE, unit, primary_id=text)
    draft.found("PID003", Role.OUTLINE, unit, what=what)
    draft.found("PID007", Role.OUTLINE, unit)
    draft.found("REL001", Role.OUTLINE, unit)
    draft.found("REL002", Role.MARKER, unit)


def _duplicate(draft: Draft, units: Units, number: int) -> None:
    first, second = units
    text = draft.id_of(first)
    what = f"two units have the primary ID {text}"
    roles = (Role.MARKER,) if draft.has_restricted else (Role.MARKER, Role.OUTLINE)
    for role in roles:
        draft.set(role, second, primary_id=text)
        draft.found("PID004", role, first, what=what, other=second)
        draft.found("PID004", role, second, what=what, other=first)
    draft.found("PID006", Role.MARKER, second)
    if not draft.has_restricted:
        draft.found("PID007", Role.MARKER, second)
        draft.found("PID007", Role.OUTLINE, second)
        draft.found("PID008", Role.OUTLINE, second)


def _collision(draft: Draft, units: Units, number: int) -> None:
    """Two outlines back to back, their markers 10 m apart on either side of the gap."""
    south, north = units
    lon, lat = (round(float(d[south]), 4) for d in (draft.longitude, draft.latitude))
    for unit, latitude, edge, gap in (
        (south, lat, np.argmax, 1.0),
        (north, lat + 0.9 * UNIT, np.argmin, -3.0),
    ):
        draft.move_marker(unit, lon, round(latitude, 6))
        shape = draft.place(unit, SMALL_M2)
        tip = shape[edge(shape[:, 1])]
        draft.place(unit, SMALL_M2, centre=(-float(tip[0]), gap - float(tip[1])))
    what = "two markers are 10 m apart"
    draft.found("PID005", Role.MARKER, south, what=what, other=north)
    draft.found("PID005", Role.MARKER, north, what=what, other=south)


def _moved_marker(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    ring = draft.ring(unit)
    reach = np.hypot(*ring.T)
    lon, lat = draft.beside(unit, *(MOVED_M * ring[reach.argmax()] / reach.max()))
    draft.reshape(Role.MARKER, unit, shapely.Point(lon, lat))
    what = f"the marker was moved by {MOVED_M:.0f} m, the primary ID was not"
    draft.found("PID006", Role.MARKER, unit, what=what)


def _other_longitude(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    longitude = round(draft.number(Role.OUTLINE, unit, "longitude") + 0.3, 6)
    draft.set(Role.OUTLINE, unit, longitude=longitude)
    name = draft.column(Role.OUTLINE, "longitude")
    draft.found("PID007", Role.OUTLINE, unit, what=f"{name} is {longitude}, 0.3° too large")
    draft.found("ATT013", Role.OUTLINE, unit)


def _exchanged_ids(draft: Draft, units: Units, number: int) -> None:
    first, second = units
    texts = draft.id_of(first), draft.id_of(second)
    for unit, other, text in ((first, second, texts[1]), (second, first, texts[0])):
        draft.set(Role.OUTLINE, unit, primary_id=text)
        draft.found("PID008", Role.OUTLINE, unit, what="the primary IDs of two outlines are exchanged")
        draft.found("PID007", Role.OUTLINE, unit)
        draft.found("PID011", Role.OUTLINE, unit)
        draft.found("REL003", Role.MARKER, unit, other=other, other_role=Role.OUTLINE)


def _id_of_elsewhere(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    text = str(make(draft.longitude[unit] + FAR, draft.latitude[unit] + FAR)[0])
    for position in draft.outlines(unit):
        draft.set(Role.OUTLINE, position, primary_id=text)
    draft.found(
        "PID008", Role.OUTLINE, unit, what=f"the outlines have the primary ID {text}, of a place {FAR}° off"
    )


def _system_prefix(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    text = draft.id_of(unit).replace("RGU", "RGS")
    roles = (Role.MOVING_AREA,) if draft.has_restricted else (Role.MARKER, Role.OUTLINE)
    for role in roles:
        draft.set(role, unit, primary_id=text)
        draft.found("PID009", role, unit, what=f"the primary ID is {text}, that of a system")


def _hemisphere(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    text = draft.id_of(unit).replace("N", "S")
    roles = (Role.MARKER,) if draft.has_restricted else (Role.MARKER, Role.OUTLINE)
    for role in roles:
        draft.set(role, unit, primary_id=text)
        draft.found("PID010", role, unit, what=f"the primary ID is {text}, in the southern hemisphere")
        if not draft.has_restricted:
            draft.found("PID007", role, unit)
    draft.found("PID006", Role.MARKER, unit)
    if not draft.has_restricted:
        draft.found("PID008", Role.OUTLINE, unit)


PLANTERS = (
    Planter("PID001", _malformed),
    Planter("PID002", _not_canonical),
    Planter("PID003", _out_of_range, where=east, place=f"between {EAST:g}° and 99.9° E"),
    Planter("PID004", _duplicate, units=2),
    Planter("PID005", _collision, units=2),
    Planter("PID006", _moved_marker),
    Planter("PID007", _other_longitude, schemas=("tprogi",)),
    Planter("PID008", _exchanged_ids, units=2, schemas=("tprogi",)),
    Planter("PID008", _id_of_elsewhere, schemas=("rgik",)),
    Planter("PID009", _system_prefix),
    Planter("PID010", _hemisphere),
)
