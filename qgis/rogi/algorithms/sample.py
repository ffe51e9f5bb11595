"""``rogi review sample``."""

from __future__ import annotations

from qgis.core import QgsProcessingParameterBoolean, QgsProcessingParameterFolderDestination

from .base import CHOICES, RogiAlgorithm, spatial_layers


class Sample(RogiAlgorithm):
    """Draw a random sample for review."""

    NAME, TITLE, GROUP = "sample", "Sample units for review", "Check"
    TAGS = "review random verdict quality"
    HELP = (
        "Draws rock glaciers at random and writes a GeoPackage for each reviewer, with a form for the verdict. The "
        "same inventory and seed give the same sample.\n\n"
        "When the reviewers are done, `rogi review score` says how good the inventory is, with confidence intervals."
    )

    def add_parameters(self) -> None:
        self.add_inventory()
        self.add_number("N", "Number of units", whole=True, least=1)
        self.add_number("FRACTION", "Or: share of the units (default 0.05)", least=0.0, most=1.0)
        self.add_choice("STRATIFY", "Strata", CHOICES["strata"], "none")
        self.add_choice("ALLOCATION", "Size of strata in the sample", CHOICES["allocations"], "proportional")
        self.add_number("SEED", "Seed", 0, whole=True, least=0)
        self.add_text("REVIEWERS", "Reviewers, with commas between", "A,B")
        self.addParameter(QgsProcessingParameterBoolean("KML", "Also for Google Earth (KML)", True))
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT", "New folder for the review"))

    def problem(self, parameters) -> str:
        if parameters.get("N") is not None and parameters.get("FRACTION") is not None:
            return "Give the number of units or their share, not both."
        return self.inventory_problem(parameters)

    def arguments(self, parameters, context) -> list[str]:
        arguments = ["review", "sample", *self.one_file(parameters, context)]
        arguments += ["-o", str(self.target(parameters, context, "OUTPUT", folder=True))]
        arguments += self.option(parameters, context, "--n", "N")
        arguments += self.option(parameters, context, "--fraction", "FRACTION")
        arguments += self.option(parameters, context, "--stratify", "STRATIFY", unless="none")
        arguments += self.option(parameters, context, "--allocation", "ALLOCATION", unless="proportional")
        arguments += self.option(parameters, context, "--seed", "SEED", unless=0)
        arguments += self.option(parameters, context, "--reviewers", "REVIEWERS")
        return arguments if self.parameterAsBool(parameters, "KML", context) else [*arguments, "--no-kml"]

    def load_results(self) -> None:
        for path in sorted(self.written["OUTPUT"].glob("review_*.gpkg"), reverse=True):
            for name, _ in reversed(spatial_layers(path)):
                self.load(path, name, f"{path.stem}: {name}")
