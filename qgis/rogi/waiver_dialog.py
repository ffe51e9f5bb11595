"""The dialog that asks why a finding is right as it is."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QDate
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QDateEdit,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
)


class WaiverDialog(QDialog):
    """Why findings are right as they are, who says so, and until when."""

    def __init__(self, count: int, file: Path, parent=None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Waive a finding" if count == 1 else f"Waive {count} findings")
        self._reason = QPlainTextEdit()
        self._reason.setPlaceholderText("Why this is right as it is")
        self._reason.setTabChangesFocus(True)
        self._author = QLineEdit(str(QgsSettings().value("rogi/author", "") or user()))
        self._until = QCheckBox("Until")
        self._date = QDateEdit(QDate.currentDate().addYears(1))
        self._date.setCalendarPopup(True)
        self._date.setDisplayFormat("yyyy-MM-dd")
        self._date.setEnabled(False)
        self._until.toggled.connect(self._date.setEnabled)
        self._file = QLineEdit(str(file))
        browse = QPushButton("…")
        browse.clicked.connect(self._browse)
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        form = QFormLayout(self)
        note = QLabel("The finding stays in reports, marked as waived, and no longer counts.")
        note.setWordWrap(True)
        until, place = QHBoxLayout(), QHBoxLayout()
        until.addWidget(self._until)
        until.addWidget(self._date, 1)
        place.addWidget(self._file, 1)
        place.addWidget(browse)
        form.addRow(note)
        form.addRow("Reason", self._reason)
        form.addRow("Author", self._author)
        form.addRow("Expires", until)
        form.addRow("File", place)
        form.addRow(self._buttons)
        self._reason.textChanged.connect(self._check)
        self._author.textChanged.connect(lambda _: self._check())
        self._check()
        self.resize(460, 300)

    def _browse(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self,
            "File of waivers",
            self._file.text(),
            "TOML (*.toml)",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if name:
            self._file.setText(name)

    def _check(self) -> None:
        ok = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(bool(self.reason() and self.author()))

    def reason(self) -> str:
        """Why."""
        return self._reason.toPlainText().strip()

    def author(self) -> str:
        """Who."""
        return self._author.text().strip()

    def expires(self) -> str:
        """The last day, ``2027-01-31``; empty for ever."""
        return self._date.date().toString("yyyy-MM-dd") if self._until.isChecked() else ""

    def file(self) -> Path:
        """Where the waivers go."""
        return Path(self._file.text())


def user() -> str:
    """The name of who works here."""
    return QgsApplication.userFullName() or QgsApplication.userLoginName() or "QGIS"
