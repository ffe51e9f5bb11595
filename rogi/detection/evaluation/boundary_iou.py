"""Agreement of outlines near their boundaries."""

from __future__ import annotations

import numpy as np
import shapely

from rogi.areas import rings_of
from rogi.blocks import run_blocks
from rogi.comparison.matching.overlap import overlap_areas
from rogi.geometry import Floats, Geometries, metres_per_degree

BAND_M = 30.0
"""Width of the band inside an outline that is compared; the choice of this project: a pixel of Landsat and of
the elevation models, a third of the width of a square unit of 0.01 km²."""

_QUARTER = 8  # sides of a quarter of a circle: the band is at most 0.5 % too narrow there


def boundary_iou(a: Geometries, b: Geometries, band_m: float = BAND_M) -> Floats:
    """Boundary IoU of pairs of outlines (Cheng et al. 2021, doi 10.1109/CVPR46437.2021.01508).

    The intersection over union of the parts of both outlines that are at most so far inside their boundaries.
    Unlike IoU it does not grow with the size of an object whose boundary is as far off. Distances are taken
    on the plane tangent to the ellipsoid at the middle of the pair.

    Parameters
    ----------
    a, b : ndarray of object, shape (m,)
        Valid polygons on WGS84 longitude and latitude.
    band_m : float
        Width of the band, m; 0 to leave it out, as it takes a millisecond for each outline.

    Returns
    -------
    ndarray of float64, shape (m,)
        0 to 1; empty with a band of 0.
    """
    if len(a) == 0 or band_m == 0:
        return np.zeros(0)
    bounds = np.stack([shapely.bounds(a), shapely.bounds(b)])
    west, south = bounds[..., 0].min(axis=0), bounds[..., 1].min(axis=0)
    north = bounds[..., 3].max(axis=0)
    scale = np.column_stack(metres_per_degree((south + north) / 2))
    origin = np.column_stack([west, south])
    outer, inner = [], []
    for shapes in (a, b):
        coords, owner = shapely.get_coordinates(shapes, return_index=True)
        local = shapely.set_coordinates(shapes.copy(), (coords - origin[owner]) * scale[owner])
        outer.append(rings_of(local))
        inner.append(rings_of(_shrunk(local, band_m)))
    # the bands are what lies in an outline and not in the shrunk one, so their overlap is a sum of overlaps
    pairs = np.arange(len(a))
    both = sum(
        sign * overlap_areas(p, q, pairs, pairs)
        for sign, p, q in (
            (1, outer[0], outer[1]),
            (-1, inner[0], outer[1]),
            (-1, outer[0], inner[1]),
            (1, inner[0], inner[1]),
        )
    )
    bands = sum(big.areas() - small.areas() for big, small in zip(outer, inner, strict=True))
    both = np.maximum(both, 0.0)
    return np.asarray(np.divide(both, bands - both, out=np.full(len(a), np.nan), where=bands > both))


def _shrunk(shapes: Geometries, by: float) -> Geometries:
    out = np.empty(len(shapes), dtype=object)

    def work(start: int, stop: int) -> None:
        out[start:stop] = shapely.buffer(shapes[start:stop], -by, quad_segs=_QUARTER)

    run_blocks(work, len(shapes), size=256)
    return out
