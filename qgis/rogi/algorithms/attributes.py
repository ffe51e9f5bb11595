"""``rogi attributes``."""

from __future__ import annotations

from qgis.core import QgsProcessingParameterBoolean, QgsProcessingParameterField

from .base import CHOICES, GEOPACKAGE, POLYGON, RogiAlgorithm

CLIMATE = (("MAAT", "Air temperature"), ("MAGT", "Ground temperature"), ("AP", "Precipitation"))


class Attributes(RogiAlgorithm):
    """Fill the attribute table."""

    NAME, TITLE, GROUP = "attributes", "Fill the attribute table", "Attributes"
    TAGS = "zonal statistics elevation slope aspect radiation temperature precipitation"
    HELP = (
        "Fills the attribute table of an inventory: area, position and region; elevation, slope, aspect and "
        "potential solar radiation from an elevation model; air and ground temperature and precipitation from "
        "climate rasters; distance to glaciers; permafrost zonation index. Statistics weight each pixel by the "
        "share of it that lies in the outline.\n\n"
        "Needs rogi with its extra: rogi-toolkit[attributes].\n\n"
        "Finished units are kept in a file .ledger beside the result: after a stop, the same run goes on where it "
        "was."
    )

    def add_parameters(self) -> None:
        self.add_inventory()
        self.add_rasters("DEM", "Elevation model")
        self.add_folder("DEM_FOLDER", "Or: a folder with the tiles of an elevation model")
        for name, title in CLIMATE:
            self.add_rasters(name, title)
        self.add_layer("REGIONS", "Mountain regions", POLYGON)
        self.addParameter(
            QgsProcessingParameterField("REGION_FIELD", "Names of regions", None, "REGIONS", optional=True)
        )
        self.add_layer("GLACIERS", "Glacier outlines", POLYGON)
        self.add_raster("PZI", "Permafrost zonation index")
        self.add_text("FIELDS", "Only these attributes (ELE_MEAN, relief, …)")
        self.addParameter(QgsProcessingParameterBoolean("ONLY_MISSING", "Keep values that are there", False))
        self.add_number("BUFFER", "Radius around markers without outlines (m)", least=0.0)
        self.add_choice("ENGINE", "Pixels that count", CHOICES["engines"], "coverage", advanced=True)
        self.add_number("WORKERS", "Processes", 1, whole=True, least=1, advanced=True)
        self.schema_and_dialect()
        self.add_result("OUTPUT", "Inventory with attributes", GEOPACKAGE)

    def problem(self, parameters) -> str:
        if parameters.get("DEM") and parameters.get("DEM_FOLDER"):
            return "Choose either layers of the elevation model or a folder with its tiles, not both."
        return self.inventory_problem(parameters)

    def arguments(self, parameters, context) -> list[str]:
        arguments = ["attributes", *self.one_file(parameters, context)]
        for path, _ in self.inputs.rasters("DEM"):
            arguments += ["--dem", path]
        if parameters.get("DEM_FOLDER"):
            arguments += ["--dem", self.parameterAsString(parameters, "DEM_FOLDER", context)]
        for name, _ in CLIMATE:
            option = f"--{name.lower()}"
            rasters = self.inputs.rasters(name)
            for path in dict.fromkeys(path for path, _ in rasters):
                arguments += [option, path]
            for variable in dict.fromkeys(variable for _, variable in rasters if variable):
                arguments += [f"{option}-variable", variable]
        if parameters.get("REGIONS"):
            arguments += ["--regions", str(self.alone("REGIONS").path)]
            arguments += self.option(parameters, context, "--region-field", "REGION_FIELD")
        glaciers = self.inputs.vector("GLACIERS")
        arguments += ["--glaciers", str(glaciers)] if glaciers is not None else []
        for path, _ in self.inputs.rasters("PZI"):
            arguments += ["--pzi", path]
        fields = self.parameterAsString(parameters, "FIELDS", context)
        for field in filter(None, (part.strip() for part in fields.split(","))):
            arguments += ["--fields", field]
        if self.parameterAsBool(parameters, "ONLY_MISSING", context):
            arguments.append("--only-missing")
        arguments += self.option(parameters, context, "--buffer", "BUFFER")
        arguments += self.option(parameters, context, "--engine", "ENGINE", unless="coverage")
        arguments += self.option(parameters, context, "--workers", "WORKERS", unless=1)
        arguments += self.option(parameters, context, "--schema", "SCHEMA", unless="detect")
        arguments += self.option(parameters, context, "--dialect", "DIALECT", unless="detect")
        return [*arguments, *self.outputs(parameters, context, OUTPUT="-o"), "--force"]

    def load_results(self) -> None:
        self.load_like_inputs(self.written["OUTPUT"], "(attributes)")
