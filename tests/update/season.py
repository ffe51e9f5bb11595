"""Candidates of a new season for a synthetic inventory, with the class that each unit should get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from rogi.errors import OptionError
from rogi.inventory.build import from_frames
from rogi.inventory.model import Inventory
from rogi.schema.model import Role
from rogi.synthetic.inventory import synthetic_inventory

Objects = NDArray[np.object_]

SHARES: Final = {
    "changed": 0.15,
    "not detected": 0.10,
    "split": 0.05,
    "merged": 0.06,
    "complex": 0.02,
}
"""Of the units; the rest is unchanged."""

PAIRED: Final = ("merged", "complex")
"""Classes whose units come in pairs of neighbours."""

NEW_SHARE: Final = 0.10
"""Candidates without a unit, of the number of units."""

SMALLEST: Final = 40
UNCHANGED_SCALE: Final = 0.98  # about the marker: IoU 0.98² = 0.9604
CHANGED_SCALE: Final = 0.8  # IoU 0.64


@dataclass(frozen=True, slots=True, eq=False)
class Season:
    """A synthetic inventory and what a model might find a season later.

    Attributes
    ----------
    inventory
        The units.
    candidates
        ``candidate_id``, ``confidence``, ``model``, ``imagery``, ``image_date`` and outlines, EPSG:4326.
    unit_class
        (n,) class of each outline of the inventory, in its order.
    new
        Ids of the candidates without a unit.
    """

    inventory: Inventory
    candidates: gpd.GeoDataFrame
    unit_class: Objects
    new: Objects


def new_season(count: int, seed: int = 0, *, worldwide: bool = False) -> Season:
    """A synthetic inventory with candidates: the same outlines, smaller ones, halves, pairs, and new ones.

    Parameters
    ----------
    count
        Units of the inventory.
    seed
        Same seed and count: the same season.
    worldwide
        On all continents, the antimeridian and both poles included.

    Raises
    ------
    OptionError
        If there are too few units.
    """
    if count < SMALLEST:
        raise OptionError(f"A new season needs at least {SMALLEST} units, not {count}.")
    added = int(NEW_SHARE * count)
    whole = synthetic_inventory(count + added, seed, worldwide=worldwide)
    rng = np.random.default_rng(seed)
    order = rng.permutation(count + added)
    kept = np.sort(order[:count])
    frames = {layer.role: layer.frame.iloc[kept].reset_index(drop=True) for layer in whole.layers}
    inventory = from_frames(frames, schema="tprogi/1.0", dialect="tprogi", path=f"synthetic {count}")
    outlines = frames[Role.OUTLINE]
    shapes = np.asarray(outlines.geometry.array, dtype=object)
    centres = outlines[["LON", "LAT"]].to_numpy(float)
    everything = whole.layer(Role.OUTLINE)
    assert everything is not None
    fresh = everything.geometry[np.sort(order[count:])]

    kinds = np.full(count, "unchanged", dtype=object)
    near = rng.permutation(_neighbours(centres))
    pairs, taken = {}, 0
    for kind in PAIRED:
        number = int(SHARES[kind] * count) // 2
        pairs[kind] = near[taken : taken + number].T
        kinds[pairs[kind]] = kind
        taken += number
    alone = rng.permutation(np.flatnonzero(kinds == "unchanged"))
    taken = 0
    for kind in (k for k in SHARES if k not in PAIRED):
        number = int(SHARES[kind] * count)
        kinds[alone[taken : taken + number]] = kind
        taken += number
    members = {kind: np.flatnonzero(kinds == kind) for kind in ("unchanged", *SHARES)}
    split = members["split"]
    west, east = _halves(shapes, centres)
    found = [
        _scaled(shapes[members["unchanged"]], centres[members["unchanged"]], UNCHANGED_SCALE),
        _scaled(shapes[members["changed"]], centres[members["changed"]], CHANGED_SCALE),
        west[split],
        east[split],
        _together(shapes, *pairs["merged"]),
        _together(west, *pairs["complex"]),
        _together(east, *pairs["complex"]),
        fresh,
    ]
    geometry = np.concatenate(found)
    ids = np.array([f"C-{k:06d}" for k in range(len(geometry))], dtype=object)
    candidates = gpd.GeoDataFrame(
        {
            "candidate_id": ids,
            "confidence": np.round(rng.beta(6.0, 2.0, len(geometry)), 3),
            "model": "synthetic@000000000000",
            "imagery": "season.tif",
            "image_date": "2026-08-01",
        },
        geometry=geometry,
        crs="EPSG:4326",
    )
    return Season(inventory, candidates, kinds, ids[len(ids) - len(fresh) :])


def _neighbours(centres: NDArray[np.float64]) -> NDArray[np.intp]:
    """Pairs of units each of which is nearest to the other, shape (m, 2)."""
    _, found = cKDTree(centres).query(centres, k=2)
    nearest = np.asarray(found)[:, 1]
    rows = np.arange(len(centres))
    mutual = (nearest[nearest] == rows) & (rows < nearest)
    return np.column_stack([rows[mutual], nearest[mutual]])


def _scaled(shapes: Objects, centres: NDArray[np.float64], factor: float) -> Objects:
    centre = np.repeat(centres, shapely.get_num_coordinates(shapes), axis=0)
    return np.asarray(shapely.transform(shapes, lambda c: np.round(centre + factor * (c - centre), 7)))


def _halves(shapes: Objects, centres: NDArray[np.float64]) -> tuple[Objects, Objects]:
    """Parts of outlines west and east of their markers, 2e-4 degrees (about 18 m) apart."""
    west, south, east, north = shapely.bounds(shapes).T
    lon = centres[:, 0]
    return (
        np.asarray(shapely.intersection(shapes, shapely.box(west, south, lon - 1e-4, north))),
        np.asarray(shapely.intersection(shapes, shapely.box(lon + 1e-4, south, east, north))),
    )


def _together(shapes: Objects, one: NDArray[np.intp], other: NDArray[np.intp]) -> Objects:
    """Pairs of outlines, each pair one geometry."""
    return np.asarray(shapely.union(shapes[one], shapes[other]))
