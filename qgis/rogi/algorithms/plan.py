"""``rogi update plan``."""

from __future__ import annotations

from pathlib import Path

from qgis.core import (
    QgsProcessingOutputHtml,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterFolderDestination,
    QgsProcessingUtils,
)

from .base import POLYGON, RogiAlgorithm


class Plan(RogiAlgorithm):
    """Plan an update."""

    NAME, TITLE, GROUP = "plan", "Plan an update", "Update"
    TAGS = "candidates packages mappers new version"
    HELP = (
        "Compares candidates, the rock glaciers found in new imagery, with the current inventory, and divides the "
        "decisions into work packages: a GeoPackage and a QGIS project for each mapper.\n\n"
        "The mappers open their project and decide about each task. Then Apply an update makes the new version."
    )

    def add_parameters(self) -> None:
        self.add_file("INVENTORY", "Current inventory", optional=False)
        self.add_layer("CANDIDATES", "Candidates", POLYGON, optional=False)
        self.add_text("MAPPERS", "Mappers, with commas between", "mapper")
        self.add_rasters("IMAGERY", "Images that the projects show")
        self.add_layer("GLACIERS", "Glacier outlines", POLYGON)
        self.add_raster("PROBABILITY", "Probability of the model")
        self.addParameter(
            QgsProcessingParameterBoolean("FRONT_RULE", "Ask for the 50 m front rule at new outlines", False)
        )
        self.add_number("AREAS", "Areas per mapper", whole=True, least=1, advanced=True)
        self.add_number("UNCHANGED_IOU", "IoU from which an outline is unchanged", least=0, most=1, advanced=True)
        self.schema_and_dialect()
        self.addParameter(QgsProcessingParameterFolderDestination("OUTPUT", "Work folder"))
        self.addOutput(QgsProcessingOutputHtml("REPORT", "Report"))

    def arguments(self, parameters, context) -> list[str]:
        folder = self.target(parameters, context, "OUTPUT", folder=True)
        if Path(QgsProcessingUtils.tempFolder()) in folder.parents:
            self._feedback.pushWarning(f"{folder} is temporary: QGIS deletes it at its end.")
        arguments = ["update", "plan", "--inventory", str(self.file(parameters, "INVENTORY", context))]
        arguments += ["--candidates", str(self.inputs.vector("CANDIDATES"))]
        arguments += self.option(parameters, context, "--mappers", "MAPPERS")
        for option, name in (("--imagery", "IMAGERY"), ("--probability", "PROBABILITY")):
            for path, _ in self.inputs.rasters(name):
                arguments += [option, path]
        glaciers = self.inputs.vector("GLACIERS")
        arguments += ["--glaciers", str(glaciers)] if glaciers is not None else []
        if self.parameterAsBool(parameters, "FRONT_RULE", context):
            arguments.append("--ask-front-rule")
        arguments += self.option(parameters, context, "--areas-per-mapper", "AREAS")
        arguments += self.option(parameters, context, "--unchanged-iou", "UNCHANGED_IOU")
        arguments += self.option(parameters, context, "--schema", "SCHEMA", unless="detect")
        arguments += self.option(parameters, context, "--dialect", "DIALECT", unless="detect")
        return [*arguments, "-o", str(folder)]

    def results(self, done, feedback) -> dict:
        folder = self.written["OUTPUT"]
        for project in sorted(folder.glob("*.qgs")):
            feedback.pushInfo(f"Project for {project.stem}: {project}")
        return {"REPORT": str(folder / "plan.html")}
