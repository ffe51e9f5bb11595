"""Zip archives: those of strangers checked before they are unpacked, ours the same bytes each time."""

from __future__ import annotations

import datetime as dt
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Final

from rogi.errors import InputError

MAX_MEMBERS = 10_000
MAX_BYTES = 16 * 2**30  # unpacked; the largest inventory known is 0.5 GB
MAX_RATIO = 200.0  # unpacked to packed; shapes and tables pack 2 to 20 times
_RATIO_FLOOR = 64 * 2**20  # bytes below which the ratio does not matter
_BLOCK = 2**20


def check_archive(path: Path) -> list[zipfile.ZipInfo]:
    """Files in an archive, if all of it is harmless.

    Raises
    ------
    InputError
        If it is damaged or encrypted, a path leads outside, a member is a link, or it would unpack to
        more than the limits of this module.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            f"{path} is damaged or no zip archive ({error}); copy or download it again."
        ) from None
    if len(members) > MAX_MEMBERS:
        raise InputError(
            f"{path} holds {len(members):,} files, more than {MAX_MEMBERS:,}; unpack it yourself."
        )
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if unpacked > MAX_BYTES or (unpacked > _RATIO_FLOOR and unpacked > MAX_RATIO * max(1, packed)):
        raise InputError(
            f"{path} would unpack from {packed / 2**20:,.1f} MB to {unpacked / 2**20:,.0f} MB, which no "
            "inventory does; unpack it yourself if you trust it."
        )
    for member in members:
        name = member.filename
        parts = {*PurePosixPath(name).parts, *PureWindowsPath(name).parts}
        absolute = PurePosixPath(name).is_absolute() or bool(PureWindowsPath(name).anchor)
        if absolute or ".." in parts or "\x00" in name:
            raise InputError(
                f"{path} holds {name!r}, a path that leads outside the archive; nothing was unpacked. "
                "Make the archive anew with relative paths."
            )
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(
                f"{path} contains the link {name!r}; nothing was unpacked. Pack the files themselves."
            )
        if member.flag_bits & 0x1:
            raise InputError(f"{path} is encrypted; unpack it yourself and name the folder.")
    return [member for member in members if not member.is_dir()]


def unpack(path: Path, folder: Path, wanted: Callable[[PurePosixPath], bool]) -> list[Path]:
    """Unpack the wanted members of a checked archive below a folder; paths of what was written.

    Raises
    ------
    InputError
        As :func:`check_archive`, or if a member is larger than the archive says.
    """
    members = [m for m in check_archive(path) if wanted(PurePosixPath(m.filename))]
    written = []
    try:
        with zipfile.ZipFile(path) as archive:
            for member in members:
                target = folder.joinpath(*PurePosixPath(member.filename).parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                _copy(archive, member, target, path)
                written.append(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path} is damaged ({error}); copy or download it again.") from None
    return written


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, path: Path) -> None:
    left = member.file_size
    with archive.open(member) as source, target.open("xb") as sink:
        while block := source.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise InputError(
                    f"{path}: {member.filename!r} is larger than the archive says; it is refused."
                )
            sink.write(block)


_FIRST_ZIP_TIME: Final = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)  # the format knows none before


_MODE: Final = 0o100644 << 16


def write_zip(folder: Path, target: Path, epoch: int) -> None:
    """Pack a folder, its name first in every path.

    Members are stored, not compressed: what a compressor makes depends on its build, and the same package
    must be the same bytes on any machine.

    Parameters
    ----------
    folder
        What to pack.
    target
        The zip to write.
    epoch
        Time of every member, seconds since 1970, UTC.
    """
    stamp = max(dt.datetime.fromtimestamp(epoch, dt.UTC), _FIRST_ZIP_TIME)
    when = (stamp.year, stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second)
    files = sorted((p.relative_to(folder).as_posix(), p) for p in folder.rglob("*") if p.is_file())
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files:
            member = zipfile.ZipInfo(f"{folder.name}/{name}", when)
            member.create_system = 3  # Unix, wherever this runs
            member.external_attr = _MODE
            with (
                path.open("rb") as source,
                archive.open(member, "w", force_zip64=path.stat().st_size >= 2**31) as sink,
            ):
                while block := source.read(_BLOCK):
                    sink.write(block)


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """The folder of a package: itself, or what a zip holds, unpacked for the time of the block.

    Raises
    ------
    InputError
        If there is nothing at the path, or the zip is damaged, dangerous or holds more than one folder.
    """
    if path.is_dir():
        yield path
        return
    if not path.is_file():
        raise InputError(f"There is no package {path}; name a folder or zip that `rogi release build` made.")
    with tempfile.TemporaryDirectory(prefix="rogi-release-") as scratch:
        unpack(path, Path(scratch), lambda _: True)
        inside = list(Path(scratch).iterdir())
        if len(inside) == 1 and inside[0].is_dir():
            yield inside[0]
        else:
            yield Path(scratch)
