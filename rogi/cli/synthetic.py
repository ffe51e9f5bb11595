"""``rogi synthetic``: inventories with known answers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Make seeded inventories, terrain and imagery with known answers."
)


@app.callback()
def synthetic() -> None:
    """Make seeded inventories with known answers, for trials, teaching and tests."""


@app.command("inventory")
def inventory(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="File to write (.gpkg, .parquet, .fgb, folder of .shp).")
    ],
    count: Annotated[int, typer.Option(help="Number of rock glacier units.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.", min=0)] = 0,
    schema: Annotated[str, typer.Option(help="tprogi/1.0 or rgik/1.0.")] = "tprogi/1.0",
    defects: Annotated[
        str | None,
        typer.Option(help="Plant defects: 'all', or rule codes and prefixes separated by commas."),
    ] = None,
    per_rule: Annotated[int, typer.Option(help="Defects planted for each rule.", min=1)] = 3,
) -> None:
    """Write a synthetic inventory; with --defects, also a key that says which row has which.

    Example: `rogi synthetic inventory --count 5000 --seed 1 --defects all -o practice.gpkg`
    """
    from rogi.inventory.write import write_inventory
    from rogi.synthetic.inventory import synthetic_inventory

    made = synthetic_inventory(count, seed, schema)
    if defects is None:
        write_inventory(made, output)
        sys.stdout.write(f"{output}: {count} units, no defects\n")
        return
    from rogi.cli.options import comma_separated
    from rogi.files import write_text
    from rogi.synthetic.defects import plant

    made, key = plant(made, seed=seed, select=comma_separated([defects]), per_rule=per_rule)
    write_inventory(made, output)
    key_path = output.with_name(f"{output.stem}.key.csv")
    write_text(key_path, key.to_csv(index=False, lineterminator="\n"))
    rules = key["code"].nunique()
    sys.stdout.write(f"{output}: {count} units, {len(key)} defects of {rules} rules; key in {key_path}\n")
