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
