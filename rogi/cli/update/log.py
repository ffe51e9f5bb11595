"""``rogi update log``: the life of one unit over versions."""

from __future__ import annotations

import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rogi.text import as_json
from rogi.update.applying.log import life, read_history
from rogi.update.status_report import life_text


class LogFormat(StrEnum):
    """How the life of a unit is printed."""

    TEXT = "text"
    JSON = "json"


def log(
    unit: Annotated[str, typer.Argument(metavar="ID", help="Primary ID of any version.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="lineage.csv, folders .update, release packages, or folders with these; default: here."
        ),
    ] = None,
    format: Annotated[LogFormat, typer.Option(help="text or json.")] = LogFormat.TEXT,
) -> None:
    """The life of one unit over versions: every operation on it, where it came from and what it went into.

    Examples: `rogi update log RGU281527N0972426E` · `rogi update log RGU281527N0972426E v1.1.update
    v1.2.update TPRoGI_v1.0/`
    """
    found = life(unit.strip(), read_history(files or [Path()]))
    if format is LogFormat.JSON:
        sys.stdout.write(as_json(asdict(found), 1))
    else:
        sys.stdout.write(life_text(found))
