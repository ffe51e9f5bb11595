"""Density and means per cell of a grid (Fig. 7 of Sun et al. 2024)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from rogi.geometry import Floats, Ints, transform_coordinates
from rogi.schema.attributes import shown_in
from rogi.statistics.figures.maps import draw_cells, draw_frame, draw_polygons, scale_bar
from rogi.statistics.figures.planes import frame_for, projection_for
from rogi.statistics.figures.style import GREY, Style, add_panel, blank, letters, wrapped
from rogi.statistics.grids import Grid, Gridded

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rogi.inventory.regions import Regions

CLIPPED = (0.02, 0.98)
"""Quantiles at which the colours of a grid end, so that one cell does not hide the rest."""


def grid_figure(
    cells: Gridded,
    style: Style = Style(),  # noqa: B008 - it is frozen
    regions: Regions | None = None,
) -> Figure | None:
    """Density and means per cell on an equal-area map; None if all cells are empty, or none
    is whole on a map, as those over a pole are not."""
    filled = np.flatnonzero(cells.count.ravel())
    if not len(filled):
        return None
    titles = {"count": style.word("per_cell")} | {c: style.mean_title(c) for c in shown_in("grid")}
    layers: dict[str, Floats] = {"count": cells.count.ravel()[filled].astype(np.float64)}
    layers |= {name: mean.ravel()[filled] for name, mean in cells.means.items() if name in titles}
    layers = {name: values for name, values in layers.items() if np.isfinite(values).any()}
    corners = _corners(cells.grid, filled)
    lonlat = transform_coordinates(corners.reshape(-1, 2), cells.grid.crs, "EPSG:4326")
    projection = projection_for(lonlat[np.isfinite(lonlat).all(axis=1)])
    placed = projection.forward(lonlat).reshape(corners.shape)
    whole = np.isfinite(placed).all(axis=(1, 2))
    whole &= np.nan_to_num(np.ptp(placed, axis=1)).max(axis=1) < 1e7  # not torn by the edge of the globe
    if not whole.any():
        return None
    frame = frame_for(projection, placed[whole].reshape(-1, 2))
    frame = frame.widened(min(max(frame.height / frame.width, 0.3), 1.4))
    across = 1 if len(layers) == 1 or style.width < 100 else 2
    down = math.ceil(len(layers) / across)
    line = style.font_size * 25.4 / 72
    left, right, bottom, top = 5.0 * line, 6.4 * line, 2.2 * line, 2.4 * line
    sides = _sides(cells.grid, style)
    note = wrapped(style.word("cells", width=sides[0], height=sides[1]), style)
    foot = (1.8 + 1.15 * note.count("\n")) * line
    width = style.width
    wide = width / across - left - right
    tall = wide * frame.height / frame.width
    height = style.height or down * (tall + bottom + top) + foot
    with mpl.rc_context(style.rc):
        figure = blank(style, height)
        cell = (height - foot) / down
        frame = frame if projection.globe else frame.widened(max(cell - bottom - top, 8.0) / wide)
        for k, ((name, values), letter) in enumerate(zip(layers.items(), letters(), strict=False)):
            x = (k % across) * width / across + left
            y = height - (k // across + 1) * cell + bottom
            box = (x, y, wide, cell - bottom - top)
            axes = add_panel(figure, box, style)
            known = np.isfinite(values)
            low = float(np.quantile(values[known], CLIPPED[0], method="lower"))
            high = float(np.quantile(values[known], CLIPPED[1], method="higher"))
            clipped = float(values[known].max()) > high or float(values[known].min()) < low
            shown = known & whole
            norm = Normalize(low, max(high, low + 1e-9))
            image = draw_cells(axes, placed[shown], values[shown], norm, "viridis")
            if regions is not None:
                draw_polygons(axes, frame, regions.geometry, colors="#333333", linewidths=0.4, zorder=3.5)
            draw_frame(axes, frame, style, wanted=3)
            if k == 0:
                taken = placed[whole]
                scale_bar(axes, frame, style, np.hstack([taken.min(axis=1), taken.max(axis=1)]))
            axes.set_title(f"{letter} {titles[name]}")
            beside = add_panel(figure, (x + wide + 2.0, y + 0.1 * box[3], 2.6, 0.8 * box[3]), style)
            bar = figure.colorbar(image, cax=beside, extend="both" if clipped else "neither")
            bar.outline.set_linewidth(0.4)
            bar.solids.set_rasterized(True)  # type: ignore[union-attr]
            bar.ax.yaxis.set_major_locator(MaxNLocator(5, integer=name == "count"))
            bar.ax.yaxis.set_major_formatter(style.ticks())
            bar.ax.tick_params(labelsize=0.9 * style.font_size, length=2)
        figure.text(
            1.5 / width, 1.0 / height, note, fontsize=style.small, color=GREY, va="bottom", linespacing=1.15
        )
    return figure


def _corners(grid: Grid, cells: Ints) -> Floats:
    """(n, 8, 2) corners and middles of the sides of cells, in the CRS of the grid."""
    row, column = np.divmod(cells, grid.shape[1])
    x = np.array([0, 0.5, 1, 1, 1, 0.5, 0, 0])
    y = np.array([0, 0, 0, 0.5, 1, 1, 1, 0.5])
    return np.stack(
        [
            grid.west + (column[:, None] + x) * grid.width,
            grid.north - (row[:, None] + y) * grid.height,
        ],
        axis=-1,
    )


def _sides(grid: Grid, style: Style) -> tuple[str, str]:
    if grid.crs.is_geographic:
        return tuple(f"{style.general(float(f'{v:.4g}'))}°" for v in (grid.width, grid.height))  # type: ignore[return-value]
    return tuple(style.word("kilometres", n=style.general(v / 1000)) for v in (grid.width, grid.height))  # type: ignore[return-value]
