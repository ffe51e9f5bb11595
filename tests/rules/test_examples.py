"""Every rule passes its good example and finds exactly the planted rows of its bad one."""

from __future__ import annotations

import re

import pytest

from rogi.rules import examples
from rogi.rules.registry import FAMILIES, rules
from rogi.rules.rule import Rule, Severity
from rogi.validation.engine import validate
from rogi.validation.report import Status
from rogi.validation.settings import Settings

ALL = list(rules().values())


def ids(rule: Rule) -> str:
    return rule.info.code


@pytest.mark.parametrize("rule", ALL, ids=ids)
def test_good_example_has_no_finding_of_the_rule(rule: Rule) -> None:
    report = validate(rule.good(), Settings(select=(rule.info.code,)))
    outcome = next(o for o in report.outcomes if o.code == rule.info.code)
    assert outcome.status is Status.PASSED, (outcome.reason, list(report.findings["message"]))


@pytest.mark.parametrize("rule", ALL, ids=ids)
def test_bad_example_is_found_at_its_rows(rule: Rule) -> None:
    bad = rule.bad()
    report = validate(bad.inventory, Settings(select=(rule.info.code,)))
    assert not report.crashed, report.crashed
    expected = set()
    for role, positions in bad.rows.items():
        for position in positions:
            layer = bad.inventory.layer(role) if role else None
            row = int(layer.rows[position]) if layer is not None and position >= 0 else 0
            expected.add((role.value if role else "", row))
    found = set(zip(report.findings["layer"], report.findings["row"], strict=True))
    assert found == expected, list(report.findings["message"])


@pytest.mark.parametrize("rule", ALL, ids=ids)
def test_page_is_complete(rule: Rule) -> None:
    for heading in ("## What it checks", "## Why", "## Example", "## How to fix", "## Reference"):
        assert heading in rule.doc, f"{rule.info.code} lacks {heading}"
    assert rule.title, "the first line is the title"


def test_codes_belong_to_their_families_and_names_are_unique() -> None:
    assert all(re.fullmatch(r"(SCH|PID|GEO|ATT|REL|KIN|REV)\d{3}", r.info.code) for r in ALL)
    names = [r.info.name for r in ALL]
    assert len(set(names)) == len(names)
    assert len(FAMILIES) == 7


def test_only_established_rules_are_errors() -> None:
    """A rule that rests on memory of the guidelines is never an error by default."""
    assert not [
        r.info.code for r in ALL if r.info.severity is Severity.ERROR and not r.info.evidence.established
    ]


@pytest.mark.parametrize("make", [examples.tprogi, examples.rgik])
def test_good_inventories_have_no_finding_at_all(make) -> None:
    report = validate(make(4))
    assert report.findings.empty, report.findings[["code", "layer", "row", "message"]].to_string()
    assert not report.crashed
