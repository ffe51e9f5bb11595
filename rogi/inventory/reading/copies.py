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

Mask = NDArray[np.bool_]

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
        If at least :data:`SAME_SHARE` of the places or IDs of a source layer are those of another one.
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
    """Pairs of sources that hold the same units, and how many: the most similar pair first.

    Units are the same in the same place, or under the same ID where their outlines have ground in common.
    """
    found = _pairs(*_places(layer), layer, source)
    if layer.role is Role.OUTLINE and "primary_id" in layer.columns:
        found += _pairs(*_ids(layer, source), layer, source, meet=True)
    return sorted(found, key=lambda pair: -pair[2])


def _pairs(
    key: NDArray[np.int64], known: Mask, layer: Layer, source: NDArray[np.int64], *, meet: bool = False
) -> list[tuple[int, int, int]]:
    """Pairs of sources of which :data:`SAME_SHARE` of the smaller have a key in common, and how many."""
    rows = np.flatnonzero(known)
    rows = rows[np.lexsort([source[rows], key[rows]])]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (np.diff(key[rows]) != 0) | (np.diff(source[rows]) != 0)
    rows = rows[new]
    size = np.bincount(source[rows], minlength=len(layer.sources))
    # Of a key in three sources or more only neighbours are paired: enough to find a copy.
    again = np.flatnonzero(key[rows[1:]] == key[rows[:-1]])
    left, right = rows[again], rows[again + 1]
    if meet:
        extent = shapely.bounds(layer.geometry)
        there = shapely.intersects(*(shapely.box(*extent[side].T) for side in (left, right)))
        left, right = left[there], right[there]
    pairs, count = np.unique(np.column_stack([source[left], source[right]]), axis=0, return_counts=True)
    share = count / np.minimum(size[pairs[:, 0]], size[pairs[:, 1]])
    order = np.lexsort([pairs[:, 1], pairs[:, 0], -share])
    return [(*pairs[k].tolist(), int(count[k])) for k in order if share[k] >= SAME_SHARE]


def _ids(layer: Layer, source: NDArray[np.int64]) -> tuple[NDArray[np.int64], Mask]:
    """A number for each ID and type of outline, (n,), and whether a feature has one, alone in its source."""
    found = layer.values("primary_id").reset_index(drop=True)
    table = pd.DataFrame({"id": found.astype("str").str.strip(), "kind": _kinds(layer)})
    known = ~(found.isna() | (table["id"] == "") | table.assign(source=source).duplicated(keep=False))
    key = table.groupby(["id", "kind"], dropna=False).ngroup()
    return np.asarray(key, dtype=np.int64), np.asarray(known, dtype=bool)


def _kinds(layer: Layer) -> NDArray[np.float64]:
    """A number for the type of each outline, 0 where no column says it."""
    if "outline_type" not in layer.columns:
        return np.zeros(len(layer))
    return np.asarray(pd.factorize(layer.values("outline_type"))[0].astype(np.float64))


def _places(layer: Layer) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """A number for each place, (n,), and whether a feature has one.

    Two features are in the same place if their extent, area and number of vertices, and the type of their
    outline, where a column says it, are the same.
    """
    geometry = layer.geometry
    extent = shapely.bounds(geometry)
    known = np.isfinite(extent).all(axis=1)
    kind = _kinds(layer)
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
