"""Fetching a published release: whole, checked, resumed, and from the cache without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rogi.cli.release import app
from rogi.errors import InputError, OptionError, RogiError
from rogi.release.description import File, Release, read_release
from rogi.release.publishing.fetch import cached_package, copy_out, fetch
from rogi.release.publishing.publish import prepare, publish
from rogi.release.publishing.repository import HttpTransport, Repository, RepositoryError

from .invenio_server import TOKEN, Fault, Record, Server, running


@dataclass
class Published:
    server: Server
    record: str
    doi: str
    release: Release


@pytest.fixture(scope="module")
def published(releases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:  # type: ignore[no-untyped-def]
    """1.0 of the synthetic inventory on a local server."""
    target = tmp_path_factory.mktemp("published")
    folder = target / releases.first.folder.name
    shutil.copytree(releases.first.folder, folder)
    shutil.copy(releases.first.zip, target)
    with running() as server:
        repository = Repository(server.address, HttpTransport(TOKEN), say=lambda _: None)
        prepare(folder, repository, say=lambda _: None)
        made = publish(folder, repository, say=lambda _: None)
        yield Published(server, made.record, made.doi, read_release(folder))


@pytest.fixture
def repository(published: Published) -> Repository:
    published.server.store.faults.clear()
    published.server.store.log.clear()
    return Repository(published.server.address, HttpTransport(""), sleep=lambda _: None, say=lambda _: None)


def test_a_release_is_fetched_and_found_again_offline(
    published: Published, repository: Repository, tmp_path: Path
) -> None:
    """By DOI, without a token; the second time nothing is asked of the server, offline or not."""
    first = fetch(published.doi, repository, cache=tmp_path)
    assert first.package is not None and len(first.downloaded) == 3
    assert (first.title, first.version) == ("A synthetic rock glacier inventory", "1.0")
    published.server.store.log.clear()
    for offline in (True, False):
        again = fetch(published.record, repository, cache=tmp_path, offline=offline)
        assert again.downloaded == () and again.package == first.package
    assert published.server.store.log == []
    assert cached_package(published.release, tmp_path) == first.package
    names = {path.name for path in copy_out(first, tmp_path / "out")}
    assert names == {"Synthetic_v1.0.zip", "README.md", "CHANGELOG.md"}


def test_a_download_that_breaks_goes_on(published: Published, repository: Repository, tmp_path: Path) -> None:
    """The connection ends in the middle: the rest is asked for, not the whole."""
    published.server.store.faults = [Fault("SEND", r"\.zip/content$", "half", times=2)]
    fetched = fetch(published.record, repository, cache=tmp_path)
    assert fetched.package is not None
    answers = [status for _, path, status in published.server.store.log if path.endswith(".zip/content")]
    assert answers == [200, 206, 206]


def test_what_came_is_kept_for_the_next_time(
    published: Published, repository: Repository, tmp_path: Path
) -> None:
    """After too many breaks the message says to run it again; the next run goes on."""
    published.server.store.faults = [Fault("SEND", r"\.zip/content$", "half", times=4)]
    with pytest.raises(RepositoryError, match="what came is kept"):
        fetch(published.record, repository, cache=tmp_path)
    published.server.store.log.clear()
    assert fetch(published.record, repository, cache=tmp_path).package is not None
    answers = [status for _, path, status in published.server.store.log if path.endswith(".zip/content")]
    assert answers == [206]


def test_a_changed_byte_on_the_way_is_seen(
    published: Published, repository: Repository, tmp_path: Path
) -> None:
    """The checksum the record states is not that of what came: nothing is kept."""
    entry = published.server.store.records[published.record].files["README.md"]
    good = entry["data"]
    fetch(published.record, repository, cache=tmp_path)
    cached = next(tmp_path.rglob("README.md"))
    cached.unlink()
    entry["data"] = good[:-1] + b"?"
    try:
        with pytest.raises(InputError, match="another checksum"):
            fetch(published.record, repository, cache=tmp_path)
    finally:
        entry["data"] = good
    assert not cached.exists()
    assert fetch(published.record, repository, cache=tmp_path).downloaded == ("README.md",)


def test_what_is_not_there_is_said(published: Published, repository: Repository, tmp_path: Path) -> None:
    """An unknown record, nothing in the cache, a DOI that is none, a wrong sha256 in release.yaml."""
    from dataclasses import replace

    with pytest.raises(InputError, match="no published record"):
        fetch("10.5072/zenodo.1", repository, cache=tmp_path)
    with pytest.raises(InputError, match="not in the cache"):
        fetch(published.record, repository, cache=tmp_path, offline=True)
    with pytest.raises(OptionError, match="no record"):
        fetch("10.1000/some thing", repository, cache=tmp_path)
    wrong = replace(published.release, files=(File("README.md", "0" * 64),))
    with pytest.raises(InputError, match="sha256 differs"):
        fetch(published.record, repository, cache=tmp_path, release=wrong)


@pytest.mark.parametrize("name", ["../evil", "/etc/passwd", ".hidden", "a\\b"])
def test_a_name_that_leads_elsewhere_is_refused(
    published: Published, repository: Repository, tmp_path: Path, name: str
) -> None:
    """Names come from the server and are not trusted."""
    store = published.server.store
    store.records["66"] = Record("66", "67", 1, 1, "2026-01-01", {"title": "x"}, published=True)
    store.records["66"].files = {name: {"status": "completed", "data": b"x"}}
    with pytest.raises(InputError, match="no plain name"):
        fetch("66", repository, cache=tmp_path)
    del store.records["66"]
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["66.json"]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_record_of_shapefiles_is_checked_against_its_release(  # type: ignore[no-untyped-def]
    releases, published: Published, repository: Repository, tmp_path: Path, zipped: bool
) -> None:
    """A record like that of TPRoGI v1.0, two Shapefiles, loose or in one archive: read as it came."""
    from rogi.release.checking.check import check_copy
    from rogi.release.publishing.fetch import readable

    source = releases.first.folder / "shapefile"
    files = {p.name: p.read_bytes() for p in source.iterdir()}
    if zipped:
        archive = shutil.make_archive(str(tmp_path / "data"), "zip", source)
        files = {"data.zip": Path(archive).read_bytes()}
    store = published.server.store
    store.records["55"] = Record("55", "56", 1, 1, "2026-01-01", {"title": "x"}, published=True)
    store.records["55"].files = {n: {"status": "completed", "data": d} for n, d in files.items()}
    fetched = fetch("55", repository, cache=tmp_path / "cache")
    del store.records["55"]
    assert fetched.package is None
    checks = check_copy(readable(fetched.folder), published.release)
    assert next(item for item in checks.items if item.name == "facts").passed


def run(*arguments: str, text: str | None = None) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), input=text)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_commands_from_package_to_reader(  # type: ignore[no-untyped-def]
    releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """publish, publish --publish (asked first), fetch, check of the version from the cache."""
    folder = tmp_path / releases.first.folder.name
    shutil.copytree(releases.first.folder, folder)
    shutil.copy(releases.first.zip, tmp_path)
    monkeypatch.setenv("ZENODO_SANDBOX_TOKEN", TOKEN)
    monkeypatch.setenv("ROGI_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    with running() as server:
        here = ("--server", server.address)
        code, out, _ = run("publish", str(folder), *here, "--dry-run")
        assert code == 0 and "/draft/actions/publish" not in out and server.store.log == []
        with pytest.raises(InputError, match="no draft"):
            run("publish", str(folder), *here, "--dry-run", "--publish")
        assert server.store.log == []
        code, out, err = run("publish", str(folder), *here)
        assert code == 0 and "reserved DOI 10.5072/zenodo." in out and TOKEN not in out + err
        asked = len(server.store.log)
        (number,) = server.store.records
        code, out, _ = run("publish", str(folder), *here, "--dry-run", "--publish")
        assert f"/api/records/{number}/draft/actions/publish" in out and "{number}" not in out
        code, out, _ = run("publish", str(folder), *here, "--dry-run")
        assert f"/api/records/{number}/draft/files" in out and "pids/doi" not in out
        assert len(server.store.log) == asked
        code, out, err = run("publish", str(folder), *here, "--publish", text="n\n")
        assert code == 1 and server.store.published == [] and out == "" and "[y/N]" in err
        with pytest.raises(OptionError, match=r"was not published: nobody answered\. Add --yes"):
            run("publish", str(folder), *here, "--publish", text="")
        assert server.store.published == []
        code, out, err = run("publish", str(folder), *here, "--publish", "--yes")
        assert code == 0 and "published" in out and TOKEN not in out + err
        doi = out.splitlines()[-1].removeprefix("https://doi.org/")
        code, out, err = run("fetch", doi, *here, "-o", "copy")
        assert (
            code == 0
            and "checks passed" in err
            and "failed" not in err
            and Path("copy/Synthetic_v1.0.zip").is_file()
        )
    shutil.copytree(releases.folders[0].parent, tmp_path / "releases")
    shutil.copy(folder / "release.yaml", tmp_path / "releases" / "1.0")
    code, out, _ = run("check", "1.0")
    assert code == 0 and "checks passed" in out and "failed" not in out
    with pytest.raises(RogiError, match="not in the cache"):
        run("check", "1.0", "--releases", str(_without_cache(tmp_path, monkeypatch)))


def _without_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROGI_CACHE", str(folder / "empty"))
    return folder / "releases"


def test_publish_options_that_exclude_each_other(releases, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Each says so; a release with a version before needs its record named."""
    monkeypatch.setenv("ZENODO_SANDBOX_TOKEN", TOKEN)
    folder = str(releases.second.folder)
    with pytest.raises(OptionError, match="exclude each other"):
        run("publish", folder, "--publish", "--discard")
    with pytest.raises(OptionError, match="exclude each other"):
        run("publish", folder, "--new-record", "--new-version-of", "1")
    for more in ([], ["--dry-run"]):
        with pytest.raises(OptionError, match="--new-version-of DOI"):
            run("publish", folder, "--server", "http://127.0.0.1:9", *more)
    code, out, _ = run("publish", folder, "--dry-run", "--adopt", "17")
    assert code == 0 and "/api/records/17/draft" in out and "{number}" not in out
    monkeypatch.delenv("ZENODO_SANDBOX_TOKEN")
    with pytest.raises(OptionError, match="ZENODO_SANDBOX_TOKEN"):
        run("publish", folder)


