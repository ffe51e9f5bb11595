"""What a mapper does in QGIS, by QGIS's own Python: ``python3 qgis_session.py request.json answer.json``.

The request names a project and steps, each a list of a name and arguments; the answer is a list with what
each step found. Runs outside the tests' environment, in that of Debian's python3-qgis.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from qgis.core import (
    QgsApplication,
    QgsExpression,
    QgsFieldConstraints,
    QgsGeometry,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
    QgsVectorLayerUtils,
)
from qgis.PyQt.QtCore import QDate, QDateTime, QSize, QVariant

application = QgsApplication([], False)
application.initQgis()
project = QgsProject.instance()


def plain(value):
    """A value as JSON has it."""
    if isinstance(value, QVariant) or value is None:
        return None
    if isinstance(value, QDate):
        return value.toString("yyyy-MM-dd")
    if isinstance(value, QDateTime):
        return value.toString("yyyy-MM-ddTHH:mm:ss")
    return value


def layer(name):
    """A layer by the beginning of its id."""
    return next(found for key, found in project.mapLayers().items() if key.startswith(name + "_"))


def values(feature):
    row = {field.name(): plain(feature[field.name()]) for field in feature.fields()}
    row["wkt"] = feature.geometry().asWkt(9)
    row["valid"] = feature.geometry().isGeosValid()
    return row


def row_of(fid):
    return next(f for f in layer("tasks").getFeatures() if f["fid"] == fid)


def changes(tasks, fields):
    return {tasks.fields().indexOf(name): value for name, value in fields.items()}


def done(tasks):
    """Save; on a refusal undo what was edited."""
    saved = tasks.commitChanges(False)
    errors = tasks.commitErrors()
    if not saved:
        tasks.rollBack()
    return {"saved": saved, "errors": "\n".join(errors)}


def describe():
    """Layers, their state, the form of tasks, and settings of the project."""
    layers = {}
    for key, found in project.mapLayers().items():
        vector = isinstance(found, QgsVectorLayer)
        layers[key.rsplit("_", 5)[0]] = {
            "valid": found.isValid(),
            "crs": found.crs().authid(),
            "read_only": vector and found.readOnly(),
            "features": found.featureCount() if vector else None,
            "renderer": found.renderer().type() if found.renderer() else None,
            "labels": vector and found.labelsEnabled(),
            "styles": found.styleManager().styles(),
        }
    return {
        "layers": layers,
        "form": form(layer("tasks")),
        "title": project.title(),
        "crs": project.crs().authid(),
        "variables": project.customVariables(),
        "topological": project.topologicalEditing(),
        "avoid": [found.name() for found in project.avoidIntersectionsLayers()],
        "snapping": project.snappingConfig().enabled(),
        "order": [found.id().rsplit("_", 5)[0] for found in project.layerTreeRoot().layerOrder()],
        "error": project.error(),
    }


def form(tasks):
    config = tasks.editFormConfig()
    fields = {}
    for index, field in enumerate(tasks.fields()):
        widget = tasks.editorWidgetSetup(index)
        default = tasks.defaultValueDefinition(index)
        expression = QgsExpression(default.expression())
        fields[field.name()] = {
            "widget": widget.type(),
            "config": widget.config(),
            "read_only": config.readOnly(index),
            "alias": field.alias(),
            "on_update": default.applyOnUpdate(),
            "default_error": expression.parserErrorString() if default.expression() else "",
        }
    tabs = [tab.name() for tab in config.tabs()]
    return {"fields": fields, "tabs": tabs}


def constraints(fid, fields):
    """Which fields the form would mark and not take, with these values, and what it says."""
    tasks = layer("tasks")
    tasks.startEditing()
    row = row_of(fid)
    tasks.changeAttributeValues(row.id(), changes(tasks, fields))
    row = row_of(fid)
    marked = {}
    for index, field in enumerate(tasks.fields()):
        for strength in (
            QgsFieldConstraints.ConstraintStrengthHard,
            QgsFieldConstraints.ConstraintStrengthSoft,
        ):
            good, _ = QgsVectorLayerUtils.validateAttribute(tasks, row, index, strength)
            if not good:
                marked[field.name()] = tasks.constraintDescription(index)
    tasks.rollBack()
    return marked


def change(fid, fields):
    tasks = layer("tasks")
    tasks.startEditing()
    tasks.changeAttributeValues(row_of(fid).id(), changes(tasks, fields))
    return done(tasks)


def change_late(fid, fields, command):
    """Open the form, wait until somebody else has saved (`command`), then save."""
    tasks = layer("tasks")
    tasks.startEditing()
    tasks.changeAttributeValues(row_of(fid).id(), changes(tasks, fields))
    subprocess.run(command, check=True)
    return done(tasks)


def reshape(fid, dx):
    """Move the outline."""
    tasks = layer("tasks")
    tasks.startEditing()
    row = row_of(fid)
    geometry = QgsGeometry(row.geometry())
    geometry.translate(dx, 0)
    tasks.changeGeometry(row.id(), geometry)
    return done(tasks)


def split(fid, fields):
    """Decide, then cut the outline from north to south with the split tool."""
    tasks = layer("tasks")
    tasks.startEditing()
    row = row_of(fid)
    tasks.changeAttributeValues(row.id(), changes(tasks, fields))
    box = row.geometry().boundingBox()
    x = box.center().x()
    tasks.selectByIds([row.id()])
    line = [QgsPointXY(x, box.yMinimum() - 0.1), QgsPointXY(x, box.yMaximum() + 0.1)]
    tasks.splitFeatures(line, False)
    return done(tasks)


def paste(fid, fields):
    """Copy a row and paste it, changed."""
    tasks = layer("tasks")
    tasks.startEditing()
    row = row_of(fid)
    copied = {i: value for i, value in enumerate(row.attributes()) if i}
    copied.update(changes(tasks, fields))
    context = tasks.createExpressionContext()
    tasks.addFeature(QgsVectorLayerUtils.createFeature(tasks, row.geometry(), copied, context))
    return done(tasks)


def draw(ring, fields):
    """Digitise a new outline."""
    tasks = layer("tasks")
    tasks.startEditing()
    outline = QgsGeometry.fromPolygonXY([[QgsPointXY(x, y) for x, y in ring]])
    outline.convertToMultiType()
    context = tasks.createExpressionContext()
    made = QgsVectorLayerUtils.createFeature(tasks, outline, changes(tasks, fields), context)
    tasks.addFeature(made)
    return done(tasks)


def delete(fid):
    tasks = layer("tasks")
    tasks.startEditing()
    tasks.deleteFeature(row_of(fid).id())
    return done(tasks)


def unlock(name):
    """Take a layer's lock off, as a mapper can, and delete its first row."""
    locked = layer(name)
    refused = not locked.startEditing()
    locked.setReadOnly(False)
    locked.startEditing()
    locked.deleteFeature(next(locked.getFeatures()).id())
    return {"refused": refused, **done(locked)}


