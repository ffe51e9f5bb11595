"""Figures 5 to 8 of Sun et al. (2024) for any inventory: map, histograms, grids and aspect roses.

Colours: viridis and the palette of Okabe & Ito (2008), which people with colour-blindness can tell apart.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from rogi.files import replacing
from rogi.geometry import Floats
from rogi.schema.attributes import attributes, axis_title, shown_in
from rogi.schema.load import concepts
from rogi.statistics.grids import Grid, Gridded
from rogi.statistics.summary import COMPASS, UNKNOWN, aspects, direction
from rogi.statistics.unit_table import Objects, UnitTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
SECTORS = 16
CLIPPED = (
    0.02,
    0.98,
)  # quantiles at which the colours of a grid end, so that one cell does not hide the rest
WIDTH = 7.1  # inches: two columns of the journal
STYLE: Any = {
    "font.size": 8,
    "font.family": "DejaVu Sans",
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "figure.dpi": 100,
    "savefig.dpi": 300,
    "svg.hashsalt": "rogi",  # ids in SVG files are then the same each time
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
}


def save(figure: Figure, path: Path, dpi: int = 300) -> None:
    """Write a figure as PNG, SVG or PDF by its suffix; the same figure gives the same bytes."""
    by_suffix: Any = {
        ".png": {"Software": None},
        ".svg": {"Date": None, "Creator": "rogi"},
        ".pdf": {"CreationDate": None, "Creator": "rogi", "Producer": "rogi"},
    }
    metadata: dict[str, Any] = by_suffix.get(path.suffix.lower(), {})
    with mpl.rc_context(STYLE), replacing(path) as temporary:
        # tight: a legend beside a map of fixed aspect is not clipped, nor room left where there is nothing
        figure.savefig(temporary, metadata=metadata, dpi=dpi, bbox_inches="tight", pad_inches=0.05)


def _map_height(x: Floats, y: Floats, subregion: Objects | None) -> float:
    """Height of a map of the full width, inches: by its extent, and not less than its legend."""
    entries = 0 if subregion is None else len(set(subregion))
    across, down = (float(np.ptp(v)) or 1.0 for v in (x, y))
    wanted = WIDTH * (0.7 if entries else 0.9) * down / across + 0.9
    return min(max(wanted, 2.4, 0.16 * entries + 0.4), 1.1 * WIDTH)


def map_figure(table: UnitTable, title: str = "") -> Figure | None:
    """Where the units lie (Fig. 5): a dot for each, its area by the dot's area; subregions by colour.

    None if no unit has a position.
    """
    x, y = table.lonlat[:, 0], table.lonlat[:, 1]
    known = np.isfinite(x) & np.isfinite(y)
    if not known.any():
        return None
    stretch = 1 / max(math.cos(math.radians(float(np.nanmean(y)))), 0.05)
    figure, axes = _figure(WIDTH, _map_height(x[known], y[known] * stretch, table.subregion))
    area = table.numbers("area")
    largest = float(np.nanmax(area)) if area is not None and np.isfinite(area).any() else 1.0
    size = np.full(len(table), 3.0) if area is None else 0.6 + 18.0 * np.nan_to_num(area / largest, nan=0.0)
    if table.subregion is not None:
        names = np.array([UNKNOWN if s is None else s for s in table.subregion], dtype=object)
        for k, name in enumerate(sorted(set(names))):
            here = known & (names == name)
            axes.scatter(
                x[here], y[here], s=size[here], color=_colour(k), marker=_marker(k), linewidths=0, alpha=0.75,
                label=f"{name} ({int((names == name).sum()):,})", rasterized=True,
            )  # fmt: skip
        legend = axes.legend(
            loc="center left",
            bbox_to_anchor=(1.01, 0.5),
            frameon=False,
            fontsize=7,
            markerscale=2.5,
            title="Subregion (units)",
            title_fontsize=7,
        )
        handles: list[Any] = list(legend.legend_handles)
        for handle in handles:
            handle.set_sizes([18])
    else:
        axes.scatter(x[known], y[known], s=size[known], color=BLUE, linewidths=0, alpha=0.6, rasterized=True)
    axes.set_aspect(stretch, adjustable="box")
    axes.xaxis.set_major_formatter(_degrees("E", "W"))
    axes.yaxis.set_major_formatter(_degrees("N", "S"))
    axes.grid(linewidth=0.3, color="#cccccc")
    axes.set_axisbelow(True)
    axes.set_xlabel("Longitude")
    axes.set_ylabel("Latitude")
    axes.set_title(title or f"{int(known.sum()):,} units", fontsize=8, loc="left")
    if area is not None:
        total = float(np.nansum(area))
        axes.text(
            0.01, 0.02, f"total area {total:,.0f} km²; dots grow with the area, largest {largest:.2g} km²",
            transform=axes.transAxes, fontsize=6.5, color=GREY,
        )  # fmt: skip
    return figure


def histogram_figure(table: UnitTable) -> Figure | None:
    """Histograms of size, terrain and climate, and the aspect rose (Fig. 6); None without any attribute."""
    shown = [
        (c, v) for c in shown_in("figure") if (v := table.numbers(c)) is not None and np.isfinite(v).any()
    ]
    degrees = aspects(table)
    panels = len(shown) + (degrees is not None)
    if not panels:
        return None
    with mpl.rc_context(STYLE):
        figure = _blank(WIDTH, 1.9 * math.ceil(panels / 2))
        figure.set_layout_engine("constrained")
        grid = figure.add_gridspec(math.ceil(panels / 2), 2)
        for k, (concept, values) in enumerate(shown):
            axes = figure.add_subplot(grid[k // 2, k % 2])
            known = values[np.isfinite(values)]
            _histogram(axes, known, axis_title(concept), f"({chr(97 + k)})")
            if concept == "area" and (known < 0.5).sum() > 20 and known.max() > 0.6:
                inset = axes.inset_axes((0.5, 0.36, 0.48, 0.6))
                inset.hist(known[known < 0.5], bins=25, range=(0, 0.5), color=BLUE)
                inset.set_xlabel("below 0.5 km²", fontsize=6.5, labelpad=1)
                inset.tick_params(labelsize=6)
        if degrees is not None:
            k = len(shown)
            axes = figure.add_subplot(grid[k // 2, k % 2], projection="polar")
            _rose(axes, degrees, f"({chr(97 + k)}) Aspect (units)", radial=True)
    return figure


def _mean_title(concept: str) -> str:
    """What the mean of a concept in a cell is called: a mean of means is one too."""
    statistic, title = attributes()[concept].statistic, concepts()[concept].title
    if statistic == "mean":
        return axis_title(concept)
    return axis_title(concept, f"Mean {'of ' if statistic else ''}{title[:1].lower()}{title[1:]}")


def grid_figure(cells: Gridded) -> Figure | None:
    """Density and means per cell (Fig. 7); None if all cells are empty."""
    if not cells.count.any():
        return None

    titles = {"count": "Units per cell"} | {name: _mean_title(name) for name in shown_in("grid")}
    layers: dict[str, Floats] = {"count": np.where(cells.count > 0, cells.count, np.nan).astype(float)}
    layers |= {name: mean for name, mean in cells.means.items() if name in titles}
    grid = cells.grid
    rows, columns = grid.shape
    ratio = rows / columns
    across = 1 if len(layers) == 1 else 2
    down = math.ceil(len(layers) / across)
    with mpl.rc_context(STYLE):
        height = down * (0.85 * WIDTH / across * min(max(ratio, 0.3), 1.4) + 0.55) + 0.15
        figure = _blank(WIDTH, height)
        figure.set_layout_engine("constrained", rect=(0, 0.04, 1, 0.96))
        axes_grid = figure.subplots(down, across, squeeze=False)
        geographic = grid.crs.is_geographic
        if geographic:
            extent = (
                grid.west,
                grid.west + columns * grid.width,
                grid.north - rows * grid.height,
                grid.north,
            )
        else:
            extent = (0.0, columns * grid.width / 1000, 0.0, rows * grid.height / 1000)
        for k, axes in enumerate(axes_grid.ravel()):
            if k >= len(layers):
                axes.set_axis_off()
                continue
            name, values = list(layers.items())[k]
            low, high = np.nanquantile(values, CLIPPED)
            clipped = float(np.nanmax(values)) > high or float(np.nanmin(values)) < low
            image = axes.imshow(
                values,
                extent=extent,
                cmap="viridis",
                interpolation="nearest",
                vmin=low,
                vmax=max(high, low + 1e-9),
            )
            axes.set_title(f"({chr(97 + k)}) {titles[name]}")
            axes.set_xlabel(("Longitude (°)" if geographic else "km east") if k // across == down - 1 else "")
            axes.set_ylabel(("Latitude (°)" if geographic else "km north") if k % across == 0 else "")
            bar = figure.colorbar(
                image, ax=axes, shrink=0.7, pad=0.02, extend="both" if clipped else "neither"
            )
            bar.outline.set_linewidth(0.4)
        figure.text(
            0.01, 0.005, _cell_note(grid),
            fontsize=6, color=GREY,
        )  # fmt: skip
    return figure


def rose_figure(table: UnitTable) -> Figure | None:
    """Aspects per subregion (Fig. 8); one rose without subregions, None without aspects."""
    degrees = aspects(table)
    if degrees is None:
        return None
    if table.subregion is None:
        groups = {"All units": degrees}
    else:
        names = np.array([UNKNOWN if s is None else s for s in table.subregion], dtype=object)
        groups = {str(name): degrees[names == name] for name in sorted(set(names))}
    groups = {name: d for name, d in groups.items() if np.isfinite(d).any()}
    across = min(4, len(groups))
    down = math.ceil(len(groups) / across)
    with mpl.rc_context(STYLE):
        figure = _blank(WIDTH, 2.25 * down)
        for k, (name, values) in enumerate(groups.items()):
            axes = figure.add_subplot(down, across, k + 1, projection="polar")
            found = direction(values)
            _rose(axes, values, f"{name}\nn = {found.count:,}, R = {found.resultant:.2f}", radial=False)
        note = "R: resultant length, 0 no preference, 1 all alike; line: mean direction, as long as R"
        figure.text(0.01, 0.005, note, fontsize=6, color=GREY)
        figure.set_layout_engine("tight", rect=(0, 0.02, 1, 1))
    return figure


def _cell_note(grid: Grid) -> str:
    note = "colours end at the 2 and 98 % quantiles"
    if grid.crs.is_geographic:
        return f"Cells of {grid.width:.4g}° x {grid.height:.4g}°; {note}"
    return f"Cells of {grid.width / 1000:g} km x {grid.height / 1000:g} km; {note}"


def _histogram(axes: Axes, values: Floats, label: str, letter: str) -> None:
    low, high = float(values.min()), float(values.max())
    bins = 40 if high > low else 1
    axes.hist(values, bins=bins, color=BLUE)
    mean = float(values.mean())
    axes.axvline(mean, color=ORANGE, linewidth=1)
    axes.set_xlabel(label)
    axes.set_ylabel("Units")
    digits = 2 if abs(mean) < 10 else (1 if abs(mean) < 100 else 0)
    axes.set_title(f"{letter} n = {len(values):,}, mean {mean:,.{digits}f}")


def _rose(axes: Axes, degrees: Floats, title: str, *, radial: bool) -> None:
    known = degrees[np.isfinite(degrees)]
    width = 360.0 / SECTORS
    sector = np.floor((known + width / 2) / width).astype(np.int64) % SECTORS
    counts = np.bincount(sector, minlength=SECTORS)
    axes.set_theta_zero_location("N")  # type: ignore[attr-defined]
    axes.set_theta_direction(-1)  # type: ignore[attr-defined]
    axes.bar(
        np.radians(np.arange(SECTORS) * width),
        counts,
        width=np.radians(width),
        color=BLUE,
        edgecolor="white",
        linewidth=0.4,
    )
    found = direction(known)
    top = max(int(counts.max(initial=0)), 1)
    axes.plot([math.radians(found.mean)] * 2, [0, top * found.resultant], color=ORANGE, linewidth=1.6)
    axes.set_xticks(np.radians(np.arange(0, 360, 45)))
    axes.set_xticklabels(COMPASS, fontsize=6.5)
    axes.tick_params(pad=-2)
    axes.set_ylim(0, top * 1.05)
    if radial:
        axes.tick_params(axis="y", labelsize=6)
    else:
        axes.set_yticks([top])
        axes.set_yticklabels([f"{top:,}"], fontsize=5.5)
    axes.set_title(title, fontsize=7, loc="center")
    axes.grid(linewidth=0.3)
    axes.spines["polar"].set_linewidth(0.4)


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    with mpl.rc_context(STYLE):
        figure = _blank(width, height)
        axes = figure.add_subplot()
        figure.set_layout_engine("constrained")
    return figure, axes


def _blank(width: float, height: float) -> Figure:
    """A figure that no window or global state knows of."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def _colour(k: int) -> str:
    palette = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
    return palette[k % len(palette)]


def _marker(k: int) -> str:
    """Another marker for each round of colours, so that no two subregions look the same."""
    return "osD^v"[(k // 7) % 5]


def _degrees(positive: str, negative: str) -> Any:
    return FuncFormatter(lambda v, _: f"{abs(v):g}°{positive if v > 0 else negative if v < 0 else ''}")
