"""Packages as folders and zip files: made the same each time, and opened with care."""

from __future__ import annotations

import datetime as dt
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rogi.errors import InputError

_FIRST_ZIP_TIME: Final = dt.datetime(1980, 1, 1, tzinfo=dt.UTC)  # the format knows none before
_MODE: Final = 0o100644 << 16
_BLOCK: Final = 2**20


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
    from rogi.archives import unpack

    with tempfile.TemporaryDirectory(prefix="rogi-release-") as scratch:
        unpack(path, Path(scratch), lambda _: True)
        inside = list(Path(scratch).iterdir())
        if len(inside) == 1 and inside[0].is_dir():
            yield inside[0]
        else:
            yield Path(scratch)
