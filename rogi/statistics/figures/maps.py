"""What every map has: frame, graticule, scale bar, outlines and cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from matplotlib import patheffects
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline

from rogi.geometry import Floats, transform_coordinates
from rogi.longitudes import beside
from rogi.statistics.figures.planes import Frame, bar_length, globe_edge, round_down, steps
from rogi.statistics.figures.style import GREY, Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALONG = 135.0
"""Meridian on which parallels around a pole have their labels."""
BAR = 2.0
"""Height of a scale bar, points."""
MANY = 4000
"""Polygons from which vector files show them as pixels."""


def graticule(axes: Axes, frame: Frame, style: Style, wanted: int = 4) -> None:
    """Meridians and parallels with labels where they leave the frame."""
    west, south, east, north = frame.lonlat_bounds
    projection = frame.projection
    meridians = steps(west, east, wanted)
    if projection.globe:
        apart = 60.0 if wanted > 3 else 120.0
        meridians = np.array(
            [v for v in np.arange(-180.0, 181.0, apart) if abs(v - projection.middle) < 179.0]
        )
    elif frame.around_pole:
        meridians = np.arange(-180.0, 180.0, 30.0)
    parallels = steps(
        south, north, 5 if projection.globe else min(max(3, round(wanted * frame.height / frame.width)), 6)
    )
    parallels = parallels[np.abs(parallels) < 90.0]
    along, across = np.linspace(south, north, 241), np.linspace(west, east, 721)
    lines = [("meridian", v, np.column_stack([np.full(241, v), along])) for v in meridians.tolist()]
    lines += [("parallel", v, np.column_stack([across, np.full(721, v)])) for v in parallels.tolist()]
    drawn = []
    edges = _Edges(frame)
    for kind, value, lonlat in lines:
        if projection.globe and kind == "parallel":
            lonlat[:, 0] = np.linspace(projection.middle - 179.999999, projection.middle + 179.999999, 721)
        xy = transform_coordinates(lonlat, "EPSG:4326", projection.crs)
        xy[~np.isfinite(xy).all(axis=1)] = np.nan
        drawn.append(xy)
        text = _degrees(value, kind, style, meridians if kind == "meridian" else parallels)
        if projection.globe:
            if kind == "parallel":
                _label(axes, text, (float(xy[0, 0]), float(xy[0, 1])), (-3, 0), "right", "center", style)
            else:
                _label(axes, text, (float(xy[0, 0]), float(xy[0, 1])), (0, -3), "center", "top", style)
            continue
        if frame.around_pole and kind == "parallel":
            place = projection.forward(np.array([[ALONG, value]]))
            if frame.shows(place)[0]:
                _label(
                    axes, text, (float(place[0, 0]), float(place[0, 1])), (0, 0), "center", "center", style
                )
            continue
        around = ("bottom", "top", "left", "right") if frame.around_pole else ("bottom",)
        sides = around if kind == "meridian" else ("left",)
        for side in sides:
            if (at := edges.crossing(xy, side)) is not None and edges.free(side, at):
                offset, ha, va = _PLACES[side]
                _label(axes, text, at, offset, ha, va, style)
                break
    axes.add_collection(
        LineCollection(drawn, colors="#8c8c8c", linewidths=0.35, alpha=0.7, zorder=1.5), autolim=False
    )


_PLACES: dict[str, tuple[tuple[int, int], str, str]] = {
    "bottom": ((0, -3), "center", "top"),
    "top": ((0, 3), "center", "bottom"),
    "left": ((-3, 0), "right", "center"),
    "right": ((3, 0), "left", "center"),
}


class _Edges:
    """Where lines leave a frame, and which labels are there already."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.taken: dict[str, list[float]] = {}

    def crossing(self, xy: Floats, side: str) -> tuple[float, float] | None:
        x0, y0, x1, y1 = self.frame.bounds
        axis, level = {"bottom": (1, y0), "top": (1, y1), "left": (0, x0), "right": (0, x1)}[side]
        low, high = ((x0, x1), (y0, y1))[1 - axis]
        value = xy[:, axis] - level
        with np.errstate(invalid="ignore"):
            turns = np.flatnonzero((value[:-1] <= 0) != (value[1:] <= 0))
        for k in turns.tolist():
            if not np.isfinite(value[[k, k + 1]]).all():
                continue
            share = value[k] / (value[k] - value[k + 1])
            other = float(xy[k, 1 - axis] + share * (xy[k + 1, 1 - axis] - xy[k, 1 - axis]))
            if low <= other <= high:
                return (other, level) if axis == 1 else (level, other)
        return None

    def free(self, side: str, at: tuple[float, float]) -> bool:
        """Note a label, if no other one is in its way."""
        along = at[0] if side in ("bottom", "top") else at[1]
        room = 0.07 * self.frame.width if side in ("bottom", "top") else 0.05 * self.frame.height
        taken = self.taken.setdefault(side, [])
        if any(abs(along - other) < room for other in taken):
            return False
        taken.append(along)
        return True


