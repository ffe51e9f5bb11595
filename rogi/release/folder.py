"""The folder of a new release, in which everything that is to be filled in is marked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from rogi.errors import OptionError, OutputError
from rogi.files import replacing_folder, write_text
from rogi.release.description import FILE, Release, Version, known_versions
from rogi.release.marks import CHANGELOG
from rogi.release.statement import new_changelog, new_text

EDITOR_SCHEMA: Final = ".rogi/release.schema.json"
"""Beside the folder of the releases: the JSON Schema of ``release.yaml`` for editors."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")  # as in release.schema.json


def new_folder(
    version: str,
    releases: Path,
    *,
    previous: Release | None = None,
    name: str | None = None,
    schema: str | None = None,
) -> Path:
    """Write the folder of a new release: ``release.yaml`` and ``CHANGELOG.md``.

    Parameters
    ----------
    version
        The version, such as 1.0.
    releases
        Folder of the releases; made if need be.
    previous
        The release before (:func:`~rogi.release.previous.stated_by`): what stays is taken over; version,
        date, DOI, files, retired IDs, reasons and changelog are not.
    name
        Short name of the inventory; by default that of the release before, else to be filled in.
    schema
        Id of the schema; likewise.

    Returns
    -------
    Path
        The folder, ``releases/VERSION``.

    Raises
    ------
    OptionError
        If the version is none, or not above that of the release before, or files cannot be named so.
    OutputError
        If there is a release of this version, or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> folder = new_folder("1.0", Path(tempfile.mkdtemp()) / "releases", name="DryAndes")
    >>> sorted(path.name for path in folder.iterdir())
    ['CHANGELOG.md', 'release.yaml']
    """
    wanted = Version.parse(version)
    if name is not None:
        check_name(name)
    if previous is not None and wanted <= Version.parse(previous.version):
        raise OptionError(f"Version {wanted} is not above {previous.version}, that of {previous.name}.")
    target = releases / str(wanted)
    if wanted in known_versions(releases) or (target.exists() and any(target.iterdir())):
        raise OutputError(f"There is a release {wanted} in {releases}; edit it, or remove its folder first.")
    with replacing_folder(target) as folder:
        text = _editor_line(releases) + new_text(wanted, previous=previous, name=name, schema=schema)
        write_text(folder / FILE, text, state=True)
        write_text(folder / CHANGELOG, new_changelog(wanted, previous=previous, name=name), state=True)
    return target


def check_name(name: str) -> None:
    """Refuse a short name by which files cannot be named.

    Raises
    ------
    OptionError
    """
    if not _NAME.fullmatch(name):
        raise OptionError(
            f"--name {name!r} cannot be the name of files: it has letters A-Z and a-z, digits, _ and - only, "
            "begins with a letter or digit, and is at most 60 long, for example DryAndes."
        )


def _editor_line(releases: Path) -> str:
    """What tells an editor how to check ``release.yaml``, where `rogi init` put what it needs."""
    there = (releases.parent / EDITOR_SCHEMA).is_file()
    return f"# yaml-language-server: $schema=../../{EDITOR_SCHEMA}\n" if there else ""
