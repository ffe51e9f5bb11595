"""A local server that behaves like the records API of InvenioRDM (Zenodo), and can be told to fail.

Paths, status codes, required fields and refusals are those listed in docs/methods/release-formats.md. It
runs over real HTTP on the loopback; ``python tests/release/invenio_server.py`` prints its address and serves
until it is stopped, for trials.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import json
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "token-of-the-maintainer"
OTHER_TOKEN = "token-of-somebody-else"
USERS = {TOKEN: 1, OTHER_TOKEN: 2}
KNOWN_FIELDS = frozenset(
    {
        "resource_type", "title", "publication_date", "version", "publisher", "creators", "contributors",
        "description", "rights", "languages", "subjects", "dates", "related_identifiers", "funding",
        "identifiers", "additional_titles", "additional_descriptions", "sizes", "formats", "locations",
        "references", "copyright",
    }
)  # fmt: skip
COMMUNITIES = frozenset({"permafrost", "cryosphere"})
REQUIRED_FIELDS = ("resource_type", "title", "publication_date", "creators", "publisher")


@dataclass
class Record:
    """A draft, a published record, or (while edited) both."""

    id: str
    parent: str
    owner: int
    index: int
    created: str
    metadata: dict[str, Any] = field(default_factory=dict)
    pids: dict[str, Any] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    published: bool = False
    discarded: bool = False
    communities: list[str] = field(default_factory=list)


@dataclass
class Fault:
    """What goes wrong with the next request that fits.

    ``kind``: ``429`` (with Retry-After), ``500`` and ``503`` (nothing done), ``lost`` (done, but no answer),
    ``500-done`` (done, but the answer is 500), ``cut`` (the connection ends after some bytes of the body),
    ``garbled`` (a bit of the body flips), ``slow`` (the answer waits for the server's gate).
    """

    method: str
    path: str  # regular expression
    kind: str
    times: int = 1


class Repository:
    """The content of the server."""

    def __init__(self) -> None:
        self.records: dict[str, Record] = {}
        self.faults: list[Fault] = []
        self.log: list[tuple[str, str, int]] = []
        self.lock = threading.RLock()
        self.next = 1000
        self.expired = False
        self.hidden = 0  # searches that do not show new drafts yet
        self.gate = threading.Event()

    def new_id(self) -> str:
        self.next += 1
        return str(self.next)

    def fault(self, method: str, path: str) -> str:
        for fault in self.faults:
            if fault.times > 0 and fault.method == method and re.search(fault.path, path):
                fault.times -= 1
                return fault.kind
        return ""

    @property
    def published(self) -> list[Record]:
        return [r for r in self.records.values() if r.published]

    @property
    def drafts(self) -> list[Record]:
        return [r for r in self.records.values() if not r.published and not r.discarded]


class Refusal(Exception):
    def __init__(self, status: int, message: str, errors: list[dict[str, Any]] | None = None) -> None:
        self.status, self.message, self.errors = status, message, errors
        super().__init__(message)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Server  # type: ignore[assignment]

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    # ---- how

    def _serve(self, method: str) -> None:
        store = self.server.store
        path = urlsplit(self.path).path
        fault = store.fault(method, path)
        length = int(self.headers.get("Content-Length") or 0)
        if fault == "cut":
            self.rfile.read(min(length, 1000))
            self._hang_up()
            return
        body = self.rfile.read(length)
        if fault == "garbled" and body:
            body = bytes([body[0] ^ 1]) + body[1:]
        if fault == "slow":
            store.gate.wait(5)
        if fault == "429":
            self._answer(
                method, path, 429, {"status": 429, "message": "Too many requests"}, {"Retry-After": "3"}
            )
            return
        if fault in ("500", "503"):
            self._answer(method, path, int(fault), {"status": int(fault), "message": "Internal error"})
            return
        try:
            with store.lock:
                status, content = self._route(method, path, body)
        except Refusal as refusal:
            content = {"status": refusal.status, "message": refusal.message}
            if refusal.errors:
                content["errors"] = refusal.errors
            status = refusal.status
        if fault == "lost":
            store.log.append((method, path, 0))
            self._hang_up()
            return
        if fault == "500-done":
            status, content = 500, {"status": 500, "message": "Internal error"}
        self._answer(method, path, status, content)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(
        self, method: str, path: str, status: int, content: Any, headers: dict[str, str] | None = None
    ) -> None:
        raw = isinstance(content, bytes)
        data = content if raw else (b"" if content is None else json.dumps(content).encode())
        start, stop = 0, len(data)
        if raw and status == 200 and (wanted := self.headers.get("Range")):
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            if start >= len(data):
                status, data, raw = 416, b"", False
            else:
                status = 206
        part = data[start:stop]
        self.server.store.log.append((method, path, status))
        self.send_response(status)
        self.send_header("Content-Type", "application/octet-stream" if raw else "application/json")
        self.send_header("Content-Length", str(len(part)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if raw and self.server.store.fault("SEND", path):
            self.wfile.write(part[: len(part) // 2])
            self.wfile.flush()
            self._hang_up()
            return
        self.wfile.write(part)

    # ---- what

    def _route(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        routes: list[tuple[str, str, Callable[..., tuple[int, Any]]]] = [
            ("POST", r"/api/records", self._create),
            ("GET", r"/api/user/records", self._own),
            ("GET", r"/api/records/([^/]+)", self._get),
            ("GET", r"/api/records/([^/]+)/files", self._list_published),
            ("GET", r"/api/records/([^/]+)/files/([^/]+)/content", self._download),
            ("POST", r"/api/records/([^/]+)/versions", self._new_version),
            ("GET", r"/api/records/([^/]+)/draft", self._get_draft),
            ("PUT", r"/api/records/([^/]+)/draft", self._update),
            ("DELETE", r"/api/records/([^/]+)/draft", self._discard),
            ("POST", r"/api/records/([^/]+)/draft/pids/doi", self._reserve),
            ("GET", r"/api/records/([^/]+)/draft/files", self._list),
            ("POST", r"/api/records/([^/]+)/draft/files", self._start),
            ("PUT", r"/api/records/([^/]+)/draft/files/([^/]+)/content", self._content),
            ("POST", r"/api/records/([^/]+)/draft/files/([^/]+)/commit", self._commit),
            ("DELETE", r"/api/records/([^/]+)/draft/files/([^/]+)", self._delete_file),
            ("POST", r"/api/records/([^/]+)/draft/actions/publish", self._publish),
            ("POST", r"/api/records/([^/]+)/communities", self._submit),
        ]
        for verb, pattern, handler in routes:
            match = re.fullmatch(pattern, path)
            if verb == method and match:
                return handler(*(unquote(part) for part in match.groups()), body=body)
        raise Refusal(404, "Not found")

    def _user(self) -> int:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token not in USERS or self.server.store.expired:
            raise Refusal(
                401, "The server could not verify that you are authorized to access the URL requested."
            )
        return USERS[token]

    def _draft(self, number: str) -> Record:
        user = self._user()
        record = self.server.store.records.get(number)
        if record is None or record.discarded or record.published:
            raise Refusal(404, "The persistent identifier does not exist.")
        if record.owner != user:
            raise Refusal(403, "Permission denied.")
        return record

    def _record(self, number: str) -> Record:
        record = self.server.store.records.get(number)
        if record is None or not record.published:
            raise Refusal(404, "The persistent identifier does not exist.")
        return record

    def _create(self, body: bytes) -> tuple[int, Any]:
        store, user = self.server.store, self._user()
        content = json.loads(body or b"{}")
        number = store.new_id()
        now = dt.datetime.now(tz=dt.UTC).isoformat()
        record = Record(number, store.new_id(), user, 1, now, metadata=content.get("metadata", {}))
        store.records[number] = record
        return 201, self._shown(record, validate=True)

    def _own(self, body: bytes) -> tuple[int, Any]:
        store, user = self.server.store, self._user()
        query = parse_qs(urlsplit(self.path).query)
        size, page = int(query.get("size", ["10"])[0]), int(query.get("page", ["1"])[0])
        found = [r for r in store.records.values() if r.owner == user and not r.discarded]
        if store.hidden:
            store.hidden -= 1
            found = [r for r in found if r.published]
        found = found[::-1]
        hits = [self._shown(r) for r in found[(page - 1) * size : page * size]]
        return 200, {"hits": {"hits": hits, "total": len(found)}, "sortBy": "newest"}

    def _get(self, number: str, body: bytes) -> tuple[int, Any]:
        return 200, self._shown(self._record(number))

    def _get_draft(self, number: str, body: bytes) -> tuple[int, Any]:
        return 200, self._shown(self._draft(number), validate=True)

    def _update(self, number: str, body: bytes) -> tuple[int, Any]:
        record = self._draft(number)
        content = json.loads(body)
        record.metadata = content.get("metadata", {})
        record.pids = content.get("pids", {})  # a draft saved without its pids loses them
        return 200, self._shown(record, validate=True)

    def _discard(self, number: str, body: bytes) -> tuple[int, Any]:
        self._draft(number).discarded = True
        return 204, None

    def _reserve(self, number: str, body: bytes) -> tuple[int, Any]:
        record = self._draft(number)
        if "doi" in record.pids:
            errors = [{"field": "pids.doi", "messages": ["A PID already exists for type doi"]}]
            raise Refusal(400, "A validation error occurred.", errors)
        record.pids["doi"] = {
            "identifier": f"10.5072/zenodo.{number}",
            "provider": "datacite",
            "client": "datacite",
        }
        return 201, self._shown(record)

    def _new_version(self, number: str, body: bytes) -> tuple[int, Any]:
        store, user = self.server.store, self._user()
        record = self._record(number)
        if record.owner != user:
            raise Refusal(403, "Permission denied.")
        for other in store.records.values():
            if other.parent == record.parent and not other.published and not other.discarded:
                return 201, self._shown(other)
        metadata = {k: v for k, v in record.metadata.items() if k not in ("publication_date", "version")}
        new = store.new_id()
        now = dt.datetime.now(tz=dt.UTC).isoformat()
        store.records[new] = Record(new, record.parent, user, record.index + 1, now, metadata=metadata)
        return 201, self._shown(store.records[new])

    def _list(self, number: str, body: bytes) -> tuple[int, Any]:
        return 200, self._entries(self._draft(number))

    def _list_published(self, number: str, body: bytes) -> tuple[int, Any]:
        return 200, self._entries(self._record(number))

    def _start(self, number: str, body: bytes) -> tuple[int, Any]:
        record = self._draft(number)
        for entry in json.loads(body):
            if entry["key"] in record.files:
                raise Refusal(400, f"File with key {entry['key']} already exists.")
            record.files[entry["key"]] = {"status": "pending", "data": b""}
        return 201, self._entries(record)

    def _content(self, number: str, name: str, body: bytes) -> tuple[int, Any]:
        entry = self._file(self._draft(number), name)
        if entry["status"] == "completed":
            raise Refusal(400, "File is already completed.")
        entry["data"] = body
        return 200, self._entry(name, entry)

    def _commit(self, number: str, name: str, body: bytes) -> tuple[int, Any]:
        entry = self._file(self._draft(number), name)
        if entry["status"] == "completed":
            raise Refusal(400, "File is already completed.")
        entry["status"] = "completed"
        return 200, self._entry(name, entry)

    def _delete_file(self, number: str, name: str, body: bytes) -> tuple[int, Any]:
        record = self._draft(number)
        self._file(record, name)
        del record.files[name]
        return 204, None

    def _publish(self, number: str, body: bytes) -> tuple[int, Any]:
        record = self._draft(number)
        errors = self._errors(record)
        if not record.files:
            message = (
                "Missing uploaded files. To disable files for this record please mark it as metadata-only."
            )
            errors.append({"field": "files.enabled", "messages": [message]})
        if any(entry["status"] != "completed" for entry in record.files.values()):
            errors.append(
                {
                    "field": "files.enabled",
                    "messages": ["One or more files have not completed their transfer."],
                }
            )
        if errors:
            raise Refusal(400, "A validation error occurred.", errors)
        record.pids.setdefault("doi", {"identifier": f"10.5072/zenodo.{number}", "provider": "datacite"})
        record.published = True
        return 202, self._shown(record)

    def _submit(self, number: str, body: bytes) -> tuple[int, Any]:
        record, user = self._record(number), self._user()
        if record.owner != user:
            raise Refusal(403, "Permission denied.")
        processed, errors = [], []
        for entry in json.loads(body)["communities"]:
            name = entry["id"]
            if name not in COMMUNITIES:
                errors.append({"community_id": name, "message": "Community not found."})
            elif name in record.communities:
                errors.append({"community_id": name, "message": "The record is already included."})
            else:
                record.communities.append(name)
                processed.append({"community_id": name})
        return 200 if processed else 400, {"processed": processed, "errors": errors}

    def _download(self, number: str, name: str, body: bytes) -> tuple[int, Any]:
        return 200, self._file(self._record(number), name)["data"]

    def _file(self, record: Record, name: str) -> dict[str, Any]:
        if name not in record.files:
            raise Refusal(404, f"File '{name}' not found.")
        return record.files[name]

    def _errors(self, record: Record) -> list[dict[str, Any]]:
        errors: list[dict[str, Any]] = [
            {"field": f"metadata.{name}", "messages": ["Missing data for required field."]}
            for name in REQUIRED_FIELDS
            if not record.metadata.get(name)
        ]
        errors += [
            {"field": f"metadata.{name}", "messages": ["Unknown field."]}
            for name in sorted(set(record.metadata) - KNOWN_FIELDS)
        ]
        return errors

    def _shown(self, record: Record, validate: bool = False) -> dict[str, Any]:
        made: dict[str, Any] = {
            "id": record.id,
            "created": record.created,
            "is_published": record.published,
            "is_draft": not record.published,
            "metadata": record.metadata,
            "pids": record.pids,
            "parent": {"id": record.parent, "access": {"owned_by": {"user": str(record.owner)}}},
            "versions": {"index": record.index},
            "files": {"enabled": True},
            "links": {"self": f"{self.server.address}/api/records/{record.id}"},
        }
        if validate and (errors := self._errors(record)):
            made["errors"] = errors
        return made

    def _entries(self, record: Record) -> dict[str, Any]:
        return {"enabled": True, "entries": [self._entry(name, e) for name, e in record.files.items()]}

    def _entry(self, name: str, entry: dict[str, Any]) -> dict[str, Any]:
        made = {"key": name, "status": entry["status"]}
        if entry["status"] == "completed":
            made["checksum"] = "md5:" + hashlib.md5(entry["data"], usedforsecurity=False).hexdigest()
            made["size"] = len(entry["data"])
        return made


class Server(ThreadingHTTPServer):
    """The server on a free port of the loopback."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.store = Repository()
        self.address = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Connections that were cut on purpose are no news."""


@contextmanager
def running() -> Iterator[Server]:
    """The server for the time of the block."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve until stopped; the address is printed, and written to a file if one is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--address-file", type=Path)
    arguments = parser.parse_args()
    server = Server(arguments.port)
    if arguments.address_file:
        arguments.address_file.write_text(server.address)
    sys.stdout.write(f"{server.address} token {TOKEN}\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        server.server_close()


if __name__ == "__main__":
    main()
