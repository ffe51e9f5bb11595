"""The feature of a layer that a finding is about."""

from __future__ import annotations

import re
from itertools import islice

from qgis.core import QgsExpression, QgsFeature, QgsFeatureRequest, QgsProject, QgsVectorLayer, QgsWkbTypes

from .findings import Finding, Marks

_POINTS = ("marker",)


def feature_of(finding: Finding, marks: Marks | None) -> tuple[QgsVectorLayer, QgsFeature] | None:
    """The layer and feature: by the ID of the unit where it has one, else by its place in the layer.

    Layers that were checked come first, then others of the project with the same kind of geometry.
    """
    layers = _layers(finding, marks)
    for layer in layers:
        feature = _by_id(layer, finding)
        if feature is not None:
            return layer, feature
    checked = {} if marks is None else marks.layers
    if finding.row and finding.layer in checked and layers:
        feature = _by_row(layers[0], finding.row)
        return None if feature is None else (layers[0], feature)
    return None


def _layers(finding: Finding, marks: Marks | None) -> list[QgsVectorLayer]:
    project = QgsProject.instance()
    named = {} if marks is None else marks.layers.get(finding.layer, {})
    point = finding.layer in _POINTS
    layers = [x for x in project.mapLayers().values() if isinstance(x, QgsVectorLayer) and x.isValid()]
    fits = [x for x in layers if (x.geometryType() == QgsWkbTypes.GeometryType.PointGeometry) == point]
    fits = [x for x in fits if x.fields().indexOf("fingerprint") < 0]  # not the findings themselves
    fits.sort(key=lambda x: (x.id() != named.get("id"), x.source() != named.get("source"), x.name()))
    return fits


def _by_id(layer: QgsVectorLayer, finding: Finding) -> QgsFeature | None:
    """The feature with the ID of the unit; of several, as of copies, the one in the row of the finding."""
    if not finding.feature_id:
        return None
    number = re.fullmatch(r"fid (\d+)", finding.feature_id)  # what rogi calls a feature without an ID
    if number is not None:
        feature = layer.getFeature(int(number[1]))
        return feature if feature.isValid() else None
    for name in (field.name() for field in layer.fields() if not field.isNumeric()):
        expression = f"{QgsExpression.quotedColumnRef(name)} = {QgsExpression.quotedValue(finding.feature_id)}"
        found = list(islice(layer.getFeatures(QgsFeatureRequest().setFilterExpression(expression)), 2))
        if len(found) == 1:
            return found[0]
        if found:
            row = _by_row(layer, finding.row)
            return row if row is not None and row[name] == finding.feature_id else found[0]
    return None


def _by_row(layer: QgsVectorLayer, row: int) -> QgsFeature | None:
    """The feature that is the n-th of a layer, counted from 1."""
    request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry).setNoAttributes()
    found = next(islice(layer.getFeatures(request), row - 1, row), None)
    return None if found is None else layer.getFeature(found.id())
