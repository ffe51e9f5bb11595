"""Histograms of attributes and roses of aspect (Figs. 6 and 8 of Sun et al. 2024)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.patches import Circle, Wedge
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation

from rogi.geometry import Floats
from rogi.schema.attributes import shown_in
from rogi.statistics.figures.overview import groups_of
from rogi.statistics.figures.style import (
    BLUE,
    GREY,
    MOST_PIXELS,
    ORANGE,
    Style,
    add_panel,
    blank,
    letters,
    wrapped,
)
from rogi.statistics.summary import aspects, direction
from rogi.statistics.unit_table import UnitTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SECTORS = 16
LEAST = 10
"""Units from which a rose is drawn."""
BINS = 40
SMALL_KM2 = 0.5
"""Areas below are shown again in an inset."""
PAGE = 235.0
"""Height of a page, mm, that one column of panels fills at most."""
AFTER = "slope_mean"
"""The panel after which aspects come."""
RINGS = (0.6, 0.4, 0.2, 0.16, 0.12, 0.08, 0.04)
SMALLEST_ROSE = 12.0
"""Least side of a rose, mm, of which more do not share a page of a given height."""
ROSE = 1.62
"""Half of the side of the square that a rose and its letters need, in its radius."""


def histogram_figure(table: UnitTable, style: Style = Style()) -> Figure | None:  # noqa: B008 - it is frozen
    """Histograms of size, terrain and climate, and the aspect rose; None without any attribute."""
    values: dict[str, Floats] = {}
    for concept in shown_in("figure"):
        found = table.numbers(concept)
        if found is not None and np.isfinite(found).any():
            values[concept] = found
    degrees = aspects(table)
    if degrees is not None:
        before = [
            c for c in values if list(shown_in("figure")).index(c) <= list(shown_in("figure")).index(AFTER)
        ]
        values = {c: values[c] for c in before} | {"aspect": degrees} | values
    if not values:
        return None
    line = style.font_size * 25.4 / 72
    across = 2 if style.width >= 100 and len(values) > 1 else 1
    down = math.ceil(len(values) / across)
    with mpl.rc_context(style.rc):
        panel = 48.0 if across == 2 else min(44.0, PAGE / down)
        figure = blank(style, panel * down)
        width, height = style.width, (style.height or panel * down)
        left, right, bottom, top = 5.4 * line, 4.0, 4.0 * line, 2.4 * line
        across_mm, down_mm = width / across, height / down
        for k, ((concept, known), letter) in enumerate(zip(values.items(), letters(), strict=False)):
            column, row = k % across, k // across
            x, y = column * across_mm + left, height - (row + 1) * down_mm + bottom
            box = (x, y, across_mm - left - right, down_mm - bottom - top)
            known = known[np.isfinite(known)]
            n = f"{letter} n = {style.number(len(known))}"
            if concept == "aspect":
                side = min(box[2], down_mm - top)
                place = (x + (box[2] - side) / 2, y + box[3] - side, side, side)
                axes = add_panel(figure, place, style)
                figure.text(
                    x / width, (y + box[3]) / height, f"{n}, {style.aspect}", va="bottom",
                    transform=figure.transFigure + ScaledTranslation(0, 6 / 72, figure.dpi_scale_trans),
                )  # fmt: skip
                _rose(axes, known, float(_shares(known).max()), style, rings=True)
                continue
            axes = add_panel(figure, box, style)
            _histogram(axes, known, style)
            axes.set_title(n)
            axes.set_xlabel(style.title(concept))
            axes.set_ylabel(style.word("count"))
            axes.yaxis.set_label_coords(-(left - 1.2 * line) / box[2], 0.5)
            if concept == "area" and (known < SMALL_KM2).sum() > 20 and known.max() > 1.2 * SMALL_KM2:
                inset = axes.inset_axes((0.5, 0.4, 0.48, 0.56))
                counts, edges = np.histogram(known, 25, (0, SMALL_KM2))
                inset.stairs(counts, edges, fill=True, color=BLUE)
                inset.set_xlabel(
                    style.word("below", value=style.general(SMALL_KM2)), fontsize=style.small, labelpad=1
                )
                _ticks(inset, style, style.small, 3)
    return figure


def rose_figure(table: UnitTable, style: Style = Style()) -> Figure | None:  # noqa: B008 - it is frozen
    """Aspects per subregion, from west to east; one rose without subregions, None without aspects.

    Sectors have areas by their shares of the units, on one scale in all roses. Roses of fewer than
    `LEAST` units are not drawn. Where there are more subregions than a page has room for, those with the
    fewest units share a rose.
    """
    degrees = aspects(table)
    if degrees is None:
        return None
    line = style.font_size * 25.4 / 72
    foot, head = 3.2 * line, 2.9 * line
    across = max(int(style.width // 42), 1)
    if style.height is None:
        room = (MOST_PIXELS / style.dpi * 25.4 - foot) / (min(style.width / across, 60.0) + head)
    else:
        room = (style.height - foot) / (SMALLEST_ROSE + head)
    groups, most = groups_of(table), across * int(room)
    known: Mapping[str, Floats] = {style.word("all"): degrees}
    if groups is not None and most > 1:
        known = {name: degrees[own] for name, own in groups.panels(most, style).items()}
    known = {name: values[np.isfinite(values)] for name, values in known.items()}
    top = max((float(_shares(v).max()) for v in known.values() if len(v) >= LEAST), default=1.0)
    across = min(across, len(known))
    down = math.ceil(len(known) / across)
    side = min(style.width / across, 60.0)
    with mpl.rc_context(style.rc):
        height = style.height or down * (side + head) + foot
        figure = blank(style, height)
        cell, tall = style.width / across, (height - foot) / down
        square = min(cell, tall - head)
        for k, (name, values) in enumerate(known.items()):
            x = (k % across + 0.5) * cell - square / 2
            y = height - (k // across + 1) * tall
            axes = add_panel(figure, (x, y, square, square), style)
            n = f"n = {style.number(len(values))}"
            if len(values) < LEAST:
                axes.set_axis_off()
                axes.text(
                    0.5, 0.5, style.word("few", n=LEAST), ha="center", va="center", color=GREY,
                    fontsize=style.small, transform=axes.transAxes,
                )  # fmt: skip
            else:
                n += f", R = {style.number(direction(values).resultant, 2)}"
                _rose(axes, values, top, style, rings=False)
            axes.set_title(f"{name}\n{n}", loc="center", pad=0, fontsize=0.95 * style.font_size)
        rings = ", ".join(f"{100 * r:g} %" for r in rings_of(top))
        note = style.word("roses", rings=rings)
        figure.text(
            1.5 / style.width, 1.0 / height, wrapped(note, style), fontsize=style.small, color=GREY,
            va="bottom", linespacing=1.15,
        )  # fmt: skip
    return figure


def rings_of(top: float) -> list[float]:
    """Shares at which circles are drawn: the greatest round one within the rose, and a quarter of it."""
    outer = next((r for r in RINGS if r <= top * 1.0001), top)
    return [outer / 4, outer]


def _shares(degrees: Floats) -> Floats:
    """Share of the units in each of the sectors, of which the first is centred on north."""
    width = 360.0 / SECTORS
    sector = np.floor((degrees + width / 2) / width).astype(np.int64) % SECTORS
    return np.bincount(sector, minlength=SECTORS) / max(len(degrees), 1)


def _rose(axes: Axes, degrees: Floats, top: float, style: Style, *, rings: bool) -> None:
    """A rose whose sectors have areas by their shares: the radius grows with the root of the share."""
    shares = _shares(degrees)
    radius = np.sqrt(shares / top)
    width = 360.0 / SECTORS
    axes.set_aspect("equal")
    axes.set_xlim(-ROSE * 0.9, ROSE * 0.9)
    axes.set_ylim(-ROSE * 0.9, ROSE * 0.9)
    axes.set_axis_off()
    wedges = [
        Wedge((0, 0), float(r), 90 - k * width - width / 2, 90 - k * width + width / 2)
        for k, r in enumerate(radius)
        if r > 0
    ]
    circles = [*(Circle((0, 0), math.sqrt(r / top)) for r in rings_of(top)), Circle((0, 0), 1.05)]
    axes.add_collection(
        PatchCollection(
            circles, facecolor="none", edgecolor="#9a9a9a", linewidths=[0.35, 0.35, 0.6], zorder=1
        )
    )
    turn = np.radians(np.arange(0, 360, 45))
    spokes = [np.array([[0, 0], [math.sin(t), math.cos(t)]]) * 1.05 for t in turn]
    axes.add_collection(LineCollection(spokes, colors="#9a9a9a", linewidths=0.35, zorder=1))
    axes.add_collection(PatchCollection(wedges, facecolor=BLUE, edgecolor="white", linewidth=0.4, zorder=2))
    found = direction(degrees)
    if math.isfinite(found.mean):
        mean = math.radians(found.mean)
        end = 1.05 * found.resultant * np.array([math.sin(mean), math.cos(mean)])
        for colour, thick in (("white", 2.6), (ORANGE, 1.5)):
            axes.plot(
                [0, end[0]], [0, end[1]], color=colour, linewidth=thick, zorder=3, solid_capstyle="butt"
            )
    for t, name in zip(turn, style.words("compass"), strict=True):
        axes.text(
            1.26 * math.sin(t), 1.24 * math.cos(t), name, ha="center", va="center", fontsize=style.small
        )
    if rings:
        for r in rings_of(top):
            at = math.sqrt(r / top)
            t = math.radians(157.5)
            axes.text(
                at * math.sin(t), at * math.cos(t), f"{style.general(100 * r)} %", ha="center", va="center",
                fontsize=0.9 * style.small, zorder=4,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
            )  # fmt: skip


def _histogram(axes: Axes, values: Floats, style: Style) -> None:
    low, high = float(values.min()), float(values.max())
    counts, edges = np.histogram(values, BINS if high > low else 1)
    axes.stairs(counts, edges, fill=True, color=BLUE)
    mean = float(np.sort(values).mean())
    axes.axvline(mean, color=ORANGE, linewidth=1)
    digits = 2 if abs(mean) < 10 else (1 if abs(mean) < 100 else 0)
    axes.set_title(style.word("mean", value=style.number(mean, digits)), loc="right", color="#A04000")
    _ticks(axes, style, style.font_size, 6)


def _ticks(axes: Axes, style: Style, size: float, most: int) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(style.ticks())
        axis.set_major_locator(
            MaxNLocator(
                most if axis is axes.xaxis else 4, steps=[1, 2, 2.5, 5, 10], integer=axis is axes.yaxis
            )
        )
    axes.tick_params(labelsize=size, length=2.5, pad=2)
