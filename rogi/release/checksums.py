"""Whether a package is still what was built: the files of its folder and its zip against ``SHA256SUMS``."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from rogi.errors import InputError
from rogi.release.contents import sha256_of
from rogi.release.data import CSV, PARQUET, SHAPEFILE
from rogi.release.description import read_release
from rogi.release.marks import CHANGELOG
from rogi.release.metadata import SUMS

MAX_METADATA_BYTES: Final = 256 * 2**20
SHOWN: Final = 10  # files named in a message
_LINE: Final = re.compile(r"^([0-9a-f]{64}) [ *](.+)$")
_BLOCK: Final = 2**20
# What a reserved DOI does not touch: these files stay as they are when the metadata are made again.
_DATA: Final = (f"{CSV}/", f"{PARQUET}/", f"{SHAPEFILE}/", "lineage/", "validation/", CHANGELOG)


def stated_sums(text: str) -> tuple[dict[str, str], list[str]]:
    """Path -> SHA-256 of a ``SHA256SUMS``, and its lines that are no checksum of a file in the package."""
    stated: dict[str, str] = {}
    faults = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = _LINE.match(line)
        parts = PurePosixPath(match[2]).parts if match else ()
        if match is None or match[2].startswith("/") or ".." in parts or "\\" in match[2]:
            faults.append(f"line {number} of {SUMS} is no checksum of a file here")
        elif match[2] in stated:
            faults.append(f"{match[2]} is listed twice")
        else:
            stated[match[2]] = match[1]
    return stated, faults


def folder_sums(folder: Path) -> dict[str, str]:
    """Path -> SHA-256 of the files of a package, links left out."""
    found = (p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())
    return {p.relative_to(folder).as_posix(): sha256_of(p) for p in found}


def folder_faults(folder: Path, sums: Mapping[str, str] | None = None) -> tuple[int, list[str]]:
    """Number of files that ``SHA256SUMS`` lists, and what was added, changed or removed since.

    ``sums`` are those of :func:`folder_sums`, if they are known.
    """
    path = folder / SUMS
    if path.stat().st_size > MAX_METADATA_BYTES:
        raise InputError(f"{path.name} is larger than {MAX_METADATA_BYTES} bytes; no such file is.")
    stated, faults = stated_sums(path.read_text(encoding="utf-8"))
    links = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_symlink())
    faults += [f"{name} is a link, not a file" for name in links]
    found = folder_sums(folder) if sums is None else sums
    faults += _compared(stated, {name: digest for name, digest in found.items() if name != SUMS})
    return len(stated), faults


def zip_faults(folder: Path) -> list[str]:
    """What the zip beside the folder of a package has in another way than the folder.

    A zip that a killed run left beside a folder without DOI is no fault where it agrees with its own
    ``SHA256SUMS`` and has the folder's data: it is written again with the DOI.
    """
    path = folder.with_name(f"{folder.name}.zip")
    try:
        found, text = _members(path, folder.name)
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
        return [f"{path.name} is damaged ({error})"]
    own = (folder / SUMS).read_text(encoding="utf-8")
    stated, faults = stated_sums(text if text is not None else own)
    if text is None:
        faults.append(f"{SUMS} is missing")
    elif text != own:
        here, _ = stated_sums(own)
        final = read_release(folder).doi is not None
        faults += [
            f"{name} is not that of the folder"
            for name in sorted({*here, *stated})
            if here.get(name) != stated.get(name) and (final or name.startswith(_DATA))
        ]
    return [f"{fault} (in {path.name})" for fault in (*faults, *_compared(stated, found))]


def package_faults(folder: Path) -> str:
    """What was added, changed or removed in a package and its zip since the build, in words."""
    faults = [*folder_faults(folder)[1], *zip_faults(folder)]
    more = f"; and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
    return "; ".join(faults[:SHOWN]) + more


def verify_package(folder: Path) -> None:
    """Refuse a package that is not what was built.

    Raises
    ------
    InputError
        If a file of the folder or the zip was added, changed or removed; the message names them.
    """
    if faults := package_faults(folder):
        raise InputError(
            f"{folder} is not what was built, so nothing was uploaded or changed: {faults}. Build the "
            "release again; what should be in it is changed before a build, never in the package."
        )


def _compared(stated: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    faults = [f"{name} is missing" for name in sorted(set(stated) - set(found))]
    faults += [f"{name} does not belong to the package" for name in sorted(set(found) - set(stated))]
    return faults + [
        f"{name} was changed: its checksum is not that of {SUMS}"
        for name in sorted(set(stated) & set(found))
        if found[name] != stated[name]
    ]


def _members(path: Path, top: str) -> tuple[dict[str, str], str | None]:
    """SHA-256 of the members of a zip by their path in the package, and its ``SHA256SUMS``."""
    found: dict[str, str] = {}
    text = None
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removeprefix(f"{top}/")
            digest = hashlib.sha256()
            with archive.open(member) as stream:
                if name == SUMS and member.file_size <= MAX_METADATA_BYTES:
                    text = stream.read().decode("utf-8")
                    continue
                while block := stream.read(_BLOCK):
                    digest.update(block)
            if name in found:
                raise zipfile.BadZipFile(f"{name} is in it twice")
            found[name] = digest.hexdigest()
    return found, text
