"""Planters of relations between layers, of kinematics and of review."""

from __future__ import annotations

import numpy as np
import shapely

from rogi.schema.model import Role
from rogi.synthetic.defects.draft import RESTRICTED, SMALL_M2, Draft, scaled
from rogi.synthetic.defects.planter import Planter

Units = tuple[int, ...]

OUTSIDE_M = 30.0  # of a marker: beyond the 10 m of REL003, within the 50 m of PID008
BEYOND = 0.1  # degrees east of all areas of interest

MARKER, OUTLINE, MOVING_AREA = Role.MARKER, Role.OUTLINE, Role.MOVING_AREA
RGIK, TPROGI = ("rgik",), ("tprogi",)


def _orphan(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.drop(MARKER, unit)
    draft.found("REL001", OUTLINE, *draft.outlines(unit), what="the marker of the unit was left out")


def _bare_marker(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    for position in draft.outlines(unit):
        draft.drop(OUTLINE, position)
    draft.found("REL002", MARKER, unit, what="the outlines of the unit were left out")


def _marker_outside(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    ring = scaled(draft.ring(unit), SMALL_M2)
    top = ring[ring[:, 1].argmax()]
    draft.place(unit, SMALL_M2, centre=(-float(top[0]), -float(top[1]) - OUTSIDE_M))
    what = f"the marker lies {OUTSIDE_M:.0f} m north of the outline"
    draft.found("REL003", MARKER, unit, what=what, other=unit, other_role=OUTLINE)


def _extended_twice(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    restricted = draft.restricted(unit)
    draft.place(unit, 2.0 * SMALL_M2)  # large enough for either outline to be a unit
    draft.set(OUTLINE, restricted, outline_type="Extended")
    draft.found("REL004", OUTLINE, restricted, what="the restricted outline is called extended", other=unit)
    draft.found("REL008", OUTLINE, unit, restricted)
    draft.found("GEO016", OUTLINE, restricted, other=unit)


def _restricted_beside(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    ring = draft.place(unit, SMALL_M2)
    shift = 0.5 * np.sqrt(SMALL_M2)
    moved = RESTRICTED * ring + np.array([shift, 0.0])
    draft.reshape(OUTLINE, draft.restricted(unit), draft.polygon(unit, moved))
    what = f"the restricted outline is shifted by {shift:.0f} m"
    draft.found("REL005", OUTLINE, draft.restricted(unit), what=what, other=unit)


def _no_system(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    text = draft.id_of(unit)
    draft.set(MARKER, unit, associated_system=text)
    name = draft.column(MARKER, "associated_system")
    draft.found("REL006", MARKER, unit, what=f"{name} is {text}, a unit")


def _outside_area(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    areas = draft.layer(Role.AREA_OF_INTEREST).geometry
    east = float(shapely.total_bounds(areas)[2]) + BEYOND * (number + 1)
    draft.place(unit, SMALL_M2, at=(round(east, 6), float(draft.latitude[unit])))
    what = "the unit lies east of all areas of interest"
    draft.found("REL007", MARKER, unit, what=what)
    draft.found("REL007", OUTLINE, *draft.outlines(unit), what=what)


def _extended_only(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.drop(OUTLINE, draft.restricted(unit))
    draft.found("REL008", OUTLINE, unit, what="the restricted outline was left out")


def _moving_areas(draft: Draft, units: Units, number: int) -> None:
    first, second = units
    draft.place(first, SMALL_M2)
    area = draft.shape(MOVING_AREA, first)
    east, _ = np.subtract(draft.beside(first, 30.0, 0.0), draft.beside(first, 0.0, 0.0))
    draft.reshape(MOVING_AREA, second, shapely.transform(area, lambda xy: xy + np.array([east, 0.0])))
    draft.set(MOVING_AREA, second, velocity_class=draft.get(MOVING_AREA, first, "velocity_class"))
    what = "the moving area overlaps another of its class"
    draft.found("REL009", MOVING_AREA, first, what=what, other=second)


def _index(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    index = int(draft.number(OUTLINE, unit, "reliability_index"))
    wrong = index + 1 if index < 8 else index - 1
    draft.set(OUTLINE, unit, reliability_index=wrong)
    name = draft.column(OUTLINE, "reliability_index")
    draft.found("KIN001", OUTLINE, unit, what=f"{name} is {wrong}, the sum of its parts {index}")


def _part(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    parts = {"reliability_front": 3, "reliability_left": 1, "reliability_right": 1, "reliability_upslope": 1}
    draft.set(OUTLINE, unit, **parts, reliability_index=6)
    draft.found(
        "KIN002", OUTLINE, unit, what=f"{draft.column(OUTLINE, 'reliability_front')} is 3; 2 is the most"
    )


def _contradiction(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.set(MARKER, unit, activity="Relict", kinematic_attribute="dm/yr")
    draft.found("KIN003", MARKER, unit, what="the unit is called relict and moves decimetres a year")


def _no_assessment(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.set(MARKER, unit, activity_assessment=None)
    draft.found("KIN004", MARKER, unit, what=f"{draft.column(MARKER, 'activity_assessment')} is null")


def _no_period(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    concept = ("kinematic_period", "kinematic_reliability")[number % 2]
    draft.set(MARKER, unit, **{concept: None})
    draft.found("KIN005", MARKER, unit, what=f"{draft.column(MARKER, concept)} is null")


def _destabilised(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    draft.set(MARKER, unit, activity="Relict", kinematic_attribute="< cm/yr", destabilisation="Yes (ongoing)")
    draft.found("KIN006", MARKER, unit, what="the unit is called relict and destabilised")


def _decision(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    text = ("maybe not", "yes: in the shadow", "?")[number % 3]
    draft.set(OUTLINE, unit, additional_information=text)
    draft.found(
        "REV001", OUTLINE, unit, what=f"{draft.column(OUTLINE, 'additional_information')} is {text!r}"
    )


def _own_reviewer(draft: Draft, units: Units, number: int) -> None:
    (unit,) = units
    mapper = draft.get(OUTLINE, unit, "mapper")
    draft.set(OUTLINE, unit, reviewer=mapper)
    draft.found("REV002", OUTLINE, unit, what=f"{mapper} mapped and reviewed the unit")


PLANTERS = (
    Planter("REL001", _orphan),
    Planter("REL002", _bare_marker),
    Planter("REL003", _marker_outside),
    Planter("REL004", _extended_twice, schemas=RGIK),
    Planter("REL005", _restricted_beside, schemas=RGIK),
    Planter("REL006", _no_system, schemas=RGIK),
    Planter("REL007", _outside_area, schemas=RGIK),
    Planter("REL008", _extended_only, schemas=RGIK),
    Planter("REL009", _moving_areas, units=2, schemas=RGIK),
    Planter("KIN001", _index, schemas=RGIK),
    Planter("KIN002", _part, schemas=RGIK),
    Planter("KIN003", _contradiction, schemas=RGIK),
    Planter("KIN004", _no_assessment, schemas=RGIK),
    Planter("KIN005", _no_period, schemas=RGIK),
    Planter("KIN006", _destabilised, schemas=RGIK),
    Planter("REV001", _decision, schemas=TPROGI),
    Planter("REV002", _own_reviewer, schemas=TPROGI),
)
