"""The engine: conformance for every rule, identity of findings, and rules that break down."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import shapely

from rogi.errors import OptionError
from rogi.rules import examples
from rogi.rules.context import Context
from rogi.rules.registry import rules
from rogi.rules.rule import Severity
from rogi.schema.model import Role
from rogi.validation import engine
from rogi.validation.engine import validate
from rogi.validation.report import Status
from rogi.validation.settings import Profile, Settings


def outcome(report, code):
    return next(o for o in report.outcomes if o.code == code)


def with_empty_geometry(inventory, *positions):
    return examples.with_geometry(inventory, Role.OUTLINE, {p: shapely.Polygon() for p in positions})


def test_every_rule_has_exactly_one_outcome_in_order():
    report = validate(examples.tprogi())
    assert [o.code for o in report.outcomes] == list(rules())


def test_a_rule_that_is_not_selected_is_not_run_and_says_so():
    report = validate(examples.tprogi(), Settings(select=("GEO001",)))
    assert outcome(report, "GEO001").status is Status.PASSED
    assert outcome(report, "GEO002").status is Status.NOT_RUN
    assert outcome(report, "GEO002").reason == "not selected"


def test_select_by_prefix_and_ignore():
    report = validate(examples.tprogi(), Settings(select=("GEO",), ignore=("geometry-null",)))
    ran = {o.code for o in report.outcomes if o.status is not Status.NOT_RUN}
    assert ran
    assert all(code.startswith("GEO") for code in ran)
    assert "GEO001" not in ran


@pytest.mark.parametrize("settings", [Settings(select=("GEO999",)), Settings(ignore=("nonsense",))])
def test_unknown_rules_are_refused(settings):
    with pytest.raises(OptionError, match="There is no rule"):
        validate(examples.tprogi(), settings)


def test_unknown_parameter_is_refused():
    with pytest.raises(OptionError, match=r"GEO014\.minimal"):
        validate(examples.tprogi(), Settings(parameters={"GEO014.minimal": 1}))


def test_absent_layers_are_not_applicable_and_absent_columns_not_run():
    inventory = examples.without_layer(examples.tprogi(), Role.MARKER)
    report = validate(inventory, Settings(select=("PID006",)))
    assert outcome(report, "PID006").status in (Status.NOT_APPLICABLE, Status.NOT_RUN)
    inventory = examples.without_column(examples.tprogi(), Role.OUTLINE, "AREA")
    lacking = outcome(validate(inventory, Settings(select=("ATT001",))), "ATT001")
    assert lacking.status is Status.NOT_RUN
    assert "area" in lacking.reason


def test_a_rule_that_breaks_down_is_reported_and_makes_exit_code_2(monkeypatch):
    """A crash never looks like a pass, and the other rules still run."""

    def broken(context):
        raise ZeroDivisionError("boom")

    table = dict(rules())
    from dataclasses import replace

    table["GEO001"] = replace(table["GEO001"], check=broken)
    monkeypatch.setattr(engine, "rules", lambda: table)
    report = validate(with_empty_geometry(examples.tprogi(), 0))
    assert outcome(report, "GEO001").crashed
    assert outcome(report, "GEO001").status is Status.NOT_RUN
    assert "boom" in outcome(report, "GEO001").reason
    assert outcome(report, "GEO002").findings == 1
    assert report.exit_code(None) == 2


def test_a_shared_quantity_is_computed_once_by_rules_in_several_threads():
    """The second thread asks while the first computes; a quantity may ask for others."""
    context = Context(examples.tprogi(), {}, dt.date.max)
    started, go, computed = threading.Event(), threading.Event(), []

    def compute():
        computed.append(threading.get_ident())
        started.set()
        assert go.wait(60)
        return context.once(("part",), lambda: 2) + 1

    def ask():
        return context.once(("whole",), compute)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask)
        assert started.wait(60)
        second = pool.submit(context.of_rule(rules()["GEO001"].info, ()).once, ("whole",), compute)
        go.set()
        assert (first.result(), second.result(), len(computed)) == (3, 3, 1)


def test_a_quantity_that_cannot_be_computed_is_tried_again():
    context = Context(examples.tprogi(), {}, dt.date.max)
    with pytest.raises(ZeroDivisionError):
        context.once(("x",), lambda: 1 // 0)
    assert context.once(("x",), lambda: 1) == 1


def test_an_interrupt_leaves_the_rules_that_have_not_begun(monkeypatch):
    """Ctrl-C while the results are gathered: no rule begins after it."""
    begun, stopped = [], threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            stopped.set()
            super().shutdown(wait)

    def check(rule, context):
        begun.append(rule.info.code)
        assert stopped.wait(60)
        return engine._Checked()

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(engine, "_check", check)
    with pytest.raises(KeyboardInterrupt):
        validate(examples.tprogi(), progress=interrupt)
    assert len(begun) <= engine.THREADS


def test_exit_codes_follow_the_threshold():
    report = validate(examples.tprogi())
    assert report.exit_code(Severity.INFO) == 0
    report = validate(with_empty_geometry(examples.tprogi(), 1))
    assert report.exit_code() == 1
    assert report.exit_code(None) == 0


def test_severity_overrides_longest_selector_wins():
    settings = Settings(select=("GEO002",), severity={"GEO": Severity.INFO, "GEO002": Severity.WARNING})
    report = validate(with_empty_geometry(examples.tprogi(), 1), settings)
    assert set(report.findings["severity"]) == {"warning"}


def test_strict_raises_established_warnings_and_lenient_lowers_the_others():
    strict = {
        o.code: o.severity for o in validate(examples.tprogi(), Settings(profile=Profile.STRICT)).outcomes
    }
    lenient = {
        o.code: o.severity for o in validate(examples.tprogi(), Settings(profile=Profile.LENIENT)).outcomes
    }
    for code, rule in rules().items():
        if rule.info.severity is not Severity.WARNING:
            assert strict[code] is lenient[code] is rule.info.severity
        elif rule.info.evidence.established:
            assert (strict[code], lenient[code]) == (Severity.ERROR, Severity.WARNING)
        else:
            assert (strict[code], lenient[code]) == (Severity.WARNING, Severity.INFO)


def test_fingerprints_do_not_depend_on_row_order():
    inventory = with_empty_geometry(examples.tprogi(6), 1, 4)
    # A duplicate outline with an ID of its own, so that there is a pair too.
    geometry = inventory.layer(Role.OUTLINE).geometry
    inventory = examples.with_geometry(inventory, Role.OUTLINE, {3: geometry[2]})
    order = [5, 3, 1, 0, 2, 4]
    turned = examples.with_rows(inventory, Role.OUTLINE, order)
    first, second = validate(inventory).findings, validate(turned).findings
    assert len(first) >= 3
    assert set(first["fingerprint"]) == set(second["fingerprint"])
    assert not first["fingerprint"].duplicated().any()


def test_fingerprints_of_features_without_id_come_from_the_geometry():
    inventory = examples.without_column(examples.tprogi(6), Role.OUTLINE, "ID")
    bow_tie = shapely.Polygon([(90.6, 30.4), (90.602, 30.402), (90.602, 30.4), (90.6, 30.402)])
    inventory = examples.with_geometry(inventory, Role.OUTLINE, {2: bow_tie})
    settings = Settings(select=("GEO003",))
    turned = examples.with_rows(inventory, Role.OUTLINE, [2, 0, 1, 3, 4, 5])
    first, second = validate(inventory, settings).findings, validate(turned, settings).findings
    assert list(first["fingerprint"]) == list(second["fingerprint"])
    assert (first["row"].item(), second["row"].item()) == (3, 1)


def test_findings_table_is_the_same_type_when_empty():
    empty = validate(examples.tprogi()).findings
    full = validate(with_empty_geometry(examples.tprogi(), 0)).findings
    assert list(empty.columns) == list(full.columns)
    assert (empty.dtypes[["row", "minx"]] == full.dtypes[["row", "minx"]]).all()


def test_places_are_wgs84_whatever_the_crs():
    bow_tie = shapely.Polygon([(90.6, 30.4), (90.602, 30.402), (90.602, 30.4), (90.6, 30.402)])
    inventory = examples.with_geometry(examples.tprogi(), Role.OUTLINE, {0: bow_tie})
    projected = examples.reprojected(inventory, "EPSG:32646")
    finding = validate(projected, Settings(select=("GEO003",))).findings.iloc[0]
    assert np.isclose(finding["minx"], 90.601, atol=1e-4)
    assert np.isclose(finding["miny"], 30.401, atol=1e-4)


def test_rules_say_how_many_invalid_outlines_they_left_out():
    bow_tie = shapely.Polygon([(90.6, 30.4), (90.602, 30.402), (90.602, 30.4), (90.6, 30.402)])
    inventory = examples.with_geometry(examples.tprogi(), Role.OUTLINE, {0: bow_tie})
    found = outcome(validate(inventory), "GEO015")
    assert found.status is Status.PASSED
    assert found.reason == "1 invalid outline left out, see GEO003"


def test_a_placeholder_for_an_id_is_a_warning_and_a_wrong_id_an_error():
    inventory = examples.with_values(examples.rgik(), Role.OUTLINE, "PrimaryID", {0: "unknown", 1: "RGU1"})
    report = validate(inventory, Settings(select=("PID001",)))
    assert list(report.findings["severity"]) == ["warning", "error"]


def test_what_a_rule_found_before_it_could_not_go_on_is_kept(monkeypatch):
    from dataclasses import replace

    from rogi.rules.rule import CannotCheck

    table = dict(rules())
    whole = table["GEO002"].check

    def interrupted(context):
        yield from whole(context)
        raise CannotCheck("no more to be read")

    table["GEO002"] = replace(table["GEO002"], check=interrupted)
    monkeypatch.setattr(engine, "rules", lambda: table)
    found = outcome(validate(with_empty_geometry(examples.tprogi(), 0)), "GEO002")
    assert (found.status, found.findings, found.reason) == (Status.FAILED, 1, "no more to be read")
