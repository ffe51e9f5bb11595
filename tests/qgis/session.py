"""What a user does with the plugin, by QGIS's own Python: ``python3 session.py DATA RESULTS answer.json``.

Each step is tried on its own; the answer says of each what it found, or the error. Runs outside the tests'
environment, in that of Debian's python3-qgis.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import sys
import time
import traceback
from pathlib import Path

import processing
from processing.core.Processing import Processing
from processing.core.ProcessingConfig import ProcessingConfig
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsExpressionContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsField,
    QgsGeometry,
    QgsProcessing,
    QgsProcessingContext,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
    QgsVectorLayerJoinInfo,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import Qt, QVariant
from qgis.PyQt.QtWidgets import QMainWindow
from rogi.dock import FindingsDock
from rogi.features import feature_of
from rogi.inputs import Inputs
from rogi.plugin import RogiPlugin
from rogi.waiver_dialog import WaiverDialog

from rogi import hub

DATA, RESULTS, ANSWER = (Path(text) for text in sys.argv[1:4])
OUTLINES, MARKERS = "TPRoGI_Extended_Footprint", "TPRoGI_Primary_Marker"
found: dict[str, object] = {}
application = QgsApplication([], True)
application.initQgis()
Processing.initialize()
project = QgsProject.instance()
registry = QgsApplication.processingRegistry()


class Window(QMainWindow):
    """As much of QGIS's window as the plugin asks for."""

    def __init__(self):
        super().__init__()
        self.canvas, self.active, self.forms, self.warnings, self.actions_ = QgsMapCanvas(), None, [], [], []

    def mapCanvas(self):
        return self.canvas

    def messageBar(self):
        return self

    def pushWarning(self, title, text):
        self.warnings.append(text)

    def activeLayer(self):
        return self.active

    def setActiveLayer(self, layer):
        self.active = layer

    def openFeatureForm(self, layer, feature):
        self.forms.append([layer.name(), feature["ID"]])

    def addDockWidget(self, area, dock):
        super().addDockWidget(area, dock)

    def addPluginToVectorMenu(self, menu, action):
        self.actions_.append(action.text())

    def addVectorToolBarIcon(self, action):
        self.actions_.append(action.text())

    def removePluginVectorMenu(self, menu, action):
        self.actions_.remove(action.text())

    def removeVectorToolBarIcon(self, action):
        self.actions_.remove(action.text())


class Feedback(QgsProcessingFeedback):
    """What an algorithm says; cancels at the first progress if it is to."""

    def __init__(self, stop=False):
        super().__init__()
        self.said, self.stop, self.progress = [], stop, []

    def pushInfo(self, text):
        self.said.append(text)

    pushWarning = pushDebugInfo = pushConsoleInfo = pushCommandInfo = pushInfo

    def reportError(self, text, fatalError=False):
        self.said.append(text)

    def setProgressText(self, text):
        self.progress.append(text)
        if self.stop:
            self.cancel()


def layer(path, name="", title=""):
    opened = QgsVectorLayer(f"{path}|layername={name}" if name else str(path), title or name, "ogr")
    assert opened.isValid(), path
    project.addMapLayer(opened)
    return opened


def run(name, stop=False, **parameters):
    """Run an algorithm: its results, what it loads, and what it said."""
    context, feedback = QgsProcessingContext(), Feedback(stop)
    context.setProject(project)
    try:
        results = processing.run(f"rogi:{name}", parameters, context=context, feedback=feedback)
    except Exception as error:
        return {"error": str(error), "said": feedback.said}
    loaded = {}
    for key, details in context.layersToLoadOnCompletion().items():
        made = context.getMapLayer(key)
        style = made.renderer().type() if made.isSpatial() else ""
        loaded[details.name] = [made.featureCount(), style]
        if made.isSpatial() and details.name.startswith("Findings"):
            project.addMapLayer(context.takeResultLayer(key))
    return {"results": results, "loaded": loaded, "said": feedback.said, "progress": feedback.progress}


