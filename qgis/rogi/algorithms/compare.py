"""``rogi compare``."""

from __future__ import annotations

from qgis.core import QgsProcessingException, QgsProcessingParameterField

from ..styles import style_changes
from .base import ANY, CSV, GEOPACKAGE, HTML, POLYGON, RogiAlgorithm, spatial_layers


class Compare(RogiAlgorithm):
    """Compare two inventories."""

    NAME, TITLE, GROUP = "compare", "Compare two inventories", "Compare"
    TAGS = "agreement operators crosswalk difference"
    HELP = (
        "Says how inventory B differs from inventory A, the reference: which rock glaciers are in both, split, merged "
        "or in one only; agreement by area and by object with confidence intervals; distances of boundaries; "
        "differences of attributes.\n\n"
        "Outlines are compared where both have some, else primary markers. Gains, losses and both inventories "
        "are loaded as layers."
    )

    def add_parameters(self) -> None:
        for side, title in (("A", "A, the reference"), ("B", "B")):
            self.add_layer(side, f"Inventory {title}", ANY)
            self.add_file(f"FILE_{side}", f"Or: a file or folder with inventory {side}")
        self.add_layer("REGION", "Only in this area", POLYGON)
        self.addParameter(QgsProcessingParameterField("BY", "Agreement per value of", None, "A", optional=True))
        self.add_number("SLIVER", "Overlaps below this share link nothing", least=0.0, most=1.0, advanced=True)
        self.add_number("MARKER_DISTANCE", "Markers up to this far apart are one (m)", least=0.0, advanced=True)
        self.add_result("REPORT", "Report", HTML)
        self.add_result("CHANGES", "Gains, losses and both inventories", GEOPACKAGE, optional=True)
        self.add_result("CROSSWALK", "Crosswalk of IDs", CSV, optional=True, made=False)

    def problem(self, parameters) -> str:
        for side in "AB":
            if bool(parameters.get(side)) == bool(parameters.get(f"FILE_{side}")):
                return f"Choose a layer or a file, one of them, for inventory {side}."
        return ""

    def arguments(self, parameters, context) -> list[str]:
        sides = [self._side(parameters, context, side) for side in "AB"]
        if sides[0] == sides[1]:
            raise QgsProcessingException("Inventories A and B are the same; choose two.")
        arguments = ["compare", *sides]
        if parameters.get("REGION"):
            arguments += ["--region", str(self.alone("REGION").path)]
        arguments += self.option(parameters, context, "--by", "BY")
        arguments += self.option(parameters, context, "--sliver", "SLIVER")
        arguments += self.option(parameters, context, "--marker-distance", "MARKER_DISTANCE")
        outputs = self.outputs(parameters, context, REPORT="-o", CHANGES="--changes", CROSSWALK="--crosswalk")
        return [*arguments, *outputs, "--force"]

    def _side(self, parameters, context, side: str) -> str:
        if parameters.get(f"FILE_{side}"):
            return str(self.file(parameters, f"FILE_{side}", context))
        return str(self.alone(side, folder=side).path)

    def load_results(self) -> None:
        changes = self.written.get("CHANGES")
        if changes is None:
            return
        titles = {"a": "Inventory A", "b": "Inventory B", "losses": "Only in A", "gains": "Only in B"}
        present = dict(spatial_layers(changes))
        for name, title in titles.items():
            if name in present:
                self.load(changes, name, title, lambda layer, name=name: style_changes(layer, name))
