"""Publishing to a repository over HTTP: one record with the right files, whatever goes wrong on the way."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from rogi.archives import write_zip
from rogi.errors import InputError, OptionError, RogiError
from rogi.release.build import build, set_doi
from rogi.release.checking.check import check_package
from rogi.release.description import read_release
from rogi.release.metadata import checksums
from rogi.release.previous import read_previous
from rogi.release.publishing.claim import refuse_other_record
from rogi.release.publishing.publish import discard, prepare, publish
from rogi.release.publishing.records import record_number
from rogi.release.publishing.rehearsal import rehearse
from rogi.release.publishing.repository import HttpTransport, Repository, RepositoryError, token_for
from rogi.release.publishing.upload import upload_files

from .invenio_server import OTHER_TOKEN, TOKEN, Fault, Record, Server, running


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as made:
        yield made


@pytest.fixture
def folder(releases, tmp_path: Path) -> Path:  # type: ignore[no-untyped-def]
    """A copy of the package of 1.0: publishing puts a DOI into it."""
    return copied(releases.first, tmp_path)


def copied(built, target: Path) -> Path:  # type: ignore[no-untyped-def]
    folder = target / built.folder.name
    shutil.copytree(built.folder, folder)
    shutil.copy(built.zip, target)
    return folder


def client(server: Server, token: str = TOKEN) -> Repository:
    waits: list[float] = []
    made = Repository(server.address, HttpTransport(token), sleep=waits.append, say=lambda _: None)
    made.waits = waits  # type: ignore[attr-defined]
    return made


def quiet(*_: object) -> None:
    """Say nothing."""


def md5s(folder: Path) -> dict[str, str]:
    return {
        name: hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        for name, path in upload_files(folder).items()
    }


def assert_one_record(server: Server, folder: Path) -> None:
    """Exactly one published record, no draft left, its files those of the package, its DOI in the package."""
    (record,) = server.store.published
    assert server.store.drafts == []
    held = {n: hashlib.md5(e["data"], usedforsecurity=False).hexdigest() for n, e in record.files.items()}
    assert held == md5s(folder)
    assert record.pids["doi"]["identifier"] == read_release(folder).doi
    assert check_package(folder.with_name(f"{folder.name}.zip")).passed


def test_from_package_to_record(server: Server, folder: Path) -> None:
    """Draft, DOI, upload, then, as a step of its own, publication; both steps again change nothing."""
    repository = client(server)
    draft = prepare(folder, repository, say=quiet)
    assert not draft.published and draft.address == f"{server.address}/uploads/{draft.record}"
    assert len(server.store.drafts) == 1 and server.store.published == []
    made = publish(folder, repository, say=quiet)
    assert made.published and made.doi == draft.doi == f"10.5072/zenodo.{draft.record}"
    assert_one_record(server, folder)
    server.store.log.clear()
    assert publish(folder, repository, say=quiet).record == made.record
    assert prepare(folder, repository, say=quiet).published
    assert {method for method, _, _ in server.store.log} == {"GET"}


def test_a_package_that_has_a_doi_gets_no_second_draft(server: Server, folder: Path) -> None:
    """Published, and what was known of the draft is lost: it is found, the package stays as it is."""
    repository = client(server)
    prepare(folder, repository, say=quiet)
    publish(folder, repository, say=quiet)
    folder.with_name(f"{folder.name}.draft.json").unlink()
    before = md5s(folder)
    assert prepare(folder, repository, say=quiet).published
    assert md5s(folder) == before
    assert_one_record(server, folder)


def test_a_package_with_a_doi_of_nothing_is_refused(server: Server, folder: Path) -> None:
    """Its draft was discarded elsewhere, or it is of another account: nothing is made."""
    set_doi(folder, "10.5072/zenodo.99")
    with pytest.raises(InputError, match="already"):
        prepare(folder, client(server), say=quiet)
    assert server.store.records == {}


def test_a_fresh_checkout_finds_what_it_published(
    server: Server,
    releases,  # type: ignore[no-untyped-def]
    folder: Path,
    tmp_path: Path,
) -> None:
    """The same package, built again without DOI or state: published once, and it gets the DOI it has."""
    repository = client(server)
    prepare(folder, repository, say=quiet)
    made = publish(folder, repository, say=quiet)
    again = copied(releases.first, tmp_path / "again")
    found = prepare(again, repository, say=quiet)
    assert found == made
    assert md5s(again) == md5s(folder)
    assert publish(again, repository, say=quiet) == made
    assert_one_record(server, again)


def test_one_version_is_published_once(
    server: Server,
    releases,  # type: ignore[no-untyped-def]
    folder: Path,
    tmp_path: Path,
) -> None:
    """Another package of the same name and version is refused, whatever the first became."""
    repository = client(server)
    prepare(folder, repository, say=quiet)
    publish(folder, repository, say=quiet)
    text = "# Other\n"
    source = tmp_path / "releases" / "1.0"
    shutil.copytree(releases.folders[0], source)
    (source / "CHANGELOG.md").write_text(text, encoding="utf-8")
    other = build(read_release(source), releases.versions.first, tmp_path / "other")
    with pytest.raises(InputError, match="raise the version"):
        prepare(other.folder, repository, say=quiet)
    assert_one_record(server, folder)


def test_a_draft_of_another_record_is_not_taken_for_a_new_version(
    server: Server,
    releases,  # type: ignore[no-untyped-def]
    folder: Path,
    tmp_path: Path,
) -> None:
    """Begun as a record of its own, then as a version of 1.0: refused, and the draft stays as it is."""
    repository = client(server)
    prepare(folder, repository, say=quiet)
    first = publish(folder, repository, say=quiet)
    second = copied(releases.second, tmp_path)
    draft = prepare(second, repository, say=quiet)
    server.store.log.clear()
    with pytest.raises(InputError, match="not a new version"):
        prepare(second, repository, version_of=first.doi, say=quiet)
    assert {method for method, _, _ in server.store.log} == {"GET"}
    assert prepare(second, repository, say=quiet).record == draft.record


CREATE, VERSION = r"/api/records$", r"/versions$"
RESERVE, UPDATE = r"/pids/doi$", r"/draft$"
START, CONTENT, COMMIT, PUBLISH = r"/draft/files$", r"/content$", r"/commit$", r"/publish$"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["429", "500", "lost", "500-done"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CREATE),
        ("POST", RESERVE),
        ("PUT", UPDATE),
        ("GET", UPDATE),
        ("POST", START),
        ("PUT", CONTENT),
        ("POST", COMMIT),
        ("POST", PUBLISH),
        ("GET", r"/user/records$"),
    ],
)
def test_any_fault_at_any_request_is_survived(
    server: Server, folder: Path, method: str, path: str, kind: str
) -> None:
    """Each request fails in each way; in one run, or in the next, one record results."""
    server.store.faults = [Fault(method, path, kind)]
    repository = client(server)
    for _ in range(3):
        try:
            prepare(folder, repository, say=quiet)
            publish(folder, repository, say=quiet)
            break
        except RogiError:
            continue
    assert_one_record(server, folder)
    if kind == "429":
        assert 3.0 in repository.waits  # type: ignore[attr-defined]  # as Retry-After asked


@pytest.mark.parametrize("kind", ["cut", "garbled"])
def test_an_upload_that_breaks_is_sent_again(server: Server, folder: Path, kind: str) -> None:
    """A connection cut after some bytes, and a bit flipped on the way: the checksum decides."""
    server.store.faults = [Fault("PUT", r"\.zip/content$", kind, times=2)]
    repository = client(server)
    prepare(folder, repository, say=quiet)
    publish(folder, repository, say=quiet)
    assert_one_record(server, folder)


def test_a_slow_answer_is_waited_for(server: Server, folder: Path) -> None:
    """An answer that takes its time is no failure."""
    server.store.faults = [Fault("PUT", CONTENT, "slow")]
    server.store.gate.set()
    prepare(folder, client(server), say=quiet)
    assert len(server.store.drafts) == 1


def test_many_faults_in_a_row(server: Server, folder: Path) -> None:
    """A bad day: everything fails once or twice; the command is run until it ends well."""
    kinds = ["500", "lost", "429", "500-done", "cut"]
    places = [
        ("POST", CREATE),
        ("POST", RESERVE),
        ("PUT", UPDATE),
        ("PUT", CONTENT),
        ("POST", COMMIT),
        ("POST", PUBLISH),
    ]
    server.store.faults = [
        Fault(m, p, kinds[(i + j) % 5]) for i, (m, p) in enumerate(places) for j in range(2)
    ]
    for _ in range(10):
        try:
            prepare(folder, client(server), say=quiet)
            publish(folder, client(server), say=quiet)
            break
        except RogiError:
            continue
    assert_one_record(server, folder)


@pytest.mark.slow
@pytest.mark.parametrize("step", [1, 2, 4, 6, 8, 10, 12, 14, 16])
def test_interrupted_anywhere_the_same_command_goes_on(server: Server, folder: Path, step: int) -> None:
    """The process dies at the n-th request, its answer unseen; what was uploaded is not uploaded again."""

    class Killed(BaseException):
        pass

    class Dying(HttpTransport):
        count = 0

        def __call__(self, *arguments):  # type: ignore[no-untyped-def]
            answer = super().__call__(*arguments)
            Dying.count += 1
            if Dying.count == step:
                raise Killed
            return answer

    dying = Repository(server.address, Dying(TOKEN), sleep=quiet, say=quiet)
    with pytest.raises(Killed):
        prepare(folder, dying, say=quiet)
        publish(folder, dying, say=quiet)
        raise Killed
    prepare(folder, client(server), say=quiet)
    publish(folder, client(server), say=quiet)
    assert_one_record(server, folder)


def test_a_lagging_search_makes_no_second_draft(server: Server, folder: Path) -> None:
    """The answer to the making of a draft is lost, and the search does not know the draft yet."""
    server.store.faults = [Fault("POST", CREATE, "lost")]
    server.store.hidden = 3
    prepare(folder, client(server), say=quiet)
    assert len(server.store.records) == 1


def test_complete_files_are_not_sent_again(server: Server, folder: Path) -> None:
    """A second run uploads nothing."""
    prepare(folder, client(server), say=quiet)
    server.store.log.clear()
    prepare(folder, client(server), say=quiet)
    assert not [1 for method, _, _ in server.store.log if method in ("PUT", "POST", "DELETE")]


def test_edits_of_a_human_in_the_draft_stay(server: Server, folder: Path) -> None:
    """Metadata corrected in the draft by hand are not overwritten by a second run or by publishing."""
    prepare(folder, client(server), say=quiet)
    (draft,) = server.store.drafts
    draft.metadata["description"] = "Better words"
    prepare(folder, client(server), say=quiet)
    publish(folder, client(server), say=quiet)
    assert server.store.published[0].metadata["description"] == "Better words"


def test_a_new_version_belongs_to_the_same_record(
    releases, server: Server, folder: Path, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    """1.1 as the next version of 1.0: same parent, next number; lost answers included."""
    repository = client(server)
    prepare(folder, repository, say=quiet)
    first = publish(folder, repository, say=quiet)
    second = copied(releases.second, tmp_path)
    server.store.faults = [Fault("POST", VERSION, "lost"), Fault("POST", PUBLISH, "lost")]
    draft = prepare(second, repository, version_of=first.doi, say=quiet)
    publish(second, repository, say=quiet)
    one, two = server.store.records[first.record], server.store.records[draft.record]
    assert one.parent == two.parent and (one.index, two.index) == (1, 2) and two.published
    assert two.metadata["version"] == "1.1" and two.metadata["publication_date"] == "2026-06-15"


def test_a_forgotten_draft_is_not_touched(releases, server: Server, folder: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A draft of a new version that somebody began by hand: refused with what to do; --adopt takes it."""
    repository = client(server)
    prepare(folder, repository, say=quiet)
    first = publish(folder, repository, say=quiet)
    forgotten = repository.new_version(first.record)["id"]
    before = dict(server.store.records[forgotten].metadata)
    second = copied(releases.second, tmp_path)
    with pytest.raises(InputError, match=f"--adopt {forgotten}"):
        prepare(second, repository, version_of=first.record, say=quiet)
    assert server.store.records[forgotten].metadata == before
    assert (
        prepare(second, repository, version_of=first.record, adopt=forgotten, say=quiet).record == forgotten
    )


