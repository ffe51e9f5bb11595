"""The layers of a QGIS project: where they are, and how each is written."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from rogi.schema.qml import FormField, add_fields
from rogi.update.packages.forms import KEY, LAYER_TITLES, FormSetting
from rogi.update.packages.imagery_style import ImageryStyle, add_raster_style
from rogi.update.packages.symbols import BY_CLASS, BY_DECISION, add_style, new_style
from rogi.update.vocabulary import CANDIDATES, CONTEXT, CURRENT, TASKS

if TYPE_CHECKING:
    import pyproj

LAYERS: Final = (CANDIDATES, TASKS, CURRENT, CONTEXT)
"""From the top of the map down; the imagery lies below."""

NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_REFRESH_MS: Final = 60_000  # how often what others decide is drawn anew


def layer_id(name: str) -> str:
    """Id of a layer in the project: always the same, and as long as QGIS's own, which replaces short ones."""
    return f"{name}_{str(uuid.uuid5(uuid.NAMESPACE_OID, f'rogi update {name}')).replace('-', '_')}"


@dataclass(frozen=True, slots=True)
class SharedLayer:
    """A layer of all packages beside those of one: of a store.

    Parameters
    ----------
    name, title, location
        As of the other layers.
    fields
        Of its form.
    outlines
        Whether it is drawn on the map, below the tasks, and drawn anew every so often; else it is a table.
    written
        Fields that are filled in by hand; the layer is read-only without.
    """

    name: str
    title: str
    location: str
    fields: Sequence[FormField] = ()
    outlines: bool = False
    written: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ProjectSource:
    """Where the layers of a project are.

    Parameters
    ----------
    provider
        QGIS's name: ``ogr`` or ``postgres``.
    locations
        Layer -> data source of that provider.
    extra
        Fields of ``tasks`` after those of the model.
    shared
        Further layers.
    relations
        Names of layers with rows that have others in the second one: (parent, child), by ``fid`` of both.
    """

    provider: str
    locations: Mapping[str, str]
    extra: Sequence[FormField] = ()
    shared: Sequence[SharedLayer] = ()
    relations: Sequence[tuple[str, str]] = ()

    @property
    def listed(self) -> tuple[tuple[str, str, str], ...]:
        """Name, title and location of all layers, from the top of the map down; tables last."""
        own = [(name, LAYER_TITLES[name], self.locations[name]) for name in LAYERS]
        on_map = [(s.name, s.title, s.location) for s in self.shared if s.outlines]
        tables = [(s.name, s.title, s.location) for s in self.shared if not s.outlines]
        below = LAYERS.index(TASKS) + 1
        return (*own[:below], *on_map, *own[below:], *tables)


def relation_id(parent: str, child: str) -> str:
    """Id of a relation between layers."""
    return f"{child}_of_{parent}"


def add_relation(parent: ET.Element, above: str, below: str) -> None:
    element = ET.SubElement(
        parent,
        "relation",
        id=relation_id(above, below),
        name=relation_id(above, below),
        referencedLayer=layer_id(above),
        referencingLayer=layer_id(below),
        strength="Association",
    )
    ET.SubElement(element, "fieldRef", referencedField=KEY, referencingField=KEY)