@pytest.mark.parametrize(
    ("doi", "options", "way"),
    [
        ("10.5072/zenodo.1003", [], "add --sandbox, or --server ADDRESS"),
        ("https://doi.org/10.5072/zenodo.1003", [], "add --sandbox"),
        ("10.5281/zenodo.1003", ["--sandbox"], "leave out --sandbox"),
    ],
)
def test_a_doi_of_another_repository_is_refused_before_it_is_asked(
    doi: str, options: list[str], way: str
) -> None:
    """The number of a record of the sandbox is that of somebody else's on Zenodo."""
    with pytest.raises(OptionError, match=way):
        run("fetch", doi, *options)


def test_a_record_of_the_same_number_elsewhere_is_refused(
    published: Published, repository: Repository, tmp_path: Path
) -> None:
    """Any server: the DOI that was asked for is that of what comes; from the cache too."""
    other = f"10.5281/zenodo.{published.record}"
    for offline in (False, True):
        with pytest.raises(OptionError, match=f"has the DOI {published.doi}, not {other}"):
            fetch(other, repository, cache=tmp_path, offline=offline)
    assert fetch(published.doi.upper(), repository, cache=tmp_path).doi == published.doi
    assert cached_package(replace(published.release, doi=other), tmp_path) is None
    assert cached_package(published.release, tmp_path) is not None
