"""``rogi validate --fix``."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingOutputFile

from .base import CHOICES, CSV, GEOPACKAGE, HTML, RogiAlgorithm


class Fix(RogiAlgorithm):
    """Mend what can be mended."""

    NAME, TITLE, GROUP = "fix", "Fix an inventory", "Check"
    TAGS = "repair mend geometry ids"
    HELP = (
        "Writes a new inventory in which what can be mended is mended, and a table with each change.\n\n"
        "Safe fixes have one right answer, such as spaces around a value or a wrong area. Unsafe fixes choose, "
        "such as making invalid polygons valid: look at each change.\n\n"
        "Inputs are never changed."
    )

    def add_parameters(self) -> None:
        self.add_inventory(all_roles=True)
        self.add_choice("LEVEL", "Fixes", CHOICES["fixes"], "safe")
        self.schema_and_dialect()
        self.add_result("FIXED", "Fixed inventory", GEOPACKAGE)
        self.add_result("REPORT", "Report on the inventory as it was", HTML, optional=True, made=False)
        self.addOutput(QgsProcessingOutputFile("CHANGES", f"Changes, {CSV}"))

    def problem(self, parameters) -> str:
        return self.inventory_problem(parameters)

    def arguments(self, parameters, context) -> list[str]:
        arguments = ["validate", *self.layer_options(parameters, context)]
        arguments += self.option(parameters, context, "--fix", "LEVEL")
        arguments += self.option(parameters, context, "--schema", "SCHEMA", unless="detect")
        arguments += self.option(parameters, context, "--dialect", "DIALECT", unless="detect")
        return [*arguments, *self.outputs(parameters, context, FIXED="--fixed", REPORT="-o"), "--force"]

    def results(self, done, feedback) -> dict:
        self._changes = Path(f"{self.written['FIXED']}.changes.csv")
        return {"CHANGES": str(self._changes)}

    def load_results(self) -> None:
        self.load_like_inputs(self.written["FIXED"], "(fixed)")
        self.load(self._changes, "", "Changes")
