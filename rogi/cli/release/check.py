"""``rogi release check``: whether a copy is what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.common import WRITES
from rogi.cli.guard import Force
from rogi.cli.options import format_option
from rogi.cli.progress import Progress
from rogi.cli.release.options import Crs, Dialect, Layer, Quiet, Releases
from rogi.release.checking.report import document
from rogi.release.named import check_named
from rogi.report.format import DOCUMENT, chosen
from rogi.report.writers import write


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
    format: Annotated[str | None, format_option(DOCUMENT, output=True)] = None,
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
    kind = chosen(format, output, DOCUMENT)
    line = Progress(quiet)
    options = {"layers": tuple(layer or ()), "dialect": dialect, "crs": crs}
    checks = check_named(subject, release, releases, progress=line, **options)
    line.done()
    write(document(checks), kind, output)
    raise typer.Exit(int(not checks.passed))
