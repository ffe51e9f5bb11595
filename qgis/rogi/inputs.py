"""Layers of a project as files that rogi reads.

A layer is read from its own file where that is what QGIS shows. Layers in memory, in a database or on a
server, with a filter, unsaved edits, a selection that is asked for, joined or virtual fields, or another CRS
than their file says are written to a temporary GeoPackage, as QGIS shows them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from qgis.core import (
    Qgis,
    QgsFeature,
    QgsField,
    QgsFields,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProviderRegistry,
    QgsVectorFileWriter,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QMetaType, QVariant

from .command import raster_file

SINGLE = (".shp", ".geojson", ".json", ".fgb", ".parquet")
"""Files with one layer, which needs no name."""

_WHOLE_NUMBER = QMetaType.Type.LongLong if Qgis.QGIS_VERSION_INT >= 33800 else QVariant.Type.LongLong


class Source(NamedTuple):
    """A layer that rogi can read; ``folder`` is that of the user's own file, where a rogi.toml may lie."""

    path: Path
    layer: str
    folder: Path | None = None

    def __str__(self) -> str:
        return f"{self.path}:{self.layer}" if self.layer else str(self.path)


def own_file(layer: QgsVectorLayer) -> Source | None:
    """The file of a layer and its name in there; None where QGIS shows something else than the file has."""
    if layer.providerType() != "ogr" or layer.isModified() or layer.subsetString() or layer.vectorJoins():
        return None
    parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source())
    path = Path(str(parts.get("path") or ""))
    if parts.get("vsiPrefix") or parts.get("geometryType") or not path.is_file():
        return None
    provider = layer.dataProvider()
    if layer.fields().count() != provider.fields().count():  # virtual fields
        return None
    if layer.crs() != provider.crs():
        return None
    if path.suffix.lower() in SINGLE:
        return Source(path, "", path.parent)
    name = str(parts.get("layerName") or "") or _only_layer(layer)
    return Source(path, name, path.parent) if name and ":" not in name else None


def _only_layer(layer: QgsVectorLayer) -> str:
    """The name of the layer of a file that was opened without one, if it has one only."""
    provider = layer.dataProvider()
    names = {text.split(provider.sublayerSeparator())[1] for text in provider.subLayers()}
    return names.pop() if len(names) == 1 else ""


def file_of(layer: QgsVectorLayer) -> Path | None:
    """The file behind a layer, if there is one."""
    if layer.providerType() != "ogr":
        return None
    path = Path(str(QgsProviderRegistry.instance().decodeUri("ogr", layer.source()).get("path") or ""))
    return path if path.is_file() else None


