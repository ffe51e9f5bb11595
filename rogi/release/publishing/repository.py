"""An InvenioRDM repository such as Zenodo over HTTP: one method per request, retried where that is harmless.

The requests, answers and refusals relied on are listed with their sources in docs/methods/release-formats.md.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote, urlsplit

from rogi.errors import OptionError, RogiError
from rogi.release.publishing.answers import FILES, HITS, RECORD, fault

ZENODO: Final = "https://zenodo.org"
SANDBOX: Final = "https://sandbox.zenodo.org"
# Zenodo answers plain application/json with the form of its former API.
ACCEPT: Final = "application/vnd.inveniordm.v1+json, application/json;q=0.9"
ATTEMPTS: Final = 6
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0  # of our own; what the server asks for is kept up to the patience
PATIENCE_S: Final = 900.0
CONNECT_S: Final = 15.0
READ_S: Final = 120.0
TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})
_SEARCH_SIZE: Final = 100
_SHOWN_ERRORS: Final = 10


class RepositoryError(RogiError):
    """The repository refused a request; ``status`` is its answer, None where there was none."""

    def __init__(self, message: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(message)


class UnansweredError(RepositoryError):
    """A request that may or may not have been carried out: its answer was lost."""


class Body(Protocol):
    """What is sent: bytes that can be read once."""

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        ...

    def close(self) -> None:
        """Done with it."""
        ...


class Transport(Protocol):
    """What carries a request."""

    def __call__(self, method: str, url: str, json: Any, data: Body | None) -> Answer:
        """The answer; raises ConnectionError where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: status, headers with names in lower case, and its JSON (None if it has none)."""

    status: int
    headers: Mapping[str, str]
    content: Any


class HttpTransport:
    """Requests over HTTP with a token, which goes to this server only and is never printed."""

    def __init__(self, token: str) -> None:
        import requests

        self._session = requests.Session()
        self._session.headers["User-Agent"] = "rogi"
        self._session.trust_env = True
        self._token = token

    def __call__(self, method: str, url: str, json: Any, data: Body | None) -> Answer:
        import requests

        headers = {"Accept": ACCEPT}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        if data is not None:
            headers["Content-Type"] = "application/octet-stream"
        try:
            # A redirect would carry the token or the data elsewhere.
            answer = self._session.request(
                method,
                url,
                json=json,
                data=data,
                headers=headers,
                timeout=(CONNECT_S, READ_S),
                allow_redirects=False,
                auth=_NoAuth(),
            )
        except requests.RequestException as error:
            raise ConnectionError(type(error).__name__) from None
        try:
            content = answer.json() if answer.content else None
        except (ValueError, RecursionError):
            content = None
        return Answer(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, content)

    def __repr__(self) -> str:
        return "<HttpTransport>"


class _NoAuth:
    """Keeps requests from replacing our header by one from ~/.netrc."""

    def __call__(self, request: Any) -> Any:
        return request


class Repository:
    """The drafts and records of one server.

    Parameters
    ----------
    address
        ``https://zenodo.org``; plain http is taken for this machine only.
    transport
        What carries requests.
    sleep, say
        How to wait, and where to say why (default: stderr).

    Raises
    ------
    OptionError
        If the address is none, or would send the token in the open.
    """

    def __init__(
        self,
        address: str,
        transport: Transport,
        *,
        sleep: Callable[[float], None] = time.sleep,
        say: Callable[[str], None] = lambda text: print(text, file=sys.stderr),  # noqa: T201
    ) -> None:
        parts = urlsplit(address)
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        if (
            not parts.hostname
            or parts.scheme not in ("http", "https")
            or (parts.scheme == "http" and not local)
        ):
            raise OptionError(
                f"{address!r} is no address of a repository; it begins with https://, e.g. {ZENODO}."
            )
        self.address = f"{parts.scheme}://{parts.netloc}"
        self._transport = transport
        self._sleep = sleep
        self._say = say

    def wait(self, seconds: float) -> None:
        """Wait."""
        self._sleep(seconds)

    # ---- requests

    def create_draft(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A new draft of a new record. Not retried: a lost answer may have made one."""
        return self._object("POST", "/api/records", json=record, expect=(201,), once=True)

    def new_version(self, record: str) -> dict[str, Any]:
        """The draft of the next version of a published record; the server has at most one."""
        return self._object("POST", f"/api/records/{_part(record)}/versions", expect=(201, 200))

    def draft(self, record: str) -> dict[str, Any] | None:
        """A draft, or None."""
        return self._maybe(f"/api/records/{_part(record)}/draft")

    def record(self, record: str) -> dict[str, Any] | None:
        """A published record, or None."""
        return self._maybe(f"/api/records/{_part(record)}")

    def own(self) -> list[dict[str, Any]]:
        """Drafts and records of the token's owner, the newest first, all pages."""
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            query = f"?size={_SEARCH_SIZE}&page={page}&sort=newest&allversions=true"
            hits = self._object("GET", f"/api/user/records{query}", HITS, expect=(200,))["hits"]
            found += hits["hits"]
            total = hits["total"]
            if not hits["hits"] or len(found) >= (total if isinstance(total, int) else total["value"]):
                return found
            page += 1

    def update_draft(self, record: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """Replace what a draft says."""
        return self._object("PUT", f"/api/records/{_part(record)}/draft", json=content, expect=(200,))

    def reserve_doi(self, record: str) -> dict[str, Any]:
        """Reserve a DOI for a draft. Not retried: see :meth:`draft` for whether it has one."""
        return self._object("POST", f"/api/records/{_part(record)}/draft/pids/doi", expect=(201,), once=True)

    def publish(self, record: str) -> dict[str, Any]:
        """Publish a draft. Not retried: a lost answer may have published it."""
        path = f"/api/records/{_part(record)}/draft/actions/publish"
        return self._object("POST", path, expect=(202,), once=True)

    def submit(self, record: str, community: str) -> str:
        """Ask a community to take a published record; what is said against it, empty where nothing is."""
        path = f"/api/records/{_part(record)}/communities"
        content = {"communities": [{"id": community}]}
        answer = self._send("POST", path, json=content, expect=(200, 400), once=True)
        said = answer.content.get("errors") if isinstance(answer.content, dict) else None
        if isinstance(said, list) and said and isinstance(said[0], dict):
            return str(said[0].get("message", "it was refused"))[:300]
        return "" if answer.status == 200 else "it was refused"

    def discard(self, record: str) -> None:
        """Delete a draft that was not published."""
        self._send("DELETE", f"/api/records/{_part(record)}/draft", expect=(204, 404))

    def draft_files(self, record: str) -> dict[str, dict[str, Any]]:
        """Files of a draft by name: ``status``, ``checksum``, ``size``."""
        return self._files(f"/api/records/{_part(record)}/draft/files")

    def record_files(self, record: str) -> dict[str, dict[str, Any]]:
        """Files of a published record by name."""
        return self._files(f"/api/records/{_part(record)}/files")

    def start_file(self, record: str, name: str) -> None:
        """Announce a file."""
        path = f"/api/records/{_part(record)}/draft/files"
        self._send("POST", path, json=[{"key": name}], expect=(201,), once=True)

    def upload(self, record: str, name: str, path: Path, progress: Callable[[int, int], None]) -> None:
        """Send the bytes of an announced file; from the start again where the connection is cut."""
        target = f"/api/records/{_part(record)}/draft/files/{_part(name)}/content"
        self._send("PUT", target, body=lambda: _Counted(path, progress), expect=(200,))

    def commit_file(self, record: str, name: str) -> dict[str, Any]:
        """Say that a file is complete; the server tells its checksum."""
        path = f"/api/records/{_part(record)}/draft/files/{_part(name)}/commit"
        return self._object("POST", path, expect=(200,), once=True)

    def delete_file(self, record: str, name: str) -> None:
        """Take a file out of a draft."""
        self._send("DELETE", f"/api/records/{_part(record)}/draft/files/{_part(name)}", expect=(204, 404))

    def content_address(self, record: str, name: str) -> str:
        """Where the bytes of a published file are."""
        return f"{self.address}/api/records/{_part(record)}/files/{_part(name)}/content"

    # ---- how

    def _files(self, path: str) -> dict[str, dict[str, Any]]:
        answer = self._object("GET", path, FILES, expect=(200,))
        return {entry["key"]: entry for entry in answer["entries"]}

    def _maybe(self, path: str) -> dict[str, Any] | None:
        answer = self._send("GET", path, expect=(200, 301, 302, 308, 404, 410))
        return self._understood("GET", path, answer.content, RECORD) if answer.status == 200 else None

    def _object(
        self, method: str, path: str, schema: Mapping[str, Any] = RECORD, **options: Any
    ) -> dict[str, Any]:
        return self._understood(method, path, self._send(method, path, **options).content, schema)

    def _understood(
        self, method: str, path: str, content: object, schema: Mapping[str, Any]
    ) -> dict[str, Any]:
        if (wrong := fault(content, schema)) is not None or not isinstance(content, dict):
            raise RepositoryError(
                f"{self.address} answered {method} {path} with what is not of InvenioRDM ({wrong}); "
                "check the address, or run the command again later."
            )
        return content

    def _send(
        self,
        method: str,
        path: str,
        *,
        expect: tuple[int, ...],
        json: Any = None,
        body: Callable[[], Body] | None = None,
        once: bool = False,
    ) -> Answer:
        """Send a request until it is answered; with ``once``, only while it surely was not carried out."""
        wait = FIRST_WAIT_S
        patience = PATIENCE_S
        answer: Answer | None = None
        what, attempt = "", 0
        for attempt in range(1, ATTEMPTS + 1):
            data = body() if body is not None else None
            try:
                answer = self._transport(method, f"{self.address}{path}", json, data)
            except ConnectionError as error:
                answer, what = None, f"no answer ({error})"
            else:
                what = f"answer {answer.status}"
            finally:
                if data is not None:
                    data.close()
            if answer is not None and answer.status in expect:
                return answer
            if answer is not None and answer.status not in TRANSIENT:
                raise self._refused(method, path, answer)
            # 429 is said before anything is done, so the request can be sent again.
            if once and (answer is None or answer.status != 429):
                raise UnansweredError(
                    f"{method} {self.address}{path}: {what}.", answer.status if answer else None
                )
            asked = _retry_after(answer) if answer is not None else None
            pause = wait if asked is None else asked
            if attempt == ATTEMPTS or pause > patience:
                break
            patience -= pause
            self._say(f"{self.address}: {what} to {method} {path}; again in {pause:.0f} s")
            self._sleep(pause)
            wait = min(2 * wait, LONGEST_WAIT_S)
        raise RepositoryError(
            f"{self.address} gave {what} to {method} {path}, {attempt} times; run the same command again "
            "later: it goes "
            "on where it was.",
            answer.status if answer is not None else None,
        )

    def _refused(self, method: str, path: str, answer: Answer) -> RepositoryError:
        content = answer.content if isinstance(answer.content, dict) else {}
        said = str(content.get("message", ""))[:300]
        errors = content.get("errors")
        lines = [
            f"{e.get('field')}: {'; '.join(map(str, e['messages']))}"
            for e in (errors if isinstance(errors, list) else ())
            if isinstance(e, dict) and isinstance(e.get("messages"), list)
        ]
        detail = f" {said}" + (f" ({', '.join(lines[:_SHOWN_ERRORS])})" if lines else "")
        remedy = {
            401: "The token is not valid, or has expired: make a new one in the settings of your account "
            "(Applications, Personal access tokens; scopes deposit:write and deposit:actions).",
            403: "The record is not yours, or the token lacks the scopes deposit:write and deposit:actions.",
            404: "There is no such record or draft; check its number and the server.",
            413: "The file is too large for this repository.",
        }.get(answer.status, "Correct this and run the command again.")
        return RepositoryError(
            f"{self.address} refused {method} {path} with {answer.status}.{detail.rstrip()} {remedy}",
            answer.status,
        )


class _Counted:
    """A file whose reading is told; it knows its length, so that it is sent as one body."""

    def __init__(self, path: Path, progress: Callable[[int, int], None]) -> None:
        self._size = path.stat().st_size
        self._file = path.open("rb")
        self._done = 0
        self._progress = progress

    def __len__(self) -> int:
        return self._size

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._done += len(block)
        self._progress(self._done, self._size)
        return block

    def close(self) -> None:
        self._file.close()


def _part(text: str) -> str:
    return quote(text, safe="")


def _retry_after(answer: Answer) -> float | None:
    """Seconds the server asks to wait: ``Retry-After`` (seconds or a date), or the end of its window."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text)
    now = dt.datetime.now(tz=dt.UTC)
    if text:
        try:
            when = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        when = when if when.tzinfo is not None else when.replace(tzinfo=dt.UTC)
        return max(0.0, (when - now).total_seconds())
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.status == 429 and reset.isdigit():
        return max(0.0, float(reset) - now.timestamp())
    return None


def token_for(sandbox: bool) -> str:
    """The token of the maintainer, from the environment or the keyring of the system.

    Raises
    ------
    OptionError
        If there is none, or it is not one.
    """
    name = "ZENODO_SANDBOX_TOKEN" if sandbox else "ZENODO_TOKEN"
    token = os.environ.get(name, "").strip() or _from_keyring("zenodo-sandbox" if sandbox else "zenodo")
    if not token:
        place = SANDBOX if sandbox else ZENODO
        raise OptionError(
            f"There is no token. Make one at {place}/account/settings/applications/tokens/new/ (scopes "
            "deposit:write "
            f"and deposit:actions) and set it as {name}, or store it: keyring set rogi "
            f"{'zenodo-sandbox' if sandbox else 'zenodo'}."
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise OptionError(f"The token in {name} holds characters no token has; copy it again.")
    return token


def _from_keyring(user: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return ""
    try:
        return keyring.get_password("rogi", user) or ""
    except KeyringError:
        return ""
