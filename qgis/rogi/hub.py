"""Where an algorithm meets the window of QGIS, if there is one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable

from qgis.core import QgsMapLayer, QgsProcessingUtils, QgsProject, QgsVectorLayer, QgsWkbTypes

WORDS = {
    "OUTLINES": r"outline|footprint|polygon|extended|rock.?glacier|rogi|\bGO\b|_GO_",
    "MARKERS": r"marker|point|rogi|\bPM\b|_PM_",
}
"""What layers of an inventory are called."""
iface: Any = None
"""The window of QGIS; None without one."""
runs: dict[Path, dict[str, Any]] = {}
"""Findings -> parameters of the check that wrote them, in this session."""
listeners: list[Callable[[Path], None]] = []


def show_findings(path: Path) -> None:
    """Show findings in the panel; without a window nothing happens."""
    for listener in listeners:
        listener(path)


def repeatable(parameters: dict[str, Any], written: dict[str, Path]) -> dict[str, Any]:
    """Parameters of a run for a dialog that repeats it: layers by their id, files that were named again."""
    values = {key: value.id() if isinstance(value, QgsMapLayer) else value for key, value in parameters.items()}
    named = {
        key: str(path) for key, path in written.items() if Path(QgsProcessingUtils.tempFolder()) not in path.parents
    }
    return {**{key: value for key, value in values.items() if key not in written}, **named}


def likely_layer(name: str) -> str | None:
    """The layer of the project that a dialog proposes for a parameter: the active one, or one with its name."""
    if iface is None or name not in WORDS:
        return None
    kinds = QgsWkbTypes.GeometryType
    kind = kinds.PointGeometry if name == "MARKERS" else kinds.PolygonGeometry
    layers = [x for x in QgsProject.instance().mapLayers().values() if isinstance(x, QgsVectorLayer)]
    fits = [x for x in layers if x.isValid() and x.geometryType() == kind and x.fields().indexOf("fingerprint") < 0]
    active = iface.activeLayer()
    if any(x is active for x in fits):
        return active.id()
    return next((x.id() for x in fits if re.search(WORDS[name], f"{x.name()} {x.source()}", re.IGNORECASE)), None)
