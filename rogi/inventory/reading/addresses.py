"""Inventories behind addresses: each is downloaded once, into a cache with bounds."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from email.message import Message
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote, urlsplit

import pooch
import requests

from rogi.errors import InputError, OutputError
from rogi.paths import name_file, plain_name
from rogi.targets import CACHE_VARIABLE, cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT: Final = (15.0, 120.0)
"""Seconds for the connection, and between two parts of the answer."""

KEPT_DAYS: Final = 30
"""Days that a file stays in the cache after its last use."""

KEPT_BYTES: Final = 10 * 10**9
"""Bytes of all files in the cache; those whose last use was the longest ago make room."""

_BLOCK: Final = 1 << 20
_DAY: Final = 86_400
_SAFE: Final = re.compile(r"https://|http://(?:localhost|127\.0\.0\.1|\[::1\])[:/]", re.IGNORECASE)
_BUCKET: Final = re.compile(r"s3:/+([^/]+)/(.+)", re.IGNORECASE)


def downloaded(address: str, progress: Callable[[str, int, int], None]) -> Path:
    """The file behind an address, from the cache if the server says that it is still the same.

    Parameters
    ----------
    address
        ``https://…``, or ``s3://BUCKET/KEY`` of a public bucket.
    progress
        Called with what is done, and with how many of how many bytes.

    Raises
    ------
    InputError
        If there is no file, or the address or where it leads to is not encrypted.
    OutputError
        If the cache has no room.
    """
    url = _BUCKET.sub(lambda m: f"https://{m[1]}.s3.amazonaws.com/{quote(m[2])}", address)
    if not _SAFE.match(url):
        raise InputError(
            f"{address} cannot be read; addresses are https:// or s3://. Download the file and give its path."
        )
    headers = {"User-Agent": "rogi", "Accept-Encoding": "identity"}
    try:
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            path = _kept(address, answer, progress)
    except requests.RequestException as error:
        raise InputError(
            f"{address} could not be read ({type(error).__name__}); check the address and the network, or "
            "download the file and give its path."
        ) from None
    name_file(path, address)
    with contextlib.suppress(OSError):
        os.utime(path.parent)
        _tidy(path.parents[1])
    return path


def _tidy(cache: Path) -> None:
    """Remove files that were not used for long, and of too many the longest unused; none that is in use."""
    used = {folder: folder.stat().st_mtime for folder in cache.iterdir() if folder.is_dir()}
    sizes = {folder: sum(file.stat().st_size for file in folder.iterdir()) for folder in used}
    total, now = sum(sizes.values()), time.time()
    for folder, last in sorted(used.items(), key=lambda item: item[1]):
        old = now - last > KEPT_DAYS * _DAY
        if (old or total > KEPT_BYTES) and _removed(folder, now - last):
            total -= sizes[folder]


def _removed(folder: Path, age: float) -> bool:
    """Remove a folder of the cache, unless a process uses it; where that is not known, within a day."""
    try:
        import fcntl
    except ImportError:
        if age < _DAY:
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return not folder.exists()


_in_use: Final[dict[Path, int]] = {}
"""Folders that are held open: their locks end with the process, whatever it dies of."""


def _use(folder: Path) -> None:
    """Make a folder of the cache, and hold it until the process ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(ImportError, OSError):  # not on every system
        import fcntl

        handle, before = os.open(folder, os.O_RDONLY), _in_use.get(folder)
        _in_use[folder] = handle
        if before is not None:
            os.close(before)
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)


def _kept(address: str, answer: requests.Response, progress: Callable[[str, int, int], None]) -> Path:
    """The file of an answer in the cache: what is there already is not sent again."""
    insecure = next((r.url for r in (*answer.history, answer) if not _SAFE.match(r.url)), None)
    if insecure is not None:
        raise InputError(
            f"{address} leads to {insecure}, which is not encrypted; download the file yourself."
        )
    if answer.status_code != 200:
        raise InputError(
            f"{address} answered {answer.status_code} {answer.reason}".rstrip()
            + "; check the address in a browser."
        )
    kind = answer.headers.get("Content-Type", "")
    if kind.lower().startswith("text/html"):
        raise InputError(f"{address} is a web page; give the address of the file itself, or download it.")
    name = _name(answer)
    # Of an answer that is packed the length says nothing of the file.
    packed = answer.headers.get("Content-Encoding", "identity") != "identity"
    length = answer.headers.get("Content-Length", "")
    size = int(length) if length.isdecimal() and not packed else 0
    same = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
    key = hashlib.sha256(f"{address}\n{same}\n{size}".encode()).hexdigest()[:16]
    path = cache_folder() / "addresses" / key / name
    try:
        _use(path.parent)
        if same and path.is_file() and (not size or path.stat().st_size == size):
            return path
        _write(answer, path, size, lambda done: progress(f"Downloading {name}", done, size))
    except OSError as error:
        if isinstance(error, requests.RequestException):
            raise
        raise OutputError(
            f"{path} could not be written: {error.strerror or error}; set {CACHE_VARIABLE} to another folder."
        ) from None
    return path


def _write(answer: requests.Response, path: Path, size: int, progress: Callable[[int], None]) -> None:
    if size > (free := shutil.disk_usage(path.parent).free):
        raise OutputError(
            f"{path.name} has {size / 1e6:,.0f} MB, the cache folder {cache_folder()} has room for "
            f"{free / 1e6:,.0f}; set {CACHE_VARIABLE} to another folder."
        )

    def download(_url: str, part: Any, _pooch: object) -> None:
        done = 0
        with Path(part).open("wb") as stream:
            for block in answer.iter_content(_BLOCK):
                stream.write(block)
                done += len(block)
                progress(done)
        if size and done != size:  # older versions of urllib3 do not say so
            raise requests.ConnectionError

    path.unlink(missing_ok=True)
    pooch.get_logger().setLevel("WARNING")  # it would tell every address on stderr
    pooch.retrieve(answer.url, known_hash=None, fname=path.name, path=path.parent, downloader=download)


def _name(answer: requests.Response) -> str:
    """The name that the server gives the file, else the last part of the address."""
    header = Message()
    header["Content-Disposition"] = answer.headers.get("Content-Disposition", "")
    first = answer.history[0].url if answer.history else answer.url
    named = header.get_filename() or unquote(urlsplit(first).path)
    name = plain_name(PurePosixPath(named.replace("\\", "/")).name.lstrip(".") or "inventory")
    if name.lower().endswith(".shp"):
        raise InputError(
            f"{first} is one of the files of a Shapefile; give the address of a zip archive of all of them."
        )
    return name
