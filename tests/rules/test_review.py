"""Rules on the review: decisions and notes, and who reviewed whose units."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.settings import Settings


def findings(inventory: Inventory, *codes: str) -> pd.DataFrame:
    """Findings of some rules, none of which broke down."""
    report = validate(inventory, Settings(select=codes, today=dt.date(2026, 1, 1)))
    assert not report.crashed, report.crashed
    return report.findings


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        (None, None),
        ("", None),
        ("   ", None),
        ("No", None),
        ("Undefined", None),
        ("Uncertain: in the shadow", None),
        ("Yes; outline moved", None),
        ("No - rock avalanche", None),
        ("Yes (two units)", None),
        ("no", "warning"),
        (" Yes ", "warning"),
        ("UNCERTAIN (snow)", "warning"),
        ("Not a rock glacier", "info"),  # begins with the letters of a decision, not with its word
        ("Yesterday", "info"),
        ("nothing to add", "info"),
        ("17", "info"),
    ],
)
def test_decision_and_note(text, severity) -> None:
    """A decision alone or followed by a note passes; other spelling is a warning, other text information."""
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "ADDI_INF", {1: text})
    found = findings(inventory, "REV001")
    assert list(found["severity"]) == ([severity] if severity else [])
    assert list(found["row"]) == ([2] if severity else [])


def test_the_review_column_is_judged_once() -> None:
    """`unknown` in the review column is not also a placeholder or a value outside a vocabulary."""
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "ADDI_INF", {1: "unknown"})
    assert set(findings(inventory, "SCH", "REV")["code"]) == {"REV001"}


@pytest.mark.parametrize(
    ("mapper", "reviewer", "same"),
    [
        ("A. Mapper", "B. Reviewer", False),
        ("A. Mapper", "A. Mapper", True),
        ("A. Mapper", " a.  MAPPER ", True),
        ("A. Mapper; B. Other", "B. Other", True),
        ("A. Mapper; B. Other", "B. Other; A. Mapper", True),
        ("A. Mapper", "A. Mapper & C. Third", False),
        ("A. Mapper and B. Other", "C. Third", False),
        ("Anderson", "Anders on", False),
        ("Sun, Z.", "Sun, Y.", False),  # a comma is part of a name
        ("A. Mapper", None, False),
        (None, "A. Mapper", False),
        (None, None, False),
        ("A. Mapper", ";", False),
        ("17", "17", True),
    ],
)
def test_who_reviewed_whom(mapper, reviewer, same) -> None:
    inventory = examples.with_values(examples.tprogi(), Role.OUTLINE, "MAPPER", {1: mapper})
    inventory = examples.with_values(inventory, Role.OUTLINE, "REVIEWER", {1: reviewer})
    assert list(findings(inventory, "REV002")["row"]) == ([2] if same else [])


def test_all_units_reviewed_by_their_mapper() -> None:
    n = 2000
    inventory = examples.with_column(examples.tprogi(n), Role.OUTLINE, "REVIEWER", "A. Mapper")
    assert len(findings(inventory, "REV002")) == n
