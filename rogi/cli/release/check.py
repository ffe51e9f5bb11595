"""``rogi release check``: whether a copy is what it says."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.cli.guard import WRITES, Force
from rogi.cli.release.options import Crs, Dialect, Layer, Line, Quiet, Releases, stated
from rogi.errors import OptionError
from rogi.text import as_json

if TYPE_CHECKING:
    from rogi.release.check import Checks


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
    from rogi.release.check import check_copy, check_package
    from rogi.release.model import find_release, read_release
    from rogi.release.previous import is_package

    path = Path(subject)
    line = Line(quiet)
    if not path.exists() and release is None:
        path = _cached(subject, releases)
        release = None if is_package(path) else subject
    if release is None and is_package(path):
        checks = check_package(path, line)
    elif release is None and path.exists():
        raise OptionError(
            f"{subject} has no checksums, so it is no package of `rogi release build`; say what it should be "
            "a copy of, for example --release 1.0."
        )
    else:
        stated = read_release(find_release(release or "", releases))
        checks = check_copy(path, stated, progress=line, layers=tuple(layer or ()), dialect=dialect, crs=crs)
    line.done()
    _print_checks(checks, format, output)
    raise typer.Exit(int(not checks.passed))


def _cached(subject: str, releases: Path | None) -> Path:
    """What was fetched of a version before."""
    from rogi.errors import InputError
    from rogi.release.fetch import cached_package

    release = stated(subject, releases)
    if release is None:
        raise InputError(f"There is no {subject}; name a folder or zip, or a version that was fetched.")
    found = cached_package(release)
    if found is None:
        raise InputError(f"{release.name} is not in the cache; get it with `rogi release fetch {subject}`.")
    return found


def _print_checks(checks: Checks, format: CheckFormat, output: Path | None) -> None:
    from rogi.render.checks import as_dict, as_text

    if format is CheckFormat.JSON or (output is not None and output.suffix == ".json"):
        text = as_json(as_dict(checks), 2)
    else:
        text = as_text(checks)
    if output is None:
        sys.stdout.write(text)
    else:
        from rogi.files import write_text

        write_text(output, text)
