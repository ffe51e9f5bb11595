"""What bands are called: one word for a colour, whatever a file or a product calls it."""

from __future__ import annotations

import re
from typing import Final

COLOURS: Final = ("red", "green", "blue")

_WORDS: Final = {
    "coastal": "coastal", "aerosol": "coastal", "blue": "blue", "green": "green", "yellow": "yellow",
    "red": "red", "rededge": "red edge", "nir": "nir", "infrared": "nir", "swir": "swir",
    "pan": "panchromatic", "panchromatic": "panchromatic", "thermal": "thermal",
}  # fmt: skip
_LETTERS: Final = {"r": "red", "g": "green", "b": "blue", "n": "nir"}
_CODES: Final = {"1": "coastal", "2": "blue", "3": "green", "4": "red"}
"""Of Sentinel-2 and of Landsat 8 and 9, which agree up to 4 (ESA, Sentinel-2 User Handbook, 2015, Table 1;
USGS, Landsat 8 Data Users Handbook, 2019, Table 2-1)."""
_OLD_LANDSAT: Final = {"1": "blue", "2": "green", "3": "red", "4": "nir"}
"""Of Landsat 4, 5 and 7 (USGS, Landsat 7 Data Users Handbook, 2019, Table 2-1)."""

_CODE = re.compile(r"b0*(\d{1,2}|8a)")
_IN_NAME = re.compile(r"(?:^|[_.])((?:SR_)?B(?:0?\d|1[0-2]|8A)|red|green|blue|nir)(?=[_.]|$)", re.IGNORECASE)
_OLD_NAME = re.compile(r"(?:^|_)L[TEM]0[4-7]_")


def meaning(text: str, file: str = "") -> str:
    """The colour that the name of a band means, or nothing.

    Parameters
    ----------
    text : str
        A description (``Red``, ``near infrared``), a code of Sentinel-2 or Landsat (``B04``, ``SR_B4``), or
        both.
    file : str
        Name of the file: Landsat 4 to 7 number their bands differently.

    Examples
    --------
    >>> meaning("B04"), meaning("SR_B4"), meaning("B4, central wavelength 665 nm"), meaning("Red (665 nm)")
    ('red', 'red', 'red', 'red')
    >>> meaning("red edge 1"), meaning("green_i"), meaning("near-infrared"), meaning("B"), meaning("Band 1")
    ('red edge', 'green i', 'nir', 'blue', '')
    >>> meaning("SR_B3", "LE07_L2SP_140041_20010708_SR.tif"), meaning("B05"), meaning("B8A")
    ('red', 'b5', 'b8a')
    """
    words = re.findall(r"[a-z]+\d*[a-z]*|\d+", text.casefold())
    if len(words) == 1 and words[0] in _LETTERS:
        return _LETTERS[words[0]]
    joined = " ".join(words)
    if re.search(r"\bgreen ?i\b", joined):
        return "green i"
    if re.search(r"\b(red ?edge|re)\d?\b", joined):
        return "red edge"
    if re.search(r"\bcoastal", joined):
        return "coastal"
    found = {_WORDS[word] for word in (re.sub(r"\d+$", "", word) for word in words) if word in _WORDS}
    if found:
        return found.pop() if len(found) == 1 else ""
    code = next((match[1] for word in words if (match := _CODE.fullmatch(word))), None)
    if code is None:
        return ""
    codes = _OLD_LANDSAT if _OLD_NAME.search(file) else _CODES
    return codes.get(code, "nir" if code == "8" else f"b{code}")


def band_in_name(stem: str) -> tuple[str, str]:
    """The band that the name of a file of one band states, and the name without it; nothing if it states
    none.

    Examples
    --------
    >>> band_in_name("T45RVM_20210815T045701_B04_10m")
    ('B04', 'T45RVM_20210815T045701_10m')
    >>> band_in_name("HLS.S30.T45RVM.2021227T045701.v2.0.B04")
    ('B04', 'HLS.S30.T45RVM.2021227T045701.v2.0')
    >>> band_in_name("red"), band_in_name("mosaic")
    (('red', ''), ('', 'mosaic'))
    """
    found = list(_IN_NAME.finditer(stem))
    if not found:
        return "", stem
    last = found[-1]
    return last[1], (stem[: last.start()] + stem[last.end() :]).strip("_.")
