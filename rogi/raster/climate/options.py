"""What is asked of climate data, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rogi.errors import OptionError
from rogi.raster.climate.units import Quantity

if TYPE_CHECKING:
    from rogi.raster.files import Raster

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


@dataclass(frozen=True)
class ClimateField:
    """One climate field and how it came to be.

    Attributes
    ----------
    raster : Raster
        °C, or mm a year.
    quantity : Quantity
    files : tuple of Path
    variable : str
        Variable or band.
    unit : str
        Unit of the file.
    period : (int, int) or None
        First and last year; None for data without years.
    notes : tuple of str
        What was decided on the way, and `voids`.
    voids : tuple of str
        Why cells have no value, as far as known.
    """

    raster: Raster
    quantity: Quantity
    files: tuple[Path, ...]
    variable: str
    unit: str
    period: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    voids: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClimateOptions:
    """Choices for reading a climate field.

    Attributes
    ----------
    variable : str, optional
        Variable of a NetCDF or Zarr; number or description of a GeoTIFF's band; a part of the names of files;
        needed where there are several.
    unit : str, optional
        Instead of what the file says.
    period : (int, int), optional
        First and last year; by default all complete calendar years.
    crs : str, optional
        Instead of what the file says.

    Raises
    ------
    OptionError
        The period ends before it begins.
    """

    variable: str | None = None
    unit: str | None = None
    period: tuple[int, int] | None = None
    crs: str | None = None

    def __post_init__(self) -> None:
        if self.period is not None and self.period[0] > self.period[1]:
            raise OptionError(
                f"The period {self.period[0]}-{self.period[1]} ends before it begins; "
                "give the first year first."
            )


@dataclass(frozen=True)
class Request:
    """What is asked for, and where.

    Attributes
    ----------
    quantity : Quantity
    bounds : (float, float, float, float)
    options : ClimateOptions
    name : str
        Of the option that named the data (``maat``), for messages; empty where a function was called.
    """

    quantity: Quantity
    bounds: Bounds
    options: ClimateOptions
    name: str = ""

    def option(self, what: str) -> str:
        """How to give one of the options."""
        return f"--{self.name}-{what}" if self.name else f"ClimateOptions({what}=...)"

    def undated(self, where: str, years: tuple[int, int] | None = None) -> None:
        """Refuse a period for data that have no years to choose from.

        Raises
        ------
        OptionError
            A period was asked for, other than the `years` that the data are of.
        """
        wanted = self.options.period
        if wanted is not None and wanted != years:
            first, last = wanted
            have = f"is one mean of {years[0]}-{years[1]}" if years else "does not say of which years it is"
            raise OptionError(
                f"{where} {have}, so the period {first}-{last} cannot be taken from it; leave out "
                f"{self.option('period')}, or give a series."
            )