def add_shared(
    parent: ET.Element,
    layer: SharedLayer,
    provider: str,
    crs: pyproj.CRS,
    bounds: Sequence[float],
    setting: FormSetting,
) -> None:
    element = ET.SubElement(
        parent,
        "maplayer",
        type="vector",
        geometry="Polygon" if layer.outlines else "No geometry",
        wkbType="MultiPolygon" if layer.outlines else "NoGeometry",
        labelsEnabled="0",
        readOnly=str(int(not layer.written)),
        hasScaleBasedVisibilityFlag="0",
        styleCategories="AllStyleCategories",
        autoRefreshEnabled=str(int(layer.outlines)),
        autoRefreshTime=str(_REFRESH_MS if layer.outlines else 0),
        autoRefreshMode="RedrawOnly" if layer.outlines else "Disabled",  # since QGIS 3.34
    )
    ET.SubElement(element, "id").text = layer_id(layer.name)
    ET.SubElement(element, "datasource").text = NOT_XML.sub("", layer.location)
    ET.SubElement(element, "layername").text = layer.title
    if layer.outlines:
        add_extent(ET.SubElement(element, "extent"), bounds)
        add_crs(ET.SubElement(element, "srs"), crs)
    ET.SubElement(element, "provider", encoding="UTF-8").text = provider
    add_fields(element, layer.fields)
    editable = ET.SubElement(element, "editable")
    for field in layer.fields:
        ET.SubElement(editable, "field", name=field.name, editable=str(int(field.name in layer.written)))
    if layer.outlines:
        add_style(element, layer.name, setting, style=BY_DECISION)


def add_layer(
    parent: ET.Element,
    layer: str,
    source: ProjectSource,
    crs: pyproj.CRS,
    bounds: Sequence[float],
    setting: FormSetting,
) -> None:
    element = ET.SubElement(
        parent,
        "maplayer",
        type="vector",
        geometry="Polygon",
        wkbType="MultiPolygon",
        labelsEnabled="0",
        readOnly=str(int(layer != TASKS)),
        hasScaleBasedVisibilityFlag="0",
        styleCategories="AllStyleCategories",
    )
    add_extent(ET.SubElement(element, "extent"), bounds)
    ET.SubElement(element, "id").text = layer_id(layer)
    ET.SubElement(element, "datasource").text = NOT_XML.sub("", source.locations[layer])
    ET.SubElement(element, "layername").text = LAYER_TITLES[layer]
    add_crs(ET.SubElement(element, "srs"), crs)
    ET.SubElement(element, "provider", encoding="UTF-8").text = source.provider
    if layer == TASKS:
        styles = ET.SubElement(element, "map-layer-style-manager", current=BY_CLASS)
        ET.SubElement(styles, "map-layer-style", name=BY_CLASS)
        other = new_style()
        add_style(other, layer, setting, style=BY_DECISION)
        ET.SubElement(styles, "map-layer-style", name=BY_DECISION).append(other)
    flags = ET.SubElement(element, "flags")
    for flag, value in (("Identifiable", 1), ("Removable", 1), ("Searchable", 1), ("Private", 0)):
        ET.SubElement(flags, flag).text = str(value)
    add_style(element, layer, setting)


def add_raster(parent: ET.Element, picture: ImageryStyle) -> None:
    element = ET.SubElement(
        parent,
        "maplayer",
        type="raster",
        hasScaleBasedVisibilityFlag="0",
        styleCategories="AllStyleCategories",
    )
    add_extent(ET.SubElement(element, "extent"), picture.bounds)
    ET.SubElement(element, "id").text = layer_id(picture.name)
    ET.SubElement(element, "datasource").text = NOT_XML.sub("", picture.location)
    ET.SubElement(element, "layername").text = NOT_XML.sub("", picture.title)
    if picture.crs is not None:
        add_crs(ET.SubElement(element, "srs"), picture.crs)
    ET.SubElement(element, "provider").text = "gdal"
    add_raster_style(element, picture)


def add_extent(element: ET.Element, bounds: Sequence[float]) -> None:
    for name, value in zip(("xmin", "ymin", "xmax", "ymax"), bounds, strict=True):
        ET.SubElement(element, name).text = repr(float(value))


def add_crs(parent: ET.Element, crs: pyproj.CRS) -> None:
    element = ET.SubElement(parent, "spatialrefsys", nativeFormat="Wkt")
    authority = crs.to_authority(min_confidence=100)
    ET.SubElement(element, "wkt").text = crs.to_wkt()
    ET.SubElement(element, "authid").text = ":".join(authority) if authority else ""
    ET.SubElement(element, "description").text = crs.name
    ET.SubElement(element, "geographicflag").text = str(crs.is_geographic).lower()
