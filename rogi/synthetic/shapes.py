"""Outlines like those of rock glaciers: lobes and tongues as star-shaped polygons, many at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Length over width: lobes are about as wide as long, tongues several times longer.
LOBE_ELONGATION = (0.7, 1.4)
TONGUE_ELONGATION = (1.8, 3.4)
TONGUE_SHARE = 0.55
HARMONICS = (2, 3, 5)
ROUGHNESS = (0.08, 0.06, 0.025)
FRONT_BULGE = 0.18


@dataclass(frozen=True, slots=True)
class Forms:
    """What distinguishes the outlines of (n,) units but for their size: drawn once, traced block by block."""

    stretch: Floats
    phase: Floats
    strength: Floats

    @classmethod
    def drawn(cls, n: int, rng: np.random.Generator) -> Forms:
        """Random lobes and tongues."""
        tongue = rng.random(n) < TONGUE_SHARE
        low = np.where(tongue, TONGUE_ELONGATION[0], LOBE_ELONGATION[0])
        high = np.where(tongue, TONGUE_ELONGATION[1], LOBE_ELONGATION[1])
        stretch = np.sqrt(low + (high - low) * rng.random(n))
        phase = rng.random((len(HARMONICS), n)) * 2 * np.pi
        return cls(stretch, phase, np.array(ROUGHNESS)[:, None] * rng.random((len(HARMONICS), n)))

    def __getitem__(self, units: slice) -> Forms:
        return Forms(self.stretch[units], self.phase[:, units], self.strength[:, units])


def outlines(forms: Forms, area: Floats, direction: Floats, vertices: Ints) -> tuple[Floats, Ints, Floats]:
    """Outlines in metres around the origin, as flat arrays.

    Parameters
    ----------
    forms
        Of n units.
    area
        (n,) m²; the polygons have exactly this area.
    direction
        (n,) degrees clockwise from north in which the front lies.
    vertices
        (n,) number of vertices of each.

    Returns
    -------
    xy
        (sum(vertices), 2) m east and north, counter-clockwise, rings not closed.
    unit
        (sum(vertices),) which outline a vertex belongs to.
    length
        (n,) m along the direction of flow.
    """
    unit = np.repeat(np.arange(len(area)), vertices)
    start = np.concatenate([[0], np.cumsum(vertices)[:-1]])
    step = np.arange(len(unit)) - start[unit]
    theta = 2 * np.pi * step / vertices[unit]
    radius = 1 + FRONT_BULGE * np.cos(theta)
    for k, wave in enumerate(HARMONICS):
        radius += forms.strength[k][unit] * np.cos(wave * theta + forms.phase[k][unit])
    along = radius * np.cos(theta) * forms.stretch[unit]
    across = radius * np.sin(theta) / forms.stretch[unit]

    following = np.arange(len(unit)) + 1
    last = start + vertices - 1
    following[last] = start
    twice = along * across[following] - along[following] * across
    scale = np.sqrt(area / (np.add.reduceat(twice, start) / 2))
    along *= scale[unit]
    across *= scale[unit]
    length = np.maximum.reduceat(along, start) - np.minimum.reduceat(along, start)

    azimuth = np.radians(direction)[unit]
    # Along points to the front; across is 90° counter-clockwise from it, so rings stay counter-clockwise.
    east = along * np.sin(azimuth) - across * np.cos(azimuth)
    north = along * np.cos(azimuth) + across * np.sin(azimuth)
    return np.column_stack([east, north]), unit, length


def polygons(coordinates: Floats, unit: Ints, n: int) -> NDArray[np.object_]:
    """(n,) shapely polygons from flat rings that are not closed."""
    counts = np.bincount(unit, minlength=n)
    start = np.concatenate([[0], np.cumsum(counts)[:-1]])
    order = np.insert(np.arange(len(unit)), start + counts, start)  # repeat the first vertex at the end
    offsets = np.concatenate([[0], np.cumsum(counts + 1)])
    made: NDArray[np.object_] = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, coordinates[order], (offsets, np.arange(n + 1))
    )
    return made
