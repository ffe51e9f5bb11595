"""Figures 5 to 8 of Sun et al. (2024) for any inventory: map, histograms, grids and aspect roses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rogi.statistics.figures.cells import grid_figure
from rogi.statistics.figures.charts import histogram_figure, rose_figure
from rogi.statistics.figures.overview import Backgrounds, map_figure
from rogi.statistics.figures.style import Style, languages, missing_letters, parse_size, refuse_huge, save
from rogi.statistics.symbols import Symbols

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rogi.statistics.grids import Gridded
    from rogi.statistics.unit_table import UnitTable

__all__ = [
    "Backgrounds",
    "Style",
    "figures_of",
    "grid_figure",
    "histogram_figure",
    "languages",
    "map_figure",
    "missing_letters",
    "parse_size",
    "rose_figure",
    "save",
]


def figures_of(
    table: UnitTable,
    cells: Gridded,
    style: Style,
    backgrounds: Backgrounds = Backgrounds(),  # noqa: B008 - it is frozen
    symbols: Symbols = Symbols.AUTO,
) -> dict[str, Figure | None]:
    """The figures of an inventory by name; None where there is nothing to show.

    Raises
    ------
    OptionError
        A figure has too many pixels to be written.
    """
    found = {
        "map": map_figure(table, style, backgrounds, symbols),
        "histograms": histogram_figure(table, style),
        "grid": grid_figure(cells, style, backgrounds.regions),
        "aspects": rose_figure(table, style),
    }
    for name, figure in found.items():
        if figure is not None:
            refuse_huge(name, figure, style)
    return found
