"""The map of an inventory (Fig. 5 of Sun et al. 2024): units, subregions, relief and permafrost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import patheffects
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, LogNorm, Normalize
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from rogi.errors import InputError
from rogi.geometry import Floats
from rogi.statistics.figures.legend import BESIDE, Legend, place
from rogi.statistics.figures.maps import draw_cells, draw_frame, draw_polygons, note_projection, scale_bar
from rogi.statistics.figures.planes import (
    Frame,
    frame_for,
    hexagons,
    nearest_round,
    projection_for,
    round_down,
)
from rogi.statistics.figures.style import BLUE, PALETTE, Style, blank
from rogi.statistics.summary import UNKNOWN
from rogi.statistics.symbols import Symbols
from rogi.statistics.unit_table import UnitTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from rogi.inventory.regions import Regions
    from rogi.raster.elevation.shading import Surface

CROWDED = 3.0
"""Units in the place of one dot, on average over the units, above which they are counted in hexagons."""
DOTS_MM = ((300, 0.9), (3000, 0.75), (math.inf, 0.6))
"""Diameter of dots, mm, of up to so many units."""
HEXAGON_MM = 1.8
MOST_GROUPS = 60
"""Subregions that a figure tells apart; of more, those with the fewest units become one."""
SAMPLE = 40
"""Units of each subregion that are looked at when colours are chosen."""
RATIO = (0.3, 2.2)
"""Least and greatest height of a map, of its width."""
ZONES = (0.9, 0.5, 0.1)
"""Shares of ground with permafrost that bound the zones (International Permafrost Association)."""
ZONE_COLOURS = ("#5b7db1", "#8fb0d8", "#c3d7ee")
PIXELS_MM = 8.0
"""Pixels of backgrounds to a millimetre of paper: 200 dots per inch."""
LOG_FROM = 30.0
"""Greatest count in a hexagon from which colours are logarithmic."""


@dataclass(frozen=True, eq=False)
class Backgrounds:
    """What may lie behind a map.

    Attributes
    ----------
    regions : Regions, optional
        Drawn as outlines.
    relief : Surface, optional
        An elevation model, drawn as a hillshade.
    permafrost : Surface, optional
        Share of ground with permafrost (0 to 1 or per cent), or a mask of 0 and 1.
    """

    regions: Regions | None = None
    relief: Surface | None = None
    permafrost: Surface | None = None


@dataclass(frozen=True, eq=False)
class Groups:
    """Subregions from west to east: the numbers on the map and the panels of roses.

    Attributes
    ----------
    names : tuple of str
        Units without a subregion come last, as `UNKNOWN`.
    code : ndarray of int, shape (n,)
        Of each unit, its place in `names`.
    others : int
        Subregions that have no place of their own: after all names is one for their units.
    """

    names: tuple[str, ...]
    code: NDArray[np.intp]
    others: int = 0

    def __len__(self) -> int:
        return len(self.names) + bool(self.others)

    def shown(self, k: int, style: Style) -> str:
        """What a figure calls a group."""
        if k == len(self.names):
            return style.word("others", n=style.number(self.others))
        return f"{k + 1}  {style.word('none') if self.names[k] == UNKNOWN else self.names[k]}"

    def panels(self, most: int, style: Style) -> dict[str, NDArray[np.bool_]]:
        """What figures call at most so many groups, and their units; the smallest share the last."""
        large = list(range(len(self.names)))
        if len(self) > most:
            units = np.bincount(self.code, minlength=len(self))
            large = sorted(sorted(large, key=lambda k: -units[k])[: most - 1])
        found = {self.shown(k, style): self.code == k for k in large}
        if others := self.others + len(self.names) - len(large):
            found[style.word("others", n=style.number(others))] = ~np.isin(self.code, large)
        return found


def groups_of(table: UnitTable) -> Groups | None:
    """The subregions of units, at most `MOST_GROUPS`; None where they are unknown, or there is one."""
    if table.subregion is None:
        return None
    code, names = pd.factorize(table.subregion, use_na_sentinel=True)
    code = np.where(code < 0, len(names), code)
    found = [*map(str, names), *([UNKNOWN] if (code == len(names)).any() else [])]
    if len(found) < 2:
        return None
    turn = np.radians(table.lonlat[:, 0])
    known = np.isfinite(turn)
    sine, cosine = (np.bincount(code[known], f(turn[known]), len(found)) for f in (np.sin, np.cos))
    middle = np.round(np.arctan2(sine, cosine), 9)
    order = sorted(range(len(found)), key=lambda k: (found[k] == UNKNOWN, middle[k], found[k]))
    if len(found) > MOST_GROUPS:
        units = np.bincount(code)
        large = set(sorted(order, key=lambda k: -units[k])[: MOST_GROUPS - 1])
        order = [k for k in order if k in large]
    place = np.full(len(found), len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    return Groups(tuple(found[k] for k in order), place[code], len(found) - len(order))


def map_figure(
    table: UnitTable,
    style: Style = Style(),  # noqa: B008 - it is frozen
    backgrounds: Backgrounds = Backgrounds(),
    symbols: Symbols = Symbols.AUTO,
) -> Figure | None:
    """Where the units lie: a dot for each, in the colour of its subregion, or density where dots merge.

    None if no unit has a position.
    """
    known = np.isfinite(table.lonlat).all(axis=1)
    if not known.any():
        return None
    lonlat = table.lonlat[known]
    projection = projection_for(lonlat)
    xy = projection.forward(lonlat)
    frame = frame_for(projection, xy)
    frame = frame.widened(min(max(frame.height / frame.width, RATIO[0]), RATIO[1]))
    groups = groups_of(table)
    if groups is not None:
        groups = replace(groups, code=groups.code[known])
    legend = Legend()
    with mpl.rc_context(style.rc):
        figure = blank(style, 100.0)
        axes = figure.add_subplot()
        area = table.numbers("area")
        dot = next(mm for most, mm in DOTS_MM if len(xy) <= most)
        pitch = frame.width / (0.7 * style.width) * dot
        dense = symbols is Symbols.DENSITY or (symbols is Symbols.AUTO and crowding(xy, pitch) > CROWDED)
        if dense:
            _density(axes, frame, xy, style, legend)
        else:
            _dots(axes, xy, groups, None if area is None else area[known], dot, style, legend)
        if groups is not None:
            _number(axes, xy, groups, style)
            _name(groups, style, legend, colours_of(xy, groups) if not dense else None)
        if backgrounds.permafrost is not None:
            _permafrost(legend, style)
        frame = place(figure, axes, frame, legend, style)
        _behind(axes, frame, backgrounds, style)
        if backgrounds.regions is not None:
            draw_polygons(
                axes, frame, backgrounds.regions.geometry, colors="#333333", linewidths=0.5, zorder=2.5
            )
        draw_frame(axes, frame, style, wanted=4 if style.width >= BESIDE else 3)
        scale_bar(axes, frame, style, np.hstack([xy, xy]))
        note_projection(axes, frame, style)
        title = style.word("units", n=style.number(len(lonlat)))
        if area is not None:
            total = float(np.nansum(area))
            title += ", " + style.word("total_area", area=style.number(total, 0 if total >= 100 else 2))
        axes.set_title(title, loc="left", pad=(2.2 if frame.around_pole else 0.75) * style.font_size)
    return figure


def crowding(xy: Floats, pitch: float) -> float:
    """Units in a square of a dot's size, on average over the units."""
    _, counts = np.unique(np.floor(xy / pitch) @ [1, 1j], return_counts=True)
    return float((counts.astype(np.float64) ** 2).sum() / len(xy))


