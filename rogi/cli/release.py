"""``rogi release build|diff|check|publish|fetch``: from an inventory to a citable version, and back."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rogi.errors import OptionError

if TYPE_CHECKING:
    from rogi.release.check import Checks
    from rogi.release.model import Release
    from rogi.validation.settings import Settings

app = typer.Typer(
    no_args_is_help=True,
    help="Build, compare, check, publish and fetch releases of an inventory.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class DiffFormat(StrEnum):
    """How a difference is printed."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    CSV = "csv"


class CheckFormat(StrEnum):
    """How checks are printed."""

    TEXT = "text"
    JSON = "json"


class FailOn(StrEnum):
    """What makes `rogi release diff` end with exit code 1."""

    ANY = "any"
    UNITS = "units"
    NEVER = "never"


_Releases = Annotated[
    Path | None,
    typer.Option("--releases", help="Folder of the releases; default: releases/ here, then rogi's."),
]
_Layer = Annotated[list[str] | None, typer.Option("--layer", help="ROLE=PATH[:LAYER]. Repeatable.")]
_Dialect = Annotated[
    str | None, typer.Option("--dialect", help="How columns are named; detected unless given.")
]
_Crs = Annotated[str | None, typer.Option("--crs", help="CRS of files that state none, e.g. EPSG:4326.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr but errors.")]


@app.command()
def build(
    version: Annotated[str, typer.Argument(help="Version with a folder in releases/, or that folder.")],
    inventory: Annotated[
        list[Path], typer.Option("--inventory", "-i", help="The data: a file, folder or zip. Repeatable.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the package; made if need be.")],
    previous: Annotated[
        Path | None, typer.Option(help="The version before: its package, or any copy of it.")
    ] = None,
    releases: _Releases = None,
    accept: Annotated[
        str | None, typer.Option(metavar="REASON", help="Why counts, areas or facts may change this much.")
    ] = None,
    layer: _Layer = None,
    dialect: _Dialect = None,
    crs: _Crs = None,
    config: Annotated[
        Path | None, typer.Option(help="Settings of the validation; default: rogi.toml or [tool.rogi].")
    ] = None,
    no_config: Annotated[bool, typer.Option("--no-config", help="Read no settings file.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a package that is there.")] = False,
    quiet: _Quiet = False,
) -> None:
    """Build a release, if nothing speaks against it: a folder and a zip with data, metadata and reports.

    Exit code 1 if the gate refuses it; then nothing is written.

    Example: `rogi release build 1.1 -i work.gpkg --previous TPRoGI_v1.0.zip -o dist`
    """
    from rogi.inventory.read import read_inventory
    from rogi.release.build import build as build_release
    from rogi.release.build import read_previous
    from rogi.release.gate import GateError
    from rogi.release.model import find_release, read_release

    if accept is not None and not accept.strip():
        raise OptionError("--accept takes the reason, in words; it goes into the package.")
    release = read_release(find_release(version, releases))
    _same_version(version, release)
    before = read_previous(previous) if previous is not None else None
    source = read_inventory(inventory, dialect=dialect, layers=tuple(layer or ()), crs=crs)
    settings = _settings(config, no_config)
    line = _Line(quiet)
    try:
        built = build_release(
            release,
            source,
            output,
            previous=before,
            accept=(accept or "").strip(),
            settings=settings,
            force=force,
            progress=line,
        )
    except GateError as refused:
        line.done()
        sys.stderr.write(f"refused: {refused}\n")
        raise typer.Exit(1) from None
    finally:
        line.done()
    for loss in built.losses:
        sys.stderr.write(f"note: {loss}\n")
    sys.stdout.write(f"{built.folder}\n{built.zip}\n")


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="A package, or any copy of a version: file, folder or zip.")],
    new: Annotated[Path, typer.Argument(help="The other version.")],
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", help="Write it here: .md, .html, .json, .csv, .gpkg, .txt. Repeatable."
        ),
    ] = None,
    format: Annotated[DiffFormat, typer.Option(help="How to print it.")] = DiffFormat.TEXT,
    tombstones: Annotated[
        Path | None, typer.Option(help="Write a draft of the retired IDs here, as CSV for release.yaml.")
    ] = None,
    tolerance: Annotated[
        list[str] | None, typer.Option(help="FIELD=VALUE: differences up to this are none. Repeatable.")
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option(help="Exit code 1 for any change, for units that came or went, or never.")
    ] = FailOn.ANY,
    dialect: _Dialect = None,
    crs: _Crs = None,
    quiet: _Quiet = False,
) -> None:
    """What changed between two versions: units added, removed, refined, split, merged, renamed; values.

    Examples: `rogi release diff TPRoGI_v1.0.zip work.gpkg -o changes.html -o changes.gpkg` ·
    `rogi release diff v1.0/ v1.1/ --format markdown`
    """
    from rogi.files import write_text
    from rogi.release.build import read_previous
    from rogi.release.difference import Tolerances, difference
    from rogi.release.lineage import draft_tombstones
    from rogi.render import release as render

    for path in output or ():
        render.format_of(path)
    if tombstones is not None and tombstones.exists():
        raise OptionError(f"{tombstones} exists, and may hold reasons given by hand; name another file.")
    for path in (*(output or ()), *([tombstones] if tombstones is not None else [])):
        from rogi.cli.options import not_an_input

        not_an_input(path, [old, new], "--output")
    values = _tolerances(tolerance)
    line = _Line(quiet)
    line("reading")
    versions = [read_previous(path, dialect=dialect, crs=crs) for path in (old, new)]
    line("comparing")
    names = _names(versions[0].name, versions[1].name, old, new)
    found = difference(
        versions[0].inventory, versions[1].inventory, tolerances=Tolerances(values=values), names=names
    )
    line.done()
    for path in output or ():
        render.write(found, path)
        sys.stderr.write("" if quiet else f"{path}\n")
    if tombstones is not None:
        write_text(tombstones, draft_tombstones(found))
        sys.stderr.write("" if quiet else f"{tombstones}\n")
    sys.stdout.write(render.as_string(found, render.Format(format.value)))
    structural = any(n for kind, n in found.counts.items() if kind.structural) or bool(found.moved)
    failed = {FailOn.ANY: found.changed, FailOn.UNITS: structural, FailOn.NEVER: False}[fail_on]
    raise typer.Exit(int(failed))


