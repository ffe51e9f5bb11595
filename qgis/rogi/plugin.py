"""The plugin: its algorithms, and the panel of findings."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QIcon

from . import hub
from .provider import RogiProvider


class RogiPlugin:
    """What QGIS loads; without a window (`qgis_process`) only the algorithms."""

    def __init__(self, iface) -> None:
        self._iface = iface
        self._provider = None
        self.dock = None

    def initProcessing(self) -> None:
        """Add the algorithms."""
        self._provider = RogiProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:
        """Add the algorithms and the panel."""
        from .dock import FindingsDock

        hub.iface = self._iface
        self.initProcessing()
        self.dock = FindingsDock(self._iface)
        self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.hide()
        self._action = self.dock.toggleViewAction()
        self._action.setIcon(QIcon(str(Path(__file__).with_name("icon.svg"))))
        self._action.setToolTip("List the findings of an inventory check")
        self._iface.addPluginToVectorMenu("Rock glacier inventories (rogi)", self._action)
        self._iface.addVectorToolBarIcon(self._action)
        hub.listeners.append(self.dock.show_file)

    def unload(self) -> None:
        """Take everything away."""
        hub.iface = None
        if self.dock is not None:
            hub.listeners.remove(self.dock.show_file)
            self._iface.removePluginVectorMenu("Rock glacier inventories (rogi)", self._action)
            self._iface.removeVectorToolBarIcon(self._action)
            self._iface.removeDockWidget(self.dock)
            self.dock.deleteLater()
            self.dock = None
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
