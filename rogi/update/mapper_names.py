"""Names of mappers as names of files, on any system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from rogi.errors import OptionError

NOBODY: Final = "review"
"""Name of the one package where no mappers are named."""
LONGEST: Final = 60
"""Bytes of a file name without its suffix."""

RESERVED: Final = {
    *("con", "prn", "aux", "nul"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)),
}
"""Names that Windows keeps for devices."""


def file_names(names: Sequence[str]) -> tuple[str, ...]:
    """A file name for each mapper, without a suffix.

    Letters and digits of any script, hyphens and underscores stay; all else becomes an underscore.

    Raises
    ------
    OptionError
        If a name leaves nothing, is kept by a system, or two names make one file.

    Examples
    --------
    >>> file_names(["Anna", "Jörg Müller"])
    ('Anna', 'Jörg_Müller')
    """
    made: list[str] = []
    for name in names:
        stem = re.sub(r"[^\w-]+", "_", unicodedata.normalize("NFC", name.strip())).strip("_")
        if not stem or stem.startswith("-") or stem.casefold() in RESERVED or len(stem.encode()) > LONGEST:
            raise OptionError(
                f"{name!r} makes no good file name; use letters and digits, at most {LONGEST} bytes."
            )
        made.append(stem)
    folded = [unicodedata.normalize("NFKC", stem).casefold() for stem in made]
    for k, one in enumerate(folded):
        if one in folded[:k]:
            raise OptionError(
                f"{names[folded.index(one)]!r} and {names[k]!r} would be one file; give each mapper "
                "a name of their own."
            )
    return tuple(made)
