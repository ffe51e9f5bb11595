"""What all algorithms share: parameters of an inventory, running the command, loading results."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Callable, Iterable

from qgis.core import (
    QgsMapLayerStyle,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsProcessingUtils,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtGui import QIcon

from .. import command, hub
from ..findings import CHOICES, FindingsError, layers_of
from ..inputs import Inputs, Source, file_of
from ..settings import command_set

FOLDER = Path(__file__).resolve().parents[1]
DETECT = "detect"
ROLES = {"OUTLINES": "outline", "MARKERS": "marker", "MOVING_AREAS": "moving_area", "AREAS": "area_of_interest"}
TOLD_EVERY = 2.0
"""Seconds between lines of progress in the log."""
GEOPACKAGE, HTML, CSV = "GeoPackage (*.gpkg)", "HTML (*.html)", "CSV (*.csv)"
ANY, POINT, POLYGON = (
    QgsProcessing.SourceType.TypeVectorAnyGeometry,
    QgsProcessing.SourceType.TypeVectorPoint,
    QgsProcessing.SourceType.TypeVectorPolygon,
)

Style = Callable[[QgsVectorLayer], None]


class RogiAlgorithm(QgsProcessingAlgorithm):
    """An algorithm that is a call of the command rogi.

    A subclass says its name, title, help and group, adds its parameters, and gives the arguments of the
    command; what the command wrote is returned as results and loaded.
    """

    NAME = TITLE = GROUP = HELP = TAGS = ""

    # ---- what Processing asks

    def createInstance(self):
        return type(self)()

    def name(self) -> str:
        return self.NAME

    def displayName(self) -> str:
        return self.TITLE

    def group(self) -> str:
        return self.GROUP

    def groupId(self) -> str:
        return self.GROUP.lower()

    def tags(self) -> list[str]:
        return ["rock glacier", "RGIK", *self.TAGS.split()]

    def shortHelpString(self) -> str:
        return self.HELP

    def icon(self) -> QIcon:
        return QIcon(str(FOLDER / "icon.svg"))

    def initAlgorithm(self, configuration=None) -> None:
        self.add_parameters()
        self.add_advanced(QgsProcessingParameterString("EXTRA", "Additional options of the command", optional=True))
        self.add_advanced(QgsProcessingParameterBoolean("LOAD", "Add the results to the project", True))

    def checkParameterValues(self, parameters, context):
        good, message = super().checkParameterValues(parameters, context)
        problem = self.problem(parameters) if good else ""
        return (good and not problem), problem or message

    def prepareAlgorithm(self, parameters, context, feedback) -> bool:
        """Everything that touches layers: this runs in the main thread."""
        self._work = Path(tempfile.mkdtemp(prefix="rogi-", dir=QgsProcessingUtils.tempFolder()))
        self._feedback = feedback
        self.written: dict[str, Path] = {}
        self.inputs = Inputs(self, parameters, context, feedback, self._work)
        try:
            self._command = command.find(command_set())
            self._arguments = self.arguments(parameters, context)
            self._arguments += command.split(self.parameterAsString(parameters, "EXTRA", context))
        except (command.CommandError, ValueError) as error:  # ValueError: a quotation mark that is not closed
            self._clean()
            raise QgsProcessingException(str(error)) from error
        except BaseException:
            self._clean()
            raise
        return True

    def processAlgorithm(self, parameters, context, feedback):
        """The command itself, in a thread of its own."""
        feedback.pushCommandInfo(command.shown(["rogi", *self._arguments]))
        told = [-TOLD_EVERY]

        def progress(what: str, done: int, total: int) -> None:
            feedback.setProgress(100.0 * done / total if total else 0.0)
            if time.monotonic() - told[0] >= TOLD_EVERY:  # each text stays in the log
                told[0] = time.monotonic()
                feedback.setProgressText(f"{what} ({done} of {total})" if total > 1 else what)

        def message(line: str) -> None:
            if line.startswith("warning:"):
                feedback.pushWarning(line[8:].strip())
            elif not line.startswith("error:"):  # told once, as the reason why the algorithm failed
                feedback.pushInfo(line)

        try:
            self._load = self.parameterAsBool(parameters, "LOAD", context)
            done = command.run(
                self._command,
                self._arguments,
                folder=self.run_folder(),
                progress=progress,
                message=message,
                cancelled=feedback.isCanceled,
            )
            if done.output and self.shows_output:
                feedback.pushConsoleInfo(done.output)
            more = self.results(done, feedback) or {}
            return {**{name: str(path) for name, path in self.written.items()}, **more}
        except command.Cancelled:
            self._load = False
            feedback.pushInfo("Cancelled; nothing was written.")
            return {}
        except (command.CommandError, FindingsError) as error:
            raise QgsProcessingException(str(error)) from error
        finally:
            self._clean()

    def postProcessAlgorithm(self, context, feedback):
        """Load what was written, in the main thread."""
        self._context, self._order = context, 0
        if self._load:
            self.load_results()
        return {}

    # ---- what a subclass says

    shows_output = True
    """Whether what the command prints goes into the log."""
    _load = False

    def add_parameters(self) -> None:
        """Add the parameters."""
        raise NotImplementedError

    def problem(self, parameters) -> str:
        """What is wrong with the parameters together; empty if nothing is."""
        return ""

    def arguments(self, parameters, context) -> list[str]:
        """The command line after ``rogi``."""
        raise NotImplementedError

    def results(self, done: command.Done, feedback) -> dict | None:
        """Values of outputs beside the files that the parameters name."""

    def load_results(self) -> None:
        """Call :meth:`load` for what goes into the project."""

    # ---- help for subclasses

    def add_advanced(self, parameter: QgsProcessingParameterDefinition) -> None:
        """Add a parameter below "Advanced parameters"."""
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
        self.addParameter(parameter)

    def add_layer(self, name: str, title: str, kind, *, advanced: bool = False, optional: bool = True) -> None:
        """Add a vector layer."""
        likely = hub.likely_layer(name)
        parameter = QgsProcessingParameterFeatureSource(name, title, [kind], likely, optional)
        (self.add_advanced if advanced else self.addParameter)(parameter)

    def add_inventory(self, *, all_roles: bool = False) -> None:
        """Add the layers of an inventory, or its file."""
        self.add_layer("OUTLINES", "Outlines of rock glaciers", POLYGON)
        self.add_layer("MARKERS", "Primary markers", POINT)
        if all_roles:
            self.add_layer("MOVING_AREAS", "Moving areas", POLYGON)
            self.add_layer("AREAS", "Areas of interest", POLYGON)
        self.add_file("FILE", "Or: a file or folder with the whole inventory")

    def add_file(self, name: str, title: str, *, optional: bool = True, ending: str = "", advanced: bool = False):
        """Add a file that is read."""
        chosen = f"{ending.upper()} (*.{ending})" if ending else ""
        parameter = QgsProcessingParameterFile(
            name, title, QgsProcessingParameterFile.Behavior.File, optional=optional, fileFilter=chosen
        )
        (self.add_advanced if advanced else self.addParameter)(parameter)

    def add_folder(self, name: str, title: str, *, optional: bool = True) -> None:
        """Add a folder that is read."""
        behavior = QgsProcessingParameterFile.Behavior.Folder
        self.addParameter(QgsProcessingParameterFile(name, title, behavior, optional=optional))

    def add_rasters(self, name: str, title: str) -> None:
        """Add one or several raster layers."""
        kind = QgsProcessing.SourceType.TypeRaster
        self.addParameter(QgsProcessingParameterMultipleLayers(name, title, kind, optional=True))

    def add_raster(self, name: str, title: str) -> None:
        """Add a raster layer."""
        self.addParameter(QgsProcessingParameterRasterLayer(name, title, optional=True))

    def add_choice(
        self, name: str, title: str, values: Iterable[str], default: str | None = None, *,
        many: bool = False, advanced: bool = False,
    ) -> None:  # fmt: skip
        """Add a choice; its values are texts, so that models outlive a new value."""
        parameter = QgsProcessingParameterEnum(
            name, title, list(values), many, default, optional=default is None, usesStaticStrings=True
        )
        (self.add_advanced if advanced else self.addParameter)(parameter)

    def add_number(
        self, name: str, title: str, default=None, *, whole: bool = False, least=None, most=None,
        advanced: bool = False,
    ) -> None:  # fmt: skip
        """Add a number."""
        kinds = QgsProcessingParameterNumber.Type
        parameter = QgsProcessingParameterNumber(
            name, title, kinds.Integer if whole else kinds.Double, default, optional=default is None
        )
        if least is not None:
            parameter.setMinimum(least)
        if most is not None:
            parameter.setMaximum(most)
        (self.add_advanced if advanced else self.addParameter)(parameter)

    def add_text(self, name: str, title: str, default=None, *, advanced: bool = False) -> None:
        """Add a text."""
        parameter = QgsProcessingParameterString(name, title, default, optional=default is None)
        (self.add_advanced if advanced else self.addParameter)(parameter)

    def add_result(self, name: str, title: str, kind: str, *, optional: bool = False, made: bool = True) -> None:
        """Add a file that is written."""
        self.addParameter(QgsProcessingParameterFileDestination(name, title, kind, None, optional, made))

    def schema_and_dialect(self) -> None:
        """Add how the columns are read."""
        self.add_choice("SCHEMA", "Schema", [DETECT, *CHOICES["schemas"]], DETECT, advanced=True)
        self.add_choice("DIALECT", "Names of columns", [DETECT, *CHOICES["dialects"]], DETECT, advanced=True)

    def inventory_problem(self, parameters) -> str:
        """What is wrong with the choice of layers and file."""
        layers = [name for name in ROLES if parameters.get(name)]
        if layers and parameters.get("FILE"):
            return "Choose either layers or a file with the whole inventory, not both."
        if not layers and not parameters.get("FILE"):
            return "Choose the layer of outlines, that of primary markers, or both; or a file with the whole inventory."
        return ""

    def layer_options(self, parameters, context) -> list[str]:
        """An inventory as ``rogi validate`` takes it: its file, or layers and their roles."""
        if parameters.get("FILE"):
            return [str(self.file(parameters, "FILE", context))]
        named = {role: self.inputs.vector(name) for name, role in ROLES.items()}
        return [part for role, s in named.items() if s is not None for part in ("--layer", f"{role}={s}")]

    def one_file(self, parameters, context) -> list[str]:
        """An inventory as commands take it that want a file: layers of larger files are copied."""
        if parameters.get("FILE"):
            return [str(self.file(parameters, "FILE", context))]
        names = [name for name in ("OUTLINES", "MARKERS") if parameters.get(name)]
        if len(names) == 1:
            return [str(self.alone(names[0]).path)]
        sources = [self.inputs.vector(name) for name in names]
        if len({source.path for source in sources}) > 1:
            sources = [self.inputs.vector(name, folder="inventory", copy=True) for name in names]
        outlines, markers = sources
        return [str(outlines.path), "--layer", f"outline={outlines}", "--layer", f"marker={markers}"]

    def alone(self, name: str, folder: str = "") -> Source:
        """The layer of a parameter as a file that has no other layers."""
        source = self.inputs.vector(name, folder=folder)
        if source.layer and source.folder is not None:
            source = self.inputs.vector(name, folder=folder, copy=True)
        return source

    def file(self, parameters, name: str, context) -> Path:
        """A file or folder that is read."""
        path = Path(self.parameterAsString(parameters, name, context)).expanduser()
        if not path.exists():
            title = self.parameterDefinition(name).description()
            raise QgsProcessingException(f"{title}: {path} does not exist.")
        self.inputs.files.add(path)
        self.inputs.folder = self.inputs.folder or (path if path.is_dir() else path.parent)
        return path

    def option(self, parameters, context, option: str, name: str, *, unless: object = "") -> list[str]:
        """An option with the value of a parameter, if that is set and not the default of the command."""
        value = parameters.get(name, self.parameterDefinition(name).defaultValue())
        if value is None or value == "" or value == unless:
            return []
        definition = self.parameterDefinition(name)
        if definition.type() == "enum":
            return [option, self.parameterAsEnumString(parameters, name, context)]
        if definition.type() == "number":
            whole = definition.dataType() == QgsProcessingParameterNumber.Type.Integer
            number = (self.parameterAsInt if whole else self.parameterAsDouble)(parameters, name, context)
            return [option, f"{number:.12g}"]
        return [option, self.parameterAsString(parameters, name, context)]

    def target(self, parameters, context, name: str, *, folder: bool = False) -> Path | None:
        """A file or folder that is written; layers of the project that show an older one are removed.

        Each temporary name is made once: Processing gives another at each question.
        """
        text = (self.parameterAsString if folder else self.parameterAsFileOutput)(parameters, name, context)
        if not text:
            return None
        path = self.written[name] = Path(text)
        if path in self.inputs.files:
            raise QgsProcessingException(f"{path} is an input; inputs are never changed, name another file.")
        for layer in list(QgsProject.instance().mapLayers().values()):
            if isinstance(layer, QgsVectorLayer) and file_of(layer) == path:
                self._feedback.pushInfo(f"Layer {layer.name()} is removed: its file is written anew.")
                QgsProject.instance().removeMapLayer(layer.id())
        return path

    def outputs(self, parameters, context, **options: str) -> list[str]:
        """Options with files that are written: parameter -> option."""
        found = [(option, self.target(parameters, context, name)) for name, option in options.items()]
        return [part for option, path in found if path is not None for part in (option, str(path))]

    def run_folder(self) -> Path:
        """Where the command runs: beside the user's file, in the folder of the project, or in an empty one."""
        home = QgsProject.instance().homePath()
        return self.inputs.folder or (Path(home) if home and Path(home).is_dir() else self._work)

    def load(self, path: Path, name: str, title: str, style: Style | None = None) -> None:
        """Load a layer of a file; the last one lies on top."""
        layer = QgsVectorLayer(f"{path}|layername={name}" if name else str(path), title, "ogr")
        if not layer.isValid():
            self._feedback.pushWarning(f"{path} cannot be opened.")
            return
        if style is not None:
            style(layer)
        self._context.temporaryLayerStore().addMapLayer(layer)
        details = QgsProcessingContext.LayerDetails(title, self._context.project(), title)
        details.forceName = True
        details.layerSortKey = self._order = self._order + 1
        self._context.addLayerToLoadOnCompletion(layer.id(), details)

    def load_like_inputs(self, path: Path, suffix: str) -> None:
        """Load the layers of an inventory, with the styles of the layers that it was made from."""
        given = {kind_of(layer): layer for layer in reversed(list(self.inputs.layers.values()))}
        for name, layer in spatial_layers(path):
            source = given.get(kind_of(layer))
            kept = QgsMapLayerStyle()
            if source is not None:
                kept.readFromLayer(source)
            title = f"{name if source is None else source.name()} {suffix}"
            self.load(path, name, title, None if source is None else kept.writeToLayer)

    def load_findings(self, path: Path) -> None:
        """Load the layers of findings, with their own styles."""
        titles = {
            "polygon": "polygons",
            "line": "lines",
            "point": "points",
            "without_place": "without a place",
        }
        for name in reversed(layers_of(path)):
            self.load(path, name, f"Findings: {titles[name.partition('_')[2]]}")

    def _clean(self) -> None:
        shutil.rmtree(self._work, ignore_errors=True)


def kind_of(layer: QgsVectorLayer) -> str:
    """Point, line or polygon, as QGIS calls it."""
    return QgsWkbTypes.geometryDisplayString(layer.geometryType())


def spatial_layers(path: Path) -> list[tuple[str, QgsVectorLayer]]:
    """The layers of a GeoPackage that have geometries, points last."""
    whole = QgsVectorLayer(str(path), "", "ogr")
    provider = whole.dataProvider()
    names = [text.split(provider.sublayerSeparator())[1] for text in provider.subLayers()] if provider else []
    layers = [(name, QgsVectorLayer(f"{path}|layername={name}", name, "ogr")) for name in dict.fromkeys(names)]
    found = [(name, layer) for name, layer in layers if layer.isValid() and layer.isSpatial()]
    return sorted(found, key=lambda pair: kind_of(pair[1]) == "Point")
