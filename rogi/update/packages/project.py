"""QGIS projects (``.qgs``) that open the layers of a work package, or of a team's store, over the imagery.

Paths in a project are relative to its folder, so that the folder can be moved. A project for a store
names host and database, and neither user nor password: QGIS asks for them, or takes them from a service
or from its own encrypted store. Written for QGIS 3.22 and later; the same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from rogi.files import write_text
from rogi.schema.qml import document
from rogi.update.packages.forms import MAPPER_VARIABLE, FormSetting
from rogi.update.packages.imagery_style import ImageryStyle, imagery_style
from rogi.update.packages.project_layers import (
    LAYERS,
    NOT_XML,
    ProjectSource,
    add_crs,
    add_extent,
    add_layer,
    add_raster,
    add_relation,
    add_shared,
    layer_id,
    relation_id,
)
from rogi.update.packages.symbols import QGIS_VERSION
from rogi.update.vocabulary import CANDIDATES, CURRENT, TASKS

if TYPE_CHECKING:
    import pyproj


_SNAPPED: Final = (TASKS, CURRENT, CANDIDATES)
_VERTEX_AND_SEGMENT: Final = "3"  # QgsSnappingConfig::VertexFlag | SegmentFlag
_ADVANCED: Final = "3"  # QgsSnappingConfig::AdvancedConfiguration: per layer
_PIXELS: Final = "1"  # QgsTolerance::Pixels
_TOLERANCE: Final = "12"
_AVOID_ON_LISTED_LAYERS: Final = "2"  # QgsProject::AvoidIntersectionsMode
_MARGIN: Final = 0.05  # of the extent, on each side


def package_source(package: PurePath | str) -> ProjectSource:
    """The layers of a work package.

    Parameters
    ----------
    package
        The GeoPackage, relative to the project's folder.

    Returns
    -------
    ProjectSource
    """
    name = PurePath(package).as_posix()
    name = name if PurePath(package).is_absolute() else f"./{name}"
    return ProjectSource("ogr", {layer: f"{name}|layername={layer}" for layer in LAYERS})


def write_project(
    path: Path,
    source: ProjectSource,
    *,
    crs: pyproj.CRS,
    bounds: Sequence[float],
    mapper: str,
    title: str,
    imagery: Sequence[Path] = (),
    folder: Path | None = None,
) -> None:
    """Write a QGIS project: the four layers with their forms and symbols, over the imagery.

    Parameters
    ----------
    path
        The ``.qgs`` file to write; what is there is replaced.
    source
        See :func:`package_source` and :func:`rogi.update.store.store.store_source`.
    crs
        Of the layers; the project has the same, so that shared boundaries stay exact.
    bounds
        West, south, east, north of what is shown at first, in that CRS.
    mapper
        Filled in as ``mapper`` (the project's variable ``rogi_mapper``).
    title
        Of the project.
    imagery
        Rasters GDAL reads, the first on top.
    folder
        Where the project will lie, if not where it is written.

    Raises
    ------
    InputError
        If an image cannot be read.
    OutputError
        If the project cannot be written.
    """
    home = (folder or path.parent).absolute()
    pictures = [imagery_style(image, home, number) for number, image in enumerate(imagery)]
    text = project_xml(source, crs=crs, bounds=bounds, mapper=mapper, title=title, imagery=pictures)
    write_text(path, text)


def project_xml(
    source: ProjectSource,
    *,
    crs: pyproj.CRS,
    bounds: Sequence[float],
    mapper: str,
    title: str,
    imagery: Sequence[ImageryStyle] = (),
) -> str:
    """The XML of a project; see :func:`write_project`."""
    mapper, title = NOT_XML.sub("", mapper), NOT_XML.sub("", title)
    setting = FormSetting(
        mapper,
        current=layer_id(CURRENT),
        geographic=crs.is_geographic,
        extra=source.extra,
        relations=[relation_id(parent, child) for parent, child in source.relations if parent == TASKS],
    )
    root = ET.Element("qgis", version=QGIS_VERSION, projectname=title)
    ET.SubElement(root, "homePath", path="")
    ET.SubElement(root, "title").text = title
    ET.SubElement(root, "autotransaction", active="0")
    ET.SubElement(root, "evaluateDefaultValues", active="0")
    ET.SubElement(root, "trust", active="0")
    add_crs(ET.SubElement(root, "projectCrs"), crs)
    _add_tree(root, source, imagery)
    _add_snapping(root)
    relations = ET.SubElement(root, "relations")
    for parent, child in source.relations:
        add_relation(relations, parent, child)
    layers = ET.SubElement(root, "projectlayers")
    for picture in imagery:
        add_raster(layers, picture)
    shared = {s.name: s for s in source.shared}
    for layer, _, _ in reversed(source.listed):
        if layer in shared:
            add_shared(layers, shared[layer], source.provider, crs, bounds, setting)
        else:
            add_layer(layers, layer, source, crs, bounds, setting)
    order = ET.SubElement(root, "layerorder")
    for name in (*(name for name, _, _ in source.listed), *(p.name for p in imagery)):
        ET.SubElement(order, "layer", id=layer_id(name))
    _add_properties(root, mapper)
    metadata = ET.SubElement(root, "projectMetadata")
    ET.SubElement(metadata, "title").text = title
    _add_view(root, crs, bounds)
    return document(root)


# ---- the project


def _add_tree(root: ET.Element, source: ProjectSource, imagery: Sequence[ImageryStyle]) -> None:
    tree = ET.SubElement(root, "layer-tree-group")
    for layer, title, location in source.listed:
        _add_leaf(tree, layer, title, source.provider, location)
    if imagery:
        group = ET.SubElement(tree, "layer-tree-group", name="Imagery", expanded="1", checked="Qt::Checked")
        for picture in imagery:
            _add_leaf(group, picture.name, picture.title, "gdal", picture.location)


def _add_leaf(parent: ET.Element, layer: str, title: str, provider: str, location: str) -> None:
    ET.SubElement(
        parent,
        "layer-tree-layer",
        id=layer_id(layer),
        name=NOT_XML.sub("", title),
        providerKey=provider,
        source=NOT_XML.sub("", location),
        checked="Qt::Checked",
        expanded=str(int(layer == TASKS)),
    )


def _add_snapping(root: ET.Element) -> None:
    common = {"type": _VERTEX_AND_SEGMENT, "tolerance": _TOLERANCE}
    element = ET.SubElement(
        root,
        "snapping-settings",
        {
            "enabled": "1",
            "mode": _ADVANCED,
            "unit": _PIXELS,
            "intersection-snapping": "0",
            "self-snapping": "0",
            "scaleDependencyMode": "0",
            **common,
        },
    )
    settings = ET.SubElement(element, "individual-layer-settings")
    for layer in LAYERS:
        attributes = {
            "id": layer_id(layer),
            "enabled": str(int(layer in _SNAPPED)),
            "units": _PIXELS,
            **common,
        }
        ET.SubElement(settings, "layer-setting", attributes)


def _add_properties(root: ET.Element, mapper: str) -> None:
    properties = ET.SubElement(root, "properties")
    digitizing = ET.SubElement(properties, "Digitizing")
    avoided = ET.SubElement(digitizing, "AvoidIntersectionsList", type="QStringList")
    ET.SubElement(avoided, "value").text = layer_id(TASKS)
    ET.SubElement(digitizing, "AvoidIntersectionsMode", type="int").text = _AVOID_ON_LISTED_LAYERS
    ET.SubElement(digitizing, "TopologicalEditing", type="int").text = "1"
    ET.SubElement(ET.SubElement(properties, "Paths"), "Absolute", type="bool").text = "false"
    # Without this QGIS takes the project for one without a CRS.
    reference = ET.SubElement(properties, "SpatialRefSys")
    ET.SubElement(reference, "ProjectionsEnabled", type="int").text = "1"
    variables = ET.SubElement(properties, "Variables")
    for name, value in (("variableNames", MAPPER_VARIABLE), ("variableValues", mapper)):
        ET.SubElement(ET.SubElement(variables, name, type="QStringList"), "value").text = value


def _add_view(root: ET.Element, crs: pyproj.CRS, bounds: Sequence[float]) -> None:
    west, south, east, north = map(float, bounds)
    dx, dy = _MARGIN * (east - west), _MARGIN * (north - south)
    seen = (west - dx, south - dy, east + dx, north + dy)
    canvas = ET.SubElement(root, "mapcanvas", name="theMapCanvas", annotationsVisible="1")
    ET.SubElement(canvas, "units").text = "degrees" if crs.is_geographic else "meters"
    add_extent(ET.SubElement(canvas, "extent"), seen)
    ET.SubElement(canvas, "rotation").text = "0"
    add_crs(ET.SubElement(canvas, "destinationsrs"), crs)
    settings = ET.SubElement(root, "ProjectViewSettings", UseProjectScales="0", rotation="0")
    names = ("xmin", "ymin", "xmax", "ymax")
    extent = {name: repr(value) for name, value in zip(names, seen, strict=True)}
    add_crs(ET.SubElement(settings, "DefaultViewExtent", extent), crs)
