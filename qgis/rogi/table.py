"""The findings as a table that can be filtered."""

from __future__ import annotations

import html

from qgis.PyQt.QtCore import QAbstractTableModel, QSortFilterProxyModel, Qt
from qgis.PyQt.QtGui import QBrush, QColor

from .findings import OPEN, Finding, Marks

COLUMNS = ("Rule", "Unit", "What was found", "State")
COLORS = {"error": "#b3261e", "warning": "#b26a00", "info": "#2f5f8f"}
WORDS = {"error": "error", "warning": "warning", "info": "note"}


class FindingsModel(QAbstractTableModel):
    """The findings as a table."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.findings: list[Finding] = []
        self.marks: Marks | None = None

    def set_findings(self, findings: list[Finding], marks: Marks | None) -> None:
        """Show others."""
        self.beginResetModel()
        self.findings, self.marks = findings, marks
        self.endResetModel()

    def state(self, row: int) -> str:
        """Open, fixed, waived or baseline."""
        finding = self.findings[row]
        return finding.state if self.marks is None else self.marks.state(finding)

    def changed(self, rows: list[int]) -> None:
        """Say that the states of some findings are others."""
        if rows:
            self.dataChanged.emit(self.index(min(rows), 0), self.index(max(rows), len(COLUMNS) - 1))

    def rowCount(self, parent=None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.findings)

    def columnCount(self, parent=None) -> int:
        return len(COLUMNS)

    def headerData(self, section, orientation, role=Qt.ItemDataRole.DisplayRole):
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return COLUMNS[section]
        return None

    def data(self, index, role=Qt.ItemDataRole.DisplayRole):
        finding = self.findings[index.row()]
        state = self.state(index.row())
        if role == Qt.ItemDataRole.DisplayRole:
            field = f"{finding.field}: " if finding.field else ""
            unit = finding.feature_id or (f"{finding.layer} {finding.row}" if finding.row else finding.layer)
            return (finding.code, unit, field + finding.message, state)[index.column()]
        if role == Qt.ItemDataRole.ForegroundRole:
            if state != OPEN:
                return QBrush(QColor("#808080"))
            return QBrush(QColor(COLORS[finding.severity])) if index.column() == 0 else None
        if role == Qt.ItemDataRole.ToolTipRole:
            note = self.marks.note(finding) if self.marks is not None else finding.reason
            lines = filter(None, (f"{WORDS[finding.severity]} {finding.code}: {finding.message}", note))
            return f"<qt>{'<br>'.join(map(html.escape, lines))}</qt>"  # text of a file is no HTML
        return None


class Filter(QSortFilterProxyModel):
    """Findings of a rule, a severity and a state, and with a text."""

    code = severity = state = text = ""

    def show(self, **chosen: str) -> None:
        """Choose anew; empty is all."""
        for name, value in chosen.items():
            setattr(self, name, value)
        self.invalidateFilter()

    def filterAcceptsRow(self, row, parent) -> bool:
        model = self.sourceModel()
        finding = model.findings[row]
        text = " ".join((finding.code, finding.title, finding.feature_id, finding.field, finding.message)).lower()
        return (
            self.code in ("", finding.code)
            and self.severity in ("", finding.severity)
            and self.state in ("", model.state(row))
            and self.text.lower() in text
        )
