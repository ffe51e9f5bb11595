"""Whose draft it is: the one draft of a package is found, or made and claimed before another run does."""

from __future__ import annotations

import datetime as dt
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from rogi.errors import InputError
from rogi.release.build import set_doi
from rogi.release.contents import md5_of
from rogi.release.description import FILE as RELEASE_FILE
from rogi.release.description import PREDECESSOR, Release, read_release
from rogi.release.metadata import INVENIO
from rogi.release.metadata.invenio import marker
from rogi.release.publishing.draft import Draft, State, state_path, write_state
from rogi.release.publishing.records import (
    description_of,
    doi_of,
    is_published,
    made_after,
    numbers_of,
    parent_of,
    record_number,
    refuse_foreign,
    refuse_other_inventory,
)
from rogi.release.publishing.repository import Repository, RepositoryError, UnansweredError
from rogi.release.publishing.upload import upload_files

LOOKS: Final = 6  # for a draft whose making was not answered: the search lags behind by seconds
LOOK_WAIT_S: Final = 5.0
CREATIONS: Final = 3  # attempts to make a draft; after each lost answer it is looked for first


def find(
    release: Release, repository: Repository, state: State, adopt: str | None, version_of: str | None
) -> dict[str, Any] | None:
    """The draft of this package: by its number, by the mark in its description, or by when it was made."""
    number = record_number(adopt) if adopt is not None else state.record
    if number:
        draft = repository.draft(number)
        if adopt is not None and draft is None:
            raise InputError(
                f"There is no draft {number} of yours at {repository.address}; check the number."
            )
        if draft is None or not is_published(draft):
            return draft
        raise InputError(
            f"{number} is published and being edited on {repository.address}; finish or discard that edit "
            "there."
        )
    drafts = [record for record in repository.own() if not is_published(record)]
    ours = [record for record in drafts if marker(release) in description_of(record)]
    if not ours and state.since and state.parent:
        ours = [r for r in drafts if parent_of(r) == state.parent and made_after(r, state.since)]
    if len(ours) > 1:
        raise InputError(
            f"There are several drafts of {release.name} at {repository.address} ({numbers_of(ours)}); "
            "discard all but one "
            "there, or name it with --adopt."
        )
    if ours:
        return repository.draft(str(ours[0]["id"]))
    if version_of is not None:
        record = repository.record(record_number(version_of))
        forgotten = [r for r in drafts if record is not None and parent_of(r) == parent_of(record)]
        if forgotten:
            raise InputError(
                f"There is a draft of a new version already ({numbers_of(forgotten)}), which was not made "
                "from this "
                f"package. Look at {repository.address}/uploads/{forgotten[0]['id']}: discard or publish it "
                "there, or "
                f"take it with --adopt {forgotten[0]['id']}."
            )
    return None


def check_parent(draft: dict[str, Any], repository: Repository, version_of: str | None) -> None:
    """Whether a draft that was found is one of the record it should be a new version of."""
    if version_of is None:
        return
    record = repository.record(record_number(version_of))
    if record is None or parent_of(record) != parent_of(draft):
        raise InputError(
            f"Draft {draft['id']} of this package is not a new version of {version_of}. Look at the draft: "
            "if it is of the wrong record, delete it with --discard, build the package again and run this "
            "command again; if it is the right one, correct --new-version-of."
        )


def make(
    folder: Path, release: Release, repository: Repository, version_of: str | None, other_title: bool
) -> tuple[dict[str, Any], State]:
    """A new draft, its making noted first, so that it is found if the answer is lost."""
    now = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
    if version_of is not None:
        number = record_number(version_of)
        refuse_foreign(version_of, repository.address)
        record = repository.record(number)
        if record is None:
            raise InputError(
                f"There is no published record {number} at {repository.address}; check the DOI and server."
            )
        refuse_foreign(version_of, repository.address, record)
        refuse_other_inventory(record, release.name, release.inventory)
        refuse_other_record(record, version_of, release, repository)
        title = str(record.get("metadata", {}).get("title", ""))
        if title != release.title and not other_title:
            raise InputError(
                f"Record {number} is {title!r}, not a version of {release.title!r}. Check the DOI; if it is "
                "the same "
                "inventory under another title, add --other-title."
            )
        state = State(repository.address, since=now, parent=parent_of(record))
        write_state(folder, state)
        return repository.new_version(number), state
    state = State(repository.address, since=now)
    write_state(folder, state)
    content = json.loads((folder / INVENIO).read_text(encoding="utf-8"))
    for _ in range(CREATIONS):
        try:
            return repository.create_draft(content), state
        except UnansweredError as error:
            lost = error
        for _ in range(LOOKS):
            repository.wait(LOOK_WAIT_S)
            found = find(release, repository, replace(state, record=""), None, None)
            if found is not None:
                return found, state
    raise RepositoryError(
        f"{lost} No draft was found since; run the same command again: it looks for one first.",
        lost.status,
    )


