"""``rogi release fetch``: a release, downloaded and checked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.common import KEEPS, WRITES
from rogi.cli.guard import Force
from rogi.cli.progress import Progress
from rogi.cli.release.options import Quiet, Releases, stated
from rogi.cli.streams import tell
from rogi.errors import OptionError
from rogi.release.checking.check import check_copy, check_package
from rogi.release.checking.report import document
from rogi.release.publishing.fetch import copy_out, readable
from rogi.release.publishing.fetch import fetch as fetch_record
from rogi.release.publishing.repository import SANDBOX, ZENODO, HttpTransport, Repository
from rogi.report.writers import as_text
from rogi.text import counted


def fetch(
    what: Annotated[
        str, typer.Argument(help="A version with a DOI in releases/, or a DOI or record number.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Copy the files here; default: they stay in the cache."),
        WRITES,
    ] = None,
    releases: Releases = None,
    cache: Annotated[
        Path | None,
        typer.Option(help="Folder of the cache; default ROGI_CACHE, else that of the system."),
        KEEPS,
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use the cache only.")] = False,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="From the sandbox of Zenodo.")] = False,
    server: Annotated[str | None, typer.Option(help="Address of another InvenioRDM repository.")] = None,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not check what came.")] = False,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Download a release with checksums, going on where a download broke off, and check it.

    Examples: `rogi release fetch 1.0 -o data` · `rogi release fetch 10.5281/zenodo.10732042`
    """
    release = stated(what, releases)
    if release is not None and release.doi is None:
        raise OptionError(
            f"{release.name} has no DOI in its release.yaml; give the DOI instead of the version."
        )
    line = Progress(quiet, "MB")
    address = server or (SANDBOX if sandbox else ZENODO)
    fetched = fetch_record(
        release.doi if release is not None and release.doi is not None else what,
        Repository(address, HttpTransport(""), say=line.say),
        release=release,
        cache=cache,
        offline=offline,
        progress=line,
    )
    line.done()
    came = (
        f"{counted(len(fetched.downloaded), 'file')} downloaded"
        if fetched.downloaded
        else "all files from the cache"
    )
    if not quiet:
        tell(f"{fetched.title} {fetched.version} ({fetched.doi}): {came}")
    paths = copy_out(fetched, output) if output is not None else [fetched.folder]
    sys.stdout.write("".join(f"{path}\n" for path in paths))
    if no_check:
        return
    if fetched.package is not None:
        checks = check_package(fetched.package)
    elif release is not None:
        checks = check_copy(readable(fetched.folder), release)
    else:
        tell("the record contains no package of `rogi release build`: only its checksums were compared")
        return

    sys.stderr.write(as_text(document(checks)))
    raise typer.Exit(int(not checks.passed))
