"""``rogi doctor``: what is installed, what works, what is missing and how to get it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.common import WRITES
from rogi.cli.environment import document, imported
from rogi.cli.guard import Force
from rogi.cli.options import format_option
from rogi.report.format import DOCUMENT, chosen


def doctor(
    format: Annotated[str | None, format_option(DOCUMENT, output=True)] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it here, for a report of a fault."), WRITES
    ] = None,
    force: Force = False,
) -> None:
    """What is installed: versions, formats, GPU, optional parts, caches; what is missing and how to get it.

    Exit code 1 if something that rogi needs is broken. No network connection is opened.

    Examples: `rogi doctor` · `rogi doctor --format json`
    """
    kind = chosen(format, output, DOCUMENT)
    found = document()
    writers, _ = imported("rogi.report.writers")
    if writers is None:  # what is broken is what reports are written with
        sys.stdout.write("".join(f"{check.name}: {check.said}: {check.faults}\n" for check in found.checks))
    else:
        writers.write(found, kind, output)
    raise typer.Exit(int(any(check.holds is False for check in found.checks)))
