"""``rogi release check``: whether a copy is what it says."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.cli.guard import WRITES, Force
from rogi.cli.release.options import Crs, Dialect, Layer, Line, Quiet, Releases
from rogi.files import write_text
from rogi.release.checking.report import as_dict, as_text
from rogi.release.named import check_named
from rogi.text import as_json

if TYPE_CHECKING:
    from rogi.release.checking.check import Checks


class CheckFormat(StrEnum):
    """How checks are printed."""

    TEXT = "text"
    JSON = "json"


def check(
    subject: Annotated[
        str,
        typer.Argument(help="A package (folder or zip), a version fetched before, or any copy of the data."),
    ],
    release: Annotated[
        str | None,
        typer.Option("--release", help="What a plain copy of the data should be a copy of, e.g. 1.0."),
    ] = None,
    releases: Releases = None,
    layer: Layer = None,
    dialect: Dialect = None,
    crs: Crs = None,
    format: Annotated[CheckFormat, typer.Option(help="text or json.")] = CheckFormat.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it here, not to stdout."), WRITES
    ] = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Verify a copy: checksums, metadata against the data, formats, schema, facts, rules, lineage.

    A copy without checksums, such as two Shapefiles, is checked against the facts of `--release`.

    Examples: `rogi release check TPRoGI_v1.1.zip` · `rogi release check TPRoGI_v1.0/ --release 1.0`
    """
    line = Line(quiet)
    options = {"layers": tuple(layer or ()), "dialect": dialect, "crs": crs}
    checks = check_named(subject, release, releases, progress=line, **options)
    line.done()
    _print_checks(checks, format, output)
    raise typer.Exit(int(not checks.passed))


def _print_checks(checks: Checks, format: CheckFormat, output: Path | None) -> None:
    if format is CheckFormat.JSON or (output is not None and output.suffix == ".json"):
        text = as_json(as_dict(checks), 2)
    else:
        text = as_text(checks)
    if output is None:
        sys.stdout.write(text)
    else:
        write_text(output, text)
