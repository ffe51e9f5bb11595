"""The crosswalk of two inventories as a table, and what was gained and lost as geometries."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from rogi.areas import area_m2
from rogi.comparison.agreement.areas import uncovered
from rogi.comparison.inventories import InventoryComparison, Section
from rogi.comparison.matching.graph import MATCH_TYPES
from rogi.comparison.matching.prepared_outlines import Outlines
from rogi.comparison.matching.sides import Side
from rogi.geometry import Geometries

# What is left of an outline below this area is the work of two pens, not a change (1e-4 of 0.01 km²).
LEAST_CHANGE_M2 = 1.0

COLUMNS = {
    "class": "Class of the objects: like is compared with like",
    "cluster": "Number of the cluster of linked objects, from 1",
    "type": "1:1, 1:n (split), n:1 (merge), n:m (complex), only A, only B",
    "n_a": "Objects of A in the cluster",
    "n_b": "Objects of B in the cluster",
    "id_a": "Id in A",
    "id_b": "Id in B",
    "row_a": "Row in the file of A, from 1",
    "row_b": "Row in the file of B, from 1",
    "area_a_m2": "Area of the outline in A, m²",
    "area_b_m2": "Area of the outline in B, m²",
    "overlap_m2": "Area of the intersection, m²",
    "fraction_a": "Share of the outline of A inside that of B",
    "fraction_b": "Share of the outline of B inside that of A",
    "iou": "Intersection over union",
    "linked": "Whether the pair counts as a match; if not it is a sliver",
    "assigned": "Whether the pair is in the optimal one-to-one assignment",
    "distance_m": "Distance of two markers, m",
    "boundary_mean_m": "Mean distance of the two boundaries, m",
    "boundary_p95_m": "Distance that 95 % of the length of the boundaries does not exceed, m",
    "boundary_hausdorff_m": "Largest distance of a point of either boundary to the other (Hausdorff), m",
    "method": "How pairs were found, with the parameters",
}


def crosswalk(result: InventoryComparison) -> pd.DataFrame:
    """One row per pair, and one per object that is in no pair; columns as in `COLUMNS`.

    Sorted by class, cluster, then the ids of A and B.
    """
    tables, start = [], 0
    for section in result.sections:
        table = _section_table(section, result.a, result.b, start)
        start += len(section.comparison.graph.size_a)
        tables.append(table)
    if not tables:
        return pd.DataFrame({name: [] for name in COLUMNS})
    return pd.concat(tables, ignore_index=True)


def changes(result: InventoryComparison) -> dict[str, gpd.GeoDataFrame]:
    """Layers of what changed from A to B: ``gains`` (in B, not in A), ``losses`` (in A, not in B).

    Returns
    -------
    dict
        EPSG:4326; a row for each outline of which something is left, with its id, cluster, type, area and
        the share of the outline. Empty where a side has markers.
    """
    frames: dict[str, list[gpd.GeoDataFrame]] = {"gains": [], "losses": []}
    start = 0
    for section in result.sections:
        comparison = section.comparison
        a, b, graph, parts = comparison.a, comparison.b, comparison.graph, comparison.parts
        first, start = start, start + len(graph.size_a)
        if not isinstance(a, Outlines) or not isinstance(b, Outlines) or parts is None:
            continue
        kinds = _kinds()[graph.cluster_type]
        for name, side, shapes, rows, cluster in (
            (
                "gains",
                result.b,
                uncovered(b, a, graph.b, graph.a, parts.covered_b),
                section.rows_b,
                graph.cluster_b,
            ),
            (
                "losses",
                result.a,
                uncovered(a, b, graph.a, graph.b, parts.covered_a),
                section.rows_a,
                graph.cluster_a,
            ),
        ):
            shapes = _polygons(shapes)
            area = area_m2(shapes, 4326)
            left = area >= LEAST_CHANGE_M2
            whole = (b if name == "gains" else a).area
            frame = gpd.GeoDataFrame(
                {
                    "class": section.title,
                    "id": side.ids[rows][left],
                    "row": side.layer.rows[side.positions[rows][left]],
                    "cluster": cluster[left] + 1 + first,
                    "type": kinds[cluster[left]],
                    "area_m2": area[left],
                    "fraction": np.minimum(1.0, area[left] / whole[left]),
                },
                geometry=shapes[left],
                crs=4326,
            )
            frames[name].append(frame)
    empty = gpd.GeoDataFrame({"id": []}, geometry=[], crs=4326)
    return {
        name: gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=4326) if parts else empty
        for name, parts in frames.items()
    }


def objects(result: InventoryComparison) -> dict[str, gpd.GeoDataFrame]:
    """Layers ``a`` and ``b``: all objects with their cluster, its type and their partner, for a map."""
    layers: dict[str, list[gpd.GeoDataFrame]] = {"a": [], "b": []}
    start = 0
    for section in result.sections:
        graph = section.comparison.graph
        chosen = section.comparison.assigned
        kinds = _kinds()[graph.cluster_type]
        parts = section.comparison.parts
        for name, side, rows, cluster, own, other_side, other_rows, other, covered, area in (
            ("a", result.a, section.rows_a, graph.cluster_a, graph.a, result.b, section.rows_b, graph.b,
             None if parts is None else parts.covered_a, graph.area_a),
            ("b", result.b, section.rows_b, graph.cluster_b, graph.b, result.a, section.rows_a, graph.a,
             None if parts is None else parts.covered_b, graph.area_b),
        ):  # fmt: skip
            partner = np.full(len(rows), None, dtype=object)
            partner[own[chosen]] = other_side.ids[other_rows[other[chosen]]]
            iou = np.full(len(rows), np.nan)
            iou[own[chosen]] = graph.iou[chosen]
            share = (
                np.full(len(rows), np.nan) if covered is None else covered / np.where(area > 0, area, np.nan)
            )
            frame = gpd.GeoDataFrame(
                {
                    "class": section.title,
                    "id": side.ids[rows],
                    "row": side.layer.rows[side.positions[rows]],
                    "cluster": cluster + 1 + start,
                    "type": kinds[cluster],
                    "partner": partner,
                    "iou": iou,
                    "area_m2": area,
                    "covered": share,
                },
                geometry=side.geometries[rows],
                crs=4326,
            )
            layers[name].append(frame)
        start += len(graph.size_a)
    empty = gpd.GeoDataFrame({"id": []}, geometry=[], crs=4326)
    return {
        name: gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=4326) if parts else empty
        for name, parts in layers.items()
    }


def _section_table(section: Section, a: Side, b: Side, start: int) -> pd.DataFrame:
    comparison, graph = section.comparison, section.comparison.graph
    ids = [side.ids[rows] for side, rows in ((a, section.rows_a), (b, section.rows_b))]
    numbers = [
        side.layer.rows[side.positions[rows]] for side, rows in ((a, section.rows_a), (b, section.rows_b))
    ]
    alone_a = np.setdiff1d(np.arange(len(ids[0])), graph.a)
    alone_b = np.setdiff1d(np.arange(len(ids[1])), graph.b)
    m, only_a, only_b = len(graph.a), len(alone_a), len(alone_b)
    size = m + only_a + only_b
    left = np.concatenate([graph.a, alone_a, np.full(only_b, -1)]).astype(np.intp)
    right = np.concatenate([graph.b, np.full(only_a, -1), alone_b]).astype(np.intp)
    cluster = (
        np.where(left >= 0, graph.cluster_a[left], 0) if len(graph.cluster_a) else np.zeros(size, np.intp)
    )
    cluster[left < 0] = graph.cluster_b[alone_b]

    def pairs(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([values, np.full(only_a + only_b, np.nan)])

    def flags(values: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.concatenate([values, np.zeros(only_a + only_b, bool)])

    distances = comparison.boundaries
    nothing = np.full(m, np.nan)
    table = pd.DataFrame(
        {
            "class": section.title,
            "cluster": cluster + 1 + start,
            "type": _kinds()[graph.cluster_type[cluster]] if size else [],
            "n_a": graph.size_a[cluster],
            "n_b": graph.size_b[cluster],
            "id_a": np.append(ids[0], [None])[left],  # -1, the last, is nothing
            "id_b": np.append(ids[1], [None])[right],
            "row_a": pd.array(np.where(left >= 0, _at(numbers[0], left), 0), dtype="Int64"),
            "row_b": pd.array(np.where(right >= 0, _at(numbers[1], right), 0), dtype="Int64"),
            "area_a_m2": np.where(left >= 0, _at(graph.area_a, left), np.nan),
            "area_b_m2": np.where(right >= 0, _at(graph.area_b, right), np.nan),
            "overlap_m2": pairs(graph.overlap),
            "fraction_a": pairs(graph.fraction_a),
            "fraction_b": pairs(graph.fraction_b),
            "iou": pairs(graph.iou),
            "linked": flags(graph.linked),
            "assigned": flags(comparison.assigned),
            "distance_m": pairs(graph.distance),
            "boundary_mean_m": pairs(nothing if distances is None else distances.mean),
            "boundary_p95_m": pairs(nothing if distances is None else distances.p95),
            "boundary_hausdorff_m": pairs(nothing if distances is None else distances.hausdorff),
            "method": comparison.method,
        }
    )
    table.loc[left < 0, "row_a"] = pd.NA
    table.loc[right < 0, "row_b"] = pd.NA
    table[["id_a", "id_b"]] = (
        table[["id_a", "id_b"]].astype("str").where(table[["id_a", "id_b"]].notna(), None)
    )
    order = np.lexsort([right, left, cluster])
    return table.iloc[order].reset_index(drop=True)


def _at(values: NDArray[np.generic], rows: NDArray[np.intp]) -> NDArray[np.generic]:
    return values[rows] if len(values) else np.zeros(len(rows), values.dtype)


def _kinds() -> NDArray[np.object_]:
    return np.array([k.value for k in MATCH_TYPES], dtype=object)


def _polygons(shapes: Geometries) -> Geometries:
    """The polygonal parts: a difference may leave lines where boundaries run together."""
    mixed = shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION
    if not mixed.any():
        return shapes
    parts, owner = shapely.get_parts(shapes[mixed], return_index=True)
    keep = np.isin(shapely.get_type_id(parts), (3, 6))
    united = np.full(int(mixed.sum()), shapely.Polygon(), dtype=object)
    flat, again = shapely.get_parts(parts[keep], return_index=True)
    shapely.multipolygons(flat, indices=owner[keep][again], out=united)
    out = shapes.copy()
    out[mixed] = united
    return out
