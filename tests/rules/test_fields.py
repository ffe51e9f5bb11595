"""Findings name the column, the value and the other feature that are concerned."""

from __future__ import annotations

import pandas as pd
import pytest

from rogi.inventory.model import Inventory
from rogi.rules import examples
from rogi.rules.examples import with_values
from rogi.rules.registry import rules
from rogi.schema.model import Role
from rogi.validation.engine import validate
from rogi.validation.settings import Settings

# Of the bad example of each rule: layer and column, as on its page; none: the geometry or the layer.
FIELDS: dict[str, set[str]] = {
    "SCH001": {".TPRoGI_Primary_Marker"},
    "SCH002": {"marker."},
    "SCH003": {"outline."},
    "SCH004": {"outline."},
    "SCH005": {"marker.", "outline."},
    "SCH006": {"outline."},
    "SCH007": {"marker."},
    "SCH008": {"marker.Acti.Cl."},
    "SCH009": {"outline.AREA"},
    "SCH010": {"outline.ADDI_INF"},
    "SCH011": {"marker.PrimaryID"},
    "SCH012": {"marker.WorkingID"},
    "SCH013": {"marker.Acti.Cl."},
    "SCH014": {"outline.Out.Type"},
    "SCH015": {"outline.SUBREGION"},
    "SCH016": {"marker.Acti.Cl."},
    "SCH017": {"outline.SNOW"},
    "SCH018": {"outline.LAT"},
    "SCH019": {"marker.WorkingID"},
    "SCH020": {"marker.rgu_destabilized"},
    "SCH021": {"outline."},
    "PID001": {"outline.PrimaryID"},
    "PID002": {"marker.PrimaryID"},
    "PID003": {"marker.ID"},
    "PID004": {"marker.ID"},
    "PID005": {"marker."},
    "PID006": {"marker.ID"},
    "PID007": {"outline.ID"},
    "PID008": {"outline.ID"},
    "PID009": {"marker.PrimaryID"},
    "PID010": {"marker.PrimaryID"},
    "PID011": {"outline.ID"},
    **{f"GEO{number:03}": {"outline."} for number in range(1, 20)},
    "ATT001": {"outline.AREA"},
    "ATT002": {"outline.ELE_MIN"},
    "ATT003": {"outline.ELE_MAX"},
    "ATT004": {"outline.SLO_MAX"},
    "ATT005": {"outline.ASPECT"},
    "ATT006": {"outline.ASPECT"},
    "ATT007": {"outline.MAAT"},
    "ATT008": {"outline.PISR"},
    "ATT009": {"outline.ELE_MIN"},
    "ATT010": {"outline.MAP_DATE"},
    "ATT011": {"outline.MAP_DATE"},
    "ATT012": {"outline.ELE_MEAN"},
    "ATT013": {"outline.LAT"},
    "ATT014": {"outline.AREA"},
    "ATT020": {"outline.ELE_MEAN", "outline.ASPECT"},
    "REL001": {"outline.ID"},
    "REL002": {"marker.ID"},
    "REL003": {"marker."},
    "REL004": {"outline.Out.Type"},
    "REL005": {"outline."},
    "REL006": {"marker.Assoc.RGS"},
    "REL007": {"marker.", "outline."},
    "REL008": {"outline.Out.Type"},
    "REL009": {"moving_area.Vel.Class"},
    "KIN001": {"outline.RelIndex"},
    "KIN002": {"outline.RelUpsCon"},
    "KIN003": {"marker.Acti.Cl."},
    "KIN004": {"marker.Acti.Ass."},
    "KIN005": {"marker.Kin.Period", "marker.Rel.Kin."},
    "KIN006": {"marker.Destabili."},
    "REV001": {"outline.ADDI_INF"},
    "REV002": {"outline.REVIEWER"},
}
OF_ANOTHER = {
    **dict.fromkeys(("PID004", "PID005"), "marker"),
    **dict.fromkeys(("GEO005", "GEO015", "GEO016", "REL003", "REL004", "REL005"), "outline"),
    "REL009": "moving_area",
}
OTHER_VALUE = {"ATT013", "KIN004", "KIN005", "REL009"}
"""Rules that show another value than that of the column they name: both coordinates, the activity or the
kinematic attribute that lacks its partner, an area in m²."""


def found(code: str) -> tuple[Inventory, pd.DataFrame]:
    inventory = rules()[code].bad().inventory
    return inventory, validate(inventory, Settings(select=(code,))).findings


def test_every_rule_is_here() -> None:
    """But those of other packages, whose codes begin with X."""
    assert set(FIELDS) == {code for code in rules() if not code.startswith("X")}


@pytest.mark.parametrize("code", FIELDS)
def test_the_column_is_named(code: str) -> None:
    """The one that is wrong, by its name in the file; the value is that of its cell."""
    inventory, findings = found(code)
    assert {f"{layer}.{field}" for layer, field in findings[["layer", "field"]].to_numpy()} == FIELDS[code]
    assert set(findings["other_layer"]) == {OF_ANOTHER.get(code, "")}
    for finding in findings.itertuples():
        layer = inventory.layer(Role(finding.layer)) if finding.layer else None
        if layer is None or finding.row == 0 or finding.field not in layer.frame or code in OTHER_VALUE:
            continue
        cell = layer.frame[finding.field].iloc[finding.row - 1]
        shown = "" if pd.isna(cell) else str(cell)
        # Terms are shown without case and outer blanks, numbers as numbers.
        assert finding.value in (shown, shown.casefold(), shown.strip()) or float(finding.value) == float(
            cell
        ), finding


PLANTED = [
    ("ATT002", "ELE_MEDIAN", 6000.0, "ELE_MEDIAN"),
    ("ATT002", "SLO_MIN", 60.0, "SLO_MIN"),
    ("ATT002", "SLO_MEAN", 80.0, "SLO_MEAN"),
    ("ATT003", "ELE_MIN", -9000.0, "ELE_MIN"),
    ("ATT003", "ELE_MEDIAN", 12_000.0, "ELE_MEDIAN"),
    ("ATT004", "SLO_MEDIAN", 100.0, "SLO_MEDIAN"),
    ("ATT004", "SLO_MIN", -3.0, "SLO_MIN"),
    ("ATT007", "MAGT", 270.0, "MAGT"),
    ("ATT007", "AP", -20.0, "AP"),
    ("ATT009", "SLO_MEDIAN", -9999.0, "SLO_MEDIAN"),
    ("ATT009", "AP", 32_767.0, "AP"),
]


@pytest.mark.parametrize(("code", "column", "value", "named"), PLANTED)
def test_each_of_several_columns_is_named_itself(code: str, column: str, value: float, named: str) -> None:
    """Rules that look at a family of columns name the member; other rows stay out of it."""
    inventory = with_values(examples.tprogi(4), Role.OUTLINE, column, {2: value})
    findings = validate(inventory, Settings(select=(code,))).findings
    assert named in set(findings["field"])
    assert set(findings["row"]) == {3}
    if code != "ATT002":
        assert findings[["field", "value"]].to_numpy().tolist() == [[named, str(value)]]


@pytest.mark.parametrize(
    ("code", "column"), [("KIN002", c) for c in ("RelFr", "RelLeftLM", "RelRightLM", "RelUpsCon")]
)
def test_each_part_of_the_reliability_is_named(code: str, column: str) -> None:
    findings = validate(
        with_values(examples.rgik(), Role.OUTLINE, column, {4: 7}), Settings(select=(code,))
    ).findings
    assert findings[["field", "row", "value"]].to_numpy().tolist() == [[column, 5, "7"]]
