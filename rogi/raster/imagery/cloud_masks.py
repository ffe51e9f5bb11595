"""Masks of clouds, their shadows and snow beside images: what in them is not valid, and whose they are.

References
----------
ESA, Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), scene classification of Level-2A.
Planet, Usable Data Mask, https://docs.planet.com/data/imagery/udm/.
USGS, Landsat 8-9 Collection 2 Level 2 Science Product Guide (LSDS-1619), QA_PIXEL; of Landsat 4-7 LSDS-1618.
NASA, Harmonized Landsat Sentinel-2 User Guide, version 2, quality assessment layer (Fmask).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rogi.errors import InputError, OptionError
from rogi.raster.files import RasterFile
from rogi.raster.grid import Grid, Mask, Window
from rogi.raster.header import read_header
from rogi.raster.imagery.image_dates import named_date
from rogi.raster.resampling import Resampling

SCL_CLASSES: Final = (0, 1, 3, 8, 9, 10, 11)
"""Classes of Sentinel-2 that are left out: no data, saturated or defective, cloud shadow, cloud of medium
and of high
probability, thin cirrus, snow or ice. Shadows of mountains (2) and what is not classified (7) are ground."""

NO_DATA: Final = (0, 0)
"""The first of these, as a range."""

UDM2_BANDS: Final = (2, 3, 5, 6, 8)
"""Bands of Planet's usable data mask that are left out where they are 1: snow, cloud shadow, heavy haze,
cloud; of the
last, the mask of before, the lowest bit, which is fill. Through light haze (4) the ground is seen."""

QA_PIXEL_BITS: Final = 0b111111
"""Bits of Landsat's QA_PIXEL that are left out: 0 fill, 1 dilated cloud, 2 cirrus, 3 cloud, 4 cloud shadow, 5
snow. Each pixel also has bits for clear ground, water and confidence, so no value is that of a cloud."""

FMASK_BITS: Final = 0b11110
"""Bits of the Fmask of HLS that are left out: 1 cloud, 2 beside a cloud or its shadow, 3 cloud shadow, 4 snow
or ice. Others are water and aerosol."""

NOT_ZERO: Final = ((-(1 << 63), -1), (1, (1 << 63) - 1))
"""Every whole number but 0."""

LOOK: Final = 256
"""Rows and columns in which a mask is looked at to see what values it has."""

SUFFIXES: Final = (".tif", ".tiff", ".vrt", ".jp2", ".img")

_PRODUCTS: Final = {"udm2", "udm", "scl", "fmask"}
_KINDS: Final = _PRODUCTS | {
    "qa", "pixel",
    "tci", "analyticms", "analytic", "sr", "visual", "3b", "8b", "clip", "harmonized", "10m", "20m", "60m",
    "cloud", "clouds", "cloudmask", "mask", "masks", "snow", "fmask", "msk", "rgb", "red", "green", "blue",
    "nir",
}  # fmt: skip
_MASK_NAME: Final = re.compile(
    r"(^|[_.-])(udm2?|scl|f?masks?|qa_pixel|clouds?|cloudmask|snow)([_.-]|$)", re.IGNORECASE
)


@dataclass(frozen=True)
class CloudMask:
    """Ground that a mask takes out of an image.

    Attributes
    ----------
    raster : RasterFile
        Its bands that count; on any grid.
    classes : tuple of (int, int), optional
        Ranges of values that are left out, ends included; None of a mask of Planet, see `UDM2_BANDS`.
    bits : int
        Bits of which none may be set, in place of classes; 0 of other masks.
    """

    raster: RasterFile
    classes: tuple[tuple[int, int], ...] | None
    bits: int = 0

    def read(self, window: Window, grid: Grid) -> Mask:
        """Pixels of a window of a grid that are left out; where the mask says nothing, none."""
        if self.raster.grid == grid:
            return self._left_out(window)
        fit = Resampling(self.raster.grid, grid)
        around = fit.source_window(window)
        if 0 in around.shape:
            return np.zeros(window.shape, bool)
        return fit.picked(self._left_out(around), around, window, False)

    def reaches(self, grid: Grid) -> bool:
        """Whether it lies on some of a grid."""
        everything = Window(0, grid.shape[0], 0, grid.shape[1])
        return (
            self.raster.grid == grid
            or 0 not in Resampling(self.raster.grid, grid).source_window(everything).shape
        )

    def share(self, grid: Grid) -> float:
        """Share left out of what an image on a grid shows, by a look at it: fill does not count."""
        everything = Window(0, grid.shape[0], 0, grid.shape[1])
        window = (
            everything
            if self.raster.grid == grid
            else Resampling(self.raster.grid, grid).source_window(everything).within(self.raster.shape)
        )
        shape = min(LOOK, window.shape[0]), min(LOOK, window.shape[1])
        if 0 in shape:
            return 0.0
        stored, valid = self.raster.read_decimated(shape, window)
        if self.classes is None:
            shown = stored[-1] % 2 == 0
        else:
            shown = (stored[0] != 0) if NO_DATA in self.classes else valid
        return float(self._of(stored, valid)[shown].mean()) if shown.any() else 1.0

    def _left_out(self, window: Window) -> Mask:
        return self._of(*self.raster.read_stored(window))

    def _of(self, stored: NDArray[Any], valid: Mask) -> Mask:
        if self.classes is None:
            *classes, fill = stored
            return np.asarray(np.logical_or.reduce([band == 1 for band in classes]) | (fill % 2 == 1))
        (values,) = stored
        if self.bits:
            return np.asarray((values & self.bits != 0) & valid)
        hit = np.zeros(values.shape, bool)
        for low, high in self.classes:
            hit |= (values >= low) & (values <= high)
        return hit & valid


def parse_mask(text: str) -> tuple[str, tuple[tuple[int, int], ...] | None]:
    """``cloud.tif``, ``fmask.tif=2,3,4`` or ``probability.tif=40-100``: what to read, and which values are
    left out.

    Examples
    --------
    >>> parse_mask("cloud.tif"), parse_mask("fmask.tif=2,4"), parse_mask("p.tif=40-100")
    (('cloud.tif', None), ('fmask.tif', ((2, 2), (4, 4))), ('p.tif', ((40, 100),)))
    """
    name, sign, listed = text.rpartition("=")
    if not sign or not re.fullmatch(r"\s*\d+(-\d+)?(\s*,\s*\d+(-\d+)?)*\s*", listed):
        return text, None
    ranges = []
    for part in listed.split(","):
        low, _, high = part.strip().partition("-")
        ranges.append((int(low), int(high or low)))
    if any(low > high for low, high in ranges):
        raise OptionError(f"--mask {text}: a range is LOW-HIGH, the lower value first.")
    return name, tuple(ranges)


def open_mask(path: Path, classes: tuple[tuple[int, int], ...] | None, key: str = "") -> CloudMask:
    """A mask of a file: a scene classification of Sentinel-2, a usable data mask of Planet, or one band.

    Parameters
    ----------
    path : Path
    classes : tuple of (int, int), optional
        Ranges of values that are left out; of one band by default every value but 0.
    key : str
        Of the asset of a STAC item, which may say the product.

    Raises
    ------
    InputError
        It has several bands and is not of Planet, more values than two and no classes were given, or values
        that no class can match.
    """
    header = read_header(path)
    text = f"{path.stem} {key}".casefold().replace(" ", "_")
    words = set(re.split(r"[_.-]", text))
    count = len(header.dtypes)
    if count >= 8 and classes is None and ("udm2" in words or header.names[0] == "clear"):
        return CloudMask(RasterFile(header, UDM2_BANDS), None)
    if count > 1:
        raise InputError(
            f"The mask {path} has {count} bands and is no usable data mask of Planet (udm2 in its name, 8 "
            "bands); give "
            "one band, for example by gdal_translate -b 1."
        )
    raster = RasterFile(header, (1,))
    if header.dtypes[0].startswith("complex"):
        raise InputError(f"The mask {path} contains complex numbers; give one of whole numbers.")
    if classes is not None:
        _check_classes(raster, classes)
    bits = QA_PIXEL_BITS if "qa_pixel" in text else FMASK_BITS if {"hls", "fmask"} <= words else 0
    if classes is None and bits and np.dtype(header.dtypes[0]).kind in "iu":
        return CloudMask(raster, (), bits)
    if classes is None and "scl" in words:
        classes = tuple((value, value) for value in SCL_CLASSES)
    if classes is not None:  # a class such as "no data" is one, though the file calls it nodata
        return CloudMask(RasterFile(replace(header, nodata=(None,)), (1,)), classes)
    shape = min(LOOK, raster.shape[0]), min(LOOK, raster.shape[1])
    stored, valid = raster.read_decimated(shape)
    values = np.unique(stored[0][valid])
    if len(values[values != 0]) > 1:
        shown = ", ".join(f"{value:g}" for value in values[:6])
        raise InputError(
            f"The mask {path} has the values {shown}{' ...' if len(values) > 6 else ''}; say which are "
            f"clouds, shadows and snow, for example --mask {path.name}=1,2 or --mask {path.name}=40-100."
        )
    return CloudMask(raster, NOT_ZERO)


def _check_classes(raster: RasterFile, classes: Sequence[tuple[int, int]]) -> None:
    """Refuse classes that the type of the mask excludes, and fractions: they would leave out nothing."""
    header = raster.header
    kind = np.dtype(header.dtypes[0])
    if kind.kind in "iu":
        most = np.iinfo(kind).max
        beyond = [low for low, _ in classes if low > most]
        if beyond:
            raise InputError(
                f"The mask {header.path} is {kind}, so no value is {beyond[0]} (at most {most}); see its "
                "values with gdalinfo -hist."
            )
        return
    stored, valid = raster.read_decimated((min(LOOK, raster.shape[0]), min(LOOK, raster.shape[1])))
    values = stored[0][valid]
    if ((values > 0) & (values < 1)).any() and (values <= 1).all():
        raise InputError(
            f"The mask {header.path} has fractions from 0 to 1, and classes are whole numbers; write it in "
            "percent, for example by gdal_translate -scale 0 1 0 100 -ot Byte."
        )


def mask_files(path: Path) -> list[Path]:
    """A mask, or those of a folder and its subfolders, by their names.

    Raises
    ------
    InputError
        There is none.
    """
    if not path.is_dir():
        return [path]
    files = (file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    found = sorted(file for file in files if _MASK_NAME.search(file.stem))
    if not found:
        raise InputError(
            f"The folder {path} of --mask contains no file with udm2, SCL, cloud, snow or mask in its name; "
            "name the "
            "files one by one."
        )
    return found


def is_product_mask(path: Path) -> bool:
    """Whether a file is a mask of a product by its name, such as ``..._udm2.tif`` or ``..._QA_PIXEL.TIF``."""
    stem = path.stem.casefold()
    return bool(_PRODUCTS & set(re.split(r"[_.]", stem))) or "qa_pixel" in stem


def masks_of(
    images: Sequence[tuple[Iterable[Path], Grid, str]], masks: Sequence[CloudMask]
) -> list[tuple[CloudMask, ...]]:
    """The masks of each image, given by its files, its grid and its date.

    A mask is of the image whose name differs from its own only in words for the product or the band, such as
    ``..._AnalyticMS_SR`` and ``..._udm2``; else of all images on its ground that are not of another date.

    Raises
    ------
    InputError
        A mask lies on none, or on images of other dates only.
    """
    scenes = [{_scene(path) for path in paths} for paths, _, _ in images]
    own: list[list[CloudMask]] = [[] for _ in images]
    for mask in masks:
        scene = _scene(mask.raster.path)
        named = [number for number, names in enumerate(scenes) if scene and scene in names]
        reached = [number for number in named or range(len(images)) if mask.reaches(images[number][1])]
        if not reached:
            raise InputError(
                f"The mask {mask.raster.path} does not lie on the imagery; check its coordinates, or "
                "leave it out."
            )
        date = named_date(mask.raster.path.stem)
        now = [number for number in reached if named or _may_be_of(date, images[number][2])]
        if not now:
            raise InputError(
                f"The mask {mask.raster.path} is of {date} by its name, and the images on its ground are of "
                "other dates; leave it out, or name it without the date."
            )
        for number in now:
            own[number].append(mask)
    return [tuple(one) for one in own]


def _may_be_of(date: str, other: str) -> bool:
    """Whether two dates, of days or months, can be the same; unknown ones can."""
    return date.startswith(other) or other.startswith(date)


def _scene(path: Path) -> tuple[str, ...]:
    """Words of a name without those for the product and the band."""
    words = re.split(r"[_.]", path.stem.casefold())
    return tuple(word for word in words if word not in _KINDS and not re.fullmatch(r"b\d?[\da]", word))