def comment(fid, text):
    """Write a comment on a row."""
    comments = layer("comments")
    comments.startEditing()
    made = QgsVectorLayerUtils.createFeature(
        comments, attributes=changes(comments, {"fid": fid, "text": text})
    )
    comments.addFeature(made)
    return done(comments)


def related(parent, fid):
    """What the project's relation shows for a row of a layer, and whether the relation is valid."""
    found = next(
        r
        for r in project.relationManager().relations().values()
        if r.referencedLayerId() == layer(parent).id()
    )
    feature = next(f for f in layer(parent).getFeatures() if f["fid"] == fid)
    return {
        "valid": found.isValid(),
        "texts": [f["text"] for f in found.getRelatedFeatures(feature)],
        "refresh": layer(parent).autoRefreshInterval() if layer(parent).hasAutoRefreshEnabled() else 0,
    }


def rows():
    return [values(feature) for feature in layer("tasks").getFeatures()]


def hold(source, target):
    """Copy the work folder while the project is open and edited, as a synchronising program does."""
    shutil.copytree(source, target)
    return sorted(os.listdir(target))


def render(path, width, height):
    settings = QgsMapSettings()
    settings.setLayers(project.layerTreeRoot().layerOrder())
    settings.setDestinationCrs(project.crs())
    settings.setExtent(project.viewSettings().defaultViewExtent())
    settings.setOutputSize(QSize(width, height))
    settings.setFlag(QgsMapSettings.DrawLabeling, True)
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(path)
    return [error.message for error in job.errors()]


def styled(path):
    """A layer opened without the project: the widgets its default style in the file gives."""
    opened = QgsVectorLayer(path, "alone", "ogr")
    fields = opened.fields()
    return {f.name(): opened.editorWidgetSetup(fields.indexOf(f.name())).type() for f in fields}


STEPS = {
    f.__name__: f
    for f in (
        change, change_late, comment, constraints, delete, describe, draw, hold, paste, related, render,
        reshape, rows, split, styled, unlock,
    )
}  # fmt: skip

if __name__ == "__main__":
    with open(sys.argv[1]) as stream:
        request = json.load(stream)
    answers = [project.read(request["project"])] if request["project"] else [None]
    for name, *arguments in request["steps"]:
        answers.append(STEPS[name](*arguments))
    with open(sys.argv[2], "w") as stream:
        json.dump(answers, stream)
    project.clear()
    application.exitQgis()
