"""What there is to read: every layer of files, folders and archives, described but not yet read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from rogi import targets
from rogi.archives import unpack
from rogi.errors import InputError
from rogi.inventory.model import Source
from rogi.inventory.reading.formats import (
    PREFERENCE,
    READABLE,
    SUFFIXES,
    Format,
    check,
    format_of,
    is_geodatabase,
)
from rogi.inventory.reading.listing import Found, SourceLayer, layers_of, private_folder

MAX_FILES = 10_000  # looked at in a folder

_HIDDEN = (".", "__MACOSX")
_SIDECARS = (".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx", ".qmd", ".qpj", ".xml")
_GEODATABASE_PARTS = (".gdbtable", ".gdbtablx", ".gdbindexes", ".atx", ".spx", ".freelist", ".horizon")
# Both are in the folder of a release, whose GeoPackage is beside them; its other formats hold the same again.
_RELEASE = ("release.yaml", "SHA256SUMS")
# Kinds of files that often lie beside an inventory and are something else.
_OFTEN_BESIDE = (Format.CSV, Format.GEOPARQUET, Format.GEOJSON, Format.GEOJSON_LINES, Format.SQLITE)


def find_layers(paths: Sequence[Path], scratch: Path, encoding: str | None = None) -> Found:
    """Describe all layers below some paths.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders (searched with their subfolders, links to folders not followed) and archives.
    scratch : Path
        A folder for unpacked members and private copies; it must outlive the reading.
    encoding : str, optional
        Of the text of Shapefiles and CSV files.

    Returns
    -------
    Found

    Raises
    ------
    InputError
        If a path cannot be read or nothing is found below it.
    """
    layers: list[SourceLayer] = []
    notes: list[str] = []
    unread: list[Source] = []
    targets.note_read(*paths)
    for path in paths:
        if path.is_dir() and not is_geodatabase(path):
            found = _of_folder(path, path, path, scratch, encoding)
        elif format_of(path) is Format.ZIP:
            found = _of_archive(path, scratch, encoding)
        else:
            found = layers_of(path, path, scratch, encoding)
        layers += found.layers
        notes += found.notes
        unread += found.unread
    return Found(tuple(layers), tuple(notes), tuple(unread))


def _of_folder(folder: Path, root: Path, shown: Path, scratch: Path, encoding: str | None) -> Found:
    """Layers of a folder; ``root`` on disk is ``shown`` to the user."""
    if folder.suffix.casefold() == ".gdb":
        raise InputError(
            f"{shown} is no whole file geodatabase: a00000001.gdbtable is missing; copy all its files again."
        )
    files, sheets, passed = [], [], []
    walked = _walk(folder, shown)
    releases = _releases(walked)
    passed += [
        f"of the release {shown / release.relative_to(root)} the GeoPackage was read, and no other format"
        for release in sorted(releases)
    ]
    for file in walked:
        kind = Format.GEODATABASE if file.is_dir() else format_of(file)
        if not releases.isdisjoint(file.parents) and not (
            file.parent in releases and kind is Format.GEOPACKAGE
        ):
            continue
        name = shown / file.relative_to(root)
        if kind is not None and targets.is_output(file):
            passed.append(f"{name} was not read: it is the output")
        elif kind is Format.ZIP:
            passed.append(f"{name} was not opened: archives within folders are left alone")
        elif kind is Format.SPREADSHEET:
            sheets.append((file, name))
        elif kind is not None and file.suffix.casefold() != ".txt":
            files.append((file, name))
    if files:
        passed += [f"{name} was not read; name it itself, or as --table" for _, name in sheets]
    chosen, doubled = _one_format_each(files or sheets)
    layers: list[SourceLayer] = []
    unread: list[Source] = []
    for file, name in chosen:
        try:
            found = layers_of(file, name, scratch, encoding)
        except InputError as error:
            if format_of(file) not in _OFTEN_BESIDE:
                raise
            passed.append(f"passed over: {error}")
        else:
            layers += found.layers
            passed += found.notes
            unread += found.unread
    if not layers:
        reasons = f" ({'; '.join(passed)})" if passed else ""
        raise InputError(f"{shown} contains no layer that rogi can read{reasons}; it reads {READABLE}.")
    return Found(tuple(layers), (*passed, *doubled), tuple(unread))


def _walk(folder: Path, shown: Path) -> list[Path]:
    files: list[Path] = []

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be listed: {error.strerror}.")

    for parent, folders, names in os.walk(folder, onerror=fail):  # links to folders are not followed
        files += [Path(parent, name) for name in sorted(folders) if is_geodatabase(Path(parent, name))]
        folders[:] = sorted(
            name for name in folders if not (name.startswith(_HIDDEN) or is_geodatabase(Path(parent, name)))
        )
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(_HIDDEN)]
        if len(files) > MAX_FILES:
            raise InputError(
                f"{shown} contains more than {MAX_FILES:,} files; name the file or subfolder of the "
                "inventory."
            )
    return files


def _releases(files: Sequence[Path]) -> set[Path]:
    """The folders of releases with a GeoPackage."""
    one, other = ({file.parent for file in files if file.name == name} for name in _RELEASE)
    return one & other & {file.parent for file in files if format_of(file) is Format.GEOPACKAGE}


def _one_format_each(files: list[tuple[Path, Path]]) -> tuple[list[tuple[Path, Path]], list[str]]:
    """Of files with one stem in one folder, the one in the preferred format."""
    groups: dict[tuple[Path, str], list[tuple[Path, Path]]] = {}
    for file, name in files:
        groups.setdefault((file.parent, file.stem.casefold()), []).append((file, name))
    chosen, notes = [], []
    for group in groups.values():
        group.sort(
            key=lambda item: PREFERENCE.index(SUFFIXES.get(item[0].suffix.casefold(), Format.GEODATABASE))
        )
        chosen.append(group[0])
        notes += [f"{name} was passed over for {group[0][1].name}, of the same name" for _, name in group[1:]]
    return chosen, notes


def _of_archive(path: Path, scratch: Path, encoding: str | None) -> Found:
    check(path)

    def wanted(member: PurePosixPath) -> bool:
        suffix = member.suffix.casefold()
        hidden = any(part.startswith(_HIDDEN) for part in member.parts)
        geodatabase = suffix in _GEODATABASE_PARTS or member.name in ("gdb", "timestamps")
        return not hidden and (
            suffix in SUFFIXES or suffix in _SIDECARS or geodatabase or member.name in _RELEASE
        )

    folder = private_folder(scratch)
    if not unpack(path, folder, wanted):
        raise InputError(f"{path} contains no file that rogi can read; it reads {READABLE}.")
    if is_geodatabase(folder):  # packed without its folder
        return layers_of(folder, path, scratch, encoding)
    return _of_folder(folder, folder, path, scratch, encoding)