def refuse_other_record(
    record: dict[str, Any], version_of: str, release: Release, repository: Repository
) -> None:
    """Refuse a record that is no version of what the package says it is a new version of."""
    stated = [r.identifier for r in release.related if r.relation == PREDECESSOR and r.scheme == "doi"]
    prefix = doi_of(record).lower().partition("/")[0]
    # a trial on a sandbox is of a record there, whatever the version before has on the real server
    dois = [doi for doi in stated if doi.lower().partition("/")[0] == prefix]
    if not dois or any(doi.lower() == doi_of(record).lower() for doi in dois):
        return
    parents = {
        parent_of(before)
        for doi in dois
        if (before := repository.record(record_number(doi))) is not None
        and doi_of(before).lower() == doi.lower()
    }
    if parent_of(record) not in parents:
        raise InputError(
            f"{release.name} is a new version of {', '.join(dois)} by its {RELEASE_FILE}; {version_of} is no "
            f"version of that. Add --new-version-of {dois[0]}; if that is wrong, build the release again "
            "with the right --previous."
        )


def twin(folder: Path, release: Release, repository: Repository) -> Draft | None:
    """The record that this package became earlier, as from another checkout; None if there is none.

    Raises
    ------
    InputError
        If a record of the account is this version with other files.
    """
    ours = [r for r in repository.own() if is_published(r) and marker(release) in description_of(r)]
    for record in ours:
        if release.doi in (None, doi_of(record)) and (made := became(folder, repository, record)):
            return made
    if ours:
        raise InputError(
            f"{release.name} is published already at {repository.address} with other files "
            f"({numbers_of(ours)}). A version is published once: raise the version in {RELEASE_FILE}."
        )
    return None


def became(folder: Path, repository: Repository, record: dict[str, Any]) -> Draft | None:
    """The record as what a package became, which gets its DOI; None where the record has other files."""
    number, doi = str(record["id"]), doi_of(record)
    with tempfile.TemporaryDirectory(prefix="rogi-release-") as scratch:
        copy = folder
        if read_release(folder).doi is None:
            copy = Path(scratch) / folder.name
            shutil.copytree(folder, copy)
            shutil.copy(folder.with_name(f"{folder.name}.zip"), scratch)
            set_doi(copy, doi)
        digests = {name: f"md5:{md5_of(path)}" for name, path in upload_files(copy).items()}
    files = repository.record_files(number)
    if any(files.get(name, {}).get("checksum") != digest for name, digest in digests.items()):
        return None
    set_doi(folder, doi)
    write_state(folder, State(repository.address, record=number, published=True))
    return Draft(number, doi, f"{repository.address}/records/{number}", True)


def refuse_second(
    folder: Path, release: Release, repository: Repository, draft: dict[str, Any], *, made: bool
) -> Draft | None:
    """Give way to another run that was first; what it published, if it did, None where this run is first.

    Called before a DOI is reserved. Of two runs that each made a draft, both see both, and the older draft
    stays. A draft that this run ``made`` is deleted where another was first.

    Raises
    ------
    InputError
        If another run was first and has not published yet.
    """
    number = str(draft["id"])
    found: list[dict[str, Any]] = []
    for _ in range(LOOKS):
        found = repository.own()
        if any(str(r["id"]) == number for r in found):  # so the search knows every older draft too
            break
        repository.wait(LOOK_WAIT_S)
    others = [r for r in found if str(r["id"]) != number and marker(release) in description_of(r)]
    first = [r for r in others if is_published(r) or _age(r) < _age(draft)]
    if not first:
        return None
    if made:
        repository.discard(number)
        state_path(folder).unlink(missing_ok=True)
    if published := twin(folder, release, repository):
        return published
    raise InputError(
        f"Another run is uploading {release.name} to draft {numbers_of(first)} at {repository.address}, so "
        "this one stopped. Wait until that one is done and run the same command again."
    )


def _age(record: dict[str, Any]) -> tuple[str, int, str]:
    """When it was made; of two made in one moment, the lower number is the older."""
    number = str(record["id"])
    return str(record.get("created", "")), len(number), number


def reserve(release: Release, repository: Repository, draft: dict[str, Any]) -> str:
    """The DOI of a draft. The repository reserves one once: of two runs with one draft, the second stops."""
    number = str(draft["id"])
    lost = False
    for _ in range(LOOKS):
        doi = doi_of(draft)
        if doi:
            return doi
        try:
            draft = repository.reserve_doi(number)
        except UnansweredError:
            lost = True
            repository.wait(LOOK_WAIT_S)
            draft = repository.draft(number) or draft
        except RepositoryError as error:
            if error.status != 400:  # it has one already
                raise
            draft = repository.draft(number) or draft
            if not doi_of(draft):
                raise
            if not lost:
                raise InputError(
                    f"Another run has just taken draft {number} of {release.name} at {repository.address}, "
                    "so this one stopped. Wait until that one is done and run the same command again."
                ) from None
    raise RepositoryError(
        f"{repository.address} reserved no DOI for draft {number}; run the command again later."
    )
