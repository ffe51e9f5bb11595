"""How figures show units; apart from the figures, which need matplotlib."""

from __future__ import annotations

from enum import StrEnum


class Symbols(StrEnum):
    """How units are shown on the map."""

    AUTO = "auto"
    DOTS = "dots"
    DENSITY = "density"
