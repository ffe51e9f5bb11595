"""Options of commands that read imagery for a model."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

IMAGERY = "Imagery"
"""Heading of these options in ``--help``."""


class PreferChoice(StrEnum):
    """Which image counts where several have valid pixels."""

    ORDER = "order"
    LATEST = "latest"
    EARLIEST = "earliest"
    CLEAREST = "clearest"


Bands = Annotated[
    str | None,
    typer.Option(
        help="Bands of the imagery: 3,2,1 or red=4,green=3,blue=2 or names such as B04,B03,B02.",
        rich_help_panel=IMAGERY,
    ),
]
Channels = Annotated[
    list[str] | None,
    typer.Option(
        help="NAME=RASTER: a further channel, e.g. elevation=dem.tif, slope=dem.tif. Repeatable.",
        rich_help_panel=IMAGERY,
    ),
]
NoData = Annotated[
    list[float] | None,
    typer.Option(
        help="Stored number that is void, where files do not say so. Repeatable.", rich_help_panel=IMAGERY
    ),
]
Masks = Annotated[
    list[str] | None,
    typer.Option(
        help="Mask of clouds, shadows and snow: FILE, FILE=CLASSES, a folder, or an asset of STAC items. "
        "Repeatable.",
        rich_help_panel=IMAGERY,
    ),
]
Preferred = Annotated[
    PreferChoice,
    typer.Option(help="Which image counts where several have data.", rich_help_panel=IMAGERY),
]
