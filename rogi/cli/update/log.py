"""``rogi update log``: the life of one unit over versions."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.options import format_option
from rogi.report.format import Format, chosen
from rogi.text import as_json
from rogi.update.applying.log import life, read_history
from rogi.update.status_report import life_text

FORMATS = (Format.TEXT, Format.JSON)


def log(
    unit: Annotated[str, typer.Argument(metavar="ID", help="Primary ID of any version.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="lineage.csv, folders .update, release packages, or folders with these; default: here."
        ),
    ] = None,
    format: Annotated[str | None, format_option(FORMATS)] = None,
) -> None:
    """The life of one unit over versions: every operation on it, where it came from and what it went into.

    Examples: `rogi update log RGU281527N0972426E` · `rogi update log RGU281527N0972426E v1.1.update
    v1.2.update TPRoGI_v1.0/`
    """
    kind = chosen(format, None, FORMATS)
    found = life(unit.strip(), read_history(files or [Path()]))
    if kind is Format.JSON:
        sys.stdout.write(as_json(asdict(found), 1))
    else:
        sys.stdout.write(life_text(found))
