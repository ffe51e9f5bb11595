"""Fetching a release: with checksums, resumed where it broke off, from the cache if it is there."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from rogi.errors import InputError, OutputError, RogiError
from rogi.files import replacing, write_text
from rogi.release.contents import md5_of, sha256_of
from rogi.release.description import Release
from rogi.release.publishing.answers import CACHED, fault
from rogi.release.publishing.records import doi_of, record_number, refuse_foreign
from rogi.release.publishing.repository import CONNECT_S, READ_S, Repository, RepositoryError
from rogi.targets import CACHE_VARIABLE, cache_folder
from rogi.text import as_json

ATTEMPTS: Final = 4
_BLOCK: Final = 2**18
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A record in the cache.

    Attributes
    ----------
    folder
        Its files.
    package
        The zip that `rogi release build` made, if the record has one.
    """

    record: str
    doi: str
    title: str
    version: str
    folder: Path
    package: Path | None
    downloaded: tuple[str, ...]


def fetch(
    what: str,
    repository: Repository,
    *,
    release: Release | None = None,
    cache: Path | None = None,
    offline: bool = False,
    progress: Progress = lambda *_: None,
) -> Fetched:
    """The files of a published record, in the cache.

    Parameters
    ----------
    what
        DOI or number of the record.
    repository
        Where it is.
    release
        What is known of it: its checksums are compared too.
    cache
        Folder of the cache; by default :func:`cache_folder`.
    offline
        Use the cache only.
    progress
        Told name, bytes and size of each download.

    Raises
    ------
    InputError
        If the record or a file is not there, or what comes is not what was published.
    """
    number = record_number(what)
    refuse_foreign(what, repository.address)
    host = urlsplit(repository.address).netloc.replace(":", "_")
    folder = (cache or cache_folder()) / "records" / host / number
    record = _record(number, repository, folder, offline)
    refuse_foreign(what, repository.address, {"id": number, "doi": record["doi"]})
    files = {entry["key"]: entry for entry in record["files"]}
    downloaded = []
    for name, entry in sorted(files.items()):
        target = folder / _safe(name)
        if _is(target, entry["checksum"]):
            continue
        if offline:
            raise InputError(
                f"{name} of record {number} is not in the cache {folder}; fetch it without --offline."
            )
        _download(repository, number, name, entry, target, progress)
        downloaded.append(name)
    _compare(folder, release)
    package = next(
        (folder / n for n in sorted(files) if n.endswith(".zip") and _is_package(folder / n)), None
    )
    return Fetched(
        number, record["doi"], record["title"], record["version"], folder, package, tuple(downloaded)
    )


def cached_package(release: Release, cache: Path | None = None) -> Path | None:
    """The package or the files of a release that was fetched before, or None."""
    if release.doi is None:
        return None
    number = record_number(release.doi)
    for folder in sorted((cache or cache_folder()).glob(f"records/*/{number}")):
        record = _known(folder) if folder.is_dir() else None
        if record is not None and record["doi"].lower() == release.doi.lower():
            return readable(folder)
    return None


def readable(folder: Path) -> Path:
    """What to check of a folder of downloads: the package, else the only archive, else the folder."""
    archives = sorted(folder.glob("*.zip"))
    packages = [path for path in archives if _is_package(path)]
    return packages[0] if packages else (archives[0] if len(archives) == 1 else folder)


def _record_path(folder: Path) -> Path:
    """What the record says of itself, beside its files, which are read as they came."""
    return folder.with_name(f"{folder.name}.json")


def copy_out(fetched: Fetched, target: Path) -> list[Path]:
    """Copy the files of a record out of the cache, each whole or not at all.

    Raises
    ------
    OutputError
        If they cannot be written.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder {target} cannot be made: {error.strerror}.") from None
    made = []
    for path in sorted(fetched.folder.iterdir()):
        if not path.name.startswith(".") and path.is_file():
            with replacing(target / path.name) as temporary:
                shutil.copyfile(path, temporary)
            made.append(target / path.name)
    return made


def _known(folder: Path) -> dict[str, Any] | None:
    """What the record in a folder of the cache says of itself; None where that is missing or damaged."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        content = json.loads(_record_path(folder).read_text(encoding="utf-8"))
        if fault(content, CACHED) is None:
            return dict(content)
    return None


def _record(number: str, repository: Repository, folder: Path, offline: bool) -> dict[str, Any]:
    """What the record says of itself, from the cache if it is there: a published version does not change."""
    known = _record_path(folder)
    if (kept := _known(folder)) is not None:
        return kept
    known.unlink(missing_ok=True)
    if offline:
        raise InputError(
            f"Record {number} is not in the cache {folder.parent}; fetch it once without --offline."
        )
    found = repository.record(number)
    if found is None:
        raise InputError(
            f"There is no published record {number} at {repository.address}; check the DOI. The DOI of "
            "all versions is not that of one version: take it from the page of the version."
        )
    entries = repository.record_files(number)
    if not entries:
        raise InputError(f"Record {number} at {repository.address} has no public files; check the DOI.")
    record = {
        "record": str(found["id"]),
        "doi": doi_of(found) or str(found.get("doi") or ""),
        "title": str(found.get("metadata", {}).get("title", "")),
        "version": str(found.get("metadata", {}).get("version", "")),
        "files": [{key: e.get(key) for key in ("key", "checksum", "size")} for e in entries.values()],
    }
    if (wrong := fault(record, CACHED)) is not None:
        raise InputError(
            f"{repository.address} does not say what the files of record {number} are ({wrong}); run the "
            "command again later, or download them by hand."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The cache {folder} cannot be made: {error.strerror}; set {CACHE_VARIABLE} to another."
        ) from None
    write_text(known, as_json(record, 1), state=True)
    return record


