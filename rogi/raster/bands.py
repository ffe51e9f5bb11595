"""Which bands of an image become which channels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rogi.errors import InputError, OptionError
from rogi.raster.files import RasterFile
from rogi.raster.spectral_names import COLOURS, meaning
from rogi.text import agreeing

if TYPE_CHECKING:
    from rogi.raster.header import Header

LOOK = 256
"""Rows and columns in which a fourth band is looked at."""

BandChoice = Sequence[int | str]
"""Band numbers from 1, band names, or ``channel=number`` and ``channel=name``."""


def choose_bands(header: Header, wanted: BandChoice | None) -> tuple[RasterFile, tuple[str, ...], str]:
    """Bands of a file that become channels.

    Parameters
    ----------
    header : Header
    wanted : sequence of int or str, optional
        In the order of the channels. By default the bands the file calls red, green and blue, else the
        first three of a file that names none and has three, or four of which the last is a mask, else the
        only one. An alpha band is a mask, not a channel.

    Returns
    -------
    bands : RasterFile
    names : tuple of str
        Of the channels: what the file calls them, by `rogi.raster.spectral_names.meaning`. Three bands that
        it does not name are red, green and blue.
    note : str
        What is worth telling, or nothing.

    Raises
    ------
    InputError
        The file has no such bands, more than can be chosen from without being told, a colour table, or
        complex numbers; or it calls them otherwise than the choice.
    OptionError
        The choice is empty or holds a name twice.
    """
    if "palette" in header.colours:
        raise InputError(
            f"{header.path} holds numbers of a colour table, not colours; write them out with gdal_translate "
            "-expand rgb."
        )
    if any(dtype.startswith("complex") for dtype in header.dtypes):
        raise InputError(f"{header.path} contains complex numbers; imagery has bands of integers or floats.")
    if wanted is None:
        indexes, names, note = _default(header)
    else:
        indexes, names, note = *_wanted(header, wanted), ""
    if len(set(names)) < len(names):
        raise OptionError(f"The bands {', '.join(names)} are not all different; name each channel once.")
    return RasterFile(header, indexes), names, note


def parse_choice(text: str | None) -> tuple[int | str, ...] | None:
    """``3,2,1``, ``red=4,green=3,blue=2`` or ``B4,B3,B2`` as a choice of bands."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise OptionError(f"--bands takes numbers or names such as 3,2,1 or red=4,green=3, found {text!r}.")
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def split_band(source: str | Path) -> tuple[str, str | None]:
    """``FILE:2`` or ``FILE:elevation`` as a file and its band; another name as it is."""
    text = str(source)
    base, colon, band = text.rpartition(":")
    if colon and band and not Path(text).exists() and Path(base).is_file():
        return base, band
    return text, None


def one_band(
    raster: RasterFile,
    wanted: str | None,
    name: str,
    what: str = "one",
    *,
    usual: Collection[str] = (),
    remedy: str = "",
) -> RasterFile:
    """The band of a raster that was named, or the only one; an alpha band is a mask.

    Parameters
    ----------
    raster : RasterFile
    wanted : str, optional
        Number or description.
    name : str
        Of the file, for messages.
    what : str
        What has to be named, for messages.
    usual : collection of str
        Descriptions, in lower case, of the band that is meant where none was named.
    remedy : str
        What else helps, for messages.

    Raises
    ------
    InputError
        It has no such band, or several and none was named.
    """
    header = raster.header
    names = header.names
    bands = [number for number in range(1, len(names) + 1) if header.colours[number - 1] != "alpha"]
    if wanted is None:
        chosen = bands if len(bands) == 1 else [n for n in bands if names[n - 1] in usual]
    elif wanted.isdigit():
        chosen = [number for number in bands if number == int(wanted)]
    else:
        chosen = [number for number in bands if names[number - 1] == wanted.strip().casefold()]
    if len(chosen) != 1:
        listed = ", ".join(f"{n} ({names[n - 1]})" if names[n - 1] else str(n) for n in bands)
        asked = f"no band {wanted!r}" if wanted is not None else "several bands"
        raise InputError(
            f"{name} has {asked}; name {what} after a colon, for example {name}:{bands[0]}{remedy}. Its "
            f"bands: {listed}."
        )
    (number,) = chosen
    return replace(
        raster, indexes=(number,), scale=header.scales[number - 1], offset=header.offsets[number - 1]
    )


def _is_mask(header: Header, band: int) -> bool:
    """Whether a band seems to hold one value and 0 only."""
    shape = min(LOOK, header.shape[0]), min(LOOK, header.shape[1])
    values = np.unique(RasterFile(header, (band,)).read_decimated(shape)[0])
    return len(values[values != 0]) <= 1


def names_bands(header: Header) -> bool:
    """Whether a file says which colour one of its bands is."""
    return any(_called(header, band) for band in range(1, len(header.names) + 1))