@app.command()
def check(
    subject: Annotated[
        str,
        typer.Argument(help="A package (folder or zip), a version fetched before, or any copy of the data."),
    ],
    release: Annotated[
        str | None,
        typer.Option("--release", help="What a plain copy of the data should be a copy of, e.g. 1.0."),
    ] = None,
    releases: _Releases = None,
    layer: _Layer = None,
    dialect: _Dialect = None,
    crs: _Crs = None,
    format: Annotated[CheckFormat, typer.Option(help="text or json.")] = CheckFormat.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it here, not to stdout.")
    ] = None,
    quiet: _Quiet = False,
) -> None:
    """Verify a copy: checksums, metadata against the data, formats, schema, facts, rules, lineage.

    A copy without checksums, such as two Shapefiles, is checked against the facts of `--release`.

    Examples: `rogi release check TPRoGI_v1.1.zip` · `rogi release check TPRoGI_v1.0/ --release 1.0`
    """
    from rogi.release.build import is_package
    from rogi.release.check import check_copy, check_package
    from rogi.release.model import find_release, read_release

    path = Path(subject)
    line = _Line(quiet)
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

    release = _stated(subject, releases)
    if release is None:
        raise InputError(f"There is no {subject}; name a folder or zip, or a version that was fetched.")
    found = cached_package(release)
    if found is None:
        raise InputError(f"{release.name} is not in the cache; get it with `rogi release fetch {subject}`.")
    return found


def _stated(what: str, releases: Path | None) -> Release | None:
    """The release of a version; None if the text is no version."""
    from rogi.release.model import Version, find_release, read_release

    try:
        Version.parse(what)
    except OptionError:
        return None
    return read_release(find_release(what, releases))


def _same_version(asked: str, release: Release) -> None:
    """Refuse a folder of one version whose release.yaml says another, as after copying it."""
    from rogi.release.model import Version

    try:
        wanted = Version.parse(asked)
    except OptionError:  # a path: whatever it holds is meant
        return
    if wanted != Version.parse(release.version):
        raise OptionError(
            f"The release.yaml of release {asked} says version {release.version}; set it to {asked}."
        )


def _print_checks(checks: Checks, format: CheckFormat, output: Path | None) -> None:
    from rogi.render.checks import as_dict, as_text

    if format is CheckFormat.JSON or (output is not None and output.suffix == ".json"):
        text = json.dumps(as_dict(checks), indent=2, ensure_ascii=False) + "\n"
    else:
        text = as_text(checks)
    if output is None:
        sys.stdout.write(text)
    else:
        from rogi.files import write_text

        write_text(output, text)


def _tolerances(items: list[str] | None) -> dict[str, float]:
    from rogi.cli.options import pairs

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


def _settings(config: Path | None, no_config: bool) -> Settings:
    from rogi.validation.settings import Settings, find_settings_file, load_settings

    if config is not None and no_config:
        raise OptionError("--config and --no-config exclude each other; give one of them.")
    path = None if no_config else (config or find_settings_file(Path.cwd()))
    return load_settings(path) if path is not None else Settings()