def _download(
    repository: Repository, number: str, name: str, entry: dict[str, Any], target: Path, progress: Progress
) -> None:
    """One file by pooch, which compares the checksum and puts it in its place."""
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it would tell every address on stderr
    url = repository.content_address(number, name)
    resuming = _Resuming(name, target.with_name(f".{target.name}.part"), entry, repository, progress)
    try:
        pooch.retrieve(
            url, known_hash=entry["checksum"], fname=target.name, path=target.parent, downloader=resuming
        )
    except ValueError:  # pooch's word for another checksum
        resuming.part.unlink(missing_ok=True)
        raise InputError(
            f"{name} of record {number} came with another checksum than {repository.address} states, so it "
            "was thrown "
            "away; fetch it again."
        ) from None
    except OSError as error:
        raise OutputError(f"{target} could not be written: {error.strerror or error}.") from None


class _Resuming:
    """A downloader for pooch that keeps what came and asks for the rest."""

    def __init__(
        self, name: str, part: Path, entry: dict[str, Any], repository: Repository, progress: Progress
    ) -> None:
        self.name, self.part, self.entry = name, part, entry
        self.repository, self.progress = repository, progress

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        size = int(self.entry["size"])
        wait = 1.0
        for attempt in range(1, ATTEMPTS + 1):
            done = self.part.stat().st_size if self.part.is_file() else 0
            if done == size and _is(self.part, self.entry["checksum"]):
                break
            if done >= size:
                self.part.unlink(missing_ok=True)
                done = 0
            try:
                self._rest(url, done, size)
                break
            except ConnectionError as error:
                if attempt == ATTEMPTS:
                    raise RepositoryError(
                        f"{self.name} broke off {ATTEMPTS} times ({error}); what came is kept: run the "
                        "command again."
                    ) from None
                self.repository.wait(wait)
                wait *= 4
        self.part.replace(output_file)

    def _rest(self, url: str, done: int, size: int) -> None:
        import requests

        headers = {"User-Agent": "rogi"} | ({"Range": f"bytes={done}-"} if done else {})
        home = urlsplit(url)
        try:
            for _ in range(3):  # repositories may send to their storage
                answer = requests.get(
                    url, headers=headers, stream=True, timeout=(CONNECT_S, READ_S), allow_redirects=False
                )
                if answer.status_code not in (301, 302, 303, 307, 308):
                    break
                url = urljoin(url, answer.headers.get("Location", ""))
                if urlsplit(url).scheme != "https" and urlsplit(url).netloc != home.netloc:
                    raise RepositoryError(
                        f"{self.name}: the repository sends to {url}, which is not encrypted."
                    )
            with answer:
                if answer.status_code not in (200, 206):
                    if answer.status_code in (429, 500, 502, 503, 504):
                        raise ConnectionError(f"answer {answer.status_code}")
                    raise RepositoryError(f"{url} answered {answer.status_code}.", answer.status_code)
                keep = answer.status_code == 206
                done = done if keep else 0
                with self.part.open("ab" if keep else "wb") as stream:
                    for block in answer.iter_content(_BLOCK):
                        done += len(block)
                        if done > size:
                            raise RepositoryError(
                                f"{self.name} is longer than the record says; it was not kept."
                            )
                        stream.write(block)
                        self.progress(self.name, done, size)
            if done < size:
                raise ConnectionError(f"{done:,} of {size:,} bytes came")
        except requests.RequestException as error:
            raise ConnectionError(type(error).__name__) from None
        except ValueError:
            raise RepositoryError(
                f"{self.name}: the repository sends to {url!r}, which is no address."
            ) from None


def _compare(folder: Path, release: Release | None) -> None:
    for file in release.files if release is not None else ():
        path = folder / file.name
        if file.sha256 is not None and path.is_file() and sha256_of(path) != file.sha256:
            raise InputError(
                f"{file.name} is not the file release.yaml states (its sha256 differs); the record is that "
                "of "
                "something else, or release.yaml is wrong."
            )


def _safe(name: str) -> str:
    """A name from a server as one of a file here.

    Raises
    ------
    InputError
        If it would lead elsewhere.
    """
    if not name or name.startswith(".") or "/" in name or "\\" in name or "\x00" in name:
        raise InputError(f"The record has a file {name!r}, which is no plain name; it was not downloaded.")
    return name


def _is(path: Path, checksum: str) -> bool:
    kind, _, digest = checksum.partition(":")
    if not path.is_file():
        return False
    return {"md5": md5_of, "sha256": sha256_of}.get(kind, lambda _: "")(path) == digest


def _is_package(path: Path) -> bool:
    from rogi.release.previous import is_package

    try:
        return is_package(path)
    except (RogiError, OSError, ValueError):
        return False
