"""Permafrost zonation index (PZI): its mean in a unit, and the share of the unit above a threshold.

The index says in which share of conditions permafrost occurs, from 0 (nowhere) over 0.01 (only in the most
favourable ones) to 1 (nearly everywhere); Gruber (2012), The Cryosphere 6, doi 10.5194/tc-6-221-2012.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rogi import targets
from rogi.attributes.registry import Choice, Given, OnRaster, Source, Units
from rogi.attributes.tasks import options_identity, unit_means
from rogi.errors import InputError, OptionError
from rogi.ledger import digest
from rogi.raster.bands import one_band, split_band
from rogi.raster.files import RasterFile, open_raster

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rogi.attributes.relief import ZonalOptions

THRESHOLD: Final = 0.1
"""From here on ground counts to the permafrost region of Gruber (2012); recalled, not read in the text."""

UNITS: Final = {"1": 1.0, "%": 0.01, "0.001": 0.001}
FILLS: Final = 3
"""Different numbers that are no index, up to which they are taken for fill."""
SAMPLE: Final = 1024
"""Rows and columns at most in which a file is looked at for its unit."""


@dataclass(frozen=True)
class Zonation:
    """The index of units.

    Attributes
    ----------
    grid : RasterFile
    factor : float
        Index = number of the file x factor.
    threshold : float
    source : str
        Digest of the file.
    options : ZonalOptions
    """

    grid: RasterFile
    factor: float
    threshold: float
    source: str
    options: ZonalOptions

    columns = ("permafrost_index", "permafrost_share", "permafrost_zonation_share")

    def identity(self) -> dict[str, Any]:
        """What the values depend on besides the units."""
        own = {"factor": self.factor, "threshold": self.threshold, "source": self.source}
        return {"task": "pzi", **own, **options_identity(self.options)}

    def halo(self, row: int) -> tuple[int, int]:
        """Nothing is read around a unit."""
        return 0, 0

    def compute(self, polygons: NDArray[np.object_]) -> dict[str, NDArray[np.float64]]:
        """Values of polygons on the grid, weighted by the area of each pixel inside."""

        def index(values: NDArray[Any]) -> NDArray[np.float64]:
            found = values.astype(np.float64) * self.factor
            found[~_possible(found)] = np.nan  # fill that the file does not declare
            return found

        def above(values: NDArray[Any]) -> NDArray[np.float64]:
            # Rounded, so that 0.1 read as float32, or as 100 thousandths, reaches a threshold of 0.1.
            found = np.round(index(values), 6)
            return np.where(np.isfinite(found), (found >= self.threshold).astype(np.float64), np.nan)

        named = {"permafrost_index": index, "permafrost_share": above}
        means, share = unit_means(polygons, self.grid, self.options, named)
        return {**means, "permafrost_zonation_share": share}


def derive(units: Units, given: Given) -> OnRaster:
    """The task on the raster of the index."""
    threshold = float(given.choice("threshold"))
    if not 0 < threshold <= 1:
        raise OptionError(f"--pzi-threshold is more than 0 and at most 1, found {threshold:g}.")
    if len(given.files) != 1:
        raise OptionError(
            f"--pzi takes one raster, found {len(given.files)}; make a mosaic of them (gdalbuildvrt)."
        )
    text, band = split_band(given.files[0])
    path = Path(text)
    targets.note_read(path)
    raster = one_band(open_raster(path), band, text)
    factor, note = unit_factor(raster, str(given.choice("unit")))
    source = digest([units.digest(path), raster.band])
    task = Zonation(raster, factor, threshold, source, units.zonal)
    parameters = {**task.identity(), "statistic": "mean, and share of the area at or above the threshold"}
    return OnRaster(task, raster, (path,), parameters, (note,) if note else ())


def unit_factor(raster: RasterFile, unit: str = "") -> tuple[float, str]:
    """Factor from the numbers of a raster to the index, and what to tell of it.

    It depends on the file alone, not on the units that are described.

    Raises
    ------
    OptionError
        An unknown unit.
    InputError
        The numbers are no index, or may be in more than one unit.
    """
    if unit and unit not in UNITS:
        raise OptionError(f"--pzi-unit is {', '.join(UNITS)}, found {unit!r}.")
    shape = min(raster.shape[0], SAMPLE), min(raster.shape[1], SAMPLE)
    (stored,), valid = raster.read_decimated(shape)
    seen = stored[valid].astype(np.float64) * raster.scale + raster.offset
    seen = seen[np.isfinite(seen)]
    if unit:
        return UNITS[unit], _fill_note(seen[~_possible(seen * UNITS[unit])], len(seen), raster, unit)
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 0.0)
    name = "--pzi-unit: 1, % or 0.001"
    if low < 0 or high > 1000:
        value = low if low < 0 else high
        raise InputError(
            f"{raster.path} has the value {value:g}, which is no permafrost index (0 to 1, or 0 to 1000); "
            "declare its fill value, or name another raster."
        )
    whole = bool((seen == np.floor(seen)).all())
    scaled = raster.scale != 1 or raster.offset != 0
    if high <= 1 and (not raster.dtype.startswith(("int", "uint")) or scaled or high == 0):
        return 1.0, ""
    if high > 100 and whole and raster.dtype not in ("uint8", "int8"):  # bytes hold no thousandths
        return (
            0.001,
            f"PZI: the numbers of {raster.path.name} reach {high:g}, so they are taken for thousandths.",
        )
    raise InputError(
        f"{raster.path} has values up to {high:g}, which may be a share, per cent or thousandths; name it "
        f"with {name}."
    )


def _possible(index: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which numbers can be an index, rounding aside."""
    return np.asarray((index >= -1e-6) & (index <= 1 + 1e-6))


def _fill_note(beyond: NDArray[np.float64], count: int, raster: RasterFile, unit: str) -> str:
    """What to tell of numbers that are no index in a unit: few different ones are fill.

    Raises
    ------
    InputError
        They are not, so the unit is another.
    """
    values = np.unique(beyond)
    if len(values) > FILLS or (len(values) and len(beyond) == count):
        raise InputError(
            f"{raster.path} has values from {values[0]:g} to {values[-1]:g}, which are no index in the unit "
            f"{unit!r}: possible are 0 to 1. Name its unit with --pzi-unit, or declare its fill value."
        )
    named = ", ".join(f"{value:g}" for value in values)
    return f"PZI: {raster.path.name} contains {named}, which is no index; taken as void." if named else ""


SOURCE = Source(
    "pzi",
    "Permafrost zonation index (Gruber 2012), a raster of 0 to 1 or 0 to 1000.",
    derive,
    (
        Choice("threshold", THRESHOLD, "Index from which ground counts to the permafrost zone."),
        Choice("unit", "", "Unit of the raster: 1, % or 0.001; default: as its numbers show.", "UNIT"),
    ),
    "Name the unit with --pzi-unit, or declare the fill value in the file.",
    "RASTER",
)