class Inputs:
    """The inputs of one run, and the folder of those that had to be written.

    Use :meth:`add` in ``prepareAlgorithm``: layers belong to the main thread.
    """

    def __init__(self, algorithm, parameters, context, feedback, work: Path) -> None:
        self._algorithm, self._parameters = algorithm, parameters
        self._context, self._feedback, self._work = context, feedback, work
        self.layers: dict[str, QgsVectorLayer] = {}
        self.files: set[Path] = set()
        self.folder: Path | None = None
        self._written: set[Source] = set()

    def vector(self, name: str, *, folder: str = "", copy: bool = False) -> Source | None:
        """The layer of a parameter; None where it is not set.

        Parameters
        ----------
        name
            Of the parameter.
        folder
            Name of a folder for what is written: layers of one folder go into one file.
        copy
            Write it also where its own file would do.
        """
        value = self._parameters.get(name)
        if value is None or value == "":
            return None
        layer = self._algorithm.parameterAsVectorLayer(self._parameters, name, self._context)
        source = self._algorithm.parameterAsSource(self._parameters, name, self._context)
        if source is None or layer is None:
            raise QgsProcessingException(self._algorithm.invalidSourceError(self._parameters, name))
        self.layers[name] = layer
        path = file_of(layer)
        if path is not None:
            self.files.add(path)
            self.folder = self.folder or path.parent
        found = None if copy or _is_part(value) else own_file(layer)
        if found is None:
            found = self._write(source, layer, folder)
            self._feedback.pushInfo(f"{layer.name()}: read as shown in QGIS, {source.featureCount()} features.")
        return found

    def _write(self, source, layer: QgsVectorLayer, folder: str) -> Source:
        parts = QgsProviderRegistry.instance().decodeUri("ogr", layer.source()) if layer.providerType() == "ogr" else {}
        name = _plain(str(parts.get("layerName") or "") or layer.name())
        path = self._path(layer, folder)
        while Source(path, name) in self._written:  # outlines and markers of one name
            name += "_"
        self._written.add(Source(path, name))
        kept = [field for field in source.fields() if field.name().lower() not in ("fid", "geom")]
        fields = QgsFields()
        fields.append(QgsField("fid", _WHOLE_NUMBER))
        for field in kept:
            fields.append(QgsField(field))
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName, options.layerName, options.fileEncoding = "GPKG", name, "UTF-8"
        action = QgsVectorFileWriter.ActionOnExistingFile
        options.actionOnExistingFile = action.CreateOrOverwriteLayer if path.exists() else action.CreateOrOverwriteFile
        writer = QgsVectorFileWriter.create(
            str(path), fields, source.wkbType(), source.sourceCrs(), self._context.transformContext(), options
        )
        indices = [source.fields().indexOf(field.name()) for field in kept]
        new = []  # features that are not saved yet have negative numbers; they get some after all others
        for feature in source.getFeatures():
            if self._feedback.isCanceled():
                break
            attributes = feature.attributes()
            row = QgsFeature(fields)
            row.setGeometry(feature.geometry())
            row.setAttributes([feature.id() if feature.id() >= 0 else None, *(attributes[i] for i in indices)])
            if feature.id() < 0:
                new.append(row)
            else:
                writer.addFeature(row)
        for row in new:
            writer.addFeature(row)
        failed = writer.hasError() != QgsVectorFileWriter.WriterError.NoError
        said = writer.errorMessage()
        del writer
        if failed:
            raise QgsProcessingException(f"Layer {layer.name()} cannot be written to a temporary file: {said}.")
        return Source(path, name, None)

    def _path(self, layer: QgsVectorLayer, folder: str) -> Path:
        """A file of the name of a layer; in a folder the first one counts."""
        place = self._work / (folder or f"layer{len(list(self._work.iterdir()))}")
        place.mkdir(exist_ok=True)
        return next(iter(place.glob("*.gpkg")), place / f"{_plain(layer.name())}.gpkg")

    def rasters(self, name: str) -> list[tuple[str, str]]:
        """Files of a parameter with raster layers, each with the variable that the layer shows ('' for all).

        Raises
        ------
        QgsProcessingException
            For layers that are not files, as of a WMS.
        """
        definition = self._algorithm.parameterDefinition(name)
        if definition.type() == "multilayer":
            layers = self._algorithm.parameterAsLayerList(self._parameters, name, self._context) or []
        else:
            layer = self._algorithm.parameterAsRasterLayer(self._parameters, name, self._context)
            layers = [] if layer is None else [layer]
        if not layers and self._parameters.get(name):
            raise QgsProcessingException(f"{definition.description()}: {self._parameters[name]} cannot be opened.")
        found = []
        for layer in layers:
            if layer.providerType() != "gdal":
                raise QgsProcessingException(
                    f"Layer {layer.name()} is no file but {layer.providerType()}; save it as GeoTIFF first."
                )
            path, variable = raster_file(layer.source())
            if not path.startswith("/vsi") and not Path(path).exists():
                raise QgsProcessingException(f"Layer {layer.name()} is not read from a file: {layer.source()}.")
            found.append((path, variable))
        return found


def _is_part(value: object) -> bool:
    """Whether only selected, a number of, or filtered features are asked for."""
    if not isinstance(value, QgsProcessingFeatureSourceDefinition):
        return False
    limited = getattr(value, "featureLimit", -1) not in (-1, None)
    return bool(value.selectedFeaturesOnly or limited or getattr(value, "filterExpression", ""))


def _plain(name: str) -> str:
    """A name that is a name of a layer and of a file everywhere."""
    return re.sub(r'[\\/:*?"<>|=\x00-\x1f]+', "_", name).strip(" .") or "layer"
