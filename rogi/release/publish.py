"""Publishing a package: one draft, whatever happens, and one record in the end."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from rogi.errors import InputError, OptionError
from rogi.files import remove_leftovers
from rogi.release.build import set_doi
from rogi.release.check import SHOWN, check_package
from rogi.release.checksums import verify_package
from rogi.release.contents import md5_of
from rogi.release.draft import State, read_state, state_path, write_state
from rogi.release.metadata import INVENIO
from rogi.release.metadata.invenio import marker
from rogi.release.model import FILE as RELEASE_FILE
from rogi.release.model import Release, read_release
from rogi.release.previous import is_package
from rogi.release.records import description_of, doi_of, is_published, made_after, numbers_of, parent_of
from rogi.release.repository import Repository, RepositoryError, UnansweredError
from rogi.release.upload import complete, upload, upload_files

LOOKS: Final = 6  # for a draft whose making was not answered: the search lags behind by seconds
LOOK_WAIT_S: Final = 5.0
CREATIONS: Final = 3  # attempts to make a draft; after each lost answer it is looked for first
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft with everything in it, or the record it became."""

    record: str
    doi: str
    address: str
    published: bool


def prepare(
    folder: Path,
    repository: Repository,
    *,
    version_of: str | None = None,
    adopt: str | None = None,
    other_title: bool = False,
    say: Say = print,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Draft:
    """Make or find the draft of a package, put the reserved DOI into the package, and upload it.

    Safe to interrupt and run again at any point.

    Parameters
    ----------
    folder
        The package.
    repository
        Where to.
    version_of
        Number or DOI of a published record of yours that this is a new version of; None: a new record.
    adopt
        Number of a draft of yours to take, where rogi cannot tell that it is that of this package.
    other_title
        Take ``version_of`` although its title is another.
    say, progress
        Where to say what is done; told name, bytes sent and bytes of each upload.

    Raises
    ------
    InputError, OptionError, RepositoryError
        If the package is none or not what was built, the record is that of something else, or the repository
        refuses.
    """
    release = read_package(folder)
    state = read_state(folder, repository.address)
    if state.published:
        return _published(folder, release, repository, state)
    verify_package(folder)
    draft = _find(release, repository, state, adopt, version_of)
    if draft is None and state.record:
        record = repository.record(state.record)
        if record is not None:
            return _published(folder, release, repository, replace(state, published=True))
        say(f"draft {state.record} is gone; a new one is made")
        state = State(repository.address)
    if draft is None and adopt is None:
        published = _twin(folder, release, repository)
        if published is not None:
            say(f"{release.name} is published already, as record {published.record}; nothing is uploaded")
            return published
    if draft is None:
        if release.doi is not None:  # refused before a draft is made that could not be completed
            raise InputError(
                f"{folder} has the DOI {release.doi} already, and there is no draft with it at "
                f"{repository.address}: it is published, or the draft was discarded. To publish something "
                f"else, remove the DOI from {RELEASE_FILE} and build the package again."
            )
        draft, state = _make(folder, release, repository, version_of, other_title)
        say(f"made draft {draft['id']}")
    else:
        _check_parent(draft, repository, version_of)
        say(f"found draft {draft['id']}")
    number = str(draft["id"])
    state = replace(state, record=number)
    write_state(folder, state)
    doi = _reserve(repository, draft)
    set_doi(folder, doi)
    verify_package(folder)
    state = _describe(folder, repository, state)
    upload(folder, release, repository, number, say, progress)
    return Draft(number, doi, f"{repository.address}/uploads/{number}", False)


def publish(folder: Path, repository: Repository, *, say: Say = print) -> Draft:
    """Publish the draft of a package, once.

    Raises
    ------
    InputError
        If there is no draft, it is not that of the package as it is now, files were added, changed or removed
        since the build, or the package does not pass `rogi release check`.
    RepositoryError
        If the repository refuses, or it cannot be told whether it published.
    """
    release = read_package(folder)
    state = read_state(folder, repository.address)
    if not state.record:
        raise InputError(f"{folder} has no draft at {repository.address}; make it first, without --publish.")
    if state.published or repository.draft(state.record) is None:
        return _published(folder, release, repository, state)
    verify_package(folder)
    _check(folder, say)
    _verify(folder, release, repository, state.record)
    for _ in range(LOOKS):
        try:
            repository.publish(state.record)
            break
        except UnansweredError:
            say("the answer was lost; looking whether it was published")
            repository.wait(LOOK_WAIT_S)
            if repository.record(state.record) is not None and repository.draft(state.record) is None:
                break
        except RepositoryError as error:
            # A second request after a lost first one finds no draft any more.
            if error.status == 404 and repository.record(state.record) is not None:
                break
            raise
    else:
        raise RepositoryError(
            f"{repository.address} did not answer whether it published {state.record}; run the same command "
            "again: it "
            "looks first."
        )
    return _published(folder, release, repository, state)


def discard(folder: Path, repository: Repository) -> str:
    """Delete the draft of a package; its number, empty if there was none.

    Raises
    ------
    InputError
        If it is published: a record cannot be taken back.
    """
    release = read_package(folder)
    state = read_state(folder, repository.address)
    if state.published or (
        state.record and repository.draft(state.record) is None and repository.record(state.record)
    ):
        raise InputError(
            f"{release.name} is published as record {state.record}; a record cannot be discarded."
        )
    draft = _find(release, repository, state, None, None)
    if draft is None:
        return ""
    repository.discard(str(draft["id"]))
    state_path(folder).unlink(missing_ok=True)
    return str(draft["id"])


def record_number(text: str) -> str:
    """The number of a record, from itself, its DOI or its address.

    Raises
    ------
    OptionError
        If it is none of them.
    """
    plain = text.strip().removeprefix("https://doi.org/").rstrip("/")
    plain = plain.rpartition("zenodo.")[2] if plain.startswith("10.") else plain.rpartition("/")[2]
    if not plain or not plain.isascii() or not plain.replace("-", "").isalnum():
        raise OptionError(f"{text!r} is no record; give its number or DOI, such as 10.5281/zenodo.10732042.")
    return plain


# ---- the draft


def read_package(folder: Path) -> Release:
    """What the release in a package is.

    Raises
    ------
    InputError
        If the folder is no package, or a file that is uploaded is missing.
    """
    remove_leftovers(folder.parent)
    if not folder.is_dir() or not is_package(folder):
        raise InputError(f"{folder} is no package; name the folder that `rogi release build` made.")
    release = read_release(folder)
    for name, path in upload_files(folder).items():
        if not path.is_file():
            raise InputError(f"{path} is missing; {name} is uploaded too. Build the release again.")
    return release


def _find(
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


def _twin(folder: Path, release: Release, repository: Repository) -> Draft | None:
    """The record that this package became earlier, as from another checkout; None if there is none.

    Raises
    ------
    InputError
        If a record of the account is this version with other files.
    """
    ours = [r for r in repository.own() if is_published(r) and marker(release) in description_of(r)]
    for record in ours:
        number, doi = str(record["id"]), doi_of(record)
        if release.doi not in (None, doi):
            continue
        with tempfile.TemporaryDirectory(prefix="rogi-release-") as scratch:
            copy = Path(scratch) / folder.name
            shutil.copytree(folder, copy)
            shutil.copy(folder.with_name(f"{folder.name}.zip"), scratch)
            set_doi(copy, doi)
            digests = {name: f"md5:{md5_of(path)}" for name, path in upload_files(copy).items()}
        files = repository.record_files(number)
        if all(files.get(name, {}).get("checksum") == digest for name, digest in digests.items()):
            set_doi(folder, doi)
            write_state(folder, State(repository.address, record=number, published=True))
            return Draft(number, doi, f"{repository.address}/records/{number}", True)
    if ours:
        raise InputError(
            f"{release.name} is published already at {repository.address} with other files "
            f"({numbers_of(ours)}). A version is published once: raise the version in {RELEASE_FILE}."
        )
    return None


def _check_parent(draft: dict[str, Any], repository: Repository, version_of: str | None) -> None:
    """Whether a draft that was found is one of the record it should be a new version of."""
    if version_of is None:
        return
    record = repository.record(record_number(version_of))
    if record is None or parent_of(record) != parent_of(draft):
        raise InputError(
            f"Draft {draft['id']} of this package is not a new version of {version_of}. Leave out "
            "--new-version-of to go on with it, or delete it with --discard and build the package again."
        )


def _make(
    folder: Path, release: Release, repository: Repository, version_of: str | None, other_title: bool
) -> tuple[dict[str, Any], State]:
    """A new draft, its making noted first, so that it is found if the answer is lost."""
    now = dt.datetime.now(tz=dt.UTC).isoformat(timespec="seconds")
    if version_of is not None:
        number = record_number(version_of)
        record = repository.record(number)
        if record is None:
            raise InputError(
                f"There is no published record {number} at {repository.address}; check the DOI and server."
            )
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
            found = _find(release, repository, replace(state, record=""), None, None)
            if found is not None:
                return found, state
    raise RepositoryError(
        f"{lost} No draft was found since; run the same command again: it looks for one first.",
        lost.status,
    )


def _reserve(repository: Repository, draft: dict[str, Any]) -> str:
    number = str(draft["id"])
    for _ in range(LOOKS):
        doi = doi_of(draft)
        if doi:
            return doi
        try:
            draft = repository.reserve_doi(number)
        except UnansweredError:
            repository.wait(LOOK_WAIT_S)
            draft = repository.draft(number) or draft
        except RepositoryError as error:
            if error.status != 400:  # it has one already
                raise
            draft = repository.draft(number) or draft
            if not doi_of(draft):
                raise
    raise RepositoryError(
        f"{repository.address} reserved no DOI for draft {number}; run the command again later."
    )


def _describe(folder: Path, repository: Repository, state: State) -> State:
    """Send the metadata, unless they are those sent last: a human may have edited the draft since."""
    text = (folder / INVENIO).read_text(encoding="utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    if state.metadata == digest:
        return state
    draft = repository.draft(state.record) or {}
    content = json.loads(text)
    content["pids"] = draft.get("pids", {})  # a draft saved without its identifiers loses them
    answer = repository.update_draft(state.record, content)
    if answer.get("errors"):
        said = "; ".join(f"{e['field']}: {', '.join(map(str, e['messages']))}" for e in answer["errors"])
        if not all(e["field"].startswith("files") for e in answer["errors"]):
            raise RepositoryError(
                f"{repository.address} does not accept the metadata of draft {state.record}: {said}."
            )
    state = replace(state, metadata=digest)
    write_state(folder, state)
    return state


def _check(folder: Path, say: Say) -> None:
    """The whole of `rogi release check`: what is published cannot be taken back."""
    say("checking the package")
    checks = check_package(folder)
    if not checks.passed:
        failed = [item for item in checks.items if item.passed is False]
        said = "; ".join(f"{item.name}: {', '.join(item.faults[:SHOWN]) or item.detail}" for item in failed)
        raise InputError(
            f"{folder} does not pass `rogi release check`, so it was not published: {said}. Build the "
            "release again and upload it."
        )


def _verify(folder: Path, release: Release, repository: Repository, number: str) -> None:
    """Whether the draft holds the package as it is now."""
    draft = repository.draft(number) or {}
    if doi_of(draft) != release.doi:
        raise InputError(
            f"Draft {number} has the DOI {doi_of(draft) or 'none'}, the package {release.doi or 'none'}; run "
            "the command "
            "without --publish, which puts them in order."
        )
    files = repository.draft_files(number)
    wanted = upload_files(folder)
    wrong = [n for n, p in wanted.items() if not complete(files.get(n), f"md5:{md5_of(p)}")]
    wrong += sorted(set(files) - set(wanted))
    if wrong:
        raise InputError(
            f"The files of draft {number} are not those of {folder} ({', '.join(wrong)}); run the command "
            "without "
            "--publish, which uploads them."
        )


def _published(folder: Path, release: Release, repository: Repository, state: State) -> Draft:
    record = repository.record(state.record)
    if record is None:
        raise InputError(
            f"Record {state.record} is neither a draft nor published at {repository.address}; it was "
            "discarded there. "
            f"Remove {state_path(folder).name} to start anew."
        )
    write_state(folder, replace(state, published=True))
    doi = doi_of(record)
    if doi != release.doi:
        raise InputError(
            f"Record {state.record} was published with the DOI {doi}, the package has {release.doi}."
        )
    return Draft(state.record, doi, f"{repository.address}/records/{state.record}", True)
