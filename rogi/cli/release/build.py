"""``rogi release build``: from an inventory to a package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rogi.cli.common import KEEPS
from rogi.cli.progress import Progress
from rogi.cli.release.options import Crs, Dialect, Layer, Quiet, Releases
from rogi.cli.streams import tell
from rogi.errors import OptionError
from rogi.inventory.read import read_inventory
from rogi.release.build import build as build_release
from rogi.release.gate.gate import GateError
from rogi.release.named import release_named
from rogi.release.previous import read_previous
from rogi.validation.settings import Profile, Settings, find_settings_file, load_settings


def build(
    version: Annotated[str, typer.Argument(help="Version with a folder in releases/, or that folder.")],
    inventory: Annotated[
        list[Path], typer.Option("--inventory", "-i", help="The data: a file, folder or zip. Repeatable.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the package; made if need be."), KEEPS
    ],
    previous: Annotated[
        Path | None, typer.Option(help="The version before: its package, or any copy of it.")
    ] = None,
    releases: Releases = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE=REASON", help="Why a refusal of the gate is meant. Repeatable."),
    ] = None,
    layer: Layer = None,
    dialect: Dialect = None,
    crs: Crs = None,
    config: Annotated[
        Path | None, typer.Option(help="File with waivers; default: rogi.toml or [tool.rogi].")
    ] = None,
    no_config: Annotated[bool, typer.Option("--no-config", help="Read no settings file.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a package that is there.")] = False,
    quiet: Quiet = False,
) -> None:
    """Build a release, if nothing speaks against it: a folder and a zip with data, metadata and reports.

    Exit code 1 if the gate refuses it; then nothing is written.

    Example: `rogi release build 1.1 -i work.gpkg --previous TPRoGI_v1.0.zip -o dist`
    """
    reasons = _reasons(accept or [])
    release = release_named(version, releases)
    before = read_previous(previous) if previous is not None else None
    settings = _settings(config, no_config)
    if unused := _unused(settings):
        tell(f"note: a release is checked by all rules as they are; not used of the settings: {unused}")
    line = Progress(quiet)
    try:
        built = build_release(
            release,
            # no name of it here: `build` frees it when the package has its own
            read_inventory(inventory, dialect=dialect, layers=tuple(layer or ()), crs=crs),
            output,
            previous=before,
            accept=reasons,
            waivers=settings.waivers,
            force=force,
            progress=line,
        )
    except GateError as refused:
        line.done()
        for line_of in f"refused: {refused}".splitlines():
            tell(line_of)
        raise typer.Exit(1) from None
    finally:
        line.done()
    for loss in built.losses:
        tell(f"note: {loss}")
    sys.stdout.write(f"{built.folder}\n{built.zip}\n")


def _reasons(given: list[str]) -> dict[str, str]:
    """Code -> reason."""
    out: dict[str, str] = {}
    for text in given:
        code, _, reason = text.partition("=")
        if not code.strip() or not reason.strip():
            raise OptionError(
                f"--accept {text!r} is not CODE=REASON; the code is the word a refusal begins with, the "
                "reason goes into the package, for example --accept 'shift:ELE_MEAN=new elevation model'."
            )
        if code.strip() in out:
            raise OptionError(f"--accept {code.strip()} is given twice; give one reason.")
        out[code.strip()] = reason.strip()
    return out


def _unused(settings: Settings) -> str:
    """Settings of a validation that decide nothing about a release."""
    given = {
        "profile": settings.profile is not Profile.NORMAL,
        "select": settings.select,
        "ignore": settings.ignore,
        "severity": settings.severity,
        "parameters": settings.parameters,
        "baseline": settings.baseline,
    }
    return ", ".join(name for name, value in given.items() if value)


def _settings(config: Path | None, no_config: bool) -> Settings:
    if config is not None and no_config:
        raise OptionError("--config and --no-config exclude each other; give one of them.")
    path = None if no_config else (config or find_settings_file(Path.cwd()))
    return load_settings(path) if path is not None else Settings()
