"""``rogi synthetic``: inventories, terrain and imagery with known answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from rogi import targets
from rogi.cli.guard import WRITES, App, Force
from rogi.cli.options import comma_separated
from rogi.errors import OptionError, OutputError
from rogi.files import replacing, write_text
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.statistics.unit_table import unit_table
from rogi.synthetic.defects import not_planted, plant
from rogi.synthetic.imagery import Scene, SceneSettings
from rogi.synthetic.inventory import synthetic_inventory
from rogi.synthetic.mappers import decide_all
from rogi.synthetic.releases import two_versions, write_release_folders
from rogi.synthetic.scene_files import write_scene
from rogi.synthetic.terrain import Box, write_tiles
from rogi.synthetic.terrain import climate as make

MARGIN = 0.3  # degrees, about the radius in which horizons are searched

app = App(no_args_is_help=True, help="Make seeded inventories, terrain and imagery with known answers.")


_BoxOption = Annotated[
    tuple[float, float, float, float] | None,
    typer.Option(help="West south east north, degrees.", metavar="W S E N"),
]
_LikeOption = Annotated[Path | None, typer.Option(help="Cover this inventory, with a margin of 0.3 degrees.")]


@app.callback()
def synthetic() -> None:
    """Make seeded inventories with known answers, for trials, teaching and tests."""


@app.command("versions")
def versions(
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for what is made."), WRITES],
    count: Annotated[int, typer.Option(help="Units of the first version.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.", min=0)] = 0,
    force: Force = False,
) -> None:
    """Write two versions of an inventory, what was edited between them, and the folders of their releases.

    Two units each are added, removed, split, merged, renamed, refined, and reviewed by somebody else;
    `key.csv` says which.

    Example: `rogi synthetic versions --count 500 -o trial`
    """
    if output.exists():
        raise OutputError(f"{output} exists; name a new folder.")
    made = two_versions(count, seed)
    write_release_folders(made, output / "releases")
    write_inventory(made.first, output / "1.0.gpkg")
    write_inventory(made.second, output / "1.1.gpkg")
    rows = "".join(f"{id_},{fate}\n" for id_, fate in sorted(made.fates.items(), key=lambda item: item[::-1]))
    write_text(output / "key.csv", f"id,fate\n{rows}")
    sys.stdout.write(f"{output}: 1.0.gpkg, 1.1.gpkg, releases/, and key.csv with {len(made.fates)} edits\n")


@app.command("inventory")
def inventory(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="File to write (.gpkg, .parquet, .fgb, folder of .shp)."),
        WRITES,
    ],
    count: Annotated[int, typer.Option(help="Number of rock glacier units.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.", min=0)] = 0,
    schema: Annotated[str, typer.Option(help="tprogi/1.0 or rgik/1.0.")] = "tprogi/1.0",
    region: Annotated[
        str | None, typer.Option(help="Place all units in this subregion, e.g. 'Eastern Pamir'.")
    ] = None,
    defects: Annotated[
        str | None,
        typer.Option(help="Plant defects: 'all', or rule codes and prefixes separated by commas."),
    ] = None,
    force: Force = False,
    per_rule: Annotated[int, typer.Option(help="Defects planted for each rule.", min=1)] = 3,
) -> None:
    """Write a synthetic inventory; with --defects, also a key that says which row has which.

    Example: `rogi synthetic inventory --count 5000 --seed 1 --defects all -o practice.gpkg`
    """
    made = synthetic_inventory(count, seed, schema, region)
    if defects is None:
        write_inventory(made, output)
        sys.stdout.write(f"{output}: {count} units, no defects\n")
        return
    chosen = comma_separated([defects])
    made, key = plant(made, seed=seed, select=chosen, per_rule=per_rule)
    write_inventory(made, output)
    key_path = output.with_name(f"{output.stem}.key.csv")
    write_text(key_path, key.to_csv(index=False, lineterminator="\n"))
    rules = key["planted_for"].nunique()
    sys.stdout.write(
        f"{output}: {count} units, defects of {rules} rules; key of {len(key)} findings in {key_path}\n"
    )
    missing = not_planted(made.schema.id, chosen)
    for reason in dict.fromkeys(missing.values()):
        codes = ", ".join(code for code, why in missing.items() if why == reason)
        sys.stdout.write(f"not planted: {codes}: {reason}\n")


@app.command("terrain")
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
    sys.stdout.write(f"{output}: {len(written)} tiles\n")


@app.command("imagery")
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


@app.command("climate")
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
        fields.to_netcdf(temporary, engine="h5netcdf")
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


@app.command("decisions")
def decisions(
    work: Annotated[Path, typer.Argument(help="Folder of `rogi update plan`; its packages are changed.")],
    truth: Annotated[Path, typer.Option(help="The inventory as it should become.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write what was done: JSON."), WRITES
    ] = None,
    splits: Annotated[int, typer.Option(help="Units cut in two beyond the truth.", min=0)] = 1,
    merges: Annotated[int, typer.Option(help="Pairs of touching units merged beyond the truth.", min=0)] = 1,
    unsure: Annotated[int, typer.Option(help="Changed units left as unsure.", min=0)] = 0,
    conflicts: Annotated[int, typer.Option(help="Units decided in two ways.", min=0)] = 0,
    force: Force = False,
) -> None:
    """Decide on all tasks of an update, as mappers would who know the truth.

    The decisions are written into the work packages by plain SQL, and counted.

    Example: `rogi synthetic decisions work --truth scene/truth2.gpkg -o done.json`
    """
    done = decide_all(
        work, read_inventory(truth), splits=splits, merges=merges, unsure=unsure, conflicts=conflicts
    ).as_dict()
    text = json.dumps(done, indent=2) + "\n"
    if output is not None:
        write_text(output, text)
    sys.stdout.write(text)
