"""The report as JSON, whole or one record a line."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rogi.report.validation.records import Record, records
from rogi.text import as_json, json_escaped
from rogi.validation.report import LayerSummary, Outcome, Report, WaiverUse, totals

FORMAT = "rogi-report"
FORMAT_VERSION = 1


def json_chunks(report: Report) -> Iterator[str]:
    """One JSON document, one finding a line; valid against ``report.schema.json`` beside this module."""
    head = {"format": FORMAT, "format_version": FORMAT_VERSION, **_head(report)}
    head["conformance"] = [_outcome(o) for o in report.outcomes]
    head["waivers"] = [_waiver(w) for w in report.waivers]
    yield as_json(head, 1).rstrip("\n").removesuffix("\n}")
    yield ',\n "findings": ['
    separator = "\n"
    for record in records(report.findings):
        yield separator + "  " + _dump(_finding(record))
        separator = ",\n"
    yield "\n ]\n}\n"


def jsonl_chunks(report: Report) -> Iterator[str]:
    """One JSON object a line, told apart by ``type``: ``report``, ``rule`` s, ``waiver`` s, ``finding`` s."""
    yield _dump({"type": "report", "format_version": FORMAT_VERSION, **_head(report)}) + "\n"
    for outcome in report.outcomes:
        yield _dump({"type": "rule", **_outcome(outcome)}) + "\n"
    for waiver in report.waivers:
        yield _dump({"type": "waiver", **_waiver(waiver)}) + "\n"
    for record in records(report.findings):
        yield _dump({"type": "finding", **_finding(record)}) + "\n"


def _dump(value: object) -> str:
    text = json_escaped(json.dumps(value, ensure_ascii=False, allow_nan=False))
    # half of a surrogate pair cannot be written as UTF-8
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _head(report: Report) -> dict[str, object]:
    sums = totals(report)
    summary = report.summary
    return {
        "version": report.version,
        "date": report.date.isoformat(),
        "inventory": {
            "path": summary.path,
            "schema": summary.schema,
            "dialect": summary.dialect,
            "dialect_reason": summary.dialect_reason,
            "notes": list(summary.notes),
            "layers": [_layer(layer) for layer in summary.layers],
        },
        "settings": dict(report.settings),
        "complete": not report.crashed,
        "totals": {
            "open": {severity.value: n for severity, n in sums.open.items()},
            "waived": sums.waived,
            "baseline": sums.known,
            "rules": {status.value: n for status, n in sums.rules.items()},
        },
    }


def _layer(layer: LayerSummary) -> dict[str, object]:
    return {
        "role": layer.role.value,
        "name": layer.name,
        "features": layer.features,
        "sources": list(layer.sources),
        "crs": layer.crs,
        "bbox": None if layer.bounds is None else list(layer.bounds),
        "columns": dict(layer.columns),
        "extra_columns": list(layer.extra_columns),
        "notes": list(layer.notes),
    }


def _outcome(outcome: Outcome) -> dict[str, object]:
    return {
        "code": outcome.code,
        "name": outcome.name,
        "title": outcome.title,
        "severity": outcome.severity.value,
        "evidence": outcome.evidence.value,
        "status": outcome.status.value,
        "findings": outcome.findings,
        "waived": outcome.waived,
        "baseline": outcome.known,
        "reason": outcome.reason,
        "crashed": outcome.crashed,
    }


def _waiver(waiver: WaiverUse) -> dict[str, object]:
    return {
        "rule": waiver.rule,
        "target": waiver.target,
        "reason": waiver.reason,
        "author": waiver.author,
        "expires": waiver.expires.isoformat() if waiver.expires else None,
        "status": waiver.status,
        "findings": waiver.findings,
    }


def _finding(record: Record) -> dict[str, object]:
    """All but empty entries; ``bbox`` is west, south, east, north in degrees (WGS84)."""
    entry: dict[str, object] = {
        "code": record.code,
        "severity": record.severity,
        "layer": record.layer or None,
        "file": record.file or None,
        "row": record.row or None,
        "feature_id": record.feature_id or None,
        "field": record.field or None,
        "value": record.value or None,
        "message": record.message,
        "bbox": None if record.box is None else list(record.box),
        "state": record.state,
        "reason": record.reason or None,
        "fingerprint": record.fingerprint,
    }
    if record.other_layer:
        entry["other"] = {
            "layer": record.other_layer,
            **({"file": record.other_file} if record.other_file else {}),
            "row": record.other_row or None,
            "feature_id": record.other_id or None,
        }
    return {key: value for key, value in entry.items() if value is not None}
