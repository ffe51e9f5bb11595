"""The version before: its data, what is known of it, and what was released of an inventory so far."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rogi.archives import check_archive, opened
from rogi.errors import InputError
from rogi.inventory.model import Inventory
from rogi.inventory.read import read_inventory
from rogi.release.data import named
from rogi.release.description import FILE as RELEASE_FILE
from rogi.release.description import Release, Version, find_release, known_versions, read_release
from rogi.release.differences.lineage import Retired, read_lineage
from rogi.release.marks import CHANGELOG, UnfinishedError
from rogi.release.metadata import SUMS

_ZIP: Final = b"PK\x03\x04"


@dataclass(frozen=True, slots=True, eq=False)
class Previous:
    """The version before: its inventory, and what is known of it if it is a package."""

    inventory: Inventory
    name: str
    release: Release | None = None
    retired: tuple[Retired, ...] = ()
    changelog: str = ""


def read_previous(path: Path, **options: Any) -> Previous:
    """The version before, from a package (folder or zip) or any inventory.

    Parameters
    ----------
    path
        What to read.
    options
        As :func:`~rogi.inventory.read.read_inventory` takes them.

    Raises
    ------
    InputError
        If it is not there, or cannot be read.
    """
    if not path.exists():
        raise InputError(
            f"The previous version {path} does not exist; download it with `rogi release fetch`."
        )
    if is_package(path):
        with opened(path) as folder:
            release = read_release(folder)
            inventory = read_inventory(folder / f"{release.name}.gpkg", schema=release.schema, **options)
            path = folder / CHANGELOG
            said = path.read_text(encoding="utf-8") if path.is_file() else ""
            return Previous(named(inventory, release.name), release.name, release, read_lineage(folder), said)
    inventory = read_inventory(path, **options)
    return Previous(inventory, path.name)


def stated_by(text: str, releases: Path | None = None) -> Release:
    """The release of a package, of a folder with a ``release.yaml``, or of a version.

    Parameters
    ----------
    text
        A folder or zip that a build made, the folder of a release, or a version.
    releases
        Folder in which versions are looked up; by default ``releases/`` here, then that of rogi.

    Raises
    ------
    InputError
        If there is no ``release.yaml``.
    """
    path = Path(text)
    if path.is_file() and is_package(path):
        with opened(path) as folder:
            return read_release(folder)
    if path.exists() and path.name != RELEASE_FILE and not (path / RELEASE_FILE).is_file():
        raise InputError(
            f"{path} has no {RELEASE_FILE}; name the folder of a release, a package of `rogi release build`, "
            "or a version."
        )
    return read_release(find_release(text, releases))


def is_package(path: Path) -> bool:
    """Whether a path is a folder or zip that a build made: it has a ``release.yaml`` and checksums.

    Raises
    ------
    InputError
        If it is a damaged or dangerous zip.
    """
    wanted = {RELEASE_FILE, SUMS}
    if path.is_dir():
        return all((path / name).is_file() for name in wanted)
    if not path.is_file():
        return False
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            begins = stream.read(len(_ZIP)) == _ZIP
        if begins or path.suffix.lower() == ".zip":
            raise InputError(f"{path} is damaged: the end of the zip is missing; copy or download it again.")
        return False
    names = (member.filename for member in check_archive(path))
    return wanted <= {name.rpartition("/")[2] for name in names if name.count("/") <= 1}


def check_previous(release: Release, previous: Previous | None) -> None:
    """Refuse a version before that is of another inventory, or not the one the release names."""
    if previous is None or previous.release is None:
        return
    if previous.release.inventory != release.inventory:
        raise InputError(
            f"{previous.name} is a version of {previous.release.inventory}, not of {release.inventory}; name "
            "the version before with --previous."
        )
    if release.previous is not None and Version.parse(release.previous) != Version.parse(
        previous.release.version
    ):
        raise InputError(
            f"{release.name} is made from version {release.previous}, not from {previous.name}; give the "
            f"other one, or correct 'previous' in {RELEASE_FILE}."
        )


def released(release: Release) -> list[Version]:
    """Versions beside this one that have a DOI: they were released."""
    if release.folder is None:
        return []
    parent = release.folder.resolve().parent
    out = []
    for version in known_versions(parent):
        for path in parent.glob(f"*/{RELEASE_FILE}"):
            if path.parent.name.removeprefix("v") != str(version):
                continue
            try:
                other = read_release(path)
            except UnfinishedError:  # one that is being prepared
                continue
            if other.doi is not None and other.inventory == release.inventory:
                out.append(version)
    return out
