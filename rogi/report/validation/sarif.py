"""The report as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), one result per finding.

What SARIF calls a line is here the feature's number in its layer: inventories have no lines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache, partial

from rogi.report.validation.records import Record, records, source_uri
from rogi.rules.registry import rules
from rogi.rules.rule import Severity
from rogi.text import json_escaped
from rogi.validation.report import Outcome, Report, State, Status, totals

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
FINGERPRINT = "rogiFinding/v1"
GITHUB_FINGERPRINT = "primaryLocationLineHash"
"""The only partial fingerprint GitHub compares between uploads."""


def sarif_chunks(report: Report) -> Iterator[str]:
    """One run; rules that were not run are notifications, waived findings are suppressed."""
    index = {outcome.code: i for i, outcome in enumerate(report.outcomes)}
    uri = cache(partial(source_uri, report))
    compared = "baseline" in report.settings
    run = {
        "tool": {
            "driver": {
                "name": "rogi",
                "semanticVersion": report.version,
                "rules": [_rule(outcome) for outcome in report.outcomes],
            }
        },
        "invocations": [
            {
                "executionSuccessful": not report.crashed,
                "toolExecutionNotifications": [
                    _notification(outcome, index)
                    for outcome in report.outcomes
                    if outcome.status in (Status.NOT_RUN, Status.NOT_APPLICABLE)
                ],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "properties": {
            "schema": report.summary.schema,
            "dialect": report.summary.dialect,
            "settings": dict(report.settings),
            "date": report.date.isoformat(),
            "rules": {status.value: n for status, n in totals(report).rules.items()},
        },
    }
    yield f'{{\n"$schema": "{SCHEMA}",\n"version": "2.1.0",\n"runs": [\n'
    yield _dump(run).removesuffix("}") + ', "results": ['
    separator = "\n"
    for record in records(report.findings):
        yield separator + _dump(_result(record, index, uri, compared))
        separator = ",\n"
    yield "\n]}\n]\n}\n"


def _rule(outcome: Outcome) -> dict[str, object]:
    entry: dict[str, object] = {
        "id": outcome.code,
        "name": "".join(word.capitalize() for word in outcome.name.split("-")),
        "shortDescription": {"text": outcome.title or outcome.name},
        "defaultConfiguration": {"level": LEVELS[outcome.severity]},
        "properties": {"tags": [outcome.code[:3]], "evidence": outcome.evidence.value},
    }
    if outcome.code in rules():
        page = rules()[outcome.code].doc.strip()
        entry["help"] = {"text": page, "markdown": page}
    return entry


def _notification(outcome: Outcome, index: dict[str, int]) -> dict[str, object]:
    reason = f": {outcome.reason}" if outcome.reason else ""
    return {
        "level": "error" if outcome.crashed else "note",
        "message": {"text": f"{outcome.code} {outcome.name}: {outcome.status.value}{reason}"},
        "associatedRule": {"id": outcome.code, "index": index[outcome.code]},
    }


def _result(
    record: Record, index: dict[str, int], uri: Callable[[str, str], str], compared: bool
) -> dict[str, object]:
    text = record.message
    if record.field:
        text = f"{record.field}: {text}"
    if record.row:
        text = f"{record.subject}: {text}"
    location: dict[str, object] = {
        "physicalLocation": {
            "artifactLocation": {"uri": uri(record.layer, record.file)},
            "region": {"startLine": max(record.row, 1)},
        }
    }
    if record.layer:
        name = f"{record.layer}/{record.feature_id or record.row}" if record.row else record.layer
        location["logicalLocations"] = [
            {"fullyQualifiedName": name, "kind": "feature" if record.row else "layer"}
        ]
    entry: dict[str, object] = {
        "ruleId": record.code,
        "ruleIndex": index[record.code],
        "level": LEVELS[Severity(record.severity)],
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {
            FINGERPRINT: record.fingerprint,
            GITHUB_FINGERPRINT: record.fingerprint,
        },
    }
    if record.other_layer and record.other_row:
        entry["relatedLocations"] = [
            {
                "message": {"text": record.other_subject},
                "physicalLocation": {
                    "artifactLocation": {"uri": uri(record.other_layer, record.other_file)},
                    "region": {"startLine": max(record.other_row, 1)},
                },
            }
        ]
    if compared:
        entry["baselineState"] = "unchanged" if record.state == State.BASELINE.value else "new"
    if record.state == State.WAIVED.value:
        entry["suppressions"] = [{"kind": "external", "status": "accepted", "justification": record.reason}]
    properties: dict[str, object] = {
        "field": record.field,
        "value": record.value,
        "row": record.row,
    }
    if record.box is not None:
        properties["bbox"] = list(record.box)
    entry["properties"] = {key: value for key, value in properties.items() if value}
    return entry


def _dump(value: object) -> str:
    text = json_escaped(json.dumps(value, ensure_ascii=False, allow_nan=False))
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
