"""SARIF reports fit the JSON Schema of SARIF 2.1.0 and hold one result for each finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rogi.report.format import Format
from rogi.report.validation import as_text
from rogi.validation.report import Report

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def _run(report: Report) -> dict[str, Any]:
    log = json.loads(as_text(report, Format.SARIF))
    VALIDATOR.validate(log)
    assert log["version"] == "2.1.0" and len(log["runs"]) == 1
    return log["runs"][0]


def test_the_schema_rejects() -> None:
    """The check has teeth: a level that does not exist is refused."""
    run = {"tool": {"driver": {"name": "x"}}, "results": [{"message": {"text": "m"}, "level": "info"}]}
    assert list(VALIDATOR.iter_errors({"version": "2.1.0", "runs": [run]}))


def test_one_result_per_finding(report: Report) -> None:
    run = _run(report)
    assert [r["ruleId"] for r in run["results"]] == report.findings["code"].tolist()
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [o.code for o in report.outcomes]
    for result, fingerprint in zip(run["results"], report.findings["fingerprint"], strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["partialFingerprints"] == {
            "rogiFinding/v1": fingerprint,
            "primaryLocationLineHash": fingerprint,
        }
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"] == "data/in%20ventory%20%3Cx%3E.gpkg"
        assert place["region"]["startLine"] >= 1


def test_levels_and_states(report: Report) -> None:
    results = _run(report)["results"]
    assert [r["level"] for r in results[:4]] == ["error", "error", "error", "warning"]
    assert results[-1]["level"] == "note"
    waived = [r for r in results if "suppressions" in r]
    assert [r["suppressions"][0]["justification"] for r in waived] == ["known, see notes"]
    assert not any("baselineState" in r for r in results)


def test_baseline_state_is_on_all_results_or_none(report: Report) -> None:
    """Section 3.27.24 of the standard: it says how a result compares, so all must say it."""
    from dataclasses import replace

    compared = replace(report, settings={**report.settings, "baseline": "known.json"})
    states = [r["baselineState"] for r in _run(compared)["results"]]
    assert states.count("unchanged") == 1 and states.count("new") == len(states) - 1


def test_rules_not_run_are_notifications(report: Report) -> None:
    invocation = _run(report)["invocations"][0]
    assert invocation["executionSuccessful"] is False
    notes = {n["associatedRule"]["id"]: n for n in invocation["toolExecutionNotifications"]}
    assert set(notes) == {"ATT007", "KIN001", "REV001"}
    assert notes["ATT007"]["level"] == "error"
    assert "no column for reliability index" in notes["KIN001"]["message"]["text"]


def test_empty(empty_report: Report) -> None:
    run = _run(empty_report)
    assert run["results"] == [] and run["invocations"][0]["executionSuccessful"] is True


@pytest.mark.slow
def test_large(large_report: Report) -> None:
    log = json.loads(as_text(large_report, Format.SARIF))
    assert len(log["runs"][0]["results"]) == 100_000
