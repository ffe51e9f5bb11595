"""``rogi synthetic inventory``, ``versions`` and ``decisions``: inventories with known answers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.common import WRITES
from rogi.cli.guard import Force
from rogi.cli.options import comma_separated
from rogi.errors import OutputError
from rogi.files import write_text
from rogi.inventory.read import read_inventory
from rogi.inventory.write import write_inventory
from rogi.synthetic.defects import not_planted, plant
from rogi.synthetic.inventory import synthetic_inventory
from rogi.synthetic.mappers import decide_all
from rogi.synthetic.releases import two_versions, write_release_folders
from rogi.text import counted

COUNT = 1000
GLOBAL_COUNT = 301_524
"""Units of the global inventory of Xu et al. (2026)."""


def inventory(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="File to write (.gpkg, .parquet, .fgb, folder of .shp)."),
        WRITES,
    ],
    count: Annotated[
        int | None,
        typer.Option(help="Number of rock glacier units; default 1,000, with --global 301,524.", min=1),
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.", min=0)] = 0,
    schema: Annotated[str, typer.Option(help="tprogi/1.0 or rgik/1.0.")] = "tprogi/1.0",
    region: Annotated[
        str | None,
        typer.Option(metavar="SUBREGION", help="Place all units in this subregion, e.g. 'Eastern Pamir'."),
    ] = None,
    worldwide: Annotated[
        bool,
        typer.Option(
            "--global",
            help="Units on all continents, in the shares of the 19 regions of the global inventory of 2026.",
        ),
    ] = False,
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
    if count is None:
        count = GLOBAL_COUNT if worldwide else COUNT
    made = synthetic_inventory(count, seed, schema, region, worldwide=worldwide)
    if defects is None:
        write_inventory(made, output)
        sys.stdout.write(f"{output}: {counted(count, 'unit')}, no defects\n")
        return
    chosen = comma_separated([defects])
    made, key = plant(made, seed=seed, select=chosen, per_rule=per_rule)
    write_inventory(made, output)
    key_path = output.with_name(f"{output.stem}.key.csv")
    write_text(key_path, key.to_csv(index=False, lineterminator="\n"))
    rules = key["planted_for"].nunique()
    sys.stdout.write(
        f"{output}: {counted(count, 'unit')}, defects of {counted(rules, 'rule')}; "
        f"key of {counted(len(key), 'finding')} in {key_path}\n"
    )
    missing = not_planted(made.schema.id, chosen)
    for reason in dict.fromkeys(missing.values()):
        codes = ", ".join(code for code, why in missing.items() if why == reason)
        sys.stdout.write(f"not planted: {codes}: {reason}\n")


def versions(
    output: Annotated[Path, typer.Option("--output", "-o", help="New folder for what is made."), WRITES],
    count: Annotated[int, typer.Option(help="Units of the first version.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.", min=0)] = 0,
    worldwide: Annotated[
        bool,
        typer.Option("--global", help="Units on all continents, as by `rogi synthetic inventory`."),
    ] = False,
    force: Force = False,
) -> None:
    """Write two versions of an inventory, what was edited between them, and the folders of their releases.

    Two units each are added, removed, split, merged, renamed, refined, and reviewed by somebody else;
    `key.csv` says which.

    Example: `rogi synthetic versions --count 500 -o trial`
    """
    if output.exists():
        raise OutputError(f"{output} exists; name a new folder.")
    made = two_versions(count, seed, worldwide=worldwide)
    write_release_folders(made, output / "releases")
    write_inventory(made.first, output / "1.0.gpkg")
    write_inventory(made.second, output / "1.1.gpkg")
    rows = "".join(f"{id_},{fate}\n" for id_, fate in sorted(made.fates.items(), key=lambda item: item[::-1]))
    write_text(output / "key.csv", f"id,fate\n{rows}")
    sys.stdout.write(f"{output}: 1.0.gpkg, 1.1.gpkg, releases/, and key.csv with {len(made.fates)} edits\n")


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
