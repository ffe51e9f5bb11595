"""Results put in their place: never over what somebody may have worked on since."""

from __future__ import annotations

import errno
import glob
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from rogi.errors import OutputError
from rogi.files import refuse_open, replacing
from rogi.ledger import Ledger, digest, file_sha256


def check_replaceable(targets: Sequence[Path], ledger: Ledger | None, force: bool) -> None:
    """Refuse to replace files that are not as they were written from this ledger.

    Parameters
    ----------
    targets : sequence of Path
    ledger : Ledger, optional
        None where nothing was written yet.
    force : bool
        Replace them all the same.

    Raises
    ------
    OutputError
    """
    for target in targets:
        if force or not target.exists():
            continue
        key = _key(target)
        known = None if ledger is None else ledger.known([key]).get(key)
        if known is None:
            raise OutputError(
                f"{target} exists and may have been changed since rogi wrote it (its work folder "
                "is another or was removed); name another file, or --force to replace it."
            )
        if file_sha256(target) not in known:
            raise OutputError(
                f"{target} was changed since it was written, maybe by somebody's work on it; name another "
                "file, or --force to replace it."
            )


def deliver(source: Path, target: Path, ledger: Ledger) -> None:
    """Put a finished file in its place, after noting what it is; the source goes.

    A run that is killed in between knows its own file again, whether it got there or not.

    Raises
    ------
    OutputError
        It cannot be written, or another program has it open.
    """
    refuse_open(target)
    key, made = _key(target), file_sha256(source)
    before = ledger.known([key]).get(key, [])
    ledger.record({key: [*[old for old in before if old != made][-1:], made]})
    try:
        source.replace(target.resolve())
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise OutputError(f"{target} could not be written: {error.strerror}.") from error
        with replacing(target, state=True) as temporary:
            shutil.copyfile(source, temporary)
        source.unlink()


def remove_leftovers(folder: Path, names: Iterable[str]) -> None:
    """Remove what runs that were killed left of files they were writing, in the folder of a prediction."""
    for name in names:
        for path in folder.glob(f".{glob.escape(name)}.*"):
            shutil.rmtree(path, ignore_errors=True)


def _key(target: Path) -> str:
    return digest("written", str(target.resolve()))
