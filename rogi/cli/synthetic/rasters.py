"""``rogi synthetic terrain``, ``imagery`` and ``climate``: rasters with known answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from rogi import targets
from rogi.cli.common import WRITES
from rogi.cli.guard import Force
from rogi.errors import OptionError
from rogi.files import replacing
from rogi.inventory.read import read_inventory
from rogi.statistics.unit_table import unit_table
from rogi.synthetic.imagery import Scene, SceneSettings
from rogi.synthetic.scene_files import write_scene
from rogi.synthetic.terrain import Box, write_tiles
from rogi.synthetic.terrain import climate as make
from rogi.text import counted

MARGIN = 0.3  # degrees, about the radius in which horizons are searched

_BoxOption = Annotated[
    tuple[float, float, float, float] | None,
    typer.Option(help="West south east north, degrees.", metavar="W S E N"),
]
_LikeOption = Annotated[Path | None, typer.Option(help="Cover this inventory, with a margin of 0.3 degrees.")]


def terrain(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the tiles (made if needed)."), WRITES
    ],
    box: _BoxOption = None,
    like: _LikeOption = None,
    arc_seconds: Annotated[float, typer.Option(help="Size of a pixel.")] = 3.0,
    seed: Annotated[int, typer.Option(help="Same seed, same terrain.", min=0)] = 0,
    force: Force = False,
) -> None:
    """Write 1-degree tiles of synthetic elevation (int16, EPSG:4326, named as NASADEM's).

    Example: `rogi synthetic terrain --box 73 37 75 39 -o dem`
    """
    written = write_tiles(output, _box(box, like), seed, arc_seconds)
    sys.stdout.write(f"{output}: {counted(len(written), 'tile')}\n")


def imagery(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the files (made if needed)."), WRITES
    ],
    size: Annotated[
        tuple[int, int], typer.Option(help="Rows and columns of the picture.", metavar="ROWS COLUMNS")
    ] = (1536, 1536),
    pixel: Annotated[float, typer.Option(help="Size of a pixel in metres.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes; another seed, other ground.", min=0)] = 0,
    units: Annotated[
        int | None, typer.Option(help="Rock glaciers; as many as fit, 0.33 per km2 unless given.", min=0)
    ] = None,
    negatives: Annotated[
        int | None,
        typer.Option(help="Landforms that look like them; default 0.9 per rock glacier.", min=0),
    ] = None,
    seasons: Annotated[
        int,
        typer.Option(help="2: also a second picture, other snow and light, and changes.", min=1, max=2),
    ] = 1,
    repeat: Annotated[
        int, typer.Option(help="Also a VRT that shows the picture so many times in each direction.", min=1)
    ] = 1,
    wedges: Annotated[bool, typer.Option(help="Leave two corners of each picture void.")] = True,
    force: Force = False,
) -> None:
    """Write a picture of synthetic mountains with rock glaciers, and the truth about them.

    The folder gets season1.tif, truth1.gpkg (and those of season 2), negatives.gpkg, dem.tif and changes.csv.

    Example: `rogi synthetic imagery --size 2048 2048 --seed 1 --seasons 2 -o scene`
    """
    targets.check(output / "season1.tif", "-o")
    settings = SceneSettings(*size, pixel, seed, units, negatives, wedges)
    made = write_scene(Scene(settings), output, seasons, repeat)
    counts = " and ".join(str(count) for count in made.units)
    sys.stdout.write(f"{output}: {size[0]} x {size[1]} pixels of {pixel:g} m, {counts} rock glaciers\n")


def climate(
    output: Annotated[Path, typer.Option("--output", "-o", help="NetCDF file to write."), WRITES],
    box: _BoxOption = None,
    like: _LikeOption = None,
    seed: Annotated[int, typer.Option(help="Same seed as the terrain's.", min=0)] = 0,
    force: Force = False,
) -> None:
    """Write monthly temperature (t2m, K) and precipitation (tp, mm/month), 2001 to 2020, 0.1 degrees.

    Example: `rogi synthetic climate --box 73 37 75 39 -o climate.nc`
    """
    if output.suffix.lower() not in (".nc", ".nc4"):
        raise OptionError(f"-o {output}: the climate is written as NetCDF, so the name must end in .nc.")
    fields = make(_box(box, like), seed)
    with replacing(output) as temporary:
        fields.to_netcdf(temporary, engine="netcdf4")
    sys.stdout.write(f"{output}: {fields.sizes['time']} months on {fields.sizes['latitude']} x ")
    sys.stdout.write(f"{fields.sizes['longitude']} cells\n")


def _box(box: tuple[float, float, float, float] | None, like: Path | None) -> Box:
    """The box given, or that of an inventory with a margin for horizons."""
    if (box is None) == (like is None):
        raise OptionError("The place is given by --box W S E N or by --like INVENTORY; give one of them.")
    if box is not None:
        return Box(*box)

    assert like is not None
    lonlat = unit_table(read_inventory(like)).lonlat
    west, south = np.nanmin(lonlat, axis=0) - MARGIN
    east, north = np.nanmax(lonlat, axis=0) + MARGIN
    return Box(float(west), float(south), float(east), float(north))
