"""What was checked of a copy of a release as a document."""

from __future__ import annotations

from typing import Any

from rogi.release.checking.check import Checks
from rogi.report.document import Check, Document


def document(checks: Checks) -> Document:
    """The checks of a copy, each with its faults."""
    against = f" against {checks.against}" if checks.against else ""
    return Document(
        title=f"Checks of {checks.subject}",
        headline=f"Checks of {checks.subject}{against}",
        checks=[Check(i.name, i.passed, i.detail, i.faults) for i in checks.items],
        data=lambda: _data(checks),
    )


def _data(checks: Checks) -> dict[str, Any]:
    return {
        "subject": checks.subject,
        "against": checks.against,
        "passed": checks.passed,
        "checks": [
            {"name": i.name, "passed": i.passed, "detail": i.detail, "faults": list(i.faults)}
            for i in checks.items
        ],
    }
