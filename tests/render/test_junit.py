"""JUnit reports fit the schemas of Jenkins and of Ant (Windy Road), and count what fails."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from lxml import etree

from rogi.report.format import Format
from rogi.report.validation import as_text
from rogi.rules.rule import Severity
from rogi.validation.report import Report

JENKINS = etree.XMLSchema(etree.parse(Path(__file__).parent / "data" / "jenkins-junit-10.xsd"))


def _parse(report: Report, fail_on: Severity | None = Severity.ERROR) -> etree._Element:
    return etree.fromstring(as_text(report, Format.JUNIT, fail_on=fail_on).encode("utf-8"))


@pytest.mark.parametrize("name", ["report", "empty_report", "large_report"])
def test_valid_for_jenkins(name: str, request: pytest.FixtureRequest) -> None:
    JENKINS.assertValid(_parse(request.getfixturevalue(name)))


@pytest.mark.parametrize("name", ["report", "empty_report"])
def test_valid_for_ant(name: str, request: pytest.FixtureRequest) -> None:
    """What JUnit.xsd of Windy Road asks for beyond Jenkins' schema."""
    root = _parse(request.getfixturevalue(name))
    assert root.tag == "testsuites" and not root.attrib
    needed = {"package", "id", "name", "timestamp", "hostname", "tests", "failures", "errors", "time"}
    for number, suite in enumerate(root):
        assert needed <= set(suite.attrib) <= needed | {"skipped"}
        assert suite.get("id") == str(number)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
        tags = [child.tag for child in suite]
        assert tags == ["properties", *["testcase"] * (len(tags) - 3), "system-out", "system-err"]
        assert all(p.get("name").strip() and p.get("value") is not None for p in suite[0])
        for case in suite.iter("testcase"):
            assert set(case.attrib) == {"name", "classname", "time"}
            assert len(case) <= 1 and all(child.tag in ("skipped", "error", "failure") for child in case)
            assert all(child.get("type") for child in case if child.tag != "skipped")


@pytest.mark.parametrize(("fail_on", "failing"), [(Severity.ERROR, 3), (Severity.INFO, 5), (None, 0)])
def test_threshold(report: Report, fail_on: Severity | None, failing: int) -> None:
    """A test case fails by findings that count at the threshold; the rest is told, not failed."""
    root = _parse(report, fail_on)
    assert len(list(root.iter("failure"))) == failing
    assert sum(int(suite.get("failures")) for suite in root) == failing
    assert len(list(root.iter("error"))) == 1
    assert len(list(root.iter("skipped"))) == 2
    assert sum(int(suite.get("tests")) for suite in root) == len(report.outcomes)
    listed = "".join(root.itertext())
    assert all(fingerprint in listed for fingerprint in report.findings["fingerprint"])


def test_totals_of_long_lists_are_exact(large_report: Report) -> None:
    failure = next(_parse(large_report, Severity.WARNING).iter("failure"))
    assert failure.get("message") == "Title of GEO014: 100,000 findings"
    assert failure.text is not None and failure.text.endswith("… and 99,900 more")
    assert failure.text.count("\n") == 100
