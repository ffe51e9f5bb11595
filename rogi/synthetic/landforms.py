"""Synthetic landforms on slopes: rock glaciers, and what is taken for them.

A landform is a body along a line of flow that follows the terrain downhill. Its outline is what counts as
truth. What tells the kinds apart is the relief of their surface: rock glaciers have transverse ridges and
furrows that bend downhill, close together, and a steep front; debris-covered glaciers hummocks, stripes along
the flow and ponds; rock avalanches hummocks and blocks; moraines a few ridges along their edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from rogi.synthetic.noise import noise

Floats = NDArray[np.floating[Any]]
Bounds = tuple[float, float, float, float]

STEP = 10.0
"""Metres between points of a line of flow."""

INERTIA = 0.86
"""Share of the direction that a step keeps; the rest turns downhill."""

NEIGHBOURS = 30.0
"""Metres that unrelated landforms keep apart."""

STRAIGHT, FOLDED = 0.8, 0.93
"""Least chord of a line of flow, by its length, and area of a body, by that of its unrolled one: what bends
more runs into itself."""

NOTCH = 30.0
"""m; notches narrower than twice this, left by bends, are filled."""

SMALLEST = 1.05e4
"""m²; units below 0.01 km² are not mapped (Sun et al. 2024)."""

ATTEMPTS = 40
"""Places tried per landform asked for."""


class Kind(StrEnum):
    """What a landform is."""

    ROCK_GLACIER = "rock glacier"
    DEBRIS_COVERED_GLACIER = "debris-covered glacier"
    ROCK_AVALANCHE = "rock avalanche"
    MORAINE = "moraine"
    LAKE = "lake"


@dataclass(frozen=True)
class Habit:
    """Range of the sizes of a kind, m, and the slopes it starts on, m per m."""

    length: tuple[float, float]
    half_width: tuple[float, float]
    thickness: tuple[float, float]
    slope: tuple[float, float]


HABITS = {
    Kind.ROCK_GLACIER: Habit((460.0, 1500.0), (120.0, 270.0), (18.0, 36.0), (0.14, 0.55)),
    Kind.DEBRIS_COVERED_GLACIER: Habit((600.0, 1900.0), (110.0, 260.0), (14.0, 28.0), (0.08, 0.45)),
    Kind.ROCK_AVALANCHE: Habit((380.0, 1200.0), (100.0, 260.0), (9.0, 24.0), (0.14, 0.60)),
    Kind.MORAINE: Habit((350.0, 900.0), (100.0, 230.0), (9.0, 18.0), (0.06, 0.40)),
    Kind.LAKE: Habit((120.0, 380.0), (70.0, 170.0), (0.0, 0.0), (0.0, 0.16)),
}
"""Rock glaciers on slopes as in TPRoGI v1.0 (Sun et al. 2024: 10-25 degrees), but larger than its mean of
0.14 km², because pixels are 10 m here and 4.8 m there."""

LOOK_ALIKES = {
    Kind.DEBRIS_COVERED_GLACIER: 0.30,
    Kind.ROCK_AVALANCHE: 0.35,
    Kind.MORAINE: 0.25,
    Kind.LAKE: 0.10,
}
"""Shares of the negatives."""


@dataclass(frozen=True, eq=False)
class Landform:
    """One body.

    Attributes
    ----------
    kind : Kind
    line : ndarray of float64, shape (m, 2)
        Line of flow from its root to its front, m east and north.
    half_width : ndarray of float64, shape (m,)
        Of the body at the points of the line, m.
    polygon : shapely.Polygon
        Outline.
    thickness : float
        Height of the front, m.
    wavelength : float
        Distance of ridges, m.
    tone : float
        Brightness of the debris relative to its surroundings.
    number : int
        Seed of its texture; a landform keeps it when it advances.
    shift : float
        Metres by which its ridges have moved down.
    system : int
        Number shared by landforms that touch.
    """

    kind: Kind
    line: Floats
    half_width: Floats
    polygon: shapely.Polygon
    thickness: float
    wavelength: float
    tone: float
    number: int
    shift: float = 0.0
    system: int = -1


@dataclass(frozen=True, eq=False)
class Slopes:
    """Terrain that flow follows, coarse: elevation at points of a grid.

    Attributes
    ----------
    elevation : ndarray of float64, shape (rows, columns)
    west, north : float
        Of the first point, m.
    spacing : float
        m.
    """

    elevation: Floats
    west: float
    north: float
    spacing: float

    def height(self, xy: Floats) -> Floats:
        """Elevation at points, shape (n, 2), m."""
        return self._at(self.elevation, xy)

    def gradient(self, xy: Floats) -> Floats:
        """Rise per metre east and north at points, shape (n, 2)."""
        return np.column_stack([self._at(layer, xy) for layer in self._rises])

    @cached_property
    def _rises(self) -> tuple[Floats, Floats]:
        south, east = np.gradient(self.elevation, self.spacing)
        return np.asarray(east), np.asarray(-south)

    def _at(self, layer: Floats, xy: Floats) -> Floats:
        where = np.stack([(self.north - xy[:, 1]) / self.spacing, (xy[:, 0] - self.west) / self.spacing])
        values: Floats = map_coordinates(layer, where, order=1, mode="nearest")
        return values


def place(
    slopes: Slopes, bounds: Bounds, counts: dict[Kind, int], seed: int, systems: float
) -> list[Landform]:
    """Landforms inside some bounds, none upon another.

    Parameters
    ----------
    slopes : Slopes
    bounds : tuple of float
        West, south, east, north, m.
    counts : dict
        How many of each kind; fewer where there is no room.
    seed : int
    systems : float
        Share of the rock glaciers that get a neighbour which touches them.
    """
    rng = np.random.default_rng(seed)
    placed: list[Landform] = []
    for kind in (Kind.ROCK_GLACIER, *LOOK_ALIKES):
        wanted = counts.get(kind, 0)
        candidates = _candidates(slopes, bounds, kind, wanted * ATTEMPTS, rng) if wanted else iter(())
        made = 0
        for landform in candidates:
            if made >= wanted:
                break
            if not _free(landform.polygon, placed):
                continue
            placed.append(landform)
            made += 1
            if kind is Kind.ROCK_GLACIER and made < wanted and rng.random() < systems:
                neighbour = _neighbour(landform, placed, rng)
                if neighbour is not None:
                    placed[-1] = replace(landform, system=landform.number)
                    placed.append(neighbour)
                    made += 1
    west, south, east, north = bounds
    inside = shapely.box(west, south, east, north)
    return [landform for landform in placed if inside.contains(landform.polygon)]


def advanced(landform: Landform, metres: float) -> Landform:
    """The landform after its front has moved down and its ridges with it."""
    direction = landform.line[-1] - landform.line[-2]
    direction /= np.hypot(*direction)
    steps = int(np.ceil(metres / STEP))
    more = landform.line[-1] + direction * STEP * np.arange(1, steps + 1)[:, None]
    line = np.concatenate([landform.line, more])
    width = _profile(len(line), float(landform.half_width.max()), landform.number)
    outline = _outline(line, width)
    if outline is None:
        return landform
    return replace(
        landform, line=line, half_width=width, polygon=largest(shapely.union(outline, landform.polygon)),
        shift=landform.shift + metres,
    )  # fmt: skip


def relief(landform: Landform, x: Floats, y: Floats, depth: Floats) -> tuple[Floats, Floats, Floats]:
    """Surface of a landform above the smooth ground it lies on.

    Parameters
    ----------
    landform : Landform
    x, y : ndarray of float64, shape (columns,) and (rows,)
        Pixel centres, m.
    depth : ndarray of float64, shape (rows, columns)
        Distance from the outline inwards, m; 0 outside.

    Returns
    -------
    height, brightness, water : ndarray of float64, shape (rows, columns)
        Metres, factor, and 1 where there is water.
    """
    along, across, width = _coordinates(landform, x, y)
    length = (len(landform.line) - 1) * STEP
    share = np.clip(along / length, 0.0, 1.0)
    # The root merges with the slope above; front and sides are steep.
    rise = np.clip(share / 0.3, 0.0, 1.0)
    rise = rise * rise * (3 - 2 * rise)
    edge = np.clip(depth / (1.3 * max(landform.thickness, 1.0)), 0.0, 1.0)
    height = landform.thickness * (0.15 + 0.85 * rise) * (1 - (1 - edge) ** 2)
    fine = noise(x, y, 25.0, landform.number) - 0.5
    brightness = landform.tone * (1.0 + 0.22 * fine)
    water = np.zeros_like(height)
    surface = _SURFACES[landform.kind]
    texture, shade, wet = surface(landform, x, y, along, across, width, depth)
    return height + edge * texture, brightness * shade, np.maximum(water, wet)


def _rock_glacier(
    landform: Landform, x: Floats, y: Floats, along: Floats, across: Floats, width: Floats, depth: Floats
) -> tuple[Floats, Floats, Floats]:
    length = (len(landform.line) - 1) * STEP
    bend = 0.75 * np.minimum((across / np.maximum(width, 1.0)) ** 2, 1.5) * width
    warp = (noise(x, y, 130.0, landform.number + 1) - 0.5) * 1.1 * landform.wavelength
    phase = 2 * np.pi * (along - landform.shift + bend + warp) / landform.wavelength
    ridge = 1.0 - 2.0 * np.abs(np.sin(phase / 2)) ** 1.4  # crests rounder than furrows
    strength = 0.55 + 0.45 * np.clip(along / length, 0.0, 1.0)
    patchy = 0.7 + 0.6 * noise(x, y, 220.0, landform.number + 2)
    amplitude = 0.085 * landform.wavelength * strength * patchy
    return amplitude * ridge, 1.0 + 0.035 * ridge, np.zeros_like(ridge)


def _debris_covered_glacier(
    landform: Landform, x: Floats, y: Floats, along: Floats, across: Floats, width: Floats, depth: Floats
) -> tuple[Floats, Floats, Floats]:
    hummocks = noise(x, y, 85.0, landform.number + 1) + 0.6 * noise(x, y, 42.0, landform.number + 2) - 0.8
    wander = 4 * (noise(x, y, 300.0, landform.number + 3) - 0.5)
    stripe = np.cos(2 * np.pi * across / (0.55 * landform.half_width.max()) + wander)
    ponds = (noise(x, y, 110.0, landform.number + 4) > 0.86) & (depth > 40.0)
    return 5.5 * hummocks + 0.9 * stripe, 1.0 + 0.10 * stripe, ponds.astype(np.float64)


def _rock_avalanche(
    landform: Landform, x: Floats, y: Floats, along: Floats, across: Floats, width: Floats, depth: Floats
) -> tuple[Floats, Floats, Floats]:
    hummocks = noise(x, y, 62.0, landform.number + 1) + 0.7 * noise(x, y, 30.0, landform.number + 2) - 0.85
    return 6.0 * hummocks, 1.0 + 0.12 * hummocks, np.zeros_like(hummocks)


def _moraine(
    landform: Landform, x: Floats, y: Floats, along: Floats, across: Floats, width: Floats, depth: Floats
) -> tuple[Floats, Floats, Floats]:
    wander = 18.0 * (noise(x, y, 160.0, landform.number + 1) - 0.5)
    crest = np.exp(-(((depth - 26.0 + wander) / 14.0) ** 2))
    crest += 0.6 * np.exp(-(((depth - 72.0 + 2 * wander) / 15.0) ** 2))
    inside = np.clip((depth - 45.0) / 25.0, 0.0, 1.0)
    rough = 2.0 * (noise(x, y, 45.0, landform.number + 2) - 0.5)
    height = landform.thickness * (0.75 * crest - 0.9 * inside)
    return height + rough, 1.0 - 0.08 * inside, np.zeros_like(crest)


def _lake(
    landform: Landform, x: Floats, y: Floats, along: Floats, across: Floats, width: Floats, depth: Floats
) -> tuple[Floats, Floats, Floats]:
    return np.zeros_like(depth), np.ones_like(depth), np.ones_like(depth)


Surface = Callable[[Landform, Floats, Floats, Floats, Floats, Floats, Floats], tuple[Floats, Floats, Floats]]
_SURFACES: dict[Kind, Surface] = {
    Kind.ROCK_GLACIER: _rock_glacier,
    Kind.DEBRIS_COVERED_GLACIER: _debris_covered_glacier,
    Kind.ROCK_AVALANCHE: _rock_avalanche,
    Kind.MORAINE: _moraine,
    Kind.LAKE: _lake,
}


def _candidates(
    slopes: Slopes, bounds: Bounds, kind: Kind, count: int, rng: np.random.Generator
) -> Iterator[Landform]:
    """Landforms of a kind at random places with fitting slopes, in random order."""
    habit = HABITS[kind]
    start = rng.uniform(bounds[:2], bounds[2:], (count, 2))
    steep = np.hypot(*slopes.gradient(start).T)
    start = start[(steep >= habit.slope[0]) & (steep <= habit.slope[1])]
    n = len(start)
    size = rng.beta(1.4, 2.6, n)
    length = habit.length[0] + (habit.length[1] - habit.length[0]) * size
    spread = np.clip(size + rng.normal(0.0, 0.22, n), 0.0, 1.0)
    half_width = habit.half_width[0] + (habit.half_width[1] - habit.half_width[0]) * spread
    thickness = rng.uniform(*habit.thickness, n)
    wavelength = rng.uniform(46.0, 78.0, n)
    tone = rng.normal(1.0, 0.09, n)
    number = rng.integers(1, 2**31, n)
    lines = _flow(slopes, start, int(np.ceil(length.max() / STEP)) if n else 0)
    heights = slopes.height(lines.reshape(-1, 2)).reshape(lines.shape[:2])
    for i in range(n):
        line = lines[i, : int(length[i] / STEP) + 1]
        width = _profile(len(line), half_width[i], int(number[i]))
        polygon = _outline(line, width)
        fall = heights[i, 0] - heights[i, len(line) - 1]
        if polygon is not None and fall >= habit.slope[0] / 2 * length[i]:
            yield Landform(
                kind, line, width, polygon, float(thickness[i]), float(wavelength[i]),
                float(np.clip(tone[i], 0.75, 1.25)), int(number[i]),
            )  # fmt: skip


def _flow(slopes: Slopes, start: Floats, steps: int) -> Floats:
    """Lines downhill from points, shape (n, steps + 1, 2)."""
    lines = np.zeros((len(start), steps + 1, 2))
    lines[:, 0] = start
    heading = -slopes.gradient(start)
    heading /= np.maximum(np.hypot(*heading.T), 1e-9)[:, None]
    for step in range(steps):
        down = -slopes.gradient(lines[:, step])
        down /= np.maximum(np.hypot(*down.T), 1e-9)[:, None]
        heading = INERTIA * heading + (1 - INERTIA) * down
        heading /= np.maximum(np.hypot(*heading.T), 1e-9)[:, None]
        lines[:, step + 1] = lines[:, step] + STEP * heading
    return lines


def _profile(points: int, half_width: float, number: int) -> Floats:
    """Half-widths along a line: round at both ends, widest towards the front, a little uneven."""
    s = np.arange(points) * STEP
    length = max(s[-1], STEP)
    swell = 0.72 + 0.28 * np.clip(s / (0.75 * length), 0.0, 1.0)
    rng = np.random.default_rng(number)
    phase = rng.random(2) * 2 * np.pi
    swell *= 1 + 0.10 * np.cos(2 * np.pi * s / 410.0 + phase[0])
    swell *= 1 + 0.06 * np.cos(2 * np.pi * s / 170.0 + phase[1])
    front = np.clip((length - s) / (0.9 * half_width), 0.0, 1.0)
    root = np.clip(s / (0.9 * half_width), 0.0, 1.0)
    width: Floats = half_width * swell * np.sqrt(1 - (1 - front) ** 2) * np.sqrt(1 - (1 - root) ** 2)
    return width


def _outline(line: Floats, half_width: Floats) -> shapely.Polygon | None:
    """Polygon of a body, or None where a bend makes it cross itself."""
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]])
    offset = normal * half_width[:, None]
    ring = np.concatenate([line + offset, (line - offset)[::-1]])
    polygon = shapely.Polygon(ring).buffer(0).buffer(NOTCH).buffer(-NOTCH).simplify(1.0)
    polygon = shapely.set_precision(polygon, 0.01)
    whole = 2 * STEP * half_width.sum()
    chord = np.hypot(*(line[-1] - line[0])) / ((len(line) - 1) * STEP)
    sound = polygon.geom_type == "Polygon" and not polygon.interiors and chord > STRAIGHT
    return polygon if sound and polygon.area > max(SMALLEST, FOLDED * whole) else None


def _free(polygon: shapely.Polygon, placed: list[Landform]) -> bool:
    if not placed:
        return True
    others = np.array([landform.polygon for landform in placed], dtype=object)
    return not bool(shapely.dwithin(others, polygon, NEIGHBOURS).any())


def _neighbour(landform: Landform, placed: list[Landform], rng: np.random.Generator) -> Landform | None:
    """A rock glacier beside another one, along a shared border, or None if there is no room."""
    side = rng.choice([-1.0, 1.0])
    widest = float(landform.half_width.max())
    direction = landform.line[-1] - landform.line[0]
    direction /= np.hypot(*direction)
    across = np.array([-direction[1], direction[0]])
    shift = side * widest * rng.uniform(1.15, 1.5) * across + direction * rng.uniform(-120.0, 120.0)
    steps = int(len(landform.line) * rng.uniform(0.75, 1.0))
    line = landform.line[:steps] + shift
    number = int(rng.integers(1, 2**31))
    width = _profile(len(line), widest * rng.uniform(0.75, 1.1), number)
    whole = _outline(line, width)
    if whole is None:
        return None
    polygon = largest(shapely.difference(whole, landform.polygon))
    border = shapely.intersection(polygon.boundary, landform.polygon.boundary).length
    others = [other for other in placed if other is not landform]
    if polygon.area < 0.6 * whole.area or border < 60.0 or polygon.interiors or not _free(polygon, others):
        return None
    return Landform(
        Kind.ROCK_GLACIER, line, width, polygon, landform.thickness * rng.uniform(0.8, 1.2),
        rng.uniform(46.0, 78.0), float(np.clip(landform.tone + rng.normal(0.0, 0.05), 0.75, 1.25)), number,
        system=landform.number,
    )  # fmt: skip


def largest(geometry: shapely.Geometry) -> shapely.Polygon:
    """The largest polygon of a geometry; an empty one if it has none."""
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"]
    return max(parts, key=lambda part: part.area) if parts else shapely.Polygon()


def _coordinates(landform: Landform, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Distance along the line of flow and across it, and half-width there, of pixels, m."""
    line = landform.line
    where = np.stack(np.meshgrid(x, y), axis=-1)
    _, nearest = cKDTree(line).query(where.reshape(-1, 2))
    nearest = nearest.reshape(where.shape[:2])
    tangent = np.gradient(line, axis=0)
    tangent /= np.maximum(np.hypot(*tangent.T), 1e-9)[:, None]
    offset = where - line[nearest]
    ahead = (offset * tangent[nearest]).sum(axis=-1)
    across = offset[..., 1] * tangent[nearest, 0] - offset[..., 0] * tangent[nearest, 1]
    width = np.maximum(landform.half_width[nearest], 0.5 * landform.half_width.max())
    return nearest * STEP + ahead, across, width