def step(function):
    """Do a step and keep what it returns."""
    start = time.monotonic()
    try:
        found[function.__name__] = function()
    except Exception:
        found[function.__name__] = {"traceback": traceback.format_exc()}
    sys.stderr.write(f"{time.monotonic() - start:6.1f} s {function.__name__}\n")


window = Window()
plugin = RogiPlugin(window)
plugin.initGui()
outlines = layer(DATA / "inventory.gpkg", OUTLINES, "Outlines of Åsa")
markers = layer(DATA / "inventory.gpkg", MARKERS, "markers")
dock = plugin.dock
shutil.copy(DATA / "inventory.gpkg", RESULTS / "edited.gpkg")  # QGIS changes the mode of a file that it edits
# Of QGIS and for QGIS: rogi must not read them.
(RESULTS / "poison").mkdir()
(RESULTS / "poison" / "typer.py").write_text("raise SystemExit('QGIS leaks')")
os.environ["PYTHONPATH"] = str(RESULTS / "poison")
os.environ["PYTHONHOME"] = str(RESULTS / "poison")
os.environ["PROJ_LIB"] = str(RESULTS / "poison")


@step
def provider():
    algorithms = registry.providerById("rogi").algorithms()
    return {
        "algorithms": {a.name(): [p.name() for p in a.parameterDefinitions()] for a in algorithms},
        "helps": [bool(a.shortHelpString() and a.displayName() and a.group()) for a in algorithms],
        "actions": list(window.actions_),
        "setting": ProcessingConfig.getSetting("ROGI_COMMAND"),
    }


@step
def validated():
    answer = run(
        "validate", OUTLINES=outlines, MARKERS=markers, FINDINGS=str(RESULTS / "findings.gpkg"),
        REPORT=str(RESULTS / "report.html"),
    )  # fmt: skip
    shutil.copy(RESULTS / "findings.gpkg", RESULTS / "first.gpkg")
    return {**answer, "dock": dock.title.text(), "visible": not dock.isHidden()}


@step
def panel():
    """Walk through the findings, and decide."""
    seen = {"rows": dock.filter.rowCount(), "codes": [f.code for f in dock.model.findings]}
    dock.rule.setCurrentIndex(dock.rule.findData("ATT001"))
    seen["ATT001"] = dock.filter.rowCount()
    dock.severity.setCurrentIndex(dock.severity.findData("error"))
    seen["ATT001 errors"] = dock.filter.rowCount()
    dock.severity.setCurrentIndex(0)
    window.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    dock.select(0)
    finding = dock.current()
    extent = window.canvas.extent()
    window.canvas.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:4326"))
    dock.zoom()
    box = window.canvas.extent()
    west, north = finding.box[0], finding.box[3]
    seen["zoomed"] = [extent.xMinimum() > 1000, box.xMinimum() < west, box.yMaximum() > north]
    seen["near"] = box.width() < 0.05
    dock.open_form()
    seen["forms"], seen["unit"] = list(window.forms), finding.feature_id
    without_id = finding._replace(feature_id="fid 7")
    seen["by fid"] = [feature_of(without_id, dock._marks)[1].id(), finding.row]
    seen["by row"] = feature_of(finding._replace(feature_id=""), dock._marks)[1]["ID"]
    seen["selected"] = [f["ID"] for f in outlines.selectedFeatures()]
    dock.mark_fixed()
    seen["after fixed"] = [dock.title.text(), dock.filter.rowCount()]
    dock.rule.setCurrentIndex(dock.rule.findData("GEO015"))
    dock.on_map.setChecked(True)
    shown = [x for x in project.mapLayers().values() if x.name() == "Findings: polygons"]
    seen["on map"] = [len(list(x.getFeatures())) for x in shown]
    dock.on_map.setChecked(False)
    seen["on map again"] = [len(list(x.getFeatures())) for x in shown]
    dock.select(0)
    seen["waived"] = dock.current().fingerprint
    dock.add_waivers(RESULTS / "waivers.toml", 'the "same" landform', "Åsa", "2099-12-31")
    repeated = dock.again()
    seen["again"] = {key: repeated[key] for key in ("OUTLINES", "FINDINGS", "WAIVERS")}
    seen["ids"] = outlines.id()
    again = FindingsDock(window)
    again.show_file(RESULTS / "findings.gpkg")
    seen["next session"] = again.title.text()
    again.state.setCurrentIndex(again.state.findData("fixed"))
    again.table.selectAll()
    again.reopen()
    seen["reopened"] = again.title.text()
    seen["states"] = {f.fingerprint: again.model.state(n) for n, f in enumerate(again.model.findings)}
    again.show_file(DATA / "inventory.gpkg")
    seen["warning"] = window.warnings[-1]
    seen["still"] = again.title.text()
    return seen


