"""A rule that had nothing to look at has not passed: it is not run, or not applicable, and says why."""

from __future__ import annotations

import pytest
import shapely

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.report import Outcome, Status
from rogi.validation.settings import Settings


def outcome(inventory: Inventory, code: str) -> Outcome:
    report = validate(inventory, Settings(select=(code,)))
    return next(o for o in report.outcomes if o.code == code)


def everywhere(inventory: Inventory, role: Role, column: str, value: object) -> Inventory:
    layer = inventory.layer(role)
    assert layer is not None
    return examples.with_values(inventory, role, column, dict.fromkeys(range(len(layer)), value))


@pytest.mark.parametrize("code", ["REL004", "REL005", "REL008", "PID008"])
def test_outlines_whose_ids_are_placeholders_cannot_be_paired(code):
    """All outlines of RoGI-CH that could be seen have the ID ``unknown``."""
    found = outcome(everywhere(examples.rgik(), Role.OUTLINE, "PrimaryID", "unknown"), code)
    assert found.status is Status.NOT_RUN
    assert found.reason == "outlines have no readable value of primary ID"


def test_links_by_place_pass_without_ids():
    inventory = everywhere(examples.rgik(), Role.OUTLINE, "PrimaryID", None)
    inventory = everywhere(inventory, Role.OUTLINE, "WorkingID", None)
    assert outcome(inventory, "REL001").status is Status.PASSED
    assert outcome(inventory, "REL003").status is Status.NOT_RUN


def test_unreadable_ids_fail_their_own_rule_and_pass_no_other():
    inventory = everywhere(examples.tprogi(), Role.MARKER, "ID", "glacier 7")
    assert outcome(inventory, "PID001").status is Status.FAILED
    assert outcome(inventory, "PID006").status is Status.NOT_RUN


def test_columns_that_are_not_filled_are_not_applicable():
    found = outcome(everywhere(examples.rgik(), Role.MARKER, "Kin.Att.", None), "KIN003")
    assert found.status is Status.NOT_APPLICABLE
    assert found.reason == "primary markers have no value of kinematic attribute"


def test_numbers_that_cannot_be_read_are_not_run():
    found = outcome(everywhere(examples.rgik(), Role.OUTLINE, "RelIndex", "high"), "KIN001")
    assert found.status is Status.NOT_RUN
    assert "no readable value of reliability index" in found.reason


def test_values_that_never_meet_in_one_row():
    inventory = examples.with_values(examples.rgik(2), Role.MARKER, "Acti.Cl.", {0: None})
    inventory = examples.with_values(inventory, Role.MARKER, "Kin.Att.", {1: None})
    found = outcome(inventory, "KIN003")
    assert found.status is Status.NOT_APPLICABLE
    assert found.reason == "primary markers have no row with activity and kinematic attribute"


def test_a_fault_in_missing_values_is_still_found():
    found = outcome(everywhere(examples.rgik(), Role.MARKER, "Acti.Ass.", None), "KIN004")
    assert found.status is Status.FAILED


@pytest.mark.parametrize("code", ["GEO014", "GEO015", "ATT001"])
def test_metres_said_to_be_degrees_give_no_area_to_pass(code):
    """A CRS that lies: SCH006 finds it, and nothing that needs a place passes."""
    inventory = examples.reprojected(examples.tprogi(), "EPSG:32646")
    found = outcome(examples.with_crs(inventory, Role.OUTLINE, "EPSG:4326"), code)
    assert found.status is Status.NOT_RUN
    assert found.reason == "outlines have no place on the Earth"


def test_features_without_a_place_are_counted_where_the_rest_passes():
    inventory = examples.with_geometry(examples.tprogi(4), Role.OUTLINE, {1: None})
    found = outcome(inventory, "GEO014")
    assert found.status is Status.PASSED
    assert found.reason == "outlines have no place on the Earth in 1 of 4 rows"


def test_geometry_rules_need_a_geometry():
    empty = dict.fromkeys(range(3), shapely.Polygon())
    inventory = examples.with_geometry(examples.tprogi(3), Role.OUTLINE, empty)
    assert outcome(inventory, "GEO002").status is Status.FAILED
    assert outcome(inventory, "GEO008").status is Status.NOT_RUN


def test_an_invalid_area_of_interest_says_nothing():
    bowtie = shapely.Polygon([(10, 46), (11, 47), (11, 46), (10, 47)])
    inventory = examples.with_geometry(examples.rgik(), Role.AREA_OF_INTEREST, {0: bowtie})
    assert outcome(inventory, "REL007").status is Status.NOT_RUN


def test_layers_with_one_reason_share_a_sentence():
    found = outcome(examples.tprogi(), "REL009")
    assert (found.status, found.reason) == (Status.NOT_APPLICABLE, "no moving areas")
    found = outcome(examples.without_layer(examples.rgik(), Role.MOVING_AREA), "ATT005")
    assert found.reason == "primary markers and outlines have no column for mean aspect; no moving areas"
