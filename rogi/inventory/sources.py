"""What there is to read: every layer of files, folders and archives, described but not yet read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from rogi import targets
from rogi.archives import unpack
from rogi.errors import InputError
from rogi.inventory import csvtable, geoparquet
from rogi.inventory.detect import Family, LayerHint
from rogi.inventory.drivers import driver_calls
from rogi.inventory.formats import (
    PREFERENCE,
    READABLE,
    SUFFIXES,
    Checked,
    Format,
    check,
    format_of,
    write_ahead,
)
from rogi.paths import is_plain, link_into
from rogi.schema.model import Role

MAX_FILES = 10_000  # looked at in a folder

_HIDDEN = (".", "__MACOSX")
_SIDECARS = (".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx", ".qmd", ".qpj", ".xml")
_DRIVERS = {
    "GPKG": Format.GEOPACKAGE,
    "ESRI Shapefile": Format.SHAPEFILE,
    "GeoJSON": Format.GEOJSON,
    "FlatGeobuf": Format.FLATGEOBUF,
    "LIBKML": Format.KML,
    "KML": Format.KML,
}
# Both are in the folder of a release, whose GeoPackage is beside them; its other formats hold the same again.
_RELEASE = ("release.yaml", "SHA256SUMS")
# Tables a GeoPackage may hold beside its features; they are not worth a note.
_SYSTEM_TABLES = ("layer_styles", "qgis_projects", "data_licenses")


@dataclass(frozen=True, slots=True)
class SourceLayer:
    """A layer that can be read.

    Attributes
    ----------
    file
        What to open: the user's file, or a private copy of it.
    shown
        The file as the user knows it; of a member of an archive, the archive's path and the member's.
    format, layer
        Its format, and its name within the file where the format has layers.
    columns, family
        Column names and the kind of geometry, for recognising it.
    features
        How many the file says it holds, None where only reading tells.
    role
        Where the user named it.
    notes
        What was said on opening it.
    """

    file: Path
    shown: Path
    format: Format
    layer: str | None
    columns: tuple[str, ...]
    family: Family
    features: int | None = None
    role: Role | None = None
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """Path and layer, for messages."""
        return f"{self.shown}{self._suffix}"

    @property
    def name(self) -> str:
        """File name and layer, for lists."""
        return f"{self.shown.name}{self._suffix}"

    @property
    def _suffix(self) -> str:
        return f" (layer {self.layer})" if self.layer not in (None, self.shown.stem) else ""

    @property
    def hint(self) -> LayerHint:
        """What the dialect is recognised by."""
        names = dict.fromkeys(name for name in (self.layer, self.shown.stem) if name)
        return LayerHint(tuple(names), self.columns, self.family, self.role)


@dataclass(frozen=True, slots=True)
class Found:
    """Layers, and what was passed over and why."""

    layers: tuple[SourceLayer, ...]
    notes: tuple[str, ...] = ()


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
    targets.note_read(*paths)
    for path in paths:
        if path.is_dir():
            found = _of_folder(path, path, path, scratch, encoding)
        elif format_of(path) is Format.ZIP:
            found = _of_archive(path, scratch, encoding)
        else:
            found = Found(_of_file(path, path, scratch, encoding))
        layers += found.layers
        notes += found.notes
    return Found(tuple(layers), tuple(notes))


def _of_folder(folder: Path, root: Path, shown: Path, scratch: Path, encoding: str | None) -> Found:
    """Layers of a folder; ``root`` on disk is ``shown`` to the user."""
    if folder.suffix.casefold() == ".gdb":
        raise InputError(f"{shown} is a file geodatabase, which rogi does not read; save it as a GeoPackage.")
    files, passed = [], []
    walked = _walk(folder, shown)
    releases = _releases(walked)
    passed += [
        f"of the release {shown / release.relative_to(root)} the GeoPackage was read, and no other format"
        for release in sorted(releases)
    ]
    for file in walked:
        kind = format_of(file)
        if not releases.isdisjoint(file.parents) and not (
            file.parent in releases and kind is Format.GEOPACKAGE
        ):
            continue
        name = shown / file.relative_to(root)
        if kind is Format.ZIP:
            passed.append(f"{name} was not opened: archives within folders are left alone")
        elif kind is not None and file.suffix.casefold() != ".txt":
            files.append((file, name))
    chosen, doubled = _one_format_each(files)
    layers: list[SourceLayer] = []
    for file, name in chosen:
        if format_of(file) in (Format.CSV, Format.GEOPARQUET, Format.GEOJSON):
            try:  # tables and settings often lie beside an inventory
                layers += _of_file(file, name, scratch, encoding)
            except InputError as error:
                passed.append(f"passed over: {error}")
        else:
            layers += _of_file(file, name, scratch, encoding)
    if not layers:
        reasons = f" ({'; '.join(passed)})" if passed else ""
        raise InputError(f"{shown} holds no layer that rogi can read{reasons}; it reads {READABLE}.")
    return Found(tuple(layers), (*passed, *doubled))


def _walk(folder: Path, shown: Path) -> list[Path]:
    files: list[Path] = []

    def fail(error: OSError) -> None:
        raise InputError(f"{error.filename} cannot be listed: {error.strerror}.")

    for parent, folders, names in os.walk(folder, onerror=fail):  # links to folders are not followed
        folders[:] = sorted(name for name in folders if not name.startswith(_HIDDEN))
        files += [Path(parent, name) for name in sorted(names) if not name.startswith(_HIDDEN)]
        if len(files) > MAX_FILES:
            raise InputError(
                f"{shown} holds more than {MAX_FILES:,} files; name the file or subfolder of the inventory."
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
        group.sort(key=lambda item: PREFERENCE.index(SUFFIXES[item[0].suffix.casefold()]))
        chosen.append(group[0])
        notes += [f"{name} was passed over for {group[0][1].name}, of the same name" for _, name in group[1:]]
    return chosen, notes


def _of_archive(path: Path, scratch: Path, encoding: str | None) -> Found:
    check(path)

    def wanted(member: PurePosixPath) -> bool:
        suffix = member.suffix.casefold()
        hidden = any(part.startswith(_HIDDEN) for part in member.parts)
        return not hidden and (suffix in SUFFIXES or suffix in _SIDECARS or member.name in _RELEASE)

    folder = _private_folder(scratch)
    if not unpack(path, folder, wanted):
        raise InputError(f"{path} holds no file that rogi can read; it reads {READABLE}.")
    return _of_folder(folder, folder, path, scratch, encoding)


def _of_file(file: Path, shown: Path, scratch: Path, encoding: str | None) -> tuple[SourceLayer, ...]:
    try:
        checked = check(file)
    except InputError as error:
        raise InputError(str(error).replace(str(file.parent), str(shown.parent))) from None
    targets.note_read(file)
    checked = _plainly_named(_private_geopackage(checked, scratch), scratch)
    file = checked.path
    match checked.format:
        case Format.CSV:
            return (_of_csv(file, shown, encoding),)
        case Format.GEOPARQUET:
            columns, family, features = geoparquet.describe(file, shown)
            return (SourceLayer(file, shown, Format.GEOPARQUET, None, columns, family, features),)
        case Format.KMZ:
            return tuple(
                replace(layer, format=Format.KMZ, shown=shown)
                for layer in _of_driver(Checked(_unpacked_kml(file, shown, scratch), Format.KML), shown)
            )
        case _:
            return _of_driver(checked, shown)


def _of_csv(file: Path, shown: Path, encoding: str | None) -> SourceLayer:
    header = csvtable.describe(file, shown, encoding)
    return SourceLayer(file, shown, Format.CSV, None, header.columns, header.places.family)


def _of_driver(checked: Checked, shown: Path) -> tuple[SourceLayer, ...]:
    import pyogrio

    file = str(checked.path.absolute())
    layers: list[SourceLayer] = []
    opening: list[str] = []
    with driver_calls(shown, opening):
        listed = [(str(name), kind) for name, kind in pyogrio.list_layers(file)]
    for name, geometry_type in listed:
        if name in _SYSTEM_TABLES:
            continue
        notes = list(opening)
        with driver_calls(shown, notes):
            info = pyogrio.read_info(file, layer=name)
        if _DRIVERS.get(info["driver"]) is not checked.format:
            raise InputError(f"{shown} is {info['driver']}, not {checked.format.value}; convert it first.")
        features = int(info["features"])
        layers.append(
            SourceLayer(
                checked.path,
                shown,
                checked.format,
                name,
                tuple(str(column) for column in info["fields"]),
                Family.of(geometry_type),
                features if features >= 0 else None,
                notes=tuple(notes),
            )
        )
    if not layers:
        raise InputError(f"{shown} holds no layer; it may be a blank or damaged file.")
    return tuple(layers)


def _private_folder(scratch: Path) -> Path:
    folder = scratch / str(sum(1 for _ in scratch.iterdir()))
    folder.mkdir()
    return folder


def _private_geopackage(checked: Checked, scratch: Path) -> Checked:
    """A copy, where opening the file itself would write beside it."""
    if not checked.journal and not write_ahead(checked.path):
        return checked
    folder = _private_folder(scratch)
    for part in (checked.path, *checked.journal):
        shutil.copyfile(part, folder / part.name)
    return replace(checked, path=folder / checked.path.name)


def _plainly_named(checked: Checked, scratch: Path) -> Checked:
    """A link by a plain path, where drivers take characters of its own for syntax."""
    if is_plain(checked.path.absolute()):
        return checked
    return replace(checked, path=link_into(_private_folder(scratch), checked.path))


def _unpacked_kml(file: Path, shown: Path, scratch: Path) -> Path:
    """The main document of a KMZ file: doc.kml, or its first KML file."""
    folder = _private_folder(scratch)
    members = unpack(file, folder, lambda member: member.suffix.casefold() == ".kml")
    if not members:
        raise InputError(f"{shown} holds no KML document; save it from its program again.")
    members.sort(key=lambda member: (len(member.parts), member.name.casefold() != "doc.kml", member.name))
    target = _private_folder(scratch) / f"{shown.stem}.kml"
    shutil.copyfile(members[0], target)
    try:
        check(target)
    except InputError as error:
        raise InputError(str(error).replace(str(target), str(shown))) from None
    return target
