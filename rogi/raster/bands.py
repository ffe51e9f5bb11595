"""Which bands of an image become which channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rogi.errors import InputError, OptionError
from rogi.raster.files import RasterFile
from rogi.raster.header import COLOURS

if TYPE_CHECKING:
    from rogi.raster.header import Header

BandChoice = Sequence[int | str]
"""Band numbers from 1, band names, or ``channel=number`` and ``channel=name``."""


def choose_bands(header: Header, wanted: BandChoice | None) -> tuple[RasterFile, tuple[str, ...], str]:
    """Bands of a file that become channels.

    Parameters
    ----------
    header : Header
    wanted : sequence of int or str, optional
        In the order of the channels. By default the bands the file calls red, green and blue, else the
        first three of a file of three or four bands, else the only one. An alpha band is a mask, not a
        channel.

    Returns
    -------
    bands : RasterFile
    names : tuple of str
        Of the channels. Three bands chosen by number are red, green and blue unless named otherwise.
    note : str
        What is worth telling, or nothing.

    Raises
    ------
    InputError
        The file has no such bands, more than can be chosen from without being told, a colour table, or
        complex numbers.
    OptionError
        The choice is empty or holds a name twice.
    """
    if "palette" in header.colours:
        raise InputError(
            f"{header.path} holds numbers of a colour table, not colours; write them out with gdal_translate "
            "-expand rgb."
        )
    if any(dtype.startswith("complex") for dtype in header.dtypes):
        raise InputError(f"{header.path} holds complex numbers; imagery has bands of integers or floats.")
    if wanted is None:
        indexes, names, note = _default(header)
    else:
        indexes, names, note = *_wanted(header, wanted), ""
    return RasterFile(header, indexes), names, note


def parse_choice(text: str | None) -> tuple[int | str, ...] | None:
    """``3,2,1``, ``red=4,green=3,blue=2`` or ``B4,B3,B2`` as a choice of bands."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise OptionError(f"--bands takes numbers or names such as 3,2,1 or red=4,green=3, found {text!r}.")
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def _default(header: Header) -> tuple[tuple[int, ...], tuple[str, ...], str]:
    if set(COLOURS) <= set(header.names):
        return tuple(header.names.index(colour) + 1 for colour in COLOURS), COLOURS, ""
    bands = tuple(i for i, colour in enumerate(header.colours, start=1) if colour != "alpha")
    if len(bands) == 1:
        return bands, (header.names[bands[0] - 1] or "grey",), ""
    if len(bands) == 3:
        return bands, COLOURS, ""
    if len(bands) == 4:
        note = f"{header.path} does not name its 4 bands; the first three are taken for red, green and blue."
        return bands[:3], COLOURS, note
    raise InputError(
        f"{header.path} has {len(bands)} bands and does not say which are red, green and blue; choose with "
        "--bands, for example --bands 4,3,2."
    )


def _wanted(header: Header, wanted: BandChoice) -> tuple[tuple[int, ...], tuple[str, ...]]:
    indexes, names = [], []
    for item in wanted:
        name, sign, source = item.partition("=") if isinstance(item, str) else ("", "", item)
        source = source if sign or not isinstance(item, str) else item
        if isinstance(source, str) and source.strip().isdecimal():
            source = int(source)
        if isinstance(source, str):
            index = _named(header, source.strip())
            names.append(name.strip() if sign else source.strip().casefold())
        else:
            index = source
            if not 1 <= index <= len(header.dtypes):
                raise InputError(
                    f"{header.path} has {len(header.dtypes)} bands, so there is no band {index}; choose "
                    "others with --bands."
                )
            names.append(name.strip())
        indexes.append(index)
    if not indexes:
        raise OptionError("No bands were chosen; name at least one.")
    if len(indexes) == 3 and not any(names):
        names = list(COLOURS)
    names = [name or header.names[i - 1] or f"band {i}" for name, i in zip(names, indexes, strict=True)]
    if len(set(names)) < len(names):
        raise OptionError(f"The bands {', '.join(names)} are not all different; name each channel once.")
    return tuple(indexes), tuple(names)


def _named(header: Header, name: str) -> int:
    key = name.casefold()
    if key in header.names:
        return header.names.index(key) + 1
    known = ", ".join(text for text in header.names if text) or "none of its bands"
    raise InputError(
        f"{header.path} has no band called {name!r} (it names {known}); choose by number, for example "
        f"--bands {name}=1."
    )
