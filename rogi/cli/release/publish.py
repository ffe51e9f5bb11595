"""``rogi release publish``: a package becomes a draft, and the draft a record."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.progress import Progress
from rogi.cli.release.options import Quiet
from rogi.cli.streams import confirmed, tell
from rogi.errors import OptionError
from rogi.release.publishing import publish as publishing
from rogi.release.publishing.rehearsal import rehearse
from rogi.release.publishing.repository import SANDBOX, ZENODO, HttpTransport, Repository, token_for


def publish(
    folder: Annotated[Path, typer.Argument(help="The package that `rogi release build` made.")],
    production: Annotated[
        bool,
        typer.Option("--production/--sandbox", help="Zenodo itself, or its sandbox for trials (default)."),
    ] = False,
    new_version_of: Annotated[
        str | None, typer.Option(metavar="DOI", help="Your record that this is the next version of.")
    ] = None,
    new_record: Annotated[
        bool, typer.Option("--new-record", help="A record of its own, though there is a version before.")
    ] = False,
    publish_draft: Annotated[
        bool, typer.Option("--publish", help="Publish the draft that was uploaded before. Cannot be undone.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before publishing.")] = False,
    discard: Annotated[bool, typer.Option("--discard", help="Delete the draft of this package.")] = False,
    adopt: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Take this draft of yours, begun elsewhere.")
    ] = None,
    other_title: Annotated[
        bool, typer.Option("--other-title", help="The record before has another title, and is meant.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print every request, send none.")] = False,
    server: Annotated[
        str | None, typer.Option(help="Address of another InvenioRDM repository than Zenodo.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Upload a package as a draft with a reserved DOI; publish it as a second step.

    Without --publish a draft is made, or the one made before is completed, and left for you to look at. The
    token is taken from ZENODO_SANDBOX_TOKEN, with --production from ZENODO_TOKEN, or from the keyring.

    Examples: `rogi release publish dist/TPRoGI_v1.1 --new-version-of 10.5072/zenodo.123` ·
    `rogi release publish dist/TPRoGI_v1.1 --publish`
    """
    chosen = [
        name
        for name, on in (("--publish", publish_draft), ("--discard", discard), ("--dry-run", dry_run))
        if on
    ]
    if len(chosen) > 1 and chosen != ["--publish", "--dry-run"]:
        raise OptionError(f"{' and '.join(chosen)} exclude each other; give one of them.")
    if new_record and new_version_of is not None:
        raise OptionError("--new-record and --new-version-of exclude each other; give one of them.")
    address = server or (ZENODO if production else SANDBOX)
    line = Progress(quiet, "MB")
    token = "" if dry_run else token_for(sandbox=not production)
    if (
        not (discard or publish_draft or new_record)
        and new_version_of is None
        and adopt is None
        and publishing.read_package(folder).previous is not None
    ):
        raise OptionError(
            "This release has a version before; name its record with --new-version-of DOI, or add "
            "--new-record."
        )
    if dry_run:
        sys.stdout.write(
            rehearse(folder, address, version_of=new_version_of, adopt=adopt, publish=publish_draft)
        )
        return
    repository = Repository(address, HttpTransport(token), say=line.say)
    if discard:
        number = publishing.discard(folder, repository)
        sys.stdout.write(f"discarded draft {number}\n" if number else "there is no draft of this package\n")
        return
    if publish_draft:
        release = publishing.read_package(folder)
        if not yes and not confirmed(
            f"Publish {release.name} at {address} with the DOI {release.doi}? This cannot be undone.",
            f"{release.name} was not published: nobody answered. Add --yes where nobody "
            "can answer, as in CI.",
        ):
            tell("not published; the draft is as it was")
            raise typer.Exit(1)
        made = publishing.publish(folder, repository, say=line.say)
        sys.stdout.write(f"published {made.address}\nhttps://doi.org/{made.doi}\n")
        return
    draft = publishing.prepare(
        folder,
        repository,
        version_of=new_version_of,
        adopt=adopt,
        other_title=other_title,
        say=line.say,
        progress=line,
    )
    line.done()
    if draft.published:
        sys.stdout.write(f"published before: {draft.address}\nhttps://doi.org/{draft.doi}\n")
        return
    sys.stdout.write(f"draft {draft.address}\nreserved DOI {draft.doi}\n")
    tell(
        "Look at the draft, then run the same command with --publish; --discard deletes it. Until then it "
        "stays."
    )
