"""``rogi release diff``: what changed between two versions."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.common import WRITES
from rogi.cli.guard import Force
from rogi.cli.options import Backdrop, check_backdrop, format_option, pairs
from rogi.cli.progress import Progress
from rogi.cli.release.options import Crs, Dialect, Layer, Quiet
from rogi.cli.streams import tell
from rogi.errors import OptionError
from rogi.files import write_text
from rogi.inventory.read import layers_for
from rogi.release.differences.difference import Tolerances, difference
from rogi.release.differences.lineage import draft_tombstones
from rogi.release.differences.report import FORMATS, write
from rogi.release.previous import read_previous
from rogi.report.format import all_chosen


class FailOn(StrEnum):
    """What makes `rogi release diff` end with exit code 1."""

    ANY = "any"
    UNITS = "units"
    NEVER = "never"


def diff(
    old: Annotated[Path, typer.Argument(help="A package, or any copy of a version: file, folder or zip.")],
    new: Annotated[Path, typer.Argument(help="The other version.")],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", help="Write it here: .md, .html, .json, .csv, .gpkg, .txt. Repeatable."
        ),
        WRITES,
    ] = None,
    dem: Backdrop = None,
    format: Annotated[list[str] | None, format_option(FORMATS, repeated=True)] = None,
    tombstones: Annotated[
        Path | None,
        typer.Option(help="Write a draft of the retired IDs here, as CSV for release.yaml."),
        WRITES,
    ] = None,
    tolerance: Annotated[
        list[str] | None, typer.Option(help="FIELD=VALUE: differences up to this are none. Repeatable.")
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option(help="Exit code 1 for any change, for units that came or went, or never.")
    ] = FailOn.ANY,
    layer: Layer = None,
    dialect: Dialect = None,
    crs: Crs = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """What changed between two versions: units added, removed, refined, split, merged, renamed; values.

    Examples: `rogi release diff TPRoGI_v1.0.zip work.gpkg -o changes.html -o changes.gpkg` ·
    `rogi release diff v1.0/ v1.1/ --format markdown`
    """
    outputs = all_chosen(list(format or ()), list(output or ()), FORMATS)
    check_backdrop(dem, outputs)
    values = _tolerances(tolerance)
    line = Progress(quiet)
    line("reading")
    versions = [
        read_previous(path, dialect=dialect, crs=crs, layers=layers_for(path, layer or (), (old, new)))
        for path in (old, new)
    ]
    line("comparing")
    names = _names(versions[0].name, versions[1].name, old, new)
    found = difference(
        versions[0].inventory, versions[1].inventory, tolerances=Tolerances(values=values), names=names
    )
    line.done()
    for kind, path in outputs:
        write(found, kind, path, dem or ())
        if path is not None and not quiet:
            tell(f"{path}")
    if tombstones is not None:
        write_text(tombstones, draft_tombstones(found))
        if not quiet:
            tell(f"{tombstones}")
    structural = any(n for kind, n in found.counts.items() if kind.structural) or bool(found.moved)
    failed = {FailOn.ANY: found.changed, FailOn.UNITS: structural, FailOn.NEVER: False}[fail_on]
    raise typer.Exit(int(failed))


def _tolerances(items: list[str] | None) -> dict[str, float]:
    out = {}
    for name, text in pairs(items, "--tolerance", "elevation_mean=0.5").items():
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise OptionError(f"--tolerance {name} is a number of 0 or more, found {text!r}.")
        out[name] = value
    return out


def _names(one: str, other: str, old: Path, new: Path) -> tuple[str, str]:
    """Short names, unless both are the same."""
    return (one, other) if one != other else (str(old), str(new))
