"""Waivers and baselines: what counts, what does not, and that one known finding never hides a new one."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import shapely
from shapely.affinity import translate

from rogi.errors import InputError, OptionError
from rogi.rules import examples
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.report import State
from rogi.validation.settings import Settings
from rogi.validation.waivers import Baseline, parse_waivers, write_baseline

TODAY = dt.date(2026, 6, 1)


@pytest.fixture
def inventory():
    return examples.with_geometry(
        examples.tprogi(4), Role.OUTLINE, {0: shapely.Polygon(), 2: shapely.Polygon()}
    )


def run(inventory, **settings):
    return validate(inventory, Settings(select=("GEO002",), today=TODAY, **settings))


def waiver(**entry):
    return tuple(parse_waivers([{"reason": "known", "author": "A. Mapper", **entry}], "test"))


def test_a_waiver_by_fingerprint_waives_that_finding_only(inventory):
    fingerprint = run(inventory).findings["fingerprint"][0]
    report = run(inventory, waivers=waiver(fingerprint=fingerprint))
    assert list(report.findings["state"]) == [State.WAIVED, State.OPEN]
    assert report.findings["reason"][0] == "known (A. Mapper)"
    assert report.waivers[0].status == "used"
    assert report.exit_code() == 1


def test_a_waiver_by_rule_and_id(inventory):
    unit = run(inventory).findings["feature_id"][1]
    report = run(inventory, waivers=waiver(rule="geometry-empty", id=unit))
    assert list(report.findings["state"]) == [State.OPEN, State.WAIVED]


def test_expired_and_unused_waivers_are_reported_and_waive_nothing(inventory):
    fingerprint = run(inventory).findings["fingerprint"][0]
    report = run(
        inventory,
        waivers=waiver(fingerprint=fingerprint, expires="2026-05-31")
        + waiver(rule="GEO002", fingerprint="0"),
    )
    assert [use.status for use in report.waivers] == ["expired", "unused"]
    assert set(report.findings["state"]) == {State.OPEN}


def test_a_waiver_is_unused_only_if_its_rule_ran(inventory):
    both = waiver(rule="GEO002", id="nobody") + waiver(rule="GEO003", id="nobody")
    assert [use.status for use in run(inventory, waivers=both).waivers] == ["unused", "not checked"]


def test_a_waiver_holds_on_its_last_day(inventory):
    fingerprint = run(inventory).findings["fingerprint"][0]
    report = run(inventory, waivers=waiver(fingerprint=fingerprint, expires=TODAY))
    assert report.waivers[0].status == "used"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"fingerprint": "0", "reason": ""}, "no reason"),
        ({"fingerprint": "0", "author": " "}, "no author"),
        ({"rule": "GEO002"}, "neither a fingerprint"),
        ({"rule": "GEO", "id": "x"}, "a waiver is for one"),
        ({"rule": "GEO999", "id": "x"}, "There is no rule"),
        ({"fingerprint": "0", "until": "2027-01-01"}, "unknown key 'until'"),
        ({"fingerprint": "0", "expires": "soon"}, "a date such as"),
    ],
)
def test_incomplete_waivers_are_refused(entry, message):
    with pytest.raises(OptionError, match=message):
        waiver(**entry)


def test_a_baseline_hides_what_was_known_and_nothing_else(inventory, tmp_path):
    path = tmp_path / "known.json"
    assert write_baseline(run(inventory).findings, path, "0") == 2
    again = run(inventory, baseline=Baseline.read(path))
    assert again.exit_code() == 0
    assert set(again.findings["state"]) == {State.BASELINE}
    worse = examples.with_geometry(inventory, Role.OUTLINE, {3: shapely.Polygon()})
    report = run(worse, baseline=Baseline.read(path))
    assert report.exit_code() == 1
    assert list(report.findings["state"]) == [State.BASELINE, State.BASELINE, State.OPEN]


def test_a_known_overlap_does_not_hide_a_new_one_of_the_same_unit(tmp_path):
    base = examples.tprogi(4)
    shapes = base.layer(Role.OUTLINE).geometry
    one = examples.with_geometry(base, Role.OUTLINE, {1: translate(shapes[0], 0.0005)})
    settings = Settings(select=("GEO015",), today=TODAY)
    path = tmp_path / "known.json"
    write_baseline(validate(one, settings).findings, path, "0")
    two = examples.with_geometry(one, Role.OUTLINE, {2: translate(shapes[0], -0.0009)})
    report = validate(two, Settings(select=("GEO015",), today=TODAY, baseline=Baseline.read(path)))
    assert sorted(report.findings["state"]).count(State.BASELINE) == 1
    assert (report.findings["state"] == State.OPEN).sum() >= 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99, "findings": {}}', "\xff"])
def test_files_that_are_no_baseline_are_refused(tmp_path, text):
    path = tmp_path / "known.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"known\.json"):
        Baseline.read(path)


def test_a_missing_baseline_says_how_to_write_one(tmp_path):
    with pytest.raises(InputError, match="--write-baseline"):
        Baseline.read(tmp_path / "none.json")


def test_a_baseline_is_the_same_bytes_again(inventory, tmp_path):
    for name in ("a", "b"):
        write_baseline(run(inventory).findings, tmp_path / name, "0")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert json.loads((tmp_path / "a").read_text())["format"] == 1


def test_a_placeholder_is_nobodys_id():
    """A waiver for the unit ``unknown`` would be one for all units without ID."""
    empty = {0: shapely.Polygon(), 2: shapely.Polygon()}
    inventory = examples.with_geometry(examples.tprogi(4), Role.OUTLINE, empty)
    inventory = examples.with_values(inventory, Role.OUTLINE, "ID", {0: "unknown", 2: "unknown"})
    report = run(inventory, waivers=waiver(rule="GEO002", id="unknown"))
    assert list(report.findings["feature_id"]) == ["row 1", "row 3"]
    assert set(report.findings["state"]) == {State.OPEN}
    assert report.waivers[0].status == "unused"


def test_an_outline_is_known_by_id_and_type_when_it_is_drawn_anew(tmp_path):
    """In RGIK inventories the extended and the restricted outline have one ID."""
    inventory = examples.with_values(examples.rgik(), Role.OUTLINE, "RelIndex", {1: 8})
    settings = Settings(select=("KIN001",), today=TODAY)
    write_baseline(validate(inventory, settings).findings, tmp_path / "known.json", "1")
    shape = examples.geometry_of(inventory, Role.OUTLINE, 1)
    inventory = examples.with_geometry(inventory, Role.OUTLINE, {1: shape.buffer(0.0001)})
    inventory = examples.with_values(inventory, Role.OUTLINE, "RelIndex", {4: 8})  # the restricted one
    known = Baseline.read(tmp_path / "known.json")
    report = validate(inventory, Settings(select=("KIN001",), today=TODAY, baseline=known))
    assert list(report.findings["state"]) == [State.BASELINE, State.OPEN]