def _called(header: Header, band: int) -> str:
    """The colour that a file says a band is, or nothing."""
    return "" if _numbered(header) else meaning(header.names[band - 1], header.path.name)


def _numbered(header: Header) -> bool:
    """Whether a picture of three or four bands only counts them, b1 to b4.

    Codes of Sentinel-2 and Landsat in that order are of more bands, or of files that say so.
    """
    return list(header.names) in ([f"b{number + 1}" for number in range(count)] for count in (3, 4))


def _default(header: Header) -> tuple[tuple[int, ...], tuple[str, ...], str]:
    bands = tuple(i for i, colour in enumerate(header.colours, start=1) if colour != "alpha")
    called = {i: _called(header, i) for i in bands}
    if set(COLOURS) <= set(called.values()):
        first = {name: i for i, name in reversed(called.items())}
        return tuple(first[colour] for colour in COLOURS), COLOURS, ""
    if len(bands) == 1:
        return bands, (called[bands[0]] or header.names[bands[0] - 1] or "grey",), ""
    if not any(called.values()) and len(bands) == 3:
        return bands, COLOURS, ""
    if not any(called.values()) and len(bands) == 4 and _is_mask(header, bands[3]):
        note = f"{header.path} does not name its 4 bands; the first three are taken for red, green and blue."
        return bands[:3], COLOURS, note
    if len(bands) == 3:
        return bands, tuple(called[i] or header.names[i - 1] or f"band {i}" for i in bands), ""
    stated = ", ".join(f"{i} {name}" for i, name in called.items() if name)
    names = f" (it names {stated})" if stated else ""
    raise InputError(
        f"{header.path} has {len(bands)} bands and does not say which are red, green and blue{names}; choose "
        "with --bands, for example --bands 4,3,2."
    )


def _wanted(header: Header, wanted: BandChoice) -> tuple[tuple[int, ...], tuple[str, ...]]:
    indexes: list[int] = []
    names: list[str] = []  # as the choice gives them; empty for a number
    for item in wanted:
        name, sign, source = item.partition("=") if isinstance(item, str) else ("", "", item)
        source = source if sign or not isinstance(item, str) else item
        if isinstance(source, str) and source.strip().isdecimal():
            source = int(source)
        if isinstance(source, str):
            text = source.strip()
            indexes.append(_named(header, text))
            stated = "" if _numbered(header) else meaning(text, header.path.name) or text.casefold()
            names.append(name.strip() if sign else stated)
        else:
            if not 1 <= source <= len(header.dtypes):
                raise InputError(
                    f"{header.path} has {len(header.dtypes)} bands, so there is no band {source}; choose "
                    "others with --bands."
                )
            indexes.append(source)
            names.append(name.strip() if sign else "")
    if not indexes:
        raise OptionError("No bands were chosen; name at least one.")
    _refuse_contradiction(header, indexes, names)
    called = [_called(header, i) for i in indexes]
    if len(indexes) == 3 and not any(names) and not any(called):
        names = list(COLOURS)
    every = zip(names, called, indexes, strict=True)
    return tuple(indexes), tuple(n or c or header.names[i - 1] or f"band {i}" for n, c, i in every)


def _refuse_contradiction(header: Header, indexes: Sequence[int], names: Sequence[str]) -> None:
    """Names of the choice that the file's descriptions contradict, and colours taken in another order."""
    for index, name in zip(indexes, names, strict=True):
        claimed, called = meaning(name, header.path.name), _called(header, index)
        if header.described[index - 1] and claimed and called and claimed != called:
            raise InputError(
                f"{header.path} describes band {index} as {header.names[index - 1]}, --bands takes it for "
                f"{name}; give bands by name, or put the description right with rio edit-info."
            )
    own = [_called(header, index) for index in indexes]
    stated = any(header.described[index - 1] for index in indexes)
    if not any(names) and not stated and set(own) == set(COLOURS) and tuple(own) != COLOURS:
        pairs = ",".join(f"{colour}={index}" for colour, index in zip(COLOURS, indexes, strict=True))
        order = ", ".join(own)
        raise InputError(
            f"{header.path} calls the bands {', '.join(map(str, indexes))} {order} (colour interpretation). "
            f"Leave --bands away to take them by name, or give --bands {pairs} if the file is wrong."
        )


def _named(header: Header, name: str) -> int:
    key, colour = name.casefold(), meaning(name, header.path.name)
    if key in header.names:
        return header.names.index(key) + 1
    same = [i for i in range(1, len(header.names) + 1) if colour and _called(header, i) == colour]
    if len(same) == 1:
        return same[0]
    known = ", ".join(text for text in header.names if text) or "none of its bands"
    several = f"; {len(same)} {agreeing(len(same), 'is', 'are')} {colour}" if same else ""
    raise InputError(
        f"{header.path} has no band called {name!r} (it names {known}{several}); choose by number, for "
        "example "
        f"--bands {name}=1."
    )
