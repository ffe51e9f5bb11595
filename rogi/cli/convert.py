"""``rogi convert``: an inventory in another format or under another schema."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.cli.common import WRITES
from rogi.cli.guard import Force
from rogi.cli.options import format_option
from rogi.errors import OptionError
from rogi.inventory.convert import convert as convert_inventory
from rogi.inventory.loss import LossKind
from rogi.inventory.read import read_inventory
from rogi.inventory.write import WriteFormat, write_inventory
from rogi.report.format import Format, chosen
from rogi.text import as_json, printable, sheet_text

if TYPE_CHECKING:
    from rogi.inventory.loss import Loss
    from rogi.inventory.model import Inventory

FORMATS = (Format.TEXT, Format.JSON, Format.CSV)


def _last_of(ctx: typer.Context, output: Path | None) -> Path | None:
    """The output, by default the last of several arguments, which is then no input."""
    sources: list[Path] = ctx.params.get("sources") or []
    if output is None and len(sources) > 1:
        *ctx.params["sources"], output = sources
    return output


def convert(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="INVENTORY",
            help="A file, folder or zip archive; or several files that make one inventory.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            callback=_last_of,
            help="File to write (.gpkg, .parquet, .fgb, .shp, .csv, .geojson, .kml, .xlsx), or a folder with "
            "a file per layer; default: the last of the arguments.",
        ),
        WRITES,
    ] = None,
    to_schema: Annotated[
        str | None, typer.Option(help="Schema to map to; default that of the input. See `rogi schema list`.")
    ] = None,
    to_format: Annotated[
        str | None,
        typer.Option(help=f"Format; default by the suffix of --output: {', '.join(WriteFormat)}."),
    ] = None,
    to_crs: Annotated[
        str | None, typer.Option(help="Bring all layers into this CRS, e.g. EPSG:4326; default as they are.")
    ] = None,
    drop_extra: Annotated[
        bool, typer.Option("--drop-extra", help="Leave out columns the schema has no field for.")
    ] = False,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="ROLE=PATH[:LAYER], where rogi does not find the layers itself. Repeatable."),
    ] = None,
    dialect: Annotated[str | None, typer.Option(help="How columns are named; detected unless given.")] = None,
    crs: Annotated[str | None, typer.Option(help="CRS of inputs that state none, e.g. EPSG:2056.")] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="Spreadsheet or CSV file of attributes, joined to the outlines by ID."),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of Shapefiles and CSV files that state none or a wrong one.")
    ] = None,
    format: Annotated[str | None, format_option(FORMATS)] = None,
    force: Force = False,
) -> None:
    """Write an inventory in another format, or under another schema, and count what is lost.

    Columns get the names of the schema, values its terms and units. IDs and geometries stay as they are.

    Examples: `rogi convert TPRoGI_v1.0/ -o tprogi.gpkg` · `rogi convert outlines.geojson markers.csv -o
    all.gpkg` · `rogi convert swiss.gpkg -o out.gpkg --to-schema rgik --to-crs EPSG:4326`
    """
    if output is None:
        raise OptionError("rogi convert writes a new file; say where with -o FILE.")
    kind = chosen(format, None, FORMATS)
    inventory = read_inventory(
        sources, dialect=dialect, layers=tuple(layer or ()), crs=crs, encoding=encoding, table=table
    )
    conversion = convert_inventory(inventory, to_schema, crs=to_crs, keep_extra=not drop_extra)
    written = write_inventory(conversion.inventory, output, format=to_format)
    losses = (*conversion.losses, *written.losses)
    _print(inventory, conversion.inventory, written.paths, losses, conversion.notes, kind)


def _print(
    before: Inventory,
    after: Inventory,
    paths: tuple[Path, ...],
    losses: tuple[Loss, ...],
    converted: tuple[str, ...],
    format: Format,
) -> None:
    if format is Format.JSON:
        content = {
            "paths": [str(path) for path in paths],
            "schema": after.schema.id,
            "dialect": before.dialect.name,
            "dialect_reason": before.dialect_reason,
            "layers": [
                {"role": layer.role.value, "name": layer.name, "features": len(layer)}
                for layer in after.layers
            ],
            "notes": [*_notes(before), *converted],
            "losses": [asdict(loss) for loss in losses],
        }
        sys.stdout.write(as_json(content, 2))
        return
    if format is Format.CSV:
        rows = [[x.layer, x.column, x.kind.value, x.count, x.detail] for x in losses]
        shown = [[printable(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
        sys.stdout.write(sheet_text(["layer", "column", "kind", "features", "detail"], shown))
        return
    lines = [f"{', '.join(str(path) for path in paths)}: {after.schema.id}"]
    lines.append(f"read as {before.dialect.name} ({before.dialect_reason})")
    lines += [f"  {layer.name}: {len(layer):,} {layer.role.title}" for layer in after.layers]
    if notes := _notes(before):
        lines += ["notes on reading:", *(f"  {note}" for note in notes)]
    if converted:
        lines += ["values:", *(f"  {note}" for note in converted)]
    lines += ["lost or changed:", *_loss_lines(losses)] if losses else ["nothing was lost"]
    sys.stdout.write("".join(f"{printable(line)}\n" for line in lines))


def _notes(inventory: Inventory) -> list[str]:
    """What reading said."""
    return [*inventory.notes, *(f"{x.name}: {note}" for x in inventory.layers for note in x.notes)]


def _loss_lines(losses: tuple[Loss, ...]) -> list[str]:
    """One line for each loss, but one for all columns of a layer that are merely kept as they are."""
    kept: dict[str, list[str]] = {}
    lines = []
    for loss in losses:
        if loss.kind in (LossKind.COLUMN_WITHOUT_MEANING, LossKind.COLUMN_LEFT_OUT):
            kept.setdefault(f"{loss.layer}: {loss.kind.value}", []).append(loss.column)
        else:
            lines.append(f"  {loss}")
    return lines + [f"  {what}: {', '.join(columns)}" for what, columns in kept.items()]
