"""Pictures of the docs, made of rogi's own numbers: ``python docs/pictures.py`` writes docs/images."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pyproj
import shapely
from affine import Affine

from rogi.attributes.zonal.seams import grounds
from rogi.raster.files import ArrayRaster

FOLDER = Path(__file__).parent / "images"
SECOND = 1 / 3600
DEGREES = pyproj.CRS(4326)


def seam() -> None:
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
    figure, axes = plt.subplots(figsize=(7.2, 5.2))
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
    figure.savefig(FOLDER / "seam.png", dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def _cell(axes: plt.Axes, transform: Affine, row: int, column: int, **style: object) -> None:
    corner = transform @ (column, row + 1)
    axes.add_patch(plt.Rectangle(corner, transform.a, -transform.e, **style))


if __name__ == "__main__":
    mpl.use("agg")
    FOLDER.mkdir(exist_ok=True)
    seam()
