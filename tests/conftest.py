"""Shared fixtures: where the real data lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run and machine, and no time limits.
settings.register_profile("rogi", derandomize=True, deadline=None, print_blob=True)
settings.load_profile("rogi")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real files, or skip: they are not part of the project."""
    root = Path(os.environ.get("ROGI_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (root / "README.md").is_file():
        pytest.skip(f"real data are not at {root}; set ROGI_REAL_DATA to their folder")
    return root


MISSING_PROGRAMS = ("no PostgreSQL with PostGIS here", "no QGIS here")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say aloud which programs were missed, and how to install them."""
    reasons = [str(r.longrepr[2]) for r in terminalreporter.stats.get("skipped", []) if r.longrepr]
    for program in MISSING_PROGRAMS:
        missed = [reason for reason in reasons if program in reason]
        if missed:
            what = missed[0].removeprefix("Skipped: ")
            terminalreporter.section("not tested", yellow=True)
            terminalreporter.line(f"{len(missed)} tests did not run: {what}")
