"""Styles of results that come without one. Findings, reviews and new versions bring their own."""

from __future__ import annotations

from qgis.core import (
    QgsClassificationQuantile,
    QgsFillSymbol,
    QgsGraduatedSymbolRenderer,
    QgsMarkerSymbol,
    QgsSingleSymbolRenderer,
    QgsStyle,
    QgsVectorLayer,
    QgsWkbTypes,
)

BLUE, ORANGE, GREY = "0,114,178", "213,94,0", "90,90,90"  # told apart by colour-blind readers too
_CHANGES = {"a": (GREY, "0"), "b": (GREY, "0"), "losses": (ORANGE, "110"), "gains": (BLUE, "110")}
CLASSES = 5


def style_changes(layer: QgsVectorLayer, name: str) -> None:
    """Gains blue, losses orange, the inventories as grey outlines, that of A dashed."""
    colour, opacity = _CHANGES[name]
    if layer.geometryType() == QgsWkbTypes.GeometryType.PointGeometry:
        symbol = QgsMarkerSymbol.createSimple(
            {"name": "circle", "color": f"{colour},200", "outline_color": "255,255,255", "size": "2.4"}
        )
    else:
        symbol = QgsFillSymbol.createSimple(
            {
                "color": f"{colour},{opacity}",
                "outline_color": colour,
                "outline_width": "0.4",
                "outline_style": "dash" if name == "a" else "solid",
            }
        )
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))


def style_grid(layer: QgsVectorLayer) -> None:
    """Classes of the number of rock glaciers in a cell."""
    field = next((f.name() for f in layer.fields() if f.name().lower() in ("count", "n", "units")), None)
    if field is None:
        return
    renderer = QgsGraduatedSymbolRenderer(field)
    renderer.setSourceSymbol(QgsFillSymbol.createSimple({"outline_color": "255,255,255", "outline_width": "0.1"}))
    ramp = QgsStyle.defaultStyle().colorRamp("Viridis")
    if ramp is not None:
        ramp.invert()
        renderer.setSourceColorRamp(ramp)
    renderer.setClassificationMethod(QgsClassificationQuantile())
    renderer.updateClasses(layer, CLASSES)
    layer.setRenderer(renderer)
    layer.setOpacity(0.75)
