"""Which files of a folder or an archive are the elevation model, and which only lie beside it."""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from rogi.archives import MAX_BYTES, MAX_MEMBERS, check_archive
from rogi.errors import InputError
from rogi.raster.elevation.products import ELEVATION, Content, identify
from rogi.raster.guard import BINARY, HEAD_BYTES, LISTING, TEXT, VIRTUAL, is_there

SUFFIXES = (".tif", ".tiff", ".vrt", ".hgt", ".img", ".dt0", ".dt1", ".dt2", ".bil", ".asc", ".dem", ".flt")
"""What counts as a raster in a folder."""

ARCHIVES = (".zip", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
"""What counts as an archive; GDAL reads it where it lies, nothing is unpacked."""

TARS = (".tar", ".tgz", ".tar.gz")
"""Tar files that GDAL reads."""

SHOWN = 3
"""Files named in a note."""


@dataclass(frozen=True, order=True)
class Found:
    """A raster file that may be part of an elevation model.

    Attributes
    ----------
    path : Path
        As GDAL opens it; a member of an archive has one that begins with ``/vsizip/`` or ``/vsitar/``.
    file : Path
        The file on disk: the archive, or the same as `path`.
    member : str
        Name within the archive; empty elsewhere.
    """

    path: Path
    file: Path
    member: str = ""

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"{self.file}/{self.member}" if self.member else str(self.file)

    @property
    def content(self) -> Content | None:
        """What it is by its name."""
        return identify(PurePosixPath(self.member) if self.member else self.file)


@dataclass(frozen=True)
class Search:
    """What was found, and what was not taken.

    Attributes
    ----------
    files : tuple of Found
    notes : tuple of str
    searched : bool
        Whether a folder or an archive was searched, so that files that are no elevations may be passed over.
    """

    files: tuple[Found, ...]
    notes: tuple[str, ...]
    searched: frozenset[Found]


def search(sources: Iterable[str | Path]) -> Search:
    """Files of an elevation model by their names.

    Parameters
    ----------
    sources : iterable of paths
        Files, archives, and folders, which are searched with their subfolders.

    Raises
    ------
    InputError
        Something is missing, there is no raster, a file given by itself is a known mask, or an archive is
        damaged or not harmless.
    """
    taken: dict[Found, None] = {}
    searched: set[Found] = set()
    passed: dict[tuple[str, str], list[str]] = {}
    for source in sources:
        path = Path(source)
        if path.is_dir():
            inside = [item for file in sorted(_files(path)) for item in _expanded(file)]
        elif not is_there(path):
            raise InputError(f"There is no elevation model {path}; give a file, a VRT or a folder of tiles.")
        elif _is_archive(path):
            inside = list(_expanded(path))
        else:
            content = identify(path.name)
            if content is not None and content.role != ELEVATION:
                raise InputError(
                    f"{path} is no elevation model: by its name it is the {content.role} of "
                    f"{content.product}. Give the file of elevations beside it, or the folder of both."
                )
            taken[Found(path, path)] = None
            continue
        found = []
        for item in inside:
            content = item.content
            raster = PurePosixPath(item.member or item.file.name).suffix.lower() in SUFFIXES
            if content is not None and content.role != ELEVATION:
                passed.setdefault((content.product, content.role), []).append(item.name)
            elif raster:
                found.append(item)
        if not found:
            kind = "folder" if path.is_dir() else "archive"
            raise InputError(
                f"The {kind} {path} contains no elevation model; expected files of {', '.join(SUFFIXES)}"
                + (f" besides {_some([n for names in passed.values() for n in names])}." if passed else ".")
            )
        taken.update(dict.fromkeys(found))
        searched.update(found)
    if not taken:
        raise InputError("No elevation model was given; name a file, a VRT or a folder of tiles.")
    kept, more = _preferred(sorted(taken))
    return Search(tuple(kept), (*_left_out(passed), *more), frozenset(searched))


def _left_out(passed: Mapping[tuple[str, str], list[str]]) -> list[str]:
    """One note for each product, with an example of each kind of file."""
    kinds: dict[str, list[str]] = {}
    for (product, role), names in sorted(passed.items()):
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        kinds.setdefault(product, []).append(f"{role} ({PurePosixPath(min(names)).name}{more})")
    return [f"Left out beside the elevations of {product}: {', '.join(k)}." for product, k in kinds.items()]


def _files(folder: Path) -> Iterator[Path]:
    """Files of a folder and its subfolders, without hidden ones (``._N30E090.hgt`` of macOS)."""
    for path in folder.rglob("*"):
        inner = path.relative_to(folder).parts
        if not any(part.startswith(".") or part == "__MACOSX" for part in inner) and path.is_file():
            yield path


def _is_archive(path: Path | PurePosixPath) -> bool:
    return path.name.casefold().endswith(ARCHIVES)


def _expanded(path: Path) -> Iterator[Found]:
    """The file, or the members of an archive."""
    if not _is_archive(path):
        yield Found(path, path)
    elif path.name.casefold().endswith(".zip"):
        yield from _zipped(path)
    else:
        yield from _tarred(path)


def _zipped(path: Path) -> Iterator[Found]:
    members = check_archive(path)
    prefix = f"/vsizip/{{{path.resolve()}}}"
    with zipfile.ZipFile(path) as archive:
        for info in sorted(members, key=lambda m: m.filename):
            name = PurePosixPath(info.filename)
            if _hidden(name):
                continue
            if name.name.casefold().endswith(".zip"):
                with archive.open(info) as stream:
                    yield from _nested(path, info.filename, stream)
            elif _wanted(name):
                with _readable(path), archive.open(info) as stream:
                    _check_head(stream, f"{path}/{name}")
                yield Found(Path(f"{prefix}/{name}"), path, str(name))


def _nested(path: Path, outer: str, stream: IO[bytes]) -> Iterator[Found]:
    """Members of a zip in a zip; not deeper."""
    with _readable(path), zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
        if len(members) > MAX_MEMBERS or sum(m.file_size for m in members) > MAX_BYTES:
            raise InputError(
                f"{path}/{outer} would unpack to more than an elevation model; unpack it yourself."
            )
        for info in sorted(members, key=lambda m: m.filename):
            name = PurePosixPath(info.filename)
            if info.is_dir() or _hidden(name) or not _wanted(name):
                continue
            if name.is_absolute() or ".." in name.parts or info.flag_bits & 0x1:
                raise InputError(
                    f"{path}/{outer} contains {info.filename!r}, which is not read; unpack it yourself."
                )
            with archive.open(info) as member:
                _check_head(member, f"{path}/{outer}/{name}")
            inner = f"/vsizip/{{/vsizip/{{{path.resolve()}}}/{outer}}}/{name}"
            yield Found(Path(inner), path, f"{outer}/{name}")


def _tarred(path: Path) -> Iterator[Found]:
    if not path.name.casefold().endswith(TARS):
        raise InputError(
            f"{path} is packed in a way that is not read; unpack it, or pack it as .zip or .tar.gz."
        )
    found = []
    with _readable(path), tarfile.open(path, "r:*") as archive:
        size = 0
        for number, info in enumerate(archive):
            size += info.size
            if number >= MAX_MEMBERS or size > MAX_BYTES:
                raise InputError(
                    f"{path} would unpack to more than {MAX_BYTES / 2**30:g} GB; unpack it yourself."
                )
            name = PurePosixPath(info.name)
            if not info.isfile() or _hidden(name) or not _wanted(name):
                continue
            if name.is_absolute() or ".." in name.parts:
                raise InputError(f"{path} contains {info.name!r}, a path that leads outside the archive.")
            stream = archive.extractfile(info)
            if stream is not None:
                _check_head(stream, f"{path}/{name}")
            found.append(Found(Path(f"/vsitar/{{{path.resolve()}}}/{info.name}"), path, str(name)))
    yield from sorted(found)


class _readable:
    """Errors of archives become refusals."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        broken = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, NotImplementedError)
        if isinstance(error, broken):
            raise InputError(f"{self.path} is damaged ({error}); copy or download it again.") from None


def _hidden(name: PurePosixPath) -> bool:
    return any(part.startswith("._") or part == "__MACOSX" for part in name.parts)


def _wanted(name: PurePosixPath) -> bool:
    """Rasters of an archive, and what lies beside them; texts that name other files are not read from it."""
    suffix = name.suffix.lower()
    return (suffix in SUFFIXES and suffix != ".vrt") or identify(name) is not None


def _check_head(stream: IO[bytes], where: str) -> None:
    """Refuse a text that poses as a raster: GDAL would follow what it names."""
    start = stream.read(HEAD_BYTES)
    text = not BINARY.search(start) and TEXT.match(start)
    if text or VIRTUAL.search(start) or LISTING.search(start):
        raise InputError(f"{where} is a text, not a raster; unpack the archive and look at it.")


def _preferred(files: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """Files without those of a product that holds the same ground in a better form."""
    best: dict[tuple[Path, str], tuple[int, Found]] = {}
    for item in files:
        content = item.content
        if content is not None:
            key = (item.file.parent, content.tile)
            best[key] = min(best.get(key, (content.rank, item)), (content.rank, item))
    kept: list[Found] = []
    passed: dict[str, list[tuple[str, str]]] = {}
    for item in files:
        content = item.content
        rank, better = best[item.file.parent, content.tile] if content is not None else (0, item)
        if content is not None and content.rank > rank:
            passed.setdefault(content.product, []).append((item.name, better.name))
        else:
            kept.append(item)
    notes = [
        f"{_some([name for name, _ in pairs])}: left out, {pairs[0][1]} of the same ground is taken "
        f"({product})."
        for product, pairs in sorted(passed.items())
    ]
    return kept, notes


def _some(names: Sequence[str]) -> str:
    """The first of some names."""
    names = sorted(names)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
