"""Agreement of outlines near their boundaries."""

from __future__ import annotations

import numpy as np
import shapely

from rogi.geometry import Floats, Geometries, metres_per_degree

BAND_M = 30.0
"""Width of the band inside an outline that is compared; the choice of this project: a pixel of Landsat and of
the elevation models, a third of the width of a square unit of 0.01 km²."""


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
        Width of the band, m.

    Returns
    -------
    ndarray of float64, shape (m,)
        0 to 1.
    """
    if len(a) == 0:
        return np.zeros(0)
    bounds = np.stack([shapely.bounds(a), shapely.bounds(b)])
    west, south = bounds[..., 0].min(axis=0), bounds[..., 1].min(axis=0)
    north = bounds[..., 3].max(axis=0)
    scale = np.column_stack(metres_per_degree((south + north) / 2))
    origin = np.column_stack([west, south])
    bands = []
    for shapes in (a, b):
        coords, owner = shapely.get_coordinates(shapes, return_index=True)
        local = shapely.set_coordinates(shapes.copy(), (coords - origin[owner]) * scale[owner])
        bands.append(shapely.difference(local, shapely.buffer(local, -band_m)))
    both = shapely.area(shapely.intersection(*bands))
    either = shapely.area(bands[0]) + shapely.area(bands[1]) - both
    return np.asarray(np.divide(both, either, out=np.full(len(a), np.nan), where=either > 0))
