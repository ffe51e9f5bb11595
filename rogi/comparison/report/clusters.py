"""The clusters of a comparison as rows of a table, and small pictures of the worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from rogi.comparison.matching.graph import MATCH_TYPES, MatchType
from rogi.geometry import Floats, Geometries, Ints, local_metres
from rogi.report.html.tables import Column, Kind
from rogi.text import html as escape

if TYPE_CHECKING:
    from rogi.comparison.inventories import InventoryComparison

PICTURES = 12
"""Pictures of matched clusters, and as many of what only one side has."""
IDS_SHOWN = 6
SIZE = 190  # pixels of a picture
BARS_M = (5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 2, 1)
VERTICES = 300  # of an outline in a picture, about


TYPE_TONES = {
    MatchType.ONE_TO_ONE: "good",
    MatchType.SPLIT: "info",
    MatchType.MERGE: "info",
    MatchType.COMPLEX: "warning",
    MatchType.ONLY_A: "error",
    MatchType.ONLY_B: "error",
}


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """One row per cluster, in the order of the table: the least similar first, then what only one side has.

    Attributes
    ----------
    number, kind, title
        (k,) number from 1, type, class.
    ids_a, ids_b
        (k,) ids, the first few of them.
    area_a, area_b
        (k,) km²; None where a side has markers.
    iou
        (k,) overlap of the cluster over the area it covers; None for markers and where one side has nothing.
    boundary
        (k,) mean boundary distance of its assigned pairs, m.
    rows_a, rows_b
        Row of the table of each object of both sides.
    """

    number: list[int]
    kind: list[str]
    title: list[str]
    ids_a: list[str]
    ids_b: list[str]
    area_a: list[float | None]
    area_b: list[float | None]
    iou: list[float | None]
    boundary: list[float | None]
    rows_a: list[int]
    rows_b: list[int]
    place: Ints

    def row_of(self, numbers: NDArray[np.int64]) -> list[int]:
        """Rows of clusters given by their numbers."""
        rows: list[int] = self.place[np.asarray(numbers, np.intp) - 1].tolist()
        return rows


def clusters_of(result: InventoryComparison) -> Clusters:
    """The clusters of all classes."""
    kinds: list[Ints] = []
    columns: dict[str, list[Floats]] = {name: [] for name in ("area_a", "area_b", "iou", "boundary")}
    titles: list[str] = []
    of_a, of_b = np.zeros(len(result.a), np.intp), np.zeros(len(result.b), np.intp)
    start = 0
    for section in result.sections:
        c, graph = section.comparison, section.comparison.graph
        count = len(graph.size_a)
        of_a[section.rows_a], of_b[section.rows_b] = graph.cluster_a + start, graph.cluster_b + start
        kinds.append(graph.cluster_type)
        titles += [section.title] * count
        area_a = np.bincount(graph.cluster_a, weights=graph.area_a, minlength=count)
        area_b = np.bincount(graph.cluster_b, weights=graph.area_b, minlength=count)
        linked = graph.linked
        both = np.bincount(graph.cluster_a[graph.a[linked]], weights=graph.overlap[linked], minlength=count)
        with np.errstate(divide="ignore", invalid="ignore"):
            iou = np.where((graph.size_a > 0) & (graph.size_b > 0), both / (area_a + area_b - both), np.nan)
        columns["area_a"].append(area_a / 1e6)
        columns["area_b"].append(area_b / 1e6)
        columns["iou"].append(np.clip(iou, 0, 1))
        boundary = np.full(count, np.nan)
        if c.boundaries is not None and c.assigned.any():
            owner = graph.cluster_a[graph.a[c.assigned]]
            total = np.bincount(owner, weights=c.boundaries.mean[c.assigned], minlength=count)
            pairs = np.bincount(owner, minlength=count)
            np.divide(total, pairs, out=boundary, where=pairs > 0)
        columns["boundary"].append(boundary)
        start += count
    kind = np.concatenate(kinds)
    values = {name: np.concatenate(parts) for name, parts in columns.items()}
    alone = kind >= MATCH_TYPES.index(MatchType.ONLY_A)
    larger = np.nan_to_num(np.maximum(values["area_a"], values["area_b"]))
    order = np.lexsort(
        [np.arange(start), -larger, np.where(alone, kind, 0), np.nan_to_num(values["iou"]), alone]
    )
    place = np.empty(start, np.intp)
    place[order] = np.arange(start)

    names = [t.value for t in MATCH_TYPES]

    def listed(name: str, digits: int) -> list[float | None]:
        sorted_values = values[name][order]
        out: list[float | None] = list(map(round, sorted_values.tolist(), repeat(digits)))
        for row in np.flatnonzero(~np.isfinite(sorted_values)).tolist():
            out[row] = None
        return out

    return Clusters(
        number=(order + 1).tolist(),
        kind=[names[k] for k in kind[order].tolist()],
        title=[titles[k] for k in order.tolist()],
        ids_a=_ids(result.a.ids, place[of_a], start),
        ids_b=_ids(result.b.ids, place[of_b], start),
        area_a=listed("area_a", 5),
        area_b=listed("area_b", 5),
        iou=listed("iou", 4),
        boundary=listed("boundary", 1),
        rows_a=place[of_a].tolist(),
        rows_b=place[of_b].tolist(),
        place=place,
    )


def pictures(result: InventoryComparison, clusters: Clusters) -> str:
    """Pictures of the matched clusters with the least IoU, and of the largest that one side lacks."""
    if not (result.a.outlines and result.b.outlines):
        return ""
    only = {MatchType.ONLY_A.value, MatchType.ONLY_B.value}
    differing = [r for r, iou in enumerate(clusters.iou) if iou != 1.0]  # rounded: equal as far as one sees
    matched = [r for r in differing if clusters.kind[r] not in only][:PICTURES]
    alone = [r for r, kind in enumerate(clusters.kind) if kind in only]
    alone.sort(key=lambda r: (-max(clusters.area_a[r] or 0.0, clusters.area_b[r] or 0.0), r))
    chosen = [*matched, *alone[:PICTURES]]
    rows_a, rows_b = np.array(clusters.rows_a, np.intp), np.array(clusters.rows_b, np.intp)
    bounds = [np.ascontiguousarray(shapely.bounds(side.geometries).T) for side in (result.a, result.b)]
    drawn = [
        _picture(
            clusters,
            row,
            result.a.geometries[rows_a == row],
            result.b.geometries[rows_b == row],
            result,
            bounds,
        )
        for row in chosen
    ]
    key = '<p class="key"><span class="first">A</span> <span class="second">B</span></p>'
    return f'{key}<div class="pictures">{"".join(drawn)}</div>' if drawn else ""


def _picture(
    clusters: Clusters,
    row: int,
    a: Geometries,
    b: Geometries,
    result: InventoryComparison,
    all_bounds: Sequence[Floats],
) -> str:
    bounds = shapely.total_bounds(np.concatenate([a, b]))
    # the other side's outlines nearby, so that a missing one is seen among its neighbours
    near_a, near_b = (
        side.geometries[
            (west <= bounds[2]) & (south <= bounds[3]) & (east >= bounds[0]) & (north >= bounds[1])
        ]
        for side, (west, south, east, north) in zip((result.a, result.b), all_bounds, strict=True)
    )
    middle = np.array([(bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2])
    corners = local_metres(np.array([bounds[:2], bounds[2:]]), middle)
    extent = max(1.0, float((corners[1] - corners[0]).max())) * 1.12
    scale = SIZE / extent
    paths = [
        _path(shapes, middle, scale, extent, name)
        for shapes, name in ((near_a, "first faint"), (near_b, "second faint"), (a, "first"), (b, "second"))
    ]
    bar = next(
        m
        for m in (5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 2, 1)
        if m * scale <= 0.45 * SIZE or m == 1
    )
    length = f"{bar / 1000:g} km" if bar >= 1000 else f"{bar} m"
    legend = (
        f'<line class="scale" x1="8" x2="{8 + bar * scale:.1f}" y1="{SIZE - 8}" y2="{SIZE - 8}"/>'
        f'<text x="8" y="{SIZE - 13}">{length}</text>'
    )
    ids = " / ".join(t for t in (clusters.ids_a[row], clusters.ids_b[row]) if t)
    iou = clusters.iou[row]
    caption = f"{clusters.kind[row]}" + (f", IoU {iou:.3f}" if iou is not None else "")
    label = escape(f"Cluster {clusters.number[row]}: {caption}, {ids}")
    return (
        f'<figure><svg viewBox="0 0 {SIZE} {SIZE}" role="img" aria-label="{label}">'
        f"{''.join(paths)}{legend}</svg>"
        f"<figcaption><b>{clusters.number[row]}</b> {escape(caption)}<br>"
        f'<span class="code">{escape(ids)}</span></figcaption></figure>'
    )


def _path(shapes: Geometries, middle: Floats, scale: float, extent: float, name: str) -> str:
    """Outlines as one path in pixels, holes left open."""
    if not len(shapes):
        return ""
    rings = shapely.get_rings(shapely.get_parts(shapes))
    pieces = []
    for ring in rings.tolist():
        xy = local_metres(shapely.get_coordinates(ring), middle)
        xy = xy[:: max(1, len(xy) // VERTICES)]
        pixels = np.column_stack([(xy[:, 0] + extent / 2) * scale, (extent / 2 - xy[:, 1]) * scale])
        if (pixels.max(axis=0) < 0).any() or (pixels.min(axis=0) > SIZE).any():
            continue
        pieces.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in pixels.tolist()) + "Z")
    return f'<path class="{name}" fill-rule="evenodd" d="{"".join(pieces)}"/>' if pieces else ""


def _ids(ids: Sequence[str] | NDArray[np.object_], rows: Ints, count: int) -> list[str]:
    """Ids of the objects in each row, the first few of them."""
    order = np.argsort(rows, kind="stable")
    starts = np.searchsorted(rows[order], np.arange(count + 1))
    sorted_ids = np.asarray(ids, dtype=object)[order]
    each = np.diff(starts)
    out = np.full(count, "", dtype=object)
    out[each == 1] = sorted_ids[starts[:-1][each == 1]]
    for row in np.flatnonzero(each > 1).tolist():
        first, last = int(starts[row]), int(starts[row + 1])
        more = last - first - IDS_SHOWN
        shown = ", ".join(sorted_ids[first : min(last, first + IDS_SHOWN)].tolist())
        out[row] = shown + (f" and {more} more" if more > 0 else "")
    return list(out.tolist())


def cluster_columns(clusters: Clusters) -> list[Column]:
    """Columns of the table of clusters, as all pages show them."""
    return [
        Column("Cluster", clusters.number, Kind.NUMBER),
        Column(
            "Type",
            clusters.kind,
            Kind.BADGE,
            filter=True,
            tones={k.value: TYPE_TONES[k] for k in MATCH_TYPES},
            order=[k.value for k in MATCH_TYPES],
        ),
        Column("A", clusters.ids_a, Kind.CODE),
        Column("B", clusters.ids_b, Kind.CODE),
        Column("Area in A, km²", clusters.area_a, Kind.NUMBER),
        Column("Area in B, km²", clusters.area_b, Kind.NUMBER),
        Column("IoU", clusters.iou, Kind.NUMBER),
        Column("Mean boundary distance, m", clusters.boundary, Kind.NUMBER),
    ]
