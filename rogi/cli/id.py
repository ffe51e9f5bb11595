"""``rogi id make|parse|repair``: primary IDs from positions, and back."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.cli.common import WRITES
from rogi.cli.guard import App, Force
from rogi.cli.options import format_option
from rogi.cli.streams import tell
from rogi.errors import InputError, OptionError
from rogi.files import write_text
from rogi.report.format import Format, chosen
from rogi.text import as_json, printable

if TYPE_CHECKING:
    from rogi.inventory.id_sources import IdSource

app = App(
    help="Make, read and repair primary IDs such as RGU384455N1092526W.",
)

VECTOR_ENDINGS = (".gpkg", ".shp", ".fgb", ".parquet", ".geojson", ".kml", ".kmz")
# Longitudes west of Greenwich begin like an option.
_NEGATIVE_NUMBERS = {"ignore_unknown_options": True}


class Prefix(StrEnum):
    """What an ID stands for."""

    RGU = "RGU"
    RGS = "RGS"


class At(StrEnum):
    """The point that stands for an outline."""

    AUTO = "auto"
    CENTROID = "centroid"
    INSIDE = "inside"


_Items = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ITEM]...", help="Values, or one file (CSV or any vector file); - or none: stdin."
    ),
]
FORMATS = (Format.TEXT, Format.JSON, Format.CSV)
_Format = Annotated[str | None, format_option(FORMATS, output=True)]
_Output = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write; default stdout."), WRITES
]
_Column = Annotated[str | None, typer.Option(help="Column of the IDs; found by its name unless given.")]
_LayerOption = Annotated[
    list[str] | None, typer.Option(help="ROLE=PATH[:LAYER], where rogi does not find the layer itself.")
]
_Crs = Annotated[str | None, typer.Option(help="CRS of a file that states none, e.g. EPSG:4326.")]
_At = Annotated[
    At,
    typer.Option(
        help="Point of an outline: centroid, inside, or auto (the centroid if inside, else inside)."
    ),
]


@app.command(context_settings=_NEGATIVE_NUMBERS)
def make(
    items: _Items = None,
    prefix: Annotated[Prefix, typer.Option(help="RGU for units, RGS for systems.")] = Prefix.RGU,
    at: _At = At.AUTO,
    layer: _LayerOption = None,
    crs: _Crs = None,
    format: _Format = None,
    output: _Output = None,
    force: Force = False,
) -> None:
    """Make primary IDs from longitudes and latitudes, or from the features of a file.

    Examples: `rogi id make 97.24263 28.15273` · `rogi id make -109.2526,38.4455` ·
    `rogi id make outlines.gpkg --format csv`
    """
    from rogi.inventory import id_sources
    from rogi.inventory.ids.primary_id import make as make_ids

    file = _file(items, layer)
    if file is not None or layer:
        source = id_sources.from_file(file, layers=tuple(layer or ()), crs=crs, place=at.value)
    else:
        texts = _texts(items)
        source = id_sources.from_numbers(texts if len(items or ()) < 2 else [" ".join(texts)])
    if source.longitude is None or source.latitude is None:
        raise InputError(f"{file} has no positions; give longitudes and latitudes, or a vector file.")
    ids = make_ids(source.longitude, source.latitude, prefix.value)
    columns: dict[str, Iterable[object]] = {
        "row": source.row,
        "id": ids,
        "longitude": source.longitude,
        "latitude": source.latitude,
    }
    _write(columns, ["id"], format, output)
    _end(sum(i is None for i in ids), len(ids), "have no position, or one that is not on Earth")


@app.command()
def parse(
    items: _Items = None,
    column: _Column = None,
    layer: _LayerOption = None,
    format: _Format = None,
    output: _Output = None,
    force: Force = False,
) -> None:
    """Read primary IDs in any form and say which form it is.

    Of a file, positions decide where digits can be read in several ways. Exit code 1 if one is missing,
    cannot be read, or is out of range.

    Example: `rogi id parse RGU384455N1092526W RGU76723E46181N`
    """
    from rogi.inventory.ids import primary_id

    source = _id_source(items, column, layer, None, "auto")
    ids = primary_id.parse(source.text)
    if source.longitude is not None and source.latitude is not None:
        ids = primary_id.resolve(ids, source.longitude, source.latitude)
    columns: dict[str, Iterable[object]] = {
        "row": source.row,
        "text": ids.text,
        "form": [form.value for form in ids.form],
        "prefix": ids.prefix,
        "latitude": ids.latitude,
        "longitude": ids.longitude,
        "canonical": ids.canonical,
        "ambiguous": ids.ambiguous,
        "in_range": ids.in_range,
    }
    _write(columns, ["text", "form", "prefix", "latitude", "longitude", "canonical"], format, output)
    if guessed := int(ids.ambiguous.sum()):
        sys.stderr.write(f"{guessed:,} of {len(ids):,} can be read in several ways; the likeliest is shown\n")
    _end(int((~ids.in_range).sum()), len(ids), "are missing, cannot be read, or are out of range")


@app.command()
def repair(
    items: _Items = None,
    column: _Column = None,
    by_position: Annotated[
        bool,
        typer.Option(
            "--by-position/--by-text",
            help="Let positions in the file decide where the text has lost something or contradicts them.",
        ),
    ] = True,
    tolerance: Annotated[
        float, typer.Option(help="Distance at which an ID keeps its numbers, in 1e-4 degree.", min=0.0)
    ] = 2.0,
    prefix: Annotated[Prefix, typer.Option(help="For IDs whose prefix cannot be read.")] = Prefix.RGU,
    at: _At = At.AUTO,
    layer: _LayerOption = None,
    crs: _Crs = None,
    format: _Format = None,
    output: _Output = None,
    force: Force = False,
) -> None:
    """Bring primary IDs into the form of 18 characters; positions of markers decide what the text has lost.

    Positions are used if the file has markers or columns of longitude and latitude. Of a file of outlines
    only the texts are used, as an ID is that of the marker. Exit code 1 if one cannot be repaired.

    Examples: `rogi id repair RGU465071N084471E` · `rogi id repair markers.gpkg --format csv -o ids.csv`
    """
    from rogi.inventory.ids.repair import repair as repair_ids

    source = _id_source(items, column, layer, crs, at.value)
    use = by_position and source.of_markers
    fixed = repair_ids(
        source.text,
        source.longitude if use else None,
        source.latitude if use else None,
        tolerance=tolerance,
        prefix=prefix.value,
    )
    columns: dict[str, Iterable[object]] = {
        "row": source.row,
        "text": fixed.parsed.text,
        "id": fixed.text,
        "method": [method.value for method in fixed.method],
    }
    _write(columns, ["text", "id", "method"], format, output)
    _end(sum(m == "none" for m in fixed.method), len(fixed.text), "could not be repaired")


def _id_source(
    items: Sequence[str] | None,
    column: str | None,
    layer: Sequence[str] | None,
    crs: str | None,
    place: str,
) -> IdSource:
    from rogi.inventory import id_sources

    file = _file(items, layer)
    if file is not None or layer:
        return id_sources.from_file(
            file, column=column, layers=tuple(layer or ()), crs=crs, place=place, ids=True
        )
    if column is not None:
        raise OptionError("--column names a column of a file; give a file, or leave it out.")
    return id_sources.from_texts(_texts(items))


def _file(items: Sequence[str] | None, layer: Sequence[str] | None) -> Path | None:
    """The one item, where it names a file or folder."""
    if not items or len(items) != 1 or items[0] == "-":
        return None
    path = Path(items[0])
    if path.exists():
        return path
    if path.suffix.casefold() in (
        ".gpkg",
        ".shp",
        ".csv",
        ".zip",
        ".geojson",
        ".parquet",
        ".fgb",
        ".kml",
        ".kmz",
    ):
        raise InputError(f"{path} does not exist; check the spelling and the folder.")
    if items[0].startswith("--"):
        raise OptionError(f"There is no option {items[0]!r}; `rogi id --help` lists them.")
    return None


def _texts(items: Sequence[str] | None) -> list[str]:
    for item in items or ():
        if item.startswith("--"):
            raise OptionError(f"There is no option {item!r}; `rogi id --help` lists them.")
    if items and list(items) != ["-"]:
        return list(items)
    if sys.stdin.isatty():
        raise OptionError("There is nothing to read; give values, a file, or text on standard input.")
    return sys.stdin.read().splitlines()


def _write(
    columns: Mapping[str, Iterable[object]],
    shown: Sequence[str],
    format: str | None,
    output: Path | None,
) -> None:
    """A table: as text its chosen columns, one line for each row; by default as the output is named."""
    if output is not None and output.suffix.lower() in VECTOR_ENDINGS:
        raise OptionError(
            f"The result is a list, text, CSV or JSON, not {output.suffix}: name another file, or let "
            "`rogi attributes FILE --fields ID -o NEW` fill the column."
        )

    kind = chosen(format, output, FORMATS)
    plain = {name: [_plain(value) for value in values] for name, values in columns.items()}
    rows = list(zip(*plain.values(), strict=True))
    if kind is Format.JSON:
        records = [dict(zip(plain, row, strict=True)) for row in rows]
        text = as_json(records, 1)
    elif kind is Format.CSV:
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(plain)
        writer.writerows(["" if value is None else value for value in row] for row in rows)
        text = stream.getvalue()
    else:
        cells = [["" if v is None else printable(str(v)) for v in plain[name]] for name in shown]
        widths = [max(map(len, column), default=0) for column in cells]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in zip(*cells, strict=True)
        ]
        text = "".join(f"{line}\n" for line in lines)
    if output is None:
        sys.stdout.write(text)
        return

    write_text(output, text)


def _plain(value: object) -> object:
    """A value JSON has: no numpy types, no NaN."""
    item = getattr(value, "item", None)
    if callable(item):
        value = item()
    return None if isinstance(value, float) and value != value else value


def _end(failed: int, total: int, what: str) -> None:
    if failed:
        tell(f"{failed:,} of {total:,} {what}")
        raise typer.Exit(1)
