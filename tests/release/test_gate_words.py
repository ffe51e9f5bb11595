"""What the gate says, word by word, and where each limit lies: on changes made by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from rogi.release.description import Licence, Person, Release, Thresholds, Tombstone, Version
from rogi.release.differences.difference import Kind
from rogi.release.gate.gate import refusals
from rogi.release.gate.leftovers import future_date


def release(version: str = "1.1", **more: Any) -> Release:
    return Release(
        inventory="X",
        version=version,
        date=dt.date(2026, 1, 1),
        title="T",
        description="D",
        schema="tprogi/1.0",
        licence=Licence("CC0-1.0", "CC0", "https://x.org"),
        creators=(Person("A"),),
        **more,
    )


def report(errors: Sequence[tuple[str, int]] = (), **more: Any) -> Any:
    """A report with open errors: (code, number)."""
    rows = [(code, "error", "open") for code, number in errors for _ in range(number)]
    rows += [("GEO003", "error", "waived"), ("GEO005", "warning", "open")]
    findings = pd.DataFrame(rows, columns=["code", "severity", "state"])
    return SimpleNamespace(**{"crashed": (), "findings": findings, "waivers": ()} | more)


def change(kinds: dict[Kind, int] | None = None, regions: list[tuple[Any, ...]] = (), **more: Any) -> Any:  # type: ignore[assignment]
    """A difference in which nothing changed but what is given."""
    columns = ["subregion", "units_old", "units_new", "area_old_km2", "area_new_km2"]
    content: dict[str, Any] = {
        "old": "X_v1.0",
        "counts": dict.fromkeys(Kind, 0) | (kinds or {}),
        "schema_old": "tprogi/1.0",
        "schema_new": "tprogi/1.0",
        "fields_added": (),
        "fields_removed": (),
        "fields_retyped": (),
        "vanished": frozenset(),
        "moved": (),
        "ids_old": frozenset(),
        "ids_new": frozenset(),
        "units": pd.DataFrame({"kind": [], "id_old": [], "id_new": []}),
        "count_old": 100,
        "count_new": 100,
        "area_old_km2": 50.0,
        "area_new_km2": 50.0,
        "subregions": lambda: pd.DataFrame(list(regions), columns=columns),
    } | more
    schema = content["schema_old"] != content["schema_new"]
    content["schema_changed"] = schema or bool(content["fields_removed"] or content["fields_retyped"])
    return SimpleNamespace(**content)


def said(*arguments: Any, **options: Any) -> list[str]:
    return [str(refusal) for refusal in refusals(*arguments, **options)]


@pytest.mark.parametrize(
    ("previous", "version", "found", "why", "least"),
    [
        ("1.0", "1.0.1", change({Kind.ADDED: 3, Kind.SPLIT: 1}), "units 3 added, 1 split", "1.1"),
        ("1.2.3", "1.2.4", change({Kind.RENAMED: 1}), "units 1 renamed", "1.3"),
        ("1.0", "1.0.1", change(fields_added=("A", "B")), "columns are new (A, B)", "1.1"),
        ("1.4", "1.5", change(schema_new="rgik/1.0"), "the schema is rgik/1.0 instead of tprogi/1.0", "2.0"),
        ("1.4", "1.5", change(fields_removed=("A", "B")), "columns are gone (A, B)", "2.0"),
        ("0.9", "0.9.1", change(fields_retyped=("A",)), "columns are of another type (A)", "1.0"),
        (
            "1.0",
            "1.1",
            change(schema_new="rgik/1.0", fields_removed=("A",), fields_retyped=("B",)),
            "the schema is rgik/1.0 instead of tprogi/1.0; columns are gone (A); columns are of another "
            "type (B)",
            "2.0",
        ),
        ("1.0", "1.0.1", change({Kind.REFINED: 9, Kind.ATTRIBUTES: 9, Kind.UNCHANGED: 9}), None, None),
        ("1.0", "1.1", change({Kind.ADDED: 3}), None, None),
        ("1.9", "2.0", change({Kind.ADDED: 3}, schema_new="rgik/1.0"), None, None),
        ("1.0", "1.1", change(fields_added=("A",)), None, None),
    ],
)
def test_the_version_that_a_change_needs(
    previous: str, version: str, found: Any, why: str | None, least: str | None
) -> None:
    """Too small a version names the change and the least that fits; one that fits is not refused."""
    expected = [
        f"version: Version {version} after {previous} does not fit the change: {why}. Such a change needs at "
        f"least {least}."
    ]
    given = said(release(version), report(), found=found, previous=Version.parse(previous))
    assert given == (expected if why else [])


@pytest.mark.parametrize("known", ["1.1", "1.2"])
def test_a_version_is_above_all_before(known: str) -> None:
    """The highest of those released and the one before counts; the same is not above."""
    given = said(release(), report(), known=[Version(1, 0), Version.parse(known)], previous=Version(1, 0))
    assert given == [
        f"version: Version 1.1 is not above the last, {known}. Choose a higher version in release.yaml."
    ]
    assert said(release(), report(), known=[Version(1, 0)]) == []


def test_limits_are_reached_without_a_reason() -> None:
    """5 % of units and area, 20 % of a subregion, up or down; more is refused, and it says how much."""
    at = [("A", 50, 60, 25.0, 20.0), ("B", 50, 40, 25.0, 30.0)]
    found = change(regions=at, count_new=95, area_new_km2=52.5)
    assert said(release(), report(), found=found) == []
    over = [("A", 50, 61, 25.0, 19.0), ("B", 0, 1, 0.0, 0.0)]
    found = change(regions=over, count_new=94, area_new_km2=53.0)
    look = "Look at `rogi release diff`. If it is meant, say why with --accept"
    assert said(release(), report(), found=found) == [
        f"count: number of units went from 100 to 94, by 6.0 %, more than 5 %. {look} count='REASON'.",
        f"area: total area (km²) went from 50 to 53, by 6.0 %, more than 5 %. {look} area='REASON'.",
        "count:A: number of units in A went from 50 to 61, by 22.0 %, more than 20 %. "
        f"{look} count:A='REASON'.",
        f"area:A: area in A (km²) went from 25 to 19, by 24.0 %, more than 20 %. {look} area:A='REASON'.",
        "count:B: number of units in B went from 0 to 1, by 100.0 %, more than 20 %. "
        f"{look} count:B='REASON'.",
    ]
    limits = Thresholds(count=0.06, area=0.06, subregion=1.0)
    assert said(release(thresholds=limits), report(), found=found) == []


def test_one_subregion_is_the_whole() -> None:
    """Its limit is that of the inventory; the wider one of a subregion is not asked."""
    found = change(regions=[("A", 100, 50, 50.0, 1.0)])
    assert said(release(), report(), found=found) == []


def test_what_is_said_of_findings_rules_and_waivers() -> None:
    """Rules that broke down, errors with their counts, waivers without a date; each with what lifts it."""
    outcome = SimpleNamespace
    made = report(
        [("PID001", 1), ("GEO003", 2)],
        crashed=(outcome(code="GEO001"), outcome(code="ATT002")),
        waivers=(
            outcome(rule="GEO003", target="feature A", status="used", expires=None),
            outcome(rule="GEO003", target="feature B", status="used", expires=dt.date(2027, 1, 1)),
            outcome(rule="GEO003", target="feature C", status="unused", expires=None),
            outcome(
                rule="GEO003", target="feature D", status="expired", expires=dt.date(2025, 1, 1), findings=2
            ),
            outcome(
                rule="GEO003", target="feature E", status="expired", expires=dt.date(2025, 1, 1), findings=0
            ),
        ),
    )
    assert said(release(), made) == [
        "rules: Rules broke down: GEO001, ATT002. Report this fault of rogi; ROGI_DEBUG=1 shows where.",
        "findings: 3 findings at error level: GEO003 (2), PID001 (1). Mend them (`rogi validate` shows "
        "them), or waive each in rogi.toml with a reason, an author and a date at which it expires.",
        "waivers: 1 waiver has expired, so what it waives counts again (GEO003 on feature D, since "
        "2025-01-01). Mend what they are for, or look at them again and set a later date (expires).",
        "waivers: 1 waiver does not expire (GEO003 on feature A). Give each a date in rogi.toml (expires = "
        "2027-12-31), so that it is looked at again.",
    ]


@pytest.mark.parametrize(
    ("code", "way"), [("SCH001", "rogi id make OUTLINES -o markers.csv"), ("SCH008", "one for each row")]
)
def test_an_inventory_without_ids_or_markers_is_told_how_to_get_them(code: str, way: str) -> None:
    """An error of a rule whose own severity is warning is named and counted as any other."""
    (one,) = said(release(), report([(code, 1)]))
    assert one.startswith(f"findings: 1 finding at error level: {code} (1). ") and way in one


@pytest.mark.parametrize(("ahead", "expected"), [(-1, []), (0, []), (1, ["date"]), (60, ["date"])])
def test_a_date_that_is_to_come_needs_a_reason(ahead: int, expected: list[str]) -> None:
    """A release is dated by the day of its publication; what is meant can be said."""
    found = future_date(release(), release().date - dt.timedelta(days=ahead))
    assert [refusal.code for refusal in found] == expected and all(r.liftable for r in found)


def test_what_is_said_of_facts_and_git() -> None:
    """A fact that does not hold, one that cannot be checked, and files that are not committed."""
    fact = SimpleNamespace
    facts = (
        fact(
            holds=True,
            found=1.0,
            reason="",
            fact=fact(name="a", value=1, tolerance=0, unit="", value_unit=""),
        ),
        fact(
            holds=False,
            found=2.5,
            reason="",
            fact=fact(name="units", value=2, tolerance=0.1, unit="km²", value_unit="km²"),
        ),
        fact(
            holds=None,
            found=None,
            reason="no column",
            fact=fact(name="b", value=1, tolerance=0, unit="", value_unit=""),
        ),
    )
    ask = "Correct the data or facts.yaml. If it is meant, say why with --accept"
    given = said(release(), report(), facts=facts, dirty=["a", "b", "c", "d", "e", "f", "g"])
    assert given == [
        f"fact:units: units is 2.5; facts.yaml states 2 ± 0.1 km². {ask} fact:units='REASON'.",
        f"fact:b: b could not be checked (no column); facts.yaml states 1 ± 0. {ask} fact:b='REASON'.",
        "git: The git tree is not clean (a, b, c, d, e and 2 more). Commit or stash the changes, so that the "
        "release can be built again from a commit.",
    ]


def test_what_is_said_of_ids() -> None:
    """IDs that are gone, moved, retired before, or retired and there."""
    gone = frozenset({"A", "B", "C"})
    found = change(vanished=gone, moved=("D",), ids_old=gone)
    stones = (Tombstone("A", "gone"), Tombstone("E", "gone"))
    before = [SimpleNamespace(id="F"), SimpleNamespace(id="E")]
    given = said(
        release(retired=stones), report(), found=found, retired=before, ids=frozenset({"E", "F", "G"})
    )
    assert given == [
        "ids-vanished: 2 IDs of X_v1.0 are gone without a tombstone (B, C). List them under retired in "
        "release.yaml with a reason; `rogi release diff OLD NEW --tombstones retired.csv` writes a draft.",
        "ids-moved: 1 ID stands for another place than before (D). Give the units new IDs (`rogi id make`) "
        "and retire the old ones.",
        "ids-reused: 2 IDs were retired by an earlier version and are used again (E, F). Give the units new "
        "IDs; an ID is never used twice.",
        "ids-retired: 1 ID is retired in release.yaml but in the inventory (E). Take them out of one of "
        "the two.",
    ]


@pytest.mark.parametrize("form", ["a", " A", "A\u00a0", "\u200bA", "Ａ"])
def test_an_id_in_another_form_is_not_gone(form: str) -> None:
    """`ids-keyed` tells it; a tombstone of it would be wrong."""
    found = change(vanished=frozenset({"A", "B"}), ids_old=frozenset({"A", "B"}), ids_new=frozenset({form}))
    (gone,) = said(release(), report(), found=found)
    assert gone.startswith("ids-vanished: 1 ID of X_v1.0 is gone without a tombstone (B).")
