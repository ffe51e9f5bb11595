"""Synthetic pictures of mountains from above: seeded, with rock glaciers and what is taken for them.

A scene is a function of its seed and of the place: any window of it can be rendered by itself, and pages that
are rendered one after the other fit together. Colours do not tell rock glaciers from their surroundings or
their look-alikes; their relief does. Nothing here is a model of nature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import distance_transform_edt

from rogi.errors import OptionError
from rogi.synthetic.landforms import LOOK_ALIKES, Kind, Landform, Slopes, advanced, largest, place, relief
from rogi.synthetic.noise import noise
from rogi.synthetic.terrain import Relief

Floats = NDArray[np.floating[Any]]

EPSG = 32645
"""UTM zone 45 north, in which all scenes lie."""

DEGREE = 111_320.0
"""Metres that stand for the degree of the terrain's noise."""

RELIEF = Relief(mean=4600.0, range=2300.0, wavelength=0.06, octaves=9, roughness=0.5)
FOLDED_OCTAVES = 3
SMOOTH_OCTAVES = 6
"""Octaves of the ground that flow follows and that bodies lie on."""

SLOPE_SPACING = 50.0
HALO = 96
"""Pixels around a window in which shadows are looked for."""

UNITS_PER_KM2 = 0.33
NEGATIVES_PER_UNIT = 0.9
SYSTEMS = 0.35
"""Share of rock glaciers with a neighbour that touches them."""

CHANGED = 0.3
"""Share of the units that advance between two seasons; a third as many are new, and as many gone."""

ADVANCE = (40.0, 120.0)
"""Metres by which fronts advance: far more than nature's, to be seen in pixels of 10 m."""

SCENE_STEP = 90_000.0
"""Metres between the corners of scenes of neighbouring seeds, so that scenes share no ground."""


class Cover(NamedTuple):
    """What landforms lay on the ground of a window: share of debris, its brightness, share of water."""

    debris: Floats
    tone: Floats
    water: Floats


class Light(NamedTuple):
    """Sun and snow of a season."""

    azimuth: float  # degrees clockwise from north
    elevation: float  # degrees
    snowline: float  # m a.s.l.
    haze: float
    warmth: float


SEASONS = {1: Light(142.0, 52.0, 5270.0, 0.030, 1.00), 2: Light(161.0, 40.0, 5110.0, 0.045, 1.04)}

WHITE, GAMMA = 1.10, 0.60
"""Radiance that becomes 255, and the curve up to it."""

# Reflectances of red, green and blue, chosen by eye.
ROCK = np.array([[0.285, 0.255, 0.225], [0.235, 0.228, 0.222]])
SCREE = np.array([0.300, 0.280, 0.257])
PLANTS = np.array([0.190, 0.205, 0.120])
SNOW = np.array([0.88, 0.90, 0.93])
WATER = np.array([0.060, 0.125, 0.150])


@dataclass(frozen=True)
class SceneSettings:
    """What a scene is made of.

    Attributes
    ----------
    rows, columns : int
    pixel : float
        m.
    seed : int
    units : int or None
        Rock glaciers asked for; None for `UNITS_PER_KM2`.
    negatives : int or None
        Look-alikes asked for; None for `NEGATIVES_PER_UNIT`.
    wedges : bool
        Whether two corners of the picture are void.
    """

    rows: int
    columns: int
    pixel: float = 10.0
    seed: int = 0
    units: int | None = None
    negatives: int | None = None
    wedges: bool = True

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 64:
            raise OptionError(f"A scene has at least 64 x 64 pixels, not {self.rows} x {self.columns}.")
        if not 2.0 <= self.pixel <= 60.0:
            raise OptionError(f"Pixels of a scene are 2 to 60 m, not {self.pixel:g} m.")


