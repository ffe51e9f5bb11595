"""How an image is shown in a QGIS project: its bands, and the stretch of their values."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import numpy as np

from rogi.raster.files import RasterFile
from rogi.raster.header import Header, read_header
from rogi.raster.spectral_names import COLOURS

if TYPE_CHECKING:
    import pyproj
    from numpy.typing import NDArray

_SAMPLE: Final = 512  # pixels along the longer side from which the stretch is made
_CUT: Final = (2.0, 98.0)  # percentiles, QGIS's cumulative cut


@dataclass(frozen=True, slots=True)
class ImageryStyle:
    """An image in a project.

    Parameters
    ----------
    name
        Of the layer within the project, unique.
    title
        What users see.
    location
        The file, relative to the project.
    bounds
        West, south, east, north in its CRS.
    crs
        Of the image, or None.
    bands
        One band (grey) or three (red, green, blue), from 1.
    stretch
        Lowest and highest value shown of each band; empty: values are colours already.
    """

    name: str
    title: str
    location: str
    bounds: tuple[float, float, float, float]
    crs: pyproj.CRS | None
    bands: tuple[int, ...]
    stretch: tuple[tuple[float, float], ...]


def imagery_style(path: Path, home: Path, number: int = 0) -> ImageryStyle:
    """Look at an image: which bands to show, and how.

    Bands are those named red, green and blue in the file, else the first three, else the first. Bytes are
    shown as they are, other values between their 2nd and 98th percentile in a sample of the image.

    Parameters
    ----------
    path
        A raster GDAL reads.
    home
        The project's folder; the image is named relative to it where that can be done.
    number
        Of the image in the project.

    Returns
    -------
    ImageryStyle

    Raises
    ------
    InputError
        If the file, or one that it is made of, is not there or is damaged, or it has no place.
    """
    header = read_header(path)
    bands = _bands(header)
    step = max(1.0, max(header.shape) / _SAMPLE)
    height, width = (max(1, round(length / step)) for length in header.shape)
    sample, valid = RasterFile(header, bands).read_decimated((height, width))
    stretch: tuple[tuple[float, float], ...] = ()
    if sample.dtype != np.uint8 or len(bands) == 1:
        stretch = tuple(_cut(band[valid]) for band in sample)
    return ImageryStyle(
        f"imagery_{number}",
        header.path.stem,
        _relative(header.path, home),
        header.grid.bounds,
        header.crs,
        bands,
        stretch,
    )


def _bands(header: Header) -> tuple[int, ...]:
    if set(COLOURS) <= set(header.colours):
        return tuple(header.colours.index(colour) + 1 for colour in COLOURS)
    plain = [i for i, colour in enumerate(header.colours, start=1) if colour != "alpha"]
    return tuple(plain[:3]) if len(plain) >= 3 else tuple(plain[:1]) or (1,)


def _cut(values: NDArray[np.generic]) -> tuple[float, float]:
    finite = values.astype(np.float64)
    finite = finite[np.isfinite(finite)]
    if not finite.size:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(finite, _CUT))
    return low, high if high > low else low + 1.0


def _relative(path: Path, home: Path) -> str:
    absolute = path.absolute()
    try:
        name = Path(os.path.relpath(absolute, home)).as_posix()
    except ValueError:  # another drive
        return absolute.as_posix()
    return name if name.startswith("..") else f"./{name}"


def add_raster_style(element: ET.Element, picture: ImageryStyle) -> None:
    """Add how an image is drawn to its layer in a project."""
    pipe = ET.SubElement(element, "pipe")
    ET.SubElement(
        ET.SubElement(pipe, "provider"),
        "resampling",
        enabled="false",
        zoomedInResamplingMethod="nearestNeighbour",
        zoomedOutResamplingMethod="nearestNeighbour",
        maxOversampling="2",
    )
    common = {"alphaBand": "-1", "opacity": "1", "nodataColor": ""}
    if len(picture.bands) == 3:
        red, green, blue = map(str, picture.bands)
        kind = {"type": "multibandcolor", "redBand": red, "greenBand": green, "blueBand": blue}
        names = [f"{colour}ContrastEnhancement" for colour in ("red", "green", "blue")]
    else:
        kind = {"type": "singlebandgray", "grayBand": str(picture.bands[0]), "gradient": "BlackToWhite"}
        names = ["contrastEnhancement"]
    renderer = ET.SubElement(pipe, "rasterrenderer", {**kind, **common})
    ET.SubElement(renderer, "rasterTransparency")
    for name, (low, high) in zip(names, picture.stretch, strict=False):
        stretch = ET.SubElement(renderer, name)
        ET.SubElement(stretch, "minValue").text = f"{low:.10g}"
        ET.SubElement(stretch, "maxValue").text = f"{high:.10g}"
        ET.SubElement(stretch, "algorithm").text = "StretchToMinimumMaximum"
    ET.SubElement(pipe, "brightnesscontrast", brightness="0", contrast="0", gamma="1")
    ET.SubElement(pipe, "rasterresampler", maxOversampling="2", zoomedOutResampler="bilinear")
    ET.SubElement(pipe, "resamplingStage").text = "resamplingFilter"
