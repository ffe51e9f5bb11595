"""Publishing a package: one draft, whatever happens, and one record in the end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rogi.errors import InputError, RogiError
from rogi.files import remove_leftovers
from rogi.release.build import set_doi
from rogi.release.checking.check import SHOWN, check_package
from rogi.release.checksums import package_faults, verify_package
from rogi.release.contents import md5_of
from rogi.release.description import FILE as RELEASE_FILE
from rogi.release.description import Release, read_release
from rogi.release.metadata import INVENIO
from rogi.release.previous import is_package
from rogi.release.publishing.claim import (
    LOOK_WAIT_S,
    LOOKS,
    became,
    check_parent,
    find,
    make,
    refuse_second,
    reserve,
    twin,
)
from rogi.release.publishing.draft import Draft, State, alone, read_state, state_path, write_state
from rogi.release.publishing.records import doi_of
from rogi.release.publishing.repository import Repository, RepositoryError, UnansweredError
from rogi.release.publishing.upload import complete, upload, upload_files

Say = Callable[[str], None]


@alone
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
    try:
        return _prepare(folder, release, repository, version_of, adopt, other_title, say, progress)
    except RepositoryError as error:  # the draft is gone: it may be that another run has published it
        number = read_state(folder, repository.address).record
        if error.status != 404 or not number or repository.record(number) is None:
            raise
        return _published(folder, repository, number)


def _prepare(
    folder: Path,
    release: Release,
    repository: Repository,
    version_of: str | None,
    adopt: str | None,
    other_title: bool,
    say: Say,
    progress: Callable[[str, int, int], None],
) -> Draft:
    state = read_state(folder, repository.address)
    if state.published:
        return _published(folder, repository, state.record)
    verify_package(folder)
    draft = find(release, repository, state, adopt, version_of)
    if draft is None and state.record:
        if repository.record(state.record) is not None:
            return _published(folder, repository, state.record)
        say(f"draft {state.record} is gone; a new one is made")
        state = State(repository.address)
    if draft is None and adopt is None:
        published = twin(folder, release, repository)
        if published is not None:
            say(f"{release.name} is published already, as record {published.record}; nothing is uploaded")
            return published
    made = draft is None
    if draft is None:
        if release.doi is not None:  # refused before a draft is made that could not be completed
            raise InputError(
                f"{folder} has the DOI {release.doi} already, and there is no draft with it at "
                f"{repository.address}: it is published, or the draft was discarded. To publish something "
                f"else, remove the DOI from {RELEASE_FILE} and build the package again."
            )
        draft, state = make(folder, release, repository, version_of, other_title)
        say(f"made draft {draft['id']}")
    else:
        check_parent(draft, repository, version_of)
        say(f"found draft {draft['id']}")
    number = str(draft["id"])
    state = replace(state, record=number)
    write_state(folder, state)
    if not doi_of(draft) and adopt is None:
        published = refuse_second(folder, release, repository, draft, made=made)
        if published is not None:
            say(f"another run published {release.name}, as record {published.record}")
            return published
    doi = reserve(release, repository, draft)
    set_doi(folder, doi)
    verify_package(folder)
    state = _describe(folder, repository, state)
    upload(folder, release, repository, number, say, progress)
    return Draft(number, doi, f"{repository.address}/uploads/{number}", False)


@alone
def publish(folder: Path, repository: Repository, *, say: Say = print) -> Draft:
    """Publish the draft of a package, once, and submit the record to the communities of its ``release.yaml``.

    Raises
    ------
    InputError
        If there is no draft, it is not that of the package as it is now, files were added, changed or removed
        since the build, or the package does not pass `rogi release check`.
    RepositoryError
        If the repository refuses, or it cannot be told whether it published.
    """
    release = read_package(folder)
    made = _publish(folder, release, repository, say)
    for community in release.communities:
        try:
            said = repository.submit(made.record, community)
        except RepositoryError as error:  # the record is public all the same
            said = str(error)
        what = "submitted" if not said else f"not submitted: {said}"
        say(f"community {community}: record {made.record} {what}")
    return made


def _publish(folder: Path, release: Release, repository: Repository, say: Say) -> Draft:
    state = read_state(folder, repository.address)
    if not state.record:
        raise InputError(f"{folder} has no draft at {repository.address}; make it first, without --publish.")
    if state.published or repository.draft(state.record) is None:
        return _published(folder, repository, state.record)
    verify_package(folder)
    say("checking the package")
    check_whole(folder)
    try:
        _verify(folder, release, repository, state.record)
    except RogiError:
        if repository.draft(state.record) is None:  # another run has published it
            return _published(folder, repository, state.record)
        raise
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
            "again: it looks first."
        )
    return _published(folder, repository, state.record)


@alone
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
    draft = find(release, repository, state, None, None)
    if draft is None:
        return ""
    repository.discard(str(draft["id"]))
    state_path(folder).unlink(missing_ok=True)
    return str(draft["id"])


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


def check_whole(folder: Path) -> None:
    """The whole of `rogi release check`: what is published cannot be taken back.

    Raises
    ------
    InputError
        If a check fails; the message says which.
    """
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


def _published(folder: Path, repository: Repository, number: str) -> Draft:
    """The record that the package became."""
    record = repository.record(number)
    if record is None:
        raise InputError(
            f"Record {number} is neither a draft nor published at {repository.address}; it was discarded "
            f"there. Remove {state_path(folder).name} to start anew."
        )
    own, doi = read_release(folder).doi, doi_of(record)
    if own not in (None, doi):
        raise InputError(f"Record {number} was published with the DOI {doi}, the package has {own}.")
    if faults := package_faults(folder):
        raise InputError(
            f"{folder} was changed after it was published as record {number}: {faults}. The record stays as "
            f"it is; get its files with `rogi release fetch {doi}`, and bring changes out as a new version."
        )
    made = became(folder, repository, record)
    if made is None:
        raise InputError(
            f"Record {number} at {repository.address} was published with files other than those of {folder}. "
            f"A version is published once: raise the version in {RELEASE_FILE}."
        )
    return made
