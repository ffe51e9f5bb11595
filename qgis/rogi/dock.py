"""The panel of findings: list, filter, zoom, form, mark as fixed or waived."""

from __future__ import annotations

import html
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsExpression,
    QgsProject,
    QgsRectangle,
    QgsSettings,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QDialog,
    QDockWidget,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from . import hub
from .features import feature_of
from .findings import (
    FIXED,
    OPEN,
    SEVERITIES,
    WAIVED,
    Finding,
    FindingsError,
    Marks,
    add_waivers,
    read_findings,
    remove_waivers,
)
from .table import COLUMNS, WORDS, Filter, FindingsModel
from .waiver_dialog import WaiverDialog, user

WGS84 = "EPSG:4326"
MARGIN = 0.35
"""Share of a finding's box that is shown around it."""
SMALLEST = 0.0008
"""Degrees: a point is shown with at least this much around it, some 90 m."""


class FindingsDock(QDockWidget):
    """The panel."""

    def __init__(self, iface, parent=None) -> None:
        super().__init__("Rock glacier findings", parent)
        self.setObjectName("RogiFindings")
        self._iface = iface
        self._path: Path | None = None
        self._marks: Marks | None = None
        self.model = FindingsModel(self)
        self.filter = Filter(self)
        self.filter.setSourceModel(self.model)
        self._make()
        self._fill()

    # ---- what it looks like

    def _make(self) -> None:
        self.open_button = QPushButton("Open…")
        self.open_button.setToolTip("Open the findings of `rogi validate`: a GeoPackage or JSON file")
        self.open_button.clicked.connect(self._choose_file)
        self.title = QLabel()
        self.title.setTextFormat(Qt.TextFormat.PlainText)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.rule, self.severity, self.state = QComboBox(), QComboBox(), QComboBox()
        self.rule.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.severity.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.text = QLineEdit()
        self.text.setPlaceholderText("Search")
        self.text.setToolTip("Text in the unit, the field or what was found")
        self.text.setClearButtonEnabled(True)
        for name, box in (("code", self.rule), ("severity", self.severity), ("state", self.state)):
            box.currentIndexChanged.connect(lambda _, name=name, box=box: self._filter(name, box.currentData()))
        self.text.textChanged.connect(lambda text: self._filter("text", text))
        self.table = QTableView()
        self.table.setModel(self.filter)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(-1, Qt.SortOrder.AscendingOrder)  # as they are read: the gravest first
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setAlternatingRowColors(True)
        self.table.setWordWrap(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 6)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        width = self.fontMetrics().horizontalAdvance
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column, text in ((0, "GEO015"), (1, "RGU000000N0000000E"), (3, "baseline")):
            self.table.setColumnWidth(column, width(text) + 12)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._selected())
        self.table.doubleClicked.connect(lambda _: self.zoom())
        self.details = QLabel()
        self.details.setWordWrap(True)
        self.details.setTextFormat(Qt.TextFormat.PlainText)
        self.details.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.follow = QCheckBox("Zoom to selected")
        self.follow.setChecked(True)
        self.on_map = QCheckBox("Map shows only the list")
        self.on_map.toggled.connect(lambda _: self._filter_map())
        self.buttons = {
            "previous": self._button("Previous", lambda: self.step(-1)),
            "next": self._button("Next", lambda: self.step(1)),
            "zoom": self._button("Zoom", self.zoom),
            "form": self._button("Open form", self.open_form),
            "fixed": self._button("Mark as fixed", self.mark_fixed),
            "waive": self._button("Waive…", self.waive),
            "reopen": self._button("Reopen", self.reopen),
            "check": self._button("Check again…", self.check_again),
        }
        top = QHBoxLayout()
        top.addWidget(self.open_button)
        top.addWidget(self.title, 1)
        filters = QHBoxLayout()
        for box, share in ((self.severity, 0), (self.state, 0), (self.text, 1)):
            filters.addWidget(box, share)
        checks = QHBoxLayout()
        checks.addWidget(self.follow)
        checks.addWidget(self.on_map)
        checks.addStretch(1)
        grid = QGridLayout()
        for number, button in enumerate(self.buttons.values()):
            grid.addWidget(button, number // 4, number % 4)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.addLayout(top)
        layout.addWidget(self.rule)
        layout.addLayout(filters)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.details)
        layout.addLayout(checks)
        layout.addLayout(grid)
        self.setWidget(body)

    @staticmethod
    def _button(title: str, call) -> QPushButton:
        button = QPushButton(title)
        button.clicked.connect(lambda _=False: call())
        return button

    # ---- which findings

    def _choose_file(self) -> None:
        folder = str(self._path.parent) if self._path else QgsProject.instance().homePath()
        name, _ = QFileDialog.getOpenFileName(
            self, "Findings of rogi validate", folder, "Findings (*.gpkg *.json);;All files (*)"
        )
        if name:
            self.show_file(Path(name))

    def show_file(self, path: Path) -> None:
        """List the findings of a file, and show the panel."""
        try:
            findings, marks = read_findings(path), Marks(path)
        except FindingsError as error:
            self._warn(str(error))
            return
        self._path, self._marks = path, marks
        self.model.set_findings(findings, marks)
        self._fill()
        self.show()
        self.raise_()

    def _fill(self) -> None:
        """The choices of the filters, with how many findings each has."""
        findings = self.model.findings
        codes: dict[str, str] = {f.code: f.title for f in findings}
        entries = {
            self.rule: [("All rules", "", len(findings))]
            + [(f"{c} {n}", c, sum(f.code == c for f in findings)) for c, n in codes.items()],
            self.severity: [("All severities", "", len(findings))]
            + [(f"{WORDS[s]}s", s, sum(f.severity == s for f in findings)) for s in SEVERITIES],
        }
        for box, choices in entries.items():
            box.blockSignals(True)
            box.clear()
            for title, value, count in choices:
                box.addItem(f"{title} ({count})", value)
            box.blockSignals(False)
        if not self.state.count():
            self.state.blockSignals(True)
            for title, value in (("Open", OPEN), ("Fixed", FIXED), ("Waived", WAIVED), ("All", "")):
                self.state.addItem(title, value)
            self.state.blockSignals(False)
        self.state.setCurrentIndex(0)
        self.text.clear()
        self.filter.show(code="", severity="", text="")
        self._filter("state", OPEN)
        self._count()
        self._selected()

    def _filter(self, name: str, value: str) -> None:
        self.filter.show(**{name: value or ""})
        self.table.setColumnHidden(COLUMNS.index("State"), bool(self.filter.state))
        self._count()
        self._filter_map()

    def _count(self) -> None:
        if self._path is None:
            self.title.setText("Run “Validate an inventory”, or open findings.")
            return
        total = len(self.model.findings)
        still = sum(self.model.state(row) == OPEN for row in range(total))
        self.title.setText(f"{self._path.name}: {total} findings, {still} open")
        self.title.setToolTip(str(self._path))

    def _filter_map(self) -> None:
        """Let the layers of findings in the project show what is listed, or all."""
        expression = ""
        if self.on_map.isChecked():
            shown = [f.fingerprint for f in self._listed()]
            values = ", ".join(QgsExpression.quotedValue(fingerprint) for fingerprint in shown)
            expression = f'"fingerprint" IN ({values})' if shown else "1 = 0"
        for layer in QgsProject.instance().mapLayers().values():
            if isinstance(layer, QgsVectorLayer) and self._path == Path(layer.source().partition("|")[0]):
                layer.setSubsetString(expression)

    def _listed(self) -> list[Finding]:
        rows = range(self.filter.rowCount())
        return [self.model.findings[self.filter.mapToSource(self.filter.index(r, 0)).row()] for r in rows]

    # ---- the selected ones

    def selected_rows(self) -> list[int]:
        """Rows of the model that are selected."""
        return sorted(self.filter.mapToSource(i).row() for i in self.table.selectionModel().selectedRows())

    def current(self) -> Finding | None:
        """The first selected finding."""
        rows = self.selected_rows()
        return self.model.findings[rows[0]] if rows else None

    def select(self, row: int) -> None:
        """Select a row of the list."""
        self.table.selectRow(row)
        self.table.scrollTo(self.filter.index(row, 0))

    def step(self, by: int) -> None:
        """Select the next or the previous one."""
        selected = [i.row() for i in self.table.selectionModel().selectedRows()]
        last = self.filter.rowCount() - 1
        if last < 0:
            return
        self.select(max(0, min(last, selected[0] + by)) if selected else 0)

    def _selected(self) -> None:
        rows = self.selected_rows()
        finding = self.current()
        states = {self.model.state(row) for row in rows}
        for name in ("zoom", "form"):
            self.buttons[name].setEnabled(finding is not None)
        self.buttons["zoom"].setEnabled(finding is not None and finding.box is not None)
        for name in ("fixed", "waive"):
            self.buttons[name].setEnabled(OPEN in states)
        self.buttons["reopen"].setEnabled(bool(states & {FIXED, WAIVED}))
        self.buttons["check"].setEnabled(self._path in hub.runs)
        for name in ("previous", "next"):
            self.buttons[name].setEnabled(self.filter.rowCount() > 0)
        if finding is None:
            self.details.setText("")
            return
        parts = [
            f"{WORDS[finding.severity].capitalize()} {finding.code}: {finding.title}",
            finding.message,
            "" if self._marks is None else self._marks.note(finding),
        ]
        self.details.setText("\n".join(filter(None, parts)))
        if self.follow.isChecked() and finding.box is not None:
            self.zoom()

    def zoom(self) -> None:
        """Show the place of the selected finding on the map."""
        finding = self.current()
        if finding is None or finding.box is None:
            return
        west, south, east, north = finding.box
        margin = max((east - west) * MARGIN, (north - south) * MARGIN, SMALLEST)
        box = QgsRectangle(west - margin, south - margin, east + margin, north + margin)
        canvas = self._iface.mapCanvas()
        to = canvas.mapSettings().destinationCrs()
        transform = QgsCoordinateTransform(QgsCoordinateReferenceSystem(WGS84), to, QgsProject.instance())
        try:
            canvas.setExtent(transform.transformBoundingBox(box) if to.isValid() else box)
        except QgsCsException:
            self._warn("The place of this finding has no coordinates in the CRS of the project.")
            return
        canvas.refresh()

    def open_form(self) -> None:
        """Open the form of the unit of the selected finding, in the layer that was checked."""
        finding = self.current()
        if finding is None:
            return
        found = feature_of(finding, self._marks)
        if found is None:
            unit = finding.feature_id or f"row {finding.row}"
            self._warn(f"{unit} is in no layer of this project; add the layer that was checked.")
            return
        layer, feature = found
        self._iface.setActiveLayer(layer)
        layer.selectByIds([feature.id()])
        self._iface.openFeatureForm(layer, feature)

    # ---- what is decided

    def mark_fixed(self) -> None:
        """Mark the selected findings as fixed."""
        self._decide(lambda findings: self._marks.set(findings, FIXED, user()))

    def waive(self) -> None:
        """Ask for a reason and write waivers of the selected findings."""
        rows = [row for row in self.selected_rows() if self.model.state(row) == OPEN]
        if not rows or self._marks is None or self._path is None:
            return
        file = Path(self._marks.waivers) if self._marks.waivers else self._default_waivers()
        dialog = WaiverDialog(len(rows), file, self)
        if dialog.exec() != QDialog.DialogCode.Accepted:
            return
        self.add_waivers(dialog.file(), dialog.reason(), dialog.author(), dialog.expires())

    def add_waivers(self, file: Path, reason: str, author: str, expires: str = "") -> None:
        """Write waivers of the selected findings into a file."""
        self._marks.waivers = str(file)
        QgsSettings().setValue("rogi/author", author)

        def write(findings: list[Finding]) -> None:
            add_waivers(file, findings, reason, author, expires)
            self._marks.set(findings, WAIVED, author, reason)

        self._decide(write)

    def reopen(self) -> None:
        """Take back what was decided."""

        def write(findings: list[Finding]) -> None:
            waived = [f for f in findings if self._marks.state(f) == WAIVED]
            removed = remove_waivers(Path(self._marks.waivers), waived) if self._marks.waivers else set()
            left = [f for f in waived if f.state == WAIVED and f.fingerprint not in removed]
            self._marks.set([f for f in findings if f not in left], OPEN)
            if left:
                what, it = ("This waiver is", "it") if len(left) == 1 else (f"{len(left)} waivers are", "them")
                raise FindingsError(f"{what} not in the file of waivers; remove {it} from rogi.toml.")

        self._decide(write, (FIXED, WAIVED))

    def again(self) -> dict | None:
        """Parameters of the same check with the waivers of this panel; None where another program checked."""
        parameters = hub.runs.get(self._path)
        if parameters is None or not Path(self._marks.waivers).is_file():
            return parameters
        return {**parameters, "WAIVERS": self._marks.waivers}

    def check_again(self) -> None:
        """Open the dialog of the check that these findings are of."""
        from processing import execAlgorithmDialog  # a plugin, not always on the path

        execAlgorithmDialog("rogi:validate", self.again())

    def _decide(self, write, states=(OPEN,)) -> None:
        """Do something with the selected findings of a state, and go on to the next one of the list."""
        rows = [row for row in self.selected_rows() if self.model.state(row) in states]
        at = min((i.row() for i in self.table.selectionModel().selectedRows()), default=0)
        try:
            if rows:
                write([self.model.findings[row] for row in rows])
        except FindingsError as error:
            self._warn(str(error))
        self.model.changed(rows)
        self.filter.invalidate()
        self._count()
        self._filter_map()
        if self.filter.rowCount():
            self.select(min(at, self.filter.rowCount() - 1))
        else:
            self._selected()

    def _default_waivers(self) -> Path:
        """waivers.toml beside the inventory, else in the project's folder, else beside the findings."""
        sources = [Path(entry["source"].partition("|")[0]) for entry in self._marks.layers.values()]
        sources += [Path(self._marks.file)] if self._marks.file else []
        home = QgsProject.instance().homePath()
        folders = [s.parent for s in sources if s.is_file()] + ([Path(home)] if home else [])
        return (folders[0] if folders else self._path.parent) / "waivers.toml"

    def _warn(self, text: str) -> None:
        self._iface.messageBar().pushWarning("rogi", html.escape(text, quote=False))
