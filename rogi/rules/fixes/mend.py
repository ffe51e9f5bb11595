"""Fixing an inventory: fixes in order, each on what the one before left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from rogi.inventory.model import Inventory
from rogi.rules.context import Context
from rogi.rules.fixes import attributes, geometry, identity, names
from rogi.rules.fixes.changes import Change, FixLevel, FixReport
from rogi.rules.fixes.edits import Edit, apply
from rogi.schema.model import Parameter
from rogi.schema.parameters import load_parameters
from rogi.text import counted

Fix = Callable[[Context], Iterable[Edit]]

# Geometry comes before what is computed from it; IDs of markers before those of outlines that follow them.
# Repeats go before IDs are given, as two markers cannot share one, and again after: outlines may.
FIXES: tuple[tuple[FixLevel, Fix], ...] = (
    (FixLevel.SAFE, names.column_names),
    (FixLevel.SAFE, attributes.outer_blanks),
    (FixLevel.SAFE, attributes.vocabulary_spelling),
    (FixLevel.SAFE, identity.canonical_ids),
    (FixLevel.UNSAFE, geometry.valid_polygons),
    (FixLevel.UNSAFE, geometry.no_duplicates),
    (FixLevel.UNSAFE, identity.ids_by_position),
    (FixLevel.UNSAFE, identity.ids_of_outlines),
    (FixLevel.UNSAFE, geometry.no_duplicates),
    (FixLevel.SAFE, geometry.ring_orientation),
    (FixLevel.SAFE, attributes.areas),
)


def fix(
    inventory: Inventory, level: FixLevel, parameters: Mapping[str, object] | None = None
) -> tuple[Inventory, FixReport]:
    """Mend what rules find, as far as the level allows.

    *Safe*: column names as the schema spells them, outer blanks, spelling of vocabulary terms, IDs in their
    canonical form, ring orientation where the format asks for it, areas computed anew (in the column's own
    unit and decimals). *Unsafe*, besides: invalid polygons made valid where that changes their area by no
    more than :data:`~rogi.rules.fixes.geometry.MAXIMUM_AREA_CHANGE`, repeated features removed, IDs made from
    positions.

    Parameters
    ----------
    inventory
        It is not changed.
    level
        How far to go.
    parameters
        Parameters of rules, as in the settings of a validation.

    Fixes stand back from what a finding says of their input: nothing is computed from coordinates that are
    infinite, off the Earth or swapped.

    Returns
    -------
    inventory, report
        A mended copy and the list of all changes. Mending again changes nothing.
    """
    table = load_parameters(dict(parameters or {}))
    changes: list[Change] = []
    context = _context(inventory, table)
    stood_back = tuple(_stood_back(context))
    for needed, mend in FIXES:
        if needed is FixLevel.UNSAFE and level is FixLevel.SAFE:
            continue
        with np.errstate(all="ignore"):  # absurd coordinates overflow; what comes of them is not used
            inventory, made = apply(inventory, list(mend(context)))
        changes += made
        if made:
            context = _context(inventory, table)
    return inventory, FixReport(level, tuple(changes), stood_back)


def _stood_back(context: Context) -> Iterator[str]:
    """Features whose coordinates rules report: areas, IDs and orientations are not taken from them."""
    for layer in context.inventory.layers:
        if layer.crs is None:
            continue
        state = context.state(layer.role)
        for mask, code in (
            (state.infinite, "GEO019"),
            (state.out_of_range & ~state.swapped, "SCH006"),
            (state.swapped, "SCH007"),
        ):
            if count := int(mask.sum()):
                title = layer.role.title
                named = counted(count, title.removesuffix("s"), title)
                yield f"{named} left alone by fixes that need their place ({code} reports the coordinates)"


def _context(inventory: Inventory, table: Mapping[str, Parameter]) -> Context:
    return Context(inventory, table, dt.date.max)
