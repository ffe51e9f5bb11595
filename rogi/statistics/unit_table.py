"""The units of an inventory as one table: where they are, how large, and their attributes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.blocks import run_blocks
from rogi.errors import InputError
from rogi.geometry import Floats, to_lonlat
from rogi.inventory.coordinates import LABELS_SHOWN, coordinates, labels_of
from rogi.inventory.model import Inventory, Layer
from rogi.inventory.regions import assign
from rogi.inventory.values.known import Quantity, known_texts, outline_kinds, quantity
from rogi.schema.model import Role
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    from rogi.inventory.regions import Regions

Objects = NDArray[np.object_]
M2_PER_KM2 = 1e6
LARGEST_KM2 = 20.0
"""Larger outlines are of catchments or map sheets: the largest rock glaciers published have about 5 km²."""


@dataclass(slots=True, eq=False)
class UnitTable:
    """One row per unit, from west to east: extended outlines, or markers where there are no outlines.

    Attributes
    ----------
    layer
        Where the rows come from.
    positions
        (n,) positions in that layer.
    lonlat
        (n, 2) WGS84 degrees of a point in the unit (its marker where markers are the layer); NaN where
        there is no usable geometry.
    geometric_area
        (n,) km² of the outline on the ellipsoid; NaN for markers.
    subregion
        (n,) names or None; None if unknown for all.
    notes
        What had to be decided on the way.
    """

    layer: Layer
    positions: NDArray[np.int64]
    lonlat: Floats
    geometric_area: Floats
    subregion: Objects | None
    notes: tuple[str, ...] = ()
    _quantities: dict[str, Quantity | None] = field(default_factory=dict)
    _numbers: dict[str, Floats | None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.positions)

    def numbers(self, concept: str) -> Floats | None:
        """(n,) values of a concept in its unit, NaN if missing; None if no column carries it.

        Codes for missing values and impossible values are NaN, see `value_notes`. ``area`` is the column,
        or else the outlines' own area.
        """
        if concept not in self._numbers:
            found = self.quantity(concept)
            values = None if found is None else found.values[self.positions]
            if concept == "area" and (values is None or not np.isfinite(values).any()):
                values = self.geometric_area if np.isfinite(self.geometric_area).any() else None
            self._numbers[concept] = values
        return self._numbers[concept]

    def quantity(self, concept: str) -> Quantity | None:
        """The concept's column of the whole layer with what is known of it; None if no column carries it."""
        if concept not in self._quantities:
            km2 = None
            if concept == "area" and self.layer.role is Role.OUTLINE:
                km2 = np.full(len(self.layer), np.nan)
                km2[self.positions] = self.geometric_area
            has = self.layer.has(concept)
            self._quantities[concept] = quantity(self.layer, concept, km2=km2) if has else None
        return self._quantities[concept]

    def value_notes(self) -> list[str]:
        """What was converted and left out of the columns asked for so far, in words."""
        found = [x for x in self._quantities.values() if x is not None]
        return [note for x in found for note in x.notes(self.positions)]

    def text(self, concept: str) -> Objects | None:
        """(n,) text or None of a concept; None if no column carries it."""
        if concept == "subregion" and self.subregion is not None:
            return self.subregion
        if not self.layer.has(concept):
            return None
        return known_texts(self.layer, concept)[self.positions]