def test_records_of_others_are_refused(releases, server: Server, folder: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """A new version of a record of somebody else, or of something else, or of nothing."""
    prepare(folder, client(server, OTHER_TOKEN), say=quiet)
    theirs = publish(folder, client(server, OTHER_TOKEN), say=quiet)
    second = copied(releases.second, tmp_path)
    with pytest.raises(RepositoryError, match="not yours"):
        prepare(second, client(server), version_of=theirs.record, say=quiet)
    with pytest.raises(InputError, match="no published record"):
        prepare(second, client(server), version_of="10.5072/zenodo.4711", say=quiet)
    server.store.records["77"] = Record("77", "78", 1, 1, "2026-01-01", {"title": "Fish"}, published=True)
    with pytest.raises(InputError, match="'Fish', not a version of"):
        prepare(second, client(server), version_of="77", say=quiet)
    assert not server.store.drafts


def test_the_record_of_another_inventory_is_refused(
    releases,  # type: ignore[no-untyped-def]
    server: Server,
    folder: Path,
    tmp_path: Path,
) -> None:
    """Of one title, but made by rogi of another inventory: nothing is made."""
    second = copied(releases.second, tmp_path)
    server.store.records["77"] = Record(
        "77",
        "78",
        1,
        1,
        "2026-01-01",
        {
            "title": read_release(second).title,
            "description": "<p>Package DryAndes_v1.0, made with rogi.</p>",
        },
        published=True,
    )
    with pytest.raises(InputError, match=r"Record 77 is DryAndes_v1\.0, a version of another inventory"):
        prepare(second, client(server), version_of="77", say=quiet)
    with pytest.raises(OptionError, match=r"has the DOI none, not 10\.5281/zenodo\.77"):
        prepare(second, client(server), version_of="10.5281/zenodo.77", say=quiet)
    assert not server.store.drafts


def test_the_record_is_that_of_the_version_before(
    releases,  # type: ignore[no-untyped-def]
    server: Server,
    folder: Path,
    tmp_path: Path,
) -> None:
    """By the DOI in the package: another record of the inventory is refused, a version of that one is taken.

    Three records: 1.0, a second of 1.0 by another account, and 1.1 as the next version of the first.
    """
    repository = client(server)
    prepare(folder, repository, say=quiet)
    first = publish(folder, repository, say=quiet)
    again = copied(releases.first, tmp_path / "again")
    prepare(again, client(server, OTHER_TOKEN), say=quiet)
    other = publish(again, client(server, OTHER_TOKEN), say=quiet)
    source = read_release(releases.folders[1])
    built = build(source, releases.versions.second, tmp_path / "out", previous=read_previous(folder))
    with pytest.raises(InputError, match=f"is a new version of {first.doi}.*--new-version-of {first.doi}"):
        prepare(built.folder, repository, version_of=other.doi, say=quiet)
    assert not server.store.drafts
    draft = prepare(built.folder, repository, version_of=first.record, say=quiet)
    assert server.store.records[draft.record].parent == server.store.records[first.record].parent
    made = publish(built.folder, repository, say=quiet)
    # another version of the same record is as good: the repository puts the draft after the last
    refuse_other_record(repository.record(made.record) or {}, made.doi, built.release, repository)


def test_a_trial_on_another_server_is_of_a_record_there(
    releases,  # type: ignore[no-untyped-def]
    server: Server,
    folder: Path,
    tmp_path: Path,
) -> None:
    """The version before has its DOI on Zenodo; the trial is a new version of its copy on the test server."""
    repository = client(server)
    on_zenodo = copied(releases.first, tmp_path / "zenodo")
    set_doi(on_zenodo, "10.5281/zenodo.4711")
    built = build(
        read_release(releases.folders[1]),
        releases.versions.second,
        tmp_path / "out",
        previous=read_previous(on_zenodo),
    )
    prepare(folder, repository, say=quiet)
    first = publish(folder, repository, say=quiet)
    assert not prepare(built.folder, repository, version_of=first.doi, say=quiet).published


def test_an_expired_token_is_said_and_never_shown(server: Server, folder: Path) -> None:
    """401 says how to get a new token; the token is in no message."""
    server.store.expired = True
    with pytest.raises(RepositoryError, match="make a new one") as caught:
        prepare(folder, client(server), say=quiet)
    assert TOKEN not in str(caught.value) and TOKEN not in repr(HttpTransport(TOKEN))
    assert server.store.records == {}


def test_what_the_repository_does_not_accept_is_said(server: Server, folder: Path) -> None:
    """Fields it refuses are named; nothing is published."""
    path = folder / "invenio.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    del record["metadata"]["publication_date"]
    record["metadata"]["colour"] = "red"
    repository = client(server)
    prepare(folder, repository, say=quiet)
    path.write_text(json.dumps(record), encoding="utf-8")
    (folder / "SHA256SUMS").write_text(checksums(folder), encoding="utf-8")
    with pytest.raises(InputError, match=r"invenio\.json is not that of the folder \(in Synth"):
        prepare(folder, repository, say=quiet)
    write_zip(folder, folder.with_name(f"{folder.name}.zip"), 0)
    with pytest.raises(RepositoryError, match=r"metadata\.publication_date.*metadata\.colour"):
        prepare(folder, repository, say=quiet)
    with pytest.raises(InputError, match=r"json: the checksum of invenio\.json is another"):
        publish(folder, repository, say=quiet)
    assert server.store.published == []


def _changed(folder: Path) -> None:
    (folder / "csv" / "Synthetic_Primary_Marker.csv").write_text("ID\n", encoding="utf-8")


def _added(folder: Path) -> None:
    (folder / "validation" / "notes.txt").write_text("x", encoding="utf-8")


def _removed(folder: Path) -> None:
    (folder / "CITATION.cff").unlink()


def _zip_changed(folder: Path) -> None:
    path = folder.with_name(f"{folder.name}.zip")
    content = bytearray(path.read_bytes())
    content[content.index(b"First release.")] ^= 1
    path.write_bytes(bytes(content))


def _zip_of_other_data(folder: Path) -> None:
    """A zip that is sound in itself, of other data than the folder's."""
    other = folder.parent / "other" / folder.name
    shutil.copytree(folder, other)
    _changed(other)
    (other / "SHA256SUMS").write_text(checksums(other), encoding="utf-8")
    write_zip(other, folder.with_name(f"{folder.name}.zip"), 0)


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (_changed, r"csv/Synthetic_Primary_Marker\.csv was changed: its checksum is not that of SHA256SUMS"),
        (_added, r"validation/notes\.txt does not belong"),
        (_removed, r"CITATION\.cff is missing"),
        (_zip_changed, r"Synthetic_v1\.0\.zip is damaged"),
        (_zip_of_other_data, r"csv/Synthetic_Primary_Marker\.csv is not that of the folder"),
    ],
)
def test_only_what_was_built_is_uploaded(
    server: Server, folder: Path, edit: Callable[[Path], None], named: str
) -> None:
    """A file added, changed or removed since the build is named; nothing is sent, no checksum made again."""
    edit(folder)
    before = (folder / "SHA256SUMS").read_bytes()
    for step in (prepare, publish):
        with pytest.raises(InputError, match=named if step is prepare else r"draft"):
            step(folder, client(server), say=quiet)
    with pytest.raises(InputError, match=named):
        rehearse(folder, server.address)
    assert server.store.records == {}
    assert (folder / "SHA256SUMS").read_bytes() == before