def _label(
    axes: Axes, text: str, at: tuple[float, float], offset: tuple[int, int], ha: str, va: str, style: Style
) -> None:
    axes.annotate(
        text, at, xytext=offset, textcoords="offset points", ha=ha, va=va, fontsize=0.9 * style.font_size,
        annotation_clip=False, path_effects=[patheffects.withStroke(linewidth=2, foreground="white")],
    )  # fmt: skip


def _degrees(value: float, kind: str, style: Style, beside_it: Floats) -> str:
    step = float(np.diff(beside_it).min()) if len(beside_it) > 1 else abs(value)
    digits = next((d for d in range(3) if abs(step * 10**d - round(step * 10**d)) < 1e-6), 2)
    east, west, north, south = style.words("degrees")
    if kind == "meridian":
        value = float(beside(value, 0.0))
    plus, minus = (east, west) if kind == "meridian" else (north, south)
    if value == 0 or (kind == "meridian" and abs(value) == 180):
        return f"{abs(value):g}°"
    return (plus if value > 0 else minus).format(n=style.number(abs(value), digits))


def draw_frame(axes: Axes, frame: Frame, style: Style, wanted: int = 4) -> None:
    """The axes of a map: its extent, edge and graticule."""
    axes.set_aspect("equal", adjustable="box")
    x0, y0, x1, y1 = frame.bounds
    axes.set_xlim(x0, x1)
    axes.set_ylim(y0, y1)
    axes.set_xticks([])
    axes.set_yticks([])
    if frame.projection.globe:
        axes.axis("off")
        edge = Outline(globe_edge(frame.projection), closed=True)
        axes.add_patch(PathPatch(edge, facecolor="none", edgecolor="black", linewidth=0.6, zorder=6))
    else:
        for spine in axes.spines.values():
            spine.set(visible=True, linewidth=0.6, zorder=6)
    graticule(axes, frame, style, wanted)


def scale_bar(axes: Axes, frame: Frame, style: Style, taken: Floats) -> None:
    """A bar of a round length, as long as that length is there (geodesic, WGS84).

    It is in the corner where it covers the fewest of the `taken` boxes (shape (n, 4), bounds of what is
    drawn); of equals in the lower left. On a map of the globe scale differs from place to place; its bar
    is that of the equator.
    """
    _, y0, x1, _ = frame.bounds
    length = round_down(0.22 * frame.width)
    if frame.projection.globe:
        drawn = bar_length(frame.projection, (0.0, 0.0), length)
        left, y = x1 - 0.02 * frame.width - drawn, y0 + 0.03 * frame.height
    else:
        left, y, drawn = _corner(axes, frame, style, taken, length)
    key, shown = ("kilometres", length / 1000) if length >= 1000 else ("metres", length)
    text = style.word(key, n=style.general(shown))
    if frame.projection.globe:
        text = style.word("equator", length=text)
    height = BAR * frame.height / _points(axes)
    halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    for half, colour in ((0, "black"), (1, "white")):
        corner = (left + half * drawn / 2, y)
        look: Any = {"facecolor": colour, "edgecolor": "black", "linewidth": 0.6, "zorder": 7}
        axes.add_patch(Rectangle(corner, drawn / 2, height, **look))
    share, ha = (1.0, "right") if frame.projection.globe else (0.5, "center")
    axes.annotate(
        text, (left + share * drawn, y + height), xytext=(0, 2), textcoords="offset points", ha=ha,
        va="bottom", fontsize=style.small, path_effects=halo, zorder=7,
    )  # fmt: skip