def colours_of(xy: Floats, groups: Groups) -> list[str]:
    """A colour for each subregion: of those with one colour the nearest two are as far apart as can be."""
    places = []
    for k in range(len(groups)):
        own = xy[groups.code == k]
        places.append(own[np.linspace(0, max(len(own) - 1, 0), min(SAMPLE, len(own))).astype(int)])
    found: list[str] = []
    for k, own in enumerate(places):
        room = dict.fromkeys(PALETTE, math.inf)
        for other, colour in zip(places[:k], found, strict=True):
            apart = np.hypot(*(own[:, None] - other[None]).transpose(2, 0, 1)).min(initial=math.inf)
            room[colour] = min(room[colour], float(apart))
        found.append(max(PALETTE, key=lambda c: room[c]))  # of equals the first
    return found


def _dots(
    axes: Axes, xy: Floats, groups: Groups | None, area: Floats | None, dot: float,
    style: Style, legend: Legend,
) -> None:  # fmt: skip
    colour: Any = BLUE
    if groups is not None:
        colour = mpl.colors.to_rgba_array(colours_of(xy, groups))[groups.code]
    least = (dot * 72 / 25.4) ** 2  # points²
    size: Any = least
    if area is not None and np.isfinite(area).any():
        largest = float(np.nanmax(area))
        per_km2 = 7.0 * least / largest
        size = np.maximum(np.nan_to_num(area) * per_km2, 0.5 * least)
        tops = [round_down(largest)]
        tops = [t for t in (tops[0], tops[0] / 4) if t * per_km2 > 0.5 * least]
        look: Any = {"marker": "o", "linestyle": "", "color": "#4d4d4d", "markeredgewidth": 0}
        handles = [Line2D([], [], markersize=math.sqrt(t * per_km2), **look) for t in tops]
        smallest = 0.5 * least / per_km2
        smallest = float(f"{smallest:.1g}")
        handles.append(Line2D([], [], markersize=math.sqrt(0.5 * least), **look))
        legend.blocks.append(
            (style.word("size"), handles, [*map(style.general, tops), f"≤ {style.general(smallest)}"])
        )
    size = np.broadcast_to(size, len(xy))
    draw = np.argsort(-size, kind="stable")  # the small ones on top
    axes.scatter(
        xy[draw, 0], xy[draw, 1], s=size[draw], c=colour if isinstance(colour, str) else colour[draw],
        linewidths=0, alpha=0.8, rasterized=True, zorder=4,
    )  # fmt: skip


