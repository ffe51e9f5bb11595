"""A publication without a network: the requests it would send, in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from rogi.errors import InputError
from rogi.release.checksums import verify_package
from rogi.release.metadata import INVENIO
from rogi.release.publishing.draft import read_state
from rogi.release.publishing.publish import check_whole, read_package
from rogi.release.publishing.records import record_number, refuse_foreign
from rogi.release.publishing.repository import HttpTransport, Repository
from rogi.release.publishing.upload import upload_files

NUMBER: Final = "{number}"  # what the repository gives the draft


def rehearse(
    folder: Path,
    address: str,
    *,
    version_of: str | None = None,
    adopt: str | None = None,
    publish: bool = False,
) -> str:
    """Every request of a publication that meets no obstacle, one paragraph each; nothing is sent or changed.

    Raises
    ------
    InputError, OptionError
        If the folder is no package or not what was built, or the address none of a repository: whatever the
        command refuses before its first request.
    """
    release = read_package(folder)
    verify_package(folder)
    base = Repository(address, HttpTransport("")).address
    state = read_state(folder, base)
    known = state.record or (record_number(adopt) if adopt is not None else "")
    number = known or NUMBER
    if version_of is not None:
        refuse_foreign(version_of, base)
    lines: list[str] = []

    def request(method: str, path: str, content: Any = None, note: str = "") -> None:
        lines.append(f"{method} {base}{path}" + (f"  ({note})" if note else ""))
        if content is not None:
            lines.append(json.dumps(content, indent=1, ensure_ascii=False))

    if state.published:
        request("GET", f"/api/records/{number}", note="it is published already")
        return "\n".join(lines) + "\n"
    if publish:
        if not known:
            raise InputError(f"{folder} has no draft at {base}; make it first, without --publish.")
        check_whole(folder)
        request("GET", f"/api/records/{number}/draft", note="is it still a draft?")
        request("GET", f"/api/records/{number}/draft/files", note="are its files those of the package?")
        request("POST", f"/api/records/{number}/draft/actions/publish")
        request("GET", f"/api/records/{number}")
        for community in release.communities:
            request("POST", f"/api/records/{number}/communities", {"communities": [{"id": community}]})
        return "\n".join(lines) + "\n"
    record = json.loads((folder / INVENIO).read_text(encoding="utf-8"))
    own = "/api/user/records?size=100&page=1&sort=newest&allversions=true"
    if known:
        request("GET", f"/api/records/{number}/draft", note="is it still a draft?")
    else:
        request("GET", own, note="is there a draft?")
        if version_of is None:
            request("POST", "/api/records", record)
        else:
            request("GET", f"/api/records/{record_number(version_of)}", note="is it this inventory?")
            request("POST", f"/api/records/{record_number(version_of)}/versions")
        request("GET", own, note="was another run first?")
    if release.doi is None:
        request("POST", f"/api/records/{number}/draft/pids/doi", note="then the DOI goes into the package")
    request("GET", f"/api/records/{number}/draft")
    request("PUT", f"/api/records/{number}/draft", {**record, "pids": "{as the draft has them}"})
    request("GET", f"/api/records/{number}/draft/files")
    for name, path in upload_files(folder).items():
        request("DELETE", f"/api/records/{number}/draft/files/{name}", note="if half of it is there")
        request("POST", f"/api/records/{number}/draft/files", [{"key": name}])
        size = path.stat().st_size
        request(
            "PUT",
            f"/api/records/{number}/draft/files/{name}/content",
            note=f"{size:,} bytes{'' if release.doi else ' before the DOI'}",
        )
        request("POST", f"/api/records/{number}/draft/files/{name}/commit")
    return "\n".join(lines) + "\n"
