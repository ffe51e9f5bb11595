"""The grid of a raster window and its local metric: metres on the ground per pixel, latitude, north."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyproj

from rogi.errors import OptionError
from rogi.longitudes import short_way

if TYPE_CHECKING:
    import numpy.typing as npt

#: Spacing in pixels of the nodes between which the metric of a projected grid is interpolated. Nodes sit at
#: multiples of it in the *whole* raster, so that every window sees the same numbers.
NODE_SPACING = 64

#: "Spacing" of nodes along a row on which the metric is constant (geographic and planar grids).
ROW_CONSTANT = 1 << 30

#: IUGG mean radius of the Earth in metres, for the drop of the horizon and the bend of geodesics.
EARTH_RADIUS = 6_371_008.8


class Metric(NamedTuple):
    """Metric of a window at nodes along its rows; linear between the nodes.

    Attributes
    ----------
    nodes : float64 array (rows, nodes, 5)
        Metres east per column, metres east per row, metres north per column, metres north per row (ground
        distances on the ellipsoid, pixel centre) and geodetic latitude in degrees. For projected grids the
        values are already interpolated between node rows.
    first : int
        Column, counted in the whole raster, of the first node.
    spacing : int
        Columns between nodes.
    bend : bool
        Whether a straight line of pixels leaves the geodesic by the convergence of meridians (geographic).
    """

    nodes: npt.NDArray[np.float64]
    first: int
    spacing: int
    bend: bool


def _crs_text(crs: Any) -> str | None:
    """A CRS of any library as text, which pyproj reads."""
    if crs is None or isinstance(crs, str):
        return crs
    if isinstance(crs, int):
        return f"EPSG:{crs}"
    return str(crs.to_wkt() if hasattr(crs, "to_wkt") else crs)


@lru_cache(maxsize=32)
def _crs(text: str) -> pyproj.CRS:
    try:
        return pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError as error:
        raise OptionError(
            f"The CRS {text[:80]!r} is not understood ({error}); give an EPSG code or WKT."
        ) from error


def _ellipsoid(crs: pyproj.CRS) -> tuple[float, float]:
    """Semi-major axis in metres and inverse flattening."""
    assert crs.ellipsoid is not None
    return float(crs.ellipsoid.semi_major_metre), float(crs.ellipsoid.inverse_flattening)


def metres_per_degree(
    latitude: npt.ArrayLike, semi_major: float = 6_378_137.0, inverse_flattening: float = 298.257223563
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Length of one degree of longitude and of latitude on the ellipsoid (WGS 84 unless told).

    Parameters
    ----------
    latitude : array_like
        Geodetic latitude, degrees.
    semi_major, inverse_flattening : float
        Axis in metres and 1/f of the ellipsoid (0 for a sphere).

    Returns
    -------
    tuple of float64 arrays
        Metres per degree of longitude (N cos φ π/180) and of latitude (M π/180), where
        N = a / sqrt(1 - e² sin² φ) and M = a (1 - e²) / (1 - e² sin² φ)^1.5 (Snyder 1987, eqs 4-20, 4-19).
    """
    phi = np.radians(np.asarray(latitude, dtype=np.float64))
    flattening = 1.0 / inverse_flattening if inverse_flattening else 0.0
    e2 = flattening * (2.0 - flattening)
    q = 1.0 - e2 * np.sin(phi) ** 2
    degree = np.pi / 180.0
    east = semi_major / np.sqrt(q) * np.cos(phi) * degree
    north = semi_major * (1.0 - e2) / q**1.5 * degree
    return np.asarray(east, dtype=np.float64), np.asarray(north, dtype=np.float64)


