"""Pictures of the docs, made of rogi's own numbers when the site is built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import shapely
from affine import Affine
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from shapely.plotting import patch_from_polygon

from rogi.attributes.zonal.seams import grounds
from rogi.raster.files import ArrayRaster
from rogi.synthetic.imagery import Scene, SceneSettings
from rogi.synthetic.landforms import Kind

SECOND = 1 / 3600
COLOURS = {"unchanged": "#56b4e9", "advanced": "#f0e442", "new": "#ff9d00", "gone": "#ff6f6f"}
DEGREES = pyproj.CRS(4326)


def seam(path: Path) -> None:
    """A unit across 50 degrees north, where the pixels of Copernicus widen from 1 to 1.5 seconds."""
    west = 88.0
    south = ArrayRaster(np.zeros((9, 15)), Affine(SECOND, 0, west, 0, -SECOND, 50.0), DEGREES)
    north = ArrayRaster(
        np.zeros((9, 10)), Affine(1.5 * SECOND, 0, west, 0, -SECOND, 50 + 9 * SECOND), DEGREES
    )
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = (1 + 0.18 * np.cos(3 * angle + 0.6) + 0.1 * np.sin(2 * angle)) * SECOND
    unit = shapely.Polygon(
        np.column_stack(
            [west + 7.5 * SECOND + 5.6 * radius * np.cos(angle), 50 + 6.2 * radius * np.sin(angle)]
        )
    )
    (ground,) = grounds(np.array([unit], dtype=object), [south, north])
    figure, axes = canvas(7.2, 5.2)
    for piece in ground.pieces:
        transform = piece.grid.transform
        for row, column in np.ndindex(*piece.grid.shape):
            _cell(axes, transform, row, column, facecolor="none", edgecolor="#b8c0c6", linewidth=0.6)
        colour = "#2f6f9f" if piece.grid is south else "#c2691c"
        entries = zip(piece.coverage.rows, piece.coverage.columns, piece.coverage.shares, strict=True)
        for row, column, share in entries:
            _cell(axes, transform, row, column, facecolor=colour, alpha=0.75 * share, linewidth=0)
    axes.plot(*unit.exterior.xy, color="#222222", linewidth=1.8)
    axes.plot([west - 0.5 * SECOND, west + 15.2 * SECOND], [50.0, 50.0], color="#222222", linestyle="--")
    shares = [piece.coverage.shares.sum() for piece in ground.pieces]
    for piece, share, y, name in zip(
        ground.pieces, shares, (50 - 8.1 * SECOND, 50 + 7.4 * SECOND), ("1″ × 1″", "1.5″ × 1″"), strict=True
    ):
        text = f"pixels of {name}\n{len(piece.coverage.shares)} touched, {share:.1f} covered"
        axes.text(west + 15.4 * SECOND, y, text, fontsize=9, va="bottom" if y < 50 else "top")
    axes.text(west + 15.4 * SECOND, 50.0, "50° N, the seam", fontsize=9, va="center")
    axes.set(xlim=(west - 0.3 * SECOND, west + 23 * SECOND), ylim=(50 - 9.3 * SECOND, 50 + 9.3 * SECOND))
    axes.set_aspect(1 / np.cos(np.radians(50)))
    axes.axis("off")
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})


def landing(path: Path) -> None:
    """Outlines of one season and what the next one changed, on its image."""
    scene = Scene(SceneSettings(420, 700, seed=48, wedges=False, units=13))
    image, _ = scene.render(2, 0, 0, 420, 700)
    west, south, east, north = scene.bounds
    figure, axes = canvas(7.0, 4.2)
    figure.subplots_adjust(0, 0, 1, 1)
    axes.imshow(image.transpose(1, 2, 0), extent=(west, east, south, north))
    before, after = (
        {form.number: form.polygon for form in scene.landforms(season) if form.kind is Kind.ROCK_GLACIER}
        for season in (1, 2)
    )
    for number in before.keys() | after.keys():
        fate = scene.fates()[number]
        colour = COLOURS[fate]
        for polygon in {before.get(number), after.get(number)} - {None}:
            grown = fate != "unchanged" and polygon == after.get(number)
            fill = f"{colour}50" if grown else "none"
            for width, edge in ((3.4, "#000000a0"), (1.8, colour)):
                axes.add_patch(patch_from_polygon(polygon, facecolor=fill, edgecolor=edge, linewidth=width))
                fill = "none"
    lines = [Line2D([], [], color=colour, linewidth=2.5, label=name) for name, colour in COLOURS.items()]
    axes.legend(handles=lines, loc="upper right", fontsize=10, framealpha=0.9)
    axes.axis("off")
    figure.savefig(path, dpi=160, pil_kwargs={"quality": 80})


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of so many inches with one pair of axes, of no window."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


PICTURES = {"seam.png": seam, "landing.webp": landing}


def _cell(axes: Axes, transform: Affine, row: int, column: int, **style: object) -> None:
    corner = transform @ (column, row + 1)
    axes.add_patch(Rectangle(corner, transform.a, -transform.e, **style))
