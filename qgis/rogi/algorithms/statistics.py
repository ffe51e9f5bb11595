"""``rogi stats``."""

from __future__ import annotations

from qgis.core import QgsProcessingParameterField, QgsProcessingParameterFolderDestination

from ..styles import style_grid
from .base import GEOPACKAGE, HTML, POLYGON, RogiAlgorithm


class Statistics(RogiAlgorithm):
    """Summarise an inventory."""

    NAME, TITLE, GROUP = "statistics", "Statistics of an inventory", "Attributes"
    TAGS = "summary figures grid density"
    HELP = (
        "Numbers of an inventory, in all and per region: count, area, elevation, slope, aspect, climate; on request "
        "a grid with counts and means, and the figures of a paper.\n\n"
        "Figures need rogi with its extra: rogi-toolkit[figures]."
    )

    def add_parameters(self) -> None:
        self.add_inventory()
        self.add_layer("REGIONS", "Regions (default: the inventory's own column)", POLYGON)
        self.addParameter(
            QgsProcessingParameterField("REGION_FIELD", "Names of regions", None, "REGIONS", optional=True)
        )
        self.add_number("CELL", "Side of a grid cell (km)", 50.0, least=0.001)
        self.add_result("REPORT", "Report", HTML)
        self.add_result("GRID", "Grid", GEOPACKAGE, optional=True)
        self.addParameter(QgsProcessingParameterFolderDestination("FIGURES", "Figures", None, True, False))

    def problem(self, parameters) -> str:
        return self.inventory_problem(parameters)

    def arguments(self, parameters, context) -> list[str]:
        arguments = ["stats", *self.one_file(parameters, context)]
        if parameters.get("REGIONS"):
            arguments += ["--regions", str(self.alone("REGIONS").path)]
            arguments += self.option(parameters, context, "--region-field", "REGION_FIELD")
        arguments += self.option(parameters, context, "--cell", "CELL", unless=50.0)
        figures = self.target(parameters, context, "FIGURES", folder=True)
        arguments += ["--figures", str(figures)] if figures else []
        return [*arguments, *self.outputs(parameters, context, REPORT="-o", GRID="--grid"), "--force"]

    def load_results(self) -> None:
        if "GRID" in self.written:
            self.load(self.written["GRID"], "grid", "Grid of rock glaciers", style_grid)
