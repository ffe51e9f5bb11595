"""Two runs at once: in whatever order, one record results; the other run stops or finds it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rogi.errors import InputError, OutputError, RogiError
from rogi.files import locked
from rogi.release.publishing import publish as publishing
from rogi.release.publishing.publish import discard, prepare, publish
from rogi.release.publishing.repository import HttpTransport, Repository

from .invenio_server import TOKEN, Server, running
from .test_publish import assert_one_record, client, copied, quiet

WAIT_S = 60  # for the other thread; a test that fails does not hang


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as made:
        yield made


class Meddled(HttpTransport):
    """Calls something before the n-th request that fits."""

    def __init__(self, before: Callable[[], object], fits: Callable[[int, str, str], bool]) -> None:
        super().__init__(TOKEN)
        self.before, self.fits = before, fits
        self.count = 0
        self.done = False

    def __call__(self, method: str, url: str, json: Any, data: Any) -> Any:
        self.count += 1
        if not self.done and self.fits(self.count, method, url):
            self.done = True
            self.before()
        return super().__call__(method, url, json, data)


def meddled(
    server: Server, before: Callable[[], object], fits: Callable[[int, str, str], bool]
) -> Repository:
    return Repository(server.address, Meddled(before, fits), sleep=quiet, say=quiet)


def making(_: int, method: str, url: str) -> bool:
    return method == "POST" and url.endswith("/api/records")


def whole(folder: Path, repository: Repository, version_of: str | None = None) -> None:
    prepare(folder, repository, version_of=version_of, say=quiet)
    publish(folder, repository, say=quiet)


def test_of_two_drafts_the_older_stays(server: Server, releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """Both see nothing and make a draft: one goes on, the other deletes its own and stops."""
    folders = [copied(releases.first, tmp_path / name) for name in ("one", "other")]
    barrier = threading.Barrier(2)
    said: list[object] = []

    class Together(HttpTransport):
        """Both send their POST at once, and go on when both have their answer."""

        def __call__(self, method: str, url: str, json: Any, data: Any) -> Any:
            made = making(0, method, url)
            if made:
                barrier.wait(WAIT_S)
            answer = super().__call__(method, url, json, data)
            if made:
                barrier.wait(WAIT_S)
            return answer

    def run(folder: Path) -> None:
        try:
            said.append(
                prepare(
                    folder, Repository(server.address, Together(TOKEN), sleep=quiet, say=quiet), say=quiet
                )
            )
        except RogiError as error:
            said.append(error)

    threads = [threading.Thread(target=run, args=(folder,)) for folder in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert len(server.store.records) == 2 and len(server.store.drafts) == 1
    (refused,) = (s for s in said if isinstance(s, InputError))
    (made,) = (s for s in said if not isinstance(s, RogiError))
    oldest = min(server.store.records.values(), key=lambda r: r.created)
    assert made.record == oldest.id and f"draft {oldest.id}" in str(refused)  # type: ignore[attr-defined]
    for folder in folders:  # both again, one after the other
        whole(folder, client(server))
    assert_one_record(server, folders[1])


def test_a_lagging_search_is_waited_for(server: Server, releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The other draft was made first, and the search shows neither at first."""
    one, other = (copied(releases.first, tmp_path / name) for name in ("one", "other"))

    def before() -> None:
        prepare(one, client(server), say=quiet)
        server.store.hidden = 3

    repository = meddled(
        server, before, lambda _, method, url: method == "POST" and url.endswith("/api/records")
    )
    with pytest.raises(InputError, match="Another run is uploading"):
        prepare(other, repository, say=quiet)
    assert len(server.store.drafts) == 1
    whole(other, client(server))
    assert_one_record(server, other)


def test_what_another_run_published_in_between_is_found(server: Server, releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The other run did everything between the look and the making: the package gets that DOI."""
    one, other = (copied(releases.first, tmp_path / name) for name in ("one", "other"))
    repository = meddled(
        server,
        lambda: whole(one, client(server)),
        lambda _, m, url: m == "POST" and url.endswith("/api/records"),
    )
    assert prepare(other, repository, say=quiet).published
    assert publish(other, repository, say=quiet).record == server.store.published[0].id
    assert_one_record(server, other)


def test_one_draft_of_a_new_version_is_taken_once(server: Server, releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The server gives both runs the same draft; it reserves one DOI, and who did not get it stops."""
    first = copied(releases.first, tmp_path)
    whole(first, client(server))
    number = server.store.published[0].id
    one, other = (copied(releases.second, tmp_path / name) for name in ("one", "other"))
    repository = meddled(
        server,
        lambda: prepare(one, client(server), version_of=number, adopt=server.store.drafts[0].id, say=quiet),
        lambda _, m, url: m == "POST" and url.endswith("/pids/doi"),
    )
    with pytest.raises(InputError, match="has just taken draft"):
        prepare(other, repository, version_of=number, say=quiet)
    whole(one, client(server), number)
    whole(other, client(server), number)
    assert [r.index for r in server.store.published] == [1, 2] and server.store.drafts == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "version_of"), [*((k, False) for k in range(2, 24, 2)), *((k, True) for k in (3, 5, 6, 8, 12))]
)
def test_any_order_of_two_runs_ends_in_one_record(
    server: Server,
    releases,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    version_of: bool,
) -> None:
    """The other run does all its requests before the n-th of this one; then this one is run again."""
    monkeypatch.setattr(publishing, "check_whole", quiet)  # of the package: shown elsewhere, and slow
    number = None
    if version_of:
        whole(copied(releases.first, tmp_path), client(server))
        number = server.store.published[0].id
    built = releases.second if version_of else releases.first
    one, other = (copied(built, tmp_path / name) for name in ("one", "other"))

    def before() -> None:
        try:
            whole(one, client(server), number)
        except RogiError as error:  # a draft of the new version that is not known as ours yet
            assert "--adopt" in str(error) or "several" in str(error)

    repository = meddled(server, before, lambda count, *_: count == step)
    for _ in range(2):
        try:
            whole(other, repository, number)
            break
        except RogiError as error:
            assert "another run" in str(error).lower() or "run the" in str(error)
    whole(one, client(server), number)
    assert [r.metadata["version"] for r in server.store.published] == ["1.0", "1.1"][: 1 + version_of]
    assert server.store.drafts == []


def test_two_runs_on_one_package_exclude_each_other(server: Server, releases, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """While one is at work on a folder, prepare, publish and discard say so and change nothing."""
    folder = copied(releases.first, tmp_path)
    said: list[str] = []

    def meanwhile() -> None:
        for step in (prepare, publish):
            with pytest.raises(OutputError, match="Another run is publishing") as refused:
                step(folder, client(server), say=quiet)
            said.append(str(refused.value))
        with pytest.raises(OutputError, match="Another run is publishing"):
            discard(folder, client(server))

    prepare(folder, meddled(server, meanwhile, lambda count, *_: count == 3), say=quiet)
    assert len(said) == 2 and str(folder) in said[0]
    assert not folder.with_name(f"{folder.name}.lock").exists()
    publish(folder, client(server), say=quiet)
    assert_one_record(server, folder)


def test_a_lock_that_a_killed_run_left_holds_nothing(tmp_path: Path) -> None:
    """The file of a process that is gone; and a lock that was removed by its holder is made anew."""
    path = tmp_path / "x.lock"
    path.touch()
    with locked(path, "busy"), pytest.raises(OutputError, match="busy"), locked(path, "busy"):
        pass
    assert not path.exists()
    with locked(tmp_path / "none" / "x.lock", "busy"):  # nowhere to write: nothing is locked
        pass
