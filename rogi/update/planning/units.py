"""The units of an inventory that is to be updated, by their IDs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rogi.comparison.matching.sides import Extent, side_of
from rogi.errors import InputError
from rogi.geometry import Geometries
from rogi.inventory.model import Inventory, Layer
from rogi.schema.model import Role
from rogi.text import agreeing, counted

if TYPE_CHECKING:
    import pandas as pd


Texts = NDArray[np.object_]
SHOWN_IDS: Final = 5
# Of outlines of one unit the extended one is compared: it is what candidates show (Sun et al. 2024, §3.3).
PREFERRED: Final = (Extent.EXTENDED, Extent.UNSTATED, Extent.RESTRICTED)


@dataclass(frozen=True, eq=False)
class Units:
    """The units of an inventory, by ID.

    Attributes
    ----------
    layer
        The outlines as they were read.
    positions
        (n,) rows of the layer.
    ids
        (n,) primary IDs, unique, sorted.
    geometry
        (n,) outlines as they are in the file, in its CRS.
    lonlat
        (n,) valid copies on WGS84 longitude and latitude.
    notes
        What was left out or repaired.
    """

    inventory: Inventory
    layer: Layer
    positions: NDArray[np.intp]
    ids: Texts
    geometry: Geometries
    lonlat: Geometries
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def positions_of(self, ids: Iterable[object]) -> NDArray[np.intp]:
        """Position of each ID, -1 for none."""
        place = {name: k for k, name in enumerate(self.ids.tolist())}
        return np.array([place.get(name, -1) for name in ids], dtype=np.intp)

    @property
    def attributes(self) -> pd.DataFrame:
        """The columns of the file but its geometry, in the order of the units."""
        frame = self.layer.frame
        table: pd.DataFrame = frame.drop(columns=frame.geometry.name).iloc[self.positions]
        return table.reset_index(drop=True)


def read_units(inventory: Inventory) -> Units:
    """The units of an inventory that can be updated: with a primary ID of their own and an outline.

    Raises
    ------
    InputError
        If it has no outlines, or IDs are missing or repeated: an ID is the key of all that follows.
    """
    layer = inventory.layer(Role.OUTLINE)
    if layer is None or not len(layer):
        raise InputError(f"{inventory.path} has no outlines, so candidates cannot be matched with it.")
    if not layer.has("primary_id"):
        raise InputError(
            f"{inventory.path} has no column of primary IDs, by which units are followed from version to "
            "version; fill one with `rogi attributes FILE --fields ID -o NEW`, or name it with --dialect."
        )
    side = side_of(inventory, Role.OUTLINE)
    if side.without_id or side.id_column != layer.columns.get("primary_id"):
        number = len(side.without_id) or len(side)
        have = agreeing(number, "has", "have")
        raise InputError(
            f"{counted(number, 'outline')} of {inventory.path} {have} no primary ID "
            f"({some(side.without_id)}); fill in IDs with `rogi attributes FILE --fields ID --only-missing "
            "-o NEW`, or remove such outlines, and see `rogi validate`."
        )
    rank = np.array([PREFERRED.index(e) for e in side.extent], np.intp)
    order = np.lexsort([np.arange(len(side)), rank, side.ids.astype(str)])
    ids = side.ids[order]
    starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1]))
    group = np.cumsum(np.append(False, ids[1:] != ids[:-1]))
    best = rank[order] == rank[order][starts][group]
    kept = order[best]
    _refuse_repeated(inventory, layer, side.ids[kept], side.positions[kept])
    _refuse_blanks(inventory, layer, side.ids[kept], side.positions[kept])
    notes = []
    if side.without_geometry:
        notes.append(
            f"{counted(side.without_geometry, 'row')} of {layer.name} without an outline: no task is planned "
            "for them, and they stay as they are"
        )
    notes += [f"{note}: no task is planned for them, and they stay as they are" for note in side.notes]
    if side.not_rock_glaciers:
        number = side.not_rock_glaciers
        are = agreeing(number, "is no rock glacier", "are no rock glaciers")
        notes.append(f"{counted(number, 'landform')} {are}: no task is planned, and the file's rows stay")
    if len(kept) < len(side):
        extra = counted(len(side) - len(kept), "restricted outline")
        notes.append(f"{extra} beside extended ones: the extended outlines are compared")
    if side.repaired:
        number = len(side.repaired)
        was = agreeing(number, "crosses itself and was", "cross themselves and were")
        notes.append(
            f"{counted(number, 'outline')} of the inventory {was} mended for the comparison only: "
            f"{some(side.repaired)}"
        )
    positions = side.positions[kept]
    return Units(
        inventory=inventory,
        layer=layer,
        positions=positions,
        ids=side.ids[kept],
        geometry=layer.geometry[positions],
        lonlat=side.geometries[kept],
        notes=tuple(notes),
    )


def _refuse_repeated(inventory: Inventory, layer: Layer, ids: Texts, positions: NDArray[np.intp]) -> None:
    """IDs are sorted, so that equal ones are neighbours."""
    again = np.flatnonzero(ids[1:] == ids[:-1])
    if not len(again):
        return
    names = np.unique(ids[again].astype(str))
    first = names[0]
    rows = ", ".join(str(r) for r in np.sort(layer.rows[positions[ids == first]])[:SHOWN_IDS])
    stand, more = agreeing(len(names), "stands", "stand"), agreeing(len(names), "", ", …")
    raise InputError(
        f"{counted(len(names), 'primary ID')} of {inventory.path} {stand} for several outlines, so it is not "
        f"clear which unit is meant: {first} in rows {rows}{more}; see `rogi validate`, and repair IDs with "
        "`rogi id repair` or by hand."
    )


def _refuse_blanks(inventory: Inventory, layer: Layer, ids: Texts, positions: NDArray[np.intp]) -> None:
    """Blanks stand between the IDs of a list, in tasks, in the lineage and in a release."""
    blank = np.flatnonzero([len(str(name).split()) != 1 for name in ids])
    if len(blank):
        first = blank[np.argmin(positions[blank])]
        verb = agreeing(len(blank), "has a blank", "have blanks")
        raise InputError(
            f"{counted(len(blank), 'primary ID')} of {inventory.path} {verb} within, such as "
            f"{str(ids[first])!r} in row {layer.rows[positions[first]]}, but blanks stand between the IDs of "
            "a list; write IDs without them, or make new ones with `rogi id make`, and see `rogi validate`."
        )


def some(ids: Sequence[str]) -> str:
    """The first ids of a list."""
    return ", ".join(ids[:SHOWN_IDS]) + (", …" if len(ids) > SHOWN_IDS else "")
