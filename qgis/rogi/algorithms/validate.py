"""``rogi validate``."""

from __future__ import annotations

from qgis.core import QgsProcessingOutputNumber

from .. import hub
from ..findings import SEVERITIES, Marks, counts
from .base import CHOICES, GEOPACKAGE, HTML, ROLES, RogiAlgorithm

COUNTS = dict(zip(("ERRORS", "WARNINGS", "NOTES"), SEVERITIES))


class Validate(RogiAlgorithm):
    """Check an inventory."""

    NAME, TITLE, GROUP = "validate", "Validate an inventory", "Check"
    TAGS = "check rules findings topology"
    HELP = (
        "Checks a rock glacier inventory against the RGIK rules: IDs, geometry, attributes, and how outlines, "
        "primary markers and moving areas belong together.\n\n"
        "Choose the layers as they are in the project, or the file with the whole inventory. Layers with filters "
        "or unsaved edits are checked as QGIS shows them.\n\n"
        "The findings are loaded as layers and listed in the panel Rock glacier findings. A rogi.toml beside the "
        "inventory is used. Inputs are never changed."
    )

    def add_parameters(self) -> None:
        self.add_inventory(all_roles=True)
        self.add_choice("PROFILE", "Severity of rules", CHOICES["profiles"], "normal")
        self.add_choice("SELECT", "Only these rules", CHOICES["rules"], many=True)
        self.add_choice("IGNORE", "Not these rules", CHOICES["rules"], many=True)
        self.add_file("WAIVERS", "Waivers", ending="toml")
        self.schema_and_dialect()
        self.add_file("CONFIG", "Settings (default: rogi.toml beside the inventory)", ending="toml", advanced=True)
        self.add_result("FINDINGS", "Findings", GEOPACKAGE)
        self.add_result("REPORT", "Report", HTML, optional=True)
        for name in COUNTS:
            self.addOutput(QgsProcessingOutputNumber(name, f"Number of {name.lower()}"))

    def problem(self, parameters) -> str:
        return self.inventory_problem(parameters)

    def arguments(self, parameters, context) -> list[str]:
        arguments = ["validate", *self.layer_options(parameters, context)]
        for option, name in (("--select", "SELECT"), ("--ignore", "IGNORE")):
            for value in filter(None, self.parameterAsEnumStrings(parameters, name, context)):
                arguments += [option, value.split()[0]]
        arguments += self.option(parameters, context, "--profile", "PROFILE", unless="normal")
        arguments += self.option(parameters, context, "--schema", "SCHEMA", unless="detect")
        arguments += self.option(parameters, context, "--dialect", "DIALECT", unless="detect")
        for option, name in (("--waivers", "WAIVERS"), ("--config", "CONFIG")):
            if parameters.get(name):
                arguments += [option, self.parameterAsString(parameters, name, context)]
        self._file = self.parameterAsString(parameters, "FILE", context)
        self._waivers = self.parameterAsString(parameters, "WAIVERS", context)
        arguments += self.outputs(parameters, context, FINDINGS="-o", REPORT="-o")
        self._again = hub.repeatable(parameters, self.written)
        return [*arguments, "--force"]

    def results(self, done, feedback) -> dict:
        findings = self.written["FINDINGS"]
        found = counts(findings)
        if not any(found.values()):
            feedback.pushInfo("No findings.")
        marks = Marks(findings)
        marks.layers = {
            ROLES[name]: {"id": layer.id(), "source": layer.source(), "name": layer.name()}
            for name, layer in self.inputs.layers.items()
        }
        marks.file, marks.waivers = self._file, self._waivers or marks.waivers
        marks.save()
        return {name: found[severity] for name, severity in COUNTS.items()}

    def load_results(self) -> None:
        self.load_findings(self.written["FINDINGS"])
        hub.runs[self.written["FINDINGS"]] = self._again
        hub.show_findings(self.written["FINDINGS"])