@dataclass(frozen=True)
class Grid:
    """A raster, or a window of it.

    A window keeps the transform of the whole raster and its own offset: everything derived from it is
    computed from row and column numbers of the whole raster, so a pixel gets the same value to the last bit
    in whatever window it is computed.

    Attributes
    ----------
    transform : affine.Affine or sequence of 6 floats
        Affine transform ``(a, b, c, d, e, f)`` of the whole raster (order of `affine`, not of GDAL):
        x = a column + b row + c, y = d column + e row + f, at pixel corners. Kept as a tuple of 6.
    shape : tuple of int
        Rows and columns of this window.
    crs : str or None
        Anything pyproj understands (EPSG code, WKT, a CRS of pyproj or rasterio; kept as text). None: a plane
        in metres whose y axis points north.
    row_offset, col_offset : int
        Position of the window in the whole raster.
    latitude : float or None
        Latitude of a planar grid (``crs=None``) in degrees, needed only for solar radiation.

    Examples
    --------
    >>> grid = Grid((1 / 3600, 0.0, 90.0, 0.0, -1 / 3600, 31.0), (3600, 3600), "EPSG:4326")
    >>> east, north = grid.cell_size()
    >>> east[0].round(2), east[-1].round(2), north[0].round(2)
    (np.float64(26.53), np.float64(26.8), np.float64(30.8))
    """

    transform: Any
    shape: tuple[int, int]
    crs: Any = None
    row_offset: int = 0
    col_offset: int = 0
    latitude: float | None = None

    def __post_init__(self) -> None:
        # Affine counts nine numbers, the last three always the same.
        numbers = tuple(float(value) for value in self.transform)
        six = numbers[:6] if numbers[6:] == (0.0, 0.0, 1.0) else numbers
        object.__setattr__(self, "transform", six)
        object.__setattr__(self, "crs", _crs_text(self.crs))
        if len(six) != 6:
            raise OptionError(
                f"The transform has {len(six)} numbers; give six, a, b, c, d, e, f, or an Affine."
            )
        a, b, _, d, e, _ = self.transform
        if not np.isfinite(six).all() or a * e - b * d == 0.0:
            raise OptionError(
                f"The transform {self.transform} is not invertible; give six finite numbers a, b, c, d, e, f."
            )
        if self.is_geographic and (b or d):
            raise OptionError(
                "The geographic grid is rotated; warp the raster to a north-up grid first (gdalwarp)."
            )

    @classmethod
    def from_raster(cls, raster: Any, *, crs: Any = None) -> Grid:
        """Grid of a raster as other libraries have it.

        Parameters
        ----------
        raster : object
            A rasterio dataset, an xarray DataArray or Dataset that rioxarray understands, or anything with
            ``transform``, ``shape`` (rows, columns) and ``crs``.
        crs : optional
            CRS of a raster that names none.

        Raises
        ------
        OptionError
            The raster has no CRS and none is given, no place, or its rows are not its last axis but one.

        Examples
        --------
        >>> import rioxarray, xarray
        >>> centres = {"y": [46.5, 45.5], "x": [10.5, 11.5]}
        >>> dem = xarray.DataArray([[0.0, 1.0], [2.0, 3.0]], centres, ("y", "x"))
        >>> grid = Grid.from_raster(dem, crs=4326)
        >>> grid.transform, grid.shape, grid.crs
        ((1.0, 0.0, 10.0, 0.0, -1.0, 47.0), (2, 2), 'EPSG:4326')
        """
        if hasattr(raster, "dims"):
            import rioxarray  # noqa: F401  heavy; gives DataArrays the place of their pixels

            place = raster.rio
            if tuple(raster.dims)[-2:] != (place.y_dim, place.x_dim) and hasattr(raster, "dtype"):
                raise OptionError(
                    f"The last axes of the raster are {tuple(raster.dims)[-2:]}; "
                    f"transpose it to (..., {place.y_dim!r}, {place.x_dim!r})."
                )
            transform, shape, own = place.transform(recalc=True), (place.height, place.width), place.crs
        else:
            transform, shape, own = raster.transform, raster.shape, raster.crs
        if own is None and crs is None:
            raise OptionError("The raster names no CRS; give it as crs, e.g. crs='EPSG:4326'.")
        return cls(transform, (int(shape[0]), int(shape[1])), crs if own is None else own)

    @property
    def is_geographic(self) -> bool:
        """Whether the grid is in degrees of longitude and latitude."""
        return self.crs is not None and bool(_crs(self.crs).is_geographic)

    def window(self, row: int, col: int, shape: tuple[int, int]) -> Grid:
        """Grid of the window of `shape` whose first pixel is at (`row`, `col`) of this grid."""
        return replace(self, shape=shape, row_offset=self.row_offset + row, col_offset=self.col_offset + col)

    def metric(self) -> Metric:
        """Ground metres per pixel, latitude and the direction of north in this window (see `Metric`).

        Geographic: closed form per row. Projected: central differences over one node spacing of the
        inverse projection, which hold the linear unit, the scale and the meridian convergence of the CRS.
        Planar: the transform itself.
        """
        rows, cols = self.shape
        a, b, _, d, e, f = self.transform
        if self.crs is None:
            latitude = np.nan if self.latitude is None else self.latitude
            nodes = np.broadcast_to(np.array([a, b, d, e, latitude]), (rows, 2, 5))
            return Metric(np.ascontiguousarray(nodes), 0, ROW_CONSTANT, False)
        if self.is_geographic:
            row = np.arange(self.row_offset, self.row_offset + rows)
            phi = np.asarray(f + e * (row + 0.5), dtype=np.float64)
            if np.any(np.abs(phi) > 90.0):
                raise OptionError(
                    f"The grid reaches latitude {phi[np.abs(phi).argmax()]:.4f}; "
                    "its transform or its CRS is wrong: set the CRS the raster is in."
                )
            east, north = metres_per_degree(phi, *_ellipsoid(_crs(self.crs)))
            zero = np.zeros(rows)
            row_nodes = np.stack([a * east, zero, zero, e * north, phi], axis=-1)
            return Metric(np.repeat(row_nodes[:, None], 2, axis=1), 0, ROW_CONSTANT, True)
        return self._projected_metric(rows, cols)

    def _projected_metric(self, rows: int, cols: int) -> Metric:
        first_row, first_col = self.row_offset // NODE_SPACING, self.col_offset // NODE_SPACING
        last_row = (self.row_offset + rows - 1) // NODE_SPACING + 1
        last_col = (self.col_offset + cols - 1) // NODE_SPACING + 1
        row, col = np.meshgrid(
            np.arange(first_row, last_row + 1) * NODE_SPACING,
            np.arange(first_col, last_col + 1) * NODE_SPACING,
            indexing="ij",
        )
        assert self.crs is not None
        lattice = _projected_nodes(self.transform, self.crs, row, col)
        absolute = np.arange(self.row_offset, self.row_offset + rows)
        upper = absolute // NODE_SPACING - first_row
        weight = ((absolute % NODE_SPACING) / NODE_SPACING)[:, None, None]
        nodes = lattice[upper] + weight * (lattice[upper + 1] - lattice[upper])
        return Metric(np.ascontiguousarray(nodes), first_col * NODE_SPACING, NODE_SPACING, False)

    def _interpolated(self, *fields: int) -> npt.NDArray[np.float64]:
        metric = self.metric()
        offset = np.arange(self.col_offset, self.col_offset + self.shape[1]) - metric.first
        left = offset // metric.spacing
        weight = ((offset % metric.spacing) / metric.spacing)[None, :, None]
        nodes = metric.nodes[:, :, list(fields)]
        return np.asarray(nodes[:, left] + weight * (nodes[:, left + 1] - nodes[:, left]))

    def latitudes(self) -> npt.NDArray[np.float64]:
        """Geodetic latitude of every pixel centre, degrees, shape of the window (NaN: planar without one)."""
        return self._interpolated(4)[..., 0]

    def lonlat(
        self, row: npt.NDArray[np.int64], col: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
        """Longitude and latitude on WGS 84 of pixel centres of this window; None for a planar grid.

        Longitudes are -180 to 180 degrees.
        """
        if self.crs is None:
            return None
        transformer = pyproj.Transformer.from_crs(_crs(self.crs), 4326, always_xy=True)
        a, b, c, d, e, f = self.transform
        row_centre, col_centre = row + self.row_offset + 0.5, col + self.col_offset + 0.5
        x, y = a * col_centre + b * row_centre + c, d * col_centre + e * row_centre + f
        longitude, latitude = transformer.transform(x, y)
        return short_way(np.asarray(longitude)), np.asarray(latitude)

    def convergence(self) -> npt.NDArray[np.float64]:
        """Azimuth of the grid's upward direction at every pixel, degrees clockwise from true north.

        0 on geographic and planar north-up grids. Aspect and the azimuths of horizons refer to true north;
        subtracting this gives azimuths relative to grid north. Source: numerical differentiation of the
        projection; equal to PROJ's meridian convergence.
        """
        jacobian = self._interpolated(1, 3)
        return np.degrees(np.arctan2(-jacobian[..., 0], -jacobian[..., 1])) + 0.0

    def cell_size(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Ground length in metres of a column step and of a row step, per row, at the window's middle column.

        Returns
        -------
        tuple of float64 arrays (rows,)
        """
        column = self._middle()
        return np.hypot(column[:, 0], column[:, 2]), np.hypot(column[:, 1], column[:, 3])

    def _middle(self) -> npt.NDArray[np.float64]:
        metric = self.metric()
        offset = self.col_offset + self.shape[1] // 2 - metric.first
        left, weight = offset // metric.spacing, (offset % metric.spacing) / metric.spacing
        nodes = metric.nodes
        return np.asarray(nodes[:, left] + weight * (nodes[:, left + 1] - nodes[:, left]))


def _projected_nodes(
    transform: tuple[float, ...], crs_text: str, row: npt.NDArray[np.int64], col: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    crs = _crs(crs_text)
    if crs.geodetic_crs is None:
        raise OptionError(
            f"The CRS {crs.name!r} is not tied to the Earth; give a geographic or projected CRS."
        )
    transformer = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    a, b, c, d, e, f = transform
    row_centre, col_centre = row + 0.5, col + 0.5
    half = NODE_SPACING / 2

    def geographic(drow: float, dcol: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        r, k = row_centre + drow, col_centre + dcol
        lon, lat = transformer.transform(a * k + b * r + c, d * k + e * r + f)
        return np.asarray(lon), np.asarray(lat)

    _, latitude = geographic(0, 0)
    east, north = metres_per_degree(latitude, *_ellipsoid(crs))
    columns = []
    for drow, dcol in ((0.0, half), (half, 0.0)):
        lon_1, lat_1 = geographic(-drow, -dcol)
        lon_2, lat_2 = geographic(drow, dcol)
        dlon = short_way(lon_2 - lon_1)
        columns.append((dlon * east / NODE_SPACING, (lat_2 - lat_1) * north / NODE_SPACING))
    (east_col, north_col), (east_row, north_row) = columns
    nodes = np.stack([east_col, east_row, north_col, north_row, latitude], axis=-1)
    nodes[~np.isfinite(nodes).all(axis=-1)] = np.nan
    return nodes
