"""The provider of the algorithms."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithms import ALGORITHMS
from .settings import add_settings, remove_settings


class RogiProvider(QgsProcessingProvider):
    """``rogi`` in the toolbox of Processing."""

    def id(self) -> str:
        return "rogi"

    def name(self) -> str:
        return "Rock glacier inventories (rogi)"

    def icon(self) -> QIcon:
        return QIcon(str(Path(__file__).with_name("icon.svg")))

    def load(self) -> bool:
        add_settings(self.icon())
        return super().load()

    def unload(self) -> None:
        remove_settings()

    def loadAlgorithms(self) -> None:
        for algorithm in ALGORITHMS:
            self.addAlgorithm(algorithm())
