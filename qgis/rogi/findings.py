"""Findings of `rogi validate` as records, and what a person decided about each. Nothing here needs QGIS.

What is marked is kept beside the findings, in ``FILE.marks.json``, by fingerprint: it outlives the session,
and a new run that finds the same again finds the mark too. A waiver also goes into a TOML file that
``rogi validate --waivers`` and ``rogi.toml`` read.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import sqlite3
import struct
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

SEVERITIES = ("error", "warning", "info")
OPEN, FIXED, WAIVED, BASELINE = "open", "fixed", "waived", "baseline"
LAYERS = ("findings_polygon", "findings_line", "findings_point", "findings_without_place")
CHOICES = json.loads(Path(__file__).with_name("choices.json").read_text(encoding="utf-8"))
"""Values of options and titles of rules, as rogi knows them: written by ``tools/qgis_plugin.py``."""
_ENVELOPE_DOUBLES = (0, 4, 6, 6, 8)


class FindingsError(Exception):
    """What is wrong with a file, in a whole sentence."""


class Finding(NamedTuple):
    """A finding: ``row`` counts from 1 as in the layer, 0 is the layer as a whole; ``box`` in EPSG:4326."""

    code: str
    name: str
    severity: str
    layer: str
    file: str
    row: int
    feature_id: str
    field: str
    value: str
    message: str
    state: str
    reason: str
    fingerprint: str
    box: tuple[float, float, float, float] | None

    @property
    def title(self) -> str:
        """What the rule says; its name where the plugin does not know the rule."""
        return CHOICES["titles"].get(self.code, self.name)


def read_findings(path: Path) -> list[Finding]:
    """The findings of a GeoPackage or a JSON report of `rogi validate`, the gravest first.

    Raises
    ------
    FindingsError
    """
    if not path.is_file():
        raise FindingsError(f"{path} does not exist.")
    try:
        rows = _of_json(path) if path.suffix.lower() == ".json" else _of_geopackage(path)
        findings = [_finding(row) for row in rows]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, sqlite3.Error, struct.error) as error:
        raise FindingsError(
            f"{path} has no findings of `rogi validate`: {error}. Open a GeoPackage or JSON file that it wrote."
        ) from error
    return sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.code, f.layer, f.row))


def counts(path: Path) -> dict[str, int]:
    """Findings that count, by severity, of a GeoPackage of findings."""
    with closing(_opened(path)) as connection:
        values = dict(connection.execute("SELECT key, value FROM summary"))
    return {severity: int(values[f"findings, {severity}"]) for severity in SEVERITIES}


def layers_of(path: Path) -> list[str]:
    """Layers with findings in a GeoPackage, those with a place first."""
    with closing(_opened(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return [name for name in LAYERS if name in names]


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _of_geopackage(path: Path) -> list[dict[str, Any]]:
    rows = []
    with closing(_opened(path)) as connection:
        connection.row_factory = sqlite3.Row
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'conformance'").fetchone():
            raise ValueError("its layers are others")
        for layer in layers_of(path):
            for row in connection.execute(f'SELECT * FROM "{layer}"'):  # noqa: S608 - one of LAYERS
                entry = dict(row)
                entry["bbox"] = envelope(entry.pop("geom", None))
                rows.append(entry)
    return rows


def _of_json(path: Path) -> list[dict[str, Any]]:
    content = json.loads(path.read_text(encoding="utf-8"))
    names = {rule["code"]: rule.get("name", "") for rule in content["conformance"]}
    return [{"name": names.get(entry["code"], ""), **entry} for entry in content["findings"]]


def _finding(row: dict[str, Any]) -> Finding:
    text = {key: "" if row.get(key) is None else str(row[key]) for key in Finding._fields}
    box = tuple(map(float, row.get("bbox") or ()))
    if box and not (len(box) == 4 and all(map(math.isfinite, box))):
        raise ValueError(f"it has a box of {box}")
    if text["severity"] not in SEVERITIES:
        raise ValueError(f"it has no severity {text['severity']!r}")
    return Finding(
        **{
            **text,
            "state": text["state"] or OPEN,
            "row": int(row.get("row") or 0),
            "box": box or None,
        }
    )


def envelope(blob: bytes | None) -> tuple[float, float, float, float] | None:
    """The bounding box that a GeoPackage states of a geometry (OGC 12-128r19, 2.1.3); None where it has none."""
    if blob is None or blob[:2] != b"GP":
        return None
    order = "<" if blob[3] & 1 else ">"
    doubles = _ENVELOPE_DOUBLES[(blob[3] >> 1) & 7]
    if not doubles:
        return None
    west, east, south, north = struct.unpack_from(f"{order}4d", blob, 8)
    return None if west != west else (west, south, east, north)


# ---- what was decided


class Marks:
    """What a person decided about findings, and from which layers of a project they came.

    Attributes
    ----------
    layers
        Role -> id, source and name of the layer that was checked.
    file
        The file that was checked, where no layers were.
    waivers
        The file into which waivers go.
    """

    def __init__(self, findings: Path) -> None:
        self.path = findings.with_name(findings.name + ".marks.json")
        self._marks: dict[str, dict[str, str]] = {}
        self.layers: dict[str, dict[str, str]] = {}
        self.file = self.waivers = ""
        if self.path.is_file():
            try:
                content = json.loads(self.path.read_text(encoding="utf-8"))
                self._marks, self.layers = dict(content["marks"]), dict(content["layers"])
                self.file, self.waivers = str(content["file"]), str(content["waivers"])
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise FindingsError(f"{self.path} cannot be read: {error}. Move it away to begin anew.") from error

    def state(self, finding: Finding) -> str:
        """``open``, ``fixed`` or ``waived``; a finding that rogi calls waived or baseline is that."""
        mark = self._marks.get(finding.fingerprint)
        return finding.state if mark is None else mark["state"]

    def note(self, finding: Finding) -> str:
        """Why and by whom."""
        mark = self._marks.get(finding.fingerprint)
        if mark is None:
            return finding.reason
        reason = f"{mark['reason']} " if mark["reason"] else ""
        return f"{reason}({mark['by']}, {mark['date']})"

    def set(self, findings: list[Finding], state: str, by: str = "", reason: str = "") -> None:
        """Mark findings and keep the marks, in one writing; ``open`` takes marks away."""
        today = dt.date.today().isoformat()
        for finding in findings:
            if state == OPEN:
                self._marks.pop(finding.fingerprint, None)
            else:
                self._marks[finding.fingerprint] = {"state": state, "by": by, "date": today, "reason": reason}
        self.save()

    def save(self) -> None:
        """Write the file, whole or not at all."""
        content = {
            "layers": self.layers,
            "file": self.file,
            "waivers": self.waivers,
            "marks": dict(sorted(self._marks.items())),
        }
        write_text(self.path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def add_waivers(path: Path, findings: list[Finding], reason: str, author: str, expires: str = "") -> None:
    """Append waivers of some findings to a TOML file, in one writing; it is made if need be.

    Raises
    ------
    FindingsError
        Without a reason or an author, or if the file cannot be written.
    """
    if not reason.strip() or not author.strip():
        raise FindingsError("A waiver needs a reason and an author.")
    ends = f"expires = {dt.date.fromisoformat(expires).isoformat()}\n" if expires else ""
    text = _text(path)
    if text and not text.endswith("\n"):
        text += "\n"
    parts = [text] if text else []
    header = "[[tool.rogi.waivers]]" if path.name == "pyproject.toml" else "[[waivers]]"
    for finding in findings:
        subject = " ".join(filter(None, (finding.layer, finding.feature_id, finding.message)))
        comment = "# " + "".join(c if c.isprintable() else " " for c in subject)
        entries = {"rule": finding.code, "fingerprint": finding.fingerprint, "reason": reason, "author": author}
        lines = [f"{key} = {toml_text(value.strip())}" for key, value in entries.items()]
        parts.append("\n".join([header, comment, *lines]) + "\n" + ends)
    write_text(path, "\n".join(parts))


def remove_waivers(path: Path, findings: list[Finding]) -> set[str]:
    """Take the waivers of some findings out of a TOML file, in one writing.

    Returns
    -------
    set of str
        Fingerprints of those whose waiver was there.

    Raises
    ------
    FindingsError
    """
    lines = _text(path).splitlines(keepends=True)
    starts = [n for n, line in enumerate(lines) if line.startswith("[")]
    own = {f"fingerprint = {toml_text(finding.fingerprint)}": finding.fingerprint for finding in findings}
    kept, removed = lines[: starts[0]] if starts else lines, set()
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        found = {own[line.strip()] for line in lines[start:end] if line.strip() in own}
        if "waivers]]" in lines[start] and found:
            removed |= found
        else:
            kept += lines[start:end]
    if removed:
        write_text(path, "".join(kept))
    return removed


def _text(path: Path) -> str:
    """What a file says; nothing if it is not there."""
    try:
        return path.read_text(encoding="utf-8") if path.exists() else ""
    except (OSError, ValueError) as error:
        raise FindingsError(f"{path} cannot be read: {error}.") from error


def toml_text(value: str) -> str:
    """A basic string of TOML."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def write_text(path: Path, text: str) -> None:
    """Write a file, whole or not at all.

    Raises
    ------
    FindingsError
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".rogi-", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
            temporary.replace(path)
        except BaseException:
            temporary.unlink()
            raise
    except OSError as error:
        raise FindingsError(f"{path} cannot be written: {error.strerror or error}.") from error