def _corner(
    axes: Axes, frame: Frame, style: Style, taken: Floats, length: float
) -> tuple[float, float, float]:
    """Left end and height of a scale bar in the freest corner, and how long it is there."""
    x0, y0, x1, y1 = frame.bounds
    tall = 2.2 * style.small * frame.height / _points(axes)  # the bar and its label
    found: list[tuple[int, int, float, float, float]] = []
    for y in (y0 + 0.05 * frame.height, y1 - 0.05 * frame.height - tall):
        for right in (False, True):
            at = (x0 + 0.04 * frame.width, y)
            drawn = bar_length(frame.projection, at, length)
            if right:
                at = (x1 - 0.04 * frame.width - drawn, y)
                drawn = bar_length(frame.projection, at, length)
            pad = 0.02 * frame.width
            covered = (taken[:, 0] < at[0] + drawn + pad) & (taken[:, 2] > at[0] - pad)
            covered &= (taken[:, 1] < y + tall + pad) & (taken[:, 3] > y - pad)
            found.append((int(covered.sum()), len(found), *at, drawn))
    return min(found)[2:]


def _points(axes: Axes) -> float:
    """Height of a map on the page, points."""
    return float(axes.get_window_extent().height / axes.figure.dpi * 72)


def draw_polygons(axes: Axes, frame: Frame, polygons: Any, **look: Any) -> None:
    """Outlines of polygons in degrees, with vertices along long edges; pieces around the edge left open."""
    west, south, east, north = frame.lonlat_bounds
    lines = []
    for ring in shapely.get_rings(shapely.get_parts(polygons)):
        if shapely.length(ring) > 0:
            step = max((east - west) / 500, (north - south) / 500, 1e-4)
            lonlat = shapely.get_coordinates(shapely.segmentize(shapely.simplify(ring, step / 4), 4 * step))
            xy = frame.projection.forward(lonlat)
            torn = np.flatnonzero(np.hypot(*np.diff(xy, axis=0).T) > 0.5 * (frame.width + frame.height))
            xy = np.insert(xy, torn + 1, np.nan, axis=0)
            if np.nanmin(xy[:, 0]) < frame.bounds[2] and np.nanmax(xy[:, 0]) > frame.bounds[0]:
                lines.append(xy)
    axes.add_collection(LineCollection(lines, **look), autolim=False)


def draw_cells(axes: Axes, corners: Floats, values: Floats, norm: Any, cmap: str) -> PolyCollection:
    """Filled polygons by value; many of them are pixels in vector files."""
    cells = PolyCollection(
        list(corners), array=values, norm=norm, cmap=cmap, edgecolors="face", linewidths=0.2, zorder=3,
        antialiaseds=False, rasterized=len(corners) > MANY,
    )  # fmt: skip
    axes.add_collection(cells, autolim=False)
    return cells


def note_projection(axes: Axes, frame: Frame, style: Style) -> None:
    """The name of the projection, below the map on the right."""
    axes.annotate(
        style.word("projection", name=frame.projection.name), (1, 0), xycoords="axes fraction",
        xytext=(0, -2.2 * style.font_size), textcoords="offset points", ha="right", va="top",
        fontsize=0.85 * style.small, color=GREY,
    )  # fmt: skip