@pytest.mark.parametrize("edit", [_changed, _added, _removed])
def test_a_package_changed_since_the_build_gets_no_doi(folder: Path, edit: Callable[[Path], None]) -> None:
    """New metadata do not make a changed file valid."""
    edit(folder)
    with pytest.raises(InputError, match="is not what was built"):
        set_doi(folder, "10.5072/zenodo.1")
    assert read_release(folder).doi is None


def test_a_package_changed_after_the_upload_is_not_published(server: Server, folder: Path) -> None:
    """The files of the draft must be those of the package as it is now."""
    repository = client(server)
    prepare(folder, repository, say=quiet)
    (folder / "CHANGELOG.md").write_text("# Other\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"CHANGELOG\.md"):
        publish(folder, repository, say=quiet)
    assert server.store.published == []


@pytest.mark.parametrize("edit", [_changed, _added, _removed])
def test_a_package_changed_after_publication_is_told_so(
    server: Server, folder: Path, edit: Callable[[Path], None]
) -> None:
    """The file is named, and that the record stays; no word of raising the version of what is the same."""
    repository = client(server)
    prepare(folder, repository, say=quiet)
    made = publish(folder, repository, say=quiet)
    edit(folder)
    for step in (prepare, publish):
        with pytest.raises(InputError, match=r"changed after it was published") as told:
            step(folder, repository, say=quiet)
        assert f"rogi release fetch {made.doi}" in str(told.value)
        assert "raise the version" not in str(told.value)


def test_files_that_do_not_belong_are_taken_out(server: Server, folder: Path) -> None:
    """Files of the version before, imported into the draft, go."""
    repository = client(server)
    draft = prepare(folder, repository, say=quiet)
    server.store.records[draft.record].files["old.zip"] = {"status": "completed", "data": b"old"}
    with pytest.raises(InputError, match=r"old\.zip"):
        publish(folder, repository, say=quiet)
    prepare(folder, repository, say=quiet)
    publish(folder, repository, say=quiet)
    assert_one_record(server, folder)


def test_a_draft_can_be_discarded_a_record_cannot(
    server: Server, folder: Path, releases, tmp_path: Path
) -> None:  # type: ignore[no-untyped-def]
    """--discard deletes the own draft only, and lets the next run begin anew."""
    repository = client(server)
    number = prepare(folder, repository, say=quiet).record
    assert discard(folder, repository) == number
    assert server.store.records[number].discarded
    assert discard(folder, repository) == ""
    again = copied(releases.first, tmp_path / "again")
    prepare(again, repository, say=quiet)
    publish(again, repository, say=quiet)
    with pytest.raises(InputError, match="cannot be discarded"):
        discard(again, repository)


def test_a_package_of_another_server_is_refused(server: Server, folder: Path) -> None:
    """The DOI of one server is no DOI of another."""
    prepare(folder, client(server), say=quiet)
    other = Repository("https://zenodo.org", HttpTransport(TOKEN), sleep=quiet, say=quiet)
    with pytest.raises(InputError, match="was prepared for"):
        prepare(folder, other, say=quiet)


def test_addresses_and_numbers() -> None:
    """No token in the open, no path in a record's number."""
    for address in ("http://zenodo.org", "ftp://zenodo.org", "zenodo.org", ""):
        with pytest.raises(OptionError, match="https://"):
            Repository(address, HttpTransport("x"))
    assert record_number("10.5281/zenodo.10732042") == "10732042"
    assert record_number("https://zenodo.org/records/17/") == "17"
    for text in ("", "10.1000/xyz/..", "a b", ".."):
        with pytest.raises(OptionError):
            record_number(text)


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the sandbox and of Zenodo apart; without one the message says how to get one."""
    monkeypatch.setenv("ZENODO_SANDBOX_TOKEN", " abc\n")
    monkeypatch.delenv("ZENODO_TOKEN", raising=False)
    assert token_for(sandbox=True) == "abc"
    with pytest.raises(OptionError, match="ZENODO_TOKEN"):
        token_for(sandbox=False)
    monkeypatch.setenv("ZENODO_TOKEN", "a\nb")
    with pytest.raises(OptionError) as caught:
        token_for(sandbox=False)
    assert "a\nb" not in str(caught.value)


def test_several_drafts_are_named(server: Server, releases, folder: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Two drafts of one package, as of runs that were killed: both are named, --adopt takes one."""
    content = json.loads((folder / "invenio.json").read_text(encoding="utf-8"))
    numbers = [client(server).create_draft(content)["id"] for _ in range(2)]
    with pytest.raises(InputError) as refused:
        prepare(folder, client(server), say=quiet)
    assert str(refused.value) == (
        f"There are several drafts of Synthetic_v1.0 at {server.address} ({numbers[1]}, {numbers[0]}); "
        "discard all but one there, or name it with --adopt."
    )
    assert prepare(folder, client(server), adopt=numbers[0], say=quiet).record == numbers[0]


def test_communities_are_asked_when_a_record_is_published(server: Server, releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """One that takes it, one that is not there; a second run says that it is in it, and publishes nothing."""
    stated = replace(read_release(releases.folders[0]), communities=("permafrost", "nobody"))
    folder = build(stated, releases.versions.first, tmp_path).folder
    lines: list[str] = []
    prepare(folder, client(server), say=quiet)
    assert server.store.drafts[0].communities == []
    number = publish(folder, client(server), say=lines.append).record
    again: list[str] = []
    publish(folder, client(server), say=again.append)
    assert [line for line in lines if line.startswith("community")] == [
        f"community permafrost: record {number} submitted",
        f"community nobody: record {number} not submitted: Community not found.",
    ]
    assert again[0] == f"community permafrost: record {number} not submitted: The record is already included."
    assert server.store.published[0].communities == ["permafrost"]