class _Line:
    """What is being done, on stderr: a line that renews itself on a terminal, else nothing."""

    def __init__(self, quiet: bool) -> None:
        self._shown = sys.stderr.isatty() and not quiet

    def __call__(self, what: str) -> None:
        if self._shown:
            sys.stderr.write(f"\r\x1b[K{what} ...")
            sys.stderr.flush()

    def done(self) -> None:
        """Clear the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@app.command()
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
    quiet: _Quiet = False,
) -> None:
    """Upload a package as a draft with a reserved DOI; publish it as a second step.

    Without --publish a draft is made, or the one made before is completed, and left for you to look at. The
    token is taken from ZENODO_SANDBOX_TOKEN, with --production from ZENODO_TOKEN, or from the keyring.

    Examples: `rogi release publish dist/TPRoGI_v1.1 --new-version-of 10.5072/zenodo.123` ·
    `rogi release publish dist/TPRoGI_v1.1 --publish`
    """
    from rogi.release import publish as publishing
    from rogi.release.repository import SANDBOX, ZENODO, HttpTransport, Repository, token_for

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
    say = _Say(quiet)
    if dry_run:
        from rogi.release.rehearsal import rehearse

        sys.stdout.write(rehearse(folder, address, version_of=new_version_of, publish=publish_draft))
        return
    repository = Repository(address, HttpTransport(token_for(sandbox=not production)), say=say)
    if discard:
        number = publishing.discard(folder, repository)
        sys.stdout.write(f"discarded draft {number}\n" if number else "there is no draft of this package\n")
        return
    if publish_draft:
        release = publishing.read_package(folder)
        if not yes and not typer.confirm(
            f"Publish {release.name} at {address} with the DOI {release.doi}? This cannot be undone."
        ):
            sys.stderr.write("not published; the draft is as it was\n")
            raise typer.Exit(1)
        made = publishing.publish(folder, repository, say=say)
        sys.stdout.write(f"published {made.address}\nhttps://doi.org/{made.doi}\n")
        return
    if (
        publishing.read_package(folder).previous is not None
        and new_version_of is None
        and not new_record
        and adopt is None
    ):
        raise OptionError(
            "This release has a version before; name its record with --new-version-of DOI, or say "
            "--new-record."
        )
    draft = publishing.prepare(
        folder,
        repository,
        version_of=new_version_of,
        adopt=adopt,
        other_title=other_title,
        say=say,
        progress=say.upload,
    )
    say.done()
    if draft.published:
        sys.stdout.write(f"published before: {draft.address}\nhttps://doi.org/{draft.doi}\n")
        return
    sys.stdout.write(f"draft {draft.address}\nreserved DOI {draft.doi}\n")
    sys.stderr.write(
        "Look at the draft, then run the same command with --publish; --discard deletes it. Until then it "
        "stays.\n"
    )


@app.command()
def fetch(
    what: Annotated[
        str, typer.Argument(help="A version with a DOI in releases/, or a DOI or record number.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Copy the files here; default: they stay in the cache."),
    ] = None,
    releases: _Releases = None,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of the cache; default ROGI_CACHE, else that of the system.")
    ] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Use the cache only.")] = False,
    sandbox: Annotated[bool, typer.Option("--sandbox", help="From the sandbox of Zenodo.")] = False,
    server: Annotated[str | None, typer.Option(help="Address of another InvenioRDM repository.")] = None,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not check what came.")] = False,
    quiet: _Quiet = False,
) -> None:
    """Download a release with checksums, going on where a download broke off, and check it.

    Examples: `rogi release fetch 1.0 -o data` · `rogi release fetch 10.5281/zenodo.10732042`
    """
    from rogi.release.check import check_copy, check_package
    from rogi.release.fetch import copy_out, readable
    from rogi.release.fetch import fetch as fetch_record
    from rogi.release.repository import SANDBOX, ZENODO, HttpTransport, Repository

    release = _stated(what, releases)
    if release is not None and release.doi is None:
        raise OptionError(
            f"{release.name} has no DOI in its release.yaml; give the DOI instead of the version."
        )
    say = _Say(quiet)
    address = server or (SANDBOX if sandbox else ZENODO)
    fetched = fetch_record(
        release.doi if release is not None and release.doi is not None else what,
        Repository(address, HttpTransport(""), say=say),
        release=release,
        cache=cache,
        offline=offline,
        progress=say.upload,
    )
    say.done()
    came = f"{len(fetched.downloaded)} files downloaded" if fetched.downloaded else "all files from the cache"
    sys.stderr.write("" if quiet else f"{fetched.title} {fetched.version} ({fetched.doi}): {came}\n")
    paths = copy_out(fetched, output) if output is not None else [fetched.folder]
    sys.stdout.write("".join(f"{path}\n" for path in paths))
    if no_check:
        return
    if fetched.package is not None:
        checks = check_package(fetched.package)
    elif release is not None:
        checks = check_copy(readable(fetched.folder), release)
    else:
        sys.stderr.write(
            "the record holds no package of `rogi release build`; only its checksums were compared\n"
        )
        return
    from rogi.render.checks import as_text

    sys.stderr.write(as_text(checks))
    raise typer.Exit(int(not checks.passed))


class _Say:
    """What is done, on stderr, and the bytes of a transfer where stderr is a terminal."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()

    def __call__(self, text: str) -> None:
        if not self._quiet:
            self.done()
            sys.stderr.write(f"{text}\n")

    def upload(self, name: str, done: int, size: int) -> None:
        """One line that renews itself."""
        if self._terminal and not self._quiet:
            share = 100 * done / size if size else 100.0
            sys.stderr.write(f"\r\x1b[K{name}: {done / 1e6:,.1f} of {size / 1e6:,.1f} MB ({share:.0f} %)")
            sys.stderr.flush()

    def done(self) -> None:
        """Clear the line."""
        if self._terminal and not self._quiet:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
