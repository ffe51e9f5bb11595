"""What the numbers of an elevation model are heights above, in which unit, and how they become m a.s.l.

A vertical reference comes from the file's CRS (compound, or with an ellipsoidal height as third axis), else
from what is known of its product. Heights above the ellipsoid differ from those above the sea by the
undulation of the geoid, -107 to +86 m (EGM2008; -20 to -60 m in High Mountain Asia); they are converted where
PROJ has a grid of it on this machine. No grid is ever fetched from a network.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
from affine import Affine
from pyproj import network
from pyproj.transformer import TransformerGroup

from rogi.errors import InputError
from rogi.geometry import parse_crs
from rogi.raster.grid import Grid, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray


FOOT, SURVEY_FOOT = 0.3048, 1200 / 3937
UNITS = {
    "m, metre, meter, metres, meters, mtr, m asl, masl, m amsl": 1.0,
    "ft, foot, feet, ft i, foot intl, international foot, international feet": FOOT,
    "us survey foot, us survey feet, us ft, ftus, ft us, us foot, us feet, foot us, survey foot": SURVEY_FOOT,
    "dm, decimetre, decimeter, decimetres, decimeters": 0.1,
    "cm, centimetre, centimeter, centimetres, centimeters": 0.01,
    "mm, millimetre, millimeter, millimetres, millimeters": 0.001,
    "km, kilometre, kilometer, kilometres, kilometers": 1000.0,
}
"""Names of units without punctuation, and metres per unit."""

ABOVE = re.compile(r"\b(above|over|a s l|asl|amsl|a m s l|wgs|egm|ellips|navd|msl|mean sea).*")
"""What often follows a unit: metres above mean sea level."""

GEOIDS = {"EGM2008": 3855, "EGM96": 5773}
"""EPSG codes of heights above the geoid, the better one first."""

GEOID_GRIDS = "us_nga_egm08_25.tif"
"""The file that PROJ needs (https://cdn.proj.org); its older name egm08_25.gtx does as well."""

NODE_METRES = 1000.0
"""Distance of the points between which the undulation is interpolated. The EGM2008 grid of PROJ has 2.5', and
its second differences over 1 km are some millimetres."""


class Above(Enum):
    """What heights are above."""

    SEA_LEVEL = "sea level"
    ELLIPSOID = "ellipsoid"
    UNKNOWN = "not stated"


@dataclass(frozen=True)
class Heights:
    """What the numbers of a raster are heights above.

    Attributes
    ----------
    surface : Above
    name : str
        Of the vertical reference, e.g. "EGM2008 height"; empty where it is unknown.
    factor : float
        Metres per stored number; negative where it is a depth.
    source : str
        Who says so: "file", "product", or nothing.
    notes : tuple of str
        Without the file's name.
    """

    surface: Above = Above.UNKNOWN
    name: str = ""
    factor: float = 1.0
    source: str = ""
    notes: tuple[str, ...] = ()

    def describe(self) -> str:
        """The vertical reference in words, for provenance."""
        if self.surface is Above.UNKNOWN:
            return "not stated"
        return self.name + (" (known of the product)" if self.source == "product" else "")


def horizontal(crs: Any) -> pyproj.CRS:
    """A CRS without its vertical part.

    Examples
    --------
    >>> horizontal("EPSG:4326+3855") == pyproj.CRS(4326), horizontal(4979) == pyproj.CRS(4326)
    (True, True)
    """
    system = parse_crs(crs)
    if system.is_compound:
        system = system.sub_crs_list[0]
    if system.is_bound and system.source_crs is not None and len(system.source_crs.axis_info) > 2:
        system = system.source_crs
    return system.to_2d() if len(system.axis_info) > 2 and not system.is_geocentric else system


def heights_of(crs: Any, unit: str = "", product: str = "") -> Heights:
    """Vertical reference and unit of a raster's numbers.

    Parameters
    ----------
    crs : anything `pyproj.CRS` accepts
        Of the file, with its vertical part.
    unit : str
        Of the band.
    product : str
        Vertical reference that the product is known to have, e.g. "EGM96"; "ellipsoid" begins that of one
        above the ellipsoid. Used only where the CRS has none.

    Returns
    -------
    Heights

    Raises
    ------
    InputError
        The unit is no length.

    Examples
    --------
    >>> heights_of("EPSG:4326+3855").name
    'EGM2008 height'
    >>> heights_of(4979).surface
    <Above.ELLIPSOID: 'ellipsoid'>
    >>> round(heights_of(4326, unit="US survey foot").factor, 9)
    0.30480061
    """
    axis = _vertical_axis(parse_crs(crs))
    named = unit_factor(unit)
    notes = []
    if axis is None:
        factor, sign = 1.0 if named is None else named, 1.0
    else:
        factor, sign = axis[2] if named is None else named, axis[3]
        if not np.isclose(factor, axis[2], rtol=1e-9):
            notes.append(
                f"its band is in {unit!r}, its vertical axis in another unit; the band's unit is used"
            )
        if sign < 0:
            notes.append(f"its numbers are depths ({axis[1]}); heights are their negatives")
    if not np.isclose(factor, 1.0, rtol=1e-9):
        notes.append(f"its unit is {factor:.7g} m; converted to metres")
    if axis is not None and axis[1]:
        return Heights(axis[0], axis[1], sign * factor, "file", tuple(notes))
    if product:
        surface = Above.ELLIPSOID if product.startswith("ellipsoid") else Above.SEA_LEVEL
        return Heights(surface, product, sign * factor, "product", tuple(notes))
    return Heights(Above.UNKNOWN, "", sign * factor, "", tuple(notes))


def unit_factor(unit: str) -> float | None:
    """Metres per unit of length; None where no unit is named.

    Raises
    ------
    InputError
        Not a unit of length.

    Examples
    --------
    >>> unit_factor("metres above sea level"), unit_factor("Feet"), unit_factor("US_survey_foot")
    (1.0, 0.3048, 0.3048006096012192)
    """
    words = " ".join(re.sub(r"[^a-z0-9]+", " ", unit.casefold()).split())
    bare = ABOVE.sub("", words).strip() or words
    if not unit.strip() or words in ("unknown", "none", "1", "unitless", "dimensionless"):
        return None
    if bare in _UNIT_NAMES:
        return _UNIT_NAMES[bare]
    raise InputError(
        f"The unit {unit!r} is no length; an elevation model is in metres or feet (`gdal_edit.py -units m`)."
    )


_UNIT_NAMES = {name: factor for names, factor in UNITS.items() for name in names.split(", ")}


def _vertical_axis(system: pyproj.CRS) -> tuple[Above, str, float, float] | None:
    """Surface, name, metres per unit and sign of the third axis."""
    if system.is_compound:
        vertical = next((part for part in system.sub_crs_list if part.is_vertical), None)
        if vertical is None or not vertical.axis_info:
            return None
        axis = vertical.axis_info[0]
        told = f"{vertical.name} {vertical.datum.name if vertical.datum else ''}"
        ellipsoidal = "ellips" in told.casefold()
        name = vertical.name if not re.fullmatch(r"(?i)unknown|unnamed|undefined|", vertical.name) else ""
    elif len(system.axis_info) > 2 and not system.is_geocentric:
        axis = system.axis_info[2]
        ellipsoidal, name = True, f"{system.ellipsoid.name} ellipsoid" if system.ellipsoid else "ellipsoid"
    else:
        return None
    sign = -1.0 if axis.direction == "down" else 1.0
    return Above.ELLIPSOID if ellipsoidal else Above.SEA_LEVEL, name, axis.unit_conversion_factor, sign


@dataclass(frozen=True)
class Undulation:
    """Height of the geoid above the ellipsoid on a grid.

    Attributes
    ----------
    geoid : str
        "EGM2008" or "EGM96".
    grid : Grid
    """

    geoid: str
    grid: Grid

    @cached_property
    def step(self) -> int:
        """Pixels between nodes."""
        return max(1, int(NODE_METRES // max(self.grid.pixel_metres)))

    def read(self, window: Window) -> NDArray[np.float64]:
        """Undulation at the pixels' centres, m; of a window of any size the same.

        NaN where PROJ's grid has none.
        """
        step = self.step
        first_row, first_column = window.row0 // step, window.column0 // step
        rows = np.arange(first_row, -(-window.row1 // step) + 1) * step
        columns = np.arange(first_column, -(-window.column1 // step) + 1) * step
        column, row = np.meshgrid(columns + 0.5, rows + 0.5)
        lonlat = self.grid.lonlat(column.ravel(), row.ravel())
        nodes = _geoid_heights(self.geoid, lonlat).reshape(row.shape)
        # Whole pixels from the node before, so that rounding is the same in every window.
        own_rows, own_columns = np.arange(window.row0, window.row1), np.arange(window.column0, window.column1)
        i, j = own_rows // step - first_row, own_columns // step - first_column
        v, u = (own_rows % step / step)[:, None], (own_columns % step / step)[None, :]
        upper, lower = nodes[i], nodes[i + 1]
        top = upper[:, j] * (1 - u) + upper[:, j + 1] * u
        bottom = lower[:, j] * (1 - u) + lower[:, j + 1] * u
        found: NDArray[np.float64] = top * (1 - v) + bottom * v
        return found


def undulation(crs: Any, transform: Affine, shape: tuple[int, int]) -> Undulation | None:
    """The undulation on a grid, from the best geoid that PROJ has on this machine; None without one.

    Parameters
    ----------
    crs : anything `pyproj.CRS` accepts
        Horizontal CRS of the grid.
    transform : Affine
    shape : (int, int)
    """
    grid = Grid(horizontal(crs), transform, shape)
    for geoid in GEOIDS:
        if _transformer(geoid) is not None:
            return Undulation(geoid, grid)
    return None


def _geoid_heights(geoid: str, lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    transformer = _transformer(geoid)
    if transformer is None:
        raise InputError(
            f"PROJ has no grid of {geoid} here, though where the run was started it has; install it on all "
            "workers."
        )
    with _offline():
        _, _, height = transformer.transform(
            lonlat[:, 0], lonlat[:, 1], np.zeros(len(lonlat)), errcheck=False
        )
    found: NDArray[np.float64] = -np.asarray(height, dtype=np.float64)
    found[~np.isfinite(found)] = np.nan
    return found


@lru_cache(maxsize=8)
def _transformer(geoid: str) -> pyproj.Transformer | None:
    """From heights above the WGS84 ellipsoid to heights above a geoid, if a grid of it is on this machine."""
    with _offline(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        group = TransformerGroup(
            "EPSG:4979", f"EPSG:4326+{GEOIDS[geoid]}", always_xy=True, allow_ballpark=False
        )
    for transformer in group.transformers:
        operations = transformer.operations or ()
        grids = [grid for operation in operations for grid in operation.grids]
        if "grid" in transformer.definition and all(grid.available for grid in grids):
            return transformer
    return None


@contextmanager
def _offline() -> Iterator[None]:
    """PROJ may be set to fetch grids; it is not while this lasts."""
    before = network.is_network_enabled()  # type: ignore[attr-defined]
    network.set_network_enabled(False)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        network.set_network_enabled(before)  # type: ignore[attr-defined]


def unconverted_note(name: str) -> str:
    """What to tell of heights above the ellipsoid that could not be converted."""
    return (
        f"{name}; they are not metres above sea level (the two differ by up to 107 m) and PROJ has no geoid "
        f"here to convert them. Install {GEOID_GRIDS} (`projsync --file us_nga_egm08_25`) and run the same "
        "command again."
    )