@step
def hostile():
    """What a file says is shown as text, in tips and warnings too."""
    evil = dock.model.findings[0]._replace(
        message="<img src='/etc/x'>", feature_id="<b>no</b>", layer="outline"
    )
    table = FindingsDock(window)
    table.model.set_findings([evil], None)
    table.filter.show(code="", severity="", state="", text="")
    table.select(0)
    table.open_form()
    tip = table.model.data(table.model.index(0, 0), Qt.ItemDataRole.ToolTipRole)
    return [tip, window.warnings[-1], table.details.textFormat() == Qt.TextFormat.PlainText]


@step
def pictures():
    """The panel and a dialog as docs/_static/qgis-*.webp show them; how many colours there are in each."""
    from processing.gui.AlgorithmDialog import AlgorithmDialog

    hub.iface.active = outlines
    asked = AlgorithmDialog(registry.createAlgorithmById("rogi:validate"))
    asked.resize(860, 620)
    dock.follow.setChecked(False)
    dock.rule.setCurrentIndex(0)
    dock.state.setCurrentIndex(dock.state.findData(""))
    dock.select(0)
    dock.setFloating(True)
    dock.resize(470, 520)
    colours = []
    for name, widget in (("findings", dock), ("validate", asked)):
        widget.show()
        application.processEvents()
        picture = widget.grab()
        picture.save(str(RESULTS / f"qgis-{name}.png"))
        image = picture.toImage()
        colours.append(
            len({image.pixel(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)})
        )
    asked.close()
    return colours


@step
def waivers_count():
    answer = run("validate", OUTLINES=outlines, MARKERS=markers, WAIVERS=str(RESULTS / "waivers.toml"),
                 SELECT=["GEO015 overlap"],
                 FINDINGS=str(RESULTS / "findings.gpkg"))  # fmt: skip
    return {**answer, "dock": dock.title.text()}


@step
def dialog():
    asked = WaiverDialog(2, RESULTS / "waivers.toml")
    buttons = asked._buttons.button(asked._buttons.StandardButton.Ok)
    before = buttons.isEnabled()
    asked._reason.setPlainText(" why ")
    return [before, buttons.isEnabled(), asked.reason(), asked.author(), asked.expires(), asked.windowTitle()]