def _density(axes: Axes, frame: Frame, xy: Floats, style: Style, legend: Legend) -> None:
    across = nearest_round(frame.width / (0.7 * style.width) * HEXAGON_MM)
    corners, counts = hexagons(xy, across)
    top = float(counts.max())
    norm: Any = LogNorm(1, top) if top >= LOG_FROM else Normalize(0, top)
    legend.bar = draw_cells(axes, corners, counts, norm, "viridis_r")
    km2 = math.sqrt(3) / 2 * across**2 / 1e6
    legend.bar_title = style.word(
        "hexagon", across=style.general(across / 1000), area=style.general(float(f"{km2:.3g}"))
    )


def _number(axes: Axes, xy: Floats, groups: Groups, style: Style) -> None:
    """The number of each subregion, at the unit in its middle."""
    halo = [patheffects.withStroke(linewidth=2.2, foreground="white")]
    for k in range(len(groups.names)):
        own = xy[groups.code == k]
        if len(own):
            middle = own[np.argmin(np.hypot(*(own - np.median(own, axis=0)).T))]
            axes.text(
                middle[0], middle[1], f"{k + 1}", fontsize=style.font_size, fontweight="bold", ha="center",
                va="center", path_effects=halo, zorder=5,
            )  # fmt: skip


def _name(groups: Groups, style: Style, legend: Legend, colours: Sequence[str] | None) -> None:
    dot: Any = {"marker": "o", "linestyle": "", "markersize": 4.5, "markeredgewidth": 0}
    handles = [
        Line2D([], [], color="none" if colours is None else colours[k], **dot) for k in range(len(groups))
    ]
    counts = np.bincount(groups.code, minlength=len(groups)).tolist()
    texts = [f"{groups.shown(k, style)} ({style.number(n)})" for k, n in enumerate(counts)]
    legend.blocks.insert(0, (style.word("subregions"), handles, texts))


def _permafrost(legend: Legend, style: Style) -> None:
    handles = [Patch(facecolor=colour, edgecolor="#666666", linewidth=0.4) for colour in ZONE_COLOURS]
    legend.blocks.append((style.word("permafrost"), handles, style.words("zones")))


def _behind(axes: Axes, frame: Frame, backgrounds: Backgrounds, style: Style) -> None:
    """The hillshade and the zones of permafrost, on the map's own plane."""
    across = min(round(0.8 * style.width * PIXELS_MM), 2400)
    shape = (max(round(across * frame.height / frame.width), 1), across)
    x0, y0, x1, y1 = frame.bounds
    crs = frame.projection.crs
    image: Any = {"extent": (x0, x1, y0, y1), "interpolation": "bilinear", "aspect": "auto"}
    if backgrounds.relief is not None:
        shade = backgrounds.relief.shade(crs, frame.bounds, shape)
        grey = LinearSegmentedColormap.from_list("grey", ["#6f6f6f", "#ffffff"])
        axes.imshow(np.ma.masked_invalid(shade), cmap=grey, vmin=0, vmax=1, zorder=0.5, **image)
    if backgrounds.permafrost is not None:
        behind = backgrounds.permafrost
        zones = zones_of(behind.values(crs, frame.bounds, shape), behind.name, behind.overview())
        image["interpolation"] = "nearest"
        axes.imshow(
            np.ma.masked_less(zones, 0), cmap=ListedColormap(ZONE_COLOURS), vmin=-0.5, vmax=2.5, zorder=1,
            alpha=1.0 if backgrounds.relief is None else 0.65, **image,
        )  # fmt: skip


def zones_of(share: Floats, name: str, whole: Floats | None = None) -> Any:
    """Zones of permafrost (0 continuous, 1 discontinuous, 2 sporadic) by its share of the ground; else -1.

    All of them, and those of the whole raster, tell whether these are shares or per cent.

    Raises
    ------
    InputError
        The numbers are neither shares nor per cent.
    """
    finite = share if whole is None else np.concatenate([share.ravel(), whole.ravel()])
    finite = finite[np.isfinite(finite)]
    if len(finite) and (finite.min() < 0 or finite.max() > 100):
        raise InputError(
            f"--permafrost {name}: values from {finite.min():.4g} to {finite.max():.4g}; expected "
            "the share of ground with permafrost (0 to 1, or per cent), or a mask of 0 and 1."
        )
    if len(finite) and finite.max() > 1:
        share = share / 100
    zones = np.full(share.shape, -1)
    for k in (2, 1, 0):
        zones[np.nan_to_num(share, nan=-1.0) >= ZONES[k]] = k
    return zones
