"""Maps that work offline: layers of geometries with styles, labels and links to the rows of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from rogi.blocks import run_blocks
from rogi.geometry import total_bounds
from rogi.report.html.shell import embed
from rogi.text import html as escape

Geometries = NDArray[np.object_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bounds = tuple[float, ...]

STEP = 1e-6
"""Degrees to which coordinates on the page are rounded: 0.1 m."""
SIMPLIFICATION = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4)
"""Tolerances in degrees, about 1 to 55 m: the first is taken that keeps to the budget of vertices."""
SAMPLE = 2_000
"""Rings and lines by which the tolerance is chosen."""
LEAST_VERTICES = 6
"""Of an outline at the largest tolerance, about."""
VERTEX_BUDGET = 150_000
VERTICES_EACH = 8
LARGEST_BUDGET = 400_000
"""Vertices of one layer: the first number, or so many for each feature up to the last, about 2 MB of page; a
layer of very many features may exceed it."""


CONTEXT_CELLS = 1200
"""What lies around is drawn as dots on a grid of this many cells across."""


class Shape(StrEnum):
    """Symbol of a point, and of what is too small to draw."""

    CIRCLE = "circle"
    SQUARE = "square"
    TRIANGLE = "triangle"
    DIAMOND = "diamond"


@dataclass(frozen=True, slots=True)
class Style:
    """How one class of features looks.

    ``color`` is one of the page's: ``error``, ``warning``, ``info``, ``good``, ``neutral``, ``accent``,
    ``context``, ``first``, ``second`` (two inventories compared) or ``c0`` … ``c8`` (classes without order).
    Each has a tone for light and one for dark pages.
    """

    title: str
    color: str
    shape: Shape = Shape.CIRCLE
    fill: bool = True
    dash: bool = False
    width: float = 1.4


@dataclass(frozen=True, slots=True, eq=False)
class Scheme:
    """A way to colour a layer: styles, the first drawn on top, and the style of every feature.

    ``classes`` is one index for all features or (n,) of them. With ``column``, a column of the map's
    table, a feature instead takes the first style whose entry in ``values`` one of its rows has (of those
    that the filters let through), else the last. Where layers have several schemes the reader chooses by
    ``title``.
    """

    title: str
    styles: Sequence[Style]
    classes: int | Sequence[int] | Ints = 0
    column: str | None = None
    values: Sequence[str] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """A layer is drawn where another does not cover it: what one inventory has beyond the other.

    The page cuts pixels, not geometries. As both layers may be simplified, what is nearer to the other layer
    than simplification can move outlines is not drawn; the legend gives that distance from a metre on.

    Attributes
    ----------
    by
        Index of the other layer in the map.
    share
        (n,) 0 for features of which nothing is left, 1 for the others, 2 for those that are drawn as a symbol
        where they are too small for an outline.
    column
        Column of the map's table: only features whose rows are alike in it cut each other.
    """

    by: int
    share: Ints
    column: str


@dataclass(frozen=True, slots=True, eq=False)
class MapLayer:
    """Geometries drawn alike.

    Attributes
    ----------
    title
        Its entry in the legend.
    geometries
        (n,) shapely, WGS84 longitude and latitude in degrees; None, empty and impossible places are
        left out of the map.
    schemes
        At least one.
    labels
        (n,) text shown where a feature is clicked; default the title. For None see ``named``.
    named
        Text before all labels and title of a column of the map's table: a feature without a label has what
        the column has in its first row, so that the page holds each name once.
    shared
        This or an earlier map of the page and the index of its layer with the same features, of which the
        geometries, labels and rows are taken.
    rows
        (n,) the row or rows of the map's table that belong to each feature. Only features with a row that the
        table's filters let through are drawn.
    cut
        Draws only what another layer of the map does not cover.
    visible
        Whether it is drawn at first.
    interactive
        Whether features answer to the pointer; False draws small dots in the background.
    resolution
        How coarse the places are, in degrees: where that would show, the layer is not drawn.
    count
        The number in the legend, where one geometry stands for several features; default: those drawn.
    """

    title: str
    geometries: ArrayLike
    schemes: Sequence[Scheme]
    labels: Sequence[str | None] | None = None
    rows: Sequence[Sequence[int]] | Ints | None = None
    visible: bool = True
    interactive: bool = True
    resolution: float = 0.0
    count: int | None = None
    named: tuple[str, str] | None = None
    shared: tuple[str, int] | None = None
    cut: Cut | None = None


def map_view(
    name: str,
    layers: Sequence[MapLayer],
    *,
    title: str,
    table_name: str | None = None,
    group: str | None = None,
    vertex_budget: int | None = None,
) -> str:
    """A map: pan, zoom, graticule, scale bar, legend, popups.

    Parameters
    ----------
    name
        Identifies the map on its page.
    layers
        The first is drawn first.
    title
        What it shows, in words for screen readers.
    table_name
        The table that the layers' rows refer to.
    group
        Maps of one group move together: two of them in a ``<div class="maps">`` stand side by side.
    vertex_budget
        Vertices of a layer; default: by the number of its features.

    Returns
    -------
    str
        HTML for a section of a page.
    """
    # layers that share their features have one array
    arrays = {id(layer.geometries): np.asarray(layer.geometries, dtype=object) for layer in layers}
    shown = {key: np.flatnonzero(drawable(array)) for key, array in arrays.items()}
    data = {
        "title": title,
        "table": table_name,
        "group": group,
        "layers": [
            _encode(layer, arrays[id(layer.geometries)], shown[id(layer.geometries)], vertex_budget)
            for layer in layers
        ],
    }
    return (
        f'<div><div class="map" data-map="{escape(name)}"><noscript><p>The map needs JavaScript; '
        "the script is part of this file.</p></noscript></div></div>\n" + embed(name, data)
    )


def map_bounds(*arrays: ArrayLike) -> Bounds | None:
    """West, south, east and north of what a map can draw of some geometries, degrees; None without any."""
    found = [np.asarray(a, dtype=object) for a in arrays]
    bounds = total_bounds(*(a[drawable(a)] for a in found))
    return None if np.isnan(bounds).any() else (*bounds.tolist(),)


def scattered(points: Geometries) -> tuple[Geometries, float]:
    """Points on a grid of `CONTEXT_CELLS` across their extent, each cell once, and its spacing in degrees."""
    if not len(points):
        return points, 0.0
    places = shapely.get_coordinates(points)
    step = max(float(np.ptp(places, axis=0).max()) / CONTEXT_CELLS, 1e-5)
    return np.asarray(shapely.points(np.unique(np.rint(places / step), axis=0) * step)), step


def _encode(
    layer: MapLayer, geometries: Geometries, shown: NDArray[np.intp], budget: int | None
) -> dict[str, object]:
    schemes = []
    for scheme in layer.schemes:
        classes = scheme.classes if scheme.column is None else 0
        schemes.append(
            {
                "title": scheme.title,
                "styles": [
                    {
                        "title": s.title,
                        "color": s.color,
                        "shape": s.shape.value,
                        "fill": s.fill,
                        "dash": s.dash,
                        "width": s.width,
                    }
                    for s in scheme.styles
                ],
                "classes": classes
                if isinstance(classes, int)
                else np.asarray(classes, dtype=np.int64)[shown].tolist(),
                "column": scheme.column,
                "values": list(scheme.values),
            }
        )
    own = layer.shared is None
    return {
        "title": layer.title,
        "n": len(shown),
        "visible": layer.visible,
        "interactive": layer.interactive,
        "resolution": layer.resolution,
        "count": len(shown) if layer.count is None else layer.count,
        "schemes": schemes,
        "labels": _labels(layer.labels, shown) if own else None,
        "named": layer.named,
        "rows": _rows(layer.rows, shown) if own else None,
        "geometry": encode_geometries(geometries[shown], budget) if own else None,
        "shared": layer.shared,
        "cut": None
        if layer.cut is None
        else {"by": layer.cut.by, "share": layer.cut.share[shown].tolist(), "column": layer.cut.column},
    }


def _labels(labels: Sequence[str | None] | None, shown: NDArray[np.intp]) -> list[str | None] | None:
    """Labels of what is shown; None where there are none."""
    if labels is None or all(label is None for label in labels):
        return None
    return [labels[i] for i in shown.tolist()]


def _rows(
    rows: Sequence[Sequence[int]] | Ints | None, shown: NDArray[np.intp]
) -> dict[str, list[int] | None] | None:
    """Rows of what is shown, one after the other, and how many each feature has; None if it is one each."""
    if rows is None:
        return None
    if isinstance(rows, np.ndarray):
        return {"counts": None, "index": rows[shown].tolist()}
    of_shown = [rows[i] for i in shown.tolist()]
    return {
        "counts": [len(r) for r in of_shown],
        "index": [int(index) for r in of_shown for index in r],
    }


def drawable(geometries: Geometries) -> NDArray[np.bool_]:
    """(n,) whether a geometry has a place on a map of the world: not null, not empty, real degrees."""
    bounds = shapely.bounds(geometries)
    with np.errstate(invalid="ignore"):
        inside = (np.abs(bounds[:, [0, 2]]) <= 360).all(axis=1) & (np.abs(bounds[:, [1, 3]]) <= 90).all(
            axis=1
        )
    return np.asarray(inside & np.isfinite(bounds).all(axis=1))


def encode_geometries(geometries: Geometries, budget: int | None = None) -> dict[str, object]:
    """Geometries as the page's script reads them.

    Each is a number of chains of vertices: a point is a chain of one, a ring one without its last
    vertex. Coordinates are multiples of :data:`STEP` from the south-west corner, written as
    differences from vertex to vertex. Shapes are simplified (Douglas and Peucker, chain by chain) as
    far as the budget of vertices demands.

    Returns
    -------
    dict
        ``west``, ``south``, ``step`` in degrees, ``error``: how far an outline may be off, in degrees;
        ``parts``: (n,) chains of each; ``lengths``: vertices of each chain, negative where it is a closed
        ring; ``deltas``: x and y in turn.
    """
    chains, owner = _chains(geometries)
    chains, tolerance = _simplified(chains, _budget(len(geometries)) if budget is None else budget)
    step = max(STEP, tolerance / 4)
    ring = shapely.get_type_id(chains) == shapely.GeometryType.LINEARRING
    coords, index = shapely.get_coordinates(chains, return_index=True)
    if not len(coords):
        return {
            "west": 0,
            "south": 0,
            "step": STEP,
            "error": 0,
            "parts": [0] * len(geometries),
            "lengths": [],
            "deltas": [],
        }
    west, south = np.floor(coords.min(axis=0) * 1e3) / 1e3
    grid = np.rint((coords - (west, south)) / step).astype(np.int64)
    last = np.flatnonzero(np.append(index[1:] != index[:-1], True))
    first = np.append(0, last[:-1] + 1)
    keep = np.ones(len(grid), dtype=bool)
    keep[1:] = (grid[1:] != grid[:-1]).any(axis=1) | (index[1:] != index[:-1])
    keep[last[ring & (last > first)]] = False  # the closing vertex
    keep[first] = True
    grid, index = grid[keep], index[keep]
    lengths = np.bincount(index, minlength=len(chains))
    deltas = np.diff(grid, axis=0, prepend=np.zeros((1, 2), dtype=np.int64))
    return {
        "west": float(west),
        "south": float(south),
        "step": step,
        "error": tolerance + step / math.sqrt(2),
        "parts": np.bincount(owner, minlength=len(geometries)).tolist(),
        "lengths": np.where(ring, -lengths, lengths).tolist(),
        "deltas": deltas.ravel().tolist(),
    }


def with_points(geometries: Geometries, importance: ArrayLike, budget: int = LARGEST_BUDGET) -> Geometries:
    """The geometries with points in place of the least important, as far as the budget of vertices demands.

    Parameters
    ----------
    geometries : ndarray of object, shape (n,)
    importance : array_like, shape (n,)
        The smallest are the most important; of equals the first.
    budget : int
        Vertices.

    Returns
    -------
    ndarray of object, shape (n,)
        Points in the middle of the bounds; the given array where all fit.
    """
    order = np.argsort(importance, kind="stable")
    vertices = np.minimum(shapely.get_num_coordinates(geometries), LEAST_VERTICES)
    least = order[np.cumsum(vertices[order]) > budget]
    if not len(least):
        return geometries
    out = geometries.copy()
    west, south, east, north = shapely.bounds(geometries[least]).T
    out[least] = shapely.points((west + east) / 2, (south + north) / 2)
    return out


def _budget(features: int) -> int:
    return min(max(VERTEX_BUDGET, VERTICES_EACH * features), LARGEST_BUDGET)


def _simplified(chains: Geometries, budget: int) -> tuple[Geometries, float]:
    """Chains with about as many vertices as the budget has, by the tolerance that does it for a sample."""
    vertices = shapely.get_num_coordinates(chains)
    if int(vertices.sum()) <= budget:
        return chains, 0.0
    some = chains[:: max(1, len(chains) // SAMPLE)]
    goal = budget / int(vertices.sum()) * int(shapely.get_num_coordinates(some).sum())
    tolerance = next((t for t in SIMPLIFICATION if _count(some, t) <= goal), SIMPLIFICATION[-1])
    out = chains.copy()

    def simplify(start: int, stop: int) -> None:
        simple = shapely.simplify(chains[start:stop], tolerance, preserve_topology=False)
        kept = ~shapely.is_empty(simple)  # a ring that would collapse stays
        out[start:stop][kept] = simple[kept]

    run_blocks(simplify, len(chains))
    return out, tolerance


def _count(chains: Geometries, tolerance: float) -> int:
    simple = shapely.simplify(chains, tolerance, preserve_topology=False)
    return int(shapely.get_num_coordinates(simple).sum())


def _chains(geometries: Geometries) -> tuple[Geometries, Ints]:
    """Points, lines and rings of all geometries in order, and the geometry each is of."""
    if shapely.has_z(geometries).any():
        geometries = shapely.force_2d(geometries)
    parts, owner = geometries, np.arange(len(geometries))
    while (several := shapely.get_type_id(parts) >= shapely.GeometryType.MULTIPOINT).any():
        # only what has parts is taken apart: parts are copies; collections may be in collections
        more, index = shapely.get_parts(parts[several], return_index=True)
        parts = np.concatenate([parts[~several], more])
        owner = np.concatenate([owner[~several], owner[several][index]])
        order = np.argsort(owner, kind="stable")
        parts, owner = parts[order], owner[order]
    polygon = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    rings, of_polygon = shapely.get_rings(parts[polygon], return_index=True)
    chains = np.concatenate([parts[~polygon], rings])
    position = np.concatenate([np.flatnonzero(~polygon), np.flatnonzero(polygon)[of_polygon]])
    order = np.argsort(position, kind="stable")
    chains, owner = chains[order], owner[position[order]]
    filled = ~shapely.is_empty(chains)
    return chains[filled], owner[filled]
