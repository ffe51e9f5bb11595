"""Layers of one role that hold the same units: versions or copies, not parts of an inventory."""

from __future__ import annotations

from collections.abc import Set
from typing import Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.inventory.model import Inventory, Layer, Source
from rogi.schema.model import Role
from rogi.text import counted

SAME_SHARE: Final = 0.5
"""Part of the smaller of two layers that the other one has as well, from which both are taken for the same
units; no published value. Duplicates between parts of one inventory are far fewer, and a finding."""
UNITS: Final = (Role.OUTLINE, Role.MARKER)


def refuse_copies(inventory: Inventory, named: Set[Role]) -> None:
    """Refuse source layers that were joined but hold the same units.

    Parameters
    ----------
    inventory
        As it was read.
    named
        Roles whose layers the user named one by one, so that they are meant.

    Raises
    ------
    InputError
        If at least :data:`SAME_SHARE` of the places of a source layer are those of another one.
    """
    for layer in inventory.layers:
        if layer.role not in UNITS or layer.role in named:
            continue
        if layer.source_index is None or len(layer.sources) < 2:
            continue
        if alike := _shared(layer, layer.source_index):
            a, b, same = alike[0]
            raise InputError(
                f"{_name(layer.sources[a])} and {_name(layer.sources[b])} have "
                f"{counted(same, _NOUNS[layer.role])} in common, so they look like versions or copies of one "
                f"layer; name the one that is meant with --layer {layer.role.value}=PATH:LAYER, or each "
                "of them to read both."
            )


_NOUNS: Final = {Role.OUTLINE: "outline", Role.MARKER: "marker"}


def _shared(layer: Layer, source: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """Pairs of sources that hold the same units, and how many: the most similar pair first."""
    key, known = _places(layer)
    pairs = np.unique(np.column_stack([key[known], source[known]]), axis=0)
    size = np.bincount(pairs[:, 1], minlength=len(layer.sources))
    # Of a place in three sources or more only neighbours are paired: enough to find a copy.
    again = np.flatnonzero(pairs[1:, 0] == pairs[:-1, 0])
    a, b = pairs[again, 1], pairs[again + 1, 1]
    found, count = np.unique(np.column_stack([a, b]), axis=0, return_counts=True)
    share = count / np.minimum(size[found[:, 0]], size[found[:, 1]])
    order = np.lexsort([found[:, 1], found[:, 0], -share])
    return [(*found[k].tolist(), int(count[k])) for k in order if share[k] >= SAME_SHARE]


def _places(layer: Layer) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """A number for each place, (n,), and whether a feature has one.

    Two features are in the same place if their extent, area and number of vertices, and the type of their
    outline, where a column says it, are the same.
    """
    geometry = layer.geometry
    extent = shapely.bounds(geometry)
    known = np.isfinite(extent).all(axis=1)
    kind = np.zeros(len(layer))
    if "outline_type" in layer.columns:
        kind = pd.factorize(layer.values("outline_type"))[0].astype(np.float64)
    with np.errstate(invalid="ignore"):  # of outlines with coordinates that are no numbers
        area = shapely.area(geometry)
    table = np.column_stack([extent, area, shapely.get_num_coordinates(geometry), kind])
    table[~known] = 0.0
    _, key = np.unique(table + 0.0, axis=0, return_inverse=True)
    return key.reshape(-1).astype(np.int64), known


def _name(source: Source) -> str:
    """Path and layer, for messages."""
    layer = f" (layer {source.layer})" if source.layer not in (None, source.path.stem) else ""
    return f"{source.path}{layer}"