@step
def inputs():
    """Whether a layer is read from its own file, and what is written if not."""
    algorithm = registry.createAlgorithmById("rogi:validate")
    seen = {}

    def ask(name, value, given=None):
        work = RESULTS / "inputs" / name
        work.mkdir(parents=True)
        context = QgsProcessingContext()
        context.setProject(project)
        context.setExpressionContext(QgsExpressionContext())
        source = Inputs(algorithm, {"OUTLINES": value}, context, Feedback(), work).vector("OUTLINES")
        own = source.path.parent == DATA
        read = layer(source.path, source.layer)
        seen[name] = [
            own, read.featureCount(), sorted(f.name() for f in read.fields()), read.crs().authid(),
            sorted(f.id() for f in read.getFeatures()), source.layer,
        ]  # fmt: skip
        project.removeMapLayer(read.id())

    def fresh():
        return layer(DATA / "inventory.gpkg", OUTLINES, "fresh: a/b")

    ask("file", outlines)
    ask("its id", outlines.id())
    ask("a path", f"{DATA / 'inventory.gpkg'}|layername={OUTLINES}")
    ask("geojson", layer(DATA / "old.geojson", "", "old"))
    filtered = fresh()
    filtered.setSubsetString('"fid" > 3')
    ask("filter", filtered)
    edited = layer(RESULTS / "edited.gpkg", OUTLINES, "edited")
    edited.startEditing()
    edited.deleteFeature(1)
    new = QgsFeature(edited.fields())
    new.setGeometry(QgsGeometry.fromWkt("POLYGON((80 30, 80.01 30, 80.01 30.01, 80 30))"))
    edited.addFeature(new)
    ask("edits", edited)
    edited.rollBack()
    chosen = fresh()
    chosen.selectByIds([2, 5])
    ask("selection", QgsProcessingFeatureSourceDefinition(chosen.id(), True))
    ask("no selection", QgsProcessingFeatureSourceDefinition(chosen.id(), False))
    virtual = fresh()
    virtual.addExpressionField("'x'", QgsField("virtual", QVariant.Type.String))
    ask("virtual field", virtual)
    joined = fresh()
    join = QgsVectorLayerJoinInfo()
    join.setJoinLayer(markers)
    join.setJoinFieldName("ID")
    join.setTargetFieldName("ID")
    join.setPrefix("m_")
    join.setJoinFieldNamesSubset(["LAT"])
    joined.addJoin(join)
    ask("join", joined)
    moved = fresh()
    moved.setCrs(QgsCoordinateReferenceSystem("EPSG:32645"))
    ask("other crs", moved)
    memory = outlines.materialize(QgsFeatureRequest())
    memory.setName("in memory")
    project.addMapLayer(memory)
    ask("memory", memory)
    return seen


@step
def edited_validated():
    """Unsaved edits are checked, and the file is what it was."""
    sound = layer(RESULTS / "edited.gpkg", OUTLINES, "edited")
    before = [f.attributes() for f in sound.getFeatures()]
    sound.startEditing()
    sound.changeAttributeValue(3, sound.fields().indexOf("AREA"), 77.0)
    answer = run(
        "validate",
        OUTLINES=sound,
        SELECT=["ATT001 area-mismatch"],
        FINDINGS=QgsProcessing.TEMPORARY_OUTPUT,
        LOAD=False,
    )
    unit = sound.getFeature(3)["ID"]
    sound.rollBack()
    with sqlite3.connect(answer["results"]["FINDINGS"]) as connection:
        units = [u for (u,) in connection.execute("SELECT feature_id FROM findings_polygon")]
    return {"units": units, "unit": unit, "loaded": answer["loaded"],
            "same": before == [f.attributes() for f in sound.getFeatures()]}  # fmt: skip


@step
def fixed():
    return run("fix", OUTLINES=outlines, MARKERS=markers, FIXED=str(RESULTS / "fixed.gpkg"))


@step
def attributes():
    old = layer(DATA / "ground" / "truth1.gpkg", OUTLINES, "truth")
    dem = QgsRasterLayer(str(DATA / "ground" / "dem.tif"), "dem")
    project.addMapLayer(dem)
    return run(
        "attributes", OUTLINES=old, DEM=[dem], FIELDS="AREA, ELE_MEAN", OUTPUT=str(RESULTS / "filled.gpkg")
    )


@step
def compared():
    return run("compare", A=layer(DATA / "old.geojson", "", "old"), B=layer(DATA / "new.geojson", "", "new"),
               REPORT=str(RESULTS / "compare.html"), CHANGES=str(RESULTS / "changes.gpkg"))  # fmt: skip


@step
def statistics():
    return run("statistics", OUTLINES=outlines, MARKERS=markers, REPORT=str(RESULTS / "stats.html"),
               GRID=QgsProcessing.TEMPORARY_OUTPUT)  # fmt: skip


@step
def one_name():
    """Outlines and markers of two files whose layers have one name: both are read."""
    parts = {}
    for name, source in (("OUTLINES", outlines), ("MARKERS", markers)):
        parts[name] = source.materialize(QgsFeatureRequest())
        parts[name].setName("rogi")
        project.addMapLayer(parts[name])
    answer = run("statistics", **parts, REPORT=str(RESULTS / "two.html"), LOAD=False)
    project.removeMapLayers([part.id() for part in parts.values()])
    return answer


