"""The legend of a map, and the page with both: everything is measured, then placed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from matplotlib.colors import LogNorm
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from rogi.statistics.figures.planes import Frame
from rogi.statistics.figures.style import MM, Style, check_room

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TALLEST = 0.85
"""Greatest height of a map, of the figure's width: taller ones become narrower."""
STRETCH = 1.25
"""How much taller a map may become to be as tall as its legend."""
BESIDE = 110.0
"""Width of a figure, mm, from which the legend is beside the map."""
LEGEND_SIZES = (0.9, 0.75, 0.6)
"""Sizes of the letters of a legend, of the others: the first that the height of the figure has room for."""
LEGEND_SHARE = 0.36
"""Width of a legend beside the map, of the figure's, above which its letters become smaller."""


@dataclass
class Legend:
    """Entries of a legend, by its heading."""

    blocks: list[tuple[str, list[Any], list[str]]] = field(default_factory=list)
    bar: Any = None
    bar_title: str = ""


def place(figure: Figure, axes: Axes, frame: Frame, legend: Legend, style: Style) -> Frame:
    """Put the map and its legend on the page, and cut the page to them where its height is free.

    All in mm from the lower left; what is beside the map is measured first.
    """
    width = style.width
    line = style.font_size * 25.4 / 72
    left, bottom, gap = 5.5 * line, 3.6 * line, 3.0
    top = (4.0 if frame.around_pole else 2.4) * line
    beside = width >= BESIDE
    most = math.inf if beside else 0.8 * width
    if style.height is not None:
        most = style.height - top - 1.5 if beside else 0.6 * style.height
    widest = LEGEND_SHARE * width if beside else width
    for size in LEGEND_SIZES:
        blocks = _blocks(figure, legend, style, size * style.font_size, 1 if beside else 3)
        tall = sum(block.height + gap for block in blocks)
        column = max((block.width for block in blocks), default=0.0)
        if tall <= most and column <= widest:
            break
        if size != LEGEND_SIZES[-1]:
            for block in blocks:
                block.remove()
    right = column + gap + 2.0 if beside and column else 3.0
    right = min(right, 0.45 * width)
    below = 0.0 if beside else tall
    across = width - left - right
    check_room(across, math.inf, style)
    ratio = frame.height / frame.width
    room = TALLEST * width if style.height is None else style.height - bottom - top - below - 1.5
    across = min(across, max(room / ratio, 0.4 * across))
    high = across * ratio
    if style.height is None:
        high = min(max(high, tall if beside else 0.0), STRETCH * high)
        height = top + max(high + bottom, tall if beside else 0.0) + below + 1.5
        figure.set_size_inches(width * MM, height * MM)
    else:
        height = style.height
        high = min(max(room, 20.0), STRETCH * high)
    frame = frame if frame.projection.globe else frame.widened(high / across)
    left += max(width - left - across - right, 0.0) / 2  # a narrow map, with its legend, in the middle
    axes.set_position((left / width, (height - top - high) / height, across / width, high / height))
    x = left + across + gap if beside else max(left - 5.5 * line, 2.0)
    y = height - top if beside else below
    for block in blocks:
        block.put(figure, x, y, width, height)
        y -= block.height + gap
    return frame


@dataclass
class _Block:
    """A part of the legend with its size, mm: entries, or a bar of colours."""

    width: float
    height: float
    box: Any = None
    bar: Any = None

    def remove(self) -> None:
        (self.box or self.bar).remove()

    def put(self, figure: Figure, x: float, y: float, width: float, height: float) -> None:
        """Put its upper left corner to a place of a page, all in mm."""
        if self.box is not None:
            self.box.set_loc("upper left")
            self.box.set_bbox_to_anchor((x / width, y / height), transform=figure.transFigure)
            return
        bottom = (y - 0.66 * self.height) / height
        self.bar.ax.set_position((x / width, bottom, self.width / width, 0.2 * self.height / height))


def _blocks(figure: Figure, legend: Legend, style: Style, size: float, columns: int) -> list[_Block]:
    """The parts of a legend in letters of a size, points, in as many columns as the page has room for."""
    blocks = [_bar(figure, legend, style, size)] if legend.bar is not None else []
    for heading, handles, texts in legend.blocks:
        for across in range(columns if len(texts) > 3 else 1, 0, -1):
            box = figure.legend(
                handles, texts, title=heading, frameon=False, fontsize=size, title_fontsize=size,
                loc="upper left", borderpad=0, borderaxespad=0, handletextpad=0.5, labelspacing=0.35,
                handlelength=1.2 if any(_seen(h) for h in handles) else 0, alignment="left", ncols=across,
                columnspacing=1.0,
            )  # fmt: skip
            block = _measured(box.get_window_extent(), figure, box=box)
            if across == 1 or block.width <= style.width - 3.0:
                break
            box.remove()
        blocks.append(block)
    return blocks


def _measured(extent: Any, figure: Figure, **what: Any) -> _Block:
    """Letters are up to 4 % wider at another resolution."""
    return _Block(1.04 * extent.width / figure.dpi * 25.4, extent.height / figure.dpi * 25.4, **what)


def _seen(handle: Any) -> bool:
    return not isinstance(handle, Line2D) or handle.get_color() != "none"


def _bar(figure: Figure, legend: Legend, style: Style, size: float) -> _Block:
    words = figure.text(0, 0, legend.bar_title, fontsize=size)
    width = _measured(words.get_window_extent(), figure).width
    words.remove()
    bar = figure.colorbar(legend.bar, cax=figure.add_axes((0, 0, 0.2, 0.02)), orientation="horizontal")
    bar.outline.set_linewidth(0.4)
    bar.solids.set_rasterized(True)  # type: ignore[union-attr]
    top = legend.bar.norm.vmax
    if isinstance(legend.bar.norm, LogNorm):
        ticks = [10.0**k for k in range(8) if 10.0**k < top / 2.8]
        bar.ax.xaxis.set_major_locator(FixedLocator([*ticks, top]))
        bar.ax.xaxis.set_minor_locator(NullLocator())
    else:
        bar.ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    bar.ax.xaxis.set_major_formatter(lambda v, _: style.general(v))
    bar.ax.tick_params(labelsize=size, length=2)
    bar.ax.set_title(legend.bar_title, fontsize=size, loc="left", pad=3)
    return _Block(max(width, 24.0), 5.2 * size * 25.4 / 72, bar=bar)