@dataclass(frozen=True, eq=False)
class Scene:
    """A stretch of synthetic mountains.

    Attributes
    ----------
    settings : SceneSettings
    """

    settings: SceneSettings

    @property
    def transform(self) -> Affine:
        """From (column, row) to UTM coordinates."""
        seed, pixel = self.settings.seed, self.settings.pixel
        west = 250_000.0 + SCENE_STEP * (seed % 5)
        north = 3_000_000.0 + SCENE_STEP * (seed // 5 % 20)
        return Affine(pixel, 0.0, west, 0.0, -pixel, north)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north, m."""
        t = self.transform
        return t.c, t.f + t.e * self.settings.rows, t.c + t.a * self.settings.columns, t.f

    @cached_property
    def slopes(self) -> Slopes:
        """The ground that flow follows."""
        west, south, east, north = self.bounds
        margin = 5 * SLOPE_SPACING
        x = np.arange(west - margin, east + margin, SLOPE_SPACING)
        y = np.arange(north + margin, south - margin, -SLOPE_SPACING)
        return Slopes(self._ground(x, y)[0], float(x[0]), float(y[0]), SLOPE_SPACING)

    @cached_property
    def _first(self) -> list[Landform]:
        settings = self.settings
        area = settings.rows * settings.columns * settings.pixel**2 / 1e6
        units = settings.units if settings.units is not None else max(1, round(UNITS_PER_KM2 * area))
        others = settings.negatives if settings.negatives is not None else round(NEGATIVES_PER_UNIT * units)
        counts = {kind: round(share * others) for kind, share in LOOK_ALIKES.items()}
        west, south, east, north = self.bounds
        edge = 3 * settings.pixel
        inside = (west + edge, south + edge, east - edge, north - edge)
        return place(
            self.slopes, inside, {Kind.ROCK_GLACIER: units, **counts}, settings.seed * 7919 + 17, SYSTEMS
        )

    @cached_property
    def _fates(self) -> dict[int, str]:
        """What becomes of each rock glacier between the seasons, by its number."""
        units = [landform for landform in self._first if landform.kind is Kind.ROCK_GLACIER]
        rng = np.random.default_rng(self.settings.seed * 7919 + 31)
        drawn = rng.random(len(units))
        bounds = np.cumsum([CHANGED, CHANGED / 3, CHANGED / 3])
        names = np.array(["advanced", "new", "gone", "unchanged"])
        return dict(
            zip([unit.number for unit in units], names[np.searchsorted(bounds, drawn)].tolist(), strict=True)
        )

    def landforms(self, season: int) -> list[Landform]:
        """All landforms of a season, rock glaciers first."""
        self._check(season)
        return self._second if season == 2 else [x for x in self._first if self._fates.get(x.number) != "new"]

    @cached_property
    def _second(self) -> list[Landform]:
        """The landforms of the second season: some rock glaciers have advanced, some are gone."""
        rng = np.random.default_rng(self.settings.seed * 7919 + 43)
        polygons = np.array([landform.polygon for landform in self._first], dtype=object)
        tree = shapely.STRtree(polygons)
        inside = shapely.box(*self.bounds)
        found: list[Landform] = []
        for number, landform in enumerate(self._first):
            metres = float(rng.uniform(*ADVANCE))
            fate = self._fates.get(landform.number)
            if fate == "advanced":
                grown = advanced(landform, metres)
                # It stays off its neighbours, also off those that have advanced towards it.
                near = tree.query(grown.polygon, predicate="dwithin", distance=2 * ADVANCE[1])
                others = shapely.union_all(polygons[near[near != number]])
                rest = shapely.intersection(shapely.difference(grown.polygon, others), inside)
                polygons[number] = largest(rest)
                found.append(replace(grown, polygon=polygons[number]))
            elif fate != "gone":
                found.append(landform)
        return found

    def fates(self) -> Mapping[int, str]:
        """``unchanged``, ``advanced``, ``new`` or ``gone`` in the second season, by number of the unit."""
        return self._fates

    def render(
        self, season: int, row: int, column: int, height: int, width: int
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """A window of the picture.

        Returns
        -------
        picture : ndarray of uint8, shape (3, height, width)
            Red, green and blue; 0 in all where void, else at least 1.
        elevation : ndarray of float32, shape (height, width)
            m a.s.l., with the bodies of the landforms.
        """
        self._check(season)
        light = SEASONS[season]
        t, pixel = self.transform, self.settings.pixel
        x = t.c + (np.arange(column - HALO, column + width + HALO) + 0.5) * pixel
        y = t.f - (np.arange(row - HALO, row + height + HALO) + 0.5) * pixel
        smooth, elevation = self._ground(x, y)
        cover = Cover(*(np.zeros(elevation.shape) for _ in range(3)))
        for landform in self.landforms(season):
            _stamp(landform, self._level, x, y, smooth, elevation, cover)
        colour = self._ground_colour(x, y, elevation, cover, pixel)
        south, east = _gradient(elevation, pixel)
        azimuth, height_angle = np.radians(light.azimuth), np.radians(light.elevation)
        sun = np.array([np.sin(azimuth) * np.cos(height_angle), np.cos(azimuth) * np.cos(height_angle)])
        facing = (-east * sun[0] + south * sun[1] + np.sin(height_angle)) / np.sqrt(1 + east**2 + south**2)
        shadow = _shadow(elevation, light, pixel)
        steep = np.hypot(east, south)
        snow = self._snow(x, y, elevation, steep, south, light.snowline) * (1 - cover.water)
        colour += snow * (SNOW[:, None, None] - colour)
        lit = 0.30 + 0.95 * np.clip(facing, 0.0, None) * (1 - shadow)
        bright = colour * lit * np.array([light.warmth, 1.0, 1.0 / light.warmth])[:, None, None]
        bright += light.haze * np.array([0.7, 0.9, 1.25])[:, None, None]
        grain = self._grain(season, x, y)
        picture = np.clip(255.0 * (bright / WHITE) ** GAMMA + grain, 1.0, 255.0).astype(np.uint8)
        inner = np.s_[HALO : HALO + height, HALO : HALO + width]
        shown = np.ascontiguousarray(picture[(slice(None), *inner)])
        if self.settings.wedges:
            shown[:, self._void(season, row, column, height, width)] = 0
        return shown, elevation[inner].astype(np.float32)

    def _ground(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Elevation without landforms, m: smooth, and with all its roughness."""
        height = np.zeros((len(y), len(x)))
        smooth = height
        weight, total = 1.0, 0.0
        for octave in range(RELIEF.octaves):
            layer = noise(x, y, RELIEF.wavelength * DEGREE / 2**octave, self._seed(100 + octave))
            # Folding the coarse octaves gives ridges and valleys; the fine ones only roughen.
            height = height + weight * ((1 - np.abs(2 * layer - 1)) if octave < FOLDED_OCTAVES else layer)
            total += weight
            weight *= RELIEF.roughness
            if octave == SMOOTH_OCTAVES - 1:
                smooth, coarse = height, total
        rest = 0.5 * (total - coarse)  # the mean of the octaves left out
        base = RELIEF.mean - 0.5 * RELIEF.range
        scale = RELIEF.range / total
        return base + scale * (smooth + rest), base + scale * height

    def _level(self, lake: Landform) -> float:
        """Of its water, m a.s.l.: the lowest ground along its shore."""
        shore = shapely.get_coordinates(lake.polygon)
        return min(float(self._ground(x[None], y[None])[0][0, 0]) for x, y in shore)

    def _seed(self, number: int) -> int:
        return self.settings.seed * 1000 + number

    def _noise(self, x: Floats, y: Floats, number: int, wavelength: float) -> Floats:
        return noise(x, y, wavelength, self._seed(500 + number))

    def _ground_colour(self, x: Floats, y: Floats, elevation: Floats, cover: Cover, pixel: float) -> Floats:
        """Reflectance of the ground without snow, shape (3, rows, columns)."""
        region = self._noise(x, y, 1, 2600.0)
        speckle = 0.5 * self._noise(x, y, 2, 24.0) + 0.3 * self._noise(x, y, 3, 60.0)
        speckle += 0.2 * self._noise(x, y, 4, 400.0)
        south, east = _gradient(elevation, pixel)
        steep = np.hypot(south, east)
        rock = ROCK[0][:, None, None] * region + ROCK[1][:, None, None] * (1 - region)
        rock = rock * (0.72 + 0.56 * speckle)
        # Scree of the colour of the landforms lies about everywhere, so that colour gives nothing away.
        talus = self._noise(x, y, 5, 520.0) + 0.35 * self._noise(x, y, 6, 130.0)
        talus = np.clip(4.0 * (talus - 0.62), 0.0, 1.0)
        scree = (SCREE[:, None, None] * 0.6 + 0.4 * rock) * (0.84 + 0.32 * speckle)
        colour = rock + talus * (0.9 + 0.2 * region) * (scree - rock)
        blocks = scree * np.where(cover.debris > 0, cover.tone, 1.0)
        colour += np.clip(1.6 * cover.debris, 0.0, 1.0) * (blocks - colour)
        low = (4560.0 - elevation) / 170.0 + 2.6 * (self._noise(x, y, 7, 330.0) - 0.5)
        plants = np.clip(low, 0.0, 1.0) * np.clip((0.75 - steep) / 0.2, 0.0, 1.0) * (1 - 0.55 * cover.debris)
        plants *= 0.55 + 0.45 * self._noise(x, y, 8, 45.0)
        colour += plants * (PLANTS[:, None, None] - colour)
        colour += cover.water * (WATER[:, None, None] * (0.9 + 0.4 * region) - colour)
        return np.asarray(colour)

    def _snow(
        self, x: Floats, y: Floats, elevation: Floats, steep: Floats, south: Floats, snowline: float
    ) -> Floats:
        """Share of the ground under snow: more in high, shaded and gentle places, in patches."""
        patches = 2 * self._noise(x, y, 9, 240.0) + self._noise(x, y, 10, 75.0) - 1.5
        shaded = np.clip(-south, -0.6, 0.6)  # slopes that fall to the north
        above = (elevation - snowline) / 130.0 + 0.9 * patches + 1.4 * shaded
        above -= 1.6 * np.clip(steep - 0.75, 0.0, None)
        share: Floats = np.clip(1.8 * above, 0.0, 1.0)
        return share

    def _grain(self, season: int, x: Floats, y: Floats) -> Floats:
        """Noise of a sensor, from the place alone: shape (3, rows, columns)."""
        pixel = self.settings.pixel
        return np.stack(
            [9.0 * (noise(x, y, 0.83 * pixel, 9_000_000 + 10 * season + band) - 0.5) for band in range(3)]
        )

    def _void(self, season: int, row: int, column: int, height: int, width: int) -> NDArray[np.bool_]:
        """Two corners of the scene, cut off aslant as swaths are."""
        rows, columns = self.settings.rows, self.settings.columns
        v = (np.arange(row, row + height) + 0.5)[:, None] / rows
        u = (np.arange(column, column + width) + 0.5)[None, :] / columns
        if season == 2:
            u = 1 - u
        outside = (u < 0) | (u > 1) | (v < 0) | (v > 1)
        return (u + 0.32 * v < 0.10) | ((1 - u) + 0.32 * (1 - v) < 0.08) | outside

    def _check(self, season: int) -> None:
        if season not in SEASONS:
            raise OptionError(f"A scene has the seasons 1 and 2, not {season}.")


def _stamp(
    landform: Landform,
    level: Callable[[Landform], float],
    x: Floats,
    y: Floats,
    smooth: Floats,
    elevation: Floats,
    cover: Cover,
) -> None:
    """Put a landform on the ground of a window, where it reaches into it."""
    pixel = float(x[1] - x[0])
    west, south, east, north = landform.polygon.bounds
    left, right = int((west - x[0]) / pixel) - 2, int((east - x[0]) / pixel) + 3
    top, bottom = int((y[0] - north) / pixel) - 2, int((y[0] - south) / pixel) + 3
    if right <= 0 or bottom <= 0 or left >= len(x) or top >= len(y):
        return
    # The whole body, so that it looks the same from every window.
    own_x = x[0] + pixel * np.arange(left, right)
    own_y = y[0] - pixel * np.arange(top, bottom)
    corner = Affine(pixel, 0.0, own_x[0] - pixel / 2, 0.0, -pixel, own_y[0] + pixel / 2)
    inside = rasterize([landform.polygon], (len(own_y), len(own_x)), transform=corner, dtype=np.uint8)
    depth = distance_transform_edt(inside) * pixel
    height, brightness, wet = relief(landform, own_x, own_y, depth)
    here = np.s_[max(top, 0) : min(bottom, len(y)), max(left, 0) : min(right, len(x))]
    own = np.s_[
        max(-top, 0) : len(own_y) - max(bottom - len(y), 0),
        max(-left, 0) : len(own_x) - max(right - len(x), 0),
    ]
    share = np.clip(depth[own] / (2.5 * pixel), 0.0, 1.0)
    mask = inside[own] > 0
    body = smooth[here] + np.where(mask, height[own], 0.0)
    if landform.kind is Kind.LAKE:
        body = np.full_like(body, level(landform))
    elevation[here] += share * (body - elevation[here])
    for layer, values in zip(cover, (share, brightness[own], wet[own]), strict=True):
        layer[here] = np.where(mask, values, layer[here])


def _gradient(elevation: Floats, pixel: float) -> tuple[Floats, Floats]:
    """Rise per metre to the south and to the east."""
    south, east = np.gradient(elevation, pixel)
    return np.asarray(south), np.asarray(east)


def _shadow(elevation: Floats, light: Light, pixel: float) -> Floats:
    """Share of cast shadow, shape of the elevation.

    Row after row away from the sun: a place lies in shadow where the ground towards the sun, lowered by the
    fall of the ray, is higher.
    """
    azimuth = np.radians(light.azimuth)
    sideways = -np.sin(azimuth) / np.cos(azimuth)  # columns towards the sun per row to the south
    fall = pixel * np.hypot(1.0, sideways) * np.tan(np.radians(light.elevation))
    columns = np.arange(elevation.shape[1])
    ray = elevation.copy()
    for row in range(elevation.shape[0] - 2, -1, -1):
        ray[row] = np.maximum(elevation[row], np.interp(columns + sideways, columns, ray[row + 1]) - fall)
    shadow: Floats = np.clip((ray - elevation) / 4.0, 0.0, 1.0)
    return shadow
