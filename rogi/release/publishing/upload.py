"""The files of a draft: those of the package, each sent until it is there in whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from rogi.release.contents import md5_of
from rogi.release.description import Release
from rogi.release.marks import CHANGELOG
from rogi.release.metadata import README
from rogi.release.publishing.repository import Repository, RepositoryError, UnansweredError

UPLOADS: Final = 3  # attempts for a file whose checksum is wrong
Say = Callable[[str], None]


def upload_files(folder: Path) -> dict[str, Path]:
    """Name -> file of what is uploaded: the zip, and what people read before they download it."""
    name = folder.name
    return {
        f"{name}.zip": folder.with_name(f"{name}.zip"),
        README: folder / README,
        CHANGELOG: folder / CHANGELOG,
    }


def upload(
    folder: Path,
    release: Release,
    repository: Repository,
    number: str,
    say: Say,
    progress: Callable[[str, int, int], None],
) -> None:
    """Bring the files of a draft to those of the package; those that are complete are not sent again.

    Raises
    ------
    RepositoryError
        If a file arrives damaged again and again, or the repository refuses.
    """
    wanted = upload_files(folder)
    for name in sorted(set(repository.draft_files(number)) - set(wanted)):
        say(f"taking {name} out of the draft: it is not of {release.name}")
        repository.delete_file(number, name)
    for name, path in wanted.items():
        digest = f"md5:{md5_of(path)}"
        for _ in range(UPLOADS):
            if complete(repository.draft_files(number).get(name), digest):
                break
            say(f"uploading {name} ({path.stat().st_size:,} bytes)")
            try:
                _send_file(repository, number, name, path, progress)
            except RepositoryError as error:
                if error.status not in (None, 400, 404, 409):  # half a file may stand in the way
                    raise
        else:
            if not complete(repository.draft_files(number).get(name), digest):
                raise RepositoryError(
                    f"{name} arrives damaged at {repository.address} (its checksum is wrong {UPLOADS} "
                    "times); check the "
                    "connection and run the command again."
                )


def _send_file(
    repository: Repository, number: str, name: str, path: Path, progress: Callable[[str, int, int], None]
) -> None:
    """One file from the start; what was half there is taken out first."""
    repository.delete_file(number, name)
    try:
        repository.start_file(number, name)
    except UnansweredError:
        if name not in repository.draft_files(number):
            repository.start_file(number, name)
    repository.upload(number, name, path, lambda done, size: progress(name, done, size))
    try:
        repository.commit_file(number, name)
    except UnansweredError:
        entry = repository.draft_files(number).get(name, {})
        if entry.get("status") != "completed":
            repository.commit_file(number, name)


def complete(entry: dict[str, Any] | None, digest: str) -> bool:
    """Whether a file of a draft is there in whole, by its checksum (``md5:...``)."""
    return entry is not None and entry.get("status") == "completed" and entry.get("checksum") == digest