def unit_table(
    inventory: Inventory, regions: Regions | None = None, *, allow_empty: bool = False
) -> UnitTable:
    """The units of an inventory.

    Parameters
    ----------
    inventory
        Its outlines are taken, restricted ones left out; else its markers.
    regions
        Assign subregions by these polygons; by default the column of the inventory is taken.
    allow_empty
        Take an empty layer where there is none with features.

    Raises
    ------
    InputError
        If there is no layer with features, or it has no CRS.
    """
    present = [x for role in (Role.OUTLINE, Role.MARKER) if (x := inventory.layer(role)) is not None]
    layer = next((x for x in present if len(x)), present[0] if present and allow_empty else None)
    if layer is None:
        raise InputError(
            f"{inventory.path or 'The inventory'} has neither outlines nor markers with features."
        )
    crs = layer.known_crs
    notes = [] if len(layer) else [f"the layer {layer.name} has no features"]
    keep = np.ones(len(layer), dtype=bool)
    if layer.role is Role.OUTLINE and layer.has("outline_type"):
        kind = outline_kinds(layer)
        if (kind == "extended").any():
            keep = kind != "restricted"
            if (left_out := int((~keep).sum())) > 0:
                notes.append(f"{counted(left_out, 'restricted outline')} left out")
    positions = np.flatnonzero(keep)
    if layer.has("primary_id"):
        ids = layer.raw("primary_id").iloc[positions].dropna()
        if again := int((twice := ids.duplicated()).sum()):
            one = f"{counted(again, 'row')} with the ID of another row (PID004), each counted as a unit"
            notes.append(f"{one}: {_named(np.unique(ids[twice].astype(str)))}")
    geometry = layer.geometry[positions]
    state = coordinates(layer)
    usable = state.sound[positions]
    empty = int((~state.usable & ~state.infinite)[positions].sum())
    if empty:
        have = agreeing(empty, "has", "have")
        notes.append(f"{counted(empty, 'unit')} without usable geometry {have} neither place nor area")
    notes += state.notes(lambda: labels_of(layer), "unit", "left without place and area", positions)
    lonlat = np.full((len(positions), 2), np.nan)
    area = np.full(len(positions), np.nan)
    shapes = to_lonlat(geometry[usable], crs)
    places, km2 = np.empty((len(shapes), 2)), np.full(len(shapes), np.nan)
    broken = np.zeros(len(shapes), dtype=bool)

    def measure(start: int, stop: int) -> None:
        block, bad = shapes[start:stop], broken[start:stop]
        places[start:stop] = shapely.get_coordinates(shapely.point_on_surface(block))
        if layer.role is Role.OUTLINE:
            bad[:] = ~shapely.is_valid(block)
            block[bad] = shapely.make_valid(block[bad])  # as `rogi attributes` measures them
            km2[start:stop] = area_m2(block, "EPSG:4326") / M2_PER_KM2

    run_blocks(measure, len(shapes))
    lonlat[usable], area[usable] = places, km2
    if broken.any() and not layer.has("area"):
        measured = counted(int(broken.sum()), "invalid outline")
        notes.append(f"{measured} (GEO003) measured as repaired")
    if (large := int((area > LARGEST_KM2).sum())) > 0:
        have = f"{counted(large, 'unit')} of more than {LARGEST_KM2:g} km², larger than rock glaciers are"
        notes.append(f"{have}: {_named(labels_of(layer)[positions[area > LARGEST_KM2]])}")
    subregion = _subregion(inventory, layer, positions, lonlat, regions, notes)
    order = _order(layer, positions, lonlat, area)
    return UnitTable(
        layer=layer,
        positions=positions[order],
        lonlat=lonlat[order],
        geometric_area=area[order],
        subregion=None if subregion is None else subregion[order],
        notes=tuple(notes),
    )


def _named(labels: Objects) -> str:
    """The first labels, for a note."""
    return ", ".join(map(str, labels[:LABELS_SHOWN])) + ", …" * (len(labels) > LABELS_SHOWN)


def _order(layer: Layer, positions: NDArray[np.int64], lonlat: Floats, area: Floats) -> NDArray[np.int64]:
    """Rows from west to east, whatever their order in the file: sums and pictures do not depend on it."""
    order = np.lexsort((area, lonlat[:, 1], lonlat[:, 0]))
    keys = np.nan_to_num(np.column_stack([lonlat, area])[order], nan=np.inf)
    if not layer.has("primary_id") or (keys[1:] != keys[:-1]).any(axis=1).all():
        return order
    ids = np.unique(list(map(str, layer.raw("primary_id").iloc[positions])), return_inverse=True)[1]
    return np.lexsort((ids, area, lonlat[:, 1], lonlat[:, 0]))


def _subregion(
    inventory: Inventory,
    layer: Layer,
    positions: NDArray[np.int64],
    lonlat: Floats,
    regions: Regions | None,
    notes: list[str],
) -> Objects | None:
    if regions is not None:
        points = np.full(len(lonlat), None, dtype=object)
        known = np.isfinite(lonlat).all(axis=1)
        points[known] = shapely.points(lonlat[known])
        names = assign(points, regions)
        if regions.repaired:
            notes.append(f"invalid polygons of regions mended for this: {', '.join(regions.repaired)}")
        if (outside := int(sum(name is None for name in names))) > 0:
            lie = agreeing(outside, "lies", "lie")
            notes.append(f"{counted(outside, 'unit')} {lie} in no region of the {len(regions.names)} given")
        return names
    if layer.has("subregion"):
        return known_texts(layer, "subregion")[positions]
    return None