@step
def sampled():
    return run(
        "sample", FILE=str(DATA / "inventory.gpkg"), N=3, REVIEWERS="Åsa,Ben", OUTPUT=str(RESULTS / "review")
    )


@step
def planned():
    return run("plan", INVENTORY=str(DATA / "ground" / "truth1.gpkg"), CANDIDATES=layer(DATA / "new.geojson"),
               MAPPERS="anna", OUTPUT=str(RESULTS / "work"))  # fmt: skip


@step
def applied():
    inventory = str(DATA / "ground" / "truth1.gpkg")
    return run("apply", WORK=str(DATA / "work"), INVENTORY=inventory, VERSION="1.1",
               OUTPUT=str(RESULTS / "v1.1.gpkg"), REPORT=str(RESULTS / "apply.html"))  # fmt: skip


@step
def cancelled():
    (RESULTS / "cancelled").mkdir()
    answer = run("validate", stop=True, FILE=str(DATA / "inventory.gpkg"),
                 FINDINGS=str(RESULTS / "cancelled" / "findings.gpkg"))  # fmt: skip
    return {**answer, "left": [p.name for p in (RESULTS / "cancelled").iterdir()]}


@step
def refused():
    """Parameters that cannot be, an input as output, what rogi refuses, and a raster that is no file."""
    (RESULTS / "text.gpkg").write_text("text")
    temporary = QgsProcessing.TEMPORARY_OUTPUT
    wms = QgsRasterLayer("type=xyz&url=http://localhost/{z}/{x}/{y}.png", "tiles", "wms")
    project.addMapLayer(wms)
    file = str(DATA / "inventory.gpkg")
    return {
        "nothing": run("validate", FINDINGS=temporary),
        "both": run("validate", OUTLINES=outlines, FILE=file, FINDINGS=temporary),
        "input": run("validate", OUTLINES=outlines, FINDINGS=file),
        "damaged": run("validate", FILE=str(RESULTS / "text.gpkg"), FINDINGS=temporary),
        "gone": run("validate", FILE="/nowhere/a.gpkg", FINDINGS=temporary),
        "tiles": run("attributes", OUTLINES=outlines, DEM=[wms], OUTPUT=temporary),
        "option": run("validate", FILE=file, EXTRA="--selct x", FINDINGS=temporary),
        "same": run("compare", A=outlines, FILE_B="", B=None, REPORT=temporary),
    }


@step
def missing():
    """No rogi; then one whose path is set; then a path that is wrong."""
    home = Path(os.environ["HOME"])
    command = home / ".local" / "bin" / "rogi"
    other = home / "elsewhere" / "rogi"
    other.parent.mkdir()
    shutil.move(command, other)
    file, temporary = str(DATA / "inventory.gpkg"), QgsProcessing.TEMPORARY_OUTPUT
    none = run("validate", FILE=file, FINDINGS=temporary)
    ProcessingConfig.setSettingValue("ROGI_COMMAND", str(other))
    named = run("validate", FILE=file, SELECT=["SCH001 layer-missing"], FINDINGS=temporary, LOAD=False)
    shutil.move(other, command)
    wrong = run("validate", FILE=file, FINDINGS=temporary)
    ProcessingConfig.setSettingValue("ROGI_COMMAND", "")
    return {"none": none, "named": named, "wrong": wrong}


@step
def proposed():
    """What a dialog proposes: the active layer, else one with a name of an inventory."""
    window.active = None
    by_name = [hub.likely_layer(name) for name in ("OUTLINES", "MARKERS", "GLACIERS")]
    window.active = markers
    return {"by name": [x and project.mapLayer(x).name() for x in by_name],
            "active": hub.likely_layer("MARKERS") == markers.id()}  # fmt: skip


@step
def unloaded():
    plugin.unload()
    return [registry.providerById("rogi") is None, window.actions_, hub.listeners, hub.iface]


ANSWER.write_text(json.dumps(found, default=str), encoding="utf-8")
os._exit(0)  # QGIS may crash at its end in a script with widgets
