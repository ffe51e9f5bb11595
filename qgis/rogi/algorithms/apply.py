"""``rogi update apply``."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsProcessingException,
    QgsProcessingOutputFolder,
    QgsProcessingParameterBoolean,
    QgsProcessingUtils,
)

from ..findings import write_text
from .base import GEOPACKAGE, HTML, RogiAlgorithm


class Apply(RogiAlgorithm):
    """Apply an update."""

    NAME, TITLE, GROUP = "apply", "Apply an update", "Update"
    TAGS = "decisions packages new version lineage"
    HELP = (
        "Applies the decisions of all work packages: writes the new version of the inventory, and says where every "
        "unit went. What is open, not allowed or in conflict stays as it was and is listed in the folder .update "
        "beside the result.\n\n"
        "With an elevation model and climate rasters the attributes of changed units are derived anew."
    )

    def add_parameters(self) -> None:
        self.add_folder("WORK", "Work folder", optional=False)
        self.add_file("INVENTORY", "Inventory that was planned from", optional=False)
        self.add_text("VERSION", "Name of the new version, such as 1.1")
        self.addParameter(QgsProcessingParameterBoolean("STRICT", "Write nothing unless every task is decided", False))
        self.add_rasters("DEM", "Elevation model")
        self.add_folder("DEM_FOLDER", "Or: a folder with the tiles of an elevation model")
        for name, title in (
            ("MAAT", "Air temperature"),
            ("MAGT", "Ground temperature"),
            ("AP", "Precipitation"),
        ):
            self.add_rasters(name, title)
        self.add_text("IMAGE_SOURCE", "Imagery of new outlines (default: that of the plan)", advanced=True)
        self.schema_and_dialect()
        self.add_result("OUTPUT", "New version", GEOPACKAGE)
        self.add_result("REPORT", "Report", HTML, optional=True)
        self.addOutput(QgsProcessingOutputFolder("FOLDER", "What became of each unit"))

    def arguments(self, parameters, context) -> list[str]:
        output = self.target(parameters, context, "OUTPUT")
        work = self.parameterAsString(parameters, "WORK", context)
        arguments = ["update", "apply", work, "--inventory", str(self.file(parameters, "INVENTORY", context))]
        version = self.parameterAsString(parameters, "VERSION", context)
        if not version and Path(QgsProcessingUtils.tempFolder()) in output.parents:
            version = "new"  # else it is that of the name of the file
        arguments += ["--version", version] if version else []
        if self.parameterAsBool(parameters, "STRICT", context):
            arguments.append("--strict")
        for name in ("DEM", "MAAT", "MAGT", "AP"):
            for path in dict.fromkeys(path for path, _ in self.inputs.rasters(name)):
                arguments += [f"--{name.lower()}", path]
        if parameters.get("DEM_FOLDER"):
            arguments += ["--dem", self.parameterAsString(parameters, "DEM_FOLDER", context)]
        arguments += self.option(parameters, context, "--image-source", "IMAGE_SOURCE")
        arguments += self.option(parameters, context, "--schema", "SCHEMA", unless="detect")
        arguments += self.option(parameters, context, "--dialect", "DIALECT", unless="detect")
        self._strict = "--strict" in arguments
        self.shows_output = self.target(parameters, context, "REPORT") is None
        arguments += [] if self.shows_output else ["--format", "html"]
        return [*arguments, "-o", str(output), "--force"]

    def results(self, done, feedback) -> dict:
        if done.code == 1 and self._strict:
            raise QgsProcessingException("Nothing was written: tasks are open or have problems, see the log.")
        if done.code == 1:
            feedback.pushWarning("Tasks are open or have problems; their units stay as they were, see the report.")
        if "REPORT" in self.written:
            write_text(self.written["REPORT"], done.output)
        return {"FOLDER": str(self.written["OUTPUT"].with_suffix(".update"))}

    def load_results(self) -> None:
        self.load_like_inputs(self.written["OUTPUT"], "(new version)")
